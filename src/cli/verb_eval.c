/* verb_eval.c - mixbar eval EXP.cfg -p plan.cfg: accuracy and cost of a given plan */
#include <string.h>

#include "base/error.h"
#include "base/mem.h"
#include "cli/common.h"
#include "cli/options.h"
#include "run/experiment.h"
#include "run/point.h"
#include "run/results.h"

typedef struct options {
    mb_strings set;
    const char *plan, *format, *point;
    int threads;
    bool detail;
} options;

static const mb_option table[] = {
    MB_OPTION_TEXT(options, plan, 'p', "plan", "FILE", "the plan (required)", "file"),
    MB_OPTION_LIST(options, set, 's', "set", "KEY=VALUE",
                   "set a key of the experiment, as if it stood in the file; may be repeated"),
    MB_OPTION_TEXT(options, point, 0, "point", "N", "only this point of the sweep, from 0 (`mixbar check` lists them)", NULL),
    MB_OPTION_INT(options, threads, 'j', "threads", "N", 1, 4096,
                  "threads (default: OMP_NUM_THREADS or all cores); results do not depend on it"),
    MB_OPTION_TEXT(options, format, 'f', "format", "FORMAT", "form of the answer", "text|csv|jsonl|json"),
    MB_OPTION_FLAG(options, detail, 'd', "detail", "also the breakdowns of each point by component and by layer (text)"),
    MB_OPTION_END,
};

static int run(const void *opt, int argc, char *const *argv) {
    const options *o = opt;
    mb_cli_points e;
    mb_meter meter;
    mb_results r = {0};
    mb_str out = {0};
    (void)argc;
    if (!o->plan) return mb_fail(MB_USAGE, "eval wants a plan: mixbar eval %s -p plan.cfg (`mixbar map` makes one)", argv[0]);
    mb_cli_threads(o->threads);
    int rc = mb_cli_points_open(argv[0], &o->set, o->point, &e);
    if (rc) return rc;
    mb_meter_start(&meter, e.end - e.first);
    r.name = mb_strdup(e.name);
    r.dir = mb_strdup("");
    r.point = mb_calloc(e.end - e.first, sizeof *r.point);
    r.complete = true;
    if (!r.name || !r.dir || !r.point) rc = mb_nomem();
    for (size_t i = e.first; i < e.end && !rc; i++) {
        mb_setup s;
        rc = mb_cli_point_load(&e, i, true, &s);
        if (rc) break;
        mb_point_options po = {.plan_file = o->plan, .simulate = true, .progress = &meter.progress};
        mb_point_result *p = &r.point[r.n];
        rc = mb_point_run(&s, &po, p, NULL, NULL);
        if (!rc) {
            r.n++;
            rc = mb_cli_point_describe(&e, i, p);
        }
        if (!rc) rc = mb_meter_on_point(&meter, p, i - e.first + 1, e.end - e.first);
        mb_setup_free(&s);
    }
    mb_meter_clear(&meter);
    if (!rc) rc = mb_results_report(&r, mb_cli_format(o->format), o->detail, &out);
    if (!rc) rc = mb_cli_write(&out);
    mb_str_free(&out);
    mb_results_free(&r);
    mb_cli_points_close(&e);
    return rc;
}

const mb_verb mb_verb_eval = {
    .name = "eval",
    .usage = "EXP.cfg -p plan.cfg [-s KEY=VALUE]...",
    .summary = "accuracy and cost of a given plan, on the experiment's network, data, device and machine",
    .details = "The plan takes the place of the policy; the settings in `map` are not asked. It must belong to the same network. "
               "Nothing is saved.",
    .examples = "mixbar eval experiments/quickstart.cfg --point 0 -p plan.cfg\nmixbar eval experiments/quickstart.cfg --point 0 "
                "-p plan.cfg --format json",
    .options = table,
    .size = sizeof(options),
    .min_args = 1,
    .max_args = 1,
    .complete = "file",
    .run = run,
};
