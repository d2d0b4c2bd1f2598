/* fit_drift.c - read noise from repeated reads, drift exponents from time series (fit.h)
 *
 * A curve is a cell at one target. ln G = c - nu ln(t + t0) by weighted least squares; t0 is common to all curves, found from the
 * profile of the likelihood. When a power of time alone does as well, t0 is the first time of measurement and the model's time
 * counts from there: ((t - t1) + t1) / t1. The exponents are then a sample from N(mu(x), tau(x)^2 + se^2).
 */
#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "base/mem.h"
#include "run/fit_internal.h"

#define TOO_NOISY 0.1 /* reads whose noise is a larger share of the conductance have no logarithm worth having */

/* --- read noise ---------------------------------------------------------------------------------------------------------- */

static bool same(double a, double b) { return a == b || (isnan(a) && isnan(b)); }

static int add_group(mb_fit_work *w, mb_fit_group **g, size_t *n, size_t *cap, const mb_fit_group *add) {
    (void)w;
    if (*n == *cap) {
        size_t more = *cap ? 2 * *cap : 256;
        mb_fit_group *v = mb_realloc(*g, more, sizeof *v);
        if (!v) return mb_nomem();
        *g = v;
        *cap = more;
    }
    (*g)[(*n)++] = *add;
    return MB_OK;
}

/* Reads of one cell at one time, or the scatter of its time series around its drift. */
static int noise_groups(mb_fit_work *w, size_t *reads) {
    size_t cap = 0;
    int rc = MB_OK;
    *reads = 0;
    for (size_t i = 0; i < w->d.n && !rc;) {
        const mb_fit_record *r = &w->d.rec[i];
        size_t to = i + 1;
        double mean = r->g, ss = 0;
        while (to < w->d.n && w->d.rec[to].cell == r->cell && same(w->d.rec[to].target, r->target) && same(w->d.rec[to].time, r->time))
            mean += w->d.rec[to++].g;
        const double n = (double)(to - i);
        if (r->cell >= 0 && n > 1) {
            mean /= n;
            for (size_t k = i; k < to; k++) ss += (w->d.rec[k].g - mean) * (w->d.rec[k].g - mean);
            const double G = w->g_max;
            *reads += to - i;
            rc = add_group(w, &w->noise, &w->n_noise, &cap, &(mb_fit_group){.x = mean / G, .n = n - 1, .ss = ss / (G * G), .mean = mean / G});
        }
        i = to;
    }
    for (size_t c = 0; c < w->n_curve && !rc && *reads == 0; c++) {
        const mb_fit_curve *v = &w->curve[c];
        const mb_fit_record *r = &w->d.rec[v->from];
        double ss = 0, mean = 0, n = 0;
        if (r->cell < 0 || v->to - v->from < 4 || !isfinite(v->nu)) continue;
        const double t0 = w->shifted ? 0 : w->t0;
        for (size_t k = v->from; k < v->to; k++) {
            const double t = w->d.rec[k].time + t0;
            if (!(t > 0) || w->d.rec[k].g <= 0) continue;
            const double model = v->G0 * exp(-v->nu * (log(t) - log(w->shifted ? v->first : w->t0)));
            ss += (w->d.rec[k].g - model) * (w->d.rec[k].g - model);
            mean += w->d.rec[k].g;
            n++;
        }
        const double G = w->g_max;
        if (n > 3)
            rc = add_group(w, &w->noise, &w->n_noise, &cap,
                           &(mb_fit_group){.x = mean / n / G, .n = n - 2, .ss = ss / (G * G), .mean = mean / n / G});
    }
    return rc;
}

