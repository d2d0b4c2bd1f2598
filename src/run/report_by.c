/* report_by.c - groups of points that agree in swept keys: mean, best and spread of metrics (report_select.h)
 *
 * Spread is the standard deviation over the points of a group (n - 1). A number that is not known counts nowhere. Groups stand in the order of their
 * values when these are numbers, those of points that do not set the key last, else in the order of the sweep.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/mem.h"
#include "base/stats.h"
#include "run/pareto.h"
#include "run/report_rows.h"
#include "run/report_select.h"

typedef struct group {
    const mb_point_result *first;
    const double *number; /* of each key; NaN for words */
    size_t n_key, seq, *at, n, cap;
} group;

typedef struct groups {
    const mb_results *r;
    mb_datum *key, *d;
    size_t n_key, nd;
    group *g;
    size_t n;
    double *number; /* [n][n_key] */
} groups;

static void free_groups(groups *q) {
    for (size_t i = 0; q->g && i < q->n; i++) mb_free(q->g[i].at);
    mb_free(q->g);
    mb_free(q->number);
    mb_data_free(q->key, q->n_key);
    mb_data_free(q->d, q->nd);
}

static bool belongs(const groups *q, const group *g, const mb_point_result *p) {
    for (size_t k = 0; k < q->n_key; k++)
        if (strcmp(mb_key_text(&q->key[k], g->first), mb_key_text(&q->key[k], p)) != 0) return false;
    return true;
}

static int by_numbers(const void *x, const void *y) {
    const group *a = x, *b = y;
    for (size_t k = 0; k < a->n_key; k++) { /* what is no number, or not set, behind all numbers */
        if (!isnan(a->number[k]) && isnan(b->number[k])) return -1;
        if (isnan(a->number[k]) && !isnan(b->number[k])) return 1;
        if (a->number[k] < b->number[k]) return -1;
        if (a->number[k] > b->number[k]) return 1;
    }
    return a->seq < b->seq ? -1 : a->seq > b->seq;
}

static int gather(groups *q) {
    const mb_results *r = q->r;
    q->g = mb_calloc(r->n, sizeof *q->g);
    q->number = mb_malloc(r->n, q->n_key * sizeof *q->number);
    if (!q->g || !q->number) return mb_nomem();
    for (size_t i = 0; i < r->n; i++) {
        const mb_point_result *p = &r->point[i];
        size_t k = q->n;
        while (k > 0 && !belongs(q, &q->g[k - 1], p)) k--; /* mostly the last one */
        group *g = k ? &q->g[k - 1] : &q->g[q->n];
        if (!k) {
            double *number = q->number + q->n * q->n_key;
            *g = (group){.first = p, .number = number, .n_key = q->n_key, .seq = q->n};
            q->n++;
            for (size_t c = 0; c < q->n_key; c++) {
                mb_value v;
                mb_datum_value(&q->key[c], p, &v);
                number[c] = v.kind == MB_VALUE_NUMBER || v.kind == MB_VALUE_BOOL ? v.r : MB_NAN;
            }
        }
        if (g->n == g->cap) {
            const size_t cap = g->cap ? 2 * g->cap : 8;
            size_t *at = mb_realloc(g->at, cap, sizeof *at);
            if (!at) return mb_nomem();
            g->at = at;
            g->cap = cap;
        }
        g->at[g->n++] = i;
    }
    if (q->n) qsort(q->g, q->n, sizeof *q->g, by_numbers);
    return MB_OK;
}

/* Of datum D over group G: moments, the best number and whose it is; WORK holds g->n numbers. */
typedef struct summary {
    mb_moments m;
    double best;
    int64_t best_point;
} summary;

static summary summarise(const mb_results *r, const mb_datum *d, const group *g, double *work) {
    const bool max = d->kind == MB_DATUM_COLUMN && mb_metric_is_maximised(d->column);
    summary s = {.best = MB_NAN, .best_point = -1};
    size_t n = 0;
    for (size_t i = 0; i < g->n; i++) {
        mb_value v;
        mb_datum_value(d, &r->point[g->at[i]], &v);
        if (!isfinite(v.r)) continue;
        work[n++] = v.r;
        if (isnan(s.best) || (max ? v.r > s.best : v.r < s.best)) s.best = v.r, s.best_point = r->point[g->at[i]].index;
    }
    s.m = mb_stat_moments(work, n);
    if (n < 2) s.m.sd = MB_NAN;
    return s;
}

