/* plot_figure.c - pictures of several panels (plot_figure.h): gnuplot's multiplot with margins fixed in pixels */
#include "run/plot_figure.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/error.h"
#include "base/file.h"
#include "base/mem.h"
#include "run/plot_internal.h"

#define CELL_W 630.0
#define CELL_H 400.0
#define HEAD 56.0
#define KEY_W 140.0

mb_series *mb_panel_add(mb_panel *p, mb_series_style style, int colour, const char *title, size_t n) {
    if (p->n == MB_PANEL_SERIES) return NULL;
    mb_series s = {.style = style, .colour = colour, .title = title, .n = n};
    const bool range = style == MB_BAND || style == MB_ERRORBARS;
    s.x = mb_calloc(n ? n : 1, sizeof *s.x);
    s.y = mb_calloc(n ? n : 1, sizeof *s.y);
    if (range) s.lo = mb_calloc(n ? n : 1, sizeof *s.lo);
    if (range) s.hi = mb_calloc(n ? n : 1, sizeof *s.hi);
    if (!s.x || !s.y || (range && (!s.lo || !s.hi))) {
        mb_free(s.x);
        mb_free(s.y);
        mb_free(s.lo);
        mb_free(s.hi);
        return NULL;
    }
    p->s[p->n] = s;
    return &p->s[p->n++];
}

void mb_panel_free(mb_panel *p) {
    for (size_t i = 0; i < p->n; i++) {
        mb_free(p->s[i].x);
        mb_free(p->s[i].y);
        mb_free(p->s[i].lo);
        mb_free(p->s[i].hi);
    }
    p->n = 0;
}

mb_axis_unit mb_axis_unit_for(const double *v, size_t n, const char *unit) {
    mb_axis_unit a = {1, ""};
    const mb_unit_choice c = mb_choose_unit(v, n, unit);
    a.scale = c.scale;
    if (c.name[0] == 'u' && strcmp(c.name, unit) != 0) snprintf(a.text, sizeof a.text, "\xC2\xB5%.12s", c.name + 1);
    else snprintf(a.text, sizeof a.text, "%.15s", c.name);
    return a;
}

/* --- ranges -------------------------------------------------------------------------------------------------------------- */

typedef struct span {
    double lo, hi;
} span;

static void widen(span *s, double v, bool log) {
    if (!isfinite(v) || (log && v <= 0)) return;
    s->lo = v < s->lo ? v : s->lo;
    s->hi = v > s->hi ? v : s->hi;
}

static bool usable(const mb_panel *p, const mb_series *s, size_t i) {
    const bool range = s->style == MB_BAND || s->style == MB_ERRORBARS;
    const double low = range ? s->lo[i] : s->y[i], high = range ? s->hi[i] : s->y[i];
    if (!isfinite(s->x[i]) || !isfinite(low) || !isfinite(high)) return false;
    if (p->log_x && s->x[i] <= 0) return false;
    if (p->log_y && (high <= 0 || (s->style != MB_BAND && s->y[i] <= 0))) return false;
    return true;
}

static void ranges(const mb_panel *p, span *x, span *y) {
    *x = *y = (span){MB_INF, -MB_INF};
    for (size_t k = 0; k < p->n; k++)
        for (size_t i = 0; i < p->s[k].n; i++) {
            const mb_series *s = &p->s[k];
            if (!usable(p, s, i)) continue;
            widen(x, s->x[i], p->log_x);
            if (s->style != MB_BAND) widen(y, s->y[i], p->log_y);
            if (s->lo) widen(y, s->lo[i], p->log_y);
            if (s->hi) widen(y, s->hi[i], p->log_y);
        }
}

