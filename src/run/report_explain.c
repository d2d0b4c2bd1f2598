/* report_explain.c - where accuracy goes, as tables for people: what each non-ideality costs, signal-to-noise ratios and
 * converters of the layers
 *
 * Accuracies in percent, differences in points. Called by report_text.c.
 */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "base/mem.h"
#include "base/table.h"
#include "run/explain.h"
#include "run/results_internal.h"

#define NAME_CHARS 30
#define SNR_COLUMNS 7 /* side by side */

/* A difference of accuracies in points; what rounds to nothing has no sign. */
static void points(mb_str *out, double v) {
    mb_str_addf(out, "%.2f", fabs(100 * v) < 0.005 ? 0.0 : 100 * v);
}

static int point_cell(mb_table *t, double v) {
    mb_str s = {0};
    points(&s, v);
    int rc = s.failed ? mb_nomem() : mb_table_cell(t, isnan(v) ? "-" : mb_cstr(&s));
    mb_str_free(&s);
    return rc;
}

static int interval_cell(mb_table *t, double low, double high) {
    mb_str s = {0};
    points(&s, low);
    mb_str_add(&s, "..");
    points(&s, high);
    int rc = s.failed ? mb_nomem() : mb_table_cell(t, isnan(low) ? "-" : mb_cstr(&s));
    mb_str_free(&s);
    return rc;
}

static int short_cell(mb_table *t, const char *text) {
    mb_str s = {0};
    mb_text_short(text, NAME_CHARS, &s);
    int rc = s.failed ? mb_nomem() : mb_table_cell(t, mb_cstr(&s));
    mb_str_free(&s);
    return rc;
}

static int columns(mb_table *t, const char *const (*c)[3]) {
    int rc = MB_OK;
    for (; (*c)[0] && !rc; c++) rc = mb_table_column(t, (*c)[0], (*c)[1], *(*c)[2] == 'l' ? MB_LEFT : MB_RIGHT);
    return rc;
}

static int item_table(const mb_explanation *e, mb_str *out) {
    static const char *const head[][3] = {{"non-ideality", "", "l"},        {"up to it", "%", "r"},
                                          {"lost by it", "points", "r"},    {"95 % interval", "points", "r"},
                                          {"all but it", "%", "r"},         {"recovered", "points", "r"},
                                          {"95 % interval", "points", "r"}, {NULL, NULL, NULL}};
    mb_table *t = mb_table_new();
    int rc = t ? columns(t, head) : mb_nomem();
    if (!rc) rc = mb_table_cell(t, "none: float network");
    if (!rc) rc = mb_table_cellf(t, "%.2f", 100 * e->float_accuracy);
    for (int i = 0; i < 5 && !rc; i++) rc = mb_table_cell(t, "");
    for (size_t i = 0; i < e->n_item && !rc; i++) {
        const mb_explain_item *it = &e->item[i];
        rc = short_cell(t, it->name);
        if (!rc) rc = mb_table_cellf(t, "%.2f", 100 * it->up_to);
        if (!rc) rc = point_cell(t, it->lost);
        if (!rc) rc = interval_cell(t, it->lost_low, it->lost_high);
        if (!rc) rc = mb_table_cellf(t, "%.2f", 100 * it->without);
        if (!rc) rc = point_cell(t, it->recovered);
        if (!rc) rc = interval_cell(t, it->recovered_low, it->recovered_high);
    }
    if (!rc) rc = mb_table_rule(t);
    if (!rc) rc = mb_table_cell(t, "all together");
    if (!rc) rc = mb_table_cellf(t, "%.2f", 100 * e->accuracy);
    if (!rc) rc = point_cell(t, e->float_accuracy - e->accuracy);
    if (!rc) rc = interval_cell(t, e->lost_low, e->lost_high);
    for (int i = 0; i < 3 && !rc; i++) rc = mb_table_cell(t, "");
    if (!rc) mb_table_write(t, MB_TABLE_TEXT, out);
    mb_table_free(t);
    return rc;
}

/* "input quantisation" in two lines of a column's head. */
static int name_column(mb_table *t, const char *name) {
    const char *cut = strchr(name, ' ');
    char *first = cut ? mb_strndup(name, (size_t)(cut - name)) : mb_strdup("");
    int rc = first ? mb_table_column(t, first, cut ? cut + 1 : name, MB_RIGHT) : mb_nomem();
    mb_free(first);
    return rc;
}

