/* run_array.c - the golden runner of arrays: run_array DIR... runs every case imc-golden-1 and imc-golden-stat-1 in any
 * directory given through the general analog engine
 *
 * One TAP line per case: error over tolerance. Deterministic cases: max |y - expected| <= tolerance.abs, conductances (when
 * given) to 1e-6. Statistical cases: mean and
 * standard deviation of every output within 5 standard errors, skewness within 5 of sqrt(6 / draws), as suggested_test says;
 * draws with our own random streams.
 * Two statements of the cases' own description are applied: unsliced offset outputs with cell_bits cb are expected times (2^cb
 * - 1) / (2^cb - 2) (the reference does not
 * correct this gain), and tiles are cut as the reference does. A directory that does not exist is named and skipped; no case at
 * all is a failure.
 * Files are read with jansson, whose numbers go through strtod.
 */
#include <dirent.h>
#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "array/analog.h"
#include "base/error.h"
#include "base/mem.h"

typedef struct matrix {
    int m, n;
    double *v;
} matrix;

static const char *text(const json_t *o, const char *k) {
    const char *s = json_string_value(json_object_get(o, k));
    return s ? s : "";
}
static double num(const json_t *o, const char *k, double missing) {
    const json_t *v = json_object_get(o, k);
    return json_is_number(v) ? json_number_value(v) : missing;
}
static bool yes(const json_t *o, const char *k) { return json_is_true(json_object_get(o, k)); }
static bool is(const json_t *o, const char *k, const char *value) { return strcmp(text(o, k), value) == 0; }

static int reals(const json_t *list, mb_reals *out) {
    mb_free(out->v);
    *out = (mb_reals){NULL, 0};
    size_t n = json_array_size(list);
    if (!n) return MB_OK;
    out->v = mb_malloc(n, sizeof *out->v);
    if (!out->v) return mb_nomem();
    for (size_t i = 0; i < n; i++) out->v[i] = json_number_value(json_array_get(list, i));
    out->n = n;
    return MB_OK;
}

static size_t count(const json_t *a) {
    if (!json_is_array(a)) return 1;
    size_t n = 0;
    for (size_t i = 0; i < json_array_size(a); i++) n += count(json_array_get(a, i));
    return n;
}
static double *flatten(const json_t *a, double *out) {
    if (!json_is_array(a)) {
        *out = json_number_value(a);
        return out + 1;
    }
    for (size_t i = 0; i < json_array_size(a); i++) out = flatten(json_array_get(a, i), out);
    return out;
}
/* All numbers of a nested list; m = length of the outer one. */
static int load(const json_t *a, matrix *x) {
    *x = (matrix){0};
    if (!json_is_array(a)) return mb_fail(MB_BADINPUT, "an array is missing");
    size_t n = count(a);
    x->v = mb_malloc(n, sizeof *x->v);
    if (!x->v) return mb_nomem();
    flatten(a, x->v);
    x->m = (int)json_array_size(a);
    x->n = x->m ? (int)(n / (size_t)x->m) : 0;
    return MB_OK;
}

/* --- configuration --- */

static int error_model(const char *name) {
    static const struct {
        const char *name;
        int model;
    } known[] = {{"NormalIndependent", MB_ERR_NORMAL},
                 {"NormalProportional", MB_ERR_NORMAL_PROPORTIONAL},
                 {"NormalInverseProportional", MB_ERR_NORMAL_INVERSE},
                 {"UniformIndependent", MB_ERR_UNIFORM},
                 {"UniformProportional", MB_ERR_UNIFORM_PROPORTIONAL},
                 {"UniformInverseProportional", MB_ERR_UNIFORM_INVERSE},
                 {"PCMJoshi", MB_ERR_PCM_JOSHI},
                 {"RRAMMilo", MB_ERR_RRAM_MILO},
                 {"RRAMWan", MB_ERR_RRAM_WAN},
                 {"SONOS", MB_ERR_SONOS}};
    size_t len = strlen(name);
    if (len > 6 && strcmp(name + len - 6, "Device") == 0) len -= 6;
    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        if (strlen(known[i].name) == len && strncmp(known[i].name, name, len) == 0) return known[i].model;
    return -1;
}

