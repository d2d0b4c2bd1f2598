/* fit_plot.c - the picture of a fit: data over model, one panel for each quantity (fit.h) */
#include <gsl/gsl_cdf.h>
#include <stdio.h>

#include "base/error.h"
#include "run/fit_internal.h"
#include "run/plot_figure.h"

enum { SMOOTH = 60, SCATTER = 3000 };

static double bias_at(const mb_fit_work *w, double x) {
    return w->n_bias > 1 ? w->bias[0] + w->bias[1] * x : w->n_bias ? w->bias[0] : 0;
}

/* Residuals over the target, the model's mean and one and two standard deviations. */
static int error_panel(const mb_fit_work *w, mb_panel *p) {
    const mb_axis_unit g = mb_axis_unit_for(&w->g_max, 1, "S");
    size_t kept = 0, at[2] = {0, 0};
    for (size_t i = 0; i < w->n_pair; i++) kept += !w->left_out[i];
    const size_t out = w->n_pair - kept, step = kept > SCATTER ? kept / SCATTER : 1;
    snprintf(p->title, sizeof p->title, "Programming error: %zu pairs, %zu left out", w->n_pair, out);
    snprintf(p->xlabel, sizeof p->xlabel, "target [%s]", g.text);
    snprintf(p->ylabel, sizeof p->ylabel, "measured - target [%s]", g.text);
    mb_series *two = mb_panel_add(p, MB_BAND, 1, "2 sigma, model", SMOOTH),
              *one = two ? mb_panel_add(p, MB_BAND, 1, "1 sigma", SMOOTH) : NULL,
              *dots = one ? mb_panel_add(p, kept > 400 ? MB_DOTS : MB_POINTS, 0, "measured", kept / step + 1) : NULL,
              *left = dots && out ? mb_panel_add(p, MB_POINTS, 3, "left out", out) : dots,
              *mean = left ? mb_panel_add(p, MB_CURVE, 1, "mean, model", SMOOTH) : NULL;
    if (!mean) return mb_nomem();
    for (size_t i = 0, k = 0; i < w->n_pair; i++) {
        const double x = w->target[i] / g.scale, y = (w->measured[i] - w->target[i]) / g.scale;
        if (w->left_out[i]) {
            left->x[at[1]] = x, left->y[at[1]++] = y;
        } else if (k++ % step == 0 && at[0] < dots->n) {
            dots->x[at[0]] = x, dots->y[at[0]++] = y;
        }
    }
    for (size_t i = at[0]; i < dots->n; i++) dots->x[i] = MB_NOT;
    for (size_t i = 0; i < SMOOTH; i++) {
        const double G = w->g_min + (w->g_max - w->g_min) * (double)i / (SMOOTH - 1), x = G / w->g_max,
                     b = bias_at(w, x) * w->g_max / g.scale, s = mb_fit_sigma_at(&w->prog, x) * w->g_max / g.scale;
        one->x[i] = two->x[i] = mean->x[i] = G / g.scale;
        mean->y[i] = b;
        one->lo[i] = b - s, one->hi[i] = b + s;
        two->lo[i] = b - 2 * s, two->hi[i] = b + 2 * s;
    }
    return MB_OK;
}

