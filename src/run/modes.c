/* modes.c - run-time modes of a plan, and dedicated plans beside them: the search (run/modes.h) */
#include "run/modes.h"

#include <math.h>
#include <string.h>

#include "base/error.h"
#include "base/mem.h"
#include "mapping/front.h"
#include "mapping/modes.h"
#include "mapping/solver.h"
#include "mapping/space.h"
#include "run/measure.h"

#define FRONT_MAX 2000 /* points of a front that the choice of k looks at */

/* --- the space of settings: a menu over some keys, the rest as in a plan ---------------------------------------------- */

static int cost_of_plan(void *ctx, const mb_plan *plan, mb_metrics *out) {
    return mb_costing_plan(ctx, plan, NULL, NULL, NULL, out, NULL, false);
}

static int add_menu(mb_problem *prob, const char *name, const int *v, int n) {
    const int key = mb_assign_key(name);
    prob->menu.v[key] = mb_malloc((size_t)n, sizeof(int));
    if (!prob->menu.v[key]) return mb_nomem();
    memcpy(prob->menu.v[key], v, (size_t)n * sizeof(int));
    prob->menu.n[key] = (size_t)n;
    return MB_OK;
}

/* Menus over what MODES may change, or over the precisions of a dedicated plan; all other keys pinned to the plan's. */
static int problem_of(const mb_plan *plan, const mb_modes_options *o, bool dedicated, mb_problem *prob) {
    static const int skips[] = {0, 1, 2, 3, 4, 5, 6, 7};
    const size_t cells = (size_t)plan->n * MB_ASSIGN_KEYS;
    memset(prob, 0, sizeof *prob);
    prob->n = plan->n;
    prob->menu.base = plan->assign[0];
    prob->budget = (mb_metrics){HUGE_VAL, HUGE_VAL, HUGE_VAL, HUGE_VAL, HUGE_VAL};
    prob->extra.bops = prob->extra.layer_latency_s = prob->extra.accuracy_drop = prob->extra.edp_Js = prob->extra.edap_Jsm2 = HUGE_VAL;
    prob->fixed = mb_calloc(cells, sizeof *prob->fixed);
    prob->fixed_value = mb_calloc(cells, sizeof *prob->fixed_value);
    int rc = prob->fixed && prob->fixed_value ? MB_OK : mb_nomem();
    if (!rc) rc = add_menu(prob, "input_bits", o->input_bits, o->n_input);
    if (!rc) rc = add_menu(prob, "adc_bits", o->adc_bits, o->n_adc);
    if (!rc) rc = dedicated ? add_menu(prob, "weight_bits", o->weight_bits, o->n_weight) : add_menu(prob, "skip_slices", skips, 8);
    for (int m = 0; m < plan->n && !rc; m++)
        for (int k = 0; k < MB_ASSIGN_KEYS; k++) {
            const size_t at = (size_t)m * MB_ASSIGN_KEYS + (size_t)k;
            prob->fixed[at] = prob->menu.n[k] == 0 || plan->assign[m].engine == MB_DIGITAL;
            prob->fixed_value[at] = mb_assign_get(&plan->assign[m], k);
        }
    if (rc) mb_problem_free(prob);
    return rc;
}

/* --- what the settings lose --------------------------------------------------------------------------------------------- */

/* Distinct settings of all layers: SETTING[*n], and USE[layers][*n]; one mb_malloc block each. */
static int list_settings(const mb_space *sp, mb_assign **setting, bool **use, int *n) {
    size_t most = 0;
    for (int i = 0; i < sp->n; i++) most += (size_t)sp->m[i];
    mb_assign *s = mb_malloc(most, sizeof *s);
    bool *u = mb_calloc((size_t)sp->n, most * sizeof *u);
    int count = 0;
    if (!s || !u) {
        mb_free(s);
        mb_free(u);
        return mb_nomem();
    }
    for (int i = 0; i < sp->n; i++)
        for (int j = 0; j < sp->m[i]; j++) {
            int c = 0;
            while (c < count && memcmp(&s[c], &sp->choice[i][j], sizeof *s)) c++;
            if (c == count) s[count++] = sp->choice[i][j];
            u[(size_t)i * most + (size_t)c] = true;
        }
    for (int i = 1; i < sp->n; i++) memmove(u + (size_t)i * (size_t)count, u + (size_t)i * most, (size_t)count * sizeof *u);
    *setting = s;
    *use = u;
    *n = count;
    return MB_OK;
}

