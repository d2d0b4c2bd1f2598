/* conf.c - the configuration tree
 *
 * conf_scan.c guards the text and joins included files, libconfig parses it, and the result is copied into our own tree at once,
 * so that each value knows its file and line and whether somebody read it. Presets are groups read from other files with keys
 * laid over them. Anybody may call this file; it calls conf_scan.c, file.c, mem.c, str.c, error.c.
 */
#include "base/conf.h"

#include <errno.h>
#include <libconfig.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/conf_scan.h"
#include "base/error.h"
#include "base/file.h"
#include "base/mem.h"

#define TEXT_LIMIT ((size_t)64 << 20)
#define PATH_SEGMENTS 64
#define NAME_BYTES 128
#define PRESET_DEPTH 8

/* --- nodes -------------------------------------------------------------------------------------------------------- */

mb_conf *mb_conf_new(mb_conf_type type, const char *name) {
    mb_conf *c = mb_calloc(1, sizeof *c);
    if (c) {
        c->type = type;
        c->name = name ? mb_strdup(name) : NULL;
        c->s = type == MB_CONF_STRING ? mb_strdup("") : NULL;
        if ((name && !c->name) || (type == MB_CONF_STRING && !c->s)) {
            mb_conf_free(c);
            c = NULL;
        }
    }
    return c;
}

void mb_conf_free(mb_conf *c) {
    if (!c) return;
    for (size_t i = 0; i < c->n; i++) mb_conf_free(c->child[i]);
    mb_free(c->child);
    mb_free(c->name);
    mb_free(c->s);
    mb_free(c->file);
    mb_free(c);
}

static mb_conf *child_named(const mb_conf *c, const char *name) {
    for (size_t i = 0; c->type == MB_CONF_GROUP && i < c->n; i++) {
        if (strcmp(c->child[i]->name, name) == 0) return c->child[i];
    }
    return NULL;
}

/* Append without looking at names; the array doubles at powers of two. */
static int append_raw(mb_conf *parent, mb_conf *child) {
    if ((parent->n & (parent->n - 1)) == 0) {
        mb_conf **list = mb_realloc(parent->child, parent->n ? parent->n * 2 : 1, sizeof *list);
        if (!list) return mb_nomem();
        parent->child = list;
    }
    parent->child[parent->n++] = child;
    child->parent = parent;
    return MB_OK;
}

int mb_conf_append(mb_conf *parent, mb_conf *child) {
    int rc = MB_OK;
    if (parent->type == MB_CONF_GROUP) {
        if (!child->name || !mb_conf_is_name(child->name)) {
            rc = mb_fail(MB_BUG, "configuration: \"%s\" cannot be the name of a key", child->name ? child->name : "");
        } else if (child_named(parent, child->name)) {
            rc = mb_fail(MB_BUG, "configuration: the key \"%s\" is appended twice", child->name);
        }
    } else if (parent->type != MB_CONF_LIST) {
        rc = mb_fail(MB_BUG, "configuration: a value is appended to a scalar");
    }
    if (rc == MB_OK) rc = append_raw(parent, child);
    if (rc == MB_OK && parent->type == MB_CONF_LIST) {
        mb_free(child->name);
        child->name = NULL;
    }
    if (rc != MB_OK) mb_conf_free(child);
    return rc;
}

mb_conf *mb_conf_clone(const mb_conf *c) {
    mb_conf *d = mb_calloc(1, sizeof *d);
    if (!d) return NULL;
    d->type = c->type;
    d->i = c->i;
    d->r = c->r;
    d->line = c->line;
    d->origin = c->origin;
    d->used = c->used;
    d->name = c->name ? mb_strdup(c->name) : NULL;
    d->s = c->s ? mb_strdup(c->s) : NULL;
    d->file = c->file ? mb_strdup(c->file) : NULL;
    int ok = (d->name || !c->name) && (d->s || !c->s) && (d->file || !c->file);
    for (size_t i = 0; ok && i < c->n; i++) {
        mb_conf *e = mb_conf_clone(c->child[i]);
        ok = e && append_raw(d, e) == MB_OK;
        if (!ok) mb_conf_free(e);
    }
    if (!ok) {
        mb_conf_free(d);
        d = NULL;
    }
    return d;
}

