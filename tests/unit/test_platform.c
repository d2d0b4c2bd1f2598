/* test_platform.c - what the kinds of baselines share and each of them: off-chip traffic, batches, precision rules, iso-area and
 * iso-capacity; anchors of published chips, which must stand in doc/baselines.md as they come out */
#include "mbtest.h"

#include <math.h>

#include "base/file.h"
#include "base/mem.h"
#include "base/str.h"
#include "cost/baseline.h"
#include "cost/platform.h"
#include "cost/systolic.h"
#include "nn/shapes.h"

typedef struct fixture {
    mb_network *net;
    mb_plan *plan;
    mb_conf *root;
    mb_baseline b;
    mb_report *r;
    mb_metrics m;
    mb_baseline_case c;
} fixture;

/* NET: rows of a table, or a file of experiments/networks; BASE: a group, or PRESET of experiments/baselines with settings laid over it. */
static void begin(fixture *f, const char *net, const char *base, int weight_bits, int input_bits, double node_nm) {
    *f = (fixture){0};
    if (strchr(net, '\n')) {
        assert_ok(mb_shapes_parse((const uint8_t *)net, strlen(net), "t.csv", &f->net));
    } else {
        char *path = mb_asprintf("%s/experiments/networks/%s.csv", srcdir(), net);
        assert_ok(mb_network_load(path, &f->net));
        mb_free(path);
    }
    mb_assign all = {MB_ANALOG, weight_bits, 2, input_bits, 1, 8, 0, 0, 1};
    assert_ok(mb_plan_new(f->net, &all, &f->plan));
    char *file = mb_asprintf("%s/experiments/baselines/", srcdir());
    mb_str text = {0};
    const char *p = strstr(base, "preset = \"");
    if (p) mb_str_addf(&text, "x = { preset = \"%s%.*s.cfg%s };", file, (int)strcspn(p + 10, "\""), p + 10, p + 10 + strcspn(p + 10, "\""));
    else mb_str_addf(&text, "x = { %s };", base);
    assert_ok(mb_conf_parse(mb_cstr(&text), "base.cfg", &f->root));
    assert_ok(mb_conf_expand_preset(mb_conf_find(f->root, "x"), "baselines"));
    assert_ok(mb_baseline_load(mb_conf_find(f->root, "x"), "it", &f->b));
    mb_str_free(&text);
    mb_free(file);
    f->c = (mb_baseline_case){.net = f->net, .plan = f->plan, .node_nm = node_nm, .weights_resident = true};
}

static void evaluate(fixture *f) {
    mb_metrics again;
    mb_report_free(f->r);
    assert_ok(f->b.type->evaluate(f->b.params, &f->c, &f->r, &f->m));
    assert_ok(f->b.type->evaluate(f->b.params, &f->c, NULL, &again));
    assert_memory_equal(&f->m, &again, sizeof again);
    double sum = 0;
    for (size_t i = 0; i < f->r->n; i++) sum += f->r->child[i]->total.energy_J;
    assert_true(sum == f->m.energy_J);
}

static void end(fixture *f) {
    mb_report_free(f->r);
    mb_baseline_free(&f->b);
    mb_conf_free(f->root);
    mb_plan_free(f->plan);
    mb_network_free(f->net);
}

static const mb_report *leaf(const fixture *f, const char *group, const char *component, const char *action) {
    for (size_t i = 0; i < f->r->n; i++)
        for (size_t k = 0; k < f->r->child[i]->n && strcmp(f->r->child[i]->name, group) == 0; k++)
            if (strcmp(f->r->child[i]->child[k]->component, component) == 0 && strcmp(f->r->child[i]->child[k]->name, action) == 0)
                return f->r->child[i]->child[k];
    return NULL;
}

static void near(double got, double want) {
    if (!(fabs(got - want) <= 1e-9 * fabs(want))) fail_msg("%.12g instead of %.12g", got, want);
}

