/* knapsack_solve.c - branch and bound: bounds by mb_relax, reduced-cost fixing, rounding and exchange, splits of fractional
 * layers
 *
 * A node is a list of choices alive per merged layer with the multipliers of its parent. Work on a node: gather its choices, drop
 * those that cannot meet a limit beside the smallest uses of the others, bound, drop those whose reduced cost exceeds the gap to
 * the best assignment, try the roundings of the relaxation, split. Depth first, the more promising half first; the bound of the
 * answer is the least over what is open or was cut off for the gap. Who may call: mb_knapsack_solve by anybody.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/mem.h"
#include "mapping/knapsack_internal.h"

#define MAXK MB_KNAPSACK_MAX_LIMITS

typedef struct node {
    double bound, lambda[MAXK];
    int *off, *idx;
} node; /* one block: idx follows off */

typedef struct tree {
    const mb_core *c;
    const mb_search *s;
    mb_pool pool;
    mb_live v;
    mb_relaxed r;
    node *open;
    size_t n_open, cap;
    double cut; /* least bound among nodes that were cut off only because of the gap */
    double now0;
    int *x, *best, *pick;
    bool *side, *keep;
    bool stop;
    int64_t work;
} tree;

/* --- primal: rounding, repair, exchange --------------------------------------------------------------------------------- */

/* Assignments are kept as live indices PICK with their sums. */
static void sums(const tree *t, const int *pick, double *value, double *use) {
    *value = 0;
    for (int k = 0; k < t->c->K; k++) use[k] = 0;
    for (int i = 0; i < t->c->n; i++) {
        *value += t->v.c[pick[i]];
        for (int k = 0; k < t->c->K; k++) use[k] += t->v.u[k][pick[i]];
    }
}

static bool fits(const tree *t, const double *use) {
    for (int k = 0; k < t->c->K; k++)
        if (use[k] > t->c->limit[k]) return false;
    return true;
}

static double excess(const tree *t, const double *use) {
    double s = 0;
    for (int k = 0; k < t->c->K; k++)
        if (use[k] > t->c->limit[k]) s += (use[k] - t->c->limit[k]) * t->c->penalty[k];
    return s;
}

static int offer(tree *t, const int *pick) {
    for (int i = 0; i < t->c->n; i++) t->best[i] = t->v.idx[pick[i]];
    mb_core_expand(t->c, t->best, t->x);
    return mb_pool_offer(&t->pool, t->x, NULL);
}

/* Replace single choices while it helps: first until the limits are met (least loss per excess removed), then downhill. */
static bool improve(const tree *t, int *pick, bool repair) {
    const mb_live *v = &t->v;
    const int K = t->c->K;
    double value, use[MAXK], trial[MAXK];
    sums(t, pick, &value, use);
    for (int step = 0; step < 8 * t->c->n; step++) {
        double over = excess(t, use), best = over > 0 ? HUGE_VAL : 0;
        int bi = -1, bq = -1;
        if (over > 0 && !repair) return false;
        for (int i = 0; i < t->c->n; i++)
            for (int q = v->off[i]; q < v->off[i + 1]; q++) {
                double d = v->c[q] - v->c[pick[i]];
                if (over <= 0 && d >= best) continue;
                for (int k = 0; k < K; k++) trial[k] = use[k] + v->u[k][q] - v->u[k][pick[i]];
                double left = excess(t, trial), score = d;
                if (over > 0) {
                    if (!(left < over * (1 - 1e-9))) continue;
                    score = d <= 0 ? d * (over - left) : d / (over - left);
                } else if (left > 0) {
                    continue;
                }
                if (score < best) best = score, bi = i, bq = q;
            }
        if (bi < 0) return over <= 0;
        for (int k = 0; k < K; k++) use[k] += v->u[k][bq] - v->u[k][pick[bi]];
        pick[bi] = bq;
    }
    sums(t, pick, &value, use);
    return fits(t, use);
}

