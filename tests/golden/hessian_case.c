/* hessian_case.c - golden cases of schema hess-1: a small network, its loss, and everything of second order that is known of it
 *
 * The network is built from the file, and each figure compared with nn/diff.h and nn/hessian.h:
 *     exact           loss, gradient, Hessian-vector products of the given probes, every entry of the Hessian where it is
 *                     given, traces (from n unit vectors), sum of squares, Fisher traces, changes by quantisation, pair terms:
 *                     1e-9 relative to the figure, or to the largest of its kind where sums cancel; differences of losses also
 *                     1e-13
 *     eigenvalues     1e-8 (the largest and smallest, by Lanczos)
 *     differences     the products of the probes by central differences of gradients: 1e-5
 *     statistical     Hutchinson's mean within 4 sigma of the given variance (of the restricted probe), and its own standard
 *                     error within a factor of 2 of it; noise on the weights within 4.5 standard errors
 */
#include "hessian_case.h"

#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "base/mem.h"
#include "base/rng.h"
#include "nn/hessian.h"

enum { PROBES = 400, NOISE = 4000 };
#define EXACT 1e-9

/* --- the case ----------------------------------------------------------------------------------------------------------- */

typedef struct golden {
    const json_t *json;
    mb_model *model;
    mb_model_data data;
    mb_objective o;
    double *x, *target, *theta, *grad, *work, *hv;
    size_t P;
    double worst;
    char what[120];
    double error, tol;
    int figures;
} golden;

static double num(const json_t *o, const char *k) {
    const json_t *v = json_object_get(o, k);
    return json_is_number(v) ? json_number_value(v) : (double)NAN;
}
static double at(const json_t *list, size_t k) {
    const json_t *v = json_array_get(list, k);
    return json_is_number(v) ? json_number_value(v) : (double)NAN;
}
static const char *text(const json_t *o, const char *k) {
    const char *s = json_string_value(json_object_get(o, k));
    return s ? s : "";
}

static void check(golden *g, const char *block, const char *what, double value, double expected, double tol) {
    double error = fabs(value - expected), ratio = error / tol;
    g->figures++;
    if (ratio <= g->worst) return;       /* NaN goes on */
    g->worst = isnan(ratio) ? HUGE_VAL : ratio;
    snprintf(g->what, sizeof g->what, "%s %s: %.12g, expected %.12g", block, what, value, expected);
    g->error = error;
    g->tol = tol;
}

/* Relative to the figure, but never finer than the same share of SCALE. */
static double relative(double expected, double share, double scale) { return share * fmax(fabs(expected), scale); }

static int layer(mb_model *m, const json_t *spec, size_t k, int in) {
    const json_t *l = json_array_get(spec, k);
    const char *kind = json_string_value(json_array_get(l, 0)), *name = json_string_value(json_array_get(l, 1));
    char own[40];
    snprintf(own, sizeof own, "%s%zu", kind ? kind : "?", k);
    if (!kind) return -1;
    if (!strcmp(kind, "fc") && name) return mb_model_linear(m, name, in, (int)at(l, 3), at(l, 4) != 0);
    if (!strcmp(kind, "conv") && name) {
        int size = (int)at(l, 4);
        return mb_model_conv(m, name, in, (int)at(l, 3), size, size, 1, size / 2, 1, at(l, 5) != 0);
    }
    if (!strcmp(kind, "tanh")) return mb_model_tanh(m, own, in);
    if (!strcmp(kind, "relu")) return mb_model_relu(m, own, in);
    if (!strcmp(kind, "avg2")) return mb_model_pool(m, own, in, MB_KIND_AVGPOOL, 2, 2, 0);
    mb_fail(MB_BADINPUT, "layer kind \"%s\" is unknown", kind);
    return -1;
}

static double *numbers(const json_t *list, size_t n) {
    double *v = json_array_size(list) == n ? mb_malloc(n, sizeof *v) : NULL;
    for (size_t k = 0; v && k < n; k++) v[k] = at(list, k);
    return v;
}