#define HEAD "name,op,in_channels,out_channels,kernel_h,kernel_w,padding,in_h,in_w,vectors\n"
#define CONV HEAD "c,conv,16,32,3,3,1,8,8,\n" /* 4608 weights, 64 vectors of 144 */
#define ATTENTION "name,op,in_channels,out_channels,vectors,inputs\nq,linear,8,8,6,input\nk,linear,8,8,6,input\nqk,matmul,4,6,12,q k\no,linear,72,8,1,qk\n"

static void traffic_off_the_chip(void **state) {
    (void)state;
    mb_traffic t = mb_offchip_traffic(1000, 1000, true, 1, 800, 400, 500);
    assert_true(t.weights == 0 && t.inputs == 0 && t.outputs == 0);
    t = mb_offchip_traffic(1000, 1000, false, 4, 800, 100, 100);
    assert_true(t.weights == 200 && t.inputs == 0 && t.outputs == 0); /* once for the four samples */
    t = mb_offchip_traffic(1000, 1000, false, 1, 800, 700, 500);
    assert_true(t.weights == 800 && t.inputs == 700 && t.outputs == 500); /* the weights fit: nothing twice */
    t = mb_offchip_traffic(1000, 1000, false, 1, 2500, 1500, 500);
    assert_true(t.weights == 5000 && t.inputs == 1500); /* 2500 x 2 + 1500 < 2500 + 1500 x 3 = 7000: 6500 */
    t = mb_offchip_traffic(1000, 1000, false, 1, 2500, 1100, 500);
    assert_true(t.weights == 2500 && t.inputs == 3300); /* 2500 + 1100 x 3 = 5800 < 5000 + 1100 */
    t = mb_offchip_traffic(1000, 1000, false, 4, 2500, 1500, 500);
    assert_true(t.weights == 625 && t.inputs == 4500); /* 5125; weights for each of 6 parts: 3750 + 1500 = 5250 */
}

static void dram_types_and_estimates(void **state) {
    (void)state;
    mb_baseline_case c = {.dram = 0};
    mb_offchip o = mb_offchip_of(0, MB_NOMINAL, 1, 0, 0, &c);
    near(o.J_per_bit, 8e-12); /* LPDDR4 */
    near(o.B_per_s, 12.8e9);
    o = mb_offchip_of(1, MB_LOW, 4, 0, 0, &c);
    near(o.J_per_bit, 3.9e-12); /* HBM2 */
    near(o.B_per_s, 1024e9);
    near(mb_offchip_of(7, MB_HIGH, 1, 0, 0, &c).J_per_bit, 70e-12); /* DDR3 */
    c.dram = 4; /* the machine's: DDR4 */
    near(mb_offchip_of(0, MB_NOMINAL, 1, 0, 0, &c).J_per_bit, 20e-12);
    o = mb_offchip_of(1, MB_LOW, 4, 1e-12, 5e9, &c);
    near(o.J_per_bit, 1e-12);
    near(o.B_per_s, 5e9);
}

/* A batch: 4 x 64 vectors pass each fold of an 8 x 8 array; weights stay, cycles and weight reads are shared. */
static void a_batch_shares_the_weights(void **state) {
    (void)state;
    fixture f;
    begin(&f, CONV, "kind = \"systolic\"; rows = 8; cols = 8; dataflow = \"ws\"; clock_Hz = 1e9;", 8, 8, 45);
    f.c.batch = 4;
    evaluate(&f);
    near(leaf(&f, "c", "multiply-accumulate", "product and sum")->count, 64 * 144 * 32);
    near(leaf(&f, "c", "multiply-accumulate", "product and sum")->total.latency_s, (18 * 4 * (16 + 8 + 256 - 2) - 1) / 4.0 * 1e-9);
    near(leaf(&f, "c", "weight buffer", "read weights")->count, 4608 * 8 / 4.0);
    near(leaf(&f, "c", "activation buffer", "write outputs")->count, 64 * 32 * 8);
    f.c.weights_resident = false;
    evaluate(&f);
    near(leaf(&f, "c", "dram", "fetch weights")->count, 4608 * 8 / 4.0);
    end(&f);
}

