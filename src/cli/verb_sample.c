/* verb_sample.c - mixbar sample cell NAME: statistics of a kind of memory cell, as tables, JSON and a picture */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "base/file.h"
#include "base/mem.h"
#include "cli/common.h"
#include "cli/doc.h"
#include "cli/options.h"
#include "run/across.h"
#include "run/plot_figure.h"
#include "run/sample.h"

#define TIMES "0,1,1min,1h,1d,30d,1y"
#define TELL_ERROR 0.1 /* adjacent levels with a larger share of errors are told */

typedef struct options {
    mb_strings set;
    int cells, levels, seed, reads;
    const char *data, *times, *temperature, *read_time, *plot, *format;
} options;

static const mb_option table[] = {
    MB_OPTION_LIST(options, set, 's', "set", "KEY=VALUE", "set a parameter of the cell; may be repeated"),
    MB_OPTION_INT(options, cells, 'n', "cells", "N", 2, 10000000, "cells drawn per level (default: 4096)"),
    MB_OPTION_INT(options, levels, 0, "levels", "N", 2, MB_SAMPLE_MAX_LEVELS, "targets of a cell without levels (default: 16)"),
    MB_OPTION_TEXT(options, times, 't', "times", "LIST", "times after programming, ns us ms s min h d y (default: " TIMES ")", NULL),
    MB_OPTION_TEXT(options, temperature, 0, "temperature", "KELVIN", "temperature of programming and reading (default: 300)", NULL),
    MB_OPTION_TEXT(options, read_time, 0, "read-time", "TIME", "duration of one read: its energy, the rate of the spectrum (default: 10ns)",
                   NULL),
    MB_OPTION_INT(options, seed, 0, "seed", "N", 0, 2147483647, "of the draws (default: 1; 0 counts as 1)"),
    MB_OPTION_TEXT(options, plot, 'p', "plot", "FILE", "draw levels, drift, read noise and current: .svg, .png, .pdf, or .gp (script)",
                   "file"),
    MB_OPTION_TEXT(options, data, 'd', "data", "FILE", "write the reads of all cells at all times as CSV, which `mixbar fit` reads", "file"),
    MB_OPTION_INT(options, reads, 0, "reads", "N", 1, 1000, "reads of each cell at each time in --data (default: 1)"),
    MB_OPTION_TEXT(options, format, 'f', "format", "FORMAT", "form of the answer", MB_CLI_FORMATS),
    MB_OPTION_END,
};

/* A number for a cell of a table: empty when it is not finite. */
static int number(mb_table *t, double v, int digits) {
    return isfinite(v) ? mb_table_cellf(t, "%.*g", digits, v) : mb_table_cell(t, "");
}

/* Bins as a row of little blocks. */
static void bars(const mb_sample_level *l, mb_str *out) {
    static const char *const block[] = {" ", "\xE2\x96\x81", "\xE2\x96\x82", "\xE2\x96\x83", "\xE2\x96\x84",
                                        "\xE2\x96\x85", "\xE2\x96\x86", "\xE2\x96\x87", "\xE2\x96\x88"};
    double top = 0;
    for (int b = 0; b < MB_SAMPLE_BINS; b++) top = fmax(top, l->histogram[b]);
    for (int b = 0; b < MB_SAMPLE_BINS; b++) {
        int k = top > 0 ? (int)ceil(8 * l->histogram[b] / top) : 0;
        mb_str_add(out, block[k > 8 ? 8 : k]);
    }
}

