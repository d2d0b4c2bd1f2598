/* policy_uniform.c - one setting for all layers
 *
 * Without a menu: the base assignment with its pins. With a menu: every setting of the cross product is costed; of those within
 * the budgets the one with the smallest loss is returned, ties by the smallest energy x latency x area, then by the order of the
 * menu. The loss is asked only when more than one setting is left, and once per setting. It is the yardstick of every other
 * policy.
 */
#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "base/error.h"
#include "base/mem.h"
#include "mapping/policy.h"

typedef struct {
    int max_settings;
} uniform_params;

static const mb_param uniform_table[] = {
    MB_INT(uniform_params, max_settings, "", "100000", 1, 100000000, "largest number of settings that the menu may span"),
    MB_PARAM_END,
};

/* Setting number I of the menu (the last key turns fastest); what is left of I counts the levels of channels to keep. */
static mb_assign setting(const mb_menu *menu, size_t *i) {
    mb_assign a = menu->base;
    for (int k = MB_ASSIGN_KEYS; k-- > 0;) {
        if (!menu->n[k]) continue;
        mb_assign_set(&a, k, menu->v[k][*i % menu->n[k]]);
        *i /= menu->n[k];
    }
    return a;
}

/* Levels of channels to keep that a policy which treats all layers alike can choose of. */
static size_t keep_levels(const mb_problem *prob, int kind) {
    return prob->keep && prob->keep->levels[kind] ? (size_t)prob->keep->levels[kind] : 1;
}

/* Lay setting number I on all layers, with their pins. */
static void lay(const mb_problem *prob, size_t i, mb_plan *plan) {
    const mb_assign a = setting(&prob->menu, &i);
    for (int m = 0; m < plan->n; m++) plan->assign[m] = a;
    for (int kind = 0; prob->keep && kind < MB_KEEP_KINDS; kind++) {
        const size_t n = keep_levels(prob, kind);
        for (int m = 0; m < plan->n; m++)
            mb_assign_set(&plan->assign[m], mb_keep_key(kind), mb_keep_level(prob->keep, kind, m, (int)(i % n)));
        i /= n;
    }
    mb_problem_pin(prob, plan);
}

/* NULL, or why a layer of the plan is impossible on any machine. */
static const char *plan_fault(const mb_plan *plan, int *layer) {
    for (*layer = 0; *layer < plan->n; (*layer)++) {
        const char *fault = mb_assign_fault(&plan->assign[*layer]);
        if (fault) return fault;
    }
    return NULL;
}

typedef struct {
    size_t index;
    mb_metrics cost;
} candidate;

/* Costs all settings; those within the budgets go to cand[0 .. *n-1]. */
static int cost_all(const mb_problem *prob, mb_oracle *o, size_t total, mb_plan *plan, candidate *cand, size_t *n) {
    mb_shortfall lack;
    size_t impossible = 0;
    int first = MB_OK; /* how the first impossible setting failed */
    char why[400] = "";
    mb_shortfall_init(&lack);
    *n = 0;
    for (size_t i = 0; i < total; i++) {
        mb_metrics m;
        int layer;
        lay(prob, i, plan);
        const char *fault = plan_fault(plan, &layer);
        int rc = fault ? mb_fail(MB_BADINPUT, "layer %s: %s", plan->layer[layer], fault) : mb_oracle_cost(o, plan, &m);
        if ((rc == MB_BADINPUT || rc == MB_NUMERIC) && total > 1) { /* impossible or too large for this machine: not a choice */
            if (!impossible++) {
                snprintf(why, sizeof why, "%s", mb_error_message());
                first = rc;
            }
            mb_error_clear();
            continue;
        }
        if (rc) return mb_context(rc, "while costing setting %zu of %zu of the menu", i + 1, total);
        mb_shortfall_add(&lack, prob, &m, mb_plan_bops(o, plan));
        if (mb_problem_within(prob, o, plan, &m, NULL)) cand[(*n)++] = (candidate){i, m};
    }
    if (impossible == total)
        return mb_fail(first, "none of the %zu settings of the menu is possible on this machine; the first: %s", total, why);
    if (impossible)
        mb_note("%zu of %zu settings of the menu are impossible on this machine and left out; the first: %s", impossible, total,
                why);
    return *n ? MB_OK : mb_shortfall_fail(&lack, prob);
}

int mb_uniform_search(int max_settings, const mb_problem *prob, mb_oracle *o, mb_plan **best) {
    mb_plan *plan = NULL;
    candidate *cand = NULL;
    size_t total = 1, n = 0, pick = 0;
    for (int e = 1; e < 3; e++)
        if (isfinite((&prob->extra.bops)[e]))
            return mb_fail(MB_BADINPUT, "%s: the policy uniform knows no budget.%s: use mixbar",
                           prob->extra_where[e] ? prob->extra_where[e] : "budget", mb_extra_names[e]);
    for (int k = 0; k < MB_ASSIGN_KEYS + MB_KEEP_KINDS; k++) {
        const size_t choices = k < MB_ASSIGN_KEYS ? prob->menu.n[k] : keep_levels(prob, k - MB_ASSIGN_KEYS);
        if (choices < 2) continue;
        total *= choices;
        if (total > (size_t)max_settings)
            return mb_fail(MB_BADINPUT,
                           "the menu spans more than max_settings = %d uniform settings; shorten it or raise map.max_settings",
                           max_settings);
    }
    int rc = mb_plan_new(o->net, &prob->menu.base, &plan);
    if (rc) return rc;
    cand = mb_malloc(total, sizeof *cand);
    if (!cand) rc = mb_nomem();
    if (!rc) rc = cost_all(prob, o, total, plan, cand, &n);
    double least = HUGE_VAL;
    for (size_t i = 0; !rc && n > 1 && i < n; i++) {
        mb_loss loss;
        lay(prob, cand[i].index, plan);
        rc = mb_oracle_loss(o, plan, &loss);
        if (!rc && !isfinite(loss.loss)) rc = mb_fail(MB_NUMERIC, "the loss of a plan is not a finite number");
        if (rc) {
            mb_str text = {0};
            mb_assign_write(&plan->assign[0], &text);
            rc = mb_context(rc, "while evaluating the uniform setting %s", mb_cstr(&text));
            mb_str_free(&text);
        } else if (loss.loss < least || (loss.loss == least && mb_edap(&cand[i].cost) < mb_edap(&cand[pick].cost))) {
            least = loss.loss;
            pick = i;
        }
    }
    if (!rc) {
        lay(prob, cand[pick].index, plan);
        *best = plan;
        plan = NULL;
    }
    mb_free(cand);
    mb_plan_free(plan);
    return rc;
}

static int search(const void *p, const mb_problem *prob, mb_oracle *o, uint64_t seed, mb_plan **best) {
    const uniform_params *par = p;
    (void)seed;
    return mb_uniform_search(par->max_settings, prob, o, best);
}

const mb_policy_type mb_policy_uniform = {
    .name = "uniform",
    .summary = "one setting for all layers, the best of a menu",
    .reference = "the usual baseline of mixed-precision studies, see Rakka, Fouda, Khargonekar, Kurdahi, Mixed-precision neural "
                 "networks: a survey, 2022",
    .params = uniform_table,
    .size = sizeof(uniform_params),
    .search = search,
};
