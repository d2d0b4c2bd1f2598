/* wire_net.c - checks of wire descriptions, and the scaled grid of conductances that the solvers work on
 *
 * Called by wire_*.c and by everybody who builds an mb_wire.
 */
#include "config.h"

#include <float.h>
#include <math.h>
#include <stdint.h>
#include <string.h>

#include "array/wire_private.h"
#include "base/error.h"

typedef int64_t bits __attribute__((vector_size(64)));
typedef uint64_t ubits __attribute__((vector_size(64)));

#define MAX_SIDE 16384      /* rows or columns: an effective matrix of this size has 2 GiB */
#define MAX_RATIO 0x1p40    /* largest r * G that is still a resistance */

static int check_r(const char *name, double r) {
    if (!isfinite(r)) return mb_fail(MB_BADINPUT, "wires: %s is not finite; give ohms, 0 for an ideal line", name);
    if (r < 0) return mb_fail(MB_BADINPUT, "wires: %s = %g ohm is negative; give 0 for an ideal line", name, r);
    return MB_OK;
}

int mb_wire_check(const mb_wire *w) {
    if (w->m < 1 || w->n < 1 || w->m > MAX_SIDE || w->n > MAX_SIDE)
        return mb_fail(MB_BADINPUT, "wires: an array of %d x %d cells; rows and columns must be 1 to %d", w->m, w->n, MAX_SIDE);
    int rc = check_r("the resistance of a word-line segment (r_wl)", w->r_wl);
    if (rc == MB_OK) rc = check_r("the resistance of a bit-line segment (r_bl)", w->r_bl);
    if (rc == MB_OK) rc = check_r("the resistance of the driver (r_src)", w->r_src);
    if (rc == MB_OK) rc = check_r("the resistance of the sense amplifier (r_snk)", w->r_snk);
    if (rc == MB_OK) rc = check_r("the resistance of the access device (r_on)", w->r_on);
    if (rc != MB_OK) return rc;
    if ((unsigned)w->feed > MB_FEED_SOURCE || (unsigned)w->drive > MB_DRIVE_BOTH || (unsigned)w->sense > MB_SENSE_ALTERNATE ||
        (unsigned)w->law.kind > MB_LAW_USER)
        return mb_fail(MB_BADINPUT, "wires: unknown feed, drive, sense or law (" MB_WIRE_FEEDS "; " MB_WIRE_DRIVES
                                    "; " MB_WIRE_SENSES "; " MB_WIRE_LAWS ")");
    if (w->pairs && w->m % 2)
        return mb_fail(
            MB_BADINPUT,
            "wires: interleaved pairs need an even number of rows, not %d; a row and its partner share a bit-line node", w->m);
    if (w->sense_span < 0) return mb_fail(MB_BADINPUT, "wires: runs of %d columns are sensed in turn", w->sense_span);
    if (w->series && w->feed != MB_FEED_SOURCE)
        return mb_fail(MB_BADINPUT, "wires: inputs in series with the cells need source lines (feed source)");
    if (w->feed == MB_FEED_SOURCE) {
        if (w->drive != MB_DRIVE_LEFT || w->sense != MB_SENSE_BOTTOM)
            return mb_fail(MB_BADINPUT, "wires: arrays with source lines are fed at the top and sensed at the bottom; drive and "
                                        "sense must be left at left and bottom");
        if (w->series && fabs(w->v_sl) > 0)
            return mb_fail(MB_BADINPUT, "wires: inputs in series with the cells exclude a voltage of the source line (v_sl)");
        if (!isfinite(w->v_sl)) return mb_fail(MB_BADINPUT, "wires: the voltage of the source line (v_sl) is not finite");
    }
    if (w->law.kind == MB_LAW_SINH && !(w->law.V0 > 0 && isfinite(w->law.V0)))
        return mb_fail(MB_BADINPUT, "wires: the sinh law needs V0 > 0 V, not %g", w->law.V0);
    if (w->law.kind == MB_LAW_USER && !w->law.eval) return mb_fail(MB_BADINPUT, "wires: the user's cell law has no function");
    return MB_OK;
}

