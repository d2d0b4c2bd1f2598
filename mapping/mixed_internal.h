/* mixed_internal.h - the state of a mixed-precision search
 *
 * Who may call: mapping/mixed*.c.
 */
#ifndef MB_MAPPING_MIXED_INTERNAL_H
#define MB_MAPPING_MIXED_INTERNAL_H

#include "mapping/mixed.h"

/* Objectives beyond the loss (0) and the metrics (1 + number). */
enum { MB_OBJECTIVE_EDP = 6, MB_OBJECTIVE_EDAP = 7 };

typedef struct mb_job {
    const mb_mixed *opt;
    const mb_problem *prob;
    mb_oracle *o;
    uint64_t seed;
    mb_space *space;
    mb_sensitivity sens;
    double lower[MB_METRICS]; /* taken off the limits of the tables, for what is not additive */
    mb_answer answer;
    int rounds;               /* times that the tables were solved */
    double sharpen_s;         /* spent on measurements in between */
    long directions; /* products: systems of weights that were solved */
    int64_t nodes;   /* left to the exact solver */
    bool stopped;    /* by the user, while a table was solved */
    mb_candidate *list;
    int n, cap;
} mb_job;

void mb_candidate_free(mb_candidate *c);
/* Loss of a candidate, once. */
int mb_job_simulate(mb_job *j, mb_candidate *c);
/* Sensitivity of the assignment X (choices by layer), pairs counted. */
double mb_job_predicted(const mb_job *j, const int *x);
/* The best assignments of the tables within the budgets into j->answer; none is no error. */
int mb_job_solve(mb_job *j);
/* The failure (MB_NUMERIC) when there is none: which budget binds, and what is the least. */
int mb_job_infeasible(const mb_job *j);
/* The front that R asks for, over all budgets. */
int mb_job_front(mb_job *j, mb_map_report *r);

#endif
