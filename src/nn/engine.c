/* engine.c - making an engine: steps, values, plan of the gradients' memory; see engine.h and engine_private.h */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif

#include <math.h>
#include <string.h>

#include "base/error.h"
#include "base/mem.h"
#include "nn/engine_private.h"
#include "nn/mixquant.h"
#include "nn/parallel.h"

static void step_free(step *s) {
    mb_conv_free(s->conv);
    mb_free(s->w);
    mb_free(s->xq);
    mb_free(s->keep);
    mb_free(s->mean);
    mb_free(s->index);
    mb_free(s->which);
}

void mb_engine_free(mb_net_engine *e) {
    if (!e) return;
    for (int i = 0; i < e->n_steps; i++) step_free(&e->step[i]);
    for (int i = 0; i < e->n_values; i++) mb_free(e->value[i].y);
    for (int i = 0; i < e->n_buffers; i++) mb_free(e->buffer[i].p);
    mb_free(e->step);
    mb_free(e->value);
    mb_free(e->value_of);
    mb_free(e->buffer);
    mb_free(e->sums);
    mb_free(e->tmp);
    mb_free(e->plain_out);
    mb_free(e->transposed);
    mb_free(e->mixed);
    mb_dnn_free(e->dnn);
    mb_free(e);
}

int mb_engine_threads(const mb_net_engine *e) { return e->threads; }

/* --- steps -------------------------------------------------------------------------------------------------------------- */

static value value_for(const mb_shape *s) {
    size_t n = mb_shape_count(s), C = s->nd > 1 ? (size_t)s->d[0] : n;
    return (value){.C = C, .rows = n / C, .per = n};
}

static int readers(const mb_model *m, int layer) {
    int n = layer == m->n_layers - 1;
    for (int i = layer + 1; i < m->n_layers; i++)
        for (int k = 0; k < m->layer[i].n_in; k++) n += m->layer[i].in[k] == layer;
    return n;
}

static bool is_affine(const mb_model *m, int i) { return m->layer[i].kind == MB_KIND_NORM || m->layer[i].kind == MB_KIND_SCALE; }

/* inside[i]: the layer whose step computes layer i on the way, -1: it has a step of its own */
static void fuse(const mb_model *m, int *inside) {
    for (int i = 0; i < m->n_layers; i++) inside[i] = -1;
    for (int i = 0; i < m->n_layers; i++) {
        const mb_model_layer *l = &m->layer[i];
        if (l->kind == MB_KIND_ADD) {
            int a = l->in[0] > l->in[1] ? l->in[0] : l->in[1], b = l->in[0] > l->in[1] ? l->in[1] : l->in[0];
            int k = is_affine(m, a) && readers(m, a) == 1 ? a : is_affine(m, b) && readers(m, b) == 1 ? b : -1;
            if (k >= 0) inside[k] = i;
        } else if (l->kind == MB_KIND_CLIP) {
            int a = l->in[0];
            if ((is_affine(m, a) || m->layer[a].kind == MB_KIND_ADD) && readers(m, a) == 1) inside[a] = i;
        }
    }
}

static int new_value(mb_net_engine *e, value v) {
    e->value[e->n_values] = v;
    return e->n_values++;
}

static step *new_step(mb_net_engine *e, step_kind kind, int layer, int src, int dst) {
    step *s = &e->step[e->n_steps++];
    *s = (step){.kind = kind, .layer = layer, .affine = -1, .add = -1, .clip = -1, .src = src, .other = -1, .dst = dst, .dx = -1};
    return s;
}

