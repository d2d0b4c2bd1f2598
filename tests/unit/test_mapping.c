/* Options of the mapping in network runs: law 3 over all of them, the general engine against integers and against array/analog.h, the
 * two forms of read noise, non-linear cells, saturating columns, faults and spares, ranges, bad input. */
#include "arraytest.h"

#include <math.h>

#include "array/analog.h"
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
                          .adc_percentile = 1,
                          .adc_fraction = 1,
                          .cell = cell,
                          .adc = adc,
                          .temp_K = 300};
}

static void fill(const mb_xbar_spec *s, int nw, int16_t *W, int nx, int16_t *x) {
    int L = s->weight_bits == 1 ? 1 : (1 << (s->weight_bits - 1)) - 1;
    int X = s->input_signed ? (s->input_bits == 1 ? 1 : (1 << (s->input_bits - 1)) - 1) : (1 << s->input_bits) - 1;
    for (int i = 0; i < nw; i++) {
        do W[i] = (int16_t)(pick(0, 4) ? pick(-L, L) : pick(0, 1) ? L : -L);
        while (s->weight_bits == 1 && W[i] == 0);
    }
    for (int i = 0; i < nx; i++) x[i] = (int16_t)(pick(0, 3) ? pick(s->input_signed ? -X : 0, X) : pick(0, 1) ? X : 0);
}

/* Options that an ideal array must not notice. */
static void random_options(mb_xbar_spec *s) {
    if (pick(0, 1))
        for (int sum = 0, b; sum < s->weight_bits; sum += b) s->slice_bits[s->n_slice_bits++] = b = pick(1, 8 - sum > 4 ? 4 : 8 - sum);
    s->pair = pick(0, 1) ? MB_TWO_SIDED : MB_ONE_SIDED;
    s->correction = pick(0, 1) ? MB_CORRECT_DIGITAL : MB_CORRECT_DUMMY;
    s->input_code = pick(0, 1) ? MB_TWOS_COMPLEMENT : MB_SIGN_MAGNITUDE;
    s->accumulate = pick(0, 1) ? MB_ACCUMULATE_ANALOG : MB_ACCUMULATE_DIGITAL;
    s->dac = pick(0, 1) ? MB_DAC_LEVEL : MB_DAC_PULSE;
    s->arithmetic = pick(0, 1) ? MB_ARITHMETIC_DOUBLE : MB_ARITHMETIC_AUTO;
    s->read_noise = (mb_read_noise)pick(0, 2);
    s->spare_columns = pick(0, 3);
    s->adc_one_range = pick(0, 1);
    if (s->scheme == MB_DIFFERENTIAL && s->pair == MB_ONE_SIDED && pick(0, 1)) s->code = MB_CODE_BALANCED;
}

static mb_xbar_spec random_spec(mb_cell cell, mb_adc adc) {
    mb_xbar_spec s = base_spec(cell, adc);
    s.rows = pick(1, 40);
    s.rows_active = pick(1, s.rows);
    s.cols = pick(25, 60);
    s.weight_bits = pick(1, 8);
    s.cell_bits = pick(1, 6);
    s.input_bits = pick(1, 8);
    s.dac_bits = pick(1, s.input_bits);
    s.input_signed = pick(0, 1);
    s.scheme = pick(0, 1) ? MB_DIFFERENTIAL : MB_OFFSET;
    s.subtract = pick(0, 1) ? MB_SUB_ANALOG : MB_SUB_DIGITAL;
    random_options(&s);
    return s;
}

static mb_xbar *made(const mb_xbar_spec *s, int K, int N, const int16_t *W, uint32_t trial) {
    mb_xbar *xb = NULL;
    assert_ok(mb_xbar_new(s, K, N, W, &xb));
    assert_ok(mb_xbar_program(xb, 7, trial, 0, 0));
    assert_ok(mb_xbar_set_ranges(xb, NULL));
    return xb;
}

/* Law 3: an ideal array is exact under every option, in integers and in double precision. */
static void test_law3(void **state) {
    (void)state;
    mb_cell cells[] = {load_cell("cell = \"ideal\";"), load_cell("cell = \"ideal\"; g_min_S = 31e-6;"),
                       load_cell("cell = \"rram\"; on_off = 4.5;")};
    mb_adc ideal = load_adc("type = \"ideal\";"), sar = load_adc("type = \"sar\";");
    int converted = 0, general = 0, twos = 0;
    for (int i = 0; i < 2000; i++) {
        mb_xbar_spec s = random_spec(cells[i % 3], i % 4 ? sar : ideal);
        int K = pick(1, 90), N = pick(1, 9), m = 3;
        int16_t W[90 * 9], x[3 * 90];
        int64_t y[3 * 9], z[3 * 9];
        mb_xbar_layout lay;
        assert_ok(mb_xbar_plan(&s, K, N, &lay));
        if (!s.adc.type->transparent) {
            if (lay.adc_bits_lossless > 16) s.adc = ideal;
            else s.adc_bits = pick(lay.adc_bits_lossless, 16), converted++;
        }
        fill(&s, K * N, W, m * K, x);
        mb_xbar *xb = made(&s, K, N, W, 0);
        mb_xbar_stats st;
        mb_xbar_stats_init(&st);
        assert_ok(mb_xbar_mvm(xb, &(mb_read_id){.seed = 1}, m, x, y, &st));
        mb_matmul_i16(m, K, N, x, W, z);
        for (int j = 0; j < m * N; j++)
            if ((double)y[j] != (double)z[j] * mb_xbar_scale(xb))
                fail_msg("case %d: K %d N %d rows %d/%d w%d c%d(%d) x%d%s d%d %s %s pair %d corr %d code %d acc %d level %d arith %d "
                         "adc %s %d: y/F = %g, exact %lld",
                         i, K, N, s.rows_active, s.rows, s.weight_bits, s.cell_bits, s.n_slice_bits, s.input_bits,
                         s.input_signed ? "s" : "u", s.dac_bits, s.scheme == MB_OFFSET ? "offset" : "differential",
                         s.subtract ? "digital" : "analog", s.pair, s.correction, s.input_code, s.accumulate, s.dac, s.arithmetic,
                         s.adc.type->name, s.adc_bits, (double)y[j] / mb_xbar_scale(xb), (long long)z[j]);
        assert_int_equal(st.clipped, 0);
        assert_int_equal(st.conversions, (uint64_t)m * (uint64_t)lay.row_groups * (uint64_t)lay.planes_converted *
                                             (uint64_t)lay.conversions_per_output *
                                             (uint64_t)(N + lay.col_tiles * lay.dummy_columns / lay.slices));
        general += mb_xbar_general(xb);
        twos += s.input_signed && s.input_code == MB_TWOS_COMPLEMENT;
        mb_xbar_free(xb);
    }
    assert_true(converted > 1000 && general > 800 && twos > 300);
    for (int i = 0; i < 3; i++) mb_cell_free(&cells[i]);
    mb_adc_free(&ideal);
    mb_adc_free(&sar);
}

