/* across.h - the points of a sweep as a table over one of its keys: rows of points that agree in everything else */
#ifndef MB_RUN_ACROSS_H
#define MB_RUN_ACROSS_H

#include "run/results.h"

typedef struct mb_across {
    const char **value; double *number; size_t n_value;   /* of the key, numbers ascending (when all are), else in the order of the sweep; number NaN: none */
    size_t *at, n_row;                                    /* at[row * n_value + k]: the point, SIZE_MAX when there is none */
} mb_across;
#define MB_ACROSS_NONE ((size_t)-1)

/* KEY: a swept key, or the end of one after a dot (time_s for read.time_s). MB_BADINPUT names the keys that are swept. */
int mb_across_new(const mb_results *r, const char *key, mb_across *a);
void mb_across_free(mb_across *a);
/* Name of a row: its other settings, "rram-milo/2", as many as tell the rows apart; mb_free. NULL without memory. */
char *mb_across_row_name(const mb_results *r, const mb_across *a, const char *key, size_t row);
const mb_point_result *mb_across_first(const mb_results *r, const mb_across *a, size_t row);
/* A time in seconds as people say it: "1 s", "1 h", "30 d", "1 y". BUF >= 32 bytes. */
char *mb_age_text(char *buf, size_t cap, double s);
/* One row per setting of everything but KEY: energy, latency, area, programming, and the accuracy at each value of KEY. */
int mb_results_across(const mb_results *r, const char *key, mb_format f, mb_str *out);

#endif
