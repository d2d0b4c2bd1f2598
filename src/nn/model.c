/* model.c - building, copying and starting trainable networks; see model.h
 *
 * Called by: network families, import of ONNX for training, tests. Start values are functions of (seed, block, index).
 */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif

#include "nn/model.h"

#include <math.h>
#include <string.h>

#include "base/error.h"
#include "base/mem.h"
#include "base/rng.h"
#include "nn/mixquant.h"

#define START_UNIT 0x80000000u /* units of start values begin here; those of training below */

static int sticky(mb_model *m, int rc) {
    if (!m->rc) m->rc = rc;
    return -1;
}

/* Append a layer; its index, or -1. */
static int append(mb_model *m, mb_kind kind, const char *name, int n_in, int a, int b) {
    if (m->rc || (n_in > 0 && a < 0) || (n_in > 1 && b < 0)) return sticky(m, MB_BUG);
    mb_model_layer *l = mb_realloc(m->layer, (size_t)m->n_layers + 1, sizeof *l);
    if (!l) return sticky(m, mb_nomem());
    m->layer = l;
    l += m->n_layers;
    memset(l, 0, sizeof *l);
    *l = (mb_model_layer){.kind = kind, .n_in = n_in, .in = {a, b}, .weight = -1, .bias = -1, .wq.block = -1, .xq.block = -1};
    l->name = mb_strdup(name);
    if (!l->name) return sticky(m, mb_nomem());
    if (n_in > 0) l->shape = m->layer[a].shape;
    return m->n_layers++;
}

/* A block of N numbers at the end of theta; its index, or -1. */
static int add_block(mb_model *m, int layer, mb_role role, size_t n) {
    static const char *const suffix[] = {"weight", "bias", "gamma", "beta", "step"};
    mb_model_block *b = mb_realloc(m->block, (size_t)m->n_blocks + 1, sizeof *b);
    if (!b) return sticky(m, mb_nomem());
    m->block = b;
    float *t = mb_realloc(m->theta, m->n_theta + n, sizeof *t);
    if (!t) return sticky(m, mb_nomem());
    m->theta = t;
    memset(t + m->n_theta, 0, n * sizeof *t);
    b += m->n_blocks;
    b->name = mb_asprintf("%s.%s", m->layer[layer].name, suffix[role]);
    if (!b->name) return sticky(m, mb_nomem());
    b->layer = layer;
    b->role = role;
    b->at = m->n_theta;
    b->n = n;
    m->n_theta += n;
    return m->n_blocks++;
}

int mb_model_new(const char *name, const mb_shape *input, mb_model **m) {
    mb_model *v = mb_calloc(1, sizeof *v);
    if (!v) return mb_nomem();
    v->name = mb_strdup(name);
    v->theta = mb_calloc(0, sizeof *v->theta); /* never NULL, also without parameters */
    v->state = mb_calloc(0, sizeof *v->state);
    if (!v->name || !v->theta || !v->state) sticky(v, mb_nomem());
    int l = append(v, MB_KIND_INPUT, "input", 0, 0, 0);
    if (l < 0) {
        mb_model_free(v);
        return MB_SYSTEM;
    }
    v->layer[l].shape = *input;
    *m = v;
    return MB_OK;
}

void mb_model_free(mb_model *m) {
    if (!m) return;
    for (int i = 0; i < m->n_layers; i++) {
        mb_free(m->layer[i].name);
        mb_free(m->layer[i].index);
    }
    for (int i = 0; i < m->n_blocks; i++) mb_free(m->block[i].name);
    mb_free(m->layer);
    mb_free(m->block);
    mb_free(m->theta);
    mb_free(m->state);
    mb_free(m->name);
    mb_free(m);
}

/* Channels, height and width of a shape: a vector is C x 1 x 1, C x L is C x 1 x L. */
static void image_of(const mb_shape *s, int *c, int *h, int *w) {
    *c = s->nd > 0 ? (int)s->d[0] : 1;
    *h = s->nd > 2 ? (int)s->d[1] : 1;
    *w = s->nd > 2 ? (int)s->d[2] : s->nd > 1 ? (int)s->d[1] : 1;
}

