/* quant.h - symmetric quantisers of weights and activations
 *
 * Weights (b bits, signed, 1 <= b <= 16):    q = clip(round(w / s), -L, L),  L = 2^(b-1) - 1  one s per layer or
 *     per output channel (b = 1: q = +1 for w >= 0, otherwise -1; L = 1)
 * Activations: unsigned (x >= 0 on the calibration data, 1 <= b <= 15): q = clip(round(x / s), 0, 2^b - 1);
 *     signed (1 <= b <= 16): |q| <= 2^(b-1) - 1  (b = 1: the sign, as for weights)
 * Rounding is half away from zero. Dequantised value: s * q.
 * Ranges: max |x|; a percentile of |x|; or the clip c = s L that minimises the mean squared error among c = k/100 max |x|,
 * k = 1..100 (of equal errors the largest clip; b = 1 signed: s = mean |x|, the exact optimum). Weights that stand on a grid already,
 * all whole multiples of max |w| / k for a k <= L as after training with quantisers, get a step without error: that of the smallest k,
 * divided by floor(L / k), so that the codes are as large as they can be. All sums have one order: the
 * scales are deterministic.
 * Reference: Jacob et al., CVPR 2018, doi:10.1109/CVPR.2018.00286 (affine integer inference, here with zero point 0); Banner
 * et al., NeurIPS 2019, arXiv:1810.05723 (MSE clipping); Rastegari et al., ECCV 2016, doi:10.1007/978-3-319-46493-0_32 (mean
 * |w| at one bit).
 */
#ifndef MB_NN_QUANT_H
#define MB_NN_QUANT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define MB_RANGE_RULES "max|percentile|mse"
typedef enum { MB_RANGE_MAX, MB_RANGE_PERCENTILE, MB_RANGE_MSE } mb_range_rule;

int mb_weight_levels(int bits);                       /* L above */
int mb_input_levels(int bits, bool is_signed);        /* largest magnitude of q */

/* Scale for the K x N row-major matrix W of finite numbers (column n only when COLUMN >= 0). The order of the elements matters
 * to no rule but the last bits of MSE, so any block of n numbers may be given as an n x 1 matrix. percentile in (0, 1]: the
 * clip is the ceil(percentile * count)-th smallest |w| (max |w| when that is 0). 0 for an all-zero matrix is replaced by 1. */
double mb_weight_scale(const float *W, int K, int N, int column, int bits, mb_range_rule rule, double percentile);
/* q [K][N]; scale[N]: per column (all equal for per-layer). Divides in double. */
void mb_weight_quantise(const float *W, int K, int N, const double *scale, int bits, int16_t *q);

/* Observed distribution of activations: a fixed number of bins whose range doubles as needed by merging pairs of bins, which
 * is exact, so that the contents depend on the numbers alone and not on the order of adding and merging. */
#define MB_OBSERVER_BINS 2048
typedef struct mb_observer {
    uint64_t bin[MB_OBSERVER_BINS];   /* bin k: top/BINS * k <= |x| < top/BINS * (k + 1), without the exact zeros */
    uint64_t n, n_zero;               /* finite numbers seen, and how many of them were 0 */
    uint64_t n_bad;                   /* NaN and infinities: counted nowhere else; the caller decides */
    double top;                       /* smallest power of two above max |x|; 0 while only zeros were seen */
    double min, max;                  /* of x; 0 while n is 0 */
} mb_observer;
void mb_observer_init(mb_observer *o);
void mb_observer_add(mb_observer *o, const float *x, size_t n);
void mb_observer_merge(mb_observer *o, const mb_observer *b);

/* Scale from the observed distribution; 1 when nothing but zeros was seen. Unsigned is meant for o->min >= 0. The percentile
 * counts the zeros and is rounded up to the edge of a bin (at most max |x|; max |x| when it falls among the zeros). MSE:
 * numbers are taken as evenly spread within a bin, for which the error is integrated exactly. */
double mb_input_scale(const mb_observer *o, int bits, bool is_signed, mb_range_rule rule, double percentile);
/* Arithmetic in float32, the same on every machine:  r = (float)(1 / scale);  t = x * r, clipped to the levels;
 * q = trunc(t + copysign(0.5, t)). (So a quotient within one rounding of a half may go either way.) A NaN becomes the lowest
 * level (b = 1 signed: +1); n_bad counts such. */
void mb_input_quantise(const float *x, size_t n, double scale, int bits, bool is_signed, int16_t *q);

#endif
