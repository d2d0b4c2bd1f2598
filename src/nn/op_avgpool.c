/* op_avgpool.c - mean over windows (AveragePool, GlobalAveragePool, ReduceMean over the spatial axes)
 *
 * y = sum / count; count_include_pad = 1 counts the padded elements (as zeros), 0 only those of the data. A window that reaches
 * beyond the padding (ceil_mode) never counts what lies there. Sums run row by row in double, so that they have the same bits
 * everywhere.
 */
#include <string.h>

#include "base/error.h"
#include "base/mem.h"
#include "nn/import.h"
#include "nn/window.h"

typedef struct avgpool { bool include_pad; } avgpool;

/* ReduceMean: exactly the spatial axes. *keep says whether they stay as axes of length 1. */
static int reduce_axes(mb_import *im, const mb_node *node, const mb_shape *s, int64_t *keep) {
    int axis[MB_ONNX_MAX_RANK], n = -1, seen = 0;
    int64_t ignored;
    const mb_const *c = NULL;
    int rc = mb_node_known(node, "axes|keepdims|noop_with_empty_axes");
    if (!rc) rc = mb_node_int(node, "keepdims", 1, 0, 1, keep);
    if (!rc) rc = mb_node_int(node, "noop_with_empty_axes", 0, 0, 0, &ignored);
    if (!rc && mb_import_has(node, 1)) rc = mb_import_const(im, node, 1, "axes", &c);
    if (!rc) rc = mb_fold_axes(node, c, s->nd + 1, axis, &n);
    for (int k = 0; !rc && k < n; k++) seen += axis[k] >= 2;
    if (!rc && (n != s->nd - 1 || seen != n || n < 1))
        rc = mb_node_fail(node, "only the mean over all spatial axes (2, 3) is supported; use GlobalAveragePool");
    return rc;
}

static int import(mb_import *im, const mb_node *node, mb_layer *l) {
    int64_t ceil_mode = 0, include = 0, keep = 1;
    bool reduce = !strcmp(node->op, "ReduceMean");
    int rc = mb_import_inputs(im, node, 1, reduce ? 2 : 1);
    if (rc) return rc;
    const mb_shape *s = mb_import_shape(im, node, 0);
    mb_shape image = {3, {s->d[0], 1, s->nd > 1 ? s->d[1] : 1}};         /* for global means: the window is the whole image */
    if (s->nd == 3) image = *s;
    if (!strcmp(node->op, "AveragePool")) {
        rc = mb_node_known(node, "auto_pad|ceil_mode|count_include_pad|dilations|kernel_shape|pads|strides");
        if (!rc) rc = mb_node_int(node, "ceil_mode", 0, 0, 1, &ceil_mode);
        if (!rc) rc = mb_node_int(node, "count_include_pad", 0, 0, 1, &include);
        if (!rc) rc = mb_window_read(node, s, NULL, ceil_mode, &l->win);
    } else {
        rc = reduce ? reduce_axes(im, node, s, &keep) : mb_node_known(node, "");
        if (!rc && s->nd != 2 && s->nd != 3)
            rc = mb_node_fail(node, "its input is neither an image (C x H x W) nor a sequence (C x L)");
        if (!rc) {
            mb_onnx_node bare = *node->onnx;                             /* without the attributes of ReduceMean */
            mb_node plain = *node;
            bare.n_attr = 0;
            plain.onnx = &bare;
            rc = mb_window_read(&plain, &image, image.d + 1, false, &l->win);
        }
    }
    if (rc) return rc;
    const mb_window *w = &l->win;
    if (!include && (w->pt > (w->kh - 1) * w->dh || w->pl > (w->kw - 1) * w->dw || w->pb > (w->kh - 1) * w->dh ||
                     w->pr > (w->kw - 1) * w->dw))
        return mb_node_fail(
            node, "its padding is as large as its window, so that some windows hold nothing but padding; reduce the padding");
    l->shape = mb_window_shape(w, s, w->cin);
    if (!keep) l->shape.nd = 1;
    avgpool *a = l->attr = mb_calloc(1, sizeof *a);
    if (!a) return mb_nomem();
    a->include_pad = include;
    return MB_OK;
}

/* First and last + 1 element of the window along one axis that lie in [LO, HI); *n = how many. */
static void inside(int at, int k, int d, int lo, int hi, int *first, int *last) {
    *first = at < lo ? (lo - at + d - 1) / d : 0;
    *last = at + (k - 1) * d < hi ? k : at < hi ? (hi - at + d - 1) / d : 0;
    if (*last < *first) *last = *first;
}

static void plane(const mb_window *w, bool include_pad, const float *x, float *y) {
    for (int oy = 0; oy < w->oh; oy++) {
        int iy = oy * w->sh - w->pt, y0, y1, py0, py1;
        inside(iy, w->kh, w->dh, 0, w->ih, &y0, &y1);
        inside(iy, w->kh, w->dh, -w->pt, w->ih + w->pb, &py0, &py1);
        for (int ox = 0; ox < w->ow; ox++) {
            int ix = ox * w->sw - w->pl, x0, x1, px0, px1;
            inside(ix, w->kw, w->dw, 0, w->iw, &x0, &x1);
            inside(ix, w->kw, w->dw, -w->pl, w->iw + w->pr, &px0, &px1);
            double sum = 0;
            for (int dy = y0; dy < y1; dy++) {
                const float *row = x + (size_t)(iy + dy * w->dh) * (size_t)w->iw;
                for (int dx = x0; dx < x1; dx++) sum += (double)row[ix + dx * w->dw];
            }
            int64_t n = include_pad ? (int64_t)(py1 - py0) * (px1 - px0) : (int64_t)(y1 - y0) * (x1 - x0);
            *y++ = n ? (float)(sum / (double)n) : 0;
        }
    }
}

static int forward(const mb_network *net, const mb_layer *l, int n, const float *const *x, float *y) {
    const mb_window *w = &l->win;
    const avgpool *a = l->attr;
    size_t in = (size_t)w->ih * (size_t)w->iw, out = (size_t)w->oh * (size_t)w->ow, planes = (size_t)n * (size_t)w->cin;
    (void)net;
    for (size_t p = 0; p < planes; p++) plane(w, a->include_pad, x[0] + p * in, y + p * out);
    return MB_OK;
}

static void count(const mb_network *net, const mb_layer *l, int64_t *add, int64_t *cmp, int64_t *mul) {
    int64_t size = (int64_t)mb_shape_count(&l->shape);
    (void)net;
    *add = size * ((int64_t)l->win.kh * l->win.kw - 1);
    *cmp = 0;
    *mul = size;
}

static void view(const mb_layer *l, mb_op_view *v) {
    const avgpool *a = l->attr;
    v->include_pad = a->include_pad;
}

static void *keep(const mb_layer *l, int n, const int *kept) {
    avgpool *c = mb_malloc(1, sizeof *c);
    (void)n;
    (void)kept;
    if (c) memcpy(c, l->attr, sizeof *c);
    return c;
}

static const char *const onnx[] = {"AveragePool", "GlobalAveragePool", "ReduceMean", NULL};
const mb_op_type mb_op_avgpool = {"avgpool", "mean over windows", onnx, import, forward, false, count, view, keep};
