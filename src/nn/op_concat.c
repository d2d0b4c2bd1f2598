/* op_concat.c - activations one behind the other along any axis but the batch (Concat) */
#include <string.h>

#include "base/error.h"
#include "base/mem.h"
#include "nn/import.h"

typedef struct concat { int axis; } concat;

static int import(mb_import *im, const mb_node *node, mb_layer *l) {
    char a[80], b[80];
    int64_t v;
    int axis;
    int rc = mb_node_known(node, "axis");
    if (!rc && (l->n_in != node->n_in || l->n_in < 1))
        rc = mb_node_fail(node, "activations and constants cannot be joined; only activations can");
    if (!rc) rc = mb_node_int(node, "axis", 1, -MB_ONNX_MAX_RANK, MB_ONNX_MAX_RANK, &v);
    if (rc) return rc;
    l->shape = *mb_import_shape(im, node, 0);
    rc = mb_node_axis(node, v, l->shape.nd + 1, &axis);
    if (!rc && axis == 0) rc = mb_node_fail(node, "it joins along the batch axis; only the axes behind the first can be joined");
    if (rc) return rc;
    axis--;
    for (int j = 1; j < l->n_in; j++) {
        const mb_shape *s = mb_import_shape(im, node, j);
        bool fits = s->nd == l->shape.nd;
        for (int k = 0; fits && k < s->nd; k++) fits = k == axis || s->d[k] == l->shape.d[k];
        if (!fits)
            return mb_node_fail(node, "shapes %s and %s per sample cannot be joined along axis %d",
                                mb_shape_text(&l->shape, a, sizeof a), mb_shape_text(s, b, sizeof b), axis + 1);
        l->shape.d[axis] += s->d[axis];
    }
    concat *p = l->attr = mb_calloc(1, sizeof *p);
    if (!p) return mb_nomem();
    p->axis = axis;
    if (l->n_in == 1) mb_import_alias(im, node, 0);
    return MB_OK;
}

static int forward(const mb_network *net, const mb_layer *l, int n, const float *const *x, float *y) {
    const concat *p = l->attr;
    size_t outer = 1, inner = 1;
    for (int k = 0; k < p->axis; k++) outer *= (size_t)l->shape.d[k];
    for (int k = p->axis + 1; k < l->shape.nd; k++) inner *= (size_t)l->shape.d[k];
    for (size_t o = 0; o < (size_t)n * outer; o++)
        for (int j = 0; j < l->n_in; j++) {
            size_t row = (size_t)net->layer[l->in[j]].shape.d[p->axis] * inner;
            memcpy(y, x[j] + o * row, row * sizeof *y);
            y += row;
        }
    return MB_OK;
}

static void count(const mb_network *net, const mb_layer *l, int64_t *add, int64_t *cmp, int64_t *mul) {
    (void)net;
    (void)l;
    *add = *cmp = *mul = 0;
}

static void view(const mb_layer *l, mb_op_view *v) {
    const concat *p = l->attr;
    v->axis = p->axis;
}

static void *keep(const mb_layer *l, int n, const int *kept) {
    concat *c = mb_malloc(1, sizeof *c);
    (void)n;
    (void)kept;
    if (c) memcpy(c, l->attr, sizeof *c);
    return c;
}

static const char *const onnx[] = {"Concat", NULL};
const mb_op_type mb_op_concat = {"concat", "activations side by side", onnx, import, forward, false, count, view, keep};
