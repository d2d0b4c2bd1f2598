/* hessian.c - traces, eigenvalues and quadratic forms from Hessian-vector products; sums over samples in a fixed order */
#include "nn/hessian.h"

#include <gsl/gsl_cdf.h>
#include <gsl/gsl_eigen.h>
#include <math.h>
#include <string.h>

#include "base/error.h"
#include "base/mem.h"
#include "base/rng.h"
#include "nn/parallel.h"

#define STREAM_UNIT 0x48455353u          /* of the probes: "HESS" */
enum { START = 0xFFFFF };                /* trial of the start of Lanczos; probes have smaller ones */

/* --- the objective over all samples: batches, summed in their order ------------------------------------------------------ */

typedef struct batches {
    const mb_objective *o;
    const double *theta, *v;             /* v NULL: gradients */
    int block;
    size_t size, n;                      /* samples of a batch, batches */
    double *part, *loss;                 /* [n][n_theta] or NULL, [n] */
} batches;

static int batch_job(void *ctx, size_t j) {
    const batches *b = ctx;
    size_t first = j * b->size, left = b->o->samples - first, n = left < b->size ? left : b->size;
    double *part = b->part ? b->part + j * b->o->model->n_theta : NULL;
    if (b->v) return b->o->hvp(b->o->ctx, b->theta, b->v, b->block, first, n, part);
    return b->o->gradient(b->o->ctx, b->theta, first, n, NULL, NULL, &b->loss[j], part);
}

/* Jobs p, p + parts, ... by part p. */
typedef struct parts_run {
    size_t n;
    int (*job)(void *ctx, size_t j);
    void *ctx;
    int *rc;                             /* of each part, with its trail */
    mb_error **trail;
} parts_run;

static void run_part(void *ctx, int part, int parts) {
    parts_run *r = ctx;
    int rc = MB_OK;
    for (size_t j = (size_t)part; j < r->n && !rc; j += (size_t)parts) rc = r->job(r->ctx, j);
    r->rc[part] = rc;
    if (rc) r->trail[part] = mb_error_take();
}

int mb_objective_jobs(const mb_objective *o, size_t n, int (*job)(void *ctx, size_t j), void *ctx) {
    size_t parts = o->threads > 1 ? (size_t)o->threads : 1;
    if (parts > n) parts = n > 0 ? n : 1;
    parts_run r = {n, job, ctx, mb_calloc(parts, sizeof(int)), mb_calloc(parts, sizeof(mb_error *))};
    int rc = r.rc && r.trail ? MB_OK : mb_nomem();
    if (!rc) mb_parallel((int)parts, run_part, &r);
    for (size_t p = 0; r.rc && r.trail && p < parts; p++) {
        if (r.rc[p] && !rc) rc = mb_error_raise(r.trail[p], r.rc[p]);
        else if (r.rc[p]) mb_free(r.trail[p]);
    }
    mb_free(r.rc);
    mb_free(r.trail);
    return rc;
}

/* Progress; MB_INTERRUPTED when somebody asked to stop. */
int mb_objective_step(const mb_objective *o, const char *what, size_t done, size_t total) {
    if (!o->progress || !o->progress(o->progress_ctx, what, (int64_t)done, (int64_t)total)) return MB_OK;
    return mb_fail(MB_INTERRUPTED, "interrupted");
}

/* The mean over all samples into OUT (may be NULL) and *loss. */
static int over_samples(const mb_objective *o, const double *theta, const double *v, int block, double *loss, double *out) {
    size_t P = o->model->n_theta, size = o->batch ? o->batch : 16, n = (o->samples + size - 1) / size;
    batches b = {o, theta, v, block, size, n, NULL, mb_calloc(n, sizeof(double))};
    if (out) b.part = mb_malloc(n * P, sizeof *b.part);
    int rc = b.loss && (!out || b.part) ? MB_OK : mb_nomem();
    if (!rc && o->samples == 0) rc = mb_fail(MB_BADINPUT, "a loss needs at least one sample");
    if (!rc) rc = mb_objective_jobs(o, n, batch_job, &b);
    if (out && !rc) memset(out, 0, P * sizeof *out);
    if (loss) *loss = 0;
    for (size_t j = 0; j < n && !rc; j++) {
        size_t left = o->samples - j * size;
        double share = (double)(left < size ? left : size) / (double)o->samples;
        if (loss) *loss += share * b.loss[j];
        for (size_t k = 0; out && k < P; k++) out[k] += share * b.part[j * P + k];
    }
    mb_free(b.part);
    mb_free(b.loss);
    return rc;
}

