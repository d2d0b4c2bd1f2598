/* rng.c - Philox4x32-10 streams and normal numbers with the same bits on every instruction set
 *
 * Philox: Salmon, Moraes, Dror, Shaw, SC 2011, doi:10.1145/2063384.2063405; ten rounds, multipliers D2511F53 and CD9E8D57, Weyl
 * constants 9E3779B9 and BB67AE85. Normals: Box and Muller, Ann. Math. Statist. 29 (1958), doi:10.1214/aoms/1177706645. Of the
 * two words (a, b)
 *     u = (a + 1/2) / 2^32,   R = sqrt(-2 ln u),   z = R cos(2 pi b / 2^32),   z' = R sin(2 pi b / 2^32),
 * so the largest number is sqrt(66 ln 2) = 6.76. The logarithm and the sine and cosine are the polynomials of Cephes (Moshier,
 * 1989, single precision, errors near 1e-7) behind our own reduction of the argument; near u = 1 the logarithm starts from 1 - u,
 * which keeps small numbers exact to the last bits. Only + - * sqrt and integer operations are used: with -ffp-contract=off every
 * clone gives the same bits. Anybody may call this file; it calls nobody.
 */
#include "config.h"

#include "base/rng.h"

#include <math.h>
#include <stdbool.h>
#include <string.h>

#include "base/clones.h"

#define INLINE static inline __attribute__((always_inline))

#define LANES 64 /* blocks computed side by side */

INLINE void philox_round(uint32_t c[4], uint32_t k0, uint32_t k1) {
    uint64_t p0 = (uint64_t)0xD2511F53u * c[0], p1 = (uint64_t)0xCD9E8D57u * c[2];
    uint32_t n0 = (uint32_t)(p1 >> 32) ^ c[1] ^ k0, n2 = (uint32_t)(p0 >> 32) ^ c[3] ^ k1;
    c[1] = (uint32_t)p1;
    c[3] = (uint32_t)p0;
    c[0] = n0;
    c[2] = n2;
}

#define KEY0(r) (k0 + (r) * 0x9E3779B9u)
#define KEY1(r) (k1 + (r) * 0xBB67AE85u)

INLINE void philox(uint32_t c[4], uint32_t k0, uint32_t k1) {
    philox_round(c, KEY0(0u), KEY1(0u));
    philox_round(c, KEY0(1u), KEY1(1u));
    philox_round(c, KEY0(2u), KEY1(2u));
    philox_round(c, KEY0(3u), KEY1(3u));
    philox_round(c, KEY0(4u), KEY1(4u));
    philox_round(c, KEY0(5u), KEY1(5u));
    philox_round(c, KEY0(6u), KEY1(6u));
    philox_round(c, KEY0(7u), KEY1(7u));
    philox_round(c, KEY0(8u), KEY1(8u));
    philox_round(c, KEY0(9u), KEY1(9u));
}

void mb_philox(const uint32_t ctr[4], const uint32_t key[2], uint32_t out[4]) {
    uint32_t c[4] = {ctr[0], ctr[1], ctr[2], ctr[3]};
    philox(c, key[0], key[1]);
    memcpy(out, c, sizeof c);
}

/* Word J of the blocks ctr[0], ctr[0] + 1, ... goes to w[J][0], w[J][1], ... */
INLINE void philox_lanes(const uint32_t ctr[4], const uint32_t key[2], uint32_t w[4][LANES]) {
    uint32_t c0 = ctr[0], c1 = ctr[1], c2 = ctr[2], c3 = ctr[3], k0 = key[0], k1 = key[1];
#pragma omp simd
    for (int i = 0; i < LANES; i++) {
        uint32_t c[4] = {c0 + (uint32_t)i, c1, c2, c3};
        philox(c, k0, k1);
        w[0][i] = c[0];
        w[1][i] = c[1];
        w[2][i] = c[2];
        w[3][i] = c[3];
    }
}

INLINE float as_float(int32_t b) {
    float x;
    memcpy(&x, &b, sizeof x);
    return x;
}