/* Text for people: in units that suit the cell, without what few read. */
static int level_text(mb_doc *d, const mb_sample *s) {
    const double W = s->level[s->n_level - 1].read_J;
    const mb_axis_unit g = mb_axis_unit_for(&s->g_max, 1, "S"), e = mb_axis_unit_for(&W, 1, "J");
    mb_table *t = mb_table_new();
    const char *const name[] = {"target", "mean", "sd", "q05", "q95", "read_sd", "read_noise"};
    int rc = t ? mb_table_column(t, "level", "", MB_RIGHT) : mb_nomem();
    for (size_t k = 0; k < 7 && !rc; k++) rc = mb_table_column(t, name[k], g.text, MB_RIGHT);
    if (!rc) rc = mb_table_column(t, "read_energy", e.text, MB_RIGHT);
    if (!rc && !s->linear) rc = mb_table_column(t, "I(V/2)/I(V)", "", MB_RIGHT);
    if (!rc && !s->deterministic) rc = mb_table_column(t, "programmed", "min to max", MB_LEFT);
    for (size_t i = 0; i < s->n_level && !rc; i++) {
        const mb_sample_level *l = &s->level[i];
        const double v[] = {l->target, l->programmed.mean, l->programmed.sd, l->q05, l->q95, l->read.sd, l->noise_sd};
        rc = mb_table_cellf(t, "%zu", i);
        for (size_t k = 0; k < sizeof v / sizeof *v && !rc; k++) rc = number(t, v[k] / g.scale, 4);
        if (!rc) rc = number(t, l->read_J / e.scale, 4);
        if (!rc && !s->linear) rc = number(t, l->flat, 4);
        if (!rc && !s->deterministic) {
            mb_str b = {0};
            bars(l, &b);
            rc = b.failed ? mb_nomem() : mb_table_cell(t, mb_cstr(&b));
            mb_str_free(&b);
        }
    }
    if (rc) mb_table_free(t);
    else
        mb_doc_table(d, "levels",
                     "levels (mean, sd, quantiles: as programmed; read_sd: single reads of all cells; read_noise: repeated reads of one cell)",
                     t);
    return rc;
}

static int level_table(mb_doc *d, const mb_sample *s) {
    static const char *const columns[][3] = {
        {"level", "", "r"},    {"target", "S", "r"},     {"mean", "S", "r"},        {"sd", "S", "r"},         {"q05", "S", "r"},
        {"median", "S", "r"},  {"q95", "S", "r"},        {"read_sd", "S", "r"},     {"read_noise", "S", "r"}, {"skewness", "", "r"},
        {"kurtosis", "", "r"}, {"read_power", "W", "r"}, {"read_energy", "J", "r"}, {"half_V_current", "", "r"},
        {NULL, NULL, NULL}};
    if (d->format == MB_TABLE_TEXT) return level_text(d, s);
    mb_table *t = mb_table_new();
    int rc = t ? mb_cli_columns(t, columns) : mb_nomem();
    for (size_t i = 0; i < s->n_level && !rc; i++) {
        const mb_sample_level *l = &s->level[i];
        const double v[] = {l->target, l->programmed.mean, l->programmed.sd, l->q05, l->q50, l->q95, l->read.sd, l->noise_sd,
                            l->programmed.skewness, l->programmed.kurtosis, l->read_W, l->read_J, l->flat};
        rc = mb_table_cellf(t, "%zu", i);
        for (size_t k = 0; k < sizeof v / sizeof *v && !rc; k++) rc = number(t, v[k], 9);
    }
    if (rc) mb_table_free(t);
    else mb_doc_table(d, "levels", NULL, t);
    return rc;
}

static int histogram_table(mb_doc *d, const mb_sample *s) {
    static const char *const columns[][3] = {{"level", "", "r"}, {"from", "S", "r"}, {"to", "S", "r"}, {"cells", "", "r"}, {NULL, NULL, NULL}};
    mb_table *t = mb_table_new();
    int rc = t ? mb_cli_columns(t, columns) : mb_nomem();
    for (size_t i = 0; i < s->n_level && !rc; i++) {
        const mb_sample_level *l = &s->level[i];
        const double lo = l->programmed.min, width = (l->programmed.max - lo) / MB_SAMPLE_BINS;
        for (int b = 0; b < MB_SAMPLE_BINS && !rc; b++) {
            rc = mb_table_cellf(t, "%zu", i);
            if (!rc) rc = number(t, lo + b * width, 9);
            if (!rc) rc = number(t, lo + (b + 1) * width, 9);
            if (!rc) rc = mb_table_cellf(t, "%.0f", l->histogram[b]);
        }
    }
    if (rc) mb_table_free(t);
    else mb_doc_table(d, "histograms", NULL, t);
    return rc;
}

