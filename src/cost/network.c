/* network.c - energy, latency and area of a network under a plan: counts x unit costs
 *
 * Layers run one after the other. Per weighted layer on arrays, with V vectors per group, G groups, K x N weights, P planes of p
 * bits, R row groups, T_r x T_c tiles of a matrix:
 *     conversions  V G P R (N * conversions_per_output + T_c * dummy columns)   (P = 1: planes are added before the converter)
 *     row drives   V G T_c * (driven rows per vector)              energy C_driver * cols * Vdd^2
 *     cells        V G * V_read^2 * t_read * sum(digit * conductance)
 *     time         two stages, driving and converting, overlapped by the sample-and-hold: sum of max(drive, conversion) + the
 *     shorter of the two once
 * A machine of given `tiles` that is too small is loaded anew for each layer and batch from its DRAM, if it has one.
 * All equations, with what is left out: doc/models-cost.md.
 * Who may call: the runner and policies' oracles. Re-entrant; without a tree two small allocations.
 */
#include <math.h>
#include <string.h>

#include "base/error.h"
#include "base/mem.h"
#include "cost/job.h"
#include "cost/ledger.h"
#include "cost/macro_layer.h"
#include "cost/systolic.h"
#include "mapping/keep.h"

static const char src_machine[] = "given by the machine description";
static const char src_cell[] = "V_read^2 x read_s x sum of digit x conductance";
static const char src_cell_measured[] = "V_read^2 x read_s x sum of digit x conductance, measured in simulation";
static const char src_write[] = "write energy and time of the cell, verification included";

const char *const mb_resource_names[MB_RESOURCES] = {"row drives", "conversions", "movement", "digital unit", "weight reload"};

/* One plan. */
typedef struct costing {
    const mb_costing *k;
    const mb_machine *mach;
    const mb_plan *plan;
    const mb_tech *tech;
    const int *bits;           /* precision of each layer's output */
    mb_job *job;               /* of each weighted layer; of those on the digital engine, nothing */
    mb_buffer global, weights; /* weights: of layers on the digital engine */
    mb_digital unit;
    mb_systolic block; /* multipliers of the digital unit */
    mb_wiring wires;
    mb_ledger book;
    double arrays, capacity; /* capacity: of the tiles, infinite when they are as many as needed */
    bool reload, products;   /* products: of two activations, on the multiplier block */
    double digital_m2;       /* logic inside the arrays: shift-and-add, registers */
    double digital_s, port_s, stage_s, reload_s, reload_J;
    const char *stage_layer;
    mb_resource stage_why;
    mb_schedule *out;
    bool want_layers;
} costing;

/* --- what an array is made of -------------------------------------------------------------------------------------- */

typedef struct piece {
    const char *component, *action;
    double n, area_m2; /* per array; of one */
    const char *source;
    double factor;
    bool logic; /* leaks as logic does */
} piece;
enum { CELLS, DRIVERS, LEVELS, FRONTS, SAMPLERS, CONVERTERS, ADDERS, ACCUMULATORS, INPUTS, PIECES };

