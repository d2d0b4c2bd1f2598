/* loss.h - losses of training over a batch: values and derivatives by the outputs
 *
 *   cross-entropy of the softmax p of the outputs z, with labels smoothed by s over C classes: t = (1 - s) [k = label] + s / C,
 *       loss = - sum t log p,  dz = p - t
 *   squared error against the same targets t: loss = 1/2 sum (z - t)^2,  dz = z - t
 *   distillation (Hinton et al., arXiv:1503.02531): with teacher outputs u, weight a and temperature T the loss is
 *       (1 - a) loss + a T^2 KL(softmax(u/T) || softmax(z/T)),  dz of the second part: a T (softmax(z/T) - softmax(u/T))
 * All means over the N samples; derivatives are of the mean.
 */
#ifndef MB_NN_LOSS_H
#define MB_NN_LOSS_H

#include <stddef.h>
#include <stdint.h>

#define MB_LOSSES "cross-entropy|squared-error"
typedef enum { MB_LOSS_CROSS_ENTROPY, MB_LOSS_SQUARED } mb_loss_kind;

typedef struct mb_loss_spec {
    mb_loss_kind kind;
    double smoothing;
    const float *teacher;       /* [n][classes] outputs, or NULL */
    double weight, temperature; /* of the teacher */
} mb_loss_spec;

/* Z [n][classes]; LABEL in 0..classes-1. Returns the mean loss (not finite when an output is not); dz (may be NULL) [n][classes];
 * *correct (may be NULL) counts samples whose largest output is their label's. */
double mb_loss_batch(const mb_loss_spec *s, int n, int classes, const float *z, const int32_t *label, float *dz,
                     int64_t *correct);

#endif
