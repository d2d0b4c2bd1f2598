/* xbar.c - layout of a weight matrix on arrays, creation of crossbars, and their reading
 *
 * Equations: array/xbar.h. Called by the floors above; program.c, xbar_wires.c, range.c, kernel*.c and oracle.c hold the rest.
 */
#include "array/xbar.h"
#include "config.h"

#include <math.h>
#include <string.h>

#include "array/xbar_private.h"
#include "base/clones.h"
#include "base/error.h"
#include "base/mem.h"

#define BLOCK 256                     /* vectors per pass over the row groups */
#define SLOTS (1 << 20)               /* slots of one layer: 20 bits of mb_unit */

static int ceil_div(int a, int b) { return a / b + (a % b != 0); }
static int min_int(int a, int b) { return a < b ? a : b; }
static int max_int(int a, int b) { return a > b ? a : b; }

static int check_int(const char *key, int v, int lo, int hi) {
    return v >= lo && v <= hi ? MB_OK : mb_fail(MB_BADINPUT, "%s = %d is outside %d..%d", key, v, lo, hi);
}

/* Bits that the cells of one weight (or of one polarity of it) hold. */
static int stored_bits(const mb_xbar_spec *s) {
    return s->scheme == MB_DIFFERENTIAL ? max_int(1, s->weight_bits - 1) : s->weight_bits;
}

static int slice_width(const mb_xbar_spec *s, int slice) { return s->n_slice_bits ? s->slice_bits[slice] : s->cell_bits; }

/* Slices that BITS bits take. */
static int count_slices(const mb_xbar_spec *s, int bits) {
    int n = 0;
    for (int at = 0; at < bits; n++) at += slice_width(s, n);
    return n;
}

static int check_slices(const mb_xbar_spec *s) {
    int sum = 0, bits = stored_bits(s), rc = MB_OK;
    if (s->code == MB_CODE_BALANCED && (s->scheme != MB_DIFFERENTIAL || s->pair == MB_TWO_SIDED))
        return mb_fail(MB_BADINPUT, "weight_code = \"balanced\" has digits of both signs: it needs scheme = \"differential\" and "
                                    "pair = \"one_sided\"");
    if (s->n_slice_bits < 0 || s->n_slice_bits > MB_SLICES_MAX)
        return mb_fail(MB_BADINPUT, "slice_bits has %d widths; a weight has at most %d slices", s->n_slice_bits, MB_SLICES_MAX);
    for (int i = 0; i < s->n_slice_bits; i++) {
        if ((rc = check_int("a width in slice_bits", s->slice_bits[i], 1, 8))) return rc;
        sum += s->slice_bits[i];
    }
    if (s->n_slice_bits && sum < bits)
        return mb_fail(MB_BADINPUT,
                       "slice_bits covers %d bits, but weight_bits = %d with scheme = \"%s\" stores %d: widen a slice, add one, or "
                       "lower weight_bits",
                       sum, s->weight_bits, s->scheme == MB_DIFFERENTIAL ? "differential" : "offset", bits);
    const int slices = count_slices(s, bits);
    if (s->skip_slices < 0 || s->skip_slices >= slices)
        return mb_fail(MB_BADINPUT, "skip_slices = %d of %d slices: at least one must be read", s->skip_slices, slices);
    if (s->skip_slices && s->scheme != MB_DIFFERENTIAL)
        return mb_fail(MB_BADINPUT, "skip_slices = %d needs scheme = \"differential\": offsets belong to all slices", s->skip_slices);
    if (s->skip_slices && mb_xbar_has_wires(&s->wires))
        return mb_fail(MB_BADINPUT, "skip_slices = %d with wires: what unread columns do to the others is not modelled; set the "
                                    "resistances of the wires to 0",
                       s->skip_slices);
    return MB_OK;
}

/* Options that exclude each other, or that the rest of the specification leaves without meaning. */
static int check_options(const mb_xbar_spec *s) {
    bool level = s->dac == MB_DAC_LEVEL;
    int rc = check_slices(s);
    if (rc) return rc;
    if (!level && (s->dac_inl != 0 || s->dac_noise != 0))
        return mb_fail(MB_BADINPUT, "dac_inl and dac_noise are errors of voltage levels; set dac = \"level\", or both to 0");
    if (!(fabs(s->dac_inl) <= 0.19) || !(s->dac_noise >= 0 && s->dac_noise <= 1))
        return mb_fail(MB_BADINPUT, "dac_inl = %g is outside -0.19..0.19 (a larger bow is not monotonic) or dac_noise = %g outside 0..1",
                       s->dac_inl, s->dac_noise);
    if (!(s->column_limit_A >= 0 && isfinite(s->column_limit_A)))
        return mb_fail(MB_BADINPUT, "column_limit_A = %g is not a current; 0 means no limit", s->column_limit_A);
    if (s->spare_columns < 0 || s->spare_columns >= s->cols)
        return mb_fail(MB_BADINPUT, "spare_columns = %d of cols = %d; leave columns for weights", s->spare_columns, s->cols);
    if (!(s->dead_rows >= 0 && s->dead_rows < 1) || !(s->dead_columns >= 0 && s->dead_columns < 1))
        return mb_fail(MB_BADINPUT, "dead_rows = %g and dead_columns = %g are fractions in [0, 1)", s->dead_rows, s->dead_columns);
    return MB_OK;
}

