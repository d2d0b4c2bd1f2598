/* diff_conv.c - convolution and fully connected layers in double precision, forward, backward, and along a direction
 *
 * Both are bilinear in weights and inputs, y = B(w, x): the derivative along a direction is B(w', x) + B(w, x'), and so are
 * those of the two transposed products, which make the gradients. So each has one function for the three products, and
 * everything else is shared.
 */
#include "config.h"

#include "base/clones.h"
#include "nn/diff_private.h"

/* Which of output, input and weights is added to. */
typedef enum { FORWARD, TO_INPUT, TO_WEIGHT } direction;
typedef void (*product)(const mb_window *w, direction dir, size_t n, double *weight, double *x, double *y);

static inline void axpy(size_t n, double a, const double *restrict x, double *restrict y) {
#pragma omp simd
    for (size_t i = 0; i < n; i++) y[i] += a * x[i];
}

/* In eight sums, whose order is fixed. */
static inline double dot(size_t n, const double *restrict x, const double *restrict y) {
    double sum[8] = {0};
    size_t i = 0;
    for (; i + 8 <= n; i += 8) {
#pragma omp simd
        for (size_t k = 0; k < 8; k++) sum[k] += x[i + k] * y[i + k];
    }
    for (size_t k = 0; i < n; i++, k++) sum[k] += x[i] * y[i];
    return ((sum[0] + sum[1]) + (sum[2] + sum[3])) + ((sum[4] + sum[5]) + (sum[6] + sum[7]));
}

/* --- convolution ---------------------------------------------------------------------------------------------------- */

/* First and last + 1 of the outputs o in [0, out) with 0 <= o stride + shift < in. */
static inline void range(int out, int stride, int shift, int in, int *first, int *last) {
    *first = shift < 0 ? (-shift + stride - 1) / stride : 0;
    *last = in - shift > 0 ? (in - shift + stride - 1) / stride : 0;
    if (*last > out) *last = out;
}

/* One plane of inputs X, one of outputs Y, one kernel K. */
MB_CLONES static void conv_plane(const mb_window *w, direction dir, double *k, double *x, double *y) {
    for (int dy = 0; dy < w->kh; dy++) {
        int y0, y1, x0, x1;
        range(w->oh, w->sh, dy * w->dh - w->pt, w->ih, &y0, &y1);
        for (int dx = 0; dx < w->kw; dx++, k++) {
            range(w->ow, w->sw, dx * w->dw - w->pl, w->iw, &x0, &x1);
            if (x1 <= x0) continue;
            size_t run = (size_t)(x1 - x0), step = (size_t)w->sw;
            for (int oy = y0; oy < y1; oy++) {
                double *out = y + (size_t)oy * (size_t)w->ow + (size_t)x0;
                double *in = x + (size_t)(oy * w->sh + dy * w->dh - w->pt) * (size_t)w->iw + (size_t)(x0 * w->sw +
                                                                                                      dx * w->dw - w->pl);
                if (step == 1) {
                    if (dir == FORWARD) axpy(run, *k, in, out);
                    else if (dir == TO_INPUT) axpy(run, *k, out, in);
                    else *k += dot(run, in, out);
                } else {
                    for (size_t i = 0; i < run; i++) {
                        if (dir == FORWARD) out[i] += *k * in[i * step];
                        else if (dir == TO_INPUT) in[i * step] += *k * out[i];
                        else *k += in[i * step] * out[i];
                    }
                }
            }
        }
    }
}

static void conv_product(const mb_window *w, direction dir, size_t n, double *weight, double *x, double *y) {
    int cin = w->cin / w->groups, cout = w->cout / w->groups;
    size_t in = (size_t)w->ih * (size_t)w->iw, out = (size_t)w->oh * (size_t)w->ow, size = (size_t)w->kh * (size_t)w->kw;
    for (size_t s = 0; s < n; s++, x += (size_t)w->cin * in, y += (size_t)w->cout * out)
        for (int o = 0; o < w->cout; o++)
            for (int c = 0; c < cin; c++)
                conv_plane(w, dir, weight + ((size_t)o * (size_t)cin + (size_t)c) * size, x + (size_t)(o / cout * cin + c) * in,
                           y + (size_t)o * out);
}

