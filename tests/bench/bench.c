/* bench.c - speed of the array engine (`make bench`): one JSON object per line, with the share of the machine's peak
 *
 *     peak      multiply-adds per second of one core: int8 in AMX, int8 in VNNI, fp32
 *     numbers   normal random numbers, cells programmed and read, per second
 *     xbar      ResNet-20's weighted layers on 32x32x3 images as bare crossbar reads: 8-bit weights in differential pairs; case b:
 *               4 slices of 2 bits, 8-bit inputs bit by bit, 8-bit converter per plane, 128 rows; case a: one 7-bit cell, 8-bit
 *               analog inputs, 8-bit converter, 1152 rows. Activations as after ReLU: 45 % zeros, the rest exponential. The share
 *               is that of the int8 peak of the kernel's unit, counting every (plane, slice, polarity) product once: weights of 14
 *               bits take two.
 *     scaling   time against images, planes and slices: linear when the last column stays
 *     network, parts, threads, growth: whole networks (bench_network.c)
 *     cost_resnet18: plans that the cost model answers (bench_cost.c)
 *     sweep, sweep_costs: whole sweeps (bench_sweep.c)
 * Times are CPU times of one thread unless a name says wall. Arguments: names of the groups to run.
 */
#include "bench.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "array/kernel.h"
#include "array/xbar.h"
#include "base/error.h"
#include "base/json.h"
#include "base/mem.h"

bench_peaks peaks;

void must(int rc) {
    if (!rc) return;
    mb_error_print(stderr);
    exit(rc);
}

void *need(void *p) {
    if (!p) must(mb_nomem());
    return p;
}

void line(const char *group, ...) {
    mb_str out = {0};
    mb_json j;
    va_list ap;
    mb_json_init(&j, &out, 0);
    mb_json_open(&j, NULL, '{');
    mb_json_str(&j, "bench", group);
    va_start(ap, group);
    for (const char *k; (k = va_arg(ap, const char *)) != NULL;) {
        if (k[0] == 's') mb_json_str(&j, k + 1, va_arg(ap, const char *));
        if (k[0] == 'i') mb_json_int(&j, k + 1, va_arg(ap, int));
        if (k[0] == 'r') mb_json_real(&j, k + 1, (double)(float)va_arg(ap, double));
    }
    va_end(ap);
    mb_json_close(&j, '}');
    puts(mb_cstr(&out));
    fflush(stdout);
    mb_str_free(&out);
}

static mb_cell load_cell(const char *text) {
    mb_conf *c = NULL;
    mb_cell cell;
    must(mb_conf_parse(text, "bench", &c));
    must(mb_cell_load(c, &cell));
    mb_conf_free(c);
    return cell;
}

static mb_adc load_adc(const char *text) {
    mb_conf *c = NULL;
    mb_adc adc;
    must(mb_conf_parse(text, "bench", &c));
    must(mb_adc_load(c, &adc));
    mb_conf_free(c);
    return adc;
}

#define GENERIC_CELL "cell = \"generic\"; prog_sigma = (0.0105392, 0.0786, -0.046924);"
static const struct { const char *name, *text;
} timed_cells[] = {
    {"rram, error and read noise", NOISY_CELL},
    {"generic, error and read noise", GENERIC_CELL " white = (0.01);"},
    {"generic, PCM with drift and 1/f noise", GENERIC_CELL
     " drift = \"power\"; drift_nu_form = \"log\"; drift_nu = (0.0244, -0.0155); drift_nu_lo = 0.049; drift_nu_hi = 0.1; "
     "drift_nu_sigma = (0.01); drift_t0_s = 20.0; flicker_form = \"power\"; flicker = (0.0088, -0.65); flicker_hi = 0.2;"}};
const bench_cell cells[] = {{"ideal", "cell = \"ideal\";"}, {"static error", STATIC_CELL}, {"read noise", NOISY_CELL}};
static const bench_cell state_noise = {"noise of the state", STATIC_CELL " read_sigma = 0.005; read_sigma_prop = 0.01;"};

/* --- peak, numbers ------------------------------------------------------------------------------------------------ */

static void bench_peak(void) {
    line("peak", "sunit", "AMX int8", "rMAC_per_s", peaks.amx_int8, NULL);
    line("peak", "sunit", "VNNI int8", "rMAC_per_s", peaks.vnni_int8, NULL);
    line("peak", "sunit", "FMA fp32", "rMAC_per_s", peaks.fma_fp32, NULL);
}

