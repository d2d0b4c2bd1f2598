/* noise.c - see noise.h. Called by: run/training.c. */
#include "config.h"

#include "run/noise.h"

#include <math.h>
#include <string.h>

#include "base/error.h"
#include "base/mem.h"
#include "nn/fakequant.h"
#include "nn/quant.h"

enum { DRAWS = 4096, UNIT_STATISTICS = 0x20000000, UNIT_NOISE = 0x40000000, UNIT_OUTPUT = 0x60000000, CHUNK = 4096 };

/* Error of code q at [q + L]. */
typedef struct table {
    int layer, L;
    bool analog;
    float *mean, *sd;
    double converters;
} table;

struct mb_noise {
    const mb_model *m;
    table *layer;
    int n;
    uint64_t seed;
    int epoch;
    int64_t step;
    float *z; /* room for the largest layer's normal numbers */
};

void mb_noise_free(mb_noise *n) {
    if (!n) return;
    for (int k = 0; k < n->n; k++) mb_free(n->layer[k].mean);
    mb_free(n->layer);
    mb_free(n->z);
    mb_free(n);
}

typedef struct digit_error {
    double mean, var;
} digit_error;

/* What becomes of digit D of cells with C bits, in digits. BUF: DRAWS x (3 + n_state) floats. */
static digit_error measure(const mb_cell *cell, int d, int c, double time_s, double temp_K, uint64_t seed, float *buf) {
    const mb_cell_type *t = cell->type;
    double lo, hi, sum = 0, square = 0, noise = 0;
    float *target = buf, *g = buf + DRAWS, *sigma = g + DRAWS, *state = sigma + DRAWS;
    mb_stream s;
    t->range(cell->params, &lo, &hi);
    double unit = (hi - lo) / ((1 << c) - 1), want = lo + d * unit;
    for (int i = 0; i < DRAWS; i++) target[i] = (float)want;
    mb_stream_init(&s, seed, MB_RNG_TRAIN, 0, UNIT_STATISTICS, (uint32_t)(d + (c << 8)));
    t->program(cell->params, DRAWS, target, state, &s);
    t->mean(cell->params, DRAWS, state, time_s, temp_K, g);
    memset(sigma, 0, DRAWS * sizeof *sigma);
    if (t->read_sigma) t->read_sigma(cell->params, DRAWS, state, time_s, temp_K, g, sigma);
    for (int i = 0; i < DRAWS; i++) {
        double e = ((double)g[i] - want) / unit;
        sum += e;
        square += e * e;
        noise += (double)sigma[i] * (double)sigma[i] / (unit * unit);
    }
    sum /= DRAWS;
    return (digit_error){sum, fmax(0, square / DRAWS - sum * sum) + noise / DRAWS}; /* an exact cell: rounding only */
}

static int make_table(table *t, const mb_assign *a, const mb_cell *cell, double time_s, double temp_K, double factor,
                      uint64_t seed) {
    int c = a->cell_bits, base = 1 << c, bits = a->weight_bits;
    bool offset = a->scheme == 1 && bits > 1;
    digit_error e[256];
    float *buf = mb_malloc((size_t)DRAWS * (3 + (size_t)cell->type->n_state), sizeof *buf);
    t->L = mb_weight_levels(bits);
    t->mean = mb_calloc(2 * (2 * (size_t)t->L + 1), sizeof *t->mean);
    if (!buf || !t->mean) {
        mb_free(buf);
        return mb_nomem();
    }
    t->sd = t->mean + 2 * t->L + 1;
    for (int d = 0; d < base; d++) e[d] = measure(cell, d, c, time_s, temp_K, seed, buf);
    mb_free(buf);
    for (int q = -t->L; q <= t->L; q++) {
        int left = offset ? q + t->L + 1 : abs(q), most = offset ? 2 * t->L + 1 : t->L;
        double mean = 0, var = 0, weight = 1;
        for (; most > 0; most >>= c, left >>= c, weight *= base) {
            digit_error d = e[left & (base - 1)];
            mean += weight * (d.mean - e[0].mean);
            var += weight * weight * (d.var + (offset ? 0 : e[0].var));
        }
        t->mean[q + t->L] = (float)(factor * (offset || q >= 0 ? mean : -mean));
        t->sd[q + t->L] = (float)(factor * sqrt(var));
    }
    return MB_OK;
}

