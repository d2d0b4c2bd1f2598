/* macro_pulse.c - SRAM in the current domain: a digit is a number of word-line pulses, cells discharge bit lines
 *
 * One product. The digit of an input is on average input_one (2^b - 1); binary-weighted capacitors join the bits of a weight.
 *     counters      rows x digit x pulse_F V^2                     a pulse and the count behind it
 *     word lines    rows x row_F V^2                               clocked whatever the data
 *     bit lines     rows x outputs x digit x weight_one x discharge_C V    its read current sets the charge of a cell, not V
 *     columns       outputs x (column_F V^2 + sample_F V^2)
 *     adc           outputs x survey x adc_energy_factor x [fixed (V / V0) + (1 - fixed) (V / V0)^2]
 *                   fixed = adc_fixed_share: charge of references and precharge with a swing that does not follow the supply
 *     time          1 / clock_Hz x the supply's law
 * Reference: Sinangil et al., IEEE JSSC 56(1), 188 (2021), doi:10.1109/JSSC.2020.3031290. Units: SI. Who may call: only through
 * mb_macro_pulse.
 */
#include "base/error.h"
#include "cost/converter.h"
#include "cost/macro.h"

static const char lines[] = "C V^2 of the line; macro";
static const char survey[] = "survey regression, Andrulis et al., arXiv:2404.06553";

static int check(const mb_macro_keys *k) {
    mb_block b;
    return mb_converter_survey(k->adc_bits, k->clock_Hz, k->node_nm, MB_NOMINAL, &b);
}

static void cost(const mb_macro_keys *k, const mb_macro_point *p, mb_ledger *l, double *macs) {
    const double V = p->vdd_V, V2 = V * V, s = V / k->supply_V, digit = p->input_one * (exp2(p->input_bits) - 1);
    const double slow = mb_macro_slow(k, p), cells = (double)k->rows * k->outputs;
    mb_block adc = {0};
    if (mb_converter_survey(k->adc_bits, k->clock_Hz / slow, k->node_nm, MB_NOMINAL, &adc)) adc.energy_J = (double)NAN;
    mb_macro_energy(l, k, "counters", "pulse", k->rows * digit, k->pulse_F * V2, lines, 1);
    mb_macro_energy(l, k, "word lines", "clock", k->rows, k->row_F * V2, lines, 1);
    mb_macro_energy(l, k, "bit lines", "discharge", cells * digit * p->weight_one, k->discharge_C * V, "charge of a read", 1);
    mb_macro_energy(l, k, "columns", "charge", k->outputs, (k->column_F + k->sample_F) * V2, lines, 1);
    mb_macro_energy(l, k, "adc", "convert", k->outputs,
                    adc.energy_J * k->adc_energy_factor * (k->adc_fixed_share * s + (1 - k->adc_fixed_share) * s * s), survey,
                    k->adc_energy_factor);
    mb_macro_time(l, "product", 1, slow / k->clock_Hz, "clock; macro", 1);
    mb_macro_area(l, k, "cells", cells * p->weight_bits, k->cell_m2, "macro", 1);
    mb_macro_area(l, k, "counters", k->rows, k->driver_m2, "macro", 1);
    mb_macro_area(l, k, "columns", k->outputs, k->column_m2, "macro", 1);
    mb_macro_area(l, k, "adc", k->outputs, adc.area_m2 * k->adc_area_factor, survey, k->adc_area_factor);
    *macs = cells;
}

static const mb_param params[] = {
    MB_MACRO_COMMON_KEYS,
    MB_MACRO_REAL(pulse_F, "F", "0", 0, 1e-9, "capacitance that a pulse on a word line and its count switch"),
    MB_MACRO_REAL(row_F, "F", "0", 0, 1e-9, "capacitance that is clocked per row"),
    MB_MACRO_REAL(discharge_C, "C", "0", 0, 1e-9, "charge that a pulse takes through a cell that stores a weight of ones"),
    MB_MACRO_REAL(column_F, "F", "0", 0, 1e-9, "capacitance of the columns of an output"),
    MB_MACRO_REAL(sample_F, "F", "0", 0, 1e-9, "capacitors that join the bits of a weight"),
    MB_MACRO_INT(adc_bits, "", NULL, 1, 16, "resolution"),
    MB_MACRO_REAL(adc_fixed_share, "", "0", 0, 1, "share of the converter's energy that is a charge of fixed swing"),
    MB_MACRO_FACTOR(adc_energy_factor, "energy of converters"),
    MB_MACRO_FACTOR(adc_area_factor, "area of converters"),
    MB_MACRO_REAL(clock_Hz, "Hz", NULL, 1, 1e11, "products per second at supply_V"),
    MB_MACRO_REAL(cell_m2, "m2", "0", 0, 1, "area of a cell (one bit of a weight)"),
    MB_MACRO_REAL(driver_m2, "m2", "0", 0, 1, "area of a counter"),
    MB_MACRO_REAL(column_m2, "m2", "0", 0, 1, "area of an output's capacitors"),
    MB_MACRO_END,
};

const mb_macro_type mb_macro_pulse = {
    .name = "pulse",
    .summary = "SRAM in the current domain: digits as pulse counts, bit lines discharge, flash converters",
    .reference = "Sinangil et al., JSSC 2021, doi:10.1109/JSSC.2020.3031290",
    .params = params,
    .check = check,
    .cost = cost,
};
