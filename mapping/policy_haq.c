/* policy_haq.c - reinforcement learning over the layers (HAQ)
 *
 * The agent's reward comes from the table of sensitivities instead of a short fine-tuning per episode; budgets are kept by the
 * action wall. Reference: K. Wang et al., HAQ, CVPR 2019, doi:10.1109/CVPR.2019.00881.
 */
#include "mapping/mixed.h"

typedef struct haq_params {
    int objective, max_work, max_choices;
    double max_predicted, gap, time_s;
    char *sensitivity;
} haq_params;

static const mb_param table[] = {
    MB_TEXT(haq_params, sensitivity, "kl", "provider of sensitivities (`mixbar list sensitivities`)"),
    MB_MIXED_ROWS(haq_params),
    MB_PARAM_END,
};

static int search(const void *p, const mb_problem *prob, mb_oracle *o, uint64_t seed, mb_plan **best) {
    const haq_params *par = p;
    mb_mixed m = MB_MIXED_FROM(par, par->sensitivity, "ddpg");
    return mb_mixed_search(&m, prob, o, seed, best);
}

const mb_policy_type mb_policy_haq = {
    .name = "haq",
    .summary = "reinforcement learning over the layers (HAQ)",
    .reference = "Wang, Liu, Lin, Lin, Han, HAQ, CVPR 2019, doi:10.1109/CVPR.2019.00881",
    .params = table,
    .size = sizeof(haq_params),
    .search = search,
};
