/* plot_figure.h - pictures of several panels, each with axes, curves, points, bands and a legend: what sample and fit draw
 *
 * Numbers are given in the units of the axis labels. All panels have the same size; the legend of a panel stands on its right.
 * Called by sample_plot.c and fit_plot.c.
 */
#ifndef MB_RUN_PLOT_FIGURE_H
#define MB_RUN_PLOT_FIGURE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/str.h"

typedef enum { MB_CURVE, MB_DASHES, MB_POINTS, MB_DOTS, MB_STEPS, MB_BAND, MB_ERRORBARS } mb_series_style;

/* BAND: between lo and hi, no line. ERRORBARS: points y with bars lo .. hi. Points that are not finite are left out. */
typedef struct mb_series {
    mb_series_style style;
    int colour;        /* index of mb_plot_colour; -1: grey */
    const char *title; /* in the legend; NULL: none */
    size_t n;
    double *x, *y, *lo, *hi; /* owned by the panel */
} mb_series;

#define MB_PANEL_SERIES 24
typedef struct mb_panel {
    char title[160], xlabel[80], ylabel[80];
    bool log_x, log_y, time_x; /* time_x: tics 1 s, 1 min, 1 h ...; x in seconds */
    bool zero_y;               /* the vertical axis begins at 0 */
    double cap_y;              /* the vertical axis ends here at the latest, higher curves leave the picture; 0: nowhere */
    char remark[120];          /* instead of curves: why there are none */
    mb_series s[MB_PANEL_SERIES];
    size_t n;
} mb_panel;

/* A new series of N points with arrays to be filled (lo and hi for BAND and ERRORBARS only); NULL without memory or place. TITLE is
 * borrowed until the figure is written. */
mb_series *mb_panel_add(mb_panel *p, mb_series_style style, int colour, const char *title, size_t n);
void mb_panel_free(mb_panel *p);

/* The gnuplot script of N panels in COLUMNS columns. NAME: of the script ([a-z-]); TITLE and NOTE may hold user text. */
int mb_figure_script(const char *name, const char *title, const char *note, const mb_panel *panel, size_t n, int columns,
                     mb_str *out);
/* Does PATH end in .svg, .png, .pdf or .gp, and hold no quotes in its last part? MB_BADINPUT otherwise. */
int mb_picture_check(const char *path);
/* The picture PATH from SCRIPT; .gp: the script itself. Nothing is left behind on failure. */
int mb_picture_write(const char *path, const mb_str *script);

/* The prefix for which most of the N numbers lie between 1 and 1000: number = SI value / scale; text like "\u00b5S". */
typedef struct mb_axis_unit {
    double scale;
    char text[16];
} mb_axis_unit;
mb_axis_unit mb_axis_unit_for(const double *v, size_t n, const char *unit);

#endif
