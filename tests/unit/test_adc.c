/* Converters: the laws of array/adc.h for every registered one, noise, cost against independent numbers, loading. */
#include "mbtest.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <math.h>

#include "array/adc.h"
#include "base/mem.h"
#include "devices/adc_survey.h"

static int load(const char *text, mb_adc *adc) {
    mb_conf *c = NULL;
    assert_ok(mb_conf_parse(text, "test.cfg", &c));
    int rc = mb_adc_load(c, adc);
    if (!rc) assert_ok(mb_conf_check_used(c));
    mb_conf_free(c);
    return rc;
}

static mb_adc load_default(const mb_adc_type *type) {
    char text[100];
    mb_adc adc;
    snprintf(text, sizeof text, "type = \"%s\";", type->name);
    assert_ok(load(text, &adc));
    assert_ptr_equal(adc.type, type);
    return adc;
}

#define N 3000

/* Value on the grid, inside the range; the nearest one without errors; clipping counted; reproducible; in place. */
static void contract(const mb_adc *adc) {
    const mb_adc_type *t = adc->type;
    assert_true(t->name && t->summary && t->reference && t->params && t->deterministic && t->convert && t->cost &&
                t->cost_source);
    assert_ptr_equal(mb_adc_find(t->name), t);
    static int32_t in[N], out[N], again[N];
    mb_stream rnd, r1, r2;
    mb_stream_init(&rnd, 5, MB_RNG_TEST, 0, 0, 0);
    for (int i = 0; i < 60; i++) {
        int bits = 1 + i % 12, step = i % 3 ? 1 + (int)(mb_stream_u32(&rnd) % 4000) : 1 << (i % 13), L = (1 << bits) - 1;
        mb_adc_range r = {.base = 0, .step = step, .q_lo = 0, .q_hi = L};
        if (i % 4 == 1) r.q_lo = -L;
        if (i % 4 == 2) r.base = -L / 2 * step;
        if (t->transparent) r = (mb_adc_range){.base = 0, .step = 1, .q_lo = -(1 << 30), .q_hi = 1 << 30};
        for (int j = 0; j < N; j++) {
            in[j] = (int32_t)(mb_stream_uniform(&rnd) * 2.4 * L * step - (i % 4 == 0 ? 0.1 : 1.2) * L * step);
            if (j % 10 == 0) in[j] = r.base + (j / 10 % (L + 1)) * step + step / 2 - j % 2;      /* around the decision levels */
        }
        if (i == 0) in[0] = (1 << 30) - 1, in[1] = -(1 << 30) + 1;
        uint64_t clipped = 0, clipped2 = 0, count = 0, expect = 0;
        mb_stream_init(&r1, 9, MB_RNG_ADC, 1, 2, (uint32_t)i);
        r2 = r1;
        t->convert(adc->params, &r, N, in, out, &clipped, &r1);
        memcpy(again, in, sizeof in);
        t->convert(adc->params, &r, N, again, again, &clipped2, &r2);
        assert_memory_equal(out, again, sizeof out);
        assert_int_equal(clipped, clipped2);
        assert_memory_equal(&r1, &r2, sizeof r1);
        for (int j = 0; j < N; j++) {
            int64_t q = ((int64_t)out[j] - r.base) / r.step;
            assert_int_equal(r.base + q * r.step, out[j]);
            assert_true(q >= r.q_lo && q <= r.q_hi);
            count += mb_adc_code(&r, in[j], &expect) != q;
            if (t->transparent) assert_int_equal(out[j], in[j]);
        }
        if (t->uniform && t->uniform(adc->params)) assert_int_equal(count, 0), assert_int_equal(clipped, expect);
    }
    if (t->deterministic(adc->params)) {                    /* needs no stream */
        uint64_t c = 0;
        t->convert(adc->params, &(mb_adc_range){.base = 0, .step = 3, .q_lo = -(1 << 28), .q_hi = 1 << 28}, N, in, out, &c, NULL);
    }
    mb_cost cost;
    for (int bits = 1; bits <= 16; bits++)
        for (double rate = 0; rate < 2e9; rate = rate > 0 ? rate * 100 : 1e6) {
            assert_ok(t->cost(adc->params, bits, rate, 22, &cost));
            assert_true(isfinite(cost.energy_J) && isfinite(cost.latency_s) && isfinite(cost.area_m2) && cost.energy_J >= 0 &&
                        cost.latency_s >= 0 && cost.area_m2 >= 0);
            assert_true(t->transparent || (cost.energy_J > 0 && cost.latency_s > 0 && cost.area_m2 > 0));
        }
}

