/* analog_wires.c - wires in the analog engine: exact currents of small arrays
 *
 * Cells G[j][i], output column j = 0 .. no - 1, input line i = 0 .. nr - 1.
 * source = input: line i is driven by V_i through r_row_term and one segment r_row into (0, i), then r_row between (j, i) and
 * (j + 1, i), open at the far end; column j has
 *   r_col between (j, i) and (j, i + 1), and r_col + r_col_term from (j, nr - 1) to a virtual ground. Interleaved: each i has
 *     two input lines (+V_i, -V_i) on one column
 *   node. Elimination of line after line: above a cut the columns are a Norton source  I = c - Y b  (b: voltages of the column
 *     nodes). A line with tridiagonal nodal
 *   matrix T adds  Y += D - D T^-1 D,  c += D T^-1 e_0 V / (r_row + r_row_term)  with D = diag(G);  a segment r maps  (Y, c) ->
 *     (1 + r Y)^-1 (Y, c). Resistances, not
 *   conductances, of the columns enter, so that r_col = 0 is the exact limit. O(nr no^3). Non-linear cells: Newton's method on
 *     the same elimination.
 * source = separate: cells with v_i = 0 are off; in each column  I_i = f(G_i, v_i - sum_k I_k P_in(min(i, k)) - sum_k I_k
 * P_out(max(i, k))),
 *   P_in(q) = sum_{p <= q} rin_p, P_out(q) = sum_{p >= q} rout_p; rin_0 includes r_row_term, rout_(nr-1) includes r_col_term;
 *     unused rows lengthen the last column segment
 *   (used rows far from the sense amplifier) or the first source segment (bottom). Interleaved cells share P_out and have
 *     source lines of their own, fed by -v.
 *   Newton's method with the positive definite matrix P + 1 / f'. O(active^3) per column.
 * Fast solvers for large arrays are array/wire.h.
 */
#include <math.h>
#include <string.h>

#include "array/analog_private.h"
#include "base/error.h"
#include "base/mem.h"

/* Cholesky factor of A[n][n] (lower triangle, in place); false when A is not positive definite. */
static bool cholesky(int n, double *A) {
    for (int j = 0; j < n; j++) {
        double *Aj = A + (size_t)j * (size_t)n;
        for (int k = 0; k < j; k++) {
            double *Ak = A + (size_t)k * (size_t)n, s = Aj[k];
            for (int i = 0; i < k; i++) s -= Aj[i] * Ak[i];
            Aj[k] = s / Ak[k];
        }
        double d = Aj[j];
        for (int i = 0; i < j; i++) d -= Aj[i] * Aj[i];
        if (!(d > 0)) return false;
        Aj[j] = sqrt(d);
    }
    return true;
}

/* B[n][ld] (columns 0 .. cols - 1) <- (L L^T)^-1 B */
static void solve(int n, const double *L, int cols, int ld, double *B) {
    for (int j = 0; j < n; j++) {
        double *Bj = B + (size_t)j * (size_t)ld;
        for (int k = 0; k < j; k++) {
            const double *Bk = B + (size_t)k * (size_t)ld, l = L[(size_t)j * (size_t)n + (size_t)k];
            for (int i = 0; i < cols; i++) Bj[i] -= l * Bk[i];
        }
        for (int i = 0; i < cols; i++) Bj[i] /= L[(size_t)j * (size_t)n + (size_t)j];
    }
    for (int j = n - 1; j >= 0; j--) {
        double *Bj = B + (size_t)j * (size_t)ld;
        for (int k = j + 1; k < n; k++) {
            const double *Bk = B + (size_t)k * (size_t)ld, l = L[(size_t)k * (size_t)n + (size_t)j];
            for (int i = 0; i < cols; i++) Bj[i] -= l * Bk[i];
        }
        for (int i = 0; i < cols; i++) Bj[i] /= L[(size_t)j * (size_t)n + (size_t)j];
    }
}

/* One input line with cell conductances d[n] at stride ds: w = T^-1 rhs for every column of X[n][cols]. An ideal line (r_row =
 * 0) is one node. first: conductance of the
 * driven end, (double)INFINITY for an ideal driver (w = V: then X <- 0 but for what the caller adds). work[n]. */
