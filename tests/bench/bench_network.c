/* bench_network.c - whole networks through mb_mapped: 8-bit weights in 4 slices of 2 bits, differential pairs, 8-bit inputs bit by bit, 8-bit converter per plane, 128 rows
 *
 *     network   (kernel MIXBAR_KERNEL, or each) milliseconds of CPU per image on one core, the mean, and for the fastest block of 16 images (other programs on the machine
 *               disturb it least): all of it, in crossbar reads, and between them (unrolling, scaling, elementwise layers); share of the int8 peak of the kernel's unit
 *     parts     the loops between crossbar reads alone, over all layers of the network, with the share of what one core copies (bytes) or multiplies (MAC) in this run
 *     threads   wall clock with one and two threads, CPU time of both as a multiple of one thread's (beside other programs the wall clock says little), peak memory of each
 *     growth    time against images, layers, planes, slices: a straight line through four sizes, and how far the points are from it
 *     sensitivity   each layer alone on the arrays, 30 settings per layer, 256 calibration images (run/measure.h): seconds of wall clock and CPU on two threads.
 *               Only when asked for: make bench BENCH=sensitivity
 * ResNet-20 on CIFAR-10 images when MIXBAR_SHARED (or ../shared beside the sources) has it, else the shipped fashion_resnet8 on Fashion-MNIST.
 */
#include "bench.h"

#include <math.h>
#include <omp.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "array/kernel.h"
#include "array/xbar.h"
#include "base/mem.h"
#include "nn/exec.h"
#include "nn/op.h"
#include "nn/unroll.h"
#include "run/experiment.h"
#include "run/measure.h"
#include "run/point.h"
#include "run/simulate.h"

/* CPU time of this thread in crossbar reads: the linker sends all calls through here (--wrap). */
static _Thread_local double read_s;
int __real_mb_xbar_mvm(const mb_xbar *xb, const mb_read_id *id, int m, const int16_t *x, int64_t *y, mb_xbar_stats *stats);
int __wrap_mb_xbar_mvm(const mb_xbar *xb, const mb_read_id *id, int m, const int16_t *x, int64_t *y, mb_xbar_stats *stats);
int __wrap_mb_xbar_mvm(const mb_xbar *xb, const mb_read_id *id, int m, const int16_t *x, int64_t *y, mb_xbar_stats *stats) {
    double t = bench_cpu_s();
    int rc = __real_mb_xbar_mvm(xb, id, m, x, y, stats);
    read_s += bench_cpu_s() - t;
    return rc;
}

