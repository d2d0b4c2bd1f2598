/* verb_run.c - mixbar run EXP.cfg: all points into a run folder, then the report and the plots */
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/mem.h"
#include "cli/common.h"
#include "cli/mpi.h"
#include "cli/options.h"
#include "run/experiment.h"
#include "run/point.h"
#include "run/results.h"
#include "run/sweep.h"

typedef struct options {
    mb_strings set;
    const char *output, *format;
    int threads, workers;
    bool resume, force, no_plots, explain, explain_layers, cost_only;
    const char *explain_point, *shard, *progress;
} options;

static const mb_option table[] = {
    MB_OPTION_LIST(options, set, 's', "set", "KEY=VALUE",
                   "set a key of the experiment, as if it stood in the file; may be repeated"),
    MB_OPTION_INT(options, threads, 'j', "threads", "N", 1, 4096,
                  "threads (default: OMP_NUM_THREADS or all cores); results do not depend on it"),
    MB_OPTION_INT(options, workers, 0, "points-at-once", "N", 1, 4096, "points that are computed at the same time (default: one per thread); fewer take less memory"),
    MB_OPTION_TEXT(options, shard, 0, "shard", "I/N", "only the points whose number is I modulo N, into DIR-I-of-N; `mixbar merge` puts shards together", NULL),
    MB_OPTION_FLAG(options, cost_only, 0, "cost-only", "no simulation: energy, area and latency alone, as with simulate = false; needs no data"),
    MB_OPTION_TEXT(options, progress, 0, "progress", "FORM", "progress on standard error: auto, or one JSON object per line", MB_CLI_PROGRESS),
    MB_OPTION_TEXT(options, output, 'o', "output", "DIR", "run folder (default: runs/NAME)", "dir"),
    MB_OPTION_FLAG(options, resume, 'r', "resume", "go on with a run that was stopped: finished points are kept"),
    MB_OPTION_FLAG(options, force, 0, "force", "start over: results in the run folder are replaced"),
    MB_OPTION_FLAG(options, no_plots, 0, "no-plots", "draw nothing"),
    MB_OPTION_FLAG(options, explain, 0, "explain",
                   "where accuracy goes: what each non-ideality costs, signal-to-noise ratio of every layer; of finished points "
                   "with --resume"),
    MB_OPTION_FLAG(options, explain_layers, 0, "explain-layers", "the same, and what each analog layer costs (one pass per layer)"),
    MB_OPTION_TEXT(options, explain_point, 0, "explain-point", "N", "explain only this point of the sweep, from 0", NULL),
    MB_OPTION_TEXT(options, format, 'f', "format", "FORMAT", "form of the report on standard output", "text|csv|jsonl|json"),
    MB_OPTION_END,
};

/* KIND (NULL: all that make sense). What has nothing to show, e.g. accuracy in a run of costs alone, is left out: TELL says so. */
static int draw_kind(const mb_results *r, const char *kind, bool tell, mb_str *files) {
    int rc = mb_results_plot(r, kind, "svg", files);
    if (rc != MB_BADINPUT) return rc;
    if (tell) mb_warn("%s", mb_error_message());
    mb_error_clear();
    return MB_OK;
}

/* The plots that the experiment asks for (all when it does not say), and those of an explanation that was asked for, as SVG. Text of the files made in FILES. Without gnuplot
 * there is a note and no plot. */
static int draw(const mb_conf *root, const mb_results *r, bool explained, mb_str *files) {
    static const char *const explain[] = {"explain-costs", "explain-snr", "explain-codes"};
    const mb_conf *list = mb_conf_find(root, "plot");
    if (!mb_cli_have_gnuplot()) {
        mb_note("gnuplot was not found: no plots (Debian: apt-get install gnuplot-nox, then `mixbar plot %s`)", r->dir);
        return MB_OK;
    }
    if (!list) return draw_kind(r, NULL, true, files);
    int rc = MB_OK;
    for (size_t i = 0; i < list->n && !rc; i++) rc = draw_kind(r, list->child[i]->s, true, files);
    for (size_t i = 0; i < sizeof explain / sizeof *explain && !rc && explained; i++) {
        bool named = false;
        for (size_t k = 0; k < list->n; k++) named = named || !strcmp(list->child[k]->s, explain[i]);
        if (!named) rc = draw_kind(r, explain[i], false, files);
    }
    return rc;
}

