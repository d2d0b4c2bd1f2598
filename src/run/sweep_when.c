/* sweep_when.c - conditions of a sweep: `when` of an axis, `where` of the sweep, and which combinations are points
 *
 * A name in a condition is a key. Its value is that of the last axis that applies and sets it, or sets something around it (a device whose preset holds the
 * key), otherwise the experiment's own, its presets included. Defaults of the program are not known here: a name without a value is a mistake, unless the
 * condition asks has(NAME).
 *
 * Combinations are walked once, when the sweep is opened. A mark is left at the first point behind each 64 combinations; point N is found from the mark
 * before it by at most 63 steps. Called by sweep.c.
 */
#include "run/sweep_internal.h"

#include <math.h>
#include <string.h>

#include "array/cell.h"
#include "base/error.h"
#include "base/mem.h"

#define MARK_EVERY 64
#define MAX_WALK 100000000u

/* --- presets that conditions look into ------------------------------------------------------------------------------------ */

static const char *const groups[] = {"device", "arch", "dataset"}, *const folder[] = {"devices", "arch", "data"}; /* keys whose texts name presets */

/* The number of the group that KEY is; -1: none. */
static int group_of(const char *key) {
    for (int i = 0; i < 3; i++)
        if (!strcmp(key, groups[i])) return i;
    return -1;
}

static int expand(mb_conf *c, int group) { return group == 0 ? mb_cell_expand(c) : mb_conf_expand_preset(c, folder[group]); }

/* The value of key K of axis A, number I, with its preset. */
static int expand_value(mb_axis *a, size_t i, size_t k, int group) {
    const mb_conf *v = a->together ? a->values->child[i]->child[k] : a->values->child[i];
    mb_conf *c = mb_conf_clone(v);
    if (!c) return mb_nomem();
    a->inside[i * a->n_key + k] = c;
    c->parent = v->parent; /* the place of its file counts */
    int rc = c->type == MB_CONF_STRING || c->type == MB_CONF_GROUP ? expand(c, group) : MB_OK;
    c->parent = NULL;
    return rc ? mb_context(rc, "a condition of the sweep looks into %s", a->key[k]) : MB_OK;
}

/* Presets among the values of key K of axis A, once. */
static int look_into(mb_axis *a, size_t k) {
    const int group = group_of(a->key[k]);
    int rc = MB_OK;
    if (group < 0 || !a->values) return MB_OK;
    if (!a->inside && !(a->inside = mb_calloc(a->n * a->n_key, sizeof *a->inside))) return mb_nomem();
    for (size_t i = 0; i < a->n && !a->inside[i * a->n_key + k] && !rc; i++) rc = expand_value(a, i, k, group);
    return rc;
}

/* --- values of names ---------------------------------------------------------------------------------------------------------- */

/* What C is worth in a condition; a group by the preset that it names. */
static void value_of(const mb_conf *c, mb_value *v) {
    if (c && c->type == MB_CONF_GROUP) c = mb_conf_find(c, "preset");
    *v = (mb_value){MB_VALUE_ABSENT, (double)NAN, NULL};
    if (!c) return;
    if (c->type == MB_CONF_INT || c->type == MB_CONF_REAL) *v = (mb_value){MB_VALUE_NUMBER, c->r, NULL};
    if (c->type == MB_CONF_BOOL) *v = (mb_value){MB_VALUE_BOOL, c->i != 0, NULL};
    if (c->type == MB_CONF_STRING) *v = (mb_value){MB_VALUE_TEXT, 0, c->s};
}

/* NAME lies below KEY: the path from there, "" when it is KEY; NULL: it does not. */
static const char *below(const char *name, const char *key) {
    const size_t n = strlen(key);
    if (strncmp(name, key, n) != 0) return NULL;
    return name[n] == '.' ? name + n + 1 : name[n] == '[' || !name[n] ? name + n : NULL;
}

static const mb_conf *value_inside(const mb_axis *a, const mb_conf *v, size_t pick, const mb_giver *g) {
    if (!*g->rest) return v;
    if (a->inside && a->inside[pick * a->n_key + g->key]) v = a->inside[pick * a->n_key + g->key];
    return v->type == MB_CONF_GROUP || v->type == MB_CONF_LIST ? mb_conf_find(v, g->rest) : NULL;
}

typedef struct question { const mb_sweep *s; const mb_cursor *c; mb_conf *point; } question; /* point: of a list */

/* In a point of a list: its tree, a preset expanded when something below it is asked for. */
static int ask_point(mb_conf *point, const char *name, mb_value *v) {
    value_of(mb_conf_find(point, name), v);
    for (int g = 0; g < 3 && v->kind == MB_VALUE_ABSENT; g++) {
        const char *rest = below(name, groups[g]);
        mb_conf *c = mb_conf_find(point, groups[g]);
        if (!rest || !*rest || !c || (c->type != MB_CONF_STRING && c->type != MB_CONF_GROUP)) continue;
        int rc = expand(c, g);
        if (rc) return mb_context(rc, "a condition of the sweep looks into %s", groups[g]);
        value_of(mb_conf_find(point, name), v);
    }
    return MB_OK;
}

