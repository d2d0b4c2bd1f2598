/* plot_costs.c - energy, latency and area of all points against each other in three panels, coloured by accuracy
 *
 * A line joins the points of which none is better in both costs of the panel; what a third cost or the accuracy says is not seen
 * by that line. Up to LABELS points have their labels. Called by plot.c.
 */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "base/mem.h"
#include "run/plot_internal.h"

#define LABELS 12
#define PANEL_W 300.0
#define PANEL_H 300.0
#define STEP 396.0 /* from panel to panel */
#define BASELINES 8

typedef struct picture {
    const mb_results *r;
    mb_canvas c;
    mb_metric cost[3], accuracy;
    bool coloured;
    double lo, hi; /* accuracies */
    mb_tagging tagging;
    char **tag;
    const char *base[BASELINES];
    size_t n_base;
    int labels;
    double *v[3], *neg; /* of the points, shown units; room */
    bool *front, lines; /* a panel has a line of trade-offs */
    size_t *order;
} picture;

static const int shape[] = {13, 9, 5, 11, 12, 8, 4, 10};
static const size_t colour[] = {3, 2, 5, 1, 3, 2, 5, 1};

static void close_picture(picture *p) {
    for (size_t i = 0; p->tag && i < p->r->n; i++) mb_free(p->tag[i]);
    for (int k = 0; k < 3; k++) mb_free(p->v[k]);
    mb_free(p->tag);
    mb_free(p->neg);
    mb_free(p->front);
    mb_free(p->order);
}

static const int pair[3][2] = {{1, 0}, {2, 0}, {2, 1}}; /* panels: horizontal, vertical */

/* The best trade-offs of two costs: p->order[0..*m-1]. */
static int front_of(picture *p, int cx, int cy, size_t *m) {
    for (size_t i = 0; i < p->r->n; i++) p->neg[i] = -p->v[cy][i];
    return mb_pareto(p->v[cx], p->neg, p->r->n, p->front, p->order, m);
}

static int open_picture(picture *p) {
    static const char *const column[] = {"energy_J", "latency_s", "area_m2"};
    const mb_results *r = p->r;
    int rc = mb_tagging_of(r, &p->tagging);
    if (rc) return rc;
    p->tag = mb_calloc(r->n, sizeof *p->tag);
    p->neg = mb_malloc(r->n, sizeof *p->neg);
    p->front = mb_malloc(r->n, sizeof *p->front);
    p->order = mb_malloc(r->n, sizeof *p->order);
    if (!p->tag || !p->neg || !p->front || !p->order) return mb_nomem();
    for (int k = 0; k < 3 && !rc; k++) {
        rc = mb_metric_new(r, column[k], &p->cost[k]);
        p->v[k] = mb_malloc(r->n, sizeof *p->v[k]);
        if (!rc && !p->v[k]) rc = mb_nomem();
        for (size_t i = 0; i < r->n && !rc; i++) {
            const double x = mb_metric_at(&p->cost[k], &r->point[i]);
            p->v[k][i] = x > 0 ? x : MB_NAN;
        }
    }
    if (rc) return rc;
    p->lo = MB_INF;
    p->hi = -MB_INF;
    if (mb_has_accuracy(r)) rc = mb_metric_new(r, "accuracy", &p->accuracy);
    for (size_t i = 0; i < r->n && !rc; i++) {
        if (p->accuracy.column && isfinite(r->point[i].accuracy)) {
            p->lo = fmin(p->lo, mb_metric_at(&p->accuracy, &r->point[i]));
            p->hi = fmax(p->hi, mb_metric_at(&p->accuracy, &r->point[i]));
        }
        if (!(p->tag[i] = mb_point_tag(r, &r->point[i], &p->tagging))) return mb_nomem();
        for (size_t b = 0; b < r->point[i].n_baseline; b++) {
            size_t k = 0;
            while (k < p->n_base && strcmp(p->base[k], r->point[i].baseline[b].name) != 0) k++;
            if (k == p->n_base && k < BASELINES) p->base[p->n_base++] = r->point[i].baseline[b].name;
        }
    }
    p->coloured = p->hi > p->lo;
    for (int k = 0; k < 3 && !rc; k++) {
        size_t m = 0;
        rc = front_of(p, pair[k][0], pair[k][1], &m);
        p->lines = p->lines || m > 1;
    }
    return rc;
}

