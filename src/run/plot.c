/* plot.c - the plots of a run: gnuplot scripts that hold their data, and pictures made from them
 *
 * RUN/plots/NAME.gp can be kept, edited and run again: `gnuplot NAME.gp` draws NAME.svg, `gnuplot -e "format='png'" NAME.gp`
 * NAME.png. gnuplot is looked up in PATH and started without a shell; a picture appears under its name only when gnuplot was
 * content. What is drawn depends on the results alone. Called by the command line, from one thread.
 */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <spawn.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/error.h"
#include "base/file.h"
#include "base/mem.h"
#include "run/plot_figure.h"
#include "run/plot_internal.h"

extern char **environ;

/* --- running gnuplot ------------------------------------------------------------------------------------------------ */

/* Wait for PID, whose messages come through FD, and keep their end in TEXT: gnuplot repeats the command first, and says what is
 * wrong at last. */
static int collect(pid_t pid, int fd, char *text, size_t cap, int *status) {
    char buf[1024];
    size_t n = 0;
    for (;;) {
        ssize_t got = read(fd, buf, sizeof buf);
        if (got < 0 && errno == EINTR) continue;
        if (got <= 0) break;
        for (ssize_t i = 0; i < got; i++) {
            if (n + 1 == cap) {
                memmove(text, text + cap / 2, n - cap / 2);
                n -= cap / 2;
            }
            text[n++] = buf[i];
        }
    }
    text[n] = '\0';
    while (waitpid(pid, status, 0) < 0) {
        if (errno != EINTR) return -1;
    }
    return 0;
}

/* Messages of gnuplot in one line: what is no printing character becomes a space. */
static void one_line(char *s) {
    char *w = s;
    for (const char *r = s; *r; r++) {
        char c = (unsigned char)*r < 0x20 || *r == 0x7f ? ' ' : *r;
        if (c != ' ' || (w > s && w[-1] != ' ')) *w++ = c;
    }
    while (w > s && w[-1] == ' ') w--;
    *w = '\0';
}

/* The environment for gnuplot: ours with a UTF-8 locale, so that units like the micro sign come out whatever the user's locale
 * is. NULL without memory. The array is mb_free'd, its texts are not. */
static char **utf8_environment(void) {
    static char locale[] = "LC_ALL=C.UTF-8";
    size_t n = 0, k = 0;
    while (environ[n]) n++;
    char **env = mb_malloc(n + 2, sizeof *env);
    if (!env) return NULL;
    for (size_t i = 0; i < n; i++)
        if (strncmp(environ[i], "LC_ALL=", 7) != 0) env[k++] = environ[i];
    env[k++] = locale;
    env[k] = NULL;
    return env;
}

