/* stage_program.c - the error that programming leaves
 *
 * With the target G_t, x = G_t / arg_unit, functions of conductance (gfun.h) and s = prog_scale (1 + endurance_sigma w):
 *     mean error  b = prog_scale prog_bias(x),   sigma^2 = (s prog_sigma(x))^2 + ((1 + endurance_sigma w) c2c_sigma G_t)^2
 *     gaussian    G = G_t + b + sigma xi
 *     lognormal   G = m exp(v xi - v^2 / 2), m = G_t + b, v^2 = ln(1 + (sigma / m)^2): mean m, standard deviation sigma; m <= 0:
 * 0 uniform     G = G_t + b + sqrt(3) s prog_sigma (2 u - 1), cycle variation gaussian beside it residuals   G = G_t + b + s
 * prog_sigma Q(u): Q through the sorted sample prog_residuals, its n values standing at probabilities (j + 1/2) / n, linear in
 * between, constant outside; cycle variation beside it table       G = G_t + prog_scale Q(G_t; u): one such Q per target of
 * prog_table_g_S, linear between targets Negative conductances are clipped at the end of programming (cell_generic.c).
 * References: Nandakumar et al., ICECS 2019, doi:10.1109/ICECS46596.2019.8964852 (polynomial of the target); Milo et al.,
 * IRPS 2021, doi:10.1109/IRPS46558.2021.9405119 (linear); Wan et al., Nature 608, 504 (2022), doi:10.1038/s41586-022-04992-8.
 */
#include "config.h"

#include <math.h>

#include "base/error.h"
#include "devices/stages.h"
#include "devices/vecmath.h"

bool mb_stage_program_on(const mb_generic *p) {
    bool error = p->prog_scale > 0 && !p->off[MB_EFFECT_PROGRAMMING] &&
                 (p->prog_distribution == MB_DIST_TABLE || !mb_gfun_zero(&p->prog_sigma) || !mb_gfun_zero(&p->prog_bias));
    return error || mb_stage_cycle_on(p);
}

bool mb_stage_cycle_on(const mb_generic *p) { return p->c2c_sigma > 0 && !p->off[MB_EFFECT_CYCLE]; }

/* Factor on all programming errors. */
static double scale_of(const mb_generic *p) { return p->off[MB_EFFECT_PROGRAMMING] ? 0 : p->prog_scale; }
static double cycle_of(const mb_frame *f) { return mb_stage_cycle_on(f->p) ? f->grow * f->p->c2c_sigma : 0; }

bool mb_stage_program_uniform(const mb_generic *p) {
    return p->prog_distribution == MB_DIST_UNIFORM || p->prog_distribution == MB_DIST_RESIDUALS ||
           p->prog_distribution == MB_DIST_TABLE;
}

static int sorted(const double *v, size_t n, const char *name, size_t row) {
    for (size_t i = 1; i < n; i++)
        if (v[i] < v[i - 1])
            return mb_fail(MB_BADINPUT, "%s is not sorted: element %zu of row %zu, %g, follows %g", name, i + 1, row + 1, v[i],
                           v[i - 1]);
    return MB_OK;
}

int mb_stage_program_check(const mb_generic *p) {
    int rc = mb_gfun_check(&p->prog_sigma, "prog_sigma");
    if (!rc) rc = mb_gfun_check(&p->prog_bias, "prog_bias");
    size_t K = p->prog_table_g_S.n, n = p->prog_table_S.n;
    if (!rc && p->prog_distribution == MB_DIST_RESIDUALS) {
        if (p->prog_residuals.n < 2)
            return mb_fail(MB_BADINPUT, "prog_distribution = \"residuals\" needs prog_residuals, two or more sorted numbers");
        rc = sorted(p->prog_residuals.v, p->prog_residuals.n, "prog_residuals", 0);
    }
    if (!rc && p->prog_distribution == MB_DIST_TABLE) {
        if (!K || !n || n % K)
            return mb_fail(MB_BADINPUT,
                           "prog_distribution = \"table\" needs prog_table_g_S (K targets) and prog_table_S (K rows of the "
                           "same length); found %zu and %zu numbers",
                           K, n);
        rc = mb_stage_increasing(&p->prog_table_g_S, "prog_table_g_S", 0);
        for (size_t k = 0; k < K && !rc; k++) rc = sorted(p->prog_table_S.v + k * (n / K), n / K, "prog_table_S", k);
    }
    if (!rc && mb_stage_verify_on(p) && mb_stage_program_uniform(p))
        rc = mb_fail(MB_BADINPUT,
                     "verify = \"window\" repeats pulses of known distribution: prog_distribution must be gaussian or "
                     "lognormal; measured residuals already contain what verification does");
    return rc;
}

static double sigma_of(const mb_frame *f, double scale, double cycle, double target) {
    double s = f->grow * scale * f->unit * mb_gfun_at(&f->p->prog_sigma, target / f->arg), c = cycle * target;
    return sqrt(s * s + c * c);
}

double mb_stage_program_sigma(const mb_frame *f, double target) { return sigma_of(f, scale_of(f->p), cycle_of(f), target); }

double mb_stage_program_whole(const mb_frame *f, double target) {
    return sigma_of(f, f->p->prog_scale, f->grow * f->p->c2c_sigma, target);
}

double mb_stage_program_bias(const mb_frame *f, double target) {
    return scale_of(f->p) * f->unit * mb_gfun_at(&f->p->prog_bias, target / f->arg);
}

