/* sensitivity_kl.c - divergence of the class probabilities when a layer is quantised (ZeroQ)
 *
 *     S = KL(weights at their bits, inputs at the most)  +  KL(weights at the most, inputs at their bits)
 * of the layer alone, as exact integers, from all layers at the most bits; no labels are needed. Published on distilled data, here on the calibration samples.
 * Converters, which the method does not know, are referred to what it knows: S (1 + converter / (weight + input)), errors of mapping/errors.h.
 * Reference: Y. Cai et al., ZeroQ, CVPR 2020, arXiv:2001.00281.
 */
#include <math.h>

#include "base/error.h"
#include "base/mem.h"
#include "mapping/errors.h"
#include "mapping/sensitivity.h"

typedef struct kl_params {
    int samples, others, rows;
    double fill;
} kl_params;

static const mb_param table[] = {
    MB_INT(kl_params, samples, "", "0", 0, 1000000, "calibration samples; 0: all that the experiment takes"),
    MB_OTHERS_ROW(kl_params),
    MB_ERROR_ROWS(kl_params),
    MB_PARAM_END,
};

enum { WIDTHS = 8 };

static int fill(const kl_params *par, mb_oracle *o, const mb_space *space, const mb_measurement *m, mb_sensitivity *out) {
    for (int i = 0; i < space->n; i++) {
        mb_error_model model;
        int rc = mb_error_model_init(&model, &o->net->layer[o->net->weighted[i]], par->rows, par->fill);
        for (int j = 0; j < space->m[i] && !rc; j++) {
            const mb_assign *a = &space->choice[i][j];
            const mb_measurement *w = &m[i * 2 * WIDTHS + a->weight_bits - 1], *x = &m[i * 2 * WIDTHS + WIDTHS + a->input_bits - 1];
            mb_errors e = {1, 0, 0};
            if (par->others == 0) rc = mb_errors_of(&model, a, &e);
            const double factor = 1 + (e.weight + e.input > 0 ? e.converter / (e.weight + e.input) : 0);
            out->value[i][j] = factor * (w->kl + x->kl);
            out->half_width[i][j] = factor * 1.96 * hypot(w->kl_se, x->kl_se);
        }
        if (rc) return rc;
    }
    return MB_OK;
}

static int evaluate(const void *params, mb_oracle *o, const mb_space *space, uint64_t seed, mb_sensitivity *out) {
    const kl_params *par = params;
    mb_assign setting[2 * WIDTHS];
    const size_t total = (size_t)space->n * 2 * WIDTHS;
    bool *use = mb_calloc(total, sizeof *use);
    mb_measurement *m = mb_calloc(total, sizeof *m);
    int rc = use && m ? MB_OK : mb_nomem(), top[2] = {1, 1};
    (void)seed;
    for (int i = 0; i < space->n && !rc; i++)
        for (int j = 0; j < space->m[i]; j++) {
            const mb_assign *a = &space->choice[i][j];
            use[i * 2 * WIDTHS + a->weight_bits - 1] = use[i * 2 * WIDTHS + WIDTHS + a->input_bits - 1] = true;
            top[0] = a->weight_bits > top[0] ? a->weight_bits : top[0];
            top[1] = a->input_bits > top[1] ? a->input_bits : top[1];
        }
    for (int b = 0; b < 2 * WIDTHS; b++) {
        setting[b] = space->choice[0][0];
        setting[b].engine = MB_DIGITAL;
        setting[b].dac_bits = 1;
        setting[b].copies = 1;
        setting[b].weight_bits = b < WIDTHS ? b + 1 : top[0];
        setting[b].input_bits = b < WIDTHS ? top[1] : b - WIDTHS + 1;
    }
    const mb_measure_ask ask = {.setting = setting, .n = 2 * WIDTHS, .use = use, .samples = par->samples, .trials = 1, .stress = 1,
                                .weight_bits = top[0], .input_bits = top[1]};
    if (!rc) rc = mb_oracle_measure(o, "kl", &ask, m);
    if (!rc) rc = fill(par, o, space, m, out);
    mb_free(use);
    mb_free(m);
    return rc;
}

const mb_sensitivity_type mb_sensitivity_kl = {
    .name = "kl",
    .summary = "divergence of the class probabilities when a layer is quantised (ZeroQ)",
    .reference = "Cai, Yao, Dong, Gholami, Mahoney, Keutzer, ZeroQ, CVPR 2020, arXiv:2001.00281",
    .params = table,
    .size = sizeof(kl_params),
    .evaluate = evaluate,
};
