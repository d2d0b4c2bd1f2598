/* training.c - `mixbar train`: loading a training experiment, quantisers at a plan's bits, the run folder; see training.h
 *
 * Run folder: used.cfg; train.jsonl, one line per finished epoch (nothing in it varies with time or host); checkpoint, written
 * after each epoch; NAME.onnx at the end. A resumed training keeps the lines of the epochs that the checkpoint holds.
 */
#include "config.h"

#include "run/training.h"

#include <math.h>
#include <string.h>
#include <time.h>

#include "base/error.h"
#include "base/file.h"
#include "base/json.h"
#include "base/mem.h"
#include "mapping/policy.h"
#include "nn/fakequant.h"
#include "nn/family.h"
#include "run/simulate.h"

const mb_param mb_training_params[] = {
    MB_INT(mb_training_keys, samples, "", "0", 0, 1e9, "training samples used, 0: all"),
    MB_INT(mb_training_keys, threads, "", "0", 0, 4096,
           "parts that a batch is split into, on which the bytes of the result depend; 0: the threads of the program"),
    MB_CHOICE(mb_training_keys, weight_quantiser, MB_FAKES, "none",
              "quantise weights while training, at the bits of plan or map"),
    MB_CHOICE(mb_training_keys, input_quantiser, MB_FAKES, "none",
              "quantise inputs of weighted layers while training, at the bits of plan or map"),
    MB_FLAG(mb_training_keys, per_channel, "true", "one step of the weights per output channel instead of one per layer"),
    MB_FLAG(mb_training_keys, hard_tanh, "false", "clip to -1..1 in the place of ReLU: for inputs of one bit, which are signs"),
    MB_REAL(mb_training_keys, noise, "", "0", 0, 100,
            "errors of the experiment's device in the weights, drawn anew at each step, times this; 0: none"),
    MB_CHOICE(mb_training_keys, converters, MB_TRAIN_CONVERTERS, "none",
              "errors of the converters of arch, too: as noise on the results of each layer, of the power that is measured there; or by "
              "running each batch through the arrays"),
    MB_INT(mb_training_keys, converter_refresh, "", "50", 1, 1e9, "steps after which converters = arrays maps the network anew"),
    MB_REAL(mb_training_keys, weight_clip, "", "0", 0, 100,
            "keep weights of a layer within this many standard deviations; 0: as they are"),
    MB_FILE(mb_training_keys, plan, "",
            "plan with the bits of each layer (mixbar map -o); empty: the base values and pins of map"),
    MB_FILE(mb_training_keys, teacher, "", "network (ONNX) whose outputs are learnt as well; empty: none"),
    MB_FILE(mb_training_keys, output, "", "where the network is written; empty: NAME.onnx in the run folder"),
    MB_PARAM_END};

void mb_training_free(mb_training *t) {
    mb_hardware_free(&t->hardware);
    if (t->cell.type) mb_cell_free(&t->cell);
    mb_model_free(t->model);
    mb_model_free(t->teacher);
    mb_training_keys_free(&t->keys, &t->own);
    mb_cache_free(t->cache);
    mb_conf_free(t->conf);
    mb_free(t->name);
    memset(t, 0, sizeof *t);
}

/* --- quantisers ----------------------------------------------------------------------------------------------------------------
 */

