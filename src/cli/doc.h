/* doc.h - an answer of facts and tables, written as text for people, as CSV (the tables), as one JSON object or as Markdown
 *
 * Called by verbs. Memory failures are remembered and told by mb_doc_end.
 */
#ifndef MB_CLI_DOC_H
#define MB_CLI_DOC_H

#include <stdint.h>

#include "base/json.h"
#include "base/param.h"
#include "base/table.h"
#include "mapping/plan.h"

typedef struct mb_doc {
    mb_table_format format;
    mb_str out;
    mb_json json;
    size_t blocks; /* facts and tables so far */
    bool after_table;
    int rc; /* first failure */
} mb_doc;

void mb_doc_begin(mb_doc *d, const char *format);
void mb_doc_text(mb_doc *d, const char *key, const char *fmt, ...) __attribute__((format(printf, 3, 4)));
void mb_doc_int(mb_doc *d, const char *key, int64_t v);
void mb_doc_real(mb_doc *d, const char *key, double v, const char *unit); /* text: with SI prefix */
/* A table under the name KEY; TITLE stands above it in text (NULL: none). T is freed. */
void mb_doc_table(mb_doc *d, const char *key, const char *title, mb_table *t);
/* Groups in JSON and headings in text: everything until the end belongs to NAME (NULL inside arrays). KIND as in mb_json_open. */
void mb_doc_open(mb_doc *d, const char *key, char kind, const char *title);
void mb_doc_close(mb_doc *d, char kind);
/* Writes to stdout and frees; the status of everything. */
int mb_doc_end(mb_doc *d, int rc);

/* Rows of parameters: key, type, unit, default, range, meaning; with GROUP (not NULL) also its value and where that comes from;
 * APPLIES (may be NULL): when the key exists. A row without default is required, or "optional" when APPLIES says so. */
mb_table *mb_param_table_new(bool with_value, bool with_applies);
int mb_param_table_add(mb_table *t, const char *prefix, const mb_param *params, const mb_conf *group, const char *applies);

/* One row per layer, one column per setting. */
int mb_cli_plan_table(const mb_plan *p, mb_table **out);

#endif
