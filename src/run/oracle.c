/* oracle.c - what policies may ask of a point: costs, simulated losses, fine-tuning, sensitivities
 *
 * Losses are those of the calibration samples, never of the scored ones. Who may call: points (run/point.c).
 */
#include "run/oracle.h"

#include <string.h>
#include <time.h>

#include "base/error.h"
#include "base/file.h"
#include "base/mem.h"
#include "mapping/mixed.h"
#include "mapping/policy.h"
#include "nn/exec.h"
#include "run/answers.h"
#include "run/curvature.h"
#include "run/finetune.h"
#include "run/measure.h"
#include "run/point.h"
#include "run/prune.h"
#include "run/score.h"

/* What a search sees of devices are draws of their own, not those that results are computed with. */
#define SEARCH_DRAWS (1u << 20)

/* failed: a loss could not be measured. tuned: the network of the last fine-tuning with its profile, which losses are measured on; NULL: the setup's own */
typedef struct {
    mb_setup *s;
    mb_pruned_costs *costs;
    const mb_progress *pr;
    bool failed;
    mb_tuned tuned;
    const mb_network *tuned_from; /* the network that was trained: the setup's, or a smaller one */
    mb_profile *tuned_profile;
    mb_answers *answers;         /* of everything that losses depend on, the plan apart; shared between points */
} oracle_ctx;

static int oracle_cost(void *ctx, const mb_plan *plan, mb_metrics *out) {
    oracle_ctx *c = ctx;
    return mb_pruned_costs_plan(c->costs, plan, c->pr, out);
}

/* --- what points share: answers that depend on the network, the machine and the data, not on the policy --------------------------------------------- */

static int context_key(const mb_setup *s, uint64_t *key) {
    static const char *const apart[] = {"map", "sweep", "against", "plot", "trials", "samples", "name", "question", "train", "dataset"};
    mb_conf *c = mb_conf_clone(s->conf);
    int rc = c ? MB_OK : mb_nomem();
    for (size_t i = 0; i < sizeof apart / sizeof *apart && !rc; i++)
        if (mb_conf_find(c, apart[i])) rc = mb_conf_set(c, apart[i], "0", MB_FROM_DEFAULT);
    if (!rc) {
        *key = mb_conf_hash(c);
        *key = mb_hash64(&s->net->hash, sizeof s->net->hash, *key);
        *key = mb_hash64(&s->calib, sizeof s->calib, *key);
        const mb_conf *keep = mb_conf_find(s->conf, "map.keep"); /* which channels a plan drops */
        const uint64_t which = keep ? mb_conf_hash(keep) : 0;
        *key = mb_hash64(&which, sizeof which, *key);
    }
    mb_conf_free(c);
    return rc;
}

static void free_answers(void *p) { mb_answers_free(p); }
static void free_plain(void *p) { mb_free(p); }

static int open_answers(const mb_setup *s, mb_answers **out) {
    uint64_t key;
    int rc = context_key(s, &key);
    if (rc) return rc;
    if ((*out = mb_cache_claim(s->cache, "answers", key))) return MB_OK;
    rc = mb_answers_new(out);
    if (!rc) return mb_cache_put(s->cache, "answers", key, *out, 0, free_answers);
    mb_cache_give_up(s->cache, "answers", key);
    return rc;
}

/* Questions of different kinds have different keys. */
static uint64_t question(const char *kind) { return mb_hash64(kind, strlen(kind), MB_HASH_START); }

/* Copies change costs only. */
static uint64_t setting_key(const mb_assign *a, uint64_t key) {
    mb_assign x = *a;
    x.copies = 1;
    return mb_hash64(&x, sizeof x, key);
}

/* --- losses of plans ------------------------------------------------------------------------------------------------------------ */

static int need_data(oracle_ctx *c) {
    const int no = mb_setup_can_run(c->s);
    if (no) return mb_context(no, "the mapping policy asks what a plan loses");
    return c->answers ? MB_OK : open_answers(c->s, &c->answers);
}