static int check_spec(const mb_xbar_spec *s, int K, int N) {
    int rc = MB_OK;
    if (!s->cell.type || !s->adc.type) return mb_fail(MB_BUG, "a crossbar without a cell or a converter");
    if ((rc = check_int("inputs", K, 1, INT32_MAX / 2)) || (rc = check_int("outputs", N, 1, INT32_MAX / 64))) return rc;
    if ((rc = check_int("rows", s->rows, 1, MB_ROWS_MAX)) || (rc = check_int("cols", s->cols, 1, INT32_MAX / 2))) return rc;
    if ((rc = check_int("weight_bits", s->weight_bits, 1, 8)) || (rc = check_int("cell_bits", s->cell_bits, 1, 8))) return rc;
    if ((rc = check_int("input_bits", s->input_bits, 1, 8)) || (rc = check_int("dac_bits", s->dac_bits, 1, 8))) return rc;
    if (!s->adc.type->transparent && (rc = check_int("adc_bits", s->adc_bits, 1, 16))) return rc;
    if (s->rows_active < 1 || s->rows_active > s->rows)
        return mb_fail(MB_BADINPUT, "rows_active = %d, but an array has rows = %d; choose 1..%d", s->rows_active, s->rows,
                       s->rows);
    if (s->dac_bits > s->input_bits)
        return mb_fail(MB_BADINPUT, "dac_bits = %d exceeds input_bits = %d; lower dac_bits", s->dac_bits, s->input_bits);
    if (s->adc_rule == MB_ADC_CALIBRATED && !(s->adc_percentile > 0 && s->adc_percentile <= 1))
        return mb_fail(MB_BADINPUT, "adc_percentile = %g is outside (0, 1]", s->adc_percentile);
    if (s->adc_rule == MB_ADC_GIVEN && !(s->adc_fraction > 0 && s->adc_fraction <= 1))
        return mb_fail(MB_BADINPUT, "adc_fraction = %g is outside (0, 1]", s->adc_fraction);
    if ((rc = check_options(s))) return rc;
    if (!(s->time_s >= 0 && isfinite(s->time_s)))
        return mb_fail(MB_BADINPUT, "time_s = %g: cells are read at 0 s or later after programming", s->time_s);
    if (!(s->temp_K > 0 && isfinite(s->temp_K)))
        return mb_fail(MB_BADINPUT, "temp_K = %g is not a temperature in kelvin", s->temp_K);
    if (s->read_noise == MB_NOISE_CELL && mb_xbar_has_wires(&s->wires))
        return mb_fail(MB_BADINPUT, "read_noise = \"cell\" with wires would solve the array anew for every read; use \"output\" or set the "
                                    "resistances of the wires to 0");
    return mb_xbar_wires_check(s);
}

/* Widths, grids and first bits of the slices of BITS bits that are read. Returns their number. */
static int derive_slices(const mb_xbar_spec *s, int bits, mb_xbar_layout *l, mb_xbar_scale_info *sc) {
    int n = 0;
    for (int at = 0, i = 0; at < bits; i++) {
        const int width = slice_width(s, i), first = at, held = min_int(width, bits - at);
        at += width;
        if (i < s->skip_slices) continue;
        l->slice_bits[n] = held;
        sc->shift[n] = first;
        sc->grid[n] = (1 << width) - 1;
        sc->slice_digits[n] = (1 << held) - 1;
        if (s->code == MB_CODE_BALANCED) sc->grid[n] = sc->slice_digits[n] = at < bits ? 1 << (held - 1) : 1 << held;
        n++;
    }
    return n;
}

/* Digits of the inputs. */
static void derive_inputs(const mb_xbar_spec *s, mb_xbar_layout *l, mb_xbar_scale_info *sc) {
    int xbits = s->input_signed ? max_int(1, s->input_bits - 1) : s->input_bits;
    bool twos = s->input_signed && s->input_code == MB_TWOS_COMPLEMENT, added = s->accumulate == MB_ACCUMULATE_ANALOG;
    sc->x_max = (1 << xbits) - 1;
    sc->drive_digit = min_int((1 << s->dac_bits) - 1, sc->x_max);
    l->planes = ceil_div(xbits, s->dac_bits) + twos;
    l->planes_converted = added ? 1 : l->planes;
    sc->dac_bits = added ? xbits : s->dac_bits;
    sc->input_digit = added ? sc->x_max + twos : sc->drive_digit;
}

/* Sums of squares by |input|: who reads needs them, who counts arrays does not. */
static void derive_squares(const mb_xbar_spec *s, mb_xbar_scale_info *sc) {
    for (int a = 0; a < 256; a++) {
        sc->square[a] = 0;
        for (int p = 0; p * s->dac_bits < 8; p++) {
            uint32_t d = (uint32_t)(a >> (p * s->dac_bits) & ((1 << s->dac_bits) - 1)) << (p * s->dac_bits);
            sc->square[a] += d * d;
        }
    }
}

