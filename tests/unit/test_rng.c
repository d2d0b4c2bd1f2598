/* random streams: known answers, who-asks addressing, quality of the normal numbers, the same bits everywhere */
#include "mbtest.h"

#include <gsl/gsl_cdf.h>
#include <gsl/gsl_randist.h>
#include <limits.h>
#include <math.h>
#include <stdlib.h>

#include "base/mem.h"
#include "base/rng.h"
#include "base/str.h"

/* kat_vectors of Random123 1.14 (D. E. Shaw Research), philox4x32 with 10 rounds */
static void known_answers(void **state) {
    (void)state;
    static const struct { uint32_t ctr[4], key[2], out[4];
    } t[] = {{{0, 0, 0, 0}, {0, 0}, {0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8}},
             {{0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff},
              {0xffffffff, 0xffffffff},
              {0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd}},
             {{0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344},
              {0xa4093822, 0x299f31d0},
              {0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1}}};
    for (size_t i = 0; i < 3; i++) {
        uint32_t out[4];
        mb_philox(t[i].ctr, t[i].key, out);
        assert_memory_equal(out, t[i].out, sizeof out);
    }
    /* the same numbers through a stream, whose counter and key are laid out as the header says */
    mb_stream s;
    mb_stream_init(&s, 0, MB_RNG_TEST, 0, 0, 0);
    for (int i = 0; i < 4; i++) assert_int_equal(mb_stream_u32(&s), t[0].out[i]);
    mb_stream_init(&s, 0x1122334455667788ull, MB_RNG_ADC, 9, mb_unit(3, 5), 77);
    assert_int_equal(s.key[0], 0x55667788);
    assert_int_equal(s.key[1], 0x11223344);
    assert_int_equal(s.ctr[0], 0);
    assert_int_equal(s.ctr[1], 77);
    assert_int_equal(s.ctr[2], 3u << 20 | 5);
    assert_int_equal(s.ctr[3], 5u << 26 | 9);
}

static void domains_are_disjoint(void **state) {
    (void)state;
    assert_true(MB_RNG_DOMAINS <= 64);
    for (unsigned a = 0; a < MB_RNG_DOMAINS; a++) {
        for (unsigned b = 0; b < MB_RNG_DOMAINS; b++) {
            mb_stream x, y;
            mb_stream_init(&x, 1, (mb_rng_domain)a, MB_RNG_TRIAL_MAX, 0, 0);
            mb_stream_init(&y, 1, (mb_rng_domain)b, 0, 0, 0);
            assert_int_not_equal(x.ctr[3], y.ctr[3]);
            mb_stream_init(&y, 1, (mb_rng_domain)b, MB_RNG_TRIAL_MAX, 0, 0);
            assert_int_equal(x.ctr[3] == y.ctr[3], a == b);
        }
    }
}

/* All words of a stream, by whichever way. */
static void words(uint64_t seed, mb_rng_domain d, uint32_t trial, uint32_t unit, uint32_t index, uint32_t *out, size_t n) {
    mb_stream s;
    mb_stream_init(&s, seed, d, trial, unit, index);
    mb_stream_fill_u32(&s, n, out);
}

static void streams_differ_in_every_coordinate(void **state) {
    (void)state;
    enum { N = 4096, STREAMS = 9 };
    static uint32_t w[STREAMS][N];
    words(1, MB_RNG_TEST, 0, 0, 0, w[0], N);
    words(2, MB_RNG_TEST, 0, 0, 0, w[1], N);
    words(1ull << 32 | 1, MB_RNG_TEST, 0, 0, 0, w[2], N);
    words(1, MB_RNG_PROGRAM, 0, 0, 0, w[3], N);
    words(1, MB_RNG_TEST, 1, 0, 0, w[4], N);
    words(1, MB_RNG_TEST, 0, mb_unit(1, 0), 0, w[5], N);
    words(1, MB_RNG_TEST, 0, mb_unit(0, 1), 0, w[6], N);
    words(1, MB_RNG_TEST, 0, 0, 1, w[7], N);
    words(1, MB_RNG_TEST, 0, 0, 2, w[8], N);
    for (int a = 0; a < STREAMS; a++) {
        for (int b = 0; b < a; b++) {
            size_t equal = 0;
            double sum = 0;
            for (size_t i = 0; i < N; i++) {
                equal += w[a][i] == w[b][i];
                sum += ((double)w[a][i] * 0x1p-32 - 0.5) * ((double)w[b][i] * 0x1p-32 - 0.5);
            }
            assert_true(equal <= 1);
            assert_true(fabs(sum * 12 / N) < 5 / sqrt(N)); /* correlation */
        }
    }
}