/* Folds spread over 4 arrays of 8 x 8, weight stationary: 18 x 4 folds in 18 turns of 16 + 8 + 64 - 2 cycles; one fold: the 64 vectors in 4
 * parts, each array loads the weights. */
static void several_arrays_share_the_folds(void **state) {
    (void)state;
    fixture f;
    static const char base[] = "kind = \"systolic\"; arrays = 4; rows = 8; cols = 8; dataflow = \"ws\"; clock_Hz = 1e9;";
    begin(&f, CONV, base, 8, 8, 45);
    evaluate(&f);
    near(leaf(&f, "c", "multiply-accumulate", "product and sum")->total.latency_s, (18 * (16 + 8 + 64 - 2) - 1) * 1e-9);
    near(leaf(&f, "c", "weight buffer", "read weights")->count, 4608 * 8);
    double area = leaf(&f, "shared", "multiply-accumulate", "array")->total.area_m2;
    end(&f);
    begin(&f, "name,op,in_channels,out_channels,vectors\ng,linear,8,8,64\n", base, 8, 8, 45);
    evaluate(&f);
    near(leaf(&f, "g", "multiply-accumulate", "product and sum")->total.latency_s, (16 + 8 + 16 - 2 - 1) * 1e-9);
    near(leaf(&f, "g", "weight buffer", "read weights")->count, 4 * 64 * 8);
    end(&f);
    begin(&f, CONV, "kind = \"systolic\"; rows = 8; cols = 8;", 8, 8, 45);
    evaluate(&f);
    near(area, 4 * leaf(&f, "shared", "multiply-accumulate", "array")->total.area_m2);
    end(&f);
}

/* 5-bit weights and 3-bit inputs under each rule; time against that at 8 bits. */
static void each_rule_of_precision(void **state) {
    (void)state;
    static const struct { const char *base; double time, weight_bits; } rule[] = {
        {"kind = \"systolic\"; digital_lanes = 65536; datapath = \"fixed\";", 1, 8},
        {"kind = \"systolic\"; digital_lanes = 65536; datapath = \"scaling\";", 1, 5},
        {"kind = \"systolic\"; digital_lanes = 65536; datapath = \"doubling\";", 1, 8},
        {"kind = \"systolic\"; digital_lanes = 65536; datapath = \"serial\";", 3.0 / 8, 5},
        {"kind = \"spatial\"; digital_lanes = 65536;", 1, 16},
        {"kind = \"nearmem\"; digital_lanes = 65536;", 1, 8},
    };
    for (size_t i = 0; i < sizeof rule / sizeof *rule; i++) {
        fixture a, b;
        begin(&a, CONV, rule[i].base, 8, 8, 45);
        begin(&b, CONV, rule[i].base, 5, 3, 45);
        a.c.weights_resident = b.c.weights_resident = false;
        evaluate(&a);
        evaluate(&b);
        near(leaf(&b, "c", "multiply-accumulate", "product and sum")->total.latency_s,
             rule[i].time * leaf(&a, "c", "multiply-accumulate", "product and sum")->total.latency_s);
        near(leaf(&b, "c", "dram", "fetch weights")->count, 4608 * rule[i].weight_bits);
        assert_true(b.m.energy_J <= a.m.energy_J);
        end(&a);
        end(&b);
    }
    /* rates double: 4 bits in half, 2 bits in a quarter of the time */
    fixture f[3];
    for (int i = 0; i < 3; i++) {
        begin(&f[i], CONV, "kind = \"systolic\"; datapath = \"doubling\";", 8 >> i, 8 >> i, 45);
        evaluate(&f[i]);
        near(leaf(&f[i], "c", "multiply-accumulate", "product and sum")->total.latency_s,
             leaf(&f[0], "c", "multiply-accumulate", "product and sum")->total.latency_s / (1 << i));
    }
    for (int i = 0; i < 3; i++) end(&f[i]);
}

