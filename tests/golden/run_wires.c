/* run_wires.c - wire solvers against cases from independent programs (schema: tests/golden/wires/README.md)
 *
 *   run_wires [DIR]...   every case (.json) there; one TAP line per case with the error of each method; exit code 1 when one is
 *                        beyond its tolerance.
 * Without arguments: the cases that are shipped, and those of $MIXBAR_SHARED/golden/wires (or $top_srcdir/../shared/golden/wires)
 * when they are there.
 *
 * Errors are max |I - I_ref| / max |I_ref| of the worst vector. Linear arrays: effective matrix and conjugate gradients in double
 * (1e-12) and in single precision (5e-6); source lines: the ladder (1e-12); non-linear cells: Newton (1e-9). Where voltages are
 * known, they are compared to the same tolerance of max |U_ref|.
 */
#include <dirent.h>
#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "array/wire.h"
#include "base/error.h"
#include "base/mem.h"
#include "base/npy.h"

#define TOL_LINEAR 1e-12
#define TOL_F32 5e-6
#define TOL_NONLINEAR 1e-9

typedef struct golden {
    mb_wire w;
    int p;
    double *G, *V, *I, *U;    /* U may be NULL */
} golden;

static void golden_free(golden *c) {
    mb_free(c->G);
    mb_free(c->V);
    mb_free(c->I);
    mb_free(c->U);
}

/* Numbers of the file that KEY names, COUNT of them. */
static int read_array(const char *dir, const json_t *files, const char *key, size_t count, double **out) {
    const char *name = json_string_value(json_object_get(files, key));
    if (!name) return mb_fail(MB_BADINPUT, "no file %s", key);
    char *path = mb_asprintf("%s/%s", dir, name);
    mb_npy a = {0};
    int rc = path ? mb_npy_read(path, &a) : mb_nomem();
    if (rc == MB_OK && a.count != count) rc = mb_fail(MB_BADINPUT, "%s: %zu numbers, not %zu", name, a.count, count);
    if (rc == MB_OK && !(*out = mb_malloc(count, sizeof **out))) rc = mb_nomem();
    if (rc == MB_OK) mb_npy_to_f64(&a, *out);
    mb_npy_free(&a);
    mb_free(path);
    return rc;
}

static int read_number(const json_t *j, const char *key, bool needed, double *x) {
    const json_t *v = json_object_get(j, key);
    if (!v && !needed) return MB_OK;
    if (!json_is_number(v)) return mb_fail(MB_BADINPUT, "%s is missing or not a number", key);
    *x = json_number_value(v);
    return MB_OK;
}

static int read_case(const char *dir, const json_t *j, golden *c) {
    mb_wire *w = &c->w;
    double m = 0, n = 0, p = 0;
    const struct { const char *key; bool needed; double *x;
    } numbers[] = {{"m", true, &m},
                   {"n", true, &n},
                   {"p", true, &p},
                   {"r_wl", true, &w->r_wl},
                   {"r_bl", true, &w->r_bl},
                   {"r_src", true, &w->r_src},
                   {"r_snk", true, &w->r_snk},
                   {"r_on", false, &w->r_on},
                   {"vsl", false, &w->v_sl},
                   {"V0", false, &w->law.V0}};
    int rc = MB_OK;
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers && rc == MB_OK; i++)
        rc = read_number(j, numbers[i].key, numbers[i].needed, numbers[i].x);
    if (rc != MB_OK) return rc;
    w->m = (int)m;
    w->n = (int)n;
    c->p = (int)p;
    if (c->p < 1) return mb_fail(MB_BADINPUT, "no vectors");
    if (w->law.V0 > 0) w->law.kind = MB_LAW_SINH;
    const char *topology = json_string_value(json_object_get(j, "topology"));
    if (topology && !strcmp(topology, "ws2")) w->drive = MB_DRIVE_BOTH;
    else if (topology && !strcmp(topology, "sl")) w->feed = MB_FEED_SOURCE;
    else if (!topology || strcmp(topology, "ws") != 0)
        return mb_fail(MB_BADINPUT, "topology %s is not ws, ws2 or sl", topology ? topology : "(none)");
    rc = mb_wire_check(w);
    const json_t *files = json_object_get(j, "files");
    size_t rows = (size_t)w->m, cols = (size_t)w->n, vectors = (size_t)c->p;
    if (rc == MB_OK) rc = read_array(dir, files, "G", rows * cols, &c->G);
    if (rc == MB_OK) rc = read_array(dir, files, "V", vectors * rows, &c->V);
    if (rc == MB_OK) rc = read_array(dir, files, "I_ref", vectors * cols, &c->I);
    if (rc == MB_OK && json_object_get(files, "U_ref")) rc = read_array(dir, files, "U_ref", vectors * rows * cols, &c->U);
    return rc;
}

