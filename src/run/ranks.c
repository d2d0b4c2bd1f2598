/* ranks.c - points of a run computed by other processes: rank 0 hands out jobs and takes results, the others compute
 *
 * Messages, each a letter and its fields (numbers of 64 bits, texts with their length; all ranks run the same program on the same kind of machine):
 *     0 -> k  B hash            the run begins; hash of used.cfg and version: the other must read the same experiment
 *             J first n id...   compute these jobs; ids of those that an earlier session finished, else empty
 *             S number          jobs from this number on do not matter any more
 *             X                 all is done, or there is no run
 *     k -> 0  R want            give me up to so many jobs
 *             D job outcome     a result
 *             F job rc lines    a failure; job NOBODY: the rank itself cannot take part
 * A rank asks for as many jobs as it needs for about BATCH_S; when jobs are short it asks for the next ones before these are done.
 */
#include <string.h>
#include <time.h>

#include "config.h"

#include "base/error.h"
#include "base/mem.h"
#include "run/session.h"

#define NOBODY UINT64_MAX
#define BATCH_S 0.05    /* work per message */
#define BATCH_MAX 64
#define PREFETCH_S 0.5  /* of jobs that take longer no further one waits in a rank while others are idle */
#define TICK_S 0.001

/* --- messages ----------------------------------------------------------------------------------------------------------- */

static void put_number(mb_str *m, uint64_t v) { mb_str_addn(m, (const char *)&v, sizeof v); }

static void put_text(mb_str *m, const char *s, size_t n) {
    put_number(m, n);
    mb_str_addn(m, s, n);
}

static void put_string(mb_str *m, const char *s) { put_text(m, s ? s : "", s ? strlen(s) : 0); }

/* Reads a message; BAD once something is missing. */
typedef struct reader {
    const char *p;
    size_t n;
    bool bad;
} reader;

static uint64_t get_number(reader *r) {
    uint64_t v = 0;
    if (r->n < sizeof v) {
        r->bad = true;
        return 0;
    }
    memcpy(&v, r->p, sizeof v);
    r->p += sizeof v;
    r->n -= sizeof v;
    return v;
}

static const char *get_text(reader *r, size_t *n) {
    *n = (size_t)get_number(r);
    if (r->bad || *n > r->n) {
        r->bad = true;
        *n = 0;
        return "";
    }
    const char *s = r->p;
    r->p += *n;
    r->n -= *n;
    return s;
}

static char *get_string(reader *r) {
    size_t n;
    const char *s = get_text(r, &n);
    return mb_strndup(s, n);
}

static int broken(int from) { return mb_fail(MB_SYSTEM, "rank %d sent a message that cannot be read; do all ranks run the same mixbar?", from); }

static int say(const mb_team *t, int to, mb_str *m) {
    int rc = m->failed ? mb_nomem() : t->send(t->ctx, to, m->s, m->n);
    mb_str_free(m);
    return rc;
}

static int say_letter(const mb_team *t, int to, const char *letter) {
    mb_str m = {0};
    mb_str_add(&m, letter);
    return say(t, to, &m);
}

static uint64_t hash_of(const char *used) { return mb_hash64(PACKAGE_VERSION, strlen(PACKAGE_VERSION), mb_hash64(used, strlen(used), MB_HASH_START)); }

static void outcome_put(mb_str *m, uint64_t job, const mb_outcome *o) {
    mb_str_add(m, "D");
    put_number(m, job);
    put_number(m, o->index);
    put_number(m, o->there);
    put_string(m, o->brief.id);
    put_string(m, o->brief.label);
    put_string(m, o->brief.infeasible);
    for (const mb_column *c = mb_point_columns; c->name; c++) mb_str_addn(m, (const char *)&o->brief + c->offset, sizeof(double));
    mb_str_addn(m, (const char *)&o->brief.search_s, sizeof o->brief.search_s);
    put_text(m, mb_cstr(&o->lines), o->lines.n);
    put_text(m, mb_cstr(&o->plan), o->plan.n);
    put_text(m, mb_cstr(&o->net), o->net.n);
}

static void get_double(reader *r, void *to) {
    r->bad = r->bad || r->n < sizeof(double);
    if (r->bad) return;
    memcpy(to, r->p, sizeof(double));
    r->p += sizeof(double);
    r->n -= sizeof(double);
}

