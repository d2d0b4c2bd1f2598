/* doc.c - answers of facts and tables; tables of parameters */
#include "cli/doc.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/mem.h"
#include "cli/common.h"

void mb_doc_begin(mb_doc *d, const char *format) {
    memset(d, 0, sizeof *d);
    d->format = mb_cli_table_format(format);
    mb_json_init(&d->json, &d->out, 2);
    if (d->format == MB_TABLE_JSON) mb_json_open(&d->json, NULL, '{');
}

/* A line "key   value" of the text form. */
static void fact_line(mb_doc *d, const char *key, const char *value) {
    if (d->after_table) mb_str_add(&d->out, "\n");
    mb_str_addf(&d->out, "%-13s %s\n", key, value);
    d->after_table = false;
    d->blocks++;
}

void mb_doc_text(mb_doc *d, const char *key, const char *fmt, ...) {
    va_list ap;
    va_start(ap, fmt);
    int n = vsnprintf(NULL, 0, fmt, ap);
    va_end(ap);
    char *text = n < 0 ? NULL : mb_malloc((size_t)n + 1, 1);
    if (!text) {
        d->out.failed = 1;
        return;
    }
    va_start(ap, fmt);
    vsnprintf(text, (size_t)n + 1, fmt, ap);
    va_end(ap);
    if (d->format == MB_TABLE_TEXT) fact_line(d, key, text);
    if (d->format == MB_TABLE_MARKDOWN) {
        mb_str_addf(&d->out, "%s- %s: %s\n", d->after_table ? "\n" : "", key, text);
        d->after_table = false;
    }
    if (d->format == MB_TABLE_JSON) mb_json_str(&d->json, key, text);
    mb_free(text);
}

void mb_doc_int(mb_doc *d, const char *key, int64_t v) {
    char text[32];
    snprintf(text, sizeof text, "%lld", (long long)v);
    if (d->format == MB_TABLE_TEXT) fact_line(d, key, text);
    if (d->format == MB_TABLE_JSON) mb_json_int(&d->json, key, v);
}

void mb_doc_real(mb_doc *d, const char *key, double v, const char *unit) {
    char text[48];
    mb_fmt_si(text, v, unit, 4);
    if (strcmp(unit, "m2") == 0 && v >= 1e-8) snprintf(text, sizeof text, "%.4f mm2", 1e6 * v);
    if (strcmp(unit, "%") == 0) snprintf(text, sizeof text, "%.2f %%", 100 * v); /* a share */
    if (d->format == MB_TABLE_TEXT) fact_line(d, key, text);
    if (d->format == MB_TABLE_JSON) mb_json_real(&d->json, key, v);
}

void mb_doc_table(mb_doc *d, const char *key, const char *title, mb_table *t) {
    if (!t) {
        d->out.failed = 1;
        return;
    }
    if (d->format == MB_TABLE_JSON) { /* the table's own text takes the place of the value */
        mb_json_null(&d->json, key);
        if (!d->out.failed) d->out.n -= 4;
        mb_table_write(t, MB_TABLE_JSON, &d->out);
        if (!d->out.failed && d->out.n && d->out.s[d->out.n - 1] == '\n') d->out.n--;
    } else {
        if (d->format == MB_TABLE_TEXT && d->blocks) mb_str_add(&d->out, "\n");
        if (d->format == MB_TABLE_TEXT && title) mb_str_addf(&d->out, "%s\n", title);
        if (d->format == MB_TABLE_MARKDOWN) mb_str_addf(&d->out, "\n%s%s", title ? title : "", title ? "\n\n" : "");
        mb_table_write(t, d->format, &d->out);
    }
    d->after_table = true;
    d->blocks++;
    mb_table_free(t);
}

