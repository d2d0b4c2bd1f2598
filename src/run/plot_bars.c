/* plot_bars.c - a cost by component: a stacked bar for each point, and sections of baselines to the right
 *
 * All bars have one scale, so that heights can be compared: a small baseline looks small. A bar that is far higher than all
 * points is cut off, with a gap in it and its number above. Where heights differ much a second panel shows the shares of each
 * bar. With more than BARS_WITH_BASELINES points, or many baselines, the baselines' totals are marks over the bars instead of
 * bars of their own.
 */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "base/mem.h"
#include "run/plot_internal.h"

#define BARS_WITH_BASELINES 12
#define BARS_NAMED 40
#define CROWD 150
#define NAME_CHARS 26
#define SHARES 170.0 /* height of the panel of shares, and of the gap above it */
#define GAP 22.0
#define CUT 0.94 /* a bar that is cut off ends here, part of the axis */

typedef struct bar {
    double x, total; /* place; SI number */
    const mb_part *part;
    size_t n_part;
    const char *name;
    int64_t index;
} bar;

typedef struct section {
    double x0, x1;
    const char *name;
    size_t bars;
} section;

typedef struct chart {
    const mb_results *r;
    mb_canvas c;
    double (*value)(const mb_cost *);
    const char *si;
    mb_unit_choice u;
    mb_tagging tagging;
    char **tag;
    bar *bar;
    size_t n_bar;
    section *sec;
    size_t n_sec;
    mb_baseline_row *row;
    size_t n_row;
    mb_legend legend;
    bool used[MB_LEGEND + 1]; /* legend entries that are seen; the last is "other" */
    bool shares;              /* a second panel below */
    double x1, top;           /* ends of the axes, shown units */
} chart;

static double energy_of(const mb_cost *c) { return c->energy_J; }
static double latency_of(const mb_cost *c) { return c->latency_s; }
static double area_of(const mb_cost *c) { return c->area_m2; }

static void free_chart(chart *h) {
    for (size_t i = 0; h->tag && i < h->r->n; i++) mb_free(h->tag[i]);
    mb_free(h->tag);
    mb_free(h->bar);
    mb_free(h->sec);
    mb_free(h->row);
}

static bool beside(const chart *h) { return h->r->n <= BARS_WITH_BASELINES && h->n_row > 0 && h->r->n + h->n_row <= BARS_NAMED; }

/* The number above bar B. */
static double sum_of(const chart *h, const mb_part *part, size_t n, double otherwise) {
    double s = 0;
    for (size_t i = 0; i < n; i++) s += fmax(0, h->value(&part[i].cost));
    return n ? s : otherwise;
}

static int gather(chart *h) {
    const mb_results *r = h->r;
    int rc = mb_tagging_of(r, &h->tagging);
    if (rc == MB_OK) rc = mb_baseline_rows(r, &h->row, &h->n_row);
    if (rc != MB_OK) return rc;
    h->tag = mb_calloc(r->n, sizeof *h->tag);
    h->bar = mb_calloc(r->n + h->n_row, sizeof *h->bar);
    h->sec = mb_calloc(h->n_row + 1, sizeof *h->sec);
    if (!h->tag || !h->bar || !h->sec) return mb_nomem();
    for (size_t i = 0; i < r->n; i++) {
        const mb_point_result *p = &r->point[i];
        mb_cost c = {p->energy_J, p->latency_s, p->area_m2};
        h->tag[i] = mb_point_tag(r, p, &h->tagging);
        if (!h->tag[i]) return mb_nomem();
        h->bar[h->n_bar++] =
            (bar){(double)i + 1, sum_of(h, p->part, p->n_part, h->value(&c)), p->part, p->n_part, h->tag[i], p->index};
    }
    h->sec[h->n_sec++] = (section){0.5, (double)r->n + 0.5, NULL, r->n};
    return MB_OK;
}

