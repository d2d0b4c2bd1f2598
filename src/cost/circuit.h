/* circuit.h - digital blocks and wires of a node: area, energy, delay, leakage from gates
 *
 * c1, c2: input and output capacitance of the 2-input NAND (W_n = 4F, W_p = 2F pn_ratio, full cell height); Ci, Co of the
 * smallest inverter; Ct of a transmission gate's drains; V = Vdd. Energies are of one operation.
 *   flip-flop      12 inverters of area, 8 of leakage. Everything toggles: E = V^2 [4 (Ci + Co) + 2 Ci + (3 Ct + Ci) + (Ct + Co)
 *                  + (Ci + Co)], times the share that does; delay: transmission gate and two inverters
 *   ripple adder   9 NAND2 per bit. E = V^2 [6 c1 + 2 c2 + (b - 1)(7 c1 + 3 c2) + 8 c1 + 5 c2 + (b - 1)(6 c1 + 4 c2)] x 0.15:
 *                  all gates switch, times the activity. Delay: per carry a NAND that pulls down 3 c1 and one that pulls up 2 c1;
 *                  at the end one more into the load (1 fF unless given)
 *   adder tree     stage s = 1 .. ceil(log2 N) holds ceil(N / 2^s) adders of b + s - 1 bits; delay: the first adder plus a 2-bit
 *                  adder per further stage (carries overlap)
 *   shift-add      adder of b bits, b + n flip-flops for n pulses or slices
 *   repeated wire  R_0 = mean of R_n and R_p; S = floor sqrt(R_0 C' / (Ci R')); L = sqrt(2 R_0 (Ci + Co) / (R' C'));
 *                  delay / m = 0.7 [R_S (Ci_S + Co_S + C' L) + 0.54 R' C' L^2 + R' L Ci_S] / L;
 *                  energy / (m bit) = 0.5 V^2 (Ci_S + Co_S + C' L) / L
 *   the others     sums of gates, wires and transmission gates, as said at each function
 * The factors 0.5 (registers, mean data) and 0.15 (adders) are those that NeuroSim fitted to a 40 nm RRAM macro.
 * Reference: Peng et al., IEEE TCAD 40, 2306 (2021), doi:10.1109/TCAD.2020.3043731 (equations); Lu et al., Front. Artif. Intell.
 * 4, 659060 (2021), doi:10.3389/frai.2021.659060 (factors); Bakoglu, Circuits, Interconnections and Packaging for VLSI (1990)
 * (repeaters). Golden figures: tests/golden/components. Units: SI. Who may call: the cost floor and above.
 */
#ifndef MB_COST_CIRCUIT_H
#define MB_COST_CIRCUIT_H

#include "cost/gate.h"

/* One instance: area, leakage; one operation: energy, delay. */
typedef struct mb_block {
    double area_m2, energy_J, delay_s, leakage_W;
} mb_block;

#define MB_ADDER_ACTIVITY 0.15
#define MB_FLIPFLOP_ACTIVITY 0.5
#define MB_STANDARD_LOAD_F 1e-15 /* what drives nothing else drives this */

mb_block mb_flipflop(const mb_process *n, double clocked); /* CLOCKED: share of the energy of a cycle in which all toggles */
mb_block mb_adder(const mb_process *n, int bits, double load_F);
mb_block mb_adder_tree(const mb_process *n, int inputs, int bits);
mb_block mb_shift_add(const mb_process *n, int bits, int pulses); /* adder of BITS, one step */
mb_block mb_comparator(const mb_process *n, int bits);            /* a subtractor's carry chain: its delay, its gates */
mb_block mb_multiplier(const mb_process *n, int bits_a, int bits_b); /* AND gates, carry-save adders */

/* ADDRESS bits to 2^ADDRESS lines: pairs of bits to four lines each (NAND2 and inverter), one NOR of ceil(ADDRESS / 2) inputs
 * per output and an inverter that drives LOAD. PITCH_m: distance of outputs (wire across all of them); 0: a cell height. */
mb_block mb_decoder(const mb_process *n, int address, double load_F, double pitch_m);
/* LINES rows that are set in parallel: a flip-flop and two pairs of transmission gates each, which put a line of LOAD on one of
 * two voltages within R_gate C: widths for WIDTH_R ohm. SWING_V of the line, ACTIVITY = share of lines that switch. */
mb_block mb_switch_matrix(const mb_process *n, int lines, double load_F, double gate_ohm, double swing_V, double activity);
/* Drives LOAD with a chain of inverters, each 4 times the one before. */
mb_block mb_driver(const mb_process *n, double load_F);
/* Core to HIGH_V: cross-coupled pair and output inverter of thick-oxide devices (2 x the pitch, 2.5 x the height and length);
 * drives LOAD. */
mb_block mb_level_shifter(const mb_process *n, double load_F, double high_V);
/* COLUMNS x transmission gates of GATE_OHM that connect 1 of WAYS columns to a converter; PITCH_m of a column (0: none): gates
 * are folded into it. One operation: one selection of all converters. */
mb_block mb_column_mux(const mb_process *n, int columns, int ways, double gate_ohm, double column_F, double read_V);

typedef struct mb_repeater {
    double size, spacing_m;                                               /* in smallest inverters */
    double delay_s_per_m, energy_J_per_m, leakage_W_per_m, area_m2_per_m; /* of one wire and one bit that toggles */
} mb_repeater;
/* Wire W with repeaters; SLACK > 0: smaller and nearer repeaters until the delay is (1 + SLACK) times the least. */
mb_repeater mb_repeated_wire(const mb_process *n, const mb_metal *w, double slack);

/* LENGTH of BITS wires. One operation: BITS bits, TOGGLE of them change. */
mb_block mb_bus(const mb_process *n, double length_m, int bits, double toggle);
/* H-tree over ROWS x COLS leaves of LEAF_W x LEAF_H metres, BITS wide: ceil(log2) levels across and along; a path goes from the
 * root in the centre to one leaf. *path_m (may be NULL): its length. */
mb_block mb_htree(const mb_process *n, int rows, int cols, double leaf_w_m, double leaf_h_m, int bits, double toggle,
                  double *path_m);
/* *path_m: from the root to a leaf; *all_m: of all branches. */
void mb_htree_path(int rows, int cols, double leaf_w_m, double leaf_h_m, double *path_m, double *all_m);
/* Mesh of ROWS x COLS routers with links of LINK metres: one flit of BITS over the mean distance of (rows + cols) / 3 hops. A
 * router: input registers of DEPTH flits on 5 ports, a 5 x 5 crossbar of transmission gates and its wires, an arbiter per
 * output. */
mb_block mb_mesh(const mb_process *n, int rows, int cols, double link_m, int bits, int depth, double toggle, double *hops);

mb_block mb_block_times(mb_block b, double count); /* COUNT of them side by side, all at once */
mb_block mb_block_join(mb_block a, mb_block b);    /* one after the other */

#endif