/* Without its lowest slices an ideal array holds the weights cut off (plain digits) or rounded to the nearest (balanced ones). */
static void test_skipped_slices(void **state) {
    (void)state;
    mb_cell cell = load_cell("cell = \"ideal\"; g_min_S = 2e-6;");
    mb_adc ideal = load_adc("type = \"ideal\";");
    int balanced = 0, rounded_up = 0;
    for (int i = 0; i < 500; i++) {
        mb_xbar_spec s = random_spec(cell, ideal);
        const int K = pick(1, 60), N = pick(1, 9);
        int16_t W[60 * 9], x[60];
        int64_t y[9];
        mb_xbar_layout all, lay;
        s.scheme = MB_DIFFERENTIAL;
        s.pair = MB_ONE_SIDED;
        s.code = (mb_weight_code)(i % 2);
        fill(&s, K * N, W, K, x);
        assert_ok(mb_xbar_plan(&s, K, N, &all));
        if (all.slices < 2) continue;
        s.skip_slices = pick(1, all.slices - 1);
        assert_ok(mb_xbar_plan(&s, K, N, &lay));
        assert_int_equal(lay.slices, all.slices - s.skip_slices);
        assert_int_equal(lay.cells_per_weight, all.cells_per_weight);
        assert_int_equal(lay.conversions_per_output, all.conversions_per_output / all.slices * lay.slices);
        int shift = 0;
        for (int k = 0; k < s.skip_slices; k++) shift += all.slice_bits[k];
        mb_xbar *xb = made(&s, K, N, W, 0);
        assert_ok(mb_xbar_mvm(xb, &(mb_read_id){.seed = 1}, 1, x, y, NULL));
        for (int n = 0; n < N; n++) {
            int64_t sum = 0;
            for (int k = 0; k < K; k++) {
                const int w = W[k * N + n], a = abs(w);
                const int kept = s.code == MB_CODE_BALANCED ? (int)floor(a / (double)(1 << shift) + 0.5) : a >> shift;
                rounded_up += s.code == MB_CODE_BALANCED && kept > a >> shift;
                sum += (int64_t)x[k] * (w < 0 ? -kept : kept) * (1 << shift);
            }
            assert_true((double)y[n] == (double)sum * mb_xbar_scale(xb));
        }
        balanced += s.code == MB_CODE_BALANCED;
        mb_xbar_free(xb);
    }
    assert_true(balanced > 80 && rounded_up > 1000);
    mb_cell_free(&cell);
    mb_adc_free(&ideal);
}

/* What holds no digit is neither built nor converted: an ideal array gives the same product, and conversions are counted by hand. */
static void test_empty_slices(void **state) {
    (void)state;
    mb_cell cell = load_cell("cell = \"ideal\"; g_min_S = 2e-6;");
    mb_adc ideal = load_adc("type = \"ideal\";");
    uint64_t dropped = 0;
    for (int i = 0; i < 400; i++) {
        mb_xbar_spec s = random_spec(cell, ideal);
        const int K = pick(1, 60), N = pick(1, 9), some = pick(0, 3);
        int16_t W[60 * 9], x[60];
        int64_t y[9];
        s.scheme = MB_DIFFERENTIAL;
        s.pair = MB_ONE_SIDED;
        s.code = (mb_weight_code)(i % 2);
        s.drop_empty = true;
        if (s.weight_bits == 1) continue; /* no zeros */
        fill(&s, K * N, W, K, x);
        for (int k = 0; k < K * N; k++) W[k] = (int16_t)(pick(0, 3) < some ? 0 : pick(0, 1) ? W[k] / 8 : W[k]);
        mb_xbar *xb = made(&s, K, N, W, 0);
        const mb_xbar_layout *lay = mb_xbar_get_layout(xb);
        mb_xbar_stats st;
        mb_xbar_stats_init(&st);
        assert_ok(mb_xbar_mvm(xb, &(mb_read_id){.seed = 1}, 1, x, y, &st));
        uint64_t empty = 0;
        for (int t = 0; t * s.rows < K; t++)
            for (int k0 = t * s.rows; k0 < K && k0 < (t + 1) * s.rows; k0 += s.rows_active)
                for (int n = 0; n < N; n++)
                    for (int e = 0; e < lay->slices; e++) {
                        bool any = false;
                        for (int k = k0; k < K && k < k0 + s.rows_active && k < (t + 1) * s.rows; k++)
                            any = any || mb_xbar_digit(&s, e, abs(W[k * N + n]));
                        empty += !any;
                    }
        const uint64_t each = (uint64_t)lay->planes_converted * (uint64_t)(lay->conversions_per_output / lay->slices);
        assert_int_equal(st.conversions, ((uint64_t)lay->row_groups * (uint64_t)lay->slices * (uint64_t)N - empty) * each);
        assert_true(mb_xbar_empty(xb) == (double)empty / ((double)lay->row_groups * lay->slices * N));
        for (int n = 0; n < N; n++) {
            int64_t sum = 0;
            for (int k = 0; k < K; k++) sum += (int64_t)x[k] * W[k * N + n];
            assert_true((double)y[n] == (double)sum * mb_xbar_scale(xb));
        }
        dropped += empty;
        mb_xbar_free(xb);
    }
    assert_true(dropped > 1000);
    mb_cell_free(&cell);
    mb_adc_free(&ideal);
}

/* Cells that are not there do not err and draw nothing; those that are left are the same. Pairs that have a cell for a zero, too, refuse. */
static void test_empty_slices_are_silent(void **state) {
    (void)state;
    enum { K = 64, N = 8 };
    mb_cell cell = load_cell("cell = \"rram\"; prog_sigma_prop = 0.1;");
    mb_adc none = load_adc("type = \"ideal\";");
    mb_xbar_spec s = base_spec(cell, none);
    int16_t W[K * N], x[K];
    int64_t y[2][N];
    double charge[2];
    for (int i = 0; i < K * N; i++) W[i] = (int16_t)(i % N < 4 ? 0 : i % N == 4 ? 127 : pick(-127, 127));
    for (int k = 0; k < K; k++) x[k] = (int16_t)pick(0, 255);
    for (int drop = 0; drop < 2; drop++) {
        mb_xbar_stats st;
        s.drop_empty = drop;
        mb_xbar *xb = made(&s, K, N, W, 3);
        mb_xbar_stats_init(&st);
        assert_ok(mb_xbar_mvm(xb, &(mb_read_id){.seed = 1}, 1, x, y[drop], &st));
        charge[drop] = (double)st.charge;
        mb_xbar_free(xb);
    }
    for (int n = 0; n < 4; n++) assert_true(y[0][n] != 0 && y[1][n] == 0);
    for (int n = 4; n < N; n++) assert_true(y[0][n] == y[1][n]); /* every slice of theirs holds digits */
    assert_true(charge[1] < charge[0]);
    mb_xbar *xb = NULL;
    s.pair = MB_TWO_SIDED;
    assert_fails(mb_xbar_new(&s, K, N, W, &xb), MB_BADINPUT, "one-sided differential pairs");
    mb_cell_free(&cell);
    mb_adc_free(&none);
}

