/* mixed_solve.c - from tables of sensitivities and costs to assignments: problems, products of costs, what to say when nothing fits
 *
 * Who may call: mapping/mixed.c.
 */
#include "mapping/mixed_internal.h"

#include <math.h>
#include <string.h>

#include "base/error.h"
#include "base/mem.h"

enum { MAX_DIRECTIONS = 64 };
/* Nodes of the exact solver, where map.max_work does not say: for one table, and for all directions of a product together. Some microseconds each; far more than usual tables
 * need, but there are some on which a proof takes hours. */
#define NODES 2000000
#define NODES_IN_ALL 10000000

/* --- tables to problems --------------------------------------------------------------------------------------------------- */

double mb_job_predicted(const mb_job *j, const int *x) {
    double s = 0;
    for (int i = 0; i < j->space->n; i++) s += j->sens.value[i][x[i]];
    if (!j->sens.pair) return s;
    size_t total = 0, p = 0;
    for (int i = 0; i < j->space->n; i++) total += (size_t)j->space->m[i];
    for (int i = 0; i < j->space->n; p += (size_t)j->space->m[i++]) {
        size_t q = 0;
        for (int h = 0; h < i; q += (size_t)j->space->m[h++]) s += 2 * j->sens.pair[(p + (size_t)x[i]) * total + q + (size_t)x[h]];
    }
    return s;
}

/* Values of the objective: sensitivities, or weighted metrics. */
static int objective_values(const mb_job *j, const double *w, double ***out) {
    const mb_space *s = j->space;
    double **v = mb_calloc((size_t)s->n, sizeof *v);
    if (!v) return mb_nomem();
    *out = v;
    for (int i = 0; i < s->n; i++) {
        v[i] = mb_malloc((size_t)s->m[i], sizeof **v);
        if (!v[i]) return mb_nomem();
        for (int c = 0; c < s->m[i]; c++) {
            v[i][c] = 0;
            if (!w) v[i][c] = j->sens.value[i][c];
            for (int k = 0; w && k < MB_METRICS; k++) v[i][c] += w[k] * mb_metric_get(&s->cost[i][c], k);
        }
    }
    return MB_OK;
}

/* Row: sum of sensitivities <= bound. */
static int bound_predicted(const mb_job *j, mb_knapsack *p) {
    static const double none[MB_METRICS];
    int rc = mb_space_add_row(j->space, p, none, j->opt->max_predicted, "predicted loss");
    for (int i = 0; i < p->n && !rc; i++)
        for (int c = 0; c < p->m[i]; c++) p->use[i][c * p->K + p->K - 1] = j->sens.value[i][c];
    return rc;
}

/* The problem with the objective weighted by W (NULL: the loss) and the products bounded in direction X (NULL: not). */
static int pose(const mb_job *j, const double *w, const mb_metrics *x, mb_knapsack **out) {
    double **v = NULL;
    mb_knapsack *p = NULL;
    int rc = objective_values(j, w, &v);
    if (!rc) rc = mb_space_knapsack(j->space, j->prob, v, false, &p);
    for (int i = 0; i < j->space->n && v; i++) mb_free(v[i]);
    mb_free(v);
    if (!rc && j->sens.pair && !w) {
        const size_t total = (size_t)p->total;
        p->pair = mb_malloc(total, total * sizeof *p->pair);
        if (p->pair) memcpy(p->pair, j->sens.pair, total * total * sizeof *p->pair);
        else rc = mb_nomem();
    }
    if (!rc && (j->opt->objective != 0 && isfinite(j->opt->max_predicted))) rc = bound_predicted(j, p);
    for (int k = 0, row = 0; k < MB_METRICS && !rc; k++)
        if (isfinite(mb_metric_get(&j->prob->budget, k))) p->limit[row++] -= j->lower[k];
    const double bound[2] = {j->prob->extra.edp_Js, j->prob->extra.edap_Jsm2};
    for (int e = 0; e < 2 && x && !rc; e++) {
        if (!isfinite(bound[e])) continue;
        const int d = 2 + e;
        double u[MB_METRICS] = {0}, product = bound[e], shared = 0;
        for (int k = 0; k < d; k++) {
            u[k] = 1 / mb_metric_get(x, k);
            product *= u[k];
            shared += u[k] * (mb_metric_get(&j->space->shared, k) + j->lower[k]);
        }
        rc = mb_space_add_row(j->space, p, u, d * pow(product, 1.0 / d) - shared, e ? "edap_Jsm2" : "edp_Js");
    }
    if (rc) mb_knapsack_free(p);
    else *out = p;
    return rc;
}

static double now_of(void *ctx) {
    const mb_job *j = ctx;
    return j->o->now(j->o->ctx);
}

static int on_node(void *ctx, int64_t work, double value, double bound) {
    mb_job *j = ctx;
    (void)value, (void)bound;
    if (j->o->progress && j->o->progress(j->o->ctx, "solving the table", work, work + 1)) j->stopped = true;
    return j->stopped;
}