static int pair_table(mb_doc *d, const mb_sample *s) {
    static const char *const columns[][3] = {{"levels", "", "l"},     {"threshold", "S", "r"}, {"bit_error_rate", "", "r"},
                                             {"counted", "", "r"}, {NULL, NULL, NULL}};
    mb_table *t = mb_table_new();
    int rc = t ? mb_cli_columns(t, columns) : mb_nomem();
    for (size_t i = 0; i + 1 < s->n_level && !rc; i++) {
        rc = mb_table_cellf(t, "%zu-%zu", i, i + 1);
        if (!rc) rc = number(t, s->pair[i].threshold, 6);
        if (!rc) rc = number(t, s->pair[i].error, 4);
        if (!rc) rc = number(t, s->pair[i].counted, 4);
    }
    if (rc) mb_table_free(t);
    else mb_doc_table(d, "overlap", "overlap of adjacent levels, single reads (normal distributions; and as counted)", t);
    return rc;
}

static int age_table(mb_doc *d, const mb_sample *s) {
    static const char *const columns[][3] = {{"time", "s", "r"},          {"G/G0", "", "r"},           {"sd_low", "S", "r"},
                                             {"sd_high", "S", "r"},       {"level_errors", "", "r"},   {"information_bits", "", "r"},
                                             {"effective_bits", "", "r"}, {NULL, NULL, NULL}};
    mb_table *t = mb_table_new();
    int rc = t ? mb_cli_columns(t, columns) : mb_nomem();
    for (size_t k = 0; k < s->n_time && !rc; k++) {
        const mb_sample_age *a = &s->age[k];
        char time[32];
        rc = d->format == MB_TABLE_TEXT ? mb_table_cell(t, mb_age_text(time, sizeof time, a->time_s)) : number(t, a->time_s, 9);
        if (!rc) rc = number(t, a->ratio, 5);
        if (!rc) rc = number(t, s->sd[k * s->n_level], 4);
        if (!rc) rc = number(t, s->sd[k * s->n_level + s->n_level - 1], 4);
        if (!rc) rc = number(t, a->error, 4);
        if (!rc) rc = number(t, a->information_bits, 4);
        if (!rc) rc = number(t, a->effective_bits, 4);
    }
    if (rc) mb_table_free(t);
    else
        mb_doc_table(d, "ageing",
                     "time after programming (level_errors: cells read as another level with the thresholds of time 0; effective_bits: a "
                     "uniform\nquantiser with the same error, empty: exact; sd_low, sd_high: lowest and highest level)",
                     t);
    return rc;
}

/* Mean and standard deviation of each level at each time: for programs. */
static int drift_table(mb_doc *d, const mb_sample *s) {
    static const char *const columns[][3] = {{"time", "s", "r"}, {"level", "", "r"}, {"mean", "S", "r"}, {"sd", "S", "r"}, {NULL, NULL, NULL}};
    mb_table *t = mb_table_new();
    int rc = t ? mb_cli_columns(t, columns) : mb_nomem();
    for (size_t k = 0; k < s->n_time && !rc; k++)
        for (size_t i = 0; i < s->n_level && !rc; i++) {
            rc = number(t, s->age[k].time_s, 9);
            if (!rc) rc = mb_table_cellf(t, "%zu", i);
            if (!rc) rc = number(t, s->mean[k * s->n_level + i], 9);
            if (!rc) rc = number(t, s->sd[k * s->n_level + i], 9);
        }
    if (rc) mb_table_free(t);
    else mb_doc_table(d, "drift", NULL, t);
    return rc;
}

static int spectrum_table(mb_doc *d, const mb_sample *s) {
    static const char *const columns[][3] = {{"frequency", "Hz", "r"}, {"middle_level", "1/Hz", "r"}, {"highest_level", "1/Hz", "r"}, {NULL, NULL, NULL}};
    mb_table *t = mb_table_new();
    int rc = t ? mb_cli_columns(t, columns) : mb_nomem();
    for (size_t f = s->analytic ? 0 : 1; f + (s->analytic ? 0 : 1) < s->n_freq && !rc; f++) {
        rc = number(t, s->freq[f], 9);
        if (!rc) rc = number(t, s->psd[0][f], 9);
        if (!rc) rc = number(t, s->psd[1][f], 9);
    }
    if (rc) mb_table_free(t);
    else mb_doc_table(d, "spectrum", NULL, t);
    return rc;
}

