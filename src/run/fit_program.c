/* fit_program.c - programming error from pairs of target and measured conductance: outliers, stuck cells, mean error, standard
 * deviation over the target, or the distribution itself as a table (fit.h)
 *
 * A pair is a cell (or a row without cell) at its first time: the mean of the reads there, whose read noise is taken from the
 * variance. Where a drift with its own time scale was fitted the measured value is carried back to time 0.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/mem.h"
#include "run/fit_internal.h"

enum { BIN = 100, SMALL_BIN = 20, TABLE_VALUES = 64, TABLE_TARGETS = 32 };

typedef struct pair {
    double target, measured, extra;
    int rec;
} pair;

static int by_target(const void *a, const void *b) {
    const pair *p = a, *q = b;
    if (p->target != q->target) return p->target < q->target ? -1 : 1;
    return (p->rec > q->rec) - (p->rec < q->rec);
}

/* Pairs, sorted by target. */
static int gather(mb_fit_work *w) {
    pair *p = mb_malloc(w->d.n, sizeof *p);
    size_t n = 0;
    if (!p) return mb_nomem();
    for (size_t i = 0; i < w->d.n;) {
        const mb_fit_record *r = &w->d.rec[i];
        size_t to = i + 1;
        double sum = r->g, reads = 1;
        while (to < w->d.n && w->d.rec[to].cell == r->cell && w->d.rec[to].target == r->target) to++;
        for (size_t k = i + 1; k < to && (w->d.rec[k].time == r->time || isnan(r->time)); k++) sum += w->d.rec[k].g, reads++;
        if (isfinite(r->target)) {
            const double x = r->target / w->g_max;
            const double back = w->drifts && !w->shifted && r->time > 0 ? exp(mb_fit_nu_at(w, x) * log1p(r->time / w->t0)) : 1;
            const size_t rows = r->cell >= 0 ? 1 : (size_t)reads;
            for (size_t k = 0; k < rows; k++) {
                const double g = r->cell >= 0 ? sum / reads : w->d.rec[i + k].g, s = mb_fit_sigma_at(&w->read, g / w->g_max) * w->g_max;
                p[n++] = (pair){r->target, g * back, s * s / (r->cell >= 0 ? reads : 1) * back * back, (int)(i + k)};
            }
        }
        i = to;
    }
    qsort(p, n, sizeof *p, by_target);
    w->n_pair = n;
    w->target = mb_malloc(n, sizeof *w->target);
    w->measured = mb_malloc(n, sizeof *w->measured);
    w->extra = mb_malloc(n, sizeof *w->extra);
    w->pair_rec = mb_malloc(n, sizeof *w->pair_rec);
    w->left_out = mb_calloc(n ? n : 1, sizeof *w->left_out);
    w->z = mb_malloc(n, sizeof *w->z);
    w->robust = mb_calloc(n ? n : 1, sizeof *w->robust);
    const bool good = w->target && w->measured && w->extra && w->pair_rec && w->left_out && w->z && w->robust;
    for (size_t i = 0; i < n && good; i++) {
        w->target[i] = p[i].target;
        w->measured[i] = p[i].measured;
        w->extra[i] = p[i].extra;
        w->pair_rec[i] = p[i].rec;
    }
    mb_free(p);
    return good ? MB_OK : mb_nomem();
}

/* End of the bin that begins at I: whole targets, at least BIN pairs. */
static size_t bin_end(const mb_fit_work *w, size_t i) {
    size_t to = i;
    while (to < w->n_pair) {
        const double t = w->target[to];
        while (to < w->n_pair && w->target[to] == t) to++;
        if (to - i >= BIN) break;
    }
    return w->n_pair - to < BIN ? w->n_pair : to; /* no small rest */
}

/* --- outliers ------------------------------------------------------------------------------------------------------------ */

static void leave_out(mb_fit_work *w, size_t k) {
    w->left_out[k] = true;
    w->d.rec[w->pair_rec[k]].outlier = true;
    w->d.source[w->d.rec[w->pair_rec[k]].file].outliers++;
}