int mb_gnuplot_run(const char *dir, const char *script, const char *format, const char *part) {
    int rc = MB_OK, pipe_fd[2] = {-1, -1}, err, status = 0;
    bool actions_made = false;
    pid_t pid;
    char text[600] = "";
    posix_spawn_file_actions_t actions;
    char *vars = mb_asprintf("format='%s'; file='%s'", format, part), name[] = "gnuplot", d[] = "-d", e[] = "-e",
         *file = mb_strdup(script), **env = utf8_environment();
    char *argv[] = {name, d, e, vars, file, NULL};
    if (!vars || !file || !env) {
        rc = mb_nomem();
        goto out;
    }
    if (pipe2(pipe_fd, O_CLOEXEC) != 0) {
        rc = mb_fail(MB_SYSTEM, "gnuplot cannot be started: %s", strerror(errno));
        goto out;
    }
    err = posix_spawn_file_actions_init(&actions);
    actions_made = err == 0;
    if (!err) err = posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
    if (!err) err = posix_spawn_file_actions_adddup2(&actions, pipe_fd[1], 1);
    if (!err) err = posix_spawn_file_actions_adddup2(&actions, pipe_fd[1], 2);
    if (!err) err = posix_spawn_file_actions_addchdir_np(&actions, dir);
    if (!err) err = posix_spawnp(&pid, "gnuplot", &actions, NULL, argv, env);
    if (err == ENOENT) {
        rc = mb_fail(MB_SYSTEM,
                     "gnuplot was not found: install it (Debian: apt-get install gnuplot-nox) and repeat `mixbar plot`; "
                     "the scripts are in %s",
                     dir);
    } else if (err) {
        rc = mb_fail(MB_SYSTEM, "gnuplot cannot be started: %s", strerror(err));
    }
    if (rc != MB_OK) goto out;
    close(pipe_fd[1]);
    pipe_fd[1] = -1;
    if (collect(pid, pipe_fd[0], text, sizeof text, &status) != 0) {
        rc = mb_fail(MB_SYSTEM, "gnuplot: %s", strerror(errno));
        goto out;
    }
    one_line(text);
    if (WIFEXITED(status) && WEXITSTATUS(status) == 127 && !*text) {
        rc = mb_fail(MB_SYSTEM,
                     "gnuplot was not found: install it (Debian: apt-get install gnuplot-nox) and repeat `mixbar plot`; "
                     "the scripts are in %s",
                     dir);
    } else if (!WIFEXITED(status) || WEXITSTATUS(status) != 0) {
        rc = mb_fail(MB_SYSTEM, "gnuplot failed on %s/%s (%s %d): %s", dir, script, WIFEXITED(status) ? "exit code" : "signal",
                     WIFEXITED(status) ? WEXITSTATUS(status) : WTERMSIG(status), *text ? text : "no message");
    } else if (*text) {
        mb_warn("gnuplot on %s/%s says: %s", dir, script, text);
    }
out:
    if (actions_made) posix_spawn_file_actions_destroy(&actions);
    if (pipe_fd[0] >= 0) close(pipe_fd[0]);
    if (pipe_fd[1] >= 0) close(pipe_fd[1]);
    mb_free(vars);
    mb_free(file);
    mb_free(env);
    return rc;
}

/* DIR/NAME.FORMAT from DIR/NAME.gp. */
static int draw(const char *dir, const char *name, const char *format) {
    int rc = MB_OK;
    char *script = mb_asprintf("%s.gp", name), *part = mb_asprintf(".%s.%s.part", name, format);
    char *from = part ? mb_path_join(dir, part) : NULL, *to = mb_asprintf("%s/%s.%s", dir, name, format);
    if (!script || !part || !from || !to) {
        rc = mb_nomem();
        goto out;
    }
    rc = mb_gnuplot_run(dir, script, format, part);
    if (rc == MB_OK && rename(from, to) != 0) rc = mb_fail(MB_SYSTEM, "%s: %s", to, strerror(errno));
    if (rc != MB_OK) unlink(from);
out:
    mb_free(script);
    mb_free(part);
    mb_free(from);
    mb_free(to);
    return rc;
}

/* --- the plots wanted ----------------------------------------------------------------------------------------------- */

#define KINDS_MAX 64

static const mb_plot_kind *kind_at(size_t i) {
    for (size_t f = 0; mb_plot_families[f]; f++)
        for (const mb_plot_kind *k = mb_plot_families[f]->kind; k->name; k++)
            if (i-- == 0) return k;
    return NULL;
}

bool mb_plot_kind_at(size_t i, const char **name, const char **help) {
    const mb_plot_kind *k = kind_at(i);
    if (!k) return false;
    *name = k->name;
    *help = k->help;
    return true;
}

static const mb_plot_kind *kind_named(const char *name, size_t n) {
    const mb_plot_kind *k;
    for (size_t i = 0; (k = kind_at(i)) != NULL; i++)
        if (strlen(k->name) == n && strncmp(k->name, name, n) == 0) return k;
    return NULL;
}

int mb_plot_kind_check(const char *name, int code) {
    const char *all[KINDS_MAX];
    size_t n = 0;
    mb_str list = {0};
    if (kind_named(name, strlen(name))) return MB_OK;
    for (const mb_plot_kind *k; n < KINDS_MAX && (k = kind_at(n)) != NULL; n++) {
        all[n] = k->name;
        mb_str_addf(&list, "%s%s", n ? ", " : "", k->name);
    }
    const char *near = mb_nearest(name, all, n);
    int rc = near ? mb_fail(code, "there is no plot \"%.60s\"; did you mean \"%s\"? (plots: %s)", name, near, mb_cstr(&list))
                  : mb_fail(code, "there is no plot \"%.60s\"; plots are: %s", name, mb_cstr(&list));
    mb_str_free(&list);
    return rc;
}

