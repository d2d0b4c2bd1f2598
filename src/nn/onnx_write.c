/* onnx_write.c - imported networks as ONNX: one operator for each layer, what it holds bit for bit */
#include "nn/onnx_write.h"

#include <math.h>
#include <string.h>

#include "base/error.h"
#include "base/file.h"
#include "base/mem.h"
#include "nn/onnx_graph.h"
#include "nn/op.h"

static bool is(const mb_layer *l, const char *op) { return !strcmp(l->op->name, op); }

/* Another node behind layer NAME that adds V to *last, which becomes its result. */
static int write_offset(mb_graph *g, const char *name, const char *what, int nd, const int64_t *dim, const float *v,
                        mb_str *last) {
    mb_str own = {0};
    mb_str_addf(&own, "%s:0.%s", name, what);
    mb_graph_input(g, mb_cstr(last));
    mb_graph_floats(g, mb_cstr(&own), "value", nd, dim, v);
    mb_graph_node(g, "Add", mb_cstr(&own));
    mb_str_addf(last, ".%s:0", what);
    int rc = own.failed ? mb_nomem() : MB_OK;
    mb_str_free(&own);
    return rc;
}

/* y[t] = W x[t] + b over the last axis of more than one. */
static int write_tokens(mb_graph *g, const mb_layer *l, const char *x, mb_str *last) {
    size_t in = (size_t)l->win.cin, out = (size_t)l->win.cout;
    float *w = mb_malloc(in * out, sizeof *w);
    if (!w) return mb_nomem();
    for (size_t o = 0; o < out; o++)
        for (size_t i = 0; i < in; i++) w[i * out + o] = l->weight[o * in + i];
    mb_graph_input(g, x);
    mb_graph_floats(g, l->name, "weight", 2, (int64_t[]){(int64_t)in, (int64_t)out}, w);
    mb_graph_node(g, "MatMul", l->name);
    mb_free(w);
    if (!l->bias) return MB_OK;
    return write_offset(g, l->name, "bias", 1, &(int64_t){(int64_t)out}, l->bias, last);
}

/* Shape of a constant over the axes that outer x channels x inner divides S into; false when no axes do. */
static bool constant_shape(const mb_shape *s, const mb_op_view *v, int *nd, int64_t *dim) {
    size_t outer = 1, channels = 1;
    int k = 0;
    for (; k < s->nd && outer < v->outer; k++) outer *= (size_t)s->d[k];
    *nd = 0;
    for (; k < s->nd && channels < v->channels; k++) {
        channels *= (size_t)s->d[k];
        dim[(*nd)++] = s->d[k];
    }
    for (; k < s->nd; k++) dim[(*nd)++] = 1;
    return outer == v->outer && channels == v->channels;
}

/* BatchNormalization that does nothing but scale where the channels are those of the image; a product, a sum, or both elsewhere.
 * */
static int write_scale(mb_graph *g, const mb_layer *l, const char *x, mb_str *last) {
    mb_op_view v = {0};
    const mb_shape *s = &l->shape;
    size_t C = (size_t)s->d[0];
    int64_t dim[MB_MAX_RANK];
    int nd;
    l->op->view(l, &v);
    if (v.outer == 1 && (v.channels == C || v.channels == 1)) {
        float *p = mb_malloc(4 * C, sizeof *p);
        if (!p) return mb_nomem();
        for (size_t c = 0; c < C; c++) {
            p[c] = v.a[v.channels == C ? c : 0];
            p[C + c] = v.b[v.channels == C ? c : 0];
            p[2 * C + c] = 0;
            p[3 * C + c] = 1;
        }
        mb_graph_norm(g, l->name, x, (int64_t)C, (const float *const[]){p, p + C, p + 2 * C, p + 3 * C}, 0);
        mb_free(p);
        return MB_OK;
    }
    if (!constant_shape(s, &v, &nd, dim)) return mb_fail(MB_BUG, "layer \"%s\": its scale fits no axes", l->name);
    bool times = false, plus = false, minus = true;              /* a x, x + b, b - x */
    for (size_t c = 0; c < v.channels; c++) {
        times = times || v.a[c] != 1;
        minus = minus && v.a[c] == -1;
        plus = plus || v.b[c] != 0;
    }
    if (minus) mb_graph_floats(g, l->name, "offset", nd, dim, v.b);
    mb_graph_input(g, x);
    if (minus) {
        mb_graph_node(g, "Sub", l->name);
    } else if (times || !plus) {
        mb_graph_floats(g, l->name, "factor", nd, dim, v.a);
        mb_graph_node(g, "Mul", l->name);
        if (plus) return write_offset(g, l->name, "offset", nd, dim, v.b, last);
    } else {
        mb_graph_floats(g, l->name, "offset", nd, dim, v.b);
        mb_graph_node(g, "Add", l->name);
    }
    return MB_OK;
}

