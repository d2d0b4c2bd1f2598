/* test_policy.c - problems from configuration, and the uniform policy against brute force with a synthetic oracle */
#include "mbtest.h"

#include <math.h>

#include "mapping/policy.h"
#include "testnet.h"

static const testlayer four[] = {
    {"conv1", 'w', 1, 8, 8, 4, 3, 1, 1, 1},
    {"conv2", 'w', 4, 8, 8, 8, 3, 1, 1, 1},
    {"conv3", 'w', 8, 8, 8, 8, 3, 1, 1, 1},
    {"fc", 'w', 512, 1, 1, 10, 1, 1, 0, 1},
};

/* --- a made-up machine ----------------------------------------------------------------------------------------------- */

typedef struct world {
    bool refuse_offset, small;
    bool nan_loss;
    double flat;
} world;

static int world_cost(void *ctx, const mb_plan *p, mb_metrics *out) {
    const world *w = ctx;
    *out = (mb_metrics){0};
    for (int m = 0; m < p->n; m++) {
        const mb_assign *a = &p->assign[m];
        if (w->refuse_offset && a->scheme == 1) return mb_fail(MB_BADINPUT, "this machine has no dummy columns");
        if (w->small && a->weight_bits > 4) return mb_fail(MB_NUMERIC, "arrays are missing");
        out->energy_J += 1e-9 * (m + 1) * a->weight_bits * a->input_bits * (1 + 0.1 * a->adc_bits);
        out->latency_s += 1e-6 * a->input_bits * (a->engine ? 5 : 1) / a->copies;
        out->area_m2 += 1e-8 * a->weight_bits * a->copies;
        out->arrays += ceil(a->weight_bits / 2.0) * a->copies;
        out->weight_bits += 100.0 * a->weight_bits;
    }
    return MB_OK;
}

static int world_loss(void *ctx, const mb_plan *p, mb_loss *out) {
    const world *w = ctx;
    out->loss = 0;
    for (int m = 0; m < p->n; m++) {
        const mb_assign *a = &p->assign[m];
        out->loss += exp2(-a->weight_bits) * (m + 1) + exp2(-a->input_bits) + 0.3 * exp2(-a->adc_bits) + (a->scheme ? 0.01 : 0);
    }
    if (w->flat > 0) out->loss = w->flat;
    if (w->nan_loss) out->loss = (double)NAN;
    out->accuracy = exp(-out->loss);
    out->half_width = 0;
    return MB_OK;
}

typedef struct fixture {
    mb_network *net;
    mb_oracle o;
    world w;
    mb_conf *map;
    mb_plan *best;
} fixture;

static void begin(fixture *f, const char *text) {
    *f = (fixture){0};
    f->net = testnet("four", 42, 4, four);
    f->o = (mb_oracle){.ctx = &f->w, .net = f->net, .n = 4, .cost = world_cost, .loss = world_loss};
    assert_ok(mb_conf_parse(text, "exp.cfg", &f->map));
}

/* the oracle's context moves with the fixture: set it where the fixture lives */
static int run(fixture *f) {
    f->o.ctx = &f->w;
    return mb_policy_run(f->map, &f->o, 1, &f->best);
}

static void end(fixture *f) {
    mb_plan_free(f->best);
    mb_conf_free(f->map);
    mb_network_free(f->net);
}

/* --- problems -------------------------------------------------------------------------------------------------------- */

