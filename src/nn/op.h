/* op.h - operators: one file each, listed in local.mk (MB_OPS), found through the generated registry
 *
 * An operator knows the ONNX operators it comes from, how to make a layer of a node, and how to compute it exactly in float32. To
 * add one: copy a small one (op_add.c), change the names, add one line to src/nn/local.mk.
 */
#ifndef MB_NN_OP_H
#define MB_NN_OP_H

#include "nn/network.h"

typedef struct mb_import mb_import;      /* state of an import; see nn/import.h for what operators may ask of it */
typedef struct mb_node mb_node;          /* one ONNX node; nn/import.h */

/* The attributes of a layer in public form; pointers belong to the layer. Fields that do not concern the operator are zero. Axes are
 * per sample. */
typedef struct mb_op_view {
    float lo, hi, slope;                 /* clip: limits (may be infinite); leaky: y = slope x for x < 0, no limits */
    bool leaky;
    bool include_pad;                    /* avgpool */
    size_t outer, channels, inner;       /* scale: element (o, c, i) of outer x channels x inner; softmax: the middle one is normalised */
    const float *a, *b;                  /* scale: [channels] */
    const float *gamma, *beta, *mean, *var;   /* scale that is a normalisation kept apart: [channels]; otherwise NULL */
    float eps;
    int axis;                            /* concat */
    int64_t begin[MB_MAX_RANK], step[MB_MAX_RANK];   /* slice: first element and step; pad: elements put before */
    float value;                         /* pad */
} mb_op_view;

struct mb_op_type {
    const char *name;                    /* "conv" */
    const char *summary;
    const char *const *onnx;             /* NULL-terminated names of the ONNX operators it imports; NULL for none */
    /* Make the layer of NODE: fill l->shape, win, weight, bias, attr (l->name, n_in, in are set: the node's non-constant inputs
     * in order). May call mb_import_alias() instead when the node changes nothing at inference (Identity, Dropout). */
    int (*import)(mb_import *im, const mb_node *node, mb_layer *l);
    /* y[n samples] from x[k] = input k (n samples each). For weighted layers: the reference in one fixed order of summation, the
     * oracle of oneDNN and the deterministic float path. Must not allocate more than it frees; re-entrant. */
    int (*forward)(const mb_network *net, const mb_layer *l, int n, const float *const *x, float *y);
    bool weighted;
    /* elementary operations per sample for the digital unit's cost: additions, comparisons, multiplications (not for weighted
     * layers) */
    void (*count)(const mb_network *net, const mb_layer *l, int64_t *add, int64_t *cmp, int64_t *mul);
    /* What L's private attr says, for those who write or differentiate networks; NULL when there is nothing to say. */
    void (*view)(const mb_layer *l, mb_op_view *v);
    /* A copy of L's private attr for a layer that has only the channels KEPT[n] of what L has (nn/prune.h), one block of the
     * caller; n < 0: all of them. NULL: memory ran out. The member is NULL for operators without attr. */
    void *(*keep)(const mb_layer *l, int n, const int *kept);
};

extern const mb_op_type *const mb_ops[];   /* NULL-terminated, generated */

/* Operators that others refer to by name. */
extern const mb_op_type mb_op_input, mb_op_linear, mb_op_scale, mb_op_reshape, mb_op_select;
extern const mb_op_type mb_op_conv, mb_op_matmul, mb_op_add, mb_op_maxpool, mb_op_avgpool, mb_op_softmax, mb_op_pad, mb_op_slice; /* tables of shapes */

#endif