/* Labels become one-hot targets. */
static double *targets(const golden *g, size_t N, size_t outputs) {
    const json_t *Y = json_object_get(g->json, "Y");
    if (g->data.mode.loss == MB_LOSS_SQUARED) return numbers(Y, N * outputs);
    double *t = mb_calloc(N * outputs, sizeof *t);
    for (size_t s = 0; t && s < N; s++) t[s * outputs + (size_t)at(Y, s)] = 1;
    return t;
}

static int build(golden *g) {
    const json_t *dims = json_object_get(g->json, "X_shape"), *spec = json_object_get(g->json, "spec");
    size_t N = (size_t)num(g->json, "N");
    mb_shape input = {(int)json_array_size(dims) - 1, {0}};
    for (int k = 0; k < input.nd && k < MB_MAX_RANK; k++) input.d[k] = (int64_t)at(dims, (size_t)k + 1);
    int rc = mb_model_new("golden", &input, &g->model), last = 0;
    for (size_t k = 0; !rc && k < json_array_size(spec); k++) last = layer(g->model, spec, k, last);
    if (!rc) rc = last < 0 ? MB_BADINPUT : mb_model_done(g->model);
    if (rc) return rc;
    g->P = g->model->n_theta;
    g->data = (mb_model_data){.model = g->model, .mode = {strcmp(text(g->json, "loss"),
                                                                 "mse") ? MB_LOSS_CROSS_ENTROPY : MB_LOSS_SQUARED, false}};
    g->x = numbers(json_object_get(g->json, "X"), N * mb_shape_count(&input));
    g->target = targets(g, N, mb_diff_outputs(g->model));
    g->theta = numbers(json_object_get(g->json, "theta"), g->P);
    g->grad = mb_malloc(g->P, sizeof *g->grad);
    g->work = mb_calloc(g->P, sizeof *g->work);
    g->hv = mb_malloc(g->P, sizeof *g->hv);
    if (!g->x || !g->target || !g->theta || !g->grad || !g->work || !g->hv)
        return mb_fail(MB_BADINPUT, "the sizes of X, Y or theta do not fit the layers");
    g->data.x = g->x;
    g->data.target = g->target;
    g->o = mb_objective_of_model(&g->data, N);
    return MB_OK;
}

/* The block that the file calls "fc1.W" or "fc1.b". */
static int block_of(const golden *g, const char *param) {
    const char *dot = strrchr(param, '.');
    for (int b = 0; dot && b < g->model->n_blocks; b++) {
        const mb_model_block *k = &g->model->block[b];
        const char *name = g->model->layer[k->layer].name;
        bool weights = k->role == MB_ROLE_WEIGHT;
        if (strlen(name) == (size_t)(dot - param) && !strncmp(name, param, strlen(name)) && !strcmp(dot + 1,
                                                                                                    weights ? "W" :
                                                                                                        "b")) return b;
    }
    return -1;
}

static double dot(const double *a, const double *b, size_t n) {
    double sum = 0;
    for (size_t k = 0; k < n; k++) sum += a[k] * b[k];
    return sum;
}

/* --- first order, probes, the whole Hessian ----------------------------------------------------------------------------------
 * */

static int gradient(golden *g) {
    double loss = 0, norm = num(g->json, "grad_norm");
    int rc = mb_objective_gradient(&g->o, g->theta, &loss, g->grad);
    if (rc) return rc;
    check(g, "", "loss", loss, num(g->json, "loss_value"), relative(num(g->json, "loss_value"), EXACT, 0));
    for (size_t k = 0; k < g->P; k++) check(g, "", "gradient", g->grad[k], at(json_object_get(g->json, "grad"), k), EXACT * norm);
    return MB_OK;
}

