/* machine.c - the description of the accelerator, and how a layer lies on its arrays
 *
 * Who may call: the simulator (specification of the crossbars), the cost functions, the command line.
 */
#include "cost/machine.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "base/file.h"
#include "base/mem.h"
#include "cost/macro.h"
#include "cost/memory.h"
#include "cost/parts.h"

#define RANGES_PER "slice|layer"

const mb_param mb_machine_params[] = {
    MB_INT(mb_machine, rows, "", "128", 1, 8192, "rows (inputs) of an array"),
    MB_INT(mb_machine, cols, "", "128", 1, 8192, "columns of an array"),
    MB_CHOICE(mb_machine, subtract, MB_SUBTRACTIONS, "analog",
              "where the two columns of a differential pair are subtracted: before or after the converter"),
    MB_CHOICE(mb_machine, adc_rule, MB_ADC_RULES, "calibrated",
              "range of the converters: full scale, a percentile of the sums of calibration data, a given fraction, the smallest "
              "error on "
              "calibration data, or one code per ideal digit"),
    MB_REAL(mb_machine, adc_percentile, "", "0.9999", 1e-3, 1,
            "calibrated: this share of the partial sums of the calibration data lies inside the range"),
    MB_REAL(mb_machine, adc_fraction, "", "1.0", 1e-6, 1, "given: the range as a fraction of full scale"),
    MB_REAL(mb_machine, r_wl_ohm, "ohm", "0.0", 0, 1e9,
            "resistance of a word line between neighbouring cells; with all r_..._ohm at 0 wires are ideal"),
    MB_REAL(mb_machine, r_bl_ohm, "ohm", "0.0", 0, 1e9, "resistance of a bit line between neighbouring cells"),
    MB_REAL(mb_machine, r_driver_ohm, "ohm", "0.0", 0, 1e9, "resistance of a row driver"),
    MB_REAL(mb_machine, r_sense_ohm, "ohm", "0.0", 0, 1e9, "input resistance of the circuit that senses a column"),
    MB_REAL(mb_machine, r_on_ohm, "ohm", "0.0", 0, 1e9,
            "resistance of the access device in series with each cell; 0 when the cell's conductances were measured through it"),
    MB_CHOICE(mb_machine, drive, MB_WIRE_DRIVES, "left", "ends of the word lines that are driven"),
    MB_CHOICE(mb_machine, sense, MB_WIRE_SENSES, "bottom",
              "ends of the bit lines that are sensed; alternate: pairs of columns (offset: columns) in turn at bottom and top"),
    MB_FLAG(
        mb_machine, interleaved, "false",
        "the two cells of a pair share a bit line and hang on word lines of their own, driven by +v and -v: 2 rows word lines, "
        "cols / 2 bit lines"),
    MB_CHOICE(mb_machine, adc_range_per, RANGES_PER, "slice", "a range for each slice of a layer, or the widest of them for all"),
    MB_FLAG(mb_machine, adc_powers_of_two, "false",
            "ranges are full scale divided by a power of two, so that slices differ by shifts"),
    MB_VECTOR(mb_machine, slice_bits, "bit", "", 1, 8,
              "widths of the slices of a weight, least significant first, instead of equal slices of cell_bits"),
    MB_CHOICE(mb_machine, weight_code, MB_WEIGHT_CODES, "plain",
              "digits of a weight's slices: of its magnitude, or balanced ones, which leave the rounded weight where low slices are "
              "not read (differential pairs)"),
    MB_FLAG(mb_machine, drop_empty_slices, "false",
            "no cells and no conversion where a slice of an output holds zeros only within a row group (one-sided pairs)"),
    MB_CHOICE(mb_machine, pair, MB_PAIRS, "one_sided",
              "differential: one cell of the pair stays at Gmin, or both move around the middle"),
    MB_CHOICE(mb_machine, offset_correction, MB_CORRECTIONS, "dummy",
              "offset: taken off by a dummy column on each array, or digitally from the sum of the inputs"),
    MB_CHOICE(mb_machine, input_code, MB_INPUT_CODES, "sign_magnitude",
              "signed inputs: rows driven with the sign, or two's complement with a plane of its own for the sign"),
    MB_CHOICE(mb_machine, accumulate, MB_ACCUMULATIONS, "digital",
              "planes of an input are added after the converter (one conversion each) or before it (one for all)"),
    MB_CHOICE(mb_machine, dac, MB_DAC_FORMS, "pulse",
              "a digit of several bits (dac_bits): a pulse of that length, or a voltage level for the time read_s"),
    MB_REAL(mb_machine, dac_inl, "", "0.0", -0.19, 0.19, "level: largest bow of the DAC's third-order curve, in full scale"),
    MB_REAL(mb_machine, dac_noise, "", "0.0", 0, 1, "level: standard deviation of the noise of each level, in full scale"),
    MB_REAL(mb_machine, dac_J, "J", "0.0", 0, 1e-6, "level: energy of setting a row to a level, besides the line"),
    MB_REAL(mb_machine, dac_area_m2, "m2", "0.0", 0, 1e-6, "level: area of one row's DAC, besides its driver"),
    MB_REAL(mb_machine, column_limit_A, "A", "0.0", 0, 1, "current at which the read-out of a column saturates; 0: never"),
    MB_CHOICE(mb_machine, read_noise, MB_READ_NOISES, "output",
              "one random number per conversion, one per cell and read (slow), or that only where noise clips cells at zero"),
    MB_INT(mb_machine, spare_columns, "", "0", 0, 8191, "columns of an array kept in reserve for its worst ones"),
    MB_REAL(mb_machine, dead_rows, "", "0.0", 0, 0.99, "fraction of rows that carry no current"),
    MB_REAL(mb_machine, dead_columns, "", "0.0", 0, 0.99, "fraction of columns that carry no current"),
    MB_CHOICE(mb_machine, arithmetic, MB_ARITHMETICS, "auto",
              "how arrays are simulated: integers where they hold the case, or double precision throughout (slow)"),
    MB_INT(mb_machine, columns_per_adc, "", "8", 1, 8192, "columns that share a converter; divides cols"),
    MB_REAL(mb_machine, adc_rate_Hz, "Hz", "0.0", 0, 1e10,
            "conversions per second that a converter is designed for; 0: as fast as its type can"),
    MB_FLAG(mb_machine, sample_hold, "true", "columns are sampled and held, so that conversions overlap the next drive"),
    MB_REAL(mb_machine, node_nm, "nm", "22.0", 7, 130, "technology node of logic, converters and SRAM"),
    MB_REAL(mb_machine, vdd_V, "V", "0.8", 0.3, 2.5, "supply of logic and row drivers"),
    MB_REAL(mb_machine, clock_Hz, "Hz", "500e6", 1e5, 1e10, "clock of buses, buffers and digital unit"),
    MB_REAL(mb_machine, read_s, "s", "2e-9", 1e-12, 1e-3, "time that a row is driven per unit of input digit"),
    MB_REAL(mb_machine, conducting, "", "1.0", 0, 1,
            "share of the drive in which cells carry current; less than 1 where columns are sensed as voltages and settle"),
    MB_INT(mb_machine, arrays_per_tile, "", "8", 1, 65536, "arrays that share a buffer and a bus"),
    MB_INT(mb_machine, tiles, "", "0", 0, 16777216, "tiles built; 0: as many as the plan needs"),
    MB_INT(mb_machine, buffer_KiB, "KiB", "16", 1, 65536, "activation buffer of a tile"),
    MB_INT(mb_machine, global_buffer_KiB, "KiB", "0", 0, 1048576,
           "buffer of the chip for activations; 0: as large as the network needs"),
    MB_INT(mb_machine, bus_bits, "bit", "256", 1, 65536, "width of a tile's bus and of the global buffer's port"),
    MB_INT(mb_machine, digital_lanes, "", "64", 1, 65536, "operations per cycle of the digital unit"),
    MB_INT(mb_machine, digital_rows, "", "16", 1, 1024, "rows of the multiplier block for layers on the digital engine"),
    MB_INT(mb_machine, digital_cols, "", "16", 1, 1024, "columns of that block"),
    MB_REAL(mb_machine, driver_C_F, "F", "0.2e-15", 0, 1e-9, "capacitance that a row driver switches per column of the array"),
    MB_REAL(mb_machine, driver_area_m2, "m2", "13.5e-12", 0, 1e-6, "area of a row driver"),
    MB_REAL(mb_machine, integrator_W, "W", "25e-6", 0, 1,
            "power of the circuit that holds and integrates a column while rows are driven"),
    MB_REAL(mb_machine, integrator_area_m2, "m2", "20e-12", 0, 1e-6, "its area"),
    MB_REAL(mb_machine, sample_C_F, "F", "10e-15", 0, 1e-9, "sampling capacitor of a column"),
    MB_REAL(mb_machine, sample_area_m2, "m2", "5e-12", 0, 1e-6, "its area"),
    MB_REAL(mb_machine, bus_J_per_bit, "J/bit", "15e-15", 0, 1e-6, "one bit between a tile's buffer and its arrays"),
    MB_REAL(mb_machine, noc_J_per_bit, "J/bit", "60e-15", 0, 1e-6, "one bit between tiles, or a tile and the global buffer"),
    MB_REAL(mb_machine, router_area_m2, "m2", "21e-9", 0, 1e-3, "area of a tile's share of the network on chip"),
    MB_REAL(mb_machine, control_area, "", "0.15", 0, 10, "control and routing, as a share of the area of digital logic"),
    MB_REAL(mb_machine, leakage_W_per_m2, "W/m2", "28.0", 0, 1e7, "leakage of logic and mixed-signal area"),
    MB_INT(mb_machine, write_cells, "", "0", 0, 8192, "cells of a row that are programmed at once; 0: the whole row"),
    MB_INT(mb_machine, write_arrays, "", "1", 0, 16777216, "arrays that are programmed at once; 0: all of them"),
    MB_REAL(mb_machine, adc_energy_factor, "", "1.0", 0, 1000, "calibration: multiplies the converters' energy"),
    MB_REAL(mb_machine, adc_area_factor, "", "1.0", 0, 1000, "calibration: multiplies the converters' area"),
    MB_REAL(mb_machine, digital_factor, "", "1.0", 0, 1000, "calibration: multiplies the energy of digital logic"),
    MB_INT(mb_machine, pes_per_tile, "", "1", 1, 65536,
           "processing elements of a tile, groups of arrays; divides arrays_per_tile"),
    MB_FLAG(mb_machine, distributed, "false", "activations stay in the buffers of the tiles; there is no global buffer"),
    MB_FLAG(mb_machine, clocked, "false", "drives and conversions take whole periods of the clock; false: as long as they need"),
    MB_FLAG(mb_machine, pipeline, "false", "layers work on consecutive samples at the same time; needs all weights on the chip"),
    MB_INT(mb_machine, batch, "", "1", 1, 1048576, "samples that are computed for each load of the weights"),
    MB_CHOICE(mb_machine, dram, "none|" MB_DRAM_NAMES, "none",
              "memory beside the chip from which weights are loaded that do not fit into its tiles"),
    MB_INT(mb_machine, dram_MiB, "MiB", "0", 0, 1073741824, "its size; 0: as large as the weights"),
    MB_CHOICE(mb_machine, corner, MB_CORNERS, "nominal", "which estimate of converters that are not calibrated, eDRAM and DRAM"),
    MB_CHOICE(mb_machine, converter, MB_CONVERTER_MODELS, "survey",
              "converters cost what the survey's regression says, what a circuit at this node does (sar, flash, ramp, "
              "integrate), or, with "
              "the ideal converter, what an exact sum by adders does (digital in-memory computing)"),
    MB_CHOICE(mb_machine, logic, MB_LOGIC_MODELS, "scaled",
              "adders, multipliers, registers: scaled from 45 nm, sums of gates of this node, or (in the arrays) given"),
    MB_CHOICE(mb_machine, driver, MB_DRIVER_MODELS, "given",
              "row drivers: driver_C_F and driver_area_m2, or circuits for one bit, a count or a width of pulses, a voltage"),
    MB_CHOICE(mb_machine, front_end, MB_FRONT_ENDS, "given",
              "circuit that reads a column: integrator_W and integrator_area_m2, an amplifier that settles, a sense amplifier"),
    MB_CHOICE(mb_machine, sampler, MB_SAMPLERS, "given",
              "sampling capacitor: sample_C_F, or as large as noise at adc_bits asks for"),
    MB_CHOICE(mb_machine, buffer, MB_BUFFER_MODELS, "sram", "memory of the buffers; given: the keys buffer_..."),
    MB_CHOICE(mb_machine, interconnect, MB_INTERCONNECTS, "given",
              "wires: bus_J_per_bit, noc_J_per_bit, router_area_m2, or repeated wires over the floor plan"),
    MB_CHOICE(mb_machine, roadmap, MB_ROADMAPS, "lstp",
              "transistors of the technology layer: high performance or low standby power"),
    MB_REAL(mb_machine, temp_K, "K", "300.0", 200, 500, "their temperature"),
    MB_REAL(mb_machine, buffer_read_J_per_bit, "J/bit", "0.0", 0, 1e-6, "buffer given: reading a bit"),
    MB_REAL(mb_machine, buffer_write_J_per_bit, "J/bit", "0.0", 0, 1e-6, "buffer given: writing a bit"),
    MB_REAL(mb_machine, buffer_m2_per_bit, "m2/bit", "0.0", 0, 1e-6, "buffer given: area of a bit"),
    MB_REAL(mb_machine, buffer_W_per_bit, "W/bit", "0.0", 0, 1e-3, "buffer given: leakage of a bit"),
    MB_REAL(mb_machine, shift_add_J, "J", "0.0", 0, 1e-6, "logic given: one shift-and-add"),
    MB_REAL(mb_machine, shift_add_area_m2, "m2", "0.0", 0, 1e-3, "logic given: the shift-and-add of a converter"),
    MB_REAL(mb_machine, register_J_per_bit, "J/bit", "0.0", 0, 1e-6, "logic given: writing a bit of an input or output register"),
    MB_REAL(mb_machine, register_m2_per_bit, "m2/bit", "0.0", 0, 1e-6, "logic given: area of a bit of them"),
    MB_REAL(mb_machine, pe_area_m2, "m2", "0.0", 0, 1e-2, "area of a processing element besides its arrays"),
    MB_REAL(mb_machine, tile_area_m2, "m2", "0.0", 0, 1e-2, "area of a tile besides processing elements, buffer and router"),
    MB_REAL(mb_machine, chip_area_m2, "m2", "0.0", 0, 1, "area of the chip besides its tiles: links, controllers"),
    MB_REAL(mb_machine, chip_W, "W", "0.0", 0, 1e4, "power that they take while the chip works"),
    MB_PARAM_END,
};