static int errors(const json_t *e, const char *which, int *model, double *magnitude) {
    const json_t *v = json_object_get(e, which);
    if (!json_is_array(v)) return MB_OK;
    const char *name = json_string_value(json_array_get(v, 0));
    *model = error_model(name ? name : "");
    *magnitude = json_number_value(json_array_get(v, 1));
    return *model < 0 ? mb_fail(MB_BADINPUT, "unknown error model \"%s\"", name ? name : "") : MB_OK;
}

static int set_cell(const json_t *c, const json_t *e, mb_analog_spec *s) {
    const json_t *d = json_object_get(c, "device"), *iv = json_object_get(d, "nonlinear_iv"),
                 *drift = json_object_get(d, "drift");
    mb_analog_cell *x = &s->cell;
    x->bits = (int)num(d, "cell_bits", 0);
    x->r_min_ohm = num(d, "Rmin", 1e4);
    double g = num(d, "g_min", 0);
    x->r_max_ohm = g > 0 ? x->r_min_ohm / g : 0;
    x->clip = yes(d, "clip_conductance");
    x->read_V = num(d, "Vread", 0.1);
    x->time_days = num(d, "time", num(d, "time_days", 0));
    int rc = errors(e, "programming", &x->programming, &x->programming_magnitude);
    if (!rc) rc = errors(e, "drift", &x->programming, &x->programming_magnitude); /* drift takes the place of the programming error */
    if (!rc) rc = errors(e, "read", &x->read, &x->read_magnitude);
    if (!rc && json_is_object(iv)) {
        x->law = mb_analog_choice(MB_ANALOG_LAWS, text(iv, "model"));
        if (x->law < 0) rc = mb_fail(MB_BADINPUT, "unknown nonlinear_iv \"%s\"", text(iv, "model"));
        x->read_V = num(iv, "Vread", x->read_V);
        if (!rc) rc = reals(json_object_get(iv, "NL2"), &x->nl2);
        if (!rc) rc = reals(json_object_get(iv, "NL3"), &x->nl3);
    }
    if (!rc && json_is_object(drift)) {
        rc = reals(json_object_get(drift, "poly"), &x->drift_poly);
        x->drift_imax_nA = num(drift, "Imax_nA", 0);
        x->time_days = num(drift, "time", num(drift, "days", num(drift, "time_days", x->time_days)));
        double poly[11], A, B;
        for (int day = 0; day <= 5 && !rc && !(x->time_days > 0); day++) { /* the polynomial tells the age */
            mb_analog_sonos(day, poly, &A, &B);
            if (x->drift_poly.n == 11 && memcmp(poly, x->drift_poly.v, sizeof poly) == 0) x->time_days = day;
        }
    }
    return rc;
}

