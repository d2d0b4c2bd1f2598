/* modes.c - the best k of a front, exactly (mapping/modes.h) */
#include "mapping/modes.h"

#include <stddef.h>

#include "base/error.h"
#include "base/mem.h"

/* With points i_1 < ... < i_j chosen the area is the sum over them of (cost of the next, or the corner - cost) (corner - loss). best[j][i]:
 * of the first j + 1 chosen, the last of which is i, without its own strip to the corner. */
int mb_modes_cover(const double *cost, const double *loss, int n, int k, double cost_ref, double loss_ref, int *pick, int *n_pick,
                   double *area) {
    *n_pick = 0;
    if (area) *area = 0;
    if (k < 1 || n < 1) return MB_OK;
    if (k > n) k = n;
    const size_t size = (size_t)n * (size_t)k;
    double *best = mb_malloc(size, sizeof *best), top = 0;
    int *from = mb_malloc(size, sizeof *from), last_j = -1, last_i = -1;
    if (!best || !from) {
        mb_free(best);
        mb_free(from);
        return mb_nomem();
    }
    for (int j = 0; j < k; j++)
        for (int i = 0; i < n; i++) {
            double *b = &best[(size_t)j * (size_t)n + (size_t)i];
            int *f = &from[(size_t)j * (size_t)n + (size_t)i];
            *b = j == 0 ? 0 : -1;
            *f = -1;
            if (!(cost[i] < cost_ref && loss[i] < loss_ref)) {
                *b = -1;
                continue;
            }
            for (int h = 0; h < i && j > 0; h++) {
                const double before = best[(size_t)(j - 1) * (size_t)n + (size_t)h];
                const double with = before < 0 ? -1 : before + (cost[i] - cost[h]) * (loss_ref - loss[h]);
                if (with > *b) *b = with, *f = h;
            }
            const double whole = *b < 0 ? -1 : *b + (cost_ref - cost[i]) * (loss_ref - loss[i]);
            if (whole > top) top = whole, last_j = j, last_i = i;
        }
    for (int j = last_j, i = last_i; j >= 0; i = from[(size_t)j * (size_t)n + (size_t)i], j--) pick[j] = i;
    *n_pick = last_j + 1;
    if (area) *area = top;
    mb_free(best);
    mb_free(from);
    return MB_OK;
}
