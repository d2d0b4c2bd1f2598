/* verb_completion.c - mixbar completion bash: a completion script made from the option tables */
#include <string.h>

#include "base/error.h"
#include "cli/common.h"
#include "cli/options.h"

static int run(const void *opt, int argc, char *const *argv) {
    mb_str out = {0};
    (void)opt;
    (void)argc;
    if (mb_choice_index("bash", argv[0]) < 0) return mb_choice_unknown("shell", "bash", argv[0]);
    mb_completion_bash(&out);
    return mb_cli_write(&out);
}

const mb_verb mb_verb_completion = {
    .name = "completion",
    .usage = "bash",
    .summary = "print a completion script for the shell",
    .details =
        "Completes verbs, options, their values and file names. For the current shell: eval \"$(mixbar completion bash)\"; "
        "for all shells, put the output into ~/.local/share/bash-completion/completions/mixbar.",
    .examples = "mixbar completion bash",
    .min_args = 1,
    .max_args = 1,
    .complete = "bash",
    .run = run,
};