/* Standard deviations of bins with error bars over the model. */
static int sigma_panel(const mb_fit_work *w, mb_panel *p) {
    const mb_axis_unit g = mb_axis_unit_for(&w->g_max, 1, "S");
    size_t n = 0, cap = w->n_pair / 20 + 2;
    snprintf(p->title, sizeof p->title, "Standard deviation of the programming error: %s, %s", mb_fit_shapes[w->prog.shape],
             w->prog.lognormal ? "log-normal" : "Gaussian");
    snprintf(p->xlabel, sizeof p->xlabel, "target [%s]", g.text);
    snprintf(p->ylabel, sizeof p->ylabel, "standard deviation [%s]", g.text);
    p->zero_y = true;
    mb_series *bars = mb_panel_add(p, MB_ERRORBARS, 0, "measured", cap),
              *line = bars ? mb_panel_add(p, MB_CURVE, 1, "model", SMOOTH) : NULL;
    if (!line) return mb_nomem();
    for (size_t i = 0; i < w->n_pair && n < cap;) {
        const size_t want = w->n_pair / 40 > 20 ? w->n_pair / 40 : 20;
        double m = 0, t = 0, ss = 0, extra = 0;
        size_t from = i, k = 0;
        while (i < w->n_pair && (k < want || w->target[i] == w->target[i - 1])) {
            if (!w->left_out[i]) m += w->measured[i] - w->target[i], t += w->target[i], extra += w->extra[i], k++;
            i++;
        }
        if (k < 5) break;
        for (size_t q = from; q < i; q++) {
            const double d = w->measured[q] - w->target[q] - m / (double)k;
            if (!w->left_out[q]) ss += d * d;
        }
        const double v = ss / (double)(k - 1) - extra / (double)k, s = v > 0 ? sqrt(v) : 0,
                     e = sqrt(ss / (double)(k - 1) / (2.0 * (double)(k - 1)));
        bars->x[n] = t / (double)k / g.scale;
        bars->y[n] = s / g.scale;
        bars->lo[n] = (s - e) / g.scale;
        bars->hi[n] = (s + e) / g.scale;
        n++;
    }
    bars->n = n;
    for (size_t i = 0; i < SMOOTH; i++) {
        const double G = w->g_min + (w->g_max - w->g_min) * (double)i / (SMOOTH - 1);
        line->x[i] = G / g.scale;
        line->y[i] = mb_fit_sigma_at(&w->prog, G / w->g_max) * w->g_max / g.scale;
    }
    return MB_OK;
}

/* Order statistics of the standardised residuals over those of N(0, 1). */
static int quantile_panel(const mb_fit_work *w, const mb_fit *fit, mb_panel *p) {
    const size_t n = w->n_z < 1500 ? w->n_z : 1500;
    double ks = MB_NOT, prob = MB_NOT;
    for (size_t i = 0; i < fit->n_quality; i++)
        if (fit->quality[i].quantity[0] == 'p') ks = fit->quality[i].ks, prob = fit->quality[i].ks_p;
    snprintf(p->title, sizeof p->title, "Residuals in units of sigma against N(0, 1): KS %.3f, p = %.2g", ks, prob);
    snprintf(p->xlabel, sizeof p->xlabel, "quantile of N(0, 1)");
    snprintf(p->ylabel, sizeof p->ylabel, "quantile of the residuals");
    mb_series *line = mb_panel_add(p, MB_CURVE, 1, "model", 2),
              *dots = line ? mb_panel_add(p, n > 200 ? MB_DOTS : MB_POINTS, 0, "measured", n) : NULL;
    if (!dots) return mb_nomem();
    for (size_t k = 0; k < n; k++) {
        const size_t i = n < 2 ? 0 : k * (w->n_z - 1) / (n - 1);
        dots->x[k] = gsl_cdf_ugaussian_Pinv(((double)i + 0.5) / (double)w->n_z);
        dots->y[k] = w->z[i];
    }
    const double end = n ? fmax(fabs(dots->x[0]), fabs(dots->x[n - 1])) : 1;
    line->x[0] = line->y[0] = -end;
    line->x[1] = line->y[1] = end;
    return MB_OK;
}

/* Up to five time series, from the smallest to the largest conductance, with their own lines. */
static int drift_panel(const mb_fit_work *w, mb_panel *p) {
    const mb_axis_unit g = mb_axis_unit_for(&w->g_max, 1, "S");
    const size_t shown = w->n_curve < 5 ? w->n_curve : 5;
    snprintf(p->title, sizeof p->title, "Drift: %zu of %zu time series and their power laws", shown, w->n_curve);
    snprintf(p->xlabel, sizeof p->xlabel, "time [s]");
    snprintf(p->ylabel, sizeof p->ylabel, "conductance [%s]", g.text);
    p->log_x = p->time_x = true;
    for (size_t k = 0; k < shown; k++) {
        const mb_fit_curve *c = &w->curve[shown < 2 ? 0 : k * (w->n_curve - 1) / (shown - 1)];
        mb_series *dots = mb_panel_add(p, MB_POINTS, (int)k, k ? NULL : "measured", c->to - c->from),
                  *line = dots ? mb_panel_add(p, MB_CURVE, (int)k, k ? NULL : "power law", SMOOTH) : NULL;
        if (!line) return mb_nomem();
        double lo = (double)INFINITY, hi = 0;
        for (size_t i = 0; i < dots->n; i++) {
            const mb_fit_record *r = &w->d.rec[c->from + i];
            dots->x[i] = r->time;
            dots->y[i] = r->g / g.scale;
            if (r->time > 0) lo = fmin(lo, r->time), hi = fmax(hi, r->time);
        }
        for (size_t i = 0; i < SMOOTH; i++) {
            const double t = lo * pow(hi / lo, (double)i / (SMOOTH - 1)), a = w->shifted ? t / c->first : (t + w->t0) / w->t0;
            line->x[i] = hi > 0 ? t : MB_NOT;
            line->y[i] = c->G0 * exp(-c->nu * log(a)) / g.scale;
        }
    }
    return MB_OK;
}

