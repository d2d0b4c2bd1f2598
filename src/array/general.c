/* general.c - crossbars that integers cannot hold, in double precision and cell by cell, behind the same functions (array/xbar.h)
 *
 * Per vector, row group and driven plane p the voltages (or pulses) are d_k, in units of one digit; D = 2^dac_bits - 1:
 *     pulse   d_k = digit
 *     level   u_k = digit / D;  u_k <- u_k + 2.598 dac_inl u_k (1 - u_k^2) + dac_noise z;  d_k = D u_k
 *             (the bow is third order, with dac_inl its largest value, and vanishes at 0 and at full scale)
 * Current of a column in array units of its slice, w the conductance of a cell (array/xbar.h, not rounded):
 *     linear cells       I = sum_k d_k w_k
 *     type->shape        I = sum_k D shape(g_k, u_k) w_k                            (levels only: pulses have one voltage)
 *     column_limit_A     |I| is cut off at the limit; pulses of several units: in each unit of time
 * Read noise: one normal number per conversion with variance sum_p 4^(p dac_bits) sum_k d_k^2 sigma_k^2 over the planes of that
 * conversion, or every cell anew for every plane (cell->read of all cells in driven rows).
 * The sum at the converter, S = I+ - I- or one of them, is rounded to a whole array unit, half away from zero; then converter,
 * shift and add as with integers. Sums over rows run in the order of the rows: the same bits on every machine.
 * Two's complement: plane p < last has the bits of the code, the last one (digit 1 where the input is negative) the weight
 * -2^(bits).
 * Normal numbers and conversions come in the order (slice, plane, polarity, output), as in the kernels.
 * Streams: read noise as in array/xbar.h; the DAC's noise from position 2^31 of the stream of the read noise on.
 * References: Joksas et al., Adv. Sci. 9, 2105784 (2022), doi:10.1002/advs.202105784 (non-linear cells);
 * Xiao et al., IEEE Circuits Syst. Mag. 22, 26 (2022), doi:10.1109/MCAS.2022.3214409 (accumulation, saturation of columns).
 * Who may call: xbar.c, program.c, range.c, oracle.c.
 */
#include <math.h>
#include <string.h>

#include "array/xbar_private.h"
#include "base/error.h"
#include "base/mem.h"

#define BOW 2.598076211353316         /* 3 sqrt(3) / 2: 1 / max of u (1 - u^2) */
#define TABLE_MAX 15                  /* digits up to which the cells' curves are tabulated */

typedef struct part_data { double *w, *var; float *mean, *state; double *curve; } part_data;   /* [k][n]; state [n_state][k][n];
                                                                                                  curve [D + 1][k][n] */
typedef struct mb_general {
    int groups, parts;
    part_data *part;                  /* [groups][parts] */
    bool cells;                       /* noise cell by cell */
    bool bent;                        /* the cells' curves matter */
    bool common;                      /* ... and are the same for all conductances */
    double limit[MB_MAX_SLICES];      /* of a column, array units; 0: none */
} mb_general;

static part_data *part_at(const mb_xbar *xb, int g, int part) { return &xb->general->part[(size_t)g * (size_t)xb->general->parts + (size_t)part]; }

static size_t at_cell(const mb_xbar *xb, int k, int n) { return (size_t)k * (size_t)xb->n_all + (size_t)n; }

void mb_general_free(mb_general *e) {
    if (!e) return;
    for (int i = 0; e->part && i < e->groups * e->parts; i++) {
        mb_free(e->part[i].w);
        mb_free(e->part[i].var);
        mb_free(e->part[i].mean);
        mb_free(e->part[i].state);
        mb_free(e->part[i].curve);
    }
    mb_free(e->part);
    mb_free(e);
}

bool mb_general_reads_cells(const mb_xbar *xb) { return xb->general->cells; }