static int find_outliers(mb_fit *fit, const mb_fit_options *o) {
    mb_fit_work *w = fit->work;
    double *v = mb_malloc(2 * w->n_pair, sizeof *v), *u = mb_malloc(2 * w->n_pair, sizeof *u);
    if (!v || !u) {
        mb_free(v);
        mb_free(u);
        return mb_nomem();
    }
    for (size_t i = 0; i < w->n_pair && o->outliers > 0;) {
        const size_t to = bin_end(w, i), n = to - i;
        double median, mad, log_median = 0, log_mad = 0;
        bool logs = true;
        for (size_t k = 0; k < n; k++) {
            v[k] = w->measured[i + k] - w->target[i + k];
            logs = logs && w->target[i + k] > 0;
            u[k] = logs && w->measured[i + k] > 0 ? log(w->measured[i + k] / w->target[i + k]) : -50;
        }
        mb_stat_median_mad(v, n, v + w->n_pair, &median, &mad);
        mb_stat_median_mad(u, n, u + w->n_pair, &log_median, &log_mad);
        for (size_t k = i; k < to; k++) w->robust[k] = mad;
        for (size_t k = i; k < to && n >= 8 && mad > 0; k++) { /* in the linear and in the logarithmic measure */
            const double r = w->measured[k] - w->target[k], l = logs && w->measured[k] > 0 ? log(w->measured[k] / w->target[k]) : -50;
            if (!(fabs(r - median) > o->outliers * mad)) continue;
            if (logs && log_mad > 0 && fabs(l - log_median) <= o->outliers * log_mad) continue;
            leave_out(w, k);
        }
        i = to;
    }
    mb_free(v);
    mb_free(u);
    return MB_OK;
}

/* Cells that stand in a narrow cluster at a stuck end although their target lies apart belong to it, too. */
static size_t leave_cluster(mb_fit_work *w, double mean, double sd) {
    size_t n = 0;
    for (size_t k = 0; k < w->n_pair; k++) {
        if (w->left_out[k] || !(sd < 0.5 * w->robust[k]) || fabs(w->target[k] - mean) < 2 * w->robust[k]) continue;
        if (fabs(w->measured[k] - mean) <= 3 * sd + 1e-6 * w->g_max) leave_out(w, k), n++;
    }
    return n;
}

/* Outliers that all stand at one end of the range are stuck cells. */
static void stuck(mb_fit *fit) {
    mb_fit_work *w = fit->work;
    const double span = w->g_max - w->g_min;
    size_t n_out = 0, at[2] = {0, 0}, could[2] = {0, 0};
    double sum[2] = {0, 0}, sum2[2] = {0, 0};
    char source[160];
    for (size_t k = 0; k < w->n_pair; k++) {
        const double end[2] = {w->g_min, w->g_max};
        n_out += w->left_out[k];
        for (int e = 0; e < 2; e++) {
            if (fabs(w->target[k] - end[e]) < 0.3 * span) continue;
            could[e]++;
            if (w->left_out[k] && fabs(w->measured[k] - end[e]) < 0.15 * span) at[e]++, sum[e] += w->measured[k], sum2[e] += w->measured[k] * w->measured[k];
        }
    }
    if (!n_out) return;
    mb_fit_source_names(&w->d, "target", source, sizeof source);
    mb_str_addf(&fit->notes, "programming: %zu of %zu pairs are outliers and left out of the fit", n_out, w->n_pair);
    for (int e = 0; e < 2; e++) {
        if (at[e] < 3) continue;
        const double p = (double)at[e] / (double)could[e];
        mb_fit_value *v = mb_fit_add_value(fit, e ? "stuck_on" : "stuck_off", could[e], source);
        mb_str_addf(&fit->notes, "; %zu of them stand near G%s: stuck cells", at[e], e ? "max" : "min");
        if (!v) continue;
        v->n = 1;
        v->v[0] = p;
        v->se[0] = sqrt(p * (1 - p) / (double)could[e]);
        snprintf(v->how, sizeof v->how, "share of the cells; %zu outliers near G%s, targets elsewhere", at[e], e ? "max" : "min");
        v = mb_fit_add_value(fit, e ? "stuck_on_S" : "stuck_off_S", at[e], source);
        if (!v) continue;
        v->n = 1;
        v->v[0] = sum[e] / (double)at[e];
        v->se[0] = MB_NOT;
        snprintf(v->how, sizeof v->how, "mean of the stuck cells");
        const double mean = v->v[0], var = sum2[e] / (double)at[e] - mean * mean;
        const size_t more = leave_cluster(w, mean, sqrt(fmax(var, 0)));
        if (more) mb_str_addf(&fit->notes, " (and %zu that stand there with a target nearby)", more);
    }
    mb_str_addf(&fit->notes, "\n");
}

/* --- groups of one target ------------------------------------------------------------------------------------------------ */

static double bias_at(const mb_fit_work *w, double x) { return w->n_bias > 1 ? w->bias[0] + w->bias[1] * x : w->n_bias ? w->bias[0] : 0; }