/* --- reading ------------------------------------------------------------------------------------------------------ */

typedef struct copy { const mb_conf_text *t; size_t string; } copy;

/* Line K (1, 2, ...) of the joined text. */
static mb_conf_place place_of(const mb_conf_text *t, long k) {
    if (k < 1) k = 1;
    if ((size_t)k > t->lines) k = (long)t->lines;
    return t->place[k - 1];
}

static int copy_setting(copy *z, const config_setting_t *s, mb_conf *parent) {
    int rc = MB_OK, type = config_setting_type(s), aggregate = config_setting_is_aggregate(s);
    long line = (long)config_setting_source_line(s);
    mb_conf_type t = MB_CONF_LIST;
    switch (type) {
    case CONFIG_TYPE_GROUP: t = MB_CONF_GROUP; break;
    case CONFIG_TYPE_INT:
    case CONFIG_TYPE_INT64: t = MB_CONF_INT; break;
    case CONFIG_TYPE_FLOAT: t = MB_CONF_REAL; break;
    case CONFIG_TYPE_BOOL: t = MB_CONF_BOOL; break;
    case CONFIG_TYPE_STRING: t = MB_CONF_STRING; break;
    default: break;
    }
    mb_conf *c = mb_conf_new(t, config_setting_name(s));
    if (!c) return mb_nomem();
    if (t == MB_CONF_INT) {
        c->i = type == CONFIG_TYPE_INT ? config_setting_get_int(s) : config_setting_get_int64(s);
        c->r = (double)c->i;
    } else if (t == MB_CONF_REAL) {
        c->r = config_setting_get_float(s);
    } else if (t == MB_CONF_BOOL) {
        c->i = config_setting_get_bool(s) != 0;
    } else if (t == MB_CONF_STRING) {
        mb_free(c->s);
        c->s = mb_strdup(config_setting_get_string(s));
        if (z->string < z->t->strings) { /* libconfig gives an element the line of the token after it */
            if (!c->name) line = z->t->string[z->string];
            z->string++;
        }
    }
    mb_conf_place p = place_of(z->t, line);
    c->line = p.line;
    c->file = mb_strdup(z->t->file[p.file]);
    if (!c->file || (t == MB_CONF_STRING && !c->s)) rc = mb_nomem();
    if (rc == MB_OK) rc = append_raw(parent, c);
    if (rc != MB_OK) {
        mb_conf_free(c);
        return rc;
    }
    for (int i = 0; rc == MB_OK && aggregate && i < config_setting_length(s); i++) {
        rc = copy_setting(z, config_setting_get_elem(s, (unsigned)i), c);
    }
    return rc;
}

/* What libconfig found wrong, with the line of the file it came from and its text. */
static int parse_error(const mb_conf_text *t, const config_t *cfg) {
    long k = config_error_line(cfg);
    const char *what = config_error_text(cfg), *s = mb_cstr(&t->text);
    mb_conf_place p = place_of(t, k);
    if (!what) what = "syntax error";
    for (long i = 1; i < k && *s; s++) i += *s == '\n';
    while (*s == ' ' || *s == '\t') s++;
    int n = (int)strcspn(s, "\r\n");
    if (strcmp(what, "duplicate setting name") == 0) what = "this key is set twice in its group";
    return mb_fail(MB_BADINPUT, "%s:%d: %s%s%.*s%s", t->file[p.file], p.line, what, n ? ", near \"" : "", n > 60 ? 60 : n, s,
                   n ? "\"" : "");
}