/* Busy units that Chen et al. (JSSC 2017, table III) print for AlexNet on 12 x 14 units: 154, 135, 156, 156, 156. Two strips of 13.5
 * columns are theirs of conv2; conv1's four strips of 13.75 columns are 151.25 on average over the whole image. */
static void row_stationary_mapping(void **state) {
    (void)state;
    static const double busy[] = {151.25, 135, 156, 156, 156}, macs[] = {105415200, 223948800, 149520384, 112140288, 74760192};
    fixture f;
    begin(&f, "alexnet_conv", "kind = \"spatial\";", 8, 8, 65);
    evaluate(&f);
    for (int i = 0; i < 5; i++) {
        char name[8];
        snprintf(name, sizeof name, "conv%d", i + 1);
        const mb_report *x = leaf(&f, name, "multiply-accumulate", "product and sum");
        near(x->count, macs[i]);
        near(x->total.latency_s, macs[i] / (busy[i] * 200e6));
    }
    /* conv3: 16 bits; 24 filters x 3 channels in a unit (224 words), 4 sets of rows for channels: 22 passes of 256 channels, 16 of 384
     * filters; sums go to the buffer and back between passes of channels */
    near(leaf(&f, "conv3", "global buffer", "read inputs")->count, 256.0 * 13 * 13 * 16 * 16);
    near(leaf(&f, "conv3", "global buffer", "write partial sums")->count, 384.0 * 13 * 13 * 21 * 32);
    near(leaf(&f, "conv3", "weight buffer", "read filters")->count, 884736.0 * 16);
    near(leaf(&f, "conv3", "register files", "read sums")->count, 149520384.0 * 32);
    end(&f);
}

/* 64 vectors, K = 144, N = 32 on 4 cores of 32 x 16: 5 x 2 blocks of 8 bits, 3 x 2 of 4 bits, 2 x 2 of 2 bits, spread over the cores. */
static void blocks_on_cores(void **state) {
    (void)state;
    static const int bits[] = {8, 4, 2, 3}, blocks[] = {10, 6, 4, 6};
    for (int i = 0; i < 4; i++) {
        fixture f;
        begin(&f, CONV, "kind = \"nearmem\"; cores = 4; inputs = 32; outputs = 16; clock_Hz = 1e9; weight_reuse = 16;", bits[i], bits[i], 45);
        evaluate(&f);
        near(leaf(&f, "c", "multiply-accumulate", "product and sum")->total.latency_s, 64 * blocks[i] / 4 * 1e-9);
        near(leaf(&f, "c", "core memories", "read weights")->count, 4.0 * 4608 * (bits[i] == 3 ? 4 : bits[i]));
        near(leaf(&f, "c", "core buffers", "read inputs")->count, 64.0 * 144 * 2 * (bits[i] == 3 ? 4 : bits[i]));
        end(&f);
    }
}

#define ROOF "kind = \"roofline\"; node_nm = 45.0; idle_W = 10.0; tdp_W = 110.0; area_m2 = 1e-4; efficiency = 0.5; memory_efficiency = 1.0; "