/* Complete the window W for the input of layer L; false when nothing is left of the image. */
static bool fit_window(mb_model *m, mb_model_layer *l, const mb_window *w) {
    const mb_shape *s = &m->layer[l->in[0]].shape;
    l->win = *w;
    image_of(s, &l->win.cin, &l->win.ih, &l->win.iw);
    mb_window *v = &l->win;
    if (v->dh < 1) v->dh = 1;
    if (v->dw < 1) v->dw = 1;
    int eh = (v->kh - 1) * v->dh + 1, ew = (v->kw - 1) * v->dw + 1;
    if (v->sh < 1 || v->sw < 1 || v->ih + v->pt + v->pb < eh || v->iw + v->pl + v->pr < ew) return false;
    v->oh = (v->ih + v->pt + v->pb - eh) / v->sh + 1;
    v->ow = (v->iw + v->pl + v->pr - ew) / v->sw + 1;
    return true;
}

static mb_shape window_shape(const mb_window *w, const mb_shape *in, int channels) {
    mb_shape s = {.nd = in->nd, .d = {channels, w->oh, w->ow}};
    if (in->nd == 2) s.d[1] = w->ow;
    return s;
}

static int too_small(mb_model *m, const char *name) {
    return sticky(
        m, mb_fail(MB_BADINPUT, "model \"%s\": the image that reaches layer \"%s\" is smaller than its window", m->name, name));
}

int mb_model_conv_window(mb_model *m, const char *name, int in, const mb_window *w, bool bias) {
    int i = append(m, MB_KIND_CONV, name, 1, in, 0);
    if (i < 0) return i;
    mb_model_layer *l = &m->layer[i];
    if (!fit_window(m, l, w)) return too_small(m, name);
    const mb_window *v = &l->win;
    if (v->groups < 1 || v->cin % v->groups || v->cout % v->groups || v->cout < 1)
        return sticky(m, mb_fail(MB_BADINPUT,
                                 "model \"%s\": layer \"%s\" cannot split %d input and %d output channels into %d groups",
                                 m->name, name, v->cin, v->cout, v->groups));
    l->shape = window_shape(v, &m->layer[in].shape, v->cout);
    int block = add_block(m, i, MB_ROLE_WEIGHT, (size_t)v->cout * (size_t)(v->cin / v->groups) * (size_t)v->kh * (size_t)v->kw);
    m->layer[i].weight = block;
    if (bias && block >= 0) m->layer[i].bias = add_block(m, i, MB_ROLE_BIAS, (size_t)v->cout);
    return m->rc ? -1 : i;
}

int mb_model_conv(mb_model *m, const char *name, int in, int cout, int kh, int kw, int stride, int pad, int groups, bool bias) {
    mb_window w = {.kh = kh,
                   .kw = kw,
                   .sh = stride,
                   .sw = stride,
                   .pt = pad,
                   .pl = pad,
                   .pb = pad,
                   .pr = pad,
                   .dh = 1,
                   .dw = 1,
                   .cout = cout,
                   .groups = groups};
    return mb_model_conv_window(m, name, in, &w, bias);
}

int mb_model_linear(mb_model *m, const char *name, int in, int out, bool bias) {
    int i = append(m, MB_KIND_LINEAR, name, 1, in, 0);
    if (i < 0) return i;
    mb_model_layer *l = &m->layer[i];
    size_t K = mb_shape_count(&m->layer[in].shape);
    l->win = (mb_window){.kh = 1,
                         .kw = 1,
                         .sh = 1,
                         .sw = 1,
                         .dh = 1,
                         .dw = 1,
                         .cin = (int)K,
                         .ih = 1,
                         .iw = 1,
                         .cout = out,
                         .oh = 1,
                         .ow = 1,
                         .groups = 1};
    l->shape = (mb_shape){1, {out}};
    int block = add_block(m, i, MB_ROLE_WEIGHT, (size_t)out * K);
    m->layer[i].weight = block;
    if (bias && block >= 0) m->layer[i].bias = add_block(m, i, MB_ROLE_BIAS, (size_t)out);
    return m->rc ? -1 : i;
}

