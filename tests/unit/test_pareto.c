/* test_pareto.c - Pareto fronts against the definition, hypervolumes against counted unit cells, metrics by short names */
#include "mbtest.h"

#include <math.h>

#include "base/mem.h"
#include "base/rng.h"
#include "made_results.h"
#include "run/pareto.h"

static uint32_t state_lcg = 12345;
static double next(int levels) {
    state_lcg = state_lcg * 1664525u + 1013904223u;
    return (double)((state_lcg >> 8) % (uint32_t)levels);
}

static bool dominates(const double *a, const double *b, int d) {
    bool better = false;
    for (int k = 0; k < d; k++) {
        if (a[k] > b[k]) return false;
        better = better || a[k] < b[k];
    }
    return better;
}

static void front_is_what_nobody_dominates(void **state) {
    (void)state;
    enum { N = 60 };
    for (int d = 1; d <= 4; d++)
        for (int round = 0; round < 20; round++) {
            double v[N * 4];
            bool on[N];
            for (int i = 0; i < N * d; i++) v[i] = next(8);
            v[5 * d] = (double)NAN;
            assert_ok(mb_pareto_mark(v, N, d, on));
            for (int i = 0; i < N; i++) {
                bool want = i != 5;
                for (int k = 0; k < N && want; k++) {
                    if (k == 5 || k == i) continue;
                    if (dominates(v + k * d, v + i * d, d)) want = false;
                    if (k < i && !memcmp(v + k * d, v + i * d, (size_t)d * sizeof *v)) want = false; /* the first of equals */
                }
                assert_int_equal(on[i], want);
            }
        }
}

/* With whole numbers the volume is the number of unit cells that some point dominates. */
static void hypervolume_counts_unit_cells(void **state) {
    (void)state;
    enum { N = 12, R = 6 };
    for (int d = 1; d <= 4; d++)
        for (int round = 0; round < 20; round++) {
            double v[N * 4], ref[4] = {R, R, R, R}, volume = -1;
            int cells = 1, count = 0;
            for (int i = 0; i < N * d; i++) v[i] = next(R + 1);
            for (int k = 0; k < d; k++) cells *= R;
            for (int c = 0; c < cells; c++) {
                bool hit = false;
                for (int i = 0; i < N && !hit; i++) {
                    int at = c;
                    hit = true;
                    for (int k = 0; k < d; k++, at /= R) hit = hit && v[i * d + k] <= at % R;
                }
                count += hit;
            }
            assert_ok(mb_pareto_hypervolume(v, N, d, ref, &volume));
            assert_true(volume == count);
        }
}

static void metrics_have_short_names(void **state) {
    (void)state;
    const mb_column *c;
    assert_ok(mb_metric_find("energy", &c));
    assert_string_equal(c->name, "energy_J");
    assert_ok(mb_metric_find("accuracy", &c));
    assert_string_equal(c->name, "accuracy");
    assert_true(mb_metric_is_maximised(c));
    assert_fails(mb_metric_find("program", &c), MB_BADINPUT, "several");
    assert_fails(mb_metric_find("acuracy", &c), MB_BADINPUT, "did you mean \"accuracy\"");
    assert_fails(mb_metric_find("", &c), MB_BADINPUT, "no metric");
    mb_objective o[MB_FRONT_MAX];
    int n;
    assert_ok(mb_objectives_parse("energy,max:latency,accuracy,min:tops", o, &n));
    assert_int_equal(n, 4);
    assert_false(o[0].maximise);
    assert_true(o[1].maximise);
    assert_true(o[2].maximise);
    assert_false(o[3].maximise);
    assert_fails(mb_objectives_parse("energy,energy_J", o, &n), MB_BADINPUT, "twice");
    assert_fails(mb_objectives_parse("energy,latency,area,accuracy,loss,tops,macs", o, &n), MB_BADINPUT, "at most 6");
}

static void fronts_of_results(void **state) {
    (void)state;
    mb_results r = {0};
    mb_pareto_front f;
    size_t best;
    made_results(&r, "x", 24, 3, 0);
    for (size_t i = 0; i < r.n; i++) { /* a line: every point is on the front; then one far off */
        r.point[i].energy_J = 1e-6 * (double)(i + 1);
        r.point[i].accuracy = 0.5 + 0.01 * (double)i;
    }
    r.point[7].accuracy = 0.1;
    r.point[9].energy_J = (double)NAN;
    assert_ok(mb_pareto_of(&r, "accuracy,energy", &f));
    assert_int_equal(f.n, 22);
    assert_int_equal(f.index[0], 23);
    assert_int_equal(f.index[21], 0);
    assert_true(f.hypervolume > 0.4 && f.hypervolume < 1);
    mb_pareto_free(&f);
    assert_ok(mb_results_best(&r, "energy", &best));
    assert_int_equal(best, 0);
    assert_ok(mb_results_best(&r, "max:energy", &best));
    assert_int_equal(best, 23);
    assert_ok(mb_results_best(&r, "accuracy", &best));
    assert_int_equal(best, 23);
    assert_fails(mb_results_best(&r, "accuracy,energy", &best), MB_BADINPUT, "best is by one");
    mb_results_free(&r);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(front_is_what_nobody_dominates), cmocka_unit_test(hypervolume_counts_unit_cells),
        cmocka_unit_test(metrics_have_short_names), cmocka_unit_test(fronts_of_results)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
