/* plot_metric.c - what the axes of plots show: columns of the results in a readable unit, and swept keys
 *
 * Names, units and words come from the table of columns (columns.c): a new column can be drawn without a change here. The axis
 * label is the column's help up to its first comma; NAME_low and NAME_high, where they are columns too, are the ends of the band
 * of NAME. Fractions are shown in percent, "J", "s" and "m2" with a prefix; in a product of units those of time and area are the
 * ones that latency and area alone would have, and the prefix of the energy takes up the rest. Called by plot_*.c and page.c.
 */
#include <ctype.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/mem.h"
#include "run/across.h"
#include "run/pareto.h"
#include "run/plot_internal.h"

static const mb_column *column_end(const mb_column *c, const char *end) {
    const size_t stem = mb_metric_stem(c);
    char name[96];
    snprintf(name, sizeof name, "%s_%s", c->name, end);
    const mb_column *k = mb_column_find(name);
    if (k) return k;
    snprintf(name, sizeof name, "%.*s_%s%s", (int)stem, c->name, end, c->name + stem); /* energy_low_J */
    return mb_column_find(name);
}

static bool is_percent(const mb_column *c) { return !*c->unit && (strstr(c->help, "0..1") || strstr(c->name, "accuracy")); }

/* "operations per energy, 10^12 per joule" -> "operations per energy"; a lone x between words is a times sign. */
static void label_of(const mb_column *c, char *text, size_t cap) {
    size_t n = strcspn(c->help, ",;:("), k = 0;
    while (n && c->help[n - 1] == ' ') n--;
    for (size_t i = 0; i < n && k + 3 < cap; i++) {
        if (c->help[i] == 'x' && i && c->help[i - 1] == ' ' && c->help[i + 1] == ' ') {
            text[k++] = '\xC3';
            text[k++] = '\x97';
        } else {
            text[k++] = c->help[i];
        }
    }
    text[k] = '\0';
}

static void brief_of(const mb_column *c, char *text, size_t cap) {
    char name[64];
    snprintf(name, sizeof name, "%.*s", (int)mb_metric_stem(c), c->name);
    if (strcmp(name, "edp") == 0 || strcmp(name, "edap") == 0)
        for (char *s = name; *s; s++) *s = (char)toupper((unsigned char)*s);
    for (char *s = name; *s; s++)
        if (*s == '_') *s = ' ';
    snprintf(text, cap, "%.40s", name);
}

static bool has_prefix(const char *unit) {
    static const char *const prefixed[] = {"J", "s", "m2", "W", "A", "V", "S", "Hz", "ohm"};
    for (size_t i = 0; i < sizeof prefixed / sizeof *prefixed; i++)
        if (strcmp(unit, prefixed[i]) == 0) return true;
    return false;
}

/* The numbers of column C over all points, and of the baselines where it is one of their costs, each over DIVISOR. */
static size_t collect(const mb_results *r, const mb_metric *m, const mb_column *c, double divisor, double *v) {
    size_t n = 0;
    mb_metric raw = *m;
    raw.column = c;
    raw.scale = divisor;
    raw.percent = false;
    for (size_t i = 0; i < r->n; i++) {
        v[n++] = mb_metric_value(&r->point[i], c) / divisor;
        for (size_t b = 0; b < r->point[i].n_baseline; b++) v[n++] = mb_metric_of(&raw, &r->point[i].baseline[b]);
    }
    return n;
}

