/* knapsack.c - the problem's tables, sums, dominance, the list of the best assignments, certificates in words
 *
 * Who may call: see knapsack.h.
 */
#include "mapping/knapsack.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/mem.h"

int mb_knapsack_new(int n, int K, const int *m, mb_knapsack **out) {
    if (n < 1 || K < 0 || K > MB_KNAPSACK_MAX_LIMITS)
        return mb_fail(MB_BADINPUT, "a table of %d layers and %d limits: at least 1 layer and at most %d limits", n, K, MB_KNAPSACK_MAX_LIMITS);
    mb_knapsack *p = mb_calloc(1, sizeof *p);
    if (!p) return mb_nomem();
    p->n = n, p->K = K;
    p->m = mb_calloc((size_t)n, sizeof *p->m);
    p->value = mb_calloc((size_t)n, sizeof *p->value);
    p->use = mb_calloc((size_t)n, sizeof *p->use);
    p->limit = mb_calloc((size_t)K, sizeof *p->limit);
    p->group = mb_calloc((size_t)n, sizeof *p->group);
    p->layer = mb_calloc((size_t)n, sizeof *p->layer);
    p->limit_name = mb_calloc((size_t)K, sizeof *p->limit_name);
    int rc = p->m && p->value && p->use && p->limit && p->group && p->layer && p->limit_name ? MB_OK : mb_nomem();
    for (int i = 0; !rc && i < n; i++) {
        p->m[i] = m[i];
        p->group[i] = -1;
        p->total += m[i];
        if (m[i] < 1) rc = mb_fail(MB_BADINPUT, "layer %d has no choice", i);
        if (!rc && (!(p->value[i] = mb_calloc((size_t)m[i], sizeof(double))) || !(p->use[i] = mb_calloc((size_t)m[i] * (size_t)(K ? K : 1), sizeof(double)))))
            rc = mb_nomem();
    }
    for (int k = 0; !rc && k < K; k++) p->limit[k] = HUGE_VAL;
    if (rc) mb_knapsack_free(p);
    else *out = p;
    return rc;
}

void mb_knapsack_free(mb_knapsack *p) {
    if (!p) return;
    for (int i = 0; i < p->n; i++) {
        if (p->value) mb_free(p->value[i]);
        if (p->use) mb_free(p->use[i]);
        if (p->layer) mb_free(p->layer[i]);
    }
    for (int k = 0; k < p->K; k++)
        if (p->limit_name) mb_free(p->limit_name[k]);
    mb_free(p->m);
    mb_free(p->value);
    mb_free(p->use);
    mb_free(p->limit);
    mb_free(p->group);
    mb_free(p->layer);
    mb_free(p->limit_name);
    mb_free(p->pair);
    mb_free(p);
}

static const char *layer_name(const mb_knapsack *p, int i, char *buf, size_t cap) {
    if (p->layer[i]) return p->layer[i];
    mb_str text = {0};
    mb_str_addf(&text, "%d", i);
    size_t n = text.n < cap ? text.n : cap - 1;
    memcpy(buf, mb_cstr(&text), n);
    buf[n] = 0;
    mb_str_free(&text);
    return buf;
}