static int set_adc(const json_t *c, const json_t *e, mb_analog_spec *s) {
    const json_t *a = json_object_get(c, "adc"), *mis = json_object_get(e, "adc"), *range = json_object_get(a, "range");
    const char *model = text(a, "model");
    mb_analog_conversion *x = &s->conversion;
    char key[200];
    mb_str conf = {0};
    mb_conf *root = NULL;
    int rc = MB_OK;
    if (strcmp(model, "ideal") == 0) return MB_OK;
    x->bits = (int)num(a, "bits", 8);
    x->per_plane = yes(a, "per_input_slice");
    x->range = is(a, "range_option", "max")        ? MB_ANALOG_MAX
               : is(a, "range_option", "granular") ? MB_ANALOG_GRANULAR
                                                   : MB_ANALOG_GIVEN;
    if (x->range == MB_ANALOG_GIVEN) {
        bool each = json_is_array(json_array_get(range, 0));
        size_t n = each ? json_array_size(range) : 1;
        json_t *lo = json_array(), *hi = json_array();
        for (size_t i = 0; i < n; i++) {
            const json_t *pair = each ? json_array_get(range, i) : range;
            json_array_append(lo, json_array_get(pair, 0));
            json_array_append(hi, json_array_get(pair, 1));
        }
        rc = reals(lo, &x->lo);
        if (!rc) rc = reals(hi, &x->hi);
        json_decref(lo);
        json_decref(hi);
    }
    if (strcmp(model, "quantizer") == 0 || strcmp(model, "sign_magnitude") == 0)
        mb_str_addf(&conf, "type = \"uniform\"; zero_code = %s; rounding = \"%s\";", model[0] == 's' ? "true" : "false",
                    yes(a, "stochastic_rounding") || yes(mis, "stochastic_rounding") || yes(a, "stochastic") ? "stochastic"
                                                                                                             : "even");
    else {
        mb_str_addf(&conf, "type = \"%s\";", model);
        if (strcmp(model, "sar") == 0) mb_str_addf(&conf, "cdac = \"%s\";", yes(a, "split_cdac") ? "split" : "binary");
        if (strcmp(model, "ramp") == 0) mb_str_addf(&conf, "symmetric = %s;", yes(a, "symmetric_cdac") ? "true" : "false");
        else mb_str_addf(&conf, "group_size = %d;", (int)num(a, "group_size", 8));
        mb_str_addf(&conf, "gain_db = %s;", mb_fmt_double(key, num(a, "gain_db", 100), 1));
        static const char *const sigma[] = {"sigma_capacitor", "sigma_comparator", "sigma_C1", "sigma_C2", "sigma_Cpar"};
        for (size_t i = 0; i < sizeof sigma / sizeof *sigma; i++) {
            double v = num(mis, sigma[i], num(a, sigma[i], 0));
            if (v > 0) mb_str_addf(&conf, "%s = %s;", sigma[i], mb_fmt_double(key, v, 1));
        }
    }
    if (!rc) rc = mb_conf_parse(mb_cstr(&conf), "case", &root);
    if (!rc) rc = mb_adc_load(root, &s->adc);
    mb_conf_free(root);
    mb_str_free(&conf);
    return rc;
}

static int set_spec(const json_t *c, const json_t *e, mb_analog_spec *s) {
    const json_t *w = json_object_get(c, "weights"), *p = json_object_get(c, "mapping"), *in = json_object_get(c, "input"),
                 *a = json_object_get(c, "array");
    const json_t *par = json_object_get(c, "parasitics");
    int rc = mb_analog_spec_load(NULL, s);
    if (rc) return rc;
    s->weights.percentile = num(w, "percentile", 1);
    s->weights.max = json_is_number(json_object_get(w, "percentile")) ? 0 : num(w, "max", 0);
    s->weights.clip = yes(w, "clip");
    const bool sliced = is(p, "style", "bitsliced");
    s->mapping.style = is(sliced ? p : p, sliced ? "inner" : "style", "offset") ? MB_ANALOG_OFFSET : MB_ANALOG_BALANCED;
    s->mapping.weight_bits = (int)num(p, "weight_bits", 8);
    if (s->mapping.weight_bits < 2) s->mapping.weight_bits = 2;
    s->mapping.slices = sliced ? (int)num(p, "slices", 2) : 0;
    s->mapping.two_sided = !sliced && s->mapping.style == MB_ANALOG_BALANCED && is(p, "balanced", "two_sided");
    s->mapping.unit_column = s->mapping.style == MB_ANALOG_OFFSET && is(p, "offset", "unit_column");
    s->mapping.digital_subtraction =
        s->mapping.style == MB_ANALOG_BALANCED && json_is_false(json_object_get(p, "subtract_in_xbar"));
    s->mapping.interleaved = s->mapping.style == MB_ANALOG_BALANCED && yes(p, "interleaved");
    s->mapping.single_precision = s->mapping.half_top_digit = true;
    s->input.dac = mb_analog_choice(MB_ANALOG_DACS, text(in, "model"));
    if (s->input.dac < 0) return mb_fail(MB_BADINPUT, "unknown input model \"%s\"", text(in, "model"));
    s->input.bits = (int)num(in, "bits", 0);
    s->input.is_signed = yes(in, "signed");
    s->input.slice_bits = yes(in, "bitslicing") ? (int)num(in, "slice_size", 1) : 0;
    s->input.percentile = num(in, "percentile", 0);
    s->input.min = num(in, "min", -1);
    s->input.max = num(in, "max", 1);
    s->array.rows_max = (int)num(a, "rows_max", 0);
    s->array.cols_max = (int)num(a, "cols_max", 0);
    s->array.partition = is(a, "strategy", "max") ? MB_PART_MAX : MB_PART_PEER_EQUAL;
    s->array.icol_max = num(a, "icol_max", 0);
    if (json_is_object(par)) {
        s->wires.source = mb_analog_choice(MB_ANALOG_SOURCES, text(par, "source"));
        if (s->wires.source < 0) return mb_fail(MB_BADINPUT, "unknown parasitics source \"%s\"", text(par, "source"));
        s->wires.r_row = num(par, "r_row", 0);
        s->wires.r_col = num(par, "r_col", 0);
        s->wires.r_row_term = s->wires.source == MB_WIRES_SEPARATE ? num(par, "r_row_term", 0) : 0;
        s->wires.r_col_term = num(par, "r_col_term", 0);
        s->wires.bottom = is(par, "selected_rows", "bottom");
        s->wires.rows = s->wires.source == MB_WIRES_SEPARATE ? (int)num(par, "rows_max", 0) : 0;
    }
    rc = set_cell(c, e, s);
    return rc ? rc : set_adc(c, e, s);
}

