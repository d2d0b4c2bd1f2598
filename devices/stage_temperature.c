/* stage_temperature.c - the conductance at another temperature than that of the measurements
 *
 *     G(T) = G max(0, 1 + temp_coeff (T - T_ref)) exp(-Ea(G) / k (1 / T - 1 / T_ref)),  Ea polynomial in r = G / G_max
 * Metallic states have a negative temp_coeff and no activation energy, semiconducting ones an Ea that falls with G. At T_ref, and
 * with both absent, nothing changes. What temperature does to retention, leakage and noise stands in their stages.
 * Reference: Walczyk et al., IEEE Trans. Electron Devices 58 (2011) 3124, doi:10.1109/TED.2011.2160265 (both states of HfO2
 * cells).
 */
#include <math.h>

#include "devices/stages.h"

void mb_stage_temperature(const mb_frame *f, double temp_K, size_t n, float *g) {
    const mb_generic *p = f->p;
    double linear = 1 + p->temp_coeff * (temp_K - p->temp_ref_K), beta = (1 / temp_K - 1 / p->temp_ref_K) / MB_BOLTZMANN_EV;
    if (linear < 0) linear = 0;
    for (size_t i = 0; i < n; i++) {
        double r = (double)g[i] / p->g_max_S, Ea = 0;
        for (size_t k = p->temp_Ea_eV.n; k-- > 0;) Ea = Ea * r + p->temp_Ea_eV.v[k];
        g[i] = (float)((double)g[i] * linear * (Ea != 0 ? exp(-Ea * beta) : 1));
    }
}
