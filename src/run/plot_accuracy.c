/* plot_accuracy.c - accuracy against a cost: points with 95 % intervals, the float accuracy as a line, baselines at the quantised
 * accuracy, the best trade-offs as a stair
 *
 * The cost axis is logarithmic. Labels are placed here, in pixels, with axes whose ranges and margins are fixed; up to LABELS_ALL
 * points each has its label, beyond that the points of the front have theirs and the others their number in the table where there
 * is room. Of more than CROWD points only the front has intervals and labels. With `by` the values of a swept key have colours.
 * Called by plot.c.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/mem.h"
#include "run/plot_internal.h"

#define LABELS_ALL 12
#define CROWD 150
#define LABEL_CHARS 24

typedef struct mark {
    double x, y;
    size_t type;
    const char *tag;
} mark; /* a baseline */

typedef struct scatter {
    const mb_results *r;
    mb_canvas c;
    mb_metric cost;
    double x0, x1, y0, y1;
    bool log, bands;
    double *x, *y, *lo, *hi;  /* of points, in the axes' units; NaN when not to be drawn */
    double *x_lo, *x_hi;      /* bands of the cost, where the results have them */
    bool *front;
    size_t *order, n_front;
    mb_tagging tagging;
    char **tag;
    mark *base;
    size_t n_base;
    const char *type[16]; /* names of baselines */
    size_t n_type;
    double reference[4]; /* float accuracies */
    size_t n_reference;
    mb_placer place;
    int labels; /* tags of gnuplot's labels and arrows in use */
    bool coloured;
    mb_key_axis by; /* with COLOURED: the key whose values have colours */
    size_t colours; /* so many, and grey for points that do not set the key, where there are some */
} scatter;

static void free_scatter(scatter *s) {
    for (size_t i = 0; s->tag && i < s->r->n; i++) mb_free(s->tag[i]);
    mb_free(s->tag);
    mb_free(s->x);
    mb_free(s->y);
    mb_free(s->lo);
    mb_free(s->hi);
    mb_free(s->x_lo);
    mb_free(s->x_hi);
    mb_free(s->front);
    mb_free(s->order);
    mb_free(s->base);
    mb_free(s->place.box);
    if (s->coloured) mb_key_axis_free(&s->by);
}

static int by_place(const void *a, const void *b) {
    const mark *p = a, *q = b;
    if (p->type != q->type) return p->type < q->type ? -1 : 1;
    if (p->x != q->x) return p->x < q->x ? -1 : 1;
    return p->y < q->y ? -1 : p->y > q->y;
}

/* Baselines of all points, each place once. */
static int gather_baselines(scatter *s) {
    size_t all = 0, n = 0;
    for (size_t i = 0; i < s->r->n; i++) all += s->r->point[i].n_baseline;
    s->base = mb_malloc(all, sizeof *s->base);
    if (!s->base) return mb_nomem();
    for (size_t i = 0; i < s->r->n; i++) {
        const mb_point_result *p = &s->r->point[i];
        for (size_t k = 0; k < p->n_baseline; k++) {
            size_t t = 0;
            double x = mb_metric_of(&s->cost, &p->baseline[k]), y = 100 * p->quantised_accuracy;
            while (t < s->n_type && strcmp(s->type[t], p->baseline[k].name) != 0) t++;
            if (t == s->n_type && t < sizeof s->type / sizeof *s->type) s->type[s->n_type++] = p->baseline[k].name;
            if (t < s->n_type && isfinite(x) && x > 0 && isfinite(y)) s->base[s->n_base++] = (mark){x, y, t, s->tag[i]};
        }
    }
    qsort(s->base, s->n_base, sizeof *s->base, by_place);
    for (size_t i = 0; i < s->n_base; i++) {
        if (n == 0 || by_place(&s->base[n - 1], &s->base[i]) != 0) s->base[n++] = s->base[i];
    }
    s->n_base = n;
    return MB_OK;
}

