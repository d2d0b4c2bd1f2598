/* train_file.c - checkpoints of a training
 *
 * One file in the byte order of the machine: the text "mixbar checkpoint 1\n", a header, the arrays theta, state, first and
 * second moments of the optimiser, best parameters (with patience), and the CRC-32 of all before. The header holds a hash of what
 * the training is (keys, layers, data, seed, threads), so that a file cannot go on as another training.
 */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif

#include <string.h>
#include <zlib.h>

#include "base/error.h"
#include "base/file.h"
#include "base/mem.h"
#include "nn/train_private.h"

static const char magic[20] = "mixbar checkpoint 1\n";

typedef struct header {
    char magic[20];
    uint32_t epoch, best_epoch;
    uint32_t zero;
    uint64_t id, n_theta, n_state, n_v2, n_best;
    int64_t steps;
    double best_loss;
} header;

static uint64_t mix(uint64_t h, const void *p, size_t n) { return mb_hash64(p, n, h); }

/* What the training is. */
static uint64_t identity(const mb_trainer *t) {
    const mb_model *m = t->job.model;
    const mb_train_keys *k = t->job.keys;
    int whole[] = {k->epochs,
                   k->batch,
                   k->optimiser,
                   k->schedule,
                   k->loss,
                   k->shift,
                   k->warmup,
                   k->patience,
                   k->holdout,
                   k->nesterov,
                   k->flip,
                   t->threads,
                   t->job.teacher != NULL,
                   t->job.hooks != NULL,
                   m->n_layers,
                   m->n_blocks};
    double real[] = {k->rate, k->momentum, k->decay, k->factor, k->smoothing, k->teacher_weight, k->teacher_temperature};
    uint64_t h = mix(MB_HASH_START, whole, sizeof whole);
    h = mix(h, real, sizeof real);
    h = mix(h, k->steps.v, k->steps.n * sizeof *k->steps.v);
    h = mix(h, &t->job.seed, sizeof t->job.seed);
    h = mix(h, &t->job.salt, sizeof t->job.salt);
    h = mix(h, &t->job.data->hash, sizeof t->job.data->hash);
    h = mix(h, &t->n, sizeof t->n);
    for (int i = 0; i < m->n_layers; i++) {
        const mb_model_layer *l = &m->layer[i];
        int what[] = {(int)l->kind,    l->in[0],   l->in[1],          (int)l->wq.kind, l->wq.bits,
                      (int)l->xq.kind, l->xq.bits, l->wq.per_channel, l->xq.is_signed};
        h = mix(h, what, sizeof what);
        h = mix(h, &l->shape, sizeof l->shape);
    }
    for (int i = 0; i < m->n_blocks; i++) h = mix(h, m->block[i].name, strlen(m->block[i].name) + 1);
    if (t->job.teacher) h = mix(h, t->job.teacher->theta, t->job.teacher->n_theta * sizeof(float));
    return h;
}

static header header_of(const mb_trainer *t) {
    const mb_model *m = t->job.model;
    header h;
    memset(&h, 0, sizeof h);
    memcpy(h.magic, magic, sizeof magic);
    h.epoch = (uint32_t)t->epoch;
    h.best_epoch = (uint32_t)t->best_epoch;
    h.id = identity(t);
    h.n_theta = m->n_theta;
    h.n_state = m->n_state;
    h.n_v2 = t->opt.kind == MB_ADAM ? m->n_theta : 0;
    h.n_best = t->job.keys->patience ? m->n_theta + m->n_state : 0;
    h.steps = t->opt.steps;
    h.best_loss = t->best_loss;
    return h;
}

static size_t numbers_of(const header *h) { return (size_t)(2 * h->n_theta + h->n_state + h->n_v2 + h->n_best); }

/* The arrays one after another; SAVE: out of the trainer into P, otherwise back. */
static void arrays(const mb_trainer *t, const header *h, uint8_t *p, bool save) {
    float *a[] = {t->job.model->theta, t->job.model->state, t->opt.v1, t->opt.v2, t->best};
    uint64_t n[] = {h->n_theta, h->n_state, h->n_theta, h->n_v2, h->n_best};
    for (int i = 0; i < 5; i++) {
        size_t bytes = (size_t)n[i] * sizeof(float);
        if (save) memcpy(p, a[i], bytes);
        else memcpy(a[i], p, bytes);
        p += bytes;
    }
}

int mb_trainer_save(const mb_trainer *t, const char *path) {
    header h = header_of(t);
    size_t size = sizeof h + numbers_of(&h) * sizeof(float);
    uint8_t *p = mb_malloc(size + 4, 1);
    if (!p) return mb_nomem();
    memcpy(p, &h, sizeof h);
    arrays(t, &h, p + sizeof h, true);
    uint32_t crc = (uint32_t)crc32(0, p, (uInt)size);
    memcpy(p + size, &crc, sizeof crc);
    int rc = mb_file_write(path, p, size + 4);
    mb_free(p);
    return rc;
}

int mb_trainer_load(mb_trainer *t, const char *path) {
    header want = header_of(t), h;
    uint8_t *p = NULL;
    size_t size = 0;
    uint32_t crc = 0;
    int rc = mb_file_read(path, 0, &p, &size);
    if (rc) return rc;
    if (size < sizeof h + 4 || memcmp(p, magic, sizeof magic)) {
        rc = mb_fail(MB_BADINPUT, "%s: not a checkpoint of mixbar train", path);
        goto out;
    }
    memcpy(&h, p, sizeof h);
    memcpy(&crc, p + size - 4, 4);
    if (crc != (uint32_t)crc32(0, p, (uInt)(size - 4)))
        rc = mb_fail(MB_BADINPUT, "%s: the checkpoint is damaged; delete it to begin again", path);
    else if (h.id != want.id || h.n_theta != want.n_theta || h.n_state != want.n_state || h.n_v2 != want.n_v2 ||
             h.n_best != want.n_best || size != sizeof h + numbers_of(&h) * sizeof(float) + 4)
        rc = mb_fail(
            MB_BADINPUT,
            "%s: the checkpoint is of another training (other keys, network, data, seed or threads); delete it to begin again",
            path);
    if (rc) goto out;
    arrays(t, &h, p + sizeof h, false);
    t->epoch = (int)h.epoch;
    t->best_epoch = (int)h.best_epoch;
    t->best_loss = h.best_loss;
    t->opt.steps = h.steps;
out:
    mb_free(p);
    return rc;
}
