/* testnet.h - networks made by hand for tests of mapping and cost: a chain of weighted layers, optionally with a layer of
 * elementwise additions */
#ifndef TESTNET_H
#define TESTNET_H

#include "base/mem.h"
#include "nn/network.h"
#include "nn/op.h"

/* Weighted layer: convolution cin x ih x iw -> cout, square kernel; a fully connected layer has ih = iw = k = 1. kind 'a':
 * elementwise addition of the two layers before it. */
typedef struct testlayer {
    const char *name;
    char kind;
    int cin, ih, iw, cout, k, stride, pad, groups;
} testlayer;

static inline void testnet_count(const mb_network *net, const mb_layer *l, int64_t *add, int64_t *cmp, int64_t *mul) {
    (void)net;
    *add = (int64_t)mb_shape_count(&l->shape);
    *cmp = *mul = 0;
}

static const mb_op_type testnet_input = {.name = "input"}, testnet_conv = {.name = "conv", .weighted = true},
                        testnet_add = {.name = "add", .count = testnet_count};

static inline mb_network *testnet(const char *name, uint64_t hash, int n, const testlayer *t) {
    mb_network *net = mb_calloc(1, sizeof *net);
    net->name = mb_strdup(name);
    net->path = mb_asprintf("%s.onnx", name);
    net->hash = hash;
    net->layer = mb_calloc((size_t)n + 1, sizeof *net->layer);
    net->weighted = mb_calloc((size_t)n, sizeof *net->weighted);
    net->n_layers = n + 1;
    net->output = n;
    mb_layer *in = &net->layer[0];
    in->op = &testnet_input;
    in->name = mb_strdup("input");
    in->shape = (mb_shape){3, {t[0].cin, t[0].ih, t[0].iw}};
    for (int i = 0; i < n; i++) {
        mb_layer *l = &net->layer[i + 1];
        l->name = mb_strdup(t[i].name);
        l->n_in = t[i].kind == 'a' ? 2 : 1;
        l->in = mb_calloc((size_t)l->n_in, sizeof *l->in);
        l->in[0] = i;
        if (t[i].kind == 'a') {
            l->in[1] = i - 1;
            l->op = &testnet_add;
            l->shape = net->layer[i].shape;
            continue;
        }
        int oh = (t[i].ih + 2 * t[i].pad - t[i].k) / t[i].stride + 1, ow = (t[i].iw + 2 * t[i].pad - t[i].k) / t[i].stride + 1;
        l->op = &testnet_conv;
        l->win = (mb_window){.kh = t[i].k,
                             .kw = t[i].k,
                             .sh = t[i].stride,
                             .sw = t[i].stride,
                             .pt = t[i].pad,
                             .pl = t[i].pad,
                             .pb = t[i].pad,
                             .pr = t[i].pad,
                             .dh = 1,
                             .dw = 1,
                             .cin = t[i].cin,
                             .ih = t[i].ih,
                             .iw = t[i].iw,
                             .cout = t[i].cout,
                             .oh = oh,
                             .ow = ow,
                             .groups = t[i].groups};
        l->shape = (mb_shape){3, {t[i].cout, oh, ow}};
        net->weighted[net->n_weighted++] = i + 1;
    }
    return net;
}

/* Give layer L weights: a fixed pattern of both signs, the largest magnitude is TOP. */
static inline void testnet_weights(mb_layer *l, float top) {
    l->n_weight = (size_t)l->win.cout * (size_t)(l->win.cin / l->win.groups) * (size_t)(l->win.kh * l->win.kw);
    l->weight = mb_calloc(l->n_weight, sizeof *l->weight);
    for (size_t i = 0; i < l->n_weight; i++) l->weight[i] = top * (float)((int)(i * 37 % 201) - 100) / 100.0f;
    l->weight[0] = top;
}

#endif
