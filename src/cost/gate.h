/* gate.h - static CMOS gates of a node: capacitances, resistance, area, leakage, delay
 *
 * Widths in metres. Fins = ceil(W / 2F); a nanosheet stack counts as one fin.
 *   gate capacitance  C_g = c_gate W, or c_fin x fins
 *   diffusion         k diffusions of length d = 2.8 F (fins: CPP - gate length) and height h = W / folds:
 *                     C_d = Cj k d h + Csw (2 k d + e h) + Cch W; e = 1 where a diffusion ends at an edge; fins: Cj only
 *   resistance        R_on = k_eff Vdd / (I_on W_eff)
 *   leakage           Vdd x: inverter (W_n Ioff_n + W_p Ioff_p) / 2; NAND_n: n W_p Ioff_p s_n, s = 0.48 (2), 0.31 (3 and more)
 *                     for the stack effect; NOR_n: n W_n Ioff_n s_n, s = 0.95, 0.62
 *   area              cell height x CPP x (n + 1 unfolded, n (folds + 1) folded); planar: W_n + W_p fit in 20.9 F, then fold
 *   delay             Horowitz: sqrt((RC ln 0.5)^2 + 0.5 RC / r), r = slope of the input; the output's is 0.5 / delay
 * `full` widens a planar gate until it fills the cell (drive for free). A width that is a whole number of folds or fins up to
 * rounding is not folded once more.
 * Reference: Horowitz, Timing models for MOS circuits, Stanford TR SEL83-003 (1983); Wilton, Jouppi, IEEE JSSC 31, 677 (1996),
 * doi:10.1109/4.509850 (CACTI); Peng et al., IEEE TCAD 40, 2306 (2021), doi:10.1109/TCAD.2020.3043731 (cell geometry).
 * Units: SI. Who may call: the cost floor.
 */
#ifndef MB_COST_GATE_H
#define MB_COST_GATE_H

#include "cost/tech.h"

typedef enum { MB_GATE_INV, MB_GATE_NAND, MB_GATE_NOR } mb_gate_kind;

typedef struct mb_gate {
    mb_gate_kind kind;
    int inputs;
    double wn, wp;      /* m */
    double c_in, c_out; /* F; of one input; output diffusion and internal nodes */
    double r_n, r_p;    /* ohm; of the worst path, n series transistors for NAND (r_n) and NOR (r_p) */
    double area_m2, leakage_W;
} mb_gate;

/* FULL: widen to the cell (planar nodes). */
mb_gate mb_gate_make(const mb_process *n, mb_gate_kind kind, int inputs, double wn, double wp, bool full);
/* The inverter with W_n = SIZE 2F, W_p = W_n pn_ratio; the 2- or 3-input NAND of the arithmetic, W_n = 4F (nanosheets: one
 * stack), W_p = 2F pn_ratio. */
mb_gate mb_inverter(const mb_process *n, double size);
mb_gate mb_nand(const mb_process *n, int inputs);

double mb_gate_cap(const mb_process *n, double w);  /* of one transistor's gate */
double mb_drain_cap(const mb_process *n, double w); /* of one unfolded transistor's drain */
double mb_on_resistance(const mb_process *n, double w, bool p);
double mb_transmission_resistance(const mb_process *n, double wn, double wp); /* n and p in parallel, k_eff = 1 */
/* Delay of one stage; *slope is the input's (V_dd per second; MB_STEP for a step) and becomes the output's. */
#define MB_STEP 1e20
double mb_stage_delay(double rc_s, double *slope);

#endif
