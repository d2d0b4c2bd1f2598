/* unroll.c - input vectors of a weighted layer (im2col), one row per output position, and the way back
 *
 * Away from the border, with dilation 1, a row is made of pieces of kw neighbours; elsewhere each element is tested. In a padded
 * sample there is no border. Linear in the number of elements written.
 */
#include "nn/unroll.h"
#include "config.h"

#include <string.h>

#include "base/clones.h"

/* One source for both element types. (y0, x0) is the place of the window's first element, which may lie outside the image. */
#define MB_UNROLL(NAME, T)                                                                                                    \
    static void NAME##_edge(const mb_window *w, int channels, const T *q, int y0, int x0, T *x) {                             \
        for (int c = 0; c < channels; c++, q += (size_t)w->ih * (size_t)w->iw)                                                \
            for (int dy = 0; dy < w->kh; dy++) {                                                                              \
                int iy = y0 + dy * w->dh;                                                                                     \
                for (int dx = 0; dx < w->kw; dx++) {                                                                          \
                    int ix = x0 + dx * w->dw;                                                                                 \
                    bool inside = iy >= 0 && iy < w->ih && ix >= 0 && ix < w->iw;                                             \
                    *x++ = inside ? q[(size_t)iy * (size_t)w->iw + (size_t)ix] : 0;                                           \
                }                                                                                                             \
            }                                                                                                                 \
    }                                                                                                                         \
    static void NAME##_inner(const mb_window *w, int channels, const T *q, int y0, int x0, T *x) {                            \
        size_t image = (size_t)w->ih * (size_t)w->iw, row = (size_t)w->iw * (size_t)w->dh, kw = (size_t)w->kw;                \
        q += (size_t)y0 * (size_t)w->iw + (size_t)x0;                                                                         \
        for (int c = 0; c < channels; c++, q += image) {                                                                      \
            const T *p = q;                                                                                                   \
            for (int dy = 0; dy < w->kh; dy++, p += row, x += kw) {                                                           \
                if (kw == 3) {                                                                                                \
                    x[0] = p[0], x[1] = p[1], x[2] = p[2];                                                                    \
                } else if (kw == 1) {                                                                                         \
                    x[0] = p[0];                                                                                              \
                } else {                                                                                                      \
                    memcpy(x, p, kw * sizeof *x);                                                                             \
                }                                                                                                             \
            }                                                                                                                 \
        }                                                                                                                     \
    }                                                                                                                         \
    void NAME(const mb_layer *l, int group, const T *q, int v0, int v1, T *x) {                                               \
        const mb_window *w = &l->win;                                                                                         \
        int channels = w->cin / w->groups;                                                                                    \
        size_t K = (size_t)channels * (size_t)w->kh * (size_t)w->kw;                                                          \
        q += (size_t)group * (size_t)channels * (size_t)w->ih * (size_t)w->iw;                                                \
        for (int v = v0; v < v1; v++, x += K) {                                                                               \
            int y0 = v / w->ow * w->sh - w->pt, x0 = v % w->ow * w->sw - w->pl;                                               \
            bool inner = w->dw == 1 && y0 >= 0 && y0 + (w->kh - 1) * w->dh < w->ih && x0 >= 0 && x0 + w->kw <= w->iw;         \
            if (inner) NAME##_inner(w, channels, q, y0, x0, x);                                                               \
            else NAME##_edge(w, channels, q, y0, x0, x);                                                                      \
        }                                                                                                                     \
    }

MB_UNROLL(mb_unroll_i16, int16_t)
MB_UNROLL(mb_unroll_f32, float)

/* --- padded samples ---------------------------------------------------------------------------------------------------- */

enum { SPARE = 8, PLACES = 16 };         /* numbers behind a padded sample that copies may read; side of a tile of outputs */

/* Rows and columns that windows touch; the image may be cropped. */
static size_t padded_height(const mb_window *w) { return (size_t)(w->oh - 1) * (size_t)w->sh + (size_t)(w->kh - 1) * (size_t)w->dh + 1; }
static size_t padded_width(const mb_window *w) { return (size_t)(w->ow - 1) * (size_t)w->sw + (size_t)(w->kw - 1) * (size_t)w->dw + 1; }

size_t mb_padded_count(const mb_layer *l) {
    return (size_t)l->win.cin * padded_height(&l->win) * padded_width(&l->win) + SPARE;
}

/* N numbers, eight at a time; the last eight overlap. */
static inline void copy_row(int16_t *to, const int16_t *from, size_t n) {
    size_t i = 0;
    if (n < 8) {
        for (; i < n; i++) to[i] = from[i];
        return;
    }
    for (; i + 8 <= n; i += 8) memcpy(to + i, from + i, 8 * sizeof *to);
    memcpy(to + n - 8, from + n - 8, 8 * sizeof *to);
}

