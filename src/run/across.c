/* across.c - results over one swept key: how accuracy moves along it, one row per setting of all other keys
 *
 * The question behind it: which device keeps its accuracy for how long? Values are those of results.jsonl; an interval is that of
 * mb_accuracy_interval. Called by the command line and by the plot over time.
 */
#include "run/across.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/mem.h"
#include "base/table.h"
#include "run/results_internal.h"

static bool is_key(const char *full, const char *key) {
    size_t n = strlen(full), m = strlen(key);
    return m && n >= m && !strcmp(full + n - m, key) && (n == m || full[n - m - 1] == '.');
}

static const char *value_of(const mb_point_result *p, const char *key) {
    for (size_t k = 0; k < p->n_set; k++)
        if (is_key(p->set[k].key, key)) return p->set[k].value;
    return NULL;
}

/* Do A and B agree in every setting but KEY? */
static bool same_rest(const mb_point_result *a, const mb_point_result *b, const char *key) {
    if (a->n_set != b->n_set) return false;
    for (size_t k = 0; k < a->n_set; k++) {
        if (strcmp(a->set[k].key, b->set[k].key)) return false;
        if (!is_key(a->set[k].key, key) && strcmp(a->set[k].value, b->set[k].value)) return false;
    }
    return true;
}

static int unknown(const mb_results *r, const char *key) {
    mb_str all = {0};
    for (size_t i = 0; i < r->n; i++)
        for (size_t k = 0; k < r->point[i].n_set; k++)
            if (!strstr(mb_cstr(&all), r->point[i].set[k].key))
                mb_str_addf(&all, "%s%s", all.n ? ", " : "", r->point[i].set[k].key);
    int rc = all.n ? mb_fail(MB_BADINPUT, "%s: %s is not a swept key of this run; swept are: %s", r->dir, key, mb_cstr(&all))
                   : mb_fail(MB_BADINPUT, "%s: nothing is swept in this run, so there is no table over %s", r->dir, key);
    mb_str_free(&all);
    return rc;
}

typedef struct {
    const char *text;
    double number;
} entry;

static int by_number(const void *x, const void *y) {
    const entry *a = x, *b = y;
    return (a->number > b->number) - (a->number < b->number);
}

static int find_values(const mb_results *r, const char *key, mb_across *a) {
    entry *e = mb_malloc(r->n, sizeof *e);
    bool numbers = true;
    if (!e) return mb_nomem();
    for (size_t i = 0; i < r->n; i++) {
        const char *v = value_of(&r->point[i], key);
        size_t k = 0;
        if (!v) continue;
        while (k < a->n_value && strcmp(e[k].text, v)) k++;
        if (k < a->n_value) continue;
        char *end;
        double x = strtod(v, &end);
        bool number = end != v && !*end && isfinite(x);
        numbers = numbers && number;
        e[a->n_value++] = (entry){v, number ? x : (double)NAN};
    }
    if (numbers) qsort(e, a->n_value, sizeof *e, by_number);
    a->value = mb_malloc(a->n_value, sizeof *a->value);
    a->number = mb_malloc(a->n_value, sizeof *a->number);
    int rc = a->value && a->number ? MB_OK : mb_nomem();
    for (size_t k = 0; k < a->n_value && !rc; k++) a->value[k] = e[k].text, a->number[k] = e[k].number;
    mb_free(e);
    return rc;
}

const mb_point_result *mb_across_first(const mb_results *r, const mb_across *a, size_t row) {
    for (size_t k = 0; k < a->n_value; k++)
        if (a->at[row * a->n_value + k] != MB_ACROSS_NONE) return &r->point[a->at[row * a->n_value + k]];
    return NULL;
}

/* How many of the settings besides KEY tell the rows apart, from the first on: keys that change together need only one. */
static size_t telling(const mb_results *r, const mb_across *a, const char *key) {
    size_t most = 0;
    for (size_t i = 1; i < a->n_row; i++)
        for (size_t j = 0; j < i; j++) {
            const mb_point_result *p = mb_across_first(r, a, i), *q = mb_across_first(r, a, j);
            size_t n = 0, k = 0;
            for (; k < p->n_set && k < q->n_set; k++) {
                n += !is_key(p->set[k].key, key);
                if (!is_key(p->set[k].key, key) && strcmp(p->set[k].value, q->set[k].value)) break;
            }
            most = n > most ? n : most;
        }
    return most;
}

