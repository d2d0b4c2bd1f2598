/* results_read.c - results.jsonl back into structs
 *
 * Each line must have the right checksum, each member the right type; sizes are bounded by the file (2 GiB) and the line
 * (LINE_LIMIT). A file that was damaged or made up is MB_BADINPUT with file:line and the member's name. What a killed run leaves
 * behind the last summary is skipped with a warning. Called by the command line (report, plot); any thread.
 */
#include <errno.h>
#include <limits.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include <jansson.h>

#include "base/conf.h"
#include "base/error.h"
#include "base/file.h"
#include "base/mem.h"
#include "run/explain.h"
#include "run/results_internal.h"

#define LINE_LIMIT ((size_t)64 << 20)

/* Where we are: for messages. */
typedef struct place {
    const char *file;
    int64_t line;
    const char *list;
    size_t i;
    const char *sub;
    size_t k;
} place;

static int bad_member(const place *at, const char *name, const char *want) {
    char where[160] = "";
    if (at->list && at->sub) {
        snprintf(where, sizeof where, "%s[%zu].%s[%zu].", at->list, at->i, at->sub, at->k);
    } else if (at->list || at->sub) {
        snprintf(where, sizeof where, "%s[%zu].", at->list ? at->list : at->sub, at->list ? at->i : at->k);
    }
    return mb_fail(MB_BADINPUT, "%s:%lld: the member \"%s%s\" must be %s; is this file from another version of mixbar?", at->file,
                   (long long)at->line, where, name, want);
}

static int get_str(const place *at, const json_t *o, const char *name, char **out) {
    const char *s = json_string_value(json_object_get(o, name));
    if (!s) return bad_member(at, name, "a string");
    *out = mb_strdup(s);
    return *out ? MB_OK : mb_nomem();
}

/* null is NULL_VALUE; an absent member is ABSENT when that is not required. */
static int get_real(const place *at, const json_t *o, const char *name, bool required, double null_value, double *out) {
    const json_t *v = json_object_get(o, name);
    if (!v && !required) {
        *out = MB_NAN;
    } else if (json_is_null(v)) {
        *out = null_value;
    } else if (json_is_number(v)) {
        *out = json_number_value(v);
    } else {
        return bad_member(at, name, "a number or null");
    }
    return MB_OK;
}

static int get_int(const place *at, const json_t *o, const char *name, int64_t hi, int64_t *out) {
    const json_t *v = json_object_get(o, name);
    if (!json_is_integer(v) || json_integer_value(v) < 0 || json_integer_value(v) > hi)
        return bad_member(at, name, "an integer that is not negative");
    *out = json_integer_value(v);
    return MB_OK;
}

static int get_fields(const place *at, const json_t *o, const mb_field *f, void *dst) {
    int rc = MB_OK;
    for (; f->name && rc == MB_OK; f++) {
        void *to = (char *)dst + f->offset;
        int64_t i;
        switch (f->kind) {
        case MB_F_STR: /* bottleneck: not in files of version 0.3 and before */
            if (strcmp(f->name, "bottleneck") != 0 || json_object_get(o, f->name)) rc = get_str(at, o, f->name, to);
            break;
        case MB_F_REAL: rc = get_real(at, o, f->name, false, strcmp(f->name, "snr_dB") == 0 ? MB_INF : MB_NAN, to); break;
        case MB_F_INT:
            rc = get_int(at, o, f->name, INT_MAX, &i);
            if (rc == MB_OK) *(int *)to = (int)i;
            break;
        case MB_F_I64: rc = get_int(at, o, f->name, INT64_MAX, to); break;
        }
    }
    return rc;
}

static int get_cost(const place *at, const json_t *o, mb_cost *c) {
    int rc = get_real(at, o, "energy_J", true, MB_NAN, &c->energy_J);
    if (rc == MB_OK) rc = get_real(at, o, "latency_s", true, MB_NAN, &c->latency_s);
    if (rc == MB_OK) rc = get_real(at, o, "area_m2", true, MB_NAN, &c->area_m2);
    return rc;
}

