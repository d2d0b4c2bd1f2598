/* quant.h - symmetric quantisers of weights and activations
 *
 * Weights (b bits, signed):    q = clip(round(w / s), -L, L),  L = 2^(b-1) - 1 (b = 1: q = sign(w) in {-1, +1}, L = 1);  one s per layer or per output channel
 * Activations: unsigned (x >= 0 on the calibration data): q = clip(round(x / s), 0, 2^b - 1);   signed: |q| <= 2^(b-1) - 1  (b = 1: sign)
 * Rounding is half away from zero. Dequantised value: s * q.
 * Ranges: max |x|; a percentile of |x|; or the clip that minimises the mean squared error (searched on a fixed grid of a histogram, deterministic).
 * Reference: Jacob et al., CVPR 2018, doi:10.1109/CVPR.2018.00286 (affine integer inference, here with zero point 0); Banner et al., NeurIPS 2019 (MSE clipping).
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

/* Scale for the K x N row-major matrix W (column n only when COLUMN >= 0). percentile in (0, 1]. 0 for an all-zero matrix is replaced by 1. */
double mb_weight_scale(const float *W, int K, int N, int column, int bits, mb_range_rule rule, double percentile);
/* q [K][N]; scale[N]: per column (all equal for per-layer) */
void mb_weight_quantise(const float *W, int K, int N, const double *scale, int bits, int16_t *q);

/* Observed distribution of activations: fixed number of bins whose range doubles as needed; merging and filling are order-free. */
#define MB_OBSERVER_BINS 2048
typedef struct mb_observer { uint64_t bin[MB_OBSERVER_BINS]; uint64_t n, n_zero; double top, min, max; } mb_observer;
void mb_observer_init(mb_observer *o);
void mb_observer_add(mb_observer *o, const float *x, size_t n);     /* histogram of |x|; bin width top / BINS, top a power of two */
void mb_observer_merge(mb_observer *o, const mb_observer *b);
double mb_input_scale(const mb_observer *o, int bits, bool is_signed, mb_range_rule rule, double percentile);
void mb_input_quantise(const float *x, size_t n, double scale, int bits, bool is_signed, int16_t *q);

#endif