static int affine(mb_model *m, mb_kind kind, const char *name, int in) {
    int i = append(m, kind, name, 1, in, 0);
    if (i < 0) return i;
    size_t C = (size_t)m->layer[i].shape.d[0];
    int gamma = add_block(m, i, MB_ROLE_GAMMA, C);
    m->layer[i].weight = gamma;
    int beta = gamma < 0 ? -1 : add_block(m, i, MB_ROLE_BETA, C);
    m->layer[i].bias = beta;
    for (size_t c = 0; beta >= 0 && c < C; c++) m->theta[m->block[gamma].at + c] = 1;
    return m->rc ? -1 : i;
}

int mb_model_norm(mb_model *m, const char *name, int in) {
    int i = affine(m, MB_KIND_NORM, name, in);
    if (i < 0) return i;
    mb_model_layer *l = &m->layer[i];
    size_t C = (size_t)l->shape.d[0];
    float *s = mb_realloc(m->state, m->n_state + 2 * C, sizeof *s);
    if (!s) return sticky(m, mb_nomem());
    m->state = s;
    l->state = m->n_state;
    l->eps = 1e-5f;
    l->momentum = 0.1f;
    for (size_t c = 0; c < 2 * C; c++) s[m->n_state + c] = c < C ? 0.0f : 1.0f;
    m->n_state += 2 * C;
    return i;
}

int mb_model_scale(mb_model *m, const char *name, int in) { return affine(m, MB_KIND_SCALE, name, in); }

int mb_model_add(mb_model *m, const char *name, int a, int b) {
    int i = append(m, MB_KIND_ADD, name, 2, a, b);
    if (i >= 0 && !mb_shape_equal(&m->layer[a].shape, &m->layer[b].shape))
        return sticky(m, mb_fail(MB_BADINPUT, "model \"%s\": layer \"%s\" adds \"%s\" and \"%s\", which differ in shape", m->name,
                                 name, m->layer[a].name, m->layer[b].name));
    return i;
}

int mb_model_clip(mb_model *m, const char *name, int in, float lo, float hi) {
    int i = append(m, MB_KIND_CLIP, name, 1, in, 0);
    if (i < 0) return i;
    m->layer[i].lo = lo;
    m->layer[i].hi = hi;
    return i;
}

int mb_model_relu(mb_model *m, const char *name, int in) { return mb_model_clip(m, name, in, 0, INFINITY); }

int mb_model_tanh(mb_model *m, const char *name, int in) { return append(m, MB_KIND_TANH, name, 1, in, 0); }

int mb_model_pool_window(mb_model *m, const char *name, int in, mb_kind kind, const mb_window *w, bool include_pad) {
    int i = append(m, kind, name, 1, in, 0);
    if (i < 0) return i;
    mb_model_layer *l = &m->layer[i];
    if (!fit_window(m, l, w)) return too_small(m, name);
    l->win.cout = l->win.groups = l->win.cin;
    l->shape = window_shape(&l->win, &m->layer[in].shape, l->win.cin);
    l->include_pad = include_pad;
    return i;
}

int mb_model_pool(mb_model *m, const char *name, int in, mb_kind kind, int k, int stride, int pad) {
    mb_window w = {.kh = k, .kw = k, .sh = stride, .sw = stride, .pt = pad, .pl = pad, .pb = pad, .pr = pad, .dh = 1, .dw = 1};
    return mb_model_pool_window(m, name, in, kind, &w, true);
}

