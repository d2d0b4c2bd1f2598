/* explain_pass.c - one pass of a set of non-idealities over samples: through the network, or layer by layer beside the float network
 *
 * The output of a layer with the non-idealities of a set: run/explain.h. Called by explain.c; mb_sim_run runs the contexts.
 */
#include "run/explain_internal.h"

#include <math.h>
#include <string.h>

#include "base/error.h"
#include "base/mem.h"
#include "nn/unroll.h"

#define CHUNK 512     /* vectors at once */
#define CODE_WORK 3e7 /* cells visited per layer and draw for the histogram of codes */

typedef struct context {
    mb_pass *sh;
    int64_t first; /* sample */
    int16_t *q, *x;
    float *xf, *alone; /* unrolled inputs; output of a layer on its own */
    int64_t *y, *exact;
    double *sum;
    mb_xbar_stats *stats;
    mb_xbar_codes *codes;
} context;

static void context_close(void *p) {
    context *c = p;
    if (!c) return;
    for (int k = 0; c->stats && c->codes && k < c->sh->st->s->net->n_weighted; k++) {
        mb_xbar_stats_merge(&c->sh->stats[k], &c->stats[k]);
        mb_xbar_codes_merge(&c->sh->codes[k], &c->codes[k]);
    }
    mb_free(c->q);
    mb_free(c->x);
    mb_free(c->xf);
    mb_free(c->alone);
    mb_free(c->y);
    mb_free(c->exact);
    mb_free(c->sum);
    mb_free(c->stats);
    mb_free(c->codes);
    mb_free(c);
}

static int context_open(void *p, void **out) {
    mb_pass *sh = p;
    const mb_network *net = sh->st->s->net;
    size_t in = 1, K = 1, N = 1, outs = 1, L = (size_t)net->n_weighted;
    context *c = mb_calloc(1, sizeof *c);
    if (!c) return mb_nomem();
    *out = c;
    c->sh = sh;
    for (size_t k = 0; k < L; k++) {
        const mb_layer *l = &net->layer[net->weighted[k]];
        mb_matmul mm = mb_layer_matmul(l);
        size_t i = (size_t)l->win.cin * (size_t)l->win.ih * (size_t)l->win.iw * MB_SIM_BLOCK;
        size_t o = (size_t)l->win.cout * (size_t)l->win.oh * (size_t)l->win.ow * MB_SIM_BLOCK;
        in = i > in ? i : in;
        outs = o > outs ? o : outs;
        K = (size_t)mm.K > K ? (size_t)mm.K : K;
        N = (size_t)mm.N > N ? (size_t)mm.N : N;
    }
    c->q = mb_malloc(in, sizeof *c->q);
    c->x = mb_malloc(K * CHUNK, sizeof *c->x);
    c->xf = mb_malloc(K * CHUNK, sizeof *c->xf);
    c->y = mb_malloc(N * CHUNK, sizeof *c->y);
    c->exact = mb_malloc(N * CHUNK, sizeof *c->exact);
    c->sum = mb_malloc(N * CHUNK, sizeof *c->sum);
    if (!sh->right) c->alone = mb_malloc(outs, sizeof *c->alone);
    if (sh->count) {
        c->codes = mb_calloc(L, sizeof *c->codes);
        c->stats = mb_malloc(L, sizeof *c->stats);
        for (size_t k = 0; k < L && c->stats; k++) mb_xbar_stats_init(&c->stats[k]);
    }
    bool all =
        c->q && c->x && c->xf && c->y && c->exact && c->sum && (sh->right || c->alone) && (!sh->count || (c->codes && c->stats));
    return all ? MB_OK : mb_nomem();
}

static void context_begin(void *p, int64_t first) {
    ((context *)p)->first = first;
}

static void context_end(void *p, int64_t first, int n, const float *out) {
    const context *c = p;
    const mb_network *net = c->sh->st->s->net;
    const size_t classes = mb_shape_count(&net->layer[net->output].shape);
    for (int i = 0; i < n && c->sh->right; i++)
        c->sh->right[first + i] = mb_argmax(out + (size_t)i * classes, classes) == c->sh->st->s->data->label[first + i];
}