void mb_doc_open(mb_doc *d, const char *key, char kind, const char *title) {
    if (d->format == MB_TABLE_JSON) mb_json_open(&d->json, key, kind);
    if (d->format == MB_TABLE_TEXT && title) {
        mb_str_addf(&d->out, "%s%s\n", d->blocks ? "\n" : "", title);
        d->after_table = false;
        d->blocks++;
    }
    if (d->format == MB_TABLE_MARKDOWN && title) {
        mb_str_addf(&d->out, "\n## %s\n\n", title);
        d->after_table = false;
    }
}

void mb_doc_close(mb_doc *d, char kind) {
    if (d->format == MB_TABLE_JSON) mb_json_close(&d->json, kind);
}

int mb_doc_end(mb_doc *d, int rc) {
    if (d->format == MB_TABLE_JSON) {
        mb_json_close(&d->json, '}');
        mb_str_add(&d->out, "\n");
    }
    if (!rc) return mb_cli_write(&d->out);
    mb_str_free(&d->out);
    return rc;
}

/* --- parameters ---------------------------------------------------------------------------------------------------- */

static const char *const kind_name[] = {
    [MB_P_BOOL] = "flag",     [MB_P_INT] = "integer", [MB_P_REAL] = "real", [MB_P_STRING] = "text",
    [MB_P_CHOICE] = "choice", [MB_P_REALS] = "reals", [MB_P_PATH] = "path",
};

mb_table *mb_param_table_new(bool with_value, bool with_applies) {
    mb_table *t = mb_table_new();
    int rc = t ? mb_table_column(t, "key", "", MB_LEFT) : MB_SYSTEM;
    if (!rc) rc = mb_table_column(t, "type", "", MB_LEFT);
    if (!rc && with_value) rc = mb_table_column(t, "value", "", MB_RIGHT);
    if (!rc && with_value) rc = mb_table_column(t, "from", "", MB_LEFT);
    if (!rc) rc = mb_table_column(t, "default", "", MB_RIGHT);
    if (!rc) rc = mb_table_column(t, "unit", "", MB_LEFT);
    if (!rc) rc = mb_table_column(t, "range", "", MB_LEFT);
    if (!rc && with_applies) rc = mb_table_column(t, "with", "", MB_LEFT);
    if (!rc) rc = mb_table_column(t, "meaning", "", MB_LEFT);
    if (!rc) return t;
    mb_table_free(t);
    return NULL;
}

/* X in the fewest characters that read back: 1e9 rather than 1000000000. BUF holds 32 bytes. */
static char *shortest(char *buf, double x) {
    char e[40];
    mb_fmt_double(buf, x, 0);
    for (int digits = 0; digits < 4; digits++) {
        snprintf(e, sizeof e, "%.*e", digits, x);
        if (!strchr(e, 'e') || strtod(e, NULL) != x) continue; /* inf stays */
        char *mark = strchr(e, 'e'), *to = mark + 1, *from = mark + 1;
        if (*from == '+') from++;
        if (*from == '-') *to++ = *from++;
        while (*from == '0' && from[1]) from++;
        memmove(to, from, strlen(from) + 1);
        if ((strchr(buf, 'e') || strlen(buf) > 6) && strlen(e) < strlen(buf)) snprintf(buf, 32, "%.31s", e);
        break;
    }
    return buf;
}

static int add_range(mb_table *t, const mb_param *p) {
    char lo[32], hi[32];
    switch (p->kind) {
    case MB_P_INT:
    case MB_P_REAL:
    case MB_P_REALS: return mb_table_cellf(t, "%s .. %s", shortest(lo, p->lo), shortest(hi, p->hi));
    case MB_P_CHOICE: return mb_table_cell(t, p->choices);
    case MB_P_BOOL: return mb_table_cell(t, "true|false");
    default: return mb_table_cell(t, "");
    }
}

