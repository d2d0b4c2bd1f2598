/* report_compare.c - a comparison as text, CSV, JSON (compare.h)
 *
 * Text: one pair is a table with a row per metric, several pairs are a table with a row each. Accuracies in percent, their differences in percentage
 * points. CSV and JSON Lines have a line per pair and metric, in SI units.
 */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "base/mem.h"
#include "run/compare.h"
#include "run/report_rows.h"

#define NAME_CHARS 40

static int find_metric(const mb_comparison *c, const char *name) {
    for (size_t i = 0; i < c->n_metric; i++)
        if (!strcmp(c->metric[i].d.name, name)) return (int)i;
    return -1;
}

/* --- text ------------------------------------------------------------------------------------------------------------------ */

static void tell_run(const char *letter, const mb_results *r, mb_str *out) {
    mb_str_addf(out, "%s  ", letter);
    mb_text_short(r->dir, 120, out);
    mb_str_add(out, "  ");
    mb_text_short(r->name ? r->name : "", 80, out);
    mb_str_add(out, ", ");
    mb_rows_title(r, out);
    mb_str_add(out, "\n");
}

static int head(const mb_comparison *c, mb_str *out) {
    tell_run("A", c->a, out);
    if (c->match != MB_MATCH_NUMBER || c->a != c->b) tell_run("B", c->b, out);
    if (c->match == MB_MATCH_NUMBER) {
        char *a = mb_point_name(c->a, &c->a->point[c->pair[0].a]), *b = mb_point_name(c->b, &c->b->point[c->pair[0].b]);
        const bool known = a && b;
        if (known) {
            mb_str_addf(out, "A: point %lld, ", (long long)c->a->point[c->pair[0].a].index);
            mb_text_short(a, 200, out);
            mb_str_addf(out, "\nB: point %lld, ", (long long)c->b->point[c->pair[0].b].index);
            mb_text_short(b, 200, out);
            mb_str_add(out, "\n");
        }
        mb_free(a);
        mb_free(b);
        if (!known) return mb_nomem();
    } else {
        mb_str_addf(out, "%zu pair%s of points, matched by ", c->n, c->n == 1 ? "" : "s");
        if (c->match == MB_MATCH_ID) mb_str_add(out, "id: the same values of all keys");
        else if (!c->n_key) mb_str_add(out, "being alone: nothing is swept in common");
        else mb_str_add(out, "settings:");
        for (size_t k = 0; k < c->n_key && c->match == MB_MATCH_SETTINGS; k++) mb_str_addf(out, "%s %s", k ? "," : "", c->key[k]);
        mb_str_add(out, "\n");
    }
    mb_str_add(out, "\n");
    return MB_OK;
}

/* Units for the numbers of both runs: those of one list of all points that are compared. */
static int units(const mb_comparison *c, mb_shown *s) {
    mb_results both = {.dir = c->a->dir, .n = 2 * c->n};
    int rc = MB_OK;
    both.point = mb_malloc(both.n, sizeof *both.point);
    if (!both.point) return mb_nomem();
    for (size_t i = 0; i < c->n; i++) { /* borrowed */
        both.point[2 * i] = c->a->point[c->pair[i].a];
        both.point[2 * i + 1] = c->b->point[c->pair[i].b];
    }
    for (size_t k = 0; k < c->n_metric && !rc; k++) rc = mb_shown_new(&both, &c->metric[k].d, &s[k]);
    mb_free(both.point);
    return rc;
}

static void add_ratio(double q, mb_str *out) {
    mb_str_addf(out, isnan(q) ? "-" : q >= 1e5 || q < 1e-3 ? "%.3e" : "%.4f", q);
}

/* A difference in shown units, with its sign. */
static void add_difference(const mb_shown *s, double d, mb_str *out) {
    if (isnan(d)) mb_str_add(out, "-");
    else if (d == 0) mb_str_add(out, "0");
    else if (s->decimals < 0 || (!s->percent && fabs(d / s->scale) < 50 * pow(10, -s->decimals))) mb_str_addf(out, "%+.3g", d / s->scale);
    else mb_str_addf(out, "%+.*f", s->decimals, d / s->scale);
}

static void add_interval(const mb_shown *s, const mb_difference *d, mb_str *out) {
    if (isnan(d->low)) return;
    mb_str_addf(out, "%+.*f..%+.*f", s->decimals < 0 ? 2 : s->decimals, d->low / s->scale, s->decimals < 0 ? 2 : s->decimals, d->high / s->scale);
}

