/* adc_circuit.h - what the circuit converters share: clipping, the gain of their amplifiers, static errors, cost
 *
 * V = max(|lo|, |hi|); inputs are divided by V, so that a circuit works in [-1, 1]; code c of b bits reads (2 c - 2^b + 1) /
 * 2^b V (mid-rise).
 * Everything but the cost is +, -, *, / only: the same bits on every machine.
 */
#ifndef MB_DEVICES_ADC_CIRCUIT_H
#define MB_DEVICES_ADC_CIRCUIT_H

#include "array/adc.h"

/* 10^(dB/20) */
double mb_adc_gain(double gain_db);
/* N(0, sigma), 0 without a stream. One number is drawn in any case, so that streams do not depend on parameters. */
double mb_adc_error(double sigma, mb_stream *rng);

static inline double mb_adc_full(double lo, double hi) {
    double a = lo < 0 ? -lo : lo, b = hi < 0 ? -hi : hi;
    return a > b ? a : b;
}
static inline double mb_adc_clip(double x, double lo, double hi, uint64_t *clipped) {
    *clipped += x < lo || x > hi;
    return x < lo ? lo : x > hi ? hi : x;
}
static inline double mb_adc_mid_rise(int64_t code, int bits, double V) {
    double n = (double)((int64_t)1 << bits);
    return V * ((double)(2 * code + 1) - n) / n;
}

/* Survey cost with scales; time_s is the time of a conversion. */
int mb_adc_survey_cost(int bits, double rate_Hz, double node_nm, double time_s, double energy_scale, double area_scale,
                       mb_cost *c);

#endif
