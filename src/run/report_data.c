/* report_data.c - the points of a run for programs: CSV with one line per point, JSON
 *
 * CSV: index, id, label, plan, status, the swept keys, all of mb_point_columns in SI units, then of each baseline
 * energy, latency, area and EDAP as its file describes it, at equal area and at equal capacity for weights. What is not known is an empty field. Numbers read back to the same bits. Called by report_text.c.
 */
#include <math.h>
#include <string.h>

#include "base/error.h"
#include "base/json.h"
#include "base/mem.h"
#include "base/table.h"
#include "run/report_rows.h"

const mb_baseline_result *mb_point_baseline(const mb_point_result *p, const char *name) {
    for (size_t i = 0; i < p->n_baseline; i++) {
        if (strcmp(p->baseline[i].name, name) == 0) return &p->baseline[i];
    }
    return NULL;
}

static void add_text(mb_table *t, int *rc, const char *s) {
    if (*rc == MB_OK) *rc = mb_table_cell(t, s);
}

static void add_column(mb_table *t, int *rc, const char *name, const char *unit, mb_align a) {
    if (*rc == MB_OK) *rc = mb_table_column(t, name, unit, a);
}

/* Swept keys of all points, and names of baselines, in order of first appearance. */
typedef struct names {
    const char **s;
    size_t n, cap;
} names;

static int add_name(names *l, const char *s) {
    for (size_t i = 0; i < l->n; i++) {
        if (strcmp(l->s[i], s) == 0) return MB_OK;
    }
    if (l->n == l->cap) {
        size_t cap = l->cap ? 2 * l->cap : 16;
        const char **more = mb_realloc(l->s, cap, sizeof *more);
        if (!more) return mb_nomem();
        l->s = more;
        l->cap = cap;
    }
    l->s[l->n++] = s;
    return MB_OK;
}

static void add_exact(mb_table *t, int *rc, double v) {
    char buf[32];
    add_text(t, rc, isfinite(v) ? mb_fmt_double(buf, v, 0) : "");
}

static void csv_row(mb_table *t, int *rc, const mb_point_result *p, const names *key, const names *base) {
    if (*rc == MB_OK) *rc = mb_table_cellf(t, "%lld", (long long)p->index);
    add_text(t, rc, p->id);
    add_text(t, rc, p->label);
    add_text(t, rc, p->plan);
    add_text(t, rc, p->infeasible ? "infeasible" : "done");
    for (size_t k = 0; k < key->n; k++) {
        const char *v = "";
        for (size_t i = 0; i < p->n_set; i++) {
            if (strcmp(p->set[i].key, key->s[k]) == 0) v = p->set[i].value;
        }
        add_text(t, rc, v);
    }
    for (const mb_column *c = mb_point_columns; c->name; c++)
        add_exact(t, rc, *(const double *)(const void *)((const char *)p + c->offset));
    for (size_t k = 0; k < base->n; k++) {
        const mb_baseline_result *b = mb_point_baseline(p, base->s[k]);
        for (const mb_column *c = mb_baseline_columns; c->name; c++)
            add_exact(t, rc, b ? *(const double *)(const void *)((const char *)b + c->offset) : MB_NAN);
    }
}

int mb_report_csv(const mb_results *r, mb_str *out) {
    int rc = MB_OK;
    names key = {0}, base = {0};
    mb_table *t = mb_table_new();
    if (!t) return mb_nomem();
    for (size_t i = 0; i < r->n && rc == MB_OK; i++) {
        for (size_t k = 0; k < r->point[i].n_set && rc == MB_OK; k++) rc = add_name(&key, r->point[i].set[k].key);
        for (size_t k = 0; k < r->point[i].n_baseline && rc == MB_OK; k++) rc = add_name(&base, r->point[i].baseline[k].name);
    }
    add_column(t, &rc, "index", "", MB_RIGHT);
    add_column(t, &rc, "id", "", MB_LEFT);
    add_column(t, &rc, "label", "", MB_LEFT);
    add_column(t, &rc, "plan", "", MB_LEFT);
    add_column(t, &rc, "status", "", MB_LEFT);
    for (size_t k = 0; k < key.n; k++) { /* a key like "samples" must not hide the column of that name */
        char *other = mb_column_find(key.s[k]) ? mb_asprintf("set.%s", key.s[k]) : mb_strdup(key.s[k]);
        if (!other && rc == MB_OK) rc = mb_nomem();
        if (other) add_column(t, &rc, other, "", MB_LEFT);
        mb_free(other);
    }
    for (const mb_column *c = mb_point_columns; c->name; c++) add_column(t, &rc, c->name, "", MB_RIGHT);
    for (size_t k = 0; k < base.n; k++) {
        for (const mb_column *c = mb_baseline_columns; c->name; c++) {
            char *name = mb_asprintf("%s.%s", base.s[k], c->name);
            if (!name && rc == MB_OK) rc = mb_nomem();
            if (name) add_column(t, &rc, name, "", MB_RIGHT);
            mb_free(name);
        }
    }
    for (size_t i = 0; i < r->n; i++) csv_row(t, &rc, &r->point[i], &key, &base);
    if (rc == MB_OK) mb_table_write(t, MB_TABLE_CSV, out);
    mb_table_free(t);
    mb_free(key.s);
    mb_free(base.s);
    return rc;
}

void mb_report_json(const mb_results *r, mb_str *out) {
    mb_json j;
    mb_json_init(&j, out, 0);
    mb_json_open(&j, NULL, '{');
    mb_json_str(&j, "kind", "results");
    mb_json_str(&j, "name", r->name ? r->name : "");
    if (r->question) mb_json_str(&j, "question", r->question);
    mb_json_bool(&j, "complete", r->complete);
    if (r->where) {
        mb_json_str(&j, "where", r->where);
        mb_json_int(&j, "of", (int64_t)r->of);
    }
    mb_json_open(&j, "points", '[');
    for (size_t i = 0; i < r->n; i++) {
        mb_str_add(out, i ? ",\n" : "\n");
        mb_point_json(&r->point[i], out);
    }
    mb_str_add(out, "\n");
    mb_json_close(&j, ']');
    mb_json_close(&j, '}');
    mb_str_add(out, "\n");
}
