/* test_crew.c - objects made once by many threads (run/cache.h); jobs in any order, results in order, errors as with one thread (run/crew.h) */
#include "mbtest.h"

#include <pthread.h>
#include <stdatomic.h>
#include <time.h>

#include "base/mem.h"
#include "run/cache.h"
#include "run/crew.h"

static void nap_ms(long ms) {
    const struct timespec t = {0, 1000000 * ms};
    nanosleep(&t, NULL);
}

/* --- cache --------------------------------------------------------------------------------------------------------- */

static atomic_int made, alive, failures;

static void destroy(void *p) {
    atomic_fetch_sub(&alive, 1);
    mb_free(p);
}

static int *make(int value) {
    int *p = mb_malloc(1, sizeof *p);
    *p = value;
    atomic_fetch_add(&made, 1);
    atomic_fetch_add(&alive, 1);
    return p;
}

/* Everybody asks for the same ten objects; the first maker of number 3 gives up. */
static char no_put[] = "put failed", no_match[] = "another object";
static void *ask_for_all(void *arg) {
    mb_cache *c = arg;
    for (int round = 0; round < 20; round++)
        for (uint64_t key = 0; key < 10; key++) {
            int *p = mb_cache_claim(c, "number", key);
            if (!p && key == 3 && atomic_fetch_add(&failures, 1) == 0) {
                nap_ms(5);
                mb_cache_give_up(c, "number", key);
                continue;
            }
            if (!p) {
                nap_ms(2); /* others arrive meanwhile and wait */
                p = make((int)key);
                if (mb_cache_put(c, "number", key, p, 0, destroy)) return no_put;
            }
            if (*p != (int)key) return no_match;
        }
    return NULL;
}

static void test_made_once(void **state) {
    (void)state;
    mb_cache *c;
    pthread_t t[8];
    mb_cache_use u;
    made = alive = failures = 0;
    assert_ok(mb_cache_new(&c));
    for (int i = 0; i < 8; i++) assert_int_equal(pthread_create(&t[i], NULL, ask_for_all, c), 0);
    for (int i = 0; i < 8; i++) {
        void *why = NULL;
        pthread_join(t[i], &why);
        if (why) fail_msg("%s", (char *)why);
    }
    assert_int_equal(made, 10);
    assert_true(mb_cache_used(c, 0, &u));
    assert_string_equal(u.kind, "number");
    assert_int_equal(u.made, 11); /* with the claim that was given up */
    assert_int_equal(u.made + u.reused, 8 * 20 * 10);
    assert_false(mb_cache_used(c, 1, &u));
    assert_int_equal(mb_cache_bytes(c), 0);
    mb_cache_free(c);
    assert_int_equal(alive, 0);
}

/* Objects with a size go when memory is short, the one longest unused first, never one that is held. */
static void test_limit(void **state) {
    (void)state;
    mb_cache *c;
    mb_cache_use u;
    made = alive = 0;
    assert_ok(mb_cache_new(&c));
    mb_cache_limit(c, 300);
    for (uint64_t k = 0; k < 3; k++) {
        assert_null(mb_cache_claim(c, "big", k));
        assert_ok(mb_cache_put(c, "big", k, make((int)k), 100, destroy));
        if (k != 1) mb_cache_release(c, "big", k); /* number 1 stays held */
    }
    assert_non_null(mb_cache_claim(c, "big", 0)); /* used again: younger than 2 */
    mb_cache_release(c, "big", 0);
    assert_null(mb_cache_claim(c, "big", 3));
    assert_ok(mb_cache_put(c, "big", 3, make(3), 100, destroy));
    assert_int_equal(mb_cache_bytes(c), 300);
    assert_null(mb_cache_claim(c, "big", 2)); /* gone */
    mb_cache_give_up(c, "big", 2);
    assert_non_null(mb_cache_claim(c, "big", 0));
    mb_cache_release(c, "big", 0);
    assert_null(mb_cache_claim(c, "big", 4)); /* larger than all that may go: stays as long as it is held */
    assert_ok(mb_cache_put(c, "big", 4, make(4), 1000, destroy));
    assert_int_equal(mb_cache_bytes(c), 1200); /* 1, 3, 4 are held */
    mb_cache_release(c, "big", 4);
    assert_int_equal(mb_cache_bytes(c), 200);
    assert_non_null(mb_cache_claim(c, "big", 1));
    assert_true(mb_cache_used(c, 0, &u));
    assert_int_equal(u.dropped, 3);
    mb_cache_free(c);
    assert_int_equal(alive, 0);
    assert_int_equal(made, 5);
}

