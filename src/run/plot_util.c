/* plot_util.c - text, numbers, axes and labels of gnuplot scripts; choice of points and components
 *
 * Placing labels: each label tries places around its mark, near ones first, and takes the first that touches nothing; marks,
 * error bars, lines and labels that were placed are obstacles. The width of a text is estimated (the viewer's font is not known),
 * so boxes are generous. Called by plot_*.c.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/mem.h"
#include "run/pareto.h"
#include "run/plot_internal.h"

const char *mb_plot_colour(size_t i) {
    static const char *const colour[MB_COLOURS] = {"#0072B2", "#E69F00", "#009E73", "#D55E00",
                                                   "#56B4E9", "#CC79A7", "#F0E442", "#444444"};
    return i < MB_COLOURS ? colour[i] : "#999999";
}

/* --- strings and numbers --------------------------------------------------------------------------------------------- */

/* No quote ever stands inside the quotes: gnuplot 5.4 reads ''' as an empty string and what follows as commands. */
static void quoted(mb_str *out, const char *text, size_t chars, bool tic) {
    mb_str clean = {0};
    mb_text_short(text, chars, &clean);
    if (clean.failed) out->failed = 1;
    mb_str_add(out, "'");
    for (const char *s = mb_cstr(&clean); *s; s++) {
        if (*s == '\'') {
            mb_str_add(out, "\xE2\x80\x99");
        } else if (*s == '%' && tic) { /* the text of a tic is a format */
            mb_str_add(out, "%%");
        } else {
            mb_str_addn(out, s, 1);
        }
    }
    mb_str_add(out, "'");
    mb_str_free(&clean);
}

void mb_gp_text(mb_str *out, const char *text, size_t chars) { quoted(out, text, chars, false); }
void mb_gp_tic(mb_str *out, const char *text, size_t chars, double at) {
    quoted(out, text, chars, true);
    mb_str_add(out, " ");
    mb_gp_num(out, at);
}

void mb_gp_num(mb_str *out, double v) {
    char buf[40];
    if (isfinite(v)) {
        snprintf(buf, sizeof buf, "%.7g", v);
        for (char *s = buf; *s; s++) {
            if (*s == ',') *s = '.'; /* another locale */
        }
        mb_str_add(out, buf);
    } else {
        mb_str_add(out, "NaN");
    }
}

void mb_gp_unit(mb_str *out, const char *unit) {
    for (const char *s = unit; *s; s++) {
        if (*s == ' ') {
            mb_str_add(out, " \xC2\xB7 ");
        } else if (*s == 'u' && (s[1] == 'J' || s[1] == 's' || s[1] == 'm')) {
            mb_str_add(out, "\xC2\xB5");
        } else if (*s == '2' && s > unit && s[-1] == 'm') {
            mb_str_add(out, "\xC2\xB2");
        } else {
            mb_str_addn(out, s, 1);
        }
    }
}

/* --- the picture ------------------------------------------------------------------------------------------------------ */

void mb_gp_label(mb_str *out, const mb_canvas *c, int tag, double x, double y, char align, double font, const char *colour,
                 const char *text, size_t chars) {
    mb_str_addf(out, "set label %d ", tag);
    mb_gp_text(out, text, chars);
    mb_str_add(out, " at screen ");
    mb_gp_num(out, x / c->w);
    mb_str_add(out, ",");
    mb_gp_num(out, y / c->h);
    mb_str_addf(out, " %s front font ',%.0f' tc rgb '%s'\n",
                align == 'l'   ? "left"
                : align == 'r' ? "right"
                               : "center",
                font, colour);
}

void mb_gp_ylabel(mb_str *out, const mb_canvas *c, int tag, const char *what, const char *unit) {
    mb_str text = {0};
    mb_str_add(&text, what);
    if (*unit) {
        mb_str_add(&text, " [");
        mb_gp_unit(&text, unit);
        mb_str_add(&text, "]");
    }
    if (text.failed) out->failed = 1;
    mb_str_addf(out, "set label %d ", tag);
    mb_gp_text(out, mb_cstr(&text), 60);
    mb_str_add(out, " at screen ");
    mb_gp_num(out, 17 / c->w);
    mb_str_add(out, ",");
    mb_gp_num(out, (c->bottom + c->h - c->top) / 2 / c->h);
    mb_str_add(out, " center rotate by 90 front font ',13' tc rgb '#000000'\n");
    mb_str_free(&text);
}

