/* import_values.c - the values of a graph while it is imported: names, uses, constants, and what operators may ask about them */
#include <math.h>
#include <string.h>

#include "base/error.h"
#include "base/mem.h"
#include "nn/import_state.h"

/* ---- names -------------------------------------------------------------------------------------------------------- */

static int bad_name(const mb_import *im, mb_span name, const char *what) {
    char text[80];
    return mb_fail(MB_BADINPUT, "%s: value \"%s\" %s; export the network again", im->path, mb_span_text(name, text, sizeof text),
                   what);
}

static int add_value(mb_import *im, mb_span name, mb_value **v) {
    if (!name.n) return mb_fail(MB_BADINPUT, "%s: a value without a name; export the network again", im->path);
    if (mb_names_find(&im->names, name) >= 0) return bad_name(im, name, "is defined twice");
    int k = mb_names_add(&im->names, name);
    if (k < 0) return mb_fail(MB_BUG, "%s: the table of names is full", im->path);
    *v = &im->value[k];
    (*v)->layer = -1;
    return MB_OK;
}

mb_value *mb_import_find(const mb_import *im, mb_span name) {
    int k = mb_names_find(&im->names, name);
    return k < 0 ? NULL : &im->value[k];
}

/* Enter all names and count their uses. */
int mb_import_names(mb_import *im) {
    const mb_onnx_model *m = im->model;
    size_t n = (size_t)m->n_init + (size_t)m->n_in;
    mb_value *v;
    for (int k = 0; k < m->n_node; k++) n += (size_t)m->node[k].n_out;
    im->value = mb_calloc(n + 1, sizeof *im->value);
    int rc = im->value ? mb_names_init(&im->names, n) : mb_nomem();
    for (int k = 0; !rc && k < m->n_init; k++) {
        rc = add_value(im, m->init[k].name, &v);
        if (rc) break;
        v->tensor = &m->init[k];
        v->ready = true;
    }
    for (int k = 0; !rc && k < m->n_in; k++) {                           /* before IR 4 initialisers were listed as inputs, too */
        v = m->in[k].name.n ? mb_import_find(im, m->in[k].name) : NULL;
        if (!v || !v->tensor) rc = add_value(im, m->in[k].name, &v);
    }
    for (int k = 0; !rc && k < m->n_node; k++)
        for (int j = 0; !rc && j < m->node[k].n_out; j++)
            if (m->node[k].out[j].n) rc = add_value(im, m->node[k].out[j], &v);
    for (int k = 0; !rc && k < m->n_node; k++)
        for (int j = 0; j < m->node[k].n_in; j++)
            if (m->node[k].in[j].n && (v = mb_import_find(im, m->node[k].in[j]))) v->uses++;
    for (int k = 0; !rc && k < m->n_out; k++)
        if ((v = mb_import_find(im, m->out[k].name))) v->uses++;
    return rc;
}

/* ---- what operators ask --------------------------------------------------------------------------------------------- */

static mb_value *value_of(const mb_import *im, const mb_node *node, int k) {
    return k < node->n_in && node->value[k] >= 0 ? &im->value[node->value[k]] : NULL;
}

bool mb_value_const(const mb_value *v) { return v->c || v->tensor; }

bool mb_import_has(const mb_node *node, int k) { return k < node->n_in && node->value[k] >= 0; }

bool mb_import_is_const(const mb_import *im, const mb_node *node, int k) {
    const mb_value *v = value_of(im, node, k);
    return v && mb_value_const(v);
}

const mb_shape *mb_import_shape(const mb_import *im, const mb_node *node, int k) {
    const mb_value *v = value_of(im, node, k);
    return v && !mb_value_const(v) ? &im->net->layer[v->layer].shape : NULL;
}

int mb_import_inputs(const mb_import *im, const mb_node *node, int lo, int hi) {
    if (node->n_in < lo || node->n_in > hi)
        return mb_node_fail(node, "it has %d inputs; %d to %d are expected: export the network again", node->n_in, lo, hi);
    if (!mb_import_shape(im, node, 0)) return mb_node_fail(node, "its first input must be an activation, not a constant");
    return MB_OK;
}

static int load_external(mb_import *im, mb_onnx_tensor *t) {
    if (!t->external) return MB_OK;
    mb_blob *b = mb_calloc(1, sizeof *b);
    if (!b) return mb_nomem();
    int rc = mb_onnx_external(im->path, im->dir, t, &b->data);
    if (rc) {
        mb_free(b);
        return rc;
    }
    b->next = im->blobs;
    im->blobs = b;
    im->net->hash = mb_hash64(t->raw.p, t->raw.n, im->net->hash);
    return MB_OK;
}

