/* plot_lines.c - one column of the results over a swept key, one line for each value of another
 *
 * Where further keys vary, each mark is the best point (most accurate, cheapest) of those that share its two values; the picture
 * says so. Numbers have a linear axis, or a logarithmic one when they span more than a factor LOG_SPAN; words stand side by side.
 * Called by plot.c.
 */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "base/mem.h"
#include "run/plot_internal.h"

#define LINES 10
#define LOG_SPAN 20.0
#define NAME_CHARS 22

typedef struct picture {
    const mb_results *r;
    mb_canvas c;
    mb_metric m;
    mb_key_axis x, by;
    bool lines, log_x, log_y, bands; /* lines: BY is there */
    size_t shown[LINES], n;          /* values of BY that are drawn */
    double *at;                      /* [x.n]: place on the axis */
    double y0, y1;
} picture;

/* The keys when none is asked for: the one with most values along the axis, the next one as lines. */
static int choose_keys(const mb_plot_request *q, picture *p) {
    const char *key[16];
    size_t n = mb_axis_keys(q->r, key, 16), most = 0, values[16] = {0};
    int rc = MB_OK;
    const char *x = q->o.x, *by = q->o.by;
    for (size_t i = 0; i < n && !rc; i++) {
        mb_key_axis a;
        rc = mb_key_axis_new(q->r, key[i], &a);
        if (rc) break;
        values[i] = a.n + (a.numbers ? 1000 : 0); /* numbers make better axes */
        mb_key_axis_free(&a);
        if (values[i] > values[most]) most = i;
    }
    if (rc) return rc;
    if (!x && n) x = by && strcmp(key[most], by) == 0 && n > 1 ? key[most == 0] : key[most];
    if (!x) return mb_fail(MB_BADINPUT, "%s", mb_useless_keys(q->r));
    rc = mb_key_axis_new(q->r, x, &p->x);
    if (rc) return rc;
    for (size_t i = 0; i < n && !by; i++) {
        mb_key_axis a;
        if (strcmp(key[i], p->x.key) == 0) continue;
        rc = mb_key_axis_new(q->r, key[i], &a);
        if (rc) return rc;
        size_t first[MB_AXIS_VALUES +
                     1]; /* value of A at the first point of each value of X: keys that change together tell nothing */
        bool together = true;
        for (size_t k = 0; k <= p->x.n; k++) first[k] = MB_NO_POINT;
        for (size_t k = 0; k < q->r->n && together; k++) {
            size_t *f = &first[p->x.at[k]];
            if (*f == MB_NO_POINT) *f = a.at[k];
            together = *f == a.at[k];
        }
        if (!together) by = key[i];
        mb_key_axis_free(&a);
    }
    p->lines = by != NULL;
    if (p->lines) rc = mb_key_axis_new(q->r, by, &p->by);
    if (!rc && p->lines && strcmp(p->by.key, p->x.key) == 0)
        rc = mb_fail(MB_BADINPUT, "lines: the axis and the lines are the same key %s", p->x.key);
    return rc;
}

static size_t best(const picture *p, size_t line, size_t k) {
    return mb_best_point(p->r, &p->m, &p->x, k, p->lines ? &p->by : NULL, p->lines ? p->shown[line] : 0);
}

static int measure(picture *p) {
    const size_t all = p->lines ? p->by.n : 1;
    p->n = all < LINES ? all : LINES;
    for (size_t i = 0; i < p->n; i++) p->shown[i] = p->n == 1 ? 0 : i * (all - 1) / (p->n - 1);
    p->at = mb_malloc(p->x.n, sizeof *p->at);
    if (!p->at) return mb_nomem();
    p->log_x = p->x.numbers && p->x.number[0] > 0 && p->x.number[p->x.n - 1] / p->x.number[0] > LOG_SPAN;
    for (size_t k = 0; k < p->x.n; k++) p->at[k] = p->x.numbers ? p->x.number[k] : (double)k + 1;
    p->y0 = MB_INF;
    p->y1 = -MB_INF;
    for (size_t i = 0; i < p->n; i++)
        for (size_t k = 0; k < p->x.n; k++) {
            const size_t at = best(p, i, k);
            double lo, hi;
            if (at == MB_NO_POINT) continue;
            mb_metric_band(&p->m, &p->r->point[at], &lo, &hi);
            p->bands = p->bands || hi > lo;
            p->y0 = fmin(p->y0, lo);
            p->y1 = fmax(p->y1, hi);
        }
    if (!(p->y1 >= p->y0)) return mb_fail(MB_BADINPUT, "no point has a number in the column %s", p->m.column->name);
    p->log_y = !p->m.percent && p->y0 > 0 && p->y1 / p->y0 > LOG_SPAN;
    return MB_OK;
}

/* How many points share the two values of a mark, at most. */
static int most_alike(const picture *p, size_t *most) {
    const size_t rows = p->lines ? p->by.n + 1 : 1;
    size_t *n = mb_calloc((p->x.n + 1) * rows, sizeof *n);
    if (!n) return mb_nomem();
    for (size_t i = 0; i < p->r->n; i++) {
        if (p->x.at[i] == p->x.n || (p->lines && p->by.at[i] == p->by.n)) continue;
        const size_t k = ++n[p->x.at[i] * rows + (p->lines ? p->by.at[i] : 0)];
        *most = k > *most ? k : *most;
    }
    mb_free(n);
    return MB_OK;
}

