/* rng_wide.h - ARS-5 and short normal numbers in registers of 512 bits, for loops that use them at once
 *
 * Included by rng_short.c and by kernels compiled for AVX-512 F, BW, DQ, VL and VAES. With MB_WIDE_HALF (AVX-512 FP16) one
 * conversion finds the leading bits; otherwise two in single precision do. The same numbers as mb_normal16 without its sign.
 */
#ifndef MB_BASE_RNG_WIDE_H
#define MB_BASE_RNG_WIDE_H

#include <immintrin.h>
#include <stdint.h>

#include "base/rng.h"

#ifndef WIDE
#define WIDE
#endif
#define MB_WIDE_INLINE WIDE static inline __attribute__((always_inline))

typedef struct mb_wide_normals { __m512i key[MB_ARS_ROUNDS + 1], c0, c1, c2, one; } mb_wide_normals;

MB_WIDE_INLINE void mb_wide_open(const uint32_t key[2], mb_wide_normals *g) {
    const __m512i weyl = _mm512_broadcast_i32x4(_mm_set_epi64x((long long)0xBB67AE8584CAA73Bu, (long long)0x9E3779B97F4A7C15u));
    g->key[0] = _mm512_broadcast_i32x4(_mm_set_epi32(0, 0, (int)key[1], (int)key[0]));
    for (int r = 0; r < MB_ARS_ROUNDS; r++) g->key[r + 1] = _mm512_add_epi64(g->key[r], weyl);
    g->c0 = _mm512_loadu_si512(mb_normal16_c[0]);
    g->c1 = _mm512_loadu_si512(mb_normal16_c[1]);
    g->c2 = _mm512_loadu_si512(mb_normal16_c[2]);
    g->one = _mm512_set1_epi16(1);
}

/* 512 random bits: blocks first .. first + 3 of the stream whose counter words 1..3 are in who (word 0 is zero). */
MB_WIDE_INLINE __m512i mb_wide_bits(const mb_wide_normals *g, __m512i who, uint32_t first) {
    const __m512i lanes = _mm512_maskz_add_epi32(0x1111, _mm512_set_epi32(0, 0, 0, 3, 0, 0, 0, 2, 0, 0, 0, 1, 0, 0, 0, 0),
                                                 _mm512_set1_epi32((int)first));
    __m512i w = _mm512_ternarylogic_epi64(who, lanes, g->key[0], 0x96);
    w = _mm512_aesenc_epi128(w, g->key[1]);
    w = _mm512_aesenc_epi128(w, g->key[2]);
    w = _mm512_aesenc_epi128(w, g->key[3]);
    w = _mm512_aesenc_epi128(w, g->key[4]);
    return _mm512_aesenclast_epi128(w, g->key[5]);
}

/* |z| for 32 times 16 bits; the sign is bit 0 of u. */
MB_WIDE_INLINE __m512i mb_wide_normal(const mb_wide_normals *g, __m512i u) {
    __m512i m = _mm512_or_si512(u, g->one), h;
#ifdef MB_WIDE_HALF
    h = _mm512_castph_si512(_mm512_cvt_roundepu16_ph(m, _MM_FROUND_TO_ZERO | _MM_FROUND_NO_EXC));
#else
    __m512i even = _mm512_castps_si512(_mm512_cvtepi32_ps(_mm512_and_si512(m, _mm512_set1_epi32(0xFFFF)))),
            odd = _mm512_castps_si512(_mm512_cvtepi32_ps(_mm512_srli_epi32(m, 16)));
    h = _mm512_mask_mov_epi16(_mm512_srli_epi32(even, 13), 0xAAAAAAAAu, _mm512_slli_epi32(odd, 3));
#endif
    __m512i i = _mm512_srli_epi16(h, 9), x = _mm512_slli_epi16(h, 7);
    __m512i t = _mm512_sub_epi16(_mm512_permutexvar_epi16(i, g->c1), _mm512_mulhi_epu16(_mm512_permutexvar_epi16(i, g->c2), x));
    return _mm512_sub_epi16(_mm512_permutexvar_epi16(i, g->c0), _mm512_mulhi_epu16(t, x));
}

#endif
