/* wire_kernel.c - the two inner loops of the star-mesh elimination, for AVX-512, AVX2 with FMA, and plain C
 *
 * Each element is one chain of fused multiply-adds, c = fma(a, b, c), in ascending order of q, whatever the tile's shape; fma is
 * rounded once on every machine (in hardware or in the C library), so all three give the same bits. Processors without a fused
 * multiply-add get the right result slowly. Called by wire_mesh.c.
 */
#include "config.h"

#include <math.h>

#include "array/wire_private.h"

#if defined(__x86_64__)
#include <immintrin.h>
#endif

/* --- plain C ------------------------------------------------------------------------------------------------------- */

static void tile_plain(size_t k, const double *a, const double *b, double *c, size_t ldc) {
    double acc[MB_ROWS][MB_SLAB];
    for (size_t i = 0; i < MB_ROWS; i++)
        for (size_t j = 0; j < MB_SLAB; j++) acc[i][j] = c[i * ldc + j];
    for (size_t q = 0; q < k; q++)
        for (size_t i = 0; i < MB_ROWS; i++)
            for (size_t j = 0; j < MB_SLAB; j++) acc[i][j] = fma(a[q * MB_SLAB + i], b[q * MB_SLAB + j], acc[i][j]);
    for (size_t i = 0; i < MB_ROWS; i++)
        for (size_t j = 0; j < MB_SLAB; j++) c[i * ldc + j] = acc[i][j];
}

static void solve_plain(size_t k, const double *a, const double *b, double *c, const double t[MB_ROWS][MB_ROWS]) {
    tile_plain(k, a, b, c, MB_SLAB);
    for (size_t r = 0; r < MB_ROWS; r++) {
        double *row = c + r * MB_SLAB;
        for (size_t s = 0; s < r; s++)
            for (size_t j = 0; j < MB_SLAB; j++) row[j] = fma(t[s][r], c[s * MB_SLAB + j], row[j]);
        for (size_t j = 0; j < MB_SLAB; j++) row[j] *= t[r][r];
    }
}

static const mb_wire_isa isa_plain = {"plain", tile_plain, solve_plain};

#if defined(__x86_64__)
/* --- AVX2 and FMA: the tile in four parts of 4 x 12, twelve accumulators each ------------------------------------------ */

#define AVX2 __attribute__((target("avx2,fma")))
#define ROWS4(F) F(0) F(1) F(2) F(3)
#define LOAD(i) \
    __m256d x##i = _mm256_loadu_pd(c + i * ldc), y##i = _mm256_loadu_pd(c + i * ldc + 4), z##i = _mm256_loadu_pd(c + i * ldc + 8);
#define STEP(i)                              \
    v = _mm256_broadcast_sd(a + i);          \
    x##i = _mm256_fmadd_pd(v, b0, x##i);     \
    y##i = _mm256_fmadd_pd(v, b1, y##i);     \
    z##i = _mm256_fmadd_pd(v, b2, z##i);
