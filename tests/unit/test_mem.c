/* allocation: alignment, overflow, counting, injected failure */
#include "mbtest.h"

#include "base/mem.h"

static void blocks_are_aligned_and_counted(void **state) {
    (void)state;
    long before = mb_mem_live();
    void *p[64];
    for (size_t i = 0; i < 64; i++) {
        p[i] = i % 2 ? mb_malloc(i, 7) : mb_calloc(i, 7);
        assert_non_null(p[i]);
        assert_int_equal((uintptr_t)p[i] % 64, 0);
        if (i % 2 == 0) {
            for (size_t k = 0; k < i * 7; k++) assert_int_equal(((char *)p[i])[k], 0);
        }
        memset(p[i], 0xA5, i * 7);
    }
    assert_int_equal(mb_mem_live(), before + 64);
    for (size_t i = 0; i < 64; i++) mb_free(p[i]);
    mb_free(NULL);
    assert_int_equal(mb_mem_live(), before);
}

static void sizes_that_overflow_are_refused(void **state) {
    (void)state;
    long before = mb_mem_live();
    assert_null(mb_malloc(SIZE_MAX, 2));
    assert_null(mb_calloc(SIZE_MAX / 2 + 1, 2));
    assert_null(mb_malloc(SIZE_MAX, 1));
    assert_null(mb_malloc((size_t)PTRDIFF_MAX, 1));
    char *p = mb_strdup("keep");
    assert_null(mb_realloc(p, SIZE_MAX / 4, 8));
    assert_string_equal(p, "keep");
    mb_free(p);
    assert_int_equal(mb_mem_live(), before);
}

static void realloc_keeps_contents(void **state) {
    (void)state;
    unsigned char *p = NULL;
    for (size_t n = 1; n < 100000; n = n * 3 + 1) {
        p = mb_realloc(p, n, 1);
        assert_non_null(p);
        assert_int_equal((uintptr_t)p % 64, 0);
        for (size_t i = 0; i < n / 3; i++) assert_int_equal(p[i], (unsigned char)(i * 7));
        for (size_t i = 0; i < n; i++) p[i] = (unsigned char)(i * 7);
    }
    p = mb_realloc(p, 10, 1);
    for (size_t i = 0; i < 10; i++) assert_int_equal(p[i], (unsigned char)(i * 7));
    assert_int_equal(mb_mem_live(), 1);
    mb_free(p);
}

static void the_nth_allocation_fails_once(void **state) {
    (void)state;
    for (long n = 1; n < 5; n++) {
        mb_mem_fail_after(n);
        for (long i = 1; i < 8; i++) {
            void *p = i % 2 ? mb_malloc(1, 1) : mb_calloc(1, 1);
            assert_int_equal(p == NULL, i == n);
            mb_free(p);
        }
    }
    char *p = mb_strdup("text");
    mb_mem_fail_after(1);
    assert_null(mb_realloc(p, 100, 1));
    assert_string_equal(p, "text");
    mb_mem_fail_after(1);
    assert_null(mb_strdup("x"));
    mb_mem_fail_after(1);
    assert_null(mb_asprintf("%d", 1));
    mb_mem_fail_after(3);
    mb_mem_fail_after(-1);
    for (int i = 0; i < 8; i++) {
        void *q = mb_malloc(1, 1);
        assert_non_null(q);
        mb_free(q);
    }
    mb_free(p);
    assert_int_equal(mb_mem_live(), 0);
}

static void failures_from_many_threads_are_one(void **state) {
    (void)state;
    for (int round = 0; round < 50; round++) {
        int failed = 0;
        mb_mem_fail_after(17);
#pragma omp parallel for num_threads(3)
        for (int i = 0; i < 300; i++) {
            void *p = mb_malloc(8, 8);
            if (!p) {
#pragma omp atomic
                failed++;
            }
            mb_free(p);
        }
        assert_int_equal(failed, 1);
    }
    assert_int_equal(mb_mem_live(), 0);
}

static void strings_are_copied(void **state) {
    (void)state;
    char *a = mb_strdup("abc"), *b = mb_strndup("abcdef", 4), *c = mb_strndup("ab", 10), *d = mb_asprintf("%s-%03d", "x", 7);
    assert_string_equal(a, "abc");
    assert_string_equal(b, "abcd");
    assert_string_equal(c, "ab");
    assert_string_equal(d, "x-007");
    mb_free(a);
    mb_free(b);
    mb_free(c);
    mb_free(d);
    assert_int_equal(mb_mem_live(), 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(blocks_are_aligned_and_counted),    cmocka_unit_test(sizes_that_overflow_are_refused),
        cmocka_unit_test(realloc_keeps_contents),            cmocka_unit_test(the_nth_allocation_fails_once),
        cmocka_unit_test(failures_from_many_threads_are_one), cmocka_unit_test(strings_are_copied),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
