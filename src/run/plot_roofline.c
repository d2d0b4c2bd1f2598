/* plot_roofline.c - operations per second over operations per byte of weights: crossbars and baselines, under the roofs of the
 * latter
 *
 * Weights are what von Neumann machines move and crossbars keep in place. A layer does 2 MACs and holds groups K N weights of
 * weight_bits; what the network does per byte of its weights is the same for all machines, so that they stand above each other.
 * Small marks are the layers of the most accurate point alone, large ones whole networks: operations per latency of one sample. A
 * roof is min(peak, bandwidth x intensity) with the numbers of the baseline in used.cfg (ops*_per_s of the narrowest width that
 * holds the weights and inputs, dram_B_per_s); of arrays of units it is the peak alone, two operations per unit and cycle; chips
 * that hold all weights may stand above the slope, which is for weights from
 * outside. Williams, Waterman and Patterson, CACM 52, 65 (2009), doi:10.1145/1498765.1498785. Called by plot.c.
 */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/conf.h"
#include "base/error.h"
#include "base/file.h"
#include "base/mem.h"
#include "cost/systolic.h"
#include "run/plot_internal.h"

#define ROOFS 6
#define BASELINES 8

typedef struct roof {
    char name[64];
    double peak, bandwidth; /* operations/s, bytes/s; bandwidth 0: unknown */
    int bits;
} roof;

typedef struct picture {
    const mb_results *r;
    const mb_point_result *best; /* the most accurate, or the first */
    mb_canvas c;
    roof roof[ROOFS];
    size_t n_roof;
    const char *base[BASELINES];
    size_t n_base;
    double x0, x1, y0, y1;
    bool log_x, log_y;
    int labels;
} picture;

static double weight_bytes(const mb_layer_result *l) {
    return (double)l->groups * (double)l->K * (double)l->N * (double)l->weight_bits / 8;
}

static double intensity(const mb_point_result *p) { return 16 * p->macs / p->weight_bits; }
static double rate(const mb_point_result *p, double latency_s) { return 2 * p->macs / latency_s; }

static double number(const mb_conf *g, const char *key) {
    const mb_conf *v = mb_conf_find(g, key);
    return v && (v->type == MB_CONF_REAL || v->type == MB_CONF_INT) ? v->r : 0;
}

/* Peak for operands of BITS, of the group G of a roofline baseline: the fastest width that holds them. */
static double table_peak(const mb_conf *g, int bits, int *width) {
    static const struct {
        int bits;
        const char *key;
    } w[] = {{4, "ops4_per_s"}, {8, "ops8_per_s"}, {16, "ops16_per_s"}, {32, "ops32_per_s"}};
    double best = 0;
    for (size_t i = 0; i < sizeof w / sizeof *w; i++) {
        const double v = w[i].bits >= bits ? number(g, w[i].key) : 0;
        if (v > best) best = v, *width = w[i].bits;
    }
    return best;
}

/* Peak of the baseline of group G: two operations per unit and cycle, all units busy. 0: unknown. */
static double peak_of(const mb_conf *g, int bits, int *width) {
    const mb_conf *kind = mb_conf_find(g, "kind"), *path = mb_conf_find(g, "datapath");
    const double units = number(g, "rows") * number(g, "cols"), clock = number(g, "clock_Hz");
    if (!kind || kind->type != MB_CONF_STRING) return 0;
    *width = bits;
    if (!strcmp(kind->s, "roofline")) return table_peak(g, bits, width);
    if (!strcmp(kind->s, "spatial")) return 2 * units * clock;
    if (!strcmp(kind->s, "nearmem")) { /* twice the inputs per cycle for each halving */
        *width = bits <= 2 ? 2 : bits <= 4 ? 4 : 8;
        return 2 * number(g, "cores") * number(g, "inputs") * number(g, "outputs") * clock * 8 / *width;
    }
    if (strcmp(kind->s, "systolic") != 0) return 0;
    mb_systolic s = {.datapath = MB_SCALING_DATAPATH};
    static const char *const name[] = {"fixed", "scaling", "doubling", "serial"};
    for (int k = 0; k < 4 && path && path->type == MB_CONF_STRING; k++)
        if (!strcmp(path->s, name[k])) s.datapath = k;
    return 2 * units * fmax(1, number(g, "arrays")) * clock / mb_systolic_rate(&s, bits, bits);
}

