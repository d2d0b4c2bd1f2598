/* network.c - energy, latency and area of a network under a plan: counts x unit costs
 *
 * Layers run one after the other. Per weighted layer on arrays, with V vectors per group, G groups, K x N weights, P planes of p bits, R row groups, T_r x T_c tiles of a matrix:
 *     conversions  V G P R (N * conversions_per_output + T_c * dummy columns)
 *     row drives   V G T_c * (driven rows per vector)              energy C_driver * cols * Vdd^2
 *     cells        V G * V_read^2 * t_read * sum(digit * conductance)
 *     time         two stages, driving and converting, overlapped by the sample-and-hold: sum of max(drive, conversion) + the shorter of the two once
 * All equations, with what is left out: doc/models-cost.md.
 * Who may call: the runner and policies' oracles. Re-entrant; without a tree only one small allocation.
 */
#include <math.h>

#include "base/error.h"
#include "base/mem.h"
#include "cost/digital.h"
#include "cost/ledger.h"
#include "cost/machine.h"
#include "cost/systolic.h"
#include "cost/unit.h"
#include "nn/op.h"

static const char src_machine[] = "given by the machine description";
static const char src_cell[] = "V_read^2 x read_s x sum of digit x conductance";
static const char src_cell_measured[] = "V_read^2 x read_s x sum of digit x conductance, measured in simulation";
static const char src_wire[] = "C V^2 per row drive";

typedef struct costing {
    const mb_machine *mach;
    const mb_cell *cell;
    mb_cell_cost cell_cost;
    const mb_network *net;
    const mb_plan *plan;
    mb_tech tech;
    mb_buffer tile, global, weights;    /* weights: of layers on the digital engine */
    mb_digital unit;
    mb_systolic block;                  /* multipliers of the digital unit */
    mb_cost adc[17];                    /* unit costs by resolution, once asked for */
    bool adc_known[17];
    const int *bits;                    /* precision of each layer's output */
    mb_ledger book;
    double arrays;
    double digital_m2;                  /* logic inside the arrays: shift-and-add, registers */
} costing;

static int adc_cost(costing *c, int bits, mb_cost *out)
{
    const mb_adc_type *t = c->mach->adc.type;
    if (!c->adc_known[bits]) {
        mb_cost *e = &c->adc[bits];
        int rc = t->cost ? t->cost(c->mach->adc.params, bits, c->mach->adc_rate_Hz, c->mach->node_nm, e) : MB_OK;
        if (rc) return mb_context(rc, "converter %s of the machine %s (%s) with %d bits", t->name, c->mach->name, c->mach->where, bits);
        if (!t->cost) *e = (mb_cost){0, 0, 0};
        e->energy_J *= c->mach->adc_energy_factor;
        e->area_m2 *= c->mach->adc_area_factor;
        c->adc_known[bits] = true;
    }
    *out = c->adc[bits];
    return MB_OK;
}

/* Times of one layer on one copy of its arrays. */
typedef struct times { double drive_s, convert_s, move_s, units; } times;   /* units: sum over planes of the longest digit */

static times layer_times(const costing *c, const mb_assign *a, const mb_xbar_spec *spec, const mb_placement *p, const mb_matmul *mm, double adc_s, double tile_in,
                         double tile_out, double port_bits)
{
    const mb_machine *mach = c->mach;
    times t = {0};
    double vectors = ceil((double)mm->vectors / a->copies), runs = vectors * p->steps;
    double slot = adc_s > 1 / mach->clock_Hz ? adc_s : 1 / mach->clock_Hz;      /* the shift-and-add takes one result per clock */
    double convert = p->adc_steps * slot, first = 0;
    if (spec->adc.type->transparent && adc_s == 0) convert = 0;                 /* ideal converter: no time */
    int magnitude = spec->input_signed ? (a->input_bits > 1 ? a->input_bits - 1 : 1) : a->input_bits;
    for (int done = 0; done < magnitude; done += a->dac_bits) {
        int bits = magnitude - done < a->dac_bits ? magnitude - done : a->dac_bits;
        double units = (1 << bits) - 1, drive = units * mach->read_s;
        t.units += units;
        t.drive_s += runs * drive;
        if (done == 0) first = drive;
        if (!mach->sample_hold) t.convert_s += runs * convert;
        else if (convert > drive) t.convert_s += runs * (convert - drive);
    }
    if (mach->sample_hold) t.convert_s += convert < first ? convert : first;    /* the pipeline of two stages fills once */
    double beat = 1 / mach->clock_Hz, load = ceil(tile_in / mach->bus_bits) * beat;
    double bus = vectors * (load + ceil(tile_out / mach->bus_bits) * beat), port = ceil(port_bits / mach->bus_bits) * beat;
    double moving = bus > port ? bus : port, computing = t.drive_s + t.convert_s;
    t.move_s = load + (moving > computing ? moving - computing : 0);            /* the first vector, then what computing does not hide */
    return t;
}

