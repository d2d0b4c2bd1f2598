/* modes.h - which few points of a front stand for it best
 *
 * Points have a cost and a loss, both to be small. k of them, in use together, dominate the part of the plane under a reference
 * corner that lies above and to the right of any of them; the choice with the largest such area is found exactly by dynamic
 * programming over the points in order of their cost, O(k n^2) (hypervolume subset selection in two dimensions: Bader, Zitzler,
 * Evol. Comput. 19 (2011) 45, doi:10.1162/EVCO_a_00009; Auger et al., FOGA 2009, doi:10.1145/1527125.1527138). Who may call: the
 * floors above.
 */
#ifndef MB_MAPPING_MODES_H
#define MB_MAPPING_MODES_H

/* COST[n] ascending, LOSS[n] descending (a front). The indices of at most K of the points below COST_REF and LOSS_REF, ascending, into
 * PICK; their number into *N_PICK; *AREA (may be NULL): what they dominate. Memory: 2 k n numbers. */
int mb_modes_cover(const double *cost, const double *loss, int n, int k, double cost_ref, double loss_ref, int *pick, int *n_pick,
                   double *area);

#endif
