/* verb_fit.c - mixbar fit cell NAME DATA.csv... -o CELL.cfg: from measurements to a memory cell that runs */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/file.h"
#include "base/mem.h"
#include "cli/common.h"
#include "cli/doc.h"
#include "cli/options.h"
#include "run/fit.h"
#include "run/plot_figure.h"

typedef struct options {
    mb_strings set;
    const char *output, *base, *plot, *model, *distribution, *criterion, *outliers, *format;
} options;

static const mb_option table[] = {
    MB_OPTION_TEXT(options, output, 'o', "output", "FILE", "the preset to write, .cfg", "file"),
    MB_OPTION_TEXT(options, base, 'b', "base", "PRESET", "a preset of the generic cell for what was not measured (default: its defaults)", "file"),
    MB_OPTION_LIST(options, set, 's', "set", "KEY=VALUE", "a parameter that was not measured, or instead of what was fitted; may be repeated"),
    MB_OPTION_TEXT(options, plot, 'p', "plot", "FILE", "draw data over model: .svg, .png, .pdf, or .gp (script)", "file"),
    MB_OPTION_TEXT(options, model, 'm', "model", "MODEL", "programming error over conductance (default: auto, the best of the formulas)",
                   "auto|constant|proportional|linear|quadratic|table"),
    MB_OPTION_TEXT(options, distribution, 0, "distribution", "NAME", "distribution of the programming error (default: auto)",
                   "auto|gaussian|lognormal"),
    MB_OPTION_TEXT(options, criterion, 0, "criterion", "NAME", "what candidates are compared by (default: aicc)", "aicc|bic"),
    MB_OPTION_TEXT(options, outliers, 0, "outliers", "K", "leave out beyond K robust standard deviations; 0: keep all (default: 5)", NULL),
    MB_OPTION_TEXT(options, format, 'f', "format", "FORMAT", "form of the answer", MB_CLI_FORMATS),
    MB_OPTION_END,
};

static int number(mb_table *t, double v, const char *fmt_digits) {
    const int digits = (int)strlen(fmt_digits);
    return isfinite(v) ? mb_table_cellf(t, "%.*g", digits, v) : mb_table_cell(t, "");
}

static int source_table(mb_doc *d, const mb_fit *fit) {
    static const char *const columns[][3] = {{"data", "", "l"}, {"kind", "", "l"}, {"rows", "", "r"}, {"missing", "", "r"}, {"used", "", "r"}, {"outliers", "", "r"}, {NULL, NULL, NULL}};
    mb_table *t = mb_table_new();
    int rc = t ? mb_cli_columns(t, columns) : mb_nomem();
    for (size_t i = 0; i < fit->n_source && !rc; i++) {
        const mb_fit_source *s = &fit->source[i];
        rc = mb_table_cell(t, s->file);
        if (!rc) rc = mb_table_cell(t, s->kind);
        if (!rc) rc = mb_table_cellf(t, "%zu", s->rows);
        if (!rc) rc = mb_table_cellf(t, "%zu", s->missing);
        if (!rc) rc = mb_table_cellf(t, "%zu", s->used);
        if (!rc) rc = mb_table_cellf(t, "%zu", s->outliers);
    }
    if (rc) mb_table_free(t);
    else mb_doc_table(d, "data", NULL, t);
    return rc;
}

static int candidate_table(mb_doc *d, const mb_fit *fit) {
    static const char *const columns[][3] = {{"quantity", "", "l"}, {"model", "", "l"}, {"parameters", "", "r"}, {"points", "", "r"}, {"-ln L", "", "r"}, {"AICc", "", "r"}, {"BIC", "", "r"}, {"difference", "", "r"}, {"chosen", "", "l"}, {NULL, NULL, NULL}};
    mb_table *t = mb_table_new();
    int rc = t ? mb_cli_columns(t, columns) : mb_nomem();
    for (size_t i = 0; i < fit->n_candidate && !rc; i++) {
        const mb_fit_candidate *c = &fit->candidate[i];
        rc = mb_table_cell(t, c->quantity);
        if (!rc) rc = mb_table_cell(t, c->model);
        if (!rc) rc = mb_table_cellf(t, "%d", c->k);
        if (!rc) rc = mb_table_cellf(t, "%.0f", c->n);
        if (!rc) rc = number(t, c->nll, "1234567");
        if (!rc) rc = number(t, c->aicc, "1234567");
        if (!rc) rc = number(t, c->bic, "1234567");
        if (!rc) rc = number(t, c->delta, "1234");
        if (!rc) rc = mb_table_cell(t, c->chosen ? "yes" : "");
    }
    if (rc) mb_table_free(t);
    else mb_doc_table(d, "candidates", "candidates (difference to the best of its quantity; of those within 2 the one with the fewest parameters)", t);
    return rc;
}

