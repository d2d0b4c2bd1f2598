/* front.c - complete fronts by partial sums, sweeps by the exact solver, hull, hypervolume
 *
 * One key: the partial sums of a layer's step are thinned in two passes over buckets of use: the least value of the buckets before says what
 * is dominated, the rest is sorted. Cost per layer: (front x choices), no comparison of all pairs. More keys: pairwise comparison in
 * order of value.
 * Who may call: see front.h.
 */
#include "mapping/front.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/mem.h"
#include "mapping/knapsack_internal.h"

#define MAXD 3

/* A partial sum over the first layers: value, uses of the keys; the one it came from and the choice that was added. */
typedef struct partial { double v, u[MAXD]; int from, choice; } partial;
typedef struct step { int from, choice; } step; /* what is kept of a finished layer */

typedef struct builder {
    const mb_core *c;
    int D;
    const double *u[MAXD];            /* uses of the keys, all choices of the core */
    double limit[MAXD];               /* slack included */
    double *least[MAXD];              /* [n + 1]: least use of layers i .. n-1 */
    partial *cur, *next;
    size_t n, cap;
    step **trail;
    size_t *trail_n;
    int64_t work, most;
} builder;

void mb_front_free(mb_front *f) {
    mb_free(f->choice);
    mb_free(f->value);
    mb_free(f->use);
    mb_free(f->bound);
    *f = (mb_front){0};
}

static int by_use(const void *a, const void *b) {
    const partial *x = a, *y = b;
    if (x->u[0] < y->u[0] || x->u[0] > y->u[0]) return x->u[0] < y->u[0] ? -1 : 1;
    if (x->v < y->v || x->v > y->v) return x->v < y->v ? -1 : 1;
    return x->from != y->from ? (x->from < y->from ? -1 : 1) : (x->choice > y->choice) - (x->choice < y->choice);
}

static int by_all(const void *a, const void *b) {
    const partial *x = a, *y = b;
    if (x->v < y->v || x->v > y->v) return x->v < y->v ? -1 : 1;
    for (int d = 0; d < MAXD; d++)
        if (x->u[d] < y->u[d] || x->u[d] > y->u[d]) return x->u[d] < y->u[d] ? -1 : 1;
    return x->from != y->from ? (x->from < y->from ? -1 : 1) : (x->choice > y->choice) - (x->choice < y->choice);
}

static int reserve(builder *b, size_t n) {
    if (n <= b->cap) return MB_OK;
    size_t cap = b->cap ? b->cap : 1024;
    while (cap < n) cap *= 2;
    partial *p = mb_realloc(b->next, cap, sizeof *p), *q = p ? mb_realloc(b->cur, cap, sizeof *q) : NULL;
    if (p) b->next = p;
    if (q) b->cur = q;
    if (!p || !q) return mb_nomem();
    b->cap = cap;
    return MB_OK;
}

/* One key. */
static int thin_by_buckets(builder *b, int layer, size_t *count) {
    const mb_core *c = b->c;
    const int from = c->off[layer], to = c->off[layer + 1];
    const double *u = b->u[0], room = b->limit[0] - b->least[0][layer + 1];
    double lo = HUGE_VAL, hi = -HUGE_VAL;
    for (int q = from; q < to; q++) lo = fmin(lo, u[q]), hi = fmax(hi, u[q]);
    lo += b->cur[0].u[0];
    hi = fmin(hi + b->cur[b->n - 1].u[0], room);
    size_t m = 4 * b->n + 64, n = 0;
    double *floor_of = mb_malloc(m + 1, sizeof *floor_of); /* least value in buckets up to and with m - 1; [0]: none */
    if (!floor_of) return mb_nomem();
    for (size_t k = 0; k <= m; k++) floor_of[k] = HUGE_VAL;
    const double rate = hi > lo ? (double)(m - 1) / (hi - lo) : 0;
    for (int q = from; q < to; q++)
        for (size_t i = 0; i < b->n; i++) {
            double x = b->cur[i].u[0] + u[q], v = b->cur[i].v + c->c[q];
            if (x > room) break;
            size_t k = (size_t)((x - lo) * rate);
            if (v < floor_of[k + 1]) floor_of[k + 1] = v;
        }
    for (size_t k = 1; k <= m; k++) floor_of[k] = fmin(floor_of[k], floor_of[k - 1]);
    int rc = MB_OK;
    for (int q = from; q < to && !rc; q++)
        for (size_t i = 0; i < b->n; i++) {
            double x = b->cur[i].u[0] + u[q], v = b->cur[i].v + c->c[q];
            if (x > room) break;
            size_t k = (size_t)((x - lo) * rate);
            if (v >= floor_of[k]) continue;
            if (n == b->cap && (rc = reserve(b, n + 1))) break;
            b->next[n++] = (partial){v, {x}, (int)i, q};
        }
    mb_free(floor_of);
    if (rc) return rc;
    b->work += (int64_t)b->n * (to - from);
    qsort(b->next, n, sizeof *b->next, by_use);
    double best = HUGE_VAL;
    size_t w = 0;
    for (size_t i = 0; i < n; i++)
        if (b->next[i].v < best) best = b->next[i].v, b->next[w++] = b->next[i];
    *count = w;
    return MB_OK;
}

