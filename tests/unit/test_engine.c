/* The training engine against derivatives by central differences in double precision, layer by layer.
 *
 * The oracle is a plain forward pass in double written here (loops over c h w, one sample at a time but for batch statistics).
 * The loss is sum r y with fixed random r, so its derivative by the outputs is r. Also: same bytes again, statistics, quantisers
 * in the graph.
 */
#include "mbtest.h"

#include <math.h>
#include <string.h>

#include "base/mem.h"
#include "base/rng.h"
#include "nn/engine.h"
#include "nn/fakequant.h"

enum { N = 5 };

static void image(const mb_shape *s, size_t *C, size_t *P) {
    size_t n = mb_shape_count(s);
    *C = s->nd > 1 ? (size_t)s->d[0] : n;
    *P = n / *C;
}

/* --- the oracle ---------------------------------------------------------------------------------------------------------- */

static void conv_ref(const mb_window *w, const double *k, const double *x, double *y) {
    int ci = w->cin / w->groups, co = w->cout / w->groups;
    for (int o = 0; o < w->cout; o++)
        for (int oy = 0; oy < w->oh; oy++)
            for (int ox = 0; ox < w->ow; ox++) {
                double sum = 0;
                for (int c = 0; c < ci; c++)
                    for (int ky = 0; ky < w->kh; ky++)
                        for (int kx = 0; kx < w->kw; kx++) {
                            int iy = oy * w->sh - w->pt + ky * w->dh, ix = ox * w->sw - w->pl + kx * w->dw;
                            if (iy < 0 || ix < 0 || iy >= w->ih || ix >= w->iw) continue;
                            sum += k[((o * ci + c) * w->kh + ky) * w->kw + kx] * x[((o / co * ci + c) * w->ih + iy) * w->iw + ix];
                        }
                y[(o * w->oh + oy) * w->ow + ox] = sum;
            }
}

static void pool_ref(const mb_model_layer *l, const double *x, double *y) {
    const mb_window *w = &l->win;
    for (int o = 0; o < w->cin; o++)
        for (int oy = 0; oy < w->oh; oy++)
            for (int ox = 0; ox < w->ow; ox++) {
                double sum = 0, top = -HUGE_VAL;
                int n = 0;
                for (int ky = 0; ky < w->kh; ky++)
                    for (int kx = 0; kx < w->kw; kx++) {
                        int iy = oy * w->sh - w->pt + ky * w->dh, ix = ox * w->sw - w->pl + kx * w->dw;
                        if (iy < 0 || ix < 0 || iy >= w->ih || ix >= w->iw) continue;
                        double v = x[(o * w->ih + iy) * w->iw + ix];
                        sum += v;
                        top = v > top ? v : top;
                        n++;
                    }
                y[(o * w->oh + oy) * w->ow + ox] = l->kind == MB_KIND_MAXPOOL ? top : sum / (l->include_pad ? w->kh * w->kw : n);
            }
}

static void norm_ref(const mb_model *m, const mb_model_layer *l, const double *t, bool train, const double *x, double *y) {
    size_t C, P;
    image(&l->shape, &C, &P);
    const double *gamma = t + m->block[l->weight].at, *beta = t + m->block[l->bias].at;
    for (size_t c = 0; c < C; c++) {
        double mean = 0, var = 0;
        for (size_t n = 0; n < N; n++)
            for (size_t p = 0; p < P; p++) mean += x[(n * C + c) * P + p] / (double)(N * P);
        for (size_t n = 0; n < N; n++)
            for (size_t p = 0; p < P; p++) var += pow(x[(n * C + c) * P + p] - mean, 2) / (double)(N * P);
        if (!train) mean = (double)m->state[l->state + c], var = (double)m->state[l->state + C + c];
        double inv = l->kind == MB_KIND_SCALE ? 1 : 1 / sqrt(var + (double)l->eps);
        if (l->kind == MB_KIND_SCALE) mean = 0;
        for (size_t n = 0; n < N; n++)
            for (size_t p = 0; p < P; p++) y[(n * C + c) * P + p] = gamma[c] * inv * (x[(n * C + c) * P + p] - mean) + beta[c];
    }
}