static int curve_table(mb_doc *d, const mb_sample *s) {
    static const char *const columns[][3] = {{"voltage", "V", "r"}, {"lowest_level", "A", "r"}, {"middle_level", "A", "r"}, {"highest_level", "A", "r"}, {NULL, NULL, NULL}};
    mb_table *t = mb_table_new();
    int rc = t ? mb_cli_columns(t, columns) : mb_nomem();
    for (size_t i = 0; i < s->n_iv && !rc; i++) {
        rc = number(t, s->volt[i], 9);
        for (int k = 0; k < 3 && !rc; k++) rc = number(t, s->amp[k][i], 9);
    }
    if (rc) mb_table_free(t);
    else mb_doc_table(d, "current", NULL, t);
    return rc;
}

static int answer(mb_doc *d, const options *o, const mb_cell_type *type, const char *name, const char *file, const mb_sample *s) {
    double worst = 0;
    size_t at = 0, touching = 0;
    for (size_t i = 0; i + 1 < s->n_level; i++) {
        touching += s->pair[i].error > TELL_ERROR;
        if (s->pair[i].error > worst) worst = s->pair[i].error, at = i;
    }
    mb_doc_text(d, "cell", "%s", name);
    if (strcmp(name, type->name) != 0) mb_doc_text(d, "type", "%s", type->name);
    if (file) mb_doc_text(d, "file", "%s", file);
    mb_doc_real(d, "g_min", s->g_min, "S");
    mb_doc_real(d, "g_max", s->g_max, "S");
    mb_doc_int(d, "cell_levels", s->levels);
    mb_doc_int(d, "sampled", (int64_t)s->n_level);
    mb_doc_int(d, "cells", (int64_t)s->cells);
    mb_doc_real(d, "read_voltage", s->cost.read_V, "V");
    if (d->format == MB_TABLE_JSON) mb_doc_real(d, "write_pulses", s->cost.pulses, "");
    else mb_doc_text(d, "write_pulses", "%.4g", s->cost.pulses);
    mb_doc_real(d, "write_energy", s->cost.write_J, "J");
    mb_doc_real(d, "write_time", s->cost.write_s, "s");
    if (d->format == MB_TABLE_JSON) {
        mb_doc_real(d, "worst_overlap", worst, "");
        mb_doc_real(d, "separable_levels", s->separable, "");
        mb_doc_real(d, "effective_bits", s->age[0].effective_bits, "");
        mb_doc_real(d, "information_bits", s->age[0].information_bits, "");
        if (s->noisy) mb_doc_real(d, "noise_slope", s->slope[1], "");
        if (s->noisy) mb_doc_real(d, "noise_slope_se", s->slope_se[1], "");
    } else {
        mb_doc_text(d, "overlap", "bit error rate %.3g between levels %zu and %zu, the worst pair", worst, at, at + 1);
        if (isfinite(s->separable)) mb_doc_text(d, "separable", "%.0f levels, six standard deviations of a read apart", s->separable);
        if (isfinite(s->age[0].effective_bits)) mb_doc_text(d, "bits", "%.2f effective (a uniform quantiser with the same error), %.2f of information", s->age[0].effective_bits, s->age[0].information_bits);
        else mb_doc_text(d, "bits", "exact; %.2f of information", s->age[0].information_bits);
        if (s->noisy) mb_doc_text(d, "noise", "spectrum ~ f^%.2f%s: 0 white, -1 1/f, -2 telegraph noise above its corner", s->slope[1], s->analytic ? " between 1 Hz and 1 kHz" : "");
    }
    int rc = level_table(d, s);
    if (!rc) rc = pair_table(d, s);
    if (!rc) rc = age_table(d, s);
    if (!rc && d->format != MB_TABLE_TEXT) rc = histogram_table(d, s);
    if (!rc && d->format != MB_TABLE_TEXT) rc = drift_table(d, s);
    if (!rc && d->format != MB_TABLE_TEXT && s->noisy) rc = spectrum_table(d, s);
    if (!rc && d->format != MB_TABLE_TEXT) rc = curve_table(d, s);
    if (!rc && touching && s->levels > 0)
        mb_warn("%zu of %zu pairs of adjacent levels cannot be told apart well; the worst, %zu and %zu, has a bit error rate of %.3g: "
                "take fewer levels, write with verification, or correct errors",
                touching, s->n_level - 1, at, at + 1, worst);
    if (!rc && !s->all_levels) mb_note("the cell has %d levels; %zu are sampled, overlaps are those of these", s->levels, s->n_level);
    (void)o;
    return rc;
}

