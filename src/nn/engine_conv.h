/* engine_conv.h - convolutions of nn/engine.c on oneDNN: forward, by the input, by the weights; images channels last
 *
 * Weights come and go in the model's own layout [cout][cin/groups][kh][kw]; they are brought into the layout that oneDNN prefers
 * once per pass (they are small; images are never reordered). All memory is bound when a convolution is made.
 */
#ifndef MB_NN_ENGINE_CONV_H
#define MB_NN_ENGINE_CONV_H

#include "nn/network.h"

typedef struct mb_dnn mb_dnn; /* oneDNN's engine, stream and one scratch memory for all convolutions */
int mb_dnn_new(mb_dnn **d);
void mb_dnn_free(mb_dnn *d);

typedef struct mb_conv mb_conv;
/* N images; NAME for messages (borrowed). */
int mb_conv_new(mb_dnn *d, const char *name, const mb_window *w, int n, mb_conv **c);
void mb_conv_free(mb_conv *c);
int mb_conv_forward(mb_conv *c, const float *x, const float *weight, float *y);
int mb_conv_input(mb_conv *c, const float *g, float *dx); /* with the weights of the forward pass */
int mb_conv_weights(mb_conv *c, const float *x, const float *g, float *dweight);
/* Row-major C[m][n] = op(A) op(B) */
int mb_dnn_product(char ta, char tb, size_t m, size_t n, size_t k, const float *a, const float *b, float *c);

#endif
