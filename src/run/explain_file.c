/* explain_file.c - explain.jsonl: explanations of points as lines, and back
 *
 * A schema line, then a line per explained point, ascending, each sealed with a checksum like the lines of results.jsonl. The
 * file is written whole and atomically whenever a point is added; its bytes depend on the explanations alone. Called by point.c
 * and results_read.c.
 */
#include "run/explain.h"

#include <limits.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "base/error.h"
#include "base/file.h"
#include "base/json.h"
#include "base/mem.h"
#include "run/results_internal.h"

#define EXPLAIN_SCHEMA 1

typedef struct field {
    const char *name, *help;
    size_t offset;
} field;

#define ITEM(f, help) \
    { #f, help, offsetof(mb_explain_item, f) }
static const field item_fields[] = {
    ITEM(without, "accuracy with all non-idealities but this one, 0..1"),
    ITEM(recovered, "without - accuracy of the point"),
    ITEM(recovered_low, "lower end of the paired 95 % interval of recovered"),
    ITEM(recovered_high, "upper end of it"),
    ITEM(up_to, "accuracy with this non-ideality and those listed before it"),
    ITEM(lost, "accuracy lost by adding this one to those before"),
    ITEM(lost_low, "lower end of the paired 95 % interval of lost"),
    ITEM(lost_high, "upper end of it"),
    {NULL, NULL, 0},
};
#undef ITEM
#define LAYER(f, help) \
    { #f, help, offsetof(mb_explain_layer, f) }
static const field layer_fields[] = {
    LAYER(clipped, "fraction of conversions that saturated"),
    LAYER(occupancy, "part of the converter's code range that occurred"),
    LAYER(recovered, "accuracy won when this layer alone is exact; null: not asked"),
    LAYER(recovered_low, "lower end of its paired 95 % interval"),
    LAYER(recovered_high, "upper end of it"),
    {NULL, NULL, 0},
};
#undef LAYER
#define POINT(f, help) \
    { #f, help, offsetof(mb_explanation, f) }
static const field point_fields[] = {
    POINT(float_accuracy, "accuracy without any non-ideality, 0..1"),
    POINT(accuracy, "accuracy with all of them"),
    POINT(lost_low, "lower end of the paired 95 % interval of float_accuracy - accuracy"),
    POINT(lost_high, "upper end of it"),
    {NULL, NULL, 0},
};
#undef POINT
static const field count_fields[] = {
    {"samples", "scored samples", offsetof(mb_explanation, samples)},
    {"draws", "device draws", offsetof(mb_explanation, draws)},
    {"snr_samples", "samples behind the numbers of the layers", offsetof(mb_explanation, snr_samples)},
    {NULL, NULL, 0},
};

/* --- writing ------------------------------------------------------------------------------------------------------- */

static void put_reals(mb_json *j, const field *f, const void *src) {
    for (; f->name; f++) mb_json_real(j, f->name, *(const double *)(const void *)((const char *)src + f->offset));
}

void mb_explanation_json(const mb_explanation *e, mb_str *out) {
    mb_json j;
    mb_json_init(&j, out, 0);
    mb_json_open(&j, NULL, '{');
    mb_json_str(&j, "kind", "explanation");
    mb_json_int(&j, "point", e->point);
    mb_json_str(&j, "id", e->id);
    mb_json_bool(&j, "by_layer", e->layers);
    for (const field *f = count_fields; f->name; f++)
        mb_json_int(&j, f->name, *(const int64_t *)(const void *)((const char *)e + f->offset));
    put_reals(&j, point_fields, e);
    mb_json_open(&j, "items", '[');
    for (size_t i = 0; i < e->n_item; i++) {
        mb_json_open(&j, NULL, '{');
        mb_json_str(&j, "name", e->item[i].name);
        put_reals(&j, item_fields, &e->item[i]);
        mb_json_close(&j, '}');
    }
    mb_json_close(&j, ']');
    mb_json_open(&j, "layers", '[');
    for (size_t k = 0; k < e->n_layer; k++) {
        const mb_explain_layer *l = &e->layer[k];
        mb_json_open(&j, NULL, '{');
        mb_json_str(&j, "name", l->name);
        mb_json_str(&j, "engine", l->engine);
        mb_json_open(&j, "snr_dB", '[');
        for (size_t i = 0; i < e->n_item; i++) mb_json_real(&j, NULL, l->snr_dB[i]);
        mb_json_close(&j, ']');
        put_reals(&j, layer_fields, l);
        mb_json_int(&j, "conversions", l->conversions);
        mb_json_open(&j, "codes", '[');
        for (int b = 0; b < MB_CODE_BINS && l->conversions; b++) mb_json_int(&j, NULL, l->code[b]);
        mb_json_close(&j, ']');
        mb_json_close(&j, '}');
    }
    mb_json_close(&j, ']');
    mb_json_close(&j, '}');
}

static void put_help(mb_json *j, const char *key, const field *f) {
    mb_json_open(j, key, '{');
    for (; f->name; f++) mb_json_str(j, f->name, f->help);
    mb_json_close(j, '}');
}

void mb_explain_text(const char *name, mb_explanation *const *list, size_t n, mb_str *out) {
    mb_json j;
    size_t at = out->n;
    mb_json_init(&j, out, 0);
    mb_json_open(&j, NULL, '{');
    mb_json_str(&j, "kind", "schema");
    mb_json_int(&j, "schema", EXPLAIN_SCHEMA);
    mb_json_str(&j, "name", name);
    put_help(&j, "numbers", point_fields);
    put_help(&j, "counts", count_fields);
    put_help(&j, "items", item_fields);
    put_help(&j, "layers", layer_fields);
    mb_json_str(&j, "snr_dB",
                "one number per item: the layer with this non-ideality and those before it against the float layer; null: exact");
    mb_json_str(&j, "codes", "conversions by code in 64 equal parts of the converter's range, over all slices and draws");
    mb_json_close(&j, '}');
    mb_line_seal(out, at);
    for (size_t i = 0; i < n; i++) {
        at = out->n;
        mb_explanation_json(list[i], out);
        mb_line_seal(out, at);
    }
}

/* --- reading --------------------------------------------------------------------------------------------------------- */

typedef struct where {
    const char *file;
    int64_t line;
} where;

static int bad(const where *w, const char *name) {
    return mb_fail(MB_BADINPUT,
                   "%s:%lld: the member \"%s\" is missing or of the wrong type; remove the file, and explain again with mixbar "
                   "run --explain --resume",
                   w->file, (long long)w->line, name);
}

static int get_text(const where *w, const json_t *o, const char *name, char **out) {
    const char *s = json_string_value(json_object_get(o, name));
    if (!s) return bad(w, name);
    *out = mb_strdup(s);
    return *out ? MB_OK : mb_nomem();
}

static int get_count(const where *w, const json_t *o, const char *name, int64_t *out) {
    const json_t *v = json_object_get(o, name);
    if (!json_is_integer(v) || json_integer_value(v) < 0) return bad(w, name);
    *out = json_integer_value(v);
    return MB_OK;
}

static int get_reals(const where *w, const json_t *o, const field *f, void *dst) {
    for (; f->name; f++) {
        const json_t *v = json_object_get(o, f->name);
        if (!json_is_number(v) && !json_is_null(v)) return bad(w, f->name);
        *(double *)(void *)((char *)dst + f->offset) = json_is_null(v) ? MB_NAN : json_number_value(v);
    }
    return MB_OK;
}

static int get_layer(const where *w, const json_t *o, size_t n_item, mb_explain_layer *l) {
    const json_t *snr = json_object_get(o, "snr_dB"), *code = json_object_get(o, "codes");
    int rc = get_text(w, o, "name", &l->name);
    if (!rc) rc = get_text(w, o, "engine", &l->engine);
    if (!rc) rc = get_reals(w, o, layer_fields, l);
    if (!rc) rc = get_count(w, o, "conversions", &l->conversions);
    if (rc) return rc;
    if (!json_is_array(snr) || json_array_size(snr) != n_item) return bad(w, "snr_dB");
    if (!json_is_array(code) || json_array_size(code) != (l->conversions ? (size_t)MB_CODE_BINS : 0)) return bad(w, "codes");
    if (!(l->snr_dB = mb_calloc(n_item, sizeof *l->snr_dB))) return mb_nomem();
    for (size_t i = 0; i < n_item; i++) {
        const json_t *v = json_array_get(snr, i);
        if (!json_is_number(v) && !json_is_null(v)) return bad(w, "snr_dB");
        l->snr_dB[i] = json_is_null(v) ? MB_INF : json_number_value(v);
    }
    for (size_t b = 0; b < json_array_size(code); b++) {
        const json_t *v = json_array_get(code, b);
        if (!json_is_integer(v) || json_integer_value(v) < 0) return bad(w, "codes");
        l->code[b] = json_integer_value(v);
    }
    return MB_OK;
}

static int get_explanation(const where *w, const json_t *o, mb_explanation *e) {
    const json_t *items = json_object_get(o, "items"), *layers = json_object_get(o, "layers"),
                 *flag = json_object_get(o, "by_layer");
    int rc = get_count(w, o, "point", &e->point);
    if (!rc) rc = get_text(w, o, "id", &e->id);
    for (const field *f = count_fields; f->name && !rc; f++)
        rc = get_count(w, o, f->name, (int64_t *)(void *)((char *)e + f->offset));
    if (!rc) rc = get_reals(w, o, point_fields, e);
    if (rc) return rc;
    if (!json_is_boolean(flag)) return bad(w, "by_layer");
    if (!json_is_array(items) || json_array_size(items) == 0) return bad(w, "items");
    if (!json_is_array(layers)) return bad(w, "layers");
    e->layers = json_is_true(flag);
    e->item = mb_calloc(json_array_size(items), sizeof *e->item);
    e->layer = mb_calloc(json_array_size(layers) + 1, sizeof *e->layer);
    if (!e->item || !e->layer) return mb_nomem();
    for (size_t i = 0; i < json_array_size(items) && !rc; i++) {
        e->n_item++;
        rc = get_text(w, json_array_get(items, i), "name", &e->item[i].name);
        if (!rc) rc = get_reals(w, json_array_get(items, i), item_fields, &e->item[i]);
    }
    for (size_t k = 0; k < json_array_size(layers) && !rc; k++) {
        e->n_layer++;
        rc = get_layer(w, json_array_get(layers, k), e->n_item, &e->layer[k]);
    }
    return rc;
}

/* One line; *e stays NULL for the schema. */
static int read_line(const where *w, const char *line, size_t n, mb_explanation **e) {
    json_error_t err;
    json_t *o = mb_line_check(line, n) ? json_loadb(line, n, JSON_REJECT_DUPLICATES, &err) : NULL;
    const char *kind = o ? json_string_value(json_object_get(o, "kind")) : NULL;
    int rc = MB_OK;
    *e = NULL;
    if (!kind) {
        rc = mb_fail(
            MB_BADINPUT,
            "%s:%lld: the line is damaged (checksum): remove the file, and explain again with mixbar run --explain --resume",
            w->file, (long long)w->line);
    } else if (w->line == 1) {
        const json_t *v = json_object_get(o, "schema");
        if (strcmp(kind, "schema") != 0 || !json_is_integer(v) || json_integer_value(v) != EXPLAIN_SCHEMA)
            rc = mb_fail(MB_BADINPUT,
                         "%s:1: is not a file of explanations of this version of mixbar; remove it, and explain again", w->file);
    } else if (strcmp(kind, "explanation") != 0) {
        rc = bad(w, "kind");
    } else {
        *e = mb_calloc(1, sizeof **e);
        rc = *e ? get_explanation(w, o, *e) : mb_nomem();
    }
    if (rc) {
        mb_explanation_free(*e);
        *e = NULL;
    }
    json_decref(o);
    return rc;
}

int mb_explain_read(const char *dir, mb_explanation ***list, size_t *n) {
    int rc = MB_OK;
    uint8_t *data = NULL;
    size_t size = 0, cap = 0;
    char *path = mb_path_join(dir, MB_EXPLAIN_FILE);
    *list = NULL;
    *n = 0;
    if (!path) return mb_nomem();
    where w = {path, 0};
    if (mb_file_exists(path)) rc = mb_file_read(path, 0, &data, &size);
    for (size_t at = 0; at < size && !rc;) {
        const char *line = (const char *)data + at, *nl = memchr(line, '\n', size - at);
        const size_t len = nl ? (size_t)(nl - line) : size - at;
        mb_explanation *e = NULL;
        w.line++;
        rc = read_line(&w, line, len, &e);
        at += len + 1;
        if (!rc && e && *n == cap) {
            mb_explanation **more = mb_realloc(*list, cap ? 2 * cap : 8, sizeof *more);
            if (more) *list = more;
            else rc = mb_nomem();
            cap = cap ? 2 * cap : 8;
        }
        if (!rc && e) (*list)[(*n)++] = e;
        else mb_explanation_free(e);
    }
    if (rc) {
        for (size_t i = 0; i < *n; i++) mb_explanation_free((*list)[i]);
        mb_free(*list);
        *list = NULL;
        *n = 0;
    }
    mb_free(data);
    mb_free(path);
    return rc;
}