/* The step that ends with layer I: walk back over what was fused. */
static void point_step(mb_net_engine *e, const int *inside, int i) {
    const mb_model *m = e->m;
    step *s = new_step(e, STEP_POINT, i, -1, -1);
    int at = i;
    bool more = true;
    if (m->layer[at].kind == MB_KIND_CLIP) {
        s->clip = at;
        at = m->layer[at].in[0];
        more = inside[at] == i;
    }
    if (more && m->layer[at].kind == MB_KIND_ADD) {
        const mb_model_layer *l = &m->layer[at];
        int chain = inside[l->in[0]] == at ? 0 : inside[l->in[1]] == at ? 1 : -1;
        s->add = at;
        s->other = e->value_of[l->in[chain == 0 ? 1 : 0]];
        at = l->in[chain == 0 ? 0 : 1];
        more = chain >= 0;
    }
    if (more && is_affine(m, at)) {
        s->affine = at;
        at = m->layer[at].in[0];
    }
    s->src = e->value_of[at];
}

/* Position channels last of element K (c h w) of a value. */
static size_t last_of(const value *v, size_t k) { return v->rows == 1 ? k : k % v->rows * v->C + k / v->rows; }

/* Indices of a gather between values that are channels last. MAP: index in the order c h w, NULL: the same order. */
static int gather_index(const value *from, const value *to, const int32_t *map, int32_t **out) {
    int32_t *index = mb_malloc(to->per, sizeof *index);
    if (!index) return mb_nomem();
    for (size_t k = 0; k < to->per; k++) {
        int64_t j = map ? map[k] : (int64_t)k;
        index[last_of(to, k)] = j < 0 ? -1 : (int32_t)last_of(from, (size_t)j);
    }
    *out = index;
    return MB_OK;
}

static bool same_order(const value *from, const value *to) {
    return from->per == to->per &&
           (from->rows == to->rows || ((from->rows == 1 || from->C == 1) && (to->rows == 1 || to->C == 1)));
}

static bool depthwise(const mb_window *w) { return w->groups > 1 && w->groups == w->cin && w->cin == w->cout; }

static int layer_steps(mb_net_engine *e, const int *inside, int i) {
    const mb_model_layer *l = &e->m->layer[i];
    int src = l->n_in ? e->value_of[l->in[0]] : -1, rc = MB_OK;
    step *s = NULL;
    switch (l->kind) {
    case MB_KIND_INPUT: break;
    case MB_KIND_CONV: s = new_step(e, depthwise(&l->win) ? STEP_DEPTHWISE : STEP_CONV, i, src, -1); break;
    case MB_KIND_LINEAR: {
        value flat = {.C = (size_t)l->win.cin, .rows = 1, .per = (size_t)l->win.cin};
        if (!same_order(&e->value[src], &flat)) {
            int v = new_value(e, flat);
            s = new_step(e, STEP_GATHER, i, src, v);
            rc = gather_index(&e->value[src], &e->value[v], NULL, &s->index);
            src = v;
        }
        s = new_step(e, STEP_LINEAR, i, src, -1);
        break;
    }
    case MB_KIND_MAXPOOL: s = new_step(e, STEP_MAX, i, src, -1); break;
    case MB_KIND_AVGPOOL: s = new_step(e, STEP_AVG, i, src, -1); break;
    case MB_KIND_TANH: s = new_step(e, STEP_TANH, i, src, -1); break;
    case MB_KIND_FLATTEN:
    case MB_KIND_GATHER: s = new_step(e, STEP_GATHER, i, src, -1); break;
    default:
        point_step(e, inside, i);
        s = &e->step[e->n_steps - 1];
        break;
    }
    int v = new_value(e, value_for(&l->shape));
    e->value_of[i] = v;
    if (s) s->dst = v;
    if (!rc && s && s->kind == STEP_GATHER && (l->index || !same_order(&e->value[src], &e->value[v])))
        rc = gather_index(&e->value[src], &e->value[v], l->index, &s->index);
    return rc;
}

/* --- plan of the gradients ------------------------------------------------------------------------------------------------ */

