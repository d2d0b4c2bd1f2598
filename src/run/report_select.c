/* report_select.c - chosen columns, the best point, a Pareto front (report_select.h) */
#include "run/report_select.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "base/json.h"
#include "base/mem.h"
#include "base/table.h"
#include "run/pareto.h"
#include "run/plot_internal.h"
#include "run/report_rows.h"

#define LABEL_CHARS 30

/* --- how a column is shown to people ------------------------------------------------------------------------------------- */

int mb_shown_new(const mb_results *r, const mb_datum *d, mb_shown *s) {
    mb_metric m;
    bool whole = true;
    size_t n = 0;
    *s = (mb_shown){.d = d, .scale = 1};
    const char *dot = strrchr(d->name, '.');
    snprintf(s->name, sizeof s->name, "%s", d->kind == MB_DATUM_INDEX ? "#" : d->kind == MB_DATUM_KEY && dot ? dot + 1 : d->name);
    if (d->kind != MB_DATUM_COLUMN && d->kind != MB_DATUM_BASELINE) return MB_OK;
    double *v = mb_malloc(r->n, sizeof *v);
    if (!v) return mb_nomem();
    for (size_t i = 0; i < r->n; i++) {
        mb_value x;
        mb_datum_value(d, &r->point[i], &x);
        if (x.kind != MB_VALUE_NUMBER || !isfinite(x.r)) continue;
        v[n++] = x.r;
        whole = whole && x.r == floor(x.r);
    }
    int rc = d->kind == MB_DATUM_COLUMN ? mb_metric_new(r, d->column->name, &m) : MB_OK;
    if (rc == MB_BADINPUT) { /* no number anywhere */
        mb_error_clear();
        rc = MB_OK;
    } else if (!rc && d->kind == MB_DATUM_COLUMN) {
        s->percent = m.percent;
        s->scale = m.scale;
        snprintf(s->name, sizeof s->name, "%s", m.brief);
        snprintf(s->unit, sizeof s->unit, "%s", m.unit);
    } else if (!rc && *d->unit) {
        const mb_unit_choice u = mb_choose_unit(v, n, d->unit);
        s->scale = strchr(d->unit, ' ') ? 1 : u.scale; /* a product of units has no prefix */
        snprintf(s->unit, sizeof s->unit, "%s", s->scale == 1 ? d->unit : u.name);
    }
    s->decimals = s->percent ? 2 : whole && s->scale == 1 ? 0 : mb_choose_decimals(v, n, s->scale, 3);
    if (s->decimals > 6) s->decimals = -1;
    mb_free(v);
    return rc;
}

void mb_shown_number(const mb_shown *s, double v, mb_str *out) {
    const double x = v / s->scale;
    if (isnan(v)) mb_str_add(out, "-");
    else if (s->decimals < 0) mb_str_addf(out, "%.3e", x);
    else mb_str_addf(out, "%.*f", s->decimals, x);
}

static void shown_value(const mb_shown *s, const mb_point_result *p, mb_str *out) {
    mb_value v;
    mb_datum_value(s->d, p, &v);
    if (s->d->kind == MB_DATUM_INDEX) mb_str_addf(out, "%lld", (long long)p->index);
    else if (s->d->kind == MB_DATUM_KEY) mb_text_short(v.kind == MB_VALUE_ABSENT ? "-" : mb_key_text(s->d, p), LABEL_CHARS, out);
    else if (v.kind == MB_VALUE_TEXT) mb_text_short(v.s, LABEL_CHARS, out);
    else mb_shown_number(s, v.r, out);
}

const char *mb_key_text(const mb_datum *d, const mb_point_result *p) {
    for (size_t k = 0; k < p->n_set; k++)
        if (!strcmp(p->set[k].key, d->of)) return p->set[k].value;
    return "";
}

int mb_cell_str(mb_table *t, mb_str *s) {
    int rc = s->failed ? mb_nomem() : mb_table_cell(t, mb_cstr(s));
    mb_str_clear(s);
    return rc;
}

/* --- rows ---------------------------------------------------------------------------------------------------------------- */

