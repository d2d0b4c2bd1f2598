/* explain.c - an explanation of a point: the network with sets of its non-idealities, and single layers against their float product
 *
 * Definitions: run/explain.h. The sets are made by explain_set.c, the passes by explain_pass.c. Called by point.c; one thread
 * (mb_sim_run starts more).
 */
#include "run/explain_internal.h"

#include <gsl/gsl_cdf.h>
#include <math.h>
#include <string.h>

#include "base/error.h"
#include "base/mem.h"

#define ROUNDING 1e-12 /* squared error relative to the signal that float32 makes: no noise of the machine */

/* --- intervals ---------------------------------------------------------------------------------------------------- */

void mb_paired_interval(int64_t n, int64_t T, int64_t S1, int64_t S2, const double *d, double *low, double *high) {
    const double N = (double)n + 2, t = (double)T, mean = (double)S1 / t / N;
    const double var = ((double)S2 / (t * t) + 2) / N - mean * mean, z = 1.959963984540054;
    double square = z * z * var / N;
    if (T > 1) {
        double m = 0, s2 = 0;
        for (int64_t i = 0; i < T; i++) m += d[i] / t;
        for (int64_t i = 0; i < T; i++) s2 += (d[i] - m) * (d[i] - m) / (t - 1);
        const double q = gsl_cdf_tdist_Pinv(0.975, t - 1);
        square += q * q * s2 / t;
    }
    *low = fmax(-1, mean - sqrt(square));
    *high = fmin(1, mean + sqrt(square));
}

/* Accuracy of B minus that of A, both right[T][n], and its interval. */
static int compare(const mb_study *st, const uint8_t *a, const uint8_t *b, double *diff, double *low, double *high) {
    int64_t S1 = 0, S2 = 0;
    double *d = mb_calloc((size_t)st->T, sizeof *d);
    if (!d) return mb_nomem();
    for (int64_t j = 0; j < st->n; j++) {
        int64_t e = 0;
        for (int64_t t = 0; t < st->T; t++) e += (int64_t)b[t * st->n + j] - (int64_t)a[t * st->n + j];
        S1 += e;
        S2 += e * e;
    }
    for (int64_t t = 0; t < st->T; t++) {
        int64_t e = 0;
        for (int64_t j = 0; j < st->n; j++) e += (int64_t)b[t * st->n + j] - (int64_t)a[t * st->n + j];
        d[t] = (double)e / (double)st->n;
    }
    *diff = (double)S1 / (double)st->T / (double)st->n;
    mb_paired_interval(st->n, st->T, S1, S2, d, low, high);
    mb_free(d);
    return MB_OK;
}

static double accuracy_of(const mb_study *st, const uint8_t *right) {
    int64_t sum = 0;
    for (int64_t i = 0; i < st->T * st->n; i++) sum += right[i];
    return (double)sum / (double)(st->T * st->n);
}

/* --- what is measured --------------------------------------------------------------------------------------------- */

/* What a variant is asked besides the samples that it gets right. */
typedef struct extra {
    int item;               /* number of the non-ideality that was added last */
    bool converters;        /* their statistics, too */
    double *signal, *noise; /* [layers], sums over blocks and draws in this order */
    mb_xbar_stats *stats;   /* [layers] */
    mb_xbar_codes *codes;
    uint8_t **alone; /* [layers] of right[T][n] with this layer exact; NULL: not asked */
} extra;

static int layers_of_draw(const mb_study *st, mb_variant *v, uint32_t trial, extra *x) {
    const size_t L = (size_t)st->s->net->n_weighted, blocks = (size_t)((st->snr_samples + MB_SIM_BLOCK - 1) / MB_SIM_BLOCK);
    double *signal = mb_calloc(blocks * L, sizeof *signal), *noise = mb_calloc(blocks * L, sizeof *noise);
    mb_pass sh = {.st = st,
                 .v = v,
                 .trial = trial,
                 .signal = signal,
                 .noise = noise,
                 .count = x->converters,
                 .stats = x->stats,
                 .codes = x->codes};
    int rc = signal && noise ? mb_pass_run(&sh, st->snr_samples, "explain: layers") : mb_nomem();
    for (size_t b = 0; b < blocks && !rc; b++)
        for (size_t k = 0; k < L; k++) {
            x->signal[k] += signal[b * L + k];
            x->noise[k] += noise[b * L + k];
        }
    for (size_t k = 0; x->alone && k < L && !rc; k++) {
        if (!x->alone[k]) continue;
        mb_pass one = {.st = st, .v = v, .trial = trial, .right = x->alone[k] + (int64_t)trial * st->n};
        v->exact = (int)k;
        rc = mb_pass_run(&one, st->n, "explain: layer by layer");
    }
    v->exact = -1;
    mb_free(signal);
    mb_free(noise);
    return rc;
}