int mb_across_new(const mb_results *r, const char *key, mb_across *a) {
    *a = (mb_across){0};
    int rc = find_values(r, key, a);
    if (!rc && a->n_value == 0) rc = unknown(r, key);
    if (!rc && !(a->at = mb_malloc(r->n * a->n_value, sizeof *a->at))) rc = mb_nomem();
    for (size_t i = 0; i < r->n && !rc; i++) {
        const char *v = value_of(&r->point[i], key);
        size_t row = 0, k = 0;
        if (!v) continue;
        while (row < a->n_row && !same_rest(mb_across_first(r, a, row), &r->point[i], key)) row++;
        if (row == a->n_row) {
            for (size_t j = 0; j < a->n_value; j++) a->at[row * a->n_value + j] = MB_ACROSS_NONE;
            a->n_row++;
        }
        while (strcmp(a->value[k], v)) k++;
        a->at[row * a->n_value + k] = i;
    }
    if (rc) mb_across_free(a);
    else a->telling = telling(r, a, key);
    return rc;
}

void mb_across_free(mb_across *a) {
    mb_free(a->value);
    mb_free(a->number);
    mb_free(a->at);
    *a = (mb_across){0};
}

char *mb_across_row_name(const mb_results *r, const mb_across *a, const char *key, size_t row) {
    const mb_point_result *p = mb_across_first(r, a, row);
    size_t n = a->telling;
    mb_str s = {0};
    for (size_t k = 0; k < p->n_set && n; k++)
        if (!is_key(p->set[k].key, key)) {
            mb_str_addf(&s, "%s%s", s.n ? "/" : "", p->set[k].value);
            n--;
        }
    char *name = s.failed ? NULL : mb_strdup(s.n ? mb_cstr(&s) : r->name ? r->name : "");
    mb_str_free(&s);
    return name;
}

char *mb_age_text(char *buf, size_t cap, double s) {
    static const struct {
        double s;
        const char *unit;
    } unit[] = {{31557600, "y"}, {86400, "d"}, {3600, "h"}, {60, "min"}};
    for (size_t i = 0; i < sizeof unit / sizeof *unit; i++)
        if (s >= 0.995 * unit[i].s) {
            const double days = s / 86400;
            if (i == 0 && fmod(days, 365) == 0) s = days / 365 * unit[0].s; /* years of 365 days */
            snprintf(buf, cap, "%.3g %s", s / unit[i].s, unit[i].unit);
            return buf;
        }
    static const char *const small[] = {"s", "ms", "us", "ns", "ps"};
    int k = 0;
    for (; k < 4 && s > 0 && s < 0.9995; k++) s *= 1000;
    snprintf(buf, cap, "%.3g %s", s, small[k]);
    return buf;
}

static int si(mb_table *t, double x, const char *unit) {
    char text[48];
    if (!isfinite(x)) return mb_table_cell(t, "-");
    if (!strcmp(unit, "m2")) return mb_table_cellf(t, "%.3g mm2", 1e6 * x);
    return mb_table_cell(t, mb_fmt_si(text, x, unit, 3));
}

static int exact(mb_table *t, double x) {
    char text[32];
    return mb_table_cell(t, isfinite(x) ? mb_fmt_double(text, x, 0) : "");
}

/* What stays the same along a row: costs of its first point. */
static const struct {
    const char *name, *unit;
    size_t offset;
} cost[] = {{"energy", "J", offsetof(mb_point_result, energy_J)},        {"latency", "s", offsetof(mb_point_result, latency_s)},
            {"area", "m2", offsetof(mb_point_result, area_m2)},          {"program", "J", offsetof(mb_point_result, program_J)},
            {"program time", "s", offsetof(mb_point_result, program_s)}, {"wear", "", offsetof(mb_point_result, wear)}};
#define N_COST (sizeof cost / sizeof *cost)