static void pieces_of(const costing *c, const mb_job *j, piece p[PIECES]) {
    const mb_machine *mach = c->mach;
    const mb_parts *parts = &c->k->parts;
    const int adc = j->a->adc_bits, dac = j->a->dac_bits;
    const bool pairs = j->spec.scheme == MB_DIFFERENTIAL && j->spec.subtract == MB_SUB_ANALOG,
               given = mach->logic == MB_LOGIC_GIVEN;
    const double F = mach->node_nm * 1e-9, t = given ? 1 : c->tech->factor;
    const double lines = (mach->interleaved ? 2.0 : 1.0) * (mach->drive == MB_DRIVE_BOTH ? 2.0 : 1.0) * mach->rows;
    const double columns = pairs ? mach->cols / 2 : mach->cols; /* integrators and samplers: one per column or pair */
    const double converters = (double)mach->cols / mach->columns_per_adc;
    const double outputs = j->place.groups_per_array * fmin(j->mm.N, j->place.layout.outputs_per_tile);
    const double reg = given ? mach->register_m2_per_bit : mb_unit_register(c->tech, 1).area_m2;
    const int width = mach->converter == MB_CONVERTER_ADDER_TREE ? mb_sum_bits(1, 3, mach->rows) : j->sum_bits;
    const bool level = j->spec.dac == MB_DAC_LEVEL && (mach->dac_J > 0 || mach->dac_area_m2 > 0);
    const char *logic = given ? src_machine : mb_unit_source_of(c->tech),
               *registers = given ? src_machine : mb_register_source_of(c->tech);
    const piece all[PIECES] = {
        [CELLS] = {"cells", "unused arrays", 1, (double)mach->rows * mach->cols * parts->cell.area_F2 * F * F,
                   "area of the cell in squared feature sizes", 1, false},
        [DRIVERS] = {"drivers", "unused arrays", lines, parts->driver[dac].each.area_m2, parts->driver[dac].source, 1, true},
        [LEVELS] = {"drivers", "unused arrays", level ? lines : 0, mach->dac_area_m2, src_machine, 1, true},
        [FRONTS] = {"integrators", "unused arrays", columns, parts->front[adc].each.area_m2, parts->front[adc].source, 1, true},
        [SAMPLERS] = {"sample-hold", "unused arrays", mach->sample_hold ? columns : 0, parts->sampler[adc].each.area_m2,
                      parts->sampler[adc].source, 1, true},
        [CONVERTERS] = {"adc", "unused arrays", converters, j->adc.each.area_m2, j->adc.source,
                        mach->converter == MB_CONVERTER_ADDER_TREE ? mach->adc_energy_factor * t : parts->adc_energy_factor,
                        true},
        [ADDERS] = {"shift-add", "unused arrays", converters,
                    given ? mach->shift_add_area_m2 : mb_unit_add(c->tech, width).area_m2, logic, t, true},
        [ACCUMULATORS] = {"shift-add", "unused arrays", outputs, j->sum_bits * reg, registers, t, true},
        [INPUTS] = {"registers", "unused arrays", mach->rows, j->a->input_bits * reg, registers, t, true},
    };
    memcpy(p, all, sizeof all);
}

/* --- the books of a layer on arrays -------------------------------------------------------------------------------- */

static void add(costing *c, const piece *p, const char *action, double count, double built, double energy_J, double latency_s) {
    const mb_cost each = {energy_J, latency_s, p->area_m2};
    const char *source = p->source;
    (p->logic ? mb_ledger_logic : mb_ledger_add)(&c->book, p->component, action, count, built * p->n, each, source, p->factor);
}

/* Cells, drivers, column circuits, converters. */
static void book_analog(costing *c, const mb_job *j, const piece *p, double built) {
    const mb_machine *mach = c->mach;
    const mb_parts *parts = &c->k->parts;
    const mb_placement *place = &j->place;
    const int adc = j->a->adc_bits, dac = j->a->dac_bits;
    const double pulse = parts->cell.read_V * parts->cell.read_V * mach->read_s * mach->conducting,
                 drives = j->vectors * j->act.rows_driven * place->layout.col_tiles;
    const double digit = j->act.rows_driven > 0 ? j->act.digit_sum / j->act.rows_driven : 0;
    mb_ledger *b = &c->book;
    piece cells = p[CELLS];
    cells.source = j->act.measured ? src_cell_measured : src_cell;
    add(c, &cells, "read", j->vectors, built, pulse * j->act.charge_S, j->drive_s / j->vectors);
    if (place->groups_per_array > 1) {
        double others = (place->groups_per_array - 1.0) * place->columns_per_group * parts->g_min_S;
        mb_ledger_add(b, "cells", "read outside of the packed groups", j->vectors, 0,
                      (mb_cost){pulse * j->act.digit_sum * others, 0, 0}, src_cell, 1);
    }
    add(c, &p[DRIVERS], "row drive", drives, built, parts->driver[dac].each.energy_J + digit * parts->digit_J[dac], 0);
    if (p[LEVELS].n > 0) add(c, &p[LEVELS], "set a level", drives, built, mach->dac_J, 0);
    double front = parts->front[adc].each.energy_J; /* given: power */
    if (mach->front_end == MB_FRONT_GIVEN) front = front * mach->read_s * j->units / place->layout.planes_converted;
    add(c, &p[FRONTS], "integrate a column", j->conversions, built, front, 0);
    if (mach->sample_hold) add(c, &p[SAMPLERS], "sample a column", j->conversions, built, parts->sampler[adc].each.energy_J, 0);
    const bool fires = j->adc.by_code && j->act.occupancy > 0;
    piece converters = p[CONVERTERS];
    if (fires) converters.source = "packets of integrate and fire, codes measured in simulation (cost/converter.h)";
    add(c, &converters, mach->converter == MB_CONVERTER_ADDER_TREE ? "sum of a column" : "conversion", j->conversions, built,
        fires ? j->act.occupancy * j->adc.each.energy_J : j->adc.each.energy_J, j->conversions > 0 ? j->convert_s / j->conversions : 0);
}

