/* plot_heat.c - one column of the results over two swept keys, as a map of colours with the numbers written in
 *
 * Where further keys vary, a field is the best point (most accurate, cheapest) of those that share its two values; the picture
 * says so. The colours are those of cividis, whose lightness alone carries the value; costs over more than a factor LOG_SPAN have
 * a logarithmic scale. Called by plot.c.
 */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "base/mem.h"
#include "run/plot_internal.h"

#define LOG_SPAN 20.0
#define NAME_CHARS 22
#define FIELDS_MAX 64 /* along one axis */

typedef struct picture {
    const mb_results *r;
    mb_canvas c;
    mb_metric m;
    mb_key_axis x, y;
    double *v, lo, hi; /* [y.n][x.n] */
    size_t most;       /* points in one field */
    bool log;
} picture;

/* Part of the fields of a map over A and B that have a point. */
static double filled(const mb_results *r, const mb_key_axis *a, const mb_key_axis *b) {
    bool field[FIELDS_MAX * FIELDS_MAX] = {false};
    size_t n = 0;
    for (size_t i = 0; i < r->n; i++) {
        if (a->at[i] >= a->n || b->at[i] >= b->n) continue;
        n += !field[a->at[i] * FIELDS_MAX + b->at[i]];
        field[a->at[i] * FIELDS_MAX + b->at[i]] = true;
    }
    return a->n && b->n ? (double)n / (double)(a->n * b->n) : 0;
}

/* Two swept keys that make the fullest map with at least two values each; *x stays NULL when there are none. */
static int find_keys(const mb_results *r, const char **x, const char **y) {
    const char *key[12];
    const size_t n = mb_axis_keys(r, key, 12);
    double best = 0.5;
    int rc = MB_OK;
    for (size_t i = 0; i < n && !rc; i++)
        for (size_t k = 0; k < i && !rc; k++) {
            mb_key_axis a, b = {.n = 0};
            rc = mb_key_axis_new(r, key[i], &a);
            if (!rc) rc = mb_key_axis_new(r, key[k], &b);
            const double f = !rc && a.n <= FIELDS_MAX && b.n <= FIELDS_MAX ? filled(r, &a, &b) : 0;
            if (f > best + 1e-9) {
                best = f;
                *x = key[i];
                *y = key[k];
            }
            mb_key_axis_free(&a);
            mb_key_axis_free(&b);
        }
    return rc;
}

static const char no_map[] = "no two swept keys make a map: two keys that change independently are needed";

static const char *useless(const mb_results *r) {
    const char *x = NULL, *y = NULL;
    if (find_keys(r, &x, &y) != MB_OK) mb_error_clear(); /* drawing it will say what */
    return x ? NULL : no_map;
}

static int gather(const mb_plot_request *q, picture *p) {
    const char *x = NULL, *y = NULL;
    int rc = !q->o.x || !q->o.by ? find_keys(q->r, &x, &y) : MB_OK;
    if (rc) return rc;
    if ((!q->o.x || !q->o.by) && !x) return mb_fail(MB_BADINPUT, "%s", no_map);
    if (q->o.x) x = q->o.x;
    if (q->o.by) y = q->o.by;
    if (strcmp(x, y) == 0) { /* one was asked for and the other chosen alike */
        const char *a = NULL, *b = NULL;
        rc = find_keys(q->r, &a, &b);
        if (rc) return rc;
        if ((q->o.x && q->o.by) || !a) return mb_fail(MB_BADINPUT, "heat-map: columns and rows are the same key %.80s", x);
        if (q->o.x) y = strcmp(a, x) == 0 ? b : a;
        else x = strcmp(a, y) == 0 ? b : a;
    }
    rc = mb_key_axis_new(q->r, x, &p->x);
    if (!rc) rc = mb_key_axis_new(q->r, y, &p->y);
    if (!rc && (p->x.n > FIELDS_MAX || p->y.n > FIELDS_MAX))
        rc = mb_fail(MB_BADINPUT, "heat-map: %s takes %zu values, more than %d: use --kind lines",
                     p->x.n > FIELDS_MAX ? p->x.key : p->y.key, p->x.n > FIELDS_MAX ? p->x.n : p->y.n, FIELDS_MAX);
    if (!rc && strcmp(p->x.key, p->y.key) == 0)
        rc = mb_fail(MB_BADINPUT, "heat-map: columns and rows are the same key %s", p->x.key);
    if (!rc) rc = mb_metric_new(q->r, q->o.y ? q->o.y : mb_has_accuracy(q->r) ? "accuracy" : "energy_J", &p->m);
    if (!rc && !(p->v = mb_malloc(p->x.n * p->y.n, sizeof *p->v))) rc = mb_nomem();
    if (rc) return rc;
    p->lo = MB_INF;
    p->hi = -MB_INF;
    for (size_t b = 0; b < p->y.n; b++)
        for (size_t a = 0; a < p->x.n; a++) {
            const size_t at = mb_best_point(p->r, &p->m, &p->x, a, &p->y, b);
            const double v = at == MB_NO_POINT ? MB_NAN : mb_metric_at(&p->m, &p->r->point[at]);
            size_t n = 0;
            for (size_t i = 0; i < p->r->n; i++) n += p->x.at[i] == a && p->y.at[i] == b;
            p->most = n > p->most ? n : p->most;
            p->v[b * p->x.n + a] = v;
            if (isfinite(v)) p->lo = fmin(p->lo, v), p->hi = fmax(p->hi, v);
        }
    if (!(p->hi >= p->lo)) return mb_fail(MB_BADINPUT, "no point has a number in the column %s", p->m.column->name);
    p->log = !p->m.percent && p->lo > 0 && p->hi / p->lo > LOG_SPAN;
    return MB_OK;
}