/* value[i][j]: measured divergence of choice j in layer i. */
static int measure_space(mb_setup *s, const mb_space *sp, const mb_modes_options *o, double **value) {
    const mb_profile *prof = NULL;
    const mb_measure_options mo = {.samples = o->samples, .trials = o->trials, .stress = 1};
    mb_assign *setting = NULL;
    mb_measured *m = NULL;
    bool *use = NULL;
    int n = 0;
    int rc = mb_point_profile(s, o->progress, &prof);
    if (!rc) rc = list_settings(sp, &setting, &use, &n);
    if (!rc) rc = mb_measure(s, prof, setting, n, use, &mo, o->progress, &m);
    for (int i = 0; i < sp->n && !rc; i++)
        for (int j = 0; j < sp->m[i]; j++)
            for (int c = 0; c < n; c++)
                if (!memcmp(&setting[c], &sp->choice[i][j], sizeof *setting)) value[i][j] = m->kl[(size_t)i * (size_t)n + (size_t)c];
    mb_measured_free(m);
    mb_free(setting);
    mb_free(use);
    return rc;
}

/* Space, its measured values and the knapsack of all metrics. */
typedef struct search {
    mb_costing *costing;
    mb_problem prob;
    mb_space *space;
    double **value;
    mb_knapsack *sack;
} search;

static void search_end(search *q) {
    mb_knapsack_free(q->sack);
    for (int i = 0; q->value && q->space && i < q->space->n; i++) mb_free(q->value[i]);
    mb_free(q->value);
    mb_space_free(q->space);
    mb_problem_free(&q->prob);
    mb_costing_free(q->costing);
}

static int search_begin(mb_setup *s, const mb_plan *plan, const mb_modes_options *o, bool dedicated, search *q) {
    const mb_network *net = s->net;
    memset(q, 0, sizeof *q);
    mb_layer_info *info = mb_calloc((size_t)net->n_weighted, sizeof *info);
    int rc = info ? problem_of(plan, o, dedicated, &q->prob) : mb_nomem();
    for (int k = 0; k < net->n_weighted && !rc; k++) {
        const mb_layer *l = &net->layer[net->weighted[k]];
        info[k] = (mb_layer_info){l->name, mb_layer_matmul(l), mb_layer_macs(l), mb_layer_params(l)};
    }
    if (!rc) rc = mb_costing_new(s->mach, &s->cell, net, &q->costing);
    mb_oracle oracle = {.ctx = q->costing, .net = net, .layer = info, .n = net->n_weighted, .cost = cost_of_plan};
    if (!rc) rc = mb_space_new(&q->prob, &oracle, 100000, &q->space);
    if (!rc && !(q->value = mb_calloc((size_t)q->space->n, sizeof *q->value))) rc = mb_nomem();
    for (int i = 0; !rc && i < q->space->n; i++)
        if (!(q->value[i] = mb_calloc((size_t)q->space->m[i], sizeof(double)))) rc = mb_nomem();
    if (!rc) rc = measure_space(s, q->space, o, q->value);
    if (!rc) rc = mb_space_knapsack(q->space, &q->prob, q->value, true, &q->sack);
    mb_free(info);
    if (rc) search_end(q);
    return rc;
}

/* True cost of assignment X, and its plan (NULL: not wanted). */
static int true_cost(const search *q, const int *x, mb_plan **plan, mb_metrics *cost) {
    mb_plan *p = NULL;
    int rc = mb_space_plan(q->space, x, &p);
    if (!rc) rc = cost_of_plan(q->costing, p, cost);
    if (rc || !plan) mb_plan_free(p);
    else *plan = p;
    return rc;
}

/* --- modes ---------------------------------------------------------------------------------------------------------------- */

/* At most FRONT_MAX points of F, evenly: INDEX in F, true costs, losses. What is not additive may bend the front: only true steps down
 * count. */
static int thin(const search *q, const mb_front *f, int metric, int *index, double *cost, double *loss, int *n) {
    const int wanted = f->n < FRONT_MAX ? f->n : FRONT_MAX;
    int rc = MB_OK;
    *n = 0;
    for (int i = 0; i < wanted && !rc; i++) {
        const int at = wanted > 1 ? (int)((int64_t)i * (f->n - 1) / (wanted - 1)) : 0;
        mb_metrics c;
        rc = true_cost(q, f->choice + (size_t)at * (size_t)f->layers, NULL, &c);
        const double x = rc ? 0 : mb_metric_get(&c, metric);
        if (rc || (*n && !(x > cost[*n - 1] && f->value[at] < loss[*n - 1]))) continue;
        index[*n] = at;
        cost[*n] = x;
        loss[(*n)++] = f->value[at];
    }
    return rc;
}

