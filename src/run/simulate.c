/* simulate.c - accuracy of networks: the parallel loop over blocks of samples, and what it computes in weighted layers
 *
 * A pass runs samples [0, n) of a dataset through the network in blocks of MB_SIM_BLOCK. Each thread has its own executor and buffers (struct worker); a block is
 * computed by one thread from beginning to end, and everything gathered is integer (or belongs to block 0 alone), so results do not depend on threads.
 * Equation of an analog layer, with input scale s_x, weight scales s_w[n], array scale F and bias b:
 *     q = quantise(x / s_x);   y[n] = c s_x s_w[n] / F * array(q)[n] + b[n]
 * c compensates for drift (1 unless read.drift_compensation asks for it): 1 / decay(t) of the cell type, or, measured, sum G(0) / sum G(t) over the layer's cells.
 */
#include "run/simulate.h"

#include <gsl/gsl_cdf.h>
#include <math.h>
#include <omp.h>
#include <stdatomic.h>
#include <string.h>

#include "array/xbar.h"
#include "base/error.h"
#include "base/mem.h"
#include "mapping/keep.h"
#include "nn/exec.h"
#include "nn/unroll.h"

#define CHUNK_BYTES (128 << 10)      /* unrolled vectors and products of a chunk: they stay in the second-level cache */
#define CHUNK_ROUND 64               /* vectors: what crossbars take at a time */
#define CHUNK_MAX 2048
#define STEP_BYTES (128 << 10)       /* the largest activation of the samples that go through the network together */
#define CORRECTION_TRIAL (1u << 25)  /* reads for the correction draw noise of their own */

/* --- passes ------------------------------------------------------------------------------------------------------- */

typedef enum { PASS_FLOAT, PASS_PROFILE, PASS_INTEGER, PASS_RANGES, PASS_ANALOG } pass_kind;

typedef struct layer_gather {        /* what a worker gathers in one weighted layer */
    mb_observer *input;              /* PASS_PROFILE */
    mb_xbar_hist **hist;             /* PASS_RANGES: per group */
    mb_xbar_stats stats;             /* PASS_ANALOG */
    double signal, noise;            /* block 0 only */
} layer_gather;

typedef struct pass {
    pass_kind kind;
    const mb_network *net;
    const mb_dataset *data;
    int64_t samples;
    mb_mapped *map;
    const mb_progress *progress;
    const char *what;
    uint32_t trial;
} pass;

typedef struct worker {
    const pass *p;
    mb_exec *exec;
    float *in, *out;
    int16_t *flat, *q, *x;           /* quantised activations of a sample; those of a block, padded; unrolled vectors of a chunk */
    int64_t *y, *exact;
    double *scale;                   /* of the outputs of a group */
    layer_gather *layer;
    int n_layer;
    int step;                        /* samples that go through the network together: a block, or less when activations are large */
    int64_t first;                   /* number of the first of them */
    int64_t correct, loss;
} worker;

typedef struct mapped_layer {
    mb_matmul mm;
    int16_t *Wq;                     /* [groups][K][N] */
    double *sw;                      /* [cout] */
    double sx;
    bool is_signed;
    int input_bits;
    mb_engine engine;
    mb_xbar_spec spec;
    mb_xbar **xbar;                  /* [groups], analog only */
    double compensation;             /* of drift: factor on what the arrays put out */
    float *gain, *offset;            /* [cout] of the outputs (correct()); NULL: none */
    mb_xbar_stats stats;             /* gathered over trials */
    double signal, noise;
} mapped_layer;

struct mb_mapped {
    const mb_setup *s;
    const mb_network *net;
    mapped_layer *layer;
    int n;
    bool *input_signed;
    bool ranges_set, deterministic, noted;
    uint32_t trial;
    uint64_t share, held;            /* keys in the cache: of what is programmed, but for the trial (0: nothing is shared); of the cells that are read (0: own ones) */
};

static void worker_free(worker *w) {
    mb_exec_free(w->exec);
    mb_free(w->in);
    mb_free(w->out);
    mb_free(w->flat);
    mb_free(w->q);
    mb_free(w->x);
    mb_free(w->y);
    mb_free(w->exact);
    mb_free(w->scale);
    for (int k = 0; w->layer && k < w->n_layer; k++) {
        mb_free(w->layer[k].input);
        if (w->layer[k].hist)
            for (int g = 0; g < w->p->map->layer[k].mm.groups; g++) mb_xbar_hist_free(w->layer[k].hist[g]);
        mb_free(w->layer[k].hist);
    }
    mb_free(w->layer);
}

static size_t larger(size_t a, size_t b) { return a > b ? a : b; }

/* Vectors of a chunk of a layer. */
static int chunk_vectors(const mb_matmul *mm) {
    size_t each = (size_t)mm->K * sizeof(int16_t) + (size_t)mm->N * sizeof(int64_t), n = CHUNK_BYTES / each / CHUNK_ROUND * CHUNK_ROUND;
    return n < CHUNK_ROUND ? CHUNK_ROUND : n > CHUNK_MAX ? CHUNK_MAX : (int)n;
}

/* Buffers large enough for every weighted layer of the network. */
static int worker_buffers(worker *w) {
    const mb_network *net = w->p->net;
    size_t flat = 1, q = 1, x = 1, y = 1, N = 1;
    for (int k = 0; k < net->n_weighted; k++) {
        const mb_layer *l = &net->layer[net->weighted[k]];
        mb_matmul mm = mb_layer_matmul(l);
        size_t rows = (size_t)chunk_vectors(&mm);
        flat = larger(flat, (size_t)l->win.cin * (size_t)l->win.ih * (size_t)l->win.iw);
        q = larger(q, mb_padded_count(l));
        x = larger(x, (size_t)mm.K * rows);
        y = larger(y, (size_t)mm.N * rows);
        N = larger(N, (size_t)mm.N);
    }
    w->flat = mb_malloc(flat, sizeof *w->flat);
    w->q = mb_malloc(q, MB_SIM_BLOCK * sizeof *w->q);
    w->x = mb_malloc(x, sizeof *w->x);
    w->y = mb_malloc(y, sizeof *w->y);
    w->exact = mb_malloc(y, sizeof *w->exact);
    w->scale = mb_malloc(N, sizeof *w->scale);
    return w->flat && w->q && w->x && w->y && w->exact && w->scale ? MB_OK : mb_nomem();
}

