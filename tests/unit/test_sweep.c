/* test_sweep.c - points of all kinds of sweeps, ranges, draws, conditions, labels, large sweeps; mistakes are told with their place */
#include "mbtest.h"

#include <math.h>
#include <unistd.h>

#include "base/file.h"
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
    mb_conf *c = parse("sweep = { mode = \"zip\"; names = [\"x\", \"y\"]; axes = ( { key = \"a\"; values = [8, 4]; },"
        " { key = \"d\"; values = [\"rram\", \"ideal\"]; } ); };");
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
    mb_conf *c = parse("sweep = { axes = ( { key = \"map.bits\"; values = [1, 2]; }, { key = \"arch.bits\"; values = [3]; },"
        " { key = \"d.x\"; values = [4]; } ); };");
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

/* --- ranges ------------------------------------------------------------------------------------------------------------ */

static double real(const mb_point *p, const char *key) {
    const mb_conf *c = mb_conf_find(p->conf, key);
    assert_non_null(c);
    return c->r;
}

static void open_text(const char *text, points *p) {
    mb_conf *c = parse(text);
    all_points(c, p);
    mb_conf_free(c); /* the sweep has its own copy */
}

static void ranges_have_steps(void **state) {
    (void)state;
    points p;
    open_text("sweep = { axes = ( { key = \"x\"; from = 0; to = 1; steps = 11; } ); };", &p);
    assert_int_equal(p.n, 11);
    static const char *const tenth[] = {"x=0", "x=0.1", "x=0.2", "x=0.3", "x=0.4", "x=0.5", "x=0.6", "x=0.7", "x=0.8", "x=0.9", "x=1"};
    for (size_t i = 0; i < p.n; i++) assert_string_equal(p.p[i].label, tenth[i]); /* 0.3, not 0.30000000000000004 */
    assert_int_equal(mb_conf_find(p.p[0].conf, "x")->type, MB_CONF_REAL);
    assert_int_equal(mb_conf_find(p.p[0].conf, "x")->origin, MB_FROM_SWEEP);
    assert_string_equal(mb_conf_where(mb_conf_find(p.p[4].conf, "x")), "exp.cfg:1");
    forget(&p);
    open_text("sweep = { axes = ( { key = \"x\"; from = 1e-6; to = 1e-3; steps = 4; scale = \"log\"; } ); };", &p);
    assert_int_equal(p.n, 4);
    for (size_t i = 0; i < p.n; i++) assert_true(real(&p.p[i], "x") == strtod((const char *[]){"1e-6", "1e-5", "1e-4", "1e-3"}[i], NULL));
    forget(&p);
    open_text("sweep = { axes = ( { key = \"x\"; from = 1; to = 7; steps = 4; scale = \"log\"; } ); };", &p);
    for (size_t i = 0; i < p.n; i++) assert_true(fabs(real(&p.p[i], "x") / pow(7, (double)i / 3) - 1) < 1e-3);
    assert_true(real(&p.p[0], "x") == 1 && real(&p.p[3], "x") == 7); /* the ends are exact */
    forget(&p);
    open_text("sweep = { axes = ( { key = \"x\"; from = -3; to = 3; integer = true; } ); };", &p);
    assert_int_equal(p.n, 7);
    for (size_t i = 0; i < p.n; i++) {
        assert_int_equal(value(&p.p[i], "x"), (int)i - 3);
        assert_int_equal(mb_conf_find(p.p[i].conf, "x")->type, MB_CONF_INT);
    }
    forget(&p);
    open_text("sweep = { axes = ( { key = \"x\"; from = 1; to = 16; steps = 8; scale = \"log\"; integer = true; } ); };", &p);
    static const int log_steps[] = {1, 2, 3, 5, 7, 11, 16}; /* 1, 1.49, 2.21, 3.28, 4.88, 7.25, 10.77, 16: 1 twice counts once */
    assert_int_equal(p.n, 7);
    for (size_t i = 0; i < p.n; i++) assert_int_equal(value(&p.p[i], "x"), log_steps[i]);
    forget(&p);
    open_text("sweep = { mode = \"zip\"; axes = ( { key = \"x\"; from = 1; to = 2; steps = 3; }, { key = \"y\"; values = [5, 6, 7]; } ); };", &p);
    assert_int_equal(p.n, 3);
    assert_string_equal(p.p[1].label, "x=1.5 y=6");
    forget(&p);
}

/* --- draws ------------------------------------------------------------------------------------------------------------- */

