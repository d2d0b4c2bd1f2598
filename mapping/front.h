/* front.h - fronts of a table: value against one, two or three uses
 *
 * Complete fronts are built layer by layer; a partial sum that another one dominates can lead nowhere. Sweeps set limits on a grid and ask the
 * exact solver (the epsilon-constraint method, Haimes et al. 1971; Ehrgott, Multicriteria Optimization, 2005, doi:10.1007/3-540-27659-9), so that
 * each point has its own certificate. Minimisation everywhere. Who may call: policies, `mixbar map`, tests.
 */
#ifndef MB_MAPPING_FRONT_H
#define MB_MAPPING_FRONT_H

#include "mapping/knapsack.h"

typedef struct mb_front {
    int n;          /* points, by increasing use of the first key, all different in (value, uses of the keys) */
    int layers, K, n_keys, key[MB_KNAPSACK_MAX_LIMITS];
    int *choice;    /* [n][layers] */
    double *value;  /* [n] */
    double *use;    /* [n][K] */
    double *bound;  /* [n] lower bound of the value within the uses of the point, or of its limits; = value when proven */
    bool complete;  /* all points of the front are here */
    int64_t work;   /* partial sums or nodes looked at */
    long solved;    /* problems of a sweep */
} mb_front;

/* The complete front of value against the uses KEYS[n_keys] (1 to 3), within all limits of the problem. s->max_work bounds the partial sums
 * kept (0: 20 million): MB_NUMERIC beyond. No assignment within the limits: n = 0. */
int mb_front_exact(const mb_knapsack *p, const int *keys, int n_keys, const mb_search *s, mb_front *out);
/* A grid of STEPS limits per key between what the least use and the best value need, each solved exactly (or to s->gap). Points that others
 * dominate are left out. */
int mb_front_sweep(const mb_knapsack *p, const int *keys, int n_keys, int steps, const mb_search *s, mb_front *out);
void mb_front_free(mb_front *f);

/* Which points lie on the lower convex hull of value against the first key: what multipliers and greedy methods can reach. on[n]; returns
 * how many. Meant for one key. */
int mb_front_hull(const mb_front *f, bool *on);
/* Volume that N points of D coordinates x[n][d] dominate below REF (points beyond it do not count); exact, d 1..4. */
double mb_hypervolume(const double *x, int n, int d, const double *ref);

#endif
