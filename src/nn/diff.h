/* diff.h - losses, gradients and Hessian-vector products of a model in double precision: slow, obvious, exact
 *
 * The oracle of the fast training engine, and the engine of the second-order tools (nn/hessian.h) for small networks. Gradients
 * are made by reverse accumulation. A Hessian-vector product H v is the derivative of that gradient along v (the R-operator,
 * forward over reverse: B. A. Pearlmutter, Neural Computation 6 (1994) 147, doi:10.1162/neco.1994.6.1.147): every value carries
 * its derivative along v beside it, forward and backward. It is exact for smooth networks, and for piecewise linear ones
 * wherever these have a Hessian. At a kink the derivative is that of the engine (clip: 1 where lo < x < hi; maximum: the first
 * of the largest).
 *
 * Losses of n samples (both are means over the samples):
 *     cross entropy     L = -1/n sum_s sum_c t_sc log softmax(y_s)_c, in nats; the targets t_s are probabilities, or one-hot
 *     squared error     L = 1/(2 n) sum_s |y_s - t_s|^2
 * Batch normalisation uses mean and variance (over n) of the batch when TRAINING, else the model's running ones. Quantisers of
 * the model are not looked at: these are derivatives of the float network. A call takes its own memory and gives it back, so
 * that many threads may use one model at once. x [n][inputs], target and y [n][outputs], theta, dtheta, v, hv in the layout of
 * m->theta.
 */
#ifndef MB_NN_DIFF_H
#define MB_NN_DIFF_H

#include "nn/loss.h"
#include "nn/model.h"

#define MB_LOSS_KINDS "cross_entropy|squared"

typedef struct mb_diff_mode {
    mb_loss_kind loss;
    bool training;                       /* normalise by the batch */
} mb_diff_mode;

/* Each result may be NULL; *loss; dtheta and dx [n][inputs] of the mean loss. TARGET may be NULL when nothing but y is asked for.
 * MB_SYSTEM without memory. */
int mb_diff_gradient(const mb_model *m, mb_diff_mode mode, const double *theta, size_t n, const double *x,
                     const double *target, double *y, double *loss,
                     double *dtheta, double *dx);
/* hv = H v with the Hessian of the mean loss in theta; dtheta as above, may be NULL. BLOCK >= 0: only this block's parts of hv
 * and
 * dtheta are asked for, which takes a third of the time; the others become 0. -1: all. */
int mb_diff_hvp(const mb_model *m, mb_diff_mode mode, const double *theta, const double *v, int block, size_t n, const double *x,
                const double *target, double *dtheta, double *hv);

size_t mb_diff_inputs(const mb_model *m);                 /* numbers of a sample */
size_t mb_diff_outputs(const mb_model *m);
void mb_softmax(size_t n, size_t outputs, const double *y, double *p);     /* p [n][outputs] = softmax(y) */

#endif