int mb_noise_new(const mb_model *m, const mb_plan *plan, const mb_cell *cell, double time_s, double temp_K, double factor,
                 uint64_t seed, mb_noise **out) {
    mb_noise *n = mb_calloc(1, sizeof *n);
    size_t largest = 0;
    if (!n) return mb_nomem();
    n->m = m;
    n->seed = seed;
    n->layer = mb_calloc((size_t)plan->n, sizeof *n->layer);
    int rc = n->layer ? MB_OK : mb_nomem();
    for (int i = 0; !rc && i < m->n_layers; i++) {
        if (!mb_model_weighted(&m->layer[i])) continue;
        if (n->n == plan->n) rc = mb_fail(MB_BADINPUT, "the plan has %d layers, the network more", plan->n);
        if (rc) break;
        const mb_assign *a = &plan->assign[n->n];
        table *t = &n->layer[n->n++];
        size_t count = m->block[m->layer[i].weight].n;
        if (count > largest) largest = count;
        t->layer = i;
        t->analog = a->engine == MB_ANALOG;
        if (t->analog) rc = make_table(t, a, cell, time_s, temp_K, factor, seed);
    }
    if (!rc && !(n->z = mb_malloc(largest, sizeof *n->z))) rc = mb_nomem();
    if (rc) mb_noise_free(n);
    else *out = n;
    return rc;
}

void mb_noise_step(mb_noise *n, int epoch, int64_t step) {
    n->epoch = epoch;
    n->step = step;
}

void mb_noise_code(const mb_noise *n, int k, int q, double *mean, double *sd) {
    const table *t = &n->layer[k];
    *mean = t->analog ? (double)t->mean[q + t->L] : 0;
    *sd = t->analog ? (double)t->sd[q + t->L] : 0;
}

void mb_noise_converters(mb_noise *n, int k, double relative) { n->layer[k].converters = relative; }

void mb_noise_outputs(void *ctx, int layer, size_t count, float *y, float *keep) {
    const mb_noise *n = ctx;
    double relative = 0, square = 0;
    int16_t z[CHUNK];
    mb_stream s;
    for (int k = 0; k < n->n; k++)
        if (n->layer[k].layer == layer) relative = n->layer[k].converters;
    for (size_t i = 0; keep && i < count; i++) keep[i] = 1;
    if (relative <= 0) return;
    for (size_t i = 0; i < count; i++) square += (double)y[i] * (double)y[i];
    float unit = (float)(relative * sqrt(square / (double)count) / MB_NORMAL16_ONE);
    mb_stream_init(&s, n->seed, MB_RNG_TRAIN, (uint32_t)n->epoch, UNIT_OUTPUT + (uint32_t)layer, (uint32_t)n->step);
    for (size_t i = 0; i < count; i += CHUNK) {
        size_t m = count - i < CHUNK ? count - i : CHUNK;
        mb_stream_fill_normal16(&s, CHUNK, z);
        for (size_t j = 0; j < m; j++) y[i + j] += unit * (float)z[j];
    }
}

/* Step of the codes of channel C, whose weights as used are W[K]: the learnt one, or the largest over L. */
static float step_of(const mb_model *m, const mb_model_layer *l, int c, size_t K, const float *w, int L) {
    if (l->wq.kind == MB_FAKE_LSQ && l->wq.block >= 0)
        return m->theta[m->block[l->wq.block].at + (l->wq.per_channel ? (size_t)c : 0)];
    return mb_fake_max(K, w) / (float)L;
}

void mb_noise_weights(void *ctx, int layer, size_t count, float *w) {
    const mb_noise *n = ctx;
    const table *t = NULL;
    for (int k = 0; k < n->n && !t; k++)
        if (n->layer[k].layer == layer) t = &n->layer[k];
    if (!t || !t->analog) return;
    const mb_model_layer *l = &n->m->layer[layer];
    size_t cout = (size_t)l->win.cout, K = count / cout;
    mb_stream s;
    mb_stream_init(&s, n->seed, MB_RNG_TRAIN, (uint32_t)n->epoch, UNIT_NOISE + (uint32_t)layer, (uint32_t)n->step);
    mb_stream_fill_normal(&s, count, n->z);
    for (size_t c = 0; c < cout; c++) {
        float *v = w + c * K, step = step_of(n->m, l, (int)c, K, v, t->L);
        const float *z = n->z + c * K;
        for (size_t i = 0; step > 0 && i < K; i++) {
            int q = (int)lrintf(v[i] / step);
            q = (q < -t->L ? -t->L : q > t->L ? t->L : q) + t->L;
            v[i] += step * (t->mean[q] + t->sd[q] * z[i]);
        }
    }
}