void mb_gp_margins(mb_str *out, const mb_canvas *c) {
    const char *side[] = {"l", "r", "b", "t"};
    const double at[] = {c->left / c->w, 1 - c->right / c->w, c->bottom / c->h, 1 - c->top / c->h};
    for (int i = 0; i < 4; i++) {
        mb_str_addf(out, "set %smargin at screen ", side[i]);
        mb_gp_num(out, at[i]);
        mb_str_add(out, "\n");
    }
}

void mb_gp_begin(mb_str *out, const char *name, const mb_canvas *c, const char *title, const char *note) {
    char id[64];
    snprintf(id, sizeof id, "%s", name);
    for (char *s = id; *s; s++) {
        if (*s == '-') *s = '_';
    }
    mb_str_addf(out,
                "# %s: written by mixbar. `gnuplot %s.gp` draws %s.svg;\n"
                "# gnuplot -e \"format='png'\" (or 'pdf') %s.gp draws the other formats.\n",
                name, name, name, name);
    mb_str_addf(out, "if (!exists('format')) format = 'svg'\nif (!exists('file')) file = '%s.'.format\n", name);
    mb_str_addf(out,
                "if (format eq 'svg') set terminal svg noenhanced size %.0f,%.0f dynamic font 'sans-serif,%.0f' "
                "background '#ffffff' name '%s'\n",
                c->w, c->h, MB_FONT, id);
    mb_str_addf(out,
                "if (format eq 'png') set terminal pngcairo noenhanced size %.0f,%.0f font 'sans-serif,%.0f' "
                "fontscale 1.68 linewidth 2 pointscale 2\n",
                2 * c->w, 2 * c->h, MB_FONT);
    mb_str_addf(out,
                "if (format eq 'pdf') set terminal pdfcairo noenhanced size %.2fin,%.2fin font 'sans-serif,%.0f' "
                "fontscale 0.6 linewidth 1 pointscale 0.7\n",
                c->w / 100, c->h / 100, MB_FONT);
    mb_str_add(out, "set output file\nset encoding utf8\n");
    mb_str_add(out, "set border 3 lw 1 lc rgb '#333333'\nset tics nomirror out scale 0.6 textcolor rgb '#222222'\n"
                    "set grid y lt 1 lw 0.5 lc rgb '#dddddd'\n"
                    "set style fill solid 1.0 noborder\n"
                    "set key noautotitle\n");
    mb_gp_margins(out, c);
    if (*title) mb_gp_label(out, c, 1, c->left, c->h - 20, 'l', 15, "#000000", title, 110);
    if (*note)
        mb_gp_label(out, c, 2, c->left, c->h - 39, 'l', 11, MB_PLOT_GREY, note, (size_t)((c->w - c->left - 10) / MB_CHAR_PX(11)));
}

void mb_plot_title(mb_str *out, const char *what, const mb_results *r) {
    mb_str_add(out, what);
    if (r->name && *r->name) {
        mb_str_add(out, ": ");
        mb_text_short(r->name, 50, out);
    }
}

