/* sensitivity_error.c - noise over signal at a layer's output, from its weights and setting alone
 *
 *     S = |Q(W) - W|^2 / |W|^2  +  (4/3) 4^-input_bits  +  sigma_adc^2 / E[y^2]           (mapping/errors.h)
 * Fewer channels (nn/prune.h) add their share of the squared weights: of the dropped filters in all layers that put into the group, of
 * the dropped rows in the layer itself.
 * A proxy: no data, no network behind the layer, no device noise; it orders settings of a layer well and layers among each other
 * only roughly. Every layer counts the same, or with `weighting` by its share of MACs or weights.
 */
#include "base/error.h"
#include "mapping/errors.h"
#include "mapping/sensitivity.h"

typedef struct error_params {
    int rows, weighting;
    double fill;
} error_params;

static const mb_param table[] = {
    MB_ERROR_ROWS(error_params),
    MB_CHOICE(error_params, weighting, "layers|macs|weights", "layers", "what a layer counts: the same, by MACs, by weights"),
    MB_PARAM_END,
};

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
        double share = par->weighting == 0 || !(all > 0)
                           ? 1
                           : (par->weighting == 1 ? (double)mb_layer_macs(l) : (double)mb_layer_params(l)) / all * space->n;
        mb_error_model model;
        int rc = mb_error_model_init(&model, l, par->rows, par->fill);
        for (int j = 0; j < space->m[i] && !rc; j++) {
            mb_errors e;
            double less = 0;
            rc = mb_errors_of(&model, &space->choice[i][j], &e);
            if (!rc && pruner) rc = dropped(pruner, i, &space->choice[i][j], &less);
            out->value[i][j] = share * (e.weight + e.input + e.converter + less);
        }
        if (rc) return rc;
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
