/* Kernels: every one that this machine has gives the bits of the oracle, with all kinds of noise and converters; the fused
 * conversion is exact at every code boundary. */
#include "arraytest.h"

#include "array/kernel.h"
#include "array/xbar.h"
#include "base/mem.h"

/* A converter that is neither uniform nor random: it truncates. */
static bool yes(const void *p) { return p == NULL; }
static void truncate_codes(const void *p, const mb_adc_range *r, size_t n, const int32_t *in, int32_t *out, uint64_t *clipped,
                           mb_stream *rng) {
    (void)p, (void)rng;
    for (size_t i = 0; i < n; i++) {
        int32_t q = (in[i] - r->base) / r->step, c = q < r->q_lo ? r->q_lo : q > r->q_hi ? r->q_hi : q;
        *clipped += c != q;
        out[i] = r->base + c * r->step;
    }
}
static const mb_adc_type truncating = {.name = "truncating", .deterministic = yes, .convert = truncate_codes};

static void fill(mb_xbar_spec *s, int n_w, int16_t *W, int n_x, int16_t *x) {
    int L = s->weight_bits == 1 ? 1 : (1 << (s->weight_bits - 1)) - 1, X = (1 << s->input_bits) - 1;
    if (s->input_signed) X = s->input_bits == 1 ? 1 : (1 << (s->input_bits - 1)) - 1;
    for (int i = 0; i < n_w; i++) do W[i] = (int16_t)pick(-L, L);
        while (s->weight_bits == 1 && W[i] == 0);
    int density = pick(0, 3);
    for (int i = 0; i < n_x; i++) x[i] = (int16_t)(pick(0, 3) < density ? 0 : pick(s->input_signed ? -X : 0, X));
}

static void test_bits(void **state) {
    (void)state;
    mb_cell cells[] = {load_cell("cell = \"rram\"; on_off = 17.0; prog_sigma = 0.03;"),
                       load_cell("cell = \"rram\"; on_off = 4.5; prog_sigma = 0.02; read_sigma = 0.01; read_sigma_prop = 0.01;"),
                       load_cell("cell = \"ideal\";"),
                       load_cell("cell = \"rram\"; on_off = 1000.0; prog_sigma = 0.02; read_sigma = 0.02;")};
    mb_adc adcs[] = {load_adc("type = \"ideal\";"),
                     load_adc("type = \"sar\";"),
                     load_adc("type = \"sar\"; noise_lsb = 0.7;"),
                     {.type = &truncating}};
    static int16_t W[300 * 40], x[70 * 300];
    static int64_t y[70 * 40], z[70 * 40];
    int kinds[4][4] = {{0}}, compared = 0;
    for (int i = 0; i < 200; i++) {
        int c = pick(0, 3), a = pick(0, 3), K = pick(1, i % 8 ? 150 : 300), N = pick(1, i % 8 ? 12 : 40),
            m = i % 16 == 5 ? 70 : pick(1, 5);
        mb_xbar_spec s = {.rows = pick(1, 300),
                          .cols = pick(34, 200),
                          .weight_bits = pick(1, 8),
                          .cell_bits = pick(1, 8),
                          .input_bits = pick(1, 8),
                          .adc_bits = pick(1, 12),
                          .input_signed = pick(0, 1),
                          .scheme = pick(0, 1) ? MB_OFFSET : MB_DIFFERENTIAL,
                          .subtract = pick(0, 1) ? MB_SUB_ANALOG : MB_SUB_DIGITAL,
                          .adc_rule = pick(0, 1) ? MB_ADC_FULL : MB_ADC_GIVEN,
                          .adc_fraction = 0.3,
                          .cell = cells[c],
                          .adc = adcs[a],
                          .temp_K = 300};
        s.rows_active = pick(1, s.rows);
        s.dac_bits = pick(0, 1) ? 1 : pick(1, s.input_bits);
        if (i % 2) { /* options */
            for (int sum = 0, b; sum < s.weight_bits; sum += b) s.slice_bits[s.n_slice_bits++] = b = pick(1, 4);
            s.accumulate = pick(0, 1) ? MB_ACCUMULATE_ANALOG : MB_ACCUMULATE_DIGITAL;
            s.pair = pick(0, 2) ? MB_ONE_SIDED : MB_TWO_SIDED;
            s.correction = pick(0, 1) ? MB_CORRECT_DIGITAL : MB_CORRECT_DUMMY;
            s.adc_one_range = pick(0, 1);
            s.adc_powers_of_two = pick(0, 1);
            s.dead_rows = s.dead_columns = pick(0, 3) ? 0 : 0.1;
            s.spare_columns = pick(0, 2);
        }
        fill(&s, K * N, W, m * K, x);
        mb_xbar *xb = NULL;
        mb_read_id id = {.seed = 5, .trial = 2, .layer = 3, .group = 1, .index0 = 17};
        assert_ok(mb_xbar_new(&s, K, N, W, &xb));
        assert_ok(mb_xbar_program(xb, 5, 2, 3, 1));
        assert_ok(mb_xbar_set_ranges(xb, NULL));
        assert_ok(mb_xbar_mvm_oracle(xb, &id, m, x, z));
        mb_xbar_stats st0 = {0}, st;
        bool first = true;
        for (int k = 0; mb_kernels[k]; k++) {
            if (!mb_kernels[k]->supported()) continue;
            setenv("MIXBAR_KERNEL", mb_kernels[k]->name, 1);
            mb_xbar_stats_init(&st);
            assert_ok(mb_xbar_mvm(xb, &id, m, x, y, &st));
            for (int j = 0; j < m * N; j++)
                if (y[j] != z[j])
                    fail_msg("case %d kernel %s cell %d adc %d K %d N %d m %d: y[%d] = %lld, oracle %lld", i, mb_kernels[k]->name,
                             c, a, K, N, m, j, (long long)y[j], (long long)z[j]);
            if (first) st0 = st;
            first = false;
            assert_memory_equal(&st, &st0, sizeof st);   /* the same clipping and codes, too */
            if (s.adc.type->transparent) assert_true(st.q_min > st.q_max);
            else
                assert_true(st.q_min <= st.q_max && st.q_min >= mb_xbar_range(xb, 0)->q_lo &&
                            st.q_max <= mb_xbar_range(xb, 0)->q_hi);
            compared++;
        }
        unsetenv("MIXBAR_KERNEL");
        kinds[c][a]++;
        mb_xbar_free(xb);
    }
    for (int c = 0; c < 4; c++)
        for (int a = 0; a < 4; a++) assert_true(kinds[c][a] > 3);
    assert_true(compared >= 200);
    for (int i = 0; i < 4; i++) mb_cell_free(&cells[i]);
    for (int i = 0; i < 3; i++) mb_adc_free(&adcs[i]);
}

