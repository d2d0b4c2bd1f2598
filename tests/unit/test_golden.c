/* Golden cases of an independent simulator (CrossSim 3.2.0, numpy, float64; tests/golden/array): sliced differential weights,
 * serial inputs, tiles, symmetric converters.
 *
 * Schema imc-golden-1. Conductances in units of Gmax, currents of Gmax Vmax; the case's range r and b bits give a step of r /
 * (2^(b-1) - 1). Here a step is a whole number of array units, so a code may differ where a sum lies within the rounding of the
 * step from a decision level; the error is judged against what the converters did to the exact product: at most 5 % of it (rms).
 * Cases with an ideal converter must agree within their own tolerance.
 */
#include "mbtest.h"

#include <jansson.h>
#include <math.h>

#include "array/xbar.h"
#include "array/xbar_private.h"
#include "base/mem.h"

static json_t *at(const json_t *j, const char *a, const char *b) {
    json_t *v = json_object_get(j, a);
    if (b) v = json_object_get(v, b);
    if (!v) fail_msg("no %s.%s", a, b ? b : "");
    return v;
}

static double number(const json_t *j, const char *a, const char *b) { return json_number_value(at(j, a, b)); }

static mb_cell cell_of(const json_t *cfg) {
    char text[200];
    mb_conf *c = NULL;
    mb_cell cell;
    snprintf(text, sizeof text, "cell = \"ideal\"; g_max_S = 100e-6; g_min_S = %.17e;", number(cfg, "device", "g_min") * 100e-6);
    assert_ok(mb_conf_parse(text, "golden", &c));
    assert_ok(mb_cell_load(c, &cell));
    mb_conf_free(c);
    return cell;
}