static int worker_init(worker *w, const pass *p) {
    memset(w, 0, sizeof *w);
    w->p = p;
    w->in = mb_malloc(MB_SIM_BLOCK * mb_shape_count(&p->net->layer[p->net->input].shape), sizeof *w->in);
    w->out = mb_malloc(MB_SIM_BLOCK * mb_shape_count(&p->net->layer[p->net->output].shape), sizeof *w->out);
    w->layer = mb_calloc((size_t)p->net->n_weighted, sizeof *w->layer);
    if (!w->in || !w->out || !w->layer) return mb_nomem();
    w->n_layer = p->net->n_weighted;
    for (int k = 0; k < w->n_layer; k++) {
        layer_gather *g = &w->layer[k];
        mb_xbar_stats_init(&g->stats);
        if (p->kind == PASS_PROFILE) {
            if (!(g->input = mb_malloc(1, sizeof *g->input))) return mb_nomem();
            mb_observer_init(g->input);
        }
        if (p->kind == PASS_RANGES && p->map->layer[k].engine == MB_ANALOG) {
            const mapped_layer *m = &p->map->layer[k];
            if (!(g->hist = mb_calloc((size_t)m->mm.groups, sizeof *g->hist))) return mb_nomem();
            for (int i = 0; i < m->mm.groups; i++) {
                int rc = mb_xbar_hist_new(m->xbar[i], &g->hist[i]);
                if (rc) return rc;
            }
        }
    }
    size_t widest = 1;
    for (int k = 0; k < p->net->n_layers; k++) widest = larger(widest, mb_shape_count(&p->net->layer[k].shape) * sizeof(float));
    w->step = p->kind == PASS_FLOAT || widest * MB_SIM_BLOCK <= STEP_BYTES ? MB_SIM_BLOCK : widest < STEP_BYTES ? (int)(STEP_BYTES / widest) : 1;
    int rc = mb_exec_new(p->net, MB_SIM_BLOCK, &w->exec);
    if (!rc && p->kind >= PASS_INTEGER) rc = worker_buffers(w);
    return rc;
}

static int profile_layer(void *ctx, const mb_network *net, int m, int n, const float *x, float *y) {
    worker *w = ctx;
    const mb_window *win = &net->layer[net->weighted[m]].win;
    mb_observer_add(w->layer[m].input, x, (size_t)n * (size_t)win->cin * (size_t)win->ih * (size_t)win->iw);
    return mb_exec_reference(NULL, net, m, n, x, y);
}

/* Squared signal and error of an analog chunk against the exact product, in array units. */
static void gather_snr(worker *w, int m, size_t count, double F, double c) {
    layer_gather *g = &w->layer[m];
    for (size_t i = 0; i < count; i++) {
        double s = (double)w->exact[i] * F, e = c * (double)w->y[i] - s;
        g->signal += s * s;
        g->noise += e * e;
    }
}

/* w->y of chunk [v0, v1) of vectors (over the block's samples) of one group. */
static int chunk_product(worker *w, int m, int group, int64_t v0, int rows) {
    const pass *p = w->p;
    const mapped_layer *l = &p->map->layer[m];
    const int16_t *Wq = l->Wq + (size_t)group * (size_t)l->mm.K * (size_t)l->mm.N;
    bool analog = l->engine == MB_ANALOG && p->kind == PASS_ANALOG;
    if (l->engine == MB_ANALOG && p->kind == PASS_RANGES) {
        int rc = mb_xbar_observe(l->xbar[group], rows, w->x, w->layer[m].hist[group]);
        if (rc) return rc;
    }
    if (!analog) {
        mb_matmul_i16(rows, l->mm.K, l->mm.N, w->x, Wq, w->y);
        return MB_OK;
    }
    mb_read_id id = {(uint64_t)p->map->s->keys.seed, p->trial, (uint32_t)m, (uint32_t)group, (uint32_t)(w->first * l->mm.vectors + v0)};
    int rc = mb_xbar_mvm(l->xbar[group], &id, rows, w->x, w->y, &w->layer[m].stats);
    if (!rc && w->first == 0) {
        mb_matmul_i16(rows, l->mm.K, l->mm.N, w->x, Wq, w->exact);
        gather_snr(w, m, (size_t)rows * (size_t)l->mm.N, mb_xbar_scale(l->xbar[group]), l->compensation);
    }
    return rc;
}

/* Scale w->y of vectors [v0, v0 + rows) to real numbers and put them where they belong: y[sample][channel][position]. */
static void chunk_output(const worker *w, const mb_layer *L, int m, int group, int64_t v0, int rows, float *y) {
    const mapped_layer *l = &w->p->map->layer[m];
    const size_t N = (size_t)l->mm.N;
    bool analog = l->engine == MB_ANALOG && w->p->kind == PASS_ANALOG;
    const double F = analog ? mb_xbar_scale(l->xbar[group]) / l->compensation : 1.0;
    for (size_t n = 0; n < N; n++) w->scale[n] = l->sx * l->sw[(size_t)group * N + n] / F;
    mb_place_outputs(L, group, v0, rows, w->y, w->scale, y);
}

/* y = gain[c] y + offset[c] for N samples [cout][places] */
static void correct_outputs(const mapped_layer *l, int n, float *y) {
    const size_t places = (size_t)l->mm.vectors, cout = (size_t)l->mm.groups * (size_t)l->mm.N;
    for (size_t s = 0; s < (size_t)n * cout; s++, y += places)
        for (size_t k = 0; k < places; k++) y[k] = l->gain[s % cout] * y[k] + l->offset[s % cout];
}

/* Weighted layer M on integers: quantise and pad once, unroll in chunks, multiply, scale. */
static int mapped_layer_run(void *ctx, const mb_network *net, int m, int n, const float *x, float *y) {
    worker *w = ctx;
    const mb_layer *L = &net->layer[net->weighted[m]];
    const mapped_layer *l = &w->p->map->layer[m];
    const size_t in = (size_t)L->win.cin * (size_t)L->win.ih * (size_t)L->win.iw, padded = mb_padded_count(L);
    const int V = l->mm.vectors, chunk = chunk_vectors(&l->mm);
    const int64_t total = (int64_t)n * V;
    for (size_t s = 0; s < (size_t)n; s++) {
        mb_input_quantise(x + s * in, in, l->sx, l->input_bits, l->is_signed, w->flat);
        mb_pad_i16(L, w->flat, w->q + s * padded);
    }
    for (int g = 0; g < l->mm.groups; g++)
        for (int64_t v0 = 0; v0 < total; v0 += chunk) {
            int rows = (int)(total - v0 < chunk ? total - v0 : chunk);
            for (int64_t v = v0; v < v0 + rows;) { /* pieces of one sample */
                int64_t s = v / V;
                int a = (int)(v % V), b = (int)((s + 1) * V < v0 + rows ? V : v0 + rows - s * V);
                mb_unroll_padded_i16(L, g, w->q + (size_t)s * padded, a, b, w->x + (size_t)(v - v0) * (size_t)l->mm.K);
                v += b - a;
            }
            int rc = chunk_product(w, m, g, v0, rows);
            if (rc) return mb_context(rc, "layer %s", L->name);
            chunk_output(w, L, m, g, v0, rows, y);
        }
    if (l->gain && w->p->kind == PASS_ANALOG) correct_outputs(l, n, y);
    return MB_OK;
}

/* Losses are integers, so that their sums are exact and free of order; capped at 2^11 (a probability of zero). */
int64_t mb_loss_units(const float *v, size_t n, int label) {
    double top = (double)v[0], sum = 0;
    for (size_t i = 1; i < n; i++)
        if ((double)v[i] > top) top = (double)v[i];
    for (size_t i = 0; i < n; i++) sum += exp((double)v[i] - top);
    double loss = log(sum) + top - (double)v[label];
    if (!(loss < 2048.0)) loss = 2048.0;
    return (int64_t)llround(loss / MB_LOSS_UNIT);
}

