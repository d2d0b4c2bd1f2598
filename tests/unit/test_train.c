/* Quantisers of training against values of an independent program (golden/mapping/quantizers.json), losses and optimisers against
 * their definitions, the trainer: a small problem learnt, checkpoints to the same bytes, bad input. */
#include "onnxgen.h"

#include <jansson.h>
#include <math.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "base/mem.h"
#include "base/rng.h"
#include "nn/augment.h"
#include "nn/fakequant.h"
#include "nn/train.h"

/* --- quantisers --------------------------------------------------------------------------------------------------------------
 */

static double member(const json_t *c, const char *key) { return json_number_value(json_object_get(c, key)); }

/* The golden case C on X with the quantiser Q; weights or inputs. LEARNT: step or clip, 0: none. */
static void golden_case(const json_t *c, const float *x, size_t n, const mb_fakequant *q, bool weights, float learnt) {
    float y[64];
    const json_t *want = json_object_get(c, "y");
    if (weights) mb_fake_weights(q, learnt > 0 ? &learnt : NULL, 1, n, x, y, NULL);
    else mb_fake_inputs(q, mb_fake_inputs_step(q, learnt, mb_fake_max(n, x)), n, x, y);
    for (size_t i = 0; i < n; i++) {
        double w = json_number_value(json_array_get(want, i));
        if (fabs(w - (double)y[i]) > 2e-6 * (1 + fabs(w)))
            fail_msg("%s, %d bits: x = %g gives %g, want %g", json_string_value(json_object_get(c, "q")), q->bits, (double)x[i],
                     (double)y[i], w);
    }
}

static void test_golden(void **state) {
    (void)state;
    char path[500];
    json_error_t e;
    float x[64];
    size_t i, seen = 0;
    json_t *c;
    json_t *j = json_load_file(shared_path("golden/mapping/quantizers.json", path, sizeof path), 0, &e);
    if (!j) {
        print_message("# skipped: %s is not there\n", path);
        skip();
    }
    const json_t *xs = json_object_get(j, "x");
    size_t n = json_array_size(xs);
    assert_true(n <= 64);
    for (i = 0; i < n; i++) x[i] = (float)json_number_value(json_array_get(xs, i));
    json_array_foreach(json_object_get(j, "cases"), i, c) {
        const char *name = json_string_value(json_object_get(c, "q"));
        mb_fakequant q = {.bits = (int)member(c, "bits")};
        seen++;
        if (!strcmp(name, "hwgq")) q.kind = MB_FAKE_HWGQ, golden_case(c, x, n, &q, false, 0);
        else if (!strcmp(name, "edmips_gauss_weight")) q.kind = MB_FAKE_HWGQ, golden_case(c, x, n, &q, true, 0);
        else if (!strcmp(name, "sym_minmax")) q.kind = MB_FAKE_MINMAX, golden_case(c, x, n, &q, true, 0);
        else if (!strcmp(name, "dorefa_weight")) q.kind = MB_FAKE_DOREFA, golden_case(c, x, n, &q, true, 0);
        else if (!strcmp(name, "pact_act")) q.kind = MB_FAKE_PACT, golden_case(c, x, n, &q, false, (float)member(c, "alpha"));
        else if (!strcmp(name, "lsq_signed"))
            q.kind = MB_FAKE_LSQ, q.twos = true, golden_case(c, x, n, &q, true, (float)member(c, "step"));
        else seen--;
    }
    json_decref(j);
    assert_true(seen >= 25);
}