int mb_objective_gradient(const mb_objective *o, const double *theta, double *loss, double *dtheta) {
    return over_samples(o, theta, NULL, -1, loss, dtheta);
}

/* Central differences; see hessian.h for the step. */
static int differences(const mb_objective *o, const double *theta, const double *v, double *hv) {
    size_t P = o->model->n_theta;
    double *at = mb_malloc(P, sizeof *at), *low = mb_malloc(P, sizeof *low), support = 0, length = 0;
    int rc = at && low ? MB_OK : mb_nomem();
    for (size_t k = 0; k < P; k++) {
        length += v[k] * v[k];
        if (v[k] != 0) support += theta[k] * theta[k];
    }
    if (length == 0 && !rc) {
        memset(hv, 0, P * sizeof *hv);
        goto out;
    }
    double h = (o->step > 0 ? o->step : 1e-6) * (support > 0 ? sqrt(support) : 1) / sqrt(length);
    for (size_t k = 0; k < P && !rc; k++) at[k] = theta[k] - h * v[k];
    if (!rc) rc = mb_objective_gradient(o, at, NULL, low);
    for (size_t k = 0; k < P && !rc; k++) at[k] = theta[k] + h * v[k];
    if (!rc) rc = mb_objective_gradient(o, at, NULL, hv);
    for (size_t k = 0; k < P && !rc; k++) hv[k] = (hv[k] - low[k]) / (2 * h);
out:
    mb_free(at);
    mb_free(low);
    return rc;
}

int mb_objective_hvp(const mb_objective *o, const double *theta, const double *v, int block, double *hv) {
    return o->hvp ? over_samples(o, theta, v, block, NULL, hv) : differences(o, theta, v, hv);
}

/* --- traces ---------------------------------------------------------------------------------------------------------------- */

mb_estimate mb_estimate_of(const double *draw, size_t n, size_t step) {
    mb_estimate e = {0, 0, 0, 0, n};
    double square = 0;
    for (size_t k = 0; k < n; k++) e.mean += draw[k * step] / (double)n;
    for (size_t k = 0; k < n; k++) square += (draw[k * step] - e.mean) * (draw[k * step] - e.mean);
    if (n < 2) {
        e.se = e.high = (double)INFINITY;
        e.low = -(double)INFINITY;
        return e;
    }
    e.se = sqrt(square / (double)(n - 1) / (double)n);
    double half = gsl_cdf_tdist_Pinv(0.975, (double)(n - 1)) * e.se;
    e.low = e.mean - half;
    e.high = e.mean + half;
    return e;
}

/* Random signs at [at, at + n) of V. */
static void signs(uint64_t seed, uint32_t probe, size_t at, size_t n, double *v) {
    mb_stream s;
    uint32_t word = 0;
    mb_stream_init(&s, seed, MB_RNG_POLICY, probe, STREAM_UNIT, (uint32_t)at);
    for (size_t k = 0; k < n; k++) {
        if (k % 32 == 0) word = mb_stream_u32(&s);
        v[at + k] = word >> (k % 32) & 1 ? 1 : -1;
    }
}

static double dot(const double *a, const double *b, size_t n) {
    double sum = 0;
    for (size_t k = 0; k < n; k++) sum += a[k] * b[k];
    return sum;
}

int mb_hessian_trace(const mb_objective *o, const double *theta, int block, size_t probes, uint64_t seed, mb_estimate *est) {
    const mb_model *m = o->model;
    size_t P = m->n_theta, B = (size_t)m->n_blocks;
    double *v = mb_calloc(P, sizeof *v), *hv = mb_malloc(P, sizeof *hv), *draw = mb_malloc(probes * B, sizeof *draw);
    int rc = v && hv && draw ? MB_OK : mb_nomem();
    if (!rc && (probes < 1 || probes >= START)) rc = mb_fail(MB_BADINPUT, "%zu probes: 1 to %d can be drawn", probes, START - 1);
    for (size_t i = 0; i < probes && !rc; i++) {
        for (int b = 0; b < m->n_blocks; b++)
            if (block < 0 || b == block) signs(seed, (uint32_t)i, m->block[b].at, m->block[b].n, v);
        rc = mb_objective_hvp(o, theta, v, block, hv);
        if (!rc) rc = mb_objective_step(o, "trace", i + 1, probes);
        for (size_t b = 0; b < B && !rc; b++) draw[i * B + b] = dot(v + m->block[b].at, hv + m->block[b].at, m->block[b].n);
    }
    for (int b = 0; b < m->n_blocks && !rc; b++)
        if (block < 0 || b == block) est[b] = mb_estimate_of(draw + b, probes, B);
    mb_free(v);
    mb_free(hv);
    mb_free(draw);
    return rc;
}

