/* parallel.h - the one parallel loop of training: parts of an array, one thread each
 *
 * Training is a sequence of passes over one batch, each of which is split into as many parts as there are threads. What a part
 * does depends on its number and on the number of parts alone, so results are the same bytes for the same number of threads. Not
 * for use inside of the loop over samples of run/simulate.c.
 */
#ifndef MB_NN_PARALLEL_H
#define MB_NN_PARALLEL_H

#include <stddef.h>

typedef void (*mb_part_fn)(void *ctx, int part, int parts);

void mb_parallel(int parts, mb_part_fn fn, void *ctx);
int mb_parallel_threads(void);    /* threads that OpenMP would use now (OMP_NUM_THREADS, -j) */
int mb_parallel_set(int threads); /* for libraries that ask OpenMP; returns what it was */

/* Part PART of PARTS of [0, n): [*first, *last), multiples of GRAIN but for the end. */
static inline void mb_part(size_t n, size_t grain, int part, int parts, size_t *first, size_t *last) {
    size_t grains = (n + grain - 1) / grain;
    *first = grains * (size_t)part / (size_t)parts * grain;
    *last = grains * ((size_t)part + 1) / (size_t)parts * grain;
    if (*first > n) *first = n;
    if (*last > n) *last = n;
}

#endif
