/* solver_anneal.c - simulated annealing with a penalty for exceeded limits
 *
 * Energy: value + weight x excess; the weight grows as the temperature falls by equal ratios. A move replaces the choice of one random layer.
 * Reference: S. Kirkpatrick, C. D. Gelatt, M. P. Vecchi, Science 220 (1983) 671, doi:10.1126/science.220.4598.671.
 */
#include <math.h>

#include "base/error.h"
#include "base/rng.h"
#include "mapping/solver.h"

typedef struct anneal_params { int moves; double t_first, t_last; } anneal_params;

static const mb_param table[] = {
    MB_INT(anneal_params, moves, "", "200000", 1, 2000000000, "moves in all"),
    MB_REAL(anneal_params, t_first, "", "0.2", 1e-12, 1e12, "first temperature, in units of the layers' mean spread of values"),
    MB_REAL(anneal_params, t_last, "", "1e-4", 1e-15, 1e12, "last temperature"),
    MB_PARAM_END,
};

static int solve(const void *params, const mb_knapsack *p, const mb_search *s, mb_answer *out) {
    const anneal_params *par = params;
    mb_state st;
    mb_pool pool = {0};
    mb_budget b;
    mb_stream r;
    double spread = 0;
    int rc = mb_state_init(&st, p);
    if (rc) return rc;
    mb_budget_start(&b, s, par->moves);
    mb_stream_init(&r, s->seed, MB_RNG_POLICY, 0, 2, 0);
    rc = mb_pool_init(&pool, p, s->best);
    for (int i = 0; i < p->n; i++) {
        double lo = HUGE_VAL, hi = -HUGE_VAL;
        for (int j = 0; j < p->m[i]; j++) lo = fmin(lo, p->value[i][j]), hi = fmax(hi, p->value[i][j]);
        spread += (hi - lo) / p->n;
    }
    if (!(spread > 0)) spread = 1;
    if (s->start) mb_state_set(&st, s->start);
    mb_state_repair(&st);
    if (!rc) rc = mb_pool_offer(&pool, st.x, NULL);
    double excess = mb_state_excess(&st, st.use);
    const double moves = (double)b.most;
    do {
        double at = (double)b.work / moves, T = spread * par->t_first * pow(par->t_last / par->t_first, at);
        double weight = 20 * spread * p->n * (1 + 9 * at), du[MB_KNAPSACK_MAX_LIMITS];
        int g = (int)(mb_stream_uniform(&r) * st.n), j = (int)(mb_stream_uniform(&r) * st.m[g]);
        double luck = mb_stream_uniform(&r);
        if (j == st.x[st.head[g]]) continue;
        double d = mb_state_delta(&st, g, j, du);
        for (int k = 0; k < p->K; k++) du[k] += st.use[k];
        double over = mb_state_excess(&st, du), rise = d + weight * (over - excess);
        if (rise > 0 && luck >= exp(-rise / T)) continue;
        mb_state_move(&st, g, j);
        excess = over;
        if ((b.work & 4095) == 0) mb_state_set(&st, st.x);
        if (excess <= 0 && st.value < mb_pool_threshold(&pool)) rc = mb_pool_offer(&pool, st.x, NULL);
    } while (!rc && mb_budget_spend(&b, 1, mb_pool_threshold(&pool)));
    if (!rc && pool.n) {
        mb_state_set(&st, pool.a[0].choice);
        mb_state_descend(&st);
        rc = mb_pool_offer(&pool, st.x, NULL);
    }
    if (!rc) mb_budget_finish(&b, &pool, out);
    mb_pool_free(&pool);
    mb_state_free(&st);
    return rc;
}

const mb_solver_type mb_solver_anneal = {
    .name = "anneal",
    .summary = "simulated annealing",
    .reference = "Kirkpatrick, Gelatt, Vecchi, Science 220 (1983) 671, doi:10.1126/science.220.4598.671",
    .params = table,
    .size = sizeof(anneal_params),
    .pairwise = true,
    .solve = solve,
};
