/* op_clip.c - y = min(max(x, lo), hi), and for negative x a slope: Relu, Clip, LeakyRelu
 *
 * Relu: lo = 0, hi = inf. Clip: min and max are attributes before opset 11, inputs since. LeakyRelu: y = alpha x for x < 0.
 */
#include "config.h"

#include <math.h>
#include <string.h>

#include "base/clones.h"
#include "base/error.h"
#include "base/mem.h"
#include "nn/import.h"

typedef struct clip { float lo, hi, slope; bool leaky; } clip;

static int limits(mb_import *im, const mb_node *node, clip *c) {
    int rc;
    if (node->opset < 11) {
        rc = mb_node_known(node, "min|max");
        if (!rc) rc = mb_node_float(node, "min", -INFINITY, &c->lo);
        if (!rc) rc = mb_node_float(node, "max", INFINITY, &c->hi);
    } else {
        rc = mb_node_known(node, "");
        if (!rc) rc = mb_import_number(im, node, 1, "min", -INFINITY, &c->lo);
        if (!rc) rc = mb_import_number(im, node, 2, "max", INFINITY, &c->hi);
    }
    if (!rc && !(c->lo <= c->hi))
        rc = mb_node_fail(node, "its limits %g and %g are the wrong way round", (double)c->lo, (double)c->hi);
    return rc;
}

static int import(mb_import *im, const mb_node *node, mb_layer *l) {
    clip c = {0, INFINITY, 0, false};
    int rc = mb_import_inputs(im, node, 1, strcmp(node->op, "Clip") ? 1 : 3);
    if (rc) return rc;
    if (!strcmp(node->op, "Clip")) {
        rc = limits(im, node, &c);
    } else if (!strcmp(node->op, "Relu")) {
        rc = mb_node_known(node, "");
    } else {
        c.leaky = true;
        rc = mb_node_known(node, "alpha");
        if (!rc) rc = mb_node_float(node, "alpha", 0.01f, &c.slope);
        if (!rc && !isfinite(c.slope)) rc = mb_node_fail(node, "its slope is not finite");
    }
    if (rc) return rc;
    l->shape = *mb_import_shape(im, node, 0);
    l->attr = mb_malloc(1, sizeof c);
    if (!l->attr) return mb_nomem();
    memcpy(l->attr, &c, sizeof c);
    return MB_OK;
}

MB_CLONES static void limit(size_t n, float lo, float hi, const float *restrict x, float *restrict y) {
#pragma omp simd
    for (size_t k = 0; k < n; k++) {
        float v = x[k] < lo ? lo : x[k];
        y[k] = v > hi ? hi : v;
    }
}

MB_CLONES static void leaky(size_t n, float slope, const float *restrict x, float *restrict y) {
#pragma omp simd
    for (size_t k = 0; k < n; k++) y[k] = x[k] < 0 ? slope * x[k] : x[k];
}

static int forward(const mb_network *net, const mb_layer *l, int n, const float *const *x, float *y) {
    const clip c = *(const clip *)l->attr;
    size_t count = (size_t)n * mb_shape_count(&l->shape);
    (void)net;
    if (c.leaky) leaky(count, c.slope, x[0], y);
    else limit(count, c.lo, c.hi, x[0], y);
    return MB_OK;
}

static void count(const mb_network *net, const mb_layer *l, int64_t *add, int64_t *cmp, int64_t *mul) {
    const clip *c = l->attr;
    int64_t size = (int64_t)mb_shape_count(&l->shape);
    (void)net;
    *add = 0;
    *cmp = c->leaky ? size : size * ((c->lo > -INFINITY) + (c->hi < INFINITY));
    *mul = c->leaky ? size : 0;
}

static void view(const mb_layer *l, mb_op_view *v) {
    const clip *c = l->attr;
    v->lo = c->lo, v->hi = c->hi;
    v->slope = c->slope, v->leaky = c->leaky;
}

static void *keep(const mb_layer *l, int n, const int *kept) {
    clip *c = mb_malloc(1, sizeof *c);
    (void)n;
    (void)kept;
    if (c) memcpy(c, l->attr, sizeof *c);
    return c;
}

static const char *const onnx[] = {"Relu", "Clip", "LeakyRelu", NULL};
const mb_op_type mb_op_clip = {"clip", "limits: ReLU, clip, leaky ReLU", onnx, import, forward, false, count, view, keep};