static void pad(span *s, bool log, bool zero, double share) {
    if (!(s->hi >= s->lo)) *s = (span){log ? 1 : 0, log ? 10 : 1};
    if (log) {
        if (s->hi / s->lo < 2) s->lo /= 1.6, s->hi *= 1.6;
        const double f = pow(s->hi / s->lo, share);
        s->lo /= f;
        s->hi *= f;
        return;
    }
    const double middle = fmax(fabs(s->lo), fabs(s->hi));
    if (s->hi - s->lo <= 1e-9 * middle || s->hi == s->lo) {
        const double half = middle > 0 ? 0.1 * middle : 1;
        s->lo -= half;
        s->hi += half;
    }
    const double d = share * (s->hi - s->lo);
    if (zero && s->lo >= 0) s->lo = 0;
    else s->lo -= d;
    s->hi += d;
}

static bool time_tics(mb_str *out, const span *x) {
    static const struct {
        double s;
        const char *text;
    } tic[] = {{1e-9, "1 ns"}, {1e-6, "1 \xC2\xB5s"}, {1e-3, "1 ms"},    {1, "1 s"},        {60, "1 min"},
               {3600, "1 h"},  {86400, "1 d"},        {2592000, "30 d"}, {31557600, "1 y"}, {315576000, "10 y"}};
    int n = 0;
    mb_str list = {0};
    for (size_t i = 0; i < sizeof tic / sizeof *tic; i++) {
        if (tic[i].s < x->lo || tic[i].s > x->hi) continue;
        if (n++) mb_str_add(&list, ", ");
        mb_gp_tic(&list, tic[i].text, 10, tic[i].s);
    }
    if (list.failed) out->failed = 1;
    if (n >= 2) mb_str_addf(out, "set logscale x 10\nset xtics (%s)\n", mb_cstr(&list));
    mb_str_free(&list);
    return n >= 2;
}

/* Many decades: some of the powers of ten. */
static bool decade_tics(mb_str *out, const char *name, const span *s) {
    const int lo = (int)ceil(log10(s->lo) - 1e-9), hi = (int)floor(log10(s->hi) + 1e-9), step = (hi - lo + 6) / 6;
    if (hi - lo < 6) return false;
    mb_str_addf(out, "set logscale %s 10\nset %stics (", name, name);
    for (int e = lo; e <= hi; e++) {
        char text[16];
        if (e % step != 0) continue;
        if (e >= -2 && e <= 3) snprintf(text, sizeof text, "%g", pow(10, e));
        else snprintf(text, sizeof text, "1e%d", e);
        if (out->s && out->n && out->s[out->n - 1] != '(') mb_str_add(out, ", ");
        mb_gp_tic(out, text, 12, pow(10, e));
    }
    mb_str_add(out, ")\n");
    return true;
}

static void axis(mb_str *out, const char *name, const span *s, bool log, bool time, int tics) {
    if (log && ((time && time_tics(out, s)) || decade_tics(out, name, s) || mb_gp_log_tics(out, name, s->lo, s->hi))) {
        mb_str_addf(out, "set %srange [", name);
        mb_gp_num(out, s->lo);
        mb_str_add(out, ":");
        mb_gp_num(out, s->hi);
        mb_str_add(out, "]\n");
        return;
    }
    mb_str_addf(out, "unset logscale %s\n", name);
    mb_gp_linear(out, name, s->lo, s->hi, tics);
}

/* --- the script ---------------------------------------------------------------------------------------------------------- */

static void data(const mb_panel *p, const mb_series *s, size_t panel, size_t k, mb_str *out) {
    size_t kept = 0;
    mb_str_addf(out, "$p%zus%zu << EOD\n", panel, k);
    for (size_t i = 0; i < s->n; i++) {
        if (!usable(p, s, i)) continue;
        kept++;
        mb_gp_num(out, s->x[i]);
        mb_str_add(out, " ");
        if (s->style == MB_BAND) {
            mb_gp_num(out, s->lo[i]);
        } else {
            mb_gp_num(out, s->y[i]);
            if (s->style == MB_ERRORBARS) {
                mb_str_add(out, " ");
                mb_gp_num(out, s->lo[i]);
            }
        }
        if (s->lo) {
            mb_str_add(out, " ");
            mb_gp_num(out, s->hi[i]);
        }
        mb_str_add(out, "\n");
    }
    if (!kept) mb_str_add(out, s->style == MB_ERRORBARS ? "NaN NaN NaN NaN\n" : "NaN NaN NaN\n");
    mb_str_add(out, "EOD\n");
}

