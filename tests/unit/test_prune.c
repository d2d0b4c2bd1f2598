/* test_prune.c - couplings of channels, what is kept, and that a network with fewer channels computes what the masked one computes */
#include "mbtest.h"

#include <math.h>
#include <string.h>

#include "base/mem.h"
#include "nn/exec.h"
#include "nn/family.h"
#include "nn/prune.h"

static mb_network *shipped(const char *name) {
    char path[512];
    mb_network *net = NULL;
    snprintf(path, sizeof path, "%s/experiments/networks/%s", srcdir(), name);
    assert_ok(mb_network_load(path, &net));
    return net;
}

/* A network of a family with random weights and, so that nothing is zero by accident, random biases. */
static mb_network *of_family(const char *group) {
    mb_conf *conf = NULL;
    mb_model *m = NULL;
    mb_network *net = NULL;
    assert_ok(mb_conf_parse(group, "test", &conf));
    assert_ok(mb_family_load(mb_conf_find(conf, "network"), NULL, 3, NULL, &m));
    for (int b = 0; b < m->n_blocks; b++)
        if (m->block[b].role == MB_ROLE_BIAS || m->block[b].role == MB_ROLE_BETA)
            for (size_t k = 0; k < m->block[b].n; k++) m->theta[m->block[b].at + k] = 0.1f * (float)((k * 7 + (size_t)b) % 5) - 0.15f;
    assert_ok(mb_model_network(m, &net));
    mb_model_free(m);
    mb_conf_free(conf);
    return net;
}

static int index_of(const mb_network *net, const char *name) {
    for (int m = 0; m < net->n_weighted; m++)
        if (!strcmp(net->layer[net->weighted[m]].name, name)) return m;
    fail_msg("no layer %s", name);
    return -1;
}

/* Outputs of a few samples in our own float arithmetic. */
static float *outputs(const mb_network *net, int n) {
    const size_t in = mb_shape_count(&net->layer[net->input].shape), out = mb_shape_count(&net->layer[net->output].shape);
    float *x = mb_malloc((size_t)n * in, sizeof *x), *y = mb_malloc((size_t)n * out, sizeof *y);
    mb_exec *e = NULL;
    for (size_t k = 0; k < (size_t)n * in; k++) x[k] = (float)((k * 2654435761u >> 7) % 257) / 256.0f;
    assert_ok(mb_exec_new(net, n, &e));
    assert_ok(mb_exec_run(e, n, x, y, mb_exec_reference, NULL, NULL, NULL));
    mb_exec_free(e);
    mb_free(x);
    return y;
}

static void give_means(mb_pruner *p) {
    p->mean = mb_calloc((size_t)p->net->n_weighted, sizeof *p->mean);
    for (int m = 0; m < p->net->n_weighted; m++) {
        const size_t n = (size_t)p->net->layer[p->net->weighted[m]].win.cin;
        p->mean[m] = mb_malloc(n, sizeof(float));
        for (size_t k = 0; k < n; k++) p->mean[m][k] = 0.01f * (float)(k % 11);
    }
}

/* The smaller network and the masked one give the same bits. Returns the smaller one. */
static mb_network *same_bits(const mb_pruner *p, const int *out, const int *in) {
    mb_network *small = NULL, *masked = NULL;
    enum { N = 3 };
    assert_ok(mb_prune(p, out, in, false, &small));
    assert_ok(mb_prune(p, out, in, true, &masked));
    float *a = outputs(small, N), *b = outputs(masked, N), *whole = outputs(p->net, N);
    const size_t n = N * mb_shape_count(&p->net->layer[p->net->output].shape);
    assert_memory_equal(a, b, n * sizeof *a);
    assert_memory_not_equal(a, whole, n * sizeof *a);
    assert_true(small->hash != p->net->hash && small->hash == masked->hash);
    mb_free(a);
    mb_free(b);
    mb_free(whole);
    mb_network_free(masked);
    return small;
}

