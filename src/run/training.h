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
#include "run/train_arrays.h"

typedef struct mb_training_keys {
    char *plan, *teacher, *output;
    int samples, threads, weight_quantiser, input_quantiser;
    int converters, converter_refresh;
    bool per_channel, hard_tanh;
    double noise, weight_clip;
} mb_training_keys;
#define MB_TRAIN_CONVERTERS "none|noise|arrays"
typedef enum { MB_CONVERTERS_NONE, MB_CONVERTERS_NOISE, MB_CONVERTERS_ARRAYS } mb_train_converters;
extern const mb_param mb_training_params[];
/* Both tables from the group `train`. On failure there is nothing to free. */
int mb_training_keys_load(mb_conf *group, mb_train_keys *keys, mb_training_keys *own);
void mb_training_keys_free(mb_train_keys *keys, mb_training_keys *own);

/* What hardware does to a network while it is trained. */
typedef struct mb_hardware {
    mb_noise *noise;         /* of cells, and of converters as noise; NULL: none */
    mb_train_arrays *arrays; /* converters = arrays; NULL: none */
} mb_hardware;
void mb_hardware_free(mb_hardware *h);
/* As KEYS ask for: cells CELL (borrowed) read as READ says; converters of the experiment CONF, which is set up as `mixbar run`
 * would, with cells that have no errors. Freed after a failure, too. */
int mb_hardware_open(mb_hardware *h, const mb_conf *conf, mb_cache *cache, const mb_cell *cell, const mb_read_keys *read,
                     const mb_model *model, const mb_plan *plan, uint64_t seed, const mb_training_keys *keys);
mb_engine_hooks mb_hardware_hooks(mb_hardware *h, const mb_training_keys *keys);   /* H must not move */
/* Before each step: the weights of MODEL are brought back within their limits, the devices' errors drawn. */
int mb_hardware_step(mb_hardware *h, mb_model *model, const mb_training_keys *keys, int epoch, int64_t step);

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
    mb_hardware hardware;
    uint64_t hash;   /* of the network that it starts from, as mappers see it; 0: none */
    uint64_t plan;   /* hash of the plan's settings; 0: no plan */
    bool fresh;      /* of a built-in family, not trained before */
} mb_training;

/* ROOT becomes owned, also on failure. */
int mb_training_load(mb_conf *root, mb_training *t);
void mb_training_free(mb_training *t);

/* Quantisers of every weighted layer of M at the bits of PLAN (layers in the order of both): kinds and per_channel as in KEYS.
 * CALIB: data that show which inputs can be negative. Where PROFILED, learnt steps of inputs start from what the profile of CALIB
 * says (the simulator's own calibration), otherwise from the first batch. */
int mb_training_quantise(mb_model *m, const mb_plan *plan, const mb_training_keys *keys, const mb_dataset *calib, bool profiled);

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
