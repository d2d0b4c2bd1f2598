/* verb_help.c - mixbar help [VERB]: the same text as `mixbar VERB --help`, from the option tables */
#include "base/error.h"
#include "cli/common.h"
#include "cli/options.h"

static int run(const void *opt, int argc, char *const *argv) {
    mb_str out = {0};
    (void)opt;
    if (argc == 0) {
        mb_help_overview(&out);
    } else {
        const mb_verb *v = mb_verb_find(argv[0]);
        if (!v) return mb_verb_unknown(argv[0]);
        mb_help_verb(v, &out);
    }
    return mb_cli_write(&out);
}

const mb_verb mb_verb_help = {
    .name = "help",
    .usage = "[VERB]",
    .summary = "show the verbs, or everything about one of them",
    .examples = "mixbar help run",
    .max_args = 1,
    .run = run,
};