/* The cells that are left are the ones of the whole weight: where the lowest slices hold nothing (and err nothing), the products of
 * badly programmed arrays agree but for the last unit of the conductances. */
static void test_skipping_keeps_the_cells(void **state) {
    (void)state;
    enum { K = 64, N = 8 };
    mb_cell cell = load_cell("cell = \"rram\"; on_off = 1e6; prog_sigma_prop = 0.1;");
    mb_adc none = load_adc("type = \"ideal\";");
    mb_xbar_spec s = base_spec(cell, none);
    int16_t W[K * N], x[K];
    int64_t whole[N], part[N], other[N];
    for (int i = 0; i < K * N; i++) W[i] = (int16_t)(16 * pick(-7, 7));
    for (int k = 0; k < K; k++) x[k] = (int16_t)pick(0, 255);
    for (int code = 0; code < 2; code++) {
        s.code = (mb_weight_code)code;
        s.skip_slices = 0;
        mb_xbar *a = made(&s, K, N, W, 3);
        s.skip_slices = 2;
        mb_xbar *b = made(&s, K, N, W, 3), *c = made(&s, K, N, W, 4);
        assert_ok(mb_xbar_mvm(a, &(mb_read_id){.seed = 1}, 1, x, whole, NULL));
        assert_ok(mb_xbar_mvm(b, &(mb_read_id){.seed = 1}, 1, x, part, NULL));
        assert_ok(mb_xbar_mvm(c, &(mb_read_id){.seed = 1}, 1, x, other, NULL));
        double same = 0, draw = 0;
        for (int n = 0; n < N; n++) {
            const double w = (double)whole[n] / mb_xbar_scale(a);
            same += pow((double)part[n] / mb_xbar_scale(b) - w, 2);
            draw += pow((double)other[n] / mb_xbar_scale(c) - w, 2);
        }
        if (!(sqrt(same) < 1e-2 * sqrt(draw))) fail_msg("code %d: %g against %g between draws", code, sqrt(same), sqrt(draw));
        mb_xbar_free(a);
        mb_xbar_free(b);
        mb_xbar_free(c);
    }
    mb_cell_free(&cell);
    mb_adc_free(&none);
}

/* The general engine on what integers can do: the same bits where cells lie on whole units, whatever the converter clips. */
static void test_same_as_integers(void **state) {
    (void)state;
    mb_cell cell = load_cell("cell = \"ideal\"; g_min_S = 11e-6;");
    mb_adc adcs[] = {load_adc("type = \"sar\";"), load_adc("type = \"uniform\"; noise_lsb = 0.4; sigma_offset_lsb = 1.0;"),
                     load_adc("type = \"flash\"; sigma_offset_lsb = 0.7;")};
    int clipped = 0;
    for (int i = 0; i < 150; i++) {
        mb_xbar_spec s = random_spec(cell, adcs[i % 3]);
        s.input_code = MB_SIGN_MAGNITUDE;
        s.read_noise = MB_NOISE_OUTPUT;
        s.adc_bits = pick(2, 8);
        s.adc_rule = MB_ADC_GIVEN;
        s.adc_fraction = 0.1 * pick(1, 10);
        s.adc_powers_of_two = pick(0, 1);
        s.dead_rows = s.dead_columns = pick(0, 1) * 0.1;
        int K = pick(1, 90), N = pick(1, 9), m = 2;
        int16_t W[90 * 9], x[2 * 90];
        int64_t y[2][2 * 9], z[2 * 9];
        mb_xbar_stats st[2];
        memset(st, 0, sizeof st);
        fill(&s, K * N, W, m * K, x);
        for (int a = 0; a < 2; a++) {
            s.arithmetic = a ? MB_ARITHMETIC_DOUBLE : MB_ARITHMETIC_AUTO;
            mb_xbar *xb = made(&s, K, N, W, 3);
            mb_read_id id = {.seed = 4, .trial = 3, .index0 = 9};
            assert_int_equal(mb_xbar_general(xb), a);
            mb_xbar_stats_init(&st[a]);
            assert_ok(mb_xbar_mvm(xb, &id, m, x, y[a], &st[a]));
            assert_ok(mb_xbar_mvm_oracle(xb, &id, m, x, z));
            assert_memory_equal(z, y[a], sizeof *z * (size_t)(m * N));
            mb_xbar_free(xb);
        }
        for (int j = 0; j < m * N; j++)
            if (y[0][j] != y[1][j])
                fail_msg("case %d: output %d: integers %lld, double %lld", i, j, (long long)y[0][j], (long long)y[1][j]);
        assert_memory_equal(&st[0], &st[1], sizeof st[0]);
        clipped += st[0].clipped > 0;
    }
    assert_true(clipped > 20);
    mb_cell_free(&cell);
    for (int i = 0; i < 3; i++) mb_adc_free(&adcs[i]);
}

/* With errors in the cells the two differ by the rounding of conductances to whole units, and by nothing else. */
static void test_rounding_of_integers(void **state) {
    (void)state;
    mb_cell cell = load_cell("cell = \"rram\"; on_off = 20.0; prog_sigma = 0.03; drift_nu = 0.02;");
    mb_adc ideal = load_adc("type = \"ideal\";");
    double worst = 0;
    for (int i = 0; i < 60; i++) {
        mb_xbar_spec s = random_spec(cell, ideal);
        s.input_code = MB_SIGN_MAGNITUDE;
        s.read_noise = MB_NOISE_OUTPUT;
        s.time_s = 100;
        int K = pick(1, 90), N = pick(1, 6), m = 2;
        int16_t W[90 * 6], x[2 * 90];
        int64_t y[2][2 * 6];
        fill(&s, K * N, W, m * K, x);
        mb_xbar_layout lay;
        assert_ok(mb_xbar_plan(&s, K, N, &lay));
        for (int a = 0; a < 2; a++) {
            s.arithmetic = a ? MB_ARITHMETIC_DOUBLE : MB_ARITHMETIC_AUTO;
            mb_xbar *xb = made(&s, K, N, W, 1);
            assert_ok(mb_xbar_mvm(xb, &(mb_read_id){.seed = 4}, m, x, y[a], NULL));
            mb_xbar_free(xb);
        }
        for (int j = 0; j < m * N; j++) {
            double bound = 0, shift = 0;
            for (int k = 0; k < K; k++) bound += abs(x[j / N * K + k]);
            for (int q = 0, at = 0; q < lay.slices; q++) {
                shift += ldexp(1, at);
                at += s.n_slice_bits ? s.slice_bits[q] : s.cell_bits;
            }
            bound = bound * shift * (s.scheme == MB_OFFSET && s.weight_bits == 1 ? 2 : 1) + 2; /* half a unit in two cells (data and dummy, or a pair) */
            if (fabs((double)(y[0][j] - y[1][j])) > bound * 1.001 + 2)
                fail_msg("case %d: integers %lld, double %lld, bound %g", i, (long long)y[0][j], (long long)y[1][j], bound);
            double r = fabs((double)(y[0][j] - y[1][j])) / bound;
            worst = r > worst ? r : worst;
        }
    }
    assert_true(worst > 0.01); /* they are two computations, not one */
    mb_cell_free(&cell);
    mb_adc_free(&ideal);
}

