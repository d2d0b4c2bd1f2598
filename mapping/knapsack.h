/* knapsack.h - the mapper's problem as a table: one choice per layer, least value, any number of budgets
 *
 *     minimise  sum_i value[i][x_i]   subject to   sum_i use[i][x_i][k] <= limit[k]  for every k,   tied layers alike
 *
 * the multiple-choice knapsack problem, to which most of the literature on mixed precision reduces (doc/mapping.md). Values and
 * uses are any finite numbers. A sum counts as within a limit up to MB_KNAPSACK_TOLERANCE of the largest numbers involved, so
 * that a budget taken from a sum is met by that sum in any order of adding. Optional pairwise terms make it a quadratic problem
 * (CLADO); solvers say whether they understand them.
 *
 * The exact solver (mb_knapsack_solve): tied layers are merged and dominated choices dropped; the bound of a node is its linear
 * relaxation, solved by a primal simplex with generalised upper bounds whose basis is as small as the number of limits (Dantzig
 * and Van Slyke, J. Comput. Syst. Sci. 1 (1967) 213, doi:10.1016/S0022-0000(67)80015-8) and turned into a Lagrangian bound
 * (Geoffrion, Math. Program. Study 2 (1974) 82, doi:10.1007/BFb0120690), valid whatever the rounding of the simplex; choices
 * whose reduced cost exceeds the gap are fixed out; the tree is branched by splitting the choices of a fractional layer. Sources
 * of the problem: Sinha and Zoltners, Oper. Res. 27 (1979) 503, doi:10.1287/opre.27.3.503; Kellerer, Pferschy, Pisinger, Knapsack
 * Problems, 2004, doi:10.1007/978-3-540-24777-7. Deterministic, one thread, re-entrant. Who may call: policies, `mixbar map
 * --table`, tests.
 */
#ifndef MB_MAPPING_KNAPSACK_H
#define MB_MAPPING_KNAPSACK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/str.h"

#define MB_KNAPSACK_MAX_LIMITS 12
#define MB_KNAPSACK_TOLERANCE 1e-12

typedef struct mb_knapsack {
    int n, K;          /* layers, limits */
    int *m;            /* [n] choices of layer i, at least 1 */
    double **value;    /* value[i][j] */
    double **use;      /* use[i][j * K + k] */
    double *limit;     /* [K]; infinite: none */
    int *group;        /* [n]: layers of the same group >= 0 take the same index of choice; -1: free */
    char **layer;      /* [n] names for messages, elements may be NULL */
    char **limit_name; /* [K], elements may be NULL */
    /* Pairwise terms, or NULL: of choices p and q in the numbering of all choices (layer by layer), pair[p * total + q],
     * symmetric; the objective gains sum_{p != q} pair[p][q] over the chosen, p and q in different layers, both orders. */
    double *pair;
    int total; /* sum of m */
} mb_knapsack;

/* Zeroed tables for N layers with M[i] choices and K limits (infinite), no groups. */
int mb_knapsack_new(int n, int K, const int *m, mb_knapsack **p);
void mb_knapsack_free(mb_knapsack *p);
/* Finite numbers everywhere (the message names the layer), group members alike: MB_BADINPUT. */
int mb_knapsack_check(const mb_knapsack *p);
/* Value (with pairwise terms) and uses (may be NULL) of an assignment, summed in the order of layers. */
double mb_knapsack_value(const mb_knapsack *p, const int *x, double *use);
/* Are sums of uses within the limits? *binding (may be NULL): the first that is not. */
bool mb_knapsack_within(const mb_knapsack *p, const double *use, int *binding);
bool mb_knapsack_feasible(const mb_knapsack *p, const int *x); /* limits and groups */
/* The largest violation that counts as none: of limit K. */
double mb_knapsack_slack(const mb_knapsack *p, int k);

/* What a solver is asked besides the problem. Zero in all fields: no limit, gap 0, one answer. */
typedef struct mb_search {
    double gap;       /* stop at this relative gap: (value - bound) <= gap |value| */
    double time_s;    /* limit of time, 0: none; needs `now` */
    int64_t max_work; /* limit of nodes or evaluations, 0: the solver's own; the same answer on every machine, unlike time_s */
    uint64_t seed;    /* of solvers that draw random numbers */
    int best;         /* number of assignments wanted, 0 and 1: one */
    const int *start; /* a feasible assignment to begin with, or NULL */
    const double *below; /* exact: only values below this one are of interest, the search ends when there are none (those found on the way may be told); NULL: all are */
    double (*now)(void *ctx); /* seconds of a clock, NULL: time does not count */
    /* Called now and then; not 0: stop with the answer so far. value infinite: none yet; bound -infinite: none yet. */
    int (*progress)(void *ctx, int64_t work, double value, double bound);
    void *ctx;
} mb_search;

typedef struct mb_assignment {
    int *choice;
    double value;
    double *use;
} mb_assignment;

typedef enum { MB_PROVEN, MB_WITHIN_GAP, MB_STOPPED, MB_HEURISTIC, MB_IMPOSSIBLE } mb_certainty;

/* The answer and its certificate: no assignment is better than `bound`. */
typedef struct mb_answer {
    mb_certainty certainty; /* MB_IMPOSSIBLE: proven to have no solution; MB_STOPPED: limit of time or work; MB_HEURISTIC: a
                               method without proof */
    int n;                  /* assignments found, best first, all different */
    mb_assignment *a;
    double bound;      /* lower bound of the value; -infinite when the method gives none */
    double gap;        /* (value - bound) / |value|, 0 when proven */
    int64_t work;      /* nodes of the tree, or evaluations of an assignment */
    double seconds;    /* by the clock of mb_search, 0 without */
    int dropped, kept; /* choices of all layers that were dominated / left (groups counted once) */
    int binding;       /* MB_IMPOSSIBLE: the limit that cannot be met, -1: only all of them together */
    double least;      /* what it needs at least */
    char *note;        /* of the method, or NULL */
} mb_answer;

void mb_answer_free(mb_answer *a);
const char *mb_certainty_name(mb_certainty c);
/* "optimal (proven)", "within 0.5 % of the optimum (bound 1.23)", ... */
void mb_answer_text(const mb_answer *a, mb_str *out);

/* Exact; pairwise terms are refused (MB_BADINPUT). MB_OK also when there is no solution: see certainty. `best` > 1: the k best,
 * proven. */
int mb_knapsack_solve(const mb_knapsack *p, const mb_search *s, mb_answer *out);

/* The k-best list of an answer in the making (also for other solvers). */
typedef struct mb_pool {
    const mb_knapsack *p;
    int want, n;
    mb_assignment *a;
} mb_pool;
int mb_pool_init(mb_pool *b, const mb_knapsack *p, int want);
/* Offer the assignment X (of p): kept when feasible, new and among the best. *kept may be NULL. */
int mb_pool_offer(mb_pool *b, const int *x, bool *kept);
double mb_pool_threshold(const mb_pool *b);      /* value to be beaten; infinite while there is room */
void mb_pool_finish(mb_pool *b, mb_answer *out); /* moves the list into OUT */
void mb_pool_free(mb_pool *b);

/* Choices left when those that cannot matter are dropped: J is dropped when COUNT others of its layer are at least as good in
 * value and every use (of equals, the first are kept). keep[j] for layer I. Returns the number dropped. */
int mb_knapsack_dominated(int m, int K, const double *value, const double *use, int count, bool *keep);

#endif