static int head(const mb_results *r, const mb_across *a, const char *key, bool text, mb_table *t) {
    const mb_point_result *p = mb_across_first(r, a, 0);
    int rc = MB_OK;
    for (size_t k = 0; k < p->n_set && !rc; k++) {
        const char *dot = strrchr(p->set[k].key, '.');
        if (!is_key(p->set[k].key, key)) rc = mb_table_column(t, text && dot ? dot + 1 : p->set[k].key, "", MB_LEFT);
    }
    for (size_t i = 0; i < N_COST && !rc; i++) rc = mb_table_column(t, cost[i].name, text ? "" : cost[i].unit, MB_RIGHT);
    for (size_t k = 0; k < a->n_value && !rc; k++) {
        mb_str name = {0};
        char time[32];
        if (text && is_key(key, "time_s") && isfinite(a->number[k]))
            mb_str_addf(&name, "at %s", mb_age_text(time, sizeof time, a->number[k]));
        else mb_str_addf(&name, "%s=%s", key, a->value[k]);
        if (name.failed) rc = mb_nomem();
        if (!rc) rc = mb_table_column(t, mb_cstr(&name), text ? "%" : "", MB_RIGHT);
        for (int end = 0; end < 2 && !rc && !text; end++) {
            mb_str_clear(&name);
            mb_str_addf(&name, "%s=%s %s", key, a->value[k], end ? "high" : "low");
            rc = name.failed ? mb_nomem() : mb_table_column(t, mb_cstr(&name), "", MB_RIGHT);
        }
        mb_str_free(&name);
    }
    return rc;
}

static int row(const mb_results *r, const mb_across *a, const char *key, bool text, size_t i, mb_table *t) {
    const mb_point_result *p = mb_across_first(r, a, i);
    int rc = MB_OK;
    for (size_t k = 0; k < p->n_set && !rc; k++)
        if (!is_key(p->set[k].key, key)) rc = mb_table_cell(t, p->set[k].value);
    for (size_t k = 0; k < N_COST && !rc; k++) {
        double x = *(const double *)(const void *)((const char *)p + cost[k].offset);
        if (!text) rc = exact(t, x);
        else if (*cost[k].unit) rc = si(t, x, cost[k].unit);
        else rc = x > 0 ? mb_table_cellf(t, "%.1e", x) : mb_table_cell(t, "-");
    }
    for (size_t k = 0; k < a->n_value && !rc; k++) {
        size_t at = a->at[i * a->n_value + k];
        const mb_point_result *q = at == MB_ACROSS_NONE ? NULL : &r->point[at];
        if (!text) {
            rc = exact(t, q ? q->accuracy : (double)NAN);
            if (!rc) rc = exact(t, q ? q->accuracy_low : (double)NAN);
            if (!rc) rc = exact(t, q ? q->accuracy_high : (double)NAN);
        } else if (!q || !isfinite(q->accuracy)) {
            rc = mb_table_cell(t, "-");
        } else {
            rc = mb_table_cellf(t, "%.1f (%.1f..%.1f)", 100 * q->accuracy, 100 * q->accuracy_low, 100 * q->accuracy_high);
        }
    }
    return rc;
}

int mb_results_across(const mb_results *r, const char *key, mb_format f, mb_str *out) {
    mb_across a;
    const bool text = f == MB_FORMAT_TEXT;
    int rc = mb_across_new(r, key, &a);
    if (rc) return rc;
    for (size_t i = 1; i < a.n_row && !rc; i++) { /* a list sweep may set other keys at each point */
        const mb_point_result *p = mb_across_first(r, &a, 0), *q = mb_across_first(r, &a, i);
        bool same = p->n_set == q->n_set;
        for (size_t k = 0; same && k < p->n_set; k++) same = !strcmp(p->set[k].key, q->set[k].key);
        if (!same)
            rc = mb_fail(MB_BADINPUT, "%s: the points do not set the same keys, so they make no table over %s", r->dir, key);
    }
    mb_table *t = rc ? NULL : mb_table_new();
    if (!rc && !t) rc = mb_nomem();
    if (!rc) rc = head(r, &a, key, text, t);
    for (size_t i = 0; i < a.n_row && !rc; i++) rc = row(r, &a, key, text, i, t);
    if (!rc && text) mb_str_addf(out, "%s: accuracy over %s, with 95 %% intervals\n\n", r->name ? r->name : "run", key);
    if (!rc) mb_table_write(t, text ? MB_TABLE_TEXT : f == MB_FORMAT_CSV ? MB_TABLE_CSV : MB_TABLE_JSON, out);
    if (!rc && text)
        mb_str_addf(out, "\nEnergy and latency per inference, area as built; program: loading all weights once; wear: share of a "
                         "cell's endurance that one "
                         "load uses.\n");
    if (!rc && out->failed) rc = mb_nomem();
    mb_table_free(t);
    mb_across_free(&a);
    return rc;
}
