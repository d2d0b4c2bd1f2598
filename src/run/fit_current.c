/* fit_current.c - the shape of the current-voltage curve (fit.h)
 *
 * I = G f(u), u = V / read_V. Each curve (cell) has its own G, found by linear least squares, and its own standard deviation, so that
 * -ln L = sum_c n_c / 2 ln(RSS_c / n_c); the parameters of f are common. f is odd and rises.
 */
#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "base/mem.h"
#include "run/fit_internal.h"

enum { LINEAR, SQUARE, CUBE, BOTH, SINH, MODELS };
const char *const mb_fit_iv_models[] = {"linear", "u + c1 u|u|", "u + c2 u^3", "u + c1 u|u| + c2 u^3", "sinh(V / V0)", NULL};
static const int model_k[MODELS] = {0, 1, 1, 2, 1};

/* c[0]: c1 (or c2 of CUBE, ln(read_V / V0) of SINH), c[1]: c2 of BOTH. */
double mb_fit_curve_at(int model, const double *c, double u, double read_V) {
    (void)read_V;
    switch (model) {
    case SQUARE: return u + c[0] * u * fabs(u);
    case CUBE: return u + c[0] * u * u * u;
    case BOTH: return u + c[0] * u * fabs(u) + c[1] * u * u * u;
    case SINH: return sinh(u * exp(c[0])) / exp(c[0]);
    default: return u;
    }
}

typedef struct context {
    mb_fit_work *w;
    int model;
    bool keep; /* write the conductances of the curves */
} context;

static double nll(const double *c, void *ctx) {
    const context *x = ctx;
    const mb_fit_work *w = x->w;
    double sum = 0, last = 0;
    if (x->model == SINH && (c[0] > log(50) || c[0] < log(0.02))) return (double)INFINITY;
    for (int i = 1; i <= 32 && x->model != SINH; i++) { /* it rises */
        const double f = mb_fit_curve_at(x->model, c, i / 32.0, w->read_V);
        if (!(f > last)) return (double)INFINITY;
        last = f;
    }
    for (size_t k = 0; k < w->n_curves; k++) {
        double fi = 0, ff = 0, ii = 0, n = 0, rss = 0;
        for (size_t i = w->iv_from[k]; i < w->iv_from[k + 1]; i++) {
            const double f = mb_fit_curve_at(x->model, c, w->d.iv[i].V / w->read_V, w->read_V);
            fi += f * w->d.iv[i].I;
            ff += f * f;
            ii += w->d.iv[i].I * w->d.iv[i].I;
            n++;
        }
        const double A = ff > 0 ? fi / ff : 0;
        for (size_t i = w->iv_from[k]; i < w->iv_from[k + 1]; i++) {
            const double e = w->d.iv[i].I - A * mb_fit_curve_at(x->model, c, w->d.iv[i].V / w->read_V, w->read_V);
            rss += e * e;
        }
        if (x->keep) w->iv_G[k] = A * mb_fit_curve_at(x->model, c, 1, w->read_V) / w->read_V;
        sum += n / 2 * log(fmax(rss, 1e-14 * ii) / n);
    }
    return sum;
}

static int curves(mb_fit_work *w) {
    double most = 0;
    w->iv_from = mb_malloc(w->d.n_iv + 1, sizeof *w->iv_from);
    w->iv_G = mb_calloc(w->d.n_iv, sizeof *w->iv_G);
    if (!w->iv_from || !w->iv_G) return mb_nomem();
    for (size_t i = 0; i < w->d.n_iv; i++) {
        if (i == 0 || w->d.iv[i].cell != w->d.iv[i - 1].cell) w->iv_from[w->n_curves++] = i;
        most = fmax(most, fabs(w->d.iv[i].V));
    }
    w->iv_from[w->n_curves] = w->d.n_iv;
    if (!isfinite(w->read_V)) w->read_V = most;
    if (!(most > 0)) return mb_fail(MB_BADINPUT, "%s:%d: all voltages are 0", w->d.source[w->d.iv[0].file].file, w->d.iv[0].line);
    for (size_t k = 0; k < w->n_curves; k++) {
        const mb_fit_point *p = &w->d.iv[w->iv_from[k]];
        double vi = 0;
        size_t n = 0;
        for (size_t i = w->iv_from[k]; i < w->iv_from[k + 1]; i++) n += w->d.iv[i].V != 0, vi += w->d.iv[i].V * w->d.iv[i].I;
        if (n < 4)
            return mb_fail(MB_BADINPUT, "%s:%d: a current-voltage curve of %zu points with V != 0: at least 4 are wanted",
                           w->d.source[p->file].file, p->line, n);
        if (!(vi > 0))
            return mb_fail(MB_BADINPUT, "%s:%d: the current of this curve flows against the voltage: a negative conductance; check the sign",
                           w->d.source[p->file].file, p->line);
    }
    return MB_OK;
}