/* Several keys. */
static int thin_by_pairs(builder *b, int layer, size_t *count) {
    const mb_core *c = b->c;
    size_t n = 0, w = 0;
    for (size_t i = 0; i < b->n; i++)
        for (int q = c->off[layer]; q < c->off[layer + 1]; q++) {
            partial s = {b->cur[i].v + c->c[q], {0}, (int)i, q};
            bool ok = true;
            for (int d = 0; ok && d < b->D; d++) {
                s.u[d] = b->cur[i].u[d] + b->u[d][q];
                ok = s.u[d] <= b->limit[d] - b->least[d][layer + 1];
            }
            if (!ok) continue;
            int rc = n == b->cap ? reserve(b, n + 1) : MB_OK;
            if (rc) return rc;
            b->next[n++] = s;
        }
    b->work += (int64_t)n;
    qsort(b->next, n, sizeof *b->next, by_all);
    for (size_t i = 0; i < n; i++) {
        bool lost = false;
        for (size_t j = w; j-- > 0 && !lost;) {
            lost = true;
            for (int d = 0; lost && d < b->D; d++) lost = b->next[j].u[d] <= b->next[i].u[d];
        }
        if (!lost) b->next[w++] = b->next[i];
    }
    *count = w;
    return MB_OK;
}

static int build(builder *b) {
    int rc = reserve(b, 1);
    if (rc) return rc;
    b->n = 1;
    b->cur[0] = (partial){0};
    int64_t held = 0;
    for (int i = 0; i < b->c->n && b->n && !rc; i++) {
        size_t n = 0;
        rc = b->D == 1 ? thin_by_buckets(b, i, &n) : thin_by_pairs(b, i, &n);
        if (rc) break;
        held += (int64_t)n;
        if (held > b->most)
            return mb_fail(MB_NUMERIC, "the complete front has too many points (%lld partial sums after %d of %d layers): sweep it, or widen the limits' steps",
                           (long long)held, i + 1, b->c->n);
        b->trail[i] = mb_malloc(n, sizeof **b->trail);
        if (!b->trail[i]) return mb_nomem();
        for (size_t k = 0; k < n; k++) b->trail[i][k] = (step){b->next[k].from, b->next[k].choice};
        partial *t = b->cur;
        b->cur = b->next;
        b->next = t;
        b->n = n;
    }
    return rc;
}

static int front_alloc(mb_front *f, const mb_knapsack *p, const int *keys, int n_keys, size_t n) {
    *f = (mb_front){.layers = p->n, .K = p->K, .n_keys = n_keys};
    for (int d = 0; d < n_keys; d++) f->key[d] = keys[d];
    f->choice = mb_malloc(n * (size_t)p->n, sizeof *f->choice);
    f->value = mb_malloc(n, sizeof *f->value);
    f->use = mb_malloc(n * (size_t)p->K, sizeof *f->use);
    f->bound = mb_malloc(n, sizeof *f->bound);
    if (f->choice && f->value && f->use && f->bound) return MB_OK;
    mb_front_free(f);
    return mb_nomem();
}

/* Follow the trail of each final sum. */
static int harvest(builder *b, const int *keys, mb_front *out) {
    const mb_core *c = b->c;
    int *pick = mb_malloc((size_t)c->n, sizeof *pick);
    int rc = pick ? front_alloc(out, c->p, keys, b->D, b->n) : mb_nomem();
    for (size_t k = 0; k < b->n && !rc; k++) {
        int at = (int)k;
        for (int i = c->n; i-- > 0;) {
            pick[i] = b->trail[i][at].choice;
            at = b->trail[i][at].from;
        }
        int *x = out->choice + k * (size_t)c->p->n;
        mb_core_expand(c, pick, x);
        out->value[k] = out->bound[k] = mb_knapsack_value(c->p, x, out->use + k * (size_t)c->p->K);
        out->n++;
    }
    mb_free(pick);
    if (!rc) out->complete = true, out->work = b->work;
    return rc;
}

