/* point.h - one point of an experiment from setup to numbers: map, cost, simulate, compare */
#ifndef MB_RUN_POINT_H
#define MB_RUN_POINT_H

#include "run/results.h"
#include "run/simulate.h"
#include "run/sweep.h"

typedef struct mb_point_options { const char *plan_file; const mb_plan *plan; bool simulate; const mb_progress *progress; bool record_infeasible; } mb_point_options;
/* PLAN, or PLAN_FILE, not NULL: replay that plan instead of asking the policy. simulate false: costs only (estimated activity). *plan (may be NULL) receives the plan.
 * RECORD_INFEASIBLE: a policy that finds nothing inside the budgets (MB_NUMERIC) is a result, OUT->infeasible, with all numbers NaN and *plan NULL. */
int mb_point_run(mb_setup *s, const mb_point_options *o, mb_point_result *out, mb_plan **plan, struct mb_report **report);
/* Number, label and settings of the point P, point INDEX of its sweep, into R; its other fields stay. */
int mb_point_describe(const mb_point *p, size_t index, mb_point_result *r);
/* What the calibration data show of the inputs of layers; shared between points (the cache owns it). */
int mb_point_profile(mb_setup *s, const mb_progress *pr, const mb_profile **out);
/* What PLAN is simulated with: S as it is, or with the network that map.finetune makes of it under PLAN (the cache owns it). *as is a view, not to be freed, and must
 * live as long as what is made with it. */
int mb_point_tuned(mb_setup *s, const mb_plan *plan, const mb_progress *pr, mb_setup *as);
/* Only the mapper's answer. */
int mb_point_map(mb_setup *s, const mb_progress *pr, mb_plan **plan, mb_metrics *metrics);
/* The same; REPORT (may be NULL) gets what the search tells about itself, and the front that it asks for (mapping/mixed.h). */
int mb_point_map_report(mb_setup *s, const mb_progress *pr, mb_plan **plan, mb_metrics *metrics, struct mb_map_report *report);

/* A whole experiment: points in order into the run folder. DIR NULL: runs/NAME. A point whose policy finds nothing inside the budgets is recorded as infeasible and
 * the others go on; MB_NUMERIC at the end when none could be computed. EXPLAIN: points that have no explanation of that level in explain.jsonl get one, those computed
 * earlier too; EXPLAIN_POINT: only this one, -1: all. */
typedef enum { MB_EXPLAIN_NOT, MB_EXPLAIN_EFFECTS, MB_EXPLAIN_LAYERS } mb_explain_level;
typedef struct mb_run_options { const char *dir; bool resume; bool force; const mb_progress *progress; int (*on_point)(void *ctx, const mb_point_result *p, size_t done, size_t total); void *ctx; const char *plan_file; mb_explain_level explain; int64_t explain_point; } mb_run_options;
int mb_experiment_run(mb_conf *root, const mb_run_options *o, char **dir);

#endif
