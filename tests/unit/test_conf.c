/* configuration: libconfig's traps, includes, paths into the tree, presets, writing back */
#include "mbtest.h"

#include <dirent.h>
#include <math.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/conf.h"
#include "base/file.h"
#include "base/mem.h"
#include "base/rng.h"

static char root_dir[64], home[4096];

static void put(const char *path, const char *text) { assert_ok(mb_file_write(path, text, strlen(text))); }

static void remove_tree(const char *path) {
    DIR *d = opendir(path);
    struct dirent *e;
    while (d && (e = readdir(d))) {
        if (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0) continue;
        char *p = mb_path_join(path, e->d_name);
        struct stat st;
        if (lstat(p, &st) == 0 && S_ISDIR(st.st_mode)) {
            remove_tree(p);
        } else {
            unlink(p);
        }
        mb_free(p);
    }
    if (d) closedir(d);
    rmdir(path);
}

static int enter(void **state) {
    (void)state;
    snprintf(root_dir, sizeof root_dir, "/tmp/mixbar-test-conf-XXXXXX");
    unsetenv("MIXBAR_PATH");
    return getcwd(home, sizeof home) && mkdtemp(root_dir) && chdir(root_dir) == 0 ? 0 : -1;
}

static int leave(void **state) {
    (void)state;
    int rc = chdir(home);
    remove_tree(root_dir);
    return rc;
}

static mb_conf *parsed(const char *text) {
    mb_conf *c = NULL;
    assert_ok(mb_conf_parse(text, "t.cfg", &c));
    assert_non_null(c);
    return c;
}

static void values_keep_type_and_place(void **state) {
    (void)state;
    mb_conf *c =
        parsed("a = 8;\nb = 0.5;\n\nc = true;\nd = \"x\\ty\" \"z\"\n;\ne = { f = -3L; };\n"
               "g = (1, \"two\"\n, { h = 3000000000L; },\n[1.5, 2.5]);\ni = 0x1F; j = [ ]; k = ( ); l : { }\n"
               "m = \"not # a // comment /* here */\"; # comment \" with quote\n// another '\n/* and\n@ one { */ n = 1e3;\n");
    static const struct { const char *path; mb_conf_type type; int line;
    } t[] = {{"a", MB_CONF_INT, 1},       {"b", MB_CONF_REAL, 2},     {"c", MB_CONF_BOOL, 4},     {"d", MB_CONF_STRING, 5},
             {"e", MB_CONF_GROUP, 7},     {"e.f", MB_CONF_INT, 7},    {"g", MB_CONF_LIST, 8},     {"g[0]", MB_CONF_INT, 8},
             {"g[1]", MB_CONF_STRING, 8}, {"g[2].h", MB_CONF_INT, 9}, {"g[3]", MB_CONF_LIST, 10}, {"g[3][1]", MB_CONF_REAL, 10},
             {"i", MB_CONF_INT, 11},      {"j", MB_CONF_LIST, 11},    {"k", MB_CONF_LIST, 11},    {"l", MB_CONF_GROUP, 11},
             {"m", MB_CONF_STRING, 12},   {"n", MB_CONF_REAL, 15}};
    for (size_t i = 0; i < sizeof t / sizeof *t; i++) {
        const mb_conf *v = mb_conf_find(c, t[i].path);
        if (!v) fail_msg("%s is absent", t[i].path);
        assert_int_equal(v->type, t[i].type);
        if (v->line != t[i].line) fail_msg("%s is on line %d, not %d", t[i].path, v->line, t[i].line);
        assert_string_equal(v->file, "t.cfg");
        assert_int_equal(v->origin, MB_FROM_FILE);
        assert_string_equal(mb_conf_key(v), t[i].path);
    }
    assert_int_equal(mb_conf_find(c, "a")->i, 8);
    assert_true(mb_conf_find(c, "a")->r == 8.0);
    assert_true(mb_conf_find(c, "b")->r == 0.5);
    assert_string_equal(mb_conf_find(c, "d")->s, "x\tyz");
    assert_true(mb_conf_find(c, "g[2].h")->i == 3000000000);
    assert_int_equal(mb_conf_find(c, "i")->i, 31);
    assert_string_equal(mb_conf_find(c, "m")->s, "not # a // comment /* here */");
    assert_string_equal(mb_conf_where(mb_conf_find(c, "n")), "t.cfg:15");
    static const char *const none[] = {"",      ".",  "a.",  ".a",   "a..b", "z",    "a.b", "a[0]",   "g[4]",
                                       "g[-1]", "g[", "g[0", "g[x]", "g]",   "e[0]", "g.0", "g[0].x", "g[99999999999999999999]"};
    for (size_t i = 0; i < sizeof none / sizeof *none; i++) assert_null(mb_conf_find(c, none[i]));
    mb_conf_free(c);
    c = parsed("");
    assert_int_equal(c->n, 0);
    mb_conf_free(c);
    c = parsed("# only a comment, no line end");
    assert_int_equal(c->n, 0);
    mb_conf_free(c);
    c = parsed("a = [1,\n 0.5, 3000000000L\n]; b = \"[\"; # ]\n");
    assert_int_equal(mb_conf_find(c, "a[0]")->type, MB_CONF_INT);
    assert_int_equal(mb_conf_find(c, "a[1]")->type, MB_CONF_REAL);
    assert_true(mb_conf_find(c, "a[2]")->i == 3000000000);
    assert_string_equal(mb_conf_find(c, "b")->s, "[");
    assert_int_equal(mb_conf_find(c, "b")->line, 3);
    mb_conf_free(c);
    c = parsed("\xEF\xBB\xBF" "a = 1;\r\nb = 2;\r\n");
    assert_int_equal(mb_conf_find(c, "b")->line, 2);
    mb_conf_free(c);
    assert_int_equal(mb_mem_live(), 0);
}

