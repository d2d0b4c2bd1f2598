/* rng_short.c - ARS-5 and normal numbers of 16 bits, the same bits on every processor
 *
 * ARS: Salmon, Moraes, Dror, Shaw, SC 2011, doi:10.1145/2063384.2063405: state = counter ^ key, then rounds of AES (FIPS 197:
 * SubBytes, ShiftRows, MixColumns, AddRoundKey; the last one without MixColumns) with the round keys key + r * (9E3779B97F4A7C15,
 * BB67AE8584CAA73B), 64 bits each. Processors with AES instructions do a round in one (one, or four blocks at a time).
 * Normals: base/rng.h. Table look-ups: 32 numbers in a register (AVX-512), byte shuffles of half tables (AVX2).
 * Anybody may call this file; it calls nobody.
 */
#include "config.h"

#include <stdbool.h>
#include <string.h>

#include "base/rng.h"

const uint16_t mb_normal16_c[3][32] = {
    {0, 8357, 8104, 7937, 7861, 7657, 7512, 7297, 7141, 6916, 6752, 6516, 6342, 6092, 5909, 5643,
     5447, 5161, 4950, 4641, 4409, 4069, 3813, 3431, 3140, 2698, 2354, 1816, 1379, 651, 8986, 0},
    {0, 0, 0, 0, 206, 147, 255, 177, 265, 187, 280, 197, 296, 206, 315, 221,
     336, 235, 363, 259, 396, 284, 443, 322, 509, 378, 608, 471, 790, 668, 0, 0},
    {0, 0, 0, 0, 0, 0, 42, 22, 40, 24, 44, 24, 48, 24, 50, 26,
     51, 25, 55, 29, 58, 30, 63, 33, 69, 36, 71, 36, 64, 17, 0, 0},
};

static const uint8_t sbox[256] = {
    0x63, 0x7c, 0x77, 0x7b, 0xf2, 0x6b, 0x6f, 0xc5, 0x30, 0x01, 0x67, 0x2b, 0xfe, 0xd7, 0xab, 0x76,
    0xca, 0x82, 0xc9, 0x7d, 0xfa, 0x59, 0x47, 0xf0, 0xad, 0xd4, 0xa2, 0xaf, 0x9c, 0xa4, 0x72, 0xc0,
    0xb7, 0xfd, 0x93, 0x26, 0x36, 0x3f, 0xf7, 0xcc, 0x34, 0xa5, 0xe5, 0xf1, 0x71, 0xd8, 0x31, 0x15,
    0x04, 0xc7, 0x23, 0xc3, 0x18, 0x96, 0x05, 0x9a, 0x07, 0x12, 0x80, 0xe2, 0xeb, 0x27, 0xb2, 0x75,
    0x09, 0x83, 0x2c, 0x1a, 0x1b, 0x6e, 0x5a, 0xa0, 0x52, 0x3b, 0xd6, 0xb3, 0x29, 0xe3, 0x2f, 0x84,
    0x53, 0xd1, 0x00, 0xed, 0x20, 0xfc, 0xb1, 0x5b, 0x6a, 0xcb, 0xbe, 0x39, 0x4a, 0x4c, 0x58, 0xcf,
    0xd0, 0xef, 0xaa, 0xfb, 0x43, 0x4d, 0x33, 0x85, 0x45, 0xf9, 0x02, 0x7f, 0x50, 0x3c, 0x9f, 0xa8,
    0x51, 0xa3, 0x40, 0x8f, 0x92, 0x9d, 0x38, 0xf5, 0xbc, 0xb6, 0xda, 0x21, 0x10, 0xff, 0xf3, 0xd2,
    0xcd, 0x0c, 0x13, 0xec, 0x5f, 0x97, 0x44, 0x17, 0xc4, 0xa7, 0x7e, 0x3d, 0x64, 0x5d, 0x19, 0x73,
    0x60, 0x81, 0x4f, 0xdc, 0x22, 0x2a, 0x90, 0x88, 0x46, 0xee, 0xb8, 0x14, 0xde, 0x5e, 0x0b, 0xdb,
    0xe0, 0x32, 0x3a, 0x0a, 0x49, 0x06, 0x24, 0x5c, 0xc2, 0xd3, 0xac, 0x62, 0x91, 0x95, 0xe4, 0x79,
    0xe7, 0xc8, 0x37, 0x6d, 0x8d, 0xd5, 0x4e, 0xa9, 0x6c, 0x56, 0xf4, 0xea, 0x65, 0x7a, 0xae, 0x08,
    0xba, 0x78, 0x25, 0x2e, 0x1c, 0xa6, 0xb4, 0xc6, 0xe8, 0xdd, 0x74, 0x1f, 0x4b, 0xbd, 0x8b, 0x8a,
    0x70, 0x3e, 0xb5, 0x66, 0x48, 0x03, 0xf6, 0x0e, 0x61, 0x35, 0x57, 0xb9, 0x86, 0xc1, 0x1d, 0x9e,
    0xe1, 0xf8, 0x98, 0x11, 0x69, 0xd9, 0x8e, 0x94, 0x9b, 0x1e, 0x87, 0xe9, 0xce, 0x55, 0x28, 0xdf,
    0x8c, 0xa1, 0x89, 0x0d, 0xbf, 0xe6, 0x42, 0x68, 0x41, 0x99, 0x2d, 0x0f, 0xb0, 0x54, 0xbb, 0x16,
};

