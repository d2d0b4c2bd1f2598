/* verb_cost.c - mixbar cost EXP.cfg: the tree of costs of a plan, without simulation: every number is count x unit cost with its
 * source
 *
 * Energy and latency are per inference; the activity of the data is estimated (cost/machine.h), since nothing is run.
 */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "base/mem.h"
#include "cli/common.h"
#include "cli/doc.h"
#include "cli/options.h"
#include "cost/machine.h"
#include "run/experiment.h"
#include "run/point.h"

typedef struct options {
    mb_strings set;
    const char *plan, *format, *point;
    bool summary;
} options;

static const mb_option table[] = {
    MB_OPTION_TEXT(options, plan, 'p', "plan", "FILE", "cost of this plan instead of the policy's", "file"),
    MB_OPTION_LIST(options, set, 's', "set", "KEY=VALUE",
                   "set a key of the experiment, as if it stood in the file; may be repeated"),
    MB_OPTION_TEXT(options, point, 0, "point", "N", "only this point of the sweep, from 0 (`mixbar check` lists them)", NULL),
    MB_OPTION_FLAG(options, summary, 0, "summary", "totals by component and by layer, without the leaves (text)"),
    MB_OPTION_TEXT(options, format, 'f', "format", "FORMAT", "form of the answer; csv: one line per leaf", MB_CLI_FORMATS),
    MB_OPTION_END,
};

/* --- text ---------------------------------------------------------------------------------------------------------- */

static int si(mb_table *t, double x, const char *unit) {
    char text[48];
    if (strcmp(unit, "m2") == 0 && x >= 1e-8)
        return mb_table_cellf(t, "%.3f mm2", 1e6 * x); /* 0.110 mm2 rather than 110000 um2 */
    return mb_table_cell(t, mb_fmt_si(text, x, unit, 3));
}

static int share(mb_table *t, double x, double whole) {
    return whole > 0 ? mb_table_cellf(t, "%.1f %%", 100 * x / whole) : mb_table_cell(t, "");
}

/* Children of R with their share of the whole. */
static int totals(mb_doc *d, const char *key, const char *what, const char *title, const mb_report *r) {
    const char *const columns[][3] = {{what, "", "l"},     {"energy", "", "r"}, {"share", "", "r"},   {"latency", "", "r"},
                                      {"share ", "", "r"}, {"area", "", "r"},   {"share  ", "", "r"}, {NULL, NULL, NULL}};
    mb_table *t = mb_table_new();
    int rc = t ? mb_cli_columns(t, columns) : mb_nomem();
    for (size_t i = 0; i <= r->n && !rc; i++) {
        const mb_report *c = i < r->n ? r->child[i] : r;
        if (i == r->n) rc = mb_table_rule(t);
        if (!rc) rc = mb_table_cell(t, i < r->n ? c->name : "total");
        if (!rc) rc = si(t, c->total.energy_J, "J");
        if (!rc) rc = share(t, c->total.energy_J, r->total.energy_J);
        if (!rc) rc = si(t, c->total.latency_s, "s");
        if (!rc) rc = share(t, c->total.latency_s, r->total.latency_s);
        if (!rc) rc = si(t, c->total.area_m2, "m2");
        if (!rc) rc = share(t, c->total.area_m2, r->total.area_m2);
    }
    if (rc) mb_table_free(t);
    else mb_doc_table(d, key, title, t);
    return rc;
}

typedef struct sources {
    const char *text[64];
    int n;
} sources; /* footnotes of the tree */

/* Number of the footnote, from 1; 0 without a source or when there are too many. */
static int footnote(sources *s, const char *text) {
    if (!text || !*text) return 0;
    for (int i = 0; i < s->n; i++) {
        if (strcmp(s->text[i], text) == 0) return i + 1;
    }
    if (s->n == 64) return 0;
    s->text[s->n] = text;
    return ++s->n;
}

