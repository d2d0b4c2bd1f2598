/* matmul.c - the exact integer product: the digital engine, and the yardstick of law 3
 *
 * y[m][N] = sum_k x[m][k] Wq[k][N]. Weights are packed in panels of a few columns, two rows side by side, so that one instruction
 * multiplies two rows of all columns of a panel with two inputs and adds the products (pmaddwd). Sums run in int32 over as many
 * rows as cannot overflow for the largest |x| and |Wq| at hand, then in int64; where not even two products fit, in int64 alone.
 */
#include "array/matmul.h"
#include "config.h"

#include <stdbool.h>
#include <stddef.h>
#include <string.h>

#include "array/xbar.h"
#include "base/clones.h"

#if defined(__x86_64__) && defined(__GNUC__)
#include <immintrin.h>
#define MB_MATMUL_X86 1
#endif

enum {
    COLUMNS = 16,                        /* of the widest panel */
    ROWS = 8,                            /* vectors that share the loads of a panel */
    PANEL_K = 512                        /* rows of a panel: it stays in L1 */
};

/* One panel: K rows of WIDTH columns of the result, ldx and ldy numbers from one vector to the next. ADD: to what is in y. */
typedef struct panel { int k, width; size_t ldx, ldy; bool add; const int16_t *w; } panel;
typedef void panel_fn(const panel *p, int m, const int16_t *x, int64_t *y);

MB_CLONES static int largest(size_t n, const int16_t *v) {
    int16_t lo = 0, hi = 0;
#pragma omp simd reduction(min : lo) reduction(max : hi)
    for (size_t i = 0; i < n; i++) {
        lo = v[i] < lo ? v[i] : lo;
        hi = v[i] > hi ? v[i] : hi;
    }
    return -lo > hi ? -lo : hi;
}

/* p[pair][column][2]; zeros fill an odd last row and the columns beyond WIDTH. */
MB_CLONES static void pack(int k, int width, int columns, size_t N, const int16_t *restrict w, int16_t *restrict p) {
    for (int i = 0; i < k; i += 2, p += 2 * columns) {
        const int16_t *a = w + (size_t)i * N, *b = a + N;
        if (width < columns || i + 1 == k) memset(p, 0, 2 * (size_t)columns * sizeof *p);
        if (i + 1 == k) {
            for (int j = 0; j < width; j++) p[2 * j] = a[j];
        } else if (width == COLUMNS) {
#pragma omp simd
            for (int j = 0; j < COLUMNS; j++) p[2 * j] = a[j], p[2 * j + 1] = b[j];
        } else {
            for (int j = 0; j < width; j++) p[2 * j] = a[j], p[2 * j + 1] = b[j];
        }
    }
}

static inline int32_t two(const int16_t *x) {
    int32_t a;
    memcpy(&a, x, sizeof a);
    return a;
}

static inline int32_t one(const int16_t *x) { return (int32_t)(uint16_t)*x; }  /* a last row without a partner, little-endian */

static inline __attribute__((always_inline)) void put(const panel *p, const int32_t *s, int columns, int64_t *y) {
    if (!p->add && p->width == columns) {
#pragma omp simd
        for (int j = 0; j < columns; j++) y[j] = s[j];
    } else if (!p->add) {
        for (int j = 0; j < p->width; j++) y[j] = s[j];
    } else {
        for (int j = 0; j < p->width; j++) y[j] += s[j];
    }
}

#ifdef MB_MATMUL_X86
#define EIGHT(X) X(0) X(1) X(2) X(3) X(4) X(5) X(6) X(7)
#define ROW(i) const int16_t *x##i = x + (size_t)(v + i < m ? v + i : m - 1) * p->ldx;
#define ZERO(i) V s##i = {0};
#define STEP(i) s##i = ADD(s##i, SET(two(x##i + k)), w);
#define LAST(i) s##i = ADD(s##i, SET(one(x##i + k)), w);
#define PUT(i) if (v + i < m) { int32_t s[L]; memcpy(s, &s##i, sizeof s); put(p, s, L, y + (size_t)(v + i) * p->ldy); }
#define PANEL_BODY                                                                                                            \
    typedef int32_t V __attribute__((vector_size(4 * L)));                                                                    \
    for (int v = 0; v < m; v += ROWS) {                                                                                       \
        EIGHT(ROW)                                                                                                            \
        EIGHT(ZERO)                                                                                                           \
        const int16_t *b = p->w;                                                                                              \
        int k = 0;                                                                                                            \
        for (; k + 1 < p->k; k += 2, b += 2 * L) {                                                                            \
            const W w = LOAD(b);                                                                                              \
            EIGHT(STEP)                                                                                                       \
        }                                                                                                                     \
        if (k < p->k) {                                                                                                       \
            const W w = LOAD(b);                                                                                              \
            EIGHT(LAST)                                                                                                       \
        }                                                                                                                     \
        EIGHT(PUT)                                                                                                            \
    }

