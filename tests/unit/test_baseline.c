/* test_baseline.c - systolic cycles against SCALE-Sim, traffic by walking the folds, energies, residency, presets and wrong files
 * */
#include "mbtest.h"

#include <math.h>

#include "cost/baseline.h"
#include "cost/systolic.h"
#include "testnet.h"

typedef struct gemm {
    int64_t px, win, k;
} gemm;

/* MLPerf Tiny ResNet8 on 32 x 32 images: 12,501,632 multiply-accumulates */
static const gemm resnet8[] = {
    {1024, 27, 16}, {1024, 144, 16}, {1024, 144, 16}, {256, 144, 32}, {256, 288, 32},
    {256, 16, 32},  {64, 288, 64},   {64, 576, 64},   {64, 32, 64},   {1, 64, 10},
};
/* ResNet-18 on 224 x 224 images: 1,814,073,344 multiply-accumulates */
static const gemm resnet18[] = {
    {12544, 147, 64}, {3136, 576, 64},  {3136, 576, 64},  {3136, 576, 64},  {3136, 576, 64},  {784, 576, 128}, {784, 1152, 128},
    {784, 64, 128},   {784, 1152, 128}, {784, 1152, 128}, {196, 1152, 256}, {196, 2304, 256}, {196, 128, 256}, {196, 2304, 256},
    {196, 2304, 256}, {49, 2304, 512},  {49, 4608, 512},  {49, 256, 512},   {49, 4608, 512},  {49, 4608, 512}, {1, 512, 1000},
};
#define COUNT(a) (sizeof a / sizeof a[0])

static int64_t total(const gemm *g, size_t n, int size, int dataflow, bool double_buffer) {
    mb_systolic s = {.rows = size, .cols = size, .dataflow = dataflow, .double_buffer = double_buffer};
    int64_t cycles = 0;
    for (size_t i = 0; i < n; i++) cycles += mb_systolic_cycles(&s, g[i].px, g[i].win, g[i].k);
    return cycles;
}

/* "Compute cycles" of SCALE-Sim v3, the whole network, all three dataflows. */
static void cycles_of_scale_sim(void **state) {
    static const struct {
        bool big;
        int size;
        int64_t ws, os, is;
    } golden[] = {
        {false, 16, 63130, 58996, 139158},     {false, 32, 26576, 25548, 62886},    {false, 256, 15195, 12348, 18322},
        {true, 32, 2855031, 2133315, 3400155}, {true, 128, 441581, 274431, 629829}, {true, 256, 231765, 167926, 357123},
    };
    (void)state;
    int64_t macs = 0;
    for (size_t i = 0; i < COUNT(resnet8); i++) macs += resnet8[i].px * resnet8[i].win * resnet8[i].k;
    assert_int_equal(macs, 12501632);
    macs = 0;
    for (size_t i = 0; i < COUNT(resnet18); i++) macs += resnet18[i].px * resnet18[i].win * resnet18[i].k;
    assert_int_equal(macs, 1814073344);
    for (size_t i = 0; i < COUNT(golden); i++) {
        const gemm *g = golden[i].big ? resnet18 : resnet8;
        size_t n = golden[i].big ? COUNT(resnet18) : COUNT(resnet8);
        assert_int_equal(total(g, n, golden[i].size, MB_WEIGHT_STATIONARY, false), golden[i].ws);
        assert_int_equal(total(g, n, golden[i].size, MB_OUTPUT_STATIONARY, false), golden[i].os);
        assert_int_equal(total(g, n, golden[i].size, MB_INPUT_STATIONARY, false), golden[i].is);
    }
}

static void double_buffering_hides_the_loads(void **state) {
    (void)state;
    mb_systolic s = {.rows = 16, .cols = 8, .dataflow = MB_WEIGHT_STATIONARY, .double_buffer = true};
    assert_int_equal(mb_systolic_cycles(&s, 100, 40, 20), 3 * 3 * 100 + 16 + 8 - 2); /* 9 folds of 100 vectors */
    assert_int_equal(mb_systolic_cycles(&s, 5, 40, 20), 3 * 3 * 16 + 16 + 8 - 2); /* few vectors: loading 16 rows takes longer */
    for (int d = 0; d < 3; d++)
        assert_true(total(resnet18, COUNT(resnet18), 128, d, true) < total(resnet18, COUNT(resnet18), 128, d, false));
}

