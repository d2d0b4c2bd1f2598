/* verb_list.c - mixbar list [KIND]: everything that comes in variants, from the registries and parameter tables */
#include <string.h>

#include "array/adc.h"
#include "array/cell.h"
#include "array/kernel.h"
#include "base/error.h"
#include "base/file.h"
#include "base/mem.h"
#include "cli/common.h"
#include "cli/doc.h"
#include "cli/options.h"
#include "cost/baseline.h"
#include "cost/component.h"
#include "cost/machine.h"
#include "cost/macro.h"
#include "mapping/policy.h"
#include "mapping/sensitivity.h"
#include "mapping/solver.h"
#include "nn/dataset.h"
#include "nn/family.h"
#include "nn/op.h"
#include "run/experiment.h"
#include "run/sweep.h"
#include "run/training.h"
#include "run/results.h"

typedef struct options {
    const char *format;
} options;

static const mb_option table[] = {
    MB_OPTION_TEXT(options, format, 'f', "format", "FORMAT", "form of the answer", MB_CLI_FORMATS),
    MB_OPTION_END,
};

/* --- rows "kind, name, summary, about" ----------------------------------------------------------------------------- */

typedef struct rows {
    mb_table *t;
    bool about, all; /* the last column is wanted; every kind is listed */
} rows;

static int add(const rows *r, const char *kind, const char *name, const char *summary, const char *about) {
    int rc = mb_table_cell(r->t, kind);
    if (!rc) rc = mb_table_cell(r->t, name);
    if (!rc) rc = mb_table_cell(r->t, summary);
    if (!rc && r->about) rc = mb_table_cell(r->t, about ? about : "");
    return rc;
}

static int add_cells(const rows *r) {
    int rc = MB_OK;
    for (size_t i = 0; mb_cells[i] && !rc; i++)
        rc = add(r, "cell", mb_cells[i]->name, mb_cells[i]->summary, mb_cells[i]->reference);
    return rc;
}

static int add_preset_kind(const rows *r, const char *kind, const char *folder);

/* Types, then the presets, which are types with the numbers of a device. */
static int add_cells_and_presets(const rows *r) {
    int rc = add_cells(r);
    if (!rc && !r->all) rc = mb_table_rule(r->t);
    return rc || r->all ? rc : add_preset_kind(r, "device preset", "devices");
}

static int add_adcs(const rows *r) {
    int rc = MB_OK;
    for (size_t i = 0; mb_adcs[i] && !rc; i++) rc = add(r, "adc", mb_adcs[i]->name, mb_adcs[i]->summary, mb_adcs[i]->reference);
    return rc;
}

static int add_policies(const rows *r) {
    int rc = MB_OK;
    for (size_t i = 0; mb_policies[i] && !rc; i++)
        rc = add(r, "policy", mb_policies[i]->name, mb_policies[i]->summary, mb_policies[i]->reference);
    return rc;
}

static int add_solvers(const rows *r) {
    int rc = MB_OK;
    for (size_t i = 0; mb_solvers[i] && !rc; i++) rc = add(r, "solver", mb_solvers[i]->name, mb_solvers[i]->summary, mb_solvers[i]->reference);
    return rc;
}

static int add_sensitivities(const rows *r) {
    int rc = MB_OK;
    for (size_t i = 0; mb_sensitivities[i] && !rc; i++)
        rc = add(r, "sensitivity", mb_sensitivities[i]->name, mb_sensitivities[i]->summary, mb_sensitivities[i]->reference);
    return rc;
}

static int add_baselines(const rows *r) {
    int rc = MB_OK;
    for (size_t i = 0; mb_baselines[i] && !rc; i++)
        rc = add(r, "baseline", mb_baselines[i]->name, mb_baselines[i]->summary, mb_baselines[i]->reference);
    return rc;
}

static int add_preset_kind(const rows *r, const char *kind, const char *folder);

/* Kinds, then the published macros. */
static int add_macros(const rows *r) {
    int rc = MB_OK;
    for (size_t i = 0; mb_macros[i] && !rc; i++)
        rc = add(r, "kind of macro", mb_macros[i]->name, mb_macros[i]->summary, mb_macros[i]->reference);
    if (!rc && !r->all) rc = mb_table_rule(r->t);
    return rc || r->all ? rc : add_preset_kind(r, "macro", "macros");
}

