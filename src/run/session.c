/* session.c - one job of a run: from its number to an outcome, in any thread; and the outcome into the run folder, in order
 *
 * Called by experiment_run.c (threads) and ranks.c (other processes).
 */
#include "run/session.h"

#include <omp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/file.h"
#include "base/mem.h"
#include "run/finetune.h"

void mb_outcome_free(void *outcome) {
    mb_outcome *o = outcome;
    if (!o) return;
    mb_point_result_free(&o->brief);
    mb_str_free(&o->lines);
    mb_str_free(&o->plan);
    mb_str_free(&o->net);
    mb_explanation_free(o->explain);
    mb_free(o);
}

size_t mb_outcome_bytes(const mb_outcome *o) { return sizeof *o + o->lines.cap + o->plan.cap + o->net.cap + 256; }

size_t mb_session_point(const mb_session *se, size_t job) {
    return se->o->shards > 1 ? (size_t)se->o->shard + job * (size_t)se->o->shards : job;
}

int mb_session_setup(const mb_session *se, size_t index, mb_point *pt, mb_setup *s) {
    int rc = mb_sweep_point(se->sweep, index, pt);
    if (rc) return rc;
    rc = mb_setup_load(pt->conf, se->cache, true, s);
    pt->conf = NULL; /* the setup's, also on failure */
    if (!rc && s->keys.simulate && (rc = mb_setup_can_run(s))) mb_setup_free(s);
    if (rc && se->points > 1) mb_context(rc, "point %zu (%s)", index, pt->label);
    if (rc) mb_point_free(pt);
    return rc;
}

static int by_index(const void *a, const void *b) {
    const mb_kept *x = a, *y = b;
    return (x->index > y->index) - (x->index < y->index);
}

const char *mb_session_have(const mb_session *se, size_t index) {
    const mb_kept key = {.index = (int64_t)index};
    const mb_kept *k = se->n_kept ? bsearch(&key, se->kept, se->n_kept, sizeof *se->kept, by_index) : NULL;
    return k ? k->id : NULL;
}

/* --- progress of one job among others -------------------------------------------------------------------------------- */

typedef struct watch {
    mb_session *se;
    const mb_crew_job *job;
} watch;

/* Stops a job that does not matter any more; otherwise the caller's progress, one thread at a time. */
static int on_step(void *ctx, const char *what, int64_t done, int64_t total) {
    const watch *w = ctx;
    const mb_progress *p = w->se->o->progress;
    if (w->job && mb_crew_stopped(w->job)) return 1;
    if (!p || !p->step) return 0;
    pthread_mutex_lock(&w->se->lock);
    int stop = p->step(p->ctx, what, done, total);
    pthread_mutex_unlock(&w->se->lock);
    return stop;
}

static void on_draw(void *ctx, double accuracy, int draws) {
    const watch *w = ctx;
    const mb_progress *p = w->se->o->progress;
    if (!p || !p->draw) return;
    pthread_mutex_lock(&w->se->lock);
    p->draw(p->ctx, accuracy, draws);
    pthread_mutex_unlock(&w->se->lock);
}

static void on_threads(void *ctx) {
    const watch *w = ctx;
    if (w->job) omp_set_num_threads(mb_crew_threads(w->job));
}

/* --- computing ------------------------------------------------------------------------------------------------------- */

static int explain_point(mb_setup *s, const mb_plan *plan, mb_session *se, size_t index, const mb_progress *pr, mb_explanation **out) {
    const mb_profile *prof = NULL;
    if (s->until.until > 0) s->trials = s->until.min; /* paired differences need few draws */
    mb_point_at at;
    int rc = mb_point_at_open(s, plan, true, pr, &at);
    if (!rc) rc = mb_point_profile(&at.setup, pr, &prof);
    if (!rc) rc = mb_explain_point(&at.setup, prof, at.plan, se->o->explain == MB_EXPLAIN_LAYERS, pr, out);
    mb_point_at_close(&at);
    if (rc) return mb_context(rc, "explaining point %zu", index);
    (*out)->point = (int64_t)index;
    return MB_OK;
}

/* A point that was computed earlier, by its plan in the folder. */
static int explain_done(mb_setup *s, mb_session *se, size_t index, const mb_progress *pr, mb_explanation **out) {
    mb_plan *plan = NULL;
    char *path = mb_asprintf("%s/plan-%04zu.cfg", se->folder, index);
    int rc = path ? MB_OK : mb_nomem();
    if (!rc && mb_file_exists(path)) { /* otherwise infeasible: nothing to explain */
        rc = mb_plan_load(path, s->net, &plan);
        if (!rc) rc = explain_point(s, plan, se, index, pr, out);
        mb_plan_free(plan);
    }
    mb_free(path);
    return rc;
}

/* id, label, infeasible and numbers of R, moved or copied. */
static void make_brief(mb_point_result *r, mb_point_result *brief) {
    brief->index = r->index;
    brief->id = r->id, brief->label = r->label, brief->infeasible = r->infeasible;
    r->id = r->label = r->infeasible = NULL;
    brief->search_s = r->search_s;
    for (const mb_column *c = mb_point_columns; c->name; c++)
        *(double *)(void *)((char *)brief + c->offset) = *(const double *)(const void *)((const char *)r + c->offset);
}