static void order_and_threads_do_not_matter(void **state) {
    (void)state;
    enum { STREAMS = 60, N = 300 };
    static float forward[STREAMS][N], backward[STREAMS][N], parallel[STREAMS][N];
    mb_stream s;
    for (int i = 0; i < STREAMS; i++) {
        mb_stream_init(&s, 99, MB_RNG_READ, (uint32_t)i % 3, mb_unit((uint32_t)i, 4), (uint32_t)i);
        mb_stream_fill_normal(&s, N, forward[i]);
    }
    for (int i = STREAMS - 1; i >= 0; i--) {
        mb_stream_init(&s, 99, MB_RNG_READ, (uint32_t)i % 3, mb_unit((uint32_t)i, 4), (uint32_t)i);
        mb_stream_fill_normal(&s, N, backward[i]);
    }
#pragma omp parallel for num_threads(3) schedule(dynamic)
    for (int i = 0; i < STREAMS; i++) {
        mb_stream t;
        mb_stream_init(&t, 99, MB_RNG_READ, (uint32_t)i % 3, mb_unit((uint32_t)i, 4), (uint32_t)i);
        mb_stream_fill_normal(&t, N, parallel[i]);
    }
    assert_memory_equal(forward, backward, sizeof forward);
    assert_memory_equal(forward, parallel, sizeof forward);
}

static void filling_equals_single_words(void **state) {
    (void)state;
    enum { N = 3000 };
    static uint32_t one[N], many[N];
    mb_stream a, b;
    mb_stream_init(&a, 5, MB_RNG_TEST, 1, 2, 3);
    b = a;
    for (size_t i = 0; i < N; i++) one[i] = mb_stream_u32(&a);
    static const size_t part[] = {1, 2, 3, 4, 5, 255, 256, 257, 511, 1000, 0, 706};
    size_t at = 0;
    for (size_t i = 0; i < sizeof part / sizeof *part; i++) {
        mb_stream_fill_u32(&b, part[i], many + at);
        at += part[i];
    }
    assert_int_equal(at, N);
    assert_memory_equal(one, many, sizeof one);
    assert_memory_equal(&a.ctr, &b.ctr, sizeof a.ctr);
}

static void uniform_numbers_lie_inside(void **state) {
    (void)state;
    enum { N = 200000 };
    mb_stream s;
    mb_stream_init(&s, 11, MB_RNG_TEST, 0, 0, 0);
    double sum = 0, square = 0;
    for (int i = 0; i < N; i++) {
        double x = mb_stream_uniform(&s);
        assert_true(x > 0 && x < 1);
        sum += x;
        square += (x - 0.5) * (x - 0.5);
    }
    assert_true(fabs(sum / N - 0.5) < 5 * sqrt(1.0 / 12 / N));
    assert_true(fabs(square / N - 1.0 / 12) < 5 * sqrt(1.0 / 180 / N));
    /* the extremes, by words that are put into the buffer */
    s.left = 4;
    memset(s.buf, 0, sizeof s.buf);
    assert_true(mb_stream_uniform(&s) == 0x1p-53);
    memset(s.buf, 0xFF, sizeof s.buf);
    assert_true(mb_stream_uniform(&s) == 1 - 0x1p-53);
}

/* The normal number that the words A, B give, in double precision by libm. */
static double box_muller(uint32_t a, uint32_t b, int sine) {
    double r = sqrt(-2 * log(((double)a + 0.5) * 0x1p-32)), t = (double)(int32_t)b * (2 * M_PI * 0x1p-32);
    return r * (sine ? sin(t) : cos(t));
}