/* One replacement of a pair of choices that lowers the value; true when there was one. */
static bool exchange_pair(const tree *t, int *pick) {
    const mb_live *v = &t->v;
    const int K = t->c->K, n = t->c->n;
    double value, use[MAXK], one[MAXK], best = -1e-12 * (t->c->range > 0 ? t->c->range : 1);
    int b[4] = {-1, -1, -1, -1};
    sums(t, pick, &value, use);
    for (int i = 0; i < n; i++)
        for (int q = v->off[i]; q < v->off[i + 1]; q++) {
            if (q == pick[i]) continue;
            double d1 = v->c[q] - v->c[pick[i]];
            for (int k = 0; k < K; k++) one[k] = use[k] + v->u[k][q] - v->u[k][pick[i]];
            for (int h = i + 1; h < n; h++)
                for (int r = v->off[h]; r < v->off[h + 1]; r++) {
                    double d = d1 + v->c[r] - v->c[pick[h]];
                    if (d >= best) continue;
                    bool ok = true;
                    for (int k = 0; ok && k < K; k++) ok = one[k] + v->u[k][r] - v->u[k][pick[h]] <= t->c->limit[k];
                    if (ok) best = d, b[0] = i, b[1] = q, b[2] = h, b[3] = r;
                }
        }
    if (b[0] < 0) return false;
    pick[b[0]] = b[1];
    pick[b[2]] = b[3];
    return true;
}

/* All roundings of the fractional layers (at most 64 of them), each improved. */
static int round_off(tree *t, bool repair) {
    int layer[3 * MAXK], first[3 * MAXK + 1], m = 0, total = 1;
    const mb_relaxed *r = &t->r;
    for (int e = 0; e < r->n_part; e++) {
        if (m && layer[m - 1] == r->layer[e]) continue;
        layer[m] = r->layer[e];
        first[m++] = e;
    }
    first[m] = r->n_part;
    for (int a = 0; a < m && total <= 64; a++) total *= first[a + 1] - first[a];
    if (total > 64) total = 64;
    for (int w = 0; w < total; w++) {
        memcpy(t->pick, r->pick, (size_t)t->c->n * sizeof *t->pick);
        for (int a = 0, rest = w; a < m; a++) {
            int span = first[a + 1] - first[a];
            t->pick[layer[a]] = r->choice[first[a] + rest % span];
            rest /= span;
        }
        double value, use[MAXK];
        sums(t, t->pick, &value, use);
        if (!repair && !fits(t, use)) continue;
        if (!improve(t, t->pick, repair)) continue;
        int rc = offer(t, t->pick);
        if (rc) return rc;
    }
    return MB_OK;
}

/* The root: repair the roundings, then exchange pairs around the best. */
static int first_answers(tree *t) {
    int rc = round_off(t, true);
    if (rc || !t->pool.n) return rc;
    /* best assignment of the pool in live indices */
    for (int i = 0; i < t->c->p->n; i++) t->x[i] = t->pool.a[0].choice[i];
    bool *seen = t->keep;
    memset(seen, 0, (size_t)t->c->n * sizeof *seen);
    for (int i = 0; i < t->c->p->n; i++) {
        int l = t->c->of[i];
        if (seen[l]) continue;
        for (int q = t->v.off[l]; q < t->v.off[l + 1]; q++)
            if (t->c->orig[t->v.idx[q]] == t->x[i]) t->pick[l] = q, seen[l] = true;
        if (!seen[l]) return MB_OK; /* it was dropped meanwhile: not better than others */
    }
    for (int turn = 0; turn < 50 && exchange_pair(t, t->pick); turn++)
        if (!improve(t, t->pick, false)) break;
    return offer(t, t->pick);
}

/* --- nodes ---------------------------------------------------------------------------------------------------------------- */

static void node_free(node *e) { mb_free(e->off); }

/* A node with the live choices for which `keep` holds in layer LAYER (all in the others). */
static int node_push(tree *t, int layer, const bool *keep, bool want, double bound) {
    const mb_live *v = &t->v;
    const int n = t->c->n;
    if (t->n_open == t->cap) {
        size_t cap = t->cap ? 2 * t->cap : 64;
        node *more = mb_realloc(t->open, cap, sizeof *more);
        if (!more) return mb_nomem();
        t->open = more, t->cap = cap;
    }
    node e = {.bound = bound};
    memcpy(e.lambda, t->r.lambda, sizeof e.lambda);
    e.off = mb_malloc((size_t)n + 1 + (size_t)v->off[n], sizeof *e.off);
    if (!e.off) return mb_nomem();
    e.idx = e.off + n + 1;
    e.off[0] = 0;
    for (int i = 0, at = 0; i < n; i++) {
        for (int q = v->off[i]; q < v->off[i + 1]; q++)
            if (i != layer || keep[q - v->off[i]] == want) e.idx[at++] = v->idx[q];
        e.off[i + 1] = at;
    }
    t->open[t->n_open++] = e;
    return MB_OK;
}

/* Choices of the node into the live tables without those that exceed a limit beside the least uses of the other layers. False:
 * impossible. */
