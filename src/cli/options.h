/* options.h - command lines, help and completion from the tables of cli.h
 *
 * Accepted: -j 2, -j2, --threads 2, --threads=2, combined flags (-qf), options before and after positional arguments, "--" ends
 * the options, "-" is positional.
 */
#ifndef MB_CLI_OPTIONS_H
#define MB_CLI_OPTIONS_H

#include "base/str.h"
#include "cli/cli.h"

/* Options that every verb has. */
typedef struct mb_common {
    bool help, quiet;
} mb_common;
extern const mb_option mb_common_options[];

/* A parsed command line. OPT is the verb's struct; its texts point into the ARGV that was parsed. Release with mb_args_free. */
typedef struct mb_args {
    void *opt;
    mb_common common;
    char **pos;
    int n_pos;
} mb_args;

/* MB_USAGE: unknown option (the message names the nearest one), missing, superfluous or malformed value, wrong number of
 * positional arguments. With --help the number of positional arguments is not checked. */
int mb_args_parse(const mb_verb *v, int argc, char *const *argv, mb_args *a);
void mb_args_free(const mb_verb *v, mb_args *a);

const mb_verb *mb_verb_find(const char *name); /* NULL when unknown */
int mb_verb_unknown(const char *name);         /* MB_USAGE with the nearest verb */

/* MB_USAGE: WHAT has no WORD, did you mean ...? CHOICES as "a|b|c". */
int mb_choice_unknown(const char *what, const char *choices, const char *word);

void mb_help_overview(mb_str *out);
void mb_help_verb(const mb_verb *v, mb_str *out);
void mb_completion_bash(mb_str *out);

#endif
