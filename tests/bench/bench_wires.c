/* bench_wires.c - time and accuracy of the wire solvers, one JSON line per measurement
 *
 *   bench_wires [SIZE | network]...     square arrays; network, 64 128 256 512 1024 without arguments
 *
 * network: a whole network, balanced pairs of one cell, analog 8-bit inputs, calibrated 8-bit converters, 128 x 128 cells of 10
 * kohm, without wires and with 1 ohm per segment; one thread. MIXBAR_SHARED=DIR: DIR/models/resnet20_cifar10.onnx on images of
 * DIR/data/cifar10, otherwise the shipped fashion_resnet8. "setup_ms" is programming, wires and calibration of the converters,
 * "program_ms" a further draw of the cells with their wires.
 *
 * G ~ U(1, 100) uS, 1 ohm per segment, one core. "ms" is CPU time of the fastest of several runs; "share" is the rate of the
 * elimination (38 n^3 operations) as a part of that of its innermost loop alone, measured in the same run; "error" compares with
 * the effective matrix, and that itself with conjugate gradients.
 */
#include <math.h>
#include <omp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "array/wire.h"
#include "array/wire_private.h"
#include "base/error.h"
#include "base/mem.h"
#include "base/rng.h"
#include "run/experiment.h"
#include "run/point.h"
#include "run/simulate.h"

