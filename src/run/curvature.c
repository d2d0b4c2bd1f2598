/* curvature.c - second-order sensitivities of layers: from a setup to the objective, and from estimates to a table's rows */
#include "run/curvature.h"

#include <math.h>

#include "base/error.h"
#include "base/mem.h"
#include "mapping/sensitivity.h"

typedef struct work {
    const mb_setup *s;
    const mb_curvature_options *o;
    const mb_dataset *data;
    mb_model *model;
    mb_model_data in;
    mb_objective objective;
    double *theta, *x, *target;
    int *block;                          /* [weighted] its weights */
    double **dw;                         /* [weighted * n_bits] */
    mb_change *change;                   /* the same as changes */
    size_t n_change;
} work;

static int progress(void *ctx, const char *what, int64_t done, int64_t total) {
    const mb_progress *p = ctx;
    return p->step(p->ctx, what, done, total);
}

/* --- the objective -------------------------------------------------------------------------------------------------------------
 * */

static int load_samples(work *w, size_t n) {
    size_t in = mb_diff_inputs(w->model), out = mb_diff_outputs(w->model);
    float *x = mb_malloc(n * in, sizeof *x);
    w->x = mb_malloc(n * in, sizeof *w->x);
    w->target = mb_calloc(n * out, sizeof *w->target);
    w->theta = mb_malloc(w->model->n_theta, sizeof *w->theta);
    int rc = x && w->x && w->target && w->theta ? MB_OK : mb_nomem();
    if (!rc) mb_dataset_get(w->data, 0, n, x);
    for (size_t k = 0; !rc && k < n * in; k++) w->x[k] = (double)x[k];
    for (size_t s = 0; !rc && s < n; s++) w->target[s * out + (size_t)w->data->label[s]] = 1;
    for (size_t k = 0; !rc && k < w->model->n_theta; k++) w->theta[k] = (double)w->model->theta[k];
    mb_free(x);
    return rc;
}

static int open_objective(work *w) {
    const mb_network *net = w->s->net;
    size_t n = w->data->n < (size_t)w->o->samples ? w->data->n : (size_t)w->o->samples;
    int k = 0;
    int rc = mb_dataset_fits(w->data, net);
    if (!rc) rc = mb_model_from_network(net, &w->model);
    if (!rc) rc = load_samples(w, n);
    if (!rc && !(w->block = mb_malloc((size_t)net->n_weighted, sizeof *w->block))) rc = mb_nomem();
    if (rc) return rc;
    for (int i = 0; i < w->model->n_layers && k < net->n_weighted; i++)
        if (mb_model_weighted(&w->model->layer[i])) w->block[k++] = w->model->layer[i].weight;
    if (k != net->n_weighted) return mb_fail(MB_BUG, "%s: its model has %d weighted layers of %d", net->path, k, net->n_weighted);
    w->in = (mb_model_data){w->model, {MB_LOSS_CROSS_ENTROPY, false}, w->x, w->target};
    w->objective = mb_objective_of_model(&w->in, n);
    w->objective.threads = w->o->threads;
    w->objective.batch = n > 32 ? 8 : 4;
    if (w->o->progress && w->o->progress->step) {
        w->objective.progress = progress;
        w->objective.progress_ctx = (void *)w->o->progress;
    }
    return MB_OK;
}

/* --- changes of weights
 * ------------------------------------------------------------------------------------------------------------ */