/* Which samples variant V gets right in each draw, right[T][n]. The draws of a variant without chance are one. X may be NULL. */
static int measure(const mb_study *st, mb_variant *v, const char *what, uint8_t *right, extra *x) {
    int rc = MB_OK;
    for (int64_t t = 0; t < st->T && !rc; t++) {
        mb_pass sh = {.st = st, .v = v, .trial = (uint32_t)t, .right = right + t * st->n};
        if (t > 0 && (!v->arrays || mb_mapped_deterministic(v->map))) {
            memcpy(sh.right, right, (size_t)st->n);
            for (int k = 0; x && x->alone && k < st->s->net->n_weighted; k++)
                if (x->alone[k]) memcpy(x->alone[k] + t * st->n, x->alone[k], (size_t)st->n);
            continue;
        }
        if (v->arrays) rc = mb_mapped_program(v->map, sh.trial, st->pr);
        if (!rc) rc = mb_pass_run(&sh, st->n, what);
        if (!rc && x) rc = layers_of_draw(st, v, sh.trial, x);
    }
    return rc;
}

static double occupancy(const mb_mapped_view *l, const mb_xbar_stats *s) {
    const mb_adc_range *r = mb_xbar_range(l->xbar[0], 0);
    const double span = (double)r->q_hi - (double)r->q_lo;
    return s->q_max >= s->q_min && span > 0 ? ((double)s->q_max - (double)s->q_min) / span : 0;
}

static void extra_close(extra *x, size_t L) {
    mb_free(x->signal);
    mb_free(x->noise);
    mb_free(x->stats);
    mb_free(x->codes);
    for (size_t k = 0; x->alone && k < L; k++) mb_free(x->alone[k]);
    mb_free(x->alone);
}

static int extra_open(const mb_study *st, int number, bool layers, size_t L, extra *x) {
    *x = (extra){.item = number, .converters = number + 1 == st->n_item};
    x->signal = mb_calloc(L, sizeof *x->signal);
    x->noise = mb_calloc(L, sizeof *x->noise);
    x->stats = mb_malloc(L, sizeof *x->stats);
    x->codes = mb_calloc(L, sizeof *x->codes);
    if (!x->signal || !x->noise || !x->stats || !x->codes) return mb_nomem();
    for (size_t k = 0; k < L; k++) mb_xbar_stats_init(&x->stats[k]);
    if (!layers || !x->converters) return MB_OK;
    if (!(x->alone = mb_calloc(L, sizeof *x->alone))) return mb_nomem();
    for (size_t k = 0; k < L; k++)
        if (st->plan->assign[k].engine == MB_ANALOG && !(x->alone[k] = mb_malloc((size_t)(st->T * st->n), 1))) return mb_nomem();
    return MB_OK;
}

/* What X gathered, into E. ALL: the samples that the variant gets right. */
static int extra_tell(const mb_study *st, const mb_variant *v, const extra *x, const uint8_t *all, mb_explanation *e) {
    int rc = MB_OK;
    for (size_t k = 0; k < e->n_layer && !rc; k++) {
        mb_explain_layer *l = &e->layer[k];
        mb_mapped_view view;
        mb_mapped_layer(v->map, (int)k, &view);
        l->snr_dB[x->item] = x->noise[k] > x->signal[k] * ROUNDING ? 10 * log10(x->signal[k] / x->noise[k]) : (double)INFINITY;
        if (x->alone && x->alone[k]) rc = compare(st, all, x->alone[k], &l->recovered, &l->recovered_low, &l->recovered_high);
        if (!x->converters || !view.xbar || x->codes[k].conversions == 0) continue; /* digital, or a transparent converter */
        l->clipped = (double)x->stats[k].clipped / (double)x->stats[k].conversions;
        l->occupancy = occupancy(&view, &x->stats[k]);
        l->conversions = (int64_t)x->codes[k].conversions;
        for (int s = 0; s < MB_CODE_SLICES; s++)
            for (int b = 0; b < MB_CODE_BINS; b++) l->code[b] += (int64_t)x->codes[k].bin[s][b];
    }
    return rc;
}

