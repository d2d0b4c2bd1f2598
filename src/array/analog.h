/* analog.h - the general engine of analog arrays in double precision: any mapping, any input form, any converter, wires,
 * non-linear cells
 *
 * Reference and oracle: networks run on array/xbar.h, whose integers are fast; this engine is for one matrix at a time (`mixbar
 * mvm`) and for checks.
 * Units: conductances in G_max = 1 / R_min, voltages in V_max, currents in G_max V_max, resistances in R_min; g = G_min /
 * G_max, R = 1 - g. rint rounds half to even.
 *
 * Weights W[m outputs][n inputs] -> w_max (percentile of |W|, given, or per output) -> conductances per tile, slice, polarity;
 * B = weight_bits, cb = cell bits:
 *   balanced    one-sided  w = W / w_max: G+ = g + R w (w >= r), G- = g - R w (w < -r), else g;  r = 2^-(cb+1) (0 without cell
 *     bits);  two-sided  G+- = g + R (1 +- w) / 2;
 *   offset      G = W_r (w / 2 + 1/2) + g_0;  W_r = R (2^cb - 2) / (2^cb - 1), g_0 = 1 - W_r (without cell bits W_r = R, g_0 =
 *     g);
 *               the offset is taken off digitally (from the sum of the inputs) or by a unit column of W = 0 on the same array;
 *   sliced      K = rint(w (2^(B-1) - 1)) [+ 2^(B-1) offset] in digits of slice_bits b_i, least significant first (the last
 *     takes the rest):
 *               G = g + R D_i / (2^b_i - 1), balanced: in the cell of K's sign.
 *   Then: rounding to 2^cb levels in [g, 1]; drift polynomial or programming error; G >= 0 (or clipped to [g, 1]); per dot
 *     product read noise, and the same clip.
 * Inputs: u = s x, s = 2 / (max - min) signed, 1 / (max - min) unsigned; v = DAC(u); planes of slice_bits bits, k = rint(|v|
 * (2^mb - 1)), with the input's sign
 *   (two's complement: the sign is a plane of its own); or analog levels. Accumulated before the converter or converted one by
 *     one.
 * Outputs (o after the converter, V1 = sum of v over the tile):
 *   balanced y = o w_max / (R s);  offset digital y = (o - (g_0 + W_r / 2) V1) 2 w_max / (W_r s);  unit column: o_k - o_0
 *     instead;
 *   sliced   y = [sum_i 2^(shift_i) (2^b_i - 1) o_i / R (offset digital: o_i - g V1, and - 2^(B-1) V1 at the end)] w_max /
 *     ((2^(B-1) - 1) s).
 * Tiles are summed digitally. Wires (array/wire.h): source = input: the full network of word and bit lines, solved exactly;
 *   source = separate: gates select the cells, each column is a ladder with its own source line. Rows of other row groups are
 *   driven to 0 V (input) or off (separate). Every slice and polarity is an array of its own.
 * Errors of cells in analog_cell.c. doc/models-analog.md explains every key.
 * Reference of the mathematics: Xiao et al., "CrossSim", Sandia National Laboratories, version 3.2 (2026); Xiao et al., IEEE
 * Circuits Syst. Mag. 22, 26 (2022),
 * doi:10.1109/MCAS.2022.3214409.
 * Randomness: streams (seed, PROGRAM | READ | ADC, trial, unit of the array, vector): the order of calls does not matter.
 */
#ifndef MB_ARRAY_ANALOG_H
#define MB_ARRAY_ANALOG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "array/adc.h"
#include "base/conf.h"
#include "base/param.h"

#define MB_ANALOG_SLICES 16

typedef struct mb_analog_weights {
    double percentile, max; /* max > 0: the range is given */
    bool clip, per_channel;
} mb_analog_weights;

#define MB_ANALOG_STYLES "balanced|offset"
typedef enum { MB_ANALOG_BALANCED, MB_ANALOG_OFFSET } mb_analog_style;
typedef struct mb_analog_mapping {
    int style, weight_bits, slices; /* slices 0: the whole weight in one cell (or pair) */
    mb_reals slice_bits;            /* least significant first; empty: equal */
    bool two_sided, unit_column, digital_subtraction, interleaved;
    bool single_precision; /* unsliced balanced conductances are rounded to float, as the peer does */
    /* unit column of sliced offset: half of the top slice's base instead of the digits of 2^(B-1) (the same when n divides B) */
    bool half_top_digit;
} mb_analog_mapping;

