/* fit_internal.h - what fit.c and fit_*.c share; nobody else includes it */
#ifndef MB_RUN_FIT_INTERNAL_H
#define MB_RUN_FIT_INTERNAL_H

#include <math.h>

#include "base/stats.h"
#include "run/fit.h"

#define MB_NOT ((double)NAN)

/* --- data (fit_data.c) --- */
typedef struct mb_fit_record {
    int cell; /* -1: no name was given and the file holds many cells */
    int file, line;
    double target, time, g; /* S, s, S; NaN: none */
    bool outlier;
} mb_fit_record;
typedef struct mb_fit_point {
    int cell, file, line;
    double V, I;
} mb_fit_point;
typedef struct mb_fit_data {
    mb_fit_source *source;
    size_t n_source;
    mb_fit_record *rec; /* sorted by cell, target, time, file, line */
    size_t n, cap;
    mb_fit_point *iv; /* sorted by cell, V */
    size_t n_iv, cap_iv;
    size_t n_cell;
    double pulses; /* sum over n_pulses cells */
    size_t n_pulses;
    mb_str notes;
} mb_fit_data;
int mb_fit_read(const char *const *path, size_t n, mb_fit_data *d);
void mb_fit_data_free(mb_fit_data *d);
/* "a.csv, b.csv": the files whose kind holds WORD ("target", "time", "current"), those with conductances for NULL, all for "". */
void mb_fit_source_names(const mb_fit_data *d, const char *word, char *buf, size_t cap);

/* --- optimisation (fit_math.c) --- */
#define MB_FIT_PARAMS 6
typedef double (*mb_fit_function)(const double *x, void *ctx);
/* Smallest value of F over K parameters from X (start, result) with steps STEP: Nelder and Mead's simplex, started again until it stays. SE: standard errors when F is
 * a negative log-likelihood (NaN where the curvature is not positive). MB_NUMERIC when F is nowhere finite. */
int mb_fit_minimise(mb_fit_function f, void *ctx, int k, const double *step, double *x, double *fmin, double *se);

/* Standard deviations as functions of x: groups of residuals with one argument. */
typedef struct mb_fit_group {
    double x;          /* G / Gmax */
    double n, ss;      /* number (or degrees of freedom) and sum of squares, of Gmax */
    double zeros;      /* observations clipped at 0 */
    double known;      /* variance that is not to be explained (read noise), of Gmax^2 */
    double nl, l1, l2; /* number, sum and sum of squares of ln(G / mean) */
    double mean;       /* expected conductance, of Gmax */
} mb_fit_group;
/* At most about MOST groups, neighbours joined: what a model of few parameters cannot tell from the N given (sorted by the call). */
void mb_fit_merge(mb_fit_group *g, size_t *n, size_t most);
#define MB_FIT_GROUPS 1500
enum { MB_SIGMA_CONSTANT, MB_SIGMA_PROPORTIONAL, MB_SIGMA_LINEAR, MB_SIGMA_QUADRATIC, MB_SIGMA_SHAPES };
typedef struct mb_fit_sigma {
    int shape;
    bool lognormal, good; /* good: there is a model */
    int k;                /* free parameters */
    double c[3], se[3];   /* polynomial in x */
    double nll;
} mb_fit_sigma;
extern const char *const mb_fit_shapes[MB_SIGMA_SHAPES + 1];
double mb_fit_sigma_at(const mb_fit_sigma *s, double x);
/* All shapes (Gaussian; with LOGNORMAL both distributions), into the candidate list under QUANTITY, the chosen one into BEST. N: size
 * of the sample. EXTRA: parameters that were estimated beside. SHAPE, DISTRIBUTION: restrict the choice (may be NULL). */
int mb_fit_choose_sigma(mb_fit *fit, const char *quantity, const mb_fit_group *g, size_t n_groups, double N, int extra,
                        bool lognormal, const char *shape, const char *distribution, mb_fit_criterion c, mb_fit_sigma *best);
/* Candidates FROM.. of the list belong to one quantity: fills delta, marks and returns the chosen one (index), -1: none is finite. */
int mb_fit_choose(mb_fit *fit, size_t from, mb_fit_criterion c);
mb_fit_candidate *mb_fit_add_candidate(mb_fit *fit, const char *quantity, const char *model, int k, double n, double nll);
mb_fit_value *mb_fit_add_value(mb_fit *fit, const char *key, size_t points, const char *source);

/* --- the work (fit.c and the stages) --- */
typedef struct mb_fit_curve {
    double nu, se, x, first, G0; /* exponent with standard error, argument, first time, conductance at time 0 of the model */
    size_t from, to;             /* records */
} mb_fit_curve;
typedef struct mb_fit_work {
    mb_fit_data d;
    double g_min, g_max;
    /* read noise */
    mb_fit_group *noise;
    size_t n_noise;
    mb_fit_sigma read;
    /* programming: one pair per cell or record */
    size_t n_pair;
    double *target, *measured, *extra; /* S, S, variance of the mean of the reads S^2 */
    double *robust;                    /* S: robust standard deviation of the pairs around this target */
    int *pair_rec;                     /* the record */
    bool *left_out;
    double *z; /* standardised residuals, sorted, n_z of them */
    size_t n_z;
    mb_fit_sigma prog;
    double bias[2];
    int n_bias;
    double *table_g, *table_r; /* table: K targets, K x M residuals */
    size_t table_k, table_m;
    /* drift */
    mb_fit_curve *curve;
    size_t n_curve;
    bool drifts, shifted; /* shifted: time counts from the first measurement */
    double t0, mu[2], tau[2];
    /* current */
    int iv_model;                  /* -1: no data */
    double iv_c[2], read_V, *iv_G; /* of curves, n_curves */
    size_t n_curves, *iv_from;     /* n_curves + 1 */
} mb_fit_work;
int mb_fit_range(mb_fit *fit, const mb_fit_options *o);
int mb_fit_noise(mb_fit *fit, const mb_fit_options *o);
int mb_fit_drift(mb_fit *fit, const mb_fit_options *o);
int mb_fit_programming(mb_fit *fit, const mb_fit_options *o);
int mb_fit_current(mb_fit *fit, const mb_fit_options *o);
double mb_fit_nu_at(const mb_fit_work *w, double x);
double mb_fit_curve_at(int model, const double *c, double u, double read_V); /* f(u); f(1) need not be 1 */
extern const char *const mb_fit_iv_models[];
/* The value of a number of the base group from the file or (ORIGIN_COMMAND only) the command line; NaN when absent. */
double mb_fit_given(const mb_fit_options *o, const char *key, bool command_only);

#endif
