/* op_scale.c - per-channel affine y = a[c] x + b[c]: BatchNormalization, and Add, Sub, Mul, Div with a constant
 *
 * Batch normalisation at inference (Ioffe, Szegedy, ICML 2015, arXiv:1502.03167):  a = gamma / sqrt(var + epsilon),  b = beta -
 * mean a. When the input comes from a weighted layer whose result nobody else uses, and c is its output channel, the affine is
 * folded into weights and bias in double precision, and no layer is made. "Channels" may be any run of axes over which the
 * constant varies.
 */
#include "config.h"

#include <math.h>
#include <string.h>

#include "base/clones.h"
#include "base/error.h"
#include "base/mem.h"
#include "nn/import.h"

typedef struct scale {                   /* element (o, c, i) of outer x channels x inner */
    size_t outer, channels, inner;
    bool norm;                           /* a normalisation that was kept apart: ab goes on with gamma, beta, mean, var */
    float eps;
    float ab[];                          /* a[channels], b[channels] */
} scale;

typedef struct affine { size_t outer, channels, inner; double *a, *b; float *raw, eps; } affine;   /* raw: [4 channels] of a normalisation */

static void affine_free(affine *f) {
    mb_free(f->a);
    mb_free(f->b);
    mb_free(f->raw);
}

static int affine_new(affine *f, size_t outer, size_t channels, size_t inner) {
    f->outer = outer;
    f->channels = channels;
    f->inner = inner;
    f->a = mb_malloc(channels, sizeof *f->a);
    f->b = mb_malloc(channels, sizeof *f->b);
    return f->a && f->b ? MB_OK : mb_nomem();
}

static int batch_norm(mb_import *im, const mb_node *node, affine *f) {
    static const char *const what[4] = {"scale", "bias", "mean", "variance"};
    mb_floats v[4] = {{0}};
    const mb_shape *s = mb_import_shape(im, node, 0);
    int64_t one, zero;
    float epsilon = 0, momentum;
    int rc = mb_node_known(node, "epsilon|momentum|spatial|training_mode");
    if (!rc) rc = mb_node_float(node, "epsilon", 1e-5f, &epsilon);
    if (!rc) rc = mb_node_float(node, "momentum", 0.9f, &momentum);
    if (!rc) rc = mb_node_int(node, "spatial", 1, 1, 1, &one);
    if (!rc && mb_node_int(node, "training_mode", 0, 0, 0, &zero)) {
        mb_error_clear();
        rc = mb_node_fail(node, "it is in training mode; export the network in inference mode (PyTorch: model.eval())");
    }
    size_t C = (size_t)s->d[0];
    if (!rc) rc = affine_new(f, 1, C, mb_shape_count(s) / C);
    for (int k = 0; !rc && k < 4; k++) {
        rc = mb_import_floats(im, node, k + 1, what[k], &v[k]);
        if (!rc && v[k].n != C) rc = mb_node_fail(node, "its %s has %zu elements, its input %zu channels", what[k], v[k].n, C);
    }
    for (size_t c = 0; !rc && c < C; c++) {
        double var = (double)v[3].v[c] + (double)epsilon;
        if (!(var > 0))
            rc = mb_node_fail(node, "variance + epsilon of channel %zu is %g, which has no square root to divide by", c, var);
        f->a[c] = (double)v[0].v[c] / sqrt(var);
        f->b[c] = (double)v[1].v[c] - (double)v[2].v[c] * f->a[c];
    }
    f->raw = rc ? NULL : mb_malloc(4 * C, sizeof *f->raw);
    f->eps = epsilon;
    if (!rc && !f->raw) rc = mb_nomem();
    for (int k = 0; !rc && k < 4; k++) memcpy(f->raw + (size_t)k * C, v[k].v, C * sizeof *f->raw);
    for (int k = 0; k < 4; k++) mb_free(v[k].v);
    return rc;
}

