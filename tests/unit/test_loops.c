/* test_loops.c - the fast loops between crossbar reads against the obvious ones, number for number: padding and unrolling, scaling and placing of outputs, the exact product in every
 * form of this machine, elementwise layers, word-line activity */
#include "onnxgen.h"

#include <math.h>

#include "array/matmul.h"
#include "array/xbar.h"
#include "base/rng.h"
#include "nn/exec.h"
#include "nn/op.h"
#include "nn/unroll.h"

static mb_stream rnd;
static int pick(int lo, int hi) { return lo + (int)((double)(hi - lo + 1) * mb_stream_uniform(&rnd)); }

/* --- unrolling ----------------------------------------------------------------------------------------------------- */

enum { GUARD = 77 };

/* Element K of vector V of GROUP, straight from the definition of a convolution. */
static int16_t obvious(const mb_window *w, int group, const int16_t *q, int v, int k) {
    int c = k / (w->kh * w->kw), dy = k / w->kw % w->kh, dx = k % w->kw;
    int y = v / w->ow * w->sh - w->pt + dy * w->dh, x = v % w->ow * w->sw - w->pl + dx * w->dw;
    if (y < 0 || y >= w->ih || x < 0 || x >= w->iw) return 0;
    return q[((group * (w->cin / w->groups) + c) * w->ih + y) * w->iw + x];
}

static void check_window(const mb_window *w) {
    mb_layer l = {.win = *w};
    const mb_matmul mm = mb_layer_matmul(&l);
    const size_t in = (size_t)(w->cin * w->ih * w->iw);
    int16_t *q = mb_malloc(in, sizeof *q), *p = mb_malloc(mb_padded_count(&l), sizeof *p);
    for (size_t i = 0; i < in; i++) q[i] = (int16_t)pick(1, 30000);
    mb_pad_i16(&l, q, p);
    for (int trial = 0; trial < 3; trial++) {
        int v0 = trial ? pick(0, mm.vectors - 1) : 0, v1 = trial ? pick(v0 + 1, mm.vectors) : mm.vectors, g = pick(0, w->groups - 1);
        size_t n = (size_t)(v1 - v0) * (size_t)mm.K;
        int16_t *x = mb_malloc(n + 1, sizeof *x), *z = mb_malloc(n + 1, sizeof *z);
        x[n] = z[n] = GUARD;
        mb_unroll_padded_i16(&l, g, p, v0, v1, x);
        mb_unroll_i16(&l, g, q, v0, v1, z);
        for (size_t i = 0; i < n; i++) {
            int16_t e = obvious(w, g, q, v0 + (int)(i / (size_t)mm.K), (int)(i % (size_t)mm.K));
            if (x[i] != e || z[i] != e)
                fail_msg("kernel %dx%d stride %dx%d dilation %dx%d on %dx%dx%d: element %zu of %zu is %d, %d, not %d", w->kh, w->kw, w->sh, w->sw, w->dh, w->dw, w->cin, w->ih, w->iw, i,
                         n, x[i], z[i], e);
        }
        assert_int_equal(x[n], GUARD);
        assert_int_equal(z[n], GUARD);
        mb_free(x);
        mb_free(z);
    }
    mb_free(q);
    mb_free(p);
}

static void unrolling(void **state) {
    (void)state;
    int wide = 0, cropped = 0;
    for (int i = 0; i < 1500; i++) {
        mb_window w = {.kh = pick(1, i % 5 ? 4 : 9), .kw = pick(1, i % 7 ? 4 : 11), .sh = pick(1, 3), .sw = pick(1, 3), .pt = pick(0, 3), .pl = pick(0, 3), .dh = pick(1, 2),
                       .dw = i % 3 ? 1 : pick(1, 3), .groups = pick(1, 3), .ih = pick(1, 14), .iw = pick(1, 40)};
        if (i % 4 == 0) w.kh = w.kw = 3;
        if (i % 6 == 0) w.kh = w.kw = 1;
        w.pt = w.pt < w.kh ? w.pt : w.kh - 1;
        w.pl = w.pl < w.kw ? w.pl : w.kw - 1;
        w.cin = w.groups * pick(1, i % 6 ? 5 : 40);
        w.cout = w.groups;
        w.oh = (w.ih + 2 * w.pt - (w.kh - 1) * w.dh - 1) / w.sh + 1;
        w.ow = (w.iw + 2 * w.pl - (w.kw - 1) * w.dw - 1) / w.sw + 1;
        if (w.ih + 2 * w.pt < (w.kh - 1) * w.dh + 1 || w.iw + 2 * w.pl < (w.kw - 1) * w.dw + 1) continue;
        w.oh = w.oh > 3 && i % 2 ? w.oh - 1 : w.oh; /* windows that leave a part of the image out */
        wide += w.kw > 8;
        cropped += (w.ow - 1) * w.sw + (w.kw - 1) * w.dw + 1 < w.iw + w.pl;
        check_window(&w);
    }
    assert_true(wide > 10 && cropped > 100);
}