static int add_operators(const rows *r) {
    int rc = MB_OK;
    for (size_t i = 0; mb_ops[i] && !rc; i++) {
        mb_str onnx = {0};
        mb_str_add(&onnx, mb_ops[i]->onnx && mb_ops[i]->onnx[0] ? "ONNX:" : "");
        for (size_t k = 0; mb_ops[i]->onnx && mb_ops[i]->onnx[k]; k++) mb_str_addf(&onnx, " %s", mb_ops[i]->onnx[k]);
        rc = onnx.failed ? mb_nomem() : add(r, "operator", mb_ops[i]->name, mb_ops[i]->summary, mb_cstr(&onnx));
        mb_str_free(&onnx);
    }
    return rc;
}

static int add_kernels(const rows *r) {
    const mb_kernel *best = NULL;
    int rc = mb_kernel_best(&best);
    for (size_t i = 0; mb_kernels[i] && !rc; i++) {
        const mb_kernel *k = mb_kernels[i];
        rc = add(r, "kernel", k->name, k->summary,
                 k == best        ? "used on this machine"
                 : k->supported() ? "supported here"
                                  : "not supported here");
    }
    return rc;
}

static int add_components(const rows *r) {
    int rc = MB_OK;
    const mb_component *c;
    for (size_t i = 0; (c = mb_component_at(i)) != NULL && !rc; i++) rc = add(r, "component", c->name, c->summary, c->family);
    return rc;
}

static int add_families(const rows *r) {
    int rc = MB_OK;
    for (size_t i = 0; mb_families[i] && !rc; i++)
        rc = add(r, "family", mb_families[i]->name, mb_families[i]->summary, mb_families[i]->reference);
    return rc;
}

static int add_plots(const rows *r) {
    int rc = MB_OK;
    const char *name, *help;
    for (size_t i = 0; mb_plot_kind_at(i, &name, &help) && !rc; i++) rc = add(r, "plot", name, help, "");
    return rc;
}

static int add_verbs(const rows *r) {
    int rc = MB_OK;
    for (size_t i = 0; mb_verbs[i] && !rc; i++) rc = add(r, "verb", mb_verbs[i]->name, mb_verbs[i]->summary, "");
    return rc;
}

/* The first comment of a preset file, "# what it is"; only its first sentence. */
static void first_comment(const char *path, mb_str *out) {
    uint8_t *data = NULL;
    size_t size = 0;
    if (mb_file_read(path, 1 << 20, &data, &size)) mb_error_clear(); /* those who use the preset are told */
    else if (size && data[0] == '#') {
        const char *s = (const char *)data + 1 + strspn((const char *)data + 1, "# ");
        size_t n = strcspn(s, "\n");
        for (size_t i = 0; i + 1 < n; i++) {
            if (s[i] == '.' && s[i + 1] == ' ') n = i;
        }
        mb_str_addn(out, s, n);
    }
    mb_free(data);
}

/* Presets of one folder kind, with their paths. */
static int add_preset_kind(const rows *r, const char *kind, const char *folder) {
    char **name = NULL, **path = NULL;
    size_t n = 0;
    int rc = mb_preset_list(folder, ".", &name, &path, &n);
    for (size_t i = 0; i < n; i++) {
        if (!rc) {
            mb_str summary = {0};
            first_comment(path[i], &summary);
            rc = summary.failed ? mb_nomem() : add(r, kind, name[i], mb_cstr(&summary), path[i]);
            mb_str_free(&summary);
        }
        mb_free(name[i]);
        mb_free(path[i]);
    }
    mb_free(name);
    mb_free(path);
    return rc;
}

static int add_presets(const rows *r) {
    static const char *const folder[][2] = {
        {"device preset", "devices"}, {"arch preset", "arch"}, {"baseline preset", "baselines"}, {"dataset preset", "data"}, {"macro", "macros"}};
    int rc = MB_OK;
    for (size_t i = 0; i < sizeof folder / sizeof *folder && !rc; i++) rc = add_preset_kind(r, folder[i][0], folder[i][1]);
    return rc;
}

static int add_datasets(const rows *r) {
    int rc = MB_OK;
    for (size_t i = 0; mb_dataset_types[i] && !rc; i++) {
        rc = add(r, "dataset format", mb_dataset_types[i]->name, mb_dataset_types[i]->summary, mb_dataset_types[i]->reference);
    }
    return rc || r->all ? rc : add_preset_kind(r, "dataset preset", "data"); /* among the presets when everything is listed */
}