static int outcome_get(reader *r, mb_outcome **out) {
    size_t n;
    mb_outcome *o = mb_calloc(1, sizeof *o);
    if (!o) return mb_nomem();
    o->index = (size_t)get_number(r);
    o->there = get_number(r) != 0;
    o->brief.index = (int64_t)o->index;
    o->brief.id = get_string(r);
    o->brief.label = get_string(r);
    o->brief.infeasible = get_string(r);
    bool memory = o->brief.id && o->brief.label && o->brief.infeasible;
    if (memory && !*o->brief.infeasible) {
        mb_free(o->brief.infeasible);
        o->brief.infeasible = NULL;
    }
    for (const mb_column *c = mb_point_columns; c->name && !r->bad; c++) get_double(r, (char *)&o->brief + c->offset);
    get_double(r, &o->brief.search_s);
    const char *s = get_text(r, &n);
    mb_str_addn(&o->lines, s, n);
    s = get_text(r, &n);
    mb_str_addn(&o->plan, s, n);
    s = get_text(r, &n);
    mb_str_addn(&o->net, s, n);
    memory = memory && !o->lines.failed && !o->plan.failed && !o->net.failed;
    if (memory && !r->bad) {
        *out = o;
        return MB_OK;
    }
    mb_outcome_free(o);
    return memory ? broken(0) : mb_nomem();
}

static void failure_put(mb_str *m, uint64_t job, int rc, const mb_error *e) {
    mb_str_add(m, "F");
    put_number(m, job);
    put_number(m, (uint64_t)rc);
    for (int i = 0; mb_error_line(e, i); i++) put_string(m, mb_error_line(e, i));
}

/* The trail of a failure that another rank sent; returns its status. */
static int failure_get(reader *r) {
    int rc = (int)get_number(r), line = 0;
    while (!r->bad && r->n) {
        char *s = get_string(r);
        if (line++) mb_context(rc, "%s", s ? s : "");
        else mb_fail(rc, "%s", s ? s : "");
        mb_free(s);
    }
    return rc ? rc : MB_BUG;
}

/* --- rank 0 --------------------------------------------------------------------------------------------------------------- */

typedef struct lead {
    mb_session *se;
    const mb_team *team;
    const mb_crew_plan *plan;
    size_t *want;      /* per rank: jobs it waits for */
    size_t stopped;    /* the number that was last told */
    bool failed;       /* a rank is lost: what it has will not come */
} lead;

int mb_ranks_begin(mb_session *se, int rc, const char *used) {
    const mb_team *t = se->o->team;
    mb_error *e = rc ? mb_error_take() : NULL;
    int sent = MB_OK;
    for (int k = 1; k < t->size && !sent; k++) {
        mb_str m = {0};
        mb_str_add(&m, rc ? "X" : "B");
        if (!rc) put_number(&m, hash_of(used));
        sent = say(t, k, &m);
    }
    return rc ? mb_error_raise(e, rc) : sent;
}

int mb_ranks_absent(const mb_team *t, int rc) {
    const mb_run_options o = {.team = t};
    mb_session se = {.o = &o};
    return t->rank > 0 ? mb_ranks_follow(&se, rc, "") : mb_ranks_begin(&se, rc, "");
}

static int give_jobs(lead *l, mb_crew *crew, int k) {
    const size_t fair = mb_crew_left(crew) / (2 * (size_t)l->team->size) + 1;
    size_t first, want = l->want[k] < fair ? l->want[k] : fair;
    bool over;
    const size_t n = mb_crew_hand_out(crew, want, &first, &over);
    if (!n) return MB_OK; /* the end is told to all at once */
    l->want[k] = 0;
    mb_str m = {0};
    mb_str_add(&m, "J");
    put_number(&m, first);
    put_number(&m, n);
    for (size_t i = 0; i < n; i++) put_string(&m, mb_session_have(l->se, mb_session_point(l->se, first + i)));
    return say(l->team, k, &m);
}

static int hear(lead *l, mb_crew *crew, int from, reader *r) {
    const char what = r->n ? *r->p : '?';
    mb_outcome *o = NULL;
    r->p++, r->n--;
    if (what == 'R') {
        l->want[from] = (size_t)get_number(r);
        return r->bad ? broken(from) : MB_OK;
    }
    const uint64_t job = what == 'D' || what == 'F' ? get_number(r) : NOBODY;
    if (what == 'D') {
        int rc = outcome_get(r, &o);
        if (!rc) mb_crew_put(crew, (size_t)job, MB_OK, NULL, o, mb_outcome_bytes(o));
        return rc;
    }
    if (what != 'F') return broken(from);
    int rc = failure_get(r);
    if (job == NOBODY) return mb_context(rc, "rank %d of 0..%d", from, l->team->size - 1);
    mb_crew_put(crew, (size_t)job, rc, mb_error_take(), NULL, 0);
    mb_error_clear();
    return MB_OK;
}

