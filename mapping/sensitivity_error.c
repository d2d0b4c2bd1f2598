/* sensitivity_error.c - noise over signal at a layer's output, from its weights and setting alone
 *
 *     S = |Q(W) - W|^2 / |W|^2  +  (4/3) 4^-input_bits  +  sigma_adc^2 / E[y^2]
 * First term: the crossbar's own quantiser, one scale per output channel (nn/quant.h). Second: rounding of inputs that are half
 * of a normal distribution cut at four sigma, step^2 / 12 over sigma^2. Third, analog layers with converters below B =
 * ceil(log2(rows (2^cell_bits - 1) (2^dac_bits - 1) + 1)) lossless bits, in units of the product of integer codes: sigma_adc^2 =
 * step^2 / 12 x groups of rows x sum_s 4^(cell_bits s) x sum_t 4^(dac_bits t),     step = fill 2^(B - adc_bits), at least 1
 *     E[y^2] = K E[q_w^2] E[q_x^2]
 * Fewer channels (nn/prune.h) add their share of the squared weights: of the dropped filters in all layers that put into the group, of
 * the dropped rows in the layer itself.
 * A proxy: no data, no network behind the layer, no device noise; it orders settings of a layer well and layers among each other
 * only roughly. Every layer counts the same, or with `weighting` by its share of MACs or weights.
 */
#include <math.h>

#include "base/error.h"
#include "base/mem.h"
#include "mapping/sensitivity.h"
#include "nn/quant.h"

typedef struct error_params {
    int rows, weighting;
    double fill;
} error_params;

static const mb_param table[] = {
    MB_INT(error_params, rows, "", "128", 1, 65536, "rows of an array, for settings that read all of them at once"),
    MB_REAL(error_params, fill, "", "0.25", 1e-6, 1, "range of the converters as a share of the largest possible sum"),
    MB_CHOICE(error_params, weighting, "layers|macs|weights", "layers", "what a layer counts: the same, by MACs, by weights"),
    MB_PARAM_END,
};

typedef struct quantised {
    double error, power;
} quantised; /* |dW|^2 / |W|^2, mean square of the codes */

static int quantise(const mb_layer *l, int bits, quantised *out) {
    const mb_matmul mm = mb_layer_matmul(l);
    const size_t n = (size_t)mm.K * (size_t)mm.N;
    float *w = mb_malloc(n, sizeof *w);
    int16_t *q = mb_malloc(n, sizeof *q);
    double *scale = mb_malloc((size_t)mm.N, sizeof *scale), e = 0, s = 0, p = 0;
    int rc = w && q && scale ? MB_OK : mb_nomem();
    for (int g = 0; g < mm.groups && !rc; g++) {
        mb_layer_matrix(l, g, w);
        for (int c = 0; c < mm.N; c++) scale[c] = mb_weight_scale(w, mm.K, mm.N, c, bits, MB_RANGE_MSE, 1);
        mb_weight_quantise(w, mm.K, mm.N, scale, bits, q);
        for (size_t i = 0; i < n; i++) {
            double v = (double)w[i], d = scale[i % (size_t)mm.N] * q[i] - v;
            e += d * d, s += v * v, p += (double)q[i] * q[i];
        }
    }
    *out = (quantised){s == 0 ? 0 : e / s, p / ((double)n * mm.groups)};
    mb_free(w);
    mb_free(q);
    mb_free(scale);
    return rc;
}

static double converter_noise(const error_params *par, const mb_assign *a, const mb_matmul *mm, double power) {
    int rows = a->rows_active > 0 && a->rows_active < par->rows ? a->rows_active : par->rows;
    double active = fmin(mm->K, rows), top = active * ((1 << a->cell_bits) - 1) * ((1 << a->dac_bits) - 1),
           lossless = ceil(log2(top + 1));
    double step = par->fill * exp2(lossless - a->adc_bits), slices = 0, planes = 0;
    if (step <= 1 || a->adc_bits >= lossless) return 0;
    int magnitude = a->scheme == 0 ? (a->weight_bits > 1 ? a->weight_bits - 1 : 1) : a->weight_bits;
    for (int b = 0; b < magnitude; b += a->cell_bits) slices += exp2(2 * b);
    for (int b = 0; b < a->input_bits; b += a->dac_bits) planes += exp2(2 * b);
    double x = (exp2(a->input_bits) - 1) / 4, signal = mm->K * power * x * x; /* sigma of inputs cut at four sigma */
    return signal > 0 ? step * step / 12 * ceil(mm->K / active) * slices * planes / signal : 0;
}

