/* noise.h - what a device does to weights while a network is trained: the cell's own statistics as noise
 *
 * A weight of L codes stands in slices of cells, each pair of which holds a digit and nothing (differential) or one of which
 * holds the code plus half of the range (offset). For every digit the cell type is asked, by drawing many cells, what
 * programming, ageing and reading leave of it: mean error m[d] and variance v[d] in digits. A weight q then is off by a normal
 * number of mean M[q] and variance V[q], the sums over its slices of B^s (m[d_s] - m[0]) and B^2s (v[d_s] + v[0]), times its
 * step; every step of training draws it anew: Joshi et al., Nat. Commun. 11, 2473 (2020), doi:10.1038/s41467-020-16108-9.
 */
#ifndef MB_RUN_NOISE_H
#define MB_RUN_NOISE_H

#include "array/cell.h"
#include "mapping/plan.h"
#include "nn/engine.h"

typedef struct mb_noise mb_noise;
/* For the weighted layers of M, in order, as PLAN maps them onto cells of CELL read TIME_S after programming. FACTOR on all
 * errors. CELL and M are borrowed. */
int mb_noise_new(const mb_model *m, const mb_plan *plan, const mb_cell *cell, double time_s, double temp_K, double factor,
                 uint64_t seed, mb_noise **n);
void mb_noise_free(mb_noise *n);
/* Results of the K-th weighted layer are off by a normal number of RELATIVE times their root mean square: the converters' error
 * as measured (signal-to-noise ratio without errors of cells). */
void mb_noise_converters(mb_noise *n, int k, double relative);
/* The numbers of this step from here on. */
void mb_noise_step(mb_noise *n, int epoch, int64_t step);
/* For the training engine (ctx = the noise). */
void mb_noise_weights(void *ctx, int layer, size_t count, float *w);
void mb_noise_outputs(void *ctx, int layer, size_t count, float *y, float *keep);
/* Error of weight code Q of the K-th weighted layer: mean and standard deviation in codes. */
void mb_noise_code(const mb_noise *n, int k, int q, double *mean, double *sd);

#endif
