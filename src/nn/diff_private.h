/* diff_private.h - what the files diff*.c share: values with derivatives, and what a kind of layer must be able to do */
#ifndef MB_NN_DIFF_PRIVATE_H
#define MB_NN_DIFF_PRIVATE_H

#include "nn/diff.h"

/* Values and, unless NULL, their derivatives along the direction of a Hessian-vector product (NULL: all of them are zero, or not
 * asked for). */
typedef struct mb_dual { double *v, *t; } mb_dual;

/* A layer at work on N samples. */
typedef struct mb_diff_job {
    const mb_model_layer *l;
    size_t n, size, in_size[2];          /* elements per sample of output and inputs */
    const float *mean, *var;             /* norm in inference: the running statistics; NULL in training */
    mb_dual x[2], w, b;                  /* inputs and parameters (v NULL: there are none) */
    mb_dual y;                           /* forward only; y.t NULL: no derivatives are asked for */
    /* Backward: gradients of the loss; dx[k].v, dw.v, db.v NULL: not wanted. With derivatives when dy.t is not NULL, and then
     * everywhere. */
    mb_dual dy, dx[2], dw, db;
} mb_diff_job;

typedef struct mb_diff_kind {
    void (*forward)(const mb_diff_job *j);     /* y, cleared before */
    void (*backward)(const mb_diff_job *j);    /* adds to dx, dw, db */
} mb_diff_kind;

extern const mb_diff_kind mb_diff_conv, mb_diff_linear, mb_diff_norm, mb_diff_scale, mb_diff_add, mb_diff_clip, mb_diff_tanh,
    mb_diff_maxpool,
    mb_diff_avgpool, mb_diff_flatten, mb_diff_gather;

/* y[i] += a x[k], values and derivatives. */
static inline void mb_dual_add(mb_dual y, size_t i, mb_dual x, size_t k, double a) {
    y.v[i] += a * x.v[k];
    if (y.t && x.t) y.t[i] += a * x.t[k];
}

#endif
