/* test_costing.c - many plans on one prepared costing: the same bits as the slow path, by any number of threads, in constant memory;
 * schedules, pipelines, batches, reload; the sources of unit costs */
#include "mbtest.h"

#include <math.h>
#include <omp.h>

#include "cost/machine.h"
#include "testnet.h"

typedef struct fixture {
    mb_conf *arch, *device;
    mb_machine *mach;
    mb_cell cell;
    mb_network *net;
} fixture;

static const testlayer small[] = {{"conv1", 'w', 3, 32, 32, 16, 3, 1, 1, 1},
                                  {"dw", 'w', 16, 32, 32, 16, 3, 1, 1, 16},
                                  {"pw", 'w', 16, 32, 32, 32, 1, 1, 0, 1},
                                  {"conv2", 'w', 32, 32, 32, 32, 3, 1, 1, 1},
                                  {"sum", 'a', 0, 0, 0, 0, 0, 0, 0, 0},
                                  {"conv3", 'w', 32, 32, 32, 64, 3, 2, 1, 1},
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
            assert_true(r->total.energy_J == slow.energy_J && r->total.latency_s == slow.latency_s && r->total.area_m2 == slow.area_m2);
            mb_report_free(r);
            mb_schedule_free(&s);
            mb_plan_free(p);
            assert_int_equal(mb_mem_live(), live); /* nothing grows with the plans */
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

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(prepared_and_slow_path_agree),
        cmocka_unit_test(threads_share_a_costing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