/* "file:line" of KEY in GROUP, or of GROUP */
static const char *where(const mb_conf *group, const char *key) {
    const mb_conf *c = group ? mb_conf_find(group, key) : NULL;
    return c ? mb_conf_where(c) : group ? mb_conf_where(group) : "default";
}

/* Options without sense on any layer. */
static int check_mapping(const mb_machine *m, const mb_conf *group) {
    if (m->slice_bits.n > MB_SLICES_MAX)
        return mb_fail(MB_BADINPUT, "%s: slice_bits has %zu widths; a weight of at most 8 bits has at most %d slices",
                       where(group, "slice_bits"), m->slice_bits.n, MB_SLICES_MAX);
    for (size_t i = 0; i < m->slice_bits.n; i++)
        if (m->slice_bits.v[i] > floor(m->slice_bits.v[i]))
            return mb_fail(MB_BADINPUT, "%s: slice_bits: %g is not a whole number of bits", where(group, "slice_bits"),
                           m->slice_bits.v[i]);
    if (m->dac != MB_DAC_LEVEL && (m->dac_inl != 0 || m->dac_noise > 0)) {
        const char *key = m->dac_noise > 0 ? "dac_noise" : "dac_inl";
        return mb_fail(MB_BADINPUT, "%s: %s is an error of voltage levels; set dac = \"level\", or %s = 0.0", where(group, key), key,
                       key);
    }
    if (m->dac == MB_DAC_LEVEL && m->driver != MB_DRIVER_GIVEN && m->driver != MB_DRIVER_VOLTAGE)
        return mb_fail(MB_BADINPUT, "%s: dac = \"level\" sets voltages; driver must be \"voltage\" (or \"given\")", where(group, "driver"));
    if (m->dac == MB_DAC_PULSE && m->driver == MB_DRIVER_VOLTAGE)
        return mb_fail(MB_BADINPUT, "%s: driver = \"voltage\" sets levels; it needs dac = \"level\"", where(group, "driver"));
    if (m->driver != MB_DRIVER_GIVEN && (m->dac_J > 0 || m->dac_area_m2 > 0))
        return mb_fail(MB_BADINPUT, "%s: dac_J and dac_area_m2 belong to driver = \"given\"; the other drivers contain their DAC",
                       where(group, m->dac_J > 0 ? "dac_J" : "dac_area_m2"));
    if (m->weight_code == MB_CODE_BALANCED && m->pair == MB_TWO_SIDED)
        return mb_fail(MB_BADINPUT, "%s: weight_code = \"balanced\" needs pair = \"one_sided\"", where(group, "weight_code"));
    if (m->drop_empty_slices && m->pair == MB_TWO_SIDED)
        return mb_fail(MB_BADINPUT, "%s: drop_empty_slices needs pair = \"one_sided\": two-sided pairs have a cell for a zero, too",
                       where(group, "drop_empty_slices"));
    if (m->spare_columns >= m->cols)
        return mb_fail(MB_BADINPUT, "%s: spare_columns = %d leaves none of cols = %d for weights; lower it",
                       where(group, "spare_columns"), m->spare_columns, m->cols);
    return MB_OK;
}

