/* network.c - energy, latency and area of a network under a plan: counts x unit costs
 *
 * Layers run one after the other. Per weighted layer on arrays, with V vectors per group, G groups, K x N weights, P planes of p
 * bits, R row groups, T_r x T_c tiles of a matrix:
 *     conversions  V G P R (N * conversions_per_output + T_c * dummy columns)    (P = 1 when planes are added before the converter)
 *     row drives   V G T_c * (driven rows per vector)              energy C_driver * cols * Vdd^2
 *     cells        V G * V_read^2 * t_read * sum(digit * conductance)
 *     time         two stages, driving and converting, overlapped by the sample-and-hold: sum of max(drive, conversion) + the
 *     shorter of the two once
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
    mb_buffer tile, global, weights; /* weights: of layers on the digital engine */
    mb_digital unit;
    mb_systolic block; /* multipliers of the digital unit */
    mb_cost adc[17];   /* unit costs by resolution, once asked for */
    bool adc_known[17];
    const int *bits; /* precision of each layer's output */
    mb_ledger book;
    double arrays;
    double digital_m2; /* logic inside the arrays: shift-and-add, registers */
    bool products;     /* of two activations, on the multiplier block */
} costing;

static int adc_cost(costing *c, int bits, mb_cost *out) {
    const mb_adc_type *t = c->mach->adc.type;
    if (!c->adc_known[bits]) {
        mb_cost *e = &c->adc[bits];
        int rc = t->cost ? t->cost(c->mach->adc.params, bits, c->mach->adc_rate_Hz, c->mach->node_nm, e) : MB_OK;
        if (rc)
            return mb_context(rc, "converter %s of the machine %s (%s) with %d bits", t->name, c->mach->name, c->mach->where,
                              bits);
        if (!t->cost) *e = (mb_cost){0, 0, 0};
        if (c->mach->adc_rate_Hz > 0 && t->cost && e->latency_s < 1 / c->mach->adc_rate_Hz) e->latency_s = 1 / c->mach->adc_rate_Hz; /* small because slow */
        e->energy_J *= c->mach->adc_energy_factor;
        e->area_m2 *= c->mach->adc_area_factor;
        c->adc_known[bits] = true;
    }
    *out = c->adc[bits];
    return MB_OK;
}

/* A layer on arrays: where it lies, what it counts, how long it takes. */
typedef struct job {
    const mb_layer *layer;
    const mb_assign *a;
    const mb_activity *act;
    mb_matmul mm;
    mb_xbar_spec spec;
    mb_placement place;
    mb_cost adc;                          /* one conversion, one converter */
    double vectors, outputs, conversions; /* of all groups */
    double arrays, converters;
    int sum_bits, out_bits;
    double fill, read, partial, stored; /* bits: global buffer to tiles, tile buffers to arrays, between tiles, outputs */
    double drive_s, convert_s, move_s;  /* exposed times */
    double units;                       /* sum over planes of the longest digit */
} job;

/* Driving and converting on one copy of the arrays, and what moving the data adds. */
static void set_times(const costing *c, job *j) {
    const mb_machine *mach = c->mach;
    const mb_placement *p = &j->place;
    const mb_assign *a = j->a;
    double vectors = ceil((double)j->mm.vectors / a->copies), runs = vectors * p->steps;
    double beat = 1 / mach->clock_Hz, slot = fmax(j->adc.latency_s, beat); /* the shift-and-add takes one result per clock */
    double convert = p->adc_steps * slot, first = 0;
    if (j->spec.adc.type->transparent && j->adc.latency_s == 0) convert = 0; /* ideal converter: no time */
    int magnitude = j->spec.input_signed ? (a->input_bits > 1 ? a->input_bits - 1 : 1) : a->input_bits, planes = p->layout.planes;
    const bool added = p->layout.planes_converted < planes, level = j->spec.dac == MB_DAC_LEVEL;
    double drive = 0;                  /* since the last conversion */
    for (int i = 0; i < planes; i++) {
        int left = magnitude - i * a->dac_bits, bits = left <= 0 ? 1 : left < a->dac_bits ? left : a->dac_bits; /* 0: the plane of the sign */
        double units = level ? 1 : (1 << bits) - 1;
        drive += units * mach->read_s;
        j->units += units;
        if (added && i < planes - 1) continue;
        j->drive_s += runs * drive;
        if (first <= 0) first = drive;
        if (!mach->sample_hold) j->convert_s += runs * convert;
        else if (convert > drive) j->convert_s += runs * (convert - drive);
        drive = 0;
    }
    if (mach->sample_hold) j->convert_s += fmin(convert, first); /* the pipeline of two stages fills once */

    double rows = fmin(j->mm.K, ceil((double)p->layout.row_tiles / p->tiles_along) * mach->rows);
    double in = p->groups_per_tile * rows * a->input_bits;
    double out = p->groups_per_tile * ceil((double)j->mm.N / p->tiles_across) * (p->tiles_along > 1 ? j->sum_bits : j->out_bits);
    double load = ceil(in / mach->bus_bits) * beat, bus = vectors * (load + ceil(out / mach->bus_bits) * beat);
    double port = ceil((j->fill + j->stored) / mach->bus_bits) * beat;
    j->move_s = load +
                fmax(0, fmax(bus, port) - (j->drive_s + j->convert_s)); /* the first vector, then what computing does not hide */
}

