/* onnx_graph.h - an ONNX graph under construction: nodes, initialisers, the whole file. Used by nn/onnx_write*.c only
 *
 * Failures (memory) are remembered and told by mb_graph_finish(). Names: the value that node NAME makes is NAME:0, its
 * constants are NAME.what, so no two of them are the same when names of nodes are not.
 */
#ifndef MB_NN_ONNX_GRAPH_H
#define MB_NN_ONNX_GRAPH_H

#include "base/str.h"
#include "nn/network.h"
#include "nn/onnx_write.h"

typedef struct mb_graph {
    mb_str nodes, constants, node, attrs;        /* finished messages; inputs and attributes of the node that is being made */
} mb_graph;

/* One node: attributes and inputs in any order, then the end. */
void mb_graph_int(mb_graph *g, const char *name, int64_t v);
void mb_graph_ints(mb_graph *g, const char *name, int n, const int64_t *v);
void mb_graph_real(mb_graph *g, const char *name, float v);
void mb_graph_input(mb_graph *g, const char *value);            /* "" for one that is left out */
/* A new constant NODE.WHAT as the next input. */
void mb_graph_floats(mb_graph *g, const char *node, const char *what, int nd, const int64_t *dim, const float *v);
void mb_graph_int64s(mb_graph *g, const char *node, const char *what, int n, const int64_t *v);
/* OP called NAME; its output is called NAME:0. */
void mb_graph_node(mb_graph *g, const char *op, const char *name);

/* The file: one input, one output. G is used up. */
int mb_graph_finish(mb_graph *g, const char *name, const char *input, const mb_shape *in, const char *output, const mb_shape *out,
                    const mb_onnx_options *o, const mb_onnx_meta *more, size_t n_more, mb_str *file);

/* What layers of networks and of models have in common. X: the input's value name. */
void mb_graph_conv(mb_graph *g, const char *name, const char *x, const mb_window *w, bool plane, const float *weight,
                   const float *bias);
void mb_graph_gemm(mb_graph *g, const char *name, const char *x, const mb_window *w, const float *weight, const float *bias);
void mb_graph_norm(mb_graph *g, const char *name, const char *x, int64_t channels, const float *const v[4], float eps);
void mb_graph_clip(mb_graph *g, const char *name, const char *x, float lo, float hi);
void mb_graph_reshape(mb_graph *g, const char *name, const char *x, const mb_shape *to);
void mb_graph_pad(mb_graph *g, const char *name, const char *x, int nd, const int64_t *before, const int64_t *after, float value);
/* Elements begin, begin + step, ... of each axis; COUNT of them; IN: sizes of the input. */
void mb_graph_slice(mb_graph *g, const char *name, const char *x, int nd, const int64_t *in, const int64_t *begin,
                    const int64_t *step,
                    const int64_t *count);
/* Pooling; PLANE: two-dimensional. MB_BADINPUT: what ONNX cannot say (dilated means). */
int mb_graph_pool(mb_graph *g, const char *name, const char *x, const mb_window *w, bool plane, bool max, bool include_pad);

#endif
