/* train_arrays.h - converters in the forward pass of training: what rounding and clipping do to the results of each layer
 *
 * The network as it stands is mapped as `mixbar run` would (slices, planes, row groups, ranges of the converters), onto cells that
 * hold and read exactly what they should. In the forward pass each analog layer then computes its own inputs twice, on these
 * arrays and as exact integers; the difference is added to the result of training:
 *     y += (y_arrays - y_integers) / a,      a: what folding of the normalisation has multiplied the channel's weights with.
 * So every partial sum of the batch at hand goes through its converter. The gradient passes straight through (exact products),
 * as in Joshi et al. 2020 (doi:10.1038/s41467-020-16108-9) and in quantisation-aware training. Weights move between two steps by
 * little, and a mapping costs as much as some steps: it is made anew at the first step of an epoch and every REFRESH steps.
 * Differences are of integers, so the bytes do not depend on threads or kernels.
 *
 * Who may call: run/training.c.
 */
#ifndef MB_RUN_TRAIN_ARRAYS_H
#define MB_RUN_TRAIN_ARRAYS_H

#include "mapping/plan.h"
#include "nn/engine.h"
#include "run/experiment.h"

typedef struct mb_train_arrays mb_train_arrays;
/* For the weighted layers of M, in order, under PLAN, on the machine of the experiment ROOT (copied; a network that it names is
 * loaded, only its place is used). M and CACHE are borrowed; PLAN is copied. */
int mb_train_arrays_new(const mb_conf *root, mb_cache *cache, const mb_model *m, const mb_plan *plan, int refresh,
                        mb_train_arrays **a);
void mb_train_arrays_free(mb_train_arrays *a);
/* Before step STEP of an epoch: maps the network where it is due. Also the failure of an earlier forward pass. */
int mb_train_arrays_step(mb_train_arrays *a, int64_t step);
/* After a step that has mapped the network: error of the converters of each layer of the plan, relative to the root mean square of its exact results, on the first block of
 * calibration samples; 0 where there is none. RELATIVE [layers of the plan]. */
int mb_train_arrays_errors(mb_train_arrays *a, double *relative);
/* In the forward pass of LAYER (of the model), N samples: X [n][rows][channels] its inputs, Y [count] its results, likewise. */
void mb_train_arrays_output(mb_train_arrays *a, int layer, int n, const float *x, size_t count, float *y);

#endif