/* The same array as array/analog.h sees it: unequal slices, converter of few bits with a given range. */
static void test_same_as_analog(void **state) {
    (void)state;
    mb_cell cell = load_cell("cell = \"ideal\"; g_min_S = 0.0; g_max_S = 1e-4;");
    mb_adc uniform = load_adc("type = \"uniform\"; rounding = \"away\";");
    enum { K = 60, N = 5, M = 4 };
    for (int i = 0; i < 24; i++) {
        mb_xbar_spec s = base_spec(cell, uniform);
        s.scheme = i % 2 ? MB_OFFSET : MB_DIFFERENTIAL;
        s.correction = MB_CORRECT_DIGITAL;
        s.accumulate = i / 2 % 2 ? MB_ACCUMULATE_ANALOG : MB_ACCUMULATE_DIGITAL;
        s.arithmetic = i / 4 % 2 ? MB_ARITHMETIC_DOUBLE : MB_ARITHMETIC_AUTO;
        s.dac_bits = i % 3 + 1;
        s.input_bits = 6;
        s.n_slice_bits = 3;
        s.slice_bits[0] = 1, s.slice_bits[1] = 3, s.slice_bits[2] = i % 2 ? 4 : 3;
        s.adc_bits = 9; /* fewer have even steps only */
        s.adc_rule = MB_ADC_GIVEN;
        s.adc_fraction = 0.11;
        int16_t W[K * N], x[M * K];
        int64_t y[M * N];
        double Wr[N * K], xr[M * K], yr[M * N];
        fill(&s, K * N, W, M * K, x);
        W[0] = 127;
        mb_xbar *xb = made(&s, K, N, W, 0);
        for (int v = 0; v < 3; v++)
            if (mb_xbar_range(xb, v)->step % 2 == 0) s.adc_fraction += 0.001, v = -1, mb_xbar_free(xb), xb = made(&s, K, N, W, 0); /* odd: no ties */
        assert_ok(mb_xbar_mvm(xb, &(mb_read_id){.seed = 1}, M, x, y, NULL));
        char text[1024];
        double lo[3], hi[3], F = mb_xbar_scale(xb), full = s.accumulate == MB_ACCUMULATE_ANALOG ? 63 : (1 << s.dac_bits) - 1;
        for (int v = 0; v < 3; v++) { /* array units to currents of a full cell at full input */
            const mb_adc_range *r = mb_xbar_range(xb, v);
            double unit = 1 / (F * ((1 << s.slice_bits[v]) - 1)) / full;
            lo[v] = r->q_lo * (double)r->step * unit;
            hi[v] = r->q_hi * (double)r->step * unit;
        }
        snprintf(text, sizeof text,
                 "weights = { max = 127.0; };"
                 "mapping = { style = \"%s\"; weight_bits = 8; slices = 3; slice_bits = [ %d.0, %d.0, %d.0 ]; };"
                 "input = { dac = \"quantizer\"; bits = 6; slice_bits = %d; is_signed = false; min = 0.0; max = 63.0; };"
                 "conversion = { bits = 9; range = \"given\"; lo = [ %.17g, %.17g, %.17g ]; hi = [ %.17g, %.17g, %.17g ]; per_plane = %s; };"
                 "adc = { type = \"uniform\"; rounding = \"away\"; zero_code = %s; };",
                 i % 2 ? "offset" : "balanced", s.slice_bits[0], s.slice_bits[1], s.slice_bits[2], s.dac_bits, lo[0] - (i % 2 ? 1e-300 : 0), lo[1],
                 lo[2], hi[0], hi[1], hi[2], s.accumulate == MB_ACCUMULATE_ANALOG ? "false" : "true", i % 2 ? "false" : "true");
        mb_conf *c = NULL;
        mb_analog_spec as;
        mb_analog *a = NULL;
        assert_ok(mb_conf_parse(text, "test", &c));
        assert_ok(mb_analog_spec_load(c, &as));
        for (int n = 0; n < N; n++)
            for (int k = 0; k < K; k++) Wr[n * K + k] = W[k * N + n];
        for (int k = 0; k < M * K; k++) xr[k] = x[k];
        assert_ok(mb_analog_new(&as, N, K, Wr, &a));
        assert_ok(mb_analog_mvm(a, 0, M, xr, yr, NULL));
        for (int j = 0; j < M * N; j++)
            if (fabs(yr[j] - (double)y[j] / F) > 1e-6 * (1 + fabs(yr[j])))
                fail_msg("case %d output %d: %.9g here, %.9g there", i, j, (double)y[j] / F, yr[j]);
        mb_analog_free(a);
        mb_analog_spec_free(&as);
        mb_conf_free(c);
        mb_xbar_free(xb);
    }
    mb_cell_free(&cell);
    mb_adc_free(&uniform);
}

/* Mean and variance of one output over many reads. */
static void moments(const mb_xbar *xb, int K, const int16_t *x, int n, double *mean, double *var) {
    enum { AT_ONCE = 64 };
    int16_t *xs = mb_malloc(AT_ONCE * (size_t)K, sizeof *xs);
    int64_t y[AT_ONCE];
    double s = 0, s2 = 0;
    for (int v = 0; v < AT_ONCE; v++) memcpy(xs + v * K, x, (size_t)K * sizeof *x);
    for (int at = 0; at < n; at += AT_ONCE) {
        assert_ok(mb_xbar_mvm(xb, &(mb_read_id){.seed = 5, .index0 = (uint32_t)at}, AT_ONCE, xs, y, NULL));
        for (int v = 0; v < AT_ONCE; v++) {
            double d = (double)y[v] / mb_xbar_scale(xb);
            s += d, s2 += d * d;
        }
    }
    mb_free(xs);
    *mean = s / n;
    *var = (s2 - s * s / n) / (n - 1);
}

