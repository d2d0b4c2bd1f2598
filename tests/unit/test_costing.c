/* test_costing.c - many plans on one prepared costing: the same bits as the slow path, by any number of threads, in constant
 * memory; schedules, pipelines, batches, reload; the sources of unit costs */
#include "mbtest.h"

#include <math.h>
#include <omp.h>
#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "cost/machine.h"
#include "testnet.h"

typedef struct fixture {
    mb_conf *arch, *device;
    mb_machine *mach;
    mb_cell cell;
    mb_network *net;
} fixture;

static const testlayer small[] = {{"conv1", 'w', 3, 32, 32, 16, 3, 1, 1, 1},  {"dw", 'w', 16, 32, 32, 16, 3, 1, 1, 16},
                                  {"pw", 'w', 16, 32, 32, 32, 1, 1, 0, 1},    {"conv2", 'w', 32, 32, 32, 32, 3, 1, 1, 1},
                                  {"sum", 'a', 0, 0, 0, 0, 0, 0, 0, 0},       {"conv3", 'w', 32, 32, 32, 64, 3, 2, 1, 1},
                                  {"conv4", 'w', 64, 16, 16, 300, 5, 2, 2, 1}};

static void begin(fixture *f, const char *text) {
    assert_ok(mb_conf_parse(text, "arch.cfg", &f->arch));
    assert_ok(mb_machine_load(f->arch, "test", &f->mach));
    assert_ok(mb_conf_parse("cell = \"rram\";", "cell.cfg", &f->device));
    assert_ok(mb_cell_load(f->device, &f->cell));
    f->net = testnet("small", 1, sizeof small / sizeof *small, small);
    for (int m = 0; m < f->net->n_weighted; m++) testnet_weights(&f->net->layer[f->net->weighted[m]], 0.5f + (float)m);
}

static void end(fixture *f) {
    mb_network_free(f->net);
    mb_cell_free(&f->cell);
    mb_machine_free(f->mach);
    mb_conf_free(f->arch);
    mb_conf_free(f->device);
}

static uint32_t next(uint32_t *x) { return (*x = *x * 1664525u + 1013904223u) >> 8; }

static mb_plan *random_plan(const mb_network *net, uint32_t *x) {
    static const mb_assign base = {MB_ANALOG, 8, 2, 8, 1, 8, 0, 0, 1};
    mb_plan *p;
    assert_ok(mb_plan_new(net, &base, &p));
    for (int m = 0; m < net->n_weighted; m++) {
        mb_assign *a = &p->assign[m];
        a->engine = next(x) % 8 == 0 ? MB_DIGITAL : MB_ANALOG;
        a->weight_bits = 1 + (int)(next(x) % 8);
        a->cell_bits = 1 + (int)(next(x) % 4);
        a->input_bits = 1 + (int)(next(x) % 8);
        a->dac_bits = 1 + (int)(next(x) % (unsigned)a->input_bits);
        a->adc_bits = 4 + (int)(next(x) % 6);
        a->scheme = (int)(next(x) % 2);
        a->copies = 1 + (int)(next(x) % 3);
        a->rows_active = next(x) % 2 ? 64 : 0;
    }
    return p;
}

static const char *const machines[] = {
    "rows = 128; cols = 128;",
    "rows = 128; cols = 128; pipeline = true; clocked = true; logic = \"gates\"; interconnect = \"mesh\"; driver = \"width\"; "
    "front_end = \"amplifier\"; sampler = \"noise\"; corner = \"high\";",
    "rows = 128; cols = 128; tiles = 2; dram = \"lpddr4\"; batch = 16; interconnect = \"htree\"; buffer = \"edram\"; "
    "converter = \"circuit\"; distributed = true; buffer_KiB = 512;",
};

enum { PLANS = 60 };