static void noise_values(mb_fit *fit, const mb_fit_sigma *s, size_t points, const char *how) {
    char source[160];
    mb_fit_source_names(&fit->work->d, strstr(how, "series") ? "time" : NULL, source, sizeof source);
    mb_fit_value *v = mb_fit_add_value(fit, "white", points, source);
    if (!v) return;
    v->list = true;
    v->n = s->shape == MB_SIGMA_CONSTANT ? 1 : s->shape == MB_SIGMA_QUADRATIC ? 3 : 2;
    for (int k = 0; k < v->n; k++) v->v[k] = s->c[k], v->se[k] = s->se[k];
    snprintf(v->how, sizeof v->how, "standard deviation of a read, of Gmax over G / Gmax; %s; %s", mb_fit_shapes[s->shape], how);
}

/* Chi-squared of the groups' variances and KS of nothing: reads are pooled. */
static void noise_quality(mb_fit *fit, const mb_fit_work *w, size_t n) {
    mb_fit_quality *q = &fit->quality[fit->n_quality++];
    *q = (mb_fit_quality){.n = n, .chi2 = 0, .p = MB_NOT, .ks = MB_NOT, .ks_p = MB_NOT};
    snprintf(q->quantity, sizeof q->quantity, "read noise");
    for (size_t at = 0; at < w->n_noise;) { /* bins of 20 degrees of freedom or more */
        double sum = 0, dof = 0;
        for (; at < w->n_noise && dof < 20; at++) {
            const double s = mb_fit_sigma_at(&w->read, w->noise[at].x);
            if (s <= 0) continue;
            sum += w->noise[at].ss / (s * s);
            dof += w->noise[at].n;
        }
        if (dof <= 0) continue;
        q->chi2 += (sum - dof) * (sum - dof) / (2 * dof);
        q->dof++;
    }
    q->dof -= w->read.k;
    q->p = mb_stat_chi2_p(q->chi2, q->dof);
}

/* Reads in a row at different times that know of each other: 1/f or telegraph noise. */
static void correlation(mb_fit *fit, const mb_fit_work *w) {
    double sum = 0, var = 0, n = 0;
    for (size_t c = 0; c < w->n_curve; c++) {
        const mb_fit_curve *v = &w->curve[c];
        double last = MB_NOT;
        if (w->d.rec[v->from].cell < 0 || v->to - v->from < 8) continue;
        for (size_t k = v->from; k < v->to; k++) {
            const double t = w->d.rec[k].time + (w->shifted ? 0 : w->t0);
            if (!(t > 0) || w->d.rec[k].g <= 0) continue;
            const double e = w->d.rec[k].g / (v->G0 * exp(-v->nu * (log(t) - log(w->shifted ? v->first : w->t0)))) - 1;
            if (isfinite(last)) sum += e * last, n++;
            var += e * e;
            last = e;
        }
    }
    if (n >= 50 && var > 0 && sum / var > 5 / sqrt(n))
        mb_str_addf(&fit->notes, "reads of a cell that follow each other are correlated (%.2f): 1/f or telegraph noise; `white` holds all of it: see flicker_* and rtn_* of the generic cell\n", sum / var);
}

int mb_fit_noise(mb_fit *fit, const mb_fit_options *o) {
    mb_fit_work *w = fit->work;
    size_t reads, dof = 0;
    double total = 0;
    if (w->read.good) return MB_OK;
    mb_free(w->noise);
    w->noise = NULL;
    w->n_noise = 0;
    int rc = noise_groups(w, &reads);
    if (rc) return rc;
    for (size_t i = 0; i < w->n_noise; i++) dof += (size_t)w->noise[i].n, total += w->noise[i].ss;
    if (dof < 8) return MB_OK;
    mb_fit_merge(w->noise, &w->n_noise, MB_FIT_GROUPS);
    if (!(total / (double)dof > 1e-12)) {
        mb_str_addf(&fit->notes, "read noise: repeated reads agree to the last digit: no noise\n");
        return MB_OK;
    }
    rc = mb_fit_choose_sigma(fit, "read noise", w->noise, w->n_noise, (double)dof, 0, false, NULL, NULL, o->criterion, &w->read);
    if (rc) return rc;
    noise_values(fit, &w->read, reads ? reads : dof, reads ? "repeated reads" : "scatter of time series around their drift");
    noise_quality(fit, w, dof);
    if (!reads) correlation(fit, w);
    return MB_OK;
}