/* --- outputs --------------------------------------------------------------------------------------------------------- */

static void outputs(void **state) {
    (void)state;
    static const int N[] = {1, 3, 16, 17, 33, 48}, V[] = {1, 5, 16, 49, 64};
    enum { SAMPLES = 3, GROUPS = 2 };
    for (size_t a = 0; a < sizeof N / sizeof *N; a++)
        for (size_t b = 0; b < 2 * sizeof V / sizeof *V; b++) {
            const int n = N[a], v = V[b / 2], cout = n * GROUPS;
            float bias[2 * 48];
            mb_layer l = {.win = {.kh = 1, .kw = 1, .cin = GROUPS, .cout = cout, .oh = v, .ow = 1, .groups = GROUPS}, .bias = b % 2 ? bias : NULL};
            size_t count = (size_t)(SAMPLES * cout * v);
            float *y = mb_calloc(count, sizeof *y), *z = mb_calloc(count, sizeof *z);
            double scale[48];
            for (int c = 0; c < cout; c++) bias[c] = (float)mb_stream_normal(&rnd);
            for (int g = 0; g < GROUPS; g++) {
                for (int c = 0; c < n; c++) scale[c] = exp(3 * mb_stream_normal(&rnd));
                for (int v0 = 0, rows; v0 < SAMPLES * v; v0 += rows) {
                    rows = pick(1, SAMPLES * v - v0);
                    int64_t *p = mb_malloc((size_t)(rows * n), sizeof *p);
                    for (int i = 0; i < rows * n; i++) p[i] = (int64_t)(mb_stream_normal(&rnd) * (i % 5 ? 1e5 : 1e17));
                    mb_place_outputs(&l, g, v0, rows, p, scale, y);
                    for (int r = 0; r < rows; r++)
                        for (int c = 0; c < n; c++) {
                            int s = (v0 + r) / v, at = (v0 + r) % v;
                            float f = (float)((double)p[r * n + c] * scale[c]);
                            z[(s * cout + g * n + c) * v + at] = f + (l.bias ? bias[g * n + c] : 0.0f);
                        }
                    mb_free(p);
                }
            }
            assert_memory_equal(y, z, count * sizeof *y);
            mb_free(y);
            mb_free(z);
        }
}

/* --- exact product ----------------------------------------------------------------------------------------------------- */

static void product(void **state) {
    (void)state;
    static const struct { int m, K, N, x_lo, x_hi, w; } c[] = {
        {1, 1, 1, 0, 255, 127},   {8, 2, 16, 0, 255, 127},    {9, 27, 16, 0, 255, 127},       {17, 145, 33, -127, 127, 127},    {3, 1301, 10, 0, 255, 127},
        {5, 513, 8, 0, 1, 1},     {11, 1025, 24, -3, 3, 127}, {4, 600, 7, -32768, 32767, 127}, {5, 64, 40, -32768, 32767, 20000}, {3, 70, 67, -32768, 32767, 32767},
        {7, 9, 1, 0, 255, 127},   {6, 1536, 5, 32767, 32767, 127}, {6, 1536, 17, -32768, -32768, 128}, {2, 33, 3, 0, 0, 127},          {2, 33, 3, 0, 9, 0}};
    for (size_t i = 0; i < sizeof c / sizeof *c; i++) {
        const int m = c[i].m, K = c[i].K, N = c[i].N;
        int16_t *x = mb_malloc((size_t)(m * K), sizeof *x), *w = mb_malloc((size_t)(K * N), sizeof *w);
        int64_t *y = mb_malloc((size_t)(m * N) + 1, sizeof *y), *z = mb_calloc((size_t)(m * N), sizeof *z);
        for (int k = 0; k < m * K; k++) x[k] = (int16_t)pick(c[i].x_lo, c[i].x_hi);
        for (int k = 0; k < K * N; k++) w[k] = (int16_t)(i >= 11 && i < 13 ? c[i].w : pick(-c[i].w, c[i].w)); /* two cases fill the sums to the brim */
        for (int v = 0; v < m; v++)
            for (int k = 0; k < K; k++)
                for (int n = 0; n < N; n++) z[v * N + n] += (int64_t)x[v * K + k] * w[k * N + n];
        for (int f = 0; f < mb_matmul_forms(); f++) {
            if (!mb_matmul_form(f)) continue;
            y[m * N] = GUARD;
            mb_matmul_i16_by(f, m, K, N, x, w, y);
            if (memcmp(y, z, (size_t)(m * N) * sizeof *y)) fail_msg("%s: %d x %d x %d is wrong (case %zu)", mb_matmul_form(f), m, K, N, i);
            assert_int_equal(y[m * N], GUARD);
        }
        mb_matmul_i16(m, K, N, x, w, y);
        assert_memory_equal(y, z, (size_t)(m * N) * sizeof *y);
        mb_free(x);
        mb_free(w);
        mb_free(y);
        mb_free(z);
    }
    assert_non_null(mb_matmul_form(mb_matmul_forms() - 1)); /* plain C runs everywhere */
}

