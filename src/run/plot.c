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
#include "run/plot_internal.h"

extern char **environ;

#define PLOTS(X)                                                                                                                 \
    X("accuracy-energy", "accuracy over energy per inference, with 95 % intervals, float accuracy and baselines",                \
      mb_useless_accuracy, mb_plot_accuracy_energy)                                                                              \
    X("accuracy-edap", "accuracy over energy x latency x area", mb_useless_accuracy, mb_plot_accuracy_edap)                      \
    X("accuracy-time", "accuracy over the time since programming, a line per device (runs that sweep read.time_s)",                \
      mb_useless_time, mb_plot_accuracy_time)                                                                                    \
    X("energy-components", "energy per inference by component, baselines beside", mb_useless_components,                         \
      mb_plot_energy_components)                                                                                                 \
    X("latency-components", "latency per inference by component, baselines beside", mb_useless_components,                       \
      mb_plot_latency_components)                                                                                                \
    X("area-components", "area by component, baselines beside", mb_useless_components, mb_plot_area_components)                  \
    X("energy-layers", "energy of each layer by component", mb_useless_layers, mb_plot_energy_layers)                            \
    X("precision-layers", "bits of weights, inputs and converters of each layer", mb_useless_layers, mb_plot_precision_layers)   \
    X("snr-layers", "signal-to-noise ratio and clipped conversions of each layer", mb_useless_snr, mb_plot_snr_layers)           \
    X("explain-costs", "accuracy that each non-ideality costs (run --explain)", mb_useless_explain, mb_plot_explain_costs)       \
    X("explain-snr", "signal-to-noise ratio of each layer, one non-ideality after the other (run --explain)", mb_useless_explain, \
      mb_plot_explain_snr)                                                                                                       \
    X("explain-codes", "codes that the converters of each layer put out (run --explain)", mb_useless_codes, mb_plot_explain_codes)

#define ROW(name, help, useless, write) {name, help, useless, write},
#define NAME(name, help, useless, write) name,
#define HELP(name, help, useless, write) help,
static const mb_plot_type types[] = {PLOTS(ROW)};
const char *const mb_plot_names[] = {PLOTS(NAME) NULL};
const char *const mb_plot_help[] = {PLOTS(HELP) NULL};
#define N_TYPES (sizeof types / sizeof *types)

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

/* "a,b" or "a b" into WANTED[]. */
static int parse_names(const mb_results *r, const char *what, bool wanted[N_TYPES]) {
    while (*what) {
        size_t n = strcspn(what, ", "), i = 0;
        if (n) {
            while (i < N_TYPES && (strlen(types[i].name) != n || strncmp(types[i].name, what, n) != 0)) i++;
            if (i == N_TYPES) {
                char *name = mb_strndup(what, n < 60 ? n : 60);
                const char *near = name ? mb_nearest(name, mb_plot_names, N_TYPES) : NULL;
                mb_str all = {0};
                for (size_t k = 0; k < N_TYPES; k++) mb_str_addf(&all, "%s%s", k ? ", " : "", types[k].name);
                int rc = near ? mb_fail(MB_BADINPUT, "there is no plot \"%s\"; did you mean \"%s\"? (plots: %s)", name, near,
                                        mb_cstr(&all))
                              : mb_fail(MB_BADINPUT, "there is no plot \"%s\"; plots are: %s", name ? name : "", mb_cstr(&all));
                mb_str_free(&all);
                mb_free(name);
                return rc;
            }
            const char *why = types[i].useless(r);
            if (why) return mb_fail(MB_BADINPUT, "the plot %s cannot be drawn: %s", types[i].name, why);
            wanted[i] = true;
        }
        what += n + strspn(what + n, ", ");
    }
    return MB_OK;
}

static int write_script(const char *dir, const mb_plot_type *t, const mb_results *r) {
    mb_str text = {0};
    char *path = mb_asprintf("%s/%s.gp", dir, t->name);
    int rc = path ? t->write(t->name, r, &text) : mb_nomem();
    if (rc == MB_OK && text.failed) rc = mb_nomem();
    if (rc == MB_OK) rc = mb_file_write(path, text.s, text.n);
    if (rc != MB_OK) rc = mb_context(rc, "while drawing the plot %s", t->name);
    mb_str_free(&text);
    mb_free(path);
    return rc;
}

static int plot_points(const mb_results *r, const char *what, const char *format, mb_str *files) {
    int rc = MB_OK;
    bool wanted[N_TYPES] = {false}, script_only = strcmp(format, "gp") == 0;
    char *dir = NULL;
    if (!script_only && strcmp(format, "svg") != 0 && strcmp(format, "png") != 0 && strcmp(format, "pdf") != 0)
        return mb_fail(MB_BADINPUT,
                       "there is no picture format \"%.40s\"; formats are svg, png, pdf, and gp (the gnuplot scripts only)",
                       format);
    if (r->n == 0)
        return mb_fail(MB_BADINPUT, "%s: there is nothing to draw: no point is finished (go on with mixbar run --resume)",
                       r->dir);
    if (what) {
        rc = parse_names(r, what, wanted);
        if (rc != MB_OK) return rc;
    } else {
        for (size_t i = 0; i < N_TYPES; i++) wanted[i] = types[i].useless(r) == NULL;
    }
    dir = mb_path_join(r->dir, "plots");
    rc = dir ? mb_file_mkdirs(dir) : mb_nomem();
    for (size_t i = 0; i < N_TYPES && rc == MB_OK; i++) { /* all scripts first: they are of use without gnuplot */
        if (wanted[i]) rc = write_script(dir, &types[i], r);
        if (wanted[i] && rc == MB_OK && script_only) mb_str_addf(files, "%s/%s.gp\n", dir, types[i].name);
    }
    for (size_t i = 0; i < N_TYPES && rc == MB_OK && !script_only; i++) {
        if (!wanted[i]) continue;
        rc = draw(dir, types[i].name, format);
        if (rc == MB_OK) mb_str_addf(files, "%s/%s.%s\n", dir, types[i].name, format);
    }
    if (rc == MB_OK && files->failed) rc = mb_nomem();
    mb_free(dir);
    return rc;
}

/* Infeasible points have no numbers to draw. */
int mb_results_plot(const mb_results *all, const char *what, const char *format, mb_str *files) {
    mb_results feasible = *all;
    feasible.point = mb_malloc(all->n, sizeof *feasible.point);
    if (!feasible.point) return mb_nomem();
    feasible.n = 0;
    for (size_t i = 0; i < all->n; i++)
        if (!all->point[i].infeasible) feasible.point[feasible.n++] = all->point[i];
    int rc = all->n && !feasible.n ? mb_fail(MB_BADINPUT, "%s: there is nothing to draw: every point is infeasible", all->dir)
                                   : plot_points(&feasible, what, format, files);
    mb_free(feasible.point);
    return rc;
}
