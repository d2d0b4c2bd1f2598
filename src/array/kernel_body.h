/* kernel_body.h - the body of the vector kernels, included once by each kernel_NAME.c for its instruction set
 *
 * The includer defines
 *     VL                 bytes of a vector: 16, 32 or 64;  vint, vhalf, vfloat: such vectors of int32_t, uint16_t, float
 *     even(v), odd(v)    sign-extended low and high halves of the 32-bit lanes
 *     vmin, vmax, vabs   of vint
 *     row_bits(x, bits)  bit planes of 64 inputs: bits[b] holds bit b of |x_0| .. |x_63|; returns the mask of negative inputs
 * Sums: the rows whose bit is set are added (zero bits cost nothing), two rows at a time in 16 bits (weights have 14 bits and a
 * sign), then widened: column c and column c + 32 of a panel share a 32-bit lane. 64 columns stay in registers. A plane of
 * several bits is summed bit by bit, most significant first, doubling in between. Integer arithmetic only, so the order does not
 * matter.
 * Conversion: n = |u| + step / 2 in single precision times the reciprocal of the step, rounded up; exact while n < 3 * 2^20
 * (`small`); otherwise one exact correction, for quotients below 2^17; larger ones are clipped at 2^16 anyway.
 */
#include <math.h>
#include <string.h>

#include "array/kernel.h"

#define LANES (VL / 4)
#define VECTORS 32                    /* vectors per pass over a panel */
#define INPUT_BITS 8
#define SMALL (3 << 20)

#if VL == 64
#define EACH(X) X(0) X(1)
#elif VL == 32
#define EACH(X) X(0) X(1) X(2) X(3)
#else
#define EACH(X) X(0) X(1) X(2) X(3) X(4) X(5) X(6) X(7)
#endif

/* Bit planes of one vector: pos[b][word] and neg[b][word], words = ceil(k / 64); neg only if has_neg. */
typedef struct planes { uint64_t *pos, *neg; size_t words; bool has_neg; } planes;

static size_t words_of(const mb_row_group *g) { return ((size_t)g->k + 63) / 64; }
static size_t round64(size_t n) { return (n + 63) / 64 * 64; }

static void planes_make(planes *b, int k, const int16_t *x) {
    b->has_neg = false;
    for (size_t w = 0; w < b->words; w++) {
        int16_t tail[64];
        const int16_t *xw = x + w * 64;
        uint64_t bits[INPUT_BITS], neg;
        if ((size_t)k < w * 64 + 64) {
            memset(tail, 0, sizeof tail);
            memcpy(tail, xw, ((size_t)k - w * 64) * sizeof *xw);
            xw = tail;
        }
        neg = row_bits(xw, bits);
        if (neg && !b->has_neg) {
            memset(b->neg, 0, INPUT_BITS * b->words * sizeof *b->neg);
            b->has_neg = true;
        }
        for (size_t i = 0; i < INPUT_BITS; i++) b->pos[i * b->words + w] = bits[i] & ~neg;
        if (b->has_neg)
            for (size_t i = 0; i < INPUT_BITS; i++) b->neg[i * b->words + w] = bits[i] & neg;
    }
}

#define PAIR(i) \
    ((vint)(*(const vhalf *)(const void *)(row + i * 2 * LANES) + *(const vhalf *)(const void *)(row2 + i * 2 * LANES)))
#define ZERO(i) vint even##i = {0}, odd##i = {0};
#define DOUBLE(i) even##i <<= 1, odd##i <<= 1;
#define ADD(i) { vint t = PAIR(i); even##i += even(t), odd##i += odd(t); }
#define SUB(i) { vint t = PAIR(i); even##i -= even(t), odd##i -= odd(t); }
#define ADD_UNSIGNED(i) { vint t = PAIR(i); even##i += t & 0xFFFF, odd##i += t >> 16 & 0xFFFF; }
#define STORE(i) *(vint *)(void *)(S + i * LANES) = even##i, *(vint *)(void *)(S + MB_PANEL / 2 + i * LANES) = odd##i;
/* Pairs of rows whose bit is set; the last one may go with the row of zeros at the panel's end. */
#define FOR_SET_BITS(mask, DO)                                                                            \
    for (size_t w_ = 0; w_ < b->words; w_++)                                                              \
        for (uint64_t m_ = (mask)[w_]; m_;) {                                                             \
            const int16_t *row = panel + (w_ * 64 + (size_t)__builtin_ctzll(m_)) * MB_PANEL;              \
            m_ &= m_ - 1;                                                                                 \
            const int16_t *row2 = m_ ? panel + (w_ * 64 + (size_t)__builtin_ctzll(m_)) * MB_PANEL : zero; \
            m_ &= m_ - 1;                                                                                 \
            EACH(DO)                                                                                      \
        }

