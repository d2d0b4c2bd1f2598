/* page.c - a run as one HTML file (page.h)
 *
 * Text and tables are written here, so that they can be read without JavaScript; page.js sorts and filters the table and draws
 * the plots from the JSON in the file, page.css has the looks. All text that comes from files is cleaned (UTF-8 without control
 * characters) and escaped: & < > " ' in HTML, and '<' as \u003c in JSON, so that nothing can end an element. A policy in the head
 * forbids the page to load anything.
 * Numbers are those of results.jsonl in the units of the columns, with six digits. Called by the command line.
 */
#include "config.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/conf.h"
#include "base/error.h"
#include "base/file.h"
#include "base/mem.h"
#include "run/page_internal.h"
#include "run/plot_internal.h"

/* --- text ---------------------------------------------------------------------------------------------------------------- */

void mb_page_text(mb_str *out, const char *text, size_t chars) {
    mb_str clean = {0};
    mb_text_short(text, chars, &clean);
    for (const char *s = mb_cstr(&clean); *s; s++) {
        switch (*s) {
        case '&': mb_str_add(out, "&amp;"); break;
        case '<': mb_str_add(out, "&lt;"); break;
        case '>': mb_str_add(out, "&gt;"); break;
        case '"': mb_str_add(out, "&quot;"); break;
        case '\'': mb_str_add(out, "&#39;"); break;
        default: mb_str_addn(out, s, 1);
        }
    }
    if (clean.failed) out->failed = 1;
    mb_str_free(&clean);
}

void mb_page_lines(mb_str *out, const char *text) {
    for (const char *s = text; *s;) {
        const size_t n = strcspn(s, "\n");
        char *line = mb_strndup(s, n);
        if (!line) {
            out->failed = 1;
            return;
        }
        mb_page_text(out, line, SIZE_MAX);
        mb_free(line);
        s += n;
        if (*s == '\n') mb_str_add(out, "\n"), s++;
    }
}

void mb_page_unit(mb_str *out, const char *unit) { /* mb_gp_unit gives no character that needs escaping */
    mb_gp_unit(out, unit);
}

/* --- what is shown --------------------------------------------------------------------------------------------------------- */

static int choose_columns(mb_page *p) {
    const mb_results *r = p->done;
    for (const mb_column *c = mb_point_columns; c->name && p->n_column < MB_PAGE_COLUMNS; c++) {
        mb_page_column *k = &p->column[p->n_column];
        const int rc = mb_metric_new(r, c->name, &k->m);
        if (rc == MB_BADINPUT) { /* no number anywhere */
            mb_error_clear();
            continue;
        }
        if (rc) return rc;
        const size_t len = strlen(c->name);
        k->constant = true;
        double first = MB_NAN;
        for (size_t i = 0; i < r->n; i++) {
            const double v = mb_metric_at(&k->m, &r->point[i]);
            if (i == 0) first = v;
            k->constant = k->constant && (v == first || (isnan(v) && isnan(first)));
        }
        k->constant = k->constant && r->n > 1;
        static const char *const main[] = {"accuracy", "energy_J", "latency_s", "area_m2", "edap_Jsm2"};
        for (size_t i = 0; i < sizeof main / sizeof *main; i++) k->main = k->main || strcmp(c->name, main[i]) == 0;
        k->end = len > 3 && strcmp(c->name + len - 3, "_sd") == 0;
        p->n_column++;
    }
    for (size_t a = 0; a < p->n_column; a++) /* ends of intervals and bands: in the unit of the value between them */
        for (size_t b = 0; b < p->n_column; b++) {
            const mb_metric *of = &p->column[a].m;
            if (p->column[b].m.column != of->low && p->column[b].m.column != of->high) continue;
            p->column[b].end = true;
            p->column[b].m.scale = of->scale;
            snprintf(p->column[b].m.unit, sizeof p->column[b].m.unit, "%s", of->unit);
        }
    return MB_OK;
}

