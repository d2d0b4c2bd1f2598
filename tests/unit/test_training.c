/* Training experiments: the noise of a device against draws of its crossbars' cells, quantisers at a plan's bits, fine-tuning
 * under a plan. */
#include "mbtest.h"

#include <math.h>
#include <string.h>

#include "base/file.h"
#include "base/mem.h"
#include "base/rng.h"
#include "mapping/policy.h"
#include "nn/fakequant.h"
#include "run/finetune.h"
#include "run/training.h"

static char *in_sources(const char *name) {
    char *p = mb_path_join(srcdir(), name);
    assert_non_null(p);
    return p;
}

/* An experiment on the shipped images with the keys in TEXT. */
static mb_conf *experiment(const char *text) {
    mb_str s = {0};
    mb_conf *c = NULL;
    char *data = in_sources("experiments/data");
    mb_str_addf(&s, "schema = 1; name = \"t\"; samples = 200;\n");
    const char *const part[2][2] = {{"dataset", "test-1000"}, {"calib", "calib-256"}};
    for (int i = 0; i < 2; i++)
        mb_str_addf(&s,
                    "%s { format = \"idx\"; images = \"%s/fashion-%s-images-idx3-ubyte.gz\"; labels = "
                    "\"%s/fashion-%s-labels-idx1-ubyte.gz\"; };%s\n",
                    i ? "calibration = { samples = 256; dataset =" : "dataset =", data, part[i][1], data, part[i][1],
                    i ? " };" : "");
    mb_str_add(&s, text);
    assert_false(s.failed);
    assert_ok(mb_conf_parse(mb_cstr(&s), "experiment", &c));
    mb_str_free(&s);
    mb_free(data);
    return c;
}

static void load_setup(const char *text, mb_cache *cache, mb_setup *s) {
    char *net = in_sources("experiments/networks/fashion_cnn.onnx");
    char *all = mb_asprintf("network = \"%s\"; %s arch = { rows = 128; cols = 128; adc = { type = \"ideal\"; }; };\n%s", net,
                            strstr(text, "device") ? "" : "device = { cell = \"rram\"; };", text);
    assert_ok(mb_setup_load(experiment(all), cache, true, s));
    mb_free(net);
    mb_free(all);
}

/* Errors of a weight as the table says, against cells programmed and read here one by one. */
static void test_noise(void **state) {
    (void)state;
    mb_conf *g = NULL;
    mb_cell cell;
    mb_model *m = NULL;
    mb_noise *n = NULL;
    mb_shape in = {1, {6}};
    assert_ok(mb_conf_parse(
        "cell = \"rram\"; g_max_S = 100e-6; on_off = 10.0; prog_sigma = 0.03; prog_sigma_prop = 0.01; read_sigma = 0.0;", "cell",
        &g));
    assert_ok(mb_cell_load(g, &cell));
    assert_ok(mb_model_new("one", &in, &m));
    mb_model_linear(m, "fc", 0, 4, false);
    assert_ok(mb_model_done(m));
    mb_assign a = {
        .engine = MB_ANALOG, .weight_bits = 5, .cell_bits = 2, .input_bits = 4, .dac_bits = 1, .adc_bits = 8, .copies = 1};
    char *name = mb_strdup("fc");
    mb_plan plan = {.n = 1, .layer = &name, .assign = &a};
    assert_ok(mb_noise_new(m, &plan, &cell, 0, 300, 1, 1, &n));
    for (int q = -15; q <= 15; q += 5) {
        enum { DRAWS = 4000 };
        double mean, sd, sum = 0, square = 0, unit = 90e-6 / 3;
        mb_noise_code(n, 0, q, &mean, &sd);
        static float target[DRAWS], st[DRAWS * 8], gp[DRAWS], gn[DRAWS], err[DRAWS];
        memset(err, 0, sizeof err);
        for (int k = 0; k < 2; k++) {
            int digit = abs(q) >> (2 * k) & 3;
            for (int side = 0; side < 2; side++) {
                mb_stream s;
                for (int i = 0; i < DRAWS; i++) target[i] = (float)(10e-6 + (side ? 0 : digit) * unit);
                mb_stream_init(&s, 77, MB_RNG_TEST, (uint32_t)(q + 15), (uint32_t)k, (uint32_t)side);
                assert_true(cell.type->n_state <= 8);
                cell.type->program(cell.params, DRAWS, target, st, &s);
                cell.type->mean(cell.params, DRAWS, st, 0, 300, side ? gn : gp);
            }
            for (int i = 0; i < DRAWS; i++)
                err[i] += (float)((1 << (2 * k)) * (((double)gp[i] - (double)gn[i]) / unit - digit) * (q < 0 ? -1 : 1));
        }
        for (int i = 0; i < DRAWS; i++) sum += (double)err[i], square += (double)err[i] * (double)err[i];
        double m1 = sum / DRAWS, s1 = sqrt(square / DRAWS - m1 * m1);
        assert_true(s1 > 0.1 && fabs(s1 - sd) < 0.06 * s1);
        assert_true(fabs(m1 - mean) < 0.08 * s1);
    }
    /* in the engine: the same numbers for the same step, others for the next; scaled by the step of the codes */
    float w[24], v[24], u[24];
    for (int i = 0; i < 24; i++) w[i] = v[i] = u[i] = (float)(i % 6 - 3) / 3;
    mb_noise_step(n, 0, 0);
    mb_noise_weights(n, 1, 24, w);
    mb_noise_weights(n, 1, 24, v);
    assert_memory_equal(w, v, sizeof w);
    mb_noise_step(n, 0, 1);
    memcpy(v, u, sizeof v);
    mb_noise_weights(n, 1, 24, v);
    assert_true(memcmp(w, v, sizeof w) != 0);
    double square = 0;
    for (int i = 0; i < 24; i++) square += pow((double)(w[i] - u[i]), 2) / 24;
    assert_true(square > 1e-4 && square < 0.1);
    /* converters: noise of the given share of the root mean square, none where nothing was measured */
    static float y[20000], kept[20000];
    for (int i = 0; i < 20000; i++) y[i] = i % 2 ? 3.0f : -3.0f;
    mb_noise_outputs(n, 1, 20000, y, kept);
    assert_true(y[0] == -3.0f && kept[19999] == 1.0f);
    mb_noise_converters(n, 0, 0.1);
    mb_noise_outputs(n, 1, 20000, y, kept);
    for (int i = 0, j = 0; i < 20000; i++) {
        double e = (double)y[i] - (i % 2 ? 3 : -3);
        if (j++ == 0) square = 0;
        square += e * e / 20000;
    }
    assert_true(fabs(sqrt(square) - 0.3) < 0.01);
    mb_noise_free(n);
    mb_free(name);
    mb_model_free(m);
    mb_cell_free(&cell);
    mb_conf_free(g);
}