static void prepared_and_slow_path_agree(void **state) {
    (void)state;
    for (size_t k = 0; k < sizeof machines / sizeof *machines; k++) {
        fixture f;
        uint32_t x = 7;
        mb_costing *c;
        begin(&f, machines[k]);
        assert_ok(mb_costing_new(f.mach, &f.cell, f.net, &c));
        long live = mb_mem_live();
        for (int i = 0; i < PLANS; i++) {
            mb_plan *p = random_plan(f.net, &x);
            mb_metrics fast, slow, tree;
            mb_report *r = NULL;
            mb_schedule s;
            assert_ok(mb_cost_network(f.mach, &f.cell, f.net, p, NULL, NULL, NULL, &slow));
            assert_ok(mb_costing_plan(c, p, NULL, NULL, NULL, &fast, NULL, false));
            assert_memory_equal(&fast, &slow, sizeof fast);
            assert_ok(mb_costing_plan(c, p, NULL, NULL, &r, &tree, &s, true));
            assert_memory_equal(&tree, &slow, sizeof tree);
            assert_true(r->total.energy_J == slow.energy_J && r->total.latency_s == slow.latency_s &&
                        r->total.area_m2 == slow.area_m2);
            mb_report_free(r);
            mb_schedule_free(&s);
            mb_plan_free(p);
            assert_true(mb_mem_live() <= live + 8 * f.net->n_weighted); /* one block per layer and weight_bits, not per plan */
        }
        mb_costing_free(c);
        end(&f);
    }
}

static void threads_share_a_costing(void **state) {
    (void)state;
    fixture f;
    uint32_t x = 3;
    mb_costing *c;
    mb_plan *p[PLANS];
    mb_metrics one[PLANS], many[PLANS];
    int failed = 0;
    begin(&f, machines[0]);
    for (int i = 0; i < PLANS; i++) {
        p[i] = random_plan(f.net, &x);
        assert_ok(mb_cost_network(f.mach, &f.cell, f.net, p[i], NULL, NULL, NULL, &one[i]));
    }
    assert_ok(mb_costing_new(f.mach, &f.cell, f.net, &c));
#pragma omp parallel for num_threads(4) reduction(+ : failed)
    for (int i = 0; i < PLANS; i++) failed += mb_costing_plan(c, p[i], NULL, NULL, NULL, &many[i], NULL, false) != MB_OK;
    assert_int_equal(failed, 0);
    assert_memory_equal(one, many, sizeof one);
    for (int i = 0; i < PLANS; i++) mb_plan_free(p[i]);
    mb_costing_free(c);
    end(&f);
}

/* --- schedules --------------------------------------------------------------------------------------------------------- */

static mb_metrics cost(const fixture *f, const mb_plan *p, mb_report **r, mb_schedule *s) {
    mb_costing *c;
    mb_metrics m;
    assert_ok(mb_costing_new(f->mach, &f->cell, f->net, &c));
    assert_ok(mb_costing_plan(c, p, NULL, NULL, r, &m, s, true));
    mb_costing_free(c);
    return m;
}

static void near(double got, double want) {
    if (!(fabs(got - want) <= 1e-9 * fabs(want))) fail_msg("%.12g instead of %.12g", got, want);
}

static double energy_of(const mb_report *r, const char *component) {
    double sum = 0;
    for (size_t i = 0; i < r->n; i++) sum += energy_of(r->child[i], component);
    if (r->component && strcmp(r->component, component) == 0) sum += r->total.energy_J;
    return sum;
}

static double area_of(const mb_report *r, const char *component, const char *action) {
    double sum = 0;
    for (size_t i = 0; i < r->n; i++) sum += area_of(r->child[i], component, action);
    if (r->component && strcmp(r->component, component) == 0 && (!action || strcmp(r->name, action) == 0))
        sum += r->total.area_m2;
    return sum;
}

static const mb_layer_times *times_of(const mb_schedule *s, const char *name) {
    for (int i = 0; i < s->n; i++)
        if (strcmp(s->layer[i].name, name) == 0) return &s->layer[i];
    fail_msg("no layer %s", name);
    return NULL;
}

static const mb_assign plain = {MB_ANALOG, 8, 2, 8, 1, 8, 0, MB_DIFFERENTIAL, 1};
#define ARCH                                                                                                                     \
    "rows = 128; cols = 128; columns_per_adc = 8; read_s = 2e-9; clock_Hz = 500e6; adc = { type = \"sar\"; clock_Hz = 1e9; }; "