INLINE int32_t as_int(float x) {
    int32_t b;
    memcpy(&b, &x, sizeof b);
    return b;
}

/* (w + 1/2) / 2^32 rounded once: both halves are exact. */
INLINE float unit_float(uint32_t w) {
    return ((float)(int32_t)(w >> 16) * 65536.0f + ((float)(int32_t)(w & 0xFFFFu) + 0.5f)) * 0x1p-32f;
}

/* sqrt(-2 ln((w + 1/2) / 2^32)) */
INLINE float radius(uint32_t w) {
    int32_t b = as_int(unit_float(w)) - 0x3F3504F3; /* bits of sqrt(1/2): the mantissa m lies in [sqrt(1/2), sqrt(2)) */
    int high = w >= 0xB504F334u;                     /* u >= sqrt(1/2): ln u = ln(1 - (1 - u)), and 1 - u is known to all bits */
    float e = high ? 0.0f : (float)(b >> 23);
    float m = as_float((b & 0x7FFFFF) + 0x3F3504F3);
    float f = high ? -unit_float(~w) : m - 1.0f, z = f * f;
    float p = 7.0376836292e-2f;
    p = p * f - 1.1514610310e-1f;
    p = p * f + 1.1676998740e-1f;
    p = p * f - 1.2420140846e-1f;
    p = p * f + 1.4249322787e-1f;
    p = p * f - 1.6668057665e-1f;
    p = p * f + 2.0000714765e-1f;
    p = p * f - 2.4999993993e-1f;
    p = p * f + 3.3333331174e-1f;
    float y = p * f * z - 2.12194440e-4f * e; /* ln 2 = 0.693359375 - 2.12194440e-4 */
    y = y - 0.5f * z;
    float ln = f + y + 0.693359375f * e;
    return sqrtf(-2.0f * ln);
}

/* Cosine and sine of 2 pi w / 2^32. */
INLINE void direction(uint32_t w, float *cosine, float *sine) {
    uint32_t q = (w + 0x20000000u) >> 30;                            /* nearest quarter turn */
    float t = (float)(int32_t)(w - (q << 30)) * 1.46291807926716e-9f; /* 2 pi / 2^32; t in [-pi/4, pi/4] */
    float z = t * t;
    float s = ((-1.9515295891e-4f * z + 8.3321608736e-3f) * z - 1.6666654611e-1f) * z * t + t;
    float c = ((2.443315711809948e-5f * z - 1.388731625493765e-3f) * z + 4.166664568298827e-2f) * z * z - 0.5f * z + 1.0f;
    int odd = (q & 1u) != 0;
    float a = odd ? s : c, b = odd ? c : s;
    *cosine = as_float(as_int(a) ^ (int32_t)(((q + 1u) & 2u) << 30));
    *sine = as_float(as_int(b) ^ (int32_t)((q & 2u) << 30));
}

/* Words of LANES blocks as 4 * LANES normal numbers; block k gives out[4k .. 4k + 3]. */
INLINE void normals_of(uint32_t w[4][LANES], float *restrict out) {
    float z[4][LANES] __attribute__((aligned(64)));
    for (int j = 0; j < 4; j += 2) {
#pragma omp simd
        for (int i = 0; i < LANES; i++) {
            float r = radius(w[j][i]), c, s;
            direction(w[j + 1][i], &c, &s);
            z[j][i] = r * c;
            z[j + 1][i] = r * s;
        }
    }
#pragma omp simd
    for (int i = 0; i < LANES; i++) {
        out[4 * i] = z[0][i];
        out[4 * i + 1] = z[1][i];
        out[4 * i + 2] = z[2][i];
        out[4 * i + 3] = z[3][i];
    }
}

INLINE void words_of(uint32_t w[4][LANES], uint32_t *restrict out) {
#pragma omp simd
    for (int i = 0; i < LANES; i++) {
        out[4 * i] = w[0][i];
        out[4 * i + 1] = w[1][i];
        out[4 * i + 2] = w[2][i];
        out[4 * i + 3] = w[3][i];
    }
}

