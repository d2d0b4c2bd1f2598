/* xbar_wires.c - wire resistance in crossbars: from the conductances of a whole array to its effective matrix
 *
 * Placement, equations and conventions: array/xbar.h; circuit and solver: array/wire.h. Where the array ends matters only at
 * open or driven far ends, so rows and columns without cells are left out (those before the block are series resistance) unless
 * lines are driven or sensed at both ends: then the whole array is solved. Called by xbar.c (checks) and program.c.
 */
#include <math.h>
#include <string.h>

#include "array/wire.h"
#include "array/xbar_private.h"
#include "base/error.h"
#include "base/mem.h"

#define RESIDUAL_MAX 1e-9
#define RATIO_MAX 0x1p40 /* of array/wire.h */

bool mb_xbar_has_wires(const mb_xbar_wires *w) {
    return w->r_wl_ohm > 0 || w->r_bl_ohm > 0 || w->r_driver_ohm > 0 || w->r_sense_ohm > 0 || w->r_on_ohm > 0;
}

/* Share of the full current that a cell of conductance g conducts at half the voltage; 0.5: linear. */
static double at_half(const mb_cell *c, double g) { return c->type->shape ? c->type->shape(c->params, g, 0.5) : 0.5; }

static int check_linear(const mb_xbar_spec *s) {
    double g[2];
    s->cell.type->range(s->cell.params, &g[0], &g[1]);
    for (int i = 0; i < 2; i++) {
        double part = at_half(&s->cell, g[i]);
        if (fabs(part - 0.5) > 1e-6)
            return mb_fail(
                MB_BADINPUT,
                "cell %s: the current-voltage curve is not linear (%.3g of the current at half the voltage), and networks "
                "know wires with linear cells only; make the curve linear, set all resistances of the lines to 0, or "
                "study one matrix with `mixbar mvm` (wires.source, cell.law)",
                s->cell.type->name, part);
    }
    return MB_OK;
}

int mb_xbar_wires_check(const mb_xbar_spec *s) {
    const mb_xbar_wires *w = &s->wires;
    const struct {
        const char *name;
        double r;
    } all[] = {{"r_wl_ohm", w->r_wl_ohm},
               {"r_bl_ohm", w->r_bl_ohm},
               {"r_driver_ohm", w->r_driver_ohm},
               {"r_sense_ohm", w->r_sense_ohm},
               {"r_on_ohm", w->r_on_ohm}};
    double g_min, g_max;
    s->cell.type->range(s->cell.params, &g_min, &g_max);
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
        if (!(all[i].r >= 0 && isfinite(all[i].r)))
            return mb_fail(MB_BADINPUT, "%s = %g is not a resistance; give 0 (an ideal line) or more ohms", all[i].name,
                           all[i].r);
        if (all[i].r * g_max > RATIO_MAX)
            return mb_fail(MB_BADINPUT,
                           "%s = %g ohm is more than 1e12 times the resistance of the best cell (%g ohm): a broken line, not a "
                           "resistive one",
                           all[i].name, all[i].r, 1 / g_max);
    }
    if ((unsigned)w->drive > MB_DRIVE_BOTH || (unsigned)w->sense > MB_SENSE_ALTERNATE)
        return mb_fail(MB_BADINPUT, "drive and sense of the lines: one of %s, one of %s", MB_WIRE_DRIVES, MB_WIRE_SENSES);
    if (w->interleaved && (s->scheme != MB_DIFFERENTIAL || s->subtract != MB_SUB_ANALOG))
        return mb_fail(MB_BADINPUT,
                       "interleaved = true puts the two cells of a differential pair on one bit line, which subtracts them; it "
                       "needs scheme = \"differential\" and subtract = \"analog\"");
    if (w->columns_before < 0 || w->rows_after < 0) return mb_fail(MB_BUG, "a block of cells outside its array");
    return mb_xbar_has_wires(w) ? check_linear(s) : MB_OK;
}

void mb_xbar_array_free(mb_xbar_array *a) {
    mb_free(a->G);
    mb_free(a->sigma);
    mb_free(a->draw);
    *a = (mb_xbar_array){0};
}

/* Lines of an array for N0 inputs and OUTPUTS (dummies included), with what lies between it and the ends of the lines. */
static void place(const mb_xbar *xb, int inputs, int outputs, mb_xbar_array *a) {
    const mb_xbar_spec *s = &xb->spec;
    const mb_xbar_wires *w = &s->wires;
    const int per_input = w->interleaved ? 2 : 1, per_output = xb->lay.slices * (w->interleaved ? 1 : xb->sc.pairs);
    const int before = w->interleaved ? w->columns_before / 2 : w->columns_before;
    const int span = w->interleaved ? 1 : xb->sc.pairs;
    bool all_rows = w->sense != MB_SENSE_BOTTOM, all_columns = w->drive != MB_DRIVE_LEFT;
    all_columns =
        all_columns || (w->sense == MB_SENSE_ALTERNATE && before > 0); /* whose turn it is counts from the first column */
    *a = (mb_xbar_array){.per_input = per_input, .per_output = per_output, .outputs = outputs};
    a->wire = (mb_wire){.m = inputs * per_input,
                        .n = outputs * per_output,
                        .r_wl = w->r_wl_ohm,
                        .r_bl = w->r_bl_ohm,
                        .r_src = w->r_driver_ohm,
                        .r_snk = w->r_sense_ohm,
                        .drive = (mb_wire_drive)w->drive,
                        .sense = (mb_wire_sense)w->sense,
                        .sense_span = span,
                        .pairs = w->interleaved,
                        .r_on = w->r_on_ohm};
    if (all_rows) {
        a->wire.m = s->rows * per_input;
        a->row0 = (s->rows - w->rows_after - inputs) * per_input;
    } else {
        a->wire.r_snk += w->rows_after * w->r_bl_ohm;
    }
    if (all_columns) {
        a->wire.n = w->interleaved ? s->cols / 2 : s->cols;
        a->col0 = before;
    } else {
        a->wire.r_src += before * w->r_wl_ohm;
    }
}

