/* test_onnx_write.c - what is written reads back: networks layer by layer and bit by bit, models through their outputs
 *
 * With MIXBAR_ONNX_DIR set, every file is also put into that folder, with inputs and outputs, for others to check
 * (tests/cli/onnx.t).
 */
#include <math.h>

#include "base/file.h"
#include "base/npy.h"
#include "nn/diff.h"
#include "nn/exec.h"
#include "nn/onnx_write.h"
#include "nn/op.h"
#include "onnxgen.h"

enum { N = 3 };

static void keep(const char *name, const mb_str *bytes) {
    const char *dir = getenv("MIXBAR_ONNX_DIR");
    char path[600];
    if (!dir) return;
    snprintf(path, sizeof path, "%s/%s.onnx", dir, name);
    assert_ok(mb_file_write(path, bytes->s, bytes->n));
}

/* N samples of shape S, "NAME_in.npy" or "NAME_out.npy". */
static void keep_data(const char *name, const char *what, const mb_shape *s, const float *v) {
    const char *dir = getenv("MIXBAR_ONNX_DIR");
    char path[600];
    int64_t dim[MB_MAX_RANK + 1] = {N};
    if (!dir) return;
    memcpy(dim + 1, s->d, (size_t)s->nd * sizeof *dim);
    snprintf(path, sizeof path, "%s/%s_%s.npy", dir, name, what);
    assert_ok(mb_npy_write(path, MB_F32, s->nd + 1, dim, v));
}

static float *outputs(const mb_network *net, const float *x, mb_weighted_fn weighted) {
    mb_exec *e;
    float *y = mb_malloc(N * mb_shape_count(&net->layer[net->output].shape), sizeof *y);
    assert_non_null(y);
    assert_ok(mb_exec_new(net, N, &e));
    assert_ok(mb_exec_run(e, N, x, y, weighted, NULL, NULL, NULL));
    mb_exec_free(e);
    return y;
}

/* Layers of the same operators, names, sizes and bits, and the same outputs. */
static void same(const mb_network *a, const mb_network *b, const char *name) {
    assert_int_equal(a->n_layers, b->n_layers);
    for (int k = 0; k < a->n_layers; k++) {
        const mb_layer *p = &a->layer[k], *q = &b->layer[k];
        if (strcmp(p->name, q->name) || p->op != q->op) fail_msg("layer %s (%s) became %s (%s)", p->name, p->op->name, q->name,
                                                                 q->op->name);
        assert_true(mb_shape_equal(&p->shape, &q->shape) && p->n_in == q->n_in && p->n_weight == q->n_weight &&
                    !p->bias == !q->bias);
        assert_memory_equal(&p->win, &q->win, sizeof p->win);
        if (p->n_in) assert_memory_equal(p->in, q->in, (size_t)p->n_in * sizeof *p->in);
        if (p->weight) assert_memory_equal(p->weight, q->weight, p->n_weight * sizeof(float));
        if (p->bias) assert_memory_equal(p->bias, q->bias, (size_t)p->win.cout * sizeof(float));
    }
    float *x = noise(5, N * mb_shape_count(&a->layer[0].shape));
    float *ya = outputs(a, x, mb_exec_reference), *yb = outputs(b, x, mb_exec_reference);
    assert_memory_equal(ya, yb, N * mb_shape_count(&a->layer[a->output].shape) * sizeof *ya);
    keep_data(name, "in", &a->layer[0].shape, x);
    keep_data(name, "out", &a->layer[a->output].shape, ya);
    mb_free(x);
    mb_free(ya);
    mb_free(yb);
}

static void round_trip(mb_network *net, const char *name) {
    mb_str bytes = {0}, again = {0};
    mb_network *back = NULL;
    assert_ok(mb_network_onnx(net, NULL, &bytes));
    keep(name, &bytes);
    assert_ok(mb_network_parse((const uint8_t *)bytes.s, bytes.n, name, &back));
    same(net, back, name);
    mb_free(back->name);                                         /* the graph's name is the file's */
    back->name = mb_strdup(net->name);
    assert_ok(mb_network_onnx(back, NULL, &again));              /* and once more: the same bytes */
    assert_int_equal(bytes.n, again.n);
    assert_memory_equal(bytes.s, again.s, bytes.n);
    mb_str_free(&bytes);
    mb_str_free(&again);
    mb_network_free(back);
    mb_network_free(net);
}

