/* mbtest.h - what every unit test includes: cmocka in the right order, and a few helpers */
#ifndef MBTEST_H
#define MBTEST_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/error.h"

/* STATUS must be MB_OK; otherwise the trail is printed and the test fails. */
#define assert_ok(expr)                                            \
    do {                                                           \
        int rc_ = (expr);                                          \
        if (rc_ != MB_OK) mb_error_print(stderr);                  \
        mb_error_clear();                                          \
        assert_int_equal(rc_, MB_OK);                              \
    } while (0)

/* EXPR must fail with CODE and its first message must contain TEXT. */
#define assert_fails(expr, code, text)                                                   \
    do {                                                                                 \
        int rc_ = (expr);                                                                \
        assert_int_equal(rc_, code);                                                     \
        if (!strstr(mb_error_message(), text)) fail_msg("message '%s' lacks '%s'", mb_error_message(), text); \
        mb_error_clear();                                                                \
    } while (0)

/* Folder of the sources (tests run from the build tree). */
static inline const char *srcdir(void) { const char *d = getenv("top_srcdir"); return d ? d : "."; }

#endif