/* A free buffer with room for PER numbers per sample, held once; -1 without memory. */
static int take(mb_net_engine *e, size_t per) {
    int best = -1;
    for (int i = 0; i < e->n_buffers; i++) {
        const buffer *b = &e->buffer[i];
        if (b->refs) continue;
        if (best < 0) best = i;
        const buffer *k = &e->buffer[best];
        if (b->per >= per ? k->per < per || b->per < k->per : k->per < per && b->per > k->per) best = i;
    }
    if (best < 0) {
        buffer *b = mb_realloc(e->buffer, (size_t)e->n_buffers + 1, sizeof *b);
        if (!b) return -1;
        e->buffer = b;
        best = e->n_buffers++;
        b[best] = (buffer){0};
    }
    if (e->buffer[best].per < per) e->buffer[best].per = per;
    e->buffer[best].refs = 1;
    return best;
}

static int give(mb_net_engine *e, contribution *c, int which) {
    if (c->n == MAX_PARTS) return mb_fail(MB_BADINPUT, "model \"%s\": more than %d layers use one result", e->m->name, MAX_PARTS);
    c->buffer[c->n++] = which;
    return MB_OK;
}

/* Where the step puts the sum of its contributions: one of them when nobody else reads it. */
static int sum_buffer(mb_net_engine *e, const step *s, size_t per) {
    bool changes = s->in.n != 1 || s->clip >= 0 || s->keep || s->kind == STEP_TANH;
    if (!changes) return s->in.buffer[0];
    for (int k = 0; k < s->in.n; k++)
        if (e->buffer[s->in.buffer[k]].refs == 1) return s->in.buffer[k];
    return take(e, per);
}

static int plan_step(mb_net_engine *e, contribution *by, step *s) {
    int rc = MB_OK;
    size_t per = e->value[s->dst].per;
    s->in = by[s->dst];
    s->g = sum_buffer(e, s, per);
    if (s->g < 0) return mb_nomem();
    bool mine = false;
    for (int k = 0; k < s->in.n; k++) {
        mine = mine || s->in.buffer[k] == s->g;
        if (s->in.buffer[k] != s->g) e->buffer[s->in.buffer[k]].refs--;
    }
    bool wanted = s->src != e->value_of[0] || e->input_gradient || (s->xq && step_layer(e, s)->xq.block >= 0);
    if (s->other >= 0) {
        e->buffer[s->g].refs++;
        rc = give(e, &by[s->other], s->g);
    }
    if (wanted) {
        if (s->kind == STEP_POINT && s->affine < 0) s->dx = s->g, e->buffer[s->g].refs++;
        else if ((s->kind == STEP_POINT || s->kind == STEP_TANH || (s->kind == STEP_GATHER && !s->index)) &&
                 e->buffer[s->g].refs == 1)
            s->dx = s->g, e->buffer[s->g].refs++;
        else s->dx = take(e, e->value[s->src].per);
        if (s->dx < 0) return mb_nomem();
        if (!rc) rc = give(e, &by[s->src], s->dx);
    }
    e->buffer[s->g].refs--;
    return rc;
}

static int plan(mb_net_engine *e) {
    contribution *by = mb_calloc((size_t)e->n_values, sizeof *by);
    if (!by) return mb_nomem();
    int out = e->value_of[e->m->n_layers - 1], rc = MB_OK;
    e->dy = take(e, e->value[out].per);
    if (e->dy < 0) rc = mb_nomem();
    if (!rc) rc = give(e, &by[out], e->dy);
    for (int i = e->n_steps; !rc && i-- > 0;) rc = plan_step(e, by, &e->step[i]);
    e->input = by[e->value_of[0]];
    mb_free(by);
    for (int i = 0; !rc && i < e->n_buffers; i++) {
        e->buffer[i].p = mb_malloc(e->buffer[i].per * (size_t)e->batch, sizeof(float));
        if (!e->buffer[i].p) rc = mb_nomem();
    }
    return rc;
}

/* --- memory of steps -------------------------------------------------------------------------------------------------------- */

static int floats(float **p, size_t n) {
    *p = mb_calloc(n, sizeof **p);
    return *p ? MB_OK : mb_nomem();
}

