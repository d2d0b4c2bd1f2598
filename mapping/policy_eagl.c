/* policy_eagl.c - knapsack over the entropy of the weight codes (EAGL)
 *
 * A layer kept at the wider of two widths gains the entropy of its codes, as published; of more than two widths, that of its own
 * (`gain = auto` of the provider). The published budget is BOPs (MACs x bits).
 * Reference: Bablani et al., 2023, arXiv:2301.13330.
 */
#include "mapping/mixed.h"

typedef struct eagl_params {
    int objective, max_work, max_choices;
    double max_predicted, gap, time_s;
} eagl_params;

static const mb_param table[] = {
    MB_MIXED_ROWS(eagl_params),
    MB_PARAM_END,
};

static int search(const void *p, const mb_problem *prob, mb_oracle *o, uint64_t seed, mb_plan **best) {
    const eagl_params *par = p;
    mb_mixed m = MB_MIXED_FROM(par, "entropy", "exact");
    m.entropy_gain = "auto";
    return mb_mixed_search(&m, prob, o, seed, best);
}

const mb_policy_type mb_policy_eagl = {
    .name = "eagl",
    .summary = "knapsack over the entropy of the weight codes (EAGL)",
    .reference = "Bablani, McKinstry, Esser, Appuswamy, Modha, 2023, arXiv:2301.13330",
    .params = table,
    .size = sizeof(eagl_params),
    .search = search,
};