#define DRAWN(mode, n, seed)                                                                                                                  \
    "sweep = { mode = \"" mode "\"; samples = " #n "; seed = " #seed "; axes = ( { key = \"x\"; from = 2; to = 5; },"                         \
    " { key = \"y\"; from = 1e-9; to = 1; scale = \"log\"; }, { key = \"n\"; from = 1; to = 4; integer = true; },"                            \
    " { key = \"d\"; values = [\"rram\", \"ideal\", \"sram\"]; }, { key = \"s\"; from = 0; to = 100; steps = 5; } ); };"

static int part_of(double u, int n) { return (int)(u * n); }

/* Each axis is cut into as many parts as there are samples, and each part is used once. */
static void a_latin_hypercube_uses_each_part_once(void **state) {
    (void)state;
    enum { N = 60 };
    static const char *const text[] = {DRAWN("lhs", 60, 1), DRAWN("lhs", 60, 2), DRAWN("lhs", 60, 3)};
    int order[3][N];
    for (int t = 0; t < 3; t++) {
        points p;
        int x[N] = {0}, y[N] = {0}, n[5] = {0}, d[3] = {0}, s[5] = {0};
        open_text(text[t], &p);
        assert_int_equal(p.n, N);
        for (int i = 0; i < N; i++) {
            const char *device = mb_conf_find(p.p[i].conf, "d")->s;
            x[order[t][i] = part_of((real(&p.p[i], "x") - 2) / 3, N)]++;
            y[part_of(log(real(&p.p[i], "y") / 1e-9) / log(1e9), N)]++;
            n[value(&p.p[i], "n")]++;
            d[device[0] == 'r' ? 0 : device[0] == 'i' ? 1 : 2]++;
            s[(int)(real(&p.p[i], "s") / 25)]++;
        }
        for (int i = 0; i < N; i++) assert_true(x[i] == 1 && y[i] == 1);
        for (int i = 1; i <= 4; i++) assert_int_equal(n[i], N / 4);
        for (int i = 0; i < 3; i++) assert_int_equal(d[i], N / 3);
        for (int i = 0; i < 5; i++) assert_int_equal(s[i], N / 5);
        forget(&p);
    }
    assert_memory_not_equal(order[0], order[1], sizeof order[0]);
    assert_memory_not_equal(order[0], order[2], sizeof order[0]);
}

/* Parts are dealt to two axes independently: their ranks are not correlated (|r| < 5 / sqrt(n)), and not in order. */
static void parts_are_dealt_at_random(void **state) {
    (void)state;
    enum { N = 1000 };
    points p;
    double xy = 0, xi = 0;
    open_text(DRAWN("lhs", 1000, 11), &p);
    for (int i = 0; i < N; i++) {
        double x = (real(&p.p[i], "x") - 2) / 3 - 0.5, y = log(real(&p.p[i], "y") / 1e-9) / log(1e9) - 0.5;
        xy += 12 * x * y / N;
        xi += 12 * x * ((double)i / N - 0.5) / N;
    }
    assert_true(fabs(xy) < 5 / sqrt(N) && fabs(xi) < 5 / sqrt(N));
    forget(&p);
}

static void draws_depend_on_the_seed_alone(void **state) {
    (void)state;
    points a, b, c, longer;
    open_text(DRAWN("random", 50, 1), &a);
    open_text(DRAWN("random", 50, 1), &b);
    open_text(DRAWN("random", 50, 2), &c);
    open_text(DRAWN("random", 80, 1), &longer);
    int same = 0;
    for (size_t i = 0; i < a.n; i++) {
        assert_string_equal(a.p[i].label, b.p[i].label);
        assert_string_equal(a.p[i].label, longer.p[i].label); /* more samples leave the first ones alone */
        same += !strcmp(a.p[i].label, c.p[i].label);
        assert_true(real(&a.p[i], "x") >= 2 && real(&a.p[i], "x") <= 5);
        assert_true(real(&a.p[i], "y") >= 1e-9 && real(&a.p[i], "y") <= 1);
        assert_in_range(value(&a.p[i], "n"), 1, 4);
    }
    assert_int_equal(same, 0);
    forget(&a);
    forget(&b);
    forget(&c);
    forget(&longer);
    /* another axis leaves the draws of the first one alone */
    open_text("sweep = { mode = \"random\"; samples = 20; axes = ( { key = \"x\"; from = 2; to = 5; } ); };", &a);
    open_text("sweep = { mode = \"random\"; samples = 20; axes = ( { key = \"z\"; from = 2; to = 5; }, { key = \"x\"; from = 2; to = 5; } ); };", &b);
    for (size_t i = 0; i < a.n; i++) {
        assert_true(real(&a.p[i], "x") == real(&b.p[i], "x"));
        assert_false(real(&b.p[i], "x") == real(&b.p[i], "z"));
    }
    forget(&a);
    forget(&b);
}

