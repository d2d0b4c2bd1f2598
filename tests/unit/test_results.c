/* test_results.c - the run folder: what is written comes back, killed runs go on to the same bytes, refusals, failing disks,
 * hostile files */
#include "made_results.h"

#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "run/explain.h"
#include "run/results_internal.h"

static char home[4096], root[] = "mixbar-results-XXXXXX";
static const char cfg[] = "schema = 1; name = \"quickstart\"; map = { weight_bits = 8; };\n";
static mb_results made; /* three points, four layers, two baselines */

static int setup(void **state) {
    (void)state;
    if (!getcwd(home, sizeof home) || !mkdtemp(root) || chdir(root) != 0) return -1;
    mb_log_quiet(1);
    made_results(&made, "made", 3, 4, 2);
    return 0;
}

static int teardown(void **state) {
    (void)state;
    mb_results_free(&made);
    char *cmd[] = {home, root};
    if (chdir(cmd[0]) != 0) return -1;
    return rmdir(root);
}

/* Remove a run folder; fails when it holds anything unexpected. */
static void drop(const char *dir) {
    static const char *const name[] = {"results.jsonl", "used.cfg", "manifest.json", "plan-0000.cfg", ".lock"};
    for (size_t i = 0; i < sizeof name / sizeof *name; i++) {
        char *path = mb_path_join(dir, name[i]);
        unlink(path);
        mb_free(path);
    }
    assert_int_equal(rmdir(dir), 0);
}

static int exists(const char *path) {
    struct stat st;
    return lstat(path, &st) == 0;
}

static uint8_t *slurp(const char *dir, const char *name, size_t *n) {
    uint8_t *data;
    char *path = mb_path_join(dir, name);
    assert_ok(mb_file_read(path, 0, &data, n));
    mb_free(path);
    return data;
}

/* A file as it comes: mb_file_write() waits for the disk, which a test need not. */
static void put(const char *path, const void *data, size_t n) {
    FILE *f = fopen(path, "wb");
    assert_non_null(f);
    assert_int_equal(fwrite(data, 1, n, f), n);
    assert_int_equal(fclose(f), 0);
}

static void write_run(const char *dir) {
    mb_run *run;
    assert_ok(mb_run_create(dir, "quickstart", cfg, MB_RUN_NEW, &run));
    for (size_t i = 0; i < made.n; i++) assert_ok(mb_run_point(run, &made.point[i]));
    assert_ok(mb_run_close(run, true));
}

static void assert_same_points(const mb_results *a, const mb_results *b) {
    assert_int_equal(a->n, b->n);
    for (size_t i = 0; i < a->n; i++) {
        mb_str x = {0}, y = {0};
        mb_point_json(&a->point[i], &x);
        mb_point_json(&b->point[i], &y);
        assert_string_equal(mb_cstr(&x), mb_cstr(&y));
        mb_str_free(&x);
        mb_str_free(&y);
    }
}

static void round_trip(void **state) {
    (void)state;
    mb_results r;
    long live = mb_mem_live();
    write_run("a/b");
    assert_ok(mb_results_read("a/b", &r));
    assert_true(r.complete);
    assert_string_equal(r.name, "quickstart");
    assert_string_equal(r.dir, "a/b");
    assert_same_points(&made, &r);
    /* the JSON of both could miss a field: some are compared themselves */
    const mb_point_result *p = &r.point[1], *q = &made.point[1];
    assert_int_equal(p->n_trial, 3);
    assert_true(p->trial[2].accuracy == q->trial[2].accuracy && p->trial[2].samples == 1000 && p->trial[2].trial == 2);
    assert_int_equal(p->n_set, 3);
    assert_string_equal(p->set[1].key, "map.input_bits");
    assert_string_equal(p->set[1].value, "4");
    assert_true(p->edap_Jsm2 == q->edap_Jsm2 && p->accuracy_low == q->accuracy_low && p->tops_per_mm2 == q->tops_per_mm2);
    assert_int_equal(p->layer[2].K, q->layer[2].K);
    assert_int_equal(p->layer[2].adc_bits_lossless, q->layer[2].adc_bits_lossless);
    assert_true(p->layer[2].snr_dB == q->layer[2].snr_dB && p->layer[2].part[3].cost.area_m2 == q->layer[2].part[3].cost.area_m2);
    assert_string_equal(p->baseline[1].kind, "near_memory");
    assert_true(p->baseline[1].cost.latency_s == q->baseline[1].cost.latency_s);
    mb_results_free(&r);
    assert_ok(mb_results_read("a/b/results.jsonl", &r)); /* the file itself */
    assert_string_equal(r.dir, "a/b");
    assert_int_equal(r.n, 3);
    mb_results_free(&r);
    assert_int_equal(mb_mem_live(), live);
    drop("a/b");
    rmdir("a");
}

