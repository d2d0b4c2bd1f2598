/* mixed.c - the search that mixed-precision policies share (mapping/mixed.h)
 *
 * Who may call: policies.
 */
#include "mapping/mixed_internal.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/mem.h"

static double clock_of(const mb_job *j) { return j->o->now ? j->o->now(j->o->ctx) : 0; }

void mb_candidate_free(mb_candidate *c) { mb_plan_free(c->plan); }

void mb_map_report_free(mb_map_report *r) {
    mb_free(r->sensitivity);
    mb_free(r->solver);
    mb_free(r->certificate);
    for (int i = 0; i < r->n; i++) mb_candidate_free(&r->candidate[i]);
    for (int i = 0; i < r->n_front; i++) mb_candidate_free(&r->front[i]);
    mb_free(r->candidate);
    mb_free(r->front);
    *r = (mb_map_report){0};
}

/* --- candidates ---------------------------------------------------------------------------------------------------------- */

/* Append the plan X with its true cost; *kept: it is within the budgets. Cost that a machine refuses (too many tiles) drops it.
 */
static int add_candidate(mb_job *j, const int *x, bool uniform, bool *kept, mb_metrics *cost) {
    mb_candidate c = {.predicted = mb_job_predicted(j, x),
                      .bound = (double)NAN,
                      .uniform = uniform,
                      .loss = {(double)NAN, (double)NAN, (double)NAN, (double)NAN, (double)NAN}};
    *kept = false;
    int rc = mb_space_plan(j->space, x, &c.plan);
    if (rc) return rc;
    for (int i = 0; i < j->n; i++)
        if (mb_plan_equal(j->list[i].plan, c.plan)) {
            j->list[i].uniform = j->list[i].uniform || uniform;
            mb_candidate_free(&c);
            *kept = true;
            return MB_OK;
        }
    rc = mb_oracle_cost(j->o, c.plan, &c.cost);
    if (cost) *cost = c.cost;
    if (rc == MB_NUMERIC || rc == MB_BADINPUT) {
        mb_error_clear();
        mb_candidate_free(&c);
        return MB_OK;
    }
    const bool bounded = j->opt->objective > 0 && c.predicted > j->opt->max_predicted * (1 + 1e-9);
    if (!rc && !bounded && mb_problem_within(j->prob, j->o, c.plan, &c.cost, NULL)) {
        mb_candidate *more = j->n < j->cap ? j->list : mb_realloc(j->list, (size_t)j->cap + 64, sizeof *more);
        if (more) {
            if (j->n == j->cap) j->list = more, j->cap += 64;
            j->list[j->n++] = c;
            *kept = true;
            return MB_OK;
        }
        rc = mb_nomem();
    }
    mb_candidate_free(&c);
    return rc;
}

static void clear_list(mb_job *j) {
    for (int i = 0; i < j->n; i++) mb_candidate_free(&j->list[i]);
    j->n = 0;
}

/* The last plan of the list goes when an earlier one is as good by the table and costs no more: only what makes a difference is simulated. */
static void drop_twin(mb_job *j) {
    if (j->n < 2) return;
    const mb_candidate *last = &j->list[j->n - 1];
    for (int c = 0; c < j->n - 1; c++) {
        bool dominated = j->list[c].predicted <= last->predicted * (1 + 1e-9);
        for (int k = 0; k < MB_METRICS && dominated; k++)
            dominated = mb_metric_get(&j->list[c].cost, k) <= mb_metric_get(&last->cost, k) * (1 + MB_KNAPSACK_TOLERANCE);
        if (!dominated) continue;
        mb_candidate_free(&j->list[--j->n]);
        return;
    }
}

