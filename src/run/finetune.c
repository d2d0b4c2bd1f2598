/* finetune.c - see finetune.h */
#include "config.h"

#include "run/finetune_internal.h"

#include <string.h>

#include "base/error.h"
#include "base/file.h"
#include "base/mem.h"
#include "run/experiment.h"

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

static int teacher_of(const char *path, mb_model **m) {
    mb_network *net = NULL;
    int rc = mb_network_load(path, &net);
    if (!rc) rc = mb_model_from_network(net, m);
    mb_network_free(net);
    return rc ? mb_context(rc, "teacher of the fine-tuning") : MB_OK;
}

static int on_progress(void *ctx, int epoch, int64_t done, int64_t total, double loss, double accuracy) {
    const mb_tuning *t = ctx;
    (void)loss;
    (void)accuracy;
    if (!t->pr || !t->pr->step) return 0;
    return t->pr->step(t->pr->ctx, t->what, (epoch * total + done) / MB_SIM_BLOCK, t->keys.epochs * total / MB_SIM_BLOCK);
}

static int on_step(void *ctx, int epoch, int64_t step) {
    mb_tuning *t = ctx;
    return mb_hardware_step(&t->hardware, t->model, &t->own, epoch, step);
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
    if (!rc) keys->epochs = epochs;
    mb_conf_free(g);
    return rc;
}

int mb_tuning_open(const mb_setup *s, const char *what, int epochs, const mb_progress *pr, mb_tuning *t) {
    *t = (mb_tuning){.s = s, .what = what, .pr = pr, .data = s->train ? s->train : s->calib};
    int rc = keys_of(s, epochs, &t->keys, &t->own);
    if (rc) return rc;
    if (!s->train && mb_conf_find(s->conf, "train.dataset")) rc = mb_experiment_data(s->conf, "train.dataset", s->cache, &t->data);
    if (rc) return rc;
    if (!t->data) return mb_fail(MB_BADINPUT, "fine-tuning needs data: give train.dataset or calibration.dataset");
    if ((size_t)t->keys.batch > t->data->n) t->keys.batch = (int)t->data->n;
    t->keys.patience = 0;
    rc = model_of(s->net, &t->model);
    if (!rc && *t->own.teacher) rc = teacher_of(t->own.teacher, &t->teacher);
    t->job = (mb_train_job){.model = t->model,
                            .keys = &t->keys,
                            .data = t->data,
                            .samples = t->own.samples,
                            .teacher = t->teacher,
                            .seed = (uint64_t)s->keys.seed,
                            .threads = t->own.threads ? t->own.threads : THREADS,
                            .progress = on_progress,
                            .step = on_step,
                            .ctx = t};
    return rc;
}

int mb_tuning_train(mb_tuning *t, mb_epoch *last) {
    mb_trainer *tr = NULL;
    mb_epoch e = {0};
    int rc = mb_trainer_new(&t->job, &tr);
    while (!rc && mb_trainer_epochs_done(tr) < t->keys.epochs) rc = mb_trainer_epoch(tr, &e);
    if (last) *last = e;
    mb_trainer_free(tr);
    return rc;
}

void mb_tuning_close(mb_tuning *t) {
    mb_hardware_free(&t->hardware);
    mb_model_free(t->model);
    mb_model_free(t->teacher);
    mb_training_keys_free(&t->keys, &t->own);
    memset(t, 0, sizeof *t);
}

/* --- under a plan ---------------------------------------------------------------------------------------------------------- */

void mb_tuned_free(mb_tuned *t) {
    mb_network_free(t->net);
    mb_str_free(&t->onnx);
    memset(t, 0, sizeof *t);
}

static int make_hardware(mb_tuning *t, const mb_plan *plan) {
    const mb_setup *s = t->s;
    if (!(t->own.noise > 0) && !t->own.converters) return MB_OK;
    int rc = mb_hardware_open(&t->hardware, s->conf, s->cache, &s->cell, &s->read, t->model, plan, (uint64_t)s->keys.seed, &t->own);
    t->hooks = mb_hardware_hooks(&t->hardware, &t->own);
    t->job.hooks = &t->hooks;
    return rc;
}