int mb_model_global(mb_model *m, const char *name, int in) {
    if (m->rc || in < 0) return sticky(m, MB_BUG);
    int c, h, w;
    image_of(&m->layer[in].shape, &c, &h, &w);
    mb_window win = {.kh = h, .kw = w, .sh = 1, .sw = 1, .dh = 1, .dw = 1};
    return mb_model_pool_window(m, name, in, MB_KIND_AVGPOOL, &win, true);
}

int mb_model_flatten(mb_model *m, const char *name, int in) {
    int i = append(m, MB_KIND_FLATTEN, name, 1, in, 0);
    if (i >= 0) m->layer[i].shape = (mb_shape){1, {(int64_t)mb_shape_count(&m->layer[in].shape)}};
    return i;
}

int mb_model_gather(mb_model *m, const char *name, int in, const mb_shape *shape, const int32_t *index, float value) {
    int i = append(m, MB_KIND_GATHER, name, 1, in, 0);
    if (i < 0) return i;
    mb_model_layer *l = &m->layer[i];
    size_t n = mb_shape_count(shape), limit = mb_shape_count(&m->layer[in].shape);
    l->shape = *shape;
    l->value = value;
    l->index = mb_malloc(n, sizeof *l->index);
    if (!l->index) return sticky(m, mb_nomem());
    for (size_t k = 0; k < n; k++) {
        l->index[k] = index[k] < 0 ? -1 : index[k];
        if (index[k] >= 0 && (size_t)index[k] >= limit)
            return sticky(m, mb_fail(MB_BUG, "layer \"%s\" gathers beyond its input", name));
    }
    return i;
}

int mb_model_done(mb_model *m) {
    for (int i = 0; !m->rc && i < m->n_layers; i++) {
        bool used = i == m->n_layers - 1;
        for (int k = i + 1; k < m->n_layers; k++) {
            const mb_model_layer *l = &m->layer[k];
            for (int j = 0; j < l->n_in; j++) used = used || l->in[j] == i;
            if (!strcmp(l->name, m->layer[i].name))
                return m->rc = mb_fail(MB_BADINPUT, "model \"%s\": two layers are called \"%s\"", m->name, l->name);
        }
        if (!used)
            return m->rc =
                       mb_fail(MB_BADINPUT, "model \"%s\": nothing uses the result of layer \"%s\"", m->name, m->layer[i].name);
    }
    return m->rc;
}

bool mb_model_weighted(const mb_model_layer *l) { return l->kind == MB_KIND_CONV || l->kind == MB_KIND_LINEAR; }

int mb_model_find(const mb_model *m, const char *name) {
    for (int i = 0; i < m->n_layers; i++)
        if (!strcmp(m->layer[i].name, name)) return i;
    return -1;
}

void mb_model_init(mb_model *m, uint64_t seed) {
    for (int b = 0; b < m->n_blocks; b++) {
        const mb_model_block *k = &m->block[b];
        const mb_model_layer *l = &m->layer[k->layer];
        float *t = m->theta + k->at;
        if (k->role == MB_ROLE_STEP) continue;
        for (size_t i = 0; i < k->n; i++) t[i] = k->role == MB_ROLE_GAMMA ? 1.0f : 0.0f;
        if (k->role != MB_ROLE_WEIGHT) continue;
        double fan_in = (double)k->n / (double)l->win.cout;
        mb_stream s;
        mb_stream_init(&s, seed, MB_RNG_TRAIN, 0, START_UNIT, (uint32_t)b);
        mb_stream_fill_normal(&s, k->n, t);
        float sd = (float)sqrt(2 / fan_in);
        for (size_t i = 0; i < k->n; i++) t[i] *= sd;
    }
    for (int i = 0; i < m->n_layers; i++) {
        const mb_model_layer *l = &m->layer[i];
        if (l->kind != MB_KIND_NORM) continue;
        size_t C = (size_t)l->shape.d[0];
        for (size_t c = 0; c < 2 * C; c++) m->state[l->state + c] = c < C ? 0.0f : 1.0f;
    }
}

