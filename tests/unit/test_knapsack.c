/* test_knapsack.c - the exact solver against brute force on random problems, its certificates, limits and messages; all solvers
 * against it; fronts, hulls, hypervolume against enumeration */
#include "mbtest.h"

#include <math.h>

#include "base/mem.h"
#include "base/rng.h"
#include "mapping/front.h"
#include "mapping/solver.h"

static double draw(mb_stream *r, double lo, double hi) { return lo + (hi - lo) * mb_stream_uniform(r); }
static int pick(mb_stream *r, int n) { return (int)(mb_stream_uniform(r) * n); }

/* Up to N layers x M choices x K limits; numbers may be negative, small integers, tied, the limits tight, idle or impossible. */
static mb_knapsack *problem(mb_stream *r, int N, int M, int K) {
    const int n = 1 + pick(r, N), k = pick(r, K + 1);
    int m[64];
    const bool real = pick(r, 2), coarse = pick(r, 4) == 0;
    for (int i = 0; i < n; i++) m[i] = 1 + pick(r, M);
    mb_knapsack *p = NULL;
    assert_ok(mb_knapsack_new(n, k, m, &p));
    for (int i = 0; i < n; i++)
        for (int j = 0; j < m[i]; j++) {
            p->value[i][j] = real ? draw(r, -0.5, 2) : floor(draw(r, -10, coarse ? 4 : 90));
            for (int q = 0; q < k; q++) p->use[i][j * k + q] = real ? draw(r, -2, 20) : floor(draw(r, -5, coarse ? 5 : 60));
        }
    if (n > 1 && m[0] == m[n - 1] && pick(r, 2)) p->group[0] = p->group[n - 1] = 7;
    for (int q = 0; q < k; q++) {
        double lo = 0, hi = 0;
        for (int i = 0; i < n; i++) {
            double a = HUGE_VAL, b = -HUGE_VAL;
            for (int j = 0; j < m[i]; j++) a = fmin(a, p->use[i][j * k + q]), b = fmax(b, p->use[i][j * k + q]);
            lo += a, hi += b;
        }
        p->limit[q] = pick(r, 8) == 0 ? HUGE_VAL : pick(r, 8) == 0 ? lo : lo + (hi - lo) * draw(r, -0.05, 1.05);
    }
    return p;
}