static void values(mb_fit *fit, const double *c, const double *se) {
    mb_fit_work *w = fit->work;
    char source[160];
    mb_fit_value *v;
    const int m = w->iv_model;
    mb_fit_source_names(&w->d, "current", source, sizeof source);
    if ((v = mb_fit_add_value(fit, "iv", w->d.n_iv, source))) {
        snprintf(v->text, sizeof v->text, "%s", m == LINEAR ? "linear" : m == SINH ? "sinh" : "polynomial");
        snprintf(v->how, sizeof v->how, "%zu curve%s, %s", w->n_curves, w->n_curves == 1 ? "" : "s", mb_fit_iv_models[m]);
    }
    if (m == SINH && (v = mb_fit_add_value(fit, "iv_V0", w->d.n_iv, source))) {
        v->n = 1;
        v->v[0] = w->read_V / exp(c[0]);
        v->se[0] = v->v[0] * se[0];
        snprintf(v->how, sizeof v->how, "V, I ~ sinh(V / V0)");
    }
    if (m > LINEAR && m < SINH && (v = mb_fit_add_value(fit, "iv_coeff", w->d.n_iv, source))) {
        v->list = true;
        v->n = m == SQUARE ? 1 : 2;
        v->v[0] = m == CUBE ? 0 : c[0];
        v->se[0] = m == CUBE ? MB_NOT : se[0];
        v->v[1] = m == CUBE ? c[0] : c[1];
        v->se[1] = m == CUBE ? se[0] : se[1];
        snprintf(v->how, sizeof v->how, "I ~ u + c1 u|u| + c2 u^3, u = V / read_V");
    }
    if ((v = mb_fit_add_value(fit, "read_V", w->d.n_iv, source))) {
        v->n = 1;
        v->v[0] = w->read_V;
        v->se[0] = MB_NOT;
        snprintf(v->how, sizeof v->how, "the largest voltage that was measured, unless given");
    }
}

int mb_fit_current(mb_fit *fit, const mb_fit_options *o) {
    mb_fit_work *w = fit->work;
    const size_t from = fit->n_candidate;
    double c[MODELS][MB_FIT_PARAMS] = {{0}}, se[MODELS][MB_FIT_PARAMS] = {{0}};
    size_t index[MODELS];
    int rc = MB_OK;
    w->iv_model = -1;
    w->read_V = mb_fit_given(o, "read_V", true);
    if (w->d.n_iv == 0) return MB_OK;
    rc = curves(w);
    for (int m = 0; m < MODELS && !rc; m++) {
        static const double step[MB_FIT_PARAMS] = {0.3, 0.3, 0, 0, 0, 0};
        context x = {w, m, false};
        double value;
        index[m] = SIZE_MAX;
        if (m == SINH) c[m][0] = 0;
        if (model_k[m] == 0) value = nll(c[m], &x);
        else rc = mb_fit_minimise(nll, &x, model_k[m], step, c[m], &value, se[m]);
        if (rc == MB_NUMERIC) {
            rc = MB_OK;
            continue;
        }
        if (!rc && mb_fit_add_candidate(fit, "current", mb_fit_iv_models[m], model_k[m] + 2 * (int)w->n_curves, (double)w->d.n_iv, value))
            index[m] = fit->n_candidate - 1;
    }
    if (rc) return rc;
    const int chosen = mb_fit_choose(fit, from, o->criterion);
    for (int m = 0; m < MODELS; m++)
        if (chosen >= 0 && index[m] == (size_t)chosen) w->iv_model = m;
    if (w->iv_model < 0)
        return mb_fail(MB_BADINPUT, "%s: %zu points in %zu curves are fewer than the parameters of any model", w->d.source[w->d.iv[0].file].file,
                       w->d.n_iv, w->n_curves);
    context x = {w, w->iv_model, true};
    memcpy(w->iv_c, c[w->iv_model], sizeof w->iv_c);
    nll(w->iv_c, &x);
    values(fit, w->iv_c, se[w->iv_model]);
    return MB_OK;
}
