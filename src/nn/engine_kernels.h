/* engine_kernels.h - passes over [rows][C] and windows for nn/engine.c only
 *
 * All work on rows [r0, r1) or samples of one part. Sums over rows go in blocks of a fixed number of rows, in single precision
 * inside of a block, in double over blocks.
 */
#ifndef MB_NN_ENGINE_KERNELS_H
#define MB_NN_ENGINE_KERNELS_H

#include <stddef.h>
#include <stdint.h>

#include "nn/network.h"

#define MB_ROWS_BLOCK 64

/* sum[c] += x, square[c] += (x - shift[c])^2 and sum of x - shift. TMP: 2 C floats. */
void mb_rows_moments(size_t rows, size_t C, const float *x, const float *shift, double *sum, double *square, float *tmp);
/* y = clip(a[c] x + b[c] + z); a NULL: 1 and 0; z NULL: 0. */
void mb_rows_affine(size_t rows, size_t C, const float *x, const float *a, const float *b, const float *z, float lo, float hi,
                    float *y);
/* g = (u + v) where lo < y < hi, otherwise 0 (v NULL: 0; y NULL: everywhere). g may be u or v. */
void mb_mask(size_t n, const float *u, const float *v, const float *y, float lo, float hi, float *g);
/* s1[c] += g, s2[c] += g (x - shift[c]). TMP: 2 C floats. */
void mb_rows_products(size_t rows, size_t C, const float *g, const float *x, const float *shift, double *s1, double *s2,
                      float *tmp);
/* s1[c] += g */
void mb_rows_sums(size_t rows, size_t C, const float *g, double *s1, float *tmp);
/* dx = a[c] g + b[c] (x - shift[c]) + d[c]; x NULL: dx = a[c] g. dx may be g. */
void mb_rows_norm_back(size_t rows, size_t C, const float *g, const float *x, const float *shift, const float *a, const float *b,
                       const float *d, float *dx);
void mb_rows_bias(size_t rows, size_t C, const float *b, float *y); /* y += b[c] */

/* N samples. which: number of the window's element that won. */
void mb_maxpool_last(const mb_window *w, size_t n, const float *x, float *y, uint16_t *which);
void mb_maxpool_last_back(const mb_window *w, size_t n, const float *g, const uint16_t *which, float *dx);
void mb_avgpool_last(const mb_window *w, bool include_pad, size_t n, const float *x, float *y);
void mb_avgpool_last_back(const mb_window *w, bool include_pad, size_t n, const float *g, float *dx);
/* Depthwise convolution, channel multiplier 1. w[kh kw][C]. */
void mb_depthwise_last(const mb_window *w, size_t n, const float *x, const float *k, float *y);
void mb_depthwise_last_back(const mb_window *w, size_t n, const float *g, const float *k, float *dx);
void mb_depthwise_last_weights(const mb_window *w, size_t n, const float *x, const float *g, double *dk, float *tmp);

#endif
