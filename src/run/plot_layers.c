/* plot_layers.c - what happens in each layer: energy by component, bits, signal-to-noise ratio and clipping
 *
 * Energy and bits are drawn in a panel per point, at most PANELS; of more points those that stand for all are picked
 * (mb_pick_points), which the picture says. Called by plot.c.
 */
#include <ctype.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "base/mem.h"
#include "run/plot_internal.h"

#define PANELS 4
#define LINES 6
#define LAYERS_NAMED 48
#define NAME_CHARS 20

/* --- names of layers -------------------------------------------------------------------------------------------------- */

/* NAME without a leading '/', a last part that is an operator ("/Conv"), and parts that the next part repeats
 * ("layer1/layer1.0"). */
static void brief_name(const char *name, bool drop_operator, mb_str *out) {
    const char *end = name + strlen(name), *s = name;
    while (*s == '/') s++;
    if (drop_operator) {
        const char *cut = end;
        while (cut > s && cut[-1] != '/') cut--;
        if (cut > s + 1 && *cut >= 'A' && *cut <= 'Z') end = cut - 1;
    }
    mb_str_clear(out);
    while (s < end) {
        size_t n = strcspn(s, "/");
        if (s + n > end) n = (size_t)(end - s);
        bool repeated = s + n < end && strncmp(s + n + 1, s, n) == 0 && (s[2 * n + 1] == '.' || s[2 * n + 1] == '/');
        if (!repeated) {
            if (out->n) mb_str_add(out, "/");
            mb_str_addn(out, s, n);
        }
        s += n + 1;
    }
    if (!out->n) mb_str_add(out, name);
}

int mb_plot_layer_names(const mb_point_result *p, char **name) {
    mb_str s = {0};
    int rc = MB_OK;
    for (int drop = 1; drop >= 0; drop--) { /* without the operators where that leaves them distinct */
        bool distinct = true;
        for (size_t i = 0; i < p->n_layer; i++) {
            brief_name(p->layer[i].name, drop, &s);
            mb_free(name[i]);
            name[i] = s.failed ? NULL : mb_strdup(mb_cstr(&s));
            if (!name[i]) rc = mb_nomem();
        }
        for (size_t i = 0; i < p->n_layer && rc == MB_OK && distinct && drop && p->n_layer <= 512; i++) {
            for (size_t k = 0; k < i && distinct; k++) distinct = strcmp(name[i], name[k]) != 0;
        }
        if (distinct || rc != MB_OK) break;
    }
    mb_str_free(&s);
    return rc;
}

/* Tics of layers 1..n; returns the room they take below the axes. Without OUT only the room. */
double mb_plot_layer_tics(const mb_point_result *p, char *const *name, double width, bool show, mb_str *out) {
    size_t longest = 1, every = 1;
    double slot = width / (double)p->n_layer;
    bool named = p->n_layer <= LAYERS_NAMED;
    for (size_t i = 0; i < p->n_layer; i++) {
        size_t n = mb_text_width(name[i]);
        longest = n > longest ? n : longest;
    }
    if (longest > NAME_CHARS) longest = NAME_CHARS;
    double text = (double)longest * MB_CHAR_PX(10);
    int angle = !named || text + 6 <= slot ? 0 : slot >= 40 ? 30 : 90;
    while (!named && slot * (double)every < 26) every = every == 1 ? 2 : every == 2 ? 5 : every * 2;
    if (out) {
        mb_str_add(out, "set xtics scale 0 (");
        for (size_t i = 0, shown = 0; i < p->n_layer; i++) {
            char number[24];
            if (!named && (i + 1) % every != 0) continue;
            snprintf(number, sizeof number, "%zu", i + 1);
            mb_str_add(out, shown++ ? ", " : "");
            mb_gp_tic(out, !show ? "" : named ? name[i] : number, NAME_CHARS, (double)i + 1);
        }
        mb_str_addf(out, ") font ',10'%s\n",
                    angle == 90   ? " rotate by 90 right"
                    : angle == 30 ? " rotate by 30 right"
                                  : " norotate");
    }
    return angle == 90 ? text + 12 : angle == 30 ? 0.5 * text + 20 : 24;
}

/* --- panels ------------------------------------------------------------------------------------------------------------ */

