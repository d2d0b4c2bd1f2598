/* onnx_graph.c - ONNX graphs as protocol buffers: messages are built from the inside out, each into a string of its own */
#include "config.h"

#include "nn/onnx_graph.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "base/mem.h"
#include "nn/onnx.h"

#define IR_VERSION 7
#define OPSET 13
#define FILE_MAX ((size_t)0x7fffffff)

/* --- protocol buffers ------------------------------------------------------------------------------------------------------ */

static void put_varint(mb_str *b, uint64_t v) {
    char byte[10];
    size_t n = 0;
    do {
        byte[n] = (char)(v & 127);
        v >>= 7;
        if (v) byte[n] = (char)(byte[n] | 128);
        n++;
    } while (v);
    mb_str_addn(b, byte, n);
}

static void put_int(mb_str *b, unsigned field, int64_t v) {
    put_varint(b, (uint64_t)field << 3 | MB_WIRE_VARINT);
    put_varint(b, (uint64_t)v);
}

static void put_bytes(mb_str *b, unsigned field, const void *data, size_t n) {
    put_varint(b, (uint64_t)field << 3 | MB_WIRE_BYTES);
    put_varint(b, n);
    mb_str_addn(b, data, n);
}

static void put_text(mb_str *b, unsigned field, const char *s) { put_bytes(b, field, s, strlen(s)); }

/* MESSAGE goes into B and is freed. */
static void put_message(mb_str *b, unsigned field, mb_str *message) {
    if (message->failed) b->failed = 1;
    put_bytes(b, field, mb_cstr(message), message->n);
    mb_str_free(message);
}

/* Little-endian, whatever the machine. */
static void put_float(mb_str *b, unsigned field, float v) {
    uint32_t u;
    char byte[4];
    memcpy(&u, &v, sizeof u);
    for (int k = 0; k < 4; k++) byte[k] = (char)(u >> (8 * k) & 255);
    put_varint(b, (uint64_t)field << 3 | MB_WIRE_32);
    mb_str_addn(b, byte, sizeof byte);
}

/* --- nodes and constants ------------------------------------------------------------------------------------------------- */

/* Field numbers: onnx.proto. An attribute: name 1, f 2, i 3, ints 8, type 20. */
static void put_attr(mb_graph *g, const char *name, int type, mb_str *value) {
    mb_str a = {0};
    put_text(&a, 1, name);
    mb_str_addn(&a, mb_cstr(value), value->n);
    a.failed |= value->failed;
    put_int(&a, 20, type);
    put_message(&g->attrs, 5, &a);
    mb_str_free(value);
}

void mb_graph_int(mb_graph *g, const char *name, int64_t v) {
    mb_str a = {0};
    put_int(&a, 3, v);
    put_attr(g, name, MB_ONNX_ATTR_INT, &a);
}

void mb_graph_ints(mb_graph *g, const char *name, int n, const int64_t *v) {
    mb_str a = {0};
    for (int k = 0; k < n; k++) put_int(&a, 8, v[k]);
    put_attr(g, name, MB_ONNX_ATTR_INTS, &a);
}

void mb_graph_real(mb_graph *g, const char *name, float v) {
    mb_str a = {0};
    put_float(&a, 2, v);
    put_attr(g, name, MB_ONNX_ATTR_FLOAT, &a);
}

void mb_graph_input(mb_graph *g, const char *value) { put_text(&g->node, 1, value); }

/* A constant: dims 1, data_type 2, name 8, raw_data 9. COUNT elements of SIZE bytes. */
static void constant(mb_graph *g, const char *node, const char *what, int type, int nd, const int64_t *dim, const void *v,
                     size_t size) {
    mb_str t = {0}, name = {0};
    uint32_t one = 1;
    size_t n = 1;
    uint8_t first;
    mb_str_addf(&name, "%s.%s", node, what);
    for (int k = 0; k < nd; k++) {
        put_int(&t, 1, dim[k]);
        n *= (size_t)dim[k];
    }
    put_int(&t, 2, type);
    put_text(&t, 8, mb_cstr(&name));
    memcpy(&first, &one, 1);
    if (first) {
        put_bytes(&t, 9, v, n * size);
    } else {                                                     /* a big-endian machine */
        mb_str raw = {0};
        for (size_t k = 0; k < n; k++)
            for (size_t j = size; j > 0; j--) mb_str_addn(&raw, (const char *)v + k * size + j - 1, 1);
        put_message(&t, 9, &raw);
    }
    put_message(&g->constants, 5, &t);
    mb_graph_input(g, mb_cstr(&name));
    g->node.failed |= name.failed;
    mb_str_free(&name);
}

void mb_graph_floats(mb_graph *g, const char *node, const char *what, int nd, const int64_t *dim, const float *v) {
    constant(g, node, what, MB_ONNX_FLOAT, nd, dim, v, sizeof *v);
}

void mb_graph_int64s(mb_graph *g, const char *node, const char *what, int n, const int64_t *v) {
    constant(g, node, what, MB_ONNX_INT64, 1, &(int64_t){n}, v, sizeof *v);
}

