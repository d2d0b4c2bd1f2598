/* verb_modes.c - mixbar modes EXP.cfg: precision that is switched at run time on cells programmed once */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/file.h"
#include "base/mem.h"
#include "cli/common.h"
#include "cli/doc.h"
#include "cli/options.h"
#include "run/experiment.h"
#include "run/modes.h"
#include "run/prune.h"

#define COUNT_MAX 16
#define EXIT_POINTS 11

typedef struct options {
    mb_strings set;
    const char *plan, *output, *format, *point, *metric, *max_loss, *input_bits, *adc_bits, *weight_bits;
    int threads, count, trials, samples;
    bool force, dedicated, exit;
} options;

static const mb_option table[] = {
    MB_OPTION_LIST(options, set, 's', "set", "KEY=VALUE",
                   "set a key of the experiment, as if it stood in the file; may be repeated"),
    MB_OPTION_TEXT(options, plan, 'p', "plan", "FILE", "the plan (default: what the policy of the experiment says). Modes that it has are "
                                                       "evaluated, otherwise modes are looked for", "file"),
    MB_OPTION_INT(options, count, 'k', "count", "K", 1, COUNT_MAX, "modes besides the plan itself (default 3)"),
    MB_OPTION_TEXT(options, metric, 0, "metric", "COST", "cost that modes are to save (default energy_J)",
                   "energy_J|latency_s"),
    MB_OPTION_TEXT(options, max_loss, 0, "max-loss", "NATS", "predicted divergence of the outputs that is too much for a mode (default 0.03)", NULL),
    MB_OPTION_TEXT(options, input_bits, 0, "input-bits", "LIST", "what layers may take in a mode (default 2,3,4,6,8)", NULL),
    MB_OPTION_TEXT(options, adc_bits, 0, "adc-bits", "LIST", "(default 4,5,6,8)", NULL),
    MB_OPTION_FLAG(options, dedicated, 0, "dedicated", "also plans made for the cost of each mode alone, their weights included"),
    MB_OPTION_TEXT(options, weight_bits, 0, "weight-bits", "LIST", "what weights may take in dedicated plans (default 2,3,4,6,8)", NULL),
    MB_OPTION_FLAG(options, exit, 0, "exit", "also early exit: the cheapest mode first, the plan for samples that it is not sure of"),
    MB_OPTION_INT(options, samples, 0, "samples", "N", 1, 100000000, "calibration samples that losses are measured on (default: all)"),
    MB_OPTION_INT(options, trials, 0, "draws", "N", 1, 1000, "device draws that losses are measured on (default 1)"),
    MB_OPTION_TEXT(options, output, 'o', "output", "FILE", "save the plan with its modes", "file"),
    MB_OPTION_FLAG(options, force, 0, "force", "replace FILE when it exists"),
    MB_OPTION_TEXT(options, point, 0, "point", "N", "this point of the sweep, from 0 (default 0)", NULL),
    MB_OPTION_INT(options, threads, 'j', "threads", "N", 1, 4096, "threads (default: OMP_NUM_THREADS or all cores)"),
    MB_OPTION_TEXT(options, format, 'f', "format", "FORMAT", "form of the answer", MB_CLI_FORMATS),
    MB_OPTION_END,
};

typedef struct bits { int v[16], n; } bits;

/* "2,4,8" into numbers of 1..MOST. */
static int read_bits(const char *option, const char *text, int most, bits *b) {
    b->n = 0;
    for (const char *at = text;; at++) {
        char *end;
        const long v = strtol(at, &end, 10);
        if (end == at || v < 1 || v > most || (*end != ',' && *end != '\0') || b->n == 16)
            return mb_fail(MB_USAGE, "%s: \"%s\" is not a list of at most 16 whole numbers from 1 to %d, such as 2,4,8", option, text, most);
        b->v[b->n++] = (int)v;
        at = end;
        if (!*at) return MB_OK;
    }
}

static int read_options(const options *o, mb_modes_options *m, bits *in, bits *adc, bits *weight) {
    char *end;
    int rc = read_bits("--input-bits", o->input_bits ? o->input_bits : "2,3,4,6,8", 8, in);
    if (!rc) rc = read_bits("--adc-bits", o->adc_bits ? o->adc_bits : "4,5,6,8", 16, adc);
    if (!rc) rc = read_bits("--weight-bits", o->weight_bits ? o->weight_bits : "2,3,4,6,8", 8, weight);
    m->max_loss = o->max_loss ? strtod(o->max_loss, &end) : 0.03;
    if (!rc && o->max_loss && (end == o->max_loss || *end || !(m->max_loss > 0)))
        rc = mb_fail(MB_USAGE, "--max-loss: \"%s\" is not a positive number of nats", o->max_loss);
    m->count = o->count ? o->count : 3;
    m->metric = o->metric && !strcmp(o->metric, "latency_s") ? 1 : 0;
    m->input_bits = in->v, m->n_input = in->n;
    m->adc_bits = adc->v, m->n_adc = adc->n;
    m->weight_bits = weight->v, m->n_weight = weight->n;
    m->samples = o->samples;
    m->trials = o->trials ? o->trials : 1;
    return rc;
}