/* Residual sums tie the layers that put into one stream; what lies inside a block is free. */
static void residual_groups(void **state) {
    (void)state;
    mb_network *net = shipped("fashion_resnet8.onnx");
    mb_couplings *c = NULL;
    assert_ok(mb_couplings_new(net, &c));
    static const struct { const char *layer; int group, in_group; } want[] = {
        {"/stem/c/Conv", 0, -1},   {"/l/l.0/a/c/Conv", 1, 0}, {"/l/l.0/d/c/Conv", 0, 1}, {"/l/l.1/a/c/Conv", 2, 0},
        {"/l/l.1/d/c/Conv", 3, 2}, {"/l/l.1/s/c/Conv", 3, 0}, {"/l/l.2/a/c/Conv", 4, 3}, {"/l/l.2/d/c/Conv", 5, 4},
        {"/l/l.2/s/c/Conv", 5, 3}, {"/fc/Gemm", -1, 5}};
    assert_int_equal(c->n_groups, 6);
    for (size_t k = 0; k < sizeof want / sizeof *want; k++) {
        const int m = index_of(net, want[k].layer);
        assert_int_equal(c->group[m], want[k].group);
        assert_int_equal(c->in_group[m], want[k].in_group);
    }
    assert_int_equal(c->channels[3], 32);
    assert_int_equal(c->leader[3], index_of(net, "/l/l.1/d/c/Conv"));
    mb_couplings_free(c);
    mb_network_free(net);
}

/* Shortcuts that pad and slice channels hold their streams; the inner layers of the blocks stay free. */
static void what_cannot_be_followed_is_kept(void **state) {
    (void)state;
    mb_network *net = of_family("network = { family = \"resnet20\"; input = [3, 8, 8]; width = 0.5; shortcut = \"pad\"; };");
    mb_couplings *c = NULL;
    mb_pruner *p = NULL;
    assert_ok(mb_couplings_new(net, &c));
    int free_layers = 0;
    for (int m = 0; m < c->n_weighted; m++) {
        free_layers += c->group[m] >= 0;
        assert_true((c->why[m] == NULL) == (c->group[m] >= 0));
    }
    assert_int_equal(free_layers, 9); /* the first layer of each of the nine blocks */
    assert_int_equal(c->n_groups, 9);
    mb_couplings_free(c);
    assert_ok(mb_pruner_new(net, &p));
    int out[64] = {0}, in[64] = {0};
    mb_network *small = NULL;
    out[0] = 3;
    assert_fails(mb_prune(p, out, in, false, &small), MB_BADINPUT, "all its 8 output channels must be kept: a layer that mixes");
    mb_pruner_free(p);
    mb_network_free(net);
}

static void smaller_is_masked(void **state) {
    (void)state;
    mb_network *net = shipped("fashion_resnet8.onnx");
    for (int means = 0; means < 2; means++) {
        mb_pruner *p = NULL;
        int out[10] = {0}, in[10] = {0};
        assert_ok(mb_pruner_new(net, &p));
        if (means) give_means(p);
        out[index_of(net, "/stem/c/Conv")] = 11;   /* the first stream: also /l/l.0/d */
        out[index_of(net, "/l/l.0/a/c/Conv")] = 5;
        out[index_of(net, "/l/l.2/d/c/Conv")] = 40;
        in[index_of(net, "/l/l.1/a/c/Conv")] = 7;  /* of the 11 that are left; its sister reads all */
        in[index_of(net, "/fc/Gemm")] = 33;
        mb_network *small = same_bits(p, out, in);
        const mb_layer *d = &small->layer[small->weighted[index_of(net, "/l/l.0/d/c/Conv")]];
        assert_int_equal(d->win.cin, 5);
        assert_int_equal(d->win.cout, 11);
        assert_int_equal(small->layer[small->weighted[3]].win.cin, 7);
        assert_int_equal(small->layer[small->weighted[5]].win.cin, 11);
        assert_int_equal(small->layer[small->weighted[9]].win.cin, 33);
        assert_string_equal(small->layer[small->weighted[9]].name, "/fc/Gemm");
        mb_network_free(small);
        mb_pruner_free(p);
    }
    mb_network_free(net);
}

