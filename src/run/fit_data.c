/* fit_data.c - measured data from CSV files into records of conductance and points of current (fit_internal.h)
 *
 * A column's quantity is its name without the unit. Every row is checked; the first one that cannot be used ends the reading.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/csv.h"
#include "base/error.h"
#include "base/mem.h"
#include "run/fit_internal.h"

enum { TARGET, MEASURED, TIME, VOLTAGE, CURRENT, CELL, PULSES, ROLES };

static const struct {
    const char *name, *alias, *unit, *example;
    char si;
} role[ROLES] = {
    [TARGET] = {"target", "target|g_target|target_conductance|target_g", "siemens", "target_uS", 'S'},
    [MEASURED] = {"conductance", "conductance|measured|g|g_measured|measured_conductance|measured_g|resistance|r",
                  "siemens or ohm", "measured_uS", 'S'},
    [TIME] = {"time", "time|t", "seconds", "time_s", 's'},
    [VOLTAGE] = {"voltage", "voltage|v|bias|u", "volts", "voltage_V", 'V'},
    [CURRENT] = {"current", "current|i", "amperes", "current_uA", 'A'},
    [CELL] = {"cell", "cell|device|cell_id|device_id|id", "", "cell", 0},
    [PULSES] = {"pulses", "pulses|n_pulses", "", "pulses", 0},
};

typedef struct column {
    int at; /* -1: absent */
    mb_csv_unit unit;
} column;

typedef struct names { /* names of cells: open addressing */
    char **name;
    int *id;
    size_t cap, n;
} names;

/* --- columns ------------------------------------------------------------------------------------------------------------- */

static bool is_alias(const char *list, const char *word) {
    const size_t n = strlen(word);
    for (const char *s = list; s;) {
        if (strncmp(s, word, n) == 0 && (s[n] == '|' || s[n] == '\0')) return true;
        s = strchr(s, '|');
        if (s) s++;
    }
    return false;
}

static int check_unit(const mb_csv *csv, int r, const column *c) {
    const char *name = csv->header[c->at];
    if (!role[r].si) return MB_OK;
    if (c->unit.si == 0)
        return mb_fail(MB_BADINPUT, "%s:%d: column \"%.40s\" has no unit: call it for example %s", csv->name, csv->header_line,
                       name, role[r].example);
    if (c->unit.si == role[r].si || (r == MEASURED && c->unit.si == 'o')) return MB_OK;
    return mb_fail(MB_BADINPUT, "%s:%d: column \"%.40s\": the unit \"%s\" is not one of %s: call it for example %s", csv->name,
                   csv->header_line, name, c->unit.unit, role[r].unit, role[r].example);
}

static int find_columns(const mb_csv *csv, column c[ROLES], mb_fit_data *d) {
    for (int r = 0; r < ROLES; r++) c[r].at = -1;
    for (size_t i = 0; i < csv->cols; i++) {
        mb_csv_unit u;
        int r = 0;
        mb_csv_split_name(csv->header[i], &u);
        while (r < ROLES && !is_alias(role[r].alias, u.quantity)) r++;
        if (r == ROLES) {
            mb_str_addf(&d->notes, "%s: column \"%.40s\" is not used\n", csv->name, csv->header[i]);
            continue;
        }
        if (c[r].at >= 0)
            return mb_fail(MB_BADINPUT, "%s:%d: columns \"%.40s\" and \"%.40s\" both hold the %s", csv->name, csv->header_line,
                           csv->header[c[r].at], csv->header[i], role[r].name);
        c[r] = (column){(int)i, u};
        int rc = check_unit(csv, r, &c[r]);
        if (rc) return rc;
    }
    return MB_OK;
}

/* What the columns are for; NULL: nothing, or half of something. */
static const char *kind_of(const column c[ROLES]) {
    const bool g = c[MEASURED].at >= 0, target = c[TARGET].at >= 0, time = c[TIME].at >= 0, cell = c[CELL].at >= 0;
    if (c[VOLTAGE].at >= 0 && c[CURRENT].at >= 0) return "current and voltage";
    if (g && target && time) return "targets and time series";
    if (g && target) return "targets and measured";
    if (g && time) return "time series";
    if (g && cell) return "repeated reads";
    return NULL;
}

static int no_kind(const mb_csv *csv, const column c[ROLES]) {
    mb_str have = {0};
    for (size_t i = 0; i < csv->cols && i < 12; i++) mb_str_addf(&have, "%s%.30s", i ? ", " : "", csv->header[i]);
    const char *lacks = c[VOLTAGE].at >= 0    ? "a column of current, such as current_uA"
                        : c[CURRENT].at >= 0  ? "a column of voltage, such as voltage_V"
                        : c[MEASURED].at >= 0 ? "a column target_uS (programming error), time_s (drift) or cell (read noise) "
                                                "beside the conductance"
                                              : "a column of conductance, such as measured_uS or conductance_S";
    int rc = mb_fail(MB_BADINPUT,
                     "%s:%d: the columns (%s) lack %s; wanted are target_S,measured_S or time_s,conductance_S[,cell] or "
                     "voltage_V,current_A",
                     csv->name, csv->header_line, mb_cstr(&have), lacks);
    mb_str_free(&have);
    return rc;
}