/* Shift-and-add, registers. */
static void book_logic(costing *c, const mb_job *j, const piece *p, double built) {
    const mb_machine *mach = c->mach;
    const mb_xbar_layout *o = &j->place.layout;
    const mb_tech *t = c->tech;
    const bool given = mach->logic == MB_LOGIC_GIVEN;
    mb_ledger *b = &c->book;
    mb_cost adder = given ? (mb_cost){mach->shift_add_J, 0, mach->shift_add_area_m2} : mb_unit_add(t, j->sum_bits);
    const bool tree = mach->converter == MB_CONVERTER_ADDER_TREE;
    mb_cost sum =
        tree ? mb_unit_add(t, mb_sum_bits(1, 3, j->spec.rows)) : adder; /* of a column, and where it meets its neighbours */
    double step = given ? mach->shift_add_J : tree ? sum.energy_J : adder.energy_J + mb_unit_register(t, j->sum_bits).energy_J;
    double load = given ? mach->register_J_per_bit * j->a->input_bits : mb_unit_register(t, j->a->input_bits).energy_J;
    const char *source = p[ADDERS].source;
    adder.latency_s = 0;
    add(c, &p[ADDERS], "shift and add", j->conversions, built, step, 0);
    /* adder trees: the slices' sums meet in a tree of their own, and one register per output takes the result of a plane */
    add(c, &p[ACCUMULATORS], "accumulators", tree ? j->outputs * o->row_groups * o->planes : 0, built,
        given ? 0 : mb_unit_register(t, j->sum_bits).energy_J + (tree ? adder.energy_J : 0), 0);
    if (o->dummy_columns)
        mb_ledger_add(b, "shift-add", "subtract the offset", j->outputs * o->row_tiles, 0, adder, source, p[ADDERS].factor);
    /* adder trees subtract the slice of the sign bit: nothing to correct */
    if (j->spec.scheme == MB_OFFSET && j->spec.correction == MB_CORRECT_DIGITAL && !tree) {
        mb_ledger_logic(b, "shift-add", "sum the inputs of a plane", j->vectors * j->mm.K * o->planes_converted,
                        (double)o->row_tiles * j->mm.groups, adder, source, p[ADDERS].factor);
        mb_ledger_add(b, "shift-add", "subtract the offset", j->outputs * o->row_groups * o->planes_converted * o->slices, 0,
                      adder, source, p[ADDERS].factor);
        c->digital_m2 += (double)o->row_tiles * j->mm.groups * adder.area_m2;
    }
    mb_ledger_add(b, "shift-add", "add row tiles", j->outputs * (o->row_tiles - 1), 0, adder, source, p[ADDERS].factor);
    add(c, &p[INPUTS], "load an input", j->vectors * j->mm.K * o->col_tiles, built, load, 0);
    for (int k = ADDERS; k <= INPUTS; k++) c->digital_m2 += built * p[k].n * p[k].area_m2;
}

/* Buffers, movement. */
static void book_movement(costing *c, const mb_job *j) {
    mb_ledger *b = &c->book;
    const mb_buffer *tile = &c->k->parts.tile, *global = &c->global;
    const mb_wiring *w = &c->wires;
    mb_ledger_add(b, tile->name, "write inputs", j->fill, 0, (mb_cost){tile->write_J_per_bit, 0, 0}, tile->source, 1);
    mb_ledger_add(b, tile->name, "read inputs", j->read, 0, (mb_cost){tile->read_J_per_bit, 0, 0}, tile->source, 1);
    if (global->name) {
        mb_ledger_add(b, global->name, "read inputs", j->fill, 0, (mb_cost){global->read_J_per_bit, 0, 0}, global->source, 1);
        mb_ledger_add(b, global->name, "write outputs", j->stored, 0, (mb_cost){global->write_J_per_bit, 0, 0}, global->source,
                      1);
    }
    mb_ledger_add(b, "interconnect", "tile bus", j->read + j->stored, 0, (mb_cost){w->bus_J_per_bit, 0, 0}, w->source, 1);
    /* without a global buffer an output goes straight to the tile that needs it: one way */
    double moved = global->name ? j->fill + j->partial + j->stored : j->fill + j->partial;
    mb_ledger_add(b, "interconnect", "between tiles", moved, 0, (mb_cost){w->noc_J_per_bit, j->move_s / moved, 0}, w->source, 1);
    mb_digital_rescale(b, &c->unit, j->outputs, j->sum_bits);
}

