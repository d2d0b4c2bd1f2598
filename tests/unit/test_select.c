/* test_select.c - questions to results: names, conditions, columns, groups, the best point, fronts; expected numbers are counted by hand */
#include "mbtest.h"

#include <jansson.h>
#include <math.h>

#include "base/mem.h"
#include "made_results.h"
#include "run/datum.h"
#include "run/pareto.h"
#include "run/report_select.h"

static const char *text_of(const mb_str *s) {
    return mb_cstr(s);
}
#define assert_has(s, word)                                                                                                                          \
    do {                                                                                                                                             \
        if (!strstr(text_of(s), word)) fail_msg("\"%s\" is missing in:\n%s", word, text_of(s));                                                      \
    } while (0)

static void names_are_found(void **state) {
    (void)state;
    mb_results r;
    mb_datum d;
    mb_value v;
    made_results(&r, "x", 24, 3, 2);
    static const struct {
        const char *ask, *name;
        mb_datum_kind kind;
    } want[] = {{"map.weight_bits", "map.weight_bits", MB_DATUM_KEY},
                {"weight_bits", "map.weight_bits", MB_DATUM_KEY},
                {"adc.bits", "arch.adc.bits", MB_DATUM_KEY},
                {"bits", "arch.adc.bits", MB_DATUM_KEY},
                {"set.input_bits", "map.input_bits", MB_DATUM_KEY},
                {"column.weight_bits", "weight_bits", MB_DATUM_COLUMN},
                {"energy", "energy_J", MB_DATUM_COLUMN},
                {"edap_Jsm2", "edap_Jsm2", MB_DATUM_COLUMN},
                {"index", "index", MB_DATUM_INDEX},
                {"status", "status", MB_DATUM_STATUS},
                {"label", "label", MB_DATUM_MEMBER},
                {"systolic-32x32.energy", "systolic-32x32.energy_J", MB_DATUM_BASELINE},
                {"near-memory.iso_area.scale", "near-memory.iso_area.scale", MB_DATUM_BASELINE}};
    for (size_t i = 0; i < sizeof want / sizeof *want; i++) {
        assert_ok(mb_datum_find(&r, want[i].ask, &d));
        assert_string_equal(d.name, want[i].name);
        assert_int_equal(d.kind, want[i].kind);
        mb_datum_free(&d);
    }
    assert_fails(mb_datum_find(&r, "weight_bit", &d), MB_BADINPUT, "did you mean \"weight_bits\"");
    assert_fails(mb_datum_find(&r, "no such thing at all", &d), MB_BADINPUT, "weight_bits, input_bits, bits");
    assert_fails(mb_datum_find(&r, "systolic-32x32.nonsense", &d), MB_BADINPUT, "is called");
    assert_fails(mb_datum_find(&r, "", &d), MB_BADINPUT, "is called");
    /* two keys that end alike */
    mb_free(r.point[3].set[0].key);
    r.point[3].set[0].key = mb_strdup("other.input_bits");
    assert_fails(mb_datum_find(&r, "input_bits", &d), MB_BADINPUT, "several swept keys");
    /* values */
    assert_ok(mb_datum_find(&r, "map.weight_bits", &d));
    mb_datum_value(&d, &r.point[3], &v);
    assert_int_equal(v.kind, MB_VALUE_ABSENT);
    mb_datum_value(&d, &r.point[1], &v);
    assert_int_equal(v.kind, MB_VALUE_NUMBER);
    assert_true(v.r == 4);
    mb_datum_free(&d);
    made_replace(&r.point[0].set[2].value, "many"); /* not all are numbers: a key of words */
    assert_ok(mb_datum_find(&r, "arch.adc.bits", &d));
    mb_datum_value(&d, &r.point[1], &v);
    assert_int_equal(v.kind, MB_VALUE_TEXT);
    assert_string_equal(v.s, "8");
    mb_datum_free(&d);
    mb_results_free(&r);
}

