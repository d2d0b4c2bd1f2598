/* quantizer.c - the quantisers of published training methods (quantizer.h: equations, sources) */
#include "nn/quantizer.h"

#include <math.h>

#include "base/error.h"

/* 1..4 bits: published. 5..8 bits: least mean squared error of the same levels, by golden-section search of the closed form, which gives
 * 0.798, 0.539, 0.322, 0.184 and 1.596, 0.996, 0.586, 0.335 for 1..4 bits. */
static const double half_step[9] = {0, 0.799, 0.538, 0.3217, 0.185, 0.102984, 0.056584, 0.030691, 0.016482};
static const double full_step[9] = {0, 1.596, 0.996, 0.586, 0.336, 0.188139, 0.104063, 0.056868, 0.030762};

double mb_quantizer_gauss_step(mb_quantizer_kind kind, int bits) {
    return kind == MB_QUANTIZER_HWGQ ? half_step[bits] : full_step[bits];
}

typedef struct summary {
    double min, max, magnitude, mean_magnitude, sd, tanh_max;
} summary;

static int summarise(const double *x, size_t n, summary *s) {
    double sum = 0, square = 0;
    *s = (summary){0};
    for (size_t i = 0; i < n; i++) {
        if (!isfinite(x[i])) return mb_fail(MB_BADINPUT, "element %zu of the numbers to quantise is not finite", i);
        if (i == 0 || x[i] < s->min) s->min = x[i];
        if (i == 0 || x[i] > s->max) s->max = x[i];
        s->mean_magnitude += fabs(x[i]);
        sum += x[i];
    }
    if (n == 0) return MB_OK;
    double mean = sum / (double)n;
    for (size_t i = 0; i < n; i++) square += (x[i] - mean) * (x[i] - mean);
    s->mean_magnitude /= (double)n;
    s->sd = n > 1 ? sqrt(square / (double)(n - 1)) : 0;
    s->magnitude = fmax(fabs(s->min), fabs(s->max));
    s->tanh_max = tanh(s->magnitude);
    return MB_OK;
}

static double positive(double step) { return step > 0 && isfinite(step) ? step : 1; }

int mb_quantizer_fit(mb_quantizer_kind kind, int bits, const double *x, size_t n, double param, mb_quantizer *q) {
    summary s;
    if (bits < 1 || bits > 8) return mb_fail(MB_BADINPUT, "a quantiser of %d bits: 1 to 8 are possible", bits);
    if (!(param >= 0) || !isfinite(param)) return mb_fail(MB_BADINPUT, "the step or clip of a quantiser must be a finite number >= 0");
    int rc = summarise(x, n, &s);
    if (rc) return rc;
    const double top = ldexp(1, bits) - 1, half = ldexp(1, bits - 1), L = bits > 1 ? half - 1 : 1;
    *q = (mb_quantizer){.kind = kind, .bits = bits, .gain = 1};
    switch (kind) {
    case MB_QUANTIZER_HWGQ: q->step = half_step[bits], q->hi = top; break;
    case MB_QUANTIZER_EDMIPS:
        q->step = positive(full_step[bits] * s.sd);
        q->shift = 0.5, q->lo = 1 - half, q->hi = half, q->offset = -0.5;
        break;
    case MB_QUANTIZER_SYMMETRIC: q->step = positive(s.magnitude / L), q->lo = -L, q->hi = L; break;
    case MB_QUANTIZER_ASYMMETRIC: {
        q->step = positive((s.max - s.min) / top);
        double zero = rint(-s.min / q->step);
        q->lo = -zero, q->hi = top - zero;
        break;
    }
    case MB_QUANTIZER_LSQ:
        q->step = positive(param > 0 ? param : 2 * s.mean_magnitude / sqrt(L));
        q->lo = -half, q->hi = half - 1;
        break;
    case MB_QUANTIZER_LSQ_UNSIGNED: q->step = positive(param > 0 ? param : 2 * s.mean_magnitude / sqrt(top)), q->hi = top; break;
    case MB_QUANTIZER_DOREFA: /* u in [0, 1]; y = 2 code / top - 1 */
        q->gain = positive(2 * s.tanh_max);
        q->step = 1 / top, q->hi = top, q->offset = -top / 2;
        q->scale = 2 / top;
        return MB_OK;
    case MB_QUANTIZER_PACT: q->clip = positive(param > 0 ? param : s.max), q->step = q->clip / top, q->hi = top; break;
    default: return mb_fail(MB_BUG, "quantiser %d does not exist", (int)kind);
    }
    q->scale = q->step;
    return MB_OK;
}

double mb_quantizer_code(const mb_quantizer *q, double x) {
    double u;
    if (q->kind == MB_QUANTIZER_DOREFA) u = (tanh(x) / q->gain + 0.5) * q->hi;
    else if (q->kind == MB_QUANTIZER_PACT) u = fmin(fmax(x, 0), q->clip) * q->hi / q->clip;
    else u = x / q->step + q->shift;
    return fmin(fmax(rint(u), q->lo), q->hi);
}

double mb_quantizer_value(const mb_quantizer *q, double x) {
    double c = mb_quantizer_code(q, x);
    return (c + q->offset) * q->scale;
}

void mb_quantizer_apply(const mb_quantizer *q, const double *x, size_t n, double *y) {
    for (size_t i = 0; i < n; i++) y[i] = mb_quantizer_value(q, x[i]);
}

double mb_quantizer_pass(const mb_quantizer *q, double x) {
    if (q->kind == MB_QUANTIZER_DOREFA) {
        double t = tanh(x);
        return 2 * (1 - t * t) / q->gain;
    }
    if (q->kind == MB_QUANTIZER_PACT) return x > 0 && x < q->clip ? 1 : 0;
    double u = x / q->step + q->shift;
    return u >= q->lo && u <= q->hi ? 1 : 0;
}

double mb_quantizer_mse(const mb_quantizer *q, const double *x, size_t n) {
    double sum = 0;
    for (size_t i = 0; i < n; i++) {
        double d = mb_quantizer_value(q, x[i]) - x[i];
        sum += d * d;
    }
    return n ? sum / (double)n : 0;
}
