/* unroll.h - im2col on integers: quantised activations are unrolled to the input vectors of a weighted layer, and the products put
 * back where activations belong
 *
 * Padding once and unrolling many times is the fast way (mb_pad_i16, mb_unroll_padded_i16); mb_unroll_i16 says the same in one step.
 */
#ifndef MB_NN_UNROLL_H
#define MB_NN_UNROLL_H

#include "nn/network.h"

/* Vectors [v0, v1) of group G of one sample: q [cin][ih][iw] (quantised once per activation) -> x [(v1-v0)][K], zero where
 * padded. Vector v is output position (v / ow, v % ow). Element order as in mb_matmul. */
void mb_unroll_i16(const mb_layer *l, int group, const int16_t *q, int v0, int v1, int16_t *x);
void mb_unroll_f32(const mb_layer *l, int group, const float *q, int v0, int v1, float *x);

/* Numbers of a padded sample: the planes that the windows of L touch, zeros around the image, and a few spare numbers at the end. */
size_t mb_padded_count(const mb_layer *l);
/* q [cin][ih][iw] -> p [mb_padded_count()] */
void mb_pad_i16(const mb_layer *l, const int16_t *q, int16_t *p);
/* mb_unroll_i16 from a padded sample; writes nothing outside x [(v1-v0)][K]. */
void mb_unroll_padded_i16(const mb_layer *l, int group, const int16_t *p, int v0, int v1, int16_t *x);

/* Products of ROWS vectors, from vector V0 on counted over samples (sample v / vectors, position v % vectors), of group G become
 * activations, y[sample][channel][position]:
 *     y = (float)(product[row][n] * scale[n]) + bias[n],      product [ROWS][N], scale [N] of this group, bias of L (none: 0)
 * Y begins at sample 0. */
void mb_place_outputs(const mb_layer *l, int group, int64_t v0, int rows, const int64_t *product, const double *scale, float *y);

#endif
