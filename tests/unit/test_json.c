/* the JSON writer, read back by libjansson */
#include "mbtest.h"

#include <jansson.h>
#include <math.h>

#include "base/json.h"
#include "base/mem.h"

static void values_read_back(void **state) {
    (void)state;
    static const char odd[] = "quote \" back \\ slash / line \n tab \t bell \a del \x7f \xC3\xA9";
    for (int indent = 0; indent < 4; indent += 2) {
        mb_str s = {0};
        mb_json j;
        mb_json_init(&j, &s, indent);
        mb_json_open(&j, NULL, '{');
        mb_json_str(&j, "text", odd);
        mb_json_str(&j, "none", NULL);
        mb_json_int(&j, "big", INT64_MAX);
        mb_json_int(&j, "small", INT64_MIN);
        mb_json_real(&j, "third", 1.0 / 3);
        mb_json_real(&j, "tiny", 5e-324);
        mb_json_real(&j, "nan", (double)NAN);
        mb_json_real(&j, "inf", HUGE_VAL);
        mb_json_bool(&j, "yes", true);
        mb_json_null(&j, "null");
        mb_json_open(&j, "list", '[');
        for (int i = 0; i < 3; i++) mb_json_int(&j, NULL, i);
        mb_json_open(&j, NULL, '[');
        mb_json_close(&j, ']');
        mb_json_open(&j, NULL, '{');
        mb_json_close(&j, '}');
        mb_json_close(&j, ']');
        mb_json_bool(&j, "a \"key\"", false);
        mb_json_close(&j, '}');
        assert_int_equal(s.failed, 0);
        assert_int_equal(strchr(mb_cstr(&s), '\n') != NULL, indent > 0);
        json_error_t e;
        json_t *r = json_loads(mb_cstr(&s), JSON_REJECT_DUPLICATES, &e);
        if (!r) fail_msg("%s in %s", e.text, mb_cstr(&s));
        assert_string_equal(json_string_value(json_object_get(r, "text")), odd);
        assert_true(json_is_null(json_object_get(r, "none")));
        assert_true(json_integer_value(json_object_get(r, "big")) == INT64_MAX);
        assert_true(json_integer_value(json_object_get(r, "small")) == INT64_MIN);
        assert_true(json_real_value(json_object_get(r, "third")) == 1.0 / 3);
        assert_true(json_real_value(json_object_get(r, "tiny")) == 5e-324);
        assert_true(json_is_null(json_object_get(r, "nan")) && json_is_null(json_object_get(r, "inf")) &&
                    json_is_null(json_object_get(r, "null")));
        assert_true(json_is_true(json_object_get(r, "yes")) && json_is_false(json_object_get(r, "a \"key\"")));
        json_t *l = json_object_get(r, "list");
        assert_int_equal(json_array_size(l), 5);
        assert_int_equal(json_integer_value(json_array_get(l, 2)), 2);
        assert_true(json_is_array(json_array_get(l, 3)) && json_is_object(json_array_get(l, 4)));
        json_decref(r);
        mb_str_free(&s);
    }
}

static void the_text_itself(void **state) {
    (void)state;
    mb_str s = {0};
    mb_json j;
    mb_json_init(&j, &s, 0);
    mb_json_open(&j, NULL, '{');
    mb_json_int(&j, "b", 1);
    mb_json_real(&j, "a", 0.1);
    mb_json_open(&j, "c", '[');
    mb_json_str(&j, NULL, "x");
    mb_json_null(&j, NULL);
    mb_json_close(&j, ']');
    mb_json_close(&j, '}');
    assert_string_equal(mb_cstr(&s), "{\"b\":1,\"a\":0.1,\"c\":[\"x\",null]}"); /* the order of calls */
    mb_str_clear(&s);
    mb_json_init(&j, &s, 2);
    mb_json_open(&j, NULL, '{');
    mb_json_open(&j, "e", '{');
    mb_json_close(&j, '}');
    mb_json_int(&j, "n", 2);
    mb_json_close(&j, '}');
    assert_string_equal(mb_cstr(&s), "{\n  \"e\": {},\n  \"n\": 2\n}");
    mb_str_free(&s);
}

/* Each of these is no UTF-8; what is written must be JSON all the same. */
static void bytes_that_are_no_text(void **state) {
    (void)state;
    static const char *const bad[] = {"\xFF",     "\xC3", "a\xC3(",           "\xC0\xAF", "\xED\xA0\x80", "\xF4\x90\x80\x80",
                                      "\xE2\x82", "\x80", "\xF0\x80\x80\x80", "\x01\x1f"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        mb_str s = {0};
        mb_json j;
        mb_json_init(&j, &s, 0);
        mb_json_open(&j, NULL, '[');
        mb_json_str(&j, NULL, bad[i]);
        mb_json_close(&j, ']');
        json_t *r = json_loads(mb_cstr(&s), 0, NULL);
        assert_non_null(r);
        json_decref(r);
        mb_str_free(&s);
    }
}

static void misuse_is_noticed(void **state) {
    (void)state;
    mb_str s = {0};
    mb_json j;
    mb_json_init(&j, &s, 0);
    for (int i = 0; i < 31; i++) mb_json_open(&j, NULL, '[');
    assert_int_equal(s.failed, 0);
    mb_json_open(&j, NULL, '[');
    assert_int_equal(s.failed, 1);
    mb_str_clear(&s);
    mb_json_init(&j, &s, 0);
    mb_json_close(&j, ']');
    assert_int_equal(s.failed, 1);
    mb_str_free(&s);
    mb_json_init(&j, &s, 0);
    mb_mem_fail_after(1);
    mb_json_open(&j, NULL, '{');
    mb_json_int(&j, "a", 1);
    mb_json_close(&j, '}');
    assert_int_equal(s.failed, 1);
    mb_str_free(&s);
    assert_int_equal(mb_mem_live(), 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(values_read_back),
        cmocka_unit_test(the_text_itself),
        cmocka_unit_test(bytes_that_are_no_text),
        cmocka_unit_test(misuse_is_noticed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