/* Outputs of all layers of the batch X; the caller frees y[i]. */
static void forward_ref(const mb_model *m, const double *t, bool train, const double *x, double **y) {
    for (int i = 0; i < m->n_layers; i++) {
        const mb_model_layer *l = &m->layer[i];
        size_t per = mb_shape_count(&l->shape), C, P;
        image(&l->shape, &C, &P);
        y[i] = mb_calloc(per * N, sizeof **y);
        const double *a = l->n_in ? y[l->in[0]] : x;
        size_t from = l->n_in ? mb_shape_count(&m->layer[l->in[0]].shape) : per;
        if (l->kind == MB_KIND_NORM || l->kind == MB_KIND_SCALE) norm_ref(m, l, t, train, a, y[i]);
        for (size_t n = 0; n < N; n++) {
            double *o = y[i] + n * per;
            const double *v = a + n * from;
            if (l->kind == MB_KIND_CONV) conv_ref(&l->win, t + m->block[l->weight].at, v, o);
            if (l->kind == MB_KIND_MAXPOOL || l->kind == MB_KIND_AVGPOOL) pool_ref(l, v, o);
            for (size_t k = 0; k < per; k++) {
                if (l->kind == MB_KIND_INPUT || l->kind == MB_KIND_FLATTEN) o[k] = v[k];
                if (l->kind == MB_KIND_LINEAR)
                    for (size_t j = 0; j < from; j++) o[k] += t[m->block[l->weight].at + k * from + j] * v[j];
                if (l->kind == MB_KIND_ADD) o[k] = v[k] + y[l->in[1]][n * per + k];
                if (l->kind == MB_KIND_CLIP) o[k] = fmin(fmax(v[k], (double)l->lo), (double)l->hi);
                if (l->kind == MB_KIND_TANH) o[k] = tanh(v[k]);
                if (l->kind == MB_KIND_GATHER) o[k] = l->index[k] < 0 ? (double)l->value : v[l->index[k]];
                if (mb_model_weighted(l) && l->bias >= 0) o[k] += t[m->block[l->bias].at + k / P];
            }
        }
    }
}

static double loss_ref(const mb_model *m, const double *t, bool train, const double *x, const float *r, double *out) {
    double *y[64], sum = 0;
    forward_ref(m, t, train, x, y);
    size_t n = mb_shape_count(&mb_model_output(m)->shape) * N;
    for (size_t k = 0; k < n; k++) {
        sum += (double)r[k] * y[m->n_layers - 1][k];
        if (out) out[k] = y[m->n_layers - 1][k];
    }
    for (int i = 0; i < m->n_layers; i++) mb_free(y[i]);
    return sum;
}

/* --- comparison ---------------------------------------------------------------------------------------------------------- */

static float *random_floats(size_t n, uint32_t unit, float scale) {
    float *v = mb_malloc(n, sizeof *v);
    mb_stream s;
    mb_stream_init(&s, 11, MB_RNG_TEST, 0, unit, 0);
    mb_stream_fill_normal(&s, n, v);
    for (size_t i = 0; i < n; i++) v[i] *= scale;
    return v;
}

static double *widen(const float *v, size_t n) {
    double *d = mb_malloc(n, sizeof *d);
    for (size_t i = 0; i < n; i++) d[i] = (double)v[i];
    return d;
}

/* Central difference of element I of V (theta or x), and whether a kink lies between: then both sides differ and it is left out.
 */
static bool difference(const mb_model *m, double *t, double *x, double *v, size_t i, bool train, const float *r, double *d) {
    double h = 1e-5, v0 = v[i], f0 = loss_ref(m, t, train, x, r, NULL);
    v[i] = v0 + h;
    double up = loss_ref(m, t, train, x, r, NULL);
    v[i] = v0 - h;
    double down = loss_ref(m, t, train, x, r, NULL);
    v[i] = v0;
    *d = (up - down) / (2 * h);
    return fabs((up - f0) - (f0 - down)) < 1e-3 * h * (1 + fabs(*d));
}