/* --- elementwise layers -------------------------------------------------------------------------------------------------- */

enum { CHANNELS = 5, HEIGHT = 3, WIDTH = 7, SIZE = CHANNELS * HEIGHT * WIDTH, BATCH = 2 };

static const float special[] = {0.0f, -0.0f, 1e-42f, -1e-42f, INFINITY, -INFINITY, NAN, 6.0f, 3e38f, -3e38f};

static void fill(float *x, size_t n) {
    for (size_t i = 0; i < n; i++) x[i] = i % 3 ? (float)(4 * mb_stream_normal(&rnd)) : special[(size_t)pick(0, (int)(sizeof special / sizeof *special) - 1)];
}

/* Bits must agree, except that one NaN is as good as another. */
static void same_bits(const float *a, const float *b, size_t n) {
    for (size_t i = 0; i < n; i++)
        if (!(isnan(a[i]) && isnan(b[i])) && memcmp(&a[i], &b[i], sizeof *a)) fail_msg("element %zu: %a, not %a", i, (double)a[i], (double)b[i]);
}

static float relu(float x) { return x < 0.0f ? 0.0f : x; }
static float relu6(float x) {
    float v = x < 0.0f ? 0.0f : x;
    return v > 6.0f ? 6.0f : v;
}
static float leaky(float x) { return x < 0 ? 0.1f * x : x; }
static float twice(float x) { return x + x; }

static void elementwise(void **state) {
    (void)state;
    static const struct { const char *op; float (*f)(float); } c[] = {{"Relu", relu}, {"Clip", relu6}, {"LeakyRelu", leaky}, {"Add", twice}};
    for (size_t i = 0; i < sizeof c / sizeof *c; i++) {
        gen g;
        pb a = {0};
        mb_network *net = NULL;
        mb_exec *e = NULL;
        float x[BATCH * SIZE], y[BATCH * SIZE], z[BATCH * SIZE];
        gen_begin(&g, i == 1 ? 10 : 13);
        gen_input(&g, "x", 4, (int64_t[]){-1, CHANNELS, HEIGHT, WIDTH});
        if (i == 1) at_float(&a, "min", 0), at_float(&a, "max", 6);
        if (i == 2) at_float(&a, "alpha", 0.1f);
        gen_node(&g, c[i].op, "f", i == 3 ? "x,x" : "x", "y", i == 1 || i == 2 ? &a : NULL);
        gen_output(&g, "y", -1, NULL);
        assert_ok(gen_load(&g, &net));
        assert_ok(mb_exec_new(net, BATCH, &e));
        fill(x, BATCH * SIZE);
        for (size_t k = 0; k < BATCH * SIZE; k++) z[k] = c[i].f(x[k]);
        assert_ok(mb_exec_run(e, BATCH, x, y, mb_exec_reference, NULL, NULL, NULL));
        same_bits(y, z, BATCH * SIZE);
        mb_exec_free(e);
        mb_network_free(net);
    }
}

/* Batch normalisation without a layer to be folded into, over images (a run of numbers per channel) and over vectors (one). */
static void affine(void **state) {
    (void)state;
    for (int vectors = 0; vectors < 2; vectors++) {
        gen g;
        mb_network *net = NULL;
        mb_exec *e = NULL;
        float x[BATCH * SIZE], y[BATCH * SIZE], z[BATCH * SIZE], v[4][SIZE];
        const int channels = vectors ? SIZE : CHANNELS, inner = SIZE / channels;
        int64_t dim = channels;
        gen_begin(&g, 13);
        gen_input(&g, "x", vectors ? 2 : 4, vectors ? (int64_t[]){-1, SIZE} : (int64_t[]){-1, CHANNELS, HEIGHT, WIDTH});
        for (int k = 0; k < 4; k++) {
            static const char *const name[] = {"g", "b", "m", "s"};
            for (int i = 0; i < channels; i++) v[k][i] = (float)(k == 3 ? 0.5 + mb_stream_uniform(&rnd) : mb_stream_normal(&rnd));
            gen_floats(&g, name[k], 1, &dim, v[k]);
        }
        gen_node(&g, "BatchNormalization", "f", "x,g,b,m,s", "y", NULL);
        gen_output(&g, "y", -1, NULL);
        assert_ok(gen_load(&g, &net));
        assert_ok(mb_exec_new(net, BATCH, &e));
        fill(x, BATCH * SIZE);
        for (int k = 0; k < BATCH * SIZE; k++) {
            int c = k % SIZE / inner;
            double a = (double)v[0][c] / sqrt((double)v[3][c] + (double)1e-5f), b = (double)v[1][c] - (double)v[2][c] * a;
            float t = (float)a * x[k];
            z[k] = t + (float)b;
        }
        assert_ok(mb_exec_run(e, BATCH, x, y, mb_exec_reference, NULL, NULL, NULL));
        same_bits(y, z, BATCH * SIZE);
        mb_exec_free(e);
        mb_network_free(net);
    }
}

