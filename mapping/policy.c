/* policy.c - the oracle's counters, budgets, and the run of a policy by name
 *
 * Who may call: the runner (mb_policy_run), policies (the rest).
 */
#include "mapping/policy.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "base/error.h"
#include "base/mem.h"
#include "mapping/knapsack.h"

int mb_oracle_cost(mb_oracle *o, const mb_plan *plan, mb_metrics *out) {
    o->n_cost++;
    return o->cost(o->ctx, plan, out);
}

int mb_oracle_loss(mb_oracle *o, const mb_plan *plan, mb_loss *out) {
    o->n_loss++;
    out->kl = out->kl_half_width = (double)NAN;
    return o->loss(o->ctx, plan, out);
}

int mb_oracle_score(mb_oracle *o, const mb_plan *plan, int samples, int draws, mb_loss *out) {
    if (!o->score) return mb_oracle_loss(o, plan, out);
    o->n_loss++;
    return o->score(o->ctx, plan, samples, draws, out);
}

int mb_oracle_measure(mb_oracle *o, const char *who, const mb_measure_ask *ask, mb_measurement *out) {
    if (!o->measure)
        return mb_fail(MB_BADINPUT, "the sensitivity %s measures single layers, which needs a network with weights and calibration data", who);
    for (int i = 0; i < o->n * ask->n; i++) o->n_measured += !ask->use || ask->use[i];
    return o->measure(o->ctx, ask, out);
}

int mb_oracle_curvature(mb_oracle *o, const char *who, const mb_curvature_ask *ask, const mb_curvature_tell *out) {
    if (!o->curvature)
        return mb_fail(MB_BADINPUT, "the sensitivity %s needs derivatives of the loss: a network with weights, and calibration data", who);
    return o->curvature(o->ctx, ask, out);
}

const mb_policy_type *mb_policy_find(const char *name) {
    for (size_t i = 0; mb_policies[i]; i++)
        if (strcmp(mb_policies[i]->name, name) == 0) return mb_policies[i];
    return NULL;
}

/* Up to the rounding of sums: a budget taken from a plan's cost is met by that plan. */
static bool obeys(double v, double bound) { return v <= bound * (1 + MB_KNAPSACK_TOLERANCE); }

bool mb_within(const mb_metrics *m, const mb_metrics *budget, const char **binding) {
    for (int k = 0; k < MB_METRICS; k++)
        if (!obeys(mb_metric_get(m, k), mb_metric_get(budget, k))) {
            if (binding) *binding = mb_metric_params[k].name;
            return false;
        }
    return true;
}

const char *const mb_extra_names[MB_EXTRA] = {"bops", "layer_latency_s", "accuracy_drop", "edp_Js", "edap_Jsm2"};

double mb_plan_bops(const mb_oracle *o, const mb_plan *plan) {
    double sum = 0, *macs = mb_malloc((size_t)(plan->n ? plan->n : 1), sizeof *macs);
    if (!macs || mb_plan_macs(o->net, plan, macs)) { /* without memory: no plan is within a budget */
        mb_error_clear();
        sum = HUGE_VAL;
    }
    for (int m = 0; m < plan->n && macs; m++) sum += macs[m] * plan->assign[m].weight_bits * plan->assign[m].input_bits;
    mb_free(macs);
    return sum;
}

bool mb_problem_within(const mb_problem *prob, const mb_oracle *o, const mb_plan *plan, const mb_metrics *m,
                       const char **binding) {
    if (!mb_within(m, &prob->budget, binding)) return false;
    const char *bad = NULL;
    if (!obeys(m->energy_J * m->latency_s, prob->extra.edp_Js)) bad = "edp_Js";
    else if (!obeys(mb_edap(m), prob->extra.edap_Jsm2)) bad = "edap_Jsm2";
    else if (isfinite(prob->extra.bops) && !obeys(mb_plan_bops(o, plan), prob->extra.bops)) bad = "bops";
    if (bad && binding) *binding = bad;
    return bad == NULL;
}

double mb_edap(const mb_metrics *m) {
    return m->energy_J * m->latency_s * m->area_m2;
}

void mb_shortfall_init(mb_shortfall *s) {
    s->least = (mb_metrics){HUGE_VAL, HUGE_VAL, HUGE_VAL, HUGE_VAL, HUGE_VAL};
    s->nearest = s->least;
    s->ratio = s->least_bops = s->least_edp = s->least_edap = HUGE_VAL;
    s->tried = 0;
}