/* S[64] = partial sums of plane p in one panel; negative inputs count with the sign of MINUS. */
#define PLANE_SUM(name, PLUS, MINUS)                                                                              \
    static inline void name(const mb_row_group *g, const int16_t *panel, const planes *b, int p, int32_t *S) {    \
        const int16_t *zero = panel + (size_t)g->k * MB_PANEL;                                                    \
        EACH(ZERO)                                                                                                \
        for (int i = g->dac_bits - 1; i >= 0; i--) {                                                              \
            size_t bit = (size_t)(p * g->dac_bits + i);                                                           \
            EACH(DOUBLE)                                                                                          \
            if (bit >= INPUT_BITS) continue;                                                                      \
            FOR_SET_BITS(b->pos + bit * b->words, PLUS)                                                           \
            if (b->has_neg) { FOR_SET_BITS(b->neg + bit * b->words, MINUS) }                                      \
        }                                                                                                         \
        EACH(STORE)                                                                                               \
    }
PLANE_SUM(plane_sum, ADD, SUB)
PLANE_SUM(plane_var, ADD_UNSIGNED, ADD_UNSIGNED) /* variances: 14 bits, no sign, dac_bits 1 */

/* Converter settings of the 64 columns of a panel. */
typedef struct columns {
    int32_t base[MB_PANEL], half[MB_PANEL], step[MB_PANEL], lo[MB_PANEL], hi[MB_PANEL], q_min[MB_PANEL], q_max[MB_PANEL],
        clipped[MB_PANEL];
    float inv[MB_PANEL];
} __attribute__((aligned(64))) columns;

/* Columns of panel that lie in one (slice, polarity): first column, length, first output. */
typedef struct segment { int at, n, output; int64_t coef; const mb_adc_range *r; } segment;

static int panel_segments(const mb_row_group *g, int panel, segment seg[MB_PANEL]) {
    int count = 0, first = panel * MB_PANEL, total = g->slices * g->polarities * g->n;
    int end = first + MB_PANEL < total ? first + MB_PANEL : total;
    for (int c = first; c < end;) {
        int part = c / g->n, stop = (part + 1) * g->n < end ? (part + 1) * g->n : end, s = part / g->polarities;
        int64_t coef = (int64_t)1 << g->shift[s];
        seg[count++] = (segment){
            .at = c - first, .n = stop - c, .output = c % g->n, .coef = part % g->polarities ? -coef : coef, .r = &g->range[s]};
        c = stop;
    }
    return count;
}

/* 1 / step rounded up to a float: n * reciprocal never falls below an exact quotient, and for small n never reaches the next one:
 * the largest n with quotient q is (q + 1) step - 1, and ((q + 1) - 1 / step) (1 + 2^-23) (1 + 2^-24) < q + 1 as long as n < 2^23
 * / 1.5. */
static float reciprocal(int32_t step) {
    float r = (float)(1.0 / step);
    return (double)r * step < 1 ? nextafterf(r, 2.0f) : r;
}

static void columns_make(const segment *seg, int count, columns *c) {
    for (int i = 0; i < MB_PANEL; i++) {
        c->base[i] = c->half[i] = c->lo[i] = c->hi[i] = c->clipped[i] = 0;
        c->step[i] = 1;
        c->inv[i] = 1;
        c->q_min[i] = INT32_MAX;
        c->q_max[i] = INT32_MIN;
    }
    for (int k = 0; k < count; k++)
        for (int i = seg[k].at; i < seg[k].at + seg[k].n; i++) {
            c->base[i] = seg[k].r->base;
            c->step[i] = seg[k].r->step;
            c->half[i] = seg[k].r->step / 2;
            c->inv[i] = reciprocal(seg[k].r->step);
            c->lo[i] = seg[k].r->q_lo;
            c->hi[i] = seg[k].r->q_hi;
        }
}

