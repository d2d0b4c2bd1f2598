/* datum.c - what a point can be asked for by name; conditions on points (datum.h). Called by reports, comparisons and the command line; any thread.
 */
#include "run/datum.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/mem.h"
#include "run/pareto.h"
#include "run/results_internal.h"

#define COL(name, unit, help, f)                                                                                                                     \
    { name, unit, help, offsetof(mb_baseline_result, f) }
const mb_column mb_baseline_columns[] = {
    COL("energy_J", "J", "energy per inference", cost.energy_J),
    COL("latency_s", "s", "latency per inference", cost.latency_s),
    COL("area_m2", "m2", "area as its file describes it", cost.area_m2),
    COL("edap_Jsm2", "J s m2", "energy x latency x area", edap),
    COL("iso_area.energy_J", "J", "energy with compute resources scaled to the area of the point", iso_area.energy_J),
    COL("iso_area.latency_s", "s", "latency of that machine", iso_area.latency_s),
    COL("iso_area.area_m2", "m2", "area of that machine", iso_area.area_m2),
    COL("iso_area.scale", "", "its compute resources over those of the file", iso_scale),
    COL("iso_capacity.energy_J", "J", "energy with a weight buffer for what the point's arrays hold", iso_capacity.energy_J),
    COL("iso_capacity.latency_s", "s", "latency of that machine", iso_capacity.latency_s),
    COL("iso_capacity.area_m2", "m2", "area of that machine", iso_capacity.area_m2),
    COL("iso_capacity.weight_bits", "", "bits that buffer holds", capacity_bits),
    {NULL, NULL, NULL, 0},
};
#undef COL

static const struct {
    const char *name;
    size_t offset;
} member[] = {{"id", offsetof(mb_point_result, id)},
              {"label", offsetof(mb_point_result, label)},
              {"plan", offsetof(mb_point_result, plan)},
              {"bottleneck", offsetof(mb_point_result, bottleneck)}};
#define N_MEMBER (sizeof member / sizeof *member)

/* --- names --------------------------------------------------------------------------------------------------------------- */

static bool ends_in(const char *full, const char *key) {
    const size_t n = strlen(full), m = strlen(key);
    return m && n > m && full[n - m - 1] == '.' && !strcmp(full + n - m, key);
}

static const mb_setting *setting(const mb_point_result *p, const char *key) {
    for (size_t k = 0; k < p->n_set; k++)
        if (!strcmp(p->set[k].key, key)) return &p->set[k];
    return NULL;
}

/* The swept key called NAME, or the one that ends in it; *second: another one that does. */
static const char *find_key(const mb_results *r, const char *name, bool end, const char **second) {
    const char *found = NULL;
    *second = NULL;
    for (size_t i = 0; i < r->n && !*second; i++)
        for (size_t k = 0; k < r->point[i].n_set; k++) {
            const char *key = r->point[i].set[k].key;
            if (end ? !ends_in(key, name) : strcmp(key, name) != 0) continue;
            if (!found) found = key;
            else if (strcmp(found, key) != 0) *second = key;
        }
    return found;
}

/* What all values of a key are. */
static mb_value_kind kind_of_text(const char *s, double *x) {
    char *end;
    *x = strtod(s, &end);
    if (end != s && !*end && isfinite(*x)) return MB_VALUE_NUMBER;
    *x = !strcmp(s, "true");
    return *x != 0 || !strcmp(s, "false") ? MB_VALUE_BOOL : MB_VALUE_TEXT;
}

static mb_value_kind kind_of_key(const mb_results *r, const char *key) {
    mb_value_kind kind = MB_VALUE_ABSENT;
    double x;
    for (size_t i = 0; i < r->n; i++) {
        const mb_setting *s = setting(&r->point[i], key);
        if (!s) continue;
        const mb_value_kind k = kind_of_text(s->value, &x);
        if (kind != MB_VALUE_ABSENT && kind != k) return MB_VALUE_TEXT;
        kind = k;
    }
    return kind;
}

static int use_key(const mb_results *r, const char *key, mb_datum *d) {
    *d = (mb_datum){.kind = MB_DATUM_KEY, .unit = "", .of = key, .value = kind_of_key(r, key)};
    d->name = mb_column_find(key) ? mb_asprintf("set.%s", key) : mb_strdup(key);
    return d->name ? MB_OK : mb_nomem();
}

static int use_column(const mb_column *c, mb_datum *d) {
    *d = (mb_datum){.kind = MB_DATUM_COLUMN, .unit = c->unit, .column = c, .value = MB_VALUE_NUMBER, .name = mb_strdup(c->name)};
    return d->name ? MB_OK : mb_nomem();
}