typedef struct line {
    double r_row, r_term;
} line;

static void line_solve(const line *l, int n, const double *d, int cols, double *X, double *work) {
    if (!(l->r_row > 0)) { /* one node: w = sum rhs / (sum d + 1 / r_term) */
        double sum = 0;
        for (int j = 0; j < n; j++) sum += d[j];
        for (int i = 0; i < cols; i++) {
            double s = 0;
            for (int j = 0; j < n; j++) s += X[(size_t)j * (size_t)cols + (size_t)i];
            s = l->r_term > 0 ? s / (sum + 1 / l->r_term) : 0;
            for (int j = 0; j < n; j++) X[(size_t)j * (size_t)cols + (size_t)i] = s;
        }
        return;
    }
    const double g = 1 / l->r_row, first = 1 / (l->r_row + l->r_term);
    for (int j = 0; j < n; j++) { /* Thomas: pivots in work */
        double p = d[j] + (j ? g : first) + (j < n - 1 ? g : 0);
        if (j) {
            double f = g / work[j - 1];
            p -= f * g;
            for (int i = 0; i < cols; i++)
                X[(size_t)j * (size_t)cols + (size_t)i] += f * X[(size_t)(j - 1) * (size_t)cols + (size_t)i];
        }
        work[j] = p;
    }
    for (int j = n - 1; j >= 0; j--)
        for (int i = 0; i < cols; i++) {
            double up = j < n - 1 ? g * X[(size_t)(j + 1) * (size_t)cols + (size_t)i] : 0;
            X[(size_t)j * (size_t)cols + (size_t)i] = (X[(size_t)j * (size_t)cols + (size_t)i] + up) / work[j];
        }
}

/* Add a line to (Y, c): cells d, source currents of the cells I0 (may be NULL), driven by V. X[no][no + 1], work[no], w0[no]
 * receives the line's voltages for b = 0. */
static void add_line(const line *l, int no, const double *d, const double *I0, double V, double *Y, double *c, double *X,
                     double *work) {
    const int cols = no + 1;
    const bool ideal = !(l->r_row > 0) && !(l->r_term > 0);
    memset(X, 0, (size_t)no * (size_t)cols * sizeof *X);
    for (int j = 0; j < no; j++) {
        X[(size_t)j * (size_t)cols + (size_t)j] = d[j];
        if (I0) X[(size_t)j * (size_t)cols + (size_t)no] = -I0[j];
    }
    if (!ideal) X[no] += V / (l->r_row + l->r_term);
    line_solve(l, no, d, cols, X, work);
    for (int j = 0; j < no; j++) {
        double *Xj = X + (size_t)j * (size_t)cols, *Yj = Y + (size_t)j * (size_t)no;
        if (ideal) Xj[no] = V;
        Yj[j] += d[j];
        for (int k = 0; k < no; k++) Yj[k] -= d[j] * Xj[k];
        c[j] += d[j] * Xj[no] + (I0 ? I0[j] : 0);
    }
}

/* (1 + r Y) in A, factorised */
static int segment(int no, double r, const double *Y, double *A) {
    for (int j = 0; j < no; j++)
        for (int k = 0; k < no; k++) {
            size_t at = (size_t)j * (size_t)no + (size_t)k;
            A[at] = (j == k) + r * 0.5 * (Y[at] + Y[(size_t)k * (size_t)no + (size_t)j]);
        }
    return cholesky(no, A)
               ? MB_OK
               : mb_fail(MB_NUMERIC,
                         "the elimination of the wires broke down: conductances or resistances of very different size");
}

