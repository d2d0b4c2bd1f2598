/* json.h - JSON writer: objects keep the order of calls, doubles are the shortest that read back to the same bits, non-finite is
 * null. Reading is done with libjansson by those who need it (results, golden cases). */
#ifndef MB_BASE_JSON_H
#define MB_BASE_JSON_H

#include <stdbool.h>
#include <stdint.h>

#include "base/str.h"

typedef struct mb_json { mb_str *out; int depth; bool first[32]; int indent; } mb_json; /* indent 0: one line */

void mb_json_init(mb_json *j, mb_str *out, int indent);
void mb_json_open(mb_json *j, const char *key, char kind);   /* kind '{' or '['; key NULL inside arrays and at the top */
void mb_json_close(mb_json *j, char kind);                   /* '}' or ']' */
void mb_json_str(mb_json *j, const char *key, const char *s);   /* s NULL: null */
void mb_json_int(mb_json *j, const char *key, int64_t v);
void mb_json_real(mb_json *j, const char *key, double v);
void mb_json_bool(mb_json *j, const char *key, bool v);
void mb_json_null(mb_json *j, const char *key);

#endif
