/* cli.h - verbs, options, help. One verb = one file verb_NAME.c that defines `const mb_verb mb_verb_NAME`, and one line in local.mk.
 *
 * stdout is the answer, stderr the rest. A verb returns the exit code (base/error.h); the caller prints the trail.
 */
#ifndef MB_CLI_CLI_H
#define MB_CLI_CLI_H

#include <stdbool.h>
#include <stddef.h>

typedef enum { MB_OPT_END, MB_OPT_FLAG, MB_OPT_TEXT, MB_OPT_INT, MB_OPT_LIST } mb_opt_kind;   /* LIST: may be repeated */

typedef struct mb_strings { const char **v; size_t n; } mb_strings;

/* One option: the row gives parsing, --help, completion and the manual page. VALUE points to bool, const char *, int or mb_strings. */
typedef struct mb_option {
    char brief;              /* 'j', or 0 */
    const char *name;        /* "threads" for --threads */
    mb_opt_kind kind;
    const char *arg;         /* "N", shown in help */
    const char *help;
    const char *complete;    /* "file", "dir", "a|b|c" or NULL */
    size_t offset;           /* into the verb's option struct */
} mb_option;

typedef struct mb_verb {
    const char *name;
    const char *usage;       /* after "mixbar NAME ": "EXP.cfg [-s KEY=VALUE]... " */
    const char *summary;     /* one line */
    const char *details;     /* paragraphs for `mixbar help NAME` */
    const char *examples;    /* lines "mixbar ..." */
    const mb_option *options;
    size_t size;             /* of the option struct (zeroed, then filled) */
    int min_args, max_args;  /* positional; max -1: any */
    int (*run)(const void *opt, int argc, char *const *argv);   /* argv: positional only */
} mb_verb;

extern const mb_verb *const mb_verbs[];      /* NULL-terminated, generated, in the order of local.mk */

#endif
