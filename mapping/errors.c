/* errors.c - equations in errors.h */
#include "mapping/errors.h"

#include <math.h>

#include "base/error.h"
#include "base/mem.h"
#include "nn/quant.h"

int mb_error_model_init(mb_error_model *m, const mb_layer *l, int rows, double fill) {
    *m = (mb_error_model){.layer = l, .rows = rows, .fill = fill};
    if (l->weight) return MB_OK;
    return mb_fail(MB_BADINPUT, "layer %s has no weights (a network of shapes only): this sensitivity needs them", l->name);
}

double mb_weight_power(const mb_layer *l) {
    double s = 0;
    for (size_t i = 0; i < l->n_weight; i++) s += (double)l->weight[i] * (double)l->weight[i];
    return s;
}

static int quantise(const mb_layer *l, int bits, double *error, double *power) {
    const mb_matmul mm = mb_layer_matmul(l);
    const size_t n = (size_t)mm.K * (size_t)mm.N;
    float *w = mb_malloc(n, sizeof *w);
    int16_t *q = mb_malloc(n, sizeof *q);
    double *scale = mb_malloc((size_t)mm.N, sizeof *scale), e = 0, s = 0, p = 0;
    int rc = w && q && scale ? MB_OK : mb_nomem();
    for (int g = 0; g < mm.groups && !rc; g++) {
        mb_layer_matrix(l, g, w);
        for (int c = 0; c < mm.N; c++) scale[c] = mb_weight_scale(w, mm.K, mm.N, c, bits, MB_RANGE_MSE, 1);
        mb_weight_quantise(w, mm.K, mm.N, scale, bits, q);
        for (size_t i = 0; i < n; i++) {
            double v = (double)w[i], d = scale[i % (size_t)mm.N] * q[i] - v;
            e += d * d, s += v * v, p += (double)q[i] * q[i];
        }
    }
    *error = s == 0 ? 0 : e / s;
    *power = p / ((double)n * mm.groups);
    mb_free(w);
    mb_free(q);
    mb_free(scale);
    return rc;
}

static double converter_noise(const mb_error_model *m, const mb_assign *a) {
    const mb_matmul mm = mb_layer_matmul(m->layer);
    int rows = a->rows_active > 0 && a->rows_active < m->rows ? a->rows_active : m->rows;
    double active = fmin(mm.K, rows), top = active * ((1 << a->cell_bits) - 1) * ((1 << a->dac_bits) - 1), lossless = ceil(log2(top + 1));
    double step = m->fill * exp2(lossless - a->adc_bits), slices = 0, planes = 0;
    if (step <= 1 || a->adc_bits >= lossless) return 0;
    int magnitude = a->scheme == 0 ? (a->weight_bits > 1 ? a->weight_bits - 1 : 1) : a->weight_bits;
    for (int b = 0; b < magnitude; b += a->cell_bits) slices += exp2(2 * b);
    for (int b = 0; b < a->input_bits; b += a->dac_bits) planes += exp2(2 * b);
    double x = (exp2(a->input_bits) - 1) / 4, signal = mm.K * m->power[a->weight_bits] * x * x; /* sigma of inputs cut at four sigma */
    return signal > 0 ? step * step / 12 * ceil(mm.K / active) * slices * planes / signal : 0;
}

int mb_errors_of(mb_error_model *m, const mb_assign *a, mb_errors *out) {
    const int b = a->weight_bits;
    int rc = m->have[b] ? MB_OK : quantise(m->layer, b, &m->error[b], &m->power[b]);
    if (rc) return rc;
    m->have[b] = true;
    out->weight = m->error[b];
    out->input = 4.0 / 3 * exp2(-2 * a->input_bits);
    out->converter = a->engine == MB_ANALOG ? converter_noise(m, a) : 0;
    return MB_OK;
}