static int check(const mb_machine *m, const mb_conf *group) {
    mb_sram s;
    mb_cost c;
    int rc = check_mapping(m, group);
    if (rc) return rc;
    if (m->cols % m->columns_per_adc != 0)
        return mb_fail(MB_BADINPUT, "%s: columns_per_adc = %d does not divide cols = %d; try %d", where(group, "columns_per_adc"),
                       m->columns_per_adc, m->cols,
                       m->columns_per_adc > m->cols ? m->cols : 1 << (int)floor(log2(m->columns_per_adc)));
    if (m->subtract == MB_SUB_ANALOG && m->columns_per_adc > 1 && m->columns_per_adc % 2 != 0)
        return mb_fail(
            MB_BADINPUT,
            "%s: columns_per_adc = %d would split a pair between converters; with subtract = \"analog\" it must be even (or 1)",
            where(group, "columns_per_adc"), m->columns_per_adc);
    if (m->interleaved && m->subtract != MB_SUB_ANALOG)
        return mb_fail(MB_BADINPUT,
                       "%s: interleaved = true subtracts the cells of a pair on their bit line; it needs subtract = \"analog\"",
                       where(group, "interleaved"));
    if (m->interleaved && m->cols % 2)
        return mb_fail(MB_BADINPUT, "%s: interleaved = true makes cols / 2 bit lines; cols = %d must be even",
                       where(group, "cols"), m->cols);
    if ((double)m->buffer_KiB * 8192 < 8.0 * m->rows)
        return mb_fail(MB_BADINPUT, "%s: buffer_KiB = %d cannot hold the 8-bit inputs of the %d rows of an array",
                       where(group, "buffer_KiB"), m->buffer_KiB, m->rows);
    if (m->buffer == MB_BUFFER_SRAM && (rc = mb_sram_cost(m->buffer_KiB, m->bus_bits, m->node_nm, &s)))
        return mb_context(rc, "%s: buffer_KiB = %d, bus_bits = %d, node_nm = %g", where(group, "buffer_KiB"), m->buffer_KiB,
                          m->bus_bits, m->node_nm);
    if (m->converter == MB_CONVERTER_ADDER_TREE && !m->adc.type->transparent)
        return mb_fail(MB_BADINPUT,
                       "%s: converter = \"adder_tree\" sums without an error; it needs adc = { type = \"ideal\"; }, not %s",
                       where(group, "converter"), m->adc.type->name);
    if (m->pipeline && m->tiles == 0 && m->dram)
        return mb_fail(
            MB_BADINPUT,
            "%s: a pipeline keeps all weights on the chip; with tiles = 0 nothing is ever loaded from dram: set tiles, or "
            "leave dram out",
            where(group, "dram"));
    if (m->arrays_per_tile % m->pes_per_tile != 0)
        return mb_fail(MB_BADINPUT, "%s: pes_per_tile = %d does not divide arrays_per_tile = %d", where(group, "pes_per_tile"),
                       m->pes_per_tile, m->arrays_per_tile);
    if (m->adc.type->cost && (rc = m->adc.type->cost(m->adc.params, 8, m->adc_rate_Hz, m->node_nm, &c)))
        return mb_context(rc, "%s: converter %s with 8 bits, adc_rate_Hz = %g, node_nm = %g", where(group, "adc"),
                          m->adc.type->name, m->adc_rate_Hz, m->node_nm);
    return MB_OK;
}

