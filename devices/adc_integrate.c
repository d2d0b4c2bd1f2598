/* adc_integrate.c - integrate and fire: the column's charge fills a capacitor that is emptied, and counted, each time it is full
 *
 * Full scale F = max(|lo|, |hi|) is spread over L = 2^b - 1 codes from lo to hi; packet q = (hi - lo) / (L - 1). The input u =
 * a - lo (half a packet is there at the
 * start, so that the count rounds) is integrated over the window; every time the charge reaches the threshold (1 + e) q it
 * fires. A reset takes reset_loss of a packet
 * of the input with it, so that the k-th spike needs k (1 + e + reset_loss) q:
 *     count = floor( (u / q + 1/2) / (1 + e + reset_loss) ), at most L - 1;   e ~ N(0, sigma_threshold), one per converter.
 * The value read is lo + count q. Two ranges of opposite sign are served by a current offset of -lo, as a column reference
 * gives it.
 * Cost: survey energy and area times scales; time: one spike per clock cycle, L - 1 cycles.
 * References: Liu et al., "A spiking neuromorphic design with resistive crossbar", DAC 2015, doi:10.1145/2744769.2744783; Song
 * et al., PipeLayer, HPCA 2017,
 * doi:10.1109/HPCA.2017.55.
 */
#include <math.h>

#include "array/adc.h"
#include "devices/adc_circuit.h"
#include "devices/adc_survey.h"

typedef struct integrate {
    double sigma_threshold, reset_loss, clock_Hz, energy_scale, area_scale;
    int group_size;
} integrate;

static const mb_param table[] = {
    MB_REAL(integrate, sigma_threshold, "", "0.0", 0, 0.2,
            "relative standard deviation of the firing threshold between converters"),
    MB_REAL(integrate, reset_loss, "", "0.0", 0, 0.5, "input charge lost at each reset, in units of a packet"),
    MB_INT(integrate, group_size, "columns", "1", 0, 65536, "neighbouring columns that share a converter (0: all of an array)"),
    MB_REAL(integrate, clock_Hz, "Hz", "1e9", 1e3, 1e12, "largest rate of spikes; a conversion takes 2^bits - 2 periods"),
    MB_REAL(integrate, energy_scale, "", "1.0", 1e-6, 1e6, "calibration factor on the survey's energy"),
    MB_REAL(integrate, area_scale, "", "1.0", 1e-6, 1e6, "calibration factor on the survey's area"),
    MB_PARAM_END};

static bool deterministic(const void *p) { return !(((const integrate *)p)->sigma_threshold > 0); }

static int group(const void *p) { return ((const integrate *)p)->group_size; }

static int codes(const void *p, int bits) {
    (void)p;
    return bits > 1 ? (1 << bits) - 1 : 2;
}

static size_t statics(const void *p, int bits, int columns) {
    (void)bits, (void)columns;
    return deterministic(p) ? 0 : 1;
}

static void draw(const void *params, int bits, int columns, double *s, mb_stream *rng) {
    const integrate *p = params;
    (void)bits, (void)columns;
    double e = mb_adc_error(p->sigma_threshold, rng);
    s[0] = e > -0.9 ? e : -0.9;
}

static void convert_real(const void *params, int bits, double lo, double hi, const double *s, size_t n, const double *in,
                         double *out, uint64_t *clipped, mb_stream *rng) {
    const integrate *p = params;
    const double last = codes(p, bits) - 1, q = (hi - lo) / last, need = 1 + (s ? s[0] : 0) + p->reset_loss;
    (void)rng;
    for (size_t i = 0; i < n; i++) {
        double k = floor(((mb_adc_clip(in[i], lo, hi, clipped) - lo) / q + 0.5) / need);
        out[i] = lo + q * (k > last ? last : k);
    }
}

extern const mb_adc_type mb_adc_integrate;

static void convert(const void *p, const mb_adc_range *r, size_t n, const int32_t *in, int32_t *out, uint64_t *clipped,
                    mb_stream *rng) {
    mb_adc_convert_by_real(&mb_adc_integrate, p, r, n, in, out, clipped, rng);
}

static int cost(const void *params, int bits, double rate_Hz, double node_nm, mb_cost *c) {
    const integrate *p = params;
    return mb_adc_survey_cost(bits, rate_Hz, node_nm, (codes(p, bits) - 1) / p->clock_Hz, p->energy_scale, p->area_scale, c);
}

const mb_adc_type mb_adc_integrate = {
    .name = "integrate",
    .summary = "integrate and fire: counts charge packets; threshold spread and loss at reset",
    .reference = "Liu et al., DAC 2015, doi:10.1145/2744769.2744783; cost: " MB_ADC_SURVEY_SOURCE,
    .params = table,
    .size = sizeof(integrate),
    .deterministic = deterministic,
    .convert = convert,
    .cost = cost,
    .cost_source = MB_ADC_SURVEY_SOURCE "; time: one period per packet",
    .group = group,
    .statics = statics,
    .draw = draw,
    .convert_real = convert_real,
    .codes = codes,
};
