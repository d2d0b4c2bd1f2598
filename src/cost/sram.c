/* sram.c - log-space interpolation of the CACTI sweep in sram_table.h; rules and limits in sram.h
 *
 * All five quantities are interpolated as logarithms, so each lies between its neighbours and none can be negative.
 */
#include "cost/sram.h"

#include <math.h>
#include <stddef.h>

#include "base/error.h"
#include "cost/sram_table.h"

const char mb_sram_source[] = "CACTI 7.0 (itrs-lstp), interpolated in log size, width and node";

enum { READ, WRITE, LEAK, AREA, ACCESS, QUANTITIES };
#define N_ROWS (sizeof sram_table / sizeof sram_table[0])

/* Growth of each quantity with size below the table (size^e) and above it. */
static const double below[QUANTITIES] = {0.78, 0.78, 1, 1, 0};
static const double above[QUANTITIES] = {0.5, 0.5, 1, 1, 0.5};

/* log of the five quantities of table row R at log2(size / KiB) = S */
static void at_size(const sram_row *r, double s, double *out) {
    int i = (int)floor(s);
    if (i < r->first) i = r->first;
    if (i > SRAM_SIZES - 2) i = SRAM_SIZES - 2;
    double f = s - i;
    for (int q = 0; q < QUANTITIES; q++) {
        double a = log(r->v[q][i]), b = log(r->v[q][i + 1]);
        if (f < 0) out[q] = a + below[q] * f * M_LN2;
        else if (f > 1) out[q] = b + above[q] * (f - 1) * M_LN2;
        else out[q] = a + f * (b - a);
    }
}

/* The same at word width W in the node whose rows are [r0, r1). */
static void at_width(size_t r0, size_t r1, double kib, double w, double *out) {
    const sram_row *lo = &sram_table[r0], *hi = &sram_table[r1 - 1];
    if (w >= hi->width) { /* w / width macros of kib * width / w each */
        double n = w / hi->width;
        at_size(hi, log2(kib / n), out);
        for (int q = 0; q < ACCESS; q++) out[q] += log(n);
        return;
    }
    if (w <= lo->width) {
        double cut = log(0.7 * w / lo->width + 0.3);
        at_size(lo, log2(kib), out);
        out[READ] += cut;
        out[WRITE] += cut;
        return;
    }
    while (sram_table[r0 + 1].width < w) r0++;
    double other[QUANTITIES];
    double f = log(w / sram_table[r0].width) / log((double)sram_table[r0 + 1].width / sram_table[r0].width);
    at_size(&sram_table[r0], log2(kib), out);
    at_size(&sram_table[r0 + 1], log2(kib), other);
    for (int q = 0; q < QUANTITIES; q++) out[q] += f * (other[q] - out[q]);
}

int mb_sram_cost(double kib, double width_bits, double node_nm, mb_sram *s) {
    if (!(kib > 0) || kib > 1048576) return mb_fail(MB_BADINPUT, "the SRAM model covers sizes up to 1 GiB, not %g KiB", kib);
    if (!(width_bits >= 1) || width_bits > 1 << 20)
        return mb_fail(MB_BADINPUT, "the SRAM model covers words of 1 to 2^20 bits, not %g", width_bits);
    if (!(node_nm >= 7) || node_nm > 90)
        return mb_fail(MB_BADINPUT,
                       "the SRAM model covers nodes from 7 to 90 nm (CACTI tables 22 to 90 nm, scaled below), not %g nm",
                       node_nm);

    double t = node_nm < 22 ? 22 : node_nm, v[QUANTITIES], w[QUANTITIES];
    size_t r0 = 0, r1, r2;
    for (;;) { /* [r0, r1): rows of the node at or below t, [r1, r2): of the next one */
        for (r1 = r0; r1 < N_ROWS && sram_table[r1].node_nm == sram_table[r0].node_nm; r1++) continue;
        for (r2 = r1; r2 < N_ROWS && sram_table[r2].node_nm == sram_table[r1].node_nm; r2++) continue;
        if (r1 == N_ROWS || sram_table[r1].node_nm > t) break;
        r0 = r1;
    }
    at_width(r0, r1, kib, width_bits, v);
    if (sram_table[r0].node_nm < t) {
        double f = log(t / sram_table[r0].node_nm) / log((double)sram_table[r1].node_nm / sram_table[r0].node_nm);
        at_width(r1, r2, kib, width_bits, w);
        for (int q = 0; q < QUANTITIES; q++) v[q] += f * (w[q] - v[q]);
    }
    double down = node_nm / t; /* 1 from 22 nm up */
    s->read_J = exp(v[READ]) * 1e-12 * sqrt(down);
    s->write_J = exp(v[WRITE]) * 1e-12 * sqrt(down);
    s->leakage_W = exp(v[LEAK]) * 1e-6 * sqrt(down);
    s->area_m2 = exp(v[AREA]) * 1e-12 * down;
    s->access_s = exp(v[ACCESS]) * 1e-9;
    return MB_OK;
}
