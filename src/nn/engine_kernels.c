/* engine_kernels.c - see engine_kernels.h */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif

#include "nn/engine_kernels.h"

#include <math.h>
#include <string.h>

#include "base/clones.h"

MB_CLONES static void ek_moments(size_t rows, size_t C, const float *restrict x, const float *restrict shift, float *restrict s1,
                                 float *restrict s2) {
    size_t r = 0;
    for (; r + 4 <= rows; r += 4, x += 4 * C) {
#pragma omp simd
        for (size_t c = 0; c < C; c++) {
            float m = shift[c], a = x[c] - m, b = x[C + c] - m, d = x[2 * C + c] - m, e = x[3 * C + c] - m;
            s1[c] += (a + b) + (d + e);
            s2[c] += (a * a + b * b) + (d * d + e * e);
        }
    }
    for (; r < rows; r++, x += C) {
#pragma omp simd
        for (size_t c = 0; c < C; c++) {
            float a = x[c] - shift[c];
            s1[c] += a;
            s2[c] += a * a;
        }
    }
}

static void flush(size_t n, float *tmp, double *sum) {
    for (size_t c = 0; c < n; c++) {
        sum[c] += (double)tmp[c];
        tmp[c] = 0;
    }
}

void mb_rows_moments(size_t rows, size_t C, const float *x, const float *shift, double *sum, double *square, float *tmp) {
    memset(tmp, 0, 2 * C * sizeof *tmp);
    for (size_t r = 0; r < rows; r += MB_ROWS_BLOCK) {
        ek_moments(rows - r < MB_ROWS_BLOCK ? rows - r : MB_ROWS_BLOCK, C, x + r * C, shift, tmp, tmp + C);
        flush(C, tmp, sum);
        flush(C, tmp + C, square);
    }
}

MB_CLONES static void ek_affine(size_t rows, size_t C, const float *restrict x, const float *restrict a, const float *restrict b,
                                float lo, float hi, float *restrict y) {
    for (size_t r = 0; r < rows; r++, x += C, y += C) {
#pragma omp simd
        for (size_t c = 0; c < C; c++) {
            float v = a[c] * x[c] + b[c];
            v = v < lo ? lo : v; /* NaN stays NaN */
            y[c] = v > hi ? hi : v;
        }
    }
}

MB_CLONES static void ek_affine_add(size_t rows, size_t C, const float *restrict x, const float *restrict a,
                                    const float *restrict b, const float *restrict z, float lo, float hi, float *restrict y) {
    for (size_t r = 0; r < rows; r++, x += C, y += C, z += C) {
#pragma omp simd
        for (size_t c = 0; c < C; c++) {
            float v = a[c] * x[c] + b[c] + z[c];
            v = v < lo ? lo : v;
            y[c] = v > hi ? hi : v;
        }
    }
}

MB_CLONES static void ek_add(size_t n, const float *restrict x, const float *restrict z, float lo, float hi, float *restrict y) {
#pragma omp simd
    for (size_t i = 0; i < n; i++) {
        float v = x[i] + z[i];
        v = v < lo ? lo : v;
        y[i] = v > hi ? hi : v;
    }
}

MB_CLONES static void ek_limit(size_t n, const float *restrict x, float lo, float hi, float *restrict y) {
#pragma omp simd
    for (size_t i = 0; i < n; i++) {
        float v = x[i];
        v = v < lo ? lo : v;
        y[i] = v > hi ? hi : v;
    }
}

void mb_rows_affine(size_t rows, size_t C, const float *x, const float *a, const float *b, const float *z, float lo, float hi,
                    float *y) {
    if (a && z) ek_affine_add(rows, C, x, a, b, z, lo, hi, y);
    else if (a) ek_affine(rows, C, x, a, b, lo, hi, y);
    else if (z) ek_add(rows * C, x, z, lo, hi, y);
    else ek_limit(rows * C, x, lo, hi, y);
}

MB_CLONES static void ek_mask1(size_t n, const float *u, const float *restrict y, float lo, float hi, float *g) {
#pragma omp simd
    for (size_t i = 0; i < n; i++) g[i] = y[i] > lo && y[i] < hi ? u[i] : 0;
}

