/* matmul.c - the exact integer product: the digital engine, and the yardstick of law 3
 *
 * y[m][N] = sum_k x[m][k] Wq[k][N]. Sums run in int32 over as many rows as cannot overflow for the largest |x| and |Wq| at hand,
 * then in int64.
 */
#include "array/xbar.h"
#include "config.h"

#include <string.h>

#ifdef MB_HAVE_CLONES
#define CLONES __attribute__((target_clones("arch=x86-64-v4", "arch=x86-64-v3", "default")))
#else
#define CLONES
#endif

#define COLUMNS 64                    /* sums kept in registers or L1 */

static int largest(size_t n, const int16_t *v) {
    int lo = 0, hi = 0;
#pragma omp simd reduction(min : lo) reduction(max : hi)
    for (size_t i = 0; i < n; i++) {
        lo = v[i] < lo ? v[i] : lo;
        hi = v[i] > hi ? v[i] : hi;
    }
    return -lo > hi ? -lo : hi;
}

/* y[0..n) += sum over rows k0..k1 of one vector; n <= COLUMNS */
CLONES static void add_block(int k0, int k1, int N, int n, const int16_t *x, const int16_t *w, int64_t *y) {
    int32_t acc[COLUMNS] = {0};
    for (int k = k0; k < k1; k++) {
        int32_t a = x[k];
        const int16_t *row = w + (size_t)k * (size_t)N;
        if (a == 0) continue;
        if (n == COLUMNS) {
#pragma omp simd
            for (int j = 0; j < COLUMNS; j++) acc[j] += a * row[j];
        } else {
#pragma omp simd
            for (int j = 0; j < n; j++) acc[j] += a * row[j];
        }
    }
    for (int j = 0; j < n; j++) y[j] += acc[j];
}

void mb_matmul_i16(int m, int K, int N, const int16_t *x, const int16_t *Wq, int64_t *y) {
    int64_t top = (int64_t)largest((size_t)m * (size_t)K, x) * largest((size_t)K * (size_t)N, Wq);
    int rows = top > 0 && INT32_MAX / top < K ? (int)(INT32_MAX / top) : K;     /* at least 1: 2^15 * 2^15 < 2^31 */
    memset(y, 0, (size_t)m * (size_t)N * sizeof *y);
    for (int n = 0; n < N; n += COLUMNS)
        for (int v = 0; v < m; v++)
            for (int k = 0; k < K; k += rows)
                add_block(k, k + rows < K ? k + rows : K, N, N - n < COLUMNS ? N - n : COLUMNS, x + (size_t)v * (size_t)K, Wq + n,
                          y + (size_t)v * (size_t)N + n);
}