/* Bits of inputs that reach the tiles from the global buffer: each element once when the tiles can keep the kernel's rows, else
 * each vector anew. */
static double fill_bits(const costing *c, const job *j) {
    const mb_window *w = &j->layer->win;
    double every = j->vectors * j->mm.K, once = (double)w->cin * w->ih * w->iw;
    double rows = (double)w->cin * w->kh * w->iw * j->a->input_bits, tiles = ceil(j->arrays / c->mach->arrays_per_tile);
    double elements = once < every && rows <= tiles * c->mach->buffer_KiB * 8192.0 ? once : every;
    return elements * j->a->input_bits * j->place.tiles_across;
}

static int set_job(costing *c, int m, const mb_activity *act, bool input_signed, job *j) {
    int index = c->net->weighted[m];
    *j = (job){.layer = &c->net->layer[index], .a = &c->plan->assign[m], .act = act};
    j->mm = mb_layer_matmul(j->layer);
    int rc = mb_machine_spec(c->mach, c->cell, j->a, input_signed, &j->spec);
    if (rc) return mb_context(rc, "layer %s", j->layer->name);
    rc = mb_machine_place(c->mach, &j->spec, j->layer, j->a->copies, &j->place);
    if (!rc) rc = adc_cost(c, j->a->adc_bits, &j->adc);
    if (rc) return rc;
    const mb_xbar_layout *o = &j->place.layout;
    double per_group = (double)j->mm.N * o->conversions_per_output + (double)o->col_tiles * o->dummy_columns;
    j->vectors = (double)j->mm.vectors * j->mm.groups;
    j->outputs = j->vectors * j->mm.N;
    j->conversions = j->vectors * o->planes_converted * o->row_groups * per_group;
    j->arrays = (double)j->place.arrays;
    j->converters = j->arrays * c->mach->cols / c->mach->columns_per_adc;
    j->sum_bits = mb_sum_bits(j->a->weight_bits, j->a->input_bits, j->mm.K);
    j->out_bits = c->bits[index];
    j->fill = fill_bits(c, j);
    j->read = j->vectors * j->mm.K * j->a->input_bits * j->place.tiles_across;
    j->partial = (j->place.tiles_along - 1.0) * j->outputs * j->sum_bits;
    j->stored = j->outputs * j->out_bits;
    set_times(c, j);
    return MB_OK;
}

