/* explain.c - the passes behind an explanation: the network with sets of its non-idealities, and single layers against their
 * float product
 *
 * Definitions: run/explain.h. A set of non-idealities is a copy of the setup with effects of the cell switched off and MB_IDEAL_*
 * flags, mapped and programmed like the point itself. Called by point.c; one thread (mb_sim_run starts more).
 */
#include "run/explain.h"

#include <gsl/gsl_cdf.h>
#include <math.h>
#include <string.h>

#include "base/error.h"
#include "base/mem.h"
#include "nn/unroll.h"

#define CHUNK 512     /* vectors at once */
#define CODE_WORK 3e7 /* cells visited per layer and draw for the histogram of codes */
#define MAX_ITEMS 40
#define PROBE (1 << 17)          /* cells that tell whether an effect acts */
#define ROUNDING 1e-12 /* squared error relative to the signal that float32 makes: no noise of the machine */

typedef enum { INPUTS, WEIGHTS, LEVELS, CELLS, EFFECT, WIRES, READ, CONVERTER } item_kind;
typedef struct item {
    const char *name;
    item_kind kind;
    int effect;
} item;

/* What all passes of a point share. */
typedef struct study {
    const mb_setup *s;
    const mb_profile *prof;
    const mb_plan *plan;
    const mb_progress *pr;
    item item[MAX_ITEMS];
    int n_item;
    int64_t n, T, snr_samples;
    float **W; /* per weighted layer: [groups][K][N] */
} study;

/* A set of non-idealities, mapped. */
typedef struct variant {
    mb_setup s; /* the setup with a cell of its own */
    bool inputs, weights, arrays;
    int exact;      /* this layer is the exact integer product, -1: none */
    mb_mapped *map; /* NULL: nothing is quantised, the float network */
} variant;

/* --- the list of non-idealities -------------------------------------------------------------------------------------- */

static void add_item(study *st, const char *name, item_kind kind, int effect) {
    if (st->n_item < MAX_ITEMS) st->item[st->n_item++] = (item){name, kind, effect};
}

/* Conductances G and read noise SIGMA of PROBE cells with parameters P, at the point's time and temperature. */
static void probe(const study *st, const void *p, const float *target, float *state, float *G, float *sigma) {
    const mb_cell_type *t = st->s->cell.type;
    mb_stream rng;
    mb_stream_init(&rng, (uint64_t)st->s->keys.seed, MB_RNG_PROGRAM, 0, 0, 0);
    t->program(p, PROBE, target, state, &rng);
    t->mean(p, PROBE, state, st->s->read.time_s, st->s->read.temperature_K, G);
    memset(sigma, 0, PROBE * sizeof *sigma);
    if (t->read_sigma) t->read_sigma(p, PROBE, state, st->s->read.time_s, st->s->read.temperature_K, G, sigma);
}

/* Which effects of the cell change a conductance or its noise at this point: acts[e]. Faults rarer than one in PROBE cells may be missed, and
 * then stay on in all sets. */
static int probe_effects(const study *st, bool *acts) {
    const mb_cell *c = &st->s->cell;
    double lo, hi;
    void *p = mb_malloc(c->type->size, 1);
    float *target = mb_malloc(PROBE, sizeof *target), *state = mb_malloc((size_t)PROBE * (size_t)c->type->n_state, sizeof *state);
    float *G = mb_malloc(4 * (size_t)PROBE, sizeof *G);
    int rc = p && target && state && G ? MB_OK : mb_nomem();
    if (rc) goto out;
    c->type->range(c->params, &lo, &hi);
    for (int i = 0; i < PROBE; i++) target[i] = (float)(lo + (hi - lo) * (i % 16) / 15);
    probe(st, c->params, target, state, G, G + PROBE);
    for (int e = 0; c->type->effects[e] && e < MAX_ITEMS; e++) {
        memcpy(p, c->params, c->type->size);
        c->type->without(p, e);
        acts[e] = false;
        if (memcmp(p, c->params, c->type->size) == 0) continue;
        probe(st, p, target, state, G + 2 * PROBE, G + 3 * PROBE);
        acts[e] = memcmp(G, G + 2 * PROBE, 2 * PROBE * sizeof *G) != 0;
    }
out:
    mb_free(p);
    mb_free(target);
    mb_free(state);
    mb_free(G);
    return rc;
}

