/* sensitivity.c - registry and run of providers; entropy, orthogonality, relaxed costs
 *
 * Who may call: see sensitivity.h.
 */
#include "mapping/sensitivity.h"

#include <math.h>
#include <string.h>

#include "base/error.h"
#include "base/mem.h"
#include "nn/quantizer.h"

int mb_sensitivity_named(const char *name, const mb_sensitivity_type **type) {
    const char *names[64];
    size_t n = 0;
    mb_str all = {0};
    for (; n < 64 && mb_sensitivities[n]; n++) {
        names[n] = mb_sensitivities[n]->name;
        mb_str_addf(&all, "%s%s", n ? ", " : "", names[n]);
        if (strcmp(names[n], name) == 0) {
            *type = mb_sensitivities[n];
            mb_str_free(&all);
            return MB_OK;
        }
    }
    const char *near = mb_nearest(name, names, n);
    int rc = mb_fail(MB_BADINPUT, "there is no sensitivity %s%s%s%s; there are %s", name, near ? "; did you mean " : "",
                     near ? near : "", near ? "?" : "", mb_cstr(&all));
    mb_str_free(&all);
    return rc;
}

void mb_sensitivity_free(mb_sensitivity *s) {
    for (int i = 0; i < s->n; i++) {
        if (s->value) mb_free(s->value[i]);
        if (s->half_width) mb_free(s->half_width[i]);
        if (s->estimated) mb_free(s->estimated[i]);
    }
    mb_free(s->value);
    mb_free(s->half_width);
    mb_free(s->estimated);
    mb_free(s->pair);
    *s = (mb_sensitivity){0};
}

static int check(const mb_sensitivity_type *type, const mb_space *space, const mb_sensitivity *s) {
    for (int i = 0; i < s->n; i++)
        for (int j = 0; j < space->m[i]; j++) {
            if (isfinite(s->value[i][j]) && isfinite(s->half_width[i][j]) && s->half_width[i][j] >= 0) continue;
            mb_str text = {0};
            mb_assign_write(&space->choice[i][j], &text);
            int rc = mb_fail(MB_NUMERIC, "layer %s: the sensitivity %s of the setting %s is not a finite number",
                             space->plan->layer[i], type->name, mb_cstr(&text));
            mb_str_free(&text);
            return rc;
        }
    return MB_OK;
}

/* A provider that does not look at what is kept would take fewer channels for free. */
static int check_keeps(const mb_sensitivity_type *type, const mb_space *space) {
    for (int i = 0; i < space->n; i++)
        for (int j = 1; j < space->m[i]; j++) {
            const mb_assign *a = &space->choice[i][0], *b = &space->choice[i][j];
            if (a->keep_outputs == b->keep_outputs && a->keep_inputs == b->keep_inputs) continue;
            return mb_fail(MB_BADINPUT,
                           "layer %s chooses how many channels it keeps, and the sensitivity %s does not know what that costs: take error or "
                           "measured, or fix the number of channels",
                           space->plan->layer[i], type->name);
        }
    return MB_OK;
}

static int load_params(const mb_sensitivity_type *type, mb_conf *conf, void **params) {
    if (!type->params) return MB_OK;
    if (!(*params = mb_calloc(1, type->size))) return mb_nomem();
    int rc = mb_params_load(type->params, conf, NULL, *params);
    if (rc) mb_free(*params), *params = NULL;
    return rc;
}

static void free_params(const mb_sensitivity_type *type, void *params) {
    if (params) mb_params_free(type->params, params);
    mb_free(params);
}

