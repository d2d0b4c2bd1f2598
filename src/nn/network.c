/* network.c - shapes, the matrix view of weighted layers, checks */
#include "nn/network.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "base/mem.h"
#include "nn/op.h"

size_t mb_shape_count(const mb_shape *s) {
    size_t n = 1;
    for (int k = 0; k < s->nd; k++) n *= (size_t)s->d[k];
    return n;
}

bool mb_shape_equal(const mb_shape *a, const mb_shape *b) {
    bool equal = a->nd == b->nd;
    for (int k = 0; equal && k < a->nd; k++) equal = a->d[k] == b->d[k];
    return equal;
}

const char *mb_shape_text(const mb_shape *s, char *buf, size_t cap) {
    size_t at = 0;
    if (cap) buf[0] = 0;
    if (s->nd == 0) snprintf(buf, cap, "scalar");
    for (int k = 0; k < s->nd && at < cap; k++) {
        int n = snprintf(buf + at, cap - at, "%s%lld", k ? "x" : "", (long long)s->d[k]);
        at += n > 0 ? (size_t)n : 0;
    }
    return buf;
}

void mb_layer_clear(mb_layer *l) {
    mb_free(l->name);
    mb_free(l->in);
    mb_free(l->weight);
    mb_free(l->bias);
    mb_free(l->attr);
    memset(l, 0, sizeof *l);
}

void mb_network_free(mb_network *net) {
    if (!net) return;
    for (int k = 0; k < net->n_layers; k++) mb_layer_clear(&net->layer[k]);
    mb_free(net->layer);
    mb_free(net->weighted);
    mb_free(net->name);
    mb_free(net->path);
    mb_free(net);
}

bool mb_layer_weighted(const mb_layer *l) { return l->op->weighted; }

bool mb_layer_product(const mb_layer *l) { return l->op == &mb_op_matmul; }

int mb_network_has_weights(const mb_network *net) {
    if (!net->weightless) return MB_OK;
    return mb_fail(MB_BADINPUT,
                   "%s: the network is a table of layer shapes and has no weights: it can be costed and mapped (`mixbar cost`, `mixbar "
                   "map`, `mixbar check`), but it has no outputs and no accuracy; give an ONNX file",
                   net->path);
}

mb_matmul mb_layer_matmul(const mb_layer *l) {
    const mb_window *w = &l->win;
    mb_matmul m = {w->groups, w->cin / w->groups * w->kh * w->kw, w->cout / w->groups, w->oh * w->ow};
    return m;
}

int64_t mb_layer_macs(const mb_layer *l) {
    if (!mb_layer_weighted(l) && !mb_layer_product(l)) return 0;
    mb_matmul m = mb_layer_matmul(l);
    return (int64_t)m.groups * m.K * m.N * m.vectors;
}

int64_t mb_layer_params(const mb_layer *l) {
    return mb_layer_weighted(l) ? (int64_t)l->n_weight + (l->bias ? l->win.cout : 0) : 0;
}

void mb_layer_matrix(const mb_layer *l, int group, float *out) {
    mb_matmul m = mb_layer_matmul(l);
    const float *w = l->weight + (size_t)group * (size_t)m.N * (size_t)m.K;
    for (int n = 0; n < m.N; n++)
        for (int k = 0; k < m.K; k++) out[(size_t)k * (size_t)m.N + (size_t)n] = w[(size_t)n * (size_t)m.K + (size_t)k];
}

/* The place of element K of the weights as text: [out, in, y, x]. */
static const char *weight_place(const mb_layer *l, size_t k, char *buf, size_t cap) {
    size_t kw = (size_t)l->win.kw, kh = (size_t)l->win.kh, ci = (size_t)(l->win.cin / l->win.groups);
    snprintf(buf, cap, "[out %zu, in %zu, y %zu, x %zu]", k / (kw * kh * ci), k / (kw * kh) % ci, k / kw % kh, k % kw);
    return buf;
}

static int check_finite(const mb_network *net, const mb_layer *l) {
    char place[100];
    for (size_t k = 0; l->weight && k < l->n_weight; k++)
        if (!isfinite(l->weight[k]))
            return mb_fail(MB_BADINPUT,
                           "%s: layer \"%s\": weight %s is %s; the training may have diverged: export a sound network", net->path,
                           l->name, weight_place(l, k, place, sizeof place), isnan(l->weight[k]) ? "NaN" : "infinite");
    for (int k = 0; l->bias && k < l->win.cout; k++)
        if (!isfinite(l->bias[k]))
            return mb_fail(MB_BADINPUT,
                           "%s: layer \"%s\": bias [%d] is %s; the training may have diverged: export a sound network", net->path,
                           l->name, k, isnan(l->bias[k]) ? "NaN" : "infinite");
    return MB_OK;
}

static int check_weighted(const mb_network *net, const mb_layer *l) {
    const mb_window *w = &l->win;
    bool positive = w->kh > 0 && w->kw > 0 && w->sh > 0 && w->sw > 0 && w->dh > 0 && w->dw > 0 && w->cin > 0 && w->cout > 0 &&
                    w->groups > 0 && w->ih > 0 && w->iw > 0 && w->oh > 0 && w->ow > 0 && w->pt >= 0 && w->pl >= 0 && w->pb >= 0 &&
                    w->pr >= 0;
    if (!positive || w->cin % w->groups || w->cout % w->groups)
        return mb_fail(MB_BUG, "%s: layer \"%s\" has a broken geometry", net->path, l->name);
    mb_matmul m = mb_layer_matmul(l);
    size_t in = mb_shape_count(&net->layer[l->in[0]].shape), out = mb_shape_count(&l->shape);
    if (l->n_in != 1 || l->n_weight != (size_t)m.groups * (size_t)m.K * (size_t)m.N || (!l->weight && !net->weightless) ||
        in != (size_t)w->cin * (size_t)w->ih * (size_t)w->iw || out != (size_t)w->cout * (size_t)w->oh * (size_t)w->ow)
        return mb_fail(MB_BUG, "%s: layer \"%s\": its sizes do not agree", net->path, l->name);
    return check_finite(net, l);
}

int mb_network_check(const mb_network *net) {
    int rc = MB_OK;
    for (int k = 0; !rc && k < net->n_layers; k++) {
        const mb_layer *l = &net->layer[k];
        if (l->shape.nd < 1 || mb_shape_count(&l->shape) == 0)
            rc = mb_fail(MB_BUG, "%s: layer \"%s\" has no shape", net->path, l->name);
        for (int j = 0; !rc && j < l->n_in; j++)
            if (l->in[j] < 0 || l->in[j] >= k)
                rc = mb_fail(MB_BUG, "%s: layer \"%s\" is not in the order of execution", net->path, l->name);
        if (!rc && mb_layer_weighted(l)) rc = check_weighted(net, l);
    }
    return rc;
}