/* Make every conductance programmable; false when the model has no key for that. */
static bool continuous(const mb_cell *c, void *params) {
    for (const mb_param *p = c->type->params; p->name; p++) {
        char *at = (char *)params + p->offset;
        if (p->kind == MB_P_INT && !strcmp(p->name, "levels")) *(int *)(void *)at = 0;
        if (p->kind == MB_P_REALS && !strcmp(p->name, "level_S")) *(mb_reals *)(void *)at = (mb_reals){NULL, 0}; /* borrowed */
    }
    return c->type->levels(params) == 0;
}

/* Do the levels of the cell miss a digit of any analog layer? */
static bool levels_act(const study *st, void *scratch) {
    const mb_cell *c = &st->s->cell;
    const int L = c->type->levels(c->params);
    bool miss = false;
    if (L == 0) return false;
    memcpy(scratch, c->params, c->type->size);
    for (const mb_param *p = c->type->params; p->name; p++)
        if (p->kind == MB_P_REALS && !strcmp(p->name, "level_S"))
            miss = ((const mb_reals *)(const void *)((const char *)c->params + p->offset))->n > 0;
    for (int k = 0; k < st->plan->n; k++)
        if (st->plan->assign[k].engine == MB_ANALOG) miss = miss || (L - 1) % ((1 << st->plan->assign[k].cell_bits) - 1) != 0;
    return miss && continuous(c, scratch);
}

static int list_items(study *st) {
    const mb_cell *c = &st->s->cell;
    bool analog = false, noise = false, acts[MAX_ITEMS] = {false};
    for (int k = 0; k < st->plan->n; k++) analog = analog || st->plan->assign[k].engine == MB_ANALOG;
    add_item(st, "input quantisation", INPUTS, 0);
    add_item(st, "weight quantisation", WEIGHTS, 0);
    if (!analog) return MB_OK;
    void *scratch = mb_malloc(c->type->size, 1);
    if (!scratch) return mb_nomem();
    int rc = c->type->effects ? probe_effects(st, acts) : MB_OK;
    if (rc) {
        mb_free(scratch);
        return rc;
    }
    if (levels_act(st, scratch)) add_item(st, "levels", LEVELS, 0);
    if (!c->type->effects && c->type->deterministic && !c->type->deterministic(c->params))
        add_item(st, "cells", CELLS, 0); /* a model without switches: all that it does, in one piece */
    for (int late = 0; late < 2; late++) {
        if (late && mb_machine_has_wires(st->s->mach)) add_item(st, "wires", WIRES, 0);
        for (int e = 0; c->type->effects && c->type->effects[e]; e++) {
            if ((strstr(c->type->effects[e], "noise") != NULL) != (late == 1)) continue;
            noise = noise || late;
            if (e < MAX_ITEMS && acts[e]) add_item(st, c->type->effects[e], EFFECT, e);
        }
    }
    mb_free(scratch);
    if (c->type->read_sigma && !noise) add_item(st, "read noise", READ, 0);
    if (!st->s->mach->adc.type->transparent) add_item(st, "converter", CONVERTER, 0);
    return MB_OK;
}

/* --- a set of non-idealities ------------------------------------------------------------------------------------------- */

static void variant_free(variant *v) {
    mb_mapped_free(v->map);
    mb_free(v->s.cell.params); /* a shallow copy: texts belong to the setup */
}

/* The point with the non-idealities ON. The variant must stay where it is. */
static int variant_make(const study *st, const bool *on, variant *v) {
    const mb_cell *c = &st->s->cell;
    memset(v, 0, sizeof *v);
    v->s = *st->s;
    v->exact = -1;
    v->s.cell.params = mb_malloc(c->type->size, 1);
    if (!v->s.cell.params) return mb_nomem();
    memcpy(v->s.cell.params, c->params, c->type->size);
    for (int i = 0; i < st->n_item; i++) {
        const item *it = &st->item[i];
        if (on[i]) {
            if (it->kind == INPUTS) v->inputs = true;
            else if (it->kind == WEIGHTS) v->weights = true;
            else v->arrays = true;
            continue;
        }
        switch (it->kind) {
        case LEVELS: continuous(c, v->s.cell.params); break;
        case CELLS: v->s.ideal |= MB_IDEAL_CELLS; break;
        case EFFECT: c->type->without(v->s.cell.params, it->effect); break;
        case WIRES: v->s.ideal |= MB_IDEAL_WIRES; break;
        case READ: v->s.ideal |= MB_IDEAL_READ; break;
        case CONVERTER: v->s.ideal |= MB_IDEAL_ADC; break;
        case INPUTS:
        case WEIGHTS: break;
        }
    }
    if (!v->inputs && !v->weights && !v->arrays) return MB_OK;
    return mb_mapped_new(&v->s, st->prof, st->plan, &v->map);
}

