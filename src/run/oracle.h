/* oracle.h - the policy of a point, with the oracle that answers it (mapping/policy.h) */
#ifndef MB_RUN_ORACLE_H
#define MB_RUN_ORACLE_H

#include "run/simulate.h"

struct mb_map_report;

/* What the search of a plan took. */
typedef struct mb_oracle_told {
    bool failed;                 /* a loss could not be measured, so that the error is not one of budgets */
    int costs, simulations;      /* questions of the policy: plans costed, plans simulated */
    long measurements;           /* layers x settings measured alone */
    double seconds;              /* of the wall clock */
} mb_oracle_told;

/* The plan of the policy in `map`; METRICS (may be NULL): what it costs. TOLD is set on failure, too. REPORT (may be NULL): what the search tells about itself. */
int mb_oracle_map(mb_setup *s, const mb_progress *pr, mb_plan **plan, mb_metrics *metrics, mb_oracle_told *told, struct mb_map_report *report);

#endif