/* Not-a-number and infinities have a meaning each. */
static void no_numbers(void **state) {
    (void)state;
    mb_results r, m;
    mb_run *run;
    made_results(&m, "m", 1, 3, 0);
    m.point[0].accuracy = m.point[0].float_accuracy = MB_NAN;
    m.point[0].layer[0].snr_dB = MB_INF;
    m.point[0].layer[1].snr_dB = MB_NAN;
    m.point[0].layer[1].clipped = MB_NAN;
    m.point[0].n_trial = 0;
    assert_ok(mb_run_create("n", "n", cfg, MB_RUN_NEW, &run));
    assert_ok(mb_run_point(run, &m.point[0]));
    assert_ok(mb_run_close(run, true));
    assert_ok(mb_results_read("n", &r));
    assert_true(isnan(r.point[0].accuracy) && isnan(r.point[0].float_accuracy) &&
                r.point[0].quantised_accuracy == m.point[0].quantised_accuracy);
    assert_true(isinf(r.point[0].layer[0].snr_dB) && r.point[0].layer[0].snr_dB > 0);
    assert_true(isnan(r.point[0].layer[1].snr_dB) && isnan(r.point[0].layer[1].clipped));
    assert_true(r.point[0].layer[2].snr_dB == m.point[0].layer[2].snr_dB);
    assert_int_equal(r.point[0].n_trial, 0);
    mb_results_free(&r);
    mb_results_free(&m);
    drop("n");
}

/* A run that is cut anywhere and goes on ends in the same bytes. */
static void resume_bytes(void **state) {
    (void)state;
    size_t n, m, end1;
    write_run("whole");
    uint8_t *want = slurp("whole", "results.jsonl", &n);
    const char *p1 = strstr((const char *)want, "{\"kind\":\"point\",\"index\":1,");
    assert_non_null(p1);
    end1 = (size_t)(strchr(p1, '\n') - (const char *)want) + 1; /* behind point 1 */
    assert_int_equal(mkdir("cut", 0777), 0);
    for (size_t k = 0; k < 24; k++) { /* few, as each fsync takes its time */
        size_t at = k < 16   ? n * k / 16
                    : k < 20 ? end1 + k - 18
                             : n - (k - 20); /* all over, around an end of a line, around the end */
        mb_run *run;
        mb_results r;
        put("cut/results.jsonl", want, at);
        assert_ok(mb_run_create("cut", "quickstart", cfg, MB_RUN_RESUME, &run));
        assert_int_equal(mb_run_done(run, 1, made.point[1].id), at >= end1);
        assert_false(mb_run_done(run, 1, "00"));
        assert_false(mb_run_done(run, 7, made.point[1].id));
        for (size_t i = 0; i < made.n; i++) {
            if (!mb_run_done(run, (int64_t)i, made.point[i].id)) assert_ok(mb_run_point(run, &made.point[i]));
        }
        assert_ok(mb_run_close(run, true));
        uint8_t *got = slurp("cut", "results.jsonl", &m);
        assert_int_equal(m, n);
        assert_memory_equal(got, want, n);
        mb_free(got);
        if (k % 8 == 0) {
            assert_ok(mb_results_read("cut", &r));
            assert_same_points(&made, &r);
            mb_results_free(&r);
        }
    }
    mb_free(want);
    drop("cut");
    drop("whole");
}

/* Reading a run that was cut: whole points come back, the rest is left out. */
static void read_partial(void **state) {
    (void)state;
    size_t n;
    write_run("whole");
    uint8_t *data = slurp("whole", "results.jsonl", &n);
    const char *p1 = strstr((const char *)data, "{\"kind\":\"point\",\"index\":1,");
    size_t at = (size_t)(p1 - (const char *)data);
    mb_results r;
    put("cut.jsonl", data, at + 40); /* in the middle of summary 1 */
    assert_ok(mb_results_read("cut.jsonl", &r));
    assert_int_equal(r.n, 1);
    assert_false(r.complete);
    mb_results_free(&r);
    put("cut.jsonl", data, at); /* its trials stand there, whole */
    assert_ok(mb_results_read("cut.jsonl", &r));
    assert_int_equal(r.n, 1);
    mb_results_free(&r);
    data[at - 30] ^= 1;
    put("cut.jsonl", data, n);
    assert_fails(mb_results_read("cut.jsonl", &r), MB_BADINPUT, "cut.jsonl:8: the line is damaged");
    assert_null(r.point);
    data[at - 30] ^= 1;
    unlink("cut.jsonl");
    mb_free(data);
    drop("whole");
}

