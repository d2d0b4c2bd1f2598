/* kernel_avx512.c - the same sums with 512-bit vectors (AVX-512 F, BW, DQ, VL)
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
#pragma clang attribute push(__attribute__((target("avx512f,avx512bw,avx512dq,avx512vl,avx2,bmi,bmi2"))), apply_to = function)
#else
#pragma GCC push_options
#pragma GCC target("avx512f,avx512bw,avx512dq,avx512vl,avx2,bmi,bmi2,prefer-vector-width=512")
#endif

#define VL 64

typedef int32_t vint __attribute__((vector_size(VL)));
typedef uint16_t vhalf __attribute__((vector_size(VL)));
typedef float vfloat __attribute__((vector_size(VL)));

static inline vint even(vint v) { return (vint)_mm512_madd_epi16((__m512i)v, _mm512_set1_epi32(1)); }
static inline vint odd(vint v) { return (vint)_mm512_madd_epi16((__m512i)v, _mm512_set1_epi32(1 << 16)); }
static inline vint vmin(vint a, vint b) { return (vint)_mm512_min_epi32((__m512i)a, (__m512i)b); }
static inline vint vmax(vint a, vint b) { return (vint)_mm512_max_epi32((__m512i)a, (__m512i)b); }
static inline vint vabs(vint a) { return (vint)_mm512_abs_epi32((__m512i)a); }

static uint64_t row_bits(const int16_t x[64], uint64_t bits[8]) {
    __m512i a = _mm512_loadu_si512(x), b = _mm512_loadu_si512(x + 32);
    uint64_t neg = (uint64_t)_mm512_movepi16_mask(a) | (uint64_t)_mm512_movepi16_mask(b) << 32;
    __m512i byte = _mm512_inserti64x4(_mm512_castsi256_si512(_mm512_cvtepi16_epi8(_mm512_abs_epi16(a))),
                                      _mm512_cvtepi16_epi8(_mm512_abs_epi16(b)), 1);
    for (int i = 0; i < 8; i++) bits[i] = _mm512_test_epi8_mask(byte, _mm512_set1_epi8((char)(1 << i)));
    return neg;
}

#include "array/kernel_body.h"

#if defined(__clang__)
#pragma clang attribute pop
#else
#pragma GCC pop_options
#endif

static bool supported(void) {
    return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512dq") &&
           __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("bmi") && __builtin_cpu_supports("bmi2");
}

const mb_kernel mb_kernel_avx512 = {.name = "avx512",
                                    .summary = "512-bit vectors, zero bits skipped",
                                    .supported = supported,
                                    .work_size = work_size,
                                    .run = run,
                                    .sums = sums};

#else /* another processor: the descriptor stays, so that the list of kernels is the same everywhere */

static bool supported(void) { return false; }

const mb_kernel mb_kernel_avx512 = {.name = "avx512", .summary = "not on this processor", .supported = supported};

#endif
