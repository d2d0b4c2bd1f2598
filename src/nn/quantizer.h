/* quantizer.h - the quantisers of published training methods, exactly: what the mapper's methods and training share
 *
 * y = Q(x) in double precision with the published step rules. Rounding is half to even (rint), as in the methods' own programs; the
 * crossbar's integer quantiser (nn/quant.h) rounds half away from zero.
 *     hwgq         activations: y = s clip(rint(x / s), 0, 2^b - 1)                 s: table for half of a normal distribution
 *                  (Cai, He, Sun, Vasconcelos, CVPR 2017, doi:10.1109/CVPR.2017.574)
 *     edmips       weights: y = s (clip(rint(x / s + 1/2), 1 - 2^(b-1), 2^(b-1)) - 1/2)      s = table x standard deviation (n - 1)
 *                  (Cai, Vasconcelos, CVPR 2020, doi:10.1109/CVPR42600.2020.00242)
 *     symmetric    y = s clip(rint(x / s), -L, L), L = 2^(b-1) - 1 (b = 1: L = 1)    s = max |x| / L
 *     asymmetric   y = s (clip(rint(x / s) + z, 0, 2^b - 1) - z)     s = (max - min) / (2^b - 1), z = rint(-min / s)
 *                  (Jacob et al., CVPR 2018, doi:10.1109/CVPR.2018.00286)
 *     lsq          y = s clip(rint(x / s), -2^(b-1), 2^(b-1) - 1)    s is learned; it starts at 2 mean |x| / sqrt(2^(b-1) - 1)
 *                  lsq_unsigned: clip to 0, 2^b - 1; start with sqrt(2^b - 1)  (Esser et al., ICLR 2020, arXiv:1902.08153)
 *     dorefa       weights: y = 2 r(tanh(x) / (2 max |tanh(x)|) + 1/2) - 1, r(u) = rint((2^b - 1) u) / (2^b - 1)
 *                  (Zhou et al., 2016, arXiv:1606.06160)
 *     pact         activations: y = a rint(clip(x, 0, a) (2^b - 1) / a) / (2^b - 1)     a is learned
 *                  (Choi et al., 2018, arXiv:1805.06085)
 * The tables of hwgq and edmips are published for 1 to 4 bits; for 5 to 8 bits they are the steps of least mean squared error of the same
 * levels, from the same minimisation that gives the published ones.
 * Numbers must be finite. Re-entrant; no allocation. Who may call: training, sensitivities, anybody above the base.
 */
#ifndef MB_NN_QUANTIZER_H
#define MB_NN_QUANTIZER_H

#include <stddef.h>

#define MB_QUANTIZERS "hwgq|edmips|symmetric|asymmetric|lsq|lsq_unsigned|dorefa|pact"
typedef enum {
    MB_QUANTIZER_HWGQ,
    MB_QUANTIZER_EDMIPS,
    MB_QUANTIZER_SYMMETRIC,
    MB_QUANTIZER_ASYMMETRIC,
    MB_QUANTIZER_LSQ,
    MB_QUANTIZER_LSQ_UNSIGNED,
    MB_QUANTIZER_DOREFA,
    MB_QUANTIZER_PACT,
    MB_QUANTIZER_KINDS
} mb_quantizer_kind;

/* y = scale (clip(rint(x / step + shift), lo, hi) + offset); dorefa and pact map x first, see above. */
typedef struct mb_quantizer {
    mb_quantizer_kind kind;
    int bits;
    double step, shift, lo, hi, offset, scale;
    double gain; /* dorefa: 2 max |tanh x| */
    double clip; /* pact: a */
} mb_quantizer;

/* Step by the rule of KIND for N numbers X (none needed by hwgq). PARAM: the step of lsq and lsq_unsigned, the clip a of pact; 0: the
 * starting value of lsq, max x for pact; ignored by the others. bits 1..8 (lsq with 1 bit starts at
 * 2 mean |x|). Data whose step would be 0 get the step 1 (every value stays what it is quantised to: 0). MB_BADINPUT: bits or
 * numbers out of range. */
int mb_quantizer_fit(mb_quantizer_kind kind, int bits, const double *x, size_t n, double param, mb_quantizer *q);
double mb_quantizer_code(const mb_quantizer *q, double x); /* the integer code of x */
double mb_quantizer_value(const mb_quantizer *q, double x);
void mb_quantizer_apply(const mb_quantizer *q, const double *x, size_t n, double *y); /* y may be x */
/* Straight-through derivative dy/dx: 1 inside the clipping range, else 0 (dorefa: of the mapping by tanh, too). */
double mb_quantizer_pass(const mb_quantizer *q, double x);
/* Mean of (Q(x) - x)^2 over N numbers. */
double mb_quantizer_mse(const mb_quantizer *q, const double *x, size_t n);

/* The published step of hwgq / edmips for a unit standard deviation; bits 1..8. */
double mb_quantizer_gauss_step(mb_quantizer_kind kind, int bits);

#endif
