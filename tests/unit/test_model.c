/* Imported networks as models: the training engine computes what the files' own reference outputs say (batch normalisation kept
 * apart, and folded), and a model written and read again is the same network. Files of shared/models count when they are there.
 */
#include "onnxgen.h"

#include <math.h>

#include "base/file.h"
#include "base/mem.h"
#include "base/npy.h"
#include "nn/engine.h"
#include "nn/exec.h"

static float *numbers(const char *path, size_t *n) {
    mb_npy a;
    assert_ok(mb_npy_read(path, &a));
    assert_int_equal(a.type, MB_F32);
    *n = 1;
    for (int k = 0; k < a.nd; k++) *n *= (size_t)a.dim[k];
    return a.data;
}

static double worst(const float *a, const float *b, size_t n) {
    double d = 0, top = 0;
    for (size_t i = 0; i < n; i++) {
        d = fmax(d, fabs((double)a[i] - (double)b[i]));
        top = fmax(top, fabs((double)b[i]));
    }
    return d / (top + 1e-6);
}

static int norms(const mb_model *m) {
    int n = 0;
    for (int i = 0; i < m->n_layers; i++) n += m->layer[i].kind == MB_KIND_NORM;
    return n;
}

/* The engine's outputs for N samples X against Y. */
static void same_outputs(const char *what, mb_model *m, const float *x, const float *y, size_t n) {
    mb_net_engine *e = NULL;
    size_t out = mb_shape_count(&mb_model_output(m)->shape);
    assert_ok(mb_engine_new(m, &(mb_engine_options){.batch = (int)n, .threads = 2}, &e));
    mb_engine_set_input(e, (int)n, x);
    assert_ok(mb_engine_forward(e, MB_PASS_EVAL));
    double d = worst(mb_engine_output(e), y, n * out);
    if (!(d < 1e-4)) fail_msg("%s: outputs differ by %g of the largest", what, d);
    mb_engine_free(e);
}

static void check_file(const char *onnx, const float *x, const float *y, size_t n, int want_norms) {
    for (int apart = 0; apart < 2; apart++) {
        mb_network *net = NULL, *again = NULL;
        mb_model *m = NULL;
        assert_ok(apart ? mb_network_load_apart(onnx, &net) : mb_network_load(onnx, &net));
        assert_ok(mb_model_from_network(net, &m));
        if (apart) assert_true(norms(m) == want_norms);
        same_outputs(onnx, m, x, y, n);
        assert_ok(mb_model_network(m, &again));
        size_t out = mb_shape_count(&mb_model_output(m)->shape);
        float *v = mb_malloc(n * out, sizeof *v), *w = mb_malloc(n * out, sizeof *w);
        mb_exec *e = NULL;
        assert_ok(mb_exec_new(again, (int)n, &e));
        assert_ok(mb_exec_run(e, (int)n, x, v, NULL, NULL, NULL, NULL));
        same_outputs("read back", m, x, v, n);
        mb_exec_free(e);
        assert_int_equal(again->n_weighted, net->n_weighted);
        for (int k = 0; k < net->n_weighted; k++)
            assert_string_equal(again->layer[again->weighted[k]].name, net->layer[net->weighted[k]].name);
        mb_free(v);
        mb_free(w);
        mb_model_free(m);
        mb_network_free(net);
        mb_network_free(again);
    }
}

static void test_files(void **state) {
    (void)state;
    static const struct {
        const char *name;
        int norms;
    } file[] = {{"fashion_cnn", 0},       {"fashion_resnet8", 9},         {"mnist_lenet5", 0},
                {"resnet20_cifar10", 19}, {"resnet20_cifar10_folded", 0}, {"resnet20_cifar10_unsimplified", 19}};
    int seen = 0;
    for (size_t k = 0; k < sizeof file / sizeof *file; k++) {
        char onnx[500], name[100], in[500], out[500];
        const char *data = strstr(file[k].name, "resnet20") ? "resnet20_cifar10" : file[k].name;
        snprintf(name, sizeof name, "models/%s.onnx", file[k].name);
        shared_path(name, onnx, sizeof onnx);
        if (!mb_file_exists(onnx)) continue;
        snprintf(name, sizeof name, "models/%s_in.npy", data);
        shared_path(name, in, sizeof in);
        snprintf(name, sizeof name, "models/%s_out.npy", data);
        shared_path(name, out, sizeof out);
        size_t nx, ny;
        float *x = numbers(in, &nx), *y = numbers(out, &ny);
        check_file(onnx, x, y, ny / 10, file[k].norms);
        mb_free(x);
        mb_free(y);
        seen++;
    }
    print_message("# %d of %zu files of shared/models\n", seen, sizeof file / sizeof *file);
    if (!seen) skip();
}

/* Shipped, so always: against the executor of inference. */
static void test_shipped(void **state) {
    (void)state;
    static const char *const name[] = {"fashion_cnn", "fashion_resnet8"};
    for (int k = 0; k < 2; k++) {
        char path[500];
        snprintf(path, sizeof path, "%s/experiments/networks/%s.onnx", srcdir(), name[k]);
        enum { N = 4 };
        static float x[N * 784], y[N * 10];
        for (int i = 0; i < N * 784; i++) x[i] = (float)(i * 7919 % 256) / 255;
        mb_network *net = NULL;
        mb_exec *e = NULL;
        assert_ok(mb_network_load(path, &net));
        assert_ok(mb_exec_new(net, N, &e));
        assert_ok(mb_exec_run(e, N, x, y, NULL, NULL, NULL, NULL));
        mb_exec_free(e);
        mb_network_free(net);
        check_file(path, x, y, N, k ? 9 : 3);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_files), cmocka_unit_test(test_shipped)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