/* The usual specifications, in which the byte kernels take their short ways: planes of one bit, at most eight converter bits, 16
 * outputs and more, ideal and erroneous cells, noise of one and of many variances, ranges that clip and that do not, signs. */
static void test_usual(void **state) {
    (void)state;
    mb_cell cells[] = {load_cell("cell = \"ideal\";"),
                       load_cell("cell = \"ideal\"; g_min_S = 3e-6;"),
                       load_cell("cell = \"rram\"; on_off = 1000000.0; prog_sigma = 0.02;"),
                       load_cell("cell = \"rram\"; on_off = 1000000.0; prog_sigma = 0.0; read_sigma = 0.01;"),
                       load_cell("cell = \"rram\"; on_off = 20.0; prog_sigma = 0.02; read_sigma = 0.03;"),
                       load_cell("cell = \"rram\"; on_off = 50.0; prog_sigma = 0.02; read_sigma = 0.01; "
                                 "read_sigma_prop = 0.03;")};
    enum { CELLS = sizeof cells / sizeof *cells };
    mb_adc sar = load_adc("type = \"sar\";");
    static int16_t W[150 * 40], x[40 * 150];
    static int64_t y[40 * 40], z[40 * 40];
    int clipping = 0, kinds[CELLS] = {0};
    for (int i = 0; i < 240; i++) {
        int c = i % CELLS, K = pick(1, 150), N = pick(8, 40), m = i % 4 ? pick(1, 6) : pick(15, 40);
        mb_xbar_spec s = {.rows = pick(16, 150),
                          .cols = 512,
                          .weight_bits = pick(2, 8),
                          .cell_bits = pick(1, 4),
                          .input_bits = pick(2, 8),
                          .dac_bits = 1,
                          .adc_bits = pick(2, 8),
                          .input_signed = pick(0, 3) == 0,
                          .scheme = pick(0, 3) ? MB_DIFFERENTIAL : MB_OFFSET,
                          .subtract = pick(0, 1) ? MB_SUB_ANALOG : MB_SUB_DIGITAL,
                          .adc_rule = pick(0, 1) ? MB_ADC_FULL : MB_ADC_GIVEN,
                          .adc_fraction = 0.02 + 0.1 * pick(0, 9),
                          .cell = cells[c],
                          .adc = sar,
                          .temp_K = 300};
        s.rows_active = pick(0, 1) ? s.rows : pick(1, s.rows);
        fill(&s, K * N, W, m * K, x);
        mb_xbar *xb = NULL;
        mb_read_id id = {.seed = 6, .trial = 1, .layer = 2, .group = 1, .index0 = 170000};
        assert_ok(mb_xbar_new(&s, K, N, W, &xb));
        assert_ok(mb_xbar_program(xb, 6, 1, 2, 1));
        assert_ok(mb_xbar_set_ranges(xb, NULL));
        assert_ok(mb_xbar_mvm_oracle(xb, &id, m, x, z));
        mb_xbar_stats st0 = {0}, st;
        bool first = true;
        for (int k = 0; mb_kernels[k]; k++) {
            if (!mb_kernels[k]->supported()) continue;
            setenv("MIXBAR_KERNEL", mb_kernels[k]->name, 1);
            mb_xbar_stats_init(&st);
            assert_ok(mb_xbar_mvm(xb, &id, m, x, y, &st));
            for (int j = 0; j < m * N; j++)
                if (y[j] != z[j])
                    fail_msg("case %d kernel %s cell %d K %d N %d m %d: y[%d] = %lld, oracle %lld", i, mb_kernels[k]->name, c,
                             K, N, m, j, (long long)y[j], (long long)z[j]);
            if (first) st0 = st;
            first = false;
            if (memcmp(&st, &st0, sizeof st) != 0)
                fail_msg("case %d kernel %s cell %d: clipped %llu codes %d..%d, not %llu %d..%d", i, mb_kernels[k]->name, c,
                         (unsigned long long)st.clipped, st.q_min, st.q_max, (unsigned long long)st0.clipped, st0.q_min,
                         st0.q_max);
        }
        clipping += st0.clipped > 0;
        kinds[c]++;
        unsetenv("MIXBAR_KERNEL");
        mb_xbar_free(xb);
    }
    assert_true(clipping > 20 && clipping < 200);
    for (int c = 0; c < CELLS; c++) {
        assert_true(kinds[c] == 40);
        mb_cell_free(&cells[c]);
    }
    mb_adc_free(&sar);
}

