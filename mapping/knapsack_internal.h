/* knapsack_internal.h - the exact solver's inner tables: merged layers without dominated choices, nodes, their relaxation
 *
 * Who may call: mapping/knapsack_*.c.
 */
#ifndef MB_MAPPING_KNAPSACK_INTERNAL_H
#define MB_MAPPING_KNAPSACK_INTERNAL_H

#include "mapping/knapsack.h"

/* Merged layers i with choices off[i] .. off[i+1]-1, structure of arrays: c values, u[k] uses. Limits that are infinite or cannot be
 * exceeded are left out; key[k] is the limit of the problem that u[k] belongs to. */
typedef struct mb_core {
    const mb_knapsack *p;
    int n, K, total;
    int *off;      /* [n + 1] */
    double *c, *u[MB_KNAPSACK_MAX_LIMITS];
    int *orig;     /* [total]: index of the choice in the problem */
    int *of;       /* [p->n]: merged layer of each layer */
    int key[MB_KNAPSACK_MAX_LIMITS];
    double limit[MB_KNAPSACK_MAX_LIMITS];  /* slack included */
    double penalty[MB_KNAPSACK_MAX_LIMITS]; /* largest multiplier */
    double unit;   /* all values are multiples of it; 0: of nothing */
    double range;  /* sum over layers of the largest value minus the smallest */
    double round;  /* what rounding may do to a sum of values */
    int dropped;
} mb_core;

/* COUNT: as in mb_knapsack_dominated. */
int mb_core_new(const mb_knapsack *p, int count, mb_core **out);
void mb_core_free(mb_core *c);
/* x of the problem from a choice per merged layer. */
void mb_core_expand(const mb_core *c, const int *pick, int *x);
/* False: some limit cannot be met at all; which, and what it needs at least (without slack). */
bool mb_core_possible(const mb_core *c, int *binding, double *least);

/* The choices alive in a node, gathered: the same layout as mb_core. */
typedef struct mb_live {
    int n, K, total;
    int *off;   /* [n + 1] */
    double *c, *u[MB_KNAPSACK_MAX_LIMITS];
    double *rc; /* work */
    int *idx;   /* index in the core */
    int *min;   /* [n]: choice of least reduced cost */
} mb_live;

int mb_live_new(const mb_core *c, mb_live *v);
void mb_live_free(mb_live *v);

/* The linear relaxation over the live choices. In: multipliers to start from. Out: those of the best bound, the bound (valid for any
 * multipliers >= 0), and the fractional solution of the last basis: weight w[q] of choice q[q] of layer l[q], for layers that are not
 * whole; pick[i]: heaviest choice of layer i. */
typedef struct mb_relaxed {
    double lambda[MB_KNAPSACK_MAX_LIMITS], bound;
    int n_part, layer[3 * MB_KNAPSACK_MAX_LIMITS], choice[3 * MB_KNAPSACK_MAX_LIMITS];
    double weight[3 * MB_KNAPSACK_MAX_LIMITS];
    int *pick;     /* [n], of the caller */
    bool whole;    /* the solution of the relaxation is an assignment within the limits */
    int pivots;
} mb_relaxed;
/* Stops as soon as the bound reaches ENOUGH. */
void mb_relax(const mb_core *c, mb_live *v, double enough, mb_relaxed *r);

#endif
