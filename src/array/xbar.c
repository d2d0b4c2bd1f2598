/* xbar.c - layout of a weight matrix on arrays, creation of crossbars, and their reading
 *
 * Equations: array/xbar.h. Called by the floors above; program.c, xbar_wires.c, range.c, kernel*.c and oracle.c hold the rest.
 */
#include "array/xbar.h"
#include "config.h"

#include <math.h>
#include <string.h>

#include "array/xbar_private.h"
#include "base/error.h"
#include "base/mem.h"

#ifdef MB_HAVE_CLONES
#define CLONES __attribute__((target_clones("arch=x86-64-v4", "arch=x86-64-v3", "default")))
#else
#define CLONES
#endif

#define BLOCK 256                     /* vectors per pass over the row groups */
#define SLOTS (1 << 20)               /* slots of one layer: 20 bits of mb_unit */

static int ceil_div(int a, int b) { return a / b + (a % b != 0); }
static int min_int(int a, int b) { return a < b ? a : b; }
static int max_int(int a, int b) { return a > b ? a : b; }

static int check_int(const char *key, int v, int lo, int hi) {
    return v >= lo && v <= hi ? MB_OK : mb_fail(MB_BADINPUT, "%s = %d is outside %d..%d", key, v, lo, hi);
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
    if (!(s->time_s >= 0 && isfinite(s->time_s)))
        return mb_fail(MB_BADINPUT, "time_s = %g: cells are read at 0 s or later after programming", s->time_s);
    if (!(s->temp_K > 0 && isfinite(s->temp_K)))
        return mb_fail(MB_BADINPUT, "temp_K = %g is not a temperature in kelvin", s->temp_K);
    return mb_xbar_wires_check(s);
}

/* The largest power of two F with 1.5 Gmax / unit <= w_max. */
static int derive_scale(const mb_xbar_spec *s, int K, int bits, mb_xbar_scale_info *sc) {
    int xbits = s->input_signed ? max_int(1, s->input_bits - 1) : s->input_bits;
    sc->digits = (1 << s->cell_bits) - 1;
    sc->x_max = (1 << xbits) - 1;
    sc->input_digit = min_int((1 << s->dac_bits) - 1, sc->x_max);
    sc->rows_read = min_int(s->rows_active, K);
    sc->pairs = s->scheme == MB_DIFFERENTIAL ? 2 : 1;
    sc->polarities = s->scheme == MB_DIFFERENTIAL && s->subtract == MB_SUB_DIGITAL ? 2 : 1;
    sc->bipolar = s->input_signed || (s->scheme == MB_DIFFERENTIAL && s->subtract == MB_SUB_ANALOG);
    sc->references = s->scheme == MB_DIFFERENTIAL ? 0 : s->weight_bits == 1 ? 2 : 1;
    sc->gain = sc->references == 2 ? 2 : 1;
    for (int i = 0; i * s->cell_bits < bits; i++) sc->slice_digits[i] = (1 << min_int(s->cell_bits, bits - i * s->cell_bits)) - 1;
    s->cell.type->range(s->cell.params, &sc->g_min, &sc->g_max);
    if (!(sc->g_min >= 0 && sc->g_max > sc->g_min && isfinite(sc->g_max)))
        return mb_fail(MB_BADINPUT, "cell %s: conductance range %g .. %g S is not a range", s->cell.type->name, sc->g_min,
                       sc->g_max);
    sc->w_max = min_int((1 << MB_W_BITS) - 1, (1 << MB_S_BITS) / (sc->rows_read * sc->input_digit));
    double span = sc->g_max - sc->g_min, need = 1.5 * sc->g_max / span * sc->digits;
    sc->F = 0;
    for (int F = 1; need * F <= sc->w_max; F *= 2) sc->F = F;
    if (sc->F == 0)
        return mb_fail(MB_BADINPUT,
                       "cell %s with cell_bits = %d needs conductances up to %.0f units of a digit, but %d rows of %d-level "
                       "inputs leave %d: "
                       "lower cell_bits, rows_active or dac_bits, or use a cell with a larger on/off ratio",
                       s->cell.type->name, s->cell_bits, need, sc->rows_read, sc->input_digit + 1, sc->w_max);
    sc->unit_S = span / ((double)sc->digits * sc->F);
    sc->w0 = (int32_t)floor(sc->g_min / sc->unit_S + 0.5);
    return MB_OK;
}