static int float_outputs(oracle_ctx *c, int64_t samples, const float **logit) {
    const uint64_t key = mb_hash64(&samples, sizeof samples, question("outputs"));
    void *known = mb_answers_find(c->answers, key);
    int rc = MB_OK;
    if (!known) {
        float *v = NULL;
        rc = mb_score_reference(c->s->net, c->s->calib, samples, c->pr, &v);
        if (!rc) rc = mb_answers_put(c->answers, key, v, free_plain, &known);
    }
    *logit = known;
    return rc;
}

/* At most the calibration samples that the experiment takes. */
static int64_t sample_count(const oracle_ctx *c, int samples) {
    const int64_t most = c->s->cal.samples;
    return samples == 0 || samples > most ? most : samples;
}

static int score(oracle_ctx *c, const mb_plan *plan, int64_t samples, int draws, mb_loss *out) {
    const mb_profile *prof = NULL;
    const float *logit = NULL;
    mb_pruned pruned;
    int rc = mb_pruned_open(c->s, plan, c->pr, &pruned);
    mb_setup s = *pruned.setup;
    if (!rc) rc = float_outputs(c, samples, &logit);
    if (!rc && c->tuned.net && c->tuned_from != s.net)
        rc = mb_fail(MB_BADINPUT, "the loss of a plan is asked for that keeps other channels than the plan of the fine-tuning");
    if (c->tuned.net) s.net = c->tuned.net, prof = c->tuned_profile;
    else if (!rc) rc = mb_point_profile(pruned.setup, c->pr, &prof);
    if (!rc) rc = mb_score_plan(&s, prof, logit, pruned.plan, samples, SEARCH_DRAWS, draws, c->pr, out);
    mb_pruned_close(&pruned);
    c->failed = c->failed || rc;
    return rc;
}

static int oracle_score(void *ctx, const mb_plan *plan, int samples, int draws, mb_loss *out) {
    oracle_ctx *c = ctx;
    int rc = need_data(c);
    if (rc) return rc;
    const int64_t n = sample_count(c, samples);
    if (c->tuned.net) return score(c, plan, n, draws, out);
    uint64_t key = mb_hash64(&n, sizeof n, mb_hash64(&draws, sizeof draws, question("score")));
    for (int m = 0; m < plan->n; m++) key = setting_key(&plan->assign[m], key);
    const mb_loss *known = mb_answers_find(c->answers, key);
    if (known) *out = *known;
    else {
        rc = score(c, plan, n, draws, out);
        if (!rc) rc = mb_answers_copy(c->answers, key, out, sizeof *out);
    }
    return rc;
}

/* On the calibration samples with one device. */
static int oracle_loss(void *ctx, const mb_plan *plan, mb_loss *out) { return oracle_score(ctx, plan, 0, 1, out); }

/* --- sensitivities of layers ---------------------------------------------------------------------------------------------------- */

static uint64_t measure_key(const mb_measure_ask *a, int layer, int setting) {
    const int which[] = {layer, a->samples, a->trials, a->weight_bits, a->input_bits};
    uint64_t key = mb_hash64(which, sizeof which, question("measured"));
    key = mb_hash64(&a->stress, sizeof a->stress, key);
    return setting_key(&a->setting[setting], key);
}

