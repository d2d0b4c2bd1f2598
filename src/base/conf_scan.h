/* conf_scan.h - private to conf.c: what is done to configuration text before libconfig sees it */
#ifndef MB_BASE_CONF_SCAN_H
#define MB_BASE_CONF_SCAN_H

#include <stddef.h>
#include <stdint.h>

#include "base/str.h"

typedef struct mb_conf_place { int file, line; } mb_conf_place;

/* The text with every @include put in its place, and where each of its lines came from. {0} is empty. */
typedef struct mb_conf_text {
    mb_str text;
    char **file;               /* names of the files, file[0] is the outermost */
    size_t files, files_cap;
    mb_conf_place *place;      /* place[k]: origin of line k + 1 of TEXT */
    size_t lines, lines_cap;
    int *string;               /* line (1, 2, ...) in TEXT where the k-th string value begins */
    size_t strings, strings_cap;
} mb_conf_text;

/* Check N bytes of TEXT read from LABEL and fill OUT. MB_BADINPUT with file:line for: binary data, strings and comments
 * without end, brackets that do not match or nest deeper than MB_CONF_NESTING, integers that libconfig would wrap, malformed
 * numbers, words without quotes, any other breach of the grammar, @include of a file that is missing, includes itself, or lies
 * too deep. OUT is to be freed in any case. */
int mb_conf_scan(const char *text, size_t n, const char *label, mb_conf_text *out);
void mb_conf_text_free(mb_conf_text *t);
#define MB_CONF_NESTING 64

typedef enum { MB_NUM_NOT, MB_NUM_INT, MB_NUM_REAL, MB_NUM_TOO_BIG } mb_num_kind;
/* What the N characters at S are by the grammar of libconfig: an integer (*v; *has_l: written with L), a real, an integer over 64
 * bits, or no number. */
mb_num_kind mb_conf_number(const char *s, size_t n, int64_t *v, int *has_l);
/* 1 when S can be the name of a setting. */
int mb_conf_is_name(const char *s);

#endif