/* A node: input 1, output 2, name 3, op_type 4, attribute 5. */
void mb_graph_node(mb_graph *g, const char *op, const char *name) {
    mb_str out = {0};
    mb_str_addf(&out, "%s:0", name);
    put_text(&g->node, 2, mb_cstr(&out));
    put_text(&g->node, 3, name);
    put_text(&g->node, 4, op);
    mb_str_addn(&g->node, mb_cstr(&g->attrs), g->attrs.n);
    g->node.failed |= g->attrs.failed | out.failed;
    put_message(&g->nodes, 1, &g->node);
    mb_str_free(&g->attrs);
    mb_str_free(&out);
}

/* --- the file --------------------------------------------------------------------------------------------------------------- */

/* ValueInfoProto: name 1, type 2 { tensor_type 1 { elem_type 1, shape 2 { dim 1 { dim_value 1, dim_param 2 } } } } */
static void put_value(mb_str *b, unsigned field, const char *name, const mb_shape *s) {
    mb_str v = {0}, type = {0}, tensor = {0}, shape = {0};
    for (int k = -1; k < s->nd; k++) {
        mb_str d = {0};
        if (k < 0) put_text(&d, 2, "N");
        else put_int(&d, 1, s->d[k]);
        put_message(&shape, 1, &d);
    }
    put_int(&tensor, 1, MB_ONNX_FLOAT);
    put_message(&tensor, 2, &shape);
    put_message(&type, 1, &tensor);
    put_text(&v, 1, name);
    put_message(&v, 2, &type);
    put_message(b, field, &v);
}

static void put_meta(mb_str *b, const mb_onnx_meta *meta, size_t n) {
    for (size_t k = 0; k < n; k++) {
        mb_str e = {0};
        put_text(&e, 1, meta[k].key);
        put_text(&e, 2, meta[k].value);
        put_message(b, 14, &e);
    }
}

int mb_graph_finish(mb_graph *g, const char *name, const char *input, const mb_shape *in, const char *output, const mb_shape *out,
                    const mb_onnx_options *o, const mb_onnx_meta *more, size_t n_more, mb_str *file) {
    mb_str graph = {0}, opset = {0}, model = {0};
    /* GraphProto: node 1, name 2, initializer 5, input 11, output 12 */
    mb_str_addn(&graph, mb_cstr(&g->nodes), g->nodes.n);
    put_text(&graph, 2, name);
    mb_str_addn(&graph, mb_cstr(&g->constants), g->constants.n);
    put_value(&graph, 11, input, in);
    put_value(&graph, 12, output, out);
    graph.failed |= g->nodes.failed | g->constants.failed | g->node.failed | g->attrs.failed;
    mb_str_free(&g->nodes);
    mb_str_free(&g->constants);
    mb_str_free(&g->node);
    mb_str_free(&g->attrs);
    put_int(&model, 1, IR_VERSION);                              /* ModelProto */
    put_text(&model, 2, "mixbar");
    put_text(&model, 3, PACKAGE_VERSION);
    if (o && o->doc) put_text(&model, 6, o->doc);
    put_message(&model, 7, &graph);
    put_text(&opset, 1, "");
    put_int(&opset, 2, OPSET);
    put_message(&model, 8, &opset);
    if (o) put_meta(&model, o->meta, o->n_meta);
    put_meta(&model, more, n_more);
    int rc = model.failed ? mb_nomem() : MB_OK;
    if (!rc && model.n > FILE_MAX) rc = mb_fail(MB_SYSTEM, "%s: %zu bytes are more than an ONNX file can hold (2 GiB)", name,
                                                model.n);
    if (!rc) mb_str_addn(file, mb_cstr(&model), model.n);
    if (!rc && file->failed) rc = mb_nomem();
    mb_str_free(&model);
    return rc;
}

/* --- layers -------------------------------------------------------------------------------------------------------------- */

/* Attributes of a window: two-dimensional, or along x alone. */
static void put_window(mb_graph *g, const mb_window *w, bool plane, bool dilations) {
    int64_t size[2] = {w->kh, w->kw}, stride[2] = {w->sh, w->sw}, dilation[2] = {w->dh, w->dw}, pads[4] = {w->pt, w->pl, w->pb,
                                                                                                           w->pr};
    int skip = plane ? 0 : 1, n = 2 - skip;
    if (!plane) pads[0] = w->pl, pads[1] = w->pr;
    mb_graph_ints(g, "kernel_shape", n, size + skip);
    mb_graph_ints(g, "strides", n, stride + skip);
    mb_graph_ints(g, "pads", 2 * n, pads);
    if (dilations) mb_graph_ints(g, "dilations", n, dilation + skip);
}

void mb_graph_conv(mb_graph *g, const char *name, const char *x, const mb_window *w, bool plane, const float *weight,
                   const float *bias) {
    int64_t dim[4] = {w->cout, w->cin / w->groups, plane ? w->kh : w->kw, w->kw};
    mb_graph_input(g, x);
    mb_graph_floats(g, name, "weight", plane ? 4 : 3, dim, weight);
    if (bias) mb_graph_floats(g, name, "bias", 1, &(int64_t){w->cout}, bias);
    put_window(g, w, plane, true);
    mb_graph_int(g, "group", w->groups);
    mb_graph_node(g, "Conv", name);
}

