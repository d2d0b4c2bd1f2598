/* the error trail: what is kept, what is shown, and how it crosses threads */
#include "mbtest.h"

#include <errno.h>
#include <unistd.h>

#include "base/mem.h"

/* What mb_error_print writes; static buffer. */
static const char *printed(void) {
    static char buf[32768];
    FILE *f = tmpfile();
    assert_non_null(f);
    mb_error_print(f);
    rewind(f);
    buf[fread(buf, 1, sizeof buf - 1, f)] = '\0';
    fclose(f);
    return buf;
}

static void first_message_is_the_cause(void **state) {
    (void)state;
    unsetenv("MIXBAR_DEBUG");
    mb_error_clear();
    assert_string_equal(mb_error_message(), "");
    errno = ENOENT;
    assert_int_equal(mb_fail(MB_BADINPUT, "a.cfg:%d: %s", 3, "bad"), MB_BADINPUT);
    assert_int_equal(errno, ENOENT);
    assert_int_equal(mb_context(MB_BADINPUT, "in layer %s", "conv1"), MB_BADINPUT);
    assert_string_equal(mb_error_message(), "a.cfg:3: bad");
    assert_string_equal(printed(), "mixbar: error: a.cfg:3: bad\n    in layer conv1\n");
    /* a new failure begins a new trail, also when its text is taken from the old one */
    assert_int_equal(mb_fail(MB_NUMERIC, "again: %s", mb_error_message()), MB_NUMERIC);
    assert_string_equal(printed(), "mixbar: error: again: a.cfg:3: bad\n");
    assert_int_equal(mb_nomem(), MB_SYSTEM);
    assert_string_equal(mb_error_message(), "out of memory");
    mb_error_clear();
    assert_string_equal(mb_error_message(), "");
    assert_non_null(strstr(printed(), "without a message"));
}

static void debug_names_the_source(void **state) {
    (void)state;
    mb_fail(MB_BUG, "x");
    int line = __LINE__ - 1;
    char want[64];
    snprintf(want, sizeof want, "test_error.c:%d]", line);
    assert_null(strstr(printed(), want));
    setenv("MIXBAR_DEBUG", "1", 1);
    assert_non_null(strstr(printed(), want));
    setenv("MIXBAR_DEBUG", "0", 1);
    assert_null(strstr(printed(), want));
    unsetenv("MIXBAR_DEBUG");
    mb_error_clear();
}

static void lines_and_text_are_bounded(void **state) {
    (void)state;
    char big[5000];
    memset(big, 'x', sizeof big - 1);
    big[sizeof big - 1] = '\0';
    mb_fail(MB_SYSTEM, "cause %s", big);
    size_t n = strlen(mb_error_message());
    assert_in_range(n, 900, 1023);
    assert_string_equal(mb_error_message() + n - 3, "...");
    mb_fail(MB_SYSTEM, "cause");
    for (int i = 0; i < 100; i++) mb_context(MB_SYSTEM, "level %d", i);
    assert_string_equal(mb_error_message(), "cause");
    assert_non_null(strstr(printed(), "level 0\n"));
    assert_null(strstr(printed(), "level 99"));
    assert_non_null(strstr(printed(), "outer lines"));
    /* cut between characters: 1021 is inside a two-byte character */
    for (size_t i = 0; i + 1 < sizeof big - 1; i += 2) memcpy(big + i, "\xC3\xA9", 2);
    mb_fail(MB_SYSTEM, "%s", big);
    n = strlen(mb_error_message());
    assert_string_equal(mb_error_message() + n - 5, "\xC3\xA9...");
    mb_fail(MB_SYSTEM, "x%s", big);
    n = strlen(mb_error_message());
    assert_string_equal(mb_error_message() + n - 5, "\xC3\xA9...");
    mb_error_clear();
}

static void threads_have_their_own_trail(void **state) {
    (void)state;
    mb_error *taken = NULL;
    mb_error_clear();
    mb_fail(MB_BADINPUT, "of the main thread");
#pragma omp parallel for num_threads(2) schedule(static, 1)
    for (int i = 0; i < 2; i++) {
        if (i == 1) {
            mb_fail(MB_NUMERIC, "of thread %d", i);
            mb_context(MB_NUMERIC, "outer");
            taken = mb_error_take();
        }
    }
    assert_non_null(taken);
    mb_fail(MB_BADINPUT, "of the main thread");
    assert_int_equal(mb_error_raise(taken, MB_NUMERIC), MB_NUMERIC);
    assert_string_equal(printed(), "mixbar: error: of thread 1\n    outer\n");
    mb_error_clear();
    assert_null(mb_error_take());
    assert_int_equal(mb_error_raise(NULL, MB_SYSTEM), MB_SYSTEM);
    mb_fail(MB_BADINPUT, "kept");
    mb_mem_fail_after(1);
    assert_null(mb_error_take());
    assert_string_equal(mb_error_message(), "kept");
    mb_error_clear();
    assert_int_equal(mb_mem_live(), 0);
}

/* What FN prints on stderr. */
static const char *caught(void (*fn)(void)) {
    static char buf[4096];
    FILE *f = tmpfile();
    assert_non_null(f);
    fflush(stderr);
    int keep = dup(2);
    dup2(fileno(f), 2);
    fn();
    fflush(stderr);
    dup2(keep, 2);
    close(keep);
    rewind(f);
    buf[fread(buf, 1, sizeof buf - 1, f)] = '\0';
    fclose(f);
    return buf;
}

static void warn_thrice(void) {
    for (int i = 0; i < 3; i++) mb_warn_once("thrice", "number %d", i);
    const char *before = mb_log_subject("cell-7");
    for (int i = 0; i < 2; i++) mb_warn_once("another", "levels");
    assert_string_equal(mb_log_subject(before), "cell-7");
    mb_warn("plain");
}

static void a_warning_comes_once_and_names_its_subject(void **state) {
    (void)state;
    assert_string_equal(caught(warn_thrice), "mixbar: warning: number 0\nmixbar: warning: cell-7: levels\nmixbar: warning: plain\n");
    assert_string_equal(caught(warn_thrice), "mixbar: warning: plain\n");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(first_message_is_the_cause),
        cmocka_unit_test(debug_names_the_source),
        cmocka_unit_test(lines_and_text_are_bounded),
        cmocka_unit_test(threads_have_their_own_trail),
        cmocka_unit_test(a_warning_comes_once_and_names_its_subject),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
