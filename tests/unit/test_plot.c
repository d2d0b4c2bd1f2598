/* test_plot.c - scripts that gnuplot accepts without a word, for few and many points; names cannot break out; labels do not touch
 *
 * With gnuplot in PATH the pictures are drawn, too; without it only the message for that case is tested.
 */
#include "made_results.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "run/plot_internal.h"

static char home[4096], root[] = "mixbar-plot-XXXXXX";

static int setup(void **state) {
    (void)state;
    return getcwd(home, sizeof home) && mkdtemp(root) && chdir(root) == 0 ? 0 : -1;
}

static void empty_folder(const char *dir) {
    DIR *d = opendir(dir);
    if (!d) return;
    for (struct dirent *e; (e = readdir(d));) {
        char *path = mb_asprintf("%s/%s", dir, e->d_name);
        unlink(path);
        mb_free(path);
    }
    closedir(d);
    rmdir(dir);
}

static int teardown(void **state) {
    (void)state;
    empty_folder("plots");
    return chdir(home) == 0 ? rmdir(root) : -1;
}

/* Is gnuplot in PATH? */
static bool have_gnuplot(void) {
    const char *p = getenv("PATH");
    while (p && *p) {
        size_t n = strcspn(p, ":");
        char *file = mb_asprintf("%.*s/gnuplot", (int)n, p);
        bool there = access(file, X_OK) == 0;
        mb_free(file);
        if (there) return true;
        p += n + (p[n] == ':');
    }
    return false;
}

static char *read_text(const char *path) {
    uint8_t *data;
    size_t n;
    assert_ok(mb_file_read(path, 0, &data, &n));
    return (char *)data;
}

/* Stderr of EXPR into a file: gnuplot's warnings come out there. */
static int draw_quietly(const mb_results *r, const char *what, const char *format) {
    mb_str files = {0};
    fflush(stderr);
    int keep = dup(2), to = open("stderr.txt", O_WRONLY | O_CREAT | O_TRUNC, 0666), rc;
    dup2(to, 2);
    rc = mb_results_plot(r, what, format, &files);
    fflush(stderr);
    dup2(keep, 2);
    close(keep);
    close(to);
    char *said = read_text("stderr.txt");
    if (*said) fail_msg("on stderr: %s", said);
    mb_free(said);
    unlink("stderr.txt");
    mb_str_free(&files);
    return rc;
}

/* Every string of SCRIPT is closed on its line and holds no quote: what is outside of strings is ours. */
static void check_strings(const char *path) {
    char *text = read_text(path);
    for (char *line = strtok(text, "\n"); line; line = strtok(NULL, "\n")) {
        size_t quotes = 0;
        if (*line == '#') continue;
        for (const char *c = line; *c; c++) {
            quotes += *c == '\'';
            assert_true((unsigned char)*c >= 0x20 && *c != 0x7f);
            if (quotes % 2 == 0 && (*c == '`' || *c == '@' || *c == ';' || *c == '!')) {
                if (!strstr(line, "exists(")) fail_msg("%s: %s", path, line);
            }
        }
        if (quotes % 2) fail_msg("%s: an open string: %s", path, line);
    }
    mb_free(text);
}

/* Every kind has a name and a help, and a script exactly when it makes sense for R; accuracy-time never does: test_across.c. */
static void check_scripts(const mb_results *r) {
    const char *name, *help;
    size_t kinds = 0, drawn = 0;
    for (; mb_plot_kind_at(kinds, &name, &help); kinds++) {
        const mb_plot_kind *kind = NULL;
        for (size_t f = 0; mb_plot_families[f] && !kind; f++)
            for (const mb_plot_kind *k = mb_plot_families[f]->kind; k->name && !kind; k++)
                if (strcmp(k->name, name) == 0) kind = k;
        assert_true(kind && *name && help && *help);
        const bool wanted = !kind->on_request && !kind->useless(r);
        char *gp = mb_asprintf("plots/%s.gp", name);
        if ((access(gp, F_OK) == 0) != wanted) fail_msg("%s %s", gp, wanted ? "is missing" : "should not be there");
        if (wanted) check_strings(gp);
        drawn += wanted;
        mb_free(gp);
    }
    assert_true(kinds >= 20 && drawn >= 13);
}

