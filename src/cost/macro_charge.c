/* macro_charge.c - SRAM with a capacitor per cell, or bit lines that share charge: products are charges, converters per output
 *
 * Planes = ceil(input bits / dac_bits); weights of more bits than a column holds take several outputs. Per plane and transfer:
 *     drivers     rows x row_F V^2 x input_one; with dac_bits > 1 also rows x dac_F dac_bits V^2
 *     cells       rows x outputs x cell_F V^2 x share of products that are one
 *                 (and: input_one weight_one; xnor: input_one weight_one + (1 - input_one)(1 - weight_one))
 *     products    rows x outputs x multiplier_bits / 2 NAND2 x share of ones among the inputs (digital gates beside the cells)
 *     columns     outputs x column_F V^2
 *     adc         outputs x adcs_per_output x the converter at one conversion per transfer, energy x (V / supply_V)^2
 *     adders, registers   outputs x adder_cells, register_bits
 *     time        cycles / clock_Hz; or (NAND2 + SAR: b (0.00653 rows + 0.64) ns) x delay_factor; x the supply's law
 * Reference: Jia et al., IEEE JSSC 55(9), 2609 (2020), doi:10.1109/JSSC.2020.2987714 (capacitor per cell); Houshmand et al.,
 * arXiv:2305.18335 (lines, converter at 28 nm). Units: SI. Who may call: only through mb_macro_charge.
 */
#include "base/error.h"
#include "cost/converter.h"
#include "cost/macro.h"

enum { AND, XNOR };
enum { SURVEY, SAR };

static const char lines[] = "C V^2 of the line; macro";
static const char gates[] = "NAND2 counts, cim_logic.h; Houshmand et al., arXiv:2305.18335";
static const char survey[] = "survey regression, Andrulis et al., arXiv:2404.06553";
static const char sar[] = "SAR fit at 28 nm, Houshmand et al., arXiv:2305.18335";

static double transfer_s(const mb_macro_keys *k) {
    mb_block b;
    if (k->clock_Hz > 0) return k->cycles / k->clock_Hz / k->transfers;
    if (mb_converter_sar28(k->adc_bits, k->rows, k->supply_V, &b)) return (double)NAN;
    return (k->gate_s + b.delay_s) * k->delay_factor;
}

static mb_block converter(const mb_macro_keys *k, double rate_Hz) {
    mb_block b = {0};
    int rc = k->adc == SURVEY ? mb_converter_survey(k->adc_bits, rate_Hz, k->node_nm, MB_NOMINAL, &b)
                              : mb_converter_sar28(k->adc_bits, k->rows, k->supply_V, &b);
    if (rc) b.energy_J = (double)NAN; /* check() refused it before */
    return b;
}

static int check(const mb_macro_keys *k) {
    mb_block b;
    if (k->clock_Hz > 0 && k->cycles < 1) return mb_fail(MB_BADINPUT, "clock_Hz needs cycles, the clock cycles of one product");
    int rc = k->clock_Hz > 0 ? MB_OK : mb_converter_sar28(k->adc_bits, k->rows, k->supply_V, &b);
    if (!rc && k->adc == SURVEY) rc = mb_converter_survey(k->adc_bits, 1 / transfer_s(k), k->node_nm, MB_NOMINAL, &b);
    return rc;
}

static void areas(const mb_macro_keys *k, mb_ledger *l, const mb_block *adc) {
    const mb_cim_logic g = mb_macro_logic(k);
    double n = (double)k->rows * k->outputs;
    mb_macro_area(l, k, "drivers", k->rows, k->driver_m2 * k->area_factor, lines, k->area_factor);
    mb_macro_area(l, k, "cells", n, k->cell_m2, lines, 1);
    mb_macro_area(l, k, "products", n * k->multiplier_bits, g.gate_m2, gates, 1);
    mb_macro_area(l, k, "columns", k->outputs, k->column_m2 * k->area_factor, lines, k->area_factor);
    mb_macro_area(l, k, "adc", (double)k->outputs * k->adcs_per_output, adc->area_m2 * k->adc_area_factor,
                  k->adc == SURVEY ? survey : sar, k->adc_area_factor);
    mb_macro_area(l, k, "adders", (double)k->outputs * k->adder_cells, mb_cim_adder_m2(&g), gates, 1);
    mb_macro_area(l, k, "registers", (double)k->outputs * k->register_bits, mb_cim_register_m2(&g), gates, 1);
}