int mb_wires_effective(const mb_analog_wires *w, int no, int nr, const double *G, const double *Gn, double *eff) {
    const line l = {w->r_row, w->r_row_term};
    const size_t n = (size_t)no;
    double *Y = mb_calloc(n, n * sizeof *Y), *A = mb_malloc(n, n * sizeof *A), *X = mb_malloc(n, (n + 1) * sizeof *X),
           *C = mb_calloc(n, (size_t)nr * sizeof *C);
    double *d = mb_malloc(n, sizeof *d), *c = mb_malloc(n, sizeof *c), *work = mb_malloc(n, sizeof *work);
    int rc = Y && A && X && C && d && c && work ? MB_OK : mb_nomem();
    for (int i = 0; i < nr && !rc; i++) {
        memset(c, 0, n * sizeof *c);
        for (int q = 0; q < (Gn ? 2 : 1); q++) {
            for (int j = 0; j < no; j++) d[j] = (q ? Gn : G)[(size_t)j * (size_t)nr + (size_t)i];
            add_line(&l, no, d, NULL, q ? -1 : 1, Y, c, X, work);
        }
        for (int j = 0; j < no; j++) C[(size_t)j * (size_t)nr + (size_t)i] = c[j];
        double r = w->r_col + (i == nr - 1 ? w->r_col_term : 0);
        if (!(r > 0)) continue;
        rc = segment(no, r, Y, A);
        if (rc) break;
        solve(no, A, i + 1, nr, C);
        if (i < nr - 1) solve(no, A, no, no, Y);
    }
    if (!rc) memcpy(eff, C, n * (size_t)nr * sizeof *C);
    mb_free(Y), mb_free(A), mb_free(X), mb_free(C), mb_free(d), mb_free(c), mb_free(work);
    return rc;
}

/* --- non-linear cells, one vector --- */

typedef struct network {
    const mb_analog_spec *s;
    int no, nr, lines; /* lines: input lines per i, 1 or 2 */
    const double *G[2], *v;
    /* u[line][i][j] cell voltages, b[i][j]; after the segment below line i: Ys[i][no][no], cs[i][no] */
    double *u, *b, *Ys, *cs;
    double *Y, *A, *X, *c, *d, *I0, *work;
} network;

/* Voltages of line (i, q) for column voltages b: w in X[.][no] */
static void line_voltages(network *t, const line *l, int i, int q, const double *b, double *w) {
    const double V = q ? -t->v[i] : t->v[i];
    if (!(l->r_row > 0) && !(l->r_term > 0)) {
        for (int j = 0; j < t->no; j++) w[j] = V;
        return;
    }
    for (int j = 0; j < t->no; j++) w[j] = t->d[j] * b[j] - t->I0[j];
    w[0] += V / (l->r_row + l->r_term);
    line_solve(l, t->no, t->d, 1, w, t->work);
}

static void linearise(network *t, int i, int q) {
    for (int j = 0; j < t->no; j++) {
        double dI, u = t->u[((size_t)q * (size_t)t->nr + (size_t)i) * (size_t)t->no + (size_t)j];
        double I = mb_cell_current(t->s, t->G[q][(size_t)j * (size_t)t->nr + (size_t)i], u, &dI);
        t->d[j] = dI > 0 ? dI : 0;
        t->I0[j] = I - t->d[j] * u;
    }
}

/* One Newton step; *change: largest change of a cell voltage. I[no]. */
static int newton_step(network *t, double *I, double *change) {
    const mb_analog_wires *w = &t->s->wires;
    const line l = {w->r_row, w->r_row_term};
    const size_t n = (size_t)t->no;
    memset(t->Y, 0, n * n * sizeof *t->Y);
    memset(t->c, 0, n * sizeof *t->c);
    for (int i = 0; i < t->nr; i++) {
        for (int q = 0; q < t->lines; q++) {
            linearise(t, i, q);
            add_line(&l, t->no, t->d, t->I0, q ? -t->v[i] : t->v[i], t->Y, t->c, t->X, t->work);
        }
        double r = w->r_col + (i == t->nr - 1 ? w->r_col_term : 0);
        if (r > 0) {
            int rc = segment(t->no, r, t->Y, t->A);
            if (rc) return rc;
            solve(t->no, t->A, 1, 1, t->c);
            solve(t->no, t->A, t->no, t->no, t->Y);
        }
        memcpy(t->Ys + (size_t)i * n * n, t->Y, n * n * sizeof *t->Y);
        memcpy(t->cs + (size_t)i * n, t->c, n * sizeof *t->c);
    }
    memcpy(I, t->c, n * sizeof *I);
    *change = 0;
    for (int i = t->nr - 1; i >= 0; i--) { /* column voltages from the ground up, then those of the lines */
        const double r = w->r_col + (i == t->nr - 1 ? w->r_col_term : 0), *Y = t->Ys + (size_t)i * n * n,
                     *c = t->cs + (size_t)i * n;
        const double *below = i < t->nr - 1 ? t->b + (size_t)(i + 1) * n : NULL;
        double *b = t->b + (size_t)i * n;
        for (size_t j = 0; j < n; j++) {
            double cur = c[j];
            for (size_t k = 0; k < n && below; k++) cur -= Y[j * n + k] * below[k];
            b[j] = (below ? below[j] : 0) + r * cur;
        }
        for (int q = 0; q < t->lines; q++) {
            linearise(t, i, q);
            line_voltages(t, &l, i, q, b, t->X);
            double *u = t->u + ((size_t)q * (size_t)t->nr + (size_t)i) * n;
            for (size_t j = 0; j < n; j++) {
                double now = t->X[j] - b[j];
                *change = fabs(now - u[j]) > *change ? fabs(now - u[j]) : *change;
                u[j] = now;
            }
        }
    }
    return MB_OK;
}

