/* verb_validate.c - mixbar validate [MACRO]...: the cost models against published silicon, point by point
 *
 * A macro is a .cfg of experiments/macros with its published operating points beside it (cost/macro.h, cost/macro_check.h). The
 * answer is "no" (exit code 1) when a macro misses the limits and its file does not say why.
 */
#include <math.h>
#include <string.h>

#include "base/error.h"
#include "base/file.h"
#include "base/mem.h"
#include "cli/common.h"
#include "cli/doc.h"
#include "cli/options.h"
#include "cost/macro_check.h"

#define FORMATS MB_CLI_FORMATS "|markdown"

typedef struct options {
    mb_strings set;
    const char *format;
    int point;
} options;

static const mb_option table[] = {
    MB_OPTION_LIST(options, set, 's', "set", "KEY=VALUE", "set a key of the macro (one macro only); may be repeated"),
    MB_OPTION_INT(options, point, 0, "point", "N", 1, 1 << 20,
                  "what one product costs at operating point N: every part, count x unit cost (one macro only)"),
    MB_OPTION_TEXT(options, format, 'f', "format", "FORMAT", "form of the answer", FORMATS),
    MB_OPTION_END,
};

typedef struct entry {
    mb_conf *root;
    mb_macro macro;
    mb_macro_check check;
} entry;

/* --- loading ------------------------------------------------------------------------------------------------------- */

static int open_entry(entry *e, const char *name, const mb_strings *set) {
    mb_conf *x = mb_conf_new(MB_CONF_STRING, "x");
    mb_str key = {0};
    char *base = mb_path_base(name), *path = NULL;
    e->root = mb_conf_new(MB_CONF_GROUP, NULL);
    int rc = e->root && x && base ? mb_preset_find("macros", name, ".", &path) : mb_nomem();
    if (!rc) {
        mb_free(x->s);
        x->s = path;
        path = NULL;
        rc = mb_conf_append(e->root, x);
        x = NULL; /* appended or freed */
    }
    if (!rc) rc = mb_conf_expand_preset(e->root->child[0], "macros");
    for (size_t i = 0; set && i < set->n && !rc; i++) {
        mb_str_clear(&key);
        mb_str_addf(&key, "x.%s", set->v[i]);
        rc = key.failed ? mb_nomem() : mb_conf_assign(e->root, mb_cstr(&key), MB_FROM_COMMAND);
    }
    if (!rc) rc = mb_macro_load(mb_conf_find(e->root, "x"), base, &e->macro);
    if (!rc) rc = mb_macro_check_run(&e->macro, &e->check);
    mb_conf_free(x);
    mb_free(base);
    mb_free(path);
    mb_str_free(&key);
    return rc;
}

static void close_entries(entry *e, size_t n) {
    for (size_t i = 0; i < n; i++) {
        mb_macro_check_free(&e[i].check);
        mb_macro_free(&e[i].macro);
        mb_conf_free(e[i].root);
    }
    mb_free(e);
}

/* --- tables ---------------------------------------------------------------------------------------------------------- */

static int percent(mb_table *t, int n, double x) { return n ? mb_table_cellf(t, "%.1f", 100 * x) : mb_table_cell(t, ""); }

/* With a sign for people; the sign of JSON's numbers is only -. */
static int error_cell(mb_table *t, const mb_doc *d, double model, double published) {
    bool plain = d->format == MB_TABLE_JSON || d->format == MB_TABLE_CSV;
    if (isnan(model)) return mb_table_cell(t, "");
    double e = 100 * (model / published - 1);
    if (!plain && fabs(e) < 0.05) return mb_table_cell(t, "0.0"); /* its sign is rounding */
    return mb_table_cellf(t, plain ? "%.4f" : "%+.1f", e);
}

static int number(mb_table *t, double x) { return isnan(x) ? mb_table_cell(t, "") : mb_table_cellf(t, "%.4g", x); }

