/* test_diff.c - gradients and Hessian-vector products in double precision: every layer kind against central differences
 *
 * The loss is compared with differences of itself, so that nothing of the backward pass is trusted; the Hessian-vector product
 * with
 * differences of the gradient. Inputs and parameters are random: kinks (ReLU, maximum) are not hit.
 */
#include <math.h>

#include "base/mem.h"
#include "base/rng.h"
#include "mbtest.h"
#include "nn/diff.h"
#include "nn/hessian.h"

enum { N = 3 };

typedef struct fixture {
    mb_model *m;
    size_t P, in, out;
    double *theta, *x, *target, *grad, *dx, *v, *hv;
} fixture;

static void fill(uint32_t unit, size_t n, double scale, double *v) {
    mb_stream s;
    mb_stream_init(&s, 7, MB_RNG_TEST, 0, unit, 0);
    for (size_t k = 0; k < n; k++) v[k] = scale * mb_stream_normal(&s);
}

/* Takes the model. State: running means around 0, variances around 1. */
static void begin(fixture *f, mb_model *m, mb_loss_kind loss) {
    assert_ok(mb_model_done(m));
    mb_model_init(m, 3);
    *f = (fixture){.m = m, .P = m->n_theta, .in = mb_diff_inputs(m), .out = mb_diff_outputs(m)};
    double **all[] = {&f->theta, &f->grad, &f->v, &f->hv};
    for (size_t k = 0; k < 4; k++) assert_non_null(*all[k] = mb_malloc(f->P, sizeof(double)));
    assert_non_null(f->x = mb_malloc(N * f->in, sizeof(double)));
    assert_non_null(f->dx = mb_malloc(N * f->in, sizeof(double)));
    assert_non_null(f->target = mb_calloc(N * f->out, sizeof(double)));
    fill(1, f->P, 0.5, f->theta);
    fill(2, N * f->in, 1, f->x);
    fill(3, f->P, 1, f->v);
    if (loss == MB_LOSS_SQUARED) fill(4, N * f->out, 1, f->target);
    else for (size_t s = 0; s < N; s++) {
        f->target[s * f->out + s % f->out] = 0.75;               /* probabilities of two classes */
        f->target[s * f->out + (s + 1) % f->out] += 0.25;
    }
    for (size_t k = 0; k < m->n_state; k++) m->state[k] += 0.1f * (float)((int)(k % 5) + 1);
}

static void end(fixture *f) {
    double *all[] = {f->theta, f->x, f->target, f->grad, f->dx, f->v, f->hv};
    for (size_t k = 0; k < sizeof all / sizeof *all; k++) mb_free(all[k]);
    mb_model_free(f->m);
}

static double loss_at(const fixture *f, mb_diff_mode mode) {
    double L;
    assert_ok(mb_diff_gradient(f->m, mode, f->theta, N, f->x, f->target, NULL, &L, NULL, NULL));
    return L;
}

/* Five-point difference, error of the order h^4. */
static double difference(const double at[4], double h) { return (8 * (at[2] - at[1]) - (at[3] - at[0])) / (12 * h); }
static const double place[4] = {-2, -1, 1, 2};

/* The largest error of GRAD against differences of the loss in V[n], relative to the largest gradient. */
static double worst_difference(const fixture *f, mb_diff_mode mode, double *v, size_t n, const double *grad) {
    double h = 2e-5, worst = 0, top = 0, L[4];
    for (size_t k = 0; k < n; k++) {
        double at = v[k];
        for (int i = 0; i < 4; i++) {
            v[k] = at + h * place[i];
            L[i] = loss_at(f, mode);
        }
        v[k] = at;
        double d = fabs(difference(L, h) - grad[k]);
        if (!(d <= worst)) worst = d;
        top = fmax(top, fabs(grad[k]));
    }
    assert_true(top > 1e-6);
    return worst / top;
}

