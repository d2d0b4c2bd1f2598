/* str.h - growing strings, round-trip numbers, hashes, name suggestions */
#ifndef MB_BASE_STR_H
#define MB_BASE_STR_H

#include <stddef.h>
#include <stdint.h>

/* {0} is empty; s may be NULL while empty; failed: memory ran out */
typedef struct mb_str { char *s; size_t n, cap; int failed; } mb_str;

void mb_str_add(mb_str *b, const char *s);
void mb_str_addn(mb_str *b, const char *s, size_t n);
void mb_str_addf(mb_str *b, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void mb_str_clear(mb_str *b);                 /* keeps the memory */
void mb_str_free(mb_str *b);
const char *mb_cstr(const mb_str *b);         /* never NULL */

/* Shortest decimal text that strtod reads back to the same double; always with '.', 'e', "inf" or "nan" when FLOATING, so that
 * libconfig reads a float. BUF holds at least 32 bytes; returned. Independent of the locale. */
char *mb_fmt_double(char *buf, double x, int floating);
/* Engineering notation with SI prefix and unit: 1.23e-9,"J" -> "1.23 nJ"; DIGITS significant digits. BUF >= 48 bytes. */
char *mb_fmt_si(char *buf, double x, const char *unit, int digits);

uint64_t mb_hash64(const void *p, size_t n, uint64_t h); /* FNV-1a; start with MB_HASH_START */
#define MB_HASH_START 0xcbf29ce484222325ull

/* The candidate nearest to NAME in edit distance, or NULL when none is near (distance > max(2, len/3)). */
const char *mb_nearest(const char *name, const char *const *candidates, size_t n);

#endif