#define MB_ANALOG_ERRORS                                                                                                       \
    "none|normal_independent|normal_proportional|normal_inverse|uniform_independent|uniform_proportional|uniform_inverse|pcm_" \
    "joshi|rram_milo|rram_wan|sonos"
typedef enum {
    MB_ERR_NONE,
    MB_ERR_NORMAL,
    MB_ERR_NORMAL_PROPORTIONAL,
    MB_ERR_NORMAL_INVERSE,
    MB_ERR_UNIFORM,
    MB_ERR_UNIFORM_PROPORTIONAL,
    MB_ERR_UNIFORM_INVERSE,
    MB_ERR_PCM_JOSHI,
    MB_ERR_RRAM_MILO,
    MB_ERR_RRAM_WAN,
    MB_ERR_SONOS
} mb_analog_error;
#define MB_ANALOG_LAWS "linear|cubic|rram_milo"
typedef enum { MB_IV_LINEAR, MB_IV_CUBIC, MB_IV_RRAM_MILO } mb_analog_law;
typedef struct mb_analog_cell {
    int bits;                    /* 0: continuous */
    double r_min_ohm, r_max_ohm; /* r_max 0: infinite */
    bool clip;                   /* to [g, 1] rather than to G >= 0 */
    int programming, read;       /* mb_analog_error */
    double programming_magnitude, read_magnitude;
    int law;
    double read_V;        /* V_max */
    mb_reals nl2, nl3;    /* rram_milo, highest power first; empty: published */
    double time_days;     /* SONOS: drift instead of the programming model of day 0 */
    mb_reals drift_poly;  /* given drift polynomial (nA), instead of SONOS at time_days */
    double drift_imax_nA; /* current of G_max; 0: read_V / r_min */
} mb_analog_cell;

#define MB_ANALOG_DACS "ideal|quantizer|sign_magnitude|twos_complement"
typedef enum { MB_DAC_IDEAL, MB_DAC_QUANTIZER, MB_DAC_SIGN_MAGNITUDE, MB_DAC_TWOS_COMPLEMENT } mb_analog_dac;
typedef struct mb_analog_input {
    int dac, bits, slice_bits; /* slice_bits 0: analog levels */
    bool is_signed;
    double min, max, percentile; /* percentile > 0: range from the inputs of the call */
    double inl, noise;           /* DAC: third-order bow (full scale), noise (full scale) of each driven level */
} mb_analog_input;

#define MB_ANALOG_RANGES "given|max|granular|percentile|min_error"
typedef enum { MB_ANALOG_GIVEN, MB_ANALOG_MAX, MB_ANALOG_GRANULAR, MB_ANALOG_PERCENTILE, MB_ANALOG_MIN_ERROR } mb_analog_range;
typedef struct mb_analog_conversion {
    int bits, range;
    mb_reals lo, hi; /* given: one, or one per slice */
    double percentile;
    bool per_plane;     /* each input plane is converted */
    bool powers_of_two; /* calibrated ranges: the largest possible current over a power of two */
} mb_analog_conversion;

#define MB_ANALOG_PARTITIONS "equal|max|peer_equal"
typedef enum { MB_PART_EQUAL, MB_PART_MAX, MB_PART_PEER_EQUAL } mb_analog_partition;
typedef struct mb_analog_array {
    int rows_max, cols_max, partition, rows_active;
    double icol_max; /* column current at which the read-out saturates, 0: never */
} mb_analog_array;

#define MB_ANALOG_SOURCES "none|input|separate"
typedef enum { MB_WIRES_NONE, MB_WIRES_INPUT, MB_WIRES_SEPARATE } mb_analog_source;
typedef struct mb_analog_wires {
    int source;
    double r_row, r_col, r_row_term, r_col_term; /* in r_min_ohm */
    /* separate: a tile with fewer inputs than rows uses the rows next to the sense amplifier; false: far from it */
    bool bottom;
    int rows; /* rows of the array, 0: those of the tile */
    int drive, sense; /* mb_wire_drive, mb_wire_sense; input only */
    double r_on;      /* of the access device in series with each cell, in r_min_ohm */
} mb_analog_wires;

typedef struct mb_analog_spec {
    mb_analog_weights weights;
    mb_analog_mapping mapping;
    mb_analog_cell cell;
    mb_analog_input input;
    mb_analog_conversion conversion;
    mb_analog_array array;
    mb_analog_wires wires;
    mb_adc adc; /* owned; type NULL or transparent: no quantisation */
} mb_analog_spec;

