/* fold.c - computing constant nodes while importing (ONNX operator semantics: https://onnx.ai/onnx/operators/)
 *
 * One function per operator; the table at the end says which there are. All take the same arguments: the node, its constant
 * inputs (NULL where an optional one is absent) and the place of the result. A result holds at most as many elements as the
 * inputs together, or MB_FOLD_GROW.
 */
#include "nn/fold.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "base/mem.h"

void mb_const_free(mb_const *c) {
    if (!c) return;
    mb_free(c->i);
    mb_free(c->r);
    mb_free(c);
}

/* A cleared constant of ONNX type TYPE. */
static int const_new(const mb_node *node, int type, int nd, const int64_t *dim, mb_const **out) {
    size_t n = 1, most = node->fold_max ? node->fold_max : MB_FOLD_MAX;
    bool empty = false; /* n is the product of the dimensions that are not zero: strides stay bounded, too */
    if (nd > MB_ONNX_MAX_RANK) return mb_node_fail(node, "its result has more than %d dimensions", MB_ONNX_MAX_RANK);
    for (int k = 0; k < nd; k++) {
        if (dim[k] < 0) return mb_node_fail(node, "its result has a negative dimension");
        if (dim[k] && n > most / (uint64_t)dim[k])
            return mb_node_fail(node, "its constant result has more than %zu elements", most);
        if (dim[k]) n *= (size_t)dim[k];
        else empty = true;
    }
    if (empty) n = 0;
    if (!mb_onnx_type_real(type) && !mb_onnx_type_integer(type))
        return mb_node_fail(node, "its constant result has an element type that is not supported (%d)", type);
    mb_const *c = mb_calloc(1, sizeof *c);
    if (!c) return mb_nomem();
    c->type = type;
    c->nd = nd;
    c->n = n;
    for (int k = 0; k < nd; k++) c->dim[k] = dim[k];
    if (mb_onnx_type_real(type)) c->r = mb_calloc(n, sizeof *c->r);
    else c->i = mb_calloc(n, sizeof *c->i);
    if (!c->r && !c->i) {
        mb_const_free(c);
        return mb_nomem();
    }
    *out = c;
    return MB_OK;
}

int mb_const_from_tensor(const mb_node *node, const mb_onnx_tensor *t, mb_const **out) {
    mb_const *c = NULL;
    int rc = mb_onnx_plausible(node->network, t);
    if (!rc) rc = const_new(node, t->type, t->nd, t->dim, &c);
    if (!rc) rc = c->r ? mb_onnx_tensor_f64(node->network, t, c->r) : mb_onnx_tensor_i64(node->network, t, c->i);
    if (rc) mb_const_free(c);
    else *out = c;
    return rc;
}

/* ---- helpers ---------------------------------------------------------------------------------------------------- */

/* V, with the batch size put in where the file fixes it. */
static int number(const mb_node *node, int64_t v, int64_t *out) {
    if (v == MB_BATCH && node->batch < 0)
        return mb_node_fail(
            node,
            "it calculates with the batch size, which is symbolic; export the network with batch size 1 and constant folding");
    *out = v == MB_BATCH ? node->batch : v;
    return MB_OK;
}

static double round_to(int type, double x) { return type == MB_ONNX_DOUBLE ? x : (double)(float)x; }

/* Element SI of SRC to element DI of DST (same kind). */
static void copy_element(mb_const *dst, size_t di, const mb_const *src, size_t si) {
    if (dst->r) dst->r[di] = src->r[si];
    else dst->i[di] = src->i[si];
}

static bool same_kind(const mb_const *a, const mb_const *b) { return !a->r == !b->r; }

static void strides(int nd, const int64_t *dim, int64_t *stride) {
    int64_t s = 1;
    for (int k = nd - 1; k >= 0; k--) {
        stride[k] = s;
        s *= dim[k];
    }
}

/* The element of a source (with STRIDE per axis of OUT) after *AT; INDEX counts the place in OUT. */
static void step_on(const mb_const *out, int64_t *index, const int64_t *stride, int64_t *at) {
    for (int k = out->nd - 1; k >= 0; k--) {
        *at += stride[k];
        if (++index[k] < out->dim[k]) return;
        *at -= stride[k] * out->dim[k];
        index[k] = 0;
    }
}