/* The mean of n uniform numbers is off by at most 5 sigma; each value of a list comes as often as the others, 5 sigma. */
static void random_draws_are_uniform(void **state) {
    (void)state;
    enum { N = 3000 };
    points p;
    double x = 0, y = 0, n[5] = {0};
    open_text(DRAWN("random", 3000, 5), &p);
    for (int i = 0; i < N; i++) {
        x += (real(&p.p[i], "x") - 2) / 3 / N;
        y += log(real(&p.p[i], "y") / 1e-9) / log(1e9) / N;
        n[value(&p.p[i], "n")]++;
    }
    assert_true(fabs(x - 0.5) < 5 / sqrt(12.0 * N) && fabs(y - 0.5) < 5 / sqrt(12.0 * N));
    for (int i = 1; i <= 4; i++) assert_true(fabs(n[i] - N / 4.0) < 5 * sqrt(N * 0.25 * 0.75));
    forget(&p);
}

/* Over finitely many combinations random takes none twice; as many samples as combinations are all of them. */
static void random_over_values_repeats_nothing(void **state) {
    (void)state;
    points p;
    bool there[60] = {false};
    int in_order = 0;
    open_text("sweep = { mode = \"random\"; samples = 60; axes = ( { key = \"a\"; values = [0, 1, 2, 3, 4]; },"
        " { key = \"b\"; from = 0; to = 11; steps = 12; integer = true; } ); };", &p);
    assert_int_equal(p.n, 60);
    for (size_t i = 0; i < p.n; i++) {
        int64_t k = 12 * value(&p.p[i], "a") + value(&p.p[i], "b");
        assert_in_range(k, 0, 59);
        assert_false(there[k]);
        there[k] = true;
        in_order += k == (int64_t)i;
    }
    assert_true(in_order < 10);
    forget(&p);
}

/* --- conditions ---------------------------------------------------------------------------------------------------------- */

static void labels_are(points *p, const char *const *label, size_t n) {
    assert_int_equal(p->n, n);
    for (size_t i = 0; i < n; i++) assert_string_equal(p->p[i].label, label[i]);
}

/* An axis that does not apply keeps the experiment's own value and multiplies nothing. */
static void conditional_axes(void **state) {
    (void)state;
    static const char *const label[] = {"engine=digital adc_bits=6",          "engine=digital adc_bits=8",          "engine=analog rows=32 adc_bits=6",
                                        "engine=analog rows=32 adc_bits=8",   "engine=analog rows=64 adc_bits=6",   "engine=analog rows=64 adc_bits=8",
                                        "engine=analog rows=128 adc_bits=6",  "engine=analog rows=128 adc_bits=8"};
    points p;
    open_text("arch = { rows = 7; }; sweep = { axes = ( { key = \"engine\"; values = [\"digital\", \"analog\"]; },"
              " { key = \"arch.rows\"; values = [32, 64, 128]; when = \"engine == 'analog'\"; }, { key = \"adc_bits\"; values = [6, 8]; } ); };", &p);
    labels_are(&p, label, 8);
    assert_int_equal(value(&p.p[1], "arch.rows"), 7);
    assert_int_equal(value(&p.p[4], "arch.rows"), 64);
    assert_int_equal(p.p[0].n_set, 2);
    assert_int_equal(mb_sweep_skipped(p.sweep), 0);
    assert_string_equal(mb_sweep_key(p.sweep, 1), "arch.rows");
    assert_null(mb_sweep_key(p.sweep, 3));
    forget(&p);
    /* conditions on conditional axes, and on what the experiment says: 1 + (1 + 2 * 2) */
    open_text("k = 5; sweep = { axes = ( { key = \"a\"; values = [0, 1]; }, { key = \"b\"; values = [0, 1]; when = \"a == 1\"; },"
              " { key = \"c\"; values = [1, 2]; when = \"b == 1 && k > 4\"; }, { key = \"e\"; values = [1, 2]; when = \"c == 2\"; },"
                  " { key = \"z\"; values = [1, 2, 3]; when = \"k > 5\"; } );"
              " }; b = 0; c = 0;", &p);
    static const char *const nested[] = {"a=0", "a=1 b=0", "a=1 b=1 c=1", "a=1 b=1 c=2 e=1", "a=1 b=1 c=2 e=2"};
    labels_are(&p, nested, 5);
    forget(&p);
    /* in step and drawn: the row or sample stays, without the axis */
    open_text("sweep = { mode = \"zip\"; axes = ( { key = \"a\"; values = [0, 1, 2]; }, { key = \"b\"; values = [5, 6, 7]; when = \"a != 1\"; } ); };", &p);
    static const char *const rows[] = {"a=0 b=5", "a=1", "a=2 b=7"};
    labels_are(&p, rows, 3);
    forget(&p);
    open_text("sweep = { mode = \"lhs\"; samples = 30; axes = ( { key = \"a\"; values = [0, 1]; },"
        " { key = \"b\"; from = 0; to = 1; when = \"a == 1\"; } ); };", &p);
    assert_int_equal(p.n, 30);
    int with = 0;
    for (size_t i = 0; i < p.n; i++) {
        assert_true((mb_conf_find(p.p[i].conf, "b") != NULL) == (value(&p.p[i], "a") == 1));
        with += p.p[i].n_set == 2;
    }
    assert_int_equal(with, 15);
    forget(&p);
}