/* --- exponents ----------------------------------------------------------------------------------------------------------- */

/* Weighted line through ln G over ln(t + t0) of one curve; t0 = 0: powers of time. Points without logarithm are left out. */
static mb_line line_of(const mb_fit_work *w, const mb_fit_curve *c, double t0, double *n, double *weight) {
    double W = 0, X = 0, Y = 0, xx = 0, xy = 0;
    mb_line l = {MB_NOT, MB_NOT, MB_NOT, MB_NOT, 0};
    double mean = 0; /* one weight for the whole curve: weights from noisy values would pull it */
    for (size_t k = c->from; k < c->to; k++) mean += w->d.rec[k].g / (double)(c->to - c->from);
    const double s = mean > 0 ? mb_fit_sigma_at(&w->read, mean / w->g_max) * w->g_max / mean : 0,
                 wi = w->read.good && s > 0 ? 1 / (s * s) : 1;
    *n = *weight = 0;
    if (w->read.good && !(s < TOO_NOISY)) return l;
    for (int pass = 0; pass < 3; pass++) {
        for (size_t k = c->from; k < c->to; k++) {
            const mb_fit_record *r = &w->d.rec[k];
            const double t = r->time + t0;
            if (!(t > 0) || !(r->g > 0)) continue;
            const double x = log(t), y = log(r->g);
            if (pass == 0) {
                W += wi, X += wi * x, Y += wi * y, ++*n;
            } else if (pass == 1) {
                xx += wi * (x - X) * (x - X);
                xy += wi * (x - X) * (y - Y);
            } else {
                const double e = y - l.a - l.b * x;
                l.chi2 += wi * e * e;
            }
        }
        if (pass == 0) {
            if (*n < 2) return l;
            X /= W, Y /= W;
        } else if (pass == 1) {
            if (!(xx > 1e-12 * W)) return l;
            l.b = xy / xx;
            l.a = Y - l.b * X;
            *weight = xx;
        }
    }
    return l;
}

/* -ln L of all curves at one t0; *points: how many. */
static double profile(const mb_fit_work *w, double t0, double *points) {
    double chi2 = 0, n = 0;
    for (size_t c = 0; c < w->n_curve; c++) {
        double k, xx;
        const mb_line l = line_of(w, &w->curve[c], t0, &k, &xx);
        if (!isfinite(l.b)) continue;
        chi2 += l.chi2;
        n += k;
    }
    *points = n;
    return w->read.good ? chi2 / 2 : n > 0 ? n / 2 * log(fmax(chi2 / n, 1e-16)) : (double)INFINITY;
}

/* Curves: runs of records of one cell and target with two times or more. */
static int find_curves(mb_fit_work *w, double *first, double *last, bool *zero) {
    size_t cap = 0;
    *first = (double)INFINITY;
    *last = 0;
    *zero = false;
    for (size_t i = 0; i < w->d.n;) {
        const mb_fit_record *r = &w->d.rec[i];
        size_t to = i + 1, times = 1;
        while (to < w->d.n && w->d.rec[to].cell == r->cell && same(w->d.rec[to].target, r->target)) {
            times += w->d.rec[to].time != w->d.rec[to - 1].time;
            to++;
        }
        if (isfinite(r->time) && times >= 2) {
            if (w->n_curve == cap) {
                cap = cap ? 2 * cap : 256;
                mb_fit_curve *v = mb_realloc(w->curve, cap, sizeof *v);
                if (!v) return mb_nomem();
                w->curve = v;
            }
            w->curve[w->n_curve++] = (mb_fit_curve){.from = i, .to = to, .x = (isfinite(r->target) ? r->target : r->g) / w->g_max};
            for (size_t k = i; k < to; k++) {
                const double t = w->d.rec[k].time;
                if (t > 0 && t < *first) *first = t;
                if (t > *last) *last = t;
                if (t == 0) *zero = true;
            }
        }
        i = to;
    }
    return MB_OK;
}