/* Block 0 goes through the network as a whole, so that the sums of gather_snr() have one order. */
static int run_block(worker *w, int64_t block) {
    const pass *p = w->p;
    const int64_t first = block * MB_SIM_BLOCK;
    const int n = (int)(p->samples - first < MB_SIM_BLOCK ? p->samples - first : MB_SIM_BLOCK), step = block == 0 ? n : w->step;
    const size_t in = mb_shape_count(&p->net->layer[p->net->input].shape), classes = mb_shape_count(&p->net->layer[p->net->output].shape);
    mb_weighted_fn fn = p->kind == PASS_FLOAT ? NULL : p->kind == PASS_PROFILE ? profile_layer : mapped_layer_run;
    int rc = MB_OK;
    mb_dataset_get(p->data, (size_t)first, (size_t)n, w->in);
    for (int i = 0; i < n && !rc; i += step) {
        w->first = first + i;
        rc = mb_exec_run(w->exec, n - i < step ? n - i : step, w->in + (size_t)i * in, w->out + (size_t)i * classes, fn, w, NULL, NULL);
    }
    if (rc || p->kind == PASS_PROFILE || p->kind == PASS_RANGES) return rc;
    for (int i = 0; i < n; i++) {
        const float *v = w->out + (size_t)i * classes;
        int label = p->data->label[first + i];
        w->correct += mb_argmax(v, classes) == label;
        w->loss += mb_loss_units(v, classes, label);
    }
    return MB_OK;
}

/* Merge what a worker gathered into SUM (its first layer array); serial. */
static int gather_merge(const pass *p, layer_gather *sum, const layer_gather *one) {
    for (int k = 0; k < p->net->n_weighted; k++) {
        if (sum[k].input) mb_observer_merge(sum[k].input, one[k].input);
        if (sum[k].hist)
            for (int g = 0; g < p->map->layer[k].mm.groups; g++) {
                int rc = mb_xbar_hist_merge(sum[k].hist[g], one[k].hist[g]);
                if (rc) return rc;
            }
        mb_xbar_stats_merge(&sum[k].stats, &one[k].stats);
        sum[k].signal += one[k].signal; /* non-zero in one worker only: block 0 */
        sum[k].noise += one[k].noise;
    }
    return MB_OK;
}

/* The parallel loop: open(all, t) once by every thread t, then blocks of samples, block(all, t, b), by whoever is free. The first error
 * stops all of them. */
typedef struct loop {
    int64_t samples;
    const mb_progress *progress;
    const char *what;
    void *all;
    int (*open)(void *all, int t);
    int (*block)(void *all, int t, int64_t b);
} loop;

static int64_t loop_blocks(int64_t samples) { return (samples + MB_SIM_BLOCK - 1) / MB_SIM_BLOCK; }

static int loop_threads(int64_t samples) {
    const int64_t blocks = loop_blocks(samples);
    const int threads = omp_get_max_threads();
    return threads <= blocks ? threads : blocks > 0 ? (int)blocks : 1;
}

static int loop_run(const loop *l) {
    const int64_t blocks = loop_blocks(l->samples);
    const mb_progress *progress = l->progress;
    int rc = MB_OK;
    mb_error *trail = NULL;
    int64_t done = 0;
    atomic_int stop = 0;
#pragma omp parallel num_threads(loop_threads(l->samples))
    {
        const int t = omp_get_thread_num();
        int my = l->open(l->all, t);
#pragma omp for schedule(dynamic, 1)
        for (int64_t b = 0; b < blocks; b++) {
            if (atomic_load(&stop)) continue;
            if (!my) my = l->block(l->all, t, b);
#pragma omp critical(mb_progress)
            {
                done++;
                if (!my && !rc && progress && progress->step && progress->step(progress->ctx, l->what, done, blocks))
                    my = mb_fail(MB_INTERRUPTED, "interrupted");
                if (my && !rc) {
                    rc = my;
                    trail = mb_error_take();
                    atomic_store(&stop, 1);
                }
            }
            if (my) mb_error_clear();
        }
#pragma omp critical(mb_progress)
        if (my && !rc) { /* a thread without any block could not start */
            rc = my;
            trail = mb_error_take();
        }
    }
    return rc ? mb_error_raise(trail, rc) : MB_OK;
}

static int pass_open(void *all, int t) {
    worker *w = all;
    return worker_init(&w[t], w[t].p);
}

static int pass_block(void *all, int t, int64_t b) { return run_block((worker *)all + t, b); }

/* Run a pass on all threads. total receives the merged worker (free it with worker_free) when not NULL. */
static int run_pass(const pass *p, worker *total) {
    const int threads = loop_threads(p->samples);
    worker *w = mb_calloc((size_t)threads, sizeof *w);
    if (!w) return mb_nomem();
    for (int t = 0; t < threads; t++) w[t].p = p;
    const loop l = {p->samples, p->progress, p->what, w, pass_open, pass_block};
    int rc = loop_run(&l);
    for (int t = 1; t < threads && !rc; t++) {
        w[0].correct += w[t].correct;
        w[0].loss += w[t].loss;
        rc = gather_merge(p, w[0].layer, w[t].layer);
    }
    for (int t = rc || !total ? 0 : 1; t < threads; t++) worker_free(&w[t]);
    if (!rc && total) *total = w[0];
    mb_free(w);
    return rc;
}

static int accuracy_pass(pass *p, mb_accuracy *acc, worker *keep) {
    worker w;
    int rc = run_pass(p, &w);
    if (rc) return rc;
    acc->samples = p->samples;
    acc->correct = w.correct;
    acc->loss = (double)w.loss * MB_LOSS_UNIT / (double)p->samples;
    if (keep) *keep = w;
    else worker_free(&w);
    return MB_OK;
}

/* --- public: profile, float ------------------------------------------------------------------------------------------ */

void mb_profile_free(mb_profile *p) {
    if (!p) return;
    mb_free(p->input);
    mb_free(p);
}

int mb_profile_new(const mb_network *net, const mb_dataset *calib, int64_t samples, const mb_progress *pr, mb_profile **out) {
    pass ps = {.kind = PASS_PROFILE, .net = net, .data = calib, .samples = samples, .progress = pr, .what = "calibrate inputs"};
    worker w;
    int rc = run_pass(&ps, &w);
    if (rc) return rc;
    mb_profile *p = mb_calloc(1, sizeof *p);
    if (p) p->input = mb_malloc((size_t)net->n_weighted, sizeof *p->input);
    if (!p || !p->input) {
        mb_free(p);
        rc = mb_nomem();
    } else {
        p->n = net->n_weighted;
        for (int k = 0; k < p->n; k++) {
            p->input[k] = *w.layer[k].input;
            if (p->input[k].n_bad && !rc)
                rc = mb_fail(MB_NUMERIC, "layer %s: %llu of its inputs are NaN or infinite on the calibration samples: is the normalisation of the data right?",
                             net->layer[net->weighted[k]].name, (unsigned long long)p->input[k].n_bad);
        }
        if (rc) mb_profile_free(p);
        else *out = p;
    }
    worker_free(&w);
    return rc;
}