typedef struct panels {
    const mb_results *r;
    mb_canvas c; /* of the whole picture */
    size_t pick[LINES], n;
    mb_tagging tagging;
    char **tag, **layer; /* tags of the picked points; layer names of the first */
    size_t n_layer;
    bool same;   /* all picked points have the same layers */
    double tics; /* room for the layers' names */
} panels;

static void free_panels(panels *p) {
    for (size_t i = 0; i < p->n && p->tag; i++) mb_free(p->tag[i]);
    for (size_t i = 0; i < p->n_layer && p->layer; i++) mb_free(p->layer[i]);
    mb_free(p->tag);
    mb_free(p->layer);
}

static int open_panels(const mb_results *r, size_t max, panels *p) {
    size_t m = 0;
    p->r = r;
    int rc = mb_tagging_of(r, &p->tagging);
    if (rc == MB_OK) rc = mb_pick_points(r, max, p->pick, &p->n);
    if (rc != MB_OK) return rc;
    for (size_t i = 0; i < p->n; i++) { /* points without layers have nothing to show */
        if (r->point[p->pick[i]].n_layer) p->pick[m++] = p->pick[i];
    }
    for (size_t i = 0; i < r->n && m == 0; i++) {
        if (r->point[i].n_layer) p->pick[m++] = i;
    }
    p->n = m;
    p->tag = mb_calloc(p->n, sizeof *p->tag);
    if (!p->tag) return mb_nomem();
    for (size_t i = 0; i < p->n; i++) {
        p->tag[i] = mb_point_tag(r, &r->point[p->pick[i]], &p->tagging);
        if (!p->tag[i]) return mb_nomem();
    }
    const mb_point_result *a = &r->point[p->pick[0]];
    p->layer = mb_calloc(a->n_layer, sizeof *p->layer);
    if (!p->layer) return mb_nomem();
    p->n_layer = a->n_layer;
    p->same = true;
    for (size_t i = 1; i < p->n; i++) {
        const mb_point_result *b = &r->point[p->pick[i]];
        p->same = p->same && a->n_layer == b->n_layer;
        for (size_t k = 0; k < a->n_layer && p->same; k++) p->same = strcmp(a->layer[k].name, b->layer[k].name) == 0;
    }
    return mb_plot_layer_names(a, p->layer);
}

/* "front: 4 of 60 points", and what tags mean. */
static void panel_note(const panels *p, mb_str *note) {
    if (p->n < p->r->n)
        mb_str_addf(note, "%zu of %zu points, %s; ", p->n, p->r->n,
                    mb_has_accuracy(p->r) ? "from the front of accuracy and energy" : "spread over the energy");
    if (p->n_layer > LAYERS_NAMED) mb_str_addf(note, "layers by number; ");
    if (p->tagging.same) {
        mb_str_add(note, "points: ");
        mb_tag_legend(p->r, &p->tagging, note);
    } else if (note->n >= 2) {
        note->s[note->n -= 2] = '\0';
    }
}

/* Axes of panel I of N, from above; the last has the layers' names when SHARED, else each has. */
static mb_canvas panel_axes(const panels *p, size_t i, bool shared) {
    mb_canvas c = p->c;
    double gap = shared ? 30 : p->tics + 30, all = p->c.h - p->c.top - p->c.bottom - gap * (double)(p->n - 1),
           each = all / (double)p->n;
    c.top = p->c.top + (double)i * (each + gap);
    c.bottom = p->c.h - c.top - each;
    return c;
}

/* The heading of a panel, the axes of its layers; clears what the panel before left. */
static int begin_panel(panels *p, size_t i, bool shared, mb_str *out) {
    const mb_point_result *a = &p->r->point[p->pick[i]];
    mb_canvas c = panel_axes(p, i, shared);
    mb_str head = {0};
    bool last = i + 1 == p->n;
    mb_gp_margins(out, &c);
    if (i) mb_str_add(out, "unset label\nunset arrow\nunset key\nunset object\n");
    if (!p->same && i) {
        for (size_t k = 0; k < p->n_layer; k++) mb_free(p->layer[k]);
        mb_free(p->layer);
        p->n_layer = 0;
        p->layer = mb_calloc(a->n_layer, sizeof *p->layer);
        if (!p->layer) return mb_nomem();
        p->n_layer = a->n_layer;
        int rc = mb_plot_layer_names(a, p->layer);
        if (rc != MB_OK) return rc;
    }
    mb_plot_layer_tics(a, p->layer, c.w - c.left - c.right, !shared || last, out);
    mb_str_addf(out, "set xrange [0.4:%zu.6]\n", a->n_layer);
    if (p->r->n > 1) {
        mb_str_add(&head, p->tag[i]);
        mb_gp_label(out, &c, 5, c.left + 4, c.h - c.top + 10, 'l', 11, "#000000", mb_cstr(&head), 60);
    }
    if (head.failed) out->failed = 1;
    mb_str_free(&head);
    return MB_OK;
}