int mb_wire_check_ratio(const mb_wire *w, double g_max) {
    const struct {
        const char *name;
        double r;
    } all[] = {{"r_wl", w->r_wl}, {"r_bl", w->r_bl}, {"r_src", w->r_src}, {"r_snk", w->r_snk}};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        if (all[i].r * g_max > MAX_RATIO)
            return mb_fail(MB_BADINPUT,
                           "wires: %s = %g ohm is more than 1e12 times the resistance of the best cell (%g ohm): a broken line; "
                           "leave its cells out (G = 0)",
                           all[i].name, all[i].r, 1 / g_max);
    return MB_OK;
}

/* True when all N numbers are finite and not negative (false also for -0); *max: the largest. On their bits, which have the order
 * of the numbers. */
MB_CLONES static bool scan64(size_t n, const double *G, double *max) {
    const uint64_t one = UINT64_C(1) << 52; /* makes the bits of infinity and of not-a-number overflow into the sign */
    ubits top = {0}, bad = {0};
    for (size_t i = 0; i < n; i += 8) {
        ubits g = {0};
        if (n - i >= 8) memcpy(&g, G + i, sizeof g);
        else memcpy(&g, G + i, (n - i) * sizeof *G);
        bad |= g | (g + one);
        ubits less = top - g;
        top -= less & (ubits)((bits)less >> 63);
    }
    uint64_t largest = 0, any = 0;
    for (int l = 0; l < 8; l++) {
        any |= bad[l];
        if (top[l] > largest) largest = top[l];
    }
    memcpy(max, &largest, sizeof *max);
    return any >> 63 == 0;
}

int mb_wire_scan_cells(const mb_wire *w, const double *G, double *g_max) {
    const size_t cells = (size_t)w->m * (size_t)w->n;
    if (!scan64(cells, G, g_max)) {
        *g_max = 0;
        for (size_t i = 0; i < cells; i++) {
            if (!(G[i] >= 0 && G[i] <= DBL_MAX))
                return mb_fail(MB_BADINPUT,
                               "wires: the conductance of cell (%d, %d) is %g S; it must be finite and not negative (0: no cell)",
                               (int)(i / (size_t)w->n), (int)(i % (size_t)w->n), G[i]);
            if (G[i] > *g_max) *g_max = G[i];
        }
    }
    return mb_wire_check_ratio(w, *g_max);
}

int mb_wire_check_cells(const mb_wire *w, const double *G) {
    double g_max;
    return mb_wire_scan_cells(w, G, &g_max);
}

int mb_wire_check_linear(const mb_wire *w, const char *what) {
    int rc = mb_wire_check(w);
    if (rc != MB_OK) return rc;
    if (w->feed != MB_FEED_WORD)
        return mb_fail(MB_BADINPUT,
                       "wires: %s does not exist for arrays with source lines, whose gates change the circuit with each input; "
                       "use the ladder (mb_wire_solve)",
                       what);
    if (w->law.kind != MB_LAW_LINEAR)
        return mb_fail(MB_BADINPUT, "wires: %s does not exist for non-linear cells; use Newton's method (mb_wire_solve)", what);
    return MB_OK;
}

void mb_wire_net_init(const mb_wire *w, double g_max, double ideal, mb_wire_net *net) {
    int e = 0;
    frexp(g_max, &e);
    double unit = ldexp(1, e); /* g_max = f * 2^e, f in [1/2, 1) */
    *net = (mb_wire_net){.m = w->m, .n = w->n, .unit = unit, .ideal = ideal, .pairs = w->pairs, .r_on = w->r_on * unit};
    net->span = w->sense_span > 0 ? w->sense_span : 1;
    const double r[4] = {w->r_wl, w->r_bl, w->r_src + w->r_wl, w->r_snk + w->r_bl};
    double g[4];
    for (int i = 0; i < 4; i++) g[i] = r[i] * unit * ideal > 1 ? 1 / (r[i] * unit) : ideal;
    net->gw = g[0];
    net->gb = g[1];
    net->g_left = g[2];
    net->g_right = w->drive == MB_DRIVE_BOTH ? g[2] : 0;
    net->g_bot[0] = g[3];
    net->g_bot[1] = w->sense == MB_SENSE_ALTERNATE ? 0 : g[3];
    net->g_top[0] = w->sense == MB_SENSE_BOTH ? g[3] : 0;
    net->g_top[1] = w->sense == MB_SENSE_BOTTOM ? 0 : g[3];
}
