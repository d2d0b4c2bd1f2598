/* The general analog engine: identities of mappings and inputs, true limits of tiles, wires against a dense nodal solution,
 * converters in their general form. */
#include "mbtest.h"

#include <gsl/gsl_linalg.h>
#include <math.h>

#include "array/analog_private.h"
#include "base/mem.h"

static mb_stream rnd;

static double uniform(double lo, double hi) { return lo + (hi - lo) * mb_stream_uniform(&rnd); }

static int spec(const char *text, mb_analog_spec *s) {
    mb_conf *c = NULL;
    assert_ok(mb_conf_parse(text, "case.cfg", &c));
    int rc = mb_analog_spec_load(c, s);
    mb_conf_free(c);
    return rc;
}

#define M 11
#define N 37

/* W and x on the grids of 8-bit weights and 8-bit inputs, the largest of each present. */
static void on_grid(double *W, double *x, bool is_signed) {
    for (int i = 0; i < M * N; i++) W[i] = rint(uniform(-127, 127)) / 127;
    for (int j = 0; j < M; j++) W[j * N + j] = j % 2 ? 1 : -1;
    for (int i = 0; i < N; i++) x[i] = is_signed ? rint(uniform(-127, 127)) / 127 : rint(uniform(0, 255)) / 255;
}

static double worst(const mb_analog_spec *s, const double *W, const double *x) {
    double y[M], e = 0;
    mb_analog *a;
    assert_ok(mb_analog_new(s, M, N, W, &a));
    assert_ok(mb_analog_mvm(a, 0, 1, x, y, NULL));
    for (int j = 0; j < M; j++) {
        double exact = 0;
        for (int i = 0; i < N; i++) exact += W[j * N + i] * x[i];
        e = fmax(e, fabs(y[j] - exact));
    }
    mb_analog_free(a);
    return e;
}

/* Ideal cells and converters give W x, whatever the mapping and the input form. */
static void test_ideal_is_exact(void **state) {
    (void)state;
    static const char *const mapping[] = {
        "mapping = { };",
        "mapping = { two_sided = true; };",
        "mapping = { interleaved = true; };",
        "mapping = { digital_subtraction = true; };",
        "mapping = { style = \"offset\"; };",
        "mapping = { style = \"offset\"; unit_column = true; };",
        "mapping = { slices = 4; };",
        "mapping = { slices = 3; };",
        "mapping = { slices = 3; slice_bits = [4.0, 1.0, 2.0]; };",
        "mapping = { slices = 7; };",
        "mapping = { style = \"offset\"; slices = 4; };",
        "mapping = { style = \"offset\"; slices = 3; unit_column = true; };",
        "mapping = { style = \"offset\"; slices = 3; slice_bits = [1.0, 2.0, 5.0]; unit_column = true; };",
        "mapping = { style = \"offset\"; slices = 2; slice_bits = [3.0, 5.0]; };",
        "mapping = { slices = 4; digital_subtraction = true; };"};
    static const char *const input[] = {"input = { };",
                                        "input = { dac = \"sign_magnitude\"; };",
                                        "input = { dac = \"sign_magnitude\"; slice_bits = 1; };",
                                        "input = { dac = \"sign_magnitude\"; slice_bits = 3; };",
                                        "input = { dac = \"twos_complement\"; slice_bits = 1; };",
                                        "input = { dac = \"twos_complement\"; slice_bits = 2; };",
                                        "input = { dac = \"quantizer\"; is_signed = false; min = 0.0; slice_bits = 8; };",
                                        "input = { dac = \"quantizer\"; is_signed = false; min = 0.0; slice_bits = 3; };"};
    static const char *const rest[] = {"", "cell = { r_max_ohm = 1e5; }; conversion = { per_plane = true; };",
                                       "array = { rows_max = 10; cols_max = 4; rows_active = 3; };",
                                       "weights = { per_channel = true; };"};
    double W[M * N], x[N];
    for (size_t i = 0; i < sizeof mapping / sizeof *mapping; i++)
        for (size_t k = 0; k < sizeof input / sizeof *input; k++)
            for (size_t r = 0; r < sizeof rest / sizeof *rest; r++) {
                char text[500];
                mb_analog_spec s;
                snprintf(text, sizeof text, "%s%s%s", mapping[i], input[k], rest[r]);
                assert_ok(spec(text, &s));
                on_grid(W, x, s.input.is_signed);
                double e = worst(&s, W, x);
                if (!(e < 1e-11)) fail_msg("%s: error %g", text, e);
                mb_analog_spec_free(&s);
            }
}

