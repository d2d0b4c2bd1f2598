/* finetune.h - trainings of an experiment's network that a mapper asks for: under a plan, and in search of bits
 *
 * All start from the network's own weights. Data and keys are those of the experiment's group `train` (run/training.h), where it
 * has one: its dataset, rate, optimiser, quantisers, teacher, noise of the device; otherwise the calibration data and defaults
 * for fine-tuning. Threads: train.threads, or two, so that results do not depend on -j. Who may call: oracles and points.
 */
#ifndef MB_RUN_FINETUNE_H
#define MB_RUN_FINETUNE_H

#include "mapping/policy.h"
#include "nn/train.h"
#include "run/simulate.h"

/* A network that was trained under a plan. */
typedef struct mb_tuned {
    mb_network *net; /* as the mapper sees it: quantised weights, steps of inputs */
    mb_str onnx;     /* its file */
} mb_tuned;
void mb_tuned_free(mb_tuned *t);

/* EPOCHS (0: only the start values of the quantisers) with weights and inputs quantised at the bits of PLAN. */
int mb_finetune(const mb_setup *s, const mb_plan *plan, int epochs, const mb_progress *pr, mb_tuned *t);
/* The same, made once for all points that share a cache; the cache owns it. */
int mb_finetune_shared(const mb_setup *s, const mb_plan *plan, int epochs, const mb_progress *pr, const mb_tuned **t);
/* Only how it does, quantised, on the training samples after the last epoch; kept likewise. */
int mb_finetune_score(const mb_setup *s, const mb_plan *plan, int epochs, const mb_progress *pr, mb_score *score);

/* Bits by gradients: mb_oracle.search_bits (mapping/policy.h). */
int mb_bit_search_run(const mb_setup *s, const mb_progress *pr, mb_bit_search *b);

#endif