static int text_rows(const mb_rows *w, mb_str *out) {
    int rc = MB_OK;
    mb_str cell = {0};
    mb_table *t = mb_table_new();
    mb_shown *s = mb_calloc(w->n_datum, sizeof *s);
    if (!t || !s) rc = mb_nomem();
    for (size_t k = 0; k < w->n_datum && !rc; k++) {
        const bool left = w->d[k].value == MB_VALUE_TEXT || w->d[k].kind == MB_DATUM_KEY;
        rc = mb_shown_new(w->r, &w->d[k], &s[k]);
        if (!rc) rc = mb_table_column(t, s[k].name, s[k].unit, left ? MB_LEFT : MB_RIGHT);
    }
    for (size_t i = 0; i < w->n; i++)
        for (size_t k = 0; k < w->n_datum && !rc; k++) {
            shown_value(&s[k], &w->r->point[w->index[i]], &cell);
            rc = mb_cell_str(t, &cell);
        }
    if (!rc) mb_table_write(t, MB_TABLE_TEXT, out);
    mb_str_free(&cell);
    mb_table_free(t);
    mb_free(s);
    return rc;
}

static int csv_rows(const mb_rows *w, mb_str *out) {
    int rc = MB_OK;
    char buf[32];
    mb_table *t = mb_table_new();
    if (!t) return mb_nomem();
    for (size_t k = 0; k < w->n_datum && !rc; k++) rc = mb_table_column(t, w->d[k].name, "", w->d[k].value == MB_VALUE_NUMBER ? MB_RIGHT : MB_LEFT);
    for (size_t i = 0; i < w->n; i++)
        for (size_t k = 0; k < w->n_datum && !rc; k++) {
            const mb_point_result *p = &w->r->point[w->index[i]];
            mb_value v;
            mb_datum_value(&w->d[k], p, &v);
            if (w->d[k].kind == MB_DATUM_KEY) rc = mb_table_cell(t, mb_key_text(&w->d[k], p));
            else if (v.kind == MB_VALUE_TEXT) rc = mb_table_cell(t, v.s);
            else rc = mb_table_cell(t, isfinite(v.r) ? mb_fmt_double(buf, v.r, 0) : "");
        }
    if (!rc) mb_table_write(t, MB_TABLE_CSV, out);
    mb_table_free(t);
    return rc;
}

static void json_row(const mb_rows *w, size_t i, mb_str *out) {
    const mb_point_result *p = &w->r->point[w->index[i]];
    mb_json j;
    mb_json_init(&j, out, 0);
    mb_json_open(&j, NULL, '{');
    for (size_t k = 0; k < w->n_datum; k++) {
        const mb_datum *d = &w->d[k];
        mb_value v;
        mb_datum_value(d, p, &v);
        if (d->kind == MB_DATUM_INDEX) mb_json_int(&j, d->name, p->index);
        else if (v.kind == MB_VALUE_ABSENT) mb_json_null(&j, d->name);
        else if (v.kind == MB_VALUE_TEXT) mb_json_str(&j, d->name, v.s);
        else if (v.kind == MB_VALUE_BOOL) mb_json_bool(&j, d->name, v.r != 0);
        else if (v.r == floor(v.r) && fabs(v.r) < 1e15) mb_json_int(&j, d->name, (int64_t)v.r);
        else mb_json_real(&j, d->name, v.r);
    }
    mb_json_close(&j, '}');
}

void mb_rows_head(const mb_results *r, const char *kind, mb_json *j) {
    mb_json_str(j, "kind", kind);
    mb_json_str(j, "name", r->name ? r->name : "");
    mb_json_bool(j, "complete", r->complete);
    if (r->where) {
        mb_json_str(j, "where", r->where);
        mb_json_int(j, "of", (int64_t)r->of);
    }
}

static void json_rows(const mb_rows *w, mb_json *j) {
    mb_json_open(j, "rows", '[');
    for (size_t i = 0; i < w->n; i++) {
        mb_str_add(j->out, i ? ",\n" : "\n");
        json_row(w, i, j->out);
    }
    mb_str_add(j->out, "\n");
    mb_json_close(j, ']');
}