static int exponent_panel(const mb_fit_work *w, mb_panel *p) {
    const mb_axis_unit g = mb_axis_unit_for(&w->g_max, 1, "S");
    const size_t step = w->n_curve > SCATTER ? w->n_curve / SCATTER : 1, n = (w->n_curve + step - 1) / step;
    double lo = (double)INFINITY, hi = 0;
    snprintf(p->title, sizeof p->title, "Drift exponents: mean and spread from cell to cell");
    snprintf(p->xlabel, sizeof p->xlabel, "conductance [%s]", g.text);
    snprintf(p->ylabel, sizeof p->ylabel, "exponent");
    mb_series *band = mb_panel_add(p, MB_BAND, 1, "spread, model", SMOOTH),
              *dots = band ? mb_panel_add(p, n > 400 ? MB_DOTS : MB_POINTS, 0, "measured", n) : NULL,
              *line = dots ? mb_panel_add(p, MB_CURVE, 1, "mean, model", SMOOTH) : NULL;
    if (!line) return mb_nomem();
    for (size_t k = 0; k < n; k++) {
        const mb_fit_curve *c = &w->curve[k * step];
        dots->x[k] = c->x * w->g_max / g.scale;
        dots->y[k] = c->nu;
        lo = fmin(lo, c->x), hi = fmax(hi, c->x);
    }
    for (size_t i = 0; i < SMOOTH; i++) {
        const double x = lo + (hi - lo) * (double)i / (SMOOTH - 1), mu = mb_fit_nu_at(w, x),
                     tau = w->tau[0] + w->tau[1] * log(fmax(x, 1e-7));
        line->x[i] = band->x[i] = x * w->g_max / g.scale;
        line->y[i] = mu;
        band->lo[i] = mu - tau;
        band->hi[i] = mu + tau;
    }
    return MB_OK;
}

static int noise_panel(const mb_fit_work *w, mb_panel *p) {
    const mb_axis_unit g = mb_axis_unit_for(&w->g_max, 1, "S");
    size_t n = 0;
    double lo = (double)INFINITY, hi = 0;
    snprintf(p->title, sizeof p->title, "Read noise: %s", mb_fit_shapes[w->read.shape]);
    snprintf(p->xlabel, sizeof p->xlabel, "conductance [%s]", g.text);
    snprintf(p->ylabel, sizeof p->ylabel, "standard deviation [%s]", g.text);
    p->zero_y = true;
    enum { BINS = 25 };
    double ss[BINS] = {0}, dof[BINS] = {0}, x[BINS] = {0};
    for (size_t i = 0; i < w->n_noise; i++) lo = fmin(lo, w->noise[i].x), hi = fmax(hi, w->noise[i].x);
    for (size_t i = 0; i < w->n_noise; i++) {
        int b = hi > lo ? (int)((w->noise[i].x - lo) / (hi - lo) * BINS) : 0;
        b = b < 0 ? 0 : b >= BINS ? BINS - 1 : b;
        ss[b] += w->noise[i].ss, dof[b] += w->noise[i].n, x[b] += w->noise[i].n * w->noise[i].x;
    }
    mb_series *bars = mb_panel_add(p, MB_ERRORBARS, 0, "measured", BINS),
              *line = bars ? mb_panel_add(p, MB_CURVE, 1, "model", SMOOTH) : NULL;
    if (!line) return mb_nomem();
    for (int b = 0; b < BINS; b++) {
        if (dof[b] < 2) continue;
        const double s = sqrt(ss[b] / dof[b]) * w->g_max / g.scale, e = s / sqrt(2 * dof[b]);
        bars->x[n] = x[b] / dof[b] * w->g_max / g.scale;
        bars->y[n] = s, bars->lo[n] = s - e, bars->hi[n] = s + e;
        n++;
    }
    bars->n = n;
    for (size_t i = 0; i < SMOOTH; i++) {
        const double q = lo + (hi - lo) * (double)i / (SMOOTH - 1);
        line->x[i] = q * w->g_max / g.scale;
        line->y[i] = mb_fit_sigma_at(&w->read, q) * w->g_max / g.scale;
    }
    return MB_OK;
}

