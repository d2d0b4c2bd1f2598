/* test_modes.c - run-time modes: the best k of a front against brute force, modes of a plan, early exit between its ends */
#include "mbtest.h"

#include <math.h>
#include <string.h>

#include "base/rng.h"
#include "mapping/modes.h"
#include "run/modes.h"

static double area_of(const double *cost, const double *loss, const int *pick, int n, double cr, double lr) {
    double a = 0;
    for (int i = 0; i < n; i++) a += ((i + 1 < n ? cost[pick[i + 1]] : cr) - cost[pick[i]]) * (lr - loss[pick[i]]);
    return a;
}

static void cover_is_the_best_of_all(void **state) {
    (void)state;
    mb_stream rng;
    mb_stream_init(&rng, 5, MB_RNG_PROGRAM, 0, 0, 0);
    for (int round = 0; round < 200; round++) {
        enum { N = 10 };
        double cost[N], loss[N], c = 0, l = 20, best = 0, area;
        int pick[N], n, k = 1 + (int)(mb_stream_u32(&rng) % 5);
        for (int i = 0; i < N; i++) {
            c += 1 + mb_stream_u32(&rng) % 7;
            l -= 0.1 + mb_stream_u32(&rng) % 4;
            cost[i] = c;
            loss[i] = l;
        }
        const double cr = 5 + mb_stream_u32(&rng) % 50, lr = 5 + mb_stream_u32(&rng) % 15;
        assert_ok(mb_modes_cover(cost, loss, N, k, cr, lr, pick, &n, &area));
        for (int set = 0; set < 1 << N; set++) {
            int some[N], m = 0, inside = 1;
            for (int i = 0; i < N; i++)
                if (set >> i & 1) some[m++] = i, inside = inside && cost[i] < cr && loss[i] < lr;
            if (m > k || !inside) continue;
            best = fmax(best, area_of(cost, loss, some, m, cr, lr));
        }
        assert_true(n <= k);
        for (int i = 0; i < n; i++) assert_true(cost[pick[i]] < cr && loss[pick[i]] < lr && (i == 0 || pick[i] > pick[i - 1]));
        assert_true(fabs(area - best) < 1e-9 && fabs(area_of(cost, loss, pick, n, cr, lr) - best) < 1e-9);
    }
    int none;
    assert_ok(mb_modes_cover(NULL, NULL, 0, 3, 1, 1, NULL, &none, NULL));
    assert_int_equal(none, 0);
}

static mb_cache *cache;
static mb_setup setup;

static int open_all(void **state) {
    (void)state;
    char path[512];
    snprintf(path, sizeof path, "%s/experiments/quickstart.cfg", srcdir());
    const char *set[] = {"dataset=fashion-mnist-fallback", "samples=96", "calibration.dataset=fashion-mnist-fallback",
                         "calibration.samples=32", "arch.weight_code=balanced", "trials=2"};
    mb_conf *root = NULL;
    if (mb_cache_new(&cache) || mb_experiment_read(path, set, 6, &root)) return 1;
    mb_conf_use_all(mb_conf_find(root, "sweep"));
    return mb_setup_load(root, cache, true, &setup);
}

static int close_all(void **state) {
    (void)state;
    mb_setup_free(&setup);
    mb_cache_free(cache);
    return 0;
}

static void result(const mb_plan *plan, int mode, mb_point_result *r) {
    mb_plan *p = NULL;
    assert_ok(mb_plan_of_mode(plan, mode, &p));
    const mb_point_options o = {.plan = p, .simulate = true};
    assert_ok(mb_point_run(&setup, &o, r, NULL, NULL));
    mb_plan_free(p);
}

static void modes_save_and_exits_lie_between(void **state) {
    (void)state;
    static const int in[] = {4, 8}, adc[] = {6, 8}, weight[] = {2, 4, 8};
    const mb_modes_options o = {.count = 2, .metric = 0, .max_loss = 1, .input_bits = in, .n_input = 2, .adc_bits = adc, .n_adc = 2,
                                .weight_bits = weight, .n_weight = 3, .trials = 1};
    mb_plan *plan = NULL, *own[2];
    mb_mode_found found[2];
    mb_point_result r[3];
    int n, front;
    assert_ok(mb_point_map(&setup, NULL, &plan, NULL));
    assert_ok(mb_modes_find(&setup, plan, &o, found, &n, &front));
    assert_int_equal(n, 2);
    assert_true(plan->n_modes == 2 && front >= 2 && found[0].predicted < found[1].predicted);
    for (int i = 0; i < 3; i++) result(plan, i - 1, &r[i]);
    assert_true(r[1].energy_J < 0.8 * r[0].energy_J && r[2].energy_J < r[1].energy_J); /* they save what they are for */
    assert_true(r[1].area_m2 <= r[0].area_m2 && r[1].arrays == r[0].arrays && r[1].program_J == r[0].program_J); /* on the same cells */
    assert_true(r[1].accuracy > 0.8);
    const double limit[2] = {found[0].cost.energy_J, found[1].cost.energy_J};
    assert_ok(mb_modes_dedicated(&setup, plan, &o, limit, 2, own));
    for (int i = 0; i < 2; i++) {
        mb_metrics m;
        assert_non_null(own[i]);
        assert_ok(mb_cost_network(setup.mach, &setup.cell, setup.net, own[i], NULL, NULL, NULL, &m));
        assert_true(m.energy_J <= limit[i] * (1 + 1e-9));
        mb_plan_free(own[i]);
    }
    mb_exit_point e[5];
    mb_plan *low = NULL, *high = NULL;
    const mb_cost cl = {1, 2, 0}, ch = {10, 20, 0};
    assert_ok(mb_plan_of_mode(plan, 1, &low));
    assert_ok(mb_plan_of_mode(plan, -1, &high));
    assert_ok(mb_modes_exit(&setup, low, high, &cl, &ch, 5, NULL, e));
    assert_true(fabs(e[0].accuracy - r[2].accuracy) < 1e-12 && fabs(e[4].accuracy - r[0].accuracy) < 1e-12); /* the ends are the modes */
    assert_true(e[0].rerun == 0 && e[4].rerun == 1);
    assert_true(fabs(e[0].energy_J - 1) < 1e-12 && fabs(e[4].energy_J - 11) < 1e-12 && fabs(e[4].latency_s - 22) < 1e-12);
    for (int i = 1; i < 5; i++) assert_true(e[i].rerun >= e[i - 1].rerun && e[i].threshold >= e[i - 1].threshold);
    for (int i = 0; i < 3; i++) mb_point_result_free(&r[i]);
    mb_plan_free(low);
    mb_plan_free(high);
    mb_plan_free(plan);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(cover_is_the_best_of_all), cmocka_unit_test(modes_save_and_exits_lie_between)};
    return cmocka_run_group_tests(tests, open_all, close_all);
}
