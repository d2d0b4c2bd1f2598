/* errors.h - errors at the output of a layer from its weights and setting alone, as noise over signal in power
 *
 *     weight    |Q(W) - W|^2 / |W|^2 with the crossbar's own quantiser, one scale per output channel (nn/quant.h)
 *     input     (4/3) 4^-input_bits: rounding of inputs that are half of a normal distribution cut at four sigma, step^2 / 12 over sigma^2
 *     converter sigma_adc^2 / E[y^2], analog layers with converters below B = ceil(log2(rows (2^cell_bits - 1) (2^dac_bits - 1) + 1)) lossless bits, in units of
 *               the product of integer codes: sigma_adc^2 = step^2 / 12 x groups of rows x sum_s 4^(cell_bits s) x sum_t 4^(dac_bits t),
 *               step = fill 2^(B - adc_bits), at least 1;  E[y^2] = K E[q_w^2] E[q_x^2]
 * No data, no network behind the layer, no devices. Who may call: providers of sensitivities.
 */
#ifndef MB_MAPPING_ERRORS_H
#define MB_MAPPING_ERRORS_H

#include "mapping/policy.h"

typedef struct mb_errors { double weight, input, converter; } mb_errors;

/* What is known of a layer; by weight bits: |dW|^2 / |W|^2 and the mean square of the codes. */
typedef struct mb_error_model {
    const mb_layer *layer;
    int rows;                  /* of an array, for settings that read all of them at once */
    double fill;               /* range of the converters as a share of the largest possible sum */
    bool have[9];
    double error[9], power[9];
} mb_error_model;

/* A layer without weights is MB_BADINPUT. */
int mb_error_model_init(mb_error_model *m, const mb_layer *l, int rows, double fill);
int mb_errors_of(mb_error_model *m, const mb_assign *a, mb_errors *out);
double mb_weight_power(const mb_layer *l); /* |W|^2 */

/* The parameters rows and fill of a provider's struct S. */
#define MB_ERROR_ROWS(S)                                                                                                         \
    MB_INT(S, rows, "", "128", 1, 65536, "rows of an array, for settings that read all of them at once"),                       \
        MB_REAL(S, fill, "", "0.25", 1e-6, 1, "range of the converters as a share of the largest possible sum")

/* Methods that know changes of weights only meet menus with input bits and converters. An error at a layer's output of relative power r does what a change of
 * weights with |dW|^2 = r |W|^2 does while the rows of inputs are uncorrelated: so the other errors can be referred to the weights. */
#define MB_OTHERS_ROW(S)                                                                                                         \
    MB_CHOICE(S, others, "referred|none", "referred",                                                                            \
              "errors that the method does not know (converters, inputs): referred to those it knows, or left out")

#endif