/* Unsliced offset with cell bits: no gain error is left (the levels are those of 2^cb - 1 steps). */
static void test_offset_gain(void **state) {
    (void)state;
    double W[M * N], x[N];
    mb_analog_spec s;
    assert_ok(spec("mapping = { style = \"offset\"; }; cell = { bits = 3; };", &s));
    on_grid(W, x, true);
    for (int i = 0; i < M * N; i++) W[i] = rint(W[i] * 3) / 3; /* 7 levels: 2^3 - 1 */
    assert_true(worst(&s, W, x) < 1e-11);
    mb_analog_spec_free(&s);
}

static void test_tiles(void **state) {
    (void)state;
    enum { K = 64 };
    double W[2 * K];
    for (int i = 0; i < 2 * K; i++) W[i] = uniform(-1, 1);
    for (int limit = 1; limit <= K; limit++)
        for (int how = 0; how < 2; how++) {
            mb_analog_spec s;
            mb_analog *a;
            int rows, cols, sum = 0, no, nr;
            assert_ok(spec("", &s));
            s.array.rows_max = limit;
            s.array.partition = how;
            assert_ok(mb_analog_new(&s, 2, K, W, &a));
            int tiles = mb_analog_tiles(a, &rows, &cols);
            assert_int_equal(tiles, (K + limit - 1) / limit);
            for (int t = 0; t < tiles; t++) {
                assert_non_null(mb_analog_conductance(a, t, 0, 1, &no, &nr));
                assert_true(nr >= 1 && nr <= limit); /* 64 inputs, at most 7: the peer makes a tile of 10 */
                sum += nr;
            }
            assert_int_equal(sum, K);
            assert_null(mb_analog_conductance(a, 0, 0, 2, &no, &nr));
            mb_analog_free(a);
            mb_analog_spec_free(&s);
        }
}

/* Currents of the full network by nodal analysis: lines input lines per i (2: interleaved), resistances > 0. */
static void nodal(const mb_analog_wires *w, int no, int nr, int lines, const double *const G[2], const double *v, double *I) {
    const size_t cells = (size_t)(no * nr), n = cells * (size_t)(lines + 1);
    gsl_matrix *A = gsl_matrix_calloc(n, n);
    gsl_vector *b = gsl_vector_calloc(n), *u = gsl_vector_calloc(n);
    gsl_permutation *p = gsl_permutation_alloc(n);
    int sign;
#define AT(i, j) gsl_matrix_set(A, i, j, gsl_matrix_get(A, i, j)
#define JOIN(a, c, g) AT(a, a) + (g)), AT(c, c) + (g)), AT(a, c) - (g)), AT(c, a) - (g))
    for (int i = 0; i < nr; i++)
        for (int j = 0; j < no; j++) {
            size_t col = (size_t)(i * no + j);
            for (int q = 0; q < lines; q++) {
                size_t row = cells * (size_t)(q + 1) + col;
                double g = G[q][j * nr + i], first = 1 / (w->r_row + w->r_row_term);
                JOIN(row, col, g);
                if (j == 0) {
                    AT(row, row) + first);
                    gsl_vector_set(b, row, (q ? -v[i] : v[i]) * first);
                } else JOIN(row, row - 1, 1 / w->r_row);
            }
            if (i < nr - 1) JOIN(col, col + (size_t)no, 1 / w->r_col);
            else AT(col, col) + 1 / (w->r_col + w->r_col_term));
        }
    gsl_linalg_LU_decomp(A, p, &sign);
    gsl_linalg_LU_solve(A, p, b, u);
    for (int j = 0; j < no; j++) I[j] = gsl_vector_get(u, (size_t)((nr - 1) * no + j)) / (w->r_col + w->r_col_term);
    gsl_matrix_free(A), gsl_vector_free(b), gsl_vector_free(u), gsl_permutation_free(p);
}