/* conv1: 1024 vectors, 8 planes, 27 rows: one step; 4 pairs behind a converter, 9 ns each; drives of 2 ns. By hand. */
static void schedule_by_hand(void **state) {
    (void)state;
    for (int hold = 0; hold < 2; hold++)
        for (int clocked = 0; clocked < 2; clocked++) {
            fixture f;
            char text[400];
            mb_plan *p;
            mb_schedule s;
            snprintf(text, sizeof text, ARCH "bus_bits = 256; digital_lanes = 64; sample_hold = %s; clocked = %s;",
                     hold ? "true" : "false", clocked ? "true" : "false");
            begin(&f, text);
            assert_ok(mb_plan_new(f.net, &plain, &p));
            mb_metrics m = cost(&f, p, NULL, &s);
            const mb_layer_times *t = times_of(&s, "conv1");
            double slot = clocked ? 10e-9 : 9e-9, steps = 1024 * 8; /* 9 ns are five periods of 2 ns */
            near(t->drive_s, steps * 2e-9);
            near(t->convert_s, steps * 4 * slot);
            near(t->add_s, steps * 4 * 2e-9);
            near(t->load_s, 2e-9); /* 27 inputs of 8 bits in one transfer */
            near(t->digital_s, 1024 * 16 / (64 * 500e6));
            double compute = hold ? steps * 4 * slot + 2e-9 : steps * (2e-9 + 4 * slot);
            near(t->total_s, compute + 2e-9 + t->digital_s);
            assert_int_equal(t->bottleneck, MB_CONVERTING);
            assert_int_equal(s.bottleneck, MB_CONVERTING);
            double sum = 0;
            for (int i = 0; i < s.n; i++) sum += s.layer[i].total_s;
            near(sum, m.latency_s);
            near(s.latency_s, m.latency_s);
            near(s.interval_s, m.latency_s);
            mb_schedule_free(&s);
            mb_plan_free(p);
            end(&f);
        }
}

/* Copies in one tile take turns on its bus; what the plan asks of the machine must fit it. */
static void copies_share_a_bus(void **state) {
    (void)state;
    fixture f;
    mb_plan *p;
    mb_schedule s;
    mb_metrics m;
    begin(&f, ARCH "bus_bits = 256; arrays_per_tile = 8;");
    assert_ok(mb_plan_new(f.net, &plain, &p));
    for (int copies = 1; copies <= 16; copies *= 4) {
        p->assign[0].copies = copies;
        cost(&f, p, NULL, &s);
        /* 216 bits in, 128 bits out: two transfers of 2 ns a vector; at most 8 copies in a tile; port: 24,576 and 131,072 bits */
        double together = copies < 8 ? copies : 8, bus = together * (1024 / copies) * 4e-9, port = (24576 + 131072) / 256 * 2e-9;
        near(times_of(&s, "conv1")->move_s, bus > port ? bus : port);
        mb_schedule_free(&s);
    }
    end(&f);
    static const struct { const char *arch, *message; } k[] = {
        {ARCH "driver = \"bit\";", "drives one bit"},
        {"adc = { type = \"ideal\"; }; converter = \"adder_tree\";", "single bits"},
    };
    p->assign[0].dac_bits = 2;
    for (size_t i = 0; i < sizeof k / sizeof *k; i++) {
        begin(&f, k[i].arch);
        assert_int_equal(mb_cost_network(f.mach, &f.cell, f.net, p, NULL, NULL, NULL, &m), MB_BADINPUT);
        assert_non_null(strstr(mb_error_message(), k[i].message));
        assert_non_null(strstr(mb_error_message(), "conv1"));
        mb_error_clear();
        end(&f);
    }
    /* activations that stay in tiles must fit into them: 48 KiB of conv2's input and output at 8 bits */
    begin(&f, ARCH "distributed = true; tiles = 20; arrays_per_tile = 16; buffer_KiB = 1;");
    p->assign[0].dac_bits = 1;
    assert_int_equal(mb_cost_network(f.mach, &f.cell, f.net, p, NULL, NULL, NULL, &m), MB_NUMERIC);
    assert_non_null(strstr(mb_error_message(), "KiB are missing"));
    mb_error_clear();
    end(&f);
    mb_plan_free(p);
}