void mb_pad_i16(const mb_layer *l, const int16_t *q, int16_t *p) {
    const mb_window *w = &l->win;
    const size_t h = padded_height(w), width = padded_width(w), top = (size_t)w->pt, left = (size_t)w->pl;
    const size_t rows = h <= top ? 0 : h - top < (size_t)w->ih ? h - top : (size_t)w->ih;
    const size_t columns = width <= left ? 0 : width - left < (size_t)w->iw ? width - left : (size_t)w->iw;
    const size_t used = (size_t)w->cin * h * width;
    memset(p + used, 0, SPARE * sizeof *p);
    if (top == 0 && left == 0 && rows == h && columns == width && rows == (size_t)w->ih && columns == (size_t)w->iw) {
        memcpy(p, q, used * sizeof *p);
        return;
    }
    memset(p, 0, used * sizeof *p);
    for (int c = 0; c < w->cin; c++, q += (size_t)w->ih * (size_t)w->iw, p += h * width)
        for (size_t y = 0; y < rows; y++) copy_row(p + (y + top) * width + left, q + y * (size_t)w->iw, columns);
}

/* How the pieces of one vector lie in a padded sample: CHANNELS x KH rows, KW numbers each. */
typedef struct pieces { int channels, kh, kw, dw; size_t row, plane; } pieces;

/* One vector, writing no number beyond it. */
static void vector_exact(const pieces *s, const int16_t *p, int16_t *x) {
    for (int c = 0; c < s->channels; c++, p += s->plane)
        for (int dy = 0; dy < s->kh; dy++) {
            const int16_t *a = p + (size_t)dy * s->row;
            for (int dx = 0; dx < s->kw; dx++) *x++ = a[dx * s->dw];
        }
}

/* One vector by copies of WIDE >= kw numbers, of which the next piece (or the next vector) writes over those too many. */
static inline __attribute__((always_inline)) void vector_wide(const pieces *s, size_t kw, size_t wide, const int16_t *p, int16_t *x) {
    for (int c = 0; c < s->channels; c++, p += s->plane)
        for (int dy = 0; dy < s->kh; dy++, x += kw) memcpy(x, p + (size_t)dy * s->row, wide * sizeof *x);
}

/* The same for the most common kernel. */
static void vector_3x3(const pieces *s, const int16_t *p, int16_t *x) {
    const size_t row = s->row, plane = s->plane;
    for (const int16_t *end = p + (size_t)s->channels * plane; p != end; p += plane, x += 9) {
        memcpy(x, p, 4 * sizeof *x);
        memcpy(x + 3, p + row, 4 * sizeof *x);
        memcpy(x + 6, p + 2 * row, 4 * sizeof *x);
    }
}

/* Vectors of a 1x1 kernel: a transposition, PLACES vectors of a row of outputs at a time so that all of them stay in the cache. */
static void transpose_row(const pieces *s, int sw, const int16_t *p, int count, int16_t *x) {
    const size_t K = (size_t)s->channels;
    for (int v = 0; v < count; v += PLACES, p += PLACES * sw, x += PLACES * K) {
        int m = count - v < PLACES ? count - v : PLACES;
        for (size_t c = 0; c < K; c++)
            for (int i = 0; i < m; i++) x[(size_t)i * K + c] = p[c * s->plane + (size_t)(i * sw)];
    }
}

/* COUNT neighbouring outputs of one row, whose first window begins at P. LAST: nothing may be written behind the last of them. */
static void unroll_row(const pieces *s, int sw, const int16_t *p, int count, bool last, int16_t *x) {
    const size_t K = (size_t)s->channels * (size_t)s->kh * (size_t)s->kw;
    if (s->kh == 1 && s->kw == 1) {
        transpose_row(s, sw, p, count, x);
        return;
    }
    const bool near = s->dw == 1 && s->kw <= SPARE && K >= SPARE; /* what is written too much stays within the next vector */
    const int loose = near ? count - last : 0;
    if (!near) {
    } else if (s->kw == 3 && s->kh == 3) {
        for (int i = 0; i < loose; i++) vector_3x3(s, p + i * sw, x + (size_t)i * K);
    } else if (s->kw <= 4) {
        for (int i = 0; i < loose; i++) vector_wide(s, (size_t)s->kw, 4, p + i * sw, x + (size_t)i * K);
    } else {
        for (int i = 0; i < loose; i++) vector_wide(s, (size_t)s->kw, 8, p + i * sw, x + (size_t)i * K);
    }
    for (int i = loose; i < count; i++) vector_exact(s, p + i * sw, x + (size_t)i * K);
}

