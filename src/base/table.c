/* table.c - one table, four ways to write it
 *
 * Text: columns separated by two spaces, the header, units under it when a column has one, a rule of '-', numbers right-aligned;
 * no spaces at the end of a line. CSV: RFC 4180 with "\n", the column's label is "name [unit]". JSON: an array of objects, keys
 * as in CSV; a cell whose whole text is a JSON number is written as that number, an empty cell of a right-aligned column is null.
 * Anybody may call this file; it calls mem.c, str.c, json.c, error.c.
 */
#include "base/table.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "base/json.h"
#include "base/mem.h"

typedef struct column { char *name, *unit; mb_align align; } column;

struct mb_table {
    column *col;
    size_t cols, cols_cap;
    char **cell;           /* row-major */
    size_t cells, cells_cap;
    size_t *rule;          /* rows before which a line stands, ascending */
    size_t rules, rules_cap;
};

mb_table *mb_table_new(void) { return mb_calloc(1, sizeof(mb_table)); }

void mb_table_free(mb_table *t) {
    if (!t) return;
    for (size_t i = 0; i < t->cols; i++) {
        mb_free(t->col[i].name);
        mb_free(t->col[i].unit);
    }
    for (size_t i = 0; i < t->cells; i++) mb_free(t->cell[i]);
    mb_free(t->col);
    mb_free(t->cell);
    mb_free(t->rule);
    mb_free(t);
}

int mb_table_column(mb_table *t, const char *name, const char *unit, mb_align a) {
    if (t->cells) return mb_fail(MB_BUG, "table: column \"%s\" is added after the first cell", name);
    if (t->cols == t->cols_cap) {
        size_t cap = t->cols_cap ? t->cols_cap * 2 : 8;
        column *col = mb_realloc(t->col, cap, sizeof *col);
        if (!col) return mb_nomem();
        t->col = col;
        t->cols_cap = cap;
    }
    column c = {mb_strdup(name), mb_strdup(unit ? unit : ""), a};
    if (!c.name || !c.unit) {
        mb_free(c.name);
        mb_free(c.unit);
        return mb_nomem();
    }
    t->col[t->cols++] = c;
    return MB_OK;
}

/* Takes TEXT (NULL: no memory). */
static int take_cell(mb_table *t, char *text) {
    if (t->cols == 0) {
        mb_free(text);
        return mb_fail(MB_BUG, "table: a cell is added before the columns");
    }
    if (text && t->cells == t->cells_cap) {
        size_t cap = t->cells_cap ? t->cells_cap * 2 : 64;
        char **cell = mb_realloc(t->cell, cap, sizeof *cell);
        if (cell) {
            t->cell = cell;
            t->cells_cap = cap;
        }
    }
    if (!text || t->cells == t->cells_cap) {
        mb_free(text);
        return mb_nomem();
    }
    t->cell[t->cells++] = text;
    return MB_OK;
}

int mb_table_cell(mb_table *t, const char *text) { return take_cell(t, mb_strdup(text ? text : "")); }

int mb_table_cellf(mb_table *t, const char *fmt, ...) {
    va_list ap, again;
    va_start(ap, fmt);
    va_copy(again, ap);
    int n = vsnprintf(NULL, 0, fmt, ap);
    char *text = n < 0 ? NULL : mb_malloc((size_t)n + 1, 1);
    if (text) vsnprintf(text, (size_t)n + 1, fmt, again);
    va_end(again);
    va_end(ap);
    return take_cell(t, text);
}

size_t mb_table_rows(const mb_table *t) { return t->cols ? (t->cells + t->cols - 1) / t->cols : 0; }

int mb_table_rule(mb_table *t) {
    size_t row = mb_table_rows(t);
    if (t->rules && t->rule[t->rules - 1] == row) return MB_OK;
    if (t->rules == t->rules_cap) {
        size_t cap = t->rules_cap ? t->rules_cap * 2 : 8;
        size_t *rule = mb_realloc(t->rule, cap, sizeof *rule);
        if (!rule) return mb_nomem();
        t->rule = rule;
        t->rules_cap = cap;
    }
    t->rule[t->rules++] = row;
    return MB_OK;
}