/* A pipeline's interval is its slowest stage; latency stays; leakage is that of the interval. Copies shorten the stage. */
static void pipelines_and_batches(void **state) {
    (void)state;
    fixture f, g;
    mb_plan *p;
    mb_schedule one, pipe, faster;
    mb_report *r, *q;
    begin(&f, ARCH "batch = 10;");
    begin(&g, ARCH "batch = 10; pipeline = true;");
    assert_ok(mb_plan_new(f.net, &plain, &p));
    mb_metrics m = cost(&f, p, &r, &one), n = cost(&g, p, &q, &pipe);
    assert_true(m.latency_s == n.latency_s && m.area_m2 == n.area_m2);
    near(one.batch_s, 10 * one.latency_s);
    near(pipe.batch_s, pipe.latency_s + 9 * pipe.interval_s);
    double slowest = 0;
    for (int i = 0; i < pipe.n; i++) {
        const mb_layer_times *t = &pipe.layer[i];
        if (t->convert_s > slowest) slowest = t->convert_s;
    }
    assert_true(pipe.interval_s >= slowest && pipe.interval_s < 1.01 * slowest + 1e-7); /* the first load and drive come on top */
    assert_non_null(pipe.bottleneck_layer);
    near(energy_of(q, "leakage") / energy_of(r, "leakage"), pipe.interval_s / one.interval_s);
    for (int k = 0; k < p->n; k++) p->assign[k].copies = 4;
    cost(&g, p, NULL, &faster);
    assert_true(faster.interval_s < pipe.interval_s / 2);
    mb_report_free(r);
    mb_report_free(q);
    mb_schedule_free(&one);
    mb_schedule_free(&pipe);
    mb_schedule_free(&faster);
    mb_plan_free(p);
    end(&f);
    end(&g);
    /* the digital unit is shared: with one lane it is what limits */
    begin(&g, ARCH "pipeline = true; digital_lanes = 1;");
    assert_ok(mb_plan_new(g.net, &plain, &p));
    cost(&g, p, NULL, &pipe);
    double digital = 0;
    for (int i = 0; i < pipe.n; i++) digital += pipe.layer[i].digital_s;
    near(pipe.interval_s, digital);
    assert_null(pipe.bottleneck_layer);
    assert_int_equal(pipe.bottleneck, MB_DIGITAL_UNIT);
    mb_schedule_free(&pipe);
    mb_plan_free(p);
    end(&g);
}

/* --- reload ------------------------------------------------------------------------------------------------------------ */

static void weights_that_do_not_fit_are_loaded(void **state) {
    (void)state;
    fixture f, all;
    mb_plan *p;
    mb_schedule s, resident;
    mb_report *r;
    mb_programming once;
    mb_metrics m;
    begin(&f, ARCH "tiles = 2; arrays_per_tile = 8; dram = \"lpddr4\"; batch = 4;");
    begin(&all, ARCH "arrays_per_tile = 8;");
    assert_ok(mb_plan_new(f.net, &plain, &p));
    assert_ok(mb_cost_programming(f.mach, &f.cell, f.net, p, &once));
    m = cost(&f, p, &r, &s);
    cost(&all, p, NULL, &resident);
    double bits = 0;
    for (int i = 0; i < f.net->n_weighted; i++)
        bits += 8.0 * (double)mb_layer_macs(&f.net->layer[f.net->weighted[i]]) /
                mb_layer_matmul(&f.net->layer[f.net->weighted[i]]).vectors;
    near(energy_of(r, "weight reload"), once.energy_J / 4); /* once per batch of 4 */
    near(energy_of(r, "dram"), bits * 8e-12 / 4);           /* LPDDR4: 8 pJ per bit, nominal */
    near(s.reload_J, (once.energy_J + bits * 8e-12) / 4);
    near(s.reload_s, once.latency_s / 4); /* programming is slower than 12.8 GB/s */
    assert_int_equal(s.bottleneck, MB_RELOADING);
    assert_true(m.latency_s > resident.latency_s + s.reload_s * 0.999);
    /* what is built is 16 arrays, whatever the plan */
    near(area_of(r, "cells", NULL), 16 * 128.0 * 128 * 48 * 22e-9 * 22e-9);
    mb_schedule_free(&s);
    mb_schedule_free(&resident);
    mb_report_free(r);
    end(&f);
    end(&all);
    /* low and high corner of the DRAM, and nothing else of it */
    static const char *const corner[] = {"low", "nominal", "high"};
    static const double pJ[] = {4, 8, 10.9};
    for (int i = 0; i < 3; i++) {
        char text[300];
        snprintf(text, sizeof text, ARCH "tiles = 2; dram = \"lpddr4\"; corner = \"%s\";", corner[i]);
        begin(&f, text);
        cost(&f, p, &r, &s);
        near(energy_of(r, "dram"), bits * pJ[i] * 1e-12);
        mb_report_free(r);
        mb_schedule_free(&s);
        end(&f);
    }
    /* too little of everything */
    begin(&f, ARCH "tiles = 2; dram = \"lpddr4\"; dram_MiB = 1;");
    for (int k = 0; k < f.net->n_weighted; k++) { /* 300 x 1600 is the largest */
        if (mb_layer_matmul(&f.net->layer[f.net->weighted[k]]).N == 300) f.net->layer[f.net->weighted[k]].win.cout = 3000;
    }
    mb_error_clear();
    assert_int_equal(mb_cost_network(f.mach, &f.cell, f.net, p, NULL, NULL, NULL, &m), MB_NUMERIC);
    assert_non_null(strstr(mb_error_message(), "dram_MiB = 1"));
    assert_non_null(strstr(mb_error_message(), "MiB are missing"));
    mb_error_clear();
    end(&f);
    mb_plan_free(p);
}