/* Points of the page: all, or the best trade-offs of accuracy and energy, then others spread evenly, in the order of the sweep.
 */
static int choose_points(mb_page *p) {
    const mb_results *r = p->r;
    bool *front = mb_calloc(r->n, sizeof *front);
    size_t *order = mb_malloc(r->n, sizeof *order), m = 0;
    double *cost = mb_malloc(r->n, sizeof *cost), *gain = mb_malloc(r->n, sizeof *gain);
    int rc = MB_OK;
    p->pick = mb_malloc(r->n, sizeof *p->pick);
    p->detail = mb_calloc(r->n, sizeof *p->detail);
    if (!front || !order || !cost || !gain || !p->pick || !p->detail) {
        rc = mb_nomem();
        goto out;
    }
    const bool accuracy = mb_has_accuracy(r);
    for (size_t i = 0; i < r->n; i++) {
        cost[i] = r->point[i].infeasible ? MB_NAN : r->point[i].energy_J;
        gain[i] = accuracy ? r->point[i].accuracy : -r->point[i].edap_Jsm2;
    }
    rc = mb_pareto(cost, gain, r->n, front, order, &m);
    if (rc) goto out;
    const size_t rest = r->n - m, room = MB_PAGE_POINTS > m ? MB_PAGE_POINTS - m : 0;
    for (size_t i = 0, k = 0; i < r->n; i++) {
        bool take = r->n <= MB_PAGE_POINTS || front[i];
        if (!front[i]) {
            take = take || (k * room / rest != (k + 1) * room / rest);
            k++;
        }
        if (take && p->n < MB_PAGE_POINTS) p->pick[p->n++] = i;
    }
    /* layers and plans: the front first, then the others spread evenly */
    size_t layers = 0, others = 0, step = 1;
    for (size_t k = 0; k < m && layers < MB_PAGE_LAYERS; k++) {
        p->detail[order[k]] = true;
        layers += r->point[order[k]].n_layer;
    }
    for (size_t i = 0; i < p->n; i++) others += r->point[p->pick[i]].n_layer;
    if (others > MB_PAGE_LAYERS) step = others / MB_PAGE_LAYERS + 1;
    for (size_t i = 0; i < p->n && layers < MB_PAGE_LAYERS; i += step) {
        if (p->detail[p->pick[i]]) continue;
        p->detail[p->pick[i]] = true;
        layers += r->point[p->pick[i]].n_layer;
    }
    for (size_t i = 0; i < p->n; i++) p->n_detail += p->detail[p->pick[i]];
out:
    mb_free(front);
    mb_free(order);
    mb_free(cost);
    mb_free(gain);
    return rc;
}

static int open_page(mb_page *p) {
    int rc = MB_OK;
    p->feasible = *p->r;
    p->feasible.n = 0;
    p->feasible.point = mb_malloc(p->r->n ? p->r->n : 1, sizeof *p->feasible.point);
    if (!p->feasible.point) return mb_nomem();
    for (size_t i = 0; i < p->r->n; i++) /* borrowed */
        if (!p->r->point[i].infeasible) p->feasible.point[p->feasible.n++] = p->r->point[i];
    p->done = &p->feasible;
    if (p->done->n) rc = choose_columns(p);
    if (!rc) rc = choose_points(p);
    if (rc) return rc;
    p->n_key = mb_varied_keys(p->r, p->key, MB_PAGE_KEYS);
    mb_legend_of(p->done, true, &p->legend);
    for (size_t i = 0; i < p->done->n; i++)
        for (size_t b = 0; b < p->done->point[i].n_baseline; b++) {
            size_t k = 0;
            while (k < p->n_base && strcmp(p->base[k], p->done->point[i].baseline[b].name) != 0) k++;
            if (k == p->n_base && k < MB_PAGE_BASELINES) p->base[p->n_base++] = p->done->point[i].baseline[b].name;
        }
    return rc;
}

