/* problem.c - the configuration group `map`: policy, base assignment, menu, pinned keys, budgets
 *
 * Who may call: the runner, through mb_policy_run, or tests. Budgets are in SI units, per inference of one sample.
 */
#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "base/error.h"
#include "base/mem.h"
#include "mapping/policy.h"
#include "mapping/sensitivity.h"

const mb_param mb_metric_params[] = {
    MB_REAL(mb_metrics, energy_J, "J", NULL, 0, HUGE_VAL, "energy of one inference"),
    MB_REAL(mb_metrics, latency_s, "s", NULL, 0, HUGE_VAL, "time of one inference"),
    MB_REAL(mb_metrics, area_m2, "m2", NULL, 0, HUGE_VAL, "chip area"),
    MB_REAL(mb_metrics, arrays, "", NULL, 0, HUGE_VAL, "crossbar arrays"),
    MB_REAL(mb_metrics, weight_bits, "bit", NULL, 0, HUGE_VAL, "stored weight bits in all"),
    MB_PARAM_END,
};
_Static_assert(sizeof mb_metric_params / sizeof mb_metric_params[0] == MB_METRICS + 1,
               "MB_METRICS counts the rows of mb_metric_params");
_Static_assert(sizeof(mb_metrics) == MB_METRICS * sizeof(double), "every field of mb_metrics has a row");

double mb_metric_get(const mb_metrics *m, int k) {
    double v;
    memcpy(&v, (const char *)m + mb_metric_params[k].offset, sizeof v);
    return v;
}

static void metric_set(mb_metrics *m, int k, double v) {
    memcpy((char *)m + mb_metric_params[k].offset, &v, sizeof v);
}

/* Row of the assignment key that C is named after. */
static int key_of(const mb_conf *c, int *key) {
    const char *names[MB_ASSIGN_KEYS];
    *key = mb_assign_key(c->name);
    if (*key >= 0) return MB_OK;
    for (int k = 0; k < MB_ASSIGN_KEYS; k++) names[k] = mb_assign_params[k].name;
    const char *near = mb_nearest(c->name, names, MB_ASSIGN_KEYS);
    return mb_fail(MB_BADINPUT, "%s: %s is not a key of an assignment%s%s%s", mb_conf_where(c), mb_conf_key(c),
                   near ? "; did you mean " : "", near ? near : "", near ? "?" : "");
}

/* Child NAME of MAP, which must have the type TYPE; NULL when absent. */
static int child_of(mb_conf *map, const char *name, mb_conf_type type, const char *what, mb_conf **out) {
    *out = map ? mb_conf_use(map, name) : NULL;
    if (*out && (*out)->type != type)
        return mb_fail(MB_BADINPUT, "%s: %s must be %s", mb_conf_where(*out), mb_conf_key(*out), what);
    return MB_OK;
}

static int load_menu(mb_conf *map, mb_menu *menu) {
    mb_conf *g;
    int rc = child_of(map, "menu", MB_CONF_GROUP, "a group { KEY = [ ... ]; ... }", &g);
    for (size_t i = 0; !rc && g && i < g->n; i++) {
        mb_conf *c = g->child[i];
        int key;
        if ((rc = key_of(c, &key))) break;
        if (key == mb_keep_key(MB_KEEP_OUTPUTS) || key == mb_keep_key(MB_KEEP_INPUTS))
            return mb_fail(MB_BADINPUT, "%s: %s: channels to keep are chosen in map.keep = { outputs = [ ... ]; inputs = [ ... ]; }",
                           mb_conf_where(c), mb_conf_key(c));
        mb_conf_use_all(c);
        size_t n = c->type == MB_CONF_LIST ? c->n : 1;
        if (n == 0) return mb_fail(MB_BADINPUT, "%s: %s is an empty list", mb_conf_where(c), mb_conf_key(c));
        menu->v[key] = mb_calloc(n, sizeof *menu->v[key]);
        if (!menu->v[key]) return mb_nomem();
        for (size_t k = 0; k < n; k++) {
            const mb_conf *e = c->type == MB_CONF_LIST ? c->child[k] : c;
            if ((rc = mb_assign_parse(key, e, &menu->v[key][k]))) return rc;
            for (size_t j = 0; j < k; j++)
                if (menu->v[key][j] == menu->v[key][k])
                    return mb_fail(MB_BADINPUT, "%s: %s holds the same value twice", mb_conf_where(e), mb_conf_key(c));
        }
        menu->n[key] = n;
    }
    return rc;
}

