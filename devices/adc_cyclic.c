/* adc_cyclic.c - one stage of 1.5 bits used again and again, with the same errors each time
 *
 * Equations and reference: devices/adc_stages.h. Cost: survey (devices/adc_survey.h); time: bits clock cycles.
 */
#include "devices/adc_circuit.h"
#include "devices/adc_stages.h"
#include "devices/adc_survey.h"

static size_t statics(const void *p, int bits, int columns) {
    (void)columns;
    return mb_adc_stages_statics(p, bits, true);
}

static void draw(const void *p, int bits, int columns, double *s, mb_stream *rng) {
    (void)columns;
    mb_adc_stages_draw(p, bits, true, s, rng);
}

static void convert_real(const void *p, int bits, double lo, double hi, const double *s, size_t n, const double *in, double *out,
                         uint64_t *clipped, mb_stream *rng) {
    (void)rng;
    mb_adc_stages_convert(p, bits, true, lo, hi, s, n, in, out, clipped);
}

extern const mb_adc_type mb_adc_cyclic;

static void convert(const void *p, const mb_adc_range *r, size_t n, const int32_t *in, int32_t *out, uint64_t *clipped,
                    mb_stream *rng) {
    mb_adc_convert_by_real(&mb_adc_cyclic, p, r, n, in, out, clipped, rng);
}

static int cost(const void *params, int bits, double rate_Hz, double node_nm, mb_cost *c) {
    const mb_adc_stages *p = params;
    return mb_adc_survey_cost(bits, rate_Hz, node_nm, bits / p->clock_Hz, p->energy_scale, p->area_scale, c);
}

const mb_adc_type mb_adc_cyclic = {
    .name = "cyclic",
    .summary = "one stage of 1.5 bits used again and again, with the same errors each time",
    .reference = MB_ADC_STAGES_REFERENCE "; cost: " MB_ADC_SURVEY_SOURCE,
    .params = mb_adc_stages_table,
    .size = sizeof(mb_adc_stages),
    .deterministic = mb_adc_stages_deterministic,
    .convert = convert,
    .cost = cost,
    .cost_source = MB_ADC_SURVEY_SOURCE "; time: bits clock cycles",
    .group = mb_adc_stages_group,
    .statics = statics,
    .draw = draw,
    .convert_real = convert_real,
    .mid_rise = true,
};
