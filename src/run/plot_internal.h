/* plot_internal.h - what plot.c and plot_*.c share: how a gnuplot script is written
 *
 * A script gets numbers and quoted strings only. Strings stand in single quotes, where gnuplot substitutes nothing, and hold
 * none; all text is drawn with enhanced mode off. Sizes are in pixels of the SVG picture; PNG has twice as many, PDF has 100 per
 * inch.
 */
#ifndef MB_RUN_PLOT_INTERNAL_H
#define MB_RUN_PLOT_INTERNAL_H

#include "run/results_internal.h"

/* A kind of plot: one row of the table in plot.c. */
typedef struct mb_plot_type {
    const char *name, *help;
    /* NULL when the plot makes sense for R, else why not. */
    const char *(*useless)(const mb_results *r);
    int (*write)(const char *name, const mb_results *r, mb_str *out);
} mb_plot_type;

/* gnuplot SCRIPT in folder DIR, drawing FORMAT into the file PART there. */
int mb_gnuplot_run(const char *dir, const char *script, const char *format, const char *part);

/* Colours that the colour-blind tell apart. Okabe & Ito, "Color universal design" (2008); N counts round, the last is grey. */
#define MB_COLOURS 8
const char *mb_plot_colour(size_t i);
#define MB_PLOT_GREY "#666666"

/* --- strings and numbers --- */
void mb_gp_text(mb_str *out, const char *text, size_t chars);           /* 'text', safe, at most CHARS characters */
void mb_gp_tic(mb_str *out, const char *text, size_t chars, double at); /* an element of "set xtics (...)" */
void mb_gp_num(mb_str *out, double v);                                  /* finite number or NaN */
void mb_gp_unit(mb_str *out,
                const char *unit); /* "uJ us mm2" for readers: "\u00b5J \u00b7 \u00b5s \u00b7 mm\u00b2" (UTF-8), not quoted */

/* --- the picture --- */
typedef struct mb_canvas {
    double w, h, left, right, top, bottom;
} mb_canvas; /* size; margins around the axes */
#define MB_FONT 13.0
#define MB_CHAR_PX(font) (0.60 * (font)) /* mean width of a character */
/* Head of the script: output, terminals, style; title and a grey second line (either may be empty; user text is allowed). */
void mb_gp_begin(mb_str *out, const char *name, const mb_canvas *c, const char *title, const char *note);
void mb_gp_margins(mb_str *out, const mb_canvas *c);
/* Title of a plot: WHAT, and the run's name. */
void mb_plot_title(mb_str *out, const char *what, const mb_results *r);
/* Tics at 1, 2, 5 (finer on short axes) of a logarithmic axis ("x", "y") from LO to HI; false when even the finest gives too few:
 * use a linear axis. */
bool mb_gp_log_tics(mb_str *out, const char *axis, double lo, double hi);
/* Range and round tics, about TICS of them, of a linear axis. */
void mb_gp_linear(mb_str *out, const char *axis, double lo, double hi, int tics);
/* Text at pixel X, Y (from below); ALIGN 'l', 'c', 'r'; TAG: number of the label (unique in the script). */
void mb_gp_label(mb_str *out, const mb_canvas *c, int tag, double x, double y, char align, double font, const char *colour,
                 const char *text, size_t chars);

/* "WHAT [UNIT]" along the vertical axis, at the left edge. */
void mb_gp_ylabel(mb_str *out, const mb_canvas *c, int tag, const char *what, const char *unit);

/* --- placing labels so that they do not touch --- */
typedef struct mb_box {
    double x0, y0, x1, y1, weight;
} mb_box; /* WEIGHT: how bad it is to cover it; >= 1: never */
typedef struct mb_placer {
    mb_box *box, area;
    size_t n, cap;
} mb_placer;
int mb_place_obstacle(mb_placer *p, mb_box b);
double mb_place_badness(const mb_placer *p,
                        const mb_box *b); /* of a label in B: 0 when it touches nothing, >= 1 when it must not stand there */
