/* mem.h - allocation with overflow checks, counting and injected failure
 *
 * All functions return NULL on failure (also when n * size overflows); the caller reports with mb_nomem().
 * Zero bytes give a valid pointer. Memory is released with mb_free() only.
 */
#ifndef MB_BASE_MEM_H
#define MB_BASE_MEM_H

#include <stddef.h>

void *mb_malloc(size_t n, size_t size);             /* n * size bytes, not cleared, aligned to 64 bytes */
void *mb_calloc(size_t n, size_t size);             /* cleared, aligned to 64 bytes */
void *mb_realloc(void *p, size_t n, size_t size);   /* keeps contents; on failure p is untouched */
char *mb_strdup(const char *s);
char *mb_strndup(const char *s, size_t n);
char *mb_asprintf(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
void mb_free(void *p);

long mb_mem_live(void);            /* blocks allocated and not yet freed (for tests) */
void mb_mem_fail_after(long n);    /* the n-th allocation from now fails, once; negative: never (for tests) */

#endif