int mb_knapsack_check(const mb_knapsack *p) {
    char buf[16];
    for (int i = 0; i < p->n; i++) {
        for (int j = 0; j < p->m[i]; j++) {
            if (!isfinite(p->value[i][j]))
                return mb_fail(MB_BADINPUT, "layer %s: the sensitivity of choice %d is not a finite number", layer_name(p, i, buf, sizeof buf), j);
            for (int k = 0; k < p->K; k++)
                if (!isfinite(p->use[i][j * p->K + k]))
                    return mb_fail(MB_BADINPUT, "layer %s: the cost %s of choice %d is not a finite number", layer_name(p, i, buf, sizeof buf),
                                   p->limit_name[k] ? p->limit_name[k] : "", j);
        }
        for (int h = 0; h < i; h++)
            if (p->group[i] >= 0 && p->group[h] == p->group[i] && p->m[h] != p->m[i])
                return mb_fail(MB_BADINPUT, "layer %s is tied to one with %d choices, and has %d", layer_name(p, i, buf, sizeof buf), p->m[h], p->m[i]);
    }
    for (int k = 0; k < p->K; k++)
        if (isnan(p->limit[k])) return mb_fail(MB_BADINPUT, "the limit %s is not a number", p->limit_name[k] ? p->limit_name[k] : "");
    for (int64_t q = 0; p->pair && q < (int64_t)p->total * p->total; q++)
        if (!isfinite(p->pair[q])) return mb_fail(MB_BADINPUT, "a pairwise term is not a finite number");
    return MB_OK;
}

double mb_knapsack_value(const mb_knapsack *p, const int *x, double *use) {
    double v = 0;
    for (int k = 0; use && k < p->K; k++) use[k] = 0;
    for (int i = 0; i < p->n; i++) {
        v += p->value[i][x[i]];
        for (int k = 0; use && k < p->K; k++) use[k] += p->use[i][x[i] * p->K + k];
    }
    if (!p->pair) return v;
    for (int i = 0, a = 0; i < p->n; a += p->m[i++])
        for (int h = 0, b = 0; h < p->n; b += p->m[h++])
            if (h != i) v += p->pair[(int64_t)(a + x[i]) * p->total + b + x[h]];
    return v;
}

double mb_knapsack_slack(const mb_knapsack *p, int k) {
    return isinf(p->limit[k]) ? 0 : MB_KNAPSACK_TOLERANCE * fabs(p->limit[k]);
}

bool mb_knapsack_within(const mb_knapsack *p, const double *use, int *binding) {
    for (int k = 0; k < p->K; k++)
        if (!(use[k] <= p->limit[k] + mb_knapsack_slack(p, k))) {
            if (binding) *binding = k;
            return false;
        }
    return true;
}

bool mb_knapsack_feasible(const mb_knapsack *p, const int *x) {
    double use[MB_KNAPSACK_MAX_LIMITS];
    for (int i = 0; i < p->n; i++) {
        if (x[i] < 0 || x[i] >= p->m[i]) return false;
        for (int h = 0; h < i; h++)
            if (p->group[i] >= 0 && p->group[h] == p->group[i] && x[h] != x[i]) return false;
    }
    mb_knapsack_value(p, x, use);
    return mb_knapsack_within(p, use, NULL);
}

/* --- dominance ------------------------------------------------------------------------------------------------------- */

typedef struct ranked { double value; int j; } ranked;

static int by_value(const void *a, const void *b) {
    const ranked *x = a, *y = b;
    if (x->value < y->value) return -1;
    if (x->value > y->value) return 1;
    return x->j - y->j;
}

/* In order of value, so that only earlier ones can dominate; of the dominated that are kept none needs to be compared with, since what dominates them does, too. */
int mb_knapsack_dominated(int m, int K, const double *value, const double *use, int count, bool *keep) {
    ranked *r = mb_malloc((size_t)m, sizeof *r);
    for (int j = 0; j < m; j++) keep[j] = true;
    if (!r) return 0; /* keeping all is right, only slower */
    for (int j = 0; j < m; j++) r[j] = (ranked){value[j], j};
    qsort(r, (size_t)m, sizeof *r, by_value);
    int dropped = 0;
    for (int a = 0; a < m; a++) {
        const double *u = use + (size_t)r[a].j * (size_t)K;
        int better = 0;
        for (int b = 0; b < m && better < count; b++) {
            if (b == a || r[b].value > r[a].value) continue;
            const double *w = use + (size_t)r[b].j * (size_t)K;
            bool below = true, same = r[b].value >= r[a].value;
            for (int k = 0; below && k < K; k++) {
                below = w[k] <= u[k];
                same = same && w[k] >= u[k];
            }
            if (below && !(same && r[b].j > r[a].j)) better++;
        }
        if (better >= count) {
            keep[r[a].j] = false;
            dropped++;
        }
    }
    mb_free(r);
    return dropped;
}

