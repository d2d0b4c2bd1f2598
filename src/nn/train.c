/* train.c - epochs of training; see train.h
 *
 * Called by: src/run (mixbar train, fine-tuning for policies). Checkpoints are in train_file.c.
 */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif

#include "nn/train.h"

#include <limits.h>
#include <math.h>
#include <string.h>

#include "base/error.h"
#include "base/mem.h"
#include "nn/augment.h"
#include "nn/parallel.h"
#include "nn/train_private.h"

const mb_param mb_train_params[] = {
    MB_INT(mb_train_keys, epochs, "", "10", 0, 100000, "passes over the training data"),
    MB_INT(mb_train_keys, batch, "", "128", 1, 65536, "samples per step"),
    MB_CHOICE(mb_train_keys, optimiser, MB_OPTIMISERS, "sgd", "SGD with momentum, or Adam"),
    MB_REAL(mb_train_keys, rate, "", "0.1", 0, 100, "largest learning rate"),
    MB_REAL(mb_train_keys, momentum, "", "0.9", 0, 0.9999, "of SGD"),
    MB_FLAG(mb_train_keys, nesterov, "true", "Nesterov's form of momentum"),
    MB_REAL(mb_train_keys, decay, "", "5e-4", 0, 1, "weight decay (of weights, not of biases and normalisation)"),
    MB_CHOICE(mb_train_keys, schedule, MB_SCHEDULES, "cosine", "course of the learning rate"),
    MB_INT(mb_train_keys, warmup, "epochs", "0", 0, 100000, "the rate rises linearly over these (not one-cycle)"),
    MB_VECTOR(mb_train_keys, steps, "", "[0.5, 0.75]", 0, 1,
              "schedule = step: fractions of the training after which the rate falls"),
    MB_REAL(mb_train_keys, factor, "", "0.1", 0, 1, "schedule = step: what the rate is multiplied by"),
    MB_CHOICE(mb_train_keys, loss, MB_LOSSES, "cross-entropy", "what is minimised"),
    MB_REAL(mb_train_keys, smoothing, "", "0", 0, 0.9, "share of the target spread over all classes"),
    MB_FLAG(mb_train_keys, flip, "false", "mirror every other sample left to right"),
    MB_INT(mb_train_keys, shift, "pixels", "0", 0, 64, "move samples by up to this many pixels along both axes"),
    MB_INT(mb_train_keys, holdout, "", "0", 0, 1e9, "samples at the end of the training data that are watched, not trained on"),
    MB_INT(mb_train_keys, patience, "epochs", "0", 0, 100000,
           "stop after so many without a better loss of the held-out samples, keep the best; 0: never"),
    MB_REAL(mb_train_keys, teacher_weight, "", "0.7", 0, 1, "share of the teacher in the loss"),
    MB_REAL(mb_train_keys, teacher_temperature, "", "4", 0.1, 1000, "temperature of both softmaxes in it"),
    MB_PARAM_END};

int mb_model_fits(const mb_model *m, const mb_dataset *d) {
    const mb_shape *in = &m->layer[0].shape, *out = &mb_model_output(m)->shape;
    char a[80], b[80];
    if (mb_shape_count(in) != mb_shape_count(&d->shape) || (in->nd > 1 && d->shape.nd > 1 && !mb_shape_equal(in, &d->shape)))
        return mb_fail(MB_BADINPUT, "the samples of %s are %s, model \"%s\" takes %s", d->source,
                       mb_shape_text(&d->shape, a, sizeof a), m->name, mb_shape_text(in, b, sizeof b));
    if ((int64_t)mb_shape_count(out) < d->classes)
        return mb_fail(MB_BADINPUT, "%s has labels up to %d, model \"%s\" has outputs for 0 to %zu: set classes", d->source,
                       d->classes - 1, m->name, mb_shape_count(out) - 1);
    return MB_OK;
}

void mb_trainer_free(mb_trainer *t) {
    if (!t) return;
    mb_engine_free(t->engine);
    mb_engine_free(t->teacher);
    mb_free(t->opt.v1);
    mb_free(t->opt.v2);
    mb_free(t->grad);
    mb_free(t->good);
    mb_free(t->best);
    mb_free(t->order);
    mb_free(t->tmp);
    mb_free(t->dy);
    mb_free(t->label);
    mb_free(t);
}