/* Loading the layer's weights for a batch; what of it one sample pays. Returns its time. */
static double book_reload(costing *c, const mb_job *j) {
    const mb_machine *mach = c->mach;
    const mb_dram *dram = c->k->parts.dram;
    mb_programming once = {0};
    mb_job_program(mach, &c->k->parts.cell, j->mm, &j->place, j->a->copies, &once);
    double bits = (double)j->mm.groups * j->mm.K * j->mm.N * j->a->weight_bits, batch = mach->batch;
    double wait = fmax(0, bits / 8 / dram->bytes_per_s - once.latency_s);
    mb_cost cell = {c->k->parts.cell.write_J, once.latency_s / once.cells, 0},
            bit = {dram->pJ_per_bit[mach->corner] * 1e-12, wait / bits, 0};
    mb_ledger_add(&c->book, "weight reload", "program cells", once.cells / batch, 0, cell, src_write, 1);
    mb_ledger_add(&c->book, "dram", "load weights", bits / batch, 0, bit, dram->source, 1);
    c->reload_J += (once.energy_J + bits * bit.energy_J) / batch;
    return (once.latency_s + wait) / batch;
}

/* --- times --------------------------------------------------------------------------------------------------------- */

/* A layer is done: TIMES with busy times and the total; OWN: time of what the layer does not share with others,
 * SHARED_S: of what it asks of the digital unit. */
static void record(costing *c, mb_layer_times *t, double own, double shared_s) {
    const double busy[MB_RESOURCES] = {t->drive_s, t->convert_s, t->move_s, t->digital_s, t->reload_s};
    t->bottleneck = MB_DRIVING;
    for (int r = 1; r < MB_RESOURCES; r++)
        if (busy[r] > busy[t->bottleneck]) t->bottleneck = (mb_resource)r;
    double stage = c->mach->pipeline ? own : t->total_s;
    if (stage > c->stage_s) c->stage_s = stage, c->stage_layer = t->name, c->stage_why = t->bottleneck;
    c->digital_s += shared_s;
    c->reload_s += t->reload_s;
    if (c->out && c->want_layers) c->out->layer[c->out->n++] = *t;
}

static void analog_layer(costing *c, const mb_job *j) {
    piece p[PIECES];
    mb_ledger *b = &c->book;
    pieces_of(c, j, p);
    mb_ledger_open(b, j->layer->name);
    double built = c->reload ? 0 : j->arrays, reload = 0, before;
    book_analog(c, j, p, built);
    book_logic(c, j, p, built);
    before = b->sum.latency_s;
    book_movement(c, j);
    if (c->reload) reload = book_reload(c, j);
    mb_layer_times t = {.name = j->layer->name,
                        .load_s = j->load_b,
                        .drive_s = j->drive_b,
                        .convert_s = j->convert_b,
                        .add_s = j->add_b,
                        .reduce_s = j->reduce_b,
                        .move_s = fmax(j->bus_b, j->port_b),
                        .reload_s = reload,
                        .total_s = b->sum.latency_s};
    t.digital_s = b->sum.latency_s - before - j->move_s - reload;
    if (t.digital_s < 0) t.digital_s = 0;
    c->port_s += j->port_b;
    record(c, &t, fmax(j->load_b + j->drive_s + j->convert_s, j->bus_b), t.digital_s);
    mb_ledger_close(b);
}

/* A layer on the digital engine: integer products on the multiplier block, weights in SRAM; or on digital macros that hold them. */
static int digital_engine_layer(costing *c, int m) {
    const int index = c->k->net->weighted[m];
    const mb_layer *l = &c->k->net->layer[index];
    const mb_assign *a = &c->plan->assign[m];
    const mb_matmul mm = c->k->fact[index].mm;
    const mb_macro_work work = {
        (double)mm.groups, (double)mm.vectors, (double)mm.K, (double)mm.N, a->weight_bits, a->input_bits, c->bits[index]};
    double seconds;
    int rc = MB_OK;
    mb_ledger_open(&c->book, l->name);
    if (c->mach->digital_macro)
        rc = mb_macro_layer(&c->book, c->mach->digital_macro, &work, &c->unit);
    else
        mb_systolic_layer(&c->book, &c->block, mm.groups, mm.vectors, mm.K, mm.N, a->weight_bits, a->input_bits, c->bits[index],
                          &seconds);
    double products_s = c->book.sum.latency_s;
    mb_digital_rescale(&c->book, &c->unit, (double)mm.vectors * mm.groups * mm.N,
                       mb_sum_bits(a->weight_bits, a->input_bits, mm.K));
    mb_layer_times t = {.name = l->name, .digital_s = c->book.sum.latency_s, .total_s = c->book.sum.latency_s};
    if (c->mach->digital_macro) record(c, &t, products_s, t.total_s - products_s); /* macros are a layer's own */
    else record(c, &t, 0, t.digital_s);                                            /* the block is shared */
    mb_ledger_close(&c->book);
    return rc ? mb_context(rc, "layer %s", l->name) : MB_OK;
}

