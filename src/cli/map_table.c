/* map_table.c - mixbar map --table layers.csv: best assignments or the front of a user's own table */
#include "cli/map_table.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/error.h"
#include "base/mem.h"
#include "cli/common.h"
#include "mapping/front.h"
#include "mapping/knapsack_csv.h"
#include "mapping/solver.h"

static double now_s(void *ctx) {
    struct timespec t;
    (void)ctx;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static int stopped(void *ctx, int64_t work, double value, double bound) {
    (void)ctx;
    (void)work;
    (void)value;
    (void)bound;
    return mb_cli_stopped();
}

int mb_map_real(const char *option, const char *text, double lo, double def, double *out) {
    char *end;
    *out = def;
    if (!text) return MB_OK;
    *out = strtod(text, &end);
    if (end == text || *end || !isfinite(*out) || *out < lo)
        return mb_fail(MB_USAGE, "--%s takes a number from %g on, not \"%s\"", option, lo, text);
    return MB_OK;
}

static int set_limits(mb_user_table *t, const mb_strings *limit) {
    int rc = MB_OK;
    for (size_t i = 0; limit && i < limit->n && !rc; i++) {
        const char *text = limit->v[i], *eq = strchr(text, '=');
        char *end, *name = eq ? mb_strndup(text, (size_t)(eq - text)) : NULL;
        int k;
        if (!eq || eq == text) return mb_fail(MB_USAGE, "--limit takes NAME=VALUE, not \"%s\"", text);
        if (!name) return mb_nomem();
        double v = strtod(eq + 1, &end);
        rc = mb_user_table_column(t, name, &k);
        if (!rc && (end == eq + 1 || *end || isnan(v)))
            rc = mb_fail(MB_USAGE, "--limit %s=: \"%s\" is not a number", name, eq + 1);
        if (!rc) t->p->limit[k] = v;
        mb_free(name);
    }
    return rc;
}

static int infeasible(const mb_knapsack *p, const mb_answer *a) {
    char want[32], have[32];
    if (a->certainty == MB_IMPOSSIBLE && a->binding >= 0)
        return mb_fail(MB_NUMERIC, "no assignment meets the limit %s = %s: the cheapest choices need %s",
                       p->limit_name[a->binding], mb_fmt_double(want, p->limit[a->binding], 0), mb_fmt_double(have, a->least, 0));
    if (a->certainty == MB_IMPOSSIBLE)
        return mb_fail(MB_NUMERIC, "each limit can be met, but no assignment meets all of them together (proven)");
    return mb_fail(MB_NUMERIC, "nothing was found within the limits, which proves nothing: try --solver exact");
}

/* All digits for programs, ten for people. */
static int number(mb_table *t, double x, bool text) {
    char num[32];
    return text ? mb_table_cellf(t, "%.10g", x) : mb_table_cell(t, mb_fmt_double(num, x, 0));
}

/* One row per layer, one column per answer. */
static int choices_table(const mb_user_table *t, const mb_answer *a, bool text, mb_table **out) {
    const mb_knapsack *p = t->p;
    mb_table *b = mb_table_new();
    int rc = b ? mb_table_column(b, "layer", "", MB_LEFT) : mb_nomem(), many = a->n > 1;
    if (!rc) rc = mb_table_column(b, "choice", "", MB_LEFT);
    if (!rc) rc = mb_table_column(b, "sensitivity", "", MB_RIGHT);
    for (int k = 0; k < p->K && !rc; k++) rc = mb_table_column(b, p->limit_name[k], "", MB_RIGHT);
    if (!rc && many) rc = mb_table_column(b, "rank", "", MB_RIGHT);
    for (int e = 0; e < a->n && !rc; e++) {
        const int *x = a->a[e].choice;
        if (e) rc = mb_table_rule(b);
        for (int i = 0; i < p->n && !rc; i++) {
            rc = mb_table_cell(b, p->layer[i]);
            if (!rc) rc = mb_table_cell(b, t->label[i][x[i]]);
            if (!rc) rc = number(b, p->value[i][x[i]], text);
            for (int k = 0; k < p->K && !rc; k++) rc = number(b, p->use[i][x[i] * p->K + k], text);
            if (!rc && many) rc = mb_table_cellf(b, "%d", e + 1);
        }
    }
    if (rc) mb_table_free(b);
    else *out = b;
    return rc;
}

/* One row per answer: value, its uses. */
static int sums_table(const mb_user_table *t, const mb_answer *a, bool text, mb_table **out) {
    const mb_knapsack *p = t->p;
    mb_table *b = mb_table_new();
    int rc = b ? mb_table_column(b, "rank", "", MB_RIGHT) : mb_nomem();
    if (!rc) rc = mb_table_column(b, "sensitivity", "", MB_RIGHT);
    for (int k = 0; k < p->K && !rc; k++) rc = mb_table_column(b, p->limit_name[k], "", MB_RIGHT);
    for (int e = 0; e < a->n && !rc; e++) {
        rc = mb_table_cellf(b, "%d", e + 1);
        if (!rc) rc = number(b, a->a[e].value, text);
        for (int k = 0; k < p->K && !rc; k++) rc = number(b, a->a[e].use[k], text);
    }
    if (rc) mb_table_free(b);
    else *out = b;
    return rc;
}

static int tell_answer(const mb_user_table *t, const mb_solver_type *type, const mb_answer *a, mb_doc *d) {
    mb_table *sums = NULL, *choices = NULL;
    mb_str text = {0};
    mb_answer_text(a, &text);
    mb_doc_text(d, "solver", "%s", type->name);
    mb_doc_text(d, "certificate", "%s", mb_cstr(&text));
    mb_doc_real(d, "sensitivity", a->a[0].value, "");
    if (isfinite(a->bound)) mb_doc_real(d, "bound", a->bound, "");
    mb_doc_int(d, "layers", t->p->n);
    mb_doc_int(d, "choices", t->p->total);
    mb_doc_int(d, "dominated", a->dropped);
    mb_doc_int(d, "work", a->work);
    mb_doc_real(d, "seconds", a->seconds, "s");
    int rc = text.failed ? mb_nomem() : sums_table(t, a, d->format == MB_TABLE_TEXT, &sums);
    if (!rc) {
        mb_doc_table(d, "answers", "sums", sums);
        rc = choices_table(t, a, d->format == MB_TABLE_TEXT, &choices);
    }
    if (!rc) mb_doc_table(d, "assignment", "choices", choices);
    mb_str_free(&text);
    return rc;
}

/* --- fronts --------------------------------------------------------------------------------------------------------------- */

static int front_table(const mb_user_table *t, const mb_front *f, bool text, mb_table **out) {
    const mb_knapsack *p = t->p;
    bool *hull = mb_calloc((size_t)f->n + 1, sizeof *hull);
    mb_table *b = mb_table_new();
    int rc = b && hull ? MB_OK : mb_nomem();
    if (!rc && f->n_keys == 1) mb_front_hull(f, hull);
    if (!rc) rc = mb_table_column(b, "sensitivity", "", MB_RIGHT);
    if (!rc) rc = mb_table_column(b, "gap", "", MB_RIGHT);
    for (int k = 0; k < p->K && !rc; k++) rc = mb_table_column(b, p->limit_name[k], "", MB_RIGHT);
    if (!rc && f->n_keys == 1) rc = mb_table_column(b, "hull", "", MB_LEFT);
    if (!rc) rc = mb_table_column(b, "choices", "", MB_LEFT);
    for (int e = 0; e < f->n && !rc; e++) {
        mb_str all = {0};
        for (int i = 0; i < p->n; i++)
            mb_str_addf(&all, "%s%s", i ? " " : "", t->label[i][f->choice[(size_t)e * (size_t)p->n + (size_t)i]]);
        rc = all.failed ? mb_nomem() : number(b, f->value[e], text);
        if (!rc) rc = number(b, fmax(0, f->value[e] - f->bound[e]), text);
        for (int k = 0; k < p->K && !rc; k++) rc = number(b, f->use[(size_t)e * (size_t)p->K + (size_t)k], text);
        if (!rc && f->n_keys == 1) rc = mb_table_cell(b, hull[e] ? "yes" : "no");
        if (!rc) rc = mb_table_cell(b, mb_cstr(&all));
        mb_str_free(&all);
    }
    mb_free(hull);
    if (rc) mb_table_free(b);
    else *out = b;
    return rc;
}

static int run_front(const mb_map_table *o, mb_user_table *t, const mb_search *s, mb_doc *d) {
    int keys[3], n = 0, rc = MB_OK;
    for (const char *at = o->front; at && !rc; n++) {
        const char *comma = strchr(at, ',');
        char *name = comma ? mb_strndup(at, (size_t)(comma - at)) : mb_strdup(at);
        if (!name) return mb_nomem();
        if (n == 3) rc = mb_fail(MB_USAGE, "--front takes one to three costs");
        else rc = mb_user_table_column(t, name, &keys[n]);
        mb_free(name);
        at = comma ? comma + 1 : NULL;
    }
    mb_front f = {0};
    bool other = false;
    for (int k = 0; k < t->p->K && !rc; k++) {
        bool key = false;
        for (int e = 0; e < n; e++) key = key || keys[e] == k;
        other = other || (!key && isfinite(t->p->limit[k]));
    }
    if (!rc && n == 1 && !other) rc = mb_front_exact(t->p, keys, 1, s, &f);
    else if (!rc)
        rc = mb_front_sweep(t->p, keys, n,
                            n == 1 ? (o->points < 256 ? o->points : 256) : (int)fmax(2, ceil(pow(o->points, 1.0 / n))), s, &f);
    if (!rc && !f.n) rc = mb_fail(MB_NUMERIC, "no assignment is within the limits");
    mb_table *b = NULL;
    if (!rc) rc = front_table(t, &f, d->format == MB_TABLE_TEXT, &b);
    if (!rc) {
        mb_doc_text(d, "front", "%s", f.complete ? "complete" : "sweep of limits, each point solved for itself");
        mb_doc_int(d, "points", f.n);
        mb_doc_int(d, "work", f.work);
        mb_doc_table(d, "front_points", "front", b);
    }
    mb_front_free(&f);
    return rc;
}

int mb_map_table_run(const mb_map_table *o, mb_doc *d) {
    const mb_solver_type *type;
    mb_user_table t = {0};
    mb_answer a = {0};
    mb_search s = {.seed = (uint64_t)o->seed, .best = o->best, .now = now_s, .progress = stopped};
    int rc = mb_map_real("gap", o->gap, 0, 0, &s.gap);
    if (!rc) rc = mb_map_real("time", o->time, 0, 0, &s.time_s);
    if (!rc) rc = mb_solver_named(o->solver, &type);
    if (rc == MB_BADINPUT) rc = mb_context(MB_USAGE, "--solver");
    if (!rc) rc = mb_user_table_read(o->path, &t);
    if (!rc) rc = set_limits(&t, o->limit);
    if (!rc && o->front) {
        rc = run_front(o, &t, &s, d);
    } else if (!rc) {
        rc = mb_solver_run(type, NULL, t.p, &s, &a);
        if (!rc && mb_cli_stopped()) rc = mb_fail(MB_INTERRUPTED, "stopped");
        if (!rc) rc = a.n ? tell_answer(&t, type, &a, d) : infeasible(t.p, &a);
    }
    mb_answer_free(&a);
    mb_user_table_free(&t);
    return rc;
}