bool mb_gp_log_tics(mb_str *out, const char *axis, double lo, double hi) {
    static const double step[4][13] = {{1}, {1, 2, 5}, {1, 1.5, 2, 3, 5, 7}, {1, 1.2, 1.5, 2, 2.5, 3, 4, 5, 6, 7, 8, 9}};
    for (int s = 0; s < 4; s++) {
        int n = 0;
        mb_str list = {0};
        for (int e = (int)floor(log10(lo)) - 1; e <= (int)ceil(log10(hi)); e++) {
            for (const double *m = step[s]; *m > 0; m++) {
                double v = *m * pow(10, e);
                if (v < lo * (1 - 1e-9) || v > hi * (1 + 1e-9)) continue;
                mb_str_addf(&list, n++ ? ", '%g' " : "'%g' ", v);
                mb_gp_num(&list, v);
            }
        }
        bool enough = (n >= 4 || (s == 3 && n >= 3)) && !list.failed;
        if (enough) mb_str_addf(out, "set logscale %s 10\nset %stics (%s)\n", axis, axis, mb_cstr(&list));
        if (list.failed) out->failed = 1;
        mb_str_free(&list);
        if (enough) return true;
    }
    return false;
}

void mb_gp_linear(mb_str *out, const char *axis, double lo, double hi, int tics) {
    static const double round[] = {1, 2, 2.5, 5, 10};
    double want = (hi - lo) / tics, ten = pow(10, floor(log10(want))), step = 10 * ten;
    for (size_t i = 0; i < sizeof round / sizeof *round; i++) {
        if (round[i] * ten >= want * (1 - 1e-9)) {
            step = round[i] * ten;
            break;
        }
    }
    mb_str_addf(out, "set %srange [", axis);
    mb_gp_num(out, lo);
    mb_str_add(out, ":");
    mb_gp_num(out, hi);
    mb_str_addf(out, "]\nset %stics ", axis);
    mb_gp_num(out, step);
    mb_str_add(out, "\n");
}

void mb_gp_palette(mb_str *out) {
    mb_str_add(out, "set palette defined (0 '#00224e', 1 '#31446b', 2 '#666970', 3 '#958f78', 4 '#cbba69', 5 '#fee838')\n");
}

/* --- labels ------------------------------------------------------------------------------------------------------------ */

int mb_place_obstacle(mb_placer *p, mb_box b) {
    if (p->n == p->cap) {
        size_t cap = p->cap ? 2 * p->cap : 64;
        mb_box *box = mb_realloc(p->box, cap, sizeof *box);
        if (!box) return mb_nomem();
        p->box = box;
        p->cap = cap;
    }
    p->box[p->n++] = b;
    return MB_OK;
}

double mb_place_badness(const mb_placer *p, const mb_box *b) {
    double bad = b->x0 < p->area.x0 || b->x1 > p->area.x1 || b->y0 < p->area.y0 || b->y1 > p->area.y1 ? 100 : 0;
    for (size_t i = 0; i < p->n; i++) {
        const mb_box *o = &p->box[i];
        double dx = fmin(b->x1, o->x1) - fmax(b->x0, o->x0), dy = fmin(b->y1, o->y1) - fmax(b->y0, o->y0);
        if (dx > 0 && dy > 0) bad += o->weight * (1 + dx * dy / ((b->x1 - b->x0) * (b->y1 - b->y0)));
    }
    return bad;
}

/* How much a line from A to B crosses what may not be covered; without the ends. */
static double crossing(const mb_placer *p, double ax, double ay, double bx, double by) {
    double bad = 0;
    for (int k = 1; k < 12; k++) {
        double x = ax + (bx - ax) * k / 12, y = ay + (by - ay) * k / 12;
        for (size_t i = 0; i < p->n; i++) {
            const mb_box *o = &p->box[i];
            if (o->weight >= 1 && x > o->x0 && x < o->x1 && y > o->y0 && y < o->y1) bad += 0.3;
        }
    }
    return bad;
}

