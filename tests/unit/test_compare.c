/* test_compare.c - which points of two runs belong together, what differs; intervals against numbers from tables of Student's t and published
 * examples */
#include "mbtest.h"

#include <jansson.h>
#include <math.h>

#include "base/mem.h"
#include "made_results.h"
#include "run/compare.h"

static const mb_difference *of(const mb_comparison *c, size_t pair, const char *name) {
    for (size_t k = 0; k < c->n_metric; k++)
        if (!strcmp(c->metric[k].d.name, name)) return &c->pair[pair].d[k];
    fail_msg("%s is not compared", name);
    return NULL;
}

static void the_same_run_does_not_differ(void **state) {
    (void)state;
    mb_results a, b;
    mb_comparison c;
    const mb_compare_options all = {.columns = "all"};
    made_results(&a, "a", 24, 2, 2);
    made_results(&b, "b", 24, 2, 2);
    assert_ok(mb_compare(&a, &b, &all, &c));
    assert_int_equal(c.match, MB_MATCH_ID);
    assert_int_equal(c.n, 24);
    assert_false(c.differs);
    assert_true(of(&c, 3, "accuracy")->paired);
    assert_true(of(&c, 3, "accuracy")->low == 0 && of(&c, 3, "accuracy")->high == 0 && !of(&c, 3, "accuracy")->significant);
    mb_comparison_free(&c);
    b.point[17].wear = 1e-300; /* whatever differs is found */
    assert_ok(mb_compare(&a, &b, &all, &c));
    assert_true(c.differs);
    assert_int_equal(c.beyond, 1);
    assert_true(c.pair[17].beyond && of(&c, 17, "wear")->beyond);
    mb_comparison_free(&c);
    mb_results_free(&a);
    mb_results_free(&b);
}

static void points_find_their_partners(void **state) {
    (void)state;
    mb_results a, b;
    mb_comparison c;
    mb_compare_options o = {0};
    made_results(&a, "a", 24, 1, 1);
    made_results(&b, "b", 24, 1, 1);
    for (size_t i = 0; i < 24; i++) b.point[i].id[0] = 'f'; /* another seed */
    mb_point_result first = b.point[0];
    b.point[0] = b.point[23];
    b.point[23] = first;
    made_replace(&b.point[5].set[0].value, "3.0"); /* the same number as before, "3" */
    assert_ok(mb_compare(&a, &b, &o, &c));
    assert_int_equal(c.match, MB_MATCH_SETTINGS);
    assert_int_equal(c.n_key, 3);
    assert_int_equal(c.n, 24);
    for (size_t i = 0; i < 24; i++) {
        assert_int_equal(c.pair[i].a, i);
        assert_int_equal(c.pair[i].b, i == 0 ? 23 : i == 23 ? 0 : i);
    }
    assert_false(c.differs);
    mb_comparison_free(&c);
    /* a point without a partner */
    made_replace(&b.point[7].set[2].value, "77");
    assert_ok(mb_compare(&a, &b, &o, &c));
    assert_int_equal(c.n, 23);
    assert_int_equal(c.n_only_a, 1);
    assert_int_equal(c.only_a[0], 7);
    assert_int_equal(c.only_b[0], 7);
    assert_true(c.differs);
    mb_comparison_free(&c);
    o.common = true;
    assert_ok(mb_compare(&a, &b, &o, &c));
    assert_false(c.differs);
    mb_comparison_free(&c);
    o = (mb_compare_options){.match = MB_MATCH_ID};
    assert_fails(mb_compare(&a, &b, &o, &c), MB_BADINPUT, "no point of a (map.weight_bits = 8, 4, 6, 5, ..; map.input_bits");
    /* a key that only one of them sweeps, and there twice */
    o = (mb_compare_options){0};
    for (size_t i = 0; i < 24; i++) made_replace(&b.point[i].set[2].key, "other");
    made_replace(&b.point[7].set[0].value, b.point[8].set[0].value);
    made_replace(&b.point[7].set[1].value, b.point[8].set[1].value);
    assert_fails(mb_compare(&a, &b, &o, &c), MB_BADINPUT, "points 7 and 8 agree in all keys that both runs sweep");
    /* two points by number */
    o = (mb_compare_options){.given = true, .point_a = 3, .point_b = 9};
    assert_ok(mb_compare(&a, &a, &o, &c));
    assert_true(c.n == 1 && c.pair[0].a == 3 && c.pair[0].b == 9 && c.differs);
    assert_true(of(&c, 0, "energy_J")->ratio == a.point[9].energy_J / a.point[3].energy_J);
    mb_comparison_free(&c);
    o.point_b = 24;
    assert_fails(mb_compare(&a, &a, &o, &c), MB_BADINPUT, "there is no point 24");
    mb_results_free(&a);
    mb_results_free(&b);
    /* single points without a sweep belong together */
    made_results(&a, "a", 1, 1, 1);
    made_results(&b, "b", 1, 1, 2);
    b.point[0].id[0] = 'f';
    o = (mb_compare_options){0};
    assert_ok(mb_compare(&a, &b, &o, &c));
    assert_int_equal(c.n, 1);
    assert_int_equal(c.n_alone, 1); /* a baseline more */
    assert_string_equal(c.alone[0], "near-memory");
    assert_true(c.differs && !c.beyond);
    mb_comparison_free(&c);
    mb_results_free(&a);
    mb_results_free(&b);
}