static void names(const char *axis, const mb_key_axis *a, double slot, bool turn, mb_str *out) {
    size_t every = 1;
    char text[32];
    while (slot * (double)every < 13) every *= 2;
    mb_str_addf(out, "set %stics scale 0 (", axis);
    for (size_t k = 0, n = 0; k < a->n; k += every) {
        mb_str_add(out, n++ ? ", " : "");
        mb_gp_tic(out, mb_key_axis_text(a, k, text), NAME_CHARS, (double)k + 1);
    }
    mb_str_addf(out, ") font ',11'%s\nset %srange [0.5:%zu.5]\n", turn ? " rotate by 40 right" : "", axis, a->n);
}

static double widest(const mb_key_axis *a) {
    size_t n = 1;
    char text[32];
    for (size_t k = 0; k < a->n; k++) {
        const size_t w = mb_text_width(mb_key_axis_text(a, k, text));
        n = w > n ? w : n;
    }
    return (double)(n < NAME_CHARS ? n : NAME_CHARS) * MB_CHAR_PX(11);
}

static void write_fields(const picture *p, double slot_x, double slot_y, mb_str *out) {
    int tag = 10;
    mb_str_add(out, "# column, row, value\n$fields << EOD\n");
    for (size_t b = 0; b < p->y.n; b++)
        for (size_t a = 0; a < p->x.n; a++) {
            const double v = p->v[b * p->x.n + a];
            if (!isfinite(v)) continue;
            mb_str_addf(out, "%zu %zu ", a + 1, b + 1);
            mb_gp_num(out, p->log ? log10(v) : v);
            mb_str_add(out, "\n");
        }
    mb_str_add(out, "EOD\n");
    for (size_t b = 0; b < p->y.n && slot_y >= 15; b++)
        for (size_t a = 0; a < p->x.n; a++) {
            const double v = p->v[b * p->x.n + a],
                         t = p->hi > p->lo ? (p->log ? log(v / p->lo) / log(p->hi / p->lo) : (v - p->lo) / (p->hi - p->lo)) : 0.5;
            char text[32];
            mb_metric_text(&p->m, v, text, sizeof text);
            if ((double)strlen(text) * MB_CHAR_PX(10.5) + 4 > slot_x) continue;
            mb_gp_label(out, &p->c, ++tag, p->c.left + ((double)a + 0.5) * slot_x, p->c.bottom + ((double)b + 0.5) * slot_y, 'c',
                        10.5,
                        !isfinite(v) ? MB_PLOT_GREY
                        : t < 0.5    ? "#ffffff"
                                     : "#000000",
                        text, 20);
        }
}