static int weighted_memory(mb_net_engine *e, step *s) {
    const mb_model_layer *l = step_layer(e, s);
    size_t batch = (size_t)e->batch;
    int rc = mb_fake_check(&l->wq, true, l->name);
    if (!rc) rc = mb_fake_check(&l->xq, false, l->name);
    if (!rc && (l->wq.kind || e->hooks.weights || s->kind == STEP_DEPTHWISE)) rc = floats(&s->w, e->m->block[l->weight].n);
    if (!rc && l->xq.kind) rc = floats(&s->xq, e->value[s->src].per * batch);
    if (!rc && e->hooks.output) rc = floats(&s->keep, e->value[s->dst].per * batch);
    if (!rc && s->kind == STEP_CONV) rc = mb_conv_new(e->dnn, l->name, &l->win, e->batch, &s->conv);
    return rc;
}

static int step_memory(mb_net_engine *e, step *s) {
    int rc = MB_OK;
    if (s->kind == STEP_CONV || s->kind == STEP_DEPTHWISE || s->kind == STEP_LINEAR) rc = weighted_memory(e, s);
    if (s->kind == STEP_POINT && s->affine >= 0) {
        size_t C = e->value[s->src].C;
        rc = floats(&s->mean, 5 * C);
        if (!rc) s->inv = s->mean + C, s->a = s->inv + C, s->b = s->a + C, s->d = s->b + C;
    }
    if (s->kind == STEP_MAX) {
        const mb_window *w = &step_layer(e, s)->win;
        if (w->kh * w->kw > 65535) return mb_fail(MB_BADINPUT, "layer \"%s\": its window is too large", step_layer(e, s)->name);
        s->which = mb_malloc(e->value[s->dst].per * (size_t)e->batch, sizeof *s->which);
        if (!s->which) rc = mb_nomem();
    }
    return rc;
}

static int engine_memory(mb_net_engine *e) {
    int rc = MB_OK;
    for (int i = 0; !rc && i < e->n_values; i++) rc = floats(&e->value[i].y, e->value[i].per * (size_t)e->batch);
    for (int i = 0; !rc && i < e->n_steps; i++) rc = step_memory(e, &e->step[i]);
    size_t taps = 0, mixed = 0;
    if (e->width < MB_MIX_MAX) e->width = MB_MIX_MAX;
    for (int i = 0; i < e->n_values; i++)
        if (e->value[i].C > e->width) e->width = e->value[i].C;
    for (int i = 0; i < e->n_steps; i++) {
        const mb_model_layer *l = step_layer(e, &e->step[i]);
        if (!mb_model_weighted(l) || e->step[i].kind > STEP_LINEAR) continue;
        size_t n = e->m->block[l->weight].n;
        if (e->step[i].kind == STEP_DEPTHWISE && n > taps) taps = n;
        if (l->wq.kind == MB_FAKE_MIX && n > mixed) mixed = n;
    }
    if (taps > e->width) e->width = taps;
    if (!rc) rc = floats(&e->tmp, (size_t)e->threads * 2 * e->width);
    if (!rc && taps) rc = floats(&e->transposed, taps);
    if (!rc && mixed) rc = floats(&e->mixed, 2 * mixed);
    if (!rc && !(e->sums = mb_malloc((size_t)e->threads * 2 * e->width, sizeof *e->sums))) rc = mb_nomem();
    const value *out = &e->value[e->value_of[e->m->n_layers - 1]];
    if (!rc && out->rows > 1 && out->C > 1) rc = floats(&e->plain_out, out->per * (size_t)e->batch);
    return rc;
}

