/* point.h - one point of an experiment from setup to numbers: map, cost, simulate, compare */
#ifndef MB_RUN_POINT_H
#define MB_RUN_POINT_H

#include "run/prune.h"
#include "run/results.h"
#include "run/simulate.h"
#include "run/sweep.h"

typedef struct mb_point_options {
    const char *plan_file;
    const mb_plan *plan;
    bool simulate, share, totals, record_infeasible;
    const mb_progress *progress;
    void (*threads)(void *ctx);                 /* NULL, or: called between draws, may change the number of threads that loops take */
    void *threads_ctx;
} mb_point_options;
/* PLAN, or PLAN_FILE, not NULL: replay that plan instead of asking the policy. simulate false: costs only (estimated activity). *plan (may be NULL) receives the plan.
 * SHARE: S is as loaded, and others will come that differ in their converters only: they find the programmed cells in its cache (mb_mapped_share).
 * TOTALS: no breakdowns by layer and component (unless the report is asked for).
 * RECORD_INFEASIBLE: a policy that finds nothing inside the budgets (MB_NUMERIC) is a result, OUT->infeasible, with all numbers NaN and *plan NULL. */
int mb_point_run(mb_setup *s, const mb_point_options *o, mb_point_result *out, mb_plan **plan, struct mb_report **report);
/* Number, label and settings of the point P, point INDEX of its sweep, into R; its other fields stay. */
int mb_point_describe(const mb_point *p, size_t index, mb_point_result *r);
/* What the calibration data show of the inputs of layers; shared between points (the cache owns it). */
int mb_point_profile(mb_setup *s, const mb_progress *pr, const mb_profile **out);
/* What PLAN is costed and simulated on: the channels that it keeps (run/prune.h), and, with TRAIN, the network that map.finetune makes of them under PLAN (the cache owns
 * it). Views, which must not move: SETUP and PLAN; tuned NULL: not trained. Closed after a failure, too. */
struct mb_tuned;
typedef struct mb_point_at { mb_pruned pruned; mb_setup setup; const mb_plan *plan; const struct mb_tuned *tuned; } mb_point_at;
int mb_point_at_open(mb_setup *s, const mb_plan *plan, bool train, const mb_progress *pr, mb_point_at *at);
void mb_point_at_close(mb_point_at *at);
/* Only the mapper's answer. */
int mb_point_map(mb_setup *s, const mb_progress *pr, mb_plan **plan, mb_metrics *metrics);
/* The same; REPORT (may be NULL) gets what the search tells about itself, and the front that it asks for (mapping/mixed.h). */
int mb_point_map_report(mb_setup *s, const mb_progress *pr, mb_plan **plan, mb_metrics *metrics, struct mb_map_report *report);

/* Other processes that compute points of the same run (cli/mpi.c). Messages are bytes and arrive in the order they were sent. Only the thread that called
 * mb_experiment_run() sends and polls. */
typedef struct mb_team {
    int rank, size;
    void *ctx;
    int (*send)(void *ctx, int to, const void *data, size_t n);
    /* A message that has come: *data (mb_free), *n bytes, from rank *from; *data NULL: there is none. */
    int (*poll)(void *ctx, int *from, void **data, size_t *n);
} mb_team;

/* A whole experiment: points in order into the run folder. DIR NULL: runs/NAME. A point whose policy finds nothing inside the budgets is recorded as infeasible and
 * the others go on; MB_NUMERIC at the end when none could be computed. EXPLAIN: points that have no explanation of that level in explain.jsonl get one, those computed
 * earlier too; EXPLAIN_POINT: only this one, -1: all.
 * Points are computed by THREADS threads (0: as OpenMP says), so many WORKERS at a time (0: as many as threads); when fewer points are left than threads, the loops
 * inside points use the others. ON_POINT is called in order, by one thread; PROGRESS by any thread, one at a time.
 * SHARDS > 1: only the points whose number is SHARD modulo SHARDS, into the folder DIR-SHARD-of-SHARDS. TEAM: every rank calls with the same experiment and options;
 * rank 0 owns the folder, reports, and returns the status; the others get MB_OK unless they fail themselves. */
typedef enum { MB_EXPLAIN_NOT, MB_EXPLAIN_EFFECTS, MB_EXPLAIN_LAYERS } mb_explain_level;
typedef struct mb_run_options {
    const char *dir;
    bool resume, force;
    const mb_progress *progress;
    int (*on_point)(void *ctx, const mb_point_result *p, size_t done, size_t total);   /* p: id, label, infeasible, numbers of the columns */
    void *ctx;
    const char *plan_file;
    mb_explain_level explain;
    int64_t explain_point;
    int threads, workers, shard, shards;
    const mb_team *team;
} mb_run_options;
int mb_experiment_run(mb_conf *root, const mb_run_options *o, char **dir);
/* Instead of it in a process of TEAM that could not read its experiment (RC, and the error): on rank 0 the others go home and RC is returned; of another rank the failure is
 * told by rank 0, and MB_OK is returned. */
int mb_experiment_absent(const mb_team *team, int rc);

#endif
