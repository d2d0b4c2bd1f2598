/* stage_variation.c - device variation and a window closed by wear: what one device makes of its target
 *
 * Device i has the window lo_i .. hi_i, xi, xi' ~ N(0, 1) drawn once:
 *     lo_i = G_min exp(d2d_off_sigma xi'),   hi_i = lo_i + (G_max - G_min) max(0, 1 + d2d_sigma xi)
 *     wear w:  both ends move towards their middle by 1 / (1 + endurance_window w)
 *     programmed blindly:   G = lo_i + (G_t - G_min) / (G_max - G_min) (hi_i - lo_i)
 *     with verification:    G = G_t kept within lo_i .. hi_i
 * so that verification removes device variation as long as the device can reach the target.
 * Definition of the spread as in MemTorch (every resistance drawn per device, Lammie et al., Neurocomputing 485 (2022) 124,
 * doi:10.1016/j.neucom.2022.02.043). Called by cell_generic.c.
 */
#include <math.h>

#include "devices/stages.h"

bool mb_stage_variation_on(const mb_generic *p) {
    bool device = !p->off[MB_EFFECT_VARIATION] && (p->d2d_sigma > 0 || (p->d2d_off_sigma > 0 && p->g_min_S > 0));
    return device || (p->endurance_window > 0 && mb_stage_wear(p) > 0);
}

void mb_stage_variation(const mb_frame *f, size_t n, const float *z_gain, const float *z_off, float *g) {
    const mb_generic *p = f->p;
    double span = p->g_max_S - p->g_min_S, shrink = 1 / (1 + p->endurance_window * f->wear);
    bool verified = mb_stage_verify_on(p);
    for (size_t i = 0; i < n; i++) {
        double lo = p->g_min_S, gain = 1, t = (double)g[i];
        if (z_off) lo *= exp(p->d2d_off_sigma * (double)z_off[i]);
        if (z_gain) gain += p->d2d_sigma * (double)z_gain[i];
        double wide = gain > 0 ? span * gain : 0, mid = lo + wide / 2;
        lo = mid + (lo - mid) * shrink;
        wide *= shrink;
        if (verified) t = t < lo ? lo : t > lo + wide ? lo + wide : t;
        else t = lo + (t - p->g_min_S) / span * wide;
        g[i] = (float)t;
    }
}
