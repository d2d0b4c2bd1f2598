/* mixquant.h - quantisers of several widths at once, weighed by a softmax of learnt logits: search of bits by gradients
 *
 *     y = sum_b p_b Q_b(x),   p = softmax(a)
 *     dx = sum_b p_b dQ_b/dx g,   ds_b = p_b ds_b of the branch,   da_b = p_b (g . Q_b(x) - sum_c p_c g . Q_c(x))
 * for weights and inputs alike: one product per layer whatever the number of branches, the composite form of EdMIPS (Cai,
 * Vasconcelos, CVPR 2020, doi:10.1109/CVPR42600.2020.00242). A branch of one bit of weights or of signed inputs is `sign`, all
 * others are `lsq` with a learnt step of their own (nn/fakequant.h), where the paper has fixed steps for Gaussians: networks without normalisation
 * have other scales. The learnt numbers of a layer lie in one block of theta: the logits in order of bits, then the steps of each
 * branch. Used by: nn/engine.c, nn/model.c, run/bitsearch.c.
 */
#ifndef MB_NN_MIXQUANT_H
#define MB_NN_MIXQUANT_H

#include "nn/fakequant.h"

enum { MB_MIX_MAX = 8 };

typedef struct mb_mix {
    int n, bits[MB_MIX_MAX];
    mb_fakequant branch[MB_MIX_MAX];
    size_t each;         /* steps of a branch: 1 or cout */
    float p[MB_MIX_MAX]; /* set by mb_mix_open */
    const float *step;   /* [n][each], in theta */
} mb_mix;

/* MB_BADINPUT: no branch, or none of these bits. */
int mb_mix_check(const mb_fakequant *q, const char *layer);
/* Learnt numbers of a layer of COUT outputs. */
size_t mb_mix_learnt(const mb_fakequant *q, bool weights, int cout);
/* Branches of Q with the probabilities and steps in THETA, where the block of Q begins. */
void mb_mix_open(const mb_fakequant *q, bool weights, int cout, const float *theta, mb_mix *m);
/* Have all steps a value? mb_mix_*_start gives those that have none (0) the one of least squared error. */
bool mb_mix_started(const mb_mix *m);
void mb_mix_weights_start(const mb_mix *m, int cout, size_t K, const float *w, float *theta);
void mb_mix_inputs_start(const mb_mix *m, size_t n, const float *x, float *theta);

/* W [cout][K] -> y; tmp [cout K]. back: G, derivatives by y, become those by w; dtheta: by logits and steps. tmp [2 cout K]. */
void mb_mix_weights(const mb_mix *m, int cout, size_t K, const float *w, float *tmp, float *y);
void mb_mix_weights_back(const mb_mix *m, int cout, size_t K, const float *w, float *tmp, float *g, float *dtheta);

/* A part of the inputs. back: G -> dx, which may be the same array; SHARE [2 MB_MIX_MAX] gets the part's g . Q_b(x), then its sums
 * for the steps. finish: SHARE, added over the parts of N inputs in all, becomes dtheta. */
void mb_mix_inputs(const mb_mix *m, size_t n, const float *x, float *y);
void mb_mix_inputs_back(const mb_mix *m, size_t n, const float *x, const float *g, float *dx, double *share);
void mb_mix_inputs_finish(const mb_mix *m, size_t n, const double *share, float *dtheta);

#endif