/* What setting A of layer I drops. */
static int dropped(const mb_pruner *p, int i, const mb_assign *a, double *out) {
    const mb_couplings *c = p->couplings;
    const int g = c->group[i];
    double rows = 0;
    *out = 0;
    int rc = a->keep_outputs && g >= 0 ? mb_prune_lost(p->score[g], c->channels[g], a->keep_outputs, out) : MB_OK;
    if (!rc) rc = mb_prune_lost(p->row_score[i], c->in_channels[i], a->keep_inputs, &rows);
    *out += rows;
    return rc;
}

static int layers(const error_params *par, mb_oracle *o, const mb_space *space, const mb_pruner *pruner, mb_sensitivity *out) {
    double all = 0;
    for (int i = 0; i < space->n; i++) {
        const mb_layer *l = &o->net->layer[o->net->weighted[i]];
        all += par->weighting == 1 ? (double)mb_layer_macs(l) : (double)mb_layer_params(l);
    }
    for (int i = 0; i < space->n; i++) {
        const mb_layer *l = &o->net->layer[o->net->weighted[i]];
        const mb_matmul mm = mb_layer_matmul(l);
        double share = par->weighting == 0 || !(all > 0)
                           ? 1
                           : (par->weighting == 1 ? (double)mb_layer_macs(l) : (double)mb_layer_params(l)) / all * space->n;
        quantised known[9];
        bool have[9] = {false};
        if (!l->weight)
            return mb_fail(MB_BADINPUT, "layer %s has no weights (a network of shapes only): this sensitivity needs them",
                           l->name);
        for (int j = 0; j < space->m[i]; j++) {
            const mb_assign *a = &space->choice[i][j];
            if (!have[a->weight_bits]) {
                int rc = quantise(l, a->weight_bits, &known[a->weight_bits]);
                if (rc) return rc;
                have[a->weight_bits] = true;
            }
            const quantised *q = &known[a->weight_bits];
            double s = q->error + 4.0 / 3 * exp2(-2 * a->input_bits);
            if (a->engine == MB_ANALOG) s += converter_noise(par, a, &mm, q->power);
            double less = 0;
            int rc = pruner ? dropped(pruner, i, a, &less) : MB_OK;
            if (rc) return rc;
            out->value[i][j] = share * (s + less);
        }
        if (o->progress && o->progress(o->ctx, "sensitivity: quantisation error", i + 1, space->n))
            return mb_fail(MB_INTERRUPTED, "stopped");
    }
    return MB_OK;
}

static int evaluate(const void *params, mb_oracle *o, const mb_space *space, uint64_t seed, mb_sensitivity *out) {
    mb_pruner *pruner = NULL;
    bool prunes = false;
    (void)seed;
    for (int i = 0; i < space->n; i++)
        for (int j = 0; j < space->m[i]; j++) prunes = prunes || space->choice[i][j].keep_outputs || space->choice[i][j].keep_inputs;
    int rc = prunes ? mb_pruner_new(o->net, &pruner) : MB_OK;
    if (!rc) rc = layers(params, o, space, pruner, out);
    mb_pruner_free(pruner);
    return rc;
}

const mb_sensitivity_type mb_sensitivity_error = {
    .name = "error",
    .summary = "quantisation and converter noise over signal, from weights and setting",
    .reference = "second-order noise budget, doc/mapping.md; Bennett, Bell Syst. Tech. J. 27 (1948) 446, "
                 "doi:10.1002/j.1538-7305.1948.tb01340.x",
    .params = table,
    .size = sizeof(error_params),
    .evaluate = evaluate,
    .prunes = true,
};
