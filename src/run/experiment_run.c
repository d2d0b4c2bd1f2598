/* experiment_run.c - whole experiments: all points into a run folder, by threads of this process and by others
 *
 * Order: open the sweep -> load points, so that a mistake in the last one is told before the first one is computed -> run folder -> jobs to the crew (crew.c), results in
 * order -> close. What is computed where does not change a byte of the results.
 */
#include <omp.h>
#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "base/file.h"
#include "base/mem.h"
#include "run/session.h"

#define CHECKED 250 /* so many points are all loaded before the first is computed; of more, those that cover the axes */

/* --- before the first point ------------------------------------------------------------------------------------------ */

/* used.cfg: the experiment as it is without its sweep, so that a point that leaves a key alone finds the experiment's own value there again. Where that alone
 * is no experiment (a sweep gives what the rest lacks), as at the first point. */
static int used_text(mb_session *se, const mb_setup *first, mb_str *used) {
    mb_setup base;
    if (!mb_conf_find(se->root, "sweep")) return mb_experiment_used(se->root, first, used);
    mb_conf *c = mb_sweep_base(se->root);
    if (!c) return mb_nomem();
    if (mb_setup_load(c, se->cache, true, &base) != MB_OK) {
        mb_error_clear();
        return mb_experiment_used(se->root, first, used);
    }
    int rc = mb_experiment_used(se->root, &base, used);
    mb_setup_free(&base);
    return rc;
}

/* Points to be loaded first: all, or those in which every value of every axis stands. */
typedef struct checking {
    mb_session *se;
    size_t *index;           /* NULL: all */
} checking;

static int check_point(void *ctx, mb_crew_job *job) {
    const checking *c = ctx;
    mb_session *se = c->se;
    const size_t index = c->index ? c->index[job->number] : job->number;
    mb_setup s;
    mb_point pt;
    mb_plan *p = NULL;
    int rc = mb_session_setup(se, index, &pt, &s);
    if (rc) return rc;
    if (se->o->plan_file) rc = mb_plan_load(se->o->plan_file, s.net, &p);
    mb_plan_free(p);
    mb_point_free(&pt);
    mb_setup_free(&s);
    return rc;
}

static int checked(void *ctx, size_t number, void *result) {
    (void)number;
    (void)result;
    const mb_run_options *o = ((const checking *)ctx)->se->o;
    return o->progress && o->progress->step && o->progress->step(o->progress->ctx, "load points", 0, 0) ? mb_fail(MB_INTERRUPTED, "interrupted") : MB_OK;
}

static int check_points(mb_session *se) {
    checking c = {.se = se};
    size_t n = se->points;
    int rc = n > CHECKED ? mb_sweep_cover(se->sweep, &c.index, &n) : MB_OK;
    if (rc) return rc;
    const mb_crew_plan plan = {.n = n, .threads = se->threads, .ctx = &c, .work = check_point, .take = checked};
    rc = mb_crew_run(&plan);
    mb_free(c.index);
    return rc;
}

/* What is told once for all points, and noted about the run; the text of used.cfg. From the first point. */
static int look_at_first(mb_session *se, mb_str *used) {
    mb_setup s;
    mb_point pt;
    int64_t common = 0;
    int rc = mb_session_setup(se, 0, &pt, &s);
    if (rc) return rc;
    if (s.data) rc = mb_dataset_common(s.calib, s.cal.samples, s.data, s.keys.samples, &common);
    if (!rc && common && (!se->o->team || se->o->team->rank == 0))
        mb_warn("%lld of the %d calibration samples are among the %d scored ones: the accuracies are optimistic; give calibration = { dataset = ...; } other samples",
                (long long)common, s.cal.samples, s.keys.samples);
    if (!rc) rc = used_text(se, &s, used);
    mb_point_free(&pt);
    mb_setup_free(&s);
    return rc;
}

/* --- what the manifest says --------------------------------------------------------------------------------------------- */

static int note_number(mb_run *run, const char *key, long long n) {
    char text[24];
    snprintf(text, sizeof text, "%lld", n);
    return mb_run_note(run, key, text);
}

