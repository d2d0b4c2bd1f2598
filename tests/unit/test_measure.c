/* test_measure.c - measured sensitivities: against plans run as a whole, bytes for any number of threads, and what they must obey */
#include "mbtest.h"

#include <math.h>
#include <omp.h>
#include <string.h>

#include "base/mem.h"
#include "run/answers.h"
#include "run/measure.h"
#include "run/score.h"

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

/* The plan of setting C on all layers, scored. */
static mb_loss scored(const float *logit, const mb_assign *a, int64_t samples, int draws) {
    mb_plan *plan = NULL;
    mb_loss l = {0};
    assert_ok(mb_plan_new(setup.net, a, &plan));
    assert_ok(mb_score_plan(&setup, profile, logit, plan, samples, 5, draws, NULL, &l));
    mb_plan_free(plan);
    return l;
}

/* Loss and accuracy are those of the same devices one by one; the divergence is small where little is lost, its interval shrinks with devices. */
static void scores_are_means_over_devices(void **state) {
    (void)state;
    float *logit = NULL;
    assert_ok(mb_score_reference(setup.net, setup.calib, 48, NULL, &logit));
    const mb_loss few = scored(logit, &setting[1], 48, 2), many = scored(logit, &setting[1], 48, 8), good = scored(logit, &setting[0], 48, 2);
    double loss = 0, right = 0;
    mb_plan *plan = NULL;
    mb_mapped *m = NULL;
    assert_ok(mb_plan_new(setup.net, &setting[1], &plan));
    assert_ok(mb_mapped_new(&setup, profile, plan, &m));
    for (uint32_t t = 5; t < 7; t++) {
        mb_accuracy acc;
        assert_ok(mb_mapped_program(m, t, NULL));
        assert_ok(mb_analog_accuracy(m, setup.calib, 48, NULL, &acc));
        loss += acc.loss / 2, right += (double)acc.correct / 96;
    }
    assert_true(fabs(few.loss - loss) < 1e-9 && fabs(few.accuracy - right) < 1e-12);
    assert_true(good.kl > 0 && good.kl < few.kl && few.kl_half_width > 0 && few.half_width > 0);
    assert_true(many.kl_half_width < few.kl_half_width && fabs(many.kl - few.kl) < few.kl_half_width + many.kl_half_width);
    const mb_assign digital = {MB_DIGITAL, 8, 2, 8, 1, 8, 0, MB_DIFFERENTIAL, 1, 0};
    const mb_loss exact = scored(logit, &digital, 48, 7); /* nothing random: one device says it all */
    const mb_loss once = scored(logit, &digital, 48, 1);
    assert_memory_equal(&exact, &once, sizeof exact);
    assert_true(exact.kl < good.kl);
    omp_set_num_threads(1);
    const mb_loss alone = scored(logit, &setting[1], 48, 2);
    omp_set_num_threads(2);
    assert_memory_equal(&alone, &few, sizeof few);
    mb_mapped_free(m);
    mb_plan_free(plan);
    mb_free(logit);
}

static void divergences(void **state) {
    (void)state;
    const float x[] = {1, 2, 0.5f}, y[] = {2, 1, 0}, far[] = {-3000, 3000, 0}, back[] = {3000, -3000, 0};
    double p[3], q[3], sp = 0, sq = 0, kl = 0;
    for (int i = 0; i < 3; i++) sp += p[i] = exp((double)x[i]), sq += q[i] = exp((double)y[i]);
    for (int i = 0; i < 3; i++) kl += p[i] / sp * log(p[i] / sp / (q[i] / sq));
    assert_true(fabs((double)mb_divergence_units(x, y, 3) * MB_LOSS_UNIT - kl) < 1e-6);
    assert_int_equal(mb_divergence_units(x, x, 3), 0);
    assert_int_equal(mb_divergence_units(far, back, 3), (int64_t)2048 << 20);
}

static int gone;
static void count_free(void *p) {
    gone++;
    mb_free(p);
}

/* Found by key and never twice; what comes second goes. */
static void answers_are_kept_once(void **state) {
    (void)state;
    mb_answers *a;
    assert_ok(mb_answers_new(&a));
    assert_null(mb_answers_find(a, 7));
    int v = 0;
    for (int i = 0; i < 1000; i++) {
        v = 3 * i;
        assert_ok(mb_answers_copy(a, (uint64_t)i << (i % 2 ? 40 : 0), &v, sizeof v));
    }
    for (int i = 1; i < 1000; i++) {
        const int *found = mb_answers_find(a, (uint64_t)i << (i % 2 ? 40 : 0));
        assert_non_null(found);
        assert_int_equal(*found, 3 * i);
    }
    void *first = mb_malloc(1, 8), *kept = NULL;
    assert_ok(mb_answers_put(a, 5, first, count_free, &kept));
    assert_ptr_equal(kept, first);
    assert_ok(mb_answers_put(a, 5, mb_malloc(1, 8), count_free, &kept));
    assert_ptr_equal(kept, first);
    assert_int_equal(gone, 1);
    mb_answers_free(a);
    assert_int_equal(gone, 2);
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
        cmocka_unit_test(scores_are_means_over_devices),
        cmocka_unit_test(divergences),
        cmocka_unit_test(answers_are_kept_once),
        cmocka_unit_test(bad_requests),
    };
    return cmocka_run_group_tests(tests, open_all, close_all);
}
