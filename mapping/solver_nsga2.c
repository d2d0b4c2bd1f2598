/* solver_nsga2.c - evolution of a population of assignments towards the front (NSGA-II)
 *
 * Objectives: value and the uses of all finite limits; an assignment within the limits comes before one that exceeds them (constrained domination).
 * Binary tournaments by rank and crowding, uniform crossover, random change of a layer with the probability `mutation`; parents and children
 * together are sorted into fronts, and the best half lives on.
 * Reference: K. Deb, A. Pratap, S. Agarwal, T. Meyarivan, IEEE Trans. Evol. Comput. 6 (2002) 182, doi:10.1109/4235.996017. Used for mixed precision by
 * APQ (Wang et al., CVPR 2020, doi:10.1109/CVPR42600.2020.00215) in a single-objective form.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/mem.h"
#include "base/rng.h"
#include "mapping/solver.h"

typedef struct nsga_params { int population, generations; double crossover, mutation; } nsga_params;

static const mb_param table[] = {
    MB_INT(nsga_params, population, "", "100", 4, 10000, "assignments that live at a time"),
    MB_INT(nsga_params, generations, "", "300", 1, 1000000, "generations"),
    MB_REAL(nsga_params, crossover, "", "0.9", 0, 1, "probability that two parents mix"),
    MB_REAL(nsga_params, mutation, "", "0", 0, 1, "probability that a layer changes; 0: one layer in the mean"),
    MB_PARAM_END,
};

typedef struct being { int *x; double f[MB_KNAPSACK_MAX_LIMITS + 1], excess, crowd; int rank; } being;

typedef struct world {
    const mb_knapsack *p;
    mb_state st;
    mb_stream r;
    int size, D, key[MB_KNAPSACK_MAX_LIMITS]; /* objectives besides the value */
    being *b; /* 2 * size: parents, children */
} world;

/* -1: A is better, 1: B is, 0: neither. */
static int compare(const world *w, const being *a, const being *b) {
    if (a->excess > 0 || b->excess > 0) return a->excess < b->excess ? -1 : a->excess > b->excess;
    bool better = false, worse = false;
    for (int d = 0; d <= w->D; d++) {
        better = better || a->f[d] < b->f[d];
        worse = worse || a->f[d] > b->f[d];
    }
    return better && !worse ? -1 : worse && !better;
}

static void judge(world *w, being *b) {
    mb_state_set(&w->st, b->x);
    b->excess = mb_state_excess(&w->st, w->st.use);
    b->f[0] = w->st.value;
    for (int d = 0; d < w->D; d++) b->f[d + 1] = w->st.use[w->key[d]];
}

static _Thread_local int sort_key; /* of the objective that is sorted by */

static int by_objective(const void *a, const void *b) {
    const being *const *x = a, *const *y = b;
    double p = (*x)->f[sort_key], q = (*y)->f[sort_key];
    return p < q ? -1 : p > q ? 1 : (*x > *y) - (*x < *y);
}

static int by_rank(const void *a, const void *b) {
    const being *x = a, *y = b;
    if (x->rank != y->rank) return x->rank - y->rank;
    return x->crowd > y->crowd ? -1 : x->crowd < y->crowd;
}

/* Ranks and crowding distances of all N beings. Work: N^2 comparisons. */
static int rank_all(world *w, int n) {
    being **front = mb_malloc((size_t)n, sizeof *front);
    int *count = mb_calloc((size_t)n, sizeof *count), left = n;
    if (!front || !count) {
        mb_free(front);
        mb_free(count);
        return mb_nomem();
    }
    for (int i = 0; i < n; i++) {
        w->b[i].rank = -1, w->b[i].crowd = 0;
        for (int j = 0; j < n; j++)
            if (j != i && compare(w, &w->b[j], &w->b[i]) < 0) count[i]++;
    }
    for (int rank = 0; left > 0; rank++) {
        int m = 0;
        for (int i = 0; i < n; i++)
            if (w->b[i].rank < 0 && count[i] == 0) front[m++] = &w->b[i];
        if (m == 0) break; /* cannot be: domination has no circles */
        for (int e = 0; e < m; e++) front[e]->rank = rank;
        for (int e = 0; e < m; e++)
            for (int i = 0; i < n; i++)
                if (w->b[i].rank < 0 && compare(w, front[e], &w->b[i]) < 0) count[i]--;
        for (int d = 0; d <= w->D; d++) {
            sort_key = d;
            qsort(front, (size_t)m, sizeof *front, by_objective);
            double span = front[m - 1]->f[d] - front[0]->f[d];
            front[0]->crowd = front[m - 1]->crowd = HUGE_VAL;
            for (int e = 1; e + 1 < m && span > 0; e++) front[e]->crowd += (front[e + 1]->f[d] - front[e - 1]->f[d]) / span;
        }
        left -= m;
    }
    mb_free(front);
    mb_free(count);
    return MB_OK;
}