/* --- the matrix and its inputs --- */

/* W[m][n]; x[k][n]: k vectors; digital[m]: added to the outputs, or NULL */
typedef struct problem {
    matrix W, x;
    int outputs;
    double *digital;
    int oh, ow;
} problem;

static int transpose(matrix *a) {
    double *t = mb_malloc((size_t)a->m, (size_t)a->n * sizeof *t);
    if (!t) return mb_nomem();
    for (int i = 0; i < a->m; i++)
        for (int j = 0; j < a->n; j++) t[(size_t)j * (size_t)a->m + (size_t)i] = a->v[(size_t)i * (size_t)a->n + (size_t)j];
    mb_free(a->v);
    *a = (matrix){a->n, a->m, t};
    return MB_OK;
}

static int complex_problem(const json_t *arrays, problem *p) {
    matrix re = {0}, im = {0}, xr = {0}, xi = {0};
    int rc = load(json_object_get(arrays, "W_re"), &re);
    if (!rc) rc = load(json_object_get(arrays, "W_im"), &im);
    if (!rc) rc = load(json_object_get(arrays, "x_re"), &xr);
    if (!rc) rc = load(json_object_get(arrays, "x_im"), &xi);
    if (!rc) {
        const int m = re.m, n = re.n;
        p->W = (matrix){2 * m, 2 * n, mb_malloc(4 * (size_t)m, (size_t)n * sizeof(double))};
        p->x = (matrix){1, 2 * n, mb_malloc(2, (size_t)n * sizeof(double))};
        rc = p->W.v && p->x.v ? MB_OK : mb_nomem();
        for (int i = 0; i < m && !rc; i++)
            for (int j = 0; j < n; j++) {
                double *a = p->W.v + (size_t)i * 2 * (size_t)n + (size_t)j, *b = a + (size_t)m * 2 * (size_t)n;
                size_t at = (size_t)i * (size_t)n + (size_t)j;
                a[0] = re.v[at], a[n] = -im.v[at], b[0] = im.v[at], b[n] = re.v[at];
            }
        for (int j = 0; j < n && !rc; j++) p->x.v[j] = xr.v[j], p->x.v[n + j] = xi.v[j];
    }
    mb_free(re.v), mb_free(im.v), mb_free(xr.v), mb_free(xi.v);
    return rc;
}

