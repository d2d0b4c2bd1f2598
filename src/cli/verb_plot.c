/* verb_plot.c - mixbar plot RUN [KIND]...: plots of a run folder by gnuplot, or the scripts alone */
#include <string.h>

#include "base/error.h"
#include "cli/common.h"
#include "cli/options.h"
#include "run/plot_figure.h"
#include "run/results.h"

typedef struct options {
    const char *format, *kind, *x, *y, *by, *output;
    bool list;
} options;

static const mb_option table[] = {
    MB_OPTION_TEXT(options, kind, 'k', "kind", "KIND", "kind of plot, or several with commas (default: all that make sense)",
                   NULL),
    MB_OPTION_FLAG(options, list, 'l', "list", "list the kinds of plots, with RUN those it has data for, and draw nothing"),
    MB_OPTION_TEXT(options, format, 'f', "format", "FORMAT", "picture format; gp writes the gnuplot scripts only (default: svg)",
                   "svg|png|pdf|gp"),
    MB_OPTION_TEXT(options, x, 'x', "x", "KEY", "swept key along the horizontal axis (lines, heat-map)", NULL),
    MB_OPTION_TEXT(options, by, 'b', "by", "KEY", "swept key with one line, one row of the heat map, or one colour (accuracy-*) for each value", NULL),
    MB_OPTION_TEXT(options, y, 'y', "y", "COLUMN", "column of the results to show: accuracy, energy, edap, ... (lines, heat-map)",
                   NULL),
    MB_OPTION_TEXT(options, output, 'o', "output", "FILE", "the picture of one kind goes to FILE, whose ending is its format, and nothing into the run folder", NULL),
    MB_OPTION_END,
};

static int list(const char *run, mb_str *out) {
    const char *name, *help;
    mb_results r = {0};
    int rc = run ? mb_results_read(run, &r) : MB_OK;
    if (!rc && run) rc = mb_plot_kinds_for(&r, out);
    for (size_t i = 0; !run && mb_plot_kind_at(i, &name, &help); i++) mb_str_addf(out, "%-20s %s\n", name, help);
    mb_results_free(&r);
    return rc;
}

static int draw(const options *o, int argc, char *const *argv, mb_str *files) {
    const char *dot = o->output ? strrchr(o->output, '.') : NULL, *format = o->format ? o->format : dot ? dot + 1 : "svg";
    const mb_plot_options choice = {o->x, o->y, o->by};
    mb_results r = {0};
    mb_str what = {0};
    int rc = MB_OK;
    for (int i = 1; i < argc && !rc; i++) rc = mb_plot_kind_check(argv[i], MB_USAGE);
    if (!rc && argc == 1 && !o->kind && (o->x || o->y || o->by))
        rc = mb_fail(MB_USAGE, "--x, --y and --by go with a kind of plot: --kind lines or --kind heat-map");
    if (!rc && o->output && o->format) rc = mb_fail(MB_USAGE, "the ending of --output is the format: leave --format out");
    if (!rc && o->output && argc - 1 + (o->kind != NULL) != 1) rc = mb_fail(MB_USAGE, "--output takes the picture of one kind: mixbar plot RUN KIND -o FILE");
    if (!rc && o->output) rc = mb_picture_check(o->output);
    if (!rc && strcmp(format, "gp") != 0 && !mb_cli_have_gnuplot()) {
        rc = mb_fail(MB_SYSTEM,
                     "gnuplot was not found in PATH: apt-get install gnuplot-nox, or write the scripts with --format gp");
    }
    if (!rc) rc = mb_results_read(argv[0], &r);
    if (o->kind) mb_str_add(&what, o->kind);
    for (int i = 1; i < argc; i++) mb_str_addf(&what, "%s%s", what.n ? "," : "", argv[i]);
    if (!rc && what.failed) rc = mb_nomem();
    if (!rc && o->output) rc = mb_results_plot_file(&r, mb_cstr(&what), &choice, o->output);
    else if (!rc) rc = mb_results_plot_with(&r, what.n ? mb_cstr(&what) : NULL, format, &choice, files);
    mb_str_free(&what);
    mb_results_free(&r);
    return rc;
}

static int run(const void *opt, int argc, char *const *argv) {
    const options *o = opt;
    mb_str out = {0};
    int rc;
    if (o->list) rc = list(argc ? argv[0] : NULL, &out);
    else if (argc == 0) rc = mb_fail(MB_USAGE, "mixbar plot needs a run folder: mixbar plot RUN [KIND]..., or --list");
    else rc = draw(o, argc, argv, &out);
    if (!rc) rc = mb_cli_write(&out);
    mb_str_free(&out);
    return rc;
}

const mb_verb mb_verb_plot = {
    .name = "plot",
    .usage = "RUN [KIND]... [--kind KIND] [--x KEY] [--by KEY] [--y COLUMN] [--format FORMAT | -o FILE] | --list [RUN]",
    .summary = "draw the results of a run with gnuplot",
    .details = "Writes RUN/plots/KIND.gp, a self-contained gnuplot script with its data, and the picture beside it; prints the "
               "files written. Without kinds all plots that make sense for the run are drawn (`mixbar plot --list RUN`).",
    .examples = "mixbar plot runs/quickstart\nmixbar plot runs/quickstart accuracy-energy --format pdf\nmixbar plot runs/quickstart accuracy-edap -o edap.png\nmixbar plot --list "
                "runs/quickstart\nmixbar plot runs/bits --kind heat-map --x adc_bits --by weight_bits --y edap",
    .options = table,
    .size = sizeof(options),
    .min_args = 0,
    .max_args = -1,
    .complete = "dir",
    .run = run,
};