/* Pin the keys of group G (its key `name` aside) for layer M. */
static int pin_group(mb_conf *g, int m, mb_problem *prob) {
    for (size_t i = 0; i < g->n; i++) {
        mb_conf *c = g->child[i];
        int key, value, rc;
        if (strcmp(c->name, "name") == 0) continue;
        if ((rc = key_of(c, &key)) || (rc = mb_assign_parse(key, c, &value))) return rc;
        mb_conf_use_all(c);
        if (m < 0) continue;
        prob->fixed[m * MB_ASSIGN_KEYS + key] = true;
        prob->fixed_value[m * MB_ASSIGN_KEYS + key] = value;
    }
    return MB_OK;
}

static int pin_layers(mb_conf *list, const mb_network *net, mb_problem *prob) {
    int rc = MB_OK;
    bool *seen = mb_calloc((size_t)net->n_weighted, sizeof *seen);
    const char **names = mb_calloc((size_t)net->n_weighted, sizeof *names);
    if (!seen || !names) rc = mb_nomem();
    for (int m = 0; !rc && m < net->n_weighted; m++) names[m] = net->layer[net->weighted[m]].name;
    for (size_t i = 0; !rc && i < list->n; i++) {
        mb_conf *g = list->child[i];
        mb_conf *name = g->type == MB_CONF_GROUP ? mb_conf_use(g, "name") : NULL;
        if (!name || name->type != MB_CONF_STRING) {
            rc = mb_fail(MB_BADINPUT, "%s: each element of %s must be a group { name = \"LAYER\"; KEY = VALUE; ... }",
                         mb_conf_where(g), mb_conf_key(list));
            break;
        }
        int m = 0;
        while (m < net->n_weighted && strcmp(names[m], name->s) != 0) m++;
        if (m == net->n_weighted) {
            const char *near = mb_nearest(name->s, names, (size_t)net->n_weighted);
            rc = mb_fail(MB_BADINPUT, "%s: network %s has no weighted layer %s%s%s%s", mb_conf_where(name),
                         net->name ? net->name : "", name->s, near ? "; did you mean " : "; `mixbar show network` lists them",
                         near ? near : "", near ? "?" : "");
        } else if (seen[m]) {
            rc = mb_fail(MB_BADINPUT, "%s: layer %s is pinned twice", mb_conf_where(name), name->s);
        } else {
            seen[m] = true;
            rc = pin_group(g, m, prob);
        }
    }
    mb_free(seen);
    mb_free(names);
    return rc;
}

static int load_pins(mb_conf *map, const mb_network *net, mb_problem *prob) {
    static const char shape[] = "a group { KEY = VALUE; ... }";
    mb_conf *first, *last, *layers;
    int rc;
    if ((rc = child_of(map, "first", MB_CONF_GROUP, shape, &first)) ||
        (rc = child_of(map, "last", MB_CONF_GROUP, shape, &last)) ||
        (rc = child_of(map, "layers", MB_CONF_LIST, "a list ( { name = \"LAYER\"; KEY = VALUE; ... }, ... )", &layers)))
        return rc;
    mb_conf *ends[2] = {first, last};
    for (int e = 0; e < 2; e++) {
        if (!ends[e]) continue;
        mb_conf *name = mb_conf_find(ends[e], "name");
        if (name)
            return mb_fail(MB_BADINPUT, "%s: %s pins a layer by its place and takes no name", mb_conf_where(name),
                           mb_conf_key(ends[e]));
        if ((rc = pin_group(ends[e], e == 0 ? (prob->n ? 0 : -1) : prob->n - 1, prob))) return rc;
    }
    return layers ? pin_layers(layers, net, prob) : MB_OK;
}

/* A positive number at C. */
static int positive(const mb_conf *c, const char *unit) {
    if ((c->type == MB_CONF_REAL || c->type == MB_CONF_INT) && c->r > 0) return MB_OK;
    return mb_fail(MB_BADINPUT, "%s: %s must be a positive number%s%s", mb_conf_where(c), mb_conf_key(c), unit[0] ? " in " : "",
                   unit);
}

