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
 * Slices of given widths (slice_bits): slice s of b_s bits starts at the sum of the widths below it and has digits up to
 * 2^b_s - 1 over the whole conductance range: its own unit and w0, the same F; c above is the widest.
 * Balanced digits (weight_code; one-sided pairs): slice s holds R_s - 2^b_s R_(s+1), R_s = |Wq| / 2^(first bit of s) rounded to the
 * nearest (half up), the most significant slice R itself, each times the sign of Wq: -h .. h with h half of the slice's base, and
 * 0 .. 2^bits at the top. A negative digit stands in the negative cell. What is left without the lowest slices is |Wq| rounded to the
 * nearest, where plain digits cut off. h (2^bits at the top) is the digit of Gmax.
 * skip_slices: the lowest slices are stored, but neither read nor converted; the other cells are those of the crossbar without
 * skipping, with the same random numbers. y keeps its scale.
 * drop_empty: where all digits of an output in a slice are 0 within a row group, there are no cells: no current, no noise, and no
 * conversion, as the sum is known to be 0. The other cells are those of the crossbar with them, with the same random numbers. (Columns
 * keep their places. Circuit errors of a converter at 0 are still there.)
 * Two-sided pairs: G+- = Gmin + (D +- d) / (2 D) (Gmax - Gmin), D = 2^c - 1, d the signed digit: w differs from w0 by (D +- d) F / 2.
 * Offset corrected digitally: no dummies; the sum of the inputs, times 2^(weight_bits-1), and what the Gmin of a row group,
 * w0 times its digit sum in a plane, would read through an unclipped converter, are subtracted.
 *
 * Inputs x (integers) are driven in planes of dac_bits bits, least significant first; signed inputs as sign and magnitude (the
 * plane carries the sign). One partial sum S = sum_i digit_i * w_i per (row group, slice, plane[, polarity]) is exact in int32;
 * it goes through the converter with the range of its slice; the results are shifted and added in int64:
 *     y = sum_s 2^(first bit of s) sum_p 2^(p dac_bits) value.
 * Planes added before the converter (accumulate analog): one sum S = sum_p 2^(p dac_bits) S_p per row group and slice.
 * Two's complement: a plane of its own for the sign, with the weight -2^(input_bits-1).
 * y / F is the integer product sum_k x_k Wq_kn when cells and converters are ideal (law 3): exactly. So it is with any converter
 * of adc_bits_lossless bits at full range.
 *
 * Ranges, one per slice (adc_one_range: the largest R for all). R = full: the largest possible |S| of cells without error;
 * calibrated: the given percentile of |S| observed on calibration inputs; min_error: what minimises the mean square of (converted
 * sum - sum) over them; given: a fraction of full; lossless: one ideal digit per code, whatever is clipped. adc_powers_of_two:
 * the smallest full / 2^k that is not below R. With L = 2^adc_bits - 1 (one sign) or 2^(adc_bits-1) - 1 (both
 * signs: analog subtraction or signed inputs):
 *     step = max(F, ceil(R / L)): never finer than one ideal digit, which resolves nothing (given: max(1, ..)); converters of at
 *     most 8 bits: steps above 128 go up to an even multiple of 2^h, 64 < step / 2^h <= 128, at most 3.1 % coarser: the finite
 *     resolution of their references, which lets kernels decide in 16 bits without an error (array/kernel.h). F stays F.
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
 * Ties: a sum half way between two codes goes away from zero (from `base`).
 *
 * Read noise: one normal number per conversion with variance sum_i sigma_i^2 digit_i^2, keyed by (trial, layer, slot, vector),
 * slot = group * row_groups + row group: exact while no cell would be clipped at zero. A conductance that read noise can clip
 * (mb_xbar_censored counts them) is a censored normal number, max(0, g + sigma z); its mean g P(g/sigma) + sigma p(g/sigma) and
 * its variance take the place of g and sigma^2 (P, p: normal distribution and density; Tobin, Econometrica 26, 24 (1958),
 * doi:10.2307/1907382), so that the first two moments of S are exact. The variances are held in 14 bits of the largest one.
 * The number is a short normal (base/rng.h: 65,536 values, |z| <= 4.39). With a range as above the sum is rounded to 2^h and the
 * noise to the same unit (a 64th to a 128th of a step; sigma to a 16th of it); otherwise, and with transparent converters, it is
 * an integer of array units (array/kernel.h).
 * read_noise = cell draws every cell anew for each conversion (cell->read), auto does so where a cell can clip.
 *
 * General engine (general.c): the same in double precision, cell by cell; used where integers cannot hold the case: two's
 * complement, voltage levels with a non-linear cell or an imperfect DAC, saturating columns, noise per cell. Only the sum at the
 * converter is rounded, to a whole array unit; with a transparent converter y is rounded at the end.
 *
 * Faults: each row (column) of an array is dead with probability dead_rows (dead_columns), drawn in MB_RNG_FAULT, unit
 * mb_unit(layer, slot), index 2^32 - 1; a dead line carries no current. Spare columns: the columns of an array are ranked by
 * their error sum_k (w - w_ideal)^2 4^(shift); one after the other a spare that is not dead is programmed with the worst
 * remaining column (PROGRAM, index 256 + spare) and takes its place when it is better.
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
#define MB_ADC_RULES "full|calibrated|given|min_error|lossless"
typedef enum { MB_ADC_FULL, MB_ADC_CALIBRATED, MB_ADC_GIVEN, MB_ADC_MIN_ERROR, MB_ADC_LOSSLESS } mb_adc_rule;
/* Options of the mapping; the first choice of each is the default (value 0). doc/mappings.md */
#define MB_WEIGHT_CODES "plain|balanced"
typedef enum { MB_CODE_PLAIN, MB_CODE_BALANCED } mb_weight_code;
#define MB_PAIRS "one_sided|two_sided"
typedef enum { MB_ONE_SIDED, MB_TWO_SIDED } mb_pair;
#define MB_CORRECTIONS "dummy|digital"
typedef enum { MB_CORRECT_DUMMY, MB_CORRECT_DIGITAL } mb_correction;
#define MB_INPUT_CODES "sign_magnitude|twos_complement"
typedef enum { MB_SIGN_MAGNITUDE, MB_TWOS_COMPLEMENT } mb_input_code;
#define MB_ACCUMULATIONS "digital|analog"
typedef enum { MB_ACCUMULATE_DIGITAL, MB_ACCUMULATE_ANALOG } mb_accumulation;
#define MB_DAC_FORMS "pulse|level"
typedef enum { MB_DAC_PULSE, MB_DAC_LEVEL } mb_dac_form;
#define MB_READ_NOISES "output|cell|auto"
typedef enum { MB_NOISE_OUTPUT, MB_NOISE_CELL, MB_NOISE_AUTO } mb_read_noise;
#define MB_ARITHMETICS "auto|double"
typedef enum { MB_ARITHMETIC_AUTO, MB_ARITHMETIC_DOUBLE } mb_arithmetic;
#define MB_SLICES_MAX 8

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
    MB_IDEAL_CELLS = 1,             /* conductances are the targets: no levels, no programming error, no ageing, no dead lines;
                                       linear cells and DACs */
    MB_IDEAL_READ = 2,              /* no read noise, no noise of the DACs */
    MB_IDEAL_ADC = 4,               /* a transparent converter */
    MB_IDEAL_WIRES = 8              /* wires without resistance, columns without limit */
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
    double stress;                  /* factor on the distance of each conductance from its target, and on read noise; 0: as 1 */
    /* options; all zero: none of them */
    int n_slice_bits, slice_bits[MB_SLICES_MAX]; /* widths of the slices, least significant first, instead of equal ones */
    mb_weight_code code;            /* balanced: differential, one-sided */
    int skip_slices;                /* lowest slices that are not read; at least one slice is */
    mb_pair pair;                   /* differential */
    mb_correction correction;       /* offset */
    mb_input_code input_code;       /* of signed inputs */
    mb_accumulation accumulate;     /* where the planes of an input are added */
    mb_dac_form dac;                /* a digit of several bits: a pulse of that length, or a voltage level */
    double dac_inl, dac_noise;      /* level: largest bow, noise of each level (standard deviation), both in full scale */
    double column_limit_A;          /* current at which a column's read-out saturates; 0: never */
    mb_read_noise read_noise;
    bool adc_one_range;             /* one range for all slices of a layer */
    bool adc_powers_of_two;         /* ranges are full scale over a power of two */
    bool drop_empty;                /* differential, one-sided: digits of zeros only are neither built nor read (see drop_empty above) */
    int spare_columns;              /* reserved in each array; take the place of its worst columns */
    double dead_rows, dead_columns; /* fractions of an array's lines that carry nothing */
    mb_arithmetic arithmetic;       /* double: the general engine also where integers would do */
    bool watch_ageing;              /* sum the conductances at time_s and right after programming: mb_xbar_ageing */
} mb_xbar_spec;