static void rooflines(void **state) {
    (void)state;
    fixture f;
    double ops = 2.0 * 64 * 144 * 32;
    /* bound by computing: half of the peak, so 10 + 100 / 2 W */
    begin(&f, CONV, ROOF "ops8_per_s = 1e9; ops16_per_s = 5e8; cache_KiB = 64;", 8, 8, 45);
    evaluate(&f);
    near(f.m.latency_s, ops / 0.5e9);
    near(f.m.energy_J / f.m.latency_s, 60);
    near(f.m.area_m2, 1e-4);
    f.c.scale = 0.25; /* a quarter of the chip: a quarter of the rate and the power */
    evaluate(&f);
    near(f.m.latency_s, ops / 0.125e9);
    near(f.m.energy_J / f.m.latency_s, 15);
    near(f.m.area_m2, 0.25e-4);
    f.c.scale = 0;
    f.c.node_nm = 22; /* the same chip at 22 nm: energy and area as the gates', time stays */
    mb_tech from, to;
    assert_ok(mb_tech_init(&from, 45, 0.8, 1));
    assert_ok(mb_tech_init(&to, 22, 0.8, 1));
    evaluate(&f);
    near(f.m.latency_s, ops / 0.5e9);
    near(f.m.energy_J / f.m.latency_s, 60 * to.energy / from.energy);
    near(f.m.area_m2, 1e-4 * to.area / from.area);
    end(&f);
    /* bound by memory: 4608 weights of 8 bits at 1 MB/s; bits of DRAM are paid beside the socket's power */
    begin(&f, CONV, ROOF "ops8_per_s = 1e9; cache_KiB = 1; dram_B_per_s = 1e6; dram_J_per_bit = 10e-12; dram_in_tdp = false;", 8, 8, 45);
    f.c.weights_resident = false;
    evaluate(&f);
    double bits = 8 * (4608 + 1024 + 2048); /* the image does not fit either: its 1 + 2 KiB */
    double again = fmin(8 * 4608 + 8 * 1024 * 5.0, 8 * 4608 * 1.0 + 8 * 1024) - 8 * (4608 + 1024); /* nothing is fetched twice: I = buffer */
    near(f.m.latency_s, (bits + again) / 8e6);
    near(f.m.energy_J, 10 * f.m.latency_s + 100 / 1e9 * ops + (bits + again) * 10e-12);
    end(&f);
    /* the fastest width that holds the operands */
    begin(&f, CONV, ROOF "ops4_per_s = 4e9; ops8_per_s = 1e9; ops16_per_s = 2e9; cache_KiB = 64;", 5, 8, 45);
    evaluate(&f);
    near(f.m.latency_s, ops / 1e9);
    end(&f);
    begin(&f, CONV, ROOF "ops4_per_s = 4e9; ops8_per_s = 1e9; cache_KiB = 64;", 4, 3, 45);
    evaluate(&f);
    near(f.m.latency_s, ops / 2e9);
    end(&f);
}

/* Products of two activations: all kinds count them, no kind fetches weights for them. */
static void attention_everywhere(void **state) {
    (void)state;
    static const char *const base[] = {"kind = \"systolic\";", "kind = \"spatial\";", "kind = \"nearmem\";", ROOF "ops8_per_s = 1e9; cache_KiB = 64;"};
    for (int i = 0; i < 4; i++) {
        fixture f;
        begin(&f, ATTENTION, base[i], 8, 8, 45);
        f.c.weights_resident = false;
        evaluate(&f);
        const mb_report *x = i < 3 ? leaf(&f, "qk", "multiply-accumulate", "product and sum") : leaf(&f, "qk", "compute", "operations");
        near(x->count, (i < 3 ? 1 : 2) * 2 * 6 * 4 * 6);
        assert_non_null(leaf(&f, "q", "dram", "fetch weights"));
        assert_null(leaf(&f, "qk", "dram", "fetch weights"));
        end(&f);
    }
}

