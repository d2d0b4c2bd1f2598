/* op_conv.c - convolution, one- and two-dimensional, grouped, dilated (Conv)
 *
 * y[o][oy][ox] = bias[o] + sum over c, dy, dx of w[o][c][dy][dx] x[g cin/groups + c][oy sh - pt + dy dh][ox sw - pl + dx dw],  g
 * = group of o; the sum runs in this order (reference.c).
 */
#include "base/error.h"
#include "base/mem.h"
#include "nn/import.h"
#include "nn/reference.h"
#include "nn/window.h"

static int take_bias(mb_import *im, const mb_node *node, mb_layer *l) {
    mb_floats b;
    int rc = mb_import_floats(im, node, 2, "bias", &b);
    if (rc) return rc;
    l->bias = b.v;
    return b.n == (size_t)l->win.cout ? MB_OK
                                      : mb_node_fail(node, "its bias has %zu elements, its output %d channels", b.n, l->win.cout);
}

static int import(mb_import *im, const mb_node *node, mb_layer *l) {
    mb_floats w = {0};
    int64_t groups = 1;
    int rc = mb_import_inputs(im, node, 2, 3);
    if (!rc) rc = mb_node_known(node, "auto_pad|dilations|group|kernel_shape|pads|strides");
    if (!rc) rc = mb_node_int(node, "group", 1, 1, 1 << 24, &groups);
    if (!rc) rc = mb_import_floats(im, node, 1, "weights", &w);
    if (rc) return rc;
    l->weight = w.v;
    l->n_weight = w.n;
    const mb_shape *s = mb_import_shape(im, node, 0);
    if (s->nd != 2 && s->nd != 3)
        return mb_node_fail(node, "only one- and two-dimensional convolutions are supported, its input has %d spatial axes",
                            s->nd - 1);
    if (w.nd != s->nd + 1) return mb_node_fail(node, "its weights have rank %d, its input asks for %d", w.nd, s->nd + 1);
    if (w.dim[0] < 1 || w.dim[0] > 1 << 24 || w.dim[1] < 1 || s->d[0] % groups || w.dim[0] % groups ||
        w.dim[1] != s->d[0] / groups)
        return mb_node_fail(
            node, "%lld input channels and %lld output channels in %lld groups do not fit weights for %lld channels per group",
            (long long)s->d[0], (long long)w.dim[0], (long long)groups, (long long)w.dim[1]);
    rc = mb_window_read(node, s, w.dim + 2, false, &l->win);
    if (rc) return rc;
    l->win.cout = (int)w.dim[0];
    l->win.groups = (int)groups;
    l->shape = mb_window_shape(&l->win, s, l->win.cout);
    return mb_import_has(node, 2) ? take_bias(im, node, l) : MB_OK;
}

static int forward(const mb_network *net, const mb_layer *l, int n, const float *const *x, float *y) {
    (void)net;
    return mb_reference_conv(l, n, x[0], y);
}

static const char *const onnx[] = {"Conv", NULL};
const mb_op_type mb_op_conv = {"conv", "convolution", onnx, import, forward, true, NULL, NULL};
