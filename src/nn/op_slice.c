/* op_slice.c - elements begin, begin + step, ... along any axis but the batch (Slice) */
#include <string.h>

#include "base/error.h"
#include "base/mem.h"
#include "nn/import.h"

#define ANY_BATCH ((int64_t)1 << 40)     /* stands for the batch size: a slice of this axis must take all of it */

typedef struct slice { mb_range range[MB_MAX_RANK]; int64_t in[MB_MAX_RANK]; } slice;

static int import(mb_import *im, const mb_node *node, mb_layer *l) {
    static const char *const what[5] = {"", "starts", "ends", "axes", "steps"};
    const mb_const *in[5] = {NULL};
    mb_range range[MB_ONNX_MAX_RANK];
    int64_t dim[MB_ONNX_MAX_RANK] = {ANY_BATCH};
    bool any = false;
    int rc = mb_import_inputs(im, node, 1, node->opset < 10 ? 1 : 5);
    for (int k = 1; !rc && k < node->n_in; k++)
        if (mb_import_has(node, k)) rc = mb_import_const(im, node, k, what[k], &in[k]);
    if (rc) return rc;
    const mb_shape *s = mb_import_shape(im, node, 0);
    for (int k = 0; k < s->nd; k++) dim[k + 1] = s->d[k];
    rc = mb_fold_slice(node, in, s->nd + 1, dim, range);
    if (!rc && (range[0].begin != 0 || range[0].step != 1 || range[0].count != ANY_BATCH))
        rc = mb_node_fail(node, "it slices the batch axis; only the axes behind the first may be sliced");
    if (rc) return rc;
    slice *p = l->attr = mb_calloc(1, sizeof *p);
    if (!p) return mb_nomem();
    l->shape.nd = s->nd;
    for (int k = 0; k < s->nd; k++) {
        p->range[k] = range[k + 1];
        if (p->range[k].count == 1) p->range[k].step = 1;                /* it may be huge */
        p->in[k] = s->d[k];
        l->shape.d[k] = range[k + 1].count;
        any = any || range[k + 1].count != s->d[k] || range[k + 1].begin != 0;
    }
    if (!any) mb_import_alias(im, node, 0);
    return MB_OK;
}

static int forward(const mb_network *net, const mb_layer *l, int n, const float *const *x, float *y) {
    const slice *p = l->attr;
    const mb_shape *s = &l->shape;
    int last = s->nd - 1;
    size_t in = mb_shape_count(&net->layer[l->in[0]].shape), out = mb_shape_count(s), rows = out / (size_t)s->d[last];
    for (int j = 0; j < n; j++) {
        const float *v = x[0] + (size_t)j * in;
        int64_t index[MB_MAX_RANK] = {0};
        for (size_t r = 0; r < rows; r++) {
            int64_t at = 0, step = p->range[last].step;
            for (int k = 0; k <= last; k++) at = at * p->in[k] + p->range[k].begin + (k < last ? index[k] * p->range[k].step : 0);
            for (int64_t i = 0; i < s->d[last]; i++) *y++ = v[at + i * step];
            for (int k = last - 1; k >= 0 && ++index[k] == s->d[k]; k--) index[k] = 0;
        }
    }
    return MB_OK;
}

static void count(const mb_network *net, const mb_layer *l, int64_t *add, int64_t *cmp, int64_t *mul) {
    (void)net;
    (void)l;
    *add = *cmp = *mul = 0;
}

static void view(const mb_layer *l, mb_op_view *v) {
    const slice *p = l->attr;
    for (int k = 0; k < l->shape.nd; k++) v->begin[k] = p->range[k].begin, v->step[k] = p->range[k].step;
}

static void *keep(const mb_layer *l, int n, const int *kept) {
    slice *c = mb_malloc(1, sizeof *c);
    (void)n;
    (void)kept;
    if (c) memcpy(c, l->attr, sizeof *c);
    return c;
}

static const char *const onnx[] = {"Slice", NULL};
const mb_op_type mb_op_slice = {"slice", "every step-th element from begin", onnx, import, forward, false, count, view, keep};