/* The worst vector: max |x - ref| / max |ref|, over the entries that COUNT (source lines: rows that are on). */
static double error_of(const golden *c, size_t len, const double *x, const double *ref, bool voltages) {
    double worst = 0;
    for (int k = 0; k < c->p; k++) {
        double e = 0, top = 0;
        for (size_t i = 0; i < len; i++) {
            size_t at = (size_t)k * len + i;
            if (voltages && c->w.feed == MB_FEED_SOURCE && !(fabs(c->V[(size_t)k * (size_t)c->w.m + i / (size_t)c->w.n]) > 0))
                continue;
            if (!isfinite(x[at])) return (double)INFINITY;
            e = fmax(e, fabs(x[at] - ref[at]));
            top = fmax(top, fabs(ref[at]));
        }
        worst = fmax(worst, top > 0 ? e / top : e);
    }
    return worst;
}

typedef struct score { char text[400]; size_t n; bool ok; } score;

static void add_score(score *s, const char *what, double error, double tol) {
    bool ok = error <= tol;
    s->ok = s->ok && ok;
    int len = snprintf(s->text + s->n, sizeof s->text - s->n, "%s%s %.1e%s (%.0e)", s->n ? ", " : "", what, error,
                       ok ? "" : " TOO LARGE", tol);
    if (len > 0 && s->n + (size_t)len < sizeof s->text) s->n += (size_t)len;
}

static int check_effective(const golden *c, double *I, double *E, score *s) {
    const size_t m = (size_t)c->w.m, n = (size_t)c->w.n;
    int rc = mb_wire_effective(&c->w, c->G, E, 1);
    for (size_t k = 0; k < (size_t)c->p && rc == MB_OK; k++)
        for (size_t j = 0; j < n; j++) {
            double sum = 0;
            for (size_t i = 0; i < m; i++) sum += c->V[k * m + i] * E[i * n + j];
            I[k * n + j] = sum;
        }
    if (rc == MB_OK) add_score(s, "effective matrix", error_of(c, n, I, c->I, false), TOL_LINEAR);
    return rc;
}

static int check_single(const golden *c, double *I, score *s) {
    mb_wire_cg *cg;
    int rc = mb_wire_cg_new(&c->w, MB_WIRE_F32, &cg);
    if (rc != MB_OK) return rc;
    rc = mb_wire_cg_set(cg, c->G);
    for (int k = 0; k < c->p && rc == MB_OK; k++)
        rc = mb_wire_cg_solve(cg, c->V + (size_t)k * (size_t)c->w.m, 1e-6, 0, I + (size_t)k * (size_t)c->w.n, NULL, NULL);
    mb_wire_cg_free(cg);
    if (rc == MB_OK) add_score(s, "single", error_of(c, (size_t)c->w.n, I, c->I, false), TOL_F32);
    return rc;
}