/* Everything that has come, then jobs for those who wait. */
static int lead_idle(void *ctx, mb_crew *crew) {
    lead *l = ctx;
    if (l->failed) return mb_fail(MB_SYSTEM, "a rank is lost");
    int rc = l->plan->idle ? l->plan->idle(l->se, crew) : MB_OK;
    while (!rc) {
        int from = 0;
        void *data = NULL;
        size_t n = 0;
        if ((rc = l->team->poll(l->team->ctx, &from, &data, &n)) || !data) break;
        reader r = {data, n, n == 0};
        rc = hear(l, crew, from, &r);
        mb_free(data);
    }
    const size_t stop = mb_crew_stop_at(crew);
    for (int k = 1; k < l->team->size && !rc; k++) {
        if (stop < l->stopped) {
            mb_str m = {0};
            mb_str_add(&m, "S");
            put_number(&m, stop);
            rc = say(l->team, k, &m);
        }
        if (!rc && l->want[k]) rc = give_jobs(l, crew, k);
    }
    l->stopped = stop;
    l->failed = rc != MB_OK;
    return rc;
}

static int lead_work(void *ctx, mb_crew_job *job) {
    const lead *l = ctx;
    return l->plan->work(l->se, job);
}

static int lead_take(void *ctx, size_t number, void *result) {
    const lead *l = ctx;
    return l->plan->take(l->se, number, result);
}

int mb_ranks_lead(mb_session *se, const mb_crew_plan *plan) {
    lead l = {.se = se, .team = se->o->team, .plan = plan, .stopped = SIZE_MAX};
    mb_crew_plan mine = *plan;
    if (!(l.want = mb_calloc((size_t)l.team->size, sizeof *l.want))) return mb_nomem();
    const size_t threads = (size_t)(plan->workers > 0 ? plan->workers : plan->threads);
    mine.ctx = &l;
    mine.work = lead_work;
    mine.take = lead_take;
    mine.idle = lead_idle;
    mine.tick_s = TICK_S;
    mine.ahead = 2 * BATCH_MAX * ((size_t)l.team->size + threads);
    int rc = mb_crew_run(&mine);
    mb_error *e = rc ? mb_error_take() : NULL;
    for (int k = 1; k < l.team->size; k++)
        if (say_letter(l.team, k, "X")) mb_error_clear();
    mb_free(l.want);
    return rc ? mb_error_raise(e, rc) : MB_OK;
}

/* --- the others ------------------------------------------------------------------------------------------------------------ */

typedef struct batch {
    uint64_t first;
    size_t n;
    char (*have)[33];
} batch;

typedef struct follow {
    mb_session *se;
    const mb_team *team;
    batch now, next;
    size_t answered;   /* jobs of NOW whose outcome was sent */
    bool asked, over, cut;
    uint64_t stop_at;
    double job_s;      /* seconds of a job, of the last batch */
} follow;

