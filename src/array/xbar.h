/* xbar.h - a weight matrix on crossbar arrays: slicing, programming, reading, converting, shift-and-add
 *
 * Wq (K inputs x N outputs, integers, |Wq| <= 2^(weight_bits-1)-1, or +-1 for 1 bit) is cut into
 *   row tiles of `rows` inputs; inside a tile, row groups of `rows_active` inputs that are read at once;
 *   column tiles of outputs_per_tile outputs: one array per (row tile, column tile);
 *   slices: base-2^cell_bits digits, least significant first, of |Wq| (differential: magnitude bits, sign chooses the positive or
 *   the negative cell) or of Wq + 2^(weight_bits-1) (offset; one dummy output per array holds 2^(weight_bits-1) and is subtracted
 *   after conversion).
 * 1-bit weights in offset: the cell holds (Wq + 1) / 2 and the dummy level would be half a digit; two dummy outputs, one with
 * digit 0 and one with digit 1, take its place: y = 2 * data - dummy0 - dummy1, in which the contribution of Gmin cancels too.
 * Wq = 0 cannot be stored there.
 *
 * Digit d of a cell of c bits: G = Gmin + d / (2^c - 1) * (Gmax - Gmin), also where a slice needs fewer than c bits.
 * Conductances are held as integers of at most 14 bits:
 *     w = w0 + d F + round((G - G_target) / unit),  unit = (Gmax - Gmin) / ((2^c - 1) F),  w0 = round(Gmin / unit),
 *     0 <= w <= w_max = min(16383, 2^29 / (rows read at once * largest input digit)),
 * F the largest power of two with 1.5 * Gmax / unit <= w_max. So an ideal digit d is exactly d * F above the conductance of digit
 * 0; a cell may exceed Gmax by half before it saturates (mb_xbar_saturated counts them); |S| <= 2^29 leaves room for noise.
 *
 * Inputs x (integers) are driven in planes of dac_bits bits, least significant first; signed inputs as sign and magnitude (the
 * plane carries the sign). One partial sum S = sum_i digit_i * w_i per (row group, slice, plane[, polarity]) is exact in int32;
 * it goes through the converter with the range of its slice; the results are shifted and added in int64:
 *     y = sum_s 2^(s cell_bits) sum_p 2^(p dac_bits) value.
 * y / F is the integer product sum_k x_k Wq_kn when cells and converters are ideal (law 3): exactly. So it is with any converter
 * of adc_bits_lossless bits at full range.
 *
 * Ranges, one per slice. R = full: the largest possible |S| of cells without error; calibrated: the given percentile of |S|
 * observed on calibration inputs; given: a fraction of full. With L = 2^adc_bits - 1 (one sign) or 2^(adc_bits-1) - 1 (both
 * signs: analog subtraction or signed inputs):
 *     step = max(F, ceil(R / L)): never finer than one ideal digit, which resolves nothing (given: max(1, ..)); converters of at
 *     most 8 bits: steps above 128 go up to an even multiple of 2^h, 64 < step / 2^h <= 128, at most 3.1 % coarser: the finite
 *     resolution of their references, which lets kernels decide in 16 bits without an error (array/kernel.h). F stays F.
 *     one sign:                base 0, codes 0..L
 *     analog subtraction:      base 0, codes -L..L
 *     signed inputs otherwise: base -L step, codes 0..2L, so that all sums round alike
 *     1 bit, both signs:       a comparator with the values -step / 2 and step / 2, step = R made even
 *
 * Read noise: one normal number per conversion with variance sum_i sigma_i^2 digit_i^2, keyed by (trial, layer, slot, vector),
 * slot = group * row_groups + row group: exact while no cell would be clipped at zero. The variances are held in 15 bits of the
 * largest one. The number is a short normal (base/rng.h: 65,536 values, |z| <= 4.39). With a range as above the sum is rounded to
 * 2^h and the noise to the same unit (a 64th to a 128th of a step; sigma to a 16th of it); otherwise, and with transparent
 * converters, it is an integer of array units (array/kernel.h).
 * Threads: new, program and set_ranges are for one thread; mvm and observe only read the crossbar and may run in many.
 * References: Shafiee et al., ISCA 2016, doi:10.1109/ISCA.2016.12 (slices, planes, offset); Marinella et al., IEEE JETCAS 2018,
 * doi:10.1109/JETCAS.2018.2796379 (differential pairs).
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
    int dummy_columns;              /* per array: slices for offset (1-bit weights: 2), else 0 */
    int conversions_per_output;     /* per plane and row group: slices * (differential digital ? 2 : 1) */
    int adc_bits_lossless; /* bits with which a full-scale converter loses nothing (cell without errors, its Gmin counted) */
} mb_xbar_layout;
/* MB_BADINPUT when the specification is impossible (rows_active > rows, no output fits an array, digits that 14 bits cannot
 * resolve, ...). */
