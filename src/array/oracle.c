/* oracle.c - the obvious version of a crossbar read: plane by plane, slice by slice, cell by cell
 *
 * Every kernel must give the same bits. Slow on purpose and without any of the kernels' tricks; it shares with them only the
 * converter's convert(), the formula of the read noise and the random streams.
 */
#include <math.h>
#include <string.h>

#include "array/xbar_private.h"
#include "base/error.h"
#include "base/mem.h"

static int16_t cell(const mb_xbar_group *gr, const int16_t *panels, int k, size_t column) {
    return panels[mb_panel_index(gr->k, k, column)];
}

/* One vector in one row group, added to all[n_all]. z and S are scratch. */
static void read_group(const mb_xbar *xb, const mb_read_id *id, int g, int v, const int16_t *x, int16_t *z, int32_t *S,
                       int64_t *all) {
    const mb_xbar_group *gr = &xb->group[g];
    const mb_adc_type *adc = xb->spec.adc.type;
    int dac = xb->sc.dac_bits, planes = xb->lay.planes_converted, pol = xb->sc.polarities, n = xb->n_all;
    mb_stream read, conv;
    mb_xbar_stream(xb, id, MB_RNG_READ, g, v, &read);
    mb_xbar_stream(xb, id, MB_RNG_ADC, g, v, &conv);
    mb_row_group rg;
    mb_xbar_row_group(xb, g, &rg);
    if (xb->noisy) mb_stream_fill_normal16(&read, mb_noise_count(xb->lay.slices, planes, pol, n), z);
    for (int s = 0; s < xb->lay.slices; s++)
        for (int p = 0; p < planes; p++)
            for (int q = 0; q < pol; q++) {
                for (int j = 0; j < n; j++) {
                    size_t column = (size_t)(s * pol + q) * (size_t)n + (size_t)j;
                    int64_t sum = 0, V = 0;
                    for (int k = 0; k < gr->k; k++) {
                        int a = x[gr->k0 + k] < 0 ? -x[gr->k0 + k] : x[gr->k0 + k], d = a >> (p * dac) & ((1 << dac) - 1);
                        sum += (x[gr->k0 + k] < 0 ? -d : d) * cell(gr, gr->w, k, column);
                        if (xb->noisy) V += (int64_t)xb->sc.square[planes == 1 ? a : d] * cell(gr, gr->var, k, column);
                    }
                    S[j] = (int32_t)sum;
                    if (xb->noisy) {
                        mb_noise noise = mb_noise_of(&xb->range[s], adc->transparent, rg.var_max, xb->var_unit);
                        size_t at = mb_noise_at(planes, pol, n, s, p, q) + (size_t)(j / 4 * 8 + j % 4);
                        S[j] = mb_add_noise(S[j], z[at], sqrtf((float)V), &noise);
                    }
                }
                uint64_t clipped = 0;
                const mb_adc_range *range = &mb_xbar_placed(xb, g)[s];
                if (!adc->transparent) adc->convert(xb->spec.adc.params, range, (size_t)n, S, S, &clipped, &conv);
                for (int j = 0; j < n; j++)
                    all[j] += (q ? -1 : 1) * ((int64_t)S[j] * ((int64_t)1 << (xb->sc.shift[s] + p * dac)));
            }
}

int mb_xbar_mvm_oracle(const mb_xbar *xb, const mb_read_id *id, int m, const int16_t *x, int64_t *y) {
    int rc = m > 0 ? mb_xbar_check_read(xb, id, m, x) : MB_OK;
    if (rc || m <= 0) return rc;
    if (xb->general) {
        mb_kernel_stats none = {0, INT32_MAX, INT32_MIN};
        return mb_general_mvm(xb, id, m, x, y, &none, NULL, NULL);
    }
    size_t n = (size_t)xb->n_all;
    int16_t *z = mb_malloc(mb_noise_count(xb->lay.slices, xb->lay.planes_converted, xb->sc.polarities, xb->n_all), sizeof *z);
    int32_t *S = mb_malloc(n, sizeof *S);
    int64_t *all = mb_malloc(n, sizeof *all);
    if (!z || !S || !all) {
        rc = mb_nomem();
        goto out;
    }
    for (int v = 0; v < m; v++) {
        memset(all, 0, n * sizeof *all);
        for (int g = 0; g < xb->lay.row_groups; g++) read_group(xb, id, g, v, x + (size_t)v * (size_t)xb->K, z, S, all);
        memcpy(y + (size_t)v * (size_t)xb->N, all, (size_t)xb->N * sizeof *all);
        mb_xbar_subtract(xb, 1, x + (size_t)v * (size_t)xb->K, all, y + (size_t)v * (size_t)xb->N);
    }
out:
    mb_free(z);
    mb_free(S);
    mb_free(all);
    return rc;
}
