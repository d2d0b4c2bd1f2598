/* sweep.h - the points of an experiment: which values of which keys, in which order
 *
 *     sweep = { mode = "grid|zip|list|random|lhs"; axes = ( { key = "map.adc_bits"; values = [4, 6, 8]; }, ... ); where = "CONDITION"; };
 *
 * grid: all combinations, the last axis fastest; zip: axes in step; list: points = ( ("KEY=VALUE", ...), ... ); random: samples = N independent draws; lhs:
 * a Latin hypercube of N samples, each axis cut into N parts of equal probability, each part used once (McKay, Beckman, Conover, Technometrics 21 (1979)
 * 239, doi:10.2307/1268522). An axis has a key and values, or keys that change together, { keys = [ "device", "map.cell_bits" ]; values = ( ( "rram", 2 ),
 * ( "stt-mram", 1 ) ); }, or a range, { key; from; to; steps; scale = "linear|log"; integer; }. An axis with when = "CONDITION" that does not hold keeps
 * the experiment's own value and multiplies nothing; a combination that `where` does not hold for is no point. Conditions: base/expr.h over keys; see
 * doc/sweeps.md.
 *
 * A sweep knows how many points it has and builds each alone, on demand: ten million points need no memory (with conditions: 16 bytes per 64 combinations). */
#ifndef MB_RUN_SWEEP_H
#define MB_RUN_SWEEP_H

#include "base/conf.h"
#include "base/param.h"

/* One point. conf: ROOT's copy with the values set and no `sweep`; who wants to keep it takes it and leaves NULL. label: short, no two points share one.
 * key, value: what is set here, as one would type it. */
typedef struct mb_point { mb_conf *conf; char *label; char **key, **value; size_t n_set; } mb_point;
typedef struct mb_sweep mb_sweep;

extern const mb_param mb_sweep_params[], mb_sweep_axis_params[]; /* keys of `sweep` besides axes, points and names; of an axis besides keys and values */
/* Read and check the sweep of ROOT (marked used, defaults that apply inserted; copied: ROOT may go); one point without a sweep. MB_BADINPUT with file:line. */
int mb_sweep_open(mb_conf *root, mb_sweep **sweep);
void mb_sweep_close(mb_sweep *sweep);
size_t mb_sweep_n(const mb_sweep *sweep);
/* Combinations that `where` left out. */
size_t mb_sweep_skipped(const mb_sweep *sweep);
/* The swept keys in the order of the file; NULL behind the last. Borrowed. */
const char *mb_sweep_key(const mb_sweep *sweep, size_t i);
/* Point INDEX < mb_sweep_n(), built alone from the tree; mb_point_free() takes it back. Any number of threads may ask at the same time. */
int mb_sweep_point(const mb_sweep *sweep, size_t index, mb_point *out);
void mb_point_free(mb_point *p);
/* Indices of points, ascending, in which the first and the last point, each value of each axis (of a range: the ends) and each setting of a list stand
 * at least once. *index is owned by the caller. */
int mb_sweep_cover(const mb_sweep *sweep, size_t **index, size_t *n);
/* A copy of the experiment without its sweep; NULL without memory. */
mb_conf *mb_sweep_base(const mb_conf *root);

#endif