static uint32_t rotate(uint32_t w, int n) { return w >> n | w << (32 - n); }

/* Byte r of word c is row r of column c. */
static void aes_round(uint32_t s[4], const uint64_t k[2], bool mix) {
    uint32_t t[4];
    for (int c = 0; c < 4; c++) {
        uint32_t w = sbox[s[c] & 255] | (uint32_t)sbox[s[(c + 1) & 3] >> 8 & 255] << 8 |
                     (uint32_t)sbox[s[(c + 2) & 3] >> 16 & 255] << 16 | (uint32_t)sbox[s[(c + 3) & 3] >> 24] << 24;
        if (mix) {
            uint32_t twice = (w << 1 & 0xFEFEFEFEu) ^ (w >> 7 & 0x01010101u) * 0x1Bu;
            w = twice ^ rotate(twice ^ w, 8) ^ rotate(w, 16) ^ rotate(w, 24);
        }
        t[c] = w ^ (uint32_t)(k[c / 2] >> (c % 2 * 32));
    }
    memcpy(s, t, sizeof t);
}

#define WEYL0 0x9E3779B97F4A7C15u
#define WEYL1 0xBB67AE8584CAA73Bu

void mb_ars4x32(int rounds, const uint32_t ctr[4], const uint32_t key[4], uint32_t out[4]) {
    uint64_t k[2] = {key[0] | (uint64_t)key[1] << 32, key[2] | (uint64_t)key[3] << 32};
    uint32_t s[4];
    for (int i = 0; i < 4; i++) s[i] = ctr[i] ^ key[i];
    for (int r = 1; r <= rounds; r++) {
        k[0] += WEYL0;
        k[1] += WEYL1;
        aes_round(s, k, r < rounds);
    }
    memcpy(out, s, sizeof s);
}

static void fill_plain(const mb_stream *s, uint32_t first, size_t blocks, int16_t *out) {
    const uint32_t key[4] = {s->key[0], s->key[1], 0, 0};
    for (size_t i = 0; i < blocks; i++) {
        uint32_t ctr[4] = {first + (uint32_t)i, s->ctr[1], s->ctr[2], s->ctr[3]}, w[4];
        mb_ars4x32(MB_ARS_ROUNDS, ctr, key, w);
        for (int j = 0; j < 4; j++) {
            *out++ = (int16_t)mb_normal16((uint16_t)w[j]);
            *out++ = (int16_t)mb_normal16((uint16_t)(w[j] >> 16));
        }
    }
}

#if defined(__x86_64__) && defined(__GNUC__)
#include <cpuid.h>
#include <immintrin.h>
#include <stdatomic.h>

