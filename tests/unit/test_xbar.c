/* Crossbars: law 3 over random shapes, layout, ranges, statistics, programming error, read noise, bad input, failing memory. */
#include "arraytest.h"

#include <math.h>

#include "array/xbar.h"
#include "base/mem.h"

static mb_xbar_spec base_spec(mb_cell cell, mb_adc adc) {
    return (mb_xbar_spec){.rows = 128,
                          .cols = 128,
                          .rows_active = 128,
                          .weight_bits = 8,
                          .cell_bits = 2,
                          .input_bits = 8,
                          .dac_bits = 1,
                          .adc_bits = 8,
                          .scheme = MB_DIFFERENTIAL,
                          .subtract = MB_SUB_ANALOG,
                          .adc_rule = MB_ADC_FULL,
                          .adc_percentile = 1,
                          .adc_fraction = 1,
                          .cell = cell,
                          .adc = adc,
                          .time_s = 0,
                          .temp_K = 300};
}

static int weight_limit(int bits) { return bits == 1 ? 1 : (1 << (bits - 1)) - 1; }
static int input_limit(const mb_xbar_spec *s) {
    return s->input_signed ? (s->input_bits == 1 ? 1 : (1 << (s->input_bits - 1)) - 1) : (1 << s->input_bits) - 1;
}

static void fill_weights(const mb_xbar_spec *s, size_t n, int16_t *w) {
    int L = weight_limit(s->weight_bits);
    for (size_t i = 0; i < n; i++) {
        do w[i] = (int16_t)pick(-L, L);
        while (s->weight_bits == 1 && w[i] == 0);
        if (pick(0, 4) == 0) w[i] = (int16_t)(pick(0, 1) ? L : -L);
    }
}

static void fill_inputs(const mb_xbar_spec *s, size_t n, int16_t *x) {
    int X = input_limit(s);
    for (size_t i = 0; i < n; i++) {
        x[i] = (int16_t)pick(s->input_signed ? -X : 0, X);
        if (pick(0, 4) == 0) x[i] = (int16_t)(s->input_signed && pick(0, 1) ? -X : X);
        if (pick(0, 4) == 0) x[i] = 0;
    }
}

static mb_xbar_spec random_spec(const mb_cell *cells, int n_cells, mb_adc adc) {
    mb_xbar_spec s = base_spec(cells[pick(0, n_cells - 1)], adc);
    s.rows = pick(1, 40);
    s.rows_active = pick(1, s.rows);
    s.weight_bits = pick(1, 8);
    s.cell_bits = pick(1, 8);
    s.input_bits = pick(1, 8);
    s.dac_bits = pick(1, s.input_bits);
    s.input_signed = pick(0, 1);
    s.scheme = pick(0, 2) ? MB_DIFFERENTIAL : MB_OFFSET;
    s.subtract = pick(0, 1) ? MB_SUB_ANALOG : MB_SUB_DIGITAL;
    s.cols = pick(17, 60);
    return s;
}

/* Law 3: ideal is exact, with an ideal converter and with a real one of enough bits. */
static void test_law3(void **state) {
    (void)state;
    mb_cell cells[] = {load_cell("cell = \"ideal\";"), load_cell("cell = \"ideal\"; g_min_S = 31e-6;"),
                       load_cell("cell = \"rram\"; on_off = 17.0;"), load_cell("cell = \"rram\"; on_off = 4.5;"),
                       load_cell("cell = \"ideal\"; levels = 256; g_min_S = 1.7e-6;")};
    mb_adc ideal = load_adc("type = \"ideal\";"), sar = load_adc("type = \"sar\";");
    int converted = 0, planned = 0;
    for (int i = 0; i < 1500; i++) {
        mb_xbar_spec s = random_spec(cells, i % 3 ? 4 : 5, i % 4 ? sar : ideal);
        if (s.cell.type->levels(s.cell.params) && 255 % ((1 << s.cell_bits) - 1))
            s.cell = cells[1]; /* a grid that lacks the digits is no ideal cell */
        int K = pick(1, 90), N = pick(1, 9), m = 3;
        mb_xbar_layout lay;
        assert_ok(mb_xbar_plan(&s, K, N, &lay));
        planned++;
        if (!s.adc.type->transparent) {
            if (lay.adc_bits_lossless > 16) s.adc = ideal;
            else s.adc_bits = pick(lay.adc_bits_lossless, 16), converted++;
        }
        int16_t W[90 * 9], x[3 * 90];
        int64_t y[3 * 9], z[3 * 9];
        mb_xbar *xb = NULL;
        mb_read_id id = {.seed = 1};
        mb_xbar_stats st;
        fill_weights(&s, (size_t)(K * N), W);
        fill_inputs(&s, (size_t)(m * K), x);
        assert_ok(mb_xbar_new(&s, K, N, W, &xb));
        assert_ok(mb_xbar_program(xb, 7, 0, 0, 0));
        assert_ok(mb_xbar_set_ranges(xb, NULL));
        mb_xbar_stats_init(&st);
        assert_ok(mb_xbar_mvm(xb, &id, m, x, y, &st));
        mb_matmul_i16(m, K, N, x, W, z);
        for (int j = 0; j < m * N; j++)
            if ((double)y[j] != (double)z[j] * mb_xbar_scale(xb))
                fail_msg("case %d: K %d N %d rows %d/%d w%d c%d x%d%s d%d %s %s adc %d: y/F = %g, exact %lld", i, K, N,
                         s.rows_active, s.rows, s.weight_bits, s.cell_bits, s.input_bits, s.input_signed ? "s" : "u", s.dac_bits,
                         s.scheme == MB_OFFSET ? "offset" : "differential", s.adc.type->name, s.adc_bits,
                         (double)y[j] / mb_xbar_scale(xb), (long long)z[j]);
        assert_int_equal(st.clipped, 0);
        assert_int_equal(mb_xbar_saturated(xb), 0);
        mb_xbar_free(xb);
    }
    assert_true(converted > 800);
    for (size_t i = 0; i < sizeof cells / sizeof *cells; i++) mb_cell_free(&cells[i]);
    mb_adc_free(&ideal);
    mb_adc_free(&sar);
}

