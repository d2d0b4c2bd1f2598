/* verb_map.c - mixbar map EXP.cfg: ask the policy for a plan, print it, save it */
#include <math.h>
#include <string.h>

#include "base/error.h"
#include "base/file.h"
#include "base/mem.h"
#include "cli/common.h"
#include "cli/doc.h"
#include "cli/map_table.h"
#include "cli/options.h"
#include "mapping/mixed.h"
#include "run/experiment.h"
#include "run/point.h"

typedef struct options {
    mb_strings set, limit;
    const char *output, *format, *point, *front, *table, *solver, *gap, *time;
    int threads, points, best, seed;
    bool force;
} options;

static const mb_option table[] = {
    MB_OPTION_LIST(options, set, 's', "set", "KEY=VALUE",
                   "set a key of the experiment, as if it stood in the file; may be repeated"),
    MB_OPTION_TEXT(options, output, 'o', "output", "FILE",
                   "save the plan (of one point); with --front a folder for the plans of the front", "file"),
    MB_OPTION_FLAG(options, force, 0, "force", "replace FILE when it exists"),
    MB_OPTION_TEXT(options, front, 0, "front", "COST[,COST]",
                   "also the front of loss against these costs (energy_J, latency_s, area_m2, arrays, weight_bits)", NULL),
    MB_OPTION_INT(options, points, 0, "points", "N", 1, 65536, "points of the front that are shown and simulated (default 12)"),
    MB_OPTION_TEXT(options, table, 0, "table", "FILE",
                   "solve a table of your own (CSV: layer, sensitivity, costs) instead of an experiment", "file"),
    MB_OPTION_LIST(options, limit, 0, "limit", "COST=VALUE", "with --table: upper bound of a cost; may be repeated"),
    MB_OPTION_TEXT(options, solver, 0, "solver", "NAME", "with --table: optimiser (`mixbar list solvers`)", NULL),
    MB_OPTION_INT(options, best, 0, "best", "N", 1, 100000, "with --table: so many best assignments"),
    MB_OPTION_TEXT(options, gap, 0, "gap", "SHARE", "with --table: stop at this relative gap to the optimum", NULL),
    MB_OPTION_TEXT(options, time, 0, "time", "SECONDS", "with --table: stop after this time with the best so far", NULL),
    MB_OPTION_INT(options, seed, 0, "seed", "N", 0, 2147483647, "with --table: seed of solvers that draw random numbers"),
    MB_OPTION_TEXT(options, point, 0, "point", "N", "only this point of the sweep, from 0 (`mixbar check` lists them)", NULL),
    MB_OPTION_INT(options, threads, 'j', "threads", "N", 1, 4096, "threads (default: OMP_NUM_THREADS or all cores)"),
    MB_OPTION_TEXT(options, format, 'f', "format", "FORMAT", "form of the answer", MB_CLI_FORMATS),
    MB_OPTION_END,
};

/* --- the search, told ------------------------------------------------------------------------------------------------- */

static int si(mb_table *t, double x, const char *unit) {
    char text[48];
    if (isnan(x)) return mb_table_cell(t, "");
    if (strcmp(unit, "m2") == 0 && x >= 1e-8) return mb_table_cellf(t, "%.4f mm2", 1e6 * x);
    return mb_table_cell(t, mb_fmt_si(text, x, unit, 4));
}

/* DIGITS significant ones; empty for what is not known. */
static int number(mb_table *t, int digits, double x) {
    return isnan(x) ? mb_table_cell(t, "") : mb_table_cellf(t, "%.*g", digits, x);
}