/* Memory that runs out at any place leaves neither a claim that others wait for nor an object that nobody frees. */
static void test_no_memory(void **state) {
    (void)state;
    for (long n = 1; n < 8; n++) {
        mb_cache *c;
        alive = 0;
        long live = mb_mem_live();
        assert_ok(mb_cache_new(&c));
        mb_mem_fail_after(n);
        for (uint64_t k = 0; k < 3; k++) {
            int *p = mb_cache_claim(c, "x", k);
            if (p) continue;
            p = mb_malloc(1, sizeof *p);
            if (!p) {
                mb_cache_give_up(c, "x", k);
                continue;
            }
            atomic_fetch_add(&alive, 1);
            (void)mb_cache_put(c, "x", k, p, 10, destroy);
        }
        mb_mem_fail_after(-1);
        for (uint64_t k = 0; k < 3; k++)
            if (!mb_cache_claim(c, "x", k)) mb_cache_give_up(c, "x", k);
        mb_cache_free(c);
        mb_error_clear();
        assert_int_equal(alive, 0);
        assert_int_equal(mb_mem_live(), live);
    }
}

/* --- crew ---------------------------------------------------------------------------------------------------------- */

typedef struct trial {
    size_t n, fail_at[2];    /* jobs that fail; SIZE_MAX: none */
    size_t take_fails;       /* TAKE fails there */
    atomic_size_t worked, stopped, results, highest;
    atomic_int at_once, most_at_once;
    size_t taken, ahead;
    bool slow_first;
    int (*idle)(void *, mb_crew *);
    int threads_last;
} trial;

static void drop_result(void *p) {
    size_t *r = p;
    atomic_fetch_sub((atomic_size_t *)(uintptr_t)r[1], 1);
    mb_free(r);
}

static int work(void *ctx, mb_crew_job *job) {
    trial *t = ctx;
    int now = atomic_fetch_add(&t->at_once, 1) + 1, most = atomic_load(&t->most_at_once);
    while (now > most && !atomic_compare_exchange_weak(&t->most_at_once, &most, now)) {}
    size_t high = atomic_load(&t->highest);
    while (job->number > high && !atomic_compare_exchange_weak(&t->highest, &high, job->number)) {}
    nap_ms((long)(job->number * 7 % 5));
    if (t->slow_first && job->number == 0) nap_ms(100);
    for (int i = 0; i < 400 && t->fail_at[0] != SIZE_MAX && job->number > t->fail_at[0]; i++) { /* long jobs end when they do not matter any more */
        if (mb_crew_stopped(job)) {
            atomic_fetch_add(&t->stopped, 1);
            atomic_fetch_sub(&t->at_once, 1);
            return mb_fail(MB_INTERRUPTED, "job %zu was stopped", job->number);
        }
        nap_ms(5);
    }
    if (job->number == t->n - 1) t->threads_last = mb_crew_threads(job);
    atomic_fetch_sub(&t->at_once, 1);
    atomic_fetch_add(&t->worked, 1);
    for (int i = 0; i < 2; i++)
        if (job->number == t->fail_at[i]) {
            if (i == 0) nap_ms(30); /* the later job fails first */
            mb_fail(MB_NUMERIC, "job %zu fails", job->number);
            return mb_context(MB_NUMERIC, "an outer line");
        }
    size_t *r = mb_malloc(2, sizeof *r);
    r[0] = job->number;
    r[1] = (size_t)(uintptr_t)&t->results;
    atomic_fetch_add(&t->results, 1);
    job->result = r;
    job->bytes = 1000;
    return MB_OK;
}

static int take(void *ctx, size_t number, void *result) {
    trial *t = ctx;
    size_t *r = result;
    assert_int_equal(number, t->taken);
    assert_int_equal(r[0], number);
    size_t high = atomic_load(&t->highest);
    if (high - number > t->ahead) t->ahead = high - number;
    t->taken++;
    drop_result(r);
    return number == t->take_fails ? mb_fail(MB_SYSTEM, "the disk is full") : MB_OK;
}

static int run(trial *t, int threads, int workers, size_t ahead, size_t bytes) {
    const mb_crew_plan p = {.n = t->n, .threads = threads, .workers = workers, .ahead = ahead, .ahead_bytes = bytes, .ctx = t, .work = work, .take = take,
                            .drop = drop_result, .idle = t->idle, .tick_s = t->idle ? 0.002 : 0};
    int rc = mb_crew_run(&p);
    assert_int_equal(atomic_load(&t->results), 0); /* every result was taken or dropped */
    return rc;
}

