/* verb_mvm.c - mixbar mvm CASE.cfg -w W.npy -x X.npy [-o Y.npy]: one matrix on analog arrays through the general engine
 *
 * W is [outputs][inputs], X [inputs] or [vectors][inputs], Y [outputs] or [vectors][outputs] in double precision. Keys of
 * CASE.cfg: the groups of
 * array/analog.h and the converter's group adc; `seed` and `trial` choose the random errors.
 */
#include <math.h>
#include <string.h>

#include "array/analog.h"
#include "base/error.h"
#include "base/mem.h"
#include "base/npy.h"
#include "cli/common.h"
#include "cli/doc.h"
#include "cli/options.h"

typedef struct options {
    mb_strings set;
    const char *weights, *inputs, *output, *calibration, *format;
    bool explain, keys;
} options;

static const mb_option table[] = {
    MB_OPTION_TEXT(options, weights, 'w', "weights", "FILE", "matrix [outputs][inputs], NPY", "file"),
    MB_OPTION_TEXT(options, inputs, 'x', "inputs", "FILE", "inputs [inputs] or [vectors][inputs], NPY", "file"),
    MB_OPTION_TEXT(options, output, 'o', "output", "FILE", "where the outputs go, NPY (double precision)", "file"),
    MB_OPTION_TEXT(options, calibration, 'c', "calibration", "FILE",
                   "inputs for calibrated converter ranges; default: those of -x", "file"),
    MB_OPTION_LIST(options, set, 's', "set", "KEY=VALUE", "set a key of the case, as if it stood in the file; may be repeated"),
    MB_OPTION_FLAG(options, explain, 0, "explain", "signal-to-noise ratio after each stage, what the converters saw"),
    MB_OPTION_FLAG(options, keys, 0, "keys", "list the keys of a case with defaults and ranges, and stop"),
    MB_OPTION_TEXT(options, format, 'f', "format", "FORMAT", "form of the answer", MB_CLI_FORMATS),
    MB_OPTION_END,
};

typedef struct run_keys {
    int seed, trial;
} run_keys;

static const mb_param run_table[] = {MB_INT(run_keys, seed, "", "1", 0, 2147483647, "of all random errors"),
                                     MB_INT(run_keys, trial, "", "0", 0, (1 << 26) - 1, "which draw of them"), MB_PARAM_END};

typedef struct array {
    int rows, cols, nd;
    double *v;
} array;

/* A matrix, or a vector as one row. */
static int read_array(const char *path, const char *what, array *a) {
    mb_npy npy;
    int rc = mb_npy_read(path, &npy);
    if (rc) return mb_context(rc, "%s", what);
    if (npy.nd < 1 || npy.nd > 2)
        rc = mb_fail(MB_BADINPUT, "%s: %s: %d dimensions; a matrix has 2, a vector 1", path, what, npy.nd);
    for (int i = 0; i < npy.nd && !rc; i++)
        if (npy.dim[i] < 1 || npy.dim[i] > 1 << 24)
            rc = mb_fail(MB_BADINPUT, "%s: %s: dimension %d is %lld", path, what, i, (long long)npy.dim[i]);
    if (!rc) {
        *a = (array){npy.nd == 2 ? (int)npy.dim[0] : 1, (int)npy.dim[npy.nd - 1], npy.nd, mb_malloc(npy.count, sizeof(double))};
        if (a->v) mb_npy_to_f64(&npy, a->v);
        else rc = mb_nomem();
    }
    mb_npy_free(&npy);
    for (size_t i = 0; !rc && i < (size_t)a->rows * (size_t)a->cols; i++)
        if (!isfinite(a->v[i]))
            rc = mb_fail(MB_BADINPUT, "%s: %s: element (%zu, %zu) is not finite", path, what, i / (size_t)a->cols,
                         i % (size_t)a->cols);
    return rc;
}