static void sizes(void **state) {
    (void)state;
    static const struct {
        int points, layers, baselines;
    } c[] = {{1, 1, 0}, {1, 5, 1}, {2, 5, 1}, {12, 20, 2}, {13, 3, 3}, {60, 5, 1}, {100, 60, 2}, {400, 2, 1}};
    bool pictures = have_gnuplot();
    for (size_t i = 0; i < sizeof c / sizeof *c; i++) {
        mb_results r;
        made_results(&r, ".", c[i].points, c[i].layers, c[i].baselines);
        made_explained(&r, i % 2 ? 1 : 3);
        if (c[i].points == 12) r.point[3].layer[2].snr_dB = MB_INF;
        if (pictures && i % 3 == 1)
            assert_ok(draw_quietly(&r, NULL, "svg"));
        else
            assert_ok(draw_quietly(&r, NULL, "gp"));
        check_scripts(&r);
        empty_folder("plots");
        mb_results_free(&r);
    }
}

static void hostile_names(void **state) {
    (void)state;
    mb_results r;
    made_results(&r, ".", 8, 8, 2);
    made_explained(&r, 2);
    made_labels(&r);
    if (have_gnuplot())
        assert_ok(draw_quietly(&r, NULL, "svg"));
    else
        assert_ok(draw_quietly(&r, NULL, "gp"));
    assert_int_not_equal(access("pwned", F_OK), 0);
    assert_int_not_equal(access("plots/pwned", F_OK), 0);
    check_scripts(&r);
    mb_results_free(&r);
}

/* The same results give the same bytes; an SVG holds no date. */
static void deterministic(void **state) {
    (void)state;
    mb_results r;
    const char *format = have_gnuplot() ? "svg" : "gp";
    made_results(&r, ".", 5, 4, 1);
    char *path = mb_asprintf("plots/accuracy-energy.%s", format);
    assert_ok(draw_quietly(&r, "accuracy-energy", format));
    char *a = read_text(path);
    sleep(1);
    assert_ok(draw_quietly(&r, "accuracy-energy", format));
    char *b = read_text(path);
    assert_string_equal(a, b);
    mb_free(a);
    mb_free(b);
    mb_free(path);
    mb_results_free(&r);
}

static void choice(void **state) {
    (void)state;
    mb_results r, none = {.dir = home};
    mb_str files = {0};
    made_results(&r, ".", 2, 2, 1);
    assert_fails(mb_results_plot(&none, NULL, "svg", &files), MB_BADINPUT, "no point is finished");
    assert_fails(mb_results_plot(&r, NULL, "gif", &files), MB_BADINPUT, "\"gif\"");
    assert_fails(mb_results_plot(&r, "acuracy-energy", "gp", &files), MB_BADINPUT, "did you mean \"accuracy-energy\"");
    assert_fails(mb_results_plot(&r, "x", "gp", &files), MB_BADINPUT, "snr-layers");
    empty_folder("plots");
    assert_ok(mb_results_plot(&r, "area-components, energy-layers", "gp", &files));
    assert_string_equal(mb_cstr(&files), "plots/area-components.gp\nplots/energy-layers.gp\n");
    assert_int_not_equal(access("plots/accuracy-energy.gp", F_OK), 0);
    mb_str_clear(&files);
    for (size_t i = 0; i < r.n; i++) r.point[i].accuracy = MB_NAN;
    assert_fails(mb_results_plot(&r, "accuracy-edap", "gp", &files), MB_BADINPUT, "costs only");
    assert_ok(mb_results_plot(&r, NULL, "gp", &files)); /* leaves out what makes no sense */
    assert_null(strstr(mb_cstr(&files), "accuracy"));
    assert_non_null(strstr(mb_cstr(&files), "energy-components"));
    mb_str_free(&files);
    mb_results_free(&r);
}

