/* fakequant.h - quantisers in training: forward values and straight-through gradients
 *
 * Most are y = s clip(round(x / s), lo, hi) with rounding half to even, and differ in where the step s comes from and what the
 * gradient does (straight-through estimator, Bengio et al., arXiv:1308.3432: the rounding counts as the identity):
 *   minmax   s = max |x| / hi;  dx = g                                   (Jacob et al., doi:10.1109/CVPR.2018.00286, zero point
 * 0) lsq      s learnt:  dx = g where lo <= x/s <= hi, otherwise 0;  ds = 1/sqrt(n hi) sum of g (round(x/s) - x/s inside, lo or
 * hi outside)                                                    (Esser et al., ICLR 2020, arXiv:1902.08153) pact     inputs: s =
 * a / hi with a learnt clip a:  dx = g where 0 < x < a;  da = sum of g where x >= a   (arXiv:1805.06085) hwgq     inputs: s =
 * 0.799, 0.538, 0.3217, 0.185 (1 to 4 bits), optimal for half of a unit Gaussian;  dx = g where 0 < x < hi s (Cai et al.,
 * doi:10.1109/CVPR.2017.574). Weights (EdMIPS, arXiv:2004.05795): y = s (clip(round(x/s + 1/2), 1 - 2^(b-1), 2^(b-1)) - 1/2), s
 * = 1.596, 0.996, 0.586, 0.336 times the standard deviation;  dx = g dorefa   inputs: s = 1 / hi;  dx = g where 0 < x < 1.
 * Weights: t = tanh w / max |tanh w|, y = 2 round((t/2 + 1/2) (2^b - 1)) / (2^b - 1) - 1;  dw = g dt/dw with the maximum held
 * fixed     (arXiv:1606.06160) sign     inputs: +-1;  dx = g where |x| < 1.  Weights: a sign(w), a = mean |w| per output channel;
 *            dw = g (1/n + a where |w| < 1)                              (XNOR-Net, doi:10.1007/978-3-319-46493-0_32)
 *   ternary  weights: a {-1, 0, 1} per output channel with the a and the zeros of least squared error;  dw = g
 *                                                                        (two-step quantisation, doi:10.1109/CVPR.2018.00460)
 * Codes: weights and signed inputs +-(2^(b-1) - 1) (twos: from -2^(b-1)); unsigned inputs 0 .. 2^b - 1.
 *
 * Used by: nn/engine.c, writers of quantised networks. Nothing here allocates.
 */
#ifndef MB_NN_FAKEQUANT_H
#define MB_NN_FAKEQUANT_H

#include "nn/model.h"

#define MB_FAKES "none|minmax|lsq|pact|hwgq|dorefa|sign|ternary"

/* Is the quantiser defined for weights or inputs at these bits? MB_BADINPUT says what is. */
int mb_fake_check(const mb_fakequant *q, bool weights, const char *layer);
/* Codes of Q. */
void mb_fake_levels(const mb_fakequant *q, bool weights, float *lo, float *hi);

/* Start value of a learnt step or clip: least squared error (nn/quant.h). STEP has one number or COUT. */
void mb_fake_weights_start(const mb_fakequant *q, int cout, size_t K, const float *w, float *step);
float mb_fake_inputs_start(const mb_fakequant *q, size_t n, const float *x);

/* W [cout][K] -> y. STEP: the learnt numbers, or NULL. scale (may be NULL) [cout]: the step of each channel's codes. */
void mb_fake_weights(const mb_fakequant *q, const float *step, int cout, size_t K, const float *w, float *y, float *scale);
/* G: derivatives by y, replaced by those by w; dstep as STEP. */
void mb_fake_weights_back(const mb_fakequant *q, const float *step, int cout, size_t K, const float *w, float *g, float *dstep);

/* The same for inputs, of which a part may be given: the step of minmax needs the largest |x| of all (mb_fake_max).
 * back: G -> dx, which may be the same array; returns the part's share of the derivative by the learnt number, without the factor
 * that mb_fake_inputs_factor gives for the whole. */
float mb_fake_inputs_step(const mb_fakequant *q, float learnt, float max_abs);
float mb_fake_max(size_t n, const float *x);
void mb_fake_inputs(const mb_fakequant *q, float step, size_t n, const float *x, float *y);
double mb_fake_inputs_back(const mb_fakequant *q, float step, size_t n, const float *x, const float *g, float *dx);
double mb_fake_inputs_factor(const mb_fakequant *q, size_t n);

#endif