#define AVX2 __attribute__((target("avx2,aes")))
#define AVX2_INLINE static inline __attribute__((always_inline, target("avx2,aes")))

/* Byte tables of 32 entries in halves of 16, for words: low bytes and, where there are any, high bytes. */
typedef struct halves { __m256i low[2], high[2]; } halves;

AVX2_INLINE __m256i half_of(const uint16_t *c, int shift) {
    uint8_t b[16];
    for (int i = 0; i < 16; i++) b[i] = (uint8_t)(c[i] >> shift);
    __m128i v = _mm_loadu_si128((const __m128i *)(const void *)b);
    return _mm256_broadcastsi128_si256(v);
}

AVX2_INLINE halves halves_of(const uint16_t c[32]) {
    return (halves){{half_of(c, 0), half_of(c + 16, 0)}, {half_of(c, 8), half_of(c + 16, 8)}};
}

/* A shuffle gives zero where the top bit of the index is set: below 16 + 70h, above - 10h, the other byte of the word 80h. */
typedef struct indices { __m256i low[2], high[2]; } indices;

AVX2_INLINE __m256i look_up(const halves *t, const indices *i, bool two) {
    __m256i v = _mm256_or_si256(_mm256_shuffle_epi8(t->low[0], i->low[0]), _mm256_shuffle_epi8(t->low[1], i->low[1]));
    if (!two) return v;
    return _mm256_or_si256(v, _mm256_or_si256(_mm256_shuffle_epi8(t->high[0], i->high[0]),
                                              _mm256_shuffle_epi8(t->high[1], i->high[1])));
}

AVX2_INLINE __m256i normals_avx2(__m256i u, const halves t[3]) {
    const __m256i one = _mm256_set1_epi16(1), zero = _mm256_setzero_si256(), word = _mm256_set1_epi32(0xFFFF);
    __m256i m = _mm256_or_si256(u, one);
    __m256i a = _mm256_castps_si256(_mm256_cvtepi32_ps(_mm256_unpacklo_epi16(m, zero))),
            b = _mm256_castps_si256(_mm256_cvtepi32_ps(_mm256_unpackhi_epi16(m, zero)));
    a = _mm256_and_si256(_mm256_srli_epi32(a, 13), word);      /* as IEEE half, but for the bias of the exponent */
    b = _mm256_and_si256(_mm256_srli_epi32(b, 13), word);
    __m256i h = _mm256_packus_epi32(a, b), x = _mm256_slli_epi16(h, 7);
    __m256i i = _mm256_and_si256(_mm256_srli_epi16(h, 9), _mm256_set1_epi16(31)), i8 = _mm256_slli_epi16(i, 8);
    indices at = {{_mm256_add_epi8(i, _mm256_set1_epi16((short)0x8070)), _mm256_sub_epi8(i, _mm256_set1_epi16((short)0x8010))},
                  {_mm256_add_epi8(i8, _mm256_set1_epi16(0x7080)), _mm256_sub_epi8(i8, _mm256_set1_epi16(0x1080))}};
    __m256i s = _mm256_sub_epi16(look_up(&t[1], &at, true), _mm256_mulhi_epu16(look_up(&t[2], &at, false), x));
    __m256i z = _mm256_sub_epi16(look_up(&t[0], &at, true), _mm256_mulhi_epu16(s, x));
    __m256i minus = _mm256_sub_epi16(zero, _mm256_and_si256(u, one));
    return _mm256_sub_epi16(_mm256_xor_si256(z, minus), minus);
}

