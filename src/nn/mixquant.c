/* mixquant.c - see mixquant.h */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif

#include "nn/mixquant.h"

#include <math.h>
#include <string.h>

#include "base/clones.h"
#include "base/error.h"

enum {
    CHUNK = 2048, /* inputs whose branches are added on the stack */
    LANES = 8
};

int mb_mix_check(const mb_fakequant *q, const char *layer) {
    if (q->mix && !(q->mix & ~0x1feu)) return MB_OK;
    return mb_fail(MB_BADINPUT, "layer \"%s\": a search of bits needs branches of 1 to 8 bits", layer);
}

/* Branches without what theta says. */
static void branches(const mb_fakequant *q, bool weights, int cout, mb_mix *m) {
    *m = (mb_mix){.each = weights && q->per_channel ? (size_t)cout : 1};
    for (int b = 1; b <= MB_MIX_MAX; b++) {
        if (!(q->mix >> b & 1)) continue;
        m->bits[m->n] = b;
        m->branch[m->n++] = (mb_fakequant){.kind = b == 1 && (weights || q->is_signed) ? MB_FAKE_SIGN : MB_FAKE_LSQ,
                                           .bits = b,
                                           .is_signed = q->is_signed,
                                           .per_channel = q->per_channel,
                                           .block = -1};
    }
}

size_t mb_mix_learnt(const mb_fakequant *q, bool weights, int cout) {
    mb_mix m;
    branches(q, weights, cout, &m);
    return (size_t)m.n * (1 + m.each);
}

void mb_mix_open(const mb_fakequant *q, bool weights, int cout, const float *theta, mb_mix *m) {
    double p[MB_MIX_MAX], sum = 0, top = -HUGE_VAL;
    branches(q, weights, cout, m);
    m->step = theta + m->n;
    for (int k = 0; k < m->n; k++) top = fmax(top, (double)theta[k]);
    for (int k = 0; k < m->n; k++) sum += p[k] = exp((double)theta[k] - top);
    for (int k = 0; k < m->n; k++) m->p[k] = (float)(p[k] / sum);
}

static bool has_step(const mb_mix *m, int k) { return m->branch[k].kind == MB_FAKE_LSQ; }

bool mb_mix_started(const mb_mix *m) {
    for (int k = 0; k < m->n; k++)
        for (size_t c = 0; has_step(m, k) && c < m->each; c++)
            if (!(m->step[(size_t)k * m->each + c] > 0)) return false;
    return true;
}

void mb_mix_weights_start(const mb_mix *m, int cout, size_t K, const float *w, float *theta) {
    for (int k = 0; k < m->n; k++)
        if (has_step(m, k)) mb_fake_weights_start(&m->branch[k], cout, K, w, theta + m->n + (size_t)k * m->each);
}

void mb_mix_inputs_start(const mb_mix *m, size_t n, const float *x, float *theta) {
    for (int k = 0; k < m->n; k++)
        if (has_step(m, k)) theta[m->n + k] = mb_fake_inputs_start(&m->branch[k], n, x);
}

/* y (+)= p x */
MB_CLONES static void mq_add(size_t n, float p, const float *restrict x, float *restrict y) {
#pragma omp simd
    for (size_t i = 0; i < n; i++) y[i] += p * x[i];
}

MB_CLONES static void mq_set(size_t n, float p, const float *restrict x, float *restrict y) {
#pragma omp simd
    for (size_t i = 0; i < n; i++) y[i] = p * x[i];
}

static void add(size_t n, float p, const float *x, bool first, float *y) {
    if (first) mq_set(n, p, x, y);
    else mq_add(n, p, x, y);
}

/* acc[lane] += x y: a fixed order for every instruction set */
MB_CLONES static void mq_dot(size_t n, const float *restrict x, const float *restrict y, double *restrict acc) {
    for (size_t i = 0; i + LANES <= n; i += LANES) {
#pragma omp simd
        for (size_t k = 0; k < LANES; k++) acc[k] += (double)x[i + k] * (double)y[i + k];
    }
    for (size_t i = n / LANES * LANES; i < n; i++) acc[0] += (double)x[i] * (double)y[i];
}

