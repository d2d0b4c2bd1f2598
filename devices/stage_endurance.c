/* stage_endurance.c - what program cycles leave behind
 *
 *     wear w = (N / N0)^power, N = cycles, N0 = endurance_cycles
 *     spread of programming and cycle variation   sigma -> sigma (1 + endurance_sigma w)
 *     window                                       G -> mid + (G - mid) / (1 + endurance_window w)      (stage_variation.c)
 *     worn-out cells (Weibull)                     F = 1 - exp(-(N / N0)^shape), a share endurance_stuck_on of them stuck on, the
 *                                                  others stuck off                                  (stage_stuck.c)
 * References: window closing and stuck failures of resistive memory: Chen et al., IEEE Trans. Electron Devices 59 (2012) 3243,
 * doi:10.1109/TED.2012.2218607; arrays: Grossi et al., ibid. 66 (2019) 1281, doi:10.1109/TED.2019.2894387. Weibull: weakest link.
 * Called by cell_generic.c.
 */
#include <math.h>

#include "devices/stages.h"

double mb_stage_wear(const mb_generic *p) {
    return p->cycles > 0 && !p->off[MB_EFFECT_ENDURANCE] ? pow(p->cycles / p->endurance_cycles, p->endurance_power) : 0;
}

double mb_stage_dead(const mb_generic *p) {
    if (p->off[MB_EFFECT_ENDURANCE] || !(p->cycles > 0) || !(p->endurance_shape > 0)) return 0;
    return -expm1(-pow(p->cycles / p->endurance_cycles, p->endurance_shape));
}