#define L 16
#define W __m512i
#define SET _mm512_set1_epi32
#define LOAD(b) _mm512_loadu_si512(b)
#define ADD(s, a, w) (V)_mm512_dpwssd_epi32((__m512i)s, a, w)
__attribute__((target("avx512f,avx512bw,avx512dq,avx512vl,avx512vnni"))) static void panel_vnni(const panel *p, int m, const int16_t *x, int64_t *y) {
    PANEL_BODY
}
#undef ADD
#define ADD(s, a, w) s + (V)_mm512_madd_epi16(a, w)
__attribute__((target("avx512f,avx512bw,avx512dq,avx512vl"))) static void panel_avx512(const panel *p, int m, const int16_t *x, int64_t *y) {
    PANEL_BODY
}
#undef L
#undef W
#undef SET
#undef ADD
#undef LOAD

#define L 8
#define W __m256i
#define SET _mm256_set1_epi32
#define ADD(s, a, w) s + (V)_mm256_madd_epi16(a, w)
#define LOAD(b) _mm256_loadu_si256((const __m256i *)(const void *)(b))
__attribute__((target("avx2"))) static void panel_avx2(const panel *p, int m, const int16_t *x, int64_t *y) { PANEL_BODY }
#undef L
#undef W
#undef SET
#undef ADD
#undef LOAD
#endif

/* The same in plain C. */
static void panel_plain(const panel *p, int m, const int16_t *x, int64_t *y) {
    for (int v = 0; v < m; v++, x += p->ldx, y += p->ldy) {
        int32_t s[COLUMNS] = {0};
        for (int k = 0; k < p->k; k += 2) {
            const int16_t *w = p->w + (size_t)k * COLUMNS;
            int32_t a = x[k], b = k + 1 < p->k ? x[k + 1] : 0;
            if (a == 0 && b == 0) continue;
#pragma omp simd
            for (int j = 0; j < COLUMNS; j++) s[j] += a * w[2 * j] + b * w[2 * j + 1];
        }
        put(p, s, COLUMNS, y);
    }
}

typedef struct form { const char *name; int columns; panel_fn *run; bool (*supported)(void); } form;

static bool always(void) { return true; }
#ifdef MB_MATMUL_X86
static bool has_avx2(void) { return __builtin_cpu_supports("avx2"); }
static bool has_avx512(void) {
    return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl");
}
static bool has_vnni(void) { return has_avx512() && __builtin_cpu_supports("avx512vnni"); }
#endif

static const form forms[] = {
#ifdef MB_MATMUL_X86
    {"vnni", 16, panel_vnni, has_vnni}, {"avx512", 16, panel_avx512, has_avx512}, {"avx2", 8, panel_avx2, has_avx2},
#endif
    {"portable", COLUMNS, panel_plain, always}};

int mb_matmul_forms(void) { return (int)(sizeof forms / sizeof *forms); }
const char *mb_matmul_form(int i) { return forms[i].supported() ? forms[i].name : NULL; }

/* Numbers so large that two products may not fit an int32. */
static void product64(int m, int K, int N, const int16_t *x, const int16_t *Wq, int64_t *y) {
    memset(y, 0, (size_t)m * (size_t)N * sizeof *y);
    for (int v = 0; v < m; v++, x += K, y += N)
        for (int k = 0; k < K; k++)
            for (int n = 0; n < N; n++) y[n] += (int64_t)x[k] * Wq[(size_t)k * (size_t)N + (size_t)n];
}

void mb_matmul_i16_by(int i, int m, int K, int N, const int16_t *x, const int16_t *Wq, int64_t *y) {
    const form *f = &forms[i];
    const int columns = f->columns;
    int64_t top = (int64_t)(-INT16_MIN) * largest((size_t)K * (size_t)N, Wq);
    int16_t w[PANEL_K * COLUMNS];
    if (top > INT32_MAX / PANEL_K) top = top / -INT16_MIN * largest((size_t)m * (size_t)K, x); /* weights of 8 bits never get here */
    if (2 * top > INT32_MAX) {
        product64(m, K, N, x, Wq, y);
        return;
    }
    int rows = top > 0 && INT32_MAX / top < PANEL_K ? (int)(INT32_MAX / top) / 2 * 2 : PANEL_K;
    for (int n = 0; n < N; n += columns)
        for (int k = 0; k < K; k += rows) {
            panel p = {K - k < rows ? K - k : rows, N - n < columns ? N - n : columns, (size_t)K, (size_t)N, k > 0, w};
            pack(p.k, p.width, columns, (size_t)N, Wq + (size_t)k * (size_t)N + n, w);
            f->run(&p, m, x + k, y + n);
        }
}

void mb_matmul_i16(int m, int K, int N, const int16_t *x, const int16_t *Wq, int64_t *y) {
    int i = 0;
    while (!forms[i].supported()) i++;
    mb_matmul_i16_by(i, m, K, N, x, Wq, y);
}
