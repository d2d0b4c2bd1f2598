/* policy_alps.c - knapsack over what each layer loses after one epoch at its least bits (ALPS)
 *
 * The network learns for one epoch with one layer lowered at a time; the published budget is BOPs or model bits. Parameters of the trainings are
 * those of the sensitivity (map.sensitivity_options) and of the group `train`.
 * Reference: Bablani, McKinstry, Esser, Appuswamy, Modha, 2023, arXiv:2301.13330.
 */
#include "mapping/mixed.h"

typedef struct alps_params {
    int objective, max_work, max_choices;
    double max_predicted, gap, time_s;
} alps_params;

static const mb_param table[] = {
    MB_MIXED_ROWS(alps_params),
    MB_PARAM_END,
};

static int search(const void *p, const mb_problem *prob, mb_oracle *o, uint64_t seed, mb_plan **best) {
    const alps_params *par = p;
    mb_mixed m = MB_MIXED_FROM(par, "alps", "exact");
    return mb_mixed_search(&m, prob, o, seed, best);
}

const mb_policy_type mb_policy_alps = {
    .name = "alps",
    .summary = "knapsack over what each layer loses after one epoch at its least bits (ALPS)",
    .reference = "Bablani, McKinstry, Esser, Appuswamy, Modha, 2023, arXiv:2301.13330",
    .params = table,
    .size = sizeof(alps_params),
    .trains = true,
    .search = search,
};
