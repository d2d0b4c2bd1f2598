/* stage_access.c - the access device in series with the cell, and leakage beside it
 *
 *     access   G -> G / (1 + G R), R = access_ohm; not when access_verified: then the array was programmed through it and only
 * the current-voltage curve shows it (stage_curve.c) leakage  G -> G + leak_S 2^((T - T_ref) / leak_double_K): off-state current
 * of the access device, over read_V Ohm's law; leakage of transistors: Roy, Mukhopadhyay, Mahmoodi-Meimand, Proc. IEEE 91 (2003)
 * 305, doi:10.1109/JPROC.2002.808156.
 */
#include <math.h>

#include "devices/stages.h"

void mb_stage_access(const mb_frame *f, size_t n, float *g) {
    float R = (float)f->p->access_ohm;
    for (size_t i = 0; i < n; i++) g[i] = g[i] > 0 ? g[i] / (1 + g[i] * R) : g[i];
}

void mb_stage_leakage(const mb_frame *f, double temp_K, size_t n, float *g) {
    const mb_generic *p = f->p;
    float leak = (float)(p->leak_S * (p->leak_double_K > 0 ? exp2((temp_K - p->temp_ref_K) / p->leak_double_K) : 1));
    for (size_t i = 0; i < n; i++) g[i] += leak;
}