static int size_panels(panels *p, bool shared) {
    int rc = MB_OK;
    double width = p->n_layer > 30 ? 1200 : 900;
    if (p->r->n == 1) p->c.top = 62; /* no heading */
    p->c.w = width;
    p->tics = 0;
    for (size_t i = 0; i < p->n && rc == MB_OK; i++) {
        const mb_point_result *a = &p->r->point[p->pick[i]];
        if (p->same && i) break;
        char **name = mb_calloc(a->n_layer, sizeof *name);
        rc = name ? mb_plot_layer_names(a, name) : mb_nomem();
        if (rc == MB_OK) p->tics = fmax(p->tics, mb_plot_layer_tics(a, name, width - p->c.left - p->c.right, true, NULL));
        for (size_t k = 0; k < a->n_layer && name; k++) mb_free(name[k]);
        mb_free(name);
    }
    p->c.bottom = p->tics + 14;
    p->c.h = p->c.top + p->c.bottom +
             (double)p->n * (p->n == 1   ? 300
                             : p->n == 2 ? 220
                                         : 160) +
             (double)(p->n - 1) * (shared ? 30 : p->tics + 30);
    return rc;
}

void mb_gp_side_key(mb_str *out, const mb_canvas *c, bool invert) {
    mb_str_add(out, "set key at screen ");
    mb_gp_num(out, (c->w - c->right + 12) / c->w);
    mb_str_add(out, ",");
    mb_gp_num(out, (c->h - c->top) / c->h);
    mb_str_addf(out, " left top vertical maxrows 30 Left reverse %s samplen 1.2 spacing 1.15 width -1 font ',11'\n",
                invert ? "invert" : "noinvert");
}

static double energy_of(const mb_cost *c) { return c->energy_J; }
static double latency_of(const mb_cost *c) { return c->latency_s; }
static double area_of(const mb_cost *c) { return c->area_m2; }

static void row(mb_str *out, const double *v, int n) {
    for (int k = 0; k < n; k++) {
        mb_gp_num(out, v[k]);
        mb_str_add(out, k + 1 < n ? " " : "\n");
    }
}

/* --- costs ------------------------------------------------------------------------------------------------------------- */

typedef double (*cost_fn)(const mb_cost *c);

static double layer_sum(const mb_layer_result *l, cost_fn cost) {
    double s = 0;
    for (size_t i = 0; i < l->n_part; i++) s += fmax(0, cost(&l->part[i].cost));
    return l->n_part ? s : fmax(0, cost(&l->cost));
}

/* USED: entries of the legend that are seen. */
static void cost_data(const mb_point_result *p, cost_fn cost, size_t panel, const mb_legend *g, double scale, double top,
                      bool *used, mb_str *out) {
    for (size_t e = 0; e <= g->n; e++) {
        mb_str_addf(out, "$p%zu_%zu << EOD\n", panel, e);
        for (size_t k = 0; k < p->n_layer; k++) {
            const mb_layer_result *l = &p->layer[k];
            double below = 0, mine = 0, x = (double)k + 1;
            for (size_t i = 0; i < l->n_part; i++) {
                size_t q = mb_legend_find(g, l->part[i].name);
                double v = fmax(0, cost(&l->part[i].cost)) / scale;
                if (q < e) below += v;
                if (q == e) mine += v;
            }
            if (!l->n_part && e == g->n) mine = layer_sum(l, cost) / scale;
            if (mine > 0.002 * top / scale) used[e] = true; /* a line that is seen */
            if (mine > 0) row(out, (const double[]){x, below, x - 0.38, x + 0.38, below, below + mine}, 6);
        }
        mb_str_add(out, "0 -1 0 0 -1 -1\nEOD\n");
    }
}

