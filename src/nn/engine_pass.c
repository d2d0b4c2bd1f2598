/* engine_pass.c - forward and backward pass of an engine; see engine.h
 *
 * Batch normalisation (Ioffe, Szegedy, arXiv:1502.03167) with mean m, deviation 1/r and M numbers per channel:
 *     y = gamma r (x - m) + beta;  s1 = sum g,  s2 = sum g (x - m):  dbeta = s1,  dgamma = r s2,
 *     dx = gamma r (g - s1 / M - (x - m) r^2 s2 / M)         (batch statistics);      dx = gamma r g   (running statistics)
 */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif

#include <math.h>
#include <string.h>

#include "base/error.h"
#include "base/mem.h"
#include "nn/engine_kernels.h"
#include "nn/engine_private.h"
#include "nn/mixquant.h"
#include "nn/parallel.h"

/* What the parts of a pass over one step share. */
typedef struct work {
    const mb_net_engine *e;
    step *s;
    const mb_mix *mix; /* of the layer's inputs */
    const float *x, *shift, *z;
    float *y;
    double *share; /* [threads] */
} work;

static const value *src_of(const work *k) { return &k->e->value[k->s->src]; }
static const value *dst_of(const work *k) { return &k->e->value[k->s->dst]; }
static double *sums_of(const work *k, int part) { return k->e->sums + (size_t)part * 2 * k->e->width; }
static float *tmp_of(const work *k, int part) { return k->e->tmp + (size_t)part * 2 * k->e->width; }

/* Rows of a value of one part; samples of one part; numbers of one part. */
static void rows(const mb_net_engine *e, const value *v, int part, int parts, size_t *a, size_t *b) {
    mb_part(v->rows * (size_t)e->batch, MB_ROWS_BLOCK, part, parts, a, b);
}
static void samples(const mb_net_engine *e, int part, int parts, size_t *a, size_t *b) {
    mb_part((size_t)e->batch, 1, part, parts, a, b);
}
static void numbers(const mb_net_engine *e, const value *v, int part, int parts, size_t *a, size_t *b) {
    mb_part(v->per * (size_t)e->batch, 4096, part, parts, a, b);
}

/* The parts' sums of N numbers, added to those of part 0 in order. */
static void add_parts(const mb_net_engine *e, size_t n) {
    for (int p = 1; p < e->threads; p++)
        for (size_t c = 0; c < n; c++) e->sums[c] += e->sums[(size_t)p * 2 * e->width + c];
}

static bool batch_statistics(const mb_net_engine *e, const step *s) {
    return s->affine >= 0 && e->m->layer[s->affine].kind == MB_KIND_NORM && e->pass != MB_PASS_EVAL;
}

/* --- pointwise steps -------------------------------------------------------------------------------------------------------- */

static void moments_part(void *ctx, int part, int parts) {
    work *k = ctx;
    const value *v = src_of(k);
    size_t a, b;
    rows(k->e, v, part, parts, &a, &b);
    double *s = sums_of(k, part);
    memset(s, 0, 2 * v->C * sizeof *s);
    mb_rows_moments(b - a, v->C, v->y + a * v->C, k->shift, s, s + v->C, tmp_of(k, part));
}

/* Statistics of the batch into s->mean and s->inv, running statistics moved. */
static void statistics(mb_net_engine *e, step *s) {
    const value *v = &e->value[s->src];
    const mb_model_layer *l = &e->m->layer[s->affine];
    float *running = e->m->state + l->state;
    double M = (double)v->rows * (double)e->batch, moment = (double)l->momentum;
    work k = {.e = e, .s = s, .shift = running};
    mb_parallel(e->threads, moments_part, &k);
    add_parts(e, 2 * v->C);
    if (e->pass == MB_PASS_RECALIBRATE) moment = 1 / (double)e->recalibrated;
    for (size_t c = 0; c < v->C; c++) {
        double off = e->sums[c] / M, mean = (double)running[c] + off, var = e->sums[v->C + c] / M - off * off;
        if (var < 0) var = 0;
        s->mean[c] = (float)mean;
        s->inv[c] = (float)(1 / sqrt(var + (double)l->eps));
        double unbiased = M > 1 ? var * M / (M - 1) : var;
        running[c] = (float)((1 - moment) * (double)running[c] + moment * mean);
        running[v->C + c] = (float)((1 - moment) * (double)running[v->C + c] + moment * unbiased);
    }
}