static void close_page(mb_page *p) {
    mb_free(p->feasible.point);
    mb_free(p->pick);
    mb_free(p->detail);
}

const char *mb_page_setting(const mb_point_result *q, const char *key) {
    for (size_t k = 0; k < q->n_set; k++)
        if (strcmp(q->set[k].key, key) == 0) return q->set[k].value;
    return NULL;
}

/* --- parts of the page ------------------------------------------------------------------------------------------------------ */

static void head(const mb_page *p, mb_str *out) {
    const mb_results *r = p->r;
    const char *name = r->name && *r->name ? r->name : "run";
    size_t infeasible = r->n - p->done->n;
    mb_str_add(out, "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
                    "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
                    "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'; "
                    "script-src 'unsafe-inline'; img-src data:\">\n<meta name=\"generator\" content=\"mixbar " PACKAGE_VERSION
                    "\">\n<title>");
    mb_page_text(out, name, 80);
    mb_str_add(out, " - mixbar</title>\n<style>\n");
    mb_str_add(out, mb_page_css);
    mb_str_add(out, "</style>\n</head>\n<body>\n<a class=\"skip\" href=\"#points\">Skip to the table of points</a>\n"
                    "<header>\n<div class=\"bar\"><span class=\"brand\">mixbar</span>"
                    "<nav aria-label=\"Sections\"><a href=\"#explore\">Explore</a> <a href=\"#points\">Points</a> "
                    "<a href=\"#breakdown\">Breakdown</a> <a href=\"#layers\">Layers</a> <a href=\"#baselines\">Baselines</a> "
                    "<a href=\"#setting\">Setting</a> <a href=\"#plans\">Plans</a></nav>"
                    "<button type=\"button\" id=\"theme\" class=\"script\">Dark / light</button></div>\n<h1>");
    mb_page_text(out, name, 200);
    mb_str_add(out, "</h1>\n");
    if (r->question) {
        mb_str_add(out, "<p class=\"question\">");
        mb_page_text(out, r->question, 2000);
        mb_str_add(out, "</p>\n");
    }
    mb_str_addf(out, "<p class=\"status\">%zu point%s", r->n, r->n == 1 ? "" : "s");
    if (infeasible) mb_str_addf(out, ", %zu of them infeasible", infeasible);
    mb_str_add(out, r->complete ? "; the run is complete.</p>\n</header>\n<main>\n"
                                : "; <strong>the run is not finished</strong>.</p>\n</header>\n<main>\n");
}

static void shown(const mb_metric *m, double v, mb_str *out) {
    char text[40];
    mb_metric_text(m, v, text, sizeof text);
    mb_str_add(out, text);
    if (!*m->unit) return;
    mb_str_add(out, " <small>");
    mb_page_unit(out, m->unit);
    mb_str_add(out, "</small>");
}

/* The best point in COLUMN as a tile; the accuracy, or the energy, of that point below. */
static int tile(const mb_page *p, const char *column, const char *title, mb_str *out) {
    const mb_results *r = p->done;
    mb_metric m, other;
    size_t best = MB_NO_POINT;
    int rc = mb_metric_new(r, column, &m);
    if (rc == MB_BADINPUT) { /* no point has a number there */
        mb_error_clear();
        return MB_OK;
    }
    if (rc) return rc;
    for (size_t i = 0; i < r->n; i++) {
        const double v = mb_metric_at(&m, &r->point[i]), had = best == MB_NO_POINT ? MB_NAN : mb_metric_at(&m, &r->point[best]);
        if (isfinite(v) && (best == MB_NO_POINT || (m.more_is_better ? v > had : v < had))) best = i;
    }
    if (best == MB_NO_POINT) return MB_OK;
    const mb_point_result *q = &r->point[best];
    char *name = mb_point_name(r, q);
    if (!name) return mb_nomem();
    mb_str_addf(out, "<div class=\"tile\"><h2>%s</h2><p class=\"big\">", title);
    shown(&m, mb_metric_at(&m, q), out);
    mb_str_add(out, "</p><p>");
    if (m.low && m.percent) {
        double lo, hi;
        mb_metric_band(&m, q, &lo, &hi);
        mb_str_addf(out, "95 %% interval %.1f to %.1f %%<br>", lo, hi);
    } else if (mb_has_accuracy(r)) {
        rc = mb_metric_new(r, "accuracy", &other);
        mb_str_add(out, "at accuracy ");
        if (!rc) shown(&other, mb_metric_at(&other, q), out);
        mb_str_add(out, "<br>");
    }
    mb_page_text(out, name, 60);
    mb_str_add(out, "</p></div>\n");
    mb_free(name);
    return rc;
}