/* Flattened images: a channel is a run of rows of the fully connected layer. */
static void through_flattening(void **state) {
    (void)state;
    mb_network *net = of_family("network = { family = \"lenet\"; };");
    mb_pruner *p = NULL;
    int out[8] = {0}, in[8] = {0};
    assert_ok(mb_pruner_new(net, &p));
    give_means(p);
    const mb_couplings *c = p->couplings;
    int fc = 0;
    while (fc < net->n_weighted && (c->in_channels[fc] == net->layer[net->weighted[fc]].win.cin || fc == 0)) fc++;
    assert_true(fc > 0 && fc < net->n_weighted); /* the first fully connected one */
    const int unit = net->layer[net->weighted[fc]].win.cin / c->in_channels[fc];
    assert_true(unit > 1);
    out[fc - 1] = c->in_channels[fc] - 3;
    in[fc] = c->in_channels[fc] - 5;
    mb_network *small = same_bits(p, out, in);
    assert_int_equal(small->layer[small->weighted[fc]].win.cin, (c->in_channels[fc] - 5) * unit);
    mb_network_free(small);
    mb_pruner_free(p);
    mb_network_free(net);
}

/* A depthwise convolution follows; what it drops needs no say of its own. */
static void depthwise_follows(void **state) {
    (void)state;
    mb_network *net = of_family("network = { family = \"ds_cnn\"; width = 0.25; };");
    mb_pruner *p = NULL;
    int out[32] = {0}, in[32] = {0};
    assert_ok(mb_pruner_new(net, &p));
    give_means(p);
    const mb_couplings *c = p->couplings;
    assert_true(c->follows[1] && c->group[1] == c->group[0] && c->leader[c->group[0]] == 0 && !c->follows[2]);
    out[1] = c->channels[c->group[0]] - 5; /* any layer of the group may say it */
    mb_network *small = same_bits(p, out, in);
    assert_int_equal(small->layer[small->weighted[0]].win.cout, out[1]);
    assert_int_equal(small->layer[small->weighted[1]].win.groups, out[1]);
    assert_int_equal(small->layer[small->weighted[2]].win.cin, out[1]);
    mb_network_free(small);
    in[1] = 2;
    assert_fails(mb_prune(p, out, in, false, &small), MB_BADINPUT, "keep_inputs must be 0");
    mb_pruner_free(p);
    mb_network_free(net);
}

