/* explain_store.c - the explanations of a run: which points want one, and explain.jsonl as it grows
 *
 * Called by session.c from any thread (wanted) and from the one that writes (open, put).
 */
#include "run/session.h"

#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "base/mem.h"

int mb_explain_store_open(mb_session *se) {
    mb_explain_store *st = &se->store;
    size_t n = 0;
    int rc = mb_explain_read(se->folder, &st->list, &st->n);
    for (size_t i = 0; i < st->n; i++) {
        mb_explanation *e = st->list[i];
        bool ours = false;
        if (!rc && e->point >= 0 && e->point < (int64_t)se->points) {
            mb_setup s;
            mb_point pt;
            char id[17];
            rc = mb_session_setup(se, (size_t)e->point, &pt, &s);
            if (!rc) {
                snprintf(id, sizeof id, "%016llx", (unsigned long long)s.id);
                ours = !strcmp(id, e->id);
                mb_point_free(&pt);
                mb_setup_free(&s);
            }
        }
        if (ours) st->list[n++] = e;
        else mb_explanation_free(e);
    }
    st->n = n;
    return rc;
}

void mb_explain_store_close(mb_explain_store *st) {
    for (size_t i = 0; i < st->n; i++) mb_explanation_free(st->list[i]);
    mb_free(st->list);
}

bool mb_explain_wanted(mb_session *se, size_t index) {
    const mb_run_options *o = se->o;
    if (o->explain == MB_EXPLAIN_NOT || (o->explain_point >= 0 && o->explain_point != (int64_t)index)) return false;
    bool has = false;
    pthread_mutex_lock(&se->store.lock);
    for (size_t i = 0; i < se->store.n; i++)
        if (se->store.list[i]->point == (int64_t)index) has = se->store.list[i]->layers || o->explain != MB_EXPLAIN_LAYERS;
    pthread_mutex_unlock(&se->store.lock);
    return !has;
}

int mb_explain_store_put(mb_session *se, mb_explanation *e) {
    mb_explain_store *st = &se->store;
    size_t at = 0;
    int rc = MB_OK;
    mb_str text = {0};
    pthread_mutex_lock(&st->lock);
    while (at < st->n && st->list[at]->point < e->point) at++;
    if (at < st->n && st->list[at]->point == e->point) {
        mb_explanation_free(st->list[at]);
    } else {
        mb_explanation **more = mb_realloc(st->list, st->n + 1, sizeof *more);
        if (!more) {
            mb_explanation_free(e);
            rc = mb_nomem();
            goto out;
        }
        st->list = more;
        memmove(more + at + 1, more + at, (st->n - at) * sizeof *more);
        st->n++;
    }
    st->list[at] = e;
    mb_explain_text(se->name, st->list, st->n, &text);
    if (text.failed) rc = mb_nomem();
out:
    pthread_mutex_unlock(&st->lock);
    if (!rc) rc = mb_run_write_file(se->run, MB_EXPLAIN_FILE, mb_cstr(&text));
    mb_str_free(&text);
    return rc;
}