static int tiles(const mb_page *p, mb_str *out) {
    mb_str_add(out, "<section class=\"tiles\" aria-label=\"Key figures\">\n");
    int rc = tile(p, "accuracy", "Most accurate", out);
    if (!rc) rc = tile(p, "energy_J", "Least energy", out);
    if (!rc) rc = tile(p, "latency_s", "Fastest", out);
    if (!rc) rc = tile(p, "edap_Jsm2", "Least EDAP", out);
    mb_str_add(out, "</section>\n");
    return rc;
}

static void table_head(const mb_page *p, mb_str *out) {
    mb_str_add(out, "<thead><tr><th scope=\"col\" aria-sort=\"ascending\" data-k=\"i\"><button type=\"button\">#</button></th>");
    for (size_t k = 0; k < p->n_key && !p->labels; k++) {
        mb_str_addf(out, "<th scope=\"col\" data-k=\"k%zu\" title=\"", k);
        mb_page_text(out, p->key[k], 100);
        mb_str_add(out, "\"><button type=\"button\">");
        const char *dot = strrchr(p->key[k], '.');
        mb_page_text(out, dot ? dot + 1 : p->key[k], 40);
        mb_str_add(out, "</button></th>");
    }
    if (p->labels) mb_str_add(out, "<th scope=\"col\" data-k=\"l\"><button type=\"button\">point</button></th>");
    for (size_t c = 0; c < p->n_column; c++) {
        const mb_page_column *k = &p->column[c];
        if (k->constant || k->end) continue;
        mb_str_addf(out, "<th scope=\"col\" data-k=\"v%zu\" class=\"num%s\" title=\"", c, k->main ? "" : " minor");
        mb_page_text(out, k->m.column->help, 200);
        mb_str_add(out, "\"><button type=\"button\">");
        mb_page_text(out, k->m.brief, 40);
        mb_str_add(out, "</button>");
        if (*k->m.unit) {
            mb_str_add(out, "<small>");
            mb_page_unit(out, k->m.unit);
            mb_str_add(out, "</small>");
        }
        mb_str_add(out, "</th>");
    }
    mb_str_add(out, "</tr></thead>\n");
}

static int table_row(const mb_page *p, size_t i, mb_str *out) {
    const mb_point_result *q = &p->r->point[p->pick[i]];
    mb_str_addf(out, "<tr data-i=\"%zu\"><th scope=\"row\"><button type=\"button\" class=\"pick\">%lld</button></th>", i,
                (long long)q->index);
    for (size_t k = 0; k < p->n_key && !p->labels; k++) {
        const char *v = mb_page_setting(q, p->key[k]);
        mb_str_add(out, "<td>");
        mb_page_text(out, v ? v : "-", 60);
        mb_str_add(out, "</td>");
    }
    if (p->labels) {
        char *name = mb_point_name(p->r, q);
        if (!name) return mb_nomem();
        mb_str_add(out, "<td>");
        mb_page_text(out, name, 80);
        mb_str_add(out, "</td>");
        mb_free(name);
    }
    for (size_t c = 0; c < p->n_column; c++) {
        const mb_page_column *k = &p->column[c];
        char text[40];
        double lo, hi;
        if (k->constant || k->end) continue;
        mb_metric_text(&k->m, mb_metric_at(&k->m, q), text, sizeof text);
        if (q->infeasible) snprintf(text, sizeof text, "%s", k->main && c < 4 ? "infeasible" : "-");
        mb_str_addf(out, "<td class=\"num%s\">%s", k->main ? "" : " minor", text);
        mb_metric_band(&k->m, q, &lo, &hi);
        if (hi > lo && !q->infeasible) {
            mb_str_add(out, " <small>");
            mb_metric_text(&k->m, lo, text, sizeof text);
            mb_str_addf(out, "%s\xE2\x80\x93", text);
            mb_metric_text(&k->m, hi, text, sizeof text);
            mb_str_addf(out, "%s</small>", text);
        }
        mb_str_add(out, "</td>");
    }
    mb_str_add(out, "</tr>\n");
    return MB_OK;
}