int mb_float_accuracy(const mb_network *net, const mb_dataset *data, int64_t samples, const mb_progress *pr, mb_accuracy *acc) {
    pass ps = {.kind = PASS_FLOAT, .net = net, .data = data, .samples = samples, .progress = pr, .what = "float"};
    return accuracy_pass(&ps, acc, NULL);
}

/* --- public: mapped networks ------------------------------------------------------------------------------------------- */

static void release_cells(mb_mapped *m);

void mb_mapped_free(mb_mapped *m) {
    if (!m) return;
    release_cells(m);
    for (int k = 0; m->layer && k < m->n; k++) {
        mapped_layer *l = &m->layer[k];
        for (int g = 0; l->xbar && g < l->mm.groups; g++) mb_xbar_free(l->xbar[g]);
        mb_free(l->xbar);
        mb_free(l->Wq);
        mb_free(l->sw);
        mb_free(l->gain);
    }
    mb_free(m->layer);
    mb_free(m->input_signed);
    mb_free(m);
}

/* Integer weights and scales of one layer. */
static int quantise_layer(const mb_setup *s, const mb_layer *L, const mb_assign *a, mapped_layer *l) {
    const int K = l->mm.K, N = l->mm.N;
    const size_t size = (size_t)K * (size_t)N;
    float *W = mb_malloc(size, sizeof *W);
    l->Wq = mb_malloc(size * (size_t)l->mm.groups, sizeof *l->Wq);
    l->sw = mb_malloc((size_t)N * (size_t)l->mm.groups, sizeof *l->sw);
    if (!W || !l->Wq || !l->sw) {
        mb_free(W);
        return mb_nomem();
    }
    const mb_range_rule rule = (mb_range_rule)s->cal.weight_rule;
    const double pct = s->cal.weight_percentile;
    /* a layer-wide scale is that of all its weights, whatever the groups: the file's matrix cout x (cin/groups kh kw) as one column of numbers */
    double whole = s->cal.per_channel ? 0 : mb_weight_scale(L->weight, (int)(size * (size_t)l->mm.groups), 1, -1, a->weight_bits, rule, pct);
    for (int g = 0; g < l->mm.groups; g++) {
        double *sw = l->sw + (size_t)g * (size_t)N;
        mb_layer_matrix(L, g, W);
        for (int n = 0; n < N; n++) sw[n] = s->cal.per_channel ? mb_weight_scale(W, K, N, n, a->weight_bits, rule, pct) : whole;
        mb_weight_quantise(W, K, N, sw, a->weight_bits, l->Wq + (size_t)g * size);
    }
    mb_free(W);
    return MB_OK;
}

/* Unread slices leave smaller or rounded weights: the integers of the layer become those, and each output gets the scale with which
 * they fit its weights best, sum W Wkept / sum Wkept^2. */
static void keep_read_slices(const mb_xbar_spec *spec, mapped_layer *l) {
    const size_t N = (size_t)l->mm.N, size = (size_t)l->mm.K * N;
    for (size_t g = 0; g < (size_t)l->mm.groups; g++)
        for (size_t n = 0; n < N; n++) {
            int64_t both = 0, square = 0;
            for (size_t k = g * size + n; k < (g + 1) * size; k += N) {
                const int kept = mb_xbar_kept_weight(spec, l->Wq[k]);
                both += (int64_t)kept * l->Wq[k];
                square += (int64_t)kept * kept;
                l->Wq[k] = (int16_t)kept;
            }
            if (square > 0) l->sw[g * N + n] *= (double)both / (double)square;
        }
}

static int map_layer(const mb_setup *s, const mb_profile *prof, const mb_plan *plan, int k, mapped_layer *l) {
    const mb_layer *L = &s->net->layer[s->net->weighted[k]];
    const mb_assign *a = &plan->assign[k];
    const mb_observer *o = &prof->input[k];
    l->mm = mb_layer_matmul(L);
    l->engine = (mb_engine)a->engine;
    l->compensation = 1;
    l->input_bits = a->input_bits;
    l->is_signed = o->min < 0;
    l->sx = mb_input_scale(o, a->input_bits, l->is_signed, (mb_range_rule)s->cal.input_rule, s->cal.input_percentile);
    if (L->input_step > 0 && L->input_bits == a->input_bits) l->sx = (double)L->input_step; /* the network was trained with this step */
    mb_xbar_stats_init(&l->stats);
    int rc = quantise_layer(s, L, a, l);
    if (rc || l->engine == MB_DIGITAL) return rc;
    rc = mb_machine_spec(s->mach, &s->cell, a, l->is_signed, &l->spec);
    if (rc) return rc;
    l->spec.time_s = s->read.time_s;
    l->spec.temp_K = s->read.temperature_K;
    l->spec.ideal = s->ideal;
    l->spec.stress = s->stress;
    l->spec.watch_ageing = s->read.drift_compensation == MB_COMPENSATE_MEASURED;
    l->xbar = mb_calloc((size_t)l->mm.groups, sizeof *l->xbar);
    if (!l->xbar) return mb_nomem();
    mb_placement at;
    rc = mb_machine_place(s->mach, &l->spec, L, a->copies, &at);
    for (int g = 0; g < l->mm.groups && !rc; g++) {
        mb_xbar_spec sp = l->spec; /* packed groups lie on the diagonal of an array: with wires it matters where */
        sp.wires.columns_before = g % at.groups_per_array * at.columns_per_group;
        sp.wires.rows_after = g % at.groups_per_array * l->mm.K;
        rc = mb_xbar_new(&sp, l->mm.K, l->mm.N, l->Wq + (size_t)g * (size_t)l->mm.K * (size_t)l->mm.N, &l->xbar[g]);
    }
    if (!rc && a->skip_slices) keep_read_slices(&l->spec, l);
    return rc;
}

