/* Execution: real networks against their reference outputs, batches, threads, memory reuse, callbacks. */
#include "onnxgen.h"

#include <omp.h>

#include "base/file.h"
#include "base/npy.h"
#include "nn/exec.h"
#include "nn/op.h"

#define TOLERANCE 1e-4                   /* relative to the largest output */

/* ---- real networks ------------------------------------------------------------------------------------------------------- */

typedef struct known { const char *file, *data; int weighted; int64_t macs, params; } known;

/* Sizes counted with the shape inference of the Python package onnx; outputs come from PyTorch. */
static const known networks[] = {
    {"fashion_cnn", "fashion_cnn", 5, 2923392, 115114},
    {"fashion_resnet8", "fashion_resnet8", 10, 9345920, 77418},
    {"mnist_lenet5", "mnist_lenet5", 5, 416520, 61706},
    {"resnet20_cifar10", "resnet20_cifar10", 20, 40551040, 269034},
    {"resnet20_cifar10_folded", "resnet20_cifar10", 20, 40551040, 269034},
    {"resnet20_cifar10_unsimplified", "resnet20_cifar10", 20, 40551040, 269034},
    {"mlperf_resnet8_cifar10", "mlperf_resnet8_cifar10", 10, 12501632, 77706},
    {"mlperf_dscnn_kws", "mlperf_dscnn_kws", 10, 2656768, 22604},
    {"mlperf_vww_mobilenetv1_025_96", "mlperf_vww_mobilenetv1_025_96", 28, 7489664, 210850},
    {"mlperf_ad_autoencoder", "mlperf_ad_autoencoder", 10, 264192, 265864},
};

static void check_network(const known *k, const char *folder) {
    char path[400];
    mb_network *net;
    mb_npy in, out;
    mb_exec *e;
    snprintf(path, sizeof path, "%s/%s.onnx", folder, k->file);
    assert_ok(mb_network_load(path, &net));
    int64_t macs = 0, params = 0;
    for (int j = 0; j < net->n_layers; j++) macs += mb_layer_macs(&net->layer[j]), params += mb_layer_params(&net->layer[j]);
    assert_int_equal(net->n_weighted, k->weighted);
    assert_int_equal(macs, k->macs);
    assert_int_equal(params, k->params);
    snprintf(path, sizeof path, "%s/%s_in.npy", folder, k->data);
    assert_ok(mb_npy_read(path, &in));
    snprintf(path, sizeof path, "%s/%s_out.npy", folder, k->data);
    assert_ok(mb_npy_read(path, &out));
    int n = (int)in.dim[0];
    assert_int_equal(in.type, MB_F32);
    assert_int_equal(in.count, (size_t)n * mb_shape_count(&net->layer[0].shape));
    assert_int_equal(out.count, (size_t)n * mb_shape_count(&net->layer[net->output].shape));
    float *y = mb_malloc(out.count, sizeof *y);
    assert_ok(mb_exec_new(net, n, &e));
    for (int reference = 0; reference < 2; reference++) {
        memset(y, 0, out.count * sizeof *y);
        assert_ok(mb_exec_run(e, n, in.data, y, reference ? mb_exec_reference : NULL, NULL, NULL, NULL));
        double d = distance(y, out.data, out.count);
        if (!(d <= TOLERANCE)) fail_msg("%s, %s: differs by %g", k->file, reference ? "reference" : "oneDNN", d);
    }
    mb_exec_free(e);
    mb_free(y);
    mb_npy_free(&in);
    mb_npy_free(&out);
    mb_network_free(net);
}

static void test_networks(void **state) {
    (void)state;
    char folder[300], path[400];
    int absent = 0, n = (int)(sizeof networks / sizeof *networks);
    shared_path("models", folder, sizeof folder);
    for (int k = 0; k < n; k++) {
        snprintf(path, sizeof path, "%s/%s.onnx", folder, networks[k].file);
        if (mb_file_exists(path)) check_network(&networks[k], folder);
        else absent++;
    }
    if (absent) print_message("# %d of %d networks with reference outputs are not here (MIXBAR_SHARED): skipped\n", absent, n);
}