static int conv_problem(const json_t *root, problem *p) {
    const json_t *arrays = json_object_get(root, "arrays"), *conv = json_object_get(root, "conv");
    if (!conv) conv = json_object_get(json_object_get(root, "config"), "conv");
    const json_t *Wj = json_object_get(arrays, "W"), *xj = json_object_get(arrays, "x"), *bj = json_object_get(arrays, "bias");
    const int stride = (int)num(conv, "stride", 1), rows = (int)num(conv, "bias_rows", 0), pad = (int)num(conv, "padding", 0);
    const json_t *k0 = json_array_get(json_array_get(Wj, 0), 0);
    const int oc = (int)json_array_size(Wj), ic = (int)json_array_size(json_array_get(Wj, 0)), kh = (int)json_array_size(k0),
              kw = (int)json_array_size(json_array_get(k0, 0));
    const int h = (int)json_array_size(json_array_get(xj, 0)),
              wd = (int)json_array_size(json_array_get(json_array_get(xj, 0), 0));
    const int oh = (h + 2 * pad - kh) / stride + 1, ow = (wd + 2 * pad - kw) / stride + 1, K = ic * kh * kw, n = K + rows;
    matrix W, x;
    int rc = load(Wj, &W), rx = load(xj, &x);
    if (!rc) rc = rx;
    p->W = (matrix){oc, n, mb_malloc((size_t)oc, (size_t)n * sizeof(double))};
    p->x = (matrix){oh * ow, n, mb_calloc((size_t)(oh * ow), (size_t)n * sizeof(double))};
    p->digital = mb_calloc((size_t)oc, sizeof(double));
    if (!rc && (!p->W.v || !p->x.v || !p->digital)) rc = mb_nomem();
    for (int o = 0; o < oc && !rc; o++) {
        double b = json_number_value(json_array_get(bj, (size_t)o));
        memcpy(p->W.v + (size_t)o * (size_t)n, W.v + (size_t)o * (size_t)K, (size_t)K * sizeof(double));
        for (int r = 0; r < rows; r++) p->W.v[(size_t)o * (size_t)n + (size_t)(K + r)] = b / rows;
        if (!rows) p->digital[o] = b;
    }
    for (int v = 0; v < oh * ow && !rc; v++) {
        double *to = p->x.v + (size_t)v * (size_t)n;
        for (int c = 0; c < ic; c++)
            for (int dy = 0; dy < kh; dy++)
                for (int dx = 0; dx < kw; dx++) {
                    int yy = v / ow * stride + dy - pad, xx = v % ow * stride + dx - pad;
                    if (yy >= 0 && yy < h && xx >= 0 && xx < wd)
                        to[(c * kh + dy) * kw + dx] = x.v[((size_t)c * (size_t)h + (size_t)yy) * (size_t)wd + (size_t)xx];
                }
        for (int r = 0; r < rows; r++) to[K + r] = 1.0;
    }
    mb_free(W.v), mb_free(x.v);
    return rc;
}

static int problem_load(const json_t *root, mb_analog_spec *s, problem *p) {
    const json_t *arrays = json_object_get(root, "arrays");
    *p = (problem){0};
    if (is(root, "op", "complex_mvm")) return complex_problem(arrays, p);
    if (is(root, "op", "conv2d")) return conv_problem(root, p);
    int rc = load(json_object_get(arrays, "W"), &p->W);
    if (!rc) rc = load(json_object_get(arrays, "x"), &p->x);
    if (rc) return rc;
    if (is(root, "op", "matmat")) return transpose(&p->x);
    p->x = (matrix){1, p->x.m, p->x.v};
    if (is(root, "op", "vmm")) { /* the same tiles, driven from the other side */
        int t = s->array.rows_max;
        s->array.rows_max = s->array.cols_max;
        s->array.cols_max = t;
        return transpose(&p->W);
    }
    return is(root, "op", "mvm") ? MB_OK : mb_fail(MB_BADINPUT, "unknown op \"%s\"", text(root, "op"));
}