static int groups_of(const mb_fit_work *w, mb_fit_group **out, size_t *n, double *N) {
    const double G = w->g_max;
    mb_fit_group *g = mb_calloc(w->n_pair ? w->n_pair : 1, sizeof *g);
    *n = 0;
    *N = 0;
    *out = g;
    if (!g) return mb_nomem();
    for (size_t i = 0; i < w->n_pair;) {
        const double t = w->target[i], x = t / G, mean = fmax(x + bias_at(w, x), 0);
        mb_fit_group *q = &g[*n];
        *q = (mb_fit_group){.x = x, .mean = mean};
        double known = 0, all = 0;
        for (; i < w->n_pair && w->target[i] == t; i++) {
            if (w->left_out[i]) continue;
            const double m = w->measured[i] / G;
            known += w->extra[i] / (G * G);
            all++;
            if (m <= 0) {
                q->zeros++;
                continue;
            }
            q->n++;
            q->ss += (m - mean) * (m - mean);
            if (mean > 0) {
                const double l = log(m / mean);
                q->nl++;
                q->l1 += l;
                q->l2 += l * l;
            }
        }
        if (all <= 0) continue;
        q->known = known / all;
        *N += all;
        ++*n;
    }
    return MB_OK;
}

/* --- mean error ---------------------------------------------------------------------------------------------------------- */

/* Weighted mean or line through the residuals; groups within three sigma of zero are clipped and do not count. */
static void mean_error(mb_fit *fit, const mb_fit_options *o, const mb_fit_group *g, size_t n) {
    mb_fit_work *w = fit->work;
    const size_t from = fit->n_candidate;
    double W = 0, X = 0, XX = 0, R = 0, XR = 0, RR = 0, N = 0;
    size_t at = 0;
    for (size_t i = 0; i < n; i++) {
        const double s = mb_fit_sigma_at(&w->prog, g[i].x), v = s * s + g[i].known;
        double sum = 0, ss = 0, count = 0;
        const double t = g[i].x * w->g_max;
        while (at < w->n_pair && w->target[at] < t * (1 - 1e-12)) at++;
        for (; at < w->n_pair && fabs(w->target[at] - t) <= 1e-12 * t; at++) {
            if (w->left_out[at]) continue;
            const double r = (w->measured[at] - w->target[at]) / w->g_max;
            sum += r, ss += r * r, count++;
        }
        if (!(v > 0) || g[i].x < 3 * sqrt(v)) continue;
        W += count / v, X += count * g[i].x / v, XX += count * g[i].x * g[i].x / v;
        R += sum / v, XR += sum * g[i].x / v, RR += ss / v, N += count;
    }
    if (N < 8 || !(W > 0)) return;
    const double det = W * XX - X * X, b1 = R / W, a2 = det > 1e-9 * W * XX ? (XX * R - X * XR) / det : MB_NOT,
                 b2 = det > 1e-9 * W * XX ? (W * XR - X * R) / det : MB_NOT;
    mb_fit_add_candidate(fit, "mean error", "none", 0, N, RR / 2);
    mb_fit_add_candidate(fit, "mean error", "constant", 1, N, (RR - b1 * R) / 2);
    if (isfinite(b2)) mb_fit_add_candidate(fit, "mean error", "linear", 2, N, (RR - a2 * R - b2 * XR) / 2);
    const int chosen = mb_fit_choose(fit, from, o->criterion);
    w->n_bias = chosen < 0 ? 0 : fit->candidate[chosen].k;
    if (w->n_bias == 1) w->bias[0] = b1;
    if (w->n_bias == 2) w->bias[0] = a2, w->bias[1] = b2;
    if (!w->n_bias) return;
    char source[160];
    mb_fit_source_names(&w->d, "target", source, sizeof source);
    mb_fit_value *v = mb_fit_add_value(fit, "prog_bias", (size_t)N, source);
    if (!v) return;
    v->list = true;
    v->n = w->n_bias;
    for (int k = 0; k < v->n; k++) v->v[k] = w->bias[k];
    v->se[0] = v->n == 1 ? 1 / sqrt(W) : sqrt(XX / det);
    v->se[1] = v->n == 1 ? MB_NOT : sqrt(W / det);
    snprintf(v->how, sizeof v->how, "mean error, of Gmax%s", v->n == 2 ? " over G / Gmax" : "");
}

/* --- quality ------------------------------------------------------------------------------------------------------------- */