static int parse(const char *text, size_t n, const char *label, mb_conf **root) {
    mb_conf_text t;
    mb_conf *c = NULL;
    config_t cfg;
    config_init(&cfg);
    *root = NULL;
    int rc = mb_conf_scan(text, n, label, &t);
    if (rc != MB_OK) goto out;
    if (config_read_string(&cfg, mb_cstr(&t.text)) != CONFIG_TRUE) {
        rc = parse_error(&t, &cfg);
        goto out;
    }
    c = mb_conf_new(MB_CONF_GROUP, NULL);
    if (c) c->file = mb_strdup(label);
    if (!c || !c->file) {
        rc = mb_nomem();
        goto out;
    }
    c->line = 1;
    copy z = {&t, 0};
    const config_setting_t *top = config_root_setting(&cfg);
    for (int i = 0; rc == MB_OK && i < config_setting_length(top); i++)
        rc = copy_setting(&z, config_setting_get_elem(top, (unsigned)i), c);
    if (rc == MB_OK) {
        *root = c;
        c = NULL;
    }
out:
    mb_conf_free(c);
    config_destroy(&cfg);
    mb_conf_text_free(&t);
    return rc;
}

int mb_conf_parse(const char *text, const char *label, mb_conf **root) { return parse(text, strlen(text), label, root); }

int mb_conf_read(const char *path, mb_conf **root) {
    uint8_t *data = NULL;
    size_t n = 0;
    *root = NULL;
    int rc = mb_file_read(path, TEXT_LIMIT, &data, &n);
    if (rc == MB_OK) rc = parse((const char *)data, n, path, root);
    mb_free(data);
    return rc;
}

/* --- paths -------------------------------------------------------------------------------------------------------- */

typedef enum { SEG_END, SEG_NAME, SEG_INDEX, SEG_BAD } segment_kind;
typedef struct segment { segment_kind kind; char name[NAME_BYTES]; size_t index; } segment;

/* The segment at *p; FIRST: no dot stands before a name. */
static segment next_segment(const char **p, int first) {
    segment g = {SEG_BAD, "", 0};
    const char *s = *p;
    if (*s == '\0') {
        g.kind = first ? SEG_BAD : SEG_END;
    } else if (*s == '[') {
        char *end = NULL;
        unsigned long k = s[1] >= '0' && s[1] <= '9' ? strtoul(s + 1, &end, 10) : 0;
        if (end && *end == ']' && end - s < 12) {
            g.kind = SEG_INDEX;
            g.index = k;
            *p = end + 1;
        }
    } else {
        if (!first && *s == '.') {
            s++;
        } else if (!first) {
            return g;
        }
        size_t n = strcspn(s, ".[");
        if (n > 0 && n < NAME_BYTES) {
            memcpy(g.name, s, n);
            g.name[n] = '\0';
            if (mb_conf_is_name(g.name)) g.kind = SEG_NAME;
            *p = s + n;
        }
    }
    return g;
}

mb_conf *mb_conf_find(const mb_conf *c, const char *path) {
    const char *p = path;
    mb_conf *at = NULL;
    for (int first = 1; c; first = 0) {
        segment g = next_segment(&p, first);
        if (g.kind == SEG_END) break;
        if (g.kind == SEG_NAME) {
            at = child_named(c, g.name);
        } else if (g.kind == SEG_INDEX && c->type == MB_CONF_LIST && g.index < c->n) {
            at = c->child[g.index];
        } else {
            at = NULL;
        }
        c = at;
    }
    return at;
}

mb_conf *mb_conf_use(mb_conf *c, const char *path) {
    mb_conf *found = mb_conf_find(c, path);
    for (mb_conf *up = found; up; up = up->parent) up->used = true;
    return found;
}

void mb_conf_use_all(mb_conf *c) {
    c->used = true;
    for (size_t i = 0; i < c->n; i++) mb_conf_use_all(c->child[i]);
}

static int check_path(const char *path) {
    const char *p = path;
    int n = 0;
    segment g;
    do g = next_segment(&p, n == 0); while (g.kind != SEG_END && g.kind != SEG_BAD && ++n <= PATH_SEGMENTS);
    if (g.kind == SEG_BAD)
        return mb_fail(MB_BADINPUT, "\"%s\" is not the name of a key (names are like map.weight_bits or sweep.axes[0].key)",
                       path);
    if (g.kind != SEG_END) return mb_fail(MB_BADINPUT, "the name of a key has more than %d parts", PATH_SEGMENTS);
    return MB_OK;
}

