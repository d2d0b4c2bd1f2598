/* adc.h - the interface of analog-to-digital converters (implemented in devices/)
 *
 * Column currents arrive as exact integers S ("array units": fixed-point conductance times input digit, see array/xbar.h). A converter maps S to
 *     value = base + q * step,   q = clip( sign(u) * floor((|u| + step / 2) / step), q_lo, q_hi ),   u = S - base
 * with an integer step >= 1: rounding half away from zero in integer arithmetic, so every instruction set gives the same bits.
 * Non-ideal converters add their errors to u or to the decision levels, with numbers from the stream they are given.
 */
#ifndef MB_ARRAY_ADC_H
#define MB_ARRAY_ADC_H

#include <stddef.h>
#include <stdint.h>

#include "base/param.h"
#include "base/quantity.h"
#include "base/rng.h"

typedef struct mb_adc_range { int32_t base, step, q_lo, q_hi; } mb_adc_range;

typedef struct mb_adc_type {
    const char *name, *summary, *reference;
    const mb_param *params;
    size_t size;
    int (*check)(const void *p);            /* NULL: none */
    bool transparent;                       /* value = S: no quantisation, no range (the ideal converter) */
    bool (*deterministic)(const void *p);   /* no random part */
    /* n conversions; *clipped grows by the number of saturated ones. rng may be NULL when deterministic. in and out may be the same array. */
    void (*convert)(const void *p, const mb_adc_range *r, size_t n, const int32_t *in, int32_t *out, uint64_t *clipped, mb_stream *rng);
    /* One conversion of BITS bits at RATE conversions per second in a NODE_NM technology: energy of one conversion, its time, the converter's area.
     * MB_BADINPUT when the model does not cover the request. */
    int (*cost)(const void *p, int bits, double rate_Hz, double node_nm, mb_cost *c);
    const char *cost_source;
} mb_adc_type;

extern const mb_adc_type *const mb_adcs[];   /* NULL-terminated, generated from devices/local.mk */

typedef struct mb_adc { const mb_adc_type *type; void *params; } mb_adc;
const mb_adc_type *mb_adc_find(const char *name);
/* GROUP has the key `type = NAME` and the parameters of that type. */
int mb_adc_load(mb_conf *group, mb_adc *adc);
void mb_adc_free(mb_adc *adc);

#endif