/* Counts that follow from the specification and the shape alone. */
typedef struct mb_xbar_layout {
    int row_tiles, col_tiles;       /* arrays = row_tiles * col_tiles */
    int row_groups;                 /* sum over row tiles of ceil(rows in tile / rows_active): conversions in sequence */
    int groups_per_tile;            /* the largest number of row groups in one tile */
    int slices, planes;             /* that are read */
    int cells_per_weight;           /* columns that one output takes: stored slices * (differential ? 2 : 1) */
    int outputs_per_tile;           /* floor((cols - dummy columns - spare columns) / cells_per_weight) */
    int dummy_columns;              /* per array: slices for offset with dummies (1-bit weights: 2), else 0 */
    int conversions_per_output;     /* per plane and row group: slices * (differential digital ? 2 : 1) */
    int slice_bits[MB_SLICES_MAX];  /* width of each slice */
    int planes_converted;           /* per row group: planes, or 1 when they are added up before the converter */
    int adc_bits_lossless; /* bits with which a full-scale converter loses nothing (cell without errors, its Gmin counted) */
} mb_xbar_layout;
/* MB_BADINPUT when the specification is impossible (rows_active > rows, no output fits an array, digits that 14 bits cannot
 * resolve, ...). */
int mb_xbar_plan(const mb_xbar_spec *s, int K, int N, mb_xbar_layout *l);