/* Curves divided by their own conductance at the read voltage: one model for all. */
static int current_panel(const mb_fit_work *w, mb_panel *p) {
    const size_t step = w->d.n_iv > SCATTER ? w->d.n_iv / SCATTER : 1, n = (w->d.n_iv + step - 1) / step;
    const double one = mb_fit_curve_at(w->iv_model, w->iv_c, 1, w->read_V);
    double lo = 0, hi = 0;
    snprintf(p->title, sizeof p->title, "Current of %zu curve%s over that at %.3g V: %s", w->n_curves,
             w->n_curves == 1 ? "" : "s", w->read_V, mb_fit_iv_models[w->iv_model]);
    snprintf(p->xlabel, sizeof p->xlabel, "voltage [V]");
    snprintf(p->ylabel, sizeof p->ylabel, "I / I(read_V)");
    mb_series *dots = mb_panel_add(p, n > 400 ? MB_DOTS : MB_POINTS, 0, "measured", n),
              *line = dots ? mb_panel_add(p, MB_CURVE, 1, "model", SMOOTH) : NULL,
              *straight = line ? mb_panel_add(p, MB_DASHES, -1, "linear", 2) : NULL;
    if (!straight) return mb_nomem();
    for (size_t k = 0, c = 0; k < n; k++) {
        const size_t i = k * step;
        while (c + 1 < w->n_curves && i >= w->iv_from[c + 1]) c++;
        dots->x[k] = w->d.iv[i].V;
        dots->y[k] = w->d.iv[i].I / (w->iv_G[c] * w->read_V);
        lo = fmin(lo, w->d.iv[i].V), hi = fmax(hi, w->d.iv[i].V);
    }
    for (size_t i = 0; i < SMOOTH; i++) {
        line->x[i] = lo + (hi - lo) * (double)i / (SMOOTH - 1);
        line->y[i] = mb_fit_curve_at(w->iv_model, w->iv_c, line->x[i] / w->read_V, w->read_V) / one;
    }
    straight->x[0] = lo, straight->x[1] = hi;
    straight->y[0] = lo / w->read_V, straight->y[1] = hi / w->read_V;
    return MB_OK;
}

int mb_fit_plot(const mb_fit *fit, const mb_fit_options *o, mb_str *script) {
    const mb_fit_work *w = fit->work;
    mb_panel p[7] = {{.n = 0}};
    size_t n = 0;
    char head[120], note[160];
    int rc = MB_OK;
    if (w->prog.good && w->n_z) {
        rc = error_panel(w, &p[n++]);
        if (!rc) rc = sigma_panel(w, &p[n++]);
        if (!rc) rc = quantile_panel(w, fit, &p[n++]);
    }
    if (!rc && w->read.good) rc = noise_panel(w, &p[n++]);
    if (!rc && w->n_curve && isfinite(w->t0) && w->t0 > 0) rc = drift_panel(w, &p[n++]);
    if (!rc && w->drifts && w->n_curve > 1) rc = exponent_panel(w, &p[n++]);
    if (!rc && w->iv_model >= 0) rc = current_panel(w, &p[n++]);
    if (!rc && n == 0) rc = mb_fail(MB_BADINPUT, "nothing was fitted: there is nothing to draw");
    snprintf(head, sizeof head, "Fitted cell: %.80s", o->name);
    mb_fit_source_names(&w->d, "", note, sizeof note);
    if (!rc) rc = mb_figure_script("cell-fit", head, note, p, n, n > 4 ? 3 : 2, script);
    for (size_t i = 0; i < n; i++) mb_panel_free(&p[i]);
    return rc;
}