static void test_wires(void **state) {
    (void)state;
    enum { O = 7, R = 9 };
    double G0[O * R], G1[O * R], v[R], I[O], J[O], eff[O * R], residual = 0;
    const double *const G[2] = {G0, G1};
    for (int i = 0; i < O * R; i++) G0[i] = i % 5 ? uniform(0.01, 1) : 0, G1[i] = uniform(0, 1);
    for (int i = 0; i < R; i++) v[i] = uniform(-1, 1);
    mb_analog_spec s;
    assert_ok(spec("", &s));
    static const double r[][4] = {{1e-3, 2e-3, 0, 0}, {0.05, 0.02, 0.1, 0.3}, {1, 1, 0, 0}, {1e-9, 1e-9, 1e-9, 1e-9}};
    for (size_t k = 0; k < sizeof r / sizeof *r; k++)
        for (int lines = 1; lines <= 2; lines++) {
            s.wires = (mb_analog_wires){
                .source = MB_WIRES_INPUT, .r_row = r[k][0], .r_col = r[k][1], .r_row_term = r[k][2], .r_col_term = r[k][3]};
            s.cell.law = MB_IV_LINEAR;
            nodal(&s.wires, O, R, lines, G, v, J);
            assert_ok(mb_wires_effective(&s, O, R, G0, lines > 1 ? G1 : NULL, eff, &residual));
            s.cell.law = MB_IV_CUBIC; /* the non-linear solver in its linear limit */
            s.cell.read_V = 1e-6;
            assert_ok(mb_wires_solve(&s, O, R, G0, lines > 1 ? G1 : NULL, v, I, &residual));
            for (int j = 0; j < O; j++) {
                double sum = 0;
                for (int i = 0; i < R; i++) sum += eff[j * R + i] * v[i];
                double tol = r[k][0] < 1e-6 ? 1e-6 : 1e-12; /* the nodal matrix itself is ill-conditioned at 1e-9 */
                assert_true(fabs(sum - J[j]) < tol);
                assert_true(fabs(I[j] - sum) < 1e-11);
            }
        }
    /* all resistances zero: no wires; driver alone on an ideal line: a voltage divider */
    s.wires = (mb_analog_wires){.source = MB_WIRES_INPUT};
    s.cell.law = MB_IV_LINEAR;
    assert_ok(mb_wires_effective(&s, O, R, G0, NULL, eff, &residual));
    for (int i = 0; i < O * R; i++) assert_true(eff[i] == G0[i]);
    s.wires.r_row_term = 0.5;
    assert_ok(mb_wires_effective(&s, O, R, G0, NULL, eff, &residual));
    for (int i = 0; i < R; i++) {
        double sum = 0;
        for (int j = 0; j < O; j++) sum += G0[j * R + i];
        for (int j = 0; j < O; j++) assert_true(fabs(eff[j * R + i] - G0[j * R + i] / (1 + 0.5 * sum)) < 1e-15);
    }
    mb_analog_spec_free(&s);
}

/* Cubic cells on wires: Kirchhoff's laws by hand for one cell, and current conservation of the ladder. */
static void test_wires_nonlinear(void **state) {
    (void)state;
    mb_analog_spec s;
    double G = 0.8, v = 1, I, J, residual = 0;
    assert_ok(spec("cell = { law = \"cubic\"; read_V = 1.0; };", &s));
    s.wires = (mb_analog_wires){
        .source = MB_WIRES_INPUT, .r_row = 0.1, .r_col = 0.2, .r_row_term = 0.05, .r_col_term = 0.15};
    assert_ok(mb_wires_solve(&s, 1, 1, &G, NULL, &v, &I, &residual));
    double u = v - 0.5 * I; /* r_row + r_row_term + r_col + r_col_term */
    assert_true(fabs(G * (u - 0.25 * u * u * u) - I) < 1e-13);
    s.wires.source = MB_WIRES_SEPARATE;
    assert_ok(mb_wires_solve(&s, 1, 1, &G, NULL, &v, &J, &residual));
    assert_true(fabs(I - J) < 1e-13);
    mb_analog_spec_free(&s);
}

