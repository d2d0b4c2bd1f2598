/* test_sram.c - SRAM model: table points, interpolation, documented rules outside of the table, limits; digital unit costs
 * against published values */
#include "mbtest.h"

#include <math.h>

#include "cost/sram.h"
#include "cost/unit.h"

static void near(double got, double want, double relative) {
    if (!(fabs(got / want - 1) <= relative)) fail_msg("%.6g is not within %g of %.6g", got, relative, want);
}

/* CACTI 7 runs (sweep file of the reference; 64-bit words unless said otherwise): KiB, width, node, read pJ, area mm2. */
static void table_points_are_reproduced(void **state) {
    static const struct {
        double kib, width, node, pJ, mm2;
    } point[] = {
        {1, 64, 22, 0.380161, 0.000857542}, {16, 64, 22, 2.64360, 0.0150736},  {256, 64, 22, 11.8577, 0.22529},
        {16, 512, 22, 8.50543, 0.0170412},  {64, 256, 22, 13.6217, 0.0650164}, {4096, 64, 22, 43.9, 3.08},
        {64, 64, 32, 12.9, 0.124},          {1024, 64, 45, 93.5, 3.26},        {16, 64, 65, 21.0, 0.106},
        {1, 64, 90, 6.14, 0.0144},          {4096, 64, 90, 622, 48.0},
    };
    (void)state;
    for (size_t i = 0; i < sizeof point / sizeof point[0]; i++) {
        mb_sram s;
        assert_ok(mb_sram_cost(point[i].kib, point[i].width, point[i].node, &s));
        near(s.read_J * 1e12, point[i].pJ, 0.005);
        near(s.area_m2 * 1e6, point[i].mm2, 0.005);
    }
    mb_sram s; /* the other quantities of one run */
    assert_ok(mb_sram_cost(8, 256, 22, &s));
    near(s.write_J, 6.16437e-12, 1e-3);
    near(s.leakage_W, 0.00161363e-3, 1e-3);
    near(s.access_s, 0.601573e-9, 1e-3);
}

/* Leaving a size out: its neighbours' geometric mean is within the stated error, and that is what the interpolation gives at the
 * point in between. */
static void interpolation_is_linear_in_logarithms(void **state) {
    (void)state;
    static const double node[] = {22, 32, 65};
    for (int t = 0; t < 3; t++)
        for (double kib = 2; kib < 4096; kib *= 2) {
            mb_sram a, b, m;
            assert_ok(mb_sram_cost(kib, 64, node[t], &a));
            assert_ok(mb_sram_cost(2 * kib, 64, node[t], &b));
            assert_ok(mb_sram_cost(kib * sqrt(2), 64, node[t], &m));
            near(m.read_J, sqrt(a.read_J * b.read_J), 1e-9);
            near(m.area_m2, sqrt(a.area_m2 * b.area_m2), 1e-9);
            near(m.leakage_W, sqrt(a.leakage_W * b.leakage_W), 1e-9);
        }
    mb_sram a, b, m;
    assert_ok(mb_sram_cost(64, 128, 32, &a));
    assert_ok(mb_sram_cost(64, 256, 32, &b));
    assert_ok(mb_sram_cost(64, 128 * sqrt(2), 32, &m));
    near(m.read_J, sqrt(a.read_J * b.read_J), 1e-9);
    assert_ok(mb_sram_cost(64, 64, 22, &a));
    assert_ok(mb_sram_cost(64, 64, 32, &b));
    assert_ok(mb_sram_cost(64, 64, sqrt(22 * 32.0), &m));
    near(m.read_J, sqrt(a.read_J * b.read_J), 1e-9);
    assert_ok(mb_sram_cost(64, 64, 28, &m));
    assert_true(m.read_J > a.read_J && m.read_J < b.read_J && m.area_m2 > a.area_m2 && m.area_m2 < b.area_m2);
}

static void rules_outside_of_the_table(void **state) {
    (void)state;
    mb_sram a, b;
    assert_ok(mb_sram_cost(64, 64, 22, &a)); /* below 22 nm */
    assert_ok(mb_sram_cost(64, 64, 11, &b));
    near(b.read_J, a.read_J * sqrt(0.5), 1e-12);
    near(b.area_m2, a.area_m2 * 0.5, 1e-12);
    assert_ok(mb_sram_cost(1, 64, 22, &a)); /* below 1 KiB */
    assert_ok(mb_sram_cost(0.25, 64, 22, &b));
    near(b.read_J, a.read_J * pow(0.25, 0.78), 1e-9);
    near(b.area_m2, a.area_m2 * 0.25, 1e-9);
    assert_ok(mb_sram_cost(4, 512, 22, &a)); /* 512-bit words start at 4 KiB */
    assert_ok(mb_sram_cost(1, 512, 22, &b));
    near(b.read_J, a.read_J * pow(0.25, 0.78), 1e-9);
    assert_ok(mb_sram_cost(4096, 64, 22, &a)); /* above 4 MiB */
    assert_ok(mb_sram_cost(16384, 64, 22, &b));
    near(b.read_J, a.read_J * 2, 1e-9);
    near(b.area_m2, a.area_m2 * 4, 1e-9);
    assert_ok(mb_sram_cost(64, 32, 22, &a)); /* narrow words */
    assert_ok(mb_sram_cost(64, 8, 22, &b));
    near(b.read_J, a.read_J * (0.7 * 0.25 + 0.3), 1e-9);
    assert_true(b.area_m2 == a.area_m2);
    assert_ok(mb_sram_cost(64, 512, 22, &a)); /* wide words: two macros of half the word */
    assert_ok(mb_sram_cost(128, 1024, 22, &b));
    near(b.read_J, 2 * a.read_J, 1e-9);
    near(b.area_m2, 2 * a.area_m2, 1e-9);
    near(b.access_s, a.access_s, 1e-9);
}

