/* fakequant.c - see fakequant.h */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif

#include "nn/fakequant.h"

#include <float.h>
#include <math.h>
#include <string.h>

#include "base/clones.h"
#include "base/error.h"
#include "nn/mixquant.h"
#include "nn/quant.h"

enum { BLOCK = 4096 }; /* floats whose sum is kept in single precision lanes before it is added in double */

static const float hwgq_step[] = {0.799f, 0.538f, 0.3217f, 0.185f};
static const float gauss_step[] = {1.596f, 0.996f, 0.586f, 0.336f};

int mb_fake_check(const mb_fakequant *q, bool weights, const char *layer) {
    const char *what = weights ? "weights" : "inputs";
    int most = q->kind == MB_FAKE_HWGQ ? 4 : q->kind == MB_FAKE_SIGN ? 1 : q->kind == MB_FAKE_TERNARY ? 2 : 16;
    int least = q->kind == MB_FAKE_TERNARY                                                        ? 2
                : q->kind == MB_FAKE_HWGQ || q->kind == MB_FAKE_DOREFA || q->kind == MB_FAKE_SIGN ? 1
                : weights || q->is_signed                                                         ? 2
                                                                                                  : 1;
    if (q->kind == MB_FAKE_NONE) return MB_OK;
    if (q->kind == MB_FAKE_MIX) return mb_mix_check(q, layer);
    if ((q->kind == MB_FAKE_PACT && weights) || (q->kind == MB_FAKE_TERNARY && !weights))
        return mb_fail(MB_BADINPUT, "layer \"%s\": quantiser %s is not for %s", layer,
                       q->kind == MB_FAKE_PACT ? "pact" : "ternary", what);
    if (!weights && q->is_signed && (q->kind == MB_FAKE_PACT || q->kind == MB_FAKE_HWGQ || q->kind == MB_FAKE_DOREFA))
        return mb_fail(MB_BADINPUT, "layer \"%s\": its inputs can be negative; quantise them by lsq, minmax or sign", layer);
    if (q->bits < least || q->bits > most)
        return mb_fail(MB_BADINPUT, "layer \"%s\": this quantiser of %s takes %d to %d bits, not %d", layer, what, least, most,
                       q->bits);
    return MB_OK;
}

void mb_fake_levels(const mb_fakequant *q, bool weights, float *lo, float *hi) {
    bool is_signed = weights || q->is_signed;
    *hi = is_signed ? (float)mb_weight_levels(q->bits) : (float)((1 << q->bits) - 1);
    *lo = !is_signed ? 0 : q->twos ? -*hi - 1 : -*hi;
}

/* Rounding half to even for |v| < 2^22, without a call. */
static inline float even(float v) {
    const float magic = 12582912.0f; /* 1.5 * 2^23 */
    return v + magic - magic;
}

MB_CLONES static void fq_clip(size_t n, float s, float lo, float hi, const float *restrict x, float *restrict y) {
#pragma omp simd
    for (size_t i = 0; i < n; i++) {
        float v = x[i] / s;
        v = v < lo ? lo : v > hi ? hi : v;
        y[i] = s * even(v);
    }
}

MB_CLONES static void fq_sign(size_t n, float a, const float *restrict x, float *restrict y) {
#pragma omp simd
    for (size_t i = 0; i < n; i++) y[i] = x[i] >= 0 ? a : -a;
}

/* lanes of sums: fixed order for every instruction set */
enum { LANES = 16 };

static double lane_sum(const float *acc) {
    double sum = 0;
    for (int k = 0; k < LANES; k++) sum += (double)acc[k];
    return sum;
}

/* dx = g where lo s <= x <= hi s; acc += g (round(x/s) - x/s inside, lo or hi outside). n <= BLOCK */
MB_CLONES static void fq_lsq_back(size_t n, float s, float lo, float hi, const float *restrict x, const float *g, float *dx,
                                  float *restrict acc) {
    for (size_t i = 0; i < n; i += LANES) {
        size_t m = n - i < LANES ? n - i : LANES;
#pragma omp simd
        for (size_t k = 0; k < m; k++) {
            float v = x[i + k] / s, d = g[i + k];
            float e = v < lo ? lo : v > hi ? hi : even(v) - v;
            acc[k] += d * e;
            dx[i + k] = v < lo || v > hi ? 0 : d;
        }
    }
}

/* dx = g where lo < x < hi; acc += g where x >= hi. n <= BLOCK */
MB_CLONES static void fq_window_back(size_t n, float lo, float hi, const float *restrict x, const float *g, float *dx,
                                     float *restrict acc) {
    for (size_t i = 0; i < n; i += LANES) {
        size_t m = n - i < LANES ? n - i : LANES;
#pragma omp simd
        for (size_t k = 0; k < m; k++) {
            float v = x[i + k], d = g[i + k];
            acc[k] += v >= hi ? d : 0;
            dx[i + k] = v > lo && v < hi ? d : 0;
        }
    }
}

