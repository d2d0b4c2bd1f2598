/* sensitivity_lambda.c - largest eigenvalue of the Hessian per weight times the squared change of the weights (HAWQ-V1)
 *
 *     S = lambda_max(H) / n x |Q(W) - W|^2
 * HAWQ-V1 orders layers by lambda_max / n and chooses bits by hand; its order of fine-tuning has the squared change as a factor. With both, settings become
 * comparable and a solver can choose. Reference: Z. Dong et al., HAWQ, ICCV 2019, arXiv:1905.03696.
 */
#include "base/error.h"
#include "base/mem.h"
#include "mapping/second.h"

typedef struct lambda_params {
    int samples, steps, others, rows;
    double fill;
} lambda_params;

static const mb_param table[] = {
    MB_INT(lambda_params, samples, "", "64", 2, 1000000, "calibration samples"),
    MB_INT(lambda_params, steps, "", "20", 2, 10000, "Hessian-vector products for each layer's eigenvalue, at most"),
    MB_OTHERS_ROW(lambda_params),
    MB_ERROR_ROWS(lambda_params),
    MB_PARAM_END,
};

static int evaluate(const void *params, mb_oracle *o, const mb_space *space, uint64_t seed, mb_sensitivity *out) {
    const lambda_params *par = params;
    const size_t n = (size_t)space->n;
    int bits[8], nb;
    (void)seed;
    mb_space_weight_bits(space, bits, &nb);
    double *lambda = mb_calloc(n, sizeof *lambda), *dw2 = mb_calloc(n * (size_t)nb, sizeof *dw2);
    int rc = lambda && dw2 ? MB_OK : mb_nomem();
    const mb_curvature_ask ask = {.samples = par->samples, .steps = par->steps, .n_bits = nb, .bits = bits};
    const mb_curvature_tell tell = {.lambda = lambda, .dw2 = dw2};
    if (!rc) rc = mb_oracle_curvature(o, "lambda", &ask, &tell);
    for (size_t i = 0; i < n && !rc; i++) lambda[i] /= (double)o->net->layer[o->net->weighted[i]].n_weight;
    const mb_second q = {nb, bits, lambda, NULL, NULL, dw2, par->others == 0, par->rows, par->fill};
    if (!rc) rc = mb_second_fill(&q, o, space, out);
    mb_free(lambda);
    mb_free(dw2);
    return rc;
}

const mb_sensitivity_type mb_sensitivity_lambda = {
    .name = "lambda",
    .summary = "largest eigenvalue of the Hessian per weight times the squared change of the weights (HAWQ-V1)",
    .reference = "Dong, Yao, Gholami, Mahoney, Keutzer, HAWQ, ICCV 2019, arXiv:1905.03696",
    .params = table,
    .size = sizeof(lambda_params),
    .evaluate = evaluate,
};
