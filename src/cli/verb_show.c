/* verb_show.c - mixbar show KIND NAME: one thing in full: a model with its parameters, a preset with its values, a network, a
 * plan, a dataset
 *
 * Models and presets: the parameter table of the type is printed; a preset adds a column with its values and the line where each
 * stands.
 */
#include <math.h>
#include <string.h>

#include "array/adc.h"
#include "array/cell.h"
#include "base/error.h"
#include "base/file.h"
#include "base/mem.h"
#include "base/npy.h"
#include "cli/common.h"
#include "cli/doc.h"
#include "cli/family.h"
#include "cli/options.h"
#include "cost/baseline.h"
#include "cost/component.h"
#include "cost/machine.h"
#include "cost/macro.h"
#include "mapping/plan.h"
#include "mapping/policy.h"
#include "nn/dataset.h"
#include "nn/network.h"
#include "nn/op.h"

typedef struct options {
    const char *format;
    mb_strings set;
} options;

static const mb_option table[] = {
    MB_OPTION_LIST(options, set, 's', "set", "KEY=VALUE", "set a key of the component or family; may be repeated"),
    MB_OPTION_TEXT(options, format, 'f', "format", "FORMAT", "form of the answer", MB_CLI_FORMATS),
    MB_OPTION_END,
};

/* --- names and presets --------------------------------------------------------------------------------------------- */

/* ROOT with one child "x": the group of preset NAME (relative paths are meant from the current folder). */
static int preset_group(const char *folder, const char *name, mb_conf **root) {
    mb_conf *r = mb_conf_new(MB_CONF_GROUP, NULL), *x = mb_conf_new(MB_CONF_STRING, "x");
    int rc = r && x ? MB_OK : mb_nomem();
    if (!rc) {
        mb_free(x->s);
        x->s = mb_strdup(name);
        rc = x->s ? mb_conf_append(r, x) : mb_nomem();
        if (!rc) x = NULL;
    }
    if (!rc) rc = strcmp(folder, "devices") == 0 ? mb_cell_expand(r->child[0]) : mb_conf_expand_preset(r->child[0], folder);
    mb_conf_free(x);
    if (rc) mb_conf_free(r);
    else *root = r;
    return rc;
}

/* ROOT with one child "x": the group { KEY = "TYPE" }. */
static int type_group(const char *key, const char *type, mb_conf **root) {
    mb_conf *r = mb_conf_new(MB_CONF_GROUP, NULL);
    mb_str path = {0}, value = {0};
    mb_str_addf(&path, "x.%s", key);
    mb_str_addf(&value, "\"%s\"", type);
    int rc = r && !path.failed && !value.failed ? mb_conf_set(r, mb_cstr(&path), mb_cstr(&value), MB_FROM_COMMAND) : mb_nomem();
    mb_str_free(&path);
    mb_str_free(&value);
    if (rc) mb_conf_free(r);
    else *root = r;
    return rc;
}

/* The preset NAME when there is one, else the TYPE alone (NULL: MB_BADINPUT as the search for the preset says). *FILE: path of
 * the preset or NULL. */
static int preset_or_type(const char *folder, const char *name, const char *key, const char *type, mb_conf **root, char **file) {
    *file = NULL;
    if (strcmp(folder, "devices") == 0 && mb_cell_is_user(name)) {
        *file = mb_strdup(name);
        return *file ? preset_group(folder, name, root) : mb_nomem();
    }
    int rc = mb_preset_find(folder, name, ".", file);
    if (!rc) return preset_group(folder, name, root);
    if (!type && key) return mb_context(rc, "nor is there a type of this name (`mixbar list` shows both)");
    if (!type) return rc;
    mb_error_clear();
    return type_group(key, type, root);
}

