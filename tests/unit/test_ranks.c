/* test_ranks.c - a run over ranks, without MPI: threads that pass messages are the ranks (run/ranks.c); results are those of one process, errors come to rank 0 */
#include "mbtest.h"

#include <pthread.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/mem.h"
#include "run/experiment.h"
#include "run/point.h"

/* --- messages through memory ------------------------------------------------------------------------------------------ */

#define RANKS 3
typedef struct letter { struct letter *next; int from; size_t n; char data[]; } letter;
typedef struct box { letter *first, **last; } box;
static pthread_mutex_t post = PTHREAD_MUTEX_INITIALIZER;
static box boxes[RANKS];

static int post_send(void *ctx, int to, const void *data, size_t n) {
    letter *l = mb_malloc(1, sizeof *l + n);
    if (!l) return mb_nomem();
    l->next = NULL;
    l->from = *(int *)ctx;
    l->n = n;
    memcpy(l->data, data, n);
    pthread_mutex_lock(&post);
    if (!boxes[to].last) boxes[to].last = &boxes[to].first;
    *boxes[to].last = l;
    boxes[to].last = &l->next;
    pthread_mutex_unlock(&post);
    return MB_OK;
}

static int post_poll(void *ctx, int *from, void **data, size_t *n) {
    box *b = &boxes[*(int *)ctx];
    *data = NULL;
    pthread_mutex_lock(&post);
    letter *l = b->first;
    if (l && !(b->first = l->next)) b->last = &b->first;
    pthread_mutex_unlock(&post);
    if (!l) return MB_OK;
    *from = l->from;
    *n = l->n;
    if ((*data = mb_malloc(l->n, 1))) memcpy(*data, l->data, l->n);
    mb_free(l);
    return *data ? MB_OK : mb_nomem();
}

static size_t letters_left(void) {
    size_t n = 0;
    for (int k = 0; k < RANKS; k++) {
        for (letter *l = boxes[k].first, *next; l; l = next, n++) {
            next = l->next;
            mb_free(l);
        }
        boxes[k] = (box){NULL, NULL};
    }
    return n;
}

/* --- ranks ---------------------------------------------------------------------------------------------------------------- */

typedef struct rank {
    int number, rc;
    const char *dir;
    const char *set[4];      /* of this rank */
    bool resume;
    char message[300];
    size_t seen;
    int stop_after;          /* on_point fails then; 0: never */
} rank;

static char home[4096], folder[] = "mixbar-ranks-XXXXXX", source[4096];

static int on_point(void *ctx, const mb_point_result *p, size_t done, size_t total) {
    rank *r = ctx;
    assert_int_equal(total, 9);
    assert_true(p->energy_J > 0);
    assert_non_null(strstr(p->label, "="));
    r->seen++;
    return r->stop_after && done >= (size_t)r->stop_after ? mb_fail(MB_INTERRUPTED, "that will do") : MB_OK;
}

/* Nine points; some are simulated on a few images. */
static void *run_rank(void *arg) {
    rank *r = arg;
    const mb_team team = {r->number, RANKS, &r->number, post_send, post_poll};
    char path[4200], net[4200];
    snprintf(path, sizeof path, "%s/experiments/quickstart.cfg", source);
    snprintf(net, sizeof net, "network=%s/experiments/networks/fashion_cnn.onnx", source);
    const char *set[16] = {net, "dataset=fashion-mnist-fallback", "calibration.dataset=fashion-mnist-fallback", "samples=16", "calibration.samples=16", "trials=2", "against=()",
                           "sweep={axes=({key=\"map.weight_bits\"; values=[8,6,4];},{key=\"map.adc_bits\"; values=[8,6,4];});}"};
    size_t n = 8;
    for (int i = 0; i < 4 && r->set[i]; i++) set[n++] = r->set[i];
    mb_conf *root = NULL;
    char *dir = NULL;
    const mb_run_options o = {.dir = r->dir, .resume = r->resume, .on_point = on_point, .ctx = r, .explain_point = -1, .threads = 1, .team = r->number < 0 ? NULL : &team};
    r->rc = mb_experiment_read(path, set, n, &root);
    if (!r->rc) r->rc = mb_experiment_run(root, &o, &dir);
    snprintf(r->message, sizeof r->message, "%s", mb_error_message());
    mb_error_clear();
    mb_conf_free(root);
    mb_free(dir);
    return NULL;
}

