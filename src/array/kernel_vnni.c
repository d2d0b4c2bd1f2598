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
#pragma clang attribute push(__attribute__((target("avx512f,avx512bw,avx512dq,avx512vl,avx512vnni,vaes,avx2,fma,popcnt"))), \
                             apply_to = function)
#else
#pragma GCC push_options
#pragma GCC target("avx512f,avx512bw,avx512dq,avx512vl,avx512vnni,vaes,avx2,fma,popcnt,prefer-vector-width=512")
#endif
#include <immintrin.h>

extern const mb_kernel mb_kernel_avx512;

static void tiles_open(void) {}
static void tiles_close(void) {}

#define SIXTEEN(X) X(0) X(1) X(2) X(3) X(4) X(5) X(6) X(7) X(8) X(9) X(10) X(11) X(12) X(13) X(14) X(15)
#define START(r) __m512i s##r = _mm512_setzero_si512();
#define ADD(r)                                                         \
    {                                                                  \
        int32_t d;                                                     \
        memcpy(&d, a + r * 64 + 4 * i, sizeof d);                      \
        s##r = _mm512_dpbusd_epi32(s##r, _mm512_set1_epi32(d), w);     \
    }
#define STORE(r) _mm512_store_si512(c + r * 16, s##r);

/* Sixteen rows times a tile of columns, sums in registers. */
static void sixteen_rows(const uint8_t *a, const int8_t *b, int quads, int32_t *c) {
    SIXTEEN(START)
    for (int left = quads; left > 0; left -= 16, a += 1024, b += 1024)
        for (int i = 0; i < (left < 16 ? left : 16); i++) {
            const __m512i w = _mm512_load_si512(b + i * 64);
            SIXTEEN(ADD)
        }
    SIXTEEN(STORE)
}

/* Nothing runs beside: the sums are there at once. */
#define TILES_AT_ONCE
static inline void tiles_multiply(int slot, const uint8_t *a, const int8_t *b, int chunks, int quads, int32_t *c) {
    (void)slot;
    sixteen_rows(a, b, quads, c);
    sixteen_rows(a + (size_t)chunks * 1024, b, quads, c + 256);
}
static inline void tiles_fetch(int slot, const int32_t *c) { (void)slot, (void)c; }

#include "array/kernel_tiles.h"

#define SUMS_AT_ONCE
#define SUMS_BEGIN (void)0
#define SUMS_STEP_22(a0, a1, b0, b1) (void)0
#define SUMS_STEP_41(a0, a1, a2, a3, b0) (void)0
#define SUMS_END(c) (void)0
static void sums_of_step(bool pairs, const uint8_t *a, size_t plane_bytes, const int8_t *b, size_t polarity_bytes, int quads,
                         int32_t *c) {
    for (size_t i = 0; i < 4; i++)
        sixteen_rows(a + (pairs ? i / 2 : i) * plane_bytes, b + (pairs ? i % 2 : 0) * polarity_bytes, quads, c + 256 * i);
}
#define MB_NARROW_NOISE 1
#include "base/rng_wide.h"

#include "array/kernel_narrow.h"

#include "array/kernel_packed.h"

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
