/* analog_convert.c - the analog engine: ranges of the converters, their static errors, conversions
 *
 * N inputs of a tile (or rows read at once); B weight bits, b converter bits, b_i slice bits; both signs = signed inputs or
 * pairs subtracted before the converter.
 *   max       unsliced: +-N or [0, N];  sliced balanced +-N;  sliced offset  Y = 2^rint(log2 N) 2^b_i / (2^b_i - 1) c: +-Y (2^b
 *     - 2) / 2^b, or [0, Y (2^b - 1) / 2^b];
 *   granular  y = 2^-B c, sliced c / (2^b_i - 1): +-y (2^(b-1) - 1), or [0, y (2^b - 1)]: one code for the smallest step of a
 *     plane;
 *             c = 2^(bi-1) / (2^(bi-1) - 1) signed, 2^bi / (2^bi - 1) unsigned, bi = input bits;
 *   percentile, min_error: from the currents of calibration inputs, per slice over all tiles; min_error minimises the mean
 *     square of (current - converted);
 *   powers_of_two: N / 2^floor(log2(N / limit)), so that the slices' ranges differ by shifts.
 * powf, exp and the like are not used where codes depend on them.
 */
#include <math.h>
#include <string.h>

#include "array/analog_private.h"
#include "base/error.h"
#include "base/mem.h"

static bool quantises(const mb_analog *a) { return a->s->adc.type && !a->s->adc.type->transparent; }

static bool both_signs(const mb_analog *a) {
    const mb_analog_mapping *p = &a->s->mapping;
    return a->s->input.is_signed || (p->style == MB_ANALOG_BALANCED && !p->digital_subtraction);
}

static double power2(int e) { return ldexp(1.0, e); }

static void set_range(const mb_analog *a, mb_tile *t, int i) {
    const mb_analog_conversion *c = &a->s->conversion;
    const bool sliced = mb_analog_sliced(a->s), offset = a->s->mapping.style == MB_ANALOG_OFFSET;
    const int bi = a->s->input.bits, b = c->bits, active = a->s->array.rows_active;
    const double N = active > 0 && active < t->nr ? active : t->nr;
    double top = 1, corr = 1;
    bool two = both_signs(a) || (sliced && !offset);
    if (a->s->input.is_signed && bi > 1) corr = power2(bi - 1) / (power2(bi - 1) - 1);
    if (!a->s->input.is_signed && bi > 0) corr = power2(bi) / (power2(bi) - 1);
    if (c->range == MB_ANALOG_GIVEN) {
        t->lo[i] = c->lo.v[c->lo.n > 1 ? i : 0];
        t->hi[i] = c->hi.v[c->hi.n > 1 ? i : 0];
        return;
    }
    if (c->range == MB_ANALOG_GRANULAR) {
        double y = sliced ? corr / (power2(a->bits[i]) - 1) : power2(-a->s->mapping.weight_bits) * corr;
        top = y * (two ? power2(b - 1) - 1 : power2(b) - 1);
    } else if (sliced && offset) {
        double Y = power2((int)rint(log2(N))) * power2(a->bits[i]) / (power2(a->bits[i]) - 1) * corr;
        two = a->s->input.is_signed;
        top = two ? Y * (power2(b) - 2) / power2(b) : Y * (power2(b) - 1) / power2(b);
    } else top = N;
    t->lo[i] = two ? -top : 0;
    t->hi[i] = top;
}

int mb_convert_ranges(mb_analog *a) {
    const int rule = a->s->conversion.range;
    if (!quantises(a) || rule == MB_ANALOG_PERCENTILE || rule == MB_ANALOG_MIN_ERROR) return MB_OK;
    for (int k = 0; k < a->row_tiles * a->col_tiles; k++)
        for (int i = 0; i < a->slices; i++) {
            mb_tile *t = &a->tile[k];
            set_range(a, t, i);
            if (!(t->lo[i] < t->hi[i]))
                return mb_fail(
                    MB_BADINPUT,
                    "the converter's range of slice %d, [%g, %g], has no width; raise conversion.bits or give the range", i,
                    t->lo[i], t->hi[i]);
        }
    a->calibrated = true;
    return MB_OK;
}

static int group_size(const mb_analog *a, int columns) {
    const mb_adc_type *t = a->s->adc.type;
    int g = t->group ? t->group(a->s->adc.params) : 1;
    return g <= 0 || g > columns ? columns : g;
}

size_t mb_convert_statics(const mb_analog *a, int columns) {
    const mb_adc_type *t = a->s->adc.type;
    if (!quantises(a) || !t->statics) return 0;
    int g = group_size(a, columns), full = columns / g, rest = columns % g;
    size_t n = (size_t)full * t->statics(a->s->adc.params, a->s->conversion.bits, g);
    return n + (rest ? t->statics(a->s->adc.params, a->s->conversion.bits, rest) : 0);
}

void mb_convert_draw(const mb_analog *a, int columns, double *s, mb_stream *rng) {
    const mb_adc *adc = &a->s->adc;
    const int g = group_size(a, columns);
    for (int j = 0; j < columns; j += g) {
        int n = columns - j < g ? columns - j : g;
        adc->type->draw(adc->params, a->s->conversion.bits, n, s, rng);
        s += adc->type->statics(adc->params, a->s->conversion.bits, n);
    }
}

