/* run_devices.c - the golden runner of memory cells: run_devices DIR... checks every statistic of schema imc-golden-noise/1 in
 * any directory given against the generic cell
 *
 * One TAP line per statistic: error and tolerance. Without arguments (as a test) one line per cell and age, for the worst of its
 * statistics, over the shipped cases and, when it lies beside the sources or in $MIXBAR_SHARED, the whole collection.
 * Constants of a PCM file are read from the file; models of a list are known by their name (hermes with one or two devices, wan,
 * cmo, state independent) and take g_max, g_min, t_0, t_read from their notes.
 * Where a preset of such a model ships, its statistics are checked as well.
 *     exact       closed forms from the model's own functions, relative 1e-6
 *     mean, std   4.5 sqrt(se_ref^2 + se^2), se from the sample (the standard deviation's from its fourth moment)
 *     shares      4.5 binomial standard errors
 *     quantile q  the share of draws up to the reference's quantile is q within 5 sqrt(q (1 - q) (1 / n + 1 / n_ref))
 *     tile        4.5 standard errors of the seeds' spread, both sides
 * Files are read with jansson, whose numbers go through strtod.
 */
#include <dirent.h>
#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "array/cell.h"
#include "base/error.h"
#include "base/mem.h"
#include "base/npy.h"
#include "base/str.h"
#include "devices/stages.h"

enum { N = 100000 };
#define US 1e-6

static bool brief;               /* one line per cell and age */
static int n_lines, n_failed;
static double worst_of_all;

/* --- lines ------------------------------------------------------------------------------------------------------------ */

static struct { char name[200], what[60]; double ratio, error, tol; int count; } group;

static void line(const char *name, const char *what, double error, double tol) {
    double ratio = tol > 0 ? error / tol : error > 0 ? HUGE_VAL : 0;
    bool ok = ratio <= 1;        /* false for NaN */
    n_failed += !ok;
    if (!(ratio <= worst_of_all)) worst_of_all = ratio;
    printf("%s %d - %s %s: error %.3g, tolerance %.3g\n", ok ? "ok" : "not ok", ++n_lines, name, what, error, tol);
}

static void group_end(void) {
    if (group.count) line(group.name, group.what, group.error, group.tol);
    group.count = 0;
}

static void group_begin(const char *name) {
    if (brief) group_end();
    snprintf(group.name, sizeof group.name, "%s", name);
}

static void check(const char *what, double value, double expected, double tol) {
    double error = fabs(value - expected), ratio = tol > 0 ? error / tol : error > 0 ? HUGE_VAL : 0;
    if (!brief) {
        line(group.name, what, error, tol);
        return;
    }
    if (!group.count || !(ratio <= group.ratio)) {
        snprintf(group.what, sizeof group.what, "(worst: %s)", what);
        group.ratio = ratio, group.error = error, group.tol = tol;
    }
    group.count++;
}

/* --- JSON --------------------------------------------------------------------------------------------------------------- */

static double num(const json_t *o, const char *k) {
    const json_t *v = json_object_get(o, k);
    return json_is_number(v) ? json_number_value(v) : (double)NAN;
}
static const char *text(const json_t *o, const char *k) {
    const char *s = json_string_value(json_object_get(o, k));
    return s ? s : "";
}

/* The number after WORD in a note such as "g_max 10.35 uS, t_0 200 s, t_read 512 ns", in SI (uS, ns, us, s); MISSING without. */
static double noted(const char *note, const char *word, double missing) {
    const char *s = strstr(note, word);
    if (!s) return missing;
    s += strlen(word);
    while (*s == ' ' || *s == '=') s++;
    char *end;
    double v = strtod(s, &end);
    if (end == s) return missing;
    while (*end == ' ') end++;
    return strncmp(end, "us", 2) == 0 || strncmp(end, "uS", 2) == 0 ? v * 1e-6 : strncmp(end, "ns", 2) == 0 ? v * 1e-9 : v;
}

/* --- cells -------------------------------------------------------------------------------------------------------------- */

