/* job.c - counts and times of a layer on arrays (job.h) */
#include "cost/job.h"

#include <math.h>

#include "base/error.h"
#include "base/mem.h"

/* T, in whole periods BEAT when the machine is clocked. */
static double edges(const mb_machine *m, double t, double beat) { return m->clocked ? ceil(t / beat * (1 - 1e-12)) * beat : t; }

/* Driving and converting on one copy of the arrays, and what moving the data adds. */
static void set_times(const mb_machine *mach, mb_job *j) {
    const mb_placement *p = &j->place;
    const mb_assign *a = j->a;
    double vectors = ceil((double)j->mm.vectors / a->copies), runs = vectors * p->steps * j->rounds;
    /* the shift-and-add takes one result per clock */
    double beat = 1 / mach->clock_Hz, slot = edges(mach, fmax(j->adc.each.latency_s, beat), beat);
    double convert = p->adc_steps * slot, first = 0;
    if (j->spec.adc.type->transparent && j->adc.each.latency_s == 0) convert = 0; /* ideal converter: no time */
    int magnitude = j->spec.input_signed ? (a->input_bits > 1 ? a->input_bits - 1 : 1) : a->input_bits, planes = p->layout.planes;
    const bool added = p->layout.planes_converted < planes, level = j->spec.dac == MB_DAC_LEVEL;
    double drive = 0; /* since the last conversion */
    for (int i = 0; i < planes; i++) {
        int left = magnitude - i * a->dac_bits, bits = left <= 0            ? 1
                                                       : left < a->dac_bits ? left
                                                                            : a->dac_bits; /* 0: the plane of the sign */
        double units = level ? 1 : (1 << bits) - 1;
        drive += edges(mach, units * mach->read_s, beat);
        j->units += units;
        if (added && i < planes - 1) continue;
        j->drive_s += runs * drive;
        j->convert_b += runs * convert;
        j->add_b += runs * p->adc_steps * beat;
        if (first <= 0) first = drive;
        if (!mach->sample_hold) j->convert_s += runs * convert;
        else if (convert > drive) j->convert_s += runs * (convert - drive);
        drive = 0;
    }
    j->drive_b = j->drive_s;
    if (mach->sample_hold) j->convert_s += fmin(convert, first); /* the pipeline of two stages fills once */

    double rows = fmin(j->mm.K, ceil((double)p->layout.row_tiles / p->tiles_along) * mach->rows);
    double in = p->groups_per_tile * rows * a->input_bits;
    double out = p->groups_per_tile * ceil((double)j->mm.N / p->tiles_across) * (p->tiles_along > 1 ? j->sum_bits : j->out_bits);
    double load = ceil(in / mach->bus_bits) * beat, store = ceil(out / mach->bus_bits) * beat;
    double together = fmax(1, fmin(a->copies, floor(mach->arrays_per_tile * (double)a->copies / j->arrays)));
    j->load_b = load;
    j->reduce_b = p->tiles_along > 1 ? together * j->rounds * vectors * store : 0;
    j->bus_b = together * j->rounds * (vectors * (load + store));
    j->port_b = mach->distributed ? 0 : ceil((j->fill + j->stored) / mach->bus_bits) * beat;
    /* the first vector, then what computing does not hide */
    j->move_s = load + fmax(0, fmax(j->bus_b, j->port_b) - (j->drive_s + j->convert_s));
}

/* Bits of inputs that reach the tiles from the global buffer: each element once when the tiles can keep the kernel's rows, else
 * each vector anew. */
static double fill_bits(const mb_machine *mach, const mb_job *j) {
    const mb_window *w = &j->layer->win;
    double every = j->vectors * j->mm.K, once = (double)w->cin * w->ih * w->iw;
    double rows = (double)w->cin * w->kh * w->iw * j->a->input_bits, tiles = ceil(j->arrays / mach->arrays_per_tile);
    double elements = once < every && rows <= tiles * mach->buffer_KiB * 8192.0 ? once : every;
    return elements * j->a->input_bits * j->place.tiles_across;
}