int mb_mapped_new(const mb_setup *s, const mb_profile *prof, const mb_plan *plan, mb_mapped **out) {
    const mb_network *net = s->net;
    int rc = MB_OK;
    if (mb_plan_prunes(plan)) return mb_fail(MB_BUG, "a plan that keeps fewer channels is mapped with the whole network");
    mb_mapped *m = mb_calloc(1, sizeof *m);
    if (!m) return mb_nomem();
    m->s = s;
    m->net = net;
    m->layer = mb_calloc((size_t)net->n_weighted, sizeof *m->layer);
    m->input_signed = mb_calloc((size_t)net->n_weighted, sizeof *m->input_signed);
    if (!m->layer || !m->input_signed) rc = mb_nomem();
    m->n = m->layer ? net->n_weighted : 0;
    bool analog = false;
    for (int k = 0; k < m->n && !rc; k++) {
        const mb_layer *L = &net->layer[net->weighted[k]];
        rc = map_layer(s, prof, plan, k, &m->layer[k]);
        if (!rc && (uint64_t)s->keys.samples * (uint64_t)m->layer[k].mm.vectors > UINT32_MAX)
            rc = mb_fail(MB_BADINPUT, "samples times vectors of the layer exceed the 2^32 read keys: lower samples");
        if (rc) mb_context(rc, "mapping layer %s", L->name);
        m->input_signed[k] = m->layer[k].is_signed;
        analog = analog || m->layer[k].engine == MB_ANALOG;
    }
    if (rc) {
        mb_mapped_free(m);
        return rc;
    }
    const mb_cell_type *ct = s->cell.type;
    const mb_adc_type *at = s->mach->adc.type;
    const unsigned cells_off = MB_IDEAL_CELLS | MB_IDEAL_READ;
    const mb_machine *mach = s->mach;
    const bool lines = !(s->ideal & MB_IDEAL_CELLS) && (mach->dead_rows > 0 || mach->dead_columns > 0),
               dac = !(s->ideal & MB_IDEAL_READ) && mach->dac_noise > 0;
    m->deterministic = !analog || (((s->ideal & cells_off) == cells_off || !ct->deterministic || ct->deterministic(s->cell.params)) &&
                                   ((s->ideal & MB_IDEAL_ADC) || !at->deterministic || at->deterministic(s->mach->adc.params)) && !lines && !dac);
    *out = m;
    return MB_OK;
}

const bool *mb_mapped_input_signed(const mb_mapped *m) { return m->input_signed; }
bool mb_mapped_deterministic(const mb_mapped *m) { return m->deterministic; }

int mb_quantised_accuracy(mb_mapped *m, const mb_dataset *data, int64_t samples, const mb_progress *pr, mb_accuracy *acc) {
    pass ps = {.kind = PASS_INTEGER, .net = m->net, .data = data, .samples = samples, .map = m, .progress = pr, .what = "quantised"};
    return accuracy_pass(&ps, acc, NULL);
}

/* --- what points share: programmed cells, and the histograms of their sums ------------------------------------------------------ */

#define CELLS "programmed cells"
#define SUMS "sums before converters"

/* One object per analog array of a mapped network, in the order of layers and groups. */
typedef struct bank {
    int n;
    bool general;                    /* the general engine serves some of them: nobody can share */
    mb_xbar **xbar;
    mb_xbar_hist **hist;
} bank;

static void bank_free(void *p) {
    bank *b = p;
    if (!b) return;
    for (int j = 0; j < b->n; j++) {
        if (b->xbar) mb_xbar_free(b->xbar[j]);
        if (b->hist) mb_xbar_hist_free(b->hist[j]);
    }
    mb_free(b->xbar);
    mb_free(b->hist);
    mb_free(b);
}

static int analog_groups(const mb_mapped *m) {
    int n = 0;
    for (int k = 0; k < m->n; k++) n += m->layer[k].engine == MB_ANALOG ? m->layer[k].mm.groups : 0;
    return n;
}

/* Layer and group of analog array J. */
static void array_place(const mb_mapped *m, int j, int *k, int *g) {
    for (*k = 0, *g = j; m->layer[*k].engine != MB_ANALOG || *g >= m->layer[*k].mm.groups; ++*k)
        if (m->layer[*k].engine == MB_ANALOG) *g -= m->layer[*k].mm.groups;
}

/* Keys of the experiment that programming does not depend on. All others count, those that come one day as well. */
static const char *const not_programmed[] = {"schema", "name", "question", "samples", "trials", "plot", "train", "against", "map", "keep", "network", "dataset"};
static const char *const not_programmed_arch[] = {"name", "preset", "adc", "adc_rule", "adc_percentile", "adc_fraction", "adc_range_per", "adc_powers_of_two",
                                                  "columns_per_adc", "adc_rate_Hz", "sample_hold", "adc_energy_factor", "adc_area_factor"};

static void drop_keys(mb_conf *c, const char *const *name, size_t n) {
    size_t kept = 0;
    for (size_t i = 0; c && i < c->n; i++) {
        bool drop = false;
        for (size_t k = 0; k < n && !drop; k++) drop = c->child[i]->name && !strcmp(c->child[i]->name, name[k]);
        if (drop) mb_conf_free(c->child[i]);
        else c->child[kept++] = c->child[i];
    }
    if (c) c->n = kept;
}

static bool listed(const char *key, size_t length, const char *const *name, size_t n) {
    for (size_t i = 0; i < n; i++)
        if (!strncmp(key, name[i], length) && !name[i][length]) return true;
    return false;
}

bool mb_programming_ignores(const char *key) {
    const char *dot = strchr(key, '.');
    if (!strcmp(key, "map.adc_bits")) return true;
    if (dot && !strncmp(key, "arch.", 5)) return listed(dot + 1, strcspn(dot + 1, "."), not_programmed_arch, sizeof not_programmed_arch / sizeof *not_programmed_arch);
    return !dot && strcmp(key, "map") && strcmp(key, "network") && listed(key, strlen(key), not_programmed, sizeof not_programmed / sizeof *not_programmed);
}

/* Sharing takes memory and pays only where cells are found: after a few that nobody came for, it ends. */
static bool pays(mb_cache *c) {
    mb_cache_use u;
    for (size_t i = 0; mb_cache_used(c, i, &u); i++)
        if (!strcmp(u.kind, CELLS)) return u.made < 32 || u.reused > u.made / 4;
    return true;
}

int mb_mapped_share(mb_mapped *m, const mb_plan *plan) {
    const mb_setup *s = m->s;
    size_t bytes = 0;
    const int n = pays(s->cache) ? analog_groups(m) : 0;
    for (int j = 0, k, g; j < n; j++) {
        array_place(m, j, &k, &g);
        bytes += mb_xbar_bytes(m->layer[k].xbar[g]);
        if (mb_xbar_general(m->layer[k].xbar[g])) return MB_OK;
    }
    const size_t draws = m->deterministic ? 1 : (size_t)s->trials;
    if (!n || s->cell.library || bytes > MB_CACHE_LIMIT / 2 / draws) return MB_OK; /* all draws of a point must fit, or none is there when the next point comes */
    mb_conf *c = mb_conf_clone(s->conf);
    if (!c) return mb_nomem();
    drop_keys(c, not_programmed, sizeof not_programmed / sizeof *not_programmed);
    drop_keys(mb_conf_find(c, "arch"), not_programmed_arch, sizeof not_programmed_arch / sizeof *not_programmed_arch);
    uint64_t h = mb_conf_hash(c);
    mb_conf_free(c);
    const void *shared[] = {m->net, s->calib};
    h = mb_hash64(shared, sizeof shared, h);
    for (int k = 0; k < m->n; k++) {
        mb_assign a = plan->assign[k];
        a.adc_bits = 0;
        h = mb_hash64(&a, sizeof a, h);
    }
    m->share = h ? h : 1;
    return MB_OK;
}

static void release_cells(mb_mapped *m) {
    if (m->held) mb_cache_release(m->s->cache, CELLS, m->held);
    m->held = 0;
}

