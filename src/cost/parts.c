/* parts.c - unit costs of a machine's parts (parts.h) */
#include "cost/parts.h"

#include <math.h>
#include <string.h>

#include "base/error.h"

static const char given[] = "given by the machine description";
static const char line_source[] = "C V^2 per row drive";
static const char driver_source[] = "circuit of the node: line, chain of inverters, timer or settling (cost/converter.h)";
static const char front_source[] = "settling amplifier or sense amplifier of the node (cost/converter.h)";
static const char sampler_source[] = "C V^2, noise kT/C equal to quantisation (cost/converter.h)";
static const char circuit_source[] = "circuit fit or gates of the node (cost/converter.h: SAR, flash, ramp, integrate and fire)";
static const char tree_source[] = "gates and adders of 1, 2, 3 ... bits per row of a column, unit costs of digital logic";
static const char wire_source[] = "repeated wires over the floor plan (cost/circuit.h)";

static const double corner_energy[3] = {0.3, 1, 3.5}, corner_area[3] = {0.2, 1, 6.6}; /* converter.h: the survey's band */

/* Half of the bits of data change from word to word. */
#define TOGGLE     0.5
#define SENSED_V   0.05   /* difference that a sense amplifier decides */
#define SWITCH_OHM 2000.0 /* of a sampler */

/* --- converters ---------------------------------------------------------------------------------------------------- */

static int circuit_adc(const mb_parts *p, const mb_machine *m, int bits, mb_cost *c) {
    const char *type = m->adc.type->name;
    const mb_process *n = &p->process;
    /* the fits contain the column's current, which the cells' read energy counts already: a column without any */
    const double column_ohm = 1e12, clock = m->adc_rate_Hz > 0 ? m->adc_rate_Hz * ldexp(1, bits) : m->clock_Hz;
    mb_block b;
    if (strcmp(type, "sar") == 0) b = mb_sar_table(n, bits, column_ohm, p->cell.read_V);
    else if (strcmp(type, "flash") == 0) b = mb_flash_table(n, bits, column_ohm, p->cell.read_V);
    else if (strcmp(type, "ramp") == 0) b = mb_converter_ramp(n, bits, m->cols / m->columns_per_adc, clock);
    else if (strcmp(type, "integrate") == 0) b = mb_converter_fire(n, bits, (ldexp(1, bits) - 1) / 2, 50e-15, 0.5, 1 / clock);
    else
        return mb_fail(MB_BADINPUT,
                       "converter = \"circuit\" has circuits for sar, flash, ramp and integrate, not for %s; use \"survey\"",
                       type);
    if (isnan(b.energy_J)) return mb_fail(MB_BADINPUT, "there is no circuit fit of a %s converter at %g nm", type, n->node_nm);
    *c = (mb_cost){b.energy_J, b.delay_s, b.area_m2};
    return MB_OK;
}

/* The exact sum of a column's products of one bit: a gate (a quarter of a bit of an adder) per row, and adders of 1, 2, 3 ...
 * bits. One sum per clock: the tree is pipelined. */
static mb_cost adder_tree(const mb_parts *p, const mb_machine *m) {
    mb_cost sum = mb_unit_add(&p->tech, 1), each = {0.25 * m->rows * sum.energy_J, 1 / m->clock_Hz, 0.25 * m->rows * sum.area_m2};
    for (int n = m->rows, bits = 1; n > 1; n = (n + 1) / 2, bits++) {
        mb_cost a = mb_unit_add(&p->tech, bits);
        each.energy_J += n / 2 * a.energy_J;
        each.area_m2 += n / 2 * a.area_m2;
    }
    return each;
}

static int price_adc(const mb_parts *p, const mb_machine *m, int bits, mb_priced *out) {
    const mb_adc_type *t = m->adc.type;
    mb_cost c = {0, 0, 0};
    int rc = MB_OK;
    if (m->converter == MB_CONVERTER_ADDER_TREE) {
        c = adder_tree(p, m);
        c.energy_J *= m->adc_energy_factor; /* logic: the corners of converters do not apply */
        c.area_m2 *= m->adc_area_factor;
        *out = (mb_priced){c, tree_source, false};
        return MB_OK;
    }
    if (m->converter == MB_CONVERTER_CIRCUIT && !t->transparent) rc = circuit_adc(p, m, bits, &c);
    else if (t->cost) rc = t->cost(m->adc.params, bits, m->adc_rate_Hz, m->node_nm, &c);
    if (rc) return rc;
    if (m->adc_rate_Hz > 0 && t->cost && c.latency_s < 1 / m->adc_rate_Hz)
        c.latency_s = 1 / m->adc_rate_Hz; /* small because slow */
    c.energy_J *= p->adc_energy_factor;
    c.area_m2 *= p->adc_area_factor;
    *out = (mb_priced){c,
                       m->converter == MB_CONVERTER_CIRCUIT ? circuit_source
                       : t->cost_source                     ? t->cost_source
                                                            : given,
                       m->converter == MB_CONVERTER_CIRCUIT && strcmp(t->name, "integrate") == 0};
    return MB_OK;
}