static double dot(size_t n, const float *x, const float *y) {
    double acc[LANES] = {0}, sum = 0;
    mq_dot(n, x, y, acc);
    for (size_t k = 0; k < LANES; k++) sum += acc[k];
    return sum;
}

/* Derivatives by the logits from the products g . Q_b. */
static void logits_back(const mb_mix *m, const double *product, float *dtheta) {
    double mean = 0;
    for (int k = 0; k < m->n; k++) mean += (double)m->p[k] * product[k];
    for (int k = 0; k < m->n; k++) dtheta[k] = (float)((double)m->p[k] * (product[k] - mean));
}

/* --- weights -------------------------------------------------------------------------------------------------------------- */

void mb_mix_weights(const mb_mix *m, int cout, size_t K, const float *w, float *tmp, float *y) {
    for (int k = 0; k < m->n; k++) {
        mb_fake_weights(&m->branch[k], m->step + (size_t)k * m->each, cout, K, w, tmp, NULL);
        add(K * (size_t)cout, m->p[k], tmp, k == 0, y);
    }
}

void mb_mix_weights_back(const mb_mix *m, int cout, size_t K, const float *w, float *tmp, float *g, float *dtheta) {
    size_t n = K * (size_t)cout;
    float *dw = tmp + n;
    double product[MB_MIX_MAX];
    memset(dw, 0, n * sizeof *dw);
    for (int k = 0; k < m->n; k++) {
        const float *step = m->step + (size_t)k * m->each;
        mb_fake_weights(&m->branch[k], step, cout, K, w, tmp, NULL);
        product[k] = dot(n, g, tmp);
        add(n, m->p[k], g, true, tmp);
        mb_fake_weights_back(&m->branch[k], step, cout, K, w, tmp, dtheta + m->n + (size_t)k * m->each);
        add(n, 1, tmp, false, dw);
    }
    logits_back(m, product, dtheta);
    memcpy(g, dw, n * sizeof *g);
}

/* --- inputs --------------------------------------------------------------------------------------------------------------- */

static float step_of(const mb_mix *m, int k) { return mb_fake_inputs_step(&m->branch[k], has_step(m, k) ? m->step[k] : 0, 0); }

void mb_mix_inputs(const mb_mix *m, size_t n, const float *x, float *y) {
    float q[CHUNK];
    for (size_t i = 0; i < n; i += CHUNK) {
        size_t c = n - i < CHUNK ? n - i : CHUNK;
        for (int k = 0; k < m->n; k++) {
            mb_fake_inputs(&m->branch[k], step_of(m, k), c, x + i, q);
            add(c, m->p[k], q, k == 0, y + i);
        }
    }
}

void mb_mix_inputs_back(const mb_mix *m, size_t n, const float *x, const float *g, float *dx, double *share) {
    float q[CHUNK], d[CHUNK];
    memset(share, 0, 2 * MB_MIX_MAX * sizeof *share);
    for (size_t i = 0; i < n; i += CHUNK) {
        size_t c = n - i < CHUNK ? n - i : CHUNK;
        for (int k = 0; k < m->n; k++) {
            float s = step_of(m, k);
            mb_fake_inputs(&m->branch[k], s, c, x + i, q);
            share[k] += dot(c, g + i, q);
            share[MB_MIX_MAX + k] += mb_fake_inputs_back(&m->branch[k], s, c, x + i, g + i, q);
            add(c, m->p[k], q, k == 0, d);
        }
        memcpy(dx + i, d, c * sizeof *d);
    }
}

void mb_mix_inputs_finish(const mb_mix *m, size_t n, const double *share, float *dtheta) {
    logits_back(m, share, dtheta);
    for (int k = 0; k < m->n; k++)
        dtheta[m->n + k] = has_step(m, k)
                               ? (float)((double)m->p[k] * share[MB_MIX_MAX + k] * mb_fake_inputs_factor(&m->branch[k], n))
                               : 0;
}
