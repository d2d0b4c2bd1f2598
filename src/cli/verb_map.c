/* verb_map.c - mixbar map EXP.cfg: ask the policy for a plan, print it, save it */
#include <string.h>

#include "base/error.h"
#include "base/file.h"
#include "base/mem.h"
#include "cli/common.h"
#include "cli/doc.h"
#include "cli/options.h"
#include "run/experiment.h"
#include "run/point.h"

typedef struct options {
    mb_strings set;
    const char *output, *format, *point;
    int threads;
    bool force;
} options;

static const mb_option table[] = {
    MB_OPTION_LIST(options, set, 's', "set", "KEY=VALUE",
                   "set a key of the experiment, as if it stood in the file; may be repeated"),
    MB_OPTION_TEXT(options, output, 'o', "output", "FILE", "save the plan (of one point)", "file"),
    MB_OPTION_FLAG(options, force, 0, "force", "replace FILE when it exists"),
    MB_OPTION_TEXT(options, point, 0, "point", "N", "only this point of the sweep, from 0 (`mixbar check` lists them)", NULL),
    MB_OPTION_INT(options, threads, 'j', "threads", "N", 1, 4096, "threads (default: OMP_NUM_THREADS or all cores)"),
    MB_OPTION_TEXT(options, format, 'f', "format", "FORMAT", "form of the answer", MB_CLI_FORMATS),
    MB_OPTION_END,
};

static int map_point(mb_cli_points *e, size_t i, const options *o, mb_meter *meter, mb_doc *d) {
    mb_setup s;
    mb_plan *plan = NULL;
    mb_metrics met;
    mb_table *t = NULL;
    mb_str title = {0};
    int rc = mb_cli_point_load(e, i, true, &s);
    if (rc) return rc;
    rc = mb_point_map(&s, &meter->progress, &plan, &met);
    mb_meter_clear(meter);
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
        mb_doc_close(d, '}');
        if (title.failed) rc = mb_nomem();
    }
    if (!rc && o->output) {
        rc = mb_plan_save(plan, o->output);
        if (!rc) mb_note("the plan is in %s; replay it with `mixbar eval EXP.cfg -p %s`", o->output, o->output);
    }
    mb_str_free(&title);
    mb_plan_free(plan);
    mb_setup_free(&s);
    return rc;
}

static int run(const void *opt, int argc, char *const *argv) {
    const options *o = opt;
    mb_cli_points e;
    mb_meter meter;
    mb_doc d;
    (void)argc;
    mb_cli_threads(o->threads);
    int rc = mb_cli_points_open(argv[0], &o->set, o->point, &e);
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

const mb_verb mb_verb_map = {
    .name = "map",
    .usage = "EXP.cfg [-s KEY=VALUE]... [--point N] [-o plan.cfg [--force]]",
    .summary = "ask the mapping policy for a plan: one setting per layer",
    .details = "Prints the plan of every point with its estimated cost. A saved plan is a readable file: edit it, compare it "
               "with diff, replay it with `mixbar eval`.",
    .examples = "mixbar map experiments/quickstart.cfg\nmixbar map experiments/quickstart.cfg --point 1 -o plan.cfg",
    .options = table,
    .size = sizeof(options),
    .min_args = 1,
    .max_args = 1,
    .complete = "file",
    .run = run,
};