/* Which presets of a folder are of this TYPE (their KEY says so)? */
static int add_presets(mb_doc *d, const char *folder, const char *key, const char *type) {
    char **name = NULL, **path = NULL;
    size_t n = 0;
    mb_table *t = mb_table_new();
    int rc = t ? mb_table_column(t, "preset", "", MB_LEFT) : mb_nomem();
    if (!rc) rc = mb_table_column(t, "file", "", MB_LEFT);
    if (!rc) rc = mb_preset_list(folder, ".", &name, &path, &n);
    for (size_t i = 0; i < n; i++) {
        mb_conf *c = NULL;
        if (!rc && preset_group(folder, path[i], &c) == MB_OK) { /* a broken preset is told to those who use it */
            const mb_conf *k = mb_conf_find(mb_conf_find(c, "x"), key);
            if (k && k->type == MB_CONF_STRING && strcmp(k->s, type) == 0) {
                rc = mb_table_cell(t, name[i]);
                if (!rc) rc = mb_table_cell(t, path[i]);
            }
        }
        mb_conf_free(c);
        mb_free(name[i]);
        mb_free(path[i]);
    }
    mb_free(name);
    mb_free(path);
    if (!rc) mb_error_clear();
    if (!rc && mb_table_rows(t)) mb_doc_table(d, "presets", NULL, t);
    else mb_table_free(t);
    return rc;
}

static int add_params(mb_doc *d, const char *key, const char *title, const mb_param *params, const mb_conf *group) {
    if (!params || params->kind == MB_P_END) return MB_OK;
    mb_table *t = mb_param_table_new(group != NULL, false);
    int rc = t ? mb_param_table_add(t, "", params, group, NULL) : mb_nomem();
    if (rc) mb_table_free(t);
    else mb_doc_table(d, key, title, t);
    return rc;
}

static void add_head(mb_doc *d, const char *kind, const char *name, const char *summary, const char *reference,
                     const char *file) {
    mb_doc_text(d, kind, "%s", name);
    if (summary) mb_doc_text(d, "summary", "%s", summary);
    if (reference) mb_doc_text(d, "reference", "%s", reference);
    if (file) mb_doc_text(d, "file", "%s", file);
}

/* --- cells, converters, policies, baselines, machines -------------------------------------------------------------- */

static int show_cell(mb_doc *d, const char *name) {
    const mb_cell_type *t = mb_cell_find(name);
    mb_conf *root = NULL;
    mb_cell cell = {0};
    char *file = NULL;
    int rc = preset_or_type("devices", name, "cell", t ? t->name : NULL, &root, &file);
    if (!rc) rc = mb_cell_load(mb_conf_find(root, "x"), &cell);
    if (!rc) {
        double lo, hi;
        mb_cell_cost cost = {0};
        mb_str effects = {0};
        t = cell.type;
        add_head(d, "cell", t->name, t->summary, t->reference, file);
        t->range(cell.params, &lo, &hi);
        t->cost(cell.params, &cost);
        mb_doc_real(d, "g_min", lo, "S");
        mb_doc_real(d, "g_max", hi, "S");
        mb_doc_int(d, "levels", t->levels(cell.params));
        mb_doc_text(d, "random", "%s", t->deterministic(cell.params) ? "no" : "yes");
        mb_doc_real(d, "read_voltage", cost.read_V, "V");
        mb_doc_real(d, "write_energy", cost.write_J, "J");
        mb_doc_real(d, "write_time", cost.write_s, "s");
        mb_doc_real(d, "area_F2", cost.area_F2, "");
        if (cost.pulses > 0) mb_doc_real(d, "pulses", cost.pulses, "");
        if (cost.endurance > 0) mb_doc_real(d, "endurance", cost.endurance, "");
        for (int i = 0; t->effects && t->effects[i]; i++) mb_str_addf(&effects, "%s%s", i ? ", " : "", t->effects[i]);
        if (effects.n) mb_doc_text(d, "effects", "%s", mb_cstr(&effects));
        mb_str_free(&effects);
        rc = add_params(d, "parameters", NULL, t->params, mb_conf_find(root, "x"));
    }
    if (!rc) rc = add_presets(d, "devices", "cell", t->name);
    mb_cell_free(&cell);
    mb_conf_free(root);
    mb_free(file);
    return rc;
}