/* The largest power of two F with 1.5 Gmax / unit <= w_max. */
static int derive_scale(const mb_xbar_spec *s, const mb_xbar_layout *l, mb_xbar_scale_info *sc) {
    bool pairs = s->scheme == MB_DIFFERENTIAL, twos = s->input_signed && s->input_code == MB_TWOS_COMPLEMENT;
    int digits = 0;
    for (int i = 0; i < l->slices; i++) digits = max_int(digits, sc->grid[i]);
    sc->pairs = pairs ? 2 : 1;
    sc->polarities = pairs && s->subtract == MB_SUB_DIGITAL ? 2 : 1;
    sc->bipolar = (s->input_signed && !twos) || (pairs && s->subtract == MB_SUB_ANALOG) ||
                  (twos && s->accumulate == MB_ACCUMULATE_ANALOG);
    sc->references = pairs || s->correction == MB_CORRECT_DIGITAL ? 0 : s->weight_bits == 1 ? 2 : 1;
    sc->gain = !pairs && s->weight_bits == 1 ? 2 : 1;
    s->cell.type->range(s->cell.params, &sc->g_min, &sc->g_max);
    if (!(sc->g_min >= 0 && sc->g_max > sc->g_min && isfinite(sc->g_max)))
        return mb_fail(MB_BADINPUT, "cell %s: conductance range %g .. %g S is not a range", s->cell.type->name, sc->g_min,
                       sc->g_max);
    sc->w_max = min_int((1 << MB_W_BITS) - 1, (1 << MB_S_BITS) / (sc->rows_read * sc->input_digit));
    double span = sc->g_max - sc->g_min, need = 1.5 * sc->g_max / span * digits;
    int least = pairs && s->pair == MB_TWO_SIDED ? 2 : 1; /* halves of a digit must be whole units */
    sc->F = 0;
    for (int F = 1; need * F <= sc->w_max; F *= 2) sc->F = F;
    if (sc->F < least)
        return mb_fail(MB_BADINPUT,
                       "cell %s with %d levels needs conductances up to %.0f units of a digit, but %d inputs of %d levels "
                       "leave %d: lower cell_bits (or the widest of slice_bits), rows_active or dac_bits, or use a cell with a "
                       "larger on/off ratio",
                       s->cell.type->name, digits + 1, need * least, sc->rows_read, sc->input_digit + 1, sc->w_max);
    sc->unit_S = span / ((double)digits * sc->F);
    for (int i = 0; i < l->slices; i++) {
        sc->unit[i] = span / ((double)sc->grid[i] * sc->F);
        sc->w0[i] = (int32_t)floor(sc->g_min / sc->unit[i] + 0.5);
    }
    /* what integers cannot hold, whatever the cells turn out to be */
    bool level = s->dac == MB_DAC_LEVEL;
    sc->general = s->arithmetic == MB_ARITHMETIC_DOUBLE || twos || s->column_limit_A > 0 ||
                  s->read_noise == MB_NOISE_CELL || (level && (s->dac_inl != 0 || s->dac_noise > 0)) ||
                  (level && s->cell.type->shape && !(s->ideal & MB_IDEAL_CELLS) && sc->drive_digit > 1);
    return MB_OK;
}

int mb_xbar_derive(const mb_xbar_spec *s, int K, int N, mb_xbar_layout *l, mb_xbar_scale_info *sc) {
    int rc = check_spec(s, K, N);
    if (rc) return rc;
    memset(l, 0, sizeof *l);
    memset(sc, 0, sizeof *sc);
    sc->rows_read = min_int(s->rows_active, K);
    l->slices = derive_slices(s, stored_bits(s), l, sc);
    derive_inputs(s, l, sc);
    if ((rc = derive_scale(s, l, sc))) return rc;
    l->cells_per_weight = (l->slices + s->skip_slices) * sc->pairs;
    l->dummy_columns = l->slices * sc->references;
    int taken = l->dummy_columns + s->spare_columns;
    l->outputs_per_tile = s->cols > taken ? (s->cols - taken) / l->cells_per_weight : 0;
    if (l->outputs_per_tile < 1)
        return mb_fail(MB_BADINPUT,
                       "cols = %d: one output takes %d columns and the array %d dummy and %d spare columns; raise cols or "
                       "cell_bits, or lower weight_bits or spare_columns",
                       s->cols, l->cells_per_weight, l->dummy_columns, s->spare_columns);
    l->row_tiles = ceil_div(K, s->rows);
    l->col_tiles = ceil_div(N, l->outputs_per_tile);
    int last = K - (l->row_tiles - 1) * s->rows;
    l->groups_per_tile = ceil_div(min_int(s->rows, K), s->rows_active);
    l->row_groups = (l->row_tiles - 1) * ceil_div(s->rows, s->rows_active) + ceil_div(last, s->rows_active);
    l->conversions_per_output = l->slices * sc->polarities;
    /* codes that the largest sum of any slice needs above zero, in steps of one digit F */
    int64_t top = (int64_t)sc->rows_read * sc->input_digit, codes = 0;
    for (int i = 0; i < l->slices; i++) {
        int64_t sum = top * (mb_xbar_two_sided(s) && sc->polarities == 2 ? sc->grid[i] : sc->slice_digits[i]) * sc->F;
        if (!(s->scheme == MB_DIFFERENTIAL && s->subtract == MB_SUB_ANALOG)) sum += top * sc->w0[i];
        int64_t c = (sum + sc->F - 1) / sc->F;
        codes = c > codes ? c : codes;
    }
    int b = 1;
    while (((int64_t)1 << b) - 1 < codes) b++;
    l->adc_bits_lossless = sc->bipolar ? b + 1 : b;
    return MB_OK;
}

int mb_xbar_plan(const mb_xbar_spec *s, int K, int N, mb_xbar_layout *l) {
    mb_xbar_scale_info sc;
    return mb_xbar_derive(s, K, N, l, &sc);
}