/* Lay the constant C over the axes [first, last] of S in which it varies. */
static int spread(const mb_node *node, const mb_shape *s, const mb_floats *c, double sign, affine *f) {
    int64_t dim[MB_MAX_RANK] = {0}, index[MB_MAX_RANK] = {0};
    char text[80];
    int first = s->nd, last = -1;
    size_t outer = 1, channels = 1, inner = 1;
    bool fits = c->nd <= s->nd + 1 && (c->nd < s->nd + 1 || c->dim[0] == 1);
    for (int k = 0; fits && k < s->nd; k++) {
        int from = k + c->nd - s->nd;                                    /* the last axes are aligned */
        dim[k] = from < 0 ? 1 : c->dim[from];
        fits = dim[k] == 1 || dim[k] == s->d[k];
        if (dim[k] > 1 && first == s->nd) first = k;
        if (dim[k] > 1) last = k;
    }
    if (!fits)
        return mb_node_fail(node, "its constant does not fit the shape N x %s of its input", mb_shape_text(s, text, sizeof text));
    for (int k = 0; k < s->nd; k++) {
        if (last < 0 || k > last) inner *= (size_t)s->d[k];
        else if (k < first) outer *= (size_t)s->d[k];
        else channels *= (size_t)s->d[k];
    }
    int rc = affine_new(f, outer, channels, inner);
    for (size_t j = 0; !rc && j < channels; j++) {
        size_t at = 0;
        for (int k = first; k <= last; k++) at = at * (size_t)dim[k] + (size_t)(dim[k] > 1 ? index[k] : 0);
        f->b[j] = sign * (double)c->v[at];
        for (int k = last; k >= first && ++index[k] == s->d[k]; k--) index[k] = 0;
    }
    return rc;
}

static int arithmetic(mb_import *im, const mb_node *node, affine *f) {
    mb_floats c = {0};
    if (node->n_in != 2 || mb_import_is_const(im, node, 0) == mb_import_is_const(im, node, 1))
        return mb_node_fail(
            node, "%s of two activations is not supported, only with a constant; replace it in the model and export again",
            node->op);
    int k = mb_import_is_const(im, node, 0) ? 0 : 1;
    bool left = k == 0, minus = !strcmp(node->op, "Sub"), divide = !strcmp(node->op, "Div"), times = !strcmp(node->op, "Mul");
    if (left && divide)
        return mb_node_fail(node,
                            "a constant divided by an activation is not supported; replace it in the model and export again");
    int rc = mb_node_known(node, "");
    if (!rc) rc = mb_import_floats(im, node, k, "the constant", &c);
    if (!rc) rc = spread(node, mb_import_shape(im, node, 1 - k), &c, minus && !left ? -1.0 : 1.0, f);
    for (size_t j = 0; !rc && j < f->channels; j++) {
        f->a[j] = minus && left ? -1 : 1;
        if (!divide && !times) continue;
        if (divide && f->b[j] == 0) rc = mb_node_fail(node, "it divides by zero (element %zu of its constant)", j);
        f->a[j] = divide ? 1 / f->b[j] : f->b[j];
        f->b[j] = 0;
    }
    mb_free(c.v);
    return rc;
}

/* Is the affine one per output channel of L (or one for all)? */
static bool per_channel(const mb_layer *l, const affine *f) {
    size_t cout = (size_t)l->win.cout, places = (size_t)l->win.oh * (size_t)l->win.ow;
    if (f->channels == 1) return true;
    if (f->channels != cout) return false;
    return l->op == &mb_op_linear ? f->outer == places && f->inner == 1 : f->outer == 1 && f->inner == places;
}

static int fuse(mb_layer *l, const affine *f) {
    size_t cout = (size_t)l->win.cout, row = l->n_weight / cout;
    if (!l->bias) l->bias = mb_calloc(cout, sizeof *l->bias);
    if (!l->bias) return mb_nomem();
    for (size_t c = 0; c < cout; c++) {
        size_t j = f->channels == 1 ? 0 : c;
        for (size_t k = 0; k < row; k++) l->weight[c * row + k] = (float)((double)l->weight[c * row + k] * f->a[j]);
        l->bias[c] = (float)((double)l->bias[c] * f->a[j] + f->b[j]);
    }
    return MB_OK;
}