/* xorshift64*, +1 where the top bit is 0 */
static void probe(uint64_t seed, size_t n, double *v) {
    for (size_t k = 0; k < n; k++) {
        seed ^= seed >> 12;
        seed ^= seed << 25;
        seed ^= seed >> 27;
        v[k] = seed * 0x2545F4914F6CDD1Du >> 63 ? -1 : 1;
    }
}

static int probes(golden *g, bool differences, double share) {
    const json_t *list = json_object_get(g->json, "probes");
    double scale = sqrt(num(g->json, "hessian_fro2"));
    mb_objective o = g->o;
    double *v = mb_malloc(g->P, sizeof *v);
    int rc = v ? MB_OK : mb_nomem();
    if (differences) o.hvp = NULL;
    for (size_t p = 0; p < json_array_size(list) && !rc; p++) {
        const json_t *one = json_array_get(list, p), *full = json_object_get(one, "full_probe_block");
        const json_t *own = json_object_get(one, "per_param");
        const char *name;
        json_t *value;
        probe((uint64_t)num(one, "seed"), g->P, v);
        for (size_t k = 0; k < json_array_size(json_object_get(one, "first16")); k++)
            check(g, "probe", "sign", v[k], at(json_object_get(one, "first16"), k), 1e-12);
        rc = mb_objective_hvp(&o, g->theta, v, -1, g->hv);
        if (rc) break;
        check(g, "probe", "v'Hv", dot(v, g->hv, g->P), num(one, "vHv_full"), relative(num(one, "vHv_full"), share, scale));
        json_object_foreach((json_t *)full, name, value) {
            const mb_model_block *b = &g->model->block[block_of(g, name)];
            check(g, name, "part of v'Hv", dot(v + b->at, g->hv + b->at, b->n), json_number_value(value),
                  relative(json_number_value(value), share, scale));
        }
        json_object_foreach((json_t *)own, name, value) {
            const mb_model_block *b = &g->model->block[block_of(g, name)];
            memset(g->work, 0, g->P * sizeof *g->work);
            memcpy(g->work + b->at, v + b->at, b->n * sizeof *v);
            if (!rc) rc = mb_objective_hvp(&o, g->theta, g->work, -1, g->hv);
            check(g, name, "v'Hv", dot(g->work, g->hv, g->P), json_number_value(value), relative(json_number_value(value),
                                                                                                 share, scale));
        }
    }
    mb_free(v);
    return rc;
}

/* All columns of the Hessian into H [P][P]. */
static int whole(golden *g, double *H) {
    const json_t *given = json_object_get(g->json, "hessian_row_major");
    double trace = 0, square = 0, fro2 = num(g->json, "hessian_fro2");
    int rc = MB_OK;
    memset(g->work, 0, g->P * sizeof *g->work);
    for (size_t k = 0; k < g->P && !rc; k++) {
        g->work[k] = 1;
        rc = mb_objective_hvp(&g->o, g->theta, g->work, -1, H + k * g->P);
        g->work[k] = 0;
        trace += H[k * g->P + k];
        square += dot(H + k * g->P, H + k * g->P, g->P);
    }
    if (rc) return rc;
    check(g, "", "trace", trace, num(g->json, "hessian_trace_full"), relative(num(g->json, "hessian_trace_full"), EXACT, 0));
    check(g, "", "|H|_F^2", square, fro2, EXACT * fro2);
    for (size_t k = 0; k < json_array_size(given); k++) check(g, "", "Hessian", H[k], at(given, k), EXACT * sqrt(fro2));
    mb_spectrum s;
    rc = mb_hessian_spectrum(&g->o, g->theta, -1, g->P, -1, 1, &s);
    if (!rc) check(g, "", "lambda_max", s.max, num(g->json, "hessian_lambda_max"), 1e-8 * fabs(num(g->json,
                                                                                                   "hessian_lambda_max")));
    return rc;
}

/* --- one block ------------------------------------------------------------------------------------------------------------- */

