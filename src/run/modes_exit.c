/* modes_exit.c - early exit: a mode of low cost first, full precision for the samples that it is not sure of (run/modes.h) */
#include "run/modes.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/mem.h"
#include "nn/exec.h"

typedef struct verdict { float margin; bool low, high; } verdict; /* of a sample in a draw: margin of the low mode, right answers */

typedef struct study {
    mb_setup *s;
    mb_mapped *map[2];     /* low, high */
    uint32_t trial;
    verdict *v;            /* [samples] of this draw */
} study;

typedef struct context {
    study *st;
    mb_exec *exec;
    mb_layer_runner *runner;
    float *out;
} context;

static void context_close(void *p) {
    context *c = p;
    if (!c) return;
    mb_exec_free(c->exec);
    mb_layer_runner_free(c->runner);
    mb_free(c->out);
    mb_free(c);
}

static int context_open(void *p, void **out) {
    study *st = p;
    const mb_network *net = st->s->net;
    context *c = mb_calloc(1, sizeof *c);
    if (!c) return mb_nomem();
    *out = c;
    c->st = st;
    c->out = mb_malloc(MB_SIM_BLOCK * mb_shape_count(&net->layer[net->output].shape), sizeof *c->out);
    int rc = c->out ? mb_exec_new(net, MB_SIM_BLOCK, &c->exec) : mb_nomem();
    return rc ? rc : mb_layer_runner_new(net, &c->runner);
}

/* Difference of the two largest probabilities of the softmax of V [n]. */
static float margin(const float *v, size_t n) {
    const int first = mb_argmax(v, n);
    double sum = 0, second = 0;
    for (size_t i = 0; i < n; i++) {
        const double e = exp((double)v[i] - (double)v[first]);
        sum += e;
        if ((int)i != first && e > second) second = e;
    }
    return n > 1 ? (float)((1 - second) / sum) : 1;
}

static int context_block(void *p, int64_t first, int n, const float *x) {
    context *c = p;
    const study *st = c->st;
    const mb_network *net = st->s->net;
    const size_t classes = mb_shape_count(&net->layer[net->output].shape);
    for (int pass = 0; pass < 2; pass++) {
        mb_layer_runner_set(c->runner, st->map[pass], true, st->trial, first);
        int rc = mb_exec_run(c->exec, n, x, c->out, mb_layer_runner_run, c->runner, NULL, NULL);
        if (rc) return rc;
        for (int i = 0; i < n; i++) {
            verdict *v = &st->v[first + i];
            const float *y = c->out + (size_t)i * classes;
            const bool right = mb_argmax(y, classes) == st->s->data->label[first + i];
            if (pass == 0) v->low = right, v->margin = margin(y, classes);
            else v->high = right;
        }
    }
    return MB_OK;
}

static int by_margin(const void *a, const void *b) {
    const float x = ((const verdict *)a)->margin, y = ((const verdict *)b)->margin;
    return x < y ? -1 : x > y;
}

/* The least sure share of ALL[count] samples is run again; samples of equal margin go together, since a threshold cannot part them. */
static void curve(verdict *all, size_t count, const mb_cost *low, const mb_cost *high, int n, mb_exit_point *out) {
    size_t right = 0, done = 0;
    qsort(all, count, sizeof *all, by_margin);
    for (size_t i = 0; i < count; i++) right += all[i].low;
    for (int k = 0; k < n; k++) {
        size_t upto = n > 1 ? (size_t)llround((double)count * k / (n - 1)) : count;
        while (upto > 0 && upto < count && all[upto].margin <= all[upto - 1].margin) upto++;
        for (; done < upto; done++) right += (size_t)all[done].high - (size_t)all[done].low;
        const double rerun = (double)done / (double)count;
        out[k] = (mb_exit_point){.threshold = done == 0 ? 0 : done < count ? (double)all[done].margin : 1,
                                 .rerun = rerun,
                                 .accuracy = (double)right / (double)count,
                                 .energy_J = low->energy_J + rerun * high->energy_J,
                                 .latency_s = low->latency_s + rerun * high->latency_s};
    }
}

int mb_modes_exit(mb_setup *s, const mb_plan *low, const mb_plan *high, const mb_cost *cost_low, const mb_cost *cost_high, int n,
                  const mb_progress *pr, mb_exit_point *out) {
    const mb_profile *prof = NULL;
    study st = {.s = s};
    const size_t samples = (size_t)s->keys.samples;
    const mb_plan *plan[2] = {low, high};
    int rc = mb_point_profile(s, pr, &prof), trials = s->trials;
    for (int i = 0; i < 2 && !rc; i++) rc = mb_mapped_new(s, prof, plan[i], &st.map[i]);
    if (!rc && mb_mapped_deterministic(st.map[0]) && mb_mapped_deterministic(st.map[1])) trials = 1;
    verdict *all = rc ? NULL : mb_malloc(samples * (size_t)trials, sizeof *all);
    if (!rc && !all) rc = mb_nomem();
    for (int t = 0; t < trials && !rc; t++) {
        st.trial = (uint32_t)t;
        st.v = all + (size_t)t * samples;
        for (int i = 0; i < 2 && !rc; i++) rc = mb_mapped_program(st.map[i], st.trial, pr);
        mb_sim_job job = {.net = s->net,
                          .data = s->data,
                          .samples = s->keys.samples,
                          .what = "early exit",
                          .progress = pr,
                          .shared = &st,
                          .open = context_open,
                          .close = context_close,
                          .block = context_block};
        if (!rc) rc = mb_sim_run(&job);
    }
    if (!rc) curve(all, samples * (size_t)trials, cost_low, cost_high, n, out);
    mb_free(all);
    for (int i = 0; i < 2; i++) mb_mapped_free(st.map[i]);
    return rc;
}