/* From a loaded setup to the texts that the run folder gets. */
static int compute(mb_session *se, mb_setup *s, const mb_point *pt, const mb_progress *pr, watch *w, mb_outcome *out) {
    mb_point_result r = {0};
    mb_plan *plan = NULL;
    const bool simulate = s->keys.simulate, plans = s->keys.keep == MB_KEEP_PLANS;
    mb_point_options po = {.plan_file = se->o->plan_file, .simulate = simulate, .share = se->share, .totals = s->keys.keep == MB_KEEP_TOTALS, .progress = pr, .record_infeasible = true,
                           .threads = on_threads, .threads_ctx = w};
    int rc = mb_point_run(s, &po, &r, &plan, NULL);
    if (rc) return se->points > 1 ? mb_context(rc, "point %zu (%s)", out->index, pt->label) : rc;
    rc = mb_point_describe(pt, out->index, &r);
    if (!rc && !(r.plan = plan && plans ? mb_asprintf("plan-%04zu.cfg", out->index) : mb_strdup(""))) rc = mb_nomem();
    if (!rc) rc = mb_run_lines(&r, &out->lines);
    if (!rc && plan && plans) mb_plan_write(plan, &out->plan);
    if (!rc && plan && plans && simulate && s->finetune_epochs) {
        mb_point_at at;
        rc = mb_point_at_open(s, plan, true, pr, &at);
        if (!rc) mb_str_addn(&out->net, mb_cstr(&at.tuned->onnx), at.tuned->onnx.n);
        mb_point_at_close(&at);
    }
    if (!rc && (out->plan.failed || out->net.failed)) rc = mb_nomem();
    if (!rc) make_brief(&r, &out->brief);
    if (!rc && plan && simulate && mb_explain_wanted(se, out->index)) rc = explain_point(s, plan, se, out->index, pr, &out->explain);
    mb_point_result_free(&r);
    mb_plan_free(plan);
    return rc;
}

int mb_session_compute(mb_session *se, size_t index, const char *have, const mb_crew_job *job, mb_outcome **result) {
    mb_setup s;
    mb_point pt;
    watch w = {se, job};
    const mb_progress pr = {.step = on_step, .draw = on_draw, .ctx = &w};
    mb_outcome *out = mb_calloc(1, sizeof *out);
    if (!out) return mb_nomem();
    out->index = index;
    int rc = mb_session_setup(se, index, &pt, &s);
    if (!rc) {
        char id[17];
        snprintf(id, sizeof id, "%016llx", (unsigned long long)s.id);
        out->there = have && !strcmp(have, id);
        if (have && !out->there)
            rc = mb_fail(MB_BADINPUT, "%s: point %zu is another one there (%s, here %s): the network or the data have changed, or it was written by another "
                                      "version of mixbar; start anew with -o DIR", se->folder ? se->folder : "results", index, have, id);
        else if (!out->there) rc = compute(se, &s, &pt, &pr, &w, out);
        else if (mb_explain_wanted(se, index)) rc = explain_done(&s, se, index, &pr, &out->explain);
        mb_point_free(&pt);
        mb_setup_free(&s);
    }
    if (rc) mb_outcome_free(out);
    else *result = out;
    return rc;
}

/* What a search of simulations took stands in the manifest, as times vary. */
static int note_search(mb_run *run, size_t index, const mb_point_result *r) {
    char key[40], value[40];
    if (!(r->search_measured + r->search_simulated > 0)) return MB_OK;
    snprintf(key, sizeof key, "search_s of point %zu", index);
    snprintf(value, sizeof value, "%.3g", r->search_s);
    return mb_run_note(run, key, value);
}

/* --- storing ----------------------------------------------------------------------------------------------------------- */

int mb_session_store(mb_session *se, mb_outcome *out) {
    int rc = MB_OK;
    if (!out->there && out->plan.n) {
        char name[40];
        snprintf(name, sizeof name, "plan-%04zu.cfg", out->index);
        rc = mb_run_write_file(se->run, name, mb_cstr(&out->plan));
        snprintf(name, sizeof name, "net-%04zu.onnx", out->index);
        if (!rc && out->net.n) rc = mb_run_write_bytes(se->run, name, mb_cstr(&out->net), out->net.n);
    }
    if (!rc && !out->there) rc = note_search(se->run, out->index, &out->brief);
    if (!rc && !out->there) rc = mb_run_put(se->run, (int64_t)out->index, out->brief.id, out->brief.infeasible != NULL, &out->lines);
    if (!rc && out->explain) {
        mb_explanation *e = out->explain;
        out->explain = NULL;
        rc = mb_explain_store_put(se, e);
    }
    if (!rc) {
        se->done++;
        se->computed += !out->there;
    }
    if (!rc && !out->there) {
        const mb_point_result *b = &out->brief;
        if (b->infeasible) {
            if (!se->infeasible++) mb_str_add(&se->why, b->infeasible);
            if (se->points > 1) mb_warn("point %zu (%s) is infeasible: %s", out->index, b->label, b->infeasible);
        }
        if (se->o->on_point) {
            pthread_mutex_lock(&se->lock);
            rc = se->o->on_point(se->o->ctx, b, se->done, se->jobs);
            pthread_mutex_unlock(&se->lock);
        }
    }
    mb_outcome_free(out);
    return rc;
}
