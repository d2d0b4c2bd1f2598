/* common.c - what verbs share: writing the answer, threads, signals, progress, the points of an experiment
 *
 * Progress: the library calls the meter from inside its parallel loop (one thread at a time); the meter draws at most ten times a
 * second, only when stderr is a terminal, and tells the library to stop once a signal has arrived.
 */
#include "cli/common.h"

#include <errno.h>
#include <math.h>
#include <omp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/error.h"
#include "base/file.h"
#include "base/json.h"
#include "base/mem.h"

static bool is_quiet;
static volatile sig_atomic_t stop_signal;

/* --- the answer ---------------------------------------------------------------------------------------------------- */

/* Nobody reads any more (mixbar list | head): end as a filter does, by the signal. */
static int write_failed(void) {
    if (errno == EPIPE) {
        signal(SIGPIPE, SIG_DFL);
        raise(SIGPIPE);
    }
    return mb_fail(MB_SYSTEM, "cannot write to standard output: %s", strerror(errno));
}

int mb_cli_write(mb_str *out) {
    int rc = MB_OK;
    if (out->failed) rc = mb_nomem();
    else if (out->n && fwrite(out->s, 1, out->n, stdout) != out->n) rc = write_failed();
    mb_str_free(out);
    return rc;
}

int mb_cli_flush(void) { return fflush(stdout) || ferror(stdout) ? write_failed() : MB_OK; }

mb_table_format mb_cli_table_format(const char *format) {
    if (!format || strcmp(format, "text") == 0) return MB_TABLE_TEXT;
    if (strcmp(format, "markdown") == 0) return MB_TABLE_MARKDOWN;
    return strcmp(format, "csv") == 0 ? MB_TABLE_CSV : MB_TABLE_JSON;
}

mb_format mb_cli_format(const char *format) {
    if (!format || strcmp(format, "text") == 0) return MB_FORMAT_TEXT;
    if (strcmp(format, "csv") == 0) return MB_FORMAT_CSV;
    return strcmp(format, "jsonl") == 0 ? MB_FORMAT_JSONL : MB_FORMAT_JSON;
}

int mb_cli_columns(mb_table *t, const char *const (*columns)[3]) {
    int rc = MB_OK;
    for (; (*columns)[0] && !rc; columns++)
        rc = mb_table_column(t, (*columns)[0], (*columns)[1], (*columns)[2][0] == 'r' ? MB_RIGHT : MB_LEFT);
    return rc;
}

/* --- the process --------------------------------------------------------------------------------------------------- */

void mb_cli_set_quiet(bool quiet) {
    is_quiet = quiet;
    mb_log_quiet(quiet);
}

void mb_cli_threads(int n) {
    if (n > 0) omp_set_num_threads(n);
}

static void on_signal(int number) { stop_signal = number; }

void mb_cli_catch_signals(void) {
    struct sigaction a;
    memset(&a, 0, sizeof a);
    a.sa_handler = on_signal;
    a.sa_flags = (int)SA_RESETHAND | SA_RESTART; /* the second signal finds the default action */
    sigemptyset(&a.sa_mask);
    sigaction(SIGINT, &a, NULL);
    sigaction(SIGTERM, &a, NULL);
    signal(SIGPIPE, SIG_IGN); /* a run must not die because nobody reads its progress */
}

bool mb_cli_stopped(void) { return stop_signal != 0; }

/* --- progress ------------------------------------------------------------------------------------------------------ */

