/* fit_preset.c - the preset that a fit writes: every number with its source, its points and its uncertainty (fit.h) */
#include "config.h"

#include <stdio.h>
#include <string.h>

#include "array/cell.h"
#include "base/error.h"
#include "base/mem.h"
#include "run/fit_internal.h"

/* Five digits are finer than any measurement; the shortest text that reads back as them. */
static void number(mb_str *out, double v) {
    char text[40], buf[40];
    snprintf(text, sizeof text, "%.6g", v);
    double x = 0;
    if (sscanf(text, "%lf", &x) != 1) x = v;
    mb_str_add(out, mb_fmt_double(buf, x, 1));
}

/* Text of others in a comment: one line of printing characters. */
static void comment(mb_str *out, const char *s) {
    for (; *s; s++) {
        const char c = (unsigned char)*s < 0x20 || *s == 0x7f ? ' ' : *s;
        mb_str_addn(out, &c, 1);
    }
}

/* The preset that the fit began with may measure its functions in other units: x = G / arg, f in units of sigma. */
typedef struct units {
    double arg, sigma; /* S; both G_max when the functions are relative */
    double g_max;
} units;

static units units_of(const mb_fit *fit, const mb_fit_options *o) {
    const double arg = mb_fit_given(o, "arg_unit_S", false), sigma = mb_fit_given(o, "sigma_unit_S", false), G = fit->work->g_max;
    return (units){arg > 0 ? arg : G, sigma > 0 ? sigma : G, G};
}

static bool is_polynomial(const char *key) {
    return strcmp(key, "prog_sigma") == 0 || strcmp(key, "prog_bias") == 0 || strcmp(key, "white") == 0;
}

/* V with its numbers in units U. */
static mb_fit_value in_units(const mb_fit_value *v, const units *u) {
    mb_fit_value w = *v;
    for (int k = 0; k < v->n && is_polynomial(v->key); k++) {
        const double f = u->g_max / u->sigma * pow(u->arg / u->g_max, k);
        w.v[k] *= f;
        w.se[k] *= f;
    }
    if (v->n == 2 && strncmp(v->key, "drift_nu", 8) == 0 && u->arg != u->g_max) { /* a + b ln(G / Gmax) */
        const double shift = log(u->arg / u->g_max);
        w.v[0] += v->v[1] * shift;
        w.se[0] = sqrt(v->se[0] * v->se[0] + v->se[1] * v->se[1] * shift * shift);
    }
    return w;
}

static void uncertainty(mb_str *out, const mb_fit_value *v) {
    bool any = false;
    for (int k = 0; k < v->n; k++) any |= isfinite(v->se[k]);
    if (!any) return;
    mb_str_add(out, "; +- ");
    for (int k = 0; k < v->n; k++) {
        if (k) mb_str_add(out, ", ");
        if (isfinite(v->se[k])) mb_str_addf(out, "%.2g", v->se[k]);
        else mb_str_add(out, "-");
    }
}

static void write_value(mb_str *out, const mb_fit_value *v) {
    mb_str_addf(out, "%s = ", v->key);
    if (*v->text) {
        mb_str_addf(out, "\"%s\"", v->text);
    } else {
        if (v->list) mb_str_add(out, "[ ");
        for (int k = 0; k < v->n; k++) {
            if (k) mb_str_add(out, ", ");
            number(out, v->v[k]);
        }
        if (v->list) mb_str_add(out, " ]");
    }
    mb_str_add(out, "; # ");
    comment(out, v->how);
    uncertainty(out, v);
    mb_str_addf(out, "%s", *v->how ? "; " : "");
    comment(out, v->source);
    mb_str_addf(out, ", %zu points\n", v->points);
}

static void write_table(mb_str *out, const mb_fit_work *w) {
    mb_str_add(out, "# Measured residuals, measured - target: a row of equally probable values for each target, read by linear interpolation.\n"
                    "prog_table_g_S = [ ");
    for (size_t k = 0; k < w->table_k; k++) {
        if (k) mb_str_add(out, ", ");
        number(out, w->table_g[k]);
    }
    mb_str_add(out, " ];\nprog_table_S = [\n");
    for (size_t k = 0; k < w->table_k; k++) {
        mb_str_add(out, "    ");
        for (size_t m = 0; m < w->table_m; m++) {
            number(out, w->table_r[k * w->table_m + m]);
            if (m + 1 < w->table_m || k + 1 < w->table_k) mb_str_add(out, m % 8 == 7 && m + 1 < w->table_m ? ",\n    " : ", ");
        }
        mb_str_add(out, "\n");
    }
    mb_str_add(out, "];\n");
}

static bool has(const mb_fit *fit, const char *key) {
    for (size_t i = 0; i < fit->n_value; i++)
        if (strcmp(fit->value[i].key, key) == 0) return true;
    return false;
}

