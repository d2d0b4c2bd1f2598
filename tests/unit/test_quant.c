/* test_quant.c - quantisers against definitions written out another way, published optima and golden values */
#include "mbtest.h"

#include <gsl/gsl_cdf.h>
#include <jansson.h>
#include <math.h>

#include "nn/quant.h"

/* A small generator of this test's own numbers (xorshift64*), so that the test depends on nothing else. */
static uint64_t state = 88172645463325252ull;
static uint64_t next(void) {
    state ^= state >> 12;
    state ^= state << 25;
    state ^= state >> 27;
    return state * 2685821657736338717ull;
}
static double uniform(void) { return (double)(next() >> 11) / 9007199254740992.0; }
static double normal(void) { return gsl_cdf_ugaussian_Pinv((floor(uniform() * 1048576.0) + 0.5) / 1048576.0); }

enum { K = 37, N = 11 };
static float W[K * N];
static void fill_weights(void) {
    for (int i = 0; i < K * N; i++) W[i] = (float)(normal() * (1 + i % N));
}

static void levels(void **s) {
    (void)s;
    assert_int_equal(mb_weight_levels(1), 1);
    assert_int_equal(mb_weight_levels(2), 1);
    assert_int_equal(mb_weight_levels(3), 3);
    assert_int_equal(mb_weight_levels(8), 127);
    assert_int_equal(mb_weight_levels(16), 32767);
    assert_int_equal(mb_input_levels(1, false), 1);
    assert_int_equal(mb_input_levels(8, false), 255);
    assert_int_equal(mb_input_levels(15, false), 32767);
    assert_int_equal(mb_input_levels(1, true), 1);
    assert_int_equal(mb_input_levels(8, true), 127);
}

static void weight_codes(void **st) {
    (void)st;
    static const float w[2 * 3] = {0.5f, -0.5f, 1.5f, -2.5f, 100.0f, -100.0f};
    const double one[3] = {1, 1, 1}, mixed[3] = {1, 0.5, 50};
    int16_t q[6];
    mb_weight_quantise(w, 2, 3, one, 4, q);
    const int16_t expect[6] = {1, -1, 2, -3, 7, -7}; /* half away from zero, clipped to 7 */
    assert_memory_equal(q, expect, sizeof q);
    mb_weight_quantise(w, 2, 3, mixed, 8, q);
    const int16_t columns[6] = {1, -1, 0, -3, 127, -2};
    assert_memory_equal(q, columns, sizeof q);
    mb_weight_quantise(w, 2, 3, one, 1, q);
    const int16_t sign[6] = {1, -1, 1, -1, 1, -1};
    assert_memory_equal(q, sign, sizeof q);

    fill_weights();
    static const int bits[] = {2, 3, 4, 8, 12, 16};
    for (size_t b = 0; b < sizeof bits / sizeof *bits; b++) {
        int16_t out[K * N];
        double scale[N];
        const int L = mb_weight_levels(bits[b]);
        for (int n = 0; n < N; n++) scale[n] = mb_weight_scale(W, K, N, n, bits[b], MB_RANGE_MAX, 1);
        mb_weight_quantise(W, K, N, scale, bits[b], out);
        for (int n = 0; n < N; n++) {
            int most = 0;
            for (int k = 0; k < K; k++) {
                int q1 = out[k * N + n];
                assert_in_range(q1 + L, 0, 2 * L);
                if (abs(q1) > most) most = abs(q1);
                /* nothing is clipped under MAX, so the error is at most half a step */
                assert_true(fabs((double)W[k * N + n] - scale[n] * q1) <= scale[n] * 0.5000001);
            }
            assert_int_equal(most, L);
        }
    }
}