int mb_xbar_plan(const mb_xbar_spec *s, int K, int N, mb_xbar_layout *l);

typedef struct mb_xbar mb_xbar;
int mb_xbar_new(const mb_xbar_spec *s, int K, int N, const int16_t *Wq, mb_xbar **xb);   /* copies Wq and *s; not programmed */
void mb_xbar_free(mb_xbar *xb);
const mb_xbar_spec *mb_xbar_get_spec(const mb_xbar *xb);
const mb_xbar_layout *mb_xbar_get_layout(const mb_xbar *xb);
/* Draw the cells of this trial (domain MB_RNG_PROGRAM, unit mb_unit(layer, slot), slot = group * arrays + array, index =
 * 2 * slice + polarity; cells row by row). Keeps ranges. MB_NUMERIC when the cell model returns a conductance that is not
 * finite. */
int mb_xbar_program(mb_xbar *xb, uint64_t seed, uint32_t trial, uint32_t layer, uint32_t group);

uint64_t mb_xbar_saturated(const mb_xbar *xb);   /* cells beyond w_max at the last programming */

/* Who reads: keys of the read noise and of the converters' noise. INDEX of vector v is index0 + v. */
typedef struct mb_read_id { uint64_t seed; uint32_t trial, layer, group; uint32_t index0; } mb_read_id;

/* What an array did, all integers, so that sums over threads are exact. */
typedef struct mb_xbar_stats {
    uint64_t vectors, conversions, clipped;
    uint64_t rows_driven;            /* (vector, plane, row) with a non-zero digit: word-line drives */
    uint64_t rows_offered;           /* (vector, plane, row): the same with zeros counted */
    uint64_t digit_sum;              /* sum of |digit| over rows_offered */
    uint64_t charge;                 /* sum over rows_offered of |digit| * (sum of w over all cells of that row), in array
                                        units; energy = V^2 t charge Gunit */
    int32_t q_min, q_max;            /* extreme codes seen; q_min > q_max: none (transparent converter) */
} mb_xbar_stats;
void mb_xbar_stats_init(mb_xbar_stats *s);
void mb_xbar_stats_merge(mb_xbar_stats *s, const mb_xbar_stats *b);
double mb_xbar_unit_S(const mb_xbar *xb);    /* conductance of one array unit: (Gmax - Gmin) / ((2^c - 1) F) */

/* Histogram of partial sums per slice, for calibrated ranges; merging is exact and order-free. */
typedef struct mb_xbar_hist mb_xbar_hist;
int mb_xbar_hist_new(const mb_xbar *xb, mb_xbar_hist **h);
void mb_xbar_hist_free(mb_xbar_hist *h);
int mb_xbar_hist_merge(mb_xbar_hist *h, const mb_xbar_hist *b);
/* m vectors of K: no converter, no read noise. After program(). */
int mb_xbar_observe(const mb_xbar *xb, int m, const int16_t *x, mb_xbar_hist *h);
/* Ranges by the specification's rule; h only for MB_ADC_CALIBRATED (NULL otherwise). After program(). */
int mb_xbar_set_ranges(mb_xbar *xb, const mb_xbar_hist *h);
const mb_adc_range *mb_xbar_range(const mb_xbar *xb, int slice);

/* y[m][N] in array units: integer product = y / mb_xbar_scale(). x [m][K], |x| <= the largest of input_bits
 * (MB_BADINPUT otherwise). Stats are added to and may be NULL. One allocation per call: call it with many vectors. */
int mb_xbar_mvm(const mb_xbar *xb, const mb_read_id *id, int m, const int16_t *x, int64_t *y, mb_xbar_stats *stats);
double mb_xbar_scale(const mb_xbar *xb);     /* F, a power of two */
/* The obvious version of mvm, plane by plane and cell by cell, the oracle of every kernel: same bits. */
int mb_xbar_mvm_oracle(const mb_xbar *xb, const mb_read_id *id, int m, const int16_t *x, int64_t *y);
/* Exact integer product, for the digital engine and for law 3: y[m][N] = sum_k x Wq. */
void mb_matmul_i16(int m, int K, int N, const int16_t *x, const int16_t *Wq, int64_t *y);

#endif