static int value_table(mb_doc *d, const mb_fit *fit) {
    static const char *const columns[][3] = {{"key", "", "l"}, {"value", "", "r"}, {"uncertainty", "", "r"}, {"points", "", "r"}, {"meaning", "", "l"}, {NULL, NULL, NULL}};
    mb_table *t = mb_table_new();
    int rc = t ? mb_cli_columns(t, columns) : mb_nomem();
    for (size_t i = 0; i < fit->n_value && !rc; i++) {
        const mb_fit_value *v = &fit->value[i];
        for (int k = 0; k < (*v->text ? 1 : v->n) && !rc; k++) {
            if (v->list && v->n > 1) rc = mb_table_cellf(t, "%s[%d]", v->key, k);
            else rc = mb_table_cell(t, v->key);
            if (!rc) rc = *v->text ? mb_table_cell(t, v->text) : number(t, v->v[k], "123456");
            if (!rc) rc = *v->text ? mb_table_cell(t, "") : number(t, v->se[k], "12");
            if (!rc) rc = mb_table_cellf(t, "%zu", v->points);
            if (!rc) rc = mb_table_cell(t, k ? "" : v->how);
        }
    }
    if (rc) mb_table_free(t);
    else mb_doc_table(d, "parameters", "parameters (uncertainty: one standard error)", t);
    return rc;
}

static int quality_table(mb_doc *d, const mb_fit *fit) {
    static const char *const columns[][3] = {{"quantity", "", "l"}, {"points", "", "r"}, {"chi2/dof", "", "r"}, {"dof", "", "r"}, {"p", "", "r"}, {"KS", "", "r"}, {"KS_p", "", "r"}, {NULL, NULL, NULL}};
    mb_table *t = mb_table_new();
    int rc = t && fit->n_quality ? mb_cli_columns(t, columns) : t ? MB_OK : mb_nomem();
    for (size_t i = 0; i < fit->n_quality && !rc; i++) {
        const mb_fit_quality *q = &fit->quality[i];
        rc = mb_table_cell(t, q->quantity);
        if (!rc) rc = mb_table_cellf(t, "%zu", q->n);
        if (!rc) rc = number(t, q->dof > 0 ? q->chi2 / q->dof : (double)NAN, "1234");
        if (!rc) rc = mb_table_cellf(t, "%.0f", q->dof > 0 ? q->dof : 0);
        if (!rc) rc = number(t, q->p, "123");
        if (!rc) rc = number(t, q->ks, "123");
        if (!rc) rc = number(t, q->ks_p, "123");
    }
    if (rc || !fit->n_quality) mb_table_free(t);
    else
        mb_doc_table(d, "goodness",
                     "goodness of fit (chi2 of the spreads in groups, or of the exponents; KS: residuals against a normal distribution, with fitted "
                     "parameters p is on the high side)",
                     t);
    return rc;
}

static int answer(mb_doc *d, const options *o, const char *name, const mb_fit *fit) {
    mb_doc_text(d, "cell", "%s", name);
    if (o->output) mb_doc_text(d, "written", "%s", o->output);
    int rc = source_table(d, fit);
    if (!rc) rc = value_table(d, fit);
    if (!rc && fit->n_candidate) rc = candidate_table(d, fit);
    if (!rc) rc = quality_table(d, fit);
    if (d->format == MB_TABLE_JSON && !rc) {
        mb_doc_open(d, "notes", '[', NULL);
        for (const char *s = mb_cstr(&fit->notes); *s;) {
            const size_t n = strcspn(s, "\n");
            char *line = mb_strndup(s, n);
            if (line) mb_json_str(&d->json, NULL, line);
            mb_free(line);
            s += n + (s[n] == '\n');
        }
        mb_doc_close(d, ']');
    }
    for (const char *s = mb_cstr(&fit->notes); *s && !rc;) {
        const size_t n = strcspn(s, "\n");
        mb_note("%.*s", (int)n, s);
        s += n + (s[n] == '\n');
    }
    return rc;
}

/* The generic cell with what is known: the preset BASE, else the defaults. */
static int open_base(const char *base, const mb_strings *set, mb_conf **root, char **file) {
    mb_cell cell = {0};
    int rc = mb_cli_cell_open(base ? base : "generic", set, root, &cell, file);
    if (!rc && strcmp(cell.type->name, "generic") != 0)
        rc = mb_fail(MB_BADINPUT, "%s is a cell of type %s: a fit fills the parameters of `generic`; begin with a preset of that", base,
                     cell.type->name);
    mb_cell_free(&cell);
    return rc;
}

