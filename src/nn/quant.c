/* quant.c - symmetric quantisers: scales by maximum, percentile or mean squared error; the observer's histogram
 *
 * The error of a b-bit symmetric quantiser of step s and largest code L on a magnitude a is e(a) = a - s min(round(a/s), L).
 * For weights the sum of e^2 is taken number by number for 100 clips at once (one lane per clip, so each sum has the order of
 * the matrix). For the histogram the error is integrated over each bin with a constant density; the antiderivative of e(a)^2 is
 *     G(a) = k s^3 / 12 + (a - k s)^3 / 3,   k = min(round(a/s), L).
 *
 * Called by: src/run (mapping a network, calibration), mapping policies' sensitivities. Nothing here allocates or fails.
 */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif

#include "nn/quant.h"

#include <float.h>
#include <math.h>
#include <string.h>

#include "base/clones.h"

enum { CLIPS = 100, BINS = MB_OBSERVER_BINS };

int mb_weight_levels(int bits) { return bits == 1 ? 1 : (1 << (bits - 1)) - 1; }

int mb_input_levels(int bits, bool is_signed) { return is_signed ? mb_weight_levels(bits) : (1 << bits) - 1; }

/* Rank, counted from 1, of a percentile of N numbers; the small allowance keeps 0.999 * 1000 at 999. */
static uint64_t rank_of(double percentile, uint64_t n) {
    double r = ceil((percentile - 1e-12) * (double)n);
    return r < 1 ? 1 : r > (double)n ? n : (uint64_t)r;
}

/* Of equal errors the largest clip. */
static int smallest(const double err[CLIPS]) {
    int best = CLIPS - 1;
    for (int k = CLIPS - 2; k >= 0; k--) {
        if (err[k] < err[best]) best = k;
    }
    return best;
}

/* --- weights ----------------------------------------------------------------------------------------------------------- */

/* COUNT numbers of W, STRIDE apart */
typedef struct series {
    const float *w;
    size_t count, stride;
} series;

static uint32_t magnitude_bits(float x) {
    uint32_t u;
    memcpy(&u, &x, sizeof u);
    return u & 0x7FFFFFFFu;
}

/* The RANK-th smallest |w|: bits of non-negative floats sort as integers, so three digits of 11, 10 and 10 bits find it. */
static double select_magnitude(series v, uint64_t rank) {
    static const int shift[] = {20, 10, 0}, width[] = {11, 10, 10};
    uint32_t prefix = 0, mask = 0;
    for (int pass = 0; pass < 3; pass++) {
        uint64_t hist[1 << 11] = {0};
        uint32_t digit = 0, ones = (1u << width[pass]) - 1;
        for (size_t i = 0; i < v.count; i++) {
            uint32_t u = magnitude_bits(v.w[i * v.stride]);
            if ((u & mask) == prefix) hist[u >> shift[pass] & ones]++;
        }
        while (digit < ones && rank > hist[digit]) rank -= hist[digit++];
        prefix |= digit << shift[pass];
        mask |= ones << shift[pass];
    }
    float x;
    memcpy(&x, &prefix, sizeof x);
    return (double)x;
}

/* err[k] += e(a)^2 for every clip k */
MB_CLONES static void add_errors(series v, const double *restrict s, double L, double *restrict err) {
    for (size_t i = 0; i < v.count; i++) {
        double a = fabs((double)v.w[i * v.stride]);
        for (int k = 0; k < CLIPS; k++) {
            double t = a / s[k];
            t = t < L ? t : L;
            double whole = (double)(int)t;
            whole += t - whole >= 0.5 ? 1.0 : 0.0;
            double e = a - s[k] * whole;
            err[k] += e * e;
        }
    }
}

/* A step of which all numbers are whole multiples (within the rounding of floats): max / k for the smallest such k <= L, divided so that the
 * largest code is the largest multiple of k up to L, because cells with small codes are the worse for it. 0: there is none. */
static double grid_of(series v, double max, int L) {
    for (int k = 1; k <= L; k++) {
        double s = max / k;
        size_t i = 0;
        for (; i < v.count; i++) {
            double t = (double)v.w[i * v.stride] / s;
            if (fabs(t - rint(t)) > 2e-6 * k) break;
        }
        if (i == v.count) return s / (L / k);
    }
    return 0;
}

