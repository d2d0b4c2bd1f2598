/* sensitivity_alps.c - what the network loses when a layer is lowered and may learn for one epoch (ALPS)
 *
 * The network is trained for one epoch with every layer at its most bits, and for each layer once more with that layer lowered:
 *     S(low) = metric(layer lowered) - metric(all at their most bits),   on the training samples, after the epoch
 * which is the published gain with its sign turned: a knapsack that minimises S keeps what gains most. Lowered is both the
 * weights and the inputs, as published (4 to 2 bits). With `settings = "lowest"` one training per layer is all; what lies
 * between takes the share of S that its errors have between those of the ends, weights and inputs of mapping/errors.h in power.
 * `settings = "all"` trains every pair of bits that the menu has. Converters, which training does not know, add what errors of
 * their power add between the ends; in layers that lost nothing, or have no ends, at the mean price of all. Reference: Bablani, McKinstry, Esser, Appuswamy, Modha, 2023, arXiv:2301.13330.
 */
#include <math.h>

#include "base/error.h"
#include "base/mem.h"
#include "mapping/errors.h"
#include "mapping/sensitivity.h"

typedef struct alps_params {
    int epochs, metric, settings, others, rows;
    double time_s, fill;
} alps_params;

static const mb_param table[] = {
    MB_INT(alps_params, epochs, "", "1", 1, 1000, "of each training"),
    MB_CHOICE(alps_params, metric, "loss|accuracy", "loss", "of the training samples after the last epoch"),
    MB_CHOICE(alps_params, settings, "lowest|all", "lowest",
              "train each layer at its least bits and interpolate, or at every pair of bits"),
    MB_REAL(alps_params, time_s, "s", "0", 0, HUGE_VAL,
            "layers that are not reached in this time are kept (with a warning); 0: no limit. With a limit results depend on the machine"),
    MB_OTHERS_ROW(alps_params),
    MB_ERROR_ROWS(alps_params),
    MB_PARAM_END,
};

typedef struct alps_job {
    const alps_params *par;
    mb_oracle *o;
    const mb_space *space;
    mb_plan *plan;      /* all at their most bits */
    double *price; /* [layers] S per error, 0: it lost nothing, or was not trained */
    double base, start;
    double each; /* sum of the prices of layers that were trained */
    int layers, gaining; /* layers that were trained; those that were better at their least bits */
} alps_job;

static bool same_bits(const mb_assign *a, const mb_assign *b) {
    return a->weight_bits == b->weight_bits && a->input_bits == b->input_bits;
}

/* Choices of the layer with the most and the fewest bits: weights count first. */
static void ends(const mb_space *s, int layer, int *most, int *least) {
    const mb_assign *a = s->choice[layer];
    *most = *least = 0;
    for (int j = 1; j < s->m[layer]; j++) {
        int at = a[j].weight_bits * 16 + a[j].input_bits;
        if (at > a[*most].weight_bits * 16 + a[*most].input_bits) *most = j;
        if (at < a[*least].weight_bits * 16 + a[*least].input_bits) *least = j;
    }
}

static int measure(alps_job *j, double *metric) {
    mb_loss l = {0};
    int rc = j->o->trained(j->o->ctx, j->plan, j->par->epochs, &l);
    if (rc) return rc;
    *metric = j->par->metric == 0 ? l.loss : -l.accuracy;
    j->o->n_measured++;
    return isfinite(*metric) ? MB_OK : mb_fail(MB_NUMERIC, "the loss after training is not a finite number");
}

/* S of layer I at the bits of A. */
static int lowered(alps_job *j, int i, const mb_assign *a, double *value) {
    mb_assign before = j->plan->assign[i];
    double metric = 0;
    j->plan->assign[i] = *a;
    int rc = measure(j, &metric);
    j->plan->assign[i] = before;
    *value = metric - j->base;
    return rc ? mb_context(rc, "layer %s at %d-bit weights and %d-bit inputs", j->space->plan->layer[i], a->weight_bits,
                           a->input_bits)
              : MB_OK;
}

