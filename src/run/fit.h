/* fit.h - from measurements to a memory cell: read CSV files, choose and fit the stages of the generic cell, write a preset
 *
 * Data (doc/fit.md has the columns and units):
 *     target, measured conductance        programming error: sigma(G) and mean error, Gaussian or log-normal
 *     [cell,] time, conductance           drift exponents per cell, their mean, spread and dependence on conductance; read noise
 *     cell, conductance repeated          read noise sigma(G)
 *     [cell,] voltage, current            shape of the current-voltage curve
 * Maximum likelihood throughout, with x = G / Gmax:
 *     sigma(x)    constant a, proportional b x, linear a + b x, quadratic a + b x + c x^2; each with Gaussian and log-normal errors
 *     exponents   nu_i ~ N(mu(x), tau(x)^2 + se_i^2): none, mu, mu and tau, mu = a + b ln x, tau = c + d ln x too
 *     current     I = G f(u), u = V / read_V: u, u + c1 u|u|, u + c2 u^3, u + c1 u|u| + c2 u^3, sinh(V / V0); every curve has its
 *                 own G and its own standard deviation
 * Among the candidates that are within 2 of the smallest AICc (or BIC) the one with the fewest parameters is chosen, Gaussian before
 * log-normal. Uncertainties
 * are standard errors from the curvature of the likelihood. K. P. Burnham, D. R. Anderson, Sociol. Methods Res. 33 (2004) 261,
 * doi:10.1177/0049124104268644 (differences of AICc). Called by the command line.
 */
#ifndef MB_RUN_FIT_H
#define MB_RUN_FIT_H

#include <stdbool.h>
#include <stddef.h>

#include "base/conf.h"
#include "base/str.h"

typedef enum { MB_FIT_AICC, MB_FIT_BIC } mb_fit_criterion;

typedef struct mb_fit_options {
    const char *name;        /* of the new cell */
    double outliers;         /* MAD rule: left out beyond so many robust standard deviations; 0: keep all */
    mb_fit_criterion criterion;
    bool table;              /* the measured distribution itself instead of a formula */
    const char *shape;       /* sigma(G): NULL (chosen), "constant", "proportional", "linear", "quadratic" */
    const char *distribution; /* NULL (chosen), "gaussian", "lognormal" */
    const mb_conf *base;     /* group of a generic cell whose values stand where the data say nothing; NULL: defaults. Its values from
                              * the command line win over fitted ones, and g_min_S, g_max_S, read_V guide the fit */
} mb_fit_options;

typedef struct mb_fit_source {
    char *file, kind[64];
    size_t rows, missing, used, outliers;
} mb_fit_source;

/* A key of the preset: N values with standard errors (NaN: not estimated). */
#define MB_FIT_VALUES 4
typedef struct mb_fit_value {
    char key[32], text[40];  /* TEXT: instead of numbers, a word */
    bool list;
    int n;
    double v[MB_FIT_VALUES], se[MB_FIT_VALUES];
    size_t points;
    char source[160], how[160];
} mb_fit_value;

typedef struct mb_fit_candidate {
    char quantity[32], model[48];
    int k, rank;     /* rank: of equally many parameters, the lower rank is the plainer model */
    double n, nll, aicc, bic, delta; /* delta: to the smallest of the criterion, among the candidates of the quantity */
    bool chosen;
} mb_fit_candidate;

typedef struct mb_fit_quality {
    char quantity[32];
    size_t n;
    double chi2, dof, p;   /* of spreads in groups against the model; NaN: not to be had */
    double ks, ks_p;       /* of standardised residuals against N(0, 1) */
} mb_fit_quality;

#define MB_FIT_MAX 40
typedef struct mb_fit {
    mb_fit_source *source;
    size_t n_source;
    mb_fit_value value[MB_FIT_MAX];
    size_t n_value;
    mb_fit_candidate candidate[MB_FIT_MAX];
    size_t n_candidate;
    mb_fit_quality quality[8];
    size_t n_quality;
    mb_str notes;            /* lines for the user */
    struct mb_fit_work *work; /* data and models: for the picture */
} mb_fit;

/* Fit the N files. MB_BADINPUT with file:line for data that cannot be used, MB_NUMERIC when no candidate can be fitted. */
int mb_fit_files(const char *const *path, size_t n, const mb_fit_options *o, mb_fit *fit);
/* The preset as text: libconfig, a comment for each number. It has been loaded once to see that it runs. */
int mb_fit_preset(const mb_fit *fit, const mb_fit_options *o, mb_str *out);
/* Data over model, one panel per quantity. */
int mb_fit_plot(const mb_fit *fit, const mb_fit_options *o, mb_str *script);
void mb_fit_free(mb_fit *fit);

#endif
