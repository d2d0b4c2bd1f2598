/* page_data.c - what the HTML page of a run embeds: the points as JSON, used.cfg with a summary, the plans
 *
 * Called by page.c.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/conf.h"
#include "base/error.h"
#include "base/file.h"
#include "base/json.h"
#include "base/mem.h"
#include "run/page_internal.h"

/* --- JSON ------------------------------------------------------------------------------------------------------------------ */

/* Text without control characters and bytes that are no UTF-8. */
static void text(mb_json *j, const char *key, const char *s, size_t chars) {
    mb_str clean = {0};
    mb_text_short(s, chars, &clean);
    if (clean.failed) j->out->failed = 1;
    mb_json_str(j, key, mb_cstr(&clean));
    mb_str_free(&clean);
}

/* Six digits: what a picture or a table can show. */
static void number(mb_json *j, const char *key, double v) {
    char buf[40];
    snprintf(buf, sizeof buf, "%.6g", v);
    mb_json_real(j, key, isfinite(v) ? strtod(buf, NULL) : v);
}

static void unit_text(mb_json *j, const char *key, const char *unit) {
    mb_str s = {0};
    mb_gp_unit(&s, unit);
    if (s.failed) j->out->failed = 1;
    mb_json_str(j, key, mb_cstr(&s));
    mb_str_free(&s);
}

static size_t column_index(const mb_page *p, const mb_column *c) {
    for (size_t k = 0; c && k < p->n_column; k++)
        if (p->column[k].m.column == c) return k;
    return MB_NO_POINT;
}

static void columns(const mb_page *p, mb_json *j) {
    mb_json_open(j, "columns", '[');
    for (size_t c = 0; c < p->n_column; c++) {
        const mb_metric *m = &p->column[c].m;
        const size_t lo = column_index(p, m->low), hi = column_index(p, m->high);
        mb_json_open(j, NULL, '{');
        mb_json_str(j, "name", m->column->name);
        mb_json_str(j, "brief", m->brief);
        mb_json_str(j, "label", m->label);
        unit_text(j, "unit", m->unit);
        mb_json_bool(j, "percent", m->percent);
        mb_json_bool(j, "more", m->more_is_better);
        mb_json_bool(j, "end", p->column[c].end);
        mb_json_bool(j, "constant", p->column[c].constant);
        if (lo != MB_NO_POINT && hi != MB_NO_POINT) {
            mb_json_int(j, "low", (int64_t)lo);
            mb_json_int(j, "high", (int64_t)hi);
        }
        mb_json_close(j, '}');
    }
    mb_json_close(j, ']');
}

/* Energy, latency and area by the components of the legend, then all others. */
static void parts(const mb_page *p, mb_json *j, const mb_part *part, size_t n, bool energy_only) {
    mb_cost sum[MB_LEGEND + 1] = {{0, 0, 0}};
    for (size_t i = 0; i < n; i++) {
        mb_cost *s = &sum[mb_legend_find(&p->legend, part[i].name)];
        s->energy_J += fmax(0, part[i].cost.energy_J);
        s->latency_s += fmax(0, part[i].cost.latency_s);
        s->area_m2 += fmax(0, part[i].cost.area_m2);
    }
    mb_json_open(j, "parts", '[');
    for (int k = 0; k < (energy_only ? 1 : 3); k++) {
        mb_json_open(j, NULL, '[');
        for (size_t i = 0; i <= p->legend.n; i++)
            number(j, NULL, k == 0 ? sum[i].energy_J : k == 1 ? sum[i].latency_s : sum[i].area_m2);
        mb_json_close(j, ']');
    }
    mb_json_close(j, ']');
}

static void layers(const mb_page *p, mb_json *j, const mb_point_result *q) {
    mb_json_open(j, "layers", '[');
    for (size_t k = 0; k < q->n_layer; k++) {
        const mb_layer_result *l = &q->layer[k];
        const bool analog = strcmp(l->engine, "analog") == 0;
        mb_json_open(j, NULL, '{');
        text(j, "name", l->name, 60);
        mb_json_str(j, "engine", analog ? "analog" : "digital");
        mb_json_int(j, "groups", l->groups);
        mb_json_int(j, "K", l->K);
        mb_json_int(j, "N", l->N);
        mb_json_int(j, "w", l->weight_bits);
        mb_json_int(j, "x", l->input_bits);
        if (analog) {
            mb_json_int(j, "cell", l->cell_bits);
            mb_json_int(j, "adc", l->adc_bits);
            mb_json_int(j, "all", l->adc_bits_lossless);
            mb_json_int(j, "arrays", l->arrays);
            if (isinf(l->snr_dB)) mb_json_str(j, "snr", "exact");
            else number(j, "snr", l->snr_dB);
            number(j, "clipped", l->clipped);
        }
        number(j, "energy", l->cost.energy_J);
        number(j, "latency", l->cost.latency_s);
        parts(p, j, l->part, l->n_part, true);
        mb_json_close(j, '}');
    }
    mb_json_close(j, ']');
}

