/* test_programming.c - the write side: cells, pulses, energy and time by hand; the slowest of a row against other formulas and counting */
#include "mbtest.h"

#include <math.h>

#include "base/rng.h"
#include "cost/machine.h"
#include "testnet.h"

static double pulses = 1, endurance = 0;

static void fake_range(const void *p, double *g_min, double *g_max) {
    (void)p;
    *g_min = 1e-6;
    *g_max = 46e-6;
}

static void fake_cost(const void *p, mb_cell_cost *c) {
    (void)p;
    *c = (mb_cell_cost){.read_V = 0.2, .write_J = 3e-12, .write_s = 2e-6, .area_F2 = 30, .pulses = pulses, .endurance = endurance};
}

static const mb_cell_type fake = {.abi = MB_CELL_ABI, .name = "fake", .range = fake_range, .cost = fake_cost};
static const mb_cell cell = {.type = &fake};

/* Mean of the largest of n geometric numbers by inclusion and exclusion: sum over k of (-1)^(k+1) C(n, k) / (1 - q^k). */
static double largest(double P, int n) {
    double q = 1 - 1 / P, binomial = 1, sum = 0;
    for (int k = 1; k <= n; k++) {
        binomial = binomial * (n - k + 1) / k;
        sum += (k % 2 ? 1 : -1) * binomial / (1 - pow(q, k));
    }
    return sum;
}

static void slowest(void **state) {
    (void)state;
    assert_true(mb_programming_slowest(1, 128) == 1);
    assert_true(mb_programming_slowest(0, 128) == 1);
    assert_true(mb_programming_slowest(8.5, 1) == 1);
    assert_true(fabs(mb_programming_slowest(2, 2) - 4.0 / 3) < 1e-10); /* 8/3 throws of a coin until two have shown heads */
    static const double P[] = {1.25, 2, 8.52, 40};
    for (int i = 0; i < 4; i++)
        for (int n = 2; n <= 16; n++) assert_true(fabs(mb_programming_slowest(P[i], n) / (largest(P[i], n) / P[i]) - 1) < 1e-9);
    /* counting: 20000 rows of 64 cells that succeed with probability 1/5 */
    mb_stream s;
    double sum = 0, sum2 = 0;
    mb_stream_init(&s, 5, MB_RNG_TEST, 0, 0, 0);
    for (int row = 0; row < 20000; row++) {
        double worst = 0;
        for (int i = 0; i < 64; i++) {
            double tries = 1 + floor(log(mb_stream_uniform(&s)) / log(0.8));
            worst = tries > worst ? tries : worst;
        }
        sum += worst;
        sum2 += worst * worst;
    }
    double mean = sum / 20000, se = sqrt((sum2 / 20000 - mean * mean) / 20000);
    assert_true(fabs(5 * mb_programming_slowest(5, 64) - mean) < 5 * se);
    /* the limit of many pulses continues the sum: H_n */
    assert_true(fabs(mb_programming_slowest(10001, 128) / mb_programming_slowest(9999, 128) - 1) < 2e-3);
    assert_true(mb_programming_slowest(3, 1000) > mb_programming_slowest(3, 100));
}

static mb_programming cost(const char *arch, const testlayer *t, int n, mb_assign a) {
    mb_conf *c;
    mb_machine *m;
    mb_plan *p;
    mb_programming out;
    mb_network *net = testnet("net", 1, n, t);
    assert_ok(mb_conf_parse(arch, "arch.cfg", &c));
    assert_ok(mb_conf_set(c, "adc", "{ type = \"ideal\"; }", MB_FROM_FILE));
    assert_ok(mb_machine_load(c, "test", &m));
    assert_ok(mb_plan_new(net, &a, &p));
    assert_ok(mb_cost_programming(m, &cell, net, p, &out));
    mb_plan_free(p);
    mb_network_free(net);
    mb_machine_free(m);
    mb_conf_free(c);
    return out;
}

static bool same(double a, double b) { return fabs(a - b) <= 1e-12 * fabs(b); }

