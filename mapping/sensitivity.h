/* sensitivity.h - what it costs the network to give a layer a setting: providers by name
 *
 * A provider fills a table: for every layer and choice of a space a number (smaller is better, additive over layers) and the
 * half-width of its 95 % interval (0: exact). Numbers of one provider are compared with each other only. Adding one: a file
 * sensitivity_NAME.c with `const mb_sensitivity_type mb_sensitivity_NAME`, and a line in local.mk. What a provider needs beyond
 * the weights it asks of the oracle; an oracle that cannot tell (a function that is NULL) makes MB_BADINPUT with what is missing.
 * Who may call: policies.
 */
#ifndef MB_MAPPING_SENSITIVITY_H
#define MB_MAPPING_SENSITIVITY_H

#include "mapping/space.h"

typedef struct mb_sensitivity {
    int n;
    double **value, **half_width; /* [layer][choice] of the space */
    bool **estimated;             /* [layer][choice]: stands in for a measurement that has not been made */
    double *pair;                 /* pairwise terms as in mb_knapsack (symmetric, [total * total]), or NULL */
} mb_sensitivity;

typedef struct mb_sensitivity_type {
    const char *name, *summary, *reference;
    const mb_param *params;
    size_t size;
    bool trains; /* asks the oracle for trainings */
    /* OUT is allocated for SPACE, zeroed. */
    int (*evaluate)(const void *params, mb_oracle *o, const mb_space *space, uint64_t seed, mb_sensitivity *out);
    bool prunes; /* tells what it costs to keep fewer channels; false: refused where layers choose between numbers of them */
    /* NULL, or: make the measurements that estimates stand for where ask[layer][choice]. */
    int (*sharpen)(const void *params, mb_oracle *o, const mb_space *space, bool *const *ask, mb_sensitivity *out);
} mb_sensitivity_type;

extern const mb_sensitivity_type *const mb_sensitivities[]; /* NULL-terminated, generated */
int mb_sensitivity_named(const char *name,
                         const mb_sensitivity_type **type); /* MB_BADINPUT: unknown, with the nearest, and all */
/* Parameters from CONF (may be NULL). A number that is not finite is MB_NUMERIC naming the layer and the setting. */
int mb_sensitivity_run(const mb_sensitivity_type *type, mb_conf *conf, mb_oracle *o, const mb_space *space, uint64_t seed,
                       mb_sensitivity *out);
/* Measure the estimates that ASK marks; what is not estimated stays. Nothing to do for types without `sharpen`. */
int mb_sensitivity_sharpen(const mb_sensitivity_type *type, mb_conf *conf, mb_oracle *o, const mb_space *space,
                           bool *const *ask, mb_sensitivity *out);
void mb_sensitivity_free(mb_sensitivity *s);

/* Widths of weights among the choices of the space, ascending; *n of them. */
void mb_space_weight_bits(const mb_space *space, int bits[8], int *n);
int mb_bits_index(const int *bits, int n, int width); /* place of WIDTH in such a list; -1: none */

/* --- the mathematics of providers that need weights only, for others and for tests --------------------------------------- */

#define MB_BINNINGS "lsq_init|minmax_sym|equal_width_minmax"
typedef enum { MB_BIN_LSQ, MB_BIN_SYMMETRIC, MB_BIN_EQUAL } mb_binning;
/* Entropy in bits of the integer codes of N weights at BITS (1..8). lsq_init: codes of the quantiser lsq with its starting step
 * (STEP > 0: that step, e.g. the learned one), minmax_sym: of symmetric, equal_width_minmax: 2^b equal bins from the least to the
 * largest weight, the last one closed (all equal: half a unit around). EAGL: Bablani et al., 2023, arXiv:2301.13330. */
int mb_weight_entropy(const double *w, size_t n, int bits, mb_binning binning, double step, double *entropy);

/* Orthogonality of L layers from their features x[l] [samples][features[l]]: orm[L * L] = <K_c, L_c> / (|K_c| |L_c|) of the
 * centred Gram matrices over samples (linear CKA), gamma_l = sum over the others, theta_l = exp(-beta gamma_l); any output may be
 * NULL. OMPQ: Ma et al., AAAI 2023, arXiv:2109.07865; Kornblith et al., ICML 2019, arXiv:1905.00414. A layer whose features are
 * all equal is orthogonal to all others. */
int mb_orthogonality(int L, int samples, const double *const *x, const int *features, double beta, double *orm, double *gamma,
                     double *theta);

/* Expected complexity of EdMIPS: size E[bw] E[ba] under softmaxes of logits; FracBits: bit operations at fractional bits,
 * bilinear between the integers around them. */
double mb_edmips_complexity(double size, int n_w, const double *alpha_w, const double *bits_w, int n_a, const double *alpha_a,
                            const double *bits_a);
double mb_fracbits_bitops(double macs, double bits_w, double bits_a);

#endif