void mb_graph_gemm(mb_graph *g, const char *name, const char *x, const mb_window *w, const float *weight, const float *bias) {
    mb_graph_input(g, x);
    mb_graph_floats(g, name, "weight", 2, (int64_t[]){w->cout, w->cin}, weight);
    if (bias) mb_graph_floats(g, name, "bias", 1, &(int64_t){w->cout}, bias);
    mb_graph_int(g, "transB", 1);
    mb_graph_node(g, "Gemm", name);
}

void mb_graph_norm(mb_graph *g, const char *name, const char *x, int64_t channels, const float *const v[4], float eps) {
    static const char *const what[4] = {"weight", "bias", "mean", "var"};
    mb_graph_input(g, x);
    for (int k = 0; k < 4; k++) mb_graph_floats(g, name, what[k], 1, &channels, v[k]);
    mb_graph_real(g, "epsilon", eps);
    mb_graph_node(g, "BatchNormalization", name);
}

void mb_graph_clip(mb_graph *g, const char *name, const char *x, float lo, float hi) {
    mb_graph_input(g, x);
    if (lo == 0 && isinf(hi)) {
        mb_graph_node(g, "Relu", name);
        return;
    }
    if (isinf(lo)) mb_graph_input(g, "");
    else mb_graph_floats(g, name, "min", 0, NULL, &lo);
    if (!isinf(hi)) mb_graph_floats(g, name, "max", 0, NULL, &hi);
    mb_graph_node(g, "Clip", name);
}

void mb_graph_reshape(mb_graph *g, const char *name, const char *x, const mb_shape *to) {
    int64_t dim[MB_MAX_RANK + 1] = {0};                          /* 0: the batch stays */
    mb_graph_input(g, x);
    if (to->nd == 1) {
        mb_graph_int(g, "axis", 1);
        mb_graph_node(g, "Flatten", name);
        return;
    }
    memcpy(dim + 1, to->d, (size_t)to->nd * sizeof *dim);
    mb_graph_int64s(g, name, "shape", to->nd + 1, dim);
    mb_graph_node(g, "Reshape", name);
}

void mb_graph_pad(mb_graph *g, const char *name, const char *x, int nd, const int64_t *before, const int64_t *after,
                  float value) {
    int64_t pads[2 * (MB_MAX_RANK + 1)] = {0};
    memcpy(pads + 1, before, (size_t)nd * sizeof *pads);
    memcpy(pads + nd + 2, after, (size_t)nd * sizeof *pads);
    mb_graph_input(g, x);
    mb_graph_int64s(g, name, "pads", 2 * (nd + 1), pads);
    mb_graph_floats(g, name, "value", 0, NULL, &value);
    mb_graph_node(g, "Pad", name);
}

void mb_graph_slice(mb_graph *g, const char *name, const char *x, int nd, const int64_t *in, const int64_t *begin,
                    const int64_t *step,
                    const int64_t *count) {
    int64_t end[MB_MAX_RANK], axis[MB_MAX_RANK];
    for (int k = 0; k < nd; k++) {
        int64_t last = begin[k] + step[k] * (count[k] - 1);
        axis[k] = k + 1;
        /* before the first element: further than any index */
        end[k] = step[k] > 0 ? last + 1 : last > 0 ? last - 1 : -in[k] - 1;
    }
    mb_graph_input(g, x);
    mb_graph_int64s(g, name, "starts", nd, begin);
    mb_graph_int64s(g, name, "ends", nd, end);
    mb_graph_int64s(g, name, "axes", nd, axis);
    mb_graph_int64s(g, name, "steps", nd, step);
    mb_graph_node(g, "Slice", name);
}

/* Does the rounding down of ONNX give the layer's own size? */
static bool floors(int in, int before, int after, int k, int dilation, int stride, int out) {
    return (in + before + after - (k - 1) * dilation - 1) / stride + 1 == out;
}

int mb_graph_pool(mb_graph *g, const char *name, const char *x, const mb_window *w, bool plane, bool max, bool include_pad) {
    bool dilated = w->dh != 1 || w->dw != 1;
    if (dilated && !max) return mb_fail(MB_BADINPUT, "layer \"%s\": ONNX opset %d has no dilated mean pooling", name, OPSET);
    mb_graph_input(g, x);
    put_window(g, w, plane, dilated);
    if (!floors(w->ih, w->pt, w->pb, w->kh, w->dh, w->sh, w->oh) || !floors(w->iw, w->pl, w->pr, w->kw, w->dw, w->sw, w->ow))
        mb_graph_int(g, "ceil_mode", 1);
    if (!max) mb_graph_int(g, "count_include_pad", include_pad);
    mb_graph_node(g, max ? "MaxPool" : "AveragePool", name);
    return MB_OK;
}