/* sum[rows][N] = inputs times weights, each float or quantised; every sum runs over k in order. */
static void real_product(const context *c, const mb_mapped_view *l, int m, int group, int rows) {
    const mb_variant *v = c->sh->v;
    const size_t K = (size_t)l->mm.K, N = (size_t)l->mm.N;
    const float *W = c->sh->st->W[m] + (size_t)group * K * N;
    const int16_t *Wq = l->Wq + (size_t)group * K * N;
    const double *sw = l->sw + (size_t)group * N;
    memset(c->sum, 0, (size_t)rows * N * sizeof *c->sum);
    for (size_t r = 0; r < (size_t)rows; r++) {
        double *sum = c->sum + r * N;
        for (size_t k = 0; k < K; k++) {
            const double x = v->inputs ? l->sx * c->x[r * K + k] : (double)c->xf[r * K + k];
            if (x == 0) continue;
            if (v->weights) {
                for (size_t n = 0; n < N; n++) sum[n] += x * Wq[k * N + n];
            } else {
                for (size_t n = 0; n < N; n++) sum[n] += x * (double)W[k * N + n];
            }
        }
        for (size_t n = 0; n < N && v->weights; n++) sum[n] *= sw[n];
    }
}

/* Codes of a sample of the vectors [v0, v0 + rows) of the block: as many of a layer as CODE_WORK allows, evenly spread. */
static int count_codes(context *c, const mb_mapped_view *l, int m, int group, int64_t v0, int rows) {
    const mb_xbar *xb = l->xbar[group];
    const mb_xbar_layout *lay = mb_xbar_get_layout(xb);
    const double work = (double)l->mm.K * (double)l->mm.N * lay->conversions_per_output * lay->planes;
    const double vectors = (double)c->sh->st->snr_samples * l->mm.vectors * l->mm.groups;
    const int64_t step = (int64_t)ceil(fmax(1, vectors * work / CODE_WORK));
    for (int r = 0; r < rows; r++) {
        const int64_t at = c->first * l->mm.vectors + v0 + r;
        if ((at + group) % step) continue;
        mb_read_id id = {(uint64_t)c->sh->st->s->keys.seed, c->sh->trial, (uint32_t)m, (uint32_t)group, (uint32_t)at};
        int rc = mb_xbar_count_codes(xb, &id, 1, c->x + (size_t)r * (size_t)l->mm.K, &c->codes[m]);
        if (rc) return rc;
    }
    return MB_OK;
}

/* Vectors [v0, v0 + rows) of the block, of one group: unrolled, multiplied, put into y. */
static int chunk(context *c, const mb_layer *L, const mb_mapped_view *l, int m, int group, int64_t v0, int rows, const float *x,
                 float *y) {
    const mb_variant *v = c->sh->v;
    const size_t in = (size_t)L->win.cin * (size_t)L->win.ih * (size_t)L->win.iw, K = (size_t)l->mm.K, N = (size_t)l->mm.N;
    const int V = l->mm.vectors;
    const bool real = !v->inputs || !v->weights, array = v->arrays && l->xbar && v->exact != m;
    double F = 1;
    int rc = MB_OK;
    for (int64_t at = v0; at < v0 + rows;) { /* pieces of one sample */
        const int64_t s = at / V;
        const int a = (int)(at % V), b = (int)((s + 1) * V < v0 + rows ? V : v0 + rows - s * V);
        mb_unroll_i16(L, group, c->q + (size_t)s * in, a, b, c->x + (size_t)(at - v0) * K);
        if (!v->inputs) mb_unroll_f32(L, group, x + (size_t)s * in, a, b, c->xf + (size_t)(at - v0) * K);
        at += b - a;
    }
    if (!array || real) mb_matmul_i16(rows, l->mm.K, l->mm.N, c->x, l->Wq + (size_t)group * K * N, c->exact);
    if (real) real_product(c, l, m, group, rows);
    if (array) {
        mb_read_id id = {(uint64_t)v->s.keys.seed, c->sh->trial, (uint32_t)m, (uint32_t)group, (uint32_t)(c->first * V + v0)};
        rc = mb_xbar_mvm(l->xbar[group], &id, rows, c->x, c->y, c->stats ? &c->stats[m] : NULL);
        if (!rc && c->codes) rc = count_codes(c, l, m, group, v0, rows);
        F = mb_xbar_scale(l->xbar[group]);
    }
    for (size_t n = 0; n < N && !rc; n++) {
        const size_t ch = (size_t)group * N + n;
        const double scale = l->sx * l->sw[ch] / F;
        const float bias = L->bias ? L->bias[ch] : 0.0f;
        for (size_t r = 0; r < (size_t)rows; r++) {
            const size_t at = (size_t)v0 + r, to = (at / (size_t)V * (size_t)L->win.cout + ch) * (size_t)V + at % (size_t)V;
            const double got = array ? l->compensation * (double)c->y[r * N + n] : (double)c->exact[r * N + n];
            if (!real) y[to] = (float)(got * scale) + bias;
            else if (!array) y[to] = (float)c->sum[r * N + n] + bias;
            else y[to] = (float)(c->sum[r * N + n] + (got - F * (double)c->exact[r * N + n]) * scale) + bias;
        }
    }
    return rc;
}

