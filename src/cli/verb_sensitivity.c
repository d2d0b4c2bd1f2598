/* verb_sensitivity.c - mixbar sensitivity EXP.cfg: how the loss bends in each layer's weights (nn/hessian.h), before anything is
 * mapped */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "cli/common.h"
#include "cli/doc.h"
#include "cli/options.h"
#include "run/curvature.h"

typedef struct options {
    mb_strings set;
    const char *format, *point, *bits, *probes, *steps;
    int samples, threads;
    bool measure;
} options;

static const mb_option table[] = {
    MB_OPTION_LIST(options, set, 's', "set", "KEY=VALUE",
                   "set a key of the experiment, as if it stood in the file; may be repeated"),
    MB_OPTION_TEXT(options, point, 0, "point", "N", "this point of the sweep, from 0 (`mixbar check` lists them; default: 0)",
                   NULL),
    MB_OPTION_INT(options, samples, 'n', "samples", "N", 2, 1000000, "samples of the calibration data (default: 32)"),
    MB_OPTION_TEXT(options, probes, 0, "probes", "N", "random directions of the Hessian trace; 0: none (default: 16)", NULL),
    MB_OPTION_TEXT(options, steps, 0, "steps", "N", "products for each layer's eigenvalue; 0: none (default: 8)", NULL),
    MB_OPTION_TEXT(options, bits, 'b', "bits", "LIST", "also what quantising each layer to these widths does, such as 2,4,8",
                   NULL),
    MB_OPTION_FLAG(options, measure, 0, "measure",
                   "with --bits: also the second-order prediction and the measured loss of each change"),
    MB_OPTION_INT(options, threads, 'j', "threads", "N", 1, 4096, "threads (default: OMP_NUM_THREADS or all cores)"),
    MB_OPTION_TEXT(options, format, 'f', "format", "FORMAT", "form of the answer", MB_CLI_FORMATS),
    MB_OPTION_END,
};

/* --- options ------------------------------------------------------------------------------------------------------------- */

static int whole(const char *name, const char *text, int def, int lo, int hi, int *v) {
    char *end;
    *v = def;
    if (!text) return MB_OK;
    long n = strtol(text, &end, 10);
    if (end == text || *end || n < lo || n > hi)
        return mb_fail(MB_USAGE, "--%s %s: a whole number from %d to %d is needed", name, text, lo, hi);
    *v = (int)n;
    return MB_OK;
}

enum { MAX_BITS = 16 };

static int bit_list(const char *text, int *bits, int *n) {
    for (*n = 0; text && *text;) {
        char *end;
        long b = strtol(text, &end, 10);
        if (end == text || (*end && *end != ',') || b < 1 || b > 16 || *n == MAX_BITS)
            return mb_fail(MB_USAGE, "--bits %s: whole numbers from 1 to 16, separated by commas, are needed (at most %d)",
                           text, MAX_BITS);
        bits[(*n)++] = (int)b;
        text = *end ? end + 1 : end;
    }
    return MB_OK;
}

/* --- tables -------------------------------------------------------------------------------------------------------------- */

static int real(mb_table *t, double v) { return isfinite(v) ? mb_table_cellf(t, "%.6g", v) : mb_table_cell(t, ""); }

static int half_width(mb_table *t, const mb_estimate *e) { return real(t, e->n > 1 ? (e->high - e->low) / 2 : (double)NAN); }

static int layer_row(mb_table *t, int k, const mb_layer_curvature *l) {
    double n = (double)l->n, none = (double)NAN;
    int rc = mb_table_cellf(t, "%d", k);
    if (!rc) rc = mb_table_cell(t, l->name);
    if (!rc) rc = mb_table_cellf(t, "%zu", l->n);
    if (!rc) rc = real(t, l->trace.n ? l->trace.mean : none);
    if (!rc) rc = half_width(t, &l->trace);
    if (!rc) rc = real(t, l->spectrum.steps ? l->spectrum.max : none);
    if (!rc) rc = real(t, l->fisher.mean);
    if (!rc) rc = half_width(t, &l->fisher);
    if (!rc) rc = real(t, l->fisher.mean / n);
    if (!rc) rc = real(t, l->empirical.mean);
    if (!rc) rc = half_width(t, &l->empirical);
    return rc ? rc : real(t, l->entropy);
}

static int layer_table(mb_doc *d, const mb_curvature *c) {
    static const char *const columns[][3] = {
        {"#", "", "r"},          {"layer", "", "l"},        {"weights", "", "r"},   {"trace", "", "r"},     {"trace_95", "", "r"},
        {"lambda_max", "", "r"}, {"fisher", "", "r"},       {"fisher_95", "", "r"}, {"mean_fisher", "", "r"},
        {"empirical", "", "r"},  {"empirical_95", "", "r"}, {"entropy_4", "bit", "r"}, {NULL, NULL, NULL}};
    mb_table *t = mb_table_new();
    int rc = t ? mb_cli_columns(t, columns) : mb_nomem();
    for (int k = 0; k < c->n && !rc; k++) rc = layer_row(t, k, &c->layer[k]);
    if (rc) mb_table_free(t);
    else mb_doc_table(d, "layers", NULL, t);
    return rc;
}