/* Derivatives by learnt numbers against their formulas, evaluated here in double. */
static void test_steps(void **state) {
    (void)state;
    enum { M = 1000 };
    float x[M], g[M], dx[M];
    mb_stream s;
    mb_stream_init(&s, 3, MB_RNG_TEST, 0, 0, 0);
    mb_stream_fill_normal(&s, M, x);
    mb_stream_fill_normal(&s, M, g);
    mb_fakequant q = {.kind = MB_FAKE_LSQ, .bits = 2};
    double a = mb_fake_inputs_back(&q, 0.4f, M, x, g, dx) * mb_fake_inputs_factor(&q, M), want = 0;
    for (int i = 0; i < M; i++) {
        double v = (double)x[i] / (double)0.4f;
        want += (double)g[i] * (v < 0 ? 0 : v > 3 ? 3 : rint(v) - v) / sqrt(3.0 * M);
        assert_true(dx[i] == (v < 0 || v > 3 ? 0 : g[i]));
    }
    assert_true(fabs(a - want) < 1e-4 * (1 + fabs(want)));
    q.kind = MB_FAKE_PACT;
    a = mb_fake_inputs_back(&q, 0.5f, M, x, g, dx) * mb_fake_inputs_factor(&q, M);
    want = 0;
    for (int i = 0; i < M; i++) {
        want += x[i] >= 1.5f ? (double)g[i] : 0;
        assert_true(dx[i] == (x[i] > 0 && x[i] < 1.5f ? g[i] : 0));
    }
    assert_true(fabs(a - want) < 1e-4);
    q = (mb_fakequant){.kind = MB_FAKE_SIGN, .bits = 1};
    float w[4] = {0.5f, -1.5f, 0.25f, -0.25f}, y[4], d[4] = {1, 1, 1, 1};
    mb_fake_weights(&q, NULL, 1, 4, w, y, NULL);
    for (int i = 0; i < 4; i++) assert_true(fabsf(y[i] - copysignf(0.625f, w[i])) < 1e-6f);
    mb_fake_weights_back(&q, NULL, 1, 4, w, d, NULL);
    for (int i = 0; i < 4; i++) assert_true(fabsf(d[i] - (0.25f + (i == 1 ? 0 : 0.625f))) < 1e-6f);
}

/* The ternary scale has the least error of all: compared with all sets of largest numbers. */
static void test_ternary(void **state) {
    (void)state;
    float w[40], y[40];
    mb_fakequant q = {.kind = MB_FAKE_TERNARY, .bits = 2};
    for (unsigned t = 0; t < 50; t++) {
        mb_stream s;
        mb_stream_init(&s, 5, MB_RNG_TEST, 0, t, 0);
        mb_stream_fill_normal(&s, 40, w);
        mb_fake_weights(&q, NULL, 1, 40, w, y, NULL);
        double err = 0, least = HUGE_VAL;
        for (int i = 0; i < 40; i++) err += pow((double)w[i] - (double)y[i], 2);
        for (int k = 0; k < 40; k++) { /* non-zeros: all not smaller than |w[k]| */
            double sum = 0, all = 0, n = 0;
            for (int i = 0; i < 40; i++) {
                all += (double)w[i] * (double)w[i];
                if (fabsf(w[i]) >= fabsf(w[k])) sum += fabs((double)w[i]), n++;
            }
            least = fmin(least, all - sum * sum / n);
        }
        assert_true(err <= least * 1.0001 + 1e-6);
    }
}

static void test_check(void **state) {
    (void)state;
    mb_fakequant q = {.kind = MB_FAKE_PACT, .bits = 4};
    assert_fails(mb_fake_check(&q, true, "conv1"), MB_BADINPUT, "conv1");
    q.is_signed = true;
    assert_fails(mb_fake_check(&q, false, "conv1"), MB_BADINPUT, "negative");
    q = (mb_fakequant){.kind = MB_FAKE_HWGQ, .bits = 5};
    assert_fails(mb_fake_check(&q, false, "conv1"), MB_BADINPUT, "1 to 4 bits");
}

/* --- losses, schedules, optimisers -------------------------------------------------------------------------------------------
 */

static void test_loss(void **state) {
    (void)state;
    float z[12], u[12], dz[12];
    int32_t label[3] = {2, 0, 3};
    mb_stream s;
    mb_stream_init(&s, 9, MB_RNG_TEST, 0, 0, 0);
    mb_stream_fill_normal(&s, 12, z);
    mb_stream_fill_normal(&s, 12, u);
    mb_loss_spec spec[] = {{.kind = MB_LOSS_CROSS_ENTROPY},
                           {.kind = MB_LOSS_CROSS_ENTROPY, .smoothing = 0.1},
                           {.kind = MB_LOSS_SQUARED},
                           {.kind = MB_LOSS_CROSS_ENTROPY, .teacher = u, .weight = 0.6, .temperature = 3}};
    for (size_t k = 0; k < 4; k++) {
        mb_loss_batch(&spec[k], 3, 4, z, label, dz, NULL);
        for (int i = 0; i < 12; i++) {
            float v = z[i], h = 1e-2f;
            z[i] = v + h;
            double up = mb_loss_batch(&spec[k], 3, 4, z, label, NULL, NULL);
            z[i] = v - h;
            double down = mb_loss_batch(&spec[k], 3, 4, z, label, NULL, NULL);
            z[i] = v;
            assert_true(fabs((up - down) / (2 * (double)h) - (double)dz[i]) < 1e-4);
        }
    }
    int64_t correct = 0;
    float even[4] = {0, 0, 0, 0};
    assert_true(fabs(mb_loss_batch(&spec[0], 1, 4, even, label + 1, NULL, &correct) - log(4)) < 1e-12);
    assert_int_equal(correct, 1);
    even[2] = NAN;
    assert_false(isfinite(mb_loss_batch(&spec[0], 1, 4, even, label, NULL, NULL)));
}