static int check_weights(const mb_xbar *xb) {
    int wb = xb->spec.weight_bits, L = wb == 1 ? 1 : (1 << (wb - 1)) - 1;
    bool zero = !(wb == 1 && xb->spec.scheme == MB_OFFSET);
    for (int k = 0; k < xb->K; k++)
        for (int n = 0; n < xb->N; n++) {
            int q = xb->Wq[(size_t)k * xb->N + n];
            if (q < -L || q > L)
                return mb_fail(MB_BADINPUT, "weight [%d][%d] = %d does not fit weight_bits = %d (largest magnitude %d)", k, n, q,
                               wb, L);
            if (q == 0 && !zero)
                return mb_fail(MB_BADINPUT,
                               "weight [%d][%d] = 0: weight_bits = 1 with scheme = \"offset\" stores -1 and +1 only; use "
                               "\"differential\" or more bits",
                               k, n);
        }
    return MB_OK;
}

/* Where an output has no digit in a slice of a row group. */
static int find_empty(mb_xbar *xb) {
    const size_t N = (size_t)xb->N, S = (size_t)xb->lay.slices;
    if (!xb->spec.drop_empty) return MB_OK;
    if (xb->spec.scheme != MB_DIFFERENTIAL || mb_xbar_two_sided(&xb->spec))
        return mb_fail(MB_BADINPUT, "only one-sided differential pairs hold nothing where a digit is 0: drop_empty_slices needs them");
    if (!(xb->empty = mb_malloc((size_t)xb->lay.row_groups * S * N, 1))) return mb_nomem();
    memset(xb->empty, 1, (size_t)xb->lay.row_groups * S * N);
    for (int g = 0; g < xb->lay.row_groups; g++)
        for (int s = 0; s < xb->lay.slices; s++) {
            uint8_t *e = xb->empty + ((size_t)g * S + (size_t)s) * N;
            for (int k = xb->group[g].k0; k < xb->group[g].k0 + xb->group[g].k; k++)
                for (int n = 0; n < xb->N; n++)
                    if (mb_xbar_half_digits(xb, s, 0, k, n) || mb_xbar_half_digits(xb, s, 1, k, n)) e[n] = 0;
            for (size_t n = 0; n < N; n++) xb->n_empty += e[n];
        }
    return MB_OK;
}

double mb_xbar_empty(const mb_xbar *xb) {
    return (double)xb->n_empty / ((double)xb->lay.row_groups * xb->lay.slices * xb->N);
}

int mb_xbar_new(const mb_xbar_spec *s, int K, int N, const int16_t *Wq, mb_xbar **out) {
    int rc = MB_OK;
    *out = NULL;
    mb_xbar *xb = mb_calloc(1, sizeof *xb);
    if (!xb) return mb_nomem();
    xb->spec = *s;
    if (s->ideal & MB_IDEAL_WIRES) xb->spec.wires = (mb_xbar_wires){.interleaved = s->wires.interleaved};
    if (s->ideal & MB_IDEAL_ADC) xb->spec.adc = (mb_adc){mb_adc_find("ideal"), NULL};
    if (s->ideal & MB_IDEAL_WIRES) xb->spec.column_limit_A = 0;
    if (s->ideal & MB_IDEAL_CELLS) xb->spec.dac_inl = 0;
    if (s->ideal & MB_IDEAL_READ) xb->spec.dac_noise = 0, xb->spec.read_noise = MB_NOISE_OUTPUT;
    xb->K = K;
    xb->N = N;
    if ((rc = mb_xbar_derive(&xb->spec, K, N, &xb->lay, &xb->sc))) goto out;
    derive_squares(&xb->spec, &xb->sc);
    const mb_xbar_layout *l = &xb->lay;
    if ((int64_t)l->row_tiles * l->col_tiles > SLOTS || l->row_groups > SLOTS) {
        rc = mb_fail(MB_BADINPUT,
                     "%d x %d weights take %d x %d arrays and %d row groups, more than the %d of one layer; raise rows, cols or "
                     "rows_active",
                     K, N, l->row_tiles, l->col_tiles, l->row_groups, SLOTS);
        goto out;
    }
    xb->n_all = N + xb->sc.references * l->col_tiles;
    xb->panels = (int)(((int64_t)l->slices * xb->sc.polarities * xb->n_all + MB_PANEL - 1) / MB_PANEL);
    xb->Wq = mb_malloc((size_t)K * (size_t)N, sizeof *xb->Wq);
    xb->row_w = mb_calloc((size_t)K, sizeof *xb->row_w);
    xb->group = mb_calloc((size_t)l->row_groups, sizeof *xb->group);
    xb->placed = mb_calloc((size_t)l->row_tiles * (size_t)l->slices, sizeof *xb->placed);
    if (!xb->Wq || !xb->row_w || !xb->group || !xb->placed) {
        rc = mb_nomem();
        goto out;
    }
    memcpy(xb->Wq, Wq, (size_t)K * (size_t)N * sizeof *Wq);
    if ((rc = check_weights(xb))) goto out;
    int g = 0;
    for (int t = 0; t < l->row_tiles; t++) {
        int end = min_int(K, (t + 1) * s->rows);
        for (int k0 = t * s->rows; k0 < end; k0 += s->rows_active, g++) {
            xb->group[g].k0 = k0;
            xb->group[g].k = min_int(s->rows_active, end - k0);
            xb->group[g].row_tile = t;
            if (xb->sc.general) continue;
            xb->group[g].w = mb_calloc((size_t)xb->panels * ((size_t)xb->group[g].k + 1), MB_PANEL * sizeof(int16_t));
            if (!xb->group[g].w) {
                rc = mb_nomem();
                goto out;
            }
        }
    }
    if ((rc = find_empty(xb))) goto out;
    if (xb->sc.general && (rc = mb_general_new(xb))) goto out;
    *out = xb;
    xb = NULL;
out:
    mb_xbar_free(xb);
    return rc;
}