/* The front is that of a problem without the other limits; those must be infinite or idle. */
static int check_keys(const mb_knapsack *p, const int *keys, int n_keys) {
    if (p->pair) return mb_fail(MB_BADINPUT, "fronts know no pairwise terms");
    if (n_keys < 1 || n_keys > MAXD) return mb_fail(MB_BADINPUT, "a front of the value against %d uses: 1 to %d are possible", n_keys, MAXD);
    for (int d = 0; d < n_keys; d++)
        if (keys[d] < 0 || keys[d] >= p->K) return mb_fail(MB_BADINPUT, "the table has no use number %d", keys[d]);
    return mb_knapsack_check(p);
}

int mb_front_exact(const mb_knapsack *p, const int *keys, int n_keys, const mb_search *s, mb_front *out) {
    builder b = {.D = n_keys, .most = s && s->max_work > 0 ? s->max_work : 20000000};
    mb_core *c = NULL;
    mb_knapsack view = *p; /* only the keys' columns, without limits, so that dominance sees no more */
    *out = (mb_front){0};
    int rc = check_keys(p, keys, n_keys);
    if (rc) return rc;
    for (int k = 0; k < p->K; k++) {
        bool is_key = false;
        for (int d = 0; d < n_keys; d++) is_key = is_key || keys[d] == k;
        if (!is_key && isfinite(p->limit[k])) return mb_fail(MB_BADINPUT, "a complete front takes limits of its own axes only: sweep it");
    }
    double **columns = mb_calloc((size_t)p->n, sizeof *columns), limit[MAXD];
    rc = columns ? MB_OK : mb_nomem();
    for (int i = 0; i < p->n && !rc; i++) {
        if (!(columns[i] = mb_malloc((size_t)p->m[i] * (size_t)n_keys, sizeof **columns))) rc = mb_nomem();
        for (int j = 0; j < p->m[i] && !rc; j++)
            for (int d = 0; d < n_keys; d++) columns[i][j * n_keys + d] = p->use[i][j * p->K + keys[d]];
    }
    for (int d = 0; d < n_keys; d++) limit[d] = HUGE_VAL;
    view.use = columns, view.K = n_keys, view.limit = limit;
    if (!rc) rc = mb_core_new(&view, 1, &c);
    if (!rc) {
        b.c = c;
        b.trail = mb_calloc((size_t)c->n, sizeof *b.trail);
        rc = b.trail ? MB_OK : mb_nomem();
        for (int d = 0; d < n_keys && !rc; d++) {
            b.u[d] = c->u[d];
            b.limit[d] = p->limit[keys[d]] + mb_knapsack_slack(p, keys[d]);
            b.least[d] = mb_calloc((size_t)c->n + 1, sizeof(double));
            if (!b.least[d]) rc = mb_nomem();
            for (int i = c->n; i-- > 0 && !rc;) {
                double lo = HUGE_VAL;
                for (int q = c->off[i]; q < c->off[i + 1]; q++) lo = fmin(lo, b.u[d][q]);
                b.least[d][i] = b.least[d][i + 1] + lo;
            }
        }
        if (!rc) rc = build(&b);
        c->p = p;
        if (!rc) rc = harvest(&b, keys, out);
        for (int i = 0; i < c->n && b.trail; i++) mb_free(b.trail[i]);
    }
    for (int d = 0; d < n_keys; d++) mb_free(b.least[d]);
    mb_free(b.trail);
    mb_free(b.cur);
    mb_free(b.next);
    for (int i = 0; i < p->n && columns; i++) mb_free(columns[i]);
    mb_free(columns);
    mb_core_free(c);
    if (rc) mb_front_free(out);
    return rc;
}

/* --- sweeps -------------------------------------------------------------------------------------------------------------- */

typedef struct gathered { int *choice; double value, bound, *use, key[MAXD]; } gathered;