static double now_s(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static bool wants_colour(void) {
    const char *no = getenv("NO_COLOR"), *term = getenv("TERM");
    return !(no && *no) && term && strcmp(term, "dumb") != 0;
}

/* "3 s", "2:05", "1 h 20 min" */
static void time_text(double s, char *buf, size_t cap) {
    long t = s < 1e9 ? (long)(s + 0.5) : 1000000000L;
    if (t >= 3600) snprintf(buf, cap, "%ld h %02ld min", t / 3600, t / 60 % 60);
    else if (t >= 60) snprintf(buf, cap, "%ld:%02ld", t / 60, t % 60);
    else snprintf(buf, cap, "%ld s", t);
}

/* Points per second of this session, and the seconds that are left; 0 and NaN before there is a point. */
static double rate_of(const mb_meter *m, double now, double *left_s) {
    const double fresh = m->point > m->first ? (double)(m->point - m->first) : 0, rate = now > m->begin_s ? fresh / (now - m->begin_s) : 0;
    *left_s = rate > 0 ? (double)(m->points - m->point) / rate : (double)NAN;
    return rate;
}

/* One line: what is done, running accuracy, rates, time left. A single point is measured by the samples of its stages, several by points. */
static void draw(mb_meter *m, int64_t done, int64_t total, double now) {
    enum { WIDTH = 24 };
    static const char full[] = "########################", empty[] = "------------------------";
    const bool many = m->points > 1;
    char left[64] = "", at[64] = "";
    mb_str rest = {0};
    double left_s, rate = rate_of(m, now, &left_s), spent = now - m->start_s, all = now - m->begin_s;
    double share = many ? (double)m->point / (double)m->points : total > 0 ? (double)done / (double)total : 0;
    int n = share >= 1 ? WIDTH : (int)(share * WIDTH);
    if (!isnan(m->accuracy)) mb_str_addf(&rest, "  accuracy %.2f %%", 100 * m->accuracy);
    if (many && rate > 0) mb_str_addf(&rest, "  %.3g points/s", rate);
    if (many ? m->blocks > 0 && all > 0 : done > 0 && spent > 0)
        mb_str_addf(&rest, "  %.0f samples/s", MB_SIM_BLOCK * (many ? m->blocks / all : (double)done / spent));
    if (!many && done > 0) left_s = spent * (double)(total - done) / (double)done;
    if (many ? rate > 0 : done > 0) {
        time_text(left_s, left, sizeof left);
        mb_str_addf(&rest, "  %s left", left);
    }
    if (many) snprintf(at, sizeof at, "point %zu/%zu  ", m->point, m->points);
    fprintf(stderr, "\r\033[K%s%s  [%s%.*s%s%.*s] %3.0f %%%s", at, m->what, m->colour ? "\033[32m" : "", n, full,
            m->colour ? "\033[0m" : "", WIDTH - n, empty, 100 * share, mb_cstr(&rest));
    fflush(stderr);
    mb_str_free(&rest);
    m->visible = true;
    m->shown_s = now;
}

static void say_json(mb_meter *m, double now) {
    mb_str out = {0};
    mb_json j;
    double left_s, rate = rate_of(m, now, &left_s);
    mb_json_init(&j, &out, 0);
    mb_json_open(&j, NULL, '{');
    mb_json_int(&j, "done", (int64_t)m->point);
    mb_json_int(&j, "total", (int64_t)m->points);
    mb_json_str(&j, "stage", m->what);
    mb_json_real(&j, "accuracy", m->accuracy);
    mb_json_real(&j, "rate", rate);
    mb_json_real(&j, "left_s", left_s);
    mb_json_close(&j, '}');
    mb_str_add(&out, "\n");
    if (!out.failed) fputs(mb_cstr(&out), stderr);
    mb_str_free(&out);
    m->shown_s = now;
}

static int on_step(void *ctx, const char *what, int64_t done, int64_t total) {
    mb_meter *m = ctx;
    if (stop_signal) return 1;
    if (!m->bar && !m->json) return 0;
    double now = now_s();
    m->blocks += done > 0;
    if (strncmp(m->what, what, sizeof m->what - 1) != 0 || done == 0) {
        snprintf(m->what, sizeof m->what, "%s", what);
        m->start_s = now;
    }
    if (m->bar && now - m->shown_s >= 0.1) draw(m, done, total, now);
    if (m->json && now - m->shown_s >= 1) say_json(m, now);
    return 0;
}

static void on_draw(void *ctx, double accuracy, int draws) {
    mb_meter *m = ctx;
    (void)draws;
    m->accuracy = accuracy;
}

void mb_meter_start(mb_meter *m, size_t points) {
    memset(m, 0, sizeof *m);
    m->progress.step = on_step;
    m->progress.draw = on_draw;
    m->progress.ctx = m;
    m->bar = !is_quiet && isatty(STDERR_FILENO);
    m->colour = m->bar && wants_colour();
    m->points = points;
    m->accuracy = (double)NAN;
    m->begin_s = m->start_s = m->shown_s = now_s();
}

void mb_meter_json(mb_meter *m) {
    m->json = true;
    m->bar = false;
}

void mb_meter_clear(mb_meter *m) {
    if (m->visible) fputs("\r\033[K", stderr);
    m->visible = false;
}

void mb_meter_line(mb_meter *m, const char *fmt, ...) {
    va_list ap;
    if (is_quiet) return;
    mb_meter_clear(m);
    va_start(ap, fmt);
    vfprintf(stderr, fmt, ap);
    va_end(ap);
    fputc('\n', stderr);
}

#define LINES_MAX 1000 /* of more points not each has a line */

static void point_line(mb_meter *m, const mb_point_result *p, size_t done, size_t total) {
    char energy[48], latency[48], accuracy[80] = "";
    const char *label = p->label ? p->label : "", *colon = *label ? ": " : "";
    if (p->infeasible) {
        mb_meter_line(m, "point %zu/%zu  %s%sinfeasible", done, total, label, colon);
        return;
    }
    mb_fmt_si(energy, p->energy_J, "J", 3);
    mb_fmt_si(latency, p->latency_s, "s", 3);
    if (!isnan(p->accuracy))
        snprintf(accuracy, sizeof accuracy, "accuracy %.2f %% (%.2f to %.2f), ", 100 * p->accuracy, 100 * p->accuracy_low, 100 * p->accuracy_high);
    mb_meter_line(m, "point %zu/%zu  %s%s%s%s, %s, %.3g mm2", done, total, label, colon, accuracy, energy, latency, 1e6 * p->area_m2);
}

int mb_meter_on_point(void *ctx, const mb_point_result *p, size_t done, size_t total) {
    mb_meter *m = ctx;
    const double now = now_s();
    if (m->point == 0) m->first = done - 1;
    m->point = done;
    m->points = total;
    if (!p->infeasible) m->accuracy = p->accuracy;
    if (m->json) {
        if (now - m->line_s >= 0.1 || done == total || total <= LINES_MAX) say_json(m, now), m->line_s = now;
    } else if (total <= LINES_MAX || now - m->line_s >= 1 || done == total) {
        m->line_s = now;
        if (total <= LINES_MAX || !m->bar) point_line(m, p, done, total);
    }
    if (m->bar && total > LINES_MAX && now - m->shown_s >= 0.1) draw(m, 0, 0, now);
    if (stop_signal && done < total) return mb_fail(MB_INTERRUPTED, "stopped by a signal after %zu of %zu points", done, total);
    return MB_OK;
}

/* --- cells --------------------------------------------------------------------------------------------------------- */

int mb_cli_cell_open(const char *name, const mb_strings *set, mb_conf **root, mb_cell *cell, char **file) {
    mb_str value = {0};
    *cell = (mb_cell){0};
    *file = NULL;
    *root = mb_conf_new(MB_CONF_GROUP, NULL);
    mb_conf *x = mb_conf_new(MB_CONF_STRING, "x");
    const bool user = mb_cell_is_user(name);
    int rc = *root && x ? user ? MB_OK : mb_preset_find("devices", name, ".", file) : mb_nomem();
    const bool preset = !rc; /* or a user's shared object */
    if (rc == MB_BADINPUT && mb_cell_find(name)) {
        mb_error_clear();
        rc = MB_OK;
    } else if (rc == MB_BADINPUT) {
        mb_context(rc, "nor is there a cell type of this name (`mixbar list cells` and `mixbar list presets` show both)");
    }
    if (!rc && preset) {
        mb_free(x->s);
        x->s = mb_strdup(name);
        rc = x->s ? mb_conf_append(*root, x) : mb_nomem();
        x = NULL;
        if (!rc) rc = mb_cell_expand((*root)->child[0]);
    } else if (!rc) {
        mb_str_addf(&value, "\"%s\"", name);
        rc = value.failed ? mb_nomem() : mb_conf_set(*root, "x.cell", mb_cstr(&value), MB_FROM_COMMAND);
    }
    for (size_t i = 0; set && i < set->n && !rc; i++) {
        mb_str_clear(&value);
        mb_str_addf(&value, "x.%s", set->v[i]);
        rc = value.failed ? mb_nomem() : mb_conf_assign(*root, mb_cstr(&value), MB_FROM_COMMAND);
    }
    if (!rc) rc = mb_cell_load(mb_conf_find(*root, "x"), cell);
    mb_conf_free(x);
    mb_str_free(&value);
    return rc;
}

/* --- experiments --------------------------------------------------------------------------------------------------- */

int mb_cli_check_plots(const mb_conf *root) {
    const mb_conf *list = mb_conf_find(root, "plot");
    if (!list) return MB_OK;
    if (list->type != MB_CONF_LIST)
        return mb_fail(MB_BADINPUT, "%s: plot is a list of names, e.g. plot = [ \"accuracy-energy\" ]", mb_conf_where(list));
    for (size_t i = 0; i < list->n; i++) {
        const mb_conf *c = list->child[i];
        if (c->type != MB_CONF_STRING)
            return mb_fail(MB_BADINPUT, "%s: plot holds names of plots (`mixbar list plots`)", mb_conf_where(c));
        int rc = mb_plot_kind_check(c->s, MB_BADINPUT);
        if (rc) return mb_context(rc, "in the list `plot` at %s", mb_conf_where(list));
    }
    return MB_OK;
}

bool mb_cli_have_gnuplot(void) {
    const char *path = getenv("PATH");
    bool found = false;
    while (path && *path && !found) {
        size_t n = strcspn(path, ":");
        char *file = mb_asprintf("%.*s/gnuplot", (int)n, path);
        found = file && access(file, X_OK) == 0;
        mb_free(file);
        path += n + (path[n] == ':');
    }
    return found;
}

/* "--point N": only that one. */
static int choose_point(mb_cli_points *e, const char *text) {
    char *end;
    errno = 0;
    long v = strtol(text, &end, 10);
    if (end == text || *end || errno || v < 0 || (size_t)v >= e->n) {
        return mb_fail(MB_USAGE, "option --point wants the number of a point, 0 to %zu, not \"%s\" (`mixbar check` lists them)",
                       e->n - 1, text);
    }
    e->first = (size_t)v;
    e->end = e->first + 1;
    return MB_OK;
}

int mb_cli_points_open(const char *path, const mb_strings *set, const char *point, mb_cli_points *e) {
    mb_conf *root = NULL;
    memset(e, 0, sizeof *e);
    int rc = mb_experiment_read(path, set->v, set->n, &root);
    if (!rc) rc = mb_sweep_open(root, &e->sweep);
    if (!rc) {
        const mb_conf *name = mb_conf_find(root, "name");
        e->end = e->n = mb_sweep_n(e->sweep);
        e->name = mb_strdup(name && name->type == MB_CONF_STRING ? name->s : "");
        if (!e->name) rc = mb_nomem();
    }
    if (!rc) rc = mb_cli_check_plots(root);
    if (!rc && point) rc = choose_point(e, point);
    if (!rc) rc = mb_cache_new(&e->cache);
    mb_conf_free(root);
    if (rc) mb_cli_points_close(e);
    return rc;
}

void mb_cli_points_close(mb_cli_points *e) {
    mb_sweep_close(e->sweep);
    mb_cache_free(e->cache);
    mb_free(e->name);
    memset(e, 0, sizeof *e);
}

int mb_cli_point_load(const mb_cli_points *e, size_t i, bool need_data, mb_setup *s) {
    mb_point p;
    int rc = mb_sweep_point(e->sweep, i, &p);
    if (rc) return rc;
    rc = mb_setup_load(p.conf, e->cache, need_data, s);
    p.conf = NULL; /* the setup's, also on failure */
    if (rc && e->n > 1) mb_context(rc, "point %zu (%s)", i, p.label);
    mb_point_free(&p);
    return rc;
}

int mb_cli_point_describe(const mb_cli_points *e, size_t i, mb_point_result *r) {
    mb_point p;
    int rc = mb_sweep_point(e->sweep, i, &p);
    if (!rc) rc = mb_point_describe(&p, i, r);
    if (!rc && !(r->plan = mb_strdup(""))) rc = mb_nomem();
    mb_point_free(&p);
    return rc;
}

void mb_cli_point_title(const mb_cli_points *e, size_t i, const mb_point *p, mb_str *out) {
    if (e->n > 1) mb_str_addf(out, "point %zu of 0..%zu (%s)", i, e->n - 1, p->label);
    else mb_str_add(out, e->name);
}