int mb_wires_input(const mb_analog_spec *s, int no, int nr, const double *G, const double *Gn, const double *v, double *I,
                   double *residual) {
    const size_t n = (size_t)no, m = (size_t)nr;
    double change = 0, top = 0;
    int rc = MB_OK, step = 0;
    if (s->cell.law == MB_IV_LINEAR) {
        double *eff = mb_malloc(n, m * sizeof *eff);
        rc = eff ? mb_wires_effective(&s->wires, no, nr, G, Gn, eff) : mb_nomem();
        for (size_t j = 0; j < n && !rc; j++) {
            I[j] = 0;
            for (size_t i = 0; i < m; i++) I[j] += eff[j * m + i] * v[i];
        }
        mb_free(eff);
        return rc;
    }
    network t = {.s = s, .no = no, .nr = nr, .lines = Gn ? 2 : 1, .G = {G, Gn}, .v = v};
    t.u = mb_calloc(2 * m, n * sizeof(double));
    t.b = mb_calloc(m, n * sizeof(double));
    t.Ys = mb_malloc(m * n, n * sizeof(double));
    t.cs = mb_malloc(m, n * sizeof(double));
    t.Y = mb_malloc(n, n * sizeof(double));
    t.A = mb_malloc(n, n * sizeof(double));
    t.X = mb_malloc(n, (n + 1) * sizeof(double));
    t.c = mb_malloc(4, n * sizeof(double));
    rc = t.u && t.b && t.Ys && t.cs && t.Y && t.A && t.X && t.c ? MB_OK : mb_nomem();
    if (!rc) t.d = t.c + n, t.I0 = t.c + 2 * n, t.work = t.c + 3 * n;
    for (size_t i = 0; i < m; i++) top = fabs(v[i]) > top ? fabs(v[i]) : top;
    for (change = (double)INFINITY; step < 60 && !rc && change > 1e-13 * (top > 0 ? top : 1); step++)
        rc = newton_step(&t, I, &change);
    if (!rc && change > 1e-9 * top)
        rc = mb_fail(
            MB_NUMERIC,
            "non-linear cells on wires: Newton's method did not converge in %d steps, last change %.3g of the input voltage",
            step, change);
    if (!rc && residual && change > *residual) *residual = change;
    mb_free(t.u), mb_free(t.b), mb_free(t.Ys), mb_free(t.cs), mb_free(t.Y), mb_free(t.A), mb_free(t.X), mb_free(t.c);
    return rc;
}

/* --- separate source lines --- */

/* One column: n active cells; P[n][n] symmetric, e voltages, G conductances. Work: A[n][n], u, F, D of n. *I: sum of the
 * currents (sign +1 for all: the sense line). */
