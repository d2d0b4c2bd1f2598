/* The ONNX reader: tensors of all types, external data, hostile and damaged files. */
#include "onnxgen.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "nn/exec.h"
#include "nn/onnx.h"

/* ---- data of tensors -------------------------------------------------------------------------------------------------- */

/* Read the tensor message T (used up) as three numbers; RC is what each reader returned. */
typedef struct numbers {
    float f[4];
    double d[4];
    int64_t i[4];
    int rc_f, rc_d, rc_i;
} numbers; /* a fourth place that must stay as it is */

static numbers read3(pb *t) {
    numbers r = {{0, 0, 0, 77}, {0, 0, 0, 77}, {0, 0, 0, 77}, 0, 0, 0};
    mb_onnx_tensor o;
    mb_span s = {t->p, t->n};
    assert_ok(mb_onnx_tensor_parse("t.onnx", s, &o));
    r.rc_f = mb_onnx_tensor_f32("t.onnx", &o, r.f);
    r.rc_d = mb_onnx_tensor_f64("t.onnx", &o, r.d);
    r.rc_i = mb_onnx_tensor_i64("t.onnx", &o, r.i);
    mb_error_clear();
    free(t->p);
    assert_true(r.f[3] == 77.0f && r.d[3] == 77.0 && r.i[3] == 77);
    return r;
}

static void same3(const numbers *r, double a, double b, double c, int whole) {
    const double v[3] = {a, b, c};
    assert_int_equal(r->rc_f, MB_OK);
    assert_int_equal(r->rc_d, MB_OK);
    assert_int_equal(r->rc_i, whole ? MB_OK : MB_BADINPUT);
    for (int k = 0; k < 3; k++) {
        assert_true(r->d[k] == v[k]);
        assert_true(r->f[k] == (float)v[k]);
        if (whole) assert_true(r->i[k] == (int64_t)v[k]);
    }
}

static void test_raw(void **state) {
    static const int64_t dim[1] = {3};
    static const float f32[3] = {1.5f, -2, 1e-3f};
    static const double f64[3] = {1.5, -2, 1e-3};
    static const uint16_t f16[3] = {0x3C00, 0xC000, 0x0001}, bf16[3] = {0x3FC0, 0xC000, 0x7F7F};
    static const int8_t i8[3] = {-128, 0, 127};
    static const uint8_t u8[3] = {0, 128, 255}, bools[3] = {0, 1, 1};
    static const int16_t i16[3] = {-32768, 0, 32767};
    static const uint16_t u16[3] = {0, 32768, 65535};
    static const int32_t i32[3] = {INT32_MIN, 0, INT32_MAX};
    static const uint32_t u32[3] = {0, 1u << 31, UINT32_MAX};
    static const int64_t i64[3] = {-((int64_t)1 << 40), 0, (int64_t)1 << 53};
    static const uint64_t u64[3] = {0, 1, UINT64_MAX};
    static const struct { int type; size_t size; const void *data; double v[3]; int whole;
    } cases[] = {
        {1, 4, f32, {1.5, -2, (double)1e-3f}, 0},
        {11, 8, f64, {1.5, -2, 1e-3}, 0},
        {10, 2, f16, {1, -2, 0x1p-24}, 0},
        {16, 2, bf16, {1.5, -2, 0x1.FEp127}, 0},
        {3, 1, i8, {-128, 0, 127}, 1},
        {2, 1, u8, {0, 128, 255}, 1},
        {5, 2, i16, {-32768, 0, 32767}, 1},
        {4, 2, u16, {0, 32768, 65535}, 1},
        {6, 4, i32, {INT32_MIN, 0, INT32_MAX}, 1},
        {12, 4, u32, {0, 2147483648.0, 4294967295.0}, 1},
        {7, 8, i64, {-0x1p40, 0, 0x1p53}, 1},
        {9, 1, bools, {0, 1, 1}, 1},
    };
    (void)state;
    for (size_t k = 0; k < sizeof cases / sizeof *cases; k++) {
        pb t = raw_tensor("t", cases[k].type, cases[k].size, 1, dim, cases[k].data);
        numbers r = read3(&t);
        same3(&r, cases[k].v[0], cases[k].v[1], cases[k].v[2], cases[k].whole);
    }
    pb big = raw_tensor("t", 13, 8, 1, dim, u64);
    numbers r = read3(&big);
    assert_int_equal(r.rc_i, MB_BADINPUT);                               /* 2^64 - 1 does not fit */
    pb strange = raw_tensor("t", 14, 8, 1, dim, u64);                    /* complex64 */
    r = read3(&strange);
    assert_int_equal(r.rc_f, MB_BADINPUT);
}