static int tree_leaf(mb_table *t, const mb_report *r, sources *src) {
    int note = footnote(src, r->source);
    int rc = r->count != 0 ? mb_table_cellf(t, "%.6g", r->count) : mb_table_cell(t, "");
    if (!rc) rc = r->count != 0 ? si(t, r->each.energy_J, "J") : mb_table_cell(t, "");
    if (!rc) rc = si(t, r->total.energy_J, "J");
    if (!rc) rc = r->count != 0 && r->each.latency_s > 0 ? si(t, r->each.latency_s, "s") : mb_table_cell(t, "");
    if (!rc) rc = r->total.latency_s > 0 ? si(t, r->total.latency_s, "s") : mb_table_cell(t, "");
    if (!rc) rc = r->instances != 0 ? mb_table_cellf(t, "%.6g", r->instances) : mb_table_cell(t, "");
    if (!rc) rc = r->instances != 0 ? si(t, r->each.area_m2, "m2") : mb_table_cell(t, "");
    if (!rc) rc = r->total.area_m2 > 0 ? si(t, r->total.area_m2, "m2") : mb_table_cell(t, "");
    if (!rc) rc = r->factor != 1 && r->factor != 0 ? mb_table_cellf(t, "%.4g", r->factor) : mb_table_cell(t, "");
    if (!rc) rc = note ? mb_table_cellf(t, "[%d]", note) : mb_table_cell(t, "");
    return rc;
}

static int tree_group(mb_table *t, const mb_report *r) {
    int rc = mb_table_cell(t, "");
    if (!rc) rc = mb_table_cell(t, "");
    if (!rc) rc = si(t, r->total.energy_J, "J");
    if (!rc) rc = mb_table_cell(t, "");
    if (!rc) rc = si(t, r->total.latency_s, "s");
    if (!rc) rc = mb_table_cell(t, "");
    if (!rc) rc = mb_table_cell(t, "");
    if (!rc) rc = si(t, r->total.area_m2, "m2");
    if (!rc) rc = mb_table_cell(t, "");
    return rc ? rc : mb_table_cell(t, "");
}

static int tree_rows(mb_table *t, const mb_report *r, int depth, sources *src) {
    int rc = MB_OK;
    if (depth == 1) rc = mb_table_rule(t);
    if (!rc)
        rc = r->component ? mb_table_cellf(t, "%*s%s: %s", 2 * depth, "", r->component, r->name)
                          : mb_table_cellf(t, "%*s%s", 2 * depth, "", r->name);
    if (!rc) rc = r->component ? tree_leaf(t, r, src) : tree_group(t, r);
    for (size_t i = 0; i < r->n && !rc; i++) rc = tree_rows(t, r->child[i], depth + 1, src);
    return rc;
}

static int add_tree(mb_doc *d, const char *name, const char *title, const mb_report *r) {
    static const char *const columns[][3] = {{"item", "", "l"},  {"count", "", "r"},   {"each", "", "r"},   {"energy", "", "r"},
                                             {"each ", "", "r"}, {"latency", "", "r"}, {"built", "", "r"},  {"each  ", "", "r"},
                                             {"area", "", "r"},  {"factor", "", "r"},  {"source", "", "l"}, {NULL, NULL, NULL}};
    sources src = {{NULL}, 0};
    mb_table *t = mb_table_new();
    int rc = t ? mb_cli_columns(t, columns) : mb_nomem();
    if (!rc) rc = tree_rows(t, r, 0, &src);
    if (rc) {
        mb_table_free(t);
        return rc;
    }
    mb_doc_table(d, name, title, t);
    for (int i = 0; i < src.n; i++) {
        char mark[16];
        snprintf(mark, sizeof mark, "[%d]", i + 1);
        mb_doc_text(d, mark, "%s", src.text[i]);
    }
    return MB_OK;
}

