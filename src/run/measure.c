/* measure.c - measured sensitivities: equations and the order of work in run/measure.h
 *
 * Who may call: providers of sensitivities, the command line. The parallel loop over blocks of samples is mb_sim_run's.
 */
#include "run/measure.h"

#include <math.h>
#include <string.h>

#include "base/error.h"
#include "base/mem.h"
#include "mapping/keep.h"
#include "nn/prune.h"
#include "run/prune.h"

#define DEFAULT_MEMORY (512.0 * 1024 * 1024)
#define BYTES_PER_CELL 6.0 /* conductances and variances of a programmed array */

/* One programming of some settings, read on all samples. */
typedef struct study {
    const mb_setup *s;
    const mb_assign *setting;    /* [n] */
    const mb_pruner *pruner;     /* NULL: no setting drops channels */
    bool **drop[2];              /* [layers * n] channels that a setting drops: of the layer's group, of its inputs; NULL: none */
    const bool *use;             /* [layers][n] */
    int n, first, count;         /* settings; those of the chunk */
    int64_t samples;
    uint32_t trial;
    mb_mapped *reference;
    mb_mapped **map;             /* [count] */
    int64_t *base;               /* [samples] loss of the reference */
    int64_t *increase[2];        /* [layers][count][samples] of this draw, in units of losses: of the loss, and the divergence */
} study;

/* --- one block of samples, by one thread --------------------------------------------------------------------------- */

typedef struct context {
    study *st;
    mb_exec *exec;
    mb_layer_runner *vary, *rest;
    float *ref, *out;            /* outputs of the reference, of a setting */
    float *in;                   /* inputs of a layer without the channels that are dropped */
    const bool *group_drop, *row_drop;
    int group;                   /* whose readers do without */
} context;

/* X without the channels DROP: their means, or 0, as a network that is pruned has it (nn/prune.h). */
static const float *without(context *c, const mb_network *net, int m, int n, const float *x, const bool *drop) {
    const mb_pruner *p = c->st->pruner;
    const mb_window *w = &net->layer[net->weighted[m]].win;
    const size_t places = (size_t)w->ih * (size_t)w->iw, unit = (size_t)w->cin / (size_t)p->couplings->in_channels[m];
    for (size_t i = 0; i < (size_t)n * (size_t)w->cin; i++) {
        const size_t ch = i % (size_t)w->cin;
        const float mean = p->mean ? p->mean[m][ch] : 0;
        for (size_t k = i * places; k < (i + 1) * places; k++) c->in[k] = drop[ch / unit] ? mean : x[k];
    }
    return c->in;
}

/* Weighted layers of what is pruned: the varied one, and those behind it. */
static int vary_layer(void *p, const mb_network *net, int m, int n, const float *x, float *y) {
    context *c = p;
    if (c->row_drop) x = without(c, net, m, n, x, c->row_drop);
    return mb_layer_runner_run(c->vary, net, m, n, x, y);
}

static int rest_layer(void *p, const mb_network *net, int m, int n, const float *x, float *y) {
    context *c = p;
    if (c->group_drop && c->st->pruner->couplings->in_group[m] == c->group && !c->st->pruner->couplings->follows[m])
        x = without(c, net, m, n, x, c->group_drop);
    return mb_layer_runner_run(c->rest, net, m, n, x, y);
}

static void context_close(void *p) {
    context *c = p;
    if (!c) return;
    mb_exec_free(c->exec);
    mb_layer_runner_free(c->vary);
    mb_layer_runner_free(c->rest);
    mb_free(c->ref);
    mb_free(c->out);
    mb_free(c->in);
    mb_free(c);
}

static int context_open(void *p, void **out) {
    study *st = p;
    const mb_network *net = st->s->net;
    context *c = mb_calloc(1, sizeof *c);
    if (!c) return mb_nomem();
    *out = c;
    c->st = st;
    c->out = mb_malloc(MB_SIM_BLOCK * mb_shape_count(&net->layer[net->output].shape), sizeof *c->out);
    c->ref = mb_malloc(MB_SIM_BLOCK * mb_shape_count(&net->layer[net->output].shape), sizeof *c->ref);
    size_t widest = 1;
    for (int i = 0; i < net->n_layers && st->pruner; i++) widest = mb_shape_count(&net->layer[i].shape) > widest ? mb_shape_count(&net->layer[i].shape) : widest;
    c->in = mb_malloc(MB_SIM_BLOCK * widest, sizeof *c->in);
    int rc = c->ref && c->out && c->in ? mb_exec_new_kept(net, MB_SIM_BLOCK, &c->exec) : mb_nomem();
    if (!rc) rc = mb_layer_runner_new(net, &c->vary);
    if (!rc) rc = mb_layer_runner_new(net, &c->rest);
    return rc;
}