void mb_shortfall_add(mb_shortfall *s, const mb_problem *prob, const mb_metrics *m, double bops) {
    double worst = 0;
    double *least[MB_METRICS] = {&s->least.energy_J, &s->least.latency_s, &s->least.area_m2, &s->least.arrays,
                                 &s->least.weight_bits};
    for (int k = 0; k < MB_METRICS; k++) {
        double v = mb_metric_get(m, k), b = mb_metric_get(&prob->budget, k);
        if (v < *least[k]) *least[k] = v;
        if (v / b > worst) worst = v / b;
    }
    if (worst < s->ratio) {
        s->ratio = worst;
        s->nearest = *m;
    }
    s->least_bops = fmin(s->least_bops, bops);
    s->least_edp = fmin(s->least_edp, m->energy_J * m->latency_s);
    s->least_edap = fmin(s->least_edap, mb_edap(m));
    s->tried++;
}

int mb_shortfall_fail(const mb_shortfall *s, const mb_problem *prob) {
    char have[48], want[48];
    for (int k = 0; k < MB_METRICS; k++) {
        double v = mb_metric_get(&s->least, k), b = mb_metric_get(&prob->budget, k);
        if (obeys(v, b)) continue;
        return mb_fail(
            MB_NUMERIC,
            "%s: no plan fits budget.%s = %s: the cheapest setting of %ld needs %s; raise the budget or widen the menu",
            prob->budget_where[k] ? prob->budget_where[k] : "budget", mb_metric_params[k].name,
            mb_fmt_si(want, b, mb_metric_params[k].unit, 4), s->tried, mb_fmt_si(have, v, mb_metric_params[k].unit, 4));
    }
    const struct { const char *name; double have, want; const char *where, *unit; } product[] = {
        {"bops", s->least_bops, prob->extra.bops, prob->extra_where[0], ""},
        {"edp_Js", s->least_edp, prob->extra.edp_Js, prob->extra_where[3], "J s"},
        {"edap_Jsm2", s->least_edap, prob->extra.edap_Jsm2, prob->extra_where[4], "J s m2"}};
    for (size_t e = 0; e < sizeof product / sizeof *product; e++)
        if (product[e].have > product[e].want && isfinite(product[e].have))
            return mb_fail(
                MB_NUMERIC,
                "%s: no plan fits budget.%s = %.4g %s: the least of %ld settings is %.4g %s; raise the budget or widen the menu",
                product[e].where ? product[e].where : "budget", product[e].name, product[e].want, product[e].unit, s->tried,
                product[e].have, product[e].unit);
    for (int k = 0; k < MB_METRICS; k++) { /* each bound can be met, but not together */
        double v = mb_metric_get(&s->nearest, k), b = mb_metric_get(&prob->budget, k);
        if (obeys(v, b)) continue;
        return mb_fail(
            MB_NUMERIC,
            "%s: none of the %ld settings meets all budgets together: the nearest needs budget.%s = %s, and %s is allowed",
            prob->budget_where[k] ? prob->budget_where[k] : "budget", s->tried, mb_metric_params[k].name,
            mb_fmt_si(have, v, mb_metric_params[k].unit, 4), mb_fmt_si(want, b, mb_metric_params[k].unit, 4));
    }
    return mb_fail(MB_NUMERIC, "no setting could be costed (%ld tried)", s->tried);
}

int mb_policy_run(mb_conf *map, mb_oracle *o, uint64_t seed, mb_plan **best) {
    const mb_policy_type *type = NULL;
    mb_problem prob;
    mb_plan *plan = NULL;
    void *params = NULL;
    int rc = mb_problem_load(map, o->net, &prob);
    if (rc) return rc;
    rc = mb_policy_load(map, &type, &params);
    if (!rc) rc = mb_keep_fill(&prob, o);
    if (rc) goto out;
    rc = type->search(params, &prob, o, seed, &plan);
    if (rc) {
        rc = mb_context(rc, "in the mapping policy %s", type->name);
        goto out;
    }
    mb_free(plan->policy);
    plan->policy = mb_strdup(type->name);
    if (!plan->policy) rc = mb_nomem();
out:
    mb_policy_unload(type, params);
    mb_problem_free(&prob);
    if (rc) mb_plan_free(plan);
    else *best = plan;
    return rc;
}