static bool gather(tree *t, const node *e) {
    const mb_core *c = t->c;
    mb_live *v = &t->v;
    double room[MAXK], least[MAXK];
    for (int k = 0; k < c->K; k++) room[k] = c->limit[k];
    for (int k = 0; k < c->K; k++)
        for (int i = 0; i < c->n; i++) {
            double lo = HUGE_VAL;
            for (int q = e->off[i]; q < e->off[i + 1]; q++) lo = fmin(lo, c->u[k][e->idx[q]]);
            room[k] -= lo;
        }
    for (int k = 0; k < c->K; k++)
        if (room[k] < -1e-13 * fabs(c->limit[k])) return false;
    int at = 0;
    for (int i = 0; i < c->n; i++) {
        v->off[i] = at;
        for (int k = 0; k < c->K; k++) {
            least[k] = HUGE_VAL;
            for (int q = e->off[i]; q < e->off[i + 1]; q++) least[k] = fmin(least[k], c->u[k][e->idx[q]]);
        }
        for (int q = e->off[i]; q < e->off[i + 1]; q++) {
            const int id = e->idx[q];
            bool ok = true;
            for (int k = 0; ok && k < c->K; k++) ok = c->u[k][id] - least[k] <= room[k] + 1e-13 * fabs(c->limit[k]);
            if (!ok) continue;
            v->idx[at] = id;
            v->c[at] = c->c[id];
            for (int k = 0; k < c->K; k++) v->u[k][at] = c->u[k][id];
            at++;
        }
        if (at == v->off[i]) return false;
    }
    v->off[c->n] = at;
    return true;
}

/* From this bound on a node holds nothing that is wanted: nothing better by more than rounding, or by one unit, than the worst of
 * the list, nothing below what the caller asks for. */
static double enough(const tree *t) {
    const double top = mb_pool_threshold(&t->pool), below = t->s->below ? *t->s->below : HUGE_VAL;
    if (isinf(top)) return below;
    double u = t->c->unit > 0 ? t->c->unit * (1 - 1e-6) : 0;
    return fmin(below, top - u + (t->c->unit > 0 ? 0 : t->c->round));
}

/* The same with the gap that is allowed. */
static double enough_for_gap(const tree *t) {
    double top = mb_pool_threshold(&t->pool), e = enough(t);
    return isinf(top) || t->s->gap <= 0 ? e : fmin(e, top - t->s->gap * fabs(top));
}

/* Reduced costs at the multipliers of the bound; drop what exceeds the gap. keeps r.choice and r.pick in step. */
static void fix(tree *t) {
    mb_live *v = &t->v;
    const int K = t->c->K, total = v->off[t->c->n];
    double gap = enough(t) - t->r.bound;
    for (int q = 0; q < total; q++) {
        double s = v->c[q];
        for (int k = 0; k < K; k++) s += t->r.lambda[k] * v->u[k][q];
        v->rc[q] = s;
    }
    int at = 0;
    for (int i = 0; i < t->c->n; i++) {
        const int from = v->off[i], to = v->off[i + 1];
        double least = HUGE_VAL;
        for (int q = from; q < to; q++) least = fmin(least, v->rc[q]);
        v->off[i] = at;
        for (int q = from; q < to; q++) {
            bool needed = t->r.pick[i] == q; /* of the relaxation: stays, so that it can be split away */
            for (int e = 0; !needed && e < t->r.n_part; e++) needed = t->r.layer[e] == i && t->r.choice[e] == q;
            if (!needed && v->rc[q] - least > gap) continue;
            if (t->r.pick[i] == q) t->r.pick[i] = at;
            for (int e = 0; e < t->r.n_part; e++)
                if (t->r.layer[e] == i && t->r.choice[e] == q) t->r.choice[e] = at;
            v->idx[at] = v->idx[q];
            v->c[at] = v->c[q];
            v->rc[at] = v->rc[q] - least;
            for (int k = 0; k < K; k++) v->u[k][at] = v->u[k][q];
            at++;
        }
    }
    v->off[t->c->n] = at;
}

/* How far the numbers V of the choices of part E of the relaxation and of those that follow in its layer lie apart: mean distance
 * from the mean. */
static double spread(const mb_relaxed *r, int e, const double *v, double *mean) {
    double m = 0, s = 0;
    for (int f = e; f < r->n_part && r->layer[f] == r->layer[e]; f++) m += r->weight[f] * v[r->choice[f]];
    for (int f = e; f < r->n_part && r->layer[f] == r->layer[e]; f++) s += r->weight[f] * fabs(v[r->choice[f]] - m);
    *mean = m;
    return s;
}

