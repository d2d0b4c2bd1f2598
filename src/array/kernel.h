/* kernel.h - kernels: the inner loops of a crossbar read, one descriptor per instruction set, chosen at run time, all
 * bit-identical
 *
 * A kernel handles one row group for a block of vectors: all slices and planes, conversion and shift-and-add fused, so that
 * partial sums never leave the cache.
 * Callers: xbar.c (run), range.c (sums). Kernels are re-entrant and allocate nothing.
 */
#ifndef MB_ARRAY_KERNEL_H
#define MB_ARRAY_KERNEL_H

#include <math.h>

#include "array/adc.h"

#define MB_VAR_MAX 16383             /* the largest variance of the cells: 14 bits, two bytes of seven */
#define MB_PANEL 64                  /* columns of a weight panel: one row of it is two cache lines */

/* Columns c and c + 32 are neighbours, so that a 32-bit lane holds both. */
#define MB_PANEL_AT(c) ((c) < MB_PANEL / 2 ? 2 * (c) : 2 * (c) - MB_PANEL + 1)

/* Where column c of row k (counted from the group's first) stands in the panels of a group of `rows` rows. */
static inline size_t mb_panel_index(int rows, int k, size_t c) {
    return (c / MB_PANEL * ((size_t)rows + 1) + (size_t)k) * MB_PANEL + MB_PANEL_AT(c % MB_PANEL);
}

/* The same weights in bytes, four rows side by side, for instructions that multiply bytes and add four products (AMX, VNNI).
 * A part is one (slice, polarity); columns of a part are cut in tiles of 16 outputs, rows in chunks of 64:
 *     b[tile][part][chunk][row / 4 % 16][output % 16][row % 4]
 * Forms:
 *     LEVELS    every weight is level * 2^shift with |level| <= 127: b holds levels (cells without error).
 *     JOINED    w = 128 hi + lo, hi in -128..127, lo in 0..127; rows of hi, then rows of lo in the same chunks: for planes of one
 *               bit, whose digits 128 and 1 let one sum hold both.
 *     SEPARATE  the same for planes of several bits: chunks of hi, then chunks of lo; S = 128 S_hi + S_lo.
 * Signed inputs have twice the rows: the second half holds -w and meets the magnitudes of the negative inputs.
 * Variances that differ from cell to cell stand beside the weights in the same places when planes have one bit: both JOINED, the
 * second half of the rows a copy of the first. */
#define MB_QUAD_COLUMNS 16
#define MB_QUAD_ROWS 64
#define MB_QUAD_PARTS 16
typedef enum { MB_QUADS_LEVELS, MB_QUADS_JOINED, MB_QUADS_SEPARATE } mb_quads_form;
typedef struct mb_quads {
    mb_quads_form form;
    int shift;                       /* LEVELS */
    bool input_signed;
    int rows;                        /* rows of w, or of hi, or of lo: a multiple of 4 */
    int chunks;                      /* that one sum runs over */
    int sums;                        /* per part: 2 when SEPARATE, else 1 */
    int tiles, parts;
    int32_t s_lo[MB_QUAD_PARTS], s_hi[MB_QUAD_PARTS];   /* no sum of a part lies outside (without noise) */
    int8_t *b;
    int8_t *var;                     /* variances; NULL without, or when all cells have the same */
    int32_t v_max[MB_QUAD_PARTS];    /* no variance sum of a part is larger; 0 without var */
} mb_quads;

typedef struct mb_row_group {
    int k, n;                        /* rows of this group, columns (outputs, dummies included) */
    int slices, planes, dac_bits;
    int shift[MB_QUAD_PARTS];        /* of each slice in the sum */
    int polarities;                  /* 2 when positive and negative columns are converted separately */
    int panels;                      /* ceil(slices * polarities * n / MB_PANEL) */
    int32_t sum_max;                 /* no |S| is larger (without noise) */
    const int16_t *w;                /* [panels][k + 1][MB_PANEL], |w| <= 16383, 64-byte aligned; column
                                        c = (slice * polarities + polarity) * n + output stands in panel c / MB_PANEL at
                                        MB_PANEL_AT(c % MB_PANEL); zeros fill the last panel and the last row of each.
                                        Differential with analog subtraction holds w+ - w-. */
    const int16_t *var;              /* the same shape: sigma^2 of the read noise in units of var_unit, 0..MB_VAR_MAX; NULL: no
                                        read noise */
    int32_t var_each;                /* what every cell of var holds when all hold the same, else -1: then the sum over a plane
                                        of one bit is var_each times the driven rows */
    double var_unit;                 /* array units squared */
    double var_max;                  /* no variance sum of the crossbar is larger */
    const uint32_t *square;          /* [256], dac_bits > 1: what the variance of a cell counts for |input| (planes added up
                                        before the converter); NULL: the square of the digit */
    const mb_quads *quads;           /* the same weights for kernels that are `packed`; NULL: they use the panels */
    const mb_adc_range *range;       /* [slices] */
    const mb_adc *adc;
} mb_row_group;

