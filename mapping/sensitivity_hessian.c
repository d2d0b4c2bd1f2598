/* sensitivity_hessian.c - mean trace of the Hessian times the squared change of the weights (HAWQ-V2, HAWQ-V3)
 *
 *     S = tr(H) / n x |Q(W) - W|^2,   H: the layer's block of the Hessian of the mean loss, n weights
 * tr(H) by Hutchinson's probes with their interval, or as the trace of the true Fisher matrix, which for piecewise linear networks is the same and exact
 * (nn/hessian.h). Reference: Z. Dong et al., HAWQ-V2, NeurIPS 2020, arXiv:1911.03852; Z. Yao et al., HAWQ-V3, ICML 2021, arXiv:2011.10680.
 */
#include "base/error.h"
#include "base/mem.h"
#include "mapping/second.h"

typedef struct hessian_params {
    int samples, probes, trace, others, rows;
    double fill;
} hessian_params;

static const mb_param table[] = {
    MB_INT(hessian_params, samples, "", "64", 2, 1000000, "calibration samples"),
    MB_CHOICE(hessian_params, trace, "hutchinson|fisher", "hutchinson", "random probes, or the true Fisher matrix (exact for ReLU networks)"),
    MB_INT(hessian_params, probes, "", "32", 2, 100000, "random directions of Hutchinson's estimate"),
    MB_OTHERS_ROW(hessian_params),
    MB_ERROR_ROWS(hessian_params),
    MB_PARAM_END,
};

static int evaluate(const void *params, mb_oracle *o, const mb_space *space, uint64_t seed, mb_sensitivity *out) {
    const hessian_params *par = params;
    const size_t n = (size_t)space->n;
    int bits[8], nb;
    (void)seed;
    mb_space_weight_bits(space, bits, &nb);
    mb_traced *t = mb_calloc(n, sizeof *t);
    double *dw2 = mb_calloc(n * (size_t)nb, sizeof *dw2), *mean = mb_calloc(2 * n, sizeof *mean);
    int rc = t && dw2 && mean ? MB_OK : mb_nomem();
    const bool exact = par->trace == 1;
    const mb_curvature_ask ask = {.samples = par->samples, .probes = exact ? 0 : par->probes, .exact = exact, .n_bits = nb, .bits = bits};
    const mb_curvature_tell tell = {.trace = exact ? NULL : t, .exact = exact ? t : NULL, .dw2 = dw2};
    if (!rc) rc = mb_oracle_curvature(o, "hessian", &ask, &tell);
    for (size_t i = 0; i < n && !rc; i++) {
        const double weights = (double)o->net->layer[o->net->weighted[i]].n_weight;
        mean[i] = t[i].mean / weights, mean[n + i] = t[i].half_width / weights;
    }
    const mb_second q = {nb, bits, mean, mean + n, NULL, dw2, par->others == 0, par->rows, par->fill};
    if (!rc) rc = mb_second_fill(&q, o, space, out);
    mb_free(t);
    mb_free(dw2);
    mb_free(mean);
    return rc;
}

const mb_sensitivity_type mb_sensitivity_hessian = {
    .name = "hessian",
    .summary = "mean trace of the Hessian times the squared change of the weights (HAWQ-V2, HAWQ-V3)",
    .reference = "Dong, Yao, Arfeen, Gholami, Mahoney, Keutzer, HAWQ-V2, NeurIPS 2020, arXiv:1911.03852",
    .params = table,
    .size = sizeof(hessian_params),
    .evaluate = evaluate,
};