int mb_training_quantise(mb_model *m, const mb_plan *plan, const mb_training_keys *keys, const mb_dataset *calib, bool profiled) {
    mb_network *net = NULL;
    mb_profile *prof = NULL;
    int64_t samples = calib->n < 256 ? (int64_t)calib->n : 256;
    int rc = mb_model_network(m, &net);
    if (!rc) rc = mb_profile_new(net, calib, samples, NULL, &prof);
    if (!rc && (prof->n != plan->n)) rc = mb_fail(MB_BADINPUT, "the plan has %d layers, the network %d", plan->n, prof->n);
    for (int i = 0, k = 0; !rc && i < m->n_layers; i++) {
        const mb_model_layer *l = &m->layer[i];
        if (!mb_model_weighted(l)) continue;
        const mb_assign *a = &plan->assign[k];
        const mb_observer *seen = &prof->input[k++];
        mb_fakequant w = {.kind = (mb_fake)keys->weight_quantiser, .bits = a->weight_bits, .per_channel = keys->per_channel};
        mb_fakequant x = {.kind = (mb_fake)keys->input_quantiser, .bits = a->input_bits, .is_signed = seen->min < 0};
        if (w.bits > 1 && w.kind == MB_FAKE_SIGN) w.kind = MB_FAKE_LSQ; /* layers that a pin keeps at more bits */
        if (w.bits != 2 && w.kind == MB_FAKE_TERNARY) w.kind = w.bits == 1 ? MB_FAKE_SIGN : MB_FAKE_LSQ;
        if (w.kind == MB_FAKE_HWGQ && w.bits > 4) w.kind = MB_FAKE_LSQ;
        if (w.bits == 1 && (w.kind == MB_FAKE_LSQ || w.kind == MB_FAKE_MINMAX)) w.kind = MB_FAKE_SIGN;
        if (x.kind == MB_FAKE_SIGN && (x.bits > 1 || !x.is_signed)) x.kind = MB_FAKE_LSQ;
        if (x.is_signed && x.bits == 1 && x.kind != MB_FAKE_NONE) x.kind = MB_FAKE_SIGN;
        if (x.is_signed && (x.kind == MB_FAKE_PACT || x.kind == MB_FAKE_HWGQ || x.kind == MB_FAKE_DOREFA)) x.kind = MB_FAKE_LSQ;
        if (x.kind == MB_FAKE_HWGQ && x.bits > 4) x.kind = MB_FAKE_LSQ;
        if (!rc) rc = mb_fake_check(&w, true, l->name);
        if (!rc) rc = mb_fake_check(&x, false, l->name);
        if (!rc) rc = mb_model_quantise(m, i, &w, &x);
        l = &m->layer[i];
        if (rc || !profiled || l->xq.block < 0) continue;
        float lo, hi, s = (float)mb_input_scale(seen, x.bits, x.is_signed, MB_RANGE_MSE, 1.0);
        mb_fake_levels(&x, false, &lo, &hi);
        m->theta[m->block[l->xq.block].at] = x.kind == MB_FAKE_PACT ? s * hi : s;
    }
    mb_profile_free(prof);
    mb_network_free(net);
    return rc;
}

/* The bits: a plan file, or what map says without a search. */
static int make_plan(mb_training *t, mb_plan **plan) {
    mb_network *net = NULL;
    mb_problem prob;
    int rc = mb_model_network(t->model, &net);
    if (rc) return rc;
    if (*t->own.plan) {
        if (t->hash) net->hash = t->hash; /* plans are made for the network with its normalisation folded */
        rc = mb_plan_load(t->own.plan, net, plan);
        if (rc) mb_context(rc, "plan asked for at %s", mb_conf_where(mb_conf_find(t->conf, "train.plan")));
    } else {
        rc = mb_problem_load(mb_conf_use(t->conf, "map"), net, &prob);
        if (!rc) {
            rc = mb_plan_new(net, &prob.menu.base, plan);
            if (!rc) mb_problem_pin(&prob, *plan);
            mb_problem_free(&prob);
        }
    }
    mb_network_free(net);
    if (!rc && mb_plan_prunes(*plan))
        rc = mb_fail(MB_BADINPUT, "the plan keeps fewer channels than the network has: train the network first, with all of them");
    return rc;
}

/* --- loading
 * -------------------------------------------------------------------------------------------------------------------- */

static int load_model(const char *path, mb_model **m) {
    mb_network *net = NULL;
    int rc = mb_network_load_apart(path, &net);
    if (!rc) rc = mb_model_from_network(net, m);
    mb_network_free(net);
    return rc;
}