int mb_xbar_array_new(const mb_xbar *xb, int inputs, int outputs, bool noisy, mb_xbar_array *a) {
    place(xb, inputs, outputs, a);
    if (a->row0 < 0 || a->col0 + outputs * a->per_output > a->wire.n)
        return mb_fail(MB_BUG, "a block of cells leaves its array of %d rows and %d columns", a->wire.m, a->wire.n);
    const size_t cells = (size_t)a->wire.m * (size_t)a->wire.n;
    a->G = mb_calloc(cells, sizeof *a->G);
    a->draw = mb_calloc((size_t)a->wire.m, sizeof *a->draw);
    if (noisy) a->sigma = mb_calloc(cells, sizeof *a->sigma);
    if (a->G && a->draw && (a->sigma || !noisy)) return MB_OK;
    mb_xbar_array_free(a);
    return mb_nomem();
}

size_t mb_xbar_array_cell(const mb_xbar *xb, const mb_xbar_array *a, int input, int output, int s, int q) {
    const bool pairs = a->wire.pairs;
    const int row = a->row0 + input * a->per_input + (pairs ? q : 0);
    const int column = a->col0 + output * a->per_output + (pairs ? s : s * xb->sc.pairs + q);
    return (size_t)row * (size_t)a->wire.n + (size_t)column;
}

/* What a driven row sees of its cells, from the conductances in a->G: a->draw, and a->sigma as the amplifiers see it. */
static int driven(const mb_xbar *xb, mb_xbar_array *a) {
    const mb_wire *w = &a->wire;
    const size_t m = (size_t)w->m, n = (size_t)w->n, cells = m * n;
    float *G = mb_malloc(cells, sizeof *G), *alpha = mb_malloc(cells, sizeof *alpha), *beta = mb_malloc(cells, sizeof *beta);
    double *V = mb_malloc(m, sizeof *V), *I = mb_malloc(n, sizeof *I), *U = mb_malloc(cells, sizeof *U);
    mb_wire_cg *cg = NULL;
    int rc = G && alpha && beta && V && I && U ? mb_wire_cg_new(w, MB_WIRE_F32, &cg) : mb_nomem();
    if (rc) goto out;
    for (size_t i = 0; i < cells; i++) G[i] = (float)a->G[i];
    for (size_t i = 0; i < m; i++) V[i] = w->pairs && i % 2 ? -1 : 1;
    if ((rc = mb_wire_ends(cg, G, alpha, beta))) goto out;
    if (!xb->spec.input_signed) {
        rc = mb_wire_cg_set(cg, a->G);
        if (!rc) rc = mb_wire_cg_solve(cg, V, 1e-5, 0, I, U, NULL);
        if (rc) goto out;
    }
    for (size_t i = 0; i < m; i++)
        for (size_t j = 0; j < n; j++) {
            const size_t at = i * n + j;
            const double alone = (double)beta[at], all = xb->spec.input_signed ? alone : V[i] * U[at],
                         access = 1 + w->r_on * a->G[at];
            a->draw[i] += a->G[at] / access * (alone + all) / 2;
            if (a->sigma)
                a->sigma[at] = (float)((double)a->sigma[at] * (double)alpha[at] * sqrt((alone * alone + all * all) / 2) /
                                       (access * access));
        }
out:
    mb_wire_cg_free(cg);
    mb_free(G);
    mb_free(alpha);
    mb_free(beta);
    mb_free(V);
    mb_free(I);
    mb_free(U);
    return rc;
}

double mb_xbar_array_draw(const mb_xbar_array *a, int input) {
    const double *d = a->draw + a->row0 + input * a->per_input;
    return a->per_input == 2 ? d[0] + d[1] : d[0];
}

int mb_xbar_array_solve(const mb_xbar *xb, mb_xbar_array *a, double *residual) {
    const size_t cells = (size_t)a->wire.m * (size_t)a->wire.n;
    double *eff = mb_malloc(cells, sizeof *eff);
    int rc = eff ? MB_OK : mb_nomem();
    if (!rc) rc = driven(xb, a);
    if (!rc) rc = mb_wire_effective(&a->wire, a->G, eff, 1);
    if (!rc) rc = mb_wire_effective_residual(&a->wire, a->G, eff, residual);
    if (!rc && !(*residual <= RESIDUAL_MAX))
        rc = mb_fail(
            MB_NUMERIC,
            "the wires of %d x %d cells: the residual of Kirchhoff's laws is %.3g of the largest current, more than %g: "
            "resistances of lines and cells are of too different size",
            a->wire.m, a->wire.n, *residual, RESIDUAL_MAX);
    if (!rc) memcpy(a->G, eff, cells * sizeof *eff);
    mb_free(eff);
    return rc;
}
