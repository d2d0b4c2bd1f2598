/* wire_newton.c - arrays of non-linear cells fed by word lines: inexact Newton's method
 *
 * Kirchhoff's laws: T_w w + I(u) = drivers V, T_b b - I(u) = 0, u = w - b. At a point where net currents r_w (into word-line
 * nodes) and r_b (into bit-line nodes) are left over, and with D = diag(dI/du), a step (dw, db) solves
 *     (T_w + D) dw - D db = r_w,    (T_b + D) db - D dw = r_b
 * by the line solver (wire_lines.h) to 1e-3: each step gains about three digits, and costs a factorisation and two to four steps
 * of conjugate gradients. After the part t of the step, with e = I(u + t du) - I(u) - t D du and r_c what these left,
 *     r_w <- (1 - t) r_w - e,    r_b <- (1 - t) r_b + t r_c + e,
 * so the residual of the non-linear circuit is known at no cost. t is 1 unless the sum of |net currents| would not fall; then it
 * is halved: the circuit minimises its content (Millar 1951), a convex function when dI/du > 0, so some t helps.
 *
 * Conductances in units of the grid, voltages in V. Called by wire_solve.c.
 */
#include <math.h>
#include <string.h>

#include "array/wire_lines.h"
#include "base/error.h"
#include "base/mem.h"

#define INNER 1e-3      /* residual of the linear systems */
#define HALVINGS 40
#define STEEPEST 0x1p70 /* slopes above this are no longer small beside an ideal line */

/* Arrays [m][ld] with zeros in the padding. */
typedef struct newton {
    const mb_wire *w;
    const double *G;
    mb_lines64 *x;
    double *u, *next, *du;           /* V */
    double *I, *dI, *I_next, *dI_next;
    double *rw, *rb, *rw_next, *rb_next;
    double *volt;                    /* [mp] */
    double *scratch;                 /* for the law */
    void *memory;
} newton;

static void newton_free(newton *a) {
    mb_free(a->memory);
    mb_lines_free64(a->x);
}

static int newton_new(const mb_wire *w, const double *G, const mb_wire_net *net, newton *a) {
    *a = (newton){.w = w, .G = G};
    int rc = mb_lines_new64(w, &a->x);
    if (rc != MB_OK) return rc;
    mb_lines_net64(a->x, net);
    const size_t array = (size_t)a->x->mp * a->x->ld;
    double **arrays[] = {&a->u,       &a->next, &a->du, &a->I,       &a->dI,     &a->I_next,
                         &a->dI_next, &a->rw,   &a->rb, &a->rw_next, &a->rb_next};
    const size_t count = sizeof arrays / sizeof *arrays;
    a->memory = mb_calloc(count * array + (size_t)a->x->mp + 3 * a->x->ld, sizeof(double));
    if (!a->memory) {
        newton_free(a);
        return mb_nomem();
    }
    double *at = a->memory;
    for (size_t i = 0; i < count; i++, at += array) *arrays[i] = at;
    a->volt = at;
    a->scratch = at + a->x->mp;
    return MB_OK;
}

/* Currents and slopes at voltages u, in units; returns the sum of |I|. */
static double evaluate(newton *a, const double *u, double *I, double *dI, double *steepest) {
    const size_t n = (size_t)a->w->n;
    const double scale = 1 / a->x->net.unit;
    double sum = 0, top = 0;
    for (int i = 0; i < a->w->m; i++) {
        const size_t at = (size_t)i * a->x->ld;
        mb_wire_law_eval(a->w, n, a->G + (size_t)i * n, u + at, I + at, dI + at, a->scratch);
        for (size_t j = at; j < at + n; j++) {
            I[j] *= scale;
            dI[j] *= scale;
            sum += fabs(I[j]);
            if (dI[j] > top) top = dI[j];
        }
    }
    *steepest = top;
    return sum;
}

/* Point and net currents after the part t of the step; returns the sum of |net currents|. */
static double try_step(newton *a, double t, double *current, double *steepest) {
    const size_t n = (size_t)a->w->n;
    for (int i = 0; i < a->w->m; i++)
        for (size_t j = (size_t)i * a->x->ld, end = j + n; j < end; j++) a->next[j] = a->u[j] + t * a->du[j];
    *current = evaluate(a, a->next, a->I_next, a->dI_next, steepest);
    double left = 0;
    for (int i = 0; i < a->w->m; i++)
        for (size_t j = (size_t)i * a->x->ld, end = j + n; j < end; j++) {
            double e = a->I_next[j] - a->I[j] - a->dI[j] * (t * a->du[j]);
            a->rw_next[j] = (1 - t) * a->rw[j] - e;
            a->rb_next[j] = (1 - t) * a->rb[j] + t * a->x->r[j] + e;
            left += fabs(a->rw_next[j]) + fabs(a->rb_next[j]);
        }
    return left;
}

