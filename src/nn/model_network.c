/* model_network.c - a model of an imported network, and the network of a model; see model.h
 *
 * What an imported network holds beside layers that models have: reshapes, slices, padding and concatenation become gathers (a
 * concatenation is the sum of its padded parts), the leaky ReLU is not trained yet, a softmax at the end is left to the loss.
 */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif

#include <math.h>
#include <string.h>

#include "base/error.h"
#include "base/mem.h"
#include "base/str.h"
#include "nn/engine.h"
#include "nn/fakequant.h"
#include "nn/onnx_write.h"
#include "nn/op.h"

typedef struct map {
    const mb_network *net;
    mb_model *m;
    int *at;
} map; /* at[layer of net]: layer of the model */

static int refuse(const mb_layer *l, const char *why) {
    return mb_fail(MB_BADINPUT, "layer \"%s\" (%s) cannot be trained: %s", l->name, l->op->name, why);
}

/* Copy weights and bias of L into layer I. */
static void copy_weights(mb_model *m, int i, const mb_layer *l) {
    const mb_model_layer *k = &m->layer[i];
    memcpy(m->theta + m->block[k->weight].at, l->weight, l->n_weight * sizeof(float));
    if (l->bias) memcpy(m->theta + m->block[k->bias].at, l->bias, m->block[k->bias].n * sizeof(float));
}

static int weighted(map *c, const mb_layer *l, int in) {
    mb_model *m = c->m;
    int i;
    if (l->op == &mb_op_linear) {
        if (l->win.oh * l->win.ow != 1) return refuse(l, "it is applied to several vectors of a sample");
        i = mb_model_linear(m, l->name, in, l->win.cout, l->bias != NULL);
    } else {
        i = mb_model_conv_window(m, l->name, in, &l->win, l->bias != NULL);
    }
    if (i >= 0) copy_weights(m, i, l);
    c->at[l - c->net->layer] = i;
    return m->rc;
}

static int scale(map *c, const mb_layer *l, const mb_op_view *v, int in) {
    size_t C = (size_t)l->shape.d[0];
    if (v->outer != 1 || (v->channels != 1 && v->channels != C) ||
        (v->channels == C && v->inner * C != mb_shape_count(&l->shape)))
        return refuse(l, "its factors do not go along the channels");
    int i = v->gamma ? mb_model_norm(c->m, l->name, in) : mb_model_scale(c->m, l->name, in);
    if (i < 0) return c->m->rc;
    float *a = c->m->theta + c->m->block[c->m->layer[i].weight].at, *b = c->m->theta + c->m->block[c->m->layer[i].bias].at;
    for (size_t k = 0; v->gamma && k < C; k++) {
        a[k] = v->gamma[k];
        b[k] = v->beta[k];
        c->m->state[c->m->layer[i].state + k] = v->mean[k];
        c->m->state[c->m->layer[i].state + C + k] = v->var[k];
    }
    if (v->gamma) c->m->layer[i].eps = v->eps;
    for (size_t k = 0; !v->gamma && k < C; k++) {
        a[k] = v->a[v->channels == 1 ? 0 : k];
        b[k] = v->b[v->channels == 1 ? 0 : k];
    }
    c->at[l - c->net->layer] = i;
    return MB_OK;
}

/* Element K of shape S as coordinates. */
static void coordinates(const mb_shape *s, size_t k, int64_t *x) {
    for (int d = s->nd; d-- > 0;) {
        x[d] = (int64_t)k % s->d[d];
        k /= (size_t)s->d[d];
    }
}

/* Where element x of a slice or padding of shape OUT comes from in IN; -1: nowhere. */
static int32_t source(const mb_shape *in, const int64_t *x, const mb_op_view *v, bool pad) {
    int64_t at = 0;
    for (int d = 0; d < in->nd; d++) {
        int64_t y = pad ? x[d] - v->begin[d] : v->begin[d] + x[d] * v->step[d];
        if (y < 0 || y >= in->d[d]) return -1;
        at = at * in->d[d] + y;
    }
    return (int32_t)at;
}

static int gather(map *c, const mb_layer *l, const char *name, int in, const mb_shape *from, const mb_op_view *v, bool moves,
                  bool pad, int *out) {
    size_t n = mb_shape_count(&l->shape);
    int32_t *index = mb_malloc(n, sizeof *index);
    int64_t x[MB_MAX_RANK];
    if (!index) return mb_nomem();
    for (size_t k = 0; k < n; k++) {
        coordinates(&l->shape, k, x);
        index[k] = moves ? source(from, x, v, pad) : (int32_t)k;
    }
    *out = mb_model_gather(c->m, name, in, &l->shape, index, pad ? v->value : 0);
    mb_free(index);
    return c->m->rc;
}

