/* keep.c - pruning as a choice: reading it, where arrays are freed, what a plan leaves of the work; see keep.h */
#include "mapping/keep.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/mem.h"
#include "mapping/policy.h"

const mb_param mb_keep_params[] = {
    MB_CHOICE(mb_keep_keys, importance, MB_IMPORTANCES, "gradient",
              "which channels are kept: by the first-order change of the loss on calibration samples, or by the size of their weights"),
    MB_INT(mb_keep_keys, samples, "", "64", 1, 1e7, "calibration samples for importance and means, at most those there are"),
    MB_FLAG(mb_keep_keys, replace, "true", "the mean of a dropped channel goes into the biases of the layers that read it"),
    MB_PARAM_END,
};
const char *const mb_keep_choices[] = {"outputs", "inputs", NULL};

int mb_keep_key(int kind) { return mb_assign_key(kind == MB_KEEP_OUTPUTS ? "keep_outputs" : "keep_inputs"); }

void mb_keep_free(mb_keep_choice *k) {
    if (!k) return;
    for (int kind = 0; kind < MB_KEEP_KINDS; kind++) {
        for (int m = 0; k->choice[kind] && m < k->n; m++) mb_free(k->choice[kind][m]);
        mb_free(k->choice[kind]);
        mb_free(k->n_choice[kind]);
    }
    mb_couplings_free(k->couplings);
    mb_free(k->where);
    mb_free(k);
}

/* Channels that layer M can choose of; 0: it has no say. */
static int channels_of(const mb_keep_choice *k, const mb_network *net, int kind, int m) {
    const mb_couplings *c = k->couplings;
    if (kind == MB_KEEP_OUTPUTS) return c->group[m] >= 0 && c->leader[c->group[m]] == m ? c->channels[c->group[m]] : 0;
    const mb_layer *l = &net->layer[net->weighted[m]];
    const bool whole = (size_t)l->win.cin * (size_t)(l->win.ih * l->win.iw) == mb_shape_count(&net->layer[l->in[0]].shape);
    return l->win.groups == 1 && whole && c->in_channels[m] > 1 && l->win.cin % c->in_channels[m] == 0 ? c->in_channels[m] : 0;
}

static int set_choices(mb_keep_choice *k, int kind, int m, const int *v, int n) {
    int *copy = mb_malloc((size_t)n, sizeof *copy);
    if (!copy) return mb_nomem();
    memcpy(copy, v, (size_t)n * sizeof *v);
    mb_free(k->choice[kind][m]);
    k->choice[kind][m] = copy;
    k->n_choice[kind][m] = n;
    k->levels[kind] = n > k->levels[kind] ? n : k->levels[kind];
    return MB_OK;
}

static int descending(const void *a, const void *b) {
    const double x = *(const double *)a, y = *(const double *)b;
    return x > y ? -1 : x < y ? 1 : 0;
}

/* Fractions at C into F, the largest first. */
static int read_fractions(const mb_conf *c, double *f, int *n) {
    const int given = c->type == MB_CONF_LIST ? (int)c->n : 1;
    if (given < 1 || given > MB_KEEP_MAX)
        return mb_fail(MB_BADINPUT, "%s: %s must hold 1 to %d fractions of the channels", mb_conf_where(c), mb_conf_key(c), MB_KEEP_MAX);
    for (int i = 0; i < given; i++) {
        const mb_conf *e = c->type == MB_CONF_LIST ? c->child[i] : c;
        if ((e->type != MB_CONF_REAL && e->type != MB_CONF_INT) || !(e->r > 0 && e->r <= 1))
            return mb_fail(MB_BADINPUT, "%s: %s must be a fraction above 0, up to 1, a list of them, \"arrays\", or \"nonzero\"", mb_conf_where(e),
                           mb_conf_key(c));
        f[i] = e->r;
    }
    qsort(f, (size_t)given, sizeof *f, descending);
    *n = given;
    return MB_OK;
}

/* "nonzero": one choice, the channels that are not zero. */
static int load_nonzero(const mb_network *net, int kind, mb_keep_choice *k) {
    mb_pruner *p = NULL;
    int rc = mb_network_has_weights(net);
    if (!rc) rc = mb_pruner_new(net, &p);
    for (int m = 0; m < k->n && !rc; m++) {
        const int all = channels_of(k, net, kind, m);
        const double *score = !all ? NULL : kind == MB_KEEP_OUTPUTS ? p->score[k->couplings->group[m]] : p->row_score[m];
        int left = 0;
        for (int c = 0; c < all; c++) left += score[c] > 0;
        if (left == all) left = 0;
        else if (left == 0) left = 1;
        if (all) rc = set_choices(k, kind, m, &left, 1);
    }
    mb_pruner_free(p);
    return rc;
}