/* --- eigenvalues --------------------------------------------------------------------------------------------------------- */

/* Lanczos: basis q[0 .. j], tridiagonal matrix of alpha and beta (beta[j] couples j and j + 1). */
typedef struct lanczos { size_t n, cap, j; double *q, *alpha, *beta; } lanczos;

/* Extreme eigenvalues of the tridiagonal matrix of the first J rows; *last: last component of the largest's eigenvector. */
static int ritz(const lanczos *z, size_t J, double *max, double *min, double *last) {
    gsl_matrix *T = gsl_matrix_calloc(J, J), *U = gsl_matrix_alloc(J, J);
    gsl_vector *e = gsl_vector_alloc(J);
    gsl_eigen_symmv_workspace *w = gsl_eigen_symmv_alloc(J);
    int rc = T && U && e && w ? MB_OK : mb_nomem();
    for (size_t k = 0; k < J && !rc; k++) {
        gsl_matrix_set(T, k, k, z->alpha[k]);
        if (k + 1 < J) gsl_matrix_set(T, k, k + 1, z->beta[k]);
        if (k + 1 < J) gsl_matrix_set(T, k + 1, k, z->beta[k]);
    }
    if (!rc && gsl_eigen_symmv(T, e, U, w)) rc = mb_fail(MB_NUMERIC, "the eigenvalues of a %zu x %zu matrix were not found", J,
                                                         J);
    if (!rc) {
        size_t at = gsl_vector_max_index(e);
        *max = gsl_vector_get(e, at);
        *min = gsl_vector_min(e);
        *last = gsl_matrix_get(U, J - 1, at);
    }
    if (T) gsl_matrix_free(T);
    if (U) gsl_matrix_free(U);
    if (e) gsl_vector_free(e);
    if (w) gsl_eigen_symmv_free(w);
    return rc;
}

/* From w = H q[j]: alpha[j], beta[j], q[j + 1]; orthogonal to all before, twice. */
static void lanczos_step(lanczos *z, double *w) {
    double *q = z->q + z->j * z->n;
    z->alpha[z->j] = dot(w, q, z->n);
    for (int twice = 0; twice < 2; twice++)
        for (size_t i = 0; i <= z->j; i++) {
            double *p = z->q + i * z->n, a = dot(w, p, z->n);
            for (size_t k = 0; k < z->n; k++) w[k] -= a * p[k];
        }
    double b = sqrt(dot(w, w, z->n));
    z->beta[z->j] = b;
    if (b > 0 && z->j + 1 < z->cap)
        for (size_t k = 0; k < z->n; k++) q[z->n + k] = w[k] / b;
}

static int spectrum_run(const mb_objective *o, const double *theta, int block, size_t at, lanczos *z, double tol,
                        mb_spectrum *s) {
    size_t P = o->model->n_theta;
    double *v = mb_calloc(P, sizeof *v), *hv = mb_malloc(P, sizeof *hv), before = (double)NAN, last = 1, scale = 0;
    int rc = v && hv ? MB_OK : mb_nomem(), still = 0;
    for (z->j = 0; z->j < z->cap && !rc && still < 2; z->j++) {
        memcpy(v + at, z->q + z->j * z->n, z->n * sizeof *v);
        rc = mb_objective_hvp(o, theta, v, block, hv);
        if (!rc) rc = mb_objective_step(o, "eigenvalue", z->j + 1, z->cap);
        if (rc) break;
        lanczos_step(z, hv + at);
        s->steps = z->j + 1;
        rc = ritz(z, s->steps, &s->max, &s->min, &last);
        scale = fmax(fabs(s->max), fabs(s->min));
        s->residual = fabs(z->beta[z->j] * last);
        still = fabs(s->max - before) <= tol * fabs(s->max) ? still + 1 : 0;
        before = s->max;
        if (z->beta[z->j] <= 1e-14 * scale) break;               /* the space is exhausted: all is exact */
    }
    mb_free(v);
    mb_free(hv);
    return rc;
}

