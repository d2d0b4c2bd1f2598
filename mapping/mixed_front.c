/* mixed_front.c - points of the front of the table with true costs, simulated where the policy does
 *
 * Who may call: mapping/mixed.c.
 */
#include <math.h>

#include "base/error.h"
#include "base/mem.h"
#include "mapping/mixed_internal.h"

/* Rows of the report's front: points of F spread evenly over the logarithm of the first key. */
static int pick_points(mb_job *j, mb_map_report *r, const mb_front *f) {
    int want = r->front_points < f->n ? r->front_points : f->n, rc = MB_OK, last = -1;
    r->front = mb_calloc((size_t)want, sizeof *r->front);
    if (!r->front) return mb_nomem();
    for (int e = 0; e < want && !rc; e++) {
        int at = want == f->n ? e : want > 1 ? (int)((double)e * (f->n - 1) / (want - 1) + 0.5) : f->n - 1;
        if (at == last) continue;
        last = at;
        mb_candidate *c = &r->front[r->n_front];
        *c = (mb_candidate){.predicted = f->value[at], .bound = f->bound[at], .loss = {(double)NAN, (double)NAN, (double)NAN, (double)NAN, (double)NAN}};
        rc = mb_space_plan(j->space, f->choice + (size_t)at * (size_t)f->layers, &c->plan);
        if (!rc) rc = mb_oracle_cost(j->o, c->plan, &c->cost);
        if (rc == MB_NUMERIC || rc == MB_BADINPUT) { /* in the tables only */
            mb_error_clear();
            rc = MB_OK;
            mb_candidate_free(c);
            continue;
        }
        r->n_front++;
        if (!rc && j->opt->simulate) rc = mb_job_simulate(j, c);
    }
    return rc;
}

/* Hypervolume of (predicted or simulated loss, keys), from 0 to the worst of the points in every coordinate, as a share of that
 * box. Losses are counted from the least of them. */
static int measure_front(const mb_job *j, mb_map_report *r) {
    const int d = 1 + r->n_front_keys;
    double *x = mb_calloc((size_t)r->n_front * (size_t)d, sizeof *x), ref[4] = {1, 1, 1, 1};
    if (!x) return mb_nomem();
    for (int k = 0; k < d; k++) {
        double lo = HUGE_VAL, hi = -HUGE_VAL;
        for (int e = 0; e < r->n_front; e++) {
            const mb_candidate *c = &r->front[e];
            double v = k ? mb_metric_get(&c->cost, r->front_key[k - 1]) : j->opt->simulate ? c->loss.loss : c->predicted;
            x[e * d + k] = v;
            lo = fmin(lo, v), hi = fmax(hi, v);
        }
        for (int e = 0; e < r->n_front; e++) x[e * d + k] = hi > lo ? (x[e * d + k] - lo) / (hi - lo) : 0;
    }
    r->hypervolume = mb_hypervolume(x, r->n_front, d, ref);
    mb_free(x);
    return MB_OK;
}

int mb_job_front(mb_job *j, mb_map_report *r) {
    mb_knapsack *p = NULL;
    mb_front f = {0};
    mb_problem free_of_budgets = *j->prob; /* the whole front, whatever the budgets; BOPs stay */
    for (int k = 0; k < MB_METRICS; k++)
        *(double *)(void *)((char *)&free_of_budgets.budget + mb_metric_params[k].offset) = HUGE_VAL;
    free_of_budgets.extra.bops = HUGE_VAL;
    int rc = mb_space_knapsack(j->space, &free_of_budgets, j->sens.value, true, &p);
    mb_search s = {.gap = j->opt->gap, .now = j->o->now, .ctx = j->o->ctx};
    if (!rc && r->n_front_keys == 1) {
        rc = mb_front_exact(p, r->front_key, 1, &s, &f);
        if (rc == MB_NUMERIC) { /* too many points: sweep */
            mb_error_clear();
            rc = mb_front_sweep(p, r->front_key, 1, r->front_points < 256 ? r->front_points : 256, &s, &f);
        }
    } else if (!rc) {
        int steps = (int)ceil(pow(r->front_points, 1.0 / r->n_front_keys));
        rc = mb_front_sweep(p, r->front_key, r->n_front_keys, steps < 2 ? 2 : steps, &s, &f);
    }
    if (!rc) {
        r->front_complete = f.complete;
        r->front_size = f.n;
        rc = pick_points(j, r, &f);
    }
    if (!rc && r->n_front) rc = measure_front(j, r);
    mb_front_free(&f);
    mb_knapsack_free(p);
    return rc;
}