static void bad_text_is_an_error_with_its_line(void **state) {
    (void)state;
    static const struct { const char *text, *message, *more; } t[] = {
        {"a = 1;\nb = 3000000000;\n", "t.cfg:2: ", "3000000000L"},
        {"a = -2147483649;", "t.cfg:1: ", "32 bits"},
        {"a = 0x80000000;", "t.cfg:1: ", "0x80000000L"},
        {"a = 9223372036854775808L;", "t.cfg:1: ", "64 bits"},
        {"a = 0x1FFFFFFFFFFFFFFFFL;", "t.cfg:1: ", "64 bits"},
        {"a = (1,\n 2,\n 3000000000);", "t.cfg:3: ", "32 bits"},
        {"a = 1;\n\nb = { a = 1; };\na = 2;\n", "t.cfg:4: ", "twice"},
        {"b = {\n c = 1;\n c = 2; };", "t.cfg:3: ", "twice"},
        {"a = 1;\nb = ;\n", "t.cfg:2: ", "a value is missing here, found ;"},
        {"a = 1;\nb == 2;\n", "t.cfg:2: ", "a value is missing here, found ="},
        {"a 1;\n", "t.cfg:1: ", "'=' is missing after the name of a key, found 1"},
        {"a = 1;;", "t.cfg:1: ", "the name of a key is wanted here, found ;"},
        {"a = 1 2;", "t.cfg:1: ", "';' or the name of a key is wanted after a value, found 2"},
        {"a = (1, );", "t.cfg:1: ", "a value is missing after ','"},
        {"a = (1 2);", "t.cfg:1: ", "',' or the end of the list"},
        {"a = [(1)];", "t.cfg:1: ", "go into ( )"},
        {"a = [true, 1];", "t.cfg:1: ", "1 is a number after true/false"},
        {"a = [true, \"x\"];", "t.cfg:1: ", "\"x\" is a text after true/false"},
        {"a = { b };", "t.cfg:1: ", "'=' and a value are missing"},
        {"a = { b = };", "t.cfg:1: ", "a value is missing after '='"},
        {"true = 1;", "t.cfg:1: ", "the name of a key is wanted here, found true"},
        {"a = 1;\nb =\n\n", "t.cfg:4: ", "the text ends where a value is wanted"},
        {"a", "t.cfg:1: ", "the text ends where '=' is wanted"},
        {"a = \"x\" 1;", "t.cfg:1: ", "wanted after a value"},
        {"\"x\" = 1;", "t.cfg:1: ", "the name of a key is wanted here, found \"x\""},
        {"a = (rram);", "t.cfg:1: ", "needs double quotes"},
        {"a = 1;\nb = \"open;\nc = \"x\";\n", "t.cfg:2: ", "closing quote"},
        {"a = \"at the end", "t.cfg:1: ", "closing quote"},
        {"a = \"back\\", "t.cfg:1: ", "escape"},
        {"a = \"C:\\data\";", "t.cfg:1: ", "\\\\"},
        {"a = \"\\x00\";", "t.cfg:1: ", "zero byte"},
        {"a = 1;\n/* no end\n\n", "t.cfg:2: ", "*/"},
        {"/*/", "t.cfg:1: ", "*/"},
        {"a = {\n b = (1, 2\n};", "t.cfg:3: ", "'(' of t.cfg:2"},
        {"a = {\n b = 1;\n", "t.cfg:1: ", "never closed"},
        {"a = 1;\n}\n", "t.cfg:2: ", "closes nothing"},
        {"a = rram;", "t.cfg:1: ", "\"rram\""},
        {"a = 'rram';", "t.cfg:1: ", "double quotes"},
        {"a = 8bits;", "t.cfg:1: ", "\"8bits\" is not a number"},
        {"a = .;", "t.cfg:1: ", "not a number"},
        {"a = 1.2.3;", "t.cfg:1: ", "not a number"},
        {"a = 5l;", "t.cfg:1: ", "not a number"},
        {"a = 0x;", "t.cfg:1: ", "not a number"},
        {"a = -0x10;", "t.cfg:1: ", "not a number"},
        {"a = 1e;", "t.cfg:1: ", "not a number"},
        {"a = [1, 0.5, \"x\"];", "t.cfg:1: ", "\"x\" is a text after a number"},
        {"a = 1;\nb = 2 $ 3;", "t.cfg:2: ", "'$'"},
        {"a = \xC3\xA9;", "t.cfg:1: ", "0xc3"},
        {"a = 1; \x01", "t.cfg:1: ", "0x01"},
        {"a = 1;\n@inclde \"x\"", "t.cfg:2: ", "@include"},
        {"a = 1; @include \"x\"", "t.cfg:1: ", "start of a line"},
        {"@include \"x\n", "t.cfg:1: ", "closing quote"},
        {"@include x\n", "t.cfg:1: ", "@include"},
        {"@", "t.cfg:1: ", "@include"},
    };
    for (size_t i = 0; i < sizeof t / sizeof *t; i++) {
        mb_conf *c = NULL;
        int rc = mb_conf_parse(t[i].text, "t.cfg", &c);
        const char *m = mb_error_message();
        if (rc != MB_BADINPUT || strncmp(m, t[i].message, strlen(t[i].message)) != 0 || !strstr(m, t[i].more))
            fail_msg("case %zu: status %d, message '%s' lacks '%s' or '%s'", i, rc, m, t[i].message, t[i].more);
        assert_null(c);
        mb_error_clear();
    }
    assert_int_equal(mb_mem_live(), 0);
}