static int text_table(const groups *q, double *work, mb_str *out) {
    int rc = MB_OK;
    mb_str s = {0};
    mb_table *t = mb_table_new();
    mb_shown *w = mb_calloc(q->nd, sizeof *w);
    if (!t || !w) rc = mb_nomem();
    for (size_t k = 0; k < q->n_key && !rc; k++) {
        const char *dot = strrchr(q->key[k].name, '.');
        rc = mb_table_column(t, dot ? dot + 1 : q->key[k].name, "", q->key[k].value == MB_VALUE_NUMBER ? MB_RIGHT : MB_LEFT);
    }
    if (!rc) rc = mb_table_column(t, "points", "", MB_RIGHT);
    for (size_t k = 0; k < q->nd && !rc; k++) {
        rc = mb_shown_new(q->r, &q->d[k], &w[k]);
        mb_str_addf(&s, "mean%s%s", *w[k].unit ? ", " : "", w[k].unit);
        if (!rc && s.failed) rc = mb_nomem();
        if (!rc) rc = mb_table_column(t, w[k].name, mb_cstr(&s), MB_RIGHT);
        if (!rc) rc = mb_table_column(t, "", "best", MB_RIGHT);
        if (!rc) rc = mb_table_column(t, "", "sd", MB_RIGHT);
        mb_str_clear(&s);
    }
    for (size_t i = 0; i < q->n; i++) {
        const group *g = &q->g[i];
        for (size_t k = 0; k < q->n_key && !rc; k++) {
            mb_text_short(mb_key_text(&q->key[k], g->first), 30, &s);
            rc = mb_cell_str(t, &s);
        }
        if (!rc) rc = mb_table_cellf(t, "%zu", g->n);
        for (size_t k = 0; k < q->nd && !rc; k++) {
            const summary u = summarise(q->r, &q->d[k], g, work);
            const double v[] = {u.m.mean, u.best, u.m.sd};
            for (int c = 0; c < 3 && !rc; c++) {
                mb_shown_number(&w[k], v[c], &s);
                rc = mb_cell_str(t, &s);
            }
        }
    }
    if (!rc) mb_table_write(t, MB_TABLE_TEXT, out);
    mb_str_free(&s);
    mb_table_free(t);
    mb_free(w);
    return rc;
}

static const char *const part[] = {"mean", "best", "sd", "min", "max"};
static void numbers_of(const summary *u, double v[5]) {
    v[0] = u->m.mean;
    v[1] = u->best;
    v[2] = u->m.sd;
    v[3] = u->m.min;
    v[4] = u->m.max;
}

static int csv_table(const groups *q, double *work, mb_str *out) {
    int rc = MB_OK;
    mb_str s = {0};
    char buf[32];
    mb_table *t = mb_table_new();
    if (!t) return mb_nomem();
    for (size_t k = 0; k < q->n_key && !rc; k++) rc = mb_table_column(t, q->key[k].name, "", MB_LEFT);
    if (!rc) rc = mb_table_column(t, "points", "", MB_RIGHT);
    for (size_t k = 0; k < q->nd; k++)
        for (int c = 0; c < 6 && !rc; c++) {
            mb_str_addf(&s, "%s.%s", q->d[k].name, c < 5 ? part[c] : "best_point");
            rc = s.failed ? mb_nomem() : mb_table_column(t, mb_cstr(&s), "", MB_RIGHT);
            mb_str_clear(&s);
        }
    for (size_t i = 0; i < q->n; i++) {
        const group *g = &q->g[i];
        for (size_t k = 0; k < q->n_key && !rc; k++) rc = mb_table_cell(t, mb_key_text(&q->key[k], g->first));
        if (!rc) rc = mb_table_cellf(t, "%zu", g->n);
        for (size_t k = 0; k < q->nd && !rc; k++) {
            const summary u = summarise(q->r, &q->d[k], g, work);
            double v[5];
            numbers_of(&u, v);
            for (int c = 0; c < 5 && !rc; c++) rc = mb_table_cell(t, isfinite(v[c]) ? mb_fmt_double(buf, v[c], 0) : "");
            if (!rc) rc = u.best_point < 0 ? mb_table_cell(t, "") : mb_table_cellf(t, "%lld", (long long)u.best_point);
        }
    }
    if (!rc) mb_table_write(t, MB_TABLE_CSV, out);
    mb_str_free(&s);
    mb_table_free(t);
    return rc;
}