static int write_rows(const mb_rows *w, const char *kind, mb_format f, mb_str *out) {
    mb_json j;
    if (f == MB_FORMAT_TEXT) return text_rows(w, out);
    if (f == MB_FORMAT_CSV) return csv_rows(w, out);
    if (f == MB_FORMAT_JSONL) {
        for (size_t i = 0; i < w->n; i++) {
            json_row(w, i, out);
            mb_str_add(out, "\n");
        }
        return MB_OK;
    }
    mb_json_init(&j, out, 0);
    mb_json_open(&j, NULL, '{');
    mb_rows_head(w->r, kind, &j);
    json_rows(w, &j);
    mb_json_close(&j, '}');
    mb_str_add(out, "\n");
    return MB_OK;
}

void mb_rows_title(const mb_results *r, mb_str *out) {
    if (r->where) {
        mb_str_addf(out, "%zu of %zu point%s where ", r->n, r->of, r->of == 1 ? "" : "s");
        mb_text_short(r->where, 200, out);
    } else {
        mb_str_addf(out, "%zu point%s", r->n, r->n == 1 ? "" : "s");
    }
    if (!r->complete) mb_str_add(out, " (the run is not finished)");
}

static void run_name(const mb_results *r, mb_str *out) {
    mb_text_short(r->name && *r->name ? r->name : "run", 80, out);
}

static int order(const mb_results *r, size_t **index) {
    *index = mb_malloc(r->n, sizeof **index);
    if (!*index) return mb_nomem();
    for (size_t i = 0; i < r->n; i++) (*index)[i] = i;
    return MB_OK;
}

int mb_report_columns(const mb_results *r, const char *columns, mb_format f, mb_str *out) {
    mb_datum *d = NULL;
    size_t nd = 0, *index = NULL;
    int rc = mb_data_parse(r, columns, &d, &nd);
    if (!rc) rc = order(r, &index);
    if (!rc && f == MB_FORMAT_TEXT) {
        run_name(r, out);
        mb_str_add(out, ": ");
        mb_rows_title(r, out);
        mb_str_add(out, "\n\n");
    }
    const mb_rows w = {r, index, r->n, d, nd};
    if (!rc) rc = write_rows(&w, "table", f, out);
    mb_data_free(d, nd);
    mb_free(index);
    return rc;
}

/* --- the best point -------------------------------------------------------------------------------------------------------- */

static void fact(const char *name, size_t width, mb_str *out) {
    mb_str_add(out, "  ");
    mb_text_short(name, 60, out);
    for (size_t n = mb_text_width(name); n < width + 2; n++) mb_str_add(out, " ");
}

/* Settings and numbers of a point, one per line. */
static int facts(const mb_results *r, size_t at, mb_str *out) {
    const mb_point_result *p = &r->point[at];
    mb_results one = *r; /* borrowed: units of this point */
    int rc = MB_OK;
    size_t width = 0;
    one.point = &r->point[at];
    one.n = 1;
    for (size_t k = 0; k < p->n_set; k++) width = mb_text_width(p->set[k].key) > width ? mb_text_width(p->set[k].key) : width;
    for (const mb_column *c = mb_point_columns; c->name; c++) width = strlen(c->name) > width ? strlen(c->name) : width;
    if (width > 60) width = 60;
    for (size_t k = 0; k < p->n_set; k++) {
        fact(p->set[k].key, width, out);
        mb_text_short(p->set[k].value, 200, out);
        mb_str_add(out, "\n");
    }
    if (p->plan && *p->plan) {
        fact("plan", width, out);
        mb_text_short(p->plan, 200, out);
        mb_str_add(out, "\n");
    }
    mb_str_add(out, "\n");
    for (const mb_column *c = mb_point_columns; c->name && !rc; c++) {
        const double v = mb_metric_value(p, c);
        mb_metric m;
        if (!isfinite(v)) continue;
        rc = mb_metric_new(&one, c->name, &m);
        if (rc) break;
        fact(c->name, width, out);
        if (m.percent) mb_str_addf(out, "%.2f", v / m.scale);
        else if (m.scale == 1 && v == floor(v) && fabs(v) < 1e15) mb_str_addf(out, "%.0f", v);
        else mb_str_addf(out, "%.4g", v / m.scale);
        mb_str_addf(out, "%s%s\n", *m.unit ? " " : "", m.unit);
    }
    return rc;
}

