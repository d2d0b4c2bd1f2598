/* adc_uniform.c - a quantiser with equal steps and no circuit behind it, with the errors that data sheets give
 *
 * a' = a (1 + e_gain) + e_offset + noise;  code = rounding of (clip(a') - lo) / LSB, LSB = (hi - lo) / (L - 1), L = 2^bits codes;
 * zero_code: L = 2^bits - 1, so that a symmetric range has a code for zero (with 2^bits codes zero reads half an LSB).
 * Rounding: to the nearest code, ties to even (the default of IEEE 754) or away from the lower end; or stochastic: floor +
 * Bernoulli(fraction).
 * e_gain ~ N(0, sigma_gain), e_offset ~ N(0, sigma_offset_lsb) LSB are static, one pair per converter of group_size columns;
 * noise ~ N(0, noise_lsb) LSB.
 * In network runs (integers) ties go away from zero as array/adc.h says, and the range already has a code for zero.
 */
#include <math.h>

#include "array/adc.h"
#include "devices/adc_circuit.h"
#include "devices/adc_survey.h"

typedef struct uniform {
    bool zero_code;
    int rounding, group_size;
    double sigma_gain, sigma_offset_lsb, noise_lsb, conversion_s, energy_scale, area_scale;
} uniform;

enum { EVEN, AWAY, STOCHASTIC };

static const mb_param table[] = {
    MB_FLAG(uniform, zero_code, "false",
            "2^bits - 1 codes, one of them for zero in a symmetric range (array runs; networks always have it)"),
    MB_CHOICE(uniform, rounding, "even|away|stochastic", "even",
              "ties to the even code, to the upper code, or floor + Bernoulli(fraction)"),
    MB_INT(uniform, group_size, "columns", "1", 0, 65536, "neighbouring columns that share a converter (0: all)"),
    MB_REAL(uniform, sigma_gain, "", "0.0", 0, 1, "standard deviation of the relative gain error between converters"),
    MB_REAL(uniform, sigma_offset_lsb, "LSB", "0.0", 0, 1000, "standard deviation of the offset between converters"),
    MB_REAL(uniform, noise_lsb, "LSB", "0.0", 0, 1000, "standard deviation of the input-referred noise of one conversion"),
    MB_REAL(uniform, conversion_s, "s", "1e-9", 1e-12, 1, "time of one conversion"),
    MB_REAL(uniform, energy_scale, "", "1.0", 1e-6, 1e6, "calibration factor on the survey's energy"),
    MB_REAL(uniform, area_scale, "", "1.0", 1e-6, 1e6, "calibration factor on the survey's area"),
    MB_PARAM_END};

static bool deterministic(const void *params) {
    const uniform *p = params;
    return !(p->sigma_gain > 0) && !(p->sigma_offset_lsb > 0) && !(p->noise_lsb > 0) && p->rounding != STOCHASTIC;
}

static int group(const void *p) { return ((const uniform *)p)->group_size; }

static int codes(const void *p, int bits) { return (1 << bits) - ((const uniform *)p)->zero_code; }

static size_t statics(const void *params, int bits, int columns) {
    const uniform *p = params;
    (void)bits, (void)columns;
    return p->sigma_gain > 0 || p->sigma_offset_lsb > 0 ? 2 : 0;
}

static void draw(const void *params, int bits, int columns, double *s, mb_stream *rng) {
    const uniform *p = params;
    (void)bits, (void)columns;
    s[0] = mb_adc_error(p->sigma_gain, rng);
    s[1] = mb_adc_error(p->sigma_offset_lsb, rng);
}

static void convert_real(const void *params, int bits, double lo, double hi, const double *s, size_t n, const double *in,
                         double *out, uint64_t *clipped, mb_stream *rng) {
    const uniform *p = params;
    const double L = codes(p, bits), lsb = L > 1 ? (hi - lo) / (L - 1) : hi - lo;
    for (size_t i = 0; i < n; i++) {
        double a = in[i];
        if (s) a = a * (1 + s[0]) + s[1] * lsb;
        if (p->noise_lsb > 0) a += p->noise_lsb * lsb * mb_stream_normal(rng);
        double q = (mb_adc_clip(a, lo, hi, clipped) - lo) / lsb, f = floor(q);
        if (p->rounding == EVEN) q = rint(q);
        else if (p->rounding == AWAY) q = floor(q + 0.5);
        else q = f + (mb_stream_uniform(rng) < q - f);
        out[i] = q * lsb + lo;
    }
}

extern const mb_adc_type mb_adc_uniform;

static void convert(const void *p, const mb_adc_range *r, size_t n, const int32_t *in, int32_t *out, uint64_t *clipped,
                    mb_stream *rng) {
    if (!deterministic(p)) mb_adc_convert_by_real(&mb_adc_uniform, p, r, n, in, out, clipped, rng);
    else
        for (size_t i = 0; i < n; i++) out[i] = r->base + mb_adc_code(r, in[i], clipped) * r->step;
}

static int cost(const void *params, int bits, double rate_Hz, double node_nm, mb_cost *c) {
    const uniform *p = params;
    return mb_adc_survey_cost(bits, rate_Hz, node_nm, p->conversion_s, p->energy_scale, p->area_scale, c);
}

const mb_adc_type mb_adc_uniform = {
    .name = "uniform",
    .summary = "equal steps, with or without a code at zero, stochastic rounding, gain and offset errors, noise",
    .reference = "definition; cost: " MB_ADC_SURVEY_SOURCE,
    .params = table,
    .size = sizeof(uniform),
    .deterministic = deterministic,
    .uniform = deterministic,
    .convert = convert,
    .cost = cost,
    .cost_source = MB_ADC_SURVEY_SOURCE "; time as given",
    .group = group,
    .statics = statics,
    .draw = draw,
    .convert_real = convert_real,
    .codes = codes,
};