static int show_adc(mb_doc *d, const char *name) {
    const mb_adc_type *t = mb_adc_find(name);
    if (!t) {
        const char *names[32];
        size_t n = 0;
        for (; n < 32 && mb_adcs[n]; n++) names[n] = mb_adcs[n]->name;
        const char *near = mb_nearest(name, names, n);
        return mb_fail(MB_BADINPUT, "no converter is called \"%s\"%s%s; `mixbar list adcs` shows them", name,
                       near ? ", did you mean " : "", near ? near : "");
    }
    add_head(d, "adc", t->name, t->summary, t->reference, NULL);
    mb_doc_text(d, "quantises", "%s", t->transparent ? "no" : "yes");
    if (t->cost_source) mb_doc_text(d, "cost_from", "%s", t->cost_source);
    return add_params(d, "parameters", NULL, t->params, NULL);
}

static int show_policy(mb_doc *d, const char *name) {
    const mb_policy_type *t = mb_policy_find(name);
    if (!t) {
        const char *names[64];
        size_t n = 0;
        for (; n < 64 && mb_policies[n]; n++) names[n] = mb_policies[n]->name;
        const char *near = mb_nearest(name, names, n);
        return mb_fail(MB_BADINPUT, "no policy is called \"%s\"%s%s; `mixbar list policies` shows them", name,
                       near ? ", did you mean " : "", near ? near : "");
    }
    add_head(d, "policy", t->name, t->summary, t->reference, NULL);
    int rc = add_params(d, "parameters", "parameters of this policy", t->params, NULL);
    return rc ? rc
              : add_params(d, "settings", "settings of a layer: keys of `map`, of its menu, and of plans", mb_assign_params,
                           NULL);
}

static int show_baseline(mb_doc *d, const char *name) {
    const mb_baseline_type *t = mb_baseline_find(name);
    mb_conf *root = NULL;
    mb_baseline b = {0};
    char *file = NULL;
    int rc = preset_or_type("baselines", name, "kind", t ? t->name : NULL, &root, &file);
    if (!rc) rc = mb_baseline_load(mb_conf_find(root, "x"), name, &b);
    bool lacks = rc == MB_BADINPUT && t && !file; /* a kind alone may lack keys that have no default: its table without values */
    if (lacks) {
        mb_error_clear();
        rc = MB_OK;
    }
    if (!rc) {
        if (!lacks) t = b.type;
        add_head(d, "baseline", t->name, t->summary, t->reference, file);
        rc = add_params(d, "parameters", NULL, t->params, lacks ? NULL : mb_conf_find(root, "x"));
    }
    if (!rc) rc = add_presets(d, "baselines", "kind", t->name);
    mb_baseline_free(&b);
    mb_conf_free(root);
    mb_free(file);
    return rc;
}

static int show_arch(mb_doc *d, const char *name) {
    mb_conf *root = NULL;
    mb_machine *m = NULL;
    char *file = NULL;
    int rc = preset_or_type("arch", name, NULL, NULL, &root, &file);
    if (!rc) rc = mb_machine_load(mb_conf_find(root, "x"), name, &m);
    if (!rc) {
        add_head(d, "arch", m->name, NULL, NULL, file);
        mb_doc_text(d, "array", "%d x %d cells, %d columns per converter, %d arrays per tile", m->rows, m->cols,
                    m->columns_per_adc, m->arrays_per_tile);
        mb_doc_text(d, "adc", "%s", m->adc.type->name);
        rc = add_params(d, "parameters", NULL, mb_machine_params, mb_conf_find(root, "x"));
    }
    if (!rc) rc = add_params(d, "adc_parameters", "converter (group adc)", m->adc.type->params, mb_conf_find(root, "x.adc"));
    mb_machine_free(m);
    mb_conf_free(root);
    mb_free(file);
    return rc;
}