static void integers_of_all_sizes(void **state) {
    (void)state;
    mb_conf *c = parsed(
        "a = 2147483647; b = -2147483648; c = 0x7FFFFFFF; d = 3000000000L; e = -9223372036854775808L; f = 9223372036854775807LL; "
        "g = 0xFFFFFFFFL; h = +5; i = \"3000000000\"; # 3000000000\n/* 3000000000 */ j = 007; k = 1L;");
    static const struct {
        const char *key;
        int64_t v;
    } t[] = {{"a", INT32_MAX}, {"b", INT32_MIN},  {"c", INT32_MAX}, {"d", 3000000000}, {"e", INT64_MIN},
             {"f", INT64_MAX}, {"g", 0xFFFFFFFF}, {"h", 5},         {"j", 7},          {"k", 1}};
    for (size_t i = 0; i < sizeof t / sizeof *t; i++) {
        assert_int_equal(mb_conf_find(c, t[i].key)->type, MB_CONF_INT);
        if (mb_conf_find(c, t[i].key)->i != t[i].v) fail_msg("%s is %lld", t[i].key, (long long)mb_conf_find(c, t[i].key)->i);
    }
    assert_string_equal(mb_conf_find(c, "i")->s, "3000000000");
    mb_conf_free(c);
}

static void hostile_text_does_not_crash(void **state) {
    (void)state;
    mb_conf *c = NULL;
    static char deep[40001];
    static const char *const open[] = {"(", "[", "{a="};
    for (size_t k = 0; k < 3; k++) {
        size_t n = strlen(open[k]);
        memcpy(deep, "a=", 3);
        for (size_t i = 0; i < 10000; i++) memcpy(deep + 2 + i * n, open[k], n + 1);
        assert_fails(mb_conf_parse(deep, "t.cfg", &c), MB_BADINPUT, k == 1 ? "go into ( )" : "deeper than 64");
    }
    /* 60 levels are fine */
    mb_str s = {0};
    mb_str_add(&s, "a = ");
    for (int i = 0; i < 60; i++) mb_str_add(&s, "(");
    mb_str_add(&s, "1");
    for (int i = 0; i < 60; i++) mb_str_add(&s, ")");
    c = parsed(mb_cstr(&s));
    mb_conf_free(c);
    mb_str_free(&s);
    /* random bytes, and a good text with random changes: any status but a crash; failures leave nothing behind */
    mb_stream r;
    mb_stream_init(&r, 7, MB_RNG_TEST, 0, 0, 0);
    static const char good[] = "a = 1; b = \"x\\n\"; c = ( 1, 0.5, { d = [1, 2]; } ); // e\n/* f */ g : { h = true; i = 5L; }\n";
    static const char odd[] = "(){}[]\"\\/*#=:;,@L-+.eE0x\n\r\t a1";
    for (int k = 0; k < 4000; k++) {
        char text[sizeof good];
        memcpy(text, good, sizeof good);
        unsigned changes = 1 + mb_stream_u32(&r) % 6;
        for (unsigned i = 0; i < changes; i++) {
            text[mb_stream_u32(&r) % (sizeof good - 1)] =
                k % 4 ? odd[mb_stream_u32(&r) % (sizeof odd - 1)] : (char)(1 + mb_stream_u32(&r) % 255);
        }
        int rc = mb_conf_parse(text, "t.cfg", &c);
        assert_true(rc == MB_OK || rc == MB_BADINPUT);
        if (rc != MB_OK) assert_true(strncmp(mb_error_message(), "t.cfg:", 6) == 0);
        mb_conf_free(c);
        mb_error_clear();
    }
    uint8_t junk[2000];
    for (int k = 0; k < 50; k++) {
        for (size_t i = 0; i < sizeof junk; i++) junk[i] = (uint8_t)mb_stream_u32(&r);
        assert_ok(mb_file_write("junk.cfg", junk, sizeof junk));
        assert_int_equal(mb_conf_read("junk.cfg", &c), MB_BADINPUT);
        assert_non_null(strstr(mb_error_message(), "junk.cfg:"));
        mb_error_clear();
    }
    assert_ok(mb_file_write("zero.cfg", "a = 1;\nb\0 = 2;", 14));
    assert_fails(mb_conf_read("zero.cfg", &c), MB_BADINPUT, "zero.cfg:2: the byte 0x00");
    assert_fails(mb_conf_read("absent.cfg", &c), MB_BADINPUT, "absent.cfg");
    assert_fails(mb_conf_read(".", &c), MB_BADINPUT, "folder");
    assert_int_equal(mb_mem_live(), 0);
}