/* The key that asks for the technology layer. */
static const char *asks(const mb_machine *m) {
    return m->logic == MB_LOGIC_GATES             ? "logic"
           : m->converter == MB_CONVERTER_CIRCUIT ? "converter"
           : m->interconnect != MB_WIRES_GIVEN    ? "interconnect"
           : m->driver != MB_DRIVER_GIVEN         ? "driver"
           : m->front_end != MB_FRONT_GIVEN       ? "front_end"
           : m->sampler != MB_SAMPLER_GIVEN       ? "sampler"
           : m->buffer == MB_BUFFER_EDRAM         ? "buffer"
                                                  : "logic";
}

/* Do the models of the unit costs cover the machine? */
static int check_models(const mb_machine *m, const mb_conf *group) {
    mb_parts *p = mb_malloc(1, sizeof *p);
    if (!p) return mb_nomem();
    int rc = mb_parts_init(p, m, NULL);
    mb_free(p);
    if (rc == MB_BADINPUT) { /* the place first */
        char why[400];
        snprintf(why, sizeof why, "%s", mb_error_message());
        rc = mb_fail(MB_BADINPUT, "%s: node_nm = %g does not suit the model that %s asks for: %s", where(group, "node_nm"),
                     m->node_nm, asks(m), why);
    }
    return rc;
}

