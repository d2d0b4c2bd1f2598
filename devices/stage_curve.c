/* stage_curve.c - the current-voltage curve of a cell, over that of a linear one with the same current at read_V
 *
 * Odd in u = V / read_V, 1 at u = 1. For u >= 0, before scaling:
 *     linear      u
 *     polynomial  u + sum_k iv_coeff[k] u^(k+1), k = 1, 2, ...
 *     sinh        sinh(u read_V / iv_V0)
 *     milo        G V + N2 V^2 + N3 V^3, V = u read_V, N2 and N3 polynomials in log10(G / S)
 *     table       iv_i over iv_u from (0, 0), linear in between
 * With the access resistance R in series (conductance G of the whole at read_V) the current i solves i = F((u - i a) / (1 - a)),
 * a = G R the share of the voltage that R takes, F the curve of the cell alone.
 * References: Milo et al., IRPS 2021, doi:10.1109/IRPS46558.2021.9405119; Messaris et al., IEEE TCAD 37 (2018) 3151,
 * doi:10.1109/TCAD.2018.2791468 (sinh).
 */
#include <math.h>

#include "base/error.h"
#include "devices/stages.h"

static double polynomial(const mb_reals *c, double x) {
    double y = 0;
    for (size_t i = c->n; i-- > 0;) y = y * x + c->v[i];
    return y;
}

static double table(const mb_generic *p, double u) {
    size_t n = p->iv_u.n, k = 0;
    while (k + 1 < n && p->iv_u.v[k] < u) k++;
    double u0 = k ? p->iv_u.v[k - 1] : 0, i0 = k ? p->iv_i.v[k - 1] : 0;
    return i0 + (u - u0) / (p->iv_u.v[k] - u0) * (p->iv_i.v[k] - i0);
}

static double current(const mb_generic *p, double G, double u) {
    double V = u * p->read_V, y = 0, power = u;
    switch (p->iv) {
    case MB_SHAPE_POLYNOMIAL:
        y = u;
        for (size_t k = 0; k < p->iv_coeff.n; k++) y += p->iv_coeff.v[k] * (power *= u);
        return y;
    case MB_SHAPE_SINH: return sinh(V / p->iv_V0);
    case MB_SHAPE_MILO: {
        double L = log10(G > 1e-12 ? G : 1e-12);
        return (G + (polynomial(&p->iv_nl2, L) + polynomial(&p->iv_nl3, L) * V) * V) * V;
    }
    case MB_SHAPE_TABLE: return table(p, u);
    default: return u;
    }
}

/* The cell alone, 1 at u = 1. */
static double alone(const mb_generic *p, double G, double u) {
    double full = current(p, G, 1);
    return full > 0 ? current(p, G, u) / full : u;
}

double mb_stage_curve(const mb_generic *p, double G, double u) {
    double v = u < 0 ? -u : u, i;
    if (p->off[MB_EFFECT_CURVE] || p->iv == MB_SHAPE_LINEAR || v == 0 || v == 1) return u;
    double a = p->off[MB_EFFECT_ACCESS] ? 0 : p->access_ohm * G;
    if (!(a > 0)) i = alone(p, G, v);
    else if (a >= 1) return u; /* the access device carries all of the voltage: its resistance is linear */
    else {
        double lo = 0, hi = v / a < 1 ? v / a : 1; /* the right side falls with i, the left side grows */
        for (int k = 0; k < 60; k++) {
            double mid = (lo + hi) / 2, cell = (v - mid * a) / (1 - a);
            if (mid < alone(p, G / (1 - a), cell < 1 ? cell : 1)) lo = mid;
            else hi = mid;
        }
        i = (lo + hi) / 2;
    }
    return u < 0 ? -i : i;
}

int mb_stage_curve_check(const mb_generic *p) {
    if (p->iv == MB_SHAPE_TABLE) {
        size_t n = p->iv_u.n;
        if (!n || p->iv_i.n != n)
            return mb_fail(MB_BADINPUT, "iv = \"table\" needs iv_u and iv_i of the same length; found %zu and %zu", n, p->iv_i.n);
        int rc = mb_stage_increasing(&p->iv_u, "iv_u", 1e-9);
        if (rc) return rc;
        if (p->iv_u.v[n - 1] != 1) return mb_fail(MB_BADINPUT, "iv_u ends with %g; it must end with 1, read_V", p->iv_u.v[n - 1]);
        for (size_t k = 1; k < n; k++)
            if (p->iv_i.v[k] < p->iv_i.v[k - 1])
                return mb_fail(MB_BADINPUT, "iv_i falls at element %zu: the current does not fall with the voltage", k + 1);
        if (!(p->iv_i.v[n - 1] > 0)) return mb_fail(MB_BADINPUT, "iv_i carries no current at read_V");
    }
    if (p->iv == MB_SHAPE_SINH && p->read_V > 300 * p->iv_V0)
        return mb_fail(MB_BADINPUT, "iv_V0 = %g V is too small for read_V = %g V: sinh(V / V0) exceeds all numbers", p->iv_V0,
                       p->read_V);
    if (p->iv == MB_SHAPE_POLYNOMIAL || p->iv == MB_SHAPE_MILO)
        for (int j = 0; j < 2; j++) /* rises up to read_V, at both ends of the range */
            for (int k = 1; k <= 100; k++) {
                double G = j || !(p->g_min_S > 0) ? p->g_max_S : p->g_min_S;
                if (!(current(p, G, k / 100.0) > current(p, G, (k - 1) / 100.0)))
                    return mb_fail(MB_BADINPUT, "the current-voltage curve falls near %g V at %g S: lower read_V or change its "
                                                "coefficients",
                                   k / 100.0 * p->read_V, G);
            }
    return MB_OK;
}
