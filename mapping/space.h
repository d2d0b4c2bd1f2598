/* space.h - what a mapper may choose: the settings of every layer with their true costs, as tables
 *
 * A layer's choices are the cross product of the menu (mapping/policy.h) with the layer's pinned keys; impossible ones (dac_bits
 * > input_bits, what the machine refuses) are left out and counted. Costs come from the oracle, one question per layer and
 * choice: with oracle.layer_cost the additive part itself, otherwise the difference that the choice makes in a base plan (the
 * base assignment with its pins, or the first possible choices). What is not additive (shared buffers, rounding to whole tiles)
 * is right for the base plan only, so that plans found in the tables are costed as a whole before they count. Units: SI; BOPs are
 * MACs x weight bits x input bits. Who may call: policies.
 */
#ifndef MB_MAPPING_SPACE_H
#define MB_MAPPING_SPACE_H

#include "mapping/knapsack.h"
#include "mapping/policy.h"

typedef struct mb_space {
    int n, *m;          /* layers; choices of each */
    mb_assign **choice; /* choice[i][j] */
    mb_metrics **cost;  /* cost[i][j]: what is added to `shared` */
    double **bops;
    mb_metrics shared;                            /* of all layers together */
    int *group;                                   /* tied layers, as in mb_knapsack */
    mb_plan *plan;                                /* names, hash: to make plans from */
    long enumerated, impossible, filtered, asked; /* choices; questions to the oracle */
} mb_space;

/* Menus that span more than MAX choices in one layer are MB_BADINPUT. */
int mb_space_new(const mb_problem *prob, mb_oracle *o, int max, mb_space **out);
void mb_space_free(mb_space *s);
/* A plan from one choice per layer. */
int mb_space_plan(const mb_space *s, const int *x, mb_plan **plan);
/* Sum of the tables for X: shared + costs; bops may be NULL. */
void mb_space_cost(const mb_space *s, const int *x, mb_metrics *m, double *bops);

/* The knapsack of value[i][j] under the additive budgets of PROB: first the finite ones of mb_metrics in their order, then BOPs.
 * ALL: one row per metric whether it has a budget or not (for fronts). Rows with infinite limits are free. */
int mb_space_knapsack(const mb_space *s, const mb_problem *prob, double *const *value, bool all, mb_knapsack **out);
/* Add a row to a problem made by mb_space_knapsack: sum of W[k] x metric k (of the layers) <= LIMIT (of the layers). */
int mb_space_add_row(const mb_space *s, mb_knapsack *p, const double w[MB_METRICS], double limit, const char *name);

#endif