/* Input and outputs of a family are those of the data, unless the group says them. */
static int start_family(mb_training *t, mb_conf *c) {
    const mb_shape *s = &t->train->shape;
    char text[100];
    int rc = MB_OK;
    t->fresh = true;
    snprintf(text, sizeof text, "[%lld, %lld, %lld]", (long long)s->d[0], (long long)(s->nd > 2 ? s->d[1] : 1),
             (long long)(s->nd > 2   ? s->d[2]
                         : s->nd > 1 ? s->d[1]
                                     : 1));
    if (!mb_conf_find(c, "input")) rc = mb_conf_set(c, "input", text, MB_FROM_DEFAULT);
    snprintf(text, sizeof text, "%d", t->train->classes);
    if (!rc && !mb_conf_find(c, "classes")) rc = mb_conf_set(c, "classes", text, MB_FROM_DEFAULT);
    if (!rc) rc = mb_family_load(c, NULL, t->seed, NULL, &t->model);
    for (int i = 0; !rc && t->own.hard_tanh && i < t->model->n_layers; i++) {
        mb_model_layer *l = &t->model->layer[i];
        if (l->kind == MB_KIND_CLIP) l->lo = -1, l->hi = 1;
    }
    return rc;
}

static int start_model(mb_training *t) {
    mb_conf *root = t->conf, *c = mb_conf_use(root, "train.network");
    if (!c) c = mb_conf_use(root, "network");
    if (c && c->type == MB_CONF_GROUP) return start_family(t, c);
    if (!c || c->type != MB_CONF_STRING)
        return mb_fail(MB_BADINPUT,
                       "%s: nothing to train: give train.network = { family = \"resnet20\"; } (`mixbar list families`), or the "
                       "path of a network",
                       mb_conf_where(c ? c : root));
    char *dir = mb_conf_dir(c), *path = dir ? mb_path_join(dir, c->s) : NULL;
    mb_network *folded = NULL;
    int rc = path ? load_model(path, &t->model) : mb_nomem();
    if (!rc) rc = mb_network_load(path, &folded);
    if (!rc) t->hash = folded->hash;
    mb_network_free(folded);
    if (rc) mb_context(rc, "network asked for at %s", mb_conf_where(c));
    mb_free(path);
    mb_free(dir);
    return rc;
}

/* --- what hardware does ---------------------------------------------------------------------------------------------------------- */

void mb_hardware_free(mb_hardware *h) {
    mb_noise_free(h->noise);
    mb_train_arrays_free(h->arrays);
    *h = (mb_hardware){0};
}

static void hardware_weights(void *ctx, int layer, size_t n, float *w) { mb_noise_weights(((const mb_hardware *)ctx)->noise, layer, n, w); }

static void hardware_output(void *ctx, int layer, int n, const float *x, size_t count, float *y, float *keep) {
    const mb_hardware *h = ctx;
    mb_noise_outputs(h->noise, layer, count, y, keep);
    if (h->arrays) mb_train_arrays_output(h->arrays, layer, n, x, count, y);
}

mb_engine_hooks mb_hardware_hooks(mb_hardware *h, const mb_training_keys *own) {
    return (mb_engine_hooks){.ctx = h, .weights = hardware_weights, .output = own->converters ? hardware_output : NULL};
}

int mb_hardware_step(mb_hardware *h, mb_model *model, const mb_training_keys *keys, int epoch, int64_t step) {
    if (keys->weight_clip > 0) mb_model_clip_weights(model, keys->weight_clip);
    if (h->noise) mb_noise_step(h->noise, epoch, step);
    return h->arrays ? mb_train_arrays_step(h->arrays, step) : MB_OK;
}

