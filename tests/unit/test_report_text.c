/* test_report_text.c - tables for people and for programs say what the points say */
#include "made_results.h"

#include <jansson.h>

#include "run/results_internal.h"

static mb_str report(const mb_results *r, mb_format f, int detail) {
    mb_str s = {0};
    assert_ok(mb_results_report(r, f, detail, &s));
    return s;
}

/* The line of TEXT that holds WHAT, in BUF. */
static const char *line_with(const mb_str *text, const char *what, char *buf, size_t cap) {
    const char *at = strstr(mb_cstr(text), what), *from = at;
    if (!at) fail_msg("no '%s' in\n%s", what, mb_cstr(text));
    while (from > text->s && from[-1] != '\n') from--;
    size_t n = strcspn(from, "\n");
    assert_true(n < cap);
    memcpy(buf, from, n);
    buf[n] = '\0';
    return buf;
}

static size_t widest(const mb_str *text) {
    size_t w = 0;
    for (const char *s = mb_cstr(text); *s;) {
        char line[1024];
        size_t n = strcspn(s, "\n");
        assert_true(n < sizeof line);
        memcpy(line, s, n);
        line[n] = '\0';
        if (mb_text_width(line) > w) w = mb_text_width(line);
        s += n + (s[n] == '\n');
    }
    return w;
}

static void main_table(void **state) {
    (void)state;
    char line[256];
    mb_results r;
    made_results(&r, "x", 2, 3, 1);
    mb_str s = report(&r, MB_FORMAT_TEXT, 0);
    /* numbers by hand: 0.9057 -> 90.57 %, 11.7e-6 J -> 11.70 uJ, 84e-6 s -> 84.0 us, 7.9e-6 m2 -> 7.90 mm2, 31 / 11.7 = 2.65,
     * EDAP 13454 / 7764 = 1.73 */
    line_with(&s, "8/8 bit", line, sizeof line);
    static const char *const want[] = {" 7.764 ", " 91.50 ", " 91.36 ", " 90.57 ", " 88.82..92.22 ",
                                       " 11.70 ", " 84.0 ",  " 7.90 ",  " 2.65x ", " 1.73x"};
    for (size_t i = 0; i < sizeof want / sizeof *want; i++) {
        if (!strstr(line, want[i])) fail_msg("'%s' lacks '%s'", line, want[i]);
    }
    line_with(&s, "systolic-32x32, as 1", line, sizeof line); /* at the precision of point 1 */
    assert_non_null(strstr(line, " 90.76 "));
    assert_non_null(strstr(line, " 13.56 "));
    line_with(&s, "uJ", line, sizeof line);
    assert_non_null(strstr(line, " us   mm2  mJ us mm2"));
    assert_non_null(strstr(mb_cstr(&s), "1000 samples"));
    assert_non_null(strstr(mb_cstr(&s), "3 draws"));
    assert_true(widest(&s) <= 130);
    mb_str_free(&s);
    r.complete = false;
    s = report(&r, MB_FORMAT_TEXT, 0);
    assert_non_null(strstr(mb_cstr(&s), "not finished"));
    mb_str_free(&s);
    mb_results_free(&r);
}

/* Swept values stand in line below their keys; equal baselines are one row; several baselines have a table of ratios. */
static void sweeps(void **state) {
    (void)state;
    char line[256];
    mb_results r;
    made_results(&r, "x", 12, 2, 1);
    mb_str s = report(&r, MB_FORMAT_TEXT, 0);
    assert_non_null(strstr(line_with(&s, "weight  input   adc", line, sizeof line), "float"));
    line_with(&s, "11       3      4     8  ", line, sizeof line);
    assert_non_null(
        strstr(mb_cstr(&s), "systolic-32x32, as 1..")); /* shared by points 1 and 6, whose quantised accuracies differ */
    assert_null(strstr(line_with(&s, "systolic-32x32, as 1..", line, sizeof line), "91.36"));
    assert_true(widest(&s) <= 130);
    mb_str_free(&s);
    mb_results_free(&r);
    made_results(&r, "x", 5, 2, 3);
    s = report(&r, MB_FORMAT_TEXT, 0);
    assert_non_null(strstr(mb_cstr(&s), "and 3 more rows of baselines"));
    const char *ratios = strstr(mb_cstr(&s), "Times less than the baselines");
    assert_non_null(ratios);
    assert_non_null(strstr(ratios, "roofline-gpu"));
    assert_non_null(strstr(ratios, " 7.42x ")); /* 86.8 uJ / 11.7 uJ */
    assert_true(widest(&s) <= 130);
    mb_str_free(&s);
    for (size_t i = 0; i < r.n; i++) { /* now all points cost their baselines the same */
        for (size_t k = 0; k < 3; k++) r.point[i].baseline[k].cost = r.point[0].baseline[k].cost;
    }
    s = report(&r, MB_FORMAT_TEXT, 0);
    const char *first = strstr(mb_cstr(&s), "near-memory");
    assert_non_null(first);
    assert_ptr_equal(strstr(mb_cstr(&s), "near-memory "), first); /* without ", as 0" */
    assert_null(strstr(mb_cstr(&s), ", as "));
    mb_str_free(&s);
    mb_results_free(&r);
}

