/* solver_quadratic.c - local search with pairwise terms (CLADO's integer quadratic program)
 *
 * Small problems (at most 2^20 assignments) are enumerated, which proves the optimum. Otherwise: starts from the additive optimum, from the least uses
 * and from random assignments; single replacements and exchanges of pairs downhill within the limits; then a few layers are shuffled and
 * it goes on (iterated local search: Lourenco, Martin, Stuetzle 2003, doi:10.1007/0-306-48056-5_11).
 * Reference: Z. Deng et al., CLADO: mixed-precision quantization with cross-layer dependencies, 2023, arXiv:2307.05657.
 */
#include <math.h>
#include <string.h>

#include "base/error.h"
#include "base/mem.h"
#include "base/rng.h"
#include "mapping/solver.h"

typedef struct quadratic_params { int shuffles, shuffled; } quadratic_params;

static const mb_param table[] = {
    MB_INT(quadratic_params, shuffles, "", "200", 0, 1000000, "times that layers are shuffled and the descent is repeated"),
    MB_INT(quadratic_params, shuffled, "", "3", 1, 1000, "layers that are shuffled each time"),
    MB_PARAM_END,
};

/* Best exchange of two groups' choices; true when it lowered the value. Counts evaluations in WORK. */
static bool exchange(mb_state *s, int64_t *work) {
    const int K = s->p->K;
    double best = -1e-12 * fmax(fabs(s->value), 1e-300);
    int b[4] = {-1, 0, 0, 0};
    for (int g = 0; g < s->n; g++) {
        const int old = s->x[s->head[g]];
        for (int j = 0; j < s->m[g]; j++) {
            if (j == old) continue;
            double before = s->value;
            mb_state_move(s, g, j);
            for (int h = g + 1; h < s->n; h++)
                for (int q = 0; q < s->m[h]; q++) {
                    double du[MB_KNAPSACK_MAX_LIMITS];
                    if (q == s->x[s->head[h]]) continue;
                    double d = s->value - before + mb_state_delta(s, h, q, du);
                    ++*work;
                    if (d >= best) continue;
                    for (int k = 0; k < K; k++) du[k] += s->use[k];
                    if (mb_state_excess(s, du) <= 0) best = d, b[0] = g, b[1] = j, b[2] = h, b[3] = q;
                }
            mb_state_move(s, g, old);
            s->value = before;
        }
    }
    if (b[0] < 0) return false;
    mb_state_move(s, b[0], b[1]);
    mb_state_move(s, b[2], b[3]);
    mb_state_set(s, s->x);
    return true;
}

static void settle(mb_state *s, mb_budget *b, double best) {
    do {
        mb_state_descend(s);
        int64_t work = 0;
        bool better = exchange(s, &work);
        if (!mb_budget_spend(b, work + 1, best) || !better) return;
    } while (true);
}

static int enumerate(mb_state *s, mb_pool *pool, mb_budget *b) {
    while (true) {
        int g = 0;
        b->work++;
        if (mb_state_excess(s, s->use) <= 1e-9 && s->value < mb_pool_threshold(pool) + 1e-9 * fabs(s->value)) {
            int rc = mb_pool_offer(pool, s->x, NULL);
            if (rc) return rc;
        }
        for (; g < s->n; g++) {
            int j = s->x[s->head[g]] + 1;
            mb_state_move(s, g, j < s->m[g] ? j : 0);
            if (j < s->m[g]) break;
        }
        if (g == s->n) return MB_OK;
        if ((b->work & 1023) == 0) mb_state_set(s, s->x);
    }
}

/* Where to begin: turn 0 the additive optimum, 1 the least uses, then random. */
static int begin(const mb_knapsack *p, const mb_search *s, mb_state *st, int turn, mb_stream *r) {
    if (turn == 0) {
        mb_knapsack plain = *p;
        mb_search quick = {.gap = 1e-3, .max_work = 2000};
        mb_answer a;
        plain.pair = NULL;
        int rc = mb_knapsack_solve(&plain, &quick, &a);
        if (rc) return rc;
        if (a.n) mb_state_set(st, a.a[0].choice);
        mb_answer_free(&a);
        if (s->start && mb_knapsack_feasible(p, s->start)) mb_state_set(st, s->start);
        return MB_OK;
    }
    for (int g = 0; g < st->n; g++) mb_state_move(st, g, turn == 1 ? 0 : (int)(mb_stream_uniform(r) * st->m[g]));
    return MB_OK;
}

static int search(const quadratic_params *par, const mb_knapsack *p, const mb_search *s, mb_state *st, mb_pool *pool, mb_budget *b) {
    mb_stream r;
    int rc = MB_OK, *home = mb_malloc((size_t)p->n, sizeof *home);
    if (!home) return mb_nomem();
    mb_stream_init(&r, s->seed, MB_RNG_POLICY, 0, 1, 0);
    for (int start = 0; start < 4 && !rc; start++) {
        rc = begin(p, s, st, start, &r);
        if (rc || !mb_state_repair(st)) continue;
        settle(st, b, mb_pool_threshold(pool));
        rc = mb_pool_offer(pool, st->x, NULL);
        double value = st->value;
        memcpy(home, st->x, (size_t)p->n * sizeof *home);
        for (int t = 0; t < par->shuffles && !rc && mb_budget_spend(b, 1, value); t++) {
            for (int e = 0; e < par->shuffled; e++) {
                int g = (int)(mb_stream_uniform(&r) * st->n);
                mb_state_move(st, g, (int)(mb_stream_uniform(&r) * st->m[g]));
            }
            if (mb_state_repair(st)) {
                settle(st, b, value);
                rc = mb_pool_offer(pool, st->x, NULL);
                if (st->value < value) value = st->value, memcpy(home, st->x, (size_t)p->n * sizeof *home);
            }
            mb_state_set(st, home);
        }
    }
    mb_free(home);
    return rc;
}

static int solve(const void *params, const mb_knapsack *p, const mb_search *s, mb_answer *out) {
    mb_state st;
    mb_pool pool = {0};
    mb_budget b;
    double count = 1;
    int rc = mb_state_init(&st, p);
    if (rc) return rc;
    mb_budget_start(&b, s, INT64_MAX);
    rc = mb_pool_init(&pool, p, s->best);
    for (int g = 0; g < st.n; g++) count *= st.m[g];
    const bool all = count <= 1048576;
    if (!rc) rc = all ? enumerate(&st, &pool, &b) : search(params, p, s, &st, &pool, &b);
    if (!rc) mb_budget_finish(&b, &pool, out);
    if (!rc && all) {
        out->certainty = out->n ? MB_PROVEN : MB_IMPOSSIBLE;
        out->gap = 0;
        out->bound = out->n ? out->a[0].value : HUGE_VAL;
    }
    mb_pool_free(&pool);
    mb_state_free(&st);
    return rc;
}

const mb_solver_type mb_solver_quadratic = {
    .name = "quadratic",
    .summary = "local search that knows pairwise terms; small problems are enumerated",
    .reference = "Deng et al., CLADO, 2023, arXiv:2307.05657",
    .params = table,
    .size = sizeof(quadratic_params),
    .pairwise = true,
    .solve = solve,
};
