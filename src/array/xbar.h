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
 *     step = max(F, ceil(R / L)): never finer than one ideal digit, which resolves nothing (given: max(1, ..));
 *     one sign:                base 0, codes 0..L
 *     analog subtraction:      base 0, codes -L..L
 *     signed inputs otherwise: base -L step, codes 0..2L, so that all sums round alike
 *     1 bit, both signs:       a comparator with the values -step / 2 and step / 2, step = R made even
 *
 * Wires (array/wire.h draws the circuit, doc/models-wires.md has the conventions): with any resistance in spec.wires the
 * conductances G of a whole array, all slices and both polarities as they lie side by side, become the effective matrix G_eff,
 * I = V G_eff exactly for every V, and w is formed from G_eff in place of G (same equation and clamps; G_eff is never negative).
 * Rows outside the row group that is read are at 0 V and go on loading the bit lines, so all row groups take their rows of one
 * matrix. A product then costs what it costs without wires. With all resistances 0 nothing is done: the same bits as without.
 *   Columns of an array, from the drivers on: output after output; in it slice after slice, least significant first; in it the
 *     positive, then the negative column; then the dummy outputs in the same way. Columns without weights have no cells.
 *   Rows: input k0 + i of the tile is row i; the last one lies next to the sense amplifiers, rows without weights lie beyond the
 *     first and have no cells. columns_before and rows_after move the block away from drivers and amplifiers (packed groups).
 *   Interleaved: the cells of a pair share a bit-line node and hang on two word lines, driven by +v and -v: rows x cols cells
 *     are 2 rows word lines and cols / 2 bit lines.
 *   Alternate sensing: both columns of a pair go to the same end, neighbouring pairs (offset: columns) to opposite ends.
 * Energy with wires: row_w is the current that the driver of the row gives at 1 V, sum_j G(i,j) (beta + u1) / 2 in array units
 * (signed inputs: sum_j G beta), with beta and u1 as below: the mean over binary inputs half of which are on.
 * Read noise with wires: to first order dI_j = sum_i alpha(i,j) u(i,j) dG(i,j), u the voltage across the cell. It depends on all
 * inputs; the variance of a driven row takes the mean square for binary inputs half of which are on,
 *     sigma_w^2 = sigma^2 alpha^2 (beta^2 + u1^2) / 2      (signed inputs: sigma^2 alpha^2 beta^2),
 * u1 the u of all inputs at 1 V; alpha and beta as in mb_wire_ends; with an access device sigma / (1 + r_on G)^2 for sigma.
 *
 * Read noise: one normal number per conversion with variance sum_i sigma_i^2 digit_i^2, keyed by (trial, layer, slot, vector),
 * slot = group * row_groups + row group: exact while no cell would be clipped at zero. The variances are held in 15 bits of the
 * largest one.
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

/* Wires: resistances in ohm, all 0: none. */
typedef struct mb_xbar_wires {
    double r_wl_ohm, r_bl_ohm;      /* of a segment of word line, of bit line */
    double r_driver_ohm, r_sense_ohm;
    double r_on_ohm;                /* of the access device, in series with the programmed conductance */
    int drive, sense;               /* mb_wire_drive, mb_wire_sense */
    bool interleaved;               /* differential with analog subtraction only */
    int columns_before;             /* columns between the drivers and the first one used */
    int rows_after;                 /* rows (inputs) between the last one used and the sense amplifiers */
} mb_xbar_wires;
bool mb_xbar_has_wires(const mb_xbar_wires *w);
/* Non-idealities that an array does without, whatever its cell and converter are (ablations; single effects of a cell have
 * switches of their own, see cell.h). What stays on draws the same numbers as before. */
enum {
    MB_IDEAL_CELLS = 1,             /* conductances are the targets: no levels, no programming error, no ageing */
    MB_IDEAL_READ = 2,              /* no read noise */
    MB_IDEAL_ADC = 4,               /* a transparent converter */
    MB_IDEAL_WIRES = 8              /* wires without resistance */
};

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
    mb_xbar_wires wires;
    unsigned ideal;                 /* MB_IDEAL_*; 0: everything as the cell and the converter say */
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
 * finite, or when the wires of an array cannot be solved. */
int mb_xbar_program(mb_xbar *xb, uint64_t seed, uint32_t trial, uint32_t layer, uint32_t group);

uint64_t mb_xbar_saturated(const mb_xbar *xb);   /* cells beyond w_max at the last programming */
/* Largest Kirchhoff residual of the effective matrices at the last programming: |I - V G_eff| / max |I| for one drive vector of
 * both signs per array, I by conjugate gradients on the whole network; 0 without wires. Above 1e-9 programming fails. */
double mb_xbar_wire_residual(const mb_xbar *xb);

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
/* What the converters put out, for reports: the codes of slice s fall into MB_CODE_BINS equal parts of its range q_lo .. q_hi.
 * Counts are integers: sums over calls and threads are exact. All zero at the start ({0}); nothing is counted for a transparent
 * converter. Slower than mvm (every variance cell by cell): for samples of the inputs, not for whole runs. The same draws as mvm
 * under the same ID. */
#define MB_CODE_BINS 64
#define MB_CODE_SLICES 8
typedef struct mb_xbar_codes {
    int slices;                     /* of the array */
    uint64_t conversions, clipped;
    uint64_t bin[MB_CODE_SLICES][MB_CODE_BINS];
} mb_xbar_codes;
int mb_xbar_count_codes(const mb_xbar *xb, const mb_read_id *id, int m, const int16_t *x, mb_xbar_codes *codes);
void mb_xbar_codes_merge(mb_xbar_codes *sum, const mb_xbar_codes *one);
double mb_xbar_scale(const mb_xbar *xb);     /* F, a power of two */
/* The obvious version of mvm, plane by plane and cell by cell, the oracle of every kernel: same bits. */
int mb_xbar_mvm_oracle(const mb_xbar *xb, const mb_read_id *id, int m, const int16_t *x, int64_t *y);
/* Exact integer product, for the digital engine and for law 3: y[m][N] = sum_k x Wq. */
void mb_matmul_i16(int m, int K, int N, const int16_t *x, const int16_t *Wq, int64_t *y);

#endif
