/* range.c - converter ranges and the histograms behind calibrated ones
 *
 * Rules and equations: array/xbar.h. Histogram of |S|: values below 128 exactly, above in 64 bins per octave (1.6 % wide), so
 * percentiles of sums of any size are equally sharp and a layer of a thousand small groups fits in memory; counts are integers,
 * so merging is exact and order-free. The largest value is kept exactly (percentile 1).
 */
#include <math.h>
#include <string.h>

#include "array/xbar_private.h"
#include "base/error.h"
#include "base/mem.h"

#define EXACT 128u                    /* 2^7 */
#define OCTAVE 64u                    /* bins per octave */

struct mb_xbar_hist {
    int slices;
    size_t bins;                      /* up to the largest possible |S| */
    uint64_t total[MB_MAX_SLICES];
    uint32_t top[MB_MAX_SLICES];
    uint64_t *bin;                    /* [slices][bins] */
};

static unsigned bin_of(uint32_t a) {
    if (a < EXACT) return a;
    unsigned e = 31u - (unsigned)__builtin_clz(a);           /* 7..30 */
    return EXACT + (e - 7) * OCTAVE + (a >> (e - 6) & (OCTAVE - 1));
}

static uint32_t bin_last(unsigned b) {                       /* largest value in a bin */
    if (b < EXACT) return b;
    unsigned e = (b - EXACT) / OCTAVE + 7, sub = (b - EXACT) % OCTAVE;
    return (uint32_t)(((uint64_t)(OCTAVE + sub + 1) << (e - 6)) - 1);
}

static size_t bins_for(const mb_xbar *xb) {
    return bin_of((uint32_t)xb->sc.rows_read * (uint32_t)xb->sc.input_digit * (uint32_t)xb->sc.w_max) + 1;
}

int mb_xbar_hist_new(const mb_xbar *xb, mb_xbar_hist **out) {
    *out = NULL;
    mb_xbar_hist *h = mb_calloc(1, sizeof *h);
    if (!h) return mb_nomem();
    h->slices = xb->lay.slices;
    h->bins = bins_for(xb);
    h->bin = mb_calloc((size_t)h->slices * h->bins, sizeof *h->bin);
    if (!h->bin) {
        mb_free(h);
        return mb_nomem();
    }
    *out = h;
    return MB_OK;
}

void mb_xbar_hist_free(mb_xbar_hist *h) {
    if (!h) return;
    mb_free(h->bin);
    mb_free(h);
}

int mb_xbar_hist_merge(mb_xbar_hist *h, const mb_xbar_hist *b) {
    if (h->slices != b->slices || h->bins != b->bins)
        return mb_fail(MB_BUG, "histograms of different crossbars cannot be merged");
    for (int s = 0; s < h->slices; s++) {
        h->total[s] += b->total[s];
        h->top[s] = b->top[s] > h->top[s] ? b->top[s] : h->top[s];
        for (size_t i = 0; i < h->bins; i++) h->bin[(size_t)s * h->bins + i] += b->bin[(size_t)s * h->bins + i];
    }
    return MB_OK;
}

static void hist_add(mb_xbar_hist *h, int s, const int32_t *S, size_t n) {
    uint64_t *bin = h->bin + (size_t)s * h->bins;
    uint32_t top = h->top[s];
    for (size_t i = 0; i < n; i++) {
        uint32_t a = (uint32_t)(S[i] < 0 ? -S[i] : S[i]);
        top = a > top ? a : top;
        bin[bin_of(a)]++;
    }
    h->top[s] = top;
    h->total[s] += n;
}

static void general_add(void *h, int s, const int32_t *S, size_t n) { hist_add(h, s, S, n); }