static int show_macro(mb_doc *d, const char *name) {
    const mb_macro_type *t = mb_macro_find(name);
    mb_conf *root = NULL;
    mb_macro m = {0};
    char *file = NULL;
    if (t) { /* a kind has required keys: its table alone */
        add_head(d, "macro", t->name, t->summary, t->reference, NULL);
        int rc = add_params(d, "parameters", NULL, t->params, NULL);
        return rc ? rc : add_presets(d, "macros", "kind", t->name);
    }
    int rc = preset_or_type("macros", name, "kind", NULL, &root, &file);
    if (!rc) rc = mb_macro_load(mb_conf_find(root, "x"), name, &m);
    if (!rc) {
        add_head(d, "macro", m.name, m.keys.title, m.keys.reference, file);
        mb_doc_text(d, "kind", "%s", m.type->name);
        rc = add_params(d, "parameters", NULL, m.type->params, mb_conf_find(root, "x"));
    }
    mb_macro_free(&m);
    mb_conf_free(root);
    mb_free(file);
    return rc;
}

/* --- components of the technology layer ------------------------------------------------------------------------------ */

static int component_unknown(const char *name) {
    enum { MOST = 64 };
    const char *names[MOST];
    size_t n = 0;
    for (; n < MOST && mb_component_at(n); n++) names[n] = mb_component_at(n)->name;
    const char *near = mb_nearest(name, names, n);
    return mb_fail(MB_BADINPUT, "no component is called \"%s\"%s%s; `mixbar list components` shows them", name,
                   near ? ", did you mean " : "", near ? near : "");
}

static int show_component(mb_doc *d, const char *name, const mb_strings *set) {
    const mb_component *c = mb_component_find(name);
    if (!c) return component_unknown(name);
    mb_component_result r;
    mb_str key = {0};
    mb_conf *root = mb_conf_new(MB_CONF_GROUP, NULL), *x = mb_conf_new(MB_CONF_GROUP, "x");
    int rc = root && x ? mb_conf_append(root, x) : mb_nomem();
    if (rc) mb_conf_free(x);
    for (size_t i = 0; i < set->n && !rc; i++) {
        mb_str_clear(&key);
        mb_str_addf(&key, "x.%s", set->v[i]);
        rc = key.failed ? mb_nomem() : mb_conf_assign(root, mb_cstr(&key), MB_FROM_COMMAND);
    }
    if (!rc) rc = mb_component_evaluate(c, mb_conf_find(root, "x"), &r);
    if (!rc) {
        const mb_fact main_facts[4] = {
            {"energy", "J", r.energy_J}, {"delay", "s", r.delay_s}, {"area", "m2", r.area_m2}, {"leakage", "W", r.leakage_W}};
        add_head(d, "component", c->name, c->summary, NULL, NULL);
        if (c->operation) mb_doc_text(d, "operation", "%s", c->operation);
        for (int i = 0; i < 4; i++)
            if (!isnan(main_facts[i].value)) mb_doc_real(d, main_facts[i].name, main_facts[i].value, main_facts[i].unit);
        for (int i = 0; i < r.n_facts; i++) {
            const mb_fact *f = &r.fact[i];
            if (!*f->unit && fabs(f->value - nearbyint(f->value)) < 1e-12) mb_doc_int(d, f->name, (int64_t)f->value);
            else mb_doc_real(d, f->name, f->value, f->unit);
        }
        mb_doc_text(d, "source", "%s", r.source);
        rc = add_params(d, "parameters", NULL, c->params, mb_conf_find(root, "x"));
    }
    mb_str_free(&key);
    mb_conf_free(root);
    return rc;
}

/* --- networks -----------------------------------------------------------------------------------------------------------------
 */

/* "3x3 /2 +1": kernel, stride when not 1, padding when not 0, dilation when not 1. */
static void window_text(const mb_window *w, mb_str *s) {
    if (w->kh <= 0) return;
    mb_str_addf(s, "%dx%d", w->kh, w->kw);
    if (w->sh != 1 || w->sw != 1) {
        if (w->sh == w->sw) mb_str_addf(s, " /%d", w->sh);
        else mb_str_addf(s, " /%d,%d", w->sh, w->sw);
    }
    if (w->pt || w->pl || w->pb || w->pr) {
        if (w->pt == w->pl && w->pt == w->pb && w->pt == w->pr) mb_str_addf(s, " +%d", w->pt);
        else mb_str_addf(s, " +%d,%d,%d,%d", w->pt, w->pl, w->pb, w->pr);
    }
    if (w->dh > 1 || w->dw > 1) mb_str_addf(s, " dilated %d,%d", w->dh, w->dw);
}

