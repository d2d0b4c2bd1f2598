/* adc_sar.c - successive approximation: a uniform quantiser, one decision per clock cycle
 *
 * Conversion: value = base + q * step, q = the rounding of u / step of array/adc.h, u = S - base + e; e = noise_lsb * step * z,
 * z ~ N(0, 1), rounded to an integer: comparator and kT/C noise referred to the input.
 * Left out: mismatch of the capacitors, gain and offset errors.
 * Cost: energy and area of the survey regression (devices/adc_survey.h) times energy_scale and area_scale; conversion time =
 * (bits + 1) / clock_Hz: sampling, then one cycle per bit (McCreary, Gray, IEEE JSSC 10, 371 (1975),
 * doi:10.1109/JSSC.1975.1050629). A rate above 1 / time is met by interleaving: the time stays.
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
    MB_REAL(sar, area_scale, "", "1.0", 1e-6, 1e6,
            "calibration factor on the survey's area (converters inside arrays: 0.2 .. 0.4)"),
    MB_PARAM_END};

#define CHUNK 256
#define TOP ((1 << 30) - 1)

static bool deterministic(const void *p) { return ((const sar *)p)->noise_lsb <= 0; }

/* The formula of array/adc.h; the quotient of two int32 in double precision, rounded once, never reaches the next integer, so
 * truncating it is exact. */
static void quantise(const mb_adc_range *r, size_t n, const int32_t *in, int32_t *out, uint64_t *clipped) {
    const int32_t base = r->base, step = r->step, lo = r->q_lo, hi = r->q_hi;
    uint32_t count = 0;
#pragma omp simd reduction(+ : count)
    for (size_t i = 0; i < n; i++) {
        int32_t u = in[i] - base, a = u < 0 ? -u : u;
        int32_t q = (int32_t)((double)(a + step / 2) / (double)step);
        q = u < 0 ? -q : q;
        int32_t c = q < lo ? lo : q > hi ? hi : q;
        count += c != q;
        out[i] = base + c * step;
    }
    *clipped += count;
}

static void convert(const void *params, const mb_adc_range *r, size_t n, const int32_t *in, int32_t *out, uint64_t *clipped,
                    mb_stream *rng) {
    const sar *p = params;
    const float sigma = (float)(p->noise_lsb * r->step), limit = 1.0e9f;
    for (size_t at = 0; at < n; at += CHUNK) {
        size_t k = n - at < CHUNK ? n - at : CHUNK;
        float z[CHUNK];
        int32_t v[CHUNK];
        if (deterministic(p)) {
            quantise(r, k, in + at, out + at, clipped);
            continue;
        }
        mb_stream_fill_normal(rng, k, z);
#pragma omp simd
        for (size_t i = 0; i < k; i++) {
            float e = sigma * z[i];
            e += e < 0 ? -0.5f : 0.5f;
            e = e < -limit ? -limit : e > limit ? limit : e;
            int32_t t = in[at + i] + (int32_t)e; /* |S| < 2^30 and |e| <= 1e9: no overflow */
            t = t < -TOP ? -TOP : t > TOP ? TOP : t;
            v[i] = t;
        }
        quantise(r, k, v, out + at, clipped);
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