static void run_all(rank *r) {
    pthread_t t[RANKS];
    for (int k = 0; k < RANKS; k++) {
        r[k].number = k;
        r[k].dir = r[0].dir;
        r[k].resume = r[0].resume;
        assert_int_equal(pthread_create(&t[k], NULL, run_rank, &r[k]), 0);
    }
    for (int k = 0; k < RANKS; k++) pthread_join(t[k], NULL);
}

static int setup(void **state) {
    (void)state;
    char *full = realpath(srcdir(), NULL);
    if (!full) return -1;
    snprintf(source, sizeof source, "%s", full);
    free(full);
    mb_log_quiet(1);
    return getcwd(home, sizeof home) && mkdtemp(folder) && chdir(folder) == 0 ? 0 : -1;
}

static void empty(const char *dir) {
    static const char *const name[] = {"results.jsonl", "used.cfg", "manifest.json"};
    for (size_t i = 0; i < 3; i++) {
        char *path = mb_path_join(dir, name[i]);
        unlink(path);
        mb_free(path);
    }
    for (int i = 0; i < 9; i++) {
        char *path = mb_asprintf("%s/plan-%04d.cfg", dir, i);
        unlink(path);
        mb_free(path);
    }
    rmdir(dir);
}

static int teardown(void **state) {
    (void)state;
    static const char *const dir[] = {"one", "three", "stopped", "other"};
    for (size_t i = 0; i < 4; i++) empty(dir[i]);
    return chdir(home) == 0 && rmdir(folder) == 0 ? 0 : -1;
}

static void same_bytes(const char *a, const char *b) {
    uint8_t *x, *y;
    size_t n, m;
    char *p = mb_path_join(a, "results.jsonl"), *q = mb_path_join(b, "results.jsonl");
    assert_ok(mb_file_read(p, 0, &x, &n));
    assert_ok(mb_file_read(q, 0, &y, &m));
    assert_int_equal(n, m);
    assert_memory_equal(x, y, n);
    mb_free(x);
    mb_free(y);
    mb_free(p);
    mb_free(q);
}

static void test_same_bytes(void **state) {
    (void)state;
    rank alone = {.number = -1, .dir = "one"}, r[RANKS] = {{.dir = "three"}};
    run_rank(&alone);
    if (alone.rc) fail_msg("%s", alone.message);
    run_all(r);
    for (int k = 0; k < RANKS; k++)
        if (r[k].rc) fail_msg("rank %d: %s", k, r[k].message);
    assert_int_equal(r[0].seen, 9);
    assert_int_equal(r[1].seen + r[2].seen, 0);
    assert_int_equal(letters_left(), 0);
    same_bytes("one", "three");
}

/* Stopped by rank 0, gone on with; finished points are not computed again. */
static void test_stop_and_resume(void **state) {
    (void)state;
    rank r[RANKS] = {{.dir = "stopped", .stop_after = 4}};
    run_all(r);
    assert_int_equal(r[0].rc, MB_INTERRUPTED);
    assert_string_equal(r[0].message, "that will do");
    assert_int_equal(r[1].rc, MB_OK);
    letters_left();
    rank again[RANKS] = {{.dir = "stopped", .resume = true}};
    run_all(again);
    assert_int_equal(again[0].rc, MB_OK);
    assert_int_equal(again[0].seen, 5);
    assert_int_equal(letters_left(), 0);
    same_bytes("one", "stopped");
}

/* A rank that reads another experiment, or cannot load its own, is told by rank 0. */
static void test_other_experiment(void **state) {
    (void)state;
    rank r[RANKS] = {{.dir = "other"}, {.set = {"seed=2"}}};
    run_all(r);
    assert_int_equal(r[0].rc, MB_BADINPUT);
    if (!strstr(r[0].message, "another experiment")) fail_msg("%s", r[0].message);
    letters_left();
    rank bad[RANKS] = {{.dir = "other"}, {.number = 1}, {.set = {"device.prog_sigma=-1"}}};
    run_all(bad);
    assert_int_equal(bad[0].rc, MB_BADINPUT);
    if (!strstr(bad[0].message, "prog_sigma")) fail_msg("%s", bad[0].message);
    letters_left();
    rank none[RANKS] = {{.dir = "other", .set = {"device.prog_sigma=-1"}}};
    run_all(none); /* rank 0 has no run: the others go home */
    assert_int_equal(none[0].rc, MB_BADINPUT);
    assert_int_equal(none[1].rc, MB_OK);
    letters_left();
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_same_bytes), cmocka_unit_test(test_stop_and_resume), cmocka_unit_test(test_other_experiment)};
    return cmocka_run_group_tests(tests, setup, teardown);
}