static void includes_are_relative_to_their_file(void **state) {
    (void)state;
    mb_conf *c = NULL;
    assert_ok(mb_file_mkdirs("inc/sub"));
    put("inc/main.cfg",
        "a = 1;\n  @include \"sub/one.cfg\"  # comment\nb = 2;\n@include \"sub/two.cfg\"\nz = ( \"p\",\n \"q\"\n);\n");
    put("inc/sub/one.cfg", "\nc = 3;\n@include \"three.cfg\"\nd = 4;");
    put("inc/sub/two.cfg", "");
    put("inc/sub/three.cfg", "e = {\n f = 5;\n};\n");
    assert_ok(mb_conf_read("inc/main.cfg", &c));
    static const struct {
        const char *key, *where;
    } t[] = {{"a", "inc/main.cfg:1"},    {"b", "inc/main.cfg:3"},      {"c", "inc/sub/one.cfg:2"},
             {"d", "inc/sub/one.cfg:4"}, {"e", "inc/sub/three.cfg:1"}, {"e.f", "inc/sub/three.cfg:2"},
             {"z", "inc/main.cfg:5"},    {"z[0]", "inc/main.cfg:5"},   {"z[1]", "inc/main.cfg:6"}};
    for (size_t i = 0; i < sizeof t / sizeof *t; i++) assert_string_equal(mb_conf_where(mb_conf_find(c, t[i].key)), t[i].where);
    char *dir = mb_conf_dir(mb_conf_find(c, "e.f"));
    assert_string_equal(dir, "inc/sub");
    mb_free(dir);
    mb_conf_free(c);
    put("inc/sub/two.cfg", "g = 1;\ng = 2;\n");
    assert_fails(mb_conf_read("inc/main.cfg", &c), MB_BADINPUT, "inc/sub/two.cfg:2: this key is set twice");
    put("inc/sub/two.cfg", "g = \n\n;\n");
    assert_fails(mb_conf_read("inc/main.cfg", &c), MB_BADINPUT, "inc/sub/two.cfg:3: syntax error");
    put("inc/sub/two.cfg", "g = 3000000000;");
    assert_fails(mb_conf_read("inc/main.cfg", &c), MB_BADINPUT, "inc/sub/two.cfg:1: the integer 3000000000");
    put("inc/sub/two.cfg", "@include \"main.cfg\"\n");
    assert_fails(mb_conf_read("inc/main.cfg", &c), MB_BADINPUT, "inc/sub/two.cfg:1: @include: inc/sub/main.cfg: No such file");
    put("inc/sub/two.cfg", "@include \"../sub\"\n"); /* libconfig itself ends the program here */
    assert_fails(mb_conf_read("inc/main.cfg", &c), MB_BADINPUT, "folder");
    put("inc/self.cfg", "@include \"self.cfg\"\n");
    assert_fails(mb_conf_read("inc/self.cfg", &c), MB_BADINPUT, "includes itself");
    put("inc/a.cfg", "@include \"sub/../b.cfg\"\n");
    put("inc/b.cfg", "@include \"sub/../a.cfg\"\n");
    assert_int_equal(mb_conf_read("inc/a.cfg", &c), MB_BADINPUT);
    mb_error_clear();
    assert_int_equal(mb_mem_live(), 0);
}

