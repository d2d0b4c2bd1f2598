/* engine_private.h - what nn/engine.c (making and memory) and nn/engine_pass.c (forward and backward) share
 *
 * A model becomes a list of steps. A step computes one value (an activation of the batch) from one or two; normalisation,
 * addition and clipping that follow one another, with nobody else looking, are one step (POINT: y = clip(norm(x) + z)). Gradients
 * live in a few buffers that are planned when the engine is made: walking the steps backwards, a value's derivative is the sum of
 * the contributions of its readers; a contribution may be shared (an addition passes the same one to both operands), and a buffer
 * without further readers is used again.
 */
#ifndef MB_NN_ENGINE_PRIVATE_H
#define MB_NN_ENGINE_PRIVATE_H

#include "nn/engine.h"
#include "nn/engine_conv.h"

typedef enum { STEP_CONV, STEP_DEPTHWISE, STEP_LINEAR, STEP_POINT, STEP_MAX, STEP_AVG, STEP_GATHER, STEP_TANH } step_kind;

typedef struct value {
    size_t C, rows, per;
    float *y;
} value; /* rows: of C numbers per sample; per: numbers per sample */

enum { MAX_PARTS = 8 }; /* readers of one value */

typedef struct contribution {
    int n, buffer[MAX_PARTS];
} contribution;

typedef struct step {
    step_kind kind;
    int layer;             /* the model's layer that the step computes */
    int affine, add, clip; /* POINT: layers, -1: none (affine: norm or scale) */
    int src, other, dst;   /* values; other -1: none */
    /* weighted layers */
    mb_conv *conv;
    float *w;  /* effective weights when they are not theta's (depthwise: always, [kh kw][C]) */
    float *xq; /* quantised input; NULL: the input itself */
    float xq_step, *keep;
    /* norm: mean and 1 / deviation as used; y = a x + b; coefficients of the backward pass */
    float *mean, *inv, *a, *b, *d;
    int32_t *index; /* gather, channels last; NULL: the same numbers in the same order */
    uint16_t *which;
    /* plan of the backward pass */
    contribution in; /* of dst */
    int g, dx;       /* buffers; dx -1: not wanted */
} step;

typedef struct buffer {
    size_t per;
    int refs;
    float *p;
} buffer;

struct mb_net_engine {
    mb_model *m;
    mb_engine_hooks hooks;
    int batch, threads;
    bool input_gradient;
    value *value;
    int n_values, *value_of; /* [layers]; -1: inside of a step */
    step *step;
    int n_steps;
    buffer *buffer;
    int n_buffers, dy;  /* buffer that receives the derivatives by the output */
    contribution input; /* by the input */
    mb_dnn *dnn;
    double *sums; /* [threads][2 width] */
    float *tmp;   /* [threads][2 width] */
    size_t width;
    float *plain_out;  /* output in the order c h w; NULL when the value is in that order */
    float *transposed; /* depthwise weights' gradients, [kh kw][C] */
    float *mixed;      /* twice the weights of the largest layer with branches */
    mb_pass pass;
    long recalibrated;
};

static inline const mb_model_layer *step_layer(const mb_net_engine *e, const step *s) { return &e->m->layer[s->layer]; }
static inline float *step_theta(const mb_net_engine *e, int block) {
    return block < 0 ? NULL : e->m->theta + e->m->block[block].at;
}

#endif