/* Bytes of weights and of variances that differ: what stands where, with and without signs, and the bounds of the sums. */
static void test_quads(void **state) {
    (void)state;
    enum { K = 37, N = 21 };
    int16_t *w = mb_calloc((K + 1) * MB_PANEL, sizeof *w), *var = mb_calloc((K + 1) * MB_PANEL, sizeof *var);
    for (int sign = 0; sign < 2; sign++) {
        int32_t most = 0;
        for (int n = 0; n < N; n++) {
            int32_t sum = 0;
            for (int k = 0; k < K; k++) {
                w[mb_panel_index(K, k, (size_t)n)] = (int16_t)(4 * pick(sign ? -2 : 0, 2));    /* few levels */
                sum += var[mb_panel_index(K, k, (size_t)n)] = (int16_t)pick(0, MB_VAR_MAX);
            }
            most = sum > most ? sum : most;
        }
        mb_row_group g = {.k = K, .n = N, .slices = 1, .planes = 8, .dac_bits = 1, .polarities = 1, .panels = 1, .w = w,
                          .var = var, .var_each = -1};
        mb_quads *q = NULL;
        assert_ok(mb_quads_new(&g, sign, &q));
        assert_non_null(q);
        assert_non_null(q->var);
        assert_int_equal(q->form, MB_QUADS_JOINED);
        assert_int_equal(q->rows, sign ? 80 : 40);
        assert_int_equal(q->v_max[0], most);
        for (int n = 0; n < N; n++)
            for (int side = 0; side <= sign; side++)
                for (int k = 0; k < K; k++) {
                    size_t at[2];
                    for (int low = 0; low < 2; low++) {
                        size_t row = (size_t)(low * q->rows + side * 40 + k);
                        at[low] = (size_t)(n / 16 * q->chunks) * 1024 + row / 4 * 64 + (size_t)(n % 16 * 4) + row % 4;
                    }
                    int want = w[mb_panel_index(K, k, (size_t)n)];
                    assert_int_equal(128 * q->b[at[0]] + q->b[at[1]], side ? -want : want);
                    assert_int_equal(128 * q->var[at[0]] + q->var[at[1]], var[mb_panel_index(K, k, (size_t)n)]);
                }
        mb_quads_free(q);
        g.var_each = 5;                                      /* all the same: nothing to multiply */
        assert_ok(mb_quads_new(&g, sign, &q));
        assert_null(q->var);
        assert_int_equal(q->form, MB_QUADS_LEVELS);
        mb_quads_free(q);
    }
    mb_free(w);
    mb_free(var);
}

