/* xbar_private.h - the inside of mb_xbar, shared by xbar.c, xbar_wires.c, program.c, range.c and oracle.c only */
#ifndef MB_ARRAY_XBAR_PRIVATE_H
#define MB_ARRAY_XBAR_PRIVATE_H

#include "array/kernel.h"
#include "array/wire.h"
#include "array/xbar.h"

#define MB_MAX_SLICES MB_SLICES_MAX
#define MB_W_BITS 14
#define MB_S_BITS 29                  /* |S| <= 2^29 without noise */
#define MB_ROWS_MAX 65535             /* so that a sum of 14-bit variances over binary digits stays in int32 */

/* Numbers that follow from the specification, the cell and the shape. */
typedef struct mb_xbar_scale_info {
    double g_min, g_max, unit_S;      /* S; unit_S: of the widest slice */
    int32_t F, w_max;
    int32_t w0[MB_MAX_SLICES];        /* Gmin in the units of slice s */
    double unit[MB_MAX_SLICES];       /* S, of slice s */
    int grid[MB_MAX_SLICES];          /* 2^bits - 1 of the cells of slice s: the digit of Gmax */
    int slice_digits[MB_MAX_SLICES];  /* largest digit that slice s holds */
    int shift[MB_MAX_SLICES];         /* first bit of slice s */
    int x_max;                        /* largest |input| */
    int input_digit;                  /* largest digit of a converted plane */
    int drive_digit;                  /* largest digit of a driven plane */
    int dac_bits;                     /* of a converted plane: all bits when planes are added before the converter */
    uint32_t square[256];             /* by |input|: sum over its driven planes of their weighted digits squared; of a crossbar only */
    int rows_read;                    /* inputs of the largest row group */
    int references;                   /* dummy outputs per array: 0, 1 or 2 */
    int gain;                         /* y = gain * data - sum of the references */
    int pairs;                        /* physical polarities: 2 differential, 1 offset */
    int polarities;                   /* polarities converted separately */
    bool bipolar;                     /* S has both signs */
    bool general;                     /* integers cannot hold it, whatever the cells turn out to be */
} mb_xbar_scale_info;

typedef struct mb_xbar_group {        /* a row group */
    int k0, k;                        /* rows k0 .. k0 + k - 1 */
    int row_tile;
    int16_t *w, *var;                 /* panels of kernel.h; var NULL without read noise */
    mb_quads *quads;                  /* kernel.h; NULL when no kernel of this machine reads them or they do not pay */
} mb_xbar_group;

struct mb_xbar {
    mb_xbar_spec spec;
    mb_xbar_layout lay;
    mb_xbar_scale_info sc;
    int K, N;
    int n_all; /* N + references * col_tiles: reference r of column tile t is output N + t * references + r */
    int panels;
    int16_t *Wq;                      /* [K][N] */
    mb_xbar_group *group;             /* [row_groups] */
    bool noisy;                       /* some cell has read noise */
    double var_unit;
    int32_t var_each;                 /* the variance of every cell when it is the same, else -1 */
    uint8_t *empty;                   /* [row_groups][slices][N] drop_empty: no digit there; NULL: everything is built */
    uint64_t n_empty;
    int64_t *row_w;                   /* [K] sum of w over all cells of a row, in units of unit_S */
    uint64_t saturated, censored, repaired;
    struct mb_general *general;       /* general.c; NULL: integers */
    double wire_residual;
    double fresh_S, aged_S;           /* mb_xbar_ageing */
    bool programmed, ranged;
    bool borrows;                     /* cells of another crossbar (share.c): what the groups point to and row_w are not its own */
    mb_adc_range range[MB_MAX_SLICES];
    mb_adc_range *placed;             /* [row_tiles][slices]: the same, each at its own converters */
    uint32_t place;                   /* of the first row tile; 0: not programmed */
};

static inline bool mb_xbar_two_sided(const mb_xbar_spec *s) { return s->scheme == MB_DIFFERENTIAL && s->pair == MB_TWO_SIDED; }

/* Offset taken off by arithmetic, without dummies? */
static inline bool mb_xbar_corrected(const mb_xbar_spec *s) {
    return s->scheme == MB_OFFSET && s->correction == MB_CORRECT_DIGITAL;
}

static inline bool mb_xbar_twos(const mb_xbar_spec *s) { return s->input_signed && s->input_code == MB_TWOS_COMPLEMENT; }

/* Digit (with its sign) of an input in driven plane p, and the weight of that plane. */
static inline int mb_xbar_driven_digit(const mb_xbar *xb, int x, int p) {
    int at = p * xb->spec.dac_bits, mask = (1 << xb->spec.dac_bits) - 1, a = x < 0 ? -x : x;
    if (!mb_xbar_twos(&xb->spec)) return x < 0 ? -(a >> at & mask) : a >> at & mask;
    if (p == xb->lay.planes - 1) return x < 0;
    return (x < 0 ? xb->sc.x_max + 1 - a : a) >> at & mask;
}
static inline double mb_xbar_driven_weight(const mb_xbar *xb, int p) {
    if (mb_xbar_twos(&xb->spec) && p == xb->lay.planes - 1) return -(double)(xb->sc.x_max + 1);
    return (double)((int64_t)1 << (p * xb->spec.dac_bits));
}

