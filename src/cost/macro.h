/* macro.h - published in-memory-computing macros: what one matrix-vector product costs, and how far that is from silicon
 *
 * A macro is a .cfg (experiments/macros/NAME.cfg): kind, structure, unit values with a source each, calibration factors, and a
 * table of published operating points beside it. One product fills the macro: `rows` inputs, all outputs, at the precision,
 * supply and data statistics of the point.
 *     TOPS = 2 MACs / time, TOPS/W = 2 MACs / energy, mm2 = sum of the parts
 * Everything is count x unit cost (cost/ledger.h). What a point may differ in are conditions: precision, supply, phases,
 * registers, statistics of the data. Factors and unit values belong to the macro: nothing can be set per point.
 * `fitted` lists the keys whose values were chosen to meet published figures; a key that ends in _factor and is not 1 must be
 * among them.
 * Adding a kind: one file macro_NAME.c that defines `const mb_macro_type mb_macro_NAME` and one line in local.mk. Adding a
 * macro: one .cfg and its points. Equations and sources: in each kind's file and in doc/models-macros.md. Units: SI.
 * Who may call: the cost floor and above.
 */
#ifndef MB_COST_MACRO_H
#define MB_COST_MACRO_H

#include "base/param.h"
#include "cost/cim_logic.h"
#include "cost/ledger.h"
#include "cost/supply.h"

/* One operating point. Data: mean of the input digits over the largest one (for bits: the share of ones), share of ones among the
 * weight bits. */
typedef struct mb_macro_point {
    double input_bits, weight_bits, output_bits, vdd_V, input_one, weight_one, phases, registers;
} mb_macro_point;

/* All keys of all kinds; each kind's table names its own. */
typedef struct mb_macro_keys {
    /* every kind */
    char *title, *reference, *points, *parts, *deviates;
    int macros, rows, outputs, sets;
    double node_nm, supply_V, vdd_V, threshold_V, alpha;
    /* gates */
    double gate_F, gate_m2, gate_s, logic_energy_factor, delay_factor;
    int accumulator_bits, pipeline_bits, plane_bits, cell_weight_bits, guard_bits, tree_bits, multiplier_bits;
    int adder_cells, register_bits;
    bool booth;
    double swing_loss_V, stage_s, fixed_stages, driver_J, control_J, decoder_J;
    /* lines, cells, converters */
    double row_F, cell_F, column_F, dac_F, row_J, pulse_F, discharge_C, sample_F, adc_fixed_share;
    int product, adc, adc_bits, adcs_per_output, transfers, cycles, dac_bits;
    double clock_Hz, adc_energy_factor, adc_area_factor, area_factor;
    /* one-transistor cells and neurons, oscillators */
    int cells_per_weight, single_phase_bits, overhead_cycles;
    double gate_line_F, wire_line_F, line_driver_F, line_V, conductance_S, read_V, read_s, drive_F;
    double integrate_J, decide_J, sample_J, integrate_s, decide_s, phase_s, count_s, oscillator_W;
    double line_energy_factor, drive_energy_factor, neuron_energy_factor, oscillator_energy_factor;
    /* areas */
    double cell_m2, driver_m2, column_m2, other_m2;
} mb_macro_keys;

typedef struct mb_macro_type {
    const char *name, *summary, *reference;
    bool exact; /* sums without an error: may stand for the digital engine of a machine (macro_layer.h) */
    const mb_param *params;
    int (*check)(const mb_macro_keys *k); /* conditions between keys, may be NULL */
    /* Books one product of all macros at P; *macs: multiplications of input_bits by weight_bits. */
    void (*cost)(const mb_macro_keys *k, const mb_macro_point *p, mb_ledger *l, double *macs);
} mb_macro_type;

extern const mb_macro_type *const mb_macros[]; /* NULL-terminated, generated from local.mk */
const mb_macro_type *mb_macro_find(const char *kind);

typedef struct mb_macro {
    const mb_macro_type *type;
    char *name;
    mb_macro_keys keys;
    char **fitted;
    size_t n_fitted;
} mb_macro;

/* GROUP with the preset expanded; NAME for messages. MB_BADINPUT with key and file:line. */
int mb_macro_load(mb_conf *group, const char *name, mb_macro *m);
void mb_macro_free(mb_macro *m);
/* Is KEY a calibration factor (name ends in _factor)? */
bool mb_macro_is_factor(const char *key);
/* Every calibration factor to 1: what the model says without silicon. */
void mb_macro_uncalibrate(mb_macro *m);