/* adc_bits_lossless is tight: one bit less loses something for dense inputs, in every scheme. */
static void test_lossless_is_tight(void **state) {
    (void)state;
    mb_cell cell = load_cell("cell = \"rram\"; on_off = 10.0;");
    mb_adc sar = load_adc("type = \"sar\";");
    for (int i = 0; i < 6; i++) {
        mb_xbar_spec s = base_spec(cell, sar);
        enum { K = 64, N = 4, M = 8 };
        int16_t W[K * N], x[M * K];
        int64_t y[M * N], z[M * N];
        mb_xbar_layout lay;
        mb_xbar *xb = NULL;
        s.scheme = i / 2 == 2 ? MB_OFFSET : MB_DIFFERENTIAL;
        s.subtract = i / 2 == 1 ? MB_SUB_DIGITAL : MB_SUB_ANALOG;
        s.input_signed = i % 2;
        s.dac_bits = 2;
        assert_ok(mb_xbar_plan(&s, K, N, &lay));
        s.adc_bits = lay.adc_bits_lossless - 1;
        fill_weights(&s, K * N, W);
        fill_inputs(&s, M * K, x);
        assert_ok(mb_xbar_new(&s, K, N, W, &xb));
        assert_ok(mb_xbar_program(xb, 7, 0, 0, 0));
        assert_ok(mb_xbar_set_ranges(xb, NULL));
        assert_true(mb_xbar_range(xb, 0)->step > (int)mb_xbar_scale(xb));
        assert_ok(mb_xbar_mvm(xb, &(mb_read_id){.seed = 1}, M, x, y, NULL));
        mb_matmul_i16(M, K, N, x, W, z);
        int wrong = 0;
        for (int j = 0; j < M * N; j++) wrong += (double)y[j] != (double)z[j] * mb_xbar_scale(xb);
        assert_true(wrong > 0);
        mb_xbar_free(xb);
    }
    mb_cell_free(&cell);
    mb_adc_free(&sar);
}

static void test_layout(void **state) {
    (void)state;
    mb_cell cell = load_cell("cell = \"ideal\";");
    mb_adc sar = load_adc("type = \"sar\";");
    mb_xbar_spec s = base_spec(cell, sar);
    mb_xbar_layout l;
    assert_ok(mb_xbar_plan(&s, 288, 64, &l));
    assert_int_equal(l.row_tiles, 3);
    assert_int_equal(l.slices, 4);            /* 7 magnitude bits in cells of 2 */
    assert_int_equal(l.planes, 8);
    assert_int_equal(l.cells_per_weight, 8);
    assert_int_equal(l.outputs_per_tile, 16);
    assert_int_equal(l.col_tiles, 4);
    assert_int_equal(l.row_groups, 3);
    assert_int_equal(l.groups_per_tile, 1);
    assert_int_equal(l.dummy_columns, 0);
    assert_int_equal(l.conversions_per_output, 4);
    assert_int_equal(l.adc_bits_lossless, 10); /* +-384 */
    s.rows_active = 50;
    s.subtract = MB_SUB_DIGITAL;
    assert_ok(mb_xbar_plan(&s, 288, 64, &l));
    assert_int_equal(l.row_groups, 3 + 3 + 1); /* 128 = 50 + 50 + 28 twice, 32 once */
    assert_int_equal(l.groups_per_tile, 3);
    assert_int_equal(l.conversions_per_output, 8);
    assert_int_equal(l.adc_bits_lossless, 8); /* 0..150 */
    s.scheme = MB_OFFSET;
    assert_ok(mb_xbar_plan(&s, 288, 64, &l));
    assert_int_equal(l.dummy_columns, 4);
    assert_int_equal(l.outputs_per_tile, 31);
    assert_int_equal(l.col_tiles, 3);
    assert_int_equal(l.cells_per_weight, 4);
    s.weight_bits = 1;
    assert_ok(mb_xbar_plan(&s, 288, 64, &l));
    assert_int_equal(l.dummy_columns, 2);
    assert_int_equal(l.slices, 1);
    s = base_spec(cell, sar);
    s.input_signed = true; /* 7 magnitude bits */
    s.dac_bits = 3;
    assert_ok(mb_xbar_plan(&s, 1, 1, &l));
    assert_int_equal(l.planes, 3);
    assert_int_equal(l.adc_bits_lossless, 6); /* +-1 * 7 * 3 */
    mb_cell_free(&cell);
    mb_adc_free(&sar);
}