/* One row per layer: busy times, the time it takes, what is busy longest; converter bits beside those that lose nothing. */
static int add_schedule(mb_doc *d, const mb_point_result *p) {
    static const char *const columns[][3] = {
        {"layer", "", "l"},   {"load", "", "r"},   {"drive", "", "r"},       {"convert", "", "r"}, {"shift-add", "", "r"},
        {"reduce", "", "r"},  {"move", "", "r"},   {"digital", "", "r"},     {"reload", "", "r"},  {"takes", "", "r"},
        {"busiest", "", "l"}, {"adc", "bit", "r"}, {"lossless", "bit", "r"}, {NULL, NULL, NULL}};
    mb_table *t = mb_table_new();
    int rc = t ? mb_cli_columns(t, columns) : mb_nomem();
    for (int i = 0; i < p->schedule->n && !rc; i++) {
        const mb_layer_times *l = &p->schedule->layer[i];
        const double v[] = {l->load_s, l->drive_s,   l->convert_s, l->add_s,  l->reduce_s,
                            l->move_s, l->digital_s, l->reload_s,  l->total_s};
        const mb_layer_result *r = NULL;
        for (size_t k = 0; k < p->n_layer && !r; k++)
            if (strcmp(p->layer[k].name, l->name) == 0 && strcmp(p->layer[k].engine, "analog") == 0) r = &p->layer[k];
        rc = mb_table_cell(t, l->name);
        for (size_t k = 0; k < sizeof v / sizeof *v && !rc; k++) rc = v[k] > 0 ? si(t, v[k], "s") : mb_table_cell(t, "");
        if (!rc) rc = mb_table_cell(t, mb_resource_names[l->bottleneck]);
        if (!rc) rc = r ? mb_table_cellf(t, "%d", r->adc_bits) : mb_table_cell(t, "");
        if (!rc) rc = r ? mb_table_cellf(t, "%d", r->adc_bits_lossless) : mb_table_cell(t, "");
    }
    if (rc) mb_table_free(t);
    else mb_doc_table(d, "schedule", "the schedule of one sample: how long each resource is busy, and what the layer takes", t);
    return rc;
}

static int add_baselines(mb_doc *d, const mb_point_result *p) {
    static const char *const columns[][3] = {{"baseline", "", "l"}, {"energy", "", "r"},     {"latency", "", "r"},
                                             {"area", "", "r"},     {"EDAP", "J s m2", "r"}, {"its EDAP / this", "", "r"},
                                             {"compute", "x file", "r"}, {NULL, NULL, NULL}};
    if (p->n_baseline == 0) return MB_OK;
    mb_table *t = mb_table_new();
    int rc = t ? mb_cli_columns(t, columns) : mb_nomem();
    for (size_t i = 0; i < p->n_baseline && !rc; i++) {
        const mb_baseline_result *b = &p->baseline[i];
        const struct { const char *as; const mb_cost *c; double scale; } row[] = {
            {"", &b->cost, 1}, {" at equal area", &b->iso_area, b->iso_scale}, {" at equal capacity", &b->iso_capacity, 1}};
        for (int k = 0; k < 3 && !rc; k++) {
            const mb_cost *c = row[k].c;
            double edap = c->energy_J * c->latency_s * c->area_m2;
            bool there = isfinite(edap);
            rc = mb_table_cellf(t, "%s%s", b->name, row[k].as);
            if (!rc) rc = there ? si(t, c->energy_J, "J") : mb_table_cell(t, "-");
            if (!rc) rc = there ? si(t, c->latency_s, "s") : mb_table_cell(t, "-");
            if (!rc) rc = there ? si(t, c->area_m2, "m2") : mb_table_cell(t, "buffers are larger");
            if (!rc) rc = there ? mb_table_cellf(t, "%.3g", edap) : mb_table_cell(t, "-");
            if (!rc) rc = there ? mb_table_cellf(t, "%.3g", edap / p->edap_Jsm2) : mb_table_cell(t, "-");
            if (!rc) rc = there ? mb_table_cellf(t, "%.3g", row[k].scale) : mb_table_cell(t, "-");
        }
    }
    if (rc) mb_table_free(t);
    else mb_doc_table(d, "baselines", "the same network on", t);
    return rc;
}

/* --- CSV ----------------------------------------------------------------------------------------------------------- */

static int csv_number(mb_table *t, double x) {
    char num[32];
    return mb_table_cell(t, mb_fmt_double(num, x, 0));
}

