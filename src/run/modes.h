/* modes.h - precision that is switched at run time on cells programmed once
 *
 * A mode of a plan leaves the lowest slices of weights unread, drives fewer input planes, converts with fewer bits, layer by layer; the
 * cells stay as they are (mapping/plan.h). Finding modes:
 *     every layer alone in every setting -> measured divergence (run/measure.h), true costs (cost/machine.h)
 *     -> complete front of the predicted divergence against a cost (mapping/front.h, exact) -> the k points that cover it best (mapping/modes.h)
 * With arch.weight_code = "balanced" what is left of a weight is the rounded weight; with plain digits it is cut off.
 * What is built is the plan's: its area, and the cells that were programmed. A converter that is used at fewer bits is taken to need the
 * energy and time of one made for them (successive approximation that stops early); its larger leakage is left out.
 * A dedicated plan has the same menu and the precision of the stored weights besides, for the cost that a mode has: what switching
 * costs against programming for that cost alone.
 *
 * Early exit: a sample is computed in a mode of low cost first, and again in the full precision when the two largest of its outputs, as
 * probabilities, differ by less than a threshold. Its cost is that of the first pass, plus that of the second for the share of samples
 * that need it. Survey guideline: Rakka et al., 2022, arXiv:2207.07968 (run-time reconfigurable precision).
 */
#ifndef MB_RUN_MODES_H
#define MB_RUN_MODES_H

#include "mapping/plan.h"
#include "mapping/policy.h"
#include "run/point.h"

typedef struct mb_modes_options {
    int count;                     /* modes besides the plan itself */
    int metric;                    /* row of mb_metric_params: the cost of the front */
    double max_loss;               /* predicted divergence (nats) above the plan's own beyond which a point is no mode */
    const int *input_bits, *adc_bits, *weight_bits; /* what layers may take; weight_bits: of dedicated plans */
    int n_input, n_adc, n_weight;
    int64_t samples;               /* calibration samples of the measurement; 0: all */
    int trials;                    /* device draws of the measurement */
    const mb_progress *progress;
} mb_modes_options;

/* A point of the search. */
typedef struct mb_mode_found { double predicted; mb_metrics cost; } mb_mode_found;

/* Modes for PLAN, added to it as "mode1" (most exact) ... with what was predicted of each in FOUND[count] (*n of them), and the size of the
 * front in *FRONT. Fewer than asked for when the front has no more points. MB_NUMERIC when it has none but the plan. */
int mb_modes_find(mb_setup *s, mb_plan *plan, const mb_modes_options *o, mb_mode_found *found, int *n, int *front);
/* For each of N limits of the metric the plan with the least predicted loss whose weights, too, have the precision that suits it (NULL:
 * none); the storage keys other than weight_bits are those of BASE. */
int mb_modes_dedicated(mb_setup *s, const mb_plan *base, const mb_modes_options *o, const double *limit, int n, mb_plan **plan);

typedef struct mb_exit_point { double threshold, rerun, accuracy, energy_J, latency_s; } mb_exit_point;   /* rerun: share of samples */
/* Early exit from LOW to HIGH on the test samples of S, all trials: N thresholds, at which the shares of samples run again are 0, 1/(n-1),
 * ..., 1. Costs of one sample in the two plans are given. */
int mb_modes_exit(mb_setup *s, const mb_plan *low, const mb_plan *high, const mb_cost *cost_low, const mb_cost *cost_high, int n,
                  const mb_progress *pr, mb_exit_point *out);

#endif
