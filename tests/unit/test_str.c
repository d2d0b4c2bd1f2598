/* strings, numbers as text, hashes, nearest names */
#include "mbtest.h"

#include <float.h>
#include <locale.h>
#include <math.h>

#include "base/mem.h"
#include "base/rng.h"
#include "base/str.h"

static void strings_grow(void **state) {
    (void)state;
    mb_str b = {0};
    assert_string_equal(mb_cstr(&b), "");
    char want[4000] = "";
    size_t n = 0;
    for (int i = 0; i < 500; i++) {
        mb_str_addf(&b, "%d,", i);
        n += (size_t)snprintf(want + n, sizeof want - n, "%d,", i);
    }
    assert_string_equal(mb_cstr(&b), want);
    assert_int_equal(b.n, n);
    mb_str_clear(&b);
    assert_string_equal(mb_cstr(&b), "");
    mb_str_addn(&b, "a\0b", 3);
    mb_str_add(&b, "c");
    assert_int_equal(b.n, 4);
    assert_memory_equal(b.s, "a\0bc", 5);
    mb_str_free(&b);
    assert_null(b.s);
    mb_mem_fail_after(1);
    mb_str_add(&b, "lost");
    assert_int_equal(b.failed, 1);
    mb_str_add(&b, "and this too");
    assert_string_equal(mb_cstr(&b), "");
    mb_str_free(&b);
    assert_int_equal(mb_mem_live(), 0);
}

static uint64_t bits(double x) {
    uint64_t u;
    memcpy(&u, &x, sizeof u);
    return u;
}

static void doubles_come_back(void **state) {
    (void)state;
    static const double some[] = {0.0,
                                  -0.0,
                                  1.0,
                                  0.1,
                                  0.12,
                                  1.0 / 3,
                                  1e15,
                                  1e16,
                                  1e17,
                                  123456789012345678.0,
                                  1e-5,
                                  5e-324,
                                  2.2250738585072011e-308,
                                  DBL_MAX,
                                  -DBL_MIN,
                                  6.62607015e-34,
                                  9007199254740993.0,
                                  1e22,
                                  1e23,
                                  8.5e-9};
    char buf[32];
    for (size_t i = 0; i < sizeof some / sizeof *some; i++) {
        for (int f = 0; f < 2; f++) {
            assert_int_equal(bits(strtod(mb_fmt_double(buf, some[i], f), NULL)), bits(some[i]));
            if (f) assert_non_null(strpbrk(buf, ".e"));
        }
    }
    mb_stream s;
    mb_stream_init(&s, 1, MB_RNG_TEST, 0, 0, 0);
    for (int i = 0; i < 20000; i++) {
        uint64_t u = (uint64_t)mb_stream_u32(&s) << 32 | mb_stream_u32(&s);
        double x;
        memcpy(&x, &u, sizeof x);
        if (!isfinite(x)) continue;
        assert_int_equal(bits(strtod(mb_fmt_double(buf, x, 1), NULL)), u);
    }
    assert_string_equal(mb_fmt_double(buf, 0.1, 0), "0.1");
    assert_string_equal(mb_fmt_double(buf, 3, 0), "3");
    assert_string_equal(mb_fmt_double(buf, 3, 1), "3.0");
    assert_string_equal(mb_fmt_double(buf, 100e-6, 1), "0.0001");
    assert_string_equal(mb_fmt_double(buf, 5e-324, 1), "5e-324");
    assert_string_equal(mb_fmt_double(buf, HUGE_VAL, 1), "inf");
    assert_string_equal(mb_fmt_double(buf, -HUGE_VAL, 1), "-inf");
    assert_string_equal(mb_fmt_double(buf, (double)NAN, 1), "nan");
}