/* Feasible points only: others have no numbers to draw. The array is mb_free'd, its points are borrowed. */
static int feasible_of(const mb_results *all, mb_results *r) {
    *r = *all;
    r->n = 0;
    r->point = mb_malloc(all->n, sizeof *r->point);
    if (!r->point) return mb_nomem();
    for (size_t i = 0; i < all->n; i++)
        if (!all->point[i].infeasible) r->point[r->n++] = all->point[i];
    return MB_OK;
}

int mb_plot_kinds_for(const mb_results *all, mb_str *out) {
    mb_results r;
    const mb_plot_kind *k;
    int rc = feasible_of(all, &r);
    if (rc) return rc;
    for (size_t i = 0; (k = kind_at(i)) != NULL; i++) {
        const char *why = r.n ? k->useless(&r) : "no point is finished and feasible";
        if (why) mb_str_addf(out, "%-20s -  %s\n", k->name, why);
        else mb_str_addf(out, "%-20s %s%s\n", k->name, k->help, k->on_request ? " (when named)" : "");
    }
    mb_free(r.point);
    return out->failed ? mb_nomem() : MB_OK;
}

/* "a,b" or "a b" into WANTED[], at most CAP. */
static int parse_names(const mb_results *r, const char *what, const mb_plot_options *o, const mb_plot_kind **wanted, size_t cap,
                       size_t *count) {
    while (*what) {
        size_t n = strcspn(what, ", ");
        if (n) {
            const mb_plot_kind *k = kind_named(what, n);
            if (!k) {
                char *name = mb_strndup(what, n);
                int rc = name ? mb_plot_kind_check(name, MB_BADINPUT) : mb_nomem();
                mb_free(name);
                return rc;
            }
            const char *why = k->useless(r);
            if (why) return mb_fail(MB_BADINPUT, "the plot %s cannot be drawn: %s", k->name, why);
            const struct {
                char letter;
                const char *given, *option;
            } opt[] = {{'x', o->x, "--x"}, {'y', o->y, "--y"}, {'b', o->by, "--by"}};
            for (size_t i = 0; i < sizeof opt / sizeof *opt; i++)
                if (opt[i].given && !(k->takes && strchr(k->takes, opt[i].letter)))
                    return mb_fail(MB_BADINPUT, "the plot %s does not take %s (lines and heat-map do)", k->name, opt[i].option);
            bool there = false;
            for (size_t i = 0; i < *count; i++) there = there || wanted[i] == k;
            if (!there && *count < cap) wanted[(*count)++] = k;
        }
        what += n + strspn(what + n, ", ");
    }
    return MB_OK;
}

/* The kind's name and the options given, "heat-map-adc_bits-energy_J": letters, digits, '-', '_' and '.' only. */
static char *file_name(const mb_plot_kind *k, const mb_plot_options *o) {
    const char *const part[] = {k->name, o->x, o->by, o->y};
    mb_str s = {0};
    for (size_t i = 0; i < sizeof part / sizeof *part; i++) {
        if (!part[i]) continue;
        if (i) mb_str_add(&s, "-");
        for (const char *c = part[i]; *c; c++) {
            const bool good =
                (*c >= 'a' && *c <= 'z') || (*c >= 'A' && *c <= 'Z') || (*c >= '0' && *c <= '9') || strchr("-_.", *c);
            mb_str_addn(&s, good ? c : "_", 1);
        }
    }
    char *name = s.failed ? NULL : mb_strdup(mb_cstr(&s));
    mb_str_free(&s);
    return name;
}

static int write_script(const char *dir, const mb_plot_request *q) {
    mb_str text = {0};
    char *path = mb_asprintf("%s/%s.gp", dir, q->name);
    int rc = path ? q->kind->write(q, &text) : mb_nomem();
    if (rc == MB_OK && text.failed) rc = mb_nomem();
    if (rc == MB_OK) rc = mb_file_write(path, text.s, text.n);
    if (rc != MB_OK) rc = mb_context(rc, "while drawing the plot %s", q->kind->name);
    mb_str_free(&text);
    mb_free(path);
    return rc;
}