static void test_schedules(void **state) {
    (void)state;
    double at[] = {0.5, 0.75};
    mb_rate_schedule s = {.kind = MB_SCHEDULE_STEP, .factor = 0.1, .at = at, .n = 2};
    assert_true(fabs(mb_scheduled_rate(&s, 49, 100) - 1) < 1e-12 && fabs(mb_scheduled_rate(&s, 50, 100) - 0.1) < 1e-12);
    assert_true(fabs(mb_scheduled_rate(&s, 75, 100) - 0.01) < 1e-12);
    s = (mb_rate_schedule){.kind = MB_SCHEDULE_COSINE, .warm = 10};
    assert_true(fabs(mb_scheduled_rate(&s, 0, 110) - 0.1) < 1e-12 && fabs(mb_scheduled_rate(&s, 10, 110) - 1) < 1e-12);
    assert_true(fabs(mb_scheduled_rate(&s, 60, 110) - 0.5) < 1e-12 && mb_scheduled_rate(&s, 110, 110) < 1e-12);
    s = (mb_rate_schedule){.kind = MB_SCHEDULE_ONE_CYCLE};
    assert_true(fabs(mb_scheduled_rate(&s, 0, 100) - 0.04) < 1e-12 && fabs(mb_scheduled_rate(&s, 30, 100) - 1) < 1e-12);
    assert_true(fabs(mb_scheduled_rate(&s, 100, 100) - 4e-6) < 1e-12);
}

/* Three steps on one weight, by hand. */
static void test_optimisers(void **state) {
    (void)state;
    mb_model *m = NULL;
    mb_shape in = {1, {1}};
    assert_ok(mb_model_new("one", &in, &m));
    mb_model_linear(m, "w", 0, 1, false);
    assert_ok(mb_model_done(m));
    float v1 = 0, v2 = 0, g = 0.5f;
    double t = 1, v = 0;
    mb_optimiser o = {.kind = MB_SGD, .momentum = 0.9, .decay = 0.01, .nesterov = true, .v1 = &v1, .v2 = &v2};
    m->theta[0] = 1;
    for (int i = 0; i < 3; i++) {
        mb_optimiser_step(&o, m, &g, 0.1, 2);
        double d = 0.5 + 0.01 * t;
        v = 0.9 * v + d;
        t -= 0.1 * (d + 0.9 * v);
    }
    assert_true(fabs(t - (double)m->theta[0]) < 1e-6);
    o = (mb_optimiser){.kind = MB_ADAM, .v1 = &v1, .v2 = &v2};
    v1 = v2 = 0;
    m->theta[0] = 1;
    mb_optimiser_step(&o, m, &g, 0.1, 1); /* the first step of Adam has the size of the rate */
    assert_true(fabsf(m->theta[0] - 0.9f) < 1e-6f);
    mb_model_free(m);
}

