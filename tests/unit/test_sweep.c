/* test_sweep.c - points of grid, zip and list sweeps; mistakes are told with their place */
#include "mbtest.h"

#include "base/mem.h"
#include "run/sweep.h"

static mb_conf *parse(const char *text) {
    mb_conf *c = NULL;
    assert_ok(mb_conf_parse(text, "exp.cfg", &c));
    return c;
}

/* All points of C, built one by one. */
typedef struct points { mb_sweep *sweep; mb_point *p; size_t n; } points;

static void all_points(mb_conf *c, points *pts) {
    assert_ok(mb_sweep_open(c, &pts->sweep));
    pts->n = mb_sweep_n(pts->sweep);
    pts->p = mb_calloc(pts->n, sizeof *pts->p);
    assert_non_null(pts->p);
    for (size_t i = pts->n; i-- > 0;) assert_ok(mb_sweep_point(pts->sweep, i, &pts->p[i])); /* in any order */
}

static void forget(points *pts) {
    for (size_t i = 0; i < pts->n; i++) mb_point_free(&pts->p[i]);
    mb_free(pts->p);
    mb_sweep_close(pts->sweep);
}

static int64_t value(const mb_point *p, const char *key) {
    const mb_conf *c = mb_conf_find(p->conf, key);
    assert_non_null(c);
    return c->i;
}

static void no_sweep_is_one_point(void **state) {
    (void)state;
    mb_conf *c = parse("map = { a = 1; };");
    points p;
    all_points(c, &p);
    assert_int_equal(p.n, 1);
    assert_string_equal(p.p[0].label, "");
    assert_int_equal(value(&p.p[0], "map.a"), 1);
    forget(&p);
    mb_conf_free(c);
}

static void grid_has_all_combinations_last_fastest(void **state) {
    (void)state;
    mb_conf *c = parse("map = { a = 1; }; sweep = { axes = ( { key = \"map.a\"; values = [1, 2, 3]; }, { key = \"map.b.c\"; values = [10, 20]; } ); };");
    points p;
    all_points(c, &p);
    assert_int_equal(p.n, 6);
    for (int i = 0; i < 6; i++) {
        assert_int_equal(value(&p.p[i], "map.a"), 1 + i / 2);
        assert_int_equal(value(&p.p[i], "map.b.c"), 10 * (1 + i % 2));
        assert_null(mb_conf_find(p.p[i].conf, "sweep"));
        assert_int_equal(p.p[i].n_set, 2);
    }
    assert_string_equal(p.p[5].label, "a=3 c=20");
    assert_string_equal(p.p[5].key[1], "map.b.c");
    assert_string_equal(p.p[5].value[1], "20");
    forget(&p);
    mb_conf_free(c);
}

static void zip_goes_in_step(void **state) {
    (void)state;
    mb_conf *c = parse("sweep = { mode = \"zip\"; names = [\"x\", \"y\"]; axes = ( { key = \"a\"; values = [8, 4]; }, { key = \"d\"; values = [\"rram\", \"ideal\"]; } ); };");
    points p;
    all_points(c, &p);
    assert_int_equal(p.n, 2);
    assert_int_equal(value(&p.p[1], "a"), 4);
    assert_string_equal(mb_conf_find(p.p[1].conf, "d")->s, "ideal");
    assert_string_equal(p.p[1].label, "y");
    forget(&p);
    mb_conf_free(c);
}

static void list_sets_what_each_point_says(void **state) {
    (void)state;
    mb_conf *c = parse("a = 0; sweep = { mode = \"list\"; points = ( (\"a=1\", \"m.x=0.5\"), (\"a=2\") ); };");
    points p;
    all_points(c, &p);
    assert_int_equal(p.n, 2);
    assert_int_equal(value(&p.p[0], "a"), 1);
    assert_true(mb_conf_find(p.p[0].conf, "m.x")->r == 0.5);
    assert_null(mb_conf_find(p.p[1].conf, "m.x"));
    assert_string_equal(p.p[0].label, "a=1 x=0.5");
    forget(&p);
    mb_conf_free(c);
}

/* Keys that end in the same word are told apart; a group is a text of one line. */
static void labels_are_unambiguous(void **state) {
    (void)state;
    mb_conf *c = parse("sweep = { axes = ( { key = \"map.bits\"; values = [1, 2]; }, { key = \"arch.bits\"; values = [3]; }, { key = \"d.x\"; values = [4]; } ); };");
    points p;
    all_points(c, &p);
    assert_string_equal(p.p[1].label, "map.bits=2 arch.bits=3 x=4");
    forget(&p);
    mb_conf_free(c);
    c = parse("sweep = { axes = ( { key = \"d\"; values = ( { preset = \"a\"; n = 3; }, \"b\" ); } ); };");
    all_points(c, &p);
    assert_string_equal(p.p[0].label, "d={ preset = \"a\"; n = 3; }");
    assert_string_equal(p.p[1].label, "d=b");
    forget(&p);
    mb_conf_free(c);
}

static void list_points_keep_the_place_of_their_file(void **state) {
    (void)state;
    mb_conf *c = NULL;
    assert_ok(mb_conf_parse("sweep = { mode = \"list\"; points = ( (\"device=./my.cfg\") ); };", "folder/exp.cfg", &c));
    points p;
    all_points(c, &p);
    char *dir = mb_conf_dir(mb_conf_find(p.p[0].conf, "device"));
    assert_string_equal(dir, "folder");
    mb_free(dir);
    forget(&p);
    mb_conf_free(c);
}