int mb_sensitivity_run(const mb_sensitivity_type *type, mb_conf *conf, mb_oracle *o, const mb_space *space, uint64_t seed,
                       mb_sensitivity *out) {
    const size_t n = (size_t)space->n;
    void *params = NULL;
    *out = (mb_sensitivity){.n = space->n,
                            .value = mb_calloc(n, sizeof *out->value),
                            .half_width = mb_calloc(n, sizeof *out->half_width),
                            .estimated = mb_calloc(n, sizeof *out->estimated)};
    int rc = out->value && out->half_width && out->estimated ? MB_OK : mb_nomem();
    for (int i = 0; i < space->n && !rc; i++) {
        out->value[i] = mb_calloc((size_t)space->m[i], sizeof(double));
        out->half_width[i] = mb_calloc((size_t)space->m[i], sizeof(double));
        out->estimated[i] = mb_calloc((size_t)space->m[i], sizeof(bool));
        if (!out->value[i] || !out->half_width[i] || !out->estimated[i]) rc = mb_nomem();
    }
    if (!rc && !type->prunes) rc = check_keeps(type, space);
    if (!rc) rc = load_params(type, conf, &params);
    if (!rc) {
        rc = type->evaluate(params, o, space, seed, out);
        if (!rc) rc = check(type, space, out);
        if (rc) rc = mb_context(rc, "in the sensitivity %s", type->name);
    }
    free_params(type, params);
    if (rc) mb_sensitivity_free(out);
    return rc;
}

int mb_sensitivity_sharpen(const mb_sensitivity_type *type, mb_conf *conf, mb_oracle *o, const mb_space *space,
                           bool *const *ask, mb_sensitivity *out) {
    void *params = NULL;
    if (!type->sharpen) return MB_OK;
    int rc = load_params(type, conf, &params);
    if (!rc) {
        rc = type->sharpen(params, o, space, ask, out);
        if (!rc) rc = check(type, space, out);
        if (rc) rc = mb_context(rc, "in the sensitivity %s", type->name);
    }
    free_params(type, params);
    return rc;
}

void mb_space_weight_bits(const mb_space *space, int bits[8], int *n) {
    *n = 0;
    for (int b = 1; b <= 8; b++) {
        bool have = false;
        for (int i = 0; i < space->n; i++)
            for (int j = 0; j < space->m[i]; j++) have = have || space->choice[i][j].weight_bits == b;
        if (have) bits[(*n)++] = b;
    }
}

int mb_bits_index(const int *bits, int n, int width) {
    for (int b = 0; b < n; b++)
        if (bits[b] == width) return b;
    return -1;
}

/* --- entropy ------------------------------------------------------------------------------------------------------------- */

/* Bins as numpy.histogram makes them: by the index (x - lo) n / (hi - lo), corrected against the edges lo + k (hi - lo) / n. */
static void equal_bins(const double *w, size_t n, int bins, long *count) {
    double lo = w[0], hi = w[0];
    for (size_t i = 1; i < n; i++) lo = fmin(lo, w[i]), hi = fmax(hi, w[i]);
    if (!(hi > lo)) lo -= 0.5, hi += 0.5;
    const double step = (hi - lo) / bins;
    for (size_t i = 0; i < n; i++) {
        int k = (int)((w[i] - lo) / (hi - lo) * bins);
        if (k >= bins) k = bins - 1;
        if (w[i] < lo + k * step) k--;
        else if (k < bins - 1 && w[i] >= lo + (k + 1) * step) k++;
        count[k < 0 ? 0 : k]++;
    }
}

int mb_weight_entropy(const double *w, size_t n, int bits, mb_binning binning, double step, double *entropy) {
    long count[512] = {0};
    *entropy = 0;
    if (n == 0) return MB_OK;
    if (binning == MB_BIN_EQUAL) {
        for (size_t i = 0; i < n; i++)
            if (!isfinite(w[i])) return mb_fail(MB_BADINPUT, "weight %zu is not finite", i);
        if (bits < 1 || bits > 8) return mb_fail(MB_BADINPUT, "codes of %d bits: 1 to 8 are possible", bits);
        equal_bins(w, n, 1 << bits, count);
    } else {
        mb_quantizer q;
        int rc = mb_quantizer_fit(binning == MB_BIN_LSQ ? MB_QUANTIZER_LSQ : MB_QUANTIZER_SYMMETRIC, bits, w, n, step, &q);
        if (rc) return rc;
        for (size_t i = 0; i < n; i++) count[(int)mb_quantizer_code(&q, w[i]) + 256]++;
    }
    double h = 0;
    for (int k = 0; k < 512; k++) {
        double p = (double)count[k] / (double)n;
        if (p > 0) h -= p * log2(p);
    }
    *entropy = h > 0 ? h : 0;
    return MB_OK;
}