static void set_trials(mb_point_result *p, const int *correct, int n, int samples) {
    p->trial = mb_realloc(p->trial, (size_t)n, sizeof *p->trial);
    p->n_trial = (size_t)n;
    p->accuracy = 0;
    for (int t = 0; t < n; t++) {
        p->trial[t] = (mb_trial_result){t, (double)correct[t] / samples, 0.5, samples};
        p->accuracy += p->trial[t].accuracy / n;
    }
}

static void accuracies_are_paired_by_draw(void **state) {
    (void)state;
    static const int A[] = {900, 880, 910, 890, 905}, B[] = {906, 885, 917, 894, 913}; /* +6 +5 +7 +4 +8: mean 6, sd sqrt(2.5) */
    mb_results a, b;
    mb_comparison c;
    mb_compare_options o = {.columns = "accuracy"};
    made_results(&a, "a", 1, 1, 0);
    made_results(&b, "b", 1, 1, 0);
    set_trials(&a.point[0], A, 5, 1000);
    set_trials(&b.point[0], B, 5, 1000);
    assert_ok(mb_compare(&a, &b, &o, &c));
    const mb_difference *d = of(&c, 0, "accuracy");
    const double half = 2.776445105 * sqrt(2.5 / 5) / 1000; /* Student's t, 4 degrees of freedom */
    assert_true(d->paired && d->draws == 5 && d->significant && d->beyond);
    assert_true(fabs(d->difference - 0.006) < 1e-15);
    assert_true(fabs(d->low - (0.006 - half)) < 1e-11 && fabs(d->high - (0.006 + half)) < 1e-11);
    mb_comparison_free(&c);
    /* each of them varies far more than the difference: independent intervals would not see it */
    set_trials(&b.point[0], B, 4, 1000); /* four draws in common: 6 5 7 4 */
    assert_ok(mb_compare(&a, &b, &o, &c));
    d = of(&c, 0, "accuracy");
    assert_true(d->paired && d->draws == 4 && fabs(d->difference - 0.0055) < 1e-15);
    assert_true(fabs(d->a - 0.895) < 1e-15 && fabs(d->b - 0.9005) < 1e-15); /* over the draws in common */
    mb_comparison_free(&c);
    /* the same counts in another order: no difference, though sums of fractions might say so */
    static const int P[] = {1, 2, 4, 7, 9}, Q[] = {9, 7, 4, 2, 1};
    set_trials(&a.point[0], P, 5, 10);
    set_trials(&b.point[0], Q, 5, 10);
    assert_ok(mb_compare(&a, &b, &o, &c));
    assert_true(of(&c, 0, "accuracy")->difference == 0 && !c.differs && !of(&c, 0, "accuracy")->significant);
    mb_comparison_free(&c);
    /* two draws that agree by chance are no certainty: the step of the counts bounds the spread */
    static const int R[] = {500, 500}, S[] = {501, 501};
    set_trials(&a.point[0], R, 2, 1000);
    set_trials(&b.point[0], S, 2, 1000);
    assert_ok(mb_compare(&a, &b, &o, &c));
    assert_false(of(&c, 0, "accuracy")->significant);
    mb_comparison_free(&c);
    mb_results_free(&a);
    mb_results_free(&b);
}