static int points(const mb_page *p, mb_str *out) {
    int rc = MB_OK;
    mb_str_add(
        out,
        "<section id=\"points\"><h2>Points</h2>\n<p class=\"script tools\"><label>Filter <input id=\"filter\" type=\"search\" "
        "placeholder=\"e.g. energy&lt;500 adc_bits=8\" autocomplete=\"off\" spellcheck=\"false\"></label> "
        "<output id=\"count\" aria-live=\"polite\"></output> <label><input type=\"checkbox\" id=\"all\"> all columns</label> "
        "<button type=\"button\" id=\"csv\">Save as CSV</button></p>\n"
        "<div class=\"scroll\" tabindex=\"0\" role=\"region\" aria-label=\"Table of points\"><table id=\"table\">\n"
        "<caption>A click on a heading sorts, one on a row shows the point below.</caption>\n");
    table_head(p, out);
    mb_str_add(out, "<tbody>\n");
    for (size_t i = 0; i < p->n && !rc; i++) rc = table_row(p, i, out);
    mb_str_add(out, "</tbody></table></div>\n");
    bool any = false;
    for (size_t c = 0; c < p->n_column; c++) any = any || (p->column[c].constant && !p->column[c].end);
    if (any) {
        mb_str_add(out, "<p class=\"note\">The same for all points: ");
        bool first = true;
        for (size_t c = 0; c < p->n_column; c++) {
            const mb_page_column *k = &p->column[c];
            if (!k->constant || k->end) continue;
            if (!first) mb_str_add(out, "; ");
            first = false;
            mb_str_add(out, "<span title=\"");
            mb_page_text(out, k->m.column->help, 200);
            mb_str_add(out, "\">");
            mb_page_text(out, k->m.brief, 40);
            mb_str_add(out, " ");
            shown(&k->m, mb_metric_at(&k->m, &p->done->point[0]), out);
            mb_str_add(out, "</span>");
        }
        mb_str_add(out, ".</p>\n");
    }
    mb_str_add(out, "<div id=\"chosen\" class=\"script\" aria-live=\"polite\"></div>\n</section>\n");
    return rc;
}

