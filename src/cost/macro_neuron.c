/* macro_neuron.c - 1T1R arrays with integrating neurons: inputs bit by bit, weighted by repeated sampling, charge decrements
 *
 * Inputs of b bits have n = max(1, b - 1) bits of magnitude; plane i is integrated 2^i times. Up to single_phase_bits planes, or
 * when the point says one phase, all are integrated before one conversion; otherwise two phases of ceil(n / 2) and floor(n / 2)
 * planes, each converted, the second with the resolution that is left:
 *     integrations I = sum over phases of 2^planes - 1;  decisions D = sum over phases of max(output bits - planes before it, 0)
 *     time       I integrate_s + D decide_s + phases x phase_s
 *     word lines n rows [(gate_line_F + wire_line_F) outputs + line_driver_F] line_V^2       (all rows selected, per plane)
 *     inputs     n rows drive_F line_V^2 + n rows outputs conductance_S read_V^2 read_s
 *     neurons    outputs (D decide_J + I integrate_J + n sample_J), as (V / supply_V)^2
 * Reference: Wan et al., Nature 608, 504 (2022), doi:10.1038/s41586-022-04992-8. Units: SI. Who may call: only through
 * mb_macro_neuron.
 */
#include "cost/macro.h"

static const char measured[] = "Wan et al., Nature 608 (2022), doi:10.1038/s41586-022-04992-8";
static const char lines[] = "C V^2 of the line; macro";

static void cost(const mb_macro_keys *k, const mb_macro_point *p, mb_ledger *l, double *macs) {
    const int n = (int)fmax(1, p->input_bits - 1);
    const bool one = n <= k->single_phase_bits || !(p->phases > 1);
    const int planes[2] = {one ? n : (n + 1) / 2, one ? 0 : n / 2};
    const double integrations = exp2(planes[0]) - 1 + (one ? 0 : exp2(planes[1]) - 1);
    const double decisions = p->output_bits + (one ? 0 : fmax(p->output_bits - planes[0], 0));
    const double s2 = mb_macro_square(k, p), slow = mb_macro_slow(k, p), VL2 = k->line_V * k->line_V;
    const double line_F = (k->gate_line_F + k->wire_line_F) * k->outputs + k->line_driver_F;
    const double cells = (double)k->rows * k->outputs, nf = k->neuron_energy_factor, df = k->drive_energy_factor;
    mb_macro_energy(l, k, "word lines", "select", (double)n * k->rows, line_F * VL2 * s2 * k->line_energy_factor, lines,
                    k->line_energy_factor);
    mb_macro_energy(l, k, "inputs", "drive", (double)n * k->rows, k->drive_F * VL2 * s2 * df, lines, df);
    const double read_J = k->conductance_S * k->read_V * k->read_V * k->read_s;
    mb_macro_energy(l, k, "inputs", "read a cell", n * cells, read_J * df, "G V^2 t", df);
    mb_macro_energy(l, k, "neurons", "decide", decisions * k->outputs, k->decide_J * s2 * nf, measured, nf);
    mb_macro_energy(l, k, "neurons", "integrate", integrations * k->outputs, k->integrate_J * s2 * nf, measured, nf);
    mb_macro_energy(l, k, "neurons", "sample", (double)n * k->outputs, k->sample_J * s2 * nf, measured, nf);
    mb_macro_time(l, "integrate", integrations, k->integrate_s * slow, measured, 1);
    mb_macro_time(l, "decide", decisions, k->decide_s * slow, measured, 1);
    mb_macro_time(l, "phase", one ? 1 : 2, k->phase_s * slow, measured, 1);
    mb_macro_area(l, k, "neurons", k->outputs, k->column_m2, measured, 1);
    mb_macro_area(l, k, "cells", cells, k->cell_m2, measured, 1);
    mb_macro_area(l, k, "drivers", 2.0 * k->rows, k->driver_m2, measured, 1);
    *macs = cells / k->cells_per_weight;
}

static const mb_param params[] = {
    MB_MACRO_COMMON_KEYS,
    MB_MACRO_INT(cells_per_weight, "", "2", 1, 64, "cells of a weight"),
    MB_MACRO_INT(single_phase_bits, "", "3", 1, 16, "planes that one integration takes at most, unless the point says one phase"),
    MB_MACRO_REAL(gate_line_F, "F", "0", 0, 1e-12, "gate of an access transistor on a word line"),
    MB_MACRO_REAL(wire_line_F, "F", "0", 0, 1e-12, "wire of a word line per cell"),
    MB_MACRO_REAL(line_driver_F, "F", "0", 0, 1e-9, "driver of a word line"),
    MB_MACRO_REAL(line_V, "V", NULL, 0.1, 10, "swing of word lines and input drivers at supply_V"),
    MB_MACRO_FACTOR(line_energy_factor, "energy of word lines"),
    MB_MACRO_REAL(drive_F, "F", "0", 0, 1e-9, "capacitance of an input line and its driver, times the share that switches"),
    MB_MACRO_REAL(conductance_S, "S", "0", 0, 1, "mean conductance of a cell times the share of inputs that are driven"),
    MB_MACRO_REAL(read_V, "V", "0", 0, 10, "read voltage"),
    MB_MACRO_REAL(read_s, "s", "0", 0, 1, "time that a cell conducts per plane"),
    MB_MACRO_FACTOR(drive_energy_factor, "energy of inputs"),
    MB_MACRO_REAL(decide_J, "J", "0", 0, 1e-6, "one step of a neuron's conversion: amplifier, comparator"),
    MB_MACRO_REAL(integrate_J, "J", "0", 0, 1e-6, "one integration of a neuron"),
    MB_MACRO_REAL(sample_J, "J", "0", 0, 1e-6, "one plane of a neuron: reset, latch, switches"),
    MB_MACRO_FACTOR(neuron_energy_factor, "energy of neurons"),
    MB_MACRO_REAL(decide_s, "s", NULL, 1e-15, 1, "one step of a conversion"),
    MB_MACRO_REAL(integrate_s, "s", NULL, 1e-15, 1, "one integration"),
    MB_MACRO_REAL(phase_s, "s", NULL, 0, 1, "start of a phase"),
    MB_MACRO_REAL(column_m2, "m2", "0", 0, 1, "area of a neuron"),
    MB_MACRO_REAL(cell_m2, "m2", "0", 0, 1, "area of a cell"),
    MB_MACRO_REAL(driver_m2, "m2", "0", 0, 1, "area of a driver; two per row"),
    MB_MACRO_END,
};

const mb_macro_type mb_macro_neuron = {
    .name = "neuron",
    .summary = "1T1R cells with integrating neurons, inputs bit by bit, conversion by charge decrements, one or two phases",
    .reference = "Wan et al., Nature 2022, doi:10.1038/s41586-022-04992-8",
    .params = params,
    .cost = cost,
};