static int by_size(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static void weight_max_and_percentile(void **st) {
    (void)st;
    for (int round = 0; round < 5; round++) {
        fill_weights();
        if (round == 1) W[5] = 1e-42f; /* a denormal number */
        if (round == 2)
            for (int i = 0; i < K * N / 2; i++) W[i] = 0;
        for (int column = -1; column < N; column++) {
            double a[K * N];
            size_t n = 0;
            for (int i = 0; i < K * N; i++) {
                if (column < 0 || i % N == column) a[n++] = fabs((double)W[i]);
            }
            qsort(a, n, sizeof *a, by_size);
            assert_true(mb_weight_scale(W, K, N, column, 8, MB_RANGE_MAX, 1) == a[n - 1] / 127);
            for (size_t rank = 1; rank <= n; rank++) {
                double clip = a[rank - 1] > 0 ? a[rank - 1] : a[n - 1];
                double got = mb_weight_scale(W, K, N, column, 4, MB_RANGE_PERCENTILE, (double)rank / (double)n);
                if (got != clip / 7)
                    fail_msg("round %d column %d rank %zu: scale %.17g, expected %.17g", round, column, rank, got, clip / 7);
            }
        }
    }
    memset(W, 0, sizeof W);
    for (int rule = MB_RANGE_MAX; rule <= MB_RANGE_MSE; rule++) {
        assert_true(mb_weight_scale(W, K, N, -1, 8, (mb_range_rule)rule, 0.99) == 1.0);
        assert_true(mb_weight_scale(W, K, N, 3, 1, (mb_range_rule)rule, 0.99) == 1.0);
    }
}

static double error_of(const double *a, size_t n, double s, int L) {
    double sum = 0;
    for (size_t i = 0; i < n; i++) {
        double q = fmin(round(fabs(a[i]) / s), L), e = fabs(a[i]) - s * q;
        sum += e * e;
    }
    return sum / (double)n;
}

static void weight_mse(void **st) {
    (void)st;
    for (int bits = 2; bits <= 9; bits++) {
        fill_weights();
        const int L = mb_weight_levels(bits);
        for (int column = -1; column < N; column += 4) {
            double a[K * N], max = 0, best = HUGE_VAL;
            size_t n = 0;
            for (int i = 0; i < K * N; i++) {
                if (column < 0 || i % N == column) a[n++] = (double)W[i];
            }
            for (size_t i = 0; i < n; i++) max = fmax(max, fabs(a[i]));
            double s = mb_weight_scale(W, K, N, column, bits, MB_RANGE_MSE, 0), mse = error_of(a, n, s, L);
            for (int k = 1; k <= 100; k++) best = fmin(best, error_of(a, n, max * k / 100 / L, L));
            assert_true(mse <= best * (1 + 1e-12));
            assert_true(mse <= error_of(a, n, max / L, L));
        }
    }
    /* one bit: mean |w| */
    const float w[4] = {1, -2, 3, -6};
    assert_true(mb_weight_scale(w, 2, 2, -1, 1, MB_RANGE_MSE, 0) == 3.0);
    assert_true(mb_weight_scale(w, 2, 2, 1, 1, MB_RANGE_MSE, 0) == 4.0);
    /* clips 87 and 88 are equally good for 100 and -75: the larger is taken */
    const float tie[2] = {100, -75};
    assert_true(mb_weight_scale(tie, 2, 1, -1, 2, MB_RANGE_MSE, 0) == 88.0);
}

/* J. Max, "Quantizing for minimum distortion", IRE Trans. Inf. Theory 6 (1960) 7-12, table II: the best uniform quantisers of
 * a normal variable with 3 and 7 levels have steps 1.224 and 0.6508 and errors 0.1902 and 0.04686. */
static void normal_optimum(void **st) {
    (void)st;
    enum { n = 20000 };
    float *x = malloc(n * sizeof *x);
    double *d = malloc(n * sizeof *d);
    assert_true(x && d);
    for (int i = 0; i < n; i++) {
        d[i] = gsl_cdf_ugaussian_Pinv((i + 0.5) / n);
        x[i] = (float)d[i];
    }
    static const struct {
        int bits;
        double step, error;
    } table[] = {{2, 1.224, 0.1902}, {3, 0.6508, 0.04686}};
    mb_observer o;
    mb_observer_init(&o);
    mb_observer_add(&o, x, n);
    for (size_t t = 0; t < 2; t++) {
        const int L = mb_weight_levels(table[t].bits);
        double grid = o.max / 100 / L, s = mb_weight_scale(x, n, 1, -1, table[t].bits, MB_RANGE_MSE, 0);
        double h = mb_input_scale(&o, table[t].bits, true, MB_RANGE_MSE, 0);
        assert_true(fabs(s - table[t].step) <= grid);
        assert_true(fabs(h - table[t].step) <= grid);
        assert_true(fabs(error_of(d, n, s, L) / table[t].error - 1) < 0.01);
        assert_true(fabs(error_of(d, n, h, L) / table[t].error - 1) < 0.01);
    }
    /* one bit: sqrt(2/pi), the mean of |x| */
    assert_true(fabs(mb_weight_scale(x, n, 1, -1, 1, MB_RANGE_MSE, 0) - 0.797885) < 1e-4);
    assert_true(fabs(mb_input_scale(&o, 1, true, MB_RANGE_MSE, 0) - 0.797885) < 1e-3);
    free(x);
    free(d);
}

/* --- observer --- */

enum { MANY = 3000 };
static float X[MANY];

static void fill_inputs(int kind) {
    for (int i = 0; i < MANY; i++) {
        double x = kind == 0   ? fmax(0, normal())
                   : kind == 1 ? normal()
                   : kind == 2 ? ldexp(normal(), (int)(uniform() * 160) - 120)
                               : uniform();
        X[i] = (float)x;
    }
}

static void observer_contents(void **st) {
    (void)st;
    mb_observer o, want;
    mb_observer_init(&o);
    assert_true(o.n == 0 && o.top == 0 && o.min == 0 && o.max == 0);
    for (int kind = 0; kind < 4; kind++) {
        fill_inputs(kind);
        mb_observer_init(&o);
        mb_observer_init(&want);
        for (int i = 0; i < MANY; i += 100) mb_observer_add(&o, X + i, 100);
        double most = 0;
        want.min = want.max = (double)X[0];
        for (int i = 0; i < MANY; i++) {
            most = fmax(most, fabs((double)X[i]));
            want.min = fmin(want.min, (double)X[i]);
            want.max = fmax(want.max, (double)X[i]);
            want.n_zero += X[i] == 0;
        }
        want.n = MANY;
        want.top = exp2(-200);
        while (want.top <= most) want.top *= 2;
        for (int i = 0; i < MANY; i++) {
            if (X[i] != 0) want.bin[(int)floor(fabs((double)X[i]) / want.top * MB_OBSERVER_BINS)]++;
        }
        assert_true(o.top == want.top && o.min == want.min && o.max == want.max);
        assert_true(o.n == want.n && o.n_zero == want.n_zero && o.n_bad == 0);
        assert_memory_equal(o.bin, want.bin, sizeof o.bin);
    }
    /* a power of two lies in the lower bin of the next range */
    const float edge[2] = {1.0f, -0.25f};
    mb_observer_init(&o);
    mb_observer_add(&o, edge, 2);
    assert_true(o.top == 2.0 && o.bin[MB_OBSERVER_BINS / 2] == 1 && o.bin[MB_OBSERVER_BINS / 8] == 1 && o.min == -0.25);
}

static void observer_order(void **st) {
    (void)st;
    for (int round = 0; round < 20; round++) {
        fill_inputs(round % 4);
        mb_observer all, part[5];
        mb_observer_init(&all);
        mb_observer_add(&all, X, MANY);
        for (int k = 0; k < 5; k++) mb_observer_init(&part[k]);
        for (int i = 0; i < MANY;) {
            int n = 1 + (int)(uniform() * 60);
            if (n > MANY - i) n = MANY - i;
            mb_observer_add(&part[next() % 4], X + i, (size_t)n); /* part 4 stays empty */
            i += n;
        }
        int first = (int)(next() % 5);
        for (int k = 1; k < 5; k++) mb_observer_merge(&part[first], &part[(first + k) % 5]);
        assert_memory_equal(&all, &part[first], sizeof all);
        for (int i = MANY - 1; i > 0; i--) { /* another order of the numbers */
            int j = (int)(next() % (uint64_t)(i + 1));
            float t = X[i];
            X[i] = X[j];
            X[j] = t;
        }
        mb_observer_init(&part[0]);
        for (int i = 0; i < MANY; i++) mb_observer_add(&part[0], X + i, 1);
        assert_memory_equal(&all, &part[0], sizeof all);
    }
}

static void observer_bad_numbers(void **st) {
    (void)st;
    const float bad[4] = {NAN, INFINITY, -INFINITY, NAN}, some[4] = {1, NAN, -2, 0}, zeros[2] = {-0.0f, 0.0f};
    mb_observer o, p;
    mb_observer_init(&o);
    mb_observer_add(&o, bad, 4);
    assert_true(o.n == 0 && o.n_bad == 4 && o.top == 0 && o.min == 0 && o.max == 0);
    assert_true(mb_input_scale(&o, 8, false, MB_RANGE_MAX, 1) == 1.0);
    mb_observer_init(&p);
    mb_observer_add(&p, some, 4);
    mb_observer_merge(&o, &p);
    assert_true(o.n == 3 && o.n_zero == 1 && o.n_bad == 5 && o.min == -2 && o.max == 1 && o.top == 4);
    mb_observer_init(&o);
    for (int i = 0; i < 8; i++) mb_observer_add(&o, zeros + i % 2, 1); /* only zeros; the sign of the first must not show */
    assert_false(signbit(o.min) || signbit(o.max));
    for (int rule = MB_RANGE_MAX; rule <= MB_RANGE_MSE; rule++)
        assert_true(mb_input_scale(&o, 4, rule % 2, (mb_range_rule)rule, 0.9) == 1.0);
}

static void input_scales(void **st) {
    (void)st;
    for (int kind = 0; kind < 4; kind++) {
        if (kind == 2) continue; /* 48 decades: no one step suits it */
        fill_inputs(kind);
        double a[MANY], d[MANY], max = 0;
        const bool is_signed = kind == 1;
        mb_observer o;
        mb_observer_init(&o);
        mb_observer_add(&o, X, MANY);
        for (int i = 0; i < MANY; i++) {
            d[i] = (double)X[i];
            a[i] = fabs(d[i]);
            max = fmax(max, a[i]);
        }
        qsort(a, MANY, sizeof *a, by_size);
        double width = o.top / MB_OBSERVER_BINS;
        for (int bits = 2; bits <= 8; bits++) {
            const int L = mb_input_levels(bits, is_signed);
            assert_true(mb_input_scale(&o, bits, is_signed, MB_RANGE_MAX, 0) == max / L);
            for (int p = 60; p <= 100; p += 5) {
                int rank = (p * MANY + 99) / 100;
                double clip = mb_input_scale(&o, bits, is_signed, MB_RANGE_PERCENTILE, p / 100.0) * L, want = a[rank - 1];
                if (!(clip >= want * (1 - 1e-15) && clip <= want * (1 + 1e-15) + width))
                    fail_msg("kind %d: clip %g, expected %g", kind, clip, want);
            }
            double best = HUGE_VAL, s = mb_input_scale(&o, bits, is_signed, MB_RANGE_MSE, 0);
            for (int k = 1; k <= 100; k++) best = fmin(best, error_of(d, MANY, max * k / 100 / L, L));
            double mse = error_of(d, MANY, s, L);
            if (mse > best * 1.02) fail_msg("kind %d, %d bits: error %g, best %g", kind, bits, mse, best);
        }
    }
    /* a percentile among the zeros falls back to the maximum */
    memset(X, 0, sizeof X);
    X[7] = 4;
    mb_observer o;
    mb_observer_init(&o);
    mb_observer_add(&o, X, MANY);
    assert_true(mb_input_scale(&o, 3, false, MB_RANGE_PERCENTILE, 0.5) == 4.0 / 7);
}

/* --- codes of activations --- */

/* The rule of quant.h, one number at a time; volatile forbids wider intermediate results and vectorising. */
static int code_of(float x, double scale, int bits, bool is_signed) {
    volatile float r = (float)(1.0 / scale), t = x * r, top = (float)mb_input_levels(bits, is_signed);
    if (is_signed && bits == 1) return x < 0 ? -1 : 1;
    float low = is_signed ? -top : 0;
    if (!(t > low)) t = low;
    if (t > top) t = top;
    t += t < 0 ? -0.5f : 0.5f;
    return (int)t;
}

static void input_codes(void **st) {
    (void)st;
    static const float special[] = {0.0f,  -0.0f,   0.5f,     -0.5f,  1.5f,     -1.5f,     2.5f, -2.5f,
                                    0.49f, 3.4e38f, -3.4e38f, 1e-45f, INFINITY, -INFINITY, NAN};
    enum { S = sizeof special / sizeof *special };
    int16_t q[600];
    mb_input_quantise(special, S, 1.0, 8, false, q);
    const int16_t expect_unsigned[S] = {0, 0, 1, 0, 2, 0, 3, 0, 0, 255, 0, 0, 255, 0, 0};
    assert_memory_equal(q, expect_unsigned, sizeof expect_unsigned);
    mb_input_quantise(special, S, 1.0, 8, true, q);
    const int16_t expect_signed[S] = {0, 0, 1, -1, 2, -2, 3, -3, 0, 127, -127, 0, 127, -127, -127};
    assert_memory_equal(q, expect_signed, sizeof expect_signed);
    mb_input_quantise(special, S, 1.0, 1, true, q);
    const int16_t expect_sign[S] = {1, 1, 1, -1, 1, -1, 1, -1, 1, 1, -1, 1, 1, -1, 1};
    assert_memory_equal(q, expect_sign, sizeof expect_sign);

    for (int bits = 1; bits <= 16; bits++) {
        for (int is_signed = 0; is_signed < 2; is_signed++) {
            if (bits == 16 && !is_signed) continue;
            for (size_t n = 0; n < 600; n = n < 70 ? n + 1 : n + 131) {
                float x[600];
                double scale = exp2(uniform() * 20 - 10) * 1.37;
                for (size_t i = 0; i < n; i++) x[i] = (float)(normal() * scale * mb_input_levels(bits, is_signed) * 0.6);
                memset(q, 0x55, sizeof q);
                mb_input_quantise(x, n, scale, bits, is_signed, q);
                for (size_t i = 0; i < n; i++) {
                    assert_int_equal(q[i], code_of(x[i], scale, bits, is_signed));
                    /* and the definition, away from the halves */
                    double t = (double)x[i] / scale, L = mb_input_levels(bits, is_signed);
                    if (bits > 1 && fabs(fabs(t - trunc(t)) - 0.5) > 0.01) {
                        assert_int_equal(q[i], (int)fmax(is_signed ? -L : 0, fmin(L, round(t))));
                    }
                }
                if (n < 600) assert_int_equal(q[n], 0x5555); /* nothing is written beyond */
            }
        }
    }
    /* bytes of an image, normalised by 1/255, come back unchanged */
    float x[256];
    for (int i = 0; i < 256; i++) x[i] = (float)(i * (1.0 / 255));
    mb_input_quantise(x, 256, 1.0 / 255, 8, false, q);
    for (int i = 0; i < 256; i++) assert_int_equal(q[i], i);
}

/* --- golden values (independent Python; skipped where the file is not there) --- */

static void golden(void **st) {
    (void)st;
    char path[4096];
    const char *shared = getenv("MIXBAR_SHARED");
    snprintf(path, sizeof path, "%s%s/golden/mapping/quantizers.json", shared ? shared : srcdir(), shared ? "" : "/../shared");
    json_t *root = json_load_file(path, 0, NULL);
    if (!root) {
        print_message("# skip: %s is not there\n", path);
        return; /* not skip(): cmocka writes that as "not ok" */
    }
    float x[64];
    size_t n = json_array_size(json_object_get(root, "x")), k, compared = 0;
    assert_in_range(n, 1, 64);
    for (size_t i = 0; i < n; i++) x[i] = (float)json_number_value(json_array_get(json_object_get(root, "x"), i));
    json_t *c;
    json_array_foreach(json_object_get(root, "cases"), k, c) {
        const char *name = json_string_value(json_object_get(c, "q"));
        int bits = (int)json_integer_value(json_object_get(c, "bits"));
        int16_t q[64];
        double step;
        if (!strcmp(name, "sym_minmax")) {
            double scale[1] = {step = mb_weight_scale(x, (int)n, 1, -1, bits, MB_RANGE_MAX, 1)};
            assert_true(fabs(step / json_number_value(json_object_get(c, "step")) - 1) < 1e-7);
            mb_weight_quantise(x, (int)n, 1, scale, bits, q);
        } else if (!strcmp(name, "pact_act")) {
            step = json_number_value(json_object_get(c, "alpha")) / mb_input_levels(bits, false);
            mb_input_quantise(x, n, step, bits, false, q);
        } else {
            continue; /* other definitions */
        }
        for (size_t i = 0; i < n; i++) {
            double t = fabs((double)x[i]) / step;
            if (fabs(t - floor(t) - 0.5) < 1e-5) continue; /* there: half to even */
            double y = json_number_value(json_array_get(json_object_get(c, "y"), i));
            if (fabs(step * q[i] - y) > 1e-6)
                fail_msg("%s, %d bits, x = %g: %g, expected %g", name, bits, (double)x[i], step * q[i], y);
            compared++;
        }
    }
    assert_true(compared > 200);
    json_decref(root);
}

/* Weights that stand on a grid, as after training with quantisers: no error, at the bits of the grid and at more, and codes up to the end. */
static void weight_grid(void **st) {
    (void)st;
    static const struct { int most, bits, code; } c[] = {{7, 4, 7}, {5, 4, 5}, {3, 4, 6}, {1, 2, 1}, {7, 8, 126}, {3, 8, 126}, {1, 8, 127}};
    for (size_t k = 0; k < sizeof c / sizeof *c; k++) {
        float w[50];
        int16_t q[50];
        for (int i = 0; i < 50; i++) w[i] = 0.0137f * (float)(i ? (int)(next() % (uint64_t)(2 * c[k].most + 1)) - c[k].most : c[k].most);
        double s = mb_weight_scale(w, 50, 1, -1, c[k].bits, MB_RANGE_MSE, 1.0);
        mb_weight_quantise(w, 50, 1, &s, c[k].bits, q);
        int most = 0;
        for (int i = 0; i < 50; i++) {
            assert_true(fabs(s * q[i] - (double)w[i]) < 1e-6);
            most = abs(q[i]) > most ? abs(q[i]) : most;
        }
        assert_int_equal(most, c[k].code);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(levels),
        cmocka_unit_test(weight_codes),
        cmocka_unit_test(weight_max_and_percentile),
        cmocka_unit_test(weight_mse),
        cmocka_unit_test(weight_grid),
        cmocka_unit_test(normal_optimum),
        cmocka_unit_test(observer_contents),
        cmocka_unit_test(observer_order),
        cmocka_unit_test(observer_bad_numbers),
        cmocka_unit_test(input_scales),
        cmocka_unit_test(input_codes),
        cmocka_unit_test(golden),
    };
    return cmocka_run_group_tests_name("quant", tests, NULL, NULL);
}