/* One number per output and one per cell have the same mean and variance, also where noise is cut off at zero. */
static void test_noise_forms(void **state) {
    (void)state;
    enum { K = 40, READS = 4096 };
    const char *texts[] = {"cell = \"rram\"; on_off = 1000.0; read_sigma = 0.05;", "cell = \"rram\"; on_off = 3.0; read_sigma = 0.02;"};
    mb_adc ideal = load_adc("type = \"ideal\";");
    for (int i = 0; i < 8; i++) {
        mb_cell cell = load_cell(texts[i % 2]);
        mb_xbar_spec s = base_spec(cell, ideal);
        double mean[3], var[3];
        int16_t W[K], x[K];
        s.scheme = i / 2 % 2 ? MB_OFFSET : MB_DIFFERENTIAL;
        s.correction = MB_CORRECT_DIGITAL;
        s.accumulate = i / 4 ? MB_ACCUMULATE_ANALOG : MB_ACCUMULATE_DIGITAL;
        s.weight_bits = 4;
        s.input_bits = 4;
        s.dac_bits = 2;
        for (int k = 0; k < K; k++) W[k] = (int16_t)(k % 8), x[k] = (int16_t)pick(0, 15);
        for (int f = 0; f < 3; f++) {
            s.read_noise = (mb_read_noise)f;
            s.arithmetic = f == 1 ? MB_ARITHMETIC_DOUBLE : MB_ARITHMETIC_AUTO;
            mb_xbar *xb = made(&s, K, 1, W, 0);
            assert_int_equal(mb_xbar_general(xb), f == 1 || (f == 2 && i % 2 == 0));
            assert_int_equal(mb_xbar_censored(xb) > 0, i % 2 == 0);
            moments(xb, K, x, READS, &mean[f], &var[f]);
            mb_xbar_free(xb);
        }
        for (int f = 1; f < 3; f++) {
            double sd = sqrt((var[0] + var[f]) / READS);
            if (fabs(mean[f] - mean[0]) > 5 * sd)
                fail_msg("case %d: mean %g per output, %g per cell, sigma of the difference %g", i, mean[0], mean[f], sd);
            if (fabs(log(var[f] / var[0])) > 5 * 2 / sqrt(READS))
                fail_msg("case %d: variance %g per output, %g per cell", i, var[0], var[f]);
        }
        if (i == 2) { /* the cut-off shifts the mean of offset columns: the test sees it */
            double exact = 0;
            for (int k = 0; k < K; k++) exact += W[k] * x[k];
            assert_true(fabs(mean[0] - exact) > 6 * sqrt(var[0] / READS));
        }
        mb_cell_free(&cell);
    }
    mb_adc_free(&ideal);
}

/* A cell of the test's own: a hyperbolic sine, steeper for larger conductances when bent_slope > 0. */
static double bent_b = 2, bent_slope;
static double bent_shape(const void *p, double g, double u) {
    double b = bent_b + bent_slope * g * 1e4;
    (void)p;
    return sinh(b * u) / sinh(b);
}

/* y / F of an ideal differential array with that curve, from the definition. */
static double bent_product(const mb_xbar_spec *s, int K, int N, const int16_t *W, const int16_t *x, int n) {
    const double g_min = 2e-6, span = 98e-6;
    int D = (1 << s->dac_bits) - 1, grid = (1 << s->cell_bits) - 1;
    double y = 0;
    for (int k = 0; k < K; k++)
        for (int p = 0; p * s->dac_bits < s->input_bits; p++)
            for (int b = 0, cell = 0; b < s->weight_bits - 1; b += s->cell_bits, cell++) {
                int a = abs(x[k]) >> (p * s->dac_bits) & D, w = W[k * N + n];
                double u = (x[k] < 0 ? -1.0 : 1.0) * a / D, d = abs(w) >> b & grid, used, rest;
                u += 2.598076211353316 * s->dac_inl * u * (1 - u * u);
                used = g_min + d / grid * span, rest = g_min;
                used *= bent_shape(NULL, used, u), rest *= bent_shape(NULL, rest, u);
                y += (w < 0 ? rest - used : used - rest) * D * grid / span * ldexp(1, b + p * s->dac_bits);
            }
    return y;
}

static void test_curves(void **state) {
    (void)state;
    enum { K = 30, N = 4, M = 3 };
    mb_cell ideal = load_cell("cell = \"ideal\"; g_min_S = 2e-6; g_max_S = 1e-4;");
    mb_cell_type type = *ideal.type;
    mb_adc none = load_adc("type = \"ideal\";");
    type.shape = bent_shape;
    for (int i = 0; i < 12; i++) {
        bent_slope = i % 2 ? 0.7 : 0; /* common to all cells, or not */
        mb_xbar_spec s = base_spec((mb_cell){.type = &type, .params = ideal.params}, none);
        s.dac = MB_DAC_LEVEL;
        s.input_signed = i % 3 == 1;
        s.input_bits = s.input_signed ? 7 : 6;
        s.dac_bits = i < 6 ? 2 : 6; /* tabulated, or cell by cell */
        s.dac_inl = i % 4 == 3 ? 0.05 : 0;
        s.weight_bits = 5;
        int16_t W[K * N], x[M * K];
        int64_t y[M * N], z[M * N];
        fill(&s, K * N, W, M * K, x);
        mb_xbar *xb = made(&s, K, N, W, 0);
        double miss = 0, bend = 0;
        assert_true(mb_xbar_general(xb));
        assert_ok(mb_xbar_mvm(xb, &(mb_read_id){.seed = 1}, M, x, y, NULL));
        mb_matmul_i16(M, K, N, x, W, z);
        for (int j = 0; j < M * N; j++) {
            mb_xbar_spec unsigned_like = s;
            unsigned_like.input_bits = 6; /* of the magnitude */
            double want = bent_product(&unsigned_like, K, N, W, x + j / N * K, j % N);
            miss = fmax(miss, fabs((double)y[j] / mb_xbar_scale(xb) - want));
            bend = fmax(bend, fabs(want - (double)z[j]));
        }
        if (miss > 1e-3 * bend) fail_msg("case %d: off by %g, the curve does %g", i, miss, bend);
        assert_true(bend > 100);
        mb_xbar_free(xb);
        s.dac = MB_DAC_PULSE, s.dac_inl = 0; /* pulses have one voltage: linear, integers, exact */
        xb = made(&s, K, N, W, 0);
        assert_false(mb_xbar_general(xb));
        assert_ok(mb_xbar_mvm(xb, &(mb_read_id){.seed = 1}, M, x, y, NULL));
        for (int j = 0; j < M * N; j++) assert_true((double)y[j] == (double)z[j] * mb_xbar_scale(xb));
        mb_xbar_free(xb);
    }
    mb_cell_free(&ideal);
    mb_adc_free(&none);
}

