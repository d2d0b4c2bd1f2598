/* crew.h - threads that work on numbered jobs, whose results are taken in order
 *
 * Jobs 0 .. n-1 are handed out in order to whoever is free: threads of this process, and, through mb_crew_hand_out(), others (ranks.c). The thread that called
 * mb_crew_run() takes the results one by one in the order of the jobs, whatever order they come in, so that what it writes does not depend on the crew. Results that
 * are early wait; when too many or too large ones wait, no more jobs are handed out until the late one is there.
 *
 * The first job, by number, that fails ends the crew: those before it are finished and taken, those behind it are told to stop (mb_crew_stopped), and its error is
 * that of mb_crew_run(): the same one as with a single thread.
 *
 * A job may itself use threads: those that are not needed for other jobs, as many as mb_crew_threads() says at the moment.
 */
#ifndef MB_RUN_CREW_H
#define MB_RUN_CREW_H

#include <stdbool.h>
#include <stddef.h>

#include "base/error.h"

typedef struct mb_crew mb_crew;

/* A job in the hands of a thread. RESULT and BYTES (its size in memory) are for the worker to set; RESULT may stay NULL. */
typedef struct mb_crew_job {
    size_t number;
    void *result;
    size_t bytes;
    mb_crew *crew;
} mb_crew_job;

typedef struct mb_crew_plan {
    size_t n;
    int threads;                                           /* in all, at least 1 */
    int workers;                                           /* jobs at a time in this process; 0: as many as threads */
    size_t ahead;                                          /* results that may wait; 0: 64 per worker */
    size_t ahead_bytes;                                    /* their size; 0: 64 MiB */
    void *ctx;
    int (*work)(void *ctx, mb_crew_job *job);              /* many threads at a time; on failure RESULT is not looked at */
    int (*take)(void *ctx, size_t number, void *result);   /* in order; owns RESULT, also on failure */
    void (*drop)(void *result);                            /* of a result that is not taken */
    int (*idle)(void *ctx, mb_crew *crew);                 /* NULL, or: called by the taking thread between results, at least every tick_s seconds */
    double tick_s;                                         /* 0: 0.1 s */
} mb_crew_plan;

/* All jobs. The status is that of the first job that failed, of TAKE, or of IDLE. */
int mb_crew_run(const mb_crew_plan *plan);

/* For work(): does the result of this job still matter? How many threads may it use now? */
bool mb_crew_stopped(const mb_crew_job *job);
int mb_crew_threads(const mb_crew_job *job);

/* For idle(): give away up to WANT consecutive jobs; *first is the first, the number that was given is returned, 0 when there is none at the moment (or no more: *over).
 * Each of them must come back by mb_crew_put(). */
size_t mb_crew_hand_out(mb_crew *crew, size_t want, size_t *first, bool *over);
/* The outcome of a job that was given away: RC with its trail E (owned, NULL: none), or RESULT of BYTES. */
void mb_crew_put(mb_crew *crew, size_t number, int rc, mb_error *e, void *result, size_t bytes);
size_t mb_crew_left(mb_crew *crew);        /* jobs that nobody has yet */
/* Jobs at and above this number need not be finished. */
size_t mb_crew_stop_at(mb_crew *crew);

#endif
