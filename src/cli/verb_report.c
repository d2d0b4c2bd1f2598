/* verb_report.c - mixbar report RUN: the results of a run folder, or what one asks of them, as a table, CSV or JSON */
#include <string.h>

#include "base/error.h"
#include "base/file.h"
#include "cli/common.h"
#include "cli/options.h"
#include "run/across.h"
#include "run/datum.h"
#include "run/page.h"
#include "run/report_select.h"
#include "run/results.h"

typedef struct options {
    const char *format, *across, *by, *best, *front, *reference, *columns, *output;
    mb_strings where;
    bool detail;
} options;

static const mb_option table[] = {
    MB_OPTION_TEXT(options, format, 'f', "format", "FORMAT", "form of the report", "text|csv|jsonl|json|html"),
    MB_OPTION_FLAG(options, detail, 'd', "detail", "also the breakdowns of each point by component and by layer (text)"),
    MB_OPTION_LIST(options, where, 'w', "where", "EXPR", "only points for which this holds, e.g. 'accuracy > 0.9 && adc_bits == 6'"),
    MB_OPTION_TEXT(options, columns, 'c', "columns", "LIST", "what to tell of each point: index,weight_bits,accuracy,energy", NULL),
    MB_OPTION_TEXT(options, by, 'b', "by", "KEY", "groups over a swept key, or several with commas: mean, best, spread", NULL),
    MB_OPTION_TEXT(options, best, 0, "best", "METRIC", "the best point alone, e.g. edap, accuracy, max:latency", NULL),
    MB_OPTION_TEXT(options, front, 0, "front", "LIST", "the Pareto front of metrics, e.g. accuracy,energy,area, and its hypervolume", NULL),
    MB_OPTION_TEXT(options, reference, 0, "reference", "LIST", "reference point of the hypervolume, in SI units (default: from the points)", NULL),
    MB_OPTION_TEXT(options, across, 'a', "across", "KEY", "accuracy over a swept key, one row per setting of the others, e.g. read.time_s", NULL),
    MB_OPTION_TEXT(options, output, 'o', "output", "FILE", "write the report into FILE instead of standard output", "file"),
    MB_OPTION_END,
};

/* Which options go together. */
static int check(const options *o, bool page) {
    static const char *const name[] = {"--across", "--by", "--best", "--front"};
    const char *const given[] = {o->across, o->by, o->best, o->front}, *first = NULL;
    for (size_t i = 0; i < sizeof given / sizeof *given; i++) {
        if (given[i] && first) return mb_fail(MB_USAGE, "%s and %s are two different tables: ask for one at a time", first, name[i]);
        if (given[i]) first = name[i];
    }
    if (page && (first || o->columns))
        return mb_fail(MB_USAGE, "%s is a table of its own: text, csv or json (--where goes with a page)", first ? first : "--columns");
    if (o->across && o->columns) return mb_fail(MB_USAGE, "--across has columns of its own: leave --columns out");
    if (o->reference && !o->front) return mb_fail(MB_USAGE, "--reference belongs to --front");
    if (o->detail && (first || o->columns || page || mb_cli_format(o->format) != MB_FORMAT_TEXT))
        return mb_fail(MB_USAGE, "--detail goes with the text table of all points alone");
    return MB_OK;
}

static int run(const void *opt, int argc, char *const *argv) {
    const options *o = opt;
    mb_results r = {0};
    mb_str out = {0};
    const bool page = o->format && strcmp(o->format, "html") == 0;
    (void)argc;
    int rc = check(o, page);
    if (rc) return rc;
    const mb_format f = page ? MB_FORMAT_TEXT : mb_cli_format(o->format);
    rc = mb_results_read(argv[0], &r);
    for (size_t i = 0; i < o->where.n && !rc; i++) rc = mb_results_where(&r, o->where.v[i]);
    if (!rc && r.where && !r.n && (page || o->across || o->by || o->best || o->front || o->columns))
        rc = mb_fail(MB_NO, "%s: none of %zu points holds to %s", r.dir, r.of, r.where);
    if (!rc && page) rc = mb_results_page(&r, &out);
    else if (!rc && o->across) rc = mb_results_across(&r, o->across, f, &out);
    else if (!rc && o->by) rc = mb_report_by(&r, o->by, o->columns, f, &out);
    else if (!rc && o->best) rc = mb_report_best(&r, o->best, o->columns, f, &out);
    else if (!rc && o->front) rc = mb_report_front(&r, o->front, o->reference, o->columns, f, &out);
    else if (!rc && o->columns) rc = mb_report_columns(&r, o->columns, f, &out);
    else if (!rc) rc = mb_results_report(&r, f, o->detail, &out);
    if (!rc && out.failed) rc = mb_nomem();
    if (!rc) rc = o->output ? mb_file_write(o->output, mb_cstr(&out), out.n) : mb_cli_write(&out);
    mb_str_free(&out);
    mb_results_free(&r);
    return rc;
}

const mb_verb mb_verb_report = {
    .name = "report",
    .usage = "RUN [--where EXPR]... [--columns LIST] [--by KEY | --best METRIC | --front LIST | --across KEY | --detail] [--format FORMAT] [-o FILE]",
    .summary = "print the results of a run, or parts of them, as a table, CSV, JSON or HTML page",
    .details =
        "RUN is a run folder or its results.jsonl, finished or not. CSV has one line per point and one column per number, "
        "with the unit in the column's name. HTML is one file for a browser that needs no network: question, setting, "
        "tables, plots, "
        "plans.\n"
        "Names in EXPR and in lists are swept keys (map.weight_bits, or its end weight_bits), columns (energy_J, or energy; `mixbar list columns`), "
        "index, id, label, plan, status, bottleneck, and in lists costs of baselines (systolic-32x32.energy). Numbers are in SI units, accuracies "
        "0..1; texts stand in "
        "quotes and compare with == and !=. --where may be repeated and goes with every form. Of a metric the large values are the best for "
        "accuracies and throughputs, the "
        "small ones for all others; max: or min: before the name says otherwise. When no point is left for --best or --front the exit code is 1.",
    .examples = "mixbar report runs/quickstart --detail\nmixbar report runs/quickstart --format csv > quickstart.csv\nmixbar report "
                "runs/quickstart --format html -o quickstart.html\n"
                "mixbar report runs/devices --across read.time_s\n"
                "mixbar report runs/adc --best edap --where 'accuracy > 0.88'\n"
                "mixbar report runs/adc --by adc_bits --columns accuracy,energy\n"
                "mixbar report runs/adc --front accuracy,energy --reference 0.1,2e-6",
    .options = table,
    .size = sizeof(options),
    .min_args = 1,
    .max_args = 1,
    .complete = "dir",
    .run = run,
};
