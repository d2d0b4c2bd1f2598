/* macro_check.c - tables of published points, errors of the model (macro_check.h) */
#include "cost/macro_check.h"

#include <string.h>

#include "base/csv.h"
#include "base/error.h"
#include "base/mem.h"

const char *const mb_macro_figure_names[MB_MACRO_FIGURES] = {"TOPS", "TOPS/W", "TOPS/mm2", "mm2"};
static const char *const figure_columns[MB_MACRO_FIGURES] = {"TOPS", "TOPS_per_W", "TOPS_per_mm2", "area_mm2"};

typedef struct condition {
    const char *column;
    size_t offset;
    double absent; /* NaN: required */
} condition;
#define MB_AT(f) #f, offsetof(mb_macro_point, f)
static const condition conditions[] = {
    {MB_AT(input_bits), (double)NAN}, {MB_AT(weight_bits), (double)NAN}, {MB_AT(vdd_V), (double)NAN}, {MB_AT(output_bits), 0},
    {MB_AT(input_one), 0.5},  {MB_AT(weight_one), 0.5},  {MB_AT(phases), 1},  {MB_AT(registers), 1},
};
enum { CONDITIONS = sizeof conditions / sizeof conditions[0] };

static int column_of(const mb_csv *csv, const char *name) {
    for (size_t i = 0; i < csv->cols; i++)
        if (strcmp(csv->header[i], name) == 0) return (int)i;
    return -1;
}

/* A column that must be there. */
static int need(const mb_csv *csv, const char *name, int *col) {
    *col = column_of(csv, name);
    if (*col >= 0) return MB_OK;
    return mb_fail(MB_BADINPUT, "%s:%d: there is no column %s", csv->name, csv->header_line, name);
}

/* No column that nobody reads. */
static int known(const mb_csv *csv) {
    for (size_t i = 0; i < csv->cols; i++) {
        bool ok = strcmp(csv->header[i], "condition") == 0;
        for (int j = 0; j < CONDITIONS; j++) ok = ok || strcmp(csv->header[i], conditions[j].column) == 0;
        for (int j = 0; j < MB_MACRO_FIGURES; j++) ok = ok || strcmp(csv->header[i], figure_columns[j]) == 0;
        if (!ok) return mb_fail(MB_BADINPUT, "%s:%d: unknown column %s", csv->name, csv->header_line, csv->header[i]);
    }
    return MB_OK;
}

static int read_row(const mb_csv *csv, size_t i, mb_macro_row *r) {
    int col = -1, rc = need(csv, "condition", &col);
    if (rc) return rc;
    r->condition = mb_strdup(mb_csv_field(csv, i, (size_t)col));
    if (!r->condition) return mb_nomem();
    for (int j = 0; j < CONDITIONS && !rc; j++) {
        const condition *d = &conditions[j];
        double v = d->absent;
        col = column_of(csv, d->column);
        if (col >= 0) rc = mb_csv_number(csv, i, (size_t)col, &v);
        if (isnan(v)) v = d->absent;
        if (!rc && (isnan(v) || v < 0))
            rc = mb_fail(MB_BADINPUT, "%s:%d: a point needs %s of at least 0", csv->name, csv->line[i], d->column);
        *(double *)(void *)((char *)&r->at + d->offset) = v;
    }
    for (int j = 0; j < MB_MACRO_FIGURES && !rc; j++) {
        r->published[j] = (double)NAN;
        col = column_of(csv, figure_columns[j]);
        if (col >= 0) rc = mb_csv_number(csv, i, (size_t)col, &r->published[j]);
        if (!rc && r->published[j] <= 0)
            rc = mb_fail(MB_BADINPUT, "%s:%d: %s must be positive", csv->name, csv->line[i], figure_columns[j]);
    }
    return rc;
}

