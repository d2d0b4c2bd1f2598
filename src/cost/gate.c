/* gate.c - equations in gate.h
 *
 * Who may call: the cost floor.
 */
#include "cost/gate.h"

#include <math.h>

/* Planar cell rows, in F: height for transistors besides the gap between wells and the edges. */
#define FIT_F 20.9
#define GAP_F 2.8
#define EDGE 1e-9 /* relative: a whole number up to rounding stays one */

static double up(double x) { return ceil(x * (1 - EDGE)); }

static double fins(const mb_process *n, double w) {
    double k = up(w / (2 * n->F_m));
    return k < 1 ? 1 : k;
}

static bool planar(const mb_process *n) { return n->device == MB_DEVICE_PLANAR; }

double mb_gate_cap(const mb_process *n, double w) { return planar(n) ? n->c_gate * w : n->c_fin * fins(n, w); }

static double channel(const mb_process *n, double w) {
    return planar(n) ? w : fins(n, w) * n->fin_eff_m * (n->sheets ? n->sheets : 1);
}

double mb_on_resistance(const mb_process *n, double w, bool p) {
    return n->k_eff * n->vdd_V / ((p ? n->ion_p : n->ion_n) * channel(n, w));
}

double mb_transmission_resistance(const mb_process *n, double wn, double wp) {
    double rn = mb_on_resistance(n, wn, false) / n->k_eff, rp = mb_on_resistance(n, wp, true) / n->k_eff;
    return rn * rp / (rn + rp);
}

/* K diffusions of a transistor of width W in FOLDS fingers; ENDS of them end at an edge. */
static double diffusion(const mb_process *n, double w, double folds, double k, double ends) {
    double d = planar(n) ? GAP_F * n->F_m : n->cpp_m - n->gate_length_m;
    double h = planar(n) ? w / folds : fins(n, w) / folds * n->fin_width_m;
    double c = n->c_junction * k * d * h;
    if (planar(n)) c += n->c_sidewall * (2 * k * d + ends * h) + n->c_channel * w;
    return c;
}

double mb_drain_cap(const mb_process *n, double w) { return diffusion(n, w, 1, 1, 1); }

static double folds_of(const mb_process *n, double w, double other) {
    double f = planar(n) ? up((w + other) / (FIT_F * n->F_m)) : up(fins(n, w) / n->max_fins);
    return f < 1 ? 1 : f;
}

mb_gate mb_gate_make(const mb_process *n, mb_gate_kind kind, int inputs, double wn, double wp, bool full) {
    if (full && planar(n) && wn + wp < FIT_F * n->F_m) {
        double k = FIT_F * n->F_m / (wn + wp);
        wn *= k;
        wp *= k;
    }
    mb_gate g = {.kind = kind, .inputs = inputs, .wn = wn, .wp = wp};
    const double fn = folds_of(n, wn, wp), fp = folds_of(n, wp, wn), folds = fn > fp ? fn : fp, m = inputs;
    double series_n = kind == MB_GATE_NAND ? m : 1, series_p = kind == MB_GATE_NOR ? m : 1;
    g.c_in = mb_gate_cap(n, wn) + mb_gate_cap(n, wp);
    /* series: all inner nodes are charged, too; parallel: neighbours share a drain */
    for (int p = 0; p < 2; p++) {
        double w = p ? wp : wn, f = p ? fp : fn, series = p ? series_p : series_n, fingers = (series > 1 ? 1 : m) * f;
        if (series > 1) g.c_out += f > 1 ? diffusion(n, w, f, series * (f + 1), 0) : diffusion(n, w, 1, series, 1);
        else g.c_out += diffusion(n, w, f, floor((fingers + 1) / 2), fmod(fingers, 2));
    }
    g.r_n = series_n * mb_on_resistance(n, wn, false);
    g.r_p = series_p * mb_on_resistance(n, wp, true);
    const double in = n->ioff_n * channel(n, wn), ip = n->ioff_p * channel(n, wp);
    if (kind == MB_GATE_NAND) g.leakage_W = n->vdd_V * m * ip * (inputs > 2 ? 0.31 : 0.48);
    else if (kind == MB_GATE_NOR) g.leakage_W = n->vdd_V * m * in * (inputs > 2 ? 0.62 : 0.95);
    else g.leakage_W = n->vdd_V * (in + ip) / 2;
    g.area_m2 = n->cell_height_m * n->cpp_m * (folds > 1 ? m * (folds + 1) : m + 1);
    return g;
}

mb_gate mb_inverter(const mb_process *n, double size) {
    double w = 2 * n->F_m * size;
    return mb_gate_make(n, MB_GATE_INV, 1, w, w * n->pn_ratio, false);
}

mb_gate mb_nand(const mb_process *n, int inputs) {
    const double wn = n->device == MB_DEVICE_NANOSHEET ? 2 * n->F_m : 4 * n->F_m; /* a row holds one stack */
    return mb_gate_make(n, MB_GATE_NAND, inputs, wn, 2 * n->F_m * n->pn_ratio, true);
}

double mb_stage_delay(double rc_s, double *slope) {
    const double l = log(0.5);
    double d = rc_s * sqrt(l * l + 0.5 / (*slope * rc_s));
    *slope = 0.5 / d;
    return d;
}