/* Weighted layer M with the non-idealities of the variant. */
static int product(context *c, const mb_network *net, int m, int n, const float *x, float *y) {
    const mb_variant *v = c->sh->v;
    const mb_layer *L = &net->layer[net->weighted[m]];
    mb_mapped_view l;
    if (!v->map) return mb_exec_reference(NULL, net, m, n, x, y);
    mb_mapped_layer(v->map, m, &l);
    const int64_t total = (int64_t)n * l.mm.vectors;
    mb_input_quantise(x, (size_t)L->win.cin * (size_t)L->win.ih * (size_t)L->win.iw * (size_t)n, l.sx, l.input_bits, l.is_signed,
                      c->q);
    for (int g = 0; g < l.mm.groups; g++)
        for (int64_t v0 = 0; v0 < total; v0 += CHUNK) {
            int rc = chunk(c, L, &l, m, g, v0, (int)(total - v0 < CHUNK ? total - v0 : CHUNK), x, y);
            if (rc) return mb_context(rc, "layer %s", L->name);
        }
    return MB_OK;
}

static int layer_in_network(void *p, const mb_network *net, int m, int n, const float *x, float *y) {
    return product(p, net, m, n, x, y);
}

/* The float layer goes on; the variant's is compared with it. */
static int layer_alone(void *p, const mb_network *net, int m, int n, const float *x, float *y) {
    context *c = p;
    const mb_layer *L = &net->layer[net->weighted[m]];
    const size_t positions = (size_t)L->win.oh * (size_t)L->win.ow, channels = (size_t)L->win.cout;
    double signal = 0, noise = 0;
    int rc = mb_exec_reference(NULL, net, m, n, x, y);
    if (!rc) rc = product(c, net, m, n, x, c->alone);
    if (rc) return rc;
    for (size_t i = 0; i < (size_t)n * channels * positions; i++) {
        const double bias = L->bias ? (double)L->bias[i / positions % channels] : 0;
        const double s = (double)y[i] - bias, e = (double)c->alone[i] - (double)y[i];
        signal += s * s;
        noise += e * e;
    }
    const size_t at = (size_t)(c->first / MB_SIM_BLOCK) * (size_t)net->n_weighted + (size_t)m;
    c->sh->signal[at] = signal;
    c->sh->noise[at] = noise;
    return MB_OK;
}

int mb_pass_run(mb_pass *sh, int64_t samples, const char *what) {
    const mb_study *st = sh->st;
    mb_sim_job job = {.net = st->s->net,
                      .data = st->s->data,
                      .samples = samples,
                      .what = what,
                      .progress = st->pr,
                      .shared = sh,
                      .open = context_open,
                      .close = context_close,
                      .begin = context_begin,
                      .layer = sh->right ? layer_in_network : layer_alone,
                      .end = context_end};
    return mb_sim_run(&job);
}
