/* parameter tables: defaults, types, ranges, messages, and the way back */
#include "mbtest.h"

#include <math.h>

#include "base/mem.h"
#include "base/param.h"

typedef struct probe {
    double before;
    bool flag;
    int weight_bits;
    double g_max_S;
    char *name;
    int scheme;
    mb_reals levels;
    char *file;
    int after;
} probe;

static const mb_param table[] = {
    MB_FLAG(probe, flag, "true", "a flag"),
    MB_INT(probe, weight_bits, "bit", "8", 1, 16, "bits of a weight"),
    MB_REAL(probe, g_max_S, "S", "100e-6", 1e-9, 1.0, "largest conductance"),
    MB_TEXT(probe, name, "a name", "a text"),
    MB_CHOICE(probe, scheme, "differential|offset|single", "offset", "sign of the weights"),
    MB_VECTOR(probe, levels, "S", "[0, 0.25, 1.0]", 0, 1, "levels"),
    MB_FILE(probe, file, "", "a file"),
    MB_PARAM_END};

static mb_conf *parsed(const char *text) {
    mb_conf *c = NULL;
    assert_ok(mb_conf_parse(text, "folder/t.cfg", &c));
    return c;
}

static void defaults_fill_everything(void **state) {
    (void)state;
    probe p;
    memset(&p, 0xEE, sizeof p);
    p.before = 1.5;
    p.after = 7;
    assert_ok(mb_params_load(table, NULL, NULL, &p));
    assert_true(p.flag);
    assert_int_equal(p.weight_bits, 8);
    assert_true(p.g_max_S == 100e-6);
    assert_string_equal(p.name, "a name");
    assert_int_equal(p.scheme, 1);
    assert_int_equal(p.levels.n, 3);
    assert_true(p.levels.v[0] == 0 && p.levels.v[1] == 0.25 && p.levels.v[2] == 1.0);
    assert_string_equal(p.file, "");
    assert_true(p.before == 1.5 && p.after == 7); /* fields outside the table are not touched */
    mb_params_free(table, &p);
    assert_null(p.name);
    assert_null(p.levels.v);
    mb_params_free(table, &p);
    assert_int_equal(mb_mem_live(), 0);
}

static void values_come_from_the_group(void **state) {
    (void)state;
    static const char *const also[] = {"policy", "preset", NULL};
    probe p;
    mb_conf *c = parsed("map = {\n flag = false; weight_bits = 4;\n g_max_S = 1; name = \"n\"; scheme = \"single\"; levels = ( "
                        "1, 0.5 );\n file = \"d/x.csv\"; policy = { a = 1; };\n};");
    mb_conf *g = mb_conf_use(c, "map");
    assert_ok(mb_params_load(table, g, also, &p));
    assert_false(p.flag);
    assert_int_equal(p.weight_bits, 4);
    assert_true(p.g_max_S == 1.0); /* an integer where a real is asked */
    assert_string_equal(p.name, "n");
    assert_int_equal(p.scheme, 2);
    assert_int_equal(p.levels.n, 2);
    assert_true(p.levels.v[0] == 1.0 && p.levels.v[1] == 0.5);
    assert_string_equal(p.file, "folder/d/x.csv");
    assert_fails(mb_conf_check_used(c), MB_BADINPUT, "map.policy"); /* somebody else's key is not marked */
    mb_params_free(table, &p);
    mb_conf_free(c);
    c = parsed("levels = 0.5; weight_bits = 16; file = \"/abs/x\"; g_max_S = 1e-9;");
    assert_ok(mb_params_load(table, c, NULL, &p));
    assert_int_equal(p.levels.n, 1); /* a number is a list of one */
    assert_true(p.levels.v[0] == 0.5);
    assert_int_equal(p.weight_bits, 16);
    assert_string_equal(p.file, "/abs/x");
    assert_ok(mb_conf_check_used(c));
    /* every default is in the tree now, and says that it is one */
    for (const mb_param *row = table; row->kind != MB_P_END; row++) {
        const mb_conf *v = mb_conf_find(c, row->name);
        assert_non_null(v);
        int given = !strcmp(row->name, "levels") || !strcmp(row->name, "weight_bits") || !strcmp(row->name, "file") ||
                    !strcmp(row->name, "g_max_S");
        assert_int_equal(v->origin, given ? MB_FROM_FILE : MB_FROM_DEFAULT);
    }
    uint64_t h = mb_conf_hash(c);
    mb_params_free(table, &p);
    assert_ok(mb_params_load(table, c, NULL, &p)); /* and loading again changes nothing */
    assert_int_equal(mb_conf_hash(c), h);
    mb_params_free(table, &p);
    assert_ok(mb_conf_set(c, "levels", "( )", MB_FROM_COMMAND));
    assert_ok(mb_conf_set(c, "file", "rel.csv", MB_FROM_COMMAND));
    assert_ok(mb_params_load(table, c, NULL, &p));
    assert_int_equal(p.levels.n, 0);
    assert_string_equal(p.file, "rel.csv");
    mb_params_free(table, &p);
    mb_conf_free(c);
    assert_int_equal(mb_mem_live(), 0);
}

