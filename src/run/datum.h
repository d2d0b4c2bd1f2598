/* datum.h - what a point can be asked for by name: numbers of the table of columns, swept keys, costs of baselines, its number, id, label, plan and
 * status
 *
 * Names, in the order in which they are looked for: a swept key (map.weight_bits) or set.KEY; index, id, label, plan, status, bottleneck; the end of
 * a swept key behind one of its dots (weight_bits); a column (energy_J) or column.NAME; a column without its unit (energy); BASELINE.COST
 * (systolic-32x32.energy_J). A short name that is both the end of a key and a column is the key; a note says so.
 */
#ifndef MB_RUN_DATUM_H
#define MB_RUN_DATUM_H

#include "base/expr.h"
#include "run/results.h"

typedef enum { MB_DATUM_INDEX, MB_DATUM_MEMBER, MB_DATUM_STATUS, MB_DATUM_KEY, MB_DATUM_COLUMN, MB_DATUM_BASELINE } mb_datum_kind;
typedef struct mb_datum {
    mb_datum_kind kind;
    char *name;              /* as CSV heads it; owned */
    const char *unit;        /* SI, "" for words and fractions */
    const mb_column *column; /* COLUMN, BASELINE (offset into mb_baseline_result) */
    const char *of;          /* the key, the baseline; borrowed from the results */
    size_t offset;           /* MEMBER: of a char * in the point */
    mb_value_kind value;     /* of all its values: NUMBER, BOOL, TEXT (a key whose values are not all numbers or all truths) */
} mb_datum;

/* Costs of a baseline as CSV names them, ends with name NULL; offsets into mb_baseline_result. */
extern const mb_column mb_baseline_columns[];

/* MB_BADINPUT: no such name in R (the message has the nearest one, or says which keys are swept), or one that several keys end in. */
int mb_datum_find(const mb_results *r, const char *name, mb_datum *d);
void mb_datum_free(mb_datum *d); /* what it owns */
/* What P has there: ABSENT when it has no such key or baseline. A text is borrowed from P. */
void mb_datum_value(const mb_datum *d, const mb_point_result *p, mb_value *v);

/* "index,weight_bits,energy": *d [n], mb_data_free. MB_BADINPUT also when a name stands twice or the list is empty. */
int mb_data_parse(const mb_results *r, const char *list, mb_datum **d, size_t *n);
void mb_data_free(mb_datum *d, size_t n);

/* Keep the points for which CONDITION (base/expr.h) holds, free the others; R tells then how many there were and why fewer are left. On failure R is
 * as before. */
int mb_results_where(mb_results *r, const char *condition);

#endif
