/* train.h - training of a model on a dataset: batches, augmentation, optimiser, schedule, checkpoints
 *
 * A trainer runs epochs; what happens between them (printing, stopping, saving) is the caller's. Everything random (order of
 * samples, augmentation) is a function of (seed, epoch, sample), so that the same seed and number of threads give the same bytes,
 * and a trainer that is loaded from a checkpoint goes on as if it had never stopped.
 *
 * Configuration group `train` of an experiment: table mb_train_params.
 */
#ifndef MB_NN_TRAIN_H
#define MB_NN_TRAIN_H

#include "base/param.h"
#include "nn/dataset.h"
#include "nn/engine.h"
#include "nn/loss.h"
#include "nn/optimise.h"

typedef struct mb_train_keys {
    int epochs, batch, optimiser, schedule, loss, shift, warmup, patience, holdout;
    bool nesterov, flip;
    double rate, momentum, decay, factor, smoothing;
    mb_reals steps;
    double teacher_weight, teacher_temperature;
} mb_train_keys;
extern const mb_param mb_train_params[];

typedef struct mb_trainer mb_trainer;

/* What a trainer works on; all borrowed for its life. */
typedef struct mb_train_job {
    mb_model *model;
    const mb_train_keys *keys;
    const mb_dataset *data;
    int64_t samples;              /* of DATA, 0: all. The last keys->holdout of them are not trained on but watched */
    const mb_model *teacher;      /* NULL: no distillation */
    uint64_t seed, salt;          /* salt: hash of what HOOKS and STEP depend on, part of a checkpoint's identity */
    int threads;                  /* 0: as OpenMP would */
    const mb_engine_hooks *hooks; /* what hardware does; NULL: nothing */
    int (*step)(void *ctx, int epoch, int64_t step); /* before each training step: draw noise; NULL: nothing. Failure ends it */
    int (*progress)(void *ctx, int epoch, int64_t done, int64_t total, double loss,
                    double accuracy); /* non-zero: stop (MB_INTERRUPTED) */
    double (*penalty)(void *ctx, float *grad); /* after each backward pass: adds its derivatives to GRAD [n_theta], returns what it
                                                  adds to the loss; NULL: nothing */
    void *ctx;
} mb_train_job;

typedef struct mb_epoch {
    int epoch;
    double loss, accuracy, rate, held_loss, held_accuracy;
    int64_t samples;
    bool stop;
} mb_epoch;

/* MB_BADINPUT: a batch larger than the data, labels outside the model's outputs, shapes that do not fit. */
int mb_trainer_new(const mb_train_job *job, mb_trainer **t);
void mb_trainer_free(mb_trainer *t);
int mb_trainer_epochs_done(const mb_trainer *t);
/* One epoch. MB_NUMERIC when the loss is not a number: the message names the first layer that is not finite, and theta and
 * running statistics are those of the last complete epoch. MB_INTERRUPTED likewise. out->stop: PATIENCE is used up, the best
 * parameters are back. */
int mb_trainer_epoch(mb_trainer *t, mb_epoch *out);

/* Everything that the rest of the training depends on. Atomic; a damaged file or one of another training (other keys, model,
 * data, seed, threads) is MB_BADINPUT. */
int mb_trainer_save(const mb_trainer *t, const char *path);
int mb_trainer_load(mb_trainer *t, const char *path);

/* Mean loss (cross-entropy) and accuracy of M on samples [first, first + n) of DATA, in evaluation mode, hooks applied. */
typedef struct mb_score {
    double loss;
    int64_t correct, samples;
} mb_score;
int mb_model_score(mb_model *m, const mb_dataset *data, int64_t first, int64_t n, int threads, const mb_engine_hooks *hooks,
                   mb_score *out);
/* Running statistics of normalisation become those of N samples of DATA (no training); start values of quantisers are set too. */
int mb_model_recalibrate(mb_model *m, const mb_dataset *data, int64_t n, int batch, int threads, const mb_engine_hooks *hooks);
/* Does DATA fit the model's input and outputs? */
int mb_model_fits(const mb_model *m, const mb_dataset *data);

#endif