static void equal_area_and_equal_capacity(void **state) {
    (void)state;
    static const char *const base[] = {"preset = \"systolic-32x32\"", "preset = \"eyeriss\"", "preset = \"northpole\"", "preset = \"gpu-orin\""};
    for (int i = 0; i < 4; i++) {
        fixture f;
        mb_metrics m;
        double scale;
        begin(&f, "resnet18", base[i], 8, 8, 22);
        evaluate(&f);
        double area = 3 * f.m.area_m2;
        assert_ok(mb_baseline_at_area(&f.b, &f.c, area, &scale, &m));
        assert_true(scale > 1 && m.area_m2 <= area && m.area_m2 > 0.95 * area && m.latency_s < f.m.latency_s);
        f.c.scale = scale * 1.03; /* no larger one would do */
        evaluate(&f);
        assert_true(f.m.area_m2 > 0.999 * area);
        f.c.scale = 0;
        evaluate(&f);
        assert_ok(mb_baseline_at_area(&f.b, &f.c, f.m.area_m2, &scale, &m)); /* its own area: itself */
        assert_true(fabs(scale - 1) < 0.03 && fabs(m.energy_J / f.m.energy_J - 1) < 0.03);
        m.area_m2 = 7;
        if (i < 3) { /* buffers alone are larger */
            assert_ok(mb_baseline_at_area(&f.b, &f.c, 1e-8, &scale, &m));
            assert_true(scale == 0 && m.area_m2 == 7);
        }
        f.c.capacity_bits = 64 * 11.7e6; /* more than enough for 8 bits, or 16: nothing from outside */
        evaluate(&f);
        assert_null(leaf(&f, "layer4.1.conv2", "dram", "fetch weights"));
        double roomy = f.m.area_m2;
        f.c.capacity_bits = 4 * 11.7e6; /* half of what 8 bits need: weights come each time */
        evaluate(&f);
        assert_non_null(leaf(&f, "layer4.1.conv2", "dram", "fetch weights"));
        assert_true(f.m.area_m2 < roomy);
        end(&f);
    }
}

static void calibration_spares_the_dram(void **state) {
    (void)state;
    fixture f;
    begin(&f, CONV, "kind = \"nearmem\"; calibration = 3.0;", 8, 8, 45);
    f.c.weights_resident = false;
    evaluate(&f);
    double chip = 0, dram = leaf(&f, "c", "dram", "fetch weights")->total.energy_J, with = f.m.energy_J;
    near(leaf(&f, "c", "dram", "fetch weights")->factor, 1);
    near(leaf(&f, "c", "multiply-accumulate", "product and sum")->factor, 3);
    end(&f);
    begin(&f, CONV, "kind = \"nearmem\";", 8, 8, 45);
    f.c.weights_resident = false;
    evaluate(&f);
    chip = f.m.energy_J - dram;
    near(with, 3 * chip + dram);
    end(&f);
}

static void wrong_values(void **state) {
    (void)state;
    static const struct { const char *text, *says; } wrong[] = {
        {"kind = \"roofline\"; node_nm = 12.0; idle_W = 1.0; tdp_W = 2.0; area_m2 = 1e-4; cache_KiB = 64;", "a roofline needs a peak"},
        {"kind = \"roofline\"; node_nm = 12.0; idle_W = 3.0; tdp_W = 2.0; area_m2 = 1e-4; cache_KiB = 64; ops8_per_s = 1e12;", "tdp_W = 2 is less"},
        {"kind = \"roofline\"; node_nm = 12.0; idle_W = 1.0; tdp_W = 2.0; cache_KiB = 64; ops8_per_s = 1e12;", "area_m2"},
        {"kind = \"spatial\"; node_nm = 3.0;", "node_nm = 3"},
        {"kind = \"nearmem\"; efficiency = 1.5;", "efficiency"},
        {"kind = \"systolic\"; dram = \"ddr9\";", "ddr9"},
        {"kind = \"spatial\"; datapath_bits = 4;", "datapath_bits"},
    };
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        mb_conf *c;
        mb_baseline b;
        assert_ok(mb_conf_parse(wrong[i].text, "base.cfg", &c));
        assert_fails(mb_baseline_load(c, "it", &b), MB_BADINPUT, wrong[i].says);
        mb_conf_free(c);
    }
}

/* --- published chips ------------------------------------------------------------------------------------------------- */

static char *doc;
static int wrong;