/* The list NAME of O: its length and cleared room for its elements. */
static int get_list(const place *at, const json_t *o, const char *name, size_t size, json_t **list, void **room, size_t *n) {
    *list = json_object_get(o, name);
    if (!json_is_array(*list)) return bad_member(at, name, "a list");
    *n = json_array_size(*list);
    *room = mb_calloc(*n, size);
    if (!*room) {
        *n = 0;
        return mb_nomem();
    }
    return MB_OK;
}

static int get_parts(place *at, const json_t *o, mb_part **part, size_t *n) {
    json_t *list;
    void *room = NULL;
    int rc = get_list(at, o, "components", sizeof **part, &list, &room, n);
    *part = room;
    at->sub = "components";
    for (at->k = 0; rc == MB_OK && at->k < *n; at->k++) {
        const json_t *e = json_array_get(list, at->k);
        rc = get_str(at, e, "name", &(*part)[at->k].name);
        if (rc == MB_OK) rc = get_cost(at, e, &(*part)[at->k].cost);
    }
    at->sub = NULL;
    return rc;
}

static int get_set(const place *at, const json_t *o, mb_point_result *p) {
    json_t *set = json_object_get(o, "set"), *v;
    const char *key;
    if (!json_is_object(set)) return bad_member(at, "set", "an object of strings");
    p->set = mb_calloc(json_object_size(set), sizeof *p->set);
    if (!p->set) return mb_nomem();
    json_object_foreach(set, key, v) {
        mb_setting *s = &p->set[p->n_set];
        if (!json_is_string(v)) return bad_member(at, "set", "an object of strings");
        p->n_set++;
        s->key = mb_strdup(key);
        s->value = mb_strdup(json_string_value(v));
        if (!s->key || !s->value) return mb_nomem();
    }
    return MB_OK;
}

static int get_layers(place *at, const json_t *o, mb_point_result *p) {
    json_t *list;
    void *room = NULL;
    int rc = get_list(at, o, "layers", sizeof *p->layer, &list, &room, &p->n_layer);
    p->layer = room;
    at->list = "layers";
    for (at->i = 0; rc == MB_OK && at->i < p->n_layer; at->i++) {
        mb_layer_result *l = &p->layer[at->i];
        const json_t *e = json_array_get(list, at->i);
        rc = get_fields(at, e, mb_layer_fields, l);
        if (rc == MB_OK) rc = get_cost(at, e, &l->cost);
        if (rc == MB_OK) rc = get_parts(at, e, &l->part, &l->n_part);
    }
    at->list = NULL;
    return rc;
}

/* {energy_J, latency_s, area_m2, KEY}; not in results of older versions. */
static int get_iso(const place *at, const json_t *o, const char *name, const char *key, mb_cost *c, double *v) {
    const json_t *e = json_object_get(o, name);
    *c = (mb_cost){MB_NAN, MB_NAN, MB_NAN};
    *v = MB_NAN;
    if (!e) return MB_OK;
    if (!json_is_object(e)) return bad_member(at, name, "an object");
    int rc = get_cost(at, e, c);
    return rc ? rc : get_real(at, e, key, true, MB_NAN, v);
}

