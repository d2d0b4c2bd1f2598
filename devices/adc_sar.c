/* adc_sar.c - successive approximation: a uniform quantiser, one decision per clock cycle
 *
 * Conversion: value = base + q * step, q = the rounding of u / step of array/adc.h, u = S - base + e;  e = noise_lsb * step *
 * z, z ~ N(0, 1), rounded to an
 * integer: comparator and kT/C noise referred to the input. That is cdac = uniform: decisions at ideal levels.
 * cdac = binary or split: the circuit. V = max(|lo|, |hi|), b bits, h = 2^(b-1), A = amplifier gain; level of code c with the
 * bits d_k of |c - h|, sgn(0) = 1:
 *     binary:  t = sum_k d_k C_k / C_(b-1),  C_k = 2^k;   level_c = (sgn(c - h) t V + V / 2^b) / (1 + (C_ref + sum_k d_k C_k)
 *     / (A C_ref)) - V / 2^b,  C_ref = 2^(b-1);
 *     split:   H = floor(b / 2), C_k = 2^k (k < H), 2^(k-H) (H <= k < b-1), C_(b-1) = 1, bridge C_B = 2^H / (2^H - 1), C_L =
 *     C_(b-1) + sum_{k<H} C_k,
 *              C_M = sum_{H<=k<b-1} C_k,  t = (C_B sum_{k<H} d_k C_k + (C_L + C_B) sum_{H<=k<b-1} d_k C_k) / ((C_L + C_B)(C_M
 *              + C_B) - C_B^2), t = 1 for c = 0;
 *              level_c = (sgn(c - h) t V + V / 2^b) / (1 + 1 / A) - V / 2^b;
 * capacitors C + N(0, sigma_capacitor) sqrt(C), comparator offset N(0, sigma_comparator V), both drawn for each converter of
 * group_size columns. Binary search from the
 * most significant bit: c += 2^k if a + o > level(c + 2^k). The value read is that of the code, mid-rise. Spear et al., IEEE
 * JXCDC 9, 176 (2023),
 * doi:10.1109/JXCDC.2023.3345478.
 * Cost: energy and area of the survey regression (devices/adc_survey.h) times energy_scale and area_scale; conversion time =
 * (bits + 1) / clock_Hz: sampling, then one cycle
 * per bit (McCreary, Gray, IEEE JSSC 10, 371 (1975), doi:10.1109/JSSC.1975.1050629). A rate above 1 / time is met by
 * interleaved halves: the time stays.
 */
#include <math.h>

#include "array/adc.h"
#include "base/error.h"
#include "devices/adc_circuit.h"
#include "devices/adc_survey.h"

typedef struct sar {
    double noise_lsb, clock_Hz, energy_scale, area_scale, gain_db, sigma_capacitor, sigma_comparator;
    int cdac, group_size;
} sar;

enum { UNIFORM, BINARY, SPLIT };

static const mb_param table[] = {
    MB_REAL(sar, noise_lsb, "LSB", "0.0", 0, 1000, "standard deviation of the input-referred noise of one conversion"),
    MB_REAL(sar, clock_Hz, "Hz", "1e9", 1e3, 1e12, "clock of the decisions; a conversion takes bits + 1 cycles"),
    MB_REAL(sar, energy_scale, "", "1.0", 1e-6, 1e6, "calibration factor on the survey's energy"),
    MB_REAL(sar, area_scale, "", "1.0", 1e-6, 1e6,
            "calibration factor on the survey's area (converters inside arrays: 0.2 .. 0.4)"),
    MB_CHOICE(sar, cdac, "uniform|binary|split", "uniform",
            "levels: ideal, or those of a binary-weighted or split capacitor array"),
    MB_REAL(sar, gain_db, "dB", "100.0", 20, 300, "capacitor arrays: open-loop gain of the amplifier"),
    MB_REAL(sar, sigma_capacitor, "", "0.0", 0, 0.5,
            "capacitor arrays: mismatch of a unit capacitor (relative standard deviation)"),
    MB_REAL(sar, sigma_comparator, "", "0.0", 0, 1,
            "capacitor arrays: offset of the comparator, standard deviation in units of the largest |range|"),
    MB_INT(sar, group_size, "columns", "8", 0, 65536,
            "capacitor arrays: neighbouring columns that share a converter (0: all of an array)"),
    MB_PARAM_END};

#define CHUNK 256
#define TOP ((1 << 30) - 1)

static bool deterministic(const void *params) {
    const sar *p = params;
    return p->noise_lsb <= 0 && (p->cdac == UNIFORM || (p->sigma_capacitor <= 0 && p->sigma_comparator <= 0));
}

static bool uniform(const void *p) { return deterministic(p) && ((const sar *)p)->cdac == UNIFORM; }

static int group(const void *p) { return ((const sar *)p)->group_size; }

/* --- the circuit --- */

typedef struct cdac { double C[40], ref, offset; } cdac;    /* statics in this order, C[0 .. bits - 1] */