/* The networks that ship: oneDNN and our reference agree on noise. */
static void test_shipped(void **state) {
    static const char *const names[2] = {"fashion_cnn", "fashion_resnet8"};
    (void)state;
    int found = 0;
    for (int k = 0; k < 2; k++) {
        char path[400];
        mb_network *net;
        mb_exec *e;
        float y[2][40], *x = noise(5, 4 * 784);
        snprintf(path, sizeof path, "%s/experiments/networks/%s.onnx", srcdir(), names[k]);
        if (mb_file_exists(path)) {
            found++;
            assert_ok(mb_network_load(path, &net));
            assert_string_equal(net->name, names[k]);
            assert_ok(mb_exec_new(net, 4, &e));
            assert_ok(mb_exec_run(e, 4, x, y[0], NULL, NULL, NULL, NULL));
            assert_ok(mb_exec_run(e, 4, x, y[1], mb_exec_reference, NULL, NULL, NULL));
            assert_true(distance(y[0], y[1], 40) < 1e-5);
            mb_exec_free(e);
            mb_network_free(net);
        }
        mb_free(x);
    }
    assert_true(found >= 1);
}

/* ---- a network with everything that makes execution hard: branches, aliases, sequences ------------------------------------- */

static mb_network *branches(void) {
    gen g;
    float *w1 = noise(1, 8 * 3 * 9), *w2 = noise(2, 8 * 9), *w3 = noise(3, 8 * 8), *w4 = noise(4, 36 * 20), *b = noise(5, 20),
          *w5 = noise(6, 160 * 7);
    pb a = {0}, c = {0}, d = {0};
    gen_begin(&g, 13);
    gen_input(&g, "x", INTS(-1, 3, 6, 6));
    gen_floats(&g, "w1", INTS(8, 3, 3, 3), w1);
    gen_floats(&g, "w2", INTS(8, 1, 3, 3), w2);
    gen_floats(&g, "w3", INTS(8, 8, 1, 1), w3);
    gen_floats(&g, "w4", INTS(36, 20), w4);
    gen_floats(&g, "b", INTS(20), b);
    gen_floats(&g, "w5", INTS(160, 7), w5);
    gen_ints(&g, "seq", INTS(0, 8, 36));
    gen_ints(&g, "flat", INTS(0, -1));
    at_ints(&a, "pads", INTS(1, 1, 1, 1));
    gen_node(&g, "Conv", "c1", "x,w1", "c1", &a);
    gen_node(&g, "Relu", "r1", "c1", "r1", NULL);
    at_ints(&c, "pads", INTS(1, 1, 1, 1)), at_int(&c, "group", 8);
    gen_node(&g, "Conv", "dw", "r1,w2", "c2", &c);
    gen_node(&g, "Relu", "r2", "c2", "r2", NULL);
    gen_node(&g, "Conv", "pw", "r2,w3", "c3", NULL);
    gen_node(&g, "Add", "a1", "c3,r1", "a1", NULL);
    gen_node(&g, "Add", "a2", "a1,c1", "a2", NULL);
    gen_node(&g, "Reshape", "seq", "a2,seq", "s1", NULL);                /* 8 tokens of 36 features */
    gen_node(&g, "MatMul", "tokens", "s1,w4", "m1", NULL);
    gen_node(&g, "Add", "bias", "m1,b", "m2", NULL);
    gen_node(&g, "Reshape", "flat", "m2,flat", "f1", NULL);
    gen_node(&g, "Relu", "r3", "a2", "unused", NULL);
    gen_node(&g, "Gemm", "fc", "f1,w5", "g1", &d);
    gen_node(&g, "Softmax", "soft", "g1", "y", NULL);
    gen_output(&g, "y", INTS(-1, 7));
    float *all[6] = {w1, w2, w3, w4, b, w5};
    for (int k = 0; k < 6; k++) mb_free(all[k]);
    mb_network *net;
    mb_log_quiet(1);
    assert_ok(gen_load(&g, &net));
    mb_log_quiet(0);
    return net;
}

