/* prune.c - importance of channels on data, and pruned setups; see run/prune.h and nn/prune.h for the equations */
#include "run/prune.h"

#include <math.h>
#include <string.h>

#include "base/error.h"
#include "base/mem.h"
#include "mapping/keep.h"
#include "nn/hessian.h"
#include "nn/prune.h"

/* --- means of inputs ------------------------------------------------------------------------------------------------- */

/* Sums of the inputs of every weighted layer, one row per block of samples, so that they are added in one order. */
typedef struct sums {
    const mb_network *net;
    const int *at;               /* [weighted] where the channels of a layer begin in a row */
    size_t width;
    double *sum;                 /* [blocks][width] */
} sums;

typedef struct watcher {
    const sums *all;
    double *row;
} watcher;

static int watcher_open(void *shared, void **ctx) {
    watcher *w = mb_calloc(1, sizeof *w);
    if (!w) return mb_nomem();
    w->all = shared;
    *ctx = w;
    return MB_OK;
}

static void watcher_close(void *ctx) { mb_free(ctx); }

static void watcher_begin(void *ctx, int64_t first) {
    watcher *w = ctx;
    w->row = w->all->sum + (size_t)(first / MB_SIM_BLOCK) * w->all->width;
}

static int watch(void *ctx, const mb_network *net, int m, int n, const float *x, float *y) {
    const watcher *w = ctx;
    const mb_window *win = &net->layer[net->weighted[m]].win;
    const size_t places = (size_t)win->ih * (size_t)win->iw;
    for (size_t i = 0; i < (size_t)n * (size_t)win->cin; i++) {
        double sum = 0;
        for (size_t k = 0; k < places; k++) sum += (double)x[i * places + k];
        w->row[w->all->at[m] + (int)(i % (size_t)win->cin)] += sum;
    }
    return mb_exec_reference(NULL, net, m, n, x, y);
}

static int find_means(const mb_setup *s, int64_t samples, const mb_progress *pr, mb_pruner *p) {
    const mb_network *net = s->net;
    const size_t blocks = (size_t)(samples + MB_SIM_BLOCK - 1) / MB_SIM_BLOCK, n = (size_t)net->n_weighted;
    int *at = mb_malloc(n ? n : 1, sizeof *at), rc = at ? MB_OK : mb_nomem();
    sums all = {.net = net, .at = at};
    for (size_t m = 0; m < n && !rc; m++) at[m] = (int)all.width, all.width += (size_t)net->layer[net->weighted[m]].win.cin;
    if (!rc && !(all.sum = mb_calloc(blocks, all.width * sizeof *all.sum))) rc = mb_nomem();
    mb_sim_job job = {.net = net, .data = s->calib, .samples = samples, .what = "means of channels", .progress = pr, .shared = &all,
                      .open = watcher_open, .close = watcher_close, .begin = watcher_begin, .layer = watch};
    if (!rc) rc = mb_sim_run(&job);
    if (!rc && !(p->mean = mb_calloc(n ? n : 1, sizeof *p->mean))) rc = mb_nomem();
    for (size_t m = 0; m < n && !rc; m++) {
        const mb_window *w = &net->layer[net->weighted[m]].win;
        if (!(p->mean[m] = mb_malloc((size_t)w->cin, sizeof(float)))) rc = mb_nomem();
        for (int c = 0; c < w->cin && !rc; c++) {
            double sum = 0;
            for (size_t b = 0; b < blocks; b++) sum += all.sum[b * all.width + (size_t)(at[m] + c)];
            p->mean[m][c] = (float)(sum / ((double)samples * w->ih * w->iw));
        }
    }
    mb_free(all.sum);
    mb_free(at);
    return rc;
}

/* --- importance by gradients ----------------------------------------------------------------------------------------- */

