/* statistics against closed forms and published values */
#include "mbtest.h"

#include <math.h>

#include "base/mem.h"
#include "base/rng.h"
#include "base/stats.h"

static void near(double a, double b, double relative) {
    if (!(fabs(a - b) <= relative * fabs(b))) fail_msg("%.12g instead of %.12g", a, b);
}

static void moments(void **state) {
    (void)state;
    const double v[] = {2, 4, 4, 4, 5, 5, 7, 9};
    mb_moments m = mb_stat_moments(v, 8);
    near(m.mean, 5, 1e-15);
    near(m.sd, sqrt(32.0 / 7), 1e-15);
    near(m.skewness, 0.65625, 1e-12); /* 42 / 8 / 8 */
    near(m.kurtosis, 356.0 / 8 / 16 - 3, 1e-12);
    assert_true(m.min == 2 && m.max == 9);
    assert_true(isnan(mb_stat_moments(v, 0).mean));
    const double same[] = {0.1, 0.1, 0.1};
    m = mb_stat_moments(same, 3);
    assert_true(m.mean == 0.1 && m.sd == 0 && m.kurtosis == 0);
    double w[] = {9, 1, 5, 3, 7}, work[5], median, mad;
    mb_stat_median_mad(w, 5, work, &median, &mad);
    assert_true(median == 5 && fabs(mad - 2 * 1.482602218505602) < 1e-12);
    near(mb_stat_quantile(w, 5, 0.25), 3, 1e-15);
    near(mb_stat_quantile(w, 5, 0.1), 1.8, 1e-15);
    assert_true(mb_stat_quantile(w, 5, 1) == 9 && mb_stat_quantile(w, 5, 0) == 1);
}

static void tests_of_fit(void **state) {
    (void)state;
    enum { N = 2000 };
    static double z[N];
    double D, p;
    mb_stream s;
    mb_stream_init(&s, 11, MB_RNG_TEST, 0, 0, 0);
    for (int i = 0; i < N; i++) z[i] = mb_stream_normal(&s);
    mb_stat_sort(z, N);
    mb_stat_ks_normal(z, N, &D, &p);
    assert_true(D < 0.04 && p > 0.01);
    for (int i = 0; i < N; i++) z[i] *= 1.2;
    mb_stat_ks_normal(z, N, &D, &p);
    assert_true(p < 1e-3);
    /* one number at 0: D = 1/2. Kolmogorov's limit: Q(1.36) = 0.049 */
    z[0] = 0;
    mb_stat_ks_normal(z, 1, &D, &p);
    near(D, 0.5, 1e-15);
    near(mb_stat_chi2_p(3.841458820694124, 1), 0.05, 1e-9);
    near(mb_stat_chi2_p(18.307038053275146, 10), 0.05, 1e-9);
    assert_true(isnan(mb_stat_chi2_p(1, 0)));
    near(mb_stat_aicc(10, 2, 20), 20 + 4 + 12.0 / 17, 1e-15);
    assert_true(isinf(mb_stat_aicc(10, 2, 3)));
    near(mb_stat_bic(10, 2, 20), 20 + 2 * log(20), 1e-15);
}

/* Equal spreads: halfway, Q(d / 2s). Unequal: no other threshold has fewer errors. */
static void thresholds(void **state) {
    (void)state;
    double t, e;
    mb_stat_threshold(1, 0.5, 3, 0.5, &t, &e);
    near(t, 2, 1e-12);
    near(e, 0.022750131948179195, 1e-12); /* Q(2) */
    static const double c[][4] = {{0, 1, 3, 0.2}, {0, 0.2, 3, 1}, {5, 1, 6, 1.0000001}, {0, 1, 1, 1.7}, {1e-6, 1e-7, 3e-6, 5e-7}};
    for (size_t i = 0; i < sizeof c / sizeof *c; i++) {
        const double m0 = c[i][0], s0 = c[i][1], m1 = c[i][2], s1 = c[i][3];
        mb_stat_threshold(m0, s0, m1, s1, &t, &e);
        assert_true(t >= m0 && t <= m1);
        near(e, 0.25 * (erfc((t - m0) / s0 / sqrt(2)) + erfc((m1 - t) / s1 / sqrt(2))), 1e-12);
        for (int k = 0; k <= 1000; k++) {
            const double u = m0 + (m1 - m0) * k / 1000;
            assert_true(e <= 0.25 * (erfc((u - m0) / s0 / sqrt(2)) + erfc((m1 - u) / s1 / sqrt(2))) * (1 + 1e-12));
        }
    }
    mb_stat_threshold(1, 0, 2, 0, &t, &e);
    assert_true(t == 1.5 && e == 0);
    mb_stat_threshold(2, 0.1, 1, 0.1, &t, &e);
    assert_true(e == 0.5);
}

static void information(void **state) {
    (void)state;
    const double sure[9] = {10, 0, 0, 0, 20, 0, 0, 0, 5}, none[4] = {5, 5, 50, 50}, half[4] = {89, 11, 11, 89};
    near(mb_stat_information(sure, 3), log2(3), 1e-12);
    assert_true(mb_stat_information(none, 2) < 1e-12);
    near(mb_stat_information(half, 2), 1 + 0.11 * log2(0.11) + 0.89 * log2(0.89), 1e-12); /* binary symmetric channel */
}

static void spectrum(void **state) {
    (void)state;
    enum { N = 16384, S = 256 };
    static double x[N], f[S / 2 + 1], P[S / 2 + 1];
    mb_stream s;
    mb_stream_init(&s, 5, MB_RNG_TEST, 0, 0, 0);
    for (int i = 0; i < N; i++) x[i] = 3 * mb_stream_normal(&s);
    assert_ok(mb_stat_spectrum(x, N, 0.001, S, f, P));
    near(f[1], 1 / 0.256, 1e-12);
    double mean = 0;
    for (int k = 1; k < S / 2; k++) mean += P[k] / (S / 2 - 1);
    near(mean, 2 * 9 * 0.001, 0.03); /* white: 2 sigma^2 dt */
    for (int i = 0; i < N; i++) x[i] = 2 * sin(2 * M_PI * 32 * i / S); /* all power, 2, in and beside one bin */
    assert_ok(mb_stat_spectrum(x, N, 1, S, f, P));
    near((P[31] + P[32] + P[33]) * f[1], 2, 1e-3);
    assert_int_equal(mb_stat_spectrum(x, 10, 1, S, f, P), MB_BUG);
    mb_error_clear();
}

static void lines(void **state) {
    (void)state;
    const double x[] = {0, 1, 2, 3, 4}, y[] = {1, 3, 5, 7, 9}, z[] = {1, 3, 5, 7, 10}, w[] = {1, 1, 1, 1, 0};
    mb_line l = mb_stat_line(x, y, NULL, 5);
    near(l.a, 1, 1e-14);
    near(l.b, 2, 1e-14);
    assert_true(l.se_b < 1e-12);
    l = mb_stat_line(x, z, w, 5);
    near(l.b, 2, 1e-14);
    l = mb_stat_line(x, z, NULL, 5);
    near(l.b, 2.2, 1e-13);
    near(l.se_b, sqrt(0.4 / 3 / 10), 1e-12);
    assert_true(isnan(mb_stat_line(x, y, NULL, 1).b));
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(moments),     cmocka_unit_test(tests_of_fit), cmocka_unit_test(thresholds),
                                       cmocka_unit_test(information), cmocka_unit_test(spectrum),     cmocka_unit_test(lines)};
    return cmocka_run_group_tests_name("stats", tests, NULL, NULL);
}
