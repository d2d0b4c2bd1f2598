/* import.c - from an ONNX graph to a network
 *
 * All names of the graph are entered in one table first (initialisers, the input, every node's outputs), with the number of their
 * uses (import_values.c). Then the nodes are taken in the order of the file: a node whose inputs are all constants is computed
 * (fold.c); otherwise the operator that knows it makes a layer, or an alias of its input, or changes the weighted layer before it.
 * At the end layers that nobody uses are left out.
 *
 * The first axis of the graph's input is the batch; layers see shapes without it.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/file.h"
#include "base/mem.h"
#include "base/param.h"
#include "nn/fakequant.h"
#include "nn/import_state.h"

#define MIN_OPSET 7
#define MAX_OPSET 22

/* ---- layers ----------------------------------------------------------------------------------------------------------- */

/* Room for one more layer at the end, cleared. */
static int more_layers(mb_import *im) {
    mb_network *net = im->net;
    if (net->n_layers == im->cap_layers) {
        int cap = im->cap_layers ? 2 * im->cap_layers : 64;
        mb_layer *p = mb_realloc(net->layer, (size_t)cap, sizeof *p);
        if (!p) return mb_nomem();
        net->layer = p;
        im->cap_layers = cap;
    }
    memset(&net->layer[net->n_layers], 0, sizeof *net->layer);
    return MB_OK;
}

static int check_shape(const mb_node *node, const mb_shape *s) {
    int64_t n = 1;
    if (s->nd < 1 || s->nd > MB_MAX_RANK)
        return mb_node_fail(node, "its result has rank %d with the batch; 2 to %d are supported", s->nd + 1, MB_MAX_RANK + 1);
    for (int k = 0; k < s->nd; k++) {
        if (s->d[k] < 1) return mb_node_fail(node, "its result is empty (axis %d)", k + 1);
        if (s->d[k] > MB_MAX_ELEMENTS / n)
            return mb_node_fail(node, "its result has more than %lld elements per sample", (long long)MB_MAX_ELEMENTS);
        n *= s->d[k];
    }
    return MB_OK;
}

/* Make the layer of NODE with operator OP, or an alias. */
static int make_layer(mb_import *im, const mb_node *node, const mb_op_type *op, const char *name) {
    int rc = more_layers(im);
    if (rc) return rc;
    mb_layer l = {.op = op};
    l.name = mb_strdup(name);
    l.in = mb_malloc((size_t)node->n_in, sizeof *l.in);
    if (!l.name || !l.in) rc = mb_nomem();
    for (int k = 0; !rc && k < node->n_in; k++)
        if (mb_import_shape(im, node, k)) l.in[l.n_in++] = im->value[node->value[k]].layer;
    im->alias = -1;
    if (!rc) rc = op->import(im, node, &l);
    if (!rc && im->alias < 0) rc = check_shape(node, &l.shape);
    if (rc) {
        mb_layer_clear(&l);
        return rc;
    }
    mb_value *out = node->onnx->n_out && node->onnx->out[0].n ? mb_import_find(im, node->onnx->out[0]) : NULL;
    if (out && im->alias >= 0) {
        const mb_value *from = &im->value[im->alias];
        out->layer = from->layer;
        out->shared = from->shared || from->uses > 1;
    } else if (out) {
        out->layer = im->net->n_layers;
    }
    if (out) out->ready = true;
    if (!out || im->alias >= 0) mb_layer_clear(&l);
    else im->net->layer[im->net->n_layers++] = l;
    return MB_OK;
}

/* ---- nodes ------------------------------------------------------------------------------------------------------------ */

static const mb_op_type *find_op(const char *onnx) {
    for (const mb_op_type *const *t = mb_ops; *t; t++)
        for (const char *const *o = (*t)->onnx; o && *o; o++)
            if (!strcmp(*o, onnx)) return *t;
    return NULL;
}

static int unsupported(const mb_import *im, const mb_node *node, int number) {
    mb_str list = {0};
    char domain[60], name[120], where[140];
    const mb_onnx_node *o = node->onnx;
    for (const mb_op_type *const *t = mb_ops; *t; t++)
        for (const char *const *s = (*t)->onnx; s && *s; s++) mb_str_addf(&list, "%s%s", list.n ? ", " : "", *s);
    if (o->name.n) snprintf(where, sizeof where, "\"%s\"", mb_span_text(o->name, name, sizeof name));
    else snprintf(where, sizeof where, "%d", number);
    int rc = mb_fail(MB_BADINPUT,
                     "%s: node %s: operator %s%s%s is not supported; supported: %s. Replace it by these in the model, or cut the "
                     "network before "
                     "it, and export again (opset %d to %d, inference mode)",
                     im->path, where, node->op, o->domain.n ? " of domain " : "",
                     o->domain.n ? mb_span_text(o->domain, domain, sizeof domain) : "", mb_cstr(&list), MIN_OPSET, MAX_OPSET);
    mb_str_free(&list);
    return rc;
}