/* Cells, drivers, column circuits, converters. */
static void book_analog(costing *c, const job *j) {
    const mb_machine *mach = c->mach;
    const mb_placement *p = &j->place;
    mb_ledger *b = &c->book;
    double F = mach->node_nm * 1e-9, pulse = c->cell_cost.read_V * c->cell_cost.read_V * mach->read_s,
           V2 = mach->vdd_V * mach->vdd_V;
    bool pairs = j->spec.scheme == MB_DIFFERENTIAL && j->spec.subtract == MB_SUB_ANALOG;
    double fronts = j->arrays * (pairs ? mach->cols / 2 : mach->cols); /* integrators and samplers: one per column or pair */
    mb_cost cells = {pulse * j->act->charge_S, j->drive_s / j->vectors,
                     (double)mach->rows * mach->cols * c->cell_cost.area_F2 * F * F};
    mb_ledger_add(b, "cells", "read", j->vectors, j->arrays, cells, j->act->measured ? src_cell_measured : src_cell, 1);
    if (p->groups_per_array > 1) {
        double g_min, g_max;
        c->cell->type->range(c->cell->params, &g_min, &g_max);
        double others = (p->groups_per_array - 1.0) * p->columns_per_group * g_min;
        mb_ledger_add(b, "cells", "read outside of the packed groups", j->vectors, 0,
                      (mb_cost){pulse * j->act->digit_sum * others, 0, 0}, src_cell, 1);
    }
    double lines = (mach->interleaved ? 2.0 : 1.0) * (mach->drive == MB_DRIVE_BOTH ? 2.0 : 1.0); /* drivers of one row */
    mb_ledger_logic(b, "drivers", "row drive", j->vectors * j->act->rows_driven * p->layout.col_tiles,
                    j->arrays * mach->rows * lines, (mb_cost){mach->driver_C_F * mach->cols * V2, 0, mach->driver_area_m2},
                    src_wire, 1);
    if (j->spec.dac == MB_DAC_LEVEL && (mach->dac_J > 0 || mach->dac_area_m2 > 0))
        mb_ledger_logic(b, "drivers", "set a level", j->vectors * j->act->rows_driven * p->layout.col_tiles,
                        j->arrays * mach->rows * lines, (mb_cost){mach->dac_J, 0, mach->dac_area_m2}, src_machine, 1);
    mb_cost integrator = {mach->integrator_W * mach->read_s * j->units / p->layout.planes_converted, 0, mach->integrator_area_m2};
    mb_ledger_logic(b, "integrators", "integrate a column", j->conversions, fronts, integrator, src_machine, 1);
    if (mach->sample_hold)
        mb_ledger_logic(b, "sample-hold", "sample a column", j->conversions, fronts,
                        (mb_cost){mach->sample_C_F * V2, 0, mach->sample_area_m2}, src_machine, 1);
    mb_ledger_logic(b, "adc", "conversion", j->conversions, j->converters,
                    (mb_cost){j->adc.energy_J, j->convert_s / j->conversions, j->adc.area_m2}, mach->adc.type->cost_source,
                    mach->adc_energy_factor);
}

/* Shift-and-add, registers, buffers, movement. */
static void book_digital(costing *c, const job *j) {
    const mb_machine *mach = c->mach;
    const mb_placement *p = &j->place;
    const mb_xbar_layout *o = &p->layout;
    const mb_tech *t = &c->tech;
    mb_ledger *b = &c->book;
    mb_cost adder = mb_unit_add(t, j->sum_bits), reg = mb_unit_register(t, j->sum_bits);
    mb_cost input = mb_unit_register(t, j->a->input_bits);
    double accumulators = j->arrays * p->groups_per_array * fmin(j->mm.N, o->outputs_per_tile), rows = j->arrays * mach->rows;
    mb_ledger_logic(b, "shift-add", "shift and add", j->conversions, j->converters,
                    (mb_cost){adder.energy_J + reg.energy_J, 0, adder.area_m2}, mb_unit_source, t->factor);
    mb_ledger_logic(b, "shift-add", "accumulators", 0, accumulators, reg, mb_register_source, t->factor);
    if (o->dummy_columns)
        mb_ledger_add(b, "shift-add", "subtract the offset", j->outputs * o->row_tiles, 0, adder, mb_unit_source, t->factor);
    if (j->spec.scheme == MB_OFFSET && j->spec.correction == MB_CORRECT_DIGITAL) {
        mb_cost counter = mb_unit_add(t, j->sum_bits);
        mb_ledger_logic(b, "shift-add", "sum the inputs of a plane", j->vectors * j->mm.K * o->planes_converted, (double)o->row_tiles * j->mm.groups,
                        counter, mb_unit_source, t->factor);
        mb_ledger_add(b, "shift-add", "subtract the offset", j->outputs * o->row_groups * o->planes_converted * o->slices, 0, adder,
                      mb_unit_source, t->factor);
        c->digital_m2 += (double)o->row_tiles * j->mm.groups * counter.area_m2;
    }
    mb_ledger_add(b, "shift-add", "add row tiles", j->outputs * (o->row_tiles - 1), 0, adder, mb_unit_source, t->factor);
    mb_ledger_logic(b, "registers", "load an input", j->vectors * j->mm.K * o->col_tiles, rows, input, mb_register_source,
                    t->factor);
    c->digital_m2 += j->converters * adder.area_m2 + accumulators * reg.area_m2 + rows * input.area_m2;

    mb_ledger_add(b, c->tile.name, "write inputs", j->fill, 0, (mb_cost){c->tile.write_J_per_bit, 0, 0}, mb_sram_source, 1);
    mb_ledger_add(b, c->tile.name, "read inputs", j->read, 0, (mb_cost){c->tile.read_J_per_bit, 0, 0}, mb_sram_source, 1);
    mb_ledger_add(b, c->global.name, "read inputs", j->fill, 0, (mb_cost){c->global.read_J_per_bit, 0, 0}, mb_sram_source, 1);
    mb_ledger_add(b, c->global.name, "write outputs", j->stored, 0, (mb_cost){c->global.write_J_per_bit, 0, 0}, mb_sram_source,
                  1);
    mb_ledger_add(b, "interconnect", "tile bus", j->read + j->stored, 0, (mb_cost){mach->bus_J_per_bit, 0, 0}, src_machine, 1);
    double moved = j->fill + j->partial + j->stored;
    mb_ledger_add(b, "interconnect", "between tiles", moved, 0, (mb_cost){mach->noc_J_per_bit, j->move_s / moved, 0}, src_machine,
                  1);
    mb_digital_rescale(b, &c->unit, j->outputs, j->sum_bits);
}