int mb_general_new(mb_xbar *xb) {
    const mb_xbar_spec *s = &xb->spec;
    const mb_cell_type *type = s->cell.type;
    mb_general *e = mb_calloc(1, sizeof *e);
    mb_cell_cost cost = {0};
    const bool noisy = type->read_sigma && !(s->ideal & MB_IDEAL_READ);
    if (!e) return mb_nomem();
    e->groups = xb->lay.row_groups;
    e->parts = xb->lay.slices * xb->sc.pairs;
    e->cells = noisy && s->read_noise != MB_NOISE_OUTPUT && !(s->ideal & MB_IDEAL_CELLS) && !mb_xbar_has_wires(&s->wires);
    e->bent = type->shape && s->dac == MB_DAC_LEVEL && !(s->ideal & MB_IDEAL_CELLS) && (xb->sc.drive_digit > 1 || s->dac_inl != 0 || s->dac_noise > 0);
    e->part = mb_calloc((size_t)e->groups * (size_t)e->parts, sizeof *e->part);
    int rc = e->part ? MB_OK : mb_nomem();
    for (int i = 0; i < e->groups * e->parts && !rc; i++) {
        size_t n = (size_t)xb->group[i / e->parts].k * (size_t)xb->n_all;
        part_data *p = &e->part[i];
        p->w = mb_calloc(n, sizeof *p->w);
        if (noisy && !e->cells) p->var = mb_calloc(n, sizeof *p->var);
        if (e->cells) p->mean = mb_calloc(n, sizeof *p->mean);
        if (e->cells) p->state = mb_calloc(n * (size_t)type->n_state, sizeof *p->state);
        if (!p->w || (noisy && !e->cells && !p->var) || (e->cells && (!p->mean || !p->state))) rc = mb_nomem();
    }
    if (rc) {
        mb_general_free(e);
        return rc;
    }
    type->cost(s->cell.params, &cost);
    for (int i = 0; i < xb->lay.slices && s->column_limit_A > 0; i++)
        e->limit[i] = s->column_limit_A / (cost.read_V * xb->sc.unit[i]) * (s->dac == MB_DAC_LEVEL ? xb->sc.drive_digit : 1);
    xb->general = e;
    return MB_OK;
}

void mb_general_cell(mb_xbar *xb, int g, int s, int q, int k, int n, double w, double sigma) {
    part_data *p = part_at(xb, g, s * xb->sc.pairs + q);
    p->w[at_cell(xb, k, n)] = w;
    if (p->var) p->var[at_cell(xb, k, n)] = sigma * sigma;
}

void mb_general_state(mb_xbar *xb, int g, int part, int k, int n, float G, const float *state, size_t stride) {
    part_data *p = part_at(xb, g, part);
    size_t cells = (size_t)xb->group[g].k * (size_t)xb->n_all;
    p->mean[at_cell(xb, k, n)] = G;
    for (int v = 0; v < xb->spec.cell.type->n_state; v++) p->state[(size_t)v * cells + at_cell(xb, k, n)] = state[(size_t)v * stride];
}

static double bend(const mb_xbar *xb, double g, double u) { return xb->spec.cell.type->shape(xb->spec.cell.params, g, u); }

/* Do cells of all conductances have the same curve? */
static bool common_curve(const mb_xbar *xb) {
    double lo = xb->sc.g_min > 0 ? xb->sc.g_min : xb->sc.g_max * 1e-3, hi = 1.5 * xb->sc.g_max;
    for (int i = 0; i <= 16; i++)
        for (int j = 1; j <= 16; j++)
            if (bend(xb, lo + (hi - lo) * i / 16, j / 16.0) < bend(xb, lo, j / 16.0) ||
                bend(xb, lo + (hi - lo) * i / 16, j / 16.0) > bend(xb, lo, j / 16.0))
                return false;
    return true;
}

int mb_general_finish(mb_xbar *xb) {
    mb_general *e = xb->general;
    const int D = xb->sc.drive_digit;
    e->common = e->bent && common_curve(xb);
    bool exact = !(xb->spec.dac_noise > 0) && !(xb->spec.dac_inl != 0);
    if (!e->bent || e->common || e->cells || D > TABLE_MAX || !exact) return MB_OK;
    for (int i = 0; i < e->groups * e->parts; i++) {
        part_data *p = &e->part[i];
        size_t n = (size_t)xb->group[i / e->parts].k * (size_t)xb->n_all;
        double unit = xb->sc.unit[i % e->parts / xb->sc.pairs];
        if (!p->curve) p->curve = mb_malloc((size_t)(D + 1) * n, sizeof *p->curve);
        if (!p->curve) return mb_nomem();
        for (int d = 0; d <= D; d++)
            for (size_t c = 0; c < n; c++)
                p->curve[(size_t)d * n + c] = p->w[c] > 0 ? p->w[c] * D * bend(xb, p->w[c] * unit, (double)d / D) : 0;
    }
    return MB_OK;
}

/* --- reading ----------------------------------------------------------------------------------------------------------------- */

typedef struct work {
    double *d;                        /* [k] driven, in digits */
    double *cur, *slot;               /* [n] current; of one unit of time */
    double *S, *V;                    /* [slices][planes converted][polarities][n] at the converter: sum, variance */
    double *all;                      /* [n] */
    double *fresh;                    /* [k][n] conductances of one read */
    float *z, *g, *state;             /* normal numbers; one read of the driven rows */
    int32_t *whole;
    int *rows;
    void *memory;
} work;

