/* mem.c - allocation aligned to 64 bytes (texts apart), with a count of live blocks and injected failure
 *
 * A block is [ up to 48 bytes to the next boundary ][ head ][ the caller's bytes ][ the rest of the 48 ]: malloc() keeps small blocks at
 * hand for each thread, posix_memalign() does not and takes several times as long. Texts need no alignment. Under the address sanitizer
 * the caller's bytes end where the allocation ends, so that it sees overruns by one byte. Reference for the injected failure: CHOLMOD/Tcov/t_memory.c (the n-th
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

typedef struct block_head {
    size_t size; /* of the caller's bytes */
    void *base;  /* what free() gets */
} block_head;
#define HEAD sizeof(block_head) /* 16: malloc() aligns to no less */

#if defined __SANITIZE_ADDRESS__
#define EXACT 1
#elif defined __has_feature
#if __has_feature(address_sanitizer)
#define EXACT 1
#endif
#endif
#ifndef EXACT
#define EXACT 0
#endif

static block_head *head(void *p) { return (block_head *)(void *)((char *)p - HEAD); }

/* N * SIZE bytes at a multiple of TO (16 or 64). */
static void *allocate(size_t n, size_t size, size_t to) {
    size_t bytes;
    void *base = NULL;
    if (__builtin_mul_overflow(n, size, &bytes) || bytes > (size_t)PTRDIFF_MAX - 2 * ALIGN || injected()) return NULL;
    if (EXACT) {
        if (posix_memalign(&base, ALIGN, bytes + ALIGN) != 0) base = NULL;
    } else {
        base = malloc(bytes + to);
    }
    if (!base) return NULL;
    char *first = (char *)base + HEAD, *p = EXACT ? (char *)base + ALIGN : first + (to - (uintptr_t)first % to) % to;
    *head(p) = (block_head){bytes, base};
    atomic_fetch_add_explicit(&live, 1, memory_order_relaxed);
    return p;
}

void *mb_malloc(size_t n, size_t size) { return allocate(n, size, ALIGN); }

void *mb_calloc(size_t n, size_t size) {
    void *p = mb_malloc(n, size);
    if (p) memset(p, 0, head(p)->size);
    return p;
}

void *mb_realloc(void *p, size_t n, size_t size) {
    void *q = mb_malloc(n, size);
    if (q && p) {
        size_t old = head(p)->size, now = head(q)->size;
        memcpy(q, p, old < now ? old : now);
        mb_free(p);
    }
    return q;
}

char *mb_strndup(const char *s, size_t n) {
    size_t len = strnlen(s, n);
    char *p = allocate(len + 1, 1, HEAD);
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
        free(head(p)->base);
    }
}

long mb_mem_live(void) { return atomic_load(&live); }

void mb_mem_fail_after(long n) { atomic_store(&countdown, n < 0 ? 0 : n == 0 ? 1 : n); }