/* Errors of the converters alone into NOISE, layer by layer, as they are at the start. */
static int measure_converters(const mb_conf *conf, mb_cache *cache, const mb_model *model, const mb_plan *plan, mb_noise *noise) {
    mb_train_arrays *arrays = NULL;
    double *relative = mb_calloc((size_t)plan->n, sizeof *relative);
    int rc = relative ? mb_train_arrays_new(conf, cache, model, plan, 1, &arrays) : mb_nomem();
    if (!rc) rc = mb_train_arrays_step(arrays, 0);
    if (!rc) rc = mb_train_arrays_errors(arrays, relative);
    for (int k = 0; k < plan->n && !rc; k++) mb_noise_converters(noise, k, relative[k]);
    mb_train_arrays_free(arrays);
    mb_free(relative);
    return rc;
}

int mb_hardware_open(mb_hardware *h, const mb_conf *conf, mb_cache *cache, const mb_cell *cell, const mb_read_keys *read,
                     const mb_model *model, const mb_plan *plan, uint64_t seed, const mb_training_keys *keys) {
    int rc = mb_noise_new(model, plan, cell, read->time_s, read->temperature_K, keys->noise, seed, &h->noise);
    if (!rc && keys->converters == MB_CONVERTERS_NOISE) rc = measure_converters(conf, cache, model, plan, h->noise);
    if (!rc && keys->converters == MB_CONVERTERS_ARRAYS)
        rc = mb_train_arrays_new(conf, cache, model, plan, keys->converter_refresh, &h->arrays);
    return rc;
}

static int make_noise(mb_training *t, const mb_plan *plan) {
    mb_conf *g = mb_conf_use(t->conf, "device");
    mb_read_keys read;
    if (!g)
        return mb_fail(MB_BADINPUT, "%s: train.noise and train.converters need a device, e.g. device = \"rram\"",
                       mb_conf_where(mb_conf_find(t->conf, "train")));
    int rc = mb_cell_expand(g);
    if (!rc) rc = mb_cell_load(mb_conf_use(t->conf, "device"), &t->cell);
    if (rc) return mb_context(rc, "device asked for at %s", mb_conf_where(g));
    rc = mb_params_load(mb_read_params, mb_conf_use(t->conf, "read"), NULL, &read);
    return rc ? rc : mb_hardware_open(&t->hardware, t->conf, t->cache, &t->cell, &read, t->model, plan, t->seed, &t->own);
}

/* Groups and keys of other verbs are theirs to check. */
static void leave_to_others(mb_conf *root) {
    static const char *const other[] = {"network", "calibration", "device", "arch", "map", "sweep", "against", "read", "plot", "trials"};
    for (size_t i = 0; i < sizeof other / sizeof *other; i++) {
        mb_conf *c = mb_conf_use(root, other[i]);
        if (c) mb_conf_use_all(c);
    }
}

/* Names of a table's keys, ended by NULL. */
static void names_of(const mb_param *table, const char **names) {
    while (table->name) *names++ = table++->name;
    *names = NULL;
}

void mb_training_keys_free(mb_train_keys *keys, mb_training_keys *own) {
    mb_params_free(mb_train_params, keys);
    mb_params_free(mb_training_params, own);
}

int mb_training_keys_load(mb_conf *group, mb_train_keys *keys, mb_training_keys *own) {
    const char *of_run[40] = {"dataset", "network"}, *of_own[40] = {"dataset", "network"};
    names_of(mb_training_params, of_own + 2);
    names_of(mb_train_params, of_run + 2);
    int rc = mb_params_load(mb_train_params, group, of_own, keys);
    if (rc) return rc;
    rc = mb_params_load(mb_training_params, group, of_run, own);
    if (rc) mb_params_free(mb_train_params, keys);
    return rc;
}

static int load_keys(mb_training *t) {
    static const char *const also[] = {"network", "dataset", "calibration", "device", "arch",  "map",
                                       "sweep",   "against", "read",        "plot",   "train", "trials", NULL};
    mb_conf *root = t->conf, *g = mb_conf_use(root, "train");
    mb_experiment_keys keys;
    if (!g || g->type != MB_CONF_GROUP)
        return mb_fail(MB_BADINPUT, "%s: %s", mb_conf_where(g ? g : root),
                       g ? "train is a group { ... }" : "the group train is missing: nothing to train");
    int rc = mb_params_load(mb_experiment_params, root, also, &keys);
    if (rc) return rc;
    t->seed = (uint64_t)keys.seed;
    t->name = mb_strdup(keys.name);
    mb_params_free(mb_experiment_params, &keys);
    if (!t->name) return mb_nomem();
    return mb_training_keys_load(g, &t->keys, &t->own);
}

