/* sample.h - statistics of a kind of memory cell, drawn through array/cell.h alone: levels and their overlap, ageing, read noise
 * and its spectrum, current-voltage curve, energies
 *
 *     overlap     adjacent levels i, i + 1 as normal distributions of single reads (mean, sd); threshold where the densities are
 *                 equal; error = (P(read_i > t) + P(read_i+1 < t)) / 2. Beside it the share that was counted with that threshold.
 *                 Where few cells far away (stuck) make the sd: median and width of the others, and not less than what was counted
 *     effective bits   log2((Gmax - Gmin) / (sqrt(12) e)), e the root mean square of (read - target) over all levels: the bits of
 *                 a uniform quantiser with the same error
 *     information bits    mutual information of level written and level read (thresholds of t = 0)
 *     spectrum    one-sided, relative to the mean conductance squared, 1/Hz: the cell's own (mb_cell_type.spectrum) one day after
 *                 programming; of cells without one, Welch's estimate from reads in a row, minus their mean() at the same time
 * Draws depend on the seed, the level and the number of the cell alone. Called by the command line.
 */
#ifndef MB_RUN_SAMPLE_H
#define MB_RUN_SAMPLE_H

#include <stdint.h>

#include "array/cell.h"
#include "base/stats.h"
#include "base/str.h"

typedef struct mb_sample_options {
    int cells;  /* per level */
    int levels; /* of continuous cells: how many targets */
    uint64_t seed;
    const double *time_s; /* increasing, the first is 0 */
    size_t n_time;
    double temp_K;
    double read_s; /* duration of a read, for its energy and the rate of the spectrum */
} mb_sample_options;

#define MB_SAMPLE_BINS 24
#define MB_SAMPLE_MAX_LEVELS 256

typedef struct mb_sample_level {
    double target;                    /* S: where an error-free cell stands */
    mb_moments programmed;            /* mean() at t = 0 */
    mb_moments read;                  /* one read each at t = 0 */
    double q05, q50, q95;             /* quantiles of the programmed conductances */
    double histogram[MB_SAMPLE_BINS]; /* of the programmed ones, equal bins from programmed.min to max; sums to the cells */
    double noise_sd, noise_model;     /* read noise: measured on repeated reads; what read_sigma says of the same cells */
    double noise_skew, noise_kurtosis;
    double read_W, read_J; /* power at read_V and the mean conductance, times read_s */
    double flat;           /* I(V/2) / I(V) of the current-voltage curve; 0.5 is linear */
} mb_sample_level;

typedef struct mb_sample_pair {
    double threshold, error, counted;
} mb_sample_pair; /* between level i and i + 1 */

typedef struct mb_sample_age {
    double time_s, error, information_bits, effective_bits; /* share of cells read as another level, thresholds of t = 0 */
    double ratio;                                           /* mean of G(t) / G(0) over cells with G(0) > 0 */
} mb_sample_age;

typedef struct mb_sample {
    double g_min, g_max, grid_rms;
    int levels; /* of the cell; 0: continuous */
    bool deterministic, all_levels;
    size_t n_level, n_time, cells;
    mb_sample_level *level;
    mb_sample_pair *pair; /* n_level - 1 */
    mb_sample_age *age;   /* n_time */
    double *mean, *sd;    /* [n_time][n_level]: programmed state at each time, S */
    double separable;     /* levels that fit between Gmin and Gmax with six standard deviations of a read each */
    /* spectrum of the read noise at the middle level and the largest */
    size_t n_freq;
    double *freq, *psd[2]; /* 1/Hz, relative to the mean squared */
    double psd_level[2], slope[2], slope_se[2];
    bool noisy, analytic; /* analytic: the cell's own spectrum */
    /* current over read voltage at the smallest, middle and largest level, n_iv points from -read_V to read_V */
    size_t n_iv;
    double *volt, *amp[3], iv_g[3];
    bool linear;
    mb_cell_cost cost;
    mb_sample_options o;
} mb_sample;

int mb_sample_cell(const mb_cell *cell, const mb_sample_options *o, mb_sample *s);
void mb_sample_free(mb_sample *s);
/* The draws as a table that a fit reads: columns cell, target_S, time_s, conductance_S; READS single reads of each of
 * CELLS cells per level (the first ones of mb_sample_cell) at each time. */
int mb_sample_data(const mb_cell *cell, const mb_sample *s, int cells, int reads, mb_str *csv);
/* Four panels: levels, drift, read noise, current-voltage curve. */
int mb_sample_plot(const mb_sample *s, const char *name, mb_str *script);

/* "0,1,1h,30d" -> increasing seconds, *t is mb_free'd; MB_BADINPUT. Suffixes ns us ms s min h d y. */
int mb_times_parse(const char *text, double **t, size_t *n);

#endif
