/* finetune_internal.h - what trainings for a mapper begin and end with; for run/finetune.c and run/bitsearch.c */
#ifndef MB_RUN_FINETUNE_INTERNAL_H
#define MB_RUN_FINETUNE_INTERNAL_H

#include "run/finetune.h"
#include "run/noise.h"
#include "run/training.h"

typedef struct mb_tuning {
    const mb_setup *s;
    const char *what; /* for the progress */
    const mb_progress *pr;
    mb_train_keys keys;
    mb_training_keys own;
    const mb_dataset *data;
    mb_model *model, *teacher;
    mb_hardware hardware;
    mb_engine_hooks hooks;
    mb_train_job job; /* its ctx is this struct */
} mb_tuning;

/* Keys, data, model and teacher; mb_tuning_close after a failure, too. T must not move. */
int mb_tuning_open(const mb_setup *s, const char *what, int epochs, const mb_progress *pr, mb_tuning *t);
/* All epochs; *last (may be NULL): what the last one said. */
int mb_tuning_train(mb_tuning *t, mb_epoch *last);
void mb_tuning_close(mb_tuning *t);

#endif