static int gather(scatter *s) {
    const mb_results *r = s->r;
    int rc = mb_tagging_of(r, &s->tagging);
    if (rc) return rc;
    s->x = mb_malloc(r->n, sizeof *s->x);
    s->y = mb_malloc(r->n, sizeof *s->y);
    s->lo = mb_malloc(r->n, sizeof *s->lo);
    s->hi = mb_malloc(r->n, sizeof *s->hi);
    s->x_lo = mb_malloc(r->n, sizeof *s->x_lo);
    s->x_hi = mb_malloc(r->n, sizeof *s->x_hi);
    s->front = mb_malloc(r->n, sizeof *s->front);
    s->order = mb_malloc(r->n, sizeof *s->order);
    s->tag = mb_calloc(r->n, sizeof *s->tag);
    if (!s->x || !s->y || !s->lo || !s->hi || !s->x_lo || !s->x_hi || !s->front || !s->order || !s->tag) return mb_nomem();
    for (size_t i = 0; i < r->n; i++) {
        const mb_point_result *p = &r->point[i];
        bool good = mb_metric_at(&s->cost, p) > 0 && isfinite(p->accuracy);
        s->x[i] = good ? mb_metric_at(&s->cost, p) : MB_NAN;
        mb_metric_band(&s->cost, p, &s->x_lo[i], &s->x_hi[i]);
        if (!good || !(s->x_lo[i] > 0)) s->x_lo[i] = s->x_hi[i] = s->x[i];
        s->bands = s->bands || s->x_lo[i] < s->x_hi[i];
        s->y[i] = good ? 100 * p->accuracy : MB_NAN;
        s->lo[i] = isfinite(p->accuracy_low) ? 100 * p->accuracy_low : s->y[i];
        s->hi[i] = isfinite(p->accuracy_high) ? 100 * p->accuracy_high : s->y[i];
        s->tag[i] = mb_point_tag(r, p, &s->tagging);
        if (!s->tag[i]) return mb_nomem();
        size_t k = 0;
        while (k < s->n_reference && s->reference[k] != 100 * p->float_accuracy) k++;
        if (k == s->n_reference && k < 4 && isfinite(p->float_accuracy)) s->reference[s->n_reference++] = 100 * p->float_accuracy;
    }
    rc = mb_pareto(s->x, s->y, r->n, s->front, s->order, &s->n_front);
    return rc == MB_OK ? gather_baselines(s) : rc;
}

static void widen(double *lo, double *hi, double v) {
    if (!isfinite(v)) return;
    *lo = v < *lo ? v : *lo;
    *hi = v > *hi ? v : *hi;
}

/* Ranges of the axes: round percents; some air on both sides. */
static void choose_ranges(scatter *s) {
    double x0 = MB_INF, x1 = -MB_INF, y0 = MB_INF, y1 = -MB_INF;
    for (size_t i = 0; i < s->r->n; i++) {
        if (!isfinite(s->x[i])) continue;
        widen(&x0, &x1, s->x_lo[i]);
        widen(&x0, &x1, s->x_hi[i]);
        widen(&y0, &y1, s->lo[i]);
        widen(&y0, &y1, s->hi[i]);
    }
    for (size_t i = 0; i < s->n_base; i++) {
        widen(&x0, &x1, s->base[i].x);
        widen(&y0, &y1, s->base[i].y);
    }
    for (size_t i = 0; i < s->n_reference; i++) widen(&y0, &y1, s->reference[i]);
    double span = log10(x1 / x0), pad = 0.07 * span + 0.06;
    s->x0 = x0 * pow(10, -pad);
    s->x1 = x1 * pow(10, pad * 1.4); /* labels stand on the right more often */
    double height = y1 - y0 > 0.5 ? y1 - y0 : 0.5;
    s->y0 = fmax(0, y0 - 0.09 * height);
    s->y1 = y1 + 0.09 * height;
    if (s->y1 > 100) s->y1 = 100 + 0.03 * height; /* a bar that ends at 100 % is seen to end */
}

static double px(const scatter *s, double x) {
    double t = s->log ? log(x / s->x0) / log(s->x1 / s->x0) : (x - s->x0) / (s->x1 - s->x0);
    return s->c.left + t * (s->c.w - s->c.left - s->c.right);
}
static double py(const scatter *s, double y) {
    return s->c.bottom + (y - s->y0) / (s->y1 - s->y0) * (s->c.h - s->c.top - s->c.bottom);
}

