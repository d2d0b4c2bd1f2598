/* pareto.c - Pareto fronts and hypervolumes of results; see pareto.h */
#include "run/pareto.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/mem.h"

/* --- metrics --------------------------------------------------------------------------------------------------------- */

size_t mb_metric_stem(const mb_column *c) {
    const size_t len = strlen(c->name);
    size_t at = len;
    for (const char *u = c->unit + strlen(c->unit); u > c->unit;) /* from the end: the unit without its spaces */
        if (*--u != ' ' && (at == 0 || c->name[--at] != *u)) return len;
    return at > 1 && at < len && c->name[at - 1] == '_' ? at - 1 : len;
}

int mb_metric_find(const char *name, const mb_column **column) {
    const char *candidate[128];
    const size_t len = strlen(name);
    const mb_column *whole = NULL;
    size_t n = 0, hits = 0, stems = 0;
    *column = mb_column_find(name);
    if (*column) return MB_OK;
    for (const mb_column *c = mb_point_columns; c->name; c++) { /* "energy" is energy_J whatever else begins so */
        if (len && mb_metric_stem(c) == len && !strncmp(c->name, name, len)) {
            whole = c;
            stems++;
        }
        if (n < sizeof candidate / sizeof *candidate) candidate[n++] = c->name;
        if (len && !strncmp(c->name, name, len) && c->name[len] == '_') {
            *column = c;
            hits++;
        }
    }
    if (stems == 1) *column = whole;
    if (stems == 1 || hits == 1) return MB_OK;
    *column = NULL;
    if (hits > 1) return mb_fail(MB_BADINPUT, "\"%s\" is the beginning of several metrics: write the whole name (`mixbar list columns`)", name);
    const char *near = mb_nearest(name, candidate, n);
    return near ? mb_fail(MB_BADINPUT, "no metric is called \"%s\"; did you mean \"%s\"?", name, near)
                : mb_fail(MB_BADINPUT, "no metric is called \"%s\" (`mixbar list columns` shows all)", name);
}

bool mb_metric_is_maximised(const mb_column *c) {
    if (!strcmp(c->name, "accuracy_sd") || !strcmp(c->name, "accuracy_half")) return false;
    return strstr(c->name, "accuracy") || strstr(c->name, "tops");
}

double mb_metric_value(const mb_point_result *p, const mb_column *c) { return *(const double *)(const void *)((const char *)p + c->offset); }

int mb_objectives_parse(const char *text, mb_objective *o, int *n) {
    int rc = MB_OK;
    *n = 0;
    while (!rc) {
        size_t len = strcspn(text, ",");
        if (*n == MB_FRONT_MAX) return mb_fail(MB_BADINPUT, "a front has at most %d objectives", MB_FRONT_MAX);
        char *word = mb_strndup(text, len), *name = word;
        if (!word) return mb_nomem();
        bool max = !strncmp(word, "max:", 4), min = !strncmp(word, "min:", 4);
        if (max || min) name += 4;
        rc = mb_metric_find(name, &o[*n].column);
        if (!rc) o[*n].maximise = max || (!min && mb_metric_is_maximised(o[*n].column));
        mb_free(word);
        for (int i = 0; i < *n && !rc; i++)
            if (o[i].column == o[*n].column) rc = mb_fail(MB_BADINPUT, "objective %s stands twice", o[i].column->name);
        ++*n;
        if (!text[len]) break;
        text += len + 1;
    }
    return rc;
}

/* --- fronts ---------------------------------------------------------------------------------------------------------- */

typedef struct row { const double *v; size_t at; int d; } row;

/* Lexicographic, then by place: whoever dominates a row stands before it. */
static int by_values(const void *x, const void *y) {
    const row *a = x, *b = y;
    for (int k = 0; k < a->d; k++)
        if (a->v[k] != b->v[k]) return a->v[k] < b->v[k] ? -1 : 1;
    return (a->at > b->at) - (a->at < b->at);
}

static bool no_worse(const double *a, const double *b, int d) {
    for (int k = 0; k < d; k++)
        if (a[k] > b[k]) return false;
    return true;
}