static int batch_too_large(const mb_train_job *j, int64_t n) {
    return mb_fail(MB_BADINPUT,
                   "a batch of %d samples is larger than the %lld to train on (of %s, %d held out): lower train.batch",
                   j->keys->batch, (long long)n, j->data->source, j->keys->holdout);
}

int mb_trainer_new(const mb_train_job *job, mb_trainer **out) {
    const mb_train_keys *k = job->keys;
    int64_t all = job->samples ? job->samples : (int64_t)job->data->n, n = all - k->holdout;
    int rc = mb_model_fits(job->model, job->data);
    if (rc) return rc;
    if (n < k->batch) return batch_too_large(job, n > 0 ? n : 0);
    if (k->patience && !k->holdout)
        return mb_fail(MB_BADINPUT, "train.patience needs train.holdout: stopping early watches samples that are not trained on");
    mb_trainer *t = mb_calloc(1, sizeof *t);
    if (!t) return mb_nomem();
    mb_model *m = job->model;
    size_t per = mb_shape_count(&m->layer[0].shape), classes = mb_shape_count(&mb_model_output(m)->shape);
    t->job = *job;
    t->n = n;
    t->threads = job->threads > 0 ? job->threads : mb_parallel_threads();
    t->classes = (int)classes;
    t->opt = (mb_optimiser){
        .kind = (mb_optimiser_kind)k->optimiser, .momentum = k->momentum, .decay = k->decay, .nesterov = k->nesterov};
    t->opt.v1 = mb_calloc(m->n_theta, sizeof(float));
    t->opt.v2 = mb_calloc(k->optimiser == MB_ADAM ? m->n_theta : 0, sizeof(float));
    t->grad = mb_calloc(m->n_theta, sizeof(float));
    t->good = mb_calloc(m->n_theta + m->n_state, sizeof(float));
    t->best = mb_calloc(m->n_theta + m->n_state, sizeof(float));
    t->order = mb_calloc((size_t)n, sizeof *t->order);
    t->tmp = mb_calloc((size_t)t->threads * per, sizeof(float));
    t->dy = mb_calloc((size_t)k->batch * classes, sizeof(float));
    t->label = mb_calloc((size_t)k->batch, sizeof *t->label);
    t->best_loss = HUGE_VAL;
    if (!t->opt.v1 || !t->opt.v2 || !t->grad || !t->good || !t->best || !t->order || !t->tmp || !t->dy || !t->label)
        rc = mb_nomem();
    mb_engine_options o = {.batch = k->batch, .threads = t->threads, .hooks = job->hooks};
    if (!rc) rc = mb_engine_new(m, &o, &t->engine);
    o.hooks = NULL;
    if (!rc && job->teacher) {
        union {
            const mb_model *in;
            mb_model *model;
        } u = {job->teacher}; /* evaluation passes change nothing */
        if (mb_shape_count(&mb_model_output(u.in)->shape) != classes)
            rc = mb_fail(MB_BADINPUT, "the teacher has %zu outputs, model \"%s\" has %zu",
                         mb_shape_count(&mb_model_output(u.in)->shape), m->name, classes);
        if (!rc) rc = mb_model_fits(u.in, job->data);
        if (!rc) rc = mb_engine_new(u.model, &o, &t->teacher);
    }
    if (rc) mb_trainer_free(t);
    else *out = t;
    return rc;
}

int mb_trainer_epochs_done(const mb_trainer *t) { return t->epoch; }

/* --- batches --------------------------------------------------------------------------------------------------------------- */

typedef struct fill {
    const mb_dataset *d;
    const mb_augment *a;
    const int64_t *index;
    int64_t first;
    int n, epoch;
    size_t per;
    float *tmp, *x;
} fill;

static void fill_part(void *ctx, int part, int parts) {
    const fill *f = ctx;
    size_t a, b;
    mb_part((size_t)f->n, 1, part, parts, &a, &b);
    for (size_t i = a; i < b; i++)
        mb_augment_get(f->a, f->d, f->index ? f->index[i] : f->first + (int64_t)i, f->epoch, f->tmp + (size_t)part * f->per,
                       f->x + i * f->per);
}

