/* analog_wires.c - wires in the analog engine: its arrays as those of array/wire.h
 *
 * Cells G[j][i], output column j = 0 .. no - 1, input line i = 0 .. nr - 1; one slice and polarity is one array.
 * source = input: input i is word line i, output j is bit line j (r_row = r_wl, r_col = r_bl, r_row_term = r_src, r_col_term =
 *   r_snk). Interleaved: word lines 2i and 2i + 1, driven by +v_i and -v_i, share the nodes of the bit lines.
 * source = separate: cells with v_i = 0 are off; each column has a source line of its own beside its bit line and v_i acts in
 *   series with the cells of row i (wire.h: feed source, series). Interleaved: two source lines, the second one's cells with
 * -v_i. Unused rows lengthen the last segment of the column (used rows far from the sense amplifier) or the first one of the
 * source line (bottom). Units of analog.h: conductances in G_max, voltages in V_max, resistances in R_min. Called by
 * analog_map.c and analog_mvm.c.
 */
#include <math.h>
#include <string.h>

#include "array/analog_private.h"
#include "array/wire.h"
#include "base/error.h"
#include "base/mem.h"

/* The cells' law for Newton's method. A falling curve (cubic cells at high read_V) gets a small positive slope. */
static void law(const void *arg, size_t n, const double *G, const double *u, double *I, double *dI) {
    for (size_t k = 0; k < n; k++) {
        I[k] = mb_cell_current(arg, G[k], u[k], &dI[k]);
        if (!(dI[k] > 1e-3 * G[k])) dI[k] = 1e-3 * G[k];
    }
}

static mb_wire describe(const mb_analog_spec *s, int no, int nr, bool interleaved) {
    const mb_analog_wires *a = &s->wires;
    mb_wire w = {.m = interleaved ? 2 * nr : nr,
                 .n = no,
                 .r_wl = a->r_row,
                 .r_bl = a->r_col,
                 .r_src = a->r_row_term,
                 .r_snk = a->r_col_term,
                 .r_on = a->r_on,
                 .pairs = interleaved};
    if (s->cell.law != MB_IV_LINEAR) w.law = (mb_wire_law){.kind = MB_LAW_USER, .eval = law, .arg = s};
    if (a->source == MB_WIRES_SEPARATE) {
        const double unused = a->rows > nr ? a->rows - nr : 0;
        w.feed = MB_FEED_SOURCE;
        w.series = true;
        if (a->bottom) w.r_src += unused * a->r_row;
        else w.r_snk += unused * a->r_col;
    } else {
        w.drive = (mb_wire_drive)a->drive;
        w.sense = (mb_wire_sense)a->sense;
    }
    return w;
}

/* to[row][j] from G[j][i], rows of inputs interleaved */
static void transpose(int no, int nr, const double *G, const double *Gn, double *to) {
    const size_t n = (size_t)no, m = (size_t)nr, per = Gn ? 2 : 1;
    for (size_t i = 0; i < m; i++)
        for (size_t q = 0; q < per; q++)
            for (size_t j = 0; j < n; j++) to[(i * per + q) * n + j] = (q ? Gn : G)[j * m + i];
}

int mb_wires_effective(const mb_analog_spec *s, int no, int nr, const double *G, const double *Gn, double *eff,
                       double *residual) {
    const mb_wire w = describe(s, no, nr, Gn != NULL);
    const size_t n = (size_t)no, m = (size_t)nr, per = Gn ? 2 : 1;
    double *T = mb_malloc(2 * per * m, n * sizeof *T), *E = T ? T + per * m * n : NULL, miss = 0;
    if (!T) return mb_nomem();
    transpose(no, nr, G, Gn, T);
    int rc = mb_wire_effective(&w, T, E, 1);
    if (!rc) rc = mb_wire_effective_residual(&w, T, E, &miss);
    for (size_t i = 0; i < m && !rc; i++)
        for (size_t j = 0; j < n; j++) eff[j * m + i] = E[i * per * n + j] - (Gn ? E[(i * per + 1) * n + j] : 0);
    if (!rc && miss > *residual) *residual = miss;
    mb_free(T);
    return rc;
}

int mb_wires_solve(const mb_analog_spec *s, int no, int nr, const double *G, const double *Gn, const double *v, double *I,
                   double *residual) {
    const mb_wire w = describe(s, no, nr, Gn != NULL);
    const size_t n = (size_t)no, m = (size_t)nr, per = Gn ? 2 : 1;
    double *T = mb_malloc(per * m, n * sizeof *T), *V = mb_malloc(per * m, sizeof *V);
    mb_wire_info info = {0};
    int rc = T && V ? MB_OK : mb_nomem();
    if (rc) goto out;
    transpose(no, nr, G, Gn, T);
    for (size_t i = 0; i < m; i++) {
        V[i * per] = v[i];
        if (Gn) V[i * per + 1] = -v[i];
    }
    rc = mb_wire_solve(&w, T, 1, V, I, NULL, NULL, &info);
    if (info.residual > *residual) *residual = info.residual;
out:
    mb_free(T);
    mb_free(V);
    return rc;
}