/* The text C, which stands where a group is wanted, becomes { preset = TEXT }. */
static int string_to_group(mb_conf *c) {
    mb_conf *p = mb_conf_new(MB_CONF_STRING, "preset");
    int rc = p ? MB_OK : mb_nomem();
    if (rc == MB_OK && c->file) {
        p->file = mb_strdup(c->file);
        if (!p->file) rc = mb_nomem();
    }
    if (rc == MB_OK) rc = append_raw(c, p);
    if (rc != MB_OK) {
        mb_conf_free(p);
        return rc;
    }
    mb_free(p->s);
    p->s = c->s;
    c->s = NULL;
    p->line = c->line;
    p->origin = c->origin;
    c->type = MB_CONF_GROUP;
    return MB_OK;
}

/* Put NODE (owned, also on failure) at PATH under ROOT. */
static int put_node(mb_conf *root, const char *path, mb_conf *node) {
    const char *p = path;
    mb_conf *at = root;
    int rc = check_path(path);
    segment g = {SEG_BAD, "", 0};
    if (rc == MB_OK) g = next_segment(&p, 1);
    while (rc == MB_OK && g.kind != SEG_END) {
        segment next = next_segment(&p, 0);
        size_t k = 0;
        if (g.kind == SEG_NAME && at->type == MB_CONF_STRING) rc = string_to_group(at);
        if (rc != MB_OK) break;
        if (g.kind == SEG_NAME && at->type != MB_CONF_GROUP) {
            rc = mb_fail(MB_BADINPUT, "%s cannot be set: %s (%s) is no group", path, mb_conf_key(at), mb_conf_where(at));
        } else if (g.kind == SEG_INDEX && at->type != MB_CONF_LIST) {
            rc = mb_fail(MB_BADINPUT, "%s cannot be set: %s (%s) is no list", path, mb_conf_key(at), mb_conf_where(at));
        } else if (g.kind == SEG_INDEX && g.index > at->n) {
            rc = mb_fail(MB_BADINPUT, "%s cannot be set: %s (%s) has %zu elements", path, mb_conf_key(at), mb_conf_where(at),
                         at->n);
        }
        if (rc != MB_OK) break;
        k = g.index;
        if (g.kind == SEG_NAME) {
            for (k = 0; k < at->n && strcmp(at->child[k]->name, g.name) != 0; k++) {}
        }
        mb_conf *step = NULL;
        if (next.kind == SEG_END) {
            char *name = g.kind == SEG_NAME ? mb_strdup(g.name) : NULL;
            if (g.kind == SEG_NAME && !name) {
                rc = mb_nomem();
                break;
            }
            mb_free(node->name);
            node->name = name;
            if (k < at->n) {
                mb_conf_free(at->child[k]);
                at->child[k] = node;
                node->parent = at;
            } else {
                rc = append_raw(at, node);
            }
            if (rc == MB_OK) node = NULL;
        } else if (k < at->n) {
            step = at->child[k];
        } else {
            step = mb_conf_new(next.kind == SEG_INDEX ? MB_CONF_LIST : MB_CONF_GROUP, g.kind == SEG_NAME ? g.name : NULL);
            if (step) step->origin = node->origin;
            rc = step ? append_raw(at, step) : mb_nomem();
            if (rc != MB_OK) mb_conf_free(step);
        }
        at = step;
        g = next;
    }
    mb_conf_free(node);
    return rc;
}

/* --- setting ------------------------------------------------------------------------------------------------------ */

static void set_origin(mb_conf *c, mb_conf_origin origin, int forget_place) {
    c->origin = origin;
    if (forget_place) {
        mb_free(c->file);
        c->file = NULL;
        c->line = 0;
    }
    for (size_t i = 0; i < c->n; i++) set_origin(c->child[i], origin, forget_place);
}