static int tell(const options *o, const mb_conf *root, const char *dir) {
    mb_results r = {0};
    mb_str out = {0}, files = {0};
    bool text = !o->format || strcmp(o->format, "text") == 0;
    mb_format format = mb_cli_format(o->format);
    int rc = mb_results_read(dir, &r);
    if (!rc) rc = mb_results_report(&r, format, 0, &out);
    const int drawn = !rc && !o->no_plots ? draw(root, &r, o->explain || o->explain_layers, &files) : MB_OK;
    if (!rc && text) {
        mb_str_addf(&out, "\nresults  %s/results.jsonl\n", dir);
        size_t n = 0;
        for (const char *s = mb_cstr(&files); *s; s++) n += *s == '\n';
        if (n) mb_str_addf(&out, "plots    %s/plots/ (%zu files)\n", dir, n);
    }
    if (!rc) rc = mb_cli_write(&out); /* also when a picture failed */
    mb_str_free(&out);
    mb_str_free(&files);
    mb_results_free(&r);
    return rc ? rc : drawn;
}

/* --- sweeps whose table nobody reads: the best points while they pass ------------------------------------------------- */

#define TABLE_MAX 2000 /* points */

typedef struct best {
    const char *column, *what;
    bool most;
    double value;
    int64_t index;
    char label[160];
} best;

typedef struct watcher {
    mb_meter meter;
    best best[5];
    size_t n_best, points, seen; /* points of this run; those that were computed now */
} watcher;

static void watch_start(watcher *w, size_t points) {
    static const best kinds[] = {{"accuracy", "highest accuracy", true, 0, -1, ""}, {"energy_J", "least energy", false, 0, -1, ""},
                                 {"latency_s", "least latency", false, 0, -1, ""}, {"area_m2", "least area", false, 0, -1, ""},
                                 {"edap_Jsm2", "least EDAP", false, 0, -1, ""}};
    w->n_best = sizeof kinds / sizeof *kinds;
    memcpy(w->best, kinds, sizeof kinds);
    w->points = points;
    w->seen = 0;
}

static int on_point(void *ctx, const mb_point_result *p, size_t done, size_t total) {
    watcher *w = ctx;
    w->seen++;
    for (size_t i = 0; i < w->n_best; i++) {
        best *b = &w->best[i];
        const double x = *(const double *)(const void *)((const char *)p + mb_column_find(b->column)->offset);
        if (isnan(x) || (b->index >= 0 && !(b->most ? x > b->value : x < b->value))) continue;
        b->value = x;
        b->index = p->index;
        snprintf(b->label, sizeof b->label, "%s", p->label ? p->label : "");
    }
    return mb_meter_on_point(&w->meter, p, done, total);
}

static int tell_best(const watcher *w, const char *dir) {
    mb_str out = {0};
    mb_str_addf(&out, "%zu points\n", w->points);
    if (!w->seen) mb_str_addf(&out, "all were there already (the best: mixbar report %s --best edap)\n", dir);
    else if (w->seen < w->points) mb_str_addf(&out, "of the %zu that were computed now (of all: mixbar report %s --best edap):\n", w->seen, dir);
    for (size_t i = 0; i < w->n_best; i++) {
        const best *b = &w->best[i];
        char value[48];
        if (b->index < 0) continue;
        mb_fmt_si(value, b->value, mb_column_find(b->column)->unit, 4);
        if (!strcmp(b->column, "area_m2")) snprintf(value, sizeof value, "%.4g mm2", 1e6 * b->value);
        if (!strcmp(b->column, "edap_Jsm2")) snprintf(value, sizeof value, "%.4g uJ us mm2", 1e18 * b->value);
        if (!strcmp(b->column, "accuracy")) snprintf(value, sizeof value, "%.2f %%", 100 * b->value);
        mb_str_addf(&out, "%-16s  %-18s  point %lld  %s\n", b->what, value, (long long)b->index, b->label);
    }
    mb_str_addf(&out, "\nresults  %s/results.jsonl\n", dir);
    return mb_cli_write(&out);
}

/* --- the run ------------------------------------------------------------------------------------------------------------ */

static int read_shard(const char *text, int *i, int *n) {
    char *end = NULL;
    errno = 0;
    const long a = strtol(text, &end, 10), b = *end == '/' ? strtol(end + 1, &end, 10) : 0;
    if (errno || *end || a < 0 || b < 1 || a >= b || b > 1000000 || !strchr(text, '/'))
        return mb_fail(MB_USAGE, "--shard %s: I/N is wanted, I from 0 to N - 1, e.g. --shard 0/4", text);
    *i = (int)a;
    *n = (int)b;
    return MB_OK;
}

static int read_point(const char *text, int64_t *point) {
    char *end = NULL;
    errno = 0;
    *point = strtoll(text, &end, 10);
    if (errno || end == text || *end || *point < 0)
        return mb_fail(MB_USAGE, "--explain-point %s: a number of a point is wanted, from 0 (`mixbar check` lists them)", text);
    return MB_OK;
}