/* BELOW: only better values are of interest (NULL: all). */
static int solve_table(mb_job *j, const mb_knapsack *p, int best, const double *below, mb_answer *a) {
    const mb_solver_type *type;
    int rc = mb_solver_named(j->opt->solver, &type);
    if (rc) return rc;
    mb_search s = {.gap = j->opt->gap,
                   .time_s = j->opt->time_s,
                   .max_work = j->opt->max_work,
                   .seed = j->seed,
                   .best = best,
                   .below = below,
                   .now = j->o->now ? now_of : NULL,
                   .progress = on_node,
                   .ctx = j};
    if (!s.max_work && strcmp(type->name, "exact") == 0) s.max_work = j->nodes < NODES ? j->nodes : NODES;
    rc = mb_solver_run(type, j->prob->solver_options, p, &s, a);
    j->nodes = a->work < j->nodes - 1 ? j->nodes - a->work : 1;
    if (!rc && j->stopped) {
        mb_answer_free(a);
        rc = mb_fail(MB_INTERRUPTED, "stopped");
    }
    return rc;
}

/* Assignments asked of the solver: more than are simulated, as many differ in nothing that counts. */
static int wanted(const mb_job *j) { return j->opt->simulate ? 8 * j->opt->candidates : j->opt->candidates; }

/* --- products --------------------------------------------------------------------------------------------------------------- */

static bool has_products(const mb_job *j) {
    return isfinite(j->prob->extra.edp_Js) || isfinite(j->prob->extra.edap_Jsm2) || j->opt->objective >= MB_OBJECTIVE_EDP;
}

/* What is compared: the loss, the metric, or the true product of the tables' sums. */
static double worth(const mb_job *j, const int *x, double value) {
    mb_metrics m;
    if (j->opt->objective < MB_OBJECTIVE_EDP) return value;
    mb_space_cost(j->space, x, &m, NULL);
    return m.energy_J * m.latency_s * (j->opt->objective == MB_OBJECTIVE_EDAP ? m.area_m2 : 1);
}

/* Weights of the objective in direction X; NULL-like for the loss: false. */
static bool direction(const mb_job *j, const mb_metrics *x, double *w) {
    memset(w, 0, MB_METRICS * sizeof *w);
    if (j->opt->objective == 0) return false;
    if (j->opt->objective < MB_OBJECTIVE_EDP) w[j->opt->objective - 1] = 1;
    else
        for (int k = 0; k < (j->opt->objective == MB_OBJECTIVE_EDAP ? 3 : 2); k++) w[k] = 1 / mb_metric_get(x, k);
    return true;
}

/* Solve in direction X; replace the answer when it is better; X follows its solution. *moved: it is a new best. */
static int along(mb_job *j, mb_metrics *x, double *best, bool *moved) {
    double w[MB_METRICS];
    mb_knapsack *p = NULL;
    mb_answer a = {0};
    *moved = false;
    int rc = pose(j, direction(j, x, w) ? w : NULL, x, &p);
    /* once there is an answer: first whether this direction has a better one, then all that are wanted */
    const bool known = isfinite(*best) && j->opt->objective < MB_OBJECTIVE_EDP && strcmp(j->opt->solver, "exact") == 0;
    bool better = true;
    if (!rc && known) {
        rc = solve_table(j, p, 1, best, &a);
        better = !rc && a.n && a.a[0].value < *best;
        mb_answer_free(&a);
    }
    if (!rc && better) rc = solve_table(j, p, wanted(j), NULL, &a);
    j->directions++;
    if (!rc && a.n) {
        double v = worth(j, a.a[0].choice, a.a[0].value);
        mb_space_cost(j->space, a.a[0].choice, x, NULL);
        if (v < *best * (1 - 1e-12 * (*best > 0 ? 1 : -1)) || (isinf(*best) && *best > 0)) {
            *best = v;
            *moved = true;
            mb_answer t = j->answer;
            j->answer = a;
            a = t;
        }
    } else if (!rc && !j->answer.n) { /* remember why not */
        mb_answer t = j->answer;
        j->answer = a;
        a = t;
    }
    mb_answer_free(&a);
    mb_knapsack_free(p);
    return rc;
}

/* Costs of all layers at their least, by metric: never zero. */
static void typical(const mb_job *j, mb_metrics *x) {
    const mb_space *s = j->space;
    *x = s->shared;
    double *v[3] = {&x->energy_J, &x->latency_s, &x->area_m2};
    for (int k = 0; k < 3; k++) {
        for (int i = 0; i < s->n; i++) {
            double log_sum = HUGE_VAL;
            for (int c = 0; c < s->m[i]; c++) log_sum = fmin(log_sum, mb_metric_get(&s->cost[i][c], k));
            *v[k] += log_sum;
        }
        if (!(*v[k] > 0)) *v[k] = 1e-300;
    }
}