static void test_bad_specs(void **state) {
    (void)state;
    mb_cell cell = load_cell("cell = \"ideal\";"), poor = load_cell("cell = \"rram\"; on_off = 1.01;");
    mb_adc sar = load_adc("type = \"sar\";");
    mb_xbar_spec good = base_spec(cell, sar), s;
    mb_xbar_layout l;
    mb_xbar *xb = NULL;
    s = good, s.rows_active = 129;
    assert_fails(mb_xbar_plan(&s, 10, 10, &l), MB_BADINPUT, "rows_active = 129");
    s = good, s.rows_active = 0;
    assert_fails(mb_xbar_plan(&s, 10, 10, &l), MB_BADINPUT, "rows_active");
    s = good, s.cols = 7;
    assert_fails(mb_xbar_plan(&s, 10, 10, &l), MB_BADINPUT, "cols = 7");
    s = good, s.weight_bits = 9;
    assert_fails(mb_xbar_plan(&s, 10, 10, &l), MB_BADINPUT, "weight_bits = 9");
    s = good, s.cell_bits = 0;
    assert_fails(mb_xbar_plan(&s, 10, 10, &l), MB_BADINPUT, "cell_bits = 0");
    s = good, s.input_bits = 4, s.dac_bits = 5;
    assert_fails(mb_xbar_plan(&s, 10, 10, &l), MB_BADINPUT, "dac_bits = 5");
    s = good, s.adc_bits = 17;
    assert_fails(mb_xbar_plan(&s, 10, 10, &l), MB_BADINPUT, "adc_bits = 17");
    s = good, s.adc_rule = MB_ADC_CALIBRATED, s.adc_percentile = 0;
    assert_fails(mb_xbar_plan(&s, 10, 10, &l), MB_BADINPUT, "adc_percentile");
    s = good, s.adc_rule = MB_ADC_GIVEN, s.adc_fraction = (double)NAN;
    assert_fails(mb_xbar_plan(&s, 10, 10, &l), MB_BADINPUT, "adc_fraction");
    s = good, s.time_s = -1;
    assert_fails(mb_xbar_plan(&s, 10, 10, &l), MB_BADINPUT, "time_s");
    assert_fails(mb_xbar_plan(&good, 0, 10, &l), MB_BADINPUT, "inputs = 0");
    s = good, s.cell = poor, s.cell_bits = 8;
    assert_fails(mb_xbar_plan(&s, 10, 10, &l), MB_BADINPUT, "on/off");
    int16_t W[2] = {127, -128}, one[2] = {1, 0};
    assert_fails(mb_xbar_new(&good, 2, 1, W, &xb), MB_BADINPUT, "weight [1][0] = -128");
    s = good, s.scheme = MB_OFFSET, s.weight_bits = 1;
    assert_fails(mb_xbar_new(&s, 2, 1, one, &xb), MB_BADINPUT, "stores -1 and +1 only");
    assert_null(xb);
    W[1] = 3;
    assert_ok(mb_xbar_new(&good, 2, 1, W, &xb));
    int16_t x[4] = {1, 2, 255, 256};
    int64_t y[2];
    mb_read_id id = {.seed = 1};
    assert_fails(mb_xbar_mvm(xb, &id, 2, x, y, NULL), MB_BUG, "before it was programmed");
    assert_ok(mb_xbar_program(xb, 1, 0, 0, 0));
    assert_fails(mb_xbar_mvm(xb, &id, 1, x, y, NULL), MB_BUG, "ranges");
    assert_ok(mb_xbar_set_ranges(xb, NULL));
    assert_fails(mb_xbar_mvm(xb, &id, 2, x, y, NULL), MB_BADINPUT, "input 1 of vector 1 is 256");
    x[3] = -1;
    assert_fails(mb_xbar_mvm(xb, &id, 2, x, y, NULL), MB_BADINPUT, "is -1");
    id.layer = 5000;
    assert_fails(mb_xbar_mvm(xb, &id, 1, x, y, NULL), MB_BADINPUT, "layer 5000");
    assert_fails(mb_xbar_program(xb, 1, 0, 0, 1 << 20), MB_BADINPUT, "stream of their own");
    assert_null(mb_xbar_range(xb, 4));
    mb_xbar_free(xb);
    mb_cell_free(&cell);
    mb_cell_free(&poor);
    mb_adc_free(&sar);
}

/* Up to the next even multiple of 2^h with 64 < step / 2^h <= 128. */
static int on_grid(int step) {
    int h = 1;
    while (step > 128 * h) h *= 2;
    return (step + 2 * h - 1) / (2 * h) * 2 * h;
}