/* Is A dominated by B in value and the uses of the keys? Of equals, the one that comes LATER is. */
static bool beaten(const mb_front *f, const gathered *a, const gathered *b, bool later) {
    bool same = b->value >= a->value;
    if (b->value > a->value) return false;
    for (int d = 0; d < f->n_keys; d++) {
        double x = a->use[f->key[d]], y = b->use[f->key[d]];
        if (y > x) return false;
        same = same && y >= x;
    }
    return !same || later;
}

static int order_gathered(const void *a, const void *b) {
    const gathered *x = a, *y = b;
    for (int d = 0; d < MAXD; d++)
        if (x->key[d] < y->key[d] || x->key[d] > y->key[d]) return x->key[d] < y->key[d] ? -1 : 1;
    return (x->value > y->value) - (x->value < y->value);
}

/* Solve one cell of the grid and keep its answer. */
static int solve_cell(mb_knapsack *q, const mb_search *s, mb_front *out, gathered *g, int *n) {
    mb_answer a;
    int rc = mb_knapsack_solve(q, s, &a);
    if (rc) return rc;
    out->solved++;
    out->work += a.work;
    if (a.n) {
        g[*n] = (gathered){a.a[0].choice, a.a[0].value, a.certainty == MB_PROVEN ? a.a[0].value : a.bound, a.a[0].use, {0}};
        for (int d = 0; d < out->n_keys; d++) g[*n].key[d] = g[*n].use[out->key[d]];
        a.a[0].choice = NULL, a.a[0].use = NULL;
        (*n)++;
    }
    mb_answer_free(&a);
    return MB_OK;
}

/* From what the least use of the key needs to what the best value uses. */
static int axis(const mb_knapsack *p, int key, int steps, const mb_search *s, double *limit) {
    mb_knapsack q = *p;
    double **value = mb_calloc((size_t)p->n, sizeof *value), lo = 0, hi = 0;
    mb_answer a = {0};
    int rc = value ? MB_OK : mb_nomem();
    for (int i = 0; i < p->n && !rc; i++) {
        if (!(value[i] = mb_malloc((size_t)p->m[i], sizeof **value))) rc = mb_nomem();
        for (int j = 0; j < p->m[i] && !rc; j++) value[i][j] = p->use[i][j * p->K + key];
    }
    q.value = value;
    if (!rc) rc = mb_knapsack_solve(&q, s, &a);
    if (!rc && a.n) lo = a.a[0].use[key];
    bool any = !rc && a.n;
    mb_answer_free(&a);
    if (any) rc = mb_knapsack_solve(p, s, &a);
    if (any && !rc && a.n) hi = a.a[0].use[key];
    mb_answer_free(&a);
    for (int i = 0; i < p->n && value; i++) mb_free(value[i]);
    mb_free(value);
    const bool ratio = lo > 0 && hi > 0; /* equal ratios: costs span decades */
    for (int k = 0; k < steps && !rc; k++) {
        double t = steps > 1 ? (double)k / (steps - 1) : 1;
        limit[k] = !any ? -HUGE_VAL : k == steps - 1 ? hi : k == 0 ? lo : ratio ? lo * pow(hi / lo, t) : lo + t * (hi - lo);
    }
    return rc;
}