int mb_training_load(mb_conf *root, mb_training *t) {
    memset(t, 0, sizeof *t);
    t->conf = root;
    mb_plan *plan = NULL;
    int rc = mb_cache_new(&t->cache);
    if (!rc) rc = load_keys(t);
    if (!rc && !mb_conf_find(root, "train.dataset"))
        rc = mb_fail(MB_BADINPUT, "%s: train.dataset is missing, e.g. \"fashion-mnist-train\"",
                     mb_conf_where(mb_conf_find(root, "train")));
    if (!rc) rc = mb_experiment_data(root, "train.dataset", t->cache, &t->train);
    if (!rc) rc = mb_experiment_data(root, "dataset", t->cache, &t->test);
    if (!rc) rc = start_model(t);
    if (!rc && (rc = mb_model_fits(t->model, t->train)))
        mb_context(rc, "training data at %s", mb_conf_where(mb_conf_find(root, "train.dataset")));
    if (!rc && (rc = mb_model_fits(t->model, t->test)))
        mb_context(rc, "dataset at %s", mb_conf_where(mb_conf_find(root, "dataset")));
    if (!rc && (size_t)t->own.samples > t->train->n)
        rc = mb_fail(MB_BADINPUT, "%s: train.samples = %d, but %s holds %zu: lower it, or 0 for all",
                     mb_conf_where(mb_conf_find(root, "train.samples")), t->own.samples, t->train->source, t->train->n);
    if (!rc && *t->own.teacher && (rc = load_model(t->own.teacher, &t->teacher)))
        mb_context(rc, "teacher asked for at %s", mb_conf_where(mb_conf_find(root, "train.teacher")));
    if (!rc && (t->own.weight_quantiser || t->own.input_quantiser || t->own.noise > 0 || t->own.converters)) {
        rc = make_plan(t, &plan);
        if (!rc) t->plan = mb_hash64(plan->assign, (size_t)plan->n * sizeof *plan->assign, MB_HASH_START);
        if (!rc && (t->own.weight_quantiser || t->own.input_quantiser))
            rc = mb_training_quantise(t->model, plan, &t->own, t->train, !t->fresh);
        if (!rc && (t->own.noise > 0 || t->own.converters)) rc = make_noise(t, plan);
    }
    leave_to_others(root);
    if (!rc) rc = mb_conf_check_used(root);
    mb_plan_free(plan);
    if (rc) mb_training_free(t);
    return rc;
}

/* --- running
 * -------------------------------------------------------------------------------------------------------------------- */

static double now_s(void) {
    struct timespec ts;
    clock_gettime(CLOCK_MONOTONIC, &ts);
    return (double)ts.tv_sec + 1e-9 * (double)ts.tv_nsec;
}

typedef struct files {
    char *dir, *used, *log, *checkpoint, *network;
} files;

static void files_free(files *f) {
    mb_free(f->dir);
    mb_free(f->used);
    mb_free(f->log);
    mb_free(f->checkpoint);
    mb_free(f->network);
}

static int name_files(const mb_training *t, const char *dir, files *f) {
    memset(f, 0, sizeof *f);
    char *onnx = mb_asprintf("%s.onnx", t->name);
    f->dir = dir ? mb_strdup(dir) : mb_path_join("runs", t->name);
    if (f->dir && onnx) {
        f->used = mb_path_join(f->dir, "used.cfg");
        f->log = mb_path_join(f->dir, "train.jsonl");
        f->checkpoint = mb_path_join(f->dir, "checkpoint");
        f->network = *t->own.output ? mb_strdup(t->own.output) : mb_path_join(f->dir, onnx);
    }
    mb_free(onnx);
    if (f->used && f->log && f->checkpoint && f->network) return MB_OK;
    files_free(f);
    return mb_nomem();
}