/* --- cells --------------------------------------------------------------------------------------------------------------- */

static int grow_names(names *t) {
    names w = {.cap = t->cap ? 2 * t->cap : 256, .n = t->n};
    w.name = mb_calloc(w.cap, sizeof *w.name);
    w.id = mb_calloc(w.cap, sizeof *w.id);
    if (!w.name || !w.id) {
        mb_free(w.name);
        mb_free(w.id);
        return mb_nomem();
    }
    for (size_t i = 0; i < t->cap; i++) {
        if (!t->name[i]) continue;
        size_t h = (size_t)mb_hash64(t->name[i], strlen(t->name[i]), MB_HASH_START) & (w.cap - 1);
        while (w.name[h]) h = (h + 1) & (w.cap - 1);
        w.name[h] = t->name[i];
        w.id[h] = t->id[i];
    }
    mb_free(t->name);
    mb_free(t->id);
    *t = w;
    return MB_OK;
}

static int cell_id(names *t, const char *name, int *id) {
    int rc = 2 * (t->n + 1) > t->cap ? grow_names(t) : MB_OK;
    if (rc) return rc;
    size_t h = (size_t)mb_hash64(name, strlen(name), MB_HASH_START) & (t->cap - 1);
    while (t->name[h] && strcmp(t->name[h], name) != 0) h = (h + 1) & (t->cap - 1);
    if (!t->name[h]) {
        t->name[h] = mb_strdup(name);
        if (!t->name[h]) return mb_nomem();
        t->id[h] = (int)t->n++;
    }
    *id = t->id[h];
    return MB_OK;
}

static void free_names(names *t) {
    for (size_t i = 0; i < t->cap; i++) mb_free(t->name[i]);
    mb_free(t->name);
    mb_free(t->id);
}

/* --- rows ---------------------------------------------------------------------------------------------------------------- */

static int add_record(mb_fit_data *d, const mb_fit_record *r) {
    if (d->n == d->cap) {
        size_t cap = d->cap ? 2 * d->cap : 1024;
        mb_fit_record *v = mb_realloc(d->rec, cap, sizeof *v);
        if (!v) return mb_nomem();
        d->rec = v;
        d->cap = cap;
    }
    d->rec[d->n++] = *r;
    return MB_OK;
}

static int add_point(mb_fit_data *d, const mb_fit_point *p) {
    if (d->n_iv == d->cap_iv) {
        size_t cap = d->cap_iv ? 2 * d->cap_iv : 1024;
        mb_fit_point *v = mb_realloc(d->iv, cap, sizeof *v);
        if (!v) return mb_nomem();
        d->iv = v;
        d->cap_iv = cap;
    }
    d->iv[d->n_iv++] = *p;
    return MB_OK;
}

/* The number of role R in row I in SI units. */
static int value(const mb_csv *csv, size_t i, const column c[ROLES], int r, double *v) {
    *v = MB_NOT;
    if (c[r].at < 0) return MB_OK;
    int rc = mb_csv_number(csv, i, (size_t)c[r].at, v);
    if (rc) return rc;
    *v *= c[r].unit.scale;
    const char *head = csv->header[c[r].at];
    if (r == MEASURED && c[r].unit.si == 'o') {
        if (*v <= 0)
            return mb_fail(MB_BADINPUT, "%s:%d: column %.40s: a resistance must be positive", csv->name, csv->line[i], head);
        *v = 1 / *v;
    }
    if ((r == TARGET || r == MEASURED) && *v < 0)
        return mb_fail(MB_BADINPUT,
                       "%s:%d: column %.40s: negative conductance %g S: correct the offset of the measurement or leave the field "
                       "empty",
                       csv->name, csv->line[i], head, *v);
    if ((r == TARGET || r == MEASURED) && *v > 10)
        return mb_fail(MB_BADINPUT, "%s:%d: column %.40s: conductance %g S: is the unit right?", csv->name, csv->line[i], head,
                       *v);
    if (r == TIME && *v < 0) return mb_fail(MB_BADINPUT, "%s:%d: column %.40s: negative time", csv->name, csv->line[i], head);
    if (r == PULSES && *v < 1)
        return mb_fail(MB_BADINPUT, "%s:%d: column %.40s: fewer than one pulse", csv->name, csv->line[i], head);
    return MB_OK;
}