static int solve_products(mb_job *j) {
    static const double ratio[] = {1, 4, 0.25, 16, 0.0625};
    const int steps = 5;
    double best = HUGE_VAL;
    mb_metrics centre;
    typical(j, &centre);
    int rc = MB_OK;
    for (int a = 0; a < steps && !rc; a++)
        for (int b = 0; b < steps && !rc; b++) {
            mb_metrics x = centre;
            bool moved = true;
            const bool three = isfinite(j->prob->extra.edap_Jsm2) || j->opt->objective == MB_OBJECTIVE_EDAP;
            if (b && !three) break;
            x.latency_s *= ratio[a];
            x.area_m2 *= ratio[b];
            for (int t = 0; t < 6 && moved && !rc && j->directions < 4 * MAX_DIRECTIONS && !(j->nodes <= 1 && j->answer.n); t++) rc = along(j, &x, &best, &moved);
        }
    return rc;
}

int mb_job_solve(mb_job *j) {
    double w[MB_METRICS];
    mb_knapsack *p = NULL;
    mb_answer_free(&j->answer);
    j->nodes = NODES_IN_ALL;
    if (has_products(j)) return solve_products(j);
    int rc = pose(j, direction(j, &j->space->shared, w) ? w : NULL, NULL, &p);
    if (!rc) rc = solve_table(j, p, wanted(j), NULL, &j->answer);
    mb_knapsack_free(p);
    return rc;
}

/* --- no plan ---------------------------------------------------------------------------------------------------------------- */

/* Least of metric K that the tables can reach. */
static double least_metric(const mb_job *j, int k) {
    double sum = mb_metric_get(&j->space->shared, k);
    for (int i = 0; i < j->space->n; i++) {
        double lo = HUGE_VAL;
        for (int c = 0; c < j->space->m[i]; c++) lo = fmin(lo, mb_metric_get(&j->space->cost[i][c], k));
        sum += lo;
    }
    return sum;
}

int mb_job_infeasible(const mb_job *j) {
    char have[48], want[48];
    const mb_problem *prob = j->prob;
    for (int k = 0; k < MB_METRICS; k++) {
        double b = mb_metric_get(&prob->budget, k), v = least_metric(j, k);
        if (v <= b) continue;
        return mb_fail(
            MB_NUMERIC,
            "%s: no plan fits budget.%s = %s: the cheapest mix of settings needs %s; raise the budget or widen the menu",
            prob->budget_where[k] ? prob->budget_where[k] : "budget", mb_metric_params[k].name,
            mb_fmt_si(want, b, mb_metric_params[k].unit, 4), mb_fmt_si(have, v, mb_metric_params[k].unit, 4));
    }
    double bops = 0;
    for (int i = 0; i < j->space->n; i++) {
        double lo = HUGE_VAL;
        for (int c = 0; c < j->space->m[i]; c++) lo = fmin(lo, j->space->bops[i][c]);
        bops += lo;
    }
    if (bops > prob->extra.bops)
        return mb_fail(
            MB_NUMERIC,
            "%s: no plan fits budget.bops = %.4g: the cheapest mix of settings needs %.4g; raise the budget or widen the menu",
            prob->extra_where[0] ? prob->extra_where[0] : "budget", prob->extra.bops, bops);
    mb_metrics x;
    typical(j, &x);
    const double product[2] = {x.energy_J * x.latency_s, mb_edap(&x)}, bound[2] = {prob->extra.edp_Js, prob->extra.edap_Jsm2};
    for (int e = 0; e < 2; e++) {
        if (!isfinite(bound[e])) continue;
        const char *where = prob->extra_where[3 + e];
        return mb_fail(MB_NUMERIC,
                       "%s: no plan was found within budget.%s = %.4g: the least of each factor alone would give %.4g; raise the "
                       "budget or widen the menu",
                       where ? where : "budget", mb_extra_names[3 + e], bound[e], product[e]);
    }
    if (j->answer.certainty != MB_IMPOSSIBLE)
        return mb_fail(
            MB_NUMERIC,
            "the solver %s found no plan within the budgets, though each can be met: try the solver exact, or raise a budget",
            j->opt->solver);
    mb_str text = {0};
    for (int k = 0; k < MB_METRICS; k++) {
        double b = mb_metric_get(&prob->budget, k);
        if (isfinite(b))
            mb_str_addf(&text, "%s%s = %s (alone at least %s)", text.n ? ", " : "", mb_metric_params[k].name,
                        mb_fmt_si(want, b, mb_metric_params[k].unit, 4),
                        mb_fmt_si(have, least_metric(j, k), mb_metric_params[k].unit, 4));
    }
    int rc = mb_fail(MB_NUMERIC, "no plan meets all budgets together (proven for the tables): %s",
                     text.n ? mb_cstr(&text) : "none is set");
    mb_str_free(&text);
    return rc;
}
