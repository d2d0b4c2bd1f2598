/* stage_retention.c - retention: the state is lost in the end
 *
 * tau(T) = retention_tau_s exp(Ea / k (1 / T - 1 / T_ref)); a cell has tau_i = tau exp(retention_sigma xi), xi ~ N(0, 1) once.
 *     decay  G(t) = G_inf + (G - G_inf) exp(-(t / tau_i)^beta), G_inf = retention_S or G_min      (charge loss, filament)
 *     flip   with probability 1 - exp(-(t / tau)^beta) the cell stands at the other end, G -> G_min + G_max - G (magnetic);
 *            it is the same cells that have flipped at any later time (xi below the quantile of that probability)
 * References: charge loss and its Arrhenius law: De Salvo et al., IEEE Trans. Electron Devices 46 (1999) 1518; thermal flips of
 * magnetic cells: Chappert, Fert, Van Dau, Nat. Mater. 6 (2007) 813, doi:10.1038/nmat2024. Called by cell_generic.c.
 */
#include <gsl/gsl_cdf.h>
#include <math.h>

#include "base/error.h"
#include "devices/stages.h"

int mb_stage_retention_check(const mb_generic *p) {
    if (p->retention_S < 0 && p->retention_S != -1)
        return mb_fail(MB_BADINPUT, "retention_S = %g is negative; give a conductance, or -1 for g_min_S", p->retention_S);
    if (p->retention == MB_RETENTION_FLIP && p->retention_sigma > 0)
        return mb_fail(MB_BADINPUT, "retention_sigma spreads the time of a decay; flips are random already: set it to 0");
    return MB_OK;
}

bool mb_stage_retention_random(const mb_generic *p) {
    if (p->off[MB_EFFECT_RETENTION]) return false;
    return p->retention == MB_RETENTION_FLIP || (p->retention == MB_RETENTION_DECAY && p->retention_sigma > 0);
}

void mb_stage_retention(const mb_frame *f, double t_s, double temp_K, size_t n, const float *z, float *g) {
    const mb_generic *p = f->p;
    if (t_s <= 0) return;
    double tau = log(p->retention_tau_s) + p->retention_Ea_eV / MB_BOLTZMANN_EV * (1 / temp_K - 1 / p->temp_ref_K);
    double age = log(t_s) - tau, end = p->retention_S < 0 ? p->g_min_S : p->retention_S;
    if (p->retention == MB_RETENTION_FLIP) {
        double gone = -expm1(-exp(p->retention_beta * age)), limit = gone < 1 ? gsl_cdf_ugaussian_Pinv(gone) : 1e9;
        double sum = p->g_min_S + p->g_max_S;
        for (size_t i = 0; i < n; i++) {
            double other = sum - (double)g[i];
            if ((double)z[i] < limit) g[i] = (float)(other > 0 ? other : 0);
        }
        return;
    }
    double same = exp(-exp(p->retention_beta * age));
    for (size_t i = 0; i < n; i++) {
        double keep = p->retention_sigma > 0 ? exp(-exp(p->retention_beta * (age - p->retention_sigma * (double)z[i]))) : same;
        g[i] = (float)(end + ((double)g[i] - end) * keep);
    }
}