/* A product of two activations: on the multiplier block, both operands from the buffer of activations. */
static void product_layer(costing *c, int i) {
    const mb_layer *l = &c->k->net->layer[i];
    const mb_matmul mm = mb_layer_matmul(l);
    mb_ledger_open(&c->book, l->name);
    mb_systolic_product(&c->book, &c->block, l, c->bits, c->bits[i], NULL);
    mb_digital_rescale(&c->book, &c->unit, (double)mm.vectors * mm.groups * mm.N,
                       mb_sum_bits(c->bits[l->in[1]], c->bits[l->in[0]], mm.K));
    mb_layer_times t = {.name = l->name, .digital_s = c->book.sum.latency_s, .total_s = c->book.sum.latency_s};
    record(c, &t, 0, t.digital_s);
    mb_ledger_close(&c->book);
    c->products = true;
}

static void plain_layer(costing *c, int i) {
    const mb_layer *l = &c->k->net->layer[i];
    mb_ledger_open(&c->book, l->name);
    mb_digital_layer(&c->book, &c->unit, c->k->net, l, c->bits, c->bits[i]);
    mb_layer_times t = {.name = l->name, .digital_s = c->book.sum.latency_s, .total_s = c->book.sum.latency_s};
    record(c, &t, 0, t.digital_s);
    mb_ledger_close(&c->book);
}

/* --- what the layers share ----------------------------------------------------------------------------------------- */

/* Buffers and units that the layers share; needs the plan only. */
static int set_up(costing *c, int *scratch, int *bits, double *weight_bits) {
    const mb_machine *mach = c->mach;
    const mb_network *net = c->k->net;
    double digital_bits = 0, peak;
    int rc = MB_OK;
    mb_activation_bits(net, c->plan, bits);
    c->bits = bits;
    peak = mb_activation_peak(net, bits, scratch) / 8192;
    *weight_bits = 0;
    for (int m = 0; m < net->n_weighted; m++) {
        mb_matmul mm = c->k->fact[net->weighted[m]].mm;
        double stored = (double)mm.groups * mm.K * mm.N * c->plan->assign[m].weight_bits;
        *weight_bits += stored;
        if (c->plan->assign[m].engine == MB_DIGITAL && !mach->digital_macro) digital_bits += stored;
    }
    if (mach->global_buffer_KiB && !mach->distributed && peak > mach->global_buffer_KiB)
        return mb_fail(MB_NUMERIC,
                       "the network keeps up to %.1f KiB of activations, but the machine %s (%s) has global_buffer_KiB = %d: "
                       "%.1f KiB are missing; raise it, "
                       "set it to 0 (as large as needed), or use fewer input_bits",
                       peak, mach->name, mach->where, mach->global_buffer_KiB, peak - mach->global_buffer_KiB);
    if (mach->distributed && mach->tiles && peak > (double)mach->tiles * mach->buffer_KiB)
        return mb_fail(
            MB_NUMERIC,
            "the network keeps up to %.1f KiB of activations, but the machine %s (%s) has %d tiles with buffer_KiB = %d: "
            "%.1f KiB are missing; raise them or use fewer input_bits",
            peak, mach->name, mach->where, mach->tiles, mach->buffer_KiB, peak - (double)mach->tiles * mach->buffer_KiB);
    double global = mach->global_buffer_KiB ? mach->global_buffer_KiB : fmax(1, ceil(peak));
    if (!mach->distributed && (rc = mb_parts_buffer(mach, "global buffer", global, &c->global))) return rc;
    if (digital_bits > 0 && (rc = mb_parts_buffer(mach, "weight buffer", fmax(1, ceil(digital_bits / 8192)), &c->weights)))
        return rc;
    const mb_buffer *activations = mach->distributed ? &c->k->parts.tile : &c->global;
    c->unit = (mb_digital){*c->tech, mach->digital_lanes, mach->clock_Hz, activations};
    c->block = (mb_systolic){.rows = mach->digital_rows,
                             .cols = mach->digital_cols,
                             .dataflow = MB_OUTPUT_STATIONARY,
                             .double_buffer = true,
                             .datapath = MB_SCALING_DATAPATH,
                             .clock_Hz = mach->clock_Hz,
                             .tech = *c->tech,
                             .inputs = activations,
                             .weights = &c->weights,
                             .outputs = activations};
    return MB_OK;
}