/* The DAC's noise: mean unchanged, variance D^2 sigma^2 sum_k w_k^2 per plane. */
static void test_dac_noise(void **state) {
    (void)state;
    enum { K = 20, READS = 4096 };
    mb_cell cell = load_cell("cell = \"ideal\"; g_min_S = 0.0;");
    mb_adc none = load_adc("type = \"ideal\";");
    mb_xbar_spec s = base_spec(cell, none);
    s.dac = MB_DAC_LEVEL;
    s.dac_noise = 0.02;
    s.dac_bits = 3, s.input_bits = 6;
    s.cell_bits = 7;
    int16_t W[K], x[K];
    double mean, var, exact = 0, want = 0;
    for (int k = 0; k < K; k++) {
        W[k] = (int16_t)(k % 2 ? -3 * k : 5 * k), x[k] = (int16_t)pick(0, 63);
        exact += W[k] * x[k];
        want += 49 * 0.02 * 0.02 * W[k] * W[k] * (1 + 64); /* planes of weight 1 and 8 */
    }
    mb_xbar *xb = made(&s, K, 1, W, 0);
    moments(xb, K, x, READS, &mean, &var);
    assert_true(fabs(mean - exact) < 5 * sqrt(want / READS));
    assert_true(fabs(log(var / want)) < 5 * sqrt(2.0 / READS));
    mb_xbar_free(xb);
    mb_cell_free(&cell);
    mb_adc_free(&none);
}

/* A column's current stops at the limit: pulses in every unit of time, levels in their sum. */
static void test_column_limit(void **state) {
    (void)state;
    enum { K = 10 };
    mb_cell cell = load_cell("cell = \"ideal\"; g_min_S = 0.0; g_max_S = 1e-4; read_V = 0.2;");
    mb_adc none = load_adc("type = \"ideal\";");
    mb_xbar_spec s = base_spec(cell, none);
    s.weight_bits = 3, s.cell_bits = 2, s.input_bits = 2, s.dac_bits = 2;
    s.column_limit_A = 4.5 * 0.2 * 1e-4; /* four and a half full cells */
    int16_t W[K], x[K];
    int64_t y;
    for (int level = 0; level < 2; level++)
        for (int n = 1; n <= K; n++) { /* n cells of full conductance: one with digit 1, the others with digit 3 */
            s.dac = level ? MB_DAC_LEVEL : MB_DAC_PULSE;
            for (int k = 0; k < K; k++) W[k] = k < n ? 3 : 0, x[k] = k == 0 ? 1 : 3;
            mb_xbar *xb = made(&s, K, 1, W, 0);
            assert_true(mb_xbar_general(xb));
            assert_ok(mb_xbar_mvm(xb, &(mb_read_id){.seed = 1}, 1, x, &y, NULL));
            double all = n < 4.5 ? n : 4.5, others = n - 1 < 4.5 ? n - 1 : 4.5, volts = (1 + 3.0 * (n - 1)) / 3;
            double want = level ? 9 * (volts < 4.5 ? volts : 4.5) : 3 * (all + 2 * others);
            if (fabs((double)y / mb_xbar_scale(xb) - want) > 1e-3) fail_msg("level %d, %d cells: %g, not %g", level, n, (double)y / mb_xbar_scale(xb), want);
            mb_xbar_free(xb);
        }
    mb_cell_free(&cell);
    mb_adc_free(&none);
}

/* Dead lines: as many as asked for (5 sigma), whole rows and columns, others for other trials; both engines; spares repair. */
static void test_faults(void **state) {
    (void)state;
    enum { K = 100, N = 20, TRIALS = 30 };
    mb_cell cell = load_cell("cell = \"ideal\"; g_min_S = 5e-6;");
    mb_adc none = load_adc("type = \"ideal\";");
    static int16_t W[K * N], x[K * K];
    static int64_t y[K * N], first[K * N];
    for (int k = 0; k < K; k++)
        for (int n = 0; n < N; n++) W[k * N + n] = 85; /* digit 1 in all slices of 2 bits */
    for (int k = 0; k < K; k++) x[k * K + k] = 1; /* one row at a time */
    for (int kind = 0; kind < 3; kind++) {
        int dead = 0, lines = 0, changed = 0, mixed = 0;
        mb_xbar_spec s = base_spec(cell, none);
        s.cols = 200;
        s.dead_rows = kind == 0 ? 0.05 : 0;
        s.dead_columns = kind ? 0.05 : 0;
        s.arithmetic = kind == 2 ? MB_ARITHMETIC_DOUBLE : MB_ARITHMETIC_AUTO;
        for (int t = 0; t < TRIALS; t++) {
            mb_xbar *xb = made(&s, K, N, W, (uint32_t)t);
            assert_ok(mb_xbar_mvm(xb, &(mb_read_id){.seed = 1}, K, x, y, NULL));
            if (t == 0) memcpy(first, y, sizeof y);
            changed += memcmp(first, y, sizeof y) != 0;
            if (kind == 0)
                for (int k = 0; k < K; k++, lines++) {
                    dead += y[k * N] == 0;
                    for (int n = 1; n < N; n++) mixed += y[k * N + n] != y[k * N];
                }
            else
                for (int n = 0; n < N; n++, lines++) {
                    dead += (double)y[n] != 85 * mb_xbar_scale(xb); /* one of eight columns is enough */
                    for (int k = 1; k < K; k++) mixed += y[k * N + n] != y[n];
                }
            mb_xbar_free(xb);
        }
        double p = kind ? 1 - pow(0.95, 8) : 0.05, sd = sqrt(p * (1 - p) * lines);
        if (fabs(dead - p * lines) > 5 * sd) fail_msg("kind %d: %d of %d lines are dead", kind, dead, lines);
        assert_int_equal(mixed, 0);
        assert_true(changed > TRIALS / 2);
    }
    double error[2] = {0, 0};
    for (int spares = 0; spares < 2; spares++) {
        mb_xbar_spec s = base_spec(cell, none);
        uint64_t repaired = 0;
        s.cols = 200;
        s.dead_columns = 0.03;
        s.spare_columns = spares ? 20 : 0;
        for (int t = 0; t < TRIALS; t++) {
            mb_xbar *xb = made(&s, K, N, W, (uint32_t)t);
            repaired += mb_xbar_repaired(xb);
            assert_ok(mb_xbar_mvm(xb, &(mb_read_id){.seed = 1}, 1, x, y, NULL));
            for (int n = 0; n < N; n++) error[spares] += fabs((double)y[n] / mb_xbar_scale(xb) - 85);
            mb_xbar_free(xb);
        }
        assert_int_equal(repaired > 0, spares);
    }
    assert_true(error[0] > 0 && error[1] <= 0); /* 160 columns have 5 dead ones on average, 20 spares suffice */
    mb_cell_free(&cell);
    /* without dead lines spares take the place of badly programmed columns */
    cell = load_cell("cell = \"rram\"; on_off = 20.0; prog_sigma = 0.05;");
    double square[2] = {0, 0};
    int64_t z[N];
    for (int k = 0; k < K; k++) x[k] = 255;
    mb_matmul_i16(1, K, N, x, W, z);
    for (int spares = 0; spares < 2; spares++)
        for (int t = 0; t < TRIALS; t++) {
            mb_xbar_spec s = base_spec(cell, none);
            s.cols = 200;
            s.spare_columns = spares ? 40 : 0;
            mb_xbar *xb = made(&s, K, N, W, (uint32_t)t);
            assert_ok(mb_xbar_mvm(xb, &(mb_read_id){.seed = 1}, 1, x, y, NULL));
            for (int n = 0; n < N; n++) square[spares] += pow((double)y[n] / mb_xbar_scale(xb) - (double)z[n], 2);
            mb_xbar_free(xb);
        }
    assert_true(square[1] < square[0]);
    mb_cell_free(&cell);
    mb_adc_free(&none);
}