static void constraints_skip_points(void **state) {
    (void)state;
    points p;
    open_text("arch = { rows = 64; }; sweep = { where = \"a * b <= 4 && a + 0 * arch.rows >= 1\"; axes = ( { key = \"a\"; values = [0, 1, 2, 3]; },"
        " { key = \"b\"; values = [1, 2, 4]; } ); };", &p);
    static const char *const label[] = {"a=1 b=1", "a=1 b=2", "a=1 b=4", "a=2 b=1", "a=2 b=2", "a=3 b=1"};
    labels_are(&p, label, 6);
    assert_int_equal(mb_sweep_skipped(p.sweep), 6);
    forget(&p);
    open_text("a = 0; sweep = { mode = \"list\"; where = \"has(b) || a > 1\"; points = ( (\"a=1\"), (\"a=2\"), (\"b=3\"), (\"a=1\", \"c=4\") ); };", &p);
    static const char *const list[] = {"a=2", "b=3"};
    labels_are(&p, list, 2);
    assert_int_equal(mb_sweep_skipped(p.sweep), 2);
    forget(&p);
    open_text("sweep = { mode = \"random\"; samples = 400; where = \"x < y\"; axes = ( { key = \"x\"; from = 0; to = 1; },"
        " { key = \"y\"; from = 0; to = 1; } ); };", &p);
    assert_int_equal(p.n + mb_sweep_skipped(p.sweep), 400);
    assert_in_range(p.n, 150, 250); /* 5 sigma */
    for (size_t i = 0; i < p.n; i++) assert_true(real(&p.p[i], "x") < real(&p.p[i], "y"));
    forget(&p);
    open_text("sweep = { names = [\"one\", \"two\"]; where = \"a != 2\"; axes = ( { key = \"a\"; values = [1, 2, 3]; } ); };", &p);
    static const char *const names[] = {"one", "two"};
    labels_are(&p, names, 2);
    assert_int_equal(value(&p.p[1], "a"), 3);
    forget(&p);
}

/* Any point is the same as the one that a plain walk over all combinations finds, also far from the marks. */
static void points_behind_conditions_are_found(void **state) {
    (void)state;
    mb_sweep *s = NULL;
    mb_conf *c = parse("sweep = { where = \"(a * 7 + b * 3 + c) % 11 < 2 && a != 20\"; axes = ( { key = \"a\"; from = 0; to = 40; integer = true; },"
                       " { key = \"b\"; from = 0; to = 30; integer = true; when = \"a % 3 != 0\"; },"
                           " { key = \"c\"; from = 0; to = 20; integer = true; } ); }; b = 0;");
    assert_ok(mb_sweep_open(c, &s));
    size_t n = 0;
    for (int64_t a = 0; a <= 40; a++)
        for (int64_t b = 0; b <= (a % 3 ? 30 : 0); b++)
            for (int64_t k = 0; k <= 20; k++) {
                if ((a * 7 + b * 3 + k) % 11 >= 2 || a == 20) continue;
                if (n % 7 == 0 || n < 70) {
                    mb_point p;
                    assert_ok(mb_sweep_point(s, n, &p));
                    assert_true(value(&p, "a") == a && value(&p, "b") == b && value(&p, "c") == k);
                    mb_point_free(&p);
                }
                n++;
            }
    assert_int_equal(mb_sweep_n(s), n);
    mb_point p;
    assert_fails(mb_sweep_point(s, n, &p), MB_BUG, "no point");
    mb_sweep_close(s);
    mb_conf_free(c);
}

