/* peak.c - a machine at full use: what data sheets call peak throughput and power
 *
 * All arrays of all tiles (tiles = 0: of one) hold a full matrix each and work on vectors of their own, one after the other,
 * which come over the network into their tile's buffer once, are read once, and whose outputs cross the tile's bus once. Counts
 * and unit costs are those of a network's layers; input bits and weights are as estimated without a simulation (half of the
 * input bits set). The digital unit and the network between tiles keep up.
 *     operations / s = 2 rows outputs arrays / T,   T = the longer of reading (drives, conversions) and the tile's bus
 * Who may call: the runner and the command line.
 */
#include <limits.h>

#include "base/error.h"
#include "base/mem.h"
#include "cost/job.h"
#include "nn/op.h"

enum { VECTORS = 1000 }; /* per array: filling the pipeline of drives and conversions does not count */

int mb_machine_peak(const mb_machine *mach, const mb_cell *cell, const mb_assign *a, mb_peak *peak) {
    static const mb_op_type input = {.name = "input"}, product = {.name = "product", .weighted = true};
    char in_name[] = "input", name[] = "all arrays";
    mb_machine at = *mach; /* shallow */
    mb_xbar_spec spec;
    mb_xbar_layout lay;
    mb_metrics m;
    mb_schedule s = {0};
    mb_costing *k = NULL;
    mb_report *r = NULL;
    int rc = mb_machine_spec(mach, cell, a, false, &spec);
    if (!rc) rc = mb_xbar_plan(&spec, mach->rows, mach->cols, &lay);
    if (rc) return mb_context(rc, "at the peak of the machine %s (%s)", mach->name, mach->where);
    if (!at.tiles) at.tiles = 1;
    at.pipeline = at.distributed = true;
    at.batch = 1;
    double arrays = (double)at.tiles * at.arrays_per_tile, vectors = arrays * VECTORS;
    if (vectors * mach->rows > INT_MAX / 2.0 * 1024 || arrays > INT_MAX / VECTORS)
        return mb_fail(MB_BADINPUT, "the machine %s (%s) has %.0f arrays, more than its peak can be worked out for", mach->name,
                       mach->where, arrays);
    at.buffer_KiB = mach->buffer_KiB;
    int zero = 0, weighted = 1, V = (int)vectors;
    mb_layer layer[2] = {{.op = &input, .name = in_name, .shape = {1, {1}}},
                         {.op = &product,
                          .name = name,
                          .n_in = 1,
                          .in = &zero,
                          .shape = {1, {1}},
                          .win = {.kh = 1,
                                  .kw = 1,
                                  .sh = 1,
                                  .sw = 1,
                                  .dh = 1,
                                  .dw = 1,
                                  .cin = mach->rows,
                                  .ih = V,
                                  .iw = 1,
                                  .cout = lay.outputs_per_tile,
                                  .oh = V,
                                  .ow = 1,
                                  .groups = 1}}};
    mb_network net = {.name = name, .layer = layer, .n_layers = 2, .output = 1, .weighted = &weighted, .n_weighted = 1};
    mb_assign each = *a;
    mb_plan plan = {.n = 1, .assign = &each};
    each.engine = MB_ANALOG;
    each.copies = (int)arrays;
    rc = mb_costing_new(&at, cell, &net, &k);
    if (!rc) {
        k->at_peak = true;
        rc = mb_costing_plan(k, &plan, NULL, NULL, &r, &m, &s, false);
    }
    if (!rc)
        *peak = (mb_peak){arrays, 2.0 * mach->rows * lay.outputs_per_tile * vectors / s.interval_s, m.energy_J / s.interval_s,
                          m.area_m2, r};
    mb_costing_free(k);
    return rc;
}