/* Traffic counted fold by fold: each fold reads what streams past it and what stays in it. */
static void traffic_by_walking_the_folds(void **state) {
    (void)state;
    static const gemm g[] = {{100, 40, 20}, {7, 64, 10}, {33, 5, 70}, {16, 16, 16}};
    for (size_t i = 0; i < COUNT(g); i++)
        for (int d = 0; d < 3; d++) {
            mb_systolic s = {.rows = 16, .cols = 8, .dataflow = d};
            mb_systolic_traffic t, w = {0};
            int64_t Sr = d == MB_OUTPUT_STATIONARY ? g[i].px : g[i].win, Sc = d == MB_INPUT_STATIONARY ? g[i].px : g[i].k;
            for (int64_t r0 = 0; r0 < Sr; r0 += 16)
                for (int64_t c0 = 0; c0 < Sc; c0 += 8) {
                    int64_t r = Sr - r0 < 16 ? Sr - r0 : 16, c = Sc - c0 < 8 ? Sc - c0 : 8;
                    if (d == MB_WEIGHT_STATIONARY) {
                        w.weight_reads += (double)(r * c);
                        w.input_reads += (double)(r * g[i].px);
                        w.sum_writes += (double)(c * g[i].px);
                    } else if (d == MB_INPUT_STATIONARY) {
                        w.input_reads += (double)(r * c);
                        w.weight_reads += (double)(r * g[i].k);
                        w.sum_writes += (double)(c * g[i].k);
                    } else {
                        w.input_reads += (double)(r * g[i].win);
                        w.weight_reads += (double)(c * g[i].win);
                    }
                }
            w.sum_reads = w.sum_writes; /* each partial sum is read again: by the next fold, or for rescaling */
            w.output_writes = (double)(g[i].px * g[i].k);
            mb_systolic_traffic_of(&s, g[i].px, g[i].win, g[i].k, &t);
            assert_true(t.input_reads == w.input_reads);
            assert_true(t.weight_reads == w.weight_reads);
            assert_true(t.sum_writes == w.sum_writes);
            assert_true(t.sum_reads == w.sum_reads);
            assert_true(t.output_writes == w.output_writes);
        }
}

/* --- a network on a loaded baseline ------------------------------------------------------------------------------------ */

static const testlayer chain[] = {
    {"conv1", 'w', 3, 16, 16, 16, 3, 1, 1, 1}, {"conv2", 'w', 16, 16, 16, 16, 3, 1, 1, 1}, {"add", 'a', 0, 0, 0, 0, 0, 0, 0, 0},
    {"dw", 'w', 16, 16, 16, 16, 3, 2, 1, 16},  {"fc", 'w', 1024, 1, 1, 10, 1, 1, 0, 1},
};

typedef struct fixture {
    mb_network *net;
    mb_plan *plan;
    mb_conf *conf;
    mb_baseline b;
} fixture;

static void begin(fixture *f, const char *text, int bits) {
    f->net = testnet("chain", 5, 5, chain);
    assert_ok(mb_plan_new(f->net, &(mb_assign){MB_ANALOG, bits, 2, bits, 1, 8, 0, 0, 1}, &f->plan));
    assert_ok(mb_conf_parse(text, "base.cfg", &f->conf));
    assert_ok(mb_baseline_load(f->conf, "it", &f->b));
    assert_ok(mb_conf_check_used(f->conf));
}

static void end(fixture *f) {
    mb_baseline_free(&f->b);
    mb_conf_free(f->conf);
    mb_plan_free(f->plan);
    mb_network_free(f->net);
}

static const mb_report *leaf(const mb_report *r, const char *group, const char *component, const char *action) {
    for (size_t i = 0; i < r->n; i++)
        for (size_t k = 0; k < r->child[i]->n && strcmp(r->child[i]->name, group) == 0; k++)
            if (strcmp(r->child[i]->child[k]->component, component) == 0 && strcmp(r->child[i]->child[k]->name, action) == 0)
                return r->child[i]->child[k];
    return NULL;
}

static void near(double got, double want) {
    if (!(fabs(got - want) <= 1e-9 * fabs(want))) fail_msg("%.12g instead of %.12g", got, want);
}

