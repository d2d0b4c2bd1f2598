/* test_across.c - results over one swept key: rows, values in order, gaps; the table in each form; the plot over time */
#include <stdint.h>
#include <unistd.h>

#include "base/file.h"
#include "made_results.h"
#include "run/across.h"
#include "run/plot_internal.h"

extern const mb_plot_family mb_plot_time;

/* DEVICES x TIMES points, the first time last; accuracy 0.9 - 0.1 device - 0.02 k, k-th time. */
static void made(mb_results *r, int devices, int times) {
    made_results(r, "nowhere", devices * times, 1, 0);
    for (int i = 0; i < devices * times; i++) {
        mb_point_result *p = &r->point[i];
        int d = i / times, k = (i + 1) % times; /* 2nd, 3rd, ..., 1st */
        made_replace(&p->set[0].key, "device");
        mb_free(p->set[0].value);
        p->set[0].value = mb_asprintf("kind%d-cell", d);
        made_replace(&p->set[1].key, "read.time_s");
        mb_free(p->set[1].value);
        p->set[1].value = mb_asprintf("%d", k == 0 ? 1 : k * 3600);
        mb_free(p->set[2].key);
        mb_free(p->set[2].value);
        p->n_set = 2;
        p->accuracy = 0.9 - 0.1 * d - 0.02 * k;
        p->accuracy_low = p->accuracy - 0.03;
        p->accuracy_high = p->accuracy + 0.02;
        p->energy_J = 1e-6 * (1 + d);
        p->program_J = 2e-9, p->program_s = 3e-3, p->wear = d ? 8.5e-6 : 0;
    }
}

static void rows_and_values(void **state) {
    (void)state;
    mb_results r;
    mb_across a;
    made(&r, 3, 4);
    assert_ok(mb_across_new(&r, "read.time_s", &a));
    assert_int_equal(a.n_row, 3);
    assert_int_equal(a.n_value, 4);
    assert_string_equal(a.value[0], "1"); /* ascending, although it came last */
    assert_true(a.number[3] == 10800);
    for (size_t row = 0; row < 3; row++)
        for (size_t k = 0; k < 4; k++) {
            const mb_point_result *p = &r.point[a.at[row * 4 + k]];
            assert_true(fabs(p->accuracy - (0.9 - 0.1 * (double)row - 0.02 * (double)k)) < 1e-12);
        }
    char *name = mb_across_row_name(&r, &a, "read.time_s", 2);
    assert_string_equal(name, "kind2-cell");
    mb_free(name);
    for (size_t i = 0; i < r.n;
         i++) { /* a third key that changes with the first one is not needed to tell rows apart; alone it is */
        mb_point_result *p = &r.point[i];
        p->set[p->n_set++] = (mb_setting){mb_strdup("map.cell_bits"), mb_asprintf("%d", (int)(i / 4) % 2 + 1)};
    }
    mb_across_free(&a);
    assert_ok(mb_across_new(&r, "read.time_s", &a));
    name = mb_across_row_name(&r, &a, "read.time_s", 1);
    assert_string_equal(name, "kind1-cell");
    mb_free(name);
    for (size_t i = 0; i < r.n; i++) made_replace(&r.point[i].set[0].value, i / 4 == 2 ? "other" : "same");
    mb_across_free(&a);
    assert_ok(mb_across_new(&r, "read.time_s", &a));
    name = mb_across_row_name(&r, &a, "read.time_s", 1);
    assert_string_equal(name, "same/2");
    mb_free(name);
    for (size_t i = 0; i < r.n; i++) {
        mb_point_result *p = &r.point[i];
        mb_free(p->set[2].key);
        mb_free(p->set[2].value);
        p->n_set = 2;
        mb_free(p->set[0].value);
        p->set[0].value = mb_asprintf("kind%d-cell", (int)i / 4);
    }
    mb_across_free(&a);
    assert_ok(mb_across_new(&r, "time_s", &a)); /* the end of the key will do */
    assert_int_equal(a.n_row, 3);
    mb_across_free(&a);
    assert_ok(mb_across_new(&r, "device", &a)); /* words stay in the order of the sweep */
    assert_int_equal(a.n_row, 4);
    assert_string_equal(a.value[1], "kind1-cell");
    mb_across_free(&a);
    assert_fails(mb_across_new(&r, "me_s", &a), MB_BADINPUT, "swept are: device, read.time_s");
    /* a point is missing: a gap */
    made_replace(&r.point[0].set[1].value, "99999");
    assert_ok(mb_across_new(&r, "time_s", &a));
    assert_int_equal(a.n_value, 5);
    assert_true(a.at[1] == MB_ACROSS_NONE && a.at[4] == 0);
    mb_across_free(&a);
    mb_results_free(&r);
}

