/* plot_time.c - accuracy over the time since programming, one line per setting of the other swept keys (usually the device)
 *
 * Lines end at labels on the right, in the order of the last accuracy, so that many of them can be told apart; the colour is that
 * of the family: what stands before the first '-' of the row's name. Intervals are drawn for few lines; for many their usual
 * half-width is written above the plot. Times at or below zero have no place on the logarithmic axis. Called by plot.c.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/mem.h"
#include "run/across.h"
#include "run/plot_internal.h"

#define KEY "read.time_s"
#define FONT 11.0
#define LINE_PX 15.0
#define NAME_CHARS 34
#define FEW 6 /* lines with intervals of their own */

typedef struct line {
    char *name;
    size_t row, family;
    double end, label_y; /* last accuracy in percent; pixels from below */
} line;

typedef struct picture {
    const mb_results *r;
    mb_across a;
    mb_canvas c;
    line *l;
    size_t n;
    double x0, x1, y0, y1, half_width;
} picture;

static const mb_point_result *at(const picture *p, size_t row, size_t k) {
    size_t i = p->a.at[row * p->a.n_value + k];
    bool good = i != MB_ACROSS_NONE && p->a.number[k] > 0 && isfinite(p->r->point[i].accuracy);
    return good ? &p->r->point[i] : NULL;
}

static const char *useless(const mb_results *r) {
    mb_across a;
    size_t times = 0;
    if (!mb_has_accuracy(r)) return "no accuracy was simulated (costs only)";
    if (mb_across_new(r, KEY, &a) != MB_OK) {
        mb_error_clear();
        return "read.time_s is not swept";
    }
    for (size_t k = 0; k < a.n_value; k++) times += a.number[k] > 0;
    mb_across_free(&a);
    return times > 1 ? NULL : "read.time_s takes fewer than two times above zero";
}

static int by_end(const void *x, const void *y) {
    const line *a = x, *b = y;
    if (a->end != b->end) return a->end < b->end ? 1 : -1;
    return (a->row > b->row) - (a->row < b->row);
}

static int by_value(const void *x, const void *y) {
    const double a = *(const double *)x, b = *(const double *)y;
    return (a > b) - (a < b);
}

/* Lines with their last values, ranges of the axes, the median half-width of the intervals. */
static int gather(picture *p) {
    double *half = mb_malloc(p->r->n, sizeof *half);
    size_t n_half = 0;
    p->l = mb_calloc(p->a.n_row, sizeof *p->l);
    int rc = half && p->l ? MB_OK : mb_nomem();
    p->x0 = p->y0 = MB_INF;
    p->x1 = p->y1 = -MB_INF;
    for (size_t row = 0; row < p->a.n_row && !rc; row++) {
        double end = MB_NAN;
        for (size_t k = 0; k < p->a.n_value; k++) {
            const mb_point_result *q = at(p, row, k);
            if (!q) continue;
            end = 100 * q->accuracy;
            p->x0 = fmin(p->x0, p->a.number[k]);
            p->x1 = fmax(p->x1, p->a.number[k]);
            p->y0 = fmin(p->y0, end);
            p->y1 = fmax(p->y1, end);
            if (isfinite(q->accuracy_high - q->accuracy_low)) half[n_half++] = 50 * (q->accuracy_high - q->accuracy_low);
        }
        if (!isfinite(end)) continue;
        char *name = mb_across_row_name(p->r, &p->a, KEY, row);
        if (!name) rc = mb_nomem();
        else p->l[p->n++] = (line){name, row, 0, end, 0};
    }
    if (n_half) {
        qsort(half, n_half, sizeof *half, by_value);
        p->half_width = half[n_half / 2];
    }
    if (!rc) qsort(p->l, p->n, sizeof *p->l, by_end);
    double air = fmax(0.06 * (p->y1 - p->y0), 0.5);
    p->y0 = fmax(0, p->y0 - air);
    p->y1 = fmin(100, p->y1 + air);
    mb_free(half);
    return rc;
}

/* Families in order of appearance in the table, so that colours do not depend on accuracies. */
static void choose_families(picture *p) {
    size_t n = 0;
    for (size_t row = 0; row < p->a.n_row; row++) {
        line *l = NULL;
        for (size_t i = 0; i < p->n; i++)
            if (p->l[i].row == row) l = &p->l[i];
        if (!l) continue;
        size_t len = strcspn(l->name, "-/"), k = 0;
        bool known = false;
        for (; k < p->n && !known; k++) {
            const line *o = &p->l[k];
            if (o->row < row && strcspn(o->name, "-/") == len && !strncmp(o->name, l->name, len)) {
                l->family = o->family;
                known = true;
            }
        }
        if (!known) l->family = n++;
    }
}

/* Labels from the top down, each below the one before, then pushed up from the bottom edge. */
static void place_labels(picture *p) {
    const mb_canvas *c = &p->c;
    double height = c->h - c->top - c->bottom, above = c->h - c->top + LINE_PX, lowest = c->bottom;
    for (size_t i = 0; i < p->n; i++) {
        double y = c->bottom + (p->l[i].end - p->y0) / (p->y1 - p->y0) * height;
        above = fmin(y, above - LINE_PX);
        p->l[i].label_y = above;
    }
    for (size_t i = p->n; i-- > 0;) {
        p->l[i].label_y = fmax(p->l[i].label_y, lowest);
        lowest = p->l[i].label_y + LINE_PX;
    }
}