static void mistakes_are_explained(void **state) {
    (void)state;
    static const struct { const char *text, *message;
    } t[] = {
        {"map = {\n weigth_bits = 4; };", "folder/t.cfg:2: unknown key \"weigth_bits\" in map (did you mean \"weight_bits\"?)"},
        {"map = { temperature = 4; };", "unknown key \"temperature\" in map (known: flag, weight_bits,"},
        {"map = { weight_bits = 17; };",
         "folder/t.cfg:1: map.weight_bits = 17 bit is out of range: it must lie between 1 and 16 bit"},
        {"map = { weight_bits = 0; };", "out of range"},
        {"map = { weight_bits = 5000000000L; };", "5000000000 bit is out of range"},
        {"map = { weight_bits = 8.0; };", "map.weight_bits must be an integer; found a real number: 8.0"},
        {"map = { weight_bits = \"8\"; };", "found a text: \"8\""},
        {"map = { g_max_S = 2; };", "map.g_max_S = 2 S is out of range: it must lie between 1e-09 and 1 S"},
        {"map = { g_max_S = 0.9e-9; };", "9e-10 S is out of range"},
        {"map = { g_max_S = 1e999; };", "inf S is out of range"},
        {"map = { g_max_S = true; };", "must be a number; found true/false: true"},
        {"map = { g_max_S = ( 1, 2 ); };", "found a list: [1, 2]"},
        {"map = { flag = 1; };", "must be true or false; found an integer: 1"},
        {"map = { name = 7; };", "must be a text; found an integer: 7"},
        {"map = { name = { a = 1; }; };", "found a group"},
        {"map = { scheme = \"ofset\"; };",
         "map.scheme = \"ofset\" is not known (did you mean \"offset\"?); choices: differential|offset|single"},
        {"map = { scheme = \"\"; };", "choices: differential"},
        {"map = { scheme = \"diff\"; };", "choices: differential"},
        {"map = { scheme = 1; };", "found an integer: 1"},
        {"map = { levels = ( 0.5,\n 1.5 ); };", "folder/t.cfg:2: map.levels[1] = 1.5 S is out of range"},
        {"map = { levels = ( 0.5, \"x\" ); };", "map.levels[1] must be a number"},
        {"map = { levels = \"x\"; };", "must be a list of numbers"},
        {"map = { file = 3; };", "must be a path"},
        {"map = ( 1 );", "map must be a group { }; found a list"},
    };
    for (size_t i = 0; i < sizeof t / sizeof *t; i++) {
        probe p;
        mb_conf *c = parsed(t[i].text);
        assert_fails(mb_params_load(table, mb_conf_find(c, "map"), NULL, &p), MB_BADINPUT, t[i].message);
        assert_null(p.name);
        assert_null(p.levels.v);
        assert_null(p.file);
        mb_conf_free(c);
        assert_int_equal(mb_mem_live(), 0);
    }
    probe p;
    mb_conf *c = parsed("");
    assert_ok(mb_conf_assign(c, "weigth_bits=4", MB_FROM_COMMAND));
    assert_fails(mb_params_load(table, c, NULL, &p), MB_BADINPUT,
                 "command line: unknown key \"weigth_bits\" (did you mean \"weight_bits\"?)");
    mb_conf_free(c);
}

static void unknown_names(void **state) {
    (void)state;
    static const char *const names[] = {"pigeon", "parrot"};
    mb_conf *c = parsed("a = \"piegon\";\nb = \"horse\";");
    assert_fails(mb_conf_unknown(mb_conf_find(c, "a"), "bird", names, 2), MB_BADINPUT,
                 ":1: unknown bird \"piegon\"; did you mean \"pigeon\"? (there are: pigeon, parrot)");
    assert_fails(mb_conf_unknown(mb_conf_find(c, "b"), "bird", names, 2), MB_BADINPUT,
                 ":2: unknown bird \"horse\"; there are: pigeon, parrot");
    mb_conf_free(c);
    assert_int_equal(mb_mem_live(), 0);
}

typedef struct needy { int rows; mb_reals none; } needy;
static const mb_param needy_table[] = {{"rows", MB_P_INT, "", NULL, 1, 9, NULL, offsetof(needy, rows), "rows of the array"},
                                       MB_VECTOR(needy, none, "", "", 0, 1, "may be empty"), MB_PARAM_END};

