/* adc.h - the interface of analog-to-digital converters (implemented in devices/)
 *
 * Column currents arrive as exact integers S ("array units": fixed-point conductance times input digit, see array/xbar.h). A
 * converter maps S to
 *     value = base + q * step,   q = clip( sign(u) * floor((|u| + step / 2) / step), q_lo, q_hi ),   u = S - base
 * with an integer step >= 1 (step / 2 is an integer division): rounding half away from zero in integer arithmetic, so every
 * instruction set gives the same bits. The crossbar promises |S| < 2^30, |base| <= 2^29 + 2^16, step <= 2^29 + 1, so that u and
 * |u| + step / 2 fit an int32.
 * Non-ideal converters add their errors to u or to the decision levels, with numbers from the stream they are given.
 */
#ifndef MB_ARRAY_ADC_H
#define MB_ARRAY_ADC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/param.h"
#include "base/quantity.h"
#include "base/rng.h"

typedef struct mb_adc_range {
    int32_t base, step, q_lo, q_hi;
    uint32_t place; /* whose converters: 1 + unit of their static errors (base/rng.h); 0: that of the stream */
} mb_adc_range;

typedef struct mb_adc_type {
    const char *name, *summary, *reference;
    const mb_param *params;
    size_t size;
    int (*check)(const void *p);            /* NULL: none */
    int (*prepare)(void *p); /* after check: read the files that parameters name into other parameters (mb_malloc); NULL: none */
    bool transparent;                       /* value = S: no quantisation, no range (the ideal converter) */
    bool (*deterministic)(const void *p);   /* no random part */
    bool (*uniform)(const void *p); /* exactly the formula above: kernels fuse it instead of calling convert; NULL: never */
    /* n conversions; *clipped grows by the number of saturated ones. rng may be NULL when deterministic. in and out may be the
     * same array. Values are base + q * step with q_lo <= q <= q_hi. The stream is consumed as a function of n and the parameters
     * only, never of the data. */
    void (*convert)(const void *p, const mb_adc_range *r, size_t n, const int32_t *in, int32_t *out, uint64_t *clipped,
                    mb_stream *rng);
    /* One conversion of BITS bits at RATE conversions per second in a NODE_NM technology: energy of one conversion, its time, the
     * converter's area. rate_Hz 0: as fast as it can. MB_BADINPUT when the model does not cover the request. */
    int (*cost)(const void *p, int bits, double rate_Hz, double node_nm, mb_cost *c);
    const char *cost_source;

    /* The general form (optional; the general analog engine of array/analog.h needs it). Currents are doubles in any unit;
     * [lo, hi] is the range in that unit.
     * Static errors (mismatch, offset, gain) are numbers per converter, drawn once when the array is made; columns may share
     * a converter. */
    int (*group)(const void *p);            /* neighbouring columns served by one converter, 0: all of an array; NULL: 1 */
    /* doubles that describe a converter of COLUMNS columns; NULL: none */
    size_t (*statics)(const void *p, int bits, int columns);
    /* rng may be NULL when deterministic */
    void (*draw)(const void *p, int bits, int columns, double *statics, mb_stream *rng);
    /* One conversion for each of the n columns of one converter; statics: as drawn for exactly n columns, or NULL when
     * statics() is 0. in and out may be the same.
     * *clipped grows by the number of inputs outside [lo, hi]. rng: noise and stochastic rounding; may be NULL when
     * deterministic. */
    void (*convert_real)(const void *p, int bits, double lo, double hi, const double *statics, size_t n, const double *in,
                         double *out, uint64_t *clipped, mb_stream *rng);
    int (*codes)(const void *p, int bits);  /* number of output codes; NULL: 2^bits */
    /* code c stands for (2 c - 2^bits + 1) / 2^bits * max(|lo|, |hi|); false: codes from lo to hi, both included */
    bool mid_rise;
} mb_adc_type;

/* convert() of a converter that has only the general form. Code c stands for q_lo + c, the circuit sees the middle of the
 * range as its zero. At most
 * MB_ADC_REAL_BITS bits; finer ranges are converted with a coarser step. Static errors are those of (seed, trial) of the stream and of the range's place,
 * whatever the stream's index: the same for every vector. In networks the place is a row of arrays (a row tile of one group of a
 * layer): its row groups, and their slices, planes and polarities, take turns on the same converters, one per output (or group of
 * neighbouring outputs, at most 256). */
#define MB_ADC_REAL_BITS 12
#define MB_ADC_STATICS_MAX (2 * 4096 + 512)   /* doubles: statics(p, MB_ADC_REAL_BITS, 256) is at most that */
void mb_adc_convert_by_real(const mb_adc_type *t, const void *p, const mb_adc_range *r, size_t n, const int32_t *in, int32_t *out,
                            uint64_t *clipped, mb_stream *rng);

/* The formula above for one conversion; *clipped grows by 1 when the code saturates. */
static inline int32_t mb_adc_code(const mb_adc_range *r, int32_t S, uint64_t *clipped) {
    int32_t u = S - r->base, a = u < 0 ? -u : u, q = (a + r->step / 2) / r->step;
    q = u < 0 ? -q : q;
    *clipped += q < r->q_lo || q > r->q_hi;
    return q < r->q_lo ? r->q_lo : q > r->q_hi ? r->q_hi : q;
}

extern const mb_adc_type *const mb_adcs[];   /* NULL-terminated, generated from devices/local.mk */

typedef struct mb_adc { const mb_adc_type *type; void *params; } mb_adc;
const mb_adc_type *mb_adc_find(const char *name);
/* GROUP (preset expanded) has the key `type = NAME` and the parameters of that type. */
int mb_adc_load(mb_conf *group, mb_adc *adc);
void mb_adc_free(mb_adc *adc);

#endif