typedef struct mb_xbar mb_xbar;
int mb_xbar_new(const mb_xbar_spec *s, int K, int N, const int16_t *Wq, mb_xbar **xb);   /* copies Wq and *s; not programmed */
void mb_xbar_free(mb_xbar *xb);
/* Digit in read slice SLICE of a stored code (differential: of a magnitude; balanced digits may be negative), and the digit of Gmax
 * there. */
int mb_xbar_digit(const mb_xbar_spec *s, int slice, int code);
int mb_xbar_top_digit(const mb_xbar_spec *s, int slice);
/* The weight that the read slices of W hold: W itself unless skip_slices leaves some out. */
int mb_xbar_kept_weight(const mb_xbar_spec *s, int w);
const mb_xbar_spec *mb_xbar_get_spec(const mb_xbar *xb);
const mb_xbar_layout *mb_xbar_get_layout(const mb_xbar *xb);
/* Draw the cells of this trial (domain MB_RNG_PROGRAM, unit mb_unit(layer, slot), slot = group * arrays + array, index =
 * 2 * slice + polarity; cells row by row). Keeps ranges. MB_NUMERIC when the cell model returns a conductance that is not
 * finite, or when the wires of an array cannot be solved. */
int mb_xbar_program(mb_xbar *xb, uint64_t seed, uint32_t trial, uint32_t layer, uint32_t group);

/* Cells that several crossbars read (share.c). A crossbar without cells for the weights and the specification of XB, for programming;
 * XB reads the cells of FROM from here on, with its own converters and ranges, and is never programmed itself. The two differ in
 * nothing but converters (adc, adc_*): MB_BUG when their shapes show otherwise. FROM stays the caller's, programmed and unchanged, as
 * long as XB reads or until it adopts others. Crossbars of the general engine cannot share: MB_BUG (mb_xbar_general). */
