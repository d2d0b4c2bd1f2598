/* fit_math.c - maximum likelihood: a minimiser with standard errors, standard deviations as functions of conductance, choice among
 * candidates (fit_internal.h)
 *
 * Gaussian errors, group of n residuals with sum of squares ss and known variance w: v = sigma(x)^2 + w,
 *     -ln L = n / 2 ln(2 pi v) + ss / (2 v) - zeros ln Phi(-mean / sqrt(v))     (cells clipped at zero conductance)
 * log-normal errors with mean m and variance v: s^2 = ln(1 + v / m^2), ln G ~ N(ln m - s^2 / 2, s^2)
 */
#include <gsl/gsl_cdf.h>
#include <gsl/gsl_linalg.h>
#include <gsl/gsl_multimin.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/mem.h"
#include "run/fit_internal.h"

/* --- minimising ---------------------------------------------------------------------------------------------------------- */

#define HUGE_NLL 1e300

typedef struct wrapped {
    mb_fit_function f;
    void *ctx;
    int k;
    const double *scale;
} wrapped;

static double call(const gsl_vector *v, void *params) {
    const wrapped *w = params;
    double x[MB_FIT_PARAMS];
    for (int i = 0; i < w->k; i++) x[i] = gsl_vector_get(v, (size_t)i) * w->scale[i];
    const double y = w->f(x, w->ctx);
    return isfinite(y) ? y : HUGE_NLL;
}

static int simplex(wrapped *w, double *x, double *fmin, double size) {
    gsl_multimin_fminimizer *m = gsl_multimin_fminimizer_alloc(gsl_multimin_fminimizer_nmsimplex2, (size_t)w->k);
    gsl_vector *v = gsl_vector_alloc((size_t)w->k), *step = gsl_vector_alloc((size_t)w->k);
    int rc = m && v && step ? MB_OK : mb_nomem();
    if (!rc) {
        gsl_multimin_function f = {call, (size_t)w->k, w};
        for (int i = 0; i < w->k; i++) gsl_vector_set(v, (size_t)i, x[i] / w->scale[i]);
        gsl_vector_set_all(step, size);
        gsl_multimin_fminimizer_set(m, &f, v, step);
        for (int it = 0; it < 4000; it++) {
            if (gsl_multimin_fminimizer_iterate(m)) break;
            if (gsl_multimin_fminimizer_size(m) < 1e-7) break;
        }
        *fmin = m->fval;
        for (int i = 0; i < w->k; i++) x[i] = gsl_vector_get(m->x, (size_t)i) * w->scale[i];
    }
    if (m) gsl_multimin_fminimizer_free(m);
    if (v) gsl_vector_free(v);
    if (step) gsl_vector_free(step);
    return rc;
}

