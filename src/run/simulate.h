/* simulate.h - accuracy of a network on crossbars: calibrate, quantise, program, run; the only owner of the parallel loop over (trial, block of samples)
 *
 * Between weighted layers everything is our own elementwise float code; weighted layers are integer products (digital engine) or crossbar reads (analog engine).
 * Activations are quantised once per layer and sample, then unrolled. Blocks of samples are fixed by MB_SIM_BLOCK, not by the number of threads.
 */
#ifndef MB_RUN_SIMULATE_H
#define MB_RUN_SIMULATE_H

#include "array/xbar.h"
#include "mapping/plan.h"
#include "nn/exec.h"
#include "run/experiment.h"

#define MB_SIM_BLOCK 16

typedef struct mb_accuracy { int64_t correct, samples; double loss; } mb_accuracy;   /* loss: mean cross-entropy of the softmax of the outputs */

/* Progress: called by one thread at a time; step returns non-zero to stop (MB_INTERRUPTED). draw (may be NULL): mean accuracy of a point over the draws so far. */
typedef struct mb_progress {
    int (*step)(void *ctx, const char *what, int64_t done, int64_t total);
    void *ctx;
    void (*draw)(void *ctx, double accuracy, int draws);
} mb_progress;

/* What the calibration data showed: one observer per weighted layer (of its input). Depends on network and calibration data only. */
typedef struct mb_profile { mb_observer *input; int n; } mb_profile;
int mb_profile_new(const mb_network *net, const mb_dataset *calib, int64_t samples, const mb_progress *pr, mb_profile **p);
void mb_profile_free(mb_profile *p);

/* Float accuracy of the network on samples [0, samples) of DATA. */
int mb_float_accuracy(const mb_network *net, const mb_dataset *data, int64_t samples, const mb_progress *pr, mb_accuracy *acc);

/* A network mapped under a plan: integer weights and scales, crossbars of the analog layers. */
typedef struct mb_mapped mb_mapped;
int mb_mapped_new(const mb_setup *s, const mb_profile *prof, const mb_plan *plan, mb_mapped **m);
void mb_mapped_free(mb_mapped *m);
const bool *mb_mapped_input_signed(const mb_mapped *m);                  /* [n_weighted] */
/* Quantised accuracy: exact integer products everywhere. */
int mb_quantised_accuracy(mb_mapped *m, const mb_dataset *data, int64_t samples, const mb_progress *pr, mb_accuracy *acc);
/* Draw the devices of TRIAL; the first time, and for calibrated ranges, also set the converters' ranges from the calibration samples. */
int mb_mapped_program(mb_mapped *m, uint32_t trial, const mb_progress *pr);
/* Before the first mb_mapped_program(): cells are programmed once for all networks mapped from setups and plans that differ in converters only, and kept in the
 * cache of the setup, which must be as mb_setup_load() left it. Where that cannot be, or all draws would not fit, nothing is shared. */
int mb_mapped_share(mb_mapped *m, const mb_plan *plan);
bool mb_programming_ignores(const char *key);   /* points that differ in this key of the experiment may share cells */
bool mb_mapped_deterministic(const mb_mapped *m);                        /* one trial says it all */
/* Accuracy of the programmed network; adds to the per-layer statistics. */
int mb_analog_accuracy(mb_mapped *m, const mb_dataset *data, int64_t samples, const mb_progress *pr, mb_accuracy *acc);

/* Statistics of weighted layer K gathered so far. */
typedef struct mb_layer_stats {
    double snr_dB, clipped, adc_occupancy, row_rate;
    mb_activity activity;
    int adc_bits_lossless;
    double wire_residual;       /* largest of its arrays at the last programming, 0: ideal wires */
} mb_layer_stats;
void mb_mapped_stats(const mb_mapped *m, int k, mb_layer_stats *st);

/* --- for passes that compute weighted layers in their own way (explain_pass.c) --- */

/* What a mapped layer holds; all borrowed. xbar NULL: digital. Weight scales sw[cout], integer weights Wq[groups][K][N], input scale sx. */
typedef struct mb_mapped_view {
    mb_matmul mm;
    const int16_t *Wq;
    const double *sw;
    double sx;
    bool is_signed;
    int input_bits;
    mb_xbar *const *xbar;        /* [groups] */
    double compensation;         /* of drift: factor on the arrays' results; 1 before the first draw of the devices */
} mb_mapped_view;
void mb_mapped_layer(const mb_mapped *m, int k, mb_mapped_view *v);

/* Samples [0, samples) of DATA through the network, in blocks of MB_SIM_BLOCK, each computed by one thread from beginning to end. Every thread opens a context of
 * its own. What a context gathers over blocks must not depend on which blocks it got: integers, or numbers kept per block. */
typedef struct mb_sim_job {
    const mb_network *net;
    const mb_dataset *data;
    int64_t samples;
    const char *what;                                                   /* for the progress */
    const mb_progress *progress;
    void *shared;
    int (*open)(void *shared, void **ctx);
    void (*close)(void *ctx);                                           /* serially, also after a failed open; ctx may be NULL */
    void (*begin)(void *ctx, int64_t first);                            /* a block begins with sample FIRST */
    mb_weighted_fn layer;
    void (*end)(void *ctx, int64_t first, int n, const float *out);     /* outputs [n][classes] of the block */
    /* NULL, or: does the block in its own way, from its inputs x[n]; the three before are not called then */
    int (*block)(void *ctx, int64_t first, int n, const float *x);
} mb_sim_job;
int mb_sim_run(const mb_sim_job *job);

/* One thread's means to compute weighted layers of mapped networks of NET, one at a time, for such blocks. */
typedef struct mb_layer_runner mb_layer_runner;
int mb_layer_runner_new(const mb_network *net, mb_layer_runner **r);
void mb_layer_runner_free(mb_layer_runner *r);
/* From here on: layers of M, on its programmed arrays (ANALOG, with the devices of TRIAL) or as exact integers, for samples FIRST, FIRST + 1, ... */
void mb_layer_runner_set(mb_layer_runner *r, mb_mapped *m, bool analog, uint32_t trial, int64_t first);
int mb_layer_runner_run(void *runner, const mb_network *net, int m, int n, const float *x, float *y);    /* an mb_weighted_fn */
/* Cross-entropy of the softmax of V [n] against class LABEL in units of 2^-20, at most 2^31. */
int64_t mb_loss_units(const float *v, size_t n, int label);
#define MB_LOSS_UNIT (1.0 / 1048576)

int mb_sim_threads(void);   /* threads that the loop over blocks will use */

/* 95 % interval of a mean accuracy over N samples and T device draws with standard deviation SD: Wilson's interval for the samples and Student's t for the draws, added in squares.
 * Wilson, J. Am. Stat. Assoc. 22 (1927) 209, doi:10.1080/01621459.1927.10502953. */
void mb_accuracy_interval(double mean, int64_t n, double sd, int64_t t, double *low, double *high);

double mb_draws_half_width(double sd, int64_t t);   /* its second part alone: half of the interval over the draws; 0 for a single one */

#endif