static void refusals(void **state) {
    (void)state;
    mb_run *run = NULL, *second = NULL;
    size_t n, m;
    write_run("run");
    uint8_t *before = slurp("run", "results.jsonl", &n);
    assert_fails(mb_run_create("run", "quickstart", cfg, MB_RUN_NEW, &run), MB_BADINPUT, "--resume");
    assert_null(run);
    assert_fails(
        mb_run_create("run", "quickstart", "schema = 1; name = \"quickstart\"; map = { weight_bits = 4; };", MB_RUN_RESUME, &run),
        MB_BADINPUT, "another experiment");
    assert_fails(mb_run_create("run", "other", cfg, MB_RUN_RESUME, &run), MB_BADINPUT, "another name");
    /* comments, order and the place of a preset do not make another experiment */
    assert_ok(mb_run_create("run", "quickstart",
                            "name = \"quickstart\"; # said so\nmap = { weight_bits = 8; preset = \"x.cfg\"; }; schema = 1;", true,
                            &run));
    assert_fails(mb_run_create("run", "quickstart", cfg, MB_RUN_RESUME, &second), MB_SYSTEM, "another mixbar");
    assert_null(second);
    assert_true(exists("run/.lock")); /* the refused one did not take it away */
    assert_fails(mb_run_point(run, &made.point[0]), MB_BUG, "behind point");
    made.point[1].id[0] = 'f';
    assert_fails(mb_run_point(run, &made.point[1]), MB_BADINPUT, "another version");
    made.point[1].id[0] = '0';
    assert_fails(mb_run_write_file(run, "plan-0001.cfg", "another"), MB_BADINPUT, "point 1 is another one there"); /* nor does its plan change */
    assert_false(exists("run/plan-0001.cfg"));
    assert_ok(mb_run_close(run, true));
    assert_false(exists("run/.lock"));
    uint8_t *after = slurp("run", "results.jsonl", &m);
    assert_int_equal(m, n);
    assert_memory_equal(after, before, n);
    after[n / 2] ^= 4; /* damage with whole points behind it */
    put("run/results.jsonl", after, n);
    assert_fails(mb_run_create("run", "quickstart", cfg, MB_RUN_RESUME, &run), MB_BADINPUT,
                 "damaged (checksum), with finished points behind it");
    mb_free(before);
    mb_free(after);
    drop("run");
    assert_int_equal(mkdir("run", 0777), 0);
    put("run/results.jsonl", "{\"mine\": 1}\n", 12);
    assert_fails(mb_run_create("run", "quickstart", cfg, MB_RUN_NEW, &run), MB_BADINPUT, "is not a results file of mixbar");
    assert_fails(mb_run_create("run", "quickstart", cfg, MB_RUN_RESUME, &run), MB_BADINPUT, "is not a results file of mixbar");
    after = slurp("run", "results.jsonl", &n);
    assert_string_equal((char *)after, "{\"mine\": 1}\n");
    mb_free(after);
    assert_false(exists("run/used.cfg"));
    drop("run");
}