/* A list as one would write it; a long one by its length. */
static int add_list(mb_table *t, const mb_conf *c) {
    mb_str s = {0};
    char num[32];
    bool plain = c->n <= 4;
    mb_str_add(&s, "[");
    for (size_t i = 0; i < c->n && plain; i++) {
        plain = c->child[i]->type == MB_CONF_INT || c->child[i]->type == MB_CONF_REAL;
        mb_str_addf(&s, "%s%s", i ? ", " : "", shortest(num, c->child[i]->r));
    }
    mb_str_add(&s, "]");
    int rc = s.failed ? mb_nomem() : plain ? mb_table_cell(t, mb_cstr(&s)) : mb_table_cellf(t, "(%zu values)", c->n);
    mb_str_free(&s);
    return rc;
}

/* The value at KEY of GROUP as one would write it, and where it comes from. */
static int add_value(mb_table *t, const mb_conf *group, const char *key) {
    const mb_conf *c = mb_conf_find(group, key);
    char num[32];
    int rc;
    if (!c) {
        rc = mb_table_cell(t, "");
        return rc ? rc : mb_table_cell(t, "");
    }
    switch (c->type) {
    case MB_CONF_INT: rc = mb_table_cellf(t, "%lld", (long long)c->i); break;
    case MB_CONF_REAL: rc = mb_table_cell(t, shortest(num, c->r)); break;
    case MB_CONF_BOOL: rc = mb_table_cell(t, c->i ? "true" : "false"); break;
    case MB_CONF_STRING: rc = mb_table_cell(t, c->s); break;
    default: rc = add_list(t, c); break;
    }
    if (rc) return rc;
    if (c->origin != MB_FROM_FILE || !c->file) return mb_table_cell(t, mb_conf_where(c));
    return mb_table_cellf(t, "line %d", c->line);
}

int mb_param_table_add(mb_table *t, const char *prefix, const mb_param *params, const mb_conf *group, const char *applies) {
    const char *without = applies && strcmp(applies, "optional") == 0 ? "" : "required";
    int rc = MB_OK;
    for (const mb_param *p = params; p && p->kind != MB_P_END && !rc; p++) {
        rc = mb_table_cellf(t, "%s%s", prefix, p->name);
        if (!rc) rc = mb_table_cell(t, kind_name[p->kind]);
        if (!rc && group) rc = add_value(t, group, p->name);
        if (!rc) rc = mb_table_cell(t, p->def ? p->def : without);
        if (!rc) rc = mb_table_cell(t, p->unit);
        if (!rc) rc = add_range(t, p);
        if (!rc && applies) rc = mb_table_cell(t, applies);
        if (!rc) rc = mb_table_cell(t, p->help);
    }
    return rc;
}

/* --- plans --------------------------------------------------------------------------------------------------------- */

/* The keys of pruning are shown where a layer is pruned. */
static bool shown(const mb_plan *p, const mb_param *k) {
    const int key = (int)(k - mb_assign_params);
    bool used = key != mb_keep_key(MB_KEEP_OUTPUTS) && key != mb_keep_key(MB_KEEP_INPUTS);
    for (int i = 0; i < p->n; i++) used = used || mb_assign_get(&p->assign[i], key) != 0;
    return used;
}

int mb_cli_plan_table(const mb_plan *p, mb_table **out) {
    mb_table *t = mb_table_new();
    mb_str s = {0};
    int rc = t ? mb_table_column(t, "layer", "", MB_LEFT) : mb_nomem();
    for (const mb_param *k = mb_assign_params; k->kind != MB_P_END && !rc; k++)
        if (shown(p, k)) rc = mb_table_column(t, k->name, "", k->kind == MB_P_CHOICE ? MB_LEFT : MB_RIGHT);
    for (int i = 0; i < p->n && !rc; i++) {
        rc = mb_table_cell(t, p->layer[i]);
        for (const mb_param *k = mb_assign_params; k->kind != MB_P_END && !rc; k++) {
            if (!shown(p, k)) continue;
            mb_str_clear(&s);
            mb_params_format(k, &p->assign[i], &s);
            rc = s.failed ? mb_nomem() : mb_table_cell(t, mb_cstr(&s));
        }
    }
    mb_str_free(&s);
    if (rc) mb_table_free(t);
    else *out = t;
    return rc;
}
