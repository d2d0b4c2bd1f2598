/* programming.c - the write side: energy, time, pulses and wear of loading a network's weights into its arrays once
 *
 * Layer with G groups of K x N weights, c copies, T_c tiles of columns, k cells per weight, d dummy columns per array:
 *     cells    c G K (N k + T_c d)            every cell that holds a digit; the others stay erased
 *     rows     c G K T_c                      rows of arrays that are written, with n = cells / rows cells each
 *     energy   cells write_J                  of the cell: pulses and verifying reads, mean over the targets
 *     pulses   cells P                        P = pulses of the cell
 *     time     rows ceil(n / w) write_s s(P, min(n, w)) / a     w = write_cells (0: n), a = arrays at once (write_arrays)
 *     wear     P / endurance
 * s: cells of a row are programmed at once and the row waits for the slowest. With pulses that succeed independently with
 * probability 1 / P the number of pulses is geometric, and the largest of n has the mean sum over j >= 0 of 1 - (1 - q^j)^n,
 * q = 1 - 1 / P (the tails of the largest of n independent numbers, summed); s is that over P.
 * Left out: drivers and half-selected lines of the write path, charge pumps, moving the weights to the arrays, erasing a block
 * before (unless the cell's numbers hold it).
 * Who may call: the runner and the command line. Re-entrant, no allocation.
 */
#include <math.h>

#include "base/error.h"
#include "cost/job.h"

double mb_programming_slowest(double pulses, double n) {
    if (!(pulses > 1) || !(n > 1)) return 1;
    double q = 1 - 1 / pulses, qj = 1, sum = 0, last;
    if (pulses > 1e4) return log(n) + 0.57721566490153286; /* the exponential limit: harmonic number of n, to 1 / 2 n */
    do {
        last = qj < 1 ? -expm1(n * log1p(-qj)) : 1;
        sum += last;
        qj *= q;
    } while (last > 1e-12 * sum);
    return sum / pulses;
}

void mb_job_program(const mb_machine *mach, const mb_cell_cost *c, mb_matmul mm, const mb_placement *place, int copies,
                    mb_programming *out) {
    const mb_xbar_layout *o = &place->layout;
    double P = c->pulses > 1 ? c->pulses : 1;
    double sets = (double)copies * (double)mm.groups * (double)mm.K, rows = sets * o->col_tiles;
    double cells = sets * ((double)mm.N * o->cells_per_weight + (double)o->col_tiles * o->dummy_columns), n = cells / rows;
    double at_once = mach->write_cells && mach->write_cells < n ? mach->write_cells : n;
    double arrays = mach->write_arrays && mach->write_arrays < place->arrays ? mach->write_arrays : (double)place->arrays;
    out->cells += cells;
    out->pulses += cells * P;
    out->energy_J += cells * c->write_J;
    out->latency_s += rows * ceil(n / at_once) * c->write_s * mb_programming_slowest(P, at_once) / arrays;
}

static int layer(const mb_machine *mach, const mb_cell *cell, const mb_cell_cost *c, const mb_layer *l, const mb_assign *a,
                 mb_programming *out) {
    mb_xbar_spec spec;
    mb_placement place;
    int rc = mb_machine_spec(mach, cell, a, false, &spec);
    if (!rc) rc = mb_machine_place(mach, &spec, l, a->copies, &place);
    if (rc) return mb_context(rc, "layer %s", l->name);
    mb_job_program(mach, c, mb_layer_matmul(l), &place, a->copies, out);
    return MB_OK;
}

int mb_cost_programming(const mb_machine *mach, const mb_cell *cell, const mb_network *net, const mb_plan *plan,
                        mb_programming *out) {
    mb_cell_cost c = {0};
    int rc = MB_OK;
    *out = (mb_programming){0};
    cell->type->cost(cell->params, &c);
    for (int m = 0; m < net->n_weighted && !rc; m++)
        if (plan->assign[m].engine == MB_ANALOG) rc = layer(mach, cell, &c, &net->layer[net->weighted[m]], &plan->assign[m], out);
    if (!rc && c.endurance > 0 && out->cells > 0) out->wear = (c.pulses > 1 ? c.pulses : 1) / c.endurance;
    return rc;
}
