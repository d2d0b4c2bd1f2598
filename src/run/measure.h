/* measure.h - sensitivities measured on the simulated arrays: what a layer loses when it alone runs on the crossbars
 *
 * Reference: all layers as exact integers, with the most weight and input bits among the settings; its mean cross-entropy on the
 * calibration samples is L0. L(k, c, t): the same with weighted layer k under setting c on the arrays of device draw t (converters,
 * noise, wires and faults included). Per layer and setting
 *     D(k, c) = mean over samples i and draws t of L_i(k, c, t) - L0_i,
 *     se^2 = var_i(mean_t) / n + var_t(mean_i) / T          (the second term from T >= 2 draws)
 * and in the same way the divergence KL(p_i || q_i(k, c, t)) of the class probabilities q from those of the reference p: never negative,
 * free of labels, with less scatter; second order in the error where D is first order for a single sample.
 * Samples are paired with the reference, and all settings draw the same random numbers (base/rng.h: they are keyed by draw, layer,
 * array and cell), so that differences between settings are sharper than D itself. Losses are integers of 2^-20 nats: the result has the
 * same bits for any number of threads and any kernel.
 * Stress multiplies the errors of the cells (array/xbar.h): two or three levels tell how D grows with the noise; 0 leaves quantisation
 * and converters alone.
 *
 * Settings that keep fewer channels (nn/prune.h): the layers that read what is dropped take its mean instead, without their own arrays
 * being changed; the layer that says so is measured on arrays of all its channels.
 *
 * Work: per block of samples the reference runs once; then from the last layer to the first each setting of the layer is computed and
 * only what lies behind the layer is computed again. Arrays of as many settings as fit MEMORY are programmed at once.
 */
#ifndef MB_RUN_MEASURE_H
#define MB_RUN_MEASURE_H

#include "run/simulate.h"

typedef struct mb_measure_options {
    int64_t samples;             /* of the calibration data; 0: all that the experiment takes */
    int trials;                  /* device draws, at least 1; a network without random cells takes one */
    double stress;               /* 1: the device as it is */
    double memory;               /* bytes for programmed arrays; 0: 512 MiB */
    uint32_t first_trial;        /* number of the first draw */
    int weight_bits, input_bits; /* of the reference; 0: the most among the settings */
} mb_measure_options;

typedef struct mb_measured {
    int n_layers, n_settings, trials;
    int64_t samples;
    double reference;            /* L0, nats */
    double *mean, *se;           /* [n_layers][n_settings], nats, of D; NaN where the setting was not asked for */
    double *kl, *kl_se;          /* of the divergence */
} mb_measured;

/* SETTING[n]; USE[n_layers][n], or NULL: every setting on every layer. MB_BADINPUT without calibration data. */
int mb_measure(const mb_setup *s, const mb_profile *prof, const mb_assign *setting, int n, const bool *use,
               const mb_measure_options *o, const mb_progress *pr, mb_measured **out);
void mb_measured_free(mb_measured *m);
/* KL of softmax(Y) from softmax(X), both [n], in units of 2^-20 nats, at most what a loss can be. */
int64_t mb_divergence_units(const float *x, const float *y, size_t n);

#endif
