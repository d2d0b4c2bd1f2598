/* diff_norm.c - batch normalisation and scales in double precision (S. Ioffe, C. Szegedy, ICML 2015, arXiv:1502.03167)
 *
 *     h = (x - m) r,  r = (V + eps)^(-1/2),  y = g h + b       per channel; m, V: mean and variance (over n) of batch and image
 * Backward, with A = mean(g dy), B = mean(g dy h) over batch and image (in inference m and V are constants: A = B = 0):
 *     dx = r (g dy - A - h B),  dg = sum dy h,  db = sum dy
 * Along a direction every product is differentiated factor by factor; a prime marks the derivative (variable names end in t):
 *     V' = 2 mean((x - m)(x' - m')),  r' = -r^3 V' / 2,  h' = (x' - m') r + (x - m) r'
 */
#include <math.h>

#include "nn/diff_private.h"

/* One channel: elements (s, i) at s * stride + i, s < rows, i < inner. */
typedef struct channel { size_t rows, inner, stride, at; double m, mt, r, rt; } channel;

/* A scale is a normalisation with mean 0, variance 1, eps 0. */
static channel channel_of(const mb_diff_job *j, size_t c, bool training) {
    mb_dual x = j->x[0];
    size_t inner = j->size / (size_t)j->l->shape.d[0];
    channel h = {j->n, inner, j->size, c * inner, 0, 0, 1, 0};
    if (!training) {
        if (j->mean) h.m = (double)j->mean[c];
        if (j->mean) h.r = 1 / sqrt((double)j->var[c] + (double)j->l->eps);
        return h;
    }
    double N = (double)(h.rows * h.inner), V = 0, Vt = 0;
    for (size_t s = 0; s < h.rows; s++)
        for (size_t i = 0, k = h.at + s * h.stride; i < inner; i++, k++) {
            h.m += x.v[k] / N;
            if (x.t) h.mt += x.t[k] / N;
        }
    for (size_t s = 0; s < h.rows; s++)
        for (size_t i = 0, k = h.at + s * h.stride; i < inner; i++, k++) {
            V += (x.v[k] - h.m) * (x.v[k] - h.m) / N;
            if (x.t) Vt += 2 * (x.v[k] - h.m) * (x.t[k] - h.mt) / N;
        }
    h.r = 1 / sqrt(V + (double)j->l->eps);
    h.rt = -h.r * h.r * h.r * Vt / 2;
    return h;
}

static inline double value(const channel *h, mb_dual x, size_t k) { return (x.v[k] - h->m) * h->r; }
static inline double slope(const channel *h, mb_dual x, size_t k) {
    return ((x.t ? x.t[k] : 0) - h->mt) * h->r + (x.v[k] - h->m) * h->rt;
}

static void run_forward(const mb_diff_job *j, bool training) {
    size_t C = (size_t)j->l->shape.d[0];
    for (size_t c = 0; c < C; c++) {
        channel h = channel_of(j, c, training);
        double g = j->w.v ? j->w.v[c] : 1, gt = j->w.t ? j->w.t[c] : 0;
        for (size_t s = 0; s < h.rows; s++)
            for (size_t i = 0, k = h.at + s * h.stride; i < h.inner; i++, k++) {
                j->y.v[k] = g * value(&h, j->x[0], k) + (j->b.v ? j->b.v[c] : 0);
                if (j->y.t) j->y.t[k] = gt * value(&h, j->x[0], k) + g * slope(&h, j->x[0], k) + (j->b.t ? j->b.t[c] : 0);
            }
    }
}

/* One channel; parameters g and derivatives. */
static void channel_backward(const mb_diff_job *j, size_t c, const channel *h, bool training) {
    mb_dual x = j->x[0], dy = j->dy;
    double N = (double)(h->rows * h->inner), g = j->w.v ? j->w.v[c] : 1, gt = j->w.t ? j->w.t[c] : 0;
    double sum = 0, sumt = 0, dot = 0, dott = 0;                 /* of dy, and of dy h */
    for (size_t s = 0; s < h->rows; s++)
        for (size_t i = 0, k = h->at + s * h->stride; i < h->inner; i++, k++) {
            sum += dy.v[k];
            dot += dy.v[k] * value(h, x, k);
            if (!dy.t) continue;
            sumt += dy.t[k];
            dott += dy.t[k] * value(h, x, k) + dy.v[k] * slope(h, x, k);
        }
    if (j->dw.v) j->dw.v[c] += dot;
    if (j->db.v) j->db.v[c] += sum;
    if (dy.t && j->dw.v) j->dw.t[c] += dott;
    if (dy.t && j->db.v) j->db.t[c] += sumt;
    if (!j->dx[0].v) return;
    double A = 0, At = 0, B = 0, Bt = 0;
    if (training) A = g * sum / N, At = (gt * sum + g * sumt) / N, B = g * dot / N, Bt = (gt * dot + g * dott) / N;
    for (size_t s = 0; s < h->rows; s++)
        for (size_t i = 0, k = h->at + s * h->stride; i < h->inner; i++, k++) {
            double v = value(h, x, k), u = g * dy.v[k] - A - v * B;
            j->dx[0].v[k] += h->r * u;
            if (dy.t) j->dx[0].t[k] += h->rt * u + h->r * (gt * dy.v[k] + g * dy.t[k] - At - slope(h, x, k) * B - v * Bt);
        }
}

static void run_backward(const mb_diff_job *j, bool training) {
    for (size_t c = 0; c < (size_t)j->l->shape.d[0]; c++) {
        channel h = channel_of(j, c, training);
        channel_backward(j, c, &h, training);
    }
}

static void norm_forward(const mb_diff_job *j) { run_forward(j, !j->mean); }
static void norm_backward(const mb_diff_job *j) { run_backward(j, !j->mean); }
const mb_diff_kind mb_diff_norm = {norm_forward, norm_backward};

static void scale_forward(const mb_diff_job *j) { run_forward(j, false); }
static void scale_backward(const mb_diff_job *j) { run_backward(j, false); }
const mb_diff_kind mb_diff_scale = {scale_forward, scale_backward};