MB_CLONES static void ek_mask2(size_t n, const float *u, const float *v, const float *restrict y, float lo, float hi, float *g) {
#pragma omp simd
    for (size_t i = 0; i < n; i++) g[i] = y[i] > lo && y[i] < hi ? u[i] + v[i] : 0;
}

MB_CLONES static void ek_sum2(size_t n, const float *u, const float *v, float *g) {
#pragma omp simd
    for (size_t i = 0; i < n; i++) g[i] = u[i] + v[i];
}

void mb_mask(size_t n, const float *u, const float *v, const float *y, float lo, float hi, float *g) {
    if (y && v) ek_mask2(n, u, v, y, lo, hi, g);
    else if (y) ek_mask1(n, u, y, lo, hi, g);
    else if (v) ek_sum2(n, u, v, g);
    else if (g != u) memcpy(g, u, n * sizeof *g);
}

MB_CLONES static void ek_products(size_t rows, size_t C, const float *restrict g, const float *restrict x,
                                  const float *restrict shift, float *restrict s1, float *restrict s2) {
    size_t r = 0;
    for (; r + 4 <= rows; r += 4, x += 4 * C, g += 4 * C) {
#pragma omp simd
        for (size_t c = 0; c < C; c++) {
            float m = shift[c], a = g[c], b = g[C + c], d = g[2 * C + c], e = g[3 * C + c];
            s1[c] += (a + b) + (d + e);
            s2[c] += (a * (x[c] - m) + b * (x[C + c] - m)) + (d * (x[2 * C + c] - m) + e * (x[3 * C + c] - m));
        }
    }
    for (; r < rows; r++, x += C, g += C) {
#pragma omp simd
        for (size_t c = 0; c < C; c++) {
            s1[c] += g[c];
            s2[c] += g[c] * (x[c] - shift[c]);
        }
    }
}

void mb_rows_products(size_t rows, size_t C, const float *g, const float *x, const float *shift, double *s1, double *s2,
                      float *tmp) {
    memset(tmp, 0, 2 * C * sizeof *tmp);
    for (size_t r = 0; r < rows; r += MB_ROWS_BLOCK) {
        ek_products(rows - r < MB_ROWS_BLOCK ? rows - r : MB_ROWS_BLOCK, C, g + r * C, x + r * C, shift, tmp, tmp + C);
        flush(C, tmp, s1);
        flush(C, tmp + C, s2);
    }
}

MB_CLONES static void ek_sums(size_t rows, size_t C, const float *restrict g, float *restrict s1) {
    for (size_t r = 0; r < rows; r++, g += C) {
#pragma omp simd
        for (size_t c = 0; c < C; c++) s1[c] += g[c];
    }
}

void mb_rows_sums(size_t rows, size_t C, const float *g, double *s1, float *tmp) {
    memset(tmp, 0, C * sizeof *tmp);
    for (size_t r = 0; r < rows; r += MB_ROWS_BLOCK) {
        ek_sums(rows - r < MB_ROWS_BLOCK ? rows - r : MB_ROWS_BLOCK, C, g + r * C, tmp);
        flush(C, tmp, s1);
    }
}

MB_CLONES static void ek_norm_back(size_t rows, size_t C, const float *g, const float *restrict x, const float *restrict shift,
                                   const float *restrict a, const float *restrict b, const float *restrict d, float *dx) {
    for (size_t r = 0; r < rows; r++, g += C, x += C, dx += C) {
#pragma omp simd
        for (size_t c = 0; c < C; c++) dx[c] = a[c] * g[c] + (b[c] * (x[c] - shift[c]) + d[c]);
    }
}

MB_CLONES static void ek_scale(size_t rows, size_t C, const float *g, const float *restrict a, float *dx) {
    for (size_t r = 0; r < rows; r++, g += C, dx += C) {
#pragma omp simd
        for (size_t c = 0; c < C; c++) dx[c] = a[c] * g[c];
    }
}

void mb_rows_norm_back(size_t rows, size_t C, const float *g, const float *x, const float *shift, const float *a, const float *b,
                       const float *d, float *dx) {
    if (x) ek_norm_back(rows, C, g, x, shift, a, b, d, dx);
    else ek_scale(rows, C, g, a, dx);
}

