/* solver_ddpg.c - reinforcement learning in the style of HAQ: deep deterministic policy gradient over layers
 *
 * An episode walks through the layers (groups of tied ones): the actor sees ten features, min-max scaled (place, number of choices, value and cost
 * of the cheapest and dearest choice, spread, share of the whole, running cost, last action, constant), and answers with a in [0, 1]; the choice is rint(a m - 1/2) of the m choices in order of
 * cost. After the episode the action wall lowers choices from the last layer backwards, one step each, until the limits hold. The reward of every
 * step is the same: how far the value is below that of the cheapest choices, in units of the range. Actor and critic are perceptrons of two
 * hidden layers; soft targets; noise of falling width, truncated to [0, 1]; discount 1.
 * Smaller than HAQ's nets (300-300) by default, since a table has less to tell than a network; the parameters allow the original.
 * Reference: K. Wang, Z. Liu, Y. Lin, J. Lin, S. Han, HAQ, CVPR 2019, doi:10.1109/CVPR.2019.00881; T. Lillicrap et al., ICLR 2016, arXiv:1509.02971.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/mem.h"
#include "base/rng.h"
#include "mapping/solver.h"

enum { F = 10, MAX_HIDDEN = 512 };

typedef struct ddpg_params { int episodes, warmup, hidden, batch; double actor_rate, critic_rate, tau, sigma, sigma_decay; } ddpg_params;

static const mb_param table[] = {
    MB_INT(ddpg_params, episodes, "", "400", 1, 1000000, "walks through the layers"),
    MB_INT(ddpg_params, warmup, "", "20", 0, 1000000, "first episodes with random actions"),
    MB_INT(ddpg_params, hidden, "", "32", 1, MAX_HIDDEN, "width of both hidden layers (HAQ: 300)"),
    MB_INT(ddpg_params, batch, "", "32", 1, 4096, "remembered steps per update (HAQ: 64)"),
    MB_REAL(ddpg_params, actor_rate, "", "1e-4", 1e-9, 1, "learning rate of the actor (Adam)"),
    MB_REAL(ddpg_params, critic_rate, "", "1e-3", 1e-9, 1, "learning rate of the critic (Adam)"),
    MB_REAL(ddpg_params, tau, "", "0.01", 1e-6, 1, "share of the new weights in the soft targets"),
    MB_REAL(ddpg_params, sigma, "", "0.5", 0, 10, "first standard deviation of the noise on actions"),
    MB_REAL(ddpg_params, sigma_decay, "", "0.99", 0, 1, "factor of sigma per episode after the warm-up"),
    MB_PARAM_END,
};

/* --- a perceptron: in -> h -> h -> 1, ReLU; weights in one block with Adam's moments behind -------------------------------- */

typedef struct net { int in, h; size_t n; double *w, *m, *v; long t; } net;

static size_t net_size(int in, int h) { return (size_t)h * (size_t)(in + 1) + (size_t)h * (size_t)(h + 1) + (size_t)h + 1; }

static int net_init(net *a, int in, int h, mb_stream *r) {
    *a = (net){.in = in, .h = h, .n = net_size(in, h)};
    a->w = mb_calloc(3 * a->n, sizeof *a->w);
    if (!a->w) return mb_nomem();
    a->m = a->w + a->n;
    a->v = a->m + a->n;
    size_t first = (size_t)h * (size_t)(in + 1), second = first + (size_t)h * (size_t)(h + 1);
    for (size_t i = 0; i < a->n; i++) {
        double width = i < first ? 1 / sqrt(in) : i < second ? 1 / sqrt(h) : 3e-3; /* Lillicrap et al. */
        a->w[i] = width * (2 * mb_stream_uniform(r) - 1);
    }
    return MB_OK;
}

typedef struct trace { double x[F + 1], a[MAX_HIDDEN], b[MAX_HIDDEN], y; } trace;

static double forward(const net *n, const double *x, trace *t) {
    const double *w = n->w;
    memcpy(t->x, x, (size_t)n->in * sizeof *x);
    for (int i = 0; i < n->h; i++, w += n->in + 1) {
        double s = w[n->in];
        for (int k = 0; k < n->in; k++) s += w[k] * x[k];
        t->a[i] = s > 0 ? s : 0;
    }
    for (int i = 0; i < n->h; i++, w += n->h + 1) {
        double s = w[n->h];
        for (int k = 0; k < n->h; k++) s += w[k] * t->a[k];
        t->b[i] = s > 0 ? s : 0;
    }
    double s = w[n->h];
    for (int k = 0; k < n->h; k++) s += w[k] * t->b[k];
    return t->y = s;
}

