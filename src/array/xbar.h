/* xbar.h - a weight matrix on crossbar arrays: slicing, programming, reading, converting, shift-and-add
 *
 * Wq (K inputs x N outputs, integers, |Wq| <= 2^(weight_bits-1)-1, or +-1 for 1 bit) is cut into
 *   row tiles of `rows` inputs; inside a tile, row groups of `rows_active` inputs that are read at once;
 *   slices: base-2^cell_bits digits, least significant first, of |Wq| (differential: magnitude bits, sign chooses the positive or the negative cell) or of
 *   Wq + 2^(weight_bits-1) (offset; one dummy column per column tile holds the digits of 2^(weight_bits-1) and is subtracted after conversion).
 * Digit d of a cell of c bits: G = Gmin + d / (2^c - 1) * (Gmax - Gmin). Conductances are held as integers of 14 bits:
 *     w = round( G / (Gmax - Gmin) * (2^c - 1) * F ),  F a power of two, so an ideal digit d is exactly d * F.
 * Inputs x (integers) are driven in planes of dac_bits bits, least significant first; signed inputs as sign and magnitude (the plane carries the sign).
 * One partial sum S = sum_i digit_i * w_i per (row group, slice, plane[, polarity]) is exact in int32; it goes through the converter with the range of its slice;
 * the results are shifted and added in int64:  y = sum_s 2^(s cell_bits) sum_p 2^(p dac_bits) value.
 * y / F is the integer product sum_k x_k Wq_kn when cells and converters are ideal (law 3): exactly.
 *
 * Ranges (per slice): full: +-(or 0..) the largest possible ideal S;  calibrated: the given percentile of |S - base| observed on calibration inputs;
 * given: a fraction of full scale. The step is an integer >= 1; with full and calibrated ranges never finer than one ideal digit F (finer resolves nothing).
 *
 * Read noise: one normal number per conversion with variance sum_i sigma_i^2 digit_i^2, keyed by (trial, layer, slot, vector).
 * Threads: new, program and set_ranges are for one thread; mvm and observe only read the crossbar and may run in many.
 */
#ifndef MB_ARRAY_XBAR_H
#define MB_ARRAY_XBAR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "array/adc.h"
#include "array/cell.h"

#define MB_SCHEMES "differential|offset"
typedef enum { MB_DIFFERENTIAL, MB_OFFSET } mb_scheme;
#define MB_SUBTRACTIONS "analog|digital"
typedef enum { MB_SUB_ANALOG, MB_SUB_DIGITAL } mb_subtraction;
#define MB_ADC_RULES "full|calibrated|given"
typedef enum { MB_ADC_FULL, MB_ADC_CALIBRATED, MB_ADC_GIVEN } mb_adc_rule;

typedef struct mb_xbar_spec {
    int rows, cols;                 /* physical array */
    int rows_active;                /* <= rows */
    int weight_bits, cell_bits;     /* 1..8 each (weight_bits 1: binary) */
    int input_bits, dac_bits;       /* 1..8; dac_bits <= input_bits */
    bool input_signed;
    int adc_bits;                   /* 1..16; ignored by a transparent converter */
    mb_scheme scheme;
    mb_subtraction subtract;        /* differential only */
    mb_adc_rule adc_rule;
    double adc_percentile;          /* calibrated: in (0, 1] */
    double adc_fraction;            /* given: of full scale, in (0, 1] */
    mb_cell cell;                   /* borrowed: must outlive the crossbar */
    mb_adc adc;                     /* borrowed */
    double time_s, temp_K;          /* of reading, after programming */
} mb_xbar_spec;

/* Counts that follow from the specification and the shape alone. */
typedef struct mb_xbar_layout {
    int row_tiles, col_tiles;       /* arrays = row_tiles * col_tiles */
    int row_groups;                 /* sum over row tiles of ceil(rows in tile / rows_active): conversions in sequence */
    int groups_per_tile;            /* the largest number of row groups in one tile */
    int slices, planes;
    int cells_per_weight;           /* columns that one output takes: slices * (differential ? 2 : 1) */
    int outputs_per_tile;           /* floor((cols - dummy columns) / cells_per_weight) */
    int dummy_columns;              /* per array: slices for offset, else 0 */
    int conversions_per_output;     /* per plane and row group: slices * (differential digital ? 2 : 1) */
    int adc_bits_lossless;          /* bits with which a full-scale converter loses nothing (ideal cell) */
} mb_xbar_layout;
/* MB_BADINPUT when the specification is impossible (rows_active > rows, no output fits an array, sums that leave int32, ...). */
int mb_xbar_plan(const mb_xbar_spec *s, int K, int N, mb_xbar_layout *l);