/* The kinds of the command line. ABOUT: the last column is short enough to be shown in text, too. */
static const struct {
    int (*add)(const rows *r);
    bool about;
} kinds[] = {
    {add_cells_and_presets, false}, {add_adcs, false},   {add_policies, false}, {add_baselines, false}, {add_operators, true},
    {add_datasets, false}, {add_kernels, true}, {add_components, true}, {add_macros, false}, {add_presets, true},   {add_plots, false},     {add_verbs, false},
    {add_families, false}, {add_solvers, false}, {add_sensitivities, false},
};
#define KINDS "cells|adcs|policies|baselines|operators|datasets|kernels|components|macros|presets|plots|verbs|families|solvers|sensitivities" /* in the order of kinds[] */
#define ALL_KINDS KINDS "|params|options"

/* --- parameters and options ---------------------------------------------------------------------------------------- */

static int add_params(mb_table *t) {
    mb_str with = {0};
    int rc = mb_param_table_add(t, "", mb_experiment_params, NULL, "");
    if (!rc) rc = mb_param_table_add(t, "", mb_draws_params, NULL, "");
    if (!rc) rc = mb_param_table_add(t, "trials.", mb_trials_params, NULL, "optional");
    if (!rc) rc = mb_param_table_add(t, "dataset.", mb_dataset_params, NULL, "");
    for (size_t i = 0; mb_dataset_types[i] && !rc; i++) {
        mb_str_clear(&with);
        mb_str_addf(&with, "format = %s", mb_dataset_types[i]->name);
        rc = mb_param_table_add(t, "dataset.", mb_dataset_types[i]->params, NULL, mb_cstr(&with));
    }
    if (!rc) rc = mb_param_table_add(t, "calibration.", mb_calibration_params, NULL, "");
    if (!rc) rc = mb_param_table_add(t, "read.", mb_read_params, NULL, "");
    if (!rc) rc = mb_param_table_add(t, "sweep.", mb_sweep_params, NULL, "optional");
    if (!rc) rc = mb_param_table_add(t, "sweep.axes[].", mb_sweep_axis_params, NULL, "optional");
    if (!rc) rc = mb_param_table_add(t, "train.", mb_train_params, NULL, "");
    if (!rc) rc = mb_param_table_add(t, "train.", mb_training_params, NULL, "");
    if (!rc) rc = mb_param_table_add(t, "map.", mb_assign_params, NULL, "");
    if (!rc) rc = mb_param_table_add(t, "map.budget.", mb_metric_params, NULL, "optional");
    for (size_t i = 0; mb_policies[i] && !rc; i++) {
        mb_str_clear(&with);
        mb_str_addf(&with, "policy = %s", mb_policies[i]->name);
        rc = mb_param_table_add(t, "map.", mb_policies[i]->params, NULL, mb_cstr(&with));
    }
    for (size_t i = 0; mb_sensitivities[i] && !rc; i++) {
        mb_str_clear(&with);
        mb_str_addf(&with, "sensitivity = %s", mb_sensitivities[i]->name);
        if (mb_sensitivities[i]->params) rc = mb_param_table_add(t, "map.sensitivity_options.", mb_sensitivities[i]->params, NULL, mb_cstr(&with));
    }
    for (size_t i = 0; mb_solvers[i] && !rc; i++) {
        mb_str_clear(&with);
        mb_str_addf(&with, "solver = %s", mb_solvers[i]->name);
        if (mb_solvers[i]->params) rc = mb_param_table_add(t, "map.solver_options.", mb_solvers[i]->params, NULL, mb_cstr(&with));
    }
    if (!rc) rc = mb_param_table_add(t, "arch.", mb_machine_params, NULL, "");
    for (size_t i = 0; mb_adcs[i] && !rc; i++) {
        mb_str_clear(&with);
        mb_str_addf(&with, "type = %s", mb_adcs[i]->name);
        rc = mb_param_table_add(t, "arch.adc.", mb_adcs[i]->params, NULL, mb_cstr(&with));
    }
    for (size_t i = 0; mb_cells[i] && !rc; i++) {
        mb_str_clear(&with);
        mb_str_addf(&with, "cell = %s", mb_cells[i]->name);
        rc = mb_param_table_add(t, "device.", mb_cells[i]->params, NULL, mb_cstr(&with));
    }
    for (size_t i = 0; mb_baselines[i] && !rc; i++) {
        mb_str_clear(&with);
        mb_str_addf(&with, "kind = %s", mb_baselines[i]->name);
        rc = mb_param_table_add(t, "against[0].", mb_baselines[i]->params, NULL, mb_cstr(&with));
    }
    if (with.failed && !rc) rc = mb_nomem();
    mb_str_free(&with);
    return rc;
}

