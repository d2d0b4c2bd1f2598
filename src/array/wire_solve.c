/* wire_solve.c - the front of the wire solvers: any array of wire.h, a few vectors, by the method that fits
 *
 *   feed source: the ladder (wire_ladder.c).   feed word, linear cells: conjugate gradients (wire_cg.c).
 *   feed word, non-linear cells: Newton's method (wire_newton.c).
 * Called from above.
 */
#include <math.h>

#include "array/wire_private.h"
#include "base/error.h"

static int set_options(const mb_wire *w, const mb_wire_options *given, mb_wire_options *o) {
    if (given) *o = *given;
    if (!(o->tol >= 0 && o->tol <= 1e-2) || (o->tol > 0 && o->tol < 1e-14))
        return mb_fail(MB_BADINPUT, "wires: a residual of %g cannot be asked for; give 1e-14 to 1e-2, or 0 for the default",
                       o->tol);
    if (o->max_newton < 0 || o->max_steps < 0) return mb_fail(MB_BADINPUT, "wires: a negative number of steps");
    if (!(o->tol > 0)) o->tol = w->law.kind == MB_LAW_LINEAR ? 1e-14 : 1e-12;
    if (o->max_newton == 0) o->max_newton = 60;
    if (o->max_steps == 0) o->max_steps = 1000;
    return MB_OK;
}

static int linear(const mb_wire *w, const double *G, int p, const double *V, double *I, double *U, const mb_wire_options *o,
                  mb_wire_info *info) {
    const size_t m = (size_t)w->m, n = (size_t)w->n;
    mb_wire_cg *cg;
    int rc = mb_wire_cg_new(w, MB_WIRE_F64, &cg);
    if (rc != MB_OK) return rc;
    rc = mb_wire_cg_set(cg, G);
    for (int k = 0; k < p && rc == MB_OK; k++) {
        mb_wire_info one;
        rc = mb_wire_cg_solve(cg, V + (size_t)k * m, o->tol, o->max_steps, I + (size_t)k * n, U ? U + (size_t)k * m * n : NULL,
                              &one);
        info->steps += one.steps;
        if (!(one.residual <= info->residual)) info->residual = one.residual;
    }
    mb_wire_cg_free(cg);
    return rc;
}

/* An array without cells. */
static void no_cells(const mb_wire *w, int p, const double *V, double *I, double *U) {
    const size_t m = (size_t)w->m, n = (size_t)w->n, count = (size_t)p * m * n;
    for (size_t i = 0; i < (size_t)p * n; i++) I[i] = 0;
    for (size_t i = 0; U && i < count; i++)
        U[i] = w->feed == MB_FEED_WORD || w->series ? V[i / n] : w->pairs && i / n % m % 2 ? -w->v_sl : w->v_sl;
}

int mb_wire_solve(const mb_wire *w, const double *G, int p, const double *V, double *I, double *U, const mb_wire_options *options,
                  mb_wire_info *info) {
    mb_wire_options o = {0};
    mb_wire_info local, *f = info ? info : &local;
    double g_max;
    *f = (mb_wire_info){0};
    int rc = mb_wire_check(w);
    if (rc == MB_OK) rc = mb_wire_scan_cells(w, G, &g_max);
    if (rc == MB_OK) rc = set_options(w, options, &o);
    if (rc != MB_OK) return rc;
    if (p < 0) return mb_fail(MB_BUG, "wires: %d vectors", p);
    for (size_t i = 0; i < (size_t)p * (size_t)w->m; i++)
        if (!isfinite(V[i]))
            return mb_fail(MB_BADINPUT, "wires: input %zu of vector %zu is not finite", i % (size_t)w->m, i / (size_t)w->m);
    if (g_max <= 0) no_cells(w, p, V, I, U);
    else if (w->feed == MB_FEED_SOURCE) rc = mb_wire_ladder(w, G, g_max, p, V, I, U, &o, f);
    else if (w->law.kind == MB_LAW_LINEAR) rc = linear(w, G, p, V, I, U, &o, f);
    else rc = mb_wire_newton(w, G, g_max, p, V, I, U, &o, f);
    return rc;
}