/* The roofs of `against` in used.cfg; none when the file cannot be read. */
static int read_roofs(picture *p) {
    char *path = mb_path_join(p->r->dir, "used.cfg");
    mb_conf *root = NULL;
    int rc = path ? MB_OK : mb_nomem(), bits = 1;
    if (!rc && mb_file_exists(path)) rc = mb_conf_read(path, &root);
    if (rc == MB_BADINPUT) {
        mb_error_clear();
        rc = MB_OK;
    }
    for (size_t k = 0; k < p->best->n_layer; k++) {
        bits = p->best->layer[k].weight_bits > bits ? p->best->layer[k].weight_bits : bits;
        bits = p->best->layer[k].input_bits > bits ? p->best->layer[k].input_bits : bits;
    }
    const mb_conf *list = root ? mb_conf_find(root, "against") : NULL;
    for (size_t i = 0; list && i < list->n && p->n_roof < ROOFS; i++) {
        const mb_conf *g = list->child[i], *name = mb_conf_find(g, "name"), *kind = mb_conf_find(g, "kind");
        roof *f = &p->roof[p->n_roof];
        f->peak = peak_of(g, bits, &f->bits);
        f->bandwidth = kind && kind->type == MB_CONF_STRING && !strcmp(kind->s, "roofline") ? number(g, "dram_B_per_s") : 0; /* others hold what fits */
        snprintf(f->name, sizeof f->name, "%.60s", name && name->type == MB_CONF_STRING ? name->s : "roofline");
        if (f->peak > 0) p->n_roof++;
    }
    mb_conf_free(root);
    mb_free(path);
    return rc;
}

static void widen(picture *p, double x, double y) {
    if (!(x > 0) || !(y > 0) || !isfinite(x) || !isfinite(y)) return;
    p->x0 = fmin(p->x0, x);
    p->x1 = fmax(p->x1, x);
    p->y0 = fmin(p->y0, y);
    p->y1 = fmax(p->y1, y);
}

static void measure(picture *p) {
    p->x0 = p->y0 = MB_INF;
    p->x1 = p->y1 = 0;
    for (size_t i = 0; i < p->r->n; i++) {
        const mb_point_result *q = &p->r->point[i];
        widen(p, intensity(q), rate(q, q->latency_s));
        for (size_t b = 0; b < q->n_baseline; b++) {
            size_t k = 0;
            widen(p, intensity(q), rate(q, q->baseline[b].cost.latency_s));
            while (k < p->n_base && strcmp(p->base[k], q->baseline[b].name) != 0) k++;
            if (k == p->n_base && k < BASELINES) p->base[p->n_base++] = q->baseline[b].name;
        }
    }
    for (size_t k = 0; k < p->best->n_layer; k++) {
        const mb_layer_result *l = &p->best->layer[k];
        widen(p, 2 * (double)l->macs / weight_bytes(l), 2 * (double)l->macs / l->cost.latency_s);
    }
    for (size_t k = 0; k < p->n_roof; k++) widen(p, p->x1, p->roof[k].peak);
    p->x0 /= 2;
    p->x1 *= 3;
    p->y0 /= 3;
    p->y1 *= 3;
}

static void pair(mb_str *out, double x, double y) {
    mb_gp_num(out, x);
    mb_str_add(out, " ");
    mb_gp_num(out, y);
    mb_str_add(out, "\n");
}

static void write_data(const picture *p, mb_str *out) {
    size_t rows = 0;
    mb_str_add(out, "# operations per byte of weights, operations per second\n$layers << EOD\n");
    for (size_t k = 0; k < p->best->n_layer; k++) {
        const mb_layer_result *l = &p->best->layer[k];
        if (!(l->cost.latency_s > 0) || !(weight_bytes(l) > 0) || l->macs <= 0) continue;
        pair(out, 2 * (double)l->macs / weight_bytes(l), 2 * (double)l->macs / l->cost.latency_s);
        rows++;
    }
    if (!rows) mb_str_add(out, "\n1 1\n");
    mb_str_add(out, "EOD\n$points << EOD\n");
    for (size_t i = 0; i < p->r->n; i++) pair(out, intensity(&p->r->point[i]), rate(&p->r->point[i], p->r->point[i].latency_s));
    mb_str_add(out, "EOD\n");
    for (size_t b = 0; b < p->n_base; b++) {
        mb_str_addf(out, "$base%zu << EOD\n", b);
        for (size_t i = 0; i < p->r->n; i++) {
            const mb_baseline_result *w = mb_point_baseline(&p->r->point[i], p->base[b]);
            if (w) pair(out, intensity(&p->r->point[i]), rate(&p->r->point[i], w->cost.latency_s));
        }
        mb_str_add(out, "EOD\n");
    }
    for (size_t k = 0; k < p->n_roof; k++) {
        const roof *f = &p->roof[k];
        mb_str_addf(out, "$roof%zu << EOD\n", k);
        if (f->bandwidth > 0) {
            pair(out, p->x0, fmin(f->peak, f->bandwidth * p->x0));
            if (f->peak / f->bandwidth > p->x0 && f->peak / f->bandwidth < p->x1) pair(out, f->peak / f->bandwidth, f->peak);
            pair(out, p->x1, fmin(f->peak, f->bandwidth * p->x1));
        } else {
            pair(out, p->x0, f->peak);
            pair(out, p->x1, f->peak);
        }
        mb_str_add(out, "EOD\n");
    }
}

/* The colour of a baseline, and of the roof that has its name. */
static size_t colour_of(const picture *p, const char *name) {
    static const size_t colour[] = {3, 2, 5, 1, 4, 6, 7};
    size_t k = 0;
    while (k < p->n_base && strcmp(p->base[k], name) != 0) k++;
    return colour[k % 7];
}