static void point_part(void *ctx, int part, int parts) {
    work *k = ctx;
    const step *s = k->s;
    const value *v = dst_of(k);
    const mb_model_layer *clip = s->clip < 0 ? NULL : &k->e->m->layer[s->clip];
    size_t a, b;
    rows(k->e, v, part, parts, &a, &b);
    mb_rows_affine(b - a, v->C, src_of(k)->y + a * v->C, s->affine < 0 ? NULL : s->a, s->b, k->z ? k->z + a * v->C : NULL,
                   clip ? clip->lo : -INFINITY, clip ? clip->hi : INFINITY, v->y + a * v->C);
}

static void forward_point(mb_net_engine *e, step *s) {
    work k = {.e = e, .s = s, .z = s->other < 0 ? NULL : e->value[s->other].y};
    if (s->affine >= 0) {
        const mb_model_layer *l = &e->m->layer[s->affine];
        const float *gamma = step_theta(e, l->weight), *beta = step_theta(e, l->bias);
        size_t C = e->value[s->src].C;
        if (batch_statistics(e, s)) statistics(e, s);
        for (size_t c = 0; c < C; c++) {
            if (l->kind == MB_KIND_SCALE) s->mean[c] = 0, s->inv[c] = 1;
            else if (e->pass == MB_PASS_EVAL) {
                s->mean[c] = e->m->state[l->state + c];
                s->inv[c] = (float)(1 / sqrt((double)e->m->state[l->state + C + c] + (double)l->eps));
            }
            s->a[c] = gamma[c] * s->inv[c];
            s->b[c] = beta[c] - s->mean[c] * s->a[c];
        }
    }
    mb_parallel(e->threads, point_part, &k);
}

static void products_part(void *ctx, int part, int parts) {
    work *k = ctx;
    const value *v = src_of(k);
    size_t a, b;
    rows(k->e, v, part, parts, &a, &b);
    double *s = sums_of(k, part);
    memset(s, 0, 2 * v->C * sizeof *s);
    mb_rows_products(b - a, v->C, k->x + a * v->C, v->y + a * v->C, k->s->mean, s, s + v->C, tmp_of(k, part));
}

static void norm_back_part(void *ctx, int part, int parts) {
    work *k = ctx;
    const value *v = src_of(k);
    size_t a, b;
    rows(k->e, v, part, parts, &a, &b);
    mb_rows_norm_back(b - a, v->C, k->x + a * v->C, k->z ? v->y + a * v->C : NULL, k->s->mean, k->s->a, k->s->b, k->s->d,
                      k->y + a * v->C);
}

static void backward_point(mb_net_engine *e, step *s, const float *g, float *dx, float *grad) {
    if (s->affine < 0) return; /* dx is g */
    const mb_model_layer *l = &e->m->layer[s->affine];
    const value *v = &e->value[s->src];
    const float *gamma = step_theta(e, l->weight);
    bool moving = batch_statistics(e, s);
    double M = (double)v->rows * (double)e->batch;
    work k = {.e = e, .s = s, .x = g, .y = dx, .z = moving ? v->y : NULL};
    mb_parallel(e->threads, products_part, &k);
    add_parts(e, 2 * v->C);
    for (size_t c = 0; c < v->C; c++) {
        double s1 = e->sums[c], s2 = e->sums[v->C + c], r = (double)s->inv[c];
        grad[e->m->block[l->weight].at + c] = (float)(s2 * r);
        grad[e->m->block[l->bias].at + c] = (float)s1;
        s->b[c] = (float)(-(double)gamma[c] * r * r * r * s2 / M);
        s->d[c] = (float)(-(double)gamma[c] * r * s1 / M);
    }
    if (dx) mb_parallel(e->threads, norm_back_part, &k);
}

/* --- weighted steps -------------------------------------------------------------------------------------------------------- */

static void max_part(void *ctx, int part, int parts) {
    work *k = ctx;
    size_t a, b;
    numbers(k->e, src_of(k), part, parts, &a, &b);
    k->share[part] = (double)mb_fake_max(b - a, k->x + a);
}