/* Learnt steps stay positive, whatever the gradient; small changes, weights and logits are as they were. */
static void test_bounded_steps(void **state) {
    (void)state;
    mb_model *m = NULL;
    mb_shape in = {1, {2}};
    assert_ok(mb_model_new("steps", &in, &m));
    int a = mb_model_linear(m, "a", 0, 3, false), b = mb_model_linear(m, "b", a, 1, false);
    mb_fakequant lsq = {.kind = MB_FAKE_LSQ, .bits = 8, .per_channel = true, .block = -1}, none = {.block = -1};
    mb_fakequant mix = {.kind = MB_FAKE_MIX, .mix = 1u << 2 | 1u << 8, .block = -1};
    assert_ok(mb_model_done(m));
    assert_ok(mb_model_quantise(m, a, &lsq, &none));
    assert_ok(mb_model_quantise(m, b, &mix, &none));
    float *v = mb_calloc(2 * m->n_theta, sizeof *v), *g = v + m->n_theta;
    mb_optimiser o = {.kind = MB_SGD, .v1 = v};
    for (size_t i = 0; i < m->n_theta; i++) m->theta[i] = 1, g[i] = 100;
    float *step = m->theta + m->block[m->layer[a].wq.block].at, *logit = m->theta + m->block[m->layer[b].wq.block].at;
    g[step - m->theta + 1] = -100;
    g[step - m->theta + 2] = 0.5f;
    mb_optimiser_step(&o, m, g, 0.1, 2);
    assert_true(fabsf(m->theta[0] + 9) < 1e-5f);
    assert_true(fabsf(step[0] - 1 / 1.1f) < 1e-6f && fabsf(step[1] - 1.1f) < 1e-6f && fabsf(step[2] - 0.95f) < 1e-6f);
    assert_true(fabsf(logit[0] + 9) < 1e-5f && fabsf(logit[1] + 9) < 1e-5f);
    assert_true(fabsf(logit[2] - 1 / 1.1f) < 1e-6f && fabsf(logit[3] - 1 / 1.1f) < 1e-6f);
    memset(g, 0, m->n_theta * sizeof *g); /* and the momentum of what was cut off is gone */
    o.momentum = 0.9;
    mb_optimiser_step(&o, m, g, 0.1, 2);
    assert_true(fabsf(step[0] - (1 - 1.9f * (1 - 1 / 1.1f))) < 1e-5f);
    mb_free(v);
    mb_model_free(m);
}

/* --- training ----------------------------------------------------------------------------------------------------------------
 */

enum { SAMPLES = 600, SIDE = 6 };

/* Noise with a bright bar: class 0 across, 1 down, 2 none. */
static mb_dataset *make_data(void) {
    mb_dataset *d = mb_calloc(1, sizeof *d);
    size_t per = SIDE * SIDE;
    float *x = mb_malloc(SAMPLES * per, sizeof *x);
    d->source = mb_strdup("bars");
    d->n = SAMPLES;
    d->shape = (mb_shape){3, {1, SIDE, SIDE}};
    d->type = MB_F32;
    d->raw = x;
    d->label = mb_malloc(SAMPLES, sizeof *d->label);
    d->classes = 3;
    d->n_norm = 1;
    d->scale = 1;
    d->mean = mb_calloc(1, sizeof *d->mean);
    d->std = mb_malloc(1, sizeof *d->std);
    d->std[0] = 1;
    for (int i = 0; i < SAMPLES; i++) {
        mb_stream s;
        mb_stream_init(&s, 1, MB_RNG_TEST, 0, 7, (uint32_t)i);
        mb_stream_fill_normal(&s, per, x + (size_t)i * per);
        d->label[i] = i % 3;
        int at = (int)(mb_stream_u32(&s) % SIDE);
        for (int k = 0; k < SIDE && i % 3 < 2; k++) x[(size_t)i * per + (size_t)(i % 3 ? k * SIDE + at : at * SIDE + k)] += 2.5f;
    }
    return d;
}

static mb_model *make_model(void) {
    mb_model *m = NULL;
    mb_shape s = {3, {1, SIDE, SIDE}};
    assert_ok(mb_model_new("bars", &s, &m));
    int x = mb_model_relu(m, "r1", mb_model_norm(m, "n1", mb_model_conv(m, "c1", 0, 8, 3, 3, 1, 1, 1, false)));
    x = mb_model_pool(m, "p", x, MB_KIND_MAXPOOL, 2, 2, 0);
    mb_model_linear(m, "fc", x, 3, true);
    assert_ok(mb_model_done(m));
    mb_model_init(m, 4);
    return m;
}

static mb_train_keys make_keys(int epochs) {
    return (mb_train_keys){.epochs = epochs,
                           .batch = 32,
                           .optimiser = MB_SGD,
                           .schedule = MB_SCHEDULE_COSINE,
                           .nesterov = true,
                           .flip = true,
                           .shift = 1,
                           .rate = 0.05,
                           .momentum = 0.9,
                           .decay = 1e-4,
                           .factor = 0.1,
                           .holdout = 90,
                           .teacher_weight = 0.5,
                           .teacher_temperature = 2};
}