/* Over one axis; over several as one, between two changes of shape. */
static void write_softmax(mb_graph *g, const mb_layer *l, const char *x, mb_str *last) {
    mb_op_view v = {0};
    mb_str name = {0};
    size_t outer = 1;
    int k = 0;
    l->op->view(l, &v);
    for (; k < l->shape.nd && (outer < v.outer || (size_t)l->shape.d[k] != v.channels); k++) outer *= (size_t)l->shape.d[k];
    if (k < l->shape.nd && outer == v.outer) {
        mb_graph_input(g, x);
        mb_graph_int(g, "axis", k + 1);
        mb_graph_node(g, "Softmax", l->name);
        return;
    }
    mb_shape flat = {3, {(int64_t)v.outer, (int64_t)v.channels, (int64_t)v.inner}};
    mb_str_addf(&name, "%s:0.flat", l->name);
    mb_graph_reshape(g, mb_cstr(&name), x, &flat);
    mb_str_add(&name, ":0");
    mb_graph_input(g, mb_cstr(&name));
    mb_graph_int(g, "axis", 2);
    mb_graph_node(g, "Softmax", l->name);
    mb_str_clear(&name);
    mb_str_addf(&name, "%s:0.shape", l->name);
    mb_graph_reshape(g, mb_cstr(&name), mb_cstr(last), &l->shape);
    mb_str_add(last, ".shape:0");
    mb_str_free(&name);
}

static void write_moves(mb_graph *g, const mb_network *net, const mb_layer *l, const char *x) {
    const mb_shape *in = &net->layer[l->in[0]].shape;
    mb_op_view v = {0};
    l->op->view(l, &v);
    if (is(l, "pad")) {
        int64_t after[MB_MAX_RANK];
        for (int k = 0; k < l->shape.nd; k++) after[k] = l->shape.d[k] - in->d[k] - v.begin[k];
        mb_graph_pad(g, l->name, x, l->shape.nd, v.begin, after, v.value);
    } else {
        mb_graph_slice(g, l->name, x, l->shape.nd, in->d, v.begin, v.step, l->shape.d);
    }
}

/* A mean over the image without axes of length 1 left is ReduceMean; everything else is a pool. */
static int write_pool(mb_graph *g, const mb_network *net, const mb_layer *l, const char *x) {
    const mb_shape *in = &net->layer[l->in[0]].shape;
    mb_op_view v = {0};
    if (l->op->view) l->op->view(l, &v);
    if (l->shape.nd == in->nd) return mb_graph_pool(g, l->name, x, &l->win, in->nd == 3, is(l, "maxpool"), v.include_pad);
    mb_graph_input(g, x);
    mb_graph_ints(g, "axes", in->nd - 1, (int64_t[]){2, 3});
    mb_graph_int(g, "keepdims", 0);
    mb_graph_node(g, "ReduceMean", l->name);
    return MB_OK;
}

static void write_clip(mb_graph *g, const mb_layer *l, const char *x) {
    mb_op_view v = {0};
    l->op->view(l, &v);
    if (!v.leaky) {
        mb_graph_clip(g, l->name, x, v.lo, v.hi);
        return;
    }
    mb_graph_input(g, x);
    mb_graph_real(g, "alpha", v.slope);
    mb_graph_node(g, "LeakyRelu", l->name);
}