typedef struct axis {
    double lo, hi, at, px;
    bool log;
} axis; /* AT: pixel of LO; PX: length */

static double pixel(const axis *a, double v) {
    return a->at + a->px * (a->log ? log(v / a->lo) / log(a->hi / a->lo) : (v - a->lo) / (a->hi - a->lo));
}

static axis make_axis(const picture *p, int cost, double at, double px) {
    axis a = {MB_INF, -MB_INF, at, px, true};
    for (size_t i = 0; i < p->r->n; i++) {
        if (!isfinite(p->v[0][i] + p->v[1][i] + p->v[2][i])) continue;
        a.lo = fmin(a.lo, p->v[cost][i]);
        a.hi = fmax(a.hi, p->v[cost][i]);
        for (size_t b = 0; b < p->r->point[i].n_baseline; b++) {
            const double v = mb_metric_of(&p->cost[cost], &p->r->point[i].baseline[b]);
            if (v > 0) a.lo = fmin(a.lo, v), a.hi = fmax(a.hi, v);
        }
    }
    if (!(a.hi >= a.lo)) a.lo = 1, a.hi = 10;
    const double f = pow(a.hi / a.lo, 0.08) * 1.12;
    a.lo /= f;
    a.hi *= f;
    return a;
}

static void set_axis(axis *a, const char *name, mb_str *out) {
    a->log = mb_gp_log_tics(out, name, a->lo, a->hi);
    if (!a->log) mb_str_addf(out, "unset logscale %s\n", name);
    if (!a->log) mb_gp_linear(out, name, a->lo, a->hi, 5);
    mb_str_addf(out, "set %srange [", name);
    mb_gp_num(out, a->lo);
    mb_str_add(out, ":");
    mb_gp_num(out, a->hi);
    mb_str_add(out, "]\n");
}

static int place_labels(picture *p, const axis *x, const axis *y, const double *vx, const double *vy, mb_str *out) {
    const mb_results *r = p->r;
    mb_placer place = {.area = {x->at + 2, y->at + 2, x->at + x->px + 26, y->at + y->px + 4, 0}};
    int rc = MB_OK;
    for (size_t i = 0; i < r->n && !rc; i++) {
        if (!isfinite(vx[i]) || !isfinite(vy[i])) continue;
        const double a = pixel(x, vx[i]), b = pixel(y, vy[i]);
        rc = mb_place_obstacle(&place, (mb_box){a - 5, b - 5, a + 5, b + 5, 1});
    }
    for (size_t i = 0; i < r->n && !rc; i++) {
        mb_spot s;
        const size_t chars = mb_text_width(p->tag[i]);
        if (!isfinite(vx[i]) || !isfinite(vy[i])) continue;
        rc = mb_place_label(&place, pixel(x, vx[i]), pixel(y, vy[i]), 5, (double)(chars < 16 ? chars : 16) * MB_CHAR_PX(10) + 3,
                            12, false, "64739182", &s);
        if (!rc && s.ok && !s.leader) mb_gp_label(out, &p->c, ++p->labels, s.x, s.y, s.align, 10, "#222222", p->tag[i], 16);
    }
    mb_free(place.box);
    return rc;
}