/* --- networks of every operator ------------------------------------------------------------------------------------------------
 * */

/* One node OP with attributes A between an input of shape DIM and the output; constants named in INPUTS come first. */
static void single(gen *g, const char *name, const char *op, const char *inputs, int nd, const int64_t *dim, pb *a) {
    mb_network *net;
    gen_input(g, "x", nd, dim);
    gen_node(g, op, "node", inputs, "y", a);
    gen_output(g, "y", -1, NULL);
    assert_ok(gen_load(g, &net));
    round_trip(net, name);
}

#define DIM(...) (int)(sizeof((int64_t[]){__VA_ARGS__}) / sizeof(int64_t)), (const int64_t[]){__VA_ARGS__}

static void weighted(void **state) {
    (void)state;
    gen g;
    pb a = {0};
    float *w = noise(1, 400), *b = noise(2, 12);
    gen_begin(&g, 13);
    gen_floats(&g, "w", DIM(6, 2, 3, 2), w);
    gen_floats(&g, "b", DIM(6), b);
    at_int(&a, "group", 2);
    at_ints(&a, "pads", INTS(1, 0, 2, 1));
    at_ints(&a, "strides", INTS(2, 1));
    at_ints(&a, "dilations", INTS(1, 2));
    single(&g, "conv", "Conv", "x,w,b", DIM(-1, 4, 7, 8), &a);
    gen_begin(&g, 13);
    gen_floats(&g, "w", DIM(5, 3, 4), w);
    at_ints(&a, "pads", INTS(1, 2));
    single(&g, "conv1d", "Conv", "x,w", DIM(-1, 3, 9), &a);
    gen_begin(&g, 13);
    gen_floats(&g, "w", DIM(4, 7), w);
    gen_floats(&g, "b", DIM(7), b);
    single(&g, "gemm", "Gemm", "x,w,b", DIM(-1, 4), &a);
    mb_network *net;                                             /* over tokens, with a bias added afterwards */
    gen_begin(&g, 13);
    gen_floats(&g, "w", DIM(4, 7), w);
    gen_floats(&g, "b", DIM(7), b);
    gen_input(&g, "x", DIM(-1, 3, 4));
    gen_node(&g, "MatMul", "product", "x,w", "p", NULL);
    gen_node(&g, "Add", "offset", "p,b", "y", NULL);
    gen_output(&g, "y", -1, NULL);
    assert_ok(gen_load(&g, &net));
    assert_int_equal(net->n_layers, 2);
    round_trip(net, "tokens");
    mb_free(w);
    mb_free(b);
}

static void elementwise(void **state) {
    (void)state;
    gen g;
    pb a = {0};
    float *v = noise(3, 60), lo = -0.5f, hi = 0.25f;
    gen_begin(&g, 13);
    single(&g, "relu", "Relu", "x", DIM(-1, 2, 3, 4), NULL);
    gen_begin(&g, 13);
    at_float(&a, "alpha", 0.2f);
    single(&g, "leaky", "LeakyRelu", "x", DIM(-1, 2, 3, 4), &a);
    gen_begin(&g, 13);
    gen_floats(&g, "lo", 0, NULL, &lo);
    gen_floats(&g, "hi", 0, NULL, &hi);
    single(&g, "clip", "Clip", "x,lo,hi", DIM(-1, 2, 3, 4), NULL);
    gen_begin(&g, 13);
    gen_floats(&g, "hi", 0, NULL, &hi);
    single(&g, "upper", "Clip", "x,,hi", DIM(-1, 6), NULL);
    gen_begin(&g, 13);
    gen_floats(&g, "c", DIM(3, 1), v);                           /* along the second axis */
    single(&g, "scale_middle", "Mul", "x,c", DIM(-1, 2, 3, 4), NULL);
    gen_begin(&g, 13);
    gen_floats(&g, "c", DIM(2, 1, 1), v);
    single(&g, "scale_channels", "Add", "x,c", DIM(-1, 2, 3, 4), NULL);
    gen_begin(&g, 13);
    gen_floats(&g, "c", DIM(2, 3, 4), v);
    single(&g, "scale_all", "Sub", "c,x", DIM(-1, 2, 3, 4), NULL);
    gen_begin(&g, 13);
    at_int(&a, "axis", 1);
    single(&g, "softmax", "Softmax", "x", DIM(-1, 3, 4), &a);
    gen_begin(&g, 11);                                           /* axes from 1 on count as one */
    at_int(&a, "axis", 1);
    single(&g, "softmax_flat_file", "Softmax", "x", DIM(-1, 6), &a);
    mb_free(v);
}