#define STORE(i)                             \
    _mm256_storeu_pd(c + i * ldc, x##i);     \
    _mm256_storeu_pd(c + i * ldc + 4, y##i); \
    _mm256_storeu_pd(c + i * ldc + 8, z##i);

AVX2 static void part_avx2(size_t k, const double *a, const double *b, double *c, size_t ldc) {
    ROWS4(LOAD)
    for (size_t q = 0; q < k; q++, a += MB_SLAB, b += MB_SLAB) {
        __m256d b0 = _mm256_loadu_pd(b), b1 = _mm256_loadu_pd(b + 4), b2 = _mm256_loadu_pd(b + 8), v;
        ROWS4(STEP)
    }
    ROWS4(STORE)
}
#undef LOAD
#undef STEP
#undef STORE

AVX2 static void tile_avx2(size_t k, const double *a, const double *b, double *c, size_t ldc) {
    for (size_t i = 0; i < MB_ROWS; i += 4)
        for (size_t j = 0; j < MB_SLAB; j += 12) part_avx2(k, a + i, b + j, c + i * ldc + j, ldc);
}

AVX2 static void solve_avx2(size_t k, const double *a, const double *b, double *c, const double t[MB_ROWS][MB_ROWS]) {
    tile_avx2(k, a, b, c, MB_SLAB);
    for (size_t j = 0; j < MB_SLAB; j += 4)
        for (size_t r = 0; r < MB_ROWS; r++) {
            __m256d row = _mm256_loadu_pd(c + r * MB_SLAB + j);
            for (size_t s = 0; s < r; s++)
                row = _mm256_fmadd_pd(_mm256_broadcast_sd(&t[s][r]), _mm256_loadu_pd(c + s * MB_SLAB + j), row);
            _mm256_storeu_pd(c + r * MB_SLAB + j, _mm256_mul_pd(row, _mm256_broadcast_sd(&t[r][r])));
        }
}

static const mb_wire_isa isa_avx2 = {"avx2", tile_avx2, solve_avx2};

/* --- AVX-512: 24 accumulators ------------------------------------------------------------------------------------------- */

#define AVX512 __attribute__((target("avx512f")))
#define ROWS8(F) F(0) F(1) F(2) F(3) F(4) F(5) F(6) F(7)
#define LOAD(i)                                                                           \
    __m512d x##i = _mm512_loadu_pd(c + i * ldc), y##i = _mm512_loadu_pd(c + i * ldc + 8), \
            z##i = _mm512_loadu_pd(c + i * ldc + 16);
#define STEP(i)                           \
    v = _mm512_set1_pd(a[i]);             \
    x##i = _mm512_fmadd_pd(v, b0, x##i);  \
    y##i = _mm512_fmadd_pd(v, b1, y##i);  \
    z##i = _mm512_fmadd_pd(v, b2, z##i);
#define STORE(i)                          \
    _mm512_storeu_pd(c + i * ldc, x##i);  \
    _mm512_storeu_pd(c + i * ldc + 8, y##i); \
    _mm512_storeu_pd(c + i * ldc + 16, z##i);
#define ACCUMULATE                                                                                                   \
    for (size_t q = 0; q < k; q++, a += MB_SLAB, b += MB_SLAB) {                                                     \
        __m512d b0 = _mm512_loadu_pd(b), b1 = _mm512_loadu_pd(b + 8), b2 = _mm512_loadu_pd(b + 16);                  \
        ROWS8(STEP)                                                                                                  \
    }
#define ADD(r, s)                         \
    v = _mm512_set1_pd(t[s][r]);          \
    x##r = _mm512_fmadd_pd(v, x##s, x##r); \
    y##r = _mm512_fmadd_pd(v, y##s, y##r); \
    z##r = _mm512_fmadd_pd(v, z##s, z##r);
#define SCALE(r)                          \
    v = _mm512_set1_pd(t[r][r]);          \
    x##r = _mm512_mul_pd(x##r, v);        \
    y##r = _mm512_mul_pd(y##r, v);        \
    z##r = _mm512_mul_pd(z##r, v);

AVX512 static void tile_avx512(size_t k, const double *a, const double *b, double *c, size_t ldc) {
    __m512d v;
    ROWS8(LOAD)
    ACCUMULATE
    ROWS8(STORE)
}

AVX512 static void solve_avx512(size_t k, const double *a, const double *b, double *c, const double t[MB_ROWS][MB_ROWS]) {
    const size_t ldc = MB_SLAB;
    __m512d v;
    ROWS8(LOAD)
    ACCUMULATE
    SCALE(0)
    ADD(1, 0) SCALE(1)
    ADD(2, 0) ADD(2, 1) SCALE(2)
    ADD(3, 0) ADD(3, 1) ADD(3, 2) SCALE(3)
    ADD(4, 0) ADD(4, 1) ADD(4, 2) ADD(4, 3) SCALE(4)
    ADD(5, 0) ADD(5, 1) ADD(5, 2) ADD(5, 3) ADD(5, 4) SCALE(5)
    ADD(6, 0) ADD(6, 1) ADD(6, 2) ADD(6, 3) ADD(6, 4) ADD(6, 5) SCALE(6)
    ADD(7, 0) ADD(7, 1) ADD(7, 2) ADD(7, 3) ADD(7, 4) ADD(7, 5) ADD(7, 6) SCALE(7)
    ROWS8(STORE)
}

static const mb_wire_isa isa_avx512 = {"avx512", tile_avx512, solve_avx512};
#endif

/* --- choice -------------------------------------------------------------------------------------------------------------- */

const mb_wire_isa *const mb_wire_isas[] = {
#if defined(__x86_64__)
    &isa_avx512, &isa_avx2,
#endif
    &isa_plain, NULL};

bool mb_wire_isa_supported(const mb_wire_isa *isa) {
#if defined(__x86_64__)
    __builtin_cpu_init();
    if (isa == &isa_avx512) return __builtin_cpu_supports("avx512f");
    if (isa == &isa_avx2) return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
#endif
    return isa == &isa_plain;
}

const mb_wire_isa *mb_wire_isa_best(void) {
    const mb_wire_isa *const *isa = mb_wire_isas;
    while (!mb_wire_isa_supported(*isa)) isa++; /* the last one always is */
    return *isa;
}