static size_t sums_of(const mb_xbar *xb) {
    return (size_t)xb->lay.slices * (size_t)xb->lay.planes_converted * (size_t)xb->sc.polarities * (size_t)xb->n_all;
}

static int work_new(const mb_xbar *xb, work *w) {
    size_t k = (size_t)xb->sc.rows_read, n = (size_t)xb->n_all, ns = (size_t)xb->spec.cell.type->n_state, at = 0;
    size_t sums = sums_of(xb), cells = xb->general->cells ? k * n : 0, normals = sums > k ? sums : k;
    size_t size[11] = {k * sizeof(double), n * sizeof(double), n * sizeof(double), sums * sizeof(double), sums * sizeof(double),
                       n * sizeof(double), cells * sizeof(double), normals * sizeof(float), cells * sizeof(float),
                       cells * ns * sizeof(float), (n + k) * sizeof(int32_t)}, off[11];
    for (int i = 0; i < 11; i++) {
        off[i] = at;
        at += (size[i] + 63) / 64 * 64;
    }
    unsigned char *p = w->memory = mb_malloc(at, 1);
    if (!p) return mb_nomem();
    w->d = (double *)(void *)(p + off[0]), w->cur = (double *)(void *)(p + off[1]), w->slot = (double *)(void *)(p + off[2]);
    w->S = (double *)(void *)(p + off[3]), w->V = (double *)(void *)(p + off[4]), w->all = (double *)(void *)(p + off[5]);
    w->fresh = (double *)(void *)(p + off[6]), w->z = (float *)(void *)(p + off[7]), w->g = (float *)(void *)(p + off[8]);
    w->state = (float *)(void *)(p + off[9]), w->whole = (int32_t *)(void *)(p + off[10]), w->rows = w->whole + n;
    return MB_OK;
}

/* d[k] of plane p; false when no row is driven. noise NULL: a DAC without noise. */
static bool drive(const mb_xbar *xb, int g, const int16_t *x, int p, mb_stream *noise, work *w) {
    const mb_xbar_spec *s = &xb->spec;
    const mb_xbar_group *gr = &xb->group[g];
    const double D = xb->sc.drive_digit;
    bool any = false;
    for (int k = 0; k < gr->k; k++) w->d[k] = mb_xbar_driven_digit(xb, x[gr->k0 + k], p);
    if (s->dac == MB_DAC_LEVEL) {
        const bool noisy = s->dac_noise > 0 && noise;
        if (noisy) mb_stream_fill_normal(noise, (size_t)gr->k, w->z);
        for (int k = 0; k < gr->k; k++) {
            double u = w->d[k] / D;
            if (s->dac_inl != 0) u += BOW * s->dac_inl * u * (1 - u * u);
            if (noisy) u += s->dac_noise * (double)w->z[k];
            if (s->dac_inl != 0 || noisy) w->d[k] = u * D;
        }
    }
    for (int k = 0; k < gr->k; k++) any = any || w->d[k] != 0;
    return any;
}

/* One read of all cells in driven rows of a part: w->fresh[k][n]. */
static void read_cells(const mb_xbar *xb, int g, int part, mb_stream *rng, work *w) {
    const mb_cell_type *type = xb->spec.cell.type;
    const part_data *p = part_at(xb, g, part);
    const size_t n = (size_t)xb->n_all, k = (size_t)xb->group[g].k, ns = (size_t)type->n_state;
    const double unit = xb->sc.unit[part / xb->sc.pairs];
    size_t rows = 0;
    for (size_t i = 0; i < k; i++)
        if (w->d[i] != 0) w->rows[rows++] = (int)i;
    for (size_t v = 0; v < ns; v++)
        for (size_t i = 0; i < rows; i++)
            memcpy(w->state + (v * rows + i) * n, p->state + (v * k + (size_t)w->rows[i]) * n, n * sizeof(float));
    type->read(xb->spec.cell.params, rows * n, w->state, xb->spec.time_s, xb->spec.temp_K, w->g, rng);
    for (size_t i = 0; i < rows; i++)
        for (size_t j = 0; j < n; j++) {
            size_t at = (size_t)w->rows[i] * n + j;
            double c = p->w[at] + ((double)w->g[i * n + j] - (double)p->mean[at]) / unit;
            w->fresh[at] = signbit(p->mean[at]) || !(c > 0) ? 0 : c; /* the mean of a cell on a dead line is -0 */
        }
}

