/* kernel.h - kernels: the inner loops of a crossbar read, one descriptor per instruction set, chosen at run time, all bit-identical
 *
 * A kernel handles one row group for a block of vectors: all slices and planes, conversion and shift-and-add fused, so that partial sums never leave the cache.
 */
#ifndef MB_ARRAY_KERNEL_H
#define MB_ARRAY_KERNEL_H

#include "array/adc.h"

typedef struct mb_row_group {
    int k, n;                        /* rows of this group, columns (outputs, dummies included) */
    int slices, planes, dac_bits, cell_bits;
    int polarities;                  /* 2 when positive and negative columns are converted separately */
    const int16_t *const *w;         /* [slices * polarities] -> k x n row-major; differential with analog subtraction holds w+ - w- */
    const int16_t *const *var;       /* the same shape: sigma^2 of the read noise in units of var_unit; NULL: no read noise */
    double var_unit;                 /* array units squared */
    const mb_adc_range *range;       /* [slices] */
    const mb_adc *adc;
} mb_row_group;

typedef struct mb_kernel {
    const char *name, *summary;
    bool (*supported)(void);
    /* y[m][n] += ...; x: m vectors, row stride ldx, k inputs; noise: streams keyed by the caller, one per vector, or NULL. work: scratch of work_size() bytes. */
    size_t (*work_size)(const mb_row_group *g, int m);
    void (*run)(const mb_row_group *g, int m, const int16_t *x, size_t ldx, int64_t *y, size_t ldy, mb_stream *noise, uint64_t *clipped, int32_t q_minmax[2], void *work);
} mb_kernel;

extern const mb_kernel *const mb_kernels[];      /* best first; NULL-terminated; generated */
const mb_kernel *mb_kernel_best(void);           /* environment MIXBAR_KERNEL=NAME overrides (for tests) */

#endif