/* How far the best of the others is away. */
static void runner_up(const mb_results *r, const mb_objective *o, size_t best, mb_str *out) {
    size_t next = r->n, same = 0;
    const double sign = o->maximise ? -1 : 1, top = mb_metric_value(&r->point[best], o->column);
    for (size_t i = 0; i < r->n; i++) {
        const double x = mb_metric_value(&r->point[i], o->column);
        if (i == best || isnan(x)) continue;
        if (x == top) same++;
        else if (next == r->n || sign * x < sign * mb_metric_value(&r->point[next], o->column)) next = i;
    }
    if (same) mb_str_addf(out, "\n%zu other point%s as good; this is the first.\n", same, same == 1 ? " is" : "s are");
    if (next == r->n) return;
    const double x = mb_metric_value(&r->point[next], o->column);
    mb_str_addf(out, "%sNext is point %lld, ", same ? "" : "\n", (long long)r->point[next].index);
    if (strstr(o->column->name, "accuracy")) mb_str_addf(out, "%.2f points %s.\n", 100 * fabs(x - top), x < top ? "below" : "above");
    else mb_str_addf(out, "%.4g times as much.\n", x / top);
}

static int best_text(const mb_results *r, const mb_objective *o, size_t best, mb_str *out) {
    const mb_point_result *p = &r->point[best];
    char *name = mb_point_name(r, p);
    if (!name) return mb_nomem();
    run_name(r, out);
    mb_str_addf(out, ": point %lld has the %s %s of ", (long long)p->index, o->maximise ? "largest" : "smallest", o->column->name);
    mb_rows_title(r, out);
    mb_str_add(out, "\n\n");
    mb_text_short(name, 200, out);
    mb_str_add(out, "\n\n");
    mb_free(name);
    int rc = facts(r, best, out);
    if (!rc) runner_up(r, o, best, out);
    return rc;
}

int mb_report_best(const mb_results *r, const char *metric, const char *columns, mb_format f, mb_str *out) {
    mb_datum *d = NULL;
    size_t nd = 0, best = 0;
    mb_objective o[MB_FRONT_MAX];
    int n;
    int rc = mb_results_best(r, metric, &best);
    if (!rc) rc = mb_objectives_parse(metric, o, &n);
    if (!rc && best == r->n) {
        rc = r->where ? mb_fail(MB_NO, "%s: no point has a number in %s where %s (%zu of %zu points hold to it)", r->dir, o[0].column->name, r->where,
                                r->n, r->of)
                      : mb_fail(MB_NO, "%s: no point has a number in %s", r->dir, o[0].column->name);
    }
    if (!rc && columns) rc = mb_data_parse(r, columns, &d, &nd);
    if (rc) goto out;
    const mb_rows w = {r, &best, 1, d, nd};
    mb_results one = *r; /* borrowed */
    one.point = &r->point[best];
    one.n = 1;
    if (columns) rc = write_rows(&w, "best", f, out);
    else if (f == MB_FORMAT_TEXT) rc = best_text(r, &o[0], best, out);
    else rc = mb_results_report(&one, f, 0, out);
out:
    mb_data_free(d, nd);
    return rc;
}

/* --- a front --------------------------------------------------------------------------------------------------------------- */

/* "energy 1.2 uJ, accuracy 50.00 %" */
static int corner(const mb_results *r, const mb_pareto_front *f, const double *v, mb_str *out) {
    int rc = MB_OK;
    for (int k = 0; k < f->n_objective && !rc; k++) {
        mb_metric m;
        rc = mb_metric_new(r, f->o[k].column->name, &m);
        if (!rc) mb_str_addf(out, "%s%s %.4g%s%s", k ? ", " : "", m.brief, v[k] / m.scale, *m.unit ? " " : "", m.unit);
    }
    return rc;
}