static int time_scale(mb_fit *fit, const mb_fit_options *o, double first, double last, bool zero, double *se_log) {
    mb_fit_work *w = fit->work;
    const double given = mb_fit_given(o, "drift_t0_s", true);
    const size_t from = fit->n_candidate;
    double best = (double)INFINITY, at = 0, n, n0;
    *se_log = MB_NOT;
    if (isfinite(given)) {
        w->t0 = given;
        w->shifted = false;
        return MB_OK;
    }
    const double lo = log(first) - 7, hi = log(last) + 1;
    for (int k = 0; k <= 80; k++) {
        const double L = lo + (hi - lo) * k / 80, v = profile(w, exp(L), &n);
        if (v < best) best = v, at = L;
    }
    double a = at - (hi - lo) / 80, b = at + (hi - lo) / 80; /* golden section */
    for (int k = 0; k < 60; k++) {
        const double p = b - 0.618033988749895 * (b - a), q = a + 0.618033988749895 * (b - a);
        if (profile(w, exp(p), &n) < profile(w, exp(q), &n)) b = q;
        else a = p;
    }
    at = (a + b) / 2;
    best = profile(w, exp(at), &n);
    const double power = zero ? (double)INFINITY : profile(w, 0, &n0);
    const int lines = 2 * (int)(w->n_curve < 100000 ? w->n_curve : 100000);
    if (!zero) mb_fit_add_candidate(fit, "drift over time", "power of t", lines, n, power);
    mb_fit_add_candidate(fit, "drift over time", "power of t + t0", lines + 1, n, best);
    bool shifted = !zero && power - best < 2 + 0.5 * log(fmax(n, 2)) * (o->criterion == MB_FIT_BIC);
    for (size_t i = from; i < fit->n_candidate; i++) { /* one parameter more wants 2 ln L better by 4, or by ln n + 4 */
        mb_fit_candidate *c = &fit->candidate[i];
        c->chosen = (strcmp(c->model, "power of t") == 0) == shifted;
        c->delta = 2 * (c->nll - best) + 2 * (c->k - lines);
    }
    w->shifted = shifted;
    w->t0 = shifted ? first : exp(at);
    if (!shifted) {
        const double h = 0.05, d2 = (profile(w, exp(at + h), &n) - 2 * best + profile(w, exp(at - h), &n)) / (h * h);
        if (d2 > 0) *se_log = 1 / sqrt(d2);
    }
    return MB_OK;
}

static void exponents(mb_fit_work *w) {
    double chi2 = 0, dof = 0;
    for (size_t c = 0; c < w->n_curve; c++) {
        mb_fit_curve *v = &w->curve[c];
        double n, xx;
        const mb_line l = line_of(w, v, w->shifted ? 0 : w->t0, &n, &xx);
        v->nu = -l.b;
        v->first = MB_NOT;
        for (size_t k = v->from; k < v->to && !isfinite(v->first); k++)
            if (w->d.rec[k].time > 0 || !w->shifted) v->first = w->d.rec[k].time;
        if (!isfinite(l.b)) continue;
        v->G0 = exp(l.a + l.b * log(w->shifted ? v->first : w->t0));
        v->se = 1 / sqrt(xx);
        chi2 += l.chi2;
        dof += n - 2;
    }
    if (w->read.good) return;
    const double s = dof > 0 ? sqrt(chi2 / dof) : 0; /* nothing to scatter around: se is 0 */
    for (size_t c = 0; c < w->n_curve; c++) w->curve[c].se *= s;
}