/* TEXT in the syntax of libconfig becomes *v. */
static int parse_value(const char *path, const char *text, mb_conf **v) {
    mb_str s = {0};
    mb_conf *root = NULL;
    *v = NULL;
    mb_str_addf(&s, "v = %s\n;", text);
    int rc = s.failed ? mb_nomem() : mb_conf_parse(mb_cstr(&s), "value", &root);
    if (rc == MB_OK && (root->n != 1 || strcmp(root->child[0]->name, "v") != 0)) {
        rc = mb_fail(MB_BADINPUT, "more than one value");
    }
    if (rc == MB_OK) {
        *v = root->child[0];
        root->n = 0;
        (*v)->parent = NULL;
    } else if (rc == MB_BADINPUT) {
        const char *m = mb_error_message(), *tail = strncmp(m, "value:", 6) == 0 ? strchr(m + 6, ' ') : NULL;
        rc = mb_fail(rc, "%s: the value %s cannot be read: %s", path, text, tail ? tail + 1 : m);
    }
    mb_conf_free(root);
    mb_str_free(&s);
    return rc;
}

int mb_conf_set(mb_conf *root, const char *path, const char *text, mb_conf_origin origin) {
    mb_conf *v = NULL;
    int rc = check_path(path), has_l = 0;
    int64_t i = 0;
    size_t n;
    while (*text == ' ' || *text == '\t') text++;
    n = strlen(text);
    while (n && (text[n - 1] == ' ' || text[n - 1] == '\t')) n--;
    mb_num_kind k = mb_conf_number(text, n, &i, &has_l);
    if (rc != MB_OK) {
        /* said above */
    } else if (k == MB_NUM_TOO_BIG) {
        rc = mb_fail(MB_BADINPUT, "%s: the integer %s does not fit in 64 bits", path, text);
    } else if (k == MB_NUM_INT) {
        v = mb_conf_new(MB_CONF_INT, NULL);
        if (v) {
            v->i = i;
            v->r = (double)i;
        }
    } else if (k == MB_NUM_REAL || (n && strchr("\"([{", *text))) {
        rc = parse_value(path, text, &v);
    } else if ((n == 4 && strncmp(text, "true", 4) == 0) || (n == 5 && strncmp(text, "false", 5) == 0)) {
        v = mb_conf_new(MB_CONF_BOOL, NULL);
        if (v) v->i = n == 4;
    } else {
        v = mb_conf_new(MB_CONF_STRING, NULL);
        if (v) {
            mb_free(v->s);
            v->s = mb_strndup(text, n);
            if (!v->s) {
                mb_conf_free(v);
                v = NULL;
            }
        }
    }
    if (rc == MB_OK && !v) rc = mb_nomem();
    if (rc == MB_OK) {
        set_origin(v, origin, 1);
        rc = put_node(root, path, v);
    }
    return rc;
}

int mb_conf_assign(mb_conf *root, const char *key_value, mb_conf_origin origin) {
    const char *eq = strchr(key_value, '=');
    if (!eq || eq == key_value) return mb_fail(MB_USAGE, "\"%s\" is not of the form KEY=VALUE", key_value);
    size_t n = (size_t)(eq - key_value);
    while (n && (key_value[n - 1] == ' ' || key_value[n - 1] == '\t')) n--;
    char *key = mb_strndup(key_value, n);
    int rc = key ? mb_conf_set(root, key, eq + 1, origin) : mb_nomem();
    mb_free(key);
    return rc;
}

int mb_conf_put(mb_conf *root, const char *path, const mb_conf *value, mb_conf_origin origin) {
    mb_conf *v = mb_conf_clone(value);
    if (!v) return mb_nomem();
    set_origin(v, origin, 0);
    return put_node(root, path, v);
}

int mb_conf_overlay(mb_conf *base, const mb_conf *over) {
    int rc = MB_OK;
    if (base->type != MB_CONF_GROUP || over->type != MB_CONF_GROUP)
        return mb_fail(MB_BUG, "configuration: only groups are laid over each other");
    for (size_t i = 0; rc == MB_OK && i < over->n; i++) {
        const mb_conf *o = over->child[i];
        mb_conf *b = child_named(base, o->name);
        if (b && b->type == MB_CONF_STRING && o->type == MB_CONF_GROUP && !child_named(o, "preset")) rc = string_to_group(b);
        if (rc == MB_OK && b && b->type == MB_CONF_GROUP && o->type == MB_CONF_GROUP) {
            rc = mb_conf_overlay(b, o);
        } else if (rc == MB_OK) {
            rc = mb_conf_put(base, o->name, o, o->origin);
        }
    }
    return rc;
}