static void conditions_choose_points(void **state) {
    (void)state;
    mb_results r;
    size_t want = 0;
    made_results(&r, "x", 48, 2, 1);
    r.point[5].accuracy = (double)NAN;
    mb_free(r.point[6].infeasible);
    r.point[6].infeasible = mb_strdup("too much");
    for (size_t i = 0; i < r.n; i++) want += atoi(r.point[i].set[0].value) >= 6 && r.point[i].accuracy > 0.9 && r.point[i].energy_J < 9e-6;
    assert_true(want > 2 && want < 20);
    assert_fails(mb_results_where(&r, "weight_bits >= 6 && accuracy > "), MB_BADINPUT, "ends too early");
    assert_fails(mb_results_where(&r, "wait_bits >= 6"), MB_BADINPUT, "did you mean \"weight_bits\"");
    assert_fails(mb_results_where(&r, "weight_bits == \"6\""), MB_BADINPUT, "cannot be compared");
    assert_fails(mb_results_where(&r, "weight_bits + 1"), MB_BADINPUT, "true or false");
    assert_int_equal(r.n, 48);
    assert_null(r.where);
    assert_ok(mb_results_where(&r, "weight_bits >= 6 && accuracy > 0.9"));
    for (size_t i = 0; i < r.n; i++) assert_true(r.point[i].index != 5); /* what is not known holds to nothing */
    assert_ok(mb_results_where(&r, "energy < 9e-6"));
    assert_int_equal(r.n, want);
    assert_int_equal(r.of, 48);
    assert_string_equal(r.where, "(weight_bits >= 6 && accuracy > 0.9) && (energy < 9e-6)");
    assert_ok(mb_results_where(&r, "status == \"infeasible\""));
    assert_true(r.n <= 1);
    mb_results_free(&r);
    made_results(&r, "x", 2, 2, 1);
    assert_ok(mb_results_where(&r, "label == '4/4 bit'"));
    assert_int_equal(r.n, 1);
    assert_int_equal(r.point[0].index, 1);
    mb_results_free(&r);
}

/* Without memory nothing changes and nothing leaks. */
static void conditions_survive_lack_of_memory(void **state) {
    (void)state;
    const long before = mb_mem_live();
    for (long k = 1; k < 40; k++) {
        mb_results r;
        made_results(&r, "x", 6, 1, 1);
        mb_mem_fail_after(k);
        int rc = mb_results_where(&r, "weight_bits >= 6 && accuracy > 0.5");
        mb_mem_fail_after(-1);
        mb_error_clear();
        if (rc) assert_int_equal(r.n, 6);
        mb_results_free(&r);
    }
    assert_int_equal(mb_mem_live(), before);
}

static json_t *parse(const mb_str *s) {
    json_error_t e;
    json_t *j = json_loads(mb_cstr(s), 0, &e);
    if (!j) fail_msg("not JSON: %s in %s", e.text, mb_cstr(s));
    return j;
}

static void columns_in_all_forms(void **state) {
    (void)state;
    mb_results r;
    mb_str s = {0};
    made_results(&r, "x", 4, 2, 1);
    r.point[1].energy_J = 0.1 + 0.2; /* not a short number */
    r.point[2].accuracy = (double)NAN;
    assert_ok(mb_report_columns(&r, "index,weight_bits,accuracy,energy,label,systolic-32x32.area", MB_FORMAT_CSV, &s));
    assert_has(&s, "index,map.weight_bits,accuracy,energy_J,label,systolic-32x32.area_m2\n0,8,");
    assert_has(&s, "0.30000000000000004");
    assert_has(&s, "\n2,6,,");
    mb_str_clear(&s);
    assert_ok(mb_report_columns(&r, "index,weight_bits,accuracy,energy", MB_FORMAT_JSON, &s));
    json_t *j = parse(&s), *rows = json_object_get(j, "rows");
    assert_int_equal(json_array_size(rows), 4);
    assert_true(json_number_value(json_object_get(json_array_get(rows, 1), "energy_J")) == 0.1 + 0.2);
    assert_true(json_is_null(json_object_get(json_array_get(rows, 2), "accuracy")));
    assert_int_equal(json_integer_value(json_object_get(json_array_get(rows, 0), "map.weight_bits")), 8);
    json_decref(j);
    mb_str_clear(&s);
    assert_ok(mb_report_columns(&r, "index,accuracy", MB_FORMAT_JSONL, &s));
    assert_has(&s, "{\"index\":2,\"accuracy\":null}\n");
    mb_str_clear(&s);
    assert_ok(mb_report_columns(&r, "index,weight_bits,accuracy,macs", MB_FORMAT_TEXT, &s));
    assert_has(&s, "quickstart: 4 points");
    mb_str_clear(&s);
    assert_fails(mb_report_columns(&r, "index,,accuracy", MB_FORMAT_TEXT, &s), MB_BADINPUT, "commas");
    assert_fails(mb_report_columns(&r, "energy,energy_J", MB_FORMAT_TEXT, &s), MB_BADINPUT, "stands twice");
    mb_str_free(&s);
    mb_results_free(&r);
}