/* What each layer gave, from operators called one by one on memory of their own. */
static float **one_by_one(const mb_network *net, int n, float *x) {
    float **y = mb_calloc((size_t)net->n_layers, sizeof *y);
    y[0] = mb_malloc((size_t)n * mb_shape_count(&net->layer[0].shape), sizeof *x);
    memcpy(y[0], x, (size_t)n * mb_shape_count(&net->layer[0].shape) * sizeof *x);
    for (int k = 1; k < net->n_layers; k++) {
        const mb_layer *l = &net->layer[k];
        const float *in[4];
        for (int j = 0; j < l->n_in; j++) in[j] = y[l->in[j]];
        y[k] = mb_malloc((size_t)n * mb_shape_count(&l->shape), sizeof **y);
        assert_ok(l->op->forward(net, l, n, in, y[k]));
    }
    return y;
}

typedef struct watched { float **y; int calls, n; } watched;

static int watch(void *ctx, const mb_network *net, int index, int n, const float *y) {
    watched *w = ctx;
    assert_int_equal(index, w->calls);
    assert_int_equal(n, w->n);
    assert_memory_equal(y, w->y[index], (size_t)n * mb_shape_count(&net->layer[index].shape) * sizeof *y);
    w->calls++;
    return MB_OK;
}

/* Memory is used again, but every layer sees what it should: bit for bit what the operators give one by one. */
static void test_memory_reuse(void **state) {
    (void)state;
    mb_network *net = branches();
    mb_exec *e;
    float *x = noise(9, 5 * 108), out[5 * 7];
    for (int n = 1; n <= 5; n++) {
        float **y = one_by_one(net, n, x);
        watched w = {y, 0, n};
        assert_ok(mb_exec_new(net, 5, &e));
        assert_ok(mb_exec_run(e, n, x, out, mb_exec_reference, NULL, watch, &w));
        assert_int_equal(w.calls, net->n_layers);
        assert_memory_equal(out, y[net->output], (size_t)n * 7 * sizeof *out);
        mb_exec_free(e);
        for (int k = 0; k < net->n_layers; k++) mb_free(y[k]);
        mb_free(y);
    }
    mb_free(x);
    mb_network_free(net);
}

/* The result of a sample is the same to the bit in every batch, on oneDNN too. */
static void test_batches(void **state) {
    (void)state;
    mb_network *net = branches();
    mb_exec *e;
    float *x = noise(10, 40 * 108), alone[40 * 7], batch[40 * 7];
    assert_ok(mb_exec_new(net, 40, &e));
    for (int reference = 0; reference < 2; reference++) {
        mb_weighted_fn fn = reference ? mb_exec_reference : NULL;
        for (int k = 0; k < 40; k++) assert_ok(mb_exec_run(e, 1, x + k * 108, alone + k * 7, fn, NULL, NULL, NULL));
        for (int n = 2; n <= 40; n += n < 20 ? 1 : 5) {                  /* more sizes than are kept */
            assert_ok(mb_exec_run(e, n, x, batch, fn, NULL, NULL, NULL));
            assert_memory_equal(batch, alone, (size_t)n * 7 * sizeof *batch);
        }
    }
    assert_true(distance(batch, alone, 7) == 0);
    mb_exec_free(e);
    mb_free(x);
    mb_network_free(net);
}

/* Our reference has the same bits on every machine: this hash is the same from builds for SSE2, AVX2 and AVX-512, by gcc and clang.
 * It changes only with the order of summation (or the network above). */
