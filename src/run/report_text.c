/* report_text.c - the answer of a run: one table for people, breakdowns on request
 *
 * A column has one unit for all its rows, so that numbers can be compared by eye; EDAP has the units of latency and area times a
 * unit of energy of its own. Ratios are baseline / point: above 1 the crossbar needs less. Everything comes from the points
 * given; two results with the same points give the same bytes. Called by the command line.
 */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "base/mem.h"
#include "base/table.h"
#include "run/report_rows.h"

#define LABEL_CHARS 30
#define SETTINGS_CHARS 44
#define BASELINE_ROWS_MAX 12

/* --- columns of costs with one unit each ---------------------------------------------------------------------------- */

typedef struct column_unit {
    mb_unit_choice u;
    int decimals;
} column_unit;
typedef struct cost_units {
    column_unit energy, latency, area, edap;
} cost_units;

static void add_number(mb_table *t, int *rc, const column_unit *c, double v) {
    double x = v / c->u.scale;
    if (*rc != MB_OK) return;
    if (isnan(v)) {
        *rc = mb_table_cell(t, "-");
    } else if (c->decimals < 0) {
        *rc = mb_table_cellf(t, "%.3e", x);
    } else {
        *rc = mb_table_cellf(t, "%.*f", c->decimals, x);
    }
}

static void add_percent(mb_table *t, int *rc, double fraction, int decimals) {
    if (*rc == MB_OK) *rc = isfinite(fraction) ? mb_table_cellf(t, "%.*f", decimals, 100 * fraction) : mb_table_cell(t, "-");
}

static void add_text(mb_table *t, int *rc, const char *s) {
    if (*rc == MB_OK) *rc = mb_table_cell(t, s);
}

static void add_short(mb_table *t, int *rc, const char *s, size_t chars) {
    mb_str b = {0};
    mb_text_short(s, chars, &b);
    if (*rc == MB_OK) *rc = b.failed ? mb_nomem() : mb_table_cell(t, mb_cstr(&b));
    mb_str_free(&b);
}

static void add_column(mb_table *t, int *rc, const char *name, const char *unit, mb_align a) {
    if (*rc == MB_OK) *rc = mb_table_column(t, name, unit, a);
}

/* "2.65x": how many times smaller POINT is than BASE. */
static void add_ratio(mb_table *t, int *rc, double base, double point) {
    double q = base / point;
    if (*rc != MB_OK) return;
    if (!isfinite(q) || q <= 0) {
        *rc = mb_table_cell(t, "-");
    } else {
        *rc = q >= 1e5 || q < 0.001 ? mb_table_cellf(t, "%.2ex", q)
                                    : mb_table_cellf(t, "%.*fx",
                                                     q >= 99.95    ? 0
                                                     : q >= 9.995  ? 1
                                                     : q >= 0.0995 ? 2
                                                                   : 4,
                                                     q);
    }
}

static column_unit choose(const double *v, size_t n, const char *unit) {
    column_unit c;
    c.u = mb_choose_unit(v, n, unit);
    c.decimals = mb_choose_decimals(v, n, c.u.scale, 3);
    return c;
}

/* Units for N costs; V is room for N numbers. */
static cost_units choose_units(const mb_cost *c, size_t n, double *v) {
    cost_units u;
    for (size_t i = 0; i < n; i++) v[i] = c[i].energy_J;
    u.energy = choose(v, n, "J");
    for (size_t i = 0; i < n; i++) v[i] = c[i].latency_s;
    u.latency = choose(v, n, "s");
    for (size_t i = 0; i < n; i++) v[i] = c[i].area_m2;
    u.area = choose(v, n, "m2");
    for (size_t i = 0; i < n; i++) v[i] = c[i].energy_J * c[i].latency_s * c[i].area_m2;
    for (size_t i = 0; i < n; i++) v[i] /= u.latency.u.scale * u.area.u.scale; /* the energy's prefix takes up the rest */
    mb_unit_choice rest = mb_choose_unit(v, n, "J");
    for (size_t i = 0; i < n; i++) v[i] *= u.latency.u.scale * u.area.u.scale;
    u.edap.u.scale = rest.scale * u.latency.u.scale * u.area.u.scale;
    snprintf(u.edap.u.name, sizeof u.edap.u.name, "%.12s %.12s %.12s", rest.name, u.latency.u.name, u.area.u.name);
    u.edap.decimals = mb_choose_decimals(v, n, u.edap.u.scale, 3);
    return u;
}