void mb_unroll_padded_i16(const mb_layer *l, int group, const int16_t *p, int v0, int v1, int16_t *x) {
    const mb_window *w = &l->win;
    const size_t width = padded_width(w), plane = padded_height(w) * width;
    const pieces s = {w->cin / w->groups, w->kh, w->kw, w->dw, width * (size_t)w->dh, plane};
    const size_t K = (size_t)s.channels * (size_t)s.kh * (size_t)s.kw;
    p += (size_t)group * (size_t)s.channels * plane;
    for (int v = v0; v < v1;) {
        int oy = v / w->ow, ox = v % w->ow, count = w->ow - ox < v1 - v ? w->ow - ox : v1 - v;
        unroll_row(&s, w->sw, p + (size_t)oy * (size_t)w->sh * width + (size_t)ox * (size_t)w->sw, count, v + count == v1, x);
        x += (size_t)count * K;
        v += count;
    }
}

/* --- the way back ------------------------------------------------------------------------------------------------------ */

#if defined(__has_builtin)
#if __has_builtin(__builtin_shufflevector)
#define MB_SHUFFLE 1
#endif
#endif

/* b[n][r] = a[r][n], PLACES x PLACES numbers; rows of b are LD apart. */
static inline void transpose_tile(const float a[PLACES][PLACES], size_t ld, float *b) {
#ifdef MB_SHUFFLE
    typedef float four __attribute__((vector_size(16)));
    for (size_t n = 0; n < PLACES; n += 4)
        for (size_t r = 0; r < PLACES; r += 4) {
            four v[4], lo, hi, lo2, hi2, out[4];
            for (size_t i = 0; i < 4; i++) memcpy(&v[i], &a[r + i][n], sizeof v[i]);
            lo = __builtin_shufflevector(v[0], v[1], 0, 4, 1, 5), hi = __builtin_shufflevector(v[0], v[1], 2, 6, 3, 7);
            lo2 = __builtin_shufflevector(v[2], v[3], 0, 4, 1, 5), hi2 = __builtin_shufflevector(v[2], v[3], 2, 6, 3, 7);
            out[0] = __builtin_shufflevector(lo, lo2, 0, 1, 4, 5), out[1] = __builtin_shufflevector(lo, lo2, 2, 3, 6, 7);
            out[2] = __builtin_shufflevector(hi, hi2, 0, 1, 4, 5), out[3] = __builtin_shufflevector(hi, hi2, 2, 3, 6, 7);
            for (size_t i = 0; i < 4; i++) memcpy(b + (n + i) * ld + r, &out[i], sizeof out[i]);
        }
#else
    for (size_t n = 0; n < PLACES; n++)
        for (size_t r = 0; r < PLACES; r++) b[n * ld + r] = a[r][n];
#endif
}

/* PLACES x PLACES products, LD apart from vector to vector, become PLACES x PLACES activations, V apart from channel to channel. */
MB_CLONES static void place_tile(const int64_t *restrict product, size_t ld, const double *restrict scale, const float *restrict bias, size_t V,
                              float *restrict y) {
    float t[PLACES][PLACES];
    for (size_t r = 0; r < PLACES; r++) {
#pragma omp simd
        for (size_t n = 0; n < PLACES; n++) t[r][n] = (float)((double)product[r * ld + n] * scale[n]) + bias[n];
    }
    transpose_tile(t, V, y);
}

static void place_rest(const int64_t *product, size_t ld, const double *scale, const float *bias, size_t V, size_t rows, size_t columns, float *y) {
    for (size_t n = 0; n < columns; n++)
        for (size_t r = 0; r < rows; r++) y[n * V + r] = (float)((double)product[r * ld + n] * scale[n]) + bias[n];
}

void mb_place_outputs(const mb_layer *l, int group, int64_t v0, int rows, const int64_t *product, const double *scale, float *y) {
    const mb_matmul mm = mb_layer_matmul(l);
    const size_t N = (size_t)mm.N, V = (size_t)mm.vectors, cout = (size_t)l->win.cout;
    for (size_t v = (size_t)v0, end = v + (size_t)rows; v < end;) {
        size_t sample = v / V, at = v % V, left = end - v < V - at ? end - v : V - at, r = left < PLACES ? left : PLACES;
        for (size_t n = 0; n < N; n += PLACES) {
            size_t c = N - n < PLACES ? N - n : PLACES;
            float bias[PLACES] = {0}, *out = y + (sample * cout + (size_t)group * N + n) * V + at;
            if (l->bias) memcpy(bias, l->bias + (size_t)group * N + n, c * sizeof *bias);
            if (r == PLACES && c == PLACES) place_tile(product + n, N, scale + n, bias, V, out);
            else place_rest(product + n, N, scale + n, bias, V, r, c, out);
        }
        product += r * N;
        v += r;
    }
}