static void clip(size_t n, double limit, double *v) {
    for (size_t j = 0; j < n; j++) v[j] = v[j] > limit ? limit : v[j] < -limit ? -limit : v[j];
}

static void add_row(size_t n, double d, const double *restrict w, double *restrict sum) {
#pragma omp simd
    for (size_t j = 0; j < n; j++) sum[j] += d * w[j];
}

/* w->cur[n]: currents of the columns of a part. rng NULL: without read noise. */
static void currents(const mb_xbar *xb, int g, int part, mb_stream *rng, work *w) {
    const mb_general *e = xb->general;
    const part_data *p = part_at(xb, g, part);
    const size_t n = (size_t)xb->n_all, rows = (size_t)xb->group[g].k;
    const int s = part / xb->sc.pairs, D = xb->sc.drive_digit;
    const double *G = p->w, limit = e->limit[s], unit = xb->sc.unit[s];
    if (e->cells && rng) {
        read_cells(xb, g, part, rng, w);
        G = w->fresh;
    }
    memset(w->cur, 0, n * sizeof *w->cur);
    if (limit > 0 && xb->spec.dac == MB_DAC_PULSE && D > 1) { /* the limit holds at any time */
        for (int t = 0; t < D; t++) {
            memset(w->slot, 0, n * sizeof *w->slot);
            for (size_t k = 0; k < rows; k++)
                if (fabs(w->d[k]) > t) add_row(n, w->d[k] < 0 ? -1 : 1, G + k * n, w->slot);
            clip(n, limit, w->slot);
            for (size_t j = 0; j < n; j++) w->cur[j] += w->slot[j];
        }
        return;
    }
    for (size_t k = 0; k < rows; k++) {
        double d = w->d[k], sign = d < 0 ? -1 : 1;
        if (!(d < 0 || d > 0)) continue;
        if (!e->bent) add_row(n, d, G + k * n, w->cur);
        else if (e->common) add_row(n, D * bend(xb, xb->sc.g_max, d / D), G + k * n, w->cur);
        else if (p->curve) add_row(n, sign, p->curve + ((size_t)(d * sign) * rows + k) * n, w->cur);
        else
            for (size_t j = 0; j < n; j++)
                if (G[k * n + j] > 0) w->cur[j] += G[k * n + j] * D * bend(xb, G[k * n + j] * unit, d / D);
    }
    if (limit > 0) clip(n, limit, w->cur);
}

/* Sums of all parts, times F, added to w->S of converted plane TO_PLANE; variances, times F^2, to w->V. */
static void add_plane(const mb_xbar *xb, int g, int to_plane, double f, mb_stream *rng, work *w) {
    const size_t n = (size_t)xb->n_all, rows = (size_t)xb->group[g].k;
    for (int part = 0; part < xb->general->parts; part++) {
        int s = part / xb->sc.pairs, q = part % xb->sc.pairs;
        size_t to = (size_t)((s * xb->lay.planes_converted + to_plane) * xb->sc.polarities + (xb->sc.polarities == 2 ? q : 0)) * n;
        const double *var = part_at(xb, g, part)->var;
        currents(xb, g, part, rng, w);
        add_row(n, q == 1 && xb->sc.polarities == 1 ? -f : f, w->cur, w->S + to);
        for (size_t k = 0; k < rows && var; k++)
            if (w->d[k] != 0) add_row(n, f * f * w->d[k] * w->d[k], var + k * n, w->V + to);
    }
}

static int32_t whole(double S) {
    S = round(S);
    return S > MB_SUM_LIMIT ? MB_SUM_LIMIT : S < -MB_SUM_LIMIT ? -MB_SUM_LIMIT : (int32_t)S;
}

/* Where the sums of a row group go: into a histogram, or through noise and converter into w->all. */
typedef struct sink {
    void (*add)(void *h, int s, const int32_t *S, size_t n);
    mb_general_tap *tap;
    void *h;                          /* of both */
    mb_kernel_stats *st;
} sink;

