/* report_iso.c - baselines at the area of the crossbar machine, and with its on-chip capacity for weights
 *
 * Two rows per point and baseline: compute resources scaled until the area is that of the point (the scale stands in its column), and the
 * machine of the file with a weight buffer that holds as many bits as the point's arrays. Ratios are baseline / point. Called by
 * report_text.c.
 */
#include <math.h>

#include "base/error.h"
#include "base/table.h"
#include "run/results_internal.h"

enum { MOST_ROWS = 48, NAME_CHARS = 24 };

static void text(mb_table *t, int *rc, const char *s) {
    if (*rc == MB_OK) *rc = mb_table_cell(t, s);
}

static void number(mb_table *t, int *rc, double x, const char *unit, double per) {
    char buf[48];
    text(t, rc, isfinite(x) ? mb_fmt_si(buf, x * per, unit, 3) : "-");
}

static void ratio(mb_table *t, int *rc, double base, double point) {
    double q = base / point;
    if (*rc == MB_OK) *rc = isfinite(q) && q > 0 ? mb_table_cellf(t, "%.3gx", q) : mb_table_cell(t, "-");
}

static void iso_row(mb_table *t, int *rc, const mb_point_result *p, const mb_baseline_result *b, const char *equal, const mb_cost *c, bool area) {
    mb_str name = {0};
    mb_text_short(b->name, NAME_CHARS, &name);
    if (*rc == MB_OK) *rc = name.failed ? mb_nomem() : mb_table_cellf(t, "%lld", (long long)p->index);
    text(t, rc, mb_cstr(&name));
    text(t, rc, equal);
    mb_str_free(&name);
    if (area && b->iso_scale > 0 && *rc == MB_OK) *rc = mb_table_cellf(t, "%.3g", b->iso_scale);
    else text(t, rc, area ? "-" : "1");
    number(t, rc, c->energy_J, "J", 1);
    number(t, rc, c->latency_s, "s", 1);
    if (*rc == MB_OK) *rc = isfinite(c->area_m2) ? mb_table_cellf(t, "%.3f mm2", 1e6 * c->area_m2) : mb_table_cell(t, "buffers alone are larger");
    ratio(t, rc, c->energy_J, p->energy_J);
    ratio(t, rc, c->latency_s, p->latency_s);
    ratio(t, rc, c->energy_J * c->latency_s * c->area_m2, p->edap_Jsm2);
}

int mb_report_iso(const mb_results *r, mb_str *out) {
    static const struct { const char *name, *under; mb_align align; } columns[] = {
        {"#", "", MB_RIGHT},       {"baseline", "", MB_LEFT}, {"at equal", "", MB_LEFT},      {"compute", "x file", MB_RIGHT}, {"energy", "", MB_RIGHT},
        {"latency", "", MB_RIGHT}, {"area", "", MB_RIGHT},    {"energy", "x less", MB_RIGHT}, {"latency", "x less", MB_RIGHT}, {"EDAP", "x less", MB_RIGHT}};
    size_t rows = 0, left_out = 0;
    mb_table *t = mb_table_new();
    int rc = t ? MB_OK : mb_nomem();
    for (size_t i = 0; i < sizeof columns / sizeof *columns && rc == MB_OK; i++)
        rc = mb_table_column(t, columns[i].name, columns[i].under, columns[i].align);
    for (size_t i = 0; i < r->n; i++) {
        const mb_point_result *p = &r->point[i];
        for (size_t k = 0; k < p->n_baseline; k++) {
            const mb_baseline_result *b = &p->baseline[k];
            if (!(b->capacity_bits > 0)) continue; /* of an older version */
            if (rows + 2 > MOST_ROWS) {
                left_out += 2;
                continue;
            }
            rows += 2;
            iso_row(t, &rc, p, b, "area", &b->iso_area, true);
            iso_row(t, &rc, p, b, "capacity", &b->iso_capacity, false);
        }
    }
    if (rc == MB_OK && rows) {
        mb_str_add(out, "\nBaselines at equal area (compute resources scaled), and at equal on-chip capacity for weights:\n\n");
        mb_table_write(t, MB_TABLE_TEXT, out);
        if (left_out) mb_str_addf(out, "(and %zu more rows: --format csv has them all)\n", left_out);
    }
    mb_table_free(t);
    return rc;
}
