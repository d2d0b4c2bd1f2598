/* bench_cost.c - speed of the cost model: plans per second of one core
 *
 *     cost_resnet18   ResNet-18 on 224 x 224 images (21 weighted layers, its additions), machine rram-22nm: microseconds per plan
 *                     of mb_costing_plan, once the settings have been seen (policies ask the same ones again and again); the slow
 *                     path mb_cost_network; that both give the same bits; what preparing takes. Plans are random, drawn before.
 * He et al., CVPR 2016, doi:10.1109/CVPR.2016.90, table 1. Weights are pseudo-random.
 */
#include "bench.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/mem.h"
#include "cost/machine.h"
#include "nn/op.h"

static void count_add(const mb_network *net, const mb_layer *l, int64_t *add, int64_t *cmp, int64_t *mul) {
    (void)net;
    *add = (int64_t)mb_shape_count(&l->shape);
    *cmp = *mul = 0;
}
static const mb_op_type input_op = {.name = "input"}, conv_op = {.name = "conv", .weighted = true}, add_op = {.name = "add", .count = count_add};

static int push(mb_network *net, const mb_op_type *op, const char *name, int in, int other, mb_window w) {
    mb_layer *l = &net->layer[net->n_layers];
    l->op = op;
    l->name = need(mb_strdup(name));
    l->n_in = op == &input_op ? 0 : other >= 0 ? 2 : 1;
    l->in = need(mb_calloc(2, sizeof *l->in));
    l->in[0] = in;
    l->in[1] = other;
    l->win = w;
    l->shape = (mb_shape){3, {w.cout, w.oh, w.ow}};
    if (op->weighted) {
        l->n_weight = (size_t)w.cout * (size_t)w.cin * (size_t)(w.kh * w.kw);
        l->weight = need(mb_calloc(l->n_weight, sizeof *l->weight));
        uint32_t x = 1 + (uint32_t)net->n_layers;
        for (size_t i = 0; i < l->n_weight; i++) l->weight[i] = (float)(int)(x = x * 1664525u + 1013904223u) / 2147483648.0f;
        net->weighted[net->n_weighted++] = net->n_layers;
    }
    return net->n_layers++;
}

static mb_window conv(int cin, int side, int cout, int k, int stride) {
    int out = side / stride, pad = k / 2;
    return (mb_window){.kh = k, .kw = k, .sh = stride, .sw = stride, .pt = pad, .pl = pad, .pb = pad, .pr = pad, .dh = 1, .dw = 1,
                       .cin = cin, .ih = side, .iw = side, .cout = cout, .oh = out, .ow = out, .groups = 1};
}

static mb_network *resnet18(void) {
    mb_network *net = need(mb_calloc(1, sizeof *net));
    net->name = need(mb_strdup("resnet18"));
    net->path = need(mb_strdup("resnet18"));
    net->layer = need(mb_calloc(64, sizeof *net->layer));
    net->weighted = need(mb_calloc(64, sizeof *net->weighted));
    int at = push(net, &input_op, "input", 0, -1, conv(3, 224, 3, 1, 1)), side = 56, width = 64;
    at = push(net, &conv_op, "conv1", at, -1, conv(3, 224, 64, 7, 2));
    for (int stage = 0; stage < 4; stage++)
        for (int block = 0; block < 2; block++) {
            char name[32];
            int stride = stage && !block ? 2 : 1, cin = stage && !block ? width / 2 : width, skip = at;
            snprintf(name, sizeof name, "layer%d.%d.conv1", stage + 1, block);
            at = push(net, &conv_op, name, at, -1, conv(cin, side * stride, width, 3, stride));
            snprintf(name, sizeof name, "layer%d.%d.conv2", stage + 1, block);
            at = push(net, &conv_op, name, at, -1, conv(width, side, width, 3, 1));
            snprintf(name, sizeof name, "layer%d.%d.skip", stage + 1, block);
            if (stride > 1) skip = push(net, &conv_op, name, skip, -1, conv(cin, side * stride, width, 1, stride));
            snprintf(name, sizeof name, "layer%d.%d.add", stage + 1, block);
            at = push(net, &add_op, name, at, skip, conv(width, side, width, 1, 1));
            if (block) side /= 2, width *= 2;
        }
    at = push(net, &conv_op, "fc", at, -1, conv(512, 1, 1000, 1, 1));
    net->output = at;
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
    line("cost_resnet18", "ilayers", net->n_weighted, "rus_per_plan", 1e6 * best, "rplans_per_s", 1 / best, "rus_prepare", 1e6 * prepare, "rms_weights_read",
         1e3 * first, "rus_slow_path", 1e6 * t, "isame_bits", memcmp(&fast, &slow, sizeof fast) == 0, NULL);
    for (int i = 0; i < PLANS; i++) mb_plan_free(plan[i]);
    mb_costing_free(k);
    mb_cell_free(&cell);
    mb_machine_free(mach);
    mb_conf_free(arch);
    mb_conf_free(device);
    mb_network_free(net);
    mb_free(path);
}