/* Ranges by hand. */
static void test_ranges(void **state) {
    (void)state;
    mb_cell cell = load_cell("cell = \"ideal\"; g_min_S = 25e-6;"); /* w0 = F: Gmin is a third of the span, digit 1 of 3 */
    mb_adc sar = load_adc("type = \"sar\";"), ideal = load_adc("type = \"ideal\";");
    mb_xbar_spec s = base_spec(cell, sar);
    int16_t W[100];
    for (int i = 0; i < 100; i++) W[i] = 85; /* digits 1 1 1 1 */
    mb_xbar *xb = NULL;
    s.adc_bits = 8;
    assert_ok(mb_xbar_new(&s, 100, 1, W, &xb));
    int F = (int)mb_xbar_scale(xb);
    assert_int_equal(F, 2048); /* 1.5 * 4/3 * 3 = 6; 6 * 2048 <= 16383 < 6 * 4096 */
    assert_ok(mb_xbar_program(xb, 1, 0, 0, 0));
    assert_ok(mb_xbar_set_ranges(xb, NULL));
    const mb_adc_range *r = mb_xbar_range(xb, 0);
    assert_int_equal(r->step, on_grid((300 * F + 126) / 127));
    assert_true(r->step >= (300 * F + 126) / 127 && r->step <= (300 * F + 126) / 127 * 1.031);   /* a little coarser */
    assert_int_equal(r->base, 0);
    assert_int_equal(r->q_lo, -127);
    assert_int_equal(r->q_hi, 127);
    assert_int_equal(mb_xbar_range(xb, 3)->step, F); /* top slice: one bit, 100 F, finer than a digit otherwise */
    mb_xbar_free(xb);

    s.adc_rule = MB_ADC_GIVEN, s.adc_fraction = 0.25;
    assert_ok(mb_xbar_new(&s, 100, 1, W, &xb));
    assert_ok(mb_xbar_set_ranges(xb, NULL));
    assert_int_equal(mb_xbar_range(xb, 0)->step, on_grid((75 * F + 126) / 127));
    assert_int_equal(mb_xbar_range(xb, 3)->step, on_grid((25 * F + 126) / 127));
    mb_xbar_free(xb);

    s.adc_rule = MB_ADC_FULL, s.subtract = MB_SUB_DIGITAL;
    assert_ok(mb_xbar_new(&s, 100, 1, W, &xb));
    assert_ok(mb_xbar_set_ranges(xb, NULL));
    r = mb_xbar_range(xb, 0);
    assert_int_equal(r->step, on_grid((400 * F + 254) / 255)); /* Gmin counts: 100 (3 F + F) */
    assert_int_equal(r->q_lo, 0);
    assert_int_equal(r->q_hi, 255);
    mb_xbar_free(xb);

    s.input_signed = true;
    assert_ok(mb_xbar_new(&s, 100, 1, W, &xb));
    assert_ok(mb_xbar_set_ranges(xb, NULL));
    r = mb_xbar_range(xb, 0);
    assert_int_equal(r->step, on_grid((400 * F + 126) / 127));
    assert_int_equal(r->base, -127 * r->step);
    assert_int_equal(r->q_hi, 254);
    mb_xbar_free(xb);

    s.adc_bits = 1, s.subtract = MB_SUB_ANALOG; /* a comparator */
    assert_ok(mb_xbar_new(&s, 100, 1, W, &xb));
    assert_ok(mb_xbar_set_ranges(xb, NULL));
    r = mb_xbar_range(xb, 0);
    assert_int_equal(r->step, 300 * F);
    uint64_t clipped = 0;
    assert_int_equal(r->base + mb_adc_code(r, 0, &clipped) * r->step, 150 * F);
    assert_int_equal(r->base + mb_adc_code(r, -1, &clipped) * r->step, -150 * F);
    mb_xbar_free(xb);

    /* calibrated: inputs 1..100 ones in the lowest plane; slice 0 sees n F (digit 1), other planes 0 */
    s = base_spec(cell, sar), s.adc_rule = MB_ADC_CALIBRATED, s.adc_bits = 4, s.input_bits = 1, s.adc_percentile = 0.9;
    assert_ok(mb_xbar_new(&s, 100, 1, W, &xb));
    assert_ok(mb_xbar_program(xb, 1, 0, 0, 0));
    assert_fails(mb_xbar_set_ranges(xb, NULL), MB_BADINPUT, "calibration");
    mb_xbar_hist *h = NULL, *h2 = NULL;
    int16_t x[100 * 100];
    for (int v = 0; v < 100; v++)
        for (int k = 0; k < 100; k++) x[v * 100 + k] = k <= v;
    assert_ok(mb_xbar_hist_new(xb, &h));
    assert_ok(mb_xbar_hist_new(xb, &h2));
    assert_fails(mb_xbar_set_ranges(xb, h), MB_BADINPUT, "calibration");
    assert_ok(mb_xbar_observe(xb, 40, x, h));
    assert_ok(mb_xbar_observe(xb, 60, x + 40 * 100, h2));
    assert_ok(mb_xbar_hist_merge(h, h2));
    assert_ok(mb_xbar_set_ranges(xb, h));
    double R = 90.0 * F; /* 90 % of the sums are at most 90 F; the bin is at most 1.6 % wide */
    assert_in_range(mb_xbar_range(xb, 0)->step, ceil(R / 7), on_grid((int)ceil(R * 1.016 / 7)));
    mb_xbar_free(xb);
    s.adc_percentile = 1;
    assert_ok(mb_xbar_new(&s, 100, 1, W, &xb));
    assert_ok(mb_xbar_set_ranges(xb, h));
    assert_int_equal(mb_xbar_range(xb, 0)->step, on_grid((100 * F + 6) / 7)); /* the maximum is exact */
    mb_xbar_free(xb);
    s.adc = ideal;
    assert_ok(mb_xbar_new(&s, 100, 1, W, &xb));
    assert_ok(mb_xbar_set_ranges(xb, NULL));
    mb_xbar_free(xb);
    mb_xbar_hist_free(h);
    mb_xbar_hist_free(h2);
    mb_cell_free(&cell);
    mb_adc_free(&sar);
    mb_adc_free(&ideal);
}

