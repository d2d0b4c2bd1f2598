/* node.c - attributes of ONNX nodes, and messages that name the node */
#include "nn/node.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/error.h"

int mb_node_fail(const mb_node *node, const char *fmt, ...) {
    char text[600];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    return mb_fail(MB_BADINPUT, "%s: %s: %s", node->network, node->label, text);
}

static bool listed(mb_span name, const char *names) {
    while (*names) {
        size_t n = strcspn(names, "|");
        if (name.n == n && !memcmp(name.p, names, n)) return true;
        names += n + (names[n] == '|');
    }
    return false;
}

int mb_node_known(const mb_node *node, const char *names) {
    const mb_onnx_node *o = node->onnx;
    char text[60];
    for (int i = 0; i < o->n_attr; i++) {
        if (!listed(o->attr[i].name, names))
            return mb_node_fail(node,
                                "attribute \"%s\" is not known here (known: %s); remove it or export with an opset from 7 to 22",
                                mb_span_text(o->attr[i].name, text, sizeof text), *names ? names : "none");
        for (int k = 0; k < i; k++)
            if (mb_span_equal(o->attr[i].name, o->attr[k].name))
                return mb_node_fail(node, "attribute \"%s\" occurs twice; export the network again",
                                    mb_span_text(o->attr[i].name, text, sizeof text));
    }
    return MB_OK;
}

const mb_onnx_attr *mb_node_attr(const mb_node *node, const char *name) {
    for (int i = 0; i < node->onnx->n_attr; i++)
        if (mb_span_is(node->onnx->attr[i].name, name)) return &node->onnx->attr[i];
    return NULL;
}

/* Attribute NAME of TYPE, NULL in *a when absent. Files before IR 2 do not tell the type. */
static int typed(const mb_node *node, const char *name, int type, const char *what, const mb_onnx_attr **a) {
    *a = mb_node_attr(node, name);
    if (*a && (*a)->type && (*a)->type != type)
        return mb_node_fail(node, "attribute \"%s\" must be %s; export the network again", name, what);
    return MB_OK;
}

int mb_node_int(const mb_node *node, const char *name, int64_t def, int64_t lo, int64_t hi, int64_t *v) {
    const mb_onnx_attr *a;
    int rc = typed(node, name, MB_ONNX_ATTR_INT, "an integer", &a);
    if (rc) return rc;
    *v = a ? a->i : def;
    if (*v < lo || *v > hi)
        return mb_node_fail(node, "attribute \"%s\" = %lld is not in %lld..%lld", name, (long long)*v, (long long)lo,
                            (long long)hi);
    return MB_OK;
}

int mb_node_float(const mb_node *node, const char *name, float def, float *v) {
    const mb_onnx_attr *a;
    int rc = typed(node, name, MB_ONNX_ATTR_FLOAT, "a number", &a);
    if (!rc) *v = a ? a->f : def;
    return rc;
}

int mb_node_text(const mb_node *node, const char *name, const char *def, char *buf, size_t cap) {
    const mb_onnx_attr *a;
    int rc = typed(node, name, MB_ONNX_ATTR_STRING, "a text", &a);
    if (rc) return rc;
    if (a) mb_span_text(a->s, buf, cap);
    else snprintf(buf, cap, "%s", def);
    return MB_OK;
}

int mb_node_ints(const mb_node *node, const char *name, int cap, int64_t *v, int *n) {
    const mb_onnx_attr *a;
    size_t count = 0;
    *n = -1;
    int rc = typed(node, name, MB_ONNX_ATTR_INTS, "a list of integers", &a);
    if (rc || !a) return rc;
    if (mb_onnx_attr_ints(a, v, (size_t)cap, &count)) {
        mb_error_clear();
        return mb_node_fail(node, "attribute \"%s\" is malformed", name);
    }
    if (count > (size_t)cap)
        return mb_node_fail(node, "attribute \"%s\" has %zu values, at most %d make sense here", name, count, cap);
    *n = (int)count;
    return MB_OK;
}

int mb_node_axis(const mb_node *node, int64_t axis, int rank, int *out) {
    if (axis < -rank || axis >= rank)
        return mb_node_fail(node, "axis %lld is outside a tensor of rank %d", (long long)axis, rank);
    *out = (int)(axis < 0 ? axis + rank : axis);
    return MB_OK;
}

int mb_node_axes(const mb_node *node, const int64_t *axis, int n, int rank, int *out) {
    for (int i = 0; i < n; i++) {
        int rc = mb_node_axis(node, axis[i], rank, &out[i]);
        if (rc) return rc;
        for (int k = 0; k < i; k++)
            if (out[k] == out[i]) return mb_node_fail(node, "axis %d is named twice", out[i]);
    }
    return MB_OK;
}