/* Draw the devices of TRIAL into the arrays of the network, or into those of B. */
static int draw_devices(mb_mapped *m, uint32_t trial, bank *b) {
    int rc = MB_OK;
    mb_error *trail = NULL;
    const uint64_t seed = (uint64_t)m->s->keys.seed;
    const int jobs = analog_groups(m);
#pragma omp parallel for schedule(dynamic, 1)
    for (int j = 0; j < jobs; j++) {
        int k, g;
        array_place(m, j, &k, &g);
        int my = mb_xbar_program(b ? b->xbar[j] : m->layer[k].xbar[g], seed, trial, (uint32_t)k, (uint32_t)g);
        if (my) {
            mb_context(my, "programming layer %s", m->net->layer[m->net->weighted[k]].name);
#pragma omp critical(mb_progress)
            if (!rc) {
                rc = my;
                trail = mb_error_take();
            }
            mb_error_clear();
        }
    }
    return rc ? mb_error_raise(trail, rc) : MB_OK;
}

/* Cells of TRIAL for others as well, and their size. */
static int make_cells(mb_mapped *m, uint32_t trial, bank **out, size_t *bytes) {
    bank *b = mb_calloc(1, sizeof *b);
    if (!b) return mb_nomem();
    const int n = analog_groups(m);
    int rc = (b->xbar = mb_calloc((size_t)n, sizeof *b->xbar)) ? MB_OK : mb_nomem();
    for (int k, g; b->n < n && !rc; b->n += !rc) {
        array_place(m, b->n, &k, &g);
        rc = mb_xbar_like(m->layer[k].xbar[g], &b->xbar[b->n]);
    }
    if (!rc) rc = draw_devices(m, trial, b);
    if (rc) {
        bank_free(b);
        return rc;
    }
    for (int j = 0; j < n; j++) b->general = b->general || mb_xbar_general(b->xbar[j]);
    for (int j = 0; j < n; j++) {
        if (b->general) {
            mb_xbar_free(b->xbar[j]);
            b->xbar[j] = NULL;
        } else {
            *bytes += mb_xbar_bytes(b->xbar[j]);
        }
    }
    *out = b;
    return MB_OK;
}

/* Read the cells of TRIAL that some point has programmed, or program them for all; *done false: they cannot be shared. */
static int adopt_cells(mb_mapped *m, uint32_t trial, bool *done) {
    const uint64_t key = mb_hash64(&trial, sizeof trial, m->share);
    size_t bytes = 1;
    int rc = MB_OK;
    bank *b = mb_cache_claim(m->s->cache, CELLS, key);
    if (!b) {
        rc = make_cells(m, trial, &b, &bytes);
        if (rc) mb_cache_give_up(m->s->cache, CELLS, key);
        else rc = mb_cache_put(m->s->cache, CELLS, key, b, bytes, bank_free);
        if (rc) return rc;
    }
    *done = !b->general;
    for (int j = 0, k, g; j < b->n && !rc && *done; j++) {
        array_place(m, j, &k, &g);
        rc = mb_xbar_adopt(m->layer[k].xbar[g], b->xbar[j]);
    }
    release_cells(m); /* those of the trial before, which nothing points to any more */
    if (*done) m->held = key;
    else mb_cache_release(m->s->cache, CELLS, key), m->share = 0;
    return rc;
}

/* Histograms of the sums on the calibration samples, for calibrated ranges; of B, which is made here. */
static int observe_sums(mb_mapped *m, const mb_progress *pr, bank **out) {
    worker w = {0};
    pass ps = {.kind = PASS_RANGES, .net = m->net, .data = m->s->calib, .samples = m->s->cal.samples, .map = m, .progress = pr, .what = "calibrate converters"};
    bank *b = mb_calloc(1, sizeof *b);
    const int n = analog_groups(m);
    int rc = b && (b->hist = mb_calloc((size_t)n, sizeof *b->hist)) ? run_pass(&ps, &w) : mb_nomem();
    if (rc) {
        bank_free(b);
        return rc;
    }
    for (b->n = 0; b->n < n; b->n++) {
        int k, g;
        array_place(m, b->n, &k, &g);
        b->hist[b->n] = w.layer[k].hist[g];
        w.layer[k].hist[g] = NULL;
    }
    worker_free(&w);
    *out = b;
    return MB_OK;
}

/* Ranges of all converters: full-scale and given ones follow from the arrays, calibrated ones from the calibration samples run on exact integers. */
static int set_ranges(mb_mapped *m, const mb_progress *pr) {
    bool calibrate = false;
    for (int k = 0; k < m->n; k++)
        calibrate = calibrate || (m->layer[k].engine == MB_ANALOG && mb_xbar_calibrates(&m->layer[k].spec) && !m->layer[k].spec.adc.type->transparent);
    const uint64_t key = m->held; /* the cells of this trial */
    bank *sums = calibrate && key ? mb_cache_claim(m->s->cache, SUMS, key) : NULL;
    const bool make = calibrate && !sums;
    int rc = make ? observe_sums(m, pr, &sums) : MB_OK;
    if (key && make) {
        if (rc) mb_cache_give_up(m->s->cache, SUMS, key);
        else rc = mb_cache_put(m->s->cache, SUMS, key, sums, (size_t)sums->n * MB_XBAR_HIST_BYTES, bank_free);
    }
    if (rc) return rc;
    for (int j = 0, n = analog_groups(m), k, g; j < n && !rc; j++) {
        array_place(m, j, &k, &g);
        rc = mb_xbar_set_ranges(m->layer[k].xbar[g], calibrate ? sums->hist[j] : NULL);
        if (rc) mb_context(rc, "layer %s", m->net->layer[m->net->weighted[k]].name);
    }
    if (calibrate && key) mb_cache_release(m->s->cache, SUMS, key);
    else bank_free(sums);
    m->ranges_set = !rc;
    return rc;
}

/* Once per device: cells whose read noise is cut off at zero. */
static void note_cells(mb_mapped *m) {
    uint64_t cells = 0;
    for (int k = 0; k < m->n; k++)
        for (int g = 0; m->layer[k].engine == MB_ANALOG && g < m->layer[k].mm.groups; g++) cells += mb_xbar_censored(m->layer[k].xbar[g]);
    if (cells > 0 && m->s->mach->read_noise == MB_NOISE_OUTPUT && !m->noted) {
        char label[128], key[160];
        mb_cell_label(mb_conf_find(m->s->conf, "device"), label, sizeof label);
        snprintf(key, sizeof key, "noise at zero: %s", label);
        mb_note_once(key, "%s: read noise reaches zero conductance in %llu cells: their mean and variance are those of the cut-off noise; "
                     "read_noise = \"cell\" in the machine draws every cell (slow)", label, (unsigned long long)cells);
    }
    m->noted = true;
}