static int note_data(mb_session *se) {
    mb_setup s;
    mb_point pt;
    int rc = mb_session_setup(se, 0, &pt, &s);
    if (rc) return rc;
    rc = note_number(se->run, "threads", se->threads);
    if (!rc && se->o->team) rc = note_number(se->run, "ranks", se->o->team->size);
    if (!rc && se->o->shards > 1) {
        char text[48];
        snprintf(text, sizeof text, "%d/%d", se->o->shard, se->o->shards);
        rc = mb_run_note(se->run, "shard", text);
    }
    if (!rc) rc = mb_run_note(se->run, "network", s.net->path);
    if (!rc && s.data) rc = mb_run_note(se->run, "dataset", s.data->source);
    if (!rc && s.calib) rc = mb_run_note(se->run, "calibration", s.calib->source);
    mb_point_free(&pt);
    mb_setup_free(&s);
    return rc;
}

/* "programmed cells: 3 made, 60 reused; ...": of this session and this process. */
static int note_reuse(mb_session *se) {
    mb_str s = {0};
    mb_cache_use u;
    for (size_t i = 0; mb_cache_used(se->cache, i, &u); i++) {
        mb_str_addf(&s, "%s%s: %llu made, %llu reused", s.n ? "; " : "", u.kind, (unsigned long long)u.made, (unsigned long long)u.reused);
        if (u.dropped) mb_str_addf(&s, ", %llu dropped", (unsigned long long)u.dropped);
    }
    int rc = s.failed ? mb_nomem() : mb_run_note(se->run, "shared", mb_cstr(&s));
    mb_str_free(&s);
    return rc;
}

/* --- the points ----------------------------------------------------------------------------------------------------------- */

static int work(void *ctx, mb_crew_job *job) {
    mb_session *se = ctx;
    mb_outcome *out = NULL;
    const size_t index = mb_session_point(se, job->number);
    int rc = mb_session_compute(se, index, mb_session_have(se, index), job, &out);
    job->result = out;
    if (!rc) job->bytes = mb_outcome_bytes(out);
    return rc;
}

static int take(void *ctx, size_t number, void *result) {
    (void)number;
    return mb_session_store(ctx, result);
}

static int idle(void *ctx, mb_crew *crew) {
    (void)crew;
    return mb_run_sync(((mb_session *)ctx)->run);
}

static int run_points(mb_session *se) {
    const mb_crew_plan plan = {.n = se->jobs, .threads = se->threads, .workers = se->o->workers, .ctx = se, .work = work, .take = take, .drop = mb_outcome_free,
                               .idle = idle};
    int rc = se->o->team ? mb_ranks_lead(se, &plan) : mb_crew_run(&plan);
    se->ended = !rc;
    if (!rc && se->infeasible && se->infeasible == se->computed && se->computed == se->jobs) {
        rc = mb_fail(MB_NUMERIC, "%s", mb_cstr(&se->why));
        if (se->points > 1) rc = mb_context(rc, "and so all %zu points", se->jobs);
    }
    return rc;
}

/* The points that are there, as workers look for them. */
static int keep_finished(mb_session *se) {
    int64_t index;
    const char *id;
    const size_t n = mb_run_kept(se->run, SIZE_MAX, &index, &id);
    if (!n) return MB_OK;
    if (!(se->kept = mb_calloc(n, sizeof *se->kept))) return mb_nomem();
    for (; se->n_kept < n; se->n_kept++) {
        mb_run_kept(se->run, se->n_kept, &index, &id);
        mb_kept *k = &se->kept[se->n_kept];
        k->index = index;
        snprintf(k->id, sizeof k->id, "%s", id);
    }
    return MB_OK;
}

static char *folder_of(const mb_session *se) {
    const mb_run_options *o = se->o;
    const bool shard = o->shards > 1;
    char part[48] = "";
    if (shard) snprintf(part, sizeof part, "-%d-of-%d", o->shard, o->shards);
    size_t n = o->dir ? strlen(o->dir) : 0;
    while (shard && n > 1 && o->dir[n - 1] == '/') n--; /* "runs/my/", as a shell completes it */
    return o->dir ? mb_asprintf("%.*s%s", (int)n, o->dir, part) : mb_asprintf("runs/%s%s", se->name, part);
}