/* dW of symmetric quantisation to BITS, half to even. */
static double change(const double *w, size_t n, int bits, double *d) {
    double max = 0, dw2 = 0, L = (1 << (bits - 1)) - 1;
    for (size_t k = 0; k < n; k++) max = fmax(max, fabs(w[k]));
    for (size_t k = 0; k < n; k++) {
        double q = rint(w[k] / (max / L));
        d[k] = (q > L ? L : q < -L ? -L : q) * (max / L) - w[k];
        dw2 += d[k] * d[k];
    }
    return dw2;
}

static int quantised(golden *g, const char *name, int block, const json_t *param, double lambda, double trace) {
    const json_t *list = json_object_get(param, "quant");
    const mb_model_block *b = &g->model->block[block];
    double *d = mb_malloc(b->n, sizeof *d);
    mb_estimate *fisher = mb_malloc((size_t)g->model->n_blocks, sizeof *fisher);
    int rc = d && fisher ? MB_OK : mb_nomem();
    for (size_t j = 0; j < json_array_size(list) && !rc; j++) {
        const json_t *q = json_array_get(list, j);
        double dw2 = change(g->theta + b->at, b->n, (int)num(q, "bits"), d), n = (double)b->n, quadratic = 0, delta = 0, first;
        mb_change c = {block, d};
        mb_estimate half;
        char what[40];
        rc = mb_hessian_quadratic(&g->o, g->theta, 1, &c, &quadratic);
        if (!rc) rc = mb_fisher(&g->o, g->theta, MB_FISHER_EMPIRICAL, 1, fisher, 1, &c, &half);
        if (!rc) rc = mb_loss_changes(&g->o, g->theta, 1, &c, &delta, NULL);
        if (rc) break;
        first = dot(g->grad + b->at, d, b->n);
#define FIGURE(key, value, scale)                                                                                                \
    snprintf(what, sizeof what, "%s at %d bits", key, (int)num(q, "bits"));                                                      \
    check(g, name, what, value, num(q, key), relative(num(q, key), EXACT, scale) + 1e-13)
        FIGURE("dw2", dw2, 0);
        FIGURE("omega_v1", lambda / n * dw2, 10 * fabs(lambda) / n * dw2);
        FIGURE("omega_v2", trace / n * dw2, sqrt(num(param, "fro2")) / n * dw2);
        FIGURE("grad_term", first, sqrt(num(param, "grad_norm2") * dw2));
        FIGURE("half_quad", quadratic / 2, sqrt(num(param, "fro2")) * dw2);
        FIGURE("gn_half_mean_sq", half.mean, 0);
        FIGURE("true_dloss", delta, num(g->json, "loss_value") * 1e-4);
    }
    mb_free(d);
    mb_free(fisher);
    return rc;
}

/* Mean loss change under noise on the weights, our own draws. */
static int noise(golden *g, const char *name, int block, const json_t *param) {
    const json_t *ref = json_object_get(param, "gauss_noise");
    const mb_model_block *b = &g->model->block[block];
    double sigma = num(ref, "sigma"), L = 0, *draw = mb_malloc(NOISE, sizeof *draw);
    mb_stream s;
    int rc = draw ? mb_objective_gradient(&g->o, g->theta, &L, NULL) : mb_nomem();
    if (!json_is_object(ref)) rc = rc ? rc : MB_NO;
    memcpy(g->work, g->theta, g->P * sizeof *g->work);
    mb_stream_init(&s, 1, MB_RNG_TEST, 0, (uint32_t)block, 0);
    for (size_t i = 0; i < NOISE && !rc; i++) {
        for (size_t k = 0; k < b->n; k++) g->work[b->at + k] = g->theta[b->at + k] + sigma * mb_stream_normal(&s);
        rc = mb_objective_gradient(&g->o, g->work, &draw[i], NULL);
        draw[i] -= L;
    }
    if (!rc) {
        mb_estimate e = mb_estimate_of(draw, NOISE, 1);
        check(g, name, "loss under noise", e.mean, num(ref, "mc_mean"), 4.5 * hypot(e.se, num(ref, "mc_se")));
        check(g, name, "sigma^2 trace / 2", sigma * sigma * num(param, "trace") / 2, num(ref, "pred_half_sigma2_trace"),
              relative(num(ref, "pred_half_sigma2_trace"), EXACT, 0));
    }
    mb_free(draw);
    return rc == MB_NO ? MB_OK : rc;
}