/* A condition sees what stands in presets, of the experiment and of the values of an axis. */
static void conditions_look_into_presets(void **state) {
    (void)state;
    char dir[] = "/tmp/mbsweepXXXXXX";
    assert_non_null(mkdtemp(dir));
    static const struct { const char *name, *text; } file[] = {{"small.cfg", "rows = 32;\n"}, {"large.cfg", "rows = 256;\n"}};
    mb_str text = {0};
    for (int i = 0; i < 2; i++) {
        char *path = mb_path_join(dir, file[i].name);
        assert_ok(mb_file_write(path, file[i].text, strlen(file[i].text)));
        mb_free(path);
    }
    points p;
    mb_str_addf(&text, "arch = \"%s/large.cfg\"; sweep = { where = \"arch.rows > 100 || adc == 4\"; axes = ("
        " { key = \"arch\"; values = [\"%s/small.cfg\", \"%s/large.cfg\"]; },"
                       " { key = \"adc\"; values = [4, 6]; } ); };", dir, dir, dir);
    open_text(mb_cstr(&text), &p);
    assert_int_equal(p.n, 3);
    assert_int_equal(value(&p.p[0], "adc"), 4);
    assert_string_equal(strrchr(mb_conf_find(p.p[1].conf, "arch")->s, '/'), "/large.cfg"); /* the points themselves keep the name */
    forget(&p);
    mb_str_clear(&text);
    mb_str_addf(&text, "arch = \"%s/large.cfg\"; sweep = { axes = ( { key = \"adc\"; values = [4, 6]; when = \"arch.rows > 100\"; },"
        " { key = \"z\"; values = [4, 6]; when = \"arch.rows < 100\"; } ); };", dir);
    open_text(mb_cstr(&text), &p);
    assert_int_equal(p.n, 2);
    forget(&p);
    mb_str_clear(&text); /* 8, and 16 with two values of x */
    mb_str_addf(&text, "arch = \"%s/large.cfg\"; sweep = { axes = ( { key = \"arch.rows\"; values = [8, 16]; },"
        " { key = \"x\"; values = [1, 2]; when = \"arch.rows == 16 && arch == '%s/large.cfg'\"; } ); };", dir, dir);
    open_text(mb_cstr(&text), &p);
    assert_int_equal(p.n, 3);
    forget(&p);
    mb_str_clear(&text);
    mb_str_addf(&text, "arch = \"%s/large.cfg\"; sweep = { mode = \"list\"; where = \"arch.rows < 100\"; points = ( (\"arch=%s/small.cfg\"),"
        " (\"b=1\"), (\"arch.rows=9\") ); };", dir, dir);
    open_text(mb_cstr(&text), &p);
    assert_int_equal(p.n, 2);
    forget(&p);
    mb_str_free(&text);
    for (int i = 0; i < 2; i++) {
        char *path = mb_path_join(dir, file[i].name);
        unlink(path);
        mb_free(path);
    }
    rmdir(dir);
}

/* --- size -------------------------------------------------------------------------------------------------------------- */

/* Ten million points: opening, any point, and the points to look at first allocate next to nothing. */
static void large_sweeps_need_no_memory(void **state) {
    (void)state;
    mb_conf *c = parse("b = 1; sweep = { axes = ( { key = \"a\"; from = 0; to = 999; integer = true; }, { key = \"x\"; from = 1; to = 2; steps = 100; },"
                       " { key = \"y\"; from = 1; to = 1e6; steps = 100; scale = \"log\"; } ); };");
    long before = mb_mem_live();
    mb_sweep *s = NULL;
    mb_point p;
    assert_ok(mb_sweep_open(c, &s));
    assert_int_equal(mb_sweep_n(s), 10000000);
    assert_ok(mb_sweep_point(s, 9876543, &p));
    assert_int_equal(value(&p, "a"), 987);
    assert_true(mb_mem_live() - before < 300);
    mb_point_free(&p);
    size_t *index, n;
    assert_ok(mb_sweep_cover(s, &index, &n));
    assert_int_equal(n, 5); /* first and last of each axis */
    assert_true(index[0] == 0 && index[n - 1] == 9999999);
    mb_free(index);
    mb_sweep_close(s);
    mb_conf_free(c);
    /* a million, a third of them behind a constraint */
    c = parse("sweep = { where = \"(a + x) % 3 != 0\"; axes = ( { key = \"a\"; from = 0; to = 999; integer = true; },"
        " { key = \"x\"; from = 0; to = 999; integer = true; } ); };");
    before = mb_mem_live();
    assert_ok(mb_sweep_open(c, &s));
    assert_int_equal(mb_sweep_n(s) + mb_sweep_skipped(s), 1000000);
    assert_int_equal(mb_sweep_skipped(s), 333334); /* pairs of 0..999 whose sum is a multiple of 3: 334 * 334 + 2 * 333 * 333 */
    assert_true(mb_mem_live() - before < 300);
    mb_sweep_close(s);
    mb_conf_free(c);
}

