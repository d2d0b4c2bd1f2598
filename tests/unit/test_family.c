/* test_family.c - built-in network families: sizes as published, keys, refusals; each one written as ONNX, read back,
 * differentiated */
#include <math.h>

#include "nn/diff.h"
#include "nn/family.h"
#include "nn/onnx_write.h"
#include "nn/op.h"
#include "onnxgen.h"

static mb_model *make(const char *text) {
    mb_conf *c = NULL;
    mb_model *m = NULL;
    assert_ok(mb_conf_parse(text, "test", &c));
    assert_ok(mb_family_load(c, NULL, 1, NULL, &m));
    assert_ok(mb_conf_check_used(c));
    mb_conf_free(c);
    return m;
}

static mb_network *as_network(const mb_model *m) {
    mb_str bytes = {0};
    mb_network *net = NULL;
    assert_ok(mb_model_onnx(m, NULL, &bytes));
    assert_ok(mb_network_parse((const uint8_t *)bytes.s, bytes.n, m->name, &net));
    mb_str_free(&bytes);
    return net;
}

/* Weighted layers, products, and parameters with normalisation folded: counted with the shape inference of the Python package
 * onnx in networks that others have trained (akamaster's ResNet-20; MLPerf Tiny) and in the network that ships; LeNet-5: LeCun
 * et al., table. */
static void sizes(void **state) {
    (void)state;
    static const struct { const char *text; int weighted; int64_t macs, params; } known[] = {
        {"family = \"resnet20\";", 20, 40551040, 269034},
        {"family = \"resnet8\";", 10, 12501632, 77706},
        {"family = \"resnet8\"; input = [1, 28, 28];", 10, 9345920, 77418},
        {"family = \"ds_cnn\";", 10, 2656768, 22604},
        {"family = \"mobilenetv1\";", 28, 7489664, 210850},
        {"family = \"lenet\";", 5, 416520, 61706},
        {"family = \"cnn\";", 5, 2923392, 115114},
        {"family = \"mlp\";", 3, 784 * 256 + 256 * 128 + 1280, 784 * 256 + 256 + 256 * 128 + 128 + 1290},
    };
    for (size_t k = 0; k < sizeof known / sizeof *known; k++) {
        mb_model *m = make(known[k].text);
        mb_network *net = as_network(m);
        int64_t macs = 0, params = 0;
        for (int j = 0; j < net->n_layers; j++) {
            macs += mb_layer_macs(&net->layer[j]);
            params += mb_layer_params(&net->layer[j]);
            if (!strcmp(net->layer[j].op->name, "scale")) fail_msg("%s: %s was not folded", known[k].text, net->layer[j].name);
        }
        if (net->n_weighted != known[k].weighted || macs != known[k].macs || params != known[k].params)
            fail_msg("%s: %d layers, %lld products, %lld parameters", known[k].text, net->n_weighted, (long long)macs,
                     (long long)params);
        mb_network_free(net);
        mb_model_free(m);
    }
}

/* Trainable parameters in millions: He et al., table 6; LQ-Nets' VGG-small; MobileNetV1 (4.2 million with 1000 classes). */
static void published(void **state) {
    (void)state;
    static const struct { const char *text; double millions; int digits; } known[] = {
        {"family = \"resnet20\";", 0.27, 2}, {"family = \"resnet32\";", 0.46, 2}, {"family = \"resnet56\";", 0.85, 2},
        {"family = \"vgg_small\";", 4.66, 2},
        {"family = \"mobilenetv1\"; width = 1.0; classes = 1000; input = [3, 224, 224];", 4.2, 1},
        {"family = \"mobilenetv1\"; width = 0.25; classes = 1000; input = [3, 224, 224];", 0.5, 1},
    };
    for (size_t k = 0; k < sizeof known / sizeof *known; k++) {
        mb_model *m = make(known[k].text);
        double scale = pow(10, known[k].digits), found = round((double)m->n_theta / 1e6 * scale) / scale;
        if (fabs(found - known[k].millions) > 1e-9) fail_msg("%s: %zu parameters", known[k].text, m->n_theta);
        mb_model_free(m);
    }
}