static int hutchinson(golden *g, const char *name, int block, const json_t *param, double trace, mb_estimate *est) {
    double var = num(param, "hutchinson_var_per_probe"), square = num(param, "fro2");
    int rc = mb_hessian_trace(&g->o, g->theta, block, PROBES, 1, est);
    if (rc) return rc;
    check(g, name, "Hutchinson's mean", est[block].mean, trace, 4 * sqrt(fmax(var, 0) / PROBES) + 1e-9 * sqrt(square));
    if (var > 1e-9 * square) check(g, name, "log2 of its standard error", log2(est[block].se / sqrt(var / PROBES)), 0, 1);
    return MB_OK;
}

static int blocks(golden *g, const double *H) {
    const json_t *list = json_object_get(g->json, "params");
    size_t n_blocks = (size_t)g->model->n_blocks;
    mb_estimate *true_fisher = mb_malloc(3 * n_blocks, sizeof *true_fisher), *fisher = true_fisher + n_blocks,
        *est = fisher + n_blocks;
    int rc = true_fisher ? mb_fisher(&g->o, g->theta, MB_FISHER_EXACT, 1, true_fisher, 0, NULL, NULL) : mb_nomem();
    if (!rc) rc = mb_fisher(&g->o, g->theta, MB_FISHER_EMPIRICAL, 1, fisher, 0, NULL, NULL);
    if (!rc && json_array_size(list) != n_blocks) rc = mb_fail(MB_BADINPUT, "the file has %zu blocks, the network %zu",
                                                               json_array_size(list), n_blocks);
    for (size_t p = 0; p < json_array_size(list) && !rc; p++) {
        const json_t *param = json_array_get(list, p);
        const char *name = text(param, "param");
        int block = block_of(g, name);
        if (block < 0 || g->model->block[block].at != (size_t)num(param,
                                                                  "offset") || g->model->block[block].n != (size_t)num(param,
                                                                                                                       "size")) {
            rc = mb_fail(MB_BADINPUT, "block %s stands elsewhere", name);
            break;
        }
        const mb_model_block *b = &g->model->block[block];
        double trace = 0, square = 0, scale = sqrt(num(param, "fro2"));
        for (size_t k = b->at; k < b->at + b->n; k++) {
            trace += H[k * g->P + k];
            square += dot(H + k * g->P + b->at, H + k * g->P + b->at, b->n);
        }
        mb_spectrum s;
        check(g, name, "trace", trace, num(param, "trace"), relative(num(param, "trace"), EXACT, scale));
        check(g, name, "average trace", trace / (double)b->n, num(param, "avg_trace"), relative(num(param, "avg_trace"), EXACT,
                                                                                                scale / (double)b->n));
        check(g, name, "|H|_F^2", square, num(param, "fro2"), EXACT * num(param, "fro2"));
        check(g, name, "|g|^2", dot(g->grad + b->at, g->grad + b->at, b->n), num(param, "grad_norm2"), EXACT * num(param,
                                                                                                                   "grad_norm2"));
        check(g, name, "true Fisher trace", true_fisher[block].mean, num(param, "ggn_trace"), EXACT * num(param, "ggn_trace"));
        check(g, name, "empirical Fisher trace", fisher[block].mean, num(param, "empirical_fisher_trace"),
              EXACT * num(param, "empirical_fisher_trace"));
        rc = mb_hessian_spectrum(&g->o, g->theta, block, b->n, -1, 1, &s);
        if (!rc) check(g, name, "lambda_max", s.max, num(param, "lambda_max"), 1e-8 * scale);
        if (!rc) check(g, name, "lambda_min", s.min, num(param, "lambda_min"), 1e-8 * scale);
        if (!rc) rc = hutchinson(g, name, block, param, trace, est);
        if (!rc) rc = quantised(g, name, block, param, s.max, trace);
        if (!rc) rc = noise(g, name, block, param);
    }
    mb_free(true_fisher);
    return rc;
}

