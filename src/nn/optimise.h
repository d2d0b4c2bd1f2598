/* optimise.h - optimisers over one flat array of parameters, and schedules of their rate
 *
 * SGD with momentum m and weight decay w:   d = g + w theta;  v = m v + d;  theta -= rate (d + m v)   (Nesterov's form; without:
 * v) Sutskever et al., ICML 2013 Adam:   m = b1 m + (1 - b1) g;  v = b2 v + (1 - b2) g^2;  theta -= rate (m' / (sqrt(v') + eps) +
 * w theta),  m' and v' without the bias of their start;  b1 0.9, b2 0.999, eps 1e-8.   Kingma, Ba, arXiv:1412.6980; decay apart
 * from the gradient: Loshchilov, Hutter, arXiv:1711.05101 Weights decay, and the clips of PACT; biases, factors and offsets of
 * normalisation, and steps do not. Learnt steps of weights (LSQ) change by at most a tenth in one update: where there are many levels
 * a single one beyond the last has +-hi for derivative, which would drive steps through zero (its authors train 8 bits at a
 * tenth of the rate of 2 to 4).
 */
#ifndef MB_NN_OPTIMISE_H
#define MB_NN_OPTIMISE_H

#include "nn/model.h"

#define MB_OPTIMISERS "sgd|adam"
typedef enum { MB_SGD, MB_ADAM } mb_optimiser_kind;

typedef struct mb_optimiser {
    mb_optimiser_kind kind;
    double momentum, decay;
    bool nesterov;
    float *v1, *v2; /* [n_theta]; v2 of Adam only */
    int64_t steps;  /* taken */
} mb_optimiser;

/* One step of M's theta along GRAD at RATE, by THREADS parts. */
void mb_optimiser_step(mb_optimiser *o, mb_model *m, const float *grad, double rate, int threads);

#define MB_SCHEDULES "constant|cosine|step|one-cycle"
typedef enum { MB_SCHEDULE_CONSTANT, MB_SCHEDULE_COSINE, MB_SCHEDULE_STEP, MB_SCHEDULE_ONE_CYCLE } mb_rate_schedule_kind;

/* Factor on the rate after DONE of TOTAL steps. Warm-up: rises linearly over the first WARM steps. Cosine: to 0 (Loshchilov,
 * Hutter, arXiv:1608.03983). Step: times FACTOR at each of the N fractions AT of the whole. One cycle: from 1/25 up over the
 * first 30 %, then down to 1e-4 of that, both as half cosines (Smith, Topin, arXiv:1708.07120). */
typedef struct mb_rate_schedule {
    mb_rate_schedule_kind kind;
    double warm, factor;
    const double *at;
    size_t n;
} mb_rate_schedule;
double mb_scheduled_rate(const mb_rate_schedule *s, int64_t done, int64_t total);

#endif