static int load_kind(mb_conf *c, const mb_network *net, int kind, mb_keep_choice *k) {
    double f[MB_KEEP_MAX];
    int n = 0, v[MB_KEEP_MAX];
    mb_conf_use_all(c);
    k->arrays[kind] = c->type == MB_CONF_STRING && !strcmp(c->s, "arrays");
    if (k->arrays[kind]) return MB_OK;
    if (c->type == MB_CONF_STRING && !strcmp(c->s, "nonzero")) return load_nonzero(net, kind, k);
    int rc = read_fractions(c, f, &n);
    for (int m = 0; m < k->n && !rc; m++) {
        const int all = channels_of(k, net, kind, m);
        for (int i = 0; i < n && all; i++) {
            const int kept = (int)fmax(1, floor(f[i] * all + 0.5));
            v[i] = kept == all ? 0 : kept;
        }
        if (all) rc = set_choices(k, kind, m, v, n);
    }
    return rc;
}

int mb_keep_load(mb_conf *map, const mb_network *net, mb_keep_choice **out) {
    mb_conf *g = map ? mb_conf_use(map, "keep") : NULL;
    mb_keep_keys keys;
    if (!g) return MB_OK;
    if (g->type != MB_CONF_GROUP)
        return mb_fail(MB_BADINPUT, "%s: %s must be a group { outputs = [1.0, 0.5]; ... }", mb_conf_where(g), mb_conf_key(g));
    int rc = mb_params_load(mb_keep_params, g, mb_keep_choices, &keys);
    if (rc) return rc;
    mb_params_free(mb_keep_params, &keys);
    mb_keep_choice *k = mb_calloc(1, sizeof *k);
    if (!k) return mb_nomem();
    k->n = net->n_weighted;
    k->where = mb_strdup(mb_conf_where(g));
    rc = k->where ? mb_couplings_new(net, &k->couplings) : mb_nomem();
    for (int kind = 0; kind < MB_KEEP_KINDS && !rc; kind++) {
        mb_conf *c = mb_conf_use(g, mb_keep_choices[kind]);
        k->choice[kind] = mb_calloc((size_t)k->n, sizeof *k->choice[kind]);
        k->n_choice[kind] = mb_calloc((size_t)k->n, sizeof *k->n_choice[kind]);
        rc = k->choice[kind] && k->n_choice[kind] ? (c ? load_kind(c, net, kind, k) : MB_OK) : mb_nomem();
    }
    if (rc) mb_keep_free(k);
    else *out = k;
    return rc;
}

/* --- "arrays" -------------------------------------------------------------------------------------------------------- */

typedef struct counting {
    const mb_problem *prob;
    mb_oracle *o;
    int kind, m, bits;           /* bits: of the weights; 0: as the base says */
} counting;

/* Arrays of layer I that reads IN and makes OUT channels (0: all), with the base setting under its pins. */
static int arrays_of(const counting *c, int i, int in, int out, int64_t *n) {
    mb_assign a = c->prob->menu.base;
    const bool *fixed = c->prob->fixed + (size_t)i * MB_ASSIGN_KEYS;
    if (c->bits) a.weight_bits = c->bits;
    for (int k = 0; k < MB_ASSIGN_KEYS; k++)
        if (fixed[k]) mb_assign_set(&a, k, c->prob->fixed_value[i * MB_ASSIGN_KEYS + k]);
    return c->o->arrays(c->o->ctx, i, &a, in, out, n);
}

/* Arrays of all layers that the choice of V channels concerns. */
static int total_arrays(const counting *c, int v, int64_t *total) {
    const mb_couplings *k = c->prob->keep->couplings;
    int rc = MB_OK;
    int64_t n;
    *total = 0;
    if (c->kind == MB_KEEP_INPUTS) return arrays_of(c, c->m, v, 0, total);
    const int g = k->group[c->m];
    for (int i = 0; i < k->n_weighted && !rc; i++) {
        const bool makes = k->group[i] == g, reads = k->in_group[i] == g;
        if (!makes && !reads) continue;
        rc = arrays_of(c, i, reads ? v : 0, makes ? v : 0, &n);
        if (!rc) *total += n;
    }
    return rc;
}

/* Mark the numbers of channels, of ALL, at which there are fewer arrays than with one more. */
static int mark_steps(const counting *c, int all, bool *step) {
    int64_t above = 0, n;
    int rc = total_arrays(c, all, &above);
    for (int v = all - 1; v > 0 && !rc; v--) {
        rc = total_arrays(c, v, &n);
        if (!rc && n < above) step[v] = true;
        above = n;
    }
    return rc;
}