/* Row groups of one array use the same converters, other arrays others; vectors do not matter. */
static void test_static_errors(void **state) {
    (void)state;
    enum { N = 6 };
    mb_cell cell = load_cell("cell = \"ideal\"; g_min_S = 0.0;");
    mb_adc adc = load_adc("type = \"uniform\"; sigma_offset_lsb = 20.0; group_size = 2;");
    int16_t W[4 * N] = {0}, x[2 * 4] = {0};
    int64_t y[3][2 * N];
    for (int engine = 0; engine < 2; engine++) {
        for (int i = 0; i < 3; i++) { /* one row; four row groups of an array; two arrays of two row groups */
            mb_xbar_spec s = base_spec(cell, adc);
            s.rows = i == 0 ? 1 : i == 1 ? 4 : 2;
            s.rows_active = 1;
            s.arithmetic = engine ? MB_ARITHMETIC_DOUBLE : MB_ARITHMETIC_AUTO;
            mb_xbar *xb = made(&s, i ? 4 : 1, N, W, 0);
            assert_ok(mb_xbar_mvm(xb, &(mb_read_id){.seed = 7}, 2, x, y[i], NULL));
            mb_xbar_free(xb);
        }
        int other = 0;
        for (int n = 0; n < N; n++) {
            assert_true(y[0][n] != 0);
            assert_true(y[0][n] == y[0][n + N]);
            assert_true(y[0][n] == y[0][n / 2 * 2]); /* two outputs share a converter */
            assert_true(y[1][n] == 4 * y[0][n]);
            other += y[2][n] != 4 * y[0][n];
        }
        assert_true(y[0][0] != y[0][2] && other >= 4);
    }
    mb_cell_free(&cell);
    mb_adc_free(&adc);
}

/* Rules of the ranges. */
static void test_range_rules(void **state) {
    (void)state;
    enum { K = 128, N = 8, M = 64 };
    mb_cell cell = load_cell("cell = \"ideal\";");
    mb_adc sar = load_adc("type = \"sar\";");
    static int16_t W[K * N], x[M * K];
    static int64_t y[M * N], z[M * N];
    mb_xbar_spec s = base_spec(cell, sar);
    fill(&s, K * N, W, M * K, x);
    mb_matmul_i16(M, K, N, x, W, z);
    double square[3];
    const mb_adc_rule rules[3] = {MB_ADC_FULL, MB_ADC_CALIBRATED, MB_ADC_MIN_ERROR};
    s.adc_bits = 4;
    for (int i = 0; i < 3; i++) {
        mb_xbar *xb = NULL;
        mb_xbar_hist *h = NULL;
        s.adc_rule = rules[i];
        assert_int_equal(mb_xbar_calibrates(&s), i > 0);
        assert_ok(mb_xbar_new(&s, K, N, W, &xb));
        assert_ok(mb_xbar_program(xb, 7, 0, 0, 0));
        assert_ok(mb_xbar_hist_new(xb, &h));
        assert_ok(mb_xbar_observe(xb, M, x, h));
        if (i > 0) assert_fails(mb_xbar_set_ranges(xb, NULL), MB_BADINPUT, "observed inputs");
        assert_ok(mb_xbar_set_ranges(xb, h));
        assert_ok(mb_xbar_mvm(xb, &(mb_read_id){.seed = 1}, M, x, y, NULL));
        square[i] = 0;
        for (int j = 0; j < M * N; j++) square[i] += pow((double)y[j] / mb_xbar_scale(xb) - (double)z[j], 2);
        mb_xbar_hist_free(h);
        mb_xbar_free(xb);
    }
    assert_true(square[2] < square[1] && square[1] < square[0]);
    s.adc_bits = 8;
    s.adc_rule = MB_ADC_LOSSLESS;
    mb_xbar *xb = made(&s, K, N, W, 0);
    assert_true(mb_xbar_range(xb, 0)->step == (int32_t)mb_xbar_scale(xb));
    mb_xbar_free(xb);
    s.adc_rule = MB_ADC_GIVEN; /* slices of 2, 2, 2, 1 bits: the last has a third of the range */
    s.adc_fraction = 0.3;
    xb = made(&s, K, N, W, 0);
    assert_true(mb_xbar_range(xb, 3)->step < mb_xbar_range(xb, 2)->step);
    mb_xbar_free(xb);
    s.adc_one_range = true;
    xb = made(&s, K, N, W, 0);
    assert_int_equal(mb_xbar_range(xb, 3)->step, mb_xbar_range(xb, 2)->step);
    mb_xbar_free(xb);
    s.adc_one_range = false, s.adc_powers_of_two = true; /* 0.3 of full scale becomes one half */
    xb = made(&s, K, N, W, 0);
    double half = K * 3 * mb_xbar_scale(xb) / 2 / 127;
    assert_true(mb_xbar_range(xb, 0)->step >= half && mb_xbar_range(xb, 0)->step < 1.04 * half); /* steps lie on a grid */
    mb_xbar_free(xb);
    mb_cell_free(&cell);
    mb_adc_free(&sar);
}