static void fake_part(void *ctx, int part, int parts) {
    work *k = ctx;
    size_t a, b;
    numbers(k->e, src_of(k), part, parts, &a, &b);
    if (k->mix) mb_mix_inputs(k->mix, b - a, k->x + a, k->y + a);
    else mb_fake_inputs(&step_layer(k->e, k->s)->xq, k->s->xq_step, b - a, k->x + a, k->y + a);
}

static void fake_back_part(void *ctx, int part, int parts) {
    work *k = ctx;
    size_t a, b;
    numbers(k->e, src_of(k), part, parts, &a, &b);
    if (k->mix) mb_mix_inputs_back(k->mix, b - a, k->x + a, k->y + a, k->y + a, sums_of(k, part));
    else k->share[part] = mb_fake_inputs_back(&step_layer(k->e, k->s)->xq, k->s->xq_step, b - a, k->x + a, k->y + a, k->y + a);
}

static void quantise_inputs(mb_net_engine *e, step *s) {
    const mb_fakequant *q = &step_layer(e, s)->xq;
    const value *v = &e->value[s->src];
    float *learnt = step_theta(e, q->block), top = 0;
    work k = {.e = e, .s = s, .x = v->y, .y = s->xq, .share = e->sums};
    mb_mix mix;
    if (q->kind == MB_FAKE_MIX) {
        mb_mix_open(q, false, 1, learnt, &mix);
        if (!mb_mix_started(&mix)) mb_mix_inputs_start(&mix, v->per * (size_t)e->batch, v->y, learnt);
        k.mix = &mix;
        mb_parallel(e->threads, fake_part, &k);
        return;
    }
    if (learnt && !(*learnt > 0)) *learnt = mb_fake_inputs_start(q, v->per * (size_t)e->batch, v->y);
    if (q->kind == MB_FAKE_MINMAX) {
        mb_parallel(e->threads, max_part, &k);
        for (int p = 0; p < e->threads; p++) top = (float)k.share[p] > top ? (float)k.share[p] : top;
    }
    s->xq_step = mb_fake_inputs_step(q, learnt ? *learnt : 0, top);
    mb_parallel(e->threads, fake_part, &k);
}

/* taps x channels of a depthwise layer */
static void transpose(size_t m, size_t n, const float *a, float *b) {
    for (size_t i = 0; i < m; i++)
        for (size_t j = 0; j < n; j++) b[j * m + i] = a[i * n + j];
}

/* The weights of this pass. */
static const float *effective(mb_net_engine *e, step *s) {
    const mb_model_layer *l = step_layer(e, s);
    const mb_model_block *b = &e->m->block[l->weight];
    const float *w = e->m->theta + b->at;
    size_t cout = (size_t)l->win.cout, K = b->n / cout;
    if (!s->w) return w;
    float *to = s->kind == STEP_DEPTHWISE ? e->transposed : s->w;
    if (l->wq.kind == MB_FAKE_MIX) {
        mb_mix mix;
        float *learnt = step_theta(e, l->wq.block);
        mb_mix_open(&l->wq, true, l->win.cout, learnt, &mix);
        if (!mb_mix_started(&mix)) mb_mix_weights_start(&mix, l->win.cout, K, w, learnt);
        mb_mix_weights(&mix, l->win.cout, K, w, e->mixed, to);
    } else if (l->wq.kind) {
        float *learnt = step_theta(e, l->wq.block);
        if (learnt && !(*learnt > 0)) mb_fake_weights_start(&l->wq, l->win.cout, K, w, learnt);
        mb_fake_weights(&l->wq, learnt, l->win.cout, K, w, to, NULL);
    } else {
        memcpy(to, w, b->n * sizeof *w);
    }
    if (e->hooks.weights) e->hooks.weights(e->hooks.ctx, s->layer, b->n, to);
    if (s->kind == STEP_DEPTHWISE) transpose(cout, K, to, s->w);
    return s->w;
}

static void depthwise_part(void *ctx, int part, int parts) {
    work *k = ctx;
    size_t a, b;
    samples(k->e, part, parts, &a, &b);
    mb_depthwise_last(&step_layer(k->e, k->s)->win, b - a, k->x + a * src_of(k)->per, k->s->w, dst_of(k)->y + a * dst_of(k)->per);
}