/* The key alone, as high as the picture: beside a low panel gnuplot would break it into columns. */
static void components_key(const panels *p, const mb_legend *g, const bool *used, mb_str *out) {
    bool first = true;
    mb_gp_margins(out, &p->c);
    mb_gp_side_key(out, &p->c, true);
    mb_str_add(out, "unset border\nunset tics\nset xrange [-9:-8]\nset yrange [-9:-8]\nplot \\\n");
    for (size_t e = 0; e <= g->n; e++) {
        if (!used[e]) continue;
        mb_str_addf(out, "%s  $p0_%zu using 1:2:3:4:5:6 with boxxyerror ", first ? "" : ", \\\n", e);
        first = false;
        mb_legend_style(g, e, out);
        mb_str_add(out, " title ");
        mb_gp_text(out, e < g->n ? g->name[e] : "other", (size_t)((p->c.right - 44) / MB_CHAR_PX(11)));
    }
    mb_str_add(out, first ? "  -1 notitle\n" : "\n");
    mb_str_add(out, "unset key\nunset label\nset border 3 lw 1 lc rgb '#333333'\n"
                    "set tics nomirror out scale 0.6 textcolor rgb '#222222'\nset ytics nomirror\n");
}

static int plot_cost(const mb_plot_request *q, mb_str *out) {
    const mb_results *r = q->r;
    const char *si = strchr(q->kind->metric, '_') + 1, *what = q->kind->help;
    const cost_fn cost = *si == 'J' ? energy_of : *si == 's' ? latency_of : area_of;
    int rc;
    double hi[PANELS] = {0}, top = 0, low = MB_INF;
    mb_str title = {0}, note = {0}, head = {0};
    mb_legend g;
    bool used[MB_LEGEND + 1] = {false};
    mb_unit_choice u;
    panels p = {.c = {900, 0, 84, 170, 80, 0}};
    rc = open_panels(r, PANELS, &p);
    if (rc != MB_OK) goto out;
    rc = size_panels(&p, p.same);
    if (rc != MB_OK) goto out;
    mb_legend_of(r, false, &g);
    for (size_t i = 0; i < p.n; i++) {
        const mb_point_result *a = &r->point[p.pick[i]];
        for (size_t k = 0; k < a->n_layer; k++) hi[i] = fmax(hi[i], layer_sum(&a->layer[k], cost));
        top = fmax(top, hi[i]);
        low = fmin(low, hi[i]);
    }
    u = mb_choose_unit(&top, 1, si); /* of the highest bar: the axis is linear */
    mb_str_addf(&head, "%c%.*s", toupper((unsigned char)*what), (int)strcspn(what + 1, ":"), what + 1);
    mb_plot_title(&title, mb_cstr(&head), r);
    panel_note(&p, &note);
    bool common = low * 6 > top; /* one scale where that leaves all readable */
    if (p.n > 1 && !common) mb_str_add(&note, note.n ? "; scales differ" : "scales differ");
    mb_gp_begin(out, q->name, &p.c, mb_cstr(&title), mb_cstr(&note));
    for (size_t i = 0; i < p.n; i++) cost_data(&r->point[p.pick[i]], cost, i, &g, u.scale, common ? top : hi[i], used, out);
    mb_str_add(out, "set multiplot\n");
    components_key(&p, &g, used, out);
    for (size_t i = 0; i < p.n && rc == MB_OK; i++) {
        rc = begin_panel(&p, i, p.same, out);
        mb_canvas axes = panel_axes(&p, i, p.same);
        mb_gp_ylabel(out, &axes, 6,
                     p.n > 2 || *si == 'm' ? (*si == 'J'   ? "energy"
                                              : *si == 's' ? "latency"
                                                           : "area")
                     : *si == 'J'          ? "energy per inference"
                                           : "latency per inference",
                     u.name);
        double high = (common ? top : hi[i]) / u.scale;
        mb_gp_linear(out, "y", 0, high > 0 ? 1.05 * high : 1, p.n > 2 ? 4 : 7);
        mb_str_add(out, "plot \\\n");
        bool first = true;
        for (size_t e = 0; e <= g.n; e++) {
            if (!used[e]) continue;
            mb_str_addf(out, "%s  $p%zu_%zu using 1:2:3:4:5:6 with boxxyerror ", first ? "" : ", \\\n", i, e);
            first = false;
            mb_legend_style(&g, e, out);
        }
        mb_str_add(out, first ? "  -1 notitle\n" : "\n");
    }
    mb_str_add(out, "unset multiplot\n");
    if (title.failed || note.failed || head.failed) out->failed = 1;
out:
    mb_str_free(&title);
    mb_str_free(&note);
    mb_str_free(&head);
    free_panels(&p);
    return rc;
}

