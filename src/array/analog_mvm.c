/* analog_mvm.c - the analog engine: inputs, currents, conversion, assembly (equations in analog.h) */
#include <math.h>
#include <string.h>

#include "array/analog_private.h"
#include "base/error.h"
#include "base/mem.h"

#define MAX_PLANES 25

typedef struct work {
    double s, lo, hi; /* input scale and range */
    int planes;
    double weight[MAX_PLANES]; /* of the planes in the sum */
    double *v, *level;         /* [n] after the DAC; [planes][n] as driven */
    double *group;             /* [nr] of one row group, 0 V in the rows at rest */
    double *G, *Gn;            /* cells at one read, [no][nr] */
    float *z;
    double *cur, *acc, *o; /* [2][no], [2][no], [slices][no] */
    double residual;
} work;

static void work_free(work *w) { mb_free(w->v), mb_free(w->G), mb_free(w->z), mb_free(w->cur); }

static int work_new(const mb_analog *a, work *w) {
    size_t cells = 0, no = 0, n = (size_t)a->n;
    *w = (work){0};
    for (int i = 0; i < a->row_tiles * a->col_tiles; i++) {
        const mb_tile *t = &a->tile[i];
        cells = (size_t)t->no * (size_t)t->nr > cells ? (size_t)t->no * (size_t)t->nr : cells;
        no = (size_t)t->no > no ? (size_t)t->no : no;
    }
    w->v = mb_malloc(2 + MAX_PLANES, n * sizeof(double));
    w->G = mb_malloc(2, cells * sizeof(double));
    w->z = mb_malloc(cells > n ? cells : n, sizeof(float));
    w->cur = mb_malloc(4 + (size_t)a->slices, no * sizeof(double));
    if (!w->v || !w->G || !w->z || !w->cur) {
        work_free(w);
        return mb_nomem();
    }
    w->level = w->v + n;
    w->group = w->level + MAX_PLANES * n;
    w->Gn = w->G + cells;
    w->acc = w->cur + 2 * no;
    w->o = w->cur + 4 * no;
    return MB_OK;
}

/* --- inputs --- */

static double clip(double x, double lo, double hi) { return x < lo ? lo : x > hi ? hi : x; }

static int input_scale(const mb_analog *a, int k, const double *x, work *w) {
    const mb_analog_input *in = &a->s->input;
    double lo = in->min, hi = in->max;
    int rc = MB_OK;
    for (size_t i = 0, n = (size_t)k * (size_t)a->n; i < n; i++)
        if (!isfinite(x[i]))
            return mb_fail(MB_BADINPUT, "input %zu of vector %zu is not finite", i % (size_t)a->n, i / (size_t)a->n);
    if (in->percentile > 0) {
        hi = mb_quantile_abs((size_t)k * (size_t)a->n, x, in->percentile, &rc);
        if (!rc && !(hi > 0)) hi = 1; /* all inputs are zero: any range */
        lo = -hi;
    }
    w->s = (in->is_signed ? 2 : 1) / (hi - lo);
    w->lo = w->s * lo;
    w->hi = w->s * hi;
    return rc;
}

static double dac(const mb_analog_input *in, const work *w, double u) {
    const double L = ldexp(1.0, in->bits);
    if (in->dac == MB_DAC_QUANTIZER) {
        double q = (L - 1) / (w->hi - w->lo);
        return rint((clip(u, w->lo, w->hi) - w->lo) * q) / q + w->lo;
    }
    if (in->dac == MB_DAC_IDEAL) return u;
    double q = (L - 2) / 2;
    return rint((clip(u, -1, 1) + 1) * q) / q - 1;
}

/* v and the planes of one vector. */
static void drive(const mb_analog *a, const double *x, uint32_t vector, work *w) {
    const mb_analog_input *in = &a->s->input;
    const size_t n = (size_t)a->n;
    const int sb = in->slice_bits, mb = in->bits - in->is_signed;
    for (size_t i = 0; i < n; i++) w->v[i] = dac(in, w, w->s * x[i]);
    w->planes = 1;
    w->weight[0] = 1;
    if (!sb) memcpy(w->level, w->v, n * sizeof *w->v);
    else {
        const double full = ldexp(1.0, mb) - 1, base = ldexp(1.0, sb) - 1;
        const bool twos = in->dac == MB_DAC_TWOS_COMPLEMENT;
        w->planes = (mb + sb - 1) / sb + twos;
        for (int p = 0; p < w->planes; p++) {
            bool sign = twos && p == w->planes - 1;
            w->weight[p] = sign ? -(full + 1) / full : ldexp(1.0, p * sb) * base / full;
            for (size_t i = 0; i < n; i++) {
                int64_t k = (int64_t)rint(fabs(w->v[i]) * full), one = 1;
                double digit;
                if (twos && w->v[i] < 0 && k > 0) k = (one << mb) - k; /* the low bits of -k */
                if (sign) digit = w->v[i] < 0 && k > 0;
                else digit = (double)(k >> (p * sb) & ((one << sb) - 1)) / base;
                w->level[(size_t)p * n + i] = !twos && w->v[i] < 0 ? -digit : digit;
            }
        }
    }
    if (in->inl != 0)
        for (size_t i = 0; i < (size_t)w->planes * n; i++) {
            double l = w->level[i];
            w->level[i] = l + 2.598076211353316 * in->inl * l * (1 - l * l);
        }
    if (in->noise > 0) {
        mb_stream rng;
        mb_stream_init(&rng, a->seed, MB_RNG_READ, a->trial, mb_unit(4095, 0), vector);
        for (int p = 0; p < w->planes; p++) {
            mb_stream_fill_normal(&rng, n, w->z);
            for (size_t i = 0; i < n; i++) w->level[(size_t)p * n + i] += in->noise * (double)w->z[i];
        }
    }
}