MB_CLONES static void ek_bias(size_t rows, size_t C, const float *restrict b, float *restrict y) {
    for (size_t r = 0; r < rows; r++, y += C) {
#pragma omp simd
        for (size_t c = 0; c < C; c++) y[c] += b[c];
    }
}

void mb_rows_bias(size_t rows, size_t C, const float *b, float *y) { ek_bias(rows, C, b, y); }

/* --- windows -------------------------------------------------------------------------------------------------------------- */

/* Rows or columns of a window that lie in the image: k in [*k0, *k1). */
static void inside(int first, int step, int kernel, int size, int *k0, int *k1) {
    int a = 0, b = kernel;
    while (a < b && first + a * step < 0) a++;
    while (b > a && first + (b - 1) * step >= size) b--;
    *k0 = a;
    *k1 = b;
}

typedef struct place {
    int y0, x0, ky0, ky1, kx0, kx1;
} place; /* of one output: corner of the window, its part in the image */

static place place_of(const mb_window *w, int oy, int ox) {
    place p = {.y0 = oy * w->sh - w->pt, .x0 = ox * w->sw - w->pl};
    inside(p.y0, w->dh, w->kh, w->ih, &p.ky0, &p.ky1);
    inside(p.x0, w->dw, w->kw, w->iw, &p.kx0, &p.kx1);
    return p;
}

static size_t pixel(const mb_window *w, const place *p, int ky, int kx) {
    return ((size_t)(p->y0 + ky * w->dh) * (size_t)w->iw + (size_t)(p->x0 + kx * w->dw)) * (size_t)w->cin;
}

MB_CLONES static void ek_max(size_t C, const float *restrict x, uint16_t k, float *restrict y, uint16_t *restrict which) {
#pragma omp simd
    for (size_t c = 0; c < C; c++) {
        which[c] = x[c] > y[c] ? k : which[c];
        y[c] = x[c] > y[c] ? x[c] : y[c];
    }
}

void mb_maxpool_last(const mb_window *w, size_t n, const float *x, float *y, uint16_t *which) {
    size_t C = (size_t)w->cin, image = (size_t)w->ih * (size_t)w->iw * C;
    for (size_t i = 0; i < n; i++, x += image) {
        for (int oy = 0; oy < w->oh; oy++) {
            for (int ox = 0; ox < w->ow; ox++, y += C, which += C) {
                place p = place_of(w, oy, ox);
                bool first = true;
                for (int ky = p.ky0; ky < p.ky1; ky++) {
                    for (int kx = p.kx0; kx < p.kx1; kx++) {
                        const float *v = x + pixel(w, &p, ky, kx);
                        uint16_t k = (uint16_t)(ky * w->kw + kx);
                        if (!first) {
                            ek_max(C, v, k, y, which);
                            continue;
                        }
                        memcpy(y, v, C * sizeof *y);
                        for (size_t c = 0; c < C; c++) which[c] = k;
                        first = false;
                    }
                }
            }
        }
    }
}

void mb_maxpool_last_back(const mb_window *w, size_t n, const float *g, const uint16_t *which, float *dx) {
    size_t C = (size_t)w->cin, image = (size_t)w->ih * (size_t)w->iw * C;
    memset(dx, 0, n * image * sizeof *dx);
    for (size_t i = 0; i < n; i++, dx += image) {
        for (int oy = 0; oy < w->oh; oy++) {
            for (int ox = 0; ox < w->ow; ox++, g += C, which += C) {
                place p = place_of(w, oy, ox);
                for (size_t c = 0; c < C; c++) dx[pixel(w, &p, which[c] / w->kw, which[c] % w->kw) + c] += g[c];
            }
        }
    }
}

MB_CLONES static void ek_axpy(size_t C, float a, const float *restrict x, float *restrict y) {
#pragma omp simd
    for (size_t c = 0; c < C; c++) y[c] += a * x[c];
}

static float weight_of(const mb_window *w, bool include_pad, const place *p) {
    int count = include_pad ? w->kh * w->kw : (p->ky1 - p->ky0) * (p->kx1 - p->kx0);
    return count > 0 ? 1.0f / (float)count : 0;
}