/* --- the main table -------------------------------------------------------------------------------------------------- */

typedef struct report {
    const mb_results *r;
    char **name;    /* of each point */
    char **cell;    /* what stands in the table: the name, or the swept values in line */
    mb_str head[2]; /* header of that column */
    bool settings;  /* swept values in line */
    mb_baseline_row *base;
    size_t n_base;
    cost_units u;
    bool accuracy, number; /* columns of accuracies; a column of point numbers */
    const char *one;       /* the only baseline's name, NULL when none or several */
} report;

static void free_report(report *p) {
    for (size_t i = 0; i < p->r->n && p->name; i++) mb_free(p->name[i]);
    for (size_t i = 0; i < p->r->n && p->cell; i++) mb_free(p->cell[i]);
    mb_free(p->name);
    mb_free(p->cell);
    mb_str_free(&p->head[0]);
    mb_str_free(&p->head[1]);
    mb_free(p->base);
}

static mb_cost cost_of(const mb_point_result *p) { return (mb_cost){p->energy_J, p->latency_s, p->area_m2}; }

static void pad(mb_str *out, const char *text, size_t width) {
    for (size_t n = mb_text_width(text); n < width; n++) mb_str_add(out, " ");
    mb_text_short(text, width, out);
}

static const char *last_word(const char *key) {
    const char *dot = strrchr(key, '.');
    return dot ? dot + 1 : key;
}

/* Does another of the point's keys end as key k? */
static bool shares_word(const mb_point_result *p, size_t k) {
    for (size_t j = 0; j < p->n_set; j++)
        if (j != k && !strcmp(last_word(p->set[j].key), last_word(p->set[k].key))) return true;
    return false;
}

/* The two lines above a swept key: "map.weight_bits" is "weight" over "bits", "adc.bits" is "adc" over "bits"; WHOLE: "map" over "weight_bits". */
static void key_lines(const char *key, bool whole, mb_str *upper, mb_str *lower) {
    const char *tail = strrchr(key, '.'), *cut;
    tail = tail ? tail + 1 : key;
    cut = strrchr(tail, '_');
    mb_str_clear(upper);
    mb_str_clear(lower);
    if (cut && cut > tail && !whole) {
        mb_str_addn(upper, tail, (size_t)(cut - tail));
        mb_str_add(lower, cut + 1);
    } else {
        const char *up = tail > key ? tail - 1 : key;
        while (up > key && up[-1] != '.') up--;
        if (tail > key) mb_str_addn(upper, up, (size_t)(tail - 1 - up));
        mb_str_add(lower, tail);
    }
}

static int fill_cells(const mb_results *r, report *p) {
    int rc = MB_OK;
    mb_str up = {0}, low = {0}, *line = mb_calloc(r->n, sizeof *line);
    size_t total = 0, keys = r->n && mb_same_keys(r) ? r->point[0].n_set : 0;
    if (!line) return mb_nomem();
    for (size_t k = 0; k < keys; k++) {
        key_lines(r->point[0].set[k].key, shares_word(&r->point[0], k), &up, &low);
        size_t w = mb_text_width(mb_cstr(&up));
        if (mb_text_width(mb_cstr(&low)) > w) w = mb_text_width(mb_cstr(&low));
        for (size_t i = 0; i < r->n; i++) {
            size_t v = mb_text_width(r->point[i].set[k].value);
            if (v > w) w = v;
        }
        total += w + (k ? 2 : 0);
        if (total > SETTINGS_CHARS) break; /* before a long value takes memory for all rows */
        for (size_t i = 0; i < r->n; i++) {
            if (k) mb_str_add(&line[i], "  ");
            pad(&line[i], r->point[i].set[k].value, w);
        }
        for (int h = 0; h < 2; h++) {
            if (k) mb_str_add(&p->head[h], "  ");
            pad(&p->head[h], mb_cstr(h ? &low : &up), w);
        }
        if (up.failed || low.failed || p->head[0].failed || p->head[1].failed) rc = mb_nomem();
    }
    p->settings = keys > 0 && total <= SETTINGS_CHARS;
    if (!p->settings) {
        mb_str_clear(&p->head[0]);
        mb_str_clear(&p->head[1]);
        mb_str_add(&p->head[0], "point");
    }
    for (size_t i = 0; i < r->n; i++) {
        if (!p->settings) {
            mb_str_clear(&line[i]);
            mb_text_short(p->name[i], LABEL_CHARS, &line[i]);
        }
        p->cell[i] = line[i].failed ? NULL : mb_strdup(mb_cstr(&line[i]));
        if (!p->cell[i] && rc == MB_OK) rc = mb_nomem();
        mb_str_free(&line[i]);
    }
    if (rc == MB_OK && (p->head[0].failed || p->head[1].failed)) rc = mb_nomem();
    mb_str_free(&up);
    mb_str_free(&low);
    mb_free(line);
    return rc;
}