/* Divergence of softmax(Y) from softmax(X) in units of losses, at most what a loss can be. */
int64_t mb_divergence_units(const float *x, const float *y, size_t n) {
    double top[2] = {(double)x[0], (double)y[0]}, sum[2] = {0, 0}, kl = 0;
    for (size_t i = 1; i < n; i++) top[0] = fmax(top[0], (double)x[i]), top[1] = fmax(top[1], (double)y[i]);
    for (size_t i = 0; i < n; i++) sum[0] += exp((double)x[i] - top[0]), sum[1] += exp((double)y[i] - top[1]);
    const double log_ratio = log(sum[1] / sum[0]) + top[1] - top[0];
    for (size_t i = 0; i < n; i++) kl += exp((double)x[i] - top[0]) / sum[0] * ((double)x[i] - (double)y[i] + log_ratio);
    if (!(kl < 2048)) kl = 2048;
    return kl > 0 ? (int64_t)llround(kl / MB_LOSS_UNIT) : 0;
}

/* Increases of N samples from FIRST of the block, at AT in both tables. */
static void increases(const context *c, int64_t first, int n, size_t at) {
    const study *st = c->st;
    const mb_network *net = st->s->net;
    const size_t classes = mb_shape_count(&net->layer[net->output].shape);
    for (size_t i = 0; i < (size_t)n; i++) {
        const size_t s = (size_t)first + i;
        const float *y = c->out + i * classes;
        st->increase[0][at + s] = mb_loss_units(y, classes, st->s->calib->label[s]) - st->base[s];
        st->increase[1][at + s] = mb_divergence_units(c->ref + i * classes, y, classes);
    }
}

static int context_block(void *p, int64_t first, int n, const float *x) {
    context *c = p;
    study *st = c->st;
    const mb_network *net = st->s->net;
    mb_layer_runner_set(c->rest, st->reference, false, 0, first);
    int rc = mb_exec_run(c->exec, n, x, c->ref, mb_layer_runner_run, c->rest, NULL, NULL);
    if (rc) return rc;
    const size_t classes = mb_shape_count(&net->layer[net->output].shape);
    for (int i = 0; i < n; i++)
        st->base[first + i] = mb_loss_units(c->ref + (size_t)i * classes, classes, st->s->calib->label[first + i]);
    for (int k = net->n_weighted - 1; k >= 0; k--)
        for (int i = 0; i < st->count; i++) {
            if (!st->use[(size_t)k * (size_t)st->n + (size_t)(st->first + i)]) continue;
            mb_layer_runner_set(c->vary, st->map[i], true, st->trial, first);
            const size_t at = (size_t)k * (size_t)st->n + (size_t)(st->first + i);
            c->group_drop = st->pruner ? st->drop[0][at] : NULL;
            c->row_drop = st->pruner ? st->drop[1][at] : NULL;
            c->group = st->pruner ? st->pruner->couplings->group[k] : -1;
            rc = mb_exec_vary(c->exec, n, net->weighted[k], vary_layer, c, rest_layer, c, c->out);
            if (rc) return rc;
            increases(c, first, n, ((size_t)k * (size_t)st->count + (size_t)i) * (size_t)st->samples);
        }
    return MB_OK;
}

/* --- sums over samples and draws ------------------------------------------------------------------------------------ */

typedef struct sums {
    int64_t *sample;             /* [layers][count][samples]: over draws */
    int64_t *draw;               /* [layers][count][trials]: over samples */
} sums;

static void add_draw(const study *st, const int64_t *increase, int trial, int trials, const sums *t) {
    for (size_t a = 0; a < (size_t)st->s->net->n_weighted * (size_t)st->count; a++) {
        int64_t total = 0;
        for (size_t i = 0; i < (size_t)st->samples; i++) {
            const int64_t d = increase[a * (size_t)st->samples + i];
            t->sample[a * (size_t)st->samples + i] += d;
            total += d;
        }
        t->draw[a * (size_t)trials + (size_t)trial] = total;
    }
}

/* Mean, and variance of the mean, of N integers. */
static double moments(const int64_t *v, int64_t n, double *mean) {
    double sum = 0, square = 0;
    for (int64_t i = 0; i < n; i++) sum += (double)v[i];
    *mean = sum / (double)n;
    for (int64_t i = 0; i < n; i++) square += ((double)v[i] - *mean) * ((double)v[i] - *mean);
    return n > 1 ? square / (double)(n - 1) / (double)n : 0;
}

