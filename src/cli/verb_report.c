/* verb_report.c - mixbar report RUN: the results of a run folder as a table, CSV or JSON */
#include <string.h>

#include "base/error.h"
#include "base/file.h"
#include "cli/common.h"
#include "cli/options.h"
#include "run/across.h"
#include "run/page.h"
#include "run/results.h"

typedef struct options {
    const char *format, *across, *output;
    bool detail;
} options;

static const mb_option table[] = {
    MB_OPTION_TEXT(options, format, 'f', "format", "FORMAT", "form of the report", "text|csv|jsonl|json|html"),
    MB_OPTION_FLAG(options, detail, 'd', "detail", "also the breakdowns of each point by component and by layer (text)"),
    MB_OPTION_TEXT(options, across, 'a', "across", "KEY",
                   "accuracy over a swept key, one row per setting of the others, e.g. read.time_s", NULL),
    MB_OPTION_TEXT(options, output, 'o', "output", "FILE", "write the report into FILE instead of standard output", "file"),
    MB_OPTION_END,
};

static int run(const void *opt, int argc, char *const *argv) {
    const options *o = opt;
    mb_results r = {0};
    mb_str out = {0};
    const bool page = o->format && strcmp(o->format, "html") == 0;
    (void)argc;
    int rc = page && o->across ? mb_fail(MB_USAGE, "--across is a table of its own: text, csv or json") : MB_OK;
    if (!rc) rc = mb_results_read(argv[0], &r);
    if (!rc && page) rc = mb_results_page(&r, &out);
    else if (!rc && o->across) rc = mb_results_across(&r, o->across, mb_cli_format(o->format), &out);
    else if (!rc) rc = mb_results_report(&r, mb_cli_format(o->format), o->detail, &out);
    if (!rc) rc = o->output ? mb_file_write(o->output, mb_cstr(&out), out.n) : mb_cli_write(&out);
    mb_str_free(&out);
    mb_results_free(&r);
    return rc;
}

const mb_verb mb_verb_report = {
    .name = "report",
    .usage = "RUN [--format FORMAT] [--detail | --across KEY] [-o FILE]",
    .summary = "print the results of a run as a table, CSV, JSON or HTML page",
    .details = "RUN is a run folder or its results.jsonl, finished or not. CSV has one line per point and one column per number, "
               "with the unit in the column's name. HTML is one file for a browser that needs no network: question, setting, "
               "tables, plots, "
               "plans.",
    .examples =
        "mixbar report runs/quickstart --detail\nmixbar report runs/quickstart --format csv > quickstart.csv\nmixbar report "
        "runs/quickstart --format html -o quickstart.html\n"
        "mixbar report runs/devices --across read.time_s",
    .options = table,
    .size = sizeof(options),
    .min_args = 1,
    .max_args = 1,
    .complete = "dir",
    .run = run,
};