static int prepare(const mb_results *r, report *p) {
    int rc = MB_OK;
    mb_cost *cost = NULL;
    double *v = NULL;
    memset(p, 0, sizeof *p);
    p->r = r;
    p->number = r->n > 1;
    p->name = mb_calloc(r->n, sizeof *p->name);
    p->cell = mb_calloc(r->n, sizeof *p->cell);
    rc = p->name && p->cell ? mb_baseline_rows(r, &p->base, &p->n_base) : mb_nomem();
    if (rc != MB_OK) goto out;
    cost = mb_malloc(r->n + p->n_base, sizeof *cost);
    v = mb_malloc(r->n + p->n_base, sizeof *v);
    if (!cost || !v) {
        rc = mb_nomem();
        goto out;
    }
    for (size_t i = 0; i < r->n; i++) {
        const mb_point_result *q = &r->point[i];
        p->name[i] = mb_point_name(r, q);
        if (!p->name[i]) {
            rc = mb_nomem();
            goto out;
        }
        if (!isnan(q->float_accuracy) || !isnan(q->quantised_accuracy) || !isnan(q->accuracy)) p->accuracy = true;
        cost[i] = cost_of(q);
    }
    rc = fill_cells(r, p);
    for (size_t i = 0; i < p->n_base; i++) cost[r->n + i] = p->base[i].b->cost;
    p->u = choose_units(cost, r->n + p->n_base, v);
    if (p->n_base) p->one = p->base[0].b->name;
    for (size_t i = 1; i < p->n_base && p->one; i++) {
        if (strcmp(p->base[i].b->name, p->one) != 0) p->one = NULL;
    }
out:
    mb_free(cost);
    mb_free(v);
    return rc;
}

static void add_costs(mb_table *t, int *rc, const cost_units *u, const mb_cost *c) {
    add_number(t, rc, &u->energy, c->energy_J);
    add_number(t, rc, &u->latency, c->latency_s);
    add_number(t, rc, &u->area, c->area_m2);
    add_number(t, rc, &u->edap, c->energy_J * c->latency_s * c->area_m2);
}

/* Energy and EDAP of baseline NAME over those of P. */
static void add_ratios(mb_table *t, int *rc, const mb_point_result *p, const char *name) {
    const mb_baseline_result *b = mb_point_baseline(p, name);
    add_ratio(t, rc, b ? b->cost.energy_J : MB_NAN, p->energy_J);
    add_ratio(t, rc, b ? b->edap : MB_NAN, p->edap_Jsm2);
}

static void point_row(mb_table *t, int *rc, const report *rep, size_t i) {
    const mb_point_result *p = &rep->r->point[i];
    mb_cost c = cost_of(p);
    if (rep->number && *rc == MB_OK) *rc = mb_table_cellf(t, "%lld", (long long)p->index);
    add_text(t, rc, rep->cell[i]);
    if (rep->accuracy) {
        add_percent(t, rc, p->float_accuracy, 2);
        add_percent(t, rc, p->quantised_accuracy, 2);
        add_percent(t, rc, p->accuracy, 2);
        if (*rc == MB_OK && p->infeasible) {
            *rc = mb_table_cell(t, "infeasible");
        } else if (*rc == MB_OK) {
            *rc = isfinite(p->accuracy_low) && isfinite(p->accuracy_high)
                      ? mb_table_cellf(t, "%.2f..%.2f", 100 * p->accuracy_low, 100 * p->accuracy_high)
                      : mb_table_cell(t, "-");
        }
    }
    add_costs(t, rc, &rep->u, &c);
    if (rep->one) add_ratios(t, rc, p, rep->one);
}