static double learn(mb_model *m, const mb_dataset *d, const mb_train_keys *k, const mb_model *teacher, int threads) {
    mb_trainer *t = NULL;
    mb_epoch e = {0};
    mb_train_job job = {.model = m, .keys = k, .data = d, .teacher = teacher, .seed = 1, .threads = threads};
    assert_ok(mb_trainer_new(&job, &t));
    for (int i = 0; i < k->epochs && !e.stop; i++) assert_ok(mb_trainer_epoch(t, &e));
    mb_trainer_free(t);
    return e.held_accuracy;
}

static void test_learns(void **state) {
    (void)state;
    mb_dataset *d = make_data();
    mb_model *m = make_model(), *teacher = NULL, *q = NULL;
    mb_train_keys k = make_keys(25);
    assert_true(learn(m, d, &k, NULL, 2) > 0.85);
    assert_ok(mb_model_copy(m, &teacher));
    assert_ok(mb_model_copy(m, &q));
    mb_fakequant none = {.kind = MB_FAKE_NONE, .block = -1}, w = {.kind = MB_FAKE_LSQ, .bits = 3, .per_channel = true},
                 x = {.kind = MB_FAKE_LSQ, .bits = 3, .is_signed = true}, u = {.kind = MB_FAKE_LSQ, .bits = 2};
    assert_ok(mb_model_quantise(q, 1, &w, &x));
    assert_ok(mb_model_quantise(q, 5, &w, &u));
    k.rate = 0.01;
    assert_true(learn(q, d, &k, teacher, 2) > 0.8);
    assert_true(q->theta[q->block[q->layer[1].wq.block].at] > 0);
    mb_model_free(q);
    (void)none;
    q = make_model();
    k.optimiser = MB_ADAM;
    k.rate = 0.01;
    k.loss = MB_LOSS_SQUARED;
    assert_true(learn(q, d, &k, NULL, 1) > 0.85);
    mb_model_free(q);
    mb_model_free(m);
    mb_model_free(teacher);
    mb_dataset_free(d);
}

/* Stopped after 2 of 4 epochs and gone on from the file: the bytes of a training that was not stopped; also again with the same
 * threads. */
static void test_resume(void **state) {
    (void)state;
    mb_dataset *d = make_data();
    mb_train_keys k = make_keys(4);
    char path[] = "/tmp/mixbar-train-XXXXXX";
    close(mkstemp(path));
    for (int kind = MB_SGD; kind <= MB_ADAM; kind++) {
        mb_model *whole = make_model(), *part = make_model();
        mb_trainer *t = NULL;
        mb_epoch e;
        k.optimiser = kind;
        k.patience = 3;
        k.rate = kind == MB_SGD ? 0.05 : 0.01;
        learn(whole, d, &k, NULL, 2);
        mb_train_job job = {.model = part, .keys = &k, .data = d, .seed = 1, .threads = 2};
        assert_ok(mb_trainer_new(&job, &t));
        assert_ok(mb_trainer_epoch(t, &e));
        assert_ok(mb_trainer_epoch(t, &e));
        assert_ok(mb_trainer_save(t, path));
        mb_trainer_free(t);
        mb_model_init(part, 99); /* forgotten */
        assert_ok(mb_trainer_new(&job, &t));
        assert_ok(mb_trainer_load(t, path));
        assert_int_equal(mb_trainer_epochs_done(t), 2);
        assert_ok(mb_trainer_epoch(t, &e));
        assert_ok(mb_trainer_epoch(t, &e));
        assert_memory_equal(whole->theta, part->theta, whole->n_theta * sizeof(float));
        assert_memory_equal(whole->state, part->state, whole->n_state * sizeof(float));
        mb_trainer_free(t);
        job.seed = 2;
        assert_ok(mb_trainer_new(&job, &t));
        assert_fails(mb_trainer_load(t, path), MB_BADINPUT, "another training");
        mb_trainer_free(t);
        mb_model_free(whole);
        mb_model_free(part);
    }
    uint8_t *p = NULL;
    size_t n = 0;
    mb_model *m = make_model();
    mb_trainer *t = NULL;
    mb_train_job job = {.model = m, .keys = &k, .data = d, .seed = 1, .threads = 2};
    assert_ok(mb_file_read(path, 0, &p, &n));
    p[n / 2] ^= 1;
    assert_ok(mb_file_write(path, p, n));
    assert_ok(mb_trainer_new(&job, &t));
    assert_fails(mb_trainer_load(t, path), MB_BADINPUT, "damaged");
    assert_ok(mb_file_write(path, p, 10));
    assert_fails(mb_trainer_load(t, path), MB_BADINPUT, "not a checkpoint");
    mb_trainer_free(t);
    mb_free(p);
    unlink(path);
    mb_model_free(m);
    mb_dataset_free(d);
}