/* Candidates, or points of a front: predicted against simulated. In CSV and JSON plain SI numbers. */
static int candidates_table(const mb_candidate *c, int n, int chosen, bool front, bool text, mb_table **out) {
    static const char *const columns[][3] = {{"", "", "l"},           {"kind", "", "l"},     {"predicted", "", "r"},
                                             {"divergence", "", "r"}, {"+-", "", "r"},       {"loss", "", "r"},
                                             {"accuracy", "", "r"},   {"+-", "", "r"},       {"draws", "", "r"},    {"energy", "J", "r"},
                                             {"latency", "s", "r"},   {"area", "m2", "r"},   {"arrays", "", "r"},
                                             {"EDAP", "J s m2", "r"}, {NULL, NULL, NULL}};
    mb_table *t = mb_table_new();
    int rc = t ? MB_OK : mb_nomem();
    for (const char *const(*col)[3] = columns; !rc && (*col)[0]; col++)
        rc = mb_table_column(t, col == columns ? (front ? "point" : "plan") : (*col)[0], text ? "" : (*col)[1],
                             (*col)[2][0] == 'r' ? MB_RIGHT : MB_LEFT);
    for (int i = 0; i < n && !rc; i++) {
        const double v[] = {c[i].cost.energy_J, c[i].cost.latency_s, c[i].cost.area_m2};
        static const char *const unit[] = {"J", "s", "m2"};
        rc = mb_table_cellf(t, "%d%s", i + 1, i == chosen && !front ? " *" : "");
        if (!rc) rc = mb_table_cell(t, front ? "front" : c[i].uniform ? "uniform" : c[i].refined ? "refined" : c[i].other ? "other table" : "table");
        if (!rc) rc = number(t, 6, c[i].predicted);
        const mb_loss *l = &c[i].loss;
        if (!rc) rc = number(t, 4, l->kl);
        if (!rc) rc = number(t, 2, l->kl_half_width);
        if (!rc) rc = number(t, 5, l->loss);
        if (!rc) rc = number(t, 4, l->accuracy);
        if (!rc) rc = number(t, 2, l->half_width);
        if (!rc) rc = c[i].draws ? mb_table_cellf(t, "%d", c[i].draws) : mb_table_cell(t, "");
        for (int k = 0; k < 3 && !rc; k++) rc = text ? si(t, v[k], unit[k]) : number(t, 17, v[k]);
        if (!rc) rc = number(t, 17, c[i].cost.arrays);
        if (!rc) rc = number(t, text ? 4 : 17, mb_edap(&c[i].cost));
    }
    if (rc) mb_table_free(t);
    else *out = t;
    return rc;
}

static int tell_search(const mb_map_report *r, bool text, mb_doc *d) {
    mb_table *t = NULL;
    if (!r->solver) return MB_OK; /* a policy without tables */
    mb_doc_open(d, "search", '{', "search");
    mb_doc_text(d, "sensitivity", "%s", r->sensitivity);
    mb_doc_text(d, "solver", "%s", r->solver);
    mb_doc_text(d, "certificate", "%s", r->certificate);
    mb_doc_int(d, "settings", r->enumerated);
    mb_doc_int(d, "impossible", r->impossible);
    mb_doc_int(d, "filtered", r->filtered);
    mb_doc_int(d, "dominated", r->dominated);
    mb_doc_int(d, "work", r->work);
    mb_doc_int(d, "cost_evaluations", r->cost_calls);
    mb_doc_int(d, "measurements", r->measured);
    mb_doc_int(d, "solutions", r->rounds);
    mb_doc_int(d, "simulations", r->loss_calls);
    mb_doc_real(d, "costing_s", r->space_s, "s");
    mb_doc_real(d, "sensitivity_s", r->sensitivity_s, "s");
    mb_doc_real(d, "solving_s", r->solve_s, "s");
    mb_doc_real(d, "simulating_s", r->simulate_s, "s");
    int rc = candidates_table(r->candidate, r->n, r->chosen, false, text, &t);
    if (!rc) mb_doc_table(d, "candidates", "plans within the budgets (*: the answer)", t);
    mb_doc_close(d, '}');
    if (rc || !r->n_front_keys) return rc;
    mb_doc_open(d, "front", '{', "front");
    mb_doc_text(d, "points", "%d of %d", r->n_front, r->front_size);
    mb_doc_text(d, "kind", "%s",
                r->front_complete ? "from the complete front of the table" : "from a sweep of limits, each solved for itself");
    mb_doc_text(d, "hypervolume", "%.4f of the box of its points", r->hypervolume);
    rc = candidates_table(r->front, r->n_front, -1, true, text, &t);
    if (!rc) mb_doc_table(d, "front_points", NULL, t);
    mb_doc_close(d, '}');
    return rc;
}