/* Inverse of the matrix of second differences; H steps near one standard error. */
static int errors(mb_fit_function f, void *ctx, int k, const double *x, double f0, const double *step, double *se) {
    double h[MB_FIT_PARAMS], y[MB_FIT_PARAMS];
    gsl_matrix *H = gsl_matrix_alloc((size_t)k, (size_t)k);
    if (!H) return mb_nomem();
    for (int i = 0; i < k; i++) se[i] = MB_NOT;
    for (int i = 0; i < k; i++) { /* a step that raises f by about 0.02 .. 1 */
        h[i] = fabs(step[i]) * 1e-3;
        for (int tries = 0; tries < 60; tries++) {
            memcpy(y, x, sizeof(double) * (size_t)k);
            y[i] = x[i] + h[i];
            const double rise = f(y, ctx) - f0;
            if (!(rise > 1)) {
                if (rise > 0.02) break;
                h[i] *= 1.7;
            } else {
                h[i] *= 0.4;
            }
        }
    }
    bool good = true;
    for (int i = 0; i < k; i++)
        for (int j = 0; j <= i; j++) {
            double d = 0;
            for (int a = -1; a <= 1; a += 2)
                for (int b = -1; b <= 1; b += 2) {
                    memcpy(y, x, sizeof(double) * (size_t)k);
                    y[i] += a * h[i];
                    y[j] += b * h[j];
                    d += a * b * f(y, ctx);
                }
            d /= 4 * h[i] * h[j]; /* i = j: (f(+2h) - 2 f(0) + f(-2h)) / 4 h^2, f(0) counted by the two that cancel */
            good = good && isfinite(d);
            gsl_matrix_set(H, (size_t)i, (size_t)j, d);
            gsl_matrix_set(H, (size_t)j, (size_t)i, d);
        }
    for (int i = 0; i < k && good; i++) good = gsl_matrix_get(H, (size_t)i, (size_t)i) > 0;
    if (good && gsl_linalg_cholesky_decomp1(H) == GSL_SUCCESS && gsl_linalg_cholesky_invert(H) == GSL_SUCCESS)
        for (int i = 0; i < k; i++) {
            const double v = gsl_matrix_get(H, (size_t)i, (size_t)i);
            se[i] = v > 0 ? sqrt(v) : MB_NOT;
        }
    gsl_matrix_free(H);
    return MB_OK;
}

int mb_fit_minimise(mb_fit_function f, void *ctx, int k, const double *step, double *x, double *fmin, double *se) {
    wrapped w = {f, ctx, k, step};
    double before = HUGE_NLL;
    int rc = MB_OK;
    gsl_error_handler_t *old = gsl_set_error_handler_off();
    *fmin = HUGE_NLL;
    for (int round = 0; round < 6 && !rc; round++) {
        rc = simplex(&w, x, fmin, round ? 0.3 : 1);
        if (round && before - *fmin < 1e-8 * (1 + fabs(*fmin))) break;
        before = *fmin;
    }
    if (!rc && *fmin >= HUGE_NLL) rc = MB_NUMERIC;
    if (!rc && se) rc = errors(f, ctx, k, x, *fmin, step, se);
    gsl_set_error_handler(old);
    return rc;
}

/* --- standard deviations ------------------------------------------------------------------------------------------------- */

const char *const mb_fit_shapes[MB_SIGMA_SHAPES + 1] = {"constant", "proportional", "linear", "quadratic", NULL};
static const int shape_k[MB_SIGMA_SHAPES] = {1, 1, 2, 3};

static double sigma_of(int shape, const double *c, double x) {
    switch (shape) {
    case MB_SIGMA_CONSTANT: return c[0];
    case MB_SIGMA_PROPORTIONAL: return c[0] * x;
    case MB_SIGMA_LINEAR: return c[0] + c[1] * x;
    default: return c[0] + (c[1] + c[2] * x) * x;
    }
}

double mb_fit_sigma_at(const mb_fit_sigma *s, double x) {
    const double v = s->good ? s->c[0] + (s->c[1] + s->c[2] * x) * x : 0;
    return v > 0 ? v : 0;
}

static int by_x(const void *a, const void *b) {
    const mb_fit_group *p = a, *q = b;
    return p->x < q->x ? -1 : p->x > q->x;
}

void mb_fit_merge(mb_fit_group *g, size_t *n, size_t most) {
    size_t k = 0;
    if (*n <= most) return;
    qsort(g, *n, sizeof *g, by_x);
    const size_t step = (*n + most - 1) / most;
    for (size_t i = 0; i < *n; i += step) {
        mb_fit_group m = {0};
        double weight = 0;
        for (size_t q = i; q < i + step && q < *n; q++) {
            const double wi = g[q].n + g[q].zeros;
            m.x += wi * g[q].x, m.known += wi * g[q].known, m.mean += wi * g[q].mean;
            m.n += g[q].n, m.ss += g[q].ss, m.zeros += g[q].zeros;
            m.nl += g[q].nl, m.l1 += g[q].l1, m.l2 += g[q].l2;
            weight += wi;
        }
        if (!(weight > 0)) continue;
        m.x /= weight, m.known /= weight, m.mean /= weight;
        g[k++] = m;
    }
    *n = k;
}