/* --- a point ------------------------------------------------------------------------------------------------------ */

void mb_explanation_free(mb_explanation *e) {
    if (!e) return;
    for (size_t i = 0; e->item && i < e->n_item; i++) mb_free(e->item[i].name);
    for (size_t k = 0; e->layer && k < e->n_layer; k++) {
        mb_free(e->layer[k].name);
        mb_free(e->layer[k].engine);
        mb_free(e->layer[k].snr_dB);
    }
    mb_free(e->item);
    mb_free(e->layer);
    mb_free(e->id);
    mb_free(e);
}

static int new_explanation(const mb_study *st, mb_explanation **out) {
    const mb_network *net = st->s->net;
    mb_explanation *e = mb_calloc(1, sizeof *e);
    if (!e) return mb_nomem();
    *out = e;
    e->samples = st->n;
    e->draws = st->T;
    e->snr_samples = st->snr_samples;
    e->id = mb_asprintf("%016llx", (unsigned long long)st->s->id);
    e->item = mb_calloc((size_t)st->n_item, sizeof *e->item);
    e->layer = mb_calloc((size_t)net->n_weighted, sizeof *e->layer);
    if (!e->id || !e->item || !e->layer) return mb_nomem();
    e->n_item = (size_t)st->n_item;
    e->n_layer = (size_t)net->n_weighted;
    for (size_t i = 0; i < e->n_item; i++)
        if (!(e->item[i].name = mb_strdup(st->item[i].name))) return mb_nomem();
    for (size_t k = 0; k < e->n_layer; k++) {
        mb_explain_layer *l = &e->layer[k];
        l->name = mb_strdup(net->layer[net->weighted[k]].name);
        l->engine = mb_strdup(st->plan->assign[k].engine == MB_ANALOG ? "analog" : "digital");
        l->snr_dB = mb_calloc(e->n_item, sizeof *l->snr_dB);
        l->recovered = l->recovered_low = l->recovered_high = (double)NAN;
        if (!l->name || !l->engine || !l->snr_dB) return mb_nomem();
    }
    return MB_OK;
}

static int study_open(mb_study *st) {
    const mb_network *net = st->s->net;
    int rc = mb_study_list(st);
    if (rc) return rc;
    st->n = st->s->keys.samples;
    st->snr_samples = st->n < MB_EXPLAIN_SAMPLES ? st->n : MB_EXPLAIN_SAMPLES;
    st->W = mb_calloc((size_t)net->n_weighted, sizeof *st->W);
    if (!st->W) return mb_nomem();
    for (int k = 0; k < net->n_weighted; k++) {
        const mb_layer *l = &net->layer[net->weighted[k]];
        mb_matmul mm = mb_layer_matmul(l);
        const size_t size = (size_t)mm.K * (size_t)mm.N;
        if (!(st->W[k] = mb_malloc(size * (size_t)mm.groups, sizeof(float)))) return mb_nomem();
        for (int g = 0; g < mm.groups; g++) mb_layer_matrix(l, g, st->W[k] + (size_t)g * size);
    }
    return MB_OK;
}

static void study_close(mb_study *st) {
    for (int k = 0; st->W && k < st->s->net->n_weighted; k++) mb_free(st->W[k]);
    mb_free(st->W);
}

