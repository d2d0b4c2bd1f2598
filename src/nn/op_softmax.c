/* op_softmax.c - y_i = exp(x_i - max) / sum_j exp(x_j - max) along one axis (Softmax)
 *
 * Before opset 13 the axes from `axis` on count as one. The exponential is our own, in double with +, * and exact scaling only,
 * so that the result has the same bits on every machine (the C library's differs between instruction sets).
 */
#include <math.h>
#include <string.h>

#include "base/error.h"
#include "base/mem.h"
#include "nn/import.h"

typedef struct softmax { size_t outer, n, inner; } softmax;

static int import(mb_import *im, const mb_node *node, mb_layer *l) {
    int64_t v;
    int axis;
    int rc = mb_import_inputs(im, node, 1, 1);
    if (rc) return rc;
    const mb_shape *s = mb_import_shape(im, node, 0);
    bool flat = node->opset < 13;
    rc = mb_node_known(node, "axis");
    if (!rc) rc = mb_node_int(node, "axis", flat ? 1 : -1, -MB_ONNX_MAX_RANK, MB_ONNX_MAX_RANK, &v);
    if (!rc) rc = mb_node_axis(node, v, s->nd + 1, &axis);
    if (!rc && axis == 0) rc = mb_node_fail(node, "it runs along the batch axis; give it another axis");
    if (rc) return rc;
    softmax *p = l->attr = mb_calloc(1, sizeof *p);
    if (!p) return mb_nomem();
    p->outer = p->n = p->inner = 1;
    for (int k = 0; k < s->nd; k++) {
        if (k < axis - 1) p->outer *= (size_t)s->d[k];
        else if (k == axis - 1 || flat) p->n *= (size_t)s->d[k];
        else p->inner *= (size_t)s->d[k];
    }
    l->shape = *s;
    return MB_OK;
}

/* exp(x) for x <= 0, relative error below 1e-14: x = k ln 2 + r with |r| <= ln 2 / 2, Taylor polynomial of degree 13 in r. */
static double exponential(double x) {
    static const double inv_ln2 = 1.4426950408889634, ln2_hi = 6.93147180369123816490e-01, ln2_lo = 1.90821492927058770002e-10;
    if (!(x > -700)) return 0;
    double k = floor(x * inv_ln2 + 0.5), r = (x - k * ln2_hi) - k * ln2_lo, p = 1;
    for (int i = 13; i > 0; i--) p = 1 + p * r / i;
    return ldexp(p, (int)k);
}

static int forward(const mb_network *net, const mb_layer *l, int n, const float *const *x, float *y) {
    const softmax *p = l->attr;
    (void)net;
    for (size_t o = 0; o < (size_t)n * p->outer; o++)
        for (size_t i = 0; i < p->inner; i++) {
            const float *v = x[0] + o * p->n * p->inner + i;
            float *out = y + o * p->n * p->inner + i;
            float top = v[0];
            double sum = 0;
            for (size_t k = 1; k < p->n; k++) top = v[k * p->inner] > top ? v[k * p->inner] : top;
            for (size_t k = 0; k < p->n; k++) sum += exponential((double)v[k * p->inner] - (double)top);
            for (size_t k = 0; k < p->n; k++)
                out[k * p->inner] = (float)(exponential((double)v[k * p->inner] - (double)top) / sum);
        }
    return MB_OK;
}

static void count(const mb_network *net, const mb_layer *l, int64_t *add, int64_t *cmp, int64_t *mul) {
    int64_t size = (int64_t)mb_shape_count(&l->shape);
    (void)net;
    *add = 15 * size;                    /* the exponential's polynomial and the sum */
    *mul = 15 * size;
    *cmp = size;
}

static void view(const mb_layer *l, mb_op_view *v) {
    const softmax *p = l->attr;
    v->outer = p->outer, v->channels = p->n, v->inner = p->inner;
}

static void *keep(const mb_layer *l, int n, const int *kept) {
    softmax *c = mb_malloc(1, sizeof *c);
    (void)n;
    (void)kept;
    if (c) memcpy(c, l->attr, sizeof *c);
    return c;
}

static const char *const onnx[] = {"Softmax", NULL};
const mb_op_type mb_op_softmax = {"softmax", "normalised exponentials", onnx, import, forward, false, count, view, keep};