static int column(const mb_analog_spec *s, int n, const double *P, const double *G, const double *e, double *A, double *u,
                  double *F, double *D, double *cur, double *sum, double *residual) {
    double worst = (double)INFINITY, top = 0;
    for (int a = 0; a < n; a++) u[a] = e[a], top = fabs(e[a]) > top ? fabs(e[a]) : top;
    for (int step = 0; step < 60; step++) {
        for (int a = 0; a < n; a++) cur[a] = mb_cell_current(s, G[a], u[a], &D[a]);
        double now = 0;
        for (int a = 0; a < n; a++) {
            double f = e[a] - u[a];
            for (int b = 0; b < n; b++) f -= P[(size_t)a * (size_t)n + (size_t)b] * cur[b];
            F[a] = f;
            now = fabs(f) > now ? fabs(f) : now;
        }
        bool stalled = !(now < 0.5 * worst) && now < 1e-11 * top;
        worst = now;
        if (worst <= 1e-14 * top || stalled) break;
        for (int a = 0; a < n; a++)
            for (int b = 0; b < n; b++)
                A[(size_t)a * (size_t)n + (size_t)b] = P[(size_t)a * (size_t)n + (size_t)b] + (a == b ? 1 / D[a] : 0);
        if (!cholesky(n, A)) return mb_fail(MB_NUMERIC, "cells with a falling current-voltage curve on wires: lower cell.read_V");
        solve(n, A, 1, 1, F);
        for (int a = 0; a < n; a++) u[a] += F[a] / D[a];
    }
    if (worst > 1e-9 * top)
        return mb_fail(MB_NUMERIC,
                       "cells on separate source lines: Newton's method did not converge, residual %.3g of the input voltage",
                       worst);
    if (residual && worst > *residual) *residual = worst;
    *sum = 0;
    for (int a = 0; a < n; a++) *sum += cur[a];
    return MB_OK;
}

int mb_wires_separate(const mb_analog_spec *s, int no, int nr, const double *G, const double *Gn, const double *v, double *I,
                      double *residual) {
    const mb_analog_wires *w = &s->wires;
    const size_t m = (size_t)nr, cells = Gn ? 2 * m : m;
    const int unused = w->rows > nr ? w->rows - nr : 0;
    double *pin = mb_malloc(2, m * sizeof *pin), *P = mb_malloc(cells, cells * sizeof *P),
           *A = mb_malloc(cells, cells * sizeof *A), *t = mb_malloc(6, cells * sizeof *t);
    int *row = mb_malloc(2, cells * sizeof *row);
    int rc = pin && P && A && t && row ? MB_OK : mb_nomem();
    double *pout = pin ? pin + m : NULL;
    for (int i = 0; i < nr && !rc; i++) {
        double rin = i ? w->r_row : w->r_row * (w->bottom ? unused + 1 : 1) + w->r_row_term;
        pin[i] = (i ? pin[i - 1] : 0) + rin;
    }
    for (int i = nr - 1; i >= 0 && !rc; i--) {
        double rout = i < nr - 1 ? w->r_col : w->r_col * (w->bottom ? 1 : unused + 1) + w->r_col_term;
        pout[i] = (i < nr - 1 ? pout[i + 1] : 0) + rout;
    }
    for (int j = 0; j < no && !rc; j++) {
        int n = 0;
        double *g = t, *e = t + cells;
        for (int q = 0; q < (Gn ? 2 : 1); q++)
            for (int i = 0; i < nr; i++) {
                double Gi = (q ? Gn : G)[(size_t)j * m + (size_t)i];
                if (v[i] == 0 || !(Gi > 0)) continue;
                row[n] = i;
                row[cells + (size_t)n] = q;
                g[n] = Gi;
                e[n++] = q ? -v[i] : v[i];
            }
        for (int a = 0; a < n; a++)
            for (int b = 0; b < n; b++) {
                int lo = row[a] < row[b] ? row[a] : row[b], hi = row[a] < row[b] ? row[b] : row[a];
                P[(size_t)a * (size_t)n + (size_t)b] =
                    pout[hi] + (row[cells + (size_t)a] == row[cells + (size_t)b] ? pin[lo] : 0);
            }
        rc = column(s, n, P, g, e, A, t + 2 * cells, t + 3 * cells, t + 4 * cells, t + 5 * cells, &I[j], residual);
    }
    mb_free(pin), mb_free(P), mb_free(A), mb_free(t), mb_free(row);
    return rc;
}
