/* hessian_model.c - the objective of a model in double precision: exact Hessian-vector products (nn/diff.h) */
#include "base/error.h"
#include "nn/hessian.h"

static int gradient(void *ctx, const double *theta, size_t first, size_t n, const double *target, double *y, double *loss,
                    double *dtheta) {
    const mb_model_data *d = ctx;
    const double *t = target ? target : d->target + first * mb_diff_outputs(d->model);
    return mb_diff_gradient(d->model, d->mode, theta, n, d->x + first * mb_diff_inputs(d->model), t, y, loss, dtheta, NULL);
}

static int hvp(void *ctx, const double *theta, const double *v, int block, size_t first, size_t n, double *hv) {
    const mb_model_data *d = ctx;
    return mb_diff_hvp(d->model, d->mode, theta, v, block, n, d->x + first * mb_diff_inputs(d->model),
                       d->target + first * mb_diff_outputs(d->model), NULL,
                       hv);
}

mb_objective mb_objective_of_model(mb_model_data *d, size_t samples) {
    mb_objective o = {.model = d->model, .loss = d->mode.loss, .samples = samples, .ctx = d, .gradient = gradient, .hvp = hvp};
    if (d->mode.training) o.batch = samples;     /* a batch normalises itself: all samples are one */
    return o;
}