int mb_place_label(mb_placer *p, double x, double y, double r, double w, double h, bool must, const char *order, mb_spot *s) {
    static const double ring[] = {3, 14, 28, 44, 62}; /* distance of the text from the mark */
    double best = MB_INF;
    mb_box taken = {0, 0, 0, 0, 1};
    memset(s, 0, sizeof *s);
    for (size_t k = 0; k < sizeof ring / sizeof *ring; k++) {
        for (size_t i = 0; order[i]; i++) {
            int key = order[i] - '1'; /* as on a numeric keypad */
            double dx = key % 3 - 1, dy = key / 3 - 1, f = dx != 0 && dy != 0 ? 0.7 : 1;
            double ax = x + f * dx * (r + ring[k]), ay = y + f * dy * (r + ring[k]),
                   cy = ay + f * dy * h / 2; /* the text's centre line */
            char align = dx > 0 ? 'l' : dx < 0 ? 'r' : 'c';
            mb_box b = {align == 'l' ? ax : align == 'r' ? ax - w : ax - w / 2, cy - h / 2, 0, cy + h / 2, 1};
            b.x1 = b.x0 + w;
            double bad = mb_place_badness(p, &b) + 0.01 * (double)i + 0.08 * (double)k;
            if (k > 0 && bad < best) bad += crossing(p, x + f * dx * (r + 2), y + f * dy * (r + 2), ax, cy);
            if (bad < best) {
                best = bad;
                *s = (mb_spot){true, k > 0, ax, cy, x + f * dx * r, y + f * dy * r, align};
                taken = b;
            }
        }
    }
    if (best >= 1 && !must) s->ok = false;
    int rc = s->ok ? mb_place_obstacle(p, taken) : MB_OK;
    for (int k = 1; k < 8 && rc == MB_OK && s->ok && s->leader; k++) { /* a later label does not lie on the leader */
        double lx = s->ax + (s->x - s->ax) * k / 8, ly = s->ay + (s->y - s->ay) * k / 8;
        rc = mb_place_obstacle(p, (mb_box){lx - 2, ly - 2, lx + 2, ly + 2, 0.5});
    }
    return rc;
}

/* --- points ------------------------------------------------------------------------------------------------------------ */

bool mb_has_accuracy(const mb_results *r) {
    for (size_t i = 0; i < r->n; i++) {
        if (isfinite(r->point[i].accuracy)) return true;
    }
    return false;
}

typedef struct ranked {
    double cost, gain;
    size_t i;
} ranked;

static int by_cost(const void *a, const void *b) {
    const ranked *x = a, *y = b;
    if (x->cost != y->cost) return x->cost < y->cost ? -1 : 1;
    if (x->gain != y->gain) return x->gain > y->gain ? -1 : 1;
    return x->i < y->i ? -1 : x->i > y->i;
}

int mb_pareto(const double *cost, const double *gain, size_t n, bool *front, size_t *order, size_t *m) {
    ranked *s = mb_malloc(n, sizeof *s);
    double *v = mb_malloc(n, 2 * sizeof *v);
    size_t k = 0;
    int rc = s && v ? MB_OK : mb_nomem();
    *m = 0;
    for (size_t i = 0; i < n && !rc; i++) {
        v[2 * i] = isfinite(cost[i]) ? cost[i] : MB_NAN;
        v[2 * i + 1] = isfinite(gain[i]) ? -gain[i] : MB_NAN;
    }
    if (!rc) rc = mb_pareto_mark(v, n, 2, front);
    for (size_t i = 0; i < n && !rc; i++)
        if (front[i]) s[k++] = (ranked){cost[i], gain[i], i};
    if (!rc) qsort(s, k, sizeof *s, by_cost);
    for (size_t i = 0; i < k; i++) order[(*m)++] = s[i].i;
    mb_free(s);
    mb_free(v);
    return rc;
}

int mb_pick_points(const mb_results *r, size_t max, size_t *pick, size_t *n) {
    int rc = MB_OK;
    size_t m = 0;
    double *cost = NULL, *gain = NULL;
    bool *front = NULL;
    size_t *order = NULL;
    *n = 0;
    if (r->n <= max) {
        for (size_t i = 0; i < r->n; i++) pick[(*n)++] = i;
        return MB_OK;
    }
    cost = mb_malloc(r->n, sizeof *cost);
    gain = mb_malloc(r->n, sizeof *gain);
    front = mb_malloc(r->n, sizeof *front);
    order = mb_malloc(r->n, sizeof *order);
    if (!cost || !gain || !front || !order) {
        rc = mb_nomem();
        goto out;
    }
    bool accuracy = mb_has_accuracy(r);
    for (size_t i = 0; i < r->n; i++) {
        cost[i] = r->point[i].energy_J;
        gain[i] = accuracy ? r->point[i].accuracy : r->point[i].energy_J; /* costs only: all are on the "front" */
    }
    rc = mb_pareto(cost, gain, r->n, front, order, &m);
    if (rc != MB_OK) goto out;
    size_t take = m < max ? m : max;
    for (size_t k = take; k-- > 0;) pick[(*n)++] = order[take == 1 ? m - 1 : (k * (m - 1) + (take - 1) / 2) / (take - 1)];
    if (*n == 0) pick[(*n)++] = 0;
out:
    mb_free(cost);
    mb_free(gain);
    mb_free(front);
    mb_free(order);
    return rc;
}