static void test_contract(void **state) {
    (void)state;
    int n = 0;
    for (; mb_adcs[n]; n++) {
        mb_adc adc = load_default(mb_adcs[n]);
        contract(&adc);
        mb_adc_free(&adc);
    }
    assert_true(n >= 2);
    mb_adc noisy;
    assert_ok(load("type = \"sar\"; noise_lsb = 0.8;", &noisy));
    contract(&noisy);
    mb_adc_free(&noisy);
}

/* Rounding half away from zero; ends of the range; by hand. */
static void test_codes(void **state) {
    (void)state;
    mb_adc_range r = {.base = 0, .step = 10, .q_lo = -3, .q_hi = 3};
    static const int in[] = {0, 4, 5, 14, 15, -4, -5, -15, 34, 35, 1000, -34, -35},
                     code[] = {0, 0, 1, 1, 2, 0, -1, -2, 3, 3, 3, -3, -3};
    uint64_t clipped = 0;
    for (size_t i = 0; i < sizeof in / sizeof *in; i++) assert_int_equal(mb_adc_code(&r, in[i], &clipped), code[i]);
    assert_int_equal(clipped, 3); /* 35, 1000, -35 */
    r = (mb_adc_range){.base = 100, .step = 7, .q_lo = 0, .q_hi = 5};
    assert_int_equal(mb_adc_code(&r, 103, &clipped), 0);
    assert_int_equal(mb_adc_code(&r, 104, &clipped), 1);
    assert_int_equal(mb_adc_code(&r, 0, &clipped), 0);
}

/* sar's noise has the standard deviation it says: fine steps, so that rounding adds 1/12 LSB^2. */
static void test_noise(void **state) {
    (void)state;
    mb_adc adc;
    enum { M = 20000 };
    static int32_t in[M], out[M];
    assert_ok(load("type = \"sar\"; noise_lsb = 3.0;", &adc));
    mb_adc_range r = {.base = -100000, .step = 100, .q_lo = 0, .q_hi = 65535};
    mb_stream s, data;
    uint64_t clipped = 0;
    double mean = 0, var = 0;
    mb_stream_init(&s, 1, MB_RNG_ADC, 0, 0, 0);
    mb_stream_init(&data, 1, MB_RNG_TEST, 0, 0, 0);
    for (int i = 0; i < M; i++) in[i] = (int32_t)(mb_stream_uniform(&data) * 4e6);
    adc.type->convert(adc.params, &r, M, in, out, &clipped, &s);
    for (int i = 0; i < M; i++) mean += (out[i] - in[i]) / 100.0 / M;
    for (int i = 0; i < M; i++) var += pow((out[i] - in[i]) / 100.0 - mean, 2) / (M - 1);
    double want = 9 + 1.0 / 12;
    assert_true(fabs(mean) < 5 * sqrt(want / M));
    assert_true(fabs(var / want - 1) < 5 * sqrt(2.0 / M));
    assert_int_equal(clipped, 0);
    mb_adc_free(&adc);
}