static void groups_have_mean_best_and_spread(void **state) {
    (void)state;
    mb_results r;
    mb_str s = {0};
    made_results(&r, "x", 24, 1, 0); /* weight bits 8 4 6 5 7 3, repeated four times */
    for (size_t i = 0; i < r.n; i++) {
        r.point[i].accuracy = 0.1 * (double)(i / 6); /* 0, 0.1, 0.2, 0.3 in each group */
        r.point[i].energy_J = (double)(i + 1);
    }
    r.point[20].energy_J = (double)NAN; /* group of 6: 3, 9, 15 are left */
    assert_ok(mb_report_by(&r, "weight_bits", "accuracy,energy", MB_FORMAT_JSON, &s));
    json_t *j = parse(&s), *g = json_object_get(j, "groups");
    assert_int_equal(json_array_size(g), 6);
    for (size_t i = 0; i < 6; i++) { /* by rising value */
        const json_t *o = json_array_get(g, i), *a = json_object_get(o, "accuracy"), *e = json_object_get(o, "energy_J");
        const int bits = atoi(json_string_value(json_object_get(json_object_get(o, "set"), "map.weight_bits")));
        assert_int_equal(bits, (int)i + 3);
        assert_int_equal(json_integer_value(json_object_get(o, "points")), 4);
        assert_true(fabs(json_number_value(json_object_get(a, "mean")) - 0.15) < 1e-15);
        assert_true(fabs(json_number_value(json_object_get(a, "best")) - 0.3) < 1e-15); /* large is good */
        assert_true(fabs(json_number_value(json_object_get(a, "sd")) - sqrt(0.05 / 3)) < 1e-15);
        assert_int_equal(json_integer_value(json_object_get(a, "best_point")) / 6, 3);
        assert_int_equal(json_integer_value(json_object_get(e, "best_point")) / 6, 0); /* small is good */
        if (bits != 6) continue;
        assert_true(json_number_value(json_object_get(e, "mean")) == 9);
        assert_true(json_number_value(json_object_get(e, "sd")) == 6);
        assert_true(json_number_value(json_object_get(e, "min")) == 3);
        assert_true(json_number_value(json_object_get(e, "max")) == 15);
    }
    json_decref(j);
    mb_str_clear(&s);
    assert_ok(mb_report_by(&r, "weight_bits,adc.bits", NULL, MB_FORMAT_CSV, &s));
    assert_has(
        &s,
        "map.weight_bits,arch.adc.bits,points,accuracy.mean,accuracy.best,accuracy.sd,accuracy.min,accuracy.max,accuracy.best_point,energy_J.mean");
    mb_str_clear(&s);
    assert_ok(mb_report_by(&r, "weight_bits", NULL, MB_FORMAT_TEXT, &s));
    assert_has(&s, "grouped by map.weight_bits");
    mb_str_clear(&s);
    assert_fails(mb_report_by(&r, "accuracy", NULL, MB_FORMAT_TEXT, &s), MB_BADINPUT, "not a swept key");
    assert_fails(mb_report_by(&r, "weight_bits", "label", MB_FORMAT_TEXT, &s), MB_BADINPUT, "has no mean");
    mb_str_free(&s);
    mb_results_free(&r);
}

static void the_best_point(void **state) {
    (void)state;
    mb_results r;
    mb_str s = {0};
    made_results(&r, "x", 24, 1, 0);
    for (size_t i = 0; i < r.n; i++) {
        r.point[i].edap_Jsm2 = 10 + (double)((i * 7) % 24);
        r.point[i].accuracy = 0.5 + 0.02 * (double)((i * 5) % 24);
    }
    size_t want = 99;
    for (size_t i = 0; i < r.n; i++)
        if (r.point[i].accuracy > 0.8 && (want == 99 || r.point[i].edap_Jsm2 < r.point[want].edap_Jsm2)) want = i;
    assert_ok(mb_results_where(&r, "accuracy > 0.8"));
    assert_ok(mb_report_best(&r, "edap", "index", MB_FORMAT_JSONL, &s));
    char line[64];
    snprintf(line, sizeof line, "{\"index\":%zu}\n", want);
    assert_string_equal(mb_cstr(&s), line);
    mb_str_clear(&s);
    assert_ok(mb_report_best(&r, "edap", NULL, MB_FORMAT_TEXT, &s));
    assert_has(&s, "has the smallest edap_Jsm2 of ");
    assert_has(&s, "of 24 points where accuracy > 0.8");
    mb_str_clear(&s);
    assert_ok(mb_report_best(&r, "peak_tops", NULL, MB_FORMAT_TEXT, &s)); /* zero everywhere: the first of equals */
    assert_has(&s, "has the largest peak_tops");
    assert_has(&s, "other points are as good");
    mb_str_clear(&s);
    for (size_t i = 0; i < r.n; i++) r.point[i].loss = (double)NAN;
    assert_fails(mb_report_best(&r, "loss", NULL, MB_FORMAT_TEXT, &s), MB_NO, "no point has a number in loss");
    assert_fails(mb_report_best(&r, "losses", NULL, MB_FORMAT_TEXT, &s), MB_BADINPUT, "did you mean");
    mb_str_free(&s);
    mb_results_free(&r);
}