static int ascending(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* Values of all feasible assignments, sorted. */
static double *enumerate(const mb_knapsack *p, long *count) {
    long total = 1, n = 0;
    for (int i = 0; i < p->n; i++) total *= p->m[i];
    double *v = mb_malloc((size_t)total, sizeof *v);
    int x[64] = {0};
    for (long q = 0; q < total; q++) {
        for (long i = 0, rest = q; i < p->n; i++) x[i] = (int)(rest % p->m[i]), rest /= p->m[i];
        if (mb_knapsack_feasible(p, x)) v[n++] = mb_knapsack_value(p, x, NULL);
    }
    qsort(v, (size_t)n, sizeof *v, ascending);
    *count = n;
    return v;
}

static void the_optimum_and_the_next_best_are_those_of_brute_force(void **state) {
    (void)state;
    mb_stream r;
    int impossible = 0, many = 0;
    for (unsigned t = 0; t < 1500; t++) {
        mb_stream_init(&r, 3, MB_RNG_TEST, t, 0, 0);
        mb_knapsack *p = problem(&r, 6, 6, 3);
        long n;
        double *all = enumerate(p, &n);
        mb_search s = {.best = pick(&r, 2) ? 1 : 1 + pick(&r, 6)};
        mb_answer a;
        assert_ok(mb_knapsack_solve(p, &s, &a));
        assert_int_equal(a.n, n < s.best ? (int)n : s.best);
        assert_int_equal(a.certainty, n ? MB_PROVEN : MB_IMPOSSIBLE);
        for (int i = 0; i < a.n; i++) {
            assert_true(fabs(a.a[i].value - all[i]) <= 1e-9 * fmax(1, fabs(all[i])));
            assert_true(mb_knapsack_feasible(p, a.a[i].choice));
            for (int h = 0; h < i; h++) assert_true(memcmp(a.a[i].choice, a.a[h].choice, (size_t)p->n * sizeof(int)) != 0);
        }
        impossible += n == 0, many += n > 1000;
        mb_answer_free(&a);
        mb_free(all);
        mb_knapsack_free(p);
    }
    assert_true(impossible > 50 && many > 50); /* the problems are of all kinds */
    assert_int_equal(mb_mem_live(), 0);
}

/* Only what is below a value is of interest: the optimum when it is, nothing otherwise, and with less work. */
static void only_better_values(void **state) {
    (void)state;
    mb_stream r;
    int64_t with = 0, without = 0;
    for (unsigned t = 0; t < 600; t++) {
        mb_stream_init(&r, 5, MB_RNG_TEST, t, 0, 0);
        mb_knapsack *p = problem(&r, 8, 12, 3);
        mb_answer a, b, c;
        assert_ok(mb_knapsack_solve(p, NULL, &a));
        if (a.n) {
            const double best = a.a[0].value, less = best - 1e-3 * fabs(best) - 1e-3, more = best + 1e-3 * fabs(best) + 1e-3;
            const mb_search none = {.below = &less}, one = {.below = &more};
            assert_ok(mb_knapsack_solve(p, &none, &b));
            assert_true(!b.n || b.a[0].value >= best - 1e-9 * fmax(1, fabs(best)));
            assert_ok(mb_knapsack_solve(p, &one, &c));
            assert_int_equal(c.n, 1);
            assert_true(fabs(c.a[0].value - best) <= 1e-9 * fmax(1, fabs(best)));
            with += b.work, without += a.work;
            mb_answer_free(&b);
            mb_answer_free(&c);
        }
        mb_answer_free(&a);
        mb_knapsack_free(p);
    }
    assert_true(with < without);
    assert_int_equal(mb_mem_live(), 0);
}

/* N layers, uses of one to three limits that pull against the value. */
static mb_knapsack *large(unsigned seed, int n, int choices, int K, double tight) {
    int *m = mb_calloc((size_t)n, sizeof *m);
    mb_stream r;
    mb_knapsack *p = NULL;
    mb_stream_init(&r, seed, MB_RNG_TEST, 0, 1, 0);
    for (int i = 0; i < n; i++) m[i] = choices;
    assert_ok(mb_knapsack_new(n, K, m, &p));
    double lo[3] = {0}, hi[3] = {0};
    for (int i = 0; i < n; i++) {
        double size = exp(draw(&r, 0, 3)), weight = exp(draw(&r, 0, 2));
        for (int j = 0; j < choices; j++) {
            double bits = 1 + 7.0 * j / choices;
            p->value[i][j] = size * weight * exp2(-2 * bits) * draw(&r, 0.8, 1.2);
            for (int k = 0; k < K; k++) p->use[i][j * K + k] = size * bits * draw(&r, 0.8, 1.2);
        }
        for (int k = 0; k < K; k++) {
            double a = HUGE_VAL, b = 0;
            for (int j = 0; j < choices; j++) a = fmin(a, p->use[i][j * K + k]), b = fmax(b, p->use[i][j * K + k]);
            lo[k] += a, hi[k] += b;
        }
    }
    for (int k = 0; k < K; k++) p->limit[k] = lo[k] + tight * (hi[k] - lo[k]);
    mb_free(m);
    return p;
}

static void certificates_hold_when_the_search_is_cut_short(void **state) {
    (void)state;
    mb_knapsack *p = large(5, 40, 12, 3, 0.3);
    mb_answer best, a, again;
    assert_ok(mb_knapsack_solve(p, NULL, &best));
    assert_int_equal(best.certainty, MB_PROVEN);
    const double v = best.a[0].value;
    mb_search s = {.gap = 0.01};
    assert_ok(mb_knapsack_solve(p, &s, &a));
    assert_true(a.gap <= 0.01 && a.bound <= v * (1 + 1e-12) && a.a[0].value >= v * (1 - 1e-12) && a.a[0].value <= v / (1 - 0.01));
    assert_true(a.work < best.work);
    mb_answer_free(&a);
    s = (mb_search){.max_work = 3};
    assert_ok(mb_knapsack_solve(p, &s, &a));
    assert_ok(mb_knapsack_solve(p, &s, &again));
    assert_int_equal(a.certainty, MB_STOPPED);
    assert_true(a.n == 1 && a.bound <= v && a.a[0].value >= v && a.gap > 0);
    assert_memory_equal(a.a[0].choice, again.a[0].choice, 40 * sizeof(int)); /* the same answer every time */
    mb_str text = {0};
    mb_answer_text(&a, &text);
    assert_non_null(strstr(mb_cstr(&text), "lower bound"));
    mb_str_free(&text);
    mb_answer_free(&a);
    mb_answer_free(&again);
    s = (mb_search){.start = best.a[0].choice, .max_work = 1};
    assert_ok(mb_knapsack_solve(p, &s, &a));
    assert_true(a.a[0].value <= v);
    mb_answer_free(&a);
    mb_answer_free(&best);
    mb_knapsack_free(p);
    assert_int_equal(mb_mem_live(), 0);
}

static int stop_at_once(void *ctx, int64_t work, double value, double bound) {
    (void)work, (void)value, (void)bound;
    ++*(int *)ctx;
    return 1;
}
static double late(void *ctx) { return 100.0 * ++*(int *)ctx; } /* every look at the clock costs 100 s */

static void what_cannot_be_is_told(void **state) {
    (void)state;
    mb_knapsack *p = large(7, 5, 4, 2, 0.5);
    mb_answer a;
    p->limit[1] = 1e-3;
    assert_ok(mb_knapsack_solve(p, NULL, &a));
    assert_int_equal(a.certainty, MB_IMPOSSIBLE);
    assert_int_equal(a.binding, 1);
    assert_true(a.least > 1e-3);
    mb_answer_free(&a);
    p->value[3][2] = (double)NAN;
    p->layer[3] = mb_strdup("conv3");
    assert_fails(mb_knapsack_solve(p, NULL, &a), MB_BADINPUT, "layer conv3: the sensitivity of choice 2 is not a finite number");
    p->value[3][2] = 1;
    p->use[0][1] = HUGE_VAL;
    assert_fails(mb_knapsack_solve(p, NULL, &a), MB_BADINPUT, "layer 0: the cost");
    p->use[0][1] = 1;
    mb_knapsack_free(p);
    const int m[2] = {2, 3};
    assert_ok(mb_knapsack_new(2, 1, m, &p));
    p->group[0] = p->group[1] = 0;
    assert_fails(mb_knapsack_check(p), MB_BADINPUT, "tied");
    p->group[0] = -1;
    p->pair = mb_calloc(25, sizeof(double));
    assert_fails(mb_knapsack_solve(p, NULL, &a), MB_BADINPUT, "pairwise");
    assert_fails(mb_solver_run(mb_solver_find("greedy"), NULL, p, NULL, &a), MB_BADINPUT, "pairwise");
    mb_knapsack_free(p);
    const mb_solver_type *type;
    assert_fails(mb_solver_named("exakt", &type), MB_BADINPUT, "did you mean exact");
    assert_fails(mb_knapsack_new(0, 1, m, &p), MB_BADINPUT, "at least 1 layer");
    assert_int_equal(mb_mem_live(), 0);
}

/* --- all solvers ---------------------------------------------------------------------------------------------------------- */

static void every_solver_answers_within_the_limits_and_not_below_the_optimum(void **state) {
    (void)state;
    int exact_ones = 0;
    for (unsigned t = 0; t < 12; t++) {
        mb_knapsack *p = large(100 + t, 12, 5, 1 + (int)(t % 3), 0.35);
        if (t % 2) p->group[1] = p->group[4] = 0;
        mb_answer best;
        assert_ok(mb_knapsack_solve(p, NULL, &best));
        for (size_t e = 0; mb_solvers[e]; e++) {
            mb_search s = {.seed = t, .max_work = strcmp(mb_solvers[e]->name, "ddpg") ? 4000 : 30};
            mb_answer a, again;
            assert_ok(mb_solver_run(mb_solvers[e], NULL, p, &s, &a));
            assert_ok(mb_solver_run(mb_solvers[e], NULL, p, &s, &again));
            if (a.n != 1) fail_msg("%s found nothing", mb_solvers[e]->name);
            assert_true(mb_knapsack_feasible(p, a.a[0].choice));
            assert_true(a.a[0].value >= best.a[0].value * (1 - 1e-9));
            assert_memory_equal(a.a[0].choice, again.a[0].choice, 12 * sizeof(int));
            if (a.certainty == MB_PROVEN) {
                exact_ones++;
                if (fabs(a.a[0].value - best.a[0].value) > 1e-6 * best.a[0].value)
                    fail_msg("%s claims a false optimum", mb_solvers[e]->name);
            } else if (strcmp(mb_solvers[e]->name, "ddpg") != 0) { /* the heuristics are not far off */
                if (a.a[0].value > 3 * best.a[0].value)
                    fail_msg("%s: %g, optimum %g", mb_solvers[e]->name, a.a[0].value, best.a[0].value);
            }
            mb_answer_free(&a);
            mb_answer_free(&again);
        }
        mb_answer_free(&best);
        mb_knapsack_free(p);
    }
    assert_true(exact_ones >= 24); /* exact and glpk */
    assert_int_equal(mb_mem_live(), 0);
}

static void every_solver_stops_when_it_is_told(void **state) {
    (void)state;
    mb_knapsack *p = large(9, 60, 30, 3, 0.3);
    for (size_t e = 0; mb_solvers[e]; e++) {
        int calls = 0;
        mb_search s = {.time_s = 1, .now = late, .ctx = &calls};
        mb_answer a;
        assert_ok(mb_solver_run(mb_solvers[e], NULL, p, &s, &a));
        if (a.certainty == MB_PROVEN) fail_msg("%s did not look at the clock", mb_solvers[e]->name);
        mb_answer_free(&a);
        calls = 0;
        s = (mb_search){.progress = stop_at_once, .ctx = &calls};
        if (!strcmp(mb_solvers[e]->name, "ddpg") || !strcmp(mb_solvers[e]->name, "glpk") ||
            !strcmp(mb_solvers[e]->name, "greedy"))
            continue;
        assert_ok(mb_solver_run(mb_solvers[e], NULL, p, &s, &a));
        if (strcmp(mb_solvers[e]->name, "exact")) assert_true(calls >= 1);
        assert_true(a.certainty == MB_STOPPED || a.certainty == MB_PROVEN);
        mb_answer_free(&a);
    }
    mb_knapsack_free(p);
    assert_int_equal(mb_mem_live(), 0);
}

/* Pairwise problems of 5 layers x 3 choices: enumeration inside `quadratic` is checked against ours, and local search (on a
 * problem that is too large to enumerate) does not lose to annealing. */
static void pairwise_terms_count(void **state) {
    (void)state;
    mb_stream r;
    for (unsigned t = 0; t < 20; t++) {
        const int n = t < 10 ? 5 : 16, choices = 3;
        int m[16];
        mb_knapsack *p = NULL;
        mb_stream_init(&r, 11, MB_RNG_TEST, t, 2, 0);
        for (int i = 0; i < n; i++) m[i] = choices;
        assert_ok(mb_knapsack_new(n, 1, m, &p));
        p->pair = mb_calloc((size_t)p->total * (size_t)p->total, sizeof(double));
        for (int a = 0; a < p->total; a++)
            for (int b = 0; b < a; b++)
                if (a / choices != b / choices) p->pair[a * p->total + b] = p->pair[b * p->total + a] = draw(&r, -1, 1);
        for (int i = 0; i < n; i++)
            for (int j = 0; j < choices; j++) p->value[i][j] = draw(&r, 0, 3), p->use[i][j] = draw(&r, 0, 10);
        p->limit[0] = 6 * n;
        if (t % 3 == 0) p->group[0] = p->group[3] = 1;
        mb_answer q, a;
        mb_search s = {.seed = t, .max_work = 300000};
        assert_ok(mb_solver_run(mb_solver_find("quadratic"), NULL, p, &s, &q));
        assert_ok(mb_solver_run(mb_solver_find("anneal"), NULL, p, &s, &a));
        if (!q.n || !a.n) fail_msg("problem %u: %d and %d answers", t, q.n, a.n);
        assert_true(mb_knapsack_feasible(p, q.a[0].choice));
        assert_true(q.a[0].value <= a.a[0].value + 1e-9);
        if (n == 5) {
            long count;
            double *all = enumerate(p, &count);
            assert_int_equal(q.certainty, MB_PROVEN);
            assert_true(fabs(q.a[0].value - all[0]) <= 1e-9);
            mb_free(all);
        }
        mb_answer_free(&q);
        mb_answer_free(&a);
        mb_knapsack_free(p);
    }
}

/* --- fronts -------------------------------------------------------------------------------------------------------------- */

/* Number of non-dominated (value, uses) among all feasible assignments. */
static int front_size(const mb_knapsack *p, int d) {
    long total = 1, n = 0;
    for (int i = 0; i < p->n; i++) total *= p->m[i];
    double(*v)[4] = mb_malloc((size_t)total, sizeof *v), use[MB_KNAPSACK_MAX_LIMITS];
    int x[64], size = 0;
    for (long q = 0; q < total; q++) {
        for (long i = 0, rest = q; i < p->n; i++) x[i] = (int)(rest % p->m[i]), rest /= p->m[i];
        if (!mb_knapsack_feasible(p, x)) continue;
        v[n][0] = mb_knapsack_value(p, x, use);
        for (int k = 0; k < d; k++) v[n][k + 1] = use[k];
        n++;
    }
    for (long a = 0; a < n; a++) {
        bool lost = false;
        for (long b = 0; b < n && !lost; b++) {
            bool below = b != a, same = true;
            for (int k = 0; k <= d && below; k++) below = v[b][k] <= v[a][k], same = same && v[b][k] >= v[a][k];
            lost = below && (!same || b < a);
        }
        size += !lost;
    }
    mb_free(v);
    return size;
}

static void fronts_are_those_of_enumeration(void **state) {
    (void)state;
    mb_stream r;
    const int keys[3] = {0, 1, 2};
    for (unsigned t = 0; t < 60; t++) {
        int m[5], n = 2 + (int)(t % 4), d = 1 + (int)(t % 3);
        mb_knapsack *p = NULL;
        mb_stream_init(&r, 17, MB_RNG_TEST, t, 3, 0);
        for (int i = 0; i < n; i++) m[i] = 1 + pick(&r, 4);
        assert_ok(mb_knapsack_new(n, d, m, &p));
        for (int i = 0; i < n; i++)
            for (int j = 0; j < m[i]; j++) {
                p->value[i][j] = pick(&r, 12);
                for (int k = 0; k < d; k++) p->use[i][j * d + k] = pick(&r, 12);
            }
        if (t % 2) p->limit[0] = 6 * n;
        mb_front f;
        assert_ok(mb_front_exact(p, keys, d, NULL, &f));
        assert_int_equal(f.n, front_size(p, d));
        for (int i = 0; i < f.n; i++) assert_true(mb_knapsack_feasible(p, f.choice + i * n));
        const int size = f.n;
        bool on[256];
        if (f.n && f.n < 256) assert_true(mb_front_hull(&f, on) <= f.n && on[0] && on[f.n - 1]);
        mb_front_free(&f);
        assert_ok(mb_front_sweep(p, keys, d, d == 3 ? 6 : 40, NULL, &f));
        assert_true(f.n <= size && (size == 0 || f.n >= 1));
        for (int i = 0; i < f.n; i++) assert_true(f.bound[i] >= f.value[i]);
        mb_front_free(&f);
        mb_knapsack_free(p);
    }
    mb_knapsack *p = large(3, 8, 6, 2, 0.5);
    mb_front f;
    assert_fails(mb_front_exact(p, keys, 1, NULL, &f), MB_BADINPUT, "its own axes");
    mb_search few = {.max_work = 5};
    p->limit[1] = p->limit[0] = HUGE_VAL;
    assert_fails(mb_front_exact(p, keys, 2, &few, &f), MB_NUMERIC, "too many points");
    assert_fails(mb_front_exact(p, keys, 0, NULL, &f), MB_BADINPUT, "1 to 3");
    mb_knapsack_free(p);
    assert_int_equal(mb_mem_live(), 0);
}

/* As large as ResNet-50: every step of the front is within its limits, falling, and the exact solver agrees at points of it. */
static void the_front_of_a_large_network_is_complete(void **state) {
    (void)state;
    const int key = 0;
    mb_knapsack *p = large(1, 54, 40, 1, 0.5);
    mb_front f;
    p->limit[0] = HUGE_VAL;
    assert_ok(mb_front_exact(p, &key, 1, NULL, &f));
    assert_true(f.complete && f.n > 1000);
    for (int i = 1; i < f.n; i++) assert_true(f.use[i] > f.use[i - 1] && f.value[i] < f.value[i - 1]);
    for (int e = 1; e < 5; e++) {
        mb_answer a;
        int i = f.n * e / 5;
        p->limit[0] = f.use[i];
        assert_ok(mb_knapsack_solve(p, NULL, &a));
        assert_true(fabs(a.a[0].value - f.value[i]) <= 1e-9 * f.value[i]);
        mb_answer_free(&a);
    }
    mb_front_free(&f);
    mb_knapsack_free(p);
}

static void hypervolumes(void **state) {
    (void)state;
    const double two[] = {1, 3, 2, 2, 3, 1, 9, 0}, ref2[] = {4, 4}, three[] = {0, 0.5, 0.5, 0.5, 0, 0.5, 0.5, 0.5, 0},
                 ref3[] = {1, 1, 1};
    assert_true(fabs(mb_hypervolume(two, 4, 2, ref2) - 6) < 1e-12); /* the last lies outside */
    /* three boxes of 1/4, pairwise overlaps of 1/8, all three 1/8: 3/4 - 3/8 + 1/8 */
    assert_true(fabs(mb_hypervolume(three, 3, 3, ref3) - 0.5) < 1e-12);
    assert_true(mb_hypervolume(two, 0, 2, ref2) == 0);
}

static void every_allocation_may_fail(void **state) {
    (void)state;
    mb_knapsack *p = large(2, 8, 4, 2, 0.4);
    const int keys[1] = {0};
    for (size_t e = 0; mb_solvers[e]; e++) {
        for (long k = 1; k < 400; k++) {
            mb_search s = {.max_work = 20};
            mb_answer a = {0};
            mb_mem_fail_after(k);
            int rc = mb_solver_run(mb_solvers[e], NULL, p, &s, &a);
            mb_mem_fail_after(-1);
            mb_error_clear();
            if (!rc) mb_answer_free(&a);
            else assert_int_equal(rc, MB_SYSTEM);
            if (!rc && k > 390) break;
        }
    }
    p->limit[0] = p->limit[1] = HUGE_VAL;
    for (long k = 1; k < 60; k++) {
        mb_front f;
        mb_mem_fail_after(k);
        int rc = mb_front_exact(p, keys, 1, NULL, &f);
        mb_mem_fail_after(-1);
        mb_error_clear();
        if (!rc) mb_front_free(&f);
    }
    mb_knapsack_free(p);
    assert_int_equal(mb_mem_live(), 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_optimum_and_the_next_best_are_those_of_brute_force),
        cmocka_unit_test(only_better_values),
        cmocka_unit_test(certificates_hold_when_the_search_is_cut_short),
        cmocka_unit_test(what_cannot_be_is_told),
        cmocka_unit_test(every_solver_answers_within_the_limits_and_not_below_the_optimum),
        cmocka_unit_test(every_solver_stops_when_it_is_told),
        cmocka_unit_test(pairwise_terms_count),
        cmocka_unit_test(fronts_are_those_of_enumeration),
        cmocka_unit_test(the_front_of_a_large_network_is_complete),
        cmocka_unit_test(hypervolumes),
        cmocka_unit_test(every_allocation_may_fail),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