void mb_model_clip_weights(mb_model *m, double alpha) {
    for (int b = 0; b < m->n_blocks; b++) {
        const mb_model_block *k = &m->block[b];
        float *w = m->theta + k->at;
        double square = 0;
        if (k->role != MB_ROLE_WEIGHT) continue;
        for (size_t i = 0; i < k->n; i++) square += (double)w[i] * (double)w[i];
        float limit = (float)(alpha * sqrt(square / (double)k->n));
        for (size_t i = 0; i < k->n; i++) w[i] = w[i] < -limit ? -limit : w[i] > limit ? limit : w[i];
    }
}

static void *copy_of(const void *p, size_t n, size_t size) {
    void *q = mb_malloc(n, size);
    if (q && n) memcpy(q, p, n * size);
    return q;
}

int mb_model_copy(const mb_model *m, mb_model **out) {
    mb_model *c = mb_calloc(1, sizeof *c);
    bool ok = c != NULL;
    if (ok) {
        c->name = mb_strdup(m->name);
        c->layer = copy_of(m->layer, (size_t)m->n_layers, sizeof *m->layer);
        c->block = copy_of(m->block, (size_t)m->n_blocks, sizeof *m->block);
        c->theta = copy_of(m->theta, m->n_theta, sizeof *m->theta);
        c->state = copy_of(m->state, m->n_state, sizeof *m->state);
        ok = c->name && c->layer && c->block && c->theta && c->state;
        c->n_theta = m->n_theta;
        c->n_state = m->n_state;
    }
    for (int i = 0; ok && i < m->n_layers; i++) {
        mb_model_layer *l = &c->layer[i];
        const mb_model_layer *o = &m->layer[i];
        l->name = mb_strdup(o->name);
        l->index = o->index ? copy_of(o->index, mb_shape_count(&o->shape), sizeof *o->index) : NULL;
        c->n_layers = i + 1;
        ok = l->name && (!o->index || l->index);
    }
    for (int i = 0; ok && i < m->n_blocks; i++) {
        c->block[i].name = mb_strdup(m->block[i].name);
        c->n_blocks = i + 1;
        ok = c->block[i].name != NULL;
    }
    if (!ok) {
        mb_model_free(c);
        return mb_nomem();
    }
    *out = c;
    return MB_OK;
}

/* Which quantisers learn, and how many numbers. */
static size_t learnt(const mb_fakequant *q, bool weights, int cout) {
    if (q->kind == MB_FAKE_MIX) return mb_mix_learnt(q, weights, cout);
    if (q->kind == MB_FAKE_LSQ) return weights && q->per_channel ? (size_t)cout : 1;
    return q->kind == MB_FAKE_PACT ? 1 : 0;
}

static int set_quantiser(mb_model *m, int layer, bool weights, const mb_fakequant *q) {
    size_t n = learnt(q, weights, m->layer[layer].win.cout);
    mb_fakequant *to = weights ? &m->layer[layer].wq : &m->layer[layer].xq;
    int block = to->block;
    *to = *q;
    to->block = -1;
    if (!n) return MB_OK;
    if (block < 0 || m->block[block].n != n) block = add_block(m, layer, MB_ROLE_STEP, n);
    if (block < 0) return m->rc;
    char *name = mb_asprintf("%s.%s_%s", m->layer[layer].name, weights ? "weight" : "input", q->kind == MB_FAKE_MIX ? "mix" : "step");
    if (!name) return mb_nomem();
    mb_free(m->block[block].name);
    m->block[block].name = name;
    (weights ? &m->layer[layer].wq : &m->layer[layer].xq)->block = block;
    return MB_OK;
}

int mb_model_quantise(mb_model *m, int layer, const mb_fakequant *weights, const mb_fakequant *input) {
    int rc = set_quantiser(m, layer, true, weights);
    return rc ? rc : set_quantiser(m, layer, false, input);
}
