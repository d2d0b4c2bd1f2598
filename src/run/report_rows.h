/* report_rows.h - what report_select.c, report_by.c and report_compare.c share; nobody else includes it */
#ifndef MB_RUN_REPORT_ROWS_H
#define MB_RUN_REPORT_ROWS_H

#include "base/json.h"
#include "base/table.h"
#include "run/datum.h"
#include "run/results_internal.h"

/* Points of R by their places, and what is told of them. */
typedef struct mb_rows {
    const mb_results *r;
    const size_t *index;
    size_t n;
    const mb_datum *d;
    size_t n_datum;
} mb_rows;

/* How a column is shown to people: one unit and as many decimals for all its numbers. */
typedef struct mb_shown {
    const mb_datum *d;
    char name[64], unit[64];
    double scale;
    bool percent;
    int decimals; /* -1: with an exponent */
} mb_shown;
int mb_shown_new(const mb_results *r, const mb_datum *d, mb_shown *s);
void mb_shown_number(const mb_shown *s, double v, mb_str *out);       /* V in SI units; "-" when unknown */
const char *mb_key_text(const mb_datum *d, const mb_point_result *p); /* a swept key's value as text, "" when P has none */

int mb_cell_str(mb_table *t, mb_str *s);                              /* the next cell; clears S */
void mb_rows_title(const mb_results *r, mb_str *out);                 /* "3 of 12 points where accuracy > 0.9" */
void mb_rows_head(const mb_results *r, const char *kind, mb_json *j); /* members that all objects begin with */

#endif