/* Does the fit replace KEY of the base preset? What was measured holds everything of its kind: the measured programming error all
 * spread at that time, the measured read noise all noise. */
static bool fitted(const mb_fit *fit, const char *key) {
    static const struct {
        const char *fitted, *prefix[8];
    } rule[] = {{"prog_sigma", {"prog_", "d2d_", "c2c_", "verify", "relax", "endurance_sigma", NULL}},
                {"drift", {"drift", NULL}},
                {"white", {"white", "flicker", "rtn_", "read_bandwidth", NULL}},
                {"iv", {"iv", NULL}},
                {"g_max_S", {"g_min_S", "level_S", NULL}}};
    if (has(fit, key) || strcmp(key, "arg_unit_S") == 0 || strcmp(key, "sigma_unit_S") == 0) return true;
    for (size_t i = 0; i < sizeof rule / sizeof *rule; i++)
        for (const char *const *p = rule[i].prefix; *p; p++)
            if (strncmp(key, *p, strlen(*p)) == 0 && has(fit, rule[i].fitted)) return true;
    return false;
}

/* Was KEY given on the command line? Then it stands instead of what was fitted. */
static bool given(const mb_fit_options *o, const char *key) {
    const mb_conf *c = o->base ? mb_conf_find(o->base, key) : NULL;
    return c && c->origin == MB_FROM_COMMAND;
}

/* Values of the base preset that the data say nothing about, and those of the command line. */
static void write_rest(mb_str *out, const mb_fit *fit, const mb_fit_options *o) {
    bool head = false;
    for (size_t i = 0; o->base && i < o->base->n; i++) {
        const mb_conf *c = o->base->child[i];
        if (c->origin == MB_FROM_DEFAULT || strcmp(c->name, "cell") == 0 || strcmp(c->name, "preset") == 0) continue;
        const bool command = c->origin == MB_FROM_COMMAND;
        if (!command && fitted(fit, c->name)) continue;
        if (strcmp(c->name, "arg_unit_S") == 0 || strcmp(c->name, "sigma_unit_S") == 0) continue;
        if (!head) mb_str_add(out, "# Not measured: as given, or as in the preset that the fit began with.\n");
        head = true;
        mb_str_addf(out, "%s = ", c->name);
        mb_conf_write(c, out, false);
        while (out->n && (out->s[out->n - 1] == '\n' || out->s[out->n - 1] == ';')) out->n--;
        mb_str_add(out, "; # ");
        comment(out, command ? "given on the command line" : mb_conf_where(c));
        mb_str_add(out, "\n");
    }
}

int mb_fit_preset(const mb_fit *fit, const mb_fit_options *o, mb_str *out) {
    const mb_fit_work *w = fit->work;
    mb_conf *root = NULL;
    mb_cell cell = {0};
    mb_str_add(out, "# ");
    comment(out, o->name);
    mb_str_addf(out, ": a memory cell fitted to measured data by mixbar %s (mixbar fit). Use it as a device: device = \"this file\".\n# Data:", PACKAGE_VERSION);
    for (size_t i = 0; i < fit->n_source; i++) {
        const mb_fit_source *s = &fit->source[i];
        mb_str_add(out, i ? "\n#       " : " ");
        comment(out, s->file);
        mb_str_addf(out, " (%s: %zu rows, %zu without a value, %zu outliers)", s->kind, s->rows, s->missing, s->outliers);
    }
    mb_str_add(out, "\n# After each number: what it is, +- its standard error, the data it comes from.\n");
    for (const char *s = mb_cstr(&fit->notes); *s;) {
        const size_t n = strcspn(s, "\n");
        mb_str_add(out, "# ");
        mb_str_addn(out, s, n);
        mb_str_add(out, "\n");
        s += n + (s[n] == '\n');
    }
    const units u = units_of(fit, o);
    mb_str_add(out, "cell = \"generic\";\narg_unit_S = ");
    number(out, u.arg == u.g_max ? 0 : u.arg);
    mb_str_addf(out, "; # functions of conductance take G / %s ...\nsigma_unit_S = ", u.arg == u.g_max ? "Gmax" : "this");
    number(out, u.sigma == u.g_max ? 0 : u.sigma);
    mb_str_addf(out, "; # ... and yield multiples of %s\n", u.sigma == u.g_max ? "Gmax" : "this");
    for (size_t i = 0; i < fit->n_value; i++) {
        const mb_fit_value v = in_units(&fit->value[i], &u);
        if (!given(o, v.key)) write_value(out, &v);
    }
    if (o->table && w->table_k) write_table(out, w);
    write_rest(out, fit, o);
    if (out->failed) return mb_nomem();
    int rc = mb_conf_parse(mb_cstr(out), "the fitted preset", &root);
    if (!rc) rc = mb_cell_load(root, &cell);
    if (!rc) rc = mb_conf_check_used(root);
    mb_cell_free(&cell);
    mb_conf_free(root);
    return rc;
}