/* The grid in 16 bits decides every sum as the formula of adc.h does: all sums of ranges of every kind, and those beyond. */
static void test_grid(void **state) {
    (void)state;
    int taken = 0;
    for (int i = 0; i < 400; i++) {
        mb_adc_range r = {.base = 0, .step = pick(1, 1 << pick(1, 12))};
        mb_grid g;
        int kind = pick(0, 2), top = pick(1, kind == 0 ? 255 : 127);
        if (pick(0, 3)) {
            int h = 0;
            while ((r.step - 1) >> h >= 128) h++;
            r.step = (r.step + (2 << h) - 1) / (2 << h) * (2 << h);
        }
        r.q_lo = kind == 1 ? -top : 0;
        r.q_hi = kind == 2 ? 2 * top : top;
        r.base = kind == 2 ? -top * r.step : 0;
        if (!mb_grid_of(&r, &g)) continue;
        taken++;
        assert_int_equal(g.top, top);
        int64_t end = (int64_t)(top + 2) * r.step, stride = end / 20000 + 1;
        for (int64_t a = kind ? -end : 0; a <= end; a += stride)
            for (int near = -1; near <= 1; near++) {      /* and around the level next to it */
                int64_t level = (a / r.step) * r.step + (a < 0 ? -r.step / 2 : r.step / 2);
                for (int pass = 0; pass < 2; pass++) {
                    int64_t S = (pass ? level : a) + near;
                    if (kind == 0 && S < 0) continue;
                    if (kind == 2 && S < -end + r.step) continue;
                    uint64_t clipped = 0, over = 0;
                    int want = mb_adc_code(&r, (int32_t)S, &clipped);
                    int32_t s = mb_clamp16((int32_t)((S - (kind == 1 && S < 0)) >> g.h));
                    s = mb_clamp16(s + ((s * g.f + 16384) >> 15));
                    int code = (s + (1 << g.k >> 1)) >> g.k;
                    code += kind == 2 ? top : 0;
                    over = code < r.q_lo || code > r.q_hi;
                    code = code < r.q_lo ? r.q_lo : code > r.q_hi ? r.q_hi : code;
                    if (code != want || (over != clipped && !(kind == 2 && S < r.base)))
                        fail_msg("step %d top %d kind %d S %lld: %d, not %d", r.step, top, kind, (long long)S, code, want);
                }
            }
    }
    assert_true(taken > 200);
}

/* Weights and steps chosen at will: every conversion against the formula of adc.h. Products cross all code boundaries of small
 * steps; with one row the sums stay below 3 * 2^20 (the short conversion) for 7-bit inputs, with 12 rows they reach 5 * 10^7. */
