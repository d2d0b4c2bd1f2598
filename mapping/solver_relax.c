/* solver_relax.c - differentiable search on the tables: a soft choice per layer, gradients, prices for the limits (EdMIPS, FracBits)
 *
 * Layer i holds logits a_ij, p_i = softmax(a_i). Descended (Adam) is the expected value with priced expected uses,
 *     sum_ij p_ij (v_ij + sum_k lambda_k u_ijk),     lambda_k raised while the expected use exceeds its limit.
 * The hardest choice of every layer is tried on the way; one that exceeds the limits is repaired choice by choice. Tables of expected
 * complexity and of fractional bits: mapping/relaxed.h.
 * Reference: Z. Cai, N. Vasconcelos, EdMIPS, CVPR 2020, doi:10.1109/CVPR42600.2020.00242; L. Yang, Q. Jin, FracBits, AAAI 2021,
 * doi:10.1609/aaai.v35i12.17269.
 */
#include <math.h>
#include <string.h>

#include "base/error.h"
#include "base/mem.h"
#include "mapping/knapsack_internal.h"
#include "mapping/solver.h"

typedef struct relax_params { int steps; double rate, price_rate; } relax_params;

static const mb_param table[] = {
    MB_INT(relax_params, steps, "", "2000", 1, 10000000, "steps of gradient descent"),
    MB_REAL(relax_params, rate, "", "0.05", 1e-9, 10, "step of the logits (Adam)"),
    MB_REAL(relax_params, price_rate, "", "0.02", 1e-9, 10, "step of the prices, in units of the value's range over the limit's spread"),
    MB_PARAM_END,
};

typedef struct soft { const mb_core *c; double *a, *p, *m1, *m2, lambda[MB_KNAPSACK_MAX_LIMITS]; int *pick; } soft;

static void softmax(soft *s) {
    for (int i = 0; i < s->c->n; i++) {
        const int from = s->c->off[i], to = s->c->off[i + 1];
        double top = s->a[from], sum = 0;
        s->pick[i] = from;
        for (int q = from + 1; q < to; q++)
            if (s->a[q] > top) top = s->a[q], s->pick[i] = q;
        for (int q = from; q < to; q++) sum += s->p[q] = exp(s->a[q] - top);
        for (int q = from; q < to; q++) s->p[q] /= sum;
    }
}

static void descend(soft *s, const relax_params *par, int t) {
    const mb_core *c = s->c;
    const double b1 = 0.9, b2 = 0.999, k1 = 1 - pow(b1, t + 1), k2 = 1 - pow(b2, t + 1), unit = c->range > 0 ? c->range / c->n : 1;
    for (int i = 0; i < c->n; i++) {
        double mean = 0;
        for (int q = c->off[i]; q < c->off[i + 1]; q++) {
            double e = c->c[q];
            for (int k = 0; k < c->K; k++) e += s->lambda[k] * c->u[k][q];
            mean += s->p[q] * e;
        }
        for (int q = c->off[i]; q < c->off[i + 1]; q++) {
            double e = c->c[q];
            for (int k = 0; k < c->K; k++) e += s->lambda[k] * c->u[k][q];
            double g = s->p[q] * (e - mean) / unit;
            s->m1[q] = b1 * s->m1[q] + (1 - b1) * g;
            s->m2[q] = b2 * s->m2[q] + (1 - b2) * g * g;
            s->a[q] -= par->rate * (s->m1[q] / k1) / (sqrt(s->m2[q] / k2) + 1e-8);
        }
    }
}

static void reprice(soft *s, double rate) {
    const mb_core *c = s->c;
    for (int k = 0; k < c->K; k++) {
        double use = 0, spread = c->range * 1e6 / c->penalty[k];
        for (int q = 0; q < c->total; q++) use += s->p[q] * c->u[k][q];
        s->lambda[k] = fmax(0, s->lambda[k] + rate * (use - c->limit[k]) / spread * (c->penalty[k] * 1e-6));
    }
}

static int search(soft *s, const relax_params *par, mb_state *st, mb_pool *pool, mb_budget *b) {
    int rc = MB_OK;
    uint64_t seen = 0;
    for (int t = 0; t < par->steps && !rc; t++) {
        softmax(s);
        uint64_t now = mb_hash64(s->pick, (size_t)s->c->n * sizeof *s->pick, MB_HASH_START);
        if (t == 0 || now != seen) { /* a new hardest choice */
            seen = now;
            mb_core_expand(s->c, s->pick, st->x);
            mb_state_set(st, st->x);
            if (mb_state_repair(st)) rc = mb_pool_offer(pool, st->x, NULL);
        }
        if (!rc && !mb_budget_spend(b, 1, mb_pool_threshold(pool))) break;
        descend(s, par, t);
        reprice(s, par->price_rate);
    }
    return rc;
}

static int solve(const void *params, const mb_knapsack *p, const mb_search *se, mb_answer *out) {
    const relax_params *par = params;
    mb_core *c = NULL;
    soft s = {0};
    mb_state st = {0};
    mb_pool pool = {0};
    mb_budget b;
    mb_budget_start(&b, se, par->steps);
    int rc = mb_core_new(p, 1, &c);
    if (!rc) {
        size_t n = (size_t)c->total;
        s = (soft){.c = c, .a = mb_calloc(n, sizeof(double)), .p = mb_calloc(n, sizeof(double)), .m1 = mb_calloc(n, sizeof(double)),
                   .m2 = mb_calloc(n, sizeof(double)), .pick = mb_calloc((size_t)c->n, sizeof(int))};
        if (!s.a || !s.p || !s.m1 || !s.m2 || !s.pick) rc = mb_nomem();
    }
    if (!rc) rc = mb_state_init(&st, p);
    if (!rc) rc = mb_pool_init(&pool, p, se->best);
    if (!rc) rc = search(&s, par, &st, &pool, &b);
    if (!rc) {
        mb_budget_finish(&b, &pool, out);
        out->dropped = c->dropped, out->kept = c->total;
    }
    mb_free(s.a);
    mb_free(s.p);
    mb_free(s.m1);
    mb_free(s.m2);
    mb_free(s.pick);
    mb_pool_free(&pool);
    mb_state_free(&st);
    mb_core_free(c);
    return rc;
}

const mb_solver_type mb_solver_relax = {
    .name = "relax",
    .summary = "differentiable search: soft choices, gradients, prices for the limits",
    .reference = "Cai, Vasconcelos, EdMIPS, CVPR 2020, doi:10.1109/CVPR42600.2020.00242; Yang, Jin, FracBits, AAAI 2021, "
                 "doi:10.1609/aaai.v35i12.17269",
    .params = table,
    .size = sizeof(relax_params),
    .solve = solve,
};