static int run_options(const options *o, mb_run_options *ro) {
    const bool any = o->explain || o->explain_layers || o->explain_point;
    if (o->resume && o->force) return mb_fail(MB_USAGE, "--resume keeps results and --force replaces them: choose one");
    if (o->cost_only && any) return mb_fail(MB_USAGE, "--cost-only computes no accuracy that could be explained");
    *ro = (mb_run_options){.dir = o->output,
                           .resume = o->resume,
                           .force = o->force,
                           .explain = o->explain_layers ? MB_EXPLAIN_LAYERS : any ? MB_EXPLAIN_EFFECTS : MB_EXPLAIN_NOT,
                           .explain_point = -1,
                           .threads = o->threads,
                           .workers = o->workers};
    int rc = o->explain_point ? read_point(o->explain_point, &ro->explain_point) : MB_OK;
    return !rc && o->shard ? read_shard(o->shard, &ro->shard, &ro->shards) : rc;
}

static int read_experiment(const options *o, const char *path, mb_conf **root, size_t *points) {
    mb_sweep *sweep = NULL;
    int rc = mb_experiment_read(path, o->set.v, o->set.n, root);
    if (!rc && o->cost_only) rc = mb_conf_set(*root, "simulate", "false", MB_FROM_COMMAND);
    if (!rc) rc = mb_cli_check_plots(*root);
    if (!rc) rc = mb_sweep_open(*root, &sweep);
    if (!rc) *points = mb_sweep_n(sweep);
    mb_sweep_close(sweep);
    return rc;
}

static int run(const void *opt, int argc, char *const *argv) {
    const options *o = opt;
    mb_conf *root = NULL;
    mb_run_options ro;
    mb_team team = {.size = 1};
    watcher w;
    char *dir = NULL;
    (void)argc;
    int rc = run_options(o, &ro);
    if (rc) return rc;
    mb_cli_threads(o->threads);
    if (mb_mpi_started()) {
        rc = mb_mpi_open(&team);
        if (!rc && team.size > 1) ro.team = &team;
        if (!o->threads) ro.threads = 1; /* a rank per core is the usual way */
        mb_cli_threads(ro.threads);
        if (team.rank > 0) mb_cli_set_quiet(true);
    }
    size_t points = 0;
    if (!rc) rc = read_experiment(o, argv[0], &root, &points);
    const bool absent = rc && ro.team;
    if (absent) rc = mb_experiment_absent(ro.team, rc);
    if (!rc && !absent) {
        if (ro.shards > 1) points = points > (size_t)ro.shard ? (points - (size_t)ro.shard - 1) / (size_t)ro.shards + 1 : 0;
        mb_meter_start(&w.meter, points);
        if (o->progress && !strcmp(o->progress, "json") && team.rank == 0) mb_meter_json(&w.meter);
        watch_start(&w, points);
        ro.progress = &w.meter.progress;
        ro.on_point = on_point;
        ro.ctx = &w;
        rc = mb_experiment_run(root, &ro, &dir);
        mb_meter_clear(&w.meter);
        if (rc == MB_INTERRUPTED && dir)
            mb_context(rc, "finished points are kept in %s; go on with the same command and --resume", dir);
    }
    if (!rc && team.rank == 0) rc = points > TABLE_MAX ? tell_best(&w, dir) : tell(o, root, dir);
    mb_mpi_close();
    mb_conf_free(root);
    mb_free(dir);
    return rc;
}

const mb_verb mb_verb_run = {
    .name = "run",
    .usage = "EXP.cfg [-s KEY=VALUE]... [-j N] [-o DIR] [--resume | --force] [--shard I/N]",
    .summary = "run an experiment: accuracy, energy, area and latency of every point, beside the baselines",
    .details = "Every point of the sweep is mapped, simulated and costed. The run folder holds used.cfg (every value with its "
               "origin; running it repeats the run), "
               "results.jsonl, manifest.json, the plan of each point and the plots. A run can be stopped at any moment; --resume "
               "goes on and never computes a finished "
               "point again. A folder that holds results is not touched without --resume or --force; --force replaces the old results when the first new point is there. "
               "A point for which nothing fits the budgets is recorded as infeasible, and the others are computed. "
               "--explain runs every point again with sets of its non-idealities, on the same samples and device draws, and keeps the answer in explain.jsonl; with "
               "--resume it explains a run that is finished. "
               "Under mpirun the ranks share the points; --shard I/N is for machines that know nothing of each other (doc/cluster.md). Nothing of that changes a byte of the "
               "results. Of more than 2000 points the best ones are told instead of a table.",
    .examples = "mixbar run experiments/quickstart.cfg\nmixbar run experiments/quickstart.cfg -s samples=200 -s trials=1 -o "
                "runs/quick\nmixbar run my.cfg --resume -j 2\nmixbar run my.cfg --resume --explain\nmpirun -n 4 mixbar run my.cfg",
    .options = table,
    .size = sizeof(options),
    .min_args = 1,
    .max_args = 1,
    .complete = "file",
    .run = run,
};