static void add_tolerance(const mb_compared_metric *m, const mb_shown *s, mb_str *out) {
    char buf[32];
    if (!m->counts) return;
    if (m->tol == 0) mb_str_add(out, "0");
    else if (m->relative) mb_str_addf(out, "%s %%", mb_fmt_double(buf, 100 * m->tol, 0));
    else mb_str_addf(out, "%.3g", m->tol / s->scale);
}

static const char *verdict(const mb_compared_metric *m, const mb_difference *d) {
    return d->beyond ? "differs" : isnan(d->difference) ? "-" : d->difference == 0 ? "same" : !m->counts ? "not counted" : "within";
}

static const char *significance(const mb_difference *d) {
    return isnan(d->low) ? "" : d->significant ? "yes" : "no";
}

static int columns(mb_table *t, const char *const (*c)[3]) {
    int rc = MB_OK;
    for (; (*c)[0] && !rc; c++) rc = mb_table_column(t, (*c)[0], (*c)[1], *(*c)[2] == 'l' ? MB_LEFT : MB_RIGHT);
    return rc;
}

/* One pair: a row per metric. */
static int one_pair(const mb_comparison *c, const mb_shown *s, mb_str *out) {
    static const char *const head[][3] = {
        {"metric", "", "l"},      {"A", "", "r"},     {"B", "", "r"},         {"unit", "", "l"},    {"B - A", "", "r"}, {"95 % interval", "", "r"},
        {"significant", "", "l"}, {"B / A", "", "r"}, {"tolerance", "", "r"}, {"verdict", "", "l"}, {NULL, NULL, NULL}};
    const mb_compared_pair *p = &c->pair[0];
    mb_str cell = {0};
    mb_table *t = mb_table_new();
    int rc = t ? columns(t, head) : mb_nomem();
    for (size_t k = 0; k < c->n_metric && !rc; k++) {
        const mb_difference *d = &p->d[k];
        if (isnan(d->a) && isnan(d->b)) continue;
        mb_text_short(c->metric[k].d.name, NAME_CHARS, &cell);
        rc = mb_cell_str(t, &cell);
        for (int i = 0; i < 2 && !rc; i++) {
            mb_shown_number(&s[k], i ? d->b : d->a, &cell);
            rc = mb_cell_str(t, &cell);
        }
        if (!rc) rc = mb_table_cell(t, s[k].unit);
        add_difference(&s[k], d->difference, &cell);
        if (!rc) rc = mb_cell_str(t, &cell);
        add_interval(&s[k], d, &cell);
        if (!rc) rc = mb_cell_str(t, &cell);
        if (!rc) rc = mb_table_cell(t, significance(d));
        add_ratio(d->ratio, &cell);
        if (!rc) rc = mb_cell_str(t, &cell);
        add_tolerance(&c->metric[k], &s[k], &cell);
        if (!rc) rc = mb_cell_str(t, &cell);
        if (!rc) rc = mb_table_cell(t, verdict(&c->metric[k], d));
    }
    if (!rc) mb_table_write(t, MB_TABLE_TEXT, out);
    mb_str_free(&cell);
    mb_table_free(t);
    return rc;
}

/* Settings of a point, or its name. */
static int name_cell(mb_table *t, const mb_results *r, const mb_point_result *p) {
    mb_str s = {0};
    char *name = mb_point_name(r, p);
    if (name) mb_text_short(name, NAME_CHARS, &s);
    int rc = name ? mb_cell_str(t, &s) : mb_nomem();
    mb_free(name);
    mb_str_free(&s);
    return rc;
}

/* What of a pair is beyond tolerance, in words. */
static int which_differ(mb_table *t, const mb_comparison *c, const mb_compared_pair *p, const mb_shown *s) {
    mb_str cell = {0};
    if (!p->d) mb_str_add(&cell, c->a->point[p->a].infeasible ? "A is infeasible" : "B is infeasible");
    for (size_t k = 0; k < c->n_metric && p->d; k++)
        if (p->d[k].beyond) {
            mb_str_add(&cell, cell.n ? ", " : "");
            mb_str_add(&cell, s[k].name);
        }
    int rc = mb_cell_str(t, &cell);
    mb_str_free(&cell);
    return rc;
}

