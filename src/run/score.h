/* score.h - how good a plan is on calibration samples: loss, accuracy, divergence from the float network, with intervals
 *
 * Per sample i and device draw t the divergence KL(p_i || q_it) of the class probabilities q of the arrays from those of the float network; mean over both, and
 *     se^2 = var_i(mean_t) / n + var_t(mean_i) / T       (the second term from T >= 2 draws)
 * An accuracy on a few hundred samples moves in steps of a few tenths of a point and is blind to margins; the divergence counts every sample and is the sharper
 * judge of two plans. Sums are integers of 2^-20 nats: the same bits for any number of threads and any kernel.
 */
#ifndef MB_RUN_SCORE_H
#define MB_RUN_SCORE_H

#include "mapping/policy.h"
#include "run/simulate.h"

/* Outputs of the float network in our own arithmetic, [samples][classes], one mb_malloc block of the caller. */
int mb_score_reference(const mb_network *net, const mb_dataset *data, int64_t samples, const mb_progress *pr, float **logit);
/* PLAN on samples [0, SAMPLES) of the calibration data of S, on DRAWS devices from number FIRST_DRAW (one when nothing is random). LOGIT: the float outputs of these
 * samples. Half-widths are those of 95 % intervals; of the accuracy as in mb_accuracy_interval. */
int mb_score_plan(const mb_setup *s, const mb_profile *prof, const float *logit, const mb_plan *plan, int64_t samples, uint32_t first_draw, int draws,
                  const mb_progress *pr, mb_loss *out);

#endif
