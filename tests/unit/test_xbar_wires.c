/* Crossbars with wires: against a dense nodal solution of the whole array, against the general engine, limits, read noise by
 * brute force, packed blocks, bad input, failing memory. */
#include "arraytest.h"

#include <math.h>

#include "array/analog.h"
#include "array/wire.h"
#include "array/xbar.h"
#include "base/mem.h"
#include "wire_oracle.h"

static double real(double lo, double hi) { return lo + (hi - lo) * mb_stream_uniform(&rnd); }

static mb_xbar_spec base_spec(mb_cell cell, mb_adc adc) {
    return (mb_xbar_spec){.rows = 16,
                          .cols = 16,
                          .rows_active = 16,
                          .weight_bits = 4,
                          .cell_bits = 3,
                          .input_bits = 4,
                          .dac_bits = 4,
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

static void fill_weights(const mb_xbar_spec *s, size_t n, int16_t *w) {
    int L = s->weight_bits == 1 ? 1 : (1 << (s->weight_bits - 1)) - 1;
    for (size_t i = 0; i < n; i++) {
        do w[i] = (int16_t)pick(-L, L);
        while (s->weight_bits == 1 && w[i] == 0);
    }
}

static void fill_inputs(const mb_xbar_spec *s, size_t n, int16_t *x) {
    int X = s->input_signed ? (s->input_bits == 1 ? 1 : (1 << (s->input_bits - 1)) - 1) : (1 << s->input_bits) - 1;
    for (size_t i = 0; i < n; i++) x[i] = (int16_t)(pick(0, 3) ? pick(s->input_signed ? -X : 0, X) : 0);
}

static mb_xbar *programmed(const mb_xbar_spec *s, int K, int N, const int16_t *W) {
    mb_xbar *xb = NULL;
    assert_ok(mb_xbar_new(s, K, N, W, &xb));
    assert_ok(mb_xbar_program(xb, 5, 0, 0, 0));
    assert_ok(mb_xbar_set_ranges(xb, NULL));
    return xb;
}

/* --- one array by the obvious method, laid out from the words of xbar.h ----------------------------------------------------
 */

typedef struct layout {
    const mb_xbar_spec *s;
    int K, N, slices, pol, refs, bits;
} layout;

static layout lay_out(const mb_xbar_spec *s, int K, int N) {
    layout l = {s, K, N, 0, s->scheme == MB_DIFFERENTIAL ? 2 : 1, 0, 0};
    l.bits = s->scheme == MB_OFFSET ? s->weight_bits : s->weight_bits > 1 ? s->weight_bits - 1 : 1;
    l.slices = (l.bits + s->cell_bits - 1) / s->cell_bits;
    l.refs = s->scheme == MB_DIFFERENTIAL ? 0 : s->weight_bits == 1 ? 2 : 1;
    return l;
}

/* What the cell of weight W (output n; n >= N: reference) holds. */
static int digit(const layout *l, const int16_t *W, int k, int n, int slice, int q) {
    int wb = l->s->weight_bits, v;
    if (n >= l->N) v = l->refs == 2 ? n - l->N : 1 << (wb - 1);
    else {
        int w = W[k * l->N + n];
        if (l->s->scheme == MB_DIFFERENTIAL) v = q ? (w < 0 ? -w : 0) : (w > 0 ? w : 0);
        else v = wb == 1 ? (w + 1) / 2 : w + (1 << (wb - 1));
    }
    return v >> (slice * l->s->cell_bits) & ((1 << l->s->cell_bits) - 1);
}

/* y[N] in digits for one vector of one array, currents by the dense nodal solution of the whole array of rows x cols. */
static void expected(const layout *l, const int16_t *W, const int16_t *x, double *y) {
    const mb_xbar_spec *s = l->s;
    const mb_xbar_wires *r = &s->wires;
    const bool pairs = r->interleaved;
    const int m = s->rows * (pairs ? 2 : 1), n = pairs ? s->cols / 2 : s->cols;
    mb_wire w = {.m = m,
                 .n = n,
                 .r_wl = r->r_wl_ohm,
                 .r_bl = r->r_bl_ohm,
                 .r_src = r->r_driver_ohm,
                 .r_snk = r->r_sense_ohm,
                 .drive = (mb_wire_drive)r->drive,
                 .sense = (mb_wire_sense)r->sense,
                 .sense_span = pairs ? 1 : l->pol,
                 .pairs = pairs,
                 .r_on = r->r_on_ohm};
    double *G = calloc((size_t)(m * n), sizeof *G), *V = calloc((size_t)m, sizeof *V), *I = calloc((size_t)n, sizeof *I),
           *U = calloc((size_t)(m * n), sizeof *U), *col = calloc((size_t)(l->N + 2), sizeof *col), g_min, g_max;
    s->cell.type->range(s->cell.params, &g_min, &g_max);
    const int top = s->rows - r->rows_after - l->K, left = pairs ? r->columns_before / 2 : r->columns_before,
              wide = (1 << s->cell_bits) - 1;
    for (int k = 0; k < l->K; k++) {
        for (int q = 0; q < (pairs ? 2 : 1); q++) V[pairs ? 2 * (top + k) + q : top + k] = q ? -x[k] : x[k];
        for (int o = 0; o < l->N + l->refs; o++)
            for (int sl = 0; sl < l->slices; sl++)
                for (int q = 0; q < l->pol; q++) {
                    int row = pairs ? 2 * (top + k) + q : top + k;
                    int column = left + (pairs ? o * l->slices + sl : (o * l->slices + sl) * l->pol + q);
                    assert_true(row >= 0 && row < m && column < n);
                    G[row * n + column] = g_min + digit(l, W, k, o, sl, q) * (g_max - g_min) / wide;
                }
    }
    oracle(&w, G, V, I, U);
    for (int o = 0; o < l->N + l->refs; o++) {
        col[o] = 0;
        for (int sl = 0; sl < l->slices; sl++) {
            int c = left + (pairs ? o * l->slices + sl : (o * l->slices + sl) * l->pol);
            double d = I[c] - (l->pol == 2 && !pairs ? I[c + 1] : 0);
            col[o] += ldexp(d, sl * s->cell_bits) / (g_max - g_min) * wide;
        }
    }
    for (int o = 0; o < l->N; o++)
        y[o] = (l->refs == 2 ? 2 : 1) * col[o] - (l->refs ? col[l->N] : 0) - (l->refs == 2 ? col[l->N + 1] : 0);
    free(G), free(V), free(I), free(U), free(col);
}

/* Largest error that rounding of w to whole units may cause in y / F: half a unit per cell and twice for the limits of w0. */
static double bound(const layout *l, const int16_t *x, double F) {
    double sum = 0;
    for (int k = 0; k < l->K; k++) sum += abs(x[k]);
    return (l->pol + (l->refs ? 2 * l->refs : 0)) * sum * (ldexp(1, l->slices * l->s->cell_bits) - 1) /
           (ldexp(1, l->s->cell_bits) - 1) / F;
}

static void random_wires(mb_xbar_spec *s) {
    mb_xbar_wires *r = &s->wires;
    double *all[] = {&r->r_wl_ohm, &r->r_bl_ohm, &r->r_driver_ohm, &r->r_sense_ohm};
    for (int i = 0; i < 4; i++) *all[i] = pick(0, 2) ? real(1, i < 2 ? 100 : 500) : 0;
    if (pick(0, 3) == 0) r->r_on_ohm = real(100, 3000);
    r->drive = pick(0, 1);
    r->sense = pick(0, 2);
    r->interleaved = s->scheme == MB_DIFFERENTIAL && s->subtract == MB_SUB_ANALOG && pick(0, 1);
    if (r->r_wl_ohm + r->r_bl_ohm <= 0) r->r_bl_ohm = 30;
}

static void test_against_nodal_solution(void **state) {
    (void)state;
    mb_cell cells[] = {load_cell("cell = \"ideal\"; g_min_S = 1e-6; g_max_S = 1e-4;"),
                       load_cell("cell = \"rram\"; on_off = 5.0;")};
    mb_adc ideal = load_adc("type = \"ideal\";");
    double effect = 0;
    int interleaved = 0, moved = 0;
    mb_stream_init(&rnd, 31, MB_RNG_TEST, 0, 0, 0);
    for (int t = 0; t < 120; t++) {
        mb_xbar_spec s = base_spec(cells[t % 2], ideal);
        s.rows = pick(3, 9), s.cols = 2 * pick(4, 6), s.rows_active = pick(1, s.rows);
        s.weight_bits = pick(1, 4), s.cell_bits = pick(1, 3), s.dac_bits = pick(1, 4), s.input_signed = pick(0, 1);
        s.scheme = pick(0, 2) ? MB_DIFFERENTIAL : MB_OFFSET;
        s.subtract = pick(0, 1) ? MB_SUB_ANALOG : MB_SUB_DIGITAL;
        random_wires(&s);
        mb_xbar_layout lay;
        assert_ok(mb_xbar_plan(&s, 3, 1, &lay));
        int K = pick(1, s.rows), N = pick(1, lay.outputs_per_tile), used = N * lay.cells_per_weight + lay.dummy_columns;
        s.wires.rows_after = pick(0, s.rows - K);
        s.wires.columns_before = pick(0, (s.cols - used) / 2) * 2;
        interleaved += s.wires.interleaved;
        moved += s.wires.rows_after && s.wires.columns_before;
        layout l = lay_out(&s, K, N);
        int16_t W[9 * 12], x[2 * 9];
        int64_t y[2 * 12], z[2 * 12], yo[2 * 12];
        double want[12];
        fill_weights(&s, (size_t)(K * N), W);
        fill_inputs(&s, (size_t)(2 * K), x);
        mb_xbar *xb = programmed(&s, K, N, W);
        assert_ok(mb_xbar_mvm(xb, &(mb_read_id){.seed = 1}, 2, x, y, NULL));
        assert_ok(mb_xbar_mvm_oracle(xb, &(mb_read_id){.seed = 1}, 2, x, yo));
        assert_memory_equal(y, yo, sizeof *y * (size_t)(2 * N));
        mb_matmul_i16(2, K, N, x, W, z);
        for (int v = 0; v < 2; v++) {
            expected(&l, W, x + v * K, want);
            double F = mb_xbar_scale(xb), allowed = bound(&l, x + v * K, F) + 1e-9;
            for (int o = 0; o < N; o++) {
                double got = (double)y[v * N + o] / F, exact = (double)z[v * N + o];
                if (!(fabs(got - want[o]) <= allowed))
                    fail_msg("case %d vector %d output %d: %g, not %g (exact %g, rounding %g)", t, v, o, got, want[o], exact,
                             allowed);
                effect += fabs(want[o] - exact) > 3 * allowed;
            }
        }
        assert_true(mb_xbar_wire_residual(xb) < 1e-12 && mb_xbar_wire_residual(xb) >= 0);
        mb_xbar_free(xb);
    }
    assert_true(effect > 200 && interleaved > 15 && moved > 15);
    mb_cell_free(&cells[0]), mb_cell_free(&cells[1]);
    mb_adc_free(&ideal);
}

/* --- limits ----------------------------------------------------------------------------------------------------------------
 */

static void read_all(const mb_xbar_spec *s, int K, int N, const int16_t *W, int m, const int16_t *x, int64_t *y,
                     mb_xbar_stats *st) {
    mb_xbar *xb = programmed(s, K, N, W);
    mb_xbar_stats_init(st);
    assert_ok(mb_xbar_mvm(xb, &(mb_read_id){.seed = 2}, m, x, y, st));
    assert_true(mb_xbar_has_wires(&s->wires) == (mb_xbar_wire_residual(xb) > 0) || s->wires.r_bl_ohm < 1e-20);
    mb_xbar_free(xb);
}

/* No resistance is no wires, bit for bit and with noise, whatever the topology; vanishing resistance is the same. */
static void test_zero_is_none(void **state) {
    (void)state;
    enum { K = 50, N = 7, M = 4 };
    mb_cell cell = load_cell("cell = \"rram\"; on_off = 5.0; prog_sigma = 0.02; read_sigma = 0.01;");
    mb_adc sar = load_adc("type = \"sar\";");
    int16_t W[K * N], x[M * K];
    int64_t y[M * N], z[M * N];
    mb_xbar_stats a, b;
    mb_xbar_spec s = base_spec(cell, sar);
    mb_stream_init(&rnd, 32, MB_RNG_TEST, 0, 0, 0);
    fill_weights(&s, K * N, W);
    fill_inputs(&s, M * K, x);
    read_all(&s, K, N, W, M, x, y, &a);
    s.wires = (mb_xbar_wires){.drive = MB_DRIVE_BOTH, .sense = MB_SENSE_ALTERNATE, .interleaved = true};
    read_all(&s, K, N, W, M, x, z, &b);
    assert_memory_equal(y, z, sizeof y);
    assert_memory_equal(&a, &b, sizeof a);
    for (int t = 0; t < 6; t++) {
        s.wires = (mb_xbar_wires){.r_wl_ohm = 1e-30, .r_bl_ohm = 1e-30, .drive = t % 2, .sense = t / 2, .interleaved = t == 3};
        read_all(&s, K, N, W, M, x, z, &b);
        assert_memory_equal(y, z, sizeof y);
        assert_true(fabs((double)b.charge / (double)a.charge - 1) < 1e-3); /* rounded by rows, not by cells */
        b.charge = a.charge;
        assert_memory_equal(&a, &b, sizeof a);
    }
    mb_cell_free(&cell);
    mb_adc_free(&sar);
}

/* More resistance, more loss; drivers or amplifiers at both ends lose less. Current drawn falls with it. */
static void test_monotonic(void **state) {
    (void)state;
    enum { K = 64, N = 16 };
    mb_cell cell = load_cell("cell = \"ideal\"; g_max_S = 1e-4;");
    mb_adc ideal = load_adc("type = \"ideal\";");
    mb_xbar_spec s = base_spec(cell, ideal);
    static int16_t W[K * N], x[K];
    int64_t y[N];
    double before = 1e300, loss[2][3] = {{0}};
    uint64_t charge = UINT64_MAX;
    s.rows = s.rows_active = 64, s.cols = 32;
    for (int i = 0; i < K * N; i++) W[i] = (int16_t)(1 + i % 7);
    for (int i = 0; i < K; i++) x[i] = 15;
    for (int t = 0; t < 6; t++) {
        mb_xbar_stats st;
        double sum = 0;
        s.wires.r_wl_ohm = s.wires.r_bl_ohm = t ? 0.1 * pow(4, t) : 0;
        read_all(&s, K, N, W, 1, x, y, &st);
        for (int n = 0; n < N; n++) sum += (double)y[n];
        assert_true(sum < before && sum > 0);
        assert_true(st.charge < charge);
        before = sum, charge = st.charge;
    }
    s.wires.r_wl_ohm = s.wires.r_bl_ohm = 5;
    for (int d = 0; d < 2; d++)
        for (int q = 0; q < 3; q++) {
            mb_xbar_stats st;
            s.wires.drive = d, s.wires.sense = q;
            read_all(&s, K, N, W, 1, x, y, &st);
            for (int n = 0; n < N; n++) loss[d][q] -= (double)y[n];
        }
    for (int q = 0; q < 3; q++) assert_true(loss[1][q] < loss[0][q]);
    for (int d = 0; d < 2; d++)
        assert_true(loss[d][MB_SENSE_BOTH] < loss[d][MB_SENSE_BOTTOM] && loss[d][MB_SENSE_BOTH] < loss[d][MB_SENSE_ALTERNATE]);
    mb_cell_free(&cell);
    mb_adc_free(&ideal);
}

/* Offset without weights' differences: equal columns of an array with ideal word lines give equal outputs, and alternate
 * sensing mirrors the rows. */
static void test_symmetry(void **state) {
    (void)state;
    enum { K = 16, N = 4 };
    mb_cell cell = load_cell("cell = \"ideal\"; g_max_S = 1e-4; g_min_S = 1e-6;");
    mb_adc ideal = load_adc("type = \"ideal\";");
    mb_xbar_spec s = base_spec(cell, ideal);
    int16_t W[K * N], x[K], back[K];
    int64_t y[N], z[N];
    mb_xbar_stats st;
    mb_stream_init(&rnd, 33, MB_RNG_TEST, 0, 0, 0);
    fill_inputs(&s, K, x);
    for (int k = 0; k < K; k++) {
        back[k] = x[K - 1 - k];
        for (int n = 0; n < N; n++) W[k * N + n] = 5; /* all rows alike */
    }
    s.wires = (mb_xbar_wires){.r_bl_ohm = 50, .sense = MB_SENSE_ALTERNATE};
    read_all(&s, K, N, W, 1, x, y, &st);
    read_all(&s, K, N, W, 1, back, z, &st);
    assert_true(y[0] == y[2] && y[1] == y[3] && y[0] != y[1]);
    assert_true(z[0] == y[1] && z[1] == y[0]);
    mb_cell_free(&cell);
    mb_adc_free(&ideal);
}

/* --- the general engine -----------------------------------------------------------------------------------------------------
 */

/* Interleaved pairs of unsliced weights are the same array in both engines, word lines included. */
static void test_general_engine(void **state) {
    (void)state;
    enum { K = 24, N = 10 };
    mb_cell cell = load_cell("cell = \"ideal\"; g_max_S = 1e-4; g_min_S = 2e-6;");
    mb_adc ideal = load_adc("type = \"ideal\";");
    mb_stream_init(&rnd, 34, MB_RNG_TEST, 0, 0, 0);
    for (int t = 0; t < 8; t++) {
        const bool pairs = t < 4;
        const double r_row = pairs ? real(0, 20) : 0, r_col = real(1, 20), r_drv = pairs ? real(0, 100) : 0,
                     r_amp = real(0, 100);
        mb_xbar_spec s = base_spec(cell, ideal);
        s.rows = s.rows_active = K, s.cols = 2 * N, s.weight_bits = 8, s.cell_bits = 7, s.input_bits = 8, s.dac_bits = 8;
        s.rows_active = t % 2 ? 7 : K;
        s.wires = (mb_xbar_wires){
            .r_wl_ohm = r_row, .r_bl_ohm = r_col, .r_driver_ohm = r_drv, .r_sense_ohm = r_amp, .interleaved = pairs};
        int16_t W[K * N], x[K];
        int64_t y[N];
        double Wd[N * K], xd[K], yd[N];
        fill_weights(&s, K * N, W);
        fill_inputs(&s, K, x);
        W[0] = 127;
        for (int k = 0; k < K; k++) {
            xd[k] = x[k] / 255.0;
            for (int n = 0; n < N; n++) Wd[n * K + k] = W[k * N + n] / 127.0;
        }
        char text[600];
        snprintf(text, sizeof text,
                 "cell = { r_min_ohm = 1e4; r_max_ohm = 5e5; }; mapping = { interleaved = %s; }; array = { rows_active = %d; };"
                 "input = { is_signed = false; min = 0.0; max = 1.0; };"
                 "wires = { source = \"input\"; r_row = %.17g; r_col = %.17g; r_row_term = %.17g; r_col_term = %.17g; };",
                 pairs ? "true" : "false", t % 2 ? 7 : 0, r_row / 1e4 + 1e-300, r_col / 1e4, r_drv / 1e4 + 1e-300,
                 r_amp / 1e4 + 1e-300);
        mb_conf *c = NULL;
        mb_analog_spec as;
        mb_analog *a = NULL;
        mb_analog_stats st = {0};
        assert_ok(mb_conf_parse(text, "test", &c));
        assert_ok(mb_analog_spec_load(c, &as));
        assert_ok(mb_analog_new(&as, N, K, Wd, &a));
        assert_ok(mb_analog_program(a, 1, 0));
        assert_ok(mb_analog_mvm(a, 0, 1, xd, yd, &st));
        assert_true(st.residual > 0 && st.residual < 1e-12);
        mb_xbar *xb = programmed(&s, K, N, W);
        assert_ok(mb_xbar_mvm(xb, &(mb_read_id){.seed = 2}, 1, x, y, NULL));
        double top = 0, off = 0, far = 0;
        for (int n = 0; n < N; n++) {
            double got = (double)y[n] / mb_xbar_scale(xb) / 127 / 255, exact = 0;
            for (int k = 0; k < K; k++) exact += Wd[n * K + k] * xd[k];
            top = fmax(top, fabs(yd[n])), off = fmax(off, fabs(got - yd[n])), far = fmax(far, fabs(exact - yd[n]));
        }
        if (!(off < 5e-4 * K / 10 && far > 10 * off))
            fail_msg("case %d: off by %g of %g, wires matter by %g", t, off, top, far);
        mb_xbar_free(xb);
        mb_analog_free(a);
        mb_analog_spec_free(&as);
        mb_conf_free(c);
    }
    mb_cell_free(&cell);
    mb_adc_free(&ideal);
}

/* --- read noise --------------------------------------------------------------------------------------------------------------
 */

enum { NK = 32, NN = 6, NM = 10000 };

/* Standard deviation of output N for binary inputs X in units of a digit, by brute force: every cell of the array is moved, the
 * network solved again; first order is exact for noise of 1 %. */
static double brute_force(const layout *l, const int16_t *W, const int16_t *x, double sigma_S, int output) {
    const mb_xbar_spec *s = l->s;
    const mb_xbar_wires *r = &s->wires;
    double g_min, g_max, G[NK * 2 * NN], V[NK], I[2 * NN], J[2 * NN], var = 0;
    mb_wire w = {.m = NK,
                 .n = 2 * NN,
                 .r_wl = r->r_wl_ohm,
                 .r_bl = r->r_bl_ohm,
                 .r_src = r->r_driver_ohm,
                 .r_snk = r->r_sense_ohm,
                 .r_on = r->r_on_ohm,
                 .drive = (mb_wire_drive)r->drive,
                 .sense = (mb_wire_sense)r->sense,
                 .sense_span = 2};
    s->cell.type->range(s->cell.params, &g_min, &g_max);
    for (int k = 0; k < NK; k++) {
        V[k] = x[k];
        for (int n = 0; n < NN; n++)
            for (int q = 0; q < 2; q++)
                G[k * 2 * NN + 2 * n + q] = g_min + digit(l, W, k, n, 0, q) * (g_max - g_min) / ((1 << s->cell_bits) - 1);
    }
    assert_ok(mb_wire_solve(&w, G, 1, V, I, NULL, NULL, NULL));
    for (int at = 0; at < NK * 2 * NN; at++) {
        double was = G[at], step = 1e-4 * g_max;
        G[at] += step;
        assert_ok(mb_wire_solve(&w, G, 1, V, J, NULL, NULL, NULL));
        G[at] = was;
        double d = (J[2 * output] - J[2 * output + 1] - I[2 * output] + I[2 * output + 1]) / step * sigma_S;
        var += d * d;
    }
    return sqrt(var) / (g_max - g_min) * ((1 << s->cell_bits) - 1);
}

static void test_read_noise(void **state) {
    (void)state;
    mb_cell cell = load_cell("cell = \"rram\"; g_max_S = 1e-4; on_off = 10.0; read_sigma = 0.01;");
    mb_adc ideal = load_adc("type = \"ideal\";");
    static int16_t W[NK * NN], x[NM * NK];
    static int64_t y[NM * NN];
    mb_stream_init(&rnd, 35, MB_RNG_TEST, 0, 0, 0);
    for (int t = 0; t < 4; t++) {
        mb_xbar_spec s = base_spec(cell, ideal);
        s.rows = s.rows_active = NK, s.cols = 2 * NN, s.input_bits = s.dac_bits = 1;
        s.input_signed = t == 3;
        s.wires = (mb_xbar_wires){.r_wl_ohm = 10, .r_bl_ohm = 10, .r_driver_ohm = 100, .r_sense_ohm = 50};
        if (t == 1) s.wires.sense = MB_SENSE_BOTH, s.wires.drive = MB_DRIVE_BOTH;
        if (t == 2) s.wires.r_on_ohm = 2000;
        if (t == 3) s.input_bits = s.dac_bits = 2;
        layout l = lay_out(&s, NK, NN);
        fill_weights(&s, NK * NN, W);
        for (int k = 0; k < NK; k++) x[k] = (int16_t)(k % 2 ? 0 : t == 3 && k % 4 ? -1 : 1);
        for (int v = 1; v < NM; v++) memcpy(x + v * NK, x, NK * sizeof *x);
        mb_xbar *xb = programmed(&s, NK, NN, W);
        assert_ok(mb_xbar_mvm(xb, &(mb_read_id){.seed = 4}, NM, x, y, NULL));
        for (int n = 0; n < NN; n += 2) {
            double mean = 0, var = 0, F = mb_xbar_scale(xb), want = brute_force(&l, W, x, 0.01e-4, n);
            for (int v = 0; v < NM; v++) mean += (double)y[v * NN + n] / F / NM;
            for (int v = 0; v < NM; v++) var += pow((double)y[v * NN + n] / F - mean, 2) / (NM - 1);
            /* 5 sigma of a standard deviation from 10000 draws is 3.5 %; ideal wires would make the noise larger */
            double none = 0.01e-4 * sqrt(2.0 * NK / 2) / 0.9e-4 * 7;
            if (!(fabs(sqrt(var) / want - 1) < 0.05))
                fail_msg("case %d output %d: sigma %g, brute force %g (without wires %g)", t, n, sqrt(var), want, none);
            assert_true(none > 1.1 * want);
        }
        mb_xbar_free(xb);
    }
    mb_cell_free(&cell);
    mb_adc_free(&ideal);
}

/* Charge: what the drivers give, from the voltages of all cells, for random bits; the current at the amplifiers is less. */
static void test_energy(void **state) {
    (void)state;
    enum { K = 48, N = 8, M = 60 };
    mb_cell cell = load_cell("cell = \"ideal\"; g_max_S = 1e-4; g_min_S = 1e-6;");
    mb_adc ideal = load_adc("type = \"ideal\";");
    mb_stream_init(&rnd, 38, MB_RNG_TEST, 0, 0, 0);
    for (int t = 0; t < 4; t++) {
        mb_xbar_spec s = base_spec(cell, ideal);
        const bool pairs = t == 1;
        s.rows = s.rows_active = K, s.cols = 2 * N, s.input_bits = s.dac_bits = 1;
        s.wires = (mb_xbar_wires){.r_wl_ohm = 4, .r_bl_ohm = 4, .r_driver_ohm = 20, .r_sense_ohm = 20, .interleaved = pairs};
        if (t == 2) s.wires.sense = MB_SENSE_BOTH, s.wires.drive = MB_DRIVE_BOTH;
        if (t == 3) s.wires.r_on_ohm = 2000;
        static int16_t W[K * N], x[M * K];
        static double G[2 * K * N], U[2 * K * N];
        int64_t y[M * N];
        mb_xbar_stats st;
        fill_weights(&s, K * N, W);
        for (int i = 0; i < M * K; i++) x[i] = (int16_t)pick(0, 1);
        layout l = lay_out(&s, K, N);
        mb_wire w = {.m = pairs ? 2 * K : K, .n = pairs ? N : 2 * N, .r_wl = 4, .r_bl = 4, .r_src = 20, .r_snk = 20, .pairs = pairs};
        w.drive = (mb_wire_drive)s.wires.drive, w.sense = (mb_wire_sense)s.wires.sense, w.r_on = s.wires.r_on_ohm, w.sense_span = 2;
        for (int k = 0; k < K; k++)
            for (int n = 0; n < N; n++)
                for (int q = 0; q < 2; q++) {
                    int at = pairs ? (2 * k + q) * N + n : k * 2 * N + 2 * n + q;
                    G[at] = 1e-6 + digit(&l, W, k, n, 0, q) * 99e-6 / 7;
                }
        double power = 0, sensed = 0;
        for (int v = 0; v < M; v++) {
            double V[2 * K], I[2 * N];
            for (int k = 0; k < K; k++) {
                if (pairs) V[2 * k] = x[v * K + k], V[2 * k + 1] = -x[v * K + k];
                else V[k] = x[v * K + k];
            }
            assert_ok(mb_wire_solve(&w, G, 1, V, I, U, NULL, NULL));
            for (int i = 0; i < 2 * K * N; i++) power += V[i / w.n] * G[i] / (1 + w.r_on * G[i]) * U[i];
            for (int j = 0; j < w.n && !pairs; j++) sensed += I[j];
        }
        mb_xbar *xb = programmed(&s, K, N, W);
        mb_xbar_stats_init(&st);
        assert_ok(mb_xbar_mvm(xb, &(mb_read_id){.seed = 2}, M, x, y, &st));
        double got = (double)st.charge * mb_xbar_unit_S(xb);
        if (!(fabs(got / power - 1) < 0.015)) fail_msg("case %d: %g S drawn, %g by Kirchhoff's laws", t, got, power);
        assert_true(pairs || sensed < (t == 2 ? 0.995 : 0.98) * power);
        mb_xbar_free(xb);
    }
    mb_cell_free(&cell);
    mb_adc_free(&ideal);
}

/* --- bad input, numerical failure, memory ------------------------------------------------------------------------------------
 */

static double bent(const void *p, double g, double u) {
    (void)p, (void)g;
    return 0.5 * u + 0.5 * u * u * u;
}
static double straight(const void *p, double g, double u) {
    (void)p, (void)g;
    return u;
}

static void test_bad_input(void **state) {
    (void)state;
    mb_cell cell = load_cell("cell = \"ideal\"; g_max_S = 1e-4;");
    mb_adc ideal = load_adc("type = \"ideal\";");
    mb_xbar_layout lay;
    mb_xbar_spec good = base_spec(cell, ideal), s = good;
    static const double bad[] = {-1, (double)NAN, (double)INFINITY, -(double)INFINITY};
    for (int i = 0; i < 4; i++) {
        s = good, s.wires.r_wl_ohm = bad[i];
        assert_fails(mb_xbar_plan(&s, 8, 4, &lay), MB_BADINPUT, "r_wl_ohm");
        s = good, s.wires.r_bl_ohm = bad[i];
        assert_fails(mb_xbar_plan(&s, 8, 4, &lay), MB_BADINPUT, "r_bl_ohm");
        s = good, s.wires.r_driver_ohm = bad[i];
        assert_fails(mb_xbar_plan(&s, 8, 4, &lay), MB_BADINPUT, "r_driver_ohm");
        s = good, s.wires.r_sense_ohm = bad[i];
        assert_fails(mb_xbar_plan(&s, 8, 4, &lay), MB_BADINPUT, "r_sense_ohm");
        s = good, s.wires.r_on_ohm = bad[i];
        assert_fails(mb_xbar_plan(&s, 8, 4, &lay), MB_BADINPUT, "r_on_ohm");
    }
    s = good, s.wires.r_bl_ohm = 1e20;
    assert_fails(mb_xbar_plan(&s, 8, 4, &lay), MB_BADINPUT, "broken line");
    s = good, s.wires.interleaved = true, s.scheme = MB_OFFSET;
    assert_fails(mb_xbar_plan(&s, 8, 4, &lay), MB_BADINPUT, "interleaved");
    s = good, s.wires.interleaved = true, s.subtract = MB_SUB_DIGITAL;
    assert_fails(mb_xbar_plan(&s, 8, 4, &lay), MB_BADINPUT, "subtract");
    s = good, s.wires.sense = 7;
    assert_fails(mb_xbar_plan(&s, 8, 4, &lay), MB_BADINPUT, "alternate");
    /* non-linear cells: refused with wires only */
    mb_cell_type type = *cell.type;
    type.shape = bent;
    s = good, s.cell.type = &type;
    assert_ok(mb_xbar_plan(&s, 8, 4, &lay));
    s.wires.r_bl_ohm = 1;
    assert_fails(mb_xbar_plan(&s, 8, 4, &lay), MB_BADINPUT, "mixbar mvm");
    type.shape = straight;
    assert_ok(mb_xbar_plan(&s, 8, 4, &lay));
    mb_cell_free(&cell);
    mb_adc_free(&ideal);
}

/* Hard but possible: lines far worse than the cells. The array is solved, or the failure has a residual; never a silent number.
 */
static void test_extreme(void **state) {
    (void)state;
    enum { K = 40, N = 8 };
    mb_cell cell = load_cell("cell = \"ideal\"; g_max_S = 1e-4;");
    mb_adc ideal = load_adc("type = \"ideal\";");
    mb_xbar_spec s = base_spec(cell, ideal);
    int16_t W[K * N];
    int solved = 0;
    mb_stream_init(&rnd, 36, MB_RNG_TEST, 0, 0, 0);
    s.rows = s.rows_active = K;
    fill_weights(&s, K * N, W);
    for (int e = 2; e <= 15; e++) {
        mb_xbar *xb = NULL;
        s.wires.r_bl_ohm = s.wires.r_wl_ohm = pow(10, e);
        assert_ok(mb_xbar_new(&s, K, N, W, &xb));
        int rc = mb_xbar_program(xb, 1, 0, 0, 0);
        if (rc == MB_OK) {
            assert_true(mb_xbar_wire_residual(xb) <= 1e-9);
            solved++;
        } else {
            assert_int_equal(rc, MB_NUMERIC);
            assert_non_null(strstr(mb_error_message(), "residual"));
            mb_error_clear();
        }
        mb_xbar_free(xb);
    }
    assert_true(solved >= 8);
    mb_cell_free(&cell);
    mb_adc_free(&ideal);
}

static void test_memory(void **state) {
    (void)state;
    enum { K = 20, N = 5 };
    mb_cell cell = load_cell("cell = \"rram\"; read_sigma = 0.01;");
    mb_adc ideal = load_adc("type = \"ideal\";");
    mb_xbar_spec s = base_spec(cell, ideal);
    int16_t W[K * N];
    mb_stream_init(&rnd, 37, MB_RNG_TEST, 0, 0, 0);
    fill_weights(&s, K * N, W);
    s.wires.r_bl_ohm = s.wires.r_wl_ohm = 5;
    int failed = 0;
    for (long n = 0;; n++) {
        const long live = mb_mem_live();
        mb_xbar *xb = NULL;
        mb_mem_fail_after(n);
        int rc = mb_xbar_new(&s, K, N, W, &xb);
        if (!rc) rc = mb_xbar_program(xb, 1, 0, 0, 0);
        mb_mem_fail_after(-1);
        mb_xbar_free(xb);
        assert_int_equal(mb_mem_live(), live);
        if (rc == MB_OK) break;
        assert_int_equal(rc, MB_SYSTEM);
        mb_error_clear();
        failed++;
    }
    assert_true(failed > 20);
    mb_cell_free(&cell);
    mb_adc_free(&ideal);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_against_nodal_solution),
                                       cmocka_unit_test(test_zero_is_none),
                                       cmocka_unit_test(test_monotonic),
                                       cmocka_unit_test(test_symmetry),
                                       cmocka_unit_test(test_general_engine),
                                       cmocka_unit_test(test_read_noise),
        cmocka_unit_test(test_energy),
                                       cmocka_unit_test(test_bad_input),
                                       cmocka_unit_test(test_extreme),
                                       cmocka_unit_test(test_memory)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