static double cpu_s(void) {
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static void die(void) {
    mb_error_print(stderr);
    exit(1);
}

static void *numbers(size_t n, size_t size) {
    void *p = mb_calloc(n, size);
    if (!p) {
        mb_nomem();
        die();
    }
    return p;
}

typedef struct bench { mb_wire w; double *G, *V, *E, *I, *Iref; float *g, *M; mb_wire_cg *cg; double tol; int threads; } bench;

static int run_effective(bench *b) { return mb_wire_effective(&b->w, b->G, b->E, b->threads); }
static int run_set(bench *b) { return mb_wire_cg_set(b->cg, b->G); }
static int run_vector(bench *b) {
    int rc = mb_wire_cg_set(b->cg, b->G);
    return rc == MB_OK ? mb_wire_cg_solve(b->cg, b->V, b->tol, 0, b->I, NULL, NULL) : rc;
}
static int run_estimate(bench *b) { return mb_wire_estimate(b->cg, b->g, NULL, b->M); }
static int run_solve(bench *b) { return mb_wire_solve(&b->w, b->G, 1, b->V, b->I, NULL, NULL, NULL); }

/* Milliseconds of the fastest of the runs that fit into 0.3 s, at least two. */
static double fastest(int (*run)(bench *), bench *b) {
    double best = (double)INFINITY, begin = cpu_s();
    for (int k = 0; k < 2 || cpu_s() - begin < 0.3; k++) {
        double t = cpu_s();
        if (run(b) != MB_OK) die();
        t = cpu_s() - t;
        if (t < best) best = t;
    }
    return 1e3 * best;
}

/* Operations per second of the tile kernel on data in the first-level cache. */
static double tile_rate(const mb_wire_isa *isa) {
    enum { DEPTH = 96, REPEATS = 4000 };
    static double a[DEPTH * MB_SLAB], c[MB_ROWS * MB_SLAB];
    double best = (double)INFINITY;
    for (int i = 0; i < DEPTH * MB_SLAB; i++) a[i] = 1e-3;
    for (int k = 0; k < 5; k++) {
        double t = cpu_s();
        for (int r = 0; r < REPEATS; r++) isa->tile(DEPTH, a, a, c, MB_SLAB);
        t = cpu_s() - t;
        if (t < best) best = t;
    }
    return 2.0 * REPEATS * DEPTH * MB_ROWS * MB_SLAB / best;
}

static double error_of(const bench *b) {
    double e = 0, top = 0;
    for (int j = 0; j < b->w.n; j++) {
        e = fmax(e, fabs(b->I[j] - b->Iref[j]));
        top = fmax(top, fabs(b->Iref[j]));
    }
    return e / top;
}

static void run_size(int n, double peak) {
    const size_t side = (size_t)n, cells = side * side;
    bench b = {.w = {.m = n, .n = n, .r_wl = 1, .r_bl = 1}, .tol = 1e-6, .threads = 1};
    mb_stream s;
    mb_stream_init(&s, 1, MB_RNG_TEST, 0, 0, (uint32_t)n);
    b.G = numbers(cells, sizeof *b.G);
    b.E = numbers(cells, sizeof *b.E);
    b.V = numbers(side, sizeof *b.V);
    b.I = numbers(side, sizeof *b.I);
    b.Iref = numbers(side, sizeof *b.Iref);
    b.g = numbers(cells, sizeof *b.g);
    b.M = numbers(cells, sizeof *b.M);
    for (size_t i = 0; i < cells; i++) b.g[i] = (float)(b.G[i] = 1e-6 + 99e-6 * mb_stream_uniform(&s));
    for (size_t i = 0; i < side; i++) b.V[i] = 0.2 * mb_stream_uniform(&s);
    double sum = 0, ideal = 0, ms = fastest(run_effective, &b), rate = 38.0 * n * n * n / (1e-3 * ms), residual;
    for (size_t i = 0; i < cells; i++) {
        sum += b.E[i];
        ideal += b.G[i];
        b.Iref[i % side] += b.V[i / side] * b.E[i];
    }
    if (mb_wire_effective_residual(&b.w, b.G, b.E, &residual) != MB_OK) die();
    printf("{\"bench\": \"wires_effective\", \"n\": %d, \"ms\": %.3f, \"gflops\": %.1f, \"share\": %.2f, ", n, ms, 1e-9 * rate,
           rate / peak);
    printf("\"loss\": %.4f, \"error\": %.1e}\n", 1 - sum / ideal, residual);
    for (int p = 0; p < 2; p++) {
        const char *name = p ? "f64" : "f32";
        if (mb_wire_cg_new(&b.w, p ? MB_WIRE_F64 : MB_WIRE_F32, &b.cg) != MB_OK) die();
        double set = fastest(run_set, &b);
        ms = fastest(run_vector, &b);
        printf("{\"bench\": \"wires_vector_%s\", \"n\": %d, \"ms\": %.4f, \"set_ms\": %.4f, \"error\": %.1e}\n", name, n, ms, set,
               error_of(&b));
        if (!p) printf("{\"bench\": \"wires_estimate\", \"n\": %d, \"ms\": %.4f}\n", n, fastest(run_estimate, &b));
        mb_wire_cg_free(b.cg);
    }
    b.w.law = (mb_wire_law){.kind = MB_LAW_SINH, .V0 = 0.25};
    printf("{\"bench\": \"wires_newton\", \"n\": %d, \"ms\": %.4f}\n", n, fastest(run_solve, &b));
    b.w.law.kind = MB_LAW_LINEAR;
    b.w.feed = MB_FEED_SOURCE;
    b.w.v_sl = 0.2;
    printf("{\"bench\": \"wires_ladder\", \"n\": %d, \"ms\": %.4f}\n", n, fastest(run_solve, &b));
    fflush(stdout);
    void *all[] = {b.G, b.E, b.V, b.I, b.Iref, b.g, b.M};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) mb_free(all[i]);
}

static void must(int rc) {
    if (rc != MB_OK) die();
}