static int add_obstacles(scatter *s) {
    int rc = MB_OK;
    const mb_canvas *c = &s->c;
    s->place.area = (mb_box){c->left + 4, c->bottom + 3, c->w - 8, c->h - c->top + 4, 0};
    for (size_t i = 0; i < s->n_reference && rc == MB_OK; i++) {
        double y = py(s, s->reference[i]);
        rc = mb_place_obstacle(&s->place, (mb_box){c->left, y - 2, c->w - c->right, y + 2, 1});
    }
    for (size_t i = 0; i < s->r->n && rc == MB_OK; i++) {
        if (!isfinite(s->x[i])) continue;
        double x = px(s, s->x[i]), y = py(s, s->y[i]);
        rc = mb_place_obstacle(&s->place, (mb_box){x - 5, y - 5, x + 5, y + 5, 1});
        if (rc == MB_OK && (s->r->n <= CROWD || s->front[i]))
            rc = mb_place_obstacle(&s->place,
                                   (mb_box){x - 2, py(s, s->lo[i]), x + 2, py(s, s->hi[i]), s->r->n <= LABELS_ALL ? 0.7 : 0.15});
        if (rc == MB_OK && s->bands && (s->r->n <= CROWD || s->front[i]))
            rc = mb_place_obstacle(&s->place,
                                   (mb_box){px(s, s->x_lo[i]), y - 2, px(s, s->x_hi[i]), y + 2, s->r->n <= LABELS_ALL ? 0.7 : 0.03});
    }
    for (size_t i = 0; i < s->n_base && rc == MB_OK; i++) {
        double x = px(s, s->base[i].x), y = py(s, s->base[i].y);
        rc = mb_place_obstacle(&s->place, (mb_box){x - 6, y - 6, x + 6, y + 6, 1});
    }
    for (size_t i = 0; i + 1 < s->n_front && rc == MB_OK; i++) { /* the stair */
        double xa = px(s, s->x[s->order[i]]), xb = px(s, s->x[s->order[i + 1]]), ya = py(s, s->y[s->order[i]]),
               yb = py(s, s->y[s->order[i + 1]]);
        rc = mb_place_obstacle(&s->place, (mb_box){xa, ya - 1, xb, ya + 1, 0.2});
        if (rc == MB_OK) rc = mb_place_obstacle(&s->place, (mb_box){xb - 1, ya, xb + 1, yb, 0.2});
    }
    return rc;
}

static int put_label(scatter *s, mb_str *out, double x, double y, double r, const char *text, double font, const char *colour,
                     bool must, const char *order) {
    mb_spot at;
    size_t n = mb_text_width(text);
    double w = (double)(n < LABEL_CHARS ? n : LABEL_CHARS) * MB_CHAR_PX(font) + 4;
    int rc = mb_place_label(&s->place, x, y, r, w, font + 3, must, order, &at);
    if (rc != MB_OK || !at.ok) return rc;
    mb_gp_label(out, &s->c, ++s->labels, at.x, at.y, at.align, font, colour, text, LABEL_CHARS);
    if (at.leader) {
        mb_str_addf(out, "set arrow %d from screen ", s->labels);
        mb_gp_num(out, at.ax / s->c.w);
        mb_str_add(out, ",");
        mb_gp_num(out, at.ay / s->c.h);
        mb_str_add(out, " to screen ");
        mb_gp_num(out, (at.x + (at.align == 'l' ? -2 : at.align == 'r' ? 2 : 0)) / s->c.w);
        mb_str_add(out, ",");
        mb_gp_num(out, (at.y - (at.align == 'c' ? (at.y > y ? 1 : -1) * (font + 3) / 2 : 0)) / s->c.h);
        mb_str_add(out, " nohead lw 0.5 lc rgb '#999999'\n");
    }
    return MB_OK;
}

