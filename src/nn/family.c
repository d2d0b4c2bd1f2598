/* family.c - families by name, and the groups of layers that they share */
#include "nn/family.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "base/mem.h"

const mb_family_type *mb_family_find(const char *name) {
    for (size_t i = 0; mb_families[i]; i++)
        if (!strcmp(mb_families[i]->name, name)) return mb_families[i];
    return NULL;
}

int mb_family_build(const mb_family_type *t, const mb_family_keys *k, uint64_t seed, mb_model **m) {
    mb_shape s = {3, {0}};
    mb_model *own = NULL;
    if (k->input.n != 3)
        return mb_fail(MB_BADINPUT, "family %s: input has %zu numbers, three are needed: [channels, height, width]", t->name,
                       k->input.n);
    for (int i = 0; i < 3; i++) {
        s.d[i] = (int64_t)k->input.v[i];
        if ((double)s.d[i] != k->input.v[i])
            return mb_fail(MB_BADINPUT, "family %s: input holds %g; whole numbers are needed", t->name, k->input.v[i]);
    }
    int rc = mb_model_new(t->name, &s, &own);
    if (!rc) rc = t->build(k, own);
    if (!rc) rc = mb_model_done(own);
    if (rc) {
        mb_model_free(own);
        return rc;
    }
    mb_model_init(own, seed);
    *m = own;
    return MB_OK;
}

static int unknown(const mb_conf *c) {
    const char *names[64];
    size_t n = 0;
    for (; mb_families[n] && n < 64; n++) names[n] = mb_families[n]->name;
    return mb_conf_unknown(c, "family", names, n);
}

int mb_family_load(mb_conf *group, const char *const *also, uint64_t seed, const mb_family_type **type, mb_model **m) {
    const char *with[32] = {"family"};
    mb_family_keys k;
    mb_conf *name = mb_conf_use(group, "family");
    if (!name || name->type != MB_CONF_STRING)
        return mb_fail(MB_BADINPUT, "%s: the key `family` is to be a name, such as \"resnet20\" (`mixbar list families`)",
                       mb_conf_where(name ? name : group));
    const mb_family_type *t = mb_family_find(name->s);
    if (!t) return unknown(name);
    for (size_t i = 0; also && also[i] && i + 2 < sizeof with / sizeof *with; i++) with[i + 1] = also[i];
    int rc = mb_params_load(t->params, group, with, &k);
    if (rc) return rc;
    rc = mb_family_build(t, &k, seed, m);
    if (rc) mb_context(rc, "%s: network", mb_conf_where(name));
    else if (type) *type = t;
    mb_params_free(t->params, &k);
    return rc;
}

int mb_family_channels(const mb_family_keys *k, int channels) {
    double c = floor((double)channels * k->width + 0.5);
    return c < 1 ? 1 : (int)c;
}

/* Padding of one axis: before and behind. */
static void same_pad(int in, int k, int stride, int *before, int *behind) {
    int out = (in + stride - 1) / stride, all = (out - 1) * stride + k - in;
    if (all < 0) all = 0;
    *before = all / 2;
    *behind = all - all / 2;
}

int mb_family_conv_layers(mb_model *m, const mb_family_keys *k, const char *name, int in, const mb_family_conv *c) {
    char text[120];
    mb_window w = {.kh = c->kh, .kw = c->kw, .sh = c->stride, .sw = c->stride, .pt = c->pad, .pl = c->pad, .pb = c->pad,
                   .pr = c->pad,
                   .dh = 1, .dw = 1, .cout = c->cout, .groups = c->groups};
    if (in < 0) return in;
    if (c->same) {
        same_pad((int)m->layer[in].shape.d[1], c->kh, c->stride, &w.pt, &w.pb);
        same_pad((int)m->layer[in].shape.d[2], c->kw, c->stride, &w.pl, &w.pr);
    }
    int l = mb_model_conv_window(m, name, in, &w, !k->norm);
    snprintf(text, sizeof text, "%s_norm", name);
    if (k->norm) l = mb_model_norm(m, text, l);
    snprintf(text, sizeof text, "%s_relu", name);
    return c->relu ? mb_model_relu(m, text, l) : l;
}

int mb_family_separable(mb_model *m, const mb_family_keys *k, const char *name, int in, int cout, int stride) {
    char text[100];
    if (in < 0) return in;
    int cin = (int)m->layer[in].shape.d[0];
    snprintf(text, sizeof text, "%s_depth", name);
    int l = mb_family_conv_layers(m, k, text, in, &(mb_family_conv){cin, 3, 3, stride, 0, cin, true, true});
    snprintf(text, sizeof text, "%s_point", name);
    return mb_family_conv_layers(m, k, text, l, &(mb_family_conv){cout, 1, 1, 1, 0, 1, false, true});
}
