/* adc_ramp.c - ramp (single slope): a capacitor DAC shared by the columns steps through all levels, each column has a
 * comparator and a counter
 *
 * V = max(|lo|, |hi|), b bits, h = 2^(b-1), A = amplifier gain, inputs clipped to [lo, hi]. Levels:
 *   symmetric DAC:   t = sum_k d_k C_k with the bits d_k of |c - h|;  level_c = (sgn(c - h) t / C_(b-1) V + V / 2^b) / (1 +
 *     (C_ref + t) / (A C_ref)), sgn(0) = 1;
 *   asymmetric DAC:  t = sum_k d_k C_k with the bits d_k of c;        level_c = (2 t / C_ref V - V (2^b - 1) / 2^b) / (1 +
 *     (C_ref + t) / (A C_ref)).
 * C_k = 2^k + m_k 2^(k/2), m_k ~ N(0, sigma_capacitor) (mismatch grows with the root of the size); C_ref = 2^(b-1) (asymmetric:
 * 2^b) likewise.
 * The code is the one whose level is nearest to a + o, the lower one at a tie; comparator offset o ~ N(0, sigma_comparator V)
 * per column. The value read is that
 * of the code, mid-rise, whatever the level really was.
 * Cost: survey (devices/adc_survey.h); time 2^b clock cycles.
 * Reference: Spear, Kim, Bennett, Agarwal, Marinella, Xiao, IEEE JXCDC 9, 176 (2023), doi:10.1109/JXCDC.2023.3345478.
 */
#include <math.h>
#include <stdlib.h>

#include "array/adc.h"
#include "devices/adc_circuit.h"
#include "devices/adc_survey.h"

typedef struct ramp {
    double gain_db, sigma_capacitor, sigma_comparator, clock_Hz, energy_scale, area_scale;
    bool symmetric;
    int group_size;
} ramp;

static const mb_param table[] = {
    MB_REAL(ramp, gain_db, "dB", "100.0", 20, 300, "open-loop gain of the amplifier"),
    MB_REAL(ramp, sigma_capacitor, "", "0.0", 0, 1, "mismatch of a unit capacitor (relative standard deviation)"),
    MB_REAL(ramp, sigma_comparator, "", "0.0", 0, 1,
            "offset of the comparators, standard deviation in units of the largest |range|"),
    MB_FLAG(ramp, symmetric, "true", "capacitor DAC for magnitudes, sign by the reference; false: one DAC over the whole range"),
    MB_INT(ramp, group_size, "columns", "0", 0, 65536, "neighbouring columns on one ramp (0: all of an array)"),
    MB_REAL(ramp, clock_Hz, "Hz", "1e9", 1e3, 1e12, "clock of the ramp; a conversion takes 2^bits cycles"),
    MB_REAL(ramp, energy_scale, "", "1.0", 1e-6, 1e6, "calibration factor on the survey's energy"),
    MB_REAL(ramp, area_scale, "", "1.0", 1e-6, 1e6, "calibration factor on the survey's area"),
    MB_PARAM_END};

static bool deterministic(const void *params) {
    const ramp *p = params;
    return !(p->sigma_capacitor > 0) && !(p->sigma_comparator > 0);
}

static int group(const void *p) { return ((const ramp *)p)->group_size; }

/* Level of code c in units of V; cap: C_0 .. C_(b-1), C_ref, or NULL without mismatch. */
static double level(const ramp *p, double A, int bits, int64_t c, const double *cap) {
    const int64_t h = (int64_t)1 << (bits - 1), d = !p->symmetric ? c : c >= h ? c - h : h - c;
    const double full = 2 * (double)h,
                 ref = cap            ? cap[bits]
                       : p->symmetric ? (double)h
                                      : full,
                 unit = p->symmetric ? (cap ? cap[bits - 1] : (double)h) : ref;
    double t = (double)d;
    if (cap) {
        t = 0;
        for (int k = 0; k < bits; k++)
            if (d >> k & 1) t += cap[k];
    }
    double x = p->symmetric ? (c < h ? -t : t) / unit + 1 / full : 2 * t / unit - (full - 1) / full;
    return x / (1 + (ref + t) / (A * ref));
}

/* statics: comparator offsets of the columns; with capacitor mismatch also the levels in rising order, each followed by its
 * code */