static void details(void **state) {
    (void)state;
    char line[256];
    mb_results r;
    made_results(&r, "x", 1, 3, 1);
    r.point[0].layer[1].snr_dB = MB_INF;
    made_replace(&r.point[0].layer[2].engine, "digital");
    mb_str s = report(&r, MB_FORMAT_TEXT, 1);
    line_with(&s, "adc ", line, sizeof line); /* 42 % of 11.7 uJ, 55 % of 84 us, 38 % of 7.9 mm2 */
    assert_non_null(strstr(line, " 4.91   42.0 "));
    assert_non_null(strstr(line, " 46.20   55.0 "));
    assert_non_null(strstr(line, " 3.002   38.0"));
    line_with(&s, "/conv1/Conv", line, sizeof line);
    assert_non_null(strstr(line, "27x16"));
    assert_non_null(strstr(line, " 8/9 "));
    assert_non_null(strstr(line, " 30.1 "));
    assert_non_null(strstr(line_with(&s, "/layer1/layer1.1", line, sizeof line), " exact "));
    line_with(&s, "/fc/Gemm", line, sizeof line);
    assert_null(strstr(line, " 8/9 ")); /* a digital layer has no converter */
    assert_non_null(strstr(mb_cstr(&s), "global buffer"));
    assert_true(widest(&s) <= 130);
    mb_str_free(&s);
    mb_results_free(&r);
}

/* Fields of one line of CSV without quotes. */
static size_t split(const char *line, const char **field, size_t *len, size_t cap) {
    size_t n = 0;
    for (;;) {
        assert_true(n < cap);
        field[n] = line;
        len[n] = strcspn(line, ",\n");
        line += len[n++];
        if (*line != ',') return n;
        line++;
    }
}

static void csv(void **state) {
    (void)state;
    mb_results r;
    const char *head[96], *cell[96];
    size_t nh[96], nc[96];
    made_results(&r, "x", 4, 2, 2);
    r.point[2].accuracy = MB_NAN;
    made_replace(&r.point[0].set[1].key, "samples"); /* a swept key with the name of a column */
    mb_str s = report(&r, MB_FORMAT_CSV, 0);
    size_t n = split(mb_cstr(&s), head, nh, 96), seen = 0;
    const char *line = mb_cstr(&s);
    for (size_t i = 0; i < r.n; i++) {
        line = strchr(line, '\n') + 1;
        assert_int_equal(split(line, cell, nc, 96), n);
        seen = 0;
        for (size_t k = 0; k < n; k++) {
            char name[64], text[64];
            snprintf(name, sizeof name, "%.*s", (int)nh[k], head[k]);
            snprintf(text, sizeof text, "%.*s", (int)nc[k], cell[k]);
            const mb_column *c = mb_column_find(name);
            if (c) {
                double v = *(const double *)(const void *)((const char *)&r.point[i] + c->offset);
                seen++;
                if (isnan(v)) {
                    assert_string_equal(text, "");
                } else {
                    assert_true(strtod(text, NULL) == v); /* to the last bit */
                }
            } else if (strcmp(name, "map.weight_bits") == 0) {
                assert_string_equal(text, r.point[i].set[0].value);
            } else if (strcmp(name, "set.samples") == 0) {
                assert_string_equal(text, i == 0 ? r.point[0].set[1].value : "");
            } else if (strcmp(name, "near-memory.edap_Jsm2") == 0) {
                assert_true(strtod(text, NULL) == r.point[i].baseline[1].edap);
                seen++;
            }
        }
        size_t columns = 0;
        while (mb_point_columns[columns].name) columns++;
        assert_int_equal(seen, columns + 1);
    }
    assert_string_equal(strchr(line, '\n'), "\n");
    mb_str_free(&s);
    mb_results_free(&r);
}