/* Baselines as sections to the right of the points. */
static void add_sections(chart *h) {
    for (size_t i = 0; i < h->n_row; i++) {
        const mb_baseline_row *w = &h->row[i];
        section *s = &h->sec[h->n_sec - 1];
        bool same = true; /* all of this name cost the same here, whatever else differs */
        for (size_t k = 0; k < h->n_row; k++)
            same = same && (strcmp(h->row[k].b->name, w->b->name) != 0 || h->value(&h->row[k].b->cost) == h->value(&w->b->cost));
        if (same && h->n_sec > 1 && strcmp(s->name, w->b->name) == 0) continue;
        if (h->n_sec == 1 || strcmp(s->name, w->b->name) != 0) {
            double x = s->x1 + 0.4;
            s = &h->sec[h->n_sec++];
            *s = (section){x, x, w->b->name, 0};
        }
        h->bar[h->n_bar++] = (bar){s->x1 + 0.5,  sum_of(h, w->b->part, w->b->n_part, h->value(&w->b->cost)),   w->b->part,
                                   w->b->n_part, same ? w->b->name : h->tag[(size_t)(w->first - h->r->point)], w->first->index};
        s->bars++;
        s->x1 += 1;
    }
}

static void choose_scales(chart *h) {
    double high = 0;
    for (size_t i = 0; i < h->n_bar; i++) {
        if (i < h->r->n) high = fmax(high, h->bar[i].total);
    }
    h->u = mb_choose_unit(&high, 1, h->si); /* of the highest bar: the axis is linear */
    high /= h->u.scale;
    double limit = 2.5 * high, low = high;
    for (size_t i = 0; i < h->n_bar; i++) {
        const double b = h->bar[i].total / h->u.scale;
        if (b <= limit) high = fmax(high, b);
        if (b > 0) low = fmin(low, b);
        h->shares = h->shares || b > limit;
    }
    for (size_t i = 0; i < h->n_row && !beside(h); i++) { /* marks count only when they are near */
        double b = h->value(&h->row[i].b->cost) / h->u.scale;
        if (b <= limit) high = fmax(high, b);
    }
    h->shares = (h->shares || low < high / 6) && h->n_bar <= BARS_NAMED;
    h->top = high > 0 ? high * 1.14 : 1;
    h->x1 = h->sec[h->n_sec - 1].x1 + 0.1;
}

/* --- names below the bars -------------------------------------------------------------------------------------------- */

static size_t longest_name(const chart *h) {
    size_t n = 1;
    for (size_t i = 0; i < h->n_bar; i++) {
        size_t w = mb_text_width(h->bar[i].name);
        n = w > n ? w : n;
    }
    return n < NAME_CHARS ? n : NAME_CHARS;
}

/* Room below the axes for the names; the names themselves. */
static void name_bars(chart *h, mb_str *out) {
    double slot = (h->c.w - h->c.left - h->c.right) / (h->x1 - 0.4), text = (double)longest_name(h) * MB_CHAR_PX(11);
    bool named = h->n_bar <= BARS_NAMED && h->n_bar > 1;
    int angle = !named || text + 8 <= slot ? 0 : slot >= 34 && text > 60 ? 30 : 90;
    size_t every = 1, shown = 0;
    if (!named) {
        while (slot * (double)every < 26) every = every == 1 ? 2 : every == 2 ? 5 : every * 2;
    }
    h->c.bottom = angle == 90 ? text + 34 : angle == 30 ? text * 0.5 + 42 : 46;
    if (h->n_bar == 1) h->c.bottom = 30;
    h->c.h += h->c.bottom - 46; /* the axes keep their height */
    if (h->shares) h->c.h += SHARES + GAP;
    mb_str_add(out, "set xtics scale 0 (");
    for (size_t i = 0; i < h->n_bar; i++) {
        char number[24];
        if (!named && (h->r->n == 1 ? i > 0 : i >= h->r->n || i % every != 0)) continue;
        const char *name = h->r->n == 1 && i == 0 ? "crossbars" : h->bar[i].name;
        snprintf(number, sizeof number, "%lld", (long long)h->bar[i].index);
        mb_str_add(out, shown++ ? ", " : "");
        mb_gp_tic(out, named ? name : h->r->n == 1 ? "" : number, NAME_CHARS, h->bar[i].x);
    }
    mb_str_addf(out, ") font ',11'%s\n", angle == 90 ? " rotate by 90 right" : angle == 30 ? " rotate by 30 right" : "");
    if (!named && h->r->n > 1) {
        h->c.bottom += 14;
        h->c.h += 14;
    }
    if (!named && h->r->n > 1) mb_str_add(out, "set xlabel 'point (# in the table)' font ',12'\n");
}

/* --- the picture ------------------------------------------------------------------------------------------------------ */

static double px(const chart *h, double x) { return h->c.left + (x - 0.4) / (h->x1 - 0.4) * (h->c.w - h->c.left - h->c.right); }
static double py(const chart *h, double y) { return h->c.bottom + y / h->top * (h->c.h - h->c.top - h->c.bottom); }