static int bad_loss(mb_trainer *t, int64_t step) {
    mb_model *m = t->job.model;
    int layer = mb_engine_not_finite(t->engine);
    size_t block = 0;
    for (int b = 0; b < m->n_blocks && !block; b++) {
        for (size_t i = 0; i < m->block[b].n; i++)
            if (!isfinite(m->theta[m->block[b].at + i])) {
                block = (size_t)b + 1;
                break;
            }
    }
    const char *hint = "lower train.rate, or raise train.warmup";
    if (layer < 0)
        return mb_fail(MB_NUMERIC, "the loss is not a number at step %lld of epoch %d, though all layers are finite: %s",
                       (long long)step + 1, t->epoch + 1, hint);
    return mb_fail(
        MB_NUMERIC,
        "the loss is not a number at step %lld of epoch %d: layer \"%s\" is the first whose results are not finite%s%s: %s",
        (long long)step + 1, t->epoch + 1, m->layer[layer].name, block ? ", after the parameters " : "",
        block ? m->block[block - 1].name : "", hint);
}

static double rate_of(const mb_trainer *t, int64_t step, int64_t steps) {
    const mb_train_keys *k = t->job.keys;
    mb_rate_schedule s = {(mb_rate_schedule_kind)k->schedule, (double)k->warmup * (double)steps, k->factor, k->steps.v, k->steps.n};
    return k->rate * mb_scheduled_rate(&s, (int64_t)t->epoch * steps + step, (int64_t)k->epochs * steps);
}

static int train_step(mb_trainer *t, int64_t step, int64_t steps, double *loss, int64_t *correct) {
    const mb_train_keys *k = t->job.keys;
    mb_augment a = {k->flip, k->shift, t->job.seed};
    size_t per = mb_shape_count(&t->job.model->layer[0].shape);
    fill f = {t->job.data, &a, t->order + step * k->batch, 0, k->batch, t->epoch, per, t->tmp, mb_engine_input(t->engine)};
    mb_parallel(t->threads, fill_part, &f);
    for (int i = 0; i < k->batch; i++) t->label[i] = t->job.data->label[f.index[i]];
    mb_loss_spec spec = {.kind = (mb_loss_kind)k->loss,
                         .smoothing = k->smoothing,
                         .weight = k->teacher_weight,
                         .temperature = k->teacher_temperature};
    int rc = MB_OK;
    if (t->teacher) {
        memcpy(mb_engine_input(t->teacher), f.x, (size_t)k->batch * per * sizeof *f.x);
        rc = mb_engine_forward(t->teacher, MB_PASS_EVAL);
        spec.teacher = mb_engine_output(t->teacher);
    }
    if (!rc && t->job.step) rc = t->job.step(t->job.ctx, t->epoch, step);
    if (!rc) rc = mb_engine_forward(t->engine, MB_PASS_TRAIN);
    if (rc) return rc;
    double l = mb_loss_batch(&spec, k->batch, t->classes, mb_engine_output(t->engine), t->label, t->dy, correct);
    if (!isfinite(l)) return bad_loss(t, step);
    *loss += l;
    rc = mb_engine_backward(t->engine, t->dy, t->grad);
    if (!rc && t->job.penalty) *loss += t->job.penalty(t->job.ctx, t->grad);
    if (!rc) mb_optimiser_step(&t->opt, t->job.model, t->grad, rate_of(t, step, steps), t->threads);
    return rc;
}

static void keep(const mb_model *m, float *to) {
    memcpy(to, m->theta, m->n_theta * sizeof *to);
    memcpy(to + m->n_theta, m->state, m->n_state * sizeof *to);
}

static void restore(mb_model *m, const float *from) {
    memcpy(m->theta, from, m->n_theta * sizeof *from);
    memcpy(m->state, from + m->n_theta, m->n_state * sizeof *from);
}

/* Score on the engine E of BATCH samples. */
static int score(mb_net_engine *e, const mb_model *m, int batch, float *tmp, const mb_dataset *d, int64_t first, int64_t n,
                 mb_score *s) {
    size_t per = mb_shape_count(&m->layer[0].shape), classes = mb_shape_count(&mb_model_output(m)->shape);
    mb_loss_spec spec = {.kind = MB_LOSS_CROSS_ENTROPY};
    *s = (mb_score){0};
    for (int64_t i = 0; i < n; i += batch) {
        int count = n - i < batch ? (int)(n - i) : batch;
        fill f = {d, NULL, NULL, first + i, count, 0, per, tmp, mb_engine_input(e)};
        memset(f.x, 0, per * (size_t)batch * sizeof *f.x);
        mb_parallel(mb_engine_threads(e), fill_part, &f);
        int rc = mb_engine_forward(e, MB_PASS_EVAL);
        if (rc) return rc;
        s->loss +=
            mb_loss_batch(&spec, count, (int)classes, mb_engine_output(e), d->label + first + i, NULL, &s->correct) * count;
        s->samples += count;
    }
    if (s->samples) s->loss /= (double)s->samples;
    return MB_OK;
}

