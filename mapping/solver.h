/* solver.h - optimisers of tables by name: exact and published heuristics behind one interface
 *
 * All take a problem (mapping/knapsack.h), the limits of the search, a seed; all answer with the best assignments found so far when time or
 * work ends, and say what is proven about them. Adding one: a file solver_NAME.c with `const mb_solver_type mb_solver_NAME`, and a line in
 * local.mk. Who may call: policies, `mixbar map --table`, tests.
 */
#ifndef MB_MAPPING_SOLVER_H
#define MB_MAPPING_SOLVER_H

#include "base/param.h"
#include "mapping/knapsack.h"

typedef struct mb_solver_type {
    const char *name, *summary, *reference;
    const mb_param *params;      /* NULL: none */
    size_t size;                 /* of the parameters' struct */
    bool pairwise;               /* understands pairwise terms */
    /* PARAMS of `params` (NULL when there are none). The answer's certainty says what is proven; no answer (n = 0) is not an error. */
    int (*solve)(const void *params, const mb_knapsack *p, const mb_search *s, mb_answer *out);
} mb_solver_type;

extern const mb_solver_type *const mb_solvers[];      /* NULL-terminated, generated */
#define MB_DEFAULT_SOLVER "exact"
const mb_solver_type *mb_solver_find(const char *name);
/* NULL names the default. Unknown: MB_BADINPUT with the nearest, and all. */
int mb_solver_named(const char *name, const mb_solver_type **type);
/* With parameters from the group CONF (may be NULL: all defaults). Checks the problem first; refuses pairwise terms where they would be ignored. */
int mb_solver_run(const mb_solver_type *type, mb_conf *conf, const mb_knapsack *p, const mb_search *s, mb_answer *out);

/* An assignment that is changed step by step: groups of tied layers, sums, excess over the limits. For solvers. */
typedef struct mb_state {
    const mb_knapsack *p;
    int n;                       /* groups */
    int *head, *next;            /* layers of group g: head[g], then next[layer] until -1 */
    int *m;                      /* choices of group g */
    int *at;                     /* [p->n] first number of each layer's choices in the pairwise table */
    int *x;                      /* [p->n] */
    double value, use[MB_KNAPSACK_MAX_LIMITS], scale[MB_KNAPSACK_MAX_LIMITS];
} mb_state;
int mb_state_init(mb_state *s, const mb_knapsack *p);       /* all layers at choice 0 */
void mb_state_free(mb_state *s);
void mb_state_set(mb_state *s, const int *x);
/* What changes when group G takes choice J. du may be NULL. */
double mb_state_delta(const mb_state *s, int g, int j, double *du);
void mb_state_move(mb_state *s, int g, int j);
/* Sum over limits of what exceeds them, each in units of the limit's spread over all choices; 0: feasible. */
double mb_state_excess(const mb_state *s, const double *use);
/* Lower the excess to 0 by single replacements with the least loss per excess removed; false: stuck. Then downhill by single replacements. */
bool mb_state_repair(mb_state *s);
void mb_state_descend(mb_state *s);

/* Bookkeeping of a solver that draws and evaluates: limits of work and time, progress. */
typedef struct mb_budget { const mb_search *s; int64_t work, most; double t0; bool stopped; } mb_budget;
void mb_budget_start(mb_budget *b, const mb_search *s, int64_t standard);
/* Count N evaluations; false: stop now. VALUE: of the best so far. */
bool mb_budget_spend(mb_budget *b, int64_t n, double value);
/* Fill the answer of a method without proof from the pool. */
void mb_budget_finish(const mb_budget *b, mb_pool *pool, mb_answer *out);

#endif