/* One row per leaf; GROUP: names of the groups above it, joined by '/'. */
static int csv_rows(mb_table *t, const mb_report *r, size_t point, const char *label, const char *group) {
    int rc = MB_OK;
    if (!r->component) {
        mb_str path = {0};
        mb_str_addf(&path, "%s%s%s", group, *group ? " > " : "", r->name);
        if (path.failed) rc = mb_nomem();
        for (size_t i = 0; i < r->n && !rc; i++) rc = csv_rows(t, r->child[i], point, label, mb_cstr(&path));
        mb_str_free(&path);
        return rc;
    }
    const double v[] = {r->count,     r->each.energy_J, r->total.energy_J, r->each.latency_s, r->total.latency_s,
                        r->instances, r->each.area_m2,  r->total.area_m2,  r->factor};
    rc = mb_table_cellf(t, "%zu", point);
    if (!rc) rc = mb_table_cell(t, label);
    if (!rc) rc = mb_table_cell(t, group);
    if (!rc) rc = mb_table_cell(t, r->component);
    if (!rc) rc = mb_table_cell(t, r->name);
    for (size_t i = 0; i < sizeof v / sizeof *v && !rc; i++) rc = csv_number(t, v[i]);
    return rc ? rc : mb_table_cell(t, r->source ? r->source : "");
}

static mb_table *csv_table(void) {
    static const char *const columns[][3] = {
        {"point", "", "r"},         {"label", "", "l"},    {"group", "", "l"},        {"component", "", "l"},
        {"action", "", "l"},        {"count", "", "r"},    {"unit energy", "J", "r"}, {"energy", "J", "r"},
        {"unit latency", "s", "r"}, {"latency", "s", "r"}, {"instances", "", "r"},    {"unit area", "m2", "r"},
        {"area", "m2", "r"},        {"factor", "", "r"},   {"source", "", "l"},       {NULL, NULL, NULL}};
    mb_table *t = mb_table_new();
    if (t && mb_cli_columns(t, columns) == MB_OK) return t;
    mb_table_free(t);
    return NULL;
}

/* --- JSON ---------------------------------------------------------------------------------------------------------------------
 */

static void json_cost(mb_json *j, const char *key, const mb_cost *c) {
    mb_json_open(j, key, '{');
    mb_json_real(j, "energy_J", c->energy_J);
    mb_json_real(j, "latency_s", c->latency_s);
    mb_json_real(j, "area_m2", c->area_m2);
    mb_json_close(j, '}');
}

static void json_tree(mb_json *j, const char *key, const mb_report *r, bool deep) {
    mb_json_open(j, key, '{');
    mb_json_str(j, "name", r->name);
    if (r->component) {
        mb_json_str(j, "component", r->component);
        mb_json_real(j, "count", r->count);
        mb_json_real(j, "instances", r->instances);
        json_cost(j, "each", &r->each);
        mb_json_real(j, "factor", r->factor);
        mb_json_str(j, "source", r->source);
    }
    json_cost(j, "total", &r->total);
    if (!r->component && deep) {
        mb_json_open(j, "children", '[');
        for (size_t i = 0; i < r->n; i++) json_tree(j, NULL, r->child[i], j->depth < 24);
        mb_json_close(j, ']');
    }
    mb_json_close(j, '}');
}

