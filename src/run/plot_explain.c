/* plot_explain.c - where accuracy goes: what each non-ideality costs, signal-to-noise ratios by stage, codes of the converters
 *
 * A panel per explained point, at most PANELS (the first ones; the picture says so). Called by plot.c.
 */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "base/mem.h"
#include "run/explain.h"
#include "run/plot_internal.h"

#define PANELS 4
#define GAP 34.0 /* pixels between panels: the tag of the lower one stands there */

typedef struct panels {
    const mb_point_result *p[PANELS];
    mb_tagging tagging;
    char *tag[PANELS];
    size_t n, of;
} panels;

static const char *useless(const mb_results *r) {
    for (size_t i = 0; i < r->n; i++)
        if (r->point[i].explain) return NULL;
    return "no point is explained (mixbar run EXP.cfg --resume --explain)";
}

static bool has_codes(const mb_point_result *p) {
    for (size_t k = 0; p->explain && k < p->explain->n_layer; k++)
        if (p->explain->layer[k].conversions) return true;
    return false;
}

static const char *useless_codes(const mb_results *r) {
    const char *why = useless(r);
    if (why) return why;
    for (size_t i = 0; i < r->n; i++)
        if (has_codes(&r->point[i])) return NULL;
    return "no converter of the explained points has codes";
}

static void close_panels(panels *p) {
    for (size_t i = 0; i < p->n; i++) mb_free(p->tag[i]);
}

static int open_panels(const mb_results *r, bool codes, size_t max, panels *p) {
    *p = (panels){.n = 0};
    int rc = mb_tagging_of(r, &p->tagging);
    if (rc) return rc;
    for (size_t i = 0; i < r->n; i++) {
        if (!r->point[i].explain || (codes && !has_codes(&r->point[i]))) continue;
        p->of++;
        if (p->n == max) continue;
        p->p[p->n] = &r->point[i];
        if (!(p->tag[p->n] = mb_point_tag(r, &r->point[i], &p->tagging))) return mb_nomem();
        p->n++;
    }
    return MB_OK;
}

/* Second line of the picture. */
static void note_of(const panels *p, const mb_results *r, const char *what, int64_t samples, mb_str *out) {
    const mb_explanation *e = p->p[0]->explain;
    mb_str legend = {0};
    mb_str_addf(out, "%s; %lld samples, %lld draw%s", what, (long long)samples, (long long)e->draws, e->draws == 1 ? "" : "s");
    if (r->n > 1) mb_tag_legend(r, &p->tagging, &legend);
    if (legend.n) mb_str_addf(out, "; panels: %s", mb_cstr(&legend));
    if (p->n < p->of) mb_str_addf(out, "; %zu of %zu points", p->n, p->of);
    if (legend.failed) out->failed = 1;
    mb_str_free(&legend);
}

/* Panel I of N, each H pixels high; the lowest stands C->bottom above the edge. */
static mb_canvas axes_of(const mb_canvas *c, size_t i, double h) {
    mb_canvas a = *c;
    a.top = c->top + (double)i * (h + GAP);
    a.bottom = c->h - a.top - h;
    return a;
}

static void tag_of(const panels *p, size_t i, const mb_canvas *a, int label, mb_str *out) {
    if (p->of > 1) mb_gp_label(out, a, label, a->left, a->h - a->top + 11, 'l', 11, "#000000", p->tag[i], 90);
}

/* --- what each non-ideality costs ------------------------------------------------------------------------------------------- */

static void cost_data(const mb_explanation *e, size_t panel, mb_str *out) {
    for (int side = 0; side < 2; side++) {
        mb_str_addf(out, "$c%zu_%d << EOD\n", panel, side);
        for (size_t i = 0; i < e->n_item; i++) {
            const mb_explain_item *it = &e->item[i];
            const double y = (double)(e->n_item - i) + (side ? -0.18 : 0.18);
            const double v[] = {side ? it->recovered : it->lost, side ? it->recovered_low : it->lost_low,
                                side ? it->recovered_high : it->lost_high};
            for (int k = 0; k < 3; k++) {
                mb_gp_num(out, 100 * v[k]);
                mb_str_add(out, " ");
            }
            mb_gp_num(out, y);
            mb_str_add(out, "\n");
        }
        mb_str_add(out, "EOD\n");
    }
}