static void baseline_row(mb_table *t, int *rc, const report *rep, const mb_baseline_row *row) {
    mb_str name = {0};
    if (row->alone) {
        mb_text_short(row->b->name, LABEL_CHARS, &name);
    } else { /* one for each precision */
        mb_text_short(row->b->name, 18, &name);
        mb_str_addf(&name, ", as %lld", (long long)row->first->index);
        if (row->points > 1) mb_str_add(&name, "..");
    }
    if (rep->number) add_text(t, rc, "");
    if (*rc == MB_OK) *rc = name.failed ? mb_nomem() : mb_table_cell(t, mb_cstr(&name));
    mb_str_free(&name);
    if (rep->accuracy) {
        add_text(t, rc, "");
        add_percent(t, rc, row->accuracy, 2);
        add_text(t, rc, "");
        add_text(t, rc, "");
    }
    add_costs(t, rc, &rep->u, &row->b->cost);
    if (rep->one) {
        add_text(t, rc, "");
        add_text(t, rc, "");
    }
}

static bool first_of_name(const report *rep, size_t i) {
    return i == 0 || strcmp(rep->base[i].b->name, rep->base[i - 1].b->name) != 0;
}

static int main_table(const report *rep, mb_str *out) {
    int rc = MB_OK;
    size_t names = 0, of_name = 0, left_out = 0;
    mb_table *t = mb_table_new();
    if (!t) return mb_nomem();
    if (rep->number) add_column(t, &rc, "#", "", MB_RIGHT);
    add_column(t, &rc, mb_cstr(&rep->head[0]), mb_cstr(&rep->head[1]), MB_LEFT);
    if (rep->accuracy) {
        add_column(t, &rc, "float", "%", MB_RIGHT);
        add_column(t, &rc, "quantised", "%", MB_RIGHT);
        add_column(t, &rc, "analog", "%", MB_RIGHT);
        add_column(t, &rc, "95 % interval", "%", MB_RIGHT);
    }
    add_column(t, &rc, "energy", rep->u.energy.u.name, MB_RIGHT);
    add_column(t, &rc, "latency", rep->u.latency.u.name, MB_RIGHT);
    add_column(t, &rc, "area", rep->u.area.u.name, MB_RIGHT);
    add_column(t, &rc, "EDAP", rep->u.edap.u.name, MB_RIGHT);
    if (rep->one) {
        add_column(t, &rc, "x less", "energy", MB_RIGHT);
        add_column(t, &rc, "x less", "EDAP", MB_RIGHT);
    }
    for (size_t i = 0; i < rep->r->n; i++) point_row(t, &rc, rep, i);
    if (rep->n_base && rc == MB_OK) rc = mb_table_rule(t);
    for (size_t i = 0; i < rep->n_base; i++) names += first_of_name(rep, i);
    for (size_t i = 0; i < rep->n_base; i++) {
        if (first_of_name(rep, i)) of_name = 0;
        if (of_name++ < (names > 3 ? 3 : BASELINE_ROWS_MAX / names)) {
            baseline_row(t, &rc, rep, &rep->base[i]);
        } else {
            left_out++;
        }
    }
    if (rc == MB_OK) mb_table_write(t, MB_TABLE_TEXT, out);
    if (left_out) mb_str_addf(out, "(and %zu more rows of baselines: --format csv has them all)\n", left_out);
    mb_table_free(t);
    return rc;
}