int mb_import_charge(mb_import *im, const mb_node *node, size_t n) {
    if (n > MB_FOLD_MAX - im->folded)
        return mb_node_fail(node, "the constants of this network hold too many elements for folding (at most %zu)", MB_FOLD_MAX);
    im->folded += n;
    return MB_OK;
}

/* The constant V as a mb_const. */
int mb_value_small(mb_import *im, const mb_node *node, mb_value *v, const mb_const **c) {
    int rc = MB_OK;
    if (!v->c) {
        rc = load_external(im, v->tensor);
        if (!rc) rc = mb_import_charge(im, node, v->tensor->count);
        if (!rc) rc = mb_const_from_tensor(node, v->tensor, &v->c);
        if (rc) return mb_context(rc, "%s: %s", im->path, node->label);
    }
    *c = v->c;
    return rc;
}

int mb_import_const(mb_import *im, const mb_node *node, int k, const char *what, const mb_const **c) {
    mb_value *v = value_of(im, node, k);
    if (!v) return mb_node_fail(node, "input %d (%s) is missing", k, what);
    if (!mb_value_const(v))
        return mb_node_fail(node, "input %d (%s) is computed from the data; only constants are supported there", k, what);
    return mb_value_small(im, node, v, c);
}

int mb_import_floats(mb_import *im, const mb_node *node, int k, const char *what, mb_floats *out) {
    mb_value *v = value_of(im, node, k);
    if (!v) return mb_node_fail(node, "input %d (%s) is missing", k, what);
    if (!mb_value_const(v))
        return mb_node_fail(node, "input %d (%s) is computed from the data; only constants are supported there", k, what);
    int rc = v->tensor ? load_external(im, v->tensor) : MB_OK;
    if (rc) return rc;
    int type = v->c ? v->c->type : v->tensor->type;
    if (!mb_onnx_type_real(type))
        return mb_node_fail(
            node, "input %d (%s) has type %s; float is needed (quantised networks are not supported: export the float one)", k,
            what, mb_onnx_type_name(type));
    out->nd = v->c ? v->c->nd : v->tensor->nd;
    out->n = v->c ? v->c->n : v->tensor->count;
    memcpy(out->dim, v->c ? v->c->dim : v->tensor->dim, sizeof out->dim);
    if (!v->c && (rc = mb_onnx_plausible(im->path, v->tensor))) return rc;
    out->v = mb_malloc(out->n, sizeof *out->v);
    if (!out->v) return mb_nomem();
    if (v->c) for (size_t j = 0; j < out->n; j++) out->v[j] = (float)v->c->r[j];
    else rc = mb_onnx_tensor_f32(im->path, v->tensor, out->v);
    for (size_t j = 0; !rc && j < out->n; j++)
        if (!isfinite(out->v[j]))
            rc = mb_node_fail(node, "input %d (%s): element %zu is %s; the training may have diverged: export a sound network", k,
                              what, j, isnan(out->v[j]) ? "NaN" : "infinite");
    if (rc) {
        mb_free(out->v);
        out->v = NULL;
    }
    return rc;
}

int mb_import_number(mb_import *im, const mb_node *node, int k, const char *what, float def, float *out) {
    const mb_const *c;
    *out = def;
    if (!mb_import_has(node, k)) return MB_OK;
    int rc = mb_import_const(im, node, k, what, &c);
    if (rc) return rc;
    if (c->n != 1 || !c->r) return mb_node_fail(node, "input %d (%s) must be one real number", k, what);
    *out = (float)c->r[0];
    return isnan(*out) ? mb_node_fail(node, "input %d (%s) is NaN", k, what) : MB_OK;
}

void mb_import_alias(mb_import *im, const mb_node *node, int k) { im->alias = node->value[k]; }

bool mb_import_keeps_norm(const mb_import *im) { return im->keep_norm; }

mb_layer *mb_import_fusable(mb_import *im, const mb_node *node, int k) {
    const mb_value *v = value_of(im, node, k);
    if (!v || mb_value_const(v) || v->uses > 1 || v->shared) return NULL;
    mb_layer *l = &im->net->layer[v->layer];
    return mb_layer_weighted(l) ? l : NULL;
}
