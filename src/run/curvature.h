/* curvature.h - second-order sensitivities of a network's layers on data: `mixbar sensitivity`
 *
 * The network as it is mapped (normalisation folded), the cross entropy of its outputs on the first samples of a dataset,
 * everything in
 * double precision (nn/diff.h, nn/hessian.h): the numbers are the same for any number of threads.
 */
#ifndef MB_RUN_CURVATURE_H
#define MB_RUN_CURVATURE_H

#include "nn/hessian.h"
#include "run/experiment.h"
#include "run/simulate.h"

typedef struct mb_curvature_options {
    int samples;                         /* at most the dataset's */
    int probes;                          /* of Hutchinson's trace; 0: not estimated */
    int steps;                           /* Hessian-vector products for each layer's eigenvalue; 0: not computed */
    int n_bits;
    const int *bits;                     /* changes of weights that are looked at: quantisation to these widths */
    /* dW'H dW and the measured loss of each, too: one product and one pass over the samples for each */
    bool measure;
    bool exact;                          /* the true Fisher matrix, over all classes: as many gradients of a sample as there are classes */
    int pairs;                           /* between all changes: 0 none, 1 dW'H dW, 2 measured (mb_loss_changes) */
    int threads;
    const mb_progress *progress;
} mb_curvature_options;

/* One weighted layer quantised to BITS with the experiment's weight rule. Losses in nats; NaN: not computed. */
typedef struct mb_layer_change {
    int bits;
    double dw2;                          /* |dW|^2 */
    double omega;                        /* mean Fisher trace times |dW|^2 (HAWQ-V2) */
    double fisher;                       /* 1/2 mean (g_s . dW)^2 (MPQNNCO) */
    double quadratic;                    /* 1/2 dW'H dW */
    double measured;                     /* L(W + dW) - L(W) */
} mb_layer_change;

typedef struct mb_layer_curvature {
    const char *name;                    /* of the network's layer */
    size_t n;                            /* weights */
    mb_estimate trace;                   /* Hutchinson; n = 0: not estimated */
    mb_estimate fisher, empirical;       /* traces; intervals over samples */
    mb_spectrum spectrum;                /* steps = 0: not computed */
    double entropy;                      /* bits, of the 4-bit codes (EAGL) */
    mb_layer_change *change;             /* [n_bits] */
} mb_layer_curvature;

typedef struct mb_curvature {
    int n, n_bits;
    mb_layer_curvature *layer;           /* weighted layers of the network, in order */
    size_t samples;
    double loss;                         /* mean over the samples */
    double *pair;                        /* [(n * n_bits)^2], or NULL */
} mb_curvature;

/* On the calibration data of the experiment when it has its own, else on its test data. MB_BADINPUT: a layer without derivatives.
 * */
int mb_curvature_compute(const mb_setup *s, const mb_curvature_options *o, mb_curvature **c);
void mb_curvature_free(mb_curvature *c);

#endif