static int choose(const mb_results *r, mb_metric *m) {
    const mb_column *c = m->column;
    size_t room = r->n;
    const char *space = strchr(c->unit, ' ');
    char first[16];
    snprintf(first, sizeof first, "%.*s", (int)(space ? (size_t)(space - c->unit) : strlen(c->unit)), c->unit);
    m->scale = 1;
    snprintf(m->unit, sizeof m->unit, "%s", c->unit);
    if (is_percent(c)) {
        m->percent = true;
        m->scale = 0.01;
        snprintf(m->unit, sizeof m->unit, "%%");
        return MB_OK;
    }
    if (!has_prefix(first)) {
        if (strncmp(c->unit, "Tera-op/s", 9) == 0) snprintf(m->unit, sizeof m->unit, "TOPS%s", c->unit + 9);
        return MB_OK;
    }
    for (size_t i = 0; i < r->n; i++) room += r->point[i].n_baseline;
    double *v = mb_malloc(room, sizeof *v), divisor = 1;
    if (!v) return mb_nomem();
    char rest[48] = "";
    for (const char *s = space; s && *s;) { /* the other factors of a product */
        const size_t n = strcspn(s + 1, " ");
        const bool time = n == 1 && s[1] == 's', area = n == 2 && strncmp(s + 1, "m2", 2) == 0;
        const mb_column *other = time ? mb_column_find("latency_s") : area ? mb_column_find("area_m2") : NULL;
        mb_unit_choice u = {1, ""};
        snprintf(u.name, sizeof u.name, "%.*s", (int)n, s + 1);
        if (other) u = mb_choose_unit(v, collect(r, m, other, 1, v), time ? "s" : "m2");
        divisor *= u.scale;
        const size_t used = strlen(rest);
        snprintf(rest + used, sizeof rest - used, " %.12s", u.name);
        s += n + 1;
    }
    const mb_unit_choice u = mb_choose_unit(v, collect(r, m, c, divisor, v), first);
    m->scale = u.scale * divisor;
    snprintf(m->unit, sizeof m->unit, "%.12s%s", u.name, rest);
    mb_free(v);
    return MB_OK;
}

int mb_metric_new(const mb_results *r, const char *name, mb_metric *m) {
    size_t known = 0;
    *m = (mb_metric){.scale = 1};
    int rc = mb_metric_find(name, &m->column);
    if (rc) return rc;
    m->low = column_end(m->column, "low");
    m->high = column_end(m->column, "high");
    label_of(m->column, m->label, sizeof m->label);
    brief_of(m->column, m->brief, sizeof m->brief);
    m->more_is_better = mb_metric_is_maximised(m->column);
    for (size_t i = 0; i < r->n; i++) known += isfinite(mb_metric_value(&r->point[i], m->column));
    if (!known)
        return mb_fail(MB_BADINPUT, "no point has a number in the column %s%s", m->column->name,
                       strstr(m->column->name, "accuracy") ? ": no accuracy was simulated (costs only)" : "");
    return choose(r, m);
}

double mb_metric_at(const mb_metric *m, const mb_point_result *p) {
    const double v = mb_metric_value(p, m->column);
    return isfinite(v) ? v / m->scale : MB_NAN;
}

void mb_metric_band(const mb_metric *m, const mb_point_result *p, double *lo, double *hi) {
    const double v = mb_metric_at(m, p), l = m->low ? mb_metric_value(p, m->low) / m->scale : MB_NAN,
                 h = m->high ? mb_metric_value(p, m->high) / m->scale : MB_NAN;
    *lo = isfinite(l) ? l : v;
    *hi = isfinite(h) ? h : v;
}

double mb_metric_of(const mb_metric *m, const mb_baseline_result *b) {
    const mb_cost *c = &b->cost;
    const struct {
        const char *name;
        double v;
    } known[] = {{"energy_J", c->energy_J}, {"latency_s", c->latency_s},
                 {"area_m2", c->area_m2},   {"edp_Js", c->energy_J * c->latency_s},
                 {"edap_Jsm2", b->edap},    {"power_W", c->energy_J / c->latency_s}};
    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        if (strcmp(known[i].name, m->column->name) == 0) return known[i].v / m->scale;
    return MB_NAN;
}

void mb_metric_text(const mb_metric *m, double shown, char *buf, size_t cap) {
    const double a = fabs(shown);
    if (!isfinite(shown)) snprintf(buf, cap, "-");
    else if (m->percent) snprintf(buf, cap, "%.*f", a >= 99.95 ? 0 : 1, shown);
    else if (a == 0) snprintf(buf, cap, "0");
    else if (a >= 1e5 || a < 1e-3) snprintf(buf, cap, "%.2e", shown);
    else snprintf(buf, cap, "%.*f", a >= 99.5 || shown == floor(shown) ? 0 : a >= 9.95 ? 1 : a >= 0.995 ? 2 : 3, shown);
}