/* Several pairs: a row each. Accuracy in full when it is compared, of the other metrics the ratios. */
static int all_pairs(const mb_comparison *c, const mb_shown *s, mb_str *out) {
    enum { RATIOS = 6 };
    int accuracy = find_metric(c, "accuracy"), ratio[RATIOS];
    size_t n = 0;
    mb_str cell = {0};
    mb_table *t = mb_table_new();
    int rc = t ? mb_table_column(t, "A", "", MB_RIGHT) : mb_nomem();
    for (size_t i = 0; i < c->n && accuracy >= 0; i++) /* costs only */
        if (c->pair[i].d && !isnan(c->pair[i].d[accuracy].difference)) break;
        else if (i + 1 == c->n) accuracy = -1;
    for (size_t k = 0; k < c->n_metric && n < RATIOS; k++)
        if (c->metric[k].d.kind == MB_DATUM_COLUMN && !strstr(c->metric[k].d.name, "accuracy")) ratio[n++] = (int)k;
    if (!rc) rc = mb_table_column(t, "B", "", MB_RIGHT);
    if (!rc) rc = mb_table_column(t, "point", "", MB_LEFT);
    if (accuracy >= 0) {
        static const char *const head[][3] = {{"accuracy", "A, %", "r"},        {"", "B, %", "r"},        {"B - A", "points", "r"},
                                              {"95 % interval", "points", "r"}, {"significant", "", "l"}, {NULL, NULL, NULL}};
        if (!rc) rc = columns(t, head);
    }
    for (size_t k = 0; k < n && !rc; k++) rc = mb_table_column(t, s[ratio[k]].name, "B / A", MB_RIGHT);
    if (!rc) rc = mb_table_column(t, "differs in", "", MB_LEFT);
    for (size_t i = 0; i < c->n && !rc; i++) {
        const mb_compared_pair *p = &c->pair[i];
        rc = mb_table_cellf(t, "%lld", (long long)c->a->point[p->a].index);
        if (!rc) rc = mb_table_cellf(t, "%lld", (long long)c->b->point[p->b].index);
        if (!rc) rc = name_cell(t, c->a, &c->a->point[p->a]);
        for (int q = 0; q < 5 && accuracy >= 0 && !rc; q++) {
            const mb_difference *d = p->d ? &p->d[accuracy] : NULL;
            if (!d) mb_str_add(&cell, "-");
            else if (q < 2) mb_shown_number(&s[accuracy], q ? d->b : d->a, &cell);
            else if (q == 2) add_difference(&s[accuracy], d->difference, &cell);
            else if (q == 3) add_interval(&s[accuracy], d, &cell);
            else mb_str_add(&cell, significance(d));
            rc = mb_cell_str(t, &cell);
        }
        for (size_t k = 0; k < n && !rc; k++) {
            add_ratio(p->d ? p->d[ratio[k]].ratio : MB_NAN, &cell);
            rc = mb_cell_str(t, &cell);
        }
        if (!rc) rc = which_differ(t, c, p, s);
    }
    if (!rc) mb_table_write(t, MB_TABLE_TEXT, out);
    mb_str_free(&cell);
    mb_table_free(t);
    return rc;
}

static void alone(const char *letter, const mb_results *r, const size_t *at, size_t n, mb_str *out) {
    if (!n) return;
    mb_str_addf(out, "Only in %s: point%s", letter, n == 1 ? "" : "s");
    for (size_t i = 0; i < n && i < 12; i++) mb_str_addf(out, "%s %lld", i ? "," : "", (long long)r->point[at[i]].index);
    if (n > 12) mb_str_addf(out, " and %zu more", n - 12);
    mb_str_add(out, ".\n");
}

/* How the intervals were made: "by 5 draws" and so on. */
static void method(const mb_comparison *c, mb_str *out) {
    const int k = find_metric(c, "accuracy");
    int64_t low = INT64_MAX, high = 0;
    size_t paired = 0, apart = 0;
    for (size_t i = 0; i < c->n && k >= 0; i++) {
        const mb_difference *d = c->pair[i].d ? &c->pair[i].d[k] : NULL;
        if (!d || isnan(d->low)) continue;
        paired += d->paired;
        apart += !d->paired;
        if (d->paired && d->draws < low) low = d->draws;
        if (d->paired && d->draws > high) high = d->draws;
    }
    if (paired && low == high)
        mb_str_addf(out, "Accuracy: paired by the %lld draws that both have, on the same samples; the interval is over draws of the devices.\n",
                    (long long)low);
    else if (paired)
        mb_str_addf(out,
                    "Accuracy: paired by the draws that both have, %lld to %lld, on the same samples; the interval is over draws of the devices.\n",
                    (long long)low, (long long)high);
    if (apart)
        mb_str_addf(out, "%s the intervals of A and B put together as independent measurements: no two draws in common on as many samples.\n",
                    paired ? "Other pairs:" : "Accuracy:");
}

