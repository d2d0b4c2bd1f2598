/* sensitivity_clado.c - single and pairwise terms of quantising layers together (CLADO)
 *
 *     S = 1/2 G_ii + sum over pairs 1/2 (G_ij + G_ji),   G_ij = dW_i' H dW_j to second order, or measured as L(i, j) + L - L(i) - L(j), G_ii = 2 (L(i) - L)
 * for changes i, j of different layers; G is projected to the nearest positive semidefinite matrix, as published, which takes out what sampling made of it.
 * The pairs need a solver that knows them (`quadratic`, `anneal`). `products`: one Hessian-vector product per change; `measured`, the published way: one loss per
 * pair, (layers x widths)^2 / 2 of them. Other errors are additive, weighed by the layer's mean trace of the same matrix at its changes, G_ii / |dW|^2.
 * Reference: Z. Deng et al., CLADO, 2023, arXiv:2307.05657.
 */
#include <math.h>
#include <string.h>

#include <gsl/gsl_eigen.h>

#include "base/error.h"
#include "base/mem.h"
#include "mapping/second.h"

typedef struct clado_params {
    int samples, pairs, others, rows;
    bool psd;
    double fill;
} clado_params;

enum { MAX_CHOICES = 6000 }; /* the table of pairs is its square */

static const mb_param table[] = {
    MB_INT(clado_params, samples, "", "64", 2, 1000000, "calibration samples"),
    MB_CHOICE(clado_params, pairs, "products|measured", "products", "Hessian-vector products, or a loss for each pair of changes"),
    MB_FLAG(clado_params, psd, "true", "project the matrix of pairs to a positive semidefinite one"),
    MB_OTHERS_ROW(clado_params),
    MB_ERROR_ROWS(clado_params),
    MB_PARAM_END,
};

/* Nearest positive semidefinite matrix in the Frobenius norm: negative eigenvalues become 0. */
static int project(double *g, size_t n) {
    gsl_eigen_symmv_workspace *w = gsl_eigen_symmv_alloc(n);
    gsl_matrix *a = gsl_matrix_alloc(n, n), *v = gsl_matrix_alloc(n, n);
    gsl_vector *e = gsl_vector_alloc(n);
    int rc = w && a && v && e ? MB_OK : mb_nomem();
    for (size_t i = 0; i < n && !rc; i++)
        for (size_t j = 0; j < n; j++) gsl_matrix_set(a, i, j, (g[i * n + j] + g[j * n + i]) / 2);
    if (!rc && gsl_eigen_symmv(a, e, v, w)) rc = mb_fail(MB_NUMERIC, "the eigenvalues of the matrix of pairs do not converge");
    for (size_t i = 0; i < n && !rc; i++)
        for (size_t j = 0; j < n; j++) {
            double s = 0;
            for (size_t k = 0; k < n; k++) s += fmax(gsl_vector_get(e, k), 0) * gsl_matrix_get(v, i, k) * gsl_matrix_get(v, j, k);
            g[i * n + j] = s;
        }
    gsl_eigen_symmv_free(w);
    gsl_matrix_free(a);
    gsl_matrix_free(v);
    gsl_vector_free(e);
    return rc;
}

/* Pairs of choices from pairs of changes. */
static int spread(const double *g, const int *bits, int nb, const mb_space *space, mb_sensitivity *out) {
    const size_t n = (size_t)space->n * (size_t)nb;
    size_t total = 0;
    for (int i = 0; i < space->n; i++) total += (size_t)space->m[i];
    if (total > MAX_CHOICES) return mb_fail(MB_BADINPUT, "%zu choices of all layers are too many for pairwise terms (%d); shorten the menu", total, MAX_CHOICES);
    size_t *at = mb_malloc(total, sizeof *at);
    int *layer = mb_malloc(total, sizeof *layer);
    out->pair = mb_calloc(total, total * sizeof *out->pair);
    int rc = at && layer && out->pair ? MB_OK : mb_nomem();
    for (int i = 0, p = 0; i < space->n && !rc; i++)
        for (int j = 0; j < space->m[i]; j++, p++)
            layer[p] = i, at[p] = (size_t)(i * nb + mb_bits_index(bits, nb, space->choice[i][j].weight_bits));
    for (size_t p = 0; p < total && !rc; p++)
        for (size_t q = 0; q < total; q++)
            if (layer[p] != layer[q]) out->pair[p * total + q] = (g[at[p] * n + at[q]] + g[at[q] * n + at[p]]) / 4;
    mb_free(at);
    mb_free(layer);
    return rc;
}

static int evaluate(const void *params, mb_oracle *o, const mb_space *space, uint64_t seed, mb_sensitivity *out) {
    const clado_params *par = params;
    int bits[8], nb;
    (void)seed;
    mb_space_weight_bits(space, bits, &nb);
    const size_t layers = (size_t)space->n, n = layers * (size_t)nb;
    double *g = mb_calloc(n, n * sizeof *g), *dw2 = mb_calloc(n, sizeof *dw2), *own = mb_calloc(n, sizeof *own), *c = mb_calloc(layers, sizeof *c);
    int rc = g && dw2 && own && c ? MB_OK : mb_nomem();
    const mb_curvature_ask ask = {.samples = par->samples, .n_bits = nb, .bits = bits, .pairs = 1 + par->pairs};
    const mb_curvature_tell tell = {.dw2 = dw2, .pair = g};
    if (!rc) rc = mb_oracle_curvature(o, "clado", &ask, &tell);
    for (size_t i = 0; i < n * n && !rc; i++)
        if (!isfinite(g[i])) rc = mb_fail(MB_NUMERIC, "layer %s: the pairwise term of its change to %d bits is not a finite number",
                                          space->plan->layer[i / n / (size_t)nb], bits[i / n % (size_t)nb]);
    if (!rc && par->psd) rc = project(g, n);
    for (size_t i = 0; i < n && !rc; i++) {
        own[i] = g[i * n + i] / 2;
        if (dw2[i] > 0) c[i / (size_t)nb] = fmax(c[i / (size_t)nb], own[i] / dw2[i]);
    }
    const mb_second q = {nb, bits, c, NULL, own, NULL, par->others == 0, par->rows, par->fill};
    if (!rc) rc = mb_second_fill(&q, o, space, out);
    if (!rc) rc = spread(g, bits, nb, space, out);
    mb_free(g);
    mb_free(dw2);
    mb_free(own);
    mb_free(c);
    return rc;
}

const mb_sensitivity_type mb_sensitivity_clado = {
    .name = "clado",
    .summary = "single and pairwise terms of quantising layers together (CLADO), for solvers that know pairs",
    .reference = "Deng, Sharify, Orshansky, Akin, CLADO, 2023, arXiv:2307.05657",
    .params = table,
    .size = sizeof(clado_params),
    .evaluate = evaluate,
};