static void fronts_against_a_reference(void **state) {
    (void)state;
    mb_results r;
    mb_str s = {0};
    made_results(&r, "x", 4, 1, 0);
    static const double e[] = {1, 2, 3, 3}, a[] = {0.25, 0.5, 0.75, 0.5}; /* the last one is dominated */
    for (size_t i = 0; i < r.n; i++) r.point[i].energy_J = e[i], r.point[i].accuracy = a[i];
    /* steps down to 0 and up to 5: 1 x 0.25 + 1 x 0.5 + 2 x 0.75 = 2.25; the box is 4 x 0.75 = 3 */
    assert_ok(mb_report_front(&r, "energy,accuracy", "5,0", NULL, MB_FORMAT_JSON, &s));
    json_t *j = parse(&s), *rows = json_object_get(j, "rows"), *o = json_object_get(j, "objectives");
    assert_int_equal(json_array_size(rows), 3);
    for (int i = 0; i < 3; i++) assert_int_equal(json_integer_value(json_object_get(json_array_get(rows, (size_t)i), "index")), i);
    assert_true(fabs(json_number_value(json_object_get(j, "volume")) - 2.25) < 1e-12);
    assert_true(fabs(json_number_value(json_object_get(j, "hypervolume")) - 0.75) < 1e-12);
    assert_true(json_number_value(json_object_get(json_array_get(o, 0), "ideal")) == 1);
    assert_true(json_number_value(json_object_get(json_array_get(o, 0), "reference")) == 5);
    assert_true(json_number_value(json_object_get(json_array_get(o, 1), "ideal")) == 0.75);
    json_decref(j);
    mb_str_clear(&s);
    /* its own reference: 1 + 1.1 x 2 = 3.2 and 0.75 - 1.1 x 0.5 = 0.2; 0.05 + 0.3 + 0.2 x 0.55 = 0.46 of 2.2 x 0.55 */
    assert_ok(mb_report_front(&r, "energy,accuracy", NULL, NULL, MB_FORMAT_JSON, &s));
    j = parse(&s);
    assert_true(fabs(json_number_value(json_object_get(j, "volume")) - 0.46) < 1e-12);
    assert_true(fabs(json_number_value(json_object_get(j, "hypervolume")) - 0.46 / 1.21) < 1e-12);
    json_decref(j);
    mb_str_clear(&s);
    assert_ok(mb_report_front(&r, "energy,accuracy", "5,0", NULL, MB_FORMAT_TEXT, &s));
    assert_has(&s, "the front of energy_J (less is better), accuracy (more is better): 3 of 4 points");
    assert_has(&s, "Hypervolume 0.7500");
    mb_str_clear(&s);
    assert_fails(mb_report_front(&r, "energy,accuracy", "5", NULL, MB_FORMAT_TEXT, &s), MB_BADINPUT, "2 numbers");
    assert_fails(mb_report_front(&r, "energy,accuracy", "5,0,1", NULL, MB_FORMAT_TEXT, &s), MB_BADINPUT, "2 numbers");
    assert_fails(mb_report_front(&r, "energy,accuracy", "1,0", NULL, MB_FORMAT_TEXT, &s), MB_BADINPUT, "is not worse");
    mb_str_free(&s);
    mb_results_free(&r);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(names_are_found),
                                       cmocka_unit_test(conditions_choose_points),
                                       cmocka_unit_test(conditions_survive_lack_of_memory),
                                       cmocka_unit_test(columns_in_all_forms),
                                       cmocka_unit_test(groups_have_mean_best_and_spread),
                                       cmocka_unit_test(the_best_point),
                                       cmocka_unit_test(fronts_against_a_reference)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
