/* bench_cost.c - speed of the cost model: plans per second of one core
 *
 *     cost_resnet18   ResNet-18 on 224 x 224 images (experiments/networks/resnet18.csv), machine rram-22nm: microseconds per plan
 *                     of mb_costing_plan, once the settings have been seen (policies ask the same ones again and again); the slow
 *                     path mb_cost_network; that both give the same bits; what preparing takes. Plans are random, drawn before.
 * Weights are pseudo-random.
 */
#include "bench.h"

#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/mem.h"
#include "cost/machine.h"

/* The shapes that ship, with pseudo-random weights, so that reading them counts. */
static mb_network *resnet18(void) {
    char *path = need(mb_asprintf("%s/experiments/networks/resnet18.csv", getenv("top_srcdir") ? getenv("top_srcdir") : "."));
    mb_network *net;
    must(mb_network_load(path, &net));
    for (int m = 0; m < net->n_weighted; m++) {
        mb_layer *l = &net->layer[net->weighted[m]];
        const mb_matmul mm = mb_layer_matmul(l);
        uint32_t x = 1 + (uint32_t)m;
        l->n_weight = (size_t)mm.groups * (size_t)mm.K * (size_t)mm.N;
        l->weight = need(mb_calloc(l->n_weight, sizeof *l->weight));
        for (size_t i = 0; i < l->n_weight; i++) l->weight[i] = (float)(int32_t)(x = x * 1664525u + 1013904223u) / 2147483648.0f;
    }
    mb_free(path);
    return net;
}

void bench_cost(void) {
    enum { PLANS = 64, TIMES = 40 };
    char *path = need(mb_asprintf("%s/experiments/arch/rram-22nm.cfg", getenv("top_srcdir") ? getenv("top_srcdir") : "."));
    mb_conf *arch, *device;
    mb_machine *mach;
    mb_cell cell;
    mb_costing *k;
    mb_plan *plan[PLANS];
    mb_metrics fast, slow = {0};
    mb_network *net = resnet18();
    mb_assign a = {MB_ANALOG, 8, 2, 8, 1, 8, 0, 0, 1};
    uint32_t x = 1;
    must(mb_conf_read(path, &arch));
    must(mb_machine_load(arch, "rram-22nm", &mach));
    must(mb_conf_parse("cell = \"rram\";", "bench", &device));
    must(mb_cell_load(device, &cell));
    for (int i = 0; i < PLANS; i++) {
        must(mb_plan_new(net, &a, &plan[i]));
        for (int m = 0; m < net->n_weighted; m++) {
            x = x * 1664525u + 1013904223u;
            plan[i]->assign[m].weight_bits = 2 + (int)(x >> 10) % 7;
            plan[i]->assign[m].input_bits = 2 + (int)(x >> 14) % 7;
            plan[i]->assign[m].adc_bits = 4 + (int)(x >> 18) % 5;
        }
    }
    double t = bench_cpu_s(), best = 1e9;
    must(mb_costing_new(mach, &cell, net, &k));
    double prepare = bench_cpu_s() - t;
    t = bench_cpu_s();
    for (int i = 0; i < PLANS; i++) must(mb_costing_plan(k, plan[i], NULL, NULL, NULL, &fast, NULL, false));
    double first = bench_cpu_s() - t;
    for (int n = 0; n < TIMES; n++) {
        t = bench_cpu_s();
        for (int i = 0; i < PLANS; i++) must(mb_costing_plan(k, plan[i], NULL, NULL, NULL, &fast, NULL, false));
        t = (bench_cpu_s() - t) / PLANS;
        best = t < best ? t : best;
    }
    t = bench_cpu_s();
    must(mb_cost_network(mach, &cell, net, plan[PLANS - 1], NULL, NULL, NULL, &slow));
    t = bench_cpu_s() - t;
    line("cost_resnet18", "ilayers", net->n_weighted, "rus_per_plan", 1e6 * best, "rplans_per_s", 1 / best, "rus_prepare",
         1e6 * prepare, "rms_weights_read", 1e3 * first, "rus_slow_path", 1e6 * t, "isame_bits",
         memcmp(&fast, &slow, sizeof fast) == 0, NULL);
    for (int i = 0; i < PLANS; i++) mb_plan_free(plan[i]);
    mb_costing_free(k);
    mb_cell_free(&cell);
    mb_machine_free(mach);
    mb_conf_free(arch);
    mb_conf_free(device);
    mb_network_free(net);
    mb_free(path);
}