#if defined(MB_HAVE_CLONES) && defined(__x86_64__)
#include <immintrin.h>
#if defined(__clang__)
#define WIDE_TARGET "arch=x86-64-v4"
#else
#define WIDE_TARGET "arch=x86-64-v4,prefer-vector-width=512"
#endif
#define WIDE __attribute__((target(WIDE_TARGET)))
#define WIDE_INLINE static inline __attribute__((always_inline, target(WIDE_TARGET)))

/* One round on eight blocks, a word in the low half of each 64-bit lane; what is in the high halves does not matter. */
WIDE_INLINE void round_wide(__m512i c[4], uint32_t k0, uint32_t k1) {
    __m512i p0 = _mm512_mul_epu32(c[0], _mm512_set1_epi64(0xD2511F53)), p1 = _mm512_mul_epu32(c[2], _mm512_set1_epi64(0xCD9E8D57));
    c[0] = _mm512_ternarylogic_epi64(_mm512_srli_epi64(p1, 32), c[1], _mm512_set1_epi64(k0), 0x96);    /* a ^ b ^ c */
    c[2] = _mm512_ternarylogic_epi64(_mm512_srli_epi64(p0, 32), c[3], _mm512_set1_epi64(k1), 0x96);
    c[1] = p1;
    c[3] = p0;
}

/* As philox_lanes: blocks with even and odd numbers apart, 32 at a time. */
WIDE_INLINE void philox_wide(const uint32_t ctr[4], const uint32_t key[2], uint32_t w[4][LANES]) {
    const __m512i step = _mm512_set_epi64(14, 12, 10, 8, 6, 4, 2, 0);
    for (int i = 0; i < LANES; i += 32) {
        __m512i b[4][4];
        for (int j = 0; j < 4; j++) {
            uint32_t first = ctr[0] + (uint32_t)(i + j / 2 * 16 + j % 2);
            b[j][0] = _mm512_add_epi32(_mm512_set1_epi64(first), step);
            for (int k = 1; k < 4; k++) b[j][k] = _mm512_set1_epi64(ctr[k]);
        }
        uint32_t k0 = key[0], k1 = key[1];
        for (int r = 0; r < 10; r++, k0 += 0x9E3779B9u, k1 += 0xBB67AE85u) {
            round_wide(b[0], k0, k1);
            round_wide(b[1], k0, k1);
            round_wide(b[2], k0, k1);
            round_wide(b[3], k0, k1);
        }
        for (int k = 0; k < 4; k++) {
            _mm512_store_si512(w[k] + i, _mm512_mask_mov_epi32(b[0][k], 0xAAAA, _mm512_slli_epi64(b[1][k], 32)));
            _mm512_store_si512(w[k] + i + 16, _mm512_mask_mov_epi32(b[2][k], 0xAAAA, _mm512_slli_epi64(b[3][k], 32)));
        }
    }
}

WIDE static void normal_lanes_wide(const uint32_t ctr[4], const uint32_t key[2], float *restrict out) {
    uint32_t w[4][LANES] __attribute__((aligned(64)));
    philox_wide(ctr, key, w);
    normals_of(w, out);
}

WIDE static void word_lanes_wide(const uint32_t ctr[4], const uint32_t key[2], uint32_t *restrict out) {
    uint32_t w[4][LANES] __attribute__((aligned(64)));
    philox_wide(ctr, key, w);
    words_of(w, out);
}

static bool wide(void) {
    return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512cd") &&
           __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl");
}
#else
#define normal_lanes_wide normal_lanes
#define word_lanes_wide word_lanes
static bool wide(void) { return false; }
#endif

/* The blocks ctr[0] .. ctr[0] + LANES - 1 as normal numbers, as words. */
MB_CLONES static void normal_lanes(const uint32_t ctr[4], const uint32_t key[2], float *restrict out) {
    uint32_t w[4][LANES] __attribute__((aligned(64)));
    philox_lanes(ctr, key, w);
    normals_of(w, out);
}