static int pairs(golden *g) {
    const json_t *list = json_object_get(g->json, "pairs");
    int rc = MB_OK;
    double *d[2] = {mb_malloc(g->P, sizeof(double)), mb_malloc(g->P, sizeof(double))};
    if (!d[0] || !d[1]) rc = mb_nomem();
    for (size_t p = 0; p < json_array_size(list) && !rc; p++) {
        const json_t *one = json_array_get(list, p), *bits = json_object_get(one, "bits");
        mb_change c[2];
        double delta[2], omega[4], q[4], size = 1;
        for (int k = 0; k < 2; k++) {
            c[k] = (mb_change){block_of(g, text(one, k ? "j" : "i")), d[k]};
            const mb_model_block *b = &g->model->block[c[k].block];
            size *= sqrt(change(g->theta + b->at, b->n, (int)at(bits, (size_t)k), d[k]));
        }
        rc = mb_loss_changes(&g->o, g->theta, 2, c, delta, omega);
        if (!rc) rc = mb_hessian_quadratic(&g->o, g->theta, 2, c, q);
        double scale = size * sqrt(num(g->json, "hessian_fro2"));
        check(g, "pair", "CLADO's term", omega[1], num(one, "clado_omega_ij"), relative(num(one, "clado_omega_ij"), EXACT,
                                                                                        scale) + 1e-13);
        check(g, "pair", "dw_i'H dw_j", q[1], num(one, "exact_cross"), relative(num(one, "exact_cross"), EXACT, scale));
        check(g, "pair", "symmetry", q[2], q[1], EXACT * scale);
    }
    mb_free(d[0]);
    mb_free(d[1]);
    return rc;
}

int golden_hessian(const char *path, int *line) {
    json_error_t err;
    json_t *json = json_load_file(path, 0, &err);
    golden g = {.json = json};
    double *H = NULL;
    const char *base = strrchr(path, '/');
    int rc = json ? MB_OK : mb_fail(MB_BADINPUT, "%s:%d: %s", path, err.line, err.text);
    if (!rc && strcmp(text(json, "schema"), "hess-1")) rc = mb_fail(MB_BADINPUT, "%s: schema \"%s\" is not hess-1", path,
                                                                    text(json, "schema"));
    if (!rc) rc = build(&g);
    if (!rc && !(H = mb_malloc(g.P * g.P, sizeof *H))) rc = mb_nomem();
    if (!rc) rc = gradient(&g);
    if (!rc) rc = probes(&g, false, EXACT);
    if (!rc) rc = probes(&g, true, 1e-5);
    if (!rc) rc = whole(&g, H);
    if (!rc) rc = blocks(&g, H);
    if (!rc) rc = pairs(&g);
    bool good = !rc && g.figures && g.worst <= 1;
    printf("%s %d - hessian/%s: ", good ? "ok" : "not ok", ++*line, base ? base + 1 : path);
    if (rc) printf("%s\n", mb_error_message());
    else printf("%d figures, worst %s (error %.3g, tolerance %.3g)\n", g.figures, g.what, g.error, g.tol);
    mb_error_clear();
    mb_free(H);
    mb_free(g.x);
    mb_free(g.target);
    mb_free(g.theta);
    mb_free(g.grad);
    mb_free(g.work);
    mb_free(g.hv);
    mb_model_free(g.model);
    json_decref(json);
    return good;
}