static double now_s(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static void nap(double s) {
    const struct timespec t = {0, (long)(1e9 * s)};
    nanosleep(&t, NULL);
}

static int ask(follow *f) {
    const int workers = f->se->o->workers > 0 ? f->se->o->workers : f->se->threads;
    double want = f->job_s > 0 ? BATCH_S / f->job_s * workers : workers;
    want = want < workers ? workers : want > BATCH_MAX ? BATCH_MAX : want;
    mb_str m = {0};
    mb_str_add(&m, "R");
    put_number(&m, (uint64_t)want);
    f->asked = true;
    return say(f->team, 0, &m);
}

static int get_batch(follow *f, reader *r) {
    batch b = {.first = get_number(r)}; /* one after the other: the order within braces is open */
    b.n = (size_t)get_number(r);
    if (r->bad || b.n == 0 || b.n > r->n / sizeof(uint64_t)) return broken(0); /* an id has its length at least */
    if (!(b.have = mb_calloc(b.n, sizeof *b.have))) return mb_nomem();
    for (size_t i = 0; i < b.n; i++) {
        size_t n;
        const char *id = get_text(r, &n);
        if (n < sizeof b.have[i]) memcpy(b.have[i], id, n);
    }
    mb_free(f->next.have);
    f->next = b;
    f->asked = false;
    return r->bad ? broken(0) : MB_OK;
}

/* Everything that has come from rank 0. */
static int listen(follow *f, uint64_t *hash) {
    for (;;) {
        int from = 0, rc;
        void *data = NULL;
        size_t n = 0;
        if ((rc = f->team->poll(f->team->ctx, &from, &data, &n)) || !data) return rc;
        reader r = {(const char *)data + 1, n ? n - 1 : 0, n == 0};
        switch (n ? *(const char *)data : '?') {
        case 'B': *hash = get_number(&r); break;
        case 'J': rc = get_batch(f, &r); break;
        case 'S': f->stop_at = get_number(&r); break;
        case 'X': f->over = true; break;
        default: rc = broken(from);
        }
        mb_free(data);
        if (rc || r.bad) return rc ? rc : broken(from);
    }
}

static int follow_work(void *ctx, mb_crew_job *job) {
    follow *f = ctx;
    mb_session *se = f->se;
    const size_t number = (size_t)f->now.first + job->number;
    const char *have = f->now.have[job->number];
    mb_outcome *o = NULL;
    mb_str m = {0};
    int rc = mb_session_compute(se, mb_session_point(se, number), *have ? have : NULL, job, &o);
    if (rc) {
        mb_error *e = mb_error_take();
        failure_put(&m, number, rc, e);
        mb_free(e);
    } else {
        outcome_put(&m, number, o);
        mb_outcome_free(o);
    }
    mb_str *kept = mb_malloc(1, sizeof *kept);
    if (!kept || m.failed) {
        mb_free(kept);
        mb_str_free(&m);
        return mb_nomem();
    }
    *kept = m;
    job->result = kept;
    job->bytes = m.cap;
    return MB_OK;
}

static void drop_message(void *p) {
    mb_str_free(p);
    mb_free(p);
}

static int follow_take(void *ctx, size_t number, void *result) {
    follow *f = ctx;
    (void)number;
    int rc = say(f->team, 0, result);
    mb_free(result);
    f->answered++;
    return rc;
}

static int follow_idle(void *ctx, mb_crew *crew) {
    follow *f = ctx;
    uint64_t hash;
    (void)crew;
    int rc = listen(f, &hash);
    f->cut = f->over || f->stop_at <= f->now.first + f->answered;
    if (!rc && f->cut) rc = mb_fail(MB_INTERRUPTED, "rank 0 does not want the rest");
    if (!rc && !f->asked && !f->next.n && f->job_s > 0 && f->job_s < PREFETCH_S) rc = ask(f);
    return rc;
}

/* A batch. Every job is answered: those that rank 0 does not want any more as interrupted, so that it need not wait for them. */
static int follow_batch(follow *f) {
    const double began = now_s();
    mb_crew_plan plan = {.n = f->now.n, .threads = f->se->threads, .workers = f->se->o->workers, .ctx = f, .work = follow_work, .take = follow_take, .drop = drop_message,
                         .idle = follow_idle, .tick_s = 2 * TICK_S};
    f->answered = 0;
    f->cut = f->stop_at <= f->now.first;
    int rc = f->cut ? MB_INTERRUPTED : mb_crew_run(&plan);
    f->job_s = (now_s() - began) / (double)f->now.n;
    if (rc != MB_INTERRUPTED || !f->cut || f->over) return rc;
    mb_error_clear();
    for (rc = MB_OK; f->answered < f->now.n && !rc; f->answered++) {
        mb_str m = {0};
        failure_put(&m, f->now.first + f->answered, MB_INTERRUPTED, NULL);
        put_string(&m, "interrupted");
        rc = say(f->team, 0, &m);
    }
    return rc;
}

int mb_ranks_follow(mb_session *se, int rc, const char *used) {
    follow f = {.se = se, .team = se->o->team, .stop_at = UINT64_MAX};
    uint64_t hash = 0;
    int my = MB_OK;
    while (!f.over && !hash && !my) {
        my = listen(&f, &hash);
        nap(TICK_S);
    }
    if (!my && !f.over && !rc && hash != hash_of(used))
        rc = mb_fail(MB_BADINPUT, "reads another experiment than rank 0, or is another version of mixbar: all ranks need the same files and options");
    if (!my && !f.over && rc) { /* rank 0 tells it */
        mb_str m = {0};
        mb_error *e = mb_error_take();
        failure_put(&m, NOBODY, rc, e);
        mb_free(e);
        my = say(f.team, 0, &m);
        while (!f.over && !my) {
            my = listen(&f, &hash);
            nap(TICK_S);
        }
    }
    while (!f.over && !my) {
        if (!f.next.n && !f.asked) my = ask(&f);
        if (!my) my = listen(&f, &hash);
        if (my || f.over) break;
        if (!f.next.n) {
            nap(TICK_S);
            continue;
        }
        mb_free(f.now.have);
        f.now = f.next;
        f.next = (batch){0};
        my = follow_batch(&f);
        if (f.over && my == MB_INTERRUPTED) my = MB_OK; /* nobody waits for it */
    }
    mb_free(f.now.have);
    mb_free(f.next.have);
    mb_error *e = my ? mb_error_take() : NULL;
    mb_error_clear();
    if (!my) return MB_OK;
    mb_str m = {0};
    failure_put(&m, NOBODY, my, e);
    if (say(f.team, 0, &m)) mb_error_clear(); /* rank 0 cannot be told */
    return mb_error_raise(e, my);
}
