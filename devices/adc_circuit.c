/* adc_circuit.c - what the circuit converters share */
#include "devices/adc_circuit.h"

#include "base/error.h"
#include "devices/adc_survey.h"

double mb_adc_gain(double gain_db) {
    /* 10^(dB/20) = 2^n e^r, |r| <= ln 2 / 2, by the series of e^r */
    double x = gain_db * 0.11512925464970228420, n = 0, term = 1, sum = 1;
    for (; x > 0.34657359027997265; n++) x -= 0.69314718055994530942;
    for (; x < -0.34657359027997265; n--) x += 0.69314718055994530942;
    for (int k = 1; k < 20; k++) {
        term *= x / k;
        sum += term;
    }
    for (; n > 0; n--) sum *= 2;
    for (; n < 0; n++) sum /= 2;
    return sum;
}

double mb_adc_error(double sigma, mb_stream *rng) { return rng ? sigma * mb_stream_normal(rng) : 0; }

int mb_adc_survey_cost(int bits, double rate_Hz, double node_nm, double time_s, double energy_scale, double area_scale,
                       mb_cost *c) {
    double top = 1 / time_s;
    int rc = mb_adc_survey(bits, rate_Hz > 0 ? rate_Hz : top < 1e10 ? top : 1e10, node_nm, &c->energy_J, &c->area_m2);
    if (rc) return rc;
    c->energy_J *= energy_scale;
    c->area_m2 *= area_scale;
    c->latency_s = time_s;
    return MB_OK;
}