typedef struct study {
    mb_pruner *p;
    mb_network *net;             /* the pruner's with a bias in every weighted layer: their gradients are asked for */
    mb_model *model;
    mb_model_data data;
    mb_objective objective;
    double *theta, *x, *target;
    const mb_model_layer **layer; /* [weighted] of the model */
    size_t *at, width;            /* [weighted] where the channels of a layer begin among all */
    double *change;               /* [samples][width]: D of nn/prune.h */
} study;

/* D of one sample: what the loss changes when an input channel of a layer becomes its mean (0 without means). */
static int changes_of(void *ctx, size_t s) {
    const study *t = ctx;
    const mb_couplings *c = t->p->couplings;
    double *g = mb_malloc(t->model->n_theta, sizeof *g), *out = t->change + s * t->width;
    int rc = g ? t->objective.gradient(t->objective.ctx, t->theta, s, 1, NULL, NULL, NULL, g) : mb_nomem();
    for (int m = 0; m < t->net->n_weighted && !rc; m++) {
        const mb_layer *l = &t->net->layer[t->net->weighted[m]];
        const mb_model_block *w = &t->model->block[t->layer[m]->weight], *b = &t->model->block[t->layer[m]->bias];
        if (l->win.groups > 1) continue;
        const size_t cin = (size_t)l->win.cin, taps = (size_t)(l->win.kh * l->win.kw), unit = cin / (size_t)c->in_channels[m];
        for (size_t o = 0; o < (size_t)l->win.cout; o++)
            for (size_t i = 0; i < cin; i++) {
                const size_t k = (o * cin + i) * taps;
                double signal = 0, sum = 0;
                for (size_t d = k; d < k + taps; d++) {
                    signal += g[w->at + d] * (double)l->weight[d];
                    sum += (double)l->weight[d];
                }
                if (t->p->mean) signal -= (double)t->p->mean[m][i] * g[b->at + o] * sum;
                out[t->at[m] + i / unit] += signal;
            }
    }
    mb_free(g);
    return rc;
}

/* Scores from the changes: mean squares, of a group over what all its readers change together. */
static int score(study *t, size_t samples) {
    mb_pruner *p = t->p;
    const mb_couplings *c = p->couplings;
    size_t widest = 1;
    for (int g = 0; g < c->n_groups; g++) widest = (size_t)c->channels[g] > widest ? (size_t)c->channels[g] : widest;
    double *sum = mb_malloc(widest, sizeof *sum);
    if (!sum) return mb_nomem();
    for (int m = 0; m < t->net->n_weighted; m++)
        for (int i = 0; i < c->in_channels[m]; i++) {
            double square = 0;
            for (size_t s = 0; s < samples; s++) square += pow(t->change[s * t->width + t->at[m] + (size_t)i], 2);
            p->row_score[m][i] = square / (double)samples;
        }
    for (int g = 0; g < c->n_groups; g++) {
        memset(p->score[g], 0, (size_t)c->channels[g] * sizeof(double));
        for (size_t s = 0; s < samples; s++) {
            memset(sum, 0, (size_t)c->channels[g] * sizeof *sum);
            for (int m = 0; m < t->net->n_weighted; m++)
                for (int i = 0; c->in_group[m] == g && i < c->channels[g]; i++) sum[i] += t->change[s * t->width + t->at[m] + (size_t)i];
            for (int i = 0; i < c->channels[g]; i++) p->score[g][i] += sum[i] * sum[i] / (double)samples;
        }
    }
    mb_free(sum);
    return MB_OK;
}