static int add_option_rows(mb_table *t, const char *verb, const mb_option *o) {
    int rc = MB_OK;
    for (; o && o->kind != MB_OPT_END && !rc; o++) {
        rc = mb_table_cell(t, verb);
        if (!rc) rc = o->brief ? mb_table_cellf(t, "-%c", o->brief) : mb_table_cell(t, "");
        if (!rc) rc = mb_table_cellf(t, "--%s", o->name);
        if (!rc) rc = mb_table_cell(t, o->arg ? o->arg : "");
        if (!rc) rc = mb_table_cell(t, o->help);
    }
    return rc;
}

static int list_options(mb_table *t) {
    static const char *const columns[][3] = {{"verb", "", "l"},     {"brief", "", "l"},   {"option", "", "l"},
                                             {"argument", "", "l"}, {"meaning", "", "l"}, {NULL, NULL, NULL}};
    int rc = mb_cli_columns(t, columns);
    for (size_t i = 0; mb_verbs[i] && !rc; i++) rc = add_option_rows(t, mb_verbs[i]->name, mb_verbs[i]->options);
    return rc ? rc : add_option_rows(t, "(all)", mb_common_options);
}

/* --- the verb ------------------------------------------------------------------------------------------------------ */

static int list_kind(mb_table *t, int kind, bool text) {
    enum { N = sizeof kinds / sizeof *kinds };
    rows r = {t, !text || (kind >= 0 && kinds[kind].about), kind < 0};
    int rc = mb_table_column(t, "kind", "", MB_LEFT);
    if (!rc) rc = mb_table_column(t, "name", "", MB_LEFT);
    if (!rc) rc = mb_table_column(t, "summary", "", MB_LEFT);
    if (!rc && r.about) rc = mb_table_column(t, "about", "", MB_LEFT);
    if (kind >= 0) return rc ? rc : kinds[kind].add(&r);
    for (int i = 0; i < N && !rc; i++) {
        rc = mb_table_rule(t);
        if (!rc) rc = kinds[i].add(&r);
    }
    return rc;
}

static int run(const void *opt, int argc, char *const *argv) {
    const options *o = opt;
    mb_str out = {0};
    int kind = argc ? mb_choice_index(ALL_KINDS, argv[0]) : -1;
    if (argc && kind < 0) return mb_choice_unknown("kind", ALL_KINDS, argv[0]);
    bool params = argc && strcmp(argv[0], "params") == 0;
    mb_table *t = params ? mb_param_table_new(false, true) : mb_table_new();
    int rc = t ? MB_OK : mb_nomem();
    if (!rc && params) rc = add_params(t);
    else if (!rc && argc && strcmp(argv[0], "options") == 0) rc = list_options(t);
    else if (!rc) rc = list_kind(t, kind, mb_cli_table_format(o->format) == MB_TABLE_TEXT);
    if (!rc) mb_table_write(t, mb_cli_table_format(o->format), &out);
    mb_table_free(t);
    if (!rc) rc = mb_cli_write(&out);
    mb_str_free(&out);
    return rc;
}

const mb_verb mb_verb_list = {
    .name = "list",
    .usage = "[" ALL_KINDS "]",
    .summary = "list what there is: cells, converters, policies, baselines, presets, parameters...",
    .details = "Without a kind everything that has a name is listed. `list params` is the reference of all keys of an "
               "experiment: each can be set in the file, "
               "with -s KEY=VALUE, and swept. `mixbar show` tells more about one of the names.",
    .examples = "mixbar list\nmixbar list params\nmixbar list presets --format json",
    .options = table,
    .size = sizeof(options),
    .max_args = 1,
    .complete = ALL_KINDS,
    .run = run,
};