static const being *tournament(world *w) {
    const being *a = &w->b[(int)(mb_stream_uniform(&w->r) * w->size)], *b = &w->b[(int)(mb_stream_uniform(&w->r) * w->size)];
    return by_rank(a, b) <= 0 ? a : b;
}

static void breed(world *w, const nsga_params *par, being *child) {
    const being *a = tournament(w), *b = tournament(w);
    const bool mix = mb_stream_uniform(&w->r) < par->crossover;
    const double change = par->mutation > 0 ? par->mutation : 1.0 / w->st.n;
    for (int g = 0; g < w->st.n; g++) {
        const being *from = mix && mb_stream_uniform(&w->r) < 0.5 ? b : a;
        int j = from->x[w->st.head[g]];
        if (mb_stream_uniform(&w->r) < change) j = (int)(mb_stream_uniform(&w->r) * w->st.m[g]);
        for (int i = w->st.head[g]; i >= 0; i = w->st.next[i]) child->x[i] = j;
    }
    judge(w, child);
}

static int populate(world *w, const mb_search *s) {
    for (int e = 0; e < 2 * w->size; e++)
        if (!(w->b[e].x = mb_calloc((size_t)w->p->n, sizeof(int)))) return mb_nomem();
    for (int e = 0; e < w->size; e++) {
        for (int g = 0; g < w->st.n; g++) {
            int j = e == 0 ? 0 : e == 1 ? w->st.m[g] - 1 : (int)(mb_stream_uniform(&w->r) * w->st.m[g]);
            for (int i = w->st.head[g]; i >= 0; i = w->st.next[i]) w->b[e].x[i] = j;
        }
        if (e == 2 && s->start) memcpy(w->b[e].x, s->start, (size_t)w->p->n * sizeof(int));
        judge(w, &w->b[e]);
    }
    return rank_all(w, w->size);
}

static int evolve(world *w, const nsga_params *par, mb_pool *pool, mb_budget *b) {
    int rc = MB_OK;
    for (int e = 0; e < w->size && !rc; e++)
        if (w->b[e].excess <= 0) rc = mb_pool_offer(pool, w->b[e].x, NULL);
    while (!rc && mb_budget_spend(b, w->size, mb_pool_threshold(pool))) {
        for (int e = w->size; e < 2 * w->size && !rc; e++) {
            breed(w, par, &w->b[e]);
            if (w->b[e].excess <= 0) rc = mb_pool_offer(pool, w->b[e].x, NULL);
        }
        if (!rc) rc = rank_all(w, 2 * w->size);
        if (!rc) qsort(w->b, 2 * (size_t)w->size, sizeof *w->b, by_rank);
    }
    return rc;
}

static int solve(const void *params, const mb_knapsack *p, const mb_search *s, mb_answer *out) {
    const nsga_params *par = params;
    world w = {.p = p, .size = par->population};
    mb_pool pool = {0};
    mb_budget b;
    int rc = mb_state_init(&w.st, p);
    if (rc) return rc;
    mb_budget_start(&b, s, (int64_t)par->population * par->generations);
    mb_stream_init(&w.r, s->seed, MB_RNG_POLICY, 0, 3, 0);
    for (int k = 0; k < p->K; k++)
        if (isfinite(p->limit[k])) w.key[w.D++] = k;
    w.b = mb_calloc(2 * (size_t)w.size, sizeof *w.b);
    rc = w.b ? mb_pool_init(&pool, p, s->best) : mb_nomem();
    if (!rc) rc = populate(&w, s);
    if (!rc) rc = evolve(&w, par, &pool, &b);
    if (!rc) mb_budget_finish(&b, &pool, out);
    for (int e = 0; w.b && e < 2 * w.size; e++) mb_free(w.b[e].x);
    mb_free(w.b);
    mb_pool_free(&pool);
    mb_state_free(&w.st);
    return rc;
}

const mb_solver_type mb_solver_nsga2 = {
    .name = "nsga2",
    .summary = "evolution of a population (NSGA-II)",
    .reference = "Deb, Pratap, Agarwal, Meyarivan, IEEE Trans. Evol. Comput. 6 (2002) 182, doi:10.1109/4235.996017",
    .params = table,
    .size = sizeof(nsga_params),
    .pairwise = true,
    .solve = solve,
};