static void compare(const char *what, const mb_model *m, double *t, double *x, double *v, size_t n, const float *g, bool train,
                    const float *r) {
    double worst = 0, norm = 0, count = 0;
    size_t step = n > 14 ? n / 14 : 1;
    for (size_t i = 0; i < n; i += step) {
        double d;
        if (!difference(m, t, x, v, i, train, r, &d)) continue;
        worst = fmax(worst, fabs(d - (double)g[i]));
        norm += d * d;
        count++;
    }
    norm = sqrt(norm / count);
    if (count < (n < 5 ? (double)n : 5) || !(worst <= 2e-4 * (norm + 0.05)))
        fail_msg("%s: derivatives by %s (%s) differ by %g, typical size %g, %g compared", m->name, what, train ? "train" : "eval",
                 worst, norm, count);
}

static void check(mb_model *m, bool train, int threads) {
    size_t n_in = mb_shape_count(&m->layer[0].shape) * N, n_out = mb_shape_count(&mb_model_output(m)->shape) * N;
    mb_net_engine *e = NULL;
    assert_ok(mb_model_done(m));
    float *theta = random_floats(m->n_theta, 1, 0.4f), *x = random_floats(n_in, 2, 1), *r = random_floats(n_out, 3, 1);
    for (int b = 0; b < m->n_blocks; b++) /* factors of normalisation away from 0, which would be badly conditioned */
        for (size_t i = m->block[b].at; m->block[b].role == MB_ROLE_GAMMA && i < m->block[b].at + m->block[b].n; i++)
            theta[i] += copysignf(0.5f, theta[i]);
    memcpy(m->theta, theta, m->n_theta * sizeof *theta);
    for (size_t i = 0; i < m->n_state; i++) m->state[i] = 0.6f + 0.1f * (float)(i % 5);
    float *state = mb_malloc(m->n_state, sizeof *state), *grad = mb_malloc(m->n_theta, sizeof *grad),
          *dx = mb_malloc(n_in, sizeof *dx);
    memcpy(state, m->state, m->n_state * sizeof *state);
    mb_engine_options o = {.batch = N, .threads = threads, .input_gradient = true};
    assert_ok(mb_engine_new(m, &o, &e));
    mb_engine_set_input(e, N, x);
    assert_ok(mb_engine_forward(e, train ? MB_PASS_TRAIN : MB_PASS_EVAL));
    assert_ok(mb_engine_backward(e, r, grad));
    assert_ok(mb_engine_input_gradient(e, dx));
    memcpy(m->state, state, m->n_state * sizeof *state);
    double *t = widen(m->theta, m->n_theta), *xd = widen(x, n_in), *y = mb_malloc(n_out, sizeof *y);
    loss_ref(m, t, train, xd, r, y);
    for (size_t k = 0; k < n_out; k++)
        if (fabs(y[k] - (double)mb_engine_output(e)[k]) > 1e-4 * (1 + fabs(y[k])))
            fail_msg("%s: output %zu is %g, want %g", m->name, k, (double)mb_engine_output(e)[k], y[k]);
    for (int b = 0; b < m->n_blocks; b++)
        compare(m->block[b].name, m, t, xd, t + m->block[b].at, m->block[b].n, grad + m->block[b].at, train, r);
    compare("input", m, t, xd, xd, n_in, dx, train, r);
    /* again: the same bytes */
    float *again = mb_malloc(m->n_theta, sizeof *again);
    assert_ok(mb_engine_forward(e, train ? MB_PASS_TRAIN : MB_PASS_EVAL));
    assert_ok(mb_engine_backward(e, r, again));
    memcpy(m->state, state, m->n_state * sizeof *state);
    assert_ok(mb_engine_forward(e, train ? MB_PASS_TRAIN : MB_PASS_EVAL));
    assert_ok(mb_engine_backward(e, r, again));
    assert_memory_equal(grad, again, m->n_theta * sizeof *grad);
    mb_engine_free(e);
    float *all[] = {theta, x, r, state, grad, dx, again};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) mb_free(all[i]);
    mb_free(t);
    mb_free(xd);
    mb_free(y);
}