/* Newcombe (1998), table II, example (a), method 10: 56/70 against 48/80 gives 0.0524 to 0.3339. */
static void other_accuracies_are_independent(void **state) {
    (void)state;
    static const int A[] = {48}, B[] = {56};
    mb_results a, b;
    mb_comparison c;
    const mb_compare_options o = {.columns = "accuracy"};
    made_results(&a, "a", 1, 1, 0);
    made_results(&b, "b", 1, 1, 0);
    set_trials(&a.point[0], A, 1, 80);
    set_trials(&b.point[0], B, 1, 70);
    a.point[0].accuracy_low = 0.490455; /* Wilson */
    a.point[0].accuracy_high = 0.700382;
    b.point[0].accuracy_low = 0.691834;
    b.point[0].accuracy_high = 0.876953;
    assert_ok(mb_compare(&a, &b, &o, &c));
    const mb_difference *d = of(&c, 0, "accuracy");
    assert_true(!d->paired && d->draws == 0 && d->significant);
    assert_true(fabs(d->low - 0.0524) < 5e-5 && fabs(d->high - 0.3339) < 5e-5);
    mb_comparison_free(&c);
    mb_results_free(&a);
    mb_results_free(&b);
}

static int compare_with(const mb_results *a, const mb_results *b, const char *t1, const char *t2, bool significant, bool *differs) {
    const char *tol[] = {t1, t2};
    const mb_compare_options o = {.tol = tol, .n_tol = t2 ? 2 : t1 ? 1 : 0, .significant = significant};
    mb_comparison c;
    int rc = mb_compare(a, b, &o, &c);
    if (rc) return rc;
    *differs = c.differs;
    mb_comparison_free(&c);
    return rc;
}

static void tolerances(void **state) {
    (void)state;
    static const int A[] = {900, 880, 910}, B[] = {903, 882, 914}; /* +3 +2 +4 per mille */
    mb_results a, b;
    bool differs = false;
    made_results(&a, "a", 1, 1, 1);
    made_results(&b, "b", 1, 1, 1);
    set_trials(&a.point[0], A, 3, 1000);
    set_trials(&b.point[0], B, 3, 1000);
    b.point[0].energy_J = a.point[0].energy_J * 1.009;
    static const struct {
        const char *t1, *t2;
        bool significant, differs;
    } want[] = {{NULL, NULL, false, true},
                {"accuracy=0.0031", NULL, false, true},         /* the energy differs */
                {"accuracy=0.0031", "energy=1%", false, false}, /* EDAP, which follows, does not count */
                {"accuracy=0.0029", "energy=1%", false, true},
                {"accuracy=0.31%", "energy=1%", false, false}, /* percentage points */
                {"accuracy=0.29%", "energy=1%", false, true},
                {"energy=0.8%", "accuracy=1", false, true},
                {"all=1%", NULL, false, false},
                {"all=1%", "accuracy=0.1%", false, true}, /* whatever the order */
                {"accuracy=0.1%", "all=1%", false, true},
                {"accuracy=0.1%", "all=1%", true, false}, /* 3 -+ 2.5 per mille: 1 is inside */
                {"edap=0.1%", "all=1%", false, false}};   /* EDAP of the made-up results did not change */
    for (size_t i = 0; i < sizeof want / sizeof *want; i++) {
        assert_ok(compare_with(&a, &b, want[i].t1, want[i].t2, want[i].significant, &differs));
        if (differs != want[i].differs) fail_msg("row %zu", i);
    }
    static const char *const bad[] = {"accuracy", "accuracy=", "=1", "accuracy=-1", "accuracy=1%%", "accuracy=x", "accuracy=nan"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) assert_fails(compare_with(&a, &b, bad[i], NULL, false, &differs), MB_BADINPUT, "METRIC=X");
    assert_fails(compare_with(&a, &b, "acuracy=1", NULL, false, &differs), MB_BADINPUT, "did you mean \"accuracy\"");
    assert_fails(compare_with(&a, &b, "label=1", NULL, false, &differs), MB_BADINPUT, "no number");
    b.point[0].infeasible = mb_strdup("too much");
    assert_ok(compare_with(&a, &b, "all=100%", NULL, false, &differs));
    assert_true(differs);
    mb_results_free(&a);
    mb_results_free(&b);
}