/* --- converters --- */

static void load_adc(const char *text, mb_adc *adc) {
    mb_conf *c = NULL;
    assert_ok(mb_conf_parse(text, "adc.cfg", &c));
    assert_ok(mb_adc_load(c, adc));
    mb_conf_free(c);
}

enum { COLUMNS = 20, POINTS = 400 };

/* Laws of the general form: values are codes of the grid, in place = apart, reproducible, clipping counted, monotonic when free
 * of errors and near the input. */
static void general_form(const char *text, bool nominal) {
    mb_adc adc;
    load_adc(text, &adc);
    const mb_adc_type *t = adc.type;
    for (int bits = 2; bits <= 8; bits += 2) {
        const int codes = t->codes ? t->codes(adc.params, bits) : 1 << bits;
        const double lo = -3, hi = 3, lsb = t->mid_rise || strstr(text, "cdac") ? 2 * hi / codes : (hi - lo) / (codes - 1);
        size_t n = t->statics ? t->statics(adc.params, bits, COLUMNS) : 0;
        assert_true(n <= MB_ADC_STATICS_MAX);
        double st[MB_ADC_STATICS_MAX], in[COLUMNS], out[COLUMNS], again[COLUMNS], last = -10;
        mb_stream a, b;
        mb_stream_init(&a, 3, MB_RNG_ADC, 1, 1, 1);
        if (n) t->draw(adc.params, bits, COLUMNS, st, t->deterministic(adc.params) ? NULL : &a);
        b = a;
        for (int k = 0; k < POINTS; k++) {
            uint64_t c1 = 0, c2 = 0, expect = 0;
            for (int j = 0; j < COLUMNS; j++) {
                in[j] = -3.7 + 7.4 * (k + 0.01 * j) / POINTS;
                expect += in[j] < lo || in[j] > hi;
            }
            memcpy(again, in, sizeof in);
            t->convert_real(adc.params, bits, lo, hi, n ? st : NULL, COLUMNS, in, out, &c1, &a);
            t->convert_real(adc.params, bits, lo, hi, n ? st : NULL, COLUMNS, again, again, &c2, &b);
            assert_memory_equal(out, again, sizeof out);
            assert_true(c1 == c2);
            if (nominal) assert_int_equal(c1, expect);
            for (int j = 0; j < COLUMNS; j++) {
                double code = lsb > 0 ? (out[j] + lsb * (codes - 1) / 2) / lsb : 0;
                assert_true(fabs(code - rint(code)) < 1e-9 && code > -1e-9 && code < codes - 1 + 1e-9);
                if (!nominal) continue;
                double x = in[j] < lo ? lo : in[j] > hi ? hi : in[j];
                assert_true(fabs(out[j] - x) < 0.51 * lsb + 1e-3);
                assert_true(out[j] >= last - 1e-12);
                last = out[j];
            }
        }
    }
    mb_adc_free(&adc);
}