/* --- bits --------------------------------------------------------------------------------------------------------------- */

static bool is_analog(const mb_layer_result *l) { return strcmp(l->engine, "analog") == 0; }

static void bits_data(const mb_point_result *p, size_t panel, mb_str *out) {
    for (int e = 0; e < 4; e++) {
        mb_str_addf(out, "$b%zu_%d << EOD\n", panel, e);
        for (size_t k = 0; k < p->n_layer; k++) {
            const mb_layer_result *l = &p->layer[k];
            double x = (double)k + 1, left = x - 0.39 + 0.26 * e;
            int v = e == 0 ? l->weight_bits : e == 1 ? l->input_bits : l->adc_bits;
            if (e >= 2 && !is_analog(l)) continue;
            if (e < 3) {
                row(out, (const double[]){x, 0, left, left + 0.25, 0, v}, 6);
            } else if (l->adc_bits_lossless > 0) {
                row(out, (const double[]){x - 0.39 + 0.52, l->adc_bits_lossless, 0.25}, 3);
            }
        }
        mb_str_add(out, e < 3 ? "0 -1 0 0 -1 -1\nEOD\n" : "0 -1 0\nEOD\n");
    }
}

/* The number above each bar where there is room for it. */
static void bits_numbers(const mb_point_result *p, const mb_canvas *c, double top, mb_str *out) {
    double slot = (c->w - c->left - c->right) / ((double)p->n_layer + 0.2), height = c->h - c->top - c->bottom;
    for (size_t k = 0; k < p->n_layer && 0.26 * slot >= 11; k++) {
        const mb_layer_result *l = &p->layer[k];
        const int v[] = {l->weight_bits, l->input_bits, l->adc_bits};
        for (int e = 0; e < (is_analog(l) ? 3 : 2); e++) {
            char text[16];
            double x = (double)k + 0.6 - 0.39 + 0.26 * e + 0.125;
            snprintf(text, sizeof text, "%d", v[e]);
            mb_gp_label(out, c, 20 + 3 * (int)k + e, c->left + x * slot,
                        c->bottom + v[e] / top * height + (e == 2 && l->adc_bits_lossless == v[e] ? 9 : 7), 'c', 9, "#222222",
                        text, 4);
        }
    }
}

static int plot_precision(const mb_plot_request *q, mb_str *out) {
    const mb_results *r = q->r;
    static const char *const title_of[] = {"weights", "inputs", "ADC"};
    static const size_t colour[] = {0, 4, 1};
    int rc, top = 8;
    mb_str title = {0}, note = {0};
    panels p = {.c = {900, 0, 66, 170, 80, 0}};
    rc = open_panels(r, PANELS, &p);
    if (rc != MB_OK) goto out;
    rc = size_panels(&p, p.same);
    if (rc != MB_OK) goto out;
    for (size_t i = 0; i < p.n; i++) {
        const mb_point_result *a = &r->point[p.pick[i]];
        for (size_t k = 0; k < a->n_layer; k++) {
            top = a->layer[k].adc_bits > top ? a->layer[k].adc_bits : top;
            top = a->layer[k].adc_bits_lossless > top ? a->layer[k].adc_bits_lossless : top;
            top = a->layer[k].weight_bits > top ? a->layer[k].weight_bits : top;
        }
    }
    mb_plot_title(&title, "Bits of each layer", r);
    panel_note(&p, &note);
    mb_gp_begin(out, q->name, &p.c, mb_cstr(&title), mb_cstr(&note));
    for (size_t i = 0; i < p.n; i++) bits_data(&r->point[p.pick[i]], i, out);
    mb_str_add(out, "set multiplot\n");
    for (size_t i = 0; i < p.n && rc == MB_OK; i++) {
        rc = begin_panel(&p, i, p.same, out);
        mb_canvas axes = panel_axes(&p, i, p.same);
        mb_gp_ylabel(out, &axes, 6, "bits", "");
        mb_str_addf(out, "set yrange [0:%d.5]\nset ytics 2\n", top);
        bits_numbers(&r->point[p.pick[i]], &axes, top + 0.5, out);
        if (i == 0) mb_gp_side_key(out, &p.c, false);
        mb_str_add(out, "plot \\\n");
        for (int e = 0; e < 3; e++)
            mb_str_addf(out,
                        "  $b%zu_%d using 1:2:3:4:5:6 with boxxyerror lc rgb '%s' lw 0.4 fs solid 1.0 border lc rgb '#ffffff' "
                        "title '%s', \\\n",
                        i, e, mb_plot_colour(colour[e]), title_of[e]);
        mb_str_addf(out, "  $b%zu_3 using 1:2:3:(0) with vectors nohead lw 2 lc rgb '#000000' title 'ADC, lossless'\n", i);
    }
    mb_str_add(out, "unset multiplot\n");
    if (title.failed || note.failed) out->failed = 1;
out:
    mb_str_free(&title);
    mb_str_free(&note);
    free_panels(&p);
    return rc;
}

