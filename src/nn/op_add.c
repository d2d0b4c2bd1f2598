/* op_add.c - elementwise sum of activations of one shape, in the order of the inputs (Add, Sum)
 *
 * A sum with a constant is a scale layer (op_scale.c).
 */
#include "config.h"

#include <string.h>

#include "base/clones.h"
#include "base/error.h"
#include "nn/import.h"

static int import(mb_import *im, const mb_node *node, mb_layer *l) {
    char a[80], b[80];
    for (int k = 0; k < node->n_in; k++)
        if (mb_import_is_const(im, node, k)) {
            if (strcmp(node->op, "Add"))
                return mb_node_fail(node, "a constant among its inputs is supported for Add only; use Add in the model");
            return mb_op_scale.import(im, node, l);
        }
    int rc = mb_node_known(node, "");
    if (!rc) rc = mb_import_inputs(im, node, 1, MB_ONNX_MAX_NODE_INPUTS);
    if (!rc && (l->n_in != node->n_in || (!strcmp(node->op, "Add") && l->n_in != 2)))
        rc = mb_node_fail(node, "an input is missing");
    if (rc) return rc;
    l->shape = *mb_import_shape(im, node, 0);
    for (int k = 1; k < l->n_in; k++) {
        const mb_shape *s = mb_import_shape(im, node, k);
        if (!mb_shape_equal(s, &l->shape))
            return mb_node_fail(node, "its inputs have the shapes %s and %s per sample; only equal shapes can be added",
                                mb_shape_text(&l->shape, a, sizeof a), mb_shape_text(s, b, sizeof b));
    }
    return MB_OK;
}

MB_CLONES static void sum(size_t n, const float *a, const float *b, float *restrict y) {
#pragma omp simd
    for (size_t k = 0; k < n; k++) y[k] = a[k] + b[k];
}

MB_CLONES static void sum_to(size_t n, const float *restrict a, float *restrict y) {
#pragma omp simd
    for (size_t k = 0; k < n; k++) y[k] += a[k];
}

static int forward(const mb_network *net, const mb_layer *l, int n, const float *const *x, float *y) {
    size_t count = (size_t)n * mb_shape_count(&l->shape);
    (void)net;
    if (l->n_in == 1) memcpy(y, x[0], count * sizeof *y);
    else sum(count, x[0], x[1], y);
    for (int j = 2; j < l->n_in; j++) sum_to(count, x[j], y);
    return MB_OK;
}

static void count(const mb_network *net, const mb_layer *l, int64_t *add, int64_t *cmp, int64_t *mul) {
    (void)net;
    *add = (int64_t)mb_shape_count(&l->shape) * (l->n_in - 1);
    *cmp = *mul = 0;
}

static const char *const onnx[] = {"Add", "Sum", NULL};
const mb_op_type mb_op_add = {"add", "sum of activations", onnx, import, forward, false, count, NULL};