static void json(void **state) {
    (void)state;
    mb_results r;
    made_results(&r, "x", 3, 2, 1);
    made_labels(&r); /* any text is valid JSON */
    mb_str s = report(&r, MB_FORMAT_JSON, 0);
    json_t *j = json_loadb(s.s, s.n, JSON_REJECT_DUPLICATES, NULL), *p = json_object_get(j, "points");
    assert_int_equal(json_array_size(p), 3);
    assert_true(json_real_value(json_object_get(json_array_get(p, 2), "energy_J")) == r.point[2].energy_J);
    assert_int_equal(json_array_size(json_object_get(json_array_get(p, 1), "draws")), 3);
    assert_string_equal(json_string_value(json_object_get(json_array_get(p, 1), "label")), "`touch pwned`");
    json_decref(j);
    mb_str_free(&s);
    s = report(&r, MB_FORMAT_JSONL, 0);
    size_t lines = 0;
    for (const char *line = s.s; *line; lines++) {
        const char *nl = strchr(line, '\n');
        j = json_loadb(line, (size_t)(nl - line), JSON_REJECT_DUPLICATES, NULL);
        assert_int_equal(json_integer_value(json_object_get(j, "index")), lines);
        json_decref(j);
        line = nl + 1;
    }
    assert_int_equal(lines, 3);
    mb_str_free(&s);
    mb_results_free(&r);
}

static void odd_results(void **state) {
    (void)state;
    mb_results r, none = {0};
    mb_str s = report(&none, MB_FORMAT_TEXT, 1);
    assert_non_null(strstr(mb_cstr(&s), "0 points"));
    mb_str_free(&s);
    made_results(&r, "x", 3, 2, 1);
    for (size_t i = 0; i < r.n; i++) { /* costs only */
        mb_point_result *p = &r.point[i];
        p->float_accuracy = p->quantised_accuracy = p->accuracy = p->accuracy_low = p->accuracy_high = MB_NAN;
    }
    s = report(&r, MB_FORMAT_TEXT, 1);
    assert_null(strstr(mb_cstr(&s), "quantised  "));
    assert_non_null(strstr(mb_cstr(&s), "Costs only"));
    mb_str_free(&s);
    r.point[0].energy_J = 0;
    r.point[1].energy_J = MB_INF;
    r.point[2].energy_J = 1e300;
    r.point[2].area_m2 = -1;
    s = report(&r, MB_FORMAT_TEXT, 1); /* nothing to say but no crash */
    assert_non_null(strstr(mb_cstr(&s), "3 points"));
    mb_str_free(&s);
    made_labels(&r);
    s = report(&r, MB_FORMAT_TEXT, 1);
    for (const char *c = s.s; *c; c++) assert_true((unsigned char)*c >= 0x20 || *c == '\n');
    mb_str_free(&s);
    mb_results_free(&r);
}

/* Depends on the points alone. */
static void deterministic(void **state) {
    (void)state;
    mb_results a, b;
    made_results(&a, "here", 7, 3, 2);
    made_results(&b, "somewhere/else", 7, 3, 2);
    for (int f = MB_FORMAT_TEXT; f <= MB_FORMAT_JSON; f++) {
        mb_str x = report(&a, (mb_format)f, 1), y = report(&b, (mb_format)f, 1);
        assert_string_equal(mb_cstr(&x), mb_cstr(&y));
        mb_str_free(&x);
        mb_str_free(&y);
    }
    mb_results_free(&a);
    mb_results_free(&b);
}