static int analog_layer(costing *c, int m, const mb_activity *act, bool input_signed) {
    job j;
    int rc = set_job(c, m, act, input_signed, &j);
    if (rc) return rc;
    mb_ledger_open(&c->book, j.layer->name);
    book_analog(c, &j);
    book_digital(c, &j);
    mb_ledger_close(&c->book);
    c->arrays += j.arrays;
    return MB_OK;
}

/* A layer on the digital engine: integer products on the multiplier block, weights in SRAM. */
static void digital_engine_layer(costing *c, int m) {
    int index = c->net->weighted[m];
    const mb_layer *l = &c->net->layer[index];
    const mb_assign *a = &c->plan->assign[m];
    mb_matmul mm = mb_layer_matmul(l);
    mb_ledger_open(&c->book, l->name);
    mb_systolic_layer(&c->book, &c->block, mm.groups, mm.vectors, mm.K, mm.N, a->weight_bits, a->input_bits, c->bits[index],
                      NULL);
    mb_digital_rescale(&c->book, &c->unit, (double)mm.vectors * mm.groups * mm.N,
                       mb_sum_bits(a->weight_bits, a->input_bits, mm.K));
    mb_ledger_close(&c->book);
}

/* A product of two activations: on the multiplier block, both operands from the global buffer. */
static void product_layer(costing *c, int index) {
    const mb_layer *l = &c->net->layer[index];
    mb_matmul mm = mb_layer_matmul(l);
    mb_ledger_open(&c->book, l->name);
    mb_systolic_product(&c->book, &c->block, l, c->bits, c->bits[index], NULL);
    mb_digital_rescale(&c->book, &c->unit, (double)mm.vectors * mm.groups * mm.N,
                       mb_sum_bits(c->bits[l->in[1]], c->bits[l->in[0]], mm.K));
    mb_ledger_close(&c->book);
    c->products = true;
}