typedef struct mb_xbar mb_xbar;
int mb_xbar_new(const mb_xbar_spec *s, int K, int N, const int16_t *Wq, mb_xbar **xb);   /* copies Wq and *s; not programmed */
void mb_xbar_free(mb_xbar *xb);
const mb_xbar_spec *mb_xbar_get_spec(const mb_xbar *xb);
const mb_xbar_layout *mb_xbar_get_layout(const mb_xbar *xb);
/* Draw the cells of this trial (domain MB_RNG_PROGRAM, unit mb_unit(layer, slot), slot counting group and array). Keeps ranges. */
int mb_xbar_program(mb_xbar *xb, uint64_t seed, uint32_t trial, uint32_t layer, uint32_t group);

/* Who reads: keys of the read noise and of the converters' noise. INDEX of vector v is index0 + v. */
typedef struct mb_read_id { uint64_t seed; uint32_t trial, layer, group; uint32_t index0; } mb_read_id;

/* What an array did, all integers, so that sums over threads are exact. */
typedef struct mb_xbar_stats {
    uint64_t vectors, conversions, clipped;
    uint64_t rows_driven;            /* (vector, plane, row) with a non-zero digit: word-line drives */
    uint64_t rows_offered;           /* (vector, plane, row): the same with zeros counted */
    uint64_t digit_sum;              /* sum of |digit| over rows_offered */
    uint64_t charge;                 /* sum over rows_offered of |digit| * (sum of w over all cells of that row), in array units; energy = V^2 t charge Gunit */
    int32_t q_min, q_max;            /* extreme codes seen */
} mb_xbar_stats;
void mb_xbar_stats_init(mb_xbar_stats *s);
void mb_xbar_stats_merge(mb_xbar_stats *s, const mb_xbar_stats *b);
double mb_xbar_unit_S(const mb_xbar *xb);    /* conductance of one array unit: (Gmax - Gmin) / ((2^c - 1) F) */

/* Histogram of partial sums per slice, for calibrated ranges; merging is exact and order-free. */
typedef struct mb_xbar_hist mb_xbar_hist;
int mb_xbar_hist_new(const mb_xbar *xb, mb_xbar_hist **h);
void mb_xbar_hist_free(mb_xbar_hist *h);
int mb_xbar_hist_merge(mb_xbar_hist *h, const mb_xbar_hist *b);
int mb_xbar_observe(const mb_xbar *xb, int m, const int16_t *x, mb_xbar_hist *h);      /* m vectors of K: no converter, no read noise */
/* Ranges by the specification's rule; h only for MB_ADC_CALIBRATED (NULL otherwise). After program(). */
int mb_xbar_set_ranges(mb_xbar *xb, const mb_xbar_hist *h);
const mb_adc_range *mb_xbar_range(const mb_xbar *xb, int slice);

/* y[m][N] in array units times 1: integer product = y / mb_xbar_scale(). x [m][K], |x| <= the largest of input_bits. Stats may be NULL. */
int mb_xbar_mvm(const mb_xbar *xb, const mb_read_id *id, int m, const int16_t *x, int64_t *y, mb_xbar_stats *stats);
double mb_xbar_scale(const mb_xbar *xb);     /* F, a power of two */
/* The obvious version of mvm, plane by plane and cell by cell, the oracle of every kernel: same bits. */
int mb_xbar_mvm_oracle(const mb_xbar *xb, const mb_read_id *id, int m, const int16_t *x, int64_t *y);
/* Exact integer product of the stored Wq, for the digital engine and for law 3: y[m][N] = sum_k x Wq. */
void mb_matmul_i16(int m, int K, int N, const int16_t *x, const int16_t *Wq, int64_t *y);

#endif