/* The macro of the digital engine: it must sum exactly, as the simulation of that engine does. */
static int load_macro(mb_conf *c, mb_machine *m) {
    if (!c) return MB_OK;
    int rc = mb_conf_expand_preset(c, "macros");
    if (rc) return rc;
    const mb_conf *preset = mb_conf_find(c, "preset");
    char *name = preset && preset->type == MB_CONF_STRING ? mb_path_base(preset->s) : mb_strdup("digital_macro");
    m->digital_macro = mb_calloc(1, sizeof *m->digital_macro);
    rc = name && m->digital_macro ? mb_macro_load(c, name, m->digital_macro) : mb_nomem();
    mb_free(name);
    if (!rc && !m->digital_macro->type->exact)
        return mb_fail(MB_BADINPUT, "%s: digital_macro must sum exactly; the kind %s is analog (its arrays are described by the machine's own keys)",
                       mb_conf_where(c), m->digital_macro->type->name);
    return rc;
}

int mb_machine_load(mb_conf *group, const char *name, mb_machine **out) {
    static const char *const also[] = {"adc", "digital_macro", "name", "preset", NULL};
    if (group && group->type != MB_CONF_GROUP)
        return mb_fail(MB_BADINPUT, "%s: %s must be a group or the name of a preset", mb_conf_where(group), mb_conf_key(group));
    mb_machine *m = mb_calloc(1, sizeof *m);
    if (!m) return mb_nomem();
    const mb_conf *named = group ? mb_conf_use(group, "name") : NULL;
    if (named && named->type != MB_CONF_STRING) {
        mb_free(m);
        return mb_fail(MB_BADINPUT, "%s: name must be text in quotes", mb_conf_where(named));
    }
    if (named) name = named->s;
    int rc = mb_params_load(mb_machine_params, group, also, m);
    if (rc) {
        mb_free(m);
        return mb_context(rc, "in the machine %s", name ? name : "arch");
    }
    m->name = mb_strdup(name ? name : "arch");
    m->where = mb_strdup(group ? mb_conf_where(group) : "default");
    if (!m->name || !m->where) rc = mb_nomem();
    mb_conf *adc = group ? mb_conf_use(group, "adc") : NULL, *own = NULL;
    if (!rc && !adc) { /* default converter, written into the group so that used.cfg has it */
        adc = own = mb_conf_new(MB_CONF_GROUP, "adc");
        rc = own ? mb_conf_set(own, "type", "\"sar\"", MB_FROM_DEFAULT) : mb_nomem();
        if (!rc && group) {
            own->origin = MB_FROM_DEFAULT;
            own->used = true;
            rc = mb_conf_append(group, own);
            if (!rc) own = NULL;
        }
    }
    if (!rc) rc = mb_adc_load(adc, &m->adc);
    if (!rc && group) rc = load_macro(mb_conf_use(group, "digital_macro"), m);
    if (!rc) rc = check(m, group);
    if (!rc) rc = check_models(m, group);
    mb_conf_free(own);
    if (rc) {
        mb_context(rc, "in the machine %s", name ? name : "arch");
        mb_machine_free(m);
    } else {
        *out = m;
    }
    return rc;
}

