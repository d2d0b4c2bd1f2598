/* sweep.h - the points of an experiment: grid (all combinations, last axis fastest), zip (axes in step), list (given points) over any key.
 * An axis has a key and values, or keys that change together: { keys = [ "device", "map.cell_bits" ]; values = ( ( "rram", 2 ), ( "stt-mram", 1 ) ); } */
#ifndef MB_RUN_SWEEP_H
#define MB_RUN_SWEEP_H

#include "base/conf.h"
#include "base/param.h"

typedef struct mb_point { mb_conf *conf; char *label; char **key, **value; size_t n_set; } mb_point;   /* conf: ROOT's copy with the values set and no `sweep` */
typedef struct mb_points { mb_point *p; size_t n; } mb_points;

extern const mb_param mb_sweep_params[];   /* keys of `sweep` besides axes, points and names */
int mb_sweep_points(mb_conf *root, mb_points *pts);     /* one point without a sweep */
/* A copy of the experiment without its sweep; NULL without memory. */
mb_conf *mb_sweep_base(const mb_conf *root);
void mb_points_free(mb_points *pts);

#endif