/* Exponents far from the others (stuck cells, jumps) are left out. */
static int odd_exponents(mb_fit *fit, const mb_fit_options *o) {
    mb_fit_work *w = fit->work;
    double median, mad;
    size_t n = 0, odd = 0, silent = 0;
    double *v = mb_malloc(2 * w->n_curve, sizeof *v);
    if (!v) return mb_nomem();
    for (size_t c = 0; c < w->n_curve; c++)
        if (isfinite(w->curve[c].nu)) v[n++] = w->curve[c].nu;
        else silent++;
    if (silent) mb_str_addf(&fit->notes, "drift: %zu of %zu time series say nothing: their read noise is above %g of the conductance, or too few points are positive\n", silent, w->n_curve, TOO_NOISY);
    mb_stat_median_mad(v, n, v + w->n_curve, &median, &mad);
    for (size_t c = 0; c < w->n_curve && n >= 20 && mad > 0 && o->outliers > 0; c++) {
        if (!(fabs(w->curve[c].nu - median) > o->outliers * mad)) continue;
        w->d.source[w->d.rec[w->curve[c].from].file].outliers += w->curve[c].to - w->curve[c].from;
        w->curve[c].nu = MB_NOT;
        odd++;
    }
    if (odd) mb_str_addf(&fit->notes, "drift: %zu of %zu time series are left out: their exponents are more than %g robust standard deviations from the median %.3g\n", odd, n, o->outliers, median);
    mb_free(v);
    return MB_OK;
}

typedef struct sample {
    const mb_fit_work *w;
    int k;
} sample;

/* k = 1: mu; 2: mu, tau; 3: mu = a + b ln x, tau; 4: tau = c + d ln x too. */
static double nu_nll(const double *p, void *ctx) {
    const sample *s = ctx;
    double sum = 0;
    for (size_t c = 0; c < s->w->n_curve; c++) {
        const mb_fit_curve *v = &s->w->curve[c];
        if (!isfinite(v->nu)) continue;
        const double lx = log(fmax(v->x, 1e-7)), mu = s->k == 0 ? 0 : p[0] + (s->k >= 3 ? p[1] * lx : 0),
                     tau = s->k < 2 ? 0 : s->k == 2 ? p[1] : p[2] + (s->k == 4 ? p[3] * lx : 0);
        if (tau < 0) return (double)INFINITY;
        const double var = tau * tau + v->se * v->se + 1e-16;
        sum += 0.5 * log(2 * M_PI * var) + (v->nu - mu) * (v->nu - mu) / (2 * var);
    }
    return sum;
}

static void nu_values(mb_fit *fit, int k, const double *p, const double *se, size_t n, const char *how) {
    mb_fit_work *w = fit->work;
    char source[160];
    mb_fit_source_names(&w->d, "time", source, sizeof source);
    mb_fit_value *v = mb_fit_add_value(fit, "drift", n, source);
    if (!v) return;
    snprintf(v->text, sizeof v->text, "power");
    snprintf(v->how, sizeof v->how, "G(t) = G0 ((t + t0) / t0)^-nu");
    if (k >= 3 && (v = mb_fit_add_value(fit, "drift_nu_form", n, source))) snprintf(v->text, sizeof v->text, "log");
    if ((v = mb_fit_add_value(fit, "drift_nu", n, source))) {
        v->list = true;
        v->n = k >= 3 ? 2 : 1;
        for (int i = 0; i < v->n; i++) v->v[i] = p[i], v->se[i] = se[i];
        snprintf(v->how, sizeof v->how, "mean exponent%s; %s", k >= 3 ? ", a + b ln(G / Gmax)" : "", how);
    }
    w->mu[0] = p[0];
    w->mu[1] = k >= 3 ? p[1] : 0;
    w->tau[0] = k < 2 ? 0 : k == 2 ? p[1] : p[2];
    w->tau[1] = k == 4 ? p[3] : 0;
    if (k == 4 && (v = mb_fit_add_value(fit, "drift_nu_sigma_form", n, source))) snprintf(v->text, sizeof v->text, "log");
    if (k >= 2 && (v = mb_fit_add_value(fit, "drift_nu_sigma", n, source))) {
        v->list = true;
        v->n = k == 4 ? 2 : 1;
        for (int i = 0; i < v->n; i++) v->v[i] = w->tau[i], v->se[i] = se[(k == 2 ? 1 : 2) + i];
        snprintf(v->how, sizeof v->how, "spread of the exponent from cell to cell%s", k == 4 ? ", c + d ln(G / Gmax)" : "");
    }
    bool negative = false;
    for (size_t c = 0; c < w->n_curve; c++) negative |= mb_fit_nu_at(w, w->curve[c].x) < 3 * (w->tau[0] + w->tau[1] * log(fmax(w->curve[c].x, 1e-7)));
    if ((negative || p[0] < 0) && (v = mb_fit_add_value(fit, "drift_negative", n, source))) {
        snprintf(v->text, sizeof v->text, "keep");
        snprintf(v->how, sizeof v->how, "exponents below 0 occur: such cells rise");
    }
    w->drifts = true;
}