/* Starting over: the results and plans of the run that was there go, files of others stay. */
static void force(void **state) {
    (void)state;
    mb_run *run;
    mb_results r;
    write_run("run");
    put("run/plan-0002.cfg", "a = 1;", 6);
    put("run/plan-mine.cfg", "a = 1;", 6);
    put("run/net-0002.onnx", "net", 3);
    mb_str none = {0};
    mb_explain_text("quickstart", NULL, 0, &none);
    put("run/explain.jsonl", none.s, none.n);
    mb_str_free(&none);
    assert_ok(mb_run_create("run", "other", "schema = 2;", MB_RUN_FORCE, &run));
    assert_false(mb_run_done(run, 0, made.point[0].id));
    assert_ok(mb_run_close(run, false)); /* no new point: the old run is as it was */
    assert_true(exists("run/plan-0002.cfg") && exists("run/explain.jsonl"));
    assert_ok(mb_results_read("run", &r));
    assert_int_equal(r.n, 3);
    assert_string_equal(r.name, "quickstart");
    mb_results_free(&r);
    assert_ok(mb_run_create("run", "other", "schema = 2;", MB_RUN_FORCE, &run));
    assert_ok(mb_run_write_file(run, "plan-0000.cfg", "new"));
    assert_true(exists("run/plan-0002.cfg") && !exists("run/plan-0000.cfg"));
    assert_ok(mb_run_point(run, &made.point[0]));
    assert_false(exists("run/plan-0002.cfg") || exists("run/net-0002.onnx") || exists("run/explain.jsonl"));
    assert_true(exists("run/plan-mine.cfg") && exists("run/plan-0000.cfg"));
    assert_ok(mb_run_close(run, true));
    assert_ok(mb_results_read("run", &r));
    assert_int_equal(r.n, 1);
    assert_string_equal(r.name, "other");
    mb_results_free(&r);
    put("run/results.jsonl", "precious\n", 9);
    assert_fails(mb_run_create("run", "other", cfg, MB_RUN_FORCE, &run), MB_BADINPUT, "is not a results file of mixbar");
    unlink("run/plan-mine.cfg");
    drop("run");
}

/* A point without a plan is a result; it alone replaces no older ones. */
static void infeasible(void **state) {
    (void)state;
    mb_run *run;
    mb_results r;
    mb_str text = {0};
    mb_point_result p = {.index = 3, .id = mb_strdup("abc"), .label = mb_strdup("tight"), .plan = mb_strdup(""), .infeasible = mb_strdup("too \"small\"")};
    for (const mb_column *c = mb_point_columns; c->name; c++) *(double *)(void *)((char *)&p + c->offset) = MB_NAN;
    assert_ok(mb_run_create("run", "quickstart", cfg, MB_RUN_NEW, &run));
    for (size_t i = 0; i < made.n; i++) assert_ok(mb_run_point(run, &made.point[i]));
    assert_ok(mb_run_point(run, &p));
    assert_ok(mb_run_close(run, true));
    assert_ok(mb_results_read("run", &r));
    assert_int_equal(r.n, 4);
    assert_null(r.point[0].infeasible);
    assert_string_equal(r.point[3].infeasible, "too \"small\"");
    assert_true(isnan(r.point[3].accuracy) && isnan(r.point[3].energy_J));
    assert_ok(mb_results_report(&r, MB_FORMAT_TEXT, 1, &text));
    assert_non_null(strstr(mb_cstr(&text), "Point 3 is infeasible: too \"small\""));
    mb_str_clear(&text);
    assert_ok(mb_results_report(&r, MB_FORMAT_CSV, 0, &text));
    assert_non_null(strstr(mb_cstr(&text), ",infeasible,"));
    mb_results_free(&r);
    p.index = 0;
    assert_ok(mb_run_create("run", "quickstart", cfg, MB_RUN_FORCE, &run));
    assert_ok(mb_run_point(run, &p));
    assert_ok(mb_run_close(run, false));
    assert_ok(mb_results_read("run", &r));
    assert_int_equal(r.n, 4);
    mb_results_free(&r);
    assert_ok(mb_run_create("run", "quickstart", cfg, MB_RUN_FORCE, &run));
    assert_ok(mb_run_point(run, &p));
    assert_ok(mb_run_point(run, &made.point[1]));
    assert_ok(mb_run_close(run, true));
    assert_ok(mb_results_read("run", &r));
    assert_int_equal(r.n, 2);
    assert_non_null(r.point[0].infeasible);
    assert_null(r.point[1].infeasible);
    mb_results_free(&r);
    mb_str_free(&text);
    mb_point_result_free(&p);
    drop("run");
}

/* The question of used.cfg stands above the report. */
static void question(void **state) {
    (void)state;
    mb_run *run;
    mb_results r;
    mb_str text = {0};
    assert_ok(mb_run_create("run", "quickstart", "schema = 1; question = \"Does it pay?\";", MB_RUN_NEW, &run));
    assert_ok(mb_run_point(run, &made.point[0]));
    assert_ok(mb_run_close(run, true));
    assert_ok(mb_results_read("run", &r));
    assert_ok(mb_results_report(&r, MB_FORMAT_TEXT, 0, &text));
    assert_non_null(strstr(mb_cstr(&text), "\n\nDoes it pay?\n\n"));
    mb_str_free(&text);
    mb_results_free(&r);
    drop("run");
}