static void describe(const mb_import *im, const mb_onnx_node *o, int number, mb_node *node) {
    char name[100];
    memset(node, 0, sizeof *node);
    node->network = im->path;
    node->onnx = o;
    node->opset = im->model->opset;
    node->batch = im->batch;
    node->n_in = o->n_in;
    node->value = im->in;
    mb_span_text(o->op, node->op, sizeof node->op);
    if (o->name.n)
        snprintf(node->label, sizeof node->label, "node \"%s\" (%s)", mb_span_text(o->name, name, sizeof name), node->op);
    else snprintf(node->label, sizeof node->label, "node %d (%s)", number, node->op);
}

/* Find the values of the node's inputs. */
static int resolve(mb_import *im, const mb_node *node) {
    char text[80];
    for (int k = 0; k < node->n_in; k++) {
        mb_span name = node->onnx->in[k];
        im->in[k] = -1;
        if (!name.n) continue;
        const mb_value *v = mb_import_find(im, name);
        mb_span_text(name, text, sizeof text);
        if (!v) return mb_node_fail(node, "its input \"%s\" is not defined anywhere; export the network again", text);
        if (!v->ready)
            return mb_node_fail(node,
                                "its input \"%s\" is computed later or not at all (ONNX wants nodes in the order of execution, "
                                "without cycles, and only the "
                                "first output of a node is supported); export the network again",
                                text);
        im->in[k] = (int)(v - im->value);
    }
    return MB_OK;
}

static int fold_node(mb_import *im, const mb_node *node) {
    const mb_const *in[MB_ONNX_MAX_NODE_INPUTS] = {NULL};
    mb_const *c = NULL;
    int rc = MB_OK;
    mb_value *v = node->onnx->n_out && node->onnx->out[0].n ? mb_import_find(im, node->onnx->out[0]) : NULL;
    for (int k = 0; !rc && k < node->n_in; k++)
        if (im->in[k] >= 0) rc = mb_value_small(im, node, &im->value[im->in[k]], &in[k]);
    if (!rc) rc = mb_fold(node, in, &c);
    if (!rc) rc = mb_import_charge(im, node, c->n);
    if (rc || !v) {
        mb_const_free(c);
        return rc;
    }
    v->c = c;
    v->ready = true;
    return MB_OK;
}

/* Shape of an activation: a constant whose first element stands for the batch. */
static int fold_shape_node(mb_import *im, const mb_node *node) {
    const mb_shape *s = mb_import_shape(im, node, 0);
    int64_t dim[MB_MAX_RANK + 1] = {MB_BATCH};
    mb_value *v = node->onnx->n_out ? mb_import_find(im, node->onnx->out[0]) : NULL;
    for (int k = 0; k < s->nd; k++) dim[k + 1] = s->d[k];
    if (!v) return MB_OK;
    int rc = mb_fold_shape(node, s->nd + 1, dim, &v->c);
    v->ready = !rc;
    return rc;
}

static void layer_name(const mb_node *node, int number, char *buf, size_t cap) {
    if (node->onnx->name.n) mb_span_text(node->onnx->name, buf, cap);
    else snprintf(buf, cap, "%s_%d", node->op, number);
}

