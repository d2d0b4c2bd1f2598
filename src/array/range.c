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

int mb_xbar_observe(const mb_xbar *xb, int m, const int16_t *x, mb_xbar_hist *h) {
    const mb_kernel *kern = NULL;
    int32_t *S = NULL;
    void *work = NULL;
    int rc = MB_OK;
    if (m <= 0) return MB_OK;
    if (h->slices != xb->lay.slices || h->bins != bins_for(xb))
        return mb_fail(MB_BUG, "a histogram observes a crossbar that it was not made for");
    if ((rc = mb_kernel_best(&kern)) || (rc = mb_xbar_check_inputs(xb, m, x))) return rc;
    size_t columns = (size_t)xb->panels * MB_PANEL, need = 0, per = (size_t)xb->sc.polarities * (size_t)xb->n_all;
    for (int g = 0; g < xb->lay.row_groups; g++) {
        mb_row_group rg;
        mb_xbar_row_group(xb, g, &rg);
        size_t w = kern->work_size(&rg, 1);
        need = w > need ? w : need;
    }
    S = mb_malloc(columns * (size_t)xb->lay.planes, sizeof *S);
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
                for (int p = 0; p < xb->lay.planes; p++) hist_add(h, s, S + (size_t)p * columns + (size_t)s * per, per);
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
    bool subtracted = xb->spec.scheme == MB_DIFFERENTIAL && xb->spec.subtract == MB_SUB_ANALOG;
    return top * (w + (subtracted ? 0 : xb->sc.w0));
}

/* The next step that mb_grid_of takes: step / 2^h in (2^6, 2^7] is even. Steps up to 2^7 stay. */
static int64_t on_grid(int64_t step) {
    int h = 0;
    while ((step - 1) >> h >= 1 << MB_GRID_BITS) h++;
    int64_t even = (int64_t)2 << h;
    return h == 0 ? step : (step + even - 1) / even * even;
}

static mb_adc_range range_for(const mb_xbar *xb, int64_t R, int64_t finest) {
    int b = xb->spec.adc_bits;
    int64_t L = xb->sc.bipolar ? ((int64_t)1 << (b - 1)) - 1 : ((int64_t)1 << b) - 1;
    if (L == 0) {                     /* one bit, both signs: a comparator */
        int64_t step = R > finest ? R : finest;
        step = step < 2 ? 2 : step + step % 2;
        return (mb_adc_range){.base = (int32_t)(-step / 2), .step = (int32_t)step, .q_lo = 0, .q_hi = 1};
    }
    int64_t step = (R + L - 1) / L;
    step = step > finest ? step : finest;
    if (b <= 8) step = on_grid(step);
    if (!xb->sc.bipolar) return (mb_adc_range){.base = 0, .step = (int32_t)step, .q_lo = 0, .q_hi = (int32_t)L};
    if (xb->sc.polarities == 1 && xb->spec.scheme == MB_DIFFERENTIAL)
        return (mb_adc_range){.base = 0, .step = (int32_t)step, .q_lo = (int32_t)-L, .q_hi = (int32_t)L};
    return (mb_adc_range){.base = (int32_t)(-L * step), .step = (int32_t)step, .q_lo = 0, .q_hi = (int32_t)(2 * L)};
}

int mb_xbar_set_ranges(mb_xbar *xb, const mb_xbar_hist *h) {
    const mb_xbar_spec *sp = &xb->spec;
    if (sp->adc.type->transparent) {
        for (int s = 0; s < xb->lay.slices; s++)
            xb->range[s] = (mb_adc_range){.base = 0, .step = 1, .q_lo = -MB_SUM_LIMIT, .q_hi = MB_SUM_LIMIT};
        xb->ranged = true;
        return MB_OK;
    }
    if (sp->adc_rule == MB_ADC_CALIBRATED && (!h || h->slices != xb->lay.slices || h->total[0] == 0))
        return mb_fail(MB_BADINPUT, "calibrated converter ranges need observed inputs, and there are none; give calibration "
                                    "samples or choose adc_rule = \"full\"");
    for (int s = 0; s < xb->lay.slices; s++) {
        int64_t full = full_scale(xb, s), R = full, finest = xb->sc.F;
        if (sp->adc_rule == MB_ADC_CALIBRATED) R = percentile(h, s, sp->adc_percentile);
        if (sp->adc_rule == MB_ADC_GIVEN) {
            R = (int64_t)ceil(sp->adc_fraction * (double)full);
            finest = 1;
        }
        xb->range[s] = range_for(xb, R, finest);
    }
    xb->ranged = true;
    return MB_OK;
}

const mb_adc_range *mb_xbar_range(const mb_xbar *xb, int slice) {
    return slice >= 0 && slice < xb->lay.slices ? &xb->range[slice] : NULL;
}