static int read_points(const mb_macro *m, mb_macro_check *c) {
    mb_csv csv;
    if (!*m->keys.points) return mb_fail(MB_BADINPUT, "macro %s: `points` names no table of operating points", m->name);
    int rc = mb_csv_read(m->keys.points, &csv);
    if (rc) return rc;
    rc = known(&csv);
    c->row = mb_calloc(csv.rows ? csv.rows : 1, sizeof *c->row);
    if (!rc && !c->row) rc = mb_nomem();
    for (; c->n_rows < csv.rows && !rc; c->n_rows++) rc = read_row(&csv, c->n_rows, &c->row[c->n_rows]);
    mb_csv_free(&csv);
    return rc;
}

static int read_part(const mb_csv *csv, size_t i, size_t points, mb_macro_part *p) {
    int col[5] = {-1, -1, -1, -1, -1}, rc = MB_OK;
    double point = 0;
    static const char *const name[5] = {"point", "quantity", "part", "value", "unit"};
    for (int j = 0; j < 5 && !rc; j++) rc = need(csv, name[j], &col[j]);
    if (!rc) rc = mb_csv_number(csv, i, (size_t)col[0], &point);
    if (!rc) rc = mb_csv_number(csv, i, (size_t)col[3], &p->published);
    if (rc) return rc;
    if (!(point >= 1 && point <= (double)points) || point != floor(point))
        return mb_fail(MB_BADINPUT, "%s:%d: there is no point %g", csv->name, csv->line[i], point);
    if (!(p->published > 0)) return mb_fail(MB_BADINPUT, "%s:%d: value must be positive", csv->name, csv->line[i]);
    const char *quantity = mb_csv_field(csv, i, (size_t)col[1]);
    p->point = (int)point - 1;
    p->area = strcmp(quantity, "area") == 0;
    if (!p->area && strcmp(quantity, "energy") != 0)
        return mb_fail(MB_BADINPUT, "%s:%d: quantity is energy or area, not %s", csv->name, csv->line[i], quantity);
    p->part = mb_strdup(mb_csv_field(csv, i, (size_t)col[2]));
    p->unit = mb_strdup(mb_csv_field(csv, i, (size_t)col[4]));
    return p->part && p->unit ? MB_OK : mb_nomem();
}

static int read_parts(const mb_macro *m, mb_macro_check *c) {
    mb_csv csv;
    if (!*m->keys.parts) return MB_OK;
    int rc = mb_csv_read(m->keys.parts, &csv);
    if (rc) return rc;
    c->part = mb_calloc(csv.rows ? csv.rows : 1, sizeof *c->part);
    if (!c->part) rc = mb_nomem();
    for (; c->n_parts < csv.rows && !rc; c->n_parts++) rc = read_part(&csv, c->n_parts, c->n_rows, &c->part[c->n_parts]);
    mb_csv_free(&csv);
    return rc;
}

/* Sum over the components of TREE that PART names ("a+b"); *found counts them. */
static double part_sum(const mb_report *by, const char *part, bool area, int *found) {
    double sum = 0;
    *found = 0;
    for (const char *s = part; *s;) {
        size_t n = strcspn(s, "+");
        for (size_t i = 0; i < by->n; i++) {
            const mb_report *r = by->child[i];
            if (strlen(r->name) != n || strncmp(r->name, s, n) != 0) continue;
            sum += area ? r->total.area_m2 : r->total.energy_J;
            (*found)++;
        }
        s += n + (s[n] == '+');
    }
    return sum;
}

/* The model's figure for part P in the published unit. */
static int part_model(const mb_macro *m, const mb_macro_cost *cost, const mb_report *by, const mb_macro_point *at,
                      mb_macro_part *p) {
    int found;
    double x = part_sum(by, p->part, p->area, &found), planes = at->input_bits;
    const char *u = p->unit;
    if (!found) return mb_fail(MB_BADINPUT, "%s: the macro has no part %s", m->keys.parts, p->part);
    if (strcmp(u, "share") == 0) p->model = x / (p->area ? cost->area_m2 : cost->energy_J);
    else if (p->area && strcmp(u, "mm2") == 0) p->model = 1e6 * x;
    else if (p->area && strcmp(u, "um2") == 0) p->model = 1e12 * x;
    else if (!p->area && strcmp(u, "pJ") == 0) p->model = 1e12 * x;
    else if (!p->area && strcmp(u, "fJ_per_op") == 0) p->model = 1e15 * x / (2 * cost->macs);
    else if (!p->area && strcmp(u, "fJ_per_MAC") == 0) p->model = 1e15 * x / cost->macs;
    else if (!p->area && strcmp(u, "pJ_per_output") == 0)
        p->model = 1e12 * x / ((double)m->keys.outputs * planes * m->keys.macros);
    else return mb_fail(MB_BADINPUT, "%s: unknown unit %s of the part %s", m->keys.parts, u, p->part);
    return MB_OK;
}

