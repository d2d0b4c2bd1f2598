/* stage_drift.c - drift: what the mean conductance does after programming
 *
 *     power       G(t) = G ((t + t0) / t0)^-nu,  nu = drift_scale (m(x) + s(x) xi), x = target / arg_unit, m = drift_nu,
 *                 s = drift_nu_sigma (gfun.h), xi ~ N(0, 1) drawn once per cell; a draw below zero: |nu| (fold), 0 (zero), kept
 *     polynomial  G(t) = G + drift_scale unit (c0(t) + c1(t) x + ...), rows c at the times drift_t_s
 *     table       G(t) = G F(t)^drift_scale, F at the times drift_t_s and, when given, the targets drift_g_S; linear in between
 * Rows are interpolated in log t or in t (drift_interp), constant after the last time; before the first, between no drift at t =
 * 0 and the first row (in t). At t = 0 the conductance is what programming left. References: Nandakumar et al., ICECS 2019,
 * doi:10.1109/ICECS46596.2019.8964852; Le Gallo et al., Nat. Electron. 6 (2023) 680, doi:10.1038/s41928-023-01010-1 (exponents of
 * PCM); Xiao et al., IEEE TCAS-I 69 (2022) 1480, doi:10.1109/TCSI.2021.3134313 (polynomial of the current).
 */
#include "config.h"

#include <math.h>

#include "base/error.h"
#include "devices/stages.h"
#include "devices/vecmath.h"

int mb_stage_drift_check(const mb_generic *p) {
    int rc = mb_gfun_check(&p->drift_nu, "drift_nu");
    if (!rc) rc = mb_gfun_check(&p->drift_nu_sigma, "drift_nu_sigma");
    if (rc || p->drift == MB_DRIFT_NONE || p->drift == MB_DRIFT_POWER) return rc;
    size_t T = p->drift_t_s.n, n = p->drift_table.n;
    if (!T || !n || n % T)
        return mb_fail(MB_BADINPUT,
                       "drift needs drift_t_s (T times) and drift_table (T rows of the same length); found %zu and %zu "
                       "numbers",
                       T, n);
    rc = mb_stage_increasing(&p->drift_t_s, "drift_t_s", 0);
    if (rc || p->drift == MB_DRIFT_POLYNOMIAL) return rc;
    size_t K = p->drift_g_S.n ? p->drift_g_S.n : 1;
    if (n != T * K)
        return mb_fail(MB_BADINPUT, "drift_table has %zu numbers; %zu times and %zu targets of drift_g_S make %zu", n, T, K,
                       T * K);
    for (size_t i = 0; i < n; i++)
        if (p->drift_table.v[i] < 0)
            return mb_fail(MB_BADINPUT, "drift_table holds the factor %g: G(t) / G(0) is not negative", p->drift_table.v[i]);
    return mb_stage_increasing(&p->drift_g_S, "drift_g_S", 0);
}

bool mb_stage_drift_random(const mb_generic *p) {
    return p->drift == MB_DRIFT_POWER && !p->off[MB_EFFECT_DRIFT] && p->drift_scale > 0 && !mb_gfun_zero(&p->drift_nu_sigma);
}

void mb_stage_drift_draw(const mb_frame *f, size_t n, const float *target, const float *z, float *nu) {
    const mb_generic *p = f->p;
    float x[MB_CELL_CHUNK] = {0}, s[MB_CELL_CHUNK], by = (float)(1 / f->arg), scale = (float)p->drift_scale;
    for (size_t i = 0; i < n; i++) x[i] = target[i] * by;
    mb_gfun_fill(&p->drift_nu, n, x, nu);
    if (z) {
        mb_gfun_fill(&p->drift_nu_sigma, n, x, s);
        for (size_t i = 0; i < n; i++) nu[i] += s[i] * z[i];
    }
    for (size_t i = 0; i < n; i++) {
        float v = scale * nu[i];
        if (v < 0) v = p->drift_negative == MB_NU_FOLD ? -v : p->drift_negative == MB_NU_ZERO ? 0 : v;
        nu[i] = v;
    }
}

MB_CLONES static void power_law(float age, size_t n, const float *restrict nu, float *restrict g) {
#pragma omp simd
    for (size_t i = 0; i < n; i++) g[i] *= mb_vec_exp(-nu[i] * age);
}

/* Row and weight at age t; begin: the share of the first row before the first time, otherwise 1. */
static void place(const mb_generic *p, double t_s, size_t *k, double *w, double *begin) {
    double first = p->drift_t_s.v[0];
    *begin = t_s < first ? t_s / first : 1;
    mb_stage_at(&p->drift_t_s, p->drift_interp == MB_INTERP_LOG, t_s, k, w);
}

static double polynomial(const mb_generic *p, size_t row, double x) {
    size_t m = p->drift_table.n / p->drift_t_s.n;
    const double *c = p->drift_table.v + row * m;
    double y = 0;
    for (size_t i = m; i-- > 0;) y = y * x + c[i];
    return y;
}

double mb_stage_drift_shift(const mb_frame *f, double t_s, double target) {
    const mb_generic *p = f->p;
    if (p->drift != MB_DRIFT_POLYNOMIAL || t_s <= 0) return 0;
    size_t k;
    double w, begin, x = target / f->arg;
    place(p, t_s, &k, &w, &begin);
    double y = polynomial(p, k, x);
    if (w > 0) y += w * (polynomial(p, k + 1, x) - y);
    return p->drift_scale * f->unit * begin * y;
}

static double factor(const mb_generic *p, size_t row, size_t j, double v) {
    size_t K = p->drift_g_S.n ? p->drift_g_S.n : 1;
    const double *F = p->drift_table.v + row * K;
    return v > 0 ? F[j] + v * (F[j + 1] - F[j]) : F[j];
}

static double table(const mb_frame *f, double t_s, double target) {
    const mb_generic *p = f->p;
    size_t k, j;
    double w, begin, v;
    place(p, t_s, &k, &w, &begin);
    mb_stage_at(&p->drift_g_S, false, target, &j, &v);
    double y = factor(p, k, j, v);
    if (w > 0) y += w * (factor(p, k + 1, j, v) - y);
    return pow(1 + begin * (y - 1), p->drift_scale);
}

/* nu = 0 marks a cell that does not drift, whatever the kind. */
void mb_stage_drift(const mb_frame *f, double t_s, size_t n, const float *target, const float *nu, float *g) {
    const mb_generic *p = f->p;
    if (t_s <= 0) return;
    if (p->drift == MB_DRIFT_POWER) {
        power_law((float)log1p(t_s / p->drift_t0_s), n, nu, g);
        return;
    }
    double last = -1, y = 0;
    for (size_t i = 0; i < n; i++) {
        if (!(nu[i] > 0)) continue;
        if ((double)target[i] != last) {
            last = (double)target[i];
            y = p->drift == MB_DRIFT_TABLE ? table(f, t_s, last) : mb_stage_drift_shift(f, t_s, last);
        }
        g[i] = (float)(p->drift == MB_DRIFT_TABLE ? (double)g[i] * y : (double)g[i] + y);
    }
}
