/* param.c - reading and writing structs by their parameter tables
 *
 * Defaults are put into the group as values with origin MB_FROM_DEFAULT and then read like any other value, so that there is one
 * way from text to struct and used.cfg holds every key. Anybody may call this file; it calls conf.c, file.c, mem.c, str.c,
 * error.c.
 */
#include "base/param.h"

#include <limits.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/file.h"
#include "base/mem.h"
#include "base/str.h"

#define FIELD(T, dst, row) ((T *)(void *)((char *)(dst) + (row)->offset))
#define FIELD_C(T, src, row) ((const T *)(const void *)((const char *)(src) + (row)->offset))
#define CHOICES_MAX 64

static const char *type_name(const mb_conf *c) {
    static const char *const name[] = {"a group { }", "a list", "an integer", "a real number", "true/false", "a text"};
    return name[c->type];
}

/* C as a short text, for messages. */
static void show(const mb_conf *c, mb_str *out) {
    mb_conf_write(c, out, false);
    if (out->n > 60) {
        out->n = 57;
        mb_str_add(out, "...");
    }
    for (size_t i = 0; i < out->n; i++) {
        if (out->s[i] == '\n') out->s[i] = ' ';
    }
}

static int wrong_type(const mb_conf *c, const char *wanted) {
    mb_str s = {0};
    if (c->type != MB_CONF_GROUP) show(c, &s);
    int rc = mb_fail(MB_BADINPUT, "%s: %s must be %s; found %s%s%s", mb_conf_where(c), mb_conf_key(c), wanted, type_name(c),
                     s.n ? ": " : "", mb_cstr(&s));
    mb_str_free(&s);
    return rc;
}

static int out_of_range(const mb_param *row, const mb_conf *c) {
    char lo[32], hi[32], v[32];
    const char *space = *row->unit ? " " : "";
    int whole = row->kind == MB_P_INT;
    mb_fmt_double(lo, row->lo, 0);
    mb_fmt_double(hi, row->hi, 0);
    mb_fmt_double(v, c->r, 0);
    if (whole) snprintf(v, sizeof v, "%lld", (long long)c->i);
    return mb_fail(MB_BADINPUT, "%s: %s = %s%s%s is out of range: it must lie between %s and %s%s%s", mb_conf_where(c),
                   mb_conf_key(c), v, space, row->unit, lo, hi, space, row->unit);
}

static int load_int(const mb_param *row, const mb_conf *c, int *v) {
    if (c->type != MB_CONF_INT) return wrong_type(c, "an integer");
    if (c->i < INT_MIN || c->i > INT_MAX || !((double)c->i >= row->lo && (double)c->i <= row->hi)) return out_of_range(row, c);
    *v = (int)c->i;
    return MB_OK;
}

static int load_real(const mb_param *row, const mb_conf *c, double *v) {
    if (c->type != MB_CONF_INT && c->type != MB_CONF_REAL) return wrong_type(c, "a number");
    if (!(c->r >= row->lo && c->r <= row->hi)) return out_of_range(row, c);
    *v = c->r;
    return MB_OK;
}

static int load_reals(const mb_param *row, const mb_conf *c, mb_reals *v) {
    int rc = MB_OK;
    size_t n = c->type == MB_CONF_LIST ? c->n : 1;
    double *x = mb_calloc(n, sizeof *x);
    if (!x) return mb_nomem();
    if (c->type == MB_CONF_LIST) {
        for (size_t i = 0; rc == MB_OK && i < n; i++) rc = load_real(row, c->child[i], &x[i]);
    } else if (c->type == MB_CONF_INT || c->type == MB_CONF_REAL) {
        rc = load_real(row, c, x);
    } else {
        rc = wrong_type(c, "a list of numbers");
    }
    if (rc == MB_OK) {
        *v = (mb_reals){x, n};
    } else {
        mb_free(x);
    }
    return rc;
}

/* The K-th of "a|b|c": its beginning, length in *n; NULL after the last. */
static const char *choice_at(const char *choices, int k, size_t *n) {
    const char *s = choices;
    while (k > 0 && s) {
        s = strchr(s, '|');
        if (s) s++;
        k--;
    }
    *n = s ? strcspn(s, "|") : 0;
    return k < 0 ? NULL : s;
}

int mb_choice_index(const char *choices, const char *word) {
    size_t len = strlen(word);
    int index = 0;
    for (const char *s = choices; s; index++) {
        const char *bar = strchr(s, '|');
        size_t n = bar ? (size_t)(bar - s) : strlen(s);
        if (n == len && memcmp(s, word, n) == 0) return index;
        s = bar ? bar + 1 : NULL;
    }
    return -1;
}

