/* op_reshape.c - the same numbers in the same order under another shape, or under the same: Reshape, Flatten, Squeeze, Unsqueeze,
 * Transpose where it moves axes of length 1 only, and what does nothing at inference (Identity, Dropout, Cast between real types)
 *
 * The batch axis must stay the first and alone. The executor gives these layers no memory of their own.
 */
#include <string.h>

#include "base/error.h"
#include "nn/import.h"

static int batch_moves(const mb_node *node) {
    return mb_node_fail(node, "it would change the batch axis; only the axes behind the first may be reshaped");
}

static int reshape(mb_import *im, const mb_node *node, const mb_shape *s, mb_shape *out) {
    int64_t dim[MB_ONNX_MAX_RANK], zero, rest = 1, count = (int64_t)mb_shape_count(s);
    int nd = 0, open = -1;
    const mb_const *c;
    int rc = mb_node_known(node, "allowzero");
    if (!rc) rc = mb_node_int(node, "allowzero", 0, 0, 1, &zero);
    if (!rc) rc = mb_import_const(im, node, 1, "the shape", &c);
    if (!rc) rc = mb_const_ints(node, c, "the shape", MB_MAX_RANK + 1, dim, &nd);
    if (!rc && nd < 2) rc = batch_moves(node);
    for (int k = 1; !rc && k < nd; k++) {
        if (dim[k] == 0 && !zero) dim[k] = k <= s->nd ? s->d[k - 1] : -2;
        if (dim[k] == MB_BATCH) rc = batch_moves(node);
        else if (dim[k] == -1 && open < 0) open = k;
        else if (dim[k] < 1) rc = mb_node_fail(node, "the shape asked for holds a wrong number at place %d", k);
        else if (dim[k] > MB_MAX_ELEMENTS / rest) rc = mb_node_fail(node, "the shape asked for is too large");
        else rest *= dim[k];
    }
    if (rc) return rc;
    /* The batch: its symbol, 0 (copied), the number that the file declares (1 when it declares none), or -1 with everything else
     * given. */
    bool batch = dim[0] == MB_BATCH || (dim[0] == 0 && !zero) || dim[0] == (node->batch > 0 ? node->batch : 1) ||
                 (dim[0] == -1 && open < 0);
    if (open > 0 && batch && count % rest == 0) {
        dim[open] = count / rest;
        rest = count;
    }
    if (!batch || rest != count) {
        char text[80];
        return mb_node_fail(
            node, "%lld elements per sample (N x %s) cannot be given the shape asked for without changing the batch axis",
            (long long)count, mb_shape_text(s, text, sizeof text));
    }
    out->nd = nd - 1;
    for (int k = 1; k < nd; k++) out->d[k - 1] = dim[k];
    return MB_OK;
}

static int flatten(const mb_node *node, const mb_shape *s, mb_shape *out) {
    int64_t axis;
    int rc = mb_node_known(node, "axis");
    if (!rc) rc = mb_node_int(node, "axis", 1, -s->nd - 1, s->nd + 1, &axis);
    if (rc) return rc;
    if (axis < 0) axis += s->nd + 1;
    if (axis != 1) return batch_moves(node);
    out->nd = 1;
    out->d[0] = (int64_t)mb_shape_count(s);
    return MB_OK;
}

static int squeeze(mb_import *im, const mb_node *node, const mb_shape *s, mb_shape *out) {
    int axis[MB_ONNX_MAX_RANK], n = -1;
    const mb_const *c = NULL;
    int rc = mb_node_known(node, "axes");
    if (!rc && mb_import_has(node, 1)) rc = mb_import_const(im, node, 1, "axes", &c);
    if (!rc) rc = mb_fold_axes(node, c, s->nd + 1, axis, &n);
    if (!rc && n < 0 && node->batch == 1)
        rc = mb_node_fail(node, "without axes it would remove the batch axis; export with the axes named");
    if (rc) return rc;
    out->nd = 0;
    for (int j = 0; j < n; j++)
        if (axis[j] == 0) return batch_moves(node);
    for (int k = 0; k < s->nd; k++) {
        bool drop = n < 0 && s->d[k] == 1;
        for (int j = 0; j < n; j++) drop = drop || axis[j] == k + 1;
        if (drop && s->d[k] != 1)
            return mb_node_fail(node, "axis %d has %lld elements and cannot be squeezed", k + 1, (long long)s->d[k]);
        if (!drop) out->d[out->nd++] = s->d[k];
    }
    if (out->nd == 0) return mb_node_fail(node, "it would leave nothing but the batch axis; put a Flatten there instead");
    return MB_OK;
}