/* Factors that compensate for drift, from the cells just drawn. A layer that lost all is not amplified beyond 10^4. */
static void compensate(mb_mapped *m) {
    const mb_setup *s = m->s;
    const mb_cell_type *t = s->cell.type;
    for (int k = 0; k < m->n; k++) {
        mapped_layer *l = &m->layer[k];
        double fresh = 0, aged = 0, f = 0, a = 0;
        l->compensation = 1;
        if (l->engine != MB_ANALOG || s->read.drift_compensation == MB_COMPENSATE_NONE || (s->ideal & MB_IDEAL_CELLS)) continue;
        if (s->read.drift_compensation == MB_COMPENSATE_EXPECTED) {
            fresh = 1;
            aged = t->decay ? t->decay(s->cell.params, s->read.time_s, s->read.temperature_K) : 1;
        } else {
            for (int g = 0; g < l->mm.groups; g++) {
                mb_xbar_ageing(l->xbar[g], &f, &a);
                fresh += f;
                aged += a;
            }
        }
        if (fresh > 0) l->compensation = fresh / fmax(aged, 1e-4 * fresh);
    }
}

/* --- correction after programming: the statistics of a normalisation measured anew, folded as they are -------------------------------- */

typedef struct corrector {
    worker w;
    pass p;
    mb_mapped *m;
    double **moment;                 /* per layer: mean and deviation of each channel with exact integers, [2 cout] */
} corrector;

/* Mean and deviation of channel C over N samples. */
static void channel_moments(const mapped_layer *l, int n, const float *y, size_t c, double *mean, double *sd) {
    const size_t places = (size_t)l->mm.vectors, cout = (size_t)l->mm.groups * (size_t)l->mm.N;
    double sum = 0, square = 0, count = (double)places * n;
    for (size_t s = 0; s < (size_t)n; s++)
        for (size_t k = 0; k < places; k++) sum += (double)y[(s * cout + c) * places + k];
    *mean = sum / count;
    for (size_t s = 0; s < (size_t)n; s++)
        for (size_t k = 0; k < places; k++) {
            double d = (double)y[(s * cout + c) * places + k] - *mean;
            square += d * d;
        }
    *sd = sqrt(square / count);
}

/* All samples through layer M; then what was measured is kept (exact integers) or the layer corrected (analog), whose later layers see it so. */
static int correct_layer(void *ctx, const mb_network *net, int m, int n, const float *x, float *y) {
    corrector *k = ctx;
    const mb_layer *L = &net->layer[net->weighted[m]];
    mapped_layer *l = &k->m->layer[m];
    const size_t in = (size_t)L->win.cin * (size_t)L->win.ih * (size_t)L->win.iw, cout = (size_t)l->mm.groups * (size_t)l->mm.N;
    const size_t out = cout * (size_t)l->mm.vectors;
    for (int s = 0; s < n; s += k->w.step) {
        k->w.first = s;
        int rc = mapped_layer_run(&k->w, net, m, n - s < k->w.step ? n - s : k->w.step, x + (size_t)s * in, y + (size_t)s * out);
        if (rc) return rc;
    }
    const bool analog = k->p.kind == PASS_ANALOG;
    if (l->engine != MB_ANALOG || (!analog && k->moment[m])) return MB_OK;
    if (!analog && !(k->moment[m] = mb_malloc(2 * cout, sizeof **k->moment))) return mb_nomem();
    for (size_t c = 0; c < cout; c++) {
        double *want = k->moment[m] + 2 * c, mean, sd;
        channel_moments(l, n, y, c, &mean, &sd);
        if (!analog) {
            want[0] = mean;
            want[1] = sd;
            continue;
        }
        double gain = k->m->s->read.correction == MB_CORRECT_AFFINE && sd > 0 && want[1] > 0 ? want[1] / sd : 1;
        gain = fmin(fmax(gain, 0.1), 10);
        l->gain[c] = (float)gain;
        l->offset[c] = (float)(want[0] - gain * mean);
    }
    if (analog) correct_outputs(l, n, y);
    return MB_OK;
}

static int correct(mb_mapped *m, const mb_progress *pr) {
    const int n = m->s->cal.samples;
    corrector k = {.m = m, .p = {.net = m->net, .data = m->s->calib, .samples = n, .map = m}};
    const size_t in = mb_shape_count(&m->net->layer[m->net->input].shape), out = mb_shape_count(&m->net->layer[m->net->output].shape);
    mb_exec *exec = NULL;
    float *x = mb_malloc((size_t)n * in, sizeof *x), *y = mb_malloc((size_t)n * out, sizeof *y);
    k.moment = mb_calloc((size_t)m->n, sizeof *k.moment);
    int rc = x && y && k.moment ? mb_exec_new(m->net, n, &exec) : mb_nomem();
    for (int i = 0; !rc && i < m->n; i++) {
        mapped_layer *l = &m->layer[i];
        const size_t cout = (size_t)l->mm.groups * (size_t)l->mm.N;
        mb_free(l->gain);
        l->gain = l->engine == MB_ANALOG ? mb_malloc(2 * cout, sizeof *l->gain) : NULL;
        if (l->engine == MB_ANALOG && !l->gain) rc = mb_nomem();
        l->offset = l->gain ? l->gain + cout : NULL;
        for (size_t c = 0; l->gain && c < 2 * cout; c++) l->gain[c] = c < cout ? 1.0f : 0.0f;
    }
    if (!rc) mb_dataset_get(m->s->calib, 0, (size_t)n, x);
    for (int turn = 0; !rc && turn < 2; turn++) {
        k.p.kind = turn ? PASS_ANALOG : PASS_INTEGER;
        k.p.trial = m->trial + CORRECTION_TRIAL;
        rc = worker_init(&k.w, &k.p);
        if (!rc && pr && pr->step && pr->step(pr->ctx, "correct", turn, 2)) rc = MB_INTERRUPTED;
        if (!rc) rc = mb_exec_run(exec, n, x, y, correct_layer, &k, NULL, NULL);
        worker_free(&k.w);
    }
    for (int i = 0; k.moment && i < m->n; i++) mb_free(k.moment[i]);
    mb_free(k.moment);
    mb_exec_free(exec);
    mb_free(x);
    mb_free(y);
    return rc;
}

int mb_mapped_program(mb_mapped *m, uint32_t trial, const mb_progress *pr) {
    bool done = false;
    int rc = m->share ? adopt_cells(m, trial, &done) : MB_OK;
    if (!rc && !done) rc = draw_devices(m, trial, NULL);
    if (rc) return rc;
    m->trial = trial;
    compensate(m);
    note_cells(m);
    if (!m->ranges_set) rc = set_ranges(m, pr);
    return rc || m->s->read.correction == MB_CORRECT_NONE ? rc : correct(m, pr);
}

int mb_analog_accuracy(mb_mapped *m, const mb_dataset *data, int64_t samples, const mb_progress *pr, mb_accuracy *acc) {
    pass ps = {.kind = PASS_ANALOG, .net = m->net, .data = data, .samples = samples, .map = m, .progress = pr, .what = "analog", .trial = m->trial};
    worker w;
    int rc = accuracy_pass(&ps, acc, &w);
    if (rc) return rc;
    for (int k = 0; k < m->n; k++) {
        mb_xbar_stats_merge(&m->layer[k].stats, &w.layer[k].stats);
        m->layer[k].signal += w.layer[k].signal;
        m->layer[k].noise += w.layer[k].noise;
    }
    worker_free(&w);
    return MB_OK;
}

