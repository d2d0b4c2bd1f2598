/* solver_exact.c - the exact solver under its name in the registry (mapping/knapsack.h: method, sources) */
#include "mapping/solver.h"

static int solve(const void *params, const mb_knapsack *p, const mb_search *s, mb_answer *out) {
    (void)params;
    return mb_knapsack_solve(p, s, out);
}

const mb_solver_type mb_solver_exact = {
    .name = "exact",
    .summary = "branch and bound with a certificate; k best assignments",
    .reference = "multiple-choice knapsack: Sinha, Zoltners, Oper. Res. 27 (1979) 503, doi:10.1287/opre.27.3.503",
    .solve = solve,
};