int mb_parts_adc(const mb_parts *p, const mb_machine *m, int bits, const mb_priced **adc) {
    mb_priced again;
    *adc = &p->adc[bits];
    if (p->adc[bits].source) return MB_OK;
    return mb_context(price_adc(p, m, bits, &again), "converter %s of the machine %s (%s) with %d bits", m->adc.type->name,
                      m->name, m->where, bits);
}

/* --- rows and columns ---------------------------------------------------------------------------------------------- */

static void price_rows(mb_parts *p, const mb_machine *m) {
    const mb_process *n = &p->process;
    const double row_F = m->driver_C_F * m->cols, V = m->vdd_V, read = m->read_s;
    for (int d = 1; d <= MB_DAC_BITS_MAX; d++) {
        mb_block zero, one;
        switch ((mb_driver_model)m->driver) {
        case MB_DRIVER_BIT: zero = one = mb_drive_bit(n, row_F, V); break;
        case MB_DRIVER_COUNT:
            zero = mb_drive_count(n, d, 0, row_F, V, read);
            one = mb_drive_count(n, d, 1, row_F, V, read);
            break;
        case MB_DRIVER_WIDTH: zero = one = mb_drive_width(n, d, 1, row_F, V, read); break;
        case MB_DRIVER_VOLTAGE: zero = one = mb_drive_voltage(n, d, row_F, p->cell.read_V, read); break;
        default: /* given: the line and its switches */
            p->driver[d] = (mb_priced){{m->driver_C_F * m->cols * (V * V), 0, m->driver_area_m2}, line_source, false};
            continue;
        }
        p->driver[d] = (mb_priced){{zero.energy_J, 0, zero.area_m2}, driver_source, false};
        p->digit_J[d] = one.energy_J - zero.energy_J;
    }
}

static void price_columns(mb_parts *p, const mb_machine *m) {
    const mb_process *n = &p->process;
    for (int b = 1; b <= MB_ADC_BITS_MAX; b++) {
        p->front[b] = (mb_priced){{m->integrator_W, 0, m->integrator_area_m2}, given, false};
        p->sampler[b] = (mb_priced){{m->sample_C_F * (m->vdd_V * m->vdd_V), 0, m->sample_area_m2}, given, false};
        if (m->front_end != MB_FRONT_GIVEN) {
            mb_block f = m->front_end == MB_FRONT_AMPLIFIER
                             ? mb_amplifier(n, b, m->sample_C_F > 0 ? m->sample_C_F : 1e-15, m->read_s)
                             : mb_sense_amplifier(n, SENSED_V);
            p->front[b] = (mb_priced){{f.energy_J, 0, f.area_m2}, front_source, false};
        }
        if (m->sampler == MB_SAMPLER_NOISE) {
            mb_block s = mb_sampler(n, b, m->vdd_V, m->sample_C_F, SWITCH_OHM);
            p->sampler[b] = (mb_priced){{s.energy_J, 0, s.area_m2}, sampler_source, false};
        }
    }
}

/* --- buffers, wires ------------------------------------------------------------------------------------------------ */

int mb_parts_buffer(const mb_machine *m, const char *name, double kib, mb_buffer *b) {
    const double bits = kib * 8192;
    *b = (mb_buffer){.name = name, .kib = kib};
    if (m->buffer == MB_BUFFER_SRAM) return mb_buffer_init(b, name, kib, m->bus_bits, m->node_nm);
    if (m->buffer == MB_BUFFER_GIVEN) {
        b->read_J_per_bit = m->buffer_read_J_per_bit;
        b->write_J_per_bit = m->buffer_write_J_per_bit;
        b->sram = (mb_sram){b->read_J_per_bit * m->bus_bits, b->write_J_per_bit * m->bus_bits, m->buffer_W_per_bit * bits,
                            m->buffer_m2_per_bit * bits, 0};
        b->source = given;
        return MB_OK;
    }
    mb_memory e;
    int rc = mb_edram(kib, m->bus_bits, m->node_nm, (mb_corner)m->corner, 40e-6, &e);
    if (rc) return mb_context(rc, "in the cost of the %s", name);
    b->read_J_per_bit = e.read_J / m->bus_bits;
    b->write_J_per_bit = e.write_J / m->bus_bits;
    b->sram = (mb_sram){e.read_J, e.write_J, e.leakage_W + e.refresh_W, e.area_m2, e.access_s};
    b->source = "eDRAM, band of DaDianNao and SRAM (cost/memory.h); refresh is part of its leakage";
    return MB_OK;
}