static const char *verdict(const entry *e) {
    return e->check.within ? "yes" : *e->macro.keys.deviates ? "no, explained" : "no";
}

static int score_cells(mb_table *t, const mb_macro_score *s, const mb_macro_score *bare) {
    int rc = mb_table_cellf(t, "%d", s->n);
    if (!rc) rc = percent(t, s->n, s->mean);
    if (!rc) rc = percent(t, s->n, s->worst);
    return rc ? rc : percent(t, bare->n, bare->mean);
}

static int add_summary(mb_doc *d, const entry *e, size_t n) {
    static const char *const columns[][3] = {{"macro", "", "l"},         {"kind", "", "l"},          {"fitted", "", "r"},
                                             {"TOPS/W", "points", "r"},  {"mean", "%", "r"},         {"worst", "%", "r"},
                                             {"bare", "%", "r"},         {"TOPS", "points", "r"},    {"mean ", "%", "r"},
                                             {"worst ", "%", "r"},       {"bare ", "%", "r"},        {"area", "%", "r"},
                                             {"energy parts", "%", "r"}, {"area parts", "%", "r"}, {"within", "", "l"},
                                             {NULL, NULL, NULL}};
    mb_table *t = mb_table_new();
    int rc = t ? mb_cli_columns(t, columns) : mb_nomem();
    for (size_t i = 0; i < n && !rc; i++) {
        const mb_macro_check *c = &e[i].check;
        rc = mb_table_cell(t, e[i].macro.name);
        if (!rc) rc = mb_table_cell(t, e[i].macro.type->name);
        if (!rc) rc = mb_table_cellf(t, "%zu", e[i].macro.n_fitted);
        if (!rc) rc = score_cells(t, &c->score[MB_MACRO_TOPS_W], &c->bare[MB_MACRO_TOPS_W]);
        if (!rc) rc = score_cells(t, &c->score[MB_MACRO_TOPS], &c->bare[MB_MACRO_TOPS]);
        if (!rc) rc = percent(t, c->score[MB_MACRO_AREA].n, c->score[MB_MACRO_AREA].mean);
        if (!rc) rc = percent(t, c->energy_parts.n, c->energy_parts.mean);
        if (!rc) rc = percent(t, c->area_parts.n, c->area_parts.mean);
        if (!rc) rc = mb_table_cell(t, verdict(&e[i]));
    }
    if (rc) mb_table_free(t);
    else mb_doc_table(d, "macros", NULL, t);
    return rc;
}

static int add_points(mb_doc *d, const entry *e, size_t n) {
    static const char *const columns[][3] = {{"macro", "", "l"},     {"point", "", "r"},     {"condition", "", "l"},
                                             {"in", "bit", "r"},     {"weight", "bit", "r"}, {"supply", "V", "r"},
                                             {"figure", "", "l"},    {"published", "", "r"}, {"model", "", "r"},
                                             {"error", "%", "r"},    {NULL, NULL, NULL}};
    mb_table *t = mb_table_new();
    int rc = t ? mb_cli_columns(t, columns) : mb_nomem();
    for (size_t i = 0; i < n; i++) {
        for (size_t j = 0; j < e[i].check.n_rows; j++) {
            const mb_macro_row *r = &e[i].check.row[j];
            for (int f = 0; f < MB_MACRO_FIGURES && !rc; f++) {
                if (isnan(r->published[f])) continue;
                rc = mb_table_cell(t, e[i].macro.name);
                if (!rc) rc = mb_table_cellf(t, "%zu", j + 1);
                if (!rc) rc = mb_table_cell(t, r->condition);
                if (!rc) rc = mb_table_cellf(t, "%g", r->at.input_bits);
                if (!rc) rc = mb_table_cellf(t, "%g", r->at.weight_bits);
                if (!rc) rc = mb_table_cellf(t, "%g", r->at.vdd_V);
                if (!rc) rc = mb_table_cell(t, mb_macro_figure_names[f]);
                if (!rc) rc = number(t, r->published[f]);
                if (!rc) rc = number(t, r->model[f]);
                if (!rc) rc = error_cell(t, d, r->model[f], r->published[f]);
            }
        }
    }
    if (rc) mb_table_free(t);
    else mb_doc_table(d, "points", NULL, t);
    return rc;
}