static int find_plans(mb_job *j) {
    int rc = MB_OK;
    for (int turn = 0; turn < 8 && !rc; turn++) {
        rc = mb_job_solve(j);
        if (rc) return rc;
        if (!j->answer.n) return mb_job_infeasible(j);
        mb_metrics table, cost = {0};
        bool kept = false;
        for (int a = 0; a < j->answer.n && !rc && j->n < j->opt->candidates; a++) {
            bool one;
            rc = add_candidate(j, j->answer.a[a].choice, false, &one, a == 0 ? &cost : NULL);
            kept = kept || one;
            if (!rc && j->opt->simulate) drop_twin(j);
        }
        if (rc || kept) return rc;
        mb_space_cost(j->space, j->answer.a[0].choice, &table, NULL);
        for (int k = 0; k < MB_METRICS; k++) { /* what the tables did not see, and a little more */
            double miss = mb_metric_get(&cost, k) - mb_metric_get(&table, k);
            j->lower[k] = fmax(j->lower[k] * 1.5, miss * (1 + 0.25 * turn));
        }
    }
    return rc ? rc
              : mb_fail(MB_NUMERIC, "plans that meet the budgets in the tables exceed them as a whole, again and again: raise "
                                    "the budget a little");
}

/* Plans from the tables; estimates that the best of them rest on are measured, and the tables solved again, until there are none or the rounds are over. */
static int settle(mb_job *j, const mb_sensitivity_type *type, mb_conf *conf) {
    const mb_space *s = j->space;
    bool **ask = mb_calloc((size_t)s->n, sizeof *ask);
    int rc = ask ? MB_OK : mb_nomem();
    for (int i = 0; i < s->n && !rc; i++)
        if (!(ask[i] = mb_calloc((size_t)s->m[i], sizeof **ask))) rc = mb_nomem();
    bool open = true;
    while (open && !rc) {
        clear_list(j);
        rc = find_plans(j);
        j->rounds++;
        open = false;
        for (int i = 0; i < s->n && !rc; i++) {
            memset(ask[i], 0, (size_t)s->m[i] * sizeof **ask);
            for (int a = 0; a < j->answer.n; a++) {
                const int c = j->answer.a[a].choice[i];
                open = open || j->sens.estimated[i][c];
                ask[i][c] = j->sens.estimated[i][c];
            }
        }
        open = open && type->sharpen && j->rounds <= j->opt->rounds;
        const double t0 = clock_of(j);
        if (open && !rc) rc = mb_sensitivity_sharpen(type, conf, j->o, s, ask, &j->sens);
        j->sharpen_s += clock_of(j) - t0;
    }
    for (int i = 0; ask && i < s->n; i++) mb_free(ask[i]);
    mb_free(ask);
    return rc;
}

typedef struct ranked {
    double predicted;
    int choice;
} ranked;

static int by_predicted(const void *a, const void *b) {
    const ranked *x = a, *y = b;
    return x->predicted < y->predicted ? -1 : x->predicted > y->predicted ? 1 : x->choice - y->choice;
}

/* Choices of uniform plan number C (a choice of layer LEAD) for all layers: the lead's setting with each layer's own pins. False:
 * not all have it. */
static bool uniform_choice(const mb_job *j, int lead, int c, int *x) {
    const mb_space *s = j->space;
    mb_plan *p = s->plan;
    for (int i = 0; i < s->n; i++) {
        p->assign[i] = s->choice[lead][c];
        mb_keep_follow(j->prob->keep, lead, &s->choice[lead][c], i, &p->assign[i]);
    }
    mb_problem_pin(j->prob, p);
    for (int i = 0; i < s->n; i++) {
        x[i] = -1;
        for (int q = 0; q < s->m[i] && x[i] < 0; q++)
            if (memcmp(&s->choice[i][q], &p->assign[i], sizeof p->assign[i]) == 0) x[i] = q;
        if (x[i] < 0) return false;
    }
    return true;
}

/* The uniform plans with the best predictions that are within the budgets. */
static int add_uniform(mb_job *j) {
    const mb_space *s = j->space;
    int lead = 0, n = 0, rc = MB_OK;
    for (int i = 1; i < s->n; i++)
        if (s->m[i] > s->m[lead]) lead = i;
    ranked *r = mb_malloc((size_t)s->m[lead], sizeof *r);
    int *x = mb_malloc((size_t)s->n, sizeof *x);
    if (!r || !x) rc = mb_nomem();
    for (int c = 0; c < s->m[lead] && !rc; c++)
        if (uniform_choice(j, lead, c, x)) r[n++] = (ranked){mb_job_predicted(j, x), c};
    if (!rc) qsort(r, (size_t)n, sizeof *r, by_predicted);
    for (int c = 0, kept = 0; c < n && kept < j->opt->uniform && !rc; c++) {
        bool one = false;
        uniform_choice(j, lead, r[c].choice, x);
        mb_metrics table;
        mb_space_cost(s, x, &table, NULL);
        bool near = true; /* far outside: no need to ask for the true cost */
        for (int k = 0; k < MB_METRICS; k++) near = near && mb_metric_get(&table, k) <= 1.2 * mb_metric_get(&j->prob->budget, k);
        if (near) rc = add_candidate(j, x, true, &one, NULL);
        kept += one;
    }
    mb_free(r);
    mb_free(x);
    return rc;
}

