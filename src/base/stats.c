/* stats.c - statistics of plain arrays (stats.h) */
#include "base/stats.h"

#include <gsl/gsl_cdf.h>
#include <gsl/gsl_errno.h>
#include <gsl/gsl_fft_real.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/mem.h"

static const double NOT = (double)NAN;

mb_moments mb_stat_moments(const double *v, size_t n) {
    mb_moments m = {.n = n, .mean = NOT, .min = NOT, .max = NOT};
    double sum = 0, s2 = 0, s3 = 0, s4 = 0;
    if (n == 0) return m;
    m.min = m.max = v[0];
    for (size_t i = 0; i < n; i++) {
        sum += v[i];
        m.min = v[i] < m.min ? v[i] : m.min;
        m.max = v[i] > m.max ? v[i] : m.max;
    }
    m.mean = sum / (double)n;
    if (m.min == m.max) m.mean = m.min;
    for (size_t i = 0; i < n; i++) {
        const double d = v[i] - m.mean;
        s2 += d * d;
        s3 += d * d * d;
        s4 += d * d * d * d;
    }
    if (n > 1) m.sd = sqrt(s2 / (double)(n - 1));
    const double var = s2 / (double)n;
    if (var > 0) {
        m.skewness = s3 / (double)n / (var * sqrt(var));
        m.kurtosis = s4 / (double)n / (var * var) - 3;
        if (!isfinite(m.skewness)) m.skewness = 0;
        if (!isfinite(m.kurtosis)) m.kurtosis = 0;
    }
    return m;
}

static int ascending(const void *a, const void *b) {
    const double x = *(const double *)a, y = *(const double *)b;
    return x < y ? -1 : x > y;
}

void mb_stat_sort(double *v, size_t n) {
    if (n > 1) qsort(v, n, sizeof *v, ascending);
}

double mb_stat_quantile(const double *sorted, size_t n, double p) {
    if (n == 0) return NOT;
    const double at = (p < 0 ? 0 : p > 1 ? 1 : p) * (double)(n - 1), low = floor(at);
    const size_t i = (size_t)low;
    return i + 1 < n ? sorted[i] + (at - low) * (sorted[i + 1] - sorted[i]) : sorted[n - 1];
}

void mb_stat_median_mad(double *v, size_t n, double *work, double *median, double *mad) {
    mb_stat_sort(v, n);
    *median = mb_stat_quantile(v, n, 0.5);
    for (size_t i = 0; i < n; i++) work[i] = fabs(v[i] - *median);
    mb_stat_sort(work, n);
    *mad = 1.482602218505602 * mb_stat_quantile(work, n, 0.5);
}

void mb_stat_ks_normal(const double *sorted, size_t n, double *D, double *p) {
    *D = 0;
    for (size_t i = 0; i < n; i++) {
        const double F = gsl_cdf_ugaussian_P(sorted[i]), up = (double)(i + 1) / (double)n - F, down = F - (double)i / (double)n;
        *D = fmax(*D, fmax(up, down));
    }
    const double r = sqrt((double)n), x = (r + 0.12 + 0.11 / r) * *D;
    double q = 0;
    if (n == 0) {
        *p = NOT;
        return;
    }
    if (x < 0.2) {
        *p = 1;
        return;
    }
    for (int k = 1; k <= 100; k++) q += (k % 2 ? 2 : -2) * exp(-2 * k * k * x * x);
    *p = q < 0 ? 0 : q > 1 ? 1 : q;
}

double mb_stat_chi2_p(double chi2, double dof) { return dof > 0 && chi2 >= 0 ? gsl_cdf_chisq_Q(chi2, dof) : NOT; }

double mb_stat_aicc(double nll, int k, double n) {
    const double rest = n - k - 1;
    return rest > 0 ? 2 * nll + 2 * k + 2.0 * k * (k + 1) / rest : (double)INFINITY;
}

double mb_stat_bic(double nll, int k, double n) { return 2 * nll + k * log(n); }

