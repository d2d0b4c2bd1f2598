/* run_mapping.c - the golden runner of the mapper: run_mapping DIR... checks every case below the folders, one TAP line each
 *
 * Schemas (told by the key `schema` of a .json, or the first word of a .txt): mckp-1 and mckp1 (exact solver: optimum to 1e-9, or
 * infeasible; user time to the proof; cases whose name holds "hard": also a certified gap of 0.5 %), eagl-1, hess-1, quant-1,
 * pareto-1, iqp-1, orm-1, relax-1. Without arguments: the shipped cases, and those of $MIXBAR_SHARED/golden/mapping (or
 * $top_srcdir/../shared/golden/mapping) when they are there. Times are measured on one thread's processor clock; they fail a case
 * only beyond ten times the figure that the design asks for, since machines differ.
 */
#include <dirent.h>
#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "base/error.h"
#include "base/file.h"
#include "base/mem.h"
#include "hessian_case.h"
#include "mapping/front.h"
#include "mapping/sensitivity.h"
#include "mapping/solver.h"
#include "nn/quantizer.h"

static int n_lines, n_failed;

static void line(bool ok, const char *path, const char *text) {
    const char *name = strrchr(path, '/');
    n_failed += !ok;
    printf("%s %d - %s: %s\n", ok ? "ok" : "not ok", ++n_lines, name ? name + 1 : path, text);
    if (!ok) mb_error_print(stderr);
    mb_error_clear();
    fflush(stdout);
}