static int load(mb_cell *cell, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
static int load(mb_cell *cell, const char *fmt, ...) {
    char buf[4000];
    va_list ap;
    mb_conf *c = NULL;
    va_start(ap, fmt);
    vsnprintf(buf, sizeof buf, fmt, ap);
    va_end(ap);
    int rc = mb_conf_parse(buf, "golden", &c);
    if (!rc) rc = mb_cell_load(c, cell);
    mb_conf_free(c);
    return rc;
}

/* The shipped preset of MODEL when range, ages and first coefficient agree; otherwise cell->type stays NULL. White noise is left
 * out: presets add what goes with the published model, references do not hold it. */
static int preset_cell(const char *preset, const mb_generic *model, mb_cell *cell) {
    const char *top = getenv("top_srcdir");
    char path[1000];
    mb_conf *c = NULL;
    snprintf(path, sizeof path, "%s/devices/%s.cfg", top ? top : ".", preset);
    int rc = mb_conf_read(path, &c);
    if (!rc) rc = mb_cell_load(c, cell);
    mb_conf_free(c);
    if (rc) return rc;
    const mb_generic *p = cell->params;
    if (cell->type != &mb_cell_generic || fabs(p->g_max_S - model->g_max_S) > 1e-9 * p->g_max_S ||
        p->drift_t0_s != model->drift_t0_s || !p->prog_sigma.c.n || fabs(p->prog_sigma.c.v[0] - model->prog_sigma.c.v[0]) > 1e-9)
        mb_cell_free(cell);
    else cell->type->without(cell->params, MB_EFFECT_WHITE);
    return MB_OK;
}

static float target[N], *state, out[N];

static mb_stream stream(mb_rng_domain domain, uint32_t unit, uint32_t index) {
    mb_stream s;
    mb_stream_init(&s, 20240607, domain, 0, unit, index);
    return s;
}

static void program(const mb_cell *c, double G, uint32_t unit) {
    mb_stream s = stream(MB_RNG_PROGRAM, unit, 0);
    for (int i = 0; i < N; i++) target[i] = (float)G;
    c->type->program(c->params, N, target, state, &s);
}

/* Mean, standard deviation and the standard error of that (of any distribution: fourth moment). */
static double mean_of(const float *v, double *sd, double *se_sd) {
    double m = 0, q = 0, q4 = 0;
    for (int i = 0; i < N; i++) m += (double)v[i] / N;
    for (int i = 0; i < N; i++) {
        double d2 = ((double)v[i] - m) * ((double)v[i] - m);
        q += d2 / (N - 1);
        q4 += d2 * d2 / N;
    }
    *sd = sqrt(q);
    *se_sd = q4 > q * q ? sqrt((q4 - q * q) / (4 * q * N)) : 0;
    return m;
}

/* The statistics STAT of the reference (unit S) against out[]. */
static void statistics(const json_t *stat, double n_ref, double S, const char *prefix) {
    char what[60];
    double sd, own, m = mean_of(out, &sd, &own), se = num(stat, "se_mean") * S, se_sd = num(stat, "se_std") * S,
                    ref = num(stat, "std") * S;
    if (!json_is_object(stat)) return;
    if (isnan(se)) se = ref / sqrt(n_ref);
    if (isnan(se_sd)) se_sd = own * sqrt(N / n_ref);
    snprintf(what, sizeof what, "%smean", prefix);
    check(what, m / S, num(stat, "mean"), 4.5 * sqrt(se * se + sd * sd / N) / S);
    snprintf(what, sizeof what, "%sstd", prefix);
    check(what, sd / S, ref / S, 4.5 * sqrt(se_sd * se_sd + own * own) / S);
    double p = num(stat, "p_zero");
    if (!isnan(p)) {
        double zero = 0;
        for (int i = 0; i < N; i++) zero += (double)(out[i] <= 0) / N;
        snprintf(what, sizeof what, "%sp_zero", prefix);
        check(what, zero, p, 4.5 * sqrt((p * (1 - p) + 2 / n_ref) * (1.0 / N + 1 / n_ref)) + 2.0 / N);
    }
    const char *key;
    json_t *v;
    json_object_foreach(json_object_get(stat, "q"), key, v) {
        double level = strtod(key, NULL) / 100, q = json_number_value(v) * S, below = 0, upto = 0, near = 1e-6 * fabs(q) + 1e-15;
        for (int i = 0; i < N; i++) {
            below += (double)((double)out[i] < q - near) / N;
            upto += (double)((double)out[i] <= q + near) / N;
        }
        double at = level < below ? below : level > upto ? upto : level;     /* the share nearest to the level that ties allow */
        snprintf(what, sizeof what, "%sq%s", prefix, key);
        check(what, at, level, 5 * sqrt(level * (1 - level) * (1.0 / N + 1 / n_ref)));
    }
}

static void read_at(const mb_cell *c, double t, uint32_t unit, uint32_t index) {
    mb_stream s = stream(MB_RNG_READ, unit, index);
    c->type->read(c->params, N, state, t, ((const mb_generic *)c->params)->temp_ref_K, out, &s);
}

/* --- PCM with its constants ------------------------------------------------------------------------------------------------- */

/* The model of the file; SIGMA: with the spread of the exponents and programming errors. */
static int pcm_cell(const json_t *k, bool on_target, bool sigma, mb_cell *cell) {
    const json_t *c = json_object_get(k, "prog_coeff_uS"), *mu = json_object_get(k, "nu_mean"),
                 *sd = json_object_get(k, "nu_std"), *r = json_object_get(k, "read");
    double Gmax = num(k, "g_max_uS"), by = Gmax / num(k, "prog_coeff_g_max_reference_uS");
    mb_str poly = {0};
    for (size_t i = 0; i < json_array_size(c); i++)
        mb_str_addf(&poly, "%s%.17g", i ? ", " : "", json_number_value(json_array_get(c, i)) * by + 0.0);
    int rc =
        load(cell,
             "cell = \"generic\"; g_max_S = %.17g; sigma_unit_S = 1e-6; prog_sigma = (%s); prog_scale = %.1f; drift = \"power\"; "
             "drift_t0_s = %.17g; drift_nu_form = \"log\"; drift_nu = (%.17g, %.17g); drift_nu_lo = %.17g; drift_nu_hi = %.17g; "
             "drift_nu_sigma_form = \"log\"; drift_nu_sigma = (%.17g, %.17g); drift_nu_sigma_lo = %.17g; "
             "drift_nu_sigma_hi = %.17g; flicker_form = \"power\"; flicker = (%.17g, %.17g); flicker_hi = %.17g; "
             "flicker_t_read_s = %.17g; flicker_t0_s = %.17g; flicker_at = \"%s\";",
             Gmax * US, mb_cstr(&poly), sigma ? 1.0 : 0.0, num(k, "t_0_s") + 0.0, num(mu, "b"), num(mu, "a"), num(mu, "min"),
             num(mu, "max"), sigma ? num(sd, "b") : 1e-30, sigma ? num(sd, "a") : 1e-30, sigma ? num(sd, "min") : 0.0,
             sigma ? num(sd, "max") : 1e-20, num(r, "q0"), -num(r, "exponent"), num(r, "q_max"), num(k, "t_read_s"),
             num(k, "t_0_s") + 0.0, on_target ? "target" : "programmed");
    mb_str_free(&poly);
    return rc;
}

static double phi(double x) { return exp(-x * x / 2) / sqrt(2 * M_PI); }
static double Phi(double x) { return erfc(-x / M_SQRT2) / 2; }

static void relative(const char *what, double value, double expected) {
    check(what, value, expected, 1e-6 * fabs(expected) + 1e-300);
}

/* Closed forms from the functions of the cell; uS. */
static void pcm_exact(const mb_generic *p, const json_t *e, double G) {
    double x = G * US / p->g_max_S, s = mb_generic_prog_sigma(p, G * US) / US, z = G / s;
    double m = G * Phi(z) + s * phi(z), v = (G * G + s * s) * Phi(z) + G * s * phi(z) - m * m;
    double nu = mb_gfun_at(&p->drift_nu, x), sn = mb_gfun_at(&p->drift_nu_sigma, x), y = nu / sn;
    double fm = sn * sqrt(2 / M_PI) * exp(-y * y / 2) + nu * (1 - 2 * Phi(-y)), fs = sqrt(nu * nu + sn * sn - fm * fm);
    relative("sigma_prog", s, num(e, "sigma_prog_uS"));
    relative("prog_mean", m, num(e, "prog_mean"));
    relative("prog_std", sqrt(v), num(e, "prog_std"));
    check("prog_p_zero", Phi(-z), num(e, "prog_p_zero"), 1e-6 * num(e, "prog_p_zero") + 1e-15);
    relative("mu_nu", nu, num(e, "mu_nu"));
    relative("sigma_nu", sn, num(e, "sigma_nu"));
    relative("nu_mean", fm, num(e, "nu_mean"));
    relative("nu_std", fs, num(e, "nu_std"));
    relative("q_read_at_target", mb_gfun_at(&p->flicker, x), num(e, "q_read_at_target"));
}

/* One weight matrix on pairs, programmed with seed SEED: |w|, error, after compensation, alpha, at every age. */
typedef struct moments { double sum, square; } moments;
enum { TILE_ABS, TILE_ERROR, TILE_AFTER, TILE_ALPHA, TILE_NUMBERS };

static void pair_read(const mb_cell *c, const float *st, size_t n, double t, uint32_t seed, uint32_t index, double *w) {
    const mb_generic *p = c->params;
    float *g = mb_malloc(2 * n, sizeof *g);
    mb_stream s;
    mb_stream_init(&s, 7, MB_RNG_READ, seed, 1, index);
    if (g) {
        c->type->read(c->params, 2 * n, st, t, p->temp_ref_K, g, &s);
        for (size_t i = 0; i < n; i++) w[i] = ((double)g[i] - (double)g[n + i]) / p->g_max_S;
    }
    mb_free(g);
}

static double mean_abs(const double *w, size_t n) {
    double s = 0;
    for (size_t i = 0; i < n; i++) s += fabs(w[i]);
    return s / (double)n;
}

static int pcm_tile(const json_t *tile, const mb_cell *c, const char *dir, const char *file) {
    enum { SEEDS = 12, AGES = 64 };
    char path[1000];
    const json_t *rows = json_object_get(tile, "rows");
    const mb_generic *p = c->params;
    mb_npy W = {0};
    moments mo[AGES][TILE_NUMBERS] = {{{0, 0}}};
    snprintf(path, sizeof path, "%s/%.*s", dir, (int)strcspn(text(tile, "weights"), " "), text(tile, "weights"));
    int rc = mb_npy_read(path, &W);
    if (rc) { /* shipped copies come without the matrix */
        printf("# %s: the tile is left out: %s\n", file, mb_error_message());
        mb_error_clear();
        return MB_OK;
    }
    size_t n = W.count, ages = json_array_size(rows);
    double *ref = mb_malloc(n, sizeof *ref), *w = mb_malloc(n, sizeof *w), *w0 = mb_malloc(n, sizeof *w0);
    float *t = mb_malloc(2 * n, sizeof *t), *st = mb_malloc(2 * n * (size_t)c->type->n_state, sizeof *st);
    if (!ref || !w || !w0 || !t || !st || ages > AGES) {
        rc = mb_nomem();
        goto out;
    }
    mb_npy_to_f64(&W, ref);
    for (size_t i = 0; i < n; i++) {
        t[i] = ref[i] > 0 ? (float)(ref[i] * p->g_max_S) : 0;
        t[n + i] = ref[i] < 0 ? (float)(-ref[i] * p->g_max_S) : 0;
    }
    for (uint32_t seed = 0; seed < SEEDS; seed++) {
        mb_stream s;
        mb_stream_init(&s, 7, MB_RNG_PROGRAM, seed, 1, 0);
        c->type->program(c->params, 2 * n, t, st, &s);
        pair_read(c, st, n, 0, seed, 1000, w0);
        for (size_t a = 0; a < ages; a++) {
            double norm = 0, e = 0, after = 0;
            pair_read(c, st, n, num(json_array_get(rows, a), "t_inference_s"), seed, (uint32_t)a, w);
            double alpha = mean_abs(w0, n) / mean_abs(w, n);
            for (size_t i = 0; i < n; i++) {
                norm += ref[i] * ref[i];
                e += (w[i] - ref[i]) * (w[i] - ref[i]);
                after += (alpha * w[i] - ref[i]) * (alpha * w[i] - ref[i]);
            }
            double v[TILE_NUMBERS] = {mean_abs(w, n), sqrt(e / norm), sqrt(after / norm), alpha};
            for (int k = 0; k < TILE_NUMBERS; k++) mo[a][k].sum += v[k] / SEEDS, mo[a][k].square += v[k] * v[k] / SEEDS;
        }
    }
    for (size_t a = 0; a < ages; a++) {
        static const char *const key[] = {"mean_abs_w", "rel_frobenius_error", "rel_frobenius_error_after_gdc", "gdc_alpha"};
        const json_t *row = json_array_get(rows, a);
        char name[200];
        snprintf(name, sizeof name, "%s tile, %s:", file, text(row, "t"));
        group_begin(name);
        for (int k = 0; k < TILE_NUMBERS; k++) {
            const json_t *x = json_object_get(row, key[k]);
            double v = mo[a][k].square - mo[a][k].sum * mo[a][k].sum, sd = num(x, "std"), seeds = num(tile, "n_seeds");
            check(key[k], mo[a][k].sum, num(x, "mean"), 4.5 * sqrt(sd * sd / seeds + (v > 0 ? v : 0) / (SEEDS - 1)));
        }
        group_end();
    }
out:
    mb_npy_free(&W);
    mb_free(ref), mb_free(w), mb_free(w0), mb_free(t), mb_free(st);
    return rc;
}

static int run_pcm(const json_t *root, const char *dir, const char *file) {
    mb_cell c = {0}, on_target = {0}, plain = {0};
    const json_t *k = json_object_get(root, "constants"), *cells = json_object_get(root, "cells"),
                 *tile = json_object_get(root, "tile_256x256");
    double n_ref = num(root, "n_draws");
    mb_cell shipped = {0};
    int rc = pcm_cell(k, false, true, &c);
    if (!rc) rc = pcm_cell(k, true, true, &on_target);
    if (!rc) rc = pcm_cell(k, false, false, &plain);
    for (size_t i = 0; i < json_array_size(cells) && !rc; i++) {
        const json_t *x = json_array_get(cells, i), *times = json_object_get(x, "times");
        double G = num(x, "g_target_uS");
        char name[200];
        snprintf(name, sizeof name, "%s %g uS:", file, G);
        group_begin(name);
        pcm_exact(c.params, json_object_get(x, "exact"), G);
        for (size_t a = 0; a < json_array_size(times); a++) {
            const json_t *at = json_array_get(times, a);
            double t = num(at, "t_inference_s"), T = ((const mb_generic *)c.params)->temp_ref_K;
            float g = (float)(G > 0 ? G * US : US), now, st[8];
            mb_stream s = stream(MB_RNG_TEST, 0, 0);
            snprintf(name, sizeof name, "%s %g uS, %s:", file, G, text(at, "t"));
            group_begin(name);
            relative("read_noise_factor", mb_stage_flicker_growth(c.params, t), num(at, "read_noise_factor"));
            if (G > 0) {
                plain.type->program(plain.params, 1, &g, st, &s);
                plain.type->mean(plain.params, 1, st, t, T, &now);
                relative("drift_factor_at_mean_nu", (double)now / (double)g, num(at, "drift_factor_at_mean_nu"));
            }
            program(&c, G * US, (uint32_t)i);
            read_at(&c, t, (uint32_t)i, (uint32_t)a);
            statistics(json_object_get(at, "final"), n_ref, US, "");
            statistics(json_object_get(at, "final_numpy"), n_ref, US, "numpy ");
            c.type->mean(c.params, N, state, t, T, out);
            statistics(json_object_get(at, "drift_only_numpy"), n_ref, US, "drift only ");
            program(&on_target, G * US, (uint32_t)i);
            read_at(&on_target, t, (uint32_t)i, (uint32_t)a);
            statistics(json_object_get(at, "final_q_on_target_numpy"), n_ref, US, "q on target ");
        }
    }
    if (!rc) rc = preset_cell("pcm-nandakumar", c.params, &shipped);
    for (size_t i = 0; shipped.type && i < json_array_size(cells) && !rc; i++) {
        const json_t *x = json_array_get(cells, i);
        char name[200];
        snprintf(name, sizeof name, "%s (preset pcm-nandakumar) %g uS:", file, num(x, "g_target_uS"));
        group_begin(name);
        pcm_exact(shipped.params, json_object_get(x, "exact"), num(x, "g_target_uS"));
    }
    mb_cell_free(&shipped);
    group_end();
    if (!rc && tile) rc = pcm_tile(tile, &c, dir, file);
    mb_cell_free(&c);
    mb_cell_free(&on_target);
    mb_cell_free(&plain);
    return rc;
}

/* --- models by name ------------------------------------------------------------------------------------------------------------
 */

static int hermes_cell(double devices, double Gmax, double t0, double tr, mb_cell *cell) {
    bool two = devices > 1;
    if (!(Gmax > 0)) Gmax = two ? 20.7e-6 : 10.35e-6;
    if (!(t0 > 0)) t0 = two ? 300 : 200;
    const char *prog =
        two ? "(0.16603222, 4.71806468, -8.48101252, 4.68961419)" : "(0.15781817, 2.32443916, -2.16310839, 0.68841818)";
    const char *nu_sigma =
        two ? "drift_nu_sigma = (-0.0057, -0.0117); drift_nu_sigma_lo = 0.0091; drift_nu_sigma_split = 0.3055; "
              "drift_nu_sigma_above = (0.0073, 0.0093, -0.0118);"
            : "drift_nu_sigma = (-0.0023, -0.0120); drift_nu_sigma_lo = 0.0124; drift_nu_sigma_split = 0.3039; "
              "drift_nu_sigma_above = (0.0104, 0.0116, -0.0165);";
    const char *q = two ? "flicker = (-0.0069, -0.0117); flicker_lo = 0.015; flicker_split = 0.16; "
                          "flicker_above = (0.0123, 0.0211, -0.0280, 0.0069);"
                        : "flicker = (0.0038, -0.0078); flicker_lo = 0.0179; flicker_split = 0.1591; "
                          "flicker_above = (0.0088, 0.0768, -0.1352, 0.0664);";
    return load(
        cell,
        "cell = \"generic\"; g_max_S = %.17g; sigma_unit_S = %.17g; prog_sigma = %s; drift = \"power\"; drift_t0_s = %.17g; "
        "drift_nu_form = \"log\"; drift_nu = (-0.0182, -0.0387); drift_nu_lo = 0.072; drift_nu_hi = 0.13; "
        "drift_nu_split = 0.0945; drift_nu_above = (0.0736, -0.0126, -0.0436); drift_nu_sigma_form = \"log\"; "
        "drift_nu_sigma_hi = 0.04; %s flicker_form = \"log\"; flicker_hi = 0.04; %s flicker_t_read_s = %.17g; "
        "flicker_t0_s = %.17g;",
        Gmax, 1e-6 * Gmax / (two ? 20.7e-6 : 10.35e-6), prog, t0 + 0.0, nu_sigma, q, tr > 0 ? tr : 512e-9, t0 + 0.0);
}

static int model_cell(const char *name, const char *notes, mb_cell *cell) {
    double Gmax = noted(notes, "g_max", noted(name, "gmax", (double)NAN) * US), t0 = noted(notes, "t_0", (double)NAN),
           tr = noted(notes, "t_read", (double)NAN);
    if (strstr(name, "hermes")) return hermes_cell(strstr(name, "2") ? 2 : 1, Gmax, t0, tr, cell);
    if (strstr(name, "wan"))
        return load(
            cell,
            "cell = \"generic\"; g_max_S = %.17g; sigma_unit_S = 1e-6; prog_sigma = (0.348, 16.030, -43.853, 45.393, -16.815); "
            "relax = \"total\"; relax_t_s = (1.0, 86400.0, 172800.0); relax_sigma = (0.348, 16.030, -43.853, 45.393, -16.815, "
            "0.701, 22.086, -50.773, 47.095, -16.458, 0.782, 20.274, -43.507, 37.062, -11.934);",
            Gmax > 0 ? Gmax : 40e-6);
    if (strstr(name, "cmo") || strstr(name, "falcone")) {
        bool wide = strstr(name, "acc2") || strstr(name, "2pct") || strstr(notes, "range 2");
        return load(
            cell,
            "cell = \"generic\"; g_min_S = %.17g; g_max_S = %.17g; arg_unit_S = 1e-6; sigma_unit_S = 1e-6; clip = \"range\"; "
            "prog_sigma = (%s); relax = \"added\"; relax_t_s = (1.0, 1e10); relax_sigma = (0.41183342, %.17g); "
            "relax_shift = (0.0, %.17g); flicker_form = \"log\"; flicker = (0.0, %.17g); flicker_relative = false; "
            "flicker_t_read_s = 1e-6;",
            noted(notes, "g_min", 9e-6), Gmax > 0 ? Gmax : 88.2e-6,
            wide ? "0.0112185391, 0.01129027418" : "0.00081107, 0.00106879", 0.41183342 + 0.04201137 * log(1e10),
            -0.08900206 * log(1e10), 0.0277316483 / log(10));
    }
    if (strstr(name, "independent"))
        return load(
            cell,
            "cell = \"generic\"; g_max_S = %.17g; sigma_unit_S = 1e-6; prog_sigma = (0.2); drift = \"power\"; drift_nu = (0.1); "
            "drift_nu_sigma = (0.05); drift_t0_s = %.17g; flicker = (0.0, 1.0); flicker_t_read_s = %.17g; flicker_t0_s = %.17g;",
            Gmax > 0 ? Gmax : 25e-6, (t0 > 0 ? t0 : 20) + 0.0, tr > 0 ? tr : 250e-9, (t0 > 0 ? t0 : 20) + 0.0);
    return mb_fail(MB_BADINPUT, "the model \"%s\" is not known", name);
}

static const char *preset_of(const char *model) {
    return strstr(model, "hermes") ? (strstr(model, "2") ? "pcm-hermes-2" : "pcm-hermes")
           : strstr(model, "wan")  ? "rram-neurram"
                                   : NULL;
}

/* The statistics of one model with the cell C. */
static void run_cell(const json_t *m, const mb_cell *cell, double n_ref, const char *file, const char *model) {
    const json_t *cells = json_object_get(m, "cells");
    const mb_cell c = *cell;
    for (size_t i = 0; i < json_array_size(cells); i++) {
        const json_t *x = json_array_get(cells, i), *times = json_object_get(x, "times"), *nu = json_object_get(x, "nu");
        double G = num(x, "g_target_uS") * US;
        char name[200];
        snprintf(name, sizeof name, "%s %s %g uS:", file, model, G / US);
        group_begin(name);
        program(&c, G, (uint32_t)(100 + i));
        c.type->mean(c.params, N, state, 0, ((const mb_generic *)c.params)->temp_ref_K, out);
        statistics(json_object_get(x, "programmed"), n_ref, US, "programmed ");
        if (json_is_object(nu)) { /* the third number of the generic cell's state */
            memcpy(out, state + 2 * N, sizeof out);
            statistics(nu, n_ref, 1, "nu ");
        }
        for (size_t a = 0; a < json_array_size(times); a++) {
            const json_t *at = json_array_get(times, a);
            snprintf(name, sizeof name, "%s %s %g uS, %s:", file, model, G / US, text(at, "t"));
            group_begin(name);
            read_at(&c, num(at, "t_inference_s"), (uint32_t)(100 + i), (uint32_t)a);
            statistics(json_object_get(at, "final"), n_ref, US, "");
        }
    }
    group_end();
}

static int run_model(const json_t *m, double n_ref, const char *file) {
    mb_cell c = {0}, shipped = {0};
    const char *model = text(m, "name"), *preset = preset_of(model);
    int rc = model_cell(model, text(m, "notes"), &c);
    if (!rc) run_cell(m, &c, n_ref, file, model);
    if (!rc && preset) rc = preset_cell(preset, c.params, &shipped);
    if (!rc && shipped.type) {
        char name[100];
        snprintf(name, sizeof name, "%s (preset %s)", model, preset);
        run_cell(m, &shipped, n_ref, file, name);
    }
    mb_cell_free(&c);
    mb_cell_free(&shipped);
    return rc;
}

/* --- files
 * ------------------------------------------------------------------------------------------------------------------------ */

static bool run_file(const char *dir, const char *name) {
    char path[1000];
    json_error_t err;
    snprintf(path, sizeof path, "%s/%s", dir, name);
    json_t *root = json_load_file(path, 0, &err);
    if (!root) {
        printf("not ok %d - %s:%d: %s\n", ++n_lines, path, err.line, err.text);
        n_failed++;
        return true;
    }
    bool known = strncmp(text(root, "schema"), "imc-golden-noise/", 17) == 0;
    int rc = MB_OK;
    if (known && json_is_array(json_object_get(root, "cells"))) rc = run_pcm(root, dir, name);
    json_t *models = json_object_get(root, "models");
    for (size_t i = 0; known && i < json_array_size(models); i++) {
        int my = run_model(json_array_get(models, i), num(root, "n_draws"), name);
        if (my && rc) {
            printf("not ok %d - %s: %s\n", ++n_lines, name, mb_error_message());
            n_failed++;
            mb_error_clear();
        }
        rc = rc ? rc : my;
    }
    if (rc) {
        printf("not ok %d - %s: %s\n", ++n_lines, name, mb_error_message());
        n_failed++;
        mb_error_clear();
    }
    json_decref(root);
    return known;
}

static int by_name(const void *a, const void *b) { return strcmp(*(char *const *)a, *(char *const *)b); }

static int run_dir(const char *dir) {
    DIR *d = opendir(dir);
    char *name[1024];
    int files = 0, known = 0;
    if (!d) {
        printf("# %s: no such directory, skipped\n", dir);
        return 0;
    }
    for (struct dirent *e; (e = readdir(d)) && files < 1024;) {
        size_t len = strlen(e->d_name);
        if (len > 5 && strcmp(e->d_name + len - 5, ".json") == 0) name[files++] = mb_strdup(e->d_name);
    }
    closedir(d);
    qsort(name, (size_t)files, sizeof *name, by_name);
    for (int i = 0; i < files; i++) {
        known += run_file(dir, name[i]);
        mb_free(name[i]);
    }
    printf("# %s: %d files, %d of another kind\n", dir, files, files - known);
    return known;
}

int main(int argc, char **argv) {
    int files = 0;
    setvbuf(stdout, NULL, _IOLBF, 0);
    state = mb_malloc((size_t)N * (size_t)mb_cell_generic.n_state, sizeof *state);
    if (!state) return 5;
    for (int i = 1; i < argc; i++) files += run_dir(argv[i]);
    if (argc < 2) {
        const char *top = getenv("top_srcdir"), *shared = getenv("MIXBAR_SHARED");
        char *own = mb_asprintf("%s/tests/golden/devices", top ? top : "."),
             *all =
                 shared ? mb_asprintf("%s/golden/devices", shared) : mb_asprintf("%s/../shared/golden/devices", top ? top : ".");
        brief = true;
        if (own) files += run_dir(own);
        if (all) files += run_dir(all);
        mb_free(own);
        mb_free(all);
    }
    printf("# worst error over tolerance %.3f\n1..%d\n", worst_of_all, n_lines);
    if (!files || !n_lines) printf("Bail out! no case was found\n");
    mb_free(state);
    return files && n_lines && !n_failed ? 0 : 1;
}
