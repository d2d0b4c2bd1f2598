/* adc_stages.c - the 1.5-bit stages of pipeline and cyclic converters */
#include "devices/adc_stages.h"

#include "devices/adc_circuit.h"

const mb_param mb_adc_stages_table[] = {
    MB_REAL(mb_adc_stages, gain_db, "dB", "100.0", 20, 300, "open-loop gain of the amplifiers"),
    MB_REAL(mb_adc_stages, sigma_C1, "", "0.0", 0, 0.2, "relative standard deviation of the feedback capacitors"),
    MB_REAL(mb_adc_stages, sigma_C2, "", "0.0", 0, 0.2, "relative standard deviation of the sampling capacitors"),
    MB_REAL(mb_adc_stages, sigma_Cpar, "", "0.0", 0, 0.2, "standard deviation of the parasitic capacitance, in units of C1"),
    MB_REAL(mb_adc_stages, sigma_comparator, "", "0.0", 0, 1,
            "offset of the comparators, standard deviation in units of the largest |range|"),
    MB_INT(mb_adc_stages, group_size, "columns", "8", 0, 65536,
           "neighbouring columns that share a converter (0: all of an array)"),
    MB_REAL(mb_adc_stages, clock_Hz, "Hz", "1e9", 1e3, 1e12,
            "clock; the pipeline delivers a conversion per cycle, the cyclic converter one in `bits` cycles"),
    MB_REAL(mb_adc_stages, energy_scale, "", "1.0", 1e-6, 1e6, "calibration factor on the survey's energy"),
    MB_REAL(mb_adc_stages, area_scale, "", "1.0", 1e-6, 1e6, "calibration factor on the survey's area"),
    MB_PARAM_END};

bool mb_adc_stages_deterministic(const void *params) {
    const mb_adc_stages *p = params;
    return !(p->sigma_C1 > 0) && !(p->sigma_C2 > 0) && !(p->sigma_Cpar > 0) && !(p->sigma_comparator > 0);
}

int mb_adc_stages_group(const void *p) { return ((const mb_adc_stages *)p)->group_size; }

size_t mb_adc_stages_statics(const void *p, int bits, bool once) {
    int stages = bits < 2 ? 0 : once ? 1 : bits - 1;
    return mb_adc_stages_deterministic(p) ? 0 : 4 * (size_t)stages + 1;
}

void mb_adc_stages_draw(const void *params, int bits, bool once, double *s, mb_stream *rng) {
    const mb_adc_stages *p = params;
    const double A = mb_adc_gain(p->gain_db);
    int stages = bits < 2 ? 0 : once ? 1 : bits - 1;
    for (int k = 0; k < stages; k++, s += 4) {
        double C1 = 1 + mb_adc_error(p->sigma_C1, rng), C2 = 1 + mb_adc_error(p->sigma_C2, rng),
               Cpar = mb_adc_error(p->sigma_Cpar, rng);
        s[0] = C2 / C1;
        s[1] = 1 + (C1 + C2 + Cpar) / (A * C1);
        s[2] = mb_adc_error(p->sigma_comparator, rng);
        s[3] = mb_adc_error(p->sigma_comparator, rng);
    }
    s[0] = mb_adc_error(p->sigma_comparator, rng);
}

void mb_adc_stages_convert(const void *params, int bits, bool once, double lo, double hi, const double *statics, size_t n,
                           const double *in, double *out, uint64_t *clipped) {
    const mb_adc_stages *p = params;
    const double V = mb_adc_full(lo, hi), nominal[4] = {1, 1 + 2 / mb_adc_gain(p->gain_db), 0, 0};
    for (size_t i = 0; i < n; i++) {
        double x = mb_adc_clip(in[i], lo, hi, clipped) / V, last = statics ? statics[4 * (bits < 2 ? 0
                                                                                          : once   ? 1
                                                                                                   : bits - 1)]
                                                                           : 0;
        int64_t code = 0;
        for (int k = 0; k < bits - 1; k++) {
            const double *s = statics ? statics + (once ? 0 : 4 * k) : nominal;
            int above = x > 0.25 + s[2], below = x < -0.25 + s[3];
            code += above ? (int64_t)1 << (bits - 1 - k) : !below ? (int64_t)1 << (bits - 2 - k) : 0;
            x = ((1 + s[0]) * x + (below - above) * s[0]) / s[1];
        }
        code += x > last;
        if (code >= (int64_t)1 << bits) code = ((int64_t)1 << bits) - 1;
        out[i] = mb_adc_mid_rise(code, bits, V);
    }
}
