/* policy_hawq_v3.c - integer program over a table of sensitivities (HAWQ-V3)
 *
 * The published sensitivity is the mean Hessian trace times |dW|^2; any registered provider can take its place. One binary per
 * layer and choice, solved by GLPK. Reference: Z. Yao et al., HAWQ-V3, ICML 2021, arXiv:2011.10680.
 */
#include "mapping/mixed.h"

typedef struct hawq_v3_params {
    int objective, max_work, max_choices;
    double max_predicted, gap, time_s;
    char *sensitivity;
} hawq_v3_params;

static const mb_param table[] = {
    MB_TEXT(hawq_v3_params, sensitivity, "hessian", "provider of sensitivities (`mixbar list sensitivities`)"),
    MB_MIXED_ROWS(hawq_v3_params),
    MB_PARAM_END,
};

static int search(const void *p, const mb_problem *prob, mb_oracle *o, uint64_t seed, mb_plan **best) {
    const hawq_v3_params *par = p;
    mb_mixed m = MB_MIXED_FROM(par, par->sensitivity, "glpk");
    return mb_mixed_search(&m, prob, o, seed, best);
}

const mb_policy_type mb_policy_hawq_v3 = {
    .name = "hawq-v3",
    .summary = "integer program over a table of sensitivities (HAWQ-V3)",
    .reference = "Yao et al., HAWQ-V3, ICML 2021, arXiv:2011.10680",
    .params = table,
    .size = sizeof(hawq_v3_params),
    .search = search,
};
