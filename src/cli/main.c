/* main.c - mixbar: find the verb, parse its options, run it, print the error trail, return the exit code */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif

#include <dnnl.h>
#include <gsl/gsl_errno.h>
#include <gsl/gsl_version.h>
#include <jansson.h>
#include <libconfig.h>
#include <omp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "array/kernel.h"
#include "base/error.h"
#include "cli/common.h"
#include "cli/mpi.h"
#include "cli/options.h"

static int print_version(void) {
    const dnnl_version_t *d = dnnl_version();
    const mb_kernel *k = NULL;
    mb_str out = {0};
    int rc = mb_kernel_best(&k);
    if (rc) return rc;
    mb_str_addf(&out, "mixbar %s\n", PACKAGE_VERSION);
    mb_str_addf(&out, "  compiler   %s, OpenMP %d, %d threads at most\n",
#if defined __clang__
                "clang " __clang_version__,
#elif defined __GNUC__
                "gcc " __VERSION__,
#else
                "unknown",
#endif
                _OPENMP, omp_get_max_threads());
    mb_str_addf(&out, "  GSL        %s\n", gsl_version);
    mb_str_addf(&out, "  libconfig  %d.%d.%d\n", LIBCONFIG_VER_MAJOR, LIBCONFIG_VER_MINOR, LIBCONFIG_VER_REVISION);
    mb_str_addf(&out, "  oneDNN     %d.%d.%d\n", d->major, d->minor, d->patch);
    mb_str_addf(&out, "  jansson    %s\n", JANSSON_VERSION);
    mb_str_addf(&out, "  zlib       %s\n", zlibVersion());
    mb_str_addf(&out, "  MPI        %s\n", mb_mpi_version() ? mb_mpi_version() : "none");
    mb_str_addf(&out, "  kernel     %s\n", k->name);
    mb_str_add(&out, "Licence GPL-3.0-or-later; there is no warranty.\n");
    return mb_cli_write(&out);
}

static int run_verb(const mb_verb *v, int argc, char **argv) {
    mb_args a;
    int rc = mb_args_parse(v, argc, argv, &a);
    if (rc) return rc;
    if (a.common.help) {
        mb_str out = {0};
        mb_help_verb(v, &out);
        rc = mb_cli_write(&out);
    } else {
        mb_cli_set_quiet(a.common.quiet);
        rc = v->run(a.opt, a.n_pos, a.pos);
    }
    mb_args_free(v, &a);
    return rc;
}

/* The first word is not a verb. */
static int other_word(const char *word) {
    mb_str out = {0};
    if (strcmp(word, "--help") == 0 || strcmp(word, "-h") == 0) {
        mb_help_overview(&out);
        return mb_cli_write(&out);
    }
    if (strcmp(word, "--version") == 0 || strcmp(word, "-V") == 0) return print_version();
    if (word[0] == '-')
        return mb_fail(MB_USAGE,
                       "unknown option %s; the verb comes first: mixbar VERB [OPTION]... (`mixbar help` lists all verbs)", word);
    return mb_verb_unknown(word);
}

int main(int argc, char **argv) {
    gsl_set_error_handler_off();
    setenv("LC_ALL", "C.UTF-8",
           1); /* for gnuplot: our scripts are UTF-8 whatever the user's locale; mixbar itself never leaves "C" */
    mb_cli_catch_signals();
    int rc;
    if (argc < 2) {
        mb_str out = {0};
        mb_help_overview(&out);
        fputs(mb_cstr(&out), stderr);
        mb_str_free(&out);
        return MB_USAGE;
    }
    const mb_verb *v = mb_verb_find(argv[1]);
    rc = v ? run_verb(v, argc - 2, argv + 2) : other_word(argv[1]);
    int flush = mb_cli_flush();
    if (!rc) rc = flush;
    if (rc != MB_OK && *mb_error_message()) mb_error_print(stderr);
    return rc;
}
