/* bitsearch.c - bits of layers by gradients: every layer holds all its widths at once; see finetune.h and nn/mixquant.h
 *
 *     loss + eta sum_m sum_wx p_mw p_mx c_mwx,     p_mw, p_mx softmaxes of the logits of weights and inputs of layer m
 * With c = MACs w x / (MACs of all, at their largest bits) this is the complexity of EdMIPS, size E[bits of weights] E[bits of
 * inputs] (Cai, Vasconcelos, CVPR 2020, doi:10.1109/CVPR42600.2020.00242); any other table of costs, such as the machine's energy,
 * takes its place. Weights and logits are trained together by SGD, logits at a rate of their own.
 */
#include "config.h"

#include <math.h>
#include <string.h>

#include "base/error.h"
#include "base/mem.h"
#include "nn/mixquant.h"
#include "run/finetune_internal.h"

typedef struct bit_search {
    mb_tuning t; /* first: the trainer's ctx is both */
    mb_bit_search *b;
    int *layer; /* [n] of the model */
    double scale;
} bit_search;

static void softmax(const bit_search *s, int m, bool weights, double *p) {
    const mb_model_layer *l = &s->t.model->layer[s->layer[m]];
    const mb_fakequant *q = weights ? &l->wq : &l->xq;
    mb_mix mix;
    mb_mix_open(q, weights, l->win.cout, s->t.model->theta + s->t.model->block[q->block].at, &mix);
    for (int k = 0; k < mix.n; k++) p[k] = (double)mix.p[k];
}

/* dlogits (+)= eta d(expected cost); all that the layer's logits learn is scaled to their own rate. */
static void pull(const bit_search *s, int n, const double *p, const double *cost, float *grad) {
    double mean = 0;
    for (int k = 0; k < n; k++) mean += p[k] * cost[k];
    for (int k = 0; k < n; k++)
        grad[k] = (float)(s->scale * ((double)grad[k] + s->b->eta * p[k] * (cost[k] - mean)));
}

static double penalty(void *ctx, float *grad) {
    const bit_search *s = ctx;
    const mb_model *model = s->t.model;
    double sum = 0;
    for (int m = 0; m < s->b->n; m++) {
        mb_bit_menu *e = &s->b->layer[m];
        const mb_model_layer *l = &model->layer[s->layer[m]];
        double by_w[MB_BITS] = {0}, by_x[MB_BITS] = {0};
        softmax(s, m, true, e->p_w);
        softmax(s, m, false, e->p_x);
        for (int w = 0; w < e->n_w; w++)
            for (int x = 0; x < e->n_x; x++) {
                by_w[w] += e->p_x[x] * e->cost[w][x];
                by_x[x] += e->p_w[w] * e->cost[w][x];
            }
        for (int w = 0; w < e->n_w; w++) sum += e->p_w[w] * by_w[w];
        pull(s, e->n_w, e->p_w, by_w, grad + model->block[l->wq.block].at);
        pull(s, e->n_x, e->p_x, by_x, grad + model->block[l->xq.block].at);
    }
    s->b->expected = sum;
    return s->b->eta * sum;
}

static unsigned mask_of(int n, const int *bits) {
    unsigned mask = 0;
    for (int k = 0; k < n; k++) mask |= 1u << bits[k];
    return mask;
}

static int put_branches(bit_search *s) {
    mb_model *model = s->t.model;
    mb_profile *prof = NULL;
    const mb_dataset *d = s->t.data;
    int rc = mb_profile_new(s->t.s->net, d, d->n < 256 ? (int64_t)d->n : 256, NULL, &prof);
    if (!rc && prof->n != s->b->n) rc = mb_fail(MB_BUG, "a search of bits for %d layers, the network has %d", s->b->n, prof->n);
    for (int i = 0, m = 0; !rc && i < model->n_layers; i++) {
        if (!mb_model_weighted(&model->layer[i])) continue;
        const mb_bit_menu *e = &s->b->layer[m];
        mb_fakequant w = {.kind = MB_FAKE_MIX, .mix = mask_of(e->n_w, e->w), .per_channel = s->t.own.per_channel, .block = -1},
                     x = {.kind = MB_FAKE_MIX, .mix = mask_of(e->n_x, e->x), .is_signed = prof->input[m].min < 0, .block = -1};
        s->layer[m++] = i;
        rc = mb_model_quantise(model, i, &w, &x);
    }
    mb_profile_free(prof);
    return rc;
}

int mb_bit_search_run(const mb_setup *setup, const mb_progress *pr, mb_bit_search *b) {
    bit_search s = {.b = b};
    mb_epoch last = {0};
    int rc = mb_tuning_open(setup, "searching bits", b->epochs, pr, &s.t);
    if (!rc && !(s.layer = mb_malloc((size_t)b->n, sizeof *s.layer))) rc = mb_nomem();
    if (!rc) rc = put_branches(&s);
    if (!rc) {
        s.t.keys.optimiser = MB_SGD; /* the logits' rate is a factor on their derivatives, which Adam would not see */
        s.scale = b->rate / s.t.keys.rate;
        s.t.job.penalty = penalty;
        rc = mb_tuning_train(&s.t, &last);
    }
    for (int m = 0; !rc && m < b->n; m++) {
        softmax(&s, m, true, b->layer[m].p_w);
        softmax(&s, m, false, b->layer[m].p_x);
    }
    b->loss = last.loss, b->accuracy = last.accuracy;
    mb_free(s.layer);
    mb_tuning_close(&s.t);
    return rc ? mb_context(rc, "while searching bits by gradients") : MB_OK;
}