static void strided_copy(mb_const *out, const mb_const *in, int64_t offset, const int64_t *stride) {
    int64_t index[MB_ONNX_MAX_RANK] = {0};
    for (size_t k = 0; k < out->n; k++) {
        copy_element(out, k, in, (size_t)offset);
        step_on(out, index, stride, &offset);
    }
}

/* A copy of IN with other dimensions of the same product. */
static int reshaped(const mb_node *node, const mb_const *in, int nd, const int64_t *dim, mb_const **out) {
    int rc = const_new(node, in->type, nd, dim, out);
    if (rc) return rc;
    if ((*out)->n != in->n) {
        mb_const_free(*out);
        *out = NULL;
        return mb_node_fail(node, "its result does not have as many elements as its input");
    }
    for (size_t k = 0; k < in->n; k++) copy_element(*out, k, in, k);
    return MB_OK;
}

int mb_const_ints(const mb_node *node, const mb_const *c, const char *what, int cap, int64_t *v, int *n) {
    if (!c->i) return mb_node_fail(node, "%s must be whole numbers", what);
    if (c->nd > 1) return mb_node_fail(node, "%s must be a list, not a tensor of rank %d", what, c->nd);
    if (c->n > (size_t)cap) return mb_node_fail(node, "%s has %zu values, at most %d make sense here", what, c->n, cap);
    for (size_t k = 0; k < c->n; k++) v[k] = c->i[k];
    *n = (int)c->n;
    return MB_OK;
}

int mb_fold_axes(const mb_node *node, const mb_const *c, int rank, int *axis, int *n) {
    int64_t v[MB_ONNX_MAX_RANK];
    int rc = c ? mb_const_ints(node, c, "axes", MB_ONNX_MAX_RANK, v, n) : mb_node_ints(node, "axes", MB_ONNX_MAX_RANK, v, n);
    return rc || *n < 0 ? rc : mb_node_axes(node, v, *n, rank, axis);
}

/* ---- Constant, ConstantOfShape, Shape, Identity, Cast ------------------------------------------------------------- */

static int fold_constant(const mb_node *node, const mb_const *const *in, mb_const **out) {
    const mb_onnx_node *o = node->onnx;
    mb_onnx_tensor t;
    (void)in;
    if (o->n_attr != 1)
        return mb_node_fail(node,
                            "a constant needs exactly one attribute: value, value_int, value_ints, value_float or value_floats");
    const mb_onnx_attr *a = &o->attr[0];
    if (mb_span_is(a->name, "value")) {
        int rc = a->tensor.p ? mb_onnx_tensor_parse(node->network, a->tensor, &t)
                             : mb_node_fail(node, "attribute \"value\" holds no tensor");
        if (!rc && t.external) rc = mb_node_fail(node, "its value lies in another file; only initialisers may do so");
        if (!rc) rc = mb_const_from_tensor(node, &t, out);
        return rc;
    }
    bool real = mb_span_is(a->name, "value_float") || mb_span_is(a->name, "value_floats");
    bool list = mb_span_is(a->name, "value_ints") || mb_span_is(a->name, "value_floats");
    if (!real && !list && !mb_span_is(a->name, "value_int"))
        return mb_node_fail(
            node, "this kind of constant is not supported; supported: value, value_int, value_ints, value_float, value_floats");
    size_t n = 0;
    float *f = NULL;
    int rc = MB_OK;
    if (list) rc = real ? mb_onnx_attr_floats(a, NULL, 0, &n) : mb_onnx_attr_ints(a, NULL, 0, &n);
    int64_t dim = (int64_t)n;
    if (!rc) rc = const_new(node, real ? MB_ONNX_FLOAT : MB_ONNX_INT64, list, &dim, out);
    if (rc) return mb_context(rc, "%s: %s", node->network, node->label);
    if (!list) {
        if (real) (*out)->r[0] = (double)a->f;
        else (*out)->i[0] = a->i;
    } else if (!real) {
        rc = mb_onnx_attr_ints(a, (*out)->i, n, &n);
    } else if (!(f = mb_malloc(n, sizeof *f))) {
        rc = mb_nomem();
    } else {
        rc = mb_onnx_attr_floats(a, f, n, &n);
        for (size_t k = 0; k < n; k++) (*out)->r[k] = (double)f[k];
    }
    mb_free(f);
    return rc;
}