/* Table of the Accelergy plug-in (energies and areas computed by its authors' program). */
static void test_survey(void **state) {
    (void)state;
    static const struct {
        int bits;
        double nm, Hz, pJ, um2;
    } gold[] = {
        {4, 32, 1e8, 0.9237, 3274},  {5, 32, 1e8, 0.9363, 3287},  {6, 32, 1e8, 1.065, 3417},  {7, 32, 1e8, 1.312, 3637},
        {8, 32, 1e6, 1.714, 1714},   {8, 32, 1e8, 1.714, 3939},   {8, 32, 1e9, 1.714, 5972},  {8, 32, 2e9, 2.591, 7660},
        {9, 32, 1e8, 2.340, 4324},   {9, 32, 1e9, 4.697, 8074},   {10, 32, 1e8, 3.310, 4796}, {10, 32, 1e9, 13.95, 11180},
        {12, 32, 1e8, 29.06, 9185},  {12, 32, 1e9, 133.2, 21960}, {8, 7, 1e8, 0.0984, 370},   {8, 16, 1e8, 0.4656, 1340},
        {8, 22, 1e8, 0.8472, 2199},  {8, 28, 1e8, 1.333, 3200},   {8, 45, 1e8, 3.253, 6694},  {8, 65, 1e8, 6.494, 11860},
        {8, 130, 1e8, 23.91, 34870},
    };
    for (size_t i = 0; i < sizeof gold / sizeof *gold; i++) {
        double J, m2, tol = 1e-3;
        assert_ok(mb_adc_survey(gold[i].bits, gold[i].Hz, gold[i].nm, &J, &m2));
        if (fabs(J * 1e12 / gold[i].pJ - 1) > tol || fabs(m2 * 1e12 / gold[i].um2 - 1) > (gold[i].um2 < 400 ? 2e-3 : tol))
            fail_msg("%d bits, %g nm, %g Hz: %g pJ, %g um2", gold[i].bits, gold[i].nm, gold[i].Hz, J * 1e12, m2 * 1e12);
    }
    double J4, J1, m4, m1;
    assert_ok(mb_adc_survey(4, 1e8, 22, &J4, &m4));
    assert_ok(mb_adc_survey(1, 1e8, 22, &J1, &m1));
    assert_true(J1 == J4 && m1 == m4);                       /* below the fit: no cheaper than 4 bits */
    assert_fails(mb_adc_survey(8, 1e11, 22, &J1, &m1), MB_BADINPUT, "lower the rate");
    assert_fails(mb_adc_survey(8, 0, 22, &J1, &m1), MB_BADINPUT, "lower the rate");
    assert_fails(mb_adc_survey(8, 1e8, 1000, &J1, &m1), MB_BADINPUT, "node_nm");
    assert_fails(mb_adc_survey(21, 1e8, 22, &J1, &m1), MB_BADINPUT, "21 bits");
}

static void test_sar_cost(void **state) {
    (void)state;
    mb_adc a, b;
    mb_cost ca, cb;
    assert_ok(load("type = \"sar\";", &a));
    assert_ok(load("type = \"sar\"; energy_scale = 0.5; area_scale = 0.25; clock_Hz = 2e9;", &b));
    assert_ok(a.type->cost(a.params, 8, 1e8, 32, &ca));
    assert_ok(b.type->cost(b.params, 8, 1e8, 32, &cb));
    assert_true(fabs(ca.energy_J / 1.714e-12 - 1) < 1e-3 && fabs(ca.area_m2 / 3939e-12 - 1) < 1e-3);
    assert_true(fabs(ca.latency_s / 9e-9 - 1) < 1e-12);      /* bits + 1 cycles of 1 ns */
    assert_true(fabs(cb.energy_J / ca.energy_J - 0.5) < 1e-12 && fabs(cb.area_m2 / ca.area_m2 - 0.25) < 1e-12 &&
                fabs(cb.latency_s / 4.5e-9 - 1) < 1e-12);
    assert_ok(a.type->cost(a.params, 8, 0, 32, &ca));        /* as fast as it can: 1 / 9 ns */
    assert_ok(a.type->cost(a.params, 8, 1e9 / 9, 32, &cb));
    assert_true(ca.area_m2 == cb.area_m2);
    mb_adc_free(&a);
    mb_adc_free(&b);
}