/* The line "| chip | what | published | model | model / published |" must stand in doc/baselines.md, and the ratio must lie in LOW .. HIGH. */
static void anchor(const char *chip, const char *what, double published, double model, double low, double high) {
    char *line = mb_asprintf("| %s | %s | %.5g | %.5g | %.2f |", chip, what, published, model,
                             model / published);
    bool there = doc && strstr(doc, line), near_enough = model / published >= low && model / published <= high;
    if (!there) print_message("# doc/baselines.md lacks: %s\n", line);
    if (!near_enough) print_message("# %s, %s: %g, published %g\n", chip, what, model, published);
    wrong += !there || !near_enough;
    mb_free(line);
}

static double energy_of(const fixture *f, const char *component) {
    double sum = 0;
    for (size_t i = 0; i < f->r->n; i++)
        for (size_t k = 0; k < f->r->child[i]->n; k++)
            if (!component || strcmp(f->r->child[i]->child[k]->component, component) == 0) sum += f->r->child[i]->child[k]->total.energy_J;
    return sum;
}

/* Sums over the convolutions and pools of VGG-16 and AlexNet, as published. */
static void convolutions(const fixture *f, double *seconds, double *chip_J, double *dram_bits) {
    *seconds = *chip_J = *dram_bits = 0;
    for (size_t i = 0; i < f->r->n; i++) {
        const mb_report *g = f->r->child[i];
        if (strncmp(g->name, "conv", 4) != 0 && strncmp(g->name, "pool", 4) != 0) continue;
        *seconds += g->total.latency_s;
        for (size_t k = 0; k < g->n; k++) {
            if (strcmp(g->child[k]->component, "dram") == 0) *dram_bits += g->child[k]->count;
            else *chip_J += g->child[k]->total.energy_J;
        }
    }
}

static void anchors_tpu(void **state) {
    (void)state;
    wrong = 0;
    fixture f;
    /* a product that fills the array: 65,536 vectors, 4,096 x 4,096 */
    begin(&f, "name,op,in_channels,out_channels,vectors\ng,linear,4096,4096,65536\n", "preset = \"tpu-v1-28nm\"; calibration = 1.0", 8, 8, 28);
    evaluate(&f);
    const mb_report *x = leaf(&f, "g", "multiply-accumulate", "product and sum");
    anchor("TPU v1", "peak, TOPS", 92, 2e-12 * x->count / x->total.latency_s, 0.98, 1.02);
    anchor("TPU v1", "energy on the chip, pJ per multiply-accumulate", 0.87, 1e12 * (f.m.energy_J - energy_of(&f, "dram")) / x->count, 0.3, 1.2);
    anchor("TPU v1", "area, mm2", 331, 1e6 * f.m.area_m2, 0.1, 1.2);
    end(&f);
    assert_int_equal(wrong, 0);
}

static void anchors_eyeriss(void **state) {
    (void)state;
    wrong = 0;
    fixture f;
    double s, J, bits;
    begin(&f, "alexnet_conv", "preset = \"eyeriss-65nm\"; calibration = 1.0", 8, 8, 65);
    f.c.batch = 4;
    evaluate(&f);
    convolutions(&f, &s, &J, &bits);
    anchor("Eyeriss, AlexNet", "frames per second", 34.7, 1 / s, 0.9, 1.1);
    anchor("Eyeriss, AlexNet", "power, mW", 278, 1e3 * J / s, 0.2, 1.2);
    anchor("Eyeriss, AlexNet", "DRAM words per multiply-accumulate", 0.0029, bits / 16 / 665784864, 0.3, 3);
    anchor("Eyeriss, AlexNet", "area, mm2", 12.25, 1e6 * f.m.area_m2, 0.1, 1.2);
    end(&f);
    begin(&f, "vgg16", "preset = \"eyeriss-65nm\"", 8, 8, 65); /* with the factor from AlexNet */
    f.c.batch = 3;
    evaluate(&f);
    convolutions(&f, &s, &J, &bits);
    anchor("Eyeriss, VGG-16", "frames per second", 0.7, 1 / s, 0.5, 3.2);
    anchor("Eyeriss, VGG-16", "power, mW, with the factor from AlexNet", 236, 1e3 * J / s, 0.5, 1.6);
    anchor("Eyeriss, VGG-16", "DRAM words per multiply-accumulate", 0.0035, bits / 16 / 15346630656.0, 0.3, 3);
    end(&f);
    assert_int_equal(wrong, 0);
}