/* Headings of sections with several bars, and lines between sections. */
static void head_sections(const chart *h, mb_str *out, int *tag) {
    for (size_t i = 0; beside(h) && i < h->n_sec; i++) {
        const section *s = &h->sec[i];
        const double room = px(h, s->x1) - px(h, s->x0) + 0.2 * (px(h, 1) - px(h, 0));
        if (s->bars > 1)
            mb_gp_label(out, &h->c, ++*tag, (px(h, s->x0) + px(h, s->x1)) / 2, h->c.h - h->c.top + 12, 'c', 11, "#333333",
                        s->name ? s->name : "crossbars", (size_t)(room / MB_CHAR_PX(11)));
        if (i) {
            double x = (h->sec[i - 1].x1 + s->x0) / 2;
            mb_str_addf(out, "set arrow %d from ", ++*tag);
            mb_gp_num(out, x);
            mb_str_add(out, ", graph 0 to ");
            mb_gp_num(out, x);
            mb_str_add(out, ", graph 1.06 nohead lw 0.7 dt 3 lc rgb '#999999'\n");
        }
    }
}

/* Two white lines across a bar that is cut off. */
static void cut_bar(const chart *h, const bar *b, mb_str *out, int *tag) {
    for (int k = 0; k < 2; k++) {
        mb_str_addf(out, "set arrow %d from ", ++*tag);
        for (int e = 0; e < 2; e++) {
            mb_gp_num(out, b->x + (e ? 0.42 : -0.42));
            mb_str_add(out, ", ");
            mb_gp_num(out, h->top * (0.84 + 0.022 * k + 0.03 * e));
            mb_str_add(out, e ? " nohead front lw 3 lc rgb '#ffffff'\n" : " to ");
        }
    }
}

static void write_totals(const chart *h, mb_str *out, int *tag) {
    double slot = px(h, 1) - px(h, 0);
    for (size_t i = 0; i < h->n_bar && h->n_bar <= 26; i++) {
        const bar *b = &h->bar[i];
        char text[40];
        mb_metric_text(&(mb_metric){.scale = 1}, b->total / h->u.scale, text, sizeof text);
        if ((double)strlen(text) * MB_CHAR_PX(10) > slot - 3) snprintf(text, sizeof text, "%.3g", b->total / h->u.scale);
        const double y = b->total / h->u.scale;
        if (y > h->top) cut_bar(h, b, out, tag);
        if ((double)strlen(text) * MB_CHAR_PX(10) > slot - 3) continue;
        mb_gp_label(out, &h->c, ++*tag, px(h, b->x), py(h, fmin(y, CUT * h->top)) + 8, 'c', 10, "#222222", text, 20);
    }
}

/* One block per legend entry: x, x low, x high, y low, y high. Stacked in the order of the legend, the rest on top. SHARES: all
 * bars 100 high. */
static void write_stacks(chart *h, bool shares, mb_str *out) {
    const size_t n = h->legend.n + 1;
    for (size_t e = 0; e < n; e++) {
        mb_str_addf(out, "$%s%zu << EOD\n", shares ? "share" : "part", e);
        for (size_t i = 0; i < h->n_bar; i++) {
            const bar *b = &h->bar[i];
            double below = 0, mine = 0, f = shares ? 100 / b->total : 1 / h->u.scale;
            for (size_t k = 0; k < b->n_part; k++) {
                size_t q = mb_legend_find(&h->legend, b->part[k].name);
                double v = fmax(0, h->value(&b->part[k].cost)) * f;
                if (q < e) below += v;
                if (q == e) mine += v;
            }
            if (!b->n_part && e == h->legend.n) mine = b->total * f;
            if (!(mine > 0) || !isfinite(mine)) continue;
            if (mine > (shares ? 0.4 : 0.0015 * h->top)) h->used[e] = true; /* a line that is seen */
            double top = below + mine;
            if (!shares && b->total * f > h->top) { /* cut off */
                below = fmin(below, CUT * h->top);
                top = fmin(top, CUT * h->top);
            }
            const double v[] = {b->x, below, b->x - 0.38, b->x + 0.38, below, top};
            for (int k = 0; k < 6; k++) {
                mb_gp_num(out, v[k]);
                mb_str_add(out, k < 5 ? " " : "\n");
            }
        }
        mb_str_add(out, "0 -1 0 0 -1 -1\nEOD\n"); /* a line out of sight: a block must not be empty */
    }
}

