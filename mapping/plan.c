/* plan.c - assignments and plans: table of keys, comparison, readable files
 *
 * Who may call: policies, the cost floor, the simulator, the command line. Units: bits and counts.
 * The file is written by hand rather than through mb_conf_write so that each layer is one line: plans are meant to be read and
 * diffed.
 */
#include "mapping/plan.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/file.h"
#include "base/mem.h"
#include "mapping/plan_internal.h"
#include "mapping/policy.h"

#define MAX_LAYERS 4096 /* as many as the random streams can tell apart (mb_unit) */

const mb_param mb_assign_params[] = {
    MB_CHOICE(mb_assign, engine, MB_ENGINES, "analog",
              "where the layer runs: crossbar arrays, or exact integers on the digital unit"),
    MB_INT(mb_assign, weight_bits, "bit", "8", 1, 8, "weight precision, sign included"),
    MB_INT(mb_assign, cell_bits, "bit", "2", 1, 8, "bits held by one cell: the width of a slice"),
    MB_INT(mb_assign, input_bits, "bit", "8", 1, 8, "activation precision"),
    MB_INT(mb_assign, dac_bits, "bit", "1", 1, 8, "input bits driven in one cycle"),
    MB_INT(mb_assign, adc_bits, "bit", "8", 1, 16, "resolution of the converters"),
    MB_INT(mb_assign, rows_active, "", "0", 0, 65536, "rows read at once; 0: all rows of the array"),
    MB_CHOICE(mb_assign, scheme, "differential|offset", "differential",
              "signed weights: a pair of cells, or an offset and a dummy column"),
    MB_INT(mb_assign, copies, "", "1", 1, 4096, "duplicates of the layer's arrays that share the input vectors"),
    MB_INT(mb_assign, skip_slices, "", "0", 0, 7, "lowest slices of the weights that are stored but not read (differential)"),
    MB_INT(mb_assign, keep_outputs, "", "0", 0, 1 << 24, "output channels kept, 0: all; for one layer, see map.keep"),
    MB_INT(mb_assign, keep_inputs, "", "0", 0, 1 << 24, "input channels read, 0: all that are left; for one layer, see map.keep"),
    MB_PARAM_END,
};

_Static_assert(sizeof mb_assign_params / sizeof mb_assign_params[0] == MB_ASSIGN_KEYS + 1,
               "MB_ASSIGN_KEYS counts the rows of mb_assign_params");
_Static_assert(sizeof(mb_assign) == MB_ASSIGN_KEYS * sizeof(int), "every field of mb_assign has a row");

int mb_assign_get(const mb_assign *a, int key) {
    int v;
    memcpy(&v, (const char *)a + mb_assign_params[key].offset, sizeof v);
    return v;
}

void mb_assign_set(mb_assign *a, int key, int value) {
    memcpy((char *)a + mb_assign_params[key].offset, &value, sizeof value);
}

/* Keys that plans without run-time modes and pruning do not state: 0. */
static bool optional(int key) { return mb_assign_params[key].offset >= offsetof(mb_assign, skip_slices); }

int mb_assign_key(const char *name) {
    for (int k = 0; k < MB_ASSIGN_KEYS; k++)
        if (strcmp(mb_assign_params[k].name, name) == 0) return k;
    return -1;
}

int mb_assign_parse(int key, const mb_conf *value, int *out) {
    const mb_param *row = &mb_assign_params[key];
    if (row->kind == MB_P_CHOICE) {
        if (value->type != MB_CONF_STRING)
            return mb_fail(MB_BADINPUT, "%s: %s must be one of %s", mb_conf_where(value), mb_conf_key(value), row->choices);
        int index = mb_choice_index(row->choices, value->s);
        if (index < 0)
            return mb_fail(MB_BADINPUT, "%s: %s = \"%s\" is not one of %s", mb_conf_where(value), mb_conf_key(value), value->s,
                           row->choices);
        *out = index;
        return MB_OK;
    }
    if (value->type != MB_CONF_INT)
        return mb_fail(MB_BADINPUT, "%s: %s must be an integer from %d to %d", mb_conf_where(value), mb_conf_key(value),
                       (int)row->lo, (int)row->hi);
    if ((double)value->i < row->lo || (double)value->i > row->hi)
        return mb_fail(MB_BADINPUT, "%s: %s = %" PRId64 " is outside %d .. %d", mb_conf_where(value), mb_conf_key(value),
                       value->i, (int)row->lo, (int)row->hi);
    *out = (int)value->i;
    return MB_OK;
}

