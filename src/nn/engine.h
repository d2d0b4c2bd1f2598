/* engine.h - forward and backward pass of a trainable network over a batch, float32
 *
 * Activations are kept channels last ([n][h][w][c]) from end to end, so that nothing is reordered between layers: convolutions on
 * oneDNN, matrix products by its sgemm, all that is elementwise in our own passes, in which normalisation, addition and clipping
 * that follow one another are one. Memory and primitives are made once. Work is split over THREADS parts; results are the same
 * bytes for the same number of threads (and the same CPU and oneDNN).
 *
 * An engine belongs to one model, whose theta it reads at every pass and whose running statistics it moves in training passes;
 * the model must keep its layers and blocks while the engine lives. Used by one thread at a time. Reference of the layouts:
 * oneDNN 2.6 developer guide.
 */
#ifndef MB_NN_ENGINE_H
#define MB_NN_ENGINE_H

#include "nn/model.h"

typedef struct mb_net_engine mb_net_engine;

typedef enum mb_pass {
    MB_PASS_EVAL,       /* running statistics; backward gives gradients of that function (normalisation frozen) */
    MB_PASS_TRAIN,      /* statistics of the batch; running statistics move */
    MB_PASS_RECALIBRATE /* statistics of the batch; running ones become the mean over the passes since mb_engine_recalibrate() */
} mb_pass;

/* What hardware does to a weighted layer while training: called for each in the forward pass. */
typedef struct mb_engine_hooks {
    void *ctx;
    /* W [cout][K]: the quantised weights of LAYER, to be changed in place (noise, clipping). The gradient passes straight
     * through. */
    void (*weights)(void *ctx, int layer, size_t n, float *w);
    /* X: the inputs of LAYER for N samples, channels last, before they are quantised. Y [count] (channels last, bias not yet
     * added): its results, to be changed in place; KEEP [count], when not NULL, receives the factor on the gradient (0 where a
     * converter clipped). */
    void (*output)(void *ctx, int layer, int n, const float *x, size_t count, float *y, float *keep);
} mb_engine_hooks;

/* BATCH samples at a time, always. INPUT_GRADIENT: mb_engine_input_gradient() works. threads 0: as OpenMP would. */
typedef struct mb_engine_options {
    int batch, threads;
    bool input_gradient;
    const mb_engine_hooks *hooks;
} mb_engine_options;
int mb_engine_new(mb_model *m, const mb_engine_options *o, mb_net_engine **e);
void mb_engine_free(mb_net_engine *e);
int mb_engine_threads(const mb_net_engine *e);

/* The input [batch][h][w][c], to be filled before each pass. mb_engine_set_input: from N <= batch plain samples [c][h][w]; the
 * others become zero. */
float *mb_engine_input(mb_net_engine *e);
void mb_engine_set_input(mb_net_engine *e, int n, const float *x);

/* Forward pass. The output [batch][count of the output's shape, in the order c h w] is mb_engine_output(). Learnt steps of
 * quantisers that are 0 get their start value from this batch (in training passes only). */
int mb_engine_forward(mb_net_engine *e, mb_pass pass);
const float *mb_engine_output(const mb_net_engine *e);
/* Backward pass after a forward pass. dy: derivatives of the loss by the outputs; grad[n_theta]: overwritten. */
int mb_engine_backward(mb_net_engine *e, const float *dy, float *grad);
/* After a backward pass: derivatives by the input, [batch][c][h][w]. */
int mb_engine_input_gradient(mb_net_engine *e, float *dx);
void mb_engine_recalibrate(mb_net_engine *e);

/* After a forward pass: first layer (of the model) whose result holds a number that is not finite; -1: none. */
int mb_engine_not_finite(const mb_net_engine *e);
/* Weights of weighted layer L as the last pass used them (quantised, hooks applied) [cout][K]; NULL: theta's own. */
const float *mb_engine_weights(const mb_net_engine *e, int layer);

#endif