/* "float 91.50 %" at an end of its line, above or below it, where there is room. */
static int label_reference(scatter *s, mb_str *out, double accuracy) {
    char text[40];
    double best = MB_INF, y = py(s, accuracy), at_x = 0, at_y = 0;
    mb_box taken = {0, 0, 0, 0, 1};
    snprintf(text, sizeof text, "float %.2f %%", accuracy);
    const double w = (double)strlen(text) * MB_CHAR_PX(11);
    for (int k = 0; k < 12; k++) { /* from the right, above before below */
        double right = s->c.w - s->c.right - 4 - (k / 2) * (s->c.w - s->c.left - s->c.right - w - 8) / 5,
               mid = y + (k % 2 ? -9 : 9);
        mb_box b = {right - w, mid - 7, right, mid + 7, 1};
        double bad = mb_place_badness(&s->place, &b) + 0.01 * k;
        if (bad < best) {
            best = bad;
            taken = b;
            at_x = right;
            at_y = mid;
        }
    }
    mb_gp_label(out, &s->c, ++s->labels, at_x, at_y, 'r', 11, "#333333", text, 30);
    return mb_place_obstacle(&s->place, taken);
}

static int add_labels(scatter *s, mb_str *out) {
    const size_t n = s->r->n;
    const bool all = n <= LABELS_ALL;
    char number[24];
    int rc = add_obstacles(s);
    s->labels = 10;
    for (size_t i = 0; i < s->n_reference && rc == MB_OK; i++) rc = label_reference(s, out, s->reference[i]);
    for (size_t i = 0; i < n && rc == MB_OK && n > 1; i++) {
        if (isfinite(s->x[i]) && (all || s->front[i]))
            rc = put_label(s, out, px(s, s->x[i]), py(s, s->y[i]), 6, s->tag[i], 11, "#000000", all,
                           all ? "64739182" : "74869132");
    }
    for (size_t i = 0; i < s->n_base && rc == MB_OK && n > 1 && s->n_base <= 8; i++) {
        bool alone =
            (i == 0 || s->base[i - 1].type != s->base[i].type) && (i + 1 == s->n_base || s->base[i + 1].type != s->base[i].type);
        if (!alone)
            rc = put_label(s, out, px(s, s->base[i].x), py(s, s->base[i].y), 7, s->base[i].tag, 11, MB_PLOT_GREY, false,
                           "63928741");
    }
    for (size_t i = 0; i < n && rc == MB_OK && !all && n <= CROWD; i++) {
        if (!isfinite(s->x[i]) || s->front[i]) continue;
        snprintf(number, sizeof number, "%lld", (long long)s->r->point[i].index);
        mb_placer *p = &s->place;
        size_t before = p->n;
        mb_spot at; /* near the mark or not at all */
        rc = mb_place_label(p, px(s, s->x[i]), py(s, s->y[i]), 4, (double)strlen(number) * MB_CHAR_PX(9) + 2, 10, false,
                            "63924187", &at);
        if (rc == MB_OK && at.ok && at.leader) p->n = before;
        if (rc == MB_OK && at.ok && !at.leader)
            mb_gp_label(out, &s->c, ++s->labels, at.x, at.y, at.align, 9, MB_PLOT_GREY, number, 20);
    }
    return rc;
}

static void write_data(const scatter *s, mb_str *out) {
    mb_str_add(out, "# cost, accuracy, low, high [%], best trade-off?, cost low, high, number of the coloured value\n$points << EOD\n");
    for (size_t i = 0; i < s->r->n; i++) {
        const double v[] = {s->x[i], s->y[i], s->lo[i], s->hi[i]};
        if (!isfinite(s->x[i])) continue;
        for (int k = 0; k < 4; k++) {
            mb_gp_num(out, v[k]);
            mb_str_add(out, " ");
        }
        mb_str_add(out, s->front[i] ? "1" : "0");
        for (int k = 0; k < 2 && s->bands; k++) {
            mb_str_add(out, " ");
            mb_gp_num(out, k ? s->x_hi[i] : s->x_lo[i]);
        }
        if (s->coloured) mb_str_addf(out, " %zu", s->by.at[i]);
        mb_str_add(out, "\n");
    }
    mb_str_add(out, "EOD\n# best trade-offs\n$front << EOD\n");
    for (size_t i = 0; i < s->n_front; i++) {
        size_t a = s->order[i];
        mb_gp_num(out, s->x[a]);
        mb_str_add(out, " ");
        mb_gp_num(out, s->y[a]);
        mb_str_add(out, "\n");
        if (i + 1 == s->n_front) break;
        mb_gp_num(out, s->x[s->order[i + 1]]);
        mb_str_add(out, " ");
        mb_gp_num(out, s->y[a]);
        mb_str_add(out, "\n");
    }
    mb_str_add(out, "EOD\n");
    for (size_t t = 0; t < s->n_type; t++) {
        mb_str_addf(out, "$baseline%zu << EOD\n", t);
        for (size_t i = 0; i < s->n_base; i++) {
            if (s->base[i].type != t) continue;
            mb_gp_num(out, s->base[i].x);
            mb_str_add(out, " ");
            mb_gp_num(out, s->base[i].y);
            mb_str_add(out, "\n");
        }
        mb_str_add(out, "EOD\n");
    }
}