static int add_parts(mb_doc *d, const entry *e, size_t n) {
    static const char *const columns[][3] = {{"macro", "", "l"},     {"point", "", "r"}, {"quantity", "", "l"}, {"part", "", "l"},
                                             {"published", "", "r"}, {"model", "", "r"}, {"unit", "", "l"},
                                             {"error", "%", "r"},    {NULL, NULL, NULL}};
    mb_table *t = mb_table_new();
    int rc = t ? mb_cli_columns(t, columns) : mb_nomem();
    for (size_t i = 0; i < n; i++) {
        for (size_t j = 0; j < e[i].check.n_parts && !rc; j++) {
            const mb_macro_part *p = &e[i].check.part[j];
            rc = mb_table_cell(t, e[i].macro.name);
            if (!rc) rc = mb_table_cellf(t, "%d", p->point + 1);
            if (!rc) rc = mb_table_cell(t, p->area ? "area" : "energy");
            if (!rc) rc = mb_table_cell(t, p->part);
            if (!rc) rc = number(t, p->published);
            if (!rc) rc = number(t, p->model);
            if (!rc) rc = mb_table_cell(t, p->unit);
            if (!rc) rc = error_cell(t, d, p->model, p->published);
        }
    }
    if (rc || !mb_table_rows(t)) mb_table_free(t);
    else mb_doc_table(d, "parts", NULL, t);
    return rc;
}

/* Values of the fitted keys: "threshold_V = 0.45 V, ..." */
static int add_fitted(mb_doc *d, const mb_macro *m) {
    mb_str s = {0};
    for (size_t i = 0; i < m->n_fitted; i++)
        for (const mb_param *r = m->type->params; r->kind != MB_P_END; r++) {
            if (strcmp(r->name, m->fitted[i]) != 0) continue;
            mb_str_addf(&s, "%s%s = ", i ? ", " : "", r->name);
            mb_params_format(r, &m->keys, &s);
            if (*r->unit) mb_str_addf(&s, " %s", r->unit);
        }
    int rc = s.failed ? mb_nomem() : MB_OK;
    if (!rc) mb_doc_text(d, "fitted", "%s", s.n ? mb_cstr(&s) : "nothing");
    mb_str_free(&s);
    return rc;
}

static int published(const mb_macro_check *c) {
    int n = 0;
    for (int f = 0; f <= MB_MACRO_TOPS_W; f++) n += c->score[f].n;
    return n;
}

static int add_head(mb_doc *d, const entry *e) {
    const mb_macro_keys *k = &e->macro.keys;
    mb_doc_text(d, "macro", "%s", e->macro.name);
    if (*k->title) mb_doc_text(d, "title", "%s", k->title);
    if (*k->reference) mb_doc_text(d, "reference", "%s", k->reference);
    mb_doc_text(d, "kind", "%s: %s", e->macro.type->name, e->macro.type->summary);
    int rc = add_fitted(d, &e->macro);
    mb_doc_text(d, "freedom", "%zu fitted numbers, %d published TOPS and TOPS/W, %zu published parts", e->macro.n_fitted,
                published(&e->check), e->check.n_parts);
    mb_doc_text(d, "within", "%s", verdict(e));
    if (*k->deviates) mb_doc_text(d, "deviates", "%s", k->deviates);
    return rc;
}

/* --- one point in full ------------------------------------------------------------------------------------------------- */

