/* wire.h - crossbars whose lines have resistance: the exact currents, in direct current
 *
 * Circuit, feed = word line. Cell (i, j) of m rows and n columns joins w(i, j) of word line i and b(i, j) of bit line j:
 *
 *   V_i --r_src--r_wl-- w(i,0) --r_wl-- w(i,1) --r_wl-- ... w(i,n-1)        [right end open; drive both: --r_wl--r_src-- V_i]
 *                         |               |
 *                       cell            cell                          (conductance G, access device r_on in series)
 *                         |               |
 *                       b(i,0)          b(i,1)
 *
 *   [top end open]  b(0,j) --r_bl-- b(1,j) --r_bl-- ... b(m-1,j) --r_bl--r_snk-- 0 V, a virtual ground; I_j flows into it
 *
 *   sense both:       the top end goes to a second virtual ground, --r_bl--r_snk-- 0 V; I_j is the sum of the two.
 *   sense alternate:  even columns are sensed at the bottom, odd columns at the top; the other end is open. With sense_span = s
 *                     the columns take turns in runs of s (the two columns of a differential pair go to the same end).
 *   pairs:            rows 2q and 2q+1 (a positive and a negative cell, driven by +V and -V) share their bit-line node: the bit
 *                     line has one r_bl per pair of rows. m is even.
 *   A row that takes no part is driven to 0 V (V_i = 0), it does not float. G = 0 is an absent cell.
 *
 * Circuit, feed = source line (1T1R, the source line runs beside the bit line). Column j, rows from the top:
 *
 *   v_sl --r_src--r_wl-- s(0,j) --r_wl-- s(1,j) --r_wl-- ... s(m-1,j) [open];  bit line as above, sensed at the bottom;
 *   cell (i, j), with r_on in series, lies between s(i, j) and b(i, j) and is present only where the gate V_i is not 0.
 *   pairs: odd rows hang on a second source line of the column, fed by -v_sl; both have one r_wl per pair of rows.
 *   series: the heads of the source lines are at 0 V, and V_i is a voltage source of its own in series with each cell of row i
 *     (0: the cell is off). With the same V_i in all rows that are on it is the circuit above; with several levels or both signs
 *     at once it is their superposition for linear cells, as in CrossSim's solver for separate source lines.
 *   Columns do not know each other, but the gates choose the conductances, so there is no effective matrix.
 *
 * Units: ohm, siemens, volt, ampere (or any consistent set).
 * Limits: every r may be 0, an ideal line or driver; the result is the limit r -> 0, and with all four 0 the effective matrix is
 * G bit for bit. A resistance below 2^-100 (single precision: 2^-60) / (largest cell conductance) counts as 0; one above
 * 2^40 / (largest cell conductance) is refused: such a line is broken, not resistive.
 *
 * Methods and what they cost (doc/models-wires.md; timed by tests/bench/bench_wires):
 *   mb_wire_effective  G_eff with I = V G_eff, exact to rounding, for linear cells and feed word: hierarchical star-mesh
 *                      elimination without a subtraction, O(n^3). A product with G_eff then costs what an ideal array costs.
 *   mb_wire_cg         one vector at a time while the conductances change: conjugate gradients preconditioned by lines, O(n^2)
 *                      per step.
 *   mb_wire_estimate   M(G), a closed form in O(n^2): G_eff(G') ~ G_eff(G) + M(G') - M(G) follows read noise.
 *   mb_wire_solve      any array of this file, cell voltages included: conjugate gradients; the exact ladder (source line);
 *                      inexact Newton (non-linear cells).
 *
 * The bits of all results depend on the input alone, not on the instruction set or the number of threads. All functions are
 * re-entrant. Anybody above src/base may call this file; it calls src/base only.
 */
#ifndef MB_ARRAY_WIRE_H
#define MB_ARRAY_WIRE_H

#include <stdbool.h>
#include <stddef.h>

#define MB_WIRE_FEEDS "word|source"
typedef enum { MB_FEED_WORD, MB_FEED_SOURCE } mb_wire_feed;
#define MB_WIRE_DRIVES "left|both"
typedef enum { MB_DRIVE_LEFT, MB_DRIVE_BOTH } mb_wire_drive;
#define MB_WIRE_SENSES "bottom|both|alternate"
typedef enum { MB_SENSE_BOTTOM, MB_SENSE_BOTH, MB_SENSE_ALTERNATE } mb_wire_sense;

/* Current of a cell as a function of the voltage across it.
 *   linear: I = G u.   sinh: I = G V0 sinh(u / V0), G is the conductance at low field.
 *   user:   eval computes I[k] and its derivative dI[k] for n cells. Wanted: I(0) = 0, dI > 0, continuous dI. Cells with G = 0
 *           are not passed to it. */
#define MB_WIRE_LAWS "linear|sinh|user"
typedef enum { MB_LAW_LINEAR, MB_LAW_SINH, MB_LAW_USER } mb_wire_law_kind;
typedef void (*mb_wire_eval)(const void *arg, size_t n, const double *G, const double *u, double *I, double *dI);
typedef struct mb_wire_law {
    mb_wire_law_kind kind;
    double V0;               /* V, sinh */
    mb_wire_eval eval;       /* user; must be re-entrant */
    const void *arg;         /* handed to eval */
} mb_wire_law;

