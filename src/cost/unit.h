/* unit.h - unit costs of digital actions, scaled to the machine's node and supply
 *
 * Reference: M. Horowitz, "Computing's energy problem", ISSCC 2014, doi:10.1109/ISSCC.2014.6757323 (45 nm, 0.9 V):
 *     add 8 b 0.03 pJ, 36 um2;  add 32 b 0.1 pJ, 137 um2;  multiply 8 b 0.2 pJ, 282 um2;  multiply 32 b 3.1 pJ.
 * Registers and comparators: Aladdin's 40 nm library (0.9 V): register 9 fJ, 5.98 um2 per bit; comparator 32 b 29.5 fJ, 71 um2.
 * In between: an adder is a straight line through its two points, a multiplier is proportional to the product of its widths
 * (32 b: 3.2 for 3.1 pJ), registers and comparators are proportional to the width.
 * Scaling: Stillmaker and Baas, Integration 58, 2017, doi:10.1016/j.vlsi.2017.02.002: factors at 0.8 V, interpolated in the
 * logarithm of the node; supply: V^2.
 * Caveat: their tables drop by 3.0 in energy from 32 nm (planar) to 20 nm (FinFET), so at 22 and 28 nm a factor of 2 is open;
 * `digital_factor` of the machine corrects it from a measurement. Analog parts (converters, capacitors, cells) are never scaled
 * with these factors.
 * Units: J and m2 per operation or instance; latency is the clock's and not part of a unit cost.
 */
#ifndef MB_COST_UNIT_H
#define MB_COST_UNIT_H

#include "base/quantity.h"
#include "cost/tech.h"

/* The same units as sums of gates of a node of the technology layer (cost/circuit.h), worked out once. */
enum { MB_GATES_ADD = 64, MB_GATES_MULTIPLY = 32 };
typedef struct mb_gates {
    mb_cost reg, add[MB_GATES_ADD + 1], compare[MB_GATES_ADD + 1]; /* reg: one bit; the others by width */
    mb_cost multiply[MB_GATES_MULTIPLY + 1][MB_GATES_MULTIPLY + 1];
} mb_gates;
/* Energies at VDD_V: the node's times (VDD_V / its supply)^2, times FACTOR. */
void mb_gates_init(mb_gates *g, const mb_process *n, double vdd_V, double factor);

typedef struct mb_tech {
    double node_nm, vdd_V;
    double energy;      /* of a gate, relative to 45 nm and 0.9 V, times the calibration factor */
    double area;        /* relative to 45 nm */
    double factor;      /* calibration contained in energy */
    const mb_gates *gates; /* NULL: scaled from 45 nm; else units of up to 64 bits (factors of up to 32) come from here */
} mb_tech;

#define MB_TECH_MIN_NM 7.0
#define MB_TECH_MAX_NM 130.0
extern const char mb_unit_source[];     /* arithmetic */
extern const char mb_register_source[]; /* registers, comparators */
/* The same for T: scaled, or gates. */
const char *mb_unit_source_of(const mb_tech *t);
const char *mb_register_source_of(const mb_tech *t);

/* MB_BADINPUT outside 7 .. 130 nm or for a supply that is not positive. */
int mb_tech_init(mb_tech *t, double node_nm, double vdd_V, double factor);
mb_cost mb_unit_add(const mb_tech *t, double bits);
mb_cost mb_unit_multiply(const mb_tech *t, double bits_a, double bits_b);
mb_cost mb_unit_compare(const mb_tech *t, double bits);
mb_cost mb_unit_register(const mb_tech *t, double bits);    /* one write of a register of BITS bits */
mb_cost mb_cost_sum(mb_cost a, mb_cost b);

#endif