static int layer_values(alps_job *j, int i, double *value) {
    const mb_assign *a = j->space->choice[i];
    const mb_layer *l = &j->o->net->layer[j->o->net->weighted[i]];
    int most, least;
    double low;
    mb_error_model model;
    mb_errors e, from, to;
    ends(j->space, i, &most, &least);
    if (same_bits(&a[most], &a[least])) return MB_OK;
    int rc = lowered(j, i, &a[least], &low);
    if (!rc) rc = mb_error_model_init(&model, l, j->par->rows, j->par->fill);
    if (!rc) rc = mb_errors_of(&model, &a[most], &from);
    if (!rc) rc = mb_errors_of(&model, &a[least], &to);
    if (rc) return rc;
    const double n0 = from.weight + from.input, spread = to.weight + to.input - n0, each = spread > 0 ? low / spread : 0;
    j->price[i] = fmax(each, 0);
    j->each += j->price[i], j->layers++;
    j->gaining += low < 0;
    for (int c = 0; c < j->space->m[i] && !rc; c++) {
        int again = 0;
        rc = mb_errors_of(&model, &a[c], &e);
        if (rc) break;
        while (again < c && !same_bits(&a[again], &a[c])) again++;
        if (same_bits(&a[c], &a[most])) value[c] = 0;
        else if (same_bits(&a[c], &a[least])) value[c] = low;
        else if (j->par->settings == 0) value[c] = each * (e.weight + e.input - n0);
        else if (again < c) value[c] = value[again];
        else rc = lowered(j, i, &a[c], &value[c]);
    }
    return rc;
}

/* What the converters of layer I add. Where its own price is 0 their errors count at the mean of all, or the coarsest would be free. */
static int add_converters(const alps_job *j, int i, double *value) {
    const mb_assign *a = j->space->choice[i];
    const double price = j->price[i] > 0 ? j->price[i] : j->layers ? j->each / j->layers : 0;
    mb_error_model model;
    if (j->par->others != 0) return MB_OK;
    int rc = mb_error_model_init(&model, &j->o->net->layer[j->o->net->weighted[i]], j->par->rows, j->par->fill);
    for (int c = 0; c < j->space->m[i] && !rc; c++) {
        mb_errors e;
        rc = mb_errors_of(&model, &a[c], &e);
        if (!rc) value[c] += price * e.converter;
    }
    return rc;
}

/* A layer that was not reached counts like the dearest that was. */
static void keep_rest(const alps_job *j, int first, mb_sensitivity *out) {
    double dearest = 0;
    for (int i = 0; i < first; i++)
        for (int c = 0; c < j->space->m[i]; c++) dearest = fmax(dearest, out->value[i][c]);
    for (int i = first; i < j->space->n; i++) {
        int most, least;
        ends(j->space, i, &most, &least);
        for (int c = 0; c < j->space->m[i]; c++)
            if (!same_bits(&j->space->choice[i][c], &j->space->choice[i][most])) out->value[i][c] = dearest;
    }
    mb_warn("ALPS: time_s = %g s was over after %d of %d layers; the others count like the dearest of these", j->par->time_s,
            first, j->space->n);
}

static int evaluate(const void *params, mb_oracle *o, const mb_space *space, uint64_t seed, mb_sensitivity *out) {
    alps_job j = {.par = params, .o = o, .space = space};
    (void)seed;
    if (!o->trained) return mb_fail(MB_BADINPUT, "this sensitivity trains the network, which this run cannot");
    int rc = mb_plan_clone(space->plan, &j.plan);
    if (!rc && !(j.price = mb_calloc((size_t)space->n, sizeof *j.price))) rc = mb_nomem();
    for (int i = 0; i < space->n && !rc; i++) {
        int most, least;
        ends(space, i, &most, &least);
        j.plan->assign[i] = space->choice[i][most];
    }
    j.start = o->now ? o->now(o->ctx) : 0;
    if (!rc) rc = measure(&j, &j.base);
    for (int i = 0; i < space->n && !rc; i++) {
        if (j.par->time_s > 0 && o->now && o->now(o->ctx) - j.start > j.par->time_s) {
            keep_rest(&j, i, out);
            break;
        }
        rc = layer_values(&j, i, out->value[i]);
        if (!rc && o->progress && o->progress(o->ctx, "sensitivity: one epoch per layer", i + 1, space->n))
            rc = mb_fail(MB_INTERRUPTED, "stopped");
    }
    if (!rc && 2 * j.gaining > j.layers)
        mb_warn("ALPS: %d of %d layers are better at their least bits than all layers at their most: the training of these may not have settled (train.rate, map.sensitivity_options.epochs)",
                j.gaining, j.layers);
    for (int i = 0; i < space->n && !rc; i++) rc = add_converters(&j, i, out->value[i]);
    mb_free(j.price);
    mb_plan_free(j.plan);
    return rc;
}

const mb_sensitivity_type mb_sensitivity_alps = {
    .name = "alps",
    .summary = "loss after one epoch of training with the layer lowered (ALPS)",
    .reference = "Bablani, McKinstry, Esser, Appuswamy, Modha, 2023, arXiv:2301.13330",
    .params = table,
    .size = sizeof(alps_params),
    .trains = true,
    .evaluate = evaluate,
};
