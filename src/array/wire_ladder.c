/* wire_ladder.c - 1T1R arrays with source lines: the exact ladder of each column
 *
 * A column is a ladder of two lines (source line, bit line) or, with interleaved pairs, three (two source lines, bit line), with
 * a cell on each rung whose gate is on. Rung by rung from the top, the nodes of one rung are eliminated into those of the next
 * (block Thomas algorithm, done as star-mesh transformations, so without a subtraction, see wire_mesh.c): what remains at the
 * bottom is the conductance from each source to the sense amplifier, exact to rounding. Going back up gives the node voltages,
 * each a weighted mean of its neighbours'. O(m) per column and vector; eight columns at a time, one per vector lane.
 *
 * Non-linear cells: Newton's method, I ~ I(u') + I'(u') (u - u'), each step one exact ladder with a current source beside each
 * cell; steps are halved until the sum of the imbalances falls. Net currents are left at the two ends of cells only, so one
 * number e per cell is the residual of the whole circuit.
 *
 * Inputs in series with the cells (w.series): u is the voltage across the cell, its source included, so a cell of conductance g
 * is g between its nodes with a current source g V_i beside it.
 *
 * Conductances in units of the grid, voltages in V. Called by wire_solve.c.
 */
#include "config.h"

#include <math.h>
#include <string.h>

#include "array/wire_private.h"
#include "base/error.h"
#include "base/mem.h"

#define LANES 8
#define HALVINGS 40

typedef double vec __attribute__((vector_size(64)));

/* Rungs: m rows, or m / 2 pairs of rows. Cell k of rung i (k < cells) is row i * cells + k. */
typedef struct ladder {
    int rungs, cells;
    double g_line, g_bit, g_feed, g_end;
    vec *g, *e;              /* [row]: conductance of the cell; current source from source line to bit line beside it */
    vec *u, *next, *from;    /* [row]: voltage across the cell (and access device): now, after a full step, before it */
    vec *I, *dI, *was;       /* [row]: current and slope now, current before the step */
    vec *left;               /* [row]: imbalance */
    const double *emf;       /* [row]: source in series with each cell of a row; NULL: none */
    vec *coef;               /* [rung][node][MAX_NODES + 1]: weights of the neighbours, share of the source */
    double *cell, *volt, *cur, *slope, *scratch;   /* [row * LANES ...] for the cell law */
} ladder;

#define MAX_NODES 8          /* three nodes, the three below, two sources */

/* Sweep down and up. I: current into the amplifier. u[row]: voltages across the cells. */
MB_WIRE_INLINE void sweep(const ladder *d, double v_sl, const int K, vec *restrict current) {
    const int cells = K - 1, S = K - 1, nt = 2 * K + S, bit = K - 1;
    vec F[MAX_NODES][MAX_NODES], J[MAX_NODES];
    for (int a = 0; a < nt; a++) {
        J[a] = (vec){0};
        for (int b = 0; b < nt; b++) F[a][b] = (vec){0};
    }
    for (int k = 0; k < cells; k++) F[k][2 * K + k] += d->g_feed;
    for (int i = 0; i < d->rungs; i++) {
        bool foot = i == d->rungs - 1;
        for (int k = 0; k < cells; k++) {
            F[k][bit] += d->g[i * cells + k];
            J[k] -= d->e[i * cells + k];
            J[bit] += d->e[i * cells + k];
            F[k][K + k] += foot ? 0 : d->g_line;
        }
        F[bit][K + bit] += foot ? d->g_end : d->g_bit;
        for (int p = 0; p < K; p++) {
            vec *c = d->coef + ((size_t)i * (size_t)K + (size_t)p) * (MAX_NODES + 1), sum = {0};
            for (int a = p + 1; a < nt; a++) sum += F[p][a];
            vec inv = 1 / sum;
            for (int a = p + 1; a < nt; a++) c[a] = F[p][a] * inv;
            c[MAX_NODES] = J[p] * inv;
            for (int a = p + 1; a < nt; a++) {
                J[a] += c[a] * J[p];
                for (int b = a + 1; b < nt; b++) F[a][b] += c[a] * F[p][b];
            }
        }
        if (foot) break;
        for (int a = 0; a < K; a++) { /* the next rung takes the place of this one */
            J[a] = J[K + a];
            J[K + a] = (vec){0};
            for (int b = a + 1; b < K; b++) F[a][b] = F[K + a][K + b];
            for (int b = 0; b < S; b++) F[a][2 * K + b] = F[K + a][2 * K + b];
        }
        for (int a = 0; a < K; a++)
            for (int b = K; b < nt; b++) {
                if (b < 2 * K) F[a][b] = (vec){0};
                F[K + a][b] = (vec){0};
            }
    }
    *current = J[K + bit];
    for (int s = 0; s < S; s++) *current += F[K + bit][2 * K + s] * (s ? -v_sl : v_sl);
    vec v[MAX_NODES];
    for (int a = 0; a < nt; a++) v[a] = (vec){0};
    for (int s = 0; s < S; s++) v[2 * K + s] += s ? -v_sl : v_sl;
    for (int i = d->rungs - 1; i >= 0; i--) {
        for (int p = K - 1; p >= 0; p--) {
            const vec *c = d->coef + ((size_t)i * (size_t)K + (size_t)p) * (MAX_NODES + 1);
            vec sum = c[MAX_NODES];
            for (int a = p + 1; a < nt; a++) sum += c[a] * v[a];
            v[p] = sum;
        }
        for (int k = 0; k < cells; k++) d->next[i * cells + k] = v[k] - v[bit];
        for (int a = 0; a < K; a++) v[K + a] = v[a];
    }
}
MB_CLONES static void ladder_sweep2(const ladder *d, double v_sl, vec *current) { sweep(d, v_sl, 2, current); }
MB_CLONES static void ladder_sweep3(const ladder *d, double v_sl, vec *current) { sweep(d, v_sl, 3, current); }