/* gnuplot is missing, or fails: the message says so, no picture and no rest is left, the scripts stay. */
static void trouble(void **state) {
    (void)state;
    mb_results r;
    mb_str files = {0};
    char *path = mb_strdup(getenv("PATH") ? getenv("PATH") : "");
    made_results(&r, ".", 2, 2, 1);
    empty_folder("plots");
    setenv("PATH", "nowhere", 1);
    assert_fails(mb_results_plot(&r, "accuracy-energy", "svg", &files), MB_SYSTEM, "gnuplot-nox");
    assert_int_equal(access("plots/accuracy-energy.gp", F_OK), 0);
    assert_int_equal(mkdir("bin", 0777), 0);
    static const char fake[] = "#!/bin/sh\necho 'line 7: no such thing' >&2\nexit 3\n";
    assert_ok(mb_file_write("bin/gnuplot", fake, sizeof fake - 1));
    assert_int_equal(chmod("bin/gnuplot", 0755), 0);
    char *abs = mb_asprintf("%s/%s/bin", home, root);
    setenv("PATH", abs, 1);
    assert_fails(mb_results_plot(&r, "accuracy-energy", "svg", &files), MB_SYSTEM, "line 7: no such thing");
    assert_int_not_equal(access("plots/accuracy-energy.svg", F_OK), 0);
    assert_int_not_equal(access("plots/.accuracy-energy.svg.part", F_OK), 0);
    setenv("PATH", path, 1);
    unlink("bin/gnuplot");
    rmdir("bin");
    mb_free(abs);
    mb_free(path);
    mb_str_free(&files);
    mb_results_free(&r);
}

/* Each allocation fails in turn. */
static void no_memory(void **state) {
    (void)state;
    static const char *const kinds[] = {"accuracy-energy", "accuracy-edap",    "energy-components", "energy-delay-area",
                                        "energy-layers",   "precision-layers", "snr-layers",        "lines",
                                        "heat-map"};
    mb_results r;
    made_results(&r, ".", 12, 3, 2);
    long live = mb_mem_live();
    for (size_t f = 0; f < sizeof kinds / sizeof *kinds; f++) {
        mb_str want = {0};
        mb_plot_request q = {"x", &r, NULL, {NULL, NULL, NULL}};
        for (size_t g = 0; mb_plot_families[g]; g++)
            for (const mb_plot_kind *k = mb_plot_families[g]->kind; k->name; k++)
                if (strcmp(k->name, kinds[f]) == 0) q.kind = k;
        assert_non_null(q.kind);
        assert_ok(q.kind->write(&q, &want));
        for (long k = 0;; k++) {
            mb_str out = {0};
            mb_mem_fail_after(k + 1);
            int rc = q.kind->write(&q, &out);
            mb_mem_fail_after(-1);
            bool failed = out.failed != 0 || rc != MB_OK;
            if (!failed) assert_string_equal(mb_cstr(&out), mb_cstr(&want)); /* no failure goes unseen */
            mb_str_free(&out);
            mb_error_clear();
            assert_int_equal(mb_mem_live(), live + (want.s != NULL));
            assert_true(rc == MB_OK || rc == MB_SYSTEM);
            if (!failed) break;
            assert_true(k < 20000);
        }
        mb_str_free(&want);
    }
    mb_results_free(&r);
}

/* What is drawn is what the points say: the numbers in the data block, in the unit of the axis. */
static void numbers(void **state) {
    (void)state;
    mb_results r;
    mb_str files = {0};
    made_results(&r, ".", 2, 2, 1);
    assert_ok(mb_results_plot(&r, "accuracy-energy,energy-components", "gp", &files));
    char *t = read_text("plots/accuracy-energy.gp");
    assert_non_null(strstr(t, "\n11.7 90.57 88.82 92.22 1\n")); /* uJ, percent */
    assert_non_null(strstr(t, "energy per inference [\xC2\xB5J]"));
    assert_non_null(strstr(t, "\n31 91.36\n")); /* the baseline at the quantised accuracy */
    assert_non_null(strstr(t, "float 91.50 %"));
    mb_free(t);
    t = read_text("plots/energy-components.gp");
    assert_non_null(strstr(t, "$part0 << EOD\n1 0 0.62 1.38 0 4.914\n"));         /* adc: 42 % of 11.7 uJ, from 0 up */
    assert_non_null(strstr(t, "$part1 << EOD\n1 4.914 0.62 1.38 4.914 5.616\n")); /* cells stand on it */
    mb_free(t);
    mb_str_free(&files);
    mb_results_free(&r);
}

