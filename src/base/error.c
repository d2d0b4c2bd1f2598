/* error.c - the error trail of each thread, and notices
 *
 * The trail is a fixed array in thread-local storage, so that a failure can be reported when memory has run out. Line 0 is the
 * cause; the lines after it are what the outer levels added. When the array is full, the outermost lines are counted and dropped:
 * the cause is never lost. Anybody may call this file; it calls nobody but mem.c.
 */
#include "base/error.h"

#include <errno.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

#define TRAIL_LINES 12
#define LINE_BYTES 1024

typedef struct trail_line {
    const char *cfile;
    int cline;
    char text[LINE_BYTES];
} trail_line;

struct mb_error {
    int n, dropped;
    trail_line line[TRAIL_LINES];
};

static _Thread_local mb_error trail;
static atomic_int quiet;

/* Format into BUF; a text that does not fit ends in "..." at a character boundary. */
static void format_bounded(char *buf, size_t cap, const char *fmt, va_list ap) __attribute__((format(printf, 3, 0)));
static void format_bounded(char *buf, size_t cap, const char *fmt, va_list ap) {
    int n = vsnprintf(buf, cap, fmt, ap);
    if (n < 0) {
        buf[0] = '\0';
    } else if ((size_t)n >= cap) {
        size_t end = cap - 4;
        while (end > 0 && ((unsigned char)buf[end] & 0xC0) == 0x80) end--;
        memcpy(buf + end, "...", 4);
    }
}

int mb_error_push(int code, int first, const char *cfile, int cline, const char *fmt, ...) {
    int saved = errno;
    char text[LINE_BYTES]; /* the arguments may point into the trail */
    va_list ap;
    va_start(ap, fmt);
    format_bounded(text, sizeof text, fmt, ap);
    va_end(ap);
    if (first) trail.n = trail.dropped = 0;
    if (trail.n == TRAIL_LINES) {
        trail.dropped++;
    } else {
        trail_line *l = &trail.line[trail.n++];
        l->cfile = cfile;
        l->cline = cline;
        memcpy(l->text, text, sizeof text);
    }
    errno = saved;
    return code;
}

const char *mb_error_message(void) { return trail.n ? trail.line[0].text : ""; }

void mb_error_print(FILE *f) {
    const char *debug = getenv("MIXBAR_DEBUG");
    int show = debug && *debug && strcmp(debug, "0") != 0;
    if (trail.n == 0) fputs("mixbar: error: a failure without a message (this is a defect of mixbar)\n", f);
    for (int i = 0; i < trail.n; i++) {
        const trail_line *l = &trail.line[i];
        fprintf(f, "%s%s", i ? "    " : "mixbar: error: ", l->text);
        if (show) fprintf(f, " [%s:%d]", l->cfile, l->cline);
        fputc('\n', f);
    }
    if (trail.dropped) fprintf(f, "    (and %d outer lines)\n", trail.dropped);
}

void mb_error_clear(void) { trail.n = trail.dropped = 0; }

mb_error *mb_error_take(void) {
    mb_error *e = NULL;
    if (trail.n) {
        e = mb_malloc(1, sizeof *e);
        if (e) *e = trail;
    }
    if (e) mb_error_clear();
    return e;
}

const char *mb_error_line(const mb_error *e, int i) { return e && i >= 0 && i < e->n ? e->line[i].text : NULL; }

int mb_error_raise(mb_error *e, int code) {
    if (e) trail = *e;
    mb_free(e);
    return code;
}

static _Thread_local const char *subject;

const char *mb_log_subject(const char *s) {
    const char *before = subject;
    subject = s;
    return before;
}

#define TOLD_MAX 256
static atomic_ullong told[TOLD_MAX]; /* hashes of keys; 0: free */

/* Is this the first time that KEY comes? Yes also when there is no room left to remember it. */
static int first_time(const char *key) {
    unsigned long long h = 14695981039346656037u; /* FNV-1a */
    for (const char *c = key; *c; c++) h = (h ^ (unsigned char)*c) * 1099511628211u;
    if (h == 0) h = 1;
    for (int i = 0; i < TOLD_MAX; i++) {
        unsigned long long seen = 0;
        if (atomic_compare_exchange_strong(&told[i], &seen, h)) return 1;
        if (seen == h) return 0;
    }
    return 1;
}

/* One call of fputs per notice, so that notices of several threads do not mix within a line. */
static void notice(const char *head, const char *fmt, va_list ap) __attribute__((format(printf, 2, 0)));
static void notice(const char *head, const char *fmt, va_list ap) {
    char text[LINE_BYTES], line[LINE_BYTES + 320];
    format_bounded(text, sizeof text, fmt, ap);
    snprintf(line, sizeof line, "mixbar: %s: %.256s%s%s\n", head, subject ? subject : "", subject ? ": " : "", text);
    fputs(line, stderr);
}

void mb_note(const char *fmt, ...) {
    if (!atomic_load_explicit(&quiet, memory_order_relaxed)) {
        va_list ap;
        va_start(ap, fmt);
        notice("note", fmt, ap);
        va_end(ap);
    }
}

void mb_warn(const char *fmt, ...) {
    va_list ap;
    va_start(ap, fmt);
    notice("warning", fmt, ap);
    va_end(ap);
}

void mb_note_once(const char *key, const char *fmt, ...) {
    if (!atomic_load_explicit(&quiet, memory_order_relaxed) && first_time(key)) {
        va_list ap;
        va_start(ap, fmt);
        notice("note", fmt, ap);
        va_end(ap);
    }
}

void mb_warn_once(const char *key, const char *fmt, ...) {
    if (first_time(key)) {
        va_list ap;
        va_start(ap, fmt);
        notice("warning", fmt, ap);
        va_end(ap);
    }
}

void mb_log_quiet(int on) { atomic_store_explicit(&quiet, on != 0, memory_order_relaxed); }
