/* macro_adder_tree.c - digital SRAM: products of stored weights beside the cells, one adder tree per output
 *
 * Planes = ceil(input bits / plane_bits). Per plane and output, w = multiplier_bits, activity = input_one x weight_one:
 *     products       rows x plane_bits (half of that with Booth recoding) x w 1-bit products, x activity
 *     adder trees    tree of `rows` words of tree_bits, x activity   (with plane_bits > 1 and no Booth recoding one tree per bit)
 *     accumulators   accumulator_bits full adders
 *     registers      accumulator_bits + pipeline_bits
 *     time of a plane   product + tree, then the accumulator: its lower bits follow the tree's carries, the others ripple:
 *                    a sum + (accumulator_bits - tree's output) carries; with pipeline_bits the longer of
 *                    product | tree and a sum; x delay_factor x the supply's law
 * Reference: Houshmand et al., arXiv:2305.18335; Sun et al., ICCAD 2023, doi:10.1109/ICCAD57390.2023.10323763. Units: SI. Who may
 * call: only through mb_macro_adder_tree.
 */
#include "cost/macro.h"

static const char gates[] = "NAND2 counts, cim_logic.h; Houshmand et al., arXiv:2305.18335";

/* One plane at the nominal supply. */
static double plane_s(const mb_macro_keys *k, const mb_cim_logic *g) {
    int stages = 0;
    while (1 << stages < k->rows) stages++;
    double tree = mb_cim_tree_s(g, k->rows, k->tree_bits), rest = k->accumulator_bits - (k->tree_bits + stages);
    if (k->pipeline_bits > 0) return fmax(g->gate_s, tree + mb_cim_sum_s(g));
    return g->gate_s + tree + mb_cim_sum_s(g) + fmax(rest, 0) * mb_cim_ripple_s(g);
}

static void cost(const mb_macro_keys *k, const mb_macro_point *p, mb_ledger *l, double *macs) {
    const mb_cim_logic g = mb_macro_logic(k);
    const double V2 = p->vdd_V * p->vdd_V, planes = ceil(p->input_bits / k->plane_bits), f = k->logic_energy_factor;
    const double words = p->weight_bits / k->cell_weight_bits; /* outputs that a weight takes */
    const double products = (double)k->rows * k->plane_bits * (k->booth ? 0.5 : 1) * k->multiplier_bits;
    const double trees = k->booth ? 1 : k->plane_bits, adders = trees * mb_cim_tree_adders(k->rows, k->tree_bits);
    const double activity = p->input_one * p->weight_one, bits = k->accumulator_bits + k->pipeline_bits;
    const double n = planes * k->outputs, fa = mb_cim_adder_F(&g) * V2;
    mb_macro_energy(l, k, "products", "multiply", n * products, g.gate_F / 2 * V2 * activity * f, gates, f);
    mb_macro_energy(l, k, "adder trees", "add", n * adders, fa * activity * f, gates, f);
    mb_macro_energy(l, k, "accumulators", "add", n * k->accumulator_bits, fa * f, gates, f);
    mb_macro_energy(l, k, "registers", "clock", n * bits, mb_cim_register_F(&g) * V2 * f, gates, f);
    mb_macro_time(l, "plane", planes, plane_s(k, &g) * k->delay_factor * mb_macro_slow(k, p), gates, k->delay_factor);
    mb_macro_area(l, k, "products", k->outputs * products, g.gate_m2, gates, 1);
    mb_macro_area(l, k, "adder trees", k->outputs * adders, mb_cim_adder_m2(&g), gates, 1);
    mb_macro_area(l, k, "accumulators", (double)k->outputs * k->accumulator_bits, mb_cim_adder_m2(&g), gates, 1);
    mb_macro_area(l, k, "registers", k->outputs * bits, mb_cim_register_m2(&g), gates, 1);
    mb_macro_area(l, k, "cells", 1, k->cell_m2, "SRAM, CACTI 7", 1);
    *macs = (double)k->rows * k->outputs / ceil(words);
}

static const mb_param params[] = {
    MB_MACRO_COMMON_KEYS,
    MB_MACRO_GATE_KEYS,
    MB_MACRO_INT(plane_bits, "", "1", 1, 32, "bits of the input per cycle"),
    MB_FLAG(mb_macro_keys, booth, "false", "inputs are recoded (radix 4): one product per two bits"),
    MB_MACRO_INT(cell_weight_bits, "", "8", 1, 32, "bits of the weight in one output"),
    MB_MACRO_INT(multiplier_bits, "", "8", 1, 64, "1-bit products per input bit"),
    MB_MACRO_INT(tree_bits, "", NULL, 1, 64, "width of the words that enter a tree"),
    MB_MACRO_INT(accumulator_bits, "", NULL, 1, 64, "width of the accumulator"),
    MB_MACRO_INT(pipeline_bits, "", "0", 0, 64, "bits of the registers between products and tree; 0: none"),
    MB_MACRO_FACTOR(delay_factor, "time of a plane"),
    MB_MACRO_REAL(cell_m2, "m2", "0", 0, 1, "area of the cells of a macro"),
    MB_MACRO_END,
};

const mb_macro_type mb_macro_adder_tree = {
    .name = "adder-tree",
    .summary = "digital SRAM: products beside the cells, an adder tree and an accumulator per output",
    .reference = "Houshmand et al., arXiv:2305.18335",
    .exact = true,
    .params = params,
    .cost = cost,
};