static void test_general_form(void **state) {
    (void)state;
    static const char *const nominal[] = {"type = \"uniform\";",
                                          "type = \"uniform\"; zero_code = true;",
                                          "type = \"uniform\"; rounding = \"away\";",
                                          "type = \"sar\";",
                                          "type = \"sar\"; cdac = \"binary\";",
                                          "type = \"sar\"; cdac = \"split\";",
                                          "type = \"flash\";",
                                          "type = \"ramp\";",
                                          "type = \"ramp\"; symmetric = false;",
                                          "type = \"pipeline\";",
                                          "type = \"cyclic\";",
                                          "type = \"integrate\";",
                                          "type = \"table\";"};
    static const char *const with_errors[] = {
        "type = \"uniform\"; rounding = \"stochastic\";",
        "type = \"uniform\"; sigma_gain = 0.05; sigma_offset_lsb = 1.0; noise_lsb = 0.5;",
        "type = \"sar\"; cdac = \"binary\"; sigma_capacitor = 0.1; sigma_comparator = 0.02;",
        "type = \"sar\"; cdac = \"split\"; sigma_capacitor = 0.1;",
        "type = \"flash\"; sigma_offset_lsb = 1.0;",
        "type = \"ramp\"; sigma_capacitor = 0.2; sigma_comparator = 0.02;",
        "type = \"ramp\"; symmetric = false; sigma_capacitor = 0.2;",
        "type = \"pipeline\"; sigma_C1 = 0.05; sigma_C2 = 0.05; sigma_comparator = 0.05;",
        "type = \"cyclic\"; sigma_C1 = 0.05; sigma_Cpar = 0.1;",
        "type = \"integrate\"; sigma_threshold = 0.05; reset_loss = 0.01;",
        "type = \"table\"; inl = [0.0, 0.7, -0.6, 0.0]; sigma_inl_lsb = 0.3;",
        "type = \"table\"; dnl = [0.1, -0.1, 0.2];"};
    for (size_t i = 0; i < sizeof nominal / sizeof *nominal; i++) general_form(nominal[i], true);
    for (size_t i = 0; i < sizeof with_errors / sizeof *with_errors; i++) general_form(with_errors[i], false);
}

/* In network runs (integers) circuits with mismatch keep the laws, and their errors are the same for every vector but not for
 * every trial. */
static void test_adapter(void **state) {
    (void)state;
    static const char *const text[] = {
        "type = \"ramp\"; sigma_capacitor = 0.2; sigma_comparator = 0.05;", "type = \"pipeline\"; sigma_comparator = 0.3;",
        "type = \"sar\"; cdac = \"split\"; sigma_comparator = 0.1;", "type = \"flash\"; sigma_offset_lsb = 3.0;"};
    enum { K = 300 };
    static int32_t in[K], first[K], second[K], other[K];
    const mb_adc_range r = {.base = 0, .step = 17, .q_lo = -31, .q_hi = 31};
    for (size_t k = 0; k < sizeof text / sizeof *text; k++) {
        mb_adc adc;
        mb_stream a, b, c;
        uint64_t clipped = 0;
        int differ = 0;
        load_adc(text[k], &adc);
        assert_false(adc.type->deterministic(adc.params));
        for (int i = 0; i < K; i++) in[i] = (int32_t)uniform(-500, 500);
        mb_stream_init(&a, 3, MB_RNG_ADC, 1, 7, 0);
        mb_stream_init(&b, 3, MB_RNG_ADC, 1, 7, 5);
        mb_stream_init(&c, 3, MB_RNG_ADC, 2, 7, 0);
        adc.type->convert(adc.params, &r, K, in, first, &clipped, &a);
        adc.type->convert(adc.params, &r, K, in, second, &clipped, &b);
        adc.type->convert(adc.params, &r, K, in, other, &clipped, &c);
        assert_memory_equal(first, second, sizeof first);
        for (int i = 0; i < K; i++) {
            assert_true(first[i] % 17 == 0 && first[i] >= -31 * 17 && first[i] <= 31 * 17);
            differ += first[i] != other[i];
        }
        assert_true(differ > 0);
        mb_adc_free(&adc);
    }
}