/* The distribution of the weights' codes: whoever comes first reads the weights. */
static const double *shares_of(const mb_costing *c, int m, const mb_layer *l, int bits) {
    _Atomic(double *) *slot = &c->share[m * 8 + bits - 1];
    double *known = atomic_load_explicit(slot, memory_order_acquire), *own;
    if (known || !(own = mb_malloc(MB_CODES, sizeof *own))) return known;
    mb_activity_shares(l, bits, own);
    if (atomic_compare_exchange_strong_explicit(slot, &known, own, memory_order_acq_rel, memory_order_acquire)) return own;
    mb_free(own);
    return known;
}

static int estimate(const mb_costing *c, int m, mb_job *j) {
    const mb_assign *a = j->a;
    int setting = (((a->weight_bits - 1) * 8 + a->cell_bits - 1) * 2 + (a->scheme == MB_OFFSET)) * 8 + a->skip_slices;
    _Atomic double *known = &c->row_S[m * MB_STORED_SETTINGS + setting];
    double row = atomic_load_explicit(known, memory_order_relaxed);
    if (!(row > 0)) {
        const double *share = shares_of(c, m, j->layer, a->weight_bits);
        if (!share) return mb_nomem();
        row = mb_activity_row(j->layer, a, &j->spec, &j->place.layout, c->cell, share);
        atomic_store_explicit(known, row, memory_order_relaxed);
    }
    mb_activity_inputs(&j->spec, &j->place.layout, a, j->mm.K, &j->act);
    j->act.charge_S = j->act.digit_sum * row;
    return MB_OK;
}

int mb_job_set(const mb_costing *c, int m, const mb_assign *a, const mb_activity *act, bool input_signed, int out_bits,
               mb_job *j) {
    const mb_machine *mach = c->mach;
    const int index = c->net->weighted[m];
    const mb_priced *adc;
    *j = (mb_job){.layer = &c->net->layer[index], .a = a, .mm = c->fact[index].mm, .rounds = 1};
    int rc = mb_machine_spec(mach, c->cell, a, input_signed, &j->spec);
    if (rc) return mb_context(rc, "layer %s", j->layer->name);
    if (mach->driver == MB_DRIVER_BIT && a->dac_bits > 1)
        return mb_fail(MB_BADINPUT,
                       "layer %s: dac_bits = %d, but driver = \"bit\" of the machine %s (%s) drives one bit; take \"count\" or \"width\"",
                       j->layer->name, a->dac_bits, mach->name, mach->where);
    if (mach->converter == MB_CONVERTER_ADDER_TREE && (a->dac_bits > 1 || a->cell_bits > 1))
        return mb_fail(MB_BADINPUT,
                       "layer %s: adder trees of the machine %s (%s) sum products of single bits, not of cell_bits = %d and dac_bits = %d",
                       j->layer->name, mach->name, mach->where, a->cell_bits, a->dac_bits);
    rc = mb_machine_place(mach, &j->spec, j->layer, a->copies, &j->place);
    if (!rc) rc = mb_parts_adc(&c->parts, mach, a->adc_bits, &adc);
    if (rc) return rc;
    j->adc = *adc;
    if (act) j->act = *act;
    else if ((rc = estimate(c, m, j))) return rc;
    const mb_xbar_layout *o = &j->place.layout;
    double per_group = (double)j->mm.N * o->conversions_per_output + (double)o->col_tiles * o->dummy_columns;
    j->vectors = (double)j->mm.vectors * j->mm.groups;
    j->outputs = j->vectors * j->mm.N;
    per_group -= (double)j->mm.N * o->conversions_per_output * j->act.empty;
    j->conversions = j->vectors * o->planes_converted * o->row_groups * per_group;
    j->arrays = (double)j->place.arrays;
    j->converters = j->arrays * mach->cols / mach->columns_per_adc;
    j->sum_bits = mb_sum_bits(a->weight_bits, a->input_bits, j->mm.K);
    j->out_bits = out_bits;
    j->fill = fill_bits(mach, j);
    j->read = j->vectors * j->mm.K * a->input_bits * j->place.tiles_across;
    j->partial = (j->place.tiles_along - 1.0) * j->outputs * j->sum_bits;
    j->stored = j->outputs * j->out_bits;
    if (mach->dram && mach->tiles) j->rounds = ceil(j->arrays / ((double)mach->tiles * mach->arrays_per_tile));
    set_times(mach, j);
    return MB_OK;
}