float mb_fake_max(size_t n, const float *x) {
    float top = 0;
    for (size_t i = 0; i < n; i++) {
        float a = fabsf(x[i]);
        top = a > top ? a : top;
    }
    return top;
}

/* --- inputs ------------------------------------------------------------------------------------------------------------- */

float mb_fake_inputs_step(const mb_fakequant *q, float learnt, float max_abs) {
    float lo, hi;
    mb_fake_levels(q, false, &lo, &hi);
    switch (q->kind) {
    case MB_FAKE_LSQ: return learnt > FLT_MIN ? learnt : FLT_MIN;
    case MB_FAKE_PACT: return learnt > FLT_MIN ? learnt / hi : FLT_MIN;
    case MB_FAKE_HWGQ: return hwgq_step[q->bits - 1];
    case MB_FAKE_DOREFA: return 1 / hi;
    case MB_FAKE_MINMAX: return max_abs > 0 ? max_abs / hi : 1;
    default: return 1;
    }
}

float mb_fake_inputs_start(const mb_fakequant *q, size_t n, const float *x) {
    mb_observer o;
    mb_observer_init(&o);
    mb_observer_add(&o, x, n);
    double s = mb_input_scale(&o, q->bits, q->is_signed, MB_RANGE_MSE, 1.0);
    float lo, hi;
    mb_fake_levels(q, false, &lo, &hi);
    return q->kind == MB_FAKE_PACT ? (float)s * hi : (float)s;
}

void mb_fake_inputs(const mb_fakequant *q, float step, size_t n, const float *x, float *y) {
    float lo, hi;
    if (q->kind == MB_FAKE_SIGN) {
        fq_sign(n, 1, x, y);
        return;
    }
    mb_fake_levels(q, false, &lo, &hi);
    fq_clip(n, step, lo, hi, x, y);
}

double mb_fake_inputs_back(const mb_fakequant *q, float step, size_t n, const float *x, const float *g, float *dx) {
    double sum = 0;
    float lo, hi;
    mb_fake_levels(q, false, &lo, &hi);
    if (q->kind == MB_FAKE_MINMAX) {
        if (dx != g) memcpy(dx, g, n * sizeof *g);
        return 0;
    }
    for (size_t i = 0; i < n; i += BLOCK) {
        float acc[LANES] = {0};
        size_t m = n - i < BLOCK ? n - i : BLOCK;
        if (q->kind == MB_FAKE_LSQ) fq_lsq_back(m, step, lo, hi, x + i, g + i, dx + i, acc);
        else
            fq_window_back(m, q->kind == MB_FAKE_SIGN ? -1 : 0, q->kind == MB_FAKE_SIGN ? 1 : hi * step, x + i, g + i, dx + i,
                           acc);
        sum += lane_sum(acc);
    }
    return sum;
}

double mb_fake_inputs_factor(const mb_fakequant *q, size_t n) {
    float lo, hi;
    mb_fake_levels(q, false, &lo, &hi);
    return q->kind == MB_FAKE_LSQ ? 1 / sqrt((double)n * (double)hi) : q->kind == MB_FAKE_PACT ? 1 : 0;
}

/* --- weights ------------------------------------------------------------------------------------------------------------ */

void mb_fake_weights_start(const mb_fakequant *q, int cout, size_t K, const float *w, float *step) {
    for (int c = 0; c < (q->per_channel ? cout : 1); c++) {
        size_t n = q->per_channel ? K : K * (size_t)cout;
        step[c] = (float)mb_weight_scale(w + (size_t)c * K, (int)n, 1, -1, q->bits, MB_RANGE_MSE, 1.0);
    }
}

static double mean_abs(size_t n, const float *w) {
    double sum = 0;
    for (size_t i = 0; i < n; i++) sum += fabs((double)w[i]);
    return sum / (double)n;
}

/* The a of least squared error sum (|w| - a [|w| > a/2])^2: alternates between a and its set of non-zeros, which lowers the error
 * each time and so ends; the best of a few starts. */
enum { STARTS = 8 };

static float ternary_scale(size_t n, const float *w) {
    float top = mb_fake_max(n, w), best = 0;
    double least = -1;
    for (int k = 1; k <= STARTS; k++) {
        double a = (double)top * k / STARTS, before = -1;
        for (int turn = 0; a != before && turn < 100; turn++) {
            double sum = 0;
            size_t count = 0;
            before = a;
            for (size_t i = 0; i < n; i++) {
                double m = fabs((double)w[i]);
                if (m > a / 2) sum += m, count++;
            }
            if (count) a = sum / (double)count;
            double gain = count ? sum * sum / (double)count : 0; /* error = sum w^2 - gain */
            if (gain > least) least = gain, best = (float)a;
        }
    }
    return best;
}

static double deviation(size_t n, const float *w) {
    double mean = 0, sum = 0;
    for (size_t i = 0; i < n; i++) mean += (double)w[i];
    mean /= (double)n;
    for (size_t i = 0; i < n; i++) sum += ((double)w[i] - mean) * ((double)w[i] - mean);
    return n > 1 ? sqrt(sum / (double)(n - 1)) : 0;
}