/* What the arrays did, by hand. */
static void test_stats(void **state) {
    (void)state;
    mb_cell cell = load_cell("cell = \"ideal\";");
    mb_adc sar = load_adc("type = \"sar\";");
    mb_xbar_spec s = base_spec(cell, sar);
    int16_t W[3 * 2] = {5, -3, 0, 2, -1, 7}, x[2 * 3] = {3, 0, 8, 0, 7, 0};
    int64_t y[4];
    mb_xbar *xb = NULL;
    mb_xbar_stats st, sum;
    s.weight_bits = 4, s.cell_bits = 3, s.input_bits = 4, s.adc_bits = 8;
    for (int dac = 1; dac <= 2; dac++) {
        s.dac_bits = dac;
        assert_ok(mb_xbar_new(&s, 3, 2, W, &xb));
        assert_ok(mb_xbar_program(xb, 1, 0, 0, 0));
        assert_ok(mb_xbar_set_ranges(xb, NULL));
        mb_xbar_stats_init(&st);
        mb_xbar_stats_init(&sum);
        assert_ok(mb_xbar_mvm(xb, &(mb_read_id){.seed = 1}, 2, x, y, &st));
        int F = (int)mb_xbar_scale(xb), planes = dac == 1 ? 4 : 2;
        assert_int_equal(y[0], (3 * 5 + 8 * -1) * F);
        assert_int_equal(y[3], 7 * 2 * F);
        assert_int_equal(st.vectors, 2);
        assert_int_equal(st.conversions, 2 * planes * 2);
        assert_int_equal(st.rows_offered, 2 * planes * 3);
        /* 3 = 0011 | 11 00, 8 = 1000 | 00 10, 7 = 0111 | 11 01 */
        assert_int_equal(st.rows_driven, dac == 1 ? 2 + 1 + 3 : 1 + 1 + 2);
        assert_int_equal(st.digit_sum, dac == 1 ? 2 + 1 + 3 : 3 + 2 + 3 + 1);
        assert_int_equal(st.charge,
                         F * (dac == 1 ? 2 * 8 + 1 * 8 + 3 * 2 : 3 * 8 + 2 * 8 + 4 * 2)); /* row sums of |W|: 8, 2, 8 */
        assert_int_equal(st.clipped, 0);
        if (dac == 1) {
            assert_int_equal(st.q_min, -3); /* x_0 W_01 in planes 0 and 1 */
            assert_int_equal(st.q_max, 7);  /* x_2 W_21 in plane 3 */
        }
        mb_xbar_stats_merge(&sum, &st);
        mb_xbar_stats_merge(&sum, &st);
        assert_int_equal(sum.charge, 2 * st.charge);
        assert_int_equal(sum.q_max, st.q_max);
        mb_xbar_free(xb);
    }
    /* clipping: a quarter of the range, everything on */
    s = base_spec(cell, sar), s.adc_rule = MB_ADC_GIVEN, s.adc_fraction = 0.25, s.input_bits = 1;
    int16_t W2[64], x2[64];
    for (int i = 0; i < 64; i++) W2[i] = 127, x2[i] = 1;
    assert_ok(mb_xbar_new(&s, 64, 1, W2, &xb));
    assert_ok(mb_xbar_program(xb, 1, 0, 0, 0));
    assert_ok(mb_xbar_set_ranges(xb, NULL));
    mb_xbar_stats_init(&st);
    assert_ok(mb_xbar_mvm(xb, &(mb_read_id){.seed = 1}, 1, x2, y, &st));
    assert_int_equal(st.clipped, 4);
    assert_int_equal(st.q_max, 127);
    assert_true((double)y[0] < 0.3 * 127 * 64 * mb_xbar_scale(xb));
    mb_xbar_free(xb);
    mb_cell_free(&cell);
    mb_adc_free(&sar);
}

/* Mean and variance of n numbers at 5 sigma. */
static void assert_normal(size_t n, const double *v, double mean, double sigma) {
    double s = 0, q = 0;
    for (size_t i = 0; i < n; i++) s += v[i];
    s /= (double)n;
    for (size_t i = 0; i < n; i++) q += (v[i] - s) * (v[i] - s);
    q /= (double)(n - 1);
    if (fabs(s - mean) > 5 * sigma / sqrt((double)n)) fail_msg("mean %g, expected %g +- %g", s, mean, sigma / sqrt((double)n));
    if (fabs(q / (sigma * sigma) - 1) > 5 * sqrt(2.0 / (double)n)) fail_msg("sigma %g, expected %g (n = %zu)", sqrt(q), sigma, n);
}

/* The programming error of the cells is the one of the sums. */
static void test_programming_error(void **state) {
    (void)state;
    mb_cell cell = load_cell("cell = \"rram\"; on_off = 4.0; prog_sigma = 0.02;");
    mb_adc ideal = load_adc("type = \"ideal\";");
    mb_xbar_spec s = base_spec(cell, ideal);
    enum { K = 32, N = 500 };
    static int16_t W[K * N], x[K * K];
    static int64_t y[K * N], y2[K * N];
    static double e[K * N];
    mb_xbar *xb = NULL;
    s.weight_bits = 4, s.cell_bits = 3, s.input_bits = 1;
    fill_weights(&s, K * N, W);
    for (int k = 0; k < K; k++) x[k * K + k] = 1;
    assert_ok(mb_xbar_new(&s, K, N, W, &xb));
    assert_ok(mb_xbar_program(xb, 3, 0, 0, 0));
    assert_ok(mb_xbar_set_ranges(xb, NULL));
    assert_ok(mb_xbar_mvm(xb, &(mb_read_id){.seed = 3}, K, x, y, NULL));
    double F = mb_xbar_scale(xb), unit = 7 / 0.75;       /* digits per Gmax: 7 digits span 3/4 of Gmax */
    for (int i = 0; i < K * N; i++) e[i] = (double)y[i] / F - W[i];
    /* two cells, plus the rounding of each to 1 / F of a digit */
    assert_normal(K * N, e, 0, sqrt(2 * (0.02 * unit * 0.02 * unit + 1 / (12 * F * F))));
    assert_ok(mb_xbar_program(xb, 3, 0, 0, 0));
    assert_ok(mb_xbar_mvm(xb, &(mb_read_id){.seed = 3}, K, x, y2, NULL));
    assert_memory_equal(y, y2, sizeof y);                /* the same trial: the same cells */
    for (int change = 0; change < 4; change++) {
        assert_ok(mb_xbar_program(xb, 3 + (change == 0), change == 1, change == 2, change == 3));
        assert_ok(mb_xbar_mvm(xb, &(mb_read_id){.seed = 3}, K, x, y2, NULL));
        int same = 0;
        for (int i = 0; i < K * N; i++) same += y[i] == y2[i];
        assert_true(same < K * N / 10);                  /* other seed, trial, layer, group: other cells */
    }
    mb_xbar_free(xb);
    /* errors far beyond the range saturate, and that is counted */
    mb_cell wild = load_cell("cell = \"rram\"; on_off = 4.0; prog_sigma = 0.9;");
    s.cell = wild;
    assert_ok(mb_xbar_new(&s, K, N, W, &xb));
    assert_ok(mb_xbar_program(xb, 3, 0, 0, 0));
    assert_true(mb_xbar_saturated(xb) > 100);
    mb_xbar_free(xb);
    mb_cell_free(&cell);
    mb_cell_free(&wild);
    mb_adc_free(&ideal);
}