/* Data in the field FIELD: kind 'v' varints, 'f' floats, 'd' doubles; packed or one by one. */
static pb typed(int type, int64_t dim, int field, char kind, int packed, int n, const double *v) {
    pb t = {0}, list = {0};
    pb_int(&t, 1, dim);
    pb_int(&t, 2, type);
    for (int k = 0; k < n; k++) {
        float f = (float)v[k];
        if (packed && kind == 'v') pb_varint(&list, (uint64_t)(int64_t)v[k]);
        else if (packed) pb_raw(&list, kind == 'f' ? (const void *)&f : (const void *)&v[k], kind == 'f' ? 4 : 8);
        else if (kind == 'v') pb_int(&t, field, (int64_t)v[k]);
        else if (kind == 'f') pb_float(&t, field, f);
        else pb_double(&t, field, v[k]);
    }
    if (packed) pb_message(&t, field, &list);
    return t;
}

static void test_typed(void **state) {
    static const struct { int type, field; char kind; double in[3], out[3]; int whole; } cases[] = {
        {1, 4, 'f', {0.5, -3, 7}, {0.5, -3, 7}, 0},
        {11, 10, 'd', {0.1, -3, 1e300}, {0.1, -3, 1e300}, 0},
        {6, 5, 'v', {-5, 0, 70000}, {-5, 0, 70000}, 1},
        {3, 5, 'v', {-128, 5, 127}, {-128, 5, 127}, 1},
        {2, 5, 'v', {0, 200, 255}, {0, 200, 255}, 1},
        {5, 5, 'v', {-32768, 1, 2}, {-32768, 1, 2}, 1},
        {4, 5, 'v', {65535, 1, 2}, {65535, 1, 2}, 1},
        {9, 5, 'v', {1, 0, 1}, {1, 0, 1}, 1},
        {10, 5, 'v', {0x3C00, 0x7BFF, 0xC000}, {1, 65504, -2}, 0},
        {16, 5, 'v', {0x3F80, 0x4000, 0xC000}, {1, 2, -2}, 0},
        {7, 7, 'v', {-1, 9007199254740992.0, 3}, {-1, 9007199254740992.0, 3}, 1},
        {12, 11, 'v', {4294967295.0, 0, 1}, {4294967295.0, 0, 1}, 1},
        {13, 11, 'v', {1, 2, 3}, {1, 2, 3}, 1},
    };
    (void)state;
    for (size_t k = 0; k < sizeof cases / sizeof *cases; k++)
        for (int packed = 0; packed < 2; packed++) {
            pb t = typed(cases[k].type, 3, cases[k].field, cases[k].kind, packed, 3, cases[k].in);
            numbers r = read3(&t);
            if (cases[k].type == 11) r.f[2] = r.d[2] == 1e300 && isinf(r.f[2]) ? (float)1e300 : 0;       /* beyond float */
            same3(&r, cases[k].out[0], cases[k].out[1], cases[k].out[2], cases[k].whole);
        }
    static const double v[4] = {1, 2, 300, 4};
    for (int packed = 0; packed < 2; packed++) {
        pb few = typed(7, 3, 7, 'v', packed, 2, v), many = typed(7, 3, 7, 'v', packed, 4, v),
           none = typed(7, 3, 7, 'v', packed, 0, v);
        pb range = typed(2, 3, 5, 'v', packed, 3, v), elsewhere = typed(1, 3, 7, 'v', packed, 3, v);
        assert_int_equal(read3(&few).rc_i, MB_BADINPUT);
        assert_int_equal(read3(&many).rc_i, MB_BADINPUT);
        assert_int_equal(read3(&none).rc_i, MB_BADINPUT);
        assert_int_equal(read3(&range).rc_i, MB_BADINPUT);
        assert_int_equal(read3(&elsewhere).rc_f, MB_BADINPUT);
    }
}