static double normal_of(uint32_t a, uint32_t b) {
    mb_stream s;
    mb_stream_init(&s, 0, MB_RNG_TEST, 0, 0, 0);
    s.buf[0] = s.buf[2] = a;
    s.buf[1] = s.buf[3] = b;
    s.left = 4;
    return mb_stream_normal(&s);
}

static void transform_is_accurate(void **state) {
    (void)state;
    /* near the ends, and on both sides of every change of branch: sqrt(1/2), powers of two, eighths of a turn */
    static const uint32_t edge[] = {0,          1,          2,          255,        256,        65535,      65536,
                                    0x00ffffff, 0x01000000, 0x1fffffff, 0x20000000, 0x3fffffff, 0x40000000, 0x5fffffff,
                                    0x60000000, 0x7fffffff, 0x80000000, 0x9fffffff, 0xa0000000, 0xb504f332, 0xb504f333,
                                    0xb504f334, 0xb504f335, 0xbfffffff, 0xc0000001, 0xdfffffff, 0xe0000000, 0xffff0000,
                                    0xffffff00, 0xfffffffe, 0xffffffff};
    enum { E = sizeof edge / sizeof *edge };
    mb_stream s;
    mb_stream_init(&s, 12, MB_RNG_TEST, 0, 0, 0);
    double worst = 0;
    for (int i = 0; i < E * E + 200000; i++) {
        uint32_t a = i < E * E ? edge[i / E] : mb_stream_u32(&s), b = i < E * E ? edge[i % E] : mb_stream_u32(&s);
        if (b == 0x40000000 || b == 0xc0000000u) continue; /* cos = 0: looked at below */
        double want = box_muller(a, b, 0), error = fabs(normal_of(a, b) - want) / fabs(want);
        if (error > worst) worst = error;
    }
    if (worst > 1e-6) fail_msg("relative error %g", worst);
    assert_true(normal_of(5, 0x40000000) == 0 && normal_of(5, 0xc0000000u) == 0);
    assert_true(fabs(normal_of(0, 0) - 6.7637) < 1e-3); /* sqrt(66 ln 2) */
    assert_true(fabs(normal_of(0, 0x80000000u) + 6.7637) < 1e-3);
    assert_true(normal_of(0xffffffff, 0) > 1.5e-5 && normal_of(0xffffffff, 0) < 1.6e-5);
}

static void filling_follows_the_formula(void **state) {
    (void)state;
    enum { N = 1030 };
    static float z[N], prefix[N], parts[N];
    static uint32_t w[N + 2];
    mb_stream s, t;
    mb_stream_init(&s, 21, MB_RNG_PROGRAM, 3, mb_unit(2, 1), 8);
    t = s;
    mb_stream_fill_normal(&s, N, z);
    mb_stream_fill_u32(&t, N + 2, w);
    for (size_t i = 0; i < N; i++) {
        double want = box_muller(w[i & ~1ul], w[i | 1], (int)(i & 1));
        assert_true(fabs((double)z[i] - want) <= 1e-6 * fabs(want));
    }
    /* every other one has the bits of the scalar function, which is compiled for the plain instruction set */
    mb_stream_init(&t, 21, MB_RNG_PROGRAM, 3, mb_unit(2, 1), 8);
    for (size_t i = 0; i < N; i += 2) {
        float x = (float)mb_stream_normal(&t);
        assert_memory_equal(&x, &z[i], sizeof x);
    }
    for (size_t n = 0; n < N; n += 1 + n / 7) { /* a shorter fill is the beginning of a longer one */
        mb_stream_init(&t, 21, MB_RNG_PROGRAM, 3, mb_unit(2, 1), 8);
        memset(prefix, 0, sizeof prefix);
        mb_stream_fill_normal(&t, n, prefix);
        assert_memory_equal(prefix, z, n * sizeof *z);
        assert_int_equal(t.ctr[0], (n + 3) / 4);
        if (n < N) assert_true(prefix[n] == 0);
    }
    mb_stream_init(&t, 21, MB_RNG_PROGRAM, 3, mb_unit(2, 1), 8);
    for (size_t at = 0; at < 1024; at += 128)
        mb_stream_fill_normal(&t, 128, parts + at); /* multiples of four join without a seam */
    assert_memory_equal(parts, z, 1024 * sizeof *z);
    mb_stream_init(&t, 21, MB_RNG_PROGRAM, 3, mb_unit(2, 1), 8);
    (void)mb_stream_u32(&t);
    mb_stream_fill_normal(&t, 4, parts); /* a fresh block */
    assert_memory_equal(parts, z + 4, 4 * sizeof *z);
}

