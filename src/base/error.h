/* error.h - status codes and the error trail
 *
 * Every function that can fail returns an int status: MB_OK (0) or one of the codes below, which are also
 * the program's exit codes. The place that detects a failure calls mb_fail(); every level above that can add
 * something the user wants to know (which layer, which file) calls mb_context() with the status it received.
 * The trail is kept per thread. Library code never prints and never exits.
 */
#ifndef MB_BASE_ERROR_H
#define MB_BASE_ERROR_H

#include <stdio.h>

enum {
    MB_OK = 0,           /* done */
    MB_NO = 1,           /* the answer is "no" (check, compare) */
    MB_USAGE = 2,        /* wrong command line */
    MB_BADINPUT = 3,     /* a file, key or value that cannot be used */
    MB_NUMERIC = 4,      /* numerical failure or infeasible problem */
    MB_SYSTEM = 5,       /* memory, disk, permissions */
    MB_BUG = 70,         /* a broken promise inside mixbar */
    MB_INTERRUPTED = 130 /* stopped by a signal; results are kept */
};

/* Begin a trail. Returns CODE so that one can write `return mb_fail(MB_BADINPUT, "...")`. The message says what
 * is wrong, where (file:line or node name) and what to try next, without a trailing newline. */
#define mb_fail(code, ...) mb_error_push((code), 1, __FILE__, __LINE__, __VA_ARGS__)
/* Add an outer line to the trail of a failure that came from below. Returns CODE. */
#define mb_context(code, ...) mb_error_push((code), 0, __FILE__, __LINE__, __VA_ARGS__)
#define mb_nomem() mb_fail(MB_SYSTEM, "out of memory")

int mb_error_push(int code, int first, const char *cfile, int cline, const char *fmt, ...)
    __attribute__((format(printf, 5, 6)));

/* The innermost (first) message of this thread's trail, "" when there is none. Valid until the next push or clear. */
const char *mb_error_message(void);
/* Print the trail to F: "mixbar: error: <first>" then the context lines, indented. With environment MIXBAR_DEBUG set,
 * each line also names the C source line. */
void mb_error_print(FILE *f);
void mb_error_clear(void);

/* Carry a trail out of a parallel region: the failing thread takes it, the owner of the loop raises it. */
typedef struct mb_error mb_error;
mb_error *mb_error_take(void);            /* detaches; NULL when there is none or no memory */
const char *mb_error_line(const mb_error *e, int i); /* line I of a trail that was taken, 0 the first; NULL: no more (E may be NULL) */
int mb_error_raise(mb_error *e, int code); /* gives it to the calling thread, frees E, returns CODE */

/* Notices on stderr: "mixbar: note: ..." / "mixbar: warning: ...". Silent after mb_log_quiet(1) (warnings stay). */
void mb_note(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
void mb_warn(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
void mb_log_quiet(int on);
/* The same, but once per process for each KEY, whatever the text says the next time: a sweep meets the same matter at every point. */
void mb_note_once(const char *key, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void mb_warn_once(const char *key, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* What the following notices of this thread are about: they begin with "SUBJECT: ". NULL: nothing. SUBJECT is borrowed. The one before is returned. */
const char *mb_log_subject(const char *subject);

#endif
