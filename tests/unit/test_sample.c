/* sampling of cells against closed forms: overlap, bits, drift, read noise, level grids; the same seed gives the same numbers */
#include "mbtest.h"

#include <math.h>

#include "base/mem.h"
#include "run/across.h"
#include "run/sample.h"

static const double times[] = {0, 1, 3600};

static mb_cell loaded(const char *text) {
    mb_conf *c = NULL;
    mb_cell cell;
    assert_ok(mb_conf_parse(text, "test.cfg", &c));
    assert_ok(mb_cell_load(c, &cell));
    mb_conf_free(c);
    return cell;
}

static mb_sample sampled(const char *text, int cells, int levels) {
    mb_cell cell = loaded(text);
    mb_sample s;
    const mb_sample_options o = {
        .cells = cells, .levels = levels, .seed = 7, .time_s = times, .n_time = 3, .temp_K = 300, .read_s = 1e-8};
    assert_ok(mb_sample_cell(&cell, &o, &s));
    mb_cell_free(&cell);
    return s;
}

static double Q(double x) { return 0.5 * erfc(x / sqrt(2)); }

/* Levels D apart with equal Gaussian spreads of programming and reading: every pair has Q(D / 2 s). */
static void overlap(void **state) {
    (void)state;
    static const double sigma[] = {0.02, 0.05, 0.1, 0.2};
    for (size_t i = 0; i < 4; i++) {
        char text[300];
        snprintf(text, sizeof text,
                 "cell = \"rram\"; g_max_S = 1e-4; on_off = 2.0; levels = 4; prog_sigma = %.17g; read_sigma = %.17g;",
                 0.8 * sigma[i] / 3, 0.6 * sigma[i] / 3);
        enum { N = 20000 };
        mb_sample s = sampled(text, N, 16);
        const double d = 0.5e-4 / 3, sd = 1e-4 * sigma[i] / 3, want = Q(d / 2 / sd);
        assert_int_equal(s.n_level, 4);
        for (size_t k = 0; k < 3; k++) {
            const double slope = exp(-d * d / (8 * sd * sd)) / sqrt(2 * M_PI) * d / 2 / sd; /* d error / d ln sd */
            assert_true(fabs(s.pair[k].error - want) < 5 * slope * sqrt(1.0 / N) + 1e-12);
            assert_true(fabs(s.pair[k].counted - want) < 5 * sqrt(want / (2 * N)) + 5 * slope * sqrt(1.0 / N) + 2.0 / N);
            assert_true(fabs(s.pair[k].threshold - (s.level[k].target + d / 2)) < 5 * sd / sqrt((double)N) * 5);
        }
        const double errors = want * 2 * 3 / 4.0; /* two inner levels err to both sides */
        if (want < 0.2) assert_true(fabs(s.age[0].error - errors) < 0.05 * errors + 5 * sqrt(errors / (4 * N)));
        const double bits = log2(0.5e-4 / sqrt(12) / sd);
        assert_true(fabs(s.age[0].effective_bits - bits) < 0.02);
        for (size_t k = 0; k < 4; k++) {
            double n = 0;
            const mb_sample_level *l = &s.level[k];
            assert_true(fabs(l->programmed.sd / (0.8 * sd) - 1) < 5 / sqrt(2.0 * N));
            assert_true(fabs(l->noise_sd / (0.6 * sd) - 1) < 5 / sqrt(2 * 64.0 * 128));
            assert_true(fabs(l->noise_model / (0.6 * sd) - 1) < 1e-5);
            for (int b = 0; b < MB_SAMPLE_BINS; b++) n += l->histogram[b];
            assert_true(n == N);
            assert_true(fabs(l->read_J - 0.04 * l->programmed.mean * 1e-8) < 1e-25);
        }
        mb_sample_free(&s);
    }
}

/* One cell in a hundred stuck far away widens the deviation of a level tenfold; what overlaps is still one in two hundred of the pair. */
static void stuck_cells_are_not_a_width(void **state) {
    (void)state;
    mb_sample s = sampled("cell = \"generic\"; g_max_S = 1e-4; levels = 8; prog_sigma = [ 0.01 ]; stuck_on = 0.01;", 20000, 16);
    assert_true(s.level[0].read.sd > 5e-6);
    for (size_t k = 1; k + 2 < s.n_level; k++) { /* level 0 is clipped at zero */
        assert_true(fabs(s.pair[k].error - 0.005) < 5 * sqrt(0.01 / 20000) / 2);
        assert_true(fabs(s.pair[k].threshold - (s.level[k].target + s.level[k + 1].target) / 2) < 2e-7);
    }
    assert_true(s.separable >= 15); /* 100 uS / 6 uS */
    mb_sample_free(&s);
}

static void exact_cells(void **state) {
    (void)state;
    mb_sample s = sampled("cell = \"ideal\"; levels = 8;", 100, 16);
    assert_true(s.deterministic && s.linear && !s.noisy);
    assert_int_equal(s.n_level, 8);
    for (size_t k = 0; k < 7; k++) assert_true(s.pair[k].error == 0 && s.pair[k].counted == 0);
    assert_true(fabs(s.age[2].information_bits - 3) < 1e-12 && isinf(s.age[2].effective_bits) && isinf(s.separable));
    mb_sample_free(&s);
    s = sampled("cell = \"ideal\";", 10, 5); /* continuous */
    assert_int_equal(s.n_level, 5);
    assert_int_equal(s.levels, 0);
    mb_sample_free(&s);
    /* levels that are not equally spaced are found through the interface */
    s = sampled("cell = \"generic\"; g_min_S = 1e-6; g_max_S = 8e-6; level_S = [ 1e-6, 2e-6, 4e-6, 8e-6 ]; prog_sigma = [ 0.01 "
                "];",
                100, 16);
    assert_int_equal(s.n_level, 4);
    for (int k = 0; k < 4; k++) assert_true(fabs(s.level[k].target / ((1 << k) * 1e-6) - 1) < 1e-5);
    mb_sample_free(&s);
}

