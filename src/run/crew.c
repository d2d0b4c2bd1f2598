/* crew.c - threads over jobs, results in order
 *
 * The window of jobs that are out or wait is a ring of slots, number % ahead. One mutex guards all; workers wait on `free` for a job, the taker on `news` for a result.
 * Threads are POSIX ones and each is an OpenMP thread of its own, so that loops inside a job have a team of their own or run alone.
 */
#include "config.h" /* first: pthread_setaffinity_np */

#include "run/crew.h"

#include <errno.h>
#include <omp.h>
#include <pthread.h>
#include <sched.h>
#include <stdint.h>
#include <string.h>
#include <time.h>

#include "base/mem.h"

#define AHEAD 64
#define AHEAD_BYTES ((size_t)64 << 20)

typedef struct slot {
    bool there;
    int rc;
    mb_error *e;
    void *result;
    size_t bytes;
} slot;

struct mb_crew {
    const mb_crew_plan *plan;
    pthread_mutex_t lock;
    pthread_cond_t free, news;
    slot *slot;
    size_t ahead, ahead_bytes;
    size_t next;             /* the next job that is handed out */
    size_t taken;            /* results that were taken */
    size_t stop_at;          /* the first job that failed: jobs from here on do not matter */
    size_t bytes;            /* of the results that wait */
    size_t out;              /* jobs that were given away or are worked on */
    size_t running, workers; /* threads of ours: with a job; all */
};

static size_t end_of(const mb_crew *c) { return c->stop_at < c->plan->n ? c->stop_at : c->plan->n; }

static bool may_hand_out(const mb_crew *c) {
    return c->next < end_of(c) && c->next < c->taken + c->ahead && (c->bytes < c->ahead_bytes || c->next == c->taken);
}

static void put(mb_crew *c, size_t number, int rc, mb_error *e, void *result, size_t bytes) {
    slot *s = &c->slot[number % c->ahead];
    *s = (slot){true, rc, e, result, rc ? 0 : bytes};
    c->bytes += s->bytes;
    c->out--;
    if (rc && number < c->stop_at) c->stop_at = number;
    pthread_cond_signal(&c->news);
    if (rc) pthread_cond_broadcast(&c->free);
}

/* Under OMP_PROC_BIND every thread that is the first of a team is bound to the first place, and so would all workers be: give them all places, before each job. */
static void unbind(void) {
    enum { MOST = 4096 };
    int *id = omp_get_num_places() > 0 ? mb_malloc(MOST, sizeof *id) : NULL;
    cpu_set_t all;
    if (!id) return;
    CPU_ZERO(&all);
    for (int place = 0; place < omp_get_num_places(); place++) {
        const int n = omp_get_place_num_procs(place);
        if (n > MOST) continue;
        omp_get_place_proc_ids(place, id);
        for (int i = 0; i < n; i++)
            if (id[i] >= 0 && id[i] < CPU_SETSIZE) CPU_SET((size_t)id[i], &all);
    }
    mb_free(id);
    if (CPU_COUNT(&all) > 0) pthread_setaffinity_np(pthread_self(), sizeof all, &all); /* slower without, not wrong */
}

static void *worker(void *arg) {
    mb_crew *c = arg;
    pthread_mutex_lock(&c->lock);
    for (;;) {
        while (!may_hand_out(c) && c->next < end_of(c)) pthread_cond_wait(&c->free, &c->lock);
        if (!may_hand_out(c)) break;
        mb_crew_job job = {.number = c->next++, .crew = c};
        c->running++;
        c->out++;
        pthread_mutex_unlock(&c->lock);
        unbind();
        omp_set_num_threads(mb_crew_threads(&job));
        int rc = c->plan->work(c->plan->ctx, &job);
        mb_error *e = rc ? mb_error_take() : NULL;
        mb_error_clear();
        pthread_mutex_lock(&c->lock);
        c->running--;
        put(c, job.number, rc, e, job.result, job.bytes);
    }
    pthread_mutex_unlock(&c->lock);
    return NULL;
}

static void drop_slot(const mb_crew *c, slot *s) {
    if (s->there && !s->rc && s->result && c->plan->drop) c->plan->drop(s->result);
    if (s->there) mb_free(s->e);
    s->there = false;
}

/* One tick from now, on the clock of the conditions. */
static struct timespec tick_end(const mb_crew_plan *p) {
    const double tick_s = p->tick_s > 0 ? p->tick_s : 0.1;
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    t.tv_sec += (time_t)tick_s;
    t.tv_nsec += (long)(1e9 * (tick_s - (double)(time_t)tick_s));
    if (t.tv_nsec >= 1000000000) t.tv_nsec -= 1000000000, t.tv_sec++;
    return t;
}

/* Take what is there until all is taken or something fails. Called with the lock, which is given back while others' code runs. */
static int take_all(mb_crew *c) {
    int rc = MB_OK;
    struct timespec due = tick_end(c->plan);
    while (!rc && c->taken < end_of(c)) {
        slot *s = &c->slot[c->taken % c->ahead];
        bool tick = c->plan->tick_s > 0 && !s->there; /* a fast clock: those outside are waiting */
        if (!s->there && pthread_cond_timedwait(&c->news, &c->lock, &due) == ETIMEDOUT) tick = true;
        if (s->there && !s->rc) {
            void *result = s->result;
            size_t number = c->taken;
            c->bytes -= s->bytes;
            s->there = false;
            pthread_mutex_unlock(&c->lock);
            rc = c->plan->take(c->plan->ctx, number, result);
            pthread_mutex_lock(&c->lock);
            c->taken++;
            if (rc && number < c->stop_at) c->stop_at = number;
            pthread_cond_broadcast(&c->free);
            struct timespec now;
            clock_gettime(CLOCK_MONOTONIC, &now);
            tick = tick || now.tv_sec > due.tv_sec || (now.tv_sec == due.tv_sec && now.tv_nsec >= due.tv_nsec);
        }
        if (tick && !rc) {
            if (c->plan->idle) {
                pthread_mutex_unlock(&c->lock);
                rc = c->plan->idle(c->plan->ctx, c);
                pthread_mutex_lock(&c->lock);
                if (rc) c->stop_at = 0;
            }
            due = tick_end(c->plan);
        }
    }
    if (rc) {
        if (c->stop_at > c->taken) c->stop_at = c->taken;
        pthread_cond_broadcast(&c->free);
    }
    return rc;
}