static int ask(void *ctx, const char *name, mb_value *v) {
    const question *q = ctx;
    const mb_sweep *s = q->s;
    if (q->point) return ask_point(q->point, name, v);
    const mb_known *k = s->known;
    while (k < s->known + s->n_known && k->name != name) k++; /* the very text in the expression */
    if (k == s->known + s->n_known) return mb_fail(MB_BUG, "a condition of the sweep asks for %s, which was not prepared", name);
    for (size_t i = 0; i < k->n_by; i++) {
        const mb_giver *g = &k->by[i];
        mb_conf number;
        if (!q->c->on[g->axis]) continue;
        value_of(value_inside(&s->a[g->axis], mb_cursor_value(s, q->c, g->axis, g->key, &number), q->c->pick[g->axis], g), v);
        return MB_OK;
    }
    *v = k->base;
    return MB_OK;
}

int mb_axis_applies(const mb_sweep *s, const mb_cursor *c, size_t i, bool *on) {
    question q = {s, c, NULL};
    *on = true;
    if (!s->a[i].when) return MB_OK;
    int rc = mb_expr_test(s->a[i].when, ask, &q, on);
    return rc ? mb_context(rc, "in `when` of axis %s at %s", s->a[i].key[0], mb_conf_where(s->a[i].at)) : MB_OK;
}

int mb_sweep_keeps(const mb_sweep *s, const mb_cursor *c, bool *yes) {
    question q = {s, c, NULL};
    *yes = true;
    if (!s->where) return MB_OK;
    int rc = s->mode == MB_LIST ? mb_sweep_list_conf(s, (size_t)c->raw, &q.point) : MB_OK;
    if (!rc) rc = mb_expr_test(s->where, ask, &q, yes);
    mb_conf_free(q.point);
    return rc ? mb_context(rc, "in `where` of the sweep at %s", mb_conf_where(s->sweep)) : MB_OK;
}

/* --- preparation ---------------------------------------------------------------------------------------------------------------- */

/* The experiment's own value of NAME, looked for behind the names of presets, too. */
static int base_value(mb_sweep *s, const char *name, mb_value *v) {
    value_of(mb_conf_find(s->base, name), v);
    for (int g = 0; g < 3 && v->kind == MB_VALUE_ABSENT; g++) {
        const char *rest = below(name, groups[g]);
        if (!rest || !*rest || !mb_conf_find(s->base, groups[g])) continue;
        if (!s->expanded && !(s->expanded = mb_conf_clone(s->base))) return mb_nomem();
        mb_conf *c = mb_conf_find(s->expanded, groups[g]);
        if ((c->type == MB_CONF_STRING || c->type == MB_CONF_GROUP) && expand(c, g)) mb_error_clear(); /* loading a point tells what is wrong with it */
        value_of(mb_conf_find(s->expanded, name), v);
    }
    return MB_OK;
}

/* Whether some value of key K of A has something at the path REST. */
static bool gives(const mb_axis *a, const mb_giver *g) {
    if (!*g->rest) return true;
    for (size_t i = 0; a->values && i < a->n; i++)
        if (value_inside(a, a->together ? a->values->child[i]->child[g->key] : a->values->child[i], i, g)) return true;
    return false;
}

/* Who gives NAME a value, in the condition of axis LIMIT (the sweep's: all axes). The word WHAT stands for the condition in messages. */
static int prepare(mb_sweep *s, const mb_expr *e, const char *name, size_t limit, const char *what) {
    mb_known *k = mb_realloc(s->known, s->n_known + 1, sizeof *k);
    if (!k) return mb_nomem();
    s->known = k;
    k += s->n_known++;
    *k = (mb_known){.name = name};
    bool known = false;
    int rc = base_value(s, name, &k->base);
    for (size_t i = s->n_axes; i-- > 0 && !rc;) {
        for (size_t m = s->a[i].n_key; m-- > 0 && !rc;) {
            const mb_giver g = {i, m, below(name, s->a[i].key[m])};
            if (!g.rest) continue;
            if (i >= limit)
                return mb_fail(MB_BADINPUT, "%s: %s asks for %s, which %s sets: a condition sees the axes before it", mb_conf_where(s->a[limit].at), what, name,
                               i == limit ? "the axis itself" : "a later axis");
            if (*g.rest) rc = look_into(&s->a[i], m);
            mb_giver *by = mb_realloc(k->by, k->n_by + 1, sizeof *by);
            if (!by) return mb_nomem();
            k->by = by;
            by[k->n_by++] = g;
            known = known || (!rc && gives(&s->a[i], &g));
        }
    }
    if (rc || known || k->base.kind != MB_VALUE_ABSENT || mb_expr_has(e, name)) return rc;
    return mb_fail(MB_BADINPUT, "%s: %s asks for %s, which has no value here: write it into the experiment (defaults do not count), or ask has(%s) first",
                   mb_conf_where(limit < s->n_axes ? s->a[limit].at : s->sweep), what, name, name);
}