/* The bits must be the same with every compiler, option and instruction set: any build that differs fails here. */
static void bits_are_fixed(void **state) {
    (void)state;
    enum { N = 8192 };
    static float z[N];
    mb_stream s;
    mb_stream_init(&s, 42, MB_RNG_TEST, 0, 0, 0);
    mb_stream_fill_normal(&s, N, z);
    assert_int_equal(mb_hash64(z, sizeof z, MB_HASH_START), 0xf4578c782545f850ull);
}

static int ascending(const void *a, const void *b) {
    float x = *(const float *)a, y = *(const float *)b;
    return (x > y) - (x < y);
}

static void numbers_are_normal(void **state) {
    (void)state;
    enum { N = 1 << 21, CHUNK = 1 << 16, KS = 100000 };
    float *z = mb_malloc(CHUNK, sizeof *z), *k = mb_malloc(KS, sizeof *k);
    double m[5] = {0}, lag[3] = {0};
    static const double bound[] = {1, 2, 3, 4, 4.5};
    size_t beyond[5] = {0}, below[5] = {0};
    mb_stream s;
    for (uint32_t c = 0; c < N / CHUNK; c++) {
        mb_stream_init(&s, 1234, MB_RNG_READ, 0, 0, c);
        mb_stream_fill_normal(&s, CHUNK, z);
        for (size_t i = 0; i < CHUNK; i++) {
            double x = (double)z[i], p = 1;
            assert_true(fabs(x) < 6.77);
            for (int j = 1; j < 5; j++) m[j] += p *= x;
            for (size_t b = 0; b < 5; b++) {
                beyond[b] += x > bound[b];
                below[b] += x < -bound[b];
            }
            for (size_t l = 0; l < 3; l++) lag[l] += i > l ? x * (double)z[i - l - 1] : 0;
        }
    }
    double n = N;
    assert_true(fabs(m[1] / n) < 5 * sqrt(1 / n));
    assert_true(fabs(m[2] / n - 1) < 5 * sqrt(2 / n));
    assert_true(fabs(m[3] / n) < 5 * sqrt(15 / n));
    assert_true(fabs(m[4] / n - 3) < 5 * sqrt(96 / n));
    for (int l = 0; l < 3; l++) assert_true(fabs(lag[l] / n) < 5 * sqrt(1 / n));
    for (int b = 0; b < 5; b++) {
        double want = n * gsl_cdf_ugaussian_Q(bound[b]), sigma = sqrt(want) + 1;
        if (fabs((double)beyond[b] - want) > 5 * sigma || fabs((double)below[b] - want) > 5 * sigma)
            fail_msg("beyond %g sigma: %zu and %zu, expected %g", bound[b], beyond[b], below[b], want);
    }
    /* Kolmogorov-Smirnov: sqrt(n) D > 2.6 has a probability of 3e-6 */
    mb_stream_init(&s, 77, MB_RNG_DEVICE, 0, 0, 0);
    mb_stream_fill_normal(&s, KS, k);
    qsort(k, KS, sizeof *k, ascending);
    double d = 0;
    for (size_t i = 0; i < KS; i++) {
        double p = gsl_cdf_ugaussian_P((double)k[i]), lo = p - (double)i / KS, hi = (double)(i + 1) / KS - p;
        d = fmax(d, fmax(lo, hi));
    }
    if (d * sqrt(KS) > 2.6) fail_msg("Kolmogorov-Smirnov: sqrt(n) D = %g", d * sqrt(KS));
    mb_free(z);
    mb_free(k);
}

