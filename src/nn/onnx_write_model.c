/* onnx_write_model.c - trainable models as ONNX: normalisation in inference mode, quantisers in the metadata */
#include <math.h>
#include <string.h>

#include "base/error.h"
#include "base/mem.h"
#include "nn/onnx_graph.h"

typedef struct writer {
    mb_graph g;
    const mb_model *m;
    const float *theta;
    mb_str *value;                       /* [layers] names of results */
} writer;

static const float *block(const writer *w, int b) { return b < 0 ? NULL : w->theta + w->m->block[b].at; }

/* Factor 1 or offset 0 where the layer has none; four arrays of C numbers. */
static int write_norm(writer *w, const mb_model_layer *l, const char *x) {
    size_t C = (size_t)l->shape.d[0];
    const float *gamma = block(w, l->weight), *beta = block(w, l->bias), *mean = w->m->state + l->state;
    float *own = mb_calloc(4 * C, sizeof *own), eps = l->eps;
    if (!own) return mb_nomem();
    const float *v[4] = {own, own + C, own + 2 * C, own + 3 * C};
    for (size_t c = 0; c < C; c++) own[c] = own[3 * C + c] = 1;
    if (gamma) v[0] = gamma;
    if (beta) v[1] = beta;
    if (l->kind == MB_KIND_NORM) v[2] = mean, v[3] = mean + C;
    else eps = 0;
    mb_graph_norm(&w->g, l->name, x, (int64_t)C, v, eps);
    mb_free(own);
    return MB_OK;
}

/* --- gather: a slice and padding ----------------------------------------------------------------------------------------- */

/* Output place o[k] of axis k comes from begin + step (o[k] - before) for before <= o[k] < before + count, else it is the
 * constant. */
typedef struct box { int64_t before[MB_MAX_RANK], count[MB_MAX_RANK], begin[MB_MAX_RANK], step[MB_MAX_RANK]; } box;

static void place(const mb_shape *s, size_t at, int64_t *index) {
    for (int k = s->nd - 1; k >= 0; k--) {
        index[k] = (int64_t)(at % (size_t)s->d[k]);
        at /= (size_t)s->d[k];
    }
}

/* The index of the only box that can explain the layer; then every element is compared. False: there is none. */
static bool find_box(const mb_model_layer *l, const mb_shape *in, box *b) {
    const mb_shape *s = &l->shape;
    size_t n = mb_shape_count(s), first = 0, last = n;
    int64_t o0[MB_MAX_RANK], o1[MB_MAX_RANK], i0[MB_MAX_RANK], i1[MB_MAX_RANK], o[MB_MAX_RANK];
    while (first < n && l->index[first] < 0) first++;
    while (last > first && l->index[last - 1] < 0) last--;
    if (s->nd != in->nd || first == n) return false;
    place(s, first, o0);
    place(s, last - 1, o1);
    place(in, (size_t)l->index[first], i0);
    place(in, (size_t)l->index[last - 1], i1);
    for (int k = 0; k < s->nd; k++) {
        b->before[k] = o0[k];
        b->count[k] = o1[k] - o0[k] + 1;
        b->begin[k] = i0[k];
        b->step[k] = b->count[k] > 1 ? (i1[k] - i0[k]) / (b->count[k] - 1) : 1;
        if (b->count[k] < 1 || b->step[k] == 0) return false;
    }
    for (size_t at = 0; at < n; at++) {
        int64_t from = 0;
        bool inside = true;
        place(s, at, o);
        for (int k = 0; k < s->nd; k++) {
            inside = inside && o[k] >= b->before[k] && o[k] < b->before[k] + b->count[k];
            from = from * in->d[k] + b->begin[k] + b->step[k] * (o[k] - b->before[k]);
        }
        if (l->index[at] != (inside ? from : -1)) return false;
    }
    return true;
}