/* Bits of inputs that reach the tiles from the global buffer: each element once when the tiles can keep the kernel's rows, else each vector anew. */
static double fill_bits(const costing *c, const mb_layer *l, const mb_matmul *mm, const mb_placement *p, int input_bits)
{
    const mb_window *w = &l->win;
    double every = (double)mm->vectors * mm->groups * mm->K, once = (double)w->cin * w->ih * w->iw;
    double rows = (double)w->cin * w->kh * w->iw * input_bits, tiles = ceil((double)p->arrays / c->mach->arrays_per_tile);
    double elements = once < every && rows <= tiles * c->mach->buffer_KiB * 8192.0 ? once : every;
    return elements * input_bits * p->tiles_across;
}

static int analog_layer(costing *c, int m, const mb_activity *act, bool input_signed)
{
    const mb_machine *mach = c->mach;
    const mb_layer *l = &c->net->layer[c->net->weighted[m]];
    const mb_assign *a = &c->plan->assign[m];
    mb_matmul mm = mb_layer_matmul(l);
    mb_xbar_spec spec;
    mb_placement p;
    mb_cost adc = {0, 0, 0};
    int rc = mb_machine_spec(mach, c->cell, a, input_signed, &spec);
    if (rc) return mb_context(rc, "layer %s", l->name);
    if ((rc = mb_machine_place(mach, &spec, l, a->copies, &p)) || (rc = adc_cost(c, a->adc_bits, &adc))) return rc;

    const mb_xbar_layout *o = &p.layout;
    const mb_tech *tech = &c->tech;
    double vectors = (double)mm.vectors * mm.groups, outputs = vectors * mm.N, arrays = (double)p.arrays;
    double per_group = (double)mm.N * o->conversions_per_output + (double)o->col_tiles * o->dummy_columns;
    double conversions = vectors * o->planes * o->row_groups * per_group;
    int sum = mb_sum_bits(a->weight_bits, a->input_bits, mm.K), out_bits = c->bits[c->net->weighted[m]];
    bool pairs = spec.scheme == MB_DIFFERENTIAL && spec.subtract == MB_SUB_ANALOG;
    double fronts = arrays * (pairs ? mach->cols / 2 : mach->cols);             /* integrators and samplers: one per column or pair */

    double fill = fill_bits(c, l, &mm, &p, a->input_bits), read = vectors * mm.K * a->input_bits * p.tiles_across;
    double partial = (p.tiles_along - 1.0) * outputs * sum, stored = outputs * out_bits;
    double rows_in_tile = fmin(mm.K, ceil((double)o->row_tiles / p.tiles_along) * mach->rows);
    double cols_in_tile = ceil((double)mm.N / p.tiles_across);
    double tile_in = p.groups_per_tile * rows_in_tile * a->input_bits, tile_out = p.groups_per_tile * cols_in_tile * (p.tiles_along > 1 ? sum : out_bits);
    times t = layer_times(c, a, &spec, &p, &mm, adc.latency_s, tile_in, tile_out, fill + stored);

    mb_ledger *b = &c->book;
    mb_ledger_open(b, l->name);
    double vr = c->cell_cost.read_V, F = mach->node_nm * 1e-9, pulse = vr * vr * mach->read_s;
    mb_ledger_add(b, "cells", "read", vectors, arrays,
                  (mb_cost){pulse * act->charge_S, t.drive_s / vectors, (double)mach->rows * mach->cols * c->cell_cost.area_F2 * F * F},
                  act->measured ? src_cell_measured : src_cell, 1);
    if (p.groups_per_array > 1) {
        double g_min, g_max;
        c->cell->type->range(c->cell->params, &g_min, &g_max);
        mb_ledger_add(b, "cells", "read outside of the packed groups", vectors, 0,
                      (mb_cost){pulse * act->digit_sum * (p.groups_per_array - 1.0) * p.columns_per_group * g_min, 0, 0}, src_cell, 1);
    }
    mb_ledger_logic(b, "drivers", "row drive", vectors * act->rows_driven * o->col_tiles, arrays * mach->rows,
                    (mb_cost){mach->driver_C_F * mach->cols * mach->vdd_V * mach->vdd_V, 0, mach->driver_area_m2}, src_wire, 1);
    mb_ledger_logic(b, "integrators", "integrate a column", conversions, fronts,
                    (mb_cost){mach->integrator_W * mach->read_s * t.units / o->planes, 0, mach->integrator_area_m2}, src_machine, 1);
    if (mach->sample_hold)
        mb_ledger_logic(b, "sample-hold", "sample a column", conversions, fronts, (mb_cost){mach->sample_C_F * mach->vdd_V * mach->vdd_V, 0, mach->sample_area_m2},
                        src_machine, 1);
    mb_ledger_logic(b, "adc", "conversion", conversions, arrays * mach->cols / mach->columns_per_adc, (mb_cost){adc.energy_J, t.convert_s / conversions, adc.area_m2},
                    mach->adc.type->cost_source, mach->adc_energy_factor);

    mb_cost adder = mb_unit_add(tech, sum), reg = mb_unit_register(tech, sum), input = mb_unit_register(tech, a->input_bits);
    double adders = arrays * mach->cols / mach->columns_per_adc, accumulators = arrays * p.groups_per_array * fmin(mm.N, o->outputs_per_tile);
    mb_ledger_logic(b, "shift-add", "shift and add", conversions, adders,
                    (mb_cost){adder.energy_J + reg.energy_J, 0, adder.area_m2}, mb_unit_source, tech->factor);
    mb_ledger_logic(b, "shift-add", "accumulators", 0, accumulators, reg, mb_register_source, tech->factor);
    if (o->dummy_columns) mb_ledger_add(b, "shift-add", "subtract the offset", outputs * o->row_tiles, 0, adder, mb_unit_source, tech->factor);
    mb_ledger_add(b, "shift-add", "add row tiles", outputs * (o->row_tiles - 1), 0, adder, mb_unit_source, tech->factor);
    mb_ledger_logic(b, "registers", "load an input", vectors * mm.K * o->col_tiles, arrays * mach->rows, input, mb_register_source, tech->factor);
    c->digital_m2 += adders * adder.area_m2 + accumulators * reg.area_m2 + arrays * mach->rows * input.area_m2;

    mb_ledger_add(b, c->tile.name, "write inputs", fill, 0, (mb_cost){c->tile.write_J_per_bit, 0, 0}, mb_sram_source, 1);
    mb_ledger_add(b, c->tile.name, "read inputs", read, 0, (mb_cost){c->tile.read_J_per_bit, 0, 0}, mb_sram_source, 1);
    mb_ledger_add(b, c->global.name, "read inputs", fill, 0, (mb_cost){c->global.read_J_per_bit, 0, 0}, mb_sram_source, 1);
    mb_ledger_add(b, c->global.name, "write outputs", stored, 0, (mb_cost){c->global.write_J_per_bit, 0, 0}, mb_sram_source, 1);
    mb_ledger_add(b, "interconnect", "tile bus", read + stored, 0, (mb_cost){mach->bus_J_per_bit, 0, 0}, src_machine, 1);
    double hops = fill + partial + stored;
    mb_ledger_add(b, "interconnect", "between tiles", hops, 0, (mb_cost){mach->noc_J_per_bit, t.move_s / hops, 0}, src_machine, 1);
    mb_digital_rescale(b, &c->unit, outputs, sum);
    mb_ledger_close(b);
    c->arrays += arrays;
    return MB_OK;
}

