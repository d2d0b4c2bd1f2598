/* hessian.h - second-order sensitivity of a loss to parameters: traces, eigenvalues, Fisher information, pair terms
 *
 * Everything is asked of an objective, the mean loss over some samples: its gradient, its Hessian-vector product, the gradient
 * of a single sample. nn/hessian_model.c makes one from a model in double precision (exact products); a fast engine that has
 * gradients only serves as well: H v = (g(theta + h v) - g(theta - h v)) / (2 h) with h = step |theta|_S / |v|, S = where v is
 * not 0. The truncation error grows with h^2, the rounding error with 1/h: step 1e-6 for gradients in double precision, 1e-2 in
 * single precision.
 *
 * Formulas, for a block of n parameters with the Hessian H (its diagonal block of the whole one):
 *     trace              mean of v'Hv over random signs v (M. Hutchinson, Commun. Stat. Simul. 19 (1990) 433,
 *                        doi:10.1080/03610919008812866); variance of one probe 2 (|H|_F^2 - sum H_ii^2), estimated from the
 *                        probes themselves. A probe over all parameters serves all blocks at once; the variance then also holds
 *                        |H_offdiagonal|_F^2 of the block's rows.
 *     eigenvalues        Lanczos with full reorthogonalisation from a random start: power iteration with a memory of its whole
 *                        path (C. Lanczos, J. Res. NBS 45 (1950) 255, doi:10.6028/jres.045.026); largest and smallest, and the
 *                        residual of the largest
 *     empirical Fisher   mean_s |g_s|^2, g_s: gradient of sample s with its own label;  1/2 mean_s (g_s . dW)^2 is what MPQNNCO
 *                        takes for the loss that a change dW causes
 *     true Fisher        the same with labels drawn from the model: mean_s sum_c p_sc |grad -log p_sc|^2, over all classes or a
 *                        drawn one. It is the trace of the Gauss-Newton matrix (S. Amari, Neural Computation 10 (1998) 251; J.
 *                        Martens, JMLR 21 (2020) 146, arXiv:1412.1193), and for piecewise linear networks that of each layer's
 *                        Hessian block itself: no Hessian is needed. For squared errors: sum over outputs of |grad y_k|^2.
 *     pair terms         CLADO (Z. Deng et al., arXiv:2307.05657): O_ij = L(i, j) + L - L(i) - L(j), to second order dw_i' H
 *                        dw_j
 *
 * Sums over samples run in the order of samples, sums over probes in the order of probes: results do not depend on the number
 * of threads.
 */
#ifndef MB_NN_HESSIAN_H
#define MB_NN_HESSIAN_H

#include "nn/diff.h"

typedef struct mb_objective {
    const mb_model *model;               /* blocks of theta, number of outputs */
    mb_loss_kind loss;
    size_t samples;
    void *ctx;
    /* Samples [first, first + n): outputs y (may be NULL), mean loss (may be NULL) and its gradient (may be NULL). TARGET NULL:
     * the data's own, else [n][outputs]. Must be re-entrant when there are THREADS. */
    int (*gradient)(void *ctx, const double *theta, size_t first, size_t n, const double *target, double *y, double *loss,
                    double *dtheta);
    /* H v of the mean loss of samples [first, first + n); BLOCK >= 0: only this block's part is asked for. NULL: central
     * differences. */
    int (*hvp)(void *ctx, const double *theta, const double *v, int block, size_t first, size_t n, double *hv);
    double step;                         /* of central differences; 0: 1e-6 */
    size_t batch;                        /* samples of one job; 0: 16. Rounding depends on it */
    int threads;                         /* jobs at the same time (nn/parallel.h); 0: 1 */
    /* Called between Hessian-vector products and groups of samples; not 0 ends with MB_INTERRUPTED. May be NULL. */
    int (*progress)(void *ctx, const char *what, int64_t done, int64_t total);
    void *progress_ctx;
} mb_objective;

/* From a model and samples in double precision; x [samples][inputs] and target [samples][outputs] are borrowed. */
typedef struct mb_model_data { const mb_model *model; mb_diff_mode mode; const double *x, *target; } mb_model_data;
mb_objective mb_objective_of_model(mb_model_data *d, size_t samples);

/* Over all samples. Results may be NULL. */
int mb_objective_gradient(const mb_objective *o, const double *theta, double *loss, double *dtheta);
int mb_objective_hvp(const mb_objective *o, const double *theta, const double *v, int block, double *hv);   /* BLOCK as in hvp */
/* Jobs 0 .. n-1 by the objective's threads; the error of the first part of them that failed. */
int mb_objective_jobs(const mb_objective *o, size_t n, int (*job)(void *ctx, size_t j), void *ctx);
/* Tell the objective's PROGRESS, if there is one. */
int mb_objective_step(const mb_objective *o, const char *what, size_t done, size_t total);

/* An estimate with its standard error and 95 % interval (Student's t); n: of how many draws. */
typedef struct mb_estimate { double mean, se, low, high; size_t n; } mb_estimate;
mb_estimate mb_estimate_of(const double *draw, size_t n, size_t step);     /* draw[0], draw[step], ... */

/* Trace of the diagonal block of every block of parameters. BLOCK >= 0: only of this one, with probes that are 0 elsewhere (fewer
 * products of one and the same precision; est[BLOCK] alone is set). Probes are functions of (seed, probe, place). */
int mb_hessian_trace(const mb_objective *o, const double *theta, int block, size_t probes, uint64_t seed, mb_estimate *est);
/* Largest and smallest eigenvalue of the block (-1: of all parameters); at most STEPS products; ends when the largest changes by
 * less than TOL, relative, twice (TOL < 0: all STEPS are done). *residual: |H u - lambda u| of the largest. */
typedef struct mb_spectrum { double max, min, residual; size_t steps; } mb_spectrum;
int mb_hessian_spectrum(const mb_objective *o, const double *theta, int block, size_t steps, double tol, uint64_t seed,
                        mb_spectrum *s);

/* A change dW of the parameters of one block: [block's n], borrowed. */
typedef struct mb_change { int block; const double *d; } mb_change;

typedef enum { MB_FISHER_EMPIRICAL, MB_FISHER_EXACT, MB_FISHER_DRAWN } mb_fisher_kind;
/* Traces [n_blocks], and for n changes 1/2 mean_s (g_s . dW)^2 [n] (may be NULL when n is 0); the intervals are those over
 * samples. DRAWN: one label of each sample, from its probabilities; squared errors: output plus a normal number. */
int mb_fisher(const mb_objective *o, const double *theta, mb_fisher_kind kind, uint64_t seed, mb_estimate *trace, size_t n,
              const mb_change *change,
              mb_estimate *half_square);

/* q[n][n] = change_i' H change_j: one product for each. */
int mb_hessian_quadratic(const mb_objective *o, const double *theta, size_t n, const mb_change *change, double *q);
/* Measured: delta[n] = L(i) - L, omega[n][n] = L(i, j) + L - L(i) - L(j) for changes of different blocks, 2 delta[i] on the
 * diagonal, 0 for two changes of one block (they exclude each other). One loss for each and for each pair; OMEGA NULL: only
 * delta. */
int mb_loss_changes(const mb_objective *o, const double *theta, size_t n, const mb_change *change, double *delta, double *omega);

#endif