/* A chip of given size is charged what holds nothing; all its arrays at the plan's largest converters. */
static void unused_arrays_are_built(void **state) {
    (void)state;
    fixture f, fit;
    mb_plan *p;
    mb_report *r, *q;
    mb_schedule s;
    begin(&f, ARCH "tiles = 40; arrays_per_tile = 8;");
    begin(&fit, ARCH "arrays_per_tile = 8;");
    assert_ok(mb_plan_new(f.net, &plain, &p));
    cost(&f, p, &r, &s);
    mb_schedule_free(&s);
    cost(&fit, p, &q, &s);
    mb_schedule_free(&s);
    static const char *const kind[] = {"cells", "drivers", "adc", "integrators", "sample-hold"};
    for (size_t i = 0; i < sizeof kind / sizeof *kind; i++) {
        double each = area_of(q, kind[i], NULL); /* of the arrays of the plan */
        mb_metrics m;
        assert_ok(mb_cost_network(fit.mach, &fit.cell, fit.net, p, NULL, NULL, NULL, &m));
        near(area_of(r, kind[i], NULL), each / m.arrays * 320);
    }
    mb_report_free(r);
    mb_report_free(q);
    mb_plan_free(p);
    end(&f);
    end(&fit);
}

/* --- unit costs -------------------------------------------------------------------------------------------------------- */

static double adc_energy(const char *arch, mb_plan *p) {
    fixture f;
    mb_report *r;
    mb_schedule s;
    begin(&f, arch);
    cost(&f, p, &r, &s);
    double e = energy_of(r, "adc");
    mb_report_free(r);
    mb_schedule_free(&s);
    end(&f);
    return e;
}

static const mb_report *leaf_of(const mb_report *r, const char *component, const char *action) {
    for (size_t i = 0; i < r->n; i++) {
        const mb_report *l = leaf_of(r->child[i], component, action);
        if (l) return l;
    }
    return r->component && strcmp(r->component, component) == 0 && strcmp(r->name, action) == 0 ? r : NULL;
}

static void corners_are_the_published_band(void **state) {
    (void)state;
    fixture f;
    mb_plan *p;
    mb_band band;
    mb_report *r;
    mb_schedule s;
    begin(&f, ARCH "leakage_W_per_m2 = 28.0;");
    assert_ok(mb_plan_new(f.net, &plain, &p));
    mb_metrics m = cost(&f, p, &r, &s);
    double adc = energy_of(r, "adc"), area = area_of(r, "adc", NULL);
    near(adc_energy(ARCH "corner = \"low\";", p), 0.3 * adc); /* in-array converters on record: reference/adc-cost.md */
    near(adc_energy(ARCH "corner = \"high\";", p), 3.5 * adc);
    near(adc_energy(ARCH "corner = \"high\"; adc_energy_factor = 0.8;", p), 0.8 * adc); /* calibrated: no band */
    assert_ok(mb_cost_band(f.mach, &f.cell, f.net, p, NULL, NULL, &band));
    near(m.energy_J - band.energy_low_J, 0.7 * adc + 28 * 0.8 * area * m.latency_s); /* their area leaks */
    near(band.energy_high_J - m.energy_J, 2.5 * adc + 28 * 5.6 * area * m.latency_s);
    near(m.area_m2 - band.area_low_m2, 0.8 * area);
    near(band.area_high_m2 - m.area_m2, 5.6 * area);
    mb_report_free(r);
    mb_schedule_free(&s);
    mb_plan_free(p);
    end(&f);
}

static void about(double got, double want, double tolerance) {
    if (!(fabs(got / want - 1) <= tolerance)) fail_msg("%.6g instead of %.6g", got, want);
}

