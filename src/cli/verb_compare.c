/* verb_compare.c - mixbar compare A B: what differs between two runs, or two points of one, and whether draws of the devices explain it */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "cli/common.h"
#include "cli/options.h"
#include "run/compare.h"

typedef struct options {
    const char *format, *match, *points, *columns;
    mb_strings tol, where;
    bool significant, common;
} options;

static const mb_option table[] = {
    MB_OPTION_LIST(options, tol, 't', "tol", "METRIC=X", "tolerance in the unit of the column, or X% of A; METRIC all: the rest (default: 0)"),
    MB_OPTION_TEXT(options, points, 'p', "points", "I J", "compare point I of A with point J of B, or of A when B is not given", NULL),
    MB_OPTION_TEXT(options, columns, 'c', "columns", "LIST", "what to compare, names with commas between them, or all", NULL),
    MB_OPTION_LIST(options, where, 'w', "where", "EXPR", "only points for which this holds, of both runs"),
    MB_OPTION_TEXT(options, match, 'm', "match", "HOW", "which points belong together (default: by id, else by settings)", "id|settings"),
    MB_OPTION_FLAG(options, significant, 's', "significant", "accuracy differs only when its whole interval is beyond the tolerance"),
    MB_OPTION_FLAG(options, common, 0, "common", "points and baselines that only one run has do not count"),
    MB_OPTION_TEXT(options, format, 'f', "format", "FORMAT", "form of the answer", "text|csv|jsonl|json"),
    MB_OPTION_END,
};

/* A number that is all of TEXT[0..n-1]. */
static bool number(const char *text, size_t n, int64_t *v) {
    char *end;
    errno = 0;
    *v = strtoll(text, &end, 10);
    return n && !errno && end == text + n && *text >= '0' && *text <= '9';
}

/* "--points I J" or "I,J": without a comma J is the last positional word. */
static int read_points(const options *o, int *argc, char *const *argv, mb_compare_options *c) {
    if (!o->points)
        return *argc == 2
                   ? MB_OK
                   : mb_fail(MB_USAGE, "mixbar compare wants two runs: mixbar compare A B, or two points of one: mixbar compare RUN --points I J");
    const char *comma = strchr(o->points, ',');
    const char *second = comma ? comma + 1 : *argc > 1 ? argv[--*argc] : "";
    const size_t n = comma ? (size_t)(comma - o->points) : strlen(o->points);
    if (!number(o->points, n, &c->point_a) || !number(second, strlen(second), &c->point_b))
        return mb_fail(MB_USAGE, "option --points wants the numbers of two points: mixbar compare RUN --points 0 3, or A B --points 0,3");
    if (*argc > 2) return mb_fail(MB_USAGE, "mixbar compare takes two runs at most");
    if (o->match || o->common) return mb_fail(MB_USAGE, "with --points there is nothing to match: leave --match and --common out");
    c->given = true;
    return MB_OK;
}

static int open_run(const options *o, const char *path, mb_results *r) {
    int rc = mb_results_read(path, r);
    for (size_t i = 0; i < o->where.n && !rc; i++) {
        rc = mb_results_where(r, o->where.v[i]);
        if (rc) mb_context(rc, "in %s", r->dir);
    }
    return rc;
}

static int run(const void *opt, int argc, char *const *argv) {
    const options *o = opt;
    mb_results a = {0}, b = {0};
    mb_comparison c = {0};
    mb_str out = {0};
    mb_compare_options co = {.columns = o->columns, .tol = o->tol.v, .n_tol = o->tol.n, .significant = o->significant, .common = o->common};
    if (o->match) co.match = !strcmp(o->match, "id") ? MB_MATCH_ID : MB_MATCH_SETTINGS;
    int rc = read_points(o, &argc, argv, &co);
    if (!rc) rc = open_run(o, argv[0], &a);
    if (!rc && argc == 2) rc = open_run(o, argv[1], &b);
    if (!rc) rc = mb_compare(&a, argc == 2 ? &b : &a, &co, &c);
    if (!rc) rc = mb_compare_write(&c, mb_cli_format(o->format), &out);
    if (!rc) rc = mb_cli_write(&out);
    if (!rc && c.differs) rc = MB_NO;
    mb_str_free(&out);
    mb_comparison_free(&c);
    mb_results_free(&a);
    mb_results_free(&b);
    return rc;
}

const mb_verb mb_verb_compare = {
    .name = "compare",
    .usage = "A B [--tol METRIC=X]... [--columns LIST] [--significant] | RUN --points I J",
    .summary = "tell what differs between two runs, or two points, and whether that is chance",
    .details = "A is the reference: differences are B - A, ratios B / A. Points belong together when their ids agree (the same values of all keys), "
               "and when no id does, by the values of the "
               "keys that both runs sweep; the answer says which. Compared are quantised and analog accuracy, energy, latency, area (and EDAP, which "
               "does not count of itself), and the "
               "costs of the baselines that both runs have.\n"
               "Accuracies are compared draw by draw: with equal seeds both points see the same random numbers. Their difference has a 95 % "
               "interval, and is significant when 0 is outside. "
               "A tolerance in percent is one of A's value; for accuracies it is in percentage points.\n"
               "The exit code is 0 when nothing differs beyond tolerance, and 1 when something does or points have no partner (--common: those do "
               "not count).",
    .examples = "mixbar compare runs/before runs/after\nmixbar compare runs/before runs/after --tol accuracy=0.5% --tol all=1%\nmixbar compare "
                "runs/adc --points 2 8\n"
                "mixbar compare runs/rram runs/pcm --where 'adc_bits == 8' --columns accuracy,energy --format csv",
    .options = table,
    .size = sizeof(options),
    .min_args = 1,
    .max_args = 3,
    .complete = "dir",
    .run = run,
};
