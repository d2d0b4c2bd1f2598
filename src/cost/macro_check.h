/* macro_check.h - a macro against its published operating points and breakdowns
 *
 * Points: CSV with one line per operating point; columns
 *     condition                     text
 *     input_bits, weight_bits, vdd_V   required
 *     output_bits, input_one, weight_one, phases, registers   conditions, when the kind wants them (the means: 0.5)
 *     TOPS, TOPS_per_W, TOPS_per_mm2, area_mm2   published; empty: not published
 * Parts: CSV; columns point (line of the table of points, from 1), quantity (energy | area), part (components of the tree,
 * several joined by +), value, unit (share | pJ | fJ_per_op | fJ_per_MAC | pJ_per_output | um2 | mm2).
 * error = model / published - 1. Limits: mean |error| of TOPS/W and of TOPS at most 8 %, each point at most 20 %.
 */
#ifndef MB_COST_MACRO_CHECK_H
#define MB_COST_MACRO_CHECK_H

#include "cost/macro.h"

#define MB_MACRO_MEAN_LIMIT 0.08
#define MB_MACRO_POINT_LIMIT 0.20
extern const char *const mb_macro_figure_names[MB_MACRO_FIGURES]; /* "TOPS", "TOPS/W", ... */

typedef struct mb_macro_row {
    char *condition;
    mb_macro_point at;
    double published[MB_MACRO_FIGURES], model[MB_MACRO_FIGURES]; /* NaN: none */
} mb_macro_row;

typedef struct mb_macro_part {
    int point; /* from 0 */
    bool area;
    char *part, *unit;
    double published, model;
} mb_macro_part;

typedef struct mb_macro_score { int n; double mean, worst; } mb_macro_score; /* of |error| */

typedef struct mb_macro_check {
    mb_macro_row *row;
    size_t n_rows;
    mb_macro_part *part;
    size_t n_parts;
    mb_macro_score score[MB_MACRO_FIGURES], bare[MB_MACRO_FIGURES]; /* bare: with every calibration factor 1 */
    mb_macro_score energy_parts, area_parts;
    bool within; /* the limits of TOPS/W and TOPS are met */
} mb_macro_check;

/* Reads the macro's tables and evaluates all points. MB_BADINPUT with file:line. */
int mb_macro_check_run(const mb_macro *m, mb_macro_check *c);
void mb_macro_check_free(mb_macro_check *c);

#endif