/* --- currents --- */

static double dot(const mb_analog_spec *s, int k0, int k1, const double *G, const double *v) {
    double sum = 0;
    if (s->cell.law == MB_IV_LINEAR)
        for (int k = k0; k < k1; k++) sum += G[k] * v[k];
    else
        for (int k = k0; k < k1; k++) sum += mb_cell_current(s, G[k], v[k], NULL);
    return sum;
}

/* Column currents of slice i, polarity q (interleaved: both) for inputs k0 .. k1 - 1 of tile t. */
static int currents(const mb_analog *a, const mb_tile *t, int i, int q, int k0, int k1, const double *v, mb_stream *noise,
                    work *w, double *out) {
    const mb_analog_spec *s = a->s;
    const size_t at = mb_tile_at(a, t, i, q), cells = (size_t)t->no * (size_t)t->nr;
    const bool both = s->mapping.interleaved;
    const double *G = t->G + at, *Gn = both ? G + cells : NULL;
    int rc = MB_OK;
    if (s->cell.read != MB_ERR_NONE) {
        rc = mb_cell_errors(s, s->cell.read, s->cell.read_magnitude, true, 0, a->g, cells, G, w->G, noise, w->z);
        if (both && !rc)
            rc = mb_cell_errors(s, s->cell.read, s->cell.read_magnitude, true, 0, a->g, cells, Gn, w->Gn, noise, w->z);
        G = w->G;
        Gn = both ? w->Gn : NULL;
    }
    if (rc) return rc;
    if (s->wires.source != MB_WIRES_NONE && !(t->eff && s->cell.read == MB_ERR_NONE)) {
        memset(w->group, 0, (size_t)t->nr * sizeof *v);
        memcpy(w->group + k0, v + k0, (size_t)(k1 - k0) * sizeof *v);
        rc = mb_wires_solve(s, t->no, t->nr, G, Gn, w->group, out, &w->residual);
    } else {
        if (s->wires.source == MB_WIRES_INPUT) G = t->eff + at, Gn = NULL;
        for (int j = 0; j < t->no; j++) {
            size_t row = (size_t)j * (size_t)t->nr;
            out[j] = dot(s, k0, k1, G + row, v) - (Gn ? dot(s, k0, k1, Gn + row, v) : 0);
        }
    }
    if (s->array.icol_max > 0)
        for (int j = 0; j < t->no; j++) out[j] = clip(out[j], -s->array.icol_max, s->array.icol_max);
    return rc;
}

static void look_at(mb_look *look, int i, int n, const double *v) {
    for (int j = 0; j < n && look->n[i] < look->cap; j++) look->v[i][look->n[i]++] = v[j];
}