/* --- the legend: entries in lines below the axes ----------------------------------------------------------------------- */

#define LEGEND_FONT 12.0
#define LEGEND_LINE 19.0

static const int base_shape[] = {13, 9, 5, 11};   /* diamond, triangle, square, triangle down */
static const size_t base_colour[] = {3, 2, 5, 1}; /* vermillion, green, purple, orange */

typedef struct entry {
    char kind;
    size_t i;
    char text[160];
    double width;
} entry; /* KIND: 'a' analog, 'f' float, 't' trade-offs, 'b' baseline I, 'v' value I of the coloured key (its number of values: grey) */

/* Values of the coloured key have full circles of their colour, as many again open ones; the rest and points that do not set it are grey. */
static const char *mark_of(size_t v, const mb_key_axis *by, int *shape) {
    const bool known = v < by->n && v < 2 * MB_COLOURS;
    *shape = known && v >= MB_COLOURS ? 6 : 7;
    return known ? mb_plot_colour(v % MB_COLOURS) : MB_PLOT_GREY;
}

static size_t legend_entries(const scatter *s, entry *e, mb_str *out) {
    size_t n = 0;
    for (size_t v = 0; s->coloured && v < s->by.n && v < 2 * MB_COLOURS; v++) {
        e[n] = (entry){.kind = 'v', .i = v};
        snprintf(e[n++].text, sizeof e->text, "%.28s", s->by.value[v]);
    }
    if (s->coloured && s->colours > s->by.n) {
        const char *dot = strrchr(s->by.key, '.');
        e[n] = (entry){.kind = 'v', .i = s->by.n};
        snprintf(e[n++].text, sizeof e->text, "%.40s not set", dot ? dot + 1 : s->by.key);
    } else if (s->coloured && s->by.n > 2 * MB_COLOURS) {
        e[n++] = (entry){.kind = 'v', .i = s->by.n, .text = "other values"};
    }
    e[n] = (entry){.kind = 'a'};
    snprintf(e[n++].text, sizeof e->text, "analog, 95 %% interval%s", s->bands ? " and corners of the cost" : "");
    if (s->n_reference) e[n++] = (entry){.kind = 'f', .text = "float network"};
    for (size_t t = 0; t < s->n_type; t++) {
        mb_str name = {0};
        mb_text_short(s->type[t], 28, &name);
        e[n] = (entry){.kind = 'b', .i = t};
        snprintf(e[n++].text, sizeof e->text, "%s", mb_cstr(&name));
        if (name.failed) out->failed = 1;
        mb_str_free(&name);
    }
    if (s->n_front > 1 && s->r->n >= 4) e[n++] = (entry){.kind = 't', .text = "best trade-offs"};
    for (size_t i = 0; i < n; i++) e[i].width = 34 + (double)mb_text_width(e[i].text) * MB_CHAR_PX(LEGEND_FONT) + 18;
    return n;
}

