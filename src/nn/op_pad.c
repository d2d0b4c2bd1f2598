/* op_pad.c - padding with a constant on any axis but the batch (Pad; attributes before opset 11, inputs since, axes since opset
 * 18) */
#include <math.h>
#include <string.h>

#include "base/error.h"
#include "base/mem.h"
#include "nn/import.h"

typedef struct pad { int64_t before[MB_MAX_RANK], in[MB_MAX_RANK]; float value; } pad;

/* Axes of the ONNX tensor (rank RANK) that the pads are for; all when not told. */
static int pad_axes(mb_import *im, const mb_node *node, int rank, int *axis, int *n) {
    const mb_const *c;
    int64_t v[MB_ONNX_MAX_RANK];
    *n = rank;
    for (int k = 0; k < rank; k++) axis[k] = k;
    if (!mb_import_has(node, 3)) return MB_OK;
    int rc = mb_import_const(im, node, 3, "axes", &c);
    if (!rc) rc = mb_const_ints(node, c, "axes", MB_ONNX_MAX_RANK, v, n);
    return rc ? rc : mb_node_axes(node, v, *n, rank, axis);
}

static int read_pads(mb_import *im, const mb_node *node, int rank, int64_t *before, int64_t *after, float *value) {
    int64_t v[2 * MB_ONNX_MAX_RANK];
    int axis[MB_ONNX_MAX_RANK], n = 0, n_axes;
    const mb_const *c;
    bool attrs = node->opset < 11;
    int rc = mb_node_known(node, attrs ? "mode|pads|value" : "mode");
    if (!rc) rc = pad_axes(im, node, rank, axis, &n_axes);
    if (!rc && attrs) {
        rc = mb_node_ints(node, "pads", 2 * MB_ONNX_MAX_RANK, v, &n);
        if (!rc) rc = mb_node_float(node, "value", 0, value);
    } else if (!rc) {
        rc = mb_import_const(im, node, 1, "pads", &c);
        if (!rc) rc = mb_const_ints(node, c, "pads", 2 * MB_ONNX_MAX_RANK, v, &n);
        if (!rc) rc = mb_import_number(im, node, 2, "value", 0, value);
    }
    if (!rc && n != 2 * n_axes) rc = mb_node_fail(node, "it has %d pads, %d are needed", n < 0 ? 0 : n, 2 * n_axes);
    if (!rc && !isfinite(*value)) rc = mb_node_fail(node, "its value is not finite");
    for (int k = 0; !rc && k < n_axes; k++) {
        before[axis[k]] = v[k];
        after[axis[k]] = v[n_axes + k];
        if (v[k] < 0 || v[n_axes + k] < 0) rc = mb_node_fail(node, "it pads by a negative number; use Slice to cut");
        else if (v[k] > MB_MAX_ELEMENTS || v[n_axes + k] > MB_MAX_ELEMENTS)
            rc = mb_node_fail(node, "it pads by more than memory can hold");
    }
    return rc;
}

static int import(mb_import *im, const mb_node *node, mb_layer *l) {
    int64_t before[MB_ONNX_MAX_RANK] = {0}, after[MB_ONNX_MAX_RANK] = {0};
    char mode[24];
    float value = 0;
    bool any = false;
    int rc = mb_import_inputs(im, node, 1, 4);
    if (rc) return rc;
    const mb_shape *s = mb_import_shape(im, node, 0);
    rc = mb_node_text(node, "mode", "constant", mode, sizeof mode);
    if (!rc && strcmp(mode, "constant"))
        rc = mb_node_fail(node, "mode \"%s\" is not supported, only \"constant\"; use zero padding in the model", mode);
    if (!rc) rc = read_pads(im, node, s->nd + 1, before, after, &value);
    if (!rc && (before[0] || after[0]))
        rc = mb_node_fail(node, "it pads the batch axis; only the axes behind the first may be padded");
    if (rc) return rc;
    pad *p = l->attr = mb_calloc(1, sizeof *p);
    if (!p) return mb_nomem();
    l->shape = *s;
    p->value = value;
    for (int k = 0; k < s->nd; k++) {
        p->before[k] = before[k + 1];
        p->in[k] = s->d[k];
        l->shape.d[k] += before[k + 1] + after[k + 1];
        any = any || before[k + 1] || after[k + 1];
    }
    if (!any) mb_import_alias(im, node, 0);
    return MB_OK;
}

/* Copy the innermost rows to their places in one filled sample. */
static void place(const mb_layer *l, const pad *p, const float *x, float *y) {
    const mb_shape *s = &l->shape;
    int last = s->nd - 1;
    int64_t index[MB_MAX_RANK] = {0}, rows = 1;
    for (int k = 0; k < last; k++) rows *= p->in[k];
    for (int64_t r = 0; r < rows; r++, x += p->in[last]) {
        int64_t at = 0;
        for (int k = 0; k <= last; k++) at = at * s->d[k] + p->before[k] + index[k];
        memcpy(y + at, x, (size_t)p->in[last] * sizeof *y);
        for (int k = last - 1; k >= 0 && ++index[k] == p->in[k]; k--) index[k] = 0;
    }
}

static int forward(const mb_network *net, const mb_layer *l, int n, const float *const *x, float *y) {
    const pad *p = l->attr;
    size_t in = mb_shape_count(&net->layer[l->in[0]].shape), out = mb_shape_count(&l->shape);
    for (size_t k = 0; k < (size_t)n * out; k++) y[k] = p->value;
    for (size_t j = 0; j < (size_t)n; j++) place(l, p, x[0] + j * in, y + j * out);
    return MB_OK;
}

static void count(const mb_network *net, const mb_layer *l, int64_t *add, int64_t *cmp, int64_t *mul) {
    (void)net;
    (void)l;
    *add = *cmp = *mul = 0;
}

static void view(const mb_layer *l, mb_op_view *v) {
    const pad *p = l->attr;
    for (int k = 0; k < l->shape.nd; k++) v->begin[k] = p->before[k];
    v->value = p->value;
}

static void *keep(const mb_layer *l, int n, const int *kept) {
    pad *c = mb_malloc(1, sizeof *c);
    (void)n;
    (void)kept;
    if (c) memcpy(c, l->attr, sizeof *c);
    return c;
}

static const char *const onnx[] = {"Pad", NULL};
const mb_op_type mb_op_pad = {"pad", "padding with a constant", onnx, import, forward, false, count, view, keep};