/* --- one plan in numbers -------------------------------------------------------------------------------------------------- */

static const char *const columns[][3] = {{"mode", "", "l"},      {"predicted", "nats", "r"}, {"accuracy", "%", "r"}, {"low", "%", "r"},
                                         {"high", "%", "r"},     {"energy", "J", "r"},       {"latency", "s", "r"},  {"edp", "J s", "r"},
                                         {"x energy", "", "r"},  {"layers set", "", "r"},    {"bits w/in/adc", "", "l"},
                                         {NULL, NULL, NULL}};

/* Mean bits of the layers, weighted by their products: of weights that are read, inputs, converters. */
static void mean_bits(const mb_setup *s, const mb_plan *p, double b[3]) {
    double all = 0;
    b[0] = b[1] = b[2] = 0;
    for (int m = 0; m < p->n; m++) {
        const double w = (double)mb_layer_macs(&s->net->layer[s->net->weighted[m]]);
        const mb_assign *a = &p->assign[m];
        b[0] += w * fmax(1, a->weight_bits - a->skip_slices * a->cell_bits);
        b[1] += w * a->input_bits;
        b[2] += w * a->adc_bits;
        all += w;
    }
    for (int i = 0; i < 3; i++) b[i] /= all;
}

static int row(mb_table *t, const mb_setup *s, const mb_plan *p, const mb_plan *base, const char *name, double predicted, const mb_point_result *r,
               double base_J, bool text) {
    char buf[48];
    double b[3];
    int set = 0;
    for (int m = 0; m < p->n; m++) set += memcmp(&p->assign[m], &base->assign[m], sizeof p->assign[m]) != 0;
    mean_bits(s, p, b);
    int rc = mb_table_cell(t, name);
    if (!rc) rc = isnan(predicted) ? mb_table_cell(t, "") : mb_table_cellf(t, "%.4f", predicted);
    const double percent[] = {r->accuracy, r->accuracy_low, r->accuracy_high};
    for (int i = 0; i < 3 && !rc; i++) rc = mb_table_cellf(t, "%.2f", 100 * percent[i]);
    const double value[] = {r->energy_J, r->latency_s, r->edp_Js};
    static const char *const unit[] = {"J", "s", "J s"};
    for (int i = 0; i < 3 && !rc; i++) rc = text ? mb_table_cell(t, mb_fmt_si(buf, value[i], unit[i], 3)) : mb_table_cellf(t, "%.9g", value[i]);
    if (!rc) rc = mb_table_cellf(t, "%.3f", r->energy_J / base_J);
    if (!rc) rc = mb_table_cellf(t, "%d", set);
    if (!rc) rc = mb_table_cellf(t, "%.1f/%.1f/%.1f", b[0], b[1], b[2]);
    return rc;
}

static int evaluate(mb_setup *s, const mb_plan *p, mb_meter *meter, mb_point_result *r) {
    const mb_point_options po = {.plan = p, .simulate = true, .progress = &meter->progress};
    return mb_point_run(s, &po, r, NULL, NULL);
}

static int new_table(bool text, mb_table **t) {
    *t = mb_table_new();
    int rc = *t ? MB_OK : mb_nomem();
    for (size_t i = 0; columns[i][0] && !rc; i++)
        rc = mb_table_column(*t, columns[i][0], text && i >= 5 && i <= 7 ? "" : columns[i][1], columns[i][2][0] == 'r' ? MB_RIGHT : MB_LEFT);
    return rc;
}

/* --- the answer ------------------------------------------------------------------------------------------------------------ */

