/* stage_verify.c - write and verify: pulses are repeated until the error is within a window
 *
 * Every pulse draws its error anew; it is accepted when |G - G_t| <= tol = verify_tolerance (G_max - G_min), at most
 * N = verify_max_pulses times, after which the last one stands. With p the probability that one pulse is accepted:
 *     accepted in the end   1 - (1 - p)^N,  the error then follows the pulse's distribution cut to the window
 *     not accepted          the error follows it outside the window
 *     pulses                E[n] = (1 - (1 - p)^N) / p;  in all pulses + E[n] - 1, each with its verifying read
 * One uniform number per cell chooses both, by the inverse normal distribution: no loop, the same number of draws for all cells.
 * The verifying read is taken as exact. Gaussian: accepted for lo <= xi <= hi with lo, hi = (-+tol - b) / sigma; log-normal: the
 * same after taking logarithms.
 * Reference: Perez et al., Electronics 10 (2021) 1084, doi:10.3390/electronics10091084 (incremental pulses with verification).
 * Called by cell_generic.c.
 */
#include <gsl/gsl_cdf.h>
#include <math.h>

#include "devices/stages.h"

bool mb_stage_verify_on(const mb_generic *p) { return p->verify == MB_VERIFY_WINDOW && mb_stage_program_on(p); }

/* Window of xi that is accepted; false: every pulse is (sigma = 0 counts as accepted). */
static bool window(const mb_frame *f, double G, double *lo, double *hi) {
    const mb_generic *p = f->p;
    double s = mb_stage_program_sigma(f, G), b = mb_stage_program_bias(f, G),
           tol = p->verify_tolerance * (p->g_max_S - p->g_min_S);
    *lo = -INFINITY;
    *hi = INFINITY;
    if (!(s > 0)) return false;
    if (p->prog_distribution != MB_DIST_LOGNORMAL) {
        *lo = (-tol - b) / s;
        *hi = (tol - b) / s;
        return true;
    }
    double m = G + b, v2 = m > 0 ? log1p(s / m * (s / m)) : 0, v = sqrt(v2);
    if (!(v > 0)) return false;
    if (G > tol) *lo = (log((G - tol) / m) + v2 / 2) / v;
    *hi = (log((G + tol) / m) + v2 / 2) / v;
    return true;
}

static double accept(double lo, double hi) {
    return lo > 0 ? gsl_cdf_ugaussian_Q(lo) - gsl_cdf_ugaussian_Q(hi) : gsl_cdf_ugaussian_P(hi) - gsl_cdf_ugaussian_P(lo);
}

double mb_stage_verify_accept(const mb_frame *f, double target) {
    double lo, hi;
    return window(f, target, &lo, &hi) ? accept(lo, hi) : 1;
}

/* xi between lo and hi at the share v of their probability p. */
static double inside(double lo, double hi, double p, double v) {
    double x = lo > 0 ? gsl_cdf_ugaussian_Qinv(gsl_cdf_ugaussian_Q(lo) - v * p)
                      : gsl_cdf_ugaussian_Pinv(gsl_cdf_ugaussian_P(lo) + v * p);
    return x < lo ? lo : x > hi ? hi : x;
}

static double outside(double lo, double hi, double p, double v) {
    double y = v * (1 - p), left = gsl_cdf_ugaussian_P(lo);
    double x = y < left ? gsl_cdf_ugaussian_Pinv(y) : gsl_cdf_ugaussian_Qinv(gsl_cdf_ugaussian_Q(hi) - (y - left));
    return isfinite(x) ? x : y < left ? lo : hi;
}

void mb_stage_verify(const mb_frame *f, size_t n, const float *target, const uint32_t *u, float *z) {
    double last = -1, lo = 0, hi = 0, p = 1, fail = 0;
    bool limited = false;
    for (size_t i = 0; i < n; i++) {
        double G = (double)target[i], v = (u[i] + 0.5) / 4294967296.0;
        if (G != last) { /* neighbours often share their target */
            limited = window(f, G, &lo, &hi);
            p = limited ? accept(lo, hi) : 1;
            fail = p > 0 ? pow(1 - p, f->p->verify_max_pulses) : 1;
            last = G;
        }
        if (!limited) z[i] = 0;
        else z[i] = (float)(v < 1 - fail ? inside(lo, hi, p, v / (1 - fail)) : outside(lo, hi, p, (v - (1 - fail)) / fail));
    }
}

double mb_generic_pulses(const mb_generic *p, double G) {
    if (!mb_stage_verify_on(p)) return p->pulses;
    mb_frame f = mb_frame_of(p);
    double a = mb_stage_verify_accept(&f, G), N = p->verify_max_pulses;
    double again = a > 0 ? -expm1(N * log1p(-a)) / a : N;
    return p->pulses + (a < 1 ? again : 1) - 1;
}