static void shapes(void **state) {
    (void)state;
    gen g;
    pb a = {0};
    float value = 0.5f;
    gen_begin(&g, 13);
    single(&g, "flatten", "Flatten", "x", DIM(-1, 2, 3, 4), NULL);
    gen_begin(&g, 13);
    gen_ints(&g, "s", INTS(0, 4, 6));
    single(&g, "reshape", "Reshape", "x,s", DIM(-1, 2, 3, 4), NULL);
    gen_begin(&g, 13);
    gen_ints(&g, "p", INTS(0, 1, 0, 2, 0, 0, 3, 1));
    gen_floats(&g, "v", 0, NULL, &value);
    single(&g, "pad", "Pad", "x,p,v", DIM(-1, 2, 3, 4), NULL);
    gen_begin(&g, 13);
    gen_ints(&g, "b", INTS(1, 5));
    gen_ints(&g, "e", INTS(8, -100));
    gen_ints(&g, "a", INTS(2, 3));
    gen_ints(&g, "s", INTS(3, -2));
    single(&g, "slice", "Slice", "x,b,e,a,s", DIM(-1, 2, 8, 6), NULL);
    gen_begin(&g, 13);
    at_ints(&a, "kernel_shape", INTS(3, 2));
    at_ints(&a, "strides", INTS(2, 2));
    at_ints(&a, "pads", INTS(1, 0, 0, 1));
    at_ints(&a, "dilations", INTS(1, 2));
    single(&g, "maxpool", "MaxPool", "x", DIM(-1, 2, 7, 8), &a);
    gen_begin(&g, 13);
    at_ints(&a, "kernel_shape", INTS(2, 2));
    at_ints(&a, "strides", INTS(2, 2));
    at_int(&a, "ceil_mode", 1);
    single(&g, "maxpool_ceil", "MaxPool", "x", DIM(-1, 2, 7, 5), &a);
    for (int include = 0; include < 2; include++) {
        gen_begin(&g, 13);
        at_ints(&a, "kernel_shape", INTS(3, 3));
        at_ints(&a, "pads", INTS(1, 1, 1, 1));
        at_int(&a, "count_include_pad", include);
        single(&g, include ? "avgpool_padded" : "avgpool", "AveragePool", "x", DIM(-1, 2, 5, 4), &a);
    }
    gen_begin(&g, 13);
    single(&g, "global_mean", "GlobalAveragePool", "x", DIM(-1, 2, 5, 4), NULL);
    gen_begin(&g, 13);
    at_ints(&a, "axes", INTS(2, 3));
    at_int(&a, "keepdims", 0);
    single(&g, "reduce_mean", "ReduceMean", "x", DIM(-1, 2, 5, 4), &a);
    gen_begin(&g, 13);
    at_ints(&a, "kernel_shape", INTS(3));
    single(&g, "pool1d", "MaxPool", "x", DIM(-1, 2, 9), &a);
}

static void several_inputs(void **state) {
    (void)state;
    gen g;
    pb a = {0};
    mb_network *net;
    gen_begin(&g, 13);
    gen_input(&g, "x", DIM(-1, 2, 3, 4));
    gen_node(&g, "Relu", "r", "x", "r", NULL);
    gen_node(&g, "Add", "sum", "x,r", "s", NULL);
    gen_node(&g, "Sum", "three", "s,r,x", "t", NULL);
    at_int(&a, "axis", 2);
    gen_node(&g, "Concat", "join", "t,x,s", "y", &a);
    gen_output(&g, "y", -1, NULL);
    assert_ok(gen_load(&g, &net));
    round_trip(net, "graph");
}

static void real_networks(void **state) {
    (void)state;
    static const char *const name[] = {"fashion_cnn", "fashion_resnet8", "resnet20_cifar10", "resnet20_cifar10_unsimplified",
                                       "mlperf_dscnn_kws", "mlperf_vww_mobilenetv1_025_96", "mlperf_ad_autoencoder"};
    int skipped = 0;
    for (size_t k = 0; k < sizeof name / sizeof *name; k++) {
        char path[500], file[80];
        mb_network *net;
        snprintf(file, sizeof file, "models/%s.onnx", name[k]);
        if (!mb_file_exists(shared_path(file, path, sizeof path))) {
            skipped++;
            continue;
        }
        assert_ok(mb_network_load(path, &net));
        round_trip(net, name[k]);
    }
    if (skipped) printf("# %d of %zu networks are not here: skipped\n", skipped, sizeof name / sizeof *name);
}