static int watch(mb_trainer *t, mb_epoch *out) {
    const mb_train_keys *k = t->job.keys;
    mb_score s;
    if (!k->holdout) return MB_OK;
    int rc = score(t->engine, t->job.model, k->batch, t->tmp, t->job.data, t->n, k->holdout, &s);
    if (rc) return rc;
    out->held_loss = s.loss;
    out->held_accuracy = (double)s.correct / (double)s.samples;
    if (!k->patience) return MB_OK;
    if (s.loss < t->best_loss) {
        t->best_loss = s.loss;
        t->best_epoch = t->epoch;
        keep(t->job.model, t->best);
    }
    if (t->epoch - t->best_epoch >= k->patience || t->epoch == k->epochs) {
        restore(t->job.model, t->best);
        out->stop = t->epoch < k->epochs;
    }
    return MB_OK;
}

int mb_trainer_epoch(mb_trainer *t, mb_epoch *out) {
    const mb_train_keys *k = t->job.keys;
    int64_t steps = t->n / k->batch, correct = 0;
    double loss = 0;
    int rc = MB_OK;
    keep(t->job.model, t->good);
    mb_augment_order(t->job.seed, t->epoch, t->n, t->order);
    for (int64_t s = 0; !rc && s < steps; s++) {
        rc = train_step(t, s, steps, &loss, &correct);
        if (!rc && t->job.progress &&
            t->job.progress(t->job.ctx, t->epoch, (s + 1) * k->batch, steps * k->batch, loss / (double)(s + 1),
                            (double)correct / (double)((s + 1) * k->batch)))
            rc = MB_INTERRUPTED;
    }
    if (rc) {
        restore(t->job.model, t->good);
        return rc;
    }
    *out = (mb_epoch){.loss = loss / (double)steps,
                      .accuracy = (double)correct / (double)(steps * k->batch),
                      .rate = rate_of(t, steps - 1, steps),
                      .held_loss = (double)NAN,
                      .held_accuracy = (double)NAN,
                      .samples = steps * k->batch};
    out->epoch = ++t->epoch;
    return watch(t, out);
}

/* --- without training --------------------------------------------------------------------------------------------------------
 */

enum { SCORE_BATCH = 100 };

int mb_model_score(mb_model *m, const mb_dataset *data, int64_t first, int64_t n, int threads, const mb_engine_hooks *hooks,
                   mb_score *out) {
    mb_net_engine *e = NULL;
    mb_engine_options o = {.batch = n < SCORE_BATCH ? (int)n : SCORE_BATCH, .threads = threads, .hooks = hooks};
    int rc = mb_model_fits(m, data);
    if (!rc && (first < 0 || n < 1 || first + n > (int64_t)data->n)) rc = mb_fail(MB_BUG, "samples outside of the data");
    if (!rc) rc = mb_engine_new(m, &o, &e);
    float *tmp = rc ? NULL : mb_malloc((size_t)mb_engine_threads(e) * mb_shape_count(&m->layer[0].shape), sizeof *tmp);
    if (!rc && !tmp) rc = mb_nomem();
    if (!rc) rc = score(e, m, o.batch, tmp, data, first, n, out);
    mb_free(tmp);
    mb_engine_free(e);
    return rc;
}

int mb_model_recalibrate(mb_model *m, const mb_dataset *data, int64_t n, int batch, int threads, const mb_engine_hooks *hooks) {
    mb_net_engine *e = NULL;
    size_t per = mb_shape_count(&m->layer[0].shape);
    mb_engine_options o = {.batch = n < batch ? (int)n : batch, .threads = threads, .hooks = hooks};
    int rc = mb_model_fits(m, data);
    if (!rc) rc = mb_engine_new(m, &o, &e);
    float *tmp = rc ? NULL : mb_malloc((size_t)mb_engine_threads(e) * per, sizeof *tmp);
    if (!rc && !tmp) rc = mb_nomem();
    for (int64_t i = 0; !rc && i + o.batch <= n; i += o.batch) {
        fill f = {data, NULL, NULL, i, o.batch, 0, per, tmp, mb_engine_input(e)};
        mb_parallel(mb_engine_threads(e), fill_part, &f);
        rc = mb_engine_forward(e, MB_PASS_RECALIBRATE);
    }
    mb_free(tmp);
    mb_engine_free(e);
    return rc;
}
