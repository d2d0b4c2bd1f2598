/* solver.c - registry of optimisers; states that are changed step by step; limits of work and time
 *
 * Who may call: see solver.h.
 */
#include "mapping/solver.h"

#include <math.h>
#include <string.h>

#include "base/error.h"
#include "base/mem.h"

const mb_solver_type *mb_solver_find(const char *name) {
    for (size_t i = 0; mb_solvers[i]; i++)
        if (strcmp(mb_solvers[i]->name, name) == 0) return mb_solvers[i];
    return NULL;
}

int mb_solver_named(const char *name, const mb_solver_type **type) {
    *type = mb_solver_find(name ? name : MB_DEFAULT_SOLVER);
    if (*type) return MB_OK;
    const char *names[64];
    size_t n = 0;
    mb_str all = {0};
    for (; n < 64 && mb_solvers[n]; n++) {
        names[n] = mb_solvers[n]->name;
        mb_str_addf(&all, "%s%s", n ? ", " : "", names[n]);
    }
    const char *near = mb_nearest(name ? name : "", names, n);
    int rc = mb_fail(MB_BADINPUT, "there is no solver %s%s%s%s; there are %s", name ? name : "", near ? "; did you mean " : "", near ? near : "",
                     near ? "?" : "", mb_cstr(&all));
    mb_str_free(&all);
    return rc;
}

int mb_solver_run(const mb_solver_type *type, mb_conf *conf, const mb_knapsack *p, const mb_search *s, mb_answer *out) {
    static const mb_search plain;
    void *params = NULL;
    *out = (mb_answer){0};
    int rc = mb_knapsack_check(p);
    if (rc) return rc;
    if (p->pair && !type->pairwise) return mb_fail(MB_BADINPUT, "the solver %s would ignore the pairwise terms: use quadratic or anneal", type->name);
    if (type->params) {
        params = mb_calloc(1, type->size);
        if (!params) return mb_nomem();
        rc = mb_params_load(type->params, conf, NULL, params);
    }
    if (!rc) {
        rc = type->solve(params, p, s ? s : &plain, out);
        if (rc) rc = mb_context(rc, "in the solver %s", type->name);
        if (type->params) mb_params_free(type->params, params);
    }
    mb_free(params);
    return rc;
}

/* --- states ------------------------------------------------------------------------------------------------------------ */

int mb_state_init(mb_state *s, const mb_knapsack *p) {
    *s = (mb_state){.p = p};
    s->head = mb_calloc((size_t)p->n, sizeof *s->head);
    s->next = mb_calloc((size_t)p->n, sizeof *s->next);
    s->m = mb_calloc((size_t)p->n, sizeof *s->m);
    s->at = mb_calloc((size_t)p->n, sizeof *s->at);
    s->x = mb_calloc((size_t)p->n, sizeof *s->x);
    if (!s->head || !s->next || !s->m || !s->at || !s->x) {
        mb_state_free(s);
        return mb_nomem();
    }
    for (int i = 0, at = 0; i < p->n; at += p->m[i++]) {
        s->at[i] = at;
        s->next[i] = -1;
        int g = 0;
        while (g < s->n && !(p->group[i] >= 0 && p->group[s->head[g]] == p->group[i])) g++;
        if (g == s->n) {
            s->m[g] = p->m[i];
            s->head[s->n++] = i;
        } else {
            int last = s->head[g];
            while (s->next[last] >= 0) last = s->next[last];
            s->next[last] = i;
        }
    }
    for (int k = 0; k < p->K; k++) {
        double spread = 0;
        for (int i = 0; i < p->n; i++) {
            double lo = HUGE_VAL, hi = -HUGE_VAL;
            for (int j = 0; j < p->m[i]; j++) lo = fmin(lo, p->use[i][j * p->K + k]), hi = fmax(hi, p->use[i][j * p->K + k]);
            spread += hi - lo;
        }
        s->scale[k] = spread > 0 ? spread : 1;
    }
    mb_state_set(s, s->x);
    return MB_OK;
}

void mb_state_free(mb_state *s) {
    mb_free(s->head);
    mb_free(s->next);
    mb_free(s->m);
    mb_free(s->at);
    mb_free(s->x);
    *s = (mb_state){0};
}

void mb_state_set(mb_state *s, const int *x) {
    if (x != s->x) memcpy(s->x, x, (size_t)s->p->n * sizeof *x);
    s->value = mb_knapsack_value(s->p, s->x, s->use);
}