static int add_layer(mb_table *t, const mb_network *net, int i) {
    const mb_layer *l = &net->layer[i];
    mb_str window = {0}, in = {0};
    char shape[96];
    bool weighted = mb_layer_weighted(l) || mb_layer_product(l);
    window_text(&l->win, &window);
    for (int k = 0; k < l->n_in; k++) mb_str_addf(&in, "%s%d", k ? " " : "", l->in[k]);
    int rc = window.failed || in.failed ? mb_nomem() : mb_table_cellf(t, "%d", i);
    if (!rc) rc = mb_table_cell(t, l->name);
    if (!rc) rc = mb_table_cell(t, l->op->name);
    if (!rc) rc = mb_table_cell(t, mb_cstr(&in));
    if (!rc) rc = mb_table_cell(t, mb_shape_text(&l->shape, shape, sizeof shape));
    if (!rc) rc = mb_table_cell(t, mb_cstr(&window));
    if (weighted) {
        mb_matmul m = mb_layer_matmul(l);
        if (!rc) rc = mb_table_cellf(t, "%d", m.groups);
        if (!rc) rc = mb_table_cellf(t, "%d", m.K);
        if (!rc) rc = mb_table_cellf(t, "%d", m.N);
        if (!rc) rc = mb_table_cellf(t, "%d", m.vectors);
        if (!rc) rc = mb_table_cellf(t, "%lld", (long long)mb_layer_params(l));
        if (!rc) rc = mb_table_cellf(t, "%lld", (long long)mb_layer_macs(l));
    } else {
        for (int k = 0; k < 6 && !rc; k++) rc = mb_table_cell(t, "");
    }
    mb_str_free(&window);
    mb_str_free(&in);
    return rc;
}

static int show_network(mb_doc *d, const char *path) {
    static const char *const columns[][3] = {
        {"#", "", "r"},          {"layer", "", "l"},  {"operator", "", "l"}, {"inputs", "", "l"}, {"shape", "", "l"},
        {"window", "", "l"},     {"groups", "", "r"}, {"K", "", "r"},        {"N", "", "r"},      {"vectors", "", "r"},
        {"parameters", "", "r"}, {"MACs", "", "r"},   {NULL, NULL, NULL}};
    mb_network *net = NULL;
    char *found = NULL;
    int rc = mb_file_find("networks", path, &found);
    if (!rc) rc = mb_network_load(found, &net);
    mb_free(found);
    if (rc) return rc;
    char shape[96];
    int64_t params = 0, macs = 0;
    for (int i = 0; i < net->n_layers; i++) {
        params += mb_layer_params(&net->layer[i]);
        macs += mb_layer_macs(&net->layer[i]);
    }
    mb_doc_text(d, "network", "%s", net->name);
    mb_doc_text(d, "file", "%s", net->path);
    if (net->weightless) mb_doc_text(d, "weights", "none: layer shapes only");
    else mb_doc_int(d, "opset", net->opset);
    mb_doc_text(d, "hash", "%016llx", (unsigned long long)net->hash);
    mb_doc_text(d, "input", "%s", mb_shape_text(&net->layer[net->input].shape, shape, sizeof shape));
    mb_doc_text(d, "output", "%s", mb_shape_text(&net->layer[net->output].shape, shape, sizeof shape));
    mb_doc_int(d, "weighted", net->n_weighted);
    mb_doc_int(d, "parameters", params);
    mb_doc_int(d, "MACs", macs);
    mb_table *t = mb_table_new();
    rc = t ? mb_cli_columns(t, columns) : mb_nomem();
    for (int i = 0; i < net->n_layers && !rc; i++) rc = add_layer(t, net, i);
    if (rc) mb_table_free(t);
    else mb_doc_table(d, "layers", NULL, t);
    mb_network_free(net);
    return rc;
}

/* --- plans ---------------------------------------------------------------------------------------------------------------------
 */