static mb_metrics evaluate(fixture *f, bool resident, mb_report **r) {
    mb_baseline_case c = {.net = f->net, .plan = f->plan, .node_nm = 45, .weights_resident = resident};
    mb_metrics m, again;
    assert_ok(f->b.type->evaluate(f->b.params, &c, r, &m));
    assert_ok(f->b.type->evaluate(f->b.params, &c, NULL, &again));
    assert_memory_equal(&m, &again, sizeof m); /* with and without a tree */
    assert_true((*r)->total.energy_J == m.energy_J && (*r)->total.latency_s == m.latency_s && (*r)->total.area_m2 == m.area_m2);
    mb_cost sum = {0, 0, 0};
    for (size_t i = 0; i < (*r)->n; i++) {
        sum.energy_J += (*r)->child[i]->total.energy_J;
        sum.latency_s += (*r)->child[i]->total.latency_s;
        sum.area_m2 += (*r)->child[i]->total.area_m2;
    }
    assert_true(sum.energy_J == m.energy_J && sum.latency_s == m.latency_s && sum.area_m2 == m.area_m2);
    return m;
}

static void energies_by_hand(void **state) {
    (void)state;
    fixture f;
    mb_report *r;
    begin(&f,
          "kind = \"systolic\"; name = \"mine\"; rows = 8; cols = 8; dataflow = \"ws\"; vdd_V = 0.9; clock_Hz = 1e9; "
          "digital_lanes = 10;",
          8);
    assert_string_equal(f.b.name, "mine");
    mb_metrics m = evaluate(&f, true, &r);
    double macs = 256.0 * 144 * 16;
    const mb_report *x = leaf(r, "conv2", "multiply-accumulate", "product and sum");
    assert_non_null(x);
    near(x->count, macs);
    mb_tech t; /* 45 nm and 0.9 V: Horowitz's numbers; sums of 8 + 8 + ceil(log2 144) = 24 bits */
    assert_ok(mb_tech_init(&t, 45, 0.9, 1));
    near(x->total.energy_J, macs * (0.2e-12 + 0.03e-12 + 16 * 0.07e-12 / 24));
    near(x->total.latency_s, (18 * 2 * (16 + 8 + 256 - 2) - 1) * 1e-9);
    near(leaf(r, "conv2", "registers", "operands and sum")->total.energy_J, macs * mb_unit_register(&t, 8 + 24).energy_J);
    near(leaf(r, "conv2", "activation buffer", "read inputs")->count, 256.0 * 144 * 2 * 8);
    near(leaf(r, "conv2", "weight buffer", "read weights")->count, 144 * 16 * 8);
    near(leaf(r, "conv2", "sum buffer", "write partial sums")->count, 256.0 * 16 * 18 * 24);
    near(leaf(r, "conv2", "activation buffer", "write outputs")->count, 256.0 * 16 * 8);
    near(leaf(r, "conv2", "digital unit", "bias and rescaling")->count, 4096);
    near(leaf(r, "add", "digital unit", "addition")->total.latency_s, 4096 / 10e9);
    /* depthwise: 16 products of 64 x 9 x 1, two folds each */
    near(leaf(r, "dw", "multiply-accumulate", "product and sum")->total.latency_s, 16 * (2 * (16 + 8 + 64 - 2) - 1) * 1e-9);
    /* buffers as large as needed: conv1 + conv2 + add live at 8 bits; all weights */
    double weights = 27 * 16 + 144 * 16 + 9 * 16 + 10240;
    mb_sram s;
    assert_ok(mb_sram_cost(12, 64, 45, &s));
    near(leaf(r, "shared", "activation buffer", "memory")->total.area_m2, s.area_m2);
    assert_ok(mb_sram_cost(ceil(weights / 1024), 64, 45, &s));
    near(leaf(r, "shared", "weight buffer", "memory")->total.area_m2, s.area_m2);
    near(leaf(r, "conv2", "weight buffer", "read weights")->each.energy_J, s.read_J / 64);
    near(m.weight_bits, 8 * weights);
    assert_null(leaf(r, "conv1", "dram", "fetch weights"));
    mb_report_free(r);
    end(&f);
}