static int leaf(mb_table *t, const mb_report *r, const mb_cost *all) {
    char text[48];
    const bool spends = r->total.energy_J > 0;
    int rc = mb_table_cellf(t, "%s: %s", r->component, r->name);
    if (!rc) rc = r->count != 0 ? mb_table_cellf(t, "%.6g", r->count) : mb_table_cell(t, "");
    if (!rc) rc = r->count != 0 ? mb_table_cell(t, r->each.latency_s > 0 ? mb_fmt_si(text, r->each.latency_s, "s", 4)
                                                                        : mb_fmt_si(text, r->each.energy_J, "J", 4))
                                : mb_table_cell(t, "");
    if (!rc) rc = mb_table_cell(t, spends ? mb_fmt_si(text, r->total.energy_J, "J", 4) : "");
    if (!rc) rc = spends ? mb_table_cellf(t, "%.1f", 100 * r->total.energy_J / all->energy_J) : mb_table_cell(t, "");
    if (!rc) rc = r->total.latency_s > 0 ? mb_table_cell(t, mb_fmt_si(text, r->total.latency_s, "s", 4)) : mb_table_cell(t, "");
    if (!rc) rc = r->instances != 0 ? mb_table_cellf(t, "%.6g", r->instances) : mb_table_cell(t, "");
    if (!rc) rc = r->instances != 0 ? mb_table_cell(t, mb_fmt_si(text, r->each.area_m2, "m2", 4)) : mb_table_cell(t, "");
    if (!rc) rc = r->total.area_m2 > 0 ? mb_table_cellf(t, "%.4f", 1e6 * r->total.area_m2) : mb_table_cell(t, "");
    if (!rc) rc = r->factor != 1 ? mb_table_cellf(t, "%.4g", r->factor) : mb_table_cell(t, "");
    return rc ? rc : mb_table_cell(t, r->source ? r->source : "");
}

static int add_point(mb_doc *d, const entry *e, int point) {
    static const char *const columns[][3] = {{"part", "", "l"},  {"count", "", "r"}, {"each", "", "r"},  {"energy", "", "r"},
                                             {"share", "%", "r"}, {"time", "", "r"},  {"built", "", "r"}, {"each ", "", "r"},
                                             {"area", "mm2", "r"}, {"factor", "", "r"}, {"source", "", "l"}, {NULL, NULL, NULL}};
    mb_macro_cost cost;
    mb_report *tree = NULL;
    if (point > (int)e->check.n_rows)
        return mb_fail(MB_USAGE, "macro %s has the operating points 1 to %zu, not %d", e->macro.name, e->check.n_rows, point);
    const mb_macro_row *r = &e->check.row[point - 1];
    int rc = mb_macro_evaluate(&e->macro, &r->at, &cost, &tree);
    mb_table *t = mb_table_new();
    if (!rc) rc = t ? mb_cli_columns(t, columns) : mb_nomem();
    if (!rc) {
        mb_doc_text(d, "condition", "%s", r->condition);
        mb_doc_real(d, "MACs", cost.macs, "");
        mb_doc_real(d, "energy", cost.energy_J, "J");
        mb_doc_real(d, "time", cost.latency_s, "s");
        mb_doc_real(d, "area", cost.area_m2, "m2");
    }
    for (size_t i = 0; !rc && tree->n && i < tree->child[0]->n && !rc; i++) rc = leaf(t, tree->child[0]->child[i], &tree->total);
    mb_report_free(tree);
    if (rc) mb_table_free(t);
    else mb_doc_table(d, "cost", NULL, t);
    return rc;
}

/* --- the verb ---------------------------------------------------------------------------------------------------------- */

