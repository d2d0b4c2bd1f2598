/* answers.c - see answers.h. A table with open addressing; two locks: of the table, and of work. */
#include "run/answers.h"

#include <pthread.h>
#include <stdbool.h>
#include <string.h>

#include "base/error.h"
#include "base/mem.h"

typedef struct answer {
    uint64_t key;
    void *object;                /* NULL: the place is free */
    void (*destroy)(void *);
} answer;

struct mb_answers {
    answer *e;
    size_t n, cap;               /* cap: a power of two, more than n */
    pthread_mutex_t table, work;
};

int mb_answers_new(mb_answers **out) {
    mb_answers *a = mb_calloc(1, sizeof *a);
    if (!a) return mb_nomem();
    pthread_mutex_init(&a->table, NULL);
    pthread_mutex_init(&a->work, NULL);
    *out = a;
    return MB_OK;
}

void mb_answers_free(mb_answers *a) {
    if (!a) return;
    for (size_t i = 0; i < a->cap; i++)
        if (a->e[i].object) a->e[i].destroy(a->e[i].object);
    mb_free(a->e);
    pthread_mutex_destroy(&a->table);
    pthread_mutex_destroy(&a->work);
    mb_free(a);
}

/* Place of KEY, or the free one where it would stand. */
static answer *place(answer *e, size_t cap, uint64_t key) {
    size_t at = (size_t)(key ^ key >> 32) & (cap - 1);
    while (e[at].object && e[at].key != key) at = (at + 1) & (cap - 1);
    return &e[at];
}

void *mb_answers_find(mb_answers *a, uint64_t key) {
    pthread_mutex_lock(&a->table);
    void *found = a->cap ? place(a->e, a->cap, key)->object : NULL;
    pthread_mutex_unlock(&a->table);
    return found;
}

static bool grow(mb_answers *a) {
    if (2 * (a->n + 1) <= a->cap) return true;
    const size_t cap = a->cap ? 2 * a->cap : 64;
    answer *e = mb_calloc(cap, sizeof *e);
    if (!e) return false;
    for (size_t i = 0; i < a->cap; i++)
        if (a->e[i].object) *place(e, cap, a->e[i].key) = a->e[i];
    mb_free(a->e);
    a->e = e;
    a->cap = cap;
    return true;
}

int mb_answers_put(mb_answers *a, uint64_t key, void *object, void (*destroy)(void *), void **kept) {
    pthread_mutex_lock(&a->table);
    const bool room = grow(a);
    answer *p = room ? place(a->e, a->cap, key) : NULL;
    const bool ours = p && !p->object;
    if (ours) {
        *p = (answer){key, object, destroy};
        a->n++;
    }
    if (p && kept) *kept = p->object;
    pthread_mutex_unlock(&a->table);
    if (!ours) destroy(object);
    return room ? MB_OK : mb_nomem();
}

static void free_plain(void *p) { mb_free(p); }

int mb_answers_copy(mb_answers *a, uint64_t key, const void *data, size_t size) {
    void *p = mb_malloc(1, size);
    if (!p) return mb_nomem();
    memcpy(p, data, size);
    return mb_answers_put(a, key, p, free_plain, NULL);
}

void mb_answers_begin(mb_answers *a) { pthread_mutex_lock(&a->work); }

void mb_answers_end(mb_answers *a) { pthread_mutex_unlock(&a->work); }