static int plot_costs(const mb_plot_request *q, mb_str *out) {
    const mb_results *r = q->r;
    static const char *const title_of[] = {"lost by adding it", "recovered without it"};
    panels p;
    mb_str title = {0}, note = {0};
    mb_canvas c = {900, 0, 170, 190, 74, 58};
    double lo = 0, hi = 0;
    size_t rows = 0;
    int rc = open_panels(r, false, PANELS, &p);
    if (rc != MB_OK) goto out;
    for (size_t i = 0; i < p.n; i++) {
        const mb_explanation *e = p.p[i]->explain;
        rows = e->n_item > rows ? e->n_item : rows;
        for (size_t k = 0; k < e->n_item; k++) {
            lo = fmin(lo, 100 * fmin(e->item[k].lost_low, e->item[k].recovered_low));
            hi = fmax(hi, 100 * fmax(e->item[k].lost_high, e->item[k].recovered_high));
        }
    }
    const double h = 40.0 * (double)rows, air = 0.03 * (hi - lo) + 0.1;
    c.h = c.top + (double)p.n * h + (double)(p.n - 1) * GAP + c.bottom;
    mb_plot_title(&title, "Accuracy that each non-ideality costs", r);
    note_of(&p, r, "lines: paired 95 % intervals", p.p[0]->explain->samples, &note);
    mb_gp_begin(out, q->name, &c, mb_cstr(&title), mb_cstr(&note));
    for (size_t i = 0; i < p.n; i++) cost_data(p.p[i]->explain, i, out);
    mb_str_add(out, "set multiplot\nset grid xtics\nset arrow 1 from 0, graph 0 to 0, graph 1 nohead lw 1 lc rgb '#222222'\n");
    for (size_t i = 0; i < p.n; i++) {
        const mb_explanation *e = p.p[i]->explain;
        const mb_canvas a = axes_of(&c, i, h);
        mb_gp_margins(out, &a);
        mb_str_add(out, "set ytics scale 0 (");
        for (size_t k = 0; k < e->n_item; k++) {
            mb_str_add(out, k ? ", " : "");
            mb_gp_tic(out, e->item[k].name, 22, (double)(e->n_item - k));
        }
        mb_str_addf(out, ") font ',11'\nset yrange [0.4:%zu.6]\n", e->n_item);
        mb_gp_linear(out, "x", lo - air, hi + air, 9);
        if (i + 1 < p.n) mb_str_add(out, "set format x ''\nunset xlabel\n");
        else mb_str_add(out, "set format x '%g'\nset xtics font ',11'\nset xlabel 'accuracy [points]' font ',12'\n");
        tag_of(&p, i, &a, 40 + (int)i, out);
        if (i == 0) mb_gp_side_key(out, &c, false);
        mb_str_add(out, "plot \\\n");
        for (int side = 0; side < 2; side++) {
            mb_str_addf(out,
                        "  $c%zu_%d using (($1+0)/2):4:(abs($1)/2):(0.15) with boxxyerror lc rgb '%s' lw 0.4 fs solid 1.0 border "
                        "lc rgb '#ffffff' title ",
                        i, side, mb_plot_colour(side ? 1 : 4));
            mb_gp_text(out, title_of[side], 24);
            mb_str_addf(out, ", \\\n  $c%zu_%d using 1:4:2:3 with xerrorbars pt 0 ps 0 lw 1.2 lc rgb '#222222' notitle%s\n", i,
                        side, side ? "" : ", \\");
        }
        if (i == 0) mb_str_add(out, "unset key\n");
    }
    mb_str_add(out, "unset multiplot\n");
    if (title.failed || note.failed) out->failed = 1;
out:
    mb_str_free(&title);
    mb_str_free(&note);
    close_panels(&p);
    return rc;
}

/* --- signal-to-noise ratio, one non-ideality after the other ------------------------------------------------------------------
 */

