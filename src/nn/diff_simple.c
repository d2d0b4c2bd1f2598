/* diff_simple.c - layers without weights in double precision: sum, clip, tanh, pools, and those that move elements */
#include <math.h>

#include "nn/diff_private.h"

/* --- sum, flatten, gather: linear with coefficients 1 ---------------------------------------------------------------------- */

static void add_forward(const mb_diff_job *j) {
    for (int k = 0; k < j->l->n_in; k++)
        for (size_t i = 0; i < j->n * j->size; i++) mb_dual_add(j->y, i, j->x[k], i, 1);
}
static void add_backward(const mb_diff_job *j) {
    for (int k = 0; k < j->l->n_in; k++)
        for (size_t i = 0; j->dx[k].v && i < j->n * j->size; i++) mb_dual_add(j->dx[k], i, j->dy, i, 1);
}
const mb_diff_kind mb_diff_add = {add_forward, add_backward};
const mb_diff_kind mb_diff_flatten = {add_forward, add_backward};

static void gather_forward(const mb_diff_job *j) {
    for (size_t s = 0, i = 0; s < j->n; s++)
        for (size_t k = 0; k < j->size; k++, i++) {
            if (j->l->index[k] < 0) j->y.v[i] = (double)j->l->value;
            else mb_dual_add(j->y, i, j->x[0], s * j->in_size[0] + (size_t)j->l->index[k], 1);
        }
}
static void gather_backward(const mb_diff_job *j) {
    for (size_t s = 0, i = 0; j->dx[0].v && s < j->n; s++)
        for (size_t k = 0; k < j->size; k++, i++)
            if (j->l->index[k] >= 0) mb_dual_add(j->dx[0], s * j->in_size[0] + (size_t)j->l->index[k], j->dy, i, 1);
}
const mb_diff_kind mb_diff_gather = {gather_forward, gather_backward};

/* --- elementwise functions: y = f(x), its first and second derivative ---------------------------------------------------- */

static double clip(const mb_model_layer *l, double x, double *d1, double *d2) {
    double lo = (double)l->lo, hi = (double)l->hi;
    *d1 = x > lo && x < hi;
    *d2 = 0;
    return x < lo ? lo : x > hi ? hi : x;
}

static double hyperbolic(const mb_model_layer *l, double x, double *d1, double *d2) {
    double y = tanh(x);
    (void)l;
    *d1 = 1 - y * y;
    *d2 = -2 * y * *d1;
    return y;
}

typedef double (*function)(const mb_model_layer *l, double x, double *d1, double *d2);

static void each_forward(const mb_diff_job *j, function f) {
    double d1, d2;
    for (size_t i = 0; i < j->n * j->size; i++) {
        j->y.v[i] = f(j->l, j->x[0].v[i], &d1, &d2);
        if (j->y.t && j->x[0].t) j->y.t[i] = d1 * j->x[0].t[i];
    }
}

/* dx = f'(x) dy, and along the direction f'(x) dy' + f''(x) x' dy. */
static void each_backward(const mb_diff_job *j, function f) {
    double d1, d2;
    for (size_t i = 0; j->dx[0].v && i < j->n * j->size; i++) {
        f(j->l, j->x[0].v[i], &d1, &d2);
        mb_dual_add(j->dx[0], i, j->dy, i, d1);
        if (j->dy.t && j->x[0].t) j->dx[0].t[i] += d2 * j->x[0].t[i] * j->dy.v[i];
    }
}

static void clip_forward(const mb_diff_job *j) { each_forward(j, clip); }
static void clip_backward(const mb_diff_job *j) { each_backward(j, clip); }
const mb_diff_kind mb_diff_clip = {clip_forward, clip_backward};

static void tanh_forward(const mb_diff_job *j) { each_forward(j, hyperbolic); }
static void tanh_backward(const mb_diff_job *j) { each_backward(j, hyperbolic); }
const mb_diff_kind mb_diff_tanh = {tanh_forward, tanh_backward};

/* --- pools --------------------------------------------------------------------------------------------------------------- */

/* Calls EACH for every input element IN of every output O, window by window; FIRST says that a window begins, SHARE is 1 / the
 * number of its elements. */
typedef void (*tap)(const mb_diff_job *j, size_t o, size_t in, bool first, double share, size_t *best);

static void windows(const mb_diff_job *j, tap each, tap end) {
    const mb_window *w = &j->l->win;
    size_t o = 0, best = 0;
    for (size_t p = 0; p < j->n * (size_t)w->cin; p++)
        for (int oy = 0; oy < w->oh; oy++)
            for (int ox = 0; ox < w->ow; ox++, o++) {
                int y0 = oy * w->sh - w->pt, x0 = ox * w->sw - w->pl;
                size_t inside = 0, padded = 0;
                for (int dy = 0; dy < w->kh; dy++)
                    for (int dx = 0; dx < w->kw; dx++) {
                        int y = y0 + dy * w->dh, x = x0 + dx * w->dw;
                        padded += y < w->ih + w->pb && x < w->iw + w->pr;
                        inside += y >= 0 && x >= 0 && y < w->ih && x < w->iw;
                    }
                double share = 1 / (double)(j->l->include_pad ? padded : inside);
                bool first = true;
                for (int dy = 0; dy < w->kh; dy++)
                    for (int dx = 0; dx < w->kw; dx++) {
                        int y = y0 + dy * w->dh, x = x0 + dx * w->dw;
                        if (y < 0 || x < 0 || y >= w->ih || x >= w->iw) continue;
                        each(j, o, (p * (size_t)w->ih + (size_t)y) * (size_t)w->iw + (size_t)x, first, share, &best);
                        first = false;
                    }
                if (end && !first) end(j, o, best, false, share, &best);
            }
}

static void mean_forward(const mb_diff_job *j, size_t o, size_t in, bool first, double share, size_t *best) {
    (void)first;
    (void)best;
    mb_dual_add(j->y, o, j->x[0], in, share);
}
static void mean_backward(const mb_diff_job *j, size_t o, size_t in, bool first, double share, size_t *best) {
    (void)first;
    (void)best;
    mb_dual_add(j->dx[0], in, j->dy, o, share);
}
static void avgpool_forward(const mb_diff_job *j) { windows(j, mean_forward, NULL); }
static void avgpool_backward(const mb_diff_job *j) {
    if (j->dx[0].v) windows(j, mean_backward, NULL);
}
const mb_diff_kind mb_diff_avgpool = {avgpool_forward, avgpool_backward};

static void largest(const mb_diff_job *j, size_t o, size_t in, bool first, double share, size_t *best) {
    (void)o;
    (void)share;
    if (first || j->x[0].v[in] > j->x[0].v[*best]) *best = in;
}
static void max_forward(const mb_diff_job *j, size_t o, size_t in, bool first, double share, size_t *best) {
    (void)first;
    (void)share;
    (void)best;
    mb_dual_add(j->y, o, j->x[0], in, 1);
}
static void max_backward(const mb_diff_job *j, size_t o, size_t in, bool first, double share, size_t *best) {
    (void)first;
    (void)share;
    (void)best;
    mb_dual_add(j->dx[0], in, j->dy, o, 1);
}
static void maxpool_forward(const mb_diff_job *j) { windows(j, largest, max_forward); }
static void maxpool_backward(const mb_diff_job *j) {
    if (j->dx[0].v) windows(j, largest, max_backward);
}
const mb_diff_kind mb_diff_maxpool = {maxpool_forward, maxpool_backward};
