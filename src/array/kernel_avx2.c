/* kernel_avx2.c - the same sums with 256-bit vectors (AVX2)
 *
 * Compiled for that instruction set whatever the flags are, and used only where the processor has it. FMA stays off: every
 * operation rounds as in plain C.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "array/kernel.h"

#if defined(__x86_64__) && defined(__GNUC__)
#include <immintrin.h>
#include <math.h>
#include <string.h>

#if defined(__clang__)
#pragma clang attribute push(__attribute__((target("avx2,bmi,bmi2"))), apply_to = function)
#else
#pragma GCC push_options
#pragma GCC target("avx2,bmi,bmi2")
#endif

#define VL 32

typedef int32_t vint __attribute__((vector_size(VL)));
typedef uint16_t vhalf __attribute__((vector_size(VL)));
typedef float vfloat __attribute__((vector_size(VL)));

static inline vint even(vint v) { return (vint)_mm256_madd_epi16((__m256i)v, _mm256_set1_epi32(1)); }
static inline vint odd(vint v) { return (vint)_mm256_madd_epi16((__m256i)v, _mm256_set1_epi32(1 << 16)); }
static inline vint vmin(vint a, vint b) { return (vint)_mm256_min_epi32((__m256i)a, (__m256i)b); }
static inline vint vmax(vint a, vint b) { return (vint)_mm256_max_epi32((__m256i)a, (__m256i)b); }
static inline vint vabs(vint a) { return (vint)_mm256_abs_epi32((__m256i)a); }

static uint64_t row_bits(const int16_t x[64], uint64_t bits[8]) {
    uint64_t neg = 0;
    __m256i byte[2];
    for (int h = 0; h < 2; h++) {
        __m256i a = _mm256_loadu_si256((const __m256i *)(const void *)(x + 32 * h)),
                b = _mm256_loadu_si256((const __m256i *)(const void *)(x + 32 * h + 16));
        __m256i s = _mm256_permute4x64_epi64(_mm256_packs_epi16(a, b), 0xD8);
        neg |= (uint64_t)(uint32_t)_mm256_movemask_epi8(s) << (32 * h);
        byte[h] = _mm256_permute4x64_epi64(_mm256_packus_epi16(_mm256_abs_epi16(a), _mm256_abs_epi16(b)), 0xD8);
    }
    for (int i = 7; i >= 0; i--) {
        bits[i] = (uint64_t)(uint32_t)_mm256_movemask_epi8(byte[0]) | (uint64_t)(uint32_t)_mm256_movemask_epi8(byte[1]) << 32;
        byte[0] = _mm256_add_epi8(byte[0], byte[0]);
        byte[1] = _mm256_add_epi8(byte[1], byte[1]);
    }
    return neg;
}

#include "array/kernel_body.h"

#if defined(__clang__)
#pragma clang attribute pop
#else
#pragma GCC pop_options
#endif

static bool supported(void) {
    return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("bmi") && __builtin_cpu_supports("bmi2");
}

const mb_kernel mb_kernel_avx2 = {.name = "avx2",
                                  .summary = "256-bit vectors, zero bits skipped",
                                  .supported = supported,
                                  .work_size = work_size,
                                  .run = run,
                                  .sums = sums};

#else /* another processor: the descriptor stays, so that the list of kernels is the same everywhere */

static bool supported(void) { return false; }

const mb_kernel mb_kernel_avx2 = {.name = "avx2", .summary = "not on this processor", .supported = supported};

#endif