typedef struct mb_wire {
    int m, n;                /* rows and columns of cells, >= 1 */
    double r_wl, r_bl;       /* ohm per pitch of the word line (feed source: of the source line), of the bit line */
    double r_src, r_snk;     /* ohm of the driver, of the sense amplifier */
    mb_wire_feed feed;
    mb_wire_drive drive;     /* feed word only */
    mb_wire_sense sense;     /* feed source: bottom */
    int sense_span;          /* sense alternate: columns in a run; 0: 1 */
    bool pairs;
    double r_on;             /* ohm of the access device in series with each cell, 0: none */
    double v_sl;             /* V at the head of the source lines, feed source only */
    bool series;             /* feed source: V_i in series with the cells, v_sl is 0 */
    mb_wire_law law;
} mb_wire;

/* MB_BADINPUT with the reason when W is impossible: a negative or non-finite resistance, an odd number of rows in pairs, a law
 * without its parameters, ... */
int mb_wire_check(const mb_wire *w);
/* The same for the conductances: finite, >= 0, and resistances in the range said above. G[m][n]. */
int mb_wire_check_cells(const mb_wire *w, const double *G);

/* How a solver went. Residual: sum over all nodes of |net current that is left| / sum over all cells of |current| (conjugate
 * gradients: of the currents that flow with all bit lines at 0 V). In a network of (incrementally) positive resistances the sum
 * over the outputs of |error of I_j| is at most the sum over the nodes. The ladder is direct: its residual is the sum over the
 * columns of |currents of the cells - current into the amplifier|, relative to the same. */
typedef struct mb_wire_info {
    int steps;               /* of conjugate gradients, summed over Newton steps and vectors */
    int newton;              /* Newton steps of the slowest vector, 0 for linear cells */
    double residual;         /* the largest over the vectors, see below */
} mb_wire_info;

/* --- the effective matrix ----------------------------------------------------------------------------------------- */

/* G_eff[m][n] (S) such that I_j = sum_i V_i G_eff(i, j) for every V. G and G_eff may be the same array. THREADS >= 1 share the
 * work of this one call (for callers outside a parallel region; inside one pass 1): the same bits for any number.
 * Relative error of each element about 1e-15 (1e-14 where 98 % are lost).
 * MB_BADINPUT: feed source, a law that is not linear, bad resistances or conductances. MB_SYSTEM: memory (some 150 n^2 bytes). */
int mb_wire_effective(const mb_wire *w, const double *G, double *G_eff, int threads);
/* How well G_eff agrees with another method, O(n^2): max |I - V G_eff| / max |I| for one vector V of both signs, I by conjugate
 * gradients. For G_eff of mb_wire_effective below 1e-12. */
int mb_wire_effective_residual(const mb_wire *w, const double *G, const double *G_eff, double *residual);

/* --- one vector with changing conductances ------------------------------------------------------------------------ */

typedef enum { MB_WIRE_F32, MB_WIRE_F64 } mb_wire_precision;
typedef struct mb_wire_cg mb_wire_cg;
/* Workspace of one thread for arrays of W's shape (linear cells, feed word); copies W. */
int mb_wire_cg_new(const mb_wire *w, mb_wire_precision precision, mb_wire_cg **cg);
void mb_wire_cg_free(mb_wire_cg *cg);
/* Take conductances G[m][n] (checked) and factorise the lines. */
int mb_wire_cg_set(mb_wire_cg *cg, const double *G);
/* I[n] for V[m] to residual <= tol (F32: tol >= 1e-6; F64: tol >= 1e-14); U[m][n]: voltages w - b across cell and access device,
 * or NULL. info may be NULL; it is filled also on failure: MB_NUMERIC with the residual in the message after max_steps (0:
 * 1000). */
int mb_wire_cg_solve(mb_wire_cg *cg, const double *V, double tol, int max_steps, double *I, double *U, mb_wire_info *info);

/* --- the O(m n) estimate and control variate for read noise ------------------------------------------------------- */

/* M = base + alpha .* G .* beta, all [m][n]: beta(i, j) is the voltage at w(i, j) for V_i = 1 with all bit lines at 0 V,
 * alpha(i, j) the part of a current put into b(i, j) that reaches the sensed end(s) with all word lines at 0 V. base NULL: 0.
 * M may be G or base. With base = G_eff(G0) - M(G0), computed once, M follows G_eff(G) for conductances near G0: the error is
 * about 1/20 of that of G_eff(G0) .* G ./ G0. Single precision, because it carries differences: cg is a workspace made with
 * MB_WIRE_F32; conductances set in it are forgotten. MB_BADINPUT: negative or non-finite conductances. */
int mb_wire_estimate(mb_wire_cg *cg, const float *G, const float *base, float *M);
/* alpha and beta themselves, [m][n], between 0 and 1: to first order a cell that has the voltage u across it changes the sensed
 * current of its column by alpha u for each siemens that it changes, and u is beta V_i while the other rows are at rest. Errors
 * and workspace as above. */
int mb_wire_ends(mb_wire_cg *cg, const float *G, float *alpha, float *beta);

/* --- everything ---------------------------------------------------------------------------------------------------- */

typedef struct mb_wire_options {
    double tol;              /* residual to reach, [1e-14, 1e-2]; 0: 1e-14 (linear), 1e-12 (non-linear) */
    int max_newton;          /* 0: 60 */
    int max_steps;           /* of conjugate gradients per linear system; 0: 1000 */
} mb_wire_options;

/* p vectors V[p][m], one after the other: I[p][n] and, when U is not NULL, the voltages U[p][m][n] across cell and access device
 * (feed source: s - b, in series + V_i). feed word: V_i are voltages; feed source: gates. options and info may be NULL.
 * MB_NUMERIC with the residual in the message when a vector does not converge. */
int mb_wire_solve(const mb_wire *w, const double *G, int p, const double *V, double *I, double *U, const mb_wire_options *options,
                  mb_wire_info *info);

#endif