/* The first N lines of the log into TEXT. */
static int read_log(const char *path, int n, mb_str *text) {
    uint8_t *p = NULL;
    size_t size = 0, at = 0;
    if (!mb_file_exists(path)) return n ? mb_fail(MB_BADINPUT, "%s is missing beside its checkpoint", path) : MB_OK;
    int rc = mb_file_read(path, 0, &p, &size);
    if (rc) return rc;
    while (n > 0 && at < size) n -= p[at++] == '\n';
    if (n) rc = mb_fail(MB_BADINPUT, "%s has fewer epochs than its checkpoint; delete both to begin again", path);
    else mb_str_addn(text, (const char *)p, at);
    mb_free(p);
    return rc;
}

static void log_line(mb_str *log, const mb_epoch *e, const mb_score *test) {
    mb_json j;
    mb_json_init(&j, log, 0);
    mb_json_open(&j, NULL, '{');
    mb_json_int(&j, "epoch", e->epoch);
    mb_json_real(&j, "rate", e->rate);
    mb_json_real(&j, "loss", e->loss);
    mb_json_real(&j, "accuracy", e->accuracy);
    mb_json_real(&j, "held_loss", e->held_loss);
    mb_json_real(&j, "held_accuracy", e->held_accuracy);
    mb_json_real(&j, "test_loss", test->loss);
    mb_json_real(&j, "test_accuracy", (double)test->correct / (double)test->samples);
    mb_json_close(&j, '}');
    mb_str_add(log, "\n");
}

static int write_text(const char *path, const mb_str *s) {
    return s->failed ? mb_nomem() : mb_file_write(path, mb_cstr(s), s->n);
}

static int write_used(const mb_training *t, const char *path) {
    mb_str s = {0};
    mb_str_add(&s, "# Every value of this training, with its origin. Running this file repeats it.\n");
    mb_conf_write(t->conf, &s, true);
    int rc = write_text(path, &s);
    mb_str_free(&s);
    return rc;
}

static int write_network(const mb_training *t, const char *path) {
    mb_str s = {0};
    char *doc = mb_asprintf("trained by mixbar train, experiment %s, seed %llu", t->name, (unsigned long long)t->seed);
    int rc = doc ? mb_model_export(t->model, doc, &s) : mb_nomem();
    if (!rc) rc = write_text(path, &s);
    mb_str_free(&s);
    mb_free(doc);
    return rc;
}

static int epochs(mb_training *t, mb_trainer *tr, const files *f, const mb_training_options *o, mb_str *log,
                  mb_training_result *r) {
    int rc = MB_OK;
    int64_t samples = (int64_t)t->test->n;
    bool stop = false;
    while (!rc && !stop && mb_trainer_epochs_done(tr) < t->keys.epochs) {
        mb_training_report rep = {.epochs = t->keys.epochs};
        double start = now_s();
        rc = mb_trainer_epoch(tr, &rep.epoch);
        if (rc) break;
        rep.seconds = now_s() - start;
        rep.images_per_s = (double)rep.epoch.samples / rep.seconds;
        rc = mb_model_score(t->model, t->test, 0, samples, 0, NULL, &r->test);
        if (rc) break;
        stop = rep.epoch.stop;
        rep.test_accuracy = (double)r->test.correct / (double)r->test.samples;
        rep.test_loss = r->test.loss;
        log_line(log, &rep.epoch, &r->test);
        rc = write_text(f->log, log);
        if (!rc) rc = mb_trainer_save(tr, f->checkpoint);
        r->epochs++;
        r->seconds += now_s() - start;
        if (!rc && o->on_epoch && o->on_epoch(o->ctx, &rep)) rc = MB_INTERRUPTED;
    }
    if (rc && mb_trainer_epochs_done(tr) > 0)
        mb_context(rc, "the last good state, after epoch %d, is kept in %s", mb_trainer_epochs_done(tr), f->checkpoint);
    return rc;
}