static void swap(double **a, double **b) {
    double *c = *a;
    *a = *b;
    *b = c;
}

/* One vector. Ends with u and I. */
static bool solve(newton *a, const double *V, const mb_wire_options *o, mb_wire_info *info) {
    mb_lines64 *x = a->x;
    const size_t all = (size_t)a->w->m * x->ld;
    double left = 0, current = 0, steepest = 0;
    for (int i = 0; i < a->w->m; i++) a->volt[i] = V[i];
    memset(a->u, 0, all * sizeof *a->u);
    evaluate(a, a->u, a->I, a->dI, &steepest);
    for (size_t i = 0; i < all; i++) {
        a->rw[i] = -a->I[i];
        a->rb[i] = a->I[i];
    }
    info->residual = (double)INFINITY;
    for (info->newton = 0; info->newton < o->max_newton; info->newton++) {
        const double *volt = info->newton ? NULL : a->volt; /* the first step switches the drivers on and is taken whole */
        memcpy(x->G, a->dI, all * sizeof *x->G);
        mb_lines_factorise64(x);
        mb_lines_words64(x, volt, a->rw, NULL, true, x->r);
        for (size_t i = 0; i < all; i++) x->r[i] += a->rb[i];
        mb_lines_result how;
        bool done = mb_lines_run64(x, INNER, 0.05 * o->tol * current, o->max_steps, true, &how);
        info->steps += how.steps;
        if (!done) return false;
        mb_lines_words64(x, volt, a->rw, x->b, false, a->du);
        for (size_t i = 0; i < all; i++) a->du[i] -= x->b[i];
        double t = 1, was = left;
        left = try_step(a, t, &current, &steepest);
        for (int half = 0; info->newton > 0 && !(left <= was * (1 - 1e-4 * t)); half++) {
            if (half == HALVINGS) return false;
            t *= 0.5;
            left = try_step(a, t, &current, &steepest);
        }
        swap(&a->u, &a->next);
        swap(&a->I, &a->I_next);
        swap(&a->dI, &a->dI_next);
        swap(&a->rw, &a->rw_next);
        swap(&a->rb, &a->rb_next);
        info->residual = current > 0 ? left / current : left;
        if (!isfinite(info->residual)) return false;
        if (info->residual <= o->tol) {
            info->newton++;
            return steepest < STEEPEST;
        }
    }
    return false;
}

int mb_wire_newton(const mb_wire *w, const double *G, double g_max, int p, const double *V, double *I, double *U,
                   const mb_wire_options *o, mb_wire_info *info) {
    const size_t m = (size_t)w->m, n = (size_t)w->n;
    mb_wire_net net;
    newton a;
    mb_wire_net_init(w, g_max, MB_WIRE_IDEAL_F64, &net);
    int rc = newton_new(w, G, &net, &a);
    if (rc != MB_OK) return rc;
    for (int k = 0; k < p && rc == MB_OK; k++) {
        mb_wire_info one = {0};
        bool done = solve(&a, V + (size_t)k * m, o, &one);
        info->steps += one.steps;
        if (one.newton > info->newton) info->newton = one.newton;
        if (!(one.residual <= info->residual)) info->residual = one.residual;
        double *Ik = I + (size_t)k * n;
        for (size_t j = 0; j < n; j++) Ik[j] = 0;
        for (size_t i = 0; i < m; i++)
            for (size_t j = 0; j < n; j++) {
                Ik[j] += a.I[i * a.x->ld + j] * net.unit;
                if (U) U[k * m * n + i * n + j] = a.u[i * a.x->ld + j];
            }
        if (!done)
            rc = mb_fail(MB_NUMERIC,
                         "wires: Newton's method stopped after %d steps with residual %.3g, not %.3g (vector %d): the cell law "
                         "may be too steep for these "
                         "voltages; lower them, or allow more steps or a larger residual",
                         one.newton, one.residual, o->tol, k);
    }
    newton_free(&a);
    return rc;
}
