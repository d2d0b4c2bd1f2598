/* bench_train.c - training steps per second of the built-in networks, one JSON line per measurement
 *
 *   bench_train [FAMILY [BATCH [THREADS]]]      resnet20, 64 and 2 without arguments
 *
 * A step is forward pass, loss, backward pass and the optimiser, as in `mixbar train`, on 3 x 32 x 32 images. Figures are of the
 * fastest of ROUNDS rounds of some steps each. tests/bench/train_torch.sh measures PyTorch beside it.
 */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "base/error.h"
#include "base/mem.h"
#include "nn/engine.h"
#include "nn/family.h"
#include "nn/loss.h"
#include "nn/optimise.h"

enum { ROUNDS = 12, STEPS = 3 };

static void must(int rc) {
    if (!rc) return;
    mb_error_print(stderr);
    exit(1);
}

static double now_s(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

int main(int argc, char **argv) {
    const char *family = argc > 1 ? argv[1] : "resnet20";
    int batch = argc > 2 ? atoi(argv[2]) : 64, threads = argc > 3 ? atoi(argv[3]) : 2;
    char text[200];
    mb_conf *c = NULL;
    mb_model *m = NULL;
    mb_net_engine *e = NULL;
    snprintf(text, sizeof text, "family = \"%s\"; input = [3, 32, 32]; classes = 10;", family);
    must(mb_conf_parse(text, "bench", &c));
    must(mb_family_load(c, NULL, 1, NULL, &m));
    must(mb_engine_new(m, &(mb_engine_options){.batch = batch, .threads = threads}, &e));
    size_t n = (size_t)batch * 3 * 32 * 32;
    float *grad = mb_calloc(m->n_theta, sizeof *grad), *v = mb_calloc(m->n_theta, sizeof *v),
          *dy = mb_calloc((size_t)batch * 10, sizeof *dy);
    int32_t *label = mb_calloc((size_t)batch, sizeof *label);
    if (!grad || !v || !dy || !label) must(mb_nomem());
    for (size_t i = 0; i < n; i++) mb_engine_input(e)[i] = (float)(i % 17) / 8 - 1;
    for (int i = 0; i < batch; i++) label[i] = i % 10;
    mb_optimiser o = {.kind = MB_SGD, .momentum = 0.9, .decay = 1e-4, .nesterov = true, .v1 = v};
    mb_loss_spec spec = {.kind = MB_LOSS_CROSS_ENTROPY};
    double best = 1e9, forward = 0;
    for (int r = 0; r < ROUNDS; r++) {
        double f = 0, start = now_s();
        for (int s = 0; s < STEPS; s++) {
            double t = now_s();
            must(mb_engine_forward(e, MB_PASS_TRAIN));
            f += now_s() - t;
            mb_loss_batch(&spec, batch, 10, mb_engine_output(e), label, dy, NULL);
            must(mb_engine_backward(e, dy, grad));
            mb_optimiser_step(&o, m, grad, 1e-3, threads);
        }
        double all = (now_s() - start) / STEPS;
        if (all < best) best = all, forward = f / STEPS;
    }
    printf("{\"group\":\"train\",\"program\":\"mixbar\",\"network\":\"%s\",\"batch\":%d,\"threads\":%d,\"step_ms\":%.2f,"
           "\"forward_ms\":%.2f,\"images_per_s\":%.0f}\n",
           family, batch, threads, 1e3 * best, 1e3 * forward, batch / best);
    mb_engine_free(e);
    mb_model_free(m);
    mb_conf_free(c);
    mb_free(grad);
    mb_free(v);
    mb_free(dy);
    mb_free(label);
    return 0;
}