void mb_xbar_free(mb_xbar *xb) {
    if (!xb) return;
    for (int g = 0; xb->group && g < xb->lay.row_groups && !xb->borrows; g++) {
        mb_free(xb->group[g].w);
        mb_free(xb->group[g].var);
        mb_quads_free(xb->group[g].quads);
    }
    mb_general_free(xb->general);
    mb_free(xb->placed);
    mb_free(xb->empty);
    mb_free(xb->group);
    if (!xb->borrows) mb_free(xb->row_w);
    mb_free(xb->Wq);
    mb_free(xb);
}

const mb_xbar_spec *mb_xbar_get_spec(const mb_xbar *xb) { return &xb->spec; }
const mb_xbar_layout *mb_xbar_get_layout(const mb_xbar *xb) { return &xb->lay; }
double mb_xbar_unit_S(const mb_xbar *xb) { return xb->sc.unit_S; }
double mb_xbar_scale(const mb_xbar *xb) { return xb->sc.F; }
uint64_t mb_xbar_saturated(const mb_xbar *xb) { return xb->saturated; }
uint64_t mb_xbar_censored(const mb_xbar *xb) { return xb->censored; }

void mb_xbar_ageing(const mb_xbar *xb, double *fresh_S, double *aged_S) {
    *fresh_S = xb->fresh_S;
    *aged_S = xb->aged_S;
}

uint64_t mb_xbar_repaired(const mb_xbar *xb) { return xb->repaired; }
bool mb_xbar_general(const mb_xbar *xb) { return xb->general != NULL; }
double mb_xbar_charge_S(const mb_xbar *xb) {
    return xb->spec.dac == MB_DAC_LEVEL ? xb->sc.unit_S / ((double)xb->sc.drive_digit * xb->sc.drive_digit) : xb->sc.unit_S;
}
double mb_xbar_wire_residual(const mb_xbar *xb) { return xb->wire_residual; }

/* A / 2^SHIFT rounded to the nearest, half up. */
static int nearest(int a, int shift) { return (a + (1 << shift) / 2) >> shift; }

int mb_xbar_kept_weight(const mb_xbar_spec *s, int w) {
    int shift = 0, a = w < 0 ? -w : w;
    for (int i = 0; i < s->skip_slices; i++) shift += slice_width(s, i);
    a = (s->code == MB_CODE_BALANCED ? nearest(a, shift) : a >> shift) << shift;
    return w < 0 ? -a : a;
}

/* First bit of stored slice I, and whether it is the most significant one. */
static int first_bit(const mb_xbar_spec *s, int i, bool *last) {
    int shift = 0;
    for (int k = 0; k < i; k++) shift += slice_width(s, k);
    *last = shift + slice_width(s, i) >= stored_bits(s);
    return shift;
}

int mb_xbar_digit(const mb_xbar_spec *s, int slice, int code) {
    bool last;
    const int i = s->skip_slices + slice, width = slice_width(s, i), at = first_bit(s, i, &last);
    if (s->code != MB_CODE_BALANCED) return code >> at & ((1 << width) - 1);
    return last ? nearest(code, at) : nearest(code, at) - (nearest(code, at + width) << width);
}

int mb_xbar_top_digit(const mb_xbar_spec *s, int slice) {
    bool last;
    const int i = s->skip_slices + slice, width = slice_width(s, i), at = first_bit(s, i, &last);
    if (s->code != MB_CODE_BALANCED) return (1 << width) - 1;
    return last ? 1 << (stored_bits(s) - at) : 1 << (width - 1);
}

int mb_xbar_half_digits(const mb_xbar *xb, int s, int q, int k, int n) {
    int wb = xb->spec.weight_bits, mask = (1 << xb->lay.slice_bits[s]) - 1, stored = 0;
    if (n < xb->N) {
        int w = xb->Wq[(size_t)k * (size_t)xb->N + (size_t)n];
        if (mb_xbar_two_sided(&xb->spec)) {
            int d = (w < 0 ? -w : w) >> xb->sc.shift[s] & mask;
            return xb->sc.grid[s] + ((w < 0) == (q == 0) ? -d : d);
        }
        if (xb->spec.code == MB_CODE_BALANCED) {
            const int d = mb_xbar_digit(&xb->spec, s, w < 0 ? -w : w) * (w < 0 ? -1 : 1);
            return 2 * max_int(q == 0 ? d : -d, 0);
        }
        if (xb->spec.scheme == MB_DIFFERENTIAL) stored = q == 0 ? max_int(w, 0) : max_int(-w, 0);
        else stored = wb == 1 ? (w + 1) / 2 : w + (1 << (wb - 1));
    } else if (xb->sc.references == 2) {
        stored = (n - xb->N) % 2;
    } else {
        stored = 1 << (wb - 1);
    }
    return 2 * (stored >> xb->sc.shift[s] & mask);
}

