/* model.h - a network that can be trained: layers, parameters in one array, running statistics, quantisers
 *
 * mb_network (network.h) is what inference, mapping and simulation see: batch normalisation folded, weights fixed. mb_model is
 * what training sees: normalisation is a layer of its own with running statistics, all that is learnt lies in one flat array
 * `theta` with named blocks (gradients and optimiser states are arrays of the same layout), and weighted layers say how their
 * weights and inputs are quantised while training. Shapes are per sample, C x H x W row-major or vectors. A layer has one output;
 * its index names it, and in[] are smaller indices. Layer 0 is the input, the last layer the output (logits, or values for MSE).
 *
 *     families (nn/family.h) -\                              /-> nn/train.h      trains it (float32, oneDNN)
 *     mb_model_from_network --> mb_model -- theta, state --- --> nn/onnx_write.h writes it (normalisation as BatchNormalization)
 *     builder functions below -/                             \-> mb_model_network (writes and imports: folded mb_network)
 *
 * Layouts of blocks: conv weight [cout][cin/groups][kh][kw], linear weight [out][in], all others one number per channel (of the
 * layer's output) or, for steps of quantisers, one number or one per output channel.
 */
#ifndef MB_NN_MODEL_H
#define MB_NN_MODEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "nn/network.h"

typedef enum mb_kind {
    MB_KIND_INPUT,
    MB_KIND_CONV,   /* win, groups; weight, bias */
    MB_KIND_LINEAR, /* over the flattened input: win.cin -> win.cout; weight, bias */
    MB_KIND_NORM,   /* batch normalisation: y = weight (x - mean) / sqrt(var + eps) + bias; running mean, var in state */
    MB_KIND_SCALE,  /* y = weight[c] x + bias[c]: what is left of a folded normalisation */
    MB_KIND_ADD,    /* in[0] + in[1], equal shapes */
    MB_KIND_CLIP,   /* min(max(x, lo), hi): ReLU 0..inf, ReLU6 0..6, hard tanh -1..1; derivative 1 where lo < x < hi */
    MB_KIND_TANH,
    MB_KIND_MAXPOOL, /* win; padding never wins */
    MB_KIND_AVGPOOL, /* win; include_pad: divide by kh kw always; the whole image as window: global pooling */
    MB_KIND_FLATTEN, /* C x H x W -> vector, same order */
    MB_KIND_GATHER   /* y[k] = index[k] < 0 ? value : x[index[k]]: slices, padding, permutations of what they hold */
} mb_kind;

/* Quantisers of weights and of inputs of weighted layers while training ("fake quantisation"); formulas in nn/fakequant.h. */
typedef enum mb_fake {
    MB_FAKE_NONE,
    MB_FAKE_MINMAX,
    MB_FAKE_LSQ,
    MB_FAKE_PACT,
    MB_FAKE_HWGQ,
    MB_FAKE_DOREFA,
    MB_FAKE_SIGN,
    MB_FAKE_TERNARY,
    MB_FAKE_MIX /* several widths at once, weighed by learnt logits (nn/mixquant.h); not for files */
} mb_fake;
typedef struct mb_fakequant {
    mb_fake kind;
    int bits;
    bool is_signed;   /* inputs only; weights always are */
    bool per_channel; /* weights only: one step per output channel */
    bool twos;        /* signed codes from -2^(bits-1) on, as in LSQ's paper; false: +-(2^(bits-1) - 1), as arrays hold them */
    unsigned mix;     /* mix: bit b is set where there is a branch of b bits */
    int block;        /* learnt steps, clip or logits in theta; -1: nothing is learnt */
} mb_fakequant;

typedef struct mb_model_layer {
    mb_kind kind;
    char *name;
    int n_in, in[2];
    mb_shape shape;      /* of the output */
    mb_window win;       /* conv, linear, pooling */
    float lo, hi;        /* clip */
    float eps, momentum; /* norm: running = (1 - momentum) running + momentum batch (batch variance unbiased) */
    bool include_pad;    /* avgpool */
    float value;         /* gather */
    int32_t *index;      /* gather: mb_shape_count(shape) numbers */
    int weight, bias;    /* blocks of theta, -1: none. conv, linear; norm and scale: factor (gamma) and offset (beta) */
    size_t state;        /* norm: state[state .. + C) running mean, then C of running variance */
    mb_fakequant wq, xq; /* conv, linear: of the weights and of the layer's input */
} mb_model_layer;

