/* fold.h - constants of a graph and the operators that are computed on them while importing
 *
 * Exporters write the shapes of Reshape, Pad and Slice as chains of small nodes (Shape, Gather, Concat, ...); import computes
 * every node whose inputs are all constants. Whole numbers are held as int64 (MB_BATCH stands for the batch size and can be
 * moved, not calculated with, unless the file fixes it), real ones as double, rounded to float where the ONNX type is not double.
 *
 * Used by nn/import.c and by operators for constant inputs.
 */
#ifndef MB_NN_FOLD_H
#define MB_NN_FOLD_H

#include "nn/node.h"

typedef struct mb_const {
    int type;                            /* ONNX element type */
    int nd;
    int64_t dim[MB_ONNX_MAX_RANK];
    size_t n;
    int64_t *i;                          /* integer and boolean types */
    double *r;                           /* real types */
} mb_const;

void mb_const_free(mb_const *c);
/* The data of T, at most MB_FOLD_MAX elements. NODE is for messages. */
int mb_const_from_tensor(const mb_node *node, const mb_onnx_tensor *t, mb_const **c);

bool mb_fold_knows(const char *op);
/* Compute NODE from its constant inputs IN[node->n_in] (NULL: absent optional input). */
int mb_fold(const mb_node *node, const mb_const *const *in, mb_const **out);
/* The Shape operator for a tensor of dimensions DIM (the first may be MB_BATCH). */
int mb_fold_shape(const mb_node *node, int nd, const int64_t *dim, mb_const **out);

/* Whole numbers of C, at most CAP; WHAT names it in messages. */
int mb_const_ints(const mb_node *node, const mb_const *c, const char *what, int cap, int64_t *v, int *n);
/* Axes as input C (may be NULL) or, when it is absent, as attribute "axes": non-negative, unique. *n = -1: neither is there. */
int mb_fold_axes(const mb_node *node, const mb_const *c, int rank, int *axis, int *n);

/* One axis of a slice: elements begin, begin + step, ... (count of them; may be 0). */
typedef struct mb_range { int64_t begin, step, count; } mb_range;
/* What Slice takes from a tensor of dimensions DIM. Starts, ends, axes and steps are IN[1..4], or attributes before opset 10. */
int mb_fold_slice(const mb_node *node, const mb_const *const *in, int nd, const int64_t *dim, mb_range *range);

#endif