static float max_tanh(size_t n, const float *w) {
    float t = tanhf(mb_fake_max(n, w));
    return t > 0 ? t : 1;
}

static void dorefa(int bits, size_t n, float top, const float *w, float *y) {
    float levels = (float)((1 << bits) - 1);
    for (size_t i = 0; i < n; i++) y[i] = 2 * rintf((tanhf(w[i]) / (2 * top) + 0.5f) * levels) / levels - 1;
}

static void gauss(int bits, size_t n, float s, const float *w, float *y) {
    float hi = (float)(1 << (bits - 1));
    for (size_t i = 0; i < n; i++) {
        float v = rintf(w[i] / s + 0.5f);
        v = v < 1 - hi ? 1 - hi : v > hi ? hi : v;
        y[i] = (v - 0.5f) * s;
    }
}

/* One channel (or the whole layer) of N weights; the step of its codes. */
static float forward(const mb_fakequant *q, float step, float whole, size_t n, const float *w, float *y) {
    float lo, hi, s;
    mb_fake_levels(q, true, &lo, &hi);
    switch (q->kind) {
    case MB_FAKE_SIGN:
        s = (float)mean_abs(n, w);
        fq_sign(n, s, w, y);
        return s;
    case MB_FAKE_TERNARY:
        s = ternary_scale(n, w);
        for (size_t i = 0; i < n; i++) y[i] = fabsf(w[i]) > s / 2 ? copysignf(s, w[i]) : 0;
        return s;
    case MB_FAKE_DOREFA: dorefa(q->bits, n, whole, w, y); return 1 / (float)((1 << q->bits) - 1);
    case MB_FAKE_HWGQ:
        s = gauss_step[q->bits - 1] * whole;
        if (!(s > 0)) s = 1;
        gauss(q->bits, n, s, w, y);
        return s / 2;
    case MB_FAKE_MINMAX: step = mb_fake_max(n, w) / hi; break;
    default: break;
    }
    s = step > FLT_MIN ? step : q->kind == MB_FAKE_MINMAX ? 1 : FLT_MIN;
    fq_clip(n, s, lo, hi, w, y);
    return s;
}

/* What quantisers of whole layers need of all weights. */
static float whole_of(const mb_fakequant *q, size_t n, const float *w) {
    return q->kind == MB_FAKE_DOREFA ? max_tanh(n, w) : q->kind == MB_FAKE_HWGQ ? (float)deviation(n, w) : 0;
}

/* sign and ternary have a scale per channel always, minmax and lsq as they say */
static bool by_channel(const mb_fakequant *q) { return q->per_channel || q->kind == MB_FAKE_SIGN || q->kind == MB_FAKE_TERNARY; }

void mb_fake_weights(const mb_fakequant *q, const float *step, int cout, size_t K, const float *w, float *y, float *scale) {
    float whole = whole_of(q, K * (size_t)cout, w);
    int parts = by_channel(q) ? cout : 1;
    size_t n = K * (size_t)(cout / parts);
    for (int c = 0; c < parts; c++) {
        float s = forward(q, step ? step[q->per_channel ? c : 0] : 0, whole, n, w + (size_t)c * n, y + (size_t)c * n);
        if (scale) scale[c] = s;
    }
    for (int c = parts; scale && c < cout; c++) scale[c] = scale[0];
}

void mb_fake_weights_back(const mb_fakequant *q, const float *step, int cout, size_t K, const float *w, float *g, float *dstep) {
    float lo, hi;
    mb_fake_levels(q, true, &lo, &hi);
    int parts = by_channel(q) ? cout : 1;
    size_t n = K * (size_t)(cout / parts);
    float top = q->kind == MB_FAKE_DOREFA ? max_tanh(K * (size_t)cout, w) : 1;
    for (int c = 0; c < parts; c++) {
        const float *v = w + (size_t)c * n;
        float *d = g + (size_t)c * n;
        if (q->kind == MB_FAKE_LSQ) {
            double sum = 0;
            float s = step[c] > FLT_MIN ? step[c] : FLT_MIN;
            for (size_t i = 0; i < n; i += BLOCK) {
                float acc[LANES] = {0};
                fq_lsq_back(n - i < BLOCK ? n - i : BLOCK, s, lo, hi, v + i, d + i, d + i, acc);
                sum += lane_sum(acc);
            }
            dstep[c] = (float)(sum / sqrt((double)n * (double)hi));
        } else if (q->kind == MB_FAKE_SIGN) {
            float a = (float)mean_abs(n, v), each = 1 / (float)n;
            for (size_t i = 0; i < n; i++) d[i] *= each + (fabsf(v[i]) < 1 ? a : 0);
        } else if (q->kind == MB_FAKE_DOREFA) {
            for (size_t i = 0; i < n; i++) {
                float t = tanhf(v[i]);
                d[i] *= (1 - t * t) / top;
            }
        }
    }
}
