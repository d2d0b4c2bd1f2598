/* adc_sar.c - successive approximation: a uniform quantiser, one decision per clock cycle
 *
 * Conversion: value = base + q * step, q = the rounding of u / step of array/adc.h, u = S - base + e;  e = noise_lsb * step * z, z ~ N(0, 1), rounded to an
 * integer: comparator and kT/C noise referred to the input. Mismatch of the capacitors, gain and offset errors are not modelled.
 * Cost: energy and area of the survey regression (devices/adc_survey.h) times energy_scale and area_scale; conversion time = (bits + 1) / clock_Hz: sampling, then one cycle
 * per bit (McCreary, Gray, IEEE JSSC 10, 371 (1975), doi:10.1109/JSSC.1975.1050629). A rate above 1 / time is met by interleaved halves: the time stays.
 */
#include <math.h>

#include "array/adc.h"
#include "base/error.h"
#include "devices/adc_survey.h"

typedef struct sar { double noise_lsb, clock_Hz, energy_scale, area_scale; } sar;

static const mb_param table[] = {
    MB_REAL(sar, noise_lsb, "LSB", "0.0", 0, 1000, "standard deviation of the input-referred noise of one conversion"),
    MB_REAL(sar, clock_Hz, "Hz", "1e9", 1e3, 1e12, "clock of the decisions; a conversion takes bits + 1 cycles"),
    MB_REAL(sar, energy_scale, "", "1.0", 1e-6, 1e6, "calibration factor on the survey's energy"),
    MB_REAL(sar, area_scale, "", "1.0", 1e-6, 1e6, "calibration factor on the survey's area (converters inside arrays: 0.2 .. 0.4)"),
    MB_PARAM_END};

#define CHUNK 256

static bool deterministic(const void *p) { return ((const sar *)p)->noise_lsb <= 0; }

static void convert(const void *params, const mb_adc_range *r, size_t n, const int32_t *in, int32_t *out, uint64_t *clipped, mb_stream *rng) {
    const sar *p = params;
    if (deterministic(p)) {
        for (size_t i = 0; i < n; i++) out[i] = r->base + mb_adc_code(r, in[i], clipped) * r->step;
        return;
    }
    double sigma = p->noise_lsb * r->step;
    for (size_t at = 0; at < n; at += CHUNK) {
        float z[CHUNK];
        size_t k = n - at < CHUNK ? n - at : CHUNK;
        mb_stream_fill_normal(rng, k, z);
        for (size_t i = at; i < at + k; i++) {
            double noisy = floor(in[i] + sigma * (double)z[i - at] + 0.5), limit = (1 << 30) - 1;
            noisy = noisy < -limit ? -limit : noisy > limit ? limit : noisy;
            out[i] = r->base + mb_adc_code(r, (int32_t)noisy, clipped) * r->step;
        }
    }
}

static int cost(const void *params, int bits, double rate_Hz, double node_nm, mb_cost *c) {
    const sar *p = params;
    double time = (bits + 1) / p->clock_Hz;
    int rc = mb_adc_survey(bits, rate_Hz > 0 ? rate_Hz : 1 / time, node_nm, &c->energy_J, &c->area_m2);
    if (rc) return rc;
    c->energy_J *= p->energy_scale;
    c->area_m2 *= p->area_scale;
    c->latency_s = time;
    return MB_OK;
}

const mb_adc_type mb_adc_sar = {
    .name = "sar",
    .summary = "successive approximation: uniform steps, optional noise; cost from the survey of published converters",
    .reference = "McCreary, Gray, IEEE JSSC 10, 371 (1975), doi:10.1109/JSSC.1975.1050629; cost: " MB_ADC_SURVEY_SOURCE,
    .params = table,
    .size = sizeof(sar),
    .deterministic = deterministic,
    .uniform = deterministic,
    .convert = convert,
    .cost = cost,
    .cost_source = MB_ADC_SURVEY_SOURCE "; time: bits + 1 clock cycles",
};