static void compare(mb_model *m, mb_loss_kind loss, bool training) {
    fixture f;
    mb_diff_mode mode = {loss, training};
    begin(&f, m, loss);
    assert_ok(mb_diff_gradient(f.m, mode, f.theta, N, f.x, f.target, NULL, NULL, f.grad, f.dx));
    double off = worst_difference(&f, mode, f.theta, f.P, f.grad), dx = worst_difference(&f, mode, f.x, N * f.in, f.dx);
    if (off > 1e-7) fail_msg("%s: gradient of parameters is off by %g", m->name, off);
    if (dx > 1e-7) fail_msg("%s: gradient of inputs is off by %g", m->name, dx);
    /* H v, and the gradient that comes with it */
    double h = 2e-5, worst = 0, top = 0, *g = mb_malloc(4 * f.P, sizeof *g), *theta = mb_malloc(f.P, sizeof *theta);
    assert_ok(mb_diff_hvp(f.m, mode, f.theta, f.v, -1, N, f.x, f.target, g, f.hv));
    for (size_t k = 0; k < f.P; k++) assert_true(fabs(g[k] - f.grad[k]) <= 1e-14 * (1 + fabs(f.grad[k])));
    for (int b = 0; b < m->n_blocks; b++) {                      /* one block alone: the same numbers */
        assert_ok(mb_diff_hvp(f.m, mode, f.theta, f.v, b, N, f.x, f.target, g, theta));
        for (size_t k = 0; k < f.P; k++) {
            bool own = k >= m->block[b].at && k < m->block[b].at + m->block[b].n;
            assert_true(theta[k] == (own ? f.hv[k] : 0) && g[k] == (own ? f.grad[k] : 0));
        }
    }
    for (int i = 0; i < 4; i++) {
        for (size_t k = 0; k < f.P; k++) theta[k] = f.theta[k] + h * place[i] * f.v[k];
        assert_ok(mb_diff_gradient(f.m, mode, theta, N, f.x, f.target, NULL, NULL, g + (size_t)i * f.P, NULL));
    }
    for (size_t k = 0; k < f.P; k++) {
        worst = fmax(worst, fabs(difference((double[]){g[k], g[f.P + k], g[2 * f.P + k], g[3 * f.P + k]}, h) - f.hv[k]));
        top = fmax(top, fabs(f.hv[k]));
    }
    if (!(worst <= 1e-6 * top) || !(top > 1e-6)) fail_msg("%s: H v is off by %g of %g", m->name, worst, top);
    mb_free(g);
    mb_free(theta);
    end(&f);
}

static mb_model *start(const char *name, int c, int h, int w) {
    mb_model *m = NULL;
    mb_shape s = {3, {c, h, w}};
    assert_ok(mb_model_new(name, &s, &m));
    return m;
}

/* A head for all: linear to three outputs, cross entropy. */
static void head(mb_model *m, int last, bool training) {
    mb_model_linear(m, "head", last, 3, true);
    compare(m, MB_LOSS_CROSS_ENTROPY, training);
}

static void convolutions(void **state) {
    (void)state;
    mb_model *m = start("conv", 2, 5, 4);
    head(m, mb_model_conv(m, "c", 0, 3, 3, 3, 1, 1, 1, true), false);
    m = start("strided conv", 2, 7, 6);
    head(m, mb_model_conv(m, "c", 0, 3, 3, 2, 2, 1, 1, false), false);
    m = start("grouped conv", 4, 5, 5);
    head(m, mb_model_conv(m, "c", 0, 6, 3, 3, 1, 1, 2, true), false);
    m = start("depthwise conv", 3, 6, 5);
    head(m, mb_model_conv(m, "c", 0, 3, 3, 3, 2, 1, 3, true), false);
    m = start("dilated conv", 2, 7, 7);
    mb_window w = {.kh = 3, .kw = 2, .sh = 1, .sw = 2, .pt = 2, .pl = 0, .pb = 1, .pr = 1, .dh = 2, .dw = 3, .cout = 3,
                   .groups = 1};
    head(m, mb_model_conv_window(m, "c", 0, &w, true), false);
    m = start("two convs", 1, 5, 5);
    int a = mb_model_tanh(m, "t", mb_model_conv(m, "c1", 0, 3, 3, 3, 1, 1, 1, true));
    head(m, mb_model_conv(m, "c2", a, 2, 2, 2, 1, 0, 1, true), false);
}