void mb_metric_axis(const mb_metric *m, mb_str *out) {
    mb_str_add(out, m->label);
    if (!*m->unit) return;
    mb_str_add(out, " [");
    mb_gp_unit(out, m->unit);
    mb_str_add(out, "]");
}

/* --- swept keys ---------------------------------------------------------------------------------------------------------- */

static bool is_key(const char *full, const char *key) {
    const size_t n = strlen(full), m = strlen(key);
    return m && n >= m && strcmp(full + n - m, key) == 0 && (n == m || full[n - m - 1] == '.');
}

static const mb_setting *setting(const mb_point_result *p, const char *key) {
    for (size_t k = 0; k < p->n_set; k++)
        if (is_key(p->set[k].key, key)) return &p->set[k];
    return NULL;
}

typedef struct entry {
    const char *text;
    double number;
    size_t seq;
} entry;

static int by_number(const void *x, const void *y) {
    const entry *a = x, *b = y;
    if (a->number != b->number) return a->number < b->number ? -1 : 1;
    return a->seq < b->seq ? -1 : a->seq > b->seq;
}

int mb_key_axis_new(const mb_results *r, const char *key, mb_key_axis *a) {
    int rc = MB_OK;
    size_t *rank = mb_malloc(r->n ? r->n : 1, sizeof *rank);
    entry *e = mb_malloc(r->n ? r->n : 1, sizeof *e);
    *a = (mb_key_axis){.key = key, .numbers = true};
    a->at = mb_malloc(r->n ? r->n : 1, sizeof *a->at);
    if (!e || !a->at || !rank) {
        rc = mb_nomem();
        goto out;
    }
    for (size_t i = 0; i < r->n; i++) {
        const mb_setting *s = setting(&r->point[i], key);
        size_t k = 0;
        a->at[i] = MB_NO_POINT;
        if (!s) continue;
        a->key = s->key;
        while (k < a->n && strcmp(e[k].text, s->value) != 0) k++;
        a->at[i] = k;
        if (k < a->n) continue;
        if (a->n == MB_AXIS_VALUES) {
            rc = mb_fail(MB_BADINPUT, "%.80s takes more than %d values: too many for an axis", s->key, MB_AXIS_VALUES);
            goto out;
        }
        char *end;
        const double x = strtod(s->value, &end);
        const bool number = end != s->value && !*end && isfinite(x);
        a->numbers = a->numbers && number;
        e[a->n] = (entry){s->value, number ? x : MB_NAN, a->n};
        a->n++;
    }
    if (a->n == 0) {
        const char *all[32];
        mb_str list = {0};
        const size_t n = mb_varied_keys(r, all, 32);
        for (size_t i = 0; i < n; i++) mb_str_addf(&list, "%s%s", i ? ", " : "", all[i]);
        rc = n ? mb_fail(MB_BADINPUT, "%.80s is not a swept key of this run; swept are: %s", key, mb_cstr(&list))
               : mb_fail(MB_BADINPUT, "nothing is swept in this run, so %.80s cannot be an axis", key);
        mb_str_free(&list);
        goto out;
    }
    if (a->numbers) qsort(e, a->n, sizeof *e, by_number);
    a->value = mb_malloc(a->n, sizeof *a->value);
    a->number = mb_malloc(a->n, sizeof *a->number);
    if (!a->value || !a->number) {
        rc = mb_nomem();
        goto out;
    }
    for (size_t k = 0; k < a->n; k++) {
        a->value[k] = e[k].text;
        a->number[k] = a->numbers ? e[k].number : MB_NAN;
        rank[e[k].seq] = k;
    }
    for (size_t i = 0; i < r->n; i++) a->at[i] = a->at[i] == MB_NO_POINT ? a->n : rank[a->at[i]];
out:
    mb_free(e);
    mb_free(rank);
    if (rc) mb_key_axis_free(a);
    return rc;
}

const char *mb_key_axis_text(const mb_key_axis *a, size_t k, char *buf) {
    return a->numbers && is_key(a->key, "time_s") ? mb_age_text(buf, 32, a->number[k]) : a->value[k];
}