static void write_marks(const chart *h, mb_str *out) {
    if (beside(h)) return;
    for (size_t i = 0, k = 0; i < h->n_row; i++) {
        if (i && strcmp(h->row[i].b->name, h->row[i - 1].b->name) == 0) continue;
        mb_str_addf(out, "$mark%zu << EOD\n", k++);
        for (size_t q = 0; q < h->r->n; q++) {
            const mb_point_result *p = &h->r->point[q];
            for (size_t b = 0; b < p->n_baseline; b++) {
                if (strcmp(p->baseline[b].name, h->row[i].b->name) != 0) continue;
                mb_gp_num(out, (double)q + 1);
                mb_str_add(out, " ");
                mb_gp_num(out, h->value(&p->baseline[b].cost) / h->u.scale);
                mb_str_add(out, "\n");
            }
        }
        mb_str_add(out, "0 -1\nEOD\n");
    }
}

static void write_plot(const chart *h, bool shares, mb_str *out) {
    static const int shape[] = {13, 9, 5, 11};
    bool first = true;
    size_t chars = (size_t)((h->c.right - 44) / MB_CHAR_PX(11));
    mb_str_add(out, "plot \\\n");
    for (size_t e = 0; e <= h->legend.n; e++) {
        if (!h->used[e]) continue;
        mb_str_addf(out, "%s  $%s%zu using 1:2:3:4:5:6 with boxxyerror ", first ? "" : ", \\\n", shares ? "share" : "part", e);
        mb_legend_style(&h->legend, e, out);
        first = false;
        if (shares) continue;
        mb_str_add(out, " title ");
        mb_gp_text(out, e < h->legend.n ? h->legend.name[e] : "other", chars);
    }
    for (size_t i = 0, k = 0; i < h->n_row && !beside(h) && !shares; i++) {
        double lo = MB_INF;
        if (i && strcmp(h->row[i].b->name, h->row[i - 1].b->name) == 0) continue;
        for (size_t q = 0; q < h->n_row; q++) {
            if (strcmp(h->row[q].b->name, h->row[i].b->name) == 0) lo = fmin(lo, h->value(&h->row[q].b->cost) / h->u.scale);
        }
        mb_str title = {0};
        mb_text_short(h->row[i].b->name, lo > h->top ? 11 : chars, &title);
        if (lo > h->top) mb_str_addf(&title, lo < 1e5 && lo >= 100 ? " (> %.0f)" : " (> %.3g)", lo);
        mb_str_addf(out, "%s  $mark%zu using 1:2 with points pt %d ps 0.9 lc rgb '#ffffff' notitle", first ? "" : ", \\\n", k,
                    shape[k % 4]);
        mb_str_addf(out, ", \\\n  $mark%zu using 1:2 with points pt %d ps 0.55 lc rgb '#000000' title ", k, shape[k % 4]);
        mb_gp_text(out, mb_cstr(&title), 40);
        if (title.failed) out->failed = 1;
        mb_str_free(&title);
        first = false;
        k++;
    }
    mb_str_add(out, "\n");
}

/* The panel of shares, below the other one. */
static void shares_panel(chart *h, mb_str *out) {
    mb_canvas low = h->c;
    low.top = h->c.h - h->c.bottom + GAP;
    low.bottom = h->c.h - low.top - SHARES;
    mb_gp_margins(out, &low);
    mb_str_add(out, "unset label\nunset arrow\nunset key\n");
    mb_gp_ylabel(out, &low, 3, "share", "%");
    mb_str_add(out, "set yrange [0:100]\nset ytics 25\n");
    write_plot(h, true, out);
}