static mb_model *start(const char *name, int c, int h, int w) {
    mb_model *m = NULL;
    mb_shape s = {3, {c, h, w}};
    if (!h) s = (mb_shape){1, {c}};
    assert_ok(mb_model_new(name, &s, &m));
    return m;
}

static void twice(mb_model *m) {
    for (int threads = 1; threads <= 3; threads += 2) {
        check(m, false, threads);
        check(m, true, threads);
    }
    mb_model_free(m);
}

static void test_linear(void **state) {
    (void)state;
    mb_model *m = start("linear", 7, 0, 0);
    int x = mb_model_linear(m, "a", 0, 9, true);
    x = mb_model_tanh(m, "t", x);
    mb_model_linear(m, "b", x, 4, false);
    twice(m);
}

static void test_conv(void **state) {
    (void)state;
    mb_model *m = start("conv", 3, 7, 6);
    int x = mb_model_conv(m, "plain", 0, 6, 3, 3, 1, 1, 1, true);
    x = mb_model_conv(m, "grouped", x, 8, 3, 3, 2, 1, 2, true);
    x = mb_model_conv(m, "depthwise", x, 8, 3, 3, 1, 1, 8, true);
    x = mb_model_conv(m, "pointwise", x, 5, 1, 1, 1, 0, 1, false);
    mb_window w = {
        .kh = 3, .kw = 2, .sh = 2, .sw = 1, .pt = 1, .pl = 0, .pb = 2, .pr = 1, .dh = 1, .dw = 2, .cout = 20, .groups = 5};
    mb_model_conv_window(m, "odd", x, &w, true);
    twice(m);
}

static void test_norm(void **state) {
    (void)state;
    mb_model *m = start("norm", 3, 6, 6);
    int x = mb_model_conv(m, "c1", 0, 17, 3, 3, 1, 1, 1, false);
    x = mb_model_norm(m, "n1", x);
    x = mb_model_clip(m, "r1", x, -0.5f, 2);
    x = mb_model_scale(m, "s", x);
    x = mb_model_tanh(m, "t", x);
    x = mb_model_norm(m, "n2", x);
    x = mb_model_linear(m, "fc", x, 6, true); /* flattens 17 x 6 x 6 in the order c h w */
    mb_model_norm(m, "n3", x);
    twice(m);
}

static void test_pools(void **state) {
    (void)state;
    mb_model *m = start("pools", 4, 9, 8);
    int x = mb_model_pool(m, "max", 0, MB_KIND_MAXPOOL, 3, 2, 1);
    x = mb_model_conv(m, "c", x, 6, 3, 3, 1, 1, 1, true);
    mb_window w = {.kh = 3, .kw = 2, .sh = 1, .sw = 2, .pt = 1, .pl = 1, .pb = 1, .pr = 0};
    x = mb_model_pool_window(m, "avg", x, MB_KIND_AVGPOOL, &w, false);
    x = mb_model_pool(m, "avg_pad", x, MB_KIND_AVGPOOL, 2, 1, 1);
    x = mb_model_clip(m, "clip", x, -0.4f, 0.6f);
    x = mb_model_global(m, "global", x);
    x = mb_model_flatten(m, "flat", x);
    mb_model_linear(m, "fc", x, 3, true);
    twice(m);
}