static int import_node(mb_import *im, int number) {
    const mb_onnx_node *o = &im->model->node[number];
    char name[256];
    mb_node node;
    describe(im, o, number, &node);
    if (o->op.n == 0 || o->op.n >= sizeof node.op)
        return mb_node_fail(&node, "the name of its operator is missing or too long; export the network again");
    bool standard = !o->domain.n || mb_span_is(o->domain, "ai.onnx");
    const mb_op_type *op = standard ? find_op(node.op) : NULL;
    bool foldable = standard && mb_fold_knows(node.op);
    if (!op && !foldable) return unsupported(im, &node, number);
    int rc = resolve(im, &node);
    if (rc) return rc;
    int activation = -1;
    for (int k = 0; k < node.n_in && activation < 0; k++)
        if (im->in[k] >= 0 && !mb_value_const(&im->value[im->in[k]])) activation = k;
    if (activation < 0 && foldable) return fold_node(im, &node);
    if (activation < 0)
        return mb_node_fail(&node, "all its inputs are constants, and this operator is not computed while importing; simplify "
                                   "the file first (python3 -m onnxsim IN OUT)");
    if (activation == 0 && node.n_in == 1 && !strcmp(node.op, "Shape")) return fold_shape_node(im, &node);
    if (!op) {
        char text[80];
        return mb_node_fail(&node,
                            "operator %s is supported on constants (shapes) only, but its input \"%s\" is computed from the "
                            "data; replace it in the model "
                            "and export again",
                            node.op, mb_span_text(o->in[activation], text, sizeof text));
    }
    layer_name(&node, number, name, sizeof name);
    return make_layer(im, &node, op, name);
}

/* ---- the graph -------------------------------------------------------------------------------------------------------- */

static int names_of(const mb_onnx_value *v, int n, const mb_import *im, bool inputs, mb_str *list) {
    char text[80];
    int count = 0;
    for (int k = 0; k < n; k++) {
        if (inputs && mb_import_find(im, v[k].name)->tensor) continue;
        if (++count <= 10) mb_str_addf(list, "%s\"%s\"", count > 1 ? ", " : "", mb_span_text(v[k].name, text, sizeof text));
        else if (count == 11) mb_str_add(list, ", ...");
    }
    return count;
}

/* Layer 0: the only input that is not an initialiser. */
static int import_input(mb_import *im) {
    const mb_onnx_model *m = im->model;
    const mb_onnx_value *in = NULL;
    mb_str list = {0};
    char name[120], symbol[40];
    int rc = MB_OK, n = names_of(m->in, m->n_in, im, true, &list);
    if (n != 1)
        rc = mb_fail(
            MB_BADINPUT,
            "%s: the graph has %d inputs%s%s; exactly one is supported: export the part of the model that takes one input tensor",
            im->path, n, n ? ": " : "", mb_cstr(&list));
    mb_str_free(&list);
    if (!rc) rc = more_layers(im);
    if (rc) return rc;
    for (int k = 0; k < m->n_in; k++)
        if (!mb_import_find(im, m->in[k].name)->tensor) in = &m->in[k];
    mb_span_text(in->name, name, sizeof name);
    if (in->elem && !mb_onnx_type_real(in->elem))
        return mb_fail(
            MB_BADINPUT,
            "%s: input \"%s\" has type %s; float is needed (quantised networks are not supported: export the float one)",
            im->path, name, mb_onnx_type_name(in->elem));
    if (in->nd < 2 || in->nd > MB_MAX_RANK + 1)
        return mb_fail(MB_BADINPUT, "%s: input \"%s\" %s; needed are a batch axis and 1 to %d more (such as N x C x H x W)",
                       im->path, name, in->nd < 0 ? "has no shape" : "has a shape of the wrong rank", MB_MAX_RANK);
    mb_layer *l = &im->net->layer[0];
    l->op = &mb_op_input;
    l->shape.nd = in->nd - 1;
    int64_t count = 1;
    for (int k = 1; k < in->nd; k++) {
        if (in->dim[k] < 1)
            return mb_fail(
                MB_BADINPUT,
                "%s: input \"%s\": axis %d has no fixed size (%s); only the first axis may be symbolic: export with fixed sizes",
                im->path, name, k, in->symbol[k].n ? mb_span_text(in->symbol[k], symbol, sizeof symbol) : "unknown");
        if (in->dim[k] > MB_MAX_ELEMENTS / count)
            return mb_fail(MB_BADINPUT, "%s: input \"%s\" has more than %lld elements per sample", im->path, name,
                           (long long)MB_MAX_ELEMENTS);
        count *= in->dim[k];
        l->shape.d[k - 1] = in->dim[k];
    }
    im->batch = in->dim[0] > 0 ? in->dim[0] : -1;
    l->name = mb_strdup(name);
    l->in = mb_malloc(0, sizeof *l->in);
    if (!l->name || !l->in) return mb_nomem();
    im->net->n_layers = 1;
    mb_value *v = mb_import_find(im, in->name);
    v->layer = 0;
    v->ready = true;
    return MB_OK;
}