int mb_engine_new(mb_model *m, const mb_engine_options *o, mb_net_engine **out) {
    mb_net_engine *e = mb_calloc(1, sizeof *e);
    int *inside = mb_malloc((size_t)m->n_layers, sizeof *inside);
    int rc = e && inside ? MB_OK : mb_nomem();
    if (rc) goto out;
    e->m = m;
    e->batch = o->batch;
    e->threads = o->threads > 0 ? o->threads : mb_parallel_threads();
    e->input_gradient = o->input_gradient;
    if (o->hooks) e->hooks = *o->hooks;
    e->value = mb_calloc(2 * (size_t)m->n_layers, sizeof *e->value);
    e->step = mb_calloc(2 * (size_t)m->n_layers, sizeof *e->step);
    e->value_of = mb_malloc((size_t)m->n_layers, sizeof *e->value_of);
    if (!e->value || !e->step || !e->value_of) {
        rc = mb_nomem();
        goto out;
    }
    fuse(m, inside);
    for (int i = 0; i < m->n_layers; i++) e->value_of[i] = -1;
    for (int i = 0; !rc && i < m->n_layers; i++)
        if (inside[i] < 0) rc = layer_steps(e, inside, i);
    int was = mb_parallel_set(e->threads); /* oneDNN divides its work for the threads it sees now */
    if (!rc) rc = mb_dnn_new(&e->dnn);
    if (!rc) rc = engine_memory(e);
    mb_parallel_set(was);
    if (!rc) rc = plan(e);
out:
    mb_free(inside);
    if (rc) mb_engine_free(e);
    else *out = e;
    return rc;
}

float *mb_engine_input(mb_net_engine *e) { return e->value[e->value_of[0]].y; }

void mb_engine_set_input(mb_net_engine *e, int n, const float *x) {
    const value *v = &e->value[e->value_of[0]];
    memset(v->y, 0, v->per * (size_t)e->batch * sizeof *v->y);
    for (size_t i = 0; i < (size_t)n; i++)
        for (size_t k = 0; k < v->per; k++) v->y[i * v->per + last_of(v, k)] = x[i * v->per + k];
}

static void to_plain(const value *v, size_t n, const float *last, float *plain) {
    for (size_t i = 0; i < n; i++)
        for (size_t k = 0; k < v->per; k++) plain[i * v->per + k] = last[i * v->per + last_of(v, k)];
}

const float *mb_engine_output(const mb_net_engine *e) {
    const value *v = &e->value[e->value_of[e->m->n_layers - 1]];
    if (!e->plain_out) return v->y;
    to_plain(v, (size_t)e->batch, v->y, e->plain_out);
    return e->plain_out;
}

int mb_engine_input_gradient(mb_net_engine *e, float *dx) {
    const value *v = &e->value[e->value_of[0]];
    if (!e->input_gradient) return mb_fail(MB_BUG, "the engine was made without gradients of the input");
    size_t n = v->per * (size_t)e->batch;
    memset(dx, 0, n * sizeof *dx);
    for (size_t i = 0; i < (size_t)e->batch; i++) {
        for (size_t k = 0; k < v->per; k++) {
            for (int c = 0; c < e->input.n; c++)
                dx[i * v->per + k] += e->buffer[e->input.buffer[c]].p[i * v->per + last_of(v, k)];
        }
    }
    return MB_OK;
}

void mb_engine_recalibrate(mb_net_engine *e) { e->recalibrated = 0; }

int mb_engine_not_finite(const mb_net_engine *e) {
    for (int i = 0; i < e->n_steps; i++) {
        const step *s = &e->step[i];
        const value *v = &e->value[s->dst];
        for (size_t k = 0; k < v->per * (size_t)e->batch; k++)
            if (!isfinite(v->y[k])) return s->affine >= 0 ? s->affine : s->layer;
    }
    return -1;
}

const float *mb_engine_weights(const mb_net_engine *e, int layer) {
    for (int i = 0; i < e->n_steps; i++)
        if (e->step[i].layer == layer && e->step[i].kind != STEP_GATHER)
            return e->step[i].kind == STEP_DEPTHWISE ? NULL : e->step[i].w;
    return NULL;
}