static void test_same_bits(void **state) {
    (void)state;
    mb_network *net = branches();
    mb_exec *e;
    float *x = noise(14, 8 * 108), y[8 * 7];
    assert_ok(mb_exec_new(net, 8, &e));
    assert_ok(mb_exec_run(e, 8, x, y, mb_exec_reference, NULL, NULL, NULL));
    uint64_t h = mb_hash64(y, sizeof y, MB_HASH_START);
    if (h != 0xd89ebbfefd781176ull) fail_msg("hash %016llx", (unsigned long long)h);
    mb_exec_free(e);
    mb_free(x);
    mb_network_free(net);
}

/* Many threads, each with its own executor on the same network, inside and outside of parallel regions: the same bits, and the
 * caller's number of threads is untouched. */
static void test_threads(void **state) {
    (void)state;
    mb_network *net = branches();
    float *x = noise(11, 16 * 108), outside[2][16 * 7];
    mb_exec *e;
    int failed = 0, before = 3;
    omp_set_num_threads(before);
    assert_ok(mb_exec_new(net, 16, &e));
    for (int r = 0; r < 2; r++) assert_ok(mb_exec_run(e, 16, x, outside[r], r ? mb_exec_reference : NULL, NULL, NULL, NULL));
    assert_int_equal(omp_get_max_threads(), before);
#pragma omp parallel num_threads(4)
    {
        mb_exec *own = NULL;
        float y[16 * 7];
        int bad = mb_exec_new(net, 16, &own) != MB_OK;
        for (int r = 0; r < 20 && !bad; r++) {
            int n = 1 + (r * 7 + omp_get_thread_num()) % 16;
            bad = mb_exec_run(own, n, x, y, r % 2 ? mb_exec_reference : NULL, NULL, NULL, NULL) != MB_OK;
            bad = bad || memcmp(y, outside[r % 2], (size_t)n * 7 * sizeof *y);
        }
        mb_exec_free(own);
#pragma omp atomic
        failed += bad;
    }
    assert_int_equal(failed, 0);
    assert_int_equal(omp_get_max_threads(), before);
    /* made outside, run inside */
#pragma omp parallel num_threads(2)
    {
        if (omp_get_thread_num() == 1) {
            float y[16 * 7];
            int bad = mb_exec_run(e, 16, x, y, NULL, NULL, NULL, NULL) != MB_OK || memcmp(y, outside[0], sizeof y);
#pragma omp atomic
            failed += bad;
        }
    }
    assert_int_equal(failed, 0);
    mb_exec_free(e);
    mb_free(x);
    mb_network_free(net);
}

/* ---- the caller's own weighted layers
 * ------------------------------------------------------------------------------------------ */

typedef struct own_ctx { int calls, fail_at; } own_ctx;

/* Naive convolution on [channels][positions]: what an array simulation is given, also for sequences. */
static int own_weighted(void *ctx, const mb_network *net, int m, int n, const float *x, float *y) {
    own_ctx *c = ctx;
    const mb_layer *l = &net->layer[net->weighted[m]];
    const mb_window *w = &l->win;
    assert_int_equal(m, c->calls);
    if (c->calls++ == c->fail_at) return mb_fail(MB_NUMERIC, "array %d has failed", m);
    int ci = w->cin / w->groups, co = w->cout / w->groups;
    for (int s = 0; s < n; s++)
        for (int o = 0; o < w->cout; o++)
            for (int oy = 0; oy < w->oh; oy++)
                for (int ox = 0; ox < w->ow; ox++) {
                    double sum = l->bias ? (double)l->bias[o] : 0;
                    for (int i = 0; i < ci * w->kh * w->kw; i++) {
                        int c2 = o / co * ci + i / (w->kh * w->kw), iy = oy * w->sh - w->pt + i / w->kw % w->kh * w->dh,
                            ix = ox * w->sw - w->pl + i % w->kw * w->dw;
                        if (iy < 0 || iy >= w->ih || ix < 0 || ix >= w->iw) continue;
                        sum += (double)l->weight[o * ci * w->kh * w->kw + i] *
                               (double)x[((s * w->cin + c2) * w->ih + iy) * w->iw + ix];
                    }
                    *y++ = (float)sum;
                }
    return MB_OK;
}

