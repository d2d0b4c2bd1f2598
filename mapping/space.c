/* space.c - enumeration of the layers' choices and their costs
 *
 * Who may call: see space.h.
 */
#include "mapping/space.h"

#include <math.h>
#include <string.h>

#include "base/error.h"
#include "base/mem.h"

void mb_space_free(mb_space *s) {
    if (!s) return;
    for (int i = 0; i < s->n; i++) {
        if (s->choice) mb_free(s->choice[i]);
        if (s->cost) mb_free(s->cost[i]);
        if (s->bops) mb_free(s->bops[i]);
    }
    mb_free(s->m);
    mb_free(s->choice);
    mb_free(s->cost);
    mb_free(s->bops);
    mb_free(s->group);
    mb_plan_free(s->plan);
    mb_free(s);
}

static double *metric_at(mb_metrics *m, int k) { return (double *)(void *)((char *)m + mb_metric_params[k].offset); }

static void metrics_minus(mb_metrics *a, const mb_metrics *b) {
    for (int k = 0; k < MB_METRICS; k++) *metric_at(a, k) -= mb_metric_get(b, k);
}

static void metrics_plus(mb_metrics *a, const mb_metrics *b) {
    for (int k = 0; k < MB_METRICS; k++) *metric_at(a, k) += mb_metric_get(b, k);
}

/* Settings of the digital engine that only crossbars have take the base's value, so that there are no twins. */
static void normalise(const mb_menu *menu, mb_assign *a) {
    static const char *const analog_only[] = {"cell_bits", "dac_bits", "adc_bits", "rows_active", "scheme", "copies"};
    if (a->engine != MB_DIGITAL) return;
    for (size_t k = 0; k < sizeof analog_only / sizeof *analog_only; k++) {
        int key = mb_assign_key(analog_only[k]);
        mb_assign_set(a, key, mb_assign_get(&menu->base, key));
    }
    if (a->dac_bits > a->input_bits) a->dac_bits = a->input_bits;
}

/* What LAYER may take for each key: its pin, its channels to keep, or the menu; n 0: the base's value. */
static void values_of(const mb_problem *prob, int layer, const int *v[MB_ASSIGN_KEYS], size_t n[MB_ASSIGN_KEYS]) {
    for (int k = 0; k < MB_ASSIGN_KEYS; k++) {
        const size_t at = (size_t)layer * MB_ASSIGN_KEYS + (size_t)k;
        v[k] = prob->fixed[at] ? &prob->fixed_value[at] : prob->menu.v[k];
        n[k] = prob->fixed[at] ? 1 : prob->menu.n[k];
    }
    for (int kind = 0; prob->keep && kind < MB_KEEP_KINDS; kind++) {
        const int k = mb_keep_key(kind);
        if (prob->fixed[(size_t)layer * MB_ASSIGN_KEYS + (size_t)k] || !prob->keep->n_choice[kind][layer]) continue;
        v[k] = prob->keep->choice[kind][layer];
        n[k] = (size_t)prob->keep->n_choice[kind][layer];
    }
}

static int enumerate(const mb_problem *prob, int layer, int max, mb_space *s) {
    const mb_menu *menu = &prob->menu;
    const int *v[MB_ASSIGN_KEYS];
    size_t n[MB_ASSIGN_KEYS], total = 1;
    values_of(prob, layer, v, n);
    for (int k = 0; k < MB_ASSIGN_KEYS; k++) {
        if (!n[k]) continue;
        total *= n[k];
        if (total > (size_t)max)
            return mb_fail(MB_BADINPUT,
                           "layer %s: the menu spans more than max_choices = %d settings; shorten it or raise map.max_choices",
                           s->plan->layer[layer], max);
    }
    mb_assign *list = mb_malloc(total, sizeof *list);
    if (!list) return mb_nomem();
    s->choice[layer] = list;
    for (size_t i = 0; i < total; i++) {
        mb_assign a = menu->base;
        size_t rest = i;
        for (int k = MB_ASSIGN_KEYS; k-- > 0;) {
            if (!n[k]) continue;
            mb_assign_set(&a, k, v[k][rest % n[k]]);
            rest /= n[k];
        }
        normalise(menu, &a);
        s->enumerated++;
        bool again = false;
        for (int j = 0; a.engine == MB_DIGITAL && j < s->m[layer] && !again; j++) again = memcmp(&list[j], &a, sizeof a) == 0;
        if (again || mb_assign_fault(&a)) {
            s->impossible++;
            continue;
        }
        list[s->m[layer]++] = a;
    }
    if (s->m[layer]) return MB_OK;
    const char *fault = "the menu leaves no setting";
    return mb_fail(MB_BADINPUT, "layer %s: %s (dac_bits larger than input_bits in all of them)", s->plan->layer[layer], fault);
}