static void gsl_sees_the_same_words(void **state) {
    (void)state;
    mb_stream s;
    gsl_rng *r = gsl_rng_alloc(mb_gsl_rng_philox);
    assert_non_null(r);
    assert_true(gsl_rng_max(r) == 0xFFFFFFFFul && gsl_rng_min(r) == 0);
    mb_stream_init(&s, 31, MB_RNG_POLICY, 2, 3, 4);
    (void)mb_stream_u32(&s);
    mb_gsl_rng_bind(r, &s);
    for (int i = 0; i < 100; i++) assert_true(gsl_rng_get(r) == mb_stream_u32(&s));
    for (int i = 0; i < 100; i++) assert_true(gsl_rng_uniform(r) == mb_stream_uniform(&s));
    gsl_rng *copy = gsl_rng_clone(r);
    assert_true(gsl_rng_get(copy) == mb_stream_u32(&s));
    gsl_rng_free(copy);
    gsl_rng_set(r, 0);
    assert_true(gsl_rng_get(r) == 0x6627e8d5);
    double sum = 0;
    for (int i = 0; i < 100000; i++) sum += gsl_ran_exponential(r, 2.0);
    assert_true(fabs(sum / 100000 - 2.0) < 5 * 2.0 / sqrt(100000));
    gsl_rng_free(r);
}

/* ars4x32 of Random123's kat_vectors with 10 rounds. */
static void ars_known_answers(void **state) {
    (void)state;
    static const struct { uint32_t ctr[4], key[4], out[4]; } t[] = {
        {{0, 0, 0, 0x80000000}, {0, 0, 0, 0x80000000}, {0xa0e70327, 0x7caee527, 0x6a428c61, 0x3c4f3840}},
        {{0x886a3f24, 0xd308a385, 0x2e8a1913, 0x44737003}, {0, 0, 0, 0x80000000}, {0xb80e41ea, 0x4a1fa670, 0x348659dd, 0xee801943}},
        {{0xe6212845, 0x7713d038, 0xcf6654be, 0x6c0ce934}, {0, 0, 0, 0x80000000}, {0xd45af446, 0x218fe8d8, 0x47653a38, 0xa1d863e2}},
        {{0, 0x00008000, 0, 0}, {0, 0, 0, 0x80000000}, {0xdea49ca5, 0x785d289e, 0xf24509fb, 0x37a561d4}}};
    for (size_t i = 0; i < sizeof t / sizeof *t; i++) {
        uint32_t out[4];
        mb_ars4x32(10, t[i].ctr, t[i].key, out);
        assert_memory_equal(out, t[i].out, sizeof out);
    }
}

/* Streams of short normals: what this processor's instructions give is what plain C gives, at any length and position. */
static void short_normals_follow_the_formula(void **state) {
    (void)state;
    enum { N = 1000 };
    int16_t z[8 * N], want[8 * N];
    mb_stream s;
    mb_stream_init(&s, 0x123456789abcdefull, MB_RNG_READ, 3, mb_unit(7, 9), 11);
    const uint32_t key[4] = {s.key[0], s.key[1], 0, 0};
    for (uint32_t b = 0; b < N; b++) {
        uint32_t ctr[4] = {b, s.ctr[1], s.ctr[2], s.ctr[3]}, w[4];
        mb_ars4x32(MB_ARS_ROUNDS, ctr, key, w);
        for (int j = 0; j < 8; j++) want[8 * b + (uint32_t)j] = (int16_t)mb_normal16((uint16_t)(w[j / 2] >> (j % 2 * 16)));
    }
    for (size_t at = 0, n = 1; at < N; at += n, n = (n * 7 + 1) % 61 + 1) {
        if (n > N - at) n = N - at;
        mb_stream_fill_normal16(&s, 8 * n, z + 8 * at);
    }
    assert_memory_equal(z, want, sizeof z);
}

