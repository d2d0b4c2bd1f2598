/* csv.c - reading tables of measured numbers
 *
 * The whole text is scanned once; fields are cut out in place, so that a line may be as long as the file. The header is the first
 * line that is neither empty nor a comment.
 */
#include "base/csv.h"

#include <ctype.h>
#include <errno.h>
#include <limits.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/file.h"
#include "base/mem.h"
#include "base/str.h"

/* --- scanning ------------------------------------------------------------------------------------------------------------ */

typedef struct scanner {
    mb_csv *csv;
    char *s, *end; /* what is left; *end is 0 */
    int line;
    size_t cap_rows;
    char *row[MB_CSV_MAX_COLUMNS];
} scanner;

/* A piece of the file for messages: at most 40 printing characters. */
static const char *excerpt(const char *s, char *buf, size_t cap) {
    size_t n = 0;
    for (; s[n] && n + 4 < cap && n < 40; n++) buf[n] = (unsigned char)s[n] < 0x20 || s[n] == 0x7f ? ' ' : s[n];
    buf[n] = '\0';
    if (s[n]) memcpy(buf + n, "...", 4);
    return buf;
}

static bool at_newline(const char *s) { return *s == '\n' || *s == '\r'; }

static void skip_newline(scanner *c) {
    if (*c->s == '\r' && c->s[1] == '\n') c->s++;
    if (at_newline(c->s)) c->s++, c->line++;
}

/* Over blank lines and comments; false at the end. */
static bool next_line(scanner *c) {
    while (c->s < c->end) {
        const char *s = c->s;
        while (*s == ' ' || (*s == '\t' && c->csv->separator != '\t')) s++;
        if (*s && *s != '#' && !at_newline(s)) return true;
        while (c->s < c->end && !at_newline(c->s)) c->s++;
        skip_newline(c);
    }
    return false;
}

static char find_separator(const char *s) {
    size_t comma = 0, semicolon = 0, tab = 0;
    bool quoted = false;
    for (; *s && (quoted || !at_newline(s)); s++) {
        if (*s == '"') quoted = !quoted;
        if (quoted) continue;
        comma += *s == ',';
        semicolon += *s == ';';
        tab += *s == '\t';
    }
    return semicolon > 0 ? ';' : comma > 0 || tab == 0 ? ',' : '\t';
}

/* The quoted field at c->s; what stands there is moved over its quotes. */
static int quoted_field(scanner *c, char **field) {
    char *w = ++c->s;
    const int first = c->line;
    *field = w;
    for (;;) {
        if (c->s >= c->end)
            return mb_fail(MB_BADINPUT, "%s:%d: a quoted field that begins here has no end: a \" is missing", c->csv->name, first);
        if (*c->s == '"') {
            if (c->s[1] != '"') break;
            c->s++;
        }
        if (*c->s == '\n' || (*c->s == '\r' && c->s[1] != '\n')) c->line++;
        *w++ = *c->s++;
    }
    char *close = c->s++;
    while (*c->s == ' ' || (*c->s == '\t' && c->csv->separator != '\t')) c->s++;
    if (c->s < c->end && !at_newline(c->s) && *c->s != c->csv->separator) {
        char buf[64];
        return mb_fail(MB_BADINPUT, "%s:%d: something follows a closing quote: %s", c->csv->name, c->line,
                       excerpt(close + 1, buf, sizeof buf));
    }
    *w = '\0';
    return MB_OK;
}

static void plain_field(scanner *c, char **field) {
    char *from = c->s;
    while (c->s < c->end && !at_newline(c->s) && *c->s != c->csv->separator) c->s++;
    char *to = c->s;
    while (to > from && (to[-1] == ' ' || to[-1] == '\t')) to--;
    *field = from;
    if (to < c->s) *to = '\0'; /* the separator or the line's end is overwritten by the caller */
}

/* The fields of one line into c->row. */
static int scan_row(scanner *c, size_t *n) {
    *n = 0;
    for (;;) {
        char *field = NULL;
        while (*c->s == ' ' || (*c->s == '\t' && c->csv->separator != '\t')) c->s++;
        if (*n == MB_CSV_MAX_COLUMNS)
            return mb_fail(MB_BADINPUT, "%s:%d: more than %d columns", c->csv->name, c->line, MB_CSV_MAX_COLUMNS);
        if (*c->s == '"') {
            int rc = quoted_field(c, &field);
            if (rc) return rc;
        } else {
            plain_field(c, &field);
        }
        c->row[(*n)++] = field;
        const bool more = c->s < c->end && *c->s == c->csv->separator;
        if (more) {
            *c->s++ = '\0';
            continue;
        }
        const bool crlf = *c->s == '\r' && c->s[1] == '\n';
        if (at_newline(c->s)) {
            *c->s++ = '\0';
            if (crlf) c->s++;
            c->line++;
        }
        return MB_OK;
    }
}

static bool looks_like_number(const char *s) {
    char *end;
    strtod(s, &end);
    return end != s && *end == '\0';
}