AVX2 static void fill_avx2(const mb_stream *s, uint32_t first, size_t blocks, int16_t *out) {
    const halves t[3] = {halves_of(mb_normal16_c[0]), halves_of(mb_normal16_c[1]), halves_of(mb_normal16_c[2])};
    const __m128i weyl = _mm_set_epi64x((long long)WEYL1, (long long)WEYL0);
    __m128i key[MB_ARS_ROUNDS + 1];
    key[0] = _mm_set_epi32(0, 0, (int)s->key[1], (int)s->key[0]);
    for (int r = 0; r < MB_ARS_ROUNDS; r++) key[r + 1] = _mm_add_epi64(key[r], weyl);
    for (size_t i = 0; i < blocks; i += 8) {
        __m128i w[8];
        for (int j = 0; j < 8; j++)
            w[j] = _mm_xor_si128(key[0], _mm_set_epi32((int)s->ctr[3], (int)s->ctr[2], (int)s->ctr[1],
                                                       (int)(first + (uint32_t)i) + j));
        for (int r = 1; r < MB_ARS_ROUNDS; r++)
            for (int j = 0; j < 8; j++) w[j] = _mm_aesenc_si128(w[j], key[r]);
        for (int j = 0; j < 8; j++) w[j] = _mm_aesenclast_si128(w[j], key[MB_ARS_ROUNDS]);
        int16_t z[64];
        for (int j = 0; j < 8; j += 2)
            _mm256_storeu_si256((__m256i *)(void *)(z + 8 * j), normals_avx2(_mm256_set_m128i(w[j + 1], w[j]), t));
        size_t n = blocks - i < 8 ? blocks - i : 8;
        memcpy(out + 8 * i, z, n * 8 * sizeof *z);
    }
}

#if defined(__clang__)
#define WIDE __attribute__((target("avx512f,avx512bw,avx512dq,avx512vl,vaes")))
#else
#define WIDE __attribute__((target("avx512f,avx512bw,avx512dq,avx512vl,vaes,prefer-vector-width=512")))
#endif
#include "base/rng_wide.h"

WIDE static void fill_wide(const mb_stream *s, uint32_t first, size_t blocks, int16_t *out) {
    mb_wide_normals g;
    mb_wide_open(s->key, &g);
    const __m512i who = _mm512_broadcast_i32x4(_mm_set_epi32((int)s->ctr[3], (int)s->ctr[2], (int)s->ctr[1], 0));
    for (size_t i = 0; i < blocks; i += 4) {
        __m512i u = mb_wide_bits(&g, who, first + (uint32_t)i), z = mb_wide_normal(&g, u);
        __m512i minus = _mm512_sub_epi16(_mm512_setzero_si512(), _mm512_and_si512(u, _mm512_set1_epi16(1)));
        z = _mm512_sub_epi16(_mm512_xor_si512(z, minus), minus);
        __mmask16 m = blocks - i >= 4 ? 0xFFFF : (__mmask16)((1u << (4 * (blocks - i))) - 1);
        _mm512_mask_storeu_epi32(out + 8 * i, m, z);
    }
}

/* Asks once, for the instruction is slow in virtual machines; the answer never changes, so that threads may write it together. */
bool mb_cpu_has_vaes(void) {
    static atomic_int known; /* 0: not asked, 1: no, 2: yes */
    int k = atomic_load_explicit(&known, memory_order_relaxed);
    if (k == 0) {
        unsigned a, b, c, d;
        k = __get_cpuid_count(7, 0, &a, &b, &c, &d) && (c >> 9 & 1) ? 2 : 1;
        atomic_store_explicit(&known, k, memory_order_relaxed);
    }
    return k == 2;
}

void mb_stream_fill_normal16(mb_stream *s, size_t n, int16_t *out) {
    size_t blocks = n / 8;
    uint32_t first = s->ctr[0];
    s->left = 0;
    if (__builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512vl") &&
        __builtin_cpu_supports("avx512dq") && mb_cpu_has_vaes())
        fill_wide(s, first, blocks, out);
    else if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("aes"))
        fill_avx2(s, first, blocks, out);
    else
        fill_plain(s, first, blocks, out);
    s->ctr[0] += (uint32_t)blocks;
}

#else

bool mb_cpu_has_vaes(void) { return false; }

void mb_stream_fill_normal16(mb_stream *s, size_t n, int16_t *out) {
    s->left = 0;
    fill_plain(s, s->ctr[0], n / 8, out);
    s->ctr[0] += (uint32_t)(n / 8);
}

#endif