static void required_keys_and_bad_defaults(void **state) {
    (void)state;
    needy p;
    mb_conf *c = parsed("tile = { };");
    assert_fails(mb_params_load(needy_table, mb_conf_find(c, "tile"), NULL, &p), MB_BADINPUT,
                 "folder/t.cfg:1: tile: the key \"rows\" is missing");
    assert_fails(mb_params_load(needy_table, NULL, NULL, &p), MB_BADINPUT, "rows of the array");
    mb_conf_free(c);
    c = parsed("rows = 3;");
    assert_ok(mb_params_load(needy_table, c, NULL, &p));
    assert_int_equal(p.rows, 3);
    assert_int_equal(p.none.n, 0);
    mb_params_free(needy_table, &p);
    mb_conf_free(c);
    static const mb_param broken[] = {MB_INT(needy, rows, "", "12", 1, 9, "default out of its own range"), MB_PARAM_END};
    assert_fails(mb_params_load(broken, NULL, NULL, &p), MB_BADINPUT, "default: rows = 12 is out of range");
    assert_int_equal(mb_mem_live(), 0);
}

static void stored_values_load_again(void **state) {
    (void)state;
    double v[2] = {1.0 / 3, 1.0};
    probe p = {0, false, 5, 0.1 + 0.2, mb_strdup("x \"y\"\n"), 2, {v, 2}, mb_strdup("/d/f.csv"), 0}, q;
    mb_conf *c = parsed("weight_bits = 1; keep = 3;");
    static const char *const also[] = {"keep", NULL};
    mb_str out = {0};
    mb_conf *back = NULL;
    assert_ok(mb_params_store(table, &p, c));
    assert_int_equal(mb_conf_find(c, "keep")->i, 3);
    mb_conf_write(c, &out, true);
    assert_ok(mb_conf_parse(mb_cstr(&out), "again.cfg", &back));
    assert_ok(mb_params_load(table, back, also, &q));
    assert_int_equal(q.flag, p.flag);
    assert_int_equal(q.weight_bits, 5);
    assert_memory_equal(&q.g_max_S, &p.g_max_S, sizeof p.g_max_S);
    assert_string_equal(q.name, p.name);
    assert_int_equal(q.scheme, 2);
    assert_int_equal(q.levels.n, 2);
    assert_memory_equal(q.levels.v, v, sizeof v);
    assert_string_equal(q.file, p.file);
    static const char *const text[] = {"false",   "5", "0.30000000000000004", "x \"y\"\n", "single", "[0.3333333333333333, 1]",
                                       "/d/f.csv"};
    for (size_t i = 0; table[i].kind != MB_P_END; i++) {
        mb_str_clear(&out);
        mb_params_format(&table[i], &q, &out);
        assert_string_equal(mb_cstr(&out), text[i]);
    }
    mb_params_free(table, &q);
    mb_free(p.name);
    mb_free(p.file);
    mb_conf_free(c);
    mb_conf_free(back);
    mb_str_free(&out);
    char buf[8];
    assert_string_equal(mb_choice_name("a|bc|d", 1, buf, sizeof buf), "bc");
    assert_string_equal(mb_choice_name("a|bc|d", 2, buf, sizeof buf), "d");
    assert_string_equal(mb_choice_name("a|bc|d", 3, buf, sizeof buf), "?");
    assert_string_equal(mb_choice_name("a|bc|d", -1, buf, sizeof buf), "?");
    assert_string_equal(mb_choice_name("abcdefghijk", 0, buf, sizeof buf), "abcdefg");
    assert_int_equal(mb_mem_live(), 0);
}

static void every_allocation_may_fail(void **state) {
    (void)state;
    int failures = 0;
    for (long n = 1; n < 120; n++) {
        probe p;
        mb_conf *c = parsed("scheme = \"single\"; levels = [0.5, 1.0]; file = \"x\";");
        mb_mem_fail_after(n);
        int rc = mb_params_load(table, c, NULL, &p);
        if (rc == MB_OK) {
            rc = mb_params_store(table, &p, c);
            mb_params_free(table, &p);
        }
        mb_mem_fail_after(-1);
        assert_true(rc == MB_OK || rc == MB_SYSTEM);
        failures += rc != MB_OK;
        mb_conf_free(c);
        mb_error_clear();
        assert_int_equal(mb_mem_live(), 0);
    }
    assert_in_range(failures, 20, 118);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(defaults_fill_everything), cmocka_unit_test(values_come_from_the_group),
        cmocka_unit_test(mistakes_are_explained),   cmocka_unit_test(required_keys_and_bad_defaults),
        cmocka_unit_test(unknown_names),
        cmocka_unit_test(stored_values_load_again), cmocka_unit_test(every_allocation_may_fail),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