/* Two residual blocks: identity and projection; a value with three readers; slices and padding of channels. */
static void test_residual(void **state) {
    (void)state;
    mb_model *m = start("residual", 3, 6, 6);
    int x = mb_model_norm(m, "n0", mb_model_conv(m, "c0", 0, 8, 3, 3, 1, 1, 1, false));
    x = mb_model_relu(m, "r0", x);
    int a = mb_model_relu(m, "r1", mb_model_norm(m, "n1", mb_model_conv(m, "c1", x, 8, 3, 3, 1, 1, 1, false)));
    a = mb_model_norm(m, "n2", mb_model_conv(m, "c2", a, 8, 3, 3, 1, 1, 1, false));
    x = mb_model_relu(m, "r2", mb_model_add(m, "add1", a, x));
    a = mb_model_relu(m, "r3", mb_model_norm(m, "n3", mb_model_conv(m, "c3", x, 12, 3, 3, 2, 1, 1, false)));
    a = mb_model_norm(m, "n4", mb_model_conv(m, "c4", a, 12, 3, 3, 1, 1, 1, false));
    int b = mb_model_norm(m, "ns", mb_model_conv(m, "cs", x, 12, 1, 1, 2, 0, 1, false));
    int32_t index[12 * 3 * 3];
    for (int c = 0; c < 12; c++)
        for (int y = 0; y < 3; y++)
            for (int z = 0; z < 3; z++) index[(c * 3 + y) * 3 + z] = c < 2 || c >= 10 ? -1 : ((c - 2) * 6 + 2 * y) * 6 + 2 * z;
    mb_shape s = {3, {12, 3, 3}};
    int g = mb_model_gather(m, "option_a", x, &s, index, 0);
    x = mb_model_add(m, "add3", mb_model_add(m, "add2", a, b), g);
    x = mb_model_clip(m, "r6", x, 0, 6);
    x = mb_model_linear(m, "fc", mb_model_global(m, "gap", x), 5, true);
    twice(m);
}

/* A plain chain whose sum is shared by both operands of additions and nobody clips. */
static void test_shared(void **state) {
    (void)state;
    mb_model *m = start("shared", 6, 0, 0);
    int a = mb_model_linear(m, "a", 0, 5, true), b = mb_model_linear(m, "b", a, 5, false);
    int c = mb_model_add(m, "c", a, b), d = mb_model_add(m, "d", c, a), f = mb_model_tanh(m, "f", c);
    mb_model_add(m, "out", d, f);
    twice(m);
}

/* Running statistics: one training pass moves them by momentum; recalibration is the mean over passes. */
static void test_statistics(void **state) {
    (void)state;
    mb_model *m = start("statistics", 2, 0, 0);
    mb_model_norm(m, "n", 0);
    assert_ok(mb_model_done(m));
    float x[N * 2] = {1, 10, 2, 10, 3, 10, 4, 10, 5, 20};
    mb_net_engine *e = NULL;
    mb_engine_options o = {.batch = N, .threads = 2};
    assert_ok(mb_engine_new(m, &o, &e));
    mb_engine_set_input(e, N, x);
    assert_ok(mb_engine_forward(e, MB_PASS_TRAIN));
    assert_true(fabsf(m->state[0] - 0.3f) < 1e-6f && fabsf(m->state[1] - 1.2f) < 1e-6f);
    assert_true(fabsf(m->state[2] - (0.9f + 0.25f)) < 1e-6f && fabsf(m->state[3] - (0.9f + 2.0f)) < 1e-5f);
    mb_engine_recalibrate(e);
    assert_ok(mb_engine_forward(e, MB_PASS_RECALIBRATE));
    for (int i = 0; i < N * 2; i++) x[i] += 2;
    mb_engine_set_input(e, N, x);
    assert_ok(mb_engine_forward(e, MB_PASS_RECALIBRATE));
    assert_true(fabsf(m->state[0] - 4) < 1e-5f && fabsf(m->state[1] - 13) < 1e-5f);
    assert_true(fabsf(m->state[2] - 2.5f) < 1e-5f && fabsf(m->state[3] - 20) < 1e-4f);
    m->theta[0] = NAN;
    assert_ok(mb_engine_forward(e, MB_PASS_EVAL));
    assert_int_equal(mb_engine_not_finite(e), 1);
    mb_engine_free(e);
    mb_model_free(m);
}

