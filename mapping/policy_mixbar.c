/* policy_mixbar.c - ours: exact k best of a table of sensitivities, each simulated, beside the best uniform plans; then
 * refinement
 *
 * Uniform plans are always among the candidates, so that on the calibration samples the answer is never worse than the best of
 * those that the table ranks first. Defaults simulate 8 + 3 plans and 12 replacements.
 */
#include "mapping/mixed.h"

typedef struct mixbar_params {
    int objective, max_work, max_choices, candidates, uniform, refine;
    double max_predicted, gap, time_s;
    char *sensitivity, *solver;
} mixbar_params;

static const mb_param table[] = {
    MB_TEXT(mixbar_params, sensitivity, "error", "provider of sensitivities (`mixbar list sensitivities`)"),
    MB_TEXT(mixbar_params, solver, "exact", "optimiser of the table (`mixbar list solvers`)"),
    MB_INT(mixbar_params, candidates, "", "8", 1, 10000, "best assignments of the table that are simulated"),
    MB_INT(mixbar_params, uniform, "", "3", 0, 10000, "uniform plans that are simulated, too"),
    MB_INT(mixbar_params, refine, "", "12", 0, 1000000, "simulations of single replacements around the best plan"),
    MB_MIXED_ROWS(mixbar_params),
    MB_PARAM_END,
};

static int search(const void *p, const mb_problem *prob, mb_oracle *o, uint64_t seed, mb_plan **best) {
    const mixbar_params *par = p;
    mb_mixed m = MB_MIXED_FROM(par, par->sensitivity, par->solver);
    m.candidates = par->candidates;
    m.uniform = par->uniform;
    m.refine = par->refine;
    m.simulate = true;
    return mb_mixed_search(&m, prob, o, seed, best);
}

const mb_policy_type mb_policy_mixbar = {
    .name = "mixbar",
    .summary = "exact k best of a table, each simulated on the crossbars beside uniform plans, then refined",
    .reference = "doc/mapping.md",
    .params = table,
    .size = sizeof(mixbar_params),
    .search = search,
};