/* Codes of the sums S[plane * stride + column] of a panel, shifted and added: acc[64]. */
static inline void convert_panel(columns *c, const int32_t *S, size_t stride, int n_planes, int shift, bool small, int32_t *acc) {
    for (int i = 0; i < MB_PANEL; i += LANES) {
#define COLUMN(f) (*(vint *)(void *)(c->f + i))
        const vint base = COLUMN(base), half = COLUMN(half), step = COLUMN(step), lo = COLUMN(lo), hi = COLUMN(hi);
        const vfloat inv = *(vfloat *)(void *)(c->inv + i);
        vint q_min = COLUMN(q_min), q_max = COLUMN(q_max), clipped = COLUMN(clipped), a = {0};
        for (int p = n_planes - 1; p >= 0; p--) {
            vint u = *(const vint *)(const void *)(S + (size_t)p * stride + i) - base, sign = u >> 31, n = vabs(u) + half;
            vint q = __builtin_convertvector(__builtin_convertvector(n, vfloat) * inv, vint);
            if (!small) {
                vint r = n - q * step;
                q += (vint)(r < 0) - (vint)(r >= step);     /* true is -1 */
            }
            q = (q ^ sign) - sign;
            vint in = vmin(vmax(q, lo), hi);
            clipped -= (vint)(q != in);
            q_min = vmin(q_min, in);
            q_max = vmax(q_max, in);
            a = (a << shift) + in;
        }
        COLUMN(q_min) = q_min;
        COLUMN(q_max) = q_max;
        COLUMN(clipped) = clipped;
        *(vint *)(void *)(acc + i) = a;
    }
}

static void columns_report(const segment *seg, int count, const columns *c, mb_kernel_stats *st) {
    for (int k = 0; k < count; k++)
        for (int i = seg[k].at; i < seg[k].at + seg[k].n; i++) {
            st->q_min = c->q_min[i] < st->q_min ? c->q_min[i] : st->q_min;
            st->q_max = c->q_max[i] > st->q_max ? c->q_max[i] : st->q_max;
            st->clipped += (uint64_t)c->clipped[i];
        }
}

/* Convert, shift and add the sums of one vector in one panel (S[plane * stride + column], 64-byte aligned) into its outputs y. */
static inline void finish_panel(const mb_row_group *g, const segment *seg, int count, columns *c, const int32_t *S, size_t stride,
                                bool small, int64_t *y) {
    bool transparent = g->adc->type->transparent;
    if (transparent) {
        for (int k = 0; k < count; k++) {
            int64_t *restrict out = y + seg[k].output;
            for (int p = 0; p < g->planes; p++) {
                const int32_t *restrict row = S + (size_t)p * stride + seg[k].at;
                int64_t coef = seg[k].coef * ((int64_t)1 << (p * g->dac_bits));
#pragma omp simd
                for (int i = 0; i < seg[k].n; i++) out[i] += coef * row[i];
            }
        }
    } else {
        int32_t acc[MB_PANEL] __attribute__((aligned(64)));
        int64_t weights = 0;                                /* sum of the weights of the planes: the base counts in each */
        for (int p = 0; p < g->planes; p++) weights += (int64_t)1 << (p * g->dac_bits);
        if (small)
            convert_panel(c, S, stride, g->planes, g->dac_bits, true, acc);
        else
            convert_panel(c, S, stride, g->planes, g->dac_bits, false, acc);
        for (int k = 0; k < count; k++) {
            int64_t step = seg[k].coef * seg[k].r->step,
                    offset = seg[k].coef * seg[k].r->base * weights, *restrict out = y + seg[k].output;
            const int32_t *restrict q = acc + seg[k].at;
#pragma omp simd
            for (int i = 0; i < seg[k].n; i++) out[i] += step * q[i] + offset;
        }
    }
}

/* All |u| + step / 2 below SMALL? */
static bool is_small(const mb_row_group *g) {
    if (g->var || g->adc->type->transparent) return false;
    for (int s = 0; s < g->slices; s++) {
        int64_t base = g->range[s].base < 0 ? -(int64_t)g->range[s].base : g->range[s].base;
        if (base + g->sum_max + g->range[s].step / 2 >= SMALL) return false;
    }
    return true;
}

