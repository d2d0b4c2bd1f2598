/* knapsack_csv.c - reading a user's table (mapping/knapsack_csv.h)
 *
 * Who may call: see the header.
 */
#include "mapping/knapsack_csv.h"

#include <math.h>
#include <string.h>

#include "base/csv.h"
#include "base/error.h"
#include "base/mem.h"

typedef struct columns {
    int layer, value, choice, tied, cost[MB_CSV_MAX_COLUMNS], K;
} columns;

static int find_columns(const mb_csv *csv, columns *c) {
    *c = (columns){-1, -1, -1, -1, {0}, 0};
    for (int k = 0; k < (int)csv->cols; k++) {
        const char *name = csv->header[k];
        if (!strcmp(name, "layer")) c->layer = k;
        else if (!strcmp(name, "sensitivity") || !strcmp(name, "value")) {
            if (c->value >= 0)
                return mb_fail(MB_BADINPUT, "%s:%d: sensitivity and value are the same column: keep one", csv->name,
                               csv->header_line);
            c->value = k;
        } else if (!strcmp(name, "choice")) c->choice = k;
        else if (!strcmp(name, "tied")) c->tied = k;
        else c->cost[c->K++] = k;
    }
    if (c->layer < 0 || c->value < 0)
        return mb_fail(
            MB_BADINPUT,
            "%s:%d: the column %s is missing; a table has layer, sensitivity, optionally choice and tied, and columns of costs",
            csv->name, csv->header_line, c->layer < 0 ? "layer" : "sensitivity");
    if (c->K > MB_KNAPSACK_MAX_LIMITS)
        return mb_fail(MB_BADINPUT, "%s:%d: %d columns of costs, at most %d are possible", csv->name, csv->header_line, c->K,
                       MB_KNAPSACK_MAX_LIMITS);
    return MB_OK;
}

/* Number of every row's layer, in order of first appearance. */
static int group_rows(const mb_csv *csv, const columns *c, int *layer_of, int *m, int *first, int *n) {
    *n = 0;
    for (size_t r = 0; r < csv->rows; r++) {
        const char *name = mb_csv_field(csv, r, (size_t)c->layer);
        if (!*name) return mb_fail(MB_BADINPUT, "%s:%d: the name of the layer is missing", csv->name, csv->line[r]);
        int i = 0;
        while (i < *n && strcmp(mb_csv_field(csv, (size_t)first[i], (size_t)c->layer), name) != 0) i++;
        if (i == *n) first[(*n)++] = (int)r, m[i] = 0;
        layer_of[r] = i;
        m[i]++;
    }
    return *n ? MB_OK : mb_fail(MB_BADINPUT, "%s: no rows", csv->name);
}

static int number(const mb_csv *csv, size_t r, int layer, int col, double *v) {
    int rc = mb_csv_number(csv, r, (size_t)col, v);
    if (!rc && isnan(*v))
        return mb_fail(MB_BADINPUT, "%s:%d: layer %s: the cell %s is missing", csv->name, csv->line[r],
                       mb_csv_field(csv, r, (size_t)layer), csv->header[col]);
    return rc;
}

static int fill_row(const mb_csv *csv, size_t r, const columns *c, int i, int j, mb_user_table *t) {
    mb_knapsack *p = t->p;
    int rc = number(csv, r, c->layer, c->value, &p->value[i][j]);
    for (int k = 0; k < c->K && !rc; k++) rc = number(csv, r, c->layer, c->cost[k], &p->use[i][j * c->K + k]);
    if (rc) return rc;
    t->label[i][j] = c->choice >= 0 ? mb_strdup(mb_csv_field(csv, r, (size_t)c->choice)) : mb_asprintf("%d", j);
    return t->label[i][j] ? MB_OK : mb_nomem();
}

