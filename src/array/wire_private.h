/* wire_private.h - what the files wire_*.c share: the array as a grid of conductances, instruction sets, the star-mesh kernels
 *
 * Only src/array/wire_*.c and the tests of these files include it.
 */
#ifndef MB_ARRAY_WIRE_PRIVATE_H
#define MB_ARRAY_WIRE_PRIVATE_H

#include "array/wire.h"
#include "base/clones.h"

#define MB_WIRE_INLINE static inline __attribute__((always_inline))

/* --- the grid (feed word) ------------------------------------------------------------------------------------------
 *
 * Conductances in units of `unit`, a power of two such that the largest cell is in [1/2, 1): scaling is exact, and single
 * precision has room on both sides. An ideal line is a segment of `ideal` units (2^100 in double, 2^60 in single precision). All
 * solvers form only sums, products and quotients of non-negative conductances, whose relative errors do not grow with the ratio,
 * so the segment acts as a short to within n^2 / ideal, far below rounding.
 */
typedef struct mb_wire_net {
    int m, n;
    double unit;             /* S */
    double ideal;
    double gw;               /* between neighbours on a word line */
    double gb;               /* between neighbours on a bit line (pairs: between pairs) */
    double g_left, g_right;  /* first cell to the left driver, last cell to the right one; 0: open */
    double g_top[2], g_bot[2]; /* first, last cell of a bit line to the sense amplifier, for even and odd runs; 0: open */
    int span;                /* columns in a run */
    bool pairs;
    double r_on;             /* 1 / unit */
} mb_wire_net;

#define MB_WIRE_IDEAL_F64 0x1p100
#define MB_WIRE_IDEAL_F32 0x1p60
/* G_MAX: the largest cell conductance, > 0 (S). */
void mb_wire_net_init(const mb_wire *w, double g_max, double ideal, mb_wire_net *net);
/* Even or odd run: index of g_top, g_bot for column j. */
static inline int mb_wire_net_side(const mb_wire_net *net, int j) { return j / net->span & 1; }
/* Below row i, i < m - 1. */
static inline double mb_wire_net_below(const mb_wire_net *net, int i) { return net->pairs && i % 2 == 0 ? net->ideal : net->gb; }
/* A linear cell with its access device, in units of the grid. */
static inline double mb_wire_net_cell(const mb_wire_net *net, double G) {
    double g = G / net->unit;
    return net->r_on > 0 ? g / (1 + g * net->r_on) : g;
}
/* MB_BADINPUT when a resistance is out of range beside the best cell. */
int mb_wire_check_ratio(const mb_wire *w, double g_max);
/* mb_wire_check_cells, and the largest conductance. */
int mb_wire_scan_cells(const mb_wire *w, const double *G, double *g_max);
/* MB_BADINPUT when W has no effective matrix. WHAT: who asks. */
int mb_wire_check_linear(const mb_wire *w, const char *what);

/* --- kernels of the star-mesh elimination ---------------------------------------------------------------------------
 *
 * Matrices are held in slabs: MB_SLAB columns, all rows of a slab together, [slab][row][MB_SLAB]; zeros beyond the last column.
 * Every element is one chain of fused multiply-adds in the order of the eliminated nodes: the same bits for every tile shape and
 * instruction set.
 */
#define MB_SLAB 24
#define MB_ROWS 8
typedef struct mb_wire_isa {
    const char *name;
    /* c[i][j] += sum_q a[q * MB_SLAB + i] * b[q * MB_SLAB + j], i < MB_ROWS, j < MB_SLAB, q < k; c has row stride ldc */
    void (*tile)(size_t k, const double *a, const double *b, double *c, size_t ldc);
    /* the same on c of row stride MB_SLAB, then row r of c: (row r + sum_{s<r} t[s][r] row s) * t[r][r], r ascending */
    void (*solve)(size_t k, const double *a, const double *b, double *c, const double t[MB_ROWS][MB_ROWS]);
} mb_wire_isa;
extern const mb_wire_isa *const mb_wire_isas[]; /* NULL-terminated, fastest first; those that this CPU cannot run included */
bool mb_wire_isa_supported(const mb_wire_isa *isa);
const mb_wire_isa *mb_wire_isa_best(void);
/* mb_wire_effective with a given instruction set (tests). */
int mb_wire_effective_isa(const mb_wire *w, const double *G, double *G_eff, int threads, const mb_wire_isa *isa);

/* Eight blocks of 8 x 8 cells at once, one per lane of [8]. Terminals of a block: 8 left, 8 right, 8 top, 8 bottom.
 * g[i][j]: cells, gw[j]: segment left of column j, gb[i][j]: segment below cell (i, j). c[a * MB_LEAF_TERMS + b], a < b:
 * conductance between terminals a and b. work: MB_LEAF_WORK doubles. All pointers are aligned to 64 bytes. */
#define MB_LEAF 8
#define MB_LEAF_TERMS (4 * MB_LEAF)
#define MB_LEAF_WORK (8 * (1600 + 1024 + 1152 + 1024 + 1152 + 1024 + 1152))
typedef double mb_lane8[8];
void mb_wire_leaf(const mb_lane8 g[MB_LEAF][MB_LEAF], const mb_lane8 gw[MB_LEAF], const mb_lane8 gb[MB_LEAF][MB_LEAF],
                  mb_lane8 *c, double *work);

/* --- cell laws ------------------------------------------------------------------------------------------------------- */

/* I(u) and dI/du of n cells with the access device in series; the linear law included. scratch: 3 n doubles. */
void mb_wire_law_eval(const mb_wire *w, size_t n, const double *G, const double *u, double *I, double *dI, double *scratch);

/* --- parts of mb_wire_solve: inputs are checked, g_max > 0, all options set, *info is empty ------------------------------ */

int mb_wire_ladder(const mb_wire *w, const double *G, double g_max, int p, const double *V, double *I, double *U,
                   const mb_wire_options *o, mb_wire_info *info);
int mb_wire_newton(const mb_wire *w, const double *G, double g_max, int p, const double *V, double *I, double *U,
                   const mb_wire_options *o, mb_wire_info *info);

#endif
