/* node.h - one ONNX node as import and operators see it: its attributes, checked, and messages that name it
 *
 * Used by nn/fold.c, nn/window.c, nn/import.c and the operators.
 */
#ifndef MB_NN_NODE_H
#define MB_NN_NODE_H

#include <stdbool.h>
#include <stdint.h>

#include "nn/onnx.h"

/* Stands for the batch size among the integers that a graph computes with (the first element of an activation's Shape). */
#define MB_BATCH ((int64_t)-0x4d42415443480001)

/* Largest number of elements of an activation (per sample); of all constants computed while folding; of one constant that is
 * larger than what it is computed from. */
#define MB_MAX_ELEMENTS ((int64_t)1 << 28)
#define MB_FOLD_MAX ((size_t)1 << 26)
#define MB_FOLD_GROW ((size_t)1 << 20)

typedef struct mb_node mb_node;
struct mb_node {
    const char *network;                 /* path of the file, for messages */
    const mb_onnx_node *onnx;
    char op[48];                         /* operator */
    char label[160];                     /* node "conv1" (Conv)   or   node 7 (Conv) */
    int64_t opset;
    int64_t batch;                       /* batch size that the file declares; -1: symbolic */
    int n_in;
    const int *value;                    /* [n_in] private to nn/import.c; -1: absent */
    size_t fold_max;                     /* elements of a constant computed from this node; 0: MB_FOLD_MAX */
};

/* MB_BADINPUT "NETWORK: node "NAME" (OP): ..." */
int mb_node_fail(const mb_node *node, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* Every attribute must be one of NAMES ("axis|pads"), and occur once: an attribute we do not know could change the result. */
int mb_node_known(const mb_node *node, const char *names);
const mb_onnx_attr *mb_node_attr(const mb_node *node, const char *name);     /* NULL when absent */

/* Attributes with defaults. MB_BADINPUT when the type is another one, or an integer lies outside [lo, hi]. */
int mb_node_int(const mb_node *node, const char *name, int64_t def, int64_t lo, int64_t hi, int64_t *v);
int mb_node_float(const mb_node *node, const char *name, float def, float *v);
int mb_node_text(const mb_node *node, const char *name, const char *def, char *buf, size_t cap);
/* *n = -1 when absent; MB_BADINPUT for more than CAP. */
int mb_node_ints(const mb_node *node, const char *name, int cap, int64_t *v, int *n);

/* AXIS in [-rank, rank) made non-negative. */
int mb_node_axis(const mb_node *node, int64_t axis, int rank, int *out);
/* The same for a list, without duplicates. */
int mb_node_axes(const mb_node *node, const int64_t *axis, int n, int rank, int *out);

#endif
