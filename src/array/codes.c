/* codes.c - which codes the converters of a crossbar put out
 *
 * Partial sums come from the kernels, the variance of the read noise cell by cell; one number per conversion, as in a read.
 * Equations: array/xbar.h.
 */
#include <math.h>
#include <string.h>

#include "array/xbar_private.h"
#include "base/error.h"
#include "base/mem.h"

void mb_xbar_codes_merge(mb_xbar_codes *sum, const mb_xbar_codes *one) {
    if (one->slices > sum->slices) sum->slices = one->slices;
    sum->conversions += one->conversions;
    sum->clipped += one->clipped;
    for (int s = 0; s < MB_CODE_SLICES; s++)
        for (int b = 0; b < MB_CODE_BINS; b++) sum->bin[s][b] += one->bin[s][b];
}

/* Variance of column C over the digits of plane P, in units of var_unit. SQUARE: of mb_row_group. */
static int64_t variance(const mb_xbar_group *gr, const int16_t *x, int shift, int mask, const uint32_t *square, size_t c) {
    int64_t V = 0;
    for (int k = 0; k < gr->k; k++) {
        int d = (x[k] < 0 ? -x[k] : x[k]) >> shift & mask;
        if (d) V += (square ? (int64_t)square[d] : (int64_t)d * d) * gr->var[mb_panel_index(gr->k, k, c)];
    }
    return V;
}

static void count(const mb_adc_range *r, size_t n, const int32_t *S, uint64_t *bin) {
    const int64_t width = (int64_t)r->q_hi - r->q_lo + 1;
    for (size_t j = 0; j < n; j++) { /* values are base + q step */
        int64_t u = (int64_t)S[j] - r->base, q = (u < 0 ? -(-u + r->step / 2) : u + r->step / 2) / r->step;
        q = q < r->q_lo ? r->q_lo : q > r->q_hi ? r->q_hi : q;
        bin[(q - r->q_lo) * MB_CODE_BINS / width]++;
    }
}

typedef struct scratch {
    int32_t *S, *out;
    int16_t *z;
    void *work;
} scratch;

/* One vector in one row group. */
static void group_codes(const mb_xbar *xb, const mb_read_id *id, const mb_kernel *kern, int g, int v, const int16_t *x,
                        const scratch *t, mb_xbar_codes *codes) {
    const mb_xbar_group *gr = &xb->group[g];
    const mb_adc_type *adc = xb->spec.adc.type;
    const int dac = xb->sc.dac_bits, planes = xb->lay.planes_converted, pol = xb->sc.polarities;
    const size_t n = (size_t)xb->n_all, columns = (size_t)xb->panels * MB_PANEL;
    mb_row_group rg;
    mb_stream read, conv;
    mb_xbar_row_group(xb, g, &rg);
    kern->sums(&rg, x, t->S, t->work);
    mb_xbar_stream(xb, id, MB_RNG_READ, g, v, &read);
    mb_xbar_stream(xb, id, MB_RNG_ADC, g, v, &conv);
    if (rg.var) mb_stream_fill_normal16(&read, mb_noise_count(xb->lay.slices, planes, pol, xb->n_all), t->z);
    for (int s = 0; s < xb->lay.slices; s++)
        for (int p = 0; p < planes; p++)
            for (int q = 0; q < pol; q++) {
                const size_t first = (size_t)(s * pol + q) * n;
                const int16_t *z = t->z + mb_noise_at(planes, pol, xb->n_all, s, p, q);
                const mb_noise noise = mb_noise_of(&xb->range[s], adc->transparent, rg.var_max, xb->var_unit);
                for (size_t j = 0; j < n; j++) {
                    int32_t S = t->S[(size_t)p * columns + first + j];
                    if (rg.var) {
                        int64_t V = variance(gr, x, p * dac, (1 << dac) - 1, rg.square, first + j);
                        S = mb_add_noise(S, z[j / 4 * 8 + j % 4], sqrtf((float)V), &noise);
                    }
                    t->out[j] = S;
                }
                adc->convert(xb->spec.adc.params, &rg.range[s], n, t->out, t->out, &codes->clipped, &conv);
                codes->conversions += n;
                count(&xb->range[s], n, t->out, codes->bin[s]);
            }
}

static void general_seen(void *ctx, const mb_adc_range *r, int s, size_t n, const int32_t *converted) {
    mb_xbar_codes *codes = ctx;
    codes->conversions += n;
    count(r, n, converted, codes->bin[s]);
}

static int general_codes(const mb_xbar *xb, const mb_read_id *id, int m, const int16_t *x, mb_xbar_codes *codes) {
    mb_kernel_stats st = {0, INT32_MAX, INT32_MIN};
    int64_t *y = mb_malloc((size_t)m * (size_t)xb->N, sizeof *y);
    if (!y) return mb_nomem();
    int rc = mb_general_mvm(xb, id, m, x, y, &st, general_seen, codes);
    codes->clipped += st.clipped;
    mb_free(y);
    return rc;
}

int mb_xbar_count_codes(const mb_xbar *xb, const mb_read_id *id, int m, const int16_t *x, mb_xbar_codes *codes) {
    const mb_kernel *kern = NULL;
    scratch t = {NULL, NULL, NULL, NULL};
    size_t work = 0;
    int rc = mb_xbar_check_read(xb, id, m, x);
    if (!rc) rc = mb_kernel_best(&kern);
    if (rc || m <= 0 || xb->spec.adc.type->transparent) return rc;
    codes->slices = xb->lay.slices;
    if (xb->general) return general_codes(xb, id, m, x, codes);
    for (int g = 0; g < xb->lay.row_groups; g++) {
        mb_row_group rg;
        mb_xbar_row_group(xb, g, &rg);
        size_t w = kern->work_size(&rg, 1);
        work = w > work ? w : work;
    }
    t.S = mb_malloc((size_t)xb->lay.planes_converted * (size_t)xb->panels * MB_PANEL, sizeof *t.S);
    t.out = mb_malloc((size_t)xb->n_all, sizeof *t.out);
    t.z = mb_malloc(mb_noise_count(xb->lay.slices, xb->lay.planes_converted, xb->sc.polarities, xb->n_all), sizeof *t.z);
    t.work = mb_malloc(work, 1);
    if (!t.S || !t.out || !t.z || !t.work) rc = mb_nomem();
    for (int v = 0; v < m && !rc; v++)
        for (int g = 0; g < xb->lay.row_groups; g++)
            group_codes(xb, id, kern, g, v, x + (size_t)v * (size_t)xb->K + xb->group[g].k0, &t, codes);
    mb_free(t.S);
    mb_free(t.out);
    mb_free(t.z);
    mb_free(t.work);
    return rc;
}