/* Buffers and units that the layers share; needs the plan only. */
static int set_up(costing *c, int *scratch, int *bits, double *weight_bits) {
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
        return mb_fail(MB_NUMERIC,
                       "the network keeps up to %.1f KiB of activations, but the machine %s (%s) has global_buffer_KiB = %d: "
                       "%.1f KiB are missing; raise it, "
                       "set it to 0 (as large as needed), or use fewer input_bits",
                       peak, mach->name, mach->where, mach->global_buffer_KiB, peak - mach->global_buffer_KiB);
    double global = mach->global_buffer_KiB ? mach->global_buffer_KiB : fmax(1, ceil(peak));
    if ((rc = mb_buffer_init(&c->tile, "tile buffer", mach->buffer_KiB, mach->bus_bits, mach->node_nm)) ||
        (rc = mb_buffer_init(&c->global, "global buffer", global, mach->bus_bits, mach->node_nm)))
        return rc;
    if (digital_bits > 0 &&
        (rc = mb_buffer_init(&c->weights, "weight buffer", fmax(1, ceil(digital_bits / 8192)), mach->bus_bits, mach->node_nm)))
        return rc;
    c->unit = (mb_digital){c->tech, mach->digital_lanes, mach->clock_Hz, &c->global};
    c->block = (mb_systolic){.rows = mach->digital_rows,
                             .cols = mach->digital_cols,
                             .dataflow = MB_OUTPUT_STATIONARY,
                             .double_buffer = true,
                             .datapath = MB_SCALING_DATAPATH,
                             .clock_Hz = mach->clock_Hz,
                             .tech = c->tech,
                             .inputs = &c->global,
                             .weights = &c->weights,
                             .outputs = &c->global};
    return MB_OK;
}

static void add_memory(mb_ledger *b, const mb_buffer *m, double instances) {
    b->leakage_W += instances * m->sram.leakage_W;
    mb_ledger_add(b, m->name, "memory", 0, instances, (mb_cost){0, 0, m->sram.area_m2}, mb_sram_source, 1);
}

/* What the layers share: buffers, network, digital unit; and the leakage of everything while the sample is computed. */
static int shared(costing *c) {
    const mb_machine *mach = c->mach;
    mb_ledger *b = &c->book;
    double tiles = ceil(c->arrays / mach->arrays_per_tile);
    if (mach->tiles && tiles > mach->tiles)
        return mb_fail(MB_NUMERIC,
                       "the plan needs %.0f arrays in %.0f tiles, but the machine %s (%s) has tiles = %d with %d arrays each: "
                       "%.0f arrays are missing; raise tiles, "
                       "set it to 0 (as many as needed), or store fewer bits",
                       c->arrays, tiles, mach->name, mach->where, mach->tiles, mach->arrays_per_tile,
                       c->arrays - (double)mach->tiles * mach->arrays_per_tile);
    if (mach->tiles) tiles = mach->tiles;
    mb_ledger_open(b, "shared");
    add_memory(b, &c->tile, tiles);
    add_memory(b, &c->global, 1);
    mb_ledger_logic(b, "interconnect", "router", 0, tiles, (mb_cost){0, 0, mach->router_area_m2}, src_machine, 1);
    double logic = c->digital_m2, lanes = mb_digital_area(&c->unit), block = mb_systolic_area(&c->block, 8, 8);
    mb_ledger_logic(b, "digital unit", "lanes", 0, 1, (mb_cost){0, 0, lanes}, mb_unit_source, 1);
    logic += lanes;
    if (c->weights.name) add_memory(b, &c->weights, 1);
    if (c->weights.name || c->products) {
        mb_ledger_logic(b, "multiply-accumulate", "multiplier block", 0, 1, (mb_cost){0, 0, block}, mb_unit_source, 1);
        logic += block;
    }
    mb_ledger_logic(b, "control", "control and routing", 0, 1, (mb_cost){0, 0, mach->control_area * logic}, src_machine, 1);
    mb_ledger_add(b, "leakage", "while the sample is computed", b->total.latency_s, 0,
                  (mb_cost){b->logic_m2 * mach->leakage_W_per_m2 + b->leakage_W, 0, 0}, src_machine, 1);
    mb_ledger_close(b);
    return MB_OK;
}

int mb_cost_network(const mb_machine *mach, const mb_cell *cell, const mb_network *net, const mb_plan *plan,
                    const mb_activity *act, const bool *input_signed, mb_report **report, mb_metrics *metrics) {
    costing c = {.mach = mach, .cell = cell, .net = net, .plan = plan};
    mb_activity *own = NULL;
    int *work = NULL, rc = MB_OK;
    double weight_bits;
    mb_cost total;
    if (plan->n != net->n_weighted)
        return mb_fail(MB_BADINPUT, "the plan has %d layers, the network %d weighted ones", plan->n, net->n_weighted);
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
        } else if (mb_layer_product(l)) {
            product_layer(&c, i);
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