/* Fast path: uniform or transparent converter, no noise: panels outside, vectors inside, so that a panel stays in L1. */
static void run_fused(const mb_row_group *g, int m, const int16_t *x, size_t ldx, int64_t *y, size_t ldy, mb_kernel_stats *st,
                      void *work) {
    size_t words = words_of(g), each = 2 * INPUT_BITS * words;
    bool transparent = g->adc->type->transparent, small = is_small(g);
    for (int v0 = 0; v0 < m; v0 += VECTORS) {
        planes b[VECTORS];
        int nv = m - v0 < VECTORS ? m - v0 : VECTORS;
        for (int v = 0; v < nv; v++) {
            b[v].pos = (uint64_t *)work + (size_t)v * each;
            b[v].neg = b[v].pos + each / 2;
            b[v].words = words;
            planes_make(&b[v], g->k, x + (size_t)(v0 + v) * ldx);
        }
        for (int panel = 0; panel < g->panels; panel++) {
            const int16_t *w = g->w + (size_t)panel * ((size_t)g->k + 1) * MB_PANEL;
            segment seg[MB_PANEL];
            columns c;
            int count = panel_segments(g, panel, seg);
            columns_make(seg, count, &c);
            for (int v = 0; v < nv; v++) {
                int32_t S[INPUT_BITS * MB_PANEL] __attribute__((aligned(64)));
                for (int p = 0; p < g->planes; p++) plane_sum(g, w, &b[v], p, S + p * MB_PANEL);
                finish_panel(g, seg, count, &c, S, MB_PANEL, small, y + (size_t)(v0 + v) * ldy);
            }
            if (!transparent) columns_report(seg, count, &c, st);
        }
    }
}

/* Scratch of the general path for one vector. */
typedef struct general { uint64_t *bits; int32_t *S; float *root; int16_t *z, *row; columns *c; } general;

static size_t general_layout(const mb_row_group *g, void *work, general *s) {
    size_t columns_all = (size_t)g->panels * MB_PANEL, planes_all = (size_t)g->planes, at = 0;
    size_t part[6] = {2 * INPUT_BITS * words_of(g) * sizeof(uint64_t), planes_all * columns_all * sizeof(int32_t),
                      g->var ? planes_all * columns_all * sizeof(float) : 0,
                      g->var ? mb_noise_count(g->slices, g->planes, g->polarities, g->n) * sizeof(int16_t) : 0,
                      g->var ? ((size_t)g->n + 3) * sizeof(int16_t) : 0, (size_t)g->panels * sizeof(columns)};
    unsigned char *p = work;
    void *q[6] = {NULL, NULL, NULL, NULL, NULL, NULL};
    for (int i = 0; i < 6; i++) {
        if (p) q[i] = p + at;
        at += round64(part[i]);
    }
    if (s) *s = (general){.bits = q[0], .S = q[1], .root = q[2], .z = q[3], .row = q[4], .c = q[5]};
    return at;
}

static size_t work_size(const mb_row_group *g, int m) {
    size_t fused = (size_t)(m < VECTORS ? m : VECTORS) * 2 * INPUT_BITS * words_of(g) * sizeof(uint64_t),
           single = general_layout(g, NULL, NULL);
    return fused > single ? fused : single;
}

static void sums_of(const mb_row_group *g, const planes *b, int32_t *S) {
    for (int panel = 0; panel < g->panels; panel++)
        for (int p = 0; p < g->planes; p++)
            plane_sum(g, g->w + (size_t)panel * ((size_t)g->k + 1) * MB_PANEL, b, p,
                      S + ((size_t)p * (size_t)g->panels + (size_t)panel) * MB_PANEL);
}