static int check_case(const golden *c, score *s) {
    const size_t m = (size_t)c->w.m, n = (size_t)c->w.n, p = (size_t)c->p;
    const bool linear = c->w.law.kind == MB_LAW_LINEAR, ladder = c->w.feed == MB_FEED_SOURCE;
    const double tol = linear ? TOL_LINEAR : TOL_NONLINEAR;
    double *I = mb_malloc(p * n, sizeof *I), *E = mb_malloc(m * n, sizeof *E), *U = mb_malloc(p * m * n, sizeof *U);
    mb_wire_info info;
    int rc = I && E && U ? MB_OK : mb_nomem();
    if (rc == MB_OK && linear && !ladder) rc = check_effective(c, I, E, s);
    if (rc == MB_OK && linear && !ladder) rc = check_single(c, I, s);
    if (rc == MB_OK) rc = mb_wire_solve(&c->w, c->G, c->p, c->V, I, U, NULL, &info);
    if (rc == MB_OK) {
        add_score(s, !linear ? "Newton" : ladder ? "ladder" : "conjugate gradients", error_of(c, n, I, c->I, false), tol);
        if (c->U) add_score(s, "voltages", error_of(c, m * n, U, c->U, true), tol);
    }
    mb_free(I);
    mb_free(E);
    mb_free(U);
    return rc;
}

static bool run_case(const char *dir, const char *file, int number) {
    char *path = mb_asprintf("%s/%s", dir, file);
    golden c = {0};
    score s = {.ok = true};
    json_error_t je;
    json_t *j = path ? json_load_file(path, 0, &je) : NULL;
    int rc = j ? read_case(dir, j, &c) : mb_fail(MB_BADINPUT, "%s", path ? je.text : "out of memory");
    if (rc == MB_OK) rc = check_case(&c, &s);
    bool ok = rc == MB_OK && s.ok;
    printf("%s %d - %.*s: %d x %d: %s%s%s\n", ok ? "ok" : "not ok", number, (int)strlen(file) - 5, file, c.w.m, c.w.n, s.text,
           rc == MB_OK ? "" : " ", mb_error_message());
    mb_error_clear();
    golden_free(&c);
    json_decref(j);
    mb_free(path);
    return ok;
}

static int is_json(const struct dirent *e) {
    size_t n = strlen(e->d_name);
    return n > 5 && !strcmp(e->d_name + n - 5, ".json");
}

/* All cases of DIR; the number of cases, -1 when there is no such directory. */
static int run_dir(const char *dir, int *number, int *bad) {
    struct dirent **list;
    int n = scandir(dir, &list, is_json, alphasort);
    for (int i = 0; i < n; i++) {
        if (!run_case(dir, list[i]->d_name, ++*number)) ++*bad;
        fflush(stdout);
        free(list[i]);
    }
    if (n >= 0) free(list);
    return n;
}

int main(int argc, char **argv) {
    int number = 0, bad = 0;
    if (argc > 1) {
        for (int i = 1; i < argc; i++)
            if (run_dir(argv[i], &number, &bad) < 0) {
                printf("Bail out! %s cannot be read\n", argv[i]);
                return 1;
            }
    } else {
        const char *src = getenv("top_srcdir"), *shared = getenv("MIXBAR_SHARED");
        char *own = mb_asprintf("%s/tests/golden/wires", src ? src : ".");
        char *more = shared ? mb_asprintf("%s/golden/wires", shared) : mb_asprintf("%s/../shared/golden/wires", src ? src : ".");
        if (!own || !more || run_dir(own, &number, &bad) < 1) {
            printf("Bail out! %s holds no cases\n", own ? own : "?");
            bad++;
        } else if (run_dir(more, &number, &bad) < 0) {
            printf("ok %d - # SKIP 1 directory of further cases: %s is not there\n", ++number, more);
        }
        mb_free(own);
        mb_free(more);
    }
    printf("1..%d\n# %d of %d cases failed\n", number, bad, number);
    return bad || number == 0;
}