/* The most important ones are kept, equal ones in their order; a pruner's mean goes into the bias. */
static void who_is_kept(void **state) {
    (void)state;
    mb_network *net = shipped("fashion_resnet8.onnx"), *small = NULL;
    mb_pruner *p = NULL;
    int out[10] = {0}, in[10] = {0};
    const int a = index_of(net, "/l/l.0/a/c/Conv"), d = index_of(net, "/l/l.0/d/c/Conv");
    const mb_layer *la = &net->layer[net->weighted[a]], *ld = &net->layer[net->weighted[d]];
    assert_ok(mb_pruner_new(net, &p));
    double *score = p->score[p->couplings->group[a]], sum = 0;
    for (int k = 0; k < 16; k++) sum += score[k];
    assert_true(fabs(sum - (1)) < 1e-12); /* shares of one layer's squared weights */
    for (int k = 0; k < 16; k++) score[k] = k == 9 || k == 3 ? 2 : k == 12 ? 3 : 1;
    out[a] = 4;                                          /* 12, 3, 9, and of the equal ones the first: 0 */
    give_means(p);
    assert_ok(mb_prune(p, out, in, false, &small));
    static const int kept[] = {0, 3, 9, 12};
    const mb_layer *sa = &small->layer[small->weighted[a]], *sd = &small->layer[small->weighted[d]];
    for (int k = 0; k < 4; k++) {
        assert_memory_equal(sa->weight + k * 144, la->weight + kept[k] * 144, 144 * sizeof(float));
        assert_true(sa->bias[k] == la->bias[kept[k]]);
        for (int o = 0; o < 16; o++)
            assert_memory_equal(sd->weight + (o * 4 + k) * 9, ld->weight + (o * 16 + kept[k]) * 9, 9 * sizeof(float));
    }
    for (int o = 0; o < 16; o++) {
        double want = (double)ld->bias[o];
        for (int i = 0; i < 16; i++)
            for (int t = 0; t < 9 && i != 0 && i != 3 && i != 9 && i != 12; t++)
                want += (double)ld->weight[(o * 16 + i) * 9 + t] * (double)p->mean[d][i];
        assert_true(fabs((double)sd->bias[o] - (want)) < 1e-6);
    }
    mb_network_free(small);
    out[index_of(net, "/l/l.1/d/c/Conv")] = 8;
    out[index_of(net, "/l/l.1/s/c/Conv")] = 9;
    assert_fails(mb_prune(p, out, in, false, &small), MB_BADINPUT, "cannot keep 8 and 9");
    out[index_of(net, "/l/l.1/s/c/Conv")] = 33;
    assert_fails(mb_prune(p, out, in, false, &small), MB_BADINPUT, "it has 32 output channels");
    out[index_of(net, "/l/l.1/s/c/Conv")] = 8;
    in[0] = 2;
    assert_fails(mb_prune(p, out, in, false, &small), MB_BADINPUT, "it has 1 input channels");
    in[0] = 0;
    out[index_of(net, "/fc/Gemm")] = 4;
    assert_fails(mb_prune(p, out, in, false, &small), MB_BADINPUT, "the output of the network");
    mb_pruner_free(p);
    mb_network_free(net);
}

/* Tables of shapes have no weights: sizes alone. */
static void tables_of_shapes(void **state) {
    (void)state;
    mb_network *net = shipped("resnet18.csv"), *small = NULL;
    mb_pruner *p = NULL;
    assert_ok(mb_pruner_new(net, &p));
    int out[64] = {0}, in[64] = {0}, m = 0;
    while (p->couplings->group[m] < 0) m++;
    out[m] = net->layer[net->weighted[m]].win.cout / 2;
    assert_ok(mb_prune(p, out, in, false, &small));
    int64_t before = 0, after = 0;
    for (int k = 0; k < net->n_layers; k++) before += mb_layer_macs(&net->layer[k]);
    for (int k = 0; k < small->n_layers; k++) after += mb_layer_macs(&small->layer[k]);
    assert_true(after < before && small->weightless);
    mb_network_free(small);
    mb_pruner_free(p);
    mb_network_free(net);
}

/* Nothing is lost when memory runs out at any place. */
static void memory(void **state) {
    (void)state;
    mb_network *net = shipped("fashion_resnet8.onnx");
    int out[10] = {0}, in[10] = {0}, rc = MB_SYSTEM;
    out[1] = 5;
    in[3] = 9;
    for (long n = 1; rc && n < 4000; n++) {
        mb_pruner *p = NULL;
        mb_network *small = NULL;
        const long live = mb_mem_live();
        mb_mem_fail_after(n);
        rc = mb_pruner_new(net, &p);
        if (!rc) rc = mb_prune(p, out, in, false, &small);
        mb_mem_fail_after(-1);
        mb_network_free(small);
        mb_pruner_free(p);
        mb_error_clear();
        assert_int_equal(mb_mem_live(), live);
        assert_true(rc == MB_OK || rc == MB_SYSTEM);
    }
    assert_int_equal(rc, MB_OK);
    mb_network_free(net);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(residual_groups), cmocka_unit_test(what_cannot_be_followed_is_kept), cmocka_unit_test(smaller_is_masked),
        cmocka_unit_test(through_flattening), cmocka_unit_test(depthwise_follows), cmocka_unit_test(who_is_kept),
        cmocka_unit_test(tables_of_shapes), cmocka_unit_test(memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