/* root = sqrt of sum digit^2 var, in single precision from the exact integer */
static void roots_of(const mb_row_group *g, const int16_t *x, const planes *b, float *root) {
    for (int panel = 0; panel < g->panels; panel++) {
        const int16_t *var = g->var + (size_t)panel * ((size_t)g->k + 1) * MB_PANEL;
        for (int p = 0; p < g->planes; p++) {
            float *restrict out = root + ((size_t)p * (size_t)g->panels + (size_t)panel) * MB_PANEL;
            if (g->dac_bits == 1) {
                int32_t V[MB_PANEL] __attribute__((aligned(64)));
                plane_var(g, var, b, p, V);
#pragma omp simd
                for (int i = 0; i < MB_PANEL; i++) out[i] = sqrtf((float)V[i]);
            } else {
                int64_t V[MB_PANEL] = {0};
                int mask = (1 << g->dac_bits) - 1;
                for (int k = 0; k < g->k; k++) {
                    int d = (x[k] < 0 ? -x[k] : x[k]) >> (p * g->dac_bits) & mask;
                    if (d == 0) continue;
                    int square = g->square ? (int)g->square[d] : d * d; /* at most 255^2: fits with 14 bits of variance */
#pragma omp simd
                    for (int i = 0; i < MB_PANEL; i++) V[i] += square * var[(size_t)k * MB_PANEL + MB_PANEL_AT((size_t)i)];
                }
                for (int i = 0; i < MB_PANEL; i++) out[i] = sqrtf((float)V[i]);
            }
        }
    }
}

/* Where every cell has the same variance: the root of each plane, the same for all columns. */
static void roots_of_planes(const mb_row_group *g, const int16_t *x, const planes *b, float *root) {
    for (int p = 0; p < g->planes; p++) {
        int64_t squares = 0;
        if (g->dac_bits == 1) {
            for (size_t w = 0; w < b->words; w++) {
                size_t at = (size_t)p * b->words + w;
                squares += __builtin_popcountll(b->pos[at]) + (b->has_neg ? __builtin_popcountll(b->neg[at]) : 0);
            }
        } else {
            int mask = (1 << g->dac_bits) - 1;
            for (int k = 0; k < g->k; k++) {
                int d = (x[k] < 0 ? -x[k] : x[k]) >> (p * g->dac_bits) & mask;
                squares += g->square ? (int64_t)g->square[d] : (int64_t)d * d;
            }
        }
        root[p] = sqrtf((float)(squares * g->var_each));
    }
}

/* Read noise on n sums: of roots of their own, or of one root. */
static void noise_of_row(const mb_noise *noise, size_t n, int32_t *restrict S, const int16_t *restrict z, const float *restrict root,
                         float one) {
    const int shift = noise->shift;
    const float scale = noise->scale;
    const int32_t sigma = noise->narrow ? mb_noise_sigma(noise, one) : 0;
    if (noise->narrow && root) {
#pragma omp simd
        for (size_t i = 0; i < n; i++) S[i] = mb_narrow_noise(S[i], z[i], mb_noise_sigma_of(root[i], scale), shift);
    } else if (noise->narrow) {
#pragma omp simd
        for (size_t i = 0; i < n; i++) S[i] = mb_narrow_noise(S[i], z[i], sigma, shift);
    } else {
#pragma omp simd
        for (size_t i = 0; i < n; i++) S[i] = mb_wide_noise(S[i], z[i], root ? root[i] : one, scale);
    }
}

/* Read noise on all sums of a vector; root[plane][column], or root[plane] where all cells have the same variance. */
static void add_noise(const mb_row_group *g, const general *s) {
    size_t n = (size_t)g->n, columns_all = (size_t)g->panels * MB_PANEL;
    for (int sl = 0; sl < g->slices; sl++) {
        const mb_noise noise = mb_noise_of(&g->range[sl], g->adc->type->transparent, g->var_max, g->var_unit);
        for (int p = 0; p < g->planes; p++)
            for (int q = 0; q < g->polarities; q++) {
                size_t at = (size_t)p * columns_all + (size_t)(sl * g->polarities + q) * n;
                const int16_t *from = s->z + mb_noise_at(g->planes, g->polarities, g->n, sl, p, q), *restrict z = s->row;
                int32_t *restrict S = s->S + at;
                const float *restrict root = s->root + at;
                for (size_t i = 0; i < n; i += 4) memcpy(s->row + i, from + 2 * i, 4 * sizeof *from);
                noise_of_row(&noise, n, S, z, g->var_each < 0 ? root : NULL, g->var_each < 0 ? 0 : s->root[p]);
            }
    }
}