/* One after another: up_to_0 in LAST at the beginning; CURRENT is room; the point itself in ALL at the end. */
static int add_one_by_one(const mb_study *st, uint8_t *last, uint8_t *current, uint8_t *all, bool layers, mb_explanation *e) {
    int rc = MB_OK;
    for (int i = 0; i < st->n_item && !rc; i++) {
        bool on[MB_EXPLAIN_ITEMS] = {false};
        uint8_t *right = i + 1 == st->n_item ? all : current;
        double gain, low, high;
        mb_variant v;
        extra x;
        for (int k = 0; k <= i; k++) on[k] = true;
        rc = mb_variant_new(st, on, &v);
        int open = extra_open(st, i, layers, e->n_layer, &x);
        if (!rc) rc = open;
        if (!rc) rc = measure(st, &v, "explain: adding", right, &x);
        if (!rc) rc = compare(st, last, right, &gain, &low, &high);
        if (!rc) rc = extra_tell(st, &v, &x, right, e);
        extra_close(&x, e->n_layer);
        mb_variant_free(&v);
        if (rc) return rc;
        e->item[i].up_to = accuracy_of(st, right);
        e->item[i].lost = 0 - gain; /* no minus before a zero */
        e->item[i].lost_low = 0 - high;
        e->item[i].lost_high = 0 - low;
        memcpy(last, right, (size_t)(st->T * st->n));
    }
    return rc;
}

/* All but one. There are two at least: inputs and weights. */
static int leave_one_out(const mb_study *st, const uint8_t *all, uint8_t *right, mb_explanation *e) {
    int rc = MB_OK;
    for (int i = 0; i < st->n_item - 1 && !rc; i++) {
        mb_explain_item *it = &e->item[i];
        bool on[MB_EXPLAIN_ITEMS];
        mb_variant v;
        for (int k = 0; k < st->n_item; k++) on[k] = k != i;
        rc = mb_variant_new(st, on, &v);
        if (!rc) rc = measure(st, &v, "explain: leaving out", right, NULL);
        if (!rc) rc = compare(st, all, right, &it->recovered, &it->recovered_low, &it->recovered_high);
        if (!rc) it->without = accuracy_of(st, right);
        mb_variant_free(&v);
    }
    mb_explain_item *last = &e->item[st->n_item - 1]; /* it was added last: the comparison is made already */
    last->without = e->item[st->n_item - 2].up_to;
    last->recovered = last->lost;
    last->recovered_low = last->lost_low;
    last->recovered_high = last->lost_high;
    return rc;
}

int mb_explain_point(mb_setup *s, const mb_profile *prof, const mb_plan *plan, bool layers, const mb_progress *pr,
                     mb_explanation **out) {
    mb_study st = {.s = s, .prof = prof, .plan = plan, .pr = pr};
    mb_explanation *e = NULL;
    uint8_t *none = NULL, *last = NULL, *current = NULL, *all = NULL;
    bool on[MB_EXPLAIN_ITEMS] = {false};
    mb_variant v = {0};
    int rc = study_open(&st);
    *out = NULL;
    for (int i = 0; i < st.n_item; i++) on[i] = true;
    if (!rc) rc = mb_variant_new(&st, on, &v); /* is there chance in it? */
    if (rc) goto out;
    st.T = mb_mapped_deterministic(v.map) ? 1 : s->trials;
    mb_variant_free(&v);
    memset(on, 0, sizeof on);
    memset(&v, 0, sizeof v);
    const size_t size = (size_t)(st.T * st.n);
    none = mb_malloc(size, 1), last = mb_malloc(size, 1), current = mb_malloc(size, 1), all = mb_malloc(size, 1);
    rc = none && last && current && all ? new_explanation(&st, &e) : mb_nomem();
    if (!rc) rc = mb_variant_new(&st, on, &v);
    if (!rc) rc = measure(&st, &v, "explain: float", none, NULL);
    if (rc) goto out;
    memcpy(last, none, size);
    e->layers = layers;
    e->float_accuracy = accuracy_of(&st, none);
    rc = add_one_by_one(&st, last, current, all, layers, e);
    if (!rc) rc = leave_one_out(&st, all, current, e);
    if (!rc) {
        double gain, low, high;
        rc = compare(&st, none, all, &gain, &low, &high);
        e->accuracy = accuracy_of(&st, all);
        e->lost_low = 0 - high;
        e->lost_high = 0 - low;
    }
out:
    mb_variant_free(&v);
    study_close(&st);
    mb_free(none);
    mb_free(last);
    mb_free(current);
    mb_free(all);
    if (rc) mb_explanation_free(e);
    else *out = e;
    return rc;
}
