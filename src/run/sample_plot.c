/* sample_plot.c - the picture of `mixbar sample`: levels, ageing, read noise, current-voltage curve */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "run/plot_figure.h"
#include "run/plot_internal.h"
#include "run/sample.h"

/* Level I of N in the colours of the picture: few levels are told apart by colour. */
static int colour(size_t i) { return (int)(i % (MB_COLOURS - 2)); }

static int ascending(const void *a, const void *b) {
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* A level whose cells all stand at zero is a needle that would flatten the others: the axis ends at four times the median peak. */
static void cap_peaks(mb_panel *p) {
    double peak[MB_PANEL_SERIES];
    size_t n = 0;
    for (size_t k = 0; k < p->n; k++) {
        double most = 0;
        for (size_t i = 0; i < p->s[k].n; i++) most = fmax(most, p->s[k].y[i]);
        peak[n++] = most;
    }
    qsort(peak, n, sizeof *peak, ascending);
    if (n < 3 || peak[n - 1] <= 4 * peak[n / 2]) return;
    p->cap_y = 4 * peak[n / 2];
    const size_t used = strlen(p->ylabel);
    snprintf(p->ylabel + used, sizeof p->ylabel - used, ", highest cut off");
}

/* Smooth enough for the eye: densities of each level over conductance, from its own histogram. */
static int levels_panel(const mb_sample *s, mb_panel *p) {
    const mb_axis_unit u = mb_axis_unit_for(&s->g_max, 1, "S");
    bool sharp = true;
    size_t drawn = 0;
    snprintf(p->title, sizeof p->title, "Levels after programming: %zu, %zu cells each%s", s->n_level, s->cells,
             s->levels == 0 ? " (continuous cell)" : "");
    snprintf(p->xlabel, sizeof p->xlabel, "conductance [%s]", u.text);
    snprintf(p->ylabel, sizeof p->ylabel, "probability density [1/%s]", u.text);
    p->zero_y = true;
    const size_t step = s->n_level > 16 ? (s->n_level + 15) / 16 : 1;
    double top = 0;
    for (size_t i = 0; i < s->n_level; i++) sharp &= s->level[i].programmed.max <= s->level[i].programmed.min * (1 + 1e-5);
    for (size_t i = 0; i < s->n_level && !sharp; i++) { /* outliers widen the bins of a level: the next one shows the height */
        const mb_moments *m = &s->level[i].programmed;
        if (m->sd > 0) top = fmax(top, 0.4 / m->sd * u.scale);
    }
    for (size_t i = 0; i < s->n_level && drawn < 16; i += step, drawn++) {
        const mb_sample_level *l = &s->level[i];
        const double lo = l->programmed.min, width = (l->programmed.max - lo) / MB_SAMPLE_BINS;
        if (sharp || width <= 0) {
            mb_series *c = mb_panel_add(p, MB_CURVE, colour(drawn), NULL, 2);
            if (!c) return mb_nomem();
            c->x[0] = c->x[1] = l->programmed.mean / u.scale;
            c->y[1] = sharp ? 1 : top;
            continue;
        }
        mb_series *c = mb_panel_add(p, MB_STEPS, colour(drawn), NULL, MB_SAMPLE_BINS + 2);
        if (!c) return mb_nomem();
        for (int b = -1; b <= MB_SAMPLE_BINS; b++) {
            const bool inside = b >= 0 && b < MB_SAMPLE_BINS;
            c->x[b + 1] = (lo + (b + 0.5) * width) / u.scale;
            c->y[b + 1] = inside ? l->histogram[b] / (double)s->cells / width * u.scale : 0;
        }
    }
    if (!sharp) cap_peaks(p);
    if (sharp) snprintf(p->ylabel, sizeof p->ylabel, "every cell stands at its level");
    return MB_OK;
}

static int drift_panel(const mb_sample *s, mb_panel *p, char titles[8][40]) {
    const mb_axis_unit u = mb_axis_unit_for(&s->g_max, 1, "S");
    snprintf(p->title, sizeof p->title, "Conductance after programming: mean and standard deviation");
    snprintf(p->xlabel, sizeof p->xlabel, "time after programming");
    snprintf(p->ylabel, sizeof p->ylabel, "conductance [%s]", u.text);
    p->log_x = p->time_x = true;
    p->zero_y = true;
    if (s->n_time < 3) {
        snprintf(p->remark, sizeof p->remark, "fewer than two times after 0");
        return MB_OK;
    }
    const size_t shown = s->n_level < 6 ? s->n_level : 6;
    for (size_t k = 0; k < shown; k++) {
        const size_t i = (s->n_level - 1) - k * (s->n_level - 1) / (shown - 1);
        snprintf(titles[k], 40, "%.4g %s", s->level[i].target / u.scale, u.text);
        mb_series *band = mb_panel_add(p, MB_BAND, colour(k), NULL, s->n_time - 1),
                  *line = band ? mb_panel_add(p, MB_CURVE, colour(k), titles[k], s->n_time - 1) : NULL;
        if (!line) return mb_nomem();
        band = line - 1;
        for (size_t t = 1; t < s->n_time; t++) {
            const double m = s->mean[t * s->n_level + i] / u.scale, d = s->sd[t * s->n_level + i] / u.scale;
            band->x[t - 1] = line->x[t - 1] = s->age[t].time_s;
            line->y[t - 1] = m;
            band->lo[t - 1] = m - d > 0 ? m - d : 0;
            band->hi[t - 1] = m + d;
        }
    }
    return MB_OK;
}

static int noise_panel(const mb_sample *s, mb_panel *p, char titles[8][40]) {
    const mb_axis_unit u = mb_axis_unit_for(&s->g_max, 1, "S");
    snprintf(p->title, sizeof p->title, "Spectrum of the read noise, relative to the mean conductance");
    const mb_axis_unit h = s->analytic ? (mb_axis_unit){1, "Hz"} : mb_axis_unit_for(s->freq + 1, s->n_freq - 1, "Hz");
    snprintf(p->xlabel, sizeof p->xlabel, "frequency [%s]", h.text);
    snprintf(p->ylabel, sizeof p->ylabel, "density [1/Hz]");
    p->log_x = p->log_y = true;
    if (!s->noisy) {
        snprintf(p->remark, sizeof p->remark, "reads are exact: no read noise");
        p->log_x = p->log_y = false;
        return MB_OK;
    }
    for (int k = 0; k < 2; k++) {
        snprintf(titles[k], 40, "%.4g %s", s->psd_level[k] / u.scale, u.text);
        mb_series *c = mb_panel_add(p, MB_CURVE, k ? 0 : 2, titles[k], s->n_freq - 2);
        if (!c) return mb_nomem();
        for (size_t f = 1; f + 1 < s->n_freq; f++) c->x[f - 1] = s->freq[f] / h.scale, c->y[f - 1] = s->psd[k][f];
    }
    return MB_OK;
}

static int iv_panel(const mb_sample *s, mb_panel *p, char titles[8][40]) {
    const double full = s->g_max * s->cost.read_V;
    const mb_axis_unit g = mb_axis_unit_for(&s->g_max, 1, "S"), a = mb_axis_unit_for(&full, 1, "A");
    snprintf(p->title, sizeof p->title, "Current up to the read voltage%s", s->linear ? ": linear" : " (dashed: linear)");
    snprintf(p->xlabel, sizeof p->xlabel, "voltage [V]");
    snprintf(p->ylabel, sizeof p->ylabel, "current [%s]", a.text);
    for (int k = 2; k >= 0; k--) {
        if (k == 1 && (s->iv_g[1] == s->iv_g[0] || s->iv_g[1] == s->iv_g[2])) continue; /* two levels */
        snprintf(titles[k], 40, "%.4g %s", s->iv_g[k] / g.scale, g.text);
        mb_series *c = mb_panel_add(p, MB_CURVE, 2 - k, titles[k], s->n_iv);
        if (!c) return mb_nomem();
        for (size_t i = 0; i < s->n_iv; i++) c->x[i] = s->volt[i], c->y[i] = s->amp[k][i] / a.scale;
        if (s->linear) continue;
        c = mb_panel_add(p, MB_DASHES, 2 - k, NULL, 2);
        if (!c) return mb_nomem();
        for (int e = 0; e < 2; e++) {
            c->x[e] = e ? s->cost.read_V : -s->cost.read_V;
            c->y[e] = s->iv_g[k] * c->x[e] / a.scale;
        }
    }
    return MB_OK;
}

int mb_sample_plot(const mb_sample *s, const char *name, mb_str *script) {
    mb_panel p[4] = {{.n = 0}, {.n = 0}, {.n = 0}, {.n = 0}};
    char titles[3][8][40], head[120];
    snprintf(head, sizeof head, "Memory cell: %.80s", name);
    int rc = levels_panel(s, &p[0]);
    if (!rc) rc = drift_panel(s, &p[1], titles[0]);
    if (!rc) rc = noise_panel(s, &p[2], titles[1]);
    if (!rc) rc = iv_panel(s, &p[3], titles[2]);
    if (!rc) rc = mb_figure_script("cell-sample", head, "", p, 4, 2, script);
    for (int i = 0; i < 4; i++) mb_panel_free(&p[i]);
    return rc;
}