/* One number per conversion has the variance of one number per cell. */
static void test_read_noise(void **state) {
    (void)state;
    mb_cell cell = load_cell("cell = \"rram\"; on_off = 5.0; read_sigma = 0.01; read_sigma_prop = 0.02;");
    mb_adc ideal = load_adc("type = \"ideal\";");
    mb_xbar_spec s = base_spec(cell, ideal);
    enum { K = 40, M = 20000 };
    static int16_t W[K], x[K * M];
    static int64_t y[M];
    static double e[M], mc[M];
    mb_xbar *xb = NULL;
    s.weight_bits = 4, s.cell_bits = 3, s.input_bits = 2, s.dac_bits = 2;
    fill_weights(&s, K, W);
    fill_inputs(&s, K, x);
    for (int v = 1; v < M; v++) memcpy(x + v * K, x, K * sizeof *x);
    assert_ok(mb_xbar_new(&s, K, 1, W, &xb));
    assert_ok(mb_xbar_program(xb, 3, 0, 0, 0));
    assert_ok(mb_xbar_set_ranges(xb, NULL));
    assert_ok(mb_xbar_mvm(xb, &(mb_read_id){.seed = 3}, M, x, y, NULL));
    double g_min, g_max, var = 0, F = mb_xbar_scale(xb), exact = 0;
    cell.type->range(cell.params, &g_min, &g_max);
    float target[2 * K], state_[4 * K], g[2 * K];
    for (int k = 0; k < K; k++)
        for (int q = 0; q < 2; q++) {
            int d = q ? (W[k] < 0 ? -W[k] : 0) : (W[k] > 0 ? W[k] : 0);
            double G = g_min + d * (g_max - g_min) / 7, sg = 0.01 * g_max + 0.02 * G;
            target[2 * k + q] = (float)G;
            var += sg * sg * x[k] * x[k];
            exact += (q ? -1 : 1) * d * x[k];
        }
    double unit = (g_max - g_min) / 7;
    mb_stream r;
    mb_stream_init(&r, 11, MB_RNG_TEST, 0, 0, 0);
    cell.type->program(cell.params, 2 * K, target, state_, &r);
    for (int v = 0; v < M; v++) {
        double sum = 0;
        mb_stream_init(&r, 12, MB_RNG_TEST, 0, 0, (uint32_t)v);
        cell.type->read(cell.params, 2 * K, state_, 0, 300, g, &r);
        for (int k = 0; k < K; k++) sum += ((double)g[2 * k] - (double)g[2 * k + 1]) * x[k];
        mc[v] = sum / unit;
        e[v] = (double)y[v] / F;
    }
    assert_normal(M, mc, exact, sqrt(var) / unit);   /* the formula is right */
    assert_normal(M, e, exact, sqrt(var) / unit);    /* and the array follows it */
    /* vectors are keyed by their index, not by the call */
    static int64_t y2[M];
    assert_ok(mb_xbar_mvm(xb, &(mb_read_id){.seed = 3}, 100, x, y2, NULL));
    assert_ok(mb_xbar_mvm(xb, &(mb_read_id){.seed = 3, .index0 = 100}, M - 100, x + 100 * K, y2 + 100, NULL));
    assert_memory_equal(y, y2, sizeof y);
    assert_ok(mb_xbar_mvm(xb, &(mb_read_id){.seed = 3, .trial = 1}, M, x, y2, NULL));
    assert_memory_not_equal(y, y2, sizeof y);
    assert_ok(mb_xbar_mvm(xb, &(mb_read_id){.seed = 3, .group = 1}, M, x, y2, NULL));
    assert_memory_not_equal(y, y2, sizeof y);
    mb_xbar_free(xb);
    mb_cell_free(&cell);
    mb_adc_free(&ideal);
}

/* Every allocation fails once: a clean error, nothing lost. */
static void test_memory(void **state) {
    (void)state;
    mb_cell cell = load_cell("cell = \"rram\"; read_sigma = 0.01;");
    mb_adc sar = load_adc("type = \"sar\"; noise_lsb = 0.5;");
    mb_xbar_spec s = base_spec(cell, sar);
    int16_t W[30] = {1, 2, 3}, x[30] = {1, 2, 3};
    int64_t y[2];
    int failures = 0;
    s.rows = s.rows_active = 8, s.scheme = MB_OFFSET, s.adc_rule = MB_ADC_CALIBRATED;
    for (long n = 0;; n++) {
        long live = mb_mem_live();
        mb_xbar *xb = NULL;
        mb_xbar_hist *h = NULL;
        mb_mem_fail_after(n);
        int rc = mb_xbar_new(&s, 15, 2, W, &xb);
        if (!rc) rc = mb_xbar_program(xb, 1, 0, 0, 0);
        if (!rc) rc = mb_xbar_hist_new(xb, &h);
        if (!rc) rc = mb_xbar_observe(xb, 1, x, h);
        if (!rc) rc = mb_xbar_set_ranges(xb, h);
        if (!rc) rc = mb_xbar_mvm(xb, &(mb_read_id){.seed = 1}, 1, x, y, NULL);
        if (!rc) rc = mb_xbar_mvm_oracle(xb, &(mb_read_id){.seed = 1}, 1, x, y);
        mb_mem_fail_after(-1);
        mb_xbar_hist_free(h);
        mb_xbar_free(xb);
        mb_error_clear();
        assert_int_equal(mb_mem_live(), live);
        if (!rc) break;
        assert_int_equal(rc, MB_SYSTEM);
        failures++;
    }
    assert_true(failures >= 15);
    mb_cell_free(&cell);
    mb_adc_free(&sar);
}