/* --- simulation ---------------------------------------------------------------------------------------------------------- */

static int simulate_on(mb_job *j, mb_candidate *c, int draws) {
    if (!isnan(c->loss.loss) && c->draws >= draws) return MB_OK;
    int rc = mb_oracle_score(j->o, c->plan, j->opt->samples, draws, &c->loss);
    c->draws = draws;
    if (!rc && !isfinite(c->loss.loss)) rc = mb_fail(MB_NUMERIC, "the simulated loss of a plan is not a finite number");
    if (!rc && j->o->progress && j->o->progress(j->o->ctx, "simulating plans", j->o->n_loss, j->o->n_loss + 1))
        rc = mb_fail(MB_INTERRUPTED, "stopped");
    return rc;
}

int mb_job_simulate(mb_job *j, mb_candidate *c) { return simulate_on(j, c, j->opt->screen > 0 ? j->opt->screen : 1); }

/* What simulated plans are compared by; the loss where the oracle knows no divergence. */
static double judged(const mb_job *j, const mb_loss *l) { return j->opt->judge == 0 && isfinite(l->kl) ? l->kl : l->loss; }

/* Of candidates A and B, which one? Objectives other than the loss: the cheaper. */
static bool better(const mb_job *j, const mb_candidate *a, const mb_candidate *b) {
    if (j->opt->objective > 0) {
        double v[2];
        const mb_candidate *c[2] = {a, b};
        for (int e = 0; e < 2; e++)
            v[e] = j->opt->objective < MB_OBJECTIVE_EDP
                       ? mb_metric_get(&c[e]->cost, j->opt->objective - 1)
                       : c[e]->cost.energy_J * c[e]->cost.latency_s * (j->opt->objective == MB_OBJECTIVE_EDAP ? c[e]->cost.area_m2 : 1);
        if (v[0] < v[1] || v[0] > v[1]) return v[0] < v[1];
    }
    if (!isnan(a->loss.loss) && !isnan(b->loss.loss)) {
        const double u = judged(j, &a->loss), v = judged(j, &b->loss);
        if (u < v || u > v) return u < v;
    }
    return a->predicted < b->predicted;
}

/* --- replacements --------------------------------------------------------------------------------------------------------- */

typedef struct move {
    double predicted;
    int layer[2], choice[2]; /* layer[1] < 0: one replacement only */
} move;

typedef struct moves {
    move *m;                 /* the COUNT best, a heap with the worst on top */
    int n, count;
} moves;

static bool worse_move(const move *a, const move *b) {
    if (a->predicted < b->predicted || a->predicted > b->predicted) return a->predicted > b->predicted;
    return memcmp(a->layer, b->layer, 4 * sizeof(int)) > 0;
}

static void offer(moves *l, const move *v) {
    if (l->n == l->count && !worse_move(&l->m[0], v)) return;
    int at = l->n < l->count ? l->n++ : 0;
    l->m[at] = *v;
    if (at == 0 && l->n > 1) {
        while (true) { /* down */
            int big = at, child = 2 * at + 1;
            for (int e = child; e < child + 2 && e < l->n; e++)
                if (worse_move(&l->m[e], &l->m[big])) big = e;
            if (big == at) return;
            move t = l->m[at];
            l->m[at] = l->m[big], l->m[big] = t;
            at = big;
        }
    }
    while (at && worse_move(&l->m[at], &l->m[(at - 1) / 2])) { /* up */
        move t = l->m[at];
        l->m[at] = l->m[(at - 1) / 2], l->m[(at - 1) / 2] = t;
        at = (at - 1) / 2;
    }
}

