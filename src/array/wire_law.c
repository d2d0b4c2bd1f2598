/* wire_law.c - current-voltage laws of cells, alone and in series with an access device
 *
 *   linear I = G u;   sinh I = G V0 sinh(u / V0);   user: see wire.h.
 * With r_on the cell sees v, the solution of v + r_on I(v) = u, and dI/du = I'(v) / (1 + r_on I'(v)).
 * sinh and cosh are our own (range reduction as in fdlibm's expm1, a polynomial): the C library's differ in the last bit between
 * processors.
 * Above u / V0 = 300, where no cell survives, the law goes on along its tangent, so that no iteration can overflow.
 *
 * Units: S, V, A. Called by wire_newton.c and wire_ladder.c.
 */
#include "config.h"

#include <float.h>
#include <math.h>
#include <stdint.h>
#include <string.h>

#include "array/wire_private.h"

#define LANES 8
#define X_MAX 300.0

typedef double vec __attribute__((vector_size(64)));
typedef int64_t bits __attribute__((vector_size(64)));
typedef uint64_t ubits __attribute__((vector_size(64)));

/* sinh(x) and cosh(x), 0 <= x <= 300: relative error below 4e-16. */
MB_WIRE_INLINE void sinh_cosh(const vec *px, vec *s, vec *c) {
    static const double magic = 0x1.8p52, log2e = 0x1.71547652b82fep0, ln2_hi = 0x1.62e42feep-1, ln2_lo = 0x1.a39ef35793c76p-33;
    /* 1 / k!, k = 13 ... 2 */
    static const double inv[12] = {0x1.6124613a86d09p-33, 0x1.1eed8eff8d898p-29, 0x1.ae64567f544e4p-26, 0x1.27e4fb7789f5cp-22,
                                   0x1.71de3a556c734p-19, 0x1.a01a01a01a01ap-16, 0x1.a01a01a01a01ap-13, 0x1.6c16c16c16c17p-10,
                                   0x1.1111111111111p-7,  0x1.5555555555555p-5,  0x1.5555555555555p-3,  0.5};
    vec x = *px, k = x * log2e + magic; /* the nearest integer stands in the low bits */
    ubits kb = (ubits)k;
    k -= magic;
    vec r = (x - k * ln2_hi) - k * ln2_lo, p = r * inv[0] + inv[1];
    for (int i = 2; i < 12; i++) p = p * r + inv[i];
    p = p * (r * r) + r; /* e^r - 1 */
    vec scale = (vec)((kb << 52) + (UINT64_C(1023) << 52));
    vec t = scale * p + (scale - 1); /* e^x - 1 */
    vec e = t + 1;
    *s = 0.5 * (t + t / e);
    *c = 0.5 * (e + 1 / e);
}

/* The sinh law of eight cells. */
MB_WIRE_INLINE void sinh_law(double V0, const vec *G, const vec *u, vec *I, vec *dI) {
    const bits sign_bit = (bits)(-(vec){0});
    vec x = *u / V0, s, c;
    bits sign = (bits)x & sign_bit, size = (bits)x & ~sign_bit;
    bits limit = (bits)((vec){0} + X_MAX), over = (limit - size) >> 63; /* all ones where |x| > X_MAX; true for not-a-number too
                                                                         */
    vec a = (vec)((size & ~over) | (limit & over)), beyond = (vec)((bits)((vec)size - a) & over);
    sinh_cosh(&a, &s, &c);
    s += c * beyond;
    *I = *G * (V0 * (vec)((bits)s | sign));
    *dI = *G * c;
}

MB_CLONES static void eval_sinh(double V0, size_t n, const double *G, const double *u, double *I, double *dI) {
    for (size_t i = 0; i < n; i += LANES) {
        size_t part = n - i < LANES ? n - i : LANES;
        vec g = {0}, v = {0}, a, b;
        if (part == LANES) {
            memcpy(&g, G + i, sizeof g);
            memcpy(&v, u + i, sizeof v);
        } else {
            memcpy(&g, G + i, part * sizeof *G);
            memcpy(&v, u + i, part * sizeof *u);
        }
        sinh_law(V0, &g, &v, &a, &b);
        if (part == LANES) {
            memcpy(I + i, &a, sizeof a);
            memcpy(dI + i, &b, sizeof b);
        } else {
            memcpy(I + i, &a, part * sizeof *I);
            memcpy(dI + i, &b, part * sizeof *dI);
        }
    }
}

/* The law of the bare cells. */
static void eval_cell(const mb_wire_law *law, size_t n, const double *G, const double *u, double *I, double *dI) {
    switch (law->kind) {
    case MB_LAW_LINEAR:
        for (size_t i = 0; i < n; i++) {
            I[i] = G[i] * u[i];
            dI[i] = G[i];
        }
        break;
    case MB_LAW_SINH: eval_sinh(law->V0, n, G, u, I, dI); break;
    case MB_LAW_USER:
        for (size_t i = 0, from = 0; i <= n; i++) { /* runs of cells that exist */
            if (i < n && G[i] > 0) continue;
            if (i > from) law->eval(law->arg, i - from, G + from, u + from, I + from, dI + from);
            if (i < n) I[i] = dI[i] = 0;
            from = i + 1;
        }
        break;
    }
}

/* v + r I(v) = u cell by cell: Newton's method inside a bracket. v, lo, hi: scratch. */
static void eval_series(const mb_wire_law *law, double r, size_t n, const double *G, const double *u, double *I, double *dI,
                        double *v, double *lo, double *hi) {
    for (size_t i = 0; i < n; i++) {
        lo[i] = u[i] < 0 ? u[i] : 0;
        hi[i] = u[i] < 0 ? 0 : u[i];
        v[i] = u[i] / (1 + r * G[i]);
    }
    bool again = true;
    for (int step = 0; again && step < 200; step++) {
        eval_cell(law, n, G, v, I, dI);
        again = false;
        for (size_t i = 0; i < n; i++) {
            double f = v[i] + r * I[i] - u[i], was = v[i];
            if (f > 0) hi[i] = v[i];
            if (f < 0) lo[i] = v[i];
            double next = v[i] - f / (1 + r * dI[i]);
            if (!(next > lo[i] && next < hi[i]) && f != 0) next = lo[i] + 0.5 * (hi[i] - lo[i]);
            if (!(fabs(f) > 4 * DBL_EPSILON * fabs(u[i])) || next <= lo[i] || next >= hi[i])
                next = was; /* done, or nothing lies between */
            if (next != was) again = true;
            v[i] = next;
        }
    }
    for (size_t i = 0; i < n; i++) dI[i] /= 1 + r * dI[i]; /* I and dI belong to v: the last sweep changed nothing */
}

void mb_wire_law_eval(const mb_wire *w, size_t n, const double *G, const double *u, double *I, double *dI, double *scratch) {
    if (w->law.kind == MB_LAW_LINEAR && w->r_on > 0)
        for (size_t i = 0; i < n; i++) {
            dI[i] = G[i] / (1 + G[i] * w->r_on);
            I[i] = dI[i] * u[i];
        }
    else if (w->r_on > 0) eval_series(&w->law, w->r_on, n, G, u, I, dI, scratch, scratch + n, scratch + 2 * n);
    else eval_cell(&w->law, n, G, u, I, dI);
}