const char *mb_assign_fault(const mb_assign *a) {
    return a->dac_bits > a->input_bits ? "dac_bits is larger than input_bits" : NULL;
}

void mb_assign_write(const mb_assign *a, mb_str *out) {
    for (int k = 0; k < MB_ASSIGN_KEYS; k++) {
        const mb_param *row = &mb_assign_params[k];
        char word[32];
        if (optional(k) && mb_assign_get(a, k) == 0) continue;
        if (k) mb_str_add(out, " ");
        if (row->kind == MB_P_CHOICE)
            mb_str_addf(out, "%s = \"%s\";", row->name, mb_choice_name(row->choices, mb_assign_get(a, k), word, sizeof word));
        else mb_str_addf(out, "%s = %d;", row->name, mb_assign_get(a, k));
    }
}

/* A plan with N layers whose names are NULL. */
static mb_plan *plan_alloc(int n) {
    mb_plan *p = mb_calloc(1, sizeof *p);
    if (!p) return NULL;
    p->layer = mb_calloc((size_t)n, sizeof *p->layer);
    p->assign = mb_calloc((size_t)n, sizeof *p->assign);
    if (!p->layer || !p->assign) {
        mb_plan_free(p);
        return NULL;
    }
    p->n = n;
    return p;
}

int mb_plan_new(const mb_network *net, const mb_assign *all, mb_plan **plan) {
    mb_plan *p = plan_alloc(net->n_weighted);
    if (!p) return mb_nomem();
    int rc = MB_OK;
    p->network_hash = net->hash;
    p->network = mb_strdup(net->name ? net->name : "");
    if (!p->network) rc = mb_nomem();
    for (int m = 0; !rc && m < p->n; m++) {
        p->assign[m] = *all;
        p->layer[m] = mb_strdup(net->layer[net->weighted[m]].name);
        if (!p->layer[m]) rc = mb_nomem();
    }
    if (rc) mb_plan_free(p);
    else *plan = p;
    return rc;
}

/* *dst = copy of SRC (NULL stays NULL); 0 on success */
static int copy_text(const char *src, char **dst) {
    if (!src) return 0;
    *dst = mb_strdup(src);
    return *dst == NULL;
}

int mb_plan_clone(const mb_plan *p, mb_plan **copy) {
    mb_plan *c = plan_alloc(p->n);
    if (!c) return mb_nomem();
    c->network_hash = p->network_hash;
    int bad = copy_text(p->network, &c->network) | copy_text(p->machine, &c->machine) | copy_text(p->policy, &c->policy);
    for (int m = 0; m < p->n; m++) {
        c->assign[m] = p->assign[m];
        bad |= copy_text(p->layer[m], &c->layer[m]);
    }
    int rc = bad ? mb_nomem() : MB_OK;
    for (int i = 0; i < p->n_modes && !rc; i++) rc = mb_plan_add_mode(c, p->mode[i].name, p->mode[i].assign);
    if (rc) mb_plan_free(c);
    else *copy = c;
    return rc;
}

void mb_plan_free(mb_plan *p) {
    if (!p) return;
    for (int m = 0; p->layer && m < p->n; m++) mb_free(p->layer[m]);
    for (int i = 0; i < p->n_modes; i++) {
        mb_free(p->mode[i].name);
        mb_free(p->mode[i].assign);
    }
    mb_free(p->mode);
    mb_free(p->layer);
    mb_free(p->assign);
    mb_free(p->network);
    mb_free(p->machine);
    mb_free(p->policy);
    mb_free(p);
}