static int tell_dedicated(mb_setup *s, const mb_plan *plan, const mb_modes_options *mo, const mb_point_result *r, mb_meter *meter, mb_doc *d) {
    mb_plan *p[COUNT_MAX] = {NULL};
    double limit[COUNT_MAX];
    mb_table *t = NULL;
    const bool text = d->format == MB_TABLE_TEXT;
    const int n = plan->n_modes < COUNT_MAX ? plan->n_modes : COUNT_MAX;
    mb_costing *costing = NULL;
    int rc = mb_costing_new(s->mach, &s->cell, s->net, &costing);
    for (int i = 0; i < n && !rc; i++) { /* the estimate that plans are searched with, not the measured activity */
        mb_plan *mode = NULL;
        mb_metrics m;
        rc = mb_plan_of_mode(plan, i, &mode);
        if (!rc) rc = mb_costing_plan(costing, mode, NULL, NULL, NULL, &m, NULL, false);
        limit[i] = rc ? 0 : mb_metric_get(&m, mo->metric);
        mb_plan_free(mode);
    }
    mb_costing_free(costing);
    if (!rc) rc = mb_modes_dedicated(s, plan, mo, limit, n, p);
    if (!rc) rc = new_table(text, &t);
    for (int i = 0; i < n && !rc; i++) {
        char name[80];
        mb_point_result own;
        if (!p[i]) continue;
        snprintf(name, sizeof name, "as %.60s", plan->mode[i].name);
        rc = evaluate(s, p[i], meter, &own);
        if (!rc) rc = row(t, s, p[i], plan, name, (double)NAN, &own, r[0].energy_J, text);
        if (!rc) mb_point_result_free(&own);
    }
    mb_meter_clear(meter);
    if (!rc) mb_doc_table(d, "dedicated", "plans of their own, programmed for the cost of each mode", t), t = NULL;
    mb_table_free(t);
    for (int i = 0; i < n; i++) mb_plan_free(p[i]);
    return rc;
}

static int tell_exit(mb_setup *s, const mb_plan *plan, const mb_point_result *r, mb_meter *meter, mb_doc *d) {
    const bool text = d->format == MB_TABLE_TEXT;
    mb_exit_point e[EXIT_POINTS];
    mb_plan *low = NULL, *high = NULL;
    mb_table *t = mb_table_new();
    int cheapest = 0;
    for (int i = 1; i < plan->n_modes; i++)
        if (r[i + 1].energy_J < r[cheapest + 1].energy_J) cheapest = i;
    const mb_cost cost[2] = {{r[cheapest + 1].energy_J, r[cheapest + 1].latency_s, 0}, {r[0].energy_J, r[0].latency_s, 0}};
    int rc = t ? mb_plan_of_mode(plan, cheapest, &low) : mb_nomem();
    if (!rc) rc = mb_plan_of_mode(plan, -1, &high);
    if (!rc) rc = mb_modes_exit(s, low, high, &cost[0], &cost[1], EXIT_POINTS, &meter->progress, e);
    mb_meter_clear(meter);
    static const char *const cols[][2] = {{"threshold", ""}, {"run again", "%"}, {"accuracy", "%"}, {"energy", "J"}, {"latency", "s"}, {"x energy", ""}};
    for (size_t i = 0; i < 6 && !rc; i++) rc = mb_table_column(t, cols[i][0], text && (i == 3 || i == 4) ? "" : cols[i][1], MB_RIGHT);
    for (int i = 0; i < EXIT_POINTS && !rc; i++) {
        char a[48], b[48];
        rc = mb_table_cellf(t, "%.4f", e[i].threshold);
        if (!rc) rc = mb_table_cellf(t, "%.1f", 100 * e[i].rerun);
        if (!rc) rc = mb_table_cellf(t, "%.2f", 100 * e[i].accuracy);
        if (!rc) rc = text ? mb_table_cell(t, mb_fmt_si(a, e[i].energy_J, "J", 3)) : mb_table_cellf(t, "%.9g", e[i].energy_J);
        if (!rc) rc = text ? mb_table_cell(t, mb_fmt_si(b, e[i].latency_s, "s", 3)) : mb_table_cellf(t, "%.9g", e[i].latency_s);
        if (!rc) rc = mb_table_cellf(t, "%.3f", e[i].energy_J / r[0].energy_J);
    }
    mb_str title = {0};
    mb_str_addf(&title, "early exit: %s first, the plan when the two likeliest classes are closer than the threshold", plan->mode[cheapest].name);
    if (!rc) mb_doc_table(d, "early_exit", mb_cstr(&title), t), t = NULL;
    mb_str_free(&title);
    mb_table_free(t);
    mb_plan_free(low);
    mb_plan_free(high);
    return rc;
}