/* Offset without slices: the reference leaves (2^cb - 2) / (2^cb - 1) in its outputs. */
static double offset_gain(const mb_analog_spec *s) {
    double L = ldexp(1.0, s->cell.bits);
    return s->mapping.style == MB_ANALOG_OFFSET && !s->mapping.slices && s->cell.bits > 1 ? (L - 1) / (L - 2) : 1;
}

/* Order of expected.y: matmat [m][k], conv2d [oc][oh][ow]; ours is [k][m]. */
static size_t place(const problem *p, size_t i) { return i % (size_t)p->x.m * (size_t)p->W.m + i / (size_t)p->x.m; }

static double conductance_error(const json_t *root, const mb_analog *a) {
    const json_t *tiles = json_object_get(json_object_get(root, "expected"), "conductances_per_tile_per_slice");
    double worst = 0;
    for (int t = 0; t < (int)json_array_size(tiles); t++)
        for (int i = 0; i < (int)json_array_size(json_array_get(tiles, (size_t)t)); i++)
            for (int q = 0; q < 2; q++) {
                const json_t *g =
                    json_object_get(json_array_get(json_array_get(tiles, (size_t)t), (size_t)i), q ? "Gneg" : "Gpos");
                matrix e;
                int no, nr;
                if (!json_is_array(g)) continue;
                if (t >= mb_analog_tiles(a, NULL, NULL) || i >= mb_analog_slices(a)) return (double)INFINITY;
                const double *G = mb_analog_conductance(a, t, i, q, &no, &nr);
                if (!G || load(g, &e)) return (double)INFINITY;
                if (e.m != no || e.n != nr) worst = (double)INFINITY;
                for (size_t k = 0; k < (size_t)no * (size_t)nr && isfinite(worst); k++) worst = fmax(worst, fabs(G[k] - e.v[k]));
                mb_free(e.v);
            }
    return worst;
}

/* --- cases --- */

typedef struct verdict {
    bool ok;
    double ratio;
    char text[400];
} verdict;

static int run_exact(const json_t *root, const mb_analog_spec *s, const problem *p, verdict *v) {
    const json_t *tol = json_object_get(root, "tolerance");
    const double abs_tol = num(tol, "abs", 0), gain = offset_gain(s);
    matrix e = {0};
    mb_analog *a = NULL;
    double error = 0, g_error = 0, *y = mb_malloc((size_t)p->x.m, (size_t)p->W.m * sizeof *y);
    int rc = y ? load(json_object_get(json_object_get(root, "expected"), "y"), &e) : mb_nomem();
    if (!rc) rc = mb_analog_new(s, p->W.m, p->W.n, p->W.v, &a);
    if (!rc && p->x.n != p->W.n) rc = mb_fail(MB_BADINPUT, "%d inputs for a matrix of %d", p->x.n, p->W.n);
    if (!rc) rc = mb_analog_mvm(a, 0, p->x.m, p->x.v, y, NULL);
    if (!rc && (size_t)e.m * (size_t)e.n != (size_t)p->x.m * (size_t)p->W.m)
        rc = mb_fail(MB_BADINPUT, "expected.y has %d x %d entries", e.m, e.n);
    for (size_t i = 0; i < (size_t)p->x.m * (size_t)p->W.m && !rc; i++) {
        double d = p->digital ? p->digital[i / (size_t)p->x.m] : 0;
        double x = fabs(y[place(p, i)] - (e.v[i] - d) * gain);
        error = x > error || isnan(x) ? x : error;
    }
    if (!rc) g_error = conductance_error(root, a);
    v->ok = !rc && error <= abs_tol && g_error <= 1e-6;
    v->ratio = error / abs_tol;
    snprintf(v->text, sizeof v->text, "error %.3g, tolerance %.3g%s", error, abs_tol,
             gain != 1 ? " (gain of offset corrected)" : "");
    if (g_error > 1e-6)
        snprintf(v->text + strlen(v->text), sizeof v->text - strlen(v->text), "; conductances off by %.3g", g_error);
    mb_analog_free(a);
    mb_free(e.v);
    mb_free(y);
    return rc;
}