static int get_baselines(place *at, const json_t *o, mb_point_result *p) {
    json_t *list;
    void *room = NULL;
    int rc = get_list(at, o, "baselines", sizeof *p->baseline, &list, &room, &p->n_baseline);
    p->baseline = room;
    at->list = "baselines";
    for (at->i = 0; rc == MB_OK && at->i < p->n_baseline; at->i++) {
        mb_baseline_result *b = &p->baseline[at->i];
        const json_t *e = json_array_get(list, at->i);
        rc = get_str(at, e, "name", &b->name);
        if (rc == MB_OK) rc = get_str(at, e, "kind", &b->kind);
        if (rc == MB_OK) rc = get_cost(at, e, &b->cost);
        if (rc == MB_OK) rc = get_real(at, e, "edap_Jsm2", true, MB_NAN, &b->edap);
        if (rc == MB_OK) rc = get_iso(at, e, "iso_area", "scale", &b->iso_area, &b->iso_scale);
        if (rc == MB_OK) rc = get_iso(at, e, "iso_capacity", "weight_bits", &b->iso_capacity, &b->capacity_bits);
        if (rc == MB_OK) rc = get_parts(at, e, &b->part, &b->n_part);
    }
    at->list = NULL;
    return rc;
}

static int get_point(place *at, const json_t *o, mb_point_result *p) {
    int rc = get_int(at, o, "index", INT64_MAX, &p->index);
    if (rc == MB_OK) rc = get_str(at, o, "id", &p->id);
    if (rc == MB_OK) rc = get_str(at, o, "label", &p->label);
    if (rc == MB_OK) rc = get_str(at, o, "plan", &p->plan);
    if (rc == MB_OK && json_object_get(o, "bottleneck")) rc = get_str(at, o, "bottleneck", &p->bottleneck);
    const char *status = json_string_value(json_object_get(o, "status")); /* not in files of version 0.2 and before */
    if (rc == MB_OK && status && strcmp(status, "infeasible") == 0) rc = get_str(at, o, "why", &p->infeasible);
    if (rc == MB_OK) rc = get_set(at, o, p);
    for (const mb_column *c = mb_point_columns; c->name && rc == MB_OK; c++)
        rc = get_real(at, o, c->name, true, MB_NAN, (double *)(void *)((char *)p + c->offset));
    if (rc == MB_OK) rc = get_parts(at, o, &p->part, &p->n_part);
    if (rc == MB_OK) rc = get_layers(at, o, p);
    if (rc == MB_OK) rc = get_baselines(at, o, p);
    return rc;
}

/* What is collected while reading. */
typedef struct reader {
    place at;
    mb_results *r;
    size_t cap;
    mb_trial_result *trial; /* of the point that comes next */
    size_t n_trial, cap_trial;
    int64_t trial_point;
    bool ended;
} reader;

static int read_schema(reader *d, const json_t *o) {
    int64_t v;
    int rc = get_int(&d->at, o, "schema", INT64_MAX, &v);
    if (rc == MB_OK && v != MB_RESULTS_SCHEMA)
        rc = mb_fail(MB_BADINPUT, "%s:1: schema %lld; this mixbar reads schema %d: use the mixbar that wrote it", d->at.file,
                     (long long)v, MB_RESULTS_SCHEMA);
    if (rc == MB_OK) rc = get_str(&d->at, o, "name", &d->r->name);
    return rc;
}

static int read_trial(reader *d, const json_t *o) {
    int64_t point = 0;
    int rc = get_int(&d->at, o, "point", INT64_MAX, &point);
    if (rc == MB_OK && d->n_trial && point != d->trial_point)
        rc = mb_fail(MB_BADINPUT, "%s:%lld: a trial of point %lld among those of point %lld", d->at.file, (long long)d->at.line,
                     (long long)point, (long long)d->trial_point);
    if (rc == MB_OK && d->n_trial == d->cap_trial) {
        size_t cap = d->cap_trial ? d->cap_trial * 2 : 16;
        mb_trial_result *t = mb_realloc(d->trial, cap, sizeof *t);
        if (!t) return mb_nomem();
        d->trial = t;
        d->cap_trial = cap;
    }
    if (rc == MB_OK) {
        d->trial_point = point;
        rc = get_fields(&d->at, o, mb_trial_fields, &d->trial[d->n_trial]);
    }
    if (rc == MB_OK) d->n_trial++;
    return rc;
}