/* Layout and scale together (xbar.c). */
int mb_xbar_derive(const mb_xbar_spec *s, int K, int N, mb_xbar_layout *l, mb_xbar_scale_info *sc);
/* Twice the digit of slice s in the cell of polarity q (0 positive or only, 1 negative) that stores output n (dummy outputs from
 * N on) in row k: two-sided pairs have halves. */
int mb_xbar_half_digits(const mb_xbar *xb, int s, int q, int k, int n);
/* The ranges of all row tiles from range[] (after programming or new ranges). */
void mb_xbar_place_ranges(mb_xbar *xb);
static inline const mb_adc_range *mb_xbar_placed(const mb_xbar *xb, int g) {
    return xb->placed + (size_t)xb->group[g].row_tile * (size_t)xb->lay.slices;
}
/* What the kernels read of group G. */
void mb_xbar_row_group(const mb_xbar *xb, int g, mb_row_group *rg);
/* Streams of the read noise (domain MB_RNG_READ) and of the converters (MB_RNG_ADC) of vector V in group G. */
void mb_xbar_stream(const mb_xbar *xb, const mb_read_id *id, mb_rng_domain domain, int g, int v, mb_stream *s);
/* MB_BUG when not programmed, MB_BADINPUT when an input is out of range. */
int mb_xbar_check_inputs(const mb_xbar *xb, int m, const int16_t *x);
/* The same, and MB_BUG without ranges, MB_BADINPUT when ID has no random stream of its own. */
int mb_xbar_check_read(const mb_xbar *xb, const mb_read_id *id, int m, const int16_t *x);
/* --- the general engine (general.c) --- */
int mb_general_new(mb_xbar *xb);                  /* xb->general */
void mb_general_free(struct mb_general *e);
/* Does it read cells one by one (read noise)? */
bool mb_general_reads_cells(const mb_xbar *xb);
/* Cell of row k of group g, slice s, polarity q, output n: conductance and sigma of its read noise in the units of its slice. */
void mb_general_cell(mb_xbar *xb, int g, int s, int q, int k, int n, double w, double sigma);
/* Its state, of STRIDE floats between two numbers, and its mean conductance G (S; 0: on a dead line). */
void mb_general_state(mb_xbar *xb, int g, int part, int k, int n, float G, const float *state, size_t stride);
int mb_general_finish(mb_xbar *xb);               /* after all cells */
typedef void mb_general_tap(void *ctx, const mb_adc_range *r, int slice, size_t n, const int32_t *converted);
/* tap, unless NULL, sees all conversions. */
int mb_general_mvm(const mb_xbar *xb, const mb_read_id *id, int m, const int16_t *x, int64_t *y, mb_kernel_stats *st,
                   mb_general_tap *tap, void *ctx);
/* |S| of vector x before the converter, to ADD, per group, slice and plane. */
int mb_general_observe(const mb_xbar *xb, int m, const int16_t *x, void (*add)(void *h, int s, const int32_t *S, size_t n), void *h);

/* y[m][N] from the outputs with their references, all[m][n_all]; the two may be the same where there are no references. x: the
 * inputs, for the digital correction. */
void mb_xbar_subtract(const mb_xbar *xb, int m, const int16_t *x, const int64_t *all, int64_t *y);

/* --- wires (xbar_wires.c) --- */

/* One physical array. Cells of a block of inputs x outputs begin at line row0, column col0. */
typedef struct mb_xbar_array {
    mb_wire wire;
    int row0, col0;
    int outputs, per_input, per_output;   /* lines of one input, of one output */
    double *G;                        /* [m][n] S: conductances; after solve() the effective matrix */
    double *draw;                     /* [m] S: after solve() the current of a driver at 1 V (xbar.h) */
    float *sigma;                     /* [m][n] S: of the read noise; after solve() as seen at the amplifiers; NULL: none */
} mb_xbar_array;
int mb_xbar_wires_check(const mb_xbar_spec *s);   /* MB_BADINPUT: see mb_xbar_wires */
/* An array without cells for INPUTS rows and OUTPUTS (dummies included). */
int mb_xbar_array_new(const mb_xbar *xb, int inputs, int outputs, bool noisy, mb_xbar_array *a);
void mb_xbar_array_free(mb_xbar_array *a);
/* Index in G of the cell of an input and an output of the block, slice s, polarity q. */
size_t mb_xbar_array_cell(const mb_xbar *xb, const mb_xbar_array *a, int input, int output, int s, int q);
/* Current drawn by the driver(s) of an input at 1 V, S. */
double mb_xbar_array_draw(const mb_xbar_array *a, int input);
/* Conductances to effective ones. *residual: see mb_xbar_wire_residual; MB_NUMERIC when it is too large. */
int mb_xbar_array_solve(const mb_xbar *xb, mb_xbar_array *a, double *residual);

#endif