/* A table by hand: 2 bits on [0, 3], transitions at 0.5, 1.5, 2.5 plus inl(1/3, 2/3, 1) = 0.2, -0.4, 0. */
static void test_table(void **state) {
    (void)state;
    mb_adc adc;
    load_adc("type = \"table\"; inl = [0.0, 0.2, -0.4, 0.0];", &adc);
    double st[3], in[] = {0.69, 0.71, 1.09, 1.11, 2.49, 2.51, 5}, out[7];
    static const double want[] = {0, 1, 1, 2, 2, 3, 3};
    uint64_t clipped = 0;
    assert_int_equal(adc.type->statics(adc.params, 2, 7), 3);
    adc.type->draw(adc.params, 2, 7, st, NULL);
    adc.type->convert_real(adc.params, 2, 0, 3, st, 7, in, out, &clipped, NULL);
    for (int i = 0; i < 7; i++) assert_true(fabs(out[i] - want[i]) < 1e-12);
    assert_int_equal(clipped, 1);
    mb_adc_free(&adc);
    mb_conf *c = NULL;
    assert_ok(mb_conf_parse("type = \"table\"; inl = [1.0];", "adc.cfg", &c));
    assert_fails(mb_adc_load(c, &adc), MB_BADINPUT, "at least 2 numbers");
    mb_conf_free(c);
}

/* Stochastic rounding is unbiased: mean = input, variance = f (1 - f) LSB^2. */
static void test_stochastic(void **state) {
    (void)state;
    enum { DRAWS = 20000 };
    mb_adc adc;
    mb_stream s;
    uint64_t clipped = 0;
    double mean = 0, var = 0, out, in = 5.3;
    load_adc("type = \"uniform\"; rounding = \"stochastic\";", &adc);
    mb_stream_init(&s, 3, MB_RNG_ADC, 0, 0, 0);
    for (int i = 0; i < DRAWS; i++) {
        adc.type->convert_real(adc.params, 8, 0, 255, NULL, 1, &in, &out, &clipped, &s);
        assert_true(out == 5 || out == 6);
        mean += out / DRAWS;
        var += (out - in) * (out - in) / DRAWS;
    }
    assert_true(fabs(mean - in) < 5 * sqrt(0.21 / DRAWS));
    assert_true(fabs(var / 0.21 - 1) < 0.05);
    mb_adc_free(&adc);
}

static void test_calibration(void **state) {
    (void)state;
    double W[M * N], x[8 * N], y[8 * M];
    mb_analog_spec s;
    mb_analog *a;
    for (int i = 0; i < M * N; i++) W[i] = uniform(-1, 1);
    for (int i = 0; i < 8 * N; i++) x[i] = uniform(-1, 1);
    assert_ok(spec(
        "adc = { type = \"uniform\"; zero_code = true; }; conversion = { range = \"percentile\"; percentile = 1.0; bits = 10; };",
        &s));
    assert_ok(mb_analog_new(&s, M, N, W, &a));
    assert_fails(mb_analog_mvm(a, 0, 8, x, y, NULL), MB_BADINPUT, "calibrat");
    assert_fails(mb_analog_calibrate(a, 0, x), MB_BADINPUT, "calibration inputs");
    assert_ok(mb_analog_calibrate(a, 8, x));
    mb_analog_stats st = {0};
    assert_ok(mb_analog_mvm(a, 0, 8, x, y, &st));
    assert_int_equal(st.conversions[0], 8 * M);
    assert_int_equal(st.clipped[0], 0); /* quantile 1: nothing clips */
    assert_true(fabs(fmax(-st.min[0], st.max[0]) - st.hi[0]) < 1e-12 && st.lo[0] == -st.hi[0]);
    double exact = 0;
    for (int i = 0; i < N; i++) exact += W[i] * x[i];
    assert_true(fabs(y[0] - exact) < 0.51 * 2 * st.hi[0] / 1022 * mb_analog_w_max(a, 0));
    mb_analog_free(a);
    double given = st.hi[0];
    for (int rule = MB_ANALOG_PERCENTILE; rule <= MB_ANALOG_MIN_ERROR; rule++) {
        s.conversion.range = rule;
        s.conversion.bits = 3;
        s.conversion.powers_of_two = true;
        assert_ok(mb_analog_new(&s, M, N, W, &a));
        assert_ok(mb_analog_calibrate(a, 8, x));
        double top = a->cal_hi[0], k = log2(N / top);
        assert_true(fabs(k - rint(k)) < 1e-12);
        s.conversion.powers_of_two = false;
        assert_ok(mb_analog_calibrate(a, 8, x));
        assert_true(a->cal_hi[0] <= top && a->cal_hi[0] > top / 2);
        if (rule == MB_ANALOG_MIN_ERROR) assert_true(a->cal_hi[0] < given); /* few bits: clipping the tails pays */
        mb_analog_free(a);
    }
    mb_analog_spec_free(&s);
}