static int snr_panel(const panels *p, size_t i, const mb_canvas *c, const mb_canvas *a, bool names, mb_str *out) {
    static const int shape[] = {7, 5, 9, 13, 11, 6, 4, 8};
    const mb_explanation *e = p->p[i]->explain;
    char **name = mb_calloc(p->p[i]->n_layer, sizeof *name);
    int rc = name ? mb_plot_layer_names(p->p[i], name) : mb_nomem();
    if (!rc) {
        mb_gp_margins(out, a);
        mb_plot_layer_tics(p->p[i], name, c->w - c->left - c->right, names, out);
        mb_gp_ylabel(out, a, 3, "SNR", "dB");
        tag_of(p, i, a, 40 + (int)i, out);
        mb_str_addf(out, "set xrange [0.4:%zu.6]\n", p->p[i]->n_layer);
        if (i == 0) mb_gp_side_key(out, a, false);
        mb_str_add(out, "plot \\\n");
        for (size_t k = 0; k < e->n_item; k++) {
            mb_str_addf(out, "  $s%zu_%zu using 1:2 with linespoints pt %d ps 0.8 lw 1.3 lc rgb '%s' title ", i, k, shape[k % 8],
                        mb_plot_colour(k));
            mb_gp_text(out, e->item[k].name, (size_t)((c->right - 50) / MB_CHAR_PX(11)));
            mb_str_add(out, k + 1 < e->n_item ? ", \\\n" : "\n");
        }
        mb_str_add(out, "unset label 3\nunset key\n");
    }
    for (size_t k = 0; name && k < p->p[i]->n_layer; k++) mb_free(name[k]);
    mb_free(name);
    return rc;
}

static int plot_snr(const mb_plot_request *q, mb_str *out) {
    const mb_results *r = q->r;
    const double h = 230;
    panels p;
    mb_str title = {0}, note = {0};
    mb_canvas c = {900, 0, 78, 200, 74, 0};
    double lo = MB_INF, hi = -MB_INF;
    bool exact = false;
    char **names = NULL;
    int rc = open_panels(r, false, PANELS, &p);
    if (rc != MB_OK) goto out;
    for (size_t i = 0; i < p.n; i++)
        for (size_t k = 0; k < p.p[i]->explain->n_layer; k++)
            for (size_t j = 0; j < p.p[i]->explain->n_item; j++) {
                const double v = p.p[i]->explain->layer[k].snr_dB[j];
                exact = exact || !isfinite(v);
                if (isfinite(v)) lo = fmin(lo, v), hi = fmax(hi, v);
            }
    if (lo > hi) lo = 0, hi = 40;
    const mb_point_result *last = p.p[p.n - 1];
    c.w = last->n_layer > 30 ? 1200 : 900;
    names = mb_calloc(last->n_layer, sizeof *names);
    rc = names ? mb_plot_layer_names(last, names) : mb_nomem();
    if (rc != MB_OK) goto out;
    c.bottom = mb_plot_layer_tics(last, names, c.w - c.left - c.right, true, NULL) + 14;
    c.h = c.top + (double)p.n * h + (double)(p.n - 1) * GAP + c.bottom;
    mb_plot_title(&title, "Signal-to-noise ratio of each layer, one non-ideality after the other", r);
    note_of(&p, r, "with all up to this one, against the float layer", p.p[0]->explain->snr_samples, &note);
    if (exact) mb_str_add(&note, "; exact: no mark");
    mb_gp_begin(out, q->name, &c, mb_cstr(&title), mb_cstr(&note));
    for (size_t i = 0; i < p.n; i++)
        for (size_t j = 0; j < p.p[i]->explain->n_item; j++) {
            mb_str_addf(out, "$s%zu_%zu << EOD\n", i, j);
            for (size_t k = 0; k < p.p[i]->explain->n_layer; k++) {
                mb_str_addf(out, "%zu ", k + 1);
                mb_gp_num(out, p.p[i]->explain->layer[k].snr_dB[j]);
                mb_str_add(out, "\n");
            }
            mb_str_add(out, "\n0 0\nEOD\n"); /* a block must hold a number */
        }
    mb_str_add(out, "set multiplot\n");
    mb_gp_linear(out, "y", lo - 0.05 * (hi - lo) - 1, hi + 0.05 * (hi - lo) + 1, 7);
    for (size_t i = 0; i < p.n && rc == MB_OK; i++) {
        const mb_canvas a = axes_of(&c, i, h);
        rc = snr_panel(&p, i, &c, &a, i + 1 == p.n, out);
    }
    mb_str_add(out, "unset multiplot\n");
    if (title.failed || note.failed) out->failed = 1;
out:
    for (size_t k = 0; names && k < p.p[p.n - 1]->n_layer; k++) mb_free(names[k]);
    mb_free(names);
    mb_str_free(&title);
    mb_str_free(&note);
    close_panels(&p);
    return rc;
}

/* --- codes of the converters
 * ------------------------------------------------------------------------------------------------------ */

