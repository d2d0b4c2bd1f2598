/* sensitivity_fisher.c - second-order term of the loss with the empirical Fisher matrix (MPQNNCO)
 *
 *     S = 1/2 mean_s (g_s . (Q(W) - W))^2,   g_s: gradient of the loss of sample s in the layer's weights
 * Other errors are referred to weights that change at random: 1/2 tr(F) / n x |W|^2 (input + converter), F the empirical Fisher matrix.
 * Reference: W. Chen, P. Wang, J. Cheng, ICCV 2021, doi:10.1109/ICCV48922.2021.00530.
 */
#include "base/error.h"
#include "base/mem.h"
#include "mapping/second.h"

typedef struct fisher_params {
    int samples, others, rows;
    double fill;
} fisher_params;

static const mb_param table[] = {
    MB_INT(fisher_params, samples, "", "256", 2, 1000000, "calibration samples"),
    MB_OTHERS_ROW(fisher_params),
    MB_ERROR_ROWS(fisher_params),
    MB_PARAM_END,
};

static int evaluate(const void *params, mb_oracle *o, const mb_space *space, uint64_t seed, mb_sensitivity *out) {
    const fisher_params *par = params;
    const size_t n = (size_t)space->n;
    int bits[8], nb;
    (void)seed;
    mb_space_weight_bits(space, bits, &nb);
    mb_traced *t = mb_calloc(n, sizeof *t);
    double *change = mb_calloc(n * (size_t)nb, sizeof *change), *mean = mb_calloc(n, sizeof *mean);
    int rc = t && change && mean ? MB_OK : mb_nomem();
    const mb_curvature_ask ask = {.samples = par->samples, .n_bits = nb, .bits = bits};
    const mb_curvature_tell tell = {.empirical = t, .fisher = change};
    if (!rc) rc = mb_oracle_curvature(o, "fisher", &ask, &tell);
    for (size_t i = 0; i < n && !rc; i++) mean[i] = t[i].mean / 2 / (double)o->net->layer[o->net->weighted[i]].n_weight;
    const mb_second q = {nb, bits, mean, NULL, change, NULL, par->others == 0, par->rows, par->fill};
    if (!rc) rc = mb_second_fill(&q, o, space, out);
    mb_free(t);
    mb_free(change);
    mb_free(mean);
    return rc;
}

const mb_sensitivity_type mb_sensitivity_fisher = {
    .name = "fisher",
    .summary = "second-order term of the loss with the empirical Fisher matrix (MPQNNCO)",
    .reference = "Chen, Wang, Cheng, ICCV 2021, doi:10.1109/ICCV48922.2021.00530",
    .params = table,
    .size = sizeof(fisher_params),
    .evaluate = evaluate,
};