static void normalisation(void **state) {
    (void)state;
    for (int training = 0; training < 2; training++) {
        mb_model *m = start(training ? "norm in training" : "norm in inference", 2, 4, 3);
        int a = mb_model_norm(m, "n1", mb_model_conv(m, "c", 0, 3, 3, 3, 1, 1, 1, false));
        head(m, mb_model_norm(m, "n2", mb_model_tanh(m, "t", a)), training);
    }
    mb_model *m = start("scale", 2, 3, 3);
    head(m, mb_model_scale(m, "s", mb_model_tanh(m, "t", mb_model_conv(m, "c", 0, 2, 3, 3, 1, 1, 1, true))), false);
}

static void pools(void **state) {
    (void)state;
    mb_model *m = start("max", 2, 6, 5);
    head(m, mb_model_pool(m, "p", mb_model_conv(m, "c", 0, 2, 3, 3, 1, 1, 1, true), MB_KIND_MAXPOOL, 3, 2, 1), false);
    m = start("mean with padding", 2, 6, 5);
    head(m, mb_model_pool(m, "p", mb_model_conv(m, "c", 0, 2, 3, 3, 1, 1, 1, true), MB_KIND_AVGPOOL, 3, 2, 1), false);
    m = start("mean without padding", 2, 6, 5);
    mb_window w = {.kh = 3, .kw = 2, .sh = 2, .sw = 1, .pt = 1, .pl = 1, .pb = 0, .pr = 0, .dh = 1, .dw = 1, .groups = 1};
    head(m, mb_model_pool_window(m, "p", mb_model_conv(m, "c", 0, 2, 3, 3, 1, 1, 1, true), MB_KIND_AVGPOOL, &w, false), false);
    m = start("global mean", 2, 5, 4);
    head(m, mb_model_global(m, "p", mb_model_conv(m, "c", 0, 3, 3, 3, 1, 1, 1, true)), false);
}

static void elementwise(void **state) {
    (void)state;
    mb_model *m = start("relu", 2, 4, 4);
    head(m, mb_model_relu(m, "r", mb_model_conv(m, "c", 0, 3, 3, 3, 1, 1, 1, true)), false);
    m = start("clip", 2, 4, 4);
    head(m, mb_model_clip(m, "r", mb_model_conv(m, "c", 0, 3, 3, 3, 1, 1, 1, true), -0.5f, 1), false);
    m = start("tanh", 2, 4, 4);
    head(m, mb_model_tanh(m, "r", mb_model_conv(m, "c", 0, 3, 3, 3, 1, 1, 1, true)), false);
}

static void graphs(void **state) {
    (void)state;
    mb_model *m = start("sum", 2, 4, 4);
    int a = mb_model_conv(m, "a", 0, 3, 3, 3, 1, 1, 1, true), b = mb_model_tanh(m, "t", mb_model_conv(m, "b", a, 3, 1, 1, 1, 0,
                                                                                                      1, true));
    head(m, mb_model_add(m, "s", a, b), false);
    m = start("twice the same", 2, 3, 3);
    a = mb_model_tanh(m, "t", mb_model_conv(m, "a", 0, 2, 3, 3, 1, 1, 1, true));
    head(m, mb_model_add(m, "s", a, a), false);
    m = start("gather", 2, 3, 2);
    a = mb_model_tanh(m, "t", mb_model_conv(m, "a", 0, 2, 3, 3, 1, 1, 1, true));
    head(m, mb_model_gather(m, "g", a, &(mb_shape){1, {6}}, (int32_t[]){11, -1, 3, 3, 0, 7}, 0.25f), false);
    m = start("flatten", 2, 3, 2);
    head(m, mb_model_flatten(m, "f", mb_model_conv(m, "a", 0, 2, 3, 3, 1, 1, 1, true)), false);
    m = start("squared error", 1, 1, 4);
    mb_model_linear(m, "b", mb_model_tanh(m, "t", mb_model_linear(m, "a", 0, 5, true)), 3, false);
    compare(m, MB_LOSS_SQUARED, false);
}