/* Every family: any size, with and without normalisation; a small one has a loss that decreases along its own gradient. */
static void all_families(void **state) {
    (void)state;
    for (size_t i = 0; mb_families[i]; i++)
        for (int norm = 0; norm < 2; norm++) {
            char text[200];
            snprintf(text, sizeof text, "family = \"%s\"; width = 0.1; classes = 3; input = [2, 21, 18]; norm = %s;",
                     mb_families[i]->name,
                     norm ? "true" : "false");
            mb_model *m = make(text);
            size_t P = m->n_theta, in = mb_diff_inputs(m), gammas = 0;
            for (int b = 0; b < m->n_blocks; b++) gammas += m->block[b].role == MB_ROLE_GAMMA;
            assert_int_equal(gammas > 0, norm);
            assert_int_equal(in, 2 * 21 * 18);
            assert_int_equal(mb_diff_outputs(m), 3);
            mb_network_free(as_network(m));
            double *theta = mb_malloc(2 * P, sizeof *theta), *g = theta + P, *x = mb_malloc(2 * in, sizeof *x), square = 0, L,
                lower;
            double target[6] = {1, 0, 0, 0, 0, 1};
            float *noisy = noise(1, 2 * in);
            for (size_t k = 0; k < P; k++) theta[k] = (double)m->theta[k];
            for (size_t k = 0; k < 2 * in; k++) x[k] = (double)noisy[k];
            mb_diff_mode mode = {MB_LOSS_CROSS_ENTROPY, true};
            assert_ok(mb_diff_gradient(m, mode, theta, 2, x, target, NULL, &L, g, NULL));
            for (size_t k = 0; k < P; k++) square += g[k] * g[k];
            assert_true(isfinite(L) && square > 0);
            for (size_t k = 0; k < P; k++) theta[k] -= 1e-6 * g[k] / sqrt(square);
            assert_ok(mb_diff_gradient(m, mode, theta, 2, x, target, NULL, &lower, NULL, NULL));
            if (!(fabs((L - lower) / (1e-6 * sqrt(square)) - 1) < 0.01)) fail_msg("%s: loss %.9g to %.9g", text, L, lower);
            mb_free(theta);
            mb_free(x);
            mb_free(noisy);
            mb_model_free(m);
        }
}

static void same_start(void **state) {
    (void)state;
    mb_model *a = make("family = \"lenet\";"), *b = make("family = \"lenet\";");
    assert_memory_equal(a->theta, b->theta, a->n_theta * sizeof *a->theta);
    double square = 0;                                           /* He: variance 2 / fan-in */
    const mb_model_block *w = &a->block[a->layer[mb_model_find(a, "fc1")].weight];
    for (size_t k = 0; k < w->n; k++) square += (double)a->theta[w->at + k] * (double)a->theta[w->at + k];
    assert_true(fabs(square / (double)w->n * 400 / 2 - 1) < 5 * sqrt(2.0 / (double)w->n));
    mb_model_free(a);
    mb_model_free(b);
}

static void refuse(const char *text, const char *message) {
    mb_conf *c = NULL;
    mb_model *m = NULL;
    assert_ok(mb_conf_parse(text, "test.cfg", &c));
    long live = mb_mem_live();
    int rc = mb_family_load(c, NULL, 1, NULL, &m);
    assert_fails(rc, MB_BADINPUT, message);
    assert_null(m);
    (void)live;
    mb_conf_free(c);
}

static void refused(void **state) {
    (void)state;
    long live = mb_mem_live();
    refuse("family = \"resnet21\";", "resnet20");
    refuse("family = 20;", "family");
    refuse("width = 1.0;", "resnet20");
    refuse("family = \"lenet\"; widht = 2.0;", "width");
    refuse("family = \"lenet\"; width = 0.0;", "width");
    refuse("family = \"lenet\"; classes = 1;", "classes");
    refuse("family = \"lenet\"; input = [28, 28];", "three");
    refuse("family = \"lenet\"; input = [1, 28.5, 28];", "28.5");
    refuse("family = \"lenet\"; input = [1, 4, 4];", "smaller than its window");
    assert_int_equal(mb_mem_live(), live);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(sizes), cmocka_unit_test(published), cmocka_unit_test(all_families),
                                       cmocka_unit_test(same_start), cmocka_unit_test(refused)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