typedef struct likelihood {
    const mb_fit_group *g;
    size_t n;
    int shape;
    bool lognormal;
} likelihood;

static double nll(const double *c, void *ctx) {
    const likelihood *l = ctx;
    double sum = 0;
    for (size_t i = 0; i < l->n; i++) {
        const mb_fit_group *g = &l->g[i];
        const double s = sigma_of(l->shape, c, g->x), v = s * s + g->known;
        if (s < 0 || !(v > 0)) return (double)INFINITY;
        if (l->lognormal) {
            if (g->zeros > 0 || !(g->mean > 0)) return (double)INFINITY;
            const double s2 = log1p(v / (g->mean * g->mean));
            sum += g->l1 + g->nl * log(g->mean) + g->nl * 0.5 * log(2 * M_PI * s2);
            sum += (g->l2 + g->l1 * s2 + g->nl * s2 * s2 / 4) / (2 * s2);
        } else {
            sum += 0.5 * g->n * log(2 * M_PI * v) + g->ss / (2 * v);
            if (g->zeros > 0) sum -= g->zeros * log(fmax(gsl_cdf_ugaussian_P(-g->mean / sqrt(v)), 1e-300));
        }
    }
    return sum;
}

/* Start from moments: the line through the groups' standard deviations. */
static void start(const likelihood *l, double *c, double *step) {
    double n = 0, s1 = 0, sx = 0, xx = 0, worst = 0;
    for (size_t i = 0; i < l->n; i++) {
        const mb_fit_group *g = &l->g[i];
        if (g->n <= 0) continue;
        const double v = g->ss / g->n - g->known, s = sqrt(fmax(v, 0.01 * g->ss / g->n));
        n += g->n;
        s1 += g->n * s;
        sx += g->n * s * g->x;
        xx += g->n * g->x * g->x;
        worst = fmax(worst, s);
    }
    const double mean = n > 0 ? s1 / n : 0.01, base = fmax(mean, 1e-9);
    c[0] = l->shape == MB_SIGMA_PROPORTIONAL ? (xx > 0 ? fmax(sx / xx, 1e-9) : base) : base;
    if (l->shape == MB_SIGMA_CONSTANT) c[0] = fmax(c[0], 0.8 * worst * 0.5);
    c[1] = c[2] = 0;
    step[0] = 0.3 * c[0];
    step[1] = step[2] = 0.3 * base;
}

mb_fit_candidate *mb_fit_add_candidate(mb_fit *fit, const char *quantity, const char *model, int k, double n, double value) {
    if (fit->n_candidate == MB_FIT_MAX) return NULL;
    mb_fit_candidate *c = &fit->candidate[fit->n_candidate++];
    *c = (mb_fit_candidate){.k = k, .n = n, .nll = value};
    snprintf(c->quantity, sizeof c->quantity, "%s", quantity);
    snprintf(c->model, sizeof c->model, "%s", model);
    c->aicc = isfinite(value) ? mb_stat_aicc(value, k, n) : (double)INFINITY;
    c->bic = isfinite(value) ? mb_stat_bic(value, k, n) : (double)INFINITY;
    return c;
}

int mb_fit_choose(mb_fit *fit, size_t from, mb_fit_criterion criterion) {
    double least = (double)INFINITY;
    int chosen = -1;
    for (size_t i = from; i < fit->n_candidate; i++) {
        mb_fit_candidate *c = &fit->candidate[i];
        c->delta = criterion == MB_FIT_BIC ? c->bic : c->aicc;
        if (c->delta < least) least = c->delta;
    }
    for (size_t i = from; i < fit->n_candidate; i++) {
        mb_fit_candidate *c = &fit->candidate[i];
        c->delta -= least;
        if (!(c->delta <= 2)) continue;
        const mb_fit_candidate *b = chosen < 0 ? NULL : &fit->candidate[chosen];
        if (!b || c->k < b->k || (c->k == b->k && (c->rank < b->rank || (c->rank == b->rank && c->delta < b->delta)))) chosen = (int)i;
    }
    if (chosen >= 0) fit->candidate[chosen].chosen = true;
    return chosen;
}