static int unsqueeze(mb_import *im, const mb_node *node, const mb_shape *s, mb_shape *out) {
    int64_t v[MB_ONNX_MAX_RANK];
    int axis[MB_ONNX_MAX_RANK], n = -1;
    bool fresh[MB_MAX_RANK + 1] = {false};
    const mb_const *c = NULL;
    int rc = mb_node_known(node, "axes");
    if (!rc && mb_import_has(node, 1)) rc = mb_import_const(im, node, 1, "axes", &c);
    if (!rc) rc = c ? mb_const_ints(node, c, "axes", MB_MAX_RANK, v, &n) : mb_node_ints(node, "axes", MB_MAX_RANK, v, &n);
    if (!rc && n < 0) rc = mb_node_fail(node, "axes are missing");
    if (!rc && s->nd + n > MB_MAX_RANK)
        rc = mb_node_fail(node, "its result has too many axes (at most %d with the batch)", MB_MAX_RANK + 1);
    if (!rc) rc = mb_node_axes(node, v, n, s->nd + 1 + n, axis);
    if (rc) return rc;
    for (int j = 0; j < n; j++) {
        if (axis[j] == 0) return batch_moves(node);
        fresh[axis[j]] = true;
    }
    out->nd = s->nd + n;
    for (int k = 0, from = 0; k < out->nd; k++) out->d[k] = fresh[k + 1] ? 1 : s->d[from++];
    return MB_OK;
}

static int transpose(const mb_node *node, const mb_shape *s, mb_shape *out) {
    int64_t perm[MB_ONNX_MAX_RANK];
    int axis[MB_ONNX_MAX_RANK], n, rank = s->nd + 1, before = 0;
    int rc = mb_node_known(node, "perm");
    if (!rc) rc = mb_node_ints(node, "perm", MB_ONNX_MAX_RANK, perm, &n);
    for (int k = 0; !rc && n < 0 && k < rank; k++) perm[k] = rank - 1 - k;
    if (!rc && n >= 0 && n != rank) rc = mb_node_fail(node, "perm has %d axes, its input %d", n, rank);
    if (!rc) rc = mb_node_axes(node, perm, rank, rank, axis);
    if (rc) return rc;
    if (axis[0] != 0) return batch_moves(node);
    out->nd = s->nd;
    for (int k = 1; k < rank; k++) {
        out->d[k - 1] = s->d[axis[k] - 1];
        if (out->d[k - 1] == 1) continue;
        if (axis[k] < before)
            return mb_node_fail(node, "transposing activations is not supported (only axes of length 1 may move); export the "
                                      "network in channels-first layout (N x C x H "
                                      "x W; tf2onnx: --inputs-as-nchw)");
        before = axis[k];
    }
    return MB_OK;
}

/* Identity, Dropout, Cast: nothing to do, or an error. */
static int nothing(mb_import *im, const mb_node *node) {
    int64_t v;
    float ratio;
    const mb_const *c;
    int rc;
    if (!strcmp(node->op, "Identity")) return mb_node_known(node, "");
    if (!strcmp(node->op, "Cast")) {
        rc = mb_node_known(node, "to|saturate");
        if (!rc) rc = mb_node_int(node, "to", 0, 0, 1000, &v);
        if (!rc && !mb_onnx_type_real((int)v))
            rc = mb_node_fail(node, "activations can be cast to real types only, not to %s", mb_onnx_type_name((int)v));
        return rc;
    }
    rc = mb_node_known(node, "ratio|seed");
    if (!rc) rc = mb_node_float(node, "ratio", 0.5f, &ratio);
    if (!rc && mb_import_has(node, 2)) {
        rc = mb_import_const(im, node, 2, "training_mode", &c);
        if (!rc && (!c->i || c->n != 1 || c->i[0]))
            rc = mb_node_fail(node, "it is in training mode; export the network in inference mode (PyTorch: model.eval())");
    }
    return rc;
}

static int import(mb_import *im, const mb_node *node, mb_layer *l) {
    int most = !strcmp(node->op, "Dropout")                                                                  ? 3
               : !strcmp(node->op, "Reshape") || strstr(node->op, "squeeze") || !strcmp(node->op, "Squeeze") ? 2
                                                                                                             : 1;
    int rc = mb_import_inputs(im, node, !strcmp(node->op, "Reshape") ? 2 : 1, most);
    if (rc) return rc;
    const mb_shape *s = mb_import_shape(im, node, 0);
    l->shape = *s;
    if (!strcmp(node->op, "Reshape")) rc = reshape(im, node, s, &l->shape);
    else if (!strcmp(node->op, "Flatten")) rc = flatten(node, s, &l->shape);
    else if (!strcmp(node->op, "Squeeze")) rc = squeeze(im, node, s, &l->shape);
    else if (!strcmp(node->op, "Unsqueeze")) rc = unsqueeze(im, node, s, &l->shape);
    else if (!strcmp(node->op, "Transpose")) rc = transpose(node, s, &l->shape);
    else rc = nothing(im, node);
    if (!rc && mb_shape_equal(s, &l->shape)) mb_import_alias(im, node, 0);
    return rc;
}

static int forward(const mb_network *net, const mb_layer *l, int n, const float *const *x, float *y) {
    (void)net;
    if (y != x[0]) memcpy(y, x[0], (size_t)n * mb_shape_count(&l->shape) * sizeof *y);
    return MB_OK;
}

static void count(const mb_network *net, const mb_layer *l, int64_t *add, int64_t *cmp, int64_t *mul) {
    (void)net;
    (void)l;
    *add = *cmp = *mul = 0;
}

static const char *const onnx[] = {"Reshape",  "Flatten", "Squeeze", "Unsqueeze", "Transpose",
                                   "Identity", "Dropout", "Cast",    NULL};
const mb_op_type mb_op_reshape = {"reshape", "another shape, the same numbers", onnx, import, forward, false, count, NULL};