/* Lines and maps: keys and columns by name, the best of the points that share two values, wrong requests. */
static void keys(void **state) {
    (void)state;
    mb_results r;
    mb_str files = {0};
    made_results(&r, ".", 60, 3, 1); /* weights 8 4 6 5 7 3, inputs 8 4 6 5, converters 8 6 7 */
    assert_ok(mb_results_plot_with(&r, "heat-map", "gp", &(mb_plot_options){"adc.bits", "energy", "weight_bits"}, &files));
    assert_string_equal(mb_cstr(&files), "plots/heat-map-adc.bits-weight_bits-energy.gp\n");
    char *t = read_text("plots/heat-map-adc.bits-weight_bits-energy.gp");
    double least = MB_INF; /* weights of 3 bits, the lowest row; converters of 6 bits, the first column */
    for (size_t i = 0; i < r.n; i++)
        if (!strcmp(r.point[i].set[0].value, "3") && !strcmp(r.point[i].set[2].value, "6")) least = fmin(least, r.point[i].energy_J);
    char *want = mb_asprintf("\n1 1 %.7g\n", 1e6 * least); /* uJ */
    if (!strstr(t, want)) fail_msg("%s is not in the map", want);
    assert_non_null(strstr(t, "set xlabel 'arch.adc.bits'"));
    mb_free(want);
    mb_free(t);
    mb_str_clear(&files);
    assert_ok(mb_results_plot_with(&r, "lines", "gp", &(mb_plot_options){"input_bits", NULL, "weight_bits"}, &files));
    t = read_text("plots/lines-input_bits-weight_bits.gp");
    double best = 0;
    for (size_t i = 0; i < r.n; i++)
        if (!strcmp(r.point[i].set[0].value, "8") && !strcmp(r.point[i].set[1].value, "8")) best = fmax(best, r.point[i].accuracy);
    want = mb_asprintf(" %.7g ", 100 * best);
    if (!strstr(strstr(t, "$line5"), want)) fail_msg("%s is not on the last line", want); /* weights of 8 bits */
    assert_non_null(strstr(t, "title '8'"));
    mb_free(want);
    mb_free(t);
    const mb_plot_options wrong[] = {{"weight_bit", NULL, NULL}, {NULL, "acuracy", NULL}, {"weight_bits", NULL, "map.weight_bits"}};
    assert_fails(mb_results_plot_with(&r, "lines", "gp", &wrong[0], &files), MB_BADINPUT, "map.weight_bits");
    assert_fails(mb_results_plot_with(&r, "lines", "gp", &wrong[1], &files), MB_BADINPUT, "did you mean \"accuracy\"");
    assert_fails(mb_results_plot_with(&r, "heat-map", "gp", &wrong[2], &files), MB_BADINPUT, "same key");
    assert_fails(mb_results_plot_with(&r, "snr-layers", "gp", &wrong[0], &files), MB_BADINPUT, "does not take --x");
    for (size_t i = 0; i < r.n; i++) r.point[i].accuracy = MB_NAN;
    assert_fails(mb_results_plot_with(&r, "lines", "gp", &(mb_plot_options){NULL, "accuracy", NULL}, &files), MB_BADINPUT, "costs only");
    mb_results_free(&r);
    made_results(&r, ".", 1, 3, 1);
    assert_fails(mb_results_plot(&r, "lines", "gp", &files), MB_BADINPUT, "no swept key");
    assert_fails(mb_results_plot(&r, "heat-map", "gp", &files), MB_BADINPUT, "no two swept keys");
    mb_results_free(&r);
    made_results(&r, ".", 600, 1, 0); /* a random sweep: too many values for an axis, the other kinds are drawn */
    for (size_t i = 0; i < r.n; i++)
        for (size_t k = 0; k < 3; k++) {
            mb_free(r.point[i].set[k].value);
            r.point[i].set[k].value = mb_asprintf("0.%03zu%zu", i, k);
        }
    mb_str_clear(&files);
    assert_ok(mb_results_plot(&r, NULL, "gp", &files));
    assert_null(strstr(mb_cstr(&files), "lines"));
    assert_fails(mb_results_plot(&r, "lines", "gp", &files), MB_BADINPUT, "too many values");
    assert_fails(mb_results_plot_with(&r, "heat-map", "gp", &(mb_plot_options){"adc.bits", NULL, "input_bits"}, &files), MB_BADINPUT, "no two");
    mb_str_free(&files);
    mb_results_free(&r);
}