static int by_move(const void *a, const void *b) { return worse_move(a, b) ? 1 : worse_move(b, a) ? -1 : 0; }

/* Do the tables' sums leave room, up to what they do not see? */
static bool near_budgets(const mb_job *j, const mb_metrics *m, double room) {
    const mb_problem *p = j->prob;
    for (int k = 0; k < MB_METRICS; k++)
        if (mb_metric_get(m, k) > room * mb_metric_get(&p->budget, k)) return false;
    return m->energy_J * m->latency_s <= room * p->extra.edp_Js && mb_edap(m) <= room * p->extra.edap_Jsm2;
}

static void change(mb_metrics *m, const mb_metrics *from, const mb_metrics *to) {
    m->energy_J += to->energy_J - from->energy_J;
    m->latency_s += to->latency_s - from->latency_s;
    m->area_m2 += to->area_m2 - from->area_m2;
    m->arrays += to->arrays - from->arrays;
    m->weight_bits += to->weight_bits - from->weight_bits;
}

/* Choices of layer I that no other one of it beats in value and all costs. */
static int undominated(const mb_job *j, int i, int *list, int *n) {
    const mb_space *s = j->space;
    const size_t m = (size_t)s->m[i];
    double *use = mb_malloc(m, MB_METRICS * sizeof *use);
    bool *kept = mb_malloc(m, sizeof *kept);
    int rc = use && kept ? MB_OK : mb_nomem();
    *n = 0;
    for (size_t c = 0; c < m && !rc; c++)
        for (int k = 0; k < MB_METRICS; k++) use[c * MB_METRICS + (size_t)k] = mb_metric_get(&s->cost[i][c], k);
    if (!rc) mb_knapsack_dominated(s->m[i], MB_METRICS, j->sens.value[i], use, 1, kept);
    for (int c = 0; c < s->m[i] && !rc; c++)
        if (kept[c]) list[(*n)++] = c;
    mb_free(use);
    mb_free(kept);
    return rc;
}

/* The best replacements around X by the tables, in one free layer or two. */
static int neighbours(const mb_job *j, const int *x, moves *l) {
    const mb_space *s = j->space;
    int **list = mb_calloc((size_t)s->n, sizeof *list), *n = mb_calloc((size_t)s->n, sizeof *n);
    int rc = list && n ? MB_OK : mb_nomem();
    mb_metrics here;
    mb_space_cost(s, x, &here, NULL);
    for (int i = 0; i < s->n && !rc; i++) {
        list[i] = mb_malloc((size_t)s->m[i], sizeof **list);
        rc = list[i] ? undominated(j, i, list[i], &n[i]) : mb_nomem();
    }
    for (int i = 0; i < s->n && !rc; i++)
        for (int c = 0; c < n[i] && s->group[i] < 0; c++) {
            const int p = list[i][c];
            if (p == x[i]) continue;
            mb_metrics one = here;
            change(&one, &s->cost[i][x[i]], &s->cost[i][p]);
            const double v = j->sens.value[i][p] - j->sens.value[i][x[i]];
            if (near_budgets(j, &one, 1.02)) offer(l, &(move){v, {i, -1}, {p, 0}});
            for (int h = 0; h < i; h++)
                for (int d = 0; d < n[h] && s->group[h] < 0; d++) {
                    const int q = list[h][d];
                    if (q == x[h]) continue;
                    const double both = v + j->sens.value[h][q] - j->sens.value[h][x[h]];
                    if (l->n == l->count && both > l->m[0].predicted) continue;
                    mb_metrics two = one;
                    change(&two, &s->cost[h][x[h]], &s->cost[h][q]);
                    if (near_budgets(j, &two, 1.02)) offer(l, &(move){both, {i, h}, {p, q}});
                }
        }
    for (int i = 0; list && i < s->n; i++) mb_free(list[i]);
    mb_free(list);
    mb_free(n);
    if (!rc) qsort(l->m, (size_t)l->n, sizeof *l->m, by_move);
    return rc;
}

