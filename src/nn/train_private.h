/* train_private.h - what nn/train.c and nn/train_file.c share */
#ifndef MB_NN_TRAIN_PRIVATE_H
#define MB_NN_TRAIN_PRIVATE_H

#include "nn/train.h"

struct mb_trainer {
    mb_train_job job;
    int64_t n; /* samples trained on */
    int threads, classes;
    mb_net_engine *engine, *teacher;
    mb_optimiser opt;
    int epoch, best_epoch; /* complete ones */
    double best_loss;      /* of the held-out samples */
    float *grad;
    float *good, *best; /* [n_theta + n_state]: at the begin of this epoch; of the best one */
    int64_t *order;
    float *tmp, *dy;
    int32_t *label;
};

#endif