/* The tables behind the groups weights, mapping, cell, input, conversion, array, wires of a case file; NULL-terminated. */
typedef struct mb_analog_group {
    const char *name;
    const mb_param *params;
    size_t offset;
    const char *help;
} mb_analog_group;
extern const mb_analog_group mb_analog_groups[];
/* From the groups of ROOT (all optional; ROOT NULL: all defaults, converter ideal); the group `adc` as mb_adc_load. Unknown
 * keys and groups are MB_BADINPUT. */
int mb_analog_spec_load(mb_conf *root, mb_analog_spec *s);
void mb_analog_spec_free(mb_analog_spec *s);
/* MB_BADINPUT with the key and what to do: slices that do not cover the weight, ranges of zero width, rows_active above the
 * rows, impossible combinations. */
int mb_analog_check(const mb_analog_spec *s);
/* Index of a name in one of the lists above ("a|b|c"), -1. */
int mb_analog_choice(const char *choices, const char *name);

typedef struct mb_analog mb_analog;
/* Map W[m][n] (finite); conductances without errors are programmed. S is borrowed and must outlive the engine. */
int mb_analog_new(const mb_analog_spec *s, int m, int n, const double *W, mb_analog **a);
void mb_analog_free(mb_analog *a);
/* Draw programming errors (or apply drift) and the static errors of the converters. Repeat for other trials. */
int mb_analog_program(mb_analog *a, uint64_t seed, uint32_t trial);
/* Ranges for the rules percentile and min_error, from k calibration vectors x[k][n] read without read noise. */
int mb_analog_calibrate(mb_analog *a, int k, const double *x);

/* What the converters saw, per slice. Start from zero. */
typedef struct mb_analog_stats {
    uint64_t conversions[MB_ANALOG_SLICES], clipped[MB_ANALOG_SLICES];
    double lo[MB_ANALOG_SLICES], hi[MB_ANALOG_SLICES];   /* range (of the first tile) */
    double min[MB_ANALOG_SLICES], max[MB_ANALOG_SLICES]; /* inputs of the converters */
    uint64_t histogram[MB_ANALOG_SLICES][64];            /* of their outputs over the range */
    double residual;                                     /* largest relative Kirchhoff residual of the wires */
} mb_analog_stats;

/* k vectors x[k][n] -> y[k][m]. first: number of the first vector, for read noise. stats may be NULL. MB_BADINPUT: non-finite
 * inputs, missing calibration;
 * MB_NUMERIC: the solver of the wires does not converge (residual in the message). */
int mb_analog_mvm(mb_analog *a, uint32_t first, int k, const double *x, double *y, mb_analog_stats *stats);

/* Shape, for reports and tests. */
int mb_analog_tiles(const mb_analog *a, int *rows, int *cols); /* number of tiles; in each direction */
int mb_analog_slices(const mb_analog *a);
double mb_analog_w_max(const mb_analog *a, int output);
/* Conductances of a tile (row-tile-major), slice, polarity: [outputs (unit column first)][inputs] of the tile, as programmed;
 * NULL when there is no such polarity. */
const double *mb_analog_conductance(const mb_analog *a, int tile, int slice, int polarity, int *outputs, int *inputs);

/* Signal-to-noise ratio in dB after each stage, each adding one non-ideality to those before: 10 log10( sum y0^2 / sum (y -
 * y0)^2 ), y0 = W x. */
#define MB_ANALOG_STAGES "inputs|weights|programming|cells|wires|read noise|converter"
#define MB_ANALOG_N_STAGES 7
/* k inputs x; ranges are calibrated on the kc inputs xc at each stage. */
int mb_analog_explain(const mb_analog_spec *s, int m, int n, const double *W, int k, const double *x, int kc, const double *xc,
                      uint64_t seed, uint32_t trial, double snr_dB[MB_ANALOG_N_STAGES]);

/* SONOS (Agrawal et al., IEDM 2022, doi:10.1109/IEDM45625.2022.10019564): drift polynomial (11 numbers, nA) and A, B of the
 * spread A (1 - exp(-I / B)) at DAYS;
 * linear between days, extrapolated beyond 5. */
void mb_analog_sonos(double days, double poly[11], double *A, double *B);
#define MB_ANALOG_SONOS_READ_A 12.58037
#define MB_ANALOG_SONOS_READ_B 215.36557

#endif