/* What fails leaves nothing; what was not made stays. */
static void nothing_left(void **state) {
    (void)state;
    mb_run *run = NULL;
    long live = mb_mem_live();
    assert_fails(mb_run_create("x/y/z", "n", "a = ;", MB_RUN_NEW, &run), MB_BADINPUT, "");
    assert_false(exists("x"));
    put("file", "1", 1);
    assert_true(mb_run_create("file/run", "n", cfg, MB_RUN_NEW, &run) != MB_OK);
    mb_error_clear();
    assert_null(run);
    unlink("file");
    assert_int_equal(mkdir("x", 0777), 0);
    assert_int_equal(mkdir("x/results.jsonl", 0777), 0); /* cannot be written */
    assert_true(mb_run_create("x", "n", cfg, MB_RUN_NEW, &run) != MB_OK);
    mb_error_clear();
    assert_false(exists("x/used.cfg") || exists("x/manifest.json") || exists("x/.lock"));
    rmdir("x/results.jsonl");
    rmdir("x");
    for (long k = 0;; k++) { /* each allocation fails in turn */
        mb_mem_fail_after(k + 1);
        int rc = mb_run_create("x/y", "n", cfg, MB_RUN_NEW, &run);
        mb_mem_fail_after(-1);
        if (rc == MB_OK) break;
        assert_int_equal(rc, MB_SYSTEM);
        mb_error_clear();
        assert_false(exists("x"));
        assert_true(k < 2000);
    }
    /* a run that reached no point leaves nothing either */
    assert_ok(mb_run_write_file(run, "plan-0000.cfg", "a = 1;\n"));
    assert_true(exists("x/y/plan-0000.cfg"));
    assert_fails(mb_run_write_file(run, "../plan", ""), MB_BUG, "not a name");
    assert_fails(mb_run_write_file(run, "results.jsonl", ""), MB_BUG, "not a name");
    assert_ok(mb_run_close(run, false));
    assert_false(exists("x"));
    assert_int_equal(mb_mem_live(), live);
    /* one that was killed before its first point may be begun anew without --resume */
    assert_ok(mb_run_create("x", "n", cfg, MB_RUN_NEW, &run));
    size_t n;
    uint8_t *schema = slurp("x", "results.jsonl", &n);
    assert_ok(mb_run_close(run, false));
    assert_int_equal(mkdir("x", 0777), 0);
    put("x/results.jsonl", schema, n - 5);
    mb_free(schema);
    assert_ok(mb_run_create("x", "n", cfg, MB_RUN_NEW, &run));
    assert_ok(mb_run_point(run, &made.point[0]));
    assert_ok(mb_run_close(run, false));
    drop("x");
}

/* The disk is full in the middle of a point: the finished ones are whole, the run can go on. */
static void disk_full(void **state) {
    (void)state;
    mb_run *run;
    struct rlimit old, small;
    size_t n, m;
    signal(SIGXFSZ, SIG_IGN);
    write_run("whole");
    uint8_t *want = slurp("whole", "results.jsonl", &n);
    assert_ok(mb_run_create("full", "quickstart", cfg, MB_RUN_NEW, &run));
    assert_ok(mb_run_point(run, &made.point[0]));
    uint8_t *first = slurp("full", "results.jsonl", &m);
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &old), 0);
    small = old;
    small.rlim_cur = m + 100;
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
    int rc = mb_run_point(run, &made.point[1]);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &old), 0);
    assert_int_equal(rc, MB_SYSTEM);
    assert_non_null(strstr(mb_error_message(), "full/results.jsonl: writing failed"));
    mb_error_clear();
    mb_free(first);
    size_t k;
    first = slurp("full", "results.jsonl", &k);
    assert_int_equal(k, m); /* the partial line is gone */
    mb_free(first);
    assert_false(mb_run_done(run, 1, made.point[1].id));
    assert_ok(mb_run_point(run, &made.point[1])); /* room again */
    assert_ok(mb_run_point(run, &made.point[2]));
    assert_ok(mb_run_close(run, true));
    first = slurp("full", "results.jsonl", &k);
    assert_int_equal(k, n);
    assert_memory_equal(first, want, n);
    mb_free(first);
    mb_free(want);
    drop("full");
    drop("whole");
    small.rlim_cur = 10; /* nothing can be written at all */
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
    rc = mb_run_create("full", "quickstart", cfg, MB_RUN_NEW, &run);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &old), 0);
    assert_int_equal(rc, MB_SYSTEM);
    mb_error_clear();
    assert_false(exists("full"));
}