static void finish(const study *st, int trials, const sums *t, double *to_mean, double *to_se) {
    const double unit = MB_LOSS_UNIT / trials, per_sample = MB_LOSS_UNIT / (double)st->samples;
    for (int k = 0; k < st->s->net->n_weighted; k++)
        for (int i = 0; i < st->count; i++) {
            const size_t to = (size_t)k * (size_t)st->n + (size_t)(st->first + i), a = (size_t)k * (size_t)st->count + (size_t)i;
            double mean, unused;
            if (!st->use[to]) continue;
            const double samples = moments(t->sample + a * (size_t)st->samples, st->samples, &mean) * unit * unit;
            const double draws = moments(t->draw + a * (size_t)trials, trials, &unused) * per_sample * per_sample;
            to_mean[to] = mean * unit;
            to_se[to] = sqrt(samples + draws);
        }
}

/* --- settings in chunks ---------------------------------------------------------------------------------------------- */

/* The plan that has setting C where it is asked for and exact integers elsewhere. */
static int plan_of(const study *st, const mb_assign *reference, const mb_assign *setting, int c, mb_plan **plan) {
    int rc = mb_plan_new(st->s->net, reference, plan);
    for (int k = 0; !rc && k < st->s->net->n_weighted; k++)
        if (c >= 0 && st->use[(size_t)k * (size_t)st->n + (size_t)c]) (*plan)->assign[k] = setting[c];
    for (int k = 0; !rc && k < st->s->net->n_weighted; k++) (*plan)->assign[k].keep_outputs = (*plan)->assign[k].keep_inputs = 0;
    return rc;
}

static int map_setting(const study *st, const mb_profile *prof, const mb_assign *reference, const mb_assign *setting, int c,
                       mb_mapped **map) {
    mb_plan *plan = NULL;
    int rc = plan_of(st, reference, setting, c, &plan);
    if (!rc) rc = mb_mapped_new(st->s, prof, plan, map);
    mb_plan_free(plan);
    return rc;
}

/* All draws of the settings [first, first + count). */
static int run_chunk(study *st, const mb_profile *prof, const mb_assign *reference, const mb_assign *setting, uint32_t first_trial, int trials,
                     const mb_progress *pr, mb_measured *out) {
    const size_t pairs = (size_t)out->n_layers * (size_t)st->count, each = (size_t)st->samples;
    sums t[2] = {{NULL, NULL}, {NULL, NULL}};
    st->map = mb_calloc((size_t)st->count, sizeof(mb_mapped *));
    int rc = st->map ? MB_OK : mb_nomem();
    for (int v = 0; v < 2; v++) {
        t[v].sample = mb_calloc(pairs, each * sizeof(int64_t));
        t[v].draw = mb_calloc(pairs, (size_t)trials * sizeof(int64_t));
        st->increase[v] = mb_calloc(pairs, each * sizeof(int64_t));
        if (!rc && (!t[v].sample || !t[v].draw || !st->increase[v])) rc = mb_nomem();
    }
    for (int i = 0; i < st->count && !rc; i++) rc = map_setting(st, prof, reference, setting, st->first + i, &st->map[i]);
    for (int trial = 0; trial < trials && !rc; trial++) {
        st->trial = first_trial + (uint32_t)trial;
        for (int i = 0; i < st->count && !rc; i++) rc = mb_mapped_program(st->map[i], st->trial, pr);
        mb_sim_job job = {.net = st->s->net,
                          .data = st->s->calib,
                          .samples = st->samples,
                          .what = "measure sensitivities",
                          .progress = pr,
                          .shared = st,
                          .open = context_open,
                          .close = context_close,
                          .block = context_block};
        if (!rc) rc = mb_sim_run(&job);
        for (int v = 0; v < 2 && !rc; v++) add_draw(st, st->increase[v], trial, trials, &t[v]);
    }
    if (!rc) finish(st, trials, &t[0], out->mean, out->se);
    if (!rc) finish(st, trials, &t[1], out->kl, out->kl_se);
    for (int i = 0; st->map && i < st->count; i++) mb_mapped_free(st->map[i]);
    mb_free(st->map);
    for (int v = 0; v < 2; v++) {
        mb_free(st->increase[v]);
        mb_free(t[v].sample);
        mb_free(t[v].draw);
    }
    return rc;
}

