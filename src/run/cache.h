/* cache.h - what points of an experiment share is made once, by one thread, while others that need it wait
 *
 * An object is known by its kind (a literal) and the hash of everything that made it. Who asks for one that is not there has to make it:
 *     object = mb_cache_claim(c, kind, key);
 *     if (!object) {                       nobody has it, nobody makes it: it is ours to make
 *         rc = make(&object);
 *         if (rc) mb_cache_give_up(c, kind, key);
 *         else rc = mb_cache_put(c, kind, key, object, 0, destroy);
 *     }
 * Objects with a size (BYTES above 0) go when memory is short, the one that was not needed for the longest time first. Who claimed or put one holds it until
 * mb_cache_release(); while it is held it stays. Objects without a size stay as long as the cache.
 * All functions but new and free may be called by many threads. A thread that makes an object may claim others, of kinds that never need its own.
 */
#ifndef MB_RUN_CACHE_H
#define MB_RUN_CACHE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define MB_CACHE_LIMIT ((size_t)512 << 20)   /* bytes of objects with a size, unless mb_cache_limit() says otherwise */

typedef struct mb_cache mb_cache;
int mb_cache_new(mb_cache **c);
void mb_cache_free(mb_cache *c);           /* destroys what is in it, last made first */
void mb_cache_limit(mb_cache *c, size_t bytes);
void *mb_cache_claim(mb_cache *c, const char *kind, uint64_t key);
/* The cache owns OBJECT from here on, also on failure (MB_SYSTEM), which gives up. */
int mb_cache_put(mb_cache *c, const char *kind, uint64_t key, void *object, size_t bytes, void (*destroy)(void *));
void mb_cache_give_up(mb_cache *c, const char *kind, uint64_t key);
void mb_cache_release(mb_cache *c, const char *kind, uint64_t key);

/* Kind I (0, 1, ... in the order of first use): how many objects were made, how many times one was there already, how many were thrown out. False: no I-th. */
typedef struct mb_cache_use { const char *kind; uint64_t made, reused, dropped; } mb_cache_use;
bool mb_cache_used(mb_cache *c, size_t i, mb_cache_use *u);
size_t mb_cache_bytes(mb_cache *c);        /* of objects with a size */

#endif