/* All 65,536 values: symmetric, falling but for one unit, near the exact means of the parts, moments. */
static void short_normals_are_accurate(void **state) {
    (void)state;
    double m2 = 0, m4 = 0, worst = 0;
    int before = INT_MAX - 1, top = 0;
    for (int m = 1; m < 65536; m += 2) {
        int plus = mb_normal16((uint16_t)(m - 1)), minus = mb_normal16((uint16_t)m);
        assert_int_equal(plus, -minus);
        assert_true(plus > 0 && plus <= before + 1);
        before = plus;
        top = plus > top ? plus : top;
        /* the mean of the normal distribution between its quantiles p and q is (density(q) - density(p)) / (q - p) */
        double p = (m - 1) / 131072.0, q = (m + 1) / 131072.0, z = plus / (double)MB_NORMAL16_ONE;
        double mean = (gsl_ran_ugaussian_pdf(gsl_cdf_ugaussian_Qinv(q)) - (p > 0 ? gsl_ran_ugaussian_pdf(gsl_cdf_ugaussian_Qinv(p)) : 0)) / (q - p);
        worst = fabs(z - mean) > worst ? fabs(z - mean) : worst;
        m2 += z * z / 32768;
        m4 += z * z * z * z / 32768;
    }
    assert_int_equal(top, MB_NORMAL16_MAX);
    assert_true(worst < 1.2e-3);
    assert_true(fabs(m2 - 1) < 1e-5);
    assert_true(fabs(m4 / (m2 * m2) - 3) < 4e-4);
}

static int by_value(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* sqrt(n) times the largest distance between the distribution of n numbers and the normal one */
static double kolmogorov_smirnov(size_t n, double *z) {
    double most = 0;
    qsort(z, n, sizeof *z, by_value);
    for (size_t i = 0; i < n; i++) {
        double p = gsl_cdf_ugaussian_P(z[i]), lo = p - (double)i / (double)n, hi = (double)(i + 1) / (double)n - p;
        most = lo > most ? lo : most;
        most = hi > most ? hi : most;
    }
    return most * sqrt((double)n);
}

/* P(sqrt(n) D > 1.95) = 1e-3; the seeds are fixed. */
static void distributions_are_normal(void **state) {
    (void)state;
    enum { N = 200000 };
    float *f = mb_malloc(N, sizeof *f);
    int16_t *h = mb_malloc(N, sizeof *h);
    double *z = mb_malloc(N, sizeof *z);
    mb_stream s;
    mb_stream_init(&s, 99, MB_RNG_TEST, 0, 0, 5);
    mb_stream_fill_normal(&s, N, f);
    for (int i = 0; i < N; i++) z[i] = (double)f[i];
    assert_true(kolmogorov_smirnov(N, z) < 1.95);
    mb_stream_fill_normal16(&s, N, h);
    for (int i = 0; i < N; i++) z[i] = h[i] / (double)MB_NORMAL16_ONE;
    assert_true(kolmogorov_smirnov(N, z) < 1.95);
    /* neighbours in a block and in the stream are uncorrelated: 5 sigma */
    for (int lag = 1; lag <= 16; lag++) {
        double r = 0;
        for (int i = 0; i + lag < N; i++) r += (double)h[i] * h[i + lag] / ((double)MB_NORMAL16_ONE * MB_NORMAL16_ONE);
        assert_true(fabs(r / N) < 5 / sqrt(N));
    }
    for (int i = 0; i < N; i++) z[i] = 0.99 * z[i];        /* the test sees a wrong width */
    assert_true(kolmogorov_smirnov(N, z) > 1.0);
    mb_free(f);
    mb_free(h);
    mb_free(z);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(known_answers),
        cmocka_unit_test(domains_are_disjoint),
        cmocka_unit_test(streams_differ_in_every_coordinate),
        cmocka_unit_test(order_and_threads_do_not_matter),
        cmocka_unit_test(filling_equals_single_words),
        cmocka_unit_test(uniform_numbers_lie_inside),
        cmocka_unit_test(transform_is_accurate),
        cmocka_unit_test(filling_follows_the_formula),
        cmocka_unit_test(bits_are_fixed),
        cmocka_unit_test(numbers_are_normal),
        cmocka_unit_test(gsl_sees_the_same_words),
        cmocka_unit_test(ars_known_answers),
        cmocka_unit_test(short_normals_follow_the_formula),
        cmocka_unit_test(short_normals_are_accurate),
        cmocka_unit_test(distributions_are_normal),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
