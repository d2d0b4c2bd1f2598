/* adc_stages.h - the 1.5-bit stages of pipeline and cyclic converters
 *
 * x_0 = clipped input. Stage k = 0 .. b-2: hi = x > V/4 + o_1, lo = x < -V/4 + o_2, otherwise middle; word[k] += hi, word[k+1]
 * += middle;
 *     x <- ((1 + g) x + (lo - hi) V g) / (1 + 1 / (A beta)),  g = C_2 / C_1,  beta = C_1 / (C_1 + C_2 + C_par);
 * the last bit: word[b-1] += x > o;  code = sum word[k] 2^(b-1-k), read mid-rise. C_1, C_2 ~ N(1, sigma), C_par ~ N(0, sigma),
 * offsets ~ N(0, sigma_comparator V).
 * Redundancy of half a bit per stage: offsets up to V/4 cost nothing, capacitor errors do.
 * Reference: Spear et al., IEEE JXCDC 9, 176 (2023), doi:10.1109/JXCDC.2023.3345478.
 */
#ifndef MB_DEVICES_ADC_STAGES_H
#define MB_DEVICES_ADC_STAGES_H

#include "array/adc.h"

typedef struct mb_adc_stages {
    double gain_db, sigma_C1, sigma_C2, sigma_Cpar, sigma_comparator, clock_Hz, energy_scale, area_scale;
    int group_size;
} mb_adc_stages;

#define MB_ADC_STAGES_REFERENCE "Spear et al., IEEE JXCDC 9, 176 (2023), doi:10.1109/JXCDC.2023.3345478"

extern const mb_param mb_adc_stages_table[];
bool mb_adc_stages_deterministic(const void *p);
int mb_adc_stages_group(const void *p);
/* ONCE: one stage used b - 1 times (cyclic); otherwise b - 1 stages with errors of their own (pipeline). statics: per stage g,
 * 1 + 1 / (A beta), o_1, o_2; then o. */
size_t mb_adc_stages_statics(const void *p, int bits, bool once);
void mb_adc_stages_draw(const void *p, int bits, bool once, double *statics, mb_stream *rng);
void mb_adc_stages_convert(const void *p, int bits, bool once, double lo, double hi, const double *statics, size_t n,
                           const double *in, double *out, uint64_t *clipped);

#endif