static void test_matmul(void **state) {
    (void)state;
    enum { M = 3, K = 70, N = 67 };
    static int16_t x[M * K], W[K * N];
    static int64_t y[M * N];
    for (int large = 0; large < 2; large++) {
        for (int i = 0; i < M * K; i++) x[i] = (int16_t)(large ? pick(INT16_MIN, INT16_MAX) : pick(0, 255));
        for (int i = 0; i < K * N; i++) W[i] = (int16_t)(large ? pick(INT16_MIN, INT16_MAX) : pick(-127, 127));
        if (large) x[5] = INT16_MIN, W[5 * N] = INT16_MIN;
        mb_matmul_i16(M, K, N, x, W, y);
        for (int v = 0; v < M; v++)
            for (int n = 0; n < N; n++) {
                int64_t s = 0;
                for (int k = 0; k < K; k++) s += (int64_t)x[v * K + k] * W[k * N + n];
                assert_int_equal(y[v * N + n], s);
            }
    }
}

/* Switched-off non-idealities are gone, the others draw what they drew before. */
static void test_ideal(void **state) {
    (void)state;
    enum { K = 70, N = 9, M = 5 };
    mb_cell cell = load_cell("cell = \"rram\"; prog_sigma = 0.02; read_sigma = 0.01; stuck_on = 0.05;");
    mb_adc adc = load_adc("type = \"sar\";");
    mb_xbar_spec s = base_spec(cell, adc);
    int16_t W[K * N], x[M * K];
    int64_t exact[M * N], y[4][M * N];
    static const unsigned flags[4] = {MB_IDEAL_ADC, MB_IDEAL_ADC | MB_IDEAL_READ, MB_IDEAL_ADC | MB_IDEAL_CELLS,
                                      MB_IDEAL_ADC | MB_IDEAL_CELLS | MB_IDEAL_READ};
    const mb_read_id id = {7, 0, 1, 0, 0};
    double F = 1;
    fill_weights(&s, K * N, W);
    fill_inputs(&s, M * K, x);
    mb_matmul_i16(M, K, N, x, W, exact);
    for (int i = 0; i < 4; i++) {
        mb_xbar *xb;
        s.ideal = flags[i];
        s.adc_bits = 3;
        assert_ok(mb_xbar_new(&s, K, N, W, &xb));
        assert_ok(mb_xbar_program(xb, 7, 0, 1, 0));
        assert_ok(mb_xbar_set_ranges(xb, NULL));
        assert_ok(mb_xbar_mvm(xb, &id, M, x, y[i], NULL));
        F = mb_xbar_scale(xb);
        mb_xbar_free(xb);
    }
    bool read = false, cells = false;
    for (int i = 0; i < M * N; i++) {
        assert_true((double)y[3][i] == F * (double)exact[i]);          /* all off: the integer product */
        assert_true(y[0][i] - y[1][i] == y[2][i] - y[3][i]);           /* read noise of constant sigma: the same with and without cell errors */
        read = read || y[0][i] != y[1][i];
        cells = cells || y[1][i] != y[3][i];
    }
    assert_true(read && cells);
    mb_cell_free(&cell);
    mb_adc_free(&adc);
}

/* The histogram counts the conversions of mvm: their number, the clipped ones, the extreme codes. */
static void test_codes(void **state) {
    (void)state;
    mb_cell cells[2] = {load_cell("cell = \"rram\"; prog_sigma = 0.05; read_sigma = 0.02;"), load_cell("cell = \"ideal\";")};
    mb_adc adc = load_adc("type = \"sar\";");
    for (int i = 0; i < 40; i++) {
        mb_xbar_spec s = random_spec(cells, 2, adc);
        s.adc_rule = MB_ADC_GIVEN;
        s.adc_fraction = 0.3;
        const int K = pick(1, 90), N = pick(1, 12), M = pick(1, 4);
        int16_t *W = mb_calloc((size_t)(K * N), sizeof *W), *x = mb_calloc((size_t)(K * M), sizeof *x);
        int64_t *y = mb_calloc((size_t)(M * N), sizeof *y);
        const mb_read_id id = {3, 1, 2, 0, 11};
        mb_xbar_codes all = {0}, one = {0};
        mb_xbar_stats st;
        mb_xbar *xb;
        fill_weights(&s, (size_t)(K * N), W);
        fill_inputs(&s, (size_t)(K * M), x);
        mb_xbar_stats_init(&st);
        int rc = mb_xbar_new(&s, K, N, W, &xb);
        if (rc) { /* an impossible specification: another test's business */
            mb_error_clear();
        } else {
            assert_ok(mb_xbar_program(xb, 3, 1, 2, 0));
            assert_ok(mb_xbar_set_ranges(xb, NULL));
            assert_ok(mb_xbar_mvm(xb, &id, M, x, y, &st));
            assert_ok(mb_xbar_count_codes(xb, &id, M, x, &all));
            assert_true(all.conversions == st.conversions && all.clipped == st.clipped);
            uint64_t sum = 0, edge = 0;
            int32_t lo = INT32_MAX, hi = INT32_MIN;
            for (int k = 0; k < all.slices; k++) {
                const mb_adc_range *r = mb_xbar_range(xb, k);
                const int64_t width = (int64_t)r->q_hi - r->q_lo + 1;
                for (int b = 0; b < MB_CODE_BINS; b++) sum += all.bin[k][b];
                edge += all.bin[k][(st.q_min - r->q_lo) * MB_CODE_BINS / width] > 0;
                for (int64_t q = r->q_lo; q <= r->q_hi; q++)
                    if (all.bin[k][(q - r->q_lo) * MB_CODE_BINS / width]) {
                        lo = q < lo ? (int32_t)q : lo;
                        hi = q > hi ? (int32_t)q : hi;
                    }
                if (width > 1 << 12) break;
            }
            assert_true(sum == all.conversions || all.slices > 1);
            assert_true(edge > 0 && lo <= st.q_min && hi >= st.q_max);
            for (int v = 0; v < M; v++) { /* one by one and merged: the same */
                mb_read_id at = id;
                mb_xbar_codes part = {0};
                at.index0 += (uint32_t)v;
                assert_ok(mb_xbar_count_codes(xb, &at, 1, x + v * K, &part));
                mb_xbar_codes_merge(&one, &part);
            }
            assert_memory_equal(&all, &one, sizeof all);
            mb_xbar_free(xb);
        }
        mb_free(W);
        mb_free(x);
        mb_free(y);
    }
    for (int i = 0; i < 2; i++) mb_cell_free(&cells[i]);
    mb_adc_free(&adc);
}