/* What the converters did. Start with {0, INT32_MAX, INT32_MIN}; a transparent converter leaves it as it is. */
typedef struct mb_kernel_stats { uint64_t clipped; int32_t q_min, q_max; } mb_kernel_stats;

typedef struct mb_kernel {
    const char *name, *summary;
    bool (*supported)(void);
    bool packed;                     /* reads quads where it can */
    /* y[m][n] += ...; x: m vectors, row stride ldx, k inputs, |x| <= 255. noise: one stream per vector for the read noise, NULL
     * without; adc_noise: one per vector for the converters, NULL when they are deterministic. work: scratch of work_size()
     * bytes, 64-byte aligned.
     * Read noise takes mb_noise_count() short normal numbers of each vector's stream, at mb_noise_at().
     * Converters that are not uniform are called once per (slice, plane, polarity), in this order, with n columns. */
    size_t (*work_size)(const mb_row_group *g, int m);
    void (*run)(const mb_row_group *g, int m, const int16_t *x, size_t ldx, int64_t *y, size_t ldy, mb_stream *noise,
                mb_stream *adc_noise, mb_kernel_stats *st, void *work);
    /* Exact partial sums of one vector, no noise, no converter: S[planes][panels * MB_PANEL]. work as for run with m = 1. */
    void (*sums)(const mb_row_group *g, const int16_t *x, int32_t *S, void *work);
} mb_kernel;

extern const mb_kernel *const mb_kernels[];      /* best first; NULL-terminated; generated */
/* The first supported one; environment MIXBAR_KERNEL=NAME overrides (for tests): MB_BADINPUT when it is unknown or this machine
 * lacks it. */
int mb_kernel_best(const mb_kernel **k);

/* Does a kernel of this machine read quads? */
bool mb_kernel_packed(void);
/* Quads of the weights in g (g->quads is not looked at). *q is NULL when they do not pay: few outputs per part. */
int mb_quads_new(const mb_row_group *g, bool input_signed, mb_quads **q);
void mb_quads_free(mb_quads *q);

/* How a converter of few bits looks at a sum in 16 bits (kernels; array/range.c makes steps that allow it). With s = S >> h
 * and step' = step >> h, 2^(k-1) < step' <= 2^k: every decision level is a multiple of 2^h, so comparing s decides exactly;
 * s'' = s + mulhrs(s, f), f = (2^k / step' - 1) 2^15, places the level (j + 1/2) step' on (j + 1/2) 2^k exactly and what lies
 * below it below (the slope is at least one, the error less than a half); then the code is (s'' + 2^(k-1)) >> k. A sum that does
 * not fit 16 bits has a code beyond the last one. `top` is the largest code counted from the one at zero. */
#define MB_GRID_BITS 7
#define MB_GRID_SHIFT_MAX 14
typedef struct mb_grid { int h, k, top; int16_t f; } mb_grid;

/* False when the range does not allow it. */
static inline bool mb_grid_of(const mb_adc_range *r, mb_grid *g) {
    int32_t step = r->step, h = 0, k = MB_GRID_BITS, half = r->q_hi / 2;
    if (step < 2) return false;
    if (r->base == 0 && (r->q_lo == 0 || r->q_lo == -r->q_hi))
        g->top = r->q_hi;
    else if (r->q_lo == 0 && r->q_hi % 2 == 0 && (int64_t)half * step == -(int64_t)r->base)
        g->top = half;
    else
        return false;
    if (r->q_hi < 1 || r->q_hi > 255 || (r->q_lo < 0 && r->q_hi > 127)) return false;
    while ((step - 1) >> h >= 1 << k) h++;
    while (h == 0 && k > 0 && step <= 1 << (k - 1)) k--;
    if (h > MB_GRID_SHIFT_MAX || step & ((2 << h) - 1)) return false;
    int32_t s = step >> h;
    *g = (mb_grid){.h = h, .k = k, .top = g->top, .f = (int16_t)((((int64_t)2 << (k + 15)) / s + 1) / 2 - 32768)};
    return true;
}