int mb_plan_equal(const mb_plan *a, const mb_plan *b) {
    return a->n == b->n && (a->n == 0 || memcmp(a->assign, b->assign, (size_t)a->n * sizeof *a->assign) == 0);
}

void mb_plan_add_quoted(mb_str *out, const char *s) {
    mb_str_add(out, "\"");
    for (; *s; s++) {
        unsigned char c = (unsigned char)*s;
        if (c == '"' || c == '\\') mb_str_addf(out, "\\%c", c);
        else if (c < 0x20 || c == 0x7f) mb_str_addf(out, "\\x%02x", c);
        else mb_str_addn(out, s, 1);
    }
    mb_str_add(out, "\"");
}

static void add_head(mb_str *out, const char *key, const char *text) {
    if (!text) return;
    mb_str_addf(out, "%s = ", key);
    mb_plan_add_quoted(out, text);
    mb_str_add(out, ";\n");
}

void mb_plan_write(const mb_plan *p, mb_str *out) {
    mb_str_add(out, "# one setting per weighted layer; replay with: mixbar eval EXP.cfg -p THIS_FILE\nschema = 1;\n");
    add_head(out, "network", p->network);
    mb_str_addf(out, "network_hash = \"%016" PRIx64 "\";\n", p->network_hash);
    add_head(out, "machine", p->machine);
    add_head(out, "policy", p->policy);
    mb_str_add(out, "layers = (\n");
    for (int m = 0; m < p->n; m++) {
        mb_str_add(out, "  { name = ");
        mb_plan_add_quoted(out, p->layer[m]);
        mb_str_add(out, "; ");
        mb_assign_write(&p->assign[m], out);
        mb_str_add(out, m + 1 < p->n ? " },\n" : " }\n");
    }
    mb_str_add(out, ");\n");
    mb_modes_write(p, out);
}

int mb_plan_save(const mb_plan *p, const char *path) {
    mb_str text = {0};
    mb_plan_write(p, &text);
    int rc = text.failed ? mb_nomem() : mb_file_write(path, mb_cstr(&text), text.n);
    mb_str_free(&text);
    return rc;
}

/* Text value KEY of ROOT into *out (owned by the caller); NULL when absent and not required. */
static int read_text(mb_conf *root, const char *path, const char *key, bool required, char **out) {
    mb_conf *c = mb_conf_use(root, key);
    *out = NULL;
    if (!c) return required ? mb_fail(MB_BADINPUT, "%s: the plan has no key %s", path, key) : MB_OK;
    if (c->type != MB_CONF_STRING) return mb_fail(MB_BADINPUT, "%s: %s must be text in quotes", mb_conf_where(c), key);
    *out = mb_strdup(c->s);
    return *out ? MB_OK : mb_nomem();
}

/* One element of `layers`. */
static int read_layer(mb_conf *g, int index, const char *path, char **name, mb_assign *a) {
    static const char *const also[] = {"name", NULL};
    if (g->type != MB_CONF_GROUP)
        return mb_fail(MB_BADINPUT, "%s: layers[%d] must be a group { name = ...; ... }", mb_conf_where(g), index);
    mb_conf *n = mb_conf_use(g, "name");
    if (!n || n->type != MB_CONF_STRING)
        return mb_fail(MB_BADINPUT, "%s: layers[%d] has no name in quotes", mb_conf_where(n ? n : g), index);
    for (int k = 0; k < MB_ASSIGN_KEYS; k++)
        if (!optional(k) && !mb_conf_find(g, mb_assign_params[k].name))
            return mb_fail(MB_BADINPUT, "%s: layer %s of the plan has no %s; a plan states every key of every layer",
                           mb_conf_where(n), n->s, mb_assign_params[k].name);
    int rc = mb_params_load(mb_assign_params, g, also, a);
    if (rc) return mb_context(rc, "in layer %s of the plan %s", n->s, path);
    const char *fault = mb_assign_fault(a);
    if (fault) return mb_fail(MB_BADINPUT, "%s: layer %s of the plan: %s", mb_conf_where(n), n->s, fault);
    *name = mb_strdup(n->s);
    return *name ? MB_OK : mb_nomem();
}