static int show_plan(mb_doc *d, const char *path) {
    mb_plan *p = NULL;
    mb_table *t = NULL;
    int rc = mb_plan_load(path, NULL, &p);
    if (!rc) {
        mb_doc_text(d, "network", "%s", p->network ? p->network : "");
        mb_doc_text(d, "network_hash", "%016llx", (unsigned long long)p->network_hash);
        if (p->machine) mb_doc_text(d, "machine", "%s", p->machine);
        if (p->policy) mb_doc_text(d, "policy", "%s", p->policy);
        rc = mb_cli_plan_table(p, &t);
    }
    if (!rc) mb_doc_table(d, "layers", NULL, t);
    for (int i = 0; !rc && i < p->n_modes; i++) {
        mb_plan *mode = NULL;
        mb_str title = {0};
        mb_str_addf(&title, "mode %s", p->mode[i].name);
        rc = mb_plan_of_mode(p, i, &mode);
        if (!rc) rc = mb_cli_plan_table(mode, &t);
        if (!rc) mb_doc_table(d, mb_cstr(&title), mb_cstr(&title), t);
        mb_plan_free(mode);
        mb_str_free(&title);
    }
    mb_plan_free(p);
    return rc;
}

/* --- datasets ------------------------------------------------------------------------------------------------------ */

static int show_npy(mb_doc *d, const char *path) {
    mb_npy a;
    int rc = mb_npy_read(path, &a);
    if (rc) return rc;
    double *v = mb_malloc(a.count, sizeof *v), lo = (double)INFINITY, hi = -(double)INFINITY;
    mb_str shape = {0};
    if (v) {
        mb_npy_to_f64(&a, v);
        for (size_t i = 0; i < a.count; i++) {
            if (v[i] < lo) lo = v[i];
            if (v[i] > hi) hi = v[i];
        }
        for (int i = 0; i < a.nd; i++) mb_str_addf(&shape, "%s%lld", i ? "x" : "", (long long)a.dim[i]);
        mb_doc_text(d, "file", "%s", path);
        mb_doc_text(d, "type", "%s", mb_dtype_name(a.type));
        mb_doc_text(d, "shape", "%s", mb_cstr(&shape));
        mb_doc_int(d, "elements", (int64_t)a.count);
        if (a.count) mb_doc_real(d, "smallest", lo, "");
        if (a.count) mb_doc_real(d, "largest", hi, "");
    } else {
        rc = mb_nomem();
    }
    mb_str_free(&shape);
    mb_free(v);
    mb_npy_free(&a);
    return rc;
}

static void reals_text(const double *v, int n, mb_str *s) {
    char num[32];
    for (int i = 0; i < n; i++) mb_str_addf(s, "%s%s", i ? ", " : "", mb_fmt_double(num, v[i], 0));
}

static int add_dataset(mb_doc *d, const mb_dataset *s) {
    char shape[96], num[32];
    mb_str mean = {0}, std = {0};
    reals_text(s->mean, s->n_norm, &mean);
    reals_text(s->std, s->n_norm, &std);
    mb_doc_text(d, "images", "%s", s->source);
    mb_doc_int(d, "samples", (int64_t)s->n);
    mb_doc_text(d, "shape", "%s", mb_shape_text(&s->shape, shape, sizeof shape));
    mb_doc_text(d, "type", "%s", mb_dtype_name(s->type));
    mb_doc_int(d, "classes", s->classes);
    mb_doc_text(d, "normalised", "(%s x - mean) / std, mean %s, std %s", mb_fmt_double(num, s->scale, 0), mb_cstr(&mean),
                mb_cstr(&std));
    mb_doc_text(d, "hash", "%016llx", (unsigned long long)s->hash);
    bool failed = mean.failed || std.failed;
    mb_str_free(&mean);
    mb_str_free(&std);
    int64_t *count = mb_calloc((size_t)s->classes, sizeof *count);
    mb_table *t = mb_table_new();
    int rc = count && t && !failed ? mb_table_column(t, "class", "", MB_RIGHT) : mb_nomem();
    if (!rc) rc = mb_table_column(t, "samples", "", MB_RIGHT);
    for (size_t i = 0; i < s->n && !rc; i++) count[s->label[i]]++;
    for (int c = 0; c < s->classes && !rc; c++) {
        rc = mb_table_cellf(t, "%d", c);
        if (!rc) rc = mb_table_cellf(t, "%lld", (long long)count[c]);
    }
    mb_free(count);
    if (rc) mb_table_free(t);
    else mb_doc_table(d, "labels", NULL, t);
    return rc;
}