double mb_weight_scale(const float *W, int K, int N, int column, int bits, mb_range_rule rule, double percentile) {
    series v = {W, (size_t)K * (size_t)N, 1};
    if (column >= 0) v = (series){W + column, (size_t)K, (size_t)N};
    const double L = mb_weight_levels(bits);
    double max = 0, sum = 0;
    for (size_t i = 0; i < v.count; i++) {
        double a = fabs((double)v.w[i * v.stride]);
        if (a > max) max = a;
        sum += a;
    }
    if (max <= 0) return 1.0;
    double clip = max;
    if (rule == MB_RANGE_PERCENTILE) {
        double c = select_magnitude(v, rank_of(percentile, v.count));
        if (c > 0) clip = c;
    } else if (rule == MB_RANGE_MSE && bits == 1) {
        clip = sum / (double)v.count;
    } else if (rule == MB_RANGE_MSE) {
        double s[CLIPS], err[CLIPS] = {0}, grid = grid_of(v, max, (int)L);
        if (grid > 0) return grid;
        for (int k = 0; k < CLIPS; k++) s[k] = max * ((k + 1) / (double)CLIPS) / L;
        add_errors(v, s, L, err);
        return s[smallest(err)];
    }
    return clip / L;
}

void mb_weight_quantise(const float *W, int K, int N, const double *scale, int bits, int16_t *q) {
    const double L = mb_weight_levels(bits);
    for (size_t k = 0; k < (size_t)K; k++) {
        const float *w = W + k * (size_t)N;
        int16_t *out = q + k * (size_t)N;
        for (int n = 0; n < N; n++) {
            double t = round((double)w[n] / scale[n]);
            t = t < L ? t : L;
            t = t > -L ? t : -L;
            out[n] = (int16_t)(bits == 1 ? (w[n] < 0 ? -1 : 1) : (int)t);
        }
    }
}

/* --- observer ---------------------------------------------------------------------------------------------------------- */

void mb_observer_init(mb_observer *o) { memset(o, 0, sizeof *o); }

/* Smallest power of two above A > 0 */
static double top_above(double a) {
    int e;
    (void)frexp(a, &e);
    return ldexp(1.0, e);
}

/* Widen the range to TOP, a power of two not below o->top. */
static void widen(mb_observer *o, double top) {
    if (o->top <= 0) o->top = top;
    int shift = ilogb(top) - ilogb(o->top);
    if (shift <= 0) return;
    for (size_t i = 0; i < BINS; i++) {
        uint64_t v = o->bin[i];
        o->bin[i] = 0;
        o->bin[shift < 63 ? i >> shift : 0] += v;
    }
    o->top = top;
}

void mb_observer_add(mb_observer *o, const float *x, size_t n) {
    float lo = FLT_MAX, hi = -FLT_MAX;
    uint64_t bad = 0, zero = 0;
    for (size_t i = 0; i < n; i++) {
        if (!(fabsf(x[i]) <= FLT_MAX)) {
            bad++;
        } else {
            lo = x[i] < lo ? x[i] : lo;
            hi = x[i] > hi ? x[i] : hi;
            zero += x[i] == 0;
        }
    }
    o->n_bad += bad;
    if (bad == n) return;
    if (o->n == 0 || (double)lo < o->min) o->min = (double)lo + 0.0; /* never -0 */
    if (o->n == 0 || (double)hi > o->max) o->max = (double)hi + 0.0;
    o->n += n - bad;
    o->n_zero += zero;
    double most = fmax((double)-lo, (double)hi);
    if (most <= 0) return;
    widen(o, top_above(most));
    double per = BINS / o->top; /* a power of two: the products below are exact */
    for (size_t i = 0; i < n; i++) {
        double a = fabs((double)x[i]);
        if (a > 0 && a <= (double)FLT_MAX) o->bin[(size_t)(a * per)]++;
    }
}