static void bias_part(void *ctx, int part, int parts) {
    work *k = ctx;
    const value *v = dst_of(k);
    size_t a, b;
    rows(k->e, v, part, parts, &a, &b);
    mb_rows_bias(b - a, v->C, k->z, v->y + a * v->C);
}

static int forward_weighted(mb_net_engine *e, step *s) {
    const mb_model_layer *l = step_layer(e, s);
    const value *dst = &e->value[s->dst];
    size_t n = (size_t)e->batch;
    int rc = MB_OK;
    if (s->xq) quantise_inputs(e, s);
    work k = {.e = e, .s = s, .x = s->xq ? s->xq : e->value[s->src].y, .z = step_theta(e, l->bias)};
    const float *w = effective(e, s);
    if (s->kind == STEP_CONV) rc = mb_conv_forward(s->conv, k.x, w, dst->y);
    else if (s->kind == STEP_LINEAR) rc = mb_dnn_product('N', 'T', n, (size_t)l->win.cout, (size_t)l->win.cin, k.x, w, dst->y);
    else mb_parallel(e->threads, depthwise_part, &k);
    if (!rc && e->hooks.output) e->hooks.output(e->hooks.ctx, s->layer, e->batch, e->value[s->src].y, dst->per * n, dst->y, s->keep);
    if (!rc && k.z) mb_parallel(e->threads, bias_part, &k);
    return rc;
}

static void bias_back_part(void *ctx, int part, int parts) {
    work *k = ctx;
    const value *v = dst_of(k);
    size_t a, b;
    rows(k->e, v, part, parts, &a, &b);
    double *s = sums_of(k, part);
    memset(s, 0, v->C * sizeof *s);
    mb_rows_sums(b - a, v->C, k->x + a * v->C, s, tmp_of(k, part));
}

static void keep_part(void *ctx, int part, int parts) {
    work *k = ctx;
    size_t a, b;
    numbers(k->e, dst_of(k), part, parts, &a, &b);
    for (size_t i = a; i < b; i++) k->y[i] *= k->s->keep[i];
}

static void depthwise_back_part(void *ctx, int part, int parts) {
    work *k = ctx;
    size_t a, b;
    samples(k->e, part, parts, &a, &b);
    mb_depthwise_last_back(&step_layer(k->e, k->s)->win, b - a, k->x + a * dst_of(k)->per, k->s->w, k->y + a * src_of(k)->per);
}

static void depthwise_weights_part(void *ctx, int part, int parts) {
    work *k = ctx;
    const mb_model_layer *l = step_layer(k->e, k->s);
    size_t a, b;
    samples(k->e, part, parts, &a, &b);
    double *s = sums_of(k, part);
    memset(s, 0, k->e->m->block[l->weight].n * sizeof *s);
    mb_depthwise_last_weights(&l->win, b - a, k->z + a * src_of(k)->per, k->x + a * dst_of(k)->per, s, tmp_of(k, part));
}

static int weights_back(mb_net_engine *e, step *s, const float *g, float *dw) {
    const mb_model_layer *l = step_layer(e, s);
    const float *x = s->xq ? s->xq : e->value[s->src].y;
    size_t n = e->m->block[l->weight].n, cout = (size_t)l->win.cout;
    work k = {.e = e, .s = s, .x = g, .z = x};
    if (s->kind == STEP_CONV) return mb_conv_weights(s->conv, x, g, dw);
    if (s->kind == STEP_LINEAR) return mb_dnn_product('T', 'N', cout, (size_t)l->win.cin, (size_t)e->batch, g, x, dw);
    mb_parallel(e->threads, depthwise_weights_part, &k);
    add_parts(e, n);
    for (size_t i = 0; i < n; i++) e->transposed[i] = (float)e->sums[i];
    transpose(n / cout, cout, e->transposed, dw);
    return MB_OK;
}