static void write_many(mb_graph *g, const mb_layer *l, const mb_str *value) {
    mb_op_view v = {0};
    for (int k = 0; k < l->n_in; k++) mb_graph_input(g, mb_cstr(&value[l->in[k]]));
    if (is(l, "concat")) {
        l->op->view(l, &v);
        mb_graph_int(g, "axis", v.axis + 1);
        mb_graph_node(g, "Concat", l->name);
    } else {
        mb_graph_node(g, l->n_in == 2 ? "Add" : "Sum", l->name);
    }
}

/* Layer K; value[k] becomes the name of its result. */
static int write_layer(mb_graph *g, const mb_network *net, int k, mb_str *value) {
    const mb_layer *l = &net->layer[k];
    const char *x = l->n_in ? mb_cstr(&value[l->in[0]]) : "";
    bool plane = l->n_in && net->layer[l->in[0]].shape.nd == 3;
    int rc = MB_OK;
    mb_str_addf(&value[k], k == net->input ? "%s" : "%s:0", l->name);
    if (k == net->input) return MB_OK;
    if (is(l, "conv")) mb_graph_conv(g, l->name, x, &l->win, plane, l->weight, l->bias);
    else if (is(l, "linear") && l->shape.nd == 1) mb_graph_gemm(g, l->name, x, &l->win, l->weight, l->bias);
    else if (is(l, "linear")) rc = write_tokens(g, l, x, &value[k]);
    else if (is(l, "scale")) rc = write_scale(g, l, x, &value[k]);
    else if (is(l, "clip")) write_clip(g, l, x);
    else if (is(l, "maxpool") || is(l, "avgpool")) rc = write_pool(g, net, l, x);
    else if (is(l, "reshape")) mb_graph_reshape(g, l->name, x, &l->shape);
    else if (is(l, "pad") || is(l, "slice")) write_moves(g, net, l, x);
    else if (is(l, "add") || is(l, "concat")) write_many(g, l, value);
    else if (is(l, "softmax")) write_softmax(g, l, x, &value[k]);
    else rc = mb_fail(MB_BADINPUT, "%s: layer \"%s\": operator %s cannot be written", net->path, l->name, l->op->name);
    return rc;
}

int mb_network_onnx(const mb_network *net, const mb_onnx_options *options, mb_str *out) {
    mb_graph g = {0};
    mb_str *value = mb_calloc((size_t)net->n_layers, sizeof *value), bytes = {0};
    int rc = value ? MB_OK : mb_nomem();
    for (int k = 0; k < net->n_layers && !rc; k++) {
        rc = write_layer(&g, net, k, value);
        if (!rc && value[k].failed) rc = mb_nomem();
    }
    const mb_layer *in = &net->layer[net->input], *last = &net->layer[net->output];
    if (!rc && net->output == net->input) rc = mb_fail(MB_BADINPUT, "%s: a network without layers cannot be written", net->path);
    int end = mb_graph_finish(&g, net->name, in->name, &in->shape, value ? mb_cstr(&value[net->output]) : "", &last->shape,
                              options, NULL, 0,
                              rc ? &bytes : out);
    for (int k = 0; value && k < net->n_layers; k++) mb_str_free(&value[k]);
    mb_free(value);
    mb_str_free(&bytes);
    return rc ? rc : end;
}

/* BYTES into a file, and free. */
static int save(int rc, mb_str *bytes, const char *path) {
    if (!rc) rc = mb_file_write(path, bytes->s, bytes->n);
    mb_str_free(bytes);
    return rc;
}

int mb_network_save(const mb_network *net, const mb_onnx_options *options, const char *path) {
    mb_str bytes = {0};
    int rc = mb_network_onnx(net, options, &bytes);
    return save(rc, &bytes, path);
}

int mb_model_save(const mb_model *m, const mb_onnx_options *options, const char *path) {
    mb_str bytes = {0};
    int rc = mb_model_onnx(m, options, &bytes);
    return save(rc, &bytes, path);
}