static int fold_constant_of_shape(const mb_node *node, const mb_const *const *in, mb_const **out) {
    int64_t dim[MB_ONNX_MAX_RANK];
    int nd;
    mb_onnx_tensor t;
    mb_const *value = NULL;
    int rc = mb_node_known(node, "value");
    if (!rc) rc = mb_const_ints(node, in[0], "the shape", MB_ONNX_MAX_RANK, dim, &nd);
    for (int k = 0; !rc && k < nd; k++) rc = number(node, dim[k], &dim[k]);
    const mb_onnx_attr *a = mb_node_attr(node, "value");
    if (!rc && a) {
        rc = a->tensor.p ? mb_onnx_tensor_parse(node->network, a->tensor, &t)
                         : mb_node_fail(node, "attribute \"value\" holds no tensor");
        if (!rc) rc = mb_const_from_tensor(node, &t, &value);
        if (!rc && value->n != 1) rc = mb_node_fail(node, "attribute \"value\" must hold one element");
    }
    if (!rc) rc = const_new(node, value ? value->type : MB_ONNX_FLOAT, nd, dim, out);
    for (size_t k = 0; !rc && value && k < (*out)->n; k++) copy_element(*out, k, value, 0);
    mb_const_free(value);
    return rc;
}

int mb_fold_shape(const mb_node *node, int nd, const int64_t *dim, mb_const **out) {
    int64_t start, end, n;
    int rc = mb_node_known(node, "start|end");
    if (!rc) rc = mb_node_int(node, "start", 0, INT64_MIN, INT64_MAX, &start);
    if (!rc) rc = mb_node_int(node, "end", nd, INT64_MIN, INT64_MAX, &end);
    if (rc) return rc;
    if (start < 0) start += nd;
    if (end < 0) end += nd;
    start = start < 0 ? 0 : start > nd ? nd : start;
    end = end < start ? start : end > nd ? nd : end;
    n = end - start;
    rc = const_new(node, MB_ONNX_INT64, 1, &n, out);
    for (int64_t k = 0; !rc && k < n; k++) (*out)->i[k] = dim[start + k];
    return rc;
}

static int fold_shape(const mb_node *node, const mb_const *const *in, mb_const **out) {
    return mb_fold_shape(node, in[0]->nd, in[0]->dim, out);
}

static int fold_identity(const mb_node *node, const mb_const *const *in, mb_const **out) {
    return reshaped(node, in[0], in[0]->nd, in[0]->dim, out);
}

/* One value of a Cast to an integer type. */
static int cast_to_int(const mb_node *node, int type, const mb_const *in, size_t k, int64_t *out) {
    int64_t v = 0;
    if (in->r) {
        double x = in->r[k];
        if (!(x > -9.2e18 && x < 9.2e18)) return mb_node_fail(node, "the value %g does not fit a whole number", x);
        v = type == MB_ONNX_BOOL ? x != 0 : (int64_t)x;
    } else if (in->i[k] == MB_BATCH && (type == MB_ONNX_INT64 || type == MB_ONNX_INT32)) {
        *out = MB_BATCH;
        return MB_OK;
    } else {
        int rc = number(node, in->i[k], &v);
        if (rc) return rc;
        if (type == MB_ONNX_BOOL) v = v != 0;
    }
    if (type == MB_ONNX_INT32 && (v < INT32_MIN || v > INT32_MAX))
        return mb_node_fail(node, "the value %lld does not fit int32", (long long)v);
    *out = v;
    return MB_OK;
}

static int fold_cast(const mb_node *node, const mb_const *const *in, mb_const **out) {
    int64_t to = 0, v = 0;
    int rc = mb_node_known(node, "to|saturate");
    if (!rc) rc = mb_node_int(node, "to", 0, 1, 64, &to);
    if (!rc && to != MB_ONNX_INT64 && to != MB_ONNX_INT32 && to != MB_ONNX_BOOL && !mb_onnx_type_real((int)to))
        rc = mb_node_fail(node, "a constant cannot be cast to %s here; supported: int64, int32, bool, float, double",
                          mb_onnx_type_name((int)to));
    if (!rc) rc = const_new(node, (int)to, in[0]->nd, in[0]->dim, out);
    for (size_t k = 0; !rc && k < in[0]->n; k++) {
        if ((*out)->i) {
            rc = cast_to_int(node, (int)to, in[0], k, &(*out)->i[k]);
        } else if (in[0]->r) {
            (*out)->r[k] = round_to((int)to, in[0]->r[k]);
        } else {
            rc = number(node, in[0]->i[k], &v);
            if (!rc) (*out)->r[k] = round_to((int)to, (double)v);
        }
    }
    return rc;
}

