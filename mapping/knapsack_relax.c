/* knapsack_relax.c - bound of a node: primal simplex with generalised upper bounds, a basis of K columns
 *
 * Each layer has a key choice whose weight is 1 minus the weights of its other choices; eliminating the keys leaves K rows. A column of a
 * choice is its use minus that of its key. A limit that is exceeded is paid for at `penalty` per unit, so that every basis is feasible
 * and no phase 1 is needed. The prices of a basis are multipliers; for any lambda >= 0
 *     bound(lambda) = sum_i min_j (c_ij + lambda u_ij) - lambda L
 * is a lower bound (Lagrange), and the minima are the pricing step of the simplex, so each pivot gives one for free.
 * Starting keys are the choices that the parent's multipliers prefer: a few pivots suffice.
 * Dantzig and Van Slyke 1967, doi:10.1016/S0022-0000(67)80015-8.
 */
#include <math.h>
#include <string.h>

#include "base/mem.h"
#include "mapping/knapsack_internal.h"

#define MAXK MB_KNAPSACK_MAX_LIMITS
enum { SLACK = -1, PAID = -2 }; /* layers of the columns that are no choices */

typedef struct column { int layer, choice; double value; } column; /* choice: index in the live tables, or the limit */

typedef struct basis {
    const mb_core *c;
    mb_live *v;
    int K;
    int *key; /* of each layer */
    column col[MAXK];
    double rhs[MAXK], lu[MAXK][MAXK];
    int row[MAXK]; /* permutation of the factors */
} basis;

int mb_live_new(const mb_core *c, mb_live *v) {
    *v = (mb_live){.n = c->n, .K = c->K};
    bool ok = (v->off = mb_calloc((size_t)c->n + 1, sizeof(int))) && (v->c = mb_malloc((size_t)c->total, sizeof(double))) &&
              (v->rc = mb_malloc((size_t)c->total, sizeof(double))) && (v->idx = mb_malloc((size_t)c->total, sizeof(int))) &&
              (v->min = mb_malloc((size_t)c->n, sizeof(int)));
    for (int k = 0; ok && k < c->K; k++) ok = (v->u[k] = mb_malloc((size_t)c->total, sizeof(double))) != NULL;
    if (ok) return 0;
    mb_live_free(v);
    return 1;
}

void mb_live_free(mb_live *v) {
    mb_free(v->off);
    mb_free(v->c);
    mb_free(v->rc);
    mb_free(v->idx);
    mb_free(v->min);
    for (int k = 0; k < v->K; k++) mb_free(v->u[k]);
    *v = (mb_live){0};
}

/* Entry K of the column of (LAYER, CHOICE). */
static double entry(const basis *b, const column *q, int k) {
    if (q->layer == SLACK) return q->choice == k ? 1 : 0;
    if (q->layer == PAID) return q->choice == k ? -1 : 0;
    return b->v->u[k][q->choice] - b->v->u[k][b->key[q->layer]];
}

static double price_of(const basis *b, const column *q) {
    if (q->layer == SLACK) return 0;
    if (q->layer == PAID) return b->c->penalty[q->choice];
    return b->v->c[q->choice] - b->v->c[b->key[q->layer]];
}

/* Factors of the basis with rows scaled by the limits; false: singular. */
static bool factor(basis *b) {
    const int K = b->K;
    for (int k = 0; k < K; k++) {
        b->row[k] = k;
        for (int q = 0; q < K; q++) b->lu[k][q] = entry(b, &b->col[q], k);
    }
    for (int q = 0; q < K; q++) {
        int best = -1;
        double top = 0;
        for (int k = q; k < K; k++) {
            double scale = 0;
            for (int r = q; r < K; r++) scale = fmax(scale, fabs(b->lu[k][r]));
            double s = scale > 0 ? fabs(b->lu[k][q]) / scale : 0;
            if (s > top) top = s, best = k;
        }
        if (best < 0 || top < 1e-13) return false;
        if (best != q) {
            for (int r = 0; r < K; r++) {
                double t = b->lu[q][r];
                b->lu[q][r] = b->lu[best][r], b->lu[best][r] = t;
            }
            int t = b->row[q];
            b->row[q] = b->row[best], b->row[best] = t;
        }
        for (int k = q + 1; k < K; k++) {
            double f = b->lu[k][q] / b->lu[q][q];
            b->lu[k][q] = f;
            for (int r = q + 1; r < K; r++) b->lu[k][r] -= f * b->lu[q][r];
        }
    }
    return true;
}