static void test_bad(void **state) {
    (void)state;
    mb_dataset *d = make_data();
    mb_model *m = make_model();
    mb_train_keys k = make_keys(3);
    mb_trainer *t = NULL;
    mb_epoch e;
    mb_train_job job = {.model = m, .keys = &k, .data = d, .seed = 1, .threads = 1};
    k.batch = SAMPLES;
    assert_fails(mb_trainer_new(&job, &t), MB_BADINPUT, "larger than the 510");
    k.batch = 32;
    d->classes = 4;
    assert_fails(mb_trainer_new(&job, &t), MB_BADINPUT, "labels up to 3");
    d->classes = 3;
    k.rate = 1e18; /* diverges: told, and the state before this epoch is back */
    float before[512];
    assert_true(m->n_theta <= 512);
    memcpy(before, m->theta, m->n_theta * sizeof *before);
    assert_ok(mb_trainer_new(&job, &t));
    assert_fails(mb_trainer_epoch(t, &e), MB_NUMERIC, "is the first whose results are not finite");
    assert_memory_equal(before, m->theta, m->n_theta * sizeof *before);
    mb_trainer_free(t);
    mb_model_free(m);
    mb_dataset_free(d);
}

/* Spoilt running statistics, measured anew on the data: the score of the training is back. */
static void test_recalibrate(void **state) {
    (void)state;
    mb_dataset *d = make_data();
    mb_model *m = make_model();
    mb_train_keys k = make_keys(10);
    mb_score good, spoilt, again;
    learn(m, d, &k, NULL, 2);
    assert_ok(mb_model_score(m, d, 510, 90, 2, NULL, &good));
    for (size_t i = 0; i < m->n_state; i++) m->state[i] += 3;
    assert_ok(mb_model_score(m, d, 510, 90, 2, NULL, &spoilt));
    assert_ok(mb_model_recalibrate(m, d, 500, 50, 2, NULL));
    assert_ok(mb_model_score(m, d, 510, 90, 2, NULL, &again));
    assert_true(spoilt.loss > 1.5 * good.loss && fabs(again.loss - good.loss) < 0.1 * good.loss);
    mb_model_free(m);
    mb_dataset_free(d);
}

/* Mirrored and shifted samples hold the same numbers in other places; the order is a permutation; both are functions of the
 * epoch. */
static void test_augment(void **state) {
    (void)state;
    mb_dataset *d = make_data();
    int64_t order[SAMPLES];
    bool seen[SAMPLES] = {false};
    float tmp[SIDE * SIDE], a[SIDE * SIDE], b[SIDE * SIDE];
    int moved = 0, flipped = 0;
    mb_augment_order(1, 3, SAMPLES, order);
    for (int i = 0; i < SAMPLES; i++) {
        assert_true(order[i] >= 0 && order[i] < SAMPLES && !seen[order[i]]);
        seen[order[i]] = true;
        moved += order[i] != i;
    }
    assert_true(moved > SAMPLES / 2);
    mb_augment aug = {.flip = true, .shift = 0, .seed = 1};
    for (int i = 0; i < 100; i++) {
        mb_augment_get(&aug, d, i, 0, tmp, a);
        mb_augment_get(NULL, d, i, 0, tmp, b);
        bool f = memcmp(a, b, sizeof a) != 0;
        flipped += f;
        for (int y = 0; y < SIDE; y++)
            for (int x = 0; x < SIDE; x++) assert_true(a[y * SIDE + x] == b[y * SIDE + (f ? SIDE - 1 - x : x)]);
    }
    assert_true(flipped > 30 && flipped < 70);
    mb_dataset_free(d);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_golden),     cmocka_unit_test(test_steps),       cmocka_unit_test(test_ternary),
        cmocka_unit_test(test_check),      cmocka_unit_test(test_loss),        cmocka_unit_test(test_schedules),
        cmocka_unit_test(test_optimisers), cmocka_unit_test(test_bounded_steps), cmocka_unit_test(test_learns),      cmocka_unit_test(test_resume),
        cmocka_unit_test(test_bad),        cmocka_unit_test(test_recalibrate), cmocka_unit_test(test_augment)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