/* The network with biases everywhere, and its model. */
static int open_model(study *t) {
    const size_t n = (size_t)t->p->net->n_weighted;
    int *none = mb_calloc(n ? n : 1, sizeof *none), k = 0, rc = none ? mb_prune(t->p, none, none, false, &t->net) : mb_nomem();
    mb_free(none);
    for (size_t m = 0; m < n && !rc; m++) {
        mb_layer *l = &t->net->layer[t->net->weighted[m]];
        if (!l->bias && !(l->bias = mb_calloc((size_t)l->win.cout, sizeof *l->bias))) rc = mb_nomem();
    }
    if (!rc) rc = mb_model_from_network(t->net, &t->model);
    t->layer = mb_calloc(n ? n : 1, sizeof *t->layer);
    if (!rc && !t->layer) rc = mb_nomem();
    for (int i = 0; !rc && i < t->model->n_layers; i++)
        if (mb_model_weighted(&t->model->layer[i]) && k < (int)n) t->layer[k++] = &t->model->layer[i];
    if (!rc && k != (int)n) rc = mb_fail(MB_BUG, "%s: its model has %d weighted layers of %zu", t->net->path, k, n);
    return rc;
}

static int tell_progress(void *ctx, const char *what, int64_t done, int64_t total) {
    const mb_progress *p = ctx;
    return p->step(p->ctx, what, done, total);
}

static int open_samples(study *t, const mb_setup *s, size_t samples, const mb_progress *pr) {
    const size_t in = mb_diff_inputs(t->model), out = mb_diff_outputs(t->model), n = (size_t)t->net->n_weighted;
    float *x = mb_malloc(samples * in, sizeof *x);
    t->x = mb_malloc(samples * in, sizeof *t->x);
    t->target = mb_calloc(samples * out, sizeof *t->target);
    t->theta = mb_malloc(t->model->n_theta, sizeof *t->theta);
    t->at = mb_malloc(n ? n : 1, sizeof *t->at);
    int rc = x && t->x && t->target && t->theta && t->at ? MB_OK : mb_nomem();
    if (!rc) mb_dataset_get(s->calib, 0, samples, x);
    for (size_t k = 0; k < samples * in && !rc; k++) t->x[k] = (double)x[k];
    for (size_t k = 0; k < samples && !rc; k++) t->target[k * out + (size_t)s->calib->label[k]] = 1;
    for (size_t k = 0; !rc && k < t->model->n_theta; k++) t->theta[k] = (double)t->model->theta[k];
    for (size_t m = 0; m < n && !rc; m++) t->at[m] = t->width, t->width += (size_t)t->p->couplings->in_channels[m];
    if (!rc && !(t->change = mb_calloc(samples, t->width * sizeof *t->change))) rc = mb_nomem();
    mb_free(x);
    t->data = (mb_model_data){t->model, {MB_LOSS_CROSS_ENTROPY, false}, t->x, t->target};
    t->objective = mb_objective_of_model(&t->data, samples);
    t->objective.threads = mb_sim_threads();
    if (pr && pr->step) {
        t->objective.progress = tell_progress;
        t->objective.progress_ctx = (void *)pr;
    }
    return rc;
}

static int by_gradient(const mb_setup *s, size_t samples, const mb_progress *pr, mb_pruner *p) {
    study t = {.p = p};
    int rc = open_model(&t);
    if (rc == MB_BADINPUT) {
        mb_note_once("importance of channels", "channels are kept by the size of their weights, not by gradients: %s", mb_error_message());
        mb_error_clear();
        rc = MB_OK;
        goto out;
    }
    if (!rc) rc = open_samples(&t, s, samples, pr);
    if (!rc) rc = mb_objective_step(&t.objective, "importance of channels", 0, samples);
    if (!rc) rc = mb_objective_jobs(&t.objective, samples, changes_of, &t);
    if (!rc) rc = score(&t, samples);
out:
    mb_model_free(t.model);
    mb_network_free(t.net);
    mb_free(t.layer);
    mb_free(t.theta);
    mb_free(t.x);
    mb_free(t.target);
    mb_free(t.at);
    mb_free(t.change);
    return rc;
}

/* --- ranks and smaller networks, made once --------------------------------------------------------------------------- */

static void free_pruner(void *p) { mb_pruner_free(p); }
static void free_network(void *p) { mb_network_free(p); }