static void axes(picture *p, mb_str *out) {
    const double first = p->at[0], last = p->at[p->x.n - 1], slot = (p->c.w - p->c.left - p->c.right) / (double)(p->x.n + 1);
    mb_str label = {0};
    char text[32];
    double x0 = first, x1 = last;
    if (p->log_x) {
        const double f = pow(last / first, 0.05);
        x0 /= f;
        x1 *= f;
    } else {
        const double air = p->x.numbers ? 0.05 * (last > first ? last - first : 1) : 0.6;
        x0 -= air;
        x1 += air;
    }
    bool own = p->x.n <= 16; /* tics at the values themselves */
    double gap = MB_INF, widest = 0;
    for (size_t k = 0; k < p->x.n; k++) {
        const double t = p->log_x ? log(p->at[k]) / log(x1 / x0) : p->at[k] / (x1 - x0);
        const double before = k == 0 ? MB_NAN : p->log_x ? log(p->at[k - 1]) / log(x1 / x0) : p->at[k - 1] / (x1 - x0);
        gap = fmin(gap, isfinite(before) ? (t - before) * (p->c.w - p->c.left - p->c.right) : MB_INF);
        widest = fmax(widest, (double)mb_text_width(mb_key_axis_text(&p->x, k, text)) * MB_CHAR_PX(11));
    }
    const double most = NAME_CHARS * MB_CHAR_PX(11);
    widest = fmin(widest, most);
    const bool turned = own && !p->x.numbers && widest + 8 > fmin(gap, slot);
    if (p->x.numbers && widest + 6 > gap) own = false;
    if (!p->x.numbers) own = true;
    if (p->log_x && !own) own = !mb_gp_log_tics(out, "x", x0, x1);
    else if (p->log_x) mb_str_add(out, "set logscale x 10\n");
    if (turned) p->c.bottom += widest * 0.55, p->c.h += widest * 0.55;
    if (!p->log_x && p->x.numbers) mb_gp_linear(out, "x", x0, x1, 8);
    mb_str_add(out, "set xrange [");
    mb_gp_num(out, x0);
    mb_str_add(out, ":");
    mb_gp_num(out, x1);
    mb_str_add(out, "]\n");
    if (own) {
        mb_str_add(out, "set xtics (");
        for (size_t k = 0, n = 0; k < p->x.n; k++) {
            if (!p->x.numbers && p->x.n > 40 && k % (p->x.n / 20) != 0) continue;
            mb_str_add(out, n++ ? ", " : "");
            mb_gp_tic(out, mb_key_axis_text(&p->x, k, text), NAME_CHARS, p->at[k]);
        }
        mb_str_addf(out, ")%s\n", turned ? " rotate by 30 right" : "");
    }
    if (p->log_y && mb_gp_log_tics(out, "y", p->y0 / 1.3, p->y1 * 1.3)) {
        mb_str_add(out, "set yrange [");
        mb_gp_num(out, p->y0 / 1.3);
        mb_str_add(out, ":");
        mb_gp_num(out, p->y1 * 1.3);
        mb_str_add(out, "]\n");
    } else {
        double air = 0.07 * (p->y1 - p->y0), low;
        if (!(air > 0)) air = p->y1 != 0 ? 0.1 * fabs(p->y1) : 1;
        low = p->y0 - air;
        if (!p->m.percent && p->y0 >= 0 && p->y0 < 0.5 * p->y1) low = 0;
        if (p->m.percent && low < 0 && p->y0 >= 0) low = 0;
        mb_gp_linear(out, "y", low, p->y1 + air, 7);
    }
    mb_str_add(out, "set xlabel ");
    mb_gp_text(out, p->x.key, 60);
    mb_str_add(out, "\nset grid x y lt 1 lw 0.5 lc rgb '#dddddd'\nset bars 0.6\n");
    mb_metric_axis(&p->m, &label);
    if (label.failed) out->failed = 1;
    mb_str_free(&label);
}