const char *mb_choice_name(const char *choices, int index, char *buf, size_t cap) {
    size_t n;
    const char *s = choice_at(choices, index, &n);
    if (!s) s = "?", n = 1;
    if (cap == 0) return "";
    if (n >= cap) n = cap - 1;
    memcpy(buf, s, n);
    buf[n] = '\0';
    return buf;
}

static int load_choice(const mb_param *row, const mb_conf *c, int *v) {
    if (c->type != MB_CONF_STRING) return wrong_type(c, "one of the words of its list (a text)");
    char name[CHOICES_MAX][48];
    const char *candidate[CHOICES_MAX], *s;
    size_t len, n = 0;
    for (; n < CHOICES_MAX && (s = choice_at(row->choices, (int)n, &len)); n++) {
        if (strlen(c->s) == len && strncmp(c->s, s, len) == 0) {
            *v = (int)n;
            return MB_OK;
        }
        candidate[n] = mb_choice_name(row->choices, (int)n, name[n], sizeof name[n]);
    }
    const char *near = mb_nearest(c->s, candidate, n);
    return mb_fail(MB_BADINPUT, "%s: %s = \"%s\" is not known%s%s%s; choices: %s", mb_conf_where(c), mb_conf_key(c), c->s,
                   near ? " (did you mean \"" : "", near ? near : "", near ? "\"?)" : "", row->choices);
}

int mb_conf_unknown(const mb_conf *c, const char *what, const char *const *names, size_t n) {
    const char *near = mb_nearest(c->s, names, n);
    mb_str all = {0};
    for (size_t i = 0; i < n; i++) mb_str_addf(&all, "%s%s", i ? ", " : "", names[i]);
    int rc = near ? mb_fail(MB_BADINPUT, "%s: unknown %s \"%s\"; did you mean \"%s\"? (there are: %s)", mb_conf_where(c), what, c->s,
                            near, mb_cstr(&all))
                  : mb_fail(MB_BADINPUT, "%s: unknown %s \"%s\"; there are: %s", mb_conf_where(c), what, c->s, mb_cstr(&all));
    mb_str_free(&all);
    return rc;
}

static int load_text(const mb_param *row, const mb_conf *c, char **v) {
    char *dir = NULL;
    if (c->type != MB_CONF_STRING) return wrong_type(c, row->kind == MB_P_PATH ? "a path (a text)" : "a text");
    if (row->kind == MB_P_PATH && *c->s) {
        dir = mb_conf_dir(c);
        *v = dir ? mb_path_join(dir, c->s) : NULL;
    } else {
        *v = mb_strdup(c->s);
    }
    mb_free(dir);
    return *v ? MB_OK : mb_nomem();
}

static int load_row(const mb_param *row, mb_conf *c, void *dst) {
    int rc = MB_OK;
    switch (row->kind) {
    case MB_P_BOOL:
        if (c->type == MB_CONF_BOOL) {
            *FIELD(bool, dst, row) = c->i != 0;
        } else {
            rc = wrong_type(c, "true or false");
        }
        break;
    case MB_P_INT: rc = load_int(row, c, FIELD(int, dst, row)); break;
    case MB_P_REAL: rc = load_real(row, c, FIELD(double, dst, row)); break;
    case MB_P_REALS: rc = load_reals(row, c, FIELD(mb_reals, dst, row)); break;
    case MB_P_CHOICE: rc = load_choice(row, c, FIELD(int, dst, row)); break;
    case MB_P_STRING:
    case MB_P_PATH: rc = load_text(row, c, FIELD(char *, dst, row)); break;
    case MB_P_END: rc = mb_fail(MB_BUG, "parameter table: END is read as a row"); break;
    }
    return rc;
}

/* A node for the plain number or truth value TEXT, as the parser would make it; *OUT stays NULL when TEXT is something else. */
static int plain_node(const char *name, const char *text, mb_conf **out) {
    const size_t digits = strspn(text, "-0123456789"), real = strspn(text, "-+.0123456789eE");
    const bool truth = !strcmp(text, "true") || !strcmp(text, "false"), whole = !text[digits] && digits < 10;
    if (!*text || (!truth && !whole && (text[real] || !strpbrk(text, ".eE")))) return MB_OK;
    mb_conf *c = mb_conf_new(truth ? MB_CONF_BOOL : whole ? MB_CONF_INT : MB_CONF_REAL, name);
    if (!c) return mb_nomem();
    c->i = truth ? *text == 't' : whole ? strtoll(text, NULL, 10) : 0;
    c->r = whole ? (double)c->i : truth ? 0 : strtod(text, NULL);
    c->origin = MB_FROM_DEFAULT;
    *out = c;
    return MB_OK;
}