static void test_half(void **state) {
    (void)state;
    /* every finite binary16 against the definition */
    for (uint32_t h = 0; h < 65536; h += 7) {
        uint16_t v[3] = {(uint16_t)h, (uint16_t)(h ^ 0x8000), 0};
        pb t = raw_tensor("t", 10, 2, 1, (int64_t[]){3}, v);
        numbers r = read3(&t);
        int e = (int)(h >> 10 & 31), m = (int)(h & 1023);
        if (e == 31) {
            assert_true(m ? isnan(r.f[0]) : isinf(r.f[0]));
            continue;
        }
        double x = (e ? 1 + m / 1024.0 : m / 1024.0) * pow(2, e ? e - 15 : -14);
        assert_true(r.d[0] == (h & 0x8000 ? -x : x));
        assert_true(r.d[1] == -r.d[0]);
    }
}

static void test_tensor_refused(void **state) {
    (void)state;
    static const int64_t huge[8] = {1 << 30, 1 << 30, 1 << 30, 1 << 30, 1 << 30, 1 << 30, 1 << 30, 1 << 30};
    mb_onnx_tensor o;
    pb t = {0};
    for (int k = 0; k < 8; k++) pb_int(&t, 1, huge[k]);
    assert_fails(mb_onnx_tensor_parse("t.onnx", (mb_span){t.p, t.n}, &o), MB_BADINPUT, "multiply out");
    t.n = 0;
    for (int k = 0; k < 9; k++) pb_int(&t, 1, 1);
    assert_fails(mb_onnx_tensor_parse("t.onnx", (mb_span){t.p, t.n}, &o), MB_BADINPUT, "more than 8 dimensions");
    t.n = 0;
    pb_int(&t, 1, -1);
    assert_fails(mb_onnx_tensor_parse("t.onnx", (mb_span){t.p, t.n}, &o), MB_BADINPUT, "negative dimension");
    t.n = 0;
    pb_key(&t, 3, 2), pb_varint(&t, 0);
    assert_fails(mb_onnx_tensor_parse("t.onnx", (mb_span){t.p, t.n}, &o), MB_BADINPUT, "segments");
    t.n = 0;
    pb_key(&t, 9, 2), pb_varint(&t, 100);
    assert_fails(mb_onnx_tensor_parse("t.onnx", (mb_span){t.p, t.n}, &o), MB_BADINPUT, "cut off");
    t.n = 0;
    pb_int(&t, 1, 5), pb_int(&t, 2, 1), pb_bytes(&t, 9, "12345678", 8);
    assert_int_equal(read3(&t).rc_f, MB_BADINPUT);                       /* 5 floats in 8 bytes */
}

/* ---- models ----------------------------------------------------------------------------------------------------------- */

/* A small network with most operators and a folding chain. */
static pb small_model(void) {
    static const float mean[4] = {0.1f, 0.2f, -0.3f, 0.4f}, var[4] = {1, 2, 0.5f, 3};
    float *w = noise(1, 4 * 3 * 9), *w2 = noise(2, 40), *b = noise(3, 5);
    gen g;
    pb a = {0}, p = {0}, c = {0}, q = {0}, f = {0};
    gen_begin(&g, 13);
    gen_input(&g, "x", INTS(-1, 3, 6, 6));
    gen_floats(&g, "w", INTS(4, 3, 3, 3), w);
    gen_floats(&g, "mean", INTS(4), mean);
    gen_floats(&g, "var", INTS(4), var);
    gen_floats(&g, "w2", INTS(8, 5), w2);
    gen_floats(&g, "b", INTS(5), b);
    gen_ints(&g, "pads", INTS(0, 0, 0, 0, 0, 0, 1, 1));
    gen_ints(&g, "axes", INTS(0));
    gen_ints(&g, "rest", INTS(-1));
    at_ints(&a, "pads", INTS(1, 1, 1, 1));
    gen_node(&g, "Conv", "c1", "x,w", "c1", &a);
    gen_node(&g, "BatchNormalization", "bn", "c1,var,mean,mean,var", "n1", NULL);
    gen_node(&g, "Relu", "r1", "n1", "r1", NULL);
    gen_node(&g, "Pad", "pad", "r1,pads", "p1", NULL);
    at_ints(&p, "kernel_shape", INTS(3, 3)), at_ints(&p, "strides", INTS(2, 2));
    gen_node(&g, "MaxPool", "pool", "p1", "m1", &p);
    at_int(&c, "axis", 1);
    gen_node(&g, "Concat", "cat", "m1,m1", "k1", &c);
    gen_node(&g, "GlobalAveragePool", "gap", "k1", "g1", NULL);
    gen_node(&g, "Shape", "shape", "g1", "s1", NULL);
    at_int(&q, "axis", 0);
    gen_int(&g, "zero", 0);
    gen_node(&g, "Gather", "gather", "s1,zero", "s2", &q);
    gen_node(&g, "Unsqueeze", "unsq", "s2,axes", "s3", NULL);
    at_int(&f, "axis", 0);
    gen_node(&g, "Concat", "shapecat", "s3,rest", "s4", &f);
    gen_node(&g, "Reshape", "view", "g1,s4", "v1", NULL);
    gen_node(&g, "Gemm", "fc", "v1,w2,b", "f1", NULL);
    gen_node(&g, "Softmax", "soft", "f1", "y", NULL);
    gen_output(&g, "y", INTS(-1, 5));
    mb_free(w);
    mb_free(w2);
    mb_free(b);
    return gen_finish(&g);
}