/* Cost of the plan, or of the choice alone. MB_BADINPUT and MB_NUMERIC: this machine cannot. */
static int ask(mb_oracle *o, mb_space *s, int layer, int j, const mb_metrics *base, mb_metrics *out) {
    s->asked++;
    if (o->layer_cost) {
        o->n_cost++;
        return o->layer_cost(o->ctx, layer, &s->choice[layer][j], out);
    }
    mb_assign before = s->plan->assign[layer];
    s->plan->assign[layer] = s->choice[layer][j];
    int rc = mb_oracle_cost(o, s->plan, out);
    s->plan->assign[layer] = before;
    if (!rc) metrics_minus(out, base);
    return rc;
}

static bool finite_metrics(const mb_metrics *m) {
    for (int k = 0; k < MB_METRICS; k++)
        if (!isfinite(mb_metric_get(m, k))) return false;
    return true;
}

/* A plan that the machine can do, from which differences are taken: the base with pins, or the i-th choices of all layers. What is kept
 * is in the middle of its choices: costs are products of what a layer keeps and what the layers before it keep. */
static int find_base(const mb_problem *prob, mb_oracle *o, mb_space *s) {
    int rc = MB_OK;
    for (int kind = 0; prob->keep && kind < MB_KEEP_KINDS; kind++)
        for (int i = 0; i < s->n; i++)
            mb_assign_set(&s->plan->assign[i], mb_keep_key(kind), mb_keep_level(prob->keep, kind, i, prob->keep->n_choice[kind][i] / 2));
    mb_problem_pin(prob, s->plan);
    bool fault = false;
    for (int i = 0; i < s->n; i++) {
        normalise(&prob->menu, &s->plan->assign[i]);
        fault = fault || mb_assign_fault(&s->plan->assign[i]);
    }
    s->asked++;
    rc = fault ? MB_BADINPUT : mb_oracle_cost(o, s->plan, &s->shared);
    for (int j = 0; (rc == MB_BADINPUT || rc == MB_NUMERIC) && j < 200; j++) {
        bool more = false;
        mb_error_clear();
        for (int i = 0; i < s->n; i++) {
            s->plan->assign[i] = s->choice[i][j < s->m[i] ? j : s->m[i] - 1];
            more = more || j < s->m[i];
        }
        s->asked++;
        rc = mb_oracle_cost(o, s->plan, &s->shared);
        if (!more) break;
    }
    return rc ? mb_context(rc, "no setting of the menu can be costed on this machine") : MB_OK;
}

/* Is the layer with this setting, in the base plan, as fast as the pipeline asks? */
static int fast_enough(const mb_problem *prob, mb_oracle *o, mb_space *s, int layer, const mb_assign *a, bool *kept) {
    double t;
    mb_assign before = s->plan->assign[layer];
    s->plan->assign[layer] = *a;
    int rc = o->layer_latency(o->ctx, s->plan, layer, &t);
    s->plan->assign[layer] = before;
    *kept = !rc && t <= prob->extra.layer_latency_s;
    return rc;
}

/* Share of the MACs of LAYER that its own choice of channels leaves; what others save by it is not counted, so that a plan has at most
 * the sum of the tables. */
static double macs_left(const mb_problem *prob, int layer, const mb_assign *a) {
    if (!prob->keep) return 1;
    const mb_couplings *c = prob->keep->couplings;
    const double out = a->keep_outputs && c->group[layer] >= 0 ? (double)a->keep_outputs / c->channels[c->group[layer]] : 1;
    return out * (a->keep_inputs && !c->follows[layer] ? (double)a->keep_inputs / c->in_channels[layer] : 1);
}

