/* test_report.c - trees of costs add up exactly, in any grouping */
#include "mbtest.h"

#include "base/mem.h"
#include "cost/ledger.h"
#include "cost/report.h"

/* Numbers that round: sums depend on the order, so "exactly" means something. */
static mb_cost each(int i) {
    return (mb_cost){1e-12 / (i + 3), 1e-9 / (i + 7), 1e-12 * 1.1 / (i + 1)};
}

static mb_report *build(void) {
    static const char *const component[] = {"adc", "cells", "drivers"};
    mb_report *root = mb_report_new("chip");
    for (int g = 0; g < 11; g++) {
        char name[32];
        snprintf(name, sizeof name, "layer%d", g);
        mb_report *group = mb_report_group(root, name);
        for (int i = 0; i < 37; i++) mb_report_leaf(group, component[i % 3], "act", 1000.3 * i + g, i, each(i + g), "made up", 1);
    }
    mb_report_sum(root);
    return root;
}

static void check_node(const mb_report *r) {
    if (r->component) {
        assert_true(r->n == 0);
        assert_true(r->total.energy_J == r->count * r->each.energy_J);
        assert_true(r->total.latency_s == r->count * r->each.latency_s);
        assert_true(r->total.area_m2 == r->instances * r->each.area_m2);
        return;
    }
    mb_cost sum = {0, 0, 0};
    for (size_t i = 0; i < r->n; i++) {
        check_node(r->child[i]);
        sum.energy_J += r->child[i]->total.energy_J;
        sum.latency_s += r->child[i]->total.latency_s;
        sum.area_m2 += r->child[i]->total.area_m2;
    }
    assert_true(sum.energy_J == r->total.energy_J && sum.latency_s == r->total.latency_s && sum.area_m2 == r->total.area_m2);
}

static void children_sum_to_the_parent(void **state) {
    (void)state;
    mb_report *root = build();
    assert_int_equal(root->n, 11);
    assert_int_equal(root->child[10]->n, 37);
    assert_string_equal(root->child[10]->name, "layer10");
    assert_string_equal(root->child[3]->child[36]->component, "adc");
    check_node(root);
    double energy = 0; /* the same sum, written independently */
    for (int g = 0; g < 11; g++) {
        double group = 0;
        for (int i = 0; i < 37; i++) group += (1000.3 * i + g) * (1e-12 / (i + g + 3));
        energy += group;
    }
    assert_true(energy == root->total.energy_J);
    mb_report_free(root);
}

static void actions_hold_every_leaf_once(void **state) {
    (void)state;
    mb_report *root = build(), *by = NULL;
    size_t leaves = 0;
    assert_ok(mb_report_by_action(root, &by));
    for (size_t i = 0; i < by->n; i++) {
        leaves += by->child[i]->n;
        for (size_t k = 0; k < i; k++) assert_string_not_equal(by->child[i]->name, by->child[k]->name);
        for (size_t k = 0; k < by->child[i]->n; k++) /* "layer / component" */
            assert_non_null(strstr(by->child[i]->child[k]->name, by->child[i]->child[k]->component));
    }
    assert_int_equal(leaves, 11 * 37);
    check_node(by);
    assert_true(by->total.area_m2 > 0.999999 * root->total.area_m2 && by->total.area_m2 < 1.000001 * root->total.area_m2);
    mb_report_free(by);
    mb_report_free(root);
}

static void components_hold_every_leaf_once(void **state) {
    (void)state;
    mb_report *root = build(), *by = NULL;
    assert_ok(mb_report_by_component(root, &by));
    assert_int_equal(by->n, 3);
    assert_string_equal(by->child[0]->name, "adc");
    assert_string_equal(by->child[1]->name, "cells");
    assert_string_equal(by->child[2]->name, "drivers");
    size_t leaves = 0;
    for (size_t i = 0; i < by->n; i++) {
        leaves += by->child[i]->n;
        for (size_t k = 0; k < by->child[i]->n; k++) assert_string_equal(by->child[i]->child[k]->component, by->child[i]->name);
    }
    assert_int_equal(leaves, 11 * 37);
    assert_string_equal(by->child[1]->child[0]->name, "layer0 / act");
    check_node(by);
    assert_true(by->total.energy_J > 0.999999 * root->total.energy_J && by->total.energy_J < 1.000001 * root->total.energy_J);
    mb_report_free(by);
    mb_report_free(root);
}

/* A ledger gives the same bits with and without a tree. */
static void ledger_with_and_without_a_tree(void **state) {
    (void)state;
    mb_ledger with, without;
    mb_ledger_init(&with, "chip", true);
    mb_ledger_init(&without, "chip", false);
    mb_ledger *both[2] = {&with, &without};
    for (int b = 0; b < 2; b++)
        for (int g = 0; g < 5; g++) {
            mb_ledger_open(both[b], "g");
            for (int i = 0; i < 20; i++) mb_ledger_add(both[b], "c", "a", 17.7 * i, i % 4, each(i * g), "s", 1);
            mb_ledger_close(both[b]);
        }
    mb_report *r = NULL, *none = NULL;
    mb_cost a, b;
    assert_ok(mb_ledger_end(&with, &a, &r));
    assert_ok(mb_ledger_end(&without, &b, &none));
    assert_null(none);
    assert_true(a.energy_J == b.energy_J && a.latency_s == b.latency_s && a.area_m2 == b.area_m2);
    assert_true(r->total.energy_J == a.energy_J && r->total.latency_s == a.latency_s && r->total.area_m2 == a.area_m2);
    assert_int_equal(r->child[0]->n, 19); /* count and instances of the first leaf are 0: left out */
    check_node(r);
    mb_report_free(r);
}

static void survives_lack_of_memory(void **state) {
    (void)state;
    long live = mb_mem_live();
    for (long n = 1;; n++) {
        mb_ledger l;
        mb_cost sum;
        mb_report *r = NULL, *by = NULL;
        mb_mem_fail_after(n);
        mb_ledger_init(&l, "chip", true);
        for (int g = 0; g < 6; g++) {
            mb_ledger_open(&l, "g");
            for (int i = 0; i < 6; i++) mb_ledger_add(&l, "c", "a", 1, 1, each(i), "s", 1);
            mb_ledger_close(&l);
        }
        int rc = mb_ledger_end(&l, &sum, &r);
        if (!rc) rc = mb_report_by_component(r, &by);
        mb_mem_fail_after(-1);
        mb_report_free(by);
        mb_report_free(r);
        assert_int_equal(mb_mem_live(), live);
        mb_error_clear();
        if (rc == MB_OK) {
            assert_true(n > 40);
            break;
        }
        assert_int_equal(rc, MB_SYSTEM);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(children_sum_to_the_parent),
        cmocka_unit_test(components_hold_every_leaf_once),
        cmocka_unit_test(actions_hold_every_leaf_once),
        cmocka_unit_test(ledger_with_and_without_a_tree),
        cmocka_unit_test(survives_lack_of_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
