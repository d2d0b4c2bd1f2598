/* param.h - parameter tables: one row is the whole truth about a key
 *
 * A module declares a plain struct and a table of rows. The row feeds parsing, range checks, defaults, `mixbar show`, sweeps,
 * used.cfg and the manual. The field's C type is checked at compile time against the row's kind.
 *
 *     typedef struct { double g_max_S; int levels; } my_params;
 *     static const mb_param my_table[] = {
 *         MB_REAL(my_params, g_max_S, "S", "100e-6", 1e-9, 1.0, "largest conductance"),
 *         MB_INT(my_params, levels, "", "16", 0, 65536, "programmable levels, 0: continuous"),
 *         MB_PARAM_END };
 */
#ifndef MB_BASE_PARAM_H
#define MB_BASE_PARAM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include "base/conf.h"

typedef enum { MB_P_END, MB_P_BOOL, MB_P_INT, MB_P_REAL, MB_P_STRING, MB_P_CHOICE, MB_P_REALS, MB_P_PATH } mb_param_kind;

typedef struct mb_reals { double *v; size_t n; } mb_reals;

typedef struct mb_param {
    const char *name;
    mb_param_kind kind;
    const char *unit;     /* "" for none; SI, or the unit that the name ends in */
    const char *def;      /* default in libconfig syntax without quotes for strings; NULL: required */
    double lo, hi;        /* inclusive range of INT, REAL and elements of REALS */
    const char *choices;  /* CHOICE: "a|b|c" ; the int field holds the index */
    size_t offset;
    const char *help;     /* one line */
} mb_param;

#define MB_FIELD_(s, f, T, k) (offsetof(s, f) + 0 * sizeof(char[_Generic(&((s *)0)->f, T *: 1)]))
#define MB_FLAG(s, f, def, help) {#f, MB_P_BOOL, "", def, 0, 1, NULL, MB_FIELD_(s, f, bool, 0), help}
#define MB_INT(s, f, unit, def, lo, hi, help) {#f, MB_P_INT, unit, def, lo, hi, NULL, MB_FIELD_(s, f, int, 0), help}
#define MB_REAL(s, f, unit, def, lo, hi, help) {#f, MB_P_REAL, unit, def, lo, hi, NULL, MB_FIELD_(s, f, double, 0), help}
#define MB_TEXT(s, f, def, help) {#f, MB_P_STRING, "", def, 0, 0, NULL, MB_FIELD_(s, f, char *, 0), help}
#define MB_CHOICE(s, f, choices, def, help) {#f, MB_P_CHOICE, "", def, 0, 0, choices, MB_FIELD_(s, f, int, 0), help}
#define MB_VECTOR(s, f, unit, def, lo, hi, help) {#f, MB_P_REALS, unit, def, lo, hi, NULL, MB_FIELD_(s, f, mb_reals, 0), help}
#define MB_FILE(s, f, def, help) {#f, MB_P_PATH, "", def, 0, 0, NULL, MB_FIELD_(s, f, char *, 0), help}
#define MB_PARAM_END {NULL, MB_P_END, NULL, NULL, 0, 0, NULL, 0, NULL}

/* Fill DST (zeroed first) from GROUP (may be NULL: all defaults). Keys read are marked used. A key of the group that is neither
 * in the table nor in ALSO (NULL-terminated names handled by somebody else; may be NULL) is an error with file:line and the
 * nearest name; so are a wrong type and a value out of range. Missing keys take the default AND are inserted into GROUP with
 * origin MB_FROM_DEFAULT, so that used.cfg is complete. MB_P_PATH values become absolute or relative to the current folder,
 * resolved against the file they stand in ("" stays ""). On failure DST holds nothing to free. */
int mb_params_load(const mb_param *table, mb_conf *group, const char *const *also, void *dst);
void mb_params_free(const mb_param *table, void *dst);
/* The text C names none of the N things that are called WHAT ("cell", "policy"): MB_BADINPUT with file:line, the nearest, and all. */
int mb_conf_unknown(const mb_conf *c, const char *what, const char *const *names, size_t n);
/* Write the values of SRC into GROUP (replacing), e.g. to save a fitted model. */
int mb_params_store(const mb_param *table, const void *src, mb_conf *group);
/* One value as text, for messages and `mixbar show`. */
void mb_params_format(const mb_param *row, const void *src, mb_str *out);
/* Index of WORD in "a|b|c"; -1 when it is not there. */
int mb_choice_index(const char *choices, const char *word);
/* Name of choice INDEX of ROW, in BUF. */
const char *mb_choice_name(const char *choices, int index, char *buf, size_t cap);

#endif