static void a_problem_holds_what_is_written(void **state) {
    (void)state;
    fixture f;
    mb_problem p;
    begin(&f, "policy = \"uniform\"; weight_bits = 6; adc_bits = 7;\n"
              "menu = { weight_bits = [8, 4, 2]; scheme = [\"offset\", \"differential\"]; copies = 2; };\n"
              "first = { weight_bits = 8; input_bits = 8; };\nlast = { engine = \"digital\"; };\n"
              "layers = ( { name = \"conv2\"; copies = 4; }, { name = \"fc\"; engine = \"analog\"; cell_bits = 1; } );\n"
              "budget = { energy_J = 1e-6; arrays = 12; };\n");
    assert_ok(mb_problem_load(f.map, f.net, &p));
    assert_ok(mb_conf_check_used(f.map));
    assert_int_equal(p.menu.base.weight_bits, 6);
    assert_int_equal(p.menu.base.adc_bits, 7);
    assert_int_equal(p.menu.base.input_bits, 8);
    int w = mb_assign_key("weight_bits"), s = mb_assign_key("scheme"), c = mb_assign_key("copies"), e = mb_assign_key("engine");
    assert_int_equal(p.menu.n[w], 3);
    assert_int_equal(p.menu.v[w][2], 2);
    assert_int_equal(p.menu.n[s], 2);
    assert_int_equal(p.menu.v[s][0], 1);
    assert_int_equal(p.menu.n[c], 1);
    assert_int_equal(p.menu.n[e], 0);
    assert_true(p.budget.energy_J == 1e-6 && p.budget.arrays == 12 && isinf(p.budget.latency_s));
    assert_string_equal(p.budget_where[0], "exp.cfg:6");
    mb_plan *plan = NULL;
    assert_ok(mb_plan_new(f.net, &p.menu.base, &plan));
    mb_problem_pin(&p, plan);
    assert_int_equal(plan->assign[0].weight_bits, 8);
    assert_int_equal(plan->assign[1].weight_bits, 6);
    assert_int_equal(plan->assign[1].copies, 4);
    assert_int_equal(plan->assign[3].engine, MB_ANALOG); /* `layers` wins over `last` */
    assert_int_equal(plan->assign[3].cell_bits, 1);
    assert_int_equal(plan->assign[2].cell_bits, 2);
    mb_plan_free(plan);
    mb_problem_free(&p);
    end(&f);
}

static void wrong_problems_are_refused(void **state) {
    (void)state;
    static const struct {
        const char *text, *message;
    } wrong[] = {
        {"policy = \"unifrom\";", "did you mean \"uniform\""},
        {"policy = 3;", "name of a policy"},
        {"weigth_bits = 8;", "weigth_bits"},
        {"weight_bits = 0;", "weight_bits"},
        {"weight_bits = 12;", "weight_bits"},
        {"engine = \"optical\";", "optical"},
        {"menu = { weight_bit = [2]; };", "did you mean weight_bits"},
        {"menu = { weight_bits = []; };", "empty list"},
        {"menu = { weight_bits = [2, 4, 2]; };", "twice"},
        {"menu = { weight_bits = [2, 40]; };", "outside 1 .. 8"},
        {"menu = { weight_bits = [2.5]; };", "integer"},
        {"menu = { scheme = [\"both\"]; };", "\"both\" is not one of"},
        {"menu = { scheme = [1]; };", "must be one of"},
        {"menu = 4;", "must be a group"},
        {"first = { name = \"conv1\"; };", "takes no name"},
        {"first = { colour = 3; };", "colour"},
        {"last = 5;", "must be a group"},
        {"layers = ( { name = \"conv9\"; copies = 1; } );", "did you mean conv"},
        {"layers = ( { name = \"zzzzzzzz\"; copies = 1; } );", "no weighted layer zzzzzzzz"},
        {"layers = ( { copies = 1; } );", "each element"},
        {"layers = ( { name = \"fc\"; copies = 1; }, { name = \"fc\"; } );", "pinned twice"},
        {"layers = { name = \"fc\"; };", "must be a list"},
        {"budget = { energy = 1.0; };", "did you mean energy_J"},
        {"budget = { energy_J = -1.0; };", "positive number in J"},
        {"budget = { energy_J = \"low\"; };", "positive number"},
        {"budget = { arrays = 0; };", "positive number"},
        {"max_settings = 0;", "max_settings"},
    };
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        fixture f;
        mb_problem p;
        begin(&f, wrong[i].text);
        assert_fails(mb_problem_load(f.map, f.net, &p), MB_BADINPUT, wrong[i].message);
        end(&f);
        assert_int_equal(mb_mem_live(), 0);
    }
    mb_network *net = testnet("four", 42, 4, four); /* messages carry file and line */
    mb_conf *map;
    mb_problem p;
    assert_ok(mb_conf_parse("\n\nbudget = {\n  energy_J = 0; };", "my.cfg", &map));
    assert_fails(mb_problem_load(map, net, &p), MB_BADINPUT, "my.cfg:4");
    mb_conf_free(map);
    mb_network_free(net);
}

static void budgets(void **state) {
    (void)state;
    mb_metrics b = {1, 2, HUGE_VAL, 5, HUGE_VAL}, m = {1, 2, 1e9, 5, 3};
    const char *why = NULL;
    assert_true(mb_within(&m, &b, &why));
    m.arrays = 6;
    assert_false(mb_within(&m, &b, &why));
    assert_string_equal(why, "arrays");
    m.latency_s = (double)NAN;
    assert_false(mb_within(&m, &b, &why));
    assert_string_equal(why, "latency_s");
    assert_true(mb_edap(&(mb_metrics){2, 3, 5, 0, 0}) == 30);
}