/* The metrics named in "energy_J,latency_s". */
static int front_keys(const char *names, int points, mb_map_report *r) {
    const char *known[MB_METRICS];
    for (int k = 0; k < MB_METRICS; k++) known[k] = mb_metric_params[k].name;
    r->front_points = points ? points : 12;
    for (const char *at = names; at;) {
        size_t n = strcspn(at, ",");
        int k = 0;
        while (k < MB_METRICS && !(strlen(known[k]) == n && !strncmp(known[k], at, n))) k++;
        if (k == MB_METRICS) {
            char *word = mb_strndup(at, n);
            const char *near = word ? mb_nearest(word, known, MB_METRICS) : NULL;
            int rc = mb_fail(MB_USAGE,
                             "--front: there is no cost %s%s%s%s; there are energy_J, latency_s, area_m2, arrays, weight_bits",
                             word ? word : "", near ? "; did you mean " : "", near ? near : "", near ? "?" : "");
            mb_free(word);
            return rc;
        }
        if (r->n_front_keys == 3) return mb_fail(MB_USAGE, "--front takes one to three costs");
        r->front_key[r->n_front_keys++] = k;
        at = at[n] ? at + n + 1 : NULL;
    }
    return MB_OK;
}

static int save_front(const mb_map_report *r, const char *dir) {
    int rc = mb_file_mkdirs(dir);
    for (int i = 0; i < r->n_front && !rc; i++) {
        char *name = mb_asprintf("%s/plan-front-%02d.cfg", dir, i + 1);
        rc = name ? mb_plan_save(r->front[i].plan, name) : mb_nomem();
        mb_free(name);
    }
    if (!rc) mb_note("the plans of the front are in %s; replay one with `mixbar eval EXP.cfg -p %s/plan-front-01.cfg`", dir, dir);
    return rc;
}

static int map_point(mb_cli_points *e, size_t i, const options *o, mb_meter *meter, mb_doc *d) {
    mb_setup s;
    mb_plan *plan = NULL;
    mb_metrics met;
    mb_map_report report = {0};
    mb_table *t = NULL;
    mb_str title = {0};
    int rc = o->front ? front_keys(o->front, o->points, &report) : MB_OK;
    if (!rc) rc = mb_cli_point_load(e, i, true, &s);
    if (rc) return rc;
    rc = mb_point_map_report(&s, &meter->progress, &plan, &met, &report);
    mb_meter_clear(meter);
    if (!rc && o->front && !report.solver)
        rc = mb_fail(MB_USAGE, "the policy %s knows no front: choose another, e.g. -s map.policy=mixbar", plan->policy);
    if (!rc) rc = mb_cli_plan_table(plan, &t);
    if (!rc) {
        mb_cli_point_title(e, i, &title);
        mb_doc_open(d, NULL, '{', mb_cstr(&title));
        mb_doc_int(d, "point", (int64_t)i);
        mb_doc_text(d, "label", "%s", e->points.p[i].label);
        mb_doc_text(d, "policy", "%s", plan->policy ? plan->policy : "");
        mb_doc_text(d, "machine", "%s", plan->machine ? plan->machine : "");
        mb_doc_real(d, "energy_J", met.energy_J, "J");
        mb_doc_real(d, "latency_s", met.latency_s, "s");
        mb_doc_real(d, "area_m2", met.area_m2, "m2");
        mb_doc_int(d, "arrays", (int64_t)met.arrays);
        mb_doc_int(d, "weight_bits", (int64_t)met.weight_bits);
        mb_doc_table(d, "layers", NULL, t);
        rc = tell_search(&report, d->format == MB_TABLE_TEXT, d);
        mb_doc_close(d, '}');
        if (!rc && title.failed) rc = mb_nomem();
    }
    if (!rc && o->output && o->front) rc = save_front(&report, o->output);
    else if (!rc && o->output) {
        rc = mb_plan_save(plan, o->output);
        if (!rc) mb_note("the plan is in %s; replay it with `mixbar eval EXP.cfg -p %s`", o->output, o->output);
    }
    mb_str_free(&title);
    mb_map_report_free(&report);
    mb_plan_free(plan);
    mb_setup_free(&s);
    return rc;
}

