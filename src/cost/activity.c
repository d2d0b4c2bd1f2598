/* activity.c - what the data do in an array, estimated without a simulation
 *
 * Inputs: each of the B input bits is set independently with probability 1/2, so a digit of p bits is non-zero with probability 1
 * - 2^-p and (2^p - 1) / 2 on average. A voltage level of digit d takes
 * (d / (2^dac_bits - 1))^2 of the power of full scale, so its square counts in place of d.
 * Weights: quantised symmetrically by the largest magnitude of the layer (nn/quant.h), their digits give the mean conductance of
 * a row:
 *     differential: per weight and slice  2 Gmin + d (Gmax - Gmin) / (2^c - 1);   offset: Gmin + d (Gmax - Gmin) / (2^c - 1), and
 *     (slices of given widths: each with its own c; two-sided pairs: Gmin + Gmax per pair and slice; balanced digits: |d|, and
 *     the digit of Gmax in place of 2^c - 1; slices that are not read carry no current)
 *     one dummy of 2^(b-1) per column tile.
 * Independence of inputs and weights is assumed: charge = (sum of digits) x (mean row conductance). Simulation measures the true
 * value.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/mem.h"
#include "cost/job.h"

void mb_activity_shares(const mb_layer *l, int bits, double *share) {
    int L = bits == 1 ? 1 : (1 << (bits - 1)) - 1;
    memset(share, 0, MB_CODES * sizeof *share);
    if (!l->weight || !l->n_weight) { /* shapes only: normal, largest magnitude at 3.5 sigma */
        double sum = 0;
        for (int q = -L; q <= L; q++) {
            double lo = (q - 0.5) / L * 3.5, hi = (q + 0.5) / L * 3.5;
            if (bits == 1) share[q + L] = q ? 0.5 : 0;
            else share[q + L] = 0.5 * (erf(hi / M_SQRT2) - erf(lo / M_SQRT2));
            sum += share[q + L];
        }
        for (int q = -L; q <= L; q++) share[q + L] /= sum;
        return;
    }
    float top = 0;
    int64_t n[MB_CODES] = {0};
    for (size_t i = 0; i < l->n_weight; i++) {
        float v = fabsf(l->weight[i]);
        if (v > top) top = v;
    }
    double scale = top > 0 ? (double)L / (double)top : 0;
    for (size_t i = 0; i < l->n_weight; i++) {
        double v = (double)l->weight[i] * scale;
        int q = (int)(v < 0 ? v - 0.5 : v + 0.5);
        if (bits == 1) q = v < 0 ? -1 : 1;
        n[q + L]++;
    }
    for (int q = 0; q <= 2 * L; q++) share[q] = (double)n[q] / (double)l->n_weight;
}

/* Sum over read slices of the magnitudes of the digits of V, in steps of the finest grid (FINEST = digit of Gmax there). */
static double digits(int v, const mb_xbar_spec *spec, const mb_xbar_layout *lay, int finest) {
    double sum = 0;
    for (int s = 0; s < lay->slices; s++) sum += abs(mb_xbar_digit(spec, s, v)) * ((double)finest / mb_xbar_top_digit(spec, s));
    return sum;
}

double mb_activity_row(const mb_layer *l, const mb_assign *a, const mb_xbar_spec *spec, const mb_xbar_layout *lay,
                       const mb_cell *cell, const double *share) {
    double g_min, g_max, mean = 0;
    int bits = a->weight_bits, L = bits == 1 ? 1 : (1 << (bits - 1)) - 1, N = mb_layer_matmul(l).N;
    cell->type->range(cell->params, &g_min, &g_max);
    int finest = 1;
    for (int i = 0; i < lay->slices; i++) finest = mb_xbar_top_digit(spec, i) > finest ? mb_xbar_top_digit(spec, i) : finest;
    const double unit = (g_max - g_min) / finest;
    bool pair = a->scheme == MB_DIFFERENTIAL;
    int zero = 1 << (bits - 1); /* offset: code of a zero weight; one bit: codes 0 and 1 stand for -1 and +1 */
    for (int q = -L; q <= L; q++) {
        int code = pair ? (q < 0 ? -q : q) : bits == 1 ? (q + 1) / 2 : q + zero;
        mean += share[q + L] * digits(code, spec, lay, finest);
    }
    double weight = lay->slices * (pair ? 2 : 1) * g_min + (pair && spec->pair == MB_TWO_SIDED ? (double)lay->slices * finest : mean) * unit;
    double dummy = lay->dummy_columns ? lay->dummy_columns * g_min + digits(zero, spec, lay, finest) * unit : 0;
    return N * weight + lay->col_tiles * dummy;
}

void mb_activity_inputs(const mb_xbar_spec *spec, const mb_xbar_layout *lay, const mb_assign *a, int K, mb_activity *act) {
    *act = (mb_activity){0};
    for (int done = 0; done < a->input_bits; done += a->dac_bits) {
        int p = a->input_bits - done < a->dac_bits ? a->input_bits - done : a->dac_bits;
        act->rows_driven += K * (1 - 1.0 / (1 << p));
        double top = (1 << p) - 1, full = lay->planes > 1 ? (1 << a->dac_bits) - 1 : top;
        act->digit_sum += K * (spec->dac == MB_DAC_LEVEL ? top * (2 * top + 1) / 6 / (full * full) : top / 2.0);
    }
}

int mb_activity_estimate(const mb_network *net, const mb_plan *plan, const mb_machine *mach, const mb_cell *cell,
                         mb_activity *act) {
    for (int m = 0; m < net->n_weighted; m++) {
        const mb_layer *l = &net->layer[net->weighted[m]];
        const mb_assign *a = &plan->assign[m];
        mb_xbar_spec spec;
        mb_xbar_layout lay;
        mb_matmul mm = mb_layer_matmul(l);
        act[m] = (mb_activity){0};
        if (a->engine == MB_DIGITAL) continue;
        int rc = mb_machine_spec(mach, cell, a, false, &spec);
        if (!rc) rc = mb_xbar_plan(&spec, mm.K, mm.N, &lay);
        if (rc) return mb_context(rc, "layer %s on the machine %s (%s)", l->name, mach->name, mach->where);
        mb_activity_inputs(&spec, &lay, a, mm.K, &act[m]);
        double share[MB_CODES];
        mb_activity_shares(l, a->weight_bits, share);
        act[m].charge_S = act[m].digit_sum * mb_activity_row(l, a, &spec, &lay, cell, share);
    }
    return MB_OK;
}
