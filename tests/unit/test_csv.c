/* tables of measured numbers: what is accepted, what is refused and where, units in column names */
#include "mbtest.h"

#include <math.h>

#include "base/csv.h"
#include "base/mem.h"
#include "base/str.h"

static int parse(const char *text, mb_csv *csv) { return mb_csv_parse("x.csv", (const uint8_t *)text, strlen(text), csv); }

static void forms(void **state) {
    (void)state;
    static const char *const same[] = {
        "a_uS,b c\n1,x\n2.5e-3,y z\n",
        "a_uS,b c\r\n1,x\r\n2.5e-3,y z\r\n",
        "a_uS,b c\r1,x\r2.5e-3,y z",
        "\xEF\xBB\xBF# a comment, with commas\n\n a_uS ; b c \n  # another\n1 ;x\n\n 2.5e-3;  y z ",
        "\"a_uS\"\t\"b c\"\n\"1\"\t x\n2.5e-3\t\"y z\"",
        "a_uS;b c\n1;\"x\"  \n+2.5E-03;y z\n#end",
    };
    for (size_t i = 0; i < sizeof same / sizeof *same; i++) {
        mb_csv c;
        double v;
        assert_ok(parse(same[i], &c));
        assert_int_equal(c.cols, 2);
        assert_int_equal(c.rows, 2);
        assert_string_equal(c.header[0], "a_uS");
        assert_string_equal(c.header[1], "b c");
        assert_string_equal(mb_csv_field(&c, 0, 1), "x");
        assert_string_equal(mb_csv_field(&c, 1, 1), "y z");
        assert_ok(mb_csv_number(&c, 0, 0, &v));
        assert_true(v == 1);
        assert_ok(mb_csv_number(&c, 1, 0, &v));
        assert_true(v == 2.5e-3);
        mb_csv_free(&c);
    }
    mb_csv c;
    assert_ok(parse("name,n\n\"say \"\"hi\"\",\nthere\",1\nz,2\n", &c));
    assert_string_equal(mb_csv_field(&c, 0, 0), "say \"hi\",\nthere");
    assert_int_equal(c.line[0], 2);
    assert_int_equal(c.line[1], 4); /* the quoted line end counts */
    mb_csv_free(&c);
}

static void missing_and_bad_numbers(void **state) {
    (void)state;
    mb_csv c;
    double v;
    assert_ok(parse("a,b\n,1\nNA,1\nn/a,1\n-,1\nnull,1\nNone,1\n\"\",1\n", &c));
    for (size_t i = 0; i < c.rows; i++) {
        assert_ok(mb_csv_number(&c, i, 0, &v));
        assert_true(isnan(v));
    }
    mb_csv_free(&c);
    static const struct {
        const char *text, *message;
    } bad[] = {{"nan", "not a finite number"}, {"inf", "not a finite number"}, {"-1e999", "not a finite number"},
               {"1.5x", "is not a number"},    {"0x10", "is not a number"},    {"\"1,5\"", "write a decimal point"},
               {"--1", "is not a number"}};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        char text[100];
        snprintf(text, sizeof text, "k,value\n\n1,2\n1,%s\n", bad[i].text);
        assert_ok(parse(text, &c));
        assert_fails(mb_csv_number(&c, 1, 1, &v), MB_BADINPUT, bad[i].message);
        assert_true(isnan(v));
        mb_csv_number(&c, 1, 1, &v);
        assert_true(strstr(mb_error_message(), "x.csv:4: column value") != NULL);
        mb_error_clear();
        mb_csv_free(&c);
    }
}