static int parts_of_point(const mb_macro *m, mb_macro_check *c, size_t i) {
    mb_macro_cost cost;
    mb_report *tree = NULL, *by = NULL;
    int rc = mb_macro_evaluate(m, &c->row[i].at, &cost, &tree);
    if (!rc) rc = mb_report_by_component(tree, &by);
    for (size_t j = 0; j < c->n_parts && !rc; j++)
        if (c->part[j].point == (int)i) rc = part_model(m, &cost, by, &c->row[i].at, &c->part[j]);
    mb_report_free(by);
    mb_report_free(tree);
    return rc;
}

static void count(mb_macro_score *s, double model, double published) {
    if (isnan(model) || isnan(published)) return;
    double e = fabs(model / published - 1);
    s->mean += e;
    s->n++;
    if (e > s->worst) s->worst = e;
}

static int score_points(const mb_macro *m, mb_macro_check *c, mb_macro_score *score, bool keep) {
    for (size_t i = 0; i < c->n_rows; i++) {
        mb_macro_cost cost;
        int rc = mb_macro_evaluate(m, &c->row[i].at, &cost, NULL);
        if (rc) return mb_context(rc, "at the operating point %zu: %s", i + 1, c->row[i].condition);
        for (int j = 0; j < MB_MACRO_FIGURES; j++) {
            if (keep) c->row[i].model[j] = cost.figure[j];
            count(&score[j], cost.figure[j], c->row[i].published[j]);
        }
    }
    for (int j = 0; j < MB_MACRO_FIGURES; j++)
        if (score[j].n) score[j].mean /= score[j].n;
    return MB_OK;
}

static bool inside(const mb_macro_score *s) { return s->mean <= MB_MACRO_MEAN_LIMIT && s->worst <= MB_MACRO_POINT_LIMIT; }

int mb_macro_check_run(const mb_macro *m, mb_macro_check *c) {
    mb_macro bare = *m; /* borrows */
    *c = (mb_macro_check){0};
    int rc = read_points(m, c);
    if (!rc) rc = read_parts(m, c);
    if (!rc) rc = score_points(m, c, c->score, true);
    mb_macro_uncalibrate(&bare);
    if (!rc) rc = score_points(&bare, c, c->bare, false);
    for (size_t i = 0; i < c->n_rows && c->n_parts && !rc; i++) rc = parts_of_point(m, c, i);
    for (size_t j = 0; j < c->n_parts && !rc; j++)
        count(c->part[j].area ? &c->area_parts : &c->energy_parts, c->part[j].model, c->part[j].published);
    if (c->energy_parts.n) c->energy_parts.mean /= c->energy_parts.n;
    if (c->area_parts.n) c->area_parts.mean /= c->area_parts.n;
    c->within = inside(&c->score[MB_MACRO_TOPS]) && inside(&c->score[MB_MACRO_TOPS_W]);
    if (rc) mb_macro_check_free(c);
    return rc;
}

void mb_macro_check_free(mb_macro_check *c) {
    for (size_t i = 0; c->row && i < c->n_rows; i++) mb_free(c->row[i].condition);
    for (size_t j = 0; c->part && j < c->n_parts; j++) {
        mb_free(c->part[j].part);
        mb_free(c->part[j].unit);
    }
    mb_free(c->row);
    mb_free(c->part);
    *c = (mb_macro_check){0};
}