static void bench_numbers(void) {
    enum { N = 1 << 14, REPEAT = 200 };
    float *z = need(mb_malloc(N, sizeof *z)), *g = need(mb_malloc(N, sizeof *g)), *state = need(mb_malloc(N * 8, sizeof *state));
    double g_min, g_max, t;
    mb_stream s;
    mb_stream_init(&s, 1, MB_RNG_TEST, 0, 0, 0);
    t = bench_cpu_s();
    for (int i = 0; i < REPEAT; i++) mb_stream_fill_normal(&s, N, z);
    line("numbers", "skernel", "normal", "iper_call", N, "rper_s", (double)N * REPEAT / (bench_cpu_s() - t), NULL);
    t = bench_cpu_s();
    for (int i = 0; i < REPEAT; i++) mb_stream_fill_u32(&s, N, (uint32_t *)(void *)z);
    line("numbers", "skernel", "philox u32", "iper_call", N, "rper_s", (double)N * REPEAT / (bench_cpu_s() - t), NULL);
    t = bench_cpu_s();
    for (int i = 0; i < REPEAT; i++) mb_stream_fill_normal16(&s, N, (int16_t *)(void *)z);
    line("numbers", "skernel", "short normal", "iper_call", N, "rper_s", (double)N * REPEAT / (bench_cpu_s() - t), NULL);
    for (size_t k = 0; k < sizeof timed_cells / sizeof *timed_cells; k++) {
        mb_cell cell = load_cell(timed_cells[k].text);
        cell.type->range(cell.params, &g_min, &g_max);
        for (int i = 0; i < N; i++) g[i] = (float)(g_min + (g_max - g_min) * i / N);
        t = bench_cpu_s();
        for (int i = 0; i < REPEAT / 4; i++) cell.type->program(cell.params, N, g, state, &s);
        line("numbers", "skernel", "cell_program", "scell", timed_cells[k].name, "iper_call", N, "rper_s",
             (double)N * (REPEAT / 4) / (bench_cpu_s() - t), NULL);
        t = bench_cpu_s();
        for (int i = 0; i < REPEAT / 4; i++) cell.type->read(cell.params, N, state, 1.0, 300.0, z, &s);
        line("numbers", "skernel", "cell_read", "scell", timed_cells[k].name, "iper_call", N, "rper_s",
             (double)N * (REPEAT / 4) / (bench_cpu_s() - t), NULL);
        mb_cell_free(&cell);
    }
    mb_free(z);
    mb_free(g);
    mb_free(state);
}

/* --- xbar --------------------------------------------------------------------------------------------------------- */

static const struct { int K, N, vectors, count; } resnet20[] = {{27, 16, 1024, 1}, {144, 16, 1024, 6}, {144, 32, 256, 1},
                                                                {288, 32, 256, 5}, {288, 64, 64, 1},   {576, 64, 64, 5},
                                                                {64, 10, 1, 1}};
#define LAYERS (sizeof resnet20 / sizeof *resnet20)

static void relu_like(size_t n, int16_t *x, int bits) {
    mb_stream s;
    mb_stream_init(&s, 3, MB_RNG_TEST, 0, 1, 0);
    for (size_t i = 0; i < n; i++) {
        double a = mb_stream_uniform(&s) < 0.45 ? 0 : -28 * log(mb_stream_uniform(&s)), top = (1 << bits) - 1;
        x[i] = (int16_t)(a > top ? top : a);
    }
}

static void bell_like(size_t n, int16_t *w, int top) {
    mb_stream s;
    mb_stream_init(&s, 4, MB_RNG_TEST, 0, 2, 0);
    for (size_t i = 0; i < n; i++) {
        double a = 0.28 * top * mb_stream_normal(&s);
        w[i] = (int16_t)(a > top ? top : a < -top ? -top : a);
    }
}

/* Seconds of CPU for IMAGES images; macs and conversions of one image. */
static double xbar_seconds(const mb_xbar_spec *s, int images, double *macs, double *conversions) {
    double total = 0;
    *macs = *conversions = 0;
    for (size_t l = 0; l < LAYERS; l++) {
        int K = resnet20[l].K, N = resnet20[l].N, m = resnet20[l].vectors * images;
        size_t nw = (size_t)K * (size_t)N, nx = (size_t)m * (size_t)K;
        int16_t *W = need(mb_malloc(nw, sizeof *W)), *x = need(mb_malloc(nx, sizeof *x));
        int64_t *y = need(mb_malloc((size_t)m * (size_t)N, sizeof *y));
        mb_xbar *xb = NULL;
        mb_read_id id = {.seed = 1, .layer = (uint32_t)l};
        mb_xbar_stats st;
        double best = 1e9;
        bell_like(nw, W, (1 << (s->weight_bits - 1)) - 1);
        relu_like(nx, x, s->input_bits);
        must(mb_xbar_new(s, K, N, W, &xb));
        must(mb_xbar_program(xb, 1, 0, (uint32_t)l, 0));
        must(mb_xbar_set_ranges(xb, NULL));
        for (int rep = 0; rep < 3; rep++) {
            mb_xbar_stats_init(&st);
            double t = bench_cpu_s();
            must(mb_xbar_mvm(xb, &id, m, x, y, &st));
            t = bench_cpu_s() - t;
            best = t < best ? t : best;
        }
        const mb_xbar_layout *lay = mb_xbar_get_layout(xb);
        *macs += (double)resnet20[l].count * m / images * K * N * lay->planes * lay->conversions_per_output;
        *conversions += (double)resnet20[l].count * (double)st.conversions / images;
        total += resnet20[l].count * best;
        mb_xbar_free(xb);
        mb_free(W);
        mb_free(x);
        mb_free(y);
    }
    return total;
}