/* Unit costs from the technology layer against figures worked out elsewhere (reference/hardware-cost.md), 22 nm at 0.85 V. */
static void circuits_give_unit_costs(void **state) {
    (void)state;
    fixture f;
    mb_plan *p;
    mb_report *r;
    mb_schedule s;
    begin(&f, ARCH
          "node_nm = 22.0; vdd_V = 0.85; logic = \"gates\"; converter = \"circuit\"; driver = \"bit\"; front_end = \"sense\"; "
          "sampler = \"noise\"; interconnect = \"bus\"; arrays_per_tile = 8; adc_area_factor = 1.0;");
    assert_ok(mb_plan_new(f.net, &plain, &p));
    mb_metrics m = cost(&f, p, &r, &s);
    const mb_report *reg = leaf_of(r, "registers", "load an input"), *adc = leaf_of(r, "adc", "conversion");
    about(reg->each.energy_J, 8 * 0.5 * 1.41e-15, 0.01); /* flip-flop: 1.41 fJ when all of it toggles, half does; 1.24 um2 */
    about(reg->each.area_m2, 8 * 1.24e-12, 0.01);
    about(adc->each.energy_J, (0.538 * 8 + 4.3753) * 1e-6 * 9e-9, 0.01); /* the column's current is counted with the cells */
    near(leaf_of(r, "drivers", "row drive")->each.area_m2 > 0, 1);
    about(leaf_of(r, "drivers", "row drive")->each.energy_J, 128 * 0.2e-15 * 0.85 * 0.85 * 1.4,
          0.4); /* the line, and a chain of inverters */
    about(leaf_of(r, "sample-hold", "sample a column")->each.energy_J, 10e-15 * 0.85 * 0.85 * 1.2,
          0.2); /* sample_C_F, and its switch */
    /* bus: 117 fJ per bit and millimetre when every bit toggles; half do; along one side of a full tile */
    double arrays = 0, tiles = ceil(m.arrays / 8);
    static const char *const kind[] = {"cells", "drivers", "integrators", "sample-hold", "adc", "shift-add", "registers"};
    for (size_t i = 0; i < sizeof kind / sizeof *kind; i++) arrays += area_of(r, kind[i], NULL);
    double side = sqrt(arrays / m.arrays * 8 + area_of(r, "tile buffer", NULL) / tiles);
    about(leaf_of(r, "interconnect", "tile bus")->each.energy_J, 0.5 * 117e-15 * 1e3 * side, 0.01);
    about(leaf_of(r, "interconnect", "between tiles")->each.energy_J, 0.5 * 117e-15 * 1e3 * side * ceil(sqrt(tiles)), 0.01);
    mb_report_free(r);
    mb_schedule_free(&s);
    mb_plan_free(p);
    end(&f);
}

/* Integrate-and-fire pays per packet: measured codes scale its energy; without a measurement half of the codes are taken. */
static void codes_reach_the_energy(void **state) {
    (void)state;
    fixture f;
    mb_plan *p;
    mb_report *r;
    mb_metrics m;
    mb_activity act[8] = {{0}};
    double e[2];
    begin(&f, "rows = 128; cols = 128; columns_per_adc = 8; adc = { type = \"integrate\"; }; converter = \"circuit\";");
    assert_ok(mb_plan_new(f.net, &plain, &p));
    assert_ok(mb_activity_estimate(f.net, p, f.mach, &f.cell, act));
    for (int i = 0; i < 2; i++) {
        for (int k = 0; k < f.net->n_weighted; k++) act[k].measured = i, act[k].occupancy = i ? 0.25 : 0;
        assert_ok(mb_cost_network(f.mach, &f.cell, f.net, p, act, NULL, &r, &m));
        e[i] = energy_of(r, "adc");
        assert_int_equal(!!strstr(leaf_of(r, "adc", "conversion")->source, "measured"), i);
        mb_report_free(r);
    }
    near(e[1], 0.25 * e[0]);
    mb_plan_free(p);
    end(&f);
}