/* Several baselines: a table of ratios of its own, at most PER_TABLE side by side. */
static int ratio_tables(const report *rep, mb_str *out) {
    enum { PER_TABLE = 3 };
    int rc = MB_OK;
    const char *name[PER_TABLE];
    size_t at = 0;
    while (at < rep->n_base && rc == MB_OK) {
        size_t n = 0;
        for (; at < rep->n_base && n < PER_TABLE; at++) {
            if (first_of_name(rep, at)) name[n++] = rep->base[at].b->name;
        }
        if (n == 0) break;
        mb_table *t = mb_table_new();
        if (!t) return mb_nomem();
        if (rep->number) add_column(t, &rc, "#", "", MB_RIGHT);
        add_column(t, &rc, mb_cstr(&rep->head[0]), mb_cstr(&rep->head[1]), MB_LEFT);
        for (size_t k = 0; k < n; k++) {
            mb_str s = {0};
            mb_text_short(name[k], 20, &s);
            if (s.failed && rc == MB_OK) rc = mb_nomem();
            add_column(t, &rc, mb_cstr(&s), "energy", MB_RIGHT);
            add_column(t, &rc, "", "EDAP", MB_RIGHT);
            mb_str_free(&s);
        }
        for (size_t i = 0; i < rep->r->n; i++) {
            const mb_point_result *p = &rep->r->point[i];
            if (rep->number && rc == MB_OK) rc = mb_table_cellf(t, "%lld", (long long)p->index);
            add_text(t, &rc, rep->cell[i]);
            for (size_t k = 0; k < n; k++) add_ratios(t, &rc, p, name[k]);
        }
        mb_str_add(out, "\nTimes less than the baselines:\n\n");
        if (rc == MB_OK) mb_table_write(t, MB_TABLE_TEXT, out);
        mb_table_free(t);
    }
    return rc;
}

/* "1000" or "500 to 1000": the range of column values over the points; returns the largest. */
static double add_range(mb_str *out, const report *rep, size_t offset) {
    double lo = MB_INF, hi = -MB_INF;
    for (size_t i = 0; i < rep->r->n; i++) {
        double v = *(const double *)(const void *)((const char *)&rep->r->point[i] + offset);
        if (isnan(v)) continue;
        lo = v < lo ? v : lo;
        hi = v > hi ? v : hi;
    }
    if (lo > hi) lo = hi = 0;
    if (lo == hi) {
        mb_str_addf(out, "%.0f", lo);
    } else {
        mb_str_addf(out, "%.0f to %.0f", lo, hi);
    }
    return hi;
}

static void footer(const report *rep, mb_str *out) {
    size_t cut = 0;
    double draws;
    mb_str_add(out, "\n");
    for (size_t i = 0; i < rep->r->n; i++) {
        if (!rep->r->point[i].infeasible) continue;
        if (rep->number) mb_str_addf(out, "Point %lld is infeasible: ", (long long)rep->r->point[i].index);
        else mb_str_add(out, "Infeasible: ");
        mb_text_short(rep->r->point[i].infeasible, 400, out);
        mb_str_add(out, "\n");
    }
    if (rep->accuracy) {
        mb_str_add(out, "Accuracy on ");
        add_range(out, rep, offsetof(mb_point_result, samples));
        mb_str_add(out, " samples, analog the mean of ");
        draws = add_range(out, rep, offsetof(mb_point_result, trials));
        mb_str_add(out, draws > 1 ? " draws of the devices" : " draw of the devices");
        mb_str_add(out, "; quantised: the same integers without analog errors.\n");
    } else {
        mb_str_add(out, "Costs only: no accuracy was simulated.\n");
    }
    mb_str_add(out, "Energy and latency per inference, area as built; EDAP = energy x latency x area.\n");
    if (rep->one) {
        mb_str_add(out, "x less: ");
        mb_text_short(rep->one, 40, out);
        mb_str_add(out, " / point; above 1 the crossbar needs less.");
    } else if (rep->n_base) {
        mb_str_add(out, "Times less: baseline / point; above 1 the crossbar needs less.");
    }
    if (rep->n_base) mb_str_add(out, " Baselines compute the quantised network exactly.\n");
    for (size_t i = 0; i < rep->n_base; i++) {
        if (!rep->base[i].alone) {
            mb_str_add(out, "\"as N\": the baseline at the precision of point N; with \"..\" of other points, too.\n");
            break;
        }
    }
    mb_str_add(out, "From results.jsonl of the run folder; its settings are in used.cfg.\n");
    for (size_t i = 0; i < rep->r->n && !rep->settings; i++) cut += mb_text_width(rep->name[i]) > LABEL_CHARS;
    if (cut && rep->r->n <= 24) {
        mb_str_add(out, "Labels in full:\n");
        for (size_t i = 0; i < rep->r->n; i++) {
            if (mb_text_width(rep->name[i]) <= LABEL_CHARS) continue;
            mb_str_addf(out, "  %lld  ", (long long)rep->r->point[i].index);
            mb_text_short(rep->name[i], 4096, out);
            mb_str_add(out, "\n");
        }
    } else if (cut) {
        mb_str_add(out, "Labels are cut; --format csv has them in full.\n");
    }
}

