/* wire_cg.c - one vector on an array whose conductances change: conjugate gradients preconditioned by the bit lines
 *
 * I_j = g_bottom b(m-1, j) + g_top b(0, j) with A b = D (T_w + D)^-1 (drivers V), see wire_lines.h. With x = mean(G) r n^2 (the
 * strength of the voltage drop: the loss is about x / (1.6 + x)) the error falls by about (sqrt(k) - 1) / (sqrt(k) + 1) per step,
 * k = 1 / (1 - (x / (x + 2.5))^2): 2 to 5 steps to 1e-6 for x < 3.
 * In single precision voltages are scaled by a power of two, so that their size does not matter.
 *
 * Called by whoever reads arrays with changing conductances, and by wire_solve.c.
 */
#include <math.h>

#include "array/wire_lines.h"
#include "base/error.h"
#include "base/mem.h"

#define MAX_STEPS 1000

void mb_wire_cg_free(mb_wire_cg *cg) {
    if (!cg) return;
    mb_lines_free32(cg->f32);
    mb_lines_free64(cg->f64);
    mb_free(cg->v32);
    mb_free(cg->v64);
    mb_free(cg);
}

int mb_wire_cg_new(const mb_wire *w, mb_wire_precision precision, mb_wire_cg **out) {
    *out = NULL;
    int rc = mb_wire_check_linear(w, "a solution by conjugate gradients");
    if (rc != MB_OK) return rc;
    mb_wire_cg *cg = mb_calloc(1, sizeof *cg);
    if (!cg) return mb_nomem();
    cg->w = *w;
    cg->precision = precision;
    if (precision == MB_WIRE_F32) {
        rc = mb_lines_new32(w, &cg->f32);
        if (rc == MB_OK && !(cg->v32 = mb_calloc((size_t)cg->f32->mp, sizeof *cg->v32))) rc = mb_nomem();
    } else {
        rc = mb_lines_new64(w, &cg->f64);
        if (rc == MB_OK && !(cg->v64 = mb_calloc((size_t)cg->f64->mp, sizeof *cg->v64))) rc = mb_nomem();
    }
    if (rc == MB_OK) *out = cg;
    else mb_wire_cg_free(cg);
    return rc;
}

int mb_wire_cg_set(mb_wire_cg *cg, const double *G) {
    double g_max;
    cg->set = false;
    int rc = mb_wire_scan_cells(&cg->w, G, &g_max);
    if (rc != MB_OK) return rc;
    cg->no_cells = g_max <= 0;
    cg->set = true;
    if (cg->no_cells) return MB_OK;
    mb_wire_net net;
    mb_wire_net_init(&cg->w, g_max, cg->precision == MB_WIRE_F32 ? MB_WIRE_IDEAL_F32 : MB_WIRE_IDEAL_F64, &net);
    if (cg->precision == MB_WIRE_F32) {
        mb_lines_net32(cg->f32, &net);
        mb_lines_cells32(cg->f32, G);
        mb_lines_factorise32(cg->f32);
    } else {
        mb_lines_net64(cg->f64, &net);
        mb_lines_cells64(cg->f64, G);
        mb_lines_factorise64(cg->f64);
    }
    return MB_OK;
}

/* The largest |V|; negative when one is not finite. */
static double largest(size_t m, const double *V) {
    double v_max = 0;
    for (size_t i = 0; i < m; i++) {
        if (!isfinite(V[i])) return -1;
        v_max = fabs(V[i]) > v_max ? fabs(V[i]) : v_max;
    }
    return v_max;
}