int mb_fit_choose_sigma(mb_fit *fit, const char *quantity, const mb_fit_group *g, size_t n_groups, double N, int extra,
                        bool lognormal, const char *shape, const char *distribution, mb_fit_criterion criterion,
                        mb_fit_sigma *best) {
    const size_t from = fit->n_candidate;
    mb_fit_sigma all[2 * MB_SIGMA_SHAPES];
    int rc = MB_OK;
    size_t distinct = 0, index[2 * MB_SIGMA_SHAPES], n = 0;
    for (size_t i = 0; i < n_groups && distinct < 4; i++) { /* as many different arguments as parameters */
        size_t k = 0;
        while (k < i && fabs(g[k].x - g[i].x) > 1e-6) k++;
        distinct += k == i;
    }
    *best = (mb_fit_sigma){0};
    for (int d = 0; d < (lognormal ? 2 : 1) && !rc; d++)
        for (int s = 0; s < MB_SIGMA_SHAPES && !rc; s++) {
            likelihood l = {g, n_groups, s, d == 1};
            mb_fit_sigma *m = &all[n];
            double c[MB_FIT_PARAMS], step[MB_FIT_PARAMS], se[MB_FIT_PARAMS], value;
            char name[48];
            if (shape && strcmp(shape, mb_fit_shapes[s]) != 0) continue;
            if (distribution && (strcmp(distribution, "lognormal") == 0) != (d == 1)) continue;
            if ((size_t)shape_k[s] > distinct || N <= shape_k[s] + extra + 1) continue;
            start(&l, c, step);
            rc = mb_fit_minimise(nll, &l, shape_k[s], step, c, &value, se);
            if (rc == MB_NUMERIC) {
                rc = MB_OK;
                continue;
            }
            *m = (mb_fit_sigma){.shape = s, .lognormal = d == 1, .good = true, .k = shape_k[s], .nll = value};
            for (int k = 0; k < 3; k++) m->se[k] = MB_NOT;
            for (int k = 0; k < shape_k[s]; k++) {
                const int at = s == MB_SIGMA_PROPORTIONAL ? 1 : k;
                m->c[at] = c[k];
                m->se[at] = se[k];
            }
            snprintf(name, sizeof name, "%s%s", mb_fit_shapes[s], lognormal ? d ? ", log-normal" : ", Gaussian" : "");
            mb_fit_candidate *added = rc ? NULL : mb_fit_add_candidate(fit, quantity, name, shape_k[s] + extra, N, value);
            if (!added) continue;
            added->rank = d;
            index[n++] = fit->n_candidate - 1;
        }
    if (rc) return rc;
    const int chosen = mb_fit_choose(fit, from, criterion);
    for (size_t i = 0; i < n; i++)
        if (chosen >= 0 && index[i] == (size_t)chosen) *best = all[i];
    if (!best->good)
        return mb_fail(MB_NUMERIC, "%s: no model can be fitted to %.0f values in %zu groups%s", quantity, N, n_groups,
                       shape || distribution ? " under the restrictions given" : "");
    return MB_OK;
}

mb_fit_value *mb_fit_add_value(mb_fit *fit, const char *key, size_t points, const char *source) {
    if (fit->n_value == MB_FIT_MAX) return NULL;
    mb_fit_value *v = &fit->value[fit->n_value++];
    *v = (mb_fit_value){.points = points};
    snprintf(v->key, sizeof v->key, "%s", key);
    snprintf(v->source, sizeof v->source, "%.150s", source);
    return v;
}