/* Costs CX and CY against each other. */
static int panel(picture *p, int index, int cx, int cy, mb_str *out) {
    const mb_results *r = p->r;
    mb_canvas c = p->c;
    mb_str label = {0};
    size_t m = 0;
    c.left = 78 + STEP * index;
    c.right = c.w - c.left - PANEL_W;
    axis x = make_axis(p, cx, c.left, PANEL_W), y = make_axis(p, cy, c.bottom, PANEL_H);
    int rc = front_of(p, cx, cy, &m);
    if (rc) return rc;
    mb_str_addf(out, "$front%d << EOD\n", index);
    for (size_t k = 0; k < m; k++) {
        if (k)
            mb_gp_num(out, p->v[cx][p->order[k]]), mb_str_add(out, " "), mb_gp_num(out, p->v[cy][p->order[k - 1]]),
                mb_str_add(out, "\n");
        mb_gp_num(out, p->v[cx][p->order[k]]);
        mb_str_add(out, " ");
        mb_gp_num(out, p->v[cy][p->order[k]]);
        mb_str_add(out, "\n");
    }
    mb_str_add(out, "EOD\n");
    mb_gp_margins(out, &c);
    set_axis(&x, "x", out);
    set_axis(&y, "y", out);
    mb_metric_axis(&p->cost[cx], &label);
    mb_str_add(out, "set xlabel ");
    mb_gp_text(out, mb_cstr(&label), 60);
    mb_str_add(out, " font ',12'\n");
    if (label.failed) out->failed = 1;
    mb_str_clear(&label);
    mb_metric_axis(&p->cost[cy], &label);
    mb_str_addf(out, "set label %d ", ++p->labels);
    mb_gp_text(out, mb_cstr(&label), 60);
    mb_str_add(out, " at screen ");
    mb_gp_num(out, (c.left - 58) / c.w);
    mb_str_add(out, ",");
    mb_gp_num(out, (c.bottom + PANEL_H / 2) / c.h);
    mb_str_add(out, " center rotate by 90 front font ',12'\n");
    if (r->n > 1 && r->n <= LABELS) rc = place_labels(p, &x, &y, p->v[cx], p->v[cy], out);
    mb_str_add(out, "plot \\\n");
    if (m > 1) mb_str_addf(out, "  $front%d using 1:2 with lines lw 1.6 lc rgb '#6baed6', \\\n", index);
    for (size_t b = 0; b < p->n_base; b++)
        mb_str_addf(out, "  $base%zu using %d:%d with points pt %d ps 1.1 lc rgb '%s', \\\n", b, cx + 1, cy + 1, shape[b],
                    mb_plot_colour(colour[b]));
    const char *size = r->n > 150 ? "0.45" : r->n > 40 ? "0.7" : "1";
    if (p->coloured)
        mb_str_addf(out,
                    "  $points using %d:%d with points pt 7 ps %s*1.25 lc rgb '#555555', \\\n"
                    "  $points using %d:%d:4 with points pt 7 ps %s lc palette\n",
                    cx + 1, cy + 1, size, cx + 1, cy + 1, size);
    else mb_str_addf(out, "  $points using %d:%d with points pt 7 ps %s lc rgb '%s'\n", cx + 1, cy + 1, size, mb_plot_colour(0));
    mb_str_add(out, "unset label\nunset arrow\nunset colorbox\n");
    if (label.failed) out->failed = 1;
    mb_str_free(&label);
    return rc;
}

static void write_data(const picture *p, mb_str *out) {
    const mb_results *r = p->r;
    mb_str_add(out, "# energy, latency, area, accuracy\n$points << EOD\n");
    for (size_t i = 0; i < r->n; i++) {
        for (int k = 0; k < 3; k++) {
            mb_gp_num(out, p->v[k][i]);
            mb_str_add(out, " ");
        }
        mb_gp_num(out, p->accuracy.column ? mb_metric_at(&p->accuracy, &r->point[i]) : 0);
        mb_str_add(out, "\n");
    }
    mb_str_add(out, "EOD\n");
    for (size_t k = 0; k < p->n_base; k++) {
        mb_str_addf(out, "$base%zu << EOD\n", k);
        for (size_t i = 0; i < r->n; i++) {
            const mb_baseline_result *b = mb_point_baseline(&r->point[i], p->base[k]);
            for (int j = 0; j < 3 && b; j++) {
                mb_gp_num(out, mb_metric_of(&p->cost[j], b));
                mb_str_add(out, j < 2 ? " " : "\n");
            }
        }
        mb_str_add(out, "EOD\n");
    }
}