/* --- models
 * ----------------------------------------------------------------------------------------------------------------------- */

/* Written and read back, the network computes what the model computes in double precision. */
static void model_trip(mb_model *m, const char *name, const mb_onnx_options *o) {
    mb_str bytes = {0};
    mb_network *net = NULL;
    size_t in = mb_diff_inputs(m), out = mb_diff_outputs(m);
    float *x = noise(4, N * in);
    double *theta = mb_malloc(m->n_theta, sizeof *theta), *xd = mb_malloc(N * in, sizeof *xd), *y = mb_malloc(N * out,
                                                                                                              sizeof *y), top = 0;
    for (size_t k = 0; k < m->n_theta; k++) theta[k] = (double)(o && o->theta ? o->theta : m->theta)[k];
    for (size_t k = 0; k < N * in; k++) xd[k] = (double)x[k];
    assert_ok(mb_model_onnx(m, o, &bytes));
    keep(name, &bytes);
    assert_ok(mb_network_parse((const uint8_t *)bytes.s, bytes.n, name, &net));
    assert_ok(mb_diff_gradient(m, (mb_diff_mode){MB_LOSS_SQUARED, false}, theta, N, xd, NULL, y, NULL, NULL, NULL));
    float *z = outputs(net, x, mb_exec_reference);
    for (size_t k = 0; k < N * out; k++) top = fmax(top, fabs(y[k]));
    for (size_t k = 0; k < N * out; k++)
        if (!(fabs(y[k] - (double)z[k]) <= 1e-5 * top)) fail_msg("%s: output %zu is %g instead of %g", name, k, (double)z[k],
                                                                 y[k]);
    assert_true(top > 1e-3);
    keep_data(name, "in", &net->layer[0].shape, x);
    keep_data(name, "out", &net->layer[net->output].shape, z);
    mb_free(z);
    mb_free(x);
    mb_free(xd);
    mb_free(y);
    mb_free(theta);
    mb_str_free(&bytes);
    mb_network_free(net);
}

static mb_model *start(int c, int h, int w) {
    mb_model *m = NULL;
    assert_ok(mb_model_new("model", &(mb_shape){3, {c, h, w}}, &m));
    return m;
}

static void finish(mb_model *m) {
    assert_ok(mb_model_done(m));
    mb_model_init(m, 3);
    for (size_t k = 0; k < m->n_state; k++) m->state[k] += 0.1f * (float)((int)(k % 5) + 1);
    for (int b = 0; b < m->n_blocks; b++)
        if (m->block[b].role != MB_ROLE_WEIGHT)
            for (size_t k = 0; k < m->block[b].n; k++) m->theta[m->block[b].at + k] += 0.07f * (float)((int)(k % 7) - 3);
}

/* Stride 2 of an image of 6 x 6 into 3 x 3, channels 1 .. 2 of 4: what a shortcut without weights does. */
static int shortcut(mb_model *m, int in) {
    int32_t index[36];
    for (int c = 0; c < 4; c++)
        for (int y = 0; y < 3; y++)
            for (int x = 0; x < 3; x++) index[(c * 3 + y) * 3 + x] = c < 1 || c > 2 ? -1 : ((c - 1) * 6 + 2 * y) * 6 + 2 * x;
    return mb_model_gather(m, "shortcut", in, &(mb_shape){3, {4, 3, 3}}, index, 0);
}