static void texts_become_values(void **state) {
    (void)state;
    mb_conf *c = parsed("device = \"rram\"; map = { weight_bits = 8; }; list = (1, 2);");
    static const struct { const char *text; mb_conf_type type;
    } t[] = {{"8", MB_CONF_INT},
             {"-8", MB_CONF_INT},
             {"3000000000", MB_CONF_INT},
             {"0x10", MB_CONF_INT},
             {"0.5", MB_CONF_REAL},
             {"1e-6", MB_CONF_REAL},
             {"true", MB_CONF_BOOL},
             {"[1,2,3]", MB_CONF_LIST},
             {"(1, \"a\")", MB_CONF_LIST},
             {"{ a = 1; }", MB_CONF_GROUP},
             {"rram", MB_CONF_STRING},
             {"a/b.cfg", MB_CONF_STRING},
             {"\"8\"", MB_CONF_STRING},
             {"./my_cell.so", MB_CONF_STRING},
             {"", MB_CONF_STRING},
             {"8x8", MB_CONF_STRING},
             {"two words", MB_CONF_STRING},
             {"Truely", MB_CONF_STRING},
             {"1,2", MB_CONF_STRING},
             {" 7 ", MB_CONF_INT}};
    for (size_t i = 0; i < sizeof t / sizeof *t; i++) {
        assert_ok(mb_conf_set(c, "x.y", t[i].text, MB_FROM_COMMAND));
        const mb_conf *v = mb_conf_find(c, "x.y");
        if (v->type != t[i].type) fail_msg("'%s' became type %d", t[i].text, v->type);
        assert_int_equal(v->origin, MB_FROM_COMMAND);
        assert_string_equal(mb_conf_where(v), "command line");
        assert_string_equal(v->name, "y");
    }
    assert_int_equal(mb_conf_find(c, "x.y")->i, 7);
    assert_ok(mb_conf_assign(c, "map.weight_bits=4", MB_FROM_COMMAND));
    assert_int_equal(mb_conf_find(c, "map.weight_bits")->i, 4);
    assert_int_equal(mb_conf_find(c, "map")->n, 1);
    assert_ok(mb_conf_assign(c, "map.name = a=b", MB_FROM_COMMAND));
    assert_string_equal(mb_conf_find(c, "map.name")->s, "a=b");
    assert_ok(mb_conf_assign(c, "list[1]=0.5", MB_FROM_SWEEP));
    assert_true(mb_conf_find(c, "list[1]")->r == 0.5);
    assert_string_equal(mb_conf_where(mb_conf_find(c, "list[1]")), "sweep");
    assert_ok(mb_conf_assign(c, "list[2]=9", MB_FROM_COMMAND)); /* at the end: appended */
    assert_int_equal(mb_conf_find(c, "list")->n, 3);
    assert_ok(mb_conf_assign(c, "sweep.axes[0].key=map.weight_bits", MB_FROM_COMMAND));
    assert_string_equal(mb_conf_find(c, "sweep.axes[0].key")->s, "map.weight_bits");
    assert_ok(mb_conf_assign(c, "device.levels=16", MB_FROM_COMMAND)); /* a preset's name takes keys over it */
    assert_string_equal(mb_conf_find(c, "device.preset")->s, "rram");
    assert_string_equal(mb_conf_where(mb_conf_find(c, "device.preset")), "t.cfg:1");
    assert_int_equal(mb_conf_find(c, "device.levels")->i, 16);
    assert_fails(mb_conf_assign(c, "novalue", MB_FROM_COMMAND), MB_USAGE, "KEY=VALUE");
    assert_fails(mb_conf_assign(c, "=1", MB_FROM_COMMAND), MB_USAGE, "KEY=VALUE");
    assert_fails(mb_conf_assign(c, "a..b=1", MB_FROM_COMMAND), MB_BADINPUT, "a..b");
    assert_fails(mb_conf_assign(c, "1a=1", MB_FROM_COMMAND), MB_BADINPUT, "1a");
    assert_fails(mb_conf_assign(c, "list[9]=1", MB_FROM_COMMAND), MB_BADINPUT, "3 elements");
    assert_fails(mb_conf_assign(c, "list.x=1", MB_FROM_COMMAND), MB_BADINPUT, "no group");
    assert_fails(mb_conf_assign(c, "map[0]=1", MB_FROM_COMMAND), MB_BADINPUT, "no list");
    assert_fails(mb_conf_assign(c, "map.weight_bits.x=1", MB_FROM_COMMAND), MB_BADINPUT, "map.weight_bits");
    assert_fails(mb_conf_assign(c, "x=(1, 2", MB_FROM_COMMAND), MB_BADINPUT, "x: the value (1, 2");
    assert_fails(mb_conf_assign(c, "x=\"a\"; y = 2", MB_FROM_COMMAND), MB_BADINPUT, "more than one value");
    assert_fails(mb_conf_assign(c, "x=99999999999999999999", MB_FROM_COMMAND), MB_BADINPUT, "64 bits");
    mb_conf_free(c);
    assert_int_equal(mb_mem_live(), 0);
}

static void unused_keys_are_named(void **state) {
    (void)state;
    mb_conf *c = parsed("a = 1;\nb = {\n c = 2;\n d = { e = 3; };\n};\nf = (1, 2);\n");
    assert_fails(mb_conf_check_used(c), MB_BADINPUT, "t.cfg:1: the key \"a\"");
    assert_non_null(mb_conf_use(c, "a"));
    assert_null(mb_conf_use(c, "absent"));
    assert_fails(mb_conf_check_used(c), MB_BADINPUT, "t.cfg:2: the key \"b\"");
    assert_non_null(mb_conf_use(c, "b.d.e"));
    assert_true(mb_conf_find(c, "b")->used && mb_conf_find(c, "b.d")->used);
    assert_fails(mb_conf_check_used(c), MB_BADINPUT, "t.cfg:3: the key \"b.c\"");
    mb_conf_use(c, "b.c");
    mb_conf_use(c, "f[0]");
    assert_fails(mb_conf_check_used(c), MB_BADINPUT, "t.cfg:6: the key \"f[1]\"");
    mb_conf_use_all(mb_conf_find(c, "f"));
    assert_ok(mb_conf_check_used(c));
    assert_ok(mb_conf_assign(c, "b.weird=1", MB_FROM_COMMAND));
    assert_fails(mb_conf_check_used(c), MB_BADINPUT, "command line: the key \"b.weird\"");
    mb_conf_free(c);
}