static int plot(const mb_plot_request *q, mb_str *out) {
    picture p = {.r = q->r, .c = {0, 0, 0, 118, 74, 0}};
    mb_str title = {0}, note = {0}, head = {0};
    int rc = gather(q, &p);
    if (rc) goto out;
    const double slot_x = fmin(92, fmax(620.0 / (double)p.x.n, 11)), slot_y = fmin(46, fmax(380.0 / (double)p.y.n, 9));
    const bool turn = widest(&p.x) + 6 > slot_x && p.x.n <= 40;
    p.c.left = 64 + widest(&p.y);
    p.c.bottom = 54 + (turn ? 0.66 * widest(&p.x) + 8 : 0);
    p.c.w = fmax(p.c.left + slot_x * (double)p.x.n + p.c.right, 560);
    p.c.right = p.c.w - p.c.left - slot_x * (double)p.x.n;
    p.c.h = p.c.top + slot_y * (double)p.y.n + p.c.bottom;
    mb_str_addf(&head, "%c%s", p.m.brief[0] >= 'a' && p.m.brief[0] <= 'z' ? p.m.brief[0] - 32 : p.m.brief[0], p.m.brief + 1);
    mb_plot_title(&title, mb_cstr(&head), q->r);
    mb_metric_axis(&p.m, &note);
    if (p.most > 1)
        mb_str_addf(&note, "; each field: the %s of up to %zu points", p.m.more_is_better ? "highest" : "lowest", p.most);
    p.c.top = 74;
    mb_gp_begin(out, q->name, &(mb_canvas){p.c.w, p.c.h, 20, p.c.right, p.c.top, p.c.bottom}, mb_cstr(&title), mb_cstr(&note));
    mb_gp_margins(out, &p.c);
    names("x", &p.x, slot_x, turn, out);
    names("y", &p.y, slot_y, false, out);
    mb_str_add(out, "set xlabel ");
    mb_gp_text(out, p.x.key, 50);
    mb_str_add(out, " font ',12'\n");
    mb_gp_ylabel(out, &p.c, 3, p.y.key, "");
    mb_gp_palette(out);
    write_fields(&p, slot_x, slot_y, out);
    const double air = p.hi > p.lo ? 0 : 0.5 * (p.hi != 0 ? fabs(p.hi) : 1), lo = p.log ? log10(p.lo) : p.lo - air,
                 hi = p.log ? log10(p.hi) : p.hi + air;
    mb_str_add(out, "unset grid\nset border 0\nset cbrange [");
    mb_gp_num(out, lo);
    mb_str_add(out, ":");
    mb_gp_num(out, hi);
    mb_str_add(out, "]\nset colorbox user origin screen ");
    mb_gp_num(out, (p.c.left + slot_x * (double)p.x.n + 18) / p.c.w);
    mb_str_add(out, ",");
    mb_gp_num(out, p.c.bottom / p.c.h);
    mb_str_add(out, " size screen ");
    mb_gp_num(out, 14 / p.c.w);
    mb_str_add(out, ",");
    mb_gp_num(out, slot_y * (double)p.y.n / p.c.h);
    mb_str_add(out, "\nset cbtics font ',11'");
    if (p.log) { /* the logarithm is drawn */
        mb_str_add(out, " (");
        for (int k = 0; k <= 4; k++) {
            char text[32];
            mb_metric_text(&p.m, pow(10, lo + (hi - lo) * k / 4), text, sizeof text);
            mb_str_add(out, k ? ", " : "");
            mb_gp_tic(out, text, 12, lo + (hi - lo) * k / 4);
        }
        mb_str_add(out, ")");
    }
    mb_str_add(
        out,
        "\nplot $fields using 1:2:($1-0.49):($1+0.49):($2-0.48):($2+0.48):3 with boxxyerror fs solid 1.0 noborder lc palette\n");
    if (title.failed || note.failed || head.failed) out->failed = 1;
out:
    mb_str_free(&title);
    mb_str_free(&note);
    mb_str_free(&head);
    mb_key_axis_free(&p.x);
    mb_key_axis_free(&p.y);
    mb_free(p.v);
    return rc;
}

static const mb_plot_kind kinds[] = {
    {"heat-map", "a column over two swept keys, as colours and numbers: --x KEY --by KEY --y COLUMN", useless, plot, NULL, "xyb",
     false},
    {NULL, NULL, NULL, NULL, NULL, NULL, false},
};
const mb_plot_family mb_plot_heat = {kinds};