/* Do the arrays fit, at once or by loading them layer after layer? */
static int fit(costing *c, double weight_bits) {
    const mb_machine *mach = c->mach;
    c->capacity = mach->tiles ? (double)mach->tiles * mach->arrays_per_tile : HUGE_VAL;
    if (c->arrays <= c->capacity) return MB_OK;
    if (!c->k->parts.dram)
        return mb_fail(MB_NUMERIC,
                       "the plan needs %.0f arrays in %.0f tiles, but the machine %s (%s) has tiles = %d with %d arrays each: "
                       "%.0f arrays are missing; raise tiles, "
                       "set it to 0 (as many as needed), store fewer bits, or reload weights from a `dram`",
                       c->arrays, ceil(c->arrays / mach->arrays_per_tile), mach->name, mach->where, mach->tiles,
                       mach->arrays_per_tile, c->arrays - c->capacity);
    double MiB = weight_bits / 8 / 1048576;
    if (mach->dram_MiB && MiB > mach->dram_MiB)
        return mb_fail(
            MB_NUMERIC,
            "the weights fit neither into the tiles of the machine %s (%s) nor into its DRAM: they take %.1f MiB, dram_MiB = "
            "%d, %.1f MiB are missing; raise dram_MiB, set it to 0 (as large as needed), or store fewer bits",
            mach->name, mach->where, MiB, mach->dram_MiB, MiB - mach->dram_MiB);
    c->reload = true;
    return MB_OK;
}

/* Wires by the floor plan of full tiles with the plan's mean array. */
static void lay_wires(costing *c) {
    const mb_machine *mach = c->mach;
    double area = 0, tiles = mach->tiles ? mach->tiles : fmax(1, ceil(c->arrays / mach->arrays_per_tile));
    for (int m = 0; m < c->k->net->n_weighted && mach->interconnect != MB_WIRES_GIVEN; m++) {
        piece p[PIECES];
        if (!c->job[m].layer) continue;
        pieces_of(c, &c->job[m], p);
        for (int k = 0; k < PIECES; k++) area += c->job[m].arrays * p[k].n * p[k].area_m2;
    }
    if (c->arrays > 0) area *= mach->arrays_per_tile / c->arrays;
    area += c->k->parts.tile.sram.area_m2 + mach->tile_area_m2 + mach->pes_per_tile * mach->pe_area_m2;
    c->wires = mb_parts_wiring(&c->k->parts, mach, tiles, area);
}

static void add_memory(mb_ledger *b, const mb_buffer *m, double instances) {
    b->leakage_W += instances * m->sram.leakage_W;
    mb_ledger_add(b, m->name, "memory", 0, instances, (mb_cost){0, 0, m->sram.area_m2}, m->source, 1);
}

/* Arrays of a machine of given size that hold no layer, with the largest converters of the plan. */
static void add_unused(costing *c) {
    const mb_job *like = NULL;
    double n = c->capacity - (c->reload ? 0 : c->arrays);
    piece p[PIECES];
    if (!(n > 0) || isinf(n)) return;
    for (int m = 0; m < c->k->net->n_weighted; m++) {
        const mb_job *j = &c->job[m];
        if (j->layer && (!like || j->a->adc_bits > like->a->adc_bits)) like = j;
    }
    if (!like) return;
    pieces_of(c, like, p);
    for (int k = 0; k < PIECES; k++) add(c, &p[k], c->reload ? "arrays" : p[k].action, 0, n, 0, 0);
    for (int k = ADDERS; k <= INPUTS; k++) c->digital_m2 += n * p[k].n * p[k].area_m2;
}

/* Time between samples. */
static double interval(const costing *c, double latency_s) {
    if (!c->mach->pipeline || c->reload) return latency_s;
    if (c->k->at_peak) return c->stage_s;
    return fmax(c->stage_s, fmax(c->digital_s, c->port_s));
}

static void fill_schedule(const costing *c, double latency_s, double interval_s) {
    mb_schedule *s = c->out;
    if (!s) return;
    s->latency_s = latency_s;
    s->interval_s = interval_s;
    s->batch_s = c->mach->pipeline && !c->reload ? latency_s + (c->mach->batch - 1.0) * interval_s : c->mach->batch * latency_s;
    s->reload_s = c->reload_s;
    s->reload_J = c->reload_J;
    s->bottleneck = c->stage_why;
    s->bottleneck_layer = c->stage_layer;
    if (!c->mach->pipeline || c->reload || c->stage_s >= interval_s) return;
    s->bottleneck_layer = NULL;
    s->bottleneck = c->digital_s >= c->port_s ? MB_DIGITAL_UNIT : MB_MOVING;
}