static int backward_weighted(mb_net_engine *e, step *s, float *g, float *dx, float *grad) {
    const mb_model_layer *l = step_layer(e, s);
    const mb_model_block *wb = &e->m->block[l->weight];
    float *dw = grad + wb->at;
    size_t n = (size_t)e->batch;
    work k = {.e = e, .s = s, .x = g, .y = g};
    if (l->bias >= 0) {
        mb_parallel(e->threads, bias_back_part, &k);
        add_parts(e, (size_t)l->win.cout);
        for (size_t c = 0; c < (size_t)l->win.cout; c++) grad[e->m->block[l->bias].at + c] = (float)e->sums[c];
    }
    if (s->keep) mb_parallel(e->threads, keep_part, &k);
    int rc = weights_back(e, s, g, dw);
    if (!rc && l->wq.kind == MB_FAKE_MIX) {
        mb_mix mix;
        mb_mix_open(&l->wq, true, l->win.cout, step_theta(e, l->wq.block), &mix);
        mb_mix_weights_back(&mix, l->win.cout, wb->n / (size_t)l->win.cout, e->m->theta + wb->at, e->mixed, dw,
                            grad + e->m->block[l->wq.block].at);
    } else if (!rc && l->wq.kind)
        mb_fake_weights_back(&l->wq, step_theta(e, l->wq.block), l->win.cout, wb->n / (size_t)l->win.cout, e->m->theta + wb->at,
                             dw, l->wq.block < 0 ? NULL : grad + e->m->block[l->wq.block].at);
    if (rc || !dx) return rc;
    k.y = dx;
    if (s->kind == STEP_CONV) rc = mb_conv_input(s->conv, g, dx);
    else if (s->kind == STEP_LINEAR)
        rc = mb_dnn_product('N', 'N', n, (size_t)l->win.cin, (size_t)l->win.cout, g, s->w ? s->w : e->m->theta + wb->at, dx);
    else mb_parallel(e->threads, depthwise_back_part, &k);
    if (!rc && l->xq.kind == MB_FAKE_MIX) {
        mb_mix mix;
        mb_mix_open(&l->xq, false, 1, step_theta(e, l->xq.block), &mix);
        k.x = e->value[s->src].y;
        k.mix = &mix;
        mb_parallel(e->threads, fake_back_part, &k);
        add_parts(e, 2 * MB_MIX_MAX);
        mb_mix_inputs_finish(&mix, e->value[s->src].per * n, e->sums, grad + e->m->block[l->xq.block].at);
    } else if (!rc && s->xq) {
        double sum = 0;
        k.x = e->value[s->src].y;
        k.share = e->sums;
        mb_parallel(e->threads, fake_back_part, &k);
        for (int p = 0; p < e->threads; p++) sum += k.share[p];
        if (l->xq.block >= 0)
            grad[e->m->block[l->xq.block].at] = (float)(sum * mb_fake_inputs_factor(&l->xq, e->value[s->src].per * n));
    }
    return rc;
}

/* --- pooling, gathering, tanh --------------------------------------------------------------------------------------------- */

static void other_part(void *ctx, int part, int parts) {
    work *k = ctx;
    const value *v = src_of(k), *d = dst_of(k);
    const mb_model_layer *l = step_layer(k->e, k->s);
    size_t a, b;
    samples(k->e, part, parts, &a, &b);
    const float *x = v->y + a * v->per;
    float *y = d->y + a * d->per;
    if (k->s->kind == STEP_MAX) mb_maxpool_last(&l->win, b - a, x, y, k->s->which + a * d->per);
    else if (k->s->kind == STEP_AVG) mb_avgpool_last(&l->win, l->include_pad, b - a, x, y);
    else if (k->s->kind == STEP_TANH)
        for (size_t i = 0; i < (b - a) * d->per; i++) y[i] = tanhf(x[i]);
    else if (!k->s->index) memcpy(y, x, (b - a) * d->per * sizeof *y);
    else
        for (size_t n = a; n < b; n++, x += v->per, y += d->per)
            for (size_t i = 0; i < d->per; i++) y[i] = k->s->index[i] < 0 ? l->value : x[k->s->index[i]];
}

static void other_back_part(void *ctx, int part, int parts) {
    work *k = ctx;
    const value *v = src_of(k), *d = dst_of(k);
    const mb_model_layer *l = step_layer(k->e, k->s);
    size_t a, b;
    samples(k->e, part, parts, &a, &b);
    const float *g = k->x + a * d->per, *t = d->y + a * d->per;
    float *dx = k->y + a * v->per;
    if (k->s->kind == STEP_MAX) mb_maxpool_last_back(&l->win, b - a, g, k->s->which + a * d->per, dx);
    else if (k->s->kind == STEP_AVG) mb_avgpool_last_back(&l->win, l->include_pad, b - a, g, dx);
    else if (k->s->kind == STEP_TANH)
        for (size_t i = 0; i < (b - a) * d->per; i++) dx[i] = g[i] * (1 - t[i] * t[i]);
    else if (!k->s->index) {
        if (dx != g) memcpy(dx, g, (b - a) * d->per * sizeof *dx);
    } else {
        memset(dx, 0, (b - a) * v->per * sizeof *dx);
        for (size_t n = a; n < b; n++, g += d->per, dx += v->per)
            for (size_t i = 0; i < d->per; i++)
                if (k->s->index[i] >= 0) dx[k->s->index[i]] += g[i];
    }
}