/* One point: layers from top to bottom, the code range from left to right, the share of the conversions as colour. */
static int plot_codes(const mb_plot_request *q, mb_str *out) {
    const mb_results *r = q->r;
    panels p;
    mb_str title = {0}, note = {0};
    mb_canvas c = {900, 0, 170, 122, 74, 58};
    size_t rows = 0;
    char **names = NULL;
    int rc = open_panels(r, true, 1, &p);
    if (rc != MB_OK) goto out;
    const mb_point_result *a = p.p[0];
    const mb_explanation *e = a->explain;
    names = mb_calloc(a->n_layer, sizeof *names);
    rc = names ? mb_plot_layer_names(a, names) : mb_nomem();
    if (rc != MB_OK) goto out;
    for (size_t k = 0; k < e->n_layer; k++) rows += e->layer[k].conversions > 0;
    c.h = c.top + (rows < 24 ? 26.0 : rows < 60 ? 16.0 : 9.0) * (double)rows + c.bottom;
    mb_plot_title(&title, "Codes of the converters", r);
    if (r->n > 1) {
        mb_str_addf(&note, "point %lld, ", (long long)a->index);
        mb_text_short(p.tag[0], 60, &note);
        mb_str_add(&note, "; ");
    }
    mb_str_add(&note, "share of the conversions, all slices; white: never");
    mb_gp_begin(out, q->name, &c, mb_cstr(&title), mb_cstr(&note));
    mb_str_add(out, "$d << EOD\n");
    for (size_t k = 0, y = rows; k < e->n_layer; k++) {
        const mb_explain_layer *l = &e->layer[k];
        if (l->conversions == 0) continue;
        for (int b = 0; b < MB_CODE_BINS; b++) {
            if (l->code[b] == 0) continue;
            mb_gp_num(out, 100.0 * b / MB_CODE_BINS);
            mb_str_add(out, " ");
            mb_gp_num(out, 100.0 * (b + 1) / MB_CODE_BINS);
            mb_str_addf(out, " %zu ", y);
            mb_gp_num(out, log10((double)l->code[b] / (double)l->conversions));
            mb_str_add(out, "\n");
        }
        y--;
    }
    mb_str_add(out, "EOD\n");
    mb_gp_margins(out, &c);
    mb_str_add(out, "set ytics scale 0 (");
    for (size_t k = 0, y = rows; k < e->n_layer; k++) {
        if (e->layer[k].conversions == 0) continue;
        if (rows <= 60 || y % 5 == 0) {
            mb_str_add(out, y < rows ? ", " : "");
            mb_gp_tic(out, names[k], 24, (double)y);
        }
        y--;
    }
    mb_str_addf(out, ") font ',10'\nset yrange [0.4:%zu.6]\nset xrange [0:100]\nset xtics 0,10,100 font ',11'\n", rows);
    mb_str_add(out, "set xlabel 'code, part of the range [%]' font ',12'\nunset key\nunset grid\n");
    mb_str_add(out, "set cbrange [-6:0]\nset cbtics ('100 %%' 0, '10 %%' -1, '1 %%' -2, '0.1 %%' -3, '100 ppm' -4, '10 ppm' -5, "
                    "'1 ppm' -6) font ',10'\n");
    /* cividis (Nunez, Anderton, Renslow, PLoS ONE 13 (2018) e0199239, doi:10.1371/journal.pone.0199239), from light to dark */
    mb_str_add(out, "set palette defined (0 '#fee838', 1 '#cbba69', 2 '#958f78', 3 '#666970', 4 '#31446b', 5 '#00224e')\n");
    mb_str_add(out, "plot $d using (($1+$2)/2):3:1:2:($3-0.42):($3+0.42):4 with boxxyerror fs solid 1.0 noborder lc palette\n");
    if (title.failed || note.failed) out->failed = 1;
out:
    for (size_t k = 0; names && k < p.p[0]->n_layer; k++) mb_free(names[k]);
    mb_free(names);
    mb_str_free(&title);
    mb_str_free(&note);
    close_panels(&p);
    return rc;
}

static const mb_plot_kind kinds[] = {
    {"explain-costs", "accuracy that each non-ideality costs (run --explain)", useless, plot_costs, NULL, NULL, false},
    {"explain-snr", "signal-to-noise ratio of each layer, one non-ideality after the other (run --explain)", useless, plot_snr,
     NULL, NULL, false},
    {"explain-codes", "codes that the converters of each layer put out (run --explain)", useless_codes, plot_codes, NULL, NULL,
     false},
    {NULL, NULL, NULL, NULL, NULL, NULL, false},
};
const mb_plot_family mb_plot_explain = {kinds};