/* --- uniform --------------------------------------------------------------------------------------------------------- */

static void without_a_menu_it_is_the_base(void **state) {
    (void)state;
    fixture f;
    begin(&f, "weight_bits = 5; first = { weight_bits = 8; };");
    assert_ok(run(&f));
    for (int m = 0; m < 4; m++) assert_int_equal(f.best->assign[m].weight_bits, m ? 5 : 8);
    assert_string_equal(f.best->network, "four");
    assert_string_equal(f.best->policy, "uniform");
    assert_true(f.best->network_hash == 42);
    assert_int_equal(f.o.n_loss, 0); /* nothing to compare */
    end(&f);
}

static void no_group_means_all_defaults(void **state) {
    (void)state;
    fixture f;
    begin(&f, "");
    mb_conf_free(f.map);
    f.map = NULL;
    assert_ok(run(&f));
    assert_int_equal(f.best->assign[2].weight_bits, 8);
    end(&f);
}

/* All settings by brute force: the smallest loss, then the smallest energy x delay x area, then the first. */
static int brute(fixture *f, const int *wb, int nw, const int *ib, int ni, const int *ab, int na, const mb_metrics *budget,
                 mb_plan *out) {
    double loss = HUGE_VAL, edap = HUGE_VAL;
    int feasible = 0;
    mb_plan *p = NULL;
    assert_ok(mb_plan_clone(out, &p));
    for (int i = 0; i < nw; i++)
        for (int j = 0; j < ni; j++)
            for (int k = 0; k < na; k++) {
                mb_metrics c;
                mb_loss l;
                for (int m = 0; m < 4; m++) {
                    p->assign[m].weight_bits = m == 0 ? 8 : wb[i];
                    p->assign[m].input_bits = ib[j];
                    p->assign[m].adc_bits = ab[k];
                }
                world_cost(&f->w, p, &c);
                if (c.energy_J > budget->energy_J || c.latency_s > budget->latency_s || c.weight_bits > budget->weight_bits)
                    continue;
                feasible++;
                world_loss(&f->w, p, &l);
                double e = c.energy_J * c.latency_s * c.area_m2;
                if (l.loss < loss || (l.loss == loss && e < edap)) {
                    loss = l.loss;
                    edap = e;
                    memcpy(out->assign, p->assign, 4 * sizeof *p->assign);
                }
            }
    mb_plan_free(p);
    return feasible;
}

static void the_menu_against_brute_force(void **state) {
    (void)state;
    static const int wb[] = {2, 8, 4, 3}, ib[] = {4, 2, 8}, ab[] = {6, 10};
    static const double energy[] = {3e-6, 1.2e-6, 0.9e-6, 0.6e-6, 0.45e-6, 0.36e-6}, latency[] = {1, 20e-6, 9e-6};
    for (int flat = 0; flat < 2; flat++)
        for (int e = 0; e < 6; e++)
            for (int t = 0; t < 3; t++) {
                fixture f;
                char text[400];
                snprintf(text, sizeof text,
                         "first = { weight_bits = 8; }; menu = { weight_bits = [2, 8, 4, 3]; input_bits = [4, 2, 8]; adc_bits = "
                         "[6, 10]; };\n"
                         "budget = { energy_J = %g; latency_s = %g; weight_bits = 1800.0; };",
                         energy[e], latency[t]);
                begin(&f, text);
                f.w.flat = flat ? 0.7 : 0;
                mb_metrics budget = {energy[e], latency[t], HUGE_VAL, HUGE_VAL, 1800};
                mb_plan *want = NULL;
                assert_ok(mb_plan_new(f.net, &(mb_assign){MB_ANALOG, 8, 2, 8, 1, 8, 0, 0, 1}, &want));
                int feasible = brute(&f, wb, 4, ib, 3, ab, 2, &budget, want);
                if (feasible) {
                    assert_ok(run(&f));
                    assert_true(mb_plan_equal(f.best, want));
                    assert_int_equal(f.o.n_cost, 24);
                    assert_int_equal(f.o.n_loss, feasible > 1 ? feasible : 0);
                } else {
                    assert_fails(run(&f), MB_NUMERIC, "exp.cfg:2");
                }
                mb_plan_free(want);
                end(&f);
            }
}