/* Converters of any kind, called row by row in the order (slice, plane, polarity). */
static void convert_by_call(const mb_row_group *g, int32_t *S, int64_t *restrict y, mb_stream *rng, mb_kernel_stats *st) {
    size_t n = (size_t)g->n, columns_all = (size_t)g->panels * MB_PANEL;
    for (int sl = 0; sl < g->slices; sl++)
        for (int p = 0; p < g->planes; p++)
            for (int q = 0; q < g->polarities; q++) {
                const mb_adc_range *r = &g->range[sl];
                int32_t *restrict v = S + (size_t)p * columns_all + (size_t)(sl * g->polarities + q) * n, lo = INT32_MAX,
                                  hi = INT32_MIN;
                int64_t coef = (q ? (int64_t)-1 : (int64_t)1) * ((int64_t)1 << (g->shift[sl] + p * g->dac_bits));
                g->adc->type->convert(g->adc->params, r, n, v, v, &st->clipped, rng);
                for (size_t i = 0; i < n; i++) {
                    lo = v[i] < lo ? v[i] : lo;
                    hi = v[i] > hi ? v[i] : hi;
                    y[i] += coef * v[i];
                }
                lo = (lo - r->base) / r->step;
                hi = (hi - r->base) / r->step;
                st->q_min = lo < st->q_min ? lo : st->q_min;
                st->q_max = hi > st->q_max ? hi : st->q_max;
            }
}

/* General path, with noise or with any converter: vectors outside; all sums of a vector, then noise, then conversion. */
static void run_general(const mb_row_group *g, int m, const int16_t *x, size_t ldx, int64_t *y, size_t ldy, mb_stream *noise,
                        mb_stream *adc_noise, bool by_call, mb_kernel_stats *st, void *work) {
    general s;
    general_layout(g, work, &s);
    size_t columns_all = (size_t)g->panels * MB_PANEL, words = words_of(g);
    bool small = is_small(g);
    segment seg[MB_PANEL];
    for (int panel = 0; panel < g->panels; panel++) columns_make(seg, panel_segments(g, panel, seg), &s.c[panel]);
    for (int v = 0; v < m; v++) {
        const int16_t *xv = x + (size_t)v * ldx;
        planes b = {.pos = s.bits, .neg = s.bits + INPUT_BITS * words, .words = words};
        planes_make(&b, g->k, xv);
        sums_of(g, &b, s.S);
        if (g->var) {
            if (g->var_each >= 0)
                roots_of_planes(g, xv, &b, s.root);
            else
                roots_of(g, xv, &b, s.root);
            mb_stream_fill_normal16(&noise[v], mb_noise_count(g->slices, g->planes, g->polarities, g->n), s.z);
            add_noise(g, &s);
        }
        if (by_call)
            convert_by_call(g, s.S, y + (size_t)v * ldy, adc_noise ? &adc_noise[v] : NULL, st);
        else
            for (int panel = 0; panel < g->panels; panel++)
                finish_panel(g, seg, panel_segments(g, panel, seg), &s.c[panel], s.S + panel * MB_PANEL, columns_all, small,
                             y + (size_t)v * ldy);
    }
    if (by_call || g->adc->type->transparent) return;
    for (int panel = 0; panel < g->panels; panel++) columns_report(seg, panel_segments(g, panel, seg), &s.c[panel], st);
}

static void run(const mb_row_group *g, int m, const int16_t *x, size_t ldx, int64_t *y, size_t ldy, mb_stream *noise,
                mb_stream *adc_noise, mb_kernel_stats *st, void *work) {
    const mb_adc_type *type = g->adc->type;
    bool by_call = !type->transparent && !(type->uniform && type->uniform(g->adc->params));
    if (!g->var && !by_call)
        run_fused(g, m, x, ldx, y, ldy, st, work);
    else
        run_general(g, m, x, ldx, y, ldy, noise, adc_noise, by_call, st, work);
}

static void sums(const mb_row_group *g, const int16_t *x, int32_t *S, void *work) {
    size_t words = words_of(g);
    planes b = {.pos = work, .neg = (uint64_t *)work + INPUT_BITS * words, .words = words};
    planes_make(&b, g->k, x);
    sums_of(g, &b, S);
}