static void test_conversion(void **state) {
    (void)state;
    mb_adc sar = load_adc("type = \"sar\";");
    enum { N = 192, M = 256, K = 12 };
    int16_t *w = mb_calloc(N * (K + 1), sizeof *w);
    static int16_t x[M * K];
    static int64_t y[M * N];
    for (int i = 0; i < 120; i++) {
        int bits = pick(0, 1) ? 7 : 8, top = (1 << bits) - 1, rows = pick(0, 1) ? 1 : K;
        int wide = pick(0, 1) ? 16383 : pick(1, 16383), W[N] = {0};
        mb_adc_range r = {.base = pick(0, 1) ? 0 : -pick(1, 100000),
                          .step = pick(0, 1) ? pick(1, 40) : pick(1, 60000),
                          .q_lo = pick(-65536, 0),
                          .q_hi = pick(0, 65535)};
        mb_row_group g = {.k = rows,
                          .n = N,
                          .slices = 1,
                          .planes = 1,
                          .dac_bits = bits,
                          .polarities = 1,
                          .panels = N / MB_PANEL,
                          .sum_max = rows * top * wide,
                          .w = w,
                          .range = &r,
                          .adc = &sar};
        memset(w, 0, N * (K + 1) * sizeof *w);
        for (int n = 0; n < N; n++)
            for (int k = 0; k < rows; k++) {
                int one = n % 2 ? pick(-wide, wide) : pick(wide - wide / 8, wide);
                W[n] += one;
                w[(n / MB_PANEL * (rows + 1) + k) * MB_PANEL + MB_PANEL_AT(n % MB_PANEL)] = (int16_t)one;
            }
        for (int v = 0; v <= top; v++)
            for (int k = 0; k < rows; k++) x[v * rows + k] = (int16_t)v;
        for (int k = 0; mb_kernels[k]; k++) {
            if (!mb_kernels[k]->supported()) continue;
            mb_kernel_stats st = {0, INT32_MAX, INT32_MIN};
            uint64_t clipped = 0;
            mb_quads *quads = NULL;
            if (mb_kernels[k]->packed) assert_ok(mb_quads_new(&g, false, &quads));
            g.quads = quads;
            void *work = mb_malloc(mb_kernels[k]->work_size(&g, M), 1);
            memset(y, 0, sizeof y);
            mb_kernels[k]->run(&g, top + 1, x, (size_t)rows, y, N, NULL, NULL, &st, work);
            for (int v = 0; v <= top; v++)
                for (int n = 0; n < N; n++) {
                    int64_t want = r.base + (int64_t)mb_adc_code(&r, v * W[n], &clipped) * r.step;
                    if (y[v * N + n] != want)
                        fail_msg("%s: %d * %d, base %d step %d: %lld, not %lld", mb_kernels[k]->name, v, W[n], r.base, r.step,
                                 (long long)y[v * N + n], (long long)want);
                }
            assert_int_equal(st.clipped, clipped);
            mb_free(work);
            mb_quads_free(quads);
        }
    }
    mb_free(w);
    mb_adc_free(&sar);
}

/* Exact partial sums, with and without signs. */
static void test_sums(void **state) {
    (void)state;
    enum { K = 130, N = 37 };
    int16_t *w = mb_calloc((K + 1) * MB_PANEL, sizeof *w), W[K][N], x[K];
    int32_t *S = mb_malloc(8 * MB_PANEL, sizeof *S);
    mb_adc none = {0};
    for (int k = 0; k < K; k++)
        for (int n = 0; n < N; n++) w[k * MB_PANEL + MB_PANEL_AT(n)] = W[k][n] = (int16_t)pick(-16383, 16383);
    for (int dac = 1; dac <= 8; dac++)
        for (int sign = 0; sign < 2; sign++) {
            mb_row_group g = {.k = K,
                              .n = N,
                              .slices = 1,
                              .planes = (8 + dac - 1) / dac,
                              .dac_bits = dac,
                                  .polarities = 1,
                              .panels = 1,
                              .w = w,
                              .adc = &none};
            for (int k = 0; k < K; k++) x[k] = (int16_t)pick(sign ? -255 : 0, 255);
            for (int i = 0; mb_kernels[i]; i++) {
                if (!mb_kernels[i]->supported()) continue;
                void *work = mb_malloc(mb_kernels[i]->work_size(&g, 1), 1);
                mb_kernels[i]->sums(&g, x, S, work);
                for (int p = 0; p < g.planes; p++)
                    for (int n = 0; n < N; n++) {
                        int64_t s = 0;
                        for (int k = 0; k < K; k++)
                            s += (int64_t)((x[k] < 0 ? -1 : 1) * (abs(x[k]) >> (p * dac) & ((1 << dac) - 1))) * W[k][n];
                        assert_int_equal(S[p * MB_PANEL + n], s);
                    }
                for (int n = N; n < MB_PANEL; n++) assert_int_equal(S[n], 0);
                mb_free(work);
            }
        }
    mb_free(w);
    mb_free(S);
}

static void test_choice(void **state) {
    (void)state;
    const mb_kernel *k = NULL;
    unsetenv("MIXBAR_KERNEL");
    assert_ok(mb_kernel_best(&k));
    assert_true(k->supported());
    setenv("MIXBAR_KERNEL", "portable", 1);
    assert_ok(mb_kernel_best(&k));
    assert_string_equal(k->name, "portable");
    setenv("MIXBAR_KERNEL", "abacus", 1);
    assert_fails(mb_kernel_best(&k), MB_BADINPUT, "portable");
    assert_null(k);
    unsetenv("MIXBAR_KERNEL");
}

int main(void) {
    mb_stream_init(&rnd, 77, MB_RNG_TEST, 0, 2, 0);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_bits),
        cmocka_unit_test(test_usual),
        cmocka_unit_test(test_quads),
        cmocka_unit_test(test_grid),
        cmocka_unit_test(test_conversion),
        cmocka_unit_test(test_sums),
        cmocka_unit_test(test_choice),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