static int change_table(mb_doc *d, const mb_curvature *c, bool measured) {
    static const char *const columns[][3] = {
        {"#", "", "r"},       {"layer", "", "l"},     {"bits", "", "r"},     {"dW2", "", "r"},  {"omega", "", "r"},
        {"mpqnnco", "", "r"}, {"quadratic", "", "r"}, {"measured", "", "r"}, {NULL, NULL, NULL}};
    mb_table *t = mb_table_new();
    int rc = t ? MB_OK : mb_nomem();
    for (int k = 0; columns[k][0] && !rc && (measured || k < 6); k++)
        rc = mb_table_column(t, columns[k][0], columns[k][1], *columns[k][2] == 'r' ? MB_RIGHT : MB_LEFT);
    for (int k = 0; k < c->n; k++)
        for (int b = 0; b < c->n_bits && !rc; b++) {
            const mb_layer_change *ch = &c->layer[k].change[b];
            rc = mb_table_cellf(t, "%d", k);
            if (!rc) rc = mb_table_cell(t, c->layer[k].name);
            if (!rc) rc = mb_table_cellf(t, "%d", ch->bits);
            if (!rc) rc = real(t, ch->dw2);
            if (!rc) rc = real(t, ch->omega);
            if (!rc) rc = real(t, ch->fisher);
            if (!rc && measured) rc = real(t, ch->quadratic);
            if (!rc && measured) rc = real(t, ch->measured);
        }
    if (rc) mb_table_free(t);
    else mb_doc_table(d, "changes", "quantised weights, one layer at a time: what is said to happen to the loss", t);
    return rc;
}

/* --- the verb ------------------------------------------------------------------------------------------------------------ */

static int run(const void *opt, int argc, char *const *argv) {
    const options *o = opt;
    int bits[MAX_BITS];
    mb_cli_points e;
    mb_setup s;
    mb_curvature *c = NULL;
    mb_meter meter;
    mb_doc d;
    mb_curvature_options co = {.samples = o->samples ? o->samples : 32, .bits = bits, .measure = o->measure, .exact = true};
    (void)argc;
    int rc = whole("probes", o->probes, 16, 0, 100000, &co.probes);
    if (!rc) rc = whole("steps", o->steps, 8, 0, 10000, &co.steps);
    if (!rc) rc = bit_list(o->bits, bits, &co.n_bits);
    if (!rc && o->measure && !co.n_bits) rc = mb_fail(MB_USAGE, "--measure needs --bits: the widths whose loss is measured");
    if (rc) return rc;
    mb_cli_threads(o->threads);
    rc = mb_cli_points_open(argv[0], &o->set, o->point ? o->point : "0", &e);
    if (rc) return rc;
    mb_meter_start(&meter, 1);
    mb_doc_begin(&d, o->format);
    rc = mb_cli_point_load(&e, e.first, true, &s);
    if (!rc) {
        co.threads = mb_sim_threads();
        co.progress = &meter.progress;
        rc = mb_curvature_compute(&s, &co, &c);
        mb_meter_clear(&meter);
        if (!rc) {
            mb_doc_text(&d, "network", "%s", s.net->name);
            mb_doc_text(&d, "data", "%s", s.calib ? s.calib->source : s.data->source);
            mb_doc_int(&d, "samples", (int64_t)c->samples);
            mb_doc_int(&d, "probes", co.probes);
            mb_doc_real(&d, "loss", c->loss, "nat");
            rc = layer_table(&d, c);
        }
        if (!rc && c->n_bits) rc = change_table(&d, c, o->measure);
        mb_curvature_free(c);
        mb_setup_free(&s);
    }
    mb_cli_points_close(&e);
    return mb_doc_end(&d, rc);
}

const mb_verb mb_verb_sensitivity = {
    .name = "sensitivity",
    .usage = "EXP.cfg [-s KEY=VALUE]... [-n SAMPLES] [--probes N] [--steps N] [--bits LIST [--measure]]",
    .summary = "how sensitive the loss is to each layer's weights: Hessian trace, eigenvalue, Fisher information, entropy",
    .details = "The network of the experiment, with normalisation folded, on the first samples of its calibration data (test data "
               "when it has none), in double precision. For each weighted layer: the trace of the loss's Hessian by Hutchinson's "
               "estimator, with the half-width of its 95 % interval; the largest eigenvalue by Lanczos; the trace of the true "
               "Fisher information over all classes, which for networks of ReLUs is that of the Hessian without the probes' "
               "noise, with the half-width over samples, and its mean over the weights; the empirical Fisher of the data's "
               "labels; the entropy of 4-bit codes (EAGL). --bits adds what HAWQ (omega) and MPQNNCO say of each width, --measure "
               "the quadratic form and the loss itself. See doc/second-order.md.",
    .examples = "mixbar sensitivity experiments/quickstart.cfg -n 64\n"
                "mixbar sensitivity experiments/quickstart.cfg --steps 0 --bits 2,4,8 --format json",
    .options = table,
    .size = sizeof(options),
    .min_args = 1,
    .max_args = 1,
    .complete = "file",
    .run = run,
};