static const trial plain = {.n = 60, .fail_at = {SIZE_MAX, SIZE_MAX}, .take_fails = SIZE_MAX};

static void test_order(void **state) {
    (void)state;
    for (int threads = 1; threads <= 5; threads += 2) {
        trial t = plain;
        assert_ok(run(&t, threads, 0, 0, 0));
        assert_int_equal(t.taken, 60);
        assert_int_equal(t.worked, 60);
        assert_true(t.most_at_once <= threads);
    }
    trial t = plain;
    assert_ok(run(&t, 6, 2, 0, 0));
    assert_true(t.most_at_once <= 2); /* two at once, whatever the threads */
    assert_int_equal(t.threads_last, 6); /* the last job has them all: nobody else works any more */
    trial one = plain;
    one.n = 1;
    assert_ok(run(&one, 4, 0, 0, 0));
    assert_int_equal(one.threads_last, 4);
    trial none = plain;
    none.n = 0;
    assert_ok(run(&none, 4, 0, 0, 0));
}

/* Results that are early are bounded, by number and by size, and the late one still comes. */
static void test_window(void **state) {
    (void)state;
    trial t = plain;
    t.slow_first = true;
    assert_ok(run(&t, 4, 0, 10, 0));
    assert_int_equal(t.taken, 60);
    assert_true(t.ahead <= 10);
    t = plain;
    t.slow_first = true;
    assert_ok(run(&t, 4, 0, 0, 5000)); /* five results and what the others work on */
    assert_int_equal(t.taken, 60);
    assert_true(t.ahead <= 5 + 4);
}

/* The first error by number counts, with its trail; those before it are taken, those behind it stopped. */
static void test_errors(void **state) {
    (void)state;
    trial t = plain;
    t.fail_at[0] = 20;
    t.fail_at[1] = 22;
    assert_int_equal(run(&t, 4, 0, 0, 0), MB_NUMERIC);
    assert_string_equal(mb_error_message(), "job 20 fails");
    mb_error_clear();
    assert_int_equal(t.taken, 20);
    assert_true(t.worked < 40);
    t = plain;
    t.take_fails = 7;
    assert_fails(run(&t, 3, 0, 0, 0), MB_SYSTEM, "the disk is full");
    assert_int_equal(t.taken, 8);
}

static atomic_int idles;
static int idle_fails(void *ctx, mb_crew *crew) {
    (void)ctx;
    (void)crew;
    return atomic_fetch_add(&idles, 1) == 3 ? mb_fail(MB_INTERRUPTED, "stopped from outside") : MB_OK;
}

static void test_idle(void **state) {
    (void)state;
    trial t = plain;
    t.idle = idle_fails;
    idles = 0;
    assert_fails(run(&t, 2, 0, 0, 0), MB_INTERRUPTED, "stopped from outside");
    assert_true(t.taken < 60);
}

/* Jobs that are given away come back in any order. */
typedef struct away {
    size_t number[64], n, given;
} away;
static away far;

static int idle_works(void *ctx, mb_crew *crew) {
    trial *t = ctx;
    size_t first;
    bool over;
    const size_t n = mb_crew_hand_out(crew, 3, &first, &over);
    for (size_t i = 0; i < n && far.n < 64; i++) far.number[far.n++] = first + i;
    far.given += n;
    if (over || far.n > 5)
        while (far.n) { /* the last one first */
            size_t *r = mb_malloc(2, sizeof *r);
            r[0] = far.number[--far.n];
            r[1] = (size_t)(uintptr_t)&t->results;
            atomic_fetch_add(&t->results, 1);
            mb_crew_put(crew, r[0], MB_OK, NULL, r, 1000);
        }
    return MB_OK;
}

static void test_given_away(void **state) {
    (void)state;
    trial t = plain;
    t.n = 200;
    t.idle = idle_works;
    far = (away){.n = 0};
    assert_ok(run(&t, 1, 0, 0, 0));
    assert_int_equal(t.taken, 200);
    assert_true(far.given > 20);
    assert_int_equal(far.given + t.worked, 200);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_made_once), cmocka_unit_test(test_limit),  cmocka_unit_test(test_no_memory), cmocka_unit_test(test_order),
        cmocka_unit_test(test_window),    cmocka_unit_test(test_errors), cmocka_unit_test(test_idle),      cmocka_unit_test(test_given_away),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
