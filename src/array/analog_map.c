/* analog_map.c - the analog engine: weight range, tiles, conductances (equations in analog.h) */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "array/analog_private.h"
#include "base/error.h"
#include "base/mem.h"

static int rising(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* Quantile of sorted v, linear between the entries. */
static double quantile(size_t n, const double *v, double f) {
    double x = f * (double)(n - 1);
    size_t i = (size_t)x;
    if (i >= n - 1) return v[n - 1];
    return v[i] + (x - (double)i) * (v[i + 1] - v[i]);
}

double mb_quantile_abs(size_t n, const double *v, double p, int *rc) {
    double top = 0;
    for (size_t i = 0; i < n; i++) top = fabs(v[i]) > top ? fabs(v[i]) : top;
    if (p >= 1 || n < 2) return p * top;
    double *w = mb_malloc(n, sizeof *w);
    if (!w) {
        *rc = mb_nomem();
        return 0;
    }
    memcpy(w, v, n * sizeof *w);
    qsort(w, n, sizeof *w, rising);
    double a = fabs(quantile(n, w, p)), b = fabs(quantile(n, w, 1 - p));
    mb_free(w);
    return a > b ? a : b;
}

/* Sizes of the tiles of SIZE lines of at most LIMIT each. */
static int parts(int size, int limit) { return limit > 0 ? (size + limit - 1) / limit : 1; }

static void block(int size, int limit, int how, int count, int i, int *start, int *n) {
    if (count == 1 || size % count == 0) {
        *n = size / count;
        *start = i * *n;
    } else if (how == MB_PART_EQUAL) { /* true limits: sizes differ by at most one */
        int q = size / count, r = size % count;
        *n = q + (i < r);
        *start = i * q + (i < r ? i : r);
    } else {
        int b = how == MB_PART_MAX ? limit : (int)rint((double)size / count);
        *start = i * b;
        *n = i == count - 1 ? size - *start : b;
    }
}

static void split_slices(mb_analog *a) {
    const mb_analog_mapping *p = &a->s->mapping;
    a->slices = p->slices > 0 ? p->slices : 1;
    int need = p->weight_bits - (p->style == MB_ANALOG_BALANCED), shift = 0;
    for (int i = 0; i < a->slices; i++) {
        int equal = p->weight_bits % a->slices == 0 ? p->weight_bits / a->slices : (need + a->slices - 1) / a->slices;
        a->bits[i] = p->slice_bits.n ? (int)p->slice_bits.v[i] : equal;
        a->shift[i] = shift;
        shift += a->bits[i];
    }
}

/* Digit of slice i: the last one takes the rest. */
static double digit(const mb_analog *a, int64_t K, int i) {
    int64_t d = K >> a->shift[i];
    return (double)(i == a->slices - 1 ? d : d & (((int64_t)1 << a->bits[i]) - 1));
}

static double unit_digit(const mb_analog *a, int i) {
    if (a->s->mapping.half_top_digit) return i == a->slices - 1 ? (double)(((int64_t)1 << a->bits[i]) / 2) : 0;
    return digit(a, (int64_t)1 << (a->s->mapping.weight_bits - 1), i);
}

/* Conductance of polarity q, slice i for weight w = W / w_max; UNIT: the cell of the unit column. */
static double conductance(const mb_analog *a, double w, bool unit, int i, int q) {
    const mb_analog_mapping *p = &a->s->mapping;
    const int cb = a->s->cell.bits;
    const double g = a->g, R = a->R, levels = (double)(((int64_t)1 << cb) - 1);
    double G;
    if (mb_analog_sliced(a->s)) {
        const double base = (double)(((int64_t)1 << a->bits[i]) - 1), full = (double)((int64_t)1 << (p->weight_bits - 1));
        if (p->style == MB_ANALOG_OFFSET) {
            int64_t K = (int64_t)rint(w * (full - 1) + full);
            G = g + R * (unit ? unit_digit(a, i) : digit(a, K, i)) / base;
        } else {
            int64_t K = (int64_t)rint(w * (full - 1));
            G = (K >= 0) == (q == 0) ? g + R * digit(a, K < 0 ? -K : K, i) / base : g;
        }
    } else if (p->style == MB_ANALOG_OFFSET) {
        G = a->Wr * (w / 2 + 0.5) + a->g0;
    } else {
        double r = cb > 0 ? 1 / (2 * (levels + 1)) : 0;
        if (p->two_sided) G = g + R * (q ? 1 - w : 1 + w) / 2;
        else if (q == 0) G = w >= r ? g + R * w : g;
        else G = w < -r ? g - R * w : g;
        if (p->single_precision) G = (double)(float)G;
    }
    return cb > 0 ? rint((G - g) * levels / R) * R / levels + g : G;
}

static int map_tile(mb_analog *a, mb_tile *t, const double *W) {
    const bool unit = mb_analog_unit(a->s);
    t->no = t->nc + unit;
    size_t cells = (size_t)a->slices * (size_t)a->pol * (size_t)t->no * (size_t)t->nr;
    t->target = mb_malloc(cells, sizeof(double));
    t->G = mb_malloc(cells, sizeof(double));
    if (a->s->wires.source == MB_WIRES_INPUT && a->s->cell.law == MB_IV_LINEAR) t->eff = mb_malloc(cells, sizeof(double));
    size_t st = mb_convert_statics(a, t->no);
    if (st) t->statics = mb_calloc((size_t)a->slices * (size_t)a->converted * st, sizeof(double));
    if (!t->target || !t->G || (st && !t->statics) ||
        (a->s->wires.source == MB_WIRES_INPUT && a->s->cell.law == MB_IV_LINEAR && !t->eff))
        return mb_nomem();
    for (int i = 0; i < a->slices; i++)
        for (int q = 0; q < a->pol; q++) {
            double *G = t->target + mb_tile_at(a, t, i, q);
            for (int j = 0; j < t->no; j++)
                for (int k = 0; k < t->nr; k++) {
                    bool is_unit = unit && j == 0;
                    double w = 0;
                    if (!is_unit) {
                        int out = t->c0 + j - unit;
                        double m = a->w_max[out];
                        w = W[(size_t)out * (size_t)a->n + (size_t)(t->r0 + k)];
                        if (a->s->weights.clip) w = w > m ? m : w < -m ? -m : w;
                        w /= m;
                    }
                    G[(size_t)j * (size_t)t->nr + (size_t)k] = conductance(a, w, is_unit, i, q);
                }
        }
    return MB_OK;
}

static int weight_range(mb_analog *a, const double *W) {
    const mb_analog_weights *w = &a->s->weights;
    int rc = MB_OK;
    double all = w->max > 0 ? w->max : mb_quantile_abs((size_t)a->m * (size_t)a->n, W, w->percentile, &rc);
    for (int j = 0; j < a->m && !rc; j++) {
        double own = w->per_channel ? mb_quantile_abs((size_t)a->n, W + (size_t)j * (size_t)a->n, w->percentile, &rc) : all;
        a->w_max[j] = own > 0 ? own : all > 0 ? all : 1; /* a row of zeros has any range */
    }
    return rc;
}

static int tiles(mb_analog *a, const double *W) {
    const mb_analog_array *p = &a->s->array;
    int rc = MB_OK;
    a->row_tiles = parts(a->n, p->rows_max);
    a->col_tiles = parts(a->m, p->cols_max);
    a->tile = mb_calloc((size_t)a->row_tiles * (size_t)a->col_tiles, sizeof *a->tile);
    if (!a->tile) return mb_nomem();
    for (int r = 0; r < a->row_tiles && !rc; r++)
        for (int c = 0; c < a->col_tiles && !rc; c++) {
            mb_tile *t = &a->tile[r * a->col_tiles + c];
            block(a->n, p->rows_max, p->partition, a->row_tiles, r, &t->r0, &t->nr);
            block(a->m, p->cols_max, p->partition, a->col_tiles, c, &t->c0, &t->nc);
            if (t->nr < 1 || t->nc < 1)
                rc = mb_fail(MB_BADINPUT, "array.partition leaves an empty tile for %d x %d weights", a->m, a->n);
            else if (a->s->wires.source != MB_WIRES_NONE && a->s->wires.rows && a->s->wires.rows < t->nr)
                rc = mb_fail(MB_BADINPUT, "wires.rows = %d is less than the %d inputs of a tile; set array.rows_max",
                             a->s->wires.rows, t->nr);
            else if (p->rows_active > t->nr && !p->rows_max)
                rc =
                    mb_fail(MB_BADINPUT, "array.rows_active = %d is more than the %d inputs of the matrix", p->rows_active, a->n);
            if (!rc) rc = map_tile(a, t, W);
        }
    return rc;
}

int mb_analog_new(const mb_analog_spec *s, int m, int n, const double *W, mb_analog **out) {
    *out = NULL;
    if (m < 1 || n < 1) return mb_fail(MB_BADINPUT, "the matrix has no weights (%d x %d)", m, n);
    for (size_t i = 0, k = (size_t)m * (size_t)n; i < k; i++)
        if (!isfinite(W[i])) return mb_fail(MB_BADINPUT, "weight (%zu, %zu) is not finite", i / (size_t)n, i % (size_t)n);
    int rc = mb_analog_check(s);
    if (rc) return rc;
    mb_analog *a = mb_calloc(1, sizeof *a);
    if (!a) return mb_nomem();
    a->s = s;
    a->m = m;
    a->n = n;
    a->pol = s->mapping.style == MB_ANALOG_BALANCED ? 2 : 1;
    a->converted = s->mapping.digital_subtraction ? a->pol : 1;
    a->g = s->cell.r_max_ohm > 0 ? s->cell.r_min_ohm / s->cell.r_max_ohm : 0;
    a->R = 1 - a->g;
    double L = (double)((int64_t)1 << s->cell.bits);
    a->Wr = s->cell.bits > 0 ? a->R * (L - 2) / (L - 1) : a->R;
    a->g0 = s->cell.bits > 0 ? 1 - a->Wr : a->g;
    split_slices(a);
    a->w_max = mb_malloc((size_t)m, sizeof *a->w_max);
    rc = a->w_max ? weight_range(a, W) : mb_nomem();
    if (!rc) rc = tiles(a, W);
    if (!rc) rc = mb_convert_ranges(a);
    if (!rc) rc = mb_analog_program(a, 0, 0);
    if (rc) mb_analog_free(a);
    else *out = a;
    return rc;
}

void mb_analog_free(mb_analog *a) {
    if (!a) return;
    for (int i = 0; a->tile && i < a->row_tiles * a->col_tiles; i++) {
        mb_free(a->tile[i].target);
        mb_free(a->tile[i].G);
        mb_free(a->tile[i].eff);
        mb_free(a->tile[i].statics);
    }
    mb_free(a->tile);
    mb_free(a->w_max);
    mb_free(a);
}

static int program_tile(mb_analog *a, int index, float *z) {
    const mb_analog_spec *s = a->s;
    mb_tile *t = &a->tile[index];
    size_t per = (size_t)t->no * (size_t)t->nr, st = mb_convert_statics(a, t->no);
    int rc = MB_OK;
    mb_stream rng;
    for (int i = 0; i < a->slices && !rc; i++)
        for (int q = 0; q < a->pol && !rc; q++) {
            const double *target = t->target + mb_tile_at(a, t, i, q);
            double *G = t->G + mb_tile_at(a, t, i, q);
            memcpy(G, target, per * sizeof *G);
            if (mb_cell_drifts(s)) mb_cell_drift(s, a->g, per, G);
            if (s->cell.programming != MB_ERR_NONE) {
                mb_stream_init(&rng, a->seed, MB_RNG_PROGRAM, a->trial, mb_unit((uint32_t)(i * a->pol + q), (uint32_t)index), 0);
                rc = mb_cell_errors(s, s->cell.programming, s->cell.programming_magnitude, false, s->cell.time_days, a->g, per, G,
                                    G, &rng, z);
            } else mb_cell_clip(s, a->g, per, G);
        }
    for (int i = 0; i < a->slices && st; i++)
        for (int q = 0; q < a->converted; q++) {
            mb_stream_init(&rng, a->seed, MB_RNG_ADC, a->trial, mb_unit((uint32_t)(i * a->pol + q), (uint32_t)index), UINT32_MAX);
            mb_convert_draw(a, t->no, t->statics + ((size_t)i * (size_t)a->converted + (size_t)q) * st, &rng);
        }
    if (t->eff && s->cell.read == MB_ERR_NONE)
        for (int i = 0; i < a->slices && !rc; i++)
            for (int q = 0; q < (s->mapping.interleaved ? 1 : a->pol) && !rc; q++) {
                size_t at = mb_tile_at(a, t, i, q);
                rc = mb_wires_effective(s, t->no, t->nr, t->G + at, s->mapping.interleaved ? t->G + at + per : NULL, t->eff + at,
                                        &a->residual);
            }
    return rc;
}

int mb_analog_program(mb_analog *a, uint64_t seed, uint32_t trial) {
    int rc = MB_OK;
    size_t most = 0;
    a->seed = seed;
    a->trial = trial;
    for (int i = 0; i < a->row_tiles * a->col_tiles; i++) {
        size_t per = (size_t)a->tile[i].no * (size_t)a->tile[i].nr;
        most = per > most ? per : most;
    }
    float *z = mb_malloc(most, sizeof *z);
    if (!z) return mb_nomem();
    for (int i = 0; i < a->row_tiles * a->col_tiles && !rc; i++) rc = program_tile(a, i, z);
    mb_free(z);
    return rc;
}

int mb_analog_tiles(const mb_analog *a, int *rows, int *cols) {
    if (rows) *rows = a->row_tiles;
    if (cols) *cols = a->col_tiles;
    return a->row_tiles * a->col_tiles;
}
int mb_analog_slices(const mb_analog *a) { return a->slices; }
double mb_analog_w_max(const mb_analog *a, int output) { return a->w_max[output]; }

const double *mb_analog_conductance(const mb_analog *a, int tile, int slice, int polarity, int *outputs, int *inputs) {
    const mb_tile *t = &a->tile[tile];
    *outputs = t->no;
    *inputs = t->nr;
    return polarity < a->pol ? t->G + mb_tile_at(a, t, slice, polarity) : NULL;
}
