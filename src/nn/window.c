/* window.c - geometry of convolution and pooling from ONNX attributes */
#include "nn/window.h"

#include <limits.h>
#include <string.h>

#include "base/error.h"

#define MAX_SIDE (1 << 24)               /* of kernels, strides, paddings, dilations and images; products stay far below 2^63 */

typedef enum { PAD_GIVEN, PAD_SAME_UPPER, PAD_SAME_LOWER, PAD_VALID } pad_rule;

/* Attribute NAME: N values in [LO, MAX_SIDE], all DEF when absent. */
static int sides(const mb_node *node, const char *name, int n, int64_t lo, int64_t def, int64_t *v) {
    int found;
    int rc = mb_node_ints(node, name, n, v, &found);
    if (rc) return rc;
    if (found < 0) for (int k = 0; k < n; k++) v[k] = def;
    else if (found != n) return mb_node_fail(node, "attribute \"%s\" must have %d values, not %d", name, n, found);
    for (int k = 0; k < n; k++)
        if (v[k] < lo || v[k] > MAX_SIDE)
            return mb_node_fail(node, "attribute \"%s\" holds %lld, which is not in %lld..%d%s", name, (long long)v[k],
                                (long long)lo, MAX_SIDE,
                                v[k] < 0 && lo == 0 ? " (for negative padding put a Slice before the layer)" : "");
    return MB_OK;
}

static int read_rule(const mb_node *node, pad_rule *rule) {
    char text[24];
    int rc = mb_node_text(node, "auto_pad", "NOTSET", text, sizeof text);
    if (rc) return rc;
    if (!strcmp(text, "NOTSET") || !*text) *rule = PAD_GIVEN;
    else if (!strcmp(text, "SAME_UPPER")) *rule = PAD_SAME_UPPER;
    else if (!strcmp(text, "SAME_LOWER")) *rule = PAD_SAME_LOWER;
    else if (!strcmp(text, "VALID")) *rule = PAD_VALID;
    else return mb_node_fail(node, "attribute \"auto_pad\" = \"%s\" is not one of NOTSET, SAME_UPPER, SAME_LOWER, VALID", text);
    return MB_OK;
}

/* One axis: i elements, kernel k, stride s, dilation d, padding p[0], p[1] (changed by the rule) -> *o. */
static int one_axis(const mb_node *node, pad_rule rule, bool ceil_mode, int64_t i, int64_t k, int64_t s, int64_t d, int64_t p[2],
                    int64_t *o) {
    int64_t e = (k - 1) * d + 1;
    if (rule == PAD_VALID) p[0] = p[1] = 0;
    if (rule == PAD_SAME_UPPER || rule == PAD_SAME_LOWER) {
        int64_t total = ((i + s - 1) / s - 1) * s + e - i;
        if (total < 0) total = 0;
        p[0] = rule == PAD_SAME_UPPER ? total / 2 : total - total / 2;
        p[1] = total - p[0];
    }
    int64_t room = i + p[0] + p[1] - e;
    if (room < 0)
        return mb_node_fail(
            node,
            "the kernel (extent %lld) is larger than its padded input (%lld); is the input image too small for this network?",
            (long long)e, (long long)(i + p[0] + p[1]));
    *o = room / s + 1;
    if (ceil_mode && room % s && *o * s < i + p[0]) ++*o;
    return *o <= INT_MAX ? MB_OK : mb_node_fail(node, "its output is too large");
}

int mb_window_read(const mb_node *node, const mb_shape *in, const int64_t *kernel, bool ceil_mode, mb_window *w) {
    int64_t k[2], s[2], d[2], p[4], o[2] = {1, 1}, size[2];
    pad_rule rule = PAD_GIVEN;
    if (in->nd != 2 && in->nd != 3) {
        char text[80];
        return mb_node_fail(node, "its input is %s; only images (C x H x W) and sequences (C x L) are supported here",
                            mb_shape_text(in, text, sizeof text));
    }
    int n = in->nd - 1, from = 2 - n;                     /* a sequence uses the second axis only */
    for (int j = 0; j < in->nd; j++)
        if (in->d[j] > MAX_SIDE) return mb_node_fail(node, "its input is too large");
    int rc = kernel || mb_node_attr(node, "kernel_shape") ? MB_OK : mb_node_fail(node, "attribute \"kernel_shape\" is missing");
    if (!rc) rc = sides(node, "kernel_shape", n, 1, 1, k);
    for (int j = 0; !rc && kernel && j < n; j++) {
        if (mb_node_attr(node, "kernel_shape") && k[j] != kernel[j])
            rc = mb_node_fail(node, "kernel_shape says %lld, its weights say %lld", (long long)k[j], (long long)kernel[j]);
        k[j] = kernel[j];
        if (!rc && (k[j] < 1 || k[j] > MAX_SIDE))
            rc = mb_node_fail(node, "its weights have no elements or a kernel that is too large");
    }
    if (!rc) rc = sides(node, "strides", n, 1, 1, s);
    if (!rc) rc = sides(node, "dilations", n, 1, 1, d);
    if (!rc) rc = sides(node, "pads", 2 * n, 0, 0, p);
    if (!rc) rc = read_rule(node, &rule);
    if (rc) return rc;
    memset(w, 0, sizeof *w);
    w->cin = w->cout = w->groups = (int)in->d[0];
    w->kh = w->kw = w->sh = w->sw = w->dh = w->dw = 1;
    size[0] = 1;
    for (int j = 0; j < n; j++) size[from + j] = in->d[1 + j];
    for (int j = 0; !rc && j < n; j++) {
        int64_t pad[2] = {p[j], p[n + j]};
        rc = one_axis(node, rule, ceil_mode, size[from + j], k[j], s[j], d[j], pad, &o[from + j]);
        if (pad[0] > MAX_SIDE || pad[1] > MAX_SIDE) rc = rc ? rc : mb_node_fail(node, "its padding is too large");
        if (rc) break;
        if (from + j == 0) {
            w->kh = (int)k[j], w->sh = (int)s[j], w->dh = (int)d[j], w->pt = (int)pad[0], w->pb = (int)pad[1];
        } else {
            w->kw = (int)k[j], w->sw = (int)s[j], w->dw = (int)d[j], w->pl = (int)pad[0], w->pr = (int)pad[1];
        }
    }
    w->ih = (int)size[0];
    w->iw = (int)size[1];
    w->oh = (int)o[0];
    w->ow = (int)o[1];
    return rc;
}

mb_shape mb_window_shape(const mb_window *w, const mb_shape *in, int channels) {
    mb_shape s = {in->nd, {channels, w->oh, w->ow}};
    if (in->nd == 2) s.d[1] = w->ow;
    return s;
}