/* "systolic-32x32.energy_J": the baseline with the longest name that it begins with. */
static int use_baseline(const mb_results *r, const char *name, mb_datum *d, bool *found) {
    const char *base = NULL;
    size_t len = 0;
    for (size_t i = 0; i < r->n; i++)
        for (size_t k = 0; k < r->point[i].n_baseline; k++) {
            const char *b = r->point[i].baseline[k].name;
            const size_t n = strlen(b);
            if (n > len && !strncmp(name, b, n) && name[n] == '.') base = b, len = n;
        }
    *found = false;
    for (const mb_column *c = mb_baseline_columns; base && c->name && !*found; c++) {
        const char *cost = name + len + 1;
        const size_t stem = mb_metric_stem(c);
        if (strcmp(cost, c->name) != 0 && !(strlen(cost) == stem && !strncmp(cost, c->name, stem))) continue;
        *found = true;
        *d = (mb_datum){.kind = MB_DATUM_BASELINE, .unit = c->unit, .column = c, .of = base, .value = MB_VALUE_NUMBER};
        d->name = mb_asprintf("%s.%s", base, c->name);
    }
    return *found && !d->name ? mb_nomem() : MB_OK;
}

static int several(const char *name, const char *a, const char *b) {
    return mb_fail(MB_BADINPUT, "\"%s\" is the end of several swept keys: write %s or %s", name, a, b);
}

static int unknown(const mb_results *r, const char *name) {
    enum { MOST = 128 };
    const char *candidate[MOST];
    size_t n = 0, keys;
    mb_str all = {0};
    for (size_t i = 0; i < r->n && n < MOST / 2; i++)
        for (size_t k = 0; k < r->point[i].n_set && n < MOST / 2; k++) {
            const char *key = r->point[i].set[k].key, *dot = strrchr(key, '.');
            size_t q = 0;
            while (q < n && strcmp(candidate[q], dot ? dot + 1 : key) != 0) q++;
            if (q == n) candidate[n++] = dot ? dot + 1 : key;
        }
    for (keys = 0; keys < n && keys < 8; keys++) mb_str_addf(&all, "%s%s", keys ? ", " : "", candidate[keys]);
    for (const mb_column *c = mb_point_columns; c->name && n < MOST; c++) candidate[n++] = c->name;
    const char *near = mb_nearest(name, candidate, n);
    int rc = near   ? mb_fail(MB_BADINPUT, "no column and no swept key is called \"%.80s\"; did you mean \"%s\"?", name, near)
             : keys ? mb_fail(MB_BADINPUT, "no column (`mixbar list columns`) and no swept key (%s%s) is called \"%.80s\"", mb_cstr(&all),
                              keys == 8 ? ", ..." : "", name)
                    : mb_fail(MB_BADINPUT, "no column is called \"%.80s\" (`mixbar list columns` shows all), and no key is swept", name);
    mb_str_free(&all);
    return rc;
}

int mb_datum_find(const mb_results *r, const char *name, mb_datum *d) {
    const char *second, *key;
    const mb_column *c = mb_column_find(name);
    bool found;
    memset(d, 0, sizeof *d);
    if (!strncmp(name, "column.", 7) && (c = mb_column_find(name + 7))) return use_column(c, d);
    const bool set = !strncmp(name, "set.", 4);
    if ((key = find_key(r, name, false, &second)) || (set && (key = find_key(r, name + 4, false, &second)))) return use_key(r, key, d);
    if (!strcmp(name, "index") || !strcmp(name, "status")) {
        const bool index = *name == 'i';
        *d = (mb_datum){.kind = index ? MB_DATUM_INDEX : MB_DATUM_STATUS, .unit = "", .value = index ? MB_VALUE_NUMBER : MB_VALUE_TEXT};
        return (d->name = mb_strdup(name)) ? MB_OK : mb_nomem();
    }
    for (size_t i = 0; i < N_MEMBER; i++) {
        if (strcmp(member[i].name, name) != 0) continue;
        *d = (mb_datum){.kind = MB_DATUM_MEMBER, .unit = "", .value = MB_VALUE_TEXT, .offset = member[i].offset};
        return (d->name = mb_strdup(name)) ? MB_OK : mb_nomem();
    }
    key = find_key(r, set ? name + 4 : name, true, &second);
    if (second) return several(name, key, second);
    if (key) {
        if (c && !set) mb_note_once(name, "%s is the swept key %s here; the column of that name is column.%s", name, key, name);
        return use_key(r, key, d);
    }
    if (c || mb_metric_find(name, &c) == MB_OK) return use_column(c, d);
    mb_error_clear();
    int rc = use_baseline(r, name, d, &found);
    return rc || found ? rc : unknown(r, name);
}

void mb_datum_free(mb_datum *d) {
    mb_free(d->name);
    memset(d, 0, sizeof *d);
}

/* --- values -------------------------------------------------------------------------------------------------------------- */