void mb_xbar_row_group(const mb_xbar *xb, int g, mb_row_group *rg) {
    const mb_xbar_group *x = &xb->group[g];
    *rg = (mb_row_group){.k = x->k,
                         .n = xb->n_all,
                         .slices = xb->lay.slices,
                         .planes = xb->lay.planes_converted,
                         .dac_bits = xb->sc.dac_bits,
                         .polarities = xb->sc.polarities,
                         .panels = xb->panels,
                         .sum_max = x->k * xb->sc.input_digit * xb->sc.w_max,
                         .w = x->w,
                         .var = xb->noisy ? x->var : NULL,
                         .var_each = xb->var_each,
                         .var_unit = xb->var_unit,
                         .var_max = (double)MB_VAR_MAX * xb->sc.rows_read * xb->sc.input_digit * xb->sc.input_digit,
                         .square = xb->lay.planes_converted < xb->lay.planes ? xb->sc.square : NULL,
                         .quads = x->quads,
                         .range = mb_xbar_placed(xb, g),
                         .adc = &xb->spec.adc};
    for (int s = 0; s < xb->lay.slices; s++) rg->shift[s] = xb->sc.shift[s];
}

void mb_xbar_stream(const mb_xbar *xb, const mb_read_id *id, mb_rng_domain domain, int g, int v, mb_stream *s) {
    uint32_t slot = id->group * (uint32_t)xb->lay.row_groups + (uint32_t)g;
    mb_stream_init(s, id->seed, domain, id->trial, mb_unit(id->layer, slot), id->index0 + (uint32_t)v);
}

/* Is some |x| above top = 2^b - 1, or negative where it must not be? All bits of all inputs together tell. */
MB_CLONES static bool out_of_range(size_t n, const int16_t *x, int top, bool sign) {
    uint16_t bits = 0;
    if (sign) {
#pragma omp simd reduction(| : bits)
        for (size_t j = 0; j < n; j++) bits |= (uint16_t)(x[j] < 0 ? -x[j] : x[j]);
    } else {
#pragma omp simd reduction(| : bits)
        for (size_t j = 0; j < n; j++) bits |= (uint16_t)x[j];
    }
    return bits > top;
}

/* Vectors first .. first + m - 1 of the caller, which stand at x. */
static int check_block(const mb_xbar *xb, int first, int m, const int16_t *x) {
    if (!xb->programmed) return mb_fail(MB_BUG, "a crossbar is read before it was programmed");
    int lo = xb->spec.input_signed ? -xb->sc.x_max : 0, hi = xb->sc.x_max;
    size_t n = (size_t)m * (size_t)xb->K, i = 0;
    if (!out_of_range(n, x, hi, xb->spec.input_signed)) return MB_OK;
    while (x[i] >= lo && x[i] <= hi) i++;
    return mb_fail(MB_BADINPUT, "input %zu of vector %zu is %d, outside %d..%d (input_bits = %d, %s)", i % (size_t)xb->K,
                   (size_t)first + i / (size_t)xb->K, x[i], lo, hi, xb->spec.input_bits, xb->spec.input_signed ? "signed" : "unsigned");
}

int mb_xbar_check_inputs(const mb_xbar *xb, int m, const int16_t *x) { return check_block(xb, 0, m, x); }

int mb_xbar_check_read(const mb_xbar *xb, const mb_read_id *id, int m, const int16_t *x) {
    int rc = mb_xbar_check_inputs(xb, m, x);
    if (rc) return rc;
    if (!xb->ranged) return mb_fail(MB_BUG, "a crossbar is read before its converter ranges were set");
    if (id->layer > 4095 || id->trial > MB_RNG_TRIAL_MAX || ((uint64_t)id->group + 1) * (uint64_t)xb->lay.row_groups > SLOTS)
        return mb_fail(MB_BADINPUT,
                       "layer %u, group %u, trial %u have no random stream of their own (limits: 4096 layers, %d row groups in a "
                       "layer, %u trials)",
                       (unsigned)id->layer, (unsigned)id->group, (unsigned)id->trial, SLOTS, MB_RNG_TRIAL_MAX);
    return MB_OK;
}

/* What conductance w0 in all rows of group g would read, per slice and plane through a converter that never clips, shifted and
 * added. */
static int64_t background(const mb_xbar *xb, int g, const int16_t *x) {
    const mb_xbar_group *gr = &xb->group[g];
    const bool added = xb->lay.planes_converted < xb->lay.planes;
    int64_t sum = 0;
    for (int p = 0; p < xb->lay.planes_converted; p++) {
        int64_t digits = 0, weight = added ? 1 : (int64_t)mb_xbar_driven_weight(xb, p);
        for (int k = 0; k < gr->k; k++) digits += added ? x[gr->k0 + k] : mb_xbar_driven_digit(xb, x[gr->k0 + k], p);
        for (int s = 0; s < xb->lay.slices; s++) {
            int64_t S = digits * xb->sc.w0[s];
            if (!xb->spec.adc.type->transparent) {
                mb_adc_range r = xb->range[s];
                uint64_t clipped = 0;
                r.q_lo = INT32_MIN;
                r.q_hi = INT32_MAX;
                S = r.base + (int64_t)mb_adc_code(&r, (int32_t)S, &clipped) * r.step;
            }
            sum += S * weight * ((int64_t)1 << xb->sc.shift[s]);
        }
    }
    return sum;
}

