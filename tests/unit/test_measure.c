/* test_measure.c - measured sensitivities: against plans run as a whole, bytes for any number of threads, and what they must obey */
#include "mbtest.h"

#include <math.h>
#include <omp.h>
#include <string.h>

#include "run/measure.h"

static mb_cache *cache;
static mb_setup setup;
static mb_profile *profile;

static int open_all(void **state) {
    (void)state;
    char path[512];
    snprintf(path, sizeof path, "%s/experiments/quickstart.cfg", srcdir());
    const char *set[] = {"dataset=fashion-mnist-fallback", "samples=64", "calibration.dataset=fashion-mnist-fallback",
                         "calibration.samples=48"};
    mb_conf *root = NULL;
    if (mb_cache_new(&cache) || mb_experiment_read(path, set, 4, &root)) return 1;
    mb_conf_use_all(mb_conf_find(root, "sweep"));
    if (mb_setup_load(root, cache, true, &setup)) return 1;
    return mb_profile_new(setup.net, setup.calib, setup.cal.samples, NULL, &profile);
}

static int close_all(void **state) {
    (void)state;
    mb_profile_free(profile);
    mb_setup_free(&setup);
    mb_cache_free(cache);
    return 0;
}

#define SETTINGS 3
static const mb_assign setting[SETTINGS] = {
    {MB_ANALOG, 8, 2, 8, 1, 8, 0, MB_DIFFERENTIAL, 1},
    {MB_ANALOG, 2, 2, 3, 1, 4, 0, MB_DIFFERENTIAL, 1},
    {MB_ANALOG, 2, 2, 3, 1, 4, 0, MB_DIFFERENTIAL, 4}, /* copies change costs only */
};

/* Loss of the plan that has A on layer K and exact integers of 8 bits elsewhere (K < 0: everywhere). */
static double whole(int k, const mb_assign *a, uint32_t trial) {
    mb_assign reference = setting[0];
    mb_plan *plan = NULL;
    mb_mapped *m = NULL;
    mb_accuracy acc;
    reference.engine = MB_DIGITAL;
    assert_ok(mb_plan_new(setup.net, &reference, &plan));
    if (k >= 0) plan->assign[k] = *a;
    assert_ok(mb_mapped_new(&setup, profile, plan, &m));
    for (uint32_t t = 0; t <= trial; t++) assert_ok(mb_mapped_program(m, t, NULL));
    assert_ok(mb_analog_accuracy(m, setup.calib, setup.cal.samples, NULL, &acc));
    mb_mapped_free(m);
    mb_plan_free(plan);
    return acc.loss;
}

/* One layer and setting at a time, the measured increase is that of the plan run as a whole, to the last unit of the losses. */
static void same_as_whole_plans(void **state) {
    (void)state;
    const int layers = setup.net->n_weighted;
    const mb_measure_options o = {.trials = 2, .stress = 1};
    const double L0 = whole(-1, NULL, 0);
    for (int k = 0; k < layers; k += 2)
        for (int c = 0; c < 2; c++) {
            bool use[64] = {false};
            mb_measured *m = NULL;
            use[k * SETTINGS + c] = true;
            assert_ok(mb_measure(&setup, profile, setting, SETTINGS, use, &o, NULL, &m));
            const double direct = (whole(k, &setting[c], 0) + whole(k, &setting[c], 1)) / 2 - L0;
            assert_true(fabs(m->reference - L0) < 1e-12);
            assert_true(fabs(m->mean[k * SETTINGS + c] - direct) < 1e-12);
            assert_true(isnan(m->mean[k * SETTINGS + 1 - c]));
            mb_measured_free(m);
        }
}

static void same_bytes_for_any_threads_and_memory(void **state) {
    (void)state;
    const size_t size = (size_t)setup.net->n_weighted * SETTINGS;
    mb_measured *m[3] = {NULL};
    for (int i = 0; i < 3; i++) {
        const mb_measure_options o = {.trials = 2, .stress = 1, .memory = i == 2 ? 1 : 0}; /* one setting at a time */
        omp_set_num_threads(i + 1);
        assert_ok(mb_measure(&setup, profile, setting, SETTINGS, NULL, &o, NULL, &m[i]));
    }
    omp_set_num_threads(2);
    for (int i = 1; i < 3; i++) {
        assert_memory_equal(m[0]->mean, m[i]->mean, size * sizeof(double));
        assert_memory_equal(m[0]->se, m[i]->se, size * sizeof(double));
        mb_measured_free(m[i]);
    }
    for (size_t k = 0; k < size; k += SETTINGS) {
        assert_true(m[0]->mean[k + 1] == m[0]->mean[k + 2]); /* copies */
        assert_true(m[0]->se[k + 1] > 0);
    }
    mb_measured_free(m[0]);
}

/* More error, more loss: summed over layers, two bits lose more than eight, a stressed device more than one without errors. */
static void grows_with_errors(void **state) {
    (void)state;
    const double stress[] = {0, 1, 4};
    double sum[3][SETTINGS] = {{0}};
    for (int i = 0; i < 3; i++) {
        const mb_measure_options o = {.trials = 2, .stress = stress[i]};
        mb_measured *m = NULL;
        assert_ok(mb_measure(&setup, profile, setting, SETTINGS, NULL, &o, NULL, &m));
        assert_int_equal(m->trials, i == 0 ? 1 : 2); /* ideal cells: one draw says it all */
        for (int k = 0; k < m->n_layers; k++)
            for (int c = 0; c < SETTINGS; c++) sum[i][c] += m->mean[k * SETTINGS + c];
        mb_measured_free(m);
    }
    assert_true(sum[0][1] > 10 * fabs(sum[0][0]));
    assert_true(sum[2][0] > 4 * fabs(sum[1][0]));
    assert_true(sum[1][1] > sum[1][0]);
}

static void bad_requests(void **state) {
    (void)state;
    const mb_measure_options o = {.trials = 1, .stress = 1};
    mb_setup blind = setup;
    mb_measured *m = NULL;
    blind.calib = NULL;
    assert_fails(mb_measure(&blind, profile, setting, SETTINGS, NULL, &o, NULL, &m), MB_BADINPUT, "dataset");
    assert_fails(mb_measure(&setup, profile, setting, 0, NULL, &o, NULL, &m), MB_BADINPUT, "setting");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(same_as_whole_plans),
        cmocka_unit_test(same_bytes_for_any_threads_and_memory),
        cmocka_unit_test(grows_with_errors),
        cmocka_unit_test(bad_requests),
    };
    return cmocka_run_group_tests(tests, open_all, close_all);
}