void mb_stat_threshold(double m0, double s0, double m1, double s1, double *t, double *error) {
    if (!(m1 > m0)) {
        *t = (m0 + m1) / 2;
        *error = 0.5;
        return;
    }
    if (s0 <= 0 && s1 <= 0) {
        *t = (m0 + m1) / 2;
        *error = 0;
        return;
    }
    if (s0 <= 0 || s1 <= 0) { /* just beyond the sharp one */
        *t = s0 <= 0 ? m0 : m1;
        *error = 0.5 * gsl_cdf_ugaussian_Q((m1 - m0) / (s0 + s1));
        return;
    }
    /* equal densities: (t - m0)^2 / s0^2 - (t - m1)^2 / s1^2 = 2 ln(s1 / s0) */
    const double d = m1 - m0, a = 1 / (s0 * s0) - 1 / (s1 * s1), b = 2 * d / (s1 * s1), /* in u = t - m0 */
        c = -d * d / (s1 * s1) - 2 * log(s1 / s0);
    double u;
    if (fabs(a) * d < 1e-9 * fabs(b)) {
        u = -c / b;
    } else {
        const double disc = b * b - 4 * a * c, root = disc > 0 ? sqrt(disc) : 0, q = -0.5 * (b + root);
        const double u1 = q / a, u2 = q != 0 ? c / q : u1;
        u = u1 >= 0 && u1 <= d ? u1 : u2;
    }
    /* where the narrow one is below the wide one everywhere between the means, the nearer mean is the best that is between */
    u = !(u > 0) ? 0 : u > d ? d : u;
    *t = m0 + u;
    *error = 0.5 * (gsl_cdf_ugaussian_Q(u / s0) + gsl_cdf_ugaussian_Q((d - u) / s1));
}

double mb_stat_information(const double *count, size_t n) {
    double bits = 0;
    for (size_t k = 0; k < n; k++) { /* output */
        double out = 0;
        for (size_t i = 0; i < n; i++) {
            double row = 0;
            for (size_t j = 0; j < n; j++) row += count[i * n + j];
            if (row > 0) out += count[i * n + k] / row / (double)n;
        }
        for (size_t i = 0; i < n && out > 0; i++) {
            double row = 0;
            for (size_t j = 0; j < n; j++) row += count[i * n + j];
            const double p = row > 0 ? count[i * n + k] / row : 0;
            if (p > 0) bits += p / (double)n * log2(p / out);
        }
    }
    return bits > 0 ? bits : 0;
}

int mb_stat_spectrum(const double *x, size_t n, double dt, size_t segment, double *freq, double *psd) {
    const size_t half = segment / 2;
    double mean = 0, norm = 0;
    size_t pieces = 0;
    if (segment < 4 || (segment & (segment - 1)) || n < segment || !(dt > 0))
        return mb_fail(MB_BUG, "spectrum of %zu points in segments of %zu", n, segment);
    double *y = mb_malloc(segment, sizeof *y);
    if (!y) return mb_nomem();
    for (size_t i = 0; i < n; i++) mean += x[i];
    mean /= (double)n;
    for (size_t k = 0; k <= half; k++) psd[k] = 0, freq[k] = (double)k / ((double)segment * dt);
    for (size_t i = 0; i < segment; i++) {
        const double w = 0.5 - 0.5 * cos(2 * M_PI * (double)i / (double)segment);
        norm += w * w;
    }
    for (size_t at = 0; at + segment <= n; at += half, pieces++) {
        for (size_t i = 0; i < segment; i++)
            y[i] = (x[at + i] - mean) * (0.5 - 0.5 * cos(2 * M_PI * (double)i / (double)segment));
        gsl_fft_real_radix2_transform(y, 1, segment);
        for (size_t k = 1; k < half; k++) psd[k] += 2 * (y[k] * y[k] + y[segment - k] * y[segment - k]);
        psd[0] += y[0] * y[0];
        psd[half] += y[half] * y[half];
    }
    for (size_t k = 0; k <= half; k++) psd[k] *= dt / (norm * (double)pieces);
    mb_free(y);
    return MB_OK;
}

mb_line mb_stat_line(const double *x, const double *y, const double *w, size_t n) {
    mb_line l = {.a = NOT, .b = NOT, .se_a = NOT, .se_b = NOT};
    double W = 0, X = 0, Y = 0, xx = 0, xy = 0;
    for (size_t i = 0; i < n; i++) {
        const double wi = w ? w[i] : 1;
        W += wi;
        X += wi * x[i];
        Y += wi * y[i];
    }
    if (n < 2 || !(W > 0)) return l;
    X /= W;
    Y /= W;
    for (size_t i = 0; i < n; i++) {
        const double wi = w ? w[i] : 1;
        xx += wi * (x[i] - X) * (x[i] - X);
        xy += wi * (x[i] - X) * (y[i] - Y);
    }
    if (!(xx > 0)) return l;
    l.b = xy / xx;
    l.a = Y - l.b * X;
    l.chi2 = 0;
    for (size_t i = 0; i < n; i++) {
        const double e = y[i] - l.a - l.b * x[i];
        l.chi2 += (w ? w[i] : 1) * e * e;
    }
    const double s2 = n > 2 ? l.chi2 / (double)(n - 2) : 0;
    l.se_b = sqrt(s2 / xx);
    l.se_a = sqrt(s2 * (1 / W + X * X / xx));
    return l;
}
