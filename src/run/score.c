/* score.c - see score.h
 *
 * Who may call: the oracle (run/oracle.c). The parallel loop over blocks of samples is mb_sim_run's.
 */
#include "run/score.h"

#include <gsl/gsl_statistics_double.h>
#include <math.h>
#include <string.h>

#include "base/error.h"
#include "base/mem.h"
#include "run/measure.h"

/* --- outputs of one pass, sample by sample --------------------------------------------------------------------------- */

typedef struct pass {
    const mb_network *net;
    mb_mapped *map;              /* NULL: the float network */
    uint32_t trial;
    float *out;                  /* [samples][classes] */
    size_t classes;
} pass;

typedef struct context {
    pass *p;
    mb_layer_runner *runner;
    int64_t first;
} context;

static void context_close(void *ctx) {
    context *c = ctx;
    if (!c) return;
    mb_layer_runner_free(c->runner);
    mb_free(c);
}

static int context_open(void *shared, void **ctx) {
    context *c = mb_calloc(1, sizeof *c);
    if (!c) return mb_nomem();
    *ctx = c;
    c->p = shared;
    return c->p->map ? mb_layer_runner_new(c->p->net, &c->runner) : MB_OK;
}

static void context_begin(void *ctx, int64_t first) {
    context *c = ctx;
    c->first = first;
    if (c->runner) mb_layer_runner_set(c->runner, c->p->map, true, c->p->trial, first);
}

static int context_layer(void *ctx, const mb_network *net, int m, int n, const float *x, float *y) {
    context *c = ctx;
    return c->runner ? mb_layer_runner_run(c->runner, net, m, n, x, y) : mb_exec_reference(NULL, net, m, n, x, y);
}

static void context_end(void *ctx, int64_t first, int n, const float *out) {
    const context *c = ctx;
    memcpy(c->p->out + (size_t)first * c->p->classes, out, (size_t)n * c->p->classes * sizeof *out);
}

static int run_pass(pass *p, const mb_dataset *data, int64_t samples, const char *what, const mb_progress *pr) {
    mb_sim_job job = {.net = p->net,
                      .data = data,
                      .samples = samples,
                      .what = what,
                      .progress = pr,
                      .shared = p,
                      .open = context_open,
                      .close = context_close,
                      .begin = context_begin,
                      .layer = context_layer,
                      .end = context_end};
    return mb_sim_run(&job);
}

int mb_score_reference(const mb_network *net, const mb_dataset *data, int64_t samples, const mb_progress *pr, float **logit) {
    pass p = {.net = net, .classes = mb_shape_count(&net->layer[net->output].shape)};
    p.out = mb_malloc((size_t)samples * p.classes, sizeof *p.out);
    int rc = p.out ? run_pass(&p, data, samples, "float outputs", pr) : mb_nomem();
    if (rc) mb_free(p.out);
    else *logit = p.out;
    return rc;
}

/* --- sums over samples and draws -------------------------------------------------------------------------------------- */

typedef struct sums {
    int64_t *sample;             /* [samples] divergence over draws */
    double *kl, *accuracy;       /* [draws] means over samples */
    double loss;
} sums;

static void add_draw(const pass *p, const mb_dataset *data, const float *logit, int64_t samples, int draw, sums *t) {
    int64_t kl = 0, loss = 0, correct = 0;
    for (size_t i = 0; i < (size_t)samples; i++) {
        const float *y = p->out + i * p->classes;
        const int64_t d = mb_divergence_units(logit + i * p->classes, y, p->classes);
        t->sample[i] += d;
        kl += d;
        loss += mb_loss_units(y, p->classes, data->label[i]);
        correct += mb_argmax(y, p->classes) == data->label[i];
    }
    t->kl[draw] = (double)kl * MB_LOSS_UNIT / (double)samples;
    t->accuracy[draw] = (double)correct / (double)samples;
    t->loss += (double)loss * MB_LOSS_UNIT / (double)samples;
}

static void finish(const sums *t, int64_t samples, int draws, mb_loss *out) {
    const double T = draws, n = (double)samples;
    double mean = 0, var = 0, low, high;
    for (int64_t i = 0; i < samples; i++) mean += (double)t->sample[i] / n;
    for (int64_t i = 0; i < samples; i++) var += ((double)t->sample[i] - mean) * ((double)t->sample[i] - mean);
    var = samples > 1 ? var / (n - 1) / n * (MB_LOSS_UNIT / T) * (MB_LOSS_UNIT / T) : 0;
    if (draws > 1) var += gsl_stats_variance(t->kl, 1, (size_t)draws) / T;
    out->kl = gsl_stats_mean(t->kl, 1, (size_t)draws);
    out->kl_half_width = 1.959963984540054 * sqrt(var);
    out->loss = t->loss / T;
    out->accuracy = gsl_stats_mean(t->accuracy, 1, (size_t)draws);
    mb_accuracy_interval(out->accuracy, samples, draws > 1 ? gsl_stats_sd(t->accuracy, 1, (size_t)draws) : 0, draws, &low, &high);
    out->half_width = (high - low) / 2;
}

int mb_score_plan(const mb_setup *s, const mb_profile *prof, const float *logit, const mb_plan *plan, int64_t samples, uint32_t first_draw, int draws,
                  const mb_progress *pr, mb_loss *out) {
    pass p = {.net = s->net, .classes = mb_shape_count(&s->net->layer[s->net->output].shape)};
    sums t = {0};
    int rc = mb_mapped_new(s, prof, plan, &p.map);
    if (rc) return rc;
    if (mb_mapped_deterministic(p.map)) draws = 1;
    p.out = mb_malloc((size_t)samples * p.classes, sizeof *p.out);
    t.sample = mb_calloc((size_t)samples, sizeof *t.sample);
    t.kl = mb_malloc((size_t)draws, sizeof *t.kl);
    t.accuracy = mb_malloc((size_t)draws, sizeof *t.accuracy);
    if (!p.out || !t.sample || !t.kl || !t.accuracy) rc = mb_nomem();
    for (int d = 0; d < draws && !rc; d++) {
        p.trial = first_draw + (uint32_t)d;
        rc = mb_mapped_program(p.map, p.trial, pr);
        if (!rc) rc = run_pass(&p, s->calib, samples, "simulate a plan", pr);
        if (!rc) add_draw(&p, s->calib, logit, samples, d, &t);
    }
    if (!rc) finish(&t, samples, draws, out);
    mb_mapped_free(p.map);
    mb_free(p.out);
    mb_free(t.sample);
    mb_free(t.kl);
    mb_free(t.accuracy);
    return rc;
}
