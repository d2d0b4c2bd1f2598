/* verb_check.c - mixbar check EXP.cfg: load everything that every point asks for, list the points; run nothing, or one point to tell how long all will take */
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

#include "base/error.h"
#include "base/mem.h"
#include "cli/common.h"
#include "cli/doc.h"
#include "cli/options.h"
#include "cost/machine.h"
#include "mapping/policy.h"
#include "run/experiment.h"
#include "run/point.h"

#define LISTED 1000 /* points that are loaded and listed one by one */

typedef struct options {
    mb_strings set;
    const char *format;
    bool all, estimate;
    int threads;
} options;

static const mb_option table[] = {
    MB_OPTION_LIST(options, set, 's', "set", "KEY=VALUE",
                   "set a key of the experiment, as if it stood in the file; may be repeated"),
    MB_OPTION_FLAG(options, all, 0, "all",
                   "load every point of a sweep of more than 1000; without, the first, the last, and each value of each axis once"),
    MB_OPTION_FLAG(options, estimate, 0, "estimate", "run the first, the last and the middle point and tell how long all will take, and the memory"),
    MB_OPTION_INT(options, threads, 'j', "threads", "N", 1, 4096, "threads of --estimate (default: OMP_NUM_THREADS or all cores)"),
    MB_OPTION_TEXT(options, format, 'f', "format", "FORMAT", "form of the answer", MB_CLI_FORMATS),
    MB_OPTION_END,
};

/* What all points have in common is told from the first one. */
static void add_head(mb_doc *d, const char *path, const mb_cli_points *e, const mb_setup *s) {
    int64_t params = 0, macs = 0;
    for (int i = 0; i < s->net->n_layers; i++) {
        params += mb_layer_params(&s->net->layer[i]);
        macs += mb_layer_macs(&s->net->layer[i]);
    }
    mb_doc_text(d, "experiment", "%s", s->keys.name);
    mb_doc_text(d, "file", "%s", path);
    if (s->keys.question && *s->keys.question) mb_doc_text(d, "question", "%s", s->keys.question);
    mb_doc_text(d, "network", "%s: %d weighted layers, %lld parameters, %lld MACs", s->net->name, s->net->n_weighted,
                (long long)params, (long long)macs);
    if (!s->keys.simulate) {
        mb_doc_text(d, "dataset", "none: simulate = false");
    } else if (s->net->weightless) {
        mb_doc_text(d, "dataset", "none: %s has layer shapes and no weights, so it can be costed and mapped, not run", s->net->name);
    } else {
        mb_doc_text(d, "dataset", "%s: %d of %zu samples", s->data->source, s->keys.samples, s->data->n);
        mb_doc_text(d, "calibration", "%s: %d of %zu samples", s->calib->source, s->cal.samples, s->calib->n);
    }
    mb_doc_text(d, "cell", "%s", s->cell.type->name);
    mb_doc_text(d, "arch", "%s", s->mach->name);
    for (int i = 0; i < s->n_baseline; i++) mb_doc_text(d, "against", "%s", s->baseline[i].name);
    mb_doc_int(d, "trials", s->trials);
    mb_doc_int(d, "seed", s->keys.seed);
    mb_doc_int(d, "n_points", (int64_t)e->n);
    if (mb_sweep_skipped(e->sweep)) mb_doc_int(d, "n_skipped", (int64_t)mb_sweep_skipped(e->sweep));
}

/* The points that are listed: all, or of a long sweep those that show each value once. */
typedef struct listing {
    size_t *index, n;
    uint64_t *id;
} listing;

static int add_row(mb_table *t, const mb_sweep *sweep, size_t index, uint64_t id) {
    mb_point p;
    int rc = mb_sweep_point(sweep, index, &p);
    if (!rc) rc = mb_table_cellf(t, "%zu", index);
    if (!rc) rc = mb_table_cell(t, p.label);
    for (size_t k = 0; mb_sweep_key(sweep, k) && !rc; k++) {
        const char *value = "";
        for (size_t j = 0; j < p.n_set; j++) {
            if (strcmp(p.key[j], mb_sweep_key(sweep, k)) == 0) value = p.value[j];
        }
        rc = mb_table_cell(t, value);
    }
    if (!rc) rc = mb_table_cellf(t, "%016llx", (unsigned long long)id);
    mb_point_free(&p);
    return rc;
}

static int add_points(mb_doc *d, const mb_sweep *sweep, const listing *l) {
    mb_table *t = mb_table_new();
    int rc = t ? mb_table_column(t, "point", "", MB_RIGHT) : mb_nomem();
    if (!rc) rc = mb_table_column(t, "label", "", MB_LEFT);
    for (size_t k = 0; mb_sweep_key(sweep, k) && !rc; k++) rc = mb_table_column(t, mb_sweep_key(sweep, k), "", MB_RIGHT);
    if (!rc) rc = mb_table_column(t, "id", "", MB_LEFT);
    for (size_t i = 0; i < l->n && !rc; i++) rc = add_row(t, sweep, l->index[i], l->id[i]);
    if (rc) mb_table_free(t);
    else mb_doc_table(d, "points", NULL, t);
    return rc;
}