/* Draws, or without TAG only counts the lines. */
static size_t legend(const scatter *s, mb_str *out, int *tag) {
    entry e[24 + 2 * MB_COLOURS];
    size_t n = legend_entries(s, e, out), lines = 0;
    const double room = s->c.w - s->c.left - s->c.right;
    for (size_t i = 0; i < n; lines++) {
        double width = e[i].width, x, y = s->c.bottom - 76 - LEGEND_LINE * (double)lines;
        size_t last = i + 1;
        while (last < n && width + e[last].width <= room) width += e[last++].width;
        x = s->c.left + fmax(0, (room - width) / 2);
        for (; i < last; i++) {
            const double mid = x + 14;
            if (tag) {
                int shape = e[i].kind == 'b' ? base_shape[e[i].i % 4] : 7;
                const char *colour = e[i].kind == 'a'   ? (s->coloured ? MB_PLOT_GREY : mb_plot_colour(0))
                                     : e[i].kind == 'v' ? mark_of(e[i].i, &s->by, &shape)
                                     : e[i].kind == 'f' ? "#333333"
                                     : e[i].kind == 't' ? "#6baed6"
                                                        : mb_plot_colour(base_colour[e[i].i % 4]);
                mb_gp_label(out, &s->c, ++*tag, x + 32, y, 'l', LEGEND_FONT, "#000000", e[i].text, 60);
                if (e[i].kind == 'a' || e[i].kind == 'b' || e[i].kind == 'v') {
                    mb_str_addf(out, "set label %d '' at screen ", ++*tag);
                    mb_gp_num(out, mid / s->c.w);
                    mb_str_add(out, ",");
                    mb_gp_num(out, y / s->c.h);
                    mb_str_addf(out, " front point pt %d ps %s lc rgb '%s'\n", shape, e[i].kind == 'b' ? "1.1" : "0.9", colour);
                }
                if (e[i].kind != 'b' && e[i].kind != 'v') {
                    bool upright = e[i].kind == 'a';
                    const double v[] = {upright ? mid / s->c.w : (mid - 13) / s->c.w, upright ? (y - 7) / s->c.h : y / s->c.h,
                                        upright ? mid / s->c.w : (mid + 13) / s->c.w, upright ? (y + 7) / s->c.h : y / s->c.h};
                    mb_str_addf(out, "set arrow %d from screen ", ++*tag);
                    for (int k = 0; k < 4; k++) {
                        mb_gp_num(out, v[k]);
                        mb_str_add(out, k == 1 ? " to screen " : k == 3 ? " " : ",");
                    }
                    mb_str_addf(out, "nohead lw 1.2 %slc rgb '%s'\n", e[i].kind == 'f' ? "dt 2 " : "",
                                upright ? "#7fb3d5" : colour);
                }
            }
            x += e[i].width;
        }
    }
    return lines;
}

static void write_plot(const scatter *s, mb_str *out) {
    bool many = s->r->n > LABELS_ALL;
    mb_str_add(out, "plot \\\n");
    if (s->n_front > 1 && s->r->n >= 4) mb_str_add(out, "  $front using 1:2 with lines lw 1.6 lc rgb '#6baed6', \\\n");
    for (size_t i = 0; i < s->n_reference; i++) {
        mb_str_add(out, "  ");
        mb_gp_num(out, s->reference[i]);
        mb_str_add(out, " with lines dt 2 lw 1.2 lc rgb '#333333', \\\n");
    }
    for (size_t t = 0; t < s->n_type; t++) {
        bool any = false;
        for (size_t i = 0; i < s->n_base; i++) any = any || s->base[i].type == t;
        if (!any) continue; /* an empty block is a warning of gnuplot */
        mb_str_addf(out, "  $baseline%zu using 1:2 with points pt %d ps %s lc rgb '%s', \\\n", t, base_shape[t % 4],
                    many ? "0.8" : "1.1", mb_plot_colour(base_colour[t % 4]));
    }
    mb_str_addf(out, "  $points using 1:%s with yerrorbars pt 7 ps 0 lw %s lc rgb '%s', \\\n",
                s->r->n > CROWD ? "($5 > 0 ? $2 : NaN):3:4" : "2:3:4", many ? "0.6" : "1", many ? "#a6cbe3" : "#7fb3d5");
    if (s->bands)
        mb_str_addf(out, "  $points using 1:%s:6:7 with xerrorbars pt 7 ps 0 lw %s lc rgb '%s', \\\n",
                    s->r->n > CROWD ? "($5 > 0 ? $2 : NaN)" : "2", many ? "0.6" : "1", many ? "#a6cbe3" : "#7fb3d5");
    const char *size = s->r->n > CROWD ? "0.4" : many ? "0.65" : "0.95";
    for (size_t v = 0; s->coloured && v < s->colours; v++) {
        int shape;
        const char *colour = mark_of(v, &s->by, &shape);
        mb_str_addf(out, "  $points using 1:($%d == %zu ? $2 : NaN) with points pt %d ps %s lc rgb '%s'%s\n", s->bands ? 8 : 6, v, shape, many ? "0.8" : size, colour,
                    v + 1 < s->colours ? ", \\" : "");
    }
    if (!s->coloured) mb_str_addf(out, "  $points using 1:2 with points pt 7 ps %s lc rgb '%s'\n", size, mb_plot_colour(0));
}

