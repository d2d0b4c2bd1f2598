/* macro_layer.c - a layer of the digital engine on digital macros (macro.h): products, buffers, sums of row tiles */
#include "cost/macro_layer.h"

#include <math.h>

#include "base/error.h"

static const char source[] = "digital_macro of the machine: a published macro, doc/validation.md";

int mb_macro_layer(mb_ledger *l, const mb_macro *m, const mb_macro_work *w, const mb_digital *unit) {
    const mb_macro_keys *k = &m->keys;
    const double vdd_V = k->vdd_V > 0 ? k->vdd_V : k->supply_V;
    const mb_macro_point at = {w->input_bits, w->weight_bits, w->out_bits, vdd_V, 0.5, 0.5, 1, 1};
    mb_macro_cost c;
    int rc = mb_macro_evaluate(m, &at, &c, NULL);
    if (rc) return rc;
    double outputs = c.macs / k->macros / k->rows; /* whole weights in the width of one macro */
    if (outputs < 1)
        return mb_fail(MB_NUMERIC, "the macro %s cannot hold weights of %d bits: it has %d outputs", m->name, w->weight_bits,
                       k->outputs);
    double row_tiles = ceil(w->K / k->rows), tiles = w->groups * row_tiles * ceil(w->N / outputs);
    double built = ceil(tiles / k->sets), in_turn = ceil(tiles / built), products = w->vectors * tiles;
    mb_cost each = {c.energy_J / k->macros, w->vectors * in_turn * c.latency_s / products, c.area_m2 / k->macros};
    double inputs = w->vectors * w->groups * w->K * w->input_bits, sums = w->vectors * w->groups * w->N;
    mb_cost add = mb_unit_add(&unit->tech, mb_sum_bits(w->weight_bits, w->input_bits, (int64_t)w->K));
    add.latency_s = 0;
    mb_ledger_logic(l, "digital macro", "product", products, built, each, source, 1);
    mb_ledger_add(l, "digital macro", "add row tiles", sums * (row_tiles - 1), 0, add, mb_unit_source_of(&unit->tech),
                  unit->tech.factor);
    const mb_buffer *b = unit->activations;
    mb_ledger_add(l, b->name, "read inputs", inputs, 0, (mb_cost){b->read_J_per_bit, 0, 0}, b->source, 1);
    mb_ledger_add(l, b->name, "write outputs", sums * w->out_bits, 0, (mb_cost){b->write_J_per_bit, 0, 0}, b->source, 1);
    return MB_OK;
}