void mb_machine_free(mb_machine *m) {
    if (!m) return;
    if (m->adc.type) mb_adc_free(&m->adc);
    if (m->digital_macro) mb_macro_free(m->digital_macro);
    mb_free(m->digital_macro);
    mb_params_free(mb_machine_params, m);
    mb_free(m->name);
    mb_free(m->where);
    mb_free(m);
}

bool mb_machine_has_wires(const mb_machine *m) {
    return m->r_wl_ohm > 0 || m->r_bl_ohm > 0 || m->r_driver_ohm > 0 || m->r_sense_ohm > 0 || m->r_on_ohm > 0;
}

int mb_machine_spec(const mb_machine *mach, const mb_cell *cell, const mb_assign *a, bool input_signed, mb_xbar_spec *spec) {
    const char *fault = mb_assign_fault(a);
    if (fault) return mb_fail(MB_BADINPUT, "%s (%d and %d)", fault, a->dac_bits, a->input_bits);
    if (a->rows_active > mach->rows)
        return mb_fail(MB_BADINPUT,
                       "rows_active = %d, but an array of the machine %s (%s) has %d rows; take at most that, or 0 for all",
                       a->rows_active, mach->name, mach->where, mach->rows);
    if (mach->drop_empty_slices && a->scheme == MB_DIFFERENTIAL && a->adc_bits == 1)
        return mb_fail(MB_BADINPUT, "adc_bits = 1: a comparator has no code for 0, and drop_empty_slices of the machine %s (%s) needs one",
                       mach->name, mach->where);
    *spec = (mb_xbar_spec){
        .rows = mach->rows,
        .cols = mach->cols,
        .rows_active = a->rows_active ? a->rows_active : mach->rows,
        .weight_bits = a->weight_bits,
        .cell_bits = a->cell_bits,
        .input_bits = a->input_bits,
        .dac_bits = a->dac_bits,
        .input_signed = input_signed,
        .adc_bits = a->adc_bits,
        .scheme = (mb_scheme)a->scheme,
        .subtract = (mb_subtraction)mach->subtract,
        .adc_rule = (mb_adc_rule)mach->adc_rule,
        .adc_percentile = mach->adc_percentile,
        .adc_fraction = mach->adc_fraction,
        .cell = *cell,
        .adc = mach->adc,
        .time_s = 0,
        .temp_K = 300,
        .wires = {.r_wl_ohm = mach->r_wl_ohm,
                  .r_bl_ohm = mach->r_bl_ohm,
                  .r_driver_ohm = mach->r_driver_ohm,
                  .r_sense_ohm = mach->r_sense_ohm,
                  .r_on_ohm = mach->r_on_ohm,
                  .drive = mach->drive,
                  .sense = mach->sense,
                  .interleaved = mach->interleaved},
        .n_slice_bits = (int)mach->slice_bits.n,
        .code = a->scheme == MB_DIFFERENTIAL ? (mb_weight_code)mach->weight_code : MB_CODE_PLAIN,
        .skip_slices = a->skip_slices,
        .pair = (mb_pair)mach->pair,
        .correction = (mb_correction)mach->offset_correction,
        .input_code = (mb_input_code)mach->input_code,
        .accumulate = (mb_accumulation)mach->accumulate,
        .dac = (mb_dac_form)mach->dac,
        .dac_inl = mach->dac_inl,
        .dac_noise = mach->dac_noise,
        .column_limit_A = mach->column_limit_A,
        .read_noise = (mb_read_noise)mach->read_noise,
        .adc_one_range = mach->adc_range_per == 1,
        .adc_powers_of_two = mach->adc_powers_of_two,
        .drop_empty = mach->drop_empty_slices && a->scheme == MB_DIFFERENTIAL,
        .spare_columns = mach->spare_columns,
        .dead_rows = mach->dead_rows,
        .dead_columns = mach->dead_columns,
        .arithmetic = (mb_arithmetic)mach->arithmetic,
    };
    for (int i = 0; i < spec->n_slice_bits; i++) spec->slice_bits[i] = (int)mach->slice_bits.v[i];
    return MB_OK;
}

