/* stage_telegraph.c - random telegraph noise: one trap switches the conductance between two values
 *
 * A share rtn_fraction of the cells has a trap with the relative step a_i = min(1, rtn_amplitude exp(rtn_spread xi)), xi ~ N(0,
 * 1) drawn once. A read finds the trap filled (low state) with probability d = rtn_duty: G (1 + a_i (d - b)),  b = 1 with
 * probability d, otherwise 0: mean G, variance (a_i G)^2 d (1 - d) so that the mean of many reads is the programmed conductance.
 * Reads are drawn independently: they are far apart compared with rtn_tau_s; the spectrum is the Lorentzian 4 variance tau / (1 +
 * (2 pi f tau)^2). References: Machlup, J. Appl. Phys. 25 (1954) 341, doi:10.1063/1.1721637 (spectrum); Ielmini, Nardi, Cagli,
 * Appl. Phys. Lett. 96 (2010) 053503, doi:10.1063/1.3304167 (steps in resistive memory).
 */
#include <math.h>

#include "devices/stages.h"

bool mb_stage_telegraph_on(const mb_generic *p) {
    return !p->off[MB_EFFECT_TELEGRAPH] && p->rtn_fraction > 0 && p->rtn_amplitude > 0 && p->rtn_duty > 0 && p->rtn_duty < 1;
}

void mb_stage_telegraph_draw(const mb_frame *f, size_t n, const uint32_t *u, const float *z, float *step) {
    const mb_generic *p = f->p;
    for (size_t i = 0; i < n; i++) {
        double a = p->rtn_amplitude * (p->rtn_spread > 0 ? exp(p->rtn_spread * (double)z[i]) : 1);
        step[i] = (u[i] + 0.5) / 4294967296.0 < p->rtn_fraction ? (float)(a < 1 ? a : 1) : 0;
    }
}

void mb_stage_telegraph(const mb_frame *f, size_t n, const float *step, const uint32_t *u, const float *g, float *out) {
    float d = (float)f->p->rtn_duty;
    double limit = f->p->rtn_duty * 4294967296.0;
    for (size_t i = 0; i < n; i++) out[i] += g[i] * step[i] * (d - ((double)u[i] + 0.5 < limit ? 1.0f : 0.0f));
}

void mb_stage_telegraph_var(const mb_frame *f, size_t n, const float *step, const float *g, float *var) {
    float dd = (float)(f->p->rtn_duty * (1 - f->p->rtn_duty));
    for (size_t i = 0; i < n; i++) var[i] += step[i] * g[i] * step[i] * g[i] * dd;
}