/* With quantisers, the engine's gradient is that of the network of quantised weights, taken at the quantised inputs. */
static void test_quantised(void **state) {
    (void)state;
    mb_model *m = start("quantised", 4, 0, 0);
    int x = mb_model_linear(m, "a", 0, 3, false);
    assert_ok(mb_model_done(m));
    mb_fakequant w = {.kind = MB_FAKE_LSQ, .bits = 3}, in = {.kind = MB_FAKE_LSQ, .bits = 4, .is_signed = true};
    assert_ok(mb_model_quantise(m, x, &w, &in));
    assert_int_equal(m->n_blocks, 3);
    float *t = random_floats(12, 1, 0.5f), *v = random_floats(4 * N, 2, 1), *r = random_floats(3 * N, 3, 1), grad[14], wq[12],
          xq[4 * N];
    memcpy(m->theta, t, 12 * sizeof *t);
    m->theta[12] = 0.2f;
    m->theta[13] = 0.15f;
    mb_net_engine *e = NULL;
    mb_engine_options o = {.batch = N, .threads = 2};
    assert_ok(mb_engine_new(m, &o, &e));
    mb_engine_set_input(e, N, v);
    assert_ok(mb_engine_forward(e, MB_PASS_TRAIN));
    assert_ok(mb_engine_backward(e, r, grad));
    for (int i = 0; i < 12; i++) wq[i] = 0.2f * fminf(fmaxf(rintf(t[i] / 0.2f), -3), 3);
    for (int i = 0; i < 4 * N; i++) xq[i] = 0.15f * fminf(fmaxf(rintf(v[i] / 0.15f), -7), 7);
    double ds_x = 0;
    for (int o2 = 0; o2 < 3; o2++)
        for (int k = 0; k < 4; k++) {
            double sum = 0;
            for (int n = 0; n < N; n++) sum += (double)r[n * 3 + o2] * (double)xq[n * 4 + k];
            if (fabsf(t[o2 * 4 + k] / 0.2f) > 3) sum = 0;
            assert_true(fabs(sum - (double)grad[o2 * 4 + k]) < 1e-4);
        }
    for (int n = 0; n < N; n++)
        for (int k = 0; k < 4; k++) {
            double g = 0, u = (double)v[n * 4 + k] / 0.15;
            for (int o2 = 0; o2 < 3; o2++) g += (double)r[n * 3 + o2] * (double)wq[o2 * 4 + k];
            ds_x += g * (u > 7 ? 7 : u < -7 ? -7 : rint(u) - u);
        }
    assert_true(fabs(ds_x / sqrt(4.0 * N * 7) - (double)grad[13]) < 1e-4);
    mb_engine_free(e);
    mb_free(t);
    mb_free(v);
    mb_free(r);
    mb_model_free(m);
}

/* --- several widths at once ----------------------------------------------------------------------------------------------- */

enum { MIX_IN = 4, MIX_MID = 3, MIX_OUT = 2 };

static double branch_of(int bits, bool is_signed, double step, double mean, double v) {
    double hi = is_signed ? (1 << (bits - 1)) - 1 : (1 << bits) - 1;
    if (is_signed && bits == 1) return v >= 0 ? mean : -mean;
    return step * rint(fmin(fmax(v / step, is_signed ? -hi : 0), hi));
}

static void soft(int n, const double *a, double *p) {
    double sum = 0;
    for (int k = 0; k < n; k++) sum += p[k] = exp(a[k]);
    for (int k = 0; k < n; k++) p[k] /= sum;
}

static double mean_of(const double *w, int n) {
    double sum = 0;
    for (int i = 0; i < n; i++) sum += fabs(w[i]) / n;
    return sum;
}

/* theta: a [3][4], b [2][3], weight mix of a (bits 1, 2, 4: three logits, 3 x 3 steps), input mix of a (bits 2, 3: two logits, two
 * steps); loss sum r y. */
static double mixed_loss(const double *t, const double *x, const float *r) {
    static const int wbits[] = {1, 2, 4}, xbits[] = {2, 3};
    const double *b = t + 12, *lw = t + 18, *sw = lw + 3, *lx = lw + 12, *sx = lx + 2;
    double pw[3], px[2], loss = 0;
    soft(3, lw, pw);
    soft(2, lx, px);
    for (int n = 0; n < N; n++) {
        double h[MIX_MID] = {0};
        for (int o = 0; o < MIX_MID; o++) {
            double mean = mean_of(t + o * MIX_IN, MIX_IN);
            for (int i = 0; i < MIX_IN; i++) {
                double w = 0, v = 0;
                for (int k = 0; k < 3; k++) w += pw[k] * branch_of(wbits[k], true, sw[k * 3 + o], mean, t[o * MIX_IN + i]);
                for (int k = 0; k < 2; k++) v += px[k] * branch_of(xbits[k], false, sx[k], 0, x[n * MIX_IN + i]);
                h[o] += w * v;
            }
        }
        for (int o = 0; o < MIX_OUT; o++)
            for (int i = 0; i < MIX_MID; i++) loss += (double)r[n * MIX_OUT + o] * b[o * MIX_MID + i] * tanh(h[i]);
    }
    return loss;
}