/* Points PICK[n] of the front as modes of the plan, the most exact first. */
static int add_modes(const search *q, const mb_front *f, const int *index, const int *pick, int n, mb_plan *plan, mb_mode_found *found) {
    int rc = MB_OK;
    for (int i = 0; i < n && !rc; i++) {
        const int at = index[pick[n - 1 - i]];
        mb_plan *p = NULL;
        char name[32];
        snprintf(name, sizeof name, "mode%d", i + 1);
        rc = true_cost(q, f->choice + (size_t)at * (size_t)f->layers, &p, &found[i].cost);
        found[i].predicted = f->value[at];
        if (!rc) rc = mb_plan_add_mode(plan, name, p->assign);
        mb_plan_free(p);
    }
    return rc;
}

/* Loss of the plan itself in the table; +inf when its settings are not in the menus. */
static double plan_value(const search *q, const mb_plan *plan) {
    double sum = 0;
    for (int i = 0; i < q->space->n; i++) {
        double v = HUGE_VAL;
        for (int j = 0; j < q->space->m[i]; j++)
            if (!memcmp(&q->space->choice[i][j], &plan->assign[i], sizeof plan->assign[i])) v = q->value[i][j];
        sum += v;
    }
    return sum;
}

int mb_modes_find(mb_setup *s, mb_plan *plan, const mb_modes_options *o, mb_mode_found *found, int *n, int *front) {
    search q;
    mb_front f = {0};
    mb_metrics own;
    *n = *front = 0;
    int rc = search_begin(s, plan, o, false, &q);
    if (rc) return rc;
    int *index = mb_malloc(FRONT_MAX, sizeof *index), *pick = mb_malloc((size_t)(o->count > 0 ? o->count : 1), sizeof *pick), points = 0;
    double *cost = mb_malloc(FRONT_MAX, sizeof *cost), *loss = mb_malloc(FRONT_MAX, sizeof *loss);
    const mb_search work = {0};
    const int key = o->metric;
    if (!index || !pick || !cost || !loss) rc = mb_nomem();
    if (!rc) rc = mb_front_exact(q.sack, &key, 1, &work, &f);
    if (!rc) rc = cost_of_plan(q.costing, plan, &own);
    if (!rc) rc = thin(&q, &f, o->metric, index, cost, loss, &points);
    if (!rc) {
        const double base = plan_value(&q, plan), corner = (isfinite(base) ? base : 0) + o->max_loss;
        *front = f.n;
        rc = mb_modes_cover(cost, loss, points, o->count, mb_metric_get(&own, o->metric), corner, pick, n, NULL);
    }
    if (!rc && *n == 0)
        rc = mb_fail(MB_NUMERIC, "no setting of the programmed cells needs less %s than the plan and loses less than %g nats", mb_metric_params[o->metric].name,
                     o->max_loss);
    if (!rc) rc = add_modes(&q, &f, index, pick, *n, plan, found);
    mb_front_free(&f);
    mb_free(index);
    mb_free(pick);
    mb_free(cost);
    mb_free(loss);
    search_end(&q);
    return rc;
}

int mb_modes_dedicated(mb_setup *s, const mb_plan *base, const mb_modes_options *o, const double *limit, int n, mb_plan **plan) {
    search q;
    for (int i = 0; i < n; i++) plan[i] = NULL;
    int rc = search_begin(s, base, o, true, &q);
    if (rc) return rc;
    for (int i = 0; i < n && !rc; i++) {
        const mb_search work = {0};
        double most = limit[i] - mb_metric_get(&q.space->shared, o->metric);
        for (int tries = 0; tries < 8 && !rc && !plan[i]; tries++) {
            mb_answer a = {0};
            mb_metrics cost;
            mb_plan *p = NULL;
            q.sack->limit[o->metric] = most;
            rc = mb_solver_run(mb_solver_find("exact"), NULL, q.sack, &work, &a);
            if (!rc && a.n > 0) rc = true_cost(&q, a.a[0].choice, &p, &cost);
            if (!rc && p && mb_metric_get(&cost, o->metric) <= limit[i] * (1 + 1e-9)) plan[i] = p;
            else if (p) most -= mb_metric_get(&cost, o->metric) - limit[i], mb_plan_free(p); /* what is not additive */
            const bool none = a.n == 0;
            mb_answer_free(&a);
            if (none) break;
        }
    }
    if (rc)
        for (int i = 0; i < n; i++) {
            mb_plan_free(plan[i]);
            plan[i] = NULL;
        }
    search_end(&q);
    return rc;
}