static int baselines(const mb_page *p, mb_str *out) {
    static const char *const column[] = {"energy_J", "latency_s", "area_m2", "edap_Jsm2"};
    mb_metric m[4];
    mb_str_add(out, "<section id=\"baselines\"><h2>Baselines</h2>\n");
    if (!p->n_base) {
        mb_str_add(out, "<p>The experiment names no baseline (<code>against</code>).</p></section>\n");
        return MB_OK;
    }
    for (int k = 0; k < 4; k++) {
        int rc = mb_metric_new(p->done, column[k], &m[k]);
        if (rc) return rc;
    }
    mb_str_add(out,
               "<p>Machines of another kind on the same network, computing the quantised network exactly. "
               "Ratios are baseline / point over all points: above 1 the crossbars need less.</p>\n"
               "<div class=\"scroll\" tabindex=\"0\" role=\"region\" aria-label=\"Table of baselines\"><table><thead><tr><th "
               "scope=\"col\">baseline</th>");
    for (int k = 0; k < 4; k++) {
        mb_str_addf(out, "<th scope=\"col\" class=\"num\">%s <small>", m[k].brief);
        mb_page_unit(out, m[k].unit);
        mb_str_add(out, "</small></th>");
    }
    mb_str_add(
        out,
        "<th scope=\"col\" class=\"num\">energy ratio</th><th scope=\"col\" class=\"num\">EDAP ratio</th></tr></thead><tbody>\n");
    for (size_t b = 0; b < p->n_base; b++) {
        double lo[6], hi[6];
        for (int k = 0; k < 6; k++) lo[k] = MB_INF, hi[k] = -MB_INF;
        for (size_t i = 0; i < p->done->n; i++) {
            const mb_point_result *q = &p->done->point[i];
            const mb_baseline_result *w = mb_point_baseline(q, p->base[b]);
            if (!w) continue;
            for (int k = 0; k < 6; k++) {
                const double v = k < 4    ? mb_metric_of(&m[k], w)
                                 : k == 4 ? w->cost.energy_J / q->energy_J
                                          : w->edap / q->edap_Jsm2;
                if (isfinite(v)) lo[k] = fmin(lo[k], v), hi[k] = fmax(hi[k], v);
            }
        }
        mb_str_add(out, "<tr><th scope=\"row\">");
        mb_page_text(out, p->base[b], 60);
        mb_str_add(out, "</th>");
        for (int k = 0; k < 6; k++) {
            char a[40], c[40];
            if (!(hi[k] >= lo[k])) {
                mb_str_add(out, "<td class=\"num\">-</td>");
                continue;
            }
            if (k < 4) {
                mb_metric_text(&m[k], lo[k], a, sizeof a);
                mb_metric_text(&m[k], hi[k], c, sizeof c);
            } else {
                snprintf(a, sizeof a, "%.3g", lo[k]);
                snprintf(c, sizeof c, "%.3g", hi[k]);
            }
            mb_str_addf(out, "<td class=\"num\">%s", a);
            if (strcmp(a, c) != 0) mb_str_addf(out, "\xE2\x80\x93%s", c);
            mb_str_add(out, k < 4 ? "</td>" : "\xC3\x97</td>");
        }
        mb_str_add(out, "</tr>\n");
    }
    mb_str_add(out, "</tbody></table></div></section>\n");
    return MB_OK;
}

static void plots(mb_str *out) {
    mb_str_add(
        out,
        "<noscript><p class=\"note\">The plots, sorting and filtering need JavaScript; the tables do not.</p></noscript>\n"
        "<section id=\"explore\" class=\"script\"><h2>Explore</h2>\n<p class=\"tools\">"
        "<label>Across <select id=\"x\"></select></label> <label>Up <select id=\"y\"></select></label> "
        "<label>Colour <select id=\"colour\"></select></label> <label><input type=\"checkbox\" id=\"with-baselines\" checked> "
        "baselines</label></p>\n"
        "<div id=\"scatter\" class=\"plot\"></div>\n<p class=\"note\">Line: best trade-offs of the two axes. Bars: 95 % "
        "intervals, and corners of a cost where the results have them. Arrow keys move from point to point.</p></section>\n");
}

static void breakdown(mb_str *out) {
    mb_str_add(
        out,
        "<section id=\"breakdown\" class=\"script\"><h2>Breakdown by component</h2>\n<p class=\"tools\">"
        "<label>Cost <select id=\"cost\"><option value=\"0\">energy</option><option value=\"1\">latency</option>"
        "<option value=\"2\">area</option></select></label> <label><input type=\"checkbox\" id=\"share\"> shares</label></p>\n"
        "<div id=\"bars\" class=\"plot\"></div></section>\n"
        "<section id=\"layers\" class=\"script\"><h2>Layers</h2>\n<p class=\"tools\"><label>Point <select "
        "id=\"which\"></select></label></p>\n<div id=\"layer-table\" class=\"scroll\" tabindex=\"0\" role=\"region\" "
        "aria-label=\"Table of layers\"></div></section>\n");
}

