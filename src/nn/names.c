/* names.c - a table of names */
#include "nn/names.h"

#include <string.h>

#include "base/error.h"
#include "base/mem.h"
#include "base/str.h"

int mb_names_init(mb_names *t, size_t most) {
    memset(t, 0, sizeof *t);
    for (t->cap = 64; t->cap < 2 * most + 2; t->cap *= 2) {}
    t->slot = mb_malloc(t->cap, sizeof *t->slot);
    t->name = mb_malloc(most + 1, sizeof *t->name);
    if (!t->slot || !t->name) {
        mb_names_free(t);
        return mb_nomem();
    }
    for (size_t k = 0; k < t->cap; k++) t->slot[k] = -1;
    return MB_OK;
}

void mb_names_free(mb_names *t) {
    mb_free(t->slot);
    mb_free(t->name);
    memset(t, 0, sizeof *t);
}

/* The slot that holds NAME, or the free one where it belongs. */
static int *place(const mb_names *t, mb_span name) {
    size_t k = (size_t)mb_hash64(name.p, name.n, MB_HASH_START) & (t->cap - 1);
    while (t->slot[k] >= 0 && !mb_span_equal(t->name[t->slot[k]], name)) k = (k + 1) & (t->cap - 1);
    return &t->slot[k];
}

int mb_names_find(const mb_names *t, mb_span name) { return t->cap ? *place(t, name) : -1; }

int mb_names_add(mb_names *t, mb_span name) {
    if (2 * ((size_t)t->n + 1) > t->cap) return -1;
    *place(t, name) = t->n;
    t->name[t->n] = name;
    return t->n++;
}
