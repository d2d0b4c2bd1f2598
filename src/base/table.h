/* table.h - tables of text for people (aligned), CSV, JSON and Markdown from the same rows */
#ifndef MB_BASE_TABLE_H
#define MB_BASE_TABLE_H

#include <stddef.h>

#include "base/str.h"

typedef enum { MB_LEFT, MB_RIGHT } mb_align;
typedef struct mb_table mb_table;

mb_table *mb_table_new(void);                                              /* NULL without memory */
void mb_table_free(mb_table *t);
/* UNIT may be ""; shown as "name [unit]" in CSV, under the name in text when any column has one. */
int mb_table_column(mb_table *t, const char *name, const char *unit, mb_align a);
int mb_table_cell(mb_table *t, const char *text); /* next cell of the current row; rows fill left to right */
int mb_table_cellf(mb_table *t, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
int mb_table_rule(mb_table *t);                                            /* a line before the next row */
size_t mb_table_rows(const mb_table *t);
/* JSON: array of objects with the keys of CSV; numbers stay numbers, empty cells of right-aligned columns are null */
typedef enum { MB_TABLE_TEXT, MB_TABLE_CSV, MB_TABLE_JSON, MB_TABLE_MARKDOWN } mb_table_format;
void mb_table_write(const mb_table *t, mb_table_format f, mb_str *out);    /* widths count UTF-8 characters */

#endif