/* Without a menu there is one plan, whatever the policy: is it possible on this machine? (With a menu the search leaves out what
 * is not.) */
static int check_plan(const mb_setup *s) {
    mb_problem prob;
    mb_plan *plan = NULL;
    mb_report *report = NULL;
    mb_metrics met;
    int rc = mb_problem_load(mb_conf_find(s->conf, "map"), s->net, &prob);
    if (rc) return rc;
    bool menu = false;
    for (int k = 0; k < MB_ASSIGN_KEYS; k++) menu = menu || prob.menu.n[k] > 0;
    if (!menu) {
        rc = mb_plan_new(s->net, &prob.menu.base, &plan);
        if (!rc) mb_problem_pin(&prob, plan);
        if (!rc) rc = mb_cost_network(s->mach, &s->cell, s->net, plan, NULL, NULL, &report, &met);
    }
    mb_report_free(report);
    mb_plan_free(plan);
    mb_problem_free(&prob);
    return rc;
}

/* Which points are listed. */
static int choose(const mb_cli_points *e, listing *l) {
    int rc = e->n > LISTED ? mb_sweep_cover(e->sweep, &l->index, &l->n) : MB_OK;
    if (rc) return rc;
    if (!l->index) {
        l->n = e->n;
        if (!(l->index = mb_malloc(l->n, sizeof *l->index))) return mb_nomem();
        for (size_t i = 0; i < l->n; i++) l->index[i] = i;
    }
    return (l->id = mb_calloc(l->n, sizeof *l->id)) ? MB_OK : mb_nomem();
}

/* Load point INDEX and see that it can run; *ID is its identity. HEAD (may be NULL): tell what it has in common with the others. */
static int check_point(const mb_cli_points *e, size_t index, const char *path, mb_doc *head, uint64_t *id) {
    mb_setup s;
    mb_point p;
    if (mb_cli_stopped()) return mb_fail(MB_INTERRUPTED, "stopped by a signal");
    int rc = mb_cli_point_load(e, index, true, &s);
    if (rc) return rc;
    *id = s.id;
    if (head) add_head(head, path, e, &s);
    rc = check_plan(&s);
    mb_setup_free(&s);
    if (rc && e->n > 1 && !mb_sweep_point(e->sweep, index, &p)) {
        mb_context(rc, "point %zu (%s)", index, p.label);
        mb_point_free(&p);
    }
    return rc;
}

static int by_value(const void *a, const void *b) {
    const uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return (x > y) - (x < y);
}

/* Settings that change nothing make points that are the same. */
static int warn_same(const listing *l) {
    uint64_t *id = mb_malloc(l->n, sizeof *id);
    size_t same = 0;
    if (!id) return mb_nomem();
    memcpy(id, l->id, l->n * sizeof *id);
    qsort(id, l->n, sizeof *id, by_value);
    for (size_t i = 1; i < l->n; i++) same += id[i] == id[i - 1];
    mb_free(id);
    if (same) mb_warn("%zu of the %zu points listed repeat another one (the same id): what their settings change has no effect", same, l->n);
    return MB_OK;
}

/* --- the estimate ------------------------------------------------------------------------------------------------------ */

