/* bench_sweep.c - what a sweep costs beyond its points (`make bench BENCH=sweep`, BENCH=sweep_costs)
 *
 *     sweep         1,000 points of about 50 ms (the shipped CNN on 24 images, one draw, another seed each, so that nothing can be shared): CPU seconds of the points
 *                   alone (mb_point_run on loaded setups), of the run with one thread and with two, overhead of the runs; wall clock of both. Three times each in turn,
 *                   the least of each. CPU time is right beside other programs, the wall clock is not.
 *     sweep_costs   100,000 machines for ResNet-18, costs only: CPU and wall-clock seconds, peak memory of the process
 * Both only when asked for. MIXBAR_POINTS: another number of points than 1,000, MIXBAR_TURNS: of turns than 3.
 */
#include "bench.h"

#include <omp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "base/error.h"
#include "base/mem.h"
#include "run/experiment.h"
#include "run/point.h"
#include "run/sweep.h"

typedef struct spent { double wall_s, cpu_s; } spent;

static double clock_of(clockid_t id) {
    struct timespec t;
    clock_gettime(id, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static spent now(void) { return (spent){clock_of(CLOCK_MONOTONIC), clock_of(CLOCK_PROCESS_CPUTIME_ID)}; }
static spent since(spent a) {
    const spent b = now();
    return (spent){b.wall_s - a.wall_s, b.cpu_s - a.cpu_s};
}

static mb_conf *experiment(const char *const *set, size_t n) {
    char *path = need(mb_asprintf("%s/experiments/quickstart.cfg", getenv("top_srcdir") ? getenv("top_srcdir") : "."));
    mb_conf *root = NULL;
    must(mb_experiment_read(path, set, n, &root));
    mb_free(path);
    return root;
}

/* The run into a folder that goes again. */
static spent run(const char *const *set, size_t n, int threads) {
    char dir[] = "mixbar-bench-XXXXXX", *made = NULL, *rm = NULL;
    if (!mkdtemp(dir)) must(mb_fail(MB_SYSTEM, "no temporary folder here"));
    mb_conf *root = experiment(set, n);
    const mb_run_options o = {.dir = dir, .explain_point = -1, .threads = threads};
    const spent t = now();
    must(mb_experiment_run(root, &o, &made));
    const spent d = since(t);
    static const char *const name[] = {"results.jsonl", "used.cfg", "manifest.json"};
    for (int i = 0; i < 3; i++) {
        rm = need(mb_asprintf("%s/%s", dir, name[i]));
        unlink(rm);
        mb_free(rm);
    }
    for (int i = 0; i < 100000; i++) {
        rm = need(mb_asprintf("%s/plan-%04d.cfg", dir, i));
        const int gone = unlink(rm);
        mb_free(rm);
        if (gone != 0) break;
    }
    rmdir(dir);
    mb_conf_free(root);
    mb_free(made);
    return d;
}

/* The same points one after the other, each setup loaded before the clock runs. */
static double points_alone(const char *const *set, size_t n, size_t *points) {
    mb_conf *root = experiment(set, n);
    mb_sweep *sweep;
    mb_cache *cache;
    double cpu_s = 0;
    omp_set_num_threads(1); /* the clock is this thread's */
    must(mb_sweep_open(root, &sweep));
    must(mb_cache_new(&cache));
    *points = mb_sweep_n(sweep);
    for (size_t i = 0; i < *points; i++) {
        mb_point pt;
        mb_setup s;
        mb_point_result r;
        mb_plan *plan;
        const mb_point_options o = {.simulate = true};
        must(mb_sweep_point(sweep, i, &pt));
        must(mb_setup_load(pt.conf, cache, true, &s));
        pt.conf = NULL;
        const double t = bench_cpu_s();
        must(mb_point_run(&s, &o, &r, &plan, NULL));
        cpu_s += bench_cpu_s() - t;
        mb_point_result_free(&r);
        mb_plan_free(plan);
        mb_setup_free(&s);
        mb_point_free(&pt);
    }
    mb_cache_free(cache);
    mb_sweep_close(sweep);
    mb_conf_free(root);
    return cpu_s;
}

static int asked(const char *name, int otherwise) {
    const char *s = getenv(name);
    const long n = s ? strtol(s, NULL, 10) : 0;
    return n > 0 && n <= 100000 ? (int)n : otherwise;
}

void bench_sweep(void) {
    char axis[120];
    const int wanted = asked("MIXBAR_POINTS", 1000), turns = asked("MIXBAR_TURNS", 3);
    snprintf(axis, sizeof axis, "sweep={axes=({key=\"seed\"; from=1; to=%d; steps=%d; integer=true;});}", wanted, wanted);
    const char *const set[] = {"dataset=fashion-mnist-fallback", "calibration={dataset=\"fashion-mnist-fallback\"; samples=16;}",
                                      "samples=24", "trials=1", "against=()", "map={policy=\"uniform\"; weight_bits=8; input_bits=8; cell_bits=2; adc_bits=8;}",
                                      axis};
    const size_t n = sizeof set / sizeof *set;
    size_t points;
    spent best[2] = {{0, 0}, {0, 0}};
    mb_log_quiet(1);
    double own_s = 0;
    for (int turn = 0; turn < turns; turn++) {
        const double alone_s = points_alone(set, n, &points);
        if (turn == 0 || alone_s < own_s) own_s = alone_s;
        for (int threads = 1; threads <= 2; threads++) {
            const spent d = run(set, n, threads);
            spent *b = &best[threads - 1];
            if (turn == 0 || d.wall_s < b->wall_s) b->wall_s = d.wall_s;
            if (turn == 0 || d.cpu_s < b->cpu_s) b->cpu_s = d.cpu_s;
        }
    }
    line("sweep", "ipoints", (int)points, "rpoint_ms", 1e3 * own_s / (double)points, "rown_cpu_s", own_s, "rcpu_1_s", best[0].cpu_s, "rcpu_2_s", best[1].cpu_s, "roverhead_1",
         best[0].cpu_s / own_s - 1, "roverhead_2", best[1].cpu_s / own_s - 1, "rwall_1_s", best[0].wall_s, "rwall_2_s", best[1].wall_s, "rspeedup",
         best[0].wall_s / best[1].wall_s, NULL);
}

void bench_sweep_costs(void) {
    static const char *const set[] = {"network=experiments/networks/resnet18.csv", "simulate=false", "keep=\"totals\"", "against=()", "map={policy=\"uniform\";}",
                                      "sweep={axes=({key=\"arch.node_nm\"; values=[22,32,45,65];},{key=\"arch.columns_per_adc\"; values=[1,2,4,8,16];},"
                                      "{key=\"map.rows_active\"; values=[8,16,32,64,128];},{key=\"map.cell_bits\"; values=[1,2,3,4];},"
                                      "{key=\"map.weight_bits\"; values=[4,5,6,7,8];},{key=\"map.input_bits\"; values=[4,5,6,7,8];},"
                                      "{key=\"map.adc_bits\"; values=[4,5,6,7,8,9,10,11,12,13];});}"};
    mb_log_quiet(1);
    const spent d = run(set, sizeof set / sizeof *set, 2);
    struct rusage u;
    getrusage(RUSAGE_SELF, &u);
    line("sweep_costs", "ipoints", 100000, "rcpu_s", d.cpu_s, "rwall_s", d.wall_s, "rpeak_MiB", (double)u.ru_maxrss / 1024, NULL);
}