double mb_generic_prog_sigma(const mb_generic *p, double G) {
    mb_frame f = mb_frame_of(p);
    if (p->prog_distribution != MB_DIST_TABLE) return mb_stage_program_sigma(&f, G);
    /* of the measured rows around G */
    size_t k, M = p->prog_table_S.n / p->prog_table_g_S.n;
    double w, s[2] = {0, 0};
    mb_stage_at(&p->prog_table_g_S, false, G, &k, &w);
    for (size_t r = 0; r < 2 && k + r < p->prog_table_g_S.n; r++) {
        const double *q = p->prog_table_S.v + (k + r) * M;
        double m = 0;
        for (size_t j = 0; j < M; j++) m += q[j] / (double)M;
        for (size_t j = 0; j < M; j++) s[r] += (q[j] - m) * (q[j] - m) / (double)M;
    }
    double c = cycle_of(&f) * G, v = scale_of(p) * (sqrt(s[0]) + w * (sqrt(s[1]) - sqrt(s[0])));
    return sqrt(v * v + c * c);
}

/* Sorted values at probabilities (j + 1/2) / n. */
static double quantile(const double *v, size_t n, double u) {
    double at = u * (double)n - 0.5;
    if (at <= 0) return v[0];
    if (at >= (double)(n - 1)) return v[n - 1];
    size_t j = (size_t)at;
    return v[j] + (at - (double)j) * (v[j + 1] - v[j]);
}

/* g = t + b + sqrt(s^2 + (c t)^2) z; s, b in S */
MB_CLONES static void gaussian(size_t n, const float *restrict t, const float *restrict s, const float *restrict b, float c,
                               const float *restrict z, float *restrict g) {
#pragma omp simd
    for (size_t i = 0; i < n; i++) {
        float v = c * t[i];
        g[i] = t[i] + b[i] + __builtin_sqrtf(s[i] * s[i] + v * v) * z[i];
    }
}

MB_CLONES static void gaussian_plain(size_t n, const float *restrict t, const float *restrict s, const float *restrict z,
                                     float *restrict g) {
#pragma omp simd
    for (size_t i = 0; i < n; i++) g[i] = t[i] + s[i] * z[i];
}

static void lognormal(const mb_frame *f, size_t n, const float *t, const float *s, const float *b, const float *z, float *g) {
    double c = cycle_of(f);
    for (size_t i = 0; i < n; i++) {
        double G = (double)t[i], m = G + (double)b[i], S = (double)s[i], v = sqrt(S * S + c * G * c * G);
        double v2 = m > 0 ? log1p(v / m * (v / m)) : 0;
        g[i] = m > 0 ? (float)(m * exp(sqrt(v2) * (double)z[i] - v2 / 2)) : 0;
    }
}

static double from_table(const mb_generic *p, double G, double u) {
    size_t k, K = p->prog_table_g_S.n, M = p->prog_table_S.n / K;
    double w;
    mb_stage_at(&p->prog_table_g_S, false, G, &k, &w);
    double e = quantile(p->prog_table_S.v + k * M, M, u);
    return w > 0 ? e + w * (quantile(p->prog_table_S.v + (k + 1) * M, M, u) - e) : e;
}

static void from_words(const mb_frame *f, size_t n, const float *t, const float *s, const float *b, const uint32_t *u,
                       const float *z_cycle, float *g) {
    const mb_generic *p = f->p;
    double c = cycle_of(f);
    for (size_t i = 0; i < n; i++) {
        double G = (double)t[i], v = (u[i] + 0.5) / 4294967296.0, e;
        if (p->prog_distribution == MB_DIST_TABLE) e = scale_of(p) * from_table(p, G, v);
        else if (p->prog_distribution == MB_DIST_RESIDUALS)
            e = (double)b[i] + (double)s[i] * quantile(p->prog_residuals.v, p->prog_residuals.n, v);
        else e = (double)b[i] + 1.7320508075688772 * (double)s[i] * (2 * v - 1);
        if (z_cycle) e += c * G * (double)z_cycle[i];
        g[i] = (float)(G + e);
    }
}

MB_CLONES static void scale_to(size_t n, float by, const float *restrict x, float *restrict y) {
#pragma omp simd
    for (size_t i = 0; i < n; i++) y[i] = by * x[i];
}

MB_CLONES static void scale(size_t n, float by, float *restrict y) {
#pragma omp simd
    for (size_t i = 0; i < n; i++) y[i] *= by;
}

void mb_stage_program(const mb_frame *f, size_t n, const float *target, const float *z, const uint32_t *u, const float *z_cycle,
                      float *g) {
    const mb_generic *p = f->p;
    float x[MB_CELL_CHUNK], s[MB_CELL_CHUNK], b[MB_CELL_CHUNK];
    bool biased = !mb_gfun_zero(&p->prog_bias);
    double by = scale_of(p);
    scale_to(n, (float)(1 / f->arg), target, x);
    mb_gfun_fill(&p->prog_sigma, n, x, s);
    scale(n, (float)(f->grow * by * f->unit), s);
    if (p->prog_distribution == MB_DIST_GAUSSIAN && !biased && !mb_stage_cycle_on(p)) {
        gaussian_plain(n, target, s, z, g);
        return;
    }
    mb_gfun_fill(&p->prog_bias, n, x, b);
    scale(n, (float)(by * f->unit), b);
    if (p->prog_distribution == MB_DIST_GAUSSIAN) gaussian(n, target, s, b, (float)cycle_of(f), z, g);
    else if (p->prog_distribution == MB_DIST_LOGNORMAL) lognormal(f, n, target, s, b, z, g);
    else from_words(f, n, target, s, b, u, z_cycle, g);
}