static double now_s(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

/* Most memory that the process has had. */
static double peak_bytes(void) {
    struct rusage u;
    return getrusage(RUSAGE_SELF, &u) == 0 ? 1024.0 * (double)u.ru_maxrss : 0;
}

/* Run point INDEX as `mixbar run` would, and throw the result away: what it took for itself, and what it did for all (calibration). */
static int measure(const mb_cli_points *e, size_t index, mb_meter *meter, double *own_s, double *shared_s) {
    mb_setup s;
    mb_point_result r;
    const mb_profile *prof;
    double start = now_s(), own = 0;
    int rc = mb_cli_point_load(e, index, true, &s);
    if (rc) return rc;
    const bool runs = s.calib != NULL; /* otherwise it is costed */
    own += now_s() - start;
    start = now_s();
    if (runs) rc = mb_point_profile(&s, &meter->progress, &prof);
    *shared_s = runs ? now_s() - start : 0;
    start = now_s();
    mb_point_options po = {.simulate = runs, .progress = &meter->progress, .record_infeasible = true};
    if (!rc) rc = mb_point_run(&s, &po, &r, NULL, NULL);
    if (!rc) mb_point_result_free(&r);
    mb_setup_free(&s);
    *own_s = own + now_s() - start;
    return rc;
}

/* "12 ms", "3.0 s", "2 min", "1 h 20 min", "4.1 days" */
static void time_text(double s, char *buf, size_t cap) {
    if (s < 1) snprintf(buf, cap, "%.3g ms", 1e3 * s);
    else if (s < 100) snprintf(buf, cap, "%.1f s", s);
    else if (s < 5400) snprintf(buf, cap, "%.0f min", s / 60);
    else if (s < 172800) snprintf(buf, cap, "%.0f h %02.0f min", (double)(long)(s / 3600), (double)((long)s / 60 % 60));
    else snprintf(buf, cap, "%.1f days", s / 86400);
}

/* All points from the first, the last and the middle one: the shared work once, and the mean of their own times for each, with the threads that they were
 * measured with. The first one alone when it took a minute. */
static int add_estimate(mb_doc *d, const mb_cli_points *e) {
    const size_t at[] = {0, e->n - 1, e->n / 2};
    const size_t most = e->n < 3 ? e->n : 3;
    size_t n = 0;
    mb_meter meter;
    double own = 0, sum = 0, slowest = 0, once = 0, shared = 0, growth = 0;
    char point[32], all[32];
    int rc = MB_OK;
    mb_meter_start(&meter, most);
    while (n < most && sum < 60 && !rc) {
        const double before = peak_bytes();
        rc = measure(e, at[n], &meter, &own, &shared);
        if (!n) once = shared, growth = peak_bytes() - before;
        sum += own;
        if (own > slowest) slowest = own;
        n++;
    }
    mb_meter_clear(&meter);
    if (rc) return mb_context(rc, "measuring points for the estimate");
    const int threads = mb_sim_threads();
    const double each = sum / (double)n, total = once + (double)e->n * each, together = (double)threads < (double)e->n ? threads : (double)e->n;
    time_text(each, point, sizeof point);
    time_text(total, all, sizeof all);
    mb_doc_open(d, "estimate", '{', "estimate");
    mb_doc_text(d, "about", "%s for %zu points of %s each with -j %d", all, e->n, point, threads);
    mb_doc_int(d, "threads", threads);
    mb_doc_int(d, "measured", (int64_t)n);
    mb_doc_real(d, "point_s", each, "s");
    mb_doc_real(d, "slowest_s", slowest, "s");
    mb_doc_real(d, "calibration_s", once, "s");
    mb_doc_real(d, "total_s", total, "s");
    mb_doc_real(d, "memory_B", peak_bytes() + (together - 1) * growth, "B");
    mb_doc_close(d, '}');
    return MB_OK;
}

static int run(const void *opt, int argc, char *const *argv) {
    const options *o = opt;
    mb_cli_points e;
    mb_doc d;
    listing l = {0};
    (void)argc;
    mb_cli_threads(o->threads);
    int rc = mb_cli_points_open(argv[0], &o->set, NULL, &e);
    if (rc) return rc;
    mb_doc_begin(&d, o->format);
    rc = choose(&e, &l);
    for (size_t i = 0, at = 0; i < e.n && at < l.n && !rc; i++) {
        uint64_t other;
        if (!o->all) i = l.index[at];
        bool listed = i == l.index[at];
        rc = check_point(&e, i, argv[0], i == 0 ? &d : NULL, listed ? &l.id[at] : &other);
        at += listed;
    }
    if (!rc && l.n < e.n) {
        const char *which = "the first, the last, and each value of each axis once";
        if (o->all) mb_doc_text(&d, "loaded", "all %zu points; listed are %s", e.n, which);
        else mb_doc_text(&d, "loaded", "%zu of %zu points: %s (--all: every point)", l.n, e.n, which);
    }
    if (!rc) rc = warn_same(&l);
    if (!rc) rc = add_points(&d, e.sweep, &l);
    if (!rc && o->estimate) rc = add_estimate(&d, &e);
    mb_free(l.index);
    mb_free(l.id);
    mb_cli_points_close(&e);
    return mb_doc_end(&d, rc);
}

const mb_verb mb_verb_check = {
    .name = "check",
    .usage = "EXP.cfg [-s KEY=VALUE]... [--all] [--estimate]",
    .summary = "validate an experiment and list its points; run nothing",
    .details = "Loads networks, data, device, machine, mapping and baselines of every point and insists that they fit together "
               "and that every key is known and used. Of more than 1000 points it loads and lists the first, the last, and each value of each axis once; "
               "--all loads every one. --estimate runs the first, the last and the middle point (the first alone when it takes a minute) "
               "and tells how long all will take. "
               "Exit code 0 when the experiment can run; 3, with the place and the reason, when it cannot.",
    .examples = "mixbar check experiments/quickstart.cfg\nmixbar check experiments/quickstart.cfg -s arch.rows=64\n"
                "mixbar check experiments/quickstart.cfg --estimate -j 2",
    .options = table,
    .size = sizeof(options),
    .min_args = 1,
    .max_args = 1,
    .complete = "file",
    .run = run,
};