static void choices_of(const mb_space *s, const mb_plan *plan, int *x) {
    for (int i = 0; i < s->n; i++)
        for (int c = 0; c < s->m[i]; c++)
            if (memcmp(&s->choice[i][c], &plan->assign[i], sizeof(mb_assign)) == 0) x[i] = c;
}

/* Replacements around candidate `at` in the order of their predicted change; accepted when the simulation agrees and the accuracy is kept. */
static int refine(mb_job *j, double floor_accuracy, int *at) {
    const mb_space *s = j->space;
    const int count = 4 * j->opt->refine;
    int rc = MB_OK, spent = 0, *x = mb_malloc((size_t)s->n, sizeof *x);
    moves l = {.count = count, .m = mb_malloc((size_t)count + 1, sizeof *l.m)};
    if (!x || !l.m) rc = mb_nomem();
    bool moved = true;
    while (moved && spent < j->opt->refine && !rc) {
        moved = false;
        l.n = 0;
        choices_of(s, j->list[*at].plan, x);
        rc = neighbours(j, x, &l);
        for (int e = 0; e < l.n && spent < j->opt->refine && !moved && !rc; e++) {
            const move *v = &l.m[e];
            const int before = j->n, old[2] = {x[v->layer[0]], v->layer[1] < 0 ? 0 : x[v->layer[1]]};
            bool kept;
            for (int k = 0; k < 2 && v->layer[k] >= 0; k++) x[v->layer[k]] = v->choice[k];
            rc = add_candidate(j, x, false, &kept, NULL);
            for (int k = 0; k < 2 && v->layer[k] >= 0; k++) x[v->layer[k]] = old[k];
            if (rc || j->n == before) continue;
            j->list[j->n - 1].refined = true;
            spent++;
            rc = mb_job_simulate(j, &j->list[j->n - 1]);
            const mb_candidate *c = &j->list[j->n - 1];
            if (!rc && !(c->loss.accuracy < floor_accuracy) && better(j, c, &j->list[*at])) *at = j->n - 1, moved = true;
        }
    }
    mb_free(x);
    mb_free(l.m);
    return rc;
}

/* Candidates must not lose more than budget.accuracy_drop against the plan of least sensitivities, whatever that costs. */
static int least_accuracy(mb_job *j, double *floor_accuracy) {
    *floor_accuracy = -HUGE_VAL;
    if (isinf(j->prob->extra.accuracy_drop)) return MB_OK;
    if (!j->opt->simulate) return mb_fail(MB_BADINPUT, "budget.accuracy_drop needs a policy that simulates plans: use mixbar");
    int *x = mb_calloc((size_t)j->space->n, sizeof *x);
    if (!x) return mb_nomem();
    for (int i = 0; i < j->space->n; i++)
        for (int c = 1; c < j->space->m[i]; c++)
            if (j->sens.value[i][c] < j->sens.value[i][x[i]]) x[i] = c;
    mb_plan *p = NULL;
    mb_loss l;
    int rc = mb_space_plan(j->space, x, &p);
    if (!rc) rc = mb_oracle_score(j->o, p, j->opt->samples, j->opt->screen > 0 ? j->opt->screen : 1, &l);
    if (!rc) *floor_accuracy = l.accuracy - j->prob->extra.accuracy_drop;
    mb_plan_free(p);
    mb_free(x);
    return rc;
}

/* Of candidates that keep the accuracy, the best so far among those that met DRAWS devices; -1: none. */
static int best_of(const mb_job *j, double floor_accuracy, int draws, const bool *out) {
    int at = -1;
    for (int c = 0; c < j->n; c++) {
        if ((out && out[c]) || (j->opt->simulate && (j->list[c].draws < draws || j->list[c].loss.accuracy < floor_accuracy))) continue;
        if (at < 0 || better(j, &j->list[c], &j->list[at])) at = c;
    }
    return at;
}