int mb_pruned_ranks(mb_setup *s, const mb_progress *pr, const mb_pruner **out) {
    mb_keep_keys keys;
    mb_conf *g = mb_conf_find(s->conf, "map.keep");
    int rc = mb_params_load(mb_keep_params, g, mb_keep_choices, &keys);
    if (rc) return rc;
    const bool data = s->calib && !s->net->weightless;
    const int64_t samples = keys.samples < s->cal.samples ? keys.samples : s->cal.samples;
    const struct { const void *net, *calib; int64_t samples; int importance, replace; } what = {
        s->net, data ? (const void *)s->calib : NULL, samples, data ? keys.importance : MB_BY_MAGNITUDE, data && keys.replace};
    uint64_t key = mb_hash64(&what, sizeof what, MB_HASH_START);
    mb_pruner *p = mb_cache_claim(s->cache, "channels", key);
    if (!p) {
        rc = mb_pruner_new(s->net, &p);
        if (!rc && what.replace) rc = find_means(s, samples, pr, p);
        if (!rc && what.importance == MB_BY_GRADIENT) rc = by_gradient(s, (size_t)samples, pr, p);
        if (rc) {
            mb_pruner_free(p);
            mb_cache_give_up(s->cache, "channels", key);
        } else {
            rc = mb_cache_put(s->cache, "channels", key, p, 0, free_pruner);
        }
        if (rc) return mb_context(rc, "while finding the channels that matter in network %s", s->net->name ? s->net->name : "");
    }
    *out = p;
    return MB_OK;
}

/* The network under PLAN; the cache owns it. */
static int smaller_network(mb_setup *s, const mb_plan *plan, const mb_progress *pr, const mb_network **out) {
    const mb_pruner *p = NULL;
    if (plan->n != s->net->n_weighted)
        return mb_fail(MB_BADINPUT, "the plan has %d layers, the network %d weighted ones", plan->n, s->net->n_weighted);
    int *outputs = mb_malloc((size_t)plan->n, sizeof *outputs), *inputs = mb_malloc((size_t)plan->n, sizeof *inputs);
    int rc = outputs && inputs ? mb_pruned_ranks(s, pr, &p) : mb_nomem();
    for (int m = 0; m < plan->n && !rc; m++) outputs[m] = plan->assign[m].keep_outputs, inputs[m] = plan->assign[m].keep_inputs;
    if (!rc) {
        uint64_t key = mb_hash64(&p, sizeof p, MB_HASH_START);
        key = mb_hash64(outputs, (size_t)plan->n * sizeof *outputs, key);
        key = mb_hash64(inputs, (size_t)plan->n * sizeof *inputs, key);
        mb_network *net = mb_cache_claim(s->cache, "pruned network", key);
        if (!net) {
            rc = mb_prune(p, outputs, inputs, false, &net);
            if (rc) mb_cache_give_up(s->cache, "pruned network", key);
            else rc = mb_cache_put(s->cache, "pruned network", key, net, 0, free_network);
        }
        *out = net;
    }
    mb_free(outputs);
    mb_free(inputs);
    return rc;
}

/* What PLAN says, for the network NET. Modes go along. */
static int plan_for(const mb_plan *plan, const mb_network *net, mb_plan **out) {
    mb_plan *p = NULL;
    int rc = mb_plan_clone(plan, &p);
    if (rc) return rc;
    p->network_hash = net->hash;
    for (int m = 0; m < p->n; m++) {
        p->assign[m].keep_outputs = p->assign[m].keep_inputs = 0;
        for (int i = 0; i < p->n_modes; i++) p->mode[i].assign[m].keep_outputs = p->mode[i].assign[m].keep_inputs = 0;
    }
    *out = p;
    return MB_OK;
}

int mb_pruned_open(mb_setup *s, const mb_plan *plan, const mb_progress *pr, mb_pruned *p) {
    *p = (mb_pruned){.setup = s, .plan = plan};
    if (!mb_plan_prunes(plan)) return MB_OK;
    const mb_network *net = NULL;
    int rc = smaller_network(s, plan, pr, &net);
    if (!rc) rc = plan_for(plan, net, &p->own_plan);
    if (rc) return rc;
    p->own = *s;
    p->own.net = net;
    p->setup = &p->own;
    p->plan = p->own_plan;
    return MB_OK;
}