static int same(const mb_conf *a, const mb_conf *b) {
    int ok = a->type == b->type && a->n == b->n && (a->name == NULL) == (b->name == NULL) &&
             (!a->name || strcmp(a->name, b->name) == 0);
    if (a->type == MB_CONF_INT || a->type == MB_CONF_BOOL) ok = ok && a->i == b->i;
    if (a->type == MB_CONF_REAL) ok = ok && memcmp(&a->r, &b->r, sizeof a->r) == 0;
    if (a->type == MB_CONF_STRING) ok = ok && strcmp(a->s, b->s) == 0;
    for (size_t i = 0; ok && i < a->n; i++) ok = same(a->child[i], b->child[i]) && a->child[i]->parent == a;
    return ok;
}

static void written_text_reads_back(void **state) {
    (void)state;
    mb_conf *c = parsed("a = 1; b = 3000000000L; c = -5L; d = 0.1; e = 1e300; f = 5e-324; g = true; h = ( ); i = [ ]; j = { }; k "
                        "= (1, 2.5, \"x\"); l = [1L, 3000000000L];"
                        "m = [0.1, 0.2]; n = (( 1, 2 ), ( { o = ( ); } )); p = [\"a\", \"b\"]; q = [true, false]; r = 1e999; s = "
                        "3.0; t = (true, 1); u = { v = { w = -0.0; }; };");
    static const char nasty[] = "quote \" back \\ newline \n tab \t return \r bell \a del \x7f # // /* */ \xC3\xA9 ; } \x01" "f";
    mb_conf *s = mb_conf_new(MB_CONF_STRING, "nasty");
    mb_free(s->s);
    s->s = mb_strdup(nasty);
    assert_ok(mb_conf_append(c, s));
    mb_stream z;
    mb_stream_init(&z, 3, MB_RNG_TEST, 0, 0, 0);
    for (int i = 0; i < 200; i++) {
        char name[16];
        snprintf(name, sizeof name, "x%d", i);
        mb_conf *r = mb_conf_new(MB_CONF_REAL, name);
        uint64_t u = (uint64_t)mb_stream_u32(&z) << 32 | mb_stream_u32(&z);
        memcpy(&r->r, &u, sizeof u);
        if (!isfinite(r->r)) r->r = (double)i;
        assert_ok(mb_conf_append(c, r));
    }
    assert_ok(mb_conf_assign(c, "u.from=shell", MB_FROM_COMMAND));
    for (int origin = 0; origin < 2; origin++) {
        mb_str out = {0};
        mb_conf *back = NULL;
        mb_conf_write(c, &out, origin);
        assert_int_equal(out.failed, 0);
        assert_ok(mb_conf_parse(mb_cstr(&out), "back.cfg", &back));
        assert_true(same(c, back));
        assert_int_equal(mb_conf_hash(c), mb_conf_hash(back));
        assert_int_equal(strstr(mb_cstr(&out), "# t.cfg:1") != NULL, origin);
        assert_int_equal(strstr(mb_cstr(&out), "from = \"shell\";  # command line") != NULL, origin);
        assert_non_null(strstr(mb_cstr(&out), "m = [0.1, 0.2];"));
        assert_non_null(strstr(mb_cstr(&out), "l = [1L, 3000000000L];"));
        mb_conf_free(back);
        mb_str_free(&out);
    }
    mb_conf *copy = mb_conf_clone(c);
    assert_true(same(c, copy));
    mb_conf_free(copy);
    mb_conf_free(c);
    assert_int_equal(mb_mem_live(), 0);
}

static void hashes_look_at_names_and_values(void **state) {
    (void)state;
    static const char *const texts[] = {"a = 1; b = { c = 2; d = \"x\"; };",
                                        "b = { d = \"x\"; c = 2; };\n\na = 1;", /* the same, in another order */
                                        "a = 2; b = { c = 1; d = \"x\"; };",
                                        "a = 1; b = { c = 2; e = \"x\"; };",
                                        "a = 1; b = { c = 2.0; d = \"x\"; };",
                                        "a = 1; b = { c = 2; d = \"y\"; };",
                                        "a = 1; b = ( 2, \"x\" );",
                                        "a = 1; b = ( \"x\", 2 );",
                                        "a = 1;",
                                        "a = true;",
                                        ""};
    uint64_t h[sizeof texts / sizeof *texts];
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        mb_conf *c = parsed(texts[i]);
        h[i] = mb_conf_hash(c);
        mb_conf_free(c);
        for (size_t k = 0; k < i; k++) {
            if ((h[i] == h[k]) != (i == 1 && k == 0))
                fail_msg("texts %zu and %zu: hashes %s", i, k, h[i] == h[k] ? "equal" : "differ");
        }
    }
}

