/* optimise.c - see optimise.h */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif

#include "nn/optimise.h"

#include <math.h>
#include <string.h>

#include "base/clones.h"
#include "nn/parallel.h"

#define BOUND 1.1f /* largest factor on a learnt step of weights in one update */

MB_CLONES static void op_sgd(size_t n, float rate, float m, float w, float ahead, const float *restrict g, float *restrict v,
                             float *restrict t) {
#pragma omp simd
    for (size_t i = 0; i < n; i++) {
        float d = g[i] + w * t[i];
        float u = m * v[i] + d;
        v[i] = u;
        t[i] -= rate * (ahead * d + (ahead * m + (1 - ahead)) * u);
    }
}

MB_CLONES static void op_adam(size_t n, float rate, float c1, float c2, float w, const float *restrict g, float *restrict v1,
                              float *restrict v2, float *restrict t) {
#pragma omp simd
    for (size_t i = 0; i < n; i++) {
        float a = 0.9f * v1[i] + 0.1f * g[i], b = 0.999f * v2[i] + 0.001f * (g[i] * g[i]);
        v1[i] = a;
        v2[i] = b;
        t[i] -= rate * (a * c1 / (sqrtf(b * c2) + 1e-8f) + w * t[i]);
    }
}

typedef struct job {
    mb_optimiser *o;
    const mb_model *m;
    const float *grad;
    float rate, c1, c2;
} job;

static bool decays(const mb_model *m, const mb_model_block *b) {
    const mb_model_layer *l = &m->layer[b->layer];
    bool clip = b->role == MB_ROLE_STEP && l->xq.kind == MB_FAKE_PACT && l->xq.block >= 0 && b == &m->block[l->xq.block];
    return b->role == MB_ROLE_WEIGHT || clip;
}

/* From which number on block B holds learnt steps of weights: all, those behind the logits of branches, or none. */
static size_t steps_from(const mb_model *m, const mb_model_block *b) {
    const mb_fakequant *q = &m->layer[b->layer].wq;
    size_t branches = 0;
    if (b->role != MB_ROLE_STEP || q->block < 0 || b != &m->block[q->block]) return b->n;
    for (int bits = 1; bits <= 8; bits++) branches += q->mix >> bits & 1;
    return q->kind == MB_FAKE_LSQ ? 0 : q->kind == MB_FAKE_MIX ? branches : b->n;
}

static void op(const job *j, size_t a, size_t n, float w) {
    const mb_optimiser *o = j->o;
    if (o->kind == MB_ADAM) op_adam(n, j->rate, j->c1, j->c2, w, j->grad + a, o->v1 + a, o->v2 + a, j->m->theta + a);
    else op_sgd(n, j->rate, (float)o->momentum, w, o->nesterov ? 1 : 0, j->grad + a, o->v1 + a, j->m->theta + a);
}

/* The same for learnt steps of weights: each stays positive and within BOUND of what it was. What is cut off the change goes off its momentum, too. */
static void op_steps(const job *j, size_t a, size_t n) {
    float was[256];
    for (size_t i = 0; i < n; i += sizeof was / sizeof *was) {
        size_t c = n - i < sizeof was / sizeof *was ? n - i : sizeof was / sizeof *was;
        float *t = j->m->theta + a + i, *v = j->o->v1 + a + i;
        memcpy(was, t, c * sizeof *t);
        op(j, a + i, c, 0);
        for (size_t k = 0; k < c; k++) {
            const float to = t[k] < was[k] / BOUND ? was[k] / BOUND : t[k] > was[k] * BOUND ? was[k] * BOUND : t[k], change = t[k] - was[k];
            if (!(was[k] > 0) || !(to < t[k] || to > t[k])) continue; /* has not begun; or a small change */
            if (j->o->kind == MB_SGD) v[k] *= (to - was[k]) / change;
            t[k] = to;
        }
    }
}

static void part(void *ctx, int p, int parts) {
    const job *j = ctx;
    size_t first, last;
    mb_part(j->m->n_theta, 1024, p, parts, &first, &last);
    for (int k = 0; k < j->m->n_blocks; k++) {
        const mb_model_block *b = &j->m->block[k];
        size_t a = b->at > first ? b->at : first, z = b->at + b->n < last ? b->at + b->n : last, s = b->at + steps_from(j->m, b);
        if (a >= z) continue;
        s = s < a ? a : s > z ? z : s;
        op(j, a, s - a, decays(j->m, b) ? (float)j->o->decay : 0);
        op_steps(j, s, z - s);
    }
}

void mb_optimiser_step(mb_optimiser *o, mb_model *m, const float *grad, double rate, int threads) {
    o->steps++;
    job j = {
        o, m, grad, (float)rate, (float)(1 / (1 - pow(0.9, (double)o->steps))), (float)(1 / (1 - pow(0.999, (double)o->steps)))};
    mb_parallel(threads, part, &j);
}

static double half_cosine(double from, double to, double x) { return to + (from - to) * (1 + cos(M_PI * x)) / 2; }

double mb_scheduled_rate(const mb_rate_schedule *s, int64_t done, int64_t total) {
    double x = total > 0 ? (double)done / (double)total : 0, f = 1;
    if (s->kind == MB_SCHEDULE_ONE_CYCLE) return x < 0.3 ? half_cosine(0.04, 1, x / 0.3) : half_cosine(1, 4e-6, (x - 0.3) / 0.7);
    if ((double)done < s->warm) return ((double)done + 1) / s->warm;
    if (s->kind == MB_SCHEDULE_COSINE) {
        double left = (double)total - s->warm;
        return left > 0 ? half_cosine(1, 0, ((double)done - s->warm) / left) : 1;
    }
    for (size_t i = 0; s->kind == MB_SCHEDULE_STEP && i < s->n; i++)
        if (x >= s->at[i]) f *= s->factor;
    return f;
}
