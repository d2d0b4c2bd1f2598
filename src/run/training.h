/* training.h - `mixbar train`: a training experiment from its file to a network
 *
 *     schema = 1;  name = "train-fashion";  seed = 1;
 *     dataset = "fashion-mnist";                          test data
 *     network = "some.onnx";                              where to start, unless train.network says something else
 *     map = { weight_bits = 4; input_bits = 4; first = { .. }; }       bits of quantisation-aware training (or train.plan)
 *     train = { network = { family = "cnn"; width = 1.0; };    a built-in family (nn/family.h), or a path
 *               dataset = "fashion-mnist-train"; epochs = 10; ... };
 *
 * Tables of the group train: mb_train_params (nn/train.h) and mb_training_params. Other groups (device, arch, sweep, ...) are
 * left alone, so that one file can train a network and run it.
 */
#ifndef MB_RUN_TRAINING_H
#define MB_RUN_TRAINING_H

#include "base/param.h"
#include "mapping/plan.h"
#include "nn/train.h"
#include "run/experiment.h"
#include "run/noise.h"

typedef struct mb_training_keys {
    char *plan, *teacher, *output;
    int samples, threads, weight_quantiser, input_quantiser;
    bool per_channel, hard_tanh, converters;
    double noise, weight_clip;
} mb_training_keys;
extern const mb_param mb_training_params[];
/* Both tables from the group `train`. On failure there is nothing to free. */
int mb_training_keys_load(mb_conf *group, mb_train_keys *keys, mb_training_keys *own);
void mb_training_keys_free(mb_train_keys *keys, mb_training_keys *own);

typedef struct mb_training {
    mb_conf *conf; /* complete after loading */
    char *name;
    uint64_t seed;
    mb_train_keys keys;
    mb_training_keys own;
    mb_cache *cache;
    const mb_dataset *train, *test;
    mb_model *model, *teacher;
    mb_cell cell;    /* of train.noise */
    mb_noise *noise; /* NULL: none */
    uint64_t hash;   /* of the network that it starts from, as mappers see it; 0: none */
    bool fresh;      /* of a built-in family, not trained before */
} mb_training;

/* ROOT becomes owned, also on failure. */
int mb_training_load(mb_conf *root, mb_training *t);
void mb_training_free(mb_training *t);

/* Quantisers of every weighted layer of M at the bits of PLAN (layers in the order of both): kinds and per_channel as in KEYS.
 * CALIB: data that show which inputs can be negative. Where PROFILED, learnt steps of inputs start from what the profile of CALIB
 * says (the simulator's own calibration), otherwise from the first batch. */
int mb_training_quantise(mb_model *m, const mb_plan *plan, const mb_training_keys *keys, const mb_dataset *calib, bool profiled);

/* Errors of the converters alone into NOISE, layer by layer: the experiment CONF is set up as `mixbar run` would, with cells that
 * have none, and the first samples of the calibration data go through its arrays. */
int mb_training_converters(const mb_conf *conf, mb_cache *cache, const mb_model *model, const mb_plan *plan, mb_noise *noise);

/* What is told after each epoch; non-zero return stops (MB_INTERRUPTED). */
typedef struct mb_training_report {
    mb_epoch epoch;
    int epochs;
    double seconds, images_per_s, test_accuracy, test_loss;
} mb_training_report;
typedef struct mb_training_options {
    const char *dir; /* run folder; NULL: runs/NAME */
    bool resume, force;
    int (*on_epoch)(void *ctx, const mb_training_report *r);
    int (*progress)(void *ctx, int epoch, int64_t done, int64_t total, double loss, double accuracy);
    void *ctx;
} mb_training_options;
typedef struct mb_training_result {
    mb_score test;
    double seconds;
    int epochs;
    char *network, *dir;
} mb_training_result; /* mb_free both */

/* The whole training in its run folder: used.cfg, train.jsonl (one line per epoch), checkpoint (after each epoch), NAME.onnx at
 * the end. */
int mb_training_run(mb_training *t, const mb_training_options *o, mb_training_result *r);

#endif