static void test_parse(void **state) {
    (void)state;
    pb m = small_model();
    mb_onnx_model *o;
    assert_ok(mb_onnx_parse("small.onnx", m.p, m.n, &o));
    assert_int_equal(o->ir_version, 7);
    assert_int_equal(o->opset, 13);
    assert_true(mb_span_is(o->producer, "onnxgen"));
    assert_int_equal(o->n_node, 14);
    assert_int_equal(o->n_init, 9);
    assert_int_equal(o->n_in, 1);
    assert_int_equal(o->n_out, 1);
    assert_true(mb_span_is(o->node[0].op, "Conv"));
    assert_true(mb_span_is(o->node[0].in[1], "w"));
    int64_t pads[4];
    size_t n;
    assert_ok(mb_onnx_attr_ints(&o->node[0].attr[0], pads, 4, &n));
    assert_int_equal(n, 4);
    assert_int_equal(pads[3], 1);
    assert_int_equal(o->init[0].nd, 4);
    assert_int_equal(o->init[0].count, 108);
    assert_int_equal(o->in[0].nd, 4);
    assert_int_equal(o->in[0].dim[0], -1);
    assert_true(mb_span_is(o->in[0].symbol[0], "N"));
    assert_int_equal(o->in[0].dim[3], 6);
    assert_true(o->init[0].raw.p > m.p && o->init[0].raw.p < m.p + m.n);         /* nothing is copied */
    mb_onnx_free(o);
    free(m.p);
}

/* The small network, whole; and cut off at every length: always an error, never a crash. */
static void test_truncated(void **state) {
    (void)state;
    pb m = small_model();
    mb_network *net = NULL;
    assert_ok(mb_network_parse(m.p, m.n, "small.onnx", &net));
    assert_int_equal(net->n_weighted, 2);
    assert_int_equal(mb_shape_count(&net->layer[net->output].shape), 5);
    mb_network_free(net);
    long live = mb_mem_live();
    for (size_t n = 0; n < m.n; n++) {
        uint8_t *cut = malloc(n ? n : 1); /* its end is the end of the block: the sanitizer sees one byte more */
        memcpy(cut, m.p, n);
        net = NULL;
        int rc = mb_network_parse(cut, n, "cut.onnx", &net);
        if (rc != MB_BADINPUT) fail_msg("cut to %zu of %zu bytes: status %d", n, m.n, rc);
        assert_null(net);
        assert_non_null(strstr(mb_error_message(), "cut.onnx"));
        mb_error_clear();
        free(cut);
    }
    assert_int_equal(mb_mem_live(), live);
    free(m.p);
}

/* One of several kinds of damage. */
static void mutate(mb_stream *s, pb *m) {
    static const uint8_t nasty[8] = {0, 1, 0x7F, 0x80, 0xFF, 0xFE, 0x10, 0x40};
    size_t at = mb_stream_u32(s) % m->n, n = 1 + mb_stream_u32(s) % 8, from;
    if (at + n > m->n) n = m->n - at;
    switch (mb_stream_u32(s) % 6) {
        case 0: m->p[at] ^= (uint8_t)(1u << mb_stream_u32(s) % 8); break;
        case 1: m->p[at] = nasty[mb_stream_u32(s) % 8]; break;
        case 2: for (size_t k = 0; k < n; k++) m->p[at + k] = (uint8_t)mb_stream_u32(s); break;
        case 3:                                                          /* cut out */
            memmove(m->p + at, m->p + at + n, m->n - at - n);
            m->n -= n;
            break;
        case 4:                                                          /* copy over from elsewhere */
            from = mb_stream_u32(s) % (m->n - n + 1);
            memmove(m->p + at, m->p + from, n);
            break;
        default: m->p[at] = (uint8_t)(m->p[at] + (mb_stream_u32(s) & 1 ? 1 : -1)); break;
    }
    if (m->n == 0) m->n = 1;
}