/* --- orthogonality ---------------------------------------------------------------------------------------------------------- */

/* Centred Gram matrix over samples: rows and columns have mean 0. Features are centred first, which is the same. */
static int gram(int samples, int features, const double *x, double *g) {
    double *c = mb_malloc((size_t)samples * (size_t)features, sizeof *c);
    if (!c) return mb_nomem();
    for (int f = 0; f < features; f++) {
        double mean = 0;
        for (int s = 0; s < samples; s++) mean += x[(size_t)s * (size_t)features + (size_t)f];
        mean /= samples;
        for (int s = 0; s < samples; s++)
            c[(size_t)s * (size_t)features + (size_t)f] = x[(size_t)s * (size_t)features + (size_t)f] - mean;
    }
    for (int a = 0; a < samples; a++)
        for (int b = 0; b <= a; b++) {
            double sum = 0;
            for (int f = 0; f < features; f++)
                sum += c[(size_t)a * (size_t)features + (size_t)f] * c[(size_t)b * (size_t)features + (size_t)f];
            g[a * samples + b] = g[b * samples + a] = sum;
        }
    mb_free(c);
    return MB_OK;
}

static double inner(const double *a, const double *b, int n) {
    double s = 0;
    for (int i = 0; i < n; i++) s += a[i] * b[i];
    return s;
}

int mb_orthogonality(int L, int samples, const double *const *x, const int *features, double beta, double *orm, double *gamma,
                     double *theta) {
    const size_t n = (size_t)samples * (size_t)samples;
    double *g = mb_malloc((size_t)L * n, sizeof *g), *norm = mb_malloc((size_t)L, sizeof *norm);
    int rc = g && norm ? MB_OK : mb_nomem();
    for (int l = 0; l < L && !rc; l++) {
        rc = gram(samples, features[l], x[l], g + (size_t)l * n);
        if (!rc) norm[l] = sqrt(inner(g + (size_t)l * n, g + (size_t)l * n, (int)n));
    }
    for (int a = 0; a < L && !rc; a++) {
        double sum = 0;
        for (int b = 0; b < L; b++) {
            double o =
                norm[a] > 0 && norm[b] > 0 ? inner(g + (size_t)a * n, g + (size_t)b * n, (int)n) / (norm[a] * norm[b]) : a == b;
            if (orm) orm[a * L + b] = o;
            if (b != a) sum += o;
        }
        if (gamma) gamma[a] = sum;
        if (theta) theta[a] = exp(-beta * sum);
    }
    mb_free(g);
    mb_free(norm);
    return rc;
}

/* --- relaxed costs ------------------------------------------------------------------------------------------------------- */

static double expected(int n, const double *alpha, const double *bits) {
    double top = alpha[0], sum = 0, mean = 0;
    for (int i = 1; i < n; i++) top = fmax(top, alpha[i]);
    for (int i = 0; i < n; i++) {
        double p = exp(alpha[i] - top);
        sum += p;
        mean += p * bits[i];
    }
    return mean / sum;
}

double mb_edmips_complexity(double size, int n_w, const double *alpha_w, const double *bits_w, int n_a, const double *alpha_a,
                            const double *bits_a) {
    return size * expected(n_w, alpha_w, bits_w) * expected(n_a, alpha_a, bits_a);
}

double mb_fracbits_bitops(double macs, double bits_w, double bits_a) {
    const double w0 = floor(bits_w), a0 = floor(bits_a), fw = bits_w - w0, fa = bits_a - a0;
    return macs * ((1 - fw) * (1 - fa) * w0 * a0 + fw * (1 - fa) * (w0 + 1) * a0 + (1 - fw) * fa * w0 * (a0 + 1) +
                   fw * fa * (w0 + 1) * (a0 + 1));
}
