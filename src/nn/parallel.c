/* parallel.c - see parallel.h; with simulate.c and wire_mesh.c one of the few places that start threads (tests/lint knows them)
 */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif

#include "nn/parallel.h"

#ifdef _OPENMP
#include <omp.h>
#endif

void mb_parallel(int parts, mb_part_fn fn, void *ctx) {
    if (parts == 1) {
        fn(ctx, 0, 1);
        return;
    }
#pragma omp parallel for num_threads(parts) schedule(static, 1)
    for (int p = 0; p < parts; p++) fn(ctx, p, parts);
}

int mb_parallel_threads(void) {
#ifdef _OPENMP
    return omp_get_max_threads();
#else
    return 1;
#endif
}

int mb_parallel_set(int threads) {
#ifdef _OPENMP
    int was = omp_get_max_threads();
    omp_set_num_threads(threads);
    return was;
#else
    (void)threads;
    return 1;
#endif
}
