/* policy_evolution.c - evolution of a population of plans (NSGA-II)
 *
 * Evolution over plans as in APQ, on the table of sensitivities and the true costs of the machine.
 * Reference: K. Deb et al., 2002, doi:10.1109/4235.996017; T. Wang et al., APQ, CVPR 2020, doi:10.1109/CVPR42600.2020.00215.
 */
#include "mapping/mixed.h"

typedef struct evolution_params {
    int objective, max_work, max_choices;
    double max_predicted, gap, time_s;
    char *sensitivity;
} evolution_params;

static const mb_param table[] = {
    MB_TEXT(evolution_params, sensitivity, "kl", "provider of sensitivities (`mixbar list sensitivities`)"),
    MB_MIXED_ROWS(evolution_params),
    MB_PARAM_END,
};

static int search(const void *p, const mb_problem *prob, mb_oracle *o, uint64_t seed, mb_plan **best) {
    const evolution_params *par = p;
    mb_mixed m = MB_MIXED_FROM(par, par->sensitivity, "nsga2");
    return mb_mixed_search(&m, prob, o, seed, best);
}

const mb_policy_type mb_policy_evolution = {
    .name = "evolution",
    .summary = "evolution of a population of plans (NSGA-II)",
    .reference = "Wang et al., APQ, CVPR 2020, doi:10.1109/CVPR42600.2020.00215",
    .params = table,
    .size = sizeof(evolution_params),
    .search = search,
};
