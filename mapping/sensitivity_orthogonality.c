/* sensitivity_orthogonality.c - OMPQ: layers whose outputs are least like the others' deserve the bits
 *
 *     S(bits) = -bits x mean(theta_i .. theta_L),   theta of mb_orthogonality (mapping/sensitivity.h)
 * from one batch of outputs without labels; the published linear program maximises the sum of bits x mean theta.
 * Reference: Y. Ma et al., OMPQ, AAAI 2023, arXiv:2109.07865.
 */
#include "base/error.h"
#include "base/mem.h"
#include "mapping/sensitivity.h"

typedef struct orthogonality_params {
    int samples;
    double beta;
} orthogonality_params;

static const mb_param table[] = {
    MB_INT(orthogonality_params, samples, "", "64", 2, 100000, "calibration samples in the batch"),
    MB_REAL(orthogonality_params, beta, "", "1", 0, 1e6, "how sharply likeness counts"),
    MB_PARAM_END,
};

static int evaluate(const void *params, mb_oracle *o, const mb_space *space, uint64_t seed, mb_sensitivity *out) {
    const orthogonality_params *par = params;
    const size_t n = (size_t)space->n;
    (void)seed;
    if (!o->activations)
        return mb_fail(MB_BADINPUT, "it needs the outputs of layers for calibration samples, which this run does not provide");
    double **x = mb_calloc(n, sizeof *x), *theta = mb_calloc(n, sizeof *theta);
    int *features = mb_calloc(n, sizeof *features), rc = x && theta && features ? MB_OK : mb_nomem();
    for (int i = 0; i < space->n && !rc; i++) rc = o->activations(o->ctx, i, par->samples, &x[i], &features[i]);
    if (!rc) rc = mb_orthogonality(space->n, par->samples, (const double *const *)x, features, par->beta, NULL, NULL, theta);
    double tail = 0;
    for (int i = space->n; i-- > 0 && !rc;) {
        tail += theta[i];
        for (int j = 0; j < space->m[i]; j++) out->value[i][j] = -space->choice[i][j].weight_bits * tail / (space->n - i);
    }
    for (int i = 0; i < space->n && x; i++) mb_free(x[i]);
    mb_free(x);
    mb_free(theta);
    mb_free(features);
    return rc;
}

const mb_sensitivity_type mb_sensitivity_orthogonality = {
    .name = "orthogonality",
    .summary = "likeness of the layers' outputs (OMPQ)",
    .reference = "Ma et al., OMPQ, AAAI 2023, arXiv:2109.07865",
    .params = table,
    .size = sizeof(orthogonality_params),
    .evaluate = evaluate,
};