static void json_point(mb_json *j, const mb_point_result *p, const mb_report *tree, const mb_report *by_component,
                       const mb_report *by_action) {
    json_tree(j, "tree", tree, true);
    mb_json_open(j, "schedule", '[');
    for (int i = 0; i < p->schedule->n; i++) {
        const mb_layer_times *l = &p->schedule->layer[i];
        mb_json_open(j, NULL, '{');
        mb_json_str(j, "layer", l->name);
        mb_json_real(j, "load_s", l->load_s);
        mb_json_real(j, "drive_s", l->drive_s);
        mb_json_real(j, "convert_s", l->convert_s);
        mb_json_real(j, "add_s", l->add_s);
        mb_json_real(j, "reduce_s", l->reduce_s);
        mb_json_real(j, "move_s", l->move_s);
        mb_json_real(j, "digital_s", l->digital_s);
        mb_json_real(j, "reload_s", l->reload_s);
        mb_json_real(j, "total_s", l->total_s);
        mb_json_str(j, "bottleneck", mb_resource_names[l->bottleneck]);
        mb_json_close(j, '}');
    }
    mb_json_close(j, ']');
    mb_json_open(j, "components", '[');
    for (size_t i = 0; i < by_component->n; i++) json_tree(j, NULL, by_component->child[i], false);
    mb_json_close(j, ']');
    mb_json_open(j, "actions", '[');
    for (size_t i = 0; i < by_action->n; i++) json_tree(j, NULL, by_action->child[i], false);
    mb_json_close(j, ']');
    mb_json_open(j, "baselines", '[');
    for (size_t i = 0; i < p->n_baseline; i++) {
        mb_json_open(j, NULL, '{');
        mb_json_str(j, "name", p->baseline[i].name);
        mb_json_str(j, "kind", p->baseline[i].kind);
        json_cost(j, "total", &p->baseline[i].cost);
        json_cost(j, "iso_area", &p->baseline[i].iso_area);
        mb_json_real(j, "iso_area_scale", p->baseline[i].iso_scale);
        json_cost(j, "iso_capacity", &p->baseline[i].iso_capacity);
        mb_json_real(j, "weight_capacity_bits", p->baseline[i].capacity_bits);
        if (p->baseline[i].tree) json_tree(j, "tree", p->baseline[i].tree, true);
        mb_json_close(j, '}');
    }
    mb_json_close(j, ']');
}

/* --- the verb ------------------------------------------------------------------------------------------------------------------
 */

static int run_point(mb_cli_points *e, size_t i, const options *o, bool need_data, mb_point_result *p, mb_report **tree) {
    mb_setup s;
    mb_meter meter;
    int rc = mb_cli_point_load(e, i, need_data, &s);
    if (rc) return rc;
    mb_meter_start(&meter, 1);
    mb_point_options po = {.plan_file = o->plan, .progress = &meter.progress};
    rc = mb_point_run(&s, &po, p, NULL, tree);
    mb_meter_clear(&meter);
    mb_setup_free(&s);
    return rc;
}

/* Numbers that follow from energy, latency and area, and their bands. */
static void add_reals(mb_doc *d, const mb_point_result *p) {
    static const char *const name[] = {"energy_low_J", "energy_high_J", "area_low_m2", "area_high_m2", "interval_s",
                                       "batch_s",      "power_W",       "tops",        "tops_per_W",   "tops_per_mm2",
                                       "edp_Js",       "edap_Jsm2",     "peak_tops",   "peak_W",       NULL};
    for (int i = 0; name[i]; i++) {
        const mb_column *c = mb_column_find(name[i]);
        double v = *(const double *)(const void *)((const char *)p + c->offset);
        bool si =
            strcmp(c->unit, "J") == 0 || strcmp(c->unit, "s") == 0 || strcmp(c->unit, "m2") == 0 || strcmp(c->unit, "W") == 0;
        if (isnan(v)) continue;
        if (si || d->format == MB_TABLE_JSON) mb_doc_real(d, name[i], v, c->unit);
        else mb_doc_text(d, name[i], "%.3g %s", v, c->unit);
    }
    if (p->reload_J > 0 || p->reload_s > 0) {
        mb_doc_real(d, "reload_J", p->reload_J, "J");
        mb_doc_real(d, "reload_s", p->reload_s, "s");
    }
}

