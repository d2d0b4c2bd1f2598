/* solver_greedy.c - greedy on the convex hulls of the layers (MPQNNCO)
 *
 * Every layer starts at its cheapest choice. The lower convex hull of value against cost, per layer, gives increments of falling efficiency;
 * all increments are taken in order of value saved per cost while they fit, a layer that no longer fits is left where it is. With several
 * limits the cost is the sum of the shares of the limits. O(choices log choices).
 * Reference: W. Chen, P. Wang, J. Cheng, Towards mixed-precision quantization of neural networks via constrained optimization, ICCV 2021,
 * doi:10.1109/ICCV48922.2021.00530; Kellerer, Pferschy, Pisinger, Knapsack Problems, 2004, section 11.
 */
#include <math.h>
#include <stdlib.h>

#include "base/error.h"
#include "base/mem.h"
#include "mapping/solver.h"

typedef struct point { double cost, value; int j; } point;
typedef struct increment { double efficiency; int group, from, to, order; } increment;

static int by_cost(const void *a, const void *b) {
    const point *x = a, *y = b;
    if (x->cost < y->cost || x->cost > y->cost) return x->cost < y->cost ? -1 : 1;
    if (x->value < y->value || x->value > y->value) return x->value < y->value ? -1 : 1;
    return x->j - y->j;
}

static int by_efficiency(const void *a, const void *b) {
    const increment *x = a, *y = b;
    if (x->efficiency < y->efficiency || x->efficiency > y->efficiency) return x->efficiency > y->efficiency ? -1 : 1;
    return x->order - y->order;
}

/* Hull of group G into h[]; its number of points. */
static int hull(const mb_state *s, int g, point *q, point *h) {
    const mb_knapsack *p = s->p;
    for (int j = 0; j < s->m[g]; j++) {
        q[j] = (point){0, 0, j};
        for (int i = s->head[g]; i >= 0; i = s->next[i]) {
            q[j].value += p->value[i][j];
            for (int k = 0; k < p->K; k++)
                if (isfinite(p->limit[k])) q[j].cost += p->use[i][j * p->K + k] / (fabs(p->limit[k]) > 0 ? fabs(p->limit[k]) : s->scale[k]);
        }
    }
    qsort(q, (size_t)s->m[g], sizeof *q, by_cost);
    int n = 0;
    for (int j = 0; j < s->m[g]; j++) {
        if (n && q[j].value >= h[n - 1].value) continue;
        while (n >= 2 && (h[n - 2].value - h[n - 1].value) * (q[j].cost - h[n - 1].cost) <= (h[n - 1].value - q[j].value) * (h[n - 1].cost - h[n - 2].cost)) n--;
        h[n++] = q[j];
    }
    return n;
}

static int solve(const void *params, const mb_knapsack *p, const mb_search *s, mb_answer *out) {
    (void)params;
    mb_state st = {0};
    mb_pool pool = {0};
    mb_budget b;
    int most = 1, n = 0;
    mb_budget_start(&b, s, INT64_MAX);
    for (int i = 0; i < p->n; i++) most = p->m[i] > most ? p->m[i] : most;
    point *q = mb_malloc((size_t)most, sizeof *q), *h = mb_malloc((size_t)most, sizeof *h);
    increment *inc = mb_malloc((size_t)p->total, sizeof *inc);
    bool *stuck = mb_calloc((size_t)p->n, sizeof *stuck);
    int rc = q && h && inc && stuck ? MB_OK : mb_nomem();
    if (!rc) rc = mb_state_init(&st, p);
    if (!rc) rc = mb_pool_init(&pool, p, 1);
    for (int g = 0; g < st.n && !rc; g++) {
        int m = hull(&st, g, q, h);
        mb_state_move(&st, g, h[0].j);
        for (int e = 1; e < m; e++) {
            double dc = h[e].cost - h[e - 1].cost;
            inc[n] = (increment){dc > 0 ? (h[e - 1].value - h[e].value) / dc : HUGE_VAL, g, h[e - 1].j, h[e].j, n};
            n++;
        }
    }
    if (!rc) qsort(inc, (size_t)n, sizeof *inc, by_efficiency);
    for (int e = 0; e < n && !rc; e++) {
        double du[MB_KNAPSACK_MAX_LIMITS];
        const int g = inc[e].group;
        if (stuck[g] || st.x[st.head[g]] != inc[e].from) continue;
        mb_state_delta(&st, g, inc[e].to, du);
        for (int k = 0; k < p->K; k++) du[k] += st.use[k];
        b.work++;
        if (mb_state_excess(&st, du) > 0) stuck[g] = true;
        else mb_state_move(&st, g, inc[e].to);
    }
    if (!rc) rc = mb_pool_offer(&pool, st.x, NULL);
    if (!rc) mb_budget_finish(&b, &pool, out);
    mb_pool_free(&pool);
    mb_state_free(&st);
    mb_free(q);
    mb_free(h);
    mb_free(inc);
    mb_free(stuck);
    return rc;
}

const mb_solver_type mb_solver_greedy = {
    .name = "greedy",
    .summary = "most value saved per cost first, on the layers' convex hulls",
    .reference = "Chen, Wang, Cheng, MPQNNCO, ICCV 2021, doi:10.1109/ICCV48922.2021.00530",
    .solve = solve,
};