static void test_explain(void **state) {
    (void)state;
    double W[M * N], x[4 * N], snr[MB_ANALOG_N_STAGES];
    mb_analog_spec s;
    for (int i = 0; i < M * N; i++) W[i] = uniform(-1, 1);
    for (int i = 0; i < 4 * N; i++) x[i] = uniform(-1, 1);
    assert_ok(spec("mapping = { slices = 4; }; cell = { bits = 2; programming = \"normal_independent\"; programming_magnitude = "
                   "0.02; read = \"normal_independent\";"
                   "read_magnitude = 0.02; }; input = { dac = \"sign_magnitude\"; bits = 8; }; adc = { type = \"uniform\"; "
                   "zero_code = true; };"
                   "conversion = { bits = 6; };",
                   &s));
    assert_ok(mb_analog_explain(&s, M, N, W, 4, x, 4, x, 1, 0, snr));
    assert_true(snr[0] > 40 && snr[0] < 60); /* 8-bit inputs: about 6 dB per bit */
    assert_true(snr[1] < snr[0] && snr[2] < snr[1] && snr[5] < snr[4] && snr[6] < snr[5]);
    assert_true(snr[3] == snr[2] && snr[4] == snr[3]); /* linear cells, no wires */
    mb_analog_spec_free(&s);
}

static void test_bad_input(void **state) {
    (void)state;
    static const struct {
        const char *text, *says;
    } bad[] = {{"mapping = { slices = 3; slice_bits = [2.0, 2.0, 2.0]; };", "do not cover"},
               {"mapping = { slices = 3; slice_bits = [2.0, 2.0]; };", "2 entries for 3 slices"},
               {"mapping = { slices = 9; };", "would be empty"},
               {"mapping = { style = \"offset\"; interleaved = true; };", "interleaved"},
               {"mapping = { style = \"offset\"; }; cell = { bits = 1; };", "at least 2"},
               {"mapping = { slicess = 2; };", "did you mean \"slices\""},
               {"mappings = { };", "mappings"},
               {"array = { rows_max = 8; rows_active = 9; };", "rows_active"},
               {"input = { min = 1.0; max = 1.0; };", "no width"},
               {"input = { bits = 4; slice_bits = 5; };", "slice_bits"},
               {"input = { is_signed = false; dac = \"twos_complement\"; };", "signed"},
               {"cell = { r_max_ohm = 1e3; };", "r_max_ohm"},
               {"adc = { type = \"uniform\"; }; conversion = { range = \"given\"; };", "give 1 or 1"},
               {"adc = { type = \"uniform\"; }; conversion = { range = \"given\"; lo = [2.0]; hi = [2.0]; };", "no width"},
               {"wires = { source = \"separate\"; r_row = 1.0; };", "slice_bits"},
               {"wires = { source = \"input\"; r_row = -1.0; };", "r_row"},
               {"adc = { type = \"pigeon\"; };", "unknown converter"}};
    mb_analog_spec s;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) assert_fails(spec(bad[i].text, &s), MB_BADINPUT, bad[i].says);
    double W[4] = {1, 2, (double)NAN, 4}, x[2] = {1, (double)INFINITY}, y[2];
    mb_analog *a;
    assert_ok(spec("", &s));
    assert_fails(mb_analog_new(&s, 2, 2, W, &a), MB_BADINPUT, "not finite");
    assert_fails(mb_analog_new(&s, 0, 2, W, &a), MB_BADINPUT, "no weights");
    W[2] = 3;
    assert_ok(mb_analog_new(&s, 2, 2, W, &a));
    assert_fails(mb_analog_mvm(a, 0, 1, x, y, NULL), MB_BADINPUT, "not finite");
    mb_analog_free(a);
    mb_analog_spec_free(&s);
}