static void answer(const mb_comparison *c, mb_str *out) {
    size_t counted = 0;
    for (size_t i = 0; i < c->n_metric; i++) counted += c->metric[i].counts;
    if (c->beyond)
        mb_str_addf(out, "%zu of %zu pair%s differ%s beyond tolerance (%zu metrics).\n", c->beyond, c->n, c->n == 1 ? "" : "s",
                    c->n == 1 || c->beyond == 1 ? "s" : "", counted);
    else
        mb_str_addf(out, "%s in %zu metric%s of %zu pair%s.\n",
                    c->differs ? "Nothing else differs beyond tolerance" : "Nothing differs beyond tolerance", counted, counted == 1 ? "" : "s", c->n,
                    c->n == 1 ? "" : "s");
}

static int text(const mb_comparison *c, mb_str *out) {
    mb_shown *s = mb_calloc(c->n_metric, sizeof *s);
    int rc = s ? head(c, out) : mb_nomem();
    if (!rc) rc = units(c, s);
    if (!rc) rc = c->n == 1 && c->pair[0].d ? one_pair(c, s, out) : all_pairs(c, s, out);
    mb_free(s);
    if (rc) return rc;
    mb_str_add(out, "\n");
    alone("A", c->a, c->only_a, c->n_only_a, out);
    alone("B", c->b, c->only_b, c->n_only_b, out);
    for (size_t i = 0; i < c->n_alone; i++) {
        mb_str_add(out, "Only in one run: baseline ");
        mb_text_short(c->alone[i], 80, out);
        mb_str_add(out, ".\n");
    }
    method(c, out);
    answer(c, out);
    return MB_OK;
}

/* --- for programs ---------------------------------------------------------------------------------------------------------- */

static void line(const mb_comparison *c, const mb_compared_pair *p, size_t k, bool with_pair, mb_str *out) {
    const mb_difference *d = &p->d[k];
    mb_json j;
    mb_json_init(&j, out, 0);
    mb_json_open(&j, NULL, '{');
    if (with_pair) {
        mb_json_int(&j, "point_a", c->a->point[p->a].index);
        mb_json_int(&j, "point_b", c->b->point[p->b].index);
        mb_json_str(&j, "label", c->a->point[p->a].label);
    }
    mb_json_str(&j, "metric", c->metric[k].d.name);
    mb_json_str(&j, "unit", c->metric[k].d.unit);
    mb_json_real(&j, "a", d->a);
    mb_json_real(&j, "b", d->b);
    mb_json_real(&j, "difference", d->difference);
    mb_json_real(&j, "ratio", d->ratio);
    mb_json_real(&j, "low", d->low);
    mb_json_real(&j, "high", d->high);
    if (isnan(d->low)) mb_json_null(&j, "significant");
    else mb_json_bool(&j, "significant", d->significant);
    mb_json_int(&j, "paired_draws", d->draws);
    mb_json_real(&j, "tolerance", d->tolerance);
    mb_json_bool(&j, "counts", c->metric[k].counts);
    mb_json_bool(&j, "differs", d->beyond);
    mb_json_close(&j, '}');
}

static void run_json(mb_json *j, const char *key, const mb_results *r) {
    mb_json_open(j, key, '{');
    mb_json_str(j, "folder", r->dir);
    mb_json_str(j, "name", r->name ? r->name : "");
    mb_json_int(j, "points", (int64_t)r->n);
    mb_json_bool(j, "complete", r->complete);
    if (r->where) mb_json_str(j, "where", r->where);
    mb_json_close(j, '}');
}

static void list_json(mb_json *j, const char *key, const mb_results *r, const size_t *at, size_t n) {
    mb_json_open(j, key, '[');
    for (size_t i = 0; i < n; i++) mb_json_int(j, NULL, r->point[at[i]].index);
    mb_json_close(j, ']');
}