/* dW of layer L quantised to BITS, as the mapper quantises it: [cout][K] as the layer's weights. */
static int quantise(const work *w, const mb_layer *l, int bits, double *dw, double *dw2) {
    const mb_calibration_keys *cal = &w->s->cal;
    mb_matmul m = mb_layer_matmul(l);
    size_t K = (size_t)m.K, N = (size_t)m.N;
    float *W = mb_malloc(K * N, sizeof *W);
    double *scale = mb_malloc(N, sizeof *scale);
    int16_t *q = mb_malloc(K * N, sizeof *q);
    int rc = W && scale && q ? MB_OK : mb_nomem();
    *dw2 = 0;
    for (int g = 0; g < m.groups && !rc; g++) {
        double *d = dw + (size_t)g * K * N;
        mb_layer_matrix(l, g, W);
        for (size_t n = 0; n < N; n++) {
            if (cal->per_channel) scale[n] = mb_weight_scale(W, m.K, m.N, (int)n, bits, (mb_range_rule)cal->weight_rule,
                                                             cal->weight_percentile);
            else if (g == 0 && n == 0) scale[0] = mb_weight_scale(l->weight, (int)l->n_weight, 1, -1, bits,
                                                                  (mb_range_rule)cal->weight_rule, cal->weight_percentile);
            else scale[n] = scale[0];
        }
        mb_weight_quantise(W, m.K, m.N, scale, bits, q);
        for (size_t n = 0; n < N; n++)
            for (size_t k = 0; k < K; k++) {
                d[n * K + k] = scale[n] * (double)q[k * N + n] - (double)W[k * N + n];
                *dw2 += d[n * K + k] * d[n * K + k];
            }
    }
    mb_free(W);
    mb_free(scale);
    mb_free(q);
    return rc;
}

static int make_changes(work *w, mb_curvature *c) {
    const mb_network *net = w->s->net;
    size_t bits = (size_t)w->o->n_bits;
    w->n_change = (size_t)net->n_weighted * bits;
    w->dw = mb_calloc(w->n_change, sizeof *w->dw);
    w->change = mb_calloc(w->n_change, sizeof *w->change);
    int rc = w->dw && w->change ? MB_OK : mb_nomem();
    for (size_t j = 0; j < w->n_change && !rc; j++) {
        const mb_layer *l = &net->layer[net->weighted[j / bits]];
        mb_layer_change *ch = &c->layer[j / bits].change[j % bits];
        w->dw[j] = mb_malloc(l->n_weight, sizeof(double));
        if (!w->dw[j]) return mb_nomem();
        w->change[j] = (mb_change){w->block[j / bits], w->dw[j]};
        *ch = (mb_layer_change){w->o->bits[j % bits], 0, (double)NAN, (double)NAN, (double)NAN, (double)NAN};
        rc = quantise(w, l, ch->bits, w->dw[j], &ch->dw2);
    }
    return rc;
}

/* --- estimates
 * ------------------------------------------------------------------------------------------------------------------- */

static int traces(work *w, mb_curvature *c) {
    size_t blocks = (size_t)w->model->n_blocks;
    mb_estimate *e = mb_malloc(3 * blocks, sizeof *e), *half = mb_malloc(w->n_change, sizeof *half);
    int rc = e && half ? MB_OK : mb_nomem();
    uint64_t seed = (uint64_t)w->s->keys.seed;
    if (!rc) rc = mb_fisher(&w->objective, w->theta, MB_FISHER_EMPIRICAL, seed, e, w->n_change, w->change, half);
    if (!rc && w->o->exact) rc = mb_fisher(&w->objective, w->theta, MB_FISHER_EXACT, seed, e + blocks, 0, NULL, NULL);
    if (!rc && w->o->probes) rc = mb_hessian_trace(&w->objective, w->theta, -1, (size_t)w->o->probes, seed, e + 2 * blocks);
    for (int k = 0; k < c->n && !rc; k++) {
        mb_layer_curvature *l = &c->layer[k];
        l->empirical = e[w->block[k]];
        if (w->o->exact) l->fisher = e[blocks + (size_t)w->block[k]];
        if (w->o->probes) l->trace = e[2 * blocks + (size_t)w->block[k]];
        for (int b = 0; b < c->n_bits; b++) {
            if (w->o->exact) l->change[b].omega = l->fisher.mean / (double)l->n * l->change[b].dw2;
            l->change[b].fisher = half[k * c->n_bits + b].mean;
        }
    }
    mb_free(e);
    mb_free(half);
    return rc;
}

static int eigenvalues(work *w, mb_curvature *c) {
    int rc = MB_OK;
    for (int k = 0; w->o->steps && k < c->n && !rc; k++)
        rc = mb_hessian_spectrum(&w->objective, w->theta, w->block[k], (size_t)w->o->steps, 1e-3, (uint64_t)w->s->keys.seed,
                                 &c->layer[k].spectrum);
    return rc;
}