static int show_dataset(mb_doc *d, const char *name) {
    size_t len = strlen(name);
    if (len > 4 && strcmp(name + len - 4, ".npy") == 0) return show_npy(d, name);
    mb_conf *root = NULL;
    mb_dataset *s = NULL;
    char *file = NULL;
    int rc = preset_or_type("data", name, NULL, NULL, &root, &file);
    if (!rc) rc = mb_dataset_load(mb_conf_find(root, "x"), &s);
    if (!rc) {
        mb_doc_text(d, "dataset", "%s", name);
        mb_doc_text(d, "file", "%s", file);
        rc = add_dataset(d, s);
    }
    if (!rc) rc = add_params(d, "parameters", NULL, mb_dataset_params, mb_conf_find(root, "x"));
    mb_dataset_free(s);
    mb_conf_free(root);
    mb_free(file);
    return rc;
}

/* --- the verb ------------------------------------------------------------------------------------------------------ */

#define KINDS "cell|adc|policy|baseline|arch|network|plan|dataset|macro|component|family" /* show[] in this order, then those that take -s */
static int (*const show[])(mb_doc *d, const char *name) = {show_cell, show_adc,     show_policy, show_baseline,
                                                           show_arch, show_network, show_plan,   show_dataset, show_macro};

static int run(const void *opt, int argc, char *const *argv) {
    const options *o = opt;
    mb_doc d;
    (void)argc;
    int kind = mb_choice_index(KINDS, argv[0]);
    if (kind < 0) return mb_choice_unknown("kind", KINDS, argv[0]);
    const int plain = (int)(sizeof show / sizeof show[0]);
    if (o->set.n && kind < plain)
        return mb_fail(MB_USAGE, "`mixbar show %s` takes no -s; `mixbar show component` and `mixbar show family` do", argv[0]);
    mb_doc_begin(&d, o->format);
    int rc = kind < plain    ? show[kind](&d, argv[1])
             : kind == plain ? show_component(&d, argv[1], &o->set)
                             : mb_cli_show_family(&d, argv[1], &o->set);
    return mb_doc_end(&d, rc);
}

const mb_verb mb_verb_show = {
    .name = "show",
    .usage = "cell NAME | adc NAME | policy NAME | baseline NAME | arch NAME | network FILE | plan FILE | dataset NAME | "
             "macro NAME | component NAME [-s KEY=VALUE]... | family NAME [-s KEY=VALUE]...",
    .summary = "show one thing in full: a model and its parameters, a preset, a network, a plan, a dataset, a component",
    .details = "NAME is a type or a preset (a name, or the path of a .cfg file). For models the parameter table is printed: key, "
               "type, value and where it was set, "
               "default, unit, range, meaning. For a network: layers, operators, shapes, windows (kernel /stride +padding), the "
               "K x N matrix that an array holds, "
               "input vectors per sample, parameters, MACs. `show dataset` also takes an .npy file. "
               "`show component` evaluates a part of the technology layer "
               "(`mixbar list components`): energy of one operation, delay, area, leakage, and where the model comes from. "
               "`show family` prints the layers of a built-in network (`mixbar list families`) and its keys.",
    .examples = "mixbar show cell rram\nmixbar show network experiments/networks/fashion_cnn.onnx\nmixbar show arch rram-22nm "
                "--format json\nmixbar show component adder -s bits=12 -s node_nm=7\n"
                "mixbar show component adc-survey -s enob=6 -s corner=high\n"
                "mixbar show family resnet20 -s width=0.5",
    .options = table,
    .size = sizeof(options),
    .min_args = 2,
    .max_args = 2,
    .complete = KINDS,
    .run = run,
};
