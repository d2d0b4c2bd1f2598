/* verb_report.c - mixbar report RUN: the results of a run folder as a table, CSV or JSON */
#include "base/error.h"
#include "cli/common.h"
#include "cli/options.h"
#include "run/across.h"
#include "run/results.h"

typedef struct options {
    const char *format, *across;
    bool detail;
} options;

static const mb_option table[] = {
    MB_OPTION_TEXT(options, format, 'f', "format", "FORMAT", "form of the report", "text|csv|jsonl|json"),
    MB_OPTION_FLAG(options, detail, 'd', "detail", "also the breakdowns of each point by component and by layer (text)"),
    MB_OPTION_TEXT(options, across, 'a', "across", "KEY",
                   "accuracy over a swept key, one row per setting of the others, e.g. read.time_s", NULL),
    MB_OPTION_END,
};

static int run(const void *opt, int argc, char *const *argv) {
    const options *o = opt;
    mb_results r = {0};
    mb_str out = {0};
    (void)argc;
    int rc = mb_results_read(argv[0], &r);
    if (!rc && o->across) rc = mb_results_across(&r, o->across, mb_cli_format(o->format), &out);
    else if (!rc) rc = mb_results_report(&r, mb_cli_format(o->format), o->detail, &out);
    if (!rc) rc = mb_cli_write(&out);
    mb_str_free(&out);
    mb_results_free(&r);
    return rc;
}

const mb_verb mb_verb_report = {
    .name = "report",
    .usage = "RUN [--format FORMAT] [--detail | --across KEY]",
    .summary = "print the results of a run as a table, CSV or JSON",
    .details = "RUN is a run folder or its results.jsonl, finished or not. CSV has one line per point and one column per number, "
               "with the unit in the column's name.",
    .examples = "mixbar report runs/quickstart --detail\nmixbar report runs/quickstart --format csv > quickstart.csv\n"
                "mixbar report runs/devices --across read.time_s",
    .options = table,
    .size = sizeof(options),
    .min_args = 1,
    .max_args = 1,
    .complete = "dir",
    .run = run,
};
