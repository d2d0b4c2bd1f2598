/* macro_oscillator.c - resistive cells read by pulse width, columns converted by current-controlled oscillators that are counted
 *
 * Inputs of b bits, sign and magnitude: a row conducts input_one (2^(b-1) - 1) clock cycles; the read lasts 2^(b-1) - 1 cycles
 * and overhead_cycles (settling, latching of counters).
 *     cells        rows x outputs x cells_per_weight x conductance_S read_V^2 x time on
 *     drivers      rows x row_F V^2
 *     oscillators  outputs x oscillator_W x time of the read, as (V / supply_V)^2   (regulator, oscillator, counter)
 *     registers    outputs x register_bits
 *     lossless: count_s per step must allow 2^adc_bits steps in the read
 * Reference: Khaddam-Aljameh et al., IEEE JSSC 57(4), 1027 (2022), doi:10.1109/JSSC.2022.3140414. Units: SI. Who may call: only
 * through mb_macro_oscillator.
 */
#include "base/error.h"
#include "cost/macro.h"

static const char lines[] = "C V^2 of the line; macro";
static const char gates[] = "NAND2 counts, cim_logic.h; Houshmand et al., arXiv:2305.18335";
static const char macro[] = "macro";

static int check(const mb_macro_keys *k) {
    double read_s = (exp2(k->plane_bits - 1) - 1) / k->clock_Hz;
    if (exp2(k->adc_bits) * k->count_s > read_s * 1.5 + k->overhead_cycles / k->clock_Hz && k->count_s > 0)
        return mb_fail(MB_BADINPUT, "%d bits of %.3g s per count do not fit a read of %.3g s: raise plane_bits or lower adc_bits",
                       k->adc_bits, k->count_s, read_s);
    return MB_OK;
}

static void cost(const mb_macro_keys *k, const mb_macro_point *p, mb_ledger *l, double *macs) {
    const mb_cim_logic g = mb_macro_logic(k);
    const double V2 = p->vdd_V * p->vdd_V, top = exp2(fmax(p->input_bits - 1, 1)) - 1, slow = mb_macro_slow(k, p);
    const double cycle = slow / k->clock_Hz, cells = (double)k->rows * k->outputs, time = (top + k->overhead_cycles) * cycle;
    mb_macro_energy(l, k, "cells", "read", cells * k->cells_per_weight,
                    k->conductance_S * k->read_V * k->read_V * top * p->input_one * cycle, "G V^2 t", 1);
    mb_macro_energy(l, k, "drivers", "drive", k->rows, k->row_F * V2, lines, 1);
    mb_macro_energy(l, k, "oscillators", "run", k->outputs,
                    k->oscillator_W * time * mb_macro_square(k, p) * k->oscillator_energy_factor, macro,
                    k->oscillator_energy_factor);
    mb_macro_energy(l, k, "registers", "clock", (double)k->outputs * k->register_bits,
                    mb_cim_register_F(&g) * V2 * k->logic_energy_factor, gates, k->logic_energy_factor);
    mb_macro_time(l, "cycle", top + k->overhead_cycles, cycle, macro, 1);
    mb_macro_area(l, k, "cells", cells, k->cell_m2, macro, 1);
    mb_macro_area(l, k, "drivers", k->rows, k->driver_m2, macro, 1);
    mb_macro_area(l, k, "oscillators", k->outputs, k->column_m2 * k->area_factor, macro, k->area_factor);
    *macs = cells;
}

static const mb_param params[] = {
    MB_MACRO_COMMON_KEYS,
    MB_MACRO_GATE_KEYS,
    MB_MACRO_INT(cells_per_weight, "", "2", 1, 64, "cells of a weight"),
    MB_MACRO_INT(plane_bits, "", "8", 1, 16, "largest precision of inputs, for the check of the counters"),
    MB_MACRO_INT(adc_bits, "", "8", 1, 16, "resolution of the counters"),
    MB_MACRO_REAL(count_s, "s", "0", 0, 1, "time of one count at full scale; 0: not checked"),
    MB_MACRO_REAL(clock_Hz, "Hz", NULL, 1, 1e11, "clock of the pulse widths at supply_V"),
    MB_MACRO_INT(overhead_cycles, "", "0", 0, 1 << 20, "cycles beside the read"),
    MB_MACRO_REAL(conductance_S, "S", "0", 0, 1, "mean conductance of a cell"),
    MB_MACRO_REAL(read_V, "V", "0", 0, 10, "voltage of the cells"),
    MB_MACRO_REAL(row_F, "F", "0", 0, 1e-9, "capacitance of a row's lines"),
    MB_MACRO_REAL(oscillator_W, "W", "0", 0, 1, "power of a column's regulator, oscillator, counter at supply_V"),
    MB_MACRO_FACTOR(oscillator_energy_factor, "energy of oscillators"),
    MB_MACRO_INT(register_bits, "", "0", 0, 1 << 20, "register bits per output"),
    MB_MACRO_REAL(cell_m2, "m2", "0", 0, 1, "area of the cells of a weight"),
    MB_MACRO_REAL(driver_m2, "m2", "0", 0, 1, "area of a row's driver"),
    MB_MACRO_REAL(column_m2, "m2", "0", 0, 1, "area of a column's converter"),
    MB_MACRO_FACTOR(area_factor, "area of converters"),
    MB_MACRO_END,
};

const mb_macro_type mb_macro_oscillator = {
    .name = "oscillator",
    .summary = "resistive cells, inputs by pulse width, current-controlled oscillators that are counted",
    .reference = "Khaddam-Aljameh et al., JSSC 2022, doi:10.1109/JSSC.2022.3140414",
    .params = params,
    .check = check,
    .cost = cost,
};