/* Deviations of cells without errors are 0, not the root of what rounding leaves. */
static void test_exact_cell(void **state) {
    (void)state;
    mb_conf *g = NULL;
    mb_cell cell;
    mb_model *m = NULL;
    mb_noise *n = NULL;
    mb_shape in = {1, {6}};
    assert_ok(mb_conf_parse("cell = \"ideal\"; g_max_S = 70e-6; g_min_S = 3e-6;", "cell", &g));
    assert_ok(mb_cell_load(g, &cell));
    assert_ok(mb_model_new("one", &in, &m));
    mb_model_linear(m, "fc", 0, 4, false);
    assert_ok(mb_model_done(m));
    mb_assign a = {
        .engine = MB_ANALOG, .weight_bits = 8, .cell_bits = 2, .input_bits = 4, .dac_bits = 1, .adc_bits = 8, .copies = 1};
    char *name = mb_strdup("fc");
    mb_plan plan = {.n = 1, .layer = &name, .assign = &a};
    assert_ok(mb_noise_new(m, &plan, &cell, 0, 300, 0, 1, &n));
    for (int q = -127; q <= 127; q++) {
        double mean, sd;
        mb_noise_code(n, 0, q, &mean, &sd);
        assert_true(mean == 0 && sd == 0);
    }
    mb_noise_free(n);
    mb_free(name);
    mb_model_free(m);
    mb_cell_free(&cell);
    mb_conf_free(g);
}