/* --- breakdowns ------------------------------------------------------------------------------------------------------ */

static void part_row(mb_table *t, int *rc, const cost_units *u, const char *name, const mb_cost *c, const mb_cost *total) {
    add_short(t, rc, name, LABEL_CHARS);
    add_number(t, rc, &u->energy, c->energy_J);
    add_percent(t, rc, c->energy_J / total->energy_J, 1);
    add_number(t, rc, &u->latency, c->latency_s);
    add_percent(t, rc, c->latency_s / total->latency_s, 1);
    add_number(t, rc, &u->area, c->area_m2);
    add_percent(t, rc, c->area_m2 / total->area_m2, 1);
}

/* Components, and their total. The column's decimals come from the total: what is tiny beside it shows as 0.00. */
static int component_table(const char *title, const mb_part *part, size_t n, mb_cost total, mb_str *out) {
    int rc = MB_OK;
    double v[1];
    cost_units u = choose_units(&total, 1, v);
    mb_table *t = mb_table_new();
    if (!t) return mb_nomem();
    column_unit *c[] = {&u.energy, &u.latency, &u.area};
    for (int i = 0; i < 3; i++) c[i]->decimals += c[i]->decimals >= 0 && c[i]->decimals < 8;
    add_column(t, &rc, title, "", MB_LEFT);
    add_column(t, &rc, "energy", u.energy.u.name, MB_RIGHT);
    add_column(t, &rc, "", "%", MB_RIGHT);
    add_column(t, &rc, "latency", u.latency.u.name, MB_RIGHT);
    add_column(t, &rc, "", "%", MB_RIGHT);
    add_column(t, &rc, "area", u.area.u.name, MB_RIGHT);
    add_column(t, &rc, "", "%", MB_RIGHT);
    for (size_t i = 0; i < n; i++) part_row(t, &rc, &u, part[i].name, &part[i].cost, &total);
    if (rc == MB_OK) rc = mb_table_rule(t);
    part_row(t, &rc, &u, "total", &total, &total);
    if (rc == MB_OK) mb_table_write(t, MB_TABLE_TEXT, out);
    mb_table_free(t);
    return rc;
}

static void layer_row(mb_table *t, int *rc, const mb_layer_result *l, const column_unit *energy, double total_J) {
    bool analog = strcmp(l->engine, "analog") == 0;
    add_short(t, rc, l->name, LABEL_CHARS);
    add_text(t, rc, l->engine);
    if (*rc == MB_OK) {
        *rc = l->groups > 1 ? mb_table_cellf(t, "%lldx%lldx%lld", (long long)l->groups, (long long)l->K, (long long)l->N)
                            : mb_table_cellf(t, "%lldx%lld", (long long)l->K, (long long)l->N);
    }
    if (*rc == MB_OK) *rc = mb_table_cellf(t, "%d/%d", l->weight_bits, l->input_bits);
    if (!analog) {
        for (int i = 0; i < 4; i++) add_text(t, rc, "-");
    } else {
        if (*rc == MB_OK) *rc = mb_table_cellf(t, "%d/%d", l->cell_bits, l->dac_bits);
        if (*rc == MB_OK) *rc = mb_table_cellf(t, "%d/%d", l->adc_bits, l->adc_bits_lossless);
        if (*rc == MB_OK) *rc = mb_table_cellf(t, "%d", l->rows_active);
        if (*rc == MB_OK) *rc = mb_table_cellf(t, "%lld", (long long)l->arrays);
    }
    add_number(t, rc, energy, l->cost.energy_J);
    add_percent(t, rc, l->cost.energy_J / total_J, 1);
    if (*rc == MB_OK)
        *rc = isnan(l->snr_dB)   ? mb_table_cell(t, "-")
              : isinf(l->snr_dB) ? mb_table_cell(t, "exact")
                                 : mb_table_cellf(t, "%.1f", l->snr_dB);
    add_percent(t, rc, analog ? l->clipped : MB_NAN, 2);
    add_percent(t, rc, analog ? l->adc_occupancy : MB_NAN, 0);
}