int mb_hessian_spectrum(const mb_objective *o, const double *theta, int block, size_t steps, double tol, uint64_t seed,
                        mb_spectrum *s) {
    size_t at = block < 0 ? 0 : o->model->block[block].at, n = block < 0 ? o->model->n_theta : o->model->block[block].n;
    size_t cap = steps < n ? steps : n;
    lanczos z = {n, cap, 0, mb_malloc(cap * n, sizeof(double)), mb_malloc(cap, sizeof(double)), mb_malloc(cap, sizeof(double))};
    mb_stream r;
    int rc = z.q && z.alpha && z.beta ? MB_OK : mb_nomem();
    if (!rc && cap < 1) rc = mb_fail(MB_BADINPUT, "at least one step is needed to find an eigenvalue");
    if (!rc) {
        double length;
        mb_stream_init(&r, seed, MB_RNG_POLICY, START, STREAM_UNIT, (uint32_t)at);
        for (size_t k = 0; k < n; k++) z.q[k] = mb_stream_normal(&r);
        length = sqrt(dot(z.q, z.q, n));
        for (size_t k = 0; k < n; k++) z.q[k] /= length;
        *s = (mb_spectrum){0, 0, 0, 0};
        rc = spectrum_run(o, theta, block, at, &z, tol, s);
    }
    mb_free(z.q);
    mb_free(z.alpha);
    mb_free(z.beta);
    return rc;
}

/* --- changes of parameters ----------------------------------------------------------------------------------------------- */

int mb_hessian_quadratic(const mb_objective *o, const double *theta, size_t n, const mb_change *change, double *q) {
    const mb_model *m = o->model;
    double *v = mb_calloc(m->n_theta, sizeof *v), *hv = mb_malloc(m->n_theta, sizeof *hv);
    int rc = v && hv ? MB_OK : mb_nomem();
    for (size_t j = 0; j < n && !rc; j++) {
        const mb_model_block *b = &m->block[change[j].block];
        memcpy(v + b->at, change[j].d, b->n * sizeof *v);
        rc = mb_objective_hvp(o, theta, v, n == 1 ? change[j].block : -1, hv);
        memset(v + b->at, 0, b->n * sizeof *v);
        if (!rc) rc = mb_objective_step(o, "changes", j + 1, n);
        for (size_t i = 0; i < n && !rc; i++) {
            const mb_model_block *a = &m->block[change[i].block];
            q[i * n + j] = dot(change[i].d, hv + a->at, a->n);
        }
    }
    mb_free(v);
    mb_free(hv);
    return rc;
}

/* Loss after the changes I and J (the same one: only that). WORK holds theta. */
static int changed_loss(const mb_objective *o, const double *theta, const mb_change *i, const mb_change *j, double *work,
                        double *loss) {
    memcpy(work, theta, o->model->n_theta * sizeof *work);
    for (const mb_change *c = i; c; c = c == i && j != i ? j : NULL) {
        const mb_model_block *b = &o->model->block[c->block];
        for (size_t k = 0; k < b->n; k++) work[b->at + k] += c->d[k];
    }
    return mb_objective_gradient(o, work, loss, NULL);
}

int mb_loss_changes(const mb_objective *o, const double *theta, size_t n, const mb_change *change, double *delta, double *omega) {
    double *work = mb_malloc(o->model->n_theta, sizeof *work), L = 0, Lij = 0;
    int rc = work ? mb_objective_gradient(o, theta, &L, NULL) : mb_nomem();
    for (size_t i = 0; i < n && !rc; i++) {
        rc = changed_loss(o, theta, &change[i], &change[i], work, &delta[i]);
        delta[i] -= L;
    }
    for (size_t i = 0; omega && i < n && !rc; i++) {
        omega[i * n + i] = 2 * delta[i];
        for (size_t j = 0; j < i && !rc; j++) {
            bool apart = change[i].block != change[j].block;
            if (apart) rc = changed_loss(o, theta, &change[i], &change[j], work, &Lij);
            omega[i * n + j] = omega[j * n + i] = apart ? Lij - L - delta[i] - delta[j] : 0;
        }
    }
    mb_free(work);
    return rc;
}