/* Bars have one scale: a baseline a hundred times smaller is drawn so, one a hundred times higher is cut off and says so. */
/* Times are read as people say them; bars of several lines stand beside each other on a logarithmic axis, too. */
static void times(void **state) {
    (void)state;
    static const char *const second[] = {"1", "3600", "86400", "31557600"};
    mb_results r;
    mb_str files = {0};
    made_results(&r, ".", 24, 1, 0); /* weights 8 4 6 5 7 3, repeated four times */
    for (size_t i = 0; i < r.n; i++) {
        made_replace(&r.point[i].set[1].key, "read.time_s");
        made_replace(&r.point[i].set[1].value, second[i / 6]);
    }
    assert_ok(mb_results_plot_with(&r, "lines,heat-map", "gp", &(mb_plot_options){"time_s", NULL, "weight_bits"}, &files));
    for (int heat = 0; heat < 2; heat++) {
        char *t = read_text(heat ? "plots/heat-map-time_s-weight_bits.gp" : "plots/lines-time_s-weight_bits.gp");
        static const char *const word[] = {"'1 s' ", "'1 h' ", "'1 d' ", "'1 y' "};
        for (int k = 0; k < 4; k++)
            if (!strstr(t, word[k])) fail_msg("%s is no tic of %s", word[k], heat ? "heat-map" : "lines");
        double x[2];
        if (!heat) { /* the first of six lines at one hour, and the last */
            assert_int_equal(sscanf(strstr(t, "$line0 << EOD") + 14, "%*s %*s %*s %*s %lf", &x[0]), 1);
            assert_int_equal(sscanf(strstr(t, "$line5 << EOD") + 14, "%*s %*s %*s %*s %lf", &x[1]), 1);
            assert_true(x[0] > 3000 && x[0] < 3500 && x[1] > 3700 && x[1] < 4400);
        }
        mb_free(t);
    }
    mb_str_free(&files);
    mb_results_free(&r);
}

static void scale_of_bars(void **state) {
    (void)state;
    for (int up = 0; up < 2; up++) {
        mb_results r;
        mb_str files = {0};
        made_results(&r, ".", 1, 2, 1);
        const double f = up ? 100 : 0.01;
        mb_baseline_result *b = &r.point[0].baseline[0];
        for (size_t k = 0; k < b->n_part; k++) b->part[k].cost.energy_J *= f;
        b->cost.energy_J *= f;
        assert_ok(mb_results_plot(&r, "energy-components", "gp", &files));
        char *t = read_text("plots/energy-components.gp");
        assert_true(up == (strstr(t, "cut off") != NULL));
        assert_non_null(strstr(t, "$share0")); /* what a tiny bar is made of */
        assert_null(strstr(t, "height"));
        if (!up) assert_non_null(strstr(t, "\n2.4 0.0496 2.02 2.78 0.0496 0.124\n")); /* multipliers: 24 % of 0.31 uJ */
        mb_free(t);
        mb_str_free(&files);
        mb_results_free(&r);
    }
}

/* A component looks the same in every run and picture, whatever else is there. */
static void colours(void **state) {
    (void)state;
    static const char *const known[] = {"cells", "adc", "drivers", "shift-add", "registers", "tile buffer", "interconnect", "digital unit",
                                        "integrators", "sample-hold", "global buffer", "multiply-accumulate", "control", "weight buffer"};
    const size_t n = sizeof known / sizeof *known;
    for (size_t i = 0; i < n; i++) {
        const mb_style a = mb_component_style(known[i]);
        for (size_t k = 0; k < i; k++) {
            const mb_style b = mb_component_style(known[k]);
            assert_true(strcmp(a.colour, b.colour) != 0 || a.hatch != b.hatch);
        }
    }
    for (int points = 1; points < 20; points += 18) {
        mb_results r;
        mb_str files = {0};
        made_results(&r, ".", points, 2, 2);
        assert_ok(mb_results_plot(&r, "energy-components,energy-layers", "gp", &files));
        for (int k = 0; k < 2; k++) {
            char *t = read_text(k ? "plots/energy-layers.gp" : "plots/energy-components.gp");
            const char *adc = strstr(t, "title 'adc'");
            assert_non_null(adc);
            while (adc > t && adc[-1] != '\n') adc--;
            char *line = mb_strndup(adc, strcspn(adc, "\n"));
            assert_non_null(strstr(line, "'#0072B2'"));
            mb_free(line);
            mb_free(t);
        }
        mb_str_free(&files);
        mb_results_free(&r);
    }
}

