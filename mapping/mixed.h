/* mixed.h - mixed-precision policies from their parts: space, sensitivity, solver, true costs, simulation
 *
 *     space (mapping/space.h) -> sensitivity table -> solver under the budgets -> k best -> true cost of each
 *         [-> estimates that these rest on are measured, and once more]
 *         -> [simulation of each, and of the best uniform plans, on some devices -> replacements in one or two layers
 *         -> the best of all on more devices] -> plan
 * A plan found in the tables counts only when its true cost is within the budgets; when none is, the tables' limits are lowered
 * by what was missing and the solver is asked again. Products (EDP, EDAP) are bounded or minimised by linear rows: with weights
 * w, the product of d sums is at most (sum_k w_k x_k / d)^d / prod w_k, and equal for w_k = 1 / x_k; weights start on a grid and
 * follow the solution. Each direction is solved exactly, the directions are not proven to be the best ones, and the certificate
 * says so. Who may call: policies.
 */
#ifndef MB_MAPPING_MIXED_H
#define MB_MAPPING_MIXED_H

#include <math.h>

#include "mapping/front.h"
#include "mapping/sensitivity.h"
#include "mapping/solver.h"

#define MB_OBJECTIVES "loss|energy_J|latency_s|area_m2|arrays|weight_bits|edp|edap"

#define MB_JUDGES "kl|loss"

typedef struct mb_mixed {
    const char *sensitivity, *solver;
    int objective;        /* index in MB_OBJECTIVES */
    double max_predicted; /* bound of the sum of sensitivities, for objectives other than loss; infinite: none */
    double gap;           /* that the solver may stop at */
    int64_t max_work;     /* of the solver; 0: its own */
    double time_s;        /* of the solver; 0: none. Results then depend on the machine. */
    int max_choices;
    int candidates; /* k best that are simulated; 1 and no simulation otherwise */
    int rounds;     /* times that estimates under the best plans are measured and the table is solved again */
    int uniform;    /* uniform plans that are simulated, too */
    const char *also; /* names of other providers, "fisher, kl": the best plan of each one's table is simulated, too; NULL: none */
    int refine;     /* simulations spent on replacements in one layer or two around the best */
    bool simulate;
    int judge;      /* index in MB_JUDGES: what simulated plans are compared by */
    int samples;    /* calibration samples of a simulation; 0: all that the experiment takes */
    int screen, draws, finalists; /* devices that every candidate meets; that so many of the best meet in the end */
    const char *entropy_gain; /* provider option that the policy fixes: "keep"; NULL: as the user says */
} mb_mixed;

/* A plan that was looked at. */
typedef struct mb_candidate {
    mb_plan *plan;
    double predicted; /* sum of sensitivities */
    double bound;     /* of predicted, for points of a front; NaN: none */
    mb_metrics cost;  /* true */
    mb_loss loss;     /* NaN: not simulated */
    int draws;        /* devices that the loss is a mean of */
    bool uniform, refined, other; /* other: of another provider's table */
} mb_candidate;

/* What a search tells about itself. All texts are owned. */
typedef struct mb_map_report {
    /* asked for by the caller: a front over these metrics (rows of mb_metric_params), about this many points */
    int front_key[3], n_front_keys, front_points;
    /* told */
    char *sensitivity, *solver, *certificate;
    long enumerated, impossible, filtered, dominated, kept;
    long cost_calls, loss_calls, measured; /* questions to the oracle; layers x settings measured alone */
    int rounds;                            /* times that the table was solved */
    int64_t work;
    double predicted, bound, gap;                       /* of the table's optimum */
    double space_s, sensitivity_s, solve_s, simulate_s; /* 0 without a clock */
    int n, chosen;                                      /* candidates; which became the plan (-1: none of them) */
    mb_candidate *candidate;
    int n_front;
    mb_candidate *front;
    bool front_complete; /* the points are taken from the complete front */
    int front_size;      /* points of the complete front */
    double hypervolume;  /* of predicted loss and the keys, each divided by the worst of the points; 0..1 */
} mb_map_report;
void mb_map_report_free(mb_map_report *r);

/* MB_NUMERIC: no plan within the budgets, with the least cost and the budget that binds. */
int mb_mixed_search(const mb_mixed *opt, const mb_problem *prob, mb_oracle *o, uint64_t seed, mb_plan **best);

/* Rows of parameters that mixed policies share, into their struct S; see policy_mixbar.c. */
#define MB_MIXED_ROWS(S)                                                                                                         \
    MB_CHOICE(S, objective, MB_OBJECTIVES, "loss", "what is minimised"),                                                         \
        MB_REAL(S, max_predicted, "", "0", 0, HUGE_VAL,                                                                          \
                "bound of the summed sensitivity for other objectives than loss; 0: none"),                                      \
        MB_REAL(S, gap, "", "0", 0, 1, "relative gap to the optimum at which the solver may stop"),                              \
        MB_INT(S, max_work, "", "0", 0, 2147483647, "nodes or evaluations of the solver; 0: its own limit"),                     \
        MB_REAL(S, time_s, "s", "0", 0, HUGE_VAL,                                                                                \
                "time of the solver; 0: no limit. With a limit results depend on the machine"),                                  \
        MB_INT(S, max_choices, "", "100000", 1, 10000000, "largest number of settings that the menu may span in a layer")

/* The shared part of such a struct. */
#define MB_MIXED_FROM(p, sens, solve)                                                                                            \
    ((mb_mixed){.sensitivity = (sens),                                                                                           \
                .solver = (solve),                                                                                               \
                .objective = (p)->objective,                                                                                     \
                .max_predicted = (p)->max_predicted > 0 ? (p)->max_predicted : HUGE_VAL,                                         \
                .gap = (p)->gap,                                                                                                 \
                .max_work = (p)->max_work,                                                                                       \
                .time_s = (p)->time_s,                                                                                           \
                .max_choices = (p)->max_choices,                                                                                 \
                .candidates = 8})

#endif
