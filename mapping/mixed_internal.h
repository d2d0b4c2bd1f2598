/* mixed_internal.h - the state of a mixed-precision search
 *
 * Who may call: mapping/mixed*.c.
 */
#ifndef MB_MAPPING_MIXED_INTERNAL_H
#define MB_MAPPING_MIXED_INTERNAL_H

#include "mapping/mixed.h"

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
    mb_candidate *list;
    int n, cap;
} mb_job;

void mb_candidate_free(mb_candidate *c);
/* Loss of a candidate, once. */
int mb_job_simulate(mb_job *j, mb_candidate *c);
/* The front that R asks for, over all budgets. */
int mb_job_front(mb_job *j, mb_map_report *r);

#endif
