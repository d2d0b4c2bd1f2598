/* analog_explain.c - which stage of an analog array costs how much: the same product with one non-ideality after the other
 *
 * Stage s has the non-idealities of all stages up to s: quantised inputs, quantised weights (and cell levels), programming
 * errors and drift, the cells' current-voltage
 * law, wires (and saturation of the columns), read noise (and noise of the DAC), the converter. SNR = 10 log10( sum y0^2 / sum
 * (y - y0)^2 ), y0 = W x in double precision.
 */
#include <math.h>

#include "array/analog_private.h"
#include "base/error.h"
#include "base/mem.h"

static void reduce(mb_analog_spec *c, int stage) {
    if (stage < 6) c->adc = (mb_adc){NULL, NULL};
    if (stage < 5) c->cell.read = MB_ERR_NONE, c->input.noise = 0;
    if (stage < 4) c->wires.source = MB_WIRES_NONE, c->array.icol_max = 0;
    if (stage < 3) c->cell.law = MB_IV_LINEAR;
    if (stage < 2) {
        c->cell.programming = MB_ERR_NONE;
        c->cell.drift_poly = (mb_reals){NULL, 0};
    }
    if (stage < 1) { /* continuous weights, no clipping */
        c->cell.bits = 0;
        c->mapping.slices = 0;
        c->mapping.slice_bits = (mb_reals){NULL, 0};
        c->mapping.single_precision = false;
        c->weights.clip = false;
    }
}

int mb_analog_explain(const mb_analog_spec *s, int m, int n, const double *W, int k, const double *x, int kc, const double *xc,
                      uint64_t seed, uint32_t trial, double snr_dB[MB_ANALOG_N_STAGES]) {
    const size_t outs = (size_t)m * (size_t)k;
    double *y0 = mb_malloc(outs, sizeof *y0), *y = mb_malloc(outs, sizeof *y), power = 0;
    int rc = y0 && y ? MB_OK : mb_nomem();
    for (size_t i = 0; i < outs && !rc; i++) {
        const double *w = W + i % (size_t)m * (size_t)n, *v = x + i / (size_t)m * (size_t)n;
        y0[i] = 0;
        for (int j = 0; j < n; j++) y0[i] += w[j] * v[j];
        power += y0[i] * y0[i];
    }
    for (int stage = 0; stage < MB_ANALOG_N_STAGES && !rc; stage++) {
        mb_analog_spec c = *s;
        mb_analog *a = NULL;
        double error = 0;
        reduce(&c, stage);
        rc = mb_analog_new(&c, m, n, W, &a);
        if (!rc) rc = mb_analog_program(a, seed, trial);
        if (!rc) rc = mb_analog_calibrate(a, kc, xc);
        if (!rc) rc = mb_analog_mvm(a, 0, k, x, y, NULL);
        mb_analog_free(a);
        for (size_t i = 0; i < outs && !rc; i++) error += (y[i] - y0[i]) * (y[i] - y0[i]);
        snr_dB[stage] = error > 0 && power > 0 ? 10 * log10(power / error) : power > 0 ? (double)INFINITY : (double)NAN;
    }
    mb_free(y0);
    mb_free(y);
    return rc;
}