void mb_avgpool_last(const mb_window *w, bool include_pad, size_t n, const float *x, float *y) {
    size_t C = (size_t)w->cin, image = (size_t)w->ih * (size_t)w->iw * C;
    memset(y, 0, n * (size_t)w->oh * (size_t)w->ow * C * sizeof *y);
    for (size_t i = 0; i < n; i++, x += image) {
        for (int oy = 0; oy < w->oh; oy++) {
            for (int ox = 0; ox < w->ow; ox++, y += C) {
                place p = place_of(w, oy, ox);
                float a = weight_of(w, include_pad, &p);
                for (int ky = p.ky0; ky < p.ky1; ky++)
                    for (int kx = p.kx0; kx < p.kx1; kx++) ek_axpy(C, a, x + pixel(w, &p, ky, kx), y);
            }
        }
    }
}

void mb_avgpool_last_back(const mb_window *w, bool include_pad, size_t n, const float *g, float *dx) {
    size_t C = (size_t)w->cin, image = (size_t)w->ih * (size_t)w->iw * C;
    memset(dx, 0, n * image * sizeof *dx);
    for (size_t i = 0; i < n; i++, dx += image) {
        for (int oy = 0; oy < w->oh; oy++) {
            for (int ox = 0; ox < w->ow; ox++, g += C) {
                place p = place_of(w, oy, ox);
                float a = weight_of(w, include_pad, &p);
                for (int ky = p.ky0; ky < p.ky1; ky++)
                    for (int kx = p.kx0; kx < p.kx1; kx++) ek_axpy(C, a, g, dx + pixel(w, &p, ky, kx));
            }
        }
    }
}

MB_CLONES static void ek_fma(size_t C, const float *restrict a, const float *restrict x, float *restrict y) {
#pragma omp simd
    for (size_t c = 0; c < C; c++) y[c] += a[c] * x[c];
}

void mb_depthwise_last(const mb_window *w, size_t n, const float *x, const float *k, float *y) {
    size_t C = (size_t)w->cin, image = (size_t)w->ih * (size_t)w->iw * C;
    memset(y, 0, n * (size_t)w->oh * (size_t)w->ow * C * sizeof *y);
    for (size_t i = 0; i < n; i++, x += image) {
        for (int oy = 0; oy < w->oh; oy++) {
            for (int ox = 0; ox < w->ow; ox++, y += C) {
                place p = place_of(w, oy, ox);
                for (int ky = p.ky0; ky < p.ky1; ky++)
                    for (int kx = p.kx0; kx < p.kx1; kx++)
                        ek_fma(C, k + (size_t)(ky * w->kw + kx) * C, x + pixel(w, &p, ky, kx), y);
            }
        }
    }
}

void mb_depthwise_last_back(const mb_window *w, size_t n, const float *g, const float *k, float *dx) {
    size_t C = (size_t)w->cin, image = (size_t)w->ih * (size_t)w->iw * C;
    memset(dx, 0, n * image * sizeof *dx);
    for (size_t i = 0; i < n; i++, dx += image) {
        for (int oy = 0; oy < w->oh; oy++) {
            for (int ox = 0; ox < w->ow; ox++, g += C) {
                place p = place_of(w, oy, ox);
                for (int ky = p.ky0; ky < p.ky1; ky++)
                    for (int kx = p.kx0; kx < p.kx1; kx++)
                        ek_fma(C, k + (size_t)(ky * w->kw + kx) * C, g, dx + pixel(w, &p, ky, kx));
            }
        }
    }
}

void mb_depthwise_last_weights(const mb_window *w, size_t n, const float *x, const float *g, double *dk, float *tmp) {
    size_t C = (size_t)w->cin, image = (size_t)w->ih * (size_t)w->iw * C, taps = (size_t)w->kh * (size_t)w->kw;
    memset(tmp, 0, taps * C * sizeof *tmp);
    for (size_t i = 0; i < n; i++, x += image) {
        for (int oy = 0; oy < w->oh; oy++) {
            for (int ox = 0; ox < w->ow; ox++, g += C) {
                place p = place_of(w, oy, ox);
                for (int ky = p.ky0; ky < p.ky1; ky++)
                    for (int kx = p.kx0; kx < p.kx1; kx++)
                        ek_fma(C, g, x + pixel(w, &p, ky, kx), tmp + (size_t)(ky * w->kw + kx) * C);
            }
        }
        flush(taps * C, tmp, dk);
    }
}
