/* plot_internal.h - what plot.c and plot_*.c share: how a gnuplot script is written
 *
 * A script gets numbers and quoted strings only. Strings stand in single quotes, where gnuplot substitutes nothing, and hold
 * none; all text is drawn with enhanced mode off. Sizes are in pixels of the SVG picture; PNG has twice as many, PDF has 100 per
 * inch.
 */
#ifndef MB_RUN_PLOT_INTERNAL_H
#define MB_RUN_PLOT_INTERNAL_H

#include "run/results_internal.h"

/* What is asked of a kind of plot. */
typedef struct mb_plot_kind mb_plot_kind;
typedef struct mb_plot_request {
    const char *name;    /* of the files */
    const mb_results *r; /* feasible points only, at least one */
    const mb_plot_kind *kind;
    mb_plot_options o;
} mb_plot_request;

/* A kind of plot. */
struct mb_plot_kind {
    const char *name, *help;
    /* NULL when the plot makes sense for R, else why not. */
    const char *(*useless)(const mb_results *r);
    int (*write)(const mb_plot_request *q, mb_str *out);
    const char *metric; /* for writers of several kinds: the column that tells them apart */
    const char *takes;  /* the options it heeds: letters of "xyb" (b: by); NULL: none */
    bool on_request;    /* drawn only when it is named */
};

/* Kinds that share a file: plot_NAME.c defines `const mb_plot_family mb_plot_NAME` and stands in MB_PLOTS of local.mk, from which
 * the registry is generated. */
typedef struct mb_plot_family {
    const mb_plot_kind *kind; /* ends with name NULL */
} mb_plot_family;
extern const mb_plot_family *const mb_plot_families[];

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

/* The palette of maps: cividis (Nunez, Anderton, Renslow, PLoS ONE 13 (2018) e0199239, doi:10.1371/journal.pone.0199239), from
 * dark to light. */
void mb_gp_palette(mb_str *out);

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
/* Tics of layers 1..n on axes WIDTH pixels wide, with names when SHOW; returns the room they take below the axes. Without OUT
 * only the room. */
double mb_plot_layer_tics(const mb_point_result *p, char *const *name, double width, bool show, mb_str *out);
/* The key in the margin on the right. */
void mb_gp_side_key(mb_str *out, const mb_canvas *c, bool invert);

/* --- what axes show (plot_metric.c) --- */
/* A column of the table of columns, in the unit of an axis. */
typedef struct mb_metric {
    const mb_column *column, *low, *high; /* low, high: the ends of its interval or band, NULL: none */
    char label[96], brief[48], unit[64];  /* "energy per inference", "energy", "uJ" (see mb_gp_unit) or "%" */
    double scale;                         /* shown number = SI number / scale */
    bool percent, more_is_better;
} mb_metric;
/* NAME: of a column, with or without its unit ("energy_J", "energy", "edap"). MB_BADINPUT names the nearest one, and when no
 * point of R has a number there. */
int mb_metric_new(const mb_results *r, const char *name, mb_metric *m);
double mb_metric_at(const mb_metric *m, const mb_point_result *p);                         /* NaN when unknown */
void mb_metric_band(const mb_metric *m, const mb_point_result *p, double *lo, double *hi); /* both the value without a band */
double mb_metric_of(const mb_metric *m, const mb_baseline_result *b);                      /* NaN unless it is one of the costs */
void mb_metric_text(const mb_metric *m, double shown, char *buf, size_t cap);              /* three digits or so */
void mb_metric_axis(const mb_metric *m, mb_str *out); /* "energy per inference [uJ]", UTF-8 */
/* A swept key as an axis: its values, numbers ascending when all are numbers, else in the order of the sweep. */
typedef struct mb_key_axis {
    const char *key, **value; /* borrowed from the results */
    double *number;           /* NaN for words */
    size_t n, *at;            /* at[i]: which value point i has, n: none */
    bool numbers;
} mb_key_axis;
/* KEY: a swept key or its end after a dot; MB_BADINPUT names those that are swept. */
int mb_key_axis_new(const mb_results *r, const char *key, mb_key_axis *a);
void mb_key_axis_free(mb_key_axis *a);
/* Value K as people read it: times in seconds (a key that ends in time_s) as "1 h", the others as they are. BUF: 32 bytes. */
const char *mb_key_axis_text(const mb_key_axis *a, size_t k, char *buf);
/* The swept keys that take at least two values, by name, at most CAP of them. */
size_t mb_varied_keys(const mb_results *r, const char **key, size_t cap);
/* Those of them that can be axes: at most MB_AXIS_VALUES values. */
#define MB_AXIS_VALUES 512
size_t mb_axis_keys(const mb_results *r, const char **key, size_t cap);
/* Of the points I with X.at[I] == X0 (and Y.at[I] == Y0 unless Y is NULL): the one that is best in M, or MB_NO_POINT. */
#define MB_NO_POINT ((size_t)-1)
size_t mb_best_point(const mb_results *r, const mb_metric *m, const mb_key_axis *x, size_t x0, const mb_key_axis *y, size_t y0);
/* Why there is no plot over swept keys, or NULL. */
const char *mb_useless_keys(const mb_results *r);

/* --- components --- */
/* A component has the same colour and hatching in every run, plot and page: known ones by a table, others by their name. */
typedef struct mb_style {
    const char *colour;
    int hatch; /* 0: plain, 1, 2: hatched in two directions */
} mb_style;
mb_style mb_component_style(const char *name);

/* The components that are drawn, the largest MB_LEGEND of a run in the order of the report; the rest are "other". */
#define MB_LEGEND 14
typedef struct mb_legend {
    const char *name[MB_LEGEND];
    size_t n;
} mb_legend;
void mb_legend_of(const mb_results *r, bool baselines, mb_legend *l);
/* Index into the legend of component NAME, l->n: other. */
size_t mb_legend_find(const mb_legend *l, const char *name);
void mb_legend_style(const mb_legend *l, size_t i, mb_str *out); /* "lc rgb '#...' fs solid ..." */

#endif