/* A layer on the digital engine: integer products on the multiplier block, weights in SRAM. */
static void digital_engine_layer(costing *c, int m)
{
    int index = c->net->weighted[m];
    const mb_layer *l = &c->net->layer[index];
    const mb_assign *a = &c->plan->assign[m];
    mb_matmul mm = mb_layer_matmul(l);
    mb_ledger_open(&c->book, l->name);
    mb_systolic_layer(&c->book, &c->block, mm.groups, mm.vectors, mm.K, mm.N, a->weight_bits, a->input_bits, c->bits[index], NULL);
    mb_digital_rescale(&c->book, &c->unit, (double)mm.vectors * mm.groups * mm.N, mb_sum_bits(a->weight_bits, a->input_bits, mm.K));
    mb_ledger_close(&c->book);
}

/* Buffers and units that the layers share; needs the plan only. */
static int set_up(costing *c, int *scratch, int *bits, double *weight_bits)
{
    const mb_machine *mach = c->mach;
    double digital_bits = 0, peak;
    int rc = mb_tech_init(&c->tech, mach->node_nm, mach->vdd_V, mach->digital_factor);
    if (rc) return rc;
    c->cell->type->cost(c->cell->params, &c->cell_cost);
    mb_activation_bits(c->net, c->plan, bits);
    c->bits = bits;
    peak = mb_activation_peak(c->net, bits, scratch) / 8192;
    *weight_bits = 0;
    for (int m = 0; m < c->net->n_weighted; m++) {
        mb_matmul mm = mb_layer_matmul(&c->net->layer[c->net->weighted[m]]);
        double stored = (double)mm.groups * mm.K * mm.N * c->plan->assign[m].weight_bits;
        *weight_bits += stored;
        if (c->plan->assign[m].engine == MB_DIGITAL) digital_bits += stored;
    }
    if (mach->global_buffer_KiB && peak > mach->global_buffer_KiB)
        return mb_fail(MB_NUMERIC, "the network keeps up to %.1f KiB of activations, but the machine %s (%s) has global_buffer_KiB = %d: %.1f KiB are missing; raise it, "
                       "set it to 0 (as large as needed), or use fewer input_bits", peak, mach->name, mach->where, mach->global_buffer_KiB, peak - mach->global_buffer_KiB);
    double global = mach->global_buffer_KiB ? mach->global_buffer_KiB : fmax(1, ceil(peak));
    if ((rc = mb_buffer_init(&c->tile, "tile buffer", mach->buffer_KiB, mach->bus_bits, mach->node_nm))
        || (rc = mb_buffer_init(&c->global, "global buffer", global, mach->bus_bits, mach->node_nm)))
        return rc;
    if (digital_bits > 0 && (rc = mb_buffer_init(&c->weights, "weight buffer", fmax(1, ceil(digital_bits / 8192)), mach->bus_bits, mach->node_nm))) return rc;
    c->unit = (mb_digital){c->tech, mach->digital_lanes, mach->clock_Hz, &c->global};
    c->block = (mb_systolic){.rows = mach->digital_rows, .cols = mach->digital_cols, .dataflow = MB_OUTPUT_STATIONARY, .double_buffer = true,
                             .datapath = MB_SCALING_DATAPATH, .clock_Hz = mach->clock_Hz, .tech = c->tech, .inputs = &c->global, .weights = &c->weights,
                             .outputs = &c->global};
    return MB_OK;
}