/* The usual columns of a front: number, swept keys, or labels without them, objectives. */
static int front_columns(const mb_results *r, const mb_pareto_front *f, mb_str *names) {
    const mb_point_result *p = &r->point[f->index[0]];
    const bool same = mb_same_keys(r);
    mb_str_add(names, "index");
    if (!same) mb_str_add(names, ",label");
    for (size_t k = 0; same && k < p->n_set; k++) mb_str_addf(names, ",%s%s", mb_column_find(p->set[k].key) ? "set." : "", p->set[k].key);
    for (int k = 0; k < f->n_objective; k++) mb_str_addf(names, ",column.%s", f->o[k].column->name);
    return names->failed ? mb_nomem() : MB_OK;
}

static int front_text(const mb_rows *w, const mb_pareto_front *f, const char *reference, mb_str *out) {
    char buf[32];
    run_name(w->r, out);
    mb_str_add(out, ": the front of ");
    for (int k = 0; k < f->n_objective; k++)
        mb_str_addf(out, "%s%s (%s is better)", k ? ", " : "", f->o[k].column->name, f->o[k].maximise ? "more" : "less");
    mb_str_addf(out, ": %zu of ", f->n);
    mb_rows_title(w->r, out);
    mb_str_add(out, "\n\n");
    int rc = text_rows(w, out);
    if (rc) return rc;
    mb_str_addf(out, "\nHypervolume %.4f: share of the box between the ideal (", f->hypervolume);
    rc = corner(w->r, f, f->ideal, out);
    mb_str_add(out, ")\nand the reference point (");
    if (!rc) rc = corner(w->r, f, f->reference, out);
    mb_str_addf(out, "; %s).\n", reference ? "as given" : "1.1 times as far from the ideal as the worst point: give --reference to compare runs");
    mb_str_addf(out, "In SI units: %s.\n", mb_fmt_double(buf, f->volume, 0));
    return rc;
}

static void front_json(const mb_rows *w, const mb_pareto_front *f, mb_str *out) {
    mb_json j;
    mb_json_init(&j, out, 0);
    mb_json_open(&j, NULL, '{');
    mb_rows_head(w->r, "front", &j);
    mb_json_open(&j, "objectives", '[');
    for (int k = 0; k < f->n_objective; k++) {
        mb_json_open(&j, NULL, '{');
        mb_json_str(&j, "name", f->o[k].column->name);
        mb_json_str(&j, "unit", f->o[k].column->unit);
        mb_json_str(&j, "better", f->o[k].maximise ? "large" : "small");
        mb_json_real(&j, "ideal", f->ideal[k]);
        mb_json_real(&j, "reference", f->reference[k]);
        mb_json_close(&j, '}');
    }
    mb_json_close(&j, ']');
    mb_json_real(&j, "hypervolume", f->hypervolume);
    mb_json_real(&j, "volume", f->volume);
    json_rows(w, &j);
    mb_json_close(&j, '}');
    mb_str_add(out, "\n");
}

int mb_report_front(const mb_results *r, const char *objectives, const char *reference, const char *columns, mb_format f, mb_str *out) {
    mb_pareto_front front;
    mb_datum *d = NULL;
    mb_str names = {0};
    size_t nd = 0;
    int rc = mb_pareto_against(r, objectives, reference, &front);
    if (rc) return rc;
    if (front.n == 0)
        rc = mb_fail(MB_NO, "%s: no point has numbers in all of %s%s%s", r->dir, objectives, r->where ? " where " : "", r->where ? r->where : "");
    if (!rc && !columns) rc = front_columns(r, &front, &names);
    if (!rc) rc = mb_data_parse(r, columns ? columns : mb_cstr(&names), &d, &nd);
    const mb_rows w = {r, front.index, front.n, d, nd};
    if (!rc && f == MB_FORMAT_TEXT) rc = front_text(&w, &front, reference, out);
    else if (!rc && f == MB_FORMAT_JSON) front_json(&w, &front, out);
    else if (!rc) rc = write_rows(&w, "front", f, out);
    mb_str_free(&names);
    mb_data_free(d, nd);
    mb_pareto_free(&front);
    return rc;
}