static size_t statics(const void *params, int bits, int columns) {
    const ramp *p = params;
    if (deterministic(p)) return 0;
    return (size_t)columns + (p->sigma_capacitor > 0 ? (size_t)2 << bits : 0);
}

static int by_level(const void *a, const void *b) {
    const double *x = a, *y = b;
    if (x[0] < y[0]) return -1;
    if (x[0] > y[0]) return 1;
    return (x[1] > y[1]) - (x[1] < y[1]);
}

static void draw(const void *params, int bits, int columns, double *s, mb_stream *rng) {
    const ramp *p = params;
    const double A = mb_adc_gain(p->gain_db);
    double cap[64];
    for (int k = 0; k <= bits; k++) {
        int e = k < bits ? k : p->symmetric ? bits - 1 : bits;
        double C = (double)((int64_t)1 << e);
        cap[k] = C + mb_adc_error(p->sigma_capacitor, rng) * sqrt(C);
    }
    for (int i = 0; i < columns; i++) s[i] = mb_adc_error(p->sigma_comparator, rng);
    if (!(p->sigma_capacitor > 0)) return;
    double *pair = s + columns;
    const int64_t n = (int64_t)1 << bits;
    for (int64_t c = 0; c < n; c++) pair[2 * c] = level(p, A, bits, c, cap), pair[2 * c + 1] = (double)c;
    qsort(pair, (size_t)n, 2 * sizeof *pair, by_level);
}

/* The code whose level is nearest to x: bisection over rising levels. */
static int64_t nearest(const ramp *p, double A, int bits, const double *pair, double x) {
    /* levels below lo are < x, those above hi are >= x, unless at the ends */
    int64_t lo = 0, hi = ((int64_t)1 << bits) - 1;
    while (lo < hi) { /* first code with level >= x, or the last one */
        int64_t mid = (lo + hi) / 2;
        double v = pair ? pair[2 * mid] : level(p, A, bits, mid, NULL);
        if (v < x) lo = mid + 1;
        else hi = mid;
    }
    if (lo == 0) return pair ? (int64_t)pair[1] : 0;
    double up = pair ? pair[2 * lo] : level(p, A, bits, lo, NULL),
           down = pair ? pair[2 * lo - 2] : level(p, A, bits, lo - 1, NULL);
    int64_t c = fabs(x - down) <= fabs(up - x) ? lo - 1 : lo;
    return pair ? (int64_t)pair[2 * c + 1] : c;
}

static void convert_real(const void *params, int bits, double lo, double hi, const double *s, size_t n, const double *in,
                         double *out, uint64_t *clipped, mb_stream *rng) {
    const ramp *p = params;
    const double V = mb_adc_full(lo, hi), A = mb_adc_gain(p->gain_db);
    const double *pair = s && p->sigma_capacitor > 0 ? s + n : NULL;
    (void)rng;
    for (size_t i = 0; i < n; i++) {
        double x = mb_adc_clip(in[i], lo, hi, clipped) / V + (s ? s[i] : 0);
        out[i] = mb_adc_mid_rise(nearest(p, A, bits, pair, x), bits, V);
    }
}

extern const mb_adc_type mb_adc_ramp;

static void convert(const void *p, const mb_adc_range *r, size_t n, const int32_t *in, int32_t *out, uint64_t *clipped,
                    mb_stream *rng) {
    mb_adc_convert_by_real(&mb_adc_ramp, p, r, n, in, out, clipped, rng);
}

static int cost(const void *params, int bits, double rate_Hz, double node_nm, mb_cost *c) {
    const ramp *p = params;
    return mb_adc_survey_cost(bits, rate_Hz, node_nm, (double)((int64_t)1 << bits) / p->clock_Hz, p->energy_scale, p->area_scale,
                              c);
}

const mb_adc_type mb_adc_ramp = {
    .name = "ramp",
    .summary = "single slope: one capacitor DAC for many columns, a comparator per column; finite gain, mismatch, offsets",
    .reference = "Spear et al., IEEE JXCDC 9, 176 (2023), doi:10.1109/JXCDC.2023.3345478; cost: " MB_ADC_SURVEY_SOURCE,
    .params = table,
    .size = sizeof(ramp),
    .deterministic = deterministic,
    .convert = convert,
    .cost = cost,
    .cost_source = MB_ADC_SURVEY_SOURCE "; time: 2^bits clock cycles",
    .group = group,
    .statics = statics,
    .draw = draw,
    .convert_real = convert_real,
    .mid_rise = true,
};
