/* unroll.h - im2col on integers: quantised activations are unrolled to the input vectors of a weighted layer */
#ifndef MB_NN_UNROLL_H
#define MB_NN_UNROLL_H

#include "nn/network.h"

/* Vectors [v0, v1) of group G of one sample: q [cin][ih][iw] (quantised once per activation) -> x [(v1-v0)][K], zero where
 * padded. Vector v is output position (v / ow, v % ow). Element order as in mb_matmul. */
void mb_unroll_i16(const mb_layer *l, int group, const int16_t *q, int v0, int v1, int16_t *x);
void mb_unroll_f32(const mb_layer *l, int group, const float *q, int v0, int v1, float *x);

#endif