/* Layers with the same word in the column `tied`; all rows of a layer must agree. */
static int tie(const mb_csv *csv, const columns *c, const int *layer_of, const int *first, mb_knapsack *p) {
    for (size_t r = 0; c->tied >= 0 && r < csv->rows; r++) {
        int i = layer_of[r];
        const char *word = mb_csv_field(csv, r, (size_t)c->tied);
        if (strcmp(word, mb_csv_field(csv, (size_t)first[i], (size_t)c->tied)) != 0)
            return mb_fail(MB_BADINPUT, "%s:%d: layer %s is tied to %s here and to %s in line %d", csv->name, csv->line[r],
                           mb_csv_field(csv, r, (size_t)c->layer), word, mb_csv_field(csv, (size_t)first[i], (size_t)c->tied),
                           csv->line[first[i]]);
        if (!*word) continue;
        int g = 0; /* the first layer with this word gives the group its number */
        while (strcmp(mb_csv_field(csv, (size_t)first[g], (size_t)c->tied), word) != 0) g++;
        p->group[i] = g;
        if (p->m[i] != p->m[g])
            return mb_fail(MB_BADINPUT, "%s:%d: layer %s is tied to %s but has %d choices instead of %d", csv->name, csv->line[r],
                           mb_csv_field(csv, r, (size_t)c->layer), mb_csv_field(csv, (size_t)first[g], (size_t)c->layer), p->m[i],
                           p->m[g]);
    }
    return MB_OK;
}

int mb_user_table_read(const char *path, mb_user_table *t) {
    mb_csv csv = {0};
    columns c;
    int n = 0, *layer_of = NULL, *m = NULL, *first = NULL, *seen = NULL;
    *t = (mb_user_table){0};
    int rc = mb_csv_read(path, &csv);
    if (rc) return rc;
    rc = find_columns(&csv, &c);
    layer_of = mb_calloc(csv.rows, sizeof *layer_of);
    m = mb_calloc(csv.rows, sizeof *m);
    first = mb_calloc(csv.rows, sizeof *first);
    seen = mb_calloc(csv.rows, sizeof *seen);
    if (!rc && (!layer_of || !m || !first || !seen)) rc = mb_nomem();
    if (!rc) rc = group_rows(&csv, &c, layer_of, m, first, &n);
    if (!rc) rc = mb_knapsack_new(n, c.K, m, &t->p);
    if (!rc && !(t->label = mb_calloc((size_t)n, sizeof *t->label))) rc = mb_nomem();
    for (int i = 0; i < n && !rc; i++) {
        t->p->layer[i] = mb_strdup(mb_csv_field(&csv, (size_t)first[i], (size_t)c.layer));
        t->label[i] = mb_calloc((size_t)m[i], sizeof **t->label);
        if (!t->p->layer[i] || !t->label[i]) rc = mb_nomem();
    }
    for (int k = 0; k < c.K && !rc; k++)
        if (!(t->p->limit_name[k] = mb_strdup(csv.header[c.cost[k]]))) rc = mb_nomem();
    for (size_t r = 0; r < csv.rows && !rc; r++) rc = fill_row(&csv, r, &c, layer_of[r], seen[layer_of[r]]++, t);
    if (!rc) rc = tie(&csv, &c, layer_of, first, t->p);
    mb_free(layer_of);
    mb_free(m);
    mb_free(first);
    mb_free(seen);
    mb_csv_free(&csv);
    if (rc) mb_user_table_free(t);
    return rc;
}

void mb_user_table_free(mb_user_table *t) {
    for (int i = 0; t->p && t->label && i < t->p->n; i++) {
        for (int j = 0; t->label[i] && j < t->p->m[i]; j++) mb_free(t->label[i][j]);
        mb_free(t->label[i]);
    }
    mb_free(t->label);
    mb_knapsack_free(t->p);
    *t = (mb_user_table){0};
}

int mb_user_table_column(const mb_user_table *t, const char *name, int *k) {
    mb_str all = {0};
    for (*k = 0; *k < t->p->K; ++*k) {
        if (strcmp(t->p->limit_name[*k], name) == 0) {
            mb_str_free(&all);
            return MB_OK;
        }
        mb_str_addf(&all, "%s%s", *k ? ", " : "", t->p->limit_name[*k]);
    }
    const char *near = mb_nearest(name, (const char *const *)t->p->limit_name, (size_t)t->p->K);
    int rc = mb_fail(MB_BADINPUT, "the table has no cost called %s%s%s%s; there are %s", name, near ? "; did you mean " : "",
                     near ? near : "", near ? "?" : "", t->p->K ? mb_cstr(&all) : "none");
    mb_str_free(&all);
    return rc;
}