static void placing(void **state) {
    (void)state;
    mb_placer p = {.area = {0, 0, 400, 300, 0}};
    uint32_t rnd = 7;
    double x[40], y[40];
    mb_spot s;
    size_t placed = 0;
    for (int i = 0; i < 40; i++) {
        rnd = rnd * 1664525u + 1013904223u;
        x[i] = 20 + (rnd >> 8) % 360;
        rnd = rnd * 1664525u + 1013904223u;
        y[i] = 20 + (rnd >> 8) % 260;
        assert_ok(mb_place_obstacle(&p, (mb_box){x[i] - 4, y[i] - 4, x[i] + 4, y[i] + 4, 1}));
    }
    for (int i = 0; i < 40; i++) {
        assert_ok(mb_place_label(&p, x[i], y[i], 5, 40, 12, false, "64739182", &s));
        placed += s.ok;
    }
    assert_true(placed >= 15);
    for (size_t a = 0; a < p.n; a++) { /* labels touch neither marks nor each other, and stand inside */
        const mb_box *u = &p.box[a];
        if (u->x1 - u->x0 < 39) continue;
        assert_true(u->x0 >= 0 && u->x1 <= 400 && u->y0 >= 0 && u->y1 <= 300);
        for (size_t b = 0; b < p.n; b++) {
            const mb_box *v = &p.box[b];
            if (a != b && v->weight >= 1)
                assert_true(fmin(u->x1, v->x1) <= fmax(u->x0, v->x0) || fmin(u->y1, v->y1) <= fmax(u->y0, v->y0));
        }
    }
    mb_free(p.box);
}

static void fronts(void **state) {
    (void)state;
    const double cost[] = {3, 1, 2, 2, 5, MB_NAN, 4}, gain[] = {0.9, 0.5, 0.7, 0.6, 0.9, 1, 0.8};
    bool front[7];
    size_t order[7], n, pick[4];
    assert_ok(mb_pareto(cost, gain, 7, front, order, &n));
    assert_int_equal(n, 3);
    assert_true(front[1] && front[2] && front[0] && !front[3] && !front[4] && !front[5] && !front[6]);
    assert_true(order[0] == 1 && order[1] == 2 && order[2] == 0);
    mb_results r;
    made_results(&r, ".", 60, 1, 0);
    assert_ok(mb_pick_points(&r, 4, pick, &n));
    assert_int_equal(n, 4);
    for (size_t i = 0; i < n; i++) { /* each is on the front; from the best accuracy down */
        const mb_point_result *a = &r.point[pick[i]];
        for (size_t k = 0; k < r.n; k++) assert_false(r.point[k].energy_J < a->energy_J && r.point[k].accuracy >= a->accuracy);
        if (i) assert_true(a->accuracy < r.point[pick[i - 1]].accuracy && a->energy_J < r.point[pick[i - 1]].energy_J);
    }
    r.n = 3;
    assert_ok(mb_pick_points(&r, 4, pick, &n));
    assert_true(n == 3 && pick[0] == 0 && pick[2] == 2);
    r.n = 60;
    mb_results_free(&r);
}

