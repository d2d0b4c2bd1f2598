/* exec.h - exact execution of a network on batches
 *
 * An executor owns the activation buffers of up to MAX_BATCH samples (memory is reused after a value's last use) and the prepared
 * oneDNN primitives. It is used by one thread at a time; each thread makes its own. Results of a sample do not depend on the
 * batch it is in. Weighted layers are computed by a function of the caller's choice; everything between is our own elementwise
 * code with one order of summation.
 */
#ifndef MB_NN_EXEC_H
#define MB_NN_EXEC_H

#include "nn/network.h"

typedef struct mb_exec mb_exec;

/* Computes weighted layer m (layer index net->weighted[m]) for N samples: x [n][cin][ih][iw] -> y [n][cout][oh][ow], bias
 * included. */
typedef int (*mb_weighted_fn)(void *ctx, const mb_network *net, int m, int n, const float *x, float *y);
/* Called after layer INDEX was computed: y = its n outputs. */
typedef int (*mb_watch_fn)(void *ctx, const mb_network *net, int index, int n, const float *y);

int mb_exec_new(const mb_network *net, int max_batch, mb_exec **e);
/* The same, but no memory is used again: the outputs of all layers stay, so that a run can be continued from any layer. */
int mb_exec_new_kept(const mb_network *net, int max_batch, mb_exec **e);
void mb_exec_free(mb_exec *e);
/* x: n samples of the input shape; y: n samples of the output shape; n <= max_batch.
 * weighted NULL: float32 on oneDNN (fast; bits may depend on the CPU). mb_exec_reference: our own float32, same bits everywhere.
 * watch may be NULL. */
int mb_exec_run(mb_exec *e, int n, const float *x, float *y, mb_weighted_fn weighted, void *ctx, mb_watch_fn watch,
                void *watch_ctx);
/* Compute weighted layer INDEX alone with WEIGHTED, from the kept activations, and then everything behind it with REST: y as in
 * mb_exec_run. Layers behind INDEX lose what they held; those before keep it, so a study of all layers goes from the last one to the
 * first. */
int mb_exec_vary(mb_exec *e, int n, int index, mb_weighted_fn weighted, void *ctx, mb_weighted_fn rest, void *rest_ctx, float *y);
int mb_exec_reference(void *ctx, const mb_network *net, int m, int n, const float *x, float *y);  /* ctx unused */

int mb_argmax(const float *v, size_t n);   /* first of the largest; NaN never wins */

#endif