/* Every allocation fails once; nothing leaks. */
static void test_memory(void **state) {
    (void)state;
    static const char *const text[] = {
        "mapping = { slices = 2; }; adc = { type = \"ramp\"; sigma_capacitor = 0.1; }; conversion = { bits = 4; range = "
        "\"min_error\"; }; weights = { percentile = 0.9; };"
        "wires = { source = \"input\"; r_row = 0.01; r_col = 0.01; };",
        "cell = { law = \"cubic\"; }; wires = { source = \"input\"; r_row = 0.01; r_col = 0.01; };",
        "input = { dac = \"sign_magnitude\"; slice_bits = 1; }; wires = { source = \"separate\"; r_row = 0.01; };"};
    double W[6] = {0.1, -0.5, 1, 0.7, 0.2, -1}, x[3] = {0.5, -1, 0.25}, y[2];
    for (size_t k = 0; k < sizeof text / sizeof *text; k++) {
        mb_analog_spec s;
        assert_ok(spec(text[k], &s));
        for (long n = 0;; n++) {
            long live = mb_mem_live();
            mb_analog *a = NULL;
            mb_mem_fail_after(n);
            int rc = mb_analog_new(&s, 2, 3, W, &a);
            if (!rc) rc = mb_analog_calibrate(a, 1, x);
            if (!rc) rc = mb_analog_mvm(a, 0, 1, x, y, NULL);
            mb_mem_fail_after(-1);
            mb_analog_free(a);
            mb_error_clear();
            assert_int_equal(mb_mem_live(), live);
            if (!rc) break;
            assert_int_equal(rc, MB_SYSTEM);
        }
        mb_analog_spec_free(&s);
    }
}

/* Same seed, same bits, whatever the batching; another trial, other errors. */
static void test_streams(void **state) {
    (void)state;
    double W[M * N], x[3 * N], y[3 * M], z[3 * M], u[3 * M];
    mb_analog_spec s;
    mb_analog *a;
    for (int i = 0; i < M * N; i++) W[i] = uniform(-1, 1);
    for (int i = 0; i < 3 * N; i++) x[i] = uniform(-1, 1);
    assert_ok(spec("cell = { programming = \"rram_wan\"; r_min_ohm = 25000.0; r_max_ohm = 1e6; read = \"uniform_proportional\"; "
                   "read_magnitude = 0.1; };"
                   "adc = { type = \"sar\"; noise_lsb = 0.5; }; input = { dac = \"sign_magnitude\"; noise = 0.01; inl = 0.02; };",
                   &s));
    assert_ok(mb_analog_new(&s, M, N, W, &a));
    assert_ok(mb_analog_program(a, 5, 2));
    assert_ok(mb_analog_mvm(a, 0, 3, x, y, NULL));
    for (int v = 2; v >= 0; v--) assert_ok(mb_analog_mvm(a, (uint32_t)v, 1, x + v * N, z + v * M, NULL));
    assert_memory_equal(y, z, sizeof y);
    assert_ok(mb_analog_program(a, 5, 3));
    assert_ok(mb_analog_mvm(a, 0, 3, x, u, NULL));
    assert_true(memcmp(y, u, sizeof y) != 0);
    mb_analog_free(a);
    mb_analog_spec_free(&s);
}

int main(void) {
    mb_stream_init(&rnd, 11, MB_RNG_TEST, 0, 0, 0);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_ideal_is_exact), cmocka_unit_test(test_offset_gain),     cmocka_unit_test(test_tiles),
        cmocka_unit_test(test_wires),          cmocka_unit_test(test_wires_nonlinear), cmocka_unit_test(test_general_form),
        cmocka_unit_test(test_adapter),        cmocka_unit_test(test_table),           cmocka_unit_test(test_stochastic),
        cmocka_unit_test(test_calibration),    cmocka_unit_test(test_explain),         cmocka_unit_test(test_bad_input),
        cmocka_unit_test(test_memory),         cmocka_unit_test(test_streams)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