static void quality(mb_fit *fit) {
    mb_fit_work *w = fit->work;
    mb_fit_quality *q = &fit->quality[fit->n_quality++];
    double sum = 0, n = 0, t = MB_NOT;
    *q = (mb_fit_quality){.chi2 = 0, .p = MB_NOT};
    snprintf(q->quantity, sizeof q->quantity, "programming error");
    w->n_z = 0;
    for (size_t i = 0; i <= w->n_pair; i++) {
        const bool last = i == w->n_pair;
        if ((last || w->target[i] != t) && (n >= SMALL_BIN || (last && n > 0))) {
            q->chi2 += (sum - n) * (sum - n) / (2 * n);
            q->dof++;
            sum = n = 0;
        }
        if (last) break;
        t = w->target[i];
        const double x = t / w->g_max, s = mb_fit_sigma_at(&w->prog, x), v = s * s + w->extra[i] / (w->g_max * w->g_max),
                     mean = x + bias_at(w, x), m = w->measured[i] / w->g_max;
        if (w->left_out[i] || !(v > 0) || m <= 0 || (w->prog.lognormal && mean <= 0)) continue;
        const double s2 = w->prog.lognormal ? log1p(v / (mean * mean)) : 0,
                     z = w->prog.lognormal ? (log(m / mean) + s2 / 2) / sqrt(s2) : (m - mean) / sqrt(v);
        w->z[w->n_z++] = z;
        sum += z * z;
        n++;
    }
    mb_stat_sort(w->z, w->n_z);
    mb_stat_ks_normal(w->z, w->n_z, &q->ks, &q->ks_p);
    q->n = w->n_z;
    q->dof -= w->prog.k;
    q->p = mb_stat_chi2_p(q->chi2, q->dof);
    if (q->ks_p < 1e-3 && w->n_z >= 100)
        mb_str_addf(&fit->notes, "programming: the residuals are not %s (KS %.3f, p %.1g): --model table takes their distribution as it is\n",
                    w->prog.lognormal ? "log-normal" : "Gaussian", q->ks, q->ks_p);
}

/* --- table --------------------------------------------------------------------------------------------------------------- */

/* K targets (whole targets where there are few, else bins of them), M equally probable residuals each. */
static int make_table(mb_fit_work *w) {
    size_t kept = 0, distinct = 0;
    for (size_t i = 0; i < w->n_pair; i++) {
        kept += !w->left_out[i];
        distinct += i == 0 || w->target[i] != w->target[i - 1];
    }
    size_t K = distinct;
    if (distinct > TABLE_TARGETS || kept < 10 * distinct) { /* bins of targets */
        K = kept / 200 < TABLE_TARGETS ? kept / 200 : TABLE_TARGETS;
        if (K < 2) K = kept >= 20 ? 2 : 1;
    }
    if (kept < 10) return mb_fail(MB_BADINPUT, "a table of the programming error wants at least 10 pairs; there are %zu", kept);
    double *v = mb_malloc(kept, sizeof *v);
    w->table_g = mb_malloc(K, sizeof *w->table_g);
    w->table_r = mb_malloc(K * TABLE_VALUES, sizeof *w->table_r);
    if (!v || !w->table_g || !w->table_r) {
        mb_free(v);
        return mb_nomem();
    }
    const bool whole = K == distinct;
    size_t at = 0, least = kept, done = 0;
    w->table_k = 0;
    while (at < w->n_pair && w->table_k < K) {
        size_t n = 0;
        double sum = 0;
        const size_t want = whole ? 1 : (kept - done) / (K - w->table_k);
        while (at < w->n_pair && (n < want || (n > 0 && w->target[at] == w->target[at - 1]))) {
            if (!w->left_out[at]) sum += w->target[at], v[n++] = w->measured[at] - w->target[at];
            at++;
        }
        if (n < 5) continue;
        done += n;
        least = n < least ? n : least;
        mb_stat_sort(v, n);
        w->table_g[w->table_k] = sum / (double)n;
        for (size_t m = 0; m < TABLE_VALUES; m++) { /* the residual at probability (m + 1/2) / M */
            const double pos = ((double)m + 0.5) / TABLE_VALUES * (double)n - 0.5, r = pos < 0 ? 0 : pos > (double)(n - 1) ? (double)(n - 1) : pos;
            w->table_r[w->table_k * TABLE_VALUES + m] = mb_stat_quantile(v, n, n > 1 ? r / (double)(n - 1) : 0);
        }
        w->table_k++;
    }
    w->table_m = TABLE_VALUES;
    mb_free(v);
    if (w->table_k == 0) return mb_fail(MB_BADINPUT, "a table of the programming error wants at least 5 pairs per target");
    return MB_OK;
}