/* The parts of a concatenation, each padded to the whole, added up. */
static int concat(map *c, const mb_layer *l, const mb_op_view *v) {
    int sum = -1, rc = MB_OK;
    int64_t before = 0;
    for (int k = 0; !rc && k < l->n_in; k++) {
        const mb_shape *from = &c->net->layer[l->in[k]].shape;
        mb_op_view pad = {0};
        pad.begin[v->axis] = before;
        before += from->d[v->axis];
        char *name = mb_asprintf("%s.part%d", l->name, k), *added = mb_asprintf(k + 1 < l->n_in ? "%s.sum%d" : "%s", l->name, k);
        int part = -1;
        rc = name && added ? gather(c, l, name, c->at[l->in[k]], from, &pad, true, true, &part) : mb_nomem();
        if (!rc) sum = k == 0 ? part : mb_model_add(c->m, added, sum, part);
        mb_free(name);
        mb_free(added);
    }
    c->at[l - c->net->layer] = sum;
    return rc ? rc : c->m->rc;
}

static int convert(map *c, int i) {
    const mb_layer *l = &c->net->layer[i];
    const char *op = l->op->name;
    mb_op_view v = {0};
    int in = l->n_in ? c->at[l->in[0]] : -1, rc = MB_OK;
    if (l->op->view) l->op->view(l, &v);
    if (l->op->weighted) return weighted(c, l, in);
    if (!strcmp(op, "scale")) return scale(c, l, &v, in);
    if (!strcmp(op, "concat")) return concat(c, l, &v);
    if (!strcmp(op, "softmax")) {
        if (i != c->net->output) return refuse(l, "only a softmax at the end is");
        c->at[i] = in;
        return MB_OK;
    }
    if (!strcmp(op, "clip") && v.leaky) return refuse(l, "leaky ReLU is not supported in training");
    int k = -1;
    if (!strcmp(op, "add")) k = mb_model_add(c->m, l->name, in, c->at[l->in[1]]);
    else if (!strcmp(op, "clip")) k = mb_model_clip(c->m, l->name, in, v.lo, v.hi);
    else if (!strcmp(op, "maxpool")) k = mb_model_pool_window(c->m, l->name, in, MB_KIND_MAXPOOL, &l->win, false);
    else if (!strcmp(op, "avgpool")) k = mb_model_pool_window(c->m, l->name, in, MB_KIND_AVGPOOL, &l->win, v.include_pad);
    else if (!strcmp(op, "reshape") && l->shape.nd == 1) k = mb_model_flatten(c->m, l->name, in);
    else if (!strcmp(op, "reshape")) rc = gather(c, l, l->name, in, NULL, &v, false, false, &k);
    else if (!strcmp(op, "slice")) rc = gather(c, l, l->name, in, &c->net->layer[l->in[0]].shape, &v, true, false, &k);
    else if (!strcmp(op, "pad")) rc = gather(c, l, l->name, in, &c->net->layer[l->in[0]].shape, &v, true, true, &k);
    else return refuse(l, "the training engine has no such layer");
    c->at[i] = k;
    return rc ? rc : c->m->rc;
}

int mb_model_from_network(const mb_network *net, mb_model **out) {
    map c = {net, NULL, mb_calloc((size_t)net->n_layers, sizeof(int))};
    int rc = c.at ? mb_model_new(net->name ? net->name : "network", &net->layer[net->input].shape, &c.m) : mb_nomem();
    for (int i = 0; !rc && i < net->n_layers; i++) {
        if (i != net->input) {
            rc = convert(&c, i);
            continue;
        }
        char *name = mb_strdup(net->layer[i].name);
        if (!name) rc = mb_nomem();
        else mb_free(c.m->layer[0].name), c.m->layer[0].name = name;
    }
    if (!rc) rc = mb_model_done(c.m);
    if (rc) {
        mb_model_free(c.m);
        if (net->path) mb_context(rc, "network %s", net->path);
    } else {
        *out = c.m;
    }
    mb_free(c.at);
    return rc;
}

/* Parameters with every quantised weight in the place of its own. */
static int quantised_theta(const mb_model *m, float **theta) {
    float *t = mb_malloc(m->n_theta, sizeof *t);
    if (!t) return mb_nomem();
    memcpy(t, m->theta, m->n_theta * sizeof *t);
    for (int i = 0; i < m->n_layers; i++) {
        const mb_model_layer *l = &m->layer[i];
        if (!mb_model_weighted(l) || !l->wq.kind) continue;
        if (l->wq.kind == MB_FAKE_MIX) {
            mb_free(t);
            return mb_fail(MB_BUG, "layer \"%s\" has not chosen its bits yet", l->name);
        }
        const mb_model_block *b = &m->block[l->weight];
        const float *step = l->wq.block < 0 ? NULL : m->theta + m->block[l->wq.block].at;
        mb_fake_weights(&l->wq, step, l->win.cout, b->n / (size_t)l->win.cout, m->theta + b->at, t + b->at, NULL);
    }
    *theta = t;
    return MB_OK;
}

int mb_model_export(const mb_model *m, const char *doc, mb_str *out) {
    float *theta = NULL;
    int rc = quantised_theta(m, &theta);
    mb_onnx_options o = {.doc = doc, .theta = theta};
    if (!rc) rc = mb_model_onnx(m, &o, out);
    mb_free(theta);
    return rc;
}

int mb_model_network(const mb_model *m, mb_network **net) {
    mb_str s = {0};
    int rc = mb_model_export(m, NULL, &s);
    if (!rc) rc = mb_network_parse((const uint8_t *)mb_cstr(&s), s.n, m->name, net);
    mb_str_free(&s);
    return rc;
}