/* The best of the screened plans, the best uniform one among them, meet more devices. */
static int finals(mb_job *j, double floor_accuracy, int *chosen) {
    const int draws = j->opt->draws;
    if (draws <= j->opt->screen || j->opt->finalists < 2) return MB_OK;
    bool *out = mb_calloc((size_t)j->n, sizeof *out);
    if (!out) return mb_nomem();
    int rc = MB_OK, n = 0, uniform = -1;
    for (int c = 0; c < j->n; c++)
        if (j->list[c].uniform && j->list[c].loss.accuracy >= floor_accuracy && (uniform < 0 || better(j, &j->list[c], &j->list[uniform]))) uniform = c;
    int *pick = mb_malloc((size_t)j->opt->finalists + 1, sizeof *pick);
    if (!pick) rc = mb_nomem();
    while (!rc && n < j->opt->finalists) {
        const int c = best_of(j, floor_accuracy, 0, out);
        if (c < 0) break;
        out[c] = true;
        pick[n++] = c;
        if (c == uniform) uniform = -1;
    }
    if (uniform >= 0 && !rc) pick[n++] = uniform;
    for (int e = 0; e < n && !rc; e++) rc = simulate_on(j, &j->list[pick[e]], draws);
    const int at = rc ? -1 : best_of(j, floor_accuracy, draws, NULL);
    if (at >= 0) *chosen = at;
    mb_free(out);
    mb_free(pick);
    return rc;
}

/* The best plan of the table of provider NAME. One that cannot tell (a layer without derivatives) is left out with a note. */
static int add_other(mb_job *j, const char *name) {
    mb_mixed opt = *j->opt;
    opt.simulate = false;
    opt.candidates = 1;
    mb_job t = {.opt = &opt, .prob = j->prob, .o = j->o, .seed = j->seed, .space = j->space};
    const mb_sensitivity_type *type;
    int rc = mb_sensitivity_named(name, &type);
    if (rc) return rc;
    rc = mb_sensitivity_run(type, NULL, j->o, j->space, j->seed, &t.sens);
    if (rc == MB_BADINPUT) {
        mb_note_once(name, "candidates of the sensitivity %s are left out: %s", name, mb_error_message());
        mb_error_clear();
        return MB_OK;
    }
    const bool solved = !rc;
    if (!rc) rc = find_plans(&t);
    if (rc == MB_NUMERIC && solved) { /* nothing within the budgets in this table's directions */
        mb_error_clear();
        rc = MB_OK;
    }
    int *x = mb_malloc((size_t)j->space->n, sizeof *x);
    if (!rc && !x) rc = mb_nomem();
    for (int c = 0; c < t.n && !rc; c++) {
        bool kept;
        const int before = j->n;
        choices_of(j->space, t.list[c].plan, x);
        rc = add_candidate(j, x, false, &kept, NULL);
        if (j->n > before) j->list[before].other = true;
    }
    mb_free(x);
    clear_list(&t);
    mb_free(t.list);
    mb_answer_free(&t.answer);
    if (solved) mb_sensitivity_free(&t.sens);
    return rc;
}

static int add_others(mb_job *j) {
    int rc = MB_OK;
    for (const char *at = j->opt->also; at && *at && !rc;) {
        const size_t n = strcspn(at, ", ");
        char *name = n ? mb_strndup(at, n) : NULL;
        if (n && !name) return mb_nomem();
        if (n && strcmp(name, j->opt->sensitivity) != 0) rc = add_other(j, name);
        mb_free(name);
        at += n + (at[n] != '\0');
    }
    return rc;
}

static int choose(mb_job *j, int *chosen) {
    double floor_accuracy;
    int rc = least_accuracy(j, &floor_accuracy);
    if (!rc && j->opt->simulate) rc = add_others(j);
    if (!rc && j->opt->simulate && j->opt->uniform > 0) rc = add_uniform(j);
    for (int c = 0; c < j->n && !rc && j->opt->simulate; c++) rc = mb_job_simulate(j, &j->list[c]);
    if (rc) return rc;
    *chosen = best_of(j, floor_accuracy, 0, NULL);
    if (*chosen < 0) {
        double best = 0;
        for (int c = 0; c < j->n; c++) best = fmax(best, j->list[c].loss.accuracy);
        return mb_fail(MB_NUMERIC,
                       "%s: none of the %d plans within the other budgets keeps accuracy_drop = %.4g: the best has accuracy "
                       "%.4g, and %.4g is asked",
                       j->prob->extra_where[2] ? j->prob->extra_where[2] : "budget", j->n, j->prob->extra.accuracy_drop, best,
                       floor_accuracy);
    }
    if (j->opt->simulate && j->opt->refine > 0) rc = refine(j, floor_accuracy, chosen);
    if (!rc && j->opt->simulate) rc = finals(j, floor_accuracy, chosen);
    return rc;
}