static int fill_layer(mb_problem *prob, mb_oracle *o, int kind, int m, int all) {
    const int wb = mb_assign_key("weight_bits"), settings = (int)prob->menu.n[wb] + 1;
    bool *step = mb_calloc((size_t)all + 1, sizeof *step);
    int *list = mb_malloc((size_t)all + 1, sizeof *list), n = 0, rc = step && list ? MB_OK : mb_nomem(), done = 0;
    for (int s = 0; s < settings && !rc; s++) {
        const counting c = {prob, o, kind, m, s ? prob->menu.v[wb][s - 1] : 0};
        rc = mark_steps(&c, all, step);
        if (rc == MB_BADINPUT || rc == MB_NUMERIC) { /* not on this machine: another setting may be */
            mb_error_clear();
            rc = MB_OK;
        } else {
            done++;
        }
    }
    for (int v = all; v > 0 && !rc; v--)
        if (v == all || step[v]) list[n++] = v == all ? 0 : v;
    const int kept = n > MB_KEEP_MAX ? MB_KEEP_MAX : n;
    for (int i = 0; i < kept && !rc; i++) list[i] = list[kept > 1 ? (int)((int64_t)i * (n - 1) / (kept - 1)) : 0];
    if (!rc) rc = set_choices(prob->keep, kind, m, list, done ? kept : 1);
    mb_free(step);
    mb_free(list);
    return rc;
}

int mb_keep_fill(mb_problem *prob, mb_oracle *o) {
    mb_keep_choice *k = prob->keep;
    int rc = MB_OK;
    for (int kind = 0; k && kind < MB_KEEP_KINDS && !rc; kind++) {
        if (!k->arrays[kind]) continue;
        if (!o->arrays) return mb_fail(MB_BADINPUT, "%s: keep = \"arrays\" needs a machine with arrays to count", k->where);
        for (int m = 0; m < k->n && !rc; m++) {
            const int all = channels_of(k, o->net, kind, m);
            if (all) rc = fill_layer(prob, o, kind, m, all);
        }
        k->arrays[kind] = false;
    }
    return rc;
}

/* --- levels ---------------------------------------------------------------------------------------------------------- */

int mb_keep_level(const mb_keep_choice *k, int kind, int m, int level) {
    const int n = k->n_choice[kind][m];
    return n ? k->choice[kind][m][level < n ? level : n - 1] : 0;
}

int mb_keep_find(const mb_keep_choice *k, int kind, int m, int v) {
    for (int i = 0; i < k->n_choice[kind][m]; i++)
        if (k->choice[kind][m][i] == v) return i;
    return 0;
}

void mb_keep_follow(const mb_keep_choice *k, int lead, const mb_assign *like, int m, mb_assign *a) {
    for (int kind = 0; k && kind < MB_KEEP_KINDS; kind++) {
        const int key = mb_keep_key(kind);
        mb_assign_set(a, key, mb_keep_level(k, kind, m, mb_keep_find(k, kind, lead, mb_assign_get(like, key))));
    }
}

/* --- plans ----------------------------------------------------------------------------------------------------------- */

bool mb_plan_prunes(const mb_plan *p) {
    bool any = false;
    for (int m = 0; m < p->n; m++) any = any || p->assign[m].keep_outputs || p->assign[m].keep_inputs;
    return any;
}

int mb_plan_macs(const mb_network *net, const mb_plan *p, double *macs) {
    for (int m = 0; m < p->n; m++) macs[m] = (double)mb_layer_macs(&net->layer[net->weighted[m]]);
    if (!mb_plan_prunes(p)) return MB_OK;
    mb_couplings *c = NULL;
    int *keep = mb_malloc((size_t)p->n, sizeof *keep), *count = mb_malloc((size_t)p->n, sizeof *count);
    int rc = keep && count ? mb_couplings_new(net, &c) : mb_nomem();
    for (int m = 0; m < p->n && !rc; m++) keep[m] = p->assign[m].keep_outputs;
    bool possible = !rc && mb_prune_count(c, net, keep, count) == MB_OK;
    for (int m = 0; m < p->n && possible; m++) {
        const int all = c->in_channels[m], rows = p->assign[m].keep_inputs;
        double out = c->group[m] >= 0 ? (double)count[c->group[m]] / c->channels[c->group[m]] : 1;
        int left = c->in_group[m] >= 0 ? count[c->in_group[m]] : all;
        if (rows && rows < left) left = rows;
        macs[m] *= out * (c->follows[m] ? 1 : (double)left / all);
    }
    if (!rc && !possible) mb_error_clear();
    mb_couplings_free(c);
    mb_free(keep);
    mb_free(count);
    return rc;
}
