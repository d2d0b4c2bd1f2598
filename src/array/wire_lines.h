/* wire_lines.h - the line solver in single and in double precision (one source, wire_lines_body.h, compiled twice)
 *
 * Unknowns are the voltages b of the bit-line nodes; the word lines are eliminated exactly by their tridiagonal matrices:
 *     A b = [ (T_b + D) - D (T_w + D)^-1 D ] b = rhs,
 * D = diag(G), T = Laplacians of the lines with their ends grounded through drivers and amplifiers. Conjugate gradients with
 * P = T_b + D as preconditioner. Both factorisations have row sums for pivots (no subtraction), see wire_mesh.c.
 * Conductances in units of the grid; arrays are row-major with m and n rounded up to the number of lanes, row stride ld.
 * Only wire_*.c include this file.
 */
#ifndef MB_ARRAY_WIRE_LINES_H
#define MB_ARRAY_WIRE_LINES_H

#include "array/wire_private.h"

#define MB_LINES_F32 16     /* lanes */
#define MB_LINES_F64 8

typedef struct mb_lines_result { int steps; double start, sum; /* sum |r| at the start and reached */ } mb_lines_result;

#define MB_LINES_DECLARE(real, T)                                                                                                \
    typedef struct mb_lines##T {                                                                                                 \
        mb_wire_net net;                                                                                                         \
        int mp, np;           /* m, n rounded up to the lanes */                                                                 \
        size_t ld;                                                                                                               \
        real *G;              /* cells; zeros in the padding */                                                                  \
        real *r;              /* right-hand side at the bit lines, then what remains of it */                                    \
        real *b;              /* solution (run() with whole) */                                                                  \
        real *first, *last;   /* solution in the first and the last row */                                                       \
        real *p, *q, *z, *Ap; /* direction, P direction, preconditioned residual, A direction */                                 \
        real *Gt, *dw;        /* cells, inverse pivots of word lines: [row / lanes][column][row % lanes] */                      \
        real *db;             /* inverse pivots of bit lines, row-major */                                                       \
        real *along, *across; /* conductance from column j to j + 1, from row i to i + 1; 0 after the last */                    \
        real *end;            /* of word lines: to the drivers; 1 in padding columns */                                          \
        real *top, *bottom;   /* of bit lines: to the amplifiers; 1 in padding columns at the bottom */                          \
        real *line;           /* scratch: np * lanes */                                                                          \
        void *memory;                                                                                                            \
    } mb_lines##T;                                                                                                               \
    /* The grid is set later, by net(). */                                                                                       \
    int mb_lines_new##T(const mb_wire *w, mb_lines##T **x);                                                                      \
    void mb_lines_free##T(mb_lines##T *x);                                                                                       \
    void mb_lines_net##T(mb_lines##T *x, const mb_wire_net *net);                                                                \
    /* x->G from G[m][n] in S; cells below 2^-100 of the best count as absent. */                                                \
    void mb_lines_cells##T(mb_lines##T *x, const double *G);                                                                     \
    void mb_lines_factorise##T(mb_lines##T *x);                                                                                  \
    /* y = (T_w + D)^-1 (drivers V + src + D b); V[mp], src, b may be NULL. out = y, or D y with `currents`; may be src or b. */ \
    void mb_lines_words##T(mb_lines##T *x, const real *V, const real *src, const real *b, bool currents, real *out);             \
    /* Conjugate gradients on x->r until sum |r| <= max(rel * sum |r| at the start, least); false after max steps or a           \
     * breakdown. */                                                                                                             \
    bool mb_lines_run##T(mb_lines##T *x, double rel, double least, int max, bool whole, mb_lines_result *out);

MB_LINES_DECLARE(float, 32)
MB_LINES_DECLARE(double, 64)

/* The workspace of wire_cg.c and wire_estimate.c. */
struct mb_wire_cg {
    mb_wire w;
    mb_wire_precision precision;
    bool set, no_cells;
    mb_lines32 *f32;
    mb_lines64 *f64;
    float *v32;              /* V in single precision, rows rounded up */
    double *v64;
};

#endif