/* First, last, and each value at least once, in few points. */
static void covers_show_each_value(void **state) {
    (void)state;
    points p;
    size_t *index, n;
    open_text("sweep = { axes = ( { key = \"a\"; values = [1, 2, 3]; }, { key = \"b\"; values = [1, 2, 3, 4]; when = \"a == 2\"; },"
        " { key = \"c\"; values = [1, 2, 3]; } ); };", &p);
    assert_int_equal(p.n, 3 + 12 + 3);
    assert_ok(mb_sweep_cover(p.sweep, &index, &n));
    bool a[4] = {false}, b[5] = {false}, k[4] = {false};
    for (size_t i = 0; i < n; i++) {
        assert_true(!i || index[i] > index[i - 1]);
        a[value(&p.p[index[i]], "a")] = true;
        k[value(&p.p[index[i]], "c")] = true;
        if (mb_conf_find(p.p[index[i]].conf, "b")) b[value(&p.p[index[i]], "b")] = true;
    }
    assert_true(a[1] && a[2] && a[3] && b[1] && b[2] && b[3] && b[4] && k[1] && k[2] && k[3]);
    assert_true(n <= 9 && index[0] == 0 && index[n - 1] == p.n - 1);
    mb_free(index);
    forget(&p);
    open_text("sweep = { mode = \"list\"; points = ( (\"a=1\", \"b=1\"), (\"a=1\"), (\"a=2\", \"b=1\"), (\"b=1\", \"a=2\"),"
        " (\"a=1\", \"b=1\", \"c=0\") ); };", &p);
    assert_ok(mb_sweep_cover(p.sweep, &index, &n));
    static const size_t list[] = {0, 2, 4};
    assert_int_equal(n, 3);
    assert_memory_equal(index, list, sizeof list);
    mb_free(index);
    forget(&p);
    open_text("a = 1;", &p);
    assert_ok(mb_sweep_cover(p.sweep, &index, &n));
    assert_true(n == 1 && index[0] == 0);
    mb_free(index);
    forget(&p);
}

/* No two points share a label. */
static void labels_are_unique(void **state) {
    (void)state;
    points p;
    /* two keys that end in the same word, of which a point sets one */
    open_text("sweep = { mode = \"list\"; points = ( (\"map.bits=3\"), (\"arch.bits=3\") ); };", &p);
    static const char *const whole[] = {"map.bits=3", "arch.bits=3"};
    labels_are(&p, whole, 2);
    forget(&p);
    /* long values that begin alike are told apart; the settings, too */
    open_text("sweep = { axes = ( { key = \"d\"; values = ( { preset = \"a\"; first_of_its_keys = 3;"
        " another_long_key = 4; n = 5; }, { preset = \"a\"; first_of_its_keys = 3; another_long_key = 4; n = 6; } ); } ); };", &p);
    assert_string_equal(p.p[0].label + strlen(p.p[0].label) - 6, "... #1");
    assert_string_equal(p.p[1].value[0] + strlen(p.p[1].value[0]) - 6, "... #2");
    forget(&p);
    /* the same settings twice */
    open_text("sweep = { mode = \"zip\"; axes = ( { key = \"a\"; values = [1, 2, 1]; }, { key = \"b\"; values = [3, 3, 3]; } ); };", &p);
    static const char *const rows[] = {"a=1 b=3 #0", "a=2 b=3 #1", "a=1 b=3 #2"};
    labels_are(&p, rows, 3);
    forget(&p);
    open_text("sweep = { mode = \"lhs\"; samples = 5; axes = ( { key = \"a\"; values = [1, 2]; } ); };", &p);
    assert_int_equal(strlen(p.p[3].label), strlen("a=1 #3"));
    assert_string_equal(p.p[3].label + 4, "#3");
    forget(&p);
}