static int write_gather(writer *w, const mb_model_layer *l, const char *x, mb_str *last) {
    const mb_shape *in = &w->m->layer[l->in[0]].shape, *s = &l->shape;
    mb_str name = {0};
    box b;
    int64_t after[MB_MAX_RANK];
    bool cuts = false, pads = false, same = mb_shape_count(in) == mb_shape_count(s);
    for (size_t k = 0; same && k < mb_shape_count(s); k++) same = l->index[k] == (int32_t)k;
    if (same) {
        mb_graph_reshape(&w->g, l->name, x, s);
        return MB_OK;
    }
    if (!find_box(l, in, &b))
        return mb_fail(MB_BADINPUT, "layer \"%s\": its permutation is neither a slice nor padding, ONNX cannot say it", l->name);
    for (int k = 0; k < s->nd; k++) {
        after[k] = s->d[k] - b.before[k] - b.count[k];
        cuts = cuts || b.begin[k] != 0 || b.step[k] != 1 || b.count[k] != in->d[k];
        pads = pads || b.before[k] || after[k];
    }
    if (cuts && !pads) mb_graph_slice(&w->g, l->name, x, s->nd, in->d, b.begin, b.step, b.count);
    else if (!cuts) mb_graph_pad(&w->g, l->name, x, s->nd, b.before, after, l->value);
    else {
        mb_graph_slice(&w->g, l->name, x, s->nd, in->d, b.begin, b.step, b.count);
        mb_str_addf(&name, "%s:0.pad", l->name);
        mb_graph_pad(&w->g, mb_cstr(&name), mb_cstr(last), s->nd, b.before, after, l->value);
        mb_str_add(last, ".pad:0");
        mb_str_free(&name);
    }
    return MB_OK;
}

/* --- layers -------------------------------------------------------------------------------------------------------------- */

/* The input of a fully connected layer as a vector. */
static void write_linear(writer *w, const mb_model_layer *l, const char *x) {
    mb_str name = {0};
    if (w->m->layer[l->in[0]].shape.nd != 1) {
        mb_str_addf(&name, "%s:0.flat", l->name);
        mb_graph_reshape(&w->g, mb_cstr(&name), x, &(mb_shape){1, {l->win.cin}});
        mb_str_add(&name, ":0");
    }
    mb_graph_gemm(&w->g, l->name, name.n ? mb_cstr(&name) : x, &l->win, block(w, l->weight), block(w, l->bias));
    w->g.nodes.failed |= name.failed;
    mb_str_free(&name);
}

static int write_layer(writer *w, int k) {
    const mb_model_layer *l = &w->m->layer[k];
    const char *x = l->n_in ? mb_cstr(&w->value[l->in[0]]) : "";
    mb_graph *g = &w->g;
    bool plane = l->n_in && w->m->layer[l->in[0]].shape.nd == 3;
    mb_str_addf(&w->value[k], k ? "%s:0" : "%s", l->name);
    switch (l->kind) {
    case MB_KIND_INPUT: return MB_OK;
    case MB_KIND_CONV: mb_graph_conv(g, l->name, x, &l->win, plane, block(w, l->weight), block(w, l->bias)); return MB_OK;
    case MB_KIND_LINEAR: write_linear(w, l, x); return MB_OK;
    case MB_KIND_NORM:
    case MB_KIND_SCALE: return write_norm(w, l, x);
    case MB_KIND_ADD:
        mb_graph_input(g, x);
        mb_graph_input(g, mb_cstr(&w->value[l->in[1]]));
        mb_graph_node(g, "Add", l->name);
        return MB_OK;
    case MB_KIND_CLIP: mb_graph_clip(g, l->name, x, l->lo, l->hi); return MB_OK;
    case MB_KIND_TANH:
        mb_graph_input(g, x);
        mb_graph_node(g, "Tanh", l->name);
        return MB_OK;
    case MB_KIND_MAXPOOL: return mb_graph_pool(g, l->name, x, &l->win, plane, true, false);
    case MB_KIND_AVGPOOL: return mb_graph_pool(g, l->name, x, &l->win, plane, false, l->include_pad);
    case MB_KIND_FLATTEN: mb_graph_reshape(g, l->name, x, &l->shape); return MB_OK;
    case MB_KIND_GATHER: return write_gather(w, l, x, &w->value[k]);
    }
    return mb_fail(MB_BUG, "layer \"%s\" is of no known kind", l->name);
}