/* A batch that normalises itself: the Hessian-vector product through objective and differences agree, too. */
static void objective(void **state) {
    (void)state;
    fixture f;
    mb_model *m = start("objective", 2, 4, 4);
    int a = mb_model_tanh(m, "t", mb_model_norm(m, "n", mb_model_conv(m, "c", 0, 3, 3, 3, 1, 1, 1, false)));
    mb_model_linear(m, "head", a, 3, true);
    for (int training = 0; training < 2; training++) {
        mb_model *copy = NULL;
        assert_ok(mb_model_done(m));
        assert_ok(mb_model_copy(m, &copy));
        begin(&f, copy, MB_LOSS_CROSS_ENTROPY);
        mb_model_data d = {f.m, {MB_LOSS_CROSS_ENTROPY, training}, f.x, f.target};
        mb_objective o = mb_objective_of_model(&d, N);
        double *other = mb_malloc(f.P, sizeof *other), top = 0, worst = 0;
        if (!training) o.batch = 2;                              /* two batches, the last one smaller */
        assert_ok(mb_diff_hvp(f.m, d.mode, f.theta, f.v, -1, N, f.x, f.target, NULL, f.hv));
        assert_ok(mb_objective_hvp(&o, f.theta, f.v, -1, other));
        for (size_t k = 0; k < f.P; k++) top = fmax(top, fabs(f.hv[k]));
        for (size_t k = 0; k < f.P; k++) assert_true(fabs(other[k] - f.hv[k]) <= 1e-13 * top);
        o.hvp = NULL;
        assert_ok(mb_objective_hvp(&o, f.theta, f.v, -1, other));
        for (size_t k = 0; k < f.P; k++) worst = fmax(worst, fabs(other[k] - f.hv[k]));
        assert_true(worst <= 1e-6 * top);
        memset(f.v, 0, f.P * sizeof *f.v);                       /* no direction: no division by 0 */
        assert_ok(mb_objective_hvp(&o, f.theta, f.v, -1, other));
        for (size_t k = 0; k < f.P; k++) assert_true(other[k] == 0);
        mb_free(other);
        end(&f);
    }
    mb_model_free(m);
}

/* Large outputs do not overflow, and the loss of a certain right answer is 0. */
static void large_outputs(void **state) {
    (void)state;
    mb_model *m = NULL;
    double L, y[2], p[2], g[4], theta[4] = {2000, 0, 0, 0}, x = 1, target[2] = {1, 0}, wrong[2] = {0, 1};
    mb_diff_mode mode = {MB_LOSS_CROSS_ENTROPY, false};
    assert_ok(mb_model_new("large", &(mb_shape){1, {1}}, &m));
    mb_model_linear(m, "a", 0, 2, true);
    assert_ok(mb_model_done(m));
    assert_ok(mb_diff_gradient(m, mode, theta, 1, &x, target, y, &L, NULL, NULL));
    assert_true(L == 0 && y[0] == 2000);
    mb_softmax(1, 2, y, p);
    assert_true(p[0] == 1 && p[1] == 0);
    assert_ok(mb_diff_gradient(m, mode, theta, 1, &x, wrong, NULL, &L, g, NULL));
    assert_true(L == 2000 && g[0] == 1 && g[1] == -1);
    mb_model_free(m);
}