/* Memory of setting C on the layers that use it. */
static double bytes_of(const study *st, const mb_assign *a, int c) {
    const mb_network *net = st->s->net;
    double bytes = 0;
    for (int k = 0; k < net->n_weighted; k++) {
        const double weights = (double)net->layer[net->weighted[k]].n_weight;
        bytes += 2 * weights;
        if (a->engine == MB_ANALOG && st->use[(size_t)k * (size_t)st->n + (size_t)c])
            bytes += 2 * BYTES_PER_CELL * weights * ceil((double)a->weight_bits / a->cell_bits);
    }
    return bytes;
}

static bool same_arrays(const mb_assign *a, const mb_assign *b) {
    mb_assign x = *a;
    x.copies = b->copies;
    return !memcmp(&x, b, sizeof x);
}

/* Settings that differ in their copies only compute the same: the first of them is measured for all. */
static void join_use(const mb_assign *setting, int n, int layers, int *first, bool *use) {
    for (int c = 0; c < n; c++) {
        first[c] = c;
        for (int b = 0; b < c && first[c] == c; b++)
            if (first[b] == b && same_arrays(&setting[b], &setting[c])) first[c] = b;
        for (int k = 0; k < layers && first[c] != c; k++)
            if (use[(size_t)k * (size_t)n + (size_t)c]) use[(size_t)k * (size_t)n + (size_t)first[c]] = true;
    }
}

static void share_results(const int *first, const bool *asked, const mb_measured *m, double *v) {
    for (int k = 0; k < m->n_layers; k++)
        for (int c = m->n_settings - 1; c >= 0; c--) { /* the first of each kind comes last */
            const size_t row = (size_t)k * (size_t)m->n_settings;
            v[row + (size_t)c] = asked[row + (size_t)c] ? v[row + (size_t)first[c]] : (double)NAN;
        }
}

void mb_measured_free(mb_measured *m) {
    if (!m) return;
    mb_free(m->mean);
    mb_free(m->se);
    mb_free(m->kl);
    mb_free(m->kl_se);
    mb_free(m);
}

static int measured_new(int layers, int n, int trials, int64_t samples, mb_measured **out) {
    const size_t size = (size_t)layers * (size_t)n;
    mb_measured *m = mb_calloc(1, sizeof *m);
    if (!m) return mb_nomem();
    *m = (mb_measured){.n_layers = layers, .n_settings = n, .trials = trials, .samples = samples};
    double **v[] = {&m->mean, &m->se, &m->kl, &m->kl_se};
    for (int k = 0; k < 4; k++) {
        if (!(*v[k] = mb_malloc(size, sizeof(double)))) {
            mb_measured_free(m);
            return mb_nomem();
        }
        for (size_t i = 0; i < size; i++) (*v[k])[i] = (double)NAN;
    }
    *out = m;
    return MB_OK;
}

/* TRIALS, or 1 when nothing is drawn: one layer on arrays tells, as all have the same cell and converter. */
static int draws_needed(const study *st, const mb_profile *prof, const mb_assign *reference, const mb_assign *setting, int trials,
                        int *out) {
    const size_t size = (size_t)st->s->net->n_weighted * (size_t)st->n;
    size_t i = 0;
    mb_mapped *m = NULL;
    while (i < size && !(st->use[i] && setting[i % (size_t)st->n].engine == MB_ANALOG)) i++;
    *out = 1;
    if (i == size || trials < 2) return MB_OK;
    int rc = map_setting(st, prof, reference, setting, (int)(i % (size_t)st->n), &m);
    if (!rc && !mb_mapped_deterministic(m)) *out = trials;
    mb_mapped_free(m);
    return rc;
}

/* Which channels each setting drops where it is asked for. */
static int find_drops(study *st, mb_setup *s, const mb_progress *pr) {
    const size_t size = (size_t)s->net->n_weighted * (size_t)st->n;
    bool prunes = false;
    for (int c = 0; c < st->n; c++) prunes = prunes || st->setting[c].keep_outputs || st->setting[c].keep_inputs;
    if (!prunes) return MB_OK;
    int rc = mb_pruned_ranks(s, pr, &st->pruner);
    for (int kind = 0; kind < 2 && !rc; kind++)
        if (!(st->drop[kind] = mb_calloc(size, sizeof(bool *)))) rc = mb_nomem();
    const mb_couplings *k = rc ? NULL : st->pruner->couplings;
    for (size_t i = 0; i < size && !rc; i++) {
        const mb_assign *a = &st->setting[i % (size_t)st->n];
        const int m = (int)(i / (size_t)st->n), g = k->group[m];
        if (!st->use[i]) continue;
        const int all[2] = {g >= 0 ? k->channels[g] : 0, k->in_channels[m]}, keep[2] = {a->keep_outputs, a->keep_inputs};
        const double *score[2] = {g >= 0 ? st->pruner->score[g] : NULL, st->pruner->row_score[m]};
        for (int kind = 0; kind < 2 && !rc; kind++)
            if (keep[kind] && keep[kind] < all[kind]) rc = mb_prune_dropped(score[kind], all[kind], keep[kind], &st->drop[kind][i]);
    }
    return rc;
}