/* One network with R ohm per segment. */
static void run_network(const char *r) {
    const char *shared = getenv("MIXBAR_SHARED"), *top = getenv("top_srcdir"), *set[20];
    const char *norm = "mean=[0.485,0.456,0.406]; std=[0.229,0.224,0.225];";
    char path[512], net[512], data[1024], calib[1024], wl[64], bl[64];
    enum { IMAGES = 64, WARM = 16 };
    mb_cache *cache = NULL;
    mb_conf *root = NULL;
    mb_setup s;
    mb_plan *plan = NULL;
    mb_profile *prof = NULL;
    mb_mapped *m = NULL;
    mb_accuracy acc;
    size_t n = 0;
    snprintf(path, sizeof path, "%s/experiments/quickstart.cfg", top ? top : ".");
    if (shared) {
        snprintf(net, sizeof net, "network=%s/models/resnet20_cifar10.onnx", shared);
        snprintf(data, sizeof data, "dataset={preset=\"cifar10\"; images=\"%s/data/cifar10/test_batch_first1017.bin\"; %s}",
                 shared, norm);
        snprintf(calib, sizeof calib,
                 "calibration={dataset={preset=\"cifar10\"; images=\"%s/data/cifar10/data_batch_1_first4000.bin\"; %s}}", shared,
                 norm);
        set[n++] = net, set[n++] = data, set[n++] = calib;
    } else {
        set[n++] = "network=experiments/networks/fashion_resnet8.onnx", set[n++] = "dataset=fashion-mnist-standardised";
        set[n++] = "calibration={dataset=\"fashion-mnist-train-standardised\";}";
    }
    snprintf(wl, sizeof wl, "arch.r_wl_ohm=%s", r);
    snprintf(bl, sizeof bl, "arch.r_bl_ohm=%s", r);
    set[n++] = wl, set[n++] = bl;
    set[n++] = "map={policy=\"uniform\"; weight_bits=8; input_bits=8; cell_bits=7; dac_bits=8; adc_bits=8; rows_active=128;}";
    set[n++] = "device={cell=\"ideal\"; g_max_S=1e-4;}";
    set[n++] = "calibration.samples=16", set[n++] = "samples=64", set[n++] = "sweep={}";
    omp_set_num_threads(1);
    must(mb_cache_new(&cache));
    must(mb_experiment_read(path, set, n, &root));
    mb_conf_use_all(mb_conf_find(root, "sweep"));
    must(mb_setup_load(root, cache, true, &s));
    must(mb_point_map(&s, NULL, &plan, NULL));
    must(mb_profile_new(s.net, s.calib, s.cal.samples, NULL, &prof));
    must(mb_mapped_new(&s, prof, plan, &m));
    double t0 = cpu_s();
    must(mb_mapped_program(m, 0, NULL));
    double t1 = cpu_s();
    must(mb_mapped_program(m, 1, NULL));
    double t2 = cpu_s(), residual = 0;
    must(mb_analog_accuracy(m, s.data, WARM, NULL, &acc));
    double t3 = cpu_s();
    must(mb_analog_accuracy(m, s.data, IMAGES, NULL, &acc));
    double t4 = cpu_s();
    for (int k = 0; k < s.net->n_weighted; k++) {
        mb_layer_stats st;
        mb_mapped_stats(m, k, &st);
        residual = fmax(residual, st.wire_residual);
    }
    printf("{\"bench\": \"wires_network\", \"network\": \"%s\", \"r_ohm\": %s, ", s.net->name, r);
    printf("\"setup_ms\": %.1f, \"program_ms\": %.1f, ", 1e3 * (t1 - t0), 1e3 * (t2 - t1));
    printf("\"ms_per_image\": %.3f, \"images\": %d, \"accuracy\": %.4f, \"residual\": %.1e}\n", 1e3 * (t4 - t3) / IMAGES, IMAGES,
           (double)acc.correct / (double)acc.samples, residual);
    fflush(stdout);
    mb_mapped_free(m);
    mb_profile_free(prof);
    mb_plan_free(plan);
    mb_setup_free(&s);
    mb_cache_free(cache);
}

int main(int argc, char **argv) {
    const mb_wire_isa *isa = mb_wire_isa_best();
    double peak = tile_rate(isa);
    printf("{\"bench\": \"wires_tile\", \"isa\": \"%s\", \"gflops\": %.1f}\n", isa->name, 1e-9 * peak);
    static const int usual[] = {64, 128, 256, 512, 1024};
    if (argc < 2) run_network("0"), run_network("1");
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "network") == 0) {
            run_network("0"), run_network("1");
            continue;
        }
        long n = strtol(argv[i], NULL, 10);
        if (n < 1 || n > 4096) {
            fprintf(stderr, "bench_wires: sizes are 1 to 4096\n");
            return 2;
        }
        run_size((int)n, peak);
    }
    for (size_t i = 0; argc < 2 && i < sizeof usual / sizeof *usual; i++) run_size(usual[i], peak);
    return 0;
}