static void solve(const basis *b, const double *rhs, double *x) { /* B x = rhs */
    const int K = b->K;
    for (int k = 0; k < K; k++) {
        double s = rhs[b->row[k]];
        for (int q = 0; q < k; q++) s -= b->lu[k][q] * x[q];
        x[k] = s;
    }
    for (int k = K; k-- > 0;) {
        double s = x[k];
        for (int q = k + 1; q < K; q++) s -= b->lu[k][q] * x[q];
        x[k] = s / b->lu[k][k];
    }
}

static void solve_transposed(const basis *b, const double *rhs, double *x) { /* B' x = rhs */
    const int K = b->K;
    double y[MAXK];
    for (int k = 0; k < K; k++) {
        double s = rhs[k];
        for (int q = 0; q < k; q++) s -= b->lu[q][k] * y[q];
        y[k] = s / b->lu[k][k];
    }
    for (int k = K; k-- > 0;) {
        double s = y[k];
        for (int q = k + 1; q < K; q++) s -= b->lu[q][k] * y[q];
        y[k] = s;
    }
    for (int k = 0; k < K; k++) x[b->row[k]] = y[k];
}

/* Reduced costs c + lambda u of all live choices; their minima per layer. Returns the Lagrangian bound. */
static double price(const mb_core *c, mb_live *v, const double *lambda) {
    const int total = v->off[v->n];
    double *restrict rc = v->rc;
    memcpy(rc, v->c, (size_t)total * sizeof *rc);
    for (int k = 0; k < v->K; k++) {
        const double l = lambda[k], *restrict u = v->u[k];
        if (l != 0)
            for (int q = 0; q < total; q++) rc[q] += l * u[q];
    }
    double sum = 0;
    for (int i = 0; i < v->n; i++) {
        int best = v->off[i];
        double least = rc[best];
        for (int q = best + 1; q < v->off[i + 1]; q++)
            if (rc[q] < least) least = rc[q], best = q;
        v->min[i] = best;
        sum += least;
    }
    for (int k = 0; k < v->K; k++) sum -= lambda[k] * c->limit[k];
    return sum;
}

static void right_side(basis *b) {
    for (int k = 0; k < b->K; k++) {
        double s = b->c->limit[k];
        for (int i = 0; i < b->v->n; i++) s -= b->v->u[k][b->key[i]];
        b->rhs[k] = s;
    }
}

/* Weight that is left for the key of LAYER. */
static double key_weight(const basis *b, int layer) {
    double w = 1;
    for (int q = 0; q < b->K; q++)
        if (b->col[q].layer == layer) w -= b->col[q].value;
    return w;
}

static bool refresh(basis *b) {
    double x[MAXK];
    right_side(b);
    if (!factor(b)) return false;
    solve(b, b->rhs, x);
    for (int q = 0; q < b->K; q++) b->col[q].value = x[q] > 0 ? x[q] : 0;
    return true;
}

/* Which column enters: the most negative reduced cost; choice < 0: none, optimal. LAMBDA may have negative elements (a slack enters). */
static column entering(const basis *b, const double *lambda, double tolerance) {
    column in = {0, -1, 0};
    double least = -tolerance;
    for (int i = 0; i < b->v->n; i++) {
        double d = b->v->rc[b->v->min[i]] - b->v->rc[b->key[i]];
        if (d < least) least = d, in = (column){i, b->v->min[i], 0};
    }
    for (int k = 0; k < b->K; k++) { /* in units of value: a multiplier times its limit */
        double scale = b->c->range / b->c->penalty[k] * 1e6;
        if (lambda[k] * scale < least) least = lambda[k] * scale, in = (column){SLACK, k, 0};
        if ((b->c->penalty[k] - lambda[k]) * scale < least) least = (b->c->penalty[k] - lambda[k]) * scale, in = (column){PAID, k, 0};
    }
    return in;
}