static void refused(const char *text, const char *message) {
    mb_conf *c = parse(text);
    mb_sweep *s;
    assert_fails(mb_sweep_open(c, &s), MB_BADINPUT, message);
    assert_null(s);
    mb_conf_free(c);
}

static void mistakes_are_told(void **state) {
    (void)state;
    refused("sweep = { mode = \"zip\"; axes = ( { key = \"a\"; values = [1, 2]; }, { key = \"b\"; values = [1]; } ); };", "b has 1");
    refused("sweep = { axes = ( { key = \"a\"; values = []; } ); };", "needs values");
    refused("sweep = { axes = ( { values = [1]; } ); };", "needs a key");
    refused("sweep = { axes = ( { key = \"a\"; values = [1]; }, { key = \"a\"; values = [1]; } ); };", "stands twice");
    refused("sweep = { mode = \"list\"; points = ( (\"a\") ); };", "KEY=VALUE");
    refused("sweep = { mode = \"list\"; };", "needs points");
    refused("sweep = { mode = \"gird\"; axes = (); };", "gird");
    refused("sweep = { axs = (); };", "axs");
    refused("sweep = { names = [\"one\"]; axes = ( { key = \"a\"; values = [1, 2]; } ); };", "names needs");
    refused("sweep = { axes = ( { key = \"a\"; values = [1]; valeus = [2]; } ); };", "valeus");
    refused("sweep = { axes = ( { keys = [\"a\", \"b\"]; values = ( (1, 2), (3) ); } ); };", "one value per key: 2");
    refused("sweep = { axes = ( { keys = [\"a\", \"b\"]; values = [1, 2]; } ); };", "one value per key");
    refused("sweep = { axes = ( { keys = [\"a\", \"a\"]; values = ( (1, 2) ); } ); };", "axis a stands twice");
    refused("sweep = { axes = ( { keys = [\"a\", \"b\"]; values = ( (1, 2) ); }, { key = \"b\"; values = [1]; } ); };", "axis b stands twice");
    refused("sweep = { axes = ( { key = \"a\"; keys = [\"b\"]; values = [1]; } ); };", "not both");
    refused("sweep = { axes = ( { keys = [ ]; values = [1]; } ); };", "1 to 16 names");
    refused("sweep = { axes = ( { keys = (\"a\", 3); values = ( (1, 2) ); } ); };", "needs a key");
}

static void keys_of_one_axis_change_together(void **state) {
    (void)state;
    mb_conf *c = parse("sweep = { axes = ( { keys = [\"device\", \"map.cell_bits\"]; values = ( (\"rram\", 2), (\"stt-mram\", 1) ); },"
                       " { key = \"read.time_s\"; values = [1.0, 10.0, 100.0]; } ); };");
    points p;
    all_points(c, &p);
    assert_int_equal(p.n, 6);
    for (int i = 0; i < 6; i++) {
        assert_string_equal(mb_conf_find(p.p[i].conf, "device")->s, i < 3 ? "rram" : "stt-mram");
        assert_int_equal(value(&p.p[i], "map.cell_bits"), i < 3 ? 2 : 1);
        assert_int_equal(p.p[i].n_set, 3);
    }
    assert_string_equal(p.p[4].label, "device=stt-mram cell_bits=1 time_s=10");
    forget(&p);
    mb_conf_free(c);
    /* in step with another axis */
    c = parse("sweep = { mode = \"zip\"; axes = ( { keys = [\"a\", \"b\"]; values = ( (1, 2), (3, 4) ); }, { key = \"c\"; values = [5, 6]; } ); };");
    all_points(c, &p);
    assert_int_equal(p.n, 2);
    assert_int_equal(value(&p.p[1], "a") * 100 + value(&p.p[1], "b") * 10 + value(&p.p[1], "c"), 346);
    forget(&p);
    mb_conf_free(c);
    /* one key alone may stand in a list, and a value may be a list: it is one value of one key */
    c = parse("sweep = { axes = ( { key = \"v\"; values = ( [1, 2], [3] ); } ); };");
    all_points(c, &p);
    assert_int_equal(mb_conf_find(p.p[0].conf, "v")->n, 2);
    forget(&p);
    mb_conf_free(c);
}

static void a_swept_key_set_on_the_command_line_is_told(void **state) {
    (void)state;
    mb_conf *c = parse("map = { a = 1; }; sweep = { axes = ( { key = \"map.a\"; values = [1, 2]; } ); };");
    mb_sweep *s;
    assert_ok(mb_conf_assign(c, "map.a=3", MB_FROM_COMMAND));
    assert_fails(mb_sweep_open(c, &s), MB_BADINPUT, "map.a is swept");
    mb_conf_free(c);
    c = parse("map = { a = 1; b = 2; }; sweep = { axes = ( { key = \"map\"; values = (\"x\", \"y\"); } ); };");
    assert_ok(mb_conf_assign(c, "map.b=3", MB_FROM_COMMAND));
    assert_fails(mb_sweep_open(c, &s), MB_BADINPUT, "map is swept here, so setting b");
    mb_conf_free(c);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(no_sweep_is_one_point), cmocka_unit_test(grid_has_all_combinations_last_fastest), cmocka_unit_test(zip_goes_in_step), cmocka_unit_test(keys_of_one_axis_change_together),
        cmocka_unit_test(list_sets_what_each_point_says), cmocka_unit_test(labels_are_unambiguous), cmocka_unit_test(list_points_keep_the_place_of_their_file), cmocka_unit_test(a_swept_key_set_on_the_command_line_is_told), cmocka_unit_test(mistakes_are_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