static int load_budget(mb_conf *map, mb_problem *prob) {
    mb_conf *g;
    double *extra = &prob->extra.bops;
    for (int k = 0; k < MB_METRICS; k++) metric_set(&prob->budget, k, HUGE_VAL);
    for (int k = 0; k < MB_EXTRA; k++) extra[k] = HUGE_VAL;
    int rc = child_of(map, "budget", MB_CONF_GROUP, "a group { energy_J = ...; ... }", &g);
    for (size_t i = 0; !rc && g && i < g->n; i++) {
        mb_conf *c = g->child[i];
        const char *names[MB_METRICS + MB_EXTRA];
        int k = 0;
        for (int j = 0; j < MB_METRICS; j++) names[j] = mb_metric_params[j].name;
        for (int j = 0; j < MB_EXTRA; j++) names[MB_METRICS + j] = mb_extra_names[j];
        while (k < MB_METRICS + MB_EXTRA && strcmp(names[k], c->name) != 0) k++;
        if (k == MB_METRICS + MB_EXTRA) {
            const char *near = mb_nearest(c->name, names, MB_METRICS + MB_EXTRA);
            return mb_fail(MB_BADINPUT, "%s: %s is not a budget%s%s%s", mb_conf_where(c), mb_conf_key(c),
                           near ? "; did you mean "
                                : "; there are energy_J, latency_s, area_m2, arrays, weight_bits, bops, edp_Js, edap_Jsm2, "
                                  "layer_latency_s, accuracy_drop",
                           near ? near : "", near ? "?" : "");
        }
        mb_conf_use_all(c);
        if ((rc = positive(c, k < MB_METRICS ? mb_metric_params[k].unit : ""))) return rc;
        char **where = k < MB_METRICS ? &prob->budget_where[k] : &prob->extra_where[k - MB_METRICS];
        if (k < MB_METRICS) metric_set(&prob->budget, k, c->r);
        else extra[k - MB_METRICS] = c->r;
        *where = mb_strdup(mb_conf_where(c));
        if (!*where) return mb_nomem();
    }
    return rc;
}

/* tied = ( ("a", "b"), ("c", "d", "e") ) */
static int load_ties(mb_conf *map, const mb_network *net, mb_problem *prob) {
    static const char shape[] = "a list of lists of layers ( (\"conv1\", \"conv2\"), ... )";
    mb_conf *list;
    int rc = child_of(map, "tied", MB_CONF_LIST, shape, &list);
    if (rc || !list) return rc;
    mb_conf_use_all(list);
    prob->tie = mb_calloc((size_t)prob->n, sizeof *prob->tie);
    const char **names = mb_calloc((size_t)prob->n, sizeof *names);
    if (!prob->tie || !names) rc = mb_nomem();
    for (int m = 0; m < prob->n && !rc; m++) prob->tie[m] = -1, names[m] = net->layer[net->weighted[m]].name;
    for (size_t g = 0; g < list->n && !rc; g++) {
        const mb_conf *c = list->child[g];
        if (c->type != MB_CONF_LIST) rc = mb_fail(MB_BADINPUT, "%s: %s must be %s", mb_conf_where(c), mb_conf_key(list), shape);
        for (size_t e = 0; !rc && e < c->n; e++) {
            const mb_conf *name = c->child[e];
            int m = 0;
            while (m < prob->n && !(name->type == MB_CONF_STRING && strcmp(names[m], name->s) == 0)) m++;
            const char *near = m == prob->n && name->type == MB_CONF_STRING ? mb_nearest(name->s, names, (size_t)prob->n) : NULL;
            if (m == prob->n)
                rc = mb_fail(MB_BADINPUT, "%s: network %s has no weighted layer %s%s%s%s", mb_conf_where(name),
                             net->name ? net->name : "", name->type == MB_CONF_STRING ? name->s : "that is no name",
                             near ? "; did you mean " : "", near ? near : "", near ? "?" : "");
            else if (prob->tie[m] >= 0) rc = mb_fail(MB_BADINPUT, "%s: layer %s is tied twice", mb_conf_where(name), name->s);
            else prob->tie[m] = (int)g;
        }
    }
    mb_free(names);
    return rc;
}

