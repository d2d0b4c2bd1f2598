/* onnxgen.h - writes small ONNX files for the tests (an encoder that shares no code with the reader), and helpers around them
 *
 *     gen g; gen_begin(&g, 13);
 *     gen_input(&g, "x", 3, (int64_t[]){-1, 2, 4});
 *     gen_floats(&g, "w", 2, (int64_t[]){3, 2}, data);
 *     pb a = {0}; at_int(&a, "group", 1);
 *     gen_node(&g, "Conv", "conv1", "x,w", "y", &a);
 *     gen_output(&g, "y", -1, NULL);
 *     rc = gen_load(&g, &net);                                (frees g)
 */
#ifndef ONNXGEN_H
#define ONNXGEN_H

#include <math.h>

#include "base/mem.h"
#include "base/rng.h"
#include "mbtest.h"
#include "nn/network.h"

/* ---- protocol buffers --------------------------------------------------------------------------------------------- */

typedef struct pb { uint8_t *p; size_t n, cap; } pb;

static inline void pb_raw(pb *b, const void *data, size_t n) {
    if (b->n + n > b->cap) {
        b->cap = 2 * (b->n + n) + 64;
        b->p = realloc(b->p, b->cap);
        assert_non_null(b->p);
    }
    if (n) memcpy(b->p + b->n, data, n);
    b->n += n;
}
static inline void pb_varint(pb *b, uint64_t v) {
    uint8_t c;
    do {
        c = (uint8_t)(v & 127);
        v >>= 7;
        if (v) c |= 128;
        pb_raw(b, &c, 1);
    } while (v);
}
static inline void pb_key(pb *b, int field, int wire) { pb_varint(b, (uint64_t)field << 3 | (uint64_t)wire); }
static inline void pb_int(pb *b, int field, int64_t v) { pb_key(b, field, 0), pb_varint(b, (uint64_t)v); }
static inline void pb_float(pb *b, int field, float v) { pb_key(b, field, 5), pb_raw(b, &v, 4); }
static inline void pb_double(pb *b, int field, double v) { pb_key(b, field, 1), pb_raw(b, &v, 8); }
static inline void pb_bytes(pb *b, int field, const void *data, size_t n) {
    pb_key(b, field, 2), pb_varint(b, n), pb_raw(b, data, n);
}
static inline void pb_text(pb *b, int field, const char *s) { pb_bytes(b, field, s, strlen(s)); }
/* MESSAGE goes into B and is freed. */
static inline void pb_message(pb *b, int field, pb *message) {
    pb_bytes(b, field, message->p, message->n);
    free(message->p);
    memset(message, 0, sizeof *message);
}

/* ---- attributes: each call adds one AttributeProto (field 5 of a node) to B ------------------------------------------ */

static inline void at_int(pb *b, const char *name, int64_t v) {
    pb a = {0};
    pb_text(&a, 1, name), pb_int(&a, 3, v), pb_int(&a, 20, 2);
    pb_message(b, 5, &a);
}
static inline void at_float(pb *b, const char *name, float v) {
    pb a = {0};
    pb_text(&a, 1, name), pb_float(&a, 2, v), pb_int(&a, 20, 1);
    pb_message(b, 5, &a);
}
static inline void at_text(pb *b, const char *name, const char *v) {
    pb a = {0};
    pb_text(&a, 1, name), pb_text(&a, 4, v), pb_int(&a, 20, 3);
    pb_message(b, 5, &a);
}
static inline void at_ints(pb *b, const char *name, int n, const int64_t *v) {
    pb a = {0};
    pb_text(&a, 1, name);
    for (int k = 0; k < n; k++) pb_int(&a, 8, v[k]);
    pb_int(&a, 20, 7);
    pb_message(b, 5, &a);
}
static inline void at_tensor(pb *b, const char *name, pb *tensor) {
    pb a = {0};
    pb_text(&a, 1, name), pb_message(&a, 5, tensor), pb_int(&a, 20, 4);
    pb_message(b, 5, &a);
}
#define INTS(...) (int)(sizeof((int64_t[]){__VA_ARGS__}) / sizeof(int64_t)), (const int64_t[]){__VA_ARGS__}

/* ---- tensors -------------------------------------------------------------------------------------------------------- */

static inline size_t dims_product(int nd, const int64_t *dim) {
    size_t n = 1;
    for (int k = 0; k < nd; k++) n *= (size_t)dim[k];
    return n;
}
/* A TensorProto with raw data of SIZE bytes an element. NAME may be NULL. */
static inline pb raw_tensor(const char *name, int type, size_t size, int nd, const int64_t *dim, const void *data) {
    pb t = {0};
    for (int k = 0; k < nd; k++) pb_int(&t, 1, dim[k]);
    pb_int(&t, 2, type);
    if (name) pb_text(&t, 8, name);
    pb_bytes(&t, 9, data, dims_product(nd, dim) * size);
    return t;
}

/* ---- models --------------------------------------------------------------------------------------------------------- */

typedef struct gen { pb graph; int64_t opset; } gen;