static int plot(const mb_plot_request *q, mb_str *out) {
    const mb_results *r = q->r;
    mb_str title = {0}, note = {0}, label = {0}, what = {0};
    scatter s = {.r = r, .c = {900, 0, 78, 34, 62, 0}};
    int rc = mb_metric_new(r, q->kind->metric, &s.cost);
    if (rc == MB_OK && q->o.by) {
        rc = mb_key_axis_new(r, q->o.by, &s.by);
        s.coloured = rc == MB_OK;
    }
    if (rc == MB_OK) rc = gather(&s);
    if (rc != MB_OK) goto out;
    s.colours = s.by.n;
    for (size_t i = 0; s.coloured && i < r->n; i++)
        if (s.by.at[i] == s.by.n && isfinite(s.x[i])) s.colours = s.by.n + 1;
    choose_ranges(&s);
    s.c.bottom = 76 + LEGEND_LINE * (double)legend(&s, out, NULL);
    s.c.h = 410 + s.c.top + s.c.bottom;
    mb_str_addf(&what, "Accuracy and %s", s.cost.brief);
    mb_plot_title(&title, mb_cstr(&what), r);
    if (r->n > 1) {
        mb_str_add(&note, s.tagging.same ? "labels: " : "");
        mb_tag_legend(r, &s.tagging, &note);
        const char *more = r->n > CROWD        ? "intervals and labels of the best only"
                           : r->n > LABELS_ALL ? "small numbers: # in the table"
                                               : "";
        if (*more) mb_str_addf(&note, "%s%s", note.n ? "; " : "", more);
    }
    mb_gp_begin(out, q->name, &s.c, mb_cstr(&title), mb_cstr(&note));
    s.log = mb_gp_log_tics(out, "x", s.x0, s.x1);
    mb_metric_axis(&s.cost, &label);
    mb_str_add(out, "set xlabel ");
    mb_gp_text(out, mb_cstr(&label), 100);
    mb_str_add(out, "\nset grid x y lt 1 lw 0.5 lc rgb '#dddddd'\nset bars 0.6\nset xrange [");
    mb_gp_num(out, s.x0);
    mb_str_add(out, ":");
    mb_gp_num(out, s.x1);
    mb_str_add(out, "]\n");
    if (!s.log) mb_gp_linear(out, "x", s.x0, s.x1, 7);
    mb_gp_linear(out, "y", s.y0, s.y1, 8);
    mb_gp_ylabel(out, &s.c, 3, "accuracy", "%");
    rc = add_labels(&s, out);
    legend(&s, out, &s.labels);
    write_data(&s, out);
    write_plot(&s, out);
    if (title.failed || note.failed || label.failed || what.failed) out->failed = 1;
out:
    mb_str_free(&title);
    mb_str_free(&note);
    mb_str_free(&label);
    mb_str_free(&what);
    free_scatter(&s);
    return rc;
}

static const char *useless(const mb_results *r) {
    for (size_t i = 0; i < r->n; i++) {
        const mb_point_result *p = &r->point[i];
        if (isfinite(p->accuracy) && p->energy_J > 0 && p->edap_Jsm2 > 0) return NULL;
    }
    return mb_has_accuracy(r) ? "no point has a cost above zero" : "no accuracy was simulated (costs only)";
}

#define KIND(cost, column, more) {"accuracy-" cost, "accuracy over " more, useless, plot, column, "b", false}
static const mb_plot_kind kinds[] = {
    KIND("energy", "energy_J", "energy per inference: best trade-offs, 95 % intervals, float accuracy, baselines"),
    KIND("latency", "latency_s", "latency per inference"),
    KIND("area", "area_m2", "area"),
    KIND("edp", "edp_Js", "energy x latency"),
    KIND("edap", "edap_Jsm2", "energy x latency x area"),
    {NULL, NULL, NULL, NULL, NULL, NULL, false},
};
const mb_plot_family mb_plot_accuracy = {kinds};