static int layer_table(const mb_point_result *p, mb_str *out) {
    int rc = MB_OK;
    double *v = mb_malloc(p->n_layer, sizeof *v);
    mb_table *t = mb_table_new();
    if (!t || !v) {
        rc = mb_nomem();
        goto out;
    }
    for (size_t i = 0; i < p->n_layer; i++) v[i] = p->layer[i].cost.energy_J;
    column_unit energy = choose(v, p->n_layer, "J");
    for (size_t i = 1; i < p->n_layer; i++) v[0] = fmax(v[0], v[i]); /* what is tiny beside the largest shows as 0.0 */
    energy.decimals = mb_choose_decimals(v, p->n_layer > 0, energy.u.scale, 4);
    add_column(t, &rc, "layer", "", MB_LEFT);
    add_column(t, &rc, "engine", "", MB_LEFT);
    add_column(t, &rc, "matrix", "KxN", MB_RIGHT);
    add_column(t, &rc, "bits", "w/x", MB_RIGHT);
    add_column(t, &rc, "slice", "cell/DAC", MB_RIGHT);
    add_column(t, &rc, "ADC", "bits/all", MB_RIGHT);
    add_column(t, &rc, "rows", "", MB_RIGHT);
    add_column(t, &rc, "arrays", "", MB_RIGHT);
    add_column(t, &rc, "energy", energy.u.name, MB_RIGHT);
    add_column(t, &rc, "", "%", MB_RIGHT);
    add_column(t, &rc, "SNR", "dB", MB_RIGHT);
    add_column(t, &rc, "clipped", "%", MB_RIGHT);
    add_column(t, &rc, "ADC used", "%", MB_RIGHT);
    for (size_t i = 0; i < p->n_layer; i++) layer_row(t, &rc, &p->layer[i], &energy, p->energy_J);
    if (rc == MB_OK) mb_table_write(t, MB_TABLE_TEXT, out);
out:
    mb_table_free(t);
    mb_free(v);
    return rc;
}

/* What limits the machine, how often it answers, the band of its energy, what the data's activity is. */
static void add_schedule(const mb_point_result *p, mb_str *out) {
    char a[48], b[48];
    if (p->bottleneck && *p->bottleneck) {
        mb_str_add(out, "bottleneck: ");
        mb_text_short(p->bottleneck, 200, out);
        mb_str_addf(out, "; %s between samples, %.3g TOPS, %s\n", mb_fmt_si(a, p->interval_s, "s", 3), p->tops,
                    mb_fmt_si(b, p->power_W, "W", 3));
    }
    if (p->energy_high_J > p->energy_low_J)
        mb_str_addf(out, "energy %s to %s over the corners of converters and memories\n", mb_fmt_si(a, p->energy_low_J, "J", 3),
                    mb_fmt_si(b, p->energy_high_J, "J", 3));
    mb_str_addf(out, "activity of the data: %s\n",
                p->trials > 0 ? "measured in the simulation" : "estimated from weights, half of the input bits set");
}