static void add_memory(mb_ledger *b, const mb_buffer *m, double instances)
{
    b->leakage_W += instances * m->sram.leakage_W;
    mb_ledger_add(b, m->name, "memory", 0, instances, (mb_cost){0, 0, m->sram.area_m2}, mb_sram_source, 1);
}

/* What the layers share: buffers, network, digital unit; and the leakage of everything while the sample is computed. */
static int shared(costing *c)
{
    const mb_machine *mach = c->mach;
    mb_ledger *b = &c->book;
    double tiles = ceil(c->arrays / mach->arrays_per_tile);
    if (mach->tiles && tiles > mach->tiles)
        return mb_fail(MB_NUMERIC, "the plan needs %.0f arrays in %.0f tiles, but the machine %s (%s) has tiles = %d with %d arrays each: %.0f arrays are missing; raise tiles, "
                       "set it to 0 (as many as needed), or store fewer bits", c->arrays, tiles, mach->name, mach->where, mach->tiles, mach->arrays_per_tile,
                       c->arrays - (double)mach->tiles * mach->arrays_per_tile);
    if (mach->tiles) tiles = mach->tiles;
    mb_ledger_open(b, "shared");
    add_memory(b, &c->tile, tiles);
    add_memory(b, &c->global, 1);
    mb_ledger_logic(b, "interconnect", "router", 0, tiles, (mb_cost){0, 0, mach->router_area_m2}, src_machine, 1);
    double logic = c->digital_m2, lanes = mb_digital_area(&c->unit), block = mb_systolic_area(&c->block, 8, 8);
    mb_ledger_logic(b, "digital unit", "lanes", 0, 1, (mb_cost){0, 0, lanes}, mb_unit_source, 1);
    logic += lanes;
    if (c->weights.name) {
        add_memory(b, &c->weights, 1);
        mb_ledger_logic(b, "multiply-accumulate", "multiplier block", 0, 1, (mb_cost){0, 0, block}, mb_unit_source, 1);
        logic += block;
    }
    mb_ledger_logic(b, "control", "control and routing", 0, 1, (mb_cost){0, 0, mach->control_area * logic}, src_machine, 1);
    mb_ledger_add(b, "leakage", "while the sample is computed", b->total.latency_s, 0, (mb_cost){b->logic_m2 * mach->leakage_W_per_m2 + b->leakage_W, 0, 0}, src_machine, 1);
    mb_ledger_close(b);
    return MB_OK;
}