static int64_t work(const mb_network *net) {
    int64_t n = 0;
    for (int k = 0; k < net->n_layers; k++) {
        const mb_window *w = &net->layer[k].win;
        n += mb_layer_macs(&net->layer[k]) + (int64_t)mb_shape_count(&net->layer[k].shape) * (1 + (int64_t)w->kh * w->kw);
    }
    return n;
}

static void test_mutated(void **state) {
    (void)state;
    pb m = small_model();
    mb_stream s;
    int loaded = 0, refused = 0;
    long live = mb_mem_live();
    mb_log_quiet(1);
    for (uint32_t k = 0; k < 3000; k++) {
        mb_stream_init(&s, 20240601, MB_RNG_TEST, 0, 0, k);
        pb c = {0};
        pb_raw(&c, m.p, m.n);
        for (uint32_t j = mb_stream_u32(&s) % 4 + 1; j; j--) mutate(&s, &c);
        uint8_t *bytes = malloc(c.n);
        memcpy(bytes, c.p, c.n);
        mb_network *net = NULL;
        int rc = mb_network_parse(bytes, c.n, "mutated.onnx", &net);
        if (rc != MB_OK && rc != MB_BADINPUT) fail_msg("mutation %u: status %d: %s", k, rc, mb_error_message());
        if (rc == MB_OK && work(net) < 100000) {                         /* what was taken must also run */
            size_t in = mb_shape_count(&net->layer[0].shape), out = mb_shape_count(&net->layer[net->output].shape);
            float *x = noise(k, in), *y = mb_malloc(out, sizeof *y);
            mb_exec *e;
            assert_ok(mb_exec_new(net, 1, &e));
            assert_ok(mb_exec_run(e, 1, x, y, mb_exec_reference, NULL, NULL, NULL));
            mb_exec_free(e);
            mb_free(x);
            mb_free(y);
        }
        loaded += rc == MB_OK;
        refused += rc != MB_OK;
        mb_network_free(net);
        mb_error_clear();
        free(bytes);
        free(c.p);
    }
    mb_log_quiet(0);
    assert_int_equal(mb_mem_live(), live);
    assert_true(refused > 1000 && loaded > 100);                         /* the mutations reach both */
    free(m.p);
}

/* No memory at the n-th allocation, for all n: a clean error each time, nothing left behind. */
static void test_no_memory(void **state) {
    (void)state;
    pb m = small_model();
    int rc = MB_SYSTEM;
    long n, live = mb_mem_live();
    for (n = 1; rc != MB_OK && n < 2000; n++) {
        mb_network *net = NULL;
        mb_mem_fail_after(n);
        rc = mb_network_parse(m.p, m.n, "small.onnx", &net);
        mb_mem_fail_after(-1);
        if (rc != MB_OK && rc != MB_SYSTEM) fail_msg("allocation %ld failed, status %d", n, rc);
        mb_error_clear();
        mb_network_free(net);
        assert_int_equal(mb_mem_live(), live);
    }
    assert_true(n > 20 && n < 2000);
    free(m.p);
}