static int cost_layer(const mb_problem *prob, mb_oracle *o, mb_space *s, int layer) {
    int n = 0, slow = 0, worst = MB_OK;
    char *why = NULL;
    s->cost[layer] = mb_calloc((size_t)s->m[layer], sizeof(mb_metrics));
    s->bops[layer] = mb_calloc((size_t)s->m[layer], sizeof(double));
    if (!s->cost[layer] || !s->bops[layer]) return mb_nomem();
    for (int j = 0; j < s->m[layer]; j++) {
        mb_metrics m;
        int rc = ask(o, s, layer, j, &s->shared, &m);
        if (!rc && !finite_metrics(&m))
            rc = mb_fail(MB_NUMERIC, "layer %s: the cost of a setting is not a finite number", s->plan->layer[layer]);
        if (rc && rc != MB_BADINPUT && rc != MB_NUMERIC) {
            mb_free(why);
            return rc;
        }
        if (rc) {
            if (!why) why = mb_strdup(mb_error_message()), worst = rc;
            mb_error_clear();
            s->impossible++;
            continue;
        }
        const mb_assign *a = &s->choice[layer][j];
        s->choice[layer][n] = *a;
        s->cost[layer][n] = m;
        s->bops[layer][n] = macs_left(prob, layer, a) * (double)o->layer[layer].macs * a->weight_bits * a->input_bits;
        bool kept = true;
        if (isfinite(prob->extra.layer_latency_s)) rc = fast_enough(prob, o, s, layer, a, &kept);
        if (rc) {
            mb_free(why);
            return rc;
        }
        if (kept) n++;
        else slow++;
    }
    s->m[layer] = n;
    s->filtered += slow;
    if (!n && slow) {
        mb_free(why);
        return mb_fail(
            MB_NUMERIC,
            "%s: layer %s is slower than budget.layer_latency_s = %.4g s in all its settings; raise the budget or widen the menu",
            prob->extra_where[1] ? prob->extra_where[1] : "budget", s->plan->layer[layer], prob->extra.layer_latency_s);
    }
    int rc = n ? MB_OK
               : mb_fail(worst, "layer %s: this machine can do none of its settings: %s", s->plan->layer[layer], why ? why : "");
    mb_free(why);
    return rc;
}

/* Tied layers take the same index, so their lists must be the same. */
static int check_ties(const mb_space *s) {
    for (int i = 0; i < s->n; i++)
        for (int h = 0; h < i; h++) {
            if (s->group[i] < 0 || s->group[h] != s->group[i]) continue;
            if (s->m[i] != s->m[h] || memcmp(s->choice[i], s->choice[h], (size_t)s->m[i] * sizeof(mb_assign)) != 0)
                return mb_fail(
                    MB_BADINPUT,
                    "layers %s and %s are tied but do not have the same choices: give them the same pins, or untie them",
                    s->plan->layer[h], s->plan->layer[i]);
        }
    return MB_OK;
}

int mb_space_new(const mb_problem *prob, mb_oracle *o, int max, mb_space **out) {
    mb_space *s = mb_calloc(1, sizeof *s);
    if (!s) return mb_nomem();
    s->n = prob->n;
    const size_t n = (size_t)prob->n;
    s->m = mb_calloc(n, sizeof *s->m);
    s->choice = mb_calloc(n, sizeof *s->choice);
    s->cost = mb_calloc(n, sizeof *s->cost);
    s->bops = mb_calloc(n, sizeof *s->bops);
    s->group = mb_calloc(n, sizeof *s->group);
    int rc = s->m && s->choice && s->cost && s->bops && s->group ? mb_plan_new(o->net, &prob->menu.base, &s->plan)
                                                                            : mb_nomem();
    if (!rc && isfinite(prob->extra.layer_latency_s) && !o->layer_latency)
        rc = mb_fail(MB_BADINPUT, "budget.layer_latency_s needs the times of single layers, which this run does not provide");
    for (int i = 0; i < s->n && !rc; i++) {
        s->group[i] = prob->tie ? prob->tie[i] : -1;
        rc = enumerate(prob, i, max, s);
    }
    if (!rc) rc = find_base(prob, o, s);
    if (!rc && o->layer_cost) { /* shared: what the base costs beyond its layers */
        for (int i = 0; i < s->n && !rc; i++) {
            mb_metrics m;
            rc = o->layer_cost(o->ctx, i, &s->plan->assign[i], &m);
            if (!rc) metrics_minus(&s->shared, &m);
        }
    }
    for (int i = 0; i < s->n && !rc; i++) {
        rc = cost_layer(prob, o, s, i);
        if (!rc && o->progress && o->progress(o->ctx, "costs of single layers", i + 1, s->n))
            rc = mb_fail(MB_INTERRUPTED, "stopped");
    }
    if (!rc) rc = check_ties(s);
    if (rc) mb_space_free(s);
    else *out = s;
    return rc;
}