static int cost_point(mb_cli_points *e, size_t i, const options *o, mb_doc *d, mb_table *csv) {
    mb_point_result p = {0};
    mb_report *tree = NULL, *by_component = NULL, *by_action = NULL;
    mb_str title = {0};
    mb_point pt;
    int rc = mb_sweep_point(e->sweep, i, &pt);
    if (rc) return rc;
    rc = run_point(e, i, o, false, &p, &tree);
    if (rc == MB_BADINPUT && mb_conf_find(pt.conf, "dataset")) { /* a policy that measures losses needs the data */
        mb_error_clear();
        rc = run_point(e, i, o, true, &p, &tree);
    }
    if (!rc) rc = mb_report_by_component(tree, &by_component);
    if (!rc) rc = mb_report_by_action(tree, &by_action);
    if (!rc && csv) rc = csv_rows(csv, tree, i, pt.label, "");
    if (!rc && !csv) {
        mb_cli_point_title(e, i, &pt, &title);
        mb_doc_open(d, NULL, '{', mb_cstr(&title));
        mb_doc_int(d, "point", (int64_t)i);
        mb_doc_text(d, "label", "%s", pt.label);
        mb_doc_text(d, "activity", "estimated (a run measures it)");
        mb_doc_real(d, "energy_J", p.energy_J, "J");
        mb_doc_real(d, "latency_s", p.latency_s, "s");
        mb_doc_real(d, "area_m2", p.area_m2, "m2");
        mb_doc_text(d, "bottleneck", "%s", p.bottleneck);
        add_reals(d, &p);
        mb_doc_int(d, "arrays", (int64_t)p.arrays);
        mb_doc_real(d, "program_J", p.program_J, "J");
        mb_doc_real(d, "program_s", p.program_s, "s");
        mb_doc_real(d, "program_cells", p.program_cells, "");
        mb_doc_real(d, "pulses", p.pulses, "");
        if (p.wear > 0) mb_doc_real(d, "wear", p.wear, "");
        if (d->format == MB_TABLE_JSON) {
            json_point(&d->json, &p, tree, by_component, by_action);
        } else {
            rc = totals(d, "components", "component", "by component", by_component);
            if (!rc) rc = totals(d, "layers", "layer", "by layer", tree);
            if (!rc && !o->summary) rc = totals(d, "actions", "action", "by kind of action", by_action);
            if (!rc) rc = add_schedule(d, &p);
            if (!rc && !o->summary) rc = add_tree(d, "tree", "the tree: count x unit cost, area of what is built", tree);
            if (!rc) rc = add_baselines(d, &p);
            for (size_t k = 0; k < p.n_baseline && !rc && !o->summary; k++) {
                mb_str head = {0};
                mb_str_addf(&head, "the tree of %s", p.baseline[k].name);
                rc = head.failed ? mb_nomem() : add_tree(d, "baseline_tree", mb_cstr(&head), p.baseline[k].tree);
                mb_str_free(&head);
            }
        }
        mb_doc_close(d, '}');
        if (title.failed && !rc) rc = mb_nomem();
    }
    mb_str_free(&title);
    mb_report_free(by_component);
    mb_report_free(by_action);
    mb_report_free(tree);
    mb_point_result_free(&p);
    mb_point_free(&pt);
    return rc;
}

static int run(const void *opt, int argc, char *const *argv) {
    const options *o = opt;
    mb_cli_points e;
    mb_doc d;
    mb_table *csv = NULL;
    (void)argc;
    int rc = mb_cli_points_open(argv[0], &o->set, o->point, &e);
    if (rc) return rc;
    mb_doc_begin(&d, o->format);
    if (d.format == MB_TABLE_CSV && !(csv = csv_table())) rc = mb_nomem();
    mb_doc_open(&d, "points", '[', NULL);
    for (size_t i = e.first; i < e.end && !rc; i++) rc = cost_point(&e, i, o, &d, csv);
    mb_doc_close(&d, ']');
    if (csv && !rc) mb_doc_table(&d, "leaves", NULL, csv);
    else mb_table_free(csv);
    mb_cli_points_close(&e);
    return mb_doc_end(&d, rc);
}

const mb_verb mb_verb_cost = {
    .name = "cost",
    .usage = "EXP.cfg [-p plan.cfg] [-s KEY=VALUE]...",
    .summary = "energy, latency and area as a tree of count x unit cost, with sources; no simulation",
    .details = "The plan is the policy's, or the one given with --plan. Energy and latency are per inference, area is what is "
               "built. Since nothing is simulated, the "
               "activity of the data is estimated; `mixbar run` measures it. CSV has one line per leaf of the tree.",
    .examples =
        "mixbar cost experiments/quickstart.cfg --point 0\nmixbar cost experiments/quickstart.cfg --format csv > cost.csv",
    .options = table,
    .size = sizeof(options),
    .min_args = 1,
    .max_args = 1,
    .complete = "file",
    .run = run,
};