static void count(mb_analog_stats *st, int i, double lo, double hi, int n, const double *v, bool before) {
    for (int j = 0; j < n; j++) {
        if (before) {
            bool first = st->conversions[i] == 0 && j == 0;
            st->min[i] = first || v[j] < st->min[i] ? v[j] : st->min[i];
            st->max[i] = first || v[j] > st->max[i] ? v[j] : st->max[i];
        } else {
            double x = (v[j] - lo) / (hi - lo) * 64;
            st->histogram[i][x < 0 ? 0 : x >= 64 ? 63 : (int)x]++;
        }
    }
}

void mb_convert(const mb_analog *a, const mb_tile *t, int i, const double *statics, int n, double *v, mb_stream *rng,
                mb_analog_stats *st) {
    const mb_adc *adc = &a->s->adc;
    uint64_t clipped = 0;
    if (!quantises(a)) return;
    if (st) count(st, i, t->lo[i], t->hi[i], n, v, true);
    const int g = group_size(a, n);
    for (int j = 0; j < n; j += g) {
        int k = n - j < g ? n - j : g;
        size_t size = adc->type->statics ? adc->type->statics(adc->params, a->s->conversion.bits, k) : 0;
        adc->type->convert_real(adc->params, a->s->conversion.bits, t->lo[i], t->hi[i], size ? statics : NULL, (size_t)k, v + j,
                                v + j, &clipped, rng);
        if (size) statics += size;
    }
    if (!st) return;
    count(st, i, t->lo[i], t->hi[i], n, v, false);
    st->conversions[i] += (uint64_t)n;
    st->clipped[i] += clipped;
    st->lo[i] = a->tile[0].lo[i];
    st->hi[i] = a->tile[0].hi[i];
}

/* Mean square error of nominal conversions of v in [lo, hi]. */
static double error_of(const mb_analog *a, double lo, double hi, size_t n, const double *v) {
    double L = power2(a->s->conversion.bits) - (lo < 0), lsb = (hi - lo) / (L - 1 > 0 ? L - 1 : 1), sum = 0;
    for (size_t i = 0; i < n; i++) {
        double x = v[i] < lo ? lo : v[i] > hi ? hi : v[i], e = rint((x - lo) / lsb) * lsb + lo - v[i];
        sum += e * e;
    }
    return sum;
}

static int calibrate_slice(mb_analog *a, int i, size_t n, const double *v, double N) {
    const mb_analog_conversion *c = &a->s->conversion;
    const bool two = both_signs(a);
    int rc = MB_OK;
    double top = 0;
    for (size_t j = 0; j < n; j++) top = fabs(v[j]) > top ? fabs(v[j]) : top;
    if (!(top > 0))
        return mb_fail(MB_BADINPUT,
                       "calibration: all currents of slice %d are zero; use other inputs or conversion.range = \"max\"", i);
    if (c->range == MB_ANALOG_PERCENTILE) {
        double *m = mb_malloc(n, sizeof *m);
        if (!m) return mb_nomem();
        for (size_t j = 0; j < n; j++) m[j] = fabs(v[j]);
        double q = mb_quantile_abs(n, m, c->percentile, &rc);
        mb_free(m);
        top = q > 0 ? q : top;
    } else {
        double best = (double)INFINITY, at = top, all = top;
        for (int k = 200; k >= 10; k--) { /* coarse to fine enough: the minimum is flat */
            double hi = all * k / 200, e = error_of(a, two ? -hi : 0, hi, n, v);
            if (e < best) best = e, at = hi;
        }
        top = at;
    }
    if (!rc && c->powers_of_two) {
        double p = N;
        while (p / 2 >= top) p /= 2;
        top = p;
    }
    a->cal_lo[i] = two ? -top : 0;
    a->cal_hi[i] = top;
    return rc;
}

int mb_analog_calibrate(mb_analog *a, int k, const double *x) {
    const int rule = a->s->conversion.range;
    mb_look look = {0};
    double *y = mb_malloc((size_t)(k > 0 ? k : 1) * (size_t)a->m, sizeof *y), N = 0;
    int rc = y ? MB_OK : mb_nomem();
    if (!quantises(a) || (rule != MB_ANALOG_PERCENTILE && rule != MB_ANALOG_MIN_ERROR)) goto out;
    if (k < 1) rc = mb_fail(MB_BADINPUT, "calibrated converter ranges need calibration inputs");
    look.cap = (size_t)1 << 20; /* per slice: later currents are not looked at */
    for (int i = 0; i < a->slices && !rc; i++)
        if (!(look.v[i] = mb_malloc(look.cap, sizeof **look.v))) rc = mb_nomem();
    if (!rc) rc = mb_analog_run(a, 0, k, x, y, NULL, &look);
    for (int j = 0; j < a->row_tiles * a->col_tiles; j++) N = a->tile[j].nr > N ? a->tile[j].nr : N;
    for (int i = 0; i < a->slices && !rc; i++) rc = calibrate_slice(a, i, look.n[i], look.v[i], N);
    for (int j = 0; j < a->row_tiles * a->col_tiles && !rc; j++)
        for (int i = 0; i < a->slices; i++) a->tile[j].lo[i] = a->cal_lo[i], a->tile[j].hi[i] = a->cal_hi[i];
    a->calibrated = a->calibrated || !rc;
out:
    for (int i = 0; i < MB_ANALOG_SLICES; i++) mb_free(look.v[i]);
    mb_free(y);
    return rc;
}