/* Wait for those who still work; what they bring does not matter any more. */
static void wind_up(mb_crew *c) {
    pthread_cond_broadcast(&c->free);
    while (c->out > 0) {
        struct timespec due = tick_end(c->plan);
        pthread_cond_timedwait(&c->news, &c->lock, &due);
        if (c->out > c->running && c->plan->idle) { /* some are with others */
            pthread_mutex_unlock(&c->lock);
            int rc = c->plan->idle(c->plan->ctx, c);
            pthread_mutex_lock(&c->lock);
            if (rc) { /* they will not come back */
                mb_error_clear();
                c->out = c->running;
            }
        }
    }
}

int mb_crew_run(const mb_crew_plan *plan) {
    mb_crew c = {.plan = plan, .stop_at = SIZE_MAX, .ahead_bytes = plan->ahead_bytes ? plan->ahead_bytes : AHEAD_BYTES};
    c.workers = (size_t)(plan->workers > 0 ? plan->workers : plan->threads);
    if (c.workers > plan->n) c.workers = plan->n;
    c.ahead = plan->ahead ? plan->ahead : AHEAD * (c.workers + 1);
    pthread_t *thread = mb_calloc(c.workers, sizeof *thread);
    c.slot = mb_calloc(c.ahead, sizeof *c.slot);
    if (!thread || !c.slot) {
        mb_free(thread);
        mb_free(c.slot);
        return mb_nomem();
    }
    pthread_condattr_t clock;
    pthread_condattr_init(&clock);
    pthread_condattr_setclock(&clock, CLOCK_MONOTONIC);
    pthread_mutex_init(&c.lock, NULL);
    pthread_cond_init(&c.free, NULL);
    pthread_cond_init(&c.news, &clock);
    pthread_condattr_destroy(&clock);
    int rc = MB_OK;
    size_t started = 0;
    pthread_mutex_lock(&c.lock);
    for (int err = 0; started < c.workers && !err; started += !err) { /* fewer than wanted will do */
        err = pthread_create(&thread[started], NULL, worker, &c);
        if (err && !started) rc = mb_fail(MB_SYSTEM, "a thread cannot be started: %s", strerror(err));
    }
    if (!rc) c.workers = started;
    if (!rc) rc = take_all(&c);
    mb_error *e = rc ? mb_error_take() : NULL;
    wind_up(&c);
    pthread_mutex_unlock(&c.lock);
    for (size_t i = 0; i < started; i++) pthread_join(thread[i], NULL);
    if (!rc && c.stop_at < plan->n) { /* all before it were taken */
        slot *s = &c.slot[c.stop_at % c.ahead];
        rc = s->rc;
        e = s->e;
        s->there = false;
    }
    for (size_t i = 0; i < c.ahead; i++) drop_slot(&c, &c.slot[i]);
    pthread_cond_destroy(&c.news);
    pthread_cond_destroy(&c.free);
    pthread_mutex_destroy(&c.lock);
    mb_free(c.slot);
    mb_free(thread);
    return rc ? mb_error_raise(e, rc) : MB_OK;
}

bool mb_crew_stopped(const mb_crew_job *job) { return job->crew && job->number >= mb_crew_stop_at(job->crew); }

/* Those that are left when every other job, running or about to be, has one. */
int mb_crew_threads(const mb_crew_job *job) {
    mb_crew *c = job->crew;
    if (!c) return omp_get_max_threads();
    pthread_mutex_lock(&c->lock);
    size_t waiting = end_of(c) > c->next ? end_of(c) - c->next : 0, idle = c->workers - c->running;
    size_t busy = c->running + (waiting < idle ? waiting : idle);
    pthread_mutex_unlock(&c->lock);
    const int share = busy ? c->plan->threads / (int)busy : 1;
    return share > 1 ? share : 1;
}

size_t mb_crew_hand_out(mb_crew *c, size_t want, size_t *first, bool *over) {
    size_t n = 0;
    pthread_mutex_lock(&c->lock);
    *first = c->next;
    while (n < want && may_hand_out(c)) c->next++, n++;
    c->out += n;
    *over = n == 0 && c->next >= end_of(c);
    pthread_mutex_unlock(&c->lock);
    return n;
}

void mb_crew_put(mb_crew *c, size_t number, int rc, mb_error *e, void *result, size_t bytes) {
    pthread_mutex_lock(&c->lock);
    put(c, number, rc, e, result, bytes);
    pthread_mutex_unlock(&c->lock);
}

size_t mb_crew_stop_at(mb_crew *c) {
    pthread_mutex_lock(&c->lock);
    const size_t at = c->stop_at;
    pthread_mutex_unlock(&c->lock);
    return at;
}

size_t mb_crew_left(mb_crew *c) {
    pthread_mutex_lock(&c->lock);
    const size_t left = end_of(c) > c->next ? end_of(c) - c->next : 0;
    pthread_mutex_unlock(&c->lock);
    return left;
}
