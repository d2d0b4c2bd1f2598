/* test_simulate.c - the whole path on the shipped network and images: laws 1, 2, 3 and the interval of an accuracy */
#include "mbtest.h"

#include <math.h>
#include <omp.h>

#include "run/experiment.h"
#include "run/point.h"
#include "run/simulate.h"

static mb_cache *cache;

static int open_cache(void **state) { (void)state; return mb_cache_new(&cache); }
static int close_cache(void **state) { (void)state; mb_cache_free(cache); return 0; }

/* The shipped experiment with settings laid on it. */
static void load(mb_setup *s, const char *const *set, size_t n) {
    char path[512];
    snprintf(path, sizeof path, "%s/experiments/quickstart.cfg", srcdir());
    const char *all[16] = {"dataset=fashion-mnist-fallback", "samples=64", "calibration.samples=16"};
    for (size_t i = 0; i < n; i++) all[3 + i] = set[i];
    mb_conf *root = NULL;
    assert_ok(mb_experiment_read(path, all, 3 + n, &root));
    mb_conf_use_all(mb_conf_find(root, "sweep")); /* one point of our own, not those of the file */
    assert_ok(mb_setup_load(root, cache, true, s));
}

static void result(const char *const *set, size_t n, mb_point_result *r) {
    mb_setup s;
    load(&s, set, n);
    mb_point_options o = {.simulate = true};
    assert_ok(mb_point_run(&s, &o, r, NULL, NULL));
    mb_setup_free(&s);
}

static void ideal_is_exact(void **state) {
    (void)state;
    const char *const set[] = {"device=ideal", "map.adc_bits=16", "map.weight_bits=5", "map.input_bits=6", "map.cell_bits=3"};
    mb_point_result r;
    result(set, 5, &r);
    assert_true(r.accuracy == r.quantised_accuracy);
    assert_true(r.accuracy > 0.8);
    assert_true(r.trials == 1);
    for (size_t k = 0; k < r.n_layer; k++) {
        assert_true(isinf(r.layer[k].snr_dB));
        assert_true(r.layer[k].clipped == 0);
    }
    mb_point_result_free(&r);
}

static void noise_costs_and_is_reproducible(void **state) {
    (void)state;
    const char *const set[] = {"trials=2", "map.weight_bits=4", "map.input_bits=4"};
    mb_point_result r[3];
    for (int t = 0; t < 3; t++) {
        omp_set_num_threads(t + 1);
        result(set, 3, &r[t]);
    }
    omp_set_num_threads(2);
    mb_str a = {0}, b = {0};
    mb_point_json(&r[0], &a);
    for (int t = 1; t < 3; t++) {
        mb_str_clear(&b);
        mb_point_json(&r[t], &b);
        assert_string_equal(mb_cstr(&a), mb_cstr(&b));
    }
    assert_true(r[0].trial[0].loss != r[0].trial[1].loss); /* two draws differ */
    assert_true(isfinite(r[0].layer[0].snr_dB) && r[0].layer[0].snr_dB > 5 && r[0].layer[0].snr_dB < 80);
    assert_true(r[0].accuracy_low < r[0].accuracy && r[0].accuracy < r[0].accuracy_high);
    assert_true(r[0].energy_J > 0 && r[0].latency_s > 0 && r[0].area_m2 > 0 && r[0].n_baseline == 1);
    for (int t = 0; t < 3; t++) mb_point_result_free(&r[t]);
    mb_str_free(&a);
    mb_str_free(&b);
}

/* Wires lower the signal, are the same bytes for any number of threads, and tell their residual; without them nothing changes. */
static void wires_are_exact_and_reproducible(void **state) {
    (void)state;
    const char *const set[] = {"samples=8", "trials=1", "device={ cell = \"rram\"; g_max_S = 1e-4; on_off = 50.0; read_sigma = 0.005; }",
                               "arch.r_wl_ohm=1.0", "arch.r_bl_ohm=1.0"};
    const char *const none[] = {set[0], set[1], set[2], "arch.drive=both", "arch.sense=alternate"};
    mb_point_result r[2], ideal, open;
    for (int t = 0; t < 2; t++) {
        omp_set_num_threads(t + 1);
        result(set, 5, &r[t]);
    }
    result(set, 3, &ideal);
    result(none, 5, &open);
    mb_str a = {0}, b = {0};
    mb_point_json(&r[0], &a);
    mb_point_json(&r[1], &b);
    assert_string_equal(mb_cstr(&a), mb_cstr(&b));
    for (size_t k = 0; k < ideal.n_layer; k++) {
        assert_true(r[0].layer[k].wire_residual > 0 && r[0].layer[k].wire_residual < 1e-12);
        assert_true(ideal.layer[k].wire_residual == 0 && open.layer[k].wire_residual == 0);
        assert_true(r[0].layer[k].snr_dB < ideal.layer[k].snr_dB - 3);
        assert_true(open.layer[k].snr_dB == ideal.layer[k].snr_dB);
    }
    for (size_t t = 0; t < (size_t)open.trials; t++) assert_true(open.trial[t].loss == ideal.trial[t].loss);
    mb_point_result_free(&r[0]);
    mb_point_result_free(&r[1]);
    mb_point_result_free(&ideal);
    mb_point_result_free(&open);
    mb_str_free(&a);
    mb_str_free(&b);
}