static mb_xbar_spec spec_b(mb_cell cell, mb_adc adc) {
    return (mb_xbar_spec){.rows = 128, .cols = 128, .rows_active = 128, .weight_bits = 8, .cell_bits = 2, .input_bits = 8,
                          .dac_bits = 1, .adc_bits = 8, .scheme = MB_DIFFERENTIAL, .subtract = MB_SUB_DIGITAL,
                          .adc_rule = MB_ADC_FULL, .cell = cell, .adc = adc, .temp_K = 300};
}

double peak_of(const char *kernel) {
    return strcmp(kernel, "amx") == 0 ? peaks.amx_int8 : strcmp(kernel, "vnni") == 0 ? peaks.vnni_int8 : peaks.fma_fp32;
}

static void bench_xbar(void) {
    mb_adc sar = load_adc("type = \"sar\";");
    for (int k = 0; mb_kernels[k]; k++) {
        const char *name = mb_kernels[k]->name;
        if (!mb_kernels[k]->supported()) continue;
        setenv("MIXBAR_KERNEL", name, 1);
        for (int a = 0; a < 2; a++)
            for (int sub = 0; sub < 2; sub++)
                for (int c = 0; c < 4; c++) {
                    const bench_cell *kind = c < BENCH_CELLS ? &cells[c] : &state_noise;
                    mb_cell cell = load_cell(kind->text);
                    mb_xbar_spec s = spec_b(cell, sar);
                    double macs, conversions;
                    if (a) s.rows = s.rows_active = 1152, s.cell_bits = 7, s.dac_bits = 8;
                    s.subtract = sub ? MB_SUB_ANALOG : MB_SUB_DIGITAL;
                    double t = xbar_seconds(&s, 2, &macs, &conversions) / 2;
                    line("xbar", "skernel", name, "scase", a ? "a" : "b", "ssubtract", sub ? "analog" : "digital", "scell",
                         kind->name, "rms_per_image", 1e3 * t, "rconversions_per_s", conversions / t, "rMAC_per_s", macs / t,
                         "rshare_of_peak", macs / t / peak_of(name), NULL);
                    mb_cell_free(&cell);
                }
    }
    unsetenv("MIXBAR_KERNEL");
    mb_adc_free(&sar);
}

static void bench_scaling(void) {
    mb_adc sar = load_adc("type = \"sar\";");
    mb_cell cell = load_cell(STATIC_CELL);
    double macs, conv;
    for (int i = 1; i <= 4; i *= 2) {
        mb_xbar_spec s = spec_b(cell, sar);
        double t = xbar_seconds(&s, i, &macs, &conv);
        line("scaling", "sover", "images", "in", i, "rms", 1e3 * t, "rms_per_one", 1e3 * t / i, NULL);
    }
    for (int i = 2; i <= 8; i *= 2) {
        mb_xbar_spec s = spec_b(cell, sar);
        s.input_bits = i;
        double t = xbar_seconds(&s, 1, &macs, &conv);
        line("scaling", "sover", "planes", "in", i, "rms", 1e3 * t, "rms_per_one", 1e3 * t / i, NULL);
    }
    for (int i = 1; i <= 4; i++) {
        mb_xbar_spec s = spec_b(cell, sar);
        s.weight_bits = 2 * i + 1 > 8 ? 8 : 2 * i + 1;
        double t = xbar_seconds(&s, 1, &macs, &conv);
        line("scaling", "sover", "slices", "in", i, "rms", 1e3 * t, "rms_per_one", 1e3 * t / i, NULL);
    }
    mb_cell_free(&cell);
    mb_adc_free(&sar);
}

int main(int argc, char **argv) {
    static const struct { const char *name; void (*run)(void); } group[] = {{"peak", bench_peak},
                                                                            {"numbers", bench_numbers},
                                                                            {"xbar", bench_xbar},
                                                                            {"scaling", bench_scaling},
                                                                            {"network", bench_network},
                                                                            {"parts", bench_parts},
                                                                            {"threads", bench_threads},
                                                                            {"growth", bench_growth},
                                                                            {"cost_resnet18", bench_cost},
                                                                            {"sensitivity", bench_sensitivity},
                                                                            {"sweep", bench_sweep},
                                                                            {"sweep_costs", bench_sweep_costs}};
    bench_measure_peaks(&peaks);
    for (size_t i = 0; i < sizeof group / sizeof *group; i++) {
        bool run = argc < 2 && group[i].run != bench_sensitivity && group[i].run != bench_sweep && group[i].run != bench_sweep_costs; /* minutes: only when asked for */
        for (int a = 1; a < argc; a++) run = run || strcmp(argv[a], group[i].name) == 0;
        if (run) group[i].run();
    }
    return 0;
}
