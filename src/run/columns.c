/* columns.c - every number of a result has its name, unit and help here; the JSON of a point; labels and units shared by reports
 * and plots
 *
 * Units are SI; accuracies and fractions are between 0 and 1. An interval is that of mb_accuracy_interval (run/simulate.h).
 * Called by results_write.c, results_read.c, report_text.c, plot*.c; the column table also by the command line and the manual.
 */
#include "run/results_internal.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "base/error.h"
#include "base/json.h"
#include "base/mem.h"
#include "cost/machine.h"
#include "run/explain.h"

#define COL(f, unit, help)                                                                                                       \
    { #f, unit, help, offsetof(mb_point_result, f) }
const mb_column mb_point_columns[] = {
    COL(float_accuracy, "", "accuracy of the float network on the same samples, 0..1"),
    COL(quantised_accuracy, "", "accuracy with exact integer arithmetic at the plan's precisions, 0..1"),
    COL(accuracy, "", "accuracy on the analog arrays, mean over the device draws, 0..1"),
    COL(accuracy_low, "", "lower end of the 95 % interval of accuracy (samples and draws)"),
    COL(accuracy_high, "", "upper end of the 95 % interval of accuracy (samples and draws)"),
    COL(accuracy_sd, "", "standard deviation of accuracy between device draws"),
    COL(accuracy_q05, "", "5 % quantile of accuracy over the device draws"),
    COL(accuracy_q50, "", "median of accuracy over the device draws"),
    COL(accuracy_q95, "", "95 % quantile of accuracy over the device draws"),
    COL(loss, "", "mean cross-entropy of the softmax of the outputs, natural logarithm"),
    COL(samples, "", "test samples per device draw"),
    COL(trials, "", "device draws"),
    COL(energy_J, "J", "energy per inference"),
    COL(latency_s, "s", "latency per inference"),
    COL(area_m2, "m2", "area of the built machine"),
    COL(edp_Js, "J s", "energy x latency"),
    COL(edap_Jsm2, "J s m2", "energy x latency x area"),
    COL(power_W, "W", "energy / time between samples (interval_s)"),
    COL(tops, "Tera-op/s", "10^12 operations per second in steady state, one multiply-accumulate = 2 operations"),
    COL(tops_per_W, "Tera-op/s/W", "operations per energy, 10^12 per joule"),
    COL(tops_per_mm2, "Tera-op/s/mm2", "operations per second and area"),
    COL(macs, "", "multiply-accumulates per inference"),
    COL(arrays, "", "crossbar arrays in use"),
    COL(weight_bits, "", "stored bits of all weights"),
    COL(program_J, "J", "energy to program all weights once, verification included"),
    COL(program_s, "s", "time to program all weights once, row by row"),
    COL(program_cells, "", "cells that are programmed, copies included"),
    COL(pulses, "", "programming pulses of all cells"),
    COL(wear, "", "share of the endurance of a cell that programming once uses; 0: the cell states no endurance"),
    COL(interval_s, "s", "time between samples in steady state; a pipeline's is shorter than the latency"),
    COL(batch_s, "s", "latency of a batch (arch.batch samples)"),
    COL(energy_low_J, "J", "energy per inference with converters and memories at their low corner"),
    COL(energy_high_J, "J", "energy per inference with converters and memories at their high corner"),
    COL(area_low_m2, "m2", "area with converters and memories at their low corner"),
    COL(area_high_m2, "m2", "area with converters and memories at their high corner"),
    COL(reload_J, "J", "part of the energy that loads weights which do not fit on the chip"),
    COL(reload_s, "s", "part of the latency that does"),
    COL(peak_tops, "Tera-op/s", "all arrays busy at the setting of the first layer on arrays"),
    COL(peak_W, "W", "power while they are"),
    COL(search_costs, "", "plans and settings that the mapping policy had costed"),
    COL(search_measured, "", "layers x settings that it had measured alone"),
    COL(search_simulated, "", "plans that it had simulated"),
    {NULL, NULL, NULL, 0},
};
#undef COL

const mb_column *mb_column_find(const char *name) {
    for (const mb_column *c = mb_point_columns; c->name; c++) {
        if (strcmp(c->name, name) == 0) return c;
    }
    return NULL;
}

#define COL(f, kind, unit, help)                                                                                                 \
    { #f, unit, help, kind, offsetof(mb_layer_result, f) }
const mb_field mb_layer_fields[] = {
    COL(name, MB_F_STR, "", "name in the network file"),
    COL(engine, MB_F_STR, "", "analog or digital"),
    COL(scheme, MB_F_STR, "", "signed weights: differential or offset"),
    COL(groups, MB_F_I64, "", "groups of a grouped convolution, else 1"),
    COL(K, MB_F_I64, "", "rows: inputs of one output (per group)"),
    COL(N, MB_F_I64, "", "columns: outputs (per group)"),
    COL(vectors, MB_F_I64, "", "input vectors per inference"),
    COL(macs, MB_F_I64, "", "multiply-accumulates per inference"),
    COL(weight_bits, MB_F_INT, "", "bits per weight, sign included"),
    COL(cell_bits, MB_F_INT, "", "bits per cell"),
    COL(input_bits, MB_F_INT, "", "bits per input"),
    COL(dac_bits, MB_F_INT, "", "input bits per cycle"),
    COL(adc_bits, MB_F_INT, "", "converter bits"),
    COL(adc_bits_lossless, MB_F_INT, "", "converter bits with which a full-scale range loses nothing"),
    COL(rows_active, MB_F_INT, "", "rows read at once"),
    COL(copies, MB_F_INT, "", "copies of the layer's arrays"),
    COL(arrays, MB_F_I64, "", "arrays in use, copies included"),
    COL(drive_s, MB_F_REAL, "s", "rows are driven, of one inference"),
    COL(convert_s, MB_F_REAL, "s", "converters are busy; overlaps with driving when columns are sampled"),
    COL(move_s, MB_F_REAL, "s", "the busier of tile bus and port of the global buffer; overlaps with the others"),
    COL(digital_s, MB_F_REAL, "s", "digital unit is busy"),
    COL(reload_s, MB_F_REAL, "s", "weights are loaded, share of one inference"),
    COL(bottleneck, MB_F_STR, "", "what is busy longest"),
    COL(snr_dB, MB_F_REAL, "dB", "analog output against the exact integer product; null: exact; absent: not measured"),
    COL(clipped, MB_F_REAL, "", "fraction of conversions that saturated"),
    COL(adc_occupancy, MB_F_REAL, "", "fraction of the converter's code range that was used"),
    COL(row_rate, MB_F_REAL, "", "fraction of offered rows that were driven"),
    COL(wire_residual, MB_F_REAL, "", "Kirchhoff residual of the arrays' wires, relative to the largest current; 0: ideal wires"),
    {NULL, NULL, NULL, MB_F_STR, 0},
};
#undef COL

#define COL(f, kind, help)                                                                                                       \
    { #f, "", help, kind, offsetof(mb_trial_result, f) }
const mb_field mb_trial_fields[] = {
    COL(trial, MB_F_I64, "number of the device draw"),
    COL(accuracy, MB_F_REAL, "accuracy with this draw, 0..1"),
    COL(loss, MB_F_REAL, "mean cross-entropy with this draw"),
    COL(samples, MB_F_I64, "test samples"),
    {NULL, NULL, NULL, MB_F_STR, 0},
};
#undef COL

static void free_parts(mb_part *part, size_t n) {
    for (size_t i = 0; i < n && part; i++) mb_free(part[i].name);
    mb_free(part);
}

void mb_point_result_free(mb_point_result *p) {
    if (!p) return;
    for (size_t i = 0; i < p->n_set && p->set; i++) {
        mb_free(p->set[i].key);
        mb_free(p->set[i].value);
    }
    for (size_t i = 0; i < p->n_layer && p->layer; i++) {
        mb_layer_result *l = &p->layer[i];
        mb_free(l->name);
        mb_free(l->engine);
        mb_free(l->scheme);
        mb_free(l->bottleneck);
        free_parts(l->part, l->n_part);
    }
    for (size_t i = 0; i < p->n_baseline && p->baseline; i++) {
        mb_free(p->baseline[i].name);
        mb_free(p->baseline[i].kind);
        free_parts(p->baseline[i].part, p->baseline[i].n_part);
        mb_report_free(p->baseline[i].tree);
    }
    free_parts(p->part, p->n_part);
    mb_free(p->id);
    mb_free(p->label);
    mb_free(p->plan);
    mb_free(p->infeasible);
    mb_free(p->bottleneck);
    if (p->schedule) mb_schedule_free(p->schedule);
    mb_free(p->schedule);
    mb_explanation_free(p->explain);
    mb_free(p->set);
    mb_free(p->trial);
    mb_free(p->layer);
    mb_free(p->baseline);
    memset(p, 0, sizeof *p);
}

/* --- JSON ---------------------------------------------------------------------------------------------------------- */

static void json_cost(mb_json *j, const mb_cost *c) {
    mb_json_real(j, "energy_J", c->energy_J);
    mb_json_real(j, "latency_s", c->latency_s);
    mb_json_real(j, "area_m2", c->area_m2);
}

static void json_parts(mb_json *j, const mb_part *part, size_t n) {
    mb_json_open(j, "components", '[');
    for (size_t i = 0; i < n; i++) {
        mb_json_open(j, NULL, '{');
        mb_json_str(j, "name", part[i].name ? part[i].name : "");
        json_cost(j, &part[i].cost);
        mb_json_close(j, '}');
    }
    mb_json_close(j, ']');
}

static void json_fields(mb_json *j, const mb_field *f, const void *src) {
    for (; f->name; f++) {
        const char *at = (const char *)src + f->offset;
        switch (f->kind) {
        case MB_F_STR: {
            char *const *s = (char *const *)(const void *)at;
            mb_json_str(j, f->name, *s ? *s : "");
            break;
        }
        case MB_F_INT: mb_json_int(j, f->name, *(const int *)(const void *)at); break;
        case MB_F_I64: mb_json_int(j, f->name, *(const int64_t *)(const void *)at); break;
        case MB_F_REAL: /* not a number: not measured, left out; infinite: null */
            if (!isnan(*(const double *)(const void *)at)) mb_json_real(j, f->name, *(const double *)(const void *)at);
            break;
        }
    }
}

void mb_point_json_to(const mb_point_result *p, bool trials, mb_str *out) {
    mb_json j;
    mb_json_init(&j, out, 0);
    mb_json_open(&j, NULL, '{');
    mb_json_str(&j, "kind", "point");
    mb_json_int(&j, "index", p->index);
    mb_json_str(&j, "id", p->id ? p->id : "");
    mb_json_str(&j, "label", p->label ? p->label : "");
    mb_json_str(&j, "plan", p->plan ? p->plan : "");
    mb_json_str(&j, "status", p->infeasible ? "infeasible" : "done");
    if (p->infeasible) mb_json_str(&j, "why", p->infeasible);
    mb_json_open(&j, "set", '{');
    for (size_t i = 0; i < p->n_set; i++) mb_json_str(&j, p->set[i].key, p->set[i].value);
    mb_json_close(&j, '}');
    mb_json_str(&j, "bottleneck", p->bottleneck ? p->bottleneck : "");
    for (const mb_column *c = mb_point_columns; c->name; c++)
        mb_json_real(&j, c->name, *(const double *)(const void *)((const char *)p + c->offset));
    if (trials) {
        mb_json_open(&j, "draws", '[');
        for (size_t i = 0; i < p->n_trial; i++) {
            mb_json_open(&j, NULL, '{');
            json_fields(&j, mb_trial_fields, &p->trial[i]);
            mb_json_close(&j, '}');
        }
        mb_json_close(&j, ']');
    } else {
        mb_json_int(&j, "draws", (int64_t)p->n_trial);
    }
    json_parts(&j, p->part, p->n_part);
    mb_json_open(&j, "layers", '[');
    for (size_t i = 0; i < p->n_layer; i++) {
        mb_json_open(&j, NULL, '{');
        json_fields(&j, mb_layer_fields, &p->layer[i]);
        json_cost(&j, &p->layer[i].cost);
        json_parts(&j, p->layer[i].part, p->layer[i].n_part);
        mb_json_close(&j, '}');
    }
    mb_json_close(&j, ']');
    mb_json_open(&j, "baselines", '[');
    for (size_t i = 0; i < p->n_baseline; i++) {
        const mb_baseline_result *b = &p->baseline[i];
        mb_json_open(&j, NULL, '{');
        mb_json_str(&j, "name", b->name ? b->name : "");
        mb_json_str(&j, "kind", b->kind ? b->kind : "");
        json_cost(&j, &b->cost);
        mb_json_real(&j, "edap_Jsm2", b->edap);
        mb_json_open(&j, "iso_area", '{');
        json_cost(&j, &b->iso_area);
        mb_json_real(&j, "scale", b->iso_scale);
        mb_json_close(&j, '}');
        mb_json_open(&j, "iso_capacity", '{');
        json_cost(&j, &b->iso_capacity);
        mb_json_real(&j, "weight_bits", b->capacity_bits);
        mb_json_close(&j, '}');
        json_parts(&j, b->part, b->n_part);
        mb_json_close(&j, '}');
    }
    mb_json_close(&j, ']');
    if (trials && p->explain) { /* not in results.jsonl */
        mb_str_add(out, ",\"explain\":");
        mb_explanation_json(p->explain, out);
    }
    mb_json_close(&j, '}');
}

void mb_point_json(const mb_point_result *p, mb_str *out) { mb_point_json_to(p, true, out); }

static void json_column(mb_json *j, const char *name, const char *unit, const char *help) {
    mb_json_open(j, NULL, '{');
    mb_json_str(j, "name", name);
    mb_json_str(j, "unit", unit);
    mb_json_str(j, "help", help);
    mb_json_close(j, '}');
}

void mb_schema_json(const char *name, const char *experiment, mb_str *out) {
    mb_json j;
    mb_json_init(&j, out, 0);
    mb_json_open(&j, NULL, '{');
    mb_json_str(&j, "kind", "schema");
    mb_json_int(&j, "schema", MB_RESULTS_SCHEMA);
    mb_json_str(&j, "name", name);
    mb_json_str(&j, "experiment", experiment);
    mb_json_open(&j, "columns", '[');
    for (const mb_column *c = mb_point_columns; c->name; c++) json_column(&j, c->name, c->unit, c->help);
    mb_json_close(&j, ']');
    mb_json_open(&j, "layer_columns", '[');
    for (const mb_field *f = mb_layer_fields; f->name; f++) json_column(&j, f->name, f->unit, f->help);
    mb_json_close(&j, ']');
    mb_json_open(&j, "trial_columns", '[');
    for (const mb_field *f = mb_trial_fields; f->name; f++) json_column(&j, f->name, f->unit, f->help);
    mb_json_close(&j, ']');
    mb_json_close(&j, '}');
}

/* --- checksums ----------------------------------------------------------------------------------------------------- */

#define SEAL_HEAD ",\"crc\":\""
#define SEAL_BYTES (sizeof SEAL_HEAD - 1 + 8 + 2)

static uint32_t crc_of(const char *s, size_t n) { return (uint32_t)crc32_z(crc32_z(0, NULL, 0), (const Bytef *)s, n); }

void mb_line_seal(mb_str *out, size_t at) {
    if (out->failed || out->n <= at + 1) {
        out->failed = 1;
    } else {
        out->n--; /* the closing brace */
        uint32_t crc = crc_of(out->s + at, out->n - at);
        mb_str_addf(out, SEAL_HEAD "%08x\"}\n", (unsigned)crc);
    }
}

size_t mb_line_check(const char *line, size_t n) {
    char want[SEAL_BYTES + 1];
    if (n <= SEAL_BYTES || line[0] != '{') return 0;
    snprintf(want, sizeof want, SEAL_HEAD "%08x\"}", (unsigned)crc_of(line, n - SEAL_BYTES));
    return memcmp(line + n - SEAL_BYTES, want, SEAL_BYTES) == 0 ? n - SEAL_BYTES : 0;
}

/* --- labels -------------------------------------------------------------------------------------------------------- */

/* Bytes of the UTF-8 character at S, 0 when it is none. */
static size_t utf8_bytes(const unsigned char *s) {
    size_t len = s[0] < 0x80                    ? 1
                 : s[0] >= 0xC2 && s[0] <= 0xDF ? 2
                 : (s[0] & 0xF0) == 0xE0        ? 3
                 : s[0] >= 0xF0 && s[0] <= 0xF4 ? 4
                                                : 0;
    for (size_t i = 1; i < len; i++) {
        if ((s[i] & 0xC0) != 0x80) return 0;
    }
    if ((s[0] == 0xE0 && s[1] < 0xA0) || (s[0] == 0xED && s[1] > 0x9F) || (s[0] == 0xF0 && s[1] < 0x90) ||
        (s[0] == 0xF4 && s[1] > 0x8F))
        return 0;
    return len;
}

size_t mb_text_width(const char *text) {
    size_t n = 0;
    for (const unsigned char *s = (const unsigned char *)text; *s; n++) {
        size_t len = utf8_bytes(s);
        s += len ? len : 1;
    }
    return n;
}

/* Characters FROM .. TO-1 of TEXT, cleaned. */
static void add_chars(mb_str *out, const char *text, size_t from, size_t to) {
    size_t n = 0;
    for (const unsigned char *s = (const unsigned char *)text; *s && n < to; n++) {
        size_t len = utf8_bytes(s);
        if (n >= from) {
            if (len == 0) {
                mb_str_add(out, "?");
            } else if (*s < 0x20 || *s == 0x7F || (len == 2 && s[0] == 0xC2 && s[1] < 0xA0)) {
                mb_str_add(out, " ");
            } else if (len == 3 && s[0] == 0xEF && s[1] == 0xBF && s[2] >= 0xBE) {
                mb_str_add(out, "?"); /* U+FFFE and U+FFFF are no characters of XML */
            } else {
                mb_str_addn(out, (const char *)s, len);
            }
        }
        s += len ? len : 1;
    }
}

void mb_text_short(const char *text, size_t chars, mb_str *out) {
    size_t n = mb_text_width(text);
    if (n <= chars) {
        add_chars(out, text, 0, n);
    } else if (chars < 6) {
        add_chars(out, text, 0, chars);
    } else { /* the end tells settings apart more often than the middle */
        size_t tail = (chars - 2) / 2, head = chars - 2 - tail;
        add_chars(out, text, 0, head);
        mb_str_add(out, "..");
        add_chars(out, text, n - tail, n);
    }
}

/* --- units --------------------------------------------------------------------------------------------------------- */

/* Steps of the prefix for value V > 0. */
static int prefix_of(double v, bool squared) {
    const int step = squared ? 6 : 3;
    int k = (int)floor((log10(v) + 1e-4) / step);                         /* 999.96 counts as 1000 */
    if (squared && k < -1 && v >= 0.001 * pow(10.0, (k + 1) * step)) k++; /* 0.02 mm2 rather than 20000 um2 */
    if (squared && k > 0) k = 0;
    return k < -10 ? -10 : k > 10 ? 10 : k;
}

mb_unit_choice mb_choose_unit(const double *v, size_t n, const char *unit) {
    static const char prefix[] = "qryzafpnum kMGTPEZYRQ";
    mb_unit_choice c = {1.0, ""};
    const bool squared = strcmp(unit, "m2") == 0;
    size_t count[21] = {0}, m = 0, below = 0;
    int k = squared ? -1 : 0; /* nothing to go by: mm2, J, s */
    for (size_t i = 0; i < n; i++) {
        if (!isfinite(v[i]) || v[i] <= 0) continue;
        count[prefix_of(v[i], squared) + 10]++;
        m++;
    }
    if (m) { /* that of the lower median */
        k = -10;
        while (below + count[k + 10] < (m + 1) / 2) below += count[k++ + 10];
    }
    c.scale = pow(10.0, k * (squared ? 6 : 3));
    if (k == 0) {
        snprintf(c.name, sizeof c.name, "%s", unit);
    } else {
        snprintf(c.name, sizeof c.name, "%c%s", prefix[k + 10], unit);
    }
    return c;
}

int mb_choose_decimals(const double *v, size_t n, double scale, int digits) {
    double lo = MB_INF, hi = 0;
    for (size_t i = 0; i < n; i++) {
        double x = v[i] / scale;
        if (isfinite(x) && x > 0) {
            lo = x < lo ? x : lo;
            hi = x > hi ? x : hi;
        }
    }
    if (hi == 0) return 0;
    int e = (int)floor(log10(lo) + 1e-4), d = digits - 1 - e;
    if (hi >= 1e7 || d > 9 || log10(hi / lo) > 7) return -1;
    return d < 0 ? 0 : d;
}

/* --- baselines ----------------------------------------------------------------------------------------------------- */

typedef struct entry {
    const mb_baseline_result *b;
    const mb_point_result *p;
    size_t name, seq, points;
    double accuracy;
} entry;

static int by_cost(const void *a, const void *b) {
    const entry *x = a, *y = b;
    int c = x->name != y->name ? (x->name < y->name ? -1 : 1) : memcmp(&x->b->cost, &y->b->cost, sizeof x->b->cost);
    return c ? c : x->seq < y->seq ? -1 : x->seq > y->seq;
}

static int by_appearance(const void *a, const void *b) {
    const entry *x = a, *y = b;
    if (x->name != y->name) return x->name < y->name ? -1 : 1;
    return x->seq < y->seq ? -1 : x->seq > y->seq;
}

int mb_baseline_rows(const mb_results *r, mb_baseline_row **rows, size_t *n) {
    int rc = MB_OK;
    size_t all = 0, m = 0, names = 0;
    entry *e = NULL;
    const char **name = NULL;
    *rows = NULL;
    *n = 0;
    for (size_t i = 0; i < r->n; i++) all += r->point[i].n_baseline;
    e = mb_malloc(all, sizeof *e);
    name = mb_malloc(all, sizeof *name);
    *rows = mb_calloc(all, sizeof **rows);
    if (!e || !name || !*rows) {
        rc = mb_nomem();
        goto out;
    }
    for (size_t i = 0, seq = 0; i < r->n; i++) {
        const mb_point_result *p = &r->point[i];
        for (size_t k = 0; k < p->n_baseline; k++, seq++) {
            size_t q = 0;
            while (q < names && strcmp(name[q], p->baseline[k].name) != 0) q++;
            if (q == names) name[names++] = p->baseline[k].name;
            e[seq] = (entry){&p->baseline[k], p, q, seq, 1, p->quantised_accuracy};
        }
    }
    qsort(e, all, sizeof *e, by_cost);
    for (size_t i = 0; i < all; i++) {
        if (m && e[m - 1].name == e[i].name && memcmp(&e[m - 1].b->cost, &e[i].b->cost, sizeof e[i].b->cost) == 0) {
            e[m - 1].points++;
            if (e[m - 1].accuracy != e[i].accuracy) e[m - 1].accuracy = MB_NAN;
        } else {
            e[m++] = e[i];
        }
    }
    qsort(e, m, sizeof *e, by_appearance);
    for (size_t i = 0; i < m; i++) {
        bool alone = (i == 0 || e[i - 1].name != e[i].name) && (i + 1 == m || e[i + 1].name != e[i].name);
        (*rows)[i] = (mb_baseline_row){e[i].b, e[i].p, e[i].points, alone, e[i].accuracy};
    }
    *n = m;
out:
    if (rc != MB_OK) {
        mb_free(*rows);
        *rows = NULL;
    }
    mb_free(e);
    mb_free(name);
    return rc;
}