void mb_observer_merge(mb_observer *o, const mb_observer *b) {
    o->n_bad += b->n_bad;
    if (b->n == 0) return;
    if (o->n == 0 || b->min < o->min) o->min = b->min;
    if (o->n == 0 || b->max > o->max) o->max = b->max;
    o->n += b->n;
    o->n_zero += b->n_zero;
    if (b->top <= 0) return;
    widen(o, b->top);
    int shift = ilogb(o->top) - ilogb(b->top);
    for (size_t i = 0; i < BINS; i++) o->bin[shift < 63 ? i >> shift : 0] += b->bin[i];
}

/* --- activations ------------------------------------------------------------------------------------------------------- */

static double antiderivative(double a, double s, double L) {
    double k = floor(a / s + 0.5);
    k = k < L ? k : L;
    double r = a - k * s;
    return k * s * s * s / 12 + r * r * r / 3;
}

/* Sum over the bins of count * mean of e^2 in the bin */
static double histogram_error(const mb_observer *o, double s, double L) {
    double width = o->top / BINS, sum = 0, below = 0;
    for (size_t i = 0; i < BINS; i++) {
        double above = antiderivative((double)(i + 1) * width, s, L);
        if (o->bin[i]) sum += (double)o->bin[i] * (above - below);
        below = above;
    }
    return sum / width;
}

double mb_input_scale(const mb_observer *o, int bits, bool is_signed, mb_range_rule rule, double percentile) {
    const double L = mb_input_levels(bits, is_signed), max = is_signed ? fmax(-o->min, o->max) : o->max, width = o->top / BINS;
    if (!(max > 0)) return 1.0;
    double clip = max;
    if (rule == MB_RANGE_PERCENTILE) {
        uint64_t rank = rank_of(percentile, o->n), seen = o->n_zero;
        if (rank > seen) {
            size_t i = 0;
            while (i < BINS - 1 && rank > (seen += o->bin[i])) i++;
            clip = fmin(max, (double)(i + 1) * width);
        }
    } else if (rule == MB_RANGE_MSE && bits == 1 && is_signed) {
        double sum = 0;
        for (size_t i = 0; i < BINS; i++) sum += (double)o->bin[i] * ((double)i + 0.5) * width;
        clip = sum / (double)o->n;
    } else if (rule == MB_RANGE_MSE) {
        double err[CLIPS];
        for (int k = 0; k < CLIPS; k++) err[k] = histogram_error(o, max * ((k + 1) / (double)CLIPS) / L, L);
        return max * ((smallest(err) + 1) / (double)CLIPS) / L;
    }
    return clip / L;
}

/* Blocks of a fixed length, so that compilers turn the inner loops into vector instructions at -O2. */
enum { BLOCK = 32 };

static inline int16_t code_unsigned(float x, float r, float top) {
    float t = x * r;
    t = t > 0.0f ? t : 0.0f;
    t = t < top ? t : top;
    return (int16_t)(int)(t + 0.5f);
}

static inline int16_t code_signed(float x, float r, float top) {
    float t = x * r;
    t = t > -top ? t : -top;
    t = t < top ? t : top;
    return (int16_t)(int)(t + copysignf(0.5f, t));
}

MB_CLONES static void quantise_unsigned(const float *restrict x, size_t n, float r, float top, int16_t *restrict q) {
    size_t i = 0;
    for (; i + BLOCK <= n; i += BLOCK) {
        for (size_t k = 0; k < BLOCK; k++) q[i + k] = code_unsigned(x[i + k], r, top);
    }
    for (; i < n; i++) q[i] = code_unsigned(x[i], r, top);
}

MB_CLONES static void quantise_signed(const float *restrict x, size_t n, float r, float top, int16_t *restrict q) {
    size_t i = 0;
    for (; i + BLOCK <= n; i += BLOCK) {
        for (size_t k = 0; k < BLOCK; k++) q[i + k] = code_signed(x[i + k], r, top);
    }
    for (; i < n; i++) q[i] = code_signed(x[i], r, top);
}

void mb_input_quantise(const float *x, size_t n, double scale, int bits, bool is_signed, int16_t *q) {
    float r = (float)(1.0 / scale), top = (float)mb_input_levels(bits, is_signed);
    if (!is_signed) {
        quantise_unsigned(x, n, r, top, q);
    } else if (bits > 1) {
        quantise_signed(x, n, r, top, q);
    } else {
        for (size_t i = 0; i < n; i++) q[i] = x[i] < 0 ? -1 : 1;
    }
}
