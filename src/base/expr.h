/* expr.h - a small language of conditions on named values, for sweeps and reports
 *
 *     arch.rows >= 64 && map.adc_bits < log2(arch.rows) + map.cell_bits        device in ("rram", "pcm-joshi") or not has(read.time_s)
 *
 * From weak to strong: || or; && and; ! not; == != < <= > >= in; + -; * / %; unary -; ^ (to the power, from the right). Numbers, true, false, texts in double or single
 * quotes; names with dots and [k]; functions abs ceil exp floor log log2 max min round sqrt, and has(NAME). It computes only: there is nothing to call or to change, and
 * the time is bounded by its length. A comparison with a value that is absent or not a number is false, whatever the comparison.
 */
#ifndef MB_BASE_EXPR_H
#define MB_BASE_EXPR_H

#include <stdbool.h>
#include <stddef.h>

typedef enum { MB_VALUE_ABSENT, MB_VALUE_NUMBER, MB_VALUE_BOOL, MB_VALUE_TEXT } mb_value_kind;
typedef struct mb_value { mb_value_kind kind; double r; const char *s; } mb_value; /* BOOL: r is 0 or 1; s borrowed from whoever looked it up */

typedef struct mb_expr mb_expr;
/* MB_BADINPUT with the place in the text. */
int mb_expr_parse(const char *text, mb_expr **e);
void mb_expr_free(mb_expr *e);
const char *mb_expr_name(const mb_expr *e, size_t i); /* names it asks for, in order, with repetitions; NULL behind the last */
bool mb_expr_has(const mb_expr *e, const char *name); /* it asks has(NAME): the name may be absent */

/* The value of NAME: any status but MB_OK ends the evaluation. A name without a value is ABSENT. */
typedef int (*mb_expr_lookup)(void *ctx, const char *name, mb_value *v);
/* *yes: the condition holds. MB_BADINPUT when kinds do not fit (a text plus a number) or the expression is no condition. Re-entrant. */
int mb_expr_test(const mb_expr *e, mb_expr_lookup lookup, void *ctx, bool *yes);
/* The value of any expression. A text is borrowed from the expression or the lookup. */
int mb_expr_eval(const mb_expr *e, mb_expr_lookup lookup, void *ctx, mb_value *v);

#endif