static void test_load(void **state) {
    (void)state;
    mb_adc adc;
    assert_fails(load("type = \"sarr\";", &adc), MB_BADINPUT, "did you mean \"sar\"");
    assert_fails(load("type = \"sarr\";", &adc), MB_BADINPUT, "test.cfg:1");
    assert_fails(load("type = \"pigeon-post\";", &adc), MB_BADINPUT, "ideal, sar");
    assert_fails(load("clock_Hz = 1e9;", &adc), MB_BADINPUT, "`type` is missing");
    assert_fails(load("type = 3;", &adc), MB_BADINPUT, "in quotes");
    assert_fails(load("type = \"sar\"; clok_Hz = 1e9;", &adc), MB_BADINPUT, "clock_Hz");
    assert_fails(load("type = \"sar\"; noise_lsb = -1.0;", &adc), MB_BADINPUT, "noise_lsb");
    assert_fails(mb_adc_load(NULL, &adc), MB_BADINPUT, "group");
    assert_null(mb_adc_find("sarr"));
    for (long n = 0;; n++) {                                 /* every allocation fails once */
        long live = mb_mem_live();
        mb_conf *c = NULL;
        assert_ok(mb_conf_parse("type = \"sar\"; noise_lsb = 0.5;", "test.cfg", &c));
        mb_mem_fail_after(n);
        int rc = mb_adc_load(c, &adc);
        mb_mem_fail_after(-1);
        mb_error_clear();
        if (!rc) mb_adc_free(&adc);
        mb_conf_free(c);
        assert_int_equal(mb_mem_live(), live);
        if (!rc) break;
        assert_int_equal(rc, MB_SYSTEM);
    }
}

/* A measured table from a CSV file is the list with the same numbers; bad files are told. */
static void test_table_file(void **state) {
    (void)state;
    char dir[] = "/tmp/mixbar-adc-XXXXXX", path[64], text[200];
    static const struct { const char *csv, *says; } bad[] = {
        {"code,gain\n0,1\n1,1\n", "no column is named inl or dnl"}, {"inl\n0.5\n", "at least 2 rows"},
        {"inl\n0\nx\n", ":3"}, {"inl\n0\nNA\n", ":3: column \"inl\""}};
    mb_adc list, file;
    int32_t in[200], a[200], b[200];
    uint64_t n1 = 0, n2 = 0;
    mb_adc_range r = {.base = 0, .step = 10, .q_lo = 0, .q_hi = 15};
    const long live = mb_mem_live();
    assert_non_null(mkdtemp(dir));
    snprintf(path, sizeof path, "%s/adc.csv", dir);
    snprintf(text, sizeof text, "type = \"table\"; file = \"%s\";", path);
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    fputs("# measured\ncode,inl_lsb\n0,0\n7,1.6\n15,-0.8\n", f);
    fclose(f);
    assert_ok(load(text, &file));
    assert_ok(load("type = \"table\"; inl = [0.0, 1.6, -0.8];", &list));
    for (int i = 0; i < 200; i++) in[i] = i - 20;
    list.type->convert(list.params, &r, 200, in, a, &n1, NULL);
    file.type->convert(file.params, &r, 200, in, b, &n2, NULL);
    assert_memory_equal(a, b, sizeof a);
    assert_true(n1 == n2 && a[90] != 70); /* at 70 the ideal converter says 70 */
    mb_adc_free(&list);
    mb_adc_free(&file);
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        assert_non_null(f = fopen(path, "w"));
        fputs(bad[i].csv, f);
        fclose(f);
        assert_fails(load(text, &file), MB_BADINPUT, bad[i].says);
    }
    remove(path);
    assert_fails(load(text, &file), MB_BADINPUT, "adc.csv");
    rmdir(dir);
    assert_fails(load("type = \"table\"; file = \"x.csv\"; dnl = [0.0, 1.0];", &file), MB_BADINPUT, "twice");
    assert_int_equal(mb_mem_live(), live);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_contract), cmocka_unit_test(test_codes),    cmocka_unit_test(test_noise),
        cmocka_unit_test(test_survey),   cmocka_unit_test(test_sar_cost), cmocka_unit_test(test_load),
        cmocka_unit_test(test_table_file),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
