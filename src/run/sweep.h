/* sweep.h - the points of an experiment: grid (all combinations, last axis fastest), zip (axes in step), list (given points) over any key.
 * An axis has a key and values, or keys that change together: { keys = [ "device", "map.cell_bits" ]; values = ( ( "rram", 2 ), ( "stt-mram", 1 ) ); }
 * A sweep knows how many points it has and builds each alone, on demand: ten million points need no memory. */
#ifndef MB_RUN_SWEEP_H
#define MB_RUN_SWEEP_H

#include "base/conf.h"
#include "base/param.h"

/* One point. conf: ROOT's copy with the values set and no `sweep`; who wants to keep it takes it and leaves NULL. key, value: what is set here, as one would type it. */
typedef struct mb_point { mb_conf *conf; char *label; char **key, **value; size_t n_set; } mb_point;
typedef struct mb_sweep mb_sweep;

extern const mb_param mb_sweep_params[];   /* keys of `sweep` besides axes, points and names */
/* Read and check the sweep of ROOT (marked used, defaults inserted; copied: ROOT may go); one point without a sweep. MB_BADINPUT with file:line. */
int mb_sweep_open(mb_conf *root, mb_sweep **sweep);
void mb_sweep_close(mb_sweep *sweep);
size_t mb_sweep_n(const mb_sweep *sweep);
/* Point INDEX < mb_sweep_n(), built alone from the tree; mb_point_free() takes it back. Any number of threads may ask at the same time. */
int mb_sweep_point(const mb_sweep *sweep, size_t index, mb_point *out);
void mb_point_free(mb_point *p);
/* A copy of the experiment without its sweep; NULL without memory. */
mb_conf *mb_sweep_base(const mb_conf *root);

#endif