static void axis(const char *name, double lo, double hi, mb_str *out) {
    const int first = (int)ceil(log10(lo)), last = (int)floor(log10(hi)), step = 1 + (last - first) / 8;
    mb_str_addf(out, "set logscale %s 10\nset %srange [", name, name);
    mb_gp_num(out, lo);
    mb_str_add(out, ":");
    mb_gp_num(out, hi);
    mb_str_addf(out, "]\nset %stics (", name);
    for (int e = first, n = 0; e <= last; e += step) {
        static const char *const unit[] = {"", " k", " M", " G", " T", " P", " E"};
        char text[24];
        if (*name == 'y' && e >= 0 && e < 21) snprintf(text, sizeof text, "%.0f%s", pow(10, e % 3), unit[e / 3]);
        else snprintf(text, sizeof text, "%g", pow(10, e));
        mb_str_add(out, n++ ? ", " : "");
        mb_gp_tic(out, text, 20, pow(10, e));
    }
    mb_str_add(out, ")\n");
}

static int plot(const mb_plot_request *q, mb_str *out) {
    static const int shape[] = {13, 9, 5, 11, 12, 8, 4, 10};
    picture p = {.r = q->r, .best = &q->r->point[0], .c = {900, 520, 100, 200, 66, 62}};
    mb_str title = {0}, note = {0};
    for (size_t i = 1; i < q->r->n; i++)
        if (q->r->point[i].accuracy > p.best->accuracy) p.best = &q->r->point[i];
    int rc = read_roofs(&p);
    if (rc) return rc;
    measure(&p);
    size_t longest = 18;
    for (size_t k = 0; k < p.n_roof; k++) longest = strlen(p.roof[k].name) + 12 > longest ? strlen(p.roof[k].name) + 12 : longest;
    p.c.right = fmin(300, 56 + (double)longest * MB_CHAR_PX(11.5));
    p.c.w += p.c.right - 200;
    mb_plot_title(&title, "Roofline over the traffic of weights", q->r);
    mb_str_addf(&note, "whole networks, one sample; small marks: layers of point %lld; slopes: weights from outside of the chip",
                (long long)p.best->index);
    mb_gp_begin(out, q->name, &p.c, mb_cstr(&title), mb_cstr(&note));
    write_data(&p, out);
    axis("x", p.x0, p.x1, out);
    axis("y", p.y0, p.y1, out);
    mb_str_add(out, "set xlabel 'operations per byte of weights'\nset grid x y lt 1 lw 0.5 lc rgb '#dddddd'\n");
    mb_gp_ylabel(out, &p.c, 3, "operations per second", "1/s");
    mb_gp_side_key(out, &p.c, false);
    mb_str_add(out, "plot \\\n");
    const size_t chars = (size_t)((p.c.right - 44) / MB_CHAR_PX(11));
    for (size_t k = 0; k < p.n_roof; k++) {
        char text[96];
        snprintf(text, sizeof text, "%s, %d-bit roof", p.roof[k].name, p.roof[k].bits);
        mb_str_addf(out, "  $roof%zu using 1:2 with lines lw 1.8 dt %s lc rgb '%s' title ", k, k % 2 ? "(8,4)" : "1",
                    mb_plot_colour(colour_of(&p, p.roof[k].name)));
        mb_gp_text(out, text, chars);
        mb_str_add(out, ", \\\n");
    }
    for (size_t b = 0; b < p.n_base; b++) {
        mb_str_addf(out, "  $base%zu using 1:2 with points pt %d ps 1.2 lc rgb '%s' title ", b, shape[b],
                    mb_plot_colour(colour_of(&p, p.base[b])));
        mb_gp_text(out, p.base[b], chars);
        mb_str_add(out, ", \\\n");
    }
    mb_str_addf(out,
                "  $layers using 1:2 with points pt 6 ps 0.6 lc rgb '%s' title 'crossbars, layers', \\\n"
                "  $points using 1:2 with points pt 7 ps 1.1 lc rgb '%s' title 'crossbars'\n",
                mb_plot_colour(0), mb_plot_colour(0));
    if (title.failed || note.failed) out->failed = 1;
    mb_str_free(&title);
    mb_str_free(&note);
    return MB_OK;
}

static const char *useless(const mb_results *r) {
    bool costed = false, baseline = false;
    for (size_t i = 0; i < r->n; i++) {
        costed = costed || (r->point[i].macs > 0 && r->point[i].weight_bits > 0 && r->point[i].latency_s > 0);
        baseline = baseline || r->point[i].n_baseline;
    }
    return !costed ? "no point has operations, weights and a latency" : baseline ? NULL : "the experiment names no baseline";
}

static const mb_plot_kind kinds[] = {
    {"roofline", "operations per second over operations per byte of weights, under the roofs of the baselines", useless, plot,
     NULL, NULL, false},
    {NULL, NULL, NULL, NULL, NULL, NULL, false},
};
const mb_plot_family mb_plot_roofline = {kinds};