/* --- quantisers as metadata ---------------------------------------------------------------------------------------------- */

static const char *const fake_name[] = {[MB_FAKE_NONE] = "none",   [MB_FAKE_MINMAX] = "minmax", [MB_FAKE_LSQ] = "lsq",
                                        [MB_FAKE_PACT] = "pact",   [MB_FAKE_HWGQ] = "hwgq",     [MB_FAKE_DOREFA] = "dorefa",
                                        [MB_FAKE_SIGN] = "sign",   [MB_FAKE_TERNARY] = "ternary"};

/* "lsq bits=4 signed per_channel step=0.01,0.02" */
static void describe(const writer *w, const mb_fakequant *q, bool weights, mb_str *out) {
    char number[32];
    bool known = (size_t)q->kind < sizeof fake_name / sizeof *fake_name;
    mb_str_addf(out, "%s bits=%d%s%s", known ? fake_name[q->kind] : "?", q->bits,
                weights || q->is_signed ? " signed" : " unsigned",
                q->per_channel ? " per_channel" : "");
    if (q->block < 0) return;
    const mb_model_block *b = &w->m->block[q->block];
    for (size_t k = 0; k < b->n; k++)
        mb_str_addf(out, "%s%s", k ? "," : q->kind == MB_FAKE_PACT ? " clip=" : " step=",
                    mb_fmt_double(number, (double)w->theta[b->at + k], 0));
}

/* Two strings, key and value, for each quantiser: *meta points into TEXT, both are freed by the caller. */
static int quantisers(const writer *w, mb_str **text, mb_onnx_meta **meta, size_t *n) {
    size_t cap = 2 * (size_t)w->m->n_layers;
    *text = mb_calloc(2 * cap, sizeof **text);
    *meta = mb_calloc(cap, sizeof **meta);
    *n = 0;
    if (!*text || !*meta) return mb_nomem();
    for (int k = 0; k < w->m->n_layers; k++)
        for (int input = 0; input < 2; input++) {
            const mb_model_layer *l = &w->m->layer[k];
            const mb_fakequant *q = input ? &l->xq : &l->wq;
            mb_str *key = *text + 2 * *n, *value = key + 1;
            if (!mb_model_weighted(l) || q->kind == MB_FAKE_NONE) continue;
            mb_str_addf(key, "mixbar.quantiser.%s.%s", l->name, input ? "input" : "weights");
            describe(w, q, !input, value);
            if (key->failed || value->failed) return mb_nomem();
            (*meta)[(*n)++] = (mb_onnx_meta){mb_cstr(key), mb_cstr(value)};
        }
    return MB_OK;
}

int mb_model_onnx(const mb_model *m, const mb_onnx_options *options, mb_str *out) {
    writer w = {.m = m, .theta = options && options->theta ? options->theta : m->theta, .value = mb_calloc((size_t)m->n_layers,
                                                                                                           sizeof(mb_str))};
    mb_str bytes = {0}, *text = NULL;
    mb_onnx_meta *meta = NULL;
    size_t n = 0;
    int rc = w.value ? MB_OK : mb_nomem();
    for (int k = 0; k < m->n_layers && !rc; k++) {
        rc = write_layer(&w, k);
        if (!rc && w.value[k].failed) rc = mb_nomem();
    }
    if (!rc && m->n_layers < 2) rc = mb_fail(MB_BADINPUT, "a model without layers cannot be written");
    if (!rc) rc = quantisers(&w, &text, &meta, &n);
    int end = mb_graph_finish(&w.g, m->name, m->layer[0].name, &m->layer[0].shape,
                              w.value ? mb_cstr(&w.value[m->n_layers - 1]) : "",
                              &mb_model_output(m)->shape, options, meta, n, rc ? &bytes : out);
    for (int k = 0; w.value && k < m->n_layers; k++) mb_str_free(&w.value[k]);
    for (size_t k = 0; text && k < 4 * (size_t)m->n_layers; k++) mb_str_free(&text[k]);
    mb_free(w.value);
    mb_free(text);
    mb_free(meta);
    mb_str_free(&bytes);
    return rc ? rc : end;
}