int mb_pareto_mark(const double *v, size_t n, int d, bool *on) {
    row *r = mb_malloc(n, sizeof *r);
    size_t m = 0, kept = 0;
    if (!r) return mb_nomem();
    for (size_t i = 0; i < n; i++) {
        bool bad = false;
        on[i] = false;
        for (int k = 0; k < d; k++) bad = bad || isnan(v[i * (size_t)d + (size_t)k]);
        if (!bad) r[m++] = (row){v + i * (size_t)d, i, d};
    }
    if (m) qsort(r, m, sizeof *r, by_values);
    for (size_t i = 0; i < m; i++) { /* r[0..kept-1]: the front so far */
        bool dominated = false;
        if (d <= 2) dominated = kept && no_worse(r[kept - 1].v, r[i].v, d); /* the last one is the lowest in the second objective */
        for (size_t k = kept; d > 2 && k-- > 0 && !dominated;) dominated = no_worse(r[k].v, r[i].v, d);
        if (dominated) continue;
        on[r[i].at] = true;
        r[kept++] = r[i];
    }
    mb_free(r);
    return MB_OK;
}

/* Volume of the union of boxes v[i] .. ref in the first D of the objectives; rows[n] is sorted here. WORK holds n rows per further dimension. */
static double slice(row *rows, size_t n, int d, const double *ref, row *work) {
    double volume = 0;
    if (n == 0) return 0;
    if (d == 1) {
        double low = rows[0].v[0];
        for (size_t i = 1; i < n; i++) low = fmin(low, rows[i].v[0]);
        return ref[0] - low;
    }
    for (size_t i = 1; i < n; i++) { /* by the last objective: an insertion sort keeps WORK the only memory */
        row r = rows[i];
        size_t k = i;
        for (; k > 0 && rows[k - 1].v[d - 1] > r.v[d - 1]; k--) rows[k] = rows[k - 1];
        rows[k] = r;
    }
    for (size_t i = 0; i < n; i++) {
        double depth = (i + 1 < n ? rows[i + 1].v[d - 1] : ref[d - 1]) - rows[i].v[d - 1];
        if (!(depth > 0)) continue;
        memcpy(work, rows, (i + 1) * sizeof *rows);
        volume += depth * slice(work, i + 1, d - 1, ref, work + n);
    }
    return volume;
}

int mb_pareto_hypervolume(const double *v, size_t n, int d, const double *ref, double *volume) {
    bool *on = mb_malloc(n, sizeof *on);
    row *rows = mb_malloc(n, ((size_t)d + 1) * sizeof *rows);
    int rc = on && rows ? mb_pareto_mark(v, n, d, on) : mb_nomem();
    size_t m = 0;
    for (size_t i = 0; i < n && !rc; i++) {
        bool inside = on[i];
        for (int k = 0; k < d; k++) inside = inside && v[i * (size_t)d + (size_t)k] < ref[k];
        if (inside) rows[m++] = (row){v + i * (size_t)d, i, d};
    }
    if (!rc) *volume = slice(rows, m, d, ref, rows + n);
    mb_free(on);
    mb_free(rows);
    return rc;
}

/* --- of results ------------------------------------------------------------------------------------------------------ */

static double small(const mb_point_result *p, const mb_objective *o) {
    double x = mb_metric_value(p, o->column);
    return o->maximise ? -x : x;
}

/* The best and the worst number of each objective, as far as they are known. */
static void bounds(const double *v, size_t n, int d, double *lo, double *hi) {
    for (int k = 0; k < d; k++) {
        lo[k] = (double)INFINITY;
        hi[k] = -(double)INFINITY;
        for (size_t i = 0; i < n; i++) {
            const double x = v[i * (size_t)d + (size_t)k];
            if (isnan(x)) continue;
            lo[k] = fmin(lo[k], x);
            hi[k] = fmax(hi[k], x);
        }
    }
}

/* The reference point, all to be made small, into REF; by TEXT, or 1.1 times the range behind the best. */
static int find_reference(const mb_pareto_front *f, const char *text, const double *lo, const double *hi, double *ref) {
    const int d = f->n_objective;
    const char *s = text;
    for (int k = 0; k < d && !text; k++) ref[k] = lo[k] + 1.1 * (hi[k] - lo[k]);
    for (int k = 0; k < d && text; k++) {
        char *end;
        const double x = strtod(s, &end);
        if (end == s || !isfinite(x) || *end != (k + 1 < d ? ',' : '\0'))
            return mb_fail(MB_BADINPUT, "\"%s\" is no reference point: %d number%s with commas between them, in the units of the columns", text, d, d == 1 ? "" : "s");
        ref[k] = f->o[k].maximise ? -x : x;
        if (!(ref[k] > lo[k]))
            return mb_fail(MB_BADINPUT, "the reference point must be worse than the best of all points: %s %g is not worse than %g", f->o[k].column->name, x,
                           f->o[k].maximise ? -lo[k] : lo[k]);
        s = end + 1;
    }
    return MB_OK;
}

