/* op_maxpool.c - maximum over windows; padding never wins (MaxPool, GlobalMaxPool) */
#include <string.h>

#include "base/error.h"
#include "nn/import.h"
#include "nn/window.h"

static int import(mb_import *im, const mb_node *node, mb_layer *l) {
    int64_t ceil_mode = 0, order = 0;
    int rc = mb_import_inputs(im, node, 1, 1);
    if (rc) return rc;
    const mb_shape *s = mb_import_shape(im, node, 0);
    if (!strcmp(node->op, "GlobalMaxPool")) {
        rc = mb_node_known(node, "");
        if (!rc) rc = mb_window_read(node, s, s->d + 1, false, &l->win);
    } else {
        rc = mb_node_known(node, "auto_pad|ceil_mode|dilations|kernel_shape|pads|storage_order|strides");
        if (!rc) rc = mb_node_int(node, "ceil_mode", 0, 0, 1, &ceil_mode);
        if (!rc) rc = mb_node_int(node, "storage_order", 0, 0, 1, &order);       /* concerns the second output only */
        if (!rc) rc = mb_window_read(node, s, NULL, ceil_mode, &l->win);
    }
    const mb_window *w = &l->win;
    if (!rc && (w->pt > (w->kh - 1) * w->dh || w->pl > (w->kw - 1) * w->dw || w->pb > (w->kh - 1) * w->dh ||
                w->pr > (w->kw - 1) * w->dw))
        rc = mb_node_fail(
            node, "its padding is as large as its window, so that some windows hold nothing but padding; reduce the padding");
    if (!rc) l->shape = mb_window_shape(w, s, w->cin);
    return rc;
}

/* One channel. */
static void plane(const mb_window *w, const float *x, float *y) {
    for (int oy = 0; oy < w->oh; oy++)
        for (int ox = 0; ox < w->ow; ox++) {
            bool any = false;
            float best = 0;
            for (int dy = 0; dy < w->kh; dy++) {
                int iy = oy * w->sh - w->pt + dy * w->dh;
                if (iy < 0 || iy >= w->ih) continue;
                for (int dx = 0; dx < w->kw; dx++) {
                    int ix = ox * w->sw - w->pl + dx * w->dw;
                    if (ix < 0 || ix >= w->iw) continue;
                    float v = x[(size_t)iy * (size_t)w->iw + (size_t)ix];
                    if (!any || v > best) best = v;
                    any = true;
                }
            }
            *y++ = best;
        }
}

static int forward(const mb_network *net, const mb_layer *l, int n, const float *const *x, float *y) {
    const mb_window *w = &l->win;
    size_t in = (size_t)w->ih * (size_t)w->iw, out = (size_t)w->oh * (size_t)w->ow, planes = (size_t)n * (size_t)w->cin;
    (void)net;
    for (size_t p = 0; p < planes; p++) plane(w, x[0] + p * in, y + p * out);
    return MB_OK;
}

static void count(const mb_network *net, const mb_layer *l, int64_t *add, int64_t *cmp, int64_t *mul) {
    (void)net;
    *add = *mul = 0;
    *cmp = (int64_t)mb_shape_count(&l->shape) * ((int64_t)l->win.kh * l->win.kw - 1);
}

static const char *const onnx[] = {"MaxPool", "GlobalMaxPool", NULL};
const mb_op_type mb_op_maxpool = {"maxpool", "maximum over windows", onnx, import, forward, false, count, NULL};