void mb_mapped_stats(const mb_mapped *m, int k, mb_layer_stats *st) {
    const mapped_layer *l = &m->layer[k];
    const mb_xbar_stats *s = &l->stats;
    memset(st, 0, sizeof *st);
    st->snr_dB = l->noise > 0 ? 10.0 * log10(l->signal / l->noise) : (double)INFINITY;
    if (l->engine != MB_ANALOG) return;
    const mb_xbar_layout *lay = mb_xbar_get_layout(l->xbar[0]);
    st->adc_bits_lossless = lay->adc_bits_lossless;
    for (int g = 0; g < l->mm.groups; g++) st->wire_residual = fmax(st->wire_residual, mb_xbar_wire_residual(l->xbar[g]));
    if (s->vectors == 0) return;
    st->clipped = (double)s->clipped / (double)(s->conversions ? s->conversions : 1);
    st->row_rate = s->rows_offered ? (double)s->rows_driven / (double)s->rows_offered : 0;
    const mb_adc_range *r = mb_xbar_range(l->xbar[0], 0);
    double span = (double)r->q_hi - (double)r->q_lo;
    st->adc_occupancy = !l->spec.adc.type->transparent && span > 0 && s->q_max >= s->q_min ? ((double)s->q_max - (double)s->q_min) / span : 0;
    st->activity.measured = true;
    st->activity.occupancy = st->adc_occupancy;
    for (int g = 0; g < l->mm.groups; g++) st->activity.empty += mb_xbar_empty(l->xbar[g]) / l->mm.groups;
    st->activity.rows_driven = (double)s->rows_driven / (double)s->vectors;
    const double charge_S = mb_xbar_charge_S(l->xbar[0]);
    st->activity.digit_sum = (double)s->digit_sum / (double)s->vectors * (charge_S / mb_xbar_unit_S(l->xbar[0]));
    st->activity.charge_S = (double)s->charge / (double)s->vectors * charge_S;
}

/* --- public: passes of others ------------------------------------------------------------------------------------------- */

void mb_mapped_layer(const mb_mapped *m, int k, mb_mapped_view *v) {
    const mapped_layer *l = &m->layer[k];
    *v = (mb_mapped_view){l->mm, l->Wq, l->sw, l->sx, l->is_signed, l->input_bits, l->engine == MB_ANALOG ? l->xbar : NULL, l->compensation};
}

/* What one thread of a job holds. */
typedef struct job_worker {
    mb_exec *exec;
    float *in, *out;
    void *ctx;
} job_worker;

typedef struct job_all {
    const mb_sim_job *j;
    job_worker *w;
} job_all;

static int job_open(void *all, int t) {
    const mb_sim_job *j = ((job_all *)all)->j;
    job_worker *w = &((job_all *)all)->w[t];
    w->in = mb_malloc(MB_SIM_BLOCK * mb_shape_count(&j->net->layer[j->net->input].shape), sizeof *w->in);
    w->out = mb_malloc(MB_SIM_BLOCK * mb_shape_count(&j->net->layer[j->net->output].shape), sizeof *w->out);
    if (!w->in || !w->out) return mb_nomem();
    int rc = j->block ? MB_OK : mb_exec_new(j->net, MB_SIM_BLOCK, &w->exec);
    return rc ? rc : j->open(j->shared, &w->ctx);
}

static int job_block(void *all, int t, int64_t block) {
    const mb_sim_job *j = ((job_all *)all)->j;
    job_worker *w = &((job_all *)all)->w[t];
    const int64_t first = block * MB_SIM_BLOCK;
    const int n = (int)(j->samples - first < MB_SIM_BLOCK ? j->samples - first : MB_SIM_BLOCK);
    mb_dataset_get(j->data, (size_t)first, (size_t)n, w->in);
    if (j->block) return j->block(w->ctx, first, n, w->in);
    if (j->begin) j->begin(w->ctx, first);
    int rc = mb_exec_run(w->exec, n, w->in, w->out, j->layer, w->ctx, NULL, NULL);
    if (!rc && j->end) j->end(w->ctx, first, n, w->out);
    return rc;
}

int mb_sim_run(const mb_sim_job *j) {
    const int threads = loop_threads(j->samples);
    job_worker *w = mb_calloc((size_t)threads, sizeof *w);
    if (!w) return mb_nomem();
    job_all all = {j, w};
    const loop l = {j->samples, j->progress, j->what, &all, job_open, job_block};
    int rc = loop_run(&l);
    for (int t = 0; t < threads; t++) {
        j->close(w[t].ctx);
        mb_exec_free(w[t].exec);
        mb_free(w[t].in);
        mb_free(w[t].out);
    }
    mb_free(w);
    return rc;
}

struct mb_layer_runner {
    pass p;
    worker w;
};

int mb_layer_runner_new(const mb_network *net, mb_layer_runner **out) {
    mb_layer_runner *r = mb_calloc(1, sizeof *r);
    if (!r) return mb_nomem();
    r->p = (pass){.kind = PASS_INTEGER, .net = net};
    r->w.p = &r->p;
    r->w.layer = mb_calloc((size_t)net->n_weighted, sizeof *r->w.layer);
    int rc = r->w.layer ? worker_buffers(&r->w) : mb_nomem();
    if (rc) mb_layer_runner_free(r);
    else *out = r;
    return rc;
}

void mb_layer_runner_free(mb_layer_runner *r) {
    if (!r) return;
    worker_free(&r->w);
    mb_free(r);
}

void mb_layer_runner_set(mb_layer_runner *r, mb_mapped *m, bool analog, uint32_t trial, int64_t first) {
    r->p.map = m;
    r->p.kind = analog ? PASS_ANALOG : PASS_INTEGER;
    r->p.trial = trial;
    r->w.first = first;
}

int mb_layer_runner_run(void *runner, const mb_network *net, int m, int n, const float *x, float *y) {
    return mapped_layer_run(&((mb_layer_runner *)runner)->w, net, m, n, x, y);
}

int mb_sim_threads(void) { return omp_get_max_threads(); }

double mb_draws_half_width(double sd, int64_t t) { return t > 1 ? gsl_cdf_tdist_Pinv(0.975, (double)(t - 1)) * sd / sqrt((double)t) : 0; }

void mb_accuracy_interval(double mean, int64_t n, double sd, int64_t t, double *low, double *high) {
    const double z = 1.959963984540054;
    double N = (double)n, z2 = z * z / N;
    double centre = (mean + z2 / 2) / (1 + z2), half = z / (1 + z2) * sqrt(mean * (1 - mean) / N + z2 / (4 * N));
    double draws = mb_draws_half_width(sd, t);
    double down = mean - (centre - half), up = (centre + half) - mean;
    *low = fmax(0.0, mean - sqrt(down * down + draws * draws));
    *high = fmin(1.0, mean + sqrt(up * up + draws * draws));
}