static void precision_helps_only_a_scaling_datapath(void **state) {
    (void)state;
    fixture a, b;
    mb_report *ra, *rb;
    begin(&a, "kind = \"systolic\"; datapath = \"fixed\";", 8);
    begin(&b, "kind = \"systolic\"; datapath = \"fixed\";", 4);
    mb_metrics m8 = evaluate(&a, true, &ra), m4 = evaluate(&b, true, &rb);
    assert_true(m8.energy_J == m4.energy_J && m8.latency_s == m4.latency_s && m8.area_m2 == m4.area_m2);
    assert_true(m4.weight_bits == m8.weight_bits / 2); /* of the network, not of the buffer */
    mb_report_free(ra);
    mb_report_free(rb);
    end(&a);
    end(&b);
    begin(&a, "kind = \"systolic\"; datapath = \"scaling\";", 8);
    begin(&b, "kind = \"systolic\"; datapath = \"scaling\";", 4);
    m8 = evaluate(&a, true, &ra);
    m4 = evaluate(&b, true, &rb);
    assert_true(m4.energy_J < 0.7 * m8.energy_J && m4.latency_s == m8.latency_s && m4.area_m2 < m8.area_m2);
    /* products scale with the product of the bits, sums with their width: 8 x 8 + 24 bits and 4 x 4 + 16 bits at 45 nm */
    near(leaf(rb, "conv2", "multiply-accumulate", "product and sum")->each.energy_J /
             leaf(ra, "conv2", "multiply-accumulate", "product and sum")->each.energy_J,
         (0.05 + 0.03 + 8 * 0.07 / 24) / (0.2 + 0.03 + 16 * 0.07 / 24));
    mb_report_free(ra);
    mb_report_free(rb);
    end(&a);
    end(&b);
}

static void weights_that_are_not_resident_come_from_dram(void **state) {
    (void)state;
    fixture f;
    mb_report *r, *away;
    begin(&f, "kind = \"systolic\"; dram_J_per_bit = 10e-12; dram_B_per_s = 1e6; clock_Hz = 1e9;", 8);
    mb_metrics home = evaluate(&f, true, &r), m = evaluate(&f, false, &away);
    const mb_report *x = leaf(away, "fc", "dram", "fetch weights");
    assert_non_null(x);
    near(x->count, 81920);
    near(x->total.energy_J, 81920 * 10e-12);
    double compute = leaf(away, "fc", "multiply-accumulate", "product and sum")->total.latency_s;
    near(x->total.latency_s + compute, 10240 / 1e6); /* fetching takes longer than computing */
    assert_true(m.energy_J > home.energy_J && m.latency_s > home.latency_s);
    mb_report_free(r);
    mb_report_free(away);
    end(&f);
}

static void given_nodes_and_sizes(void **state) {
    (void)state;
    fixture f, g;
    mb_report *r;
    begin(&f, "kind = \"systolic\";", 8);
    begin(&g, "kind = \"systolic\"; node_nm = 22.0;", 8);
    mb_metrics at45 = evaluate(&f, true, &r);
    mb_report_free(r);
    mb_metrics at22 = evaluate(&g, true, &r);
    mb_report_free(r);
    assert_true(at22.energy_J < 0.6 * at45.energy_J && at22.area_m2 < 0.6 * at45.area_m2);
    end(&f);
    end(&g);
    /* an activation buffer too small for conv2's inputs and outputs (4 + 4 KiB): they go off-chip and come back */
    mb_metrics m;
    begin(&f, "kind = \"systolic\"; activation_KiB = 7;", 8);
    m = evaluate(&f, true, &r);
    near(leaf(r, "conv2", "dram", "fetch activations")->count, 4096 * 8);
    near(leaf(r, "conv2", "dram", "store activations")->count, 4096 * 8);
    assert_null(leaf(r, "conv2", "dram", "fetch weights"));
    assert_null(leaf(r, "fc", "dram", "fetch activations"));
    mb_report_free(r);
    end(&f);
    /* a weight buffer that holds the largest layer, not the network: each layer's weights come once */
    begin(&f, "kind = \"systolic\"; weight_KiB = 12;", 8);
    m = evaluate(&f, true, &r);
    near(leaf(r, "conv1", "dram", "fetch weights")->count, 27 * 16 * 8);
    near(leaf(r, "fc", "dram", "fetch weights")->count, 10240 * 8);
    mb_report_free(r);
    f.plan->n = 2;
    mb_baseline_case c = {.net = f.net, .plan = f.plan, .node_nm = 45, .weights_resident = true};
    assert_fails(f.b.type->evaluate(f.b.params, &c, NULL, &m), MB_BADINPUT, "2 layers");
    f.plan->n = 4;
    end(&f);
}

