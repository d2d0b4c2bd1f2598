/* stats.h - statistics of plain arrays: moments, order statistics, tests, information criteria, spectra
 *
 * Sums run in the order of the array. Nothing here knows of devices. References: P. J. Rousseeuw, C. Croux, JASA 88 (1993) 1273,
 * doi:10.1080/01621459.1993.10476408 (median absolute deviation); M. A. Stephens, J. R. Stat. Soc. B 32 (1970) 115 (Kolmogorov's
 * test for finite n); C. M. Hurvich, C.-L. Tsai, Biometrika 76 (1989) 297, doi:10.1093/biomet/76.2.297 (AICc); G. Schwarz, Ann.
 * Stat. 6 (1978) 461, doi:10.1214/aos/1176344136 (BIC); P. D. Welch, IEEE Trans. Audio 15 (1967) 70, doi:10.1109/TAU.1967.1161901.
 */
#ifndef MB_BASE_STATS_H
#define MB_BASE_STATS_H

#include <stddef.h>

typedef struct mb_moments {
    size_t n;
    double mean, sd;            /* sd with n - 1; 0 for n < 2 */
    double min, max;
    double skewness, kurtosis;  /* excess kurtosis; 0 for a normal distribution and where sd is 0 */
} mb_moments;
mb_moments mb_stat_moments(const double *v, size_t n);

void mb_stat_sort(double *v, size_t n);
double mb_stat_quantile(const double *sorted, size_t n, double p); /* linear between order statistics; NaN for n = 0 */
/* Median and 1.4826 times the median absolute deviation, which is sigma of a normal distribution. V is sorted by the call; WORK
 * holds n numbers. */
void mb_stat_median_mad(double *v, size_t n, double *work, double *median, double *mad);

/* Distance of the empirical distribution of the SORTED numbers from N(0, 1), and the probability of a larger one. */
void mb_stat_ks_normal(const double *sorted, size_t n, double *D, double *p);
double mb_stat_chi2_p(double chi2, double dof); /* probability of a larger chi2; NaN for dof <= 0 */

/* From the negative logarithm of the likelihood, K parameters, N data. AICc is infinite for n <= k + 1. */
double mb_stat_aicc(double nll, int k, double n);
double mb_stat_bic(double nll, int k, double n);

/* Two normal distributions, equally likely, m0 < m1: the threshold with the fewest errors between the means, and the share of wrong
 * decisions, (P(x0 > t) + P(x1 < t)) / 2. Standard deviations may be 0. */
void mb_stat_threshold(double m0, double s0, double m1, double s1, double *t, double *error);

/* Bits that output tells of input: mutual information of a channel with N inputs, equally likely; row I of COUNT[n][n] counts the
 * outputs of input I. */
double mb_stat_information(const double *count, size_t n);

/* One-sided power spectral density of X (mean removed), sampled every DT, averaged over segments of SEGMENT (a power of two)
 * points that overlap by half, with a Hann window: freq[k] = k / (segment dt), psd[k] in units^2/Hz for k = 1 .. segment / 2; index
 * 0 is the density at 0 and says nothing. Both hold segment / 2 + 1 numbers. The sum of psd df is the variance of X. MB_SYSTEM
 * without memory, MB_BUG when n < segment. */
int mb_stat_spectrum(const double *x, size_t n, double dt, size_t segment, double *freq, double *psd);

/* Straight line y = a + b x with weights w (NULL: 1): least squares; standard errors from the residuals (0 for n = 2). */
typedef struct mb_line {
    double a, b, se_a, se_b, chi2;
} mb_line;
mb_line mb_stat_line(const double *x, const double *y, const double *w, size_t n);

#endif
