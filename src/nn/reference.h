/* reference.h - weighted layers in float32 with one order of summation: the same bits on every machine and for every batch
 *
 * Each output is the sum over k = 0, 1, ... of weight times input, rounded after every product and every sum, plus the bias at
 * the end. Vectorised over outputs, so that the order never changes. Re-entrant; memory for one panel of inputs is taken and
 * given back in each call.
 */
#ifndef MB_NN_REFERENCE_H
#define MB_NN_REFERENCE_H

#include "nn/network.h"

/* x [n][cin][ih][iw] -> y [n][cout][oh][ow], for any weighted layer (a fully connected one over T tokens: ih = oh = T). */
int mb_reference_conv(const mb_layer *l, int n, const float *x, float *y);
/* Fully connected: x [rows][in] -> y [rows][out]. Gives the same bits as mb_reference_conv. */
int mb_reference_linear(const mb_layer *l, size_t rows, const float *x, float *y);

#endif