static void baselines_of(const mb_page *p, mb_json *j, const mb_point_result *q) {
    mb_json_open(j, "base", '[');
    for (size_t b = 0; b < p->n_base; b++) {
        const mb_baseline_result *w = mb_point_baseline(q, p->base[b]);
        if (!w) continue;
        mb_json_open(j, NULL, '{');
        mb_json_int(j, "b", (int64_t)b);
        mb_json_open(j, "v", '{');
        for (size_t c = 0; c < p->n_column; c++) {
            const double v = mb_metric_of(&p->column[c].m, w);
            char key[24];
            snprintf(key, sizeof key, "%zu", c);
            if (isfinite(v)) number(j, key, v);
        }
        mb_json_close(j, '}');
        parts(p, j, w->part, w->n_part, false);
        mb_json_open(j, "cost", '[');
        number(j, NULL, w->cost.energy_J);
        number(j, NULL, w->cost.latency_s);
        number(j, NULL, w->cost.area_m2);
        mb_json_close(j, ']');
        mb_json_close(j, '}');
    }
    mb_json_close(j, ']');
}

static int point(const mb_page *p, mb_json *j, size_t i) {
    const mb_point_result *q = &p->r->point[p->pick[i]];
    char *tag = mb_point_tag(p->r, q, &p->tagging), *name = mb_point_name(p->r, q);
    int rc = tag && name ? MB_OK : mb_nomem();
    if (rc) goto out;
    mb_json_open(j, NULL, '{');
    mb_json_int(j, "i", q->index);
    text(j, "tag", tag, 60);
    text(j, "name", name, 200);
    text(j, "plan", q->plan ? q->plan : "", 100);
    if (q->infeasible) mb_json_bool(j, "infeasible", true);
    mb_json_open(j, "set", '[');
    for (size_t k = 0; k < p->n_key; k++) {
        const char *v = mb_page_setting(q, p->key[k]);
        text(j, NULL, v ? v : "", 100);
    }
    mb_json_close(j, ']');
    mb_json_open(j, "v", '[');
    for (size_t c = 0; c < p->n_column; c++) number(j, NULL, q->infeasible ? MB_NAN : mb_metric_at(&p->column[c].m, q));
    mb_json_close(j, ']');
    mb_json_open(j, "cost", '[');
    number(j, NULL, q->energy_J);
    number(j, NULL, q->latency_s);
    number(j, NULL, q->area_m2);
    mb_json_close(j, ']');
    parts(p, j, q->part, q->n_part, false);
    baselines_of(p, j, q);
    if (p->detail[p->pick[i]] && q->n_layer) layers(p, j, q);
    mb_json_close(j, '}');
out:
    mb_free(tag);
    mb_free(name);
    return rc;
}

int mb_page_json(const mb_page *p, mb_str *out) {
    int rc = MB_OK;
    mb_json j;
    mb_json_init(&j, out, 0);
    mb_json_open(&j, NULL, '{');
    text(&j, "name", p->r->name ? p->r->name : "run", 200);
    columns(p, &j);
    mb_json_open(&j, "keys", '[');
    for (size_t k = 0; k < p->n_key; k++) text(&j, NULL, p->key[k], 100);
    mb_json_close(&j, ']');
    mb_json_open(&j, "baselines", '[');
    for (size_t b = 0; b < p->n_base; b++) text(&j, NULL, p->base[b], 60);
    mb_json_close(&j, ']');
    mb_json_open(&j, "components", '[');
    for (size_t k = 0; k < p->legend.n; k++) {
        const mb_style s = mb_component_style(p->legend.name[k]);
        mb_json_open(&j, NULL, '{');
        text(&j, "name", p->legend.name[k], 40);
        mb_json_str(&j, "colour", s.colour);
        mb_json_int(&j, "hatch", s.hatch);
        mb_json_close(&j, '}');
    }
    mb_json_close(&j, ']');
    mb_json_open(&j, "points", '[');
    for (size_t i = 0; i < p->n && !rc; i++) {
        rc = point(p, &j, i);
        mb_str_add(out, "\n"); /* lines that an editor can show */
    }
    mb_json_close(&j, ']');
    mb_json_close(&j, '}');
    return rc;
}

/* --- the setting ------------------------------------------------------------------------------------------------------------ */