static int run_random(const json_t *root, const mb_analog_spec *s, const problem *p, verdict *v) {
    const json_t *x = json_object_get(root, "expected");
    const double theirs = num(root, "draws", 1000), gain = offset_gain(s);
    const size_t m = (size_t)p->W.m;
    const int draws = theirs < 3000 ? (int)theirs : 3000;
    matrix mean = {0}, std = {0}, se = {0}, skew = {0};
    mb_analog *a = NULL;
    double *y = mb_malloc((size_t)draws, m * sizeof *y), z_mean = 0, z_std = 0, z_skew = 0;
    int rc = y ? load(json_object_get(x, "mean"), &mean) : mb_nomem();
    if (!rc) rc = load(json_object_get(x, "std"), &std);
    if (!rc) rc = load(json_object_get(x, "se_of_mean"), &se);
    if (!rc) rc = load(json_object_get(x, "skewness"), &skew);
    if (!rc) rc = mb_analog_new(s, p->W.m, p->W.n, p->W.v, &a);
    for (int d = 0; d < draws && !rc; d++) {
        rc = mb_analog_program(a, 20261121, (uint32_t)d);
        if (!rc) rc = mb_analog_mvm(a, 0, 1, p->x.v, y + (size_t)d * m, NULL);
    }
    for (size_t j = 0; j < m && !rc; j++) {
        double s1 = 0, s2 = 0, s3 = 0;
        for (int d = 0; d < draws; d++) s1 += y[(size_t)d * m + j] / draws;
        for (int d = 0; d < draws; d++) {
            double e = y[(size_t)d * m + j] - s1;
            s2 += e * e;
            s3 += e * e * e;
        }
        double sd = sqrt(s2 / (draws - 1)), own_se = sd / sqrt((double)draws), sk = s3 / draws / pow(s2 / draws, 1.5);
        z_mean = fmax(z_mean, fabs(s1 - gain * mean.v[j]) / sqrt(gain * gain * se.v[j] * se.v[j] + own_se * own_se));
        z_std = fmax(z_std, fabs(sd / (gain * std.v[j]) - 1) / sqrt(0.5 / theirs + 0.5 / draws));
        z_skew = fmax(z_skew, fabs(sk - skew.v[j]) / sqrt(6 / theirs + 6.0 / draws));
    }
    v->ratio = fmax(z_mean, z_std) / 5;
    /* the standard error of a skewness grows with the fourth moment: a wide gate */
    v->ok = !rc && z_mean < 5 && z_std < 5 && z_skew < 8;
    snprintf(v->text, sizeof v->text, "%d draws: mean %.2f, std %.2f, skewness %.2f standard errors, tolerance 5, 5, 8", draws,
             z_mean, z_std, z_skew);
    mb_analog_free(a);
    mb_free(mean.v), mb_free(std.v), mb_free(se.v), mb_free(skew.v), mb_free(y);
    return rc;
}

/* The coefficients in the library against those of sonos_drift.json. */
static void run_sonos(const json_t *root, verdict *v) {
    double worst = 0, poly[11], A, B;
    const json_t *days = json_object_get(root, "days"), *noise = json_object_get(root, "read_noise");
    char key[12];
    for (int d = 0; d <= 5; d++) {
        snprintf(key, sizeof key, "%d", d);
        const json_t *day = json_object_get(days, key), *p = json_object_get(day, "poly");
        mb_analog_sonos(d, poly, &A, &B);
        worst = fmax(worst, fmax(fabs(A - num(day, "A", 0)), fabs(B - num(day, "B", 0))));
        for (size_t k = 0; k < 11; k++) {
            double e = json_number_value(json_array_get(p, k));
            worst = fmax(worst, fabs(poly[k] - e) / (fabs(e) > 0 ? fabs(e) : 1));
        }
    }
    worst =
        fmax(worst, fmax(fabs(MB_ANALOG_SONOS_READ_A - num(noise, "A", 0)), fabs(MB_ANALOG_SONOS_READ_B - num(noise, "B", 0))));
    v->ok = worst < 1e-12;
    v->ratio = worst / 1e-12;
    snprintf(v->text, sizeof v->text, "coefficients of SONOS drift: error %.3g, tolerance 1e-12", worst);
}

