/* mem.c - allocation aligned to 64 bytes (texts apart), with a count of live blocks and injected failure
 *
 * A block is [ 64 bytes: its size ][ the caller's bytes ]; the end of the caller's bytes is the end of the allocation, so that
 * the address sanitizer sees overruns by one byte. Reference for the injected failure: CHOLMOD/Tcov/t_memory.c (the n-th
 * allocation fails for n = 1, 2, ...). Anybody may call this file; it calls nobody.
 */
#include "base/mem.h"

#include <stdarg.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ALIGN 64

static atomic_long live;
static atomic_long countdown; /* 0: off; k: the k-th allocation from now fails */

static int injected(void) {
    int fail = 0;
    if (atomic_load_explicit(&countdown, memory_order_relaxed) > 0) {
        long old = atomic_fetch_sub(&countdown, 1);
        fail = old == 1;
        if (old <= 0) atomic_fetch_add(&countdown, 1); /* another thread took the last step */
    }
    return fail;
}

/* Total size of N * SIZE bytes with the head, or 0 when it does not fit. */
static size_t total(size_t n, size_t size) {
    size_t bytes;
    if (__builtin_mul_overflow(n, size, &bytes) || bytes > (size_t)PTRDIFF_MAX - ALIGN) return 0;
    return bytes + ALIGN;
}

static size_t *head(void *p) { return (size_t *)(void *)((char *)p - ALIGN); }

/* The block of BASE, BYTES long with the head; NULL when BASE is. */
static void *begin(void *base, size_t bytes) {
    if (!base) return NULL;
    char *p = (char *)base + ALIGN;
    *head(p) = bytes - ALIGN;
    atomic_fetch_add_explicit(&live, 1, memory_order_relaxed);
    return p;
}

void *mb_malloc(size_t n, size_t size) {
    size_t bytes = total(n, size);
    void *base = NULL;
    if (bytes == 0 || injected() || posix_memalign(&base, ALIGN, bytes) != 0) return NULL;
    return begin(base, bytes);
}

void *mb_calloc(size_t n, size_t size) {
    void *p = mb_malloc(n, size);
    if (p) memset(p, 0, *head(p));
    return p;
}

void *mb_realloc(void *p, size_t n, size_t size) {
    void *q = mb_malloc(n, size);
    if (q && p) {
        size_t old = *head(p), now = *head(q);
        memcpy(q, p, old < now ? old : now);
        mb_free(p);
    }
    return q;
}

/* Texts lie anywhere: malloc is several times as fast as posix_memalign, and trees of configuration are made of them. */
char *mb_strndup(const char *s, size_t n) {
    size_t len = strnlen(s, n), bytes = total(len + 1, 1);
    char *p = bytes == 0 || injected() ? NULL : begin(malloc(bytes), bytes);
    if (p) {
        memcpy(p, s, len);
        p[len] = '\0';
    }
    return p;
}

char *mb_strdup(const char *s) { return mb_strndup(s, strlen(s)); }

char *mb_asprintf(const char *fmt, ...) {
    char *p = NULL;
    va_list ap, again;
    va_start(ap, fmt);
    va_copy(again, ap);
    int n = vsnprintf(NULL, 0, fmt, ap);
    if (n >= 0) p = mb_malloc((size_t)n + 1, 1);
    if (p) vsnprintf(p, (size_t)n + 1, fmt, again);
    va_end(again);
    va_end(ap);
    return p;
}

void mb_free(void *p) {
    if (p) {
        atomic_fetch_sub_explicit(&live, 1, memory_order_relaxed);
        free(head(p));
    }
}

long mb_mem_live(void) { return atomic_load(&live); }

void mb_mem_fail_after(long n) { atomic_store(&countdown, n < 0 ? 0 : n == 0 ? 1 : n); }
