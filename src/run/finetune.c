/* finetune.c - see finetune.h. Called by: run/point.c for policies that ask (ALPS). */
#include "config.h"

#include "run/finetune.h"

#include <string.h>

#include "base/error.h"
#include "base/file.h"
#include "base/mem.h"
#include "run/training.h"

enum { THREADS = 2 }; /* whatever -j says: results must not depend on it */

/* The network's model: with its normalisation, when the file is still what was loaded. */
static int model_of(const mb_network *net, mb_model **m) {
    mb_network *apart = NULL;
    if (net->path && mb_file_exists(net->path) && !mb_network_load_apart(net->path, &apart) && apart->hash == net->hash) {
        int rc = mb_model_from_network(apart, m);
        mb_network_free(apart);
        return rc;
    }
    mb_error_clear();
    mb_network_free(apart);
    return mb_model_from_network(net, m);
}

typedef struct told {
    const mb_progress *pr;
    int epochs;
} told;

static int on_progress(void *ctx, int epoch, int64_t done, int64_t total, double loss, double accuracy) {
    const told *t = ctx;
    (void)loss;
    (void)accuracy;
    if (!t->pr || !t->pr->step) return 0;
    return t->pr->step(t->pr->ctx, "fine-tuning", (epoch * total + done) / MB_SIM_BLOCK, t->epochs * total / MB_SIM_BLOCK);
}

/* Values that suit a few epochs from trained weights; the experiment's group `train` overrides them. */
static int keys_of(const mb_setup *s, int epochs, mb_train_keys *keys, mb_training_keys *own) {
    static const char *const set[][2] = {{"rate", "0.01"},       {"decay", "1e-4"},           {"batch", "64"},
                                         {"schedule", "cosine"}, {"weight_quantiser", "lsq"}, {"input_quantiser", "lsq"}};
    const mb_conf *c = mb_conf_find(s->conf, "train");
    mb_conf *g = c ? mb_conf_clone(c) : mb_conf_new(MB_CONF_GROUP, "train");
    int rc = g ? MB_OK : mb_nomem();
    for (size_t i = 0; !rc && i < sizeof set / sizeof *set; i++)
        if (!mb_conf_find(g, set[i][0])) rc = mb_conf_set(g, set[i][0], set[i][1], MB_FROM_DEFAULT);
    if (!rc) rc = mb_training_keys_load(g, keys, own);
    keys->epochs = epochs;
    mb_conf_free(g);
    return rc;
}

int mb_finetune(const mb_setup *s, const mb_plan *plan, int epochs, const mb_progress *pr, mb_network **net) {
    mb_train_keys keys = {0};
    mb_training_keys own = {0};
    mb_model *m = NULL;
    mb_trainer *t = NULL;
    mb_epoch e = {0};
    const mb_dataset *data = s->calib;
    told ctx = {pr, epochs};
    int rc = keys_of(s, epochs, &keys, &own);
    if (rc) return rc;
    if (mb_conf_find(s->conf, "train.dataset")) rc = mb_experiment_data(s->conf, "train.dataset", s->cache, &data);
    if (!rc && !data) rc = mb_fail(MB_BADINPUT, "fine-tuning needs data: give train.dataset or calibration.dataset");
    if (!rc && (size_t)keys.batch > data->n) keys.batch = (int)data->n;
    keys.patience = 0;
    if (!rc) rc = model_of(s->net, &m);
    if (!rc) rc = mb_training_quantise(m, plan, &own, data, true);
    mb_train_job job = {.model = m,
                        .keys = &keys,
                        .data = data,
                        .samples = own.samples,
                        .seed = (uint64_t)s->keys.seed,
                        .threads = own.threads ? own.threads : THREADS,
                        .progress = on_progress,
                        .ctx = &ctx};
    if (!rc) rc = mb_trainer_new(&job, &t);
    while (!rc && mb_trainer_epochs_done(t) < epochs) rc = mb_trainer_epoch(t, &e);
    if (!rc) rc = mb_model_network(m, net);
    if (rc) mb_context(rc, "while fine-tuning the network under a plan");
    mb_trainer_free(t);
    mb_model_free(m);
    mb_training_keys_free(&keys, &own);
    return rc;
}