/* What no other point has measured, at once. */
static int oracle_measure(void *ctx, const mb_measure_ask *a, mb_measurement *out) {
    oracle_ctx *c = ctx;
    const mb_profile *prof = NULL;
    mb_measured *m = NULL;
    const int layers = c->s->net->n_weighted, total = layers * a->n;
    int rc = need_data(c);
    const int64_t n = rc ? 0 : sample_count(c, a->samples);
    if (!rc) rc = mb_point_profile(c->s, c->pr, &prof);
    if (rc) return rc;
    bool *use = mb_calloc((size_t)total, sizeof *use);
    if (!use) return mb_nomem();
    mb_answers_begin(c->answers);
    for (int e = 0; e < total; e++) {
        if (a->use && !a->use[e]) continue;
        const mb_measurement *known = mb_answers_find(c->answers, measure_key(a, e / a->n, e % a->n));
        if (known) out[e] = *known;
        else use[e] = true;
    }
    const mb_measure_options o = {.samples = n, .trials = a->trials, .stress = a->stress, .first_trial = SEARCH_DRAWS,
                                  .weight_bits = a->weight_bits, .input_bits = a->input_bits};
    mb_assign *setting = mb_malloc((size_t)a->n, sizeof *setting); /* those that are asked for somewhere */
    int *from = mb_malloc((size_t)a->n, sizeof *from), asked = 0;
    if (!setting || !from) rc = mb_nomem();
    for (int e = 0; e < a->n && !rc; e++) {
        bool some = false;
        for (int k = 0; k < layers; k++) some = some || use[k * a->n + e];
        if (!some) continue;
        for (int k = 0; k < layers; k++) use[k * a->n + asked] = use[k * a->n + e];
        from[asked] = e;
        setting[asked++] = a->setting[e];
    }
    for (int k = 1; k < layers; k++) memmove(use + k * asked, use + k * a->n, (size_t)asked * sizeof *use);
    if (!rc && asked) rc = mb_measure(c->s, prof, setting, asked, use, &o, c->pr, &m);
    for (int e = 0; e < layers * asked && m && !rc; e++) {
        if (!use[e]) continue;
        const int k = e / asked, to = k * a->n + from[e % asked];
        out[to] = (mb_measurement){m->mean[e], m->se[e], m->kl[e], m->kl_se[e]};
        rc = mb_answers_copy(c->answers, measure_key(a, k, from[e % asked]), &out[to], sizeof out[to]);
    }
    mb_answers_end(c->answers);
    mb_free(setting);
    mb_free(from);
    c->failed = c->failed || rc;
    mb_measured_free(m);
    mb_free(use);
    return rc;
}

static void free_curvature(void *p) { mb_curvature_free(p); }

static mb_traced traced(const mb_estimate *e) { return (mb_traced){e->mean, e->n > 1 ? (e->high - e->low) / 2 : 0}; }

static int oracle_curvature(void *ctx, const mb_curvature_ask *a, const mb_curvature_tell *out) {
    oracle_ctx *c = ctx;
    int rc = need_data(c);
    const int which[] = {a->samples, a->probes, a->steps, a->exact, a->pairs};
    uint64_t key = mb_hash64(a->bits, (size_t)a->n_bits * sizeof *a->bits, mb_hash64(which, sizeof which, question("curvature")));
    if (rc) return rc;
    mb_answers_begin(c->answers);
    void *known = mb_answers_find(c->answers, key);
    if (!known) {
        mb_curvature *made = NULL;
        const mb_curvature_options o = {.samples = a->samples, .probes = a->probes, .steps = a->steps, .n_bits = a->n_bits, .bits = a->bits,
                                        .exact = a->exact, .pairs = a->pairs, .threads = mb_sim_threads(), .progress = c->pr};
        rc = mb_curvature_compute(c->s, &o, &made);
        if (!rc) rc = mb_answers_put(c->answers, key, made, free_curvature, &known);
        c->failed = c->failed || rc;
    }
    mb_answers_end(c->answers);
    if (rc) return rc;
    const mb_curvature *v = known;
    for (int k = 0; k < v->n; k++) {
        const mb_layer_curvature *l = &v->layer[k];
        if (out->trace) out->trace[k] = traced(&l->trace);
        if (out->exact) out->exact[k] = traced(&l->fisher);
        if (out->empirical) out->empirical[k] = traced(&l->empirical);
        if (out->lambda) out->lambda[k] = l->spectrum.max;
        for (int b = 0; b < v->n_bits; b++) {
            if (out->dw2) out->dw2[k * v->n_bits + b] = l->change[b].dw2;
            if (out->fisher) out->fisher[k * v->n_bits + b] = l->change[b].fisher;
        }
    }
    const size_t n = (size_t)v->n * (size_t)v->n_bits;
    if (out->pair) memcpy(out->pair, v->pair, n * n * sizeof *v->pair);
    return MB_OK;
}

static int oracle_arrays(void *ctx, int m, const mb_assign *a, int inputs, int outputs, int64_t *n) {
    const oracle_ctx *c = ctx;
    return mb_pruned_arrays(c->s, m, a, inputs, outputs, n);
}

