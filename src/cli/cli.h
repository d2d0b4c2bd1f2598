/* cli.h - verbs, options, help. One verb = one file verb_NAME.c that defines `const mb_verb mb_verb_NAME`, and one line in
 * local.mk.
 *
 * stdout is the answer, stderr the rest. A verb returns the exit code (base/error.h); the caller prints the trail.
 */
#ifndef MB_CLI_CLI_H
#define MB_CLI_CLI_H

#include <stdbool.h>
#include <stddef.h>

typedef enum { MB_OPT_END, MB_OPT_FLAG, MB_OPT_TEXT, MB_OPT_INT, MB_OPT_LIST } mb_opt_kind; /* LIST: may be repeated */

typedef struct mb_strings {
    const char **v;
    size_t n;
} mb_strings;

/* One option: the row gives parsing, --help, completion, and what the test of the manual page looks for. */
typedef struct mb_option {
    char brief;       /* 'j', or 0 */
    const char *name; /* "threads" for --threads */
    mb_opt_kind kind;
    const char *arg; /* "N", shown in help */
    const char *help;
    const char *complete; /* "file", "dir", "a|b|c" (then nothing else is accepted) or NULL */
    int lo, hi;           /* INT: allowed range; not given is 0 */
    size_t offset;        /* into the verb's option struct */
} mb_option;

/* Rows whose field has the right C type, checked at compile time. */
#define MB_OPT_FIELD_(s, f, T) (offsetof(s, f) + 0 * sizeof(char[_Generic(&((s *)0)->f, T * : 1)]))
#define MB_OPTION_FLAG(s, f, brief, name, help)                                                                                  \
    { brief, name, MB_OPT_FLAG, NULL, help, NULL, 0, 0, MB_OPT_FIELD_(s, f, bool) }
#define MB_OPTION_TEXT(s, f, brief, name, arg, help, complete)                                                                   \
    { brief, name, MB_OPT_TEXT, arg, help, complete, 0, 0, MB_OPT_FIELD_(s, f, const char *) }
#define MB_OPTION_INT(s, f, brief, name, arg, lo, hi, help)                                                                      \
    { brief, name, MB_OPT_INT, arg, help, NULL, lo, hi, MB_OPT_FIELD_(s, f, int) }
#define MB_OPTION_LIST(s, f, brief, name, arg, help)                                                                             \
    { brief, name, MB_OPT_LIST, arg, help, NULL, 0, 0, MB_OPT_FIELD_(s, f, mb_strings) }
#define MB_OPTION_END                                                                                                            \
    { 0, NULL, MB_OPT_END, NULL, NULL, NULL, 0, 0, 0 }

typedef struct mb_verb {
    const char *name;
    const char *usage;    /* after "mixbar NAME ": "EXP.cfg [-s KEY=VALUE]... " */
    const char *summary;  /* one line */
    const char *details;  /* paragraphs for `mixbar help NAME` */
    const char *examples; /* lines "mixbar ..." */
    const mb_option *options;
    size_t size;                                              /* of the option struct (zeroed, then filled) */
    int min_args, max_args;                                   /* positional; max -1: any */
    const char *complete;                                     /* of positional arguments: "file", "dir", "a|b|c" or NULL */
    int (*run)(const void *opt, int argc, char *const *argv); /* argv: positional only */
} mb_verb;

extern const mb_verb *const mb_verbs[]; /* NULL-terminated, generated, in the order of local.mk */

#endif