static void tics(void **state) {
    (void)state;
    static const struct {
        double lo, hi;
        const char *want;
    } c[] = {
        {0.9, 20000, "set xtics ('1' 1, '10' 10, '100' 100, '1000' 1000, '10000' 10000)"},
        {1.1, 40, "('2' 2, '5' 5, '10' 10, '20' 20)"},
        {210, 2900, "('300' 300, '500' 500, '700' 700, '1000' 1000, '1500' 1500, '2000' 2000)"},
    };
    for (size_t i = 0; i < sizeof c / sizeof *c; i++) {
        mb_str s = {0};
        assert_true(mb_gp_log_tics(&s, "x", c[i].lo, c[i].hi));
        if (!strstr(mb_cstr(&s), c[i].want)) fail_msg("%s lacks %s", mb_cstr(&s), c[i].want);
        mb_str_free(&s);
    }
    mb_str s = {0};
    assert_false(mb_gp_log_tics(&s, "x", 1.01, 1.02)); /* too short for round numbers */
    mb_gp_linear(&s, "y", 0, 41, 4);
    assert_non_null(strstr(mb_cstr(&s), "set ytics 20\n"));
    mb_str_free(&s);
}

/* KEYS x POINTS settings: tags of the points and their legend, "a,b,c|legend". */
static void expect_tags(size_t n, size_t keys, const char *const *key, const char *const *value, const char *want) {
    mb_results r = {.n = n};
    mb_str got = {0};
    r.point = mb_calloc(n, sizeof *r.point);
    for (size_t i = 0; i < n; i++) {
        mb_point_result *p = &r.point[i];
        p->label = mb_strdup("");
        p->set = mb_calloc(keys, sizeof *p->set);
        p->n_set = keys;
        for (size_t k = 0; k < keys; k++) p->set[k] = (mb_setting){mb_strdup(key[k]), mb_strdup(value[i * keys + k])};
    }
    mb_tagging t;
    assert_ok(mb_tagging_of(&r, &t));
    for (size_t i = 0; i < n; i++) {
        char *tag = mb_point_tag(&r, &r.point[i], &t);
        mb_str_addf(&got, "%s%s", i ? "," : "", tag);
        mb_free(tag);
    }
    mb_str_add(&got, "|");
    mb_tag_legend(&r, &t, &got);
    assert_string_equal(mb_cstr(&got), want);
    mb_str_free(&got);
    mb_results_free(&r);
}

/* Tags hold what tells points apart, and nothing else. */
static void tags(void **state) {
    (void)state;
    expect_tags(4, 2, (const char *[]){"map.weight_bits", "map.adc_bits"}, (const char *[]){"8", "6", "8", "5", "4", "6", "4", "5"},
                "8/6,8/5,4/6,4/5|weight_bits / adc_bits");
    /* arch and device go together: the first is enough; files by their names */
    expect_tags(4, 3, (const char *[]){"network", "arch", "device"},
                (const char *[]){"networks/a.csv", "isaac", "rram", "networks/a.csv", "prime", "pcm", "networks/b.csv", "isaac", "rram", "networks/b.csv", "prime", "pcm"},
                "a/isaac,a/prime,b/isaac,b/prime|network / arch");
    /* the first key does not tell all apart; one that never changes says nothing */
    expect_tags(3, 3, (const char *[]){"arch", "seed", "device"}, (const char *[]){"isaac", "1", "rram", "isaac", "1", "pcm", "prime", "1", "pcm"},
                "isaac/rram,isaac/pcm,prime/pcm|arch / device");
    /* two files of one name keep their folders; a value without a folder keeps the others whole */
    expect_tags(2, 1, (const char *[]){"network"}, (const char *[]){"x/net.onnx", "y/net.onnx"}, "x/net.onnx,y/net.onnx|network");
    expect_tags(2, 1, (const char *[]){"device"}, (const char *[]){"./mine.cfg", "rram"}, "./mine.cfg,rram|device");
    /* nothing tells them apart: all keys */
    expect_tags(2, 2, (const char *[]){"a", "b"}, (const char *[]){"1", "2", "1", "2"}, "1/2,1/2|a / b");
    expect_tags(1, 2, (const char *[]){"a", "b"}, (const char *[]){"1", "2"}, "1/2|a / b");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sizes),   cmocka_unit_test(hostile_names), cmocka_unit_test(deterministic), cmocka_unit_test(choice),
        cmocka_unit_test(trouble), cmocka_unit_test(numbers),       cmocka_unit_test(placing),       cmocka_unit_test(fronts),
        cmocka_unit_test(tics),    cmocka_unit_test(no_memory),     cmocka_unit_test(keys),          cmocka_unit_test(times), cmocka_unit_test(scale_of_bars),
        cmocka_unit_test(colours), cmocka_unit_test(tags),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
