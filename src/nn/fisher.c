/* fisher.c - Fisher information from gradients of single samples: empirical, and true by labels of the model (nn/hessian.h) */
#include <math.h>
#include <string.h>

#include "base/error.h"
#include "base/mem.h"
#include "base/rng.h"
#include "nn/hessian.h"

enum { GROUP = 16 };                     /* samples between two steps of progress */
#define STREAM_UNIT 0x46495348u          /* of the drawn labels: "FISH" */

typedef struct fisher {
    const mb_objective *o;
    const double *theta;
    mb_fisher_kind kind;
    uint64_t seed;
    size_t n;
    const mb_change *change;
    size_t columns;                      /* of a row of DRAW: blocks, then changes */
    double *draw;                        /* [samples][columns] */
    size_t first;                        /* sample of job 0 */
} fisher;

/* Add the squares of a gradient, times WEIGHT, to a sample's row. */
static void add_squares(const fisher *f, const double *g, double weight, double *row) {
    const mb_model *m = f->o->model;
    for (int b = 0; b < m->n_blocks; b++) {
        double sum = 0;
        for (size_t k = 0; k < m->block[b].n; k++) sum += g[m->block[b].at + k] * g[m->block[b].at + k];
        row[b] += weight * sum;
    }
    for (size_t j = 0; j < f->n; j++) {
        const mb_model_block *b = &m->block[f->change[j].block];
        double sum = 0;
        for (size_t k = 0; k < b->n; k++) sum += g[b->at + k] * f->change[j].d[k];
        row[(size_t)m->n_blocks + j] += weight * sum * sum / 2;
    }
}

/* The label that the model draws for sample S: from the probabilities in Y (cross entropy), or output plus noise; as TARGET. */
static void draw_label(const fisher *f, size_t s, size_t outputs, const double *y, double *target) {
    mb_stream r;
    mb_stream_init(&r, f->seed, MB_RNG_POLICY, 0, STREAM_UNIT, (uint32_t)s);
    if (f->o->loss == MB_LOSS_SQUARED) {
        for (size_t c = 0; c < outputs; c++) target[c] = y[c] + mb_stream_normal(&r);
        return;
    }
    double u = mb_stream_uniform(&r);
    size_t c = 0;
    memset(target, 0, outputs * sizeof *target);
    for (; c + 1 < outputs && u >= y[c]; c++) u -= y[c];
    target[c] = 1;
}

/* The labels of one sample, each with its weight. */
static int sample_labels(const fisher *f, size_t s, size_t outputs, double *y, double *target, double *g, double *row) {
    const mb_objective *o = f->o;
    bool entropy = o->loss == MB_LOSS_CROSS_ENTROPY;
    int rc = o->gradient(o->ctx, f->theta, s, 1, NULL, y, NULL, NULL);
    if (!rc && entropy) mb_softmax(1, outputs, y, y);
    if (!rc && f->kind == MB_FISHER_DRAWN) {
        draw_label(f, s, outputs, y, target);
        rc = o->gradient(o->ctx, f->theta, s, 1, target, NULL, NULL, g);
        if (!rc) add_squares(f, g, 1, row);
        return rc;
    }
    for (size_t c = 0; c < outputs && !rc; c++) {
        if (entropy && y[c] < 1e-15) continue;                   /* below the rounding of the others */
        for (size_t k = 0; k < outputs; k++) target[k] = entropy ? k == c : y[k] - (k == c);
        rc = o->gradient(o->ctx, f->theta, s, 1, target, NULL, NULL, g);
        if (!rc) add_squares(f, g, entropy ? y[c] : 1, row);
    }
    return rc;
}

static int sample_job(void *ctx, size_t j) {
    const fisher *f = ctx;
    size_t s = f->first + j;
    size_t outputs = mb_diff_outputs(f->o->model);
    double *g = mb_malloc(f->o->model->n_theta, sizeof *g), *y = mb_malloc(2 * outputs, sizeof *y),
        *row = f->draw + s * f->columns;
    int rc = g && y ? MB_OK : mb_nomem();
    if (!rc && f->kind == MB_FISHER_EMPIRICAL) {
        rc = f->o->gradient(f->o->ctx, f->theta, s, 1, NULL, NULL, NULL, g);
        if (!rc) add_squares(f, g, 1, row);
    } else if (!rc) {
        rc = sample_labels(f, s, outputs, y, y + outputs, g, row);
    }
    mb_free(g);
    mb_free(y);
    return rc;
}

int mb_fisher(const mb_objective *o, const double *theta, mb_fisher_kind kind, uint64_t seed, mb_estimate *trace, size_t n,
              const mb_change *change,
              mb_estimate *half_square) {
    size_t blocks = (size_t)o->model->n_blocks, columns = blocks + n;
    fisher f = {o, theta, kind, seed, n, change, columns, mb_calloc(o->samples * columns, sizeof(double)), 0};
    int rc = f.draw ? MB_OK : mb_nomem();
    if (!rc && o->samples == 0) rc = mb_fail(MB_BADINPUT, "Fisher information needs at least one sample");
    for (; f.first < o->samples && !rc; f.first += GROUP) {
        size_t left = o->samples - f.first, now = left < GROUP ? left : GROUP;
        rc = mb_objective_jobs(o, now, sample_job, &f);
        if (!rc) rc = mb_objective_step(o, kind == MB_FISHER_EMPIRICAL ? "empirical Fisher" : "Fisher", f.first + now,
                                        o->samples);
    }
    for (size_t b = 0; b < blocks && !rc; b++) trace[b] = mb_estimate_of(f.draw + b, o->samples, columns);
    for (size_t j = 0; j < n && !rc; j++) half_square[j] = mb_estimate_of(f.draw + blocks + j, o->samples, columns);
    mb_free(f.draw);
    return rc;
}