static void models(void **state) {
    (void)state;
    mb_model *m = start(2, 6, 6);
    int a = mb_model_relu(m, "r1", mb_model_norm(m, "n1", mb_model_conv(m, "c1", 0, 4, 3, 3, 2, 1, 1, false)));
    int s = mb_model_add(m, "sum", shortcut(m, 0), mb_model_norm(m, "n2", mb_model_conv(m, "c2", a, 4, 3, 3, 1, 1, 4, true)));
    s = mb_model_clip(m, "six", mb_model_scale(m, "scale", mb_model_relu(m, "r2", s)), 0, 6);
    s = mb_model_pool(m, "max", s, MB_KIND_MAXPOOL, 2, 1, 0);
    mb_model_linear(m, "fc", mb_model_flatten(m, "flat", mb_model_global(m, "mean", s)), 5, true);
    finish(m);
    model_trip(m, "model", NULL);
    /* other parameters, and what the file says about itself */
    mb_onnx_meta meta = {"answer", "42"};
    float *theta = mb_malloc(m->n_theta, sizeof *theta);
    for (size_t k = 0; k < m->n_theta; k++) theta[k] = roundf(m->theta[k] * 8) / 8;
    mb_onnx_options o = {.doc = "a test", .meta = &meta, .n_meta = 1, .theta = theta};
    model_trip(m, "model_theta", &o);
    mb_free(theta);
    mb_model_free(m);
    /* a linear layer on an image; mean pooling with and without padding */
    m = start(1, 4, 5);
    a = mb_model_pool(m, "mean", 0, MB_KIND_AVGPOOL, 3, 2, 1);
    mb_model_linear(m, "fc", a, 3, false);
    finish(m);
    model_trip(m, "model_image", NULL);
    mb_model_free(m);
}

static bool holds(const mb_str *bytes, const char *text) {
    size_t n = strlen(text);
    for (size_t k = 0; k + n <= bytes->n; k++)
        if (!memcmp(bytes->s + k, text, n)) return true;
    return false;
}

static void quantisers(void **state) {
    (void)state;
    mb_model *m = start(2, 4, 4);
    mb_str bytes = {0};
    mb_model_linear(m, "fc", mb_model_relu(m, "r", mb_model_conv(m, "c", 0, 3, 3, 3, 1, 1, 1, true)), 3, true);
    finish(m);
    mb_fakequant w = {.kind = MB_FAKE_LSQ, .bits = 4, .is_signed = true, .block = -1}, x = {.kind = MB_FAKE_PACT, .bits = 3,
                                                                                            .block = -1};
    assert_ok(mb_model_quantise(m, mb_model_find(m, "c"), &w, &x));
    m->theta[m->block[m->layer[1].wq.block].at] = 0.125f;
    m->theta[m->block[m->layer[1].xq.block].at] = 2.5f;
    assert_ok(mb_model_onnx(m, NULL, &bytes));
    assert_true(holds(&bytes, "mixbar.quantiser.c.weights"));
    assert_true(holds(&bytes, "lsq bits=4 signed step=0.125"));
    assert_true(holds(&bytes, "pact bits=3 unsigned clip=2.5"));
    assert_false(holds(&bytes, "mixbar.quantiser.fc"));
    keep("quantised", &bytes);
    mb_str_free(&bytes);
    mb_model_free(m);
}

/* Nothing is left behind: neither memory nor a file. */
static void failures(void **state) {
    (void)state;
    mb_model *m = start(1, 2, 2);
    mb_str bytes = {0};
    int32_t index[4] = {0, 2, 1, 3};
    mb_model_linear(m, "fc", mb_model_gather(m, "turn", 0, &(mb_shape){3, {1, 2, 2}}, index, 0), 2, true);
    finish(m);
    assert_fails(mb_model_onnx(m, NULL, &bytes), MB_BADINPUT, "\"turn\"");
    assert_int_equal(bytes.n, 0);
    assert_fails(mb_model_save(m, NULL, "/nonexistent/x.onnx"), MB_BADINPUT, "turn");
    mb_model_free(m);
    m = start(1, 4, 4);
    mb_model_linear(m, "fc", mb_model_norm(m, "n", mb_model_conv(m, "c", 0, 2, 3, 3, 1, 1, 1, true)), 2, true);
    finish(m);
    long live = mb_mem_live();
    for (long k = 1, rc = MB_SYSTEM; rc != MB_OK; k++) {
        mb_mem_fail_after(k);
        rc = mb_model_onnx(m, NULL, &bytes);
        mb_mem_fail_after(-1);
        assert_true(rc == MB_OK || rc == MB_SYSTEM);
        mb_str_free(&bytes);
        mb_error_clear();
        assert_int_equal(mb_mem_live(), live);
    }
    mb_model_free(m);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(weighted), cmocka_unit_test(elementwise),   cmocka_unit_test(shapes),
            cmocka_unit_test(several_inputs),
        cmocka_unit_test(models),   cmocka_unit_test(real_networks), cmocka_unit_test(quantisers), cmocka_unit_test(failures),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