/* Exact sums by adders: rows - 1 adders per column, one sum per clock, no converter. */
static void adder_trees(void **state) {
    (void)state;
    fixture f;
    mb_plan *p;
    mb_report *r;
    mb_schedule s;
    mb_assign a = {MB_ANALOG, 8, 1, 8, 1, 8, 0, MB_OFFSET, 1};
    begin(&f, "rows = 128; cols = 128; columns_per_adc = 1; offset_correction = \"digital\"; converter = \"adder_tree\"; node_nm "
              "= 45.0; vdd_V = 0.9; "
              "adc = { type = \"ideal\"; }; clock_Hz = 1e9; read_s = 1e-9;");
    assert_ok(mb_plan_new(f.net, &a, &p));
    cost(&f, p, &r, &s);
    /* Horowitz: 8 b 30 fJ, 32 b 100 fJ, a straight line; 64, 32, .. 1 adders of 1 .. 7 bits, and a gate per row (a quarter of a
     * bit) */
    double want = 128 * 0.25 * (30e-15 - 7 * 70e-15 / 24);
    for (int bits = 1, n = 64; n >= 1; n /= 2, bits++) want += n * (30e-15 + (bits - 8) * 70e-15 / 24);
    near(leaf_of(r, "adc", "sum of a column")->each.energy_J, want);
    near(times_of(&s, "conv1")->convert_s, 1024 * 8 * 1e-9);
    assert_null(leaf_of(r, "shift-add", "subtract the offset"));
    mb_report_free(r);
    mb_schedule_free(&s);
    mb_plan_free(p);
    end(&f);
}

/* Every leaf of every machine here says where it comes from, and children sum to their parents. */
static void check_tree(const mb_report *r) {
    mb_cost sum = {0, 0, 0};
    if (r->component) {
        assert_true(r->source && *r->source && r->factor > 0 && isfinite(r->total.energy_J) && r->total.energy_J >= 0);
        assert_true(r->total.energy_J == r->count * r->each.energy_J && r->total.area_m2 == r->instances * r->each.area_m2);
        return;
    }
    for (size_t i = 0; i < r->n; i++) {
        check_tree(r->child[i]);
        sum.energy_J += r->child[i]->total.energy_J;
        sum.latency_s += r->child[i]->total.latency_s;
        sum.area_m2 += r->child[i]->total.area_m2;
    }
    assert_true(sum.energy_J == r->total.energy_J && sum.latency_s == r->total.latency_s && sum.area_m2 == r->total.area_m2);
}

static void trees_add_up(void **state) {
    (void)state;
    for (size_t k = 0; k < sizeof machines / sizeof *machines; k++) {
        fixture f;
        uint32_t x = 11;
        begin(&f, machines[k]);
        for (int i = 0; i < 5; i++) {
            mb_plan *p = random_plan(f.net, &x);
            mb_report *r;
            mb_schedule s;
            cost(&f, p, &r, &s);
            check_tree(r);
            mb_report_free(r);
            mb_schedule_free(&s);
            mb_plan_free(p);
        }
        end(&f);
    }
}

static void survives_lack_of_memory(void **state) {
    (void)state;
    fixture f;
    uint32_t x = 5;
    begin(&f, machines[1]);
    mb_plan *p = random_plan(f.net, &x);
    long live = mb_mem_live();
    for (long n = 0;; n++) {
        mb_costing *c = NULL;
        mb_report *r = NULL;
        mb_schedule s = {0};
        mb_metrics m;
        mb_mem_fail_after(n);
        int rc = mb_costing_new(f.mach, &f.cell, f.net, &c);
        if (!rc) rc = mb_costing_plan(c, p, NULL, NULL, &r, &m, &s, true);
        mb_mem_fail_after(-1);
        mb_costing_free(c);
        if (!rc) {
            mb_report_free(r);
            mb_schedule_free(&s);
        } else {
            assert_int_equal(rc, MB_SYSTEM);
        }
        mb_error_clear();
        assert_int_equal(mb_mem_live(), live);
        if (!rc) break;
    }
    mb_plan_free(p);
    end(&f);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(prepared_and_slow_path_agree),
        cmocka_unit_test(threads_share_a_costing),
        cmocka_unit_test(schedule_by_hand),
        cmocka_unit_test(copies_share_a_bus),
        cmocka_unit_test(pipelines_and_batches),
        cmocka_unit_test(weights_that_do_not_fit_are_loaded),
        cmocka_unit_test(unused_arrays_are_built),
        cmocka_unit_test(corners_are_the_published_band),
        cmocka_unit_test(circuits_give_unit_costs),
        cmocka_unit_test(codes_reach_the_energy),
        cmocka_unit_test(adder_trees),
        cmocka_unit_test(trees_add_up),
        cmocka_unit_test(survives_lack_of_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