static void test_layout(void **state) {
    (void)state;
    mb_cell cell = load_cell("cell = \"ideal\";");
    mb_adc sar = load_adc("type = \"sar\";");
    mb_xbar_spec s = base_spec(cell, sar);
    mb_xbar_layout l;
    s.n_slice_bits = 3, s.slice_bits[0] = 4, s.slice_bits[1] = 2, s.slice_bits[2] = 2;
    assert_ok(mb_xbar_plan(&s, 100, 10, &l));
    assert_int_equal(l.slices, 3);
    assert_int_equal(l.slice_bits[0], 4);
    assert_int_equal(l.slice_bits[2], 1); /* 7 bits of magnitude */
    assert_int_equal(l.outputs_per_tile, 128 / 6);
    s.weight_bits = 5; /* four bits: one slice is enough */
    assert_ok(mb_xbar_plan(&s, 100, 10, &l));
    assert_int_equal(l.slices, 1);
    s.weight_bits = 8;
    s.spare_columns = 20;
    assert_ok(mb_xbar_plan(&s, 100, 10, &l));
    assert_int_equal(l.outputs_per_tile, 108 / 6);
    s.scheme = MB_OFFSET;
    assert_ok(mb_xbar_plan(&s, 100, 10, &l));
    assert_int_equal(l.dummy_columns, 3);
    assert_int_equal(l.outputs_per_tile, 105 / 3);
    s.correction = MB_CORRECT_DIGITAL;
    assert_ok(mb_xbar_plan(&s, 100, 10, &l));
    assert_int_equal(l.dummy_columns, 0);
    assert_int_equal(l.planes_converted, 8);
    s.accumulate = MB_ACCUMULATE_ANALOG;
    assert_ok(mb_xbar_plan(&s, 100, 10, &l));
    assert_int_equal(l.planes, 8);
    assert_int_equal(l.planes_converted, 1);
    s.accumulate = MB_ACCUMULATE_DIGITAL;
    s.input_signed = true;
    assert_ok(mb_xbar_plan(&s, 100, 10, &l));
    assert_int_equal(l.planes, 7);
    s.input_code = MB_TWOS_COMPLEMENT;
    assert_ok(mb_xbar_plan(&s, 100, 10, &l));
    assert_int_equal(l.planes, 8);
    mb_cell_free(&cell);
    mb_adc_free(&sar);
}

static void test_bad_specs(void **state) {
    (void)state;
    mb_cell cell = load_cell("cell = \"ideal\";"), poor = load_cell("cell = \"ideal\"; g_min_S = 99e-6;");
    mb_adc sar = load_adc("type = \"sar\";");
    const mb_xbar_spec good = base_spec(cell, sar);
    mb_xbar_layout l;
    mb_xbar_spec s = good;
    s.n_slice_bits = 2, s.slice_bits[0] = 2, s.slice_bits[1] = 4;
    assert_fails(mb_xbar_plan(&s, 10, 10, &l), MB_BADINPUT, "slice_bits covers 6 bits");
    s.slice_bits[1] = 9;
    assert_fails(mb_xbar_plan(&s, 10, 10, &l), MB_BADINPUT, "a width in slice_bits = 9");
    s = good, s.dac_inl = 0.1;
    assert_fails(mb_xbar_plan(&s, 10, 10, &l), MB_BADINPUT, "dac = \"level\"");
    s = good, s.dac = MB_DAC_LEVEL, s.dac_noise = -1;
    assert_fails(mb_xbar_plan(&s, 10, 10, &l), MB_BADINPUT, "dac_noise = -1");
    s = good, s.column_limit_A = (double)NAN;
    assert_fails(mb_xbar_plan(&s, 10, 10, &l), MB_BADINPUT, "column_limit_A");
    s = good, s.spare_columns = 128;
    assert_fails(mb_xbar_plan(&s, 10, 10, &l), MB_BADINPUT, "spare_columns = 128");
    s = good, s.spare_columns = 125;
    assert_fails(mb_xbar_plan(&s, 10, 10, &l), MB_BADINPUT, "125 spare columns");
    s = good, s.dead_rows = 1;
    assert_fails(mb_xbar_plan(&s, 10, 10, &l), MB_BADINPUT, "dead_rows = 1");
    s = good, s.cell = poor, s.pair = MB_TWO_SIDED, s.cell_bits = 7;
    assert_fails(mb_xbar_plan(&s, 128, 10, &l), MB_BADINPUT, "on/off");
    mb_cell_free(&cell);
    mb_cell_free(&poor);
    mb_adc_free(&sar);
}

/* Every allocation of the general engine can fail. */
static void test_memory(void **state) {
    (void)state;
    enum { K = 20, N = 3 };
    mb_cell cell = load_cell("cell = \"rram\"; read_sigma = 0.1;");
    mb_adc sar = load_adc("type = \"sar\";");
    mb_xbar_spec s = base_spec(cell, sar);
    s.read_noise = MB_NOISE_CELL;
    int16_t W[K * N], x[K];
    int64_t y[N];
    fill(&s, K * N, W, K, x);
    for (int fail = 1;; fail++) {
        long live = mb_mem_live();
        mb_xbar *xb = NULL;
        mb_mem_fail_after(fail);
        int rc = mb_xbar_new(&s, K, N, W, &xb);
        if (!rc) rc = mb_xbar_program(xb, 1, 0, 0, 0);
        if (!rc) rc = mb_xbar_set_ranges(xb, NULL);
        if (!rc) rc = mb_xbar_mvm(xb, &(mb_read_id){.seed = 1}, 1, x, y, NULL);
        mb_mem_fail_after(-1);
        mb_xbar_free(xb);
        mb_error_clear();
        assert_int_equal(mb_mem_live(), live);
        if (!rc) {
            assert_true(fail > 20);
            break;
        }
        assert_int_equal(rc, MB_SYSTEM);
    }
    mb_cell_free(&cell);
    mb_adc_free(&sar);
}

int main(void) {
    mb_stream_init(&rnd, 20261, MB_RNG_TEST, 0, 0, 0);
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_law3), cmocka_unit_test(test_skipped_slices), cmocka_unit_test(test_empty_slices), cmocka_unit_test(test_empty_slices_are_silent),
                                       cmocka_unit_test(test_skipping_keeps_the_cells), cmocka_unit_test(test_same_as_integers),
                                       cmocka_unit_test(test_rounding_of_integers), cmocka_unit_test(test_same_as_analog),
                                       cmocka_unit_test(test_noise_forms), cmocka_unit_test(test_curves), cmocka_unit_test(test_dac_noise), cmocka_unit_test(test_column_limit),
                                       cmocka_unit_test(test_faults), cmocka_unit_test(test_static_errors), cmocka_unit_test(test_range_rules), cmocka_unit_test(test_layout),
                                       cmocka_unit_test(test_bad_specs), cmocka_unit_test(test_memory)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