/* In a list each name has a value at one point at least. */
static int check_list(const mb_sweep *s) {
    for (size_t k = 0; mb_expr_name(s->where, k); k++) {
        const char *name = mb_expr_name(s->where, k);
        bool known = mb_expr_has(s->where, name);
        for (size_t i = 0; i < s->points->n && !known; i++) {
            mb_conf *point = NULL;
            mb_value v = {MB_VALUE_ABSENT, 0, NULL};
            int rc = mb_sweep_list_conf(s, i, &point);
            if (!rc) rc = ask_point(point, name, &v);
            mb_conf_free(point);
            if (rc) return rc;
            known = v.kind != MB_VALUE_ABSENT;
        }
        if (!known)
            return mb_fail(MB_BADINPUT,
                           "%s: where asks for %s, which has no value at any point: write it into the experiment (defaults do not count), or ask has(%s) first",
                           mb_conf_where(s->sweep), name, name);
    }
    return MB_OK;
}

int mb_sweep_read_conditions(mb_sweep *s, const char *where) {
    int rc = *where ? mb_expr_parse(where, &s->where) : MB_OK;
    if (rc) return mb_context(rc, "in `where` of the sweep at %s", mb_conf_where(s->sweep));
    for (size_t i = 0; i < s->n_axes && !rc; i++)
        for (size_t k = 0; s->a[i].when && mb_expr_name(s->a[i].when, k) && !rc; k++)
            rc = prepare(s, s->a[i].when, mb_expr_name(s->a[i].when, k), i, "when");
    if (s->mode == MB_LIST) return rc || !s->where ? rc : check_list(s);
    for (size_t k = 0; s->where && mb_expr_name(s->where, k) && !rc; k++) rc = prepare(s, s->where, mb_expr_name(s->where, k), s->n_axes, "where");
    return rc;
}

/* --- which combinations are points ------------------------------------------------------------------------------------------------ */

static int add_mark(mb_sweep *s, size_t index, uint64_t raw) {
    if ((s->n_mark & (s->n_mark - 1)) == 0) {
        mb_mark *m = mb_realloc(s->mark, s->n_mark ? 2 * s->n_mark : 1, sizeof *m);
        if (!m) return mb_nomem();
        s->mark = m;
    }
    s->mark[s->n_mark++] = (mb_mark){index, raw};
    return MB_OK;
}

static int too_many(const mb_sweep *s) {
    return mb_fail(MB_BADINPUT, "%s: more than %u points: shorten an axis", mb_conf_where(s->sweep), MB_SWEEP_MAX);
}

int mb_sweep_scan(mb_sweep *s) {
    mb_cursor c;
    uint64_t raw = 0;
    size_t walked = 0, last = 0;
    bool conditions = s->where != NULL, there = true, keep = false;
    for (size_t i = 0; i < s->n_axes; i++) conditions = conditions || s->a[i].when;
    int rc = mb_sweep_count(s, &raw);
    if (rc) return rc;
    if (!conditions) {
        s->n = (size_t)raw;
        return raw > MB_SWEEP_MAX ? too_many(s) : MB_OK;
    }
    s->n = 0;
    for (rc = mb_cursor_set(s, 0, &c); !rc && there; rc = rc ? rc : mb_cursor_next(s, &c, &there)) {
        if (walked == MAX_WALK)
            return mb_fail(MB_BADINPUT, "%s: more than %u combinations to look at: shorten an axis, or give it a `when`", mb_conf_where(s->sweep), MAX_WALK);
        rc = mb_sweep_keeps(s, &c, &keep);
        if (!rc && keep && s->n == MB_SWEEP_MAX) rc = too_many(s);
        if (!rc && keep && (!s->n || walked - last >= MARK_EVERY)) {
            rc = add_mark(s, s->n, c.raw);
            last = walked;
        }
        if (!rc && keep) s->n++;
        walked++;
    }
    s->skipped = walked - s->n;
    if (!rc && !s->n) rc = mb_fail(MB_BADINPUT, "%s: `where` leaves none of %zu combinations", mb_conf_where(s->sweep), walked);
    return rc;
}

int mb_sweep_next(const mb_sweep *s, mb_cursor *c) {
    bool there = true, keep = false;
    int rc = MB_OK;
    while (!rc && there && !keep) {
        rc = mb_cursor_next(s, c, &there);
        if (!rc && there) rc = mb_sweep_keeps(s, c, &keep);
    }
    return rc || keep ? rc : mb_fail(MB_BUG, "a point of the sweep is lost");
}

int mb_sweep_locate(const mb_sweep *s, size_t index, mb_cursor *c) {
    if (!s->mark) return mb_cursor_set(s, index, c);
    size_t lo = 0, hi = s->n_mark; /* the last mark at or before INDEX */
    while (hi - lo > 1) {
        const size_t mid = lo + (hi - lo) / 2;
        if (s->mark[mid].index <= index) lo = mid;
        else hi = mid;
    }
    int rc = mb_cursor_set(s, s->mark[lo].raw, c);
    for (size_t at = s->mark[lo].index; at < index && !rc; at++) rc = mb_sweep_next(s, c);
    return rc;
}