static const char *cell_at(const mb_table *t, size_t row, size_t c) {
    size_t i = row * t->cols + c;
    return i < t->cells ? t->cell[i] : "";
}

/* Characters of S as shown: bytes that begin a UTF-8 character. */
static size_t width(const char *s) {
    size_t n = 0;
    for (; *s; s++) n += ((unsigned char)*s & 0xC0) != 0x80;
    return n;
}

static void spaces(mb_str *out, size_t n) {
    while (n--) mb_str_add(out, " ");
}

/* One line; line breaks inside a cell become spaces. */
static void text_line(const mb_table *t, const size_t *w, mb_str *out, size_t row, int head) {
    size_t owed = 0; /* spaces that are written only when something follows */
    for (size_t c = 0; c < t->cols; c++) {
        const char *s = head == 1 ? t->col[c].name : head == 2 ? t->col[c].unit : cell_at(t, row, c);
        size_t n = width(s), pad = w[c] - n;
        if (c) owed += 2;
        if (t->col[c].align == MB_RIGHT) owed += pad;
        if (n) {
            spaces(out, owed);
            owed = 0;
            for (; *s; s++) mb_str_addn(out, *s == '\n' || *s == '\r' || *s == '\t' ? " " : s, 1);
        } else if (t->col[c].align == MB_LEFT) {
            owed += w[c];
            continue;
        }
        if (t->col[c].align == MB_LEFT) owed += pad;
    }
    mb_str_add(out, "\n");
}

static void text_rule(const mb_table *t, const size_t *w, mb_str *out) {
    for (size_t c = 0; c < t->cols; c++) {
        if (c) mb_str_add(out, "  ");
        for (size_t i = 0; i < w[c]; i++) mb_str_add(out, "-");
    }
    mb_str_add(out, "\n");
}

static void write_text(const mb_table *t, mb_str *out) {
    size_t *w = mb_malloc(t->cols, sizeof *w), rows = mb_table_rows(t), rule = 0;
    int units = 0;
    if (!w) {
        out->failed = 1;
        return;
    }
    for (size_t c = 0; c < t->cols; c++) {
        w[c] = width(t->col[c].name);
        if (width(t->col[c].unit) > w[c]) w[c] = width(t->col[c].unit);
        units |= t->col[c].unit[0] != '\0';
        for (size_t r = 0; r < rows; r++) {
            size_t n = width(cell_at(t, r, c));
            if (n > w[c]) w[c] = n;
        }
    }
    text_line(t, w, out, 0, 1);
    if (units) text_line(t, w, out, 0, 2);
    text_rule(t, w, out);
    for (size_t r = 0; r < rows; r++) {
        if (rule < t->rules && t->rule[rule] == r) {
            if (r) text_rule(t, w, out);
            rule++;
        }
        text_line(t, w, out, r, 0);
    }
    mb_free(w);
}

static void csv_field(mb_str *out, const char *s) {
    if (s[strcspn(s, ",\"\r\n")] == '\0') {
        mb_str_add(out, s);
    } else {
        mb_str_add(out, "\"");
        for (; *s; s++) mb_str_addn(out, *s == '"' ? "\"\"" : s, *s == '"' ? 2 : 1);
        mb_str_add(out, "\"");
    }
}

/* "name [unit]", or the name alone. */
static void label(const column *c, mb_str *out) {
    mb_str_clear(out);
    if (*c->unit) {
        mb_str_addf(out, "%s [%s]", c->name, c->unit);
    } else {
        mb_str_add(out, c->name);
    }
}