/* What is inserted into the experiment, and so into used.cfg, is what applies. */
static void defaults_that_mean_nothing_stay_out(void **state) {
    (void)state;
    mb_conf *c = parse("sweep = { axes = ( { key = \"a\"; values = [1, 2]; } ); };");
    mb_sweep *s = NULL;
    assert_ok(mb_sweep_open(c, &s));
    const mb_conf *sweep = mb_conf_find(c, "sweep");
    assert_int_equal(sweep->n, 2);
    assert_string_equal(mb_conf_find(sweep, "mode")->s, "grid");
    assert_int_equal(mb_conf_find(sweep, "axes[0]")->n, 2);
    assert_true(mb_conf_find(sweep, "axes[0].values[1]")->used);
    assert_ptr_equal(sweep->parent, c);
    mb_sweep_close(s);
    mb_conf_free(c);
    c = parse("sweep = { mode = \"random\"; samples = 3; axes = ( { key = \"a\"; from = 1; to = 2; } ); };");
    assert_ok(mb_sweep_open(c, &s));
    assert_int_equal(mb_conf_find(c, "sweep.seed")->i, 1);
    assert_null(mb_conf_find(c, "sweep.where"));
    assert_string_equal(mb_conf_find(c, "sweep.axes[0].scale")->s, "linear");
    assert_null(mb_conf_find(c, "sweep.axes[0].when"));
    mb_sweep_close(s);
    assert_ok(mb_sweep_open(c, &s)); /* what was written out is read again */
    mb_sweep_close(s);
    mb_conf_free(c);
}

static void more_mistakes_are_told(void **state) {
    (void)state;
    static const char *const idle[] = {"sweep", "plot", "name", "question", "train", "plot[0]", "sweep.axes"};
    for (size_t i = 0; i < sizeof idle / sizeof *idle; i++) {
        char text[200];
        snprintf(text, sizeof text, "sweep = { axes = ( { key = \"%s\"; values = [1]; } ); };", idle[i]);
        refused(text, "cannot be swept");
    }
    refused("sweep = { mode = \"list\"; points = ( (\"a=1\"), (\"plot=x\") ); };", "plot cannot be swept");
    refused("sweep = { axes = ( { key = \"a\"; values = [4, 8, 4]; } ); };", "the same value twice: numbers 1 and 3");
    refused("sweep = { axes = ( { keys = [\"a\", \"b\"]; values = ( (1, 2), (1, 3), (1, 2) ); } ); };", "numbers 1 and 3");
    refused("sweep = { names = [\"x\", \"x\"]; axes = ( { key = \"a\"; values = [1, 2]; } ); };", "\"x\" stands twice");
    refused("sweep = { axes = ( { key = \"a\"; from = 1; to = 2; } ); };", "needs steps");
    refused("sweep = { axes = ( { key = \"a\"; from = 1; } ); };", "or a range: from, to and steps");
    refused("sweep = { axes = ( { key = \"a\"; from = 2; to = 2; steps = 3; } ); };", "below to");
    refused("sweep = { axes = ( { key = \"a\"; from = 0; to = 2; steps = 3; scale = \"log\"; } ); };", "begins above 0");
    refused("sweep = { axes = ( { key = \"a\"; from = 0; to = 2; steps = 1; } ); };", "at least 2 steps");
    refused("sweep = { axes = ( { key = \"a\"; from = 0.5; to = 2; integer = true; } ); };", "are integers");
    refused("sweep = { axes = ( { key = \"a\"; from = 0; to = 2; step = 3; } ); };", "did you mean \"steps\"");
    refused("sweep = { axes = ( { key = \"a\"; from = 0; to = 2; values = [1]; } ); };", "is of a range");
    refused("sweep = { axes = ( { keys = [\"a\", \"b\"]; from = 0; to = 2; steps = 2; } ); };", "a range is of one key");
    refused("sweep = { axes = ( { key = \"a\"; from = 0; to = 10000000; integer = true; } ); };", "more than 1000000 integers");
    refused("sweep = { axes = ( { key = \"a\"; from = 0; to = 99999; integer = true; },"
        " { key = \"b\"; from = 0; to = 99999; integer = true; } ); };", "more than 10000000 points");
    refused("sweep = { mode = \"random\"; axes = ( { key = \"a\"; from = 0; to = 2; } ); };", "needs samples");
    refused("sweep = { mode = \"random\"; samples = 5; axes = ( { key = \"a\"; values = [1, 2]; },"
        " { key = \"b\"; values = [1, 2]; } ); };", "only 4 combinations");
    refused("sweep = { samples = 5; axes = ( { key = \"a\"; values = [1, 2]; } ); };", "of the modes random and lhs");
    refused("sweep = { where = \"a >\"; axes = ( { key = \"a\"; values = [1, 2]; } ); };", "character");
    refused("sweep = { where = \"a > 2\"; axes = ( { key = \"a\"; values = [1, 2]; } ); };", "leaves none of 2");
    refused("sweep = { where = \"map.b > 2\"; axes = ( { key = \"a\"; values = [1, 2]; } ); };", "map.b, which has no value here");
    refused("sweep = { mode = \"list\"; where = \"b > 2\"; points = ( (\"a=1\") ); };", "no value at any point");
    refused("sweep = { where = \"a + 'x' > 2\"; axes = ( { key = \"a\"; values = [1, 2]; } ); };", "not a text");
    refused("sweep = { axes = ( { key = \"a\"; values = [1, 2]; when = \"b > 1\"; }, { key = \"b\"; values = [1, 2]; } ); };", "which a later axis sets");
    refused("sweep = { axes = ( { key = \"a\"; values = [1, 2]; when = \"a > 1\"; } ); };", "which the axis itself sets");
    refused("sweep = { axes = ( { key = \"a\"; values = [1, 2]; when = \"a >\"; } ); };", "condition \"a >\"");
}

