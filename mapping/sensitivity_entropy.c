/* sensitivity_entropy.c - entropy of the weight codes (EAGL): what a layer would lose is what its codes say
 *
 *     keep      a choice with the layer's largest weight_bits gains the entropy H of the codes at that width, the others nothing (as published, for two widths)
 *     per_bits  every choice gains the entropy of the codes at its own width
 *     auto      keep where the layer has at most two widths, per_bits where it has more
 * S = -gain; with per_bits a choice of more bits is never worse. Published for inputs of the weights' width; on menus with input bits and converters their errors take
 * what a noise of their power takes from a code, H - 1/2 log2(1 + (input + converter) / weight) with the errors of mapping/errors.h. Reference: D. Bablani,
 * J. McKinstry, S. Esser, R. Appuswamy, D. Modha, EAGL and ALPS, 2023, arXiv:2301.13330.
 */
#include <math.h>

#include "base/error.h"
#include "base/mem.h"
#include "mapping/errors.h"
#include "mapping/sensitivity.h"

typedef struct entropy_params {
    int binning, gain, others, rows;
    double fill;
} entropy_params;

static const mb_param table[] = {
    MB_CHOICE(entropy_params, binning, MB_BINNINGS, "lsq_init", "how weights become codes"),
    MB_CHOICE(entropy_params, gain, "keep|per_bits|auto", "per_bits",
              "entropy of the widest codes for keeping them, of the choice's own, or the former for at most two widths"),
    MB_OTHERS_ROW(entropy_params),
    MB_ERROR_ROWS(entropy_params),
    MB_PARAM_END,
};

static int evaluate(const void *params, mb_oracle *o, const mb_space *space, uint64_t seed, mb_sensitivity *out) {
    const entropy_params *par = params;
    int rc = MB_OK;
    (void)seed;
    for (int i = 0; i < space->n && !rc; i++) {
        const mb_layer *l = &o->net->layer[o->net->weighted[i]];
        double h[9], *w = mb_malloc(l->n_weight, sizeof *w);
        bool have[9] = {false};
        int top = 0, widths = 0;
        mb_error_model model;
        if (!w) return mb_nomem();
        rc = mb_error_model_init(&model, l, par->rows, par->fill);
        for (size_t k = 0; k < l->n_weight && !rc; k++) w[k] = (double)l->weight[k];
        for (int j = 0; j < space->m[i]; j++)
            if (space->choice[i][j].weight_bits > top) top = space->choice[i][j].weight_bits;
        for (int b = 1; b <= 8; b++) {
            bool some = false;
            for (int j = 0; j < space->m[i]; j++) some = some || space->choice[i][j].weight_bits == b;
            widths += some;
        }
        const bool keep = par->gain == 0 || (par->gain == 2 && widths <= 2);
        for (int j = 0; j < space->m[i] && !rc; j++) {
            int b = space->choice[i][j].weight_bits;
            mb_errors e = {0, 0, 0};
            if (par->others == 0) rc = mb_errors_of(&model, &space->choice[i][j], &e);
            const double lost = e.weight > 0 ? log2(1 + (e.input + e.converter) / e.weight) / 2 : 0;
            out->value[i][j] = lost;
            if (keep && b < top) continue;
            if (!have[b]) rc = mb_weight_entropy(w, l->n_weight, b, (mb_binning)par->binning, 0, &h[b]);
            have[b] = true;
            if (!rc) out->value[i][j] = lost - h[b];
        }
        mb_free(w);
        if (rc) rc = mb_context(rc, "layer %s", l->name);
    }
    return rc;
}

const mb_sensitivity_type mb_sensitivity_entropy = {
    .name = "entropy",
    .summary = "entropy of the weight codes (EAGL)",
    .reference = "Bablani, McKinstry, Esser, Appuswamy, Modha, 2023, arXiv:2301.13330",
    .params = table,
    .size = sizeof(entropy_params),
    .evaluate = evaluate,
};