static void capacitors(const sar *p, int bits, cdac *d, mb_stream *rng) {
    const int H = bits / 2;
    for (int k = 0; k < bits; k++) {
        int e = p->cdac == BINARY || k < H ? k : k < bits - 1 ? k - H : 0;
        double C = (double)((int64_t)1 << e);
        d->C[k] = C + mb_adc_error(p->sigma_capacitor, rng) * sqrt(C);
    }
    d->ref = (double)((int64_t)1 << (bits - 1));
    d->ref += mb_adc_error(p->sigma_capacitor, rng) * sqrt(d->ref);
    d->offset = mb_adc_error(p->sigma_comparator, rng);
}

static size_t statics(const void *params, int bits, int columns) {
    const sar *p = params;
    (void)columns;
    return p->cdac == UNIFORM || (p->sigma_capacitor <= 0 && p->sigma_comparator <= 0) ? 0 : (size_t)bits + 2;
}

static void draw(const void *params, int bits, int columns, double *s, mb_stream *rng) {
    cdac d;
    (void)columns;
    capacitors(params, bits, &d, rng);
    for (int k = 0; k < bits; k++) s[k] = d.C[k];
    s[bits] = d.ref;
    s[bits + 1] = d.offset;
}

/* Level of code c in units of V. */
static double level(const sar *p, double A, int bits, const cdac *q, int64_t c) {
    const int64_t h = (int64_t)1 << (bits - 1), d = c >= h ? c - h : h - c;
    const double lsb = 1 / (2 * (double)h);
    double low = 0, high = 0, t, gain;
    const int H = p->cdac == SPLIT ? bits / 2 : bits;
    for (int k = 0; k < bits; k++)
        if (d >> k & 1) *(k < H ? &low : &high) += q->C[k];
    if (p->cdac == BINARY) {
        t = low / q->C[bits - 1];
        gain = 1 + (q->ref + low) / (A * q->ref);
    } else {
        double CL = q->C[bits - 1], CM = 0, CB = (double)((int64_t)1 << H) / (H > 0 ? (double)((int64_t)1 << H) - 1 : 1);
        for (int k = 0; k < bits - 1; k++) *(k < H ? &CL : &CM) += q->C[k];
        t = c == 0 ? 1 : (CB * low + (CL + CB) * high) / ((CL + CB) * (CM + CB) - CB * CB);
        gain = 1 + 1 / A;
    }
    return ((c < h ? -t : t) + lsb) / gain - lsb;
}

static void convert_real(const void *params, int bits, double lo, double hi, const double *s, size_t n, const double *in,
                         double *out, uint64_t *clipped, mb_stream *rng) {
    const sar *p = params;
    const double V = mb_adc_full(lo, hi), A = mb_adc_gain(p->gain_db);
    cdac q;
    if (p->cdac != UNIFORM) capacitors(p, bits, &q, NULL);
    if (s) {
        for (int k = 0; k < bits; k++) q.C[k] = s[k];
        q.ref = s[bits];
        q.offset = s[bits + 1];
    }
    const double lsb = p->cdac == UNIFORM ? (hi - lo) / (double)(((int64_t)1 << bits) - 1) : 2 * V / (double)((int64_t)1 << bits);
    for (size_t i = 0; i < n; i++) {
        double a = in[i];
        if (p->noise_lsb > 0) a += p->noise_lsb * lsb * mb_stream_normal(rng);
        a = mb_adc_clip(a, lo, hi, clipped);
        if (p->cdac == UNIFORM) {
            out[i] = floor((a - lo) / lsb + 0.5) * lsb + lo;
            continue;
        }
        a = a / V + q.offset;
        int64_t c = 0;
        for (int k = bits - 1; k >= 0; k--)
            if (a > level(p, A, bits, &q, c + ((int64_t)1 << k))) c += (int64_t)1 << k;
        out[i] = mb_adc_mid_rise(c, bits, V);
    }
}

/* --- ideal levels, integers --- */

extern const mb_adc_type mb_adc_sar;

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
    if (p->cdac != UNIFORM) {
        mb_adc_type circuit = mb_adc_sar;
        circuit.mid_rise = true;
        mb_adc_convert_by_real(&circuit, params, r, n, in, out, clipped, rng);
        return;
    }
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
    .summary = "successive approximation: uniform steps or a capacitor array with mismatch and finite gain, "
               "noise; cost from the survey",
    .reference = "McCreary, Gray, IEEE JSSC 10, 371 (1975), doi:10.1109/JSSC.1975.1050629; cost: " MB_ADC_SURVEY_SOURCE,
    .params = table,
    .size = sizeof(sar),
    .deterministic = deterministic,
    .uniform = uniform,
    .convert = convert,
    .cost = cost,
    .cost_source = MB_ADC_SURVEY_SOURCE "; time: bits + 1 clock cycles",
    .group = group,
    .statics = statics,
    .draw = draw,
    .convert_real = convert_real,
};
