/* supply.h - what the supply voltage does to delay and energy
 *
 *   delay(V) / delay(V0) = [V / (V - Vt)^a] / [V0 / (V0 - Vt)^a]         alpha-power law, V > Vt
 *   energy of a node     = C V^2; of one that swings by less: C V dV; behind an n-channel pass transistor: C V (V - loss)
 * a = 2 for long channels, 1.2 .. 1.4 for short ones. The law describes strong inversion: within about 0.1 V of the threshold
 * currents become exponential, and silicon is slower than it says. Reference: Sakurai, Newton, IEEE JSSC 25, 584 (1990),
 * doi:10.1109/4.52187. Units: V, F, J. Who may call: the cost floor and above.
 */
#ifndef MB_COST_SUPPLY_H
#define MB_COST_SUPPLY_H

#include <math.h>

typedef struct mb_supply {
    double nominal_V, threshold_V, alpha;
} mb_supply;

/* 1 at the nominal supply; infinite at the threshold and below. */
static inline double mb_supply_delay(const mb_supply *s, double vdd_V) {
    if (vdd_V <= s->threshold_V) return (double)INFINITY;
    return vdd_V / s->nominal_V * pow((s->nominal_V - s->threshold_V) / (vdd_V - s->threshold_V), s->alpha);
}

/* A node whose high level stays LOSS below the supply (0: full swing). */
static inline double mb_supply_energy(double C_F, double vdd_V, double loss_V) {
    return C_F * vdd_V * fmax(vdd_V - loss_V, 0);
}

#endif