double mb_fit_nu_at(const mb_fit_work *w, double x) { return w->mu[0] + w->mu[1] * log(fmax(x, 1e-7)); }

/* How well N(mu, tau^2 + se^2) describes the exponents. */
static int nu_quality(mb_fit *fit, int k, const double *p) {
    mb_fit_work *w = fit->work;
    mb_fit_quality *q = &fit->quality[fit->n_quality];
    double *z = mb_malloc(w->n_curve, sizeof *z);
    size_t n = 0;
    if (!z) return mb_nomem();
    *q = (mb_fit_quality){.chi2 = 0, .p = MB_NOT};
    snprintf(q->quantity, sizeof q->quantity, "drift exponents");
    for (size_t c = 0; c < w->n_curve; c++) {
        const mb_fit_curve *v = &w->curve[c];
        const double lx = log(fmax(v->x, 1e-7)), tau = w->tau[0] + w->tau[1] * lx, var = tau * tau + v->se * v->se;
        if (!isfinite(v->nu) || !(var > 0)) continue;
        z[n] = (v->nu - mb_fit_nu_at(w, v->x)) / sqrt(var);
        q->chi2 += z[n] * z[n];
        n++;
    }
    mb_stat_sort(z, n);
    mb_stat_ks_normal(z, n, &q->ks, &q->ks_p);
    q->n = n;
    q->dof = (double)n - k;
    q->p = mb_stat_chi2_p(q->chi2, q->dof);
    (void)p;
    if (n > 1) fit->n_quality++;
    mb_free(z);
    return MB_OK;
}