/* One time with unit, or a plain number. */
static int positive(const char *option, const char *text, double fallback, double *v) {
    double *t = NULL;
    size_t n = 0;
    *v = fallback;
    if (!text) return MB_OK;
    int rc = mb_times_parse(text, &t, &n);
    if (rc || n != 1 || !(t[0] > 0)) {
        mb_error_clear();
        rc = mb_fail(MB_USAGE, "option --%s wants one positive number, not \"%s\"", option, text);
    } else {
        *v = t[0];
    }
    mb_free(t);
    return rc;
}

static int run(const void *opt, int argc, char *const *argv) {
    const options *o = opt;
    mb_sample_options so = {.cells = o->cells ? o->cells : 4096, .levels = o->levels ? o->levels : 16, .seed = o->seed ? (uint64_t)o->seed : 1};
    mb_sample s = {0};
    mb_conf *root = NULL;
    mb_cell cell = {0};
    mb_str script = {0}, data = {0};
    mb_doc d;
    char *file = NULL;
    double *time = NULL;
    (void)argc;
    if (mb_choice_index("cell", argv[0]) < 0) return mb_choice_unknown("kind", "cell", argv[0]);
    int rc = o->plot ? mb_picture_check(o->plot) : MB_OK;
    const size_t len = o->plot ? strlen(o->plot) : 0;
    if (!rc && o->plot && strcmp(o->plot + len - 3, ".gp") != 0 && !mb_cli_have_gnuplot())
        rc = mb_fail(MB_SYSTEM, "gnuplot was not found in PATH: apt-get install gnuplot-nox, or write the script with --plot FILE.gp");
    if (!rc) rc = mb_times_parse(o->times ? o->times : TIMES, &time, &so.n_time);
    if (!rc && time[0] != 0) { /* the fresh state is always wanted */
        double *with = mb_malloc(so.n_time + 1, sizeof *with);
        if (!with) rc = mb_nomem();
        if (with) {
            with[0] = 0;
            memcpy(with + 1, time, so.n_time * sizeof *with);
            mb_free(time);
            time = with;
            so.n_time++;
        }
    }
    so.time_s = time;
    if (!rc) rc = positive("temperature", o->temperature, 300, &so.temp_K);
    if (!rc) rc = positive("read-time", o->read_time, 10e-9, &so.read_s);
    if (!rc) rc = mb_cli_cell_open(argv[1], &o->set, &root, &cell, &file);
    if (!rc) rc = mb_sample_cell(&cell, &so, &s);
    if (!rc && o->plot) rc = mb_sample_plot(&s, argv[1], &script);
    if (!rc && o->plot) rc = mb_picture_write(o->plot, &script);
    if (!rc && o->data) rc = mb_sample_data(&cell, &s, so.cells, o->reads ? o->reads : 1, &data);
    if (!rc && o->data) rc = mb_file_write(o->data, mb_cstr(&data), data.n);
    if (!rc) {
        mb_doc_begin(&d, o->format);
        rc = mb_doc_end(&d, answer(&d, o, cell.type, argv[1], file, &s));
    }
    mb_str_free(&script);
    mb_str_free(&data);
    mb_sample_free(&s);
    mb_cell_free(&cell);
    mb_conf_free(root);
    mb_free(file);
    mb_free(time);
    return rc;
}

const mb_verb mb_verb_sample = {
    .name = "sample",
    .usage = "cell NAME [-s KEY=VALUE]... [--cells N] [--times LIST] [--plot FILE]",
    .summary = "statistics of a memory cell: levels, overlap, drift, read noise, current-voltage curve, energies",
    .details = "NAME is a type, a preset, or the path of a .cfg file. For each level: mean, standard deviation, quantiles and shape of the "
               "programmed conductances; the error rate between adjacent levels with the best threshold; effective bits and information in "
               "bits, fresh and after each time; read noise and the slope of its spectrum; power and energy of a read. "
               "Histograms, drift curves, spectrum and current are in CSV and JSON and in the picture. A cell without levels is sampled at "
               "--levels targets.",
    .examples = "mixbar sample cell rram\nmixbar sample cell rram -s levels=8 --plot levels.png\nmixbar sample cell my_cell.cfg --times "
                "0,1,1h,1y --format json",
    .options = table,
    .size = sizeof(options),
    .min_args = 2,
    .max_args = 2,
    .complete = "cell",
    .run = run,
};