/* Groups whose keys belong to whatever the policy names: they are checked when the search begins. */
static int load_options(mb_conf *map, mb_problem *prob) {
    int rc = child_of(map, "solver_options", MB_CONF_GROUP, "a group { KEY = VALUE; ... }", &prob->solver_options);
    if (!rc) rc = child_of(map, "sensitivity_options", MB_CONF_GROUP, "a group { KEY = VALUE; ... }", &prob->sensitivity_options);
    if (!rc && prob->solver_options) mb_conf_use_all(prob->solver_options);
    if (!rc && prob->sensitivity_options) mb_conf_use_all(prob->sensitivity_options);
    return rc;
}

static const char *const own_keys[] = {"policy", "menu", "first",          "last",                "layers",  "budget",
                                       "tied",   "keep", "solver_options", "sensitivity_options", "finetune"};
#define N_OWN (sizeof own_keys / sizeof own_keys[0])

const mb_param mb_finetune_params[] = {
    MB_INT(mb_finetune_keys, epochs, "", "4", 0, 100000, "training under the plan before it is judged; 0: none"),
    MB_PARAM_END,
};

int mb_finetune_load(mb_conf *map, mb_finetune_keys *keys) {
    mb_conf *g;
    *keys = (mb_finetune_keys){0};
    int rc = child_of(map, "finetune", MB_CONF_GROUP, "a group { epochs = N; }", &g);
    return rc || !g ? rc : mb_params_load(mb_finetune_params, g, NULL, keys);
}

/* Is one of the sensitivities in the list C ("fisher, alps"; may be NULL) of those that train? */
static bool names_training(const mb_conf *c) {
    for (const char *at = c && c->type == MB_CONF_STRING ? c->s : ""; *at;) {
        const size_t n = strcspn(at, ", ");
        for (int i = 0; mb_sensitivities[i]; i++)
            if (strlen(mb_sensitivities[i]->name) == n && !strncmp(mb_sensitivities[i]->name, at, n) && mb_sensitivities[i]->trains) return true;
        at += n + strspn(at + n, ", ");
    }
    return false;
}

bool mb_map_trains(mb_conf *map) {
    const mb_conf *p = map ? mb_conf_find(map, "policy") : NULL, *s = map ? mb_conf_find(map, "sensitivity") : NULL;
    const mb_policy_type *policy = p && p->type == MB_CONF_STRING ? mb_policy_find(p->s) : NULL;
    mb_finetune_keys keys = {0};
    if (map && mb_conf_find(map, "finetune") && mb_finetune_load(map, &keys)) mb_error_clear(); /* told by mb_problem_load */
    if (keys.epochs > 0 || (policy && policy->trains)) return true;
    return names_training(s) || names_training(map ? mb_conf_find(map, "also") : NULL);
}

static int find_policy(mb_conf *map, const mb_policy_type **type) {
    mb_conf *c = map ? mb_conf_use(map, "policy") : NULL;
    if (map && !c) {
        int rc = mb_conf_set(map, "policy", "\"" MB_DEFAULT_POLICY "\"", MB_FROM_DEFAULT);
        if (rc) return rc;
        c = mb_conf_use(map, "policy");
    }
    if (c && c->type != MB_CONF_STRING)
        return mb_fail(MB_BADINPUT, "%s: %s must be the name of a policy in quotes", mb_conf_where(c), mb_conf_key(c));
    *type = mb_policy_find(c ? c->s : MB_DEFAULT_POLICY);
    if (*type) return MB_OK;
    if (!c) return mb_fail(MB_BUG, "the default policy is not registered");
    const char *names[64];
    size_t n = 0;
    for (; n < 64 && mb_policies[n]; n++) names[n] = mb_policies[n]->name;
    return mb_conf_unknown(c, "policy", names, n);
}