typedef struct mb_spot {
    bool ok, leader;
    double x, y, ax, ay;
    char align;
} mb_spot; /* where the text begins, ends or is centred; leader: draw a line to (ax, ay) */
/* ORDER: directions to try, as on a numeric keypad ("64" is right, then left). */
/* A place for a text of W x H pixels near the mark of radius R at X, Y. ok false: there is none (unless MUST). The place is an
 * obstacle for those that follow. */
int mb_place_label(mb_placer *p, double x, double y, double r, double w, double h, bool must, const char *order, mb_spot *s);

/* --- points --- */
/* At most MAX points that stand for all: the front of accuracy against energy, spread evenly (costs only: spread over the
 * energy). Indices into r->point, in the order of the sweep when all are taken, else from the best accuracy down. */
int mb_pick_points(const mb_results *r, size_t max, size_t *pick, size_t *n);
/* FRONT[i]: no other point has at most COST[i] and at least GAIN[i]. ORDER: room for n; front points by rising cost come first,
 * *m of them. */
int mb_pareto(const double *cost, const double *gain, size_t n, bool *front, size_t *order, size_t *m);
bool mb_has_accuracy(const mb_results *r);

/* --- layers along the horizontal axis (plot_layers.c) --- */
/* Brief names of the layers of P into NAME[n_layer]; mb_free each, also after a failure. */
int mb_plot_layer_names(const mb_point_result *p, char **name);
/* Tics of layers 1..n on axes WIDTH pixels wide, with names when SHOW; returns the room they take below the axes. Without OUT only the room. */
double mb_plot_layer_tics(const mb_point_result *p, char *const *name, double width, bool show, mb_str *out);
/* The key in the margin on the right. */
void mb_gp_side_key(mb_str *out, const mb_canvas *c, bool invert);

/* --- the plots --- */
int mb_plot_accuracy_energy(const char *name, const mb_results *r, mb_str *out);
int mb_plot_accuracy_edap(const char *name, const mb_results *r, mb_str *out);
const char *mb_useless_accuracy(const mb_results *r);
int mb_plot_accuracy_time(const char *name, const mb_results *r, mb_str *out);
const char *mb_useless_time(const mb_results *r);
int mb_plot_energy_components(const char *name, const mb_results *r, mb_str *out);
int mb_plot_latency_components(const char *name, const mb_results *r, mb_str *out);
int mb_plot_area_components(const char *name, const mb_results *r, mb_str *out);
const char *mb_useless_components(const mb_results *r);
int mb_plot_energy_layers(const char *name, const mb_results *r, mb_str *out);
int mb_plot_precision_layers(const char *name, const mb_results *r, mb_str *out);
int mb_plot_snr_layers(const char *name, const mb_results *r, mb_str *out);
int mb_plot_explain_costs(const char *name, const mb_results *r, mb_str *out);
int mb_plot_explain_snr(const char *name, const mb_results *r, mb_str *out);
int mb_plot_explain_codes(const char *name, const mb_results *r, mb_str *out);
const char *mb_useless_explain(const mb_results *r);
const char *mb_useless_codes(const mb_results *r);
const char *mb_useless_layers(const mb_results *r);
const char *mb_useless_snr(const mb_results *r);

/* Components that get a colour of their own, the same in all plots of a run; the rest are "other". Those of the points come
 * first, in full colour, then further ones of baselines, hatched. */
typedef struct mb_legend {
    const char *name[2 * MB_COLOURS];
    size_t n, own;
} mb_legend;
void mb_legend_of(const mb_results *r, bool baselines, mb_legend *l);
/* Index into the legend of component NAME, l->n: other. */
size_t mb_legend_find(const mb_legend *l, const char *name);
void mb_legend_style(const mb_legend *l, size_t i, mb_str *out); /* "lc rgb '#...' fs solid ..." */

#endif