static void manifest(void **state) {
    (void)state;
    mb_run *run;
    size_t n;
    assert_ok(mb_run_create("m", "quickstart", cfg, MB_RUN_NEW, &run));
    assert_ok(mb_run_note(run, "threads", "1"));
    assert_ok(mb_run_note(run, "threads", "2"));
    assert_ok(mb_run_note(run, "quote", "a \"b\"\n\xff"));
    assert_ok(mb_run_note(run, "search_s of point 0", "12.5"));
    assert_fails(mb_run_note(run, "complete", "yes"), MB_BUG, "of its own");
    assert_ok(mb_run_point(run, &made.point[0]));
    assert_ok(mb_run_close(run, false));
    assert_ok(mb_run_create("m", "quickstart", cfg, MB_RUN_RESUME, &run));
    assert_ok(mb_run_point(run, &made.point[1]));
    assert_ok(mb_run_point(run, &made.point[2]));
    assert_ok(mb_run_note(run, "threads", "2"));
    assert_ok(mb_run_close(run, true));
    uint8_t *text = slurp("m", "manifest.json", &n);
    json_t *j = json_loadb((char *)text, n, JSON_REJECT_DUPLICATES, NULL), *s;
    assert_non_null(j);
    assert_string_equal(json_string_value(json_object_get(j, "program")), "mixbar");
    assert_true(json_is_true(json_object_get(j, "complete")));
    assert_int_equal(json_integer_value(json_object_get(j, "points")), 3);
    assert_string_equal(json_string_value(json_object_get(j, "threads")), "2");
    assert_string_equal(json_string_value(json_object_get(j, "search_s of point 0")), "12.5"); /* of a point that is not computed again */
    assert_null(json_object_get(j, "quote")); /* of the first session */
    s = json_object_get(j, "sessions");
    assert_int_equal(json_array_size(s), 2);
    assert_int_equal(json_integer_value(json_object_get(json_array_get(s, 0), "points")), 1);
    assert_int_equal(json_integer_value(json_object_get(json_array_get(s, 1), "points")), 2);
    const char *t = json_string_value(json_object_get(json_array_get(s, 1), "ended"));
    int y, mo, d, h, mi, se;
    assert_int_equal(sscanf(t, "%d-%d-%dT%d:%d:%dZ", &y, &mo, &d, &h, &mi, &se), 6);
    assert_true(json_string_length(json_object_get(json_array_get(s, 1), "host")) > 0);
    json_decref(j);
    mb_free(text);
    uint8_t *used = slurp("m", "used.cfg", &n);
    assert_string_equal((char *)used, cfg);
    mb_free(used);
    drop("m");
}

/* The results do not know when, where or by whom they were made. */
static void same_bytes(void **state) {
    (void)state;
    size_t n, m;
    write_run("one");
    write_run("two");
    uint8_t *a = slurp("one", "results.jsonl", &n), *b = slurp("two", "results.jsonl", &m);
    assert_int_equal(n, m);
    assert_memory_equal(a, b, n);
    mb_free(a);
    mb_free(b);
    drop("one");
    drop("two");
}

/* --- hostile files ---------------------------------------------------------------------------------------------------- */

static uint32_t rnd_state = 12345;
static uint32_t rnd(uint32_t n) {
    rnd_state = rnd_state * 1664525u + 1013904223u;
    return (uint32_t)((uint64_t)(rnd_state >> 4) * n >> 28);
}

/* Change the body of one line (without its seal). */
static void mutate(mb_str *body) {
    static const char *const piece[] = {
        "null", "-1",   "1e999",     "99999999999999999999", "\"x\"", "[]", "{}", "[[[[", "\\u0000", "\xff", "true", ",",
        "0.5",  "\"\"", "\"index\":"};
    size_t at = rnd((uint32_t)body->n), cut = rnd(3) ? rnd(8) : rnd(200);
    mb_str s = {0};
    if (at + cut > body->n) cut = body->n - at;
    switch (rnd(4)) {
    case 0: body->s[at] = (char)rnd(256); return;
    case 1: /* cut a piece out */
        mb_str_addn(&s, body->s, at);
        mb_str_addn(&s, body->s + at + cut, body->n - at - cut);
        break;
    case 2: /* replace the value behind the next colon */
        while (at < body->n && body->s[at] != ':') at++;
        mb_str_addn(&s, body->s, at < body->n ? at + 1 : at);
        mb_str_add(&s, piece[rnd(sizeof piece / sizeof *piece)]);
        while (at < body->n && body->s[at] != ',') at++;
        mb_str_addn(&s, body->s + at, body->n - at);
        break;
    default: /* repeat a piece */ mb_str_addn(&s, body->s, at + cut); mb_str_addn(&s, body->s + at, body->n - at);
    }
    mb_str_free(body);
    *body = s;
}