/* ALL: how many points the run has, of which R holds those to draw. */
static int draw(const mb_plot_request *q, const mb_results *r, size_t all, mb_str *out) {
    static const struct {
        const char *column, *title, *axis, *si;
        double (*value)(const mb_cost *);
    } of[] = {{"energy_J", "Energy by component", "energy per inference", "J", energy_of},
              {"latency_s", "Latency by component", "latency per inference", "s", latency_of},
              {"area_m2", "Area by component", "area", "m2", area_of}};
    int rc = MB_OK, tag = 10;
    size_t w = 0;
    mb_str title = {0}, note = {0}, body = {0};
    while (strcmp(of[w].column, q->kind->metric) != 0) w++;
    chart h = {.r = r, .value = of[w].value, .si = of[w].si, .c = {900, 540, 84, 180, 62, 60}};
    rc = gather(&h);
    if (rc != MB_OK) goto out;
    if (beside(&h)) add_sections(&h);
    choose_scales(&h);
    mb_legend_of(r, beside(&h), &h.legend);
    if (h.n_bar > 30) h.c.w = 1200;
    mb_plot_title(&title, of[w].title, r);
    if (r->n < all) {
        mb_str_addf(&note, "%zu of %zu points, %s", r->n, all,
                    mb_has_accuracy(r) ? "from the front of accuracy and energy" : "spread over the energy");
    }
    if (h.tagging.same && h.n_bar <= BARS_NAMED) {
        mb_str_add(&note, note.n ? "; bars: " : "bars: ");
        mb_tag_legend(r, &h.tagging, &note);
    }
    for (size_t i = 0; i < h.n_bar; i++)
        if (h.bar[i].total / h.u.scale > h.top) {
            mb_str_add(&note, note.n ? "; bars with a gap are cut off" : "bars with a gap are cut off");
            break;
        }
    if (beside(&h)) h.c.top = note.n ? 80 : 66; /* headings of sections */
    name_bars(&h, &body);
    mb_gp_begin(out, q->name, &h.c, mb_cstr(&title), mb_cstr(&note));
    write_stacks(&h, false, out);
    if (h.shares) {
        write_stacks(&h, true, out);
        mb_str_add(out, "set multiplot\n");
        mb_canvas up = h.c;
        up.bottom = h.c.bottom + SHARES + GAP;
        h.c = up;
        mb_gp_margins(out, &up);
        mb_str_add(out, "set xtics scale 0 ('' 1)\n");
    } else {
        mb_str_add(out, mb_cstr(&body));
    }
    mb_gp_ylabel(out, &h.c, 3, of[w].axis, h.u.name);
    mb_str_add(out, "set xrange [0.4:");
    mb_gp_num(out, h.x1);
    mb_str_add(out, "]\n");
    mb_gp_linear(out, "y", 0, h.top, 7);
    mb_str_add(out, "set key at screen ");
    mb_gp_num(out, (h.c.w - h.c.right + 12) / h.c.w);
    mb_str_add(out, ",");
    mb_gp_num(out, (h.c.h - h.c.top) / h.c.h);
    mb_str_add(out, " left top vertical maxrows 30 Left reverse invert samplen 1.2 spacing 1.15 width -1 font ',11'\n");
    head_sections(&h, out, &tag);
    write_totals(&h, out, &tag);
    write_marks(&h, out);
    write_plot(&h, false, out);
    if (h.shares) {
        mb_str_add(out, mb_cstr(&body));
        shares_panel(&h, out);
        mb_str_add(out, "unset multiplot\n");
    }
    if (title.failed || note.failed || body.failed) out->failed = 1;
out:
    mb_str_free(&title);
    mb_str_free(&note);
    mb_str_free(&body);
    free_chart(&h);
    return rc;
}

static int plot(const mb_plot_request *q, mb_str *out) {
    size_t pick[BARS_NAMED];
    const mb_results *r = q->r;
    mb_results some = *r;
    int rc = MB_OK;
    if (r->n <= CROWD) return draw(q, r, r->n, out);
    rc = mb_pick_points(r, BARS_NAMED, pick, &some.n);
    if (rc != MB_OK) return rc;
    some.point = mb_malloc(some.n, sizeof *some.point);
    if (!some.point) return mb_nomem();
    for (size_t i = 0; i < some.n; i++) some.point[i] = r->point[pick[i]]; /* borrowed */
    rc = draw(q, &some, r->n, out);
    mb_free(some.point);
    return rc;
}

static const char *useless(const mb_results *r) {
    for (size_t i = 0; i < r->n; i++) {
        if (r->point[i].n_part) return NULL;
    }
    return "the results hold no components";
}

static const mb_plot_kind kinds[] = {
    {"energy-components", "energy per inference by component, baselines beside", useless, plot, "energy_J", NULL, false},
    {"latency-components", "latency per inference by component, baselines beside", useless, plot, "latency_s", NULL, false},
    {"area-components", "area by component, baselines beside", useless, plot, "area_m2", NULL, false},
    {NULL, NULL, NULL, NULL, NULL, NULL, false},
};
const mb_plot_family mb_plot_bars = {kinds};
