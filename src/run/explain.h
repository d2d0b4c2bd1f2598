/* explain.h - where the accuracy of a point goes: what each non-ideality costs, and the signal-to-noise ratio of every layer
 *
 * Non-idealities of a point, in the order in which they act: input quantisation, weight quantisation, levels of the cells
 * that miss the digits, the effects of the cell (array/cell.h; those called noise after the wires), wires, read noise, the converter. Those that the point does not have are not
 * listed.
 *
 * Accuracies, on the scored samples and device draws of the point. A(S) is the accuracy with the set S of non-idealities, the
 * others removed; what stays on draws the same random numbers (law 1), and calibrated converter ranges are calibrated again.
 *     without_i   = A(all but i)              recovered_i = without_i - A(all)
 *     up_to_i     = A(first .. i)             lost_i      = up_to_{i-1} - up_to_i,  up_to_0 = A(none), the float network
 * The lost ones add up to the whole loss; the recovered ones do not, where errors mask or feed each other.
 * Output of a layer, with x its real inputs and q their integers:
 *     y = W x_used + (array(q) - F Wq q) s_x s_w / F + b
 * where W is the float or the quantised matrix, x_used is x or s_x q: the error of the array is that at the integers which it
 * would be driven with.
 *
 * Interval of a difference of accuracies on the same n samples and T draws: d_tj = 1, 0, -1 when draw t gets sample j right by
 * the change, the same, wrong by it; D_j = mean_t d_tj. One gain and one loss are added to the n samples (Bonett and Price, J.
 * Educ. Behav. Stat. 37 (2012) 479, doi:10.3102/1076998611411915, the adjusted form of McNemar's comparison, which it is for T =
 * 1): m = sum D_j / (n + 2), v = (sum D_j^2 + 2) / (n + 2) - m^2, and the interval is m +- sqrt( 1.96^2 v / (n + 2) + t_{0.975,
 * T-1}^2 s^2 / T ), s the standard deviation between draws of the mean difference (second term only for T > 1). Clipped to -1
 * .. 1.
 *
 * Signal-to-noise ratio of layer l after non-ideality i: 10 log10( sum y0^2 / sum (y_i - y0)^2 ), y0 the float layer without its
 * bias, y_i with the first .. i, both on the activations of the float network (so that layers are told apart), over the first
 * MB_EXPLAIN_SAMPLES scored samples and the draws. Clipped conversions, part of the code range used, and histogram of the codes:
 * of the whole point on the same activations. Ratios above 120 dB, the rounding of float32, count as exact. Sums have one order: no number depends on threads.
 */
#ifndef MB_RUN_EXPLAIN_H
#define MB_RUN_EXPLAIN_H

#include "run/results.h"
#include "run/simulate.h"

#define MB_EXPLAIN_SAMPLES 64
#define MB_EXPLAIN_FILE "explain.jsonl"

typedef struct mb_explain_item {
    char *name;
    double without, recovered, recovered_low, recovered_high; /* accuracies and differences, 0..1 */
    double up_to, lost, lost_low, lost_high;
} mb_explain_item;

typedef struct mb_explain_layer {
    char *name, *engine;
    double *snr_dB;                                  /* [n_item]; infinite: exact */
    double clipped;                                  /* fraction of the conversions */
    double occupancy;                                /* part of the code range that occurred */
    int64_t conversions;                             /* behind the histogram; 0: digital layer or transparent converter */
    int64_t code[MB_CODE_BINS];                      /* conversions by code, over all slices: equal parts of the range */
    double recovered, recovered_low, recovered_high; /* accuracy won when this layer alone is exact; NaN: not asked */
} mb_explain_layer;

typedef struct mb_explanation {
    int64_t point;
    char *id;    /* of the point, 16 hex digits */
    bool layers; /* the ablation of layers was made */
    int64_t samples, draws, snr_samples;
    double float_accuracy, accuracy, lost_low, lost_high; /* interval of float_accuracy - accuracy */
    mb_explain_item *item;
    size_t n_item;
    mb_explain_layer *layer;
    size_t n_layer;
} mb_explanation;
void mb_explanation_free(mb_explanation *e); /* all of it; NULL is nothing */

/* Explain PLAN of the point S: one pass over the samples per set of non-idealities and draw. LAYERS: also each analog layer made
 * exact alone (one pass per layer and draw). e->point is left 0. Any status of the passes. */
int mb_explain_point(mb_setup *s, const mb_profile *prof, const mb_plan *plan, bool layers, const mb_progress *pr,
                     mb_explanation **e);
/* The interval above from the sums over samples of e_j = sum_t d_tj (S1) and e_j^2 (S2) and the differences of the draws d[T]. */
void mb_paired_interval(int64_t n, int64_t T, int64_t S1, int64_t S2, const double *d, double *low, double *high);

/* --- explain.jsonl: a schema line, then one line per explained point, as in results.jsonl (explain_file.c) --- */
void mb_explanation_json(const mb_explanation *e, mb_str *out);
/* The explanations of the run folder DIR; n = 0 when it has none. A damaged line is MB_BADINPUT with file:line. */
int mb_explain_read(const char *dir, mb_explanation ***list, size_t *n);
/* The text of explain.jsonl with LIST, points ascending. */
void mb_explain_text(const char *name, mb_explanation *const *list, size_t n, mb_str *out);

#endif
