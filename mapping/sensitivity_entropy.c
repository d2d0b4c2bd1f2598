/* sensitivity_entropy.c - entropy of the weight codes (EAGL): what a layer would lose is what its codes say
 *
 *     keep (as published): a choice with the layer's largest weight_bits gains the entropy of the codes at that width, the others
 * nothing per_bits: every choice gains the entropy of the codes at its own width S = -gain; with per_bits a choice of more bits
 * is never worse. Inputs and converters do not count. Reference: D. Bablani, J. McKinstry, S. Esser, R. Appuswamy, D. Modha, EAGL
 * and ALPS, 2023, arXiv:2301.13330.
 */
#include "base/error.h"
#include "base/mem.h"
#include "mapping/sensitivity.h"

typedef struct entropy_params {
    int binning, gain;
} entropy_params;

static const mb_param table[] = {
    MB_CHOICE(entropy_params, binning, MB_BINNINGS, "lsq_init", "how weights become codes"),
    MB_CHOICE(entropy_params, gain, "keep|per_bits", "per_bits",
              "entropy of the widest codes for keeping them, or of the choice's own"),
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
        int top = 0;
        if (!w) return mb_nomem();
        if (!l->weight)
            rc = mb_fail(MB_BADINPUT, "layer %s has no weights (a network of shapes only): this sensitivity needs them", l->name);
        for (size_t k = 0; k < l->n_weight && !rc; k++) w[k] = (double)l->weight[k];
        for (int j = 0; j < space->m[i]; j++)
            if (space->choice[i][j].weight_bits > top) top = space->choice[i][j].weight_bits;
        for (int j = 0; j < space->m[i] && !rc; j++) {
            int b = space->choice[i][j].weight_bits;
            if (par->gain == 0 && b < top) continue;
            if (!have[b]) rc = mb_weight_entropy(w, l->n_weight, b, (mb_binning)par->binning, 0, &h[b]);
            have[b] = true;
            if (!rc) out->value[i][j] = -h[b];
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