static void write_csv(const mb_table *t, mb_str *out) {
    mb_str l = {0};
    size_t rows = mb_table_rows(t);
    for (size_t c = 0; c < t->cols; c++) {
        label(&t->col[c], &l);
        if (l.failed) out->failed = 1;
        if (c) mb_str_add(out, ",");
        csv_field(out, mb_cstr(&l));
    }
    mb_str_add(out, "\n");
    for (size_t r = 0; r < rows; r++) {
        for (size_t c = 0; c < t->cols; c++) {
            if (c) mb_str_add(out, ",");
            csv_field(out, cell_at(t, r, c));
        }
        mb_str_add(out, "\n");
    }
    mb_str_free(&l);
}

static const char *skip_digits(const char *s) {
    while (*s >= '0' && *s <= '9') s++;
    return s;
}

/* Is S a number by the grammar of JSON? */
static int is_number(const char *s) {
    const char *at;
    if (*s == '-') s++;
    at = skip_digits(s);
    if (at == s || (*s == '0' && at > s + 1)) return 0;
    s = at;
    if (*s == '.') {
        at = skip_digits(s + 1);
        if (at == s + 1) return 0;
        s = at;
    }
    if (*s == 'e' || *s == 'E') {
        s++;
        if (*s == '+' || *s == '-') s++;
        at = skip_digits(s);
        if (at == s) return 0;
        s = at;
    }
    return *s == '\0';
}

static void write_json(const mb_table *t, mb_str *out) {
    mb_str l = {0};
    mb_json j;
    size_t rows = mb_table_rows(t);
    mb_str_add(out, "[");
    for (size_t r = 0; r < rows; r++) {
        mb_str_add(out, r ? ",\n  " : "\n  ");
        mb_json_init(&j, out, 0);
        mb_json_open(&j, NULL, '{');
        for (size_t c = 0; c < t->cols; c++) {
            const char *s = cell_at(t, r, c);
            label(&t->col[c], &l);
            if (l.failed) out->failed = 1;
            if (is_number(s)) { /* the text itself: the digits stay as they are */
                mb_json_null(&j, mb_cstr(&l));
                if (!out->failed) out->n -= 4;
                mb_str_add(out, s);
            } else if (!*s && t->col[c].align == MB_RIGHT) {
                mb_json_null(&j, mb_cstr(&l));
            } else {
                mb_json_str(&j, mb_cstr(&l), s);
            }
        }
        mb_json_close(&j, '}');
    }
    mb_str_add(out, rows ? "\n]\n" : "]\n");
    mb_str_free(&l);
}

/* A cell of Markdown: one line, bars escaped. */
static void markdown_cell(mb_str *out, const char *s) {
    mb_str_add(out, " ");
    for (; *s; s++) mb_str_addn(out, *s == '|' ? "\\|" : *s == '\n' ? " " : s, *s == '|' ? 2 : 1);
    mb_str_add(out, " |");
}

static void write_markdown(const mb_table *t, mb_str *out) {
    mb_str l = {0};
    size_t rows = mb_table_rows(t);
    mb_str_add(out, "|");
    for (size_t c = 0; c < t->cols; c++) {
        label(&t->col[c], &l);
        if (l.failed) out->failed = 1;
        markdown_cell(out, mb_cstr(&l));
    }
    mb_str_add(out, "\n|");
    for (size_t c = 0; c < t->cols; c++) mb_str_add(out, t->col[c].align == MB_RIGHT ? "---:|" : "---|");
    mb_str_add(out, "\n");
    for (size_t r = 0; r < rows; r++) {
        mb_str_add(out, "|");
        for (size_t c = 0; c < t->cols; c++) markdown_cell(out, cell_at(t, r, c));
        mb_str_add(out, "\n");
    }
    mb_str_free(&l);
}

void mb_table_write(const mb_table *t, mb_table_format f, mb_str *out) {
    switch (f) {
    case MB_TABLE_TEXT: write_text(t, out); break;
    case MB_TABLE_CSV: write_csv(t, out); break;
    case MB_TABLE_JSON: write_json(t, out); break;
    case MB_TABLE_MARKDOWN: write_markdown(t, out); break;
    }
}