/* ---- moving elements: Reshape, Squeeze, Unsqueeze, Transpose, Slice, Gather, Concat -------------------------------- */

static int fold_reshape(const mb_node *node, const mb_const *const *in, mb_const **out) {
    int64_t dim[MB_ONNX_MAX_RANK], zero, rest = 1;
    int nd = 0, open = -1;
    int rc = mb_node_known(node, "allowzero");
    if (!rc) rc = mb_node_int(node, "allowzero", 0, 0, 1, &zero);
    if (!rc) rc = mb_const_ints(node, in[1], "the shape", MB_ONNX_MAX_RANK, dim, &nd);
    for (int k = 0; !rc && k < nd; k++) {
        rc = number(node, dim[k], &dim[k]);
        if (rc) break;
        if (dim[k] == 0 && !zero) {
            if (k >= in[0]->nd) return mb_node_fail(node, "0 in the shape refers to an axis that its input does not have");
            dim[k] = in[0]->dim[k];
        }
        if (dim[k] == -1 && open < 0) open = k;
        else if (dim[k] < 0) return mb_node_fail(node, "the shape holds a negative number or more than one -1");
        else if (dim[k] && rest > (int64_t)MB_FOLD_MAX / dim[k]) return mb_node_fail(node, "the shape is too large");
        else rest *= dim[k];
    }
    if (!rc && open >= 0) {
        if (!rest || in[0]->n % (size_t)rest)
            return mb_node_fail(node, "%zu elements cannot be given the shape asked for", in[0]->n);
        dim[open] = (int64_t)in[0]->n / rest;
    }
    return rc ? rc : reshaped(node, in[0], nd, dim, out);
}

static int fold_squeeze(const mb_node *node, const mb_const *const *in, mb_const **out) {
    int axis[MB_ONNX_MAX_RANK], n, nd = 0;
    int64_t dim[MB_ONNX_MAX_RANK];
    int rc = mb_node_known(node, "axes");
    if (!rc) rc = mb_fold_axes(node, node->n_in > 1 ? in[1] : NULL, in[0]->nd, axis, &n);
    if (rc) return rc;
    for (int k = 0; k < in[0]->nd; k++) {
        bool drop = n < 0 && in[0]->dim[k] == 1;
        for (int j = 0; j < n; j++) drop = drop || axis[j] == k;
        if (drop && in[0]->dim[k] != 1)
            return mb_node_fail(node, "axis %d has %lld elements and cannot be squeezed", k, (long long)in[0]->dim[k]);
        if (!drop) dim[nd++] = in[0]->dim[k];
    }
    return reshaped(node, in[0], nd, dim, out);
}

static int fold_unsqueeze(const mb_node *node, const mb_const *const *in, mb_const **out) {
    int64_t axes[MB_ONNX_MAX_RANK], dim[MB_ONNX_MAX_RANK] = {0};
    int axis[MB_ONNX_MAX_RANK], n = -1;
    int rc = mb_node_known(node, "axes");
    if (!rc && node->n_in > 1 && in[1]) rc = mb_const_ints(node, in[1], "axes", MB_ONNX_MAX_RANK, axes, &n);
    else if (!rc) rc = mb_node_ints(node, "axes", MB_ONNX_MAX_RANK, axes, &n);
    if (!rc && n < 0) rc = mb_node_fail(node, "axes are missing");
    if (rc) return rc;
    int rank = in[0]->nd + n;
    if (rank > MB_ONNX_MAX_RANK) return mb_node_fail(node, "its result has more than %d dimensions", MB_ONNX_MAX_RANK);
    rc = mb_node_axes(node, axes, n, rank, axis);
    if (rc) return rc;
    for (int j = 0; j < n; j++) dim[axis[j]] = -1;
    for (int k = 0, from = 0; k < rank; k++) dim[k] = dim[k] < 0 ? 1 : in[0]->dim[from++];
    return reshaped(node, in[0], rank, dim, out);
}