/* Which layer is the output? Compare its shape with what the file says. */
static int import_output(mb_import *im) {
    const mb_onnx_model *m = im->model;
    mb_str list = {0};
    char name[120], shape[80];
    int rc = MB_OK, n = names_of(m->out, m->n_out, im, false, &list);
    if (n != 1)
        rc = mb_fail(MB_BADINPUT,
                     "%s: the graph has %d outputs%s%s; exactly one is supported: export the model with the one you want",
                     im->path, n, n ? ": " : "", mb_cstr(&list));
    mb_str_free(&list);
    if (rc) return rc;
    const mb_onnx_value *out = &m->out[0];
    const mb_value *v = mb_import_find(im, out->name);
    mb_span_text(out->name, name, sizeof name);
    if (!v || !v->ready)
        return mb_fail(MB_BADINPUT, "%s: output \"%s\" is not computed by any node; export the network again", im->path, name);
    if (mb_value_const(v))
        return mb_fail(MB_BADINPUT, "%s: output \"%s\" does not depend on the input; export the network again", im->path, name);
    const mb_shape *s = &im->net->layer[v->layer].shape;
    bool differs = out->nd >= 0 && out->nd != s->nd + 1;
    for (int k = 1; !differs && k < out->nd; k++) differs = out->dim[k] > 0 && out->dim[k] != s->d[k - 1];
    if (differs)
        return mb_fail(
            MB_BADINPUT,
            "%s: output \"%s\" is %s per sample by its layers, but the file states another shape; export the network again",
            im->path, name, mb_shape_text(s, shape, sizeof shape));
    im->net->output = v->layer;
    return MB_OK;
}

/* Leave out layers that the output does not depend on (never the input). */
static int drop_unused(mb_import *im) {
    mb_network *net = im->net;
    int n = net->n_layers, kept = 0, *place = mb_calloc((size_t)n, sizeof *place);
    if (!place) return mb_nomem();
    place[0] = place[net->output] = 1;
    for (int k = n - 1; k >= 0; k--)
        for (int j = 0; place[k] && j < net->layer[k].n_in; j++) place[net->layer[k].in[j]] = 1;
    for (int k = 0; k < n; k++) {
        if (!place[k]) {
            mb_layer_clear(&net->layer[k]);
            continue;
        }
        place[k] = kept;
        for (int j = 0; j < net->layer[k].n_in; j++) net->layer[k].in[j] = place[net->layer[k].in[j]];
        if (kept != k) {
            net->layer[kept] = net->layer[k];
            memset(&net->layer[k], 0, sizeof net->layer[k]);
        }
        kept++;
    }
    net->output = place[net->output];
    net->n_layers = kept;
    mb_free(place);
    if (kept < n) mb_note("%s: %d layers whose results nobody uses were left out", im->path, n - kept);
    return MB_OK;
}

/* Layer names are unique: a second one of the same name gets the layer's number behind it. */
static int unique_names(mb_network *net) {
    mb_names names;
    int rc = mb_names_init(&names, (size_t)net->n_layers);
    for (int k = 0; !rc && k < net->n_layers; k++) {
        char *first = net->layer[k].name, *name = first;
        mb_span s = {(const uint8_t *)name, strlen(name)};
        for (int more = 0; mb_names_find(&names, s) >= 0; more++) {
            if (name != first) mb_free(name);
            name = more ? mb_asprintf("%s_%d_%d", first, k, more) : mb_asprintf("%s_%d", first, k);
            if (!name) break;
            s = (mb_span){(const uint8_t *)name, strlen(name)};
        }
        if (!name || mb_names_add(&names, s) < 0) {
            rc = mb_nomem();
        } else if (name != first) {
            mb_free(first);
            net->layer[k].name = name;
        }
    }
    mb_names_free(&names);
    return rc;
}

static int list_weighted(mb_network *net) {
    net->weighted = mb_malloc((size_t)net->n_layers, sizeof *net->weighted);
    if (!net->weighted) return mb_nomem();
    for (int k = 0; k < net->n_layers; k++)
        if (mb_layer_weighted(&net->layer[k])) net->weighted[net->n_weighted++] = k;
    return MB_OK;
}