int mb_cost_network(const mb_machine *mach, const mb_cell *cell, const mb_network *net, const mb_plan *plan, const mb_activity *act, const bool *input_signed,
                    mb_report **report, mb_metrics *metrics)
{
    costing c = {.mach = mach, .cell = cell, .net = net, .plan = plan};
    mb_activity *own = NULL;
    int *work = NULL, rc = MB_OK;
    double weight_bits;
    mb_cost total;
    if (plan->n != net->n_weighted) return mb_fail(MB_BADINPUT, "the plan has %d layers, the network %d weighted ones", plan->n, net->n_weighted);
    mb_ledger_init(&c.book, mach->name, report != NULL);
    work = mb_malloc(2 * (size_t)net->n_layers, sizeof *work);
    if (!work) rc = mb_nomem();
    if (!rc && !act) {
        own = mb_malloc((size_t)net->n_weighted, sizeof *own);
        rc = own ? mb_activity_estimate(net, plan, mach, cell, own) : mb_nomem();
        act = own;
    }
    if (!rc) rc = set_up(&c, work, work + net->n_layers, &weight_bits);
    for (int i = 0, m = 0; !rc && i < net->n_layers; i++) {
        const mb_layer *l = &net->layer[i];
        if (m < net->n_weighted && net->weighted[m] == i) {
            if (plan->assign[m].engine == MB_DIGITAL) digital_engine_layer(&c, m);
            else rc = analog_layer(&c, m, &act[m], input_signed ? input_signed[m] : false);
            m++;
        } else if (mb_digital_works(net, l)) {
            mb_ledger_open(&c.book, l->name);
            mb_digital_layer(&c.book, &c.unit, net, l, c.bits, c.bits[i]);
            mb_ledger_close(&c.book);
        }
    }
    if (!rc) rc = shared(&c);
    if (!rc) rc = mb_ledger_end(&c.book, &total, report);
    else mb_ledger_drop(&c.book);
    if (!rc) *metrics = (mb_metrics){total.energy_J, total.latency_s, total.area_m2, c.arrays, weight_bits};
    mb_free(own);
    mb_free(work);
    return rc;
}