static int run(const void *opt, int argc, char *const *argv) {
    const options *o = opt;
    mb_fit_options fo = {.name = argv[1], .outliers = 5};
    mb_fit fit = {0};
    mb_conf *root = NULL;
    mb_str preset = {0}, script = {0};
    mb_doc d;
    char *file = NULL;
    if (mb_choice_index("cell", argv[0]) < 0) return mb_choice_unknown("kind", "cell", argv[0]);
    fo.criterion = o->criterion && strcmp(o->criterion, "bic") == 0 ? MB_FIT_BIC : MB_FIT_AICC;
    fo.table = o->model && strcmp(o->model, "table") == 0;
    fo.shape = o->model && !fo.table && strcmp(o->model, "auto") != 0 ? o->model : NULL;
    fo.distribution = o->distribution && strcmp(o->distribution, "auto") != 0 ? o->distribution : NULL;
    int rc = o->plot ? mb_picture_check(o->plot) : MB_OK;
    if (!rc && o->plot && strcmp(o->plot + strlen(o->plot) - 3, ".gp") != 0 && !mb_cli_have_gnuplot())
        rc = mb_fail(MB_SYSTEM, "gnuplot was not found in PATH: apt-get install gnuplot-nox, or write the script with --plot FILE.gp");
    if (!rc && o->outliers) {
        char *end;
        fo.outliers = strtod(o->outliers, &end);
        if (end == o->outliers || *end || !(fo.outliers == 0 || (fo.outliers >= 2 && fo.outliers <= 1000)))
            rc = mb_fail(MB_USAGE, "option --outliers wants 0 or a number from 2 to 1000, not \"%s\"", o->outliers);
    }
    if (!rc && o->output) {
        const size_t n = strlen(o->output);
        if (n < 5 || strcmp(o->output + n - 4, ".cfg") != 0) rc = mb_fail(MB_USAGE, "option --output: a preset's name ends in .cfg, not \"%s\"", o->output);
    }
    if (!rc) rc = open_base(o->base, &o->set, &root, &file);
    if (!rc) fo.base = mb_conf_find(root, "x");
    if (!rc) rc = mb_fit_files((const char *const *)(argv + 2), (size_t)(argc - 2), &fo, &fit);
    if (!rc) rc = mb_fit_preset(&fit, &fo, &preset);
    if (!rc && o->plot) rc = mb_fit_plot(&fit, &fo, &script);
    if (!rc && o->plot) rc = mb_picture_write(o->plot, &script);
    if (!rc && o->output) rc = mb_file_write(o->output, mb_cstr(&preset), preset.n);
    if (!rc) {
        mb_doc_begin(&d, o->format);
        rc = mb_doc_end(&d, answer(&d, o, argv[1], &fit));
        if (!rc && !o->output) mb_note("nothing is written; -o %s.cfg writes the preset", strchr(argv[1], '/') ? "my_cell" : argv[1]);
    }
    mb_str_free(&preset);
    mb_str_free(&script);
    mb_fit_free(&fit);
    mb_conf_free(root);
    mb_free(file);
    return rc;
}

const mb_verb mb_verb_fit = {
    .name = "fit",
    .usage = "cell NAME DATA.csv... -o CELL.cfg [--plot FILE] [--model MODEL] [-s KEY=VALUE]...",
    .summary = "from measured data to a memory cell: chooses and fits the model, writes a preset that runs at once",
    .details = "NAME is the name of the new cell. The header of each file names "
               "columns and units: target_uS,measured_uS (programming error); time_s,conductance_uS with cell (drift and read noise); "
               "cell,conductance_uS repeated (read noise); voltage_V,current_uA with cell (shape of the current). Columns can be joined: "
               "cell,target_uS,time_s,conductance_uS gives all but the current. Units: S, s, V, A, ohm with prefixes, min, h, d, y. Missing values: "
               "an empty field or NA. Candidates are compared by AICc or BIC; --model table takes the measured distribution as it is.",
    .examples = "mixbar fit cell my_cell pairs.csv series.csv -o my_cell.cfg --plot my_cell.png\nmixbar fit cell my_cell pairs.csv --model table "
                "-o my_cell.cfg\nmixbar fit cell my_cell series.csv -s g_max_S=40e-6 -s g_min_S=1e-6 -o my_cell.cfg",
    .options = table,
    .size = sizeof(options),
    .min_args = 3,
    .max_args = -1,
    .complete = "cell",
    .run = run,
};