/* --- presets ------------------------------------------------------------------------------------------------------ */

typedef struct preset_chain { const char *real; int depth; const struct preset_chain *up; } preset_chain;

/* Folder beside which the preset named at C is looked for. A name from the command line has no file: the file of the group around
 * it serves. */
static char *beside_of(const mb_conf *c) {
    const mb_conf *at = c;
    if (!strchr(c->s, '/')) {
        while (at->parent && !at->file) at = at->parent;
    }
    return mb_conf_dir(at);
}

static int expand(mb_conf *c, const char *kind, const preset_chain *up) {
    int rc = MB_OK;
    char *beside = NULL, *path = NULL, *key = NULL, real[PATH_MAX];
    mb_conf *tree = NULL;
    mb_conf *name = c->type == MB_CONF_STRING ? c : c->type == MB_CONF_GROUP ? child_named(c, "preset") : NULL;
    if (c->type == MB_CONF_GROUP && !name) return MB_OK;
    if (!name || name->type != MB_CONF_STRING) {
        const mb_conf *wrong = name ? name : c;
        return mb_fail(MB_BADINPUT, "%s: %s must be the name of a preset in %s (a text) or a group", mb_conf_where(wrong),
                       mb_conf_key(wrong), kind);
    }
    if (up && up->depth >= PRESET_DEPTH)
        return mb_fail(MB_BADINPUT, "%s: presets are built on each other deeper than %d levels", mb_conf_where(name),
                       PRESET_DEPTH);
    beside = beside_of(name);
    if (!beside) {
        rc = mb_nomem();
        goto out;
    }
    rc = mb_preset_find(kind, name->s, beside, &path);
    if (rc != MB_OK) {
        char *cause = mb_strdup(mb_error_message()); /* the place first, as in every other message */
        rc = cause ? mb_fail(rc, "%s: %s: %s", mb_conf_where(name), mb_conf_key(name), cause) : mb_nomem();
        mb_free(cause);
        goto out;
    }
    if (!realpath(path, real)) {
        rc = mb_fail(MB_BADINPUT, "%s: %s: %s", mb_conf_where(name), path, strerror(errno));
        goto out;
    }
    for (const preset_chain *k = up; k; k = k->up) {
        if (strcmp(k->real, real) == 0) {
            rc = mb_fail(MB_BADINPUT, "%s: the preset %s is built on itself", mb_conf_where(name), path);
            goto out;
        }
    }
    preset_chain here = {real, up ? up->depth + 1 : 1, up};
    rc = mb_conf_read(path, &tree);
    if (rc == MB_OK) rc = expand(tree, kind, &here);
    if (rc != MB_OK) {
        rc = mb_context(rc, "in the preset %s, wanted at %s by %s", path, mb_conf_where(name), mb_conf_key(name));
        goto out;
    }
    if (c->type == MB_CONF_STRING) rc = string_to_group(c);
    if (rc == MB_OK) rc = mb_conf_overlay(tree, c);
    key = rc == MB_OK ? mb_strdup(real) : NULL;
    if (rc == MB_OK && !key) rc = mb_nomem();
    if (rc != MB_OK) goto out;
    mb_conf *kept = child_named(tree, "preset"); /* the overlay has put it there */
    mb_free(kept->s);
    kept->s = key;
    kept->used = true;
    /* C and TREE change their children. */
    mb_conf **child = c->child;
    size_t n = c->n;
    c->child = tree->child;
    c->n = tree->n;
    tree->child = child;
    tree->n = n;
    for (size_t i = 0; i < c->n; i++) c->child[i]->parent = c;
out:
    mb_conf_free(tree);
    mb_free(path);
    mb_free(beside);
    return rc;
}

int mb_conf_expand_preset(mb_conf *c, const char *kind) { return expand(c, kind, NULL); }
