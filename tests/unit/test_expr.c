/* test_expr.c - the language of conditions: values, strengths, what is absent, and that mistakes are told with their place */
#include "mbtest.h"

#include <math.h>

#include "base/expr.h"
#include "base/mem.h"

static int lookup(void *ctx, const char *name, mb_value *v) {
    (void)ctx;
    if (!strcmp(name, "a")) *v = (mb_value){MB_VALUE_NUMBER, 2, NULL};
    else if (!strcmp(name, "map.adc_bits")) *v = (mb_value){MB_VALUE_NUMBER, 6, NULL};
    else if (!strcmp(name, "x[3].y")) *v = (mb_value){MB_VALUE_NUMBER, 7, NULL};
    else if (!strcmp(name, "device")) *v = (mb_value){MB_VALUE_TEXT, 0, "rram"};
    else if (!strcmp(name, "flag")) *v = (mb_value){MB_VALUE_BOOL, 1, NULL};
    else if (!strcmp(name, "nan")) *v = (mb_value){MB_VALUE_NUMBER, (double)NAN, NULL};
    else if (!strcmp(name, "bad")) return mb_fail(MB_BADINPUT, "bad is unknown");
    return MB_OK;
}

static void is(const char *text, bool want) {
    mb_expr *e = NULL;
    bool yes = !want;
    assert_ok(mb_expr_parse(text, &e));
    assert_ok(mb_expr_test(e, lookup, NULL, &yes));
    if (yes != want) fail_msg("%s is %d", text, yes);
    mb_expr_free(e);
}

static void gives(const char *text, double want) {
    mb_expr *e = NULL;
    mb_value v;
    assert_ok(mb_expr_parse(text, &e));
    assert_ok(mb_expr_eval(e, lookup, NULL, &v));
    assert_int_equal(v.kind, MB_VALUE_NUMBER);
    if (v.r != want) fail_msg("%s is %g, not %g", text, v.r, want);
    mb_expr_free(e);
}

static void arithmetic_as_on_paper(void **state) {
    (void)state;
    gives("1 + 2 * 3", 7);
    gives("(1 + 2) * 3", 9);
    gives("8 - 3 - 2", 3);
    gives("16 / 4 / 2", 2);
    gives("-2 ^ 2", -4);
    gives("2 ^ 3 ^ 2", 512);
    gives("2 ^ -1", 0.5);
    gives("7 % 4", 3);
    gives("1e-3 * 1000", 1);
    gives("max(1, a, 5) + min(4, 3) - abs(-2)", 6);
    gives("log2(8) + sqrt(9) + ceil(1.2) + floor(1.8) + round(2.5)", 12);
    gives("map.adc_bits + x[3].y", 13);
}

static void conditions(void **state) {
    (void)state;
    is("a == 2", true);
    is("a != 2", false);
    is("a < 3 && map.adc_bits >= 6", true);
    is("a > 3 || a <= 2", true);
    is("a > 3 or a <= 2 and false", false);
    is("not a > 3", true);
    is("!(a == 2)", false);
    is("device == \"rram\"", true);
    is("device == 'pcm'", false);
    is("device in ('pcm', 'rram')", true);
    is("a in (1, 3)", false);
    is("flag", true);
    is("flag == false", false);
    is("inside == 3 || order == 1", false); /* names that begin with in and or */
}

static void what_is_absent_compares_to_nothing(void **state) {
    (void)state;
    is("none == 1", false);
    is("none != 1", false);
    is("none + 1 < 5", false);
    is("nan != 1", false);
    is("has(none)", false);
    is("has(nan)", false);
    is("has(device) && !has(none)", true);
    is("max(none, 3) > 1", false);
    is("none", false);
}

static void refused(const char *text, const char *message) {
    mb_expr *e = NULL;
    assert_fails(mb_expr_parse(text, &e), MB_BADINPUT, message);
    assert_null(e);
}

static void fails(const char *text, const char *message) {
    mb_expr *e = NULL;
    bool yes;
    assert_ok(mb_expr_parse(text, &e));
    assert_fails(mb_expr_test(e, lookup, NULL, &yes), MB_BADINPUT, message);
    mb_expr_free(e);
}

static void mistakes_are_told(void **state) {
    (void)state;
    refused("", "ends too early");
    refused("a <", "ends too early");
    refused("a = 2", "equality is ==");
    refused("1 < a < 3", "do not chain");
    refused("a == 2)", "character 7: it should end here");
    refused("(a == 2", "a ) is missing");
    refused("device == \"rram", "no end");
    refused("sin(a) > 1", "no such function");
    refused("sqrt(a, 2) > 1", "takes one number");
    refused("max(a) > 1", "two numbers or more");
    refused("has(3)", "asks for a name");
    refused("a in 3", "a list should follow");
    refused("12abc > 1", "not a number");
    refused("a. > 1", "follow the dot");
    refused("x[y] > 1", "[NUMBER]");
    refused("system('ls')", "no such function");
    char deep[1000];
    memset(deep, '(', 999);
    deep[999] = '\0';
    refused(deep, "nested too deeply");
    memset(deep, '-', 999);
    refused(deep, "nested too deeply");
    memset(deep, '!', 999);
    refused(deep, "nested too deeply");
    fails("device == 3", "cannot be compared");
    fails("device > \"a\"", "a number is wanted");
    fails("device + 1 > 3", "a number is wanted");
    fails("a", "true or false is wanted");
    fails("bad == 1", "bad is unknown");
}

static void names_are_listed(void **state) {
    (void)state;
    mb_expr *e = NULL;
    assert_ok(mb_expr_parse("a == 1 && has(b.c) || a > 2", &e));
    assert_string_equal(mb_expr_name(e, 0), "a");
    assert_string_equal(mb_expr_name(e, 1), "b.c");
    assert_string_equal(mb_expr_name(e, 2), "a");
    assert_null(mb_expr_name(e, 3));
    mb_expr_free(e);
}

static void no_memory_is_told(void **state) {
    (void)state;
    const long live = mb_mem_live();
    for (long n = 1;; n++) {
        mb_expr *e = NULL;
        mb_mem_fail_after(n);
        int rc = mb_expr_parse("max(a, b) > 3 && device in ('x', \"y\") || has(c) or not d == 1 + 2 + 3 + 4 + 5 + 6 + 7 + 8 + 9 + 10", &e);
        mb_mem_fail_after(-1);
        mb_expr_free(e);
        mb_error_clear();
        assert_int_equal(mb_mem_live(), live);
        if (!rc) break;
        assert_int_equal(rc, MB_SYSTEM);
        assert_true(n < 100);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(arithmetic_as_on_paper), cmocka_unit_test(conditions),
                                       cmocka_unit_test(what_is_absent_compares_to_nothing), cmocka_unit_test(mistakes_are_told),
                                       cmocka_unit_test(names_are_listed), cmocka_unit_test(no_memory_is_told)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