static void style(const mb_series *s, size_t panel, size_t k, mb_str *out) {
    const char *colour = s->colour < 0 ? "#888888" : mb_plot_colour((size_t)s->colour % MB_COLOURS);
    mb_str_addf(out, "$p%zus%zu using ", panel, k);
    switch (s->style) {
    case MB_CURVE: mb_str_addf(out, "1:2 with lines lw 1.6 lc rgb '%s'", colour); break;
    case MB_DASHES: mb_str_addf(out, "1:2 with lines lw 1.2 dt (6,4) lc rgb '%s'", colour); break;
    case MB_POINTS: mb_str_addf(out, "1:2 with points pt 7 ps 0.5 lc rgb '%s'", colour); break;
    case MB_DOTS: mb_str_addf(out, "1:2 with points pt 7 ps 0.16 lc rgb '%s'", colour); break;
    case MB_STEPS: mb_str_addf(out, "1:2 with histeps lw 1.3 lc rgb '%s'", colour); break;
    case MB_BAND: mb_str_addf(out, "1:2:3 with filledcurves fs transparent solid 0.18 noborder lc rgb '%s'", colour); break;
    case MB_ERRORBARS: mb_str_addf(out, "1:2:3:4 with yerrorbars pt 7 ps 0.5 lw 1 lc rgb '%s'", colour); break;
    }
    if (s->title) {
        mb_str_add(out, " title ");
        mb_gp_text(out, s->title, (size_t)((KEY_W - 34) / MB_CHAR_PX(10.5)));
    } else {
        mb_str_add(out, " notitle");
    }
}

static void write_panel(const mb_panel *p, size_t index, const mb_canvas *c, mb_str *out) {
    span x, y;
    const double key_x = c->w - c->right + 10, key_y = c->h - c->top;
    bool first = true;
    ranges(p, &x, &y);
    if (p->cap_y > 0 && y.hi > p->cap_y) y.hi = p->cap_y;
    pad(&x, p->log_x, false, 0.03);
    pad(&y, p->log_y, p->zero_y, 0.06);
    for (size_t k = 0; k < p->n; k++) data(p, &p->s[k], index, k, out);
    mb_gp_margins(out, c);
    mb_gp_label(out, c, 10 + (int)index, c->left, c->h - c->top + 16, 'l', 12.5, "#000000", p->title, 78);
    axis(out, "x", &x, p->log_x, p->time_x, 6);
    axis(out, "y", &y, p->log_y, false, 6);
    mb_str_add(out, "set xlabel ");
    mb_gp_text(out, p->xlabel, 80);
    /* at a fixed distance from the axis: gnuplot's own place depends on the width of the numbers and may lie outside the picture */
    mb_str_addf(out, " offset 0,0.4 font ',11.5'\nset label %zu ", 50 + index);
    mb_gp_text(out, p->ylabel, 60);
    mb_str_add(out, " at screen ");
    mb_gp_num(out, (c->left - 74) / c->w);
    mb_str_add(out, ",");
    mb_gp_num(out, (c->bottom + c->h - c->top) / 2 / c->h);
    mb_str_add(out, " center rotate by 90 front font ',11.5'\nset tics font ',10.5'\nset key at screen ");
    mb_gp_num(out, key_x / c->w);
    mb_str_add(out, ",");
    mb_gp_num(out, key_y / c->h);
    mb_str_add(out, " left top vertical Left reverse noinvert samplen 1.4 spacing 1.1 width -1 font ',10.5'\n");
    if (*p->remark)
        mb_gp_label(out, c, 30 + (int)index, (c->left + c->w - c->right) / 2, (c->bottom + c->h - c->top) / 2, 'c', 12,
                    MB_PLOT_GREY, p->remark, 90);
    mb_str_add(out, "plot \\\n");
    for (size_t k = 0; k < p->n; k++) {
        mb_str_add(out, first ? "  " : ", \\\n  ");
        style(&p->s[k], index, k, out);
        first = false;
    }
    mb_str_add(out, first ? "  NaN notitle\n" : "\n");
    mb_str_add(out, "unset label\nunset logscale\n");
}