static void ageing(void **state) {
    (void)state;
    mb_sample s =
        sampled("cell = \"rram\"; on_off = 5.0; levels = 4; prog_sigma = 0.01; drift_nu = 0.05; drift_t0_s = 2.0;", 2000, 16);
    for (size_t t = 0; t < 3; t++) {
        const double want = pow(1 + times[t] / 2, -0.05);
        assert_true(fabs(s.age[t].ratio / want - 1) < 1e-5);
        for (size_t k = 0; k < 4; k++) assert_true(fabs(s.mean[t * 4 + k] / s.mean[k] / want - 1) < 1e-5);
    }
    assert_true(s.age[2].error > 0.3 && s.age[0].error < 1e-3);
    assert_true(s.age[2].information_bits < s.age[0].information_bits);
    mb_sample_free(&s);
}

static void noise_and_curve(void **state) {
    (void)state;
    mb_sample s = sampled("cell = \"rram\"; read_sigma = 0.01;", 500, 4);
    for (int k = 0; k < 2 && !s.analytic; k++) { /* white: 2 sigma^2 dt, flat */
        const double G = s.psd_level[k], want = 2 * pow(0.01 * 225e-6 / G, 2) * 1e-8;
        double mean = 0;
        for (size_t f = 1; f + 1 < s.n_freq; f++) mean += s.psd[k][f] / (double)(s.n_freq - 2);
        assert_true(fabs(mean / want - 1) < 0.05 && fabs(s.slope[k]) < 0.1);
    }
    mb_sample_free(&s);
    s = sampled("cell = \"generic\"; g_min_S = 1e-6; g_max_S = 1e-5; iv = \"sinh\"; iv_V0 = 0.1; read_V = 0.2;", 100, 4);
    assert_true(!s.linear);
    assert_true(fabs(s.level[2].flat - sinh(1.0) / sinh(2.0)) < 1e-9);
    assert_true(fabs(s.amp[2][s.n_iv - 1] - 1e-5 * 0.2) < 1e-15 && fabs(s.amp[2][0] + 1e-5 * 0.2) < 1e-15);
    mb_sample_free(&s);
}

static void repeats(void **state) {
    (void)state;
    static const char text[] = "cell = \"rram\"; levels = 3; prog_sigma = 0.05; read_sigma = 0.02; drift_nu = 0.02; "
                               "drift_nu_sigma = 0.01;";
    mb_sample a = sampled(text, 700, 16), b = sampled(text, 700, 16);
    for (size_t i = 0; i < 9; i++) assert_true(a.mean[i] == b.mean[i] && a.sd[i] == b.sd[i]);
    mb_cell cell = loaded(text);
    mb_str x = {0}, y = {0};
    assert_ok(mb_sample_data(&cell, &a, 5, 2, &x));
    assert_ok(mb_sample_data(&cell, &b, 5, 2, &y));
    assert_string_equal(mb_cstr(&x), mb_cstr(&y));
    size_t lines = 0;
    for (const char *c = mb_cstr(&x); *c; c++) lines += *c == '\n';
    assert_int_equal(lines, 1 + 3 * 3 * 5 * 2);
    mb_str script = {0};
    assert_ok(mb_sample_plot(&a, "quote ' and \n newline", &script));
    assert_non_null(strstr(mb_cstr(&script), "set multiplot"));
    mb_str_free(&script);
    mb_str_free(&x);
    mb_str_free(&y);
    mb_cell_free(&cell);
    mb_sample_free(&a);
    mb_sample_free(&b);
}

static void time_lists(void **state) {
    (void)state;
    double *t;
    size_t n;
    assert_ok(mb_times_parse("0, 10ms 1,1min,2h,1.5d,1y", &t, &n));
    const double want[] = {0, 0.01, 1, 60, 7200, 129600, 31557600};
    assert_int_equal(n, 7);
    for (size_t i = 0; i < n; i++) assert_true(fabs(t[i] - want[i]) < 1e-9);
    mb_free(t);
    static const char *const bad[] = {"", "1,1", "2,1", "-1", "1x", "nan", "1e300", "1,,x", "1 parsec"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        assert_int_equal(mb_times_parse(bad[i], &t, &n), MB_BADINPUT);
        assert_null(t);
        mb_error_clear();
    }
    char buf[32];
    assert_string_equal(mb_age_text(buf, sizeof buf, 3600), "1 h");
    assert_string_equal(mb_age_text(buf, sizeof buf, 0.01), "10 ms");
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(overlap), cmocka_unit_test(stuck_cells_are_not_a_width), cmocka_unit_test(exact_cells),
                                       cmocka_unit_test(ageing),  cmocka_unit_test(noise_and_curve),
                                       cmocka_unit_test(repeats), cmocka_unit_test(time_lists)};
    return cmocka_run_group_tests_name("sample", tests, NULL, NULL);
}