static int fold_transpose(const mb_node *node, const mb_const *const *in, mb_const **out) {
    int64_t perm[MB_ONNX_MAX_RANK], from[MB_ONNX_MAX_RANK], stride[MB_ONNX_MAX_RANK], dim[MB_ONNX_MAX_RANK];
    int axis[MB_ONNX_MAX_RANK], n, nd = in[0]->nd;
    int rc = mb_node_known(node, "perm");
    if (!rc) rc = mb_node_ints(node, "perm", MB_ONNX_MAX_RANK, perm, &n);
    for (int k = 0; !rc && n < 0 && k < nd; k++) perm[k] = nd - 1 - k;
    if (!rc && n >= 0 && n != nd) rc = mb_node_fail(node, "perm has %d axes, its input %d", n, nd);
    if (!rc) rc = mb_node_axes(node, perm, nd, nd, axis);
    if (rc) return rc;
    strides(nd, in[0]->dim, from);
    for (int k = 0; k < nd; k++) {
        dim[k] = in[0]->dim[axis[k]];
        stride[k] = from[axis[k]];
    }
    rc = const_new(node, in[0]->type, nd, dim, out);
    if (!rc) strided_copy(*out, in[0], 0, stride);
    return rc;
}

/* Limits of one axis with D elements: START and END as ONNX clamps them. */
static mb_range clamp_range(int64_t start, int64_t end, int64_t step, int64_t d) {
    mb_range r = {0, step, 0};
    if (d == 0) return r;
    int64_t top = step > 0 ? d : d - 1, low = step > 0 ? 0 : -1;
    if (start < 0) start += d;
    if (end < 0) end += d;
    start = start < 0 ? 0 : start > top ? top : start;
    end = end < low ? low : end > top ? top : end;
    r.begin = start;
    if (step > 0 && end > start) r.count = 1 + (end - start - 1) / step;
    if (step < 0 && start > end) r.count = 1 + (start - end - 1) / -step;
    return r;
}

int mb_fold_slice(const mb_node *node, const mb_const *const *in, int nd, const int64_t *dim, mb_range *range) {
    int64_t start[MB_ONNX_MAX_RANK], end[MB_ONNX_MAX_RANK], step[MB_ONNX_MAX_RANK];
    int axis[MB_ONNX_MAX_RANK], n = 0, m = 0, k = -1;
    bool attrs = node->opset < 10;
    const mb_const *axes = !attrs && node->n_in > 3 ? in[3] : NULL, *steps = !attrs && node->n_in > 4 ? in[4] : NULL;
    int rc = mb_node_known(node, attrs ? "starts|ends|axes" : "");
    if (!rc && !attrs && (node->n_in < 3 || !in[1] || !in[2])) rc = mb_node_fail(node, "starts and ends are missing");
    if (!rc) rc = attrs ? mb_node_ints(node, "starts", nd, start, &n) : mb_const_ints(node, in[1], "starts", nd, start, &n);
    if (!rc) rc = attrs ? mb_node_ints(node, "ends", nd, end, &m) : mb_const_ints(node, in[2], "ends", nd, end, &m);
    if (!rc && (n < 0 || n != m)) rc = mb_node_fail(node, "starts and ends must be lists of one length");
    if (!rc) rc = mb_fold_axes(node, axes, nd, axis, &k);
    if (!rc && k >= 0 && k != n) rc = mb_node_fail(node, "axes must be as many as starts");
    m = n;
    if (!rc && steps) rc = mb_const_ints(node, steps, "steps", nd, step, &m);
    if (!rc && m != n) rc = mb_node_fail(node, "steps must be as many as starts");
    for (int j = 0; !rc && j < nd; j++) {
        range[j].begin = 0;
        range[j].step = 1;
        range[j].count = dim[j];
    }
    for (int j = 0; !rc && j < n; j++) {
        int a = k >= 0 ? axis[j] : j;
        int64_t s = steps ? step[j] : 1;
        rc = s == 0 || s == INT64_MIN ? mb_node_fail(node, "a step cannot be %lld", (long long)s)
                                      : number(node, start[j], &start[j]);
        if (!rc) rc = number(node, end[j], &end[j]);
        if (!rc) range[a] = clamp_range(start[j], end[j], s, dim[a]);
    }
    return rc;
}

