/* oracle.c - what policies may ask of a point: costs, simulated losses, fine-tuning, sensitivities
 *
 * Losses are those of the calibration samples, never of the scored ones. Who may call: points (run/point.c).
 */
#include "run/oracle.h"

#include <string.h>
#include <time.h>

#include "base/error.h"
#include "base/mem.h"
#include "mapping/mixed.h"
#include "mapping/policy.h"
#include "nn/exec.h"
#include "run/finetune.h"
#include "run/point.h"
#include "run/prune.h"

/* failed: a loss could not be measured. tuned: the network of the last fine-tuning with its profile, which losses are measured on; NULL: the setup's own */
typedef struct {
    mb_setup *s;
    mb_pruned_costs *costs;
    const mb_progress *pr;
    bool failed;
    mb_network *tuned;
    const mb_network *tuned_from; /* the network that was trained: the setup's, or a smaller one */
    mb_profile *tuned_profile;
} oracle_ctx;

static int oracle_cost(void *ctx, const mb_plan *plan, mb_metrics *out) {
    oracle_ctx *c = ctx;
    return mb_pruned_costs_plan(c->costs, plan, c->pr, out);
}

/* Loss on the calibration samples with the devices of draw 0. */
static int oracle_loss(void *ctx, const mb_plan *plan, mb_loss *out) {
    oracle_ctx *c = ctx;
    const mb_profile *prof = NULL;
    mb_mapped *m = NULL;
    mb_accuracy acc;
    if (c->s->net->weightless) return mb_context(mb_network_has_weights(c->s->net), "the mapping policy asks what a plan loses");
    if (!c->s->calib) return mb_fail(MB_BADINPUT, "this policy measures losses and needs a dataset");
    mb_pruned pruned;
    int rc = mb_pruned_open(c->s, plan, c->pr, &pruned);
    mb_setup s = *pruned.setup;
    if (!rc && c->tuned && c->tuned_from != s.net)
        rc = mb_fail(MB_BADINPUT, "the loss of a plan is asked for that keeps other channels than the plan of the fine-tuning");
    if (c->tuned) s.net = c->tuned, prof = c->tuned_profile;
    else if (!rc) rc = mb_point_profile(pruned.setup, c->pr, &prof);
    if (!rc) rc = mb_mapped_new(&s, prof, pruned.plan, &m);
    if (!rc) rc = mb_mapped_program(m, 0, c->pr);
    if (!rc) rc = mb_analog_accuracy(m, c->s->calib, c->s->cal.samples, c->pr, &acc);
    mb_mapped_free(m);
    mb_pruned_close(&pruned);
    if (rc) {
        c->failed = true;
        return rc;
    }
    double low, high;
    out->loss = acc.loss;
    out->accuracy = (double)acc.correct / (double)acc.samples;
    mb_accuracy_interval(out->accuracy, acc.samples, 0, 1, &low, &high);
    out->half_width = (high - low) / 2;
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

static const mb_report *find_group(const mb_report *r, const char *name) {
    for (size_t i = 0; i < r->n; i++)
        if (!strcmp(r->child[i]->name, name)) return r->child[i];
    return NULL;
}

static int oracle_layer_latency(void *ctx, const mb_plan *plan, int m, double *latency_s) {
    oracle_ctx *c = ctx;
    mb_report *r = NULL;
    mb_metrics met;
    mb_pruned p;
    int rc = mb_pruned_open(c->s, plan, c->pr, &p);
    if (!rc) rc = mb_cost_network(c->s->mach, &c->s->cell, p.setup->net, p.plan, NULL, NULL, &r, &met);
    mb_pruned_close(&p);
    const mb_report *l = rc ? NULL : find_group(r, plan->layer[m]);
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
    mb_network_free(c->tuned);
    c->tuned_profile = NULL;
    c->tuned = NULL;
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
    if (!rc) rc = mb_profile_new(c->tuned, c->s->calib, c->s->cal.samples, c->pr, &c->tuned_profile);
    if (rc) forget_tuned(c);
    c->failed = c->failed || rc;
    return rc;
}

int mb_oracle_map(mb_setup *s, const mb_progress *pr, mb_plan **plan, mb_metrics *metrics, bool *failed, mb_map_report *report) {
    const mb_network *net = s->net;
    oracle_ctx ctx = {.s = s, .pr = pr};
    mb_layer_info *info = mb_calloc((size_t)net->n_weighted, sizeof *info);
    if (!info) return mb_nomem();
    for (int k = 0; k < net->n_weighted; k++) {
        const mb_layer *l = &net->layer[net->weighted[k]];
        info[k] = (mb_layer_info){l->name, mb_layer_matmul(l), mb_layer_macs(l), mb_layer_params(l)};
    }
    mb_oracle o = {.ctx = &ctx, .net = net, .layer = info, .n = net->n_weighted, .cost = oracle_cost, .loss = oracle_loss, .finetune = oracle_finetune,
                   .now = oracle_now, .progress = oracle_progress, .activations = oracle_activations,
                   .layer_latency = oracle_layer_latency, .arrays = oracle_arrays, .report = report};
    mb_plan *p = NULL;
    int rc = mb_pruned_costs_new(s, &ctx.costs);
    if (!rc) rc = mb_policy_run(mb_conf_find(s->conf, "map"), &o, (uint64_t)s->keys.seed, &p);
    if (!rc && !p->machine && !(p->machine = mb_strdup(s->mach->name))) rc = mb_nomem();
    if (!rc && metrics) rc = mb_oracle_cost(&o, p, metrics);
    mb_pruned_costs_free(ctx.costs);
    mb_free(info);
    forget_tuned(&ctx);
    *failed = ctx.failed;
    if (rc) mb_plan_free(p);
    else *plan = p;
    return rc;
}
