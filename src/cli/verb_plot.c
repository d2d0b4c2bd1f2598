/* verb_plot.c - mixbar plot RUN [NAME]...: plots of a run folder by gnuplot, or the scripts alone */
#include <string.h>

#include "base/error.h"
#include "cli/common.h"
#include "cli/options.h"
#include "run/results.h"

typedef struct options {
    const char *format;
} options;

static const mb_option table[] = {
    MB_OPTION_TEXT(options, format, 'f', "format", "FORMAT", "picture format; gp writes the gnuplot scripts only (default: svg)",
                   "svg|png|pdf|gp"),
    MB_OPTION_END,
};

static int run(const void *opt, int argc, char *const *argv) {
    const options *o = opt;
    const char *format = o->format ? o->format : "svg";
    mb_results r = {0};
    mb_str files = {0};
    int rc = MB_OK;
    for (int i = 1; i < argc && !rc; i++) rc = mb_cli_check_plot(argv[i], MB_USAGE);
    if (!rc && strcmp(format, "gp") != 0 && !mb_cli_have_gnuplot()) {
        rc = mb_fail(MB_SYSTEM,
                     "gnuplot was not found in PATH: apt-get install gnuplot-nox, or write the scripts with --format gp");
    }
    if (!rc) rc = mb_results_read(argv[0], &r);
    if (!rc && argc == 1) rc = mb_results_plot(&r, NULL, format, &files);
    for (int i = 1; i < argc && !rc; i++) rc = mb_results_plot(&r, argv[i], format, &files);
    if (!rc) rc = mb_cli_write(&files);
    mb_str_free(&files);
    mb_results_free(&r);
    return rc;
}

const mb_verb mb_verb_plot = {
    .name = "plot",
    .usage = "RUN [NAME]... [--format FORMAT]",
    .summary = "draw the results of a run with gnuplot",
    .details = "Writes RUN/plots/NAME.gp, a self-contained gnuplot script with its data, and the picture beside it; prints the "
               "files written. "
               "Without names all plots that make sense for the run are drawn (`mixbar list plots`).",
    .examples = "mixbar plot runs/quickstart\nmixbar plot runs/quickstart accuracy-energy --format pdf",
    .options = table,
    .size = sizeof(options),
    .min_args = 1,
    .max_args = -1,
    .complete = "dir",
    .run = run,
};