int mb_xbar_derive(const mb_xbar_spec *s, int K, int N, mb_xbar_layout *l, mb_xbar_scale_info *sc) {
    int rc = check_spec(s, K, N);
    if (rc) return rc;
    int bits = s->scheme == MB_DIFFERENTIAL ? max_int(1, s->weight_bits - 1) : s->weight_bits;
    memset(l, 0, sizeof *l);
    memset(sc, 0, sizeof *sc);
    if ((rc = derive_scale(s, K, bits, sc))) return rc;
    int xbits = s->input_signed ? max_int(1, s->input_bits - 1) : s->input_bits;
    l->slices = ceil_div(bits, s->cell_bits);
    l->planes = ceil_div(xbits, s->dac_bits);
    l->cells_per_weight = l->slices * sc->pairs;
    l->dummy_columns = l->slices * sc->references;
    l->outputs_per_tile = s->cols > l->dummy_columns ? (s->cols - l->dummy_columns) / l->cells_per_weight : 0;
    if (l->outputs_per_tile < 1)
        return mb_fail(MB_BADINPUT,
                       "cols = %d: one output takes %d columns and the array %d dummy columns; raise cols or cell_bits, or lower "
                       "weight_bits",
                       s->cols, l->cells_per_weight, l->dummy_columns);
    l->row_tiles = ceil_div(K, s->rows);
    l->col_tiles = ceil_div(N, l->outputs_per_tile);
    int last = K - (l->row_tiles - 1) * s->rows;
    l->groups_per_tile = ceil_div(min_int(s->rows, K), s->rows_active);
    l->row_groups = (l->row_tiles - 1) * ceil_div(s->rows, s->rows_active) + ceil_div(last, s->rows_active);
    l->conversions_per_output = l->slices * sc->polarities;
    /* codes that the largest sum of slice 0 (the fullest one) needs above zero, in steps of one digit F */
    int64_t top = (int64_t)sc->rows_read * sc->input_digit, sum = top * sc->slice_digits[0] * sc->F;
    if (!(s->scheme == MB_DIFFERENTIAL && s->subtract == MB_SUB_ANALOG)) sum += top * sc->w0;
    int64_t codes = (sum + sc->F - 1) / sc->F;
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

int mb_xbar_new(const mb_xbar_spec *s, int K, int N, const int16_t *Wq, mb_xbar **out) {
    int rc = MB_OK;
    *out = NULL;
    mb_xbar *xb = mb_calloc(1, sizeof *xb);
    if (!xb) return mb_nomem();
    xb->spec = *s;
    if (s->ideal & MB_IDEAL_WIRES) xb->spec.wires = (mb_xbar_wires){.interleaved = s->wires.interleaved};
    if (s->ideal & MB_IDEAL_ADC) xb->spec.adc = (mb_adc){mb_adc_find("ideal"), NULL};
    xb->K = K;
    xb->N = N;
    if ((rc = mb_xbar_derive(s, K, N, &xb->lay, &xb->sc))) goto out;
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
    if (!xb->Wq || !xb->row_w || !xb->group) {
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
            xb->group[g].w = mb_calloc((size_t)xb->panels * ((size_t)xb->group[g].k + 1), MB_PANEL * sizeof(int16_t));
            if (!xb->group[g].w) {
                rc = mb_nomem();
                goto out;
            }
        }
    }
    *out = xb;
    xb = NULL;
out:
    mb_xbar_free(xb);
    return rc;
}

void mb_xbar_free(mb_xbar *xb) {
    if (!xb) return;
    for (int g = 0; xb->group && g < xb->lay.row_groups; g++) {
        mb_free(xb->group[g].w);
        mb_free(xb->group[g].var);
        mb_quads_free(xb->group[g].quads);
    }
    mb_free(xb->group);
    mb_free(xb->row_w);
    mb_free(xb->Wq);
    mb_free(xb);
}

const mb_xbar_spec *mb_xbar_get_spec(const mb_xbar *xb) { return &xb->spec; }
const mb_xbar_layout *mb_xbar_get_layout(const mb_xbar *xb) { return &xb->lay; }
double mb_xbar_unit_S(const mb_xbar *xb) { return xb->sc.unit_S; }
double mb_xbar_scale(const mb_xbar *xb) { return xb->sc.F; }
uint64_t mb_xbar_saturated(const mb_xbar *xb) { return xb->saturated; }
double mb_xbar_wire_residual(const mb_xbar *xb) { return xb->wire_residual; }

int mb_xbar_digit(const mb_xbar *xb, int s, int q, int k, int n) {
    int wb = xb->spec.weight_bits, shift = s * xb->spec.cell_bits, stored = 0;
    if (n < xb->N) {
        int w = xb->Wq[(size_t)k * (size_t)xb->N + (size_t)n];
        if (xb->spec.scheme == MB_DIFFERENTIAL)
            stored = q == 0 ? max_int(w, 0) : max_int(-w, 0);
        else
            stored = wb == 1 ? (w + 1) / 2 : w + (1 << (wb - 1));
    } else if (xb->sc.references == 2) {
        stored = (n - xb->N) % 2;
    } else {
        stored = 1 << (wb - 1);
    }
    return stored >> shift & xb->sc.digits;
}