/* The default of ROW becomes a value of GROUP. */
static int insert_default(const mb_param *row, mb_conf *group) {
    int text = row->kind == MB_P_STRING || row->kind == MB_P_CHOICE || row->kind == MB_P_PATH;
    if (!row->def) {
        return mb_fail(MB_BADINPUT, "%s: %s%sthe key \"%s\" is missing and has no default (%s)", mb_conf_where(group),
                       mb_conf_key(group), group->parent ? ": " : "", row->name, row->help);
    }
    if (row->kind == MB_P_REALS && !*row->def) return mb_conf_set(group, row->name, "( )", MB_FROM_DEFAULT);
    mb_conf *plain = NULL;
    int rc = text ? MB_OK : plain_node(row->name, row->def, &plain);
    if (rc != MB_OK || plain) return rc != MB_OK ? rc : mb_conf_append(group, plain);
    if (!text) return mb_conf_set(group, row->name, row->def, MB_FROM_DEFAULT);
    mb_conf *c = mb_conf_new(MB_CONF_STRING, row->name);
    char *s = mb_strdup(row->def);
    if (!c || !s) {
        mb_conf_free(c);
        mb_free(s);
        return mb_nomem();
    }
    mb_free(c->s);
    c->s = s;
    c->origin = MB_FROM_DEFAULT;
    return mb_conf_append(group, c);
}

static int listed(const char *const *names, size_t n, const char *name) {
    for (size_t i = 0; i < n; i++) {
        if (strcmp(names[i], name) == 0) return 1;
    }
    return 0;
}

/* Every key of GROUP is in the table or in ALSO. */
static int check_keys(const mb_param *table, const mb_conf *group, const char *const *also) {
    int rc = MB_OK;
    size_t n = 0, k = 0;
    mb_str known = {0};
    for (const mb_param *row = table; row->kind != MB_P_END; row++) n++;
    for (size_t i = 0; also && also[i]; i++) n++;
    const char **names = mb_malloc(n, sizeof *names);
    if (!names) return mb_nomem();
    for (const mb_param *row = table; row->kind != MB_P_END; row++) names[k++] = row->name;
    for (size_t i = 0; also && also[i]; i++) names[k++] = also[i];
    for (size_t i = 0; rc == MB_OK && i < group->n; i++) {
        const mb_conf *c = group->child[i];
        if (listed(names, n, c->name)) continue;
        const char *near = mb_nearest(c->name, names, n), *in = group->parent ? " in " : "";
        if (near) {
            rc = mb_fail(MB_BADINPUT, "%s: unknown key \"%s\"%s%s (did you mean \"%s\"?)", mb_conf_where(c), c->name, in,
                         mb_conf_key(group), near);
        } else {
            for (k = 0; k < n; k++) mb_str_addf(&known, "%s%s", k ? ", " : "", names[k]);
            rc = mb_fail(MB_BADINPUT, "%s: unknown key \"%s\"%s%s (known: %s)", mb_conf_where(c), c->name, in, mb_conf_key(group),
                         mb_cstr(&known));
        }
    }
    mb_str_free(&known);
    mb_free(names);
    return rc;
}

/* All fields that the table knows: zero, false, NULL. */
static void clear_fields(const mb_param *table, void *dst) {
    for (const mb_param *row = table; row->kind != MB_P_END; row++) {
        switch (row->kind) {
        case MB_P_BOOL: *FIELD(bool, dst, row) = false; break;
        case MB_P_INT:
        case MB_P_CHOICE: *FIELD(int, dst, row) = 0; break;
        case MB_P_REAL: *FIELD(double, dst, row) = 0; break;
        case MB_P_REALS: *FIELD(mb_reals, dst, row) = (mb_reals){NULL, 0}; break;
        case MB_P_STRING:
        case MB_P_PATH: *FIELD(char *, dst, row) = NULL; break;
        case MB_P_END: break;
        }
    }
}

int mb_params_load(const mb_param *table, mb_conf *group, const char *const *also, void *dst) {
    mb_conf *own = NULL;
    int rc = MB_OK;
    clear_fields(table, dst);
    if (!group) {
        group = own = mb_conf_new(MB_CONF_GROUP, NULL);
        if (!own) return mb_nomem();
        own->origin = MB_FROM_DEFAULT;
    }
    if (group->type != MB_CONF_GROUP) {
        rc = wrong_type(group, "a group { }");
    } else {
        rc = check_keys(table, group, also);
    }
    for (const mb_param *row = table; rc == MB_OK && row->kind != MB_P_END; row++) {
        if (!mb_conf_find(group, row->name)) rc = insert_default(row, group);
        mb_conf *c = rc == MB_OK ? mb_conf_use(group, row->name) : NULL;
        if (c) {
            mb_conf_use_all(c);
            rc = load_row(row, c, dst);
        }
    }
    if (rc != MB_OK) mb_params_free(table, dst);
    mb_conf_free(own);
    return rc;
}