int mb_plan_find_name(char *const *names, int n, const char *name) {
    for (int i = 0; i < n; i++)
        if (strcmp(names[i], name) == 0) return i;
    return -1;
}

/* Does the plan belong to NET? Puts its layers into the network's order. */
static int match_network(mb_plan *p, const mb_network *net, bool has_hash, const char *path) {
    if (has_hash && p->network_hash != net->hash)
        return mb_fail(MB_BADINPUT,
                       "%s: the plan was made for network \"%s\" with hash %016" PRIx64 ", but %s (\"%s\") has hash %016" PRIx64
                       "; make a new one with `mixbar map`, or delete the line network_hash to use the plan on any network with "
                       "these layers",
                       path, p->network, p->network_hash, net->path ? net->path : "this one", net->name ? net->name : "",
                       net->hash);
    mb_plan *sorted = plan_alloc(net->n_weighted);
    const char **want = mb_calloc((size_t)net->n_weighted, sizeof *want);
    int rc = sorted && want ? MB_OK : mb_nomem();
    for (int m = 0; !rc && m < net->n_weighted; m++) want[m] = net->layer[net->weighted[m]].name;
    for (int i = 0; !rc && i < p->n; i++) {
        int m = 0;
        while (m < net->n_weighted && strcmp(want[m], p->layer[i]) != 0) m++;
        if (m == net->n_weighted) {
            const char *near = mb_nearest(p->layer[i], want, (size_t)net->n_weighted);
            rc = mb_fail(MB_BADINPUT, "%s: the plan's layer %s is not a weighted layer of network %s%s%s%s", path, p->layer[i],
                         net->name ? net->name : "", near ? "; did you mean " : "", near ? near : "", near ? "?" : "");
        }
    }
    for (int k = 0; !rc && k < p->n_modes; k++) rc = mb_plan_add_mode(sorted, p->mode[k].name, NULL);
    for (int m = 0; !rc && m < net->n_weighted; m++) {
        int i = mb_plan_find_name(p->layer, p->n, want[m]);
        if (i < 0) {
            rc = mb_fail(MB_BADINPUT, "%s: the plan has no setting for layer %s of network %s", path, want[m],
                         net->name ? net->name : "");
        } else {
            sorted->assign[m] = p->assign[i];
            for (int k = 0; k < p->n_modes; k++) sorted->mode[k].assign[m] = p->mode[k].assign[i];
            sorted->layer[m] = p->layer[i]; /* moved: every layer of the plan is in the network, none twice */
        }
    }
    if (!rc) {
        char **layer = p->layer;
        mb_assign *assign = p->assign;
        p->layer = sorted->layer;
        p->assign = sorted->assign;
        sorted->layer = layer;
        sorted->assign = assign;
        mb_mode *mode = p->mode;
        p->mode = sorted->mode;
        sorted->mode = mode;
    }
    if (sorted) {
        sorted->n = 0; /* its names are owned by P */
        mb_plan_free(sorted);
    }
    mb_free(want);
    return rc;
}

static int read_hash(mb_conf *root, const char *path, uint64_t *hash, bool *has) {
    char *text = NULL;
    int rc = read_text(root, path, "network_hash", false, &text);
    *has = text != NULL;
    if (text) {
        if (strlen(text) != 16 || strspn(text, "0123456789abcdef") != 16)
            rc = mb_fail(MB_BADINPUT, "%s: network_hash must be 16 hexadecimal digits in lower case",
                         mb_conf_where(mb_conf_find(root, "network_hash")));
        else *hash = strtoull(text, NULL, 16);
    }
    mb_free(text);
    return rc;
}