/* Read noise. S is the exact sum, sigma = sqrt(V var_unit), V the variance sum, z a short normal number (base/rng.h).
 *     narrow   converters that allow a grid, sigma below 2^11 2^h: S is rounded to multiples of 2^h (half up), the noise is
 *              z times sigma in units of 2^h / 16, rounded: magnitudes half up; both saturate in 16 bits of 2^h, which is beyond the range
 *     wide     otherwise: z sigma, rounded half away from zero in single precision; the sum stays inside (-2^30, 2^30).
 * Which one follows from the specification alone, so every kernel does the same. */
#define MB_SUM_LIMIT ((1 << 30) - 1)
typedef struct mb_noise { bool narrow; int shift; float scale; } mb_noise;

/* var_max: no variance sum is larger (units of var_unit). */
static inline mb_noise mb_noise_of(const mb_adc_range *r, bool transparent, double var_max, double var_unit) {
    mb_grid g;
    bool narrow = !transparent && mb_grid_of(r, &g);
    double scale = narrow ? sqrt(var_unit) * (32768.0 / MB_NORMAL16_ONE) / (1 << g.h) : 0;
    if (narrow && sqrt(var_max) * scale < INT16_MAX) return (mb_noise){true, g.h, (float)scale};
    return (mb_noise){false, 0, (float)(sqrt(var_unit) / MB_NORMAL16_ONE)};
}

/* Narrow: sigma of a conversion, from sqrtf of its variance sum: to the nearest (even) one. 1.5 2^23 leaves no bits behind the
 * point. */
static inline int32_t mb_noise_sigma_of(float sqrt_V, float scale) {
    const float magic = 12582912.0f;
    return (int32_t)((sqrt_V * scale + magic) - magic);
}
static inline int32_t mb_noise_sigma(const mb_noise *n, float sqrt_V) { return mb_noise_sigma_of(sqrt_V, n->scale); }

static inline int32_t mb_clamp16(int32_t v) { return v < INT16_MIN ? INT16_MIN : v > INT16_MAX ? INT16_MAX : v; }

static inline int32_t mb_narrow_noise(int32_t S, int32_t z, int32_t sigma, int shift) {
    int32_t s = mb_clamp16((S + (1 << shift >> 1)) >> shift), d = ((z < 0 ? -z : z) * sigma + 16384) >> 15;
    return mb_clamp16(s + (z < 0 ? -d : d)) * (1 << shift);
}

static inline int32_t mb_wide_noise(int32_t S, int32_t z, float sqrt_V, float scale) {
    float r = (float)z * sqrt_V * scale;
    r = r + (r < 0 ? -0.5f : 0.5f);
    r = r < -1.0e9f ? -1.0e9f : r > 1.0e9f ? 1.0e9f : r;
    int32_t t = S + (int32_t)r;
    return t < -MB_SUM_LIMIT ? -MB_SUM_LIMIT : t > MB_SUM_LIMIT ? MB_SUM_LIMIT : t;
}

static inline int32_t mb_add_noise(int32_t S, int32_t z, float sqrt_V, const mb_noise *n) {
    return n->narrow ? mb_narrow_noise(S, z, mb_noise_sigma(n, sqrt_V), n->shift) : mb_wide_noise(S, z, sqrt_V, n->scale);
}

/* Where the short normal of a conversion stands among those of its vector: blocks of eight for four outputs and a pair: the two
 * polarities, or where there is but one two planes. mb_noise_count() numbers per vector. */
static inline size_t mb_noise_pairs(int slices, int planes, int polarities) {
    return (size_t)slices * (size_t)(polarities == 2 ? planes : (planes + 1) / 2);
}
static inline size_t mb_noise_count(int slices, int planes, int polarities, int n) {
    return mb_noise_pairs(slices, planes, polarities) * (((size_t)n + 3) / 4) * 8;
}
/* of output 0; output j stands (j / 4) * 8 + j % 4 behind */
static inline size_t mb_noise_at(int planes, int polarities, int n, int slice, int plane, int polarity) {
    size_t pair = polarities == 2 ? (size_t)slice * (size_t)planes + (size_t)plane
                                  : (size_t)slice * (size_t)((planes + 1) / 2) + (size_t)(plane / 2);
    return pair * (((size_t)n + 3) / 4) * 8 + (size_t)(polarities == 2 ? polarity : plane % 2) * 4;
}

#endif
