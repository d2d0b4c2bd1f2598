/* finetune.h - fine-tuning of an experiment's network under a plan: what mb_oracle.finetune does (mapping/policy.h) */
#ifndef MB_RUN_FINETUNE_H
#define MB_RUN_FINETUNE_H

#include "mapping/plan.h"
#include "run/simulate.h"

/* Train the network of S for EPOCHS with weights and inputs quantised (learnt steps) at the bits of PLAN, starting from its own
 * weights: *net is what comes out. Data and keys are those of the experiment's group `train`, where it has one, otherwise the
 * calibration data and defaults for fine-tuning. Threads: train.threads, or two, so that the result does not depend on -j. */
int mb_finetune(const mb_setup *s, const mb_plan *plan, int epochs, const mb_progress *pr, mb_network **net);

#endif
