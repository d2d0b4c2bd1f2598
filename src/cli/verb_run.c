/* verb_run.c - mixbar run EXP.cfg: all points into a run folder, then the report and the plots */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/error.h"
#include "base/file.h"
#include "base/mem.h"
#include "cli/common.h"
#include "cli/options.h"
#include "run/experiment.h"
#include "run/point.h"
#include "run/results.h"

typedef struct options {
    mb_strings set;
    const char *output, *format;
    int threads;
    bool resume, force, no_plots, explain, explain_layers;
    const char *explain_point;
} options;

static const mb_option table[] = {
    MB_OPTION_LIST(options, set, 's', "set", "KEY=VALUE",
                   "set a key of the experiment, as if it stood in the file; may be repeated"),
    MB_OPTION_INT(options, threads, 'j', "threads", "N", 1, 4096,
                  "threads (default: OMP_NUM_THREADS or all cores); results do not depend on it"),
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

/* The plots that the experiment asks for (all when it does not say), and those of an explanation that was asked for, as SVG. Text of the files made in FILES. Without gnuplot
 * there is a note and no plot. */
static int draw(const mb_conf *root, const mb_results *r, bool explained, mb_str *files) {
    static const char *const explain[] = {"explain-costs", "explain-snr", "explain-codes"};
    const mb_conf *list = mb_conf_find(root, "plot");
    if (!mb_cli_have_gnuplot()) {
        mb_note("gnuplot was not found: no plots (Debian: apt-get install gnuplot-nox, then `mixbar plot %s`)", r->dir);
        return MB_OK;
    }
    if (!list) return mb_results_plot(r, NULL, "svg", files);
    int rc = MB_OK;
    for (size_t i = 0; i < list->n && !rc; i++) rc = mb_results_plot(r, list->child[i]->s, "svg", files);
    for (size_t i = 0; i < sizeof explain / sizeof *explain && !rc && explained; i++) {
        bool named = false;
        for (size_t k = 0; k < list->n; k++) named = named || !strcmp(list->child[k]->s, explain[i]);
        if (named) continue;
        rc = mb_results_plot(r, explain[i], "svg", files);
        if (rc == MB_BADINPUT) { /* it has nothing to show, e.g. no converter */
            mb_error_clear();
            rc = MB_OK;
        }
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
    if (!rc && !o->no_plots) rc = draw(root, &r, o->explain || o->explain_layers, &files);
    if (!rc && text) {
        mb_str_addf(&out, "\nresults  %s/results.jsonl\n", dir);
        size_t n = 0;
        for (const char *s = mb_cstr(&files); *s; s++) n += *s == '\n';
        if (n) mb_str_addf(&out, "plots    %s/plots/ (%zu files)\n", dir, n);
    }
    if (!rc) rc = mb_cli_write(&out);
    mb_str_free(&out);
    mb_str_free(&files);
    mb_results_free(&r);
    return rc;
}

static int run(const void *opt, int argc, char *const *argv) {
    const options *o = opt;
    mb_conf *root = NULL;
    mb_meter meter;
    char *dir = NULL;
    (void)argc;
    if (o->resume && o->force) return mb_fail(MB_USAGE, "--resume keeps results and --force replaces them: choose one");
    int64_t point = -1;
    if (o->explain_point) {
        char *end = NULL;
        errno = 0;
        point = strtoll(o->explain_point, &end, 10);
        if (errno || end == o->explain_point || *end || point < 0)
            return mb_fail(MB_USAGE, "--explain-point %s: a number of a point is wanted, from 0 (`mixbar check` lists them)", o->explain_point);
    }
    const bool any = o->explain || o->explain_layers || o->explain_point;
    mb_cli_threads(o->threads);
    int rc = mb_experiment_read(argv[0], o->set.v, o->set.n, &root);
    if (!rc) rc = mb_cli_check_plots(root);
    if (!rc) {
        mb_meter_start(&meter, 1);
        mb_run_options ro = {.dir = o->output,
                             .resume = o->resume,
                             .force = o->force,
                             .progress = &meter.progress,
                             .on_point = mb_meter_on_point,
                             .ctx = &meter,
                             .explain = o->explain_layers ? MB_EXPLAIN_LAYERS : any ? MB_EXPLAIN_EFFECTS : MB_EXPLAIN_NOT,
                             .explain_point = point};
        rc = mb_experiment_run(root, &ro, &dir);
        mb_meter_clear(&meter);
        if (rc == MB_INTERRUPTED && dir)
            mb_context(rc, "finished points are kept in %s; go on with the same command and --resume", dir);
    }
    if (!rc) rc = tell(o, root, dir);
    mb_conf_free(root);
    mb_free(dir);
    return rc;
}

const mb_verb mb_verb_run = {
    .name = "run",
    .usage = "EXP.cfg [-s KEY=VALUE]... [-j N] [-o DIR] [--resume | --force]",
    .summary = "run an experiment: accuracy, energy, area and latency of every point, beside the baselines",
    .details = "Every point of the sweep is mapped, simulated and costed. The run folder holds used.cfg (every value with its "
               "origin; running it repeats the run), "
               "results.jsonl, manifest.json, the plan of each point and the plots. A run can be stopped at any moment; --resume "
               "goes on and never computes a finished "
               "point again. A folder that holds results is not touched without --resume or --force; --force replaces the old results when the first new point is there. "
               "A point for which nothing fits the budgets is recorded as infeasible, and the others are computed. "
               "--explain runs every point again with sets of its non-idealities, on the same samples and device draws, and keeps the answer in explain.jsonl; with "
               "--resume it explains a run that is finished.",
    .examples = "mixbar run experiments/quickstart.cfg\nmixbar run experiments/quickstart.cfg -s samples=200 -s trials=1 -o "
                "runs/quick\nmixbar run my.cfg --resume -j 2\nmixbar run my.cfg --resume --explain",
    .options = table,
    .size = sizeof(options),
    .min_args = 1,
    .max_args = 1,
    .complete = "file",
    .run = run,
};