static void by_hand(void **state) {
    (void)state;
    static const testlayer fc = {"fc", 'w', 300, 1, 1, 50, 1, 1, 0, 1};
    const mb_assign a = {MB_ANALOG, 8, 2, 8, 1, 8, 0, MB_DIFFERENTIAL, 1}; /* 7 bits of magnitude in 4 slices, in pairs: 8 cells */
    static const char arch[] = "rows = 128; cols = 128;";
    pulses = 1, endurance = 0;
    mb_programming w = cost(arch, &fc, 1, a);
    assert_true(w.cells == 300.0 * 50 * 8);
    assert_true(w.pulses == w.cells && w.wear == 0);
    assert_true(same(w.energy_J, w.cells * 3e-12));
    /* 16 outputs fit 128 columns: 4 column tiles; each of 300 rows is written in each of them, one after the other */
    assert_true(same(w.latency_s, 300 * 4 * 2e-6));
    /* all 3 x 4 arrays at once; and half a row at a time: 400 cells in 4 tiles are 100 per row */
    assert_true(same(cost("rows = 128; cols = 128; write_arrays = 0;", &fc, 1, a).latency_s, 300 * 4 * 2e-6 / 12));
    assert_true(same(cost("rows = 128; cols = 128; write_cells = 64;", &fc, 1, a).latency_s, 300 * 4 * 2 * 2e-6));
    assert_true(same(cost("rows = 128; cols = 128; write_cells = 1;", &fc, 1, a).latency_s, 300.0 * 4 * 100 * 2e-6));
    /* copies are written, too */
    mb_assign twice = a;
    twice.copies = 2;
    mb_programming d = cost(arch, &fc, 1, twice);
    assert_true(d.cells == 2 * w.cells && same(d.energy_J, 2 * w.energy_J) && same(d.latency_s, 2 * w.latency_s));
    /* the offset scheme has 8 bits in 4 slices, and 4 dummy columns in each of 2 arrays along the columns (31 outputs each) */
    mb_assign offset = a;
    offset.scheme = MB_OFFSET;
    mb_programming o = cost(arch, &fc, 1, offset);
    assert_true(o.cells == 300.0 * (50 * 4 + 2 * 4));
    /* the digital engine keeps its weights in SRAM */
    mb_assign digital = a;
    digital.engine = MB_DIGITAL;
    mb_programming none = cost(arch, &fc, 1, digital);
    assert_true(none.cells == 0 && none.energy_J == 0 && none.latency_s == 0 && none.wear == 0);
}

static void verified(void **state) {
    (void)state;
    static const testlayer net[2] = {{"conv", 'w', 8, 10, 10, 16, 3, 1, 1, 1}, {"depth", 'w', 16, 10, 10, 16, 3, 1, 1, 16}};
    const mb_assign a = {MB_ANALOG, 4, 4, 4, 1, 8, 0, MB_DIFFERENTIAL, 1};
    pulses = 8.5, endurance = 1e6;
    mb_programming w = cost("rows = 128; cols = 128;", net, 2, a);
    /* 72 x 16 and 16 times 9 x 1 weights of 2 cells */
    assert_true(w.cells == 2 * (72 * 16 + 16 * 9));
    assert_true(same(w.pulses, 8.5 * w.cells));
    assert_true(same(w.wear, 8.5e-6));
    assert_true(same(w.energy_J, w.cells * 3e-12)); /* write_J holds the pulses already */
    assert_true(
                fabs(w.latency_s / (2e-6 / 8.5 * (72 * largest(8.5, 32) + 16 * 9 * largest(8.5, 2))) - 1) < 1e-6);
    /* one cell at a time waits for nobody */
    assert_true(same(cost("rows = 128; cols = 128; write_cells = 1;", net, 2, a).latency_s, w.cells * 2e-6));
    pulses = 1, endurance = 0;
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(slowest), cmocka_unit_test(by_hand), cmocka_unit_test(verified)};
    return cmocka_run_group_tests_name("programming", tests, NULL, NULL);
}
