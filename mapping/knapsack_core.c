/* knapsack_core.c - from the problem to the exact solver's core: tied layers merged, dominated choices and idle limits dropped
 *
 * Who may call: mapping/knapsack_*.c.
 */
#include <math.h>
#include <string.h>

#include "base/error.h"
#include "base/mem.h"
#include "mapping/knapsack_internal.h"

void mb_core_free(mb_core *c) {
    if (!c) return;
    mb_free(c->off);
    mb_free(c->c);
    mb_free(c->orig);
    mb_free(c->of);
    for (int k = 0; k < MB_KNAPSACK_MAX_LIMITS; k++) mb_free(c->u[k]);
    mb_free(c);
}

/* Number of merged layers; of[i] filled. */
static int merge(const mb_knapsack *p, int *of) {
    int n = 0;
    for (int i = 0; i < p->n; i++) {
        of[i] = -1;
        for (int h = 0; h < i && of[i] < 0; h++)
            if (p->group[i] >= 0 && p->group[h] == p->group[i]) of[i] = of[h];
        if (of[i] < 0) of[i] = n++;
    }
    return n;
}

/* Greatest common divisor of integers held in doubles. */
static double common(double a, double b) {
    while (b > 0) {
        double r = fmod(a, b);
        a = b, b = r;
    }
    return a;
}

/* Sum of the least (TOP: of the largest) uses of limit K of the problem over merged layers, from tables of all choices. */
static void measure(mb_core *c) {
    c->range = c->round = 0;
    c->unit = 0;
    bool integer = true;
    double size = 0;
    for (int i = 0; i < c->n; i++) {
        double lo = HUGE_VAL, hi = -HUGE_VAL;
        for (int q = c->off[i]; q < c->off[i + 1]; q++) {
            lo = fmin(lo, c->c[q]), hi = fmax(hi, c->c[q]);
            if (c->c[q] != rint(c->c[q]) || fabs(c->c[q]) > 1e12) integer = false;
        }
        c->range += hi - lo;
        size += fmax(fabs(lo), fabs(hi));
    }
    c->round = 1e-14 * size;
    if (!integer) return;
    for (int q = 0; q < c->total; q++) c->unit = common(c->unit, fabs(c->c[q]));
}

/* A limit matters when the largest uses together exceed it. */
static bool matters(const mb_core *c, const double *use, double limit) {
    double sum = 0;
    for (int i = 0; i < c->n; i++) {
        double hi = -HUGE_VAL;
        for (int q = c->off[i]; q < c->off[i + 1]; q++) hi = fmax(hi, use[q]);
        sum += hi;
    }
    return sum > limit;
}

bool mb_core_possible(const mb_core *c, int *binding, double *least) {
    for (int k = 0; k < c->K; k++) {
        double sum = 0;
        for (int i = 0; i < c->n; i++) {
            double lo = HUGE_VAL;
            for (int q = c->off[i]; q < c->off[i + 1]; q++) lo = fmin(lo, c->u[k][q]);
            sum += lo;
        }
        if (sum > c->limit[k]) {
            *binding = c->key[k];
            *least = sum;
            return false;
        }
    }
    return true;
}

/* Tables of merged layer of FIRST into V [m], U [m * K]. */
static void add_up(const mb_knapsack *p, const int *of, int layer, double *v, double *u) {
    bool begun = false;
    for (int i = 0; i < p->n; i++) {
        if (of[i] != layer) continue;
        for (int j = 0; j < p->m[i]; j++) {
            v[j] = (begun ? v[j] : 0) + p->value[i][j];
            for (int k = 0; k < p->K; k++) u[j * p->K + k] = (begun ? u[j * p->K + k] : 0) + p->use[i][j * p->K + k];
        }
        begun = true;
    }
}

static int alloc(const mb_knapsack *p, mb_core *c) {
    c->of = mb_malloc((size_t)p->n, sizeof(int));
    c->off = mb_calloc((size_t)p->n + 1, sizeof(int));
    c->c = mb_malloc((size_t)p->total, sizeof(double));
    c->orig = mb_malloc((size_t)p->total, sizeof(int));
    bool ok = c->of && c->off && c->c && c->orig;
    for (int k = 0; ok && k < p->K; k++) ok = (c->u[k] = mb_malloc((size_t)p->total, sizeof(double))) != NULL;
    return ok ? MB_OK : mb_nomem();
}

static int fill(const mb_knapsack *p, mb_core *c, int count) {
    int most = 1, rc = MB_OK, *count_of = mb_calloc((size_t)p->n, sizeof *count_of);
    for (int i = 0; i < p->n; i++)
        if (p->m[i] > most) most = p->m[i];
    double *v = mb_malloc((size_t)most, sizeof *v), *u = mb_malloc((size_t)most * (size_t)(p->K ? p->K : 1), sizeof *u);
    bool *keep = mb_malloc((size_t)most, sizeof *keep);
    if (!v || !u || !keep || !count_of) rc = mb_nomem();
    for (int i = 0; !rc && i < p->n; i++) count_of[c->of[i]] = p->m[i];
    for (int l = 0; !rc && l < c->n; l++) {
        add_up(p, c->of, l, v, u);
        c->dropped += mb_knapsack_dominated(count_of[l], p->K, v, u, count, keep);
        for (int j = 0; j < count_of[l]; j++) {
            if (!keep[j]) continue;
            int q = c->total++;
            c->c[q] = v[j];
            c->orig[q] = j;
            for (int k = 0; k < p->K; k++) c->u[k][q] = u[j * p->K + k];
        }
        c->off[l + 1] = c->total;
    }
    mb_free(v);
    mb_free(u);
    mb_free(keep);
    mb_free(count_of);
    return rc;
}

int mb_core_new(const mb_knapsack *p, int count, mb_core **out) {
    mb_core *c = mb_calloc(1, sizeof *c);
    if (!c) return mb_nomem();
    c->p = p;
    int rc = alloc(p, c);
    if (!rc) {
        c->n = merge(p, c->of);
        rc = fill(p, c, count);
    }
    if (rc) {
        mb_core_free(c);
        return rc;
    }
    measure(c);
    for (int k = 0; k < p->K; k++) {
        double limit = p->limit[k] + mb_knapsack_slack(p, k), lo = 0, hi = 0;
        double *use = c->u[k];
        if (isinf(limit) || !matters(c, use, limit)) continue;
        for (int i = 0; i < c->n; i++) {
            double a = HUGE_VAL, b = -HUGE_VAL;
            for (int q = c->off[i]; q < c->off[i + 1]; q++) a = fmin(a, use[q]), b = fmax(b, use[q]);
            lo += a, hi += b;
        }
        c->u[k] = c->u[c->K]; /* swap to the front */
        c->u[c->K] = use;
        c->key[c->K] = k;
        c->limit[c->K] = limit;
        c->penalty[c->K] = 1e6 * (c->range > 0 ? c->range : 1) / (hi > lo ? hi - lo : 1);
        c->K++;
    }
    *out = c;
    return MB_OK;
}

void mb_core_expand(const mb_core *c, const int *pick, int *x) {
    for (int i = 0; i < c->p->n; i++) x[i] = c->orig[pick[c->of[i]]];
}