static void infeasible_budgets_say_how_far(void **state) {
    (void)state;
    fixture f;
    mb_metrics least = {0};
    begin(&f, "menu = { weight_bits = [4, 2]; };\n\nbudget = { arrays = 100;\n  energy_J = 1e-9; };");
    assert_fails(run(&f), MB_NUMERIC, "exp.cfg:4: no plan fits budget.energy_J = 1.000 nJ: the cheapest setting of 2 needs");
    mb_plan *p = NULL;
    assert_ok(mb_plan_new(f.net, &(mb_assign){MB_ANALOG, 2, 2, 8, 1, 8, 0, 0, 1}, &p));
    world_cost(&f.w, p, &least);
    char number[48];
    mb_fmt_si(number, least.energy_J, "J", 4);
    f.map->child[0]->used = false;
    assert_fails(run(&f), MB_NUMERIC, number);
    mb_plan_free(p);
    end(&f);
    begin(&f, "weight_bits = 4; budget = { latency_s = 1e-7; };"); /* no menu: the base is checked too */
    assert_fails(run(&f), MB_NUMERIC, "latency_s");
    end(&f);
    begin(&f, "menu = { copies = [1, 4]; };\nbudget = { latency_s = 10e-6;\n area_m2 = 40e-8; };"); /* each alone can be met */
    assert_fails(run(&f), MB_NUMERIC, "meets all budgets together");
    end(&f);
}

static void impossible_settings_are_left_out(void **state) {
    (void)state;
    fixture f;
    mb_log_quiet(1);
    begin(&f, "menu = { scheme = [\"offset\", \"differential\"]; dac_bits = [8, 4]; input_bits = [4, 8]; };");
    f.w.refuse_offset = true;
    assert_ok(run(&f));
    assert_int_equal(f.best->assign[1].scheme, 0);
    assert_int_equal(f.best->assign[1].input_bits, 8);
    assert_int_equal(f.o.n_loss, 3); /* 8 settings: 4 offset, 1 with dac_bits > input_bits */
    end(&f);
    begin(&f, "menu = { dac_bits = [8, 7]; input_bits = [4, 5]; };");
    assert_fails(run(&f), MB_BADINPUT, "none of the 4 settings");
    end(&f);
    begin(&f, "menu = { weight_bits = [8, 4, 2, 6]; };"); /* what does not fit the machine is no choice either */
    f.w.small = true;
    assert_ok(run(&f));
    assert_int_equal(f.best->assign[1].weight_bits, 4);
    end(&f);
    begin(&f, "menu = { weight_bits = [8, 6]; };");
    f.w.small = true;
    assert_fails(run(&f), MB_NUMERIC, "arrays are missing");
    end(&f);
    begin(&f, "scheme = \"offset\";");
    f.w.refuse_offset = true;
    assert_fails(run(&f), MB_BADINPUT, "no dummy columns");
    end(&f);
    begin(&f, "max_settings = 5; menu = { weight_bits = [1, 2, 3]; input_bits = [1, 2]; };");
    assert_fails(run(&f), MB_BADINPUT, "max_settings = 5");
    end(&f);
    mb_log_quiet(0);
}

static void a_loss_that_is_no_number_is_an_error(void **state) {
    (void)state;
    fixture f;
    begin(&f, "menu = { weight_bits = [4, 8]; };");
    f.w.nan_loss = true;
    assert_fails(run(&f), MB_NUMERIC, "not a finite number");
    end(&f);
}

static void survives_lack_of_memory(void **state) {
    (void)state;
    static const char text[] =
        "menu = { weight_bits = [4, 8]; }; layers = ( { name = \"fc\"; copies = 2; } ); budget = { energy_J = 1.0; };";
    for (long n = 1;; n++) {
        fixture f;
        begin(&f, text);
        mb_mem_fail_after(n);
        int rc = run(&f);
        mb_mem_fail_after(-1);
        mb_error_clear();
        end(&f);
        if (rc == MB_OK) {
            assert_true(n > 20);
            break;
        }
        assert_int_equal(rc, MB_SYSTEM);
        assert_int_equal(mb_mem_live(), 0);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_problem_holds_what_is_written),
        cmocka_unit_test(wrong_problems_are_refused),
        cmocka_unit_test(budgets),
        cmocka_unit_test(without_a_menu_it_is_the_base),
        cmocka_unit_test(no_group_means_all_defaults),
        cmocka_unit_test(the_menu_against_brute_force),
        cmocka_unit_test(infeasible_budgets_say_how_far),
        cmocka_unit_test(impossible_settings_are_left_out),
        cmocka_unit_test(a_loss_that_is_no_number_is_an_error),
        cmocka_unit_test(survives_lack_of_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