static void left_out(const mb_page *p, mb_str *out) {
    const mb_results *r = p->r;
    mb_str_add(out, "<section id=\"left-out\"><h2>What was left out</h2>\n<ul>\n");
    const size_t before = out->n;
    if (!r->complete) mb_str_add(out, "<li>Points that are not finished: <code>mixbar run --resume</code> goes on.</li>\n");
    if (r->where) {
        mb_str_addf(out, "<li>%zu of %zu points: chosen were those where <code>", r->of - r->n, r->of);
        mb_page_text(out, r->where, 400);
        mb_str_add(out, "</code>.</li>\n");
    }
    if (p->n < r->n)
        mb_str_addf(out,
                    "<li>%zu of %zu points: the page holds the best trade-offs of accuracy and energy and others spread evenly; "
                    "<code>mixbar report --format csv</code> has all.</li>\n",
                    r->n - p->n, r->n);
    if (p->n_detail < p->n)
        mb_str_addf(out, "<li>Layers and plans of %zu of the %zu points shown.</li>\n", p->n - p->n_detail, p->n);
    if (p->plans_missing)
        mb_str_addf(out, "<li>%zu plans: their files are not in the run folder, or too many.</li>\n", p->plans_missing);
    for (size_t i = 0, n = 0; i < r->n && n < 20; i++) {
        if (!r->point[i].infeasible) continue;
        mb_str_addf(out, "<li>Point %lld is infeasible: ", (long long)r->point[i].index);
        mb_page_text(out, r->point[i].infeasible, 400);
        mb_str_add(out, "</li>\n");
        n++;
    }
    if (p->done->n && !mb_has_accuracy(p->done)) mb_str_add(out, "<li>Accuracy: only costs were computed.</li>\n");
    if (out->n == before) mb_str_add(out, "<li>Nothing.</li>\n");
    mb_str_add(out, "</ul></section>\n");
}

int mb_results_page(const mb_results *r, mb_str *out) {
    mb_page p = {.r = r};
    mb_str json = {0};
    int rc = r->n ? open_page(&p) : mb_fail(MB_BADINPUT, "%s: there is nothing to show: no point is finished", r->dir);
    if (rc) goto out;
    rc = mb_tagging_of(r, &p.tagging);
    if (rc) goto out;
    p.labels = !p.n_key || !p.tagging.same;
    head(&p, out);
    rc = tiles(&p, out);
    plots(out);
    if (!rc) rc = points(&p, out);
    breakdown(out);
    if (!rc && p.done->n) rc = baselines(&p, out);
    if (!rc) rc = mb_page_setting_section(&p, out);
    if (!rc) rc = mb_page_plans(&p, out);
    if (rc) goto out;
    left_out(&p, out);
    mb_str_add(out,
               "<footer><p>Energy and latency per inference, area as built; EDAP = energy \xC3\x97 latency \xC3\x97 area. "
               "Written by mixbar " PACKAGE_VERSION ".</p></footer>\n</main>\n<div id=\"tip\" role=\"status\" hidden></div>\n");
    rc = mb_page_json(&p, &json);
    if (rc) goto out;
    mb_str_add(out, "<script type=\"application/json\" id=\"data\">");
    for (const char *s = mb_cstr(&json); *s;) { /* '<' stands in strings only */
        const size_t n = strcspn(s, "<");
        mb_str_addn(out, s, n);
        s += n;
        if (*s) mb_str_add(out, "\\u003c"), s++;
    }
    mb_str_add(out, "</script>\n<script>\n");
    mb_str_add(out, mb_page_js);
    mb_str_add(out, "</script>\n</body>\n</html>\n");
    if (out->failed || json.failed) rc = mb_nomem();
out:
    mb_str_free(&json);
    close_page(&p);
    return rc;
}