static int read_case(const char *path, const mb_strings *set, mb_analog_spec *s, run_keys *keys) {
    static const char *const also[] = {"weights", "mapping", "cell", "input",  "conversion",
                                       "array",   "wires",   "adc",  "schema", NULL};
    mb_conf *root = NULL;
    int rc = mb_conf_read(path, &root);
    for (size_t i = 0; i < set->n && !rc; i++) rc = mb_conf_assign(root, set->v[i], MB_FROM_COMMAND);
    if (!rc) rc = mb_params_load(run_table, root, also, keys);
    if (!rc) {
        const mb_conf *schema = mb_conf_use(root, "schema");
        if (schema && (schema->type != MB_CONF_INT || schema->i != 1))
            rc = mb_fail(MB_BADINPUT, "%s: schema is 1", mb_conf_where(schema));
    }
    if (!rc) rc = mb_analog_spec_load(root, s);
    mb_conf_free(root);
    return rc ? mb_context(rc, "case %s", path) : MB_OK;
}

static int list_keys(mb_doc *d) {
    mb_table *t = mb_param_table_new(false, false);
    int rc = t ? mb_param_table_add(t, "", run_table, NULL, NULL) : mb_nomem();
    for (const mb_analog_group *g = mb_analog_groups; g->name && !rc; g++) {
        mb_str prefix = {0};
        mb_str_addf(&prefix, "%s.", g->name);
        rc = prefix.failed ? mb_nomem() : mb_param_table_add(t, mb_cstr(&prefix), g->params, NULL, NULL);
        mb_str_free(&prefix);
    }
    if (rc) mb_table_free(t);
    else mb_doc_table(d, "keys", "keys of a case; the group adc = { type = NAME; ... } is one of `mixbar list adcs`", t);
    return rc;
}

static int snr_table(mb_doc *d, const double *snr) {
    static const char *const columns[][3] = {{"after", "", "l"}, {"snr", "dB", "r"}, {NULL, NULL, NULL}};
    mb_table *t = mb_table_new();
    int rc = t ? mb_cli_columns(t, columns) : mb_nomem();
    char name[32];
    const bool json = d->format == MB_TABLE_JSON; /* null: exact */
    for (int i = 0; i < MB_ANALOG_N_STAGES && !rc; i++) {
        rc = mb_table_cell(t, mb_choice_name(MB_ANALOG_STAGES, i, name, sizeof name));
        if (!rc) rc = isfinite(snr[i]) ? mb_table_cellf(t, "%.2f", snr[i]) : mb_table_cell(t, isnan(snr[i]) || json ? "" : "exact");
    }
    if (rc) mb_table_free(t);
    else mb_doc_table(d, "snr", "signal-to-noise ratio of the outputs, with the non-idealities up to this one, against W x in double precision", t);
    return rc;
}

static int converter_table(mb_doc *d, int slices, const mb_analog_stats *st) {
    static const char *const columns[][3] = {{"slice", "", "r"},    {"conversions", "", "r"}, {"clipped", "", "r"},
                                             {"range_lo", "", "r"}, {"range_hi", "", "r"},    {"seen_min", "", "r"},
                                             {"seen_max", "", "r"}, {"occupancy", "", "r"},   {NULL, NULL, NULL}};
    mb_table *t = mb_table_new();
    int rc = t ? mb_cli_columns(t, columns) : mb_nomem();
    for (int i = 0; i < slices && !rc; i++) {
        double n = (double)st->conversions[i], used = 0;
        for (int k = 0; k < 64; k++) used += st->histogram[i][k] > 0;
        rc = mb_table_cellf(t, "%d", i);
        if (!rc) rc = mb_table_cellf(t, "%.0f", n);
        if (!rc) rc = mb_table_cellf(t, "%.6g", n > 0 ? (double)st->clipped[i] / n : 0);
        if (!rc) rc = mb_table_cellf(t, "%.6g", st->lo[i]);
        if (!rc) rc = mb_table_cellf(t, "%.6g", st->hi[i]);
        if (!rc) rc = mb_table_cellf(t, "%.6g", st->min[i]);
        if (!rc) rc = mb_table_cellf(t, "%.6g", st->max[i]);
        if (!rc) rc = mb_table_cellf(t, "%.4g", used / 64);
    }
    if (rc) mb_table_free(t);
    else
        mb_doc_table(d, "converters",
                     "converters (clipped: fraction; occupancy: part of 64 equal bins of the range that is used)", t);
    return rc;
}

