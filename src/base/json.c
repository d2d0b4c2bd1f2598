/* json.c - JSON writer (RFC 8259)
 *
 * Text goes to a growing string; a depth over 31, a wrong closing bracket and memory that ran out set its `failed`. Bytes that
 * are not UTF-8 become U+FFFD, so that what is written can always be read. Anybody may call this file; it calls str.c.
 */
#include "base/json.h"

#include <math.h>
#include <string.h>

void mb_json_init(mb_json *j, mb_str *out, int indent) {
    memset(j, 0, sizeof *j);
    j->out = out;
    j->indent = indent;
    j->first[0] = true;
}

static void newline(mb_json *j) {
    if (j->indent > 0) {
        mb_str_add(j->out, "\n");
        for (int i = 0; i < j->indent * j->depth; i++) mb_str_add(j->out, " ");
    }
}

/* Length of the UTF-8 character at S, 0 when it is none (RFC 3629: no overlong forms, no surrogates). */
static int utf8_length(const unsigned char *s) {
    int len = s[0] < 0x80                    ? 1
              : s[0] >= 0xC2 && s[0] <= 0xDF ? 2
              : s[0] >= 0xE0 && s[0] <= 0xEF ? 3
              : s[0] >= 0xF0 && s[0] <= 0xF4 ? 4
                                             : 0;
    for (int i = 1; i < len; i++) {
        if ((s[i] & 0xC0) != 0x80) return 0;
    }
    if ((s[0] == 0xE0 && s[1] < 0xA0) || (s[0] == 0xED && s[1] > 0x9F) || (s[0] == 0xF0 && s[1] < 0x90) ||
        (s[0] == 0xF4 && s[1] > 0x8F))
        return 0;
    return len;
}

static void quoted(mb_str *out, const char *text) {
    mb_str_add(out, "\"");
    for (const unsigned char *s = (const unsigned char *)text; *s;) {
        int len = utf8_length(s);
        if (*s == '"' || *s == '\\') {
            mb_str_addf(out, "\\%c", *s++);
        } else if (*s == '\n' || *s == '\t' || *s == '\r') {
            mb_str_add(out, *s == '\n' ? "\\n" : *s == '\t' ? "\\t" : "\\r");
            s++;
        } else if (*s < 0x20 || *s == 0x7f) {
            mb_str_addf(out, "\\u%04x", *s++);
        } else if (len == 0) {
            mb_str_add(out, "\xEF\xBF\xBD");
            s++;
        } else {
            mb_str_addn(out, (const char *)s, (size_t)len);
            s += len;
        }
    }
    mb_str_add(out, "\"");
}

/* Comma, line and key before a value. */
static void lead(mb_json *j, const char *key) {
    if (!j->first[j->depth]) mb_str_add(j->out, ",");
    if (j->depth) newline(j);
    j->first[j->depth] = false;
    if (key) {
        quoted(j->out, key);
        mb_str_add(j->out, j->indent > 0 ? ": " : ":");
    }
}

void mb_json_open(mb_json *j, const char *key, char kind) {
    lead(j, key);
    mb_str_addn(j->out, &kind, 1);
    if (j->depth + 1 >= (int)(sizeof j->first / sizeof *j->first)) {
        j->out->failed = 1;
    } else {
        j->first[++j->depth] = true;
    }
}

void mb_json_close(mb_json *j, char kind) {
    if (j->depth == 0) {
        j->out->failed = 1;
    } else {
        bool empty = j->first[j->depth--];
        if (!empty) newline(j);
        mb_str_addn(j->out, &kind, 1);
    }
}

void mb_json_str(mb_json *j, const char *key, const char *s) {
    lead(j, key);
    if (s) {
        quoted(j->out, s);
    } else {
        mb_str_add(j->out, "null");
    }
}

void mb_json_int(mb_json *j, const char *key, int64_t v) {
    lead(j, key);
    mb_str_addf(j->out, "%lld", (long long)v);
}

void mb_json_real(mb_json *j, const char *key, double v) {
    char buf[32];
    lead(j, key);
    mb_str_add(j->out, isfinite(v) ? mb_fmt_double(buf, v, 0) : "null");
}

void mb_json_bool(mb_json *j, const char *key, bool v) {
    lead(j, key);
    mb_str_add(j->out, v ? "true" : "false");
}

void mb_json_null(mb_json *j, const char *key) {
    lead(j, key);
    mb_str_add(j->out, "null");
}