static void hostile(void **state) {
    (void)state;
    size_t n;
    int bad = 0, good = 0;
    long live;
    mb_results small;
    mb_run *run;
    made_results(&small, "s", 2, 1, 1);
    assert_ok(mb_run_create("h", "n", cfg, MB_RUN_NEW, &run));
    for (size_t i = 0; i < small.n; i++) assert_ok(mb_run_point(run, &small.point[i]));
    assert_ok(mb_run_close(run, true));
    mb_results_free(&small);
    uint8_t *data = slurp("h", "results.jsonl", &n);
    live = mb_mem_live();
    for (int k = 0; k < 1500; k++) {
        mb_str out = {0};
        mb_results r;
        size_t lines = 0, pick, i = 0;
        for (size_t q = 0; q < n; q++) lines += data[q] == '\n';
        pick = rnd((uint32_t)lines);
        for (const char *line = (const char *)data; *line; i++) {
            const char *nl = strchr(line, '\n');
            size_t len = (size_t)(nl - line), body = mb_line_check(line, len);
            assert_true(body > 0);
            if (i == pick && k % 50 == 1) { /* a line is missing */
                line = nl + 1;
                continue;
            }
            mb_str b = {0};
            mb_str_addn(&b, line, body);
            if (i == pick) mutate(&b);
            for (size_t q = 0; q < b.n; q++) { /* a new line would be another line */
                if (b.s[q] == '\n') b.s[q] = ' ';
            }
            mb_str_add(&b, "}"); /* the seal takes the brace away again */
            size_t at = out.n;
            mb_str_addn(&out, b.s, b.n);
            mb_line_seal(&out, at);
            if (i == pick && k % 3 == 0 && b.n > 4)
                out.s[at + rnd((uint32_t)b.n - 2)] ^= (char)(1 << rnd(7)); /* and one that its seal betrays */
            mb_str_free(&b);
            line = nl + 1;
        }
        put("h/bad.jsonl", out.s, out.n);
        mb_str_free(&out);
        int rc = mb_results_read("h/bad.jsonl", &r);
        assert_true(rc == MB_OK || rc == MB_BADINPUT);
        if (rc == MB_OK) {
            mb_str text = {0}; /* what was accepted can be used */
            assert_ok(mb_results_report(&r, MB_FORMAT_TEXT, 1, &text));
            mb_str_free(&text);
            mb_results_free(&r);
            good++;
        } else {
            if (!strstr(mb_error_message(), "h/bad.jsonl:")) fail_msg("no place in '%s'", mb_error_message());
            mb_error_clear();
            bad++;
        }
        assert_int_equal(mb_mem_live(), live);
    }
    assert_true(bad > 500 && good > 10); /* both roads were taken */
    mb_free(data);
    unlink("h/bad.jsonl");
    drop("h");
}