static void anchors_northpole_and_v100(void **state) {
    (void)state;
    wrong = 0;
    fixture f;
    begin(&f, "resnet50", "preset = \"northpole-12nm\"; calibration = 1.0", 4, 4, 12);
    evaluate(&f);
    anchor("NorthPole, ResNet-50 at 4 bits", "frames per second", 42460, 1 / f.m.latency_s, 0.8, 1.2);
    anchor("NorthPole, ResNet-50 at 4 bits", "frames per second and watt", 571, 1 / f.m.energy_J, 0.5, 10);
    anchor("NorthPole", "area, mm2", 800, 1e6 * f.m.area_m2, 0.1, 1.2);
    static const double tops[] = {210, 419, 839};
    for (int i = 0; i < 3; i++) { /* a product that fills the cores */
        fixture p;
        char what[32];
        begin(&p, "name,op,in_channels,out_channels,vectors\ng,linear,4096,4096,65536\n", "preset = \"northpole-12nm\"", 8 >> i, 8 >> i, 12);
        evaluate(&p);
        const mb_report *x = leaf(&p, "g", "multiply-accumulate", "product and sum");
        snprintf(what, sizeof what, "peak at %d bits, TOPS", 8 >> i);
        anchor("NorthPole", what, tops[i], 2e-12 * x->count / x->total.latency_s, 0.98, 1.02);
        end(&p);
    }
    end(&f);
    /* NorthPole gives 25 times its frames per joule and 5 times its frames per transistor (22e9 and 21.1e9) */
    begin(&f, "resnet50", "preset = \"gpu-v100\"; rescale = false", 8, 8, 12);
    evaluate(&f);
    anchor("V100, ResNet-50", "frames per second", 42460 / 5.0 * 21.1 / 22, 1 / f.m.latency_s, 0.5, 2);
    anchor("V100, ResNet-50", "frames per second and watt", 571 / 25.0, 1 / f.m.energy_J, 0.5, 3);
    end(&f);
    assert_int_equal(wrong, 0);
}

static int read_doc(void **state) {
    (void)state;
    uint8_t *data = NULL;
    size_t n;
    char *path = mb_asprintf("%s/doc/baselines.md", srcdir());
    if (mb_file_read(path, 0, &data, &n) == MB_OK) doc = (char *)data;
    mb_error_clear();
    mb_free(path);
    return 0;
}

static int free_doc(void **state) {
    (void)state;
    mb_free(doc);
    return 0;
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(traffic_off_the_chip),
        cmocka_unit_test(dram_types_and_estimates),
        cmocka_unit_test(a_batch_shares_the_weights),
        cmocka_unit_test(several_arrays_share_the_folds),
        cmocka_unit_test(each_rule_of_precision),
        cmocka_unit_test(row_stationary_mapping),
        cmocka_unit_test(blocks_on_cores),
        cmocka_unit_test(rooflines),
        cmocka_unit_test(attention_everywhere),
        cmocka_unit_test(equal_area_and_equal_capacity),
        cmocka_unit_test(calibration_spares_the_dram),
        cmocka_unit_test(wrong_values),
        cmocka_unit_test(anchors_tpu),
        cmocka_unit_test(anchors_eyeriss),
        cmocka_unit_test(anchors_northpole_and_v100),
    };
    return cmocka_run_group_tests(tests, read_doc, free_doc);
}