/* Derivatives by logits against central differences in double, those by weights against the straight-through rule written out;
 * start values; the same for one and three threads. */
static void test_mixed(void **state) {
    (void)state;
    float *x = random_floats(MIX_IN * N, 4, 1), *r = random_floats(MIX_OUT * N, 5, 1), *t = random_floats(18, 6, 0.8f);
    for (int i = 0; i < MIX_IN * N; i++) x[i] = fabsf(x[i]);
    for (int threads = 1; threads <= 3; threads += 2) {
        mb_model *m = start("mixed", MIX_IN, 0, 0);
        int a = mb_model_linear(m, "a", 0, MIX_MID, false);
        mb_model_linear(m, "b", mb_model_tanh(m, "t", a), MIX_OUT, false);
        assert_ok(mb_model_done(m));
        mb_fakequant w = {.kind = MB_FAKE_MIX, .mix = 1u << 1 | 1u << 2 | 1u << 4, .per_channel = true},
                     in = {.kind = MB_FAKE_MIX, .mix = 1u << 2 | 1u << 3};
        assert_ok(mb_model_quantise(m, a, &w, &in));
        assert_int_equal(m->n_theta, 18 + 12 + 4);
        assert_string_equal(m->block[2].name, "a.weight_mix");
        memcpy(m->theta, t, 18 * sizeof *t);
        const float logits[] = {0.3f, -0.4f, 0.9f, 0.2f, -0.1f};
        memcpy(m->theta + 18, logits, 3 * sizeof *logits);
        memcpy(m->theta + 30, logits + 3, 2 * sizeof *logits);
        mb_net_engine *e = NULL;
        mb_engine_options o = {.batch = N, .threads = threads, .input_gradient = true};
        float grad[34], dx[MIX_IN * N];
        assert_ok(mb_engine_new(m, &o, &e));
        mb_engine_set_input(e, N, x);
        assert_ok(mb_engine_forward(e, MB_PASS_TRAIN));
        assert_ok(mb_engine_backward(e, r, grad));
        assert_ok(mb_engine_input_gradient(e, dx));
        for (int i = 24; i < 30; i++) assert_true(m->theta[i] > 0); /* steps of 2 and 4 bits have begun */
        double *d = widen(m->theta, 34), *xd = widen(x, MIX_IN * N), sum = 0;
        double want = mixed_loss(d, xd, r);
        for (int i = 0; i < MIX_OUT * N; i++) sum += (double)r[i] * (double)mb_engine_output(e)[i];
        assert_true(fabs(sum - want) < 1e-5 * (1 + fabs(want)));
        static const int logit[] = {18, 19, 20, 30, 31};
        for (int k = 0; k < 5; k++) {
            double v = d[logit[k]], h = 1e-5;
            d[logit[k]] = v + h;
            double up = mixed_loss(d, xd, r);
            d[logit[k]] = v - h;
            double slope = (up - mixed_loss(d, xd, r)) / (2 * h);
            d[logit[k]] = v;
            assert_true(fabs(slope) > 1e-3);
            if (fabs(slope - (double)grad[logit[k]]) > 1e-4 * (1 + fabs(slope)))
                fail_msg("logit %d: %g, want %g", k, (double)grad[logit[k]], slope);
        }
        /* by weights and inputs: the derivative by the effective number, by a difference of b's side, times what passes */
        double pw[3], px[2];
        soft(3, d + 18, pw);
        soft(2, d + 30, px);
        for (int q = 0; q < MIX_MID; q++)
            for (int i = 0; i < MIX_IN; i++) {
                double g = 0, mean = mean_of(d + q * MIX_IN, MIX_IN), v = d[q * MIX_IN + i];
                for (int n = 0; n < N; n++) {
                    double h = 0, dy = 0, xi = 0;
                    for (int k = 0; k < MIX_IN; k++) {
                        double we = 0, xe = 0, vk = d[q * MIX_IN + k];
                        for (int c = 0; c < 3; c++) we += pw[c] * branch_of(c == 0 ? 1 : 2 * c, true, d[21 + c * 3 + q], mean, vk);
                        for (int c = 0; c < 2; c++) xe += px[c] * branch_of(2 + c, false, d[32 + c], 0, xd[n * MIX_IN + k]);
                        h += we * xe;
                        if (k == i) xi = xe;
                    }
                    for (int k = 0; k < MIX_OUT; k++) dy += (double)r[n * MIX_OUT + k] * d[12 + k * MIX_MID + q];
                    g += dy * (1 - tanh(h) * tanh(h)) * xi;
                }
                double pass = pw[0] * (1.0 / MIX_IN + (fabs(v) < 1 ? mean : 0)) + pw[1] * (fabs(v) <= d[24 + q]) +
                              pw[2] * (fabs(v) <= 7 * d[27 + q]);
                assert_true(fabs(g * pass - (double)grad[q * MIX_IN + i]) < 1e-4);
            }
        for (int n = 0; n < N; n++) /* inputs: what weights pass back, where the branches' clips let it */
            for (int i = 0; i < MIX_IN; i++) {
                double g = 0, v = xd[n * MIX_IN + i];
                for (int q = 0; q < MIX_MID; q++) {
                    double h = 0, dy = 0, wi = 0, mean = mean_of(d + q * MIX_IN, MIX_IN);
                    for (int k = 0; k < MIX_IN; k++) {
                        double we = 0, xe = 0;
                        for (int c = 0; c < 3; c++)
                            we += pw[c] * branch_of(c == 0 ? 1 : 2 * c, true, d[21 + c * 3 + q], mean, d[q * MIX_IN + k]);
                        for (int c = 0; c < 2; c++) xe += px[c] * branch_of(2 + c, false, d[32 + c], 0, xd[n * MIX_IN + k]);
                        h += we * xe;
                        if (k == i) wi = we;
                    }
                    for (int k = 0; k < MIX_OUT; k++) dy += (double)r[n * MIX_OUT + k] * d[12 + k * MIX_MID + q];
                    g += dy * (1 - tanh(h) * tanh(h)) * wi;
                }
                double pass = px[0] * (v <= 3 * d[32]) + px[1] * (v <= 7 * d[33]);
                assert_true(fabs(g * pass - (double)dx[n * MIX_IN + i]) < 1e-4);
            }
        static float first[34], first_dx[MIX_IN * N];
        if (threads == 1) {
            memcpy(first, grad, sizeof grad);
            memcpy(first_dx, dx, sizeof dx);
        }
        for (int i = 0; i < 34; i++) assert_true(fabsf(first[i] - grad[i]) < 1e-5f);
        for (int i = 0; i < MIX_IN * N; i++) assert_true(fabsf(first_dx[i] - dx[i]) < 1e-5f);
        mb_str file = {0};
        assert_int_equal(mb_model_export(m, NULL, &file), MB_BUG); /* has not chosen yet */
        mb_error_clear();
        mb_str_free(&file);
        w.mix = 0;
        assert_ok(mb_model_quantise(m, a, &w, &in));
        mb_engine_free(e);
        e = NULL;
        assert_fails(mb_engine_new(m, &o, &e), MB_BADINPUT, "branches");
        mb_free(d);
        mb_free(xd);
        mb_model_free(m);
    }
    mb_free(x);
    mb_free(r);
    mb_free(t);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_linear),     cmocka_unit_test(test_conv),
                                       cmocka_unit_test(test_norm),       cmocka_unit_test(test_pools),
                                       cmocka_unit_test(test_residual),   cmocka_unit_test(test_shared),
                                       cmocka_unit_test(test_statistics), cmocka_unit_test(test_quantised),
                                       cmocka_unit_test(test_mixed)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