static void bad_files(void **state) {
    (void)state;
    static const struct {
        const char *line, *message;
    } bad[] = {
        {"", "is empty"},
        {"hello\n", "x.jsonl:1: is not a results file"},
        {"{\"kind\":\"schema\"", "x.jsonl:1: is not a results file"},
    };
    mb_results r;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        put("x.jsonl", bad[i].line, strlen(bad[i].line));
        assert_fails(mb_results_read("x.jsonl", &r), MB_BADINPUT, bad[i].message);
    }
    static const struct {
        const char *body, *message;
    } sealed[] = {
        {"{\"kind\":\"trial\",\"point\":0}", "the schema line must be the first line"},
        {"{\"kind\":\"schema\",\"schema\":2,\"name\":\"n\"}", "schema 2"},
        {"{\"kind\":\"schema\",\"schema\":\"1\",\"name\":\"n\"}", "\"schema\" must be an integer"},
        {"{\"kind\":\"schema\",\"schema\":1,\"name\":3}", "\"name\" must be a string"},
        {"{\"kind\":1}", "\"kind\" must be a string"},
        {"[1]}", "is not JSON"},
    };
    for (size_t i = 0; i < sizeof sealed / sizeof *sealed; i++) {
        mb_str s = {0};
        mb_str_add(&s, sealed[i].body);
        mb_line_seal(&s, 0);
        put("x.jsonl", s.s, s.n);
        mb_str_free(&s);
        int rc = mb_results_read("x.jsonl", &r);
        assert_int_equal(rc, MB_BADINPUT);
        if (i < 5 && !strstr(mb_error_message(), sealed[i].message))
            fail_msg("message '%s' lacks '%s'", mb_error_message(), sealed[i].message);
        mb_error_clear();
    }
    mb_str s = {0}; /* an end that counts points which are not there */
    mb_schema_json("n", "0123456789abcdef", &s);
    mb_line_seal(&s, 0);
    size_t at = s.n;
    mb_str_add(&s, "{\"kind\":\"end\",\"points\":4}");
    mb_line_seal(&s, at);
    put("x.jsonl", s.s, s.n);
    mb_str_free(&s);
    assert_fails(mb_results_read("x.jsonl", &r), MB_BADINPUT, "lines are missing");
    unlink("x.jsonl");
    assert_fails(mb_results_read("nowhere", &r), MB_BADINPUT, "nowhere");
    assert_int_equal(mkdir("empty", 0777), 0);
    assert_fails(mb_results_read("empty", &r), MB_BADINPUT, "no results.jsonl");
    rmdir("empty");
}

/* Each allocation of reading and reporting fails in turn. */
static void no_memory(void **state) {
    (void)state;
    static const mb_format format[] = {MB_FORMAT_TEXT, MB_FORMAT_CSV, MB_FORMAT_JSONL, MB_FORMAT_JSON};
    write_run("run");
    long live = mb_mem_live();
    for (long k = 0;; k += 3) {
        mb_results r;
        mb_mem_fail_after(k + 1);
        int rc = mb_results_read("run", &r);
        mb_mem_fail_after(-1);
        if (rc == MB_OK) {
            mb_results_free(&r);
            break;
        }
        assert_int_equal(rc, MB_SYSTEM);
        mb_error_clear();
        assert_int_equal(mb_mem_live(), live);
        assert_true(k < 100000);
    }
    for (size_t f = 0; f < 4; f++) {
        mb_str want = {0};
        assert_ok(mb_results_report(&made, format[f], 1, &want));
        for (long k = 0;; k++) {
            mb_str out = {0};
            mb_mem_fail_after(k + 1);
            int rc = mb_results_report(&made, format[f], 1, &out);
            mb_mem_fail_after(-1);
            if (rc == MB_OK) assert_string_equal(mb_cstr(&out), mb_cstr(&want)); /* no failure goes unseen */
            mb_str_free(&out);
            assert_int_equal(mb_mem_live(), live + 1);
            if (rc == MB_OK) break;
            assert_int_equal(rc, MB_SYSTEM);
            mb_error_clear();
            assert_true(k < 100000);
        }
        mb_str_free(&want);
    }
    drop("run");
}

static void columns(void **state) {
    (void)state;
    size_t n = 0;
    for (const mb_column *c = mb_point_columns; c->name; c++, n++) {
        assert_true(c->help && *c->help && c->unit);
        assert_ptr_equal(mb_column_find(c->name), c);
        assert_true(c->offset % sizeof(double) == 0 && c->offset < sizeof(mb_point_result));
    }
    assert_int_equal(n, (offsetof(mb_point_result, trial) - offsetof(mb_point_result, float_accuracy)) /
                            sizeof(double)); /* none is missing */
    assert_null(mb_column_find("energy"));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(columns),      cmocka_unit_test(round_trip),   cmocka_unit_test(no_numbers),
        cmocka_unit_test(resume_bytes), cmocka_unit_test(read_partial), cmocka_unit_test(refusals),
        cmocka_unit_test(force),        cmocka_unit_test(infeasible), cmocka_unit_test(question), cmocka_unit_test(nothing_left), cmocka_unit_test(disk_full),
        cmocka_unit_test(manifest),     cmocka_unit_test(same_bytes),   cmocka_unit_test(hostile),
        cmocka_unit_test(bad_files),    cmocka_unit_test(no_memory),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