static int import(mb_import *im, const mb_node *node, mb_layer *l) {
    affine f = {0};
    bool norm = !strcmp(node->op, "BatchNormalization");
    int x = 0;
    int rc = norm ? mb_import_inputs(im, node, 5, 5) : MB_OK;
    if (!rc) rc = norm ? batch_norm(im, node, &f) : arithmetic(im, node, &f);
    if (rc) goto out;
    if (mb_import_is_const(im, node, 0)) x = 1;
    bool apart = norm && mb_import_keeps_norm(im);
    mb_layer *before = apart ? NULL : mb_import_fusable(im, node, x);
    if (before && per_channel(before, &f)) {
        rc = fuse(before, &f);
        mb_import_alias(im, node, x);
        goto out;
    }
    scale *s = mb_malloc(1, sizeof *s + (apart ? 6 : 2) * f.channels * sizeof(float));
    if (!s) {
        rc = mb_nomem();
        goto out;
    }
    l->op = &mb_op_scale;
    l->attr = s;
    l->shape = *mb_import_shape(im, node, x);
    s->outer = f.outer;
    s->channels = f.channels;
    s->inner = f.inner;
    s->norm = apart;
    s->eps = f.eps;
    if (apart) memcpy(s->ab + 2 * f.channels, f.raw, 4 * f.channels * sizeof(float));
    for (size_t c = 0; c < f.channels; c++) {
        s->ab[c] = (float)f.a[c];
        s->ab[f.channels + c] = (float)f.b[c];
        if (!rc && (!isfinite(s->ab[c]) || !isfinite(s->ab[f.channels + c])))
            rc = mb_node_fail(node, "its factor or offset of channel %zu is out of range", c);
    }
out:
    affine_free(&f);
    return rc;
}

MB_CLONES static void affine_run(size_t n, float a, float b, const float *restrict x, float *restrict y) {
#pragma omp simd
    for (size_t i = 0; i < n; i++) y[i] = a * x[i] + b;
}

MB_CLONES static void affine_each(size_t n, const float *restrict a, const float *restrict b, const float *restrict x, float *restrict y) {
#pragma omp simd
    for (size_t i = 0; i < n; i++) y[i] = a[i] * x[i] + b[i];
}

static int forward(const mb_network *net, const mb_layer *l, int n, const float *const *x, float *y) {
    const scale *s = l->attr;
    const float *a = s->ab, *b = s->ab + s->channels, *v = x[0];
    (void)net;
    for (size_t o = 0; o < (size_t)n * s->outer; o++) {
        if (s->inner == 1) affine_each(s->channels, a, b, v, y);
        else for (size_t c = 0; c < s->channels; c++) affine_run(s->inner, a[c], b[c], v + c * s->inner, y + c * s->inner);
        v += s->channels * s->inner;
        y += s->channels * s->inner;
    }
    return MB_OK;
}

static void count(const mb_network *net, const mb_layer *l, int64_t *add, int64_t *cmp, int64_t *mul) {
    const scale *s = l->attr;
    int64_t each = (int64_t)(s->outer * s->inner);
    (void)net;
    *add = *cmp = *mul = 0;
    for (size_t c = 0; c < s->channels; c++) {
        *mul += s->ab[c] != 1.0f ? each : 0;
        *add += s->ab[s->channels + c] != 0.0f ? each : 0;
    }
}

static void view(const mb_layer *l, mb_op_view *v) {
    const scale *s = l->attr;
    v->outer = s->outer, v->channels = s->channels, v->inner = s->inner;
    v->a = s->ab, v->b = s->ab + s->channels;
    if (!s->norm) return;
    const float *raw = s->ab + 2 * s->channels;
    v->gamma = raw, v->beta = raw + s->channels, v->mean = raw + 2 * s->channels, v->var = raw + 3 * s->channels;
    v->eps = s->eps;
}

/* One factor for all stays one. */
static void *keep(const mb_layer *l, int n, const int *kept) {
    const scale *s = l->attr;
    const size_t rows = s->norm ? 6 : 2, C = n < 0 || s->channels == 1 ? s->channels : (size_t)n;
    scale *c = mb_malloc(1, sizeof *c + rows * C * sizeof(float));
    if (!c) return NULL;
    *c = (scale){s->outer, C, s->inner, s->norm, s->eps};
    for (size_t r = 0; r < rows; r++)
        for (size_t k = 0; k < C; k++) c->ab[r * C + k] = s->ab[r * s->channels + (C == s->channels ? k : (size_t)kept[k])];
    return c;
}

static const char *const onnx[] = {"BatchNormalization", "Sub", "Mul", "Div", NULL};
const mb_op_type mb_op_scale = {"scale", "y = a[c] x + b[c] per channel", onnx, import, forward, false, count, view, keep};