static int read_point(reader *d, const json_t *o) {
    int64_t draws = 0;
    mb_results *r = d->r;
    int rc = MB_OK;
    if (r->n == d->cap) {
        size_t cap = d->cap ? d->cap * 2 : 16;
        mb_point_result *p = mb_realloc(r->point, cap, sizeof *p);
        if (!p) return mb_nomem();
        r->point = p;
        d->cap = cap;
    }
    mb_point_result *p = &r->point[r->n++];
    memset(p, 0, sizeof *p);
    rc = get_point(&d->at, o, p);
    if (rc == MB_OK) rc = get_int(&d->at, o, "draws", INT64_MAX, &draws);
    if (rc != MB_OK) return rc;
    if (d->ended || (r->n > 1 && p->index <= r->point[r->n - 2].index))
        return mb_fail(MB_BADINPUT, "%s:%lld: point %lld is out of order", d->at.file, (long long)d->at.line,
                       (long long)p->index);
    if ((uint64_t)draws != d->n_trial || (draws && d->trial_point != p->index))
        return mb_fail(MB_BADINPUT, "%s:%lld: point %lld has %lld trials, but %zu lines of trials stand before it", d->at.file,
                       (long long)d->at.line, (long long)p->index, (long long)draws, d->n_trial);
    p->trial = d->trial;
    p->n_trial = d->n_trial;
    d->trial = NULL;
    d->n_trial = d->cap_trial = 0;
    return MB_OK;
}

static int read_end(reader *d, const json_t *o) {
    int64_t points;
    int rc = get_int(&d->at, o, "points", INT64_MAX, &points);
    if (rc == MB_OK && (uint64_t)points != d->r->n)
        rc = mb_fail(MB_BADINPUT, "%s:%lld: the run ended with %lld points, but the file holds %zu: lines are missing",
                     d->at.file, (long long)d->at.line, (long long)points, d->r->n);
    d->ended = true;
    return rc;
}

static int read_line(reader *d, const char *line, size_t n) {
    int rc = MB_OK;
    json_error_t err;
    json_t *o = NULL;
    const char *kind;
    if (n > LINE_LIMIT)
        return mb_fail(MB_BADINPUT, "%s:%lld: the line is longer than %zu bytes", d->at.file, (long long)d->at.line, LINE_LIMIT);
    if (mb_line_check(line, n) == 0)
        return mb_fail(MB_BADINPUT, "%s:%lld: %s", d->at.file, (long long)d->at.line,
                       d->at.line == 1
                           ? "is not a results file of mixbar, or its first line is damaged (checksum)"
                           : "the line is damaged (checksum): restore the file from a copy, or run the experiment again");
    o = json_loadb(line, n, JSON_REJECT_DUPLICATES, &err);
    if (!o) {
        rc = mb_fail(MB_BADINPUT, "%s:%lld: is not JSON: %s", d->at.file, (long long)d->at.line, err.text);
        goto out;
    }
    kind = json_string_value(json_object_get(o, "kind"));
    if (!kind) {
        rc = bad_member(&d->at, "kind", "a string");
    } else if ((d->at.line == 1) != (strcmp(kind, "schema") == 0)) {
        rc = mb_fail(MB_BADINPUT, "%s:%lld: the schema line must be the first line, and only that", d->at.file,
                     (long long)d->at.line);
    } else if (d->at.line == 1) {
        rc = read_schema(d, o);
    } else if (strcmp(kind, "trial") == 0) {
        rc = read_trial(d, o);
    } else if (strcmp(kind, "point") == 0) {
        rc = read_point(d, o);
    } else if (strcmp(kind, "end") == 0) {
        rc = read_end(d, o);
    } else {
        rc = mb_fail(MB_BADINPUT, "%s:%lld: a line of unknown kind \"%.40s\": use the mixbar that wrote it", d->at.file,
                     (long long)d->at.line, kind);
    }
out:
    json_decref(o);
    return rc;
}