/* Graphs inside attributes inside nodes..., 300,000 deep: a few MB that make recursive readers overflow their stack. */
static void test_nested(void **state) {
    (void)state;
    enum { DEPTH = 300000 };
    pb headers = {0}, m = {0};
    size_t inner = 0;
    /* written backwards: each header needs the length of what follows */
    uint8_t *back = malloc(DEPTH * 3 * 8);
    size_t at = DEPTH * 3 * 8;
    for (int k = 0; k < DEPTH; k++)
        for (int j = 0; j < 3; j++) {
            static const int fields[3] = {6, 5, 1};                      /* attribute.g, node.attribute, graph.node */
            headers.n = 0;
            pb_key(&headers, fields[j], 2);
            pb_varint(&headers, inner);
            at -= headers.n;
            memcpy(back + at, headers.p, headers.n);
            inner += headers.n;
        }
    pb_int(&m, 1, 7);
    pb_bytes(&m, 7, back + at, inner);
    pb opset = {0};
    pb_int(&opset, 2, 13);
    pb_message(&m, 8, &opset);
    mb_network *net = NULL;
    mb_onnx_model *o;
    clock_t t = clock();
    assert_ok(mb_onnx_parse("nest.onnx", m.p, m.n, &o));
    assert_int_equal(o->n_node, 1);
    mb_onnx_free(o);
    assert_fails(mb_network_parse(m.p, m.n, "nest.onnx", &net), MB_BADINPUT, "nest.onnx");
    assert_true((double)(clock() - t) / CLOCKS_PER_SEC < 1);
    free(back);
    free(headers.p);
    free(m.p);
}

/* Counts beyond the limits. */
static void test_limits(void **state) {
    (void)state;
    pb graph = {0}, node = {0}, m = {0};
    mb_onnx_model *o = NULL;
    for (int k = 0; k <= MB_ONNX_MAX_NODES; k++) pb_bytes(&graph, 1, "", 0);
    pb_int(&m, 1, 7);
    pb_message(&m, 7, &graph);
    assert_fails(mb_onnx_parse("many.onnx", m.p, m.n, &o), MB_BADINPUT, "more than 65536 nodes");
    m.n = 0;
    for (int k = 0; k <= MB_ONNX_MAX_NODE_INPUTS; k++) pb_text(&node, 1, "x");
    pb_message(&graph, 1, &node);
    pb_int(&m, 1, 7);
    pb_message(&m, 7, &graph);
    assert_fails(mb_onnx_parse("many.onnx", m.p, m.n, &o), MB_BADINPUT, "more than 1024 inputs");
    m.n = 0;
    pb_int(&m, 1, 2);
    pb_bytes(&m, 7, "", 0);
    assert_fails(mb_onnx_parse("old.onnx", m.p, m.n, &o), MB_BADINPUT, "ir_version 2");
    m.n = 0;
    pb_int(&m, 1, 7);
    assert_fails(mb_onnx_parse("none.onnx", m.p, m.n, &o), MB_BADINPUT, "no graph");
    assert_fails(mb_onnx_parse("text.onnx", (const uint8_t *)"hello, world", 12, &o), MB_BADINPUT, "is it an ONNX file");
    assert_fails(mb_onnx_parse("empty.onnx", m.p, 0, &o), MB_BADINPUT, "no graph");
    assert_null(o);
    free(m.p);
}

/* ---- external data ------------------------------------------------------------------------------------------------------ */

/* A network in DIR whose only weights (6 floats) lie at LOCATION. NULL: entry left out. */
static int load_external(const char *dir, const char *location, const char *offset, const char *length, mb_network **net) {
    gen g;
    pb t = {0}, e = {0};
    char path[300];
    gen_begin(&g, 13);
    gen_input(&g, "x", INTS(-1, 2));
    pb_int(&t, 1, 2), pb_int(&t, 1, 3), pb_int(&t, 2, 1), pb_text(&t, 8, "w");
    if (location) pb_text(&e, 1, "location"), pb_text(&e, 2, location), pb_message(&t, 13, &e);
    if (offset) pb_text(&e, 1, "offset"), pb_text(&e, 2, offset), pb_message(&t, 13, &e);
    if (length) pb_text(&e, 1, "length"), pb_text(&e, 2, length), pb_message(&t, 13, &e);
    pb_int(&t, 14, 1);
    gen_tensor(&g, &t);
    gen_node(&g, "Gemm", "fc", "x,w", "y", NULL);
    gen_output(&g, "y", -1, NULL);
    pb m = gen_finish(&g);
    snprintf(path, sizeof path, "%s/net.onnx", dir);
    FILE *f = fopen(path, "wb");
    assert_non_null(f);
    assert_int_equal(fwrite(m.p, 1, m.n, f), m.n);
    fclose(f);
    free(m.p);
    *net = NULL;
    return mb_network_load(path, net);
}

static void write_floats(const char *path, int n, float first) {
    FILE *f = fopen(path, "wb");
    assert_non_null(f);
    for (int k = 0; k < n; k++, first += 1) assert_int_equal(fwrite(&first, sizeof first, 1, f), 1);
    fclose(f);
}

