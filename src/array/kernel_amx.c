/* kernel_amx.c - sums by the matrix unit of newer x86 processors (AMX-INT8): 16 x 16 sums over 64 rows in one instruction
 *
 * Intel 64 and IA-32 Architectures Software Developer's Manual, vol. 1, chapter 18. Linux gives the unit only to processes that
 * ask for it (arch_prctl(2), ARCH_REQ_XCOMP_PERM); asking again is harmless.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "array/kernel.h"

#if defined(__x86_64__) && defined(__GNUC__) && defined(__linux__)
#include <cpuid.h>
#include <math.h>
#include <stdatomic.h>
#include <sys/syscall.h>
#include <unistd.h>

#if defined(__clang__)
#pragma clang attribute push( \
    __attribute__((target("amx-tile,amx-int8,avx512f,avx512bw,avx512dq,avx512vl,avx512vnni,vaes,avx2,fma,popcnt"))), \
    apply_to = function)
#else
#pragma GCC push_options
#pragma GCC target("amx-tile,amx-int8,avx512f,avx512bw,avx512dq,avx512vl,avx512vnni,avx512fp16,vaes,avx2,fma,popcnt")
#pragma GCC target("prefer-vector-width=512")
#endif
#include <immintrin.h>

extern const mb_kernel mb_kernel_avx512;

typedef struct tile_config { uint8_t palette, start, reserved[14]; uint16_t row_bytes[16]; uint8_t rows[16]; } tile_config;

static void tiles_open(void) {
    tile_config t = {.palette = 1};
    for (int i = 0; i < 8; i++) t.row_bytes[i] = 64, t.rows[i] = 16;
    _tile_loadconfig(&t);
}

static void tiles_close(void) { _tile_release(); }

/* Slot 0: tiles 0 and 1 (rows 0..15 and 16..31), slot 1: tiles 2 and 3. Tile numbers are part of the instruction. */
#define MULTIPLY(first, second, x, x2, y)                                              \
    _tile_zero(first);                                                                 \
    _tile_zero(second);                                                                \
    for (int i = 0; i < chunks; i++, a += 1024, a2 += 1024, b += 1024) {               \
        _tile_loadd(x, a, 64);                                                         \
        _tile_loadd(y, b, 64);                                                         \
        _tile_dpbusd(first, x, y);                                                     \
        _tile_loadd(x2, a2, 64);                                                       \
        _tile_dpbusd(second, x2, y);                                                   \
    }

static inline void tiles_multiply(int slot, const uint8_t *a, const int8_t *b, int chunks, int quads, int32_t *c) {
    const uint8_t *a2 = a + (size_t)chunks * 1024;
    (void)quads, (void)c;
    if (slot == 0) {
        MULTIPLY(0, 1, 4, 5, 6)
    } else {
        MULTIPLY(2, 3, 4, 5, 7)
    }
}

static inline void tiles_fetch(int slot, int32_t *c) {
    if (slot == 0) {
        _tile_stored(0, c, 64);
        _tile_stored(1, c + 256, 64);
    } else {
        _tile_stored(2, c, 64);
        _tile_stored(3, c + 256, 64);
    }
}

#include "array/kernel_tiles.h"

#define SUMS_BEGIN                                                                   \
    do {                                                                             \
        _tile_zero(0);                                                               \
        _tile_zero(1);                                                               \
        _tile_zero(2);                                                               \
        _tile_zero(3);                                                               \
    } while (0)
#define SUMS_STEP_22(a0, a1, b0, b1)                                                 \
    do {                                                                             \
        _tile_loadd(4, a0, 64);                                                      \
        _tile_loadd(6, b0, 64);                                                      \
        _tile_dpbusd(0, 4, 6);                                                       \
        _tile_loadd(7, b1, 64);                                                      \
        _tile_dpbusd(1, 4, 7);                                                       \
        _tile_loadd(5, a1, 64);                                                      \
        _tile_dpbusd(2, 5, 6);                                                       \
        _tile_dpbusd(3, 5, 7);                                                       \
    } while (0)
#define SUMS_STEP_41(a0, a1, a2, a3, b0)                                             \
    do {                                                                             \
        _tile_loadd(7, b0, 64);                                                      \
        _tile_loadd(4, a0, 64);                                                      \
        _tile_dpbusd(0, 4, 7);                                                       \
        _tile_loadd(5, a1, 64);                                                      \
        _tile_dpbusd(1, 5, 7);                                                       \
        _tile_loadd(6, a2, 64);                                                      \
        _tile_dpbusd(2, 6, 7);                                                       \
        _tile_loadd(4, a3, 64);                                                      \
        _tile_dpbusd(3, 4, 7);                                                       \
    } while (0)
#define SUMS_END(c)                                                                  \
    do {                                                                             \
        _tile_stored(0, c, 64);                                                      \
        _tile_stored(1, (c) + 256, 64);                                              \
        _tile_stored(2, (c) + 512, 64);                                              \
        _tile_stored(3, (c) + 768, 64);                                              \
    } while (0)
#define MB_NARROW_NOISE 1
#if !defined(__clang__)
#define MB_WIDE_HALF                  /* clang 14 does not know these functions */
#endif
#include "base/rng_wide.h"

#include "array/kernel_narrow.h"

#include "array/kernel_packed.h"

#if defined(__clang__)
#pragma clang attribute pop
#else
#pragma GCC pop_options
#endif

static bool amx_int8(void) {
    unsigned a, b, c, d;
    return __get_cpuid_count(7, 0, &a, &b, &c, &d) && (d >> 24 & 1) && (d >> 25 & 1) && (d >> 23 & 1) &&
           (c >> 9 & 1) && (c >> 11 & 1);
    /* AMX-TILE, AMX-INT8; AVX512-FP16, VAES and AVX512-VNNI, which every processor with AMX has */
}

/* Asks once: the answer never changes, so that threads may write it at the same time. */
static bool supported(void) {
    static atomic_int known; /* 0: not asked, 1: no, 2: yes */
    int k = atomic_load_explicit(&known, memory_order_relaxed);
    if (k == 0) {
        const long ask = 0x1023, tile_data = 18;         /* ARCH_REQ_XCOMP_PERM, XFEATURE_XTILE_DATA */
        bool yes = mb_kernel_avx512.supported() && amx_int8() && syscall(SYS_arch_prctl, ask, tile_data) == 0;
        k = yes ? 2 : 1;
        atomic_store_explicit(&known, k, memory_order_relaxed);
    }
    return k == 2;
}

const mb_kernel mb_kernel_amx = {.name = "amx",
                                 .summary = "AMX tiles of bytes, conversion with 512-bit vectors",
                                 .supported = supported,
                                 .packed = true,
                                 .work_size = work_size,
                                 .run = run,
                                 .sums = sums};

#else /* another processor: the descriptor stays, so that the list of kernels is the same everywhere */

static bool supported(void) { return false; }

const mb_kernel mb_kernel_amx = {.name = "amx", .summary = "not on this processor", .supported = supported};

#endif