static int fold_slice(const mb_node *node, const mb_const *const *in, mb_const **out) {
    mb_range range[MB_ONNX_MAX_RANK];
    int64_t from[MB_ONNX_MAX_RANK], stride[MB_ONNX_MAX_RANK], dim[MB_ONNX_MAX_RANK], offset = 0;
    int nd = in[0]->nd, rc = mb_fold_slice(node, in, nd, in[0]->dim, range);
    if (rc) return rc;
    strides(nd, in[0]->dim, from);
    for (int k = 0; k < nd; k++) {
        dim[k] = range[k].count;
        stride[k] = dim[k] > 1 ? from[k] * range[k].step : 0;      /* a step over one element may be huge */
        offset += from[k] * range[k].begin;
    }
    rc = const_new(node, in[0]->type, nd, dim, out);
    if (!rc) strided_copy(*out, in[0], offset, stride);
    return rc;
}

static int fold_gather(const mb_node *node, const mb_const *const *in, mb_const **out) {
    const mb_const *data = in[0], *index = in[1];
    int64_t dim[2 * MB_ONNX_MAX_RANK], v = 0;
    int axis, nd = 0;
    size_t outer = 1, inner = 1;
    int rc = mb_node_known(node, "axis");
    if (!rc) rc = mb_node_int(node, "axis", 0, -MB_ONNX_MAX_RANK, MB_ONNX_MAX_RANK, &v);
    if (!rc) rc = mb_node_axis(node, v, data->nd, &axis);
    if (!rc && !index->i) rc = mb_node_fail(node, "indices must be whole numbers");
    if (rc) return rc;
    for (int k = 0; k < axis; k++) outer *= (size_t)(dim[nd++] = data->dim[k]);
    for (int k = 0; k < index->nd; k++) dim[nd++] = index->dim[k];
    for (int k = axis + 1; k < data->nd; k++) inner *= (size_t)(dim[nd++] = data->dim[k]);
    rc = const_new(node, data->type, nd, dim, out);
    int64_t d = data->dim[axis];
    for (size_t j = 0; !rc && j < index->n; j++) {
        rc = number(node, index->i[j], &v);
        if (rc) break;
        if (v < -d || v >= d)
            return mb_node_fail(node, "index %lld is outside an axis of %lld elements", (long long)v, (long long)d);
        if (v < 0) v += d;
        for (size_t o = 0; o < outer; o++)
            for (size_t i = 0; i < inner; i++)
                copy_element(*out, (o * index->n + j) * inner + i, data, (o * (size_t)d + (size_t)v) * inner + i);
    }
    return rc;
}

static int fold_concat(const mb_node *node, const mb_const *const *in, mb_const **out) {
    int64_t dim[MB_ONNX_MAX_RANK], v = 0;
    int axis, nd = in[0]->nd;
    size_t outer = 1, inner = 1, at = 0;
    int rc = mb_node_known(node, "axis");
    if (!rc) rc = mb_node_int(node, "axis", 0, -MB_ONNX_MAX_RANK, MB_ONNX_MAX_RANK, &v);
    if (!rc) rc = mb_node_axis(node, v, nd, &axis);
    if (rc) return rc;
    for (int k = 0; k < nd; k++) dim[k] = in[0]->dim[k];
    for (int j = 1; j < node->n_in; j++) {
        if (!same_kind(in[0], in[j]) || in[j]->nd != nd) return mb_node_fail(node, "its inputs differ in type or rank");
        for (int k = 0; k < nd; k++)
            if (k != axis && in[j]->dim[k] != dim[k]) return mb_node_fail(node, "its inputs differ in axis %d", k);
        if (in[j]->dim[axis] > (int64_t)MB_FOLD_MAX - dim[axis]) return mb_node_fail(node, "its result is too large");
        dim[axis] += in[j]->dim[axis];
    }
    rc = const_new(node, in[0]->type, nd, dim, out);
    if (rc) return rc;
    for (int k = 0; k < axis; k++) outer *= (size_t)dim[k];
    for (int k = axis + 1; k < nd; k++) inner *= (size_t)dim[k];
    for (size_t o = 0; o < outer; o++)
        for (int j = 0; j < node->n_in; j++) {
            size_t n = (size_t)in[j]->dim[axis] * inner;
            for (size_t k = 0; k < n; k++) copy_element(*out, at++, in[j], o * n + k);
        }
    return MB_OK;
}