/* Open the sweep and look at its points: every rank for itself, the points rank 0 alone. */
static int prepare(mb_session *se, mb_sweep **sweep, mb_str *used) {
    const mb_run_options *o = se->o;
    const bool lead = !o->team || o->team->rank == 0;
    int rc = mb_cache_new(&se->cache);
    if (!rc) rc = mb_sweep_open(se->root, sweep);
    if (rc) return rc;
    se->sweep = *sweep;
    se->points = mb_sweep_n(*sweep);
    const size_t shards = o->shards > 1 ? (size_t)o->shards : 1, first = shards > 1 ? (size_t)o->shard : 0;
    se->jobs = se->points > first ? (se->points - first + shards - 1) / shards : 0;
    if (!se->jobs) return mb_fail(MB_BADINPUT, "shard %d of %d has no points: the sweep has %zu", o->shard, o->shards, se->points);
    if (o->explain != MB_EXPLAIN_NOT && o->explain_point >= (int64_t)se->points)
        return mb_fail(MB_BADINPUT, "there is no point %lld to explain: points are 0..%zu", (long long)o->explain_point, se->points - 1);
    if (o->explain != MB_EXPLAIN_NOT && o->explain_point >= 0 && shards > 1 && (size_t)o->explain_point % shards != first)
        return mb_fail(MB_BADINPUT, "point %lld to explain is of another shard, %zu/%zu", (long long)o->explain_point, (size_t)o->explain_point % shards, shards);
    if (o->explain != MB_EXPLAIN_NOT && o->team)
        return mb_fail(MB_USAGE, "points are explained by one process: run again with --resume and without mpirun");
    const char *key;
    for (size_t i = 0; (key = mb_sweep_key(*sweep, i)); i++) se->share = se->share || mb_programming_ignores(key);
    if (lead) rc = check_points(se);
    if (!rc) rc = look_at_first(se, used);
    if (!rc) se->name = mb_conf_find(se->root, "name")->s;
    return rc;
}

int mb_experiment_absent(const mb_team *team, int rc) { return mb_ranks_absent(team, rc); }

int mb_experiment_run(mb_conf *root, const mb_run_options *o, char **dir) {
    mb_sweep *sweep = NULL;
    mb_str used = {0};
    mb_session se = {.o = o, .root = root, .threads = o->threads > 0 ? o->threads : omp_get_max_threads()};
    pthread_mutex_init(&se.lock, NULL);
    pthread_mutex_init(&se.store.lock, NULL);
    int rc = prepare(&se, &sweep, &used);
    if (o->team && o->team->rank > 0) {
        rc = mb_ranks_follow(&se, rc, mb_cstr(&used));
        goto out;
    }
    if (!rc && !(se.folder = folder_of(&se))) rc = mb_nomem();
    if (!rc) rc = mb_run_create(se.folder, se.name, mb_cstr(&used), o->force ? MB_RUN_FORCE : o->resume ? MB_RUN_RESUME : MB_RUN_NEW, &se.run);
    if (!rc) rc = keep_finished(&se);
    if (!rc && o->explain != MB_EXPLAIN_NOT && !o->force) rc = mb_explain_store_open(&se);
    if (!rc) rc = note_data(&se);
    if (o->team) rc = mb_ranks_begin(&se, rc, mb_cstr(&used));
    if (!rc) rc = run_points(&se);
    if (se.run) {
        mb_error *first = mb_error_take(); /* the failure to tell */
        int noted = note_reuse(&se), close = mb_run_close(se.run, se.ended);
        if (first) mb_error_raise(first, rc);
        if (!rc) rc = noted ? noted : close;
    }
out:
    if (dir && se.run) *dir = se.folder;
    else mb_free(se.folder);
    mb_explain_store_close(&se.store);
    mb_free(se.kept);
    mb_str_free(&se.why);
    mb_str_free(&used);
    mb_sweep_close(sweep);
    mb_cache_free(se.cache);
    pthread_mutex_destroy(&se.store.lock);
    pthread_mutex_destroy(&se.lock);
    return rc;
}