/* --- signal-to-noise ratio and clipping ----------------------------------------------------------------------------------- */

/* Exact layers stand at the top of the panel, at height EXACT. SHIFT: equal lines beside each other. UNIT: of clipping per
 * percent. */
static void snr_data(const mb_point_result *p, size_t line, double shift, double exact, double unit, mb_str *out) {
    static const char out_of_sight[] = "\n0 0\nEOD\n"; /* a block must hold a number */
    mb_str_addf(out, "$s%zu << EOD\n", line);
    for (size_t k = 0; k < p->n_layer; k++) row(out, (const double[]){(double)k + 1 + shift, p->layer[k].snr_dB}, 2);
    mb_str_addf(out, "%s$e%zu << EOD\n", out_of_sight, line);
    for (size_t k = 0; k < p->n_layer; k++) {
        if (isinf(p->layer[k].snr_dB) && p->layer[k].snr_dB > 0) row(out, (const double[]){(double)k + 1 + shift, exact}, 2);
    }
    mb_str_addf(out, "%s$c%zu << EOD\n", out_of_sight, line);
    for (size_t k = 0; k < p->n_layer; k++)
        row(out, (const double[]){(double)k + 1 + shift, is_analog(&p->layer[k]) ? 100 * unit * p->layer[k].clipped : MB_NAN}, 2);
    mb_str_add(out, out_of_sight);
}