/* All cells lose the same share: a factor per layer after the converters brings the outputs back, measured or expected; a cell type that cannot tell is refused. */
static void drift_is_compensated_per_layer(void **state) {
    (void)state;
    const char *const cell = "device={ cell = \"generic\"; g_max_S = 1e-5; drift = \"power\"; drift_nu = [ 0.05 ]; drift_t0_s = 1.0; }";
    const char *const how[] = {"read.drift_compensation=none", "read.drift_compensation=expected", "read.drift_compensation=measured"};
    mb_point_result r[3], fresh;
    for (int i = 0; i < 3; i++) {
        const char *const set[] = {"samples=32", "trials=1", cell, "arch.adc={ type = \"ideal\"; }", "read.time_s=1e6", how[i]};
        result(set, 6, &r[i]);
    }
    const char *const now[] = {"samples=32", "trials=1", cell, "arch.adc={ type = \"ideal\"; }", how[2]};
    result(now, 5, &fresh);
    for (size_t k = 0; k < fresh.n_layer; k++) {
        assert_true(fabs(r[0].layer[k].snr_dB - -20 * log10(1 - pow(1e6 + 1, -0.05))) < 0.1); /* half of the signal is gone */
        for (int i = 1; i < 3; i++) assert_true(r[i].layer[k].snr_dB > r[0].layer[k].snr_dB + 20);
    }
    for (int i = 1; i < 3; i++) assert_true(fabs(r[i].trial[0].loss - fresh.trial[0].loss) < 0.1 * fabs(r[0].trial[0].loss - fresh.trial[0].loss));
    for (int i = 0; i < 3; i++) mb_point_result_free(&r[i]);
    mb_point_result_free(&fresh);

    const char *const rram[] = {"dataset=fashion-mnist-fallback", how[1]};
    char path[512];
    mb_setup s;
    mb_conf *root = NULL;
    snprintf(path, sizeof path, "%s/experiments/quickstart.cfg", srcdir());
    assert_ok(mb_experiment_read(path, rram, 2, &root));
    mb_conf_use_all(mb_conf_find(root, "sweep"));
    assert_fails(mb_setup_load(root, cache, true, &s), MB_BADINPUT, "measured");
}

static void seed_and_settings_make_the_id(void **state) {
    (void)state;
    const char *const sets[][1] = {{"seed=1"}, {"seed=2"}, {"map.input_bits=7"}, {"seed=1"}};
    uint64_t id[4];
    for (int i = 0; i < 4; i++) {
        mb_setup s;
        load(&s, sets[i], 1);
        id[i] = s.id;
        mb_setup_free(&s);
    }
    assert_true(id[0] != id[1] && id[0] != id[2] && id[1] != id[2]);
    assert_true(id[0] == id[3]);
}

static void digital_engine_is_the_integer_product(void **state) {
    (void)state;
    const char *const set[] = {"map.engine=digital"};
    mb_point_result r;
    result(set, 1, &r);
    assert_true(r.accuracy == r.quantised_accuracy);
    assert_true(r.arrays == 0 && r.trials == 1);
    mb_point_result_free(&r);
}

static void interval_is_wilson_and_student(void **state) {
    (void)state;
    double lo, hi;
    mb_accuracy_interval(0.9, 100, 0, 1, &lo, &hi); /* statsmodels proportion_confint(90, 100, method="wilson") = 0.825633, 0.944771 */
    assert_true(fabs(lo - 0.825633) < 2e-6 && fabs(hi - 0.944771) < 2e-6);
    mb_accuracy_interval(0.5, 1000000000, 0.02, 4, &lo, &hi); /* t(0.975, 3) = 3.182446: half-width 0.0318245 */
    assert_true(fabs((hi - lo) / 2 - 0.0318245) < 1e-5);
    mb_accuracy_interval(1.0, 10, 0, 1, &lo, &hi);
    assert_true(hi <= 1.0 && lo > 0.6 && lo < 0.8);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(interval_is_wilson_and_student), cmocka_unit_test(ideal_is_exact), cmocka_unit_test(noise_costs_and_is_reproducible),
        cmocka_unit_test(wires_are_exact_and_reproducible),
        cmocka_unit_test(drift_is_compensated_per_layer),
        cmocka_unit_test(seed_and_settings_make_the_id), cmocka_unit_test(digital_engine_is_the_integer_product),
    };
    return cmocka_run_group_tests(tests, open_cache, close_cache);
}
