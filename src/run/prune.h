/* prune.h - a point under a plan that keeps fewer channels: the setup with the smaller network, and the plan for it
 *
 *     network, calibration samples -> couplings, importance, means (nn/prune.h)        once per network
 *     keep_outputs, keep_inputs of a plan -> smaller network                           once per choice; the cache keeps both
 * Everything behind works on the smaller network as on any other: input scales and converter ranges are calibrated on it, arrays, energy,
 * time, area and movement are those of its sizes. Layers keep names and order.
 * Importance by gradients takes samples, labels and derivatives in double precision (nn/diff.h); where a network has none (a layer that
 * cannot be differentiated, no data), by the size of the weights, with a note. Sums have one order: the same network is made by any number
 * of threads.
 */
#ifndef MB_RUN_PRUNE_H
#define MB_RUN_PRUNE_H

#include "cost/machine.h"
#include "run/simulate.h"

/* What is pruned for whom: SETUP and PLAN are those given when the plan keeps all channels. */
typedef struct mb_pruned {
    mb_setup *setup;             /* with the smaller network */
    const mb_plan *plan;         /* for it: says nothing of channels */
    mb_setup own;                /* shallow copy of the setup given */
    mb_plan *own_plan;
} mb_pruned;
/* The setup S, its cache and PLAN must outlive *p. MB_BADINPUT: the plan keeps what cannot be kept (nn/prune.h). */
int mb_pruned_open(mb_setup *s, const mb_plan *plan, const mb_progress *pr, mb_pruned *p);
void mb_pruned_close(mb_pruned *p);
/* Give PLAN the modes of SMALL, its own plan for the smaller network. */
int mb_pruned_modes(const mb_plan *small, mb_plan *plan);

/* Costs of many plans of S (borrowed; one thread): what depends on a network alone is made once for each. */
typedef struct mb_pruned_costs mb_pruned_costs;
int mb_pruned_costs_new(mb_setup *s, mb_pruned_costs **c);
void mb_pruned_costs_free(mb_pruned_costs *c);
int mb_pruned_costs_plan(mb_pruned_costs *c, const mb_plan *plan, const mb_progress *pr, mb_metrics *out);
/* Arrays of weighted layer M under A with this many input and output channels (0: all). */
int mb_pruned_arrays(const mb_setup *s, int m, const mb_assign *a, int inputs, int outputs, int64_t *n);

/* Importance and means of the setup's network; the cache owns it. */
struct mb_pruner;
int mb_pruned_ranks(mb_setup *s, const mb_progress *pr, const struct mb_pruner **p);

#endif