/* Codes of each slice: the counts for programs, one line of marks for people. */
static int code_table(mb_doc *d, int slices, const mb_analog_stats *st) {
    static const char *const columns[][3] = {{"slice", "", "r"}, {"codes, lowest to highest", "", "l"}, {NULL, NULL, NULL}};
    static const char mark[] = " .:-=+*#%@";
    if (d->format == MB_TABLE_JSON) {
        mb_doc_open(d, "codes", '[', NULL);
        for (int i = 0; i < slices; i++) {
            mb_json_open(&d->json, NULL, '[');
            for (int k = 0; k < 64; k++) mb_json_int(&d->json, NULL, (int64_t)st->histogram[i][k]);
            mb_json_close(&d->json, ']');
        }
        mb_doc_close(d, ']');
        return MB_OK;
    }
    mb_table *t = mb_table_new();
    int rc = t ? mb_cli_columns(t, columns) : mb_nomem();
    for (int i = 0; i < slices && !rc; i++) {
        char line[64 + 3] = "|";
        uint64_t all = 0;
        for (int k = 0; k < 64; k++) all += st->histogram[i][k];
        for (int k = 0; k < 64; k++) {
            const double share = all ? (double)st->histogram[i][k] / (double)all : 0;
            int level = share > 0 ? 9 + (int)floor(2 * log10(share) + 1e-9) : 0; /* half a decade each */
            if (share > 0 && level < 1) level = 1;
            line[k + 1] = mark[level];
        }
        line[65] = '|';
        rc = mb_table_cellf(t, "%d", i);
        if (!rc) rc = mb_table_cell(t, line);
    }
    if (rc) mb_table_free(t);
    else
        mb_doc_table(d, "codes",
                     "codes of the converters in 64 parts of the range\n"
                     "share of the conversions: @ all, % 32 %, # 10 %, * 3 %, + 1 %, = 0.3 %, - 0.1 %, : 0.03 % or more, . less, blank never",
                     t);
    return rc;
}

/* Root mean square of the outputs' error against W x, and of W x. */
static void errors(const array *W, const array *x, const double *y, double *error, double *signal) {
    *error = *signal = 0;
    for (int v = 0; v < x->rows; v++)
        for (int j = 0; j < W->rows; j++) {
            double exact = 0, e;
            for (int i = 0; i < W->cols; i++)
                exact += W->v[(size_t)j * (size_t)W->cols + (size_t)i] * x->v[(size_t)v * (size_t)W->cols + (size_t)i];
            e = y[(size_t)v * (size_t)W->rows + (size_t)j] - exact;
            *error += e * e;
            *signal += exact * exact;
        }
    const double n = (double)W->rows * (double)x->rows;
    *error = sqrt(*error / n);
    *signal = sqrt(*signal / n);
}

static int answer(mb_doc *d, const options *o, const mb_analog_spec *s, const run_keys *keys, const mb_analog *a, const array *W,
                  const array *x, const array *c, const double *y, const mb_analog_stats *st) {
    double error, signal, snr[MB_ANALOG_N_STAGES];
    int rows, cols, tiles = mb_analog_tiles(a, &rows, &cols), rc = MB_OK;
    uint64_t conversions = 0, clipped = 0;
    errors(W, x, y, &error, &signal);
    for (int i = 0; i < mb_analog_slices(a); i++) conversions += st->conversions[i], clipped += st->clipped[i];
    mb_doc_int(d, "outputs", W->rows);
    mb_doc_int(d, "inputs", W->cols);
    mb_doc_int(d, "vectors", x->rows);
    mb_doc_int(d, "tiles", tiles);
    mb_doc_int(d, "tile_rows", rows);
    mb_doc_int(d, "tile_columns", cols);
    mb_doc_int(d, "slices", mb_analog_slices(a));
    mb_doc_real(d, "rms_output", signal, "");
    mb_doc_real(d, "rms_error", error, "");
    if (error > 0 && signal > 0) mb_doc_real(d, "snr_dB", 20 * log10(signal / error), "");
    mb_doc_int(d, "conversions", (int64_t)conversions);
    const double part = conversions ? (double)clipped / (double)conversions : 0;
    if (d->format == MB_TABLE_JSON) mb_doc_real(d, "clipped", part, "");
    else mb_doc_text(d, "clipped", "%.4g %%", 100 * part);
    if (st->residual > 0) mb_doc_real(d, "wire_residual", st->residual, "");
    if (!o->explain) return rc;
    rc = mb_analog_explain(s, W->rows, W->cols, W->v, x->rows, x->v, c->rows, c->v, (uint64_t)keys->seed, (uint32_t)keys->trial, snr);
    if (!rc) rc = snr_table(d, snr);
    if (!rc && conversions) rc = converter_table(d, mb_analog_slices(a), st);
    if (!rc && conversions) rc = code_table(d, mb_analog_slices(a), st);
    return rc;
}

