/* network.h - the graph of a neural network after import: layers in execution order, shapes, weights
 *
 * All shapes are per sample (no batch axis). Activations are float32, C x H x W (row-major) or vectors. Layer 0 is the input.
 * A layer has one output, and its index names it: layer[i].in[] are indices smaller than i.
 *
 * "Weighted" layers (convolution, fully connected) are what gets mapped to crossbars. All of them are seen as one kind of matrix
 * product (struct mb_matmul): for each of GROUPS groups a K x N weight matrix, applied to VECTORS input vectors per sample.
 */
#ifndef MB_NN_NETWORK_H
#define MB_NN_NETWORK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/str.h"

#define MB_MAX_RANK 6

typedef struct mb_shape { int nd; int64_t d[MB_MAX_RANK]; } mb_shape;   /* nd 0 is a scalar */

size_t mb_shape_count(const mb_shape *s);                 /* product; 1 for a scalar */
bool mb_shape_equal(const mb_shape *a, const mb_shape *b);
const char *mb_shape_text(const mb_shape *s, char *buf, size_t cap);   /* "16x28x28" */

/* Geometry of convolution and pooling windows. A fully connected layer over T tokens has in = out = T x 1 and a 1 x 1 kernel. */
typedef struct mb_window {
    int kh, kw, sh, sw;              /* kernel, stride */
    int pt, pl, pb, pr;              /* padding: top, left, bottom, right */
    int dh, dw;                      /* dilation */
    int cin, ih, iw, cout, oh, ow;
    int groups;
} mb_window;

typedef struct mb_op_type mb_op_type;                     /* nn/op.h */

typedef struct mb_layer {
    const mb_op_type *op;
    char *name;                      /* ONNX node name, or made from operator and number when it has none; unique */
    int n_in, *in;
    mb_shape shape;                  /* of the output */
    mb_window win;                   /* weighted layers and pooling */
    /* weighted layers: W[cout][cin/groups][kh][kw] row-major (a fully connected layer: W[out][in]); bias[cout] or NULL. */
    float *weight, *bias;
    size_t n_weight;                 /* number of floats in weight */
    /* Trained quantiser of the layer's input, as the file's metadata say it: step at input_bits; 0: none (nn/onnx_write.h) */
    float input_step;
    int input_bits;
    void *attr;                      /* private to the operator, one mb_malloc block; NULL for none */
} mb_layer;

/* The matrix view of a weighted layer. Row index of the unrolled matrix: (c * kh + dy) * kw + dx within the group; column: output
 * channel of the group. */
typedef struct mb_matmul { int groups, K, N, vectors; } mb_matmul;

typedef struct mb_network {
    char *name, *path;               /* path of the ONNX file */
    mb_layer *layer;
    int n_layers;
    int input, output;               /* layer indices */
    int *weighted;                   /* indices of the weighted layers, in order: "mapped layer m" is layer[weighted[m]] */
    int n_weighted;
    uint64_t hash;                   /* of the file's bytes (and of its external data) */
    int64_t opset;
} mb_network;

void mb_network_free(mb_network *net);
void mb_layer_clear(mb_layer *l);                                  /* free what it holds and zero it */
bool mb_layer_weighted(const mb_layer *l);
mb_matmul mb_layer_matmul(const mb_layer *l);                     /* only for weighted layers */
int64_t mb_layer_macs(const mb_layer *l);                        /* per sample; groups * K * N * vectors; 0 for others */
int64_t mb_layer_params(const mb_layer *l);                      /* weights and biases */
/* Copy group G of the layer's weights as a K x N row-major matrix (input major, as an array holds it). */
void mb_layer_matrix(const mb_layer *l, int group, float *out);
/* Text of `mixbar show network` goes through a table made by the caller; here only the checks: all shapes known, weights finite
 * (MB_BADINPUT names the layer and the element), sizes agree. */
int mb_network_check(const mb_network *net);

/* Import (nn/import.c). *net is complete or untouched. Batch normalisation is folded into the layer before it where it can be. */
int mb_network_load(const char *path, mb_network **net);
/* The same with batch normalisation as layers of their own, for training (nn/model.h) */
int mb_network_load_apart(const char *path, mb_network **net);
/* The same from SIZE bytes of an ONNX file in memory; PATH is for messages, and external data are looked for in its folder. */
int mb_network_parse(const uint8_t *data, size_t size, const char *path, mb_network **net);

#endif