static void refused(void **state) {
    (void)state;
    static const struct {
        const char *text, *message;
    } bad[] = {{"", "no header"},
               {"# only\n\n", "no header"},
               {"a,b\n", "no data"},
               {"1,2\n3,4\n", "x.csv:1: the first line holds numbers"},
               {"a,b\n1\n", "x.csv:2: 1 field where the header in line 1 has 2 columns"},
               {"a,b\n1,2\n1,2,3\n", "x.csv:3: 3 fields"},
               {"a,,c\n1,2,3\n", "column 2 of the header has no name"},
               {"a,b,a\n1,2,3\n", "two columns are called \"a\""},
               {"a,b\n1,\"2\n3,4\n", "x.csv:2: a quoted field that begins here has no end"},
               {"a,b\n1,\"2\"3\n", "x.csv:2: something follows a closing quote"},
               {"a,b\n1,\001\n", "x.csv:2: byte 0x01"},
               {"\xFF\xFE" "a,b\n", "UTF-16"}};
    mb_csv c;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        assert_fails(parse(bad[i].text, &c), MB_BADINPUT, bad[i].message);
        assert_null(c.text);
    }
    assert_fails(mb_csv_parse("x.csv", (const uint8_t *)"a,b\n1,\0\n", 8, &c), MB_BADINPUT, "byte 0x00");
    assert_fails(mb_csv_read("no-such-file.csv", &c), MB_BADINPUT, "no-such-file.csv");
    /* a line of a megabyte, and too many columns */
    mb_str s = {0};
    mb_str_add(&s, "a,b\n1,");
    for (int i = 0; i < 1 << 16; i++) mb_str_add(&s, "0123456789abcdef");
    assert_ok(parse(mb_cstr(&s), &c));
    assert_int_equal(strlen(mb_csv_field(&c, 0, 1)), 1 << 20);
    mb_csv_free(&c);
    mb_str_clear(&s);
    for (int i = 0; i < MB_CSV_MAX_COLUMNS + 1; i++) mb_str_addf(&s, "c%d,", i);
    mb_str_add(&s, "z\n");
    assert_fails(parse(mb_cstr(&s), &c), MB_BADINPUT, "more than");
    mb_str_free(&s);
}

static void units(void **state) {
    (void)state;
    static const struct {
        const char *name, *quantity;
        char si;
        double scale;
    } u[] = {{"target_S", "target", 'S', 1},          {"target_uS", "target", 'S', 1e-6},   {"Measured G [nS]", "measured_g", 'S', 1e-9},
             {"time_s", "time", 's', 1},              {"time (min)", "time", 's', 60},      {"t_h", "t", 's', 3600},
             {"time_ms", "time", 's', 1e-3},          {"voltage_mV", "voltage", 'V', 1e-3}, {"current_\xC2\xB5" "A", "current", 'A', 1e-6},
             {"R_kOhm", "r", 'o', 1e3},               {"r [M\xCE\xA9]", "r", 'o', 1e6},     {"target", "target", 0, 1},
             {"target_microsiemens", "target_microsiemens", 0, 1}, {"x [furlong]", "x", '?', 1}, {"time_y", "time", 's', 31557600}};
    for (size_t i = 0; i < sizeof u / sizeof *u; i++) {
        mb_csv_unit r;
        mb_csv_split_name(u[i].name, &r);
        assert_string_equal(r.quantity, u[i].quantity);
        assert_int_equal(r.si, u[i].si);
        assert_true(fabs(r.scale / u[i].scale - 1) < 1e-12);
    }
}

static void memory(void **state) {
    (void)state;
    static const char text[] = "a,b\n1,2\n3,4\n";
    const long live = mb_mem_live();
    for (long n = 0; n < 12; n++) {
        mb_csv c;
        mb_mem_fail_after(n);
        int rc = parse(text, &c);
        mb_mem_fail_after(-1);
        assert_true(rc == MB_OK || rc == MB_SYSTEM);
        if (!rc) mb_csv_free(&c);
        mb_error_clear();
        assert_int_equal(mb_mem_live(), live);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(forms), cmocka_unit_test(missing_and_bad_numbers), cmocka_unit_test(refused),
                                       cmocka_unit_test(units), cmocka_unit_test(memory)};
    return cmocka_run_group_tests_name("csv", tests, NULL, NULL);
}
