/* compare.h - two runs, or two points, side by side: which points belong together, what differs, and whether draws of the devices explain it
 *
 * Accuracy (and loss) is compared draw by draw where both points have two or more draws of the same numbers on as many samples: difference d_t = b_t
 * - a_t of draw t, its mean, and Student's 95 % interval of the mean (equal seeds draw equal random numbers, so that the differences spread less than
 * the draws). A spread below the step of a count, 1 / samples, is not seen: the standard deviation is taken as at least 1 / (samples sqrt(6)), that
 * of the rounding of two counts. The interval is one over draws, on these samples. Otherwise the two intervals of results.jsonl are put together as
 * those of independent measurements (Newcombe, Stat. Med. 17 (1998) 873, doi:10.1002/(SICI)1097-0258(19980430)17:8<873::AID-SIM779>3.0.CO;2-I). Costs
 * have no interval. Differences are B - A, ratios B / A.
 */
#ifndef MB_RUN_COMPARE_H
#define MB_RUN_COMPARE_H

#include "run/datum.h"

typedef enum { MB_MATCH_AUTO, MB_MATCH_ID, MB_MATCH_SETTINGS, MB_MATCH_NUMBER } mb_match; /* AUTO: by id when any id is in both, else by settings */

typedef struct mb_compare_options {
    mb_match match;
    bool given;               /* compare just these two points */
    int64_t point_a, point_b; /* their numbers */
    const char *columns;      /* names (datum.h), "all", or NULL: accuracies, energy, latency, area, EDAP (shown, not counted), costs of baselines */
    const char *const
        *tol; /* "METRIC=X" in the unit of the column, or "METRIC=X%" of A's value (of accuracies: percentage points); METRIC all: the rest */
    size_t n_tol;
    bool significant; /* accuracy and loss count only when their whole interval is beyond the tolerance */
    bool common;      /* points and baselines that only one run has do not count */
} mb_compare_options;

typedef struct mb_difference {
    double a, b, difference, ratio; /* NaN: not known */
    double low, high;               /* 95 % interval of the difference; NaN: none */
    bool paired, significant;       /* by draw; 0 is outside of the interval */
    int64_t draws;                  /* pairs of draws, 0: none */
    double tolerance;               /* absolute */
    bool beyond;
} mb_difference;

typedef struct mb_compared_metric {
    mb_datum d;
    bool counts, relative, random; /* random: has an interval */
    double tol;
} mb_compared_metric;

typedef struct mb_compared_pair {
    size_t a, b;      /* places in the results */
    mb_difference *d; /* [n_metric]; NULL when only one of them is feasible, which is a difference */
    bool beyond;
} mb_compared_pair;

typedef struct mb_comparison {
    const mb_results *a, *b; /* borrowed */
    mb_match match;          /* what was used */
    const char **key;        /* settings: the keys that both sweep; borrowed from A */
    size_t n_key;
    mb_compared_metric *metric;
    size_t n_metric;
    mb_compared_pair *pair;
    size_t n;
    size_t *only_a, n_only_a, *only_b, n_only_b; /* points without a partner */
    const char **alone;                          /* baselines that only one run has; borrowed */
    size_t n_alone;
    size_t beyond; /* pairs that differ beyond tolerance */
    bool differs;  /* the answer */
} mb_comparison;

/* A, the reference, and B, which may be the same results when two points are given. MB_BADINPUT: nothing belongs together (the message says what is
 * swept where), several points of a run agree in all keys that both sweep, names or tolerances that do not exist. */
int mb_compare(const mb_results *a, const mb_results *b, const mb_compare_options *o, mb_comparison *c);
void mb_comparison_free(mb_comparison *c);
/* Text; CSV and JSON Lines: a line per pair and metric; JSON: one object. */
int mb_compare_write(const mb_comparison *c, mb_format f, mb_str *out);

#endif