/* File NAME of the run folder into *text, which stays NULL when it cannot be read or is too long. MB_SYSTEM without memory. */
static int read_file(const mb_page *p, const char *name, size_t limit, char **text_of) {
    char *path = mb_path_join(p->r->dir, name);
    uint8_t *data = NULL;
    size_t size = 0;
    int rc = path ? MB_OK : mb_nomem();
    if (!rc && mb_file_exists(path)) rc = mb_file_read(path, limit, &data, &size); /* ends it with a zero */
    if (rc == MB_BADINPUT) {
        mb_error_clear();
        rc = MB_OK;
    }
    *text_of = (char *)data;
    mb_free(path);
    return rc;
}

/* The value at PATH of used.cfg as text, "" when there is none. */
static void value(const mb_conf *root, const char *path, mb_str *out) {
    const mb_conf *c = mb_conf_find(root, path);
    char buf[40];
    if (!c) return;
    switch (c->type) {
    case MB_CONF_STRING: mb_str_add(out, c->s); break;
    case MB_CONF_INT: mb_str_addf(out, "%lld", (long long)c->i); break;
    case MB_CONF_REAL: mb_str_add(out, mb_fmt_double(buf, c->r, 0)); break;
    case MB_CONF_BOOL: mb_str_add(out, c->i ? "true" : "false"); break;
    case MB_CONF_LIST:
        for (size_t i = 0; i < c->n; i++) {
            const mb_conf *e = c->child[i];
            if (e->type == MB_CONF_STRING) mb_str_addf(out, "%s%s", i ? ", " : "", e->s);
            else if (e->type == MB_CONF_GROUP && mb_conf_find(e, "name")) {
                mb_str_add(out, i ? ", " : "");
                value(e, "name", out);
            } else if (e->type == MB_CONF_GROUP && mb_conf_find(e, "key")) {
                mb_str_add(out, i ? ", " : "");
                value(e, "key", out);
            }
        }
        break;
    case MB_CONF_GROUP: break;
    }
}

static void row(const char *what, const char *text_of, mb_str *out) {
    if (!*text_of) return;
    mb_str_addf(out, "<dt>%s</dt><dd>", what);
    mb_page_text(out, text_of, 300);
    mb_str_add(out, "</dd>\n");
}

/* Words and the values behind them, as many as used.cfg has: "128 x 128 cells". */
static void summary(const mb_conf *root, mb_str *out) {
    static const struct {
        const char *what, *format[5]; /* a path after '@', else words; the first path must be there */
    } line[] = {{"Network", {"@network"}},
                {"Dataset", {"@dataset.format", ": ", "@dataset.images"}},
                {"Samples", {"@samples", " tested, ", "@calibration.samples", " for calibration"}},
                {"Device draws", {"@trials"}},
                {"Seed", {"@seed"}},
                {"Device", {"@device.cell"}},
                {"Machine", {"@arch.name", ", node ", "@arch.node_nm", " nm"}},
                {"Arrays", {"@arch.rows", " \xC3\x97 ", "@arch.cols"}},
                {"Converters", {"@arch.adc.type", ", columns per converter: ", "@arch.columns_per_adc"}},
                {"Mapping", {"@map.policy"}},
                {"Swept", {"@sweep.axes"}},
                {"Baselines", {"@against"}}};
    mb_str s = {0};
    mb_str_add(out, "<dl>\n");
    for (size_t i = 0; i < sizeof line / sizeof *line; i++) {
        mb_str_clear(&s);
        for (int k = 0; k < 5 && line[i].format[k]; k++) {
            const char *f = line[i].format[k];
            if (*f != '@') {
                mb_str_add(&s, f);
                continue;
            }
            const size_t before = s.n;
            value(root, f + 1, &s);
            if (s.n == before) { /* without this value the words around it mean nothing */
                if (k) s.n = before - strlen(line[i].format[k - 1]);
                if (s.s) s.s[s.n] = '\0';
                break;
            }
        }
        if (s.failed) out->failed = 1;
        row(line[i].what, mb_cstr(&s), out);
    }
    mb_str_free(&s);
    mb_str_add(out, "</dl>\n");
}

/* used.cfg with the origins, the comments behind the values, in another colour. */
static void listing(const char *text_of, mb_str *out) {
    mb_str_add(out, "<pre>");
    for (const char *s = text_of; *s;) {
        const size_t n = strcspn(s, "\n");
        size_t code = n;
        bool quoted = false;
        for (size_t i = 0; i < n && code == n; i++) {
            if (s[i] == '"' && (i == 0 || s[i - 1] != '\\')) quoted = !quoted;
            if (s[i] == '#' && !quoted) code = i;
        }
        char *a = mb_strndup(s, code), *b = mb_strndup(s + code, n - code);
        if (!a || !b) out->failed = 1;
        if (a) mb_page_text(out, a, SIZE_MAX);
        if (b && *b) {
            mb_str_add(out, "<i>");
            mb_page_text(out, b, SIZE_MAX);
            mb_str_add(out, "</i>");
        }
        mb_str_add(out, "\n");
        mb_free(a);
        mb_free(b);
        s += n + (s[n] == '\n');
    }
    mb_str_add(out, "</pre>");
}