static void units(void **state) {
    (void)state;
    static const struct {
        double v[3];
        const char *unit, *name;
        double scale;
    } c[] = {
        {{1.2e-5, 3e-6, 8e-6}, "J", "uJ", 1e-6},
        {{9.9996e-7, 9.9996e-7, 9.9996e-7}, "J", "uJ", 1e-6},
        {{5, 20, 300}, "s", "s", 1},
        {{2e-6, 5e-6, 1e-7}, "m2", "mm2", 1e-6},
        {{4e-8, 4e-8, 4e-8}, "m2", "mm2", 1e-6},
        {{3e-10, 3e-10, 3e-10}, "m2", "um2", 1e-12},
        {{0.02, 0.02, 0.02}, "m2", "mm2", 1e-6},
        {{0, MB_NAN, -1}, "m2", "mm2", 1e-6},
        {{0, 0, 0}, "J", "J", 1},
    };
    for (size_t i = 0; i < sizeof c / sizeof *c; i++) {
        mb_unit_choice u = mb_choose_unit(c[i].v, 3, c[i].unit);
        assert_string_equal(u.name, c[i].name);
        assert_true(fabs(u.scale / c[i].scale - 1) < 1e-12);
    }
    const double v[] = {0.0123, 4.5, 120};
    assert_int_equal(mb_choose_decimals(v, 3, 1, 3), 4);
    assert_int_equal(mb_choose_decimals(v + 1, 2, 1, 3), 2);
    assert_int_equal(mb_choose_decimals(v + 2, 1, 1, 3), 0);
    const double wide[] = {1e-9, 1e3};
    assert_int_equal(mb_choose_decimals(wide, 2, 1, 3), -1);
}

static void short_text(void **state) {
    (void)state;
    static const struct {
        const char *in;
        size_t n;
        const char *out;
    } c[] = {
        {"short", 10, "short"},
        {"0123456789abcdef", 10, "0123..cdef"},
        {"\xc3\xa4\xc3\xb6\xc3\xbc", 3, "\xc3\xa4\xc3\xb6\xc3\xbc"},
        {"a\nb\tc", 9, "a b c"},
        {"x\xff"
         "y\xc3",
         9, "x?y?"},
        {"abcdef", 3, "abc"},
        {"\xed\xa0\x80", 9, "???"}, /* a surrogate */
    };
    for (size_t i = 0; i < sizeof c / sizeof *c; i++) {
        mb_str s = {0};
        mb_text_short(c[i].in, c[i].n, &s);
        assert_string_equal(mb_cstr(&s), c[i].out);
        mb_str_free(&s);
    }
}

/* Tables of explained points alone, in points and decibels; in JSON a member of the point. */
static void explained(void **state) {
    (void)state;
    mb_results r;
    char buf[400];
    made_results(&r, ".", 4, 5, 1);
    mb_str plain = report(&r, MB_FORMAT_TEXT, 0);
    assert_null(strstr(mb_cstr(&plain), "Where accuracy goes"));
    mb_str_free(&plain);
    made_explained(&r, 2);
    mb_str text = report(&r, MB_FORMAT_TEXT, 0), json = report(&r, MB_FORMAT_JSONL, 0);
    assert_non_null(strstr(mb_cstr(&text), "Where accuracy goes, point 0: "));
    assert_non_null(strstr(mb_cstr(&text), "Where accuracy goes, point 2: "));
    assert_null(strstr(mb_cstr(&text), "Where accuracy goes, point 1: "));
    assert_non_null(strstr(line_with(&text, "programming", buf, sizeof buf), " 0.20    -0.80..1.20 ")); /* 0.001 * 4 - 0.002 */
    assert_non_null(strstr(line_with(&text, "conv1", buf, sizeof buf), "exact"));
    assert_non_null(strstr(line_with(&text, "conv1", buf, sizeof buf), "  39.0 "));
    assert_non_null(strstr(line_with(&text, "conv1", buf, sizeof buf), " 0.40    -0.10..1.00"));
    assert_true(widest(&text) <= 150);
    assert_non_null(strstr(mb_cstr(&json), "\"explain\":{\"kind\":\"explanation\",\"point\":2,"));
    mb_str_free(&text);
    mb_str_free(&json);
    mb_results_free(&r);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(main_table),    cmocka_unit_test(sweeps), cmocka_unit_test(details),
        cmocka_unit_test(csv),           cmocka_unit_test(json),   cmocka_unit_test(odd_results),
        cmocka_unit_test(deterministic), cmocka_unit_test(units),  cmocka_unit_test(short_text), cmocka_unit_test(explained),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
