/* stage_white.c - read noise without memory: another number at every read
 *
 *     variance = (white_scale unit white(x) (T / T_ref)^white_temp_power)^2 + 4 k T G B / read_V^2,   x = G / arg_unit
 * The second term is the thermal noise of a conductance G in the bandwidth B = read_bandwidth_Hz, referred to the conductance.
 * References: Johnson, Phys. Rev. 32 (1928) 97, doi:10.1103/PhysRev.32.97; Nyquist, ibid. 110, doi:10.1103/PhysRev.32.110.
 */
#include "config.h"

#include <math.h>

#include "devices/stages.h"
#include "devices/vecmath.h"

bool mb_stage_white_on(const mb_generic *p) {
    return !p->off[MB_EFFECT_WHITE] && ((p->white_scale > 0 && !mb_gfun_zero(&p->white)) || p->read_bandwidth_Hz > 0);
}

MB_CLONES static void arguments(size_t n, float by, const float *restrict g, float *restrict x) {
#pragma omp simd
    for (size_t i = 0; i < n; i++) x[i] = g[i] * by;
}

MB_CLONES static void add_white(size_t n, float scale, float thermal, const float *restrict s, const float *restrict g,
                                 float *restrict var) {
#pragma omp simd
    for (size_t i = 0; i < n; i++) {
        float v = s[i] * scale;
        var[i] += v * v + thermal * g[i];
    }
}

void mb_stage_white(const mb_frame *f, double temp_K, size_t n, const float *g, float *var) {
    const mb_generic *p = f->p;
    float x[MB_CELL_CHUNK] = {0}, s[MB_CELL_CHUNK];
    double hot = p->white_temp_power != 0 ? pow(temp_K / p->temp_ref_K, p->white_temp_power) : 1;
    double thermal = 4 * MB_BOLTZMANN * temp_K * p->read_bandwidth_Hz / (p->read_V * p->read_V);
    arguments(n, (float)(1 / f->arg), g, x);
    mb_gfun_fill(&p->white, n, x, s);
    add_white(n, (float)(p->white_scale * f->unit * hot), (float)thermal, s, g, var);
}