MB_CLONES static void word_lanes(const uint32_t ctr[4], const uint32_t key[2], uint32_t *restrict out) {
    uint32_t w[4][LANES] __attribute__((aligned(64)));
    philox_lanes(ctr, key, w);
    words_of(w, out);
}

void mb_stream_init(mb_stream *s, uint64_t seed, mb_rng_domain domain, uint32_t trial, uint32_t unit, uint32_t index) {
    s->key[0] = (uint32_t)seed;
    s->key[1] = (uint32_t)(seed >> 32);
    s->ctr[0] = 0;
    s->ctr[1] = index;
    s->ctr[2] = unit;
    s->ctr[3] = ((uint32_t)domain & 63u) << 26 | (trial & MB_RNG_TRIAL_MAX);
    memset(s->buf, 0, sizeof s->buf);
    s->left = 0;
}

uint32_t mb_stream_u32(mb_stream *s) {
    if (s->left == 0) {
        mb_philox(s->ctr, s->key, s->buf);
        s->ctr[0]++;
        s->left = 4;
    }
    return s->buf[4 - s->left--];
}

double mb_stream_uniform(mb_stream *s) {
    uint64_t hi = mb_stream_u32(s), lo = mb_stream_u32(s);
    return (double)((hi << 32 | lo) >> 11 | 1) * 0x1p-53; /* odd multiples of 2^-53: neither 0 nor 1, symmetric about 1/2 */
}

double mb_stream_normal(mb_stream *s) {
    uint32_t a = mb_stream_u32(s), b = mb_stream_u32(s);
    float cosine, sine;
    direction(b, &cosine, &sine);
    return (double)(radius(a) * cosine);
}

void mb_stream_fill_u32(mb_stream *s, size_t n, uint32_t *out) {
    for (; n && s->left; n--) *out++ = mb_stream_u32(s);
    bool by_16 = wide();
    for (; n >= 4 * LANES; n -= 4 * LANES, out += 4 * LANES) {
        if (by_16) word_lanes_wide(s->ctr, s->key, out);
        else word_lanes(s->ctr, s->key, out);
        s->ctr[0] += LANES;
    }
    while (n--) *out++ = mb_stream_u32(s);
}

void mb_stream_fill_normal(mb_stream *s, size_t n, float *out) {
    s->left = 0;
    bool by_16 = wide();
    for (; n >= 4 * LANES; n -= 4 * LANES, out += 4 * LANES) {
        if (by_16) normal_lanes_wide(s->ctr, s->key, out);
        else normal_lanes(s->ctr, s->key, out);
        s->ctr[0] += LANES;
    }
    while (n) { /* the same formulas, block by block */
        uint32_t c[4];
        float z[4];
        mb_philox(s->ctr, s->key, c);
        s->ctr[0]++;
        for (int j = 0; j < 4; j += 2) {
            float r = radius(c[j]), cosine, sine;
            direction(c[j + 1], &cosine, &sine);
            z[j] = r * cosine;
            z[j + 1] = r * sine;
        }
        size_t k = n < 4 ? n : 4;
        memcpy(out, z, k * sizeof *out);
        out += k;
        n -= k;
    }
}

/* --- behind gsl_rng ----------------------------------------------------------------------------------------------- */

static void philox_set(void *state, unsigned long seed) { mb_stream_init(state, seed, MB_RNG_TEST, 0, 0, 0); }

static unsigned long philox_get(void *state) { return mb_stream_u32(state); }

static double philox_get_double(void *state) { return mb_stream_uniform(state); }

static const gsl_rng_type philox_type = {
    "mb_philox4x32_10", 0xFFFFFFFFul, 0, sizeof(mb_stream), philox_set, philox_get, philox_get_double};
const gsl_rng_type *mb_gsl_rng_philox = &philox_type;

void mb_gsl_rng_bind(gsl_rng *r, const mb_stream *s) { memcpy(r->state, s, sizeof *s); }