static int run_experiment(const options *o, const char *path) {
    mb_cli_points e;
    mb_meter meter;
    mb_doc d;
    mb_cli_threads(o->threads);
    int rc = mb_cli_points_open(path, &o->set, o->point, &e);
    if (rc) return rc;
    if (o->output && e.end - e.first > 1) {
        rc =
            mb_fail(MB_USAGE, "the experiment has %zu points and --output takes one plan: choose one with --point N", e.points.n);
    }
    if (!rc && o->output && !o->force && mb_file_exists(o->output)) /* before the search, which may take long */
        rc = mb_fail(MB_BADINPUT, "%s: exists; --force replaces it", o->output);
    mb_meter_start(&meter, 1);
    mb_doc_begin(&d, o->format);
    mb_doc_open(&d, "plans", '[', NULL);
    for (size_t i = e.first; i < e.end && !rc; i++) rc = map_point(&e, i, o, &meter, &d);
    mb_doc_close(&d, ']');
    mb_cli_points_close(&e);
    return mb_doc_end(&d, rc);
}

static int run(const void *opt, int argc, char *const *argv) {
    const options *o = opt;
    mb_doc d;
    if (!o->table) {
        if (argc != 1) return mb_fail(MB_USAGE, "mixbar map takes one experiment, or --table FILE; see `mixbar help map`");
        if (o->limit.n || o->solver || o->gap || o->time || o->best || o->seed)
            return mb_fail(MB_USAGE, "--limit, --solver, --best, --gap, --time and --seed belong to --table: an experiment says "
                                     "these in its group map");
        return run_experiment(o, argv[0]);
    }
    if (argc) return mb_fail(MB_USAGE, "--table stands in the place of the experiment %s: give one of them", argv[0]);
    if (o->set.n || o->output || o->point)
        return mb_fail(MB_USAGE, "--set, --point and --output belong to an experiment, not to --table");
    mb_map_table t = {o->table, o->solver, o->gap, o->time, o->front, &o->limit, o->best, o->points ? o->points : 64, o->seed};
    mb_doc_begin(&d, o->format);
    return mb_doc_end(&d, mb_map_table_run(&t, &d));
}

const mb_verb mb_verb_map = {
    .name = "map",
    .usage = "EXP.cfg [-s KEY=VALUE]... [--point N] [--front COST[,COST]] [-o plan.cfg [--force]] | --table layers.csv [--limit "
             "COST=VALUE]...",
    .summary = "ask the mapping policy for a plan: one setting per layer",
    .details = "Prints the plan of every point with its estimated cost. A saved plan is a readable file: edit it, compare it "
               "with diff, replay it with `mixbar eval`. Policies that search tables also print what they searched, how long, "
               "and what is "
               "proven; with --front the front of loss against costs. With --table no network is needed: the table is your own.",
    .examples = "mixbar map experiments/quickstart.cfg\nmixbar map experiments/quickstart.cfg --point 1 -o plan.cfg\nmixbar map "
                "--table layers.csv --limit energy_J=1e-6 --best 5",
    .options = table,
    .size = sizeof(options),
    .min_args = 0,
    .max_args = 1,
    .complete = "file",
    .run = run,
};
