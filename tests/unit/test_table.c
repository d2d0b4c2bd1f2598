/* tables as text, CSV and JSON */
#include "mbtest.h"

#include <jansson.h>

#include "base/mem.h"
#include "base/table.h"

static mb_table *sample(void) {
    mb_table *t = mb_table_new();
    assert_non_null(t);
    assert_ok(mb_table_column(t, "layer", "", MB_LEFT));
    assert_ok(mb_table_column(t, "energy", "nJ", MB_RIGHT));
    assert_ok(mb_table_column(t, "note", "", MB_LEFT));
    assert_ok(mb_table_cell(t, "conv1"));
    assert_ok(mb_table_cellf(t, "%.2f", 12.5));
    assert_ok(mb_table_cell(t, ""));
    assert_ok(mb_table_cell(t, "fc, \"big\""));
    assert_ok(mb_table_cellf(t, "%d", 7));
    assert_ok(mb_table_cell(t, "\xC3\xA9tage"));
    assert_ok(mb_table_rule(t));
    assert_ok(mb_table_rule(t));
    assert_ok(mb_table_cell(t, "total"));
    return t;
}

static void text_is_clean(void **state) {
    (void)state;
    mb_table *t = sample();
    mb_str s = {0};
    assert_int_equal(mb_table_rows(t), 3);
    mb_table_write(t, MB_TABLE_TEXT, &s);
    assert_string_equal(mb_cstr(&s), "layer      energy  note\n"
                                     "               nJ\n"
                                     "---------  ------  -----\n"
                                     "conv1       12.50\n"
                                     "fc, \"big\"       7  \xC3\xA9tage\n"
                                     "---------  ------  -----\n"
                                     "total\n");
    mb_str_free(&s);
    mb_table_free(t);
    assert_int_equal(mb_mem_live(), 0);
}

static void csv_is_quoted(void **state) {
    (void)state;
    mb_table *t = sample();
    mb_str s = {0};
    mb_table_write(t, MB_TABLE_CSV, &s);
    assert_string_equal(mb_cstr(&s), "layer,energy [nJ],note\nconv1,12.50,\n\"fc, \"\"big\"\"\",7,\xC3\xA9tage\ntotal,,\n");
    mb_str_free(&s);
    mb_table_free(t);
}

static void json_keeps_numbers(void **state) {
    (void)state;
    static const struct {
        const char *text;
        int number;
    } cells[] = {{"12.50", 1}, {"-3", 1}, {"1e-9", 1}, {"0.5E+3", 1}, {"0", 1}, {"007", 0}, {"1.", 0},
                 {".5", 0},    {"+1", 0}, {"nan", 0},  {"1e", 0},     {"-", 0}, {"8/8", 0}, {"12 nJ", 0}};
    mb_table *t = sample();
    mb_str s = {0};
    mb_table_write(t, MB_TABLE_JSON, &s);
    json_t *r = json_loads(mb_cstr(&s), 0, NULL);
    assert_non_null(r);
    assert_int_equal(json_array_size(r), 3);
    assert_true(json_real_value(json_object_get(json_array_get(r, 0), "energy [nJ]")) == 12.5);
    assert_string_equal(json_string_value(json_object_get(json_array_get(r, 0), "note")), "");
    assert_string_equal(json_string_value(json_object_get(json_array_get(r, 1), "layer")), "fc, \"big\"");
    assert_true(json_is_null(json_object_get(json_array_get(r, 2), "energy [nJ]")));
    assert_non_null(strstr(mb_cstr(&s), "12.50")); /* the digits as they were */
    json_decref(r);
    mb_table_free(t);
    t = mb_table_new();
    assert_ok(mb_table_column(t, "v", "", MB_LEFT));
    for (size_t i = 0; i < sizeof cells / sizeof *cells; i++) assert_ok(mb_table_cell(t, cells[i].text));
    mb_str_clear(&s);
    mb_table_write(t, MB_TABLE_JSON, &s);
    r = json_loads(mb_cstr(&s), 0, NULL);
    assert_non_null(r);
    for (size_t i = 0; i < sizeof cells / sizeof *cells; i++) {
        json_t *v = json_object_get(json_array_get(r, i), "v");
        assert_int_equal(json_is_number(v), cells[i].number);
        if (json_is_number(v)) assert_true(json_number_value(v) == strtod(cells[i].text, NULL));
    }
    json_decref(r);
    mb_str_free(&s);
    mb_table_free(t);
}

static void empty_and_misused(void **state) {
    (void)state;
    mb_table *t = mb_table_new();
    mb_str s = {0};
    assert_fails(mb_table_cell(t, "x"), MB_BUG, "before the columns");
    assert_ok(mb_table_column(t, "a", "", MB_LEFT));
    assert_ok(mb_table_column(t, "b", "", MB_RIGHT));
    mb_table_write(t, MB_TABLE_TEXT, &s);
    assert_string_equal(mb_cstr(&s), "a  b\n-  -\n");
    mb_str_clear(&s);
    mb_table_write(t, MB_TABLE_JSON, &s);
    assert_string_equal(mb_cstr(&s), "[]\n");
    mb_str_clear(&s);
    assert_ok(mb_table_cell(t, "two\nlines"));
    assert_fails(mb_table_column(t, "c", "", MB_LEFT), MB_BUG, "after the first cell");
    mb_table_write(t, MB_TABLE_TEXT, &s);
    assert_string_equal(mb_cstr(&s), "a          b\n---------  -\ntwo lines\n");
    mb_str_free(&s);
    mb_table_free(t);
    mb_table_free(NULL);
}

static void every_allocation_may_fail(void **state) {
    (void)state;
    for (long n = 1; n < 60; n++) {
        mb_mem_fail_after(n);
        mb_table *t = mb_table_new();
        mb_str s = {0};
        int rc = t ? mb_table_column(t, "a", "s", MB_LEFT) : MB_SYSTEM;
        for (int i = 0; rc == MB_OK && i < 20; i++) rc = i == 10 ? mb_table_rule(t) : mb_table_cellf(t, "cell %d", i);
        if (rc == MB_OK) mb_table_write(t, MB_TABLE_TEXT, &s);
        if (rc == MB_OK) mb_table_write(t, MB_TABLE_JSON, &s);
        assert_true(rc == MB_OK || rc == MB_SYSTEM);
        if (n < 20) assert_true(rc != MB_OK || s.failed);
        mb_mem_fail_after(-1);
        mb_str_free(&s);
        mb_table_free(t);
        mb_error_clear();
        assert_int_equal(mb_mem_live(), 0);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(text_is_clean),     cmocka_unit_test(csv_is_quoted),             cmocka_unit_test(json_keeps_numbers),
        cmocka_unit_test(empty_and_misused), cmocka_unit_test(every_allocation_may_fail),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