/* --- the best so far ------------------------------------------------------------------------------------------------- */

int mb_pool_init(mb_pool *b, const mb_knapsack *p, int want) {
    *b = (mb_pool){.p = p, .want = want > 1 ? want : 1};
    b->a = mb_calloc((size_t)b->want + 1, sizeof *b->a);
    return b->a ? MB_OK : mb_nomem();
}

double mb_pool_threshold(const mb_pool *b) { return b->n < b->want ? HUGE_VAL : b->a[b->n - 1].value; }

static void assignment_free(mb_assignment *a) {
    mb_free(a->choice);
    mb_free(a->use);
    *a = (mb_assignment){0};
}

int mb_pool_offer(mb_pool *b, const int *x, bool *kept) {
    double use[MB_KNAPSACK_MAX_LIMITS];
    const mb_knapsack *p = b->p;
    size_t bytes = (size_t)p->n * sizeof *x;
    if (kept) *kept = false;
    double v = mb_knapsack_value(p, x, use);
    if (!(v < mb_pool_threshold(b)) || !mb_knapsack_feasible(p, x)) return MB_OK;
    for (int i = 0; i < b->n; i++)
        if (memcmp(b->a[i].choice, x, bytes) == 0) return MB_OK;
    int at = b->n;
    while (at > 0 && b->a[at - 1].value > v) at--;
    mb_assignment a = {mb_malloc((size_t)p->n, sizeof *x), v, mb_malloc((size_t)p->K, sizeof(double))};
    if (!a.choice || !a.use) {
        assignment_free(&a);
        return mb_nomem();
    }
    memcpy(a.choice, x, bytes);
    memcpy(a.use, use, (size_t)p->K * sizeof(double));
    memmove(b->a + at + 1, b->a + at, (size_t)(b->n - at) * sizeof *b->a);
    b->a[at] = a;
    if (b->n == b->want) assignment_free(&b->a[b->n]);
    else b->n++;
    if (kept) *kept = true;
    return MB_OK;
}

void mb_pool_finish(mb_pool *b, mb_answer *out) {
    out->n = b->n;
    out->a = b->a;
    b->a = NULL;
    b->n = 0;
}

void mb_pool_free(mb_pool *b) {
    for (int i = 0; i < b->n; i++) assignment_free(&b->a[i]);
    mb_free(b->a);
    *b = (mb_pool){0};
}

/* --- answers --------------------------------------------------------------------------------------------------------- */

void mb_answer_free(mb_answer *a) {
    for (int i = 0; i < a->n; i++) assignment_free(&a->a[i]);
    mb_free(a->a);
    mb_free(a->note);
    *a = (mb_answer){0};
}

const char *mb_certainty_name(mb_certainty c) {
    static const char *const name[] = {"optimal", "within the gap", "stopped", "heuristic", "infeasible"};
    return name[c];
}

void mb_answer_text(const mb_answer *a, mb_str *out) {
    char num[32];
    switch (a->certainty) {
    case MB_PROVEN: mb_str_add(out, "optimal (proven)"); return;
    case MB_IMPOSSIBLE: mb_str_add(out, "no assignment meets the limits (proven)"); return;
    case MB_HEURISTIC: mb_str_add(out, "found without a proof"); break;
    case MB_WITHIN_GAP: mb_str_add(out, "within the gap that was asked for"); break;
    case MB_STOPPED: mb_str_add(out, "stopped at the limit of time or work"); break;
    }
    if (!a->n) mb_str_add(out, ", nothing found");
    else if (isfinite(a->bound)) mb_str_addf(out, ": at most %.3g %% above the optimum (lower bound %s)", 100 * a->gap, mb_fmt_double(num, a->bound, 0));
}