/* Hypervolumes of the front, from the numbers V of all points. V is scaled here: 0 is ideal, 1 the reference point; an objective that is the same everywhere is 0. */
static int volumes(mb_pareto_front *f, double *v, size_t n, const double *lo, const double *ref) {
    const int d = f->n_objective;
    double one[MB_FRONT_MAX], box = 1;
    for (int k = 0; k < d; k++) {
        const double range = ref[k] - lo[k];
        one[k] = 1;
        box *= range;
        for (size_t i = 0; i < n; i++) {
            double *x = &v[i * (size_t)d + (size_t)k];
            *x = range > 0 ? (*x - lo[k]) / range : *x - lo[k];
        }
        f->ideal[k] = f->o[k].maximise ? -lo[k] : lo[k];
        f->reference[k] = f->o[k].maximise ? -ref[k] : ref[k];
    }
    const int rc = mb_pareto_hypervolume(v, n, d, one, &f->hypervolume);
    f->volume = f->hypervolume * box;
    return rc;
}

typedef struct ranked { double key; size_t at; } ranked;
static int by_key(const void *x, const void *y) {
    const ranked *a = x, *b = y;
    if (a->key != b->key) return a->key < b->key ? -1 : 1;
    return (a->at > b->at) - (a->at < b->at);
}

int mb_pareto_of(const mb_results *r, const char *objectives, mb_pareto_front *f) { return mb_pareto_against(r, objectives, NULL, f); }

int mb_pareto_against(const mb_results *r, const char *objectives, const char *reference, mb_pareto_front *f) {
    memset(f, 0, sizeof *f);
    f->hypervolume = f->volume = (double)NAN;
    int rc = mb_objectives_parse(objectives, f->o, &f->n_objective);
    if (rc) return rc;
    const int d = f->n_objective;
    double *v = mb_malloc(r->n, (size_t)d * sizeof *v), ref[MB_FRONT_MAX], lo[MB_FRONT_MAX], hi[MB_FRONT_MAX];
    bool *on = mb_malloc(r->n, sizeof *on);
    ranked *rank = mb_malloc(r->n, sizeof *rank);
    f->index = mb_malloc(r->n, sizeof *f->index);
    rc = v && on && rank && f->index ? MB_OK : mb_nomem();
    for (size_t i = 0; i < r->n && !rc; i++)
        for (int k = 0; k < d; k++) v[i * (size_t)d + (size_t)k] = small(&r->point[i], &f->o[k]);
    if (!rc) rc = mb_pareto_mark(v, r->n, d, on);
    for (size_t i = 0; i < r->n && !rc; i++)
        if (on[i]) rank[f->n++] = (ranked){v[i * (size_t)d], i};
    if (!rc && f->n) {
        qsort(rank, f->n, sizeof *rank, by_key);
        for (size_t i = 0; i < f->n; i++) f->index[i] = rank[i].at;
        bounds(v, r->n, d, lo, hi);
        rc = find_reference(f, reference, lo, hi, ref);
        if (!rc) rc = volumes(f, v, r->n, lo, ref);
    }
    mb_free(v);
    mb_free(on);
    mb_free(rank);
    if (rc) mb_pareto_free(f);
    return rc;
}

void mb_pareto_free(mb_pareto_front *f) {
    mb_free(f->index);
    memset(f, 0, sizeof *f);
}

int mb_results_best(const mb_results *r, const char *objective, size_t *index) {
    mb_objective o[MB_FRONT_MAX];
    int n;
    int rc = mb_objectives_parse(objective, o, &n);
    if (!rc && n != 1) rc = mb_fail(MB_BADINPUT, "\"%s\" names %d metrics; the best is by one (several: a front)", objective, n);
    *index = r->n;
    for (size_t i = 0; i < r->n && !rc; i++) {
        double x = small(&r->point[i], &o[0]);
        if (!isnan(x) && (*index == r->n || x < small(&r->point[*index], &o[0]))) *index = i;
    }
    return rc;
}