static void cost(const mb_macro_keys *k, const mb_macro_point *p, mb_ledger *l, double *macs) {
    const mb_cim_logic g = mb_macro_logic(k);
    const double V2 = p->vdd_V * p->vdd_V, planes = ceil(p->input_bits / k->dac_bits), n = planes * k->transfers;
    const double slow = mb_macro_slow(k, p), cells = (double)k->rows * k->outputs;
    const double ones = k->product == AND ? p->input_one * p->weight_one
                                          : p->input_one * p->weight_one + (1 - p->input_one) * (1 - p->weight_one);
    const double f = k->logic_energy_factor;
    mb_block adc = converter(k, 1 / (transfer_s(k) * slow));
    mb_macro_energy(l, k, "drivers", "drive", n * k->rows, k->row_F * V2 * p->input_one, lines, 1);
    if (k->dac_bits > 1)
        mb_macro_energy(l, k, "drivers", "digital to analog", n * k->rows, k->dac_F * k->dac_bits * V2, lines, 1);
    mb_macro_energy(l, k, "cells", "charge", n * cells, k->cell_F * V2 * ones, lines, 1);
    mb_macro_energy(l, k, "products", "multiply", n * cells * k->multiplier_bits, g.gate_F / 2 * V2 * p->input_one * f, gates, f);
    mb_macro_energy(l, k, "columns", "charge", n * k->outputs, k->column_F * V2, lines, 1);
    mb_macro_energy(l, k, "adc", "convert", n * k->outputs * k->adcs_per_output,
                    adc.energy_J * k->adc_energy_factor * mb_macro_square(k, p), k->adc == SURVEY ? survey : sar,
                    k->adc_energy_factor);
    mb_macro_energy(l, k, "adders", "add", n * k->outputs * k->adder_cells, mb_cim_adder_F(&g) * V2 * f, gates, f);
    mb_macro_energy(l, k, "registers", "clock", n * k->outputs * k->register_bits, mb_cim_register_F(&g) * V2 * f, gates, f);
    mb_macro_time(l, "transfer", n, transfer_s(k) * slow, k->clock_Hz > 0 ? "clock; macro" : sar, k->delay_factor);
    areas(k, l, &adc);
    *macs = cells / ceil(p->weight_bits / k->cell_weight_bits);
}

static const mb_param params[] = {
    MB_MACRO_COMMON_KEYS,
    MB_MACRO_GATE_KEYS,
    MB_MACRO_INT(dac_bits, "", "1", 1, 16, "bits of the input that a row carries at once"),
    MB_MACRO_INT(cell_weight_bits, "", "1", 1, 32, "bits of the weight in one output"),
    MB_MACRO_INT(transfers, "", "1", 1, 64, "transfers per plane"),
    MB_CHOICE(mb_macro_keys, product, "and|xnor", "and", "which product a cell forms"),
    MB_MACRO_REAL(row_F, "F", "0", 0, 1e-9, "capacitance of an input line"),
    MB_MACRO_REAL(dac_F, "F", "0", 0, 1e-9, "capacitance per bit of a converter of inputs, with dac_bits > 1"),
    MB_MACRO_REAL(cell_F, "F", "0", 0, 1e-12, "capacitance that the product of a cell charges"),
    MB_MACRO_REAL(column_F, "F", "0", 0, 1e-9, "capacitance of a column"),
    MB_MACRO_INT(multiplier_bits, "", "0", 0, 64, "1-bit products in gates, per cell"),
    MB_CHOICE(mb_macro_keys, adc, "survey|sar", "survey", "model of the converter"),
    MB_MACRO_INT(adc_bits, "", NULL, 1, 16, "resolution"),
    MB_MACRO_INT(adcs_per_output, "", "1", 1, 1024, "converters of one output"),
    MB_MACRO_FACTOR(adc_energy_factor, "energy of converters"),
    MB_MACRO_FACTOR(adc_area_factor, "area of converters"),
    MB_MACRO_INT(adder_cells, "", "0", 0, 1 << 20, "full adders per output"),
    MB_MACRO_INT(register_bits, "", "0", 0, 1 << 20, "register bits per output"),
    MB_MACRO_REAL(clock_Hz, "Hz", "0", 0, 1e11, "clock at supply_V; 0: the converter sets the time"),
    MB_MACRO_INT(cycles, "", "0", 0, 1 << 20, "clock cycles of a plane"),
    MB_MACRO_FACTOR(delay_factor, "time of a transfer without a clock"),
    MB_MACRO_REAL(driver_m2, "m2", "0", 0, 1, "area of a row's driver"),
    MB_MACRO_REAL(cell_m2, "m2", "0", 0, 1, "area of a cell"),
    MB_MACRO_REAL(column_m2, "m2", "0", 0, 1, "area of a column's circuits"),
    MB_MACRO_FACTOR(area_factor, "area of drivers and columns"),
    MB_MACRO_END,
};

const mb_macro_type mb_macro_charge = {
    .name = "charge",
    .summary = "SRAM whose products are charges: capacitors per cell or shared bit lines, converters per output",
    .reference = "Jia et al., JSSC 2020, doi:10.1109/JSSC.2020.2987714",
    .params = params,
    .check = check,
    .cost = cost,
};
