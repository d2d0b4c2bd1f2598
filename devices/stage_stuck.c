/* stage_stuck.c - cells that stand still, whatever is programmed
 *
 * With u uniform, drawn once per cell: u < a is stuck off, a <= u < a + b stuck on, where
 *     a = stuck_off + (1 - stuck_on - stuck_off) F (1 - endurance_stuck_on)
 *     b = stuck_on  + (1 - stuck_on - stuck_off) F endurance_stuck_on,      F: share of worn-out cells (stage_endurance.c)
 * at stuck_off_S and stuck_on_S. They neither relax nor drift nor lose retention; read noise and temperature act on them.
 * Reference: Chen et al., IEEE Trans. Computers 64 (2015) 180, doi:10.1109/TC.2014.12 (stuck-at faults of an array).
 */
#include "base/error.h"
#include "devices/stages.h"

int mb_stage_stuck_check(const mb_generic *p) {
    if (p->stuck_on + p->stuck_off > 1)
        return mb_fail(MB_BADINPUT, "stuck_on = %g and stuck_off = %g exceed 1 together", p->stuck_on, p->stuck_off);
    double given[] = {p->stuck_on_S, p->stuck_off_S};
    for (int i = 0; i < 2; i++)
        if (given[i] < 0 && given[i] != -1)
            return mb_fail(MB_BADINPUT, "%s = %g is negative; give a conductance, or -1 for %s", i ? "stuck_off_S" : "stuck_on_S",
                           given[i], i ? "g_min_S" : "g_max_S");
    return MB_OK;
}

bool mb_stage_stuck_on(const mb_frame *f) {
    return (!f->p->off[MB_EFFECT_STUCK] && (f->p->stuck_on > 0 || f->p->stuck_off > 0)) || f->dead > 0;
}

void mb_stage_stuck(const mb_frame *f, size_t n, const uint32_t *u, float *g, bool *frozen) {
    const mb_generic *p = f->p;
    double on = p->off[MB_EFFECT_STUCK] ? 0 : p->stuck_on, off = p->off[MB_EFFECT_STUCK] ? 0 : p->stuck_off;
    double dead = (1 - on - off) * f->dead, a = off + dead * (1 - p->endurance_stuck_on), b = on + dead * p->endurance_stuck_on;
    float at_off = (float)(p->stuck_off_S < 0 ? p->g_min_S : p->stuck_off_S),
          at_on = (float)(p->stuck_on_S < 0 ? p->g_max_S : p->stuck_on_S);
    for (size_t i = 0; i < n; i++) {
        double v = (u[i] + 0.5) / 4294967296.0;
        if (v >= a + b) continue;
        g[i] = v < a ? at_off : at_on;
        frozen[i] = true;
    }
}