static void add_labels(const picture *p, mb_str *out) {
    const mb_canvas *c = &p->c;
    int tag = 10;
    for (size_t i = 0; i < p->n; i++) {
        const line *l = &p->l[i];
        double y = c->bottom + (l->end - p->y0) / (p->y1 - p->y0) * (c->h - c->top - c->bottom);
        mb_gp_label(out, c, ++tag, c->w - c->right + 34, l->label_y, 'l', FONT, "#222222", l->name, NAME_CHARS);
        mb_str_addf(out, "set arrow %d from screen ", ++tag);
        mb_gp_num(out, (c->w - c->right + 3) / c->w);
        mb_str_add(out, ",");
        mb_gp_num(out, y / c->h);
        mb_str_add(out, " to screen ");
        mb_gp_num(out, (c->w - c->right + 31) / c->w);
        mb_str_add(out, ",");
        mb_gp_num(out, l->label_y / c->h);
        mb_str_addf(out, " nohead lw 1.2 lc rgb '%s'\n", mb_plot_colour(l->family));
    }
}

static void write_lines(const picture *p, mb_str *out) {
    mb_str_add(out, "# time [s], accuracy, low, high [%]\n");
    for (size_t i = 0; i < p->n; i++) {
        mb_str_addf(out, "$line%zu << EOD\n", i);
        for (size_t k = 0; k < p->a.n_value; k++) {
            const mb_point_result *q = at(p, p->l[i].row, k);
            if (!q) continue;
            const double v[] = {p->a.number[k], 100 * q->accuracy, 100 * q->accuracy_low, 100 * q->accuracy_high};
            for (int j = 0; j < 4; j++) {
                mb_gp_num(out, v[j]);
                mb_str_add(out, j < 3 ? " " : "\n");
            }
        }
        mb_str_add(out, "EOD\n");
    }
    mb_str_add(out, "plot \\\n");
    for (size_t i = 0; i < p->n; i++) {
        const char *colour = mb_plot_colour(p->l[i].family);
        if (p->n <= FEW)
            mb_str_addf(out, "  $line%zu using 1:2:3:4 with yerrorbars pt 7 ps 0 lw 0.8 lc rgb '%s', \\\n", i, colour);
        mb_str_addf(out, "  $line%zu using 1:2 with linespoints pt 7 ps 0.6 lw 1.3 lc rgb '%s'%s\n", i, colour,
                    i + 1 < p->n ? ", \\" : "");
    }
}

static void axes(const picture *p, mb_str *out) {
    mb_str_add(out, "set logscale x 10\nset xrange [");
    mb_gp_num(out, p->x0 / 1.5);
    mb_str_add(out, ":");
    mb_gp_num(out, p->x1);
    mb_str_add(out, "]\n");
    if (p->a.n_value <= 12) { /* the times themselves */
        size_t n = 0;
        char text[32];
        mb_str_add(out, "set xtics (");
        for (size_t k = 0; k < p->a.n_value; k++) {
            if (!(p->a.number[k] > 0)) continue;
            mb_str_add(out, n++ ? ", " : "");
            mb_gp_tic(out, mb_age_text(text, sizeof text, p->a.number[k]), 20, p->a.number[k]);
        }
        mb_str_add(out, ")\n");
    }
    mb_str_add(out, "set xlabel 'time after programming'\nset grid x y lt 1 lw 0.5 lc rgb '#dddddd'\nset bars 0.6\n");
    mb_gp_linear(out, "y", p->y0, p->y1, 8);
}

static int plot(const mb_plot_request *q, mb_str *out) {
    const mb_results *r = q->r;
    picture p = {.r = r};
    mb_str title = {0}, note = {0};
    int rc = mb_across_new(r, KEY, &p.a);
    if (!rc) rc = gather(&p);
    if (rc) goto out;
    double height = fmax(400, LINE_PX * (double)p.n), right = 0;
    for (size_t i = 0; i < p.n; i++) {
        size_t chars = mb_text_width(p.l[i].name);
        right = fmax(right, 48 + (double)(chars < NAME_CHARS ? chars : NAME_CHARS) * 1.12 *
                                     MB_CHAR_PX(FONT)); /* lower case and digits */
    }
    p.c = (mb_canvas){620 + 78 + right, height + 62 + 58, 78, right, 62, 58};
    choose_families(&p);
    place_labels(&p);
    mb_plot_title(&title, "Accuracy over time", r);
    if (p.n > FEW) mb_str_addf(&note, "95 %% intervals of the points: about \xC2\xB1%.1f %%", p.half_width);
    mb_gp_begin(out, q->name, &p.c, mb_cstr(&title), mb_cstr(&note));
    axes(&p, out);
    mb_gp_ylabel(out, &p.c, 3, "accuracy", "%");
    add_labels(&p, out);
    write_lines(&p, out);
    if (title.failed || note.failed) out->failed = 1;
out:
    for (size_t i = 0; i < p.n; i++) mb_free(p.l[i].name);
    mb_free(p.l);
    mb_across_free(&p.a);
    mb_str_free(&title);
    mb_str_free(&note);
    return rc;
}

static const mb_plot_kind kinds[] = {
    {"accuracy-time", "accuracy over the time since programming, a line per device (runs that sweep read.time_s)", useless, plot,
     NULL, NULL, false},
    {NULL, NULL, NULL, NULL, NULL, NULL, false},
};
const mb_plot_family mb_plot_time = {kinds};