static inline void gen_begin(gen *g, int opset) {
    memset(g, 0, sizeof *g);
    g->opset = opset;
}
static inline void gen_value(gen *g, int field, const char *name, int elem, int nd, const int64_t *dim) {
    pb v = {0}, type = {0}, tensor = {0}, shape = {0};
    for (int k = 0; k < nd; k++) {
        pb d = {0};
        if (dim[k] >= 0) pb_int(&d, 1, dim[k]);
        else pb_text(&d, 2, "N");
        pb_message(&shape, 1, &d);
    }
    pb_int(&tensor, 1, elem);
    if (nd >= 0) pb_message(&tensor, 2, &shape);
    pb_message(&type, 1, &tensor);
    pb_text(&v, 1, name);
    pb_message(&v, 2, &type);
    pb_message(&g->graph, field, &v);
}
static inline void gen_input(gen *g, const char *name, int nd, const int64_t *dim) { gen_value(g, 11, name, 1, nd, dim); }
/* nd = -1: no shape told */
static inline void gen_output(gen *g, const char *name, int nd, const int64_t *dim) { gen_value(g, 12, name, 1, nd, dim); }
static inline void gen_tensor(gen *g, pb *tensor) { pb_message(&g->graph, 5, tensor); }
static inline void gen_floats(gen *g, const char *name, int nd, const int64_t *dim, const float *data) {
    pb t = raw_tensor(name, 1, 4, nd, dim, data);
    gen_tensor(g, &t);
}
static inline void gen_ints(gen *g, const char *name, int n, const int64_t *v) {
    int64_t dim = n;
    pb t = raw_tensor(name, 7, 8, 1, &dim, v);
    gen_tensor(g, &t);
}
static inline void gen_int(gen *g, const char *name, int64_t v) {
    pb t = raw_tensor(name, 7, 8, 0, NULL, &v);
    gen_tensor(g, &t);
}
/* Comma-separated names become fields FIELD of NODE; nothing between commas is an absent input. */
static inline void gen_names(pb *node, int field, const char *names) {
    while (*names) {
        size_t n = strcspn(names, ",");
        pb_bytes(node, field, names, n);
        names += n;
        if (*names == ',' && !*++names) pb_bytes(node, field, "", 0);
    }
}
/* ATTRS (may be NULL) is used up. */
static inline void gen_node(gen *g, const char *op, const char *name, const char *in, const char *out, pb *attrs) {
    pb n = {0};
    gen_names(&n, 1, in);
    gen_names(&n, 2, out);
    if (name) pb_text(&n, 3, name);
    pb_text(&n, 4, op);
    if (attrs) {
        pb_raw(&n, attrs->p, attrs->n);
        free(attrs->p);
        memset(attrs, 0, sizeof *attrs);
    }
    pb_message(&g->graph, 1, &n);
}
/* The whole file; g is used up. */
static inline pb gen_finish(gen *g) {
    pb m = {0}, opset = {0};
    pb_int(&m, 1, 7);
    pb_text(&m, 2, "onnxgen");
    pb_message(&m, 7, &g->graph);
    pb_text(&opset, 1, "");
    pb_int(&opset, 2, g->opset);
    pb_message(&m, 8, &opset);
    return m;
}
static inline int gen_load(gen *g, mb_network **net) {
    pb m = gen_finish(g);
    *net = NULL;
    int rc = mb_network_parse(m.p, m.n, "test.onnx", net);
    free(m.p);
    return rc;
}
/* Loading must fail as bad input with TEXT in the message, and leave nothing behind. */
static inline void gen_refused(gen *g, const char *text) {
    mb_network *net;
    long live = mb_mem_live();
    int rc = gen_load(g, &net);
    if (rc == MB_OK) fail_msg("loaded, but should be refused with '%s'", text);
    assert_fails(rc, MB_BADINPUT, text);
    assert_null(net);
    assert_int_equal(mb_mem_live(), live);
}

/* ---- numbers -------------------------------------------------------------------------------------------------------- */

/* N numbers in (-1, 1), the same for the same SEED; mb_free. */
static inline float *noise(uint64_t seed, size_t n) {
    mb_stream s;
    float *v = mb_malloc(n, sizeof *v);
    assert_non_null(v);
    mb_stream_init(&s, seed, MB_RNG_TEST, 0, 0, 0);
    for (size_t k = 0; k < n; k++) v[k] = (float)(2 * mb_stream_uniform(&s) - 1);
    return v;
}
/* max |a - b| / max |b| */
static inline double distance(const float *a, const float *b, size_t n) {
    double d = 0, m = 1e-30;
    for (size_t k = 0; k < n; k++) {
        double e = fabs((double)a[k] - (double)b[k]), r = fabs((double)b[k]);
        if (!(e <= d)) d = e;            /* NaN stays */
        m = r > m ? r : m;
    }
    return d / m;
}
/* Folder of files that are not part of the project ($MIXBAR_SHARED, or ../shared beside the sources). */
static inline const char *shared_path(const char *name, char *buf, size_t cap) {
    const char *d = getenv("MIXBAR_SHARED");
    if (d) snprintf(buf, cap, "%s/%s", d, name);
    else snprintf(buf, cap, "%s/../shared/%s", srcdir(), name);
    return buf;
}

#endif
