/* converter.h - converters and analog periphery: analog to digital, digital to analog, samplers, amplifiers, sense amplifiers
 *
 * Two kinds of sources. Regressions: the survey (devices/adc_survey.h), circuit fits per node (SAR, flash), a fit to three chips
 * at 28 nm. Bottom-up: gates of the technology layer plus noise and settling of the analog part; that is what a circuit cannot do
 * without, hence low estimates.
 *   survey    corners: energy x 0.3 | 1 | 3.5 (published converters inside arrays need 0.28 .. 3.5; median of the survey over the
 *             regression: 3.5), area x 0.2 | 1 | 6.6 (ISAAC's SAR: 0.19; median of the survey: 6.6)
 *   sar       converter_table.h; area: 478 + 182 (N - 1) times the smallest inverter; (N + 1) ns at every node
 *   flash     converter_table.h; 2^N - 1 sense amplifiers and an encoder; 1 ns
 *   sar28     E = (100 N + 0.001 4^N) fF V^2, area = 10^(1.206 - 0.0369 N) 2^N um2, time N (0.00653 rows + 0.64) ns (28 nm only)
 *   ramp      a comparator per column for 2^N steps, a latch of N flip-flops; a counter (2 flip-flops toggle per step on average)
 *             and a ramp of 2^N unit capacitors, shared by the columns
 *   fire      integrate and fire, each packet: C_int V_th Vdd + comparator + 2 flip-flops
 *   lossless resolution: ceil(log2(rows (2^d - 1)(2^c - 1) + 1)) for d bits per drive and c bits per cell
 *   sampler   C = max(C_min, 12 k T 4^N / V^2) (noise = quantisation), E = C V^2, time = (N + 1) ln 2 R C
 *   amplifier (integrator, transimpedance) settles to half a step in t: gm = (N + 1) ln 2 C / t, I = 3 gm / (15 / V) (second
 *             stage and bias), E = Vdd I t
 *   sense amplifier: 11 gates and 7 junctions of smallest devices; regenerates from dV in C / gm ln(Vdd / dV)
 *   drivers   one bit: C_row V^2 and a chain of inverters; pulse count: digit times that; pulse width: once, and per line a
 *             counter and comparison of p bits clocked 2^p - 1 times; voltage: 50 fF x bits x Vdd^2 (charge redistribution) and a class-A
 *             buffer
 * Reference: Peng et al., IEEE TCAD 40, 2306 (2021), doi:10.1109/TCAD.2020.3043731 (fits); Murmann, IEEE TVLSI 29, 3 (2021),
 * doi:10.1109/TVLSI.2020.3020286, and ZigZag-IMC (28 nm); Razavi, IEEE SSC Magazine 7(2), 12 (2015),
 * doi:10.1109/MSSC.2015.2418155 (latch); Liu et al., DAC 2015, doi:10.1145/2744769.2744783 (integrate and fire).
 * Units: SI; energy per conversion, per drive of one row, per sample. Who may call: the cost floor and above.
 */
#ifndef MB_COST_CONVERTER_H
#define MB_COST_CONVERTER_H

#include "cost/circuit.h"

typedef enum { MB_LOW, MB_NOMINAL, MB_HIGH } mb_corner;
#define MB_CORNERS "low|nominal|high"

int mb_lossless_bits(int rows, int dac_bits, int cell_bits);

/* MB_BADINPUT outside of the survey. Leakage 0 (contained in the energy at this rate). */
int mb_converter_survey(double bits, double rate_Hz, double node_nm, mb_corner corner, mb_block *b);
/* The fits exist for all nodes of the technology table (SAR), down to 7 nm (flash). READ_V 0: the node's. Energies NaN where
 * there is none. */
mb_block mb_sar_table(const mb_process *n, int bits, double column_ohm, double read_V);
mb_block mb_flash_table(const mb_process *n, int bits, double column_ohm, double read_V);
int mb_converter_sar28(double bits, double rows, double vdd_V, mb_block *b);
mb_block mb_converter_ramp(const mb_process *n, int bits, int columns, double clock_Hz);
/* PACKETS of 2^bits - 1 at most that arrive on average; each takes PACKET_S. */
mb_block mb_converter_fire(const mb_process *n, int bits, double packets, double c_int_F, double v_th, double packet_s);

mb_block mb_sense_amplifier(const mb_process *n, double dv_V);
mb_block mb_sampler(const mb_process *n, int bits, double swing_V, double c_min_F, double switch_ohm);
mb_block mb_amplifier(const mb_process *n, int bits, double load_F, double settle_s);

mb_block mb_drive_bit(const mb_process *n, double row_F, double swing_V);
mb_block mb_drive_count(const mb_process *n, int bits, double digit, double row_F, double swing_V, double pulse_s);
mb_block mb_drive_width(const mb_process *n, int bits, double digit, double row_F, double swing_V, double unit_s);
mb_block mb_drive_voltage(const mb_process *n, int bits, double row_F, double swing_V, double settle_s);

#endif