/* --- a pass over samples --------------------------------------------------------------------------------------------------- */

typedef struct shared {
    const study *st;
    const variant *v;
    uint32_t trial;
    uint8_t *right;         /* [samples]: accuracy pass; NULL: a pass of single layers */
    double *signal, *noise; /* [blocks][layers] */
    bool count;             /* statistics of the converters, too */
    mb_xbar_stats *stats;   /* [layers], merged when contexts close */
    mb_xbar_codes *codes;
} shared;

typedef struct context {
    shared *sh;
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
    shared *sh = p;
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
    const variant *v = c->sh->v;
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
    const variant *v = c->sh->v;
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
    const variant *v = c->sh->v;
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

static int run_pass(shared *sh, int64_t samples, const char *what) {
    const study *st = sh->st;
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

/* --- intervals ---------------------------------------------------------------------------------------------------------------
 */

void mb_paired_interval(int64_t n, int64_t T, int64_t S1, int64_t S2, const double *d, double *low, double *high) {
    const double N = (double)n + 2, t = (double)T, mean = (double)S1 / t / N;
    const double var = ((double)S2 / (t * t) + 2) / N - mean * mean, z = 1.959963984540054;
    double square = z * z * var / N;
    if (T > 1) {
        double m = 0, s2 = 0;
        for (int64_t i = 0; i < T; i++) m += d[i] / t;
        for (int64_t i = 0; i < T; i++) s2 += (d[i] - m) * (d[i] - m) / (t - 1);
        const double q = gsl_cdf_tdist_Pinv(0.975, t - 1);
        square += q * q * s2 / t;
    }
    *low = fmax(-1, mean - sqrt(square));
    *high = fmin(1, mean + sqrt(square));
}

/* Accuracy of B minus that of A, both right[T][n], and its interval. */
static int compare(const study *st, const uint8_t *a, const uint8_t *b, double *diff, double *low, double *high) {
    int64_t S1 = 0, S2 = 0;
    double *d = mb_calloc((size_t)st->T, sizeof *d);
    if (!d) return mb_nomem();
    for (int64_t j = 0; j < st->n; j++) {
        int64_t e = 0;
        for (int64_t t = 0; t < st->T; t++) e += (int64_t)b[t * st->n + j] - (int64_t)a[t * st->n + j];
        S1 += e;
        S2 += e * e;
    }
    for (int64_t t = 0; t < st->T; t++) {
        int64_t e = 0;
        for (int64_t j = 0; j < st->n; j++) e += (int64_t)b[t * st->n + j] - (int64_t)a[t * st->n + j];
        d[t] = (double)e / (double)st->n;
    }
    *diff = (double)S1 / (double)st->T / (double)st->n;
    mb_paired_interval(st->n, st->T, S1, S2, d, low, high);
    mb_free(d);
    return MB_OK;
}

static double accuracy_of(const study *st, const uint8_t *right) {
    int64_t sum = 0;
    for (int64_t i = 0; i < st->T * st->n; i++) sum += right[i];
    return (double)sum / (double)(st->T * st->n);
}

/* --- what is measured
 * ------------------------------------------------------------------------------------------------------------ */

/* What a variant is asked besides the samples that it gets right. */
typedef struct extra {
    int item;               /* number of the non-ideality that was added last */
    bool converters;        /* their statistics, too */
    double *signal, *noise; /* [layers], sums over blocks and draws in this order */
    mb_xbar_stats *stats;   /* [layers] */
    mb_xbar_codes *codes;
    uint8_t **alone; /* [layers] of right[T][n] with this layer exact; NULL: not asked */
} extra;

static int layers_of_draw(const study *st, variant *v, uint32_t trial, extra *x) {
    const size_t L = (size_t)st->s->net->n_weighted, blocks = (size_t)((st->snr_samples + MB_SIM_BLOCK - 1) / MB_SIM_BLOCK);
    double *signal = mb_calloc(blocks * L, sizeof *signal), *noise = mb_calloc(blocks * L, sizeof *noise);
    shared sh = {.st = st,
                 .v = v,
                 .trial = trial,
                 .signal = signal,
                 .noise = noise,
                 .count = x->converters,
                 .stats = x->stats,
                 .codes = x->codes};
    int rc = signal && noise ? run_pass(&sh, st->snr_samples, "explain: layers") : mb_nomem();
    for (size_t b = 0; b < blocks && !rc; b++)
        for (size_t k = 0; k < L; k++) {
            x->signal[k] += signal[b * L + k];
            x->noise[k] += noise[b * L + k];
        }
    for (size_t k = 0; x->alone && k < L && !rc; k++) {
        if (!x->alone[k]) continue;
        shared one = {.st = st, .v = v, .trial = trial, .right = x->alone[k] + (int64_t)trial * st->n};
        v->exact = (int)k;
        rc = run_pass(&one, st->n, "explain: layer by layer");
    }
    v->exact = -1;
    mb_free(signal);
    mb_free(noise);
    return rc;
}

/* Which samples variant V gets right in each draw, right[T][n]. The draws of a variant without chance are one. X may be NULL. */
static int measure(const study *st, variant *v, const char *what, uint8_t *right, extra *x) {
    int rc = MB_OK;
    for (int64_t t = 0; t < st->T && !rc; t++) {
        shared sh = {.st = st, .v = v, .trial = (uint32_t)t, .right = right + t * st->n};
        if (t > 0 && (!v->arrays || mb_mapped_deterministic(v->map))) {
            memcpy(sh.right, right, (size_t)st->n);
            for (int k = 0; x && x->alone && k < st->s->net->n_weighted; k++)
                if (x->alone[k]) memcpy(x->alone[k] + t * st->n, x->alone[k], (size_t)st->n);
            continue;
        }
        if (v->arrays) rc = mb_mapped_program(v->map, sh.trial, st->pr);
        if (!rc) rc = run_pass(&sh, st->n, what);
        if (!rc && x) rc = layers_of_draw(st, v, sh.trial, x);
    }
    return rc;
}

static double occupancy(const mb_mapped_view *l, const mb_xbar_stats *s) {
    const mb_adc_range *r = mb_xbar_range(l->xbar[0], 0);
    const double span = (double)r->q_hi - (double)r->q_lo;
    return s->q_max >= s->q_min && span > 0 ? ((double)s->q_max - (double)s->q_min) / span : 0;
}

static void extra_close(extra *x, size_t L) {
    mb_free(x->signal);
    mb_free(x->noise);
    mb_free(x->stats);
    mb_free(x->codes);
    for (size_t k = 0; x->alone && k < L; k++) mb_free(x->alone[k]);
    mb_free(x->alone);
}

static int extra_open(const study *st, int number, bool layers, size_t L, extra *x) {
    *x = (extra){.item = number, .converters = number + 1 == st->n_item};
    x->signal = mb_calloc(L, sizeof *x->signal);
    x->noise = mb_calloc(L, sizeof *x->noise);
    x->stats = mb_malloc(L, sizeof *x->stats);
    x->codes = mb_calloc(L, sizeof *x->codes);
    if (!x->signal || !x->noise || !x->stats || !x->codes) return mb_nomem();
    for (size_t k = 0; k < L; k++) mb_xbar_stats_init(&x->stats[k]);
    if (!layers || !x->converters) return MB_OK;
    if (!(x->alone = mb_calloc(L, sizeof *x->alone))) return mb_nomem();
    for (size_t k = 0; k < L; k++)
        if (st->plan->assign[k].engine == MB_ANALOG && !(x->alone[k] = mb_malloc((size_t)(st->T * st->n), 1))) return mb_nomem();
    return MB_OK;
}

/* What X gathered, into E. ALL: the samples that the variant gets right. */
static int extra_tell(const study *st, const variant *v, const extra *x, const uint8_t *all, mb_explanation *e) {
    int rc = MB_OK;
    for (size_t k = 0; k < e->n_layer && !rc; k++) {
        mb_explain_layer *l = &e->layer[k];
        mb_mapped_view view;
        mb_mapped_layer(v->map, (int)k, &view);
        l->snr_dB[x->item] = x->noise[k] > x->signal[k] * ROUNDING ? 10 * log10(x->signal[k] / x->noise[k]) : (double)INFINITY;
        if (x->alone && x->alone[k]) rc = compare(st, all, x->alone[k], &l->recovered, &l->recovered_low, &l->recovered_high);
        if (!x->converters || !view.xbar || x->codes[k].conversions == 0) continue; /* digital, or a transparent converter */
        l->clipped = (double)x->stats[k].clipped / (double)x->stats[k].conversions;
        l->occupancy = occupancy(&view, &x->stats[k]);
        l->conversions = (int64_t)x->codes[k].conversions;
        for (int s = 0; s < MB_CODE_SLICES; s++)
            for (int b = 0; b < MB_CODE_BINS; b++) l->code[b] += (int64_t)x->codes[k].bin[s][b];
    }
    return rc;
}

/* --- a point
 * ----------------------------------------------------------------------------------------------------------------------- */

void mb_explanation_free(mb_explanation *e) {
    if (!e) return;
    for (size_t i = 0; e->item && i < e->n_item; i++) mb_free(e->item[i].name);
    for (size_t k = 0; e->layer && k < e->n_layer; k++) {
        mb_free(e->layer[k].name);
        mb_free(e->layer[k].engine);
        mb_free(e->layer[k].snr_dB);
    }
    mb_free(e->item);
    mb_free(e->layer);
    mb_free(e->id);
    mb_free(e);
}

static int new_explanation(const study *st, mb_explanation **out) {
    const mb_network *net = st->s->net;
    mb_explanation *e = mb_calloc(1, sizeof *e);
    if (!e) return mb_nomem();
    *out = e;
    e->samples = st->n;
    e->draws = st->T;
    e->snr_samples = st->snr_samples;
    e->id = mb_asprintf("%016llx", (unsigned long long)st->s->id);
    e->item = mb_calloc((size_t)st->n_item, sizeof *e->item);
    e->layer = mb_calloc((size_t)net->n_weighted, sizeof *e->layer);
    if (!e->id || !e->item || !e->layer) return mb_nomem();
    e->n_item = (size_t)st->n_item;
    e->n_layer = (size_t)net->n_weighted;
    for (size_t i = 0; i < e->n_item; i++)
        if (!(e->item[i].name = mb_strdup(st->item[i].name))) return mb_nomem();
    for (size_t k = 0; k < e->n_layer; k++) {
        mb_explain_layer *l = &e->layer[k];
        l->name = mb_strdup(net->layer[net->weighted[k]].name);
        l->engine = mb_strdup(st->plan->assign[k].engine == MB_ANALOG ? "analog" : "digital");
        l->snr_dB = mb_calloc(e->n_item, sizeof *l->snr_dB);
        l->recovered = l->recovered_low = l->recovered_high = (double)NAN;
        if (!l->name || !l->engine || !l->snr_dB) return mb_nomem();
    }
    return MB_OK;
}

static int study_open(study *st) {
    const mb_network *net = st->s->net;
    int rc = list_items(st);
    if (rc) return rc;
    st->n = st->s->keys.samples;
    st->snr_samples = st->n < MB_EXPLAIN_SAMPLES ? st->n : MB_EXPLAIN_SAMPLES;
    st->W = mb_calloc((size_t)net->n_weighted, sizeof *st->W);
    if (!st->W) return mb_nomem();
    for (int k = 0; k < net->n_weighted; k++) {
        const mb_layer *l = &net->layer[net->weighted[k]];
        mb_matmul mm = mb_layer_matmul(l);
        const size_t size = (size_t)mm.K * (size_t)mm.N;
        if (!(st->W[k] = mb_malloc(size * (size_t)mm.groups, sizeof(float)))) return mb_nomem();
        for (int g = 0; g < mm.groups; g++) mb_layer_matrix(l, g, st->W[k] + (size_t)g * size);
    }
    return MB_OK;
}

static void study_close(study *st) {
    for (int k = 0; st->W && k < st->s->net->n_weighted; k++) mb_free(st->W[k]);
    mb_free(st->W);
}

/* One after another: up_to_0 in LAST at the beginning; CURRENT is room; the point itself in ALL at the end. */
static int add_one_by_one(const study *st, uint8_t *last, uint8_t *current, uint8_t *all, bool layers, mb_explanation *e) {
    int rc = MB_OK;
    for (int i = 0; i < st->n_item && !rc; i++) {
        bool on[MAX_ITEMS] = {false};
        uint8_t *right = i + 1 == st->n_item ? all : current;
        double gain, low, high;
        variant v;
        extra x;
        for (int k = 0; k <= i; k++) on[k] = true;
        rc = variant_make(st, on, &v);
        int open = extra_open(st, i, layers, e->n_layer, &x);
        if (!rc) rc = open;
        if (!rc) rc = measure(st, &v, "explain: adding", right, &x);
        if (!rc) rc = compare(st, last, right, &gain, &low, &high);
        if (!rc) rc = extra_tell(st, &v, &x, right, e);
        extra_close(&x, e->n_layer);
        variant_free(&v);
        if (rc) return rc;
        e->item[i].up_to = accuracy_of(st, right);
        e->item[i].lost = 0 - gain; /* no minus before a zero */
        e->item[i].lost_low = 0 - high;
        e->item[i].lost_high = 0 - low;
        memcpy(last, right, (size_t)(st->T * st->n));
    }
    return rc;
}

/* All but one. There are two at least: inputs and weights. */
static int leave_one_out(const study *st, const uint8_t *all, uint8_t *right, mb_explanation *e) {
    int rc = MB_OK;
    for (int i = 0; i < st->n_item - 1 && !rc; i++) {
        mb_explain_item *it = &e->item[i];
        bool on[MAX_ITEMS];
        variant v;
        for (int k = 0; k < st->n_item; k++) on[k] = k != i;
        rc = variant_make(st, on, &v);
        if (!rc) rc = measure(st, &v, "explain: leaving out", right, NULL);
        if (!rc) rc = compare(st, all, right, &it->recovered, &it->recovered_low, &it->recovered_high);
        if (!rc) it->without = accuracy_of(st, right);
        variant_free(&v);
    }
    mb_explain_item *last = &e->item[st->n_item - 1]; /* it was added last: the comparison is made already */
    last->without = e->item[st->n_item - 2].up_to;
    last->recovered = last->lost;
    last->recovered_low = last->lost_low;
    last->recovered_high = last->lost_high;
    return rc;
}

int mb_explain_point(mb_setup *s, const mb_profile *prof, const mb_plan *plan, bool layers, const mb_progress *pr,
                     mb_explanation **out) {
    study st = {.s = s, .prof = prof, .plan = plan, .pr = pr};
    mb_explanation *e = NULL;
    uint8_t *none = NULL, *last = NULL, *current = NULL, *all = NULL;
    bool on[MAX_ITEMS] = {false};
    variant v = {0};
    int rc = study_open(&st);
    *out = NULL;
    for (int i = 0; i < st.n_item; i++) on[i] = true;
    if (!rc) rc = variant_make(&st, on, &v); /* is there chance in it? */
    if (rc) goto out;
    st.T = mb_mapped_deterministic(v.map) ? 1 : s->keys.trials;
    variant_free(&v);
    memset(on, 0, sizeof on);
    memset(&v, 0, sizeof v);
    const size_t size = (size_t)(st.T * st.n);
    none = mb_malloc(size, 1), last = mb_malloc(size, 1), current = mb_malloc(size, 1), all = mb_malloc(size, 1);
    rc = none && last && current && all ? new_explanation(&st, &e) : mb_nomem();
    if (!rc) rc = variant_make(&st, on, &v);
    if (!rc) rc = measure(&st, &v, "explain: float", none, NULL);
    if (rc) goto out;
    memcpy(last, none, size);
    e->layers = layers;
    e->float_accuracy = accuracy_of(&st, none);
    rc = add_one_by_one(&st, last, current, all, layers, e);
    if (!rc) rc = leave_one_out(&st, all, current, e);
    if (!rc) {
        double gain, low, high;
        rc = compare(&st, none, all, &gain, &low, &high);
        e->accuracy = accuracy_of(&st, all);
        e->lost_low = 0 - high;
        e->lost_high = 0 - low;
    }
out:
    variant_free(&v);
    study_close(&st);
    mb_free(none);
    mb_free(last);
    mb_free(current);
    mb_free(all);
    if (rc) mb_explanation_free(e);
    else *out = e;
    return rc;
}