int mb_page_setting_section(const mb_page *p, mb_str *out) {
    char *used = NULL, *manifest = NULL;
    mb_conf *root = NULL;
    int rc = read_file(p, "used.cfg", (size_t)4 << 20, &used);
    if (!rc) rc = read_file(p, "manifest.json", (size_t)1 << 20, &manifest);
    if (!rc && used) rc = mb_conf_parse(used, "used.cfg", &root);
    if (rc == MB_BADINPUT) { /* edited by hand: it is shown as it is */
        mb_error_clear();
        rc = MB_OK;
    }
    mb_str_add(out, "<section id=\"setting\"><h2>Setting</h2>\n");
    if (root) summary(root, out);
    if (used) {
        mb_str_add(out, "<details><summary>used.cfg: every value with its origin</summary>");
        listing(used, out);
        mb_str_add(out, "</details>\n");
    } else {
        mb_str_add(out, "<p>The run folder holds no used.cfg.</p>\n");
    }
    if (manifest) {
        mb_str_add(out, "<details><summary>manifest.json: when and where it ran</summary><pre>");
        mb_page_lines(out, manifest);
        mb_str_add(out, "</pre></details>\n");
    }
    mb_str_add(out, "</section>\n");
    mb_conf_free(root);
    mb_free(used);
    mb_free(manifest);
    return !rc && out->failed ? mb_nomem() : rc;
}

/* --- plans ------------------------------------------------------------------------------------------------------------------ */

/* TEXT as a data address: letters and digits stay, the rest is %XX. */
static void data_address(const char *text_of, mb_str *out) {
    static const char hex[] = "0123456789ABCDEF";
    mb_str_add(out, "data:text/plain;charset=utf-8,");
    for (const unsigned char *s = (const unsigned char *)text_of; *s; s++) {
        const bool plain =
            (*s >= 'a' && *s <= 'z') || (*s >= 'A' && *s <= 'Z') || (*s >= '0' && *s <= '9') || strchr("-_.(),;=/", *s);
        const char code[3] = {'%', hex[*s >> 4], hex[*s & 15]};
        mb_str_addn(out, plain ? (const char *)s : code, plain ? 1 : 3);
    }
}

int mb_page_plans(mb_page *p, mb_str *out) {
    size_t bytes = 0, n = 0;
    int rc = MB_OK;
    mb_str_add(out, "<section id=\"plans\"><h2>Plans</h2>\n<p>One setting per layer for each point, embedded in this page; "
                    "<code>mixbar eval EXP.cfg -p PLAN</code> replays one.</p>\n<ul class=\"plans\">\n");
    for (size_t i = 0; i < p->n && !rc; i++) {
        const mb_point_result *q = &p->r->point[p->pick[i]];
        if (!q->plan || !*q->plan || q->infeasible) continue;
        const bool simple = !strchr(q->plan, '/') && q->plan[0] != '.'; /* a file of the run folder, as results say */
        char *text_of = NULL, *name = mb_point_name(p->r, q);
        if (!name) rc = mb_nomem();
        if (!rc && p->detail[p->pick[i]] && simple && bytes < MB_PAGE_PLAN_BYTES)
            rc = read_file(p, q->plan, (size_t)1 << 20, &text_of);
        if (!text_of || rc) {
            p->plans_missing += p->detail[p->pick[i]];
            mb_free(text_of);
            mb_free(name);
            continue;
        }
        mb_str_addf(out, "<li><a id=\"plan-%zu\" download=\"", i);
        mb_page_text(out, q->plan, 100);
        mb_str_add(out, "\" href=\"");
        data_address(text_of, out);
        mb_str_add(out, "\">");
        mb_page_text(out, q->plan, 60);
        mb_str_addf(out, "</a> <small>%lld: ", (long long)q->index);
        mb_page_text(out, name, 60);
        mb_str_add(out, "</small></li>\n");
        bytes += strlen(text_of);
        n++;
        mb_free(text_of);
        mb_free(name);
    }
    if (!n) mb_str_add(out, "<li>None.</li>\n");
    mb_str_add(out, "</ul></section>\n");
    return !rc && out->failed ? mb_nomem() : rc;
}