int mb_plan_load(const char *path, const mb_network *net, mb_plan **plan) {
    mb_conf *root = NULL;
    mb_plan *p = NULL;
    bool has_hash = false;
    int rc = mb_conf_read(path, &root);
    if (rc) return mb_context(rc, "while reading the plan %s", path);

    mb_conf *schema = mb_conf_use(root, "schema");
    mb_conf *layers = mb_conf_use(root, "layers");
    if (!schema || schema->type != MB_CONF_INT || schema->i != 1) {
        rc = mb_fail(MB_BADINPUT, "%s: not a plan of this version: `schema = 1;` is missing",
                     schema ? mb_conf_where(schema) : path);
        goto out;
    }
    if (!layers || layers->type != MB_CONF_LIST || layers->n == 0 || layers->n > MAX_LAYERS) {
        rc = mb_fail(MB_BADINPUT, "%s: the plan needs layers = ( { name = ...; ... }, ... ); with 1 to %d elements",
                     layers ? mb_conf_where(layers) : path, MAX_LAYERS);
        goto out;
    }
    p = plan_alloc((int)layers->n);
    if (!p) {
        rc = mb_nomem();
        goto out;
    }
    p->n = 0; /* names filled so far */
    if ((rc = read_text(root, path, "network", true, &p->network)) || (rc = read_hash(root, path, &p->network_hash, &has_hash)) ||
        (rc = read_text(root, path, "machine", false, &p->machine)) || (rc = read_text(root, path, "policy", false, &p->policy)))
        goto out;
    for (size_t i = 0; i < layers->n; i++) {
        if ((rc = read_layer(layers->child[i], (int)i, path, &p->layer[i], &p->assign[i]))) goto out;
        if (mb_plan_find_name(p->layer, p->n, p->layer[i]) >= 0) {
            rc = mb_fail(MB_BADINPUT, "%s: the plan sets layer %s twice", mb_conf_where(layers->child[i]), p->layer[i]);
            mb_free(p->layer[i]);
            goto out;
        }
        p->n++;
    }
    if ((rc = mb_modes_read(root, path, p)) || (rc = mb_conf_check_used(root))) goto out;
    if (net) rc = match_network(p, net, has_hash, path);
out:
    mb_conf_free(root);
    if (rc) mb_plan_free(p);
    else *plan = p;
    return rc;
}

int mb_plan_diff(const mb_plan *a, const mb_plan *b, mb_str *out) {
    if (a->network_hash != b->network_hash) {
        mb_str_addf(out, "network %s (%016" PRIx64 ") and %s (%016" PRIx64 ")", a->network, a->network_hash, b->network,
                    b->network_hash);
        return 1;
    }
    for (int m = 0; m < a->n && m < b->n; m++) {
        if (strcmp(a->layer[m], b->layer[m]) != 0) {
            mb_str_addf(out, "layer %d is called %s and %s", m, a->layer[m], b->layer[m]);
            return 1;
        }
        for (int k = 0; k < MB_ASSIGN_KEYS; k++) {
            const mb_param *row = &mb_assign_params[k];
            int va = mb_assign_get(&a->assign[m], k), vb = mb_assign_get(&b->assign[m], k);
            char ta[32], tb[32];
            if (va == vb) continue;
            if (row->kind == MB_P_CHOICE)
                mb_str_addf(out, "layer %s: %s %s and %s", a->layer[m], row->name,
                            mb_choice_name(row->choices, va, ta, sizeof ta), mb_choice_name(row->choices, vb, tb, sizeof tb));
            else mb_str_addf(out, "layer %s: %s %d and %d", a->layer[m], row->name, va, vb);
            return 1;
        }
    }
    if (a->n != b->n) {
        mb_str_addf(out, "%d and %d weighted layers", a->n, b->n);
        return 1;
    }
    return 0;
}