/* A crossbar that reads the cells of another behind a converter of its own gives the bits of one that was programmed itself, noise and all; and the
 * lender stays what it was. */
static void test_adopt(void **state) {
    (void)state;
    mb_cell cells[] = {load_cell("cell = \"rram\"; on_off = 20.0; prog_sigma = 0.03; read_sigma = 0.01;"), load_cell("cell = \"ideal\";")};
    mb_adc adc = load_adc("type = \"sar\";"), transparent = load_adc("type = \"ideal\";");
    enum { K = 70, N = 9, M = 5 };
    int differ = 0;
    for (int i = 0; i < 40; i++) {
        mb_xbar_spec s = random_spec(cells, 2, adc), other;
        int16_t W[K * N], x[M * K];
        int64_t y[M * N], z[M * N], before[M * N];
        mb_xbar *lender = NULL, *programmed = NULL, *xb = NULL, *third = NULL;
        const mb_read_id id = {.seed = 3, .trial = 1, .layer = 2};
        mb_xbar_stats a, b;
        s.adc_bits = pick(3, 9);
        if (i % 5 == 4) s.read_noise = MB_NOISE_CELL; /* the general engine: nothing is lent */
        other = s;
        other.adc_bits = pick(3, 9);
        other.adc_rule = i % 2 ? MB_ADC_LOSSLESS : MB_ADC_FULL;
        if (i % 7 == 3) other.adc = transparent;
        fill_weights(&s, K * N, W);
        fill_inputs(&s, M * K, x);
        assert_ok(mb_xbar_new(&s, K, N, W, &lender));
        assert_ok(mb_xbar_new(&other, K, N, W, &programmed));
        assert_ok(mb_xbar_new(&other, K, N, W, &xb));
        assert_fails(mb_xbar_adopt(xb, lender), MB_BUG, "cells of another one"); /* not programmed yet */
        assert_ok(mb_xbar_program(lender, 5, 1, 2, 0));
        assert_ok(mb_xbar_program(programmed, 5, 1, 2, 0));
        if (mb_xbar_general(lender)) {
            assert_fails(mb_xbar_adopt(xb, lender), MB_BUG, "cells of another one");
        } else {
            assert_ok(mb_xbar_set_ranges(lender, NULL));
            assert_ok(mb_xbar_mvm(lender, &id, M, x, before, NULL));
            for (int turn = 0; turn < 2; turn++) { /* again, from another lender */
                assert_ok(mb_xbar_like(lender, &third));
                assert_ok(mb_xbar_program(third, 5, turn ? 9 : 1, 2, 0));
                assert_ok(mb_xbar_adopt(xb, turn ? lender : third));
                if (!turn) assert_ok(mb_xbar_adopt(xb, lender));
                mb_xbar_free(third);
                assert_ok(mb_xbar_set_ranges(xb, NULL));
                assert_ok(mb_xbar_set_ranges(programmed, NULL));
                mb_xbar_stats_init(&a);
                mb_xbar_stats_init(&b);
                assert_ok(mb_xbar_mvm(xb, &id, M, x, y, &a));
                assert_ok(mb_xbar_mvm(programmed, &id, M, x, z, &b));
                assert_memory_equal(y, z, sizeof y);
                assert_memory_equal(&a, &b, sizeof a);
            }
            assert_fails(mb_xbar_program(xb, 5, 2, 2, 0), MB_BUG, "borrows");
            mb_xbar_free(xb);
            xb = NULL;
            assert_ok(mb_xbar_mvm(lender, &id, M, x, y, NULL));
            assert_memory_equal(y, before, sizeof y);
            differ += memcmp(z, before, sizeof z) != 0;
        }
        mb_xbar_free(xb);
        mb_xbar_free(programmed);
        mb_xbar_free(lender);
    }
    assert_true(differ > 10); /* the converters do make a difference */
    mb_cell_free(&cells[0]);
    mb_cell_free(&cells[1]);
    mb_adc_free(&adc);
    mb_adc_free(&transparent);
}

int main(void) {
    mb_stream_init(&rnd, 2024, MB_RNG_TEST, 0, 1, 0);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_law3),
        cmocka_unit_test(test_lossless_is_tight),
        cmocka_unit_test(test_layout),
        cmocka_unit_test(test_bad_specs),
        cmocka_unit_test(test_ranges),
        cmocka_unit_test(test_stats),
        cmocka_unit_test(test_programming_error),
        cmocka_unit_test(test_read_noise),
        cmocka_unit_test(test_memory),
        cmocka_unit_test(test_matmul),
        cmocka_unit_test(test_ideal),
        cmocka_unit_test(test_codes),
        cmocka_unit_test(test_adopt),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
