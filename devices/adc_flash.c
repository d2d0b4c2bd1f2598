/* adc_flash.c - flash: 2^b - 1 comparators at once, the code is how many of them fire
 *
 * V = max(|lo|, |hi|); comparator c = 1 .. 2^b - 1 fires when a > V (2 c / 2^b - 1) + o_c, o_c ~ N(0, sigma_offset_lsb) LSB,
 * LSB = 2 V / 2^b; counting makes the
 * converter monotonic whatever the offsets are (no bubbles). The value read is that of the code, mid-rise.
 * Cost: survey energy and area times scales (a flash of more than 6 bits is larger than the survey's best fifth: set
 * area_scale); time: one clock cycle.
 * Reference: Kester (ed.), The Data Conversion Handbook, Newnes 2005, chapter 3.2.
 */
#include <math.h>
#include <stdlib.h>

#include "array/adc.h"
#include "devices/adc_circuit.h"
#include "devices/adc_survey.h"

typedef struct flash {
    double sigma_offset_lsb, clock_Hz, energy_scale, area_scale;
    int group_size;
} flash;

static const mb_param table[] = {
    MB_REAL(flash, sigma_offset_lsb, "LSB", "0.0", 0, 1000, "standard deviation of the comparators' offsets"),
    MB_INT(flash, group_size, "columns", "8", 0, 65536, "neighbouring columns that share a converter (0: all of an array)"),
    MB_REAL(flash, clock_Hz, "Hz", "1e9", 1e3, 1e12, "clock; a conversion takes one cycle"),
    MB_REAL(flash, energy_scale, "", "1.0", 1e-6, 1e6, "calibration factor on the survey's energy"),
    MB_REAL(flash, area_scale, "", "1.0", 1e-6, 1e6, "calibration factor on the survey's area"),
    MB_PARAM_END};

static bool deterministic(const void *p) { return !(((const flash *)p)->sigma_offset_lsb > 0); }

static int group(const void *p) { return ((const flash *)p)->group_size; }

static size_t statics(const void *p, int bits, int columns) {
    (void)columns;
    return deterministic(p) ? 0 : ((size_t)1 << bits) - 1;
}

static int rising(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* statics: thresholds in LSB above -V, in rising order (which does not change how many lie below an input) */
static void draw(const void *params, int bits, int columns, double *s, mb_stream *rng) {
    const flash *p = params;
    size_t n = ((size_t)1 << bits) - 1;
    (void)columns;
    for (size_t c = 0; c < n; c++) s[c] = (double)(c + 1) + mb_adc_error(p->sigma_offset_lsb, rng);
    qsort(s, n, sizeof *s, rising);
}

static void convert_real(const void *p, int bits, double lo, double hi, const double *s, size_t n, const double *in, double *out,
                         uint64_t *clipped, mb_stream *rng) {
    const double V = mb_adc_full(lo, hi), N = (double)((int64_t)1 << bits);
    (void)p, (void)rng;
    for (size_t i = 0; i < n; i++) {
        double x = (mb_adc_clip(in[i], lo, hi, clipped) / V + 1) * N / 2; /* LSB above -V */
        int64_t a = 0, b = ((int64_t)1 << bits) - 1;                      /* how many thresholds are below x */
        if (!s) a = (int64_t)ceil(x) - 1;
        else
            while (a < b) {
                int64_t mid = (a + b) / 2;
                if (s[mid] < x) a = mid + 1;
                else b = mid;
            }
        b = ((int64_t)1 << bits) - 1;
        out[i] = mb_adc_mid_rise(a < 0 ? 0 : a > b ? b : a, bits, V);
    }
}

extern const mb_adc_type mb_adc_flash;

static void convert(const void *p, const mb_adc_range *r, size_t n, const int32_t *in, int32_t *out, uint64_t *clipped,
                    mb_stream *rng) {
    mb_adc_convert_by_real(&mb_adc_flash, p, r, n, in, out, clipped, rng);
}

static int cost(const void *params, int bits, double rate_Hz, double node_nm, mb_cost *c) {
    const flash *p = params;
    return mb_adc_survey_cost(bits, rate_Hz, node_nm, 1 / p->clock_Hz, p->energy_scale, p->area_scale, c);
}

const mb_adc_type mb_adc_flash = {
    .name = "flash",
    .summary = "2^bits - 1 comparators at once, with offsets of their own; monotonic",
    .reference = "Kester (ed.), The Data Conversion Handbook, Newnes 2005, chapter 3.2; cost: " MB_ADC_SURVEY_SOURCE,
    .params = table,
    .size = sizeof(flash),
    .deterministic = deterministic,
    .convert = convert,
    .cost = cost,
    .cost_source = MB_ADC_SURVEY_SOURCE "; time: one clock cycle",
    .group = group,
    .statics = statics,
    .draw = draw,
    .convert_real = convert_real,
    .mid_rise = true,
};