/* Any number of threads may ask at the same time. */
static void threads_share_a_sweep(void **state) {
    (void)state;
    points p;
    int wrong = 0;
    open_text("arch = { rows = 3; }; sweep = { where = \"(a + arch.rows) % 3 != 0 || has(x) && x > 0.5\"; axes = ("
        " { key = \"a\"; from = 0; to = 99; integer = true; },"
              " { key = \"x\"; from = 0; to = 1; steps = 5; when = \"a % 2 == 1\"; } ); };", &p);
#pragma omp parallel for num_threads(4) schedule(dynamic, 1) reduction(+ : wrong)
    for (size_t i = 0; i < 8 * p.n; i++) {
        mb_point q;
        const size_t at = i * 31 % p.n;
        if (mb_sweep_point(p.sweep, at, &q) != MB_OK) {
            wrong++;
            continue;
        }
        wrong += strcmp(q.label, p.p[at].label) != 0 || mb_conf_hash(q.conf) != mb_conf_hash(p.p[at].conf);
        mb_point_free(&q);
    }
    assert_int_equal(wrong, 0);
    forget(&p);
}

static void a_failed_allocation_is_clean(void **state) {
    (void)state;
    mb_conf *c = parse("arch = { rows = 3; }; sweep = { where = \"a + arch.rows < 6\"; axes = ( { key = \"a\"; values = [1, 2, 3]; },"
        " { key = \"x\"; from = 0; to = 1; steps = 3; when = \"a > 1\"; } ); };");
    mb_sweep *s = NULL;
    int failures = 0;
    assert_ok(mb_sweep_open(c, &s)); /* puts the defaults in */
    mb_sweep_close(s);
    const long live = mb_mem_live();
    for (long n = 1; n < 1000; n++) {
        mb_point p;
        mb_mem_fail_after(n);
        int rc = mb_sweep_open(c, &s);
        if (!rc) rc = mb_sweep_point(s, 2, &p);
        mb_mem_fail_after(-1);
        if (!rc) mb_point_free(&p);
        mb_sweep_close(s);
        assert_int_equal(mb_mem_live(), live);
        if (rc != MB_OK && rc != MB_SYSTEM) mb_error_print(stderr);
        assert_true(rc == MB_OK || rc == MB_SYSTEM);
        failures += rc != MB_OK;
        if (!rc) break;
    }
    assert_in_range(failures, 20, 900);
    mb_conf_free(c);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(no_sweep_is_one_point), cmocka_unit_test(grid_has_all_combinations_last_fastest), cmocka_unit_test(zip_goes_in_step),
        cmocka_unit_test(keys_of_one_axis_change_together), cmocka_unit_test(list_sets_what_each_point_says), cmocka_unit_test(labels_are_unambiguous),
        cmocka_unit_test(list_points_keep_the_place_of_their_file), cmocka_unit_test(a_swept_key_set_on_the_command_line_is_told),
        cmocka_unit_test(mistakes_are_told), cmocka_unit_test(ranges_have_steps), cmocka_unit_test(a_latin_hypercube_uses_each_part_once),
        cmocka_unit_test(parts_are_dealt_at_random), cmocka_unit_test(draws_depend_on_the_seed_alone), cmocka_unit_test(random_draws_are_uniform),
        cmocka_unit_test(random_over_values_repeats_nothing), cmocka_unit_test(conditional_axes), cmocka_unit_test(constraints_skip_points),
        cmocka_unit_test(points_behind_conditions_are_found), cmocka_unit_test(conditions_look_into_presets), cmocka_unit_test(large_sweeps_need_no_memory),
        cmocka_unit_test(covers_show_each_value), cmocka_unit_test(labels_are_unique), cmocka_unit_test(defaults_that_mean_nothing_stay_out),
        cmocka_unit_test(more_mistakes_are_told), cmocka_unit_test(threads_share_a_sweep), cmocka_unit_test(a_failed_allocation_is_clean),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