/* Add dy times the gradient to G (may be NULL); dx[in] (may be NULL) gets the derivative by the input. */
static void backward(const net *n, const trace *t, double dy, double *g, double *dx) {
    double db[MAX_HIDDEN], da[MAX_HIDDEN];
    const size_t second = (size_t)n->h * (size_t)(n->in + 1), last = second + (size_t)n->h * (size_t)(n->h + 1);
    for (int k = 0; k < n->h; k++) {
        db[k] = t->b[k] > 0 ? dy * n->w[last + (size_t)k] : 0;
        if (g) g[last + (size_t)k] += dy * t->b[k];
        da[k] = 0;
    }
    if (g) g[last + (size_t)n->h] += dy;
    for (int i = 0; i < n->h; i++) {
        if (db[i] == 0) continue;
        const double *w = n->w + second + (size_t)i * (size_t)(n->h + 1);
        double *gi = g ? g + second + (size_t)i * (size_t)(n->h + 1) : NULL;
        for (int k = 0; k < n->h; k++) {
            da[k] += db[i] * w[k];
            if (gi) gi[k] += db[i] * t->a[k];
        }
        if (gi) gi[n->h] += db[i];
    }
    for (int k = 0; dx && k < n->in; k++) dx[k] = 0;
    for (int i = 0; i < n->h; i++) {
        if (!(t->a[i] > 0) || da[i] == 0) continue;
        const double *w = n->w + (size_t)i * (size_t)(n->in + 1);
        double *gi = g ? g + (size_t)i * (size_t)(n->in + 1) : NULL;
        for (int k = 0; k < n->in; k++) {
            if (dx) dx[k] += da[i] * w[k];
            if (gi) gi[k] += da[i] * t->x[k];
        }
        if (gi) gi[n->in] += da[i];
    }
}

static void adam(net *n, const double *g, double rate) {
    const double k1 = 1 - pow(0.9, (double)++n->t), k2 = 1 - pow(0.999, (double)n->t);
    for (size_t i = 0; i < n->n; i++) {
        n->m[i] = 0.9 * n->m[i] + 0.1 * g[i];
        n->v[i] = 0.999 * n->v[i] + 0.001 * g[i] * g[i];
        n->w[i] -= rate * (n->m[i] / k1) / (sqrt(n->v[i] / k2) + 1e-8);
    }
}

/* --- the agent -------------------------------------------------------------------------------------------------------------- */

typedef struct step { double s[F], a, r, next[F]; bool end; } step;

typedef struct agent {
    const ddpg_params *par;
    net actor, critic, actor_soft, critic_soft;
    double *g;
    step *memory;
    size_t n, cap, at;
    trace t, t2;
    mb_stream r;
    mb_state st;
    int **order;      /* choices of each group by cost */
    double (*fixed)[F]; /* features of each group that do not change */
    double worst, range;
    double *action;
} agent;

static double sigmoid(double x) { return 1 / (1 + exp(-x)); }

static double act(agent *a, const net *actor, const double *s) { return sigmoid(forward(actor, s, &a->t)); }

static void soften(net *soft, const net *n, double tau) {
    for (size_t i = 0; i < n->n; i++) soft->w[i] += tau * (n->w[i] - soft->w[i]);
}

static void learn(agent *a) {
    const int B = a->par->batch;
    double x[F + 1], dx[F + 1];
    memset(a->g, 0, a->critic.n * sizeof *a->g);
    mb_stream again = a->r; /* the actor learns from the same steps */
    for (int e = 0; e < B; e++) {
        const step *s = &a->memory[(size_t)(mb_stream_uniform(&a->r) * (double)a->n)];
        double target = s->r;
        if (!s->end) {
            memcpy(x, s->next, sizeof s->next);
            x[F] = act(a, &a->actor_soft, s->next);
            target += forward(&a->critic_soft, x, &a->t);
        }
        memcpy(x, s->s, sizeof s->s);
        x[F] = s->a;
        double y = forward(&a->critic, x, &a->t);
        backward(&a->critic, &a->t, 2 * (y - target) / B, a->g, NULL);
    }
    adam(&a->critic, a->g, a->par->critic_rate);
    memset(a->g, 0, a->actor.n * sizeof *a->g);
    for (int e = 0; e < B; e++) {
        const step *s = &a->memory[(size_t)(mb_stream_uniform(&again) * (double)a->n)];
        double y = sigmoid(forward(&a->actor, s->s, &a->t2));
        memcpy(x, s->s, sizeof s->s);
        x[F] = y;
        forward(&a->critic, x, &a->t);
        backward(&a->critic, &a->t, 1, NULL, dx);
        backward(&a->actor, &a->t2, -dx[F] * y * (1 - y) / B, a->g, NULL);
    }
    adam(&a->actor, a->g, a->par->actor_rate);
    soften(&a->critic_soft, &a->critic, a->par->tau);
    soften(&a->actor_soft, &a->actor, a->par->tau);
}