double mb_state_delta(const mb_state *s, int g, int j, double *du) {
    const mb_knapsack *p = s->p;
    const int K = p->K;
    double dv = 0;
    for (int k = 0; du && k < K; k++) du[k] = 0;
    for (int i = s->head[g]; i >= 0; i = s->next[i]) {
        dv += p->value[i][j] - p->value[i][s->x[i]];
        for (int k = 0; du && k < K; k++) du[k] += p->use[i][j * K + k] - p->use[i][s->x[i] * K + k];
    }
    if (!p->pair) return dv;
    for (int i = s->head[g]; i >= 0; i = s->next[i]) {
        const double *new = p->pair + (int64_t)(s->at[i] + j) * p->total, *old = p->pair + (int64_t)(s->at[i] + s->x[i]) * p->total;
        for (int h = 0; h < p->n; h++) {
            if (h == i) continue;
            bool inside = h == s->head[g] || (p->group[i] >= 0 && p->group[h] == p->group[i]);
            if (inside) dv += new[s->at[h] + j] - old[s->at[h] + s->x[h]]; /* the other order comes when h is i */
            else dv += 2 * (new[s->at[h] + s->x[h]] - old[s->at[h] + s->x[h]]);
        }
    }
    return dv;
}

void mb_state_move(mb_state *s, int g, int j) {
    double du[MB_KNAPSACK_MAX_LIMITS];
    s->value += mb_state_delta(s, g, j, du);
    for (int k = 0; k < s->p->K; k++) s->use[k] += du[k];
    for (int i = s->head[g]; i >= 0; i = s->next[i]) s->x[i] = j;
}

double mb_state_excess(const mb_state *s, const double *use) {
    double e = 0;
    for (int k = 0; k < s->p->K; k++) {
        double over = use[k] - s->p->limit[k] - mb_knapsack_slack(s->p, k);
        if (over > 0) e += over / s->scale[k];
    }
    return e;
}

bool mb_state_repair(mb_state *s) {
    const int K = s->p->K;
    for (int step = 0; step < 16 * s->n + 16; step++) {
        double over = mb_state_excess(s, s->use), best = HUGE_VAL;
        int bg = -1, bj = -1;
        if (over <= 0) {
            mb_state_set(s, s->x); /* without the rounding of the steps */
            if (mb_state_excess(s, s->use) <= 0) return true;
            continue;
        }
        for (int g = 0; g < s->n; g++)
            for (int j = 0; j < s->m[g]; j++) {
                double du[MB_KNAPSACK_MAX_LIMITS], use[MB_KNAPSACK_MAX_LIMITS], d = mb_state_delta(s, g, j, du);
                for (int k = 0; k < K; k++) use[k] = s->use[k] + du[k];
                double gain = over - mb_state_excess(s, use);
                if (!(gain > 1e-12 * over)) continue;
                double score = d <= 0 ? d * gain : d / gain;
                if (score < best) best = score, bg = g, bj = j;
            }
        if (bg < 0) return false;
        mb_state_move(s, bg, bj);
    }
    return false;
}

void mb_state_descend(mb_state *s) {
    const int K = s->p->K;
    for (int step = 0; step < 64 * s->n; step++) {
        double best = -1e-13 * fabs(s->value);
        int bg = -1, bj = -1;
        for (int g = 0; g < s->n; g++)
            for (int j = 0; j < s->m[g]; j++) {
                if (j == s->x[s->head[g]]) continue;
                double du[MB_KNAPSACK_MAX_LIMITS], d = mb_state_delta(s, g, j, du);
                if (d >= best) continue;
                for (int k = 0; k < K; k++) du[k] += s->use[k];
                if (mb_state_excess(s, du) <= 0) best = d, bg = g, bj = j;
            }
        if (bg < 0) break;
        mb_state_move(s, bg, bj);
    }
    mb_state_set(s, s->x);
}

/* --- limits of the search -------------------------------------------------------------------------------------------------- */

void mb_budget_start(mb_budget *b, const mb_search *s, int64_t standard) {
    *b = (mb_budget){.s = s, .most = s->max_work > 0 ? s->max_work : standard, .t0 = s->now ? s->now(s->ctx) : 0};
}

bool mb_budget_spend(mb_budget *b, int64_t n, double value) {
    const mb_search *s = b->s;
    int64_t before = b->work;
    b->work += n;
    if (b->work >= b->most) return false;
    if (s->now && s->time_s > 0 && s->now(s->ctx) - b->t0 > s->time_s) b->stopped = true;
    if (s->progress && before / 1024 != b->work / 1024 && s->progress(s->ctx, b->work, value, -HUGE_VAL)) b->stopped = true;
    return !b->stopped;
}

void mb_budget_finish(const mb_budget *b, mb_pool *pool, mb_answer *out) {
    mb_pool_finish(pool, out);
    out->certainty = b->stopped ? MB_STOPPED : MB_HEURISTIC;
    out->bound = -HUGE_VAL;
    out->gap = HUGE_VAL;
    out->binding = -1;
    out->work = b->work;
    if (b->s->now) out->seconds = b->s->now(b->s->ctx) - b->t0;
}