static int measure(work *w, mb_curvature *c) {
    int rc = MB_OK;
    for (size_t j = 0; w->o->measure && j < w->n_change && !rc; j++) {
        mb_layer_change *ch = &c->layer[j / (size_t)c->n_bits].change[j % (size_t)c->n_bits];
        rc = mb_hessian_quadratic(&w->objective, w->theta, 1, &w->change[j], &ch->quadratic);
        ch->quadratic /= 2;
        if (!rc) rc = mb_loss_changes(&w->objective, w->theta, 1, &w->change[j], &ch->measured, NULL);
    }
    return rc;
}

static int pairs(work *w, mb_curvature *c) {
    const size_t n = w->n_change;
    if (!w->o->pairs) return MB_OK;
    double *single = mb_malloc(n, sizeof *single);
    c->pair = mb_malloc(n * n, sizeof *c->pair);
    int rc = single && c->pair ? MB_OK : mb_nomem();
    if (!rc && w->o->pairs == 1) rc = mb_hessian_quadratic(&w->objective, w->theta, n, w->change, c->pair);
    else if (!rc) rc = mb_loss_changes(&w->objective, w->theta, n, w->change, single, c->pair);
    mb_free(single);
    return rc;
}

static int entropies(const work *w, mb_curvature *c) {
    int rc = MB_OK;
    for (int k = 0; k < c->n && !rc; k++)
        rc = mb_weight_entropy(w->theta + w->model->block[w->block[k]].at, c->layer[k].n, 4, MB_BIN_LSQ, 0, &c->layer[k].entropy);
    return rc;
}

/* --- the whole
 * --------------------------------------------------------------------------------------------------------------------- */

static int make_rows(const mb_setup *s, const mb_curvature_options *o, mb_curvature *c) {
    c->n = s->net->n_weighted;
    c->n_bits = o->n_bits;
    c->layer = mb_calloc((size_t)c->n, sizeof *c->layer);
    if (!c->layer) return mb_nomem();
    for (int k = 0; k < c->n; k++) {
        const mb_layer *l = &s->net->layer[s->net->weighted[k]];
        c->layer[k].name = l->name;
        c->layer[k].n = l->n_weight;
        c->layer[k].change = mb_calloc((size_t)c->n_bits, sizeof *c->layer[k].change);
        if (!c->layer[k].change) return mb_nomem();
    }
    return MB_OK;
}

void mb_curvature_free(mb_curvature *c) {
    for (int k = 0; c && c->layer && k < c->n; k++) mb_free(c->layer[k].change);
    if (c) mb_free(c->layer), mb_free(c->pair);
    mb_free(c);
}

int mb_curvature_compute(const mb_setup *s, const mb_curvature_options *o, mb_curvature **out) {
    work w = {.s = s, .o = o, .data = s->calib ? s->calib : s->data};
    mb_curvature *c = mb_calloc(1, sizeof *c);
    int rc = c ? make_rows(s, o, c) : mb_nomem();
    if (!rc) rc = open_objective(&w);
    if (!rc) rc = make_changes(&w, c);
    if (!rc) c->samples = w.objective.samples;
    if (!rc) rc = mb_objective_gradient(&w.objective, w.theta, &c->loss, NULL);
    if (!rc) rc = entropies(&w, c);
    if (!rc) rc = traces(&w, c);
    if (!rc) rc = eigenvalues(&w, c);
    if (!rc) rc = measure(&w, c);
    if (!rc) rc = pairs(&w, c);
    for (size_t j = 0; w.dw && j < w.n_change; j++) mb_free(w.dw[j]);
    mb_free(w.dw);
    mb_free(w.change);
    mb_free(w.block);
    mb_free(w.theta);
    mb_free(w.x);
    mb_free(w.target);
    mb_model_free(w.model);
    if (rc) mb_curvature_free(c);
    else *out = c;
    return rc;
}
