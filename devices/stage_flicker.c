/* stage_flicker.c - 1/f read noise, which grows with the logarithm of the time observed
 *
 *     sigma = flicker_scale q(x) A sqrt(max(0, ln((t + t0 + t_r) / (2 t_r)))),  A = G (relative) or unit,
 * t_r = flicker_t_read_s, t0 = flicker_t0_s, x = programmed conductance or target (flicker_at) / arg_unit: the spectral density
 * q^2 A^2 / f between 1 / (t + t0 + t_r) and 1 / (2 t_r). Reads of an array at one age are drawn independently.
 * References: Nandakumar et al., ICECS 2019, doi:10.1109/ICECS46596.2019.8964852; Falcone et al., arXiv:2502.04524 (absolute, q
 * logarithmic in G).
 */
#include "config.h"

#include <math.h>

#include "devices/stages.h"
#include "devices/vecmath.h"

bool mb_stage_flicker_on(const mb_generic *p) {
    return !p->off[MB_EFFECT_FLICKER] && p->flicker_scale > 0 && !mb_gfun_zero(&p->flicker);
}

double mb_stage_flicker_growth(const mb_generic *p, double t_s) {
    double t = t_s > 0 ? t_s : 0, L = log((t + p->flicker_t0_s + p->flicker_t_read_s) / (2 * p->flicker_t_read_s));
    return L > 0 ? sqrt(L) : 0;
}

MB_CLONES static void add_flicker(size_t n, float scale, const float *restrict q, const float *restrict g, float *restrict var) {
#pragma omp simd
    for (size_t i = 0; i < n; i++) {
        float v = q[i] * g[i] * scale;
        var[i] += v * v;
    }
}

void mb_stage_flicker(const mb_frame *f, double t_s, size_t n, const float *programmed, const float *target, const float *g,
                      float *var) {
    const mb_generic *p = f->p;
    const float *at = p->flicker_at == MB_AT_TARGET ? target : programmed;
    float x[MB_CELL_CHUNK] = {0}, q[MB_CELL_CHUNK], one[MB_CELL_CHUNK] = {0}, by = (float)(1 / f->arg);
    double growth = p->flicker_scale * mb_stage_flicker_growth(p, t_s);
    for (size_t i = 0; i < n; i++) x[i] = at[i] > 0 ? at[i] * by : 0;
    mb_gfun_fill(&p->flicker, n, x, q);
    for (size_t i = 0; i < n; i++) one[i] = 1;
    if (p->flicker_relative) add_flicker(n, (float)growth, q, g, var);
    else add_flicker(n, (float)(growth * f->unit), q, one, var);
}