/* What the marks are, in lines below the panels; returns how many. Without OUT only the number. */
static size_t legend(picture *p, mb_str *out) {
    double x = 78, y = p->c.bottom - 66;
    size_t lines = 1;
    for (size_t k = 0; k <= p->n_base + 1; k++) {
        if (k == 1 && !p->lines) continue; /* one point is the best in everything */
        const char *text = k == 0 ? "crossbars" : k == 1 ? "best trade-offs of the two costs" : p->base[k - 2];
        const size_t n = mb_text_width(text);
        const double width = 30 + (double)(n < 40 ? n : 40) * MB_CHAR_PX(12) + 18;
        if (x + width > p->c.w - 20) x = 78, y -= 19, lines++;
        if (out) {
            mb_gp_label(out, &p->c, ++p->labels, x + 24, y, 'l', 12, "#000000", text, 40);
            mb_str_addf(out, k == 1 ? "set arrow %d from screen " : "set label %d '' at screen ", ++p->labels);
            mb_gp_num(out, (k == 1 ? x - 4 : x + 10) / p->c.w);
            mb_str_add(out, ",");
            mb_gp_num(out, y / p->c.h);
            if (k == 1) {
                mb_str_add(out, " to screen ");
                mb_gp_num(out, (x + 20) / p->c.w);
                mb_str_add(out, ",");
                mb_gp_num(out, y / p->c.h);
                mb_str_add(out, " nohead lw 1.6 lc rgb '#6baed6'\n");
            } else {
                mb_str_addf(out, " front point pt %d ps 1.1 lc rgb '%s'\n", k ? shape[k - 2] : 7,
                            k             ? mb_plot_colour(colour[k - 2])
                            : p->coloured ? "#777777"
                                          : mb_plot_colour(0));
            }
        }
        x += width;
    }
    return lines;
}

static int plot(const mb_plot_request *q, mb_str *out) {
    picture p = {.r = q->r, .c = {0, 0, 78, 0, 66, 0}, .labels = 10};
    mb_str title = {0}, note = {0};
    int rc = open_picture(&p);
    if (rc) goto out;
    p.c.w = 78 + 2 * STEP + PANEL_W + (p.coloured ? 118 : 36);
    p.c.bottom = 66 + 19 * (double)legend(&p, NULL);
    p.c.h = p.c.top + PANEL_H + p.c.bottom;
    mb_plot_title(&title, "Energy, latency and area", q->r);
    if (p.coloured) mb_str_add(&note, "colour: accuracy");
    if (q->r->n > 1 && q->r->n <= LABELS && p.tagging.same) {
        mb_str_add(&note, note.n ? "; labels: " : "labels: ");
        mb_tag_legend(q->r, &p.tagging, &note);
    }
    mb_gp_begin(out, q->name, &p.c, mb_cstr(&title), mb_cstr(&note));
    write_data(&p, out);
    legend(&p, out);
    mb_gp_palette(out);
    if (p.coloured) {
        mb_str_add(out, "set cbrange [");
        mb_gp_num(out, p.lo);
        mb_str_add(out, ":");
        mb_gp_num(out, p.hi);
        mb_str_add(out, "]\nset colorbox user origin screen ");
        mb_gp_num(out, (p.c.w - 86) / p.c.w);
        mb_str_add(out, ",");
        mb_gp_num(out, p.c.bottom / p.c.h);
        mb_str_add(out, " size screen ");
        mb_gp_num(out, 14 / p.c.w);
        mb_str_add(out, ",");
        mb_gp_num(out, PANEL_H / p.c.h);
        mb_str_add(out, "\nset cbtics font ',11'\n");
        mb_gp_label(out, &p.c, ++p.labels, p.c.w - 86, p.c.bottom + PANEL_H + 14, 'l', 11, "#333333", "accuracy [%]", 20);
    }
    mb_str_add(out, "set grid x y lt 1 lw 0.5 lc rgb '#dddddd'\nset multiplot\nset tics font ',11'\n");
    for (int k = 0; k < 3 && !rc; k++) rc = panel(&p, k, pair[k][0], pair[k][1], out);
    mb_str_add(out, "unset multiplot\n");
    if (title.failed || note.failed) out->failed = 1;
out:
    mb_str_free(&title);
    mb_str_free(&note);
    close_picture(&p);
    return rc;
}

static const char *useless(const mb_results *r) {
    for (size_t i = 0; i < r->n; i++)
        if (r->point[i].energy_J > 0 && r->point[i].latency_s > 0 && r->point[i].area_m2 > 0) return NULL;
    return "no point has an energy, a latency and an area above zero";
}

static const mb_plot_kind kinds[] = {
    {"energy-delay-area", "energy, latency and area against each other in three panels, coloured by accuracy", useless, plot,
     NULL, NULL, false},
    {NULL, NULL, NULL, NULL, NULL, NULL, false},
};
const mb_plot_family mb_plot_costs = {kinds};