static int population(mb_fit *fit, const mb_fit_options *o) {
    mb_fit_work *w = fit->work;
    static const char *const name[] = {"none", "mean", "mean, spread", "mean over ln G, spread", "mean and spread over ln G"};
    const size_t from = fit->n_candidate;
    double p[5][MB_FIT_PARAMS] = {{0}}, se[5][MB_FIT_PARAMS], sw = 0, sx = 0, mean = 0, var = 0;
    size_t n = 0, distinct = 0, index[5];
    int rc = MB_OK, found = 0, which[5];
    for (size_t c = 0; c < w->n_curve; c++) {
        const mb_fit_curve *v = &w->curve[c];
        if (!isfinite(v->nu)) continue;
        size_t k = distinct < 4 ? 0 : c + 1;
        while (k < c && fabs(w->curve[k].x - v->x) > 0.05 * v->x) k++;
        if (k == c) distinct++;
        const double wi = 1 / (v->se * v->se + 1e-16);
        sw += wi, sx += wi * v->nu, mean += v->nu, n++;
    }
    if (n == 0) return MB_OK;
    mean /= (double)n;
    for (size_t c = 0; c < w->n_curve; c++)
        if (isfinite(w->curve[c].nu)) var += (w->curve[c].nu - mean) * (w->curve[c].nu - mean) / (double)n;
    if (n < 6) { /* too few for a spread */
        p[1][0] = sx / sw;
        se[1][0] = fmax(1 / sqrt(sw), n > 1 ? sqrt(var / (double)n) : 0);
        if (fabs(p[1][0]) <= 3 * se[1][0]) {
            mb_str_addf(&fit->notes, "drift: the exponent %.3g +- %.2g is not different from 0: no drift\n", p[1][0], se[1][0]);
            return MB_OK;
        }
        mb_str_addf(&fit->notes, "drift: %zu cell%s: the spread of the exponent from cell to cell wants at least 6\n", n, n == 1 ? "" : "s");
        nu_values(fit, 1, p[1], se[1], n, "weighted mean");
        return MB_OK;
    }
    for (int k = 0; k <= 4 && !rc; k++) {
        sample s = {w, k};
        double value, step[MB_FIT_PARAMS] = {0};
        const double spread = fmax(sqrt(var), 1e-6);
        if (k >= 3 && distinct < (size_t)k) continue;
        p[k][0] = k ? mean : 0;
        if (k == 2) p[k][1] = spread;
        if (k >= 3) p[k][1] = 0, p[k][2] = spread;
        for (int i = 0; i < 4; i++) step[i] = 0.5 * spread;
        if (k == 0) value = nu_nll(p[0], &s);
        else rc = mb_fit_minimise(nu_nll, &s, k, step, p[k], &value, se[k]);
        if (rc == MB_NUMERIC) {
            rc = MB_OK;
            continue;
        }
        if (!rc && mb_fit_add_candidate(fit, "drift exponents", name[k], k, (double)n, value)) {
            index[found] = fit->n_candidate - 1;
            which[found++] = k;
        }
    }
    if (rc) return rc;
    const int chosen = mb_fit_choose(fit, from, o->criterion);
    for (int i = 0; i < found; i++) {
        const int k = which[i];
        if (chosen < 0 || index[i] != (size_t)chosen) continue;
        if (k == 0) {
            mb_str_addf(&fit->notes, "drift: the exponents are not different from 0: no drift\n");
            return MB_OK;
        }
        nu_values(fit, k, p[k], se[k], n, name[k]);
        return nu_quality(fit, k, p[k]);
    }
    return MB_OK;
}

int mb_fit_drift(mb_fit *fit, const mb_fit_options *o) {
    mb_fit_work *w = fit->work;
    double first, last, se_log;
    bool zero;
    int rc = find_curves(w, &first, &last, &zero);
    if (rc || w->n_curve == 0) return rc;
    if (!(last > first)) {
        if (last > 0 && !zero) return MB_OK;
        if (!(last > 0)) return MB_OK;
    }
    rc = time_scale(fit, o, first, last, zero, &se_log);
    if (rc) return rc;
    exponents(w);
    if (!w->read.good) { /* the scatter around the curves is read noise: then weights are known */
        rc = mb_fit_noise(fit, o);
        if (!rc && w->read.good) exponents(w);
    }
    if (!rc) rc = odd_exponents(fit, o);
    if (!rc) rc = population(fit, o);
    if (rc || !w->drifts) return rc;
    char source[160];
    mb_fit_source_names(&w->d, "time", source, sizeof source);
    mb_fit_value *v = mb_fit_add_value(fit, "drift_t0_s", w->n_curve, source);
    if (v) {
        v->n = 1;
        v->v[0] = w->t0;
        v->se[0] = isfinite(se_log) ? w->t0 * se_log : MB_NOT;
        snprintf(v->how, sizeof v->how, "%s", w->shifted ? "first time of measurement: the model's time counts from there" : "time scale of the drift, fitted");
    }
    return MB_OK;
}