/* All macros that ship or are in reach; *n of them. */
static int all_entries(entry **e, size_t *n) {
    char **name = NULL, **path = NULL;
    size_t found = 0;
    int rc = mb_preset_list("macros", ".", &name, &path, &found);
    *e = rc ? NULL : mb_calloc(found ? found : 1, sizeof **e);
    if (!rc && !*e) rc = mb_nomem();
    for (size_t i = 0; i < found; i++) {
        if (!rc) {
            rc = open_entry(&(*e)[i], path[i], NULL);
            *n = i + 1;
        }
        mb_free(name[i]);
        mb_free(path[i]);
    }
    mb_free(name);
    mb_free(path);
    if (!rc && !found) rc = mb_fail(MB_BADINPUT, "no macro was found; is MIXBAR_PATH right?");
    return rc;
}

static int answer(const options *o, const entry *e, size_t n, bool named) {
    mb_doc d;
    mb_doc_begin(&d, o->format);
    bool detail = named || d.format == MB_TABLE_JSON || d.format == MB_TABLE_CSV || d.format == MB_TABLE_MARKDOWN;
    int rc = MB_OK;
    if (o->point) {
        rc = add_head(&d, &e[0]);
        return mb_doc_end(&d, rc ? rc : add_point(&d, &e[0], o->point));
    }
    if (d.format == MB_TABLE_CSV) return mb_doc_end(&d, add_points(&d, e, n));
    if (!named || n > 1) rc = add_summary(&d, e, n);
    if (d.format == MB_TABLE_JSON) { /* three flat tables; macros[] is the first */
        if (!rc && named && n == 1) rc = add_summary(&d, e, n);
        if (!rc) rc = add_points(&d, e, n);
        return mb_doc_end(&d, rc ? rc : add_parts(&d, e, n));
    }
    for (size_t i = 0; i < n && detail && !rc; i++) {
        mb_doc_open(&d, NULL, '{', d.format == MB_TABLE_MARKDOWN || n > 1 ? e[i].macro.name : NULL);
        rc = add_head(&d, &e[i]);
        if (!rc) rc = add_points(&d, &e[i], 1);
        if (!rc) rc = add_parts(&d, &e[i], 1);
        mb_doc_close(&d, '}');
    }
    return mb_doc_end(&d, rc);
}

static int run(const void *opt, int argc, char *const *argv) {
    const options *o = opt;
    entry *e = NULL;
    size_t n = 0;
    int rc = MB_OK;
    if ((o->set.n || o->point) && argc != 1) return mb_fail(MB_USAGE, "-s and --point need the name of one macro");
    if (argc) {
        e = mb_calloc((size_t)argc, sizeof *e);
        if (!e) rc = mb_nomem();
        for (int i = 0; i < argc && !rc; i++) {
            rc = open_entry(&e[i], argv[i], &o->set);
            n = (size_t)i + 1;
        }
    } else {
        rc = all_entries(&e, &n);
    }
    if (!rc) rc = answer(o, e, n, argc > 0);
    for (size_t i = 0; i < n && !rc && !o->point; i++)
        if (!e[i].check.within && !*e[i].macro.keys.deviates) rc = MB_NO;
    if (e) close_entries(e, n);
    return rc;
}

const mb_verb mb_verb_validate = {
    .name = "validate",
    .usage = "[MACRO]... [-s KEY=VALUE]... [--point N]",
    .summary = "compare the cost models with published silicon",
    .details = "MACRO is a name (`mixbar list macros`) or the path of a .cfg; without one all are checked. Each operating point "
               "that was published (precision, supply, data) is costed; TOPS/W, TOPS, area and breakdowns stand beside the "
               "published figures. \"fitted\" counts the numbers of a macro that were chosen to meet them, \"bare\" is the mean "
               "error with every calibration factor at 1. Limits: mean error of TOPS/W and of TOPS at most 8 %, each point at "
               "most 20 %. The exit code is 1 when a macro misses them and its file does not explain why.",
    .examples = "mixbar validate\nmixbar validate neurram-2022\nmixbar validate jia-2020 --point 1\n"
                "mixbar validate jia-2020 -s adc_energy_factor=1",
    .options = table,
    .size = sizeof(options),
    .min_args = 0,
    .max_args = -1,
    .complete = "file",
    .run = run,
};