static void written_in_all_forms(void **state) {
    (void)state;
    mb_results a, b;
    mb_comparison c;
    mb_str s = {0};
    json_error_t e;
    const mb_compare_options o = {0};
    made_results(&a, "run/a", 6, 1, 1);
    made_results(&b, "run/b", 6, 1, 1);
    made_labels(&a); /* hostile names */
    made_labels(&b);
    b.point[2].energy_J *= 2;
    assert_ok(mb_compare(&a, &b, &o, &c));
    static const mb_format form[] = {MB_FORMAT_TEXT, MB_FORMAT_CSV, MB_FORMAT_JSON, MB_FORMAT_JSONL};
    for (int i = 0; i < 4; i++) {
        mb_str_clear(&s);
        assert_ok(mb_compare_write(&c, form[i], &s));
        if (form[i] == MB_FORMAT_TEXT) {
            assert_non_null(strstr(mb_cstr(&s), "1 of 6 pairs differs beyond tolerance"));
            assert_non_null(strstr(mb_cstr(&s), "matched by id"));
            assert_null(strchr(mb_cstr(&s), 1)); /* no control characters */
        } else if (form[i] == MB_FORMAT_JSON) {
            json_t *j = json_loads(mb_cstr(&s), 0, &e);
            assert_non_null(j);
            assert_true(json_is_true(json_object_get(j, "differs")));
            assert_int_equal(json_array_size(json_object_get(j, "pairs")), 6);
            json_decref(j);
        } else if (form[i] == MB_FORMAT_JSONL) {
            for (const char *l = mb_cstr(&s); *l; l += strcspn(l, "\n") + 1) {
                json_t *j = json_loadb(l, strcspn(l, "\n"), 0, &e);
                assert_non_null(j);
                json_decref(j);
            }
        }
    }
    mb_comparison_free(&c);
    mb_str_free(&s);
    mb_results_free(&a);
    mb_results_free(&b);
}

static void lack_of_memory(void **state) {
    (void)state;
    const long before = mb_mem_live();
    for (long k = 1; k < 150; k++) {
        mb_results a, b;
        mb_comparison c = {0};
        mb_str s = {0};
        const mb_compare_options o = {.match = k % 2 ? MB_MATCH_SETTINGS : MB_MATCH_AUTO};
        made_results(&a, "a", 4, 1, 1);
        made_results(&b, "b", 4, 1, 1);
        mb_mem_fail_after(k);
        int rc = mb_compare(&a, &b, &o, &c);
        if (!rc) rc = mb_compare_write(&c, MB_FORMAT_TEXT, &s);
        mb_mem_fail_after(-1);
        assert_true(rc == MB_OK || rc == MB_SYSTEM);
        mb_error_clear();
        mb_str_free(&s);
        mb_comparison_free(&c);
        mb_results_free(&a);
        mb_results_free(&b);
    }
    assert_int_equal(mb_mem_live(), before);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(the_same_run_does_not_differ),
                                       cmocka_unit_test(points_find_their_partners),
                                       cmocka_unit_test(accuracies_are_paired_by_draw),
                                       cmocka_unit_test(other_accuracies_are_independent),
                                       cmocka_unit_test(tolerances),
                                       cmocka_unit_test(written_in_all_forms),
                                       cmocka_unit_test(lack_of_memory)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