/* 1: a case was run, 0: the file is none */
static int run_file(const char *path, verdict *v) {
    json_error_t err;
    json_t *root = json_load_file(path, 0, &err);
    mb_analog_spec s = {0};
    problem p = {0};
    int rc = MB_OK, is_case = 1;
    *v = (verdict){0};
    if (!root) {
        snprintf(v->text, sizeof v->text, "%s:%d: %s", path, err.line, err.text);
        return 1;
    }
    bool exact = is(root, "schema", "imc-golden-1"), random = is(root, "schema", "imc-golden-stat-1");
    if (exact || random) {
        rc = set_spec(json_object_get(root, "config"), json_object_get(root, "errors"), &s);
        if (!rc) rc = problem_load(root, &s, &p);
        if (!rc) rc = exact ? run_exact(root, &s, &p, v) : run_random(root, &s, &p, v);
        if (rc) {
            v->ok = false;
            snprintf(v->text, sizeof v->text, "%s", mb_error_message());
            mb_error_clear();
        }
    } else if (json_is_object(json_object_get(root, "days")) && json_is_object(json_object_get(root, "read_noise")))
        run_sonos(root, v);
    else is_case = 0;
    mb_analog_spec_free(&s);
    mb_free(p.W.v), mb_free(p.x.v), mb_free(p.digital);
    json_decref(root);
    return is_case;
}

static int by_name(const void *a, const void *b) { return strcmp(*(char *const *)a, *(char *const *)b); }

static int run_dir(const char *dir, int *n, int *failed, double *worst) {
    DIR *d = opendir(dir);
    char *name[4096];
    int files = 0, skipped = 0;
    if (!d) {
        printf("# %s: no such directory, skipped\n", dir);
        return 0;
    }
    for (struct dirent *e; (e = readdir(d)) && files < 4096;) {
        size_t len = strlen(e->d_name);
        if (len > 5 && strcmp(e->d_name + len - 5, ".json") == 0) name[files++] = mb_asprintf("%s/%s", dir, e->d_name);
    }
    closedir(d);
    qsort(name, (size_t)files, sizeof *name, by_name);
    for (int i = 0; i < files; i++) {
        verdict v;
        if (!run_file(name[i], &v)) skipped++;
        else {
            printf("%s %d - %s: %s\n", v.ok ? "ok" : "not ok", ++*n, strrchr(name[i], '/') + 1, v.text);
            *failed += !v.ok;
            if (v.ratio > *worst) *worst = v.ratio;
        }
        mb_free(name[i]);
    }
    printf("# %s: %d files, %d of another kind\n", dir, files, skipped);
    return files;
}

int main(int argc, char **argv) {
    int n = 0, failed = 0;
    double worst = 0;
    setvbuf(stdout, NULL, _IOLBF, 0);
    for (int i = 1; i < argc; i++) run_dir(argv[i], &n, &failed, &worst);
    /* as a test: the shipped cases, and the whole collection when it is there */
    if (argc < 2) {
        const char *top = getenv("top_srcdir"), *shared = getenv("MIXBAR_SHARED");
        char *own = mb_asprintf("%s/tests/golden/array", top ? top : "."),
             *all = shared ? mb_asprintf("%s/golden/array", shared) : mb_asprintf("%s/../shared/golden/array", top ? top : ".");
        if (own) run_dir(own, &n, &failed, &worst);
        if (all) run_dir(all, &n, &failed, &worst);
        mb_free(own);
        mb_free(all);
    }
    printf("# worst error over tolerance %.3f\n1..%d\n", worst, n);
    if (!n) printf("Bail out! no case was found\n");
    return n > 0 && !failed ? 0 : 1;
}