static int details(const report *rep, mb_str *out) {
    int rc = MB_OK;
    for (size_t i = 0; i < rep->r->n && rc == MB_OK; i++) {
        const mb_point_result *p = &rep->r->point[i];
        mb_str_addf(out, "\n=== point %lld: ", (long long)p->index);
        mb_text_short(rep->name[i], 4096, out);
        mb_str_add(out, " ===\n");
        if (p->infeasible) {
            mb_str_add(out, "infeasible: ");
            mb_text_short(p->infeasible, 4096, out);
            mb_str_add(out, "\n");
            continue;
        }
        if (p->plan && *p->plan) {
            mb_str_add(out, "plan ");
            mb_text_short(p->plan, 200, out);
            double weights = 0;
            for (size_t k = 0; k < p->n_layer; k++)
                weights += (double)p->layer[k].groups * (double)p->layer[k].K * (double)p->layer[k].N;
            mb_str_addf(out, ", %.0f arrays", p->arrays);
            if (weights > 0 && isfinite(p->weight_bits))
                mb_str_addf(out, ", %.0f weights of %.3g bits on average", weights, p->weight_bits / weights);
            mb_str_addf(out, ", %.3g multiply-accumulates per inference\n", p->macs);
        }
        add_schedule(p, out);
        mb_str_add(out, "\n");
        rc = component_table("component", p->part, p->n_part, cost_of(p), out);
        if (rc == MB_OK && p->n_layer) {
            mb_str_add(out, "\n");
            rc = layer_table(p, out);
            double residual = 0;
            for (size_t k = 0; k < p->n_layer; k++) residual = fmax(residual, p->layer[k].wire_residual);
            if (residual > 0)
                mb_str_addf(out, "wires: solved to a residual of %.1e of the largest current of an array\n", residual);
        }
        for (size_t k = 0; k < p->n_baseline && rc == MB_OK; k++) {
            mb_str title = {0};
            mb_str_add(out, "\n");
            mb_text_short(p->baseline[k].name, LABEL_CHARS, &title);
            rc = title.failed
                     ? mb_nomem()
                     : component_table(mb_cstr(&title), p->baseline[k].part, p->baseline[k].n_part, p->baseline[k].cost, out);
            mb_str_free(&title);
        }
    }
    mb_str_add(out,
               "\nbits: weights / inputs. slice: bits per cell / per input cycle. ADC: its bits / bits that lose nothing. "
               "SNR: analog output against\n"
               "the exact integer product. clipped: conversions out of range. ADC used: part of the code range that occurred.\n"
               "Each count and unit cost with its source, of baselines too: `mixbar cost` with used.cfg of the run and its plan.\n");
    return rc;
}

/* The question of the experiment, in lines of at most 110 characters, and an empty line. */
static void question(const char *text, mb_str *out) {
    size_t column = 0;
    for (const char *w = text; *w;) {
        size_t n = strcspn(w, " \t\r\n");
        if (n) {
            char *word = mb_strndup(w, n);
            size_t width = word ? mb_text_width(word) : 0;
            if (!word) out->failed = 1;
            if (column && column + 1 + width > 110) {
                mb_str_add(out, "\n");
                column = 0;
            }
            if (column) mb_str_add(out, " ");
            mb_text_short(word ? word : "", width, out);
            column += width + (column > 0);
            mb_free(word);
        }
        w += n + strspn(w + n, " \t\r\n");
    }
    if (column) mb_str_add(out, "\n\n");
}

static int report_text(const mb_results *r, int detail, mb_str *out) {
    report rep;
    int rc = prepare(r, &rep);
    if (rc != MB_OK) goto out;
    if (r->name && *r->name) {
        mb_text_short(r->name, 80, out);
        mb_str_add(out, ": ");
    }
    mb_rows_title(r, out);
    mb_str_add(out, "\n\n");
    if (r->question) question(r->question, out);
    if (r->n == 0) goto out;
    rc = main_table(&rep, out);
    if (rc == MB_OK && rep.n_base && !rep.one) rc = ratio_tables(&rep, out);
    if (rc == MB_OK && rep.n_base) rc = mb_report_iso(r, out);
    if (rc == MB_OK) footer(&rep, out);
    if (rc == MB_OK) rc = mb_report_explain(r, out);
    if (rc == MB_OK && detail > 0) rc = details(&rep, out);
out:
    free_report(&rep);
    return rc;
}

int mb_results_report(const mb_results *r, mb_format f, int detail, mb_str *out) {
    int rc = MB_OK;
    switch (f) {
    case MB_FORMAT_TEXT: rc = report_text(r, detail, out); break;
    case MB_FORMAT_CSV: rc = mb_report_csv(r, out); break;
    case MB_FORMAT_JSONL:
        for (size_t i = 0; i < r->n; i++) {
            mb_point_json(&r->point[i], out);
            mb_str_add(out, "\n");
        }
        break;
    case MB_FORMAT_JSON: mb_report_json(r, out); break;
    }
    return rc == MB_OK && out->failed ? mb_nomem() : rc;
}