void mb_xbar_row_group(const mb_xbar *xb, int g, mb_row_group *rg) {
    const mb_xbar_group *x = &xb->group[g];
    *rg = (mb_row_group){.k = x->k,
                         .n = xb->n_all,
                         .slices = xb->lay.slices,
                         .planes = xb->lay.planes,
                         .dac_bits = xb->spec.dac_bits,
                         .cell_bits = xb->spec.cell_bits,
                         .polarities = xb->sc.polarities,
                         .panels = xb->panels,
                         .sum_max = x->k * xb->sc.input_digit * xb->sc.w_max,
                         .w = x->w,
                         .var = xb->noisy ? x->var : NULL,
                         .var_each = xb->var_each,
                         .var_unit = xb->var_unit,
                         .var_max = (double)INT16_MAX * xb->sc.rows_read * xb->sc.input_digit * xb->sc.input_digit,
                         .quads = x->quads,
                         .range = xb->range,
                         .adc = &xb->spec.adc};
}

void mb_xbar_stream(const mb_xbar *xb, const mb_read_id *id, mb_rng_domain domain, int g, int v, mb_stream *s) {
    uint32_t slot = id->group * (uint32_t)xb->lay.row_groups + (uint32_t)g;
    mb_stream_init(s, id->seed, domain, id->trial, mb_unit(id->layer, slot), id->index0 + (uint32_t)v);
}

/* Is some |x| above top = 2^b - 1, or negative where it must not be? All bits of all inputs together tell. */
CLONES static bool out_of_range(size_t n, const int16_t *x, int top, bool sign) {
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

void mb_xbar_subtract(const mb_xbar *xb, int m, const int64_t *all, int64_t *y) {
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
CLONES static void add_bits(size_t K, const int16_t *restrict x, uint16_t *restrict sum) {
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
CLONES static void add_digits(size_t K, const int16_t *restrict x, int planes, int dac, uint16_t *restrict sum) {
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

/* Word-line activity of at most BLOCK vectors; sum[2 K] is scratch: 255 BLOCK stays below 2^16. */
static void add_activity(const mb_xbar *xb, int m, const int16_t *x, uint16_t *sum, mb_xbar_stats *st) {
    size_t K = (size_t)xb->K;
    const uint16_t *digits = xb->spec.dac_bits == 1 ? sum : sum + K;
    memset(sum, 0, 2 * K * sizeof *sum);
    for (size_t v = 0; v < (size_t)m; v++) {
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
    st->conversions += (uint64_t)m * (uint64_t)xb->lay.row_groups * (uint64_t)xb->lay.planes * (uint64_t)xb->lay.slices *
                       (uint64_t)xb->sc.polarities * (uint64_t)xb->n_all;
}

typedef struct scratch { int64_t *all; mb_stream *read, *adc; uint16_t *sum; void *work; void *memory; } scratch;

/* All scratch of one mvm in one allocation. */
static int scratch_new(const mb_xbar *xb, const mb_kernel *kern, int m, scratch *s) {
    size_t work = 0, b = (size_t)min_int(m, BLOCK), at = 0;
    for (int g = 0; g < xb->lay.row_groups; g++) {
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
        memset(all, 0, (size_t)b * (size_t)xb->n_all * sizeof *all);
        for (int g = 0; g < xb->lay.row_groups; g++) {
            mb_row_group rg;
            mb_xbar_row_group(xb, g, &rg);
            for (int v = 0; v < b; v++) {
                if (rg.var) mb_xbar_stream(xb, id, MB_RNG_READ, g, v0 + v, &sc.read[v]);
                if (adc_random) mb_xbar_stream(xb, id, MB_RNG_ADC, g, v0 + v, &sc.adc[v]);
            }
            kern->run(&rg, b, xv + xb->group[g].k0, (size_t)xb->K, all, (size_t)xb->n_all, rg.var ? sc.read : NULL,
                      adc_random ? sc.adc : NULL, &ks, sc.work);
        }
        if (sc.all) mb_xbar_subtract(xb, b, all, yv);
        if (stats) add_activity(xb, b, xv, sc.sum, stats);
    }
    if (stats) {
        stats->clipped += ks.clipped;
        stats->q_min = min_int(stats->q_min, ks.q_min);
        stats->q_max = max_int(stats->q_max, ks.q_max);
    }
out:
    mb_free(sc.memory);
    return rc;
}