/* ---- arithmetic: Add, Sub, Mul, Div, Floor, Ceil, Range ------------------------------------------------------------- */

static int int_op(const mb_node *node, int64_t a, int64_t b, int64_t *y) {
    bool wrong;
    int rc = number(node, a, &a);
    if (!rc) rc = number(node, b, &b);
    if (rc) return rc;
    switch (node->op[0]) {
        case 'A': wrong = __builtin_add_overflow(a, b, y); break;
        case 'S': wrong = __builtin_sub_overflow(a, b, y); break;
        case 'M': wrong = __builtin_mul_overflow(a, b, y); break;
        default:
            wrong = b == 0 || (a == INT64_MIN && b == -1);
            if (!wrong) *y = a / b;
    }
    return wrong ? mb_node_fail(node, "overflow or division by zero in whole numbers") : MB_OK;
}

static double real_op(const mb_node *node, double a, double b) {
    switch (node->op[0]) {
        case 'A': return a + b;
        case 'S': return a - b;
        case 'M': return a * b;
        default: return a / b;
    }
}

static int fold_arithmetic(const mb_node *node, const mb_const *const *in, mb_const **out) {
    const mb_const *a = in[0], *b = in[1];
    int64_t dim[MB_ONNX_MAX_RANK], sa[MB_ONNX_MAX_RANK], sb[MB_ONNX_MAX_RANK], ta[MB_ONNX_MAX_RANK], tb[MB_ONNX_MAX_RANK];
    int64_t ia[MB_ONNX_MAX_RANK] = {0}, ib[MB_ONNX_MAX_RANK] = {0}, pa = 0, pb = 0;
    int nd = a->nd > b->nd ? a->nd : b->nd;
    int rc = mb_node_known(node, "");
    if (!rc && a->type != b->type)
        rc = mb_node_fail(node, "its inputs differ in type (%s, %s)", mb_onnx_type_name(a->type), mb_onnx_type_name(b->type));
    if (rc) return rc;
    strides(a->nd, a->dim, ta);
    strides(b->nd, b->dim, tb);
    for (int k = 0; k < nd; k++) {                        /* numpy broadcasting: align the last axes, stretch 1 */
        int ka = k - (nd - a->nd), kb = k - (nd - b->nd);
        int64_t da = ka < 0 ? 1 : a->dim[ka], db = kb < 0 ? 1 : b->dim[kb];
        if (da != db && da != 1 && db != 1) return mb_node_fail(node, "its inputs have shapes that do not fit together");
        dim[k] = da == 1 ? db : da;
        sa[k] = da == 1 ? 0 : ta[ka];
        sb[k] = db == 1 ? 0 : tb[kb];
    }
    rc = const_new(node, a->type, nd, dim, out);
    for (size_t k = 0; !rc && k < (*out)->n; k++) {
        if (a->r) (*out)->r[k] = round_to(a->type, real_op(node, a->r[pa], b->r[pb]));
        else rc = int_op(node, a->i[pa], b->i[pb], &(*out)->i[k]);
        step_on(*out, ia, sa, &pa);
        step_on(*out, ib, sb, &pb);
    }
    return rc;
}

static int fold_round(const mb_node *node, const mb_const *const *in, mb_const **out) {
    int rc = mb_node_known(node, "");
    if (!rc && !in[0]->r) rc = mb_node_fail(node, "its input must be a real number");
    if (!rc) rc = const_new(node, in[0]->type, in[0]->nd, in[0]->dim, out);
    for (size_t k = 0; !rc && k < in[0]->n; k++) (*out)->r[k] = node->op[0] == 'F' ? floor(in[0]->r[k]) : ceil(in[0]->r[k]);
    return rc;
}