typedef enum mb_role { MB_ROLE_WEIGHT, MB_ROLE_BIAS, MB_ROLE_GAMMA, MB_ROLE_BETA, MB_ROLE_STEP } mb_role;
typedef struct mb_model_block {
    char *name; /* "conv1.weight" */
    int layer;
    mb_role role;
    size_t at, n; /* theta[at .. at + n) */
} mb_model_block;

typedef struct mb_model {
    char *name;
    mb_model_layer *layer;
    int n_layers;
    mb_model_block *block;
    int n_blocks;
    float *theta; /* [n_theta] */
    size_t n_theta;
    float *state; /* [n_state] running statistics */
    size_t n_state;
    int rc; /* first failure of a builder function; mb_model_done() returns it */
} mb_model;

/* --- building ---------------------------------------------------------------------------------------------------------------
 * Builder functions append a layer and return its index, or -1 after a failure, which is kept in m->rc with its message; they
 * pass on -1 as IN, so a chain of calls needs one check at its end: mb_model_done(). Weights start at zero: mb_model_init(). */
int mb_model_new(const char *name, const mb_shape *input, mb_model **m); /* layer 0 is made */
void mb_model_free(mb_model *m);
int mb_model_conv(mb_model *m, const char *name, int in, int cout, int kh, int kw, int stride, int pad, int groups, bool bias);
int mb_model_conv_window(mb_model *m, const char *name, int in, const mb_window *w,
                         bool bias); /* everything of W but oh, ow, cin, ih, iw */
int mb_model_linear(mb_model *m, const char *name, int in, int out, bool bias);
int mb_model_norm(mb_model *m, const char *name, int in); /* eps 1e-5, momentum 0.1 */
int mb_model_scale(mb_model *m, const char *name, int in);
int mb_model_add(mb_model *m, const char *name, int a, int b);
int mb_model_clip(mb_model *m, const char *name, int in, float lo, float hi);
int mb_model_relu(mb_model *m, const char *name, int in);
int mb_model_tanh(mb_model *m, const char *name, int in);
int mb_model_pool(mb_model *m, const char *name, int in, mb_kind kind, int k, int stride, int pad); /* k x k; include_pad true */
int mb_model_pool_window(mb_model *m, const char *name, int in, mb_kind kind, const mb_window *w, bool include_pad);
int mb_model_global(mb_model *m, const char *name, int in); /* mean over the image: C x 1 x 1 */
int mb_model_flatten(mb_model *m, const char *name, int in);
int mb_model_gather(mb_model *m, const char *name, int in, const mb_shape *shape, const int32_t *index,
                    float value); /* INDEX is copied */
/* End of building: m->rc, or MB_BADINPUT when the graph cannot be trained (a layer without use, a name twice). */
int mb_model_done(mb_model *m);

/* Start values: conv and linear weights normal with variance 2 / fan-in (He et al., ICCV 2015, doi:10.1109/ICCV.2015.123), biases
 * and beta 0, gamma 1, running mean 0 and variance 1. Functions of (seed, block, index). */
void mb_model_init(mb_model *m, uint64_t seed);
int mb_model_copy(const mb_model *m, mb_model **out);
bool mb_model_weighted(const mb_model_layer *l);        /* conv or linear */
int mb_model_find(const mb_model *m, const char *name); /* layer index, -1: none */
static inline const mb_model_layer *mb_model_output(const mb_model *m) { return &m->layer[m->n_layers - 1]; }

/* Bring the weights of each weighted layer within ALPHA standard deviations (about 0): arrays then use their range for most of
 * them. */
void mb_model_clip_weights(mb_model *m, double alpha);

/* --- quantisers on layers ------------------------------------------------------------------------------------------------- */
/* Quantise weights / input of layer L from now on; learnt steps get a block at the end of theta (which moves). */
int mb_model_quantise(mb_model *m, int layer, const mb_fakequant *weights, const mb_fakequant *input);

/* --- from and to networks ------------------------------------------------------------------------------------------------- */
/* A model of an imported network: what can be trained of it. MB_BADINPUT names a layer that cannot (softmax at the end is left
 * out: the loss holds it). Weighted layers of the network are weighted layers of the model in the same order and of the same
 * name. */
int mb_model_from_network(const mb_network *net, mb_model **m);
/* The network that inference sees: written as ONNX (nn/onnx_write.h) and imported again. */
int mb_model_network(const mb_model *m, mb_network **net);
/* The bytes of the ONNX file: with quantised weights in place of those they are made from. DOC may be NULL. */
int mb_model_export(const mb_model *m, const char *doc, mb_str *out);

#endif