static double cpu_s(void *ctx) {
    struct timespec t;
    (void)ctx;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static double num(const json_t *j) { return json_number_value(j); }
static double get(const json_t *o, const char *key) { return num(json_object_get(o, key)); }
static double rel(double a, double b) { return fabs(a - b) / fmax(1, fabs(b)); }

/* Numbers of an array; NULL without memory. */
static double *numbers(const json_t *a) {
    size_t n = json_array_size(a);
    double *v = mb_calloc(n, sizeof *v);
    for (size_t i = 0; v && i < n; i++) v[i] = num(json_array_get(a, i));
    return v;
}

/* --- knapsack ---------------------------------------------------------------------------------------------------------- */

typedef struct expectation {
    bool infeasible, unique;
    double value;
    int *choice;
} expectation;

static void check_knapsack(const char *path, const mb_knapsack *p, const expectation *e) {
    const bool hard = strstr(path, "hard") || strstr(path, "rand20");
    const double allowed = hard ? 5 : 0.1;
    mb_search s = {.now = cpu_s, .time_s = 100 * allowed};
    mb_answer a;
    char text[300], more[120] = "";
    double t0 = cpu_s(NULL);
    int rc = mb_knapsack_solve(p, &s, &a);
    double t = cpu_s(NULL) - t0, value = a.n ? a.a[0].value : (double)NAN;
    bool ok = !rc && t <= 10 * allowed;
    if (e->infeasible) ok = ok && a.certainty == MB_IMPOSSIBLE;
    else
        ok = ok && a.n == 1 && a.certainty == MB_PROVEN && mb_knapsack_feasible(p, a.a[0].choice) &&
             fabs(value - e->value) <= 1e-9 * fmax(fabs(e->value), 1e-12);
    if (ok && e->unique && e->choice) ok = memcmp(e->choice, a.a[0].choice, (size_t)p->n * sizeof(int)) == 0;
    snprintf(text, sizeof text, "%s, %.10g expected %.10g, %lld nodes, %.4f s (%g s)",
             rc ? "failed" : mb_certainty_name(a.certainty), value, e->infeasible ? (double)NAN : e->value,
             rc ? 0LL : (long long)a.work, t, allowed);
    mb_answer_free(&a);
    if (hard && !rc && !e->infeasible) {
        s.gap = 0.005;
        t0 = cpu_s(NULL);
        rc = mb_knapsack_solve(p, &s, &a);
        t = cpu_s(NULL) - t0;
        ok = ok && !rc && a.n && a.gap <= 0.005 && a.bound <= e->value * (1 + 1e-9) && a.a[0].value >= e->value * (1 - 1e-9) &&
             t <= 0.5;
        snprintf(more, sizeof more, "; gap %.2g %% after %.4f s (0.05 s)", rc ? 0 : 100 * a.gap, t);
        mb_answer_free(&a);
    }
    strncat(text, more, sizeof text - strlen(text) - 1);
    line(ok, path, text);
}

static int knapsack_json(const json_t *j, mb_knapsack **out, expectation *e) {
    const json_t *layers = json_object_get(j, "layers"), *limits = json_object_get(j, "limits"),
                 *ties = json_object_get(j, "ties");
    int n = (int)json_array_size(layers), K = (int)json_array_size(limits), rc = MB_OK, *m = mb_calloc((size_t)n + 1, sizeof *m);
    if (!m) return mb_nomem();
    for (int i = 0; i < n; i++) m[i] = (int)json_array_size(json_object_get(json_array_get(layers, (size_t)i), "choices"));
    rc = mb_knapsack_new(n, K, m, out);
    mb_free(m);
    if (rc) return rc;
    mb_knapsack *p = *out;
    for (int i = 0; i < n; i++)
        for (int c = 0; c < p->m[i]; c++) {
            const json_t *choice = json_array_get(json_object_get(json_array_get(layers, (size_t)i), "choices"), (size_t)c);
            p->value[i][c] = get(choice, "obj");
            for (int k = 0; k < K; k++) p->use[i][c * K + k] = num(json_array_get(json_object_get(choice, "use"), (size_t)k));
        }
    for (int k = 0; k < K; k++) p->limit[k] = num(json_array_get(limits, (size_t)k));
    for (size_t g = 0; g < json_array_size(ties); g++)
        for (size_t q = 0; q < json_array_size(json_array_get(ties, g)); q++) {
            json_int_t i = json_integer_value(json_array_get(json_array_get(ties, g), q));
            if (i >= 0 && i < n) p->group[i] = (int)g;
        }
    const json_t *x = json_object_get(j, "expected"), *choice = json_object_get(x, "choice");
    const char *status = json_string_value(json_object_get(x, "status"));
    e->infeasible = status && strcmp(status, "infeasible") == 0;
    e->value = get(x, "objective");
    e->unique = json_is_true(json_object_get(x, "unique"));
    if (json_array_size(choice) == (size_t)n && (e->choice = mb_calloc((size_t)n, sizeof(int))))
        for (int i = 0; i < n; i++) e->choice[i] = (int)json_integer_value(json_array_get(choice, (size_t)i));
    return MB_OK;
}

static int knapsack_text(const char *path, FILE *f, mb_knapsack **out, expectation *e) {
    int n, K, T, rc = MB_OK;
    char word[32];
    double limit[MB_KNAPSACK_MAX_LIMITS], **v = NULL;
    int *m = NULL;
    if (fscanf(f, " mckp1 %d %d %d limits", &n, &K, &T) != 3 || n < 1 || n > 100000 || K < 0 || K > MB_KNAPSACK_MAX_LIMITS)
        return mb_fail(MB_BADINPUT, "%s: no mckp1", path);
    for (int k = 0; k < K; k++)
        if (fscanf(f, "%lf", &limit[k]) != 1) rc = mb_fail(MB_BADINPUT, "%s: limits", path);
    m = mb_calloc((size_t)n, sizeof *m);
    v = mb_calloc((size_t)n, sizeof *v);
    if (!m || !v) rc = mb_nomem();
    for (int i = 0; i < n && !rc; i++) {
        if (fscanf(f, " layer %d", &m[i]) != 1 || m[i] < 1) rc = mb_fail(MB_BADINPUT, "%s: layer %d", path, i);
        size_t count = rc ? 0 : (size_t)m[i] * (size_t)(K + 1);
        if (!rc && !(v[i] = mb_calloc(count, sizeof **v))) rc = mb_nomem();
        for (size_t q = 0; q < count && !rc; q++)
            if (fscanf(f, "%lf", &v[i][q]) != 1) rc = mb_fail(MB_BADINPUT, "%s: layer %d", path, i);
    }
    if (!rc) rc = mb_knapsack_new(n, K, m, out);
    for (int i = 0; i < n && !rc; i++)
        for (int c = 0; c < m[i]; c++) {
            (*out)->value[i][c] = v[i][c * (K + 1)];
            for (int k = 0; k < K; k++) (*out)->use[i][c * K + k] = v[i][c * (K + 1) + 1 + k];
        }
    for (int k = 0; k < K && !rc; k++) (*out)->limit[k] = limit[k];
    for (int g = 0; g < T && !rc; g++) {
        int size, i;
        if (fscanf(f, " tie %d", &size) != 1) rc = mb_fail(MB_BADINPUT, "%s: tie", path);
        for (int q = 0; q < size && !rc; q++) {
            if (fscanf(f, "%d", &i) != 1 || i < 0 || i >= n) rc = mb_fail(MB_BADINPUT, "%s: tie", path);
            else (*out)->group[i] = g;
        }
    }
    if (!rc && fscanf(f, " expect %31s", word) != 1) rc = mb_fail(MB_BADINPUT, "%s: expect", path);
    if (!rc) e->infeasible = strcmp(word, "infeasible") == 0;
    if (!rc && !e->infeasible && fscanf(f, "%lf", &e->value) != 1) rc = mb_fail(MB_BADINPUT, "%s: expect", path);
    for (int i = 0; v && i < n; i++) mb_free(v[i]);
    mb_free(v);
    mb_free(m);
    return rc;
}

static void finish_knapsack(const char *path, int rc, mb_knapsack *p, expectation *e) {
    if (rc) line(false, path, "cannot be read");
    else check_knapsack(path, p, e);
    mb_free(e->choice);
    mb_knapsack_free(p);
}

/* --- entropy ------------------------------------------------------------------------------------------------------------- */

static void check_selection(const char *path, const json_t *sel) {
    const json_t *layers = json_object_get(sel, "layers"), *ties = json_object_get(sel, "ties"),
                 *optima = json_object_get(sel, "optima"), *o;
    const int n = (int)json_array_size(layers);
    const char *key;
    int *m = mb_calloc((size_t)n, sizeof *m);
    mb_knapsack *p = NULL;
    double worst = 0;
    for (int i = 0; m && i < n; i++) m[i] = 2;
    int rc = m ? mb_knapsack_new(n, 1, m, &p) : mb_nomem(), cases = 0;
    for (int i = 0; i < n && !rc; i++) {
        const json_t *l = json_array_get(layers, (size_t)i), *w = json_object_get(l, "w");
        double *v = numbers(w), h = 0;
        rc = mb_weight_entropy(v, json_array_size(w), 4, MB_BIN_LSQ, get(l, "step4"), &h);
        mb_free(v);
        worst = fmax(worst, fabs(h - get(l, "entropy4")));
        p->value[i][1] = -h; /* keeping 4 bits gains the entropy */
        p->use[i][0] = 2 * get(l, "macs");
        p->use[i][1] = 4 * get(l, "macs");
    }
    for (size_t g = 0; g < json_array_size(ties) && !rc; g++)
        for (size_t q = 0; q < json_array_size(json_array_get(ties, g)); q++)
            p->group[json_integer_value(json_array_get(json_array_get(ties, g), q))] = (int)g;
    json_object_foreach((json_t *)optima, key, o) {
        mb_answer a = {0};
        if (rc) break;
        p->limit[0] = get(o, "budget");
        rc = mb_knapsack_solve(p, NULL, &a);
        worst = fmax(worst, a.n ? fabs(-a.a[0].value - get(o, "gain")) : HUGE_VAL);
        mb_answer_free(&a);
        cases++;
    }
    char text[160];
    snprintf(text, sizeof text, "selection under %d budgets, largest error %.1e (1e-9)", cases, worst);
    line(!rc && cases > 0 && worst <= 1e-9, path, text);
    mb_knapsack_free(p);
    mb_free(m);
}

static void check_eagl(const char *path, const json_t *j) {
    static const char *const names[] = {"lsq_init", "minmax_sym", "equal_width_minmax"};
    size_t k;
    const json_t *c, *b;
    json_array_foreach(json_object_get(j, "cases"), k, c) {
        const json_t *w = json_object_get(c, "w");
        double *v = numbers(w), worst = 0;
        int rc = v ? MB_OK : mb_nomem(), figures = 0;
        const char *bits;
        json_object_foreach(json_object_get(c, "bits"), bits, b) for (int e = 0; e < 3 && !rc; e++) {
            double h;
            const json_t *want = json_object_get(json_object_get(b, names[e]), "entropy_bits");
            if (!want) continue;
            rc = mb_weight_entropy(v, json_array_size(w), (int)strtol(bits, NULL, 10), (mb_binning)e, 0, &h);
            worst = fmax(worst, fabs(h - num(want)));
            figures++;
        }
        char text[200];
        snprintf(text, sizeof text, "entropies of %s: %d figures, largest error %.1e (1e-9)",
                 json_string_value(json_object_get(c, "name")), figures, worst);
        line(!rc && figures && worst <= 1e-9, path, text);
        mb_free(v);
    }
    if (json_object_get(j, "selection")) check_selection(path, json_object_get(j, "selection"));
}

/* --- quantisers ------------------------------------------------------------------------------------------------------------- */

static void check_quant(const char *path, const json_t *j) {
    static const struct {
        const char *name;
        mb_quantizer_kind kind;
        const char *param;
    } known[] = {{"hwgq", MB_QUANTIZER_HWGQ, NULL},
                 {"edmips_gauss_weight", MB_QUANTIZER_EDMIPS, NULL},
                 {"sym_minmax", MB_QUANTIZER_SYMMETRIC, NULL},
                 {"asym_minmax_int_zeropoint", MB_QUANTIZER_ASYMMETRIC, NULL},
                 {"lsq_signed", MB_QUANTIZER_LSQ, "step"},
                 {"lsq_unsigned", MB_QUANTIZER_LSQ_UNSIGNED, "step"},
                 {"dorefa_weight", MB_QUANTIZER_DOREFA, NULL},
                 {"pact_act", MB_QUANTIZER_PACT, "alpha"}};
    const json_t *x = json_object_get(j, "x"), *c;
    const size_t n = json_array_size(x);
    double *v = numbers(x), *y = mb_calloc(n, sizeof *y);
    size_t k;
    json_array_foreach(json_object_get(j, "cases"), k, c) {
        const char *name = json_string_value(json_object_get(c, "q"));
        const json_t *want = json_object_get(c, "y");
        mb_quantizer q;
        int rc = MB_BADINPUT;
        double worst = HUGE_VAL;
        for (size_t e = 0; e < sizeof known / sizeof *known; e++) {
            if (!name || strcmp(name, known[e].name) != 0) continue;
            rc = mb_quantizer_fit(known[e].kind, (int)json_integer_value(json_object_get(c, "bits")), v, n,
                                  known[e].param ? get(c, known[e].param) : 0, &q);
            if (rc || json_array_size(want) != n) break;
            mb_quantizer_apply(&q, v, n, y);
            worst = 0;
            for (size_t i = 0; i < n; i++) worst = fmax(worst, fabs(y[i] - num(json_array_get(want, i))));
            if (!known[e].param && json_object_get(c, "step")) worst = fmax(worst, fabs(q.step - get(c, "step")));
        }
        char text[160];
        snprintf(text, sizeof text, "%s at %d bits, largest error %.1e (1e-12)", name ? name : "(no name)",
                 (int)json_integer_value(json_object_get(c, "bits")), worst);
        line(!rc && worst <= 1e-12, path, text);
    }
    mb_free(v);
    mb_free(y);
}

/* --- fronts -------------------------------------------------------------------------------------------------------------- */

static bool same_front(const mb_front *f, const json_t *want, int d) {
    if ((size_t)f->n != json_array_size(want)) return false;
    for (int i = 0; i < f->n; i++) { /* rows hold (uses, value) or (value, uses): accept the order of the file's own name */
        bool hit = false;
        for (size_t q = 0; q < json_array_size(want) && !hit; q++) {
            const json_t *row = json_array_get(want, q);
            bool last = num(json_array_get(row, (size_t)d)) == f->value[i], first = num(json_array_get(row, 0)) == f->value[i];
            for (int k = 0; k < d; k++) {
                last = last && num(json_array_get(row, (size_t)k)) == f->use[i * f->K + k];
                first = first && num(json_array_get(row, (size_t)k + 1)) == f->use[i * f->K + k];
            }
            hit = last || first;
        }
        if (!hit) return false;
    }
    return true;
}

static void check_pareto(const char *path, const json_t *j) {
    const json_t *layers = json_object_get(j, "layers"), *top = json_object_get(j, "topk"),
                 *best = json_object_get(top, "best10");
    const int n = (int)json_array_size(layers), keys[2] = {0, 1};
    int *m = mb_calloc((size_t)n, sizeof *m);
    mb_knapsack *p = NULL;
    mb_front f = {0};
    char text[200];
    for (int i = 0; m && i < n; i++) m[i] = (int)json_array_size(json_array_get(layers, (size_t)i));
    int rc = m ? mb_knapsack_new(n, 2, m, &p) : mb_nomem();
    for (int i = 0; i < n && !rc; i++)
        for (int c = 0; c < m[i]; c++) {
            const json_t *row = json_array_get(json_array_get(layers, (size_t)i), (size_t)c);
            p->value[i][c] = num(json_array_get(row, 0));
            for (int k = 0; k < 2; k++) p->use[i][2 * c + k] = num(json_array_get(row, (size_t)k + 1));
        }
    if (!rc) rc = mb_front_exact(p, keys, 1, NULL, &f);
    bool *on = mb_calloc((size_t)f.n + 1, sizeof *on);
    int hull = on ? mb_front_hull(&f, on) : 0;
    snprintf(text, sizeof text, "complete front of %d points (%zu), %d on the hull (%zu)", f.n,
             json_array_size(json_object_get(j, "front_obj_vs_use0")), hull,
             json_array_size(json_object_get(j, "convex_hull_of_front")));
    line(!rc && same_front(&f, json_object_get(j, "front_obj_vs_use0"), 1) &&
             (size_t)hull == json_array_size(json_object_get(j, "convex_hull_of_front")),
         path, text);
    mb_free(on);
    mb_front_free(&f);
    if (!rc) rc = mb_front_exact(p, keys, 2, NULL, &f);
    snprintf(text, sizeof text, "front of three objectives, %d points (%d)", f.n,
             (int)json_integer_value(json_object_get(j, "front3_size")));
    line(!rc && same_front(&f, json_object_get(j, "front3"), 2), path, text);
    mb_front_free(&f);
    mb_answer a = {0};
    mb_search s = {.best = (int)json_array_size(best)};
    if (!rc) p->limit[0] = get(top, "limit_use0");
    if (!rc) rc = mb_knapsack_solve(p, &s, &a);
    bool ok = !rc && a.certainty == MB_PROVEN && a.n == s.best;
    for (int i = 0; i < a.n && ok; i++) ok = a.a[i].value == num(json_array_get(best, (size_t)i));
    snprintf(text, sizeof text, "%d best assignments at a limit", a.n);
    line(ok, path, text);
    mb_answer_free(&a);
    mb_knapsack_free(p);
    mb_free(m);
}

/* --- pairwise terms ------------------------------------------------------------------------------------------------------ */

static void check_iqp(const char *path, const json_t *j) {
    size_t k;
    const json_t *c;
    json_array_foreach(json_object_get(j, "cases"), k, c) {
        const int n = (int)json_integer_value(json_object_get(c, "n")),
                  choices = (int)json_integer_value(json_object_get(c, "m")), total = n * choices;
        const json_t *G = json_object_get(c, "G_row_major"), *cost = json_object_get(c, "cost");
        mb_knapsack *p = NULL;
        mb_answer a = {0};
        int *m = mb_calloc((size_t)n, sizeof *m);
        for (int i = 0; m && i < n; i++) m[i] = choices;
        int rc = m ? mb_knapsack_new(n, 1, m, &p) : mb_nomem();
        if (!rc && !(p->pair = mb_calloc((size_t)total * (size_t)total, sizeof(double)))) rc = mb_nomem();
        for (int r = 0; r < total && !rc; r++)
            for (int q = 0; q < total; q++) {
                double g = num(json_array_get(G, (size_t)(r * total + q)));
                if (r == q) p->value[r / choices][r % choices] = g;
                else p->pair[r * total + q] = g;
            }
        for (int i = 0; i < n && !rc; i++)
            for (int q = 0; q < choices; q++) p->use[i][q] = num(json_array_get(json_array_get(cost, (size_t)i), (size_t)q));
        if (!rc) p->limit[0] = get(c, "limit");
        if (!rc) rc = mb_solver_run(mb_solver_find("quadratic"), NULL, p, NULL, &a);
        double value = a.n ? a.a[0].value : (double)NAN, want = get(c, "optimum");
        char text[160];
        snprintf(text, sizeof text, "pairwise terms, case %zu: %.10g expected %.10g (additive choice: %.10g), %s", k, value, want,
                 get(c, "diagonal_only_true_value"), mb_certainty_name(a.certainty));
        line(!rc && rel(value, want) <= 1e-9, path, text);
        mb_answer_free(&a);
        mb_knapsack_free(p);
        mb_free(m);
    }
}

/* --- orthogonality, relaxed costs ---------------------------------------------------------------------------------------- */

static void check_orm(const char *path, const json_t *j) {
    const json_t *features = json_object_get(j, "features");
    const int L = (int)json_array_size(features);
    double **x = mb_calloc((size_t)L, sizeof *x), *orm = mb_calloc((size_t)L * (size_t)L, sizeof *orm),
           *gamma = mb_calloc((size_t)L, sizeof *gamma), *theta = mb_calloc((size_t)L, sizeof *theta), worst = 0;
    int *width = mb_calloc((size_t)L, sizeof *width), samples = 0;
    for (int l = 0; l < L; l++) {
        const json_t *f = json_array_get(features, (size_t)l);
        samples = (int)json_integer_value(json_array_get(json_object_get(f, "shape"), 0));
        width[l] = (int)json_integer_value(json_array_get(json_object_get(f, "shape"), 1));
        x[l] = numbers(json_object_get(f, "x"));
    }
    int rc = mb_orthogonality(L, samples, (const double *const *)x, width, get(j, "beta"), orm, gamma, theta);
    for (int a = 0; a < L; a++) {
        for (int b = 0; b < L; b++)
            worst = fmax(worst, fabs(orm[a * L + b] -
                                     num(json_array_get(json_array_get(json_object_get(j, "orm"), (size_t)a), (size_t)b))));
        worst = fmax(worst, fabs(gamma[a] - num(json_array_get(json_object_get(j, "gamma"), (size_t)a))));
        worst = fmax(worst, fabs(theta[a] - num(json_array_get(json_object_get(j, "theta"), (size_t)a))));
        mb_free(x[a]);
    }
    char text[120];
    snprintf(text, sizeof text, "orthogonality of %d layers, largest error %.1e (1e-9)", L, worst);
    line(!rc && L > 0 && worst <= 1e-9, path, text);
    mb_free(x);
    mb_free(orm);
    mb_free(gamma);
    mb_free(theta);
    mb_free(width);
}

static void check_relax(const char *path, const json_t *j) {
    size_t k;
    const json_t *c;
    char text[160];
    json_array_foreach(json_object_get(j, "fracbits"), k, c) {
        double v = mb_fracbits_bitops(get(c, "macs"), get(c, "lambda_w"), get(c, "lambda_a")), want = get(c, "bitops");
        snprintf(text, sizeof text, "FracBits bit operations %.12g expected %.12g", v, want);
        line(rel(v, want) <= 1e-12, path, text);
    }
    json_array_foreach(json_object_get(j, "edmips"), k, c) {
        const json_t *a = json_object_get(c, "alpha_w"), *b = json_object_get(c, "alpha_a");
        double *v[4] = {numbers(a), numbers(json_object_get(c, "bits_w")), numbers(b), numbers(json_object_get(c, "bits_a"))};
        double got = mb_edmips_complexity(get(c, "size_product"), (int)json_array_size(a), v[0], v[1], (int)json_array_size(b),
                                          v[2], v[3]),
               want = get(c, "expected");
        snprintf(text, sizeof text, "EdMIPS expected complexity %.12g expected %.12g", got, want);
        line(rel(got, want) <= 1e-12, path, text);
        for (int e = 0; e < 4; e++) mb_free(v[e]);
    }
}

/* --- files --------------------------------------------------------------------------------------------------------------- */

static void run_json(const char *path) {
    json_error_t e;
    json_t *j = json_load_file(path, 0, &e);
    const char *schema = json_string_value(json_object_get(j, "schema"));
    if (!j) line(false, path, e.text);
    else if (!schema) printf("# %s: no schema\n", path);
    else if (!strcmp(schema, "mckp-1")) {
        mb_knapsack *p = NULL;
        expectation x = {0};
        int rc = knapsack_json(j, &p, &x);
        finish_knapsack(path, rc, p, &x);
    } else if (!strcmp(schema, "eagl-1")) check_eagl(path, j);
    else if (!strcmp(schema, "quant-1")) check_quant(path, j);
    else if (!strcmp(schema, "pareto-1")) check_pareto(path, j);
    else if (!strcmp(schema, "iqp-1")) check_iqp(path, j);
    else if (!strcmp(schema, "orm-1")) check_orm(path, j);
    else if (!strcmp(schema, "relax-1")) check_relax(path, j);
    else if (!strcmp(schema, "hess-1")) n_failed += !golden_hessian(path, &n_lines);
    else printf("# %s: unknown schema %s, not checked\n", path, schema);
    json_decref(j);
}

static void run_text(const char *path) {
    FILE *f = fopen(path, "r");
    char word[8] = "";
    if (!f) return;
    if (fscanf(f, "%7s", word) == 1 && !strcmp(word, "mckp1")) {
        mb_knapsack *p = NULL;
        expectation x = {0};
        rewind(f);
        int rc = knapsack_text(path, f, &p, &x);
        finish_knapsack(path, rc, p, &x);
    }
    fclose(f);
}

static int by_name(const struct dirent **a, const struct dirent **b) { return strcmp((*a)->d_name, (*b)->d_name); }

static void run(const char *path) {
    struct stat st;
    struct dirent **list;
    const char *dot = strrchr(path, '.');
    if (stat(path, &st) != 0) {
        line(false, path, "cannot be read");
        return;
    }
    if (!S_ISDIR(st.st_mode)) {
        if (dot && !strcmp(dot, ".json")) run_json(path);
        else if (dot && !strcmp(dot, ".txt")) run_text(path);
        return;
    }
    int n = scandir(path, &list, NULL, by_name);
    for (int i = 0; i < n; i++) {
        char *below = list[i]->d_name[0] == '.' ? NULL : mb_path_join(path, list[i]->d_name);
        if (below) run(below);
        mb_free(below);
        free(list[i]);
    }
    if (n >= 0) free(list);
}

int main(int argc, char **argv) {
    for (int i = 1; i < argc; i++) run(argv[i]);
    if (argc == 1) {
        const char *src = getenv("top_srcdir"), *shared = getenv("MIXBAR_SHARED");
        char *own = mb_asprintf("%s/tests/golden/mapping", src ? src : ".");
        char *all =
            shared ? mb_asprintf("%s/golden/mapping", shared) : mb_asprintf("%s/../shared/golden/mapping", src ? src : ".");
        if (own) run(own);
        if (all && mb_dir_exists(all)) run(all);
        else printf("# the collection of further cases is not here (MIXBAR_SHARED): 1 folder skipped\n");
        mb_free(own);
        mb_free(all);
    }
    printf("1..%d\n", n_lines);
    return n_failed || !n_lines;
}
