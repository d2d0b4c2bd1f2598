/* train_arrays.c - converters in the forward pass of training; see train_arrays.h */
#include "run/train_arrays.h"

#include <math.h>
#include <string.h>

#include "array/xbar.h"
#include "base/error.h"
#include "base/mem.h"
#include "nn/parallel.h"
#include "run/simulate.h"

enum { CHUNK = 16 }; /* samples that a thread computes at once: at most MB_SIM_BLOCK */

/* What one thread computes with; x, exact, analog: of the largest layer. */
typedef struct worker {
    mb_layer_runner *runner;
    float *x, *exact, *analog;
} worker;

struct mb_train_arrays {
    const mb_model *m;
    mb_plan *plan;
    mb_setup setup;
    const mb_network *own; /* the network that the experiment names, back in setup.net before it is freed */
    int refresh, threads, rc;
    int *layer;            /* [plan->n]: of the model */
    mb_network *net;       /* the model as it was at the last refresh; all below likewise */
    mb_profile *prof;
    mb_mapped *map;
    float **unfold;        /* [plan->n][cout]: 1 / a; 0 where the channel vanished */
    worker *w;
};

static void forget(mb_train_arrays *a) {
    for (int t = 0; t < a->threads && a->w; t++) {
        mb_layer_runner_free(a->w[t].runner);
        mb_free(a->w[t].x);
        mb_free(a->w[t].exact);
        mb_free(a->w[t].analog);
    }
    mb_free(a->w);
    for (int k = 0; k < a->plan->n && a->unfold; k++) mb_free(a->unfold[k]);
    mb_free(a->unfold);
    mb_mapped_free(a->map);
    mb_profile_free(a->prof);
    mb_network_free(a->net);
    a->w = NULL;
    a->unfold = NULL;
    a->map = NULL;
    a->prof = NULL;
    a->net = NULL;
}

void mb_train_arrays_free(mb_train_arrays *a) {
    if (!a) return;
    if (a->plan) forget(a);
    if (a->setup.conf) {
        a->setup.net = a->own;
        mb_setup_free(&a->setup);
    }
    mb_plan_free(a->plan);
    mb_free(a->layer);
    mb_free(a);
}

int mb_train_arrays_new(const mb_conf *root, mb_cache *cache, const mb_model *m, const mb_plan *plan, int refresh,
                        mb_train_arrays **out) {
    mb_train_arrays *a = mb_calloc(1, sizeof *a);
    mb_conf *copy = mb_conf_clone(root);
    int n = 0, rc = a && copy ? MB_OK : mb_nomem();
    if (rc) {
        mb_conf_free(copy);
        mb_free(a);
        return rc;
    }
    a->m = m;
    a->refresh = refresh;
    a->threads = mb_parallel_threads();
    rc = mb_setup_load(copy, cache, true, &a->setup);
    if (rc) {
        a->setup.conf = NULL;
        rc = mb_context(rc, "train.converters asks for the arrays of the experiment");
    } else {
        a->own = a->setup.net;
        a->setup.ideal = MB_IDEAL_CELLS | MB_IDEAL_READ | MB_IDEAL_WIRES;
        a->layer = mb_calloc((size_t)plan->n, sizeof *a->layer);
        if (!a->layer) rc = mb_nomem();
        for (int i = 0; !rc && i < m->n_layers; i++)
            if (mb_model_weighted(&m->layer[i]) && n < plan->n) a->layer[n++] = i;
        if (!rc && n != plan->n) rc = mb_fail(MB_BADINPUT, "the plan has %d layers, the network %d", plan->n, n);
        if (!rc) rc = mb_plan_clone(plan, &a->plan);
    }
    if (rc) mb_train_arrays_free(a);
    else *out = a;
    return rc;
}

/* Folding multiplies the weights of an output channel with one factor: 1 / factor by least squares. */
static int unfold_layer(const mb_train_arrays *a, int k, float **unfold) {
    const mb_model_layer *l = &a->m->layer[a->layer[k]];
    const mb_layer *L = &a->net->layer[a->net->weighted[k]];
    const float *w = a->m->theta + a->m->block[l->weight].at, *folded = L->weight;
    const size_t cout = (size_t)L->win.cout, K = L->n_weight / cout;
    float *u = *unfold = mb_calloc(cout, sizeof *u);
    if (!u) return mb_nomem();
    for (size_t c = 0; c < cout; c++, w += K, folded += K) {
        double both = 0, square = 0;
        for (size_t i = 0; i < K; i++) {
            both += (double)w[i] * (double)folded[i];
            square += (double)folded[i] * (double)folded[i];
        }
        u[c] = square > 0 ? (float)(both / square) : 0;
    }
    return MB_OK;
}