int mb_xbar_like(const mb_xbar *xb, mb_xbar **other);
int mb_xbar_adopt(mb_xbar *xb, const mb_xbar *from);
size_t mb_xbar_bytes(const mb_xbar *xb);         /* of its cells in memory, about */

double mb_xbar_empty(const mb_xbar *xb);         /* share of outputs, slices and row groups that drop_empty leaves out; 0 without it */
uint64_t mb_xbar_saturated(const mb_xbar *xb);   /* cells beyond w_max at the last programming */
/* Largest Kirchhoff residual of the effective matrices at the last programming: |I - V G_eff| / max |I| for one drive vector of
 * both signs per array, I by conjugate gradients on the whole network; 0 without wires. Above 1e-9 programming fails. */
double mb_xbar_wire_residual(const mb_xbar *xb);
uint64_t mb_xbar_censored(const mb_xbar *xb);    /* cells that read noise can clip at zero (G < 4 sigma) */
uint64_t mb_xbar_repaired(const mb_xbar *xb);    /* columns that a spare took the place of */
/* Sums of the conductances (S) of all cells that hold weights or references, at the last programming, without read noise, faults
 * and wires: right after it and at time_s, both at temp_K. 0 without watch_ageing or with MB_IDEAL_CELLS. */
void mb_xbar_ageing(const mb_xbar *xb, double *fresh_S, double *aged_S);
bool mb_xbar_general(const mb_xbar *xb);         /* does the general engine serve it? Known after programming */

/* Who reads: keys of the read noise and of the converters' noise. INDEX of vector v is index0 + v. */
typedef struct mb_read_id { uint64_t seed; uint32_t trial, layer, group; uint32_t index0; } mb_read_id;

/* What an array did, all integers, so that sums over threads are exact. */
typedef struct mb_xbar_stats {
    uint64_t vectors, conversions, clipped;
    uint64_t rows_driven;            /* (vector, plane, row) with a non-zero digit: word-line drives */
    uint64_t rows_offered;           /* (vector, plane, row): the same with zeros counted */
    uint64_t digit_sum;              /* sum of |digit| (voltage levels: of its square) over rows_offered */
    uint64_t charge;                 /* sum over rows_offered of |digit| (voltage levels: its square) * (sum of w over all
                                        cells of that row), in array units; energy = V^2 t charge mb_xbar_charge_S */
    int32_t q_min, q_max;            /* extreme codes seen; q_min > q_max: none (transparent converter) */
} mb_xbar_stats;
void mb_xbar_stats_init(mb_xbar_stats *s);
void mb_xbar_stats_merge(mb_xbar_stats *s, const mb_xbar_stats *b);
double mb_xbar_unit_S(const mb_xbar *xb);    /* conductance of one array unit: (Gmax - Gmin) / ((2^c - 1) F) */
double mb_xbar_charge_S(const mb_xbar *xb);  /* of one unit of `charge`: unit_S; voltage levels: unit_S / (largest digit)^2 */

/* Histogram of partial sums per slice, for calibrated ranges; merging is exact and order-free. */
typedef struct mb_xbar_hist mb_xbar_hist;
#define MB_XBAR_HIST_BYTES (MB_SLICES_MAX * (128 + 24 * 64) * 8)    /* in memory, at most */
int mb_xbar_hist_new(const mb_xbar *xb, mb_xbar_hist **h);
void mb_xbar_hist_free(mb_xbar_hist *h);
int mb_xbar_hist_merge(mb_xbar_hist *h, const mb_xbar_hist *b);
/* m vectors of K: no converter, no read noise. After program(). */
int mb_xbar_observe(const mb_xbar *xb, int m, const int16_t *x, mb_xbar_hist *h);
/* Do its ranges need observed inputs? */
bool mb_xbar_calibrates(const mb_xbar_spec *s);
/* Ranges by the specification's rule; h where mb_xbar_calibrates (else NULL). After program(). */
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
