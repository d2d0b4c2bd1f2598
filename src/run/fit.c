/* fit.c - the procedure of a fit: data, range, read noise, drift, programming error, current (fit.h) */
#include "run/fit.h"

#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "base/mem.h"
#include "run/fit_internal.h"

double mb_fit_given(const mb_fit_options *o, const char *key, bool command_only) {
    const mb_conf *c = o->base ? mb_conf_find(o->base, key) : NULL;
    if (!c || (c->type != MB_CONF_REAL && c->type != MB_CONF_INT)) return MB_NOT;
    if (c->origin == MB_FROM_DEFAULT || (command_only && c->origin != MB_FROM_COMMAND)) return MB_NOT;
    return c->r;
}

/* Range of conductance: as given, else of the targets, else of the base preset, else of what was measured. */
int mb_fit_range(mb_fit *fit, const mb_fit_options *o) {
    mb_fit_work *w = fit->work;
    double lo = (double)INFINITY, hi = -(double)INFINITY;
    char source[160];
    const char *how = "of the targets";
    size_t points = 0;
    for (size_t i = 0; i < w->d.n; i++)
        if (isfinite(w->d.rec[i].target)) lo = fmin(lo, w->d.rec[i].target), hi = fmax(hi, w->d.rec[i].target), points++;
    const bool curves = w->d.n == 0;
    if (!points && isfinite(mb_fit_given(o, "g_min_S", false)) && isfinite(mb_fit_given(o, "g_max_S", false))) {
        w->g_min = mb_fit_given(o, "g_min_S", false);
        w->g_max = mb_fit_given(o, "g_max_S", false);
        return MB_OK; /* the preset's own */
    }
    if (!points) {
        how = "of what was measured";
        for (size_t i = 0; i < w->d.n; i++) lo = fmin(lo, w->d.rec[i].g), hi = fmax(hi, w->d.rec[i].g), points++;
        for (size_t i = 0; i < w->d.n_iv && curves; i++) {
            const double V = w->d.iv[i].V, G = w->d.iv[i].I / V;
            if (fabs(V) > 0 && G > 0) lo = fmin(lo, G), hi = fmax(hi, G), points++;
        }
    }
    const double given_lo = mb_fit_given(o, "g_min_S", true), given_hi = mb_fit_given(o, "g_max_S", true);
    if (isfinite(given_lo)) lo = given_lo;
    if (isfinite(given_hi)) hi = given_hi;
    const bool whole = isfinite(given_lo) && isfinite(given_hi);
    if (!(lo < hi) || (how[3] == 'w' && !whole && hi < 1.05 * lo)) {
        const mb_fit_source *s = &w->d.source[0];
        return mb_fail(MB_BADINPUT,
                       "%s: Gmin = %g S is not below Gmax = %g S, %s: give the range of the cell with -s g_min_S=... -s g_max_S=...",
                       s->file, lo, hi, isfinite(given_lo) || isfinite(given_hi) ? "as given" : lo < hi ? "the data hold nearly one conductance" : "the data hold one conductance only");
    }
    if (!(hi >= 1e-12)) return mb_fail(MB_BADINPUT, "%s: the largest conductance is %g S: is the unit right?", w->d.source[0].file, hi);
    w->g_min = lo;
    w->g_max = hi;
    if (how[3] == 'w' && !whole)
        mb_str_addf(&fit->notes, "range: %.4g to %.4g S is what was measured; give that of the cell with -s g_min_S=... -s g_max_S=...\n", lo, hi);
    mb_fit_source_names(&w->d, curves ? "current" : how[3] == 't' ? "target" : NULL, source, sizeof source);
    for (int e = 0; e < 2; e++) {
        if (isfinite(e ? given_hi : given_lo)) continue;
        mb_fit_value *v = mb_fit_add_value(fit, e ? "g_max_S" : "g_min_S", points, source);
        if (!v) continue;
        v->n = 1;
        v->v[0] = e ? hi : lo;
        v->se[0] = MB_NOT;
        snprintf(v->how, sizeof v->how, "S, %s %s", e ? "largest" : "smallest", how);
    }
    return MB_OK;
}

int mb_fit_files(const char *const *path, size_t n, const mb_fit_options *o, mb_fit *fit) {
    *fit = (mb_fit){0};
    mb_fit_work *w = fit->work = mb_calloc(1, sizeof *w);
    if (!w) return mb_nomem();
    w->iv_model = -1;
    int rc = mb_fit_read(path, n, &w->d);
    if (!rc) {
        mb_str_add(&fit->notes, mb_cstr(&w->d.notes));
        fit->source = w->d.source;
        fit->n_source = w->d.n_source;
        rc = mb_fit_range(fit, o);
    }
    if (!rc) { /* repeated reads first: they weigh everything else */
        bool repeated = false;
        for (size_t i = 1; i < w->d.n && !repeated; i++) {
            const mb_fit_record *a = &w->d.rec[i - 1], *b = &w->d.rec[i];
            repeated = a->cell >= 0 && a->cell == b->cell && (a->target == b->target || (isnan(a->target) && isnan(b->target))) &&
                       (a->time == b->time || (isnan(a->time) && isnan(b->time)));
        }
        if (repeated) rc = mb_fit_noise(fit, o);
    }
    if (!rc) rc = mb_fit_drift(fit, o);
    if (!rc) rc = mb_fit_programming(fit, o);
    if (!rc) rc = mb_fit_current(fit, o);
    if (!rc && w->d.n_pulses) {
        char source[160];
        mb_fit_source_names(&w->d, NULL, source, sizeof source);
        mb_fit_value *v = mb_fit_add_value(fit, "pulses", w->d.n_pulses, source);
        if (v) {
            v->n = 1;
            v->v[0] = w->d.pulses / (double)w->d.n_pulses;
            v->se[0] = MB_NOT;
            snprintf(v->how, sizeof v->how, "pulses to program a cell, mean");
        }
    }
    const char *said = mb_cstr(&fit->notes); /* "no drift" is an answer, too */
    bool any = strstr(said, "drift:") || strstr(said, "read noise:") || strstr(said, "programming:");
    for (size_t i = 0; i < fit->n_value; i++) any |= strncmp(fit->value[i].key, "g_m", 3) != 0;
    if (!rc && !any && w->d.n) /* one value per cell and the like */
        rc = mb_fail(MB_BADINPUT,
                     "%s: %zu rows, but nothing can be fitted to them: fewer values than parameters (wanted are repeated reads of a cell, "
                     "or a time series of 3 points or more)",
                     fit->source[0].file, fit->source[0].rows);
    if (!rc && fit->notes.failed) rc = mb_nomem();
    if (rc) mb_fit_free(fit);
    return rc;
}

void mb_fit_free(mb_fit *fit) {
    mb_fit_work *w = fit->work;
    if (w) {
        mb_fit_data_free(&w->d);
        mb_free(w->noise);
        mb_free(w->target);
        mb_free(w->measured);
        mb_free(w->extra);
        mb_free(w->pair_rec);
        mb_free(w->left_out);
        mb_free(w->z);
        mb_free(w->robust);
        mb_free(w->table_g);
        mb_free(w->table_r);
        mb_free(w->curve);
        mb_free(w->iv_G);
        mb_free(w->iv_from);
        mb_free(w);
    }
    mb_str_free(&fit->notes);
    *fit = (mb_fit){0};
}