mb_wiring mb_parts_wiring(const mb_parts *p, const mb_machine *m, double tiles, double tile_m2) {
    mb_wiring w = {m->bus_J_per_bit, m->noc_J_per_bit, m->router_area_m2, 0, given};
    if (m->interconnect == MB_WIRES_GIVEN) return w;
    const double side = sqrt(tile_m2), scale = TOGGLE * (m->vdd_V / p->process.vdd_V) * (m->vdd_V / p->process.vdd_V);
    const double edge = ceil(sqrt(tiles)), groups = ceil(sqrt(m->pes_per_tile)), per_m = p->wire.energy_J_per_m * scale;
    w.source = wire_source;
    w.bus_J_per_bit = per_m * side; /* along one side of the tile; H-tree: to the leaves */
    if (m->interconnect == MB_WIRES_HTREE) {
        double path, all;
        mb_htree_path((int)groups, (int)groups, side / groups, side / groups, &path, &all);
        if (m->pes_per_tile > 1) w.bus_J_per_bit = per_m * path;
        mb_htree_path((int)edge, (int)edge, side, side, &path, &all);
        w.noc_J_per_bit = per_m * path;
        w.router_area_m2 = all * p->wire.area_m2_per_m * m->bus_bits / tiles;
        w.leakage_W = all * p->wire.leakage_W_per_m * m->bus_bits;
    } else if (m->interconnect == MB_WIRES_BUS) {
        w.noc_J_per_bit = per_m * edge * side;
        w.router_area_m2 = side * p->wire.area_m2_per_m * m->bus_bits;
        w.leakage_W = edge * edge * side * p->wire.leakage_W_per_m * m->bus_bits;
    } else {
        double hops = edge > 1 ? 2 * edge / 3 : 0, links = 4 * edge * (edge - 1) * side;
        double v = m->vdd_V / p->process.vdd_V, router = p->router.energy_J / m->bus_bits * (v * v);
        w.noc_J_per_bit = hops * per_m * side + (hops + 1) * router;
        w.router_area_m2 = p->router.area_m2 + links * p->wire.area_m2_per_m * m->bus_bits / tiles;
        w.leakage_W = tiles * p->router.leakage_W + links * p->wire.leakage_W_per_m * m->bus_bits;
    }
    return w;
}

/* --- all ----------------------------------------------------------------------------------------------------------- */

static bool needs_node(const mb_machine *m) {
    return m->logic == MB_LOGIC_GATES || m->driver != MB_DRIVER_GIVEN || m->front_end != MB_FRONT_GIVEN ||
           m->sampler != MB_SAMPLER_GIVEN || m->interconnect != MB_WIRES_GIVEN || m->converter == MB_CONVERTER_CIRCUIT;
}

int mb_parts_init(mb_parts *p, const mb_machine *m, const mb_cell *cell) {
    memset(p, 0, sizeof *p);
    int rc = mb_tech_init(&p->tech, m->node_nm, m->vdd_V, m->digital_factor);
    if (!rc && needs_node(m)) {
        mb_process_spec spec = {.node_nm = m->node_nm, .roadmap = (mb_roadmap)m->roadmap, .temp_K = m->temp_K};
        rc = mb_process_init(&p->process, &spec);
    }
    if (!rc) rc = mb_parts_buffer(m, "tile buffer", m->buffer_KiB, &p->tile);
    if (rc) return rc;
    if (cell) {
        cell->type->cost(cell->params, &p->cell);
        cell->type->range(cell->params, &p->g_min_S, &p->g_max_S);
    }
    if (m->logic == MB_LOGIC_GATES) {
        mb_gates_init(&p->gates, &p->process, m->vdd_V, m->digital_factor);
        p->tech.gates = &p->gates;
    }
    /* a converter that was calibrated on silicon has no band */
    const bool open_J = fabs(m->adc_energy_factor - 1) < 1e-12, open_m2 = fabs(m->adc_area_factor - 1) < 1e-12;
    p->adc_energy_factor = m->adc_energy_factor * (open_J ? corner_energy[m->corner] : 1);
    p->adc_area_factor = m->adc_area_factor * (open_m2 ? corner_area[m->corner] : 1);
    for (int b = 1; b <= MB_ADC_BITS_MAX; b++) {
        if (price_adc(p, m, b, &p->adc[b])) mb_error_clear(); /* told when a plan asks for it */
    }
    price_rows(p, m);
    price_columns(p, m);
    if (m->interconnect != MB_WIRES_GIVEN) p->wire = mb_repeated_wire(&p->process, &p->process.wire, 0);
    if (m->interconnect == MB_WIRES_MESH) p->router = mb_mesh(&p->process, 1, 1, 0, m->bus_bits, 4, TOGGLE, NULL);
    p->dram = m->dram > 0 ? &mb_drams[m->dram - 1] : NULL;
    return MB_OK;
}
