/* exec_dnnl.h - weighted layers on oneDNN, for nn/exec.c only
 *
 * One mb_dnnl belongs to one executor: own engine, stream, scratch memory, and weights reordered once into the layout that oneDNN
 * prefers. Primitives are made for each batch size that is asked for and kept (the last few sizes). Always one thread, inside and
 * outside of parallel regions: the caller's loop over samples is where threads are, and results do not depend on their number.
 */
#ifndef MB_NN_EXEC_DNNL_H
#define MB_NN_EXEC_DNNL_H

#include "nn/network.h"

typedef struct mb_dnnl mb_dnnl;

int mb_dnnl_new(const mb_network *net, mb_dnnl **d);
void mb_dnnl_free(mb_dnnl *d);
/* Weighted layer M for N samples, x and y plain and in the layer's own order (fully connected over tokens: [n][T][features]). */
int mb_dnnl_run(mb_dnnl *d, int m, int n, const float *x, float *y);

#endif