static double wall_s(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

/* Largest resident memory since forget_peak(), MiB; where the system cannot forget, of the whole run. */
static double peak_MiB(void) {
    struct rusage ru;
    double kB = 0;
    char text[128];
    FILE *f = fopen("/proc/self/status", "r");
    while (f && fgets(text, sizeof text, f)) if (!strncmp(text, "VmHWM:", 6)) kB = strtod(text + 6, NULL);
    if (f) fclose(f);
    getrusage(RUSAGE_SELF, &ru);
    return (kB > 0 ? kB : (double)ru.ru_maxrss) / 1024;
}

static void forget_peak(void) {
    FILE *f = fopen("/proc/self/clear_refs", "w");
    if (f) {
        fputs("5", f);
        fclose(f);
    }
}

/* --- a network ready to run --------------------------------------------------------------------------------------- */

static mb_cache *cache;

typedef struct ready { mb_setup s; mb_plan *plan; mb_profile *prof; mb_mapped *map; double macs; } ready;   /* macs: products of digits, per image */

static const char *shared(void) {
    static char dir[512];
    const char *env = getenv("MIXBAR_SHARED"), *top = getenv("top_srcdir");
    char path[600];
    if (env) return env;
    snprintf(dir, sizeof dir, "%s/../shared", top ? top : ".");
    snprintf(path, sizeof path, "%s/models/resnet20_cifar10.onnx", dir);
    return access(path, R_OK) ? NULL : dir;
}

/* The experiment with N_MORE settings laid on it; not mapped yet. */
static void load(const char *device, const char *subtract, const char *const *more, size_t n_more, mb_setup *s) {
    const char *dir = shared(), *top = getenv("top_srcdir"), *norm = "mean=[0.485,0.456,0.406]; std=[0.229,0.224,0.225];", *set[24];
    char path[512], net[600], data[1200], calib[1200], dev[256], sub[64];
    mb_conf *root = NULL;
    size_t n = 0;
    if (!cache) must(mb_cache_new(&cache));
    snprintf(path, sizeof path, "%s/experiments/quickstart.cfg", top ? top : ".");
    snprintf(dev, sizeof dev, "device={%s}", device);
    snprintf(sub, sizeof sub, "arch.subtract=%s", subtract);
    if (dir) {
        snprintf(net, sizeof net, "network=%s/models/resnet20_cifar10.onnx", dir);
        snprintf(data, sizeof data, "dataset={preset=\"cifar10\"; images=\"%s/data/cifar10/test_batch_first1017.bin\"; %s}", dir, norm);
        snprintf(calib, sizeof calib, "calibration={dataset={preset=\"cifar10\"; images=\"%s/data/cifar10/data_batch_1_first4000.bin\"; %s}}", dir, norm);
        set[n++] = net, set[n++] = data, set[n++] = calib;
    } else {
        set[n++] = "network=networks/fashion_resnet8.onnx";
        set[n++] = "dataset={preset=\"fashion-mnist-fallback\"; mean=[0.286]; std=[0.353];}";
        set[n++] = "calibration={dataset={preset=\"fashion-mnist-fallback\"; mean=[0.286]; std=[0.353];}}";
    }
    set[n++] = "map={policy=\"uniform\"; weight_bits=8; input_bits=8; cell_bits=2; dac_bits=1; adc_bits=8; rows_active=128;}";
    set[n++] = dev, set[n++] = sub;
    set[n++] = "samples=512", set[n++] = "calibration.samples=16", set[n++] = "arch.adc_rule=full";
    for (size_t i = 0; i < n_more; i++) set[n++] = more[i];
    must(mb_experiment_read(path, set, n, &root));
    mb_conf_use_all(mb_conf_find(root, "sweep"));
    must(mb_setup_load(root, cache, true, s));
}

/* Calibrate, map and program R->s under R->plan. */
static void program(ready *r) {
    r->macs = 0;
    must(mb_profile_new(r->s.net, r->s.calib, r->s.cal.samples, NULL, &r->prof));
    must(mb_mapped_new(&r->s, r->prof, r->plan, &r->map));
    must(mb_mapped_program(r->map, 0, NULL));
    for (int k = 0; k < r->s.net->n_weighted; k++) {
        const mb_layer *l = &r->s.net->layer[r->s.net->weighted[k]];
        mb_matmul mm = mb_layer_matmul(l);
        mb_xbar_spec spec;
        mb_xbar_layout lay;
        must(mb_machine_spec(r->s.mach, &r->s.cell, &r->plan->assign[k], mb_mapped_input_signed(r->map)[k], &spec));
        must(mb_xbar_plan(&spec, mm.K, mm.N, &lay));
        r->macs += (double)mb_layer_macs(l) * lay.planes * lay.conversions_per_output;
    }
}

static ready open_ready(const char *device, const char *subtract, const char *const *more, size_t n_more) {
    ready r = {.macs = 0};
    load(device, subtract, more, n_more, &r.s);
    must(mb_point_map(&r.s, NULL, &r.plan, NULL));
    program(&r);
    return r;
}

static void close_ready(ready *r) {
    mb_mapped_free(r->map);
    mb_profile_free(r->prof);
    mb_plan_free(r->plan);
    mb_setup_free(&r->s);
}

static double process_s(void) {
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

typedef struct spent { double wall, cpu, all, read; mb_accuracy acc; } spent;
typedef enum { RUN_ANALOG, RUN_INTEGER, RUN_FLOAT } run_kind;

/* The fastest of REPEAT runs over the first SAMPLES images. cpu and read: of the calling thread; all: of all threads. */
static spent run(const ready *r, run_kind kind, int samples, int repeat) {
    spent best = {.wall = HUGE_VAL};
    for (int i = 0; i < repeat; i++) {
        spent one = {.cpu = bench_cpu_s(), .all = process_s(), .wall = wall_s()};
        read_s = 0;
        if (kind == RUN_ANALOG) must(mb_analog_accuracy(r->map, r->s.data, samples, NULL, &one.acc));
        else if (kind == RUN_INTEGER) must(mb_quantised_accuracy(r->map, r->s.data, samples, NULL, &one.acc));
        else must(mb_float_accuracy(r->s.net, r->s.data, samples, NULL, &one.acc));
        one.wall = wall_s() - one.wall;
        one.cpu = bench_cpu_s() - one.cpu;
        one.all = process_s() - one.all;
        one.read = read_s;
        if (one.wall < best.wall) best = one;
    }
    return best;
}

/* --- network ------------------------------------------------------------------------------------------------------ */

/* Clocks of one thread at the ends of blocks; the first block, which also computes the exact product, does not count. */
typedef struct blocks { double cpu, read, best_cpu, best_read; bool started; } blocks;

static int block_done(void *ctx, const char *what, int64_t done, int64_t total) {
    blocks *b = ctx;
    double cpu = bench_cpu_s(), read = read_s;
    (void)what, (void)total;
    if (done > 1 && b->started && cpu - b->cpu < b->best_cpu) b->best_cpu = cpu - b->cpu, b->best_read = read - b->read;
    b->started = true;
    b->cpu = cpu;
    b->read = read;
    return 0;
}

static void network_line(const ready *r, const char *kernel, const char *cell, const char *subtract, run_kind kind, int samples) {
    blocks b = {.best_cpu = HUGE_VAL};
    const mb_progress pr = {block_done, &b};
    mb_accuracy acc;
    const double begin = bench_cpu_s(), per = 1e3 / MB_SIM_BLOCK;
    if (kind == RUN_ANALOG) must(mb_analog_accuracy(r->map, r->s.data, samples, &pr, &acc));
    else if (kind == RUN_INTEGER) must(mb_quantised_accuracy(r->map, r->s.data, samples, &pr, &acc));
    else must(mb_float_accuracy(r->s.net, r->s.data, samples, &pr, &acc));
    const double mean = (bench_cpu_s() - begin) / samples, rate = (kind == RUN_ANALOG ? r->macs : 0) * MB_SIM_BLOCK / b.best_cpu;
    line("network", "snetwork", r->s.net->name, "skernel", kernel, "scell", cell, "ssubtract", subtract, "iimages", samples, "rmean_ms_per_image", 1e3 * mean, "rms_per_image",
         per * b.best_cpu, "rread_ms_per_image", per * b.best_read, "rbetween_ms_per_image", per * (b.best_cpu - b.best_read), "rMAC_per_s", rate, "rshare_of_peak",
         rate / peak_of(kernel), "raccuracy", (double)acc.correct / (double)acc.samples, NULL);
}

void bench_network(void) {
    const char *only = getenv("MIXBAR_KERNEL");
    char kept[32] = "";
    bool first = true;
    if (only) snprintf(kept, sizeof kept, "%s", only);
    omp_set_num_threads(1);
    for (int k = 0; mb_kernels[k]; k++) {
        const char *name = mb_kernels[k]->name;
        if (!mb_kernels[k]->supported() || (*kept && strcmp(kept, name))) continue;
        setenv("MIXBAR_KERNEL", name, 1);
        for (int c = 0; c < BENCH_CELLS; c++)
            for (int sub = 0; sub < 2; sub++) {
                ready r = open_ready(cells[c].text, sub ? "analog" : "digital", NULL, 0);
                network_line(&r, name, cells[c].name, sub ? "analog" : "digital", RUN_ANALOG, first ? (c < 2 ? 256 : 64) : 48);
                if (first && c == 0 && sub == 0) {
                    network_line(&r, "exact product", "none", "none", RUN_INTEGER, 256);
                    network_line(&r, "oneDNN", "none", "none", RUN_FLOAT, 256);
                }
                close_ready(&r);
            }
        first = false;
    }
    if (*kept) setenv("MIXBAR_KERNEL", kept, 1);
    else unsetenv("MIXBAR_KERNEL");
}

/* --- parts -------------------------------------------------------------------------------------------------------- */

enum { IMAGES = 4, TIMES = 8 };

/* Bytes per second that one core copies within its second-level cache. */
static double copy_rate(void) {
    enum { SIZE = 256 << 10, REPEAT = 4000 };
    char *a = need(mb_calloc(SIZE, 1)), *b = need(mb_calloc(SIZE, 1));
    double best = 0;
    for (int i = 0; i < 3; i++) {
        double t = bench_cpu_s();
        for (int k = 0; k < REPEAT; k++) {
            memcpy(b, a, SIZE);
            __asm__ volatile("" : : "r"(b) : "memory");
        }
        t = (double)SIZE * REPEAT / (bench_cpu_s() - t);
        best = t > best ? t : best;
    }
    mb_free(a);
    mb_free(b);
    return best;
}

/* The loops of one weighted layer on IMAGES images: seconds (fastest of TIMES) and bytes read and written, or products. */
enum { QUANTISE, PAD, UNROLL, PRODUCT, PLACE, PARTS };
typedef struct part { double s, work; } part;

static void clock_in(part *p, double begin, double work) {
    double t = bench_cpu_s() - begin;
    if (p->s == 0 || t < p->s) p->s = t;
    p->work = work;
}

static void layer_parts(const mb_layer *l, part total[PARTS]) {
    const mb_matmul mm = mb_layer_matmul(l);
    const size_t in = (size_t)l->win.cin * (size_t)l->win.ih * (size_t)l->win.iw, padded = mb_padded_count(l), K = (size_t)mm.K, N = (size_t)mm.N, V = (size_t)mm.vectors;
    const size_t out = N * V * (size_t)mm.groups, weights = K * N, G = (size_t)mm.groups;
    float *x = need(mb_malloc(in, sizeof *x)), *y = need(mb_malloc(out, sizeof *y));
    double *scale = need(mb_malloc(N, sizeof *scale));
    int16_t *q = need(mb_malloc(in, sizeof *q)), *p = need(mb_malloc(padded, sizeof *p)), *u = need(mb_malloc(V * K, sizeof *u)), *w = need(mb_malloc(weights, sizeof *w));
    int64_t *product = need(mb_malloc(V * N, sizeof *product));
    part one[PARTS] = {{0, 0}};
    for (size_t i = 0; i < in; i++) x[i] = (float)(i * 2654435761u % 1000) * 0.25f;
    for (size_t i = 0; i < weights; i++) w[i] = (int16_t)((int)(i * 2654435761u >> 7 & 255) - 127);
    for (size_t i = 0; i < N; i++) scale[i] = 1e-3;
    for (int i = 0; i < TIMES; i++) {
        double t = bench_cpu_s();
        mb_input_quantise(x, in, 1.0, 8, false, q);
        clock_in(&one[QUANTISE], t, (double)in * (sizeof *x + sizeof *q));
        t = bench_cpu_s();
        mb_pad_i16(l, q, p);
        clock_in(&one[PAD], t, (double)(in + padded) * sizeof *q);
        t = bench_cpu_s();
        for (int g = 0; g < mm.groups; g++) mb_unroll_padded_i16(l, g, p, 0, mm.vectors, u);
        clock_in(&one[UNROLL], t, 2.0 * (double)(G * V * K) * sizeof *u);
        t = bench_cpu_s();
        for (int g = 0; g < mm.groups; g++) mb_matmul_i16(mm.vectors, mm.K, mm.N, u, w, product);
        clock_in(&one[PRODUCT], t, (double)(G * V * K * N));
        t = bench_cpu_s();
        for (int g = 0; g < mm.groups; g++) mb_place_outputs(l, g, 0, mm.vectors, product, scale, y);
        clock_in(&one[PLACE], t, (double)(G * V * N) * (sizeof *product + sizeof *y));
    }
    for (int k = 0; k < PARTS; k++) total[k].s += one[k].s, total[k].work += one[k].work;
    mb_free(x);
    mb_free(y);
    mb_free(scale);
    mb_free(q);
    mb_free(p);
    mb_free(u);
    mb_free(w);
    mb_free(product);
}

/* A weighted layer that costs nothing, so that only the others are timed. */
static int nothing(void *ctx, const mb_network *net, int m, int n, const float *x, float *y) {
    (void)ctx, (void)net, (void)m, (void)n, (void)x, (void)y;
    return 0;
}

static part elementwise(const mb_network *net) {
    size_t in = mb_shape_count(&net->layer[net->input].shape), out = mb_shape_count(&net->layer[net->output].shape);
    float *x = need(mb_calloc(IMAGES * in, sizeof *x)), *y = need(mb_calloc(IMAGES * out, sizeof *y));
    mb_exec *e = NULL;
    part p = {0, 0};
    double bytes = 0;
    must(mb_exec_new(net, IMAGES, &e));
    must(mb_exec_run(e, IMAGES, x, y, mb_exec_reference, NULL, NULL, NULL));
    for (int k = 1; k < net->n_layers; k++) {
        const mb_layer *l = &net->layer[k];
        if (mb_layer_weighted(l) || l->op == &mb_op_reshape) continue;
        bytes += (double)mb_shape_count(&l->shape) * sizeof *x;
        for (int j = 0; j < l->n_in; j++) bytes += (double)mb_shape_count(&net->layer[l->in[j]].shape) * sizeof *x;
    }
    for (int i = 0; i < TIMES; i++) {
        double t = bench_cpu_s();
        must(mb_exec_run(e, IMAGES, x, y, nothing, NULL, NULL, NULL));
        clock_in(&p, t, bytes * IMAGES);
    }
    mb_exec_free(e);
    mb_free(x);
    mb_free(y);
    p.s /= IMAGES;
    p.work /= IMAGES;
    return p;
}

void bench_parts(void) {
    static const char *const name[PARTS] = {"quantise", "pad", "unroll", "exact product", "scale and place"};
    mb_setup s;
    part total[PARTS] = {{0, 0}}, between;
    double copy = copy_rate();
    load(cells[0].text, "digital", NULL, 0, &s);
    for (int k = 0; k < s.net->n_weighted; k++) layer_parts(&s.net->layer[s.net->weighted[k]], total);
    between = elementwise(s.net);
    line("parts", "spart", "copy in the second-level cache", "rbytes_per_s", 2 * copy, NULL);
    for (int k = 0; k < PARTS; k++) {
        double rate = total[k].work / total[k].s;
        if (k == PRODUCT)
            line("parts", "snetwork", s.net->name, "spart", name[k], "rms_per_image", 1e3 * total[k].s, "rMAC_per_s", rate, "rshare_of_peak", rate / (peaks.vnni_int8 / 2), NULL);
        else
            line("parts", "snetwork", s.net->name, "spart", name[k], "rms_per_image", 1e3 * total[k].s, "rbytes_per_s", rate, "rshare_of_copy", rate / (2 * copy), NULL);
    }
    line("parts", "snetwork", s.net->name, "spart", "other layers", "rms_per_image", 1e3 * between.s, "rbytes_per_s", between.work / between.s, "rshare_of_copy",
         between.work / between.s / (2 * copy), NULL);
    mb_setup_free(&s);
}

/* --- threads ------------------------------------------------------------------------------------------------------ */

void bench_threads(void) {
    static const char *const what[] = {"analog", "quantised", "float"};
    for (int c = 0; c < BENCH_CELLS; c++) {
        omp_set_num_threads(1);
        ready r = open_ready(cells[c].text, "digital", NULL, 0);
        for (int kind = RUN_ANALOG; kind <= (c == 0 ? RUN_FLOAT : RUN_ANALOG); kind++) {
            int samples = kind != RUN_ANALOG ? 512 : c < 2 ? 256 : 64;
            spent one = {0}, now;
            for (int t = 1; t <= 2; t++) {
                omp_set_num_threads(t);
                forget_peak();
                now = run(&r, (run_kind)kind, samples, 3);
                if (t == 1) one = now;
                line("threads", "snetwork", r.s.net->name, "spass", what[kind], "scell", cells[c].name, "ithreads", t, "iimages", samples, "rwall_ms_per_image",
                     1e3 * now.wall / samples, "rspeed_up", one.wall / now.wall, "rcpu_ratio", now.all / one.all, "rpeak_MiB", peak_MiB(), NULL);
            }
        }
        close_ready(&r);
    }
    omp_set_num_threads(1);
}

/* --- growth ------------------------------------------------------------------------------------------------------- */

enum { SIZES = 4 };

/* The least-squares line through the points, and the largest distance from it as a part of the point. */
static void growth_lines(const char *over, const int n[SIZES], const double ms[SIZES]) {
    double sn = 0, st = 0, snn = 0, snt = 0, worst = 0;
    for (int i = 0; i < SIZES; i++) sn += n[i], st += ms[i], snn += (double)n[i] * n[i], snt += n[i] * ms[i];
    double slope = (SIZES * snt - sn * st) / (SIZES * snn - sn * sn), fixed = (st - slope * sn) / SIZES;
    for (int i = 0; i < SIZES; i++) {
        double away = fabs(fixed + slope * n[i] - ms[i]) / ms[i];
        worst = away > worst ? away : worst;
        line("growth", "sover", over, "in", n[i], "rms", ms[i], "rms_per_one", ms[i] / n[i], NULL);
    }
    line("growth", "sover", over, "rms_fixed", fixed, "rms_each", slope, "rlargest_residual", worst, NULL);
}

/* The network's first layer that keeps its shape, N times in a row with a ReLU before each, behind the layers that make its input. */
static mb_network *chain(const mb_network *net, int n) {
    int conv = -1, relu = -1;
    for (int k = net->n_layers - 1; k > 0; k--) {
        const mb_layer *l = &net->layer[k];
        if (mb_layer_weighted(l) && l->win.groups == 1 && mb_shape_equal(&l->shape, &net->layer[l->in[0]].shape)) conv = k;
    }
    for (int k = 1; k < net->n_layers && relu < 0; k++) if (strcmp(net->layer[k].op->name, "clip") == 0) relu = k;
    if (conv < 0 || relu < 0) return NULL;
    int count = conv + 2 * n;
    mb_network *c = need(mb_calloc(1, sizeof *c));
    *c = *net;
    c->layer = need(mb_calloc((size_t)count, sizeof *c->layer));
    c->weighted = need(mb_calloc((size_t)count, sizeof *c->weighted));
    c->n_layers = count;
    c->n_weighted = 0;
    c->output = count - 1;
    for (int k = 0; k < count; k++) {
        mb_layer *l = &c->layer[k];
        *l = net->layer[k < conv ? k : (k - conv) % 2 ? conv : relu];
        if (k >= conv) {
            l->shape = net->layer[conv].shape;
            l->name = need(mb_asprintf("layer %d", k));
            l->in = need(mb_malloc(1, sizeof *l->in));
            l->in[0] = k == conv ? net->layer[conv].in[0] : k - 1;
        }
        if (mb_layer_weighted(l)) c->weighted[c->n_weighted++] = k;
    }
    return c;
}

/* Only what chain() made of its own. */
static void chain_free(const mb_network *net, mb_network *c) {
    for (int k = 0; k < c->n_layers; k++) {
        if (k < net->n_layers && c->layer[k].name == net->layer[k].name) continue;
        mb_free(c->layer[k].name);
        mb_free(c->layer[k].in);
    }
    mb_free(c->layer);
    mb_free(c->weighted);
    mb_free(c);
}

static double analog_ms(const ready *r, int samples) { return 1e3 * run(r, RUN_ANALOG, samples, 3).cpu; }

static void growth_settings(const char *over, const char *key, const int value[SIZES], const int n[SIZES]) {
    double ms[SIZES];
    for (int i = 0; i < SIZES; i++) {
        char text[64];
        const char *const more[] = {text};
        snprintf(text, sizeof text, "%s=%d", key, value[i]);
        ready r = open_ready(cells[1].text, "digital", more, 1);
        ms[i] = analog_ms(&r, 32);
        close_ready(&r);
    }
    growth_lines(over, n, ms);
}

void bench_growth(void) {
    static const int images[SIZES] = {32, 64, 128, 256}, layers[SIZES] = {2, 4, 8, 16}, bits[SIZES] = {2, 4, 6, 8}, weight_bits[SIZES] = {3, 5, 7, 8}, slices[SIZES] = {1, 2, 3, 4};
    double ms[SIZES];
    omp_set_num_threads(1);
    ready r = open_ready(cells[1].text, "digital", NULL, 0);
    for (int i = 0; i < SIZES; i++) ms[i] = analog_ms(&r, images[i]);
    growth_lines("images", images, ms);
    close_ready(&r);
    for (int i = 0; i < SIZES; i++) {
        load(cells[1].text, "digital", NULL, 0, &r.s);
        const mb_network *whole = r.s.net;
        mb_network *c = chain(whole, layers[i]);
        if (!c) {
            mb_setup_free(&r.s);
            break;
        }
        mb_plan *p = NULL;
        must(mb_point_map(&r.s, NULL, &p, NULL));
        r.s.net = c;
        must(mb_plan_new(c, &p->assign[0], &r.plan));
        program(&r);
        ms[i] = analog_ms(&r, 32);
        mb_plan_free(p);
        r.s.net = whole;
        close_ready(&r);
        chain_free(whole, c);
        if (i == SIZES - 1) growth_lines("layers", layers, ms);
    }
    growth_settings("planes", "map.input_bits", bits, bits);
    growth_settings("slices", "map.weight_bits", weight_bits, slices);
}

void bench_sensitivity(void) {
    static const int bits[] = {2, 3, 4, 5, 6, 8}, adc[] = {4, 5, 6, 7, 8};
    const char *const more[] = {"calibration.samples=256"};
    const mb_measure_options o = {.trials = 1, .stress = 1};
    mb_assign setting[30];
    mb_measured *m = NULL;
    ready r = {0};
    int n = 0;
    load("preset=\"rram\"", "analog", more, 1, &r.s);
    must(mb_profile_new(r.s.net, r.s.calib, r.s.cal.samples, NULL, &r.prof));
    must(mb_point_map(&r.s, NULL, &r.plan, NULL));
    for (size_t b = 0; b < sizeof bits / sizeof *bits; b++)
        for (size_t a = 0; a < sizeof adc / sizeof *adc; a++, n++) {
            setting[n] = r.plan->assign[0];
            setting[n].weight_bits = setting[n].input_bits = bits[b];
            setting[n].adc_bits = adc[a];
        }
    omp_set_num_threads(2);
    const double wall = wall_s();
    const clock_t cpu = clock();
    must(mb_measure(&r.s, r.prof, setting, n, NULL, &o, NULL, &m));
    line("sensitivity", "snetwork", r.s.net->name, "ilayers", m->n_layers, "isettings", n, "iimages", (int)m->samples, "ithreads", 2, "rwall_s",
         wall_s() - wall, "rcpu_s", (double)(clock() - cpu) / CLOCKS_PER_SEC, NULL);
    mb_measured_free(m);
    close_ready(&r);
}
