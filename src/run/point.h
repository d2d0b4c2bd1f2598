/* point.h - one point of an experiment from setup to numbers: map, cost, simulate, compare */
#ifndef MB_RUN_POINT_H
#define MB_RUN_POINT_H

#include "run/results.h"
#include "run/simulate.h"

typedef struct mb_point_options { const char *plan_file; bool simulate; const mb_progress *progress; } mb_point_options;
/* PLAN_FILE not NULL: replay that plan instead of asking the policy. simulate false: costs only (estimated activity). *plan (may be NULL) receives the plan. */
int mb_point_run(mb_setup *s, const mb_point_options *o, mb_point_result *out, mb_plan **plan, struct mb_report **report);
/* Only the mapper's answer. */
int mb_point_map(mb_setup *s, const mb_progress *pr, mb_plan **plan, mb_metrics *metrics);

/* A whole experiment: points in order into the run folder. DIR NULL: runs/NAME. */
typedef struct mb_run_options { const char *dir; bool resume; bool force; const mb_progress *progress; int (*on_point)(void *ctx, const mb_point_result *p, size_t done, size_t total); void *ctx; const char *plan_file; } mb_run_options;
int mb_experiment_run(mb_conf *root, const mb_run_options *o, char **dir);

#endif
