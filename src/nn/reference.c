/* reference.c - weighted layers in float32 with one order of summation */
#include "config.h"

#include "nn/reference.h"

#include <string.h>

#include "base/clones.h"
#include "base/error.h"
#include "base/mem.h"

#define LANES 16                         /* outputs computed side by side: one panel is K x LANES numbers */
#define ROWS 4                           /* rows that share the loads of a panel */

typedef float vec __attribute__((vector_size(LANES * sizeof(float))));

/* c[i][j] = sum over k of a[i][k] b[k][j], for M rows (a constant where this is called) of A. */
static inline __attribute__((always_inline)) void tile(int m, size_t K, const float *a, size_t lda, const float *b, vec *c) {
    vec s[ROWS] = {{0}};
    for (size_t k = 0; k < K; k++) {
        vec v;
        memcpy(&v, b + k * LANES, sizeof v);
        for (int i = 0; i < m; i++) {
            float w = a[(size_t)i * lda + k];
            vec p = {w, w, w, w, w, w, w, w, w, w, w, w, w, w, w, w};
            s[i] += p * v;
        }
    }
    for (int i = 0; i < m; i++) c[i] = s[i];
}

/* All M rows of A times one panel. WIDTH lanes are stored; the bias belongs to rows or to lanes (the other is NULL, or both). */
MB_CLONES static void panel_product(size_t M, size_t K, const float *a, const float *b, const float *row_bias,
                                 const float *lane_bias, int width, float *y, size_t ldy) {
    for (size_t i0 = 0; i0 < M; i0 += ROWS) {
        vec c[ROWS];
        int m = M - i0 < ROWS ? (int)(M - i0) : ROWS;
        const float *rows = a + i0 * K;
        switch (m) {
            case 4: tile(4, K, rows, K, b, c); break;
            case 3: tile(3, K, rows, K, b, c); break;
            case 2: tile(2, K, rows, K, b, c); break;
            default: tile(1, K, rows, K, b, c); break;
        }
        for (int i = 0; i < m; i++) {
            float *out = y + (i0 + (size_t)i) * ldy, r[LANES];
            memcpy(r, &c[i], sizeof r);
            if (row_bias) for (int j = 0; j < width; j++) out[j] = r[j] + row_bias[i0 + (size_t)i];
            else if (lane_bias) for (int j = 0; j < width; j++) out[j] = r[j] + lane_bias[j];
            else memcpy(out, r, (size_t)width * sizeof *out);
        }
    }
}

/* One row of an unrolled panel: element (dy, dx) of the window for LEN neighbouring outputs of row oy, from ox on. IMAGE is one
 * channel. */
static inline void panel_run(const mb_window *w, const float *image, int dy, int dx, int oy, int ox, int len, float *b) {
    int iy = oy * w->sh - w->pt + dy * w->dh, ix = ox * w->sw - w->pl + dx * w->dw;
    if (iy < 0 || iy >= w->ih) {
        for (int t = 0; t < len; t++) b[t] = 0;
        return;
    }
    const float *row = image + (size_t)iy * (size_t)w->iw;
    if (w->sw == 1 && ix >= 0 && ix + len <= w->iw) {
        if (len == LANES) memcpy(b, row + ix, LANES * sizeof *b);
        else for (int t = 0; t < len; t++) b[t] = row[ix + t];
    } else {
        for (int t = 0; t < len; t++, ix += w->sw) b[t] = ix >= 0 && ix < w->iw ? row[ix] : 0;
    }
}

/* b[k][j] = element k of the window of output v0 + j, for WIDTH outputs. X is the group's first channel. */
static void unroll_panel(const mb_window *w, const float *x, int v0, int width, float *b) {
    int channels = w->cin / w->groups;
    size_t image = (size_t)w->ih * (size_t)w->iw;
    if (width < LANES) memset(b, 0, (size_t)channels * (size_t)w->kh * (size_t)w->kw * LANES * sizeof *b);
    for (int c = 0; c < channels; c++, x += image)
        for (int dy = 0; dy < w->kh; dy++)
            for (int dx = 0; dx < w->kw; dx++, b += LANES)
                for (int j = 0; j < width;) {
                    int oy = (v0 + j) / w->ow, ox = (v0 + j) % w->ow;
                    int len = w->ow - ox < width - j ? w->ow - ox : width - j;
                    panel_run(w, x, dy, dx, oy, ox, len, b + j);
                    j += len;
                }
}

int mb_reference_conv(const mb_layer *l, int n, const float *x, float *y) {
    const mb_window *w = &l->win;
    mb_matmul m = mb_layer_matmul(l);
    size_t in = (size_t)w->cin * (size_t)w->ih * (size_t)w->iw, V = (size_t)m.vectors, K = (size_t)m.K, N = (size_t)m.N;
    size_t group_in = in / (size_t)m.groups;
    float *b = mb_malloc(K, LANES * sizeof *b);
    if (!b) return mb_nomem();
    for (int s = 0; s < n; s++, x += in, y += (size_t)w->cout * V)
        for (size_t g = 0; g < (size_t)m.groups; g++)
            for (int v0 = 0; v0 < m.vectors; v0 += LANES) {
                int width = m.vectors - v0 < LANES ? m.vectors - v0 : LANES;
                unroll_panel(w, x + g * group_in, v0, width, b);
                panel_product(N, K, l->weight + g * N * K, b, l->bias ? l->bias + g * N : NULL, NULL, width, y + g * N * V + v0,
                              V);
            }
    mb_free(b);
    return MB_OK;
}

int mb_reference_linear(const mb_layer *l, size_t rows, const float *x, float *y) {
    size_t K = (size_t)l->win.cin, N = (size_t)l->win.cout;
    float *b = mb_malloc(K, LANES * sizeof *b);
    if (!b) return mb_nomem();
    for (size_t o = 0; o < N; o += LANES) {
        int width = N - o < LANES ? (int)(N - o) : LANES;
        if (width < LANES) memset(b, 0, K * LANES * sizeof *b);
        for (int j = 0; j < width; j++)
            for (size_t k = 0; k < K; k++) b[k * LANES + (size_t)j] = l->weight[(o + (size_t)j) * K + k];
        panel_product(rows, K, x, b, NULL, l->bias ? l->bias + o : NULL, width, y + o, N);
    }
    mb_free(b);
    return MB_OK;
}