/* Can R be drawn? ALL: with the points that were infeasible. */
static int check_points(const mb_results *all, const mb_results *r) {
    if (all->n && !r->n) return mb_fail(MB_BADINPUT, "%s: there is nothing to draw: every point is infeasible", all->dir);
    if (!r->n)
        return mb_fail(MB_BADINPUT, "%s: there is nothing to draw: no point is finished (go on with mixbar run --resume)", r->dir);
    return MB_OK;
}

static int plot_points(const mb_results *r, const char *what, const char *format, const mb_plot_options *o, mb_str *files) {
    int rc = MB_OK;
    const bool script_only = strcmp(format, "gp") == 0;
    const mb_plot_kind *wanted[KINDS_MAX], *k;
    char *dir = NULL, *name[KINDS_MAX] = {NULL};
    size_t n = 0;
    if (!script_only && strcmp(format, "svg") != 0 && strcmp(format, "png") != 0 && strcmp(format, "pdf") != 0)
        return mb_fail(MB_BADINPUT,
                       "there is no picture format \"%.40s\"; formats are svg, png, pdf, and gp (the gnuplot scripts only)",
                       format);
    if (what) {
        rc = parse_names(r, what, o, wanted, KINDS_MAX, &n);
        if (rc != MB_OK) return rc;
    } else {
        for (size_t i = 0; n < KINDS_MAX && (k = kind_at(i)) != NULL; i++)
            if (!k->on_request && !k->useless(r)) wanted[n++] = k;
    }
    dir = mb_path_join(r->dir, "plots");
    rc = dir ? mb_file_mkdirs(dir) : mb_nomem();
    if (rc == MB_OK) mb_file_sweep(dir);
    for (size_t i = 0; i < n && rc == MB_OK; i++) { /* all scripts first: they are of use without gnuplot */
        name[i] = file_name(wanted[i], o);
        rc = name[i] ? write_script(dir, &(mb_plot_request){name[i], r, wanted[i], *o}) : mb_nomem();
        if (rc == MB_OK && script_only) mb_str_addf(files, "%s/%s.gp\n", dir, name[i]);
    }
    for (size_t i = 0; i < n && rc == MB_OK && !script_only; i++) {
        rc = draw(dir, name[i], format);
        if (rc == MB_OK) mb_str_addf(files, "%s/%s.%s\n", dir, name[i], format);
    }
    if (rc == MB_OK && files->failed) rc = mb_nomem();
    for (size_t i = 0; i < n; i++) mb_free(name[i]);
    mb_free(dir);
    return rc;
}

static const mb_plot_options no_options = {NULL, NULL, NULL};

int mb_results_plot_with(const mb_results *all, const char *what, const char *format, const mb_plot_options *o, mb_str *files) {
    mb_results r;
    int rc = feasible_of(all, &r);
    if (rc) return rc;
    rc = check_points(all, &r);
    if (!rc) rc = plot_points(&r, what, format, o ? o : &no_options, files);
    mb_free(r.point);
    return rc;
}

int mb_results_plot_file(const mb_results *all, const char *kind, const mb_plot_options *o, const char *path) {
    const mb_plot_kind *wanted[KINDS_MAX];
    mb_results r;
    mb_str script = {0};
    char *name = mb_path_base(path);
    size_t n = 0;
    int rc = name ? mb_picture_check(path) : mb_nomem();
    if (!rc) rc = feasible_of(all, &r);
    if (rc) {
        mb_free(name);
        return rc;
    }
    if (!o) o = &no_options;
    rc = check_points(all, &r);
    if (!rc) rc = parse_names(&r, kind, o, wanted, KINDS_MAX, &n);
    if (!rc && n != 1) rc = mb_fail(MB_BADINPUT, "%s: one picture is of one kind, and %s are %zu", path, kind, n);
    if (!rc) rc = wanted[0]->write(&(mb_plot_request){name, &r, wanted[0], *o}, &script);
    if (!rc) rc = mb_picture_write(path, &script);
    if (rc) rc = mb_context(rc, "while drawing the plot %s", kind);
    mb_str_free(&script);
    mb_free(name);
    mb_free(r.point);
    return rc;
}

int mb_results_plot(const mb_results *r, const char *what, const char *format, mb_str *files) {
    return mb_results_plot_with(r, what, format, NULL, files);
}