void mb_key_axis_free(mb_key_axis *a) {
    mb_free(a->value);
    mb_free(a->number);
    mb_free(a->at);
    a->value = NULL;
    a->number = NULL;
    a->at = NULL;
    a->n = 0;
}

size_t mb_varied_keys(const mb_results *r, const char **key, size_t cap) {
    struct {
        const mb_setting *first;
        bool varies;
    } seen[64];
    size_t n = 0, m = 0;
    for (size_t i = 0; i < r->n; i++)
        for (size_t k = 0; k < r->point[i].n_set; k++) {
            const mb_setting *s = &r->point[i].set[k];
            size_t q = k < n && strcmp(seen[k].first->key, s->key) == 0 ? k : 0; /* mostly in the same order */
            while (q < n && strcmp(seen[q].first->key, s->key) != 0) q++;
            if (q < n) seen[q].varies = seen[q].varies || strcmp(seen[q].first->value, s->value) != 0;
            else if (n < sizeof seen / sizeof *seen) seen[n].first = s, seen[n++].varies = false;
        }
    for (size_t q = 0; q < n && m < cap; q++)
        if (seen[q].varies) key[m++] = seen[q].first->key;
    return m;
}

size_t mb_axis_keys(const mb_results *r, const char **key, size_t cap) {
    const size_t all = mb_varied_keys(r, key, cap);
    size_t m = 0;
    for (size_t q = 0; q < all; q++) {
        const char *value[MB_AXIS_VALUES];
        size_t n = 0;
        bool fits = true;
        for (size_t i = 0; i < r->n && fits; i++) {
            const mb_setting *s = setting(&r->point[i], key[q]);
            size_t k = 0;
            if (!s) continue;
            while (k < n && strcmp(value[k], s->value) != 0) k++;
            fits = k < MB_AXIS_VALUES;
            if (fits && k == n) value[n++] = s->value;
        }
        if (fits) key[m++] = key[q];
    }
    return m;
}

size_t mb_best_point(const mb_results *r, const mb_metric *m, const mb_key_axis *x, size_t x0, const mb_key_axis *y, size_t y0) {
    size_t best = MB_NO_POINT;
    for (size_t i = 0; i < r->n; i++) {
        if (x->at[i] != x0 || (y && y->at[i] != y0)) continue;
        const double v = mb_metric_at(m, &r->point[i]);
        if (!isfinite(v)) continue;
        const double had = best == MB_NO_POINT ? MB_NAN : mb_metric_at(m, &r->point[best]);
        if (best == MB_NO_POINT || (m->more_is_better ? v > had : v < had)) best = i;
    }
    return best;
}

const char *mb_useless_keys(const mb_results *r) {
    const char *key[16];
    if (mb_axis_keys(r, key, 16)) return NULL;
    return mb_varied_keys(r, key, 1) ? "the swept keys take too many values for an axis" : "no swept key takes two values";
}

/* --- components ---------------------------------------------------------------------------------------------------------- */

mb_style mb_component_style(const char *name) {
    static const struct {
        const char *name;
        int colour, hatch;
    } known[] = {
        {"cells", 3, 0},         {"adc", 0, 0},          {"drivers", 1, 0},           {"shift-add", 2, 0},
        {"registers", 4, 0},     {"tile buffer", 5, 0},  {"interconnect", 6, 0},      {"digital unit", 7, 0},
        {"integrators", 0, 1},   {"sample-hold", 4, 1},  {"global buffer", 5, 1},     {"multiply-accumulate", 3, 1},
        {"control", 7, 1},       {"leakage", 8, 0},      {"weight buffer", 5, 2},     {"input buffer", 2, 1},
        {"output buffer", 6, 1}, {"partial sums", 2, 2}, {"activation buffer", 1, 1}, {"dram", 1, 2},
        {"compute", 0, 2},       {"idle power", 8, 2},
    };
    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        if (strcmp(known[i].name, name) == 0) return (mb_style){mb_plot_colour((size_t)known[i].colour), known[i].hatch};
    const uint64_t h = mb_hash64(name, strlen(name), MB_HASH_START);
    return (mb_style){mb_plot_colour((size_t)((h >> 8) % MB_COLOURS)), 1 + (int)((h >> 24) % 2)};
}