static void limits_are_errors(void **state) {
    (void)state;
    mb_sram s;
    assert_fails(mb_sram_cost(64, 64, 130, &s), MB_BADINPUT, "7 to 90 nm");
    assert_fails(mb_sram_cost(64, 64, 5, &s), MB_BADINPUT, "7 to 90 nm");
    assert_fails(mb_sram_cost(64, 64, (double)NAN, &s), MB_BADINPUT, "nm");
    assert_fails(mb_sram_cost(0, 64, 22, &s), MB_BADINPUT, "KiB");
    assert_fails(mb_sram_cost((double)NAN, 64, 22, &s), MB_BADINPUT, "KiB");
    assert_fails(mb_sram_cost(1e9, 64, 22, &s), MB_BADINPUT, "1 GiB");
    assert_fails(mb_sram_cost(64, 0, 22, &s), MB_BADINPUT, "bits");
}

static void unit_costs(void **state) {
    (void)state;
    mb_tech t;
    assert_ok(mb_tech_init(&t, 45, 0.9, 1)); /* Horowitz's own numbers */
    near(mb_unit_add(&t, 8).energy_J, 0.03e-12, 1e-12);
    near(mb_unit_add(&t, 32).energy_J, 0.1e-12, 1e-12);
    near(mb_unit_multiply(&t, 8, 8).energy_J, 0.2e-12, 1e-12);
    near(mb_unit_multiply(&t, 32, 32).energy_J, 3.1e-12, 0.05);
    near(mb_unit_add(&t, 8).area_m2, 36e-12, 1e-12);
    near(mb_unit_multiply(&t, 8, 8).area_m2, 282e-12, 1e-12);
    assert_ok(mb_tech_init(&t, 40, 0.9, 1)); /* Aladdin's library */
    near(mb_unit_register(&t, 1).energy_J, 0.009e-12, 1e-3);
    near(mb_unit_register(&t, 1).area_m2, 5.98e-12, 1e-3);
    near(mb_unit_compare(&t, 32).energy_J, 0.0295e-12, 1e-3);
    assert_ok(mb_tech_init(&t, 32, 0.9, 1)); /* Stillmaker and Baas at 0.8 V: 0.457 / 0.693 */
    near(t.energy, 0.456936 / 0.69302, 1e-6);
    near(t.area, 1 / 2.2, 1e-6);
    assert_ok(mb_tech_init(&t, 32, 0.45, 2)); /* V^2 and calibration */
    near(t.energy, 2 * 0.25 * 0.456936 / 0.69302, 1e-6);
    assert_ok(mb_tech_init(&t, 7, 0.8, 1));
    assert_true(mb_unit_add(&t, 1).energy_J > 0 && mb_unit_add(&t, 1).area_m2 > 0);
    /* independent source, gate-level models at 22 nm LSTP, 0.85 V (golden component values): 8-bit adder 8.58 fJ, 11.1 um2;
     * flip-flop 0.7 .. 1.4 fJ, 1.24 um2: within a factor of 3 */
    assert_ok(mb_tech_init(&t, 22, 0.85, 1));
    double add = mb_unit_add(&t, 8).energy_J * 1e15, area = mb_unit_add(&t, 8).area_m2 * 1e12,
           reg = mb_unit_register(&t, 1).energy_J * 1e15;
    assert_true(add > 8.58 / 2 && add < 8.58 * 2);
    assert_true(area > 11.1 / 2 && area < 11.1 * 2);
    assert_true(reg > 0.7 && reg < 3 * 1.41);
    assert_fails(mb_tech_init(&t, 5, 0.8, 1), MB_BADINPUT, "7 to 130 nm");
    assert_fails(mb_tech_init(&t, 180, 0.8, 1), MB_BADINPUT, "180");
    assert_fails(mb_tech_init(&t, 22, 0, 1), MB_BADINPUT, "supply");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(table_points_are_reproduced),
        cmocka_unit_test(interpolation_is_linear_in_logarithms),
        cmocka_unit_test(rules_outside_of_the_table),
        cmocka_unit_test(limits_are_errors),
        cmocka_unit_test(unit_costs),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