/* The sweep, with the sources of the rows; e is used up. */
static void solve_ladder(const mb_wire *w, const ladder *d, vec *current) {
    const size_t m = (size_t)w->m;
    for (size_t i = 0; d->emf && i < m; i++) d->e[i] += d->g[i] * d->emf[i];
    if (d->cells == 1) ladder_sweep2(d, w->v_sl, current);
    else ladder_sweep3(d, w->v_sl, current);
    for (size_t i = 0; d->emf && i < m; i++) d->next[i] += d->emf[i];
}

static void ladder_free(ladder *d) {
    void *all[] = {d->g,    d->e,    d->u,    d->next, d->from, d->I,     d->dI,     d->was,
                   d->left, d->coef, d->cell, d->volt, d->cur,  d->slope, d->scratch};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) mb_free(all[i]);
}

static int ladder_new(const mb_wire *w, const mb_wire_net *net, ladder *d) {
    const size_t m = (size_t)w->m;
    *d = (ladder){.cells = w->pairs ? 2 : 1, .g_line = net->gw, .g_bit = net->gb, .g_feed = net->g_left, .g_end = net->g_bot[0]};
    d->rungs = w->m / d->cells;
    vec **rows[] = {&d->g, &d->e, &d->u, &d->next, &d->from, &d->I, &d->dI, &d->was, &d->left};
    double **lists[] = {&d->cell, &d->volt, &d->cur, &d->slope};
    bool ok = true;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) ok = (*rows[i] = mb_calloc(m, sizeof(vec))) && ok;
    for (size_t i = 0; i < sizeof lists / sizeof *lists; i++) ok = (*lists[i] = mb_calloc(m * LANES, sizeof(double))) && ok;
    ok = (d->scratch = mb_calloc(3 * m * LANES, sizeof(double))) && ok;
    ok = (d->coef = mb_calloc((size_t)d->rungs * (size_t)(d->cells + 1) * (MAX_NODES + 1), sizeof(vec))) && ok;
    if (ok) return MB_OK;
    ladder_free(d);
    return mb_nomem();
}

/* I and dI (in units) of all rows at voltages u. */
static void evaluate(const mb_wire *w, double unit, const ladder *d, const vec *u, vec *I, vec *dI) {
    const size_t count = (size_t)w->m * LANES;
    memcpy(d->volt, u, count * sizeof(double));
    mb_wire_law_eval(w, count, d->cell, d->volt, d->cur, d->slope, d->scratch);
    for (size_t i = 0; i < (size_t)w->m; i++)
        for (int l = 0; l < LANES; l++) {
            I[i][l] = d->cur[i * LANES + (size_t)l] / unit;
            dI[i][l] = d->slope[i * LANES + (size_t)l] / unit;
        }
}

/* Sum of |x| over rows and lanes. */
static double size_of(size_t m, const vec *x) {
    double s = 0;
    for (size_t i = 0; i < m; i++)
        for (int l = 0; l < LANES; l++) s += fabs(x[i][l]);
    return s;
}

/* What one bundle of eight columns found. */
typedef struct found { int steps; double left, sum; bool done; } found;

/* Imbalance of every cell at d->u, after the part t of a step that began at d->from with current d->was and slope d->g. */
static double imbalance(const ladder *d, size_t m, double t) {
    double left = 0;
    for (size_t i = 0; i < m; i++) {
        d->e[i] = (1 - t) * d->left[i] + (d->I[i] - d->was[i] - d->g[i] * (d->u[i] - d->from[i]));
        for (int l = 0; l < LANES; l++) left += 2 * fabs(d->e[i][l]); /* at both ends of the cell */
    }
    return left;
}