/* Slice i of tile INDEX: converted sums o[no], polarities subtracted. */
static int read_slice(const mb_analog *a, int index, int i, uint32_t vector, work *w, double *o, mb_analog_stats *st,
                      mb_look *look) {
    const mb_analog_spec *s = a->s;
    const mb_tile *t = &a->tile[index];
    const int pol = s->mapping.interleaved ? 1 : a->pol, active = s->array.rows_active > 0 ? s->array.rows_active : t->nr;
    const size_t no = (size_t)t->no, per = mb_convert_statics(a, t->no);
    const bool digital = s->mapping.digital_subtraction;
    mb_stream read[2], conv[2];
    int rc = MB_OK;
    for (int q = 0; q < 2; q++) {
        uint32_t unit = mb_unit((uint32_t)(i * a->pol + q), (uint32_t)index);
        mb_stream_init(&read[q], a->seed, MB_RNG_READ, a->trial, unit, vector);
        mb_stream_init(&conv[q], a->seed, MB_RNG_ADC, a->trial, unit, vector);
    }
    memset(o, 0, no * sizeof *o);
    for (int k0 = 0; k0 < t->nr && !rc; k0 += active) {
        const int k1 = k0 + active < t->nr ? k0 + active : t->nr;
        memset(w->acc, 0, 2 * no * sizeof *w->acc);
        for (int p = 0; p < w->planes && !rc; p++) {
            const bool last = p == w->planes - 1, now = s->conversion.per_plane || last;
            const double *v = w->level + (size_t)p * (size_t)a->n + (size_t)t->r0, f = s->conversion.per_plane ? 1 : w->weight[p];
            for (int q = 0; q < pol && !rc; q++) {
                double *to = w->acc + (digital ? (size_t)q * no : 0), sign = q && !digital ? -1 : 1;
                rc = currents(a, t, i, q, k0, k1, v, &read[q], w, w->cur);
                for (size_t j = 0; j < no; j++) to[j] += sign * f * w->cur[j];
            }
            for (int q = 0; q < a->converted && now && !rc; q++) {
                double *from = w->acc + (size_t)q * no, g = (q ? -1 : 1) * (s->conversion.per_plane ? w->weight[p] : 1);
                if (look) look_at(look, i, t->no, from);
                else
                    mb_convert(a, t, i, t->statics ? t->statics + ((size_t)i * (size_t)a->converted + (size_t)q) * per : NULL,
                               t->no, from, &conv[q], st);
                for (size_t j = 0; j < no; j++) o[j] += g * from[j], from[j] = 0;
            }
        }
    }
    return rc;
}

/* --- assembly --- */

static void assemble(const mb_analog *a, const mb_tile *t, const work *w, double *y) {
    const mb_analog_mapping *p = &a->s->mapping;
    const bool unit = mb_analog_unit(a->s), offset = p->style == MB_ANALOG_OFFSET;
    const size_t no = (size_t)t->no;
    double V1 = 0;
    for (int k = 0; k < t->nr; k++) V1 += w->v[t->r0 + k];
    for (int j = 0; j < t->nc; j++) {
        const size_t c = (size_t)(j + unit);
        const double wm = a->w_max[t->c0 + j];
        double sum = 0;
        if (!mb_analog_sliced(a->s)) {
            double o = w->o[c] - (unit ? w->o[0] : 0);
            if (offset && !unit) o -= (a->g0 + a->Wr / 2) * V1;
            sum = offset ? o * 2 * wm / (a->Wr * w->s) : o * wm / (a->R * w->s);
        } else {
            for (int i = 0; i < a->slices; i++) {
                double o = w->o[(size_t)i * no + c] - (unit ? w->o[(size_t)i * no] : 0);
                if (offset && !unit) o -= a->g * V1;
                sum += ldexp(1.0, a->shift[i]) * (ldexp(1.0, a->bits[i]) - 1) * o / a->R;
            }
            if (offset && !unit) sum -= ldexp(1.0, p->weight_bits - 1) * V1;
            sum *= wm / ((ldexp(1.0, p->weight_bits - 1) - 1) * w->s);
        }
        y[t->c0 + j] += sum;
    }
}

int mb_analog_run(mb_analog *a, uint32_t first, int k, const double *x, double *y, mb_analog_stats *st, mb_look *look) {
    work w;
    if (k < 1) return MB_OK;
    if (!look && a->s->adc.type && !a->s->adc.type->transparent && !a->calibrated)
        return mb_fail(MB_BADINPUT, "the converters' ranges are to be calibrated, but no calibration inputs were given");
    int rc = work_new(a, &w);
    if (rc) return rc;
    rc = input_scale(a, k, x, &w);
    for (int v = 0; v < k && !rc; v++) {
        double *yv = y + (size_t)v * (size_t)a->m;
        drive(a, x + (size_t)v * (size_t)a->n, first + (uint32_t)v, &w);
        memset(yv, 0, (size_t)a->m * sizeof *yv);
        for (int t = 0; t < a->row_tiles * a->col_tiles && !rc; t++) {
            for (int i = 0; i < a->slices && !rc; i++)
                rc = read_slice(a, t, i, first + (uint32_t)v, &w, w.o + (size_t)i * (size_t)a->tile[t].no, st, look);
            if (!rc) assemble(a, &a->tile[t], &w, yv);
        }
    }
    if (st && a->residual > st->residual) st->residual = a->residual;
    if (st && w.residual > st->residual) st->residual = w.residual;
    work_free(&w);
    return rc;
}

int mb_analog_mvm(mb_analog *a, uint32_t first, int k, const double *x, double *y, mb_analog_stats *stats) {
    return mb_analog_run(a, first, k, x, y, stats, NULL);
}