int mb_front_sweep(const mb_knapsack *p, const int *keys, int n_keys, int steps, const mb_search *s, mb_front *out) {
    static const mb_search plain;
    mb_search each = s ? *s : plain;
    double limit[MAXD][256], kept[MB_KNAPSACK_MAX_LIMITS];
    *out = (mb_front){0};
    int rc = check_keys(p, keys, n_keys), total = 1, n = 0;
    if (rc) return rc;
    if (steps < 1 || steps > 256) return mb_fail(MB_BADINPUT, "a sweep of %d limits per axis: 1 to 256 are possible", steps);
    each.best = 1;
    each.start = NULL;
    for (int d = 0; d < n_keys && !rc; d++) {
        rc = axis(p, keys[d], steps, &each, limit[d]);
        total *= steps;
    }
    gathered *g = mb_calloc((size_t)total, sizeof *g);
    if (!rc && !g) rc = mb_nomem();
    mb_knapsack q = *p;
    memcpy(kept, p->limit, (size_t)p->K * sizeof *kept);
    q.limit = kept;
    out->n_keys = n_keys;
    for (int d = 0; d < n_keys; d++) out->key[d] = keys[d];
    int64_t work = 0;
    long solved = 0;
    for (int w = 0; w < total && !rc; w++) {
        bool ok = true;
        for (int d = 0, rest = w; d < n_keys; d++, rest /= steps) {
            double l = limit[d][rest % steps];
            ok = ok && isfinite(l);
            kept[keys[d]] = fmin(p->limit[keys[d]], l);
        }
        if (ok) rc = solve_cell(&q, &each, out, g, &n);
    }
    work = out->work, solved = out->solved;
    int w = 0;
    for (int a = 0; a < n && !rc; a++) {
        bool lost = false;
        for (int b = 0; b < n && !lost; b++) lost = b != a && beaten(out, &g[a], &g[b], b < a);
        if (lost) continue;
        gathered t = g[w];
        g[w] = g[a];
        if (w != a) g[a] = t;
        w++;
    }
    if (!rc) qsort(g, (size_t)w, sizeof *g, order_gathered);
    mb_front f = {0};
    if (!rc) rc = front_alloc(&f, p, keys, n_keys, (size_t)w);
    for (int a = 0; a < w && !rc; a++) {
        memcpy(f.choice + (size_t)a * (size_t)p->n, g[a].choice, (size_t)p->n * sizeof *f.choice);
        memcpy(f.use + (size_t)a * (size_t)p->K, g[a].use, (size_t)p->K * sizeof *f.use);
        f.value[a] = g[a].value;
        f.bound[a] = g[a].bound;
        f.n++;
    }
    f.work = work, f.solved = solved;
    for (int a = 0; a < n && g; a++) {
        mb_free(g[a].choice);
        mb_free(g[a].use);
    }
    mb_free(g);
    *out = f;
    return rc;
}

/* --- measures ------------------------------------------------------------------------------------------------------------ */

int mb_front_hull(const mb_front *f, bool *on) {
    int m = 0, *h = mb_malloc((size_t)f->n, sizeof *h);
    for (int i = 0; i < f->n; i++) on[i] = false;
    if (!h) return 0;
    for (int i = 0; i < f->n; i++) {
        double x = f->use[(size_t)i * (size_t)f->K + (size_t)f->key[0]];
        for (; m >= 2; m--) {
            double x1 = f->use[(size_t)h[m - 1] * (size_t)f->K + (size_t)f->key[0]], x0 = f->use[(size_t)h[m - 2] * (size_t)f->K + (size_t)f->key[0]];
            double y1 = f->value[h[m - 1]], y0 = f->value[h[m - 2]];
            if ((x1 - x0) * (f->value[i] - y0) - (x - x0) * (y1 - y0) > 0) break;
        }
        h[m++] = i;
    }
    for (int i = 0; i < m; i++) on[h[i]] = true;
    mb_free(h);
    return m;
}

typedef struct rank { double x; int i; } rank;

static int by_x(const void *a, const void *b) {
    const rank *x = a, *y = b;
    return x->x < y->x ? -1 : x->x > y->x ? 1 : x->i - y->i;
}

/* Slices along the last coordinate: the volume of the slice is the hypervolume of the points before it in the other coordinates. */
double mb_hypervolume(const double *x, int n, int d, const double *ref) {
    double volume = 0;
    if (n < 1) return 0;
    if (d == 1) {
        double least = x[0];
        for (int i = 1; i < n; i++) least = fmin(least, x[i]);
        return fmax(0, ref[0] - least);
    }
    rank *r = mb_malloc((size_t)n, sizeof *r);
    double *low = mb_malloc((size_t)n * (size_t)(d - 1), sizeof *low);
    int m = 0;
    for (int i = 0; i < n && r && low; i++) {
        bool inside = true;
        for (int k = 0; k < d; k++) inside = inside && x[(size_t)i * (size_t)d + (size_t)k] < ref[k];
        if (inside) r[m++] = (rank){x[(size_t)i * (size_t)d + (size_t)(d - 1)], i};
    }
    if (r && low) qsort(r, (size_t)m, sizeof *r, by_x);
    double least = HUGE_VAL; /* d = 2: no recursion needed */
    for (int i = 0; i < m; i++) {
        const double *q = x + (size_t)r[i].i * (size_t)d;
        double height = (i + 1 < m ? r[i + 1].x : ref[d - 1]) - r[i].x;
        memcpy(low + (size_t)i * (size_t)(d - 1), q, (size_t)(d - 1) * sizeof *low);
        least = fmin(least, q[0]);
        if (height > 0) volume += height * (d == 2 ? ref[0] - least : mb_hypervolume(low, i + 1, d - 1, ref));
    }
    mb_free(r);
    mb_free(low);
    return r && low ? volume : (double)NAN;
}
