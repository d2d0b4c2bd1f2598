/* oracle.h - the policy of a point, with the oracle that answers it (mapping/policy.h) */
#ifndef MB_RUN_ORACLE_H
#define MB_RUN_ORACLE_H

#include "run/simulate.h"

struct mb_map_report;

/* The plan of the policy in `map`; METRICS (may be NULL): what it costs. *failed: a loss could not be measured, so that the error is not one of budgets.
 * REPORT (may be NULL): what the search tells about itself. */
int mb_oracle_map(mb_setup *s, const mb_progress *pr, mb_plan **plan, mb_metrics *metrics, bool *failed, struct mb_map_report *report);

#endif