/* IN enters, something leaves. False: numerically stuck. */
static bool pivot(basis *b, column in) {
    const int K = b->K;
    double a[MAXK], d[MAXK], theta = HUGE_VAL;
    int out = -1, out_key = -1;
    for (int k = 0; k < K; k++) a[k] = entry(b, &in, k);
    solve(b, a, d);
    for (int q = 0; q < K; q++)
        if (d[q] > 1e-11 && b->col[q].value < theta * d[q]) theta = b->col[q].value / d[q], out = q;
    for (int s = -1; s < K; s++) { /* keys of the layers that the basis touches, and of the entering one */
        int layer = s < 0 ? in.layer : b->col[s].layer;
        if (layer < 0) continue;
        double rate = layer == in.layer ? 1 : 0; /* how fast the key's weight falls */
        for (int q = 0; q < K; q++)
            if (b->col[q].layer == layer) rate -= d[q];
        double w = key_weight(b, layer);
        if (w < 0) w = 0;
        if (rate > 1e-11 && w < theta * rate) theta = w / rate, out_key = layer, out = -1;
    }
    if (isinf(theta)) return false;
    if (out_key >= 0) {
        int heir = -1;
        double most = -1;
        for (int q = 0; q < K; q++) {
            double w = b->col[q].value - theta * d[q];
            if (b->col[q].layer == out_key && w > most) most = w, heir = q;
        }
        if (in.layer == out_key && (heir < 0 || theta > most)) { /* the entering choice becomes the key */
            b->key[out_key] = in.choice;
            return refresh(b);
        }
        if (heir < 0) return false;
        b->key[out_key] = b->col[heir].choice;
        out = heir;
    }
    if (out < 0) return false;
    b->col[out] = in;
    return refresh(b);
}

static void start(basis *b) {
    for (int i = 0; i < b->v->n; i++) b->key[i] = b->v->min[i];
    right_side(b);
    for (int k = 0; k < b->K; k++) b->col[k] = b->rhs[k] >= 0 ? (column){SLACK, k, b->rhs[k]} : (column){PAID, k, -b->rhs[k]};
}

/* The fractional layers of the basis, and the heaviest choice of each. */
static void read_solution(const basis *b, mb_relaxed *r) {
    r->n_part = 0;
    r->whole = true;
    memcpy(r->pick, b->key, (size_t)b->v->n * sizeof *r->pick);
    for (int q = 0; q < b->K; q++) {
        const column *c = &b->col[q];
        if (c->layer == PAID && c->value > 1e-9 * fabs(b->c->limit[c->choice])) r->whole = false;
        if (c->layer < 0 || c->value < 1e-9) continue;
        double w = key_weight(b, c->layer);
        if (w < 1e-9 && c->value > 1 - 1e-9) { /* whole, by another choice than the key */
            r->pick[c->layer] = c->choice;
            continue;
        }
        bool first = true;
        for (int e = 0; e < r->n_part; e++) first = first && r->layer[e] != c->layer;
        if (first) {
            r->layer[r->n_part] = c->layer, r->choice[r->n_part] = b->key[c->layer], r->weight[r->n_part++] = w > 0 ? w : 0;
            double most = w;
            for (int e = 0; e < b->K; e++)
                if (b->col[e].layer == c->layer && b->col[e].value > most) most = b->col[e].value, r->pick[c->layer] = b->col[e].choice;
        }
        r->layer[r->n_part] = c->layer, r->choice[r->n_part] = c->choice, r->weight[r->n_part++] = c->value;
        r->whole = false;
    }
}

void mb_relax(const mb_core *c, mb_live *v, double enough, mb_relaxed *r) {
    basis b = {.c = c, .v = v, .K = c->K, .key = r->pick};
    double lambda[MAXK], cost[MAXK], tolerance = 1e-13 * (c->range > 0 ? c->range : 1);
    memcpy(lambda, r->lambda, sizeof lambda);
    r->bound = price(c, v, lambda);
    r->n_part = 0, r->whole = false, r->pivots = 0;
    start(&b);
    if (r->bound >= enough) return;
    const int most = 20 * (c->n + c->K) + 200; /* far more than seen; the bound is valid wherever it stops */
    bool ok = refresh(&b);
    while (ok) {
        for (int q = 0; q < c->K; q++) cost[q] = price_of(&b, &b.col[q]);
        double pi[MAXK], clipped[MAXK];
        solve_transposed(&b, cost, pi);
        bool proper = true;
        for (int k = 0; k < c->K; k++) {
            lambda[k] = -pi[k];
            clipped[k] = lambda[k] > 0 ? lambda[k] : 0;
            proper = proper && lambda[k] >= -1e-9 * c->penalty[k] * 1e-6;
        }
        double bound = price(c, v, proper ? clipped : lambda);
        if (proper && bound > r->bound) {
            r->bound = bound;
            memcpy(r->lambda, clipped, sizeof clipped);
            if (bound >= enough) return;
        }
        column in = entering(&b, lambda, tolerance);
        if (in.choice < 0 || r->pivots >= most) break;
        r->pivots++;
        ok = pivot(&b, in);
    }
    if (!ok) return; /* the bound stands; branch on what the multipliers say */
    basis last = b;
    read_solution(&last, r);
}
