/* conf_write.c - configuration trees as text and as hashes, places and names of values for messages
 *
 * The text reads back to the same tree: doubles in the shortest form that keeps all bits, integers over 32 bits with L, control
 * characters escaped, lists of one scalar type as [ ] and others as ( ). The hash (FNV-1a) covers names, types and values; the
 * keys of a group add up, so that their order does not count. Anybody may call this file; it calls file.c, mem.c,
 * str.c, error.c.
 */
#include "base/conf.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "base/file.h"
#include "base/mem.h"
#include "base/str.h"

/* --- telling ------------------------------------------------------------------------------------------------------ */

#define RING 8
#define RING_BYTES 512

static _Thread_local char where_text[RING][RING_BYTES], key_text[RING][RING_BYTES];
static _Thread_local unsigned where_at, key_at;

const char *mb_conf_where(const mb_conf *c) {
    const char *fixed = c->origin == MB_FROM_COMMAND ? "command line" : c->origin == MB_FROM_DEFAULT ? "default" : NULL;
    if (!fixed && !c->file) fixed = c->origin == MB_FROM_SWEEP ? "sweep" : "computed";
    if (fixed) return fixed;
    char *buf = where_text[where_at++ % RING];
    snprintf(buf, RING_BYTES, "%s:%d", c->file, c->line);
    return buf;
}

char *mb_conf_dir(const mb_conf *c) { return c->file ? mb_path_dir(c->file) : mb_strdup("."); }

const char *mb_conf_key(const mb_conf *c) {
    char *buf = key_text[key_at++ % RING];
    size_t at = RING_BYTES - 1; /* written from the end */
    buf[at] = '\0';
    for (; c->parent; c = c->parent) {
        char part[RING_BYTES];
        if (c->name) {
            snprintf(part, sizeof part, "%s%s", c->parent->parent ? "." : "", c->name);
        } else {
            size_t k = 0;
            while (k < c->parent->n && c->parent->child[k] != c) k++;
            snprintf(part, sizeof part, "[%zu]", k);
        }
        size_t n = strlen(part);
        if (n > at) break;
        at -= n;
        memcpy(buf + at, part, n);
    }
    return buf + at;
}

int mb_conf_check_used(const mb_conf *root) {
    int rc = MB_OK;
    for (size_t i = 0; rc == MB_OK && i < root->n; i++) {
        const mb_conf *c = root->child[i];
        if (!c->used) {
            rc = mb_fail(MB_BADINPUT,
                         "%s: the key \"%s\" is not used here: unknown, or without meaning beside the other settings; remove it "
                         "or correct its name",
                         mb_conf_where(c), mb_conf_key(c));
        } else {
            rc = mb_conf_check_used(c);
        }
    }
    return rc;
}

/* --- writing ------------------------------------------------------------------------------------------------------- */

static void write_string(const char *s, mb_str *out) {
    mb_str_add(out, "\"");
    for (; *s; s++) {
        unsigned char c = (unsigned char)*s;
        if (c == '"' || c == '\\') {
            mb_str_addf(out, "\\%c", c);
        } else if (c == '\n') {
            mb_str_add(out, "\\n");
        } else if (c == '\t') {
            mb_str_add(out, "\\t");
        } else if (c == '\r') {
            mb_str_add(out, "\\r");
        } else if (c < 0x20 || c == 0x7f) {
            mb_str_addf(out, "\\x%02X", c);
        } else {
            mb_str_addn(out, s, 1);
        }
    }
    mb_str_add(out, "\"");
}

/* WIDE: all integers with L. */
static void write_scalar(const mb_conf *c, mb_str *out, int wide) {
    char buf[32];
    switch (c->type) {
    case MB_CONF_INT: mb_str_addf(out, "%lld%s", (long long)c->i, wide || c->i > INT32_MAX || c->i < INT32_MIN ? "L" : ""); break;
    case MB_CONF_REAL: /* 1e999 reads back as infinity; there is no way to write a nan, and no way to read one */
        mb_str_add(out, isnan(c->r) ? "\"nan\"" : isinf(c->r) ? (c->r > 0 ? "1e999" : "-1e999") : mb_fmt_double(buf, c->r, 1));
        break;
    case MB_CONF_BOOL: mb_str_add(out, c->i ? "true" : "false"); break;
    default: write_string(c->s, out); break;
    }
}

static int is_scalar(const mb_conf *c) { return c->type != MB_CONF_GROUP && c->type != MB_CONF_LIST; }