static void the_locale_does_not_matter(void **state) {
    (void)state;
    static const char *const comma[] = {"de_DE.UTF-8", "fr_FR.UTF-8", "de_DE", "ps_AF.UTF-8"};
    char buf[48];
    for (size_t i = 0; i < sizeof comma / sizeof *comma; i++) {
        if (!setlocale(LC_NUMERIC, comma[i])) continue; /* not installed here */
        mb_fmt_double(buf, 0.125, 1);
        setlocale(LC_NUMERIC, "C");
        assert_string_equal(buf, "0.125");
    }
    assert_string_equal(mb_fmt_double(buf, 0.125, 1), "0.125");
}

static void engineering_notation(void **state) {
    (void)state;
    static const struct { double x; const char *unit; int digits; const char *want;
    } t[] = {{1.23e-9, "J", 3, "1.23 nJ"},   {0, "J", 3, "0 J"},
             {999.96, "W", 3, "1.00 kW"},    {-4.7e3, "V", 2, "-4.7 kV"},
             {1, "s", 3, "1.00 s"},          {12.34, "", 3, "12.3"},
             {1.5e6, "", 2, "1.5 M"},        {123456, "Hz", 3, "123 kHz"},
             {2.5e-6, "m2", 3, "2.50 mm2"},  {1e-12, "m2", 3, "1.00 um2"},
             {4.2e-8, "m2", 3, "42000 um2"}, {(double)NAN, "J", 3, "nan J"},
             {-HUGE_VAL, "J", 3, "-inf J"},  {9.9996e-4, "A", 4, "1.000 mA"},
             {5e-13, "F", 1, "500 fF"}};
    char buf[48];
    for (size_t i = 0; i < sizeof t / sizeof *t; i++) {
        assert_string_equal(mb_fmt_si(buf, t[i].x, t[i].unit, t[i].digits), t[i].want);
    }
    assert_non_null(strstr(mb_fmt_si(buf, 1e-35, "J", 3), "qJ"));
    assert_string_equal(buf, "0.0000100 qJ");
}

static void hash_is_fnv1a(void **state) {
    (void)state;
    /* vectors of the FNV reference code, http://www.isthe.com/chongo/src/fnv/test_fnv.c */
    assert_int_equal(mb_hash64("", 0, MB_HASH_START), 0xcbf29ce484222325ull);
    assert_int_equal(mb_hash64("a", 1, MB_HASH_START), 0xaf63dc4c8601ec8cull);
    assert_int_equal(mb_hash64("foobar", 6, MB_HASH_START), 0x85944171f73967e8ull);
    assert_int_equal(mb_hash64("bar", 3, mb_hash64("foo", 3, MB_HASH_START)), 0x85944171f73967e8ull);
}

static void nearest_names(void **state) {
    (void)state;
    static const char *const keys[] = {"weight_bits", "cell_bits", "adc_bits", "rows_active", "g_max_S", "uniform"};
    size_t n = sizeof keys / sizeof *keys;
    assert_string_equal(mb_nearest("weigth_bits", keys, n), "weight_bits");
    assert_string_equal(mb_nearest("adcbits", keys, n), "adc_bits");
    assert_string_equal(mb_nearest("ADC_BITS", keys, n), "adc_bits");
    assert_string_equal(mb_nearest("rows_actve", keys, n), "rows_active");
    assert_string_equal(mb_nearest("unifrom", keys, n), "uniform");
    assert_null(mb_nearest("temperature", keys, n));
    assert_null(mb_nearest("x", keys, n));
    assert_null(mb_nearest("", keys, n));
    assert_null(mb_nearest("weight_bits", keys, 0));
    static const char *const same[] = {"ab12", "ab13"};
    assert_string_equal(mb_nearest("ab11", same, 2), "ab12"); /* of equals the first */
    char longname[500];
    memset(longname, 'q', sizeof longname - 1);
    longname[sizeof longname - 1] = '\0';
    assert_null(mb_nearest(longname, keys, n));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(strings_grow),         cmocka_unit_test(doubles_come_back), cmocka_unit_test(the_locale_does_not_matter),
        cmocka_unit_test(engineering_notation), cmocka_unit_test(hash_is_fnv1a),     cmocka_unit_test(nearest_names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