static void run_case(const char *name) {
    char path[500];
    json_error_t e;
    snprintf(path, sizeof path, "%s/tests/golden/array/%s.json", srcdir(), name);
    json_t *j = json_load_file(path, 0, &e);
    if (!j) fail_msg("%s: %s", path, e.text);
    const json_t *cfg = at(j, "config", NULL), *W = at(j, "arrays", "W"), *x = at(j, "arrays", "x"),
                 *want = at(j, "expected", "y");
    int K = (int)json_array_size(x), N = (int)json_array_size(W);
    bool is_signed = json_is_true(at(cfg, "input", "signed")),
         quantised = strcmp(json_string_value(at(cfg, "adc", "model")), "ideal") != 0;
    int bits = (int)number(cfg, "mapping", "weight_bits"), rows = (int)number(cfg, "array", "rows_max"),
        slices = (int)number(cfg, "mapping", "slices");
    mb_adc adc = {.type = mb_adc_find("ideal")};
    mb_xbar_spec s = {.rows = rows ? rows : K,
                      .cols = 4096,
                      .rows_active = rows ? rows : K,
                      .weight_bits = bits,
                      .cell_bits = bits / slices,
                      .dac_bits = 1,
                      .input_bits = (int)number(cfg, "input", "bits"),
                      .input_signed = is_signed,
                      .scheme = MB_DIFFERENTIAL,
                      .subtract = MB_SUB_ANALOG,
                      .temp_K = 300};
    mb_conf *c = NULL;
    s.adc_bits = quantised ? (int)number(cfg, "adc", "bits") : 8;
    s.cell = cell_of(cfg);
    if (quantised) {
        assert_ok(mb_conf_parse("type = \"sar\";", "golden", &c));
        assert_ok(mb_adc_load(c, &adc));
        mb_conf_free(c);
    }
    s.adc = adc;
    /* quantisation as in the schema: largest |W| to 127, inputs to 127 (signed) or 255 */
    int16_t *Wq = mb_malloc((size_t)(K * N), sizeof *Wq), *xq = mb_malloc((size_t)K, sizeof *xq);
    int64_t *y = mb_malloc((size_t)N, sizeof *y), *exact = mb_malloc((size_t)N, sizeof *exact);
    double wmax = 0, L = (1 << (bits - 1)) - 1, X = is_signed ? (1 << (s.input_bits - 1)) - 1 : (1 << s.input_bits) - 1;
    for (int n = 0; n < N; n++)
        for (int k = 0; k < K; k++)
            wmax = fmax(wmax, fabs(json_number_value(json_array_get(json_array_get(W, (size_t)n), (size_t)k))));
    for (int n = 0; n < N; n++)
        for (int k = 0; k < K; k++)
            Wq[k * N + n] = (int16_t)rint(json_number_value(json_array_get(json_array_get(W, (size_t)n), (size_t)k)) / wmax * L);
    double scale = 1 / number(cfg, "input", "max");
    for (int k = 0; k < K; k++) {
        double v = fmin(1, fmax(is_signed ? -1 : 0, json_number_value(json_array_get(x, (size_t)k)) * scale));
        xq[k] = (int16_t)rint(v * X);
    }
    mb_xbar *xb = NULL;
    assert_ok(mb_xbar_new(&s, K, N, Wq, &xb));
    assert_ok(mb_xbar_program(xb, 1, 0, 0, 0));
    assert_ok(mb_xbar_set_ranges(xb, NULL));
    double F = mb_xbar_scale(xb), noise = 0, unit = 100e-6 / mb_xbar_unit_S(xb);
    if (quantised) {
        bool max = strcmp(json_string_value(at(cfg, "adc", "range_option")), "max") == 0;
        int top = (1 << (s.adc_bits - 1)) - 1;
        for (int i = 0; i < slices; i++) {
            double r =
                max ? s.rows_active : json_number_value(json_array_get(json_array_get(at(cfg, "adc", "range"), (size_t)i), 1));
            xb->range[i] = (mb_adc_range){.base = 0, .step = (int32_t)lround(r / top * unit), .q_lo = -top, .q_hi = top};
            for (int p = 0; p < xb->lay.planes; p++)
                noise += xb->lay.row_groups * pow(xb->range[i].step / F * (1 << (i * s.cell_bits)) * (1 << p), 2) / 12;
        }
    }
    mb_xbar_place_ranges(xb);
    assert_ok(mb_xbar_mvm(xb, &(mb_read_id){.seed = 1}, 1, xq, y, NULL));
    mb_matmul_i16(1, K, N, xq, Wq, exact);
    double lsb = wmax / (L * X * scale), err = 0, rms = 0, quant = 0;
    for (int n = 0; n < N; n++) {
        double g = json_number_value(json_array_get(want, (size_t)n));
        err = fmax(err, fabs((double)y[n] / F * lsb - g));
        rms += pow((double)y[n] / F * lsb - g, 2) / N;
        quant += pow((double)exact[n] * lsb - g, 2) / N;
    }
    if (quantised) {
        /* what conversion and clipping did to the golden result ... */
        if (sqrt(quant) < 0.3 * sqrt(noise) * lsb)
            fail_msg("%s: the golden result differs from the product by %g only", name, sqrt(quant));
        if (!(sqrt(rms) < 0.05 * sqrt(quant) && err < 0.15 * sqrt(quant)))
            fail_msg("%s: rms error %g, largest %g, conversion %g", name, sqrt(rms), err, sqrt(quant));
    } else if (err > number(j, "tolerance", "abs")) {
        fail_msg("%s: error %g", name, err);
    }
    mb_xbar_free(xb);
    mb_free(Wq);
    mb_free(xq);
    mb_free(y);
    mb_free(exact);
    mb_cell_free(&s.cell);
    if (quantised) mb_adc_free(&adc);
    json_decref(j);
}

static void test_serial_4x2(void **state) { (void)state, run_case("case_023_sl_bal_4x2_bitserial"); }
static void test_serial_2x4(void **state) { (void)state, run_case("case_025_sl_bal_2x4_bitserial"); }
static void test_ideal_tiles(void **state) { (void)state, run_case("case_119_grid_sl4x2_serial_ideal_nopar_tiles"); }
static void test_max_tiles(void **state) { (void)state, run_case("case_123_grid_sl4x2_serial_max7_nopar_tiles"); }

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_serial_4x2), cmocka_unit_test(test_serial_2x4),
                                       cmocka_unit_test(test_ideal_tiles), cmocka_unit_test(test_max_tiles)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