static void trees_are_laid_over_each_other(void **state) {
    (void)state;
    mb_conf *base = parsed("a = 1; g = { x = 1; y = 2; h = { z = 3; }; }; l = (1, 2); adc = \"sar\"; dac = \"r2r\";");
    mb_conf *over = NULL;
    assert_ok(mb_conf_parse("g = { y = 5; h = { w = 6; }; };\nl = (9); b = 7; adc = { bits = 6; }; dac = { preset = \"pwm\"; };",
                            "over.cfg", &over));
    assert_ok(mb_conf_overlay(base, over));
    assert_int_equal(mb_conf_find(base, "a")->i, 1);
    assert_int_equal(mb_conf_find(base, "g.x")->i, 1);
    assert_int_equal(mb_conf_find(base, "g.y")->i, 5);
    assert_int_equal(mb_conf_find(base, "g.h.z")->i, 3);
    assert_int_equal(mb_conf_find(base, "g.h.w")->i, 6);
    assert_int_equal(mb_conf_find(base, "l")->n, 1);
    assert_int_equal(mb_conf_find(base, "b")->i, 7);
    assert_string_equal(mb_conf_where(mb_conf_find(base, "b")), "over.cfg:2");
    assert_string_equal(mb_conf_find(base, "adc.preset")->s, "sar");
    assert_int_equal(mb_conf_find(base, "adc.bits")->i, 6);
    assert_string_equal(mb_conf_find(base, "dac.preset")->s, "pwm");
    /* a value may come from the tree it goes to */
    assert_ok(mb_conf_put(base, "g.h.copy", mb_conf_find(base, "g"), MB_FROM_SWEEP));
    assert_int_equal(mb_conf_find(base, "g.h.copy.y")->i, 5);
    assert_string_equal(mb_conf_where(mb_conf_find(base, "g.h.copy.y")), "over.cfg:1");
    assert_int_equal(mb_conf_find(base, "g.h.copy.y")->origin, MB_FROM_SWEEP);
    assert_int_equal(mb_conf_append(base, mb_conf_new(MB_CONF_INT, "a")), MB_BUG);
    assert_int_equal(mb_conf_append(base, mb_conf_new(MB_CONF_INT, "no good")), MB_BUG);
    assert_int_equal(mb_conf_append(base, mb_conf_new(MB_CONF_INT, NULL)), MB_BUG);
    assert_int_equal(mb_conf_append(mb_conf_find(base, "a"), mb_conf_new(MB_CONF_INT, NULL)), MB_BUG);
    mb_error_clear();
    mb_conf_free(base);
    mb_conf_free(over);
    assert_int_equal(mb_mem_live(), 0);
}