typedef struct priced { double cost; int j; } priced;

static int by_cost(const void *a, const void *b) {
    const priced *x = a, *y = b;
    return x->cost < y->cost ? -1 : x->cost > y->cost ? 1 : x->j - y->j;
}

/* Sum of the shares of the limits that group G takes with choice J. */
static double cost_of(const mb_state *s, int g, int j) {
    double c = 0;
    for (int i = s->head[g]; i >= 0; i = s->next[i])
        for (int k = 0; k < s->p->K; k++)
            if (isfinite(s->p->limit[k])) c += s->p->use[i][j * s->p->K + k] / s->scale[k];
    return c;
}

static double value_of(const mb_state *s, int g, int j) {
    double v = 0;
    for (int i = s->head[g]; i >= 0; i = s->next[i]) v += s->p->value[i][j];
    return v;
}

/* Orders by cost, features, and the value of the cheapest choices. */
static int survey(agent *a) {
    mb_state *s = &a->st;
    a->worst = a->range = 0;
    for (int g = 0; g < s->n; g++) {
        priced *q = mb_malloc((size_t)s->m[g], sizeof *q);
        a->order[g] = mb_malloc((size_t)s->m[g], sizeof **a->order);
        if (!q || !a->order[g]) {
            mb_free(q);
            return mb_nomem();
        }
        double lo = HUGE_VAL, hi = -HUGE_VAL;
        for (int j = 0; j < s->m[g]; j++) {
            q[j] = (priced){cost_of(s, g, j), j};
            lo = fmin(lo, value_of(s, g, j)), hi = fmax(hi, value_of(s, g, j));
        }
        qsort(q, (size_t)s->m[g], sizeof *q, by_cost);
        for (int j = 0; j < s->m[g]; j++) a->order[g][j] = q[j].j;
        double first = q[0].cost, last = q[s->m[g] - 1].cost;
        mb_free(q);
        a->worst += hi;
        a->range += hi - lo;
        const double f[F] = {g, s->m[g], first, last, value_of(s, g, a->order[g][0]), value_of(s, g, a->order[g][s->m[g] - 1]), hi - lo, 0, 0, 1};
        memcpy(a->fixed[g], f, sizeof f);
    }
    for (int k = 0; k < 7; k++) { /* min-max scaled over the layers */
        double lo = HUGE_VAL, hi = -HUGE_VAL;
        for (int g = 0; g < s->n; g++) lo = fmin(lo, a->fixed[g][k]), hi = fmax(hi, a->fixed[g][k]);
        for (int g = 0; g < s->n; g++) a->fixed[g][k] = hi > lo ? (a->fixed[g][k] - lo) / (hi - lo) : 0;
    }
    if (!(a->range > 0)) a->range = 1;
    return MB_OK;
}

static void look(const agent *a, int g, double last, double spent, double *x) {
    memcpy(x, a->fixed[g], F * sizeof *x);
    x[7] = last;
    x[8] = spent;
}

/* From the last group backwards, one step cheaper each, until the limits hold. False: they cannot. */
static bool wall(agent *a, int *at) {
    mb_state *s = &a->st;
    while (mb_state_excess(s, s->use) > 0) {
        bool moved = false;
        for (int g = s->n; g-- > 0 && mb_state_excess(s, s->use) > 0;) {
            if (at[g] == 0) continue;
            mb_state_move(s, g, a->order[g][--at[g]]);
            moved = true;
        }
        if (!moved) return false;
    }
    mb_state_set(s, s->x);
    return mb_state_excess(s, s->use) <= 0 || mb_state_repair(s);
}