static int min_int(int a, int b) {
    return a < b ? a : b;
}
static int max_int(int a, int b) {
    return a > b ? a : b;
}
static int ceil_div(int a, int b) {
    return (a + b - 1) / b;
}

/* The block of a x b arrays of a layer that one tile holds: the one that moves the fewest bits per vector, inputs to every tile
 * that needs them and partial sums between tiles. */
static void choose_block(mb_placement *p, mb_matmul mm, int apt, int input_bits, int sum_bits) {
    int T_r = p->layout.row_tiles, T_c = p->layout.col_tiles;
    double least = HUGE_VAL;
    for (int a = 1;; a = 2 * a < T_r ? 2 * a : T_r) {
        if (a > apt) a = apt;
        int along = ceil_div(T_r, a), across = ceil_div(T_c, max_int(1, apt / a));
        double bits = (double)mm.K * input_bits * across + (along - 1.0) * mm.N * sum_bits;
        if (bits < least) {
            least = bits;
            p->tiles_along = along;
            p->tiles_across = across;
        }
        if (a >= T_r || a >= apt) break;
    }
}

/* Most columns with a read slice among those that share a converter, of the first AT_ONCE columns. */
static int busiest_converter(const mb_xbar_layout *o, int skip, int columns_per_adc, int at_once) {
    if (skip == 0) return min_int(columns_per_adc, at_once);
    const int unread = skip * o->cells_per_weight / (o->slices + skip); /* the first columns of each weight */
    int most = 0, count = 0;
    for (int c = 0; c < at_once; c++) {
        count = (c % columns_per_adc == 0 ? 0 : count) + (c % o->cells_per_weight >= unread);
        most = max_int(most, count);
    }
    return most;
}