/* Give the points their explanations; those of other points (an earlier run) are left alone. */
static int read_explanations(mb_results *r) {
    mb_explanation **list;
    size_t n;
    int rc = mb_explain_read(r->dir, &list, &n);
    for (size_t i = 0; i < n; i++) {
        for (size_t k = 0; k < r->n && list[i]; k++) {
            mb_point_result *p = &r->point[k];
            if (p->index != list[i]->point || strcmp(p->id, list[i]->id) != 0 || p->explain) continue;
            p->explain = list[i];
            list[i] = NULL;
        }
        mb_explanation_free(list[i]);
    }
    mb_free(list);
    return rc;
}

/* The question that used.cfg asks. Results are of use without that file. */
static int read_question(mb_results *r) {
    int rc = MB_OK;
    mb_conf *c = NULL;
    char *path = mb_path_join(r->dir, "used.cfg");
    if (!path) return mb_nomem();
    if (mb_file_exists(path) && mb_conf_read(path, &c) == MB_OK) {
        const mb_conf *q = mb_conf_find(c, "question");
        if (q && q->type == MB_CONF_STRING && *q->s && !(r->question = mb_strdup(q->s))) rc = mb_nomem();
    }
    if (rc == MB_OK) mb_error_clear();
    mb_conf_free(c);
    mb_free(path);
    return rc;
}

int mb_results_read(const char *dir, mb_results *r) {
    int rc = MB_OK;
    uint8_t *data = NULL;
    size_t size = 0;
    char *file = NULL;
    reader d = {0};
    memset(r, 0, sizeof *r);
    if (mb_dir_exists(dir)) {
        r->dir = mb_strdup(dir);
        file = mb_path_join(dir, MB_RESULTS_FILE);
        struct stat st;
        if (file && stat(file, &st) != 0 && errno == ENOENT) {
            rc = mb_fail(MB_BADINPUT, "%s: holds no results.jsonl: it is not the folder of a run (mixbar run EXP.cfg makes one)",
                         dir);
            goto out;
        }
    } else {
        r->dir = mb_path_dir(dir);
        file = mb_strdup(dir);
    }
    if (!r->dir || !file) {
        rc = mb_nomem();
        goto out;
    }
    rc = mb_file_read(file, 0, &data, &size);
    if (rc != MB_OK) goto out;
    d.at.file = file;
    d.r = r;
    if (size == 0) rc = mb_fail(MB_BADINPUT, "%s: is empty; go on with mixbar run --resume", file);
    for (size_t at = 0; at < size && rc == MB_OK;) {
        const char *line = (const char *)data + at, *nl = memchr(line, '\n', size - at);
        d.at.line++;
        if (!nl && d.at.line == 1) {
            rc = mb_fail(MB_BADINPUT, "%s:1: is not a results file of mixbar, or its first line is cut off", file);
        } else if (!nl) {
            mb_warn("%s:%lld: the last line is cut off; its point is left out (mixbar run --resume computes it again)", file,
                    (long long)d.at.line);
            d.n_trial = 0;
            break;
        } else {
            rc = read_line(&d, line, (size_t)(nl - line));
            at += (size_t)(nl - line) + 1;
        }
    }
    if (rc == MB_OK && d.n_trial)
        mb_warn("%s: point %lld is not finished; it is left out (mixbar run --resume computes it again)", file,
                (long long)d.trial_point);
    r->complete = d.ended;
    if (rc == MB_OK) rc = read_explanations(r);
    if (rc == MB_OK) rc = read_question(r);
out:
    mb_free(d.trial);
    mb_free(data);
    mb_free(file);
    if (rc != MB_OK) mb_results_free(r);
    return rc;
}

void mb_results_free(mb_results *r) {
    if (!r) return;
    for (size_t i = 0; i < r->n; i++) mb_point_result_free(&r->point[i]);
    mb_free(r->point);
    mb_free(r->dir);
    mb_free(r->name);
    mb_free(r->question);
    mb_free(r->where);
    memset(r, 0, sizeof *r);
}