static int episode(agent *a, int number, double sigma, int *at, mb_pool *pool) {
    mb_state *s = &a->st;
    double last = 0, spent = 0, total = 0;
    double(*seen)[F] = mb_malloc((size_t)s->n, sizeof *seen);
    if (!seen) return mb_nomem();
    for (int g = 0; g < s->n; g++) total += cost_of(s, g, a->order[g][s->m[g] - 1]);
    for (int g = 0; g < s->n; g++) {
        look(a, g, last, total > 0 ? spent / total : 0, seen[g]);
        double y = mb_stream_uniform(&a->r);
        if (number >= a->par->warmup) {
            double mean = act(a, &a->actor, seen[g]);
            for (int tries = 0; tries < 20; tries++) { /* truncated normal */
                y = mean + sigma * mb_stream_normal(&a->r);
                if (y >= 0 && y <= 1) break;
            }
            y = fmin(fmax(y, 0), 1);
        }
        a->action[g] = last = y;
        int j = (int)rint(y * s->m[g] - 0.5);
        at[g] = j < 0 ? 0 : j < s->m[g] ? j : s->m[g] - 1;
        mb_state_move(s, g, a->order[g][at[g]]);
        spent += cost_of(s, g, a->order[g][at[g]]);
    }
    mb_state_set(s, s->x);
    bool ok = wall(a, at);
    int rc = ok ? mb_pool_offer(pool, s->x, NULL) : MB_OK;
    double reward = ok ? (a->worst - s->value) / a->range : -1;
    for (int g = 0; g < s->n; g++) {
        /* the action that was carried out, after the wall */
        step e = {.a = (at[g] + 0.5) / s->m[g], .r = reward / s->n, .end = g + 1 == s->n};
        memcpy(e.s, seen[g], sizeof e.s);
        if (!e.end) memcpy(e.next, seen[g + 1], sizeof e.next);
        a->memory[a->at] = e;
        a->at = (a->at + 1) % a->cap;
        if (a->n < a->cap) a->n++;
    }
    mb_free(seen);
    return rc;
}

static int agent_init(agent *a, const ddpg_params *par, const mb_knapsack *p, uint64_t seed) {
    *a = (agent){.par = par};
    int rc = mb_state_init(&a->st, p);
    if (rc) return rc;
    mb_stream_init(&a->r, seed, MB_RNG_POLICY, 0, 4, 0);
    a->cap = 128 * (size_t)a->st.n;
    a->memory = mb_calloc(a->cap, sizeof *a->memory);
    a->order = mb_calloc((size_t)a->st.n, sizeof *a->order);
    a->fixed = mb_calloc((size_t)a->st.n, sizeof *a->fixed);
    a->action = mb_calloc((size_t)a->st.n, sizeof *a->action);
    a->g = mb_calloc(net_size(F + 1, par->hidden), sizeof *a->g);
    rc = a->memory && a->order && a->fixed && a->action && a->g ? survey(a) : mb_nomem();
    if (!rc) rc = net_init(&a->actor, F, par->hidden, &a->r);
    if (!rc) rc = net_init(&a->critic, F + 1, par->hidden, &a->r);
    if (!rc) rc = net_init(&a->actor_soft, F, par->hidden, &a->r);
    if (!rc) rc = net_init(&a->critic_soft, F + 1, par->hidden, &a->r);
    if (rc) return rc;
    soften(&a->actor_soft, &a->actor, 1);
    soften(&a->critic_soft, &a->critic, 1);
    return MB_OK;
}

static void agent_free(agent *a) {
    for (int g = 0; a->order && g < a->st.n; g++) mb_free(a->order[g]);
    mb_free(a->order);
    mb_free(a->fixed);
    mb_free(a->action);
    mb_free(a->memory);
    mb_free(a->g);
    mb_free(a->actor.w);
    mb_free(a->critic.w);
    mb_free(a->actor_soft.w);
    mb_free(a->critic_soft.w);
    mb_state_free(&a->st);
}

static int solve(const void *params, const mb_knapsack *p, const mb_search *s, mb_answer *out) {
    const ddpg_params *par = params;
    agent *a = mb_calloc(1, sizeof *a);
    mb_pool pool = {0};
    mb_budget b;
    if (!a) return mb_nomem();
    mb_budget_start(&b, s, par->episodes);
    int rc = agent_init(a, par, p, s->seed), *at = rc ? NULL : mb_calloc((size_t)a->st.n, sizeof *at);
    if (!rc && !at) rc = mb_nomem();
    if (!rc) rc = mb_pool_init(&pool, p, s->best);
    double sigma = par->sigma;
    for (int e = 0; !rc; e++) {
        rc = episode(a, e, sigma, at, &pool);
        if (rc || !mb_budget_spend(&b, 1, mb_pool_threshold(&pool))) break;
        if (e < par->warmup) continue;
        for (int g = 0; g < a->st.n; g++) learn(a);
        sigma *= par->sigma_decay;
    }
    if (!rc) mb_budget_finish(&b, &pool, out);
    mb_pool_free(&pool);
    mb_free(at);
    agent_free(a);
    mb_free(a);
    return rc;
}

const mb_solver_type mb_solver_ddpg = {
    .name = "ddpg",
    .summary = "reinforcement learning over the layers, in the style of HAQ",
    .reference = "Wang, Liu, Lin, Lin, Han, HAQ, CVPR 2019, doi:10.1109/CVPR.2019.00881",
    .params = table,
    .size = sizeof(ddpg_params),
    .solve = solve,
};
