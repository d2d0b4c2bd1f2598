/* unit.c - unit costs of digital actions; equations and sources in unit.h
 *
 * Who may call: the cost floor.
 */
#include "cost/unit.h"

#include <math.h>
#include <stddef.h>

#include "base/error.h"
#include "cost/circuit.h"

const char mb_unit_source[] = "Horowitz ISSCC 2014 (45 nm), scaled by Stillmaker & Baas 2017 and V^2";
const char mb_register_source[] = "Aladdin 40 nm library, scaled by Stillmaker & Baas 2017 and V^2";

/* Energy at 0.8 V and area relative to 32 nm (Stillmaker & Baas, tables as quoted in hwcomponents). */
static const struct {
    double node_nm, energy, area;
} scaling[] = {
    {7, 0.065358, 0.13}, {10, 0.081614, 0.22}, {14, 0.096222, 0.38}, {16, 0.120272, 0.41}, {20, 0.1532, 0.46},
    {32, 0.456936, 1},   {45, 0.69302, 2.2},   {65, 0.8598, 3.3},    {90, 1.31488, 6.1},   {130, 2.12624, 14},
};
#define N_SCALING (sizeof scaling / sizeof scaling[0])

static void factors(double node_nm, double *energy, double *area) {
    size_t i = 0;
    while (i + 2 < N_SCALING && node_nm > scaling[i + 1].node_nm) i++;
    double f = log(node_nm / scaling[i].node_nm) / log(scaling[i + 1].node_nm / scaling[i].node_nm);
    *energy = scaling[i].energy * pow(scaling[i + 1].energy / scaling[i].energy, f);
    *area = scaling[i].area * pow(scaling[i + 1].area / scaling[i].area, f);
}

int mb_tech_init(mb_tech *t, double node_nm, double vdd_V, double factor) {
    double e45, a45, e, a;
    if (!(node_nm >= MB_TECH_MIN_NM) || node_nm > MB_TECH_MAX_NM)
        return mb_fail(MB_BADINPUT, "the digital unit costs cover nodes from %g to %g nm, not %g nm", MB_TECH_MIN_NM,
                       MB_TECH_MAX_NM, node_nm);
    if (!(vdd_V > 0)) return mb_fail(MB_BADINPUT, "the supply voltage must be positive, not %g V", vdd_V);
    factors(45, &e45, &a45);
    factors(node_nm, &e, &a);
    *t = (mb_tech){node_nm, vdd_V, factor * e / e45 * (vdd_V / 0.9) * (vdd_V / 0.9), a / a45, factor, NULL};
    return MB_OK;
}

/* pJ and um2 at 45 nm, 0.9 V -> J and m2 here */
static mb_cost scaled(const mb_tech *t, double pJ, double um2) {
    return (mb_cost){pJ * 1e-12 * t->energy, 0, um2 * 1e-12 * t->area};
}

/* --- gates --- */

static const char gate_source[] = "gates of the node (cost/circuit.h), DNN+NeuroSim devices, Peng et al., TCAD 2021";

const char *mb_unit_source_of(const mb_tech *t) { return t->gates ? gate_source : mb_unit_source; }
const char *mb_register_source_of(const mb_tech *t) { return t->gates ? gate_source : mb_register_source; }

void mb_gates_init(mb_gates *g, const mb_process *n, double vdd_V, double factor) {
    const double scale = factor * (vdd_V / n->vdd_V) * (vdd_V / n->vdd_V);
    mb_block ff = mb_flipflop(n, MB_FLIPFLOP_ACTIVITY);
    *g = (mb_gates){.reg = {scale * ff.energy_J, 0, ff.area_m2}};
    for (int b = 1; b <= MB_GATES_ADD; b++) {
        mb_block a = mb_adder(n, b, 0), c = mb_comparator(n, b);
        g->add[b] = (mb_cost){scale * a.energy_J, 0, a.area_m2};
        g->compare[b] = (mb_cost){scale * c.energy_J, 0, c.area_m2};
    }
    for (int a = 1; a <= MB_GATES_MULTIPLY; a++)
        for (int b = 1; b <= a; b++) {
            mb_block m = mb_multiplier(n, a, b);
            g->multiply[a][b] = g->multiply[b][a] = (mb_cost){scale * m.energy_J, 0, m.area_m2};
        }
}

/* Whole bits of a unit that holds BITS, 1 .. TOP. */
static int width(double bits, int top) {
    double up = ceil(bits);
    return up < 1 ? 1 : up > top ? top : (int)up;
}

mb_cost mb_unit_add(const mb_tech *t, double bits) {
    if (t->gates) return t->gates->add[width(bits, MB_GATES_ADD)];
    return scaled(t, 0.03 + (bits - 8) * (0.1 - 0.03) / 24, 36 + (bits - 8) * (137.0 - 36.0) / 24);
}

mb_cost mb_unit_multiply(const mb_tech *t, double bits_a, double bits_b) {
    if (t->gates) return t->gates->multiply[width(bits_a, MB_GATES_MULTIPLY)][width(bits_b, MB_GATES_MULTIPLY)];
    return scaled(t, 0.2 * bits_a * bits_b / 64, 282 * bits_a * bits_b / 64);
}

/* 45 nm over 40 nm, by the same scaling: energy 0.69302 / 0.60012, area 2.2 / 1.6755 */
#define UP_ENERGY 1.1548
#define UP_AREA 1.3131

mb_cost mb_unit_compare(const mb_tech *t, double bits) {
    if (t->gates) return t->gates->compare[width(bits, MB_GATES_ADD)];
    return scaled(t, UP_ENERGY * 0.0295 * bits / 32, UP_AREA * 71 * bits / 32);
}

mb_cost mb_unit_register(const mb_tech *t, double bits) {
    if (t->gates) return (mb_cost){bits * t->gates->reg.energy_J, 0, bits * t->gates->reg.area_m2};
    return scaled(t, UP_ENERGY * 0.009 * bits, UP_AREA * 5.98 * bits);
}

mb_cost mb_cost_sum(mb_cost a, mb_cost b) {
    return (mb_cost){a.energy_J + b.energy_J, a.latency_s + b.latency_s, a.area_m2 + b.area_m2};
}