int mb_policy_load(mb_conf *map, const mb_policy_type **type, void **params) {
    const char *also[MB_ASSIGN_KEYS + N_OWN + 1];
    size_t n = 0;
    *params = NULL;
    int rc = find_policy(map, type);
    if (rc || !(*type)->params) return rc;
    for (size_t i = 0; i < N_OWN; i++) also[n++] = own_keys[i];
    for (int k = 0; k < MB_ASSIGN_KEYS; k++) also[n++] = mb_assign_params[k].name;
    also[n] = NULL;
    void *p = mb_calloc(1, (*type)->size ? (*type)->size : 1);
    if (!p) return mb_nomem();
    if ((rc = mb_params_load((*type)->params, map, also, p))) mb_free(p);
    else *params = p;
    return rc;
}

void mb_policy_unload(const mb_policy_type *type, void *params) {
    if (params) mb_params_free(type->params, params);
    mb_free(params);
}

/* The base assignment; the other keys of MAP belong to us or to the policy. */
static int load_base(mb_conf *map, mb_assign *base) {
    const mb_policy_type *type;
    void *params;
    int rc = mb_policy_load(map, &type, &params);
    if (rc) return rc;
    mb_policy_unload(type, params); /* only checked here */
    size_t n = 0;
    while (type->params && type->params[n].kind != MB_P_END) n++;
    const char **also = mb_calloc(N_OWN + n + 1, sizeof *also);
    if (!also) return mb_nomem();
    for (size_t i = 0; i < N_OWN; i++) also[i] = own_keys[i];
    for (size_t i = 0; i < n; i++) also[N_OWN + i] = type->params[i].name;
    rc = mb_params_load(mb_assign_params, map, also, base);
    mb_free(also);
    if (!rc && (base->keep_outputs || base->keep_inputs)) {
        const mb_conf *c = mb_conf_find(map, base->keep_outputs ? "keep_outputs" : "keep_inputs");
        rc = mb_fail(MB_BADINPUT, "%s: %s is a number of channels of one layer: set it in map.layers, or a fraction for all in map.keep",
                     mb_conf_where(c), mb_conf_key(c));
    }
    return rc;
}

int mb_problem_load(mb_conf *map, const mb_network *net, mb_problem *prob) {
    size_t cells = (size_t)net->n_weighted * MB_ASSIGN_KEYS;
    *prob = (mb_problem){.n = net->n_weighted};
    if (map && map->type != MB_CONF_GROUP)
        return mb_fail(MB_BADINPUT, "%s: %s must be a group { policy = ...; ... }", mb_conf_where(map), mb_conf_key(map));
    prob->fixed = mb_calloc(cells, sizeof *prob->fixed);
    prob->fixed_value = mb_calloc(cells, sizeof *prob->fixed_value);
    int rc = prob->fixed && prob->fixed_value ? load_base(map, &prob->menu.base) : mb_nomem();
    if (!rc) rc = load_menu(map, &prob->menu);
    if (!rc) rc = load_pins(map, net, prob);
    if (!rc) rc = load_budget(map, prob);
    if (!rc) rc = load_ties(map, net, prob);
    if (!rc) rc = mb_keep_load(map, net, &prob->keep);
    if (!rc) rc = load_options(map, prob);
    mb_finetune_keys finetune;
    if (!rc) rc = mb_finetune_load(map, &finetune); /* only checked here */
    if (rc) mb_problem_free(prob);
    return rc;
}

void mb_problem_free(mb_problem *prob) {
    for (int k = 0; k < MB_ASSIGN_KEYS; k++) mb_free(prob->menu.v[k]);
    for (int k = 0; k < MB_METRICS; k++) mb_free(prob->budget_where[k]);
    for (int k = 0; k < MB_EXTRA; k++) mb_free(prob->extra_where[k]);
    mb_free(prob->tie);
    mb_keep_free(prob->keep);
    mb_free(prob->fixed);
    mb_free(prob->fixed_value);
    *prob = (mb_problem){0};
}

void mb_problem_pin(const mb_problem *prob, mb_plan *plan) {
    for (int m = 0; m < prob->n && m < plan->n; m++)
        for (int k = 0; k < MB_ASSIGN_KEYS; k++)
            if (prob->fixed[m * MB_ASSIGN_KEYS + k])
                mb_assign_set(&plan->assign[m], k, prob->fixed_value[m * MB_ASSIGN_KEYS + k]);
}