/* "lsq bits=4 unsigned step=0.01": the step that training found for the input of L */
static int input_quantiser(const mb_import *im, mb_layer *l) {
    static const char *const kinds = MB_FAKES;
    char *key = mb_asprintf("mixbar.quantiser.%s.input", l->name), kind[16], sign[16], *text = NULL, name[16];
    mb_span v;
    int rc = key ? MB_OK : mb_nomem(), bits = 0, end = 0;
    if (!rc && mb_onnx_metadata(im->model, key, &v)) {
        text = mb_strndup((const char *)v.p, v.n);
        double learnt = 0;
        mb_fakequant q = {.kind = MB_FAKE_NONE};
        bool good = text && sscanf(text, "%15s bits=%d %15s%n", kind, &bits, sign, &end) == 3 && bits >= 1 && bits <= 16;
        for (int k = 0; good && k <= MB_FAKE_TERNARY; k++)
            if (!strcmp(mb_choice_name(kinds, k, name, sizeof name), kind)) q.kind = (mb_fake)k;
        const char *number = good ? strchr(text + end, '=') : NULL;
        if (number) learnt = strtod(number + 1, NULL);
        if (!text) rc = mb_nomem();
        else if (!good || q.kind == MB_FAKE_NONE || (q.kind == MB_FAKE_HWGQ && bits > 4) || !(learnt >= 0 && learnt < 1e30))
            rc = mb_fail(MB_BADINPUT, "%s: metadata %s: \"%s\" is not a quantiser", im->path, key, text);
        q.bits = bits;
        q.is_signed = good && !strcmp(sign, "signed");
        if (!rc && q.kind != MB_FAKE_MINMAX) {
            l->input_bits = bits;
            l->input_step = mb_fake_inputs_step(&q, (float)learnt, 0);
        }
    }
    mb_free(text);
    mb_free(key);
    return rc;
}

static int import_graph(mb_import *im) {
    const mb_onnx_model *m = im->model;
    if (m->opset < MIN_OPSET || m->opset > MAX_OPSET)
        return mb_fail(MB_BADINPUT, "%s: opset %lld is not supported; export with an opset from %d to %d", im->path,
                       (long long)m->opset, MIN_OPSET, MAX_OPSET);
    if (m->n_sparse) return mb_fail(MB_BADINPUT, "%s: sparse initialisers are not supported; export with dense ones", im->path);
    im->net->opset = m->opset;
    int rc = mb_import_names(im);
    if (!rc) rc = import_input(im);
    for (int k = 0; !rc && k < m->n_node; k++) rc = import_node(im, k);
    if (!rc) rc = import_output(im);
    if (!rc) rc = drop_unused(im);
    if (!rc) rc = unique_names(im->net);
    if (!rc) rc = list_weighted(im->net);
    for (int k = 0; !rc && k < im->net->n_weighted; k++) rc = input_quantiser(im, &im->net->layer[im->net->weighted[k]]);
    if (!rc) rc = mb_network_check(im->net);
    return rc;
}

static void import_free(mb_import *im) {
    for (int k = 0; im->value && k < im->names.n; k++) mb_const_free(im->value[k].c);
    for (mb_blob *b = im->blobs, *next; b; b = next) {
        next = b->next;
        mb_free(b->data);
        mb_free(b);
    }
    mb_free(im->value);
    mb_names_free(&im->names);
    mb_free(im->dir);
    mb_onnx_free(im->model);
    mb_network_free(im->net);
    mb_free(im);
}

static int parse(const uint8_t *data, size_t size, const char *path, bool keep_norm, mb_network **net) {
    mb_import *im = mb_calloc(1, sizeof *im);
    if (!im) return mb_nomem();
    im->path = path;
    im->keep_norm = keep_norm;
    im->dir = mb_path_dir(path);
    im->net = mb_calloc(1, sizeof *im->net);
    int rc = im->dir && im->net ? MB_OK : mb_nomem();
    if (rc) goto out;
    im->net->hash = mb_hash64(data, size, MB_HASH_START);
    im->net->path = mb_strdup(path);
    im->net->name = mb_path_base(path);
    if (!im->net->path || !im->net->name) {
        rc = mb_nomem();
        goto out;
    }
    rc = mb_onnx_parse(path, data, size, &im->model);
    if (!rc) rc = import_graph(im);
    if (rc) goto out;
    *net = im->net;
    im->net = NULL;
out:
    import_free(im);
    return rc;
}

int mb_network_parse(const uint8_t *data, size_t size, const char *path, mb_network **net) { return parse(data, size, path, false, net); }

static int load(const char *path, bool keep_norm, mb_network **net) {
    uint8_t *data = NULL;
    size_t size = 0;
    int rc = mb_file_read(path, 0, &data, &size);
    if (!rc) rc = parse(data, size, path, keep_norm, net);
    mb_free(data);
    return rc;
}

int mb_network_load(const char *path, mb_network **net) { return load(path, false, net); }

int mb_network_load_apart(const char *path, mb_network **net) { return load(path, true, net); }