/* --- fully connected: x [n][in], y [n][out], w [out][in] --------------------------------------------------------------- */

MB_CLONES static void linear_row(const mb_window *w, direction dir, double *weight, double *x, double *y) {
    size_t in = (size_t)w->cin, out = (size_t)w->cout;
    for (size_t o = 0; o < out; o++) {
        if (dir == FORWARD) y[o] += dot(in, x, weight + o * in);
        else if (dir == TO_INPUT) axpy(in, y[o], weight + o * in, x);
        else axpy(in, y[o], x, weight + o * in);
    }
}

static void linear_product(const mb_window *w, direction dir, size_t n, double *weight, double *x, double *y) {
    for (size_t r = 0; r < n; r++) linear_row(w, dir, weight, x + r * (size_t)w->cin, y + r * (size_t)w->cout);
}

/* --- both --------------------------------------------------------------------------------------------------------------- */

/* Outputs are [n][cout][places]: y += b, or b += y. */
static void bias_run(const mb_diff_job *j, bool backward, double *b, double *y) {
    const mb_window *w = &j->l->win;
    size_t places = j->size / (size_t)w->cout;
    for (size_t s = 0; s < j->n; s++)
        for (int o = 0; o < w->cout; o++)
            for (size_t i = 0; i < places; i++, y++) {
                if (backward) b[o] += *y;
                else *y += b[o];
            }
}

static void run_forward(const mb_diff_job *j, product run) {
    const mb_window *w = &j->l->win;
    run(w, FORWARD, j->n, j->w.v, j->x[0].v, j->y.v);
    if (j->b.v) bias_run(j, false, j->b.v, j->y.v);
    if (!j->y.t) return;
    if (j->x[0].t) run(w, FORWARD, j->n, j->w.v, j->x[0].t, j->y.t);
    if (j->w.t) run(w, FORWARD, j->n, j->w.t, j->x[0].v, j->y.t);
    if (j->b.t) bias_run(j, false, j->b.t, j->y.t);
}

static void run_backward(const mb_diff_job *j, product run) {
    const mb_window *w = &j->l->win;
    if (j->dw.v) run(w, TO_WEIGHT, j->n, j->dw.v, j->x[0].v, j->dy.v);
    if (j->db.v) bias_run(j, true, j->db.v, j->dy.v);
    if (j->dx[0].v) run(w, TO_INPUT, j->n, j->w.v, j->dx[0].v, j->dy.v);
    if (!j->dy.t) return;
    if (j->dw.v) run(w, TO_WEIGHT, j->n, j->dw.t, j->x[0].v, j->dy.t);
    if (j->dw.v && j->x[0].t) run(w, TO_WEIGHT, j->n, j->dw.t, j->x[0].t, j->dy.v);
    if (j->db.v) bias_run(j, true, j->db.t, j->dy.t);
    if (j->dx[0].v) run(w, TO_INPUT, j->n, j->w.v, j->dx[0].t, j->dy.t);
    if (j->dx[0].v && j->w.t) run(w, TO_INPUT, j->n, j->w.t, j->dx[0].t, j->dy.v);
}

static void conv_forward(const mb_diff_job *j) { run_forward(j, conv_product); }
static void conv_backward(const mb_diff_job *j) { run_backward(j, conv_product); }
const mb_diff_kind mb_diff_conv = {conv_forward, conv_backward};

static void linear_forward(const mb_diff_job *j) { run_forward(j, linear_product); }
static void linear_backward(const mb_diff_job *j) { run_backward(j, linear_product); }
const mb_diff_kind mb_diff_linear = {linear_forward, linear_backward};
