/* policy_edmips.c - bits by gradients: softmaxes over all bits, trained with a complexity penalty (EdMIPS)
 *
 * Without a budget the argmax of every layer, as published, and eta (map.sensitivity_options) says how much complexity counts; with budgets the most
 * probable plan within them. Training keys are those of the group `train`.
 * Reference: Cai, Vasconcelos, CVPR 2020, doi:10.1109/CVPR42600.2020.00242.
 */
#include "mapping/mixed.h"

typedef struct edmips_params {
    int objective, max_work, max_choices;
    double max_predicted, gap, time_s;
} edmips_params;

static const mb_param table[] = {
    MB_MIXED_ROWS(edmips_params),
    MB_PARAM_END,
};

static int search(const void *p, const mb_problem *prob, mb_oracle *o, uint64_t seed, mb_plan **best) {
    const edmips_params *par = p;
    mb_mixed m = MB_MIXED_FROM(par, "edmips", "exact");
    return mb_mixed_search(&m, prob, o, seed, best);
}

const mb_policy_type mb_policy_edmips = {
    .name = "edmips",
    .summary = "bits by gradients: softmaxes over all bits, trained with a complexity penalty (EdMIPS)",
    .reference = "Cai, Vasconcelos, CVPR 2020, doi:10.1109/CVPR42600.2020.00242",
    .params = table,
    .size = sizeof(edmips_params),
    .trains = true,
    .search = search,
};