enum { MB_MACRO_TOPS, MB_MACRO_TOPS_W, MB_MACRO_TOPS_MM2, MB_MACRO_AREA, MB_MACRO_FIGURES };
typedef struct mb_macro_cost {
    double macs, energy_J, latency_s, area_m2;
    double figure[MB_MACRO_FIGURES]; /* TOPS, TOPS/W, TOPS/mm2, mm2; NaN where a part is missing (area 0) */
} mb_macro_cost;
/* TREE may be NULL. MB_NUMERIC for a supply at or below the threshold. */
int mb_macro_evaluate(const mb_macro *m, const mb_macro_point *p, mb_macro_cost *c, mb_report **tree);

/* For the kinds: leaves of the open group. Counts are of one macro; they are multiplied by `macros`. */
void mb_macro_energy(mb_ledger *l, const mb_macro_keys *k, const char *part, const char *action, double count, double each_J,
                     const char *source, double factor);
void mb_macro_area(mb_ledger *l, const mb_macro_keys *k, const char *part, double count, double each_m2, const char *source,
                   double factor);
void mb_macro_time(mb_ledger *l, const char *action, double count, double each_s, const char *source, double factor);
/* The logic of K, and the delay of the supply at P relative to the nominal one. */
mb_cim_logic mb_macro_logic(const mb_macro_keys *k);
double mb_macro_slow(const mb_macro_keys *k, const mb_macro_point *p);
/* Energy at V relative to the nominal supply. */
double mb_macro_square(const mb_macro_keys *k, const mb_macro_point *p);

/* Rows of the parameter tables. */
#define MB_MACRO_REAL(name, unit, def, lo, hi, help) MB_REAL(mb_macro_keys, name, unit, def, lo, hi, help)
#define MB_MACRO_INT(name, unit, def, lo, hi, help) MB_INT(mb_macro_keys, name, unit, def, lo, hi, help)
#define MB_MACRO_FACTOR(name, help) MB_REAL(mb_macro_keys, name, "", "1", 1e-3, 1e3, "calibration: " help)
#define MB_MACRO_COMMON_KEYS                                                                                              \
    MB_TEXT(mb_macro_keys, title, "", "what it is"), MB_TEXT(mb_macro_keys, reference, "", "publication"),                    \
        MB_FILE(mb_macro_keys, points, "", "CSV of the published operating points"),                                           \
        MB_FILE(mb_macro_keys, parts, "", "CSV of published breakdowns"),                                                      \
        MB_TEXT(mb_macro_keys, deviates, "", "why the limits are not met, with numbers; empty: they are"),                   \
        MB_MACRO_INT(macros, "", "1", 1, 1 << 20, "macros that work at once"),                                                 \
        MB_MACRO_INT(rows, "", NULL, 1, 1 << 20, "inputs of one product"),                                                     \
        MB_MACRO_INT(outputs, "", NULL, 1, 1 << 20, "outputs of one product"),                                                 \
        MB_MACRO_INT(sets, "", "1", 1, 1 << 20, "weights that a macro keeps behind each product, one in use at a time"),       \
        MB_MACRO_REAL(node_nm, "nm", NULL, 1, 250, "technology node"),                                                         \
        MB_MACRO_REAL(supply_V, "V", NULL, 0.1, 10, "supply at which times are given"),                                        \
        MB_MACRO_REAL(vdd_V, "V", "0", 0, 10, "supply at which it works in a machine; 0: supply_V"),                           \
        MB_MACRO_REAL(threshold_V, "V", "0.3", 0, 5, "threshold of the alpha-power law"),                                      \
        MB_MACRO_REAL(alpha, "", "1.3", 1, 2, "exponent of the alpha-power law"),                                              \
        MB_MACRO_REAL(other_m2, "m2", "0", 0, 1, "area that is published and not modelled, per macro")
#define MB_MACRO_GATE_KEYS                                                                                                     \
    MB_MACRO_REAL(gate_F, "F", "0.7e-15", 1e-18, 1e-12, "input capacitance of a NAND2"),                                   \
        MB_MACRO_REAL(gate_m2, "m2", "0.614e-12", 1e-18, 1e-6, "area of a NAND2"),                                             \
        MB_MACRO_REAL(gate_s, "s", "47.8e-12", 1e-15, 1e-6, "delay of a NAND2 at supply_V"),                                   \
        MB_MACRO_FACTOR(logic_energy_factor, "energy of adders, products, registers")
#define MB_MACRO_END MB_PARAM_END

#endif