int mb_xbar_observe(const mb_xbar *xb, int m, const int16_t *x, mb_xbar_hist *h) {
    const mb_kernel *kern = NULL;
    int32_t *S = NULL;
    void *work = NULL;
    int rc = MB_OK;
    if (m <= 0) return MB_OK;
    if (h->slices != xb->lay.slices || h->bins != bins_for(xb))
        return mb_fail(MB_BUG, "a histogram observes a crossbar that it was not made for");
    if ((rc = mb_kernel_best(&kern)) || (rc = mb_xbar_check_inputs(xb, m, x))) return rc;
    if (xb->general) return mb_general_observe(xb, m, x, general_add, h);
    size_t columns = (size_t)xb->panels * MB_PANEL, need = 0, per = (size_t)xb->sc.polarities * (size_t)xb->n_all;
    for (int g = 0; g < xb->lay.row_groups; g++) {
        mb_row_group rg;
        mb_xbar_row_group(xb, g, &rg);
        size_t w = kern->work_size(&rg, 1);
        need = w > need ? w : need;
    }
    S = mb_malloc(columns * (size_t)xb->lay.planes_converted, sizeof *S);
    work = mb_malloc(need, 1);
    if (!S || !work) {
        rc = mb_nomem();
        goto out;
    }
    for (int v = 0; v < m; v++)
        for (int g = 0; g < xb->lay.row_groups; g++) {
            mb_row_group rg;
            mb_xbar_row_group(xb, g, &rg);
            kern->sums(&rg, x + (size_t)v * (size_t)xb->K + xb->group[g].k0, S, work);
            for (int s = 0; s < xb->lay.slices; s++)
                for (int p = 0; p < xb->lay.planes_converted; p++) hist_add(h, s, S + (size_t)p * columns + (size_t)s * per, per);
        }
out:
    mb_free(S);
    mb_free(work);
    return rc;
}

/* Smallest value that at least the fraction p of what slice s saw does not exceed. */
static int64_t percentile(const mb_xbar_hist *h, int s, double p) {
    uint64_t want = (uint64_t)ceil(p * (double)h->total[s]), seen = 0;
    for (unsigned i = 0; i < h->bins; i++) {
        seen += h->bin[(size_t)s * h->bins + i];
        if (seen >= want && seen > 0) return bin_last(i) < h->top[s] ? bin_last(i) : h->top[s];
    }
    return h->top[s];
}

/* Largest |S| of slice s with cells that have no error. */
static int64_t full_scale(const mb_xbar *xb, int s) {
    int64_t top = (int64_t)xb->sc.rows_read * xb->sc.input_digit, w = (int64_t)xb->sc.slice_digits[s] * xb->sc.F;
    if (mb_xbar_two_sided(&xb->spec) && xb->sc.polarities == 2) w = ((int64_t)xb->sc.grid[s] + xb->sc.slice_digits[s]) * xb->sc.F / 2;
    bool subtracted = xb->spec.scheme == MB_DIFFERENTIAL && xb->spec.subtract == MB_SUB_ANALOG;
    return top * (w + (subtracted ? 0 : xb->sc.w0[s]));
}

/* Largest code away from zero (both signs), or from the base. */
static int64_t codes(const mb_xbar *xb) {
    int b = xb->spec.adc_bits;
    return xb->sc.bipolar ? ((int64_t)1 << (b - 1)) - 1 : ((int64_t)1 << b) - 1;
}

/* The next step that mb_grid_of takes: step / 2^h in (2^6, 2^7] is even. Steps up to 2^7 stay. */
static int64_t on_grid(int64_t step) {
    int h = 0;
    while ((step - 1) >> h >= 1 << MB_GRID_BITS) h++;
    int64_t even = (int64_t)2 << h;
    return h == 0 ? step : (step + even - 1) / even * even;
}

static mb_adc_range range_for(const mb_xbar *xb, int64_t R, int64_t finest) {
    int64_t L = codes(xb);
    if (L == 0) {                     /* one bit, both signs: a comparator */
        int64_t step = R > finest ? R : finest;
        step = step < 2 ? 2 : step + step % 2;
        return (mb_adc_range){.base = (int32_t)(-step / 2), .step = (int32_t)step, .q_lo = 0, .q_hi = 1};
    }
    int64_t step = (R + L - 1) / L;
    step = step > finest ? step : finest;
    if (xb->spec.adc_bits <= 8) step = on_grid(step);
    if (!xb->sc.bipolar) return (mb_adc_range){.base = 0, .step = (int32_t)step, .q_lo = 0, .q_hi = (int32_t)L};
    if (xb->sc.polarities == 1 && xb->spec.scheme == MB_DIFFERENTIAL)
        return (mb_adc_range){.base = 0, .step = (int32_t)step, .q_lo = (int32_t)-L, .q_hi = (int32_t)L};
    return (mb_adc_range){.base = (int32_t)(-L * step), .step = (int32_t)step, .q_lo = 0, .q_hi = (int32_t)(2 * L)};
}

