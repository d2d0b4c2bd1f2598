/* peak.c - what one core can do at most: int8 in AMX (tiles loaded from L1), int8 in AVX-512 VNNI, fp32 in AVX-512 FMA */
#include "bench.h"

#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <time.h>

#include "array/kernel.h"

double bench_cpu_s(void) {
    struct timespec t;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

#if defined(__x86_64__) && defined(__GNUC__) && defined(__linux__)

#if defined(__clang__)
#pragma clang attribute push(__attribute__((target("amx-tile,amx-int8,avx512f,avx512bw,avx512vnni"))), apply_to = function)
#else
#pragma GCC push_options
#pragma GCC target("amx-tile,amx-int8,avx512f,avx512bw,avx512vnni")
#endif
#include <immintrin.h>

typedef struct tile_config { uint8_t palette, start, reserved[14]; uint16_t row_bytes[16]; uint8_t rows[16]; } tile_config;

static double amx(int n) {
    static int8_t buf[4 * 1024] __attribute__((aligned(64)));
    tile_config t = {.palette = 1};
    for (int i = 0; i < 8; i++) t.row_bytes[i] = 64, t.rows[i] = 16;
    _tile_loadconfig(&t);
    _tile_zero(0);
    _tile_zero(1);
    _tile_zero(2);
    _tile_zero(3);
    double s = bench_cpu_s();
    for (int k = 0; k < n; k++) {
        _tile_loadd(4, buf, 64);
        _tile_loadd(6, buf + 2048, 64);
        _tile_dpbusd(0, 4, 6);
        _tile_loadd(7, buf + 3072, 64);
        _tile_dpbusd(1, 4, 7);
        _tile_loadd(5, buf + 1024, 64);
        _tile_dpbusd(2, 5, 6);
        _tile_dpbusd(3, 5, 7);
    }
    _tile_stored(0, buf, 64);
    s = bench_cpu_s() - s;
    _tile_release();
    return 4.0 * 16 * 16 * 64 * n / s;
}

#define TWELVE(X) X(0) X(1) X(2) X(3) X(4) X(5) X(6) X(7) X(8) X(9) X(10) X(11)
#define KEEP(i) __asm__ volatile("" : "+v"(a##i));

static double vnni(int n) {
#define START(i) __m512i a##i = _mm512_set1_epi32(i);
#define STEP(i) a##i = _mm512_dpbusd_epi32(a##i, u, w);
    TWELVE(START)
    __m512i u = _mm512_set1_epi8(3), w = _mm512_set1_epi8(-2);
    double s = bench_cpu_s();
    for (int k = 0; k < n; k++) {
        TWELVE(STEP)
        TWELVE(KEEP)
    }
    return 12.0 * 64 * n / (bench_cpu_s() - s);
#undef START
#undef STEP
}

static double fma32(int n) {
#define START(i) __m512 a##i = _mm512_set1_ps(i);
#define STEP(i) a##i = _mm512_fmadd_ps(u, w, a##i);
    TWELVE(START)
    __m512 u = _mm512_set1_ps(0.5f), w = _mm512_set1_ps(1e-6f);
    double s = bench_cpu_s();
    for (int k = 0; k < n; k++) {
        TWELVE(STEP)
        TWELVE(KEEP)
    }
    return 12.0 * 16 * n / (bench_cpu_s() - s);
#undef START
#undef STEP
}

#if defined(__clang__)
#pragma clang attribute pop
#else
#pragma GCC pop_options
#endif

static bool have(const char *kernel) {
    for (int i = 0; mb_kernels[i]; i++)
        if (strcmp(mb_kernels[i]->name, kernel) == 0) return mb_kernels[i]->supported();
    return false;
}

void bench_measure_peaks(bench_peaks *p) {
    memset(p, 0, sizeof *p);
    for (int rep = 0; rep < 3; rep++) {
        double a = have("amx") ? amx(400000) : 0, v = have("vnni") ? vnni(4000000) : 0, f = have("avx512") ? fma32(4000000) : 0;
        p->amx_int8 = a > p->amx_int8 ? a : p->amx_int8;
        p->vnni_int8 = v > p->vnni_int8 ? v : p->vnni_int8;
        p->fma_fp32 = f > p->fma_fp32 ? f : p->fma_fp32;
    }
}

#else

void bench_measure_peaks(bench_peaks *p) { memset(p, 0, sizeof *p); }

#endif