/* Newton's method; d->cell holds the gated cells. Ends with u, I and the imbalances. */
static found newton(const mb_wire *w, double unit, ladder *d, double tol, int max) {
    const size_t m = (size_t)w->m, bytes = m * sizeof(vec);
    found f = {0};
    vec ignored;
    memset(d->u, 0, bytes);
    memset(d->left, 0, bytes);
    evaluate(w, unit, d, d->u, d->I, d->dI);
    while (!f.done && f.steps < max) {
        for (size_t i = 0; i < m; i++) d->e[i] = d->I[i] - d->dI[i] * d->u[i];
        memcpy(d->g, d->dI, bytes);
        memcpy(d->was, d->I, bytes);
        memcpy(d->from, d->u, bytes);
        solve_ladder(w, d, &ignored);
        double t = 1, before = f.left;
        bool better = false;
        for (int half = 0; half < HALVINGS && !better; half++) {
            t = half ? 0.5 * t : 1;
            for (size_t i = 0; i < m; i++) d->u[i] = half ? d->from[i] + t * (d->next[i] - d->from[i]) : d->next[i];
            evaluate(w, unit, d, d->u, d->I, d->dI);
            f.left = imbalance(d, m, t);
            better = f.steps == 0 || f.left <= before * (1 - 1e-4 * t); /* before the first step the drivers are off: nothing to
                                                                           compare with */
        }
        f.steps++;
        memcpy(d->left, d->e, bytes);
        f.sum = size_of(m, d->I);
        f.done = f.left <= tol * f.sum;
        if (!better || !isfinite(f.left)) break;
    }
    return f;
}

/* Eight columns from j0 on, one vector of gates. */
static found columns(const mb_wire *w, const mb_wire_net *net, const double *G, const double *gate, int j0, double tol, int max,
                     ladder *d, double *I, double *U) {
    const size_t m = (size_t)w->m, n = (size_t)w->n, part = n - (size_t)j0 < LANES ? n - (size_t)j0 : LANES;
    const bool linear = w->law.kind == MB_LAW_LINEAR;
    found f = {0};
    vec out;
    for (size_t i = 0; i < m; i++)
        for (size_t l = 0; l < LANES; l++) {
            double g = l < part && gate[i] != 0 ? G[i * n + (size_t)j0 + l] : 0;
            d->cell[i * LANES + l] = g;
            d->g[i][l] = mb_wire_net_cell(net, g);
        }
    if (linear) {
        memset(d->e, 0, m * sizeof(vec));
        solve_ladder(w, d, &out);
        vec net_current = out; /* Kirchhoff's law for the whole bit line: the cells against the amplifier */
        for (size_t i = 0; i < m; i++) {
            d->I[i] = d->g[i] * d->next[i];
            d->u[i] = d->next[i];
            net_current -= d->I[i];
        }
        f.left = size_of(1, &net_current);
        f.sum = size_of(m, d->I);
        f.done = isfinite(f.left);
    } else {
        f = newton(w, net->unit, d, tol, max);
        out = (vec){0};
        for (size_t i = 0; i < m; i++) out += d->I[i];
    }
    for (size_t l = 0; l < part; l++) {
        I[(size_t)j0 + l] = out[l] * net->unit;
        for (size_t i = 0; U && i < m; i++) U[i * n + (size_t)j0 + l] = d->u[i][l];
    }
    return f;
}

int mb_wire_ladder(const mb_wire *w, const double *G, double g_max, int p, const double *V, double *I, double *U,
                   const mb_wire_options *o, mb_wire_info *info) {
    const size_t m = (size_t)w->m, n = (size_t)w->n;
    mb_wire_net net;
    ladder d;
    mb_wire_net_init(w, g_max, MB_WIRE_IDEAL_F64, &net);
    int rc = ladder_new(w, &net, &d);
    if (rc != MB_OK) return rc;
    for (int k = 0; k < p && rc == MB_OK; k++) {
        double left = 0, sum = 0;
        bool done = true;
        d.emf = w->series ? V + (size_t)k * m : NULL;
        for (int j0 = 0; j0 < w->n; j0 += LANES) {
            found f = columns(w, &net, G, V + (size_t)k * m, j0, o->tol, o->max_newton, &d, I + (size_t)k * n,
                              U ? U + (size_t)k * m * n : NULL);
            left += f.left;
            sum += f.sum;
            done = done && f.done;
            if (f.steps > info->newton) info->newton = f.steps;
        }
        double residual = sum > 0 ? left / sum : left;
        if (!(residual <= info->residual)) info->residual = residual;
        if (!done)
            rc = mb_fail(MB_NUMERIC,
                         "wires: Newton's method on the columns stopped after %d steps with residual %.3g, not %.3g (vector %d): "
                         "the cell law may be too steep for its voltages; lower them or allow more steps",
                         info->newton, residual, o->tol, k);
    }
    ladder_free(&d);
    return rc;
}
