/* conf_scan.c - the guard in front of libconfig 1.5
 *
 * libconfig wraps integers over 32 bits in silence, looks @include up from the current folder, ends the program when an included
 * "file" is a folder, follows nested lists without limit, takes a comment or string without end, and drops what follows a zero
 * byte. Here the text is read once, token by token, before it is parsed: these cases become errors with file:line that say what
 * is wanted, and included files are put in place relative to the file that includes them. So is every breach of the grammar:
 * libconfig only says "syntax error", and loses memory when it does. What is left to libconfig is the parsing of text that is
 * known to be good, and finding keys that are set twice. Grammar: libconfig manual 1.5, "Configuration File Grammar". Only conf.c
 * calls this file; it calls file.c, mem.c, str.c, error.c.
 */
#include "base/conf_scan.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/file.h"
#include "base/mem.h"

#define INCLUDE_DEPTH 10
#define INCLUDE_FILES 1000
#define TEXT_LIMIT ((size_t)64 << 20)

static int is_digit(int c) { return c >= '0' && c <= '9'; }
static int is_hex(int c) { return is_digit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F'); }
static int is_alpha(int c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }
static int is_name_char(int c) { return is_alpha(c) || is_digit(c) || c == '-' || c == '_' || c == '*'; }

int mb_conf_is_name(const char *s) {
    if (!is_alpha((unsigned char)*s) && *s != '*') return 0;
    while (is_name_char((unsigned char)*s)) s++;
    return *s == '\0';
}

/* Digits from S + I on in BASE into *v; returns the index after them, *over is set when 64 bits do not hold them. */
static size_t digits(const char *s, size_t n, size_t i, unsigned base, uint64_t *v, int *over) {
    *v = 0;
    *over = 0;
    for (; i < n && (base == 16 ? is_hex((unsigned char)s[i]) : is_digit((unsigned char)s[i])); i++) {
        unsigned d = is_digit((unsigned char)s[i]) ? (unsigned)(s[i] - '0') : (unsigned)((s[i] | 0x20) - 'a' + 10);
        uint64_t w;
        *over |= __builtin_mul_overflow(*v, (uint64_t)base, &w) || __builtin_add_overflow(w, (uint64_t)d, v);
    }
    return i;
}

/* Index after [eE][-+]?[0-9]+ at I, or I when there is none. */
static size_t exponent(const char *s, size_t n, size_t i) {
    size_t k = i + 1;
    if (i >= n || (s[i] | 0x20) != 'e') return i;
    if (k < n && (s[k] == '+' || s[k] == '-')) k++;
    size_t from = k;
    while (k < n && is_digit((unsigned char)s[k])) k++;
    return k > from ? k : i;
}

mb_num_kind mb_conf_number(const char *s, size_t n, int64_t *v, int *has_l) {
    size_t i = 0, from, end, whole;
    uint64_t u;
    int over, negative, hex = n > 2 && s[0] == '0' && (s[1] | 0x20) == 'x';
    *v = 0;
    *has_l = 0;
    if (n == 0) return MB_NUM_NOT;
    negative = s[0] == '-';
    if (hex) {
        i = 2;
    } else if (s[0] == '-' || s[0] == '+') {
        i = 1;
    }
    from = i;
    i = digits(s, n, i, hex ? 16 : 10, &u, &over);
    whole = i - from;
    end = i;
    if (end < n && s[end] == 'L' && whole) end++;
    if (end < n && end > i && s[end] == 'L') end++;
    if (whole && end == n) {
        *has_l = end > i;
        if (over || u > (negative ? (uint64_t)INT64_MAX + 1 : (uint64_t)INT64_MAX)) return MB_NUM_TOO_BIG;
        *v = negative ? (int64_t)(0 - u) : (int64_t)u;
        return MB_NUM_INT;
    }
    if (hex) return MB_NUM_NOT;
    if (i < n && s[i] == '.') {
        size_t k = i + 1;
        while (k < n && is_digit((unsigned char)s[k])) k++;
        if (whole || k > i + 1) i = exponent(s, n, k);
    } else if (whole) {
        i = exponent(s, n, i);
    }
    return i == n && i > from + whole ? MB_NUM_REAL : MB_NUM_NOT;
}

/* --- the scanner -------------------------------------------------------------------------------------------------- */

/* What may come next; see step(). */
typedef enum { WANT_NAME, WANT_EQUALS, WANT_VALUE, WANT_VALUE_OR_CLOSE, WANT_AFTER } want;

/* ELEMENT: '0', 'b' or '"', what the elements of [ ] are. */
typedef struct open_bracket { char c; int element; mb_conf_place at; } open_bracket;

typedef struct scan {
    mb_conf_text *out;
    open_bracket open[MB_CONF_NESTING];
    size_t depth;
    want want;
    int prev;              /* last token */
    int up[INCLUDE_DEPTH + 1]; /* the files that are being included */
    int ups;
} scan;

/* One file that is being read. */
typedef struct source {
    const char *s;
    size_t n, at, kept;    /* KEPT: bytes before it are in the output */
    int file, line;
} source;

static const char *name_of(const scan *z, int file) { return z->out->file[file]; }

static int add_file(mb_conf_text *t, const char *name, int *index) {
    if (t->files == t->files_cap) {
        size_t cap = t->files_cap ? t->files_cap * 2 : 4;
        char **file = mb_realloc(t->file, cap, sizeof *file);
        if (!file) return mb_nomem();
        t->file = file;
        t->files_cap = cap;
    }
    t->file[t->files] = mb_strdup(name);
    if (!t->file[t->files]) return mb_nomem();
    *index = (int)t->files++;
    return MB_OK;
}

/* A line of the output begins that came from FILE:LINE. */
static int add_line(mb_conf_text *t, int file, int line) {
    if (t->lines == t->lines_cap) {
        size_t cap = t->lines_cap ? t->lines_cap * 2 : 256;
        mb_conf_place *place = mb_realloc(t->place, cap, sizeof *place);
        if (!place) return mb_nomem();
        t->place = place;
        t->lines_cap = cap;
    }
    t->place[t->lines++] = (mb_conf_place){file, line};
    return MB_OK;
}

static int add_string(mb_conf_text *t) {
    if (t->strings == t->strings_cap) {
        size_t cap = t->strings_cap ? t->strings_cap * 2 : 64;
        int *string = mb_realloc(t->string, cap, sizeof *string);
        if (!string) return mb_nomem();
        t->string = string;
        t->strings_cap = cap;
    }
    t->string[t->strings++] = (int)t->lines;
    return MB_OK;
}

static int keep_until(scan *z, source *f, size_t end) {
    mb_str_addn(&z->out->text, f->s + f->kept, end - f->kept);
    f->kept = end;
    if (z->out->text.failed) return mb_nomem();
    if (z->out->text.n > TEXT_LIMIT)
        return mb_fail(MB_BADINPUT, "%s:%d: the configuration is too large (over %zu MiB)", name_of(z, f->file), f->line,
                       TEXT_LIMIT >> 20);
    return MB_OK;
}

static int next_line(scan *z, source *f) {
    f->line++;
    return add_line(z->out, f->file, f->line);
}

/* --- the grammar --------------------------------------------------------------------------------------------------
 * Tokens are characters: brackets and = : ; , stand for themselves, 'a' is a name, 'b' true or false, '"' a text, '0' an integer,
 * 'L' one of 64 bits, 'r' a real. SHOWN are the N bytes of the token.
 *     settings := { NAME ("=" | ":") value [";" | ","] }
 *     value    := scalar | "{" settings "}" | "(" [value {"," value}] ")" | "[" [scalar {"," scalar}] "]"
 */
static const char *token_name(int token) { return token == 'b' ? "true/false" : token == '"' ? "a text" : "a number"; }

static int refuse(const scan *z, const source *f, const char *shown, size_t n, const char *wanted) {
    return mb_fail(MB_BADINPUT, "%s:%d: syntax error: %s, found %.*s%s", name_of(z, f->file), f->line, wanted,
                   n > 40 ? 40 : (int)n, shown, n > 40 ? "..." : "");
}

static int close_bracket(scan *z, const source *f, char c) {
    static const char pairs[] = "()[]{}";
    const open_bracket *o = z->depth ? &z->open[z->depth - 1] : NULL;
    if (!o) return mb_fail(MB_BADINPUT, "%s:%d: '%c' closes nothing", name_of(z, f->file), f->line, c);
    if (strchr(pairs, c)[-1] != o->c)
        return mb_fail(MB_BADINPUT, "%s:%d: '%c' stands where '%c' of %s:%d should be closed", name_of(z, f->file), f->line, c,
                       o->c, name_of(z, o->at.file), o->at.line);
    if (z->want == WANT_VALUE)
        return refuse(z, f, &c, 1, o->c == '{' ? "a value is missing after '='" : "a value is missing after ','");
    if (z->want == WANT_EQUALS) return refuse(z, f, &c, 1, "'=' and a value are missing after the name of a key");
    z->depth--;
    z->want = WANT_AFTER;
    return MB_OK;
}

/* A value begins. */
static int begin_value(scan *z, const source *f, int token, const char *shown, size_t n) {
    open_bracket *o = z->depth ? &z->open[z->depth - 1] : NULL;
    int scalar = strchr("b\"0Lr", token) != NULL, shows = n > 40 ? 40 : (int)n, kind = strchr("0Lr", token) ? '0' : token;
    if (token == 'a')
        return mb_fail(MB_BADINPUT, "%s:%d: the text %.*s needs double quotes: \"%.*s\"", name_of(z, f->file), f->line, shows,
                       shown, shows, shown);
    if (!scalar && !strchr("([{", token)) return refuse(z, f, shown, n, "a value is missing here");
    if (o && o->c == '[' && !scalar)
        return refuse(z, f, shown, n, "[ ] holds numbers, texts or true/false; lists and groups go into ( )");
    if (o && o->c == '[' && o->element && o->element != kind)
        return mb_fail(MB_BADINPUT,
                       "%s:%d: all elements of [ ] have one type, but %.*s is %s after %s; use ( ) for a list of several types",
                       name_of(z, f->file), f->line, shows, shown, token_name(kind), token_name(o->element));
    if (o) o->element = kind;
    z->want = WANT_AFTER;
    if (scalar) return MB_OK;
    if (z->depth == MB_CONF_NESTING)
        return mb_fail(MB_BADINPUT, "%s:%d: brackets nest deeper than %d levels", name_of(z, f->file), f->line, MB_CONF_NESTING);
    z->open[z->depth++] = (open_bracket){(char)token, 0, {f->file, f->line}};
    z->want = token == '{' ? WANT_NAME : WANT_VALUE_OR_CLOSE;
    return MB_OK;
}

static int step(scan *z, const source *f, int token, const char *shown, size_t n) {
    int in_list = z->depth && z->open[z->depth - 1].c != '{', rc = MB_OK;
    if (token == '"' && z->prev == '"' && z->want == WANT_AFTER) {
        /* texts side by side are one value */
    } else if (strchr(")]}", token)) {
        rc = close_bracket(z, f, (char)token);
    } else if (z->want == WANT_VALUE || z->want == WANT_VALUE_OR_CLOSE) {
        rc = begin_value(z, f, token, shown, n);
    } else if (z->want == WANT_EQUALS) {
        if (token == '=' || token == ':') {
            z->want = WANT_VALUE;
        } else {
            rc = refuse(z, f, shown, n, "'=' is missing after the name of a key");
        }
    } else if (z->want == WANT_AFTER && in_list) {
        if (token == ',') {
            z->want = WANT_VALUE;
        } else {
            rc = refuse(z, f, shown, n, "',' or the end of the list is missing here");
        }
    } else if (z->want == WANT_AFTER && (token == ';' || token == ',')) {
        z->want = WANT_NAME;
    } else if (token == 'a') {
        z->want = WANT_EQUALS;
    } else {
        rc = refuse(z, f, shown, n,
                    z->want == WANT_AFTER ? "';' or the name of a key is wanted after a value"
                                          : "the name of a key is wanted here");
    }
    z->prev = token;
    return rc;
}

/* --- tokens ------------------------------------------------------------------------------------------------------- */

/* f->at stands on the opening quote. Afterwards behind the closing one. */
static int scan_string(scan *z, source *f) {
    const char *s = f->s;
    size_t i = f->at + 1;
    for (; i < f->n && s[i] != '"' && s[i] != '\n'; i++) {
        if (s[i] != '\\') continue;
        size_t left = f->n - i;
        int hex = left > 3 && s[i + 1] == 'x' && is_hex((unsigned char)s[i + 2]) && is_hex((unsigned char)s[i + 3]);
        if (hex && s[i + 2] == '0' && s[i + 3] == '0')
            return mb_fail(MB_BADINPUT, "%s:%d: a string cannot hold the zero byte \\x00", name_of(z, f->file), f->line);
        if (!hex && (left < 2 || !strchr("nrtf\\\"", s[i + 1])))
            return mb_fail(
                MB_BADINPUT,
                "%s:%d: unknown escape \\%c in a string (known: \\n \\r \\t \\f \\\\ \\\" \\xHH; a backslash is written \\\\)",
                name_of(z, f->file), f->line, left < 2 || s[i + 1] == '\n' ? ' ' : s[i + 1]);
        i++;
    }
    if (i >= f->n || s[i] == '\n')
        return mb_fail(MB_BADINPUT,
                       "%s:%d: the string that begins here has no closing quote on its line (a line break is written \\n)",
                       name_of(z, f->file), f->line);
    int first = z->prev != '"', rc = step(z, f, '"', s + f->at, i + 1 - f->at);
    f->at = i + 1;
    return rc == MB_OK && first ? add_string(z->out) : rc;
}

static int scan_number(scan *z, source *f) {
    const char *s = f->s + f->at;
    size_t n = 1, left = f->n - f->at;
    int hex = left > 2 && s[0] == '0' && (s[1] | 0x20) == 'x', has_l = 0;
    int64_t v = 0;
    while (n < left && (is_name_char((unsigned char)s[n]) || s[n] == '.' || s[n] == '+') && s[n] != '*') {
        if ((s[n] == '-' || s[n] == '+') && (hex || (s[n - 1] | 0x20) != 'e')) break;
        n++;
    }
    mb_num_kind k = mb_conf_number(s, n, &v, &has_l);
    int shown = n > 40 ? 40 : (int)n;
    if (k == MB_NUM_NOT)
        return mb_fail(MB_BADINPUT,
                       "%s:%d: \"%.*s\" is not a number (a text needs double quotes; the name of a key begins with a letter)",
                       name_of(z, f->file), f->line, shown, s);
    if (k == MB_NUM_TOO_BIG)
        return mb_fail(MB_BADINPUT, "%s:%d: the integer %.*s does not fit in 64 bits", name_of(z, f->file), f->line, shown, s);
    if (k == MB_NUM_INT && !has_l && (v > INT32_MAX || v < INT32_MIN))
        return mb_fail(MB_BADINPUT, "%s:%d: the integer %.*s does not fit in 32 bits; write %.*sL", name_of(z, f->file), f->line,
                       shown, s, shown, s);
    f->at += n;
    return step(z, f, k == MB_NUM_REAL ? 'r' : has_l ? 'L' : '0', s, n);
}

static int scan_word(scan *z, source *f) {
    const char *s = f->s + f->at;
    size_t n = 0, left = f->n - f->at;
    while (n < left && is_name_char((unsigned char)s[n])) n++;
    char low[6] = "";
    for (size_t i = 0; i < n && n < sizeof low; i++) low[i] = (char)(s[i] | 0x20);
    f->at += n;
    return step(z, f, strcmp(low, "true") == 0 || strcmp(low, "false") == 0 ? 'b' : 'a', s, n);
}

static int scan_comment(scan *z, source *f) {
    int start = f->line, rc = MB_OK;
    size_t i = f->at + 2;
    for (; rc == MB_OK && i < f->n && !(f->s[i] == '*' && i + 1 < f->n && f->s[i + 1] == '/'); i++) {
        if (f->s[i] == '\n') rc = next_line(z, f);
    }
    if (rc == MB_OK && i >= f->n)
        rc = mb_fail(MB_BADINPUT, "%s:%d: the comment that begins here has no end: */ is missing", name_of(z, f->file), start);
    f->at = i + 2;
    return rc;
}

static int scan_source(scan *z, const char *text, size_t n, int file);

/* f->at stands on '@'. */
static int scan_include(scan *z, source *f) {
    static const char word[] = "@include";
    const char *s = f->s;
    size_t i = f->at, from;
    int rc = MB_OK, index = 0;
    char *name = NULL, *dir = NULL, *path = NULL;
    uint8_t *data = NULL;
    size_t size = 0, back = f->at;
    const char *here = name_of(z, f->file);
    while (back > 0 && (s[back - 1] == ' ' || s[back - 1] == '\t')) back--;
    i += f->n - i > sizeof word - 1 && memcmp(s + i, word, sizeof word - 1) == 0 ? sizeof word - 1 : 0;
    while (i > f->at && i < f->n && (s[i] == ' ' || s[i] == '\t')) i++;
    if (i == f->at || i >= f->n || s[i] != '"' || (back > 0 && s[back - 1] != '\n'))
        return mb_fail(MB_BADINPUT, "%s:%d: '@' begins nothing but @include \"FILE\" at the start of a line", here, f->line);
    from = ++i;
    while (i < f->n && s[i] != '"' && s[i] != '\n') i++;
    if (i >= f->n || s[i] != '"')
        return mb_fail(MB_BADINPUT, "%s:%d: @include: the name of the file has no closing quote", here, f->line);
    if (z->ups > INCLUDE_DEPTH)
        return mb_fail(MB_BADINPUT, "%s:%d: @include: files include each other deeper than %d levels", here, f->line,
                       INCLUDE_DEPTH);
    if (z->out->files >= INCLUDE_FILES)
        return mb_fail(MB_BADINPUT, "%s:%d: @include: more than %d files", here, f->line, INCLUDE_FILES);
    name = mb_strndup(s + from, i - from);
    dir = mb_path_dir(here);
    path = name && dir ? mb_path_join(dir, name) : NULL;
    if (!path) {
        rc = mb_nomem();
        goto out;
    }
    for (int k = 0; k < z->ups; k++) {
        if (strcmp(name_of(z, z->up[k]), path) == 0) {
            rc = mb_fail(MB_BADINPUT, "%s:%d: @include: %s includes itself", here, f->line, path);
            goto out;
        }
    }
    rc = mb_file_read(path, TEXT_LIMIT, &data, &size);
    if (rc != MB_OK) {
        char *cause = mb_strdup(mb_error_message()); /* the place first, as in every other message */
        rc = cause ? mb_fail(rc, "%s:%d: @include: %s (the name is relative to the file that includes it)", here, f->line, cause)
                   : mb_nomem();
        mb_free(cause);
        goto out;
    }
    rc = keep_until(z, f, f->at);
    f->kept = f->at = i + 1;
    mb_str_add(&z->out->text, "\n");
    if (rc == MB_OK) rc = add_file(z->out, path, &index);
    if (rc == MB_OK) rc = add_line(z->out, index, 1);
    if (rc == MB_OK) rc = scan_source(z, (const char *)data, size, index);
    if (rc == MB_OK) rc = add_line(z->out, f->file, f->line);
    mb_str_add(&z->out->text, "\n");
out:
    mb_free(data);
    mb_free(path);
    mb_free(dir);
    mb_free(name);
    return rc;
}

/* libconfig sees ( ) for [ ], because it would refuse [0, 0.5]; in our tree both are lists. */
static int round_bracket(scan *z, source *f) {
    int rc = keep_until(z, f, f->at);
    mb_str_addn(&z->out->text, f->s[f->at] == '[' ? "(" : ")", 1);
    f->kept = f->at + 1;
    return rc;
}

/* Text only: the first byte that no text holds is an error. */
static int check_binary(const scan *z, const char *text, size_t n, int file) {
    int line = 1;
    for (size_t i = 0; i < n; i++) {
        unsigned char c = (unsigned char)text[i];
        if (c == '\n') line++;
        if ((c < 0x20 && !strchr("\t\n\r\f", c)) || c == 0 || c == 0x7f)
            return mb_fail(MB_BADINPUT, "%s:%d: the byte 0x%02x does not belong in a configuration: is this a text file?",
                           name_of(z, file), line, c);
    }
    return MB_OK;
}

static int scan_source(scan *z, const char *text, size_t n, int file) {
    source f = {text, n, 0, 0, file, 1};
    int rc = check_binary(z, text, n, file);
    if (n >= 3 && memcmp(text, "\xEF\xBB\xBF", 3) == 0) f.at = f.kept = 3; /* byte order mark of some editors */
    z->up[z->ups++] = file;
    while (rc == MB_OK && f.at < n) {
        char c = text[f.at], after = f.at + 1 < n ? text[f.at + 1] : '\0';
        if (c == '\n') {
            f.at++;
            rc = next_line(z, &f);
        } else if (c == ' ' || c == '\t' || c == '\r' || c == '\f') {
            f.at++;
        } else if (c == '#' || (c == '/' && after == '/')) {
            while (f.at < n && text[f.at] != '\n') f.at++;
        } else if (c == '/' && after == '*') {
            rc = scan_comment(z, &f);
        } else if (c == '@') {
            rc = scan_include(z, &f);
        } else if (c == '"') {
            rc = scan_string(z, &f);
        } else if (strchr("()[]{}=:;,", c)) {
            rc = step(z, &f, c, text + f.at, 1);
            if (rc == MB_OK && (c == '[' || c == ']')) rc = round_bracket(z, &f);
            f.at++;
        } else if (is_alpha((unsigned char)c) || c == '*') {
            rc = scan_word(z, &f);
        } else if (is_digit((unsigned char)c) || c == '+' || c == '-' || c == '.') {
            rc = scan_number(z, &f);
        } else if (c == '\'') {
            rc = mb_fail(MB_BADINPUT, "%s:%d: a text takes double quotes, not '", name_of(z, file), f.line);
        } else {
            rc = mb_fail(MB_BADINPUT,
                         (unsigned char)c < 0x80 ? "%s:%d: unexpected character '%c'"
                                                 : "%s:%d: unexpected character outside a string (byte 0x%02x)",
                         name_of(z, file), f.line, (unsigned char)c);
        }
    }
    z->ups--;
    if (rc == MB_OK) rc = keep_until(z, &f, n);
    return rc;
}

int mb_conf_scan(const char *text, size_t n, const char *label, mb_conf_text *out) {
    scan z = {.out = out, .want = WANT_NAME, .prev = ';'};
    int index = 0;
    memset(out, 0, sizeof *out);
    if (n > TEXT_LIMIT) return mb_fail(MB_BADINPUT, "%s: the configuration is too large (over %zu MiB)", label, TEXT_LIMIT >> 20);
    int rc = add_file(out, label, &index);
    if (rc == MB_OK) rc = add_line(out, index, 1);
    if (rc == MB_OK) rc = scan_source(&z, text, n, index);
    mb_str_add(&out->text, "\n"); /* libconfig sees a comment only when a line ends it */
    if (rc == MB_OK && out->text.failed) rc = mb_nomem();
    if (rc == MB_OK && z.depth) {
        const open_bracket *o = &z.open[z.depth - 1];
        rc = mb_fail(MB_BADINPUT, "%s:%d: '%c' is never closed", out->file[o->at.file], o->at.line, o->c);
    } else if (rc == MB_OK && (z.want == WANT_EQUALS || z.want == WANT_VALUE)) {
        const mb_conf_place *last = &out->place[out->lines - 1];
        rc = mb_fail(MB_BADINPUT, "%s:%d: syntax error: the text ends where %s is wanted", out->file[last->file], last->line,
                     z.want == WANT_VALUE ? "a value" : "'='");
    }
    return rc;
}

void mb_conf_text_free(mb_conf_text *t) {
    for (size_t i = 0; i < t->files; i++) mb_free(t->file[i]);
    mb_free(t->file);
    mb_free(t->place);
    mb_free(t->string);
    mb_str_free(&t->text);
    memset(t, 0, sizeof *t);
}