static int take_row(const mb_csv *csv, size_t i, const column c[ROLES], int file, int lone, names *t, mb_fit_data *d) {
    double v[ROLES];
    int cell = lone, rc = MB_OK;
    mb_fit_source *s = &d->source[file];
    for (int r = 0; r < ROLES && !rc; r++)
        if (r != CELL) rc = value(csv, i, c, r, &v[r]);
    if (rc) return rc;
    if (c[CELL].at >= 0) {
        const char *name = mb_csv_field(csv, i, (size_t)c[CELL].at);
        if (!*name) return mb_fail(MB_BADINPUT, "%s:%d: the name of the cell is missing", csv->name, csv->line[i]);
        rc = cell_id(t, name, &cell);
        if (rc) return rc;
    }
    if (isfinite(v[PULSES])) d->pulses += v[PULSES], d->n_pulses++;
    if (c[VOLTAGE].at >= 0) {
        if (!isfinite(v[VOLTAGE]) || !isfinite(v[CURRENT])) {
            s->missing++;
            return MB_OK;
        }
        s->used++;
        return add_point(d, &(mb_fit_point){cell, file, csv->line[i], v[VOLTAGE], v[CURRENT]});
    }
    if (!isfinite(v[MEASURED]) || (c[TARGET].at >= 0 && !isfinite(v[TARGET])) || (c[TIME].at >= 0 && !isfinite(v[TIME]))) {
        s->missing++;
        return MB_OK;
    }
    s->used++;
    return add_record(d, &(mb_fit_record){cell, file, csv->line[i], v[TARGET], v[TIME], v[MEASURED], false});
}

static int read_file(const char *path, int file, names *t, mb_fit_data *d) {
    mb_csv csv;
    column c[ROLES];
    int lone = -1, rc = mb_csv_read(path, &csv);
    mb_fit_source *s = &d->source[file];
    if (rc) return rc;
    s->file = mb_strdup(path);
    s->rows = csv.rows;
    rc = s->file ? find_columns(&csv, c, d) : mb_nomem();
    const char *kind = rc ? NULL : kind_of(c);
    if (!rc && !kind) rc = no_kind(&csv, c);
    if (!rc) snprintf(s->kind, sizeof s->kind, "%s", kind);
    if (!rc && c[CELL].at < 0 && c[TARGET].at < 0) { /* no names, no targets: the file is one cell */
        char *name = mb_asprintf("\1%d", file);
        rc = name ? cell_id(t, name, &lone) : mb_nomem();
        mb_free(name);
    }
    for (size_t i = 0; i < csv.rows && !rc; i++) rc = take_row(&csv, i, c, file, lone, t, d);
    if (!rc && s->used == 0) rc = mb_fail(MB_BADINPUT, "%s: every row lacks a value", path);
    mb_csv_free(&csv);
    return rc;
}

/* --- order --------------------------------------------------------------------------------------------------------------- */

static int order(double a, double b) { /* NaN first */
    if (isnan(a) || isnan(b)) return isnan(a) ? isnan(b) ? 0 : -1 : 1;
    return a < b ? -1 : a > b;
}

static int by_cell(const void *a, const void *b) {
    const mb_fit_record *p = a, *q = b;
    int c = (p->cell > q->cell) - (p->cell < q->cell);
    if (!c) c = order(p->target, q->target);
    if (!c) c = order(p->time, q->time);
    if (!c) c = p->file - q->file;
    return c ? c : p->line - q->line;
}

static int by_voltage(const void *a, const void *b) {
    const mb_fit_point *p = a, *q = b;
    int c = (p->cell > q->cell) - (p->cell < q->cell);
    if (!c) c = order(p->V, q->V);
    if (!c) c = p->file - q->file;
    return c ? c : p->line - q->line;
}

int mb_fit_read(const char *const *path, size_t n, mb_fit_data *d) {
    names t = {0};
    *d = (mb_fit_data){0};
    d->source = mb_calloc(n, sizeof *d->source);
    int rc = d->source ? MB_OK : mb_nomem();
    d->n_source = rc ? 0 : n;
    for (size_t i = 0; i < n && !rc; i++) rc = read_file(path[i], (int)i, &t, d);
    if (d->n) qsort(d->rec, d->n, sizeof *d->rec, by_cell);
    if (d->n_iv) qsort(d->iv, d->n_iv, sizeof *d->iv, by_voltage);
    d->n_cell = t.n;
    free_names(&t);
    if (rc) mb_fit_data_free(d);
    return rc;
}

void mb_fit_data_free(mb_fit_data *d) {
    for (size_t i = 0; i < d->n_source; i++) mb_free(d->source[i].file);
    mb_free(d->source);
    mb_free(d->rec);
    mb_free(d->iv);
    mb_str_free(&d->notes);
    *d = (mb_fit_data){0};
}

void mb_fit_source_names(const mb_fit_data *d, const char *word, char *buf, size_t cap) {
    size_t n = 0;
    buf[0] = '\0';
    for (size_t i = 0; i < d->n_source; i++) {
        if (word && *word ? !strstr(d->source[i].kind, word) : !word && strstr(d->source[i].kind, "current") != NULL) continue;
        const char *slash = strrchr(d->source[i].file, '/');
        int k = snprintf(buf + n, cap - n, "%s%s", n ? ", " : "", slash ? slash + 1 : d->source[i].file);
        if (k < 0 || (size_t)k >= cap - n) return;
        n += (size_t)k;
    }
}