/* Mean square of (converted - sum) over the histogram of slice s when the largest sum is R; sums at the middle of their bins. */
static double error_of(const mb_xbar_hist *h, int s, double R, double L) {
    double step = R / L, sum = 0;
    for (unsigned i = 1; i < h->bins; i++) {
        uint64_t n = h->bin[(size_t)s * h->bins + i];
        if (n == 0) continue;
        double v = 0.5 * ((double)bin_last(i - 1) + 1 + (double)bin_last(i)), q = floor(v / step + 0.5);
        double e = (q > L ? L : q) * step - v;
        sum += (double)n * e * e;
    }
    return sum;
}

/* The range with the smallest error, among 200 fractions of the largest sum. */
static int64_t least_error(const mb_xbar *xb, const mb_xbar_hist *h, int s) {
    double best = (double)INFINITY, L = (double)codes(xb);
    int64_t at = h->top[s];
    for (int k = 200; k >= 1 && L > 0; k--) {
        int64_t R = ((int64_t)h->top[s] * k + 199) / 200;
        if (R < 1) break;
        double e = error_of(h, s, (double)R, L);
        if (e < best) best = e, at = R;
    }
    return at;
}

/* Largest sum that slice s shall convert, by the rule; *finest: no step is below it. */
static int64_t wanted(const mb_xbar *xb, const mb_xbar_hist *h, int s, int64_t *finest) {
    const mb_xbar_spec *sp = &xb->spec;
    *finest = sp->adc_rule == MB_ADC_GIVEN ? 1 : xb->sc.F;
    switch (sp->adc_rule) {
    case MB_ADC_CALIBRATED: return percentile(h, s, sp->adc_percentile);
    case MB_ADC_MIN_ERROR: return least_error(xb, h, s);
    case MB_ADC_GIVEN: return (int64_t)ceil(sp->adc_fraction * (double)full_scale(xb, s));
    case MB_ADC_LOSSLESS: return xb->sc.F * (codes(xb) > 0 ? codes(xb) : 1);
    default: return full_scale(xb, s);
    }
}

bool mb_xbar_calibrates(const mb_xbar_spec *s) {
    return s->adc_rule == MB_ADC_CALIBRATED || s->adc_rule == MB_ADC_MIN_ERROR;
}

int mb_xbar_set_ranges(mb_xbar *xb, const mb_xbar_hist *h) {
    const mb_xbar_spec *sp = &xb->spec;
    int64_t R[MB_MAX_SLICES], finest = 1, most = 0;
    if (sp->adc.type->transparent) {
        for (int s = 0; s < xb->lay.slices; s++)
            xb->range[s] = (mb_adc_range){.base = 0, .step = 1, .q_lo = -MB_SUM_LIMIT, .q_hi = MB_SUM_LIMIT};
        xb->ranged = true;
        mb_xbar_place_ranges(xb);
        return MB_OK;
    }
    if (mb_xbar_calibrates(sp) && (!h || h->slices != xb->lay.slices || h->total[0] == 0))
        return mb_fail(MB_BADINPUT, "calibrated converter ranges need observed inputs, and there are none; give calibration "
                                    "samples or choose adc_rule = \"full\"");
    for (int s = 0; s < xb->lay.slices; s++) {
        R[s] = wanted(xb, h, s, &finest);
        most = R[s] > most ? R[s] : most;
    }
    for (int s = 0; s < xb->lay.slices; s++) {
        int64_t want = sp->adc_one_range ? most : R[s], full = full_scale(xb, s), half = full;
        if (sp->adc_powers_of_two) {
            for (int k = 1; half > 1 && (full + ((int64_t)1 << k) - 1) >> k >= want; k++) half = (full + ((int64_t)1 << k) - 1) >> k;
            want = half > 1 ? half : want;
        }
        xb->range[s] = range_for(xb, want, finest);
    }
    xb->ranged = true;
    mb_xbar_place_ranges(xb);
    return MB_OK;
}

void mb_xbar_place_ranges(mb_xbar *xb) {
    for (int t = 0; t < xb->lay.row_tiles; t++)
        for (int s = 0; s < xb->lay.slices; s++) {
            mb_adc_range *r = &xb->placed[t * xb->lay.slices + s];
            *r = xb->range[s];
            r->place = xb->place ? xb->place + (uint32_t)t : 0;
        }
}

const mb_adc_range *mb_xbar_range(const mb_xbar *xb, int slice) {
    return slice >= 0 && slice < xb->lay.slices ? &xb->range[slice] : NULL;
}