/* --- components -------------------------------------------------------------------------------------------------------- */

typedef struct tally {
    const char *name;
    double share;
    size_t seq;
} tally;
typedef struct tallies {
    tally t[256];
    size_t n;
} tallies;

/* Note each component's largest share of any of the three costs. */
static void count_parts(tallies *l, const mb_part *part, size_t n) {
    mb_cost sum = {0, 0, 0};
    for (size_t i = 0; i < n; i++) {
        sum.energy_J += fmax(0, part[i].cost.energy_J);
        sum.latency_s += fmax(0, part[i].cost.latency_s);
        sum.area_m2 += fmax(0, part[i].cost.area_m2);
    }
    for (size_t i = 0; i < n; i++) {
        const mb_cost *c = &part[i].cost;
        const double share[] = {c->energy_J / sum.energy_J, c->latency_s / sum.latency_s, c->area_m2 / sum.area_m2};
        size_t k = 0;
        while (k < l->n && strcmp(l->t[k].name, part[i].name) != 0) k++;
        if (k == l->n) {
            if (l->n == sizeof l->t / sizeof *l->t) continue;
            l->t[l->n] = (tally){part[i].name, 0, l->n};
            l->n++;
        }
        for (int q = 0; q < 3; q++) l->t[k].share = fmax(l->t[k].share, share[q]); /* fmax passes over NaN */
    }
}

static int by_share(const void *a, const void *b) {
    const tally *x = a, *y = b;
    if (x->share != y->share) return x->share > y->share ? -1 : 1;
    return x->seq < y->seq ? -1 : x->seq > y->seq;
}

static int by_seq(const void *a, const void *b) {
    const tally *x = a, *y = b;
    return x->seq < y->seq ? -1 : x->seq > y->seq;
}

void mb_legend_of(const mb_results *r, bool baselines, mb_legend *l) {
    tallies t = {.n = 0};
    for (size_t i = 0; i < r->n; i++) count_parts(&t, r->point[i].part, r->point[i].n_part);
    for (size_t i = 0; i < r->n && baselines; i++)
        for (size_t k = 0; k < r->point[i].n_baseline; k++)
            count_parts(&t, r->point[i].baseline[k].part, r->point[i].baseline[k].n_part);
    l->n = t.n < MB_LEGEND ? t.n : MB_LEGEND;
    qsort(t.t, t.n, sizeof *t.t, by_share);
    qsort(t.t, l->n, sizeof *t.t, by_seq);
    for (size_t i = 0; i < l->n; i++) l->name[i] = t.t[i].name;
}

size_t mb_legend_find(const mb_legend *l, const char *name) {
    size_t i = 0;
    while (i < l->n && strcmp(l->name[i], name) != 0) i++;
    return i;
}

void mb_legend_style(const mb_legend *l, size_t i, mb_str *out) {
    const mb_style s = i < l->n ? mb_component_style(l->name[i]) : (mb_style){"#bbbbbb", 0};
    if (s.hatch) mb_str_addf(out, "lc rgb '%s' lw 0.8 fs pattern %d border lc rgb '%s'", s.colour, 3 + s.hatch, s.colour);
    else mb_str_addf(out, "lc rgb '%s' lw 0.4 fs solid 1.0 border lc rgb '#ffffff'", s.colour);
}
