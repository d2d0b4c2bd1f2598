/* unroll.c - input vectors of a weighted layer (im2col), one row per output position
 *
 * Away from the border, with dilation 1, a row is made of pieces of kw neighbours; elsewhere each element is tested. Linear in
 * the number of elements written.
 */
#include "nn/unroll.h"

#include <string.h>

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