static int fold_range(const mb_node *node, const mb_const *const *in, mb_const **out) {
    int64_t v[3] = {0}, n;
    int rc = mb_node_known(node, "");
    for (int k = 0; !rc && k < 3; k++)
        if (in[k]->n != 1 || !same_kind(in[0], in[k]))
            rc = mb_node_fail(node, "start, limit and delta must be single numbers of one type");
    if (rc) return rc;
    if (in[0]->r) {
        double x = ceil((in[1]->r[0] - in[0]->r[0]) / in[2]->r[0]);
        if (!(x <= (double)MB_FOLD_MAX)) return mb_node_fail(node, "the range is too long or has no step");
        n = x > 0 ? (int64_t)x : 0;
    } else {
        for (int k = 0; !rc && k < 3; k++) rc = number(node, in[k]->i[0], &v[k]);
        for (int k = 0; !rc && k < 3; k++)
            if (v[k] < -INT64_MAX / 4 || v[k] > INT64_MAX / 4) rc = mb_node_fail(node, "start, limit or delta is too large");
        if (rc) return rc;
        double x = v[2] ? ((double)v[1] - (double)v[0]) / (double)v[2] : (double)INFINITY;
        if (!(x <= (double)MB_FOLD_MAX)) return mb_node_fail(node, "the range is too long or has no step");
        n = x <= 0 ? 0 : v[2] > 0 ? 1 + (v[1] - v[0] - 1) / v[2] : 1 + (v[0] - v[1] - 1) / -v[2];
    }
    rc = const_new(node, in[0]->type, 1, &n, out);
    for (int64_t k = 0; !rc && k < n; k++) {
        if (in[0]->r) (*out)->r[k] = round_to(in[0]->type, in[0]->r[0] + (double)k * in[2]->r[0]);
        else (*out)->i[k] = v[0] + k * v[2];
    }
    return rc;
}

/* ---- the table ---------------------------------------------------------------------------------------------------- */

typedef struct folder {
    const char *op;
    int lo, hi;                          /* number of inputs; the first LO must be there */
    int (*fold)(const mb_node *node, const mb_const *const *in, mb_const **out);
} folder;

static const folder folders[] = {
    {"Constant", 0, 0, fold_constant},
    {"ConstantOfShape", 1, 1, fold_constant_of_shape},
    {"Shape", 1, 1, fold_shape},
    {"Identity", 1, 1, fold_identity},
    {"Cast", 1, 1, fold_cast},
    {"Reshape", 2, 2, fold_reshape},
    {"Squeeze", 1, 2, fold_squeeze},
    {"Unsqueeze", 1, 2, fold_unsqueeze},
    {"Transpose", 1, 1, fold_transpose},
    {"Slice", 1, 5, fold_slice},
    {"Gather", 2, 2, fold_gather},
    {"Concat", 1, MB_ONNX_MAX_NODE_INPUTS, fold_concat},
    {"Add", 2, 2, fold_arithmetic},
    {"Sub", 2, 2, fold_arithmetic},
    {"Mul", 2, 2, fold_arithmetic},
    {"Div", 2, 2, fold_arithmetic},
    {"Floor", 1, 1, fold_round},
    {"Ceil", 1, 1, fold_round},
    {"Range", 3, 3, fold_range},
};

static const folder *find(const char *op) {
    for (size_t k = 0; k < sizeof folders / sizeof *folders; k++)
        if (!strcmp(folders[k].op, op)) return &folders[k];
    return NULL;
}

bool mb_fold_knows(const char *op) { return find(op) != NULL; }

int mb_fold(const mb_node *node, const mb_const *const *in, mb_const **out) {
    const folder *f = find(node->op);
    if (!f) return mb_fail(MB_BUG, "no constant folding for %s", node->op);
    bool few = node->n_in < f->lo || node->n_in > f->hi;
    for (int k = 0; !few && k < f->lo; k++) few = !in[k];
    for (int k = 0; !few && f->hi > 5 && k < node->n_in; k++) few = !in[k];       /* Concat: no gaps */
    if (few) return mb_node_fail(node, "it has the wrong number of inputs");
    mb_const *c = NULL;
    mb_node bounded = *node;
    size_t n = node->n_in ? 0 : MB_FOLD_MAX;              /* the data of Constant lie in the file */
    for (int k = 0; k < node->n_in; k++) n += in[k] ? in[k]->n : 0;
    bounded.fold_max = n > MB_FOLD_MAX ? MB_FOLD_MAX : n < MB_FOLD_GROW ? MB_FOLD_GROW : n;
    int rc = f->fold(&bounded, in, &c);
    if (rc) mb_const_free(c);
    else *out = c;
    return rc;
}