/* --- the search ---------------------------------------------------------------------------------------------------------- */

/* Options of the provider: the user's, and what the policy fixes. */
static int provider_options(const mb_job *j, mb_conf **conf) {
    mb_conf *user = j->prob->sensitivity_options;
    *conf = NULL;
    if (!j->opt->entropy_gain) return MB_OK;
    *conf = user ? mb_conf_clone(user) : mb_conf_new(MB_CONF_GROUP, NULL); /* a policy that is defined by it */
    return *conf ? mb_conf_set(*conf, "gain", j->opt->entropy_gain, MB_FROM_DEFAULT) : mb_nomem();
}

static int tell(mb_job *j, mb_map_report *r, int chosen) {
    mb_str text = {0};
    mb_answer_text(&j->answer, &text);
    if (j->directions)
        mb_str_addf(&text, "; products: the best of %ld directions, each solved for itself, which is no proof for the product",
                    j->directions);
    r->sensitivity = mb_strdup(j->opt->sensitivity);
    r->solver = mb_strdup(j->opt->solver);
    r->certificate = mb_strdup(mb_cstr(&text));
    int rc = r->sensitivity && r->solver && r->certificate && !text.failed ? MB_OK : mb_nomem();
    mb_str_free(&text);
    r->enumerated = j->space->enumerated, r->impossible = j->space->impossible, r->filtered = j->space->filtered;
    r->dominated = j->answer.dropped, r->kept = j->answer.kept;
    r->work = j->answer.work;
    r->predicted = j->answer.n ? j->answer.a[0].value : (double)NAN;
    r->bound = j->answer.bound, r->gap = j->answer.gap;
    r->cost_calls = j->o->n_cost, r->loss_calls = j->o->n_loss, r->measured = j->o->n_measured;
    r->rounds = j->rounds;
    r->candidate = j->list;
    r->n = j->n;
    r->chosen = chosen;
    j->list = NULL;
    j->n = 0;
    return rc;
}

int mb_mixed_search(const mb_mixed *opt, const mb_problem *prob, mb_oracle *o, uint64_t seed, mb_plan **best) {
    mb_job j = {.opt = opt, .prob = prob, .o = o, .seed = seed};
    const mb_sensitivity_type *type;
    mb_conf *fixed = NULL;
    double t[5] = {0};
    int chosen = -1;
    mb_plan *plan = NULL;
    int rc = mb_sensitivity_named(opt->sensitivity, &type);
    if (!rc) rc = provider_options(&j, &fixed);
    mb_conf *conf = fixed ? fixed : prob->sensitivity_options;
    t[0] = clock_of(&j);
    if (!rc) rc = mb_space_new(prob, o, opt->max_choices, &j.space);
    t[1] = clock_of(&j);
    if (!rc) rc = mb_sensitivity_run(type, conf, o, j.space, seed, &j.sens);
    t[2] = clock_of(&j);
    if (!rc) rc = settle(&j, type, conf);
    t[3] = clock_of(&j);
    if (!rc) rc = choose(&j, &chosen);
    if (!rc) rc = mb_plan_clone(j.list[chosen].plan, &plan);
    t[4] = clock_of(&j);
    if (!rc && o->report) {
        mb_map_report *r = o->report;
        if (r->n_front_keys > 0) rc = mb_job_front(&j, r);
        r->space_s = t[1] - t[0], r->sensitivity_s = t[2] - t[1] + j.sharpen_s, r->solve_s = t[3] - t[2] - j.sharpen_s, r->simulate_s = t[4] - t[3];
        if (!rc) rc = tell(&j, r, chosen);
    }
    clear_list(&j);
    mb_free(j.list);
    mb_answer_free(&j.answer);
    mb_sensitivity_free(&j.sens);
    mb_space_free(j.space);
    mb_conf_free(fixed);
    if (rc) mb_plan_free(plan);
    else *best = plan;
    return rc;
}