/* The favourite of a layer against the rest, where a rival is nearest. */
static int split_favourite(tree *t) {
    const mb_live *v = &t->v;
    double nearest = HUGE_VAL;
    int layer = -1;
    for (int i = 0; i < t->c->n; i++)
        for (int q = v->off[i]; q < v->off[i + 1]; q++)
            if (q != t->r.pick[i] && v->rc[q] < nearest) nearest = v->rc[q], layer = i;
    for (int q = layer < 0 ? 0 : v->off[layer]; layer >= 0 && q < v->off[layer + 1]; q++)
        t->side[q - v->off[layer]] = q == t->r.pick[layer];
    return layer;
}

/* The layer to split (-1: one assignment is left) and, in `side`, which choices go together: the fractional layer whose values
 * lie furthest apart, by the limit with the largest priced difference: choices that use less of it than the relaxation against
 * the others. *weight: of the side in the relaxation. */
static int split_of(tree *t, double *weight) {
    const mb_relaxed *r = &t->r;
    const mb_live *v = &t->v;
    int part = -1, limit = 0, a = 0;
    double most = -1, mean = 0, m;
    for (int e = 0; e < r->n_part; e++) {
        if (e && r->layer[e] == r->layer[e - 1]) continue;
        double s = spread(r, e, v->c, &m);
        if (s > most) most = s, part = e;
    }
    *weight = 1;
    if (part < 0) return split_favourite(t);
    most = -1;
    for (int k = 0; k < t->c->K; k++) {
        double s = spread(r, part, v->u[k], &m) * r->lambda[k];
        if (s > most) most = s, mean = m, limit = k;
    }
    const int layer = r->layer[part];
    const int from = v->off[layer], n = v->off[layer + 1] - from;
    for (int j = 0; j < n; j++) a += t->side[j] = v->u[limit][from + j] <= mean;
    if (a == 0 || a == n) return split_favourite(t);
    *weight = 0;
    for (int e = 0; e < r->n_part; e++)
        if (r->layer[e] == layer && t->side[r->choice[e] - from]) *weight += r->weight[e];
    return layer;
}

/* Least reduced cost among the choices on one side of the split: the bound of that half. */
static double side_cost(const tree *t, int layer, bool which) {
    double least = HUGE_VAL;
    for (int q = t->v.off[layer]; q < t->v.off[layer + 1]; q++)
        if (t->side[q - t->v.off[layer]] == which) least = fmin(least, t->v.rc[q]);
    return least;
}

static int visit(tree *t, const node *e, bool root) {
    if (!gather(t, e)) return MB_OK;
    memcpy(t->r.lambda, e->lambda, sizeof t->r.lambda);
    mb_relax(t->c, &t->v, root ? HUGE_VAL : enough_for_gap(t), &t->r);
    int rc = MB_OK;
    if (root) {
        rc = round_off(t, true);
    } else if (t->r.bound < enough_for_gap(t)) {
        rc = round_off(t, !t->pool.n);
    }
    if (rc) return rc;
    double bound = fmax(t->r.bound, e->bound);
    if (bound >= enough_for_gap(t)) {
        if (bound < enough(t)) t->cut = fmin(t->cut, bound);
        return MB_OK;
    }
    fix(t);
    if (root && !rc) {
        rc = first_answers(t);
        if (rc) return rc;
        if (bound >= enough_for_gap(t)) {
            if (bound < enough(t)) t->cut = fmin(t->cut, bound);
            return MB_OK;
        }
        fix(t);
    }
    if (t->r.whole && t->pool.want == 1 && t->pool.n && t->pool.a[0].value <= bound + t->c->round) return MB_OK;
    double weight = 0;
    int layer = split_of(t, &weight);
    if (layer < 0) return offer(t, t->r.pick); /* one assignment is left */
    bool first = weight >= 0.5;
    rc = node_push(t, layer, t->side, !first, bound + side_cost(t, layer, !first));
    return rc ? rc : node_push(t, layer, t->side, first, bound + side_cost(t, layer, first));
}

static double open_bound(const tree *t) {
    double least = t->cut;
    for (size_t i = 0; i < t->n_open; i++) least = fmin(least, t->open[i].bound);
    return least;
}