/* T is trained; mb_tuning_close after a failure, too. */
static int tune(const mb_setup *s, const mb_plan *plan, int epochs, const mb_progress *pr, mb_tuning *t) {
    int rc = mb_tuning_open(s, "fine-tuning", epochs, pr, t);
    if (!rc) rc = mb_training_quantise(t->model, plan, &t->own, t->data, true);
    if (!rc) rc = make_hardware(t, plan);
    if (!rc) rc = mb_tuning_train(t, NULL);
    return rc ? mb_context(rc, "while fine-tuning the network under a plan") : MB_OK;
}

int mb_finetune(const mb_setup *s, const mb_plan *plan, int epochs, const mb_progress *pr, mb_tuned *out) {
    mb_tuning t;
    memset(out, 0, sizeof *out);
    int rc = tune(s, plan, epochs, pr, &t);
    char *doc = mb_asprintf("fine-tuned by mixbar under a plan, %d epochs, seed %d", epochs, s->keys.seed);
    if (!rc) rc = doc ? mb_model_export(t.model, doc, &out->onnx) : mb_nomem();
    if (!rc) rc = mb_network_parse((const uint8_t *)mb_cstr(&out->onnx), out->onnx.n, s->net->name, &out->net);
    mb_free(doc);
    mb_tuning_close(&t);
    if (rc) mb_tuned_free(out);
    return rc;
}

/* --- made once ------------------------------------------------------------------------------------------------------------- */

/* Everything that the training depends on: with the device's errors all of the plan and the experiment, otherwise its bits. */
static uint64_t key_of(const mb_setup *s, const mb_plan *plan, int epochs) {
    const mb_conf *train = mb_conf_find(s->conf, "train");
    const mb_conf *noise = train ? mb_conf_find(train, "noise") : NULL;
    const void *made_of[] = {s->net, s->train, s->calib};
    int number[] = {epochs, s->keys.seed, s->cal.samples};
    uint64_t h = mb_hash64(made_of, sizeof made_of, train ? mb_conf_hash(train) : MB_HASH_START);
    h = mb_hash64(number, sizeof number, h);
    for (int m = 0; m < plan->n; m++) {
        int bits[] = {plan->assign[m].weight_bits, plan->assign[m].input_bits};
        h = mb_hash64(bits, sizeof bits, h);
    }
    if (noise || (train && mb_conf_find(train, "converters"))) {
        h = mb_hash64(plan->assign, (size_t)plan->n * sizeof *plan->assign, h);
        h ^= mb_conf_hash(s->conf);
    }
    return h;
}

static void destroy(void *p) {
    if (p) mb_tuned_free(p);
    mb_free(p);
}

static void destroy_plain(void *p) { mb_free(p); }

int mb_finetune_shared(const mb_setup *s, const mb_plan *plan, int epochs, const mb_progress *pr, const mb_tuned **out) {
    const uint64_t key = key_of(s, plan, epochs);
    int rc = MB_OK;
    mb_tuned *t = mb_cache_claim(s->cache, "tuned", key);
    if (!t) {
        rc = (t = mb_calloc(1, sizeof *t)) ? mb_finetune(s, plan, epochs, pr, t) : mb_nomem();
        if (!rc) rc = mb_cache_put(s->cache, "tuned", key, t, 0, destroy);
        else {
            mb_free(t);
            mb_cache_give_up(s->cache, "tuned", key);
        }
    }
    if (!rc) *out = t;
    return rc;
}

static int score(const mb_setup *s, const mb_plan *plan, int epochs, const mb_progress *pr, mb_score *out) {
    mb_tuning t;
    int rc = tune(s, plan, epochs, pr, &t);
    if (!rc) rc = mb_model_score(t.model, t.data, 0, t.own.samples ? t.own.samples : (int64_t)t.data->n, t.job.threads, NULL, out);
    mb_tuning_close(&t);
    return rc;
}

int mb_finetune_score(const mb_setup *s, const mb_plan *plan, int epochs, const mb_progress *pr, mb_score *out) {
    const uint64_t key = key_of(s, plan, epochs);
    mb_score *kept = mb_cache_claim(s->cache, "tuned-score", key);
    if (!kept) {
        int rc = (kept = mb_malloc(1, sizeof *kept)) ? score(s, plan, epochs, pr, kept) : mb_nomem();
        if (rc) {
            mb_free(kept);
            mb_cache_give_up(s->cache, "tuned-score", key);
            return rc;
        }
        *out = *kept;
        return mb_cache_put(s->cache, "tuned-score", key, kept, 0, destroy_plain);
    }
    *out = *kept;
    return MB_OK;
}