static int take_header(scanner *c, size_t n) {
    mb_csv *csv = c->csv;
    size_t numbers = 0;
    for (size_t i = 0; i < n; i++) numbers += looks_like_number(c->row[i]);
    if (numbers == n)
        return mb_fail(MB_BADINPUT,
                       "%s:%d: the first line holds numbers: a header with names and units is missing, for example "
                       "\"target_uS%cmeasured_uS\"",
                       csv->name, csv->header_line, csv->separator);
    for (size_t i = 0; i < n; i++) {
        char buf[64];
        if (!*c->row[i])
            return mb_fail(MB_BADINPUT, "%s:%d: column %zu of the header has no name", csv->name, csv->header_line, i + 1);
        for (size_t k = 0; k < i; k++)
            if (strcmp(c->row[i], c->row[k]) == 0)
                return mb_fail(MB_BADINPUT, "%s:%d: two columns are called \"%s\"", csv->name, csv->header_line,
                               excerpt(c->row[i], buf, sizeof buf));
    }
    csv->header = mb_malloc(n, sizeof *csv->header);
    if (!csv->header) return mb_nomem();
    memcpy(csv->header, c->row, n * sizeof *csv->header);
    csv->cols = n;
    return MB_OK;
}

static int take_row(scanner *c, size_t n, int line) {
    mb_csv *csv = c->csv;
    if (n != csv->cols)
        return mb_fail(MB_BADINPUT, "%s:%d: %zu field%s where the header in line %d has %zu column%s%s", csv->name, line, n,
                       n == 1 ? "" : "s", csv->header_line, csv->cols, csv->cols == 1 ? "" : "s",
                       n > csv->cols && csv->separator == ',' ? " (a decimal comma? write 1.5, not 1,5)" : "");
    if (csv->rows == c->cap_rows) {
        size_t cap = c->cap_rows ? 2 * c->cap_rows : 256;
        char **field = mb_realloc(csv->field, cap, csv->cols * sizeof *field);
        if (!field) return mb_nomem();
        csv->field = field;
        int *lines = mb_realloc(csv->line, cap, sizeof *lines);
        if (!lines) return mb_nomem();
        csv->line = lines;
        c->cap_rows = cap;
    }
    memcpy(csv->field + csv->rows * csv->cols, c->row, n * sizeof *csv->field);
    csv->line[csv->rows++] = line;
    return MB_OK;
}

/* Control characters, zero bytes, UTF-16. */
static int check_bytes(const char *name, const uint8_t *data, size_t n) {
    int line = 1;
    for (size_t i = 0; i < n; i++) {
        if (data[i] == '\n') line++;
        if ((data[i] < 0x20 && data[i] != '\n' && data[i] != '\r' && data[i] != '\t') || data[i] == 0x7f || data[i] == 0xff)
            return mb_fail(MB_BADINPUT, "%s:%d: byte 0x%02x: not a text file%s", name, line, data[i],
                           n > 1 && (data[0] == 0xff || data[0] == 0xfe || data[1] == 0) ? " in UTF-8 (it looks like UTF-16)"
                                                                                        : "");
    }
    return MB_OK;
}

int mb_csv_parse(const char *name, const uint8_t *data, size_t n, mb_csv *csv) {
    scanner c = {.csv = csv, .line = 1};
    size_t fields;
    *csv = (mb_csv){0};
    if (n > MB_CSV_MAX_BYTES || n > INT_MAX) return mb_fail(MB_BADINPUT, "%s: larger than %zu bytes", name, MB_CSV_MAX_BYTES);
    int rc = check_bytes(name, data, n);
    if (rc) return rc;
    csv->name = mb_strdup(name);
    csv->text = mb_malloc(n + 1, 1);
    if (!csv->name || !csv->text) {
        rc = mb_nomem();
        goto out;
    }
    memcpy(csv->text, data, n);
    csv->text[n] = '\0';
    c.s = csv->text;
    c.end = csv->text + n;
    if (n >= 3 && memcmp(data, "\xEF\xBB\xBF", 3) == 0) c.s += 3;
    if (!next_line(&c)) {
        rc = mb_fail(MB_BADINPUT, "%s: the file holds no data: no header line", name);
        goto out;
    }
    csv->separator = find_separator(c.s);
    csv->header_line = c.line;
    rc = scan_row(&c, &fields);
    if (!rc) rc = take_header(&c, fields);
    while (!rc && next_line(&c)) {
        const int line = c.line;
        rc = scan_row(&c, &fields);
        if (!rc) rc = take_row(&c, fields, line);
    }
    if (!rc && csv->rows == 0) rc = mb_fail(MB_BADINPUT, "%s: the file holds a header and no data", name);
out:
    if (rc) mb_csv_free(csv);
    return rc;
}

int mb_csv_read(const char *path, mb_csv *csv) {
    uint8_t *data;
    size_t n;
    *csv = (mb_csv){0};
    int rc = mb_file_gzread(path, MB_CSV_MAX_BYTES, &data, &n);
    if (rc) return rc;
    rc = mb_csv_parse(path, data, n, csv);
    mb_free(data);
    return rc;
}