/* --- word-line activity ---------------------------------------------------------------------------------------------------- */

static void activity(void **state) {
    (void)state;
    mb_conf *c = NULL;
    mb_cell cell;
    mb_adc adc;
    assert_ok(mb_conf_parse("cell = \"ideal\";", "test", &c));
    assert_ok(mb_cell_load(c, &cell));
    mb_conf_free(c);
    assert_ok(mb_conf_parse("type = \"sar\";", "test", &c));
    assert_ok(mb_adc_load(c, &adc));
    mb_conf_free(c);
    static const int size[] = {1, 5, 27, 31, 32, 33, 64, 100, 131}, vectors[] = {1, 2, 31, 33, 64, 65, 150};
    for (size_t i = 0; i < sizeof size / sizeof *size; i++)
        for (size_t j = 0; j < 2 * sizeof vectors / sizeof *vectors; j++) {
            const int K = size[i], m = vectors[j / 2];
            mb_xbar_spec s = {.rows = 128, .cols = 128, .rows_active = 128, .weight_bits = 4, .cell_bits = 3, .input_bits = 8, .dac_bits = 1, .input_signed = j % 2, .adc_bits = 8,
                              .scheme = MB_DIFFERENTIAL, .subtract = MB_SUB_ANALOG, .adc_rule = MB_ADC_FULL, .cell = cell, .adc = adc, .temp_K = 300};
            int16_t *W = mb_calloc((size_t)K, sizeof *W), *x = mb_malloc((size_t)(m * K), sizeof *x);
            int64_t *y = mb_malloc((size_t)m, sizeof *y);
            uint64_t bits = 0;
            mb_xbar *xb = NULL;
            mb_xbar_stats st;
            for (int k = 0; k < m * K; k++) {
                x[k] = (int16_t)(s.input_signed ? pick(-127, 127) : pick(j % 3 ? 0 : 255, 255));
                for (int a = abs(x[k]); a; a >>= 1) bits += (uint64_t)(a & 1);
            }
            assert_ok(mb_xbar_new(&s, K, 1, W, &xb));
            assert_ok(mb_xbar_program(xb, 1, 0, 0, 0));
            assert_ok(mb_xbar_set_ranges(xb, NULL));
            mb_xbar_stats_init(&st);
            assert_ok(mb_xbar_mvm(xb, &(mb_read_id){.seed = 1}, m, x, y, &st));
            assert_true(st.rows_driven == bits && st.digit_sum == bits);
            for (int bad = 0; bad < 2; bad++) { /* one number out of range, wherever it is, is found */
                int at = pick(0, m * K - 1), good = x[at];
                x[at] = (int16_t)(bad ? (s.input_signed ? 128 : 256) : s.input_signed ? -128 : -1);
                assert_fails(mb_xbar_mvm(xb, &(mb_read_id){.seed = 1}, m, x, y, NULL), MB_BADINPUT, "outside");
                x[at] = (int16_t)good;
            }
            x[0] = INT16_MIN;
            assert_fails(mb_xbar_mvm(xb, &(mb_read_id){.seed = 1}, m, x, y, NULL), MB_BADINPUT, "outside");
            mb_xbar_free(xb);
            mb_free(W);
            mb_free(x);
            mb_free(y);
        }
    mb_cell_free(&cell);
    mb_adc_free(&adc);
}

int main(void) {
    mb_stream_init(&rnd, 77, MB_RNG_TEST, 0, 3, 0);
    const struct CMUnitTest tests[] = {cmocka_unit_test(unrolling),   cmocka_unit_test(outputs), cmocka_unit_test(product),
                                       cmocka_unit_test(elementwise), cmocka_unit_test(affine),  cmocka_unit_test(activity)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