static void json(const mb_comparison *c, mb_str *out) {
    static const char *const how[] = {"", "id", "settings", "number"};
    mb_json j;
    mb_json_init(&j, out, 0);
    mb_json_open(&j, NULL, '{');
    mb_json_str(&j, "kind", "comparison");
    run_json(&j, "a", c->a);
    run_json(&j, "b", c->b);
    mb_json_str(&j, "matched_by", how[c->match]);
    mb_json_open(&j, "keys", '[');
    for (size_t k = 0; k < c->n_key; k++) mb_json_str(&j, NULL, c->key[k]);
    mb_json_close(&j, ']');
    mb_json_bool(&j, "differs", c->differs);
    mb_json_int(&j, "pairs_that_differ", (int64_t)c->beyond);
    list_json(&j, "only_a", c->a, c->only_a, c->n_only_a);
    list_json(&j, "only_b", c->b, c->only_b, c->n_only_b);
    mb_json_open(&j, "baselines_of_one", '[');
    for (size_t i = 0; i < c->n_alone; i++) mb_json_str(&j, NULL, c->alone[i]);
    mb_json_close(&j, ']');
    mb_json_open(&j, "pairs", '[');
    for (size_t i = 0; i < c->n; i++) {
        const mb_compared_pair *p = &c->pair[i];
        const mb_point_result *a = &c->a->point[p->a], *b = &c->b->point[p->b];
        mb_json_open(&j, NULL, '{');
        mb_json_int(&j, "point_a", a->index);
        mb_json_int(&j, "point_b", b->index);
        mb_json_str(&j, "id_a", a->id);
        mb_json_str(&j, "id_b", b->id);
        mb_json_str(&j, "label", a->label);
        mb_json_bool(&j, "feasible_a", !a->infeasible);
        mb_json_bool(&j, "feasible_b", !b->infeasible);
        mb_json_bool(&j, "differs", p->beyond);
        mb_json_open(&j, "metrics", '[');
        for (size_t k = 0, n = 0; k < c->n_metric && p->d; k++) {
            if (isnan(p->d[k].a) && isnan(p->d[k].b)) continue;
            mb_str_add(out, n++ ? ",\n" : "\n");
            line(c, p, k, false, out);
        }
        mb_json_close(&j, ']');
        mb_json_close(&j, '}');
    }
    mb_json_close(&j, ']');
    mb_json_close(&j, '}');
    mb_str_add(out, "\n");
}

static int csv(const mb_comparison *c, mb_str *out) {
    static const char *const head[][3] = {{"point_a", "", "r"},      {"point_b", "", "r"},   {"label", "", "l"},   {"metric", "", "l"},
                                          {"unit", "", "l"},         {"a", "", "r"},         {"b", "", "r"},       {"difference", "", "r"},
                                          {"ratio", "", "r"},        {"low", "", "r"},       {"high", "", "r"},    {"significant", "", "l"},
                                          {"paired_draws", "", "r"}, {"tolerance", "", "r"}, {"differs", "", "l"}, {NULL, NULL, NULL}};
    mb_table *t = mb_table_new();
    char buf[32];
    int rc = t ? columns(t, head) : mb_nomem();
    for (size_t i = 0; i < c->n; i++)
        for (size_t k = 0; k < c->n_metric && c->pair[i].d && !rc; k++) {
            const mb_compared_pair *p = &c->pair[i];
            const mb_difference *d = &p->d[k];
            if (isnan(d->a) && isnan(d->b)) continue;
            rc = mb_table_cellf(t, "%lld", (long long)c->a->point[p->a].index);
            if (!rc) rc = mb_table_cellf(t, "%lld", (long long)c->b->point[p->b].index);
            if (!rc) rc = mb_table_cell(t, c->a->point[p->a].label);
            if (!rc) rc = mb_table_cell(t, c->metric[k].d.name);
            if (!rc) rc = mb_table_cell(t, c->metric[k].d.unit);
            const double v[] = {d->a, d->b, d->difference, d->ratio, d->low, d->high};
            for (int q = 0; q < 6 && !rc; q++) rc = mb_table_cell(t, isfinite(v[q]) ? mb_fmt_double(buf, v[q], 0) : "");
            if (!rc) rc = mb_table_cell(t, significance(d));
            if (!rc) rc = mb_table_cellf(t, "%lld", (long long)d->draws);
            if (!rc) rc = mb_table_cell(t, c->metric[k].counts ? mb_fmt_double(buf, d->tolerance, 0) : "");
            if (!rc) rc = mb_table_cell(t, verdict(&c->metric[k], d));
        }
    if (!rc) mb_table_write(t, MB_TABLE_CSV, out);
    mb_table_free(t);
    return rc;
}

int mb_compare_write(const mb_comparison *c, mb_format f, mb_str *out) {
    int rc = MB_OK;
    if (f == MB_FORMAT_TEXT) {
        rc = text(c, out);
    } else if (f == MB_FORMAT_CSV) {
        rc = csv(c, out);
    } else if (f == MB_FORMAT_JSON) {
        json(c, out);
    } else {
        for (size_t i = 0; i < c->n; i++)
            for (size_t k = 0; k < c->n_metric && c->pair[i].d; k++) {
                if (isnan(c->pair[i].d[k].a) && isnan(c->pair[i].d[k].b)) continue;
                line(c, &c->pair[i], k, true, out);
                mb_str_add(out, "\n");
            }
    }
    return rc == MB_OK && out->failed ? mb_nomem() : rc;
}
