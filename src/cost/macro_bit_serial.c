/* macro_bit_serial.c - digital SRAM with a full adder in every cell: inputs bit by bit, sums ripple down the columns
 *
 * A weight of w bits takes w + guard_bits columns (the sum of 2^guard_bits products fits), so a row of n columns (`outputs`)
 * holds floor(n / (w + guard_bits)) outputs. Columns are cut by `registers` registers of the point; what is between two ripples.
 *     array     input bits x rows x n x C V (V - swing_loss_V) of full adder, product, register: all cells are clocked
 *     drivers, control, decoder   input bits x rows x driver_J, x rows control_J, x decoder_J, as the same power of the supply
 *     period    stage_s x (w + guard_bits + rows per register + fixed_stages), x the supply's law
 *     time      input bits x period, or input bits / clock_Hz where that is slower
 * Reference: Kim et al., IEEE JSSC 56(7), 2221 (2021), doi:10.1109/JSSC.2021.3061508. Units: SI. Who may call: only through
 * mb_macro_bit_serial.
 */
#include "base/error.h"
#include "cost/macro.h"

static const char gates[] = "NAND2 counts, cim_logic.h; gates of cost/gate.h";
static const char macro[] = "macro";

static int check(const mb_macro_keys *k) {
    if (exp2(k->guard_bits) < k->rows)
        return mb_fail(MB_BADINPUT, "guard_bits = %d: a sum of %d rows overflows", k->guard_bits, k->rows);
    if (k->swing_loss_V >= k->supply_V)
        return mb_fail(MB_BADINPUT, "swing_loss_V leaves no swing at supply_V = %g", k->supply_V);
    return MB_OK;
}

static void cost(const mb_macro_keys *k, const mb_macro_point *p, mb_ledger *l, double *macs) {
    const mb_cim_logic g = mb_macro_logic(k);
    const double cell_F = mb_cim_adder_F(&g) + g.gate_F / 2 + mb_cim_register_F(&g), f = k->logic_energy_factor;
    const double V = p->vdd_V, cells = (double)k->rows * k->outputs, bits = p->input_bits;
    const double s = mb_supply_energy(1, V, k->swing_loss_V) / mb_supply_energy(1, k->supply_V, k->swing_loss_V);
    const double between = k->rows / (p->registers > 0 ? p->registers : 1);
    const double stages = p->weight_bits + k->guard_bits + between + k->fixed_stages;
    mb_macro_energy(l, k, "array", "clock a cell", bits * cells, mb_supply_energy(cell_F, V, k->swing_loss_V) * f, gates, f);
    mb_macro_energy(l, k, "drivers", "drive a row", bits * k->rows, k->driver_J * s, macro, 1);
    mb_macro_energy(l, k, "control", "clock a row", bits * k->rows, k->control_J * s, macro, 1);
    mb_macro_energy(l, k, "decoder", "cycle", bits, k->decoder_J * s, macro, 1);
    mb_macro_time(l, "stage", bits * stages, k->stage_s * mb_macro_slow(k, p), macro, 1);
    mb_macro_area(l, k, "array", cells, k->cell_m2, macro, 1);
    mb_macro_area(l, k, "drivers", k->rows, k->driver_m2, macro, 1);
    mb_macro_area(l, k, "columns", k->outputs, k->column_m2, macro, 1);
    *macs = k->rows * floor(k->outputs / (p->weight_bits + k->guard_bits));
}

static const mb_param params[] = {
    MB_MACRO_COMMON_KEYS,
    MB_MACRO_GATE_KEYS,
    MB_MACRO_INT(guard_bits, "", NULL, 0, 32, "bits by which a sum is wider than a weight"),
    MB_MACRO_REAL(swing_loss_V, "V", "0", 0, 5, "how far the high level behind pass transistors stays below the supply"),
    MB_MACRO_REAL(driver_J, "J", "0", 0, 1e-6, "drivers of a row per cycle at supply_V"),
    MB_MACRO_REAL(control_J, "J", "0", 0, 1e-6, "control and registers per row and cycle at supply_V"),
    MB_MACRO_REAL(decoder_J, "J", "0", 0, 1e-6, "decoder per cycle at supply_V"),
    MB_MACRO_REAL(stage_s, "s", NULL, 1e-15, 1, "ripple through one cell at supply_V"),
    MB_MACRO_REAL(fixed_stages, "", "0", 0, 1000, "time of a register in ripples"),
    MB_MACRO_REAL(cell_m2, "m2", "0", 0, 1, "area of a cell with its adder"),
    MB_MACRO_REAL(driver_m2, "m2", "0", 0, 1, "area of a row's drivers and decoder"),
    MB_MACRO_REAL(column_m2, "m2", "0", 0, 1, "area of a column's control and registers"),
    MB_MACRO_END,
};

const mb_macro_type mb_macro_bit_serial = {
    .name = "bit-serial",
    .summary = "digital SRAM with a full adder in every cell, inputs bit by bit",
    .reference = "Kim et al., JSSC 2021, doi:10.1109/JSSC.2021.3061508",
    .exact = true,
    .params = params,
    .check = check,
    .cost = cost,
};