void mb_params_free(const mb_param *table, void *dst) {
    for (const mb_param *row = table; row->kind != MB_P_END; row++) {
        if (row->kind == MB_P_STRING || row->kind == MB_P_PATH) {
            mb_free(*FIELD(char *, dst, row));
            *FIELD(char *, dst, row) = NULL;
        } else if (row->kind == MB_P_REALS) {
            mb_free(FIELD(mb_reals, dst, row)->v);
            *FIELD(mb_reals, dst, row) = (mb_reals){NULL, 0};
        }
    }
}

static mb_conf *real_node(double x) {
    mb_conf *c = mb_conf_new(MB_CONF_REAL, NULL);
    if (c) c->r = x;
    return c;
}

static mb_conf *text_node(const char *s) {
    mb_conf *c = mb_conf_new(MB_CONF_STRING, NULL);
    char *copy = mb_strdup(s ? s : "");
    if (!c || !copy) {
        mb_conf_free(c);
        mb_free(copy);
        return NULL;
    }
    mb_free(c->s);
    c->s = copy;
    return c;
}

/* The value of ROW in SRC as a new node; NULL without memory. */
static mb_conf *node_of(const mb_param *row, const void *src) {
    mb_conf *c = NULL;
    char word[48];
    switch (row->kind) {
    case MB_P_BOOL:
        c = mb_conf_new(MB_CONF_BOOL, NULL);
        if (c) c->i = *FIELD_C(bool, src, row);
        break;
    case MB_P_INT:
        c = mb_conf_new(MB_CONF_INT, NULL);
        if (c) c->r = (double)(c->i = *FIELD_C(int, src, row));
        break;
    case MB_P_REAL: c = real_node(*FIELD_C(double, src, row)); break;
    case MB_P_REALS:
        c = mb_conf_new(MB_CONF_LIST, NULL);
        for (size_t i = 0; c && i < FIELD_C(mb_reals, src, row)->n; i++) {
            mb_conf *e = real_node(FIELD_C(mb_reals, src, row)->v[i]);
            if (!e || mb_conf_append(c, e) != MB_OK) {
                mb_conf_free(c);
                c = NULL;
            }
        }
        break;
    case MB_P_CHOICE: c = text_node(mb_choice_name(row->choices, *FIELD_C(int, src, row), word, sizeof word)); break;
    case MB_P_STRING:
    case MB_P_PATH: c = text_node(*FIELD_C(char *, src, row)); break;
    case MB_P_END: break;
    }
    return c;
}

int mb_params_store(const mb_param *table, const void *src, mb_conf *group) {
    int rc = MB_OK;
    for (const mb_param *row = table; rc == MB_OK && row->kind != MB_P_END; row++) {
        mb_conf *c = node_of(row, src);
        rc = c ? mb_conf_put(group, row->name, c, MB_FROM_FILE) : mb_nomem();
        mb_conf_free(c);
    }
    return rc;
}

void mb_params_format(const mb_param *row, const void *src, mb_str *out) {
    char buf[48];
    const mb_reals *v;
    switch (row->kind) {
    case MB_P_BOOL: mb_str_add(out, *FIELD_C(bool, src, row) ? "true" : "false"); break;
    case MB_P_INT: mb_str_addf(out, "%d", *FIELD_C(int, src, row)); break;
    case MB_P_REAL: mb_str_add(out, mb_fmt_double(buf, *FIELD_C(double, src, row), 0)); break;
    case MB_P_REALS:
        v = FIELD_C(mb_reals, src, row);
        mb_str_add(out, "[");
        for (size_t i = 0; i < v->n; i++) mb_str_addf(out, "%s%s", i ? ", " : "", mb_fmt_double(buf, v->v[i], 0));
        mb_str_add(out, "]");
        break;
    case MB_P_CHOICE: mb_str_add(out, mb_choice_name(row->choices, *FIELD_C(int, src, row), buf, sizeof buf)); break;
    case MB_P_STRING:
    case MB_P_PATH: mb_str_add(out, *FIELD_C(char *, src, row) ? *FIELD_C(char *, src, row) : ""); break;
    case MB_P_END: break;
    }
}