void mb_csv_free(mb_csv *csv) {
    mb_free(csv->name);
    mb_free(csv->text);
    mb_free(csv->header);
    mb_free(csv->field);
    mb_free(csv->line);
    *csv = (mb_csv){0};
}

/* --- numbers ------------------------------------------------------------------------------------------------------------- */

static bool same_word(const char *s, const char *word) {
    for (; *s && *word; s++, word++)
        if (tolower((unsigned char)*s) != *word) return false;
    return !*s && !*word;
}

static bool is_missing(const char *s) {
    static const char *const word[] = {"", "na", "n/a", "null", "none", "-"};
    for (size_t i = 0; i < sizeof word / sizeof *word; i++)
        if (same_word(s, word[i])) return true;
    return false;
}

int mb_csv_number(const mb_csv *csv, size_t row, size_t col, double *v) {
    const char *s = mb_csv_field(csv, row, col);
    char buf[64], head[64], *end;
    *v = (double)NAN;
    if (is_missing(s)) return MB_OK;
    *v = strtod(s, &end);
    const bool number = end != s && *end == '\0';
    if (number && isfinite(*v) && !strpbrk(s, "xX")) return MB_OK;
    const char *why = number && !isfinite(*v)
                          ? "is not a finite number (leave the field empty or write NA where a value is missing)"
                      : *end == ',' ? "is not a number: write a decimal point, not a comma"
                                    : "is not a number (missing values: leave the field empty or write NA)";
    *v = (double)NAN;
    return mb_fail(MB_BADINPUT, "%s:%d: column %s: \"%s\" %s", csv->name, csv->line[row],
                   excerpt(csv->header[col], head, sizeof head), excerpt(s, buf, sizeof buf), why);
}

/* --- units --------------------------------------------------------------------------------------------------------------- */

static bool unit_of(const char *s, mb_csv_unit *u) {
    static const struct {
        const char *name;
        char si;
        double scale;
    } base[] = {{"S", 'S', 1},       {"ohm", 'o', 1},     {"Ohm", 'o', 1}, {"\xCE\xA9", 'o', 1}, {"\xE2\x84\xA6", 'o', 1},
                {"s", 's', 1},       {"sec", 's', 1},     {"V", 'V', 1},   {"A", 'A', 1},        {"J", 'J', 1},
                {"K", 'K', 1}};
    static const struct {
        const char *name;
        double scale;
    } prefix[] = {{"", 1},     {"f", 1e-15}, {"p", 1e-12}, {"n", 1e-9}, {"u", 1e-6}, {"\xC2\xB5", 1e-6}, {"\xCE\xBC", 1e-6},
                  {"m", 1e-3}, {"k", 1e3},   {"M", 1e6},   {"G", 1e9}};
    static const struct {
        const char *name;
        double scale;
    } span[] = {{"min", 60}, {"h", 3600}, {"d", 86400}, {"y", 31557600}};
    for (size_t i = 0; i < sizeof span / sizeof *span; i++)
        if (strcmp(s, span[i].name) == 0) {
            u->si = 's';
            u->scale = span[i].scale;
            return true;
        }
    for (size_t p = 0; p < sizeof prefix / sizeof *prefix; p++) {
        const size_t n = strlen(prefix[p].name);
        if (strncmp(s, prefix[p].name, n) != 0) continue;
        for (size_t i = 0; i < sizeof base / sizeof *base; i++)
            if (strcmp(s + n, base[i].name) == 0) {
                u->si = base[i].si;
                u->scale = prefix[p].scale * base[i].scale;
                return true;
            }
    }
    return false;
}

void mb_csv_split_name(const char *name, mb_csv_unit *u) {
    const size_t n = strlen(name);
    const char *open = strpbrk(name, "[("), *under = strrchr(name, '_');
    size_t stem = n;
    *u = (mb_csv_unit){.scale = 1};
    if (open && (name[n - 1] == ']' || name[n - 1] == ')')) {
        snprintf(u->unit, sizeof u->unit, "%.*s", (int)(name + n - 1 - (open + 1) < 15 ? name + n - 1 - (open + 1) : 15), open + 1);
        stem = (size_t)(open - name);
        if (!unit_of(u->unit, u)) u->si = '?';
    } else if (under && unit_of(under + 1, u)) {
        snprintf(u->unit, sizeof u->unit, "%.15s", under + 1);
        stem = (size_t)(under - name);
    }
    while (stem > 0 && (name[stem - 1] == ' ' || name[stem - 1] == '_')) stem--;
    if (stem > sizeof u->quantity - 1) stem = sizeof u->quantity - 1;
    for (size_t i = 0; i < stem; i++) u->quantity[i] = name[i] == ' ' ? '_' : (char)tolower((unsigned char)name[i]);
    u->quantity[stem] = '\0';
}