static int tell(mb_setup *s, const options *o, const mb_modes_options *mo, mb_plan *plan, const mb_mode_found *found, int front, mb_meter *meter,
                mb_doc *d) {
    const int n = plan->n_modes;
    const bool text = d->format == MB_TABLE_TEXT;
    mb_point_result *r = mb_calloc((size_t)n + 1, sizeof *r);
    mb_table *t = NULL;
    int rc = r ? new_table(text, &t) : mb_nomem(), done = 0;
    for (int i = -1; i < n && !rc; i++, done++) {
        mb_plan *p = NULL;
        rc = mb_plan_of_mode(plan, i, &p);
        if (!rc) rc = evaluate(s, p, meter, &r[i + 1]);
        if (!rc) rc = row(t, s, p, plan, i < 0 ? "plan" : plan->mode[i].name, i < 0 || !front ? (double)NAN : found[i].predicted, &r[i + 1], r[0].energy_J, text);
        mb_plan_free(p);
    }
    mb_meter_clear(meter);
    if (!rc) {
        mb_doc_text(d, "network", "%s", s->net->name);
        mb_doc_text(d, "machine", "%s", s->mach->name);
        if (front) mb_doc_int(d, "front_points", front);
        mb_doc_int(d, "cells_rewritten", 0);
        mb_doc_real(d, "area_m2", r[0].area_m2, "m2");
        mb_doc_table(d, "modes", "modes on the same cells (accuracy on the test samples, 95 % interval)", t), t = NULL;
    }
    mb_table_free(t);
    if (!rc && o->dedicated) rc = tell_dedicated(s, plan, mo, r, meter, d);
    if (!rc && o->exit) rc = tell_exit(s, plan, r, meter, d);
    for (int i = 0; i < done && r; i++) mb_point_result_free(&r[i]);
    mb_free(r);
    return rc;
}

static int run(const void *opt, int argc, char *const *argv) {
    const options *o = opt;
    mb_modes_options mo = {0};
    mb_mode_found found[COUNT_MAX];
    bits in, adc, weight;
    mb_cli_points e;
    mb_meter meter;
    mb_setup s;
    mb_plan *plan = NULL, *at; /* AT: the plan on what is left of the network */
    mb_point_at on = {0};
    mb_doc d;
    int n = 0, front = 0;
    (void)argc;
    int rc = read_options(o, &mo, &in, &adc, &weight);
    if (!rc && o->output && !o->force && mb_file_exists(o->output)) rc = mb_fail(MB_BADINPUT, "%s: exists; --force replaces it", o->output);
    if (rc) return rc;
    mb_cli_threads(o->threads);
    if ((rc = mb_cli_points_open(argv[0], &o->set, o->point ? o->point : "0", &e))) return rc;
    mb_meter_start(&meter, 1);
    mo.progress = &meter.progress;
    if ((rc = mb_cli_point_load(&e, e.first, true, &s))) {
        mb_cli_points_close(&e);
        return rc;
    }
    mb_doc_begin(&d, o->format);
    rc = o->plan ? mb_plan_load(o->plan, s.net, &plan) : mb_point_map(&s, &meter.progress, &plan, NULL);
    if (!rc) rc = mb_point_at_open(&s, plan, true, &meter.progress, &on);
    at = on.pruned.own_plan ? on.pruned.own_plan : plan;
    if (!rc && !plan->n_modes) rc = mb_modes_find(&on.setup, at, &mo, found, &n, &front);
    if (!rc) rc = tell(&on.setup, o, &mo, at, found, front, &meter, &d);
    mb_meter_clear(&meter);
    if (!rc && at != plan && n > 0) rc = mb_pruned_modes(at, plan);
    if (!rc && o->output) rc = mb_plan_save(plan, o->output);
    if (!rc && o->output) mb_note("the plan with its modes is in %s; evaluate it with `mixbar modes %s -p %s`", o->output, argv[0], o->output);
    mb_point_at_close(&on);
    mb_plan_free(plan);
    mb_setup_free(&s);
    mb_cli_points_close(&e);
    return mb_doc_end(&d, rc);
}

const mb_verb mb_verb_modes = {
    .name = "modes",
    .usage = "EXP.cfg [-p plan.cfg] [-k K] [--dedicated] [--exit] [-s KEY=VALUE]... [-o plan.cfg]",
    .summary = "precision switched at run time on cells programmed once: finds modes of a plan, shows what each costs and loses",
    .details = "A mode leaves the lowest slices of weights unread, drives fewer input bits, converts with fewer bits, layer by layer; nothing is "
               "programmed anew. Losses of single layers are measured on the arrays, the front of loss against cost is complete, and the K points "
               "that cover it best become modes. With arch.weight_code = \"balanced\" what is left of a weight is the rounded weight. --dedicated "
               "shows plans programmed for the cost of each mode alone, --exit runs the cheapest mode first and the plan only for samples "
               "that it is not sure of.",
    .examples = "mixbar modes experiments/quickstart.cfg -s arch.weight_code=balanced -s samples=200\n"
                "mixbar modes experiments/quickstart.cfg -s arch.weight_code=balanced -k 2 --dedicated --exit -o modes.cfg",
    .options = table,
    .size = sizeof(options),
    .min_args = 1,
    .max_args = 1,
    .complete = "file",
    .run = run,
};