/* --- the stage ----------------------------------------------------------------------------------------------------------- */

static void values(mb_fit *fit, const mb_fit_options *o, size_t n) {
    mb_fit_work *w = fit->work;
    char source[160];
    mb_fit_source_names(&w->d, "target", source, sizeof source);
    mb_fit_value *v = mb_fit_add_value(fit, "prog_sigma", n, source);
    if (!v) return;
    const mb_fit_sigma *s = &w->prog;
    v->list = true;
    v->n = s->shape == MB_SIGMA_CONSTANT ? 1 : s->shape == MB_SIGMA_QUADRATIC ? 3 : 2;
    for (int k = 0; k < v->n; k++) v->v[k] = s->c[k], v->se[k] = s->se[k];
    snprintf(v->how, sizeof v->how, "standard deviation of the programming error, of Gmax over G / Gmax; %s%s", mb_fit_shapes[s->shape],
             w->read.good ? "; read noise taken out" : "");
    v = mb_fit_add_value(fit, "prog_distribution", n, source);
    if (!v) return;
    snprintf(v->text, sizeof v->text, "%s", o->table ? "table" : s->lognormal ? "lognormal" : "gaussian");
    if (o->table) snprintf(v->how, sizeof v->how, "prog_table_S holds the measured residuals; prog_sigma and prog_bias are not used");
}

int mb_fit_programming(mb_fit *fit, const mb_fit_options *o) {
    mb_fit_work *w = fit->work;
    mb_fit_group *g = NULL;
    size_t n = 0;
    double N = 0, total = 0;
    bool pairs = false;
    for (size_t i = 0; i < w->d.n && !pairs; i++) pairs = isfinite(w->d.rec[i].target);
    if (!pairs) return o->table ? mb_fail(MB_BADINPUT, "--model table wants targets and measured conductances; the files hold none") : MB_OK;
    int rc = gather(w);
    if (!rc && w->n_pair < 4)
        rc = mb_fail(MB_BADINPUT, "%s:%d: %zu pair%s of target and measured conductance: fewer than the parameters of any model; at least 4 are wanted",
                     w->d.source[w->d.rec[w->pair_rec[0]].file].file, w->d.rec[w->pair_rec[0]].line, w->n_pair, w->n_pair == 1 ? "" : "s");
    if (!rc) rc = find_outliers(fit, o);
    if (!rc) stuck(fit);
    if (!rc) rc = groups_of(w, &g, &n, &N);
    for (size_t i = 0; i < n && !rc; i++) total += g[i].ss + g[i].zeros;

    if (!rc && !(total / N > 1e-13)) {
        mb_str_addf(&fit->notes, "programming: every cell stands at its target to the last digit: no error\n");
        goto out;
    }
    if (!rc) { /* twice: the mean error wants weights, the spread wants the mean error */
        const size_t before = fit->n_candidate;
        size_t few = n;
        mb_fit_group *joined = mb_malloc(n, sizeof *joined);
        if (!joined) rc = mb_nomem();
        if (!rc) {
            memcpy(joined, g, n * sizeof *joined);
            mb_fit_merge(joined, &few, MB_FIT_GROUPS);
            rc = mb_fit_choose_sigma(fit, "programming error", joined, few, N, 0, true, o->shape, o->distribution, o->criterion, &w->prog);
        }
        mb_free(joined);
        if (!rc) mean_error(fit, o, g, n);
        if (!rc && w->n_bias) {
            mb_fit_candidate kept[4];
            size_t m = 0;
            for (size_t i = before; i < fit->n_candidate; i++)
                if (strcmp(fit->candidate[i].quantity, "mean error") == 0 && m < 4) kept[m++] = fit->candidate[i];
            fit->n_candidate = before;
            mb_free(g);
            g = NULL;
            rc = groups_of(w, &g, &n, &N);
            if (!rc) mb_fit_merge(g, &n, MB_FIT_GROUPS);
            if (!rc) rc = mb_fit_choose_sigma(fit, "programming error", g, n, N, w->n_bias, true, o->shape, o->distribution, o->criterion, &w->prog);
            for (size_t i = 0; i < m && fit->n_candidate < MB_FIT_MAX; i++) fit->candidate[fit->n_candidate++] = kept[i];
        }
    }
    if (!rc) values(fit, o, (size_t)N);
    if (!rc) quality(fit);
    if (!rc && o->table) rc = make_table(w);
out:
    mb_free(g);
    return rc;
}