static void test_own_weighted(void **state) {
    (void)state;
    mb_network *net = branches();
    float *x = noise(12, 3 * 108), a[21], b[21];
    own_ctx c = {0, -1};
    mb_exec *e;
    assert_ok(mb_exec_new(net, 3, &e));
    assert_ok(mb_exec_run(e, 3, x, a, own_weighted, &c, NULL, NULL));
    assert_int_equal(c.calls, net->n_weighted);
    assert_ok(mb_exec_run(e, 3, x, b, mb_exec_reference, NULL, NULL, NULL));
    assert_true(distance(a, b, 21) < 1e-5);
    own_ctx failing = {0, 2};
    assert_fails(mb_exec_run(e, 3, x, a, own_weighted, &failing, NULL, NULL), MB_NUMERIC, "array 2 has failed");
    assert_int_equal(failing.calls, 3);
    assert_fails(mb_exec_run(e, 4, x, a, NULL, NULL, NULL, NULL), MB_BUG, "a batch of 4");
    assert_fails(mb_exec_run(e, 0, x, a, NULL, NULL, NULL, NULL), MB_BUG, "a batch of 0");
    mb_exec_free(e);
    mb_free(x);
    mb_network_free(net);
}

/* A network of no layers at all: the output is the input. */
static void test_identity(void **state) {
    (void)state;
    gen g;
    mb_network *net;
    mb_exec *e;
    float x[6] = {1, 2, 3, 4, 5, 6}, y[6];
    gen_begin(&g, 13);
    gen_input(&g, "x", INTS(-1, 3));
    gen_node(&g, "Identity", "i", "x", "y", NULL);
    gen_output(&g, "y", -1, NULL);
    assert_ok(gen_load(&g, &net));
    assert_int_equal(net->n_layers, 1);
    assert_ok(mb_exec_new(net, 2, &e));
    assert_ok(mb_exec_run(e, 2, x, y, NULL, NULL, NULL, NULL));
    assert_memory_equal(x, y, sizeof x);
    mb_exec_free(e);
    mb_network_free(net);
}

static void test_no_memory(void **state) {
    (void)state;
    mb_network *net = branches();
    float *x = noise(13, 2 * 108), y[14];
    long n, live = mb_mem_live();
    int rc = MB_SYSTEM;
    for (n = 1; rc != MB_OK && n < 500; n++) {
        mb_exec *e = NULL;
        mb_mem_fail_after(n);
        rc = mb_exec_new(net, 2, &e);
        if (!rc) rc = mb_exec_run(e, 2, x, y, NULL, NULL, NULL, NULL);
        if (!rc) rc = mb_exec_run(e, 2, x, y, mb_exec_reference, NULL, NULL, NULL);
        mb_mem_fail_after(-1);
        if (rc != MB_OK && rc != MB_SYSTEM) fail_msg("allocation %ld failed, status %d", n, rc);
        mb_exec_free(e);
        mb_error_clear();
        assert_int_equal(mb_mem_live(), live);
    }
    assert_true(n > 15 && n < 500);
    mb_free(x);
    mb_network_free(net);
}

static void test_argmax(void **state) {
    (void)state;
    const float a[5] = {1, 3, 2, 3, -1}, b[4] = {NAN, -5, NAN, -4}, c[2] = {NAN, NAN}, d[3] = {-INFINITY, -INFINITY, -INFINITY};
    assert_int_equal(mb_argmax(a, 5), 1);
    assert_int_equal(mb_argmax(b, 4), 3);
    assert_int_equal(mb_argmax(c, 2), 0);
    assert_int_equal(mb_argmax(d, 3), 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_networks), cmocka_unit_test(test_shipped),   cmocka_unit_test(test_memory_reuse),
        cmocka_unit_test(test_batches),
        cmocka_unit_test(test_same_bits),  cmocka_unit_test(test_threads),   cmocka_unit_test(test_own_weighted),
        cmocka_unit_test(test_identity), cmocka_unit_test(test_no_memory), cmocka_unit_test(test_argmax),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