void mb_pruned_close(mb_pruned *p) {
    mb_plan_free(p->own_plan);
    *p = (mb_pruned){0};
}

int mb_pruned_modes(const mb_plan *small, mb_plan *plan) {
    mb_assign *a = mb_malloc((size_t)(plan->n ? plan->n : 1), sizeof *a);
    int rc = a ? MB_OK : mb_nomem();
    for (int i = 0; i < small->n_modes && !rc; i++) {
        for (int m = 0; m < plan->n; m++) {
            a[m] = small->mode[i].assign[m];
            a[m].keep_outputs = plan->assign[m].keep_outputs;
            a[m].keep_inputs = plan->assign[m].keep_inputs;
        }
        rc = mb_plan_add_mode(plan, small->mode[i].name, a);
    }
    mb_free(a);
    return rc;
}

/* --- costs of many plans --------------------------------------------------------------------------------------------- */

typedef struct entry {
    const mb_network *net;
    mb_costing *costing;
} entry;
struct mb_pruned_costs {
    mb_setup *s;
    entry *list;                 /* the setup's own network first */
    int n;
};

/* The costing of NET, made when it is asked for the first time. */
static int costing_of(mb_pruned_costs *c, const mb_network *net, const mb_costing **out) {
    int i = 0;
    while (i < c->n && c->list[i].net != net) i++;
    if (i == c->n) {
        entry e = {net, NULL}, *list = mb_realloc(c->list, (size_t)c->n + 1, sizeof *list);
        if (!list) return mb_nomem();
        c->list = list;
        int rc = mb_costing_new(c->s->mach, &c->s->cell, net, &e.costing);
        if (rc) return rc;
        c->list[c->n++] = e;
    }
    *out = c->list[i].costing;
    return MB_OK;
}

int mb_pruned_costs_new(mb_setup *s, mb_pruned_costs **out) {
    const mb_costing *first;
    mb_pruned_costs *c = mb_calloc(1, sizeof *c);
    if (!c) return mb_nomem();
    c->s = s;
    int rc = costing_of(c, s->net, &first);
    if (rc) mb_pruned_costs_free(c);
    else *out = c;
    return rc;
}

void mb_pruned_costs_free(mb_pruned_costs *c) {
    if (!c) return;
    for (int i = 0; i < c->n; i++) mb_costing_free(c->list[i].costing);
    mb_free(c->list);
    mb_free(c);
}

int mb_pruned_costs_plan(mb_pruned_costs *c, const mb_plan *plan, const mb_progress *pr, mb_metrics *out) {
    mb_pruned p;
    const mb_costing *k = NULL;
    int rc = mb_pruned_open(c->s, plan, pr, &p);
    if (!rc) rc = costing_of(c, p.setup->net, &k);
    if (!rc) rc = mb_costing_plan(k, p.plan, NULL, NULL, NULL, out, NULL, false);
    mb_pruned_close(&p);
    return rc;
}

int mb_pruned_arrays(const mb_setup *s, int m, const mb_assign *a, int inputs, int outputs, int64_t *n) {
    mb_layer l = s->net->layer[s->net->weighted[m]]; /* shallow: only its sizes are looked at */
    const mb_window *w = &l.win;
    const int channels = (int)s->net->layer[l.in[0]].shape.d[0], unit = w->cin % channels == 0 ? w->cin / channels : 1;
    if (w->groups > 1) {
        if (outputs || inputs) l.win.groups = l.win.cin = l.win.cout = outputs ? outputs : inputs;
    } else {
        if (inputs) l.win.cin = inputs * unit;
        if (outputs) l.win.cout = outputs;
    }
    return mb_machine_arrays(s->mach, &s->cell, &l, a, n);
}
