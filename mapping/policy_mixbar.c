/* policy_mixbar.c - ours: measured sensitivities -> exact k best -> simulation of each, beside the best uniform plans ->
 * replacements -> the best on more devices
 *
 *   1  S(layer, setting): divergence of the class probabilities when the layer alone runs on the simulated arrays (mapping/sensitivity_measured.c), estimated from
 *      a few settings per layer.
 *   2  The k best assignments of the table under the budgets, exactly; estimates under them are measured and the table is solved again, until the k best rest on
 *      measurements.
 *   3  Each of them, the best assignments of other tables (`also`), and the uniform plans that the table ranks first, run as a whole on `screen` devices; replacements in one layer or two around the best follow.
 *   4  The `finalists` best, and the best uniform plan, meet `draws` devices, and the least divergence from the float network wins. An accuracy on some hundred samples
 *      is too coarse a judge. Chips differ more than images do (a first layer of a hundred cells averages little), so many devices on few samples tell more than the
 *      other way round.
 * On the calibration samples and these devices the answer is never worse than the uniform plans that were among the candidates.
 */
#include "mapping/mixed.h"

typedef struct mixbar_params {
    int objective, max_work, max_choices, candidates, rounds, uniform, refine, judge, samples, screen, draws, finalists;
    double max_predicted, gap, time_s;
    char *sensitivity, *solver, *also;
} mixbar_params;

static const mb_param table[] = {
    MB_TEXT(mixbar_params, sensitivity, "measured", "provider of sensitivities (`mixbar list sensitivities`)"),
    MB_TEXT(mixbar_params, solver, "exact", "optimiser of the table (`mixbar list solvers`)"),
    MB_INT(mixbar_params, candidates, "", "8", 1, 10000, "best assignments of the table that are simulated"),
    MB_INT(mixbar_params, rounds, "", "6", 0, 1000, "times that estimates under the best assignments are measured and the table is solved again"),
    MB_INT(mixbar_params, uniform, "", "6", 0, 10000, "uniform plans that are simulated, too"),
    MB_TEXT(mixbar_params, also, "fisher, kl, entropy", "other providers: the best assignment of each one's table is simulated, too"),
    MB_INT(mixbar_params, refine, "", "16", 0, 1000000, "simulations of replacements in one layer or two around the best plan"),
    MB_CHOICE(mixbar_params, judge, MB_JUDGES, "kl", "what simulated plans are compared by: divergence from the float network, or loss"),
    MB_INT(mixbar_params, samples, "", "128", 0, 1000000000, "calibration samples of a simulation, at most all that the experiment takes; 0: these"),
    MB_INT(mixbar_params, screen, "", "8", 1, 100000, "devices that every simulated plan meets"),
    MB_INT(mixbar_params, draws, "", "48", 1, 100000, "devices that the finalists meet"),
    MB_INT(mixbar_params, finalists, "", "4", 1, 10000, "plans that meet them, beside the best uniform one"),
    MB_MIXED_ROWS(mixbar_params),
    MB_PARAM_END,
};

static int search(const void *p, const mb_problem *prob, mb_oracle *o, uint64_t seed, mb_plan **best) {
    const mixbar_params *par = p;
    mb_mixed m = MB_MIXED_FROM(par, par->sensitivity, par->solver);
    m.candidates = par->candidates;
    m.rounds = par->rounds;
    m.uniform = par->uniform;
    m.also = par->also;
    m.refine = par->refine;
    m.simulate = true;
    m.judge = par->judge;
    m.samples = par->samples;
    m.screen = par->screen;
    m.draws = par->draws;
    m.finalists = par->finalists;
    return mb_mixed_search(&m, prob, o, seed, best);
}

const mb_policy_type mb_policy_mixbar = {
    .name = "mixbar",
    .summary = "measured sensitivities, exact k best, each simulated on the crossbars beside uniform plans, refined",
    .reference = "doc/mapping.md",
    .params = table,
    .size = sizeof(mixbar_params),
    .search = search,
};