static void test_external(void **state) {
    (void)state;
    char base[] = "/tmp/mixbar-external-XXXXXX", dir[100], path[200], other[200];
    mb_network *net;
    assert_non_null(mkdtemp(base));
    snprintf(dir, sizeof dir, "%s/in", base);
    assert_int_equal(mkdir(dir, 0700), 0);
    snprintf(path, sizeof path, "%s/sub", dir);
    assert_int_equal(mkdir(path, 0700), 0);
    snprintf(path, sizeof path, "%s/sub/w.bin", dir);
    write_floats(path, 8, 10);
    snprintf(other, sizeof other, "%s/secret.bin", base);
    write_floats(other, 8, 0);
    snprintf(path, sizeof path, "%s/link.bin", dir);
    assert_int_equal(symlink(other, path), 0);
    snprintf(path, sizeof path, "%s/good.bin", dir);
    assert_int_equal(symlink("sub/w.bin", path), 0);

    assert_ok(load_external(dir, "sub/w.bin", NULL, "24", &net));
    assert_true(net->layer[1].weight[0] == 10.0f && net->layer[1].weight[1] == 13.0f);       /* [out][in] */
    uint64_t hash = net->hash;
    mb_network_free(net);
    assert_ok(load_external(dir, "good.bin", "8", NULL, &net));          /* a link that stays inside */
    assert_true(net->layer[1].weight[0] == 12.0f);
    mb_network_free(net);
    snprintf(path, sizeof path, "%s/sub/w.bin", dir);
    write_floats(path, 8, 20);
    assert_ok(load_external(dir, "sub/w.bin", NULL, "24", &net));        /* same network file, other weights: another hash */
    assert_int_not_equal(net->hash, hash);
    mb_network_free(net);

    static const struct { const char *location, *offset, *length, *text;
    } bad[] = {
        {"sub/w.bin", "12", NULL, "do not lie inside"},
        {"sub/w.bin", "999999999999", NULL, "do not lie inside"},
        {"sub/w.bin", NULL, "20", "its dims ask for 24"},
        {"../secret.bin", NULL, NULL, "outside the network's folder"},
        {"sub/../../secret.bin", NULL, NULL, "outside the network's folder"},
        {"/etc/passwd", NULL, NULL, "outside the network's folder"},
        {"link.bin", NULL, NULL, "leads out of the network's folder"},
        {"missing.bin", NULL, NULL, "cannot be opened"},
        {"sub", NULL, NULL, "is not a file"},
        {NULL, NULL, NULL, "no proper location"},
        {"..", NULL, NULL, "outside"},
        {"sub/w.bin", "-4", NULL, "not a number"},
        {"sub/w.bin", "99999999999999999999999", NULL, "not a number"},
    };
    long live = mb_mem_live();
    for (size_t k = 0; k < sizeof bad / sizeof *bad; k++) {
        assert_fails(load_external(dir, bad[k].location, bad[k].offset, bad[k].length, &net), MB_BADINPUT, bad[k].text);
        assert_null(net);
        assert_int_equal(mb_mem_live(), live);
    }
    static const char *const made[] = {"in/sub/w.bin", "in/sub", "in/link.bin", "in/good.bin",
                                       "in/net.onnx",  "in",     "secret.bin",  ""};
    for (size_t k = 0; k < sizeof made / sizeof *made; k++) {
        snprintf(path, sizeof path, "%s/%s", base, made[k]);
        assert_int_equal(remove(path), 0);
    }
}

static void test_missing_file(void **state) {
    (void)state;
    mb_network *net = NULL;
    assert_fails(mb_network_load("/nonexistent/net.onnx", &net), MB_BADINPUT, "/nonexistent/net.onnx");
    assert_fails(mb_network_load("/tmp", &net), MB_BADINPUT, "/tmp");
    assert_null(net);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_raw),      cmocka_unit_test(test_typed),
        cmocka_unit_test(test_half),     cmocka_unit_test(test_tensor_refused),
        cmocka_unit_test(test_parse),    cmocka_unit_test(test_truncated),
        cmocka_unit_test(test_mutated),  cmocka_unit_test(test_no_memory),
        cmocka_unit_test(test_nested),   cmocka_unit_test(test_limits),
        cmocka_unit_test(test_external), cmocka_unit_test(test_missing_file),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