void mb_datum_value(const mb_datum *d, const mb_point_result *p, mb_value *v) {
    const mb_setting *s;
    const mb_baseline_result *b;
    *v = (mb_value){d->value, 0, NULL};
    switch (d->kind) {
    case MB_DATUM_INDEX: v->r = (double)p->index; break;
    case MB_DATUM_STATUS: v->s = p->infeasible ? "infeasible" : "done"; break;
    case MB_DATUM_COLUMN: v->r = mb_metric_value(p, d->column); break;
    case MB_DATUM_MEMBER:
        v->s = *(char *const *)(const void *)((const char *)p + d->offset);
        if (!v->s) v->s = "";
        break;
    case MB_DATUM_BASELINE:
        b = mb_point_baseline(p, d->of);
        v->r = b ? *(const double *)(const void *)((const char *)b + d->column->offset) : MB_NAN;
        break;
    case MB_DATUM_KEY:
        s = setting(p, d->of);
        if (!s) *v = (mb_value){MB_VALUE_ABSENT, MB_NAN, NULL};
        else if (d->value == MB_VALUE_TEXT) v->s = s->value;
        else kind_of_text(s->value, &v->r);
        break;
    }
}

int mb_data_parse(const mb_results *r, const char *list, mb_datum **data, size_t *n) {
    int rc = MB_OK;
    size_t most = 1;
    for (const char *s = list; *s; s++) most += *s == ',';
    *n = 0;
    *data = mb_calloc(most, sizeof **data);
    if (!*data) return mb_nomem();
    for (const char *s = list; !rc; s++) {
        const size_t len = strcspn(s, ",");
        char *word = mb_strndup(s, len);
        if (!word) rc = mb_nomem();
        else if (!len) rc = mb_fail(MB_BADINPUT, "\"%.80s\": names with commas between them, e.g. index,accuracy,energy", list);
        else rc = mb_datum_find(r, word, &(*data)[*n]);
        if (!rc) ++*n;
        for (size_t i = 0; i + 1 < *n && !rc; i++)
            if (!strcmp((*data)[i].name, (*data)[*n - 1].name)) rc = mb_fail(MB_BADINPUT, "\"%s\" stands twice in \"%.80s\"", (*data)[i].name, list);
        mb_free(word);
        s += len;
        if (!*s) break;
    }
    if (rc) {
        mb_data_free(*data, *n);
        *data = NULL;
        *n = 0;
    }
    return rc;
}

void mb_data_free(mb_datum *d, size_t n) {
    for (size_t i = 0; i < n; i++) mb_datum_free(&d[i]);
    mb_free(d);
}

/* --- conditions ---------------------------------------------------------------------------------------------------------- */

typedef struct names {
    const mb_expr *e;
    mb_datum *d; /* of the I-th name of the expression */
    size_t n;
    const mb_point_result *p;
} names;

static int lookup(void *ctx, const char *name, mb_value *v) {
    const names *l = ctx;
    for (size_t i = 0; i < l->n; i++)
        if (!strcmp(mb_expr_name(l->e, i), name)) {
            mb_datum_value(&l->d[i], l->p, v);
            return MB_OK;
        }
    return MB_OK;
}

int mb_results_where(mb_results *r, const char *condition) {
    mb_expr *e = NULL;
    names l = {0};
    char *text = NULL;
    bool *keep = NULL;
    size_t n = 0, m = 0;
    int rc = mb_expr_parse(condition, &e);
    if (rc) return rc;
    while (mb_expr_name(e, n)) n++;
    l.e = e;
    l.d = mb_calloc(n, sizeof *l.d);
    keep = mb_calloc(r->n, sizeof *keep);
    text = r->where ? mb_asprintf("(%s) && (%s)", r->where, condition) : mb_strdup(condition);
    rc = l.d && keep && text ? MB_OK : mb_nomem();
    for (size_t i = 0; i < n && !rc; i++) {
        rc = mb_datum_find(r, mb_expr_name(e, i), &l.d[i]);
        if (rc) mb_context(rc, "in the condition \"%.200s\"", condition);
        else l.n++;
    }
    for (size_t i = 0; i < r->n && !rc; i++) {
        l.p = &r->point[i];
        rc = mb_expr_test(e, lookup, &l, &keep[i]);
        if (rc) mb_context(rc, "at point %lld", (long long)r->point[i].index);
    }
    if (!rc) {
        if (!r->where) r->of = r->n;
        for (size_t i = 0; i < r->n; i++) {
            if (keep[i]) r->point[m++] = r->point[i];
            else mb_point_result_free(&r->point[i]);
        }
        r->n = m;
        mb_free(r->where);
        r->where = text;
        text = NULL;
    }
    mb_data_free(l.d, l.n);
    mb_free(text);
    mb_free(keep);
    mb_expr_free(e);
    return rc;
}