static void wrong_files_are_refused(void **state) {
    (void)state;
    static const struct {
        const char *text, *message, *place;
    } wrong[] = {
        {"rows = 8;", "needs kind", "base.cfg"},
        {"\nkind = \"sistolic\";", "did you mean \"systolic\"", "base.cfg:2"},
        {"kind = 7;", "needs kind", "base.cfg:1"},
        {"kind = \"systolic\"; rows = 0;", "rows", "base.cfg:1"},
        {"kind = \"systolic\";\ncolumns = 8;", "columns", "base.cfg:2"},
        {"kind = \"systolic\"; dataflow = \"rs\";", "rs", "base.cfg:1"},
        {"kind = \"systolic\"; dram_J_per_bit = -1e-12;", "dram_J_per_bit", "base.cfg:1"},
        {"kind = \"systolic\"; node_nm = 5.0;", "node_nm = 5", ""},
        {"kind = \"systolic\"; name = 3;", "name must be text", "base.cfg:1"},
    };
    long live = mb_mem_live();
    for (size_t i = 0; i < COUNT(wrong); i++) {
        mb_conf *c;
        mb_baseline b;
        assert_ok(mb_conf_parse(wrong[i].text, "base.cfg", &c));
        assert_int_equal(mb_baseline_load(c, "it", &b), MB_BADINPUT);
        assert_non_null(strstr(mb_error_message(), wrong[i].message));
        assert_non_null(strstr(mb_error_message(), wrong[i].place));
        assert_null(b.params);
        mb_error_clear();
        mb_conf_free(c);
        assert_int_equal(mb_mem_live(), live);
    }
}

static void the_presets_load(void **state) {
    (void)state;
    static const char *const name[] = {"systolic-32x32", "tpu-128x128", "tpu-v1",      "tpu-v1-28nm", "eyeriss", "eyeriss-65nm",
                                       "northpole",      "northpole-12nm", "cpu-haswell", "gpu-v100",    "gpu-orin", "tpu-v4i"};
    for (size_t i = 0; i < COUNT(name); i++) {
        char *path = mb_asprintf("%s/experiments/baselines/%s.cfg", srcdir(), name[i]);
        mb_conf *c;
        fixture f = {.net = testnet("chain", 5, 5, chain)};
        mb_report *r;
        assert_ok(mb_plan_new(f.net, &(mb_assign){MB_ANALOG, 8, 2, 8, 1, 8, 0, 0, 1}, &f.plan));
        assert_ok(mb_conf_parse("x = { };", "t.cfg", &c));
        char *set = mb_asprintf("x={ preset = \"%s\"; }", path);
        assert_ok(mb_conf_assign(c, set, MB_FROM_COMMAND));
        mb_free(set);
        assert_ok(mb_conf_expand_preset(mb_conf_use(c, "x"), "baselines"));
        assert_ok(mb_baseline_load(mb_conf_use(c, "x"), name[i], &f.b));
        assert_ok(mb_conf_check_used(c));
        assert_string_equal(f.b.name, name[i]);
        mb_metrics m = evaluate(&f, true, &r);
        assert_true(m.energy_J > 0 && m.latency_s > 0 && m.area_m2 > 0);
        mb_report_free(r);
        mb_conf_free(c);
        mb_baseline_free(&f.b);
        mb_plan_free(f.plan);
        mb_network_free(f.net);
        mb_free(path);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(cycles_of_scale_sim),
        cmocka_unit_test(double_buffering_hides_the_loads),
        cmocka_unit_test(traffic_by_walking_the_folds),
        cmocka_unit_test(energies_by_hand),
        cmocka_unit_test(precision_helps_only_a_scaling_datapath),
        cmocka_unit_test(weights_that_are_not_resident_come_from_dram),
        cmocka_unit_test(given_nodes_and_sizes),
        cmocka_unit_test(wrong_files_are_refused),
        cmocka_unit_test(the_presets_load),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