static void presets_are_expanded(void **state) {
    (void)state;
    mb_conf *c = NULL;
    assert_ok(mb_file_mkdirs("pre/devices"));
    put("pre/exp.cfg", "device = \"rram\";\nfast = {\n preset = \"rram\";\n noise = { read = 0.5; };\n};\nplain = { levels = 3; "
                       "};\nbad = 7;\nmissing = \"rramm\";\n"
                       "loop = \"loop1\"; deep = \"d0\"; broken = \"broken\"; badp = { preset = 3; };");
    put("pre/devices/rram.cfg", "preset = \"base\";\nlevels = 16;\n");
    put("pre/devices/base.cfg", "levels = 2;\nfile = \"x.csv\";\nnoise = {\n read = 0.1;\n program = 0.2;\n};\n");
    put("pre/devices/loop1.cfg", "preset = \"loop2\";");
    put("pre/devices/loop2.cfg", "preset = \"loop1\";");
    put("pre/devices/broken.cfg", "levels = = 2;");
    for (int i = 0; i < 10; i++) {
        char path[64], text[64];
        snprintf(path, sizeof path, "pre/devices/d%d.cfg", i);
        snprintf(text, sizeof text, "preset = \"d%d\";", i + 1);
        put(path, i == 9 ? "levels = 1;" : text);
    }
    assert_ok(mb_conf_read("pre/exp.cfg", &c));
    mb_conf *d = mb_conf_find(c, "device");
    assert_ok(mb_conf_expand_preset(d, "devices"));
    assert_int_equal(d->type, MB_CONF_GROUP);
    assert_int_equal(mb_conf_find(c, "device.levels")->i, 16);
    assert_string_equal(mb_conf_where(mb_conf_find(c, "device.levels")), "pre/devices/rram.cfg:2");
    assert_string_equal(mb_conf_where(mb_conf_find(c, "device.noise.read")), "pre/devices/base.cfg:4");
    const mb_conf *p = mb_conf_find(c, "device.preset");
    char want[4096];
    assert_non_null(realpath("pre/devices/rram.cfg", want));
    assert_string_equal(p->s, want);
    assert_true(p->used);
    assert_string_equal(mb_conf_where(p), "pre/exp.cfg:1");
    uint64_t h = mb_conf_hash(d);
    assert_ok(mb_conf_expand_preset(d, "devices")); /* again: the same */
    assert_int_equal(mb_conf_hash(d), h);
    assert_ok(mb_conf_expand_preset(mb_conf_find(c, "fast"), "devices"));
    assert_true(mb_conf_find(c, "fast.noise.read")->r == 0.5);
    assert_true(mb_conf_find(c, "fast.noise.program")->r == 0.2);
    assert_string_equal(mb_conf_key(mb_conf_find(c, "fast.noise.program")), "fast.noise.program");
    assert_ok(mb_conf_expand_preset(mb_conf_find(c, "plain"), "devices"));
    assert_int_equal(mb_conf_find(c, "plain")->n, 1);
    assert_fails(mb_conf_expand_preset(mb_conf_find(c, "bad"), "devices"), MB_BADINPUT, "pre/exp.cfg:7: bad must be");
    assert_fails(mb_conf_expand_preset(mb_conf_find(c, "badp"), "devices"), MB_BADINPUT, "badp.preset must be");
    assert_fails(mb_conf_expand_preset(mb_conf_find(c, "missing"), "devices"), MB_BADINPUT, "did you mean \"rram\"");
    assert_int_equal(mb_conf_expand_preset(mb_conf_find(c, "missing"), "devices"), MB_BADINPUT);
    assert_non_null(strstr(mb_error_message(), "pre/exp.cfg:8: missing:"));
    assert_fails(mb_conf_expand_preset(mb_conf_find(c, "loop"), "devices"), MB_BADINPUT, "built on itself");
    assert_fails(mb_conf_expand_preset(mb_conf_find(c, "deep"), "devices"), MB_BADINPUT, "deeper than 8");
    assert_fails(mb_conf_expand_preset(mb_conf_find(c, "broken"), "devices"), MB_BADINPUT,
                 "pre/devices/broken.cfg:1: syntax error");
    assert_string_equal(mb_conf_find(c, "loop")->s, "loop1"); /* a failure changes nothing */
    /* a bare name from the command line is looked for beside the experiment; keys over it stay */
    assert_ok(mb_conf_assign(c, "device=rram", MB_FROM_COMMAND));
    assert_ok(mb_conf_assign(c, "device.levels=4", MB_FROM_COMMAND));
    assert_ok(mb_conf_expand_preset(mb_conf_find(c, "device"), "devices"));
    assert_int_equal(mb_conf_find(c, "device.levels")->i, 4);
    assert_true(mb_conf_find(c, "device.noise.read")->r == 0.1);
    mb_conf_free(c);
    for (long k = 1; k < 600; k += 1 + k / 40) {
        assert_ok(mb_conf_read("pre/exp.cfg", &c));
        mb_mem_fail_after(k);
        int rc = mb_conf_expand_preset(mb_conf_find(c, "fast"), "devices");
        mb_mem_fail_after(-1);
        assert_true(rc == MB_OK || rc == MB_SYSTEM);
        mb_error_clear();
        mb_conf_free(c);
        assert_int_equal(mb_mem_live(), 0);
    }
}

static void every_allocation_may_fail(void **state) {
    (void)state;
    put("part.cfg", "b = ( 1, { c = \"d\"; } );\n");
    int failures = 0;
    for (long n = 1; n < 200; n++) {
        mb_conf *c = NULL, *copy = NULL;
        mb_str out = {0};
        mb_mem_fail_after(n);
        int rc = mb_conf_parse("a = 1;\n@include \"part.cfg\"\ne = [0.5, 1.5];\n", "t.cfg", &c);
        if (rc == MB_OK) rc = mb_conf_set(c, "f.g.h[0].i", "(1, 2)", MB_FROM_COMMAND);
        if (rc == MB_OK) rc = mb_conf_put(c, "j.k", mb_conf_find(c, "b"), MB_FROM_SWEEP);
        if (rc == MB_OK) {
            copy = mb_conf_clone(c);
            if (!copy) rc = MB_SYSTEM;
        }
        if (rc == MB_OK) mb_conf_write(c, &out, true);
        mb_mem_fail_after(-1);
        assert_true(rc == MB_OK || rc == MB_SYSTEM);
        failures += rc != MB_OK;
        mb_conf_free(c);
        mb_conf_free(copy);
        mb_str_free(&out);
        mb_error_clear();
        assert_int_equal(mb_mem_live(), 0);
    }
    assert_in_range(failures, 40, 198);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(values_keep_type_and_place),
        cmocka_unit_test(bad_text_is_an_error_with_its_line),
        cmocka_unit_test(integers_of_all_sizes),
        cmocka_unit_test(hostile_text_does_not_crash),
        cmocka_unit_test(includes_are_relative_to_their_file),
        cmocka_unit_test(texts_become_values),
        cmocka_unit_test(unused_keys_are_named),
        cmocka_unit_test(written_text_reads_back),
        cmocka_unit_test(hashes_look_at_names_and_values),
        cmocka_unit_test(trees_are_laid_over_each_other),
        cmocka_unit_test(presets_are_expanded),
        cmocka_unit_test(every_allocation_may_fail),
    };
    return cmocka_run_group_tests(tests, enter, leave);
}