/* Time, work, and the caller's wish to stop. */
static bool must_stop(tree *t) {
    const mb_search *s = t->s;
    if (s->max_work > 0 && t->work >= s->max_work) return true;
    if (s->now && s->time_s > 0 && s->now(s->ctx) - t->now0 > s->time_s) return true;
    if (s->progress && (t->work & 255) == 0 &&
        s->progress(s->ctx, t->work, t->pool.n ? t->pool.a[0].value : HUGE_VAL, open_bound(t)))
        return true;
    return false;
}

static int grow(tree *t) {
    int rc = MB_OK;
    bool root = true;
    while (!rc && t->n_open) {
        if (!root && must_stop(t)) {
            t->stop = true;
            break;
        }
        node e = t->open[--t->n_open];
        double stop_at = enough_for_gap(t);
        if (e.bound >= stop_at) {
            if (e.bound < enough(t)) t->cut = fmin(t->cut, e.bound);
        } else {
            t->work++;
            rc = visit(t, &e, root);
        }
        root = false;
        node_free(&e);
    }
    return rc;
}

static int tree_init(tree *t, const mb_core *c, const mb_search *s) {
    const size_t n = (size_t)c->n, total = (size_t)c->total;
    *t = (tree){.c = c, .s = s, .cut = HUGE_VAL};
    t->now0 = s->now ? s->now(s->ctx) : 0;
    int rc = mb_pool_init(&t->pool, c->p, s->best);
    if (rc) return rc;
    t->x = mb_calloc((size_t)c->p->n, sizeof(int));
    t->best = mb_calloc(n, sizeof(int));
    t->pick = mb_calloc(n, sizeof(int));
    t->r.pick = mb_calloc(n, sizeof(int));
    t->side = mb_calloc(total, sizeof(bool));
    t->keep = mb_calloc(total > n ? total : n, sizeof(bool));
    if (!t->x || !t->best || !t->pick || !t->r.pick || !t->side || !t->keep || mb_live_new(c, &t->v)) return mb_nomem();
    /* the root node: all choices */
    for (int i = 0; i <= c->n; i++) t->v.off[i] = c->off[i];
    for (int q = 0; q < c->total; q++) t->v.idx[q] = q;
    rc = node_push(t, -1, NULL, true, -HUGE_VAL);
    if (!rc && s->start) rc = mb_pool_offer(&t->pool, s->start, NULL);
    return rc;
}

static void tree_free(tree *t) {
    for (size_t i = 0; i < t->n_open; i++) node_free(&t->open[i]);
    mb_free(t->open);
    mb_free(t->x);
    mb_free(t->best);
    mb_free(t->pick);
    mb_free(t->r.pick);
    mb_free(t->side);
    mb_free(t->keep);
    mb_live_free(&t->v);
    mb_pool_free(&t->pool);
}

static void certify(tree *t, mb_answer *out) {
    double bound = open_bound(t);
    out->work = t->work;
    out->dropped = t->c->dropped, out->kept = t->c->total;
    mb_pool_finish(&t->pool, out);
    double value = out->n ? out->a[0].value : HUGE_VAL;
    out->bound = fmin(bound, value);
    if (out->n) out->gap = value > out->bound ? (value - out->bound) / fmax(fabs(value), 1e-300) : 0;
    if (!out->n) out->certainty = t->stop ? MB_STOPPED : MB_IMPOSSIBLE;
    else if (t->stop && !(out->gap <= t->s->gap)) out->certainty = MB_STOPPED;
    else out->certainty = out->gap > 0 ? MB_WITHIN_GAP : MB_PROVEN;
    out->binding = -1;
}

int mb_knapsack_solve(const mb_knapsack *p, const mb_search *s, mb_answer *out) {
    static const mb_search plain;
    mb_core *c = NULL;
    tree t = {0};
    *out = (mb_answer){0};
    if (!s) s = &plain;
    if (p->pair) return mb_fail(MB_BADINPUT, "the exact solver knows no pairwise terms: use the quadratic local search");
    int rc = mb_knapsack_check(p);
    if (!rc) rc = mb_core_new(p, s->best > 1 ? s->best : 1, &c);
    if (rc) return rc;
    if (!mb_core_possible(c, &out->binding, &out->least)) {
        out->certainty = MB_IMPOSSIBLE;
        out->bound = HUGE_VAL;
        out->dropped = c->dropped, out->kept = c->total;
    } else {
        rc = tree_init(&t, c, s);
        if (!rc) rc = grow(&t);
        if (!rc) certify(&t, out);
        if (!rc && s->now) out->seconds = s->now(s->ctx) - t.now0;
        tree_free(&t);
    }
    mb_core_free(c);
    if (rc) mb_answer_free(out);
    return rc;
}