/* --- passes ---------------------------------------------------------------------------------------------------------------- */

int mb_engine_forward(mb_net_engine *e, mb_pass pass) {
    int rc = MB_OK, was = mb_parallel_set(e->threads);
    e->pass = pass;
    if (pass == MB_PASS_RECALIBRATE) e->recalibrated++;
    for (int i = 0; !rc && i < e->n_steps; i++) {
        step *s = &e->step[i];
        work k = {.e = e, .s = s};
        if (s->kind == STEP_POINT) forward_point(e, s);
        else if (s->kind <= STEP_LINEAR) rc = forward_weighted(e, s);
        else mb_parallel(e->threads, other_part, &k);
    }
    mb_parallel_set(was);
    return rc;
}

typedef struct collect {
    const mb_net_engine *e;
    const step *s;
} collect;

/* g = sum of the contributions, where a clipped result passes it */
static void collect_part(void *ctx, int part, int parts) {
    const collect *k = ctx;
    const mb_net_engine *e = k->e;
    const step *s = k->s;
    const value *v = &e->value[s->dst];
    const mb_model_layer *clip = s->kind == STEP_POINT && s->clip >= 0 ? &e->m->layer[s->clip] : NULL;
    size_t a, b;
    numbers(e, v, part, parts, &a, &b);
    float *g = e->buffer[s->g].p;
    int first = 0;
    for (int i = 0; i < s->in.n; i++)
        if (s->in.buffer[i] == s->g) first = i; /* it is read before it is written */
    const float *sum = e->buffer[s->in.buffer[first]].p;
    int left = s->in.n - 1;
    for (int i = 0; i < s->in.n; i++) {
        if (i == first) continue;
        bool last = --left == 0;
        mb_mask(b - a, sum + a, e->buffer[s->in.buffer[i]].p + a, last && clip ? v->y + a : NULL, clip ? clip->lo : 0,
                clip ? clip->hi : 0, g + a);
        sum = g;
    }
    if (s->in.n == 1) mb_mask(b - a, sum + a, NULL, clip ? v->y + a : NULL, clip ? clip->lo : 0, clip ? clip->hi : 0, g + a);
}

static void take_output_gradient(mb_net_engine *e, const float *dy) {
    const value *v = &e->value[e->value_of[e->m->n_layers - 1]];
    float *g = e->buffer[e->dy].p;
    for (size_t i = 0; i < (size_t)e->batch; i++, g += v->per, dy += v->per)
        for (size_t k = 0; k < v->per; k++) g[v->rows == 1 ? k : k % v->rows * v->C + k / v->rows] = dy[k];
}

int mb_engine_backward(mb_net_engine *e, const float *dy, float *grad) {
    int rc = MB_OK, was = mb_parallel_set(e->threads);
    memset(grad, 0, e->m->n_theta * sizeof *grad);
    take_output_gradient(e, dy);
    for (int i = e->n_steps; !rc && i-- > 0;) {
        step *s = &e->step[i];
        float *g = e->buffer[s->g].p, *dx = s->dx < 0 ? NULL : e->buffer[s->dx].p;
        collect c = {e, s};
        if (s->in.n != 1 || s->clip >= 0 || s->in.buffer[0] != s->g) mb_parallel(e->threads, collect_part, &c);
        work k = {.e = e, .s = s, .x = g, .y = dx};
        if (s->kind == STEP_POINT) backward_point(e, s, g, dx, grad);
        else if (s->kind <= STEP_LINEAR) rc = backward_weighted(e, s, g, dx, grad);
        else if (dx) mb_parallel(e->threads, other_back_part, &k);
    }
    mb_parallel_set(was);
    return rc;
}