static int map(mb_train_arrays *a) {
    size_t in = 0, out = 0;
    forget(a);
    int rc = mb_model_network(a->m, &a->net);
    if (!rc) rc = mb_profile_new(a->net, a->setup.calib, a->setup.cal.samples, NULL, &a->prof);
    a->setup.net = a->net;
    if (!rc) rc = mb_mapped_new(&a->setup, a->prof, a->plan, &a->map);
    if (!rc) rc = mb_mapped_program(a->map, 0, NULL);
    if (rc) return rc;
    a->unfold = mb_calloc((size_t)a->plan->n, sizeof *a->unfold);
    a->w = mb_calloc((size_t)a->threads, sizeof *a->w);
    if (!a->unfold || !a->w) return mb_nomem();
    for (int k = 0; k < a->plan->n && !rc; k++) {
        const mb_layer *L = &a->net->layer[a->net->weighted[k]];
        size_t x = (size_t)L->win.cin * (size_t)L->win.ih * (size_t)L->win.iw, y = mb_shape_count(&L->shape);
        in = x > in ? x : in;
        out = y > out ? y : out;
        rc = unfold_layer(a, k, &a->unfold[k]);
    }
    for (int t = 0; t < a->threads && !rc; t++) {
        worker *w = &a->w[t];
        w->x = mb_malloc(CHUNK * in, sizeof *w->x);
        w->exact = mb_malloc(CHUNK * out, sizeof *w->exact);
        w->analog = mb_malloc(CHUNK * out, sizeof *w->analog);
        rc = w->x && w->exact && w->analog ? mb_layer_runner_new(a->net, &w->runner) : mb_nomem();
    }
    return rc;
}

int mb_train_arrays_step(mb_train_arrays *a, int64_t step) {
    if (!a->rc && step % a->refresh == 0) a->rc = map(a);
    return a->rc;
}

int mb_train_arrays_errors(mb_train_arrays *a, double *relative) {
    const mb_setup *s = &a->setup;
    mb_accuracy acc;
    int rc = mb_analog_accuracy(a->map, s->calib, s->cal.samples < MB_SIM_BLOCK ? s->cal.samples : MB_SIM_BLOCK, NULL, &acc);
    for (int k = 0; k < a->plan->n && !rc; k++) {
        mb_layer_stats st;
        mb_mapped_stats(a->map, k, &st);
        relative[k] = a->plan->assign[k].engine == MB_ANALOG && isfinite(st.snr_dB) ? pow(10, -st.snr_dB / 20) : 0;
    }
    return rc;
}

typedef struct job {
    mb_train_arrays *a;
    int k, n;              /* weighted layer; samples */
    size_t in, out;        /* numbers per sample */
    const float *x;
    float *y;
    int *rc;               /* [threads] */
} job;

/* From [rows][channels] to [channels][rows]. */
static void plain(size_t channels, size_t rows, const float *from, float *to) {
    for (size_t c = 0; c < channels; c++)
        for (size_t r = 0; r < rows; r++) *to++ = from[r * channels + c];
}

static void part(void *ctx, int t, int parts) {
    const job *j = ctx;
    const mb_train_arrays *a = j->a;
    const mb_layer *L = &a->net->layer[a->net->weighted[j->k]];
    const size_t cin = (size_t)L->win.cin, cout = (size_t)L->win.cout, rows = j->out / cout;
    worker *w = &a->w[t];
    size_t first, last;
    mb_part((size_t)j->n, 1, t, parts, &first, &last);
    for (size_t s = first; s < last && !j->rc[t]; s += CHUNK) {
        const int m = (int)(last - s < CHUNK ? last - s : CHUNK);
        for (int i = 0; i < m; i++) plain(cin, j->in / cin, j->x + (s + (size_t)i) * j->in, w->x + (size_t)i * j->in);
        mb_layer_runner_set(w->runner, a->map, false, 0, (int64_t)s);
        j->rc[t] = mb_layer_runner_run(w->runner, a->net, j->k, m, w->x, w->exact);
        mb_layer_runner_set(w->runner, a->map, true, 0, (int64_t)s);
        if (!j->rc[t]) j->rc[t] = mb_layer_runner_run(w->runner, a->net, j->k, m, w->x, w->analog);
        for (int i = 0; i < m && !j->rc[t]; i++) {
            const float *exact = w->exact + (size_t)i * j->out, *analog = w->analog + (size_t)i * j->out;
            float *y = j->y + (s + (size_t)i) * j->out;
            for (size_t c = 0; c < cout; c++)
                for (size_t r = 0; r < rows; r++) y[r * cout + c] += (analog[c * rows + r] - exact[c * rows + r]) * a->unfold[j->k][c];
        }
    }
}

void mb_train_arrays_output(mb_train_arrays *a, int layer, int n, const float *x, size_t count, float *y) {
    int k = 0;
    while (k < a->plan->n && a->layer[k] != layer) k++;
    if (a->rc || !a->map || k == a->plan->n || a->plan->assign[k].engine != MB_ANALOG) return;
    const mb_layer *L = &a->net->layer[a->net->weighted[k]];
    job j = {a, k, n, (size_t)L->win.cin * (size_t)L->win.ih * (size_t)L->win.iw, count / (size_t)n, x, y, NULL};
    for (size_t i = 0; i < (size_t)n * j.in; i++)
        if (!isfinite(x[i])) return; /* the training stops by itself and says where */
    if (!(j.rc = mb_calloc((size_t)a->threads, sizeof *j.rc))) {
        a->rc = mb_nomem();
        return;
    }
    mb_parallel(a->threads, part, &j);
    for (int t = 0; t < a->threads && !a->rc; t++)
        if (j.rc[t]) a->rc = mb_fail(j.rc[t], "layer %s: its results on the arrays could not be computed", L->name);
    mb_free(j.rc);
}