/* What the layers share: buffers, network, digital unit; and the leakage of everything until the next sample comes. */
static void shared(costing *c) {
    const mb_machine *mach = c->mach;
    mb_ledger *b = &c->book;
    double tiles = mach->tiles ? mach->tiles : ceil(c->arrays / mach->arrays_per_tile);
    double latency = b->total.latency_s, period = interval(c, latency);
    mb_ledger_open(b, "shared");
    add_unused(c);
    add_memory(b, &c->k->parts.tile, tiles);
    if (c->global.name) add_memory(b, &c->global, 1);
    mb_ledger_logic(b, "interconnect", "router", 0, tiles, (mb_cost){0, 0, c->wires.router_area_m2}, c->wires.source, 1);
    double logic = c->digital_m2, lanes = mb_digital_area(&c->unit), block = mb_systolic_area(&c->block, 8, 8);
    mb_ledger_logic(b, "digital unit", "lanes", 0, 1, (mb_cost){0, 0, lanes}, mb_unit_source_of(c->tech), 1);
    logic += lanes;
    if (c->weights.name) add_memory(b, &c->weights, 1);
    if (c->weights.name || c->products) {
        mb_ledger_logic(b, "multiply-accumulate", "multiplier block", 0, 1, (mb_cost){0, 0, block}, mb_unit_source_of(c->tech),
                        1);
        logic += block;
    }
    mb_ledger_logic(b, "control", "control and routing", 0, 1, (mb_cost){0, 0, mach->control_area * logic}, src_machine, 1);
    if (mach->pe_area_m2 > 0)
        mb_ledger_add(b, "tiles", "processing elements", 0, tiles * mach->pes_per_tile, (mb_cost){0, 0, mach->pe_area_m2},
                      src_machine, 1);
    if (mach->tile_area_m2 > 0) mb_ledger_add(b, "tiles", "other", 0, tiles, (mb_cost){0, 0, mach->tile_area_m2}, src_machine, 1);
    if (mach->chip_area_m2 > 0 || mach->chip_W > 0)
        mb_ledger_add(b, "links", "while the chip works", period, 1, (mb_cost){mach->chip_W, 0, mach->chip_area_m2}, src_machine,
                      1);
    b->leakage_W += c->wires.leakage_W;
    mb_ledger_add(b, "leakage", "while the sample is computed", period, 0,
                  (mb_cost){b->logic_m2 * mach->leakage_W_per_m2 + b->leakage_W, 0, 0}, src_machine, 1);
    mb_ledger_close(b);
    fill_schedule(c, latency, period);
}

/* --- the interface ------------------------------------------------------------------------------------------------- */

int mb_costing_new(const mb_machine *mach, const mb_cell *cell, const mb_network *net, mb_costing **out) {
    mb_costing *k = mb_calloc(1, sizeof *k);
    if (!k) return mb_nomem();
    *k = (mb_costing){.mach = mach, .cell = cell, .net = net};
    k->fact = mb_calloc((size_t)net->n_layers, sizeof *k->fact);
    k->row_S = mb_calloc((size_t)(net->n_weighted ? net->n_weighted : 1) * MB_STORED_SETTINGS, sizeof *k->row_S);
    k->share = mb_calloc((size_t)(net->n_weighted ? net->n_weighted : 1) * 8, sizeof *k->share);
    int rc = k->fact && k->row_S && k->share ? mb_parts_init(&k->parts, mach, cell) : mb_nomem();
    for (int i = 0; i < net->n_layers && !rc; i++) {
        const mb_layer *l = &net->layer[i];
        if (mb_layer_weighted(l)) k->fact[i].mm = mb_layer_matmul(l);
        else k->fact[i].works = mb_digital_works(net, l);
    }
    if (rc) mb_costing_free(k);
    else *out = k;
    return rc;
}

void mb_costing_free(mb_costing *k) {
    if (!k) return;
    mb_free(k->fact);
    for (int i = 0; k->share && i < 8 * k->net->n_weighted; i++) mb_free(atomic_load(&k->share[i]));
    mb_free(k->share);
    mb_free(k->row_S);
    mb_free(k);
}

