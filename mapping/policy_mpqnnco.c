/* policy_mpqnnco.c - greedy on the layers' convex hulls (MPQNNCO)
 *
 * The published sensitivity is the second-order term with the empirical Fisher matrix; any registered provider can take its
 * place. Reference: W. Chen, P. Wang, J. Cheng, ICCV 2021, doi:10.1109/ICCV48922.2021.00530.
 */
#include "mapping/mixed.h"

typedef struct mpqnnco_params {
    int objective, max_work, max_choices;
    double max_predicted, gap, time_s;
    char *sensitivity;
} mpqnnco_params;

static const mb_param table[] = {
    MB_TEXT(mpqnnco_params, sensitivity, "fisher", "provider of sensitivities (`mixbar list sensitivities`)"),
    MB_MIXED_ROWS(mpqnnco_params),
    MB_PARAM_END,
};

static int search(const void *p, const mb_problem *prob, mb_oracle *o, uint64_t seed, mb_plan **best) {
    const mpqnnco_params *par = p;
    mb_mixed m = MB_MIXED_FROM(par, par->sensitivity, "greedy");
    return mb_mixed_search(&m, prob, o, seed, best);
}

const mb_policy_type mb_policy_mpqnnco = {
    .name = "mpqnnco",
    .summary = "greedy on the layers' convex hulls (MPQNNCO)",
    .reference = "Chen, Wang, Cheng, ICCV 2021, doi:10.1109/ICCV48922.2021.00530",
    .params = table,
    .size = sizeof(mpqnnco_params),
    .search = search,
};