int mb_machine_place(const mb_machine *mach, const mb_xbar_spec *spec, const mb_layer *l, int copies, mb_placement *p) {
    mb_matmul mm = mb_layer_matmul(l);
    int rc = mb_xbar_plan(spec, mm.K, mm.N, &p->layout);
    if (rc) return mb_context(rc, "layer %s on the machine %s (%s)", l->name, mach->name, mach->where);
    const mb_xbar_layout *o = &p->layout;
    bool single = o->row_tiles == 1 && o->col_tiles == 1;
    int apt = mach->arrays_per_tile, at_once;
    p->columns_per_group = min_int(mm.N, o->outputs_per_tile) * o->cells_per_weight + o->dummy_columns;
    p->groups_per_array =
        single ? min_int(mm.groups, min_int(spec->rows / mm.K, (spec->cols - spec->spare_columns) / p->columns_per_group)) : 1;
    if (p->groups_per_array > 1) {
        int together = spec->rows_active / mm.K; /* packed groups in one row group */
        p->steps = together ? ceil_div(p->groups_per_array, together) : p->groups_per_array * ceil_div(mm.K, spec->rows_active);
        at_once = p->columns_per_group * max_int(1, min_int(together, p->groups_per_array));
        p->arrays = (int64_t)copies * ceil_div(mm.groups, p->groups_per_array);
        p->tiles_across = p->tiles_along = 1;
        p->groups_per_tile = min_int(mm.groups, p->groups_per_array * apt);
    } else {
        p->steps = o->groups_per_tile;
        at_once = p->columns_per_group;
        p->arrays = (int64_t)copies * mm.groups * o->row_tiles * o->col_tiles;
        choose_block(p, mm, apt, spec->input_bits, mb_sum_bits(spec->weight_bits, spec->input_bits, mm.K));
        p->groups_per_tile = min_int(mm.groups, max_int(1, apt / (o->row_tiles * o->col_tiles)));
    }
    p->adc_steps = busiest_converter(o, spec->skip_slices, mach->columns_per_adc, at_once);
    if (spec->scheme == MB_DIFFERENTIAL && spec->subtract == MB_SUB_ANALOG) p->adc_steps = ceil_div(p->adc_steps, 2);
    return MB_OK;
}

int mb_machine_arrays(const mb_machine *mach, const mb_cell *cell, const mb_layer *l, const mb_assign *a, int64_t *arrays) {
    mb_xbar_spec spec;
    mb_placement p;
    *arrays = 0;
    if (a->engine == MB_DIGITAL) return MB_OK;
    int rc = mb_machine_spec(mach, cell, a, false, &spec);
    if (rc) return mb_context(rc, "layer %s", l->name);
    if ((rc = mb_machine_place(mach, &spec, l, a->copies, &p))) return rc;
    *arrays = p.arrays;
    return MB_OK;
}
