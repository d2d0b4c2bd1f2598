/* family.c - `mixbar show family NAME`: its keys with their values, sizes, and one row for each layer of the model */
#include "cli/family.h"

#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "base/mem.h"
#include "cli/common.h"
#include "nn/family.h"

static const char *const kind_name[] = {
    [MB_KIND_INPUT] = "input",     [MB_KIND_CONV] = "conv",       [MB_KIND_LINEAR] = "linear",   [MB_KIND_NORM] = "norm",
    [MB_KIND_SCALE] = "scale",     [MB_KIND_ADD] = "add",         [MB_KIND_CLIP] = "clip",       [MB_KIND_TANH] = "tanh",
    [MB_KIND_MAXPOOL] = "maxpool", [MB_KIND_AVGPOOL] = "avgpool", [MB_KIND_FLATTEN] = "flatten", [MB_KIND_GATHER] = "gather",
};

static size_t params_of(const mb_model *m, const mb_model_layer *l) {
    return (l->weight < 0 ? 0 : m->block[l->weight].n) + (l->bias < 0 ? 0 : m->block[l->bias].n);
}

static int64_t macs_of(const mb_model_layer *l) {
    const mb_window *w = &l->win;
    return mb_model_weighted(l) ? (int64_t)w->cout * (w->cin / w->groups) * w->kh * w->kw * w->oh * w->ow : 0;
}

/* Columns of a weighted layer: window, groups, K, N, vectors, MACs. */
static int weighted_cells(mb_table *t, const mb_model_layer *l) {
    const mb_window *w = &l->win;
    int rc = mb_table_cellf(t, "%dx%d", w->kh, w->kw);
    if (!rc) rc = mb_table_cellf(t, "%d", w->groups);
    if (!rc) rc = mb_table_cellf(t, "%d", w->cin / w->groups * w->kh * w->kw);
    if (!rc) rc = mb_table_cellf(t, "%d", w->cout / w->groups);
    if (!rc) rc = mb_table_cellf(t, "%d", w->oh * w->ow);
    return rc ? rc : mb_table_cellf(t, "%lld", (long long)macs_of(l));
}

static int add_layer(mb_table *t, const mb_model *m, int k) {
    const mb_model_layer *l = &m->layer[k];
    char shape[96];
    size_t params = params_of(m, l);
    int rc = mb_table_cellf(t, "%d", k);
    if (!rc) rc = mb_table_cell(t, l->name);
    if (!rc) rc = mb_table_cell(t, kind_name[l->kind]);
    if (!rc && l->n_in == 2) rc = mb_table_cellf(t, "%d %d", l->in[0], l->in[1]);
    else if (!rc) rc = l->n_in ? mb_table_cellf(t, "%d", l->in[0]) : mb_table_cell(t, "");
    if (!rc) rc = mb_table_cell(t, mb_shape_text(&l->shape, shape, sizeof shape));
    if (!rc) rc = params ? mb_table_cellf(t, "%zu", params) : mb_table_cell(t, "");
    if (!rc && mb_model_weighted(l)) return weighted_cells(t, l);
    for (int i = 0; i < 6 && !rc; i++) rc = mb_table_cell(t, "");
    return rc;
}

static int layer_table(mb_doc *d, const mb_model *m) {
    static const char *const columns[][3] = {
        {"#", "", "r"},          {"layer", "", "l"},  {"kind", "", "l"},   {"inputs", "", "l"}, {"shape", "", "l"},
        {"parameters", "", "r"}, {"window", "", "l"}, {"groups", "", "r"}, {"K", "", "r"},      {"N", "", "r"},
        {"vectors", "", "r"},    {"MACs", "", "r"},   {NULL, NULL, NULL}};
    mb_table *t = mb_table_new();
    int rc = t ? mb_cli_columns(t, columns) : mb_nomem();
    for (int k = 0; k < m->n_layers && !rc; k++) rc = add_layer(t, m, k);
    if (rc) mb_table_free(t);
    else mb_doc_table(d, "layers", NULL, t);
    return rc;
}

/* The group { family = NAME; } with the settings laid over it. */
static int family_group(const char *name, const mb_strings *set, mb_conf **root) {
    mb_conf *r = mb_conf_new(MB_CONF_GROUP, NULL), *family = mb_conf_new(MB_CONF_STRING, "family");
    int rc = r && family ? MB_OK : mb_nomem();
    if (!rc) {
        mb_free(family->s);
        family->s = mb_strdup(name);
        family->origin = MB_FROM_COMMAND;
        rc = family->s ? mb_conf_append(r, family) : mb_nomem();
        family = NULL;
    }
    for (size_t i = 0; i < set->n && !rc; i++) rc = mb_conf_assign(r, set->v[i], MB_FROM_COMMAND);
    mb_conf_free(family);
    if (rc) mb_conf_free(r);
    else *root = r;
    return rc;
}

int mb_cli_show_family(mb_doc *d, const char *name, const mb_strings *set) {
    const mb_family_type *t = NULL;
    mb_conf *root = NULL;
    mb_model *m = NULL;
    char shape[96];
    int64_t macs = 0;
    int weighted = 0;
    int rc = family_group(name, set, &root);
    if (!rc) rc = mb_family_load(root, NULL, 1, &t, &m);
    if (rc) goto out;
    for (int k = 0; k < m->n_layers; k++) {
        macs += macs_of(&m->layer[k]);
        weighted += mb_model_weighted(&m->layer[k]);
    }
    mb_doc_text(d, "family", "%s", t->name);
    mb_doc_text(d, "summary", "%s", t->summary);
    mb_doc_text(d, "reference", "%s", t->reference);
    mb_doc_text(d, "input", "%s", mb_shape_text(&m->layer[0].shape, shape, sizeof shape));
    mb_doc_text(d, "output", "%s", mb_shape_text(&mb_model_output(m)->shape, shape, sizeof shape));
    mb_doc_int(d, "weighted", weighted);
    mb_doc_int(d, "parameters", (int64_t)m->n_theta);
    mb_doc_int(d, "MACs", macs);
    mb_table *keys = mb_param_table_new(true, false);
    rc = keys ? mb_param_table_add(keys, "", t->params, root, NULL) : mb_nomem();
    if (rc) mb_table_free(keys);
    else mb_doc_table(d, "keys", NULL, keys);
    if (!rc) rc = layer_table(d, m);
out:
    mb_model_free(m);
    mb_conf_free(root);
    return rc;
}
