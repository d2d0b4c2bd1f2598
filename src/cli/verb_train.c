/* verb_train.c - mixbar train EXP.cfg: train or fine-tune a network, write it as ONNX */
#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "base/mem.h"
#include "cli/common.h"
#include "cli/doc.h"
#include "cli/options.h"
#include "run/training.h"

typedef struct options {
    mb_strings set;
    const char *output, *format;
    int threads;
    bool resume, force;
} options;

static const mb_option table[] = {
    MB_OPTION_LIST(options, set, 's', "set", "KEY=VALUE",
                   "set a key of the experiment, as if it stood in the file; may be repeated"),
    MB_OPTION_INT(options, threads, 'j', "threads", "N", 1, 4096,
                  "threads (default: OMP_NUM_THREADS or all cores); part of what fixes the result"),
    MB_OPTION_TEXT(options, output, 'o', "output", "DIR", "run folder (default: runs/NAME)", "dir"),
    MB_OPTION_FLAG(options, resume, 'r', "resume", "go on after the last finished epoch of a training that was stopped"),
    MB_OPTION_FLAG(options, force, 0, "force", "begin again: the checkpoint in the run folder is replaced"),
    MB_OPTION_TEXT(options, format, 'f', "format", "FORMAT", "form of the answer", MB_CLI_FORMATS),
    MB_OPTION_END,
};

typedef struct watch {
    mb_meter meter;
    int epochs;
} watch;

static int on_progress(void *ctx, int epoch, int64_t done, int64_t total, double loss, double accuracy) {
    watch *w = ctx;
    int64_t all = total * w->epochs, at = total * epoch + done;
    if (!*w->meter.what) w->meter.progress.step(w->meter.progress.ctx, "training", 0, all / MB_SIM_BLOCK);
    snprintf(w->meter.what, sizeof w->meter.what, "epoch %d/%d  loss %.4f  accuracy %.2f %%", epoch + 1, w->epochs, loss,
             100 * accuracy);
    char what[sizeof w->meter.what];
    memcpy(what, w->meter.what, sizeof what);
    return w->meter.progress.step(w->meter.progress.ctx, what, at / MB_SIM_BLOCK, all / MB_SIM_BLOCK);
}

static int on_epoch(void *ctx, const mb_training_report *r) {
    watch *w = ctx;
    const mb_epoch *e = &r->epoch;
    char held[64] = "";
    if (e->held_accuracy == e->held_accuracy)
        snprintf(held, sizeof held, "  held out %.4f (%.2f %%)", e->held_loss, 100 * e->held_accuracy);
    mb_meter_line(&w->meter, "epoch %d/%d  rate %.3g  loss %.4f (%.2f %%)%s  test %.4f (%.2f %%)  %.1f s, %.0f images/s%s",
                  e->epoch, r->epochs, e->rate, e->loss, 100 * e->accuracy, held, r->test_loss, 100 * r->test_accuracy,
                  r->seconds, r->images_per_s, e->stop ? "  no better for long: stopped, the best is kept" : "");
    return mb_cli_stopped();
}

static int answer(const mb_training *t, const mb_training_result *r, const char *format) {
    mb_doc d;
    mb_doc_begin(&d, format);
    mb_doc_open(&d, "training", '{', t->name);
    mb_doc_text(&d, "network", "%s", r->network);
    mb_doc_int(&d, "parameters", (int64_t)t->model->n_theta);
    mb_doc_int(&d, "epochs", t->keys.epochs);
    mb_doc_real(&d, "test_accuracy", (double)r->test.correct / (double)r->test.samples, "%");
    mb_doc_int(&d, "correct", r->test.correct);
    mb_doc_int(&d, "samples", r->test.samples);
    mb_doc_text(&d, "folder", "%s", r->dir);
    mb_doc_close(&d, '}');
    return mb_doc_end(&d, MB_OK);
}

static int run(const void *opt, int argc, char *const *argv) {
    const options *o = opt;
    mb_conf *root = NULL;
    mb_training t;
    mb_training_result r = {0};
    watch w = {0};
    (void)argc;
    if (o->resume && o->force) return mb_fail(MB_USAGE, "--resume keeps the checkpoint and --force replaces it: choose one");
    mb_cli_threads(o->threads);
    int rc = mb_experiment_read(argv[0], o->set.v, o->set.n, &root);
    if (!rc) rc = mb_training_load(root, &t);
    if (rc) return rc;
    mb_meter_start(&w.meter, 1);
    w.epochs = t.keys.epochs;
    mb_training_options to = {
        .dir = o->output, .resume = o->resume, .force = o->force, .on_epoch = on_epoch, .progress = on_progress, .ctx = &w};
    rc = mb_training_run(&t, &to, &r);
    mb_meter_clear(&w.meter);
    if (rc == MB_INTERRUPTED) mb_note("stopped; `mixbar train %s --resume` goes on after the last finished epoch", argv[0]);
    if (!rc) rc = answer(&t, &r, o->format);
    mb_free(r.network);
    mb_free(r.dir);
    mb_training_free(&t);
    return rc;
}

const mb_verb mb_verb_train = {
    .name = "train",
    .usage = "EXP.cfg [-s KEY=VALUE]... [-o DIR] [--resume]",
    .summary = "train or fine-tune a network, write it as ONNX",
    .details = "The group `train` of the experiment says how: the network to begin with (a built-in family or an ONNX file), the "
               "training data, "
               "optimiser, schedule, augmentation, and quantisers for training at the bits of a plan. After each epoch a "
               "checkpoint is kept in the "
               "run folder; the same seed and number of threads give the same bytes, stopped and resumed or not.",
    .examples = "mixbar train experiments/train-fashion.cfg\nmixbar train experiments/train-fashion.cfg -s train.epochs=2 -o try",
    .options = table,
    .size = sizeof(options),
    .min_args = 1,
    .max_args = 1,
    .complete = "file",
    .run = run,
};