static double oracle_now(void *ctx) {
    struct timespec t;
    (void)ctx;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static int oracle_progress(void *ctx, const char *what, int64_t done, int64_t total) {
    const oracle_ctx *c = ctx;
    return c->pr && c->pr->step ? c->pr->step(c->pr->ctx, what, done, total) : 0;
}

static int oracle_layer_latency(void *ctx, const mb_plan *plan, int m, double *latency_s) {
    oracle_ctx *c = ctx;
    mb_report *r = NULL;
    mb_metrics met;
    mb_pruned p;
    int rc = mb_pruned_open(c->s, plan, c->pr, &p);
    if (!rc) rc = mb_cost_network(c->s->mach, &c->s->cell, p.setup->net, p.plan, NULL, NULL, &r, &met);
    mb_pruned_close(&p);
    const mb_report *l = rc ? NULL : mb_report_find(r, plan->layer[m]);
    *latency_s = l ? l->total.latency_s : 0;
    mb_report_free(r);
    return rc;
}

typedef struct { int index; size_t count; double *x; } watch_ctx; /* outputs of one layer, in double */

static int watch_layer(void *ctx, const mb_network *net, int index, int n, const float *y) {
    watch_ctx *w = ctx;
    (void)net;
    if (index != w->index) return MB_OK;
    for (size_t k = 0; k < (size_t)n * w->count; k++) w->x[k] = (double)y[k];
    w->x += (size_t)n * w->count;
    return MB_OK;
}

/* Float outputs of a weighted layer for the first calibration samples, in our own arithmetic: the same bits everywhere. */
static int oracle_activations(void *ctx, int m, int samples, double **x, int *features) {
    oracle_ctx *c = ctx;
    const mb_network *net = c->s->net;
    const mb_dataset *d = c->s->calib;
    enum { BATCH = 16 };
    mb_exec *e = NULL;
    if (!d) return mb_fail(MB_BADINPUT, "the outputs of layers need a dataset");
    if ((size_t)samples > d->n) return mb_fail(MB_BADINPUT, "%d calibration samples are asked for, %s holds %zu", samples, d->source, d->n);
    watch_ctx w = {net->weighted[m], mb_shape_count(&net->layer[net->weighted[m]].shape), NULL};
    const size_t in = mb_shape_count(&d->shape), out = mb_shape_count(&net->layer[net->output].shape);
    float *a = mb_malloc(BATCH * in, sizeof *a), *y = mb_malloc(BATCH * out, sizeof *y);
    double *all = mb_malloc((size_t)samples * w.count, sizeof *all);
    int rc = a && y && all ? mb_exec_new(net, BATCH, &e) : mb_nomem();
    w.x = all;
    for (int i = 0; i < samples && !rc; i += BATCH) {
        int n = samples - i < BATCH ? samples - i : BATCH;
        mb_dataset_get(d, (size_t)i, (size_t)n, a);
        rc = mb_exec_run(e, n, a, y, mb_exec_reference, NULL, watch_layer, &w);
    }
    mb_exec_free(e);
    mb_free(a);
    mb_free(y);
    *features = (int)w.count;
    if (rc) mb_free(all);
    else *x = all;
    return rc;
}

static void forget_tuned(oracle_ctx *c) {
    mb_profile_free(c->tuned_profile);
    mb_tuned_free(&c->tuned);
    c->tuned_profile = NULL;
}

static int oracle_finetune(void *ctx, const mb_plan *plan, int epochs) {
    oracle_ctx *c = ctx;
    forget_tuned(c);
    if (epochs == 0) return MB_OK;
    mb_pruned pruned;
    int rc = mb_pruned_open(c->s, plan, c->pr, &pruned);
    if (!rc) rc = mb_finetune(pruned.setup, pruned.plan, epochs, c->pr, &c->tuned);
    c->tuned_from = pruned.setup->net;
    mb_pruned_close(&pruned);
    if (!rc) rc = mb_profile_new(c->tuned.net, c->s->calib, c->s->cal.samples, c->pr, &c->tuned_profile);
    if (rc) forget_tuned(c);
    c->failed = c->failed || rc;
    return rc;
}

static int oracle_trained(void *ctx, const mb_plan *plan, int epochs, mb_loss *out) {
    oracle_ctx *c = ctx;
    mb_score score = {0};
    mb_pruned pruned;
    double low, high;
    int rc = mb_pruned_open(c->s, plan, c->pr, &pruned);
    if (!rc) rc = mb_finetune_score(pruned.setup, pruned.plan, epochs, c->pr, &score);
    mb_pruned_close(&pruned);
    c->failed = c->failed || rc;
    if (rc) return rc;
    out->loss = score.loss;
    out->accuracy = (double)score.correct / (double)score.samples;
    mb_accuracy_interval(out->accuracy, score.samples, 0, 1, &low, &high);
    out->half_width = (high - low) / 2;
    return MB_OK;
}

static int oracle_search_bits(void *ctx, mb_bit_search *b) {
    oracle_ctx *c = ctx;
    int rc = mb_bit_search_run(c->s, c->pr, b);
    c->failed = c->failed || rc;
    return rc;
}

/* What map.finetune is worth. */
static int tell_tuned(oracle_ctx *c, const mb_plan *plan, mb_map_report *r) {
    mb_setup *own = c->s;
    mb_point_at at;
    forget_tuned(c);
    int rc = need_data(c);
    if (rc) return rc;
    const int64_t n = sample_count(c, 0);
    rc = score(c, plan, n, 1, &r->untuned);
    if (rc) return rc;
    rc = mb_point_at_open(own, plan, true, c->pr, &at);
    if (!rc) {
        c->s = &at.setup;
        rc = score(c, at.plan, n, 1, &r->tuned);
        c->s = own;
    }
    mb_point_at_close(&at);
    r->tuned_epochs = own->finetune_epochs;
    return rc;
}

int mb_oracle_map(mb_setup *s, const mb_progress *pr, mb_plan **plan, mb_metrics *metrics, mb_oracle_told *told, mb_map_report *report) {
    const mb_network *net = s->net;
    oracle_ctx ctx = {.s = s, .pr = pr};
    const double t0 = oracle_now(NULL);
    mb_layer_info *info = mb_calloc((size_t)net->n_weighted, sizeof *info);
    if (!info) return mb_nomem();
    for (int k = 0; k < net->n_weighted; k++) {
        const mb_layer *l = &net->layer[net->weighted[k]];
        info[k] = (mb_layer_info){l->name, mb_layer_matmul(l), mb_layer_macs(l), mb_layer_params(l)};
    }
    mb_oracle o = {.ctx = &ctx, .net = net, .layer = info, .n = net->n_weighted, .cost = oracle_cost, .loss = oracle_loss, .finetune = oracle_finetune,
                   .trained = oracle_trained, .search_bits = oracle_search_bits,
                   .score = oracle_score, .measure = oracle_measure, .curvature = oracle_curvature,
                   .now = oracle_now, .progress = oracle_progress, .activations = oracle_activations,
                   .layer_latency = oracle_layer_latency, .arrays = oracle_arrays, .report = report};
    mb_plan *p = NULL;
    int rc = mb_pruned_costs_new(s, &ctx.costs);
    if (!rc) rc = mb_policy_run(mb_conf_find(s->conf, "map"), &o, (uint64_t)s->keys.seed, &p);
    if (!rc && !p->machine && !(p->machine = mb_strdup(s->mach->name))) rc = mb_nomem();
    if (!rc && metrics) rc = mb_oracle_cost(&o, p, metrics);
    if (!rc && report && s->finetune_epochs) rc = tell_tuned(&ctx, p, report);
    mb_pruned_costs_free(ctx.costs);
    mb_free(info);
    forget_tuned(&ctx);
    *told = (mb_oracle_told){ctx.failed, o.n_cost, o.n_loss, o.n_measured, oracle_now(NULL) - t0};
    if (rc) mb_plan_free(p);
    else *plan = p;
    return rc;
}