/* Fisher information of labels drawn from the model comes near the exact one; Lanczos of a known matrix. */
static void fisher(void **state) {
    (void)state;
    fixture f;
    enum { MANY = 600 };
    mb_model *m = start("fisher", 1, 1, 3);
    mb_model_linear(m, "head", 0, 3, true);
    begin(&f, m, MB_LOSS_CROSS_ENTROPY);
    double *x = mb_malloc(MANY * 3, sizeof *x), *t = mb_calloc(MANY * 3, sizeof *t);
    fill(9, MANY * 3, 1, x);
    for (size_t s = 0; s < MANY; s++) t[s * 3] = 1;
    mb_model_data d = {f.m, {MB_LOSS_CROSS_ENTROPY, false}, x, t};
    mb_objective o = mb_objective_of_model(&d, MANY);
    mb_estimate exact[2], drawn[2], again[2];
    assert_ok(mb_fisher(&o, f.theta, MB_FISHER_EXACT, 1, exact, 0, NULL, NULL));
    assert_ok(mb_fisher(&o, f.theta, MB_FISHER_DRAWN, 1, drawn, 0, NULL, NULL));
    assert_ok(mb_fisher(&o, f.theta, MB_FISHER_DRAWN, 1, again, 0, NULL, NULL));
    for (int b = 0; b < 2; b++) {
        assert_true(exact[b].mean > 0.1 && exact[b].low < exact[b].mean && exact[b].mean < exact[b].high);
        assert_true(fabs(drawn[b].mean - exact[b].mean) < 5 * drawn[b].se);
        assert_true(drawn[b].mean != exact[b].mean && drawn[b].mean == again[b].mean);
    }
    mb_free(x);
    mb_free(t);
    end(&f);
}

static void bad_input(void **state) {
    (void)state;
    fixture f;
    mb_estimate e[2];
    mb_spectrum s;
    mb_model *m = start("bad", 1, 1, 3);
    mb_model_linear(m, "head", 0, 3, true);
    begin(&f, m, MB_LOSS_CROSS_ENTROPY);
    mb_model_data d = {f.m, {MB_LOSS_CROSS_ENTROPY, false}, f.x, f.target};
    mb_objective o = mb_objective_of_model(&d, 0);
    assert_fails(mb_objective_hvp(&o, f.theta, f.v, -1, f.hv), MB_BADINPUT, "at least one sample");
    assert_fails(mb_fisher(&o, f.theta, MB_FISHER_EMPIRICAL, 1, e, 0, NULL, NULL), MB_BADINPUT, "at least one sample");
    o = mb_objective_of_model(&d, N);
    assert_fails(mb_hessian_trace(&o, f.theta, -1, 0, 1, e), MB_BADINPUT, "probes");
    assert_fails(mb_hessian_spectrum(&o, f.theta, 0, 0, 1e-3, 1, &s), MB_BADINPUT, "step");
    /* the n-th allocation fails, at every place */
    long live = mb_mem_live();
    for (long k = 1, rc = MB_SYSTEM; rc != MB_OK; k++) {
        mb_mem_fail_after(k);
        rc = mb_hessian_trace(&o, f.theta, -1, 2, 1, e);
        if (!rc) rc = mb_hessian_spectrum(&o, f.theta, 0, 3, 1e-3, 1, &s);
        if (!rc) rc = mb_fisher(&o, f.theta, MB_FISHER_EXACT, 1, e, 0, NULL, NULL);
        mb_mem_fail_after(-1);
        assert_true(rc == MB_OK || rc == MB_SYSTEM);
        mb_error_clear();
        assert_int_equal(mb_mem_live(), live);
    }
    end(&f);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(convolutions), cmocka_unit_test(normalisation), cmocka_unit_test(pools),
        cmocka_unit_test(elementwise),  cmocka_unit_test(graphs),        cmocka_unit_test(objective),
        cmocka_unit_test(large_outputs), cmocka_unit_test(fisher),       cmocka_unit_test(bad_input),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