/* Results of layer K of the shipped network, through the arrays of TEXT, less what they were; *square: of the results themselves. */
static double converter_error(const char *text, int k, double *square) {
    enum { N = 6 };
    char *file = in_sources("experiments/networks/fashion_cnn.onnx");
    char *all = mb_asprintf("network = \"%s\"; device = { cell = \"rram\"; prog_sigma = 0.2; };\n%s", file, text);
    mb_conf *root = experiment(all);
    mb_cache *cache = NULL;
    mb_network *net = NULL;
    mb_model *m = NULL;
    mb_plan *plan = NULL;
    mb_problem prob;
    mb_train_arrays *a = NULL;
    assert_ok(mb_cache_new(&cache));
    assert_ok(mb_network_load_apart(file, &net));
    assert_ok(mb_model_from_network(net, &m));
    mb_network *folded = NULL;
    assert_ok(mb_model_network(m, &folded));
    assert_ok(mb_problem_load(mb_conf_use(root, "map"), folded, &prob));
    assert_ok(mb_plan_new(folded, &prob.menu.base, &plan));
    assert_ok(mb_train_arrays_new(root, cache, m, plan, 10, &a));
    assert_ok(mb_train_arrays_step(a, 0));
    int seen = -1, at = 0;
    for (int i = 0; i < m->n_layers; i++)
        if (mb_model_weighted(&m->layer[i]) && ++seen == k) at = i;
    const mb_window *w = &m->layer[at].win;
    size_t in = (size_t)w->cin * (size_t)w->ih * (size_t)w->iw, out = mb_shape_count(&folded->layer[folded->weighted[k]].shape);
    float *x = mb_malloc(N * in, sizeof *x), *y = mb_calloc(N * out, sizeof *y);
    for (size_t i = 0; i < N * in; i++) x[i] = (float)(i * 7919 % 256) / 255;
    mb_train_arrays_output(a, at, N, x, N * out, y);
    double sum = 0, largest = 0;
    for (size_t i = 0; i < N * out; i++) sum += (double)y[i] * (double)y[i], largest = fmax(largest, fabs((double)y[i]));
    *square = sum / (double)(N * out);
    mb_free(x);
    mb_free(y);
    mb_train_arrays_free(a);
    mb_plan_free(plan);
    mb_problem_free(&prob);
    mb_network_free(folded);
    mb_network_free(net);
    mb_model_free(m);
    mb_cache_free(cache);
    mb_conf_free(root);
    mb_free(all);
    mb_free(file);
    return largest;
}

/* Converters with all bits that a sum needs leave the results as they are, bit for bit, whatever the cells would do; each bit less
 * makes a larger error. */
static void test_train_arrays(void **state) {
    (void)state;
    static const int bits[] = {10, 7, 6, 5};
    double before = 0;
    for (int b = 0; b < 4; b++) {
        char text[400];
        double square = 0, other;
        snprintf(text, sizeof text,
                 "arch = { rows = 128; cols = 128; adc = { type = \"uniform\"; }; adc_rule = \"full\"; }; map = { weight_bits = 8; "
                 "input_bits = 8; cell_bits = 2; dac_bits = 1; rows_active = 128; adc_bits = %d; };",
                 bits[b]);
        double largest = converter_error(text, 1, &square);
        if (b == 0) assert_true(largest == 0);
        else assert_true(largest > 0 && square > 2 * before);
        before = square;
        if (b == 0) assert_true(converter_error(text, 3, &other) == 0 && converter_error(text, 0, &other) == 0);
    }
}

/* Bits and kinds of the plan arrive at the layers; inputs that can be negative are signed. */
static void test_quantise(void **state) {
    (void)state;
    mb_cache *cache = NULL;
    mb_setup s;
    assert_ok(mb_cache_new(&cache));
    load_setup("map = { weight_bits = 4; };", cache, &s);
    mb_model *m = NULL;
    mb_plan *plan = NULL;
    mb_assign a = {
        .engine = MB_ANALOG, .weight_bits = 3, .cell_bits = 1, .input_bits = 2, .dac_bits = 1, .adc_bits = 8, .copies = 1};
    assert_ok(mb_model_from_network(s.net, &m));
    assert_ok(mb_plan_new(s.net, &a, &plan));
    plan->assign[1].weight_bits = 1;
    mb_training_keys own = {.weight_quantiser = MB_FAKE_LSQ, .input_quantiser = MB_FAKE_PACT, .per_channel = true};
    assert_ok(mb_training_quantise(m, plan, &own, s.calib, true));
    for (int i = 0, k = 0; i < m->n_layers; i++) {
        const mb_model_layer *l = &m->layer[i];
        if (!mb_model_weighted(l)) continue;
        assert_int_equal(l->wq.kind, k == 1 ? MB_FAKE_SIGN : MB_FAKE_LSQ);
        assert_int_equal(l->xq.kind, MB_FAKE_PACT);
        assert_int_equal(l->xq.bits, 2);
        assert_false(l->xq.is_signed);
        assert_true(m->theta[m->block[l->xq.block].at] > 0);
        k++;
    }
    static const struct { int kind, bits, want; } other[] = {{MB_FAKE_HWGQ, 8, MB_FAKE_LSQ}, {MB_FAKE_HWGQ, 4, MB_FAKE_HWGQ}, {MB_FAKE_MINMAX, 1, MB_FAKE_SIGN}};
    for (int e = 0; e < 3; e++) { /* bits that a quantiser of weights cannot do */
        own.weight_quantiser = other[e].kind;
        plan->assign[0].weight_bits = other[e].bits;
        assert_ok(mb_training_quantise(m, plan, &own, s.calib, true));
        for (int i = 0, k = 0; i < m->n_layers; i++)
            if (mb_model_weighted(&m->layer[i]) && k++ == 0) assert_int_equal(m->layer[i].wq.kind, other[e].want);
    }
    mb_plan_free(plan);
    mb_model_free(m);
    mb_setup_free(&s);
    mb_cache_free(cache);
}