static void tables(void **state) {
    (void)state;
    mb_results r;
    mb_str s = {0};
    made(&r, 2, 3);
    assert_ok(mb_results_across(&r, "read.time_s", MB_FORMAT_TEXT, &s));
    assert_non_null(strstr(s.s, "at 1 s"));
    assert_non_null(strstr(s.s, "at 2 h"));
    assert_non_null(strstr(s.s, "86.0 (83.0..88.0)")); /* 0.9 - 0.04 */
    assert_non_null(strstr(s.s, "8.5e-06"));
    assert_null(strstr(s.s, "nan"));
    mb_str_clear(&s);
    assert_ok(mb_results_across(&r, "read.time_s", MB_FORMAT_CSV, &s));
    size_t lines = 0, fields = 1;
    for (const char *c = s.s; *c; c++) {
        lines += *c == '\n';
        fields += !lines && *c == ',';
    }
    assert_int_equal(lines, 3);
    assert_int_equal(fields, 1 + 6 + 3 * 3);
    assert_non_null(strstr(s.s, "read.time_s=3600 low"));
    mb_str_clear(&s);
    r.point[4].accuracy = r.point[4].accuracy_low = r.point[4].accuracy_high = (double)NAN;
    assert_ok(mb_results_across(&r, "read.time_s", MB_FORMAT_JSON, &s));
    assert_null(strstr(s.s, "nan"));
    mb_str_clear(&s);
    made_replace(&r.point[4].set[0].key, "other"); /* list sweeps set what they like */
    assert_fails(mb_results_across(&r, "read.time_s", MB_FORMAT_TEXT, &s), MB_BADINPUT, "same keys");
    mb_str_free(&s);
    mb_results_free(&r);
}

static void times(void **state) {
    (void)state;
    char t[32];
    assert_string_equal(mb_age_text(t, sizeof t, 1), "1 s");
    assert_string_equal(mb_age_text(t, sizeof t, 2.5e-6), "2.5 us");
    assert_string_equal(mb_age_text(t, sizeof t, 60), "1 min");
    assert_string_equal(mb_age_text(t, sizeof t, 3600), "1 h");
    assert_string_equal(mb_age_text(t, sizeof t, 86400), "1 d");
    assert_string_equal(mb_age_text(t, sizeof t, 30 * 86400), "30 d");
    assert_string_equal(mb_age_text(t, sizeof t, 31557600), "1 y");
    assert_string_equal(mb_age_text(t, sizeof t, 31536000), "1 y"); /* of 365 days, as people write it */
    assert_string_equal(mb_age_text(t, sizeof t, 315360000), "10 y");
    assert_string_equal(mb_age_text(t, sizeof t, 47304000), "1.5 y");
    assert_string_equal(mb_age_text(t, sizeof t, 3.15576e8), "10 y");
}

/* Labels of many lines, most of which end at the same accuracy, stand apart and inside the picture. */
static void plot(void **state) {
    (void)state;
    mb_results r;
    mb_str s = {0};
    made(&r, 30, 3);
    for (size_t i = 0; i < r.n; i++) r.point[i].accuracy = i < 60 ? 0.94 : 0.1;
    assert_null(mb_plot_time.kind->useless(&r));
    const mb_plot_kind *kind = mb_plot_time.kind;
    assert_ok(kind->write(&(mb_plot_request){kind->name, &r, kind, {NULL, NULL, NULL}}, &s));
    double y[64];
    int n = 0;
    for (const char *c = s.s; (c = strstr(c, "set label ")); c++) {
        const char *at = strstr(c, "screen ");
        if (!strstr(c, "kind") || strstr(c, "kind") > strchr(c, '\n')) continue;
        assert_non_null(at);
        y[n++] = strtod(strchr(at, ',') + 1, NULL);
    }
    assert_int_equal(n, 30);
    for (int i = 0; i < n; i++) {
        assert_true(y[i] > 0.05 && y[i] < 0.97);
        for (int k = 0; k < i; k++) assert_true(fabs(y[i] - y[k]) > 0.02);
    }
    assert_non_null(strstr(s.s, "'1 h' 3600"));
    assert_non_null(strstr(s.s, "$line29 << EOD"));
    mb_str_free(&s);
    for (size_t i = 0; i < r.n; i++) made_replace(&r.point[i].set[1].value, "0"); /* no place on a logarithmic axis */
    assert_non_null(mb_plot_time.kind->useless(&r));
    mb_results_free(&r);
    made_results(&r, "nowhere", 4, 1, 0);
    assert_string_equal(mb_plot_time.kind->useless(&r), "read.time_s is not swept");
    mb_results_free(&r);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(rows_and_values), cmocka_unit_test(tables), cmocka_unit_test(times),
                                       cmocka_unit_test(plot)};
    return cmocka_run_group_tests_name("across", tests, NULL, NULL);
}
