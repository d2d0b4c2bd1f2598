/* cache.c - objects that points share: claimed, made once, waited for, thrown out when memory is short
 *
 * One mutex and one condition serve all entries: objects are few and large. An entry without an object is being made. Called by experiment.c, point.c, trials.c.
 */
#include "run/cache.h"

#include <pthread.h>
#include <string.h>

#include "base/error.h"
#include "base/mem.h"

typedef struct entry {
    const char *kind;
    uint64_t key, last;      /* last: tick of its last use */
    void *object;            /* NULL: somebody makes it */
    size_t bytes, holders;
    void (*destroy)(void *);
} entry;

struct mb_cache {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    entry *e;
    size_t n, bytes, limit, n_use;
    uint64_t tick;
    mb_cache_use *use;
};

int mb_cache_new(mb_cache **out) {
    mb_cache *c = mb_calloc(1, sizeof *c);
    if (!c) return mb_nomem();
    pthread_mutex_init(&c->lock, NULL);
    pthread_cond_init(&c->changed, NULL);
    c->limit = MB_CACHE_LIMIT;
    *out = c;
    return MB_OK;
}

void mb_cache_free(mb_cache *c) {
    if (!c) return;
    for (size_t i = c->n; i-- > 0;)
        if (c->e[i].object) c->e[i].destroy(c->e[i].object);
    pthread_cond_destroy(&c->changed);
    pthread_mutex_destroy(&c->lock);
    mb_free(c->e);
    mb_free(c->use);
    mb_free(c);
}

static entry *find(const mb_cache *c, const char *kind, uint64_t key) {
    for (size_t i = 0; i < c->n; i++)
        if (c->e[i].key == key && !strcmp(c->e[i].kind, kind)) return &c->e[i];
    return NULL;
}

/* The counters of KIND; NULL without memory: then nothing is counted. */
static mb_cache_use *use_of(mb_cache *c, const char *kind) {
    for (size_t i = 0; i < c->n_use; i++)
        if (!strcmp(c->use[i].kind, kind)) return &c->use[i];
    mb_cache_use *u = mb_realloc(c->use, c->n_use + 1, sizeof *u);
    if (!u) return NULL;
    c->use = u;
    c->use[c->n_use] = (mb_cache_use){.kind = kind};
    return &c->use[c->n_use++];
}

static void forget(mb_cache *c, entry *e) {
    c->bytes -= e->bytes;
    memmove(e, e + 1, (size_t)(c->e + c->n - (e + 1)) * sizeof *e); /* order of making: mb_cache_free() */
    c->n--;
}

/* Throw out what nobody holds until the rest fits. */
static void shrink(mb_cache *c) {
    while (c->bytes > c->limit) {
        entry *oldest = NULL;
        for (size_t i = 0; i < c->n; i++) {
            entry *e = &c->e[i];
            if (e->object && e->bytes && !e->holders && (!oldest || e->last < oldest->last)) oldest = e;
        }
        if (!oldest) return;
        mb_cache_use *u = use_of(c, oldest->kind);
        if (u) u->dropped++;
        oldest->destroy(oldest->object);
        forget(c, oldest);
    }
}

void mb_cache_limit(mb_cache *c, size_t bytes) {
    pthread_mutex_lock(&c->lock);
    c->limit = bytes;
    shrink(c);
    pthread_mutex_unlock(&c->lock);
}

void *mb_cache_claim(mb_cache *c, const char *kind, uint64_t key) {
    void *object = NULL;
    pthread_mutex_lock(&c->lock);
    entry *e = find(c, kind, key);
    while (e && !e->object) {
        pthread_cond_wait(&c->changed, &c->lock);
        e = find(c, kind, key);
    }
    mb_cache_use *u = use_of(c, kind);
    if (e) {
        object = e->object;
        e->last = ++c->tick;
        if (e->bytes) e->holders++;
        if (u) u->reused++;
    } else { /* without memory for the claim others may make it, too; mb_cache_put() tells */
        entry *more = mb_realloc(c->e, c->n + 1, sizeof *more);
        if (more) {
            c->e = more;
            c->e[c->n++] = (entry){.kind = kind, .key = key};
        }
        if (u) u->made++;
    }
    pthread_mutex_unlock(&c->lock);
    return object;
}

int mb_cache_put(mb_cache *c, const char *kind, uint64_t key, void *object, size_t bytes, void (*destroy)(void *)) {
    pthread_mutex_lock(&c->lock);
    entry *e = find(c, kind, key);
    const bool mine = e && !e->object;
    if (mine) {
        *e = (entry){.kind = kind, .key = key, .last = ++c->tick, .object = object, .bytes = bytes, .holders = bytes > 0, .destroy = destroy};
        c->bytes += bytes;
        shrink(c);
    }
    pthread_cond_broadcast(&c->changed);
    pthread_mutex_unlock(&c->lock);
    if (mine) return MB_OK;
    destroy(object);
    return mb_nomem();
}

void mb_cache_give_up(mb_cache *c, const char *kind, uint64_t key) {
    pthread_mutex_lock(&c->lock);
    entry *e = find(c, kind, key);
    if (e && !e->object) forget(c, e);
    pthread_cond_broadcast(&c->changed);
    pthread_mutex_unlock(&c->lock);
}

void mb_cache_release(mb_cache *c, const char *kind, uint64_t key) {
    pthread_mutex_lock(&c->lock);
    entry *e = find(c, kind, key);
    if (e && e->holders) e->holders--;
    shrink(c);
    pthread_mutex_unlock(&c->lock);
}

bool mb_cache_used(mb_cache *c, size_t i, mb_cache_use *u) {
    pthread_mutex_lock(&c->lock);
    const bool there = i < c->n_use;
    if (there) *u = c->use[i];
    pthread_mutex_unlock(&c->lock);
    return there;
}

size_t mb_cache_bytes(mb_cache *c) {
    pthread_mutex_lock(&c->lock);
    const size_t bytes = c->bytes;
    pthread_mutex_unlock(&c->lock);
    return bytes;
}
