/* digital.c - layers without weights, activations, rescaling (digital.h) */
#include "cost/digital.h"

#include <stddef.h>

#include "base/error.h"
#include "nn/op.h"

int mb_buffer_init(mb_buffer *b, const char *name, double kib, double width_bits, double node_nm) {
    *b = (mb_buffer){.name = name, .kib = kib, .source = mb_sram_source};
    int rc = mb_sram_cost(kib, width_bits, node_nm, &b->sram);
    if (rc) return mb_context(rc, "in the cost of the %s", name);
    b->read_J_per_bit = b->sram.read_J / width_bits;
    b->write_J_per_bit = b->sram.write_J / width_bits;
    return MB_OK;
}

void mb_activation_bits(const mb_network *net, const mb_plan *plan, int *bits) {
    int m = net->n_weighted;
    for (int i = 0; i < net->n_layers; i++) bits[i] = 0;
    bits[net->output] = 8;
    for (int i = net->n_layers; i-- > 0;) {
        const mb_layer *l = &net->layer[i];
        if (m > 0 && net->weighted[m - 1] == i) m--;
        int need = l->op->weighted ? plan->assign[m].input_bits : bits[i];
        for (int k = 0; k < l->n_in; k++)
            if (bits[l->in[k]] < need) bits[l->in[k]] = need;
    }
}

double mb_activation_peak(const mb_network *net, const int *bits, int *last) {
    double live = 0, peak = 0;
    for (int i = 0; i < net->n_layers; i++) last[i] = i;
    for (int i = 0; i < net->n_layers; i++)
        for (int k = 0; k < net->layer[i].n_in; k++) last[net->layer[i].in[k]] = i;
    last[net->output] = net->n_layers;
    for (int i = 0; i < net->n_layers; i++) {
        const mb_layer *l = &net->layer[i];
        double dead = 0, size = (double)mb_shape_count(&l->shape) * bits[i];
        for (int k = 0; k < l->n_in; k++) {
            int in = l->in[k], seen = 0;
            for (int j = 0; j < k; j++) seen |= l->in[j] == in;
            if (last[in] == i && !seen) dead += (double)mb_shape_count(&net->layer[in].shape) * bits[in];
        }
        int in_place = !l->op->weighted && l->n_in == 1;
        if (in_place) live -= dead;
        live += size;
        if (live > peak) peak = live;
        if (!in_place) live -= dead;
        if (last[i] == i) live -= size; /* nobody reads it */
    }
    return peak;
}

int mb_digital_works(const mb_network *net, const mb_layer *layer) {
    int64_t add = 0, cmp = 0, mul = 0;
    if (!layer->op->count) return 0;
    layer->op->count(net, layer, &add, &cmp, &mul);
    return add + cmp + mul > 0;
}

void mb_digital_layer(mb_ledger *l, const mb_digital *d, const mb_network *net, const mb_layer *layer, const int *bits,
                      int out_bits) {
    static const char unit[] = "digital unit";
    int64_t add = 0, cmp = 0, mul = 0;
    double width = out_bits > 0 ? out_bits : 8, extra = 0;
    if (!layer->op->count) return;
    layer->op->count(net, layer, &add, &cmp, &mul);
    double cycle = 1 / (d->lanes * d->clock_Hz);
    mb_cost a = mb_unit_add(&d->tech, width), c = mb_unit_compare(&d->tech, width), m = mb_unit_multiply(&d->tech, width, width);
    a.latency_s = c.latency_s = m.latency_s = cycle;
    mb_ledger_add(l, unit, "addition", (double)add, 0, a, mb_unit_source_of(&d->tech), d->tech.factor);
    mb_ledger_add(l, unit, "comparison", (double)cmp, 0, c, mb_register_source_of(&d->tech), d->tech.factor);
    mb_ledger_add(l, unit, "multiplication", (double)mul, 0, m, mb_unit_source_of(&d->tech), d->tech.factor);
    if (add + cmp + mul == 0) return;
    for (int k = 1; k < layer->n_in; k++) extra += (double)mb_shape_count(&net->layer[layer->in[k]].shape) * bits[layer->in[k]];
    mb_ledger_add(l, d->activations->name, "read second operand", extra, 0, (mb_cost){d->activations->read_J_per_bit, 0, 0},
                  d->activations->source, 1);
}

void mb_digital_rescale(mb_ledger *l, const mb_digital *d, double outputs, int sum_bits) {
    mb_cost each = mb_cost_sum(mb_unit_add(&d->tech, sum_bits), mb_unit_multiply(&d->tech, 16, sum_bits));
    each.latency_s = 1 / (d->lanes * d->clock_Hz);
    mb_ledger_add(l, "digital unit", "bias and rescaling", outputs, 0, each, mb_unit_source_of(&d->tech), d->tech.factor);
}

double mb_digital_area(const mb_digital *d) {
    const mb_tech *t = &d->tech;
    double lane = mb_unit_add(t, 32).area_m2 + mb_unit_multiply(t, 16, 16).area_m2 + mb_unit_compare(t, 8).area_m2 +
                  3 * mb_unit_register(t, 32).area_m2;
    return d->lanes * lane;
}

int mb_sum_bits(int weight_bits, int input_bits, int64_t K) {
    int bits = weight_bits + input_bits;
    for (int64_t k = 1; k < K; k *= 2) bits++;
    return bits < 32 ? bits : 32;
}
