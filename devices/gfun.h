/* gfun.h - functions of conductance, as publications give them: the parts of the generic cell that depend on where a cell stands
 *
 * With x = G / arg_unit_S (arg_unit_S = 0: x = G / Gmax) and coefficients c:
 *     polynomial   f = c0 + c1 x + c2 x^2 + ...          one coefficient: a constant
 *     log          f = c0 + c1 ln x                      x floored at 1e-7
 *     power        f = c0 x^c1                           x floored at 1e-7
 *     saturating   f = c0 (1 - exp(-x / c1))
 *     table        f = c[k] at x[k], linear in between, constant outside
 * and clipped to lo .. hi.  Where split > 0 and x >= split: the polynomial `above` instead, not clipped.
 * A function without coefficients is 0. Its keys in a preset are NAME (the coefficients), NAME_form, NAME_x (abscissae of a
 * table), NAME_lo, NAME_hi, NAME_split, NAME_above.
 * Only files of devices/ and the programs that fit devices may call this file.
 */
#ifndef MB_DEVICES_GFUN_H
#define MB_DEVICES_GFUN_H

#include <stdbool.h>
#include <stddef.h>

#include "base/param.h"

#define MB_GFUN_FORMS "polynomial|log|power|saturating|table"
enum { MB_GFUN_POLYNOMIAL, MB_GFUN_LOG, MB_GFUN_POWER, MB_GFUN_SATURATING, MB_GFUN_TABLE };

typedef struct mb_gfun {
    mb_reals c;      /* coefficients, or the values of a table */
    int form;        /* MB_GFUN_POLYNOMIAL, ... */
    mb_reals x;      /* table: abscissae, increasing, as many as values */
    double lo, hi;   /* clip */
    double split;    /* from here on `above`; 0: nowhere */
    mb_reals above;  /* coefficients of a polynomial in x */
} mb_gfun;

/* Rows of a parameter table of struct S for its field F. */
#define MB_GFUN_ROWS(S, f, unit, def, low, help)                                                                                \
    {#f, MB_P_REALS, unit, def, -1e12, 1e12, NULL, MB_FIELD_(S, f.c, mb_reals, 0), help},                                       \
    {#f "_form", MB_P_CHOICE, "", "polynomial", 0, 0, MB_GFUN_FORMS, MB_FIELD_(S, f.form, int, 0), #f ": form of the function"},\
    {#f "_x", MB_P_REALS, "arg_unit_S", "", -1e12, 1e12, NULL, MB_FIELD_(S, f.x, mb_reals, 0), #f ": abscissae of form table"}, \
    {#f "_lo", MB_P_REAL, unit, low, -1e12, 1e12, NULL, MB_FIELD_(S, f.lo, double, 0), #f ": smallest value"},                  \
    {#f "_hi", MB_P_REAL, unit, "1e12", -1e12, 1e12, NULL, MB_FIELD_(S, f.hi, double, 0), #f ": largest value"},                \
    {#f "_split", MB_P_REAL, "arg_unit_S", "0.0", 0, 1e12, NULL, MB_FIELD_(S, f.split, double, 0),                              \
     #f ": from this argument on the polynomial _above is meant; 0: nowhere"},                                                  \
    {#f "_above", MB_P_REALS, unit, "", -1e12, 1e12, NULL, MB_FIELD_(S, f.above, mb_reals, 0),                                  \
     #f ": polynomial above the split, not clipped"}

/* Zero everywhere: no coefficients, or all of them zero and not clipped away from it. */
bool mb_gfun_zero(const mb_gfun *f);
/* NAME is the key, for messages: lengths, increasing abscissae, number of coefficients, clip. */
int mb_gfun_check(const mb_gfun *f, const char *name);
double mb_gfun_at(const mb_gfun *f, double x);                                 /* exact to double precision */
void mb_gfun_fill(const mb_gfun *f, size_t n, const float *x, float *y);       /* vectorised, float precision; n <= 256 */

#endif