static void json_group(const groups *q, const group *g, double *work, mb_str *out) {
    mb_json j;
    mb_json_init(&j, out, 0);
    mb_json_open(&j, NULL, '{');
    mb_json_open(&j, "set", '{');
    for (size_t k = 0; k < q->n_key; k++) mb_json_str(&j, q->key[k].of, mb_key_text(&q->key[k], g->first));
    mb_json_close(&j, '}');
    mb_json_int(&j, "points", (int64_t)g->n);
    for (size_t k = 0; k < q->nd; k++) {
        const summary u = summarise(q->r, &q->d[k], g, work);
        double v[5];
        numbers_of(&u, v);
        mb_json_open(&j, q->d[k].name, '{');
        for (int c = 0; c < 5; c++) mb_json_real(&j, part[c], v[c]);
        if (u.best_point < 0) mb_json_null(&j, "best_point");
        else mb_json_int(&j, "best_point", u.best_point);
        mb_json_close(&j, '}');
    }
    mb_json_close(&j, '}');
}

static void json_table(const groups *q, mb_format f, double *work, mb_str *out) {
    mb_json j;
    mb_json_init(&j, out, 0);
    if (f == MB_FORMAT_JSON) {
        mb_json_open(&j, NULL, '{');
        mb_rows_head(q->r, "groups", &j);
        mb_json_open(&j, "groups", '[');
    }
    for (size_t i = 0; i < q->n; i++) {
        if (f == MB_FORMAT_JSON) mb_str_add(out, i ? ",\n" : "\n");
        json_group(q, &q->g[i], work, out);
        if (f == MB_FORMAT_JSONL) mb_str_add(out, "\n");
    }
    if (f != MB_FORMAT_JSON) return;
    mb_str_add(out, "\n");
    mb_json_close(&j, ']');
    mb_json_close(&j, '}');
    mb_str_add(out, "\n");
}

/* The usual metrics: those of them that any point has. */
static int usual(const mb_results *r, mb_str *names) {
    static const char *const metric[] = {"accuracy", "energy_J", "latency_s", "edap_Jsm2"};
    for (size_t k = 0; k < sizeof metric / sizeof *metric; k++) {
        const mb_column *c = mb_column_find(metric[k]);
        bool known = false;
        for (size_t i = 0; i < r->n && !known; i++) known = isfinite(mb_metric_value(&r->point[i], c));
        if (known) mb_str_addf(names, "%scolumn.%s", names->n ? "," : "", metric[k]);
    }
    if (!names->n && !names->failed) mb_str_add(names, "column.energy_J");
    return names->failed ? mb_nomem() : MB_OK;
}

int mb_report_by(const mb_results *r, const char *keys, const char *columns, mb_format f, mb_str *out) {
    groups q = {.r = r};
    mb_str names = {0};
    double *work = mb_malloc(r->n, sizeof *work);
    int rc = work ? mb_data_parse(r, keys, &q.key, &q.n_key) : mb_nomem();
    for (size_t k = 0; k < q.n_key && !rc; k++)
        if (q.key[k].kind != MB_DATUM_KEY)
            rc = mb_fail(MB_BADINPUT, "%s: \"%s\" is not a swept key of this run, so there are no groups of it", r->dir, q.key[k].name);
    if (!rc && !columns) rc = usual(r, &names);
    if (!rc) rc = mb_data_parse(r, columns ? columns : mb_cstr(&names), &q.d, &q.nd);
    for (size_t k = 0; k < q.nd && !rc; k++)
        if (q.d[k].kind != MB_DATUM_COLUMN && q.d[k].kind != MB_DATUM_BASELINE)
            rc = mb_fail(MB_BADINPUT, "\"%s\" has no mean: with --by name columns of numbers (`mixbar list columns`)", q.d[k].name);
    if (!rc) rc = gather(&q);
    if (!rc && f == MB_FORMAT_TEXT) {
        mb_text_short(r->name && *r->name ? r->name : "run", 80, out);
        mb_str_add(out, ": ");
        mb_rows_title(r, out);
        mb_str_add(out, ", grouped by ");
        for (size_t k = 0; k < q.n_key; k++) mb_str_addf(out, "%s%s", k ? ", " : "", q.key[k].of);
        mb_str_add(out, "\n\n");
        rc = text_table(&q, work, out);
        if (!rc)
            mb_str_add(
                out,
                "\nmean, best and standard deviation over the points of a group; --format csv also has min, max and the number of the best point.\n");
    } else if (!rc && f == MB_FORMAT_CSV) {
        rc = csv_table(&q, work, out);
    } else if (!rc) {
        json_table(&q, f, work, out);
    }
    mb_str_free(&names);
    mb_free(work);
    free_groups(&q);
    return rc;
}