typedef struct step_ctx {
    mb_training *t;
    const mb_training_options *o;
} step_ctx;

static int on_progress(void *ctx, int epoch, int64_t done, int64_t total, double loss, double accuracy) {
    const step_ctx *c = ctx;
    return c->o->progress ? c->o->progress(c->o->ctx, epoch, done, total, loss, accuracy) : 0;
}

static int on_step(void *ctx, int epoch, int64_t step) {
    mb_training *t = ((const step_ctx *)ctx)->t;
    return mb_hardware_step(&t->hardware, t->model, &t->own, epoch, step);
}

/* What the training is beside the keys, data and layers that the trainer knows: where it starts, and what hardware does. */
static uint64_t salt_of(const mb_training *t) {
    static const char *const group[] = {"device", "arch", "read"};
    double extra[] = {t->own.noise, t->own.weight_clip, t->own.hard_tanh, t->own.converters, t->own.converter_refresh};
    uint64_t h = mb_hash64(extra, sizeof extra, MB_HASH_START);
    h = mb_hash64(&t->hash, sizeof t->hash, h);
    if (!t->hardware.noise) return h;
    h = mb_hash64(&t->plan, sizeof t->plan, h);
    for (size_t i = 0; i < sizeof group / sizeof *group; i++) {
        const mb_conf *c = mb_conf_find(t->conf, group[i]);
        const uint64_t own = c ? mb_conf_hash(c) : 0;
        h = mb_hash64(&own, sizeof own, h);
    }
    return h;
}

int mb_training_run(mb_training *t, const mb_training_options *o, mb_training_result *r) {
    files f;
    mb_str log = {0};
    mb_trainer *tr = NULL;
    memset(r, 0, sizeof *r);
    int rc = name_files(t, o->dir, &f);
    if (rc) return rc;
    bool there = mb_file_exists(f.checkpoint);
    if (there && !o->resume && !o->force) {
        rc = mb_fail(MB_BADINPUT, "%s holds a training: --resume goes on with it, --force begins again", f.dir);
        goto out;
    }
    const uint64_t salt = salt_of(t);
    step_ctx ctx = {t, o};
    const mb_engine_hooks hooks = mb_hardware_hooks(&t->hardware, &t->own);
    mb_train_job job = {.model = t->model,
                        .keys = &t->keys,
                        .data = t->train,
                        .samples = t->own.samples,
                        .teacher = t->teacher,
                        .seed = t->seed,
                        .salt = salt,
                        .threads = t->own.threads,
                        .progress = on_progress,
                        .ctx = &ctx,
                        .step = t->hardware.noise || t->own.weight_clip > 0 ? on_step : NULL,
                        .hooks = t->hardware.noise ? &hooks : NULL};
    rc = mb_trainer_new(&job, &tr);
    if (!rc) rc = mb_file_mkdirs(f.dir);
    if (!rc) mb_file_sweep(f.dir);
    if (!rc && there && o->resume) rc = mb_trainer_load(tr, f.checkpoint);
    if (!rc) rc = read_log(f.log, mb_trainer_epochs_done(tr), &log);
    if (!rc) rc = write_used(t, f.used);
    if (!rc) rc = mb_model_score(t->model, t->test, 0, (int64_t)t->test->n, 0, NULL, &r->test);
    if (!rc) rc = epochs(t, tr, &f, o, &log, r);
    if (!rc) rc = mb_model_score(t->model, t->test, 0, (int64_t)t->test->n, 0, NULL, &r->test);
    if (!rc) rc = write_network(t, f.network);
    if (!rc && !((r->network = mb_strdup(f.network)) && (r->dir = mb_strdup(f.dir)))) rc = mb_nomem();
out:
    mb_trainer_free(tr);
    mb_str_free(&log);
    files_free(&f);
    return rc;
}