static int layer_row(mb_table *t, const mb_explanation *e, size_t k, size_t from, size_t to, bool last) {
    const mb_explain_layer *l = &e->layer[k];
    int rc = short_cell(t, l->name);
    for (size_t i = from; i < to && !rc; i++)
        rc = isfinite(l->snr_dB[i]) ? mb_table_cellf(t, "%.1f", l->snr_dB[i]) : mb_table_cell(t, "exact");
    if (!rc && last && l->conversions) {
        rc = mb_table_cellf(t, "%.2f", 100 * l->clipped);
        if (!rc) rc = mb_table_cellf(t, "%.0f", 100 * l->occupancy);
    } else if (!rc && last) {
        rc = mb_table_cell(t, "-");
        if (!rc) rc = mb_table_cell(t, "-");
    }
    if (!rc && last && e->layers) {
        rc = point_cell(t, l->recovered);
        if (!rc) rc = interval_cell(t, l->recovered_low, l->recovered_high);
    }
    return rc;
}

/* Non-idealities FROM .. TO - 1. */
static int layer_table(const mb_explanation *e, size_t from, size_t to, bool last, mb_str *out) {
    mb_table *t = mb_table_new();
    int rc = t ? mb_table_column(t, "SNR of the layer, dB", "with all up to", MB_LEFT) : mb_nomem();
    for (size_t i = from; i < to && !rc; i++) rc = name_column(t, e->item[i].name);
    if (!rc && last) rc = mb_table_column(t, "clipped", "%", MB_RIGHT);
    if (!rc && last) rc = mb_table_column(t, "ADC used", "%", MB_RIGHT);
    if (!rc && last && e->layers) rc = mb_table_column(t, "recovered", "points", MB_RIGHT);
    if (!rc && last && e->layers) rc = mb_table_column(t, "95 % interval", "points", MB_RIGHT);
    for (size_t k = 0; k < e->n_layer && !rc; k++) rc = layer_row(t, e, k, from, to, last);
    if (!rc) mb_table_write(t, MB_TABLE_TEXT, out);
    mb_table_free(t);
    return rc;
}

static int one_point(const mb_results *r, const mb_point_result *p, mb_str *out) {
    const mb_explanation *e = p->explain;
    char *name = mb_point_name(r, p);
    int rc = name ? MB_OK : mb_nomem();
    mb_str_addf(out, "\nWhere accuracy goes%s", r->n > 1 ? ", point " : "");
    if (r->n > 1) {
        mb_str_addf(out, "%lld: ", (long long)p->index);
        mb_text_short(name ? name : "", 100, out);
    }
    mb_str_addf(out, " (%lld samples, %lld draw%s)\n\n", (long long)e->samples, (long long)e->draws, e->draws == 1 ? "" : "s");
    if (!rc) rc = item_table(e, out);
    for (size_t from = 0; from < e->n_item && !rc; from += SNR_COLUMNS) {
        const size_t to = from + SNR_COLUMNS < e->n_item ? from + SNR_COLUMNS : e->n_item;
        mb_str_add(out, "\n");
        rc = layer_table(e, from, to, to == e->n_item, out);
    }
    mb_free(name);
    return rc;
}

int mb_report_explain(const mb_results *r, mb_str *out) {
    int rc = MB_OK;
    const mb_explanation *first = NULL;
    bool layers = false;
    for (size_t i = 0; i < r->n && !rc; i++) {
        if (!r->point[i].explain) continue;
        if (!first) first = r->point[i].explain;
        layers = layers || r->point[i].explain->layers;
        rc = one_point(r, &r->point[i], out);
    }
    if (rc || !first) return rc;
    mb_str_addf(out,
                "\nup to it: with this non-ideality and those above. lost by it: added to those above; these add up. all but it: "
                "with all others; recovered: what\n"
                "that wins. Paired 95 %% intervals on the same samples and draws. SNR: output of a layer against the float "
                "layer, inputs of the float network,\n"
                "first %lld samples. clipped, ADC used: conversions out of range, part of the code range that occurred.%s\n",
                (long long)first->snr_samples, layers ? " Layers, recovered: this layer alone exact." : "");
    return MB_OK;
}