/* Scalars of one type, which libconfig calls an array; *wide when one of them needs L. */
static int is_array(const mb_conf *c, int *wide) {
    *wide = 0;
    for (size_t i = 0; i < c->n; i++) {
        const mb_conf *e = c->child[i];
        if (!is_scalar(e) || e->type != c->child[0]->type || (e->type == MB_CONF_REAL && isnan(e->r))) return 0;
        *wide |= e->type == MB_CONF_INT && (e->i > INT32_MAX || e->i < INT32_MIN);
    }
    return c->n > 0;
}

static void indent_by(mb_str *out, int depth) {
    for (int i = 0; i < depth; i++) mb_str_add(out, "    ");
}

static void write_origin(const mb_conf *c, mb_str *out) {
    mb_str_add(out, "  # ");
    for (const char *s = mb_conf_where(c); *s; s++) mb_str_addn(out, (unsigned char)*s < 0x20 ? "?" : s, 1);
}

static void write_group(const mb_conf *c, mb_str *out, bool with_origin, int depth);

static void write_value(const mb_conf *c, mb_str *out, bool with_origin, int depth) {
    int wide = 0;
    if (c->type == MB_CONF_GROUP) {
        mb_str_add(out, "{\n");
        write_group(c, out, with_origin, depth + 1);
        indent_by(out, depth);
        mb_str_add(out, "}");
    } else if (c->type == MB_CONF_LIST && (c->n == 0 || is_array(c, &wide))) {
        mb_str_add(out, c->n ? "[" : "(");
        for (size_t i = 0; i < c->n; i++) {
            if (i) mb_str_add(out, ", ");
            write_scalar(c->child[i], out, wide);
        }
        mb_str_add(out, c->n ? "]" : ")");
    } else if (c->type == MB_CONF_LIST) {
        mb_str_add(out, "(\n");
        for (size_t i = 0; i < c->n; i++) {
            indent_by(out, depth + 1);
            write_value(c->child[i], out, with_origin, depth + 1);
            if (i + 1 < c->n) mb_str_add(out, ",");
            if (with_origin && is_scalar(c->child[i])) write_origin(c->child[i], out);
            mb_str_add(out, "\n");
        }
        indent_by(out, depth);
        mb_str_add(out, ")");
    } else {
        write_scalar(c, out, 0);
    }
}

static void write_group(const mb_conf *c, mb_str *out, bool with_origin, int depth) {
    for (size_t i = 0; i < c->n; i++) {
        const mb_conf *e = c->child[i];
        int wide;
        indent_by(out, depth);
        mb_str_addf(out, "%s = ", e->name);
        write_value(e, out, with_origin, depth);
        mb_str_add(out, ";");
        if (with_origin && (is_scalar(e) || (e->type == MB_CONF_LIST && (e->n == 0 || is_array(e, &wide))))) write_origin(e, out);
        mb_str_add(out, "\n");
    }
}

void mb_conf_write(const mb_conf *root, mb_str *out, bool with_origin) {
    if (root->type == MB_CONF_GROUP) {
        write_group(root, out, with_origin, 0);
    } else {
        write_value(root, out, with_origin, 0);
    }
}

uint64_t mb_conf_hash(const mb_conf *c) {
    unsigned char type = (unsigned char)c->type;
    uint64_t h = mb_hash64(&type, 1, MB_HASH_START), sum = 0;
    switch (c->type) {
    case MB_CONF_GROUP:
        for (size_t i = 0; i < c->n; i++) {
            const char *name = c->child[i]->name;
            uint64_t v = mb_conf_hash(c->child[i]), k = mb_hash64(name, strlen(name) + 1, MB_HASH_START);
            sum += mb_hash64(&v, sizeof v, k); /* a sum does not know the order */
        }
        h = mb_hash64(&sum, sizeof sum, h);
        break;
    case MB_CONF_LIST:
        for (size_t i = 0; i < c->n; i++) {
            uint64_t v = mb_conf_hash(c->child[i]);
            h = mb_hash64(&v, sizeof v, h);
        }
        break;
    case MB_CONF_INT:
    case MB_CONF_BOOL: h = mb_hash64(&c->i, sizeof c->i, h); break;
    case MB_CONF_REAL: h = mb_hash64(&c->r, sizeof c->r, h); break;
    case MB_CONF_STRING: h = mb_hash64(c->s, strlen(c->s) + 1, h); break;
    }
    return h;
}