int mb_space_plan(const mb_space *s, const int *x, mb_plan **plan) {
    int rc = mb_plan_clone(s->plan, plan);
    for (int i = 0; i < s->n && !rc; i++) (*plan)->assign[i] = s->choice[i][x[i]];
    return rc;
}

void mb_space_cost(const mb_space *s, const int *x, mb_metrics *m, double *bops) {
    double b = 0;
    *m = s->shared;
    for (int i = 0; i < s->n; i++) {
        metrics_plus(m, &s->cost[i][x[i]]);
        b += s->bops[i][x[i]];
    }
    if (bops) *bops = b;
}

int mb_space_knapsack(const mb_space *s, const mb_problem *prob, double *const *value, bool all, mb_knapsack **out) {
    int rows[MB_METRICS], K = 0;
    const bool bops = isfinite(prob->extra.bops);
    for (int k = 0; k < MB_METRICS; k++)
        if (all || isfinite(mb_metric_get(&prob->budget, k))) rows[K++] = k;
    mb_knapsack *p = NULL;
    int rc = mb_knapsack_new(s->n, K + bops, s->m, &p);
    if (rc) return rc;
    for (int i = 0; i < s->n && !rc; i++) {
        p->group[i] = s->group[i];
        p->layer[i] = mb_strdup(s->plan->layer[i]);
        if (!p->layer[i]) rc = mb_nomem();
        for (int j = 0; j < s->m[i]; j++) {
            p->value[i][j] = value[i][j];
            for (int k = 0; k < K; k++) p->use[i][j * p->K + k] = mb_metric_get(&s->cost[i][j], rows[k]);
            if (bops) p->use[i][j * p->K + K] = s->bops[i][j];
        }
    }
    for (int k = 0; k < K && !rc; k++) {
        p->limit[k] = mb_metric_get(&prob->budget, rows[k]) - mb_metric_get(&s->shared, rows[k]);
        if (!(p->limit_name[k] = mb_strdup(mb_metric_params[rows[k]].name))) rc = mb_nomem();
    }
    if (bops && !rc) {
        p->limit[K] = prob->extra.bops;
        if (!(p->limit_name[K] = mb_strdup("bops"))) rc = mb_nomem();
    }
    if (rc) mb_knapsack_free(p);
    else *out = p;
    return rc;
}

int mb_space_add_row(const mb_space *s, mb_knapsack *p, const double w[MB_METRICS], double limit, const char *name) {
    const int K = p->K;
    if (K + 1 > MB_KNAPSACK_MAX_LIMITS) return mb_fail(MB_BADINPUT, "too many budgets");
    double *limits = mb_realloc(p->limit, (size_t)K + 1, sizeof *limits);
    if (limits) p->limit = limits;
    char **names = mb_realloc(p->limit_name, (size_t)K + 1, sizeof *names);
    if (names) p->limit_name = names;
    if (!limits || !names) return mb_nomem();
    p->limit_name[K] = mb_strdup(name);
    if (!p->limit_name[K]) return mb_nomem();
    p->limit[K] = limit;
    for (int i = 0; i < p->n; i++) {
        double *use = mb_malloc((size_t)p->m[i] * (size_t)(K + 1), sizeof *use);
        if (!use) {
            mb_free(p->limit_name[K]);
            return mb_nomem();
        }
        for (int j = 0; j < p->m[i]; j++) {
            memcpy(use + (size_t)j * (size_t)(K + 1), p->use[i] + (size_t)j * (size_t)K, (size_t)K * sizeof *use);
            double sum = 0;
            for (int k = 0; k < MB_METRICS; k++) sum += w[k] * mb_metric_get(&s->cost[i][j], k);
            use[j * (K + 1) + K] = sum;
        }
        mb_free(p->use[i]);
        p->use[i] = use;
    }
    p->K = K + 1;
    return MB_OK;
}