int mb_figure_script(const char *name, const char *title, const char *note, const mb_panel *panel, size_t n, int columns,
                     mb_str *out) {
    const size_t cols = (size_t)columns < n ? (size_t)columns : n, rows = (n + cols - 1) / cols;
    mb_canvas whole = {(double)cols * CELL_W, HEAD + (double)rows * CELL_H, 64, 20, HEAD, 50};
    mb_gp_begin(out, name, &whole, title, note);
    mb_str_add(out, "set multiplot\n");
    for (size_t i = 0; i < n; i++) {
        mb_canvas c = whole;
        bool legend = false;
        for (size_t k = 0; k < panel[i].n; k++) legend |= panel[i].s[k].title != NULL;
        c.left = (double)(i % cols) * CELL_W + 96;
        c.right = whole.w - (double)(i % cols + 1) * CELL_W + (legend ? KEY_W : 30);
        c.top = HEAD + (double)(i / cols) * CELL_H + 30;
        c.bottom = (double)(rows - 1 - i / cols) * CELL_H + 56;
        write_panel(&panel[i], i, &c, out);
    }
    mb_str_add(out, "unset multiplot\n");
    return out->failed ? mb_nomem() : MB_OK;
}

/* --- files --------------------------------------------------------------------------------------------------------------- */

static const char *extension(const char *path) {
    static const char *const known[] = {"svg", "png", "pdf", "gp"};
    const char *slash = strrchr(path, '/'), *dot = strrchr(slash ? slash : path, '.');
    for (size_t i = 0; dot && i < sizeof known / sizeof *known; i++)
        if (strcmp(dot + 1, known[i]) == 0) return known[i];
    return NULL;
}

int mb_picture_check(const char *path) {
    const char *slash = strrchr(path, '/');
    if (strpbrk(slash ? slash : path, "'\"\\`\n")) return mb_fail(MB_BADINPUT, "%s: a picture's name may not hold quotes", path); /* the script names it */
    if (extension(path)) return MB_OK;
    return mb_fail(MB_BADINPUT, "%s: a picture's name ends in .svg, .png or .pdf, or .gp for the gnuplot script", path);
}

int mb_picture_write(const char *path, const mb_str *script) {
    int rc = mb_picture_check(path);
    const char *format = extension(path);
    char *dir = NULL, *base = NULL, *gp = NULL, *part = NULL, *script_path = NULL, *part_path = NULL;
    if (rc) return rc;
    if (script->failed) return mb_nomem();
    if (strcmp(format, "gp") == 0) return mb_file_write(path, mb_cstr(script), script->n);
    dir = mb_path_dir(path);
    base = mb_path_base(path);
    gp = base ? mb_asprintf(".%s.%s.gp", base, format) : NULL;
    part = base ? mb_asprintf(".%s.%s.part", base, format) : NULL;
    script_path = dir && gp ? mb_path_join(dir, gp) : NULL;
    part_path = dir && part ? mb_path_join(dir, part) : NULL;
    if (!script_path || !part_path) {
        rc = mb_nomem();
        goto out;
    }
    rc = mb_file_write(script_path, mb_cstr(script), script->n);
    if (!rc) rc = mb_gnuplot_run(dir, gp, format, part);
    if (!rc && rename(part_path, path) != 0) rc = mb_fail(MB_SYSTEM, "%s: %s", path, strerror(errno));
    if (rc) unlink(part_path);
    unlink(script_path);
out:
    mb_free(dir);
    mb_free(base);
    mb_free(gp);
    mb_free(part);
    mb_free(script_path);
    mb_free(part_path);
    return rc;
}
