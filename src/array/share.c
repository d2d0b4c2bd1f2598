/* share.c - crossbars that read the cells of another one: the same devices behind other converters
 *
 * What programming leaves behind (panels of conductances and variances, their packed form, row sums, counts) is read only from then on, so that any number of
 * crossbars, in any number of threads, can point to it. Converters, ranges and what they do are each crossbar's own. Called by run/simulate.c and tests.
 */
#include "array/xbar_private.h"
#include "base/error.h"
#include "base/mem.h"

int mb_xbar_like(const mb_xbar *xb, mb_xbar **other) { return mb_xbar_new(&xb->spec, xb->K, xb->N, xb->Wq, other); }

static bool same_shape(const mb_xbar *a, const mb_xbar *b) {
    bool same = a->K == b->K && a->N == b->N && a->n_all == b->n_all && a->panels == b->panels && a->sc.F == b->sc.F &&
                a->lay.row_groups == b->lay.row_groups && a->lay.slices == b->lay.slices && a->sc.unit_S == b->sc.unit_S;
    for (int g = 0; same && g < a->lay.row_groups; g++)
        same = a->group[g].k0 == b->group[g].k0 && a->group[g].k == b->group[g].k && a->group[g].row_tile == b->group[g].row_tile;
    return same;
}

int mb_xbar_adopt(mb_xbar *xb, const mb_xbar *from) {
    if (!from->programmed || from->general || xb->sc.general || !same_shape(xb, from))
        return mb_fail(MB_BUG, "a crossbar cannot read the cells of another one that has none, or others");
    for (int g = 0; g < xb->lay.row_groups && !xb->borrows; g++) {
        mb_free(xb->group[g].w);
        mb_free(xb->group[g].var);
        mb_quads_free(xb->group[g].quads);
    }
    if (!xb->borrows) mb_free(xb->row_w);
    mb_general_free(xb->general);
    xb->general = NULL;
    xb->borrows = true;
    for (int g = 0; g < xb->lay.row_groups; g++) {
        xb->group[g].w = from->group[g].w;
        xb->group[g].var = from->group[g].var;
        xb->group[g].quads = from->group[g].quads;
    }
    xb->row_w = from->row_w;
    xb->noisy = from->noisy;
    xb->var_unit = from->var_unit;
    xb->var_each = from->var_each;
    xb->saturated = from->saturated;
    xb->censored = from->censored;
    xb->repaired = from->repaired;
    xb->wire_residual = from->wire_residual;
    xb->fresh_S = from->fresh_S;
    xb->aged_S = from->aged_S;
    xb->place = from->place;
    mb_xbar_place_ranges(xb);
    xb->programmed = true;
    return MB_OK;
}

size_t mb_xbar_bytes(const mb_xbar *xb) {
    size_t cells = 0;
    for (int g = 0; g < xb->lay.row_groups; g++) cells += (size_t)xb->panels * ((size_t)xb->group[g].k + 1) * MB_PANEL;
    return cells * (2 * sizeof(int16_t) + 2) + (size_t)xb->K * (size_t)xb->N * sizeof *xb->Wq; /* conductances, variances, both in bytes, weights */
}