static int multiply(const options *o, const mb_analog_spec *s, const run_keys *keys, const array *W, const array *x,
                    const array *c, mb_doc *d) {
    const size_t n = (size_t)x->rows * (size_t)W->rows;
    const int64_t dim[2] = {x->rows, W->rows};
    mb_analog_stats *st = mb_calloc(1, sizeof *st);
    double *y = mb_malloc(n, sizeof *y);
    mb_analog *a = NULL;
    int rc = st && y ? MB_OK : mb_nomem();
    if (!rc && x->cols != W->cols)
        rc = mb_fail(MB_BADINPUT, "%s has %d inputs, but the matrix of %s has %d (it is %d outputs x %d inputs)%s", o->inputs,
                     x->cols, o->weights, W->cols, W->rows, W->cols, x->cols == W->rows ? "; transpose one of them" : "");
    if (!rc && c->cols != W->cols)
        rc = mb_fail(MB_BADINPUT, "%s has %d inputs, but the matrix has %d", o->calibration, c->cols, W->cols);
    if (!rc) rc = mb_analog_new(s, W->rows, W->cols, W->v, &a);
    if (!rc) rc = mb_analog_program(a, (uint64_t)keys->seed, (uint32_t)keys->trial);
    if (!rc) rc = mb_analog_calibrate(a, c->rows, c->v);
    if (!rc) rc = mb_analog_mvm(a, 0, x->rows, x->v, y, st);
    if (!rc) rc = answer(d, o, s, keys, a, W, x, c, y, st);
    if (!rc && o->output) rc = mb_npy_write(o->output, MB_F64, x->nd, x->nd == 2 ? dim : dim + 1, y);
    mb_analog_free(a);
    mb_free(y);
    mb_free(st);
    return rc;
}

static int run(const void *opt, int argc, char *const *argv) {
    const options *o = opt;
    mb_analog_spec s = {0};
    run_keys keys;
    array W = {0}, x = {0}, c = {0};
    mb_doc d;
    if (o->keys) {
        mb_doc_begin(&d, o->format);
        return mb_doc_end(&d, list_keys(&d));
    }
    if (argc < 1)
        return mb_fail(MB_USAGE,
                       "mixbar mvm needs a case: mixbar mvm CASE.cfg -w W.npy -x X.npy (or --keys, which lists the keys)");
    if (!o->weights || !o->inputs) return mb_fail(MB_USAGE, "mixbar mvm needs -w W.npy (the matrix) and -x X.npy (the inputs)");
    int rc = read_case(argv[0], &o->set, &s, &keys);
    if (!rc) rc = read_array(o->weights, "weights", &W);
    if (!rc) rc = read_array(o->inputs, "inputs", &x);
    if (!rc && o->calibration) rc = read_array(o->calibration, "calibration inputs", &c);
    if (!rc) {
        mb_doc_begin(&d, o->format);
        rc = mb_doc_end(&d, multiply(o, &s, &keys, &W, &x, o->calibration ? &c : &x, &d));
    }
    mb_free(W.v);
    mb_free(x.v);
    mb_free(c.v);
    mb_analog_spec_free(&s);
    return rc;
}

const mb_verb mb_verb_mvm = {
    .name = "mvm",
    .usage = "CASE.cfg -w W.npy -x X.npy [-o Y.npy] [--explain] [-s KEY=VALUE]...",
    .summary = "one matrix on analog arrays: any mapping, inputs, converter, wires, cell errors; explains where accuracy goes",
    .details = "The general engine in double precision. The case is a file of groups weights, mapping, cell, input, conversion, "
               "array, wires and adc; an "
               "empty file is a differential pair of ideal cells. --keys lists all keys. With --explain the product is computed "
               "again with one "
               "non-ideality added after the other. Outputs are in the units of W x.",
    .examples = "mixbar mvm case.cfg -w W.npy -x X.npy -o Y.npy\nmixbar mvm case.cfg -w W.npy -x X.npy --explain -s "
                "mapping.slices=4\nmixbar mvm --keys",
    .options = table,
    .size = sizeof(options),
    .min_args = 0,
    .max_args = 1,
    .complete = "file",
    .run = run,
};
