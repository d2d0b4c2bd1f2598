/* cim_logic.h - adders beside memory cells: full adders, trees, registers counted in 2-input NAND gates
 *
 * One gate has the input capacitance C, the area A, the delay t; XOR: 1.5 C, 2.4 A, 2.4 t; flip-flop: 3 C, 6 A.
 *   full adder      3 NAND2 + 2 XOR: E = 6 C V^2 when everything toggles, area 7.8 A; input to sum 4.8 t, input to carry
 *                   4.4 t, carry to carry 2 t
 *   1-bit product   NAND2: E = C V^2 / 2 (mean data), A, t
 *   tree of N words of b bits   stage s = 1, 2, ..: floor(n / 2) ripple adders of b + s - 1 full adders. For N = 2^L: N (b + 1) -
 *                   (b + L + 1) full adders; delay (L - 1) sums, one carry, b + L - 2 carries to carries
 *   place values    n words of x bits, each worth twice the one before: x (n - 1) + n (log2 n - 1/2) full adders
 * Reference: Houshmand et al., arXiv:2305.18335 (ratios of gates, structure); Peng et al., IEEE TCAD 40, 2306 (2021),
 * doi:10.1109/TCAD.2020.3043731 (gates of the nodes of cost/tech.h). Units: SI. Who may call: the cost floor.
 */
#ifndef MB_COST_CIM_LOGIC_H
#define MB_COST_CIM_LOGIC_H

typedef struct mb_cim_logic {
    double gate_F, gate_m2, gate_s;
} mb_cim_logic;

double mb_cim_adder_F(const mb_cim_logic *l);    /* capacitance that a full adder switches */
double mb_cim_register_F(const mb_cim_logic *l); /* of one bit */
double mb_cim_adder_m2(const mb_cim_logic *l);
double mb_cim_register_m2(const mb_cim_logic *l);
double mb_cim_sum_s(const mb_cim_logic *l);   /* input to sum of a full adder */
double mb_cim_carry_s(const mb_cim_logic *l); /* input to carry */
double mb_cim_ripple_s(const mb_cim_logic *l);
double mb_cim_tree_adders(int words, int bits);
double mb_cim_tree_s(const mb_cim_logic *l, int words, int bits);
double mb_cim_place_adders(int words, double bits);

#endif