static int place(costing *c, const mb_activity *act, const bool *input_signed) {
    const mb_network *net = c->k->net;
    for (int m = 0; m < net->n_weighted; m++) {
        const mb_assign *a = &c->plan->assign[m];
        mb_job *j = &c->job[m];
        j->layer = NULL;
        if (a->engine == MB_DIGITAL) continue;
        int rc =
            mb_job_set(c->k, m, a, act ? &act[m] : NULL, input_signed ? input_signed[m] : false, c->bits[net->weighted[m]], j);
        if (rc) return rc;
        c->arrays += j->arrays;
    }
    return MB_OK;
}

int mb_costing_plan(const mb_costing *k, const mb_plan *plan, const mb_activity *act, const bool *input_signed,
                    mb_report **report, mb_metrics *metrics, mb_schedule *schedule, bool want_layers) {
    const mb_network *net = k->net;
    costing c = {.k = k, .mach = k->mach, .plan = plan, .tech = &k->parts.tech, .out = schedule, .want_layers = want_layers};
    double weight_bits;
    mb_cost total;
    if (schedule) *schedule = (mb_schedule){0};
    if (plan->n != net->n_weighted)
        return mb_fail(MB_BADINPUT, "the plan has %d layers, the network %d weighted ones", plan->n, net->n_weighted);
    if (mb_plan_prunes(plan)) return mb_fail(MB_BUG, "a plan that keeps fewer channels is costed on the whole network");
    mb_ledger_init(&c.book, k->mach->name, report != NULL);
    int rc = MB_OK, *work = mb_malloc(2 * (size_t)net->n_layers, sizeof *work);
    c.job = mb_malloc((size_t)(net->n_weighted ? net->n_weighted : 1), sizeof *c.job);
    if (schedule && want_layers) schedule->layer = mb_calloc((size_t)net->n_layers, sizeof *schedule->layer);
    if (!work || !c.job || (schedule && want_layers && !schedule->layer)) rc = mb_nomem();
    if (!rc) rc = set_up(&c, work, work + net->n_layers, &weight_bits);
    if (!rc) rc = place(&c, act, input_signed);
    if (!rc) rc = fit(&c, weight_bits);
    if (!rc) {
        lay_wires(&c);
        for (int i = 0, m = 0; i < net->n_layers && !rc; i++) {
            if (m < net->n_weighted && net->weighted[m] == i) {
                if (c.job[m].layer) analog_layer(&c, &c.job[m]);
                else rc = digital_engine_layer(&c, m);
                m++;
            } else if (mb_layer_product(&net->layer[i])) {
                product_layer(&c, i);
            } else if (k->fact[i].works) {
                plain_layer(&c, i);
            }
        }
    }
    if (!rc) {
        shared(&c);
        rc = mb_ledger_end(&c.book, &total, report);
    } else {
        mb_ledger_drop(&c.book);
    }
    if (!rc) *metrics = (mb_metrics){total.energy_J, total.latency_s, total.area_m2, c.arrays, weight_bits};
    if (rc && schedule) mb_schedule_free(schedule);
    mb_free(c.job);
    mb_free(work);
    return rc;
}

void mb_schedule_free(mb_schedule *s) {
    mb_free(s->layer);
    *s = (mb_schedule){0};
}

int mb_cost_network(const mb_machine *mach, const mb_cell *cell, const mb_network *net, const mb_plan *plan,
                    const mb_activity *act, const bool *input_signed, mb_report **report, mb_metrics *metrics) {
    mb_costing *k = NULL;
    mb_activity *own = NULL;
    int rc = mb_costing_new(mach, cell, net, &k);
    if (!rc && !act && plan->n == net->n_weighted) {
        own = mb_malloc((size_t)(net->n_weighted ? net->n_weighted : 1), sizeof *own);
        rc = own ? mb_activity_estimate(net, plan, mach, cell, own) : mb_nomem();
    }
    if (!rc) rc = mb_costing_plan(k, plan, act ? act : own, input_signed, report, metrics, NULL, false);
    mb_free(own);
    mb_costing_free(k);
    return rc;
}

int mb_cost_band(const mb_machine *mach, const mb_cell *cell, const mb_network *net, const mb_plan *plan, const mb_activity *act,
                 const bool *input_signed, mb_band *band) {
    mb_metrics m[2];
    int rc = MB_OK;
    for (int i = 0; i < 2 && !rc; i++) {
        mb_machine at = *mach; /* shallow: only the corner differs */
        at.corner = i ? MB_HIGH : MB_LOW;
        rc = mb_cost_network(&at, cell, net, plan, act, input_signed, NULL, &m[i]);
    }
    if (!rc) *band = (mb_band){m[0].energy_J, m[1].energy_J, m[0].area_m2, m[1].area_m2};
    return rc;
}