/* y = gain * all - what the offset of the weights and the smallest conductance contribute to each output. */
static void subtract_digitally(const mb_xbar *xb, int m, const int16_t *x, const int64_t *all, int64_t *y) {
    for (int v = 0; v < m; v++) {
        const int16_t *xv = x + (size_t)v * (size_t)xb->K;
        int64_t inputs = 0, ground = 0;
        for (int k = 0; k < xb->K; k++) inputs += xv[k];
        for (int g = 0; g < xb->lay.row_groups; g++) ground += background(xb, g, xv);
        int64_t off = inputs * xb->sc.F * ((int64_t)1 << (xb->spec.weight_bits - 1)) + xb->sc.gain * ground;
        for (size_t n = (size_t)v * (size_t)xb->N; n < ((size_t)v + 1) * (size_t)xb->N; n++) y[n] = xb->sc.gain * all[n] - off;
    }
}

void mb_xbar_subtract(const mb_xbar *xb, int m, const int16_t *x, const int64_t *all, int64_t *y) {
    if (mb_xbar_corrected(&xb->spec)) subtract_digitally(xb, m, x, all, y);
    if (!xb->sc.references) return;
    for (int v = 0; v < m; v++) {
        const int64_t *a = all + (size_t)v * (size_t)xb->n_all, *ref = a + xb->N;
        for (int n = 0; n < xb->N; n++) {
            const int64_t *r = ref + (size_t)(n / xb->lay.outputs_per_tile) * (size_t)xb->sc.references;
            y[(size_t)v * (size_t)xb->N + (size_t)n] = xb->sc.gain * a[n] - r[0] - (xb->sc.references == 2 ? r[1] : 0);
        }
    }
}

void mb_xbar_stats_init(mb_xbar_stats *s) { *s = (mb_xbar_stats){.q_min = INT32_MAX, .q_max = INT32_MIN}; }

void mb_xbar_stats_merge(mb_xbar_stats *s, const mb_xbar_stats *b) {
    s->vectors += b->vectors;
    s->conversions += b->conversions;
    s->clipped += b->clipped;
    s->rows_driven += b->rows_driven;
    s->rows_offered += b->rows_offered;
    s->digit_sum += b->digit_sum;
    s->charge += b->charge;
    s->q_min = min_int(s->q_min, b->q_min);
    s->q_max = max_int(s->q_max, b->q_max);
}

/* sum[k] += set bits of |x_k|, 8 bits */
MB_CLONES static void add_bits(size_t K, const int16_t *restrict x, uint16_t *restrict sum) {
#pragma omp simd
    for (size_t k = 0; k < K; k++) {
        uint16_t a = (uint16_t)(x[k] < 0 ? -x[k] : x[k]);
        a = (uint16_t)((a & 0x55) + (a >> 1 & 0x55));
        a = (uint16_t)((a & 0x33) + (a >> 2 & 0x33));
        a = (uint16_t)((a & 0x0F) + (a >> 4));
        sum[k] = (uint16_t)(sum[k] + a);
    }
}

/* sum[k] += planes with a digit of x_k that is not zero; sum[K + k] += its digits */
MB_CLONES static void add_digits(size_t K, const int16_t *restrict x, int planes, int dac, uint16_t *restrict sum) {
    uint16_t mask = (uint16_t)((1u << dac) - 1), *restrict digits = sum + K;
    for (int p = 0; p < planes; p++) {
        int shift = p * dac;
#pragma omp simd
        for (size_t k = 0; k < K; k++) {
            uint16_t d = (uint16_t)((uint16_t)(x[k] < 0 ? -x[k] : x[k]) >> shift & mask);
            sum[k] = (uint16_t)(sum[k] + (d != 0));
            digits[k] = (uint16_t)(digits[k] + d);
        }
    }
}

/* Activity with voltage levels: charge counts the squares of the digits. */
static void add_level_activity(const mb_xbar *xb, int m, const int16_t *x, mb_xbar_stats *st) {
    for (size_t k = 0, K = (size_t)xb->K; k < K; k++) {
        uint64_t squares = 0;
        for (size_t v = 0; v < (size_t)m; v++) {
            int a = x[v * K + k] < 0 ? -x[v * K + k] : x[v * K + k];
            for (int p = 0; p * xb->spec.dac_bits < 8; p++) {
                uint64_t d = (uint64_t)(a >> (p * xb->spec.dac_bits) & ((1 << xb->spec.dac_bits) - 1));
                squares += d * d;
                st->rows_driven += d != 0;
            }
        }
        st->digit_sum += squares;
        st->charge += squares * (uint64_t)xb->row_w[k];
    }
}

/* Planes with a sign of their own: every set bit of the code drives its row. */
static void add_twos_activity(const mb_xbar *xb, int m, const int16_t *x, mb_xbar_stats *st) {
    for (size_t i = 0, n = (size_t)m * (size_t)xb->K; i < n; i++)
        for (int p = 0; p < xb->lay.planes; p++) {
            uint64_t d = (uint64_t)mb_xbar_driven_digit(xb, x[i], p), row = (uint64_t)xb->row_w[i % (size_t)xb->K];
            st->rows_driven += d != 0;
            if (xb->spec.dac == MB_DAC_LEVEL) d *= d;
            st->digit_sum += d;
            st->charge += d * row;
        }
}

