/* kernel_vnni.c - sums by AVX-512 VNNI: 16 columns times four rows in one instruction
 *
 * Compiled for that instruction set whatever the flags are, and used only where the processor has it.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "array/kernel.h"

#if defined(__x86_64__) && defined(__GNUC__)
#include <math.h>
#include <string.h>

#if defined(__clang__)
#pragma clang attribute push(__attribute__((target("avx512f,avx512bw,avx512dq,avx512vl,avx512vnni,avx2,fma,popcnt"))), \
                             apply_to = function)
#else
#pragma GCC push_options
#pragma GCC target("avx512f,avx512bw,avx512dq,avx512vl,avx512vnni,avx2,fma,popcnt,prefer-vector-width=512")
#endif
#include <immintrin.h>

extern const mb_kernel mb_kernel_avx512;

static void tiles_open(void) {}
static void tiles_close(void) {}

static inline void tiles_begin(const uint8_t *a, const int8_t *b, const int8_t *b_next, int chunks, int quads) {
    (void)a, (void)b, (void)b_next, (void)chunks, (void)quads;
}

#define EIGHT(X) X(0) X(1) X(2) X(3) X(4) X(5) X(6) X(7)
#define ZERO(r) __m512i s##r = _mm512_setzero_si512(), t##r = _mm512_setzero_si512();
#define LOAD(r) int32_t d##r; memcpy(&d##r, a + r * 64 + 4 * i, sizeof d##r);
#define ADD_ONE(r) s##r = _mm512_dpbusd_epi32(s##r, _mm512_set1_epi32(d##r), w);
#define ADD_TWO(r)                                     \
    {                                                  \
        const __m512i digit = _mm512_set1_epi32(d##r); \
        s##r = _mm512_dpbusd_epi32(s##r, digit, w);    \
        t##r = _mm512_dpbusd_epi32(t##r, digit, w2);   \
    }
#define STORE_ONE(r) _mm512_store_si512(c + r * 16, s##r);
#define STORE_TWO(r) _mm512_store_si512(c + r * 16, s##r), _mm512_store_si512(c + 512 + r * 16, t##r);

/* Eight rows times one or two tiles of columns, sums in registers. */
static inline void eight_rows(const uint8_t *a, const int8_t *b, const int8_t *b2, int quads, int32_t *c) {
    EIGHT(ZERO)
    for (int left = quads; left > 0; left -= 16, a += 1024, b += 1024, b2 += 1024)
        for (int i = 0; i < (left < 16 ? left : 16); i++) {
            const __m512i w = _mm512_load_si512(b + i * 64), w2 = _mm512_load_si512(b2 + i * 64);
            EIGHT(LOAD)
            EIGHT(ADD_TWO)
        }
    EIGHT(STORE_TWO)
}

static inline void eight_rows_one(const uint8_t *a, const int8_t *b, int quads, int32_t *c) {
    EIGHT(ZERO)
    for (int left = quads; left > 0; left -= 16, a += 1024, b += 1024)
        for (int i = 0; i < (left < 16 ? left : 16); i++) {
            const __m512i w = _mm512_load_si512(b + i * 64);
            EIGHT(LOAD)
            EIGHT(ADD_ONE)
        }
    EIGHT(STORE_ONE)
    (void)t0, (void)t1, (void)t2, (void)t3, (void)t4, (void)t5, (void)t6, (void)t7;
}

static inline void tiles_end(const uint8_t *a, const int8_t *b, const int8_t *b_next, int chunks, int quads, int32_t *c) {
    for (int r = 0; r < 4; r++) {
        const uint8_t *rows = a + (size_t)(r / 2 * chunks) * 1024 + r % 2 * 512;
        if (b_next)
            eight_rows(rows, b, b_next, quads, c + r * 128);
        else
            eight_rows_one(rows, b, quads, c + r * 128);
    }
}

#include "array/kernel_tiles.h"

#if defined(__clang__)
#pragma clang attribute pop
#else
#pragma GCC pop_options
#endif

static bool supported(void) { return mb_kernel_avx512.supported() && __builtin_cpu_supports("avx512vnni"); }

const mb_kernel mb_kernel_vnni = {.name = "vnni",
                                  .summary = "AVX-512 VNNI products of bytes, conversion with 512-bit vectors",
                                  .supported = supported,
                                  .packed = true,
                                  .work_size = work_size,
                                  .run = run,
                                  .sums = sums};

#else /* another processor: the descriptor stays, so that the list of kernels is the same everywhere */

static bool supported(void) { return false; }

const mb_kernel mb_kernel_vnni = {.name = "vnni", .summary = "not on this processor", .supported = supported};

#endif