static void free_drops(study *st) {
    for (int kind = 0; kind < 2; kind++) {
        for (size_t i = 0; st->drop[kind] && i < (size_t)st->s->net->n_weighted * (size_t)st->n; i++) mb_free(st->drop[kind][i]);
        mb_free(st->drop[kind]);
    }
}

int mb_measure(const mb_setup *s, const mb_profile *prof, const mb_assign *setting, int n, const bool *asked,
               const mb_measure_options *o, const mb_progress *pr, mb_measured **out) {
    if (!s->calib) return mb_fail(MB_BADINPUT, "measured sensitivities need a dataset");
    if (n < 1) return mb_fail(MB_BADINPUT, "measured sensitivities need a setting");
    mb_setup own = *s;
    const int layers = s->net->n_weighted;
    const size_t size = (size_t)layers * (size_t)n;
    study st = {.s = &own, .setting = setting, .n = n, .samples = o->samples && o->samples < s->cal.samples ? o->samples : s->cal.samples};
    mb_assign reference = setting[0];
    mb_measured *m = NULL;
    int trials = 1, *first = mb_malloc((size_t)n, sizeof *first), rc;
    bool *use = mb_malloc(size, sizeof *use), *all = mb_malloc(size, sizeof *all);
    const double room = o->memory > 0 ? o->memory : DEFAULT_MEMORY;
    if (o->stress > 0) own.stress = o->stress == 1 ? 0 : o->stress; /* 1: untouched, to the last bit */
    else own.ideal |= MB_IDEAL_CELLS | MB_IDEAL_READ;
    st.base = mb_malloc((size_t)st.samples, sizeof *st.base);
    rc = first && use && all && st.base ? measured_new(layers, n, 1, st.samples, &m) : mb_nomem();
    if (rc) goto out;
    for (size_t i = 0; i < size; i++) use[i] = all[i] = asked ? asked[i] : true;
    st.use = use;
    join_use(setting, n, layers, first, use);
    for (size_t i = 0; i < size; i++)
        if (first[i % (size_t)n] != (int)(i % (size_t)n)) use[i] = false;
    for (int c = 0; c < n; c++) {
        reference.weight_bits = setting[c].weight_bits > reference.weight_bits ? setting[c].weight_bits : reference.weight_bits;
        reference.input_bits = setting[c].input_bits > reference.input_bits ? setting[c].input_bits : reference.input_bits;
    }
    if (o->weight_bits) reference.weight_bits = o->weight_bits;
    if (o->input_bits) reference.input_bits = o->input_bits;
    reference.engine = MB_DIGITAL;
    reference.dac_bits = 1;
    reference.skip_slices = 0;
    reference.keep_outputs = reference.keep_inputs = 0;
    if ((rc = find_drops(&st, &own, pr))) goto out;
    if ((rc = map_setting(&st, prof, &reference, setting, -1, &st.reference))) goto out;
    if ((rc = draws_needed(&st, prof, &reference, setting, o->trials, &trials))) goto out;
    m->trials = trials;
    for (st.first = 0; st.first < n && !rc; st.first += st.count) {
        double used = 0;
        for (st.count = 0; st.first + st.count < n; st.count++) {
            used += bytes_of(&st, &setting[st.first + st.count], st.first + st.count);
            if (used > room && st.count > 0) break;
        }
        rc = run_chunk(&st, prof, &reference, setting, o->first_trial, trials, pr, m);
    }
    if (rc) goto out;
    double base;
    moments(st.base, st.samples, &base);
    m->reference = base * MB_LOSS_UNIT;
    double *const results[] = {m->mean, m->se, m->kl, m->kl_se};
    for (int k = 0; k < 4; k++) share_results(first, all, m, results[k]);
out:
    free_drops(&st);
    mb_mapped_free(st.reference);
    mb_free(st.base);
    mb_free(first);
    mb_free(use);
    mb_free(all);
    if (rc) mb_measured_free(m);
    else *out = m;
    return rc;
}