/* Word-line activity of at most BLOCK vectors; sum[2 K] is scratch: 255 BLOCK stays below 2^16. */
static void add_activity(const mb_xbar *xb, int m, const int16_t *x, uint16_t *sum, mb_xbar_stats *st) {
    size_t K = (size_t)xb->K;
    const uint16_t *digits = xb->spec.dac_bits == 1 ? sum : sum + K;
    bool twos = mb_xbar_twos(&xb->spec), level = xb->spec.dac == MB_DAC_LEVEL && xb->spec.dac_bits > 1;
    memset(sum, 0, 2 * K * sizeof *sum);
    if (twos) add_twos_activity(xb, m, x, st);
    else if (level) add_level_activity(xb, m, x, st);
    for (size_t v = 0; v < (size_t)m && !twos && !level; v++) {
        if (xb->spec.dac_bits == 1)
            add_bits(K, x + v * K, sum);
        else
            add_digits(K, x + v * K, xb->lay.planes, xb->spec.dac_bits, sum);
    }
    for (size_t k = 0; k < K; k++) {
        st->rows_driven += sum[k];
        st->digit_sum += digits[k];
        st->charge += (uint64_t)digits[k] * (uint64_t)xb->row_w[k];
    }
    st->vectors += (uint64_t)m;
    st->rows_offered += (uint64_t)m * (uint64_t)xb->lay.planes * K;
    st->conversions += (uint64_t)m * (uint64_t)xb->lay.row_groups * (uint64_t)xb->lay.planes_converted * (uint64_t)xb->lay.slices *
                       (uint64_t)xb->sc.polarities * (uint64_t)xb->n_all -
                       (uint64_t)m * (uint64_t)xb->lay.planes_converted * (uint64_t)xb->sc.polarities * xb->n_empty;
}

typedef struct scratch { int64_t *all; mb_stream *read, *adc; uint16_t *sum; void *work; void *memory; } scratch;

/* All scratch of one mvm in one allocation. */
static int scratch_new(const mb_xbar *xb, const mb_kernel *kern, int m, scratch *s) {
    size_t work = 0, b = (size_t)min_int(m, BLOCK), at = 0;
    for (int g = 0; g < xb->lay.row_groups && !xb->general; g++) {
        mb_row_group rg;
        mb_xbar_row_group(xb, g, &rg);
        size_t w = kern->work_size(&rg, (int)b);
        work = w > work ? w : work;
    }
    size_t part[5] = {work, xb->sc.references ? b * (size_t)xb->n_all * sizeof *s->all : 0, b * sizeof *s->read,
                      b * sizeof *s->adc, 2 * (size_t)xb->K * sizeof *s->sum},
           off[5];
    for (int i = 0; i < 5; i++) {
        off[i] = at;
        at += (part[i] + 63) / 64 * 64;
    }
    s->memory = mb_malloc(at, 1);
    if (!s->memory) return mb_nomem();
    unsigned char *p = s->memory;
    s->work = p + off[0];
    s->all = part[1] ? (int64_t *)(void *)(p + off[1]) : NULL;
    s->read = (mb_stream *)(void *)(p + off[2]);
    s->adc = (mb_stream *)(void *)(p + off[3]);
    s->sum = (uint16_t *)(void *)(p + off[4]);
    return MB_OK;
}

int mb_xbar_mvm(const mb_xbar *xb, const mb_read_id *id, int m, const int16_t *x, int64_t *y, mb_xbar_stats *stats) {
    const mb_kernel *kern = NULL;
    scratch sc = {0};
    int rc = MB_OK;
    if (m <= 0) return MB_OK;
    if ((rc = mb_kernel_best(&kern)) || (rc = mb_xbar_check_read(xb, id, 0, x)) || (rc = scratch_new(xb, kern, m, &sc)))
        return rc;
    bool adc_random = !xb->spec.adc.type->transparent && !xb->spec.adc.type->deterministic(xb->spec.adc.params);
    mb_kernel_stats ks = {0, INT32_MAX, INT32_MIN};
    for (int v0 = 0; v0 < m; v0 += BLOCK) {
        int b = min_int(BLOCK, m - v0);
        const int16_t *xv = x + (size_t)v0 * (size_t)xb->K;
        int64_t *yv = y + (size_t)v0 * (size_t)xb->N, *all = sc.all ? sc.all : yv;
        if ((rc = check_block(xb, v0, b, xv))) goto out;      /* here, where they enter the cache */
        if (xb->general) {
            mb_read_id from = *id;
            from.index0 += (uint32_t)v0;
            if ((rc = mb_general_mvm(xb, &from, b, xv, yv, &ks, NULL, NULL))) break;
        } else {
            memset(all, 0, (size_t)b * (size_t)xb->n_all * sizeof *all);
        }
        for (int g = 0; g < xb->lay.row_groups && !xb->general; g++) {
            mb_row_group rg;
            mb_xbar_row_group(xb, g, &rg);
            for (int v = 0; v < b; v++) {
                if (rg.var) mb_xbar_stream(xb, id, MB_RNG_READ, g, v0 + v, &sc.read[v]);
                if (adc_random) mb_xbar_stream(xb, id, MB_RNG_ADC, g, v0 + v, &sc.adc[v]);
            }
            kern->run(&rg, b, xv + xb->group[g].k0, (size_t)xb->K, all, (size_t)xb->n_all, rg.var ? sc.read : NULL,
                      adc_random ? sc.adc : NULL, &ks, sc.work);
        }
        if (!xb->general) mb_xbar_subtract(xb, b, xv, all, yv);
        if (stats) add_activity(xb, b, xv, sc.sum, stats);
    }
    if (stats && !rc) {
        stats->clipped += ks.clipped;
        stats->q_min = min_int(stats->q_min, ks.q_min);
        stats->q_max = max_int(stats->q_max, ks.q_max);
    }
out:
    mb_free(sc.memory);
    return rc;
}