/* n sums of slice s, weight f in the output; z NULL: no noise. */
static void deliver(const mb_xbar *xb, const sink *k, int g, int s, double f, size_t n, const double *S, const double *V, const float *z,
                    mb_stream *conv, work *w) {
    const mb_adc *adc = &xb->spec.adc;
    const mb_adc_range *r = &mb_xbar_placed(xb, g)[s];
    for (size_t j = 0; j < n; j++) {
        double v = z ? S[j] + (double)z[j] * sqrt(V[j]) : S[j];
        w->whole[j] = whole(v);
        if (!k->add && adc->type->transparent) w->all[j] += f * v;
    }
    if (k->add) k->add(k->h, s, w->whole, n);
    if (k->add || adc->type->transparent) return;
    adc->type->convert(adc->params, r, n, w->whole, w->whole, &k->st->clipped, conv);
    if (k->tap) k->tap(k->h, r, s, n, w->whole);
    for (size_t j = 0; j < n; j++) {
        int32_t code = (w->whole[j] - r->base) / r->step;
        k->st->q_min = code < k->st->q_min ? code : k->st->q_min;
        k->st->q_max = code > k->st->q_max ? code : k->st->q_max;
        w->all[j] += f * w->whole[j];
    }
}

/* One vector in one row group. z: scratch for sums_of() normal numbers. */
static void read_group(const mb_xbar *xb, const mb_read_id *id, int g, int v, const int16_t *x, const sink *k, work *w, float *z) {
    const size_t n = (size_t)xb->n_all;
    const bool added = xb->lay.planes_converted < xb->lay.planes, noisy = part_at(xb, g, 0)->var && !k->add;
    mb_stream read, dac, conv;
    mb_xbar_stream(xb, id, MB_RNG_READ, g, v, &read);
    mb_xbar_stream(xb, id, MB_RNG_READ, g, v, &dac);
    mb_xbar_stream(xb, id, MB_RNG_ADC, g, v, &conv);
    dac.ctr[0] = UINT32_C(1) << 31;
    if (noisy) mb_stream_fill_normal(&read, sums_of(xb), z);
    memset(w->S, 0, sums_of(xb) * sizeof *w->S);
    memset(w->V, 0, sums_of(xb) * sizeof *w->V);
    for (int p = 0; p < xb->lay.planes; p++)
        if (drive(xb, g, x, p, k->add ? NULL : &dac, w))
            add_plane(xb, g, added ? 0 : p, added ? mb_xbar_driven_weight(xb, p) : 1, k->add ? NULL : &read, w);
    size_t at = 0;
    for (int s = 0; s < xb->lay.slices; s++)
        for (int p = 0; p < xb->lay.planes_converted; p++)
            for (int q = 0; q < xb->sc.polarities; q++, at += n) {
                double f = (q ? -1 : 1) * (added ? 1 : mb_xbar_driven_weight(xb, p)) * (double)((int64_t)1 << xb->sc.shift[s]);
                deliver(xb, k, g, s, f, n, w->S + at, w->V + at, noisy ? z + at : NULL, &conv, w);
            }
}

int mb_general_mvm(const mb_xbar *xb, const mb_read_id *id, int m, const int16_t *x, int64_t *y, mb_kernel_stats *st,
                   mb_general_tap *tap, void *ctx) {
    work w = {0};
    sink k = {.st = st, .tap = tap, .h = ctx};
    size_t n = (size_t)xb->n_all;
    float *z = mb_malloc(sums_of(xb), sizeof *z);
    int64_t *all = mb_malloc(n, sizeof *all);
    int rc = z && all ? work_new(xb, &w) : mb_nomem();
    for (int v = 0; v < m && !rc; v++) {
        const int16_t *xv = x + (size_t)v * (size_t)xb->K;
        int64_t *yv = y + (size_t)v * (size_t)xb->N;
        memset(w.all, 0, n * sizeof *w.all);
        for (int g = 0; g < xb->lay.row_groups; g++) read_group(xb, id, g, v, xv, &k, &w, z);
        for (size_t j = 0; j < n; j++) all[j] = (int64_t)llround(w.all[j]);
        memcpy(yv, all, (size_t)xb->N * sizeof *yv);
        mb_xbar_subtract(xb, 1, xv, all, yv);
    }
    mb_free(z);
    mb_free(all);
    mb_free(w.memory);
    return rc;
}

int mb_general_observe(const mb_xbar *xb, int m, const int16_t *x, void (*add)(void *h, int s, const int32_t *S, size_t n), void *h) {
    const mb_read_id id = {0};
    work w = {0};
    mb_kernel_stats st = {0, INT32_MAX, INT32_MIN};
    sink k = {.add = add, .h = h, .st = &st};
    int rc = work_new(xb, &w);
    for (int v = 0; v < m && !rc; v++)
        for (int g = 0; g < xb->lay.row_groups; g++) read_group(xb, &id, g, v, x + (size_t)v * (size_t)xb->K, &k, &w, NULL);
    mb_free(w.memory);
    return rc;
}
