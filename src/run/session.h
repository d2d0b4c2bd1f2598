/* session.h - what a run of an experiment carries from point to point; shared by session.c, experiment_run.c, explain_store.c, ranks.c only
 *
 * Jobs are the points of this run in order: all of the sweep, or those of a shard. Any thread, and any rank, can compute a job from the sweep alone; what it leaves is
 * an outcome, and outcomes are stored in order by the thread that owns the run folder.
 */
#ifndef MB_RUN_SESSION_H
#define MB_RUN_SESSION_H

#include <pthread.h>

#include "base/str.h"
#include "run/cache.h"
#include "run/crew.h"
#include "run/explain.h"
#include "run/point.h"
#include "run/results.h"
#include "run/sweep.h"

/* explain.jsonl of the run, as it will be; guarded by a lock of its own. */
typedef struct mb_explain_store {
    pthread_mutex_t lock;
    mb_explanation **list;
    size_t n;
} mb_explain_store;

/* A finished point of an earlier session. */
typedef struct mb_kept { int64_t index; char id[33]; } mb_kept;

typedef struct mb_session {
    const mb_run_options *o;
    mb_conf *root;
    const mb_sweep *sweep;
    size_t points, jobs;         /* of the sweep; of this run */
    mb_cache *cache;
    bool share;                  /* some points may differ in their converters only */
    char *folder;
    const char *name;
    int threads;
    mb_run *run;                 /* NULL where another process writes (ranks.c) */
    mb_kept *kept;
    size_t n_kept;
    mb_explain_store store;
    pthread_mutex_t lock;        /* around the progress of the caller */
    /* of the thread that stores */
    size_t done, computed, infeasible;
    mb_str why;                  /* of the first infeasible point */
    bool ended;                  /* the last point was reached */
} mb_session;

/* What computing a job leaves. brief: id, label, infeasible, and the numbers of the columns; the rest is in LINES already. */
typedef struct mb_outcome {
    size_t index;                /* of the point */
    bool there;                  /* it was finished in an earlier session; lines and plan are empty then */
    mb_point_result brief;
    mb_str lines, plan, net;     /* for results.jsonl; for the files of the plan and of the network that was trained for it (empty: none) */
    mb_explanation *explain;
} mb_outcome;
void mb_outcome_free(void *outcome);
size_t mb_outcome_bytes(const mb_outcome *o);

size_t mb_session_point(const mb_session *se, size_t job);               /* number of the job's point in the sweep */
/* Load point INDEX; *PT keeps label and settings (mb_point_free). The error says which point it is. */
int mb_session_setup(const mb_session *se, size_t index, mb_point *pt, mb_setup *s);
/* Compute a job in any thread. HAVE: id of the point in the results already, NULL when it is not there. JOB may be NULL (no crew). */
int mb_session_compute(mb_session *se, size_t index, const char *have, const mb_crew_job *job, mb_outcome **out);
const char *mb_session_have(const mb_session *se, size_t index);         /* id of a finished point, NULL */
/* Put an outcome (owned) into the run folder, in order. */
int mb_session_store(mb_session *se, mb_outcome *out);

/* --- explain_store.c --- */
/* What explains points of this run is kept, the rest is of earlier ones. */
int mb_explain_store_open(mb_session *se);
void mb_explain_store_close(mb_explain_store *st);
/* Is point INDEX to be explained, and is not yet? */
bool mb_explain_wanted(mb_session *se, size_t index);
/* E, owned from here on, takes its place among the others, and the file is written. */
int mb_explain_store_put(mb_session *se, mb_explanation *e);

/* --- ranks.c: points handed out to other processes --- */
/* Jobs of SE on this process and on the others of SE->o->team; only rank 0 has a run folder. */
int mb_ranks_lead(mb_session *se, const mb_crew_plan *plan);
/* Tell the others whether there is a run at all (RC not 0: no); the experiment is known by the hash of USED. */
int mb_ranks_begin(mb_session *se, int rc, const char *used);
/* The part of the others: compute what rank 0 asks for until it says that all is done. RC: of what this process did to prepare, which rank 0 is told. */
int mb_ranks_follow(mb_session *se, int rc, const char *used);
/* This process has no experiment, as RC and the error say: rank 0 tells it, and nobody waits for anybody. */
int mb_ranks_absent(const mb_team *t, int rc);

#endif