/* The part of solve that exists once per precision. */
#define SOLVE(T, real, x, volt)                                                                                                \
    static bool solve##T(mb_wire_cg *cg, const double *V, double scale, double tol, int max, double *I, double *U,             \
                         mb_lines_result *how) {                                                                               \
        mb_lines##T *x = cg->f##T;                                                                                             \
        const size_t m = (size_t)cg->w.m, n = (size_t)cg->w.n;                                                                 \
        for (size_t i = 0; i < m; i++) cg->v##T[i] = (real)(V[i] * scale);                                                     \
        mb_lines_words##T(x, cg->v##T, NULL, NULL, true, x->r);                                                                \
        bool done = mb_lines_run##T(x, tol, 0, max, U != NULL, how);                                                           \
        for (size_t j = 0; j < n; j++)                                                                                         \
            I[j] =                                                                                                             \
                ((double)x->last[j] * (double)x->bottom[j] + (double)x->first[j] * (double)x->top[j]) * (x->net.unit / scale); \
        if (U) {                                                                                                               \
            mb_lines_words##T(x, cg->v##T, NULL, x->b, false, x->z);                                                           \
            for (size_t i = 0; i < m; i++)                                                                                     \
                for (size_t j = 0; j < n; j++) U[i * n + j] = (double)(x->z[i * x->ld + j] - x->b[i * x->ld + j]) / scale;     \
        }                                                                                                                      \
        return done;                                                                                                           \
    }
SOLVE(32, float, x, volt)
SOLVE(64, double, x, volt)

int mb_wire_cg_solve(mb_wire_cg *cg, const double *V, double tol, int max_steps, double *I, double *U, mb_wire_info *info) {
    const size_t m = (size_t)cg->w.m, n = (size_t)cg->w.n;
    const bool single = cg->precision == MB_WIRE_F32;
    mb_lines_result how = {0};
    if (info) *info = (mb_wire_info){0};
    if (!cg->set) return mb_fail(MB_BUG, "wires: conjugate gradients without conductances; call mb_wire_cg_set first");
    if (!(tol >= (single ? 1e-6 : 1e-14) && tol < 1))
        return mb_fail(MB_BADINPUT, "wires: a tolerance of %g; %s precision reaches %s to 1", tol, single ? "single" : "double",
                       single ? "1e-6" : "1e-14");
    double v_max = largest(m, V);
    if (v_max < 0) return mb_fail(MB_BADINPUT, "wires: an input voltage is not finite");
    if (cg->no_cells || v_max <= 0) { /* no current */
        for (size_t j = 0; j < n; j++) I[j] = 0;
        for (size_t i = 0; U && i < m * n; i++) U[i] = V[i / n];
        return MB_OK;
    }
    int e;
    frexp(v_max, &e);
    double scale = ldexp(1, -e);
    int max = max_steps > 0 ? max_steps : MAX_STEPS;
    bool done = single ? solve32(cg, V, scale, tol, max, I, U, &how) : solve64(cg, V, scale, tol, max, I, U, &how);
    double residual = how.sum / how.start;
    if (info) *info = (mb_wire_info){.steps = how.steps, .residual = residual};
    if (!done)
        return mb_fail(MB_NUMERIC,
                       "wires: conjugate gradients stopped after %d steps with residual %.3g, not %.3g; allow more steps or a "
                       "larger residual",
                       how.steps, residual, tol);
    return MB_OK;
}

int mb_wire_effective_residual(const mb_wire *w, const double *G, const double *G_eff, double *residual) {
    mb_wire_cg *cg = NULL;
    int rc = mb_wire_check_linear(w, "the effective matrix");
    if (rc != MB_OK) return rc;
    const size_t m = (size_t)w->m, n = (size_t)w->n;
    double *V = mb_malloc(m, sizeof *V), *I = mb_malloc(n, sizeof *I), worst = 0, top = 0;
    rc = V && I ? mb_wire_cg_new(w, MB_WIRE_F64, &cg) : mb_nomem();
    if (rc == MB_OK) rc = mb_wire_cg_set(cg, G);
    if (rc != MB_OK) goto out;
    for (size_t i = 0; i < m; i++) V[i] = (i % 3 ? 1 : -0.5) * (1 - 0.5 * (double)i / (double)m);
    rc = mb_wire_cg_solve(cg, V, 1e-14, 0, I, NULL, NULL);
    for (size_t j = 0; j < n && rc == MB_OK; j++) {
        double sum = 0;
        for (size_t i = 0; i < m; i++) sum += V[i] * G_eff[i * n + j];
        double d = fabs(sum - I[j]);
        if (!isnan(worst) && !(d <= worst)) worst = d;
        if (fabs(I[j]) > top) top = fabs(I[j]);
    }
    *residual = top > 0 ? worst / top : worst;
out:
    mb_wire_cg_free(cg);
    mb_free(V);
    mb_free(I);
    return rc;
}
