/* job.h - a weighted layer on the arrays of a machine: what it counts and how long it takes; what cost functions share
 *
 * Times of one layer, of one sample on the busiest copy, with v vectors and n steps (row groups) each:
 *     drive     v n sum over planes of (largest digit) read_s;   clocked: whole periods
 *     convert   v n (planes converted) (columns in sequence) max(conversion, period): a shift-and-add per period
 *     hidden    sample-and-hold: drives and conversions overlap; exposed: sum of max(drive, convert), the shorter one once
 *     bus       v (inputs + outputs) of a copy over its tile's bus, times the copies that share the tile
 *     port      all inputs fetched and outputs stored, over the port of the global buffer, which all layers share
 * Who may call: the cost floor.
 */
#ifndef MB_COST_JOB_H
#define MB_COST_JOB_H

#include <stdatomic.h>

#include "cost/machine.h"
#include "cost/parts.h"

/* Settings of a layer on which the mean conductance of its rows depends. */
enum { MB_STORED_SETTINGS = 8 * 8 * 2 * 8 }; /* weight_bits, cell_bits, scheme, skip_slices */

struct mb_costing {
    const mb_machine *mach;
    const mb_cell *cell;
    const mb_network *net;
    mb_parts parts;
    bool at_peak; /* only what a layer does not share limits the rate (peak.c) */
    struct mb_layer_facts {
        mb_matmul mm;
        bool works;
    } * fact; /* of each layer of the network */
    /* Mean conductance of a row (S) of weighted layer m under setting s: [m * MB_STORED_SETTINGS + s]; 0: not asked yet. Whoever
     * asks first fills it in; two threads that do so at once store the same bits. */
    _Atomic double *row_S;
    _Atomic(double *) *share; /* [m * 8 + weight_bits - 1]: mb_activity_shares, NULL: not asked yet */
};

typedef struct mb_job {
    const mb_layer *layer;
    const mb_assign *a;
    mb_activity act;
    mb_matmul mm;
    mb_xbar_spec spec;
    mb_placement place;
    mb_priced adc;                        /* one conversion, one converter */
    double vectors, outputs, conversions; /* of all groups */
    double arrays, converters;
    int sum_bits, out_bits;
    double fill, read, partial, stored; /* bits: global buffer to tiles, tile buffers to arrays, between tiles, outputs */
    double units;                       /* sum over planes of the longest digit */
    double rounds;                      /* in which the weights are loaded; 1: they fit */
    /* busy times */
    double load_b, drive_b, convert_b, add_b, reduce_b, bus_b, port_b;
    double drive_s, convert_s, move_s; /* exposed times */
} mb_job;

/* OUT_BITS: of stored outputs. ACT NULL: estimated. */
int mb_job_set(const mb_costing *c, int m, const mb_assign *a, const mb_activity *act, bool input_signed, int out_bits,
               mb_job *j);
/* Adds what programming the layer once takes (programming.c). */
void mb_job_program(const mb_machine *mach, const mb_cell_cost *c, mb_matmul mm, const mb_placement *place, int copies,
                    mb_programming *out);
/* Driven rows, digits (activity.c); not the charge. */
void mb_activity_inputs(const mb_xbar_spec *spec, const mb_xbar_layout *lay, const mb_assign *a, int K, mb_activity *act);
/* How the codes of a layer's weights are distributed: share[q + L] have the quantised value q in -L .. L. Reads all weights. */
enum { MB_CODES = 256 };
void mb_activity_shares(const mb_layer *l, int bits, double *share);
/* Mean conductance of all cells of a row of layer L, S, with SHARE at its weight_bits. */
double mb_activity_row(const mb_layer *l, const mb_assign *a, const mb_xbar_spec *spec, const mb_xbar_layout *lay,
                       const mb_cell *cell, const double *share);

#endif