static int plot_snr(const mb_plot_request *q, mb_str *out) {
    const mb_results *r = q->r;
    static const int shape[LINES] = {7, 5, 9, 13, 11, 6};
    int rc;
    double lo = MB_INF, hi = -MB_INF, clip = 0;
    bool any_exact = false;
    mb_str title = {0}, note = {0};
    panels p = {.c = {900, 0, 78, 190, 66, 0}};
    rc = open_panels(r, LINES, &p);
    if (rc != MB_OK) goto out;
    for (size_t i = 0; i < p.n; i++) {
        const mb_point_result *a = &r->point[p.pick[i]];
        for (size_t k = 0; k < a->n_layer; k++) {
            const mb_layer_result *l = &a->layer[k];
            if (isfinite(l->snr_dB)) lo = fmin(lo, l->snr_dB), hi = fmax(hi, l->snr_dB);
            any_exact = any_exact || (isinf(l->snr_dB) && l->snr_dB > 0);
            if (is_analog(l) && isfinite(l->clipped)) clip = fmax(clip, 100 * l->clipped);
        }
    }
    if (lo > hi) lo = 0, hi = 40; /* the points picked are exact throughout */
    size_t lines = p.n;
    size_t longest = 0; /* its layers name the axis */
    for (size_t i = 0; i < lines; i++) {
        if (r->point[p.pick[i]].n_layer > r->point[p.pick[longest]].n_layer) longest = i;
    }
    const double unit = clip > 0 && clip < 0.05 ? 1e4 : 1; /* ppm or percent */
    double air = 0.08 * (hi - lo) + 1, exact = hi + 2 * air;
    mb_plot_title(&title, "Signal and clipping of each layer", r);
    panel_note(&p, &note);
    if (any_exact) mb_str_add(&note, note.n ? "; open marks above: exact" : "open marks above: exact");
    const mb_point_result *a = &r->point[p.pick[longest]];
    double width = a->n_layer > 30 ? 1200 : 900;
    char **names = mb_calloc(a->n_layer, sizeof *names);
    rc = names ? mb_plot_layer_names(a, names) : mb_nomem();
    if (rc != MB_OK) goto names_out;
    p.c.w = width;
    double tics = mb_plot_layer_tics(a, names, width - p.c.left - p.c.right, true, NULL);
    p.c.bottom = tics + 14;
    p.c.h = p.c.top + 250 + 24 + 150 + p.c.bottom;
    mb_canvas upper = p.c, lower = p.c;
    upper.bottom = p.c.bottom + 150 + 24;
    lower.top = p.c.top + 250 + 24;
    mb_gp_begin(out, q->name, &p.c, mb_cstr(&title), mb_cstr(&note));
    for (size_t i = 0; i < lines; i++)
        snr_data(&r->point[p.pick[i]], i, 0.09 * ((double)i - 0.5 * (double)(lines - 1)), exact, unit, out);
    mb_str_addf(out, "set xrange [0.4:%zu.6]\nset multiplot\n", a->n_layer);
    mb_gp_margins(out, &upper);
    mb_plot_layer_tics(a, names, width - p.c.left - p.c.right, false, out);
    mb_gp_ylabel(out, &upper, 3, "SNR", "dB");
    mb_gp_linear(out, "y", lo - air, any_exact ? exact + air : hi + air, 7);
    mb_gp_side_key(out, &p.c, false);
    mb_str_add(out, "plot \\\n");
    for (size_t i = 0; i < lines; i++) {
        const char *col = mb_plot_colour(i);
        mb_str_addf(out, "  $s%zu using 1:2 with linespoints pt %d ps 0.8 lw 1.2 lc rgb '%s' title ", i, shape[i], col);
        mb_gp_text(out, r->n > 1 ? p.tag[i] : "analog", (size_t)((p.c.right - 50) / MB_CHAR_PX(11)));
        mb_str_addf(out, ", \\\n  $e%zu using 1:2 with points pt %d ps 0.9 lc rgb '%s' notitle%s\n", i,
                    shape[i] == 6 ? 4 : shape[i] - 1, col, i + 1 < lines ? ", \\" : "");
    }
    mb_str_add(out, "unset label\nunset key\n");
    mb_gp_margins(out, &lower);
    mb_plot_layer_tics(a, names, width - p.c.left - p.c.right, true, out);
    mb_gp_ylabel(out, &lower, 3, "clipped", unit > 1 ? "ppm" : "%");
    mb_gp_linear(out, "y", 0, clip > 0 ? 1.1 * clip * unit : 1, 4);
    mb_str_add(out, "plot \\\n");
    for (size_t i = 0; i < lines; i++)
        mb_str_addf(out, "  $c%zu using 1:2 with linespoints pt %d ps 0.8 lw 1.2 lc rgb '%s'%s\n", i, shape[i], mb_plot_colour(i),
                    i + 1 < lines ? ", \\" : "");
    mb_str_add(out, "unset multiplot\n");
    if (title.failed || note.failed) out->failed = 1;
names_out:
    for (size_t k = 0; k < a->n_layer && names; k++) mb_free(names[k]);
    mb_free(names);
out:
    mb_str_free(&title);
    mb_str_free(&note);
    free_panels(&p);
    return rc;
}

static const char *useless(const mb_results *r) {
    for (size_t i = 0; i < r->n; i++) {
        if (r->point[i].n_layer) return NULL;
    }
    return "the results hold no layers";
}

static const char *useless_snr(const mb_results *r) {
    if (!mb_has_accuracy(r)) return "no accuracy was simulated (costs only)";
    for (size_t i = 0; i < r->n; i++) {
        for (size_t k = 0; k < r->point[i].n_layer; k++) {
            if (isfinite(r->point[i].layer[k].snr_dB)) return NULL;
        }
    }
    return "all layers are exact: there is no noise to show";
}

static const mb_plot_kind kinds[] = {
    {"energy-layers", "energy of each layer: by component, per inference", useless, plot_cost, "energy_J", NULL, false},
    {"latency-layers", "latency of each layer: by component, per inference", useless, plot_cost, "latency_s", NULL, false},
    {"area-layers", "area of each layer: by component, without what layers share", useless, plot_cost, "area_m2", NULL, false},
    {"precision-layers", "bits of weights, inputs and converters of each layer", useless, plot_precision, NULL, NULL, false},
    {"snr-layers", "signal-to-noise ratio and clipped conversions of each layer", useless_snr, plot_snr, NULL, NULL, false},
    {NULL, NULL, NULL, NULL, NULL, NULL, false},
};
const mb_plot_family mb_plot_layers = {kinds};