/* Two bits lose much; fine-tuned under the plan they lose less; and the answer does not depend on the threads of the program. */
static void test_finetune(void **state) {
    (void)state;
    mb_cache *cache = NULL;
    mb_setup s;
    assert_ok(mb_cache_new(&cache));
    load_setup("map = { weight_bits = 2; input_bits = 2; }; train = { rate = 0.005; shift = 1; flip = true; batch = 32; };",
               cache, &s);
    mb_assign a = {
        .engine = MB_DIGITAL, .weight_bits = 2, .cell_bits = 1, .input_bits = 3, .dac_bits = 1, .adc_bits = 8, .copies = 1};
    mb_plan *plan = NULL;
    mb_accuracy acc[2];
    uint64_t hash[2];
    assert_ok(mb_plan_new(s.net, &a, &plan));
    for (int k = 0; k < 2; k++) {
        mb_tuned tuned = {0}, again = {0};
        mb_profile *prof = NULL;
        mb_mapped *m = NULL;
        mb_setup t = s;
        if (k) {
            assert_ok(mb_finetune(&s, plan, 6, NULL, &tuned));
            hash[0] = tuned.net->hash;
            assert_ok(mb_finetune(&s, plan, 6, NULL, &again));
            hash[1] = again.net->hash;
            assert_true(hash[0] == hash[1]);
            t.net = tuned.net;
        }
        assert_ok(mb_profile_new(t.net, t.calib, 256, NULL, &prof));
        assert_ok(mb_mapped_new(&t, prof, plan, &m));
        assert_ok(mb_quantised_accuracy(m, t.data, 200, NULL, &acc[k]));
        mb_mapped_free(m);
        mb_profile_free(prof);
        mb_tuned_free(&tuned);
        mb_tuned_free(&again);
    }
    print_message("# correct of 200 at 2/3 bits: %d before, %d after fine-tuning on 256 images\n", (int)acc[0].correct,
                  (int)acc[1].correct);
    assert_true(acc[1].loss < 0.8 * acc[0].loss);
    assert_true(acc[1].correct >= acc[0].correct);
    mb_plan_free(plan);
    mb_setup_free(&s);
    mb_cache_free(cache);
}

/* Correction after programming: mean and deviation of every channel are those of integers again, and accuracy comes back; the
 * same bytes twice. */
static void test_correction(void **state) {
    (void)state;
    mb_accuracy acc[3];
    for (int k = 0; k < 3; k++) {
        mb_cache *cache = NULL;
        mb_setup s;
        mb_profile *prof = NULL;
        mb_mapped *m = NULL;
        mb_plan *plan = NULL;
        assert_ok(mb_cache_new(&cache));
        load_setup("device = { cell = \"rram\"; prog_sigma = 0.12; }; read = { correction = \"none\"; };", cache, &s);
        s.read.correction = k ? MB_CORRECT_AFFINE : MB_CORRECT_NONE;
        mb_assign a = {
            .engine = MB_ANALOG, .weight_bits = 6, .cell_bits = 2, .input_bits = 6, .dac_bits = 6, .adc_bits = 12, .copies = 1};
        assert_ok(mb_plan_new(s.net, &a, &plan));
        assert_ok(mb_profile_new(s.net, s.calib, 256, NULL, &prof));
        assert_ok(mb_mapped_new(&s, prof, plan, &m));
        assert_ok(mb_mapped_program(m, 0, NULL));
        assert_ok(mb_analog_accuracy(m, s.data, 200, NULL, &acc[k]));
        mb_mapped_free(m);
        mb_profile_free(prof);
        mb_plan_free(plan);
        mb_setup_free(&s);
        mb_cache_free(cache);
    }
    print_message("# correct of 200: %d as programmed, %d corrected\n", (int)acc[0].correct, (int)acc[1].correct);
    assert_true(acc[1].correct >= acc[0].correct + 10 && acc[1].loss < 0.8 * acc[0].loss);
    assert_true(acc[1].correct == acc[2].correct && acc[1].loss == acc[2].loss);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_noise), cmocka_unit_test(test_exact_cell), cmocka_unit_test(test_train_arrays), cmocka_unit_test(test_quantise),
                                       cmocka_unit_test(test_finetune), cmocka_unit_test(test_correction)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