static void write_lines(const picture *p, mb_str *out) {
    static const int shape[LINES] = {7, 5, 9, 13, 11, 6, 4, 8, 12, 10};
    for (size_t i = 0; i < p->n; i++) {
        size_t rows = 0;
        mb_str_addf(out, "$line%zu << EOD\n", i);
        for (size_t k = 0; k < p->x.n; k++) {
            const size_t at = best(p, i, k);
            if (at == MB_NO_POINT) continue;
            double v[4] = {p->at[k], mb_metric_at(&p->m, &p->r->point[at]), 0, 0};
            mb_metric_band(&p->m, &p->r->point[at], &v[2], &v[3]);
            if (p->n > 1 && p->x.n > 1 && p->bands) { /* bars beside each other */
                const double shift = 0.004 * ((double)i - 0.5 * (double)(p->n - 1)), first = p->at[0], last = p->at[p->x.n - 1];
                v[0] = p->log_x ? v[0] * pow(last / first, shift) : v[0] + (last - first) * shift;
            }
            for (int j = 0; j < 4; j++) {
                mb_gp_num(out, v[j]);
                mb_str_add(out, j < 3 ? " " : "\n");
            }
            rows++;
        }
        if (!rows) mb_str_add(out, "\n0 0 0 0\n");
        mb_str_add(out, "EOD\n");
    }
    mb_str_add(out, "plot \\\n");
    for (size_t i = 0; i < p->n; i++) {
        const char *colour = p->n == 1 ? mb_plot_colour(0) : i < MB_COLOURS - 2 ? mb_plot_colour(i) : mb_plot_colour(7);
        if (p->bands) mb_str_addf(out, "  $line%zu using 1:2:3:4 with yerrorbars pt 7 ps 0 lw 0.8 lc rgb '%s', \\\n", i, colour);
        mb_str_addf(out, "  $line%zu using 1:2 with linespoints pt %d ps 0.9 lw 1.5 dt %s lc rgb '%s' title ", i, shape[i],
                    i < MB_COLOURS - 2 ? "1"
                    : i % 2            ? "(8,4)"
                                       : "(3,3)",
                    colour);
        char text[32];
        if (p->lines) mb_gp_text(out, mb_key_axis_text(&p->by, p->shown[i], text), NAME_CHARS);
        else mb_str_add(out, "''");
        mb_str_add(out, i + 1 < p->n ? ", \\\n" : "\n");
    }
}

static int plot(const mb_plot_request *q, mb_str *out) {
    picture p = {.r = q->r, .c = {900, 500, 84, 34, 66, 62}};
    mb_str title = {0}, note = {0}, head = {0}, body = {0};
    size_t longest = 0, settled = 0;
    int rc = choose_keys(q, &p);
    if (!rc) rc = mb_metric_new(q->r, q->o.y ? q->o.y : mb_has_accuracy(q->r) ? "accuracy" : "energy_J", &p.m);
    if (!rc) rc = measure(&p);
    if (rc) goto out;
    if (p.lines) {
        for (size_t i = 0; i < p.n; i++) {
            const size_t w = mb_text_width(p.by.value[p.shown[i]]);
            longest = w > longest ? w : longest;
        }
        const size_t key = mb_text_width(p.by.key);
        longest = key > longest ? key : longest;
        p.c.right = 66 + (double)(longest < NAME_CHARS ? longest : NAME_CHARS) * MB_CHAR_PX(12.5);
    }
    mb_str_addf(&head, "%c%s over %s", p.m.brief[0] >= 'a' && p.m.brief[0] <= 'z' ? p.m.brief[0] - 32 : p.m.brief[0],
                p.m.brief + 1, p.x.key);
    mb_plot_title(&title, mb_cstr(&head), q->r);
    rc = most_alike(&p, &settled);
    if (rc) goto out;
    if (settled > 1)
        mb_str_addf(&note, "each mark: the %s of up to %zu points", p.m.more_is_better ? "highest" : "lowest", settled);
    if (p.lines && p.n < p.by.n) mb_str_addf(&note, "%s%zu of %zu lines", note.n ? "; " : "", p.n, p.by.n);
    if (p.bands) mb_str_addf(&note, "%s%s", note.n ? "; " : "", p.m.percent ? "bars: 95 % intervals" : "bars: corners");
    axes(&p, &body);
    mb_gp_begin(out, q->name, &p.c, mb_cstr(&title), mb_cstr(&note));
    mb_str_add(out, mb_cstr(&body));
    mb_gp_ylabel(out, &p.c, 3, p.m.label, p.m.unit);
    if (p.lines) {
        mb_gp_label(out, &p.c, 4, p.c.w - p.c.right + 14, p.c.h - p.c.top - 2, 'l', 12, "#000000", p.by.key, NAME_CHARS + 4);
        mb_str_add(out, "set key at screen ");
        mb_gp_num(out, (p.c.w - p.c.right + 12) / p.c.w);
        mb_str_add(out, ",");
        mb_gp_num(out, (p.c.h - p.c.top - 12) / p.c.h);
        mb_str_add(out, " left top vertical Left reverse noinvert samplen 2 spacing 1.2 width -1 font ',12'\n");
    }
    write_lines(&p, out);
    if (title.failed || note.failed || head.failed || body.failed) out->failed = 1;
out:
    mb_str_free(&title);
    mb_str_free(&note);
    mb_str_free(&head);
    mb_str_free(&body);
    mb_key_axis_free(&p.x);
    mb_key_axis_free(&p.by);
    mb_free(p.at);
    return rc;
}

static const mb_plot_kind kinds[] = {
    {"lines", "a column over a swept key, one line per value of another: --x KEY --by KEY --y COLUMN", mb_useless_keys, plot,
     NULL, "xyb", false},
    {NULL, NULL, NULL, NULL, NULL, NULL, false},
};
const mb_plot_family mb_plot_lines = {kinds};
