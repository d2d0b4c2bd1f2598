/* kernel_tiles.h - the body of the kernels that multiply bytes (AMX, VNNI), included once by each kernel_NAME.c
 *
 * The includer compiles for AVX-512 F, BW, DQ, VL and defines, on tiles of 16 rows of 64 bytes (a) and quads (b),
 *     tiles_multiply(slot, a, b, chunks, quads, c)  start 32 x 16 sums in one of two slots
 *     tiles_fetch(slot, c)                          c[32][16] = the sums of a slot
 *     tiles_open(), tiles_close()                  around everything
 * One part of one tile of outputs is a step. While a step is multiplied, the step before is fetched and the one before that is
 * converted, so that nothing waits for the multiplier.
 * Rows: the planes of a vector stand side by side, padded to a power of two; 32 rows are a block. Its digits are built once and
 * used for all columns.
 * Conversion, q = sign(u) floor((|u| + step / 2) / step): with r the float above 1 / step (never equal), one fused multiply-add
 * u r + 1.5 2^23, rounded to the nearest, leaves q in the low bits:
 *     u / step half way between codes: u r lies beyond the half, away from zero, whatever the sign, by less than 2^-22 |q|;
 *     otherwise |u| / step is at least 1 / (2 step) away from a half, and |u| (r - 1 / step) <= |u| 2^-22 / step is less than
 *     that while |u| < 2^21.
 * Larger sums do the same in double precision. The product is exact inside the fused operation.
 */
#include <immintrin.h>
#include <stdlib.h>
#include <string.h>

#define BLOCK_ROWS 32
#define TILE_BYTES (MB_QUAD_ROWS * MB_QUAD_COLUMNS)
#define EXACT_FLOAT (1 << 21)
#define MAGIC 12582912.0f             /* 1.5 * 2^23 */
#define MAGIC_BITS 0x4B400000
#define MAGIC_DOUBLE 6755399441055744.0   /* 1.5 * 2^52: its low 32 bits are zero */
#define ALWAYS static inline __attribute__((always_inline))

/* How the sums of one part become codes. */
typedef struct converter {
    float inv, unit, minus_base;      /* inv in units of the stored sum when the base is zero */
    double inv_double, unit_double, minus_base_double;
    int32_t lo, hi, step;             /* step with the sign of the polarity */
    int shift;                        /* of the slice */
    int64_t offset;
    bool clip, based, wide;
} converter;

typedef struct portion {              /* one part of one tile of outputs, for one block of rows */
    int part, vectors;                /* vectors 0: nothing */
    __mmask16 mask;
    int64_t *y;
} portion;

typedef struct plan {
    const mb_row_group *g;
    const mb_quads *q;
    int stride;                       /* rows of a vector: planes, padded */
    size_t ldy;
    int32_t magic;                    /* what the magic bits add up to over the planes */
    converter conv[MB_QUAD_PARTS];
    __m512i q_min, q_max;
    uint64_t clipped;
} plan;

/* The float (double) next above 1 / step. */
static float above(int32_t step) {
    float r = (float)(1.0 / step);
    return (double)r * step <= 1 ? nextafterf(r, 2.0f) : r;
}

static bool tiles_fit(const mb_row_group *g) {
    const mb_adc_type *t = g->adc->type;
    return g->quads && !g->var && !t->transparent && t->uniform && t->uniform(g->adc->params);
}

static void plan_make(const mb_row_group *g, size_t ldy, plan *p) {
    const mb_quads *q = g->quads;
    int64_t weights = 0;
    uint32_t magic = 0;
    for (int i = 0; i < g->planes; i++) weights += (int64_t)1 << (i * g->dac_bits);
    for (int i = 0; i < g->planes; i++) magic += (uint32_t)MAGIC_BITS << (i * g->dac_bits);
    *p = (plan){.g = g, .q = q, .stride = 1, .ldy = ldy, .magic = (int32_t)magic};
    while (p->stride < g->planes) p->stride *= 2;
    p->q_min = _mm512_set1_epi32(INT32_MAX);
    p->q_max = _mm512_set1_epi32(INT32_MIN);
    int shift = q->form == MB_QUADS_LEVELS ? q->shift : 0;
    for (int i = 0; i < q->parts; i++) {
        const mb_adc_range *r = &g->range[i / g->polarities];
        converter *c = &p->conv[i];
        int64_t lo = (int64_t)q->s_lo[i] - r->base, hi = (int64_t)q->s_hi[i] - r->base;
        int64_t edge = (int64_t)r->step * r->q_hi + r->step / 2, low_edge = (int64_t)r->step * r->q_lo - r->step / 2;
        int sign = i % g->polarities ? -1 : 1;
        c->based = r->base != 0;
        c->wide = lo <= -EXACT_FLOAT || hi >= EXACT_FLOAT;
        c->clip = hi >= edge || lo <= low_edge;
        c->unit_double = (double)((int64_t)1 << shift);
        c->unit = (float)c->unit_double;
        c->minus_base_double = -(double)r->base;
        c->minus_base = (float)c->minus_base_double;
        c->inv = c->based ? above(r->step) : above(r->step) * c->unit;
        c->inv_double = nextafter(1.0 / r->step, 2.0);
        c->lo = r->q_lo + (c->wide ? 0 : MAGIC_BITS);
        c->hi = r->q_hi + (c->wide ? 0 : MAGIC_BITS);
        c->step = sign * r->step;
        c->shift = g->shift[i / g->polarities];
        c->offset = sign * ((int64_t)r->base * weights * ((int64_t)1 << c->shift));
    }
}

/* Codes of 16 sums, on top of the magic bits unless wide. */
ALWAYS __m512i codes(__m512i s, const converter *c, bool based, bool wide) {
    if (wide) {
        const __m512d unit = _mm512_set1_pd(c->unit_double), base = _mm512_set1_pd(c->minus_base_double),
                      inv = _mm512_set1_pd(c->inv_double), magic = _mm512_set1_pd(MAGIC_DOUBLE);
        __m512d a = _mm512_cvtepi32_pd(_mm512_castsi512_si256(s)), b = _mm512_cvtepi32_pd(_mm512_extracti64x4_epi64(s, 1));
        a = _mm512_fmadd_pd(_mm512_fmadd_pd(a, unit, base), inv, magic);
        b = _mm512_fmadd_pd(_mm512_fmadd_pd(b, unit, base), inv, magic);
        return _mm512_inserti64x4(_mm512_castsi256_si512(_mm512_cvtepi64_epi32(_mm512_castpd_si512(a))),
                                  _mm512_cvtepi64_epi32(_mm512_castpd_si512(b)), 1);
    }
    __m512 f = _mm512_cvtepi32_ps(s);
    if (based) f = _mm512_fmadd_ps(f, _mm512_set1_ps(c->unit), _mm512_set1_ps(c->minus_base));
    return _mm512_castps_si512(_mm512_fmadd_ps(f, _mm512_set1_ps(c->inv), _mm512_set1_ps(MAGIC)));
}

/* Convert one step (sums c[32][16]; separate: lo sums c + 512) and add its outputs to y. */
ALWAYS void finish_part(plan *p, const portion *st, int part, const int32_t *c, int planes, bool separate, bool clip, bool based,
                        bool wide) {
    const converter *v = &p->conv[part];
    const __m512i lo = _mm512_set1_epi32(v->lo), hi = _mm512_set1_epi32(v->hi), bias = _mm512_set1_epi32(wide ? MAGIC_BITS : 0);
    const __m128i dac = _mm_cvtsi32_si128(p->g->dac_bits), shift = _mm_cvtsi32_si128(v->shift);
    const __m512i times = _mm512_set1_epi64(v->step), offset = _mm512_set1_epi64(v->offset),
                  magic = _mm512_set1_epi32(wide ? 0 : p->magic);
    const __mmask16 m = st->mask;
    __m512i q_min = p->q_min, q_max = p->q_max;
    uint64_t clipped = 0;
    for (int i = 0; i < st->vectors; i++, c += p->stride * MB_QUAD_COLUMNS) {
        __m512i a = _mm512_setzero_si512();
#pragma GCC unroll 8
        for (int k = planes - 1; k >= 0; k--) {
            __m512i s = _mm512_load_si512(c + k * MB_QUAD_COLUMNS);
            if (separate)
                s = _mm512_add_epi32(_mm512_slli_epi32(s, 7), _mm512_load_si512(c + (BLOCK_ROWS + k) * MB_QUAD_COLUMNS));
            __m512i q = codes(s, v, based, wide);
            if (clip) {
                __m512i in = _mm512_min_epi32(_mm512_max_epi32(q, lo), hi);
                clipped += (uint64_t)__builtin_popcount(_mm512_mask_cmpneq_epi32_mask(m, q, in));
                q = in;
            }
            __m512i seen = wide ? _mm512_add_epi32(q, bias) : q;
            q_min = _mm512_mask_min_epi32(q_min, m, q_min, seen);
            q_max = _mm512_mask_max_epi32(q_max, m, q_max, seen);
            a = _mm512_add_epi32(planes == 8 ? _mm512_add_epi32(a, a) : _mm512_sll_epi32(a, dac), q);
        }
        a = _mm512_sub_epi32(a, magic);
        int64_t *y = st->y + (size_t)i * p->ldy;
        __mmask8 m0 = (__mmask8)m, m1 = (__mmask8)(m >> 8);
        __m512i e = _mm512_cvtepi32_epi64(_mm512_castsi512_si256(a)), f = _mm512_cvtepi32_epi64(_mm512_extracti64x4_epi64(a, 1));
        e = _mm512_add_epi64(_mm512_sll_epi64(_mm512_mul_epi32(e, times), shift), offset);
        f = _mm512_add_epi64(_mm512_sll_epi64(_mm512_mul_epi32(f, times), shift), offset);
        _mm512_mask_storeu_epi64(y, m0, _mm512_add_epi64(e, _mm512_maskz_loadu_epi64(m0, y)));
        _mm512_mask_storeu_epi64(y + 8, m1, _mm512_add_epi64(f, _mm512_maskz_loadu_epi64(m1, y + 8)));
    }
    p->q_min = q_min;
    p->q_max = q_max;
    p->clipped += clipped;
}

/* The common cases compiled apart: planes of one bit, all eight of them. */
static void finish(plan *p, const portion *st, const int32_t *c) {
    const converter *v = &p->conv[st->part];
    bool separate = p->q->sums == 2, eight = p->g->planes == 8;
    int planes = p->g->planes;
    if (v->wide)
        finish_part(p, st, st->part, c, planes, separate, true, true, true);
    else if (eight && !v->based && !v->clip)
        finish_part(p, st, st->part, c, 8, false, false, false, false);
    else if (eight && !v->based)
        finish_part(p, st, st->part, c, 8, false, true, false, false);
    else
        finish_part(p, st, st->part, c, planes, separate, true, v->based, false);
}

/* The steps on their way: sums in slot n % 2, fetched ones in c[n % 2]. */
typedef struct line { portion st[2]; unsigned n; int32_t c[2][BLOCK_ROWS * MB_QUAD_COLUMNS] __attribute__((aligned(64))); } line;

static void line_drain(plan *p, line *l) {
    for (int i = 0; i < 2; i++, l->n++) {
        unsigned slot = l->n % 2;
        if (l->st[slot].vectors) finish(p, &l->st[slot], l->c[slot]);
        l->st[slot].vectors = 0;
        if (i == 0 && l->st[!slot].vectors) tiles_fetch((int)!slot, l->c[!slot]);
    }
}

ALWAYS void line_step(plan *p, line *l, const portion *st, const uint8_t *a, const int8_t *b, int quads) {
    const mb_quads *q = p->q;
    unsigned slot = l->n++ % 2;
    if (q->sums == 2) {                                      /* hi and lo at once, straight through */
        tiles_multiply(0, a, b, q->chunks, quads, l->c[0]);
        tiles_multiply(1, a, b + (size_t)q->chunks * TILE_BYTES, q->chunks, quads, l->c[1]);
        tiles_fetch(0, l->c[0]);
        tiles_fetch(1, l->c[1]);
        finish(p, st, l->c[0]);
        return;
    }
#ifdef TILES_AT_ONCE
    tiles_multiply((int)slot, a, b, q->chunks, quads, l->c[slot]);
    finish(p, st, l->c[slot]);
#else
    tiles_multiply((int)slot, a, b, q->chunks, quads, l->c[slot]);
    if (l->st[slot].vectors) finish(p, &l->st[slot], l->c[slot]);
    if (l->st[!slot].vectors) tiles_fetch((int)!slot, l->c[!slot]);
    l->st[slot] = *st;
#endif
}

/* Magnitudes of one vector as bytes: positive inputs, with signs then the negative ones; all of it twice when JOINED. */
static void bytes_of(const mb_row_group *g, const mb_quads *q, const int16_t *x, uint8_t *bytes) {
    int half = q->input_signed ? q->rows / 2 : q->rows;
    const __m512i zero = _mm512_setzero_si512();
    for (int k = 0; k < g->k; k += 32) {
        __mmask32 m = g->k - k >= 32 ? ~(__mmask32)0 : ((__mmask32)1 << (g->k - k)) - 1;
        __m512i v = _mm512_maskz_loadu_epi16(m, x + k);
        __m256i pos = _mm512_cvtepi16_epi8(q->input_signed ? _mm512_max_epi16(v, zero) : v);
        _mm256_mask_storeu_epi8(bytes + k, m, pos);
        if (q->form == MB_QUADS_JOINED) _mm256_mask_storeu_epi8(bytes + q->rows + k, m, pos);
        if (!q->input_signed) continue;
        __m256i neg = _mm512_cvtepi16_epi8(_mm512_max_epi16(_mm512_sub_epi16(zero, v), zero));
        _mm256_mask_storeu_epi8(bytes + half + k, m, neg);
        if (q->form == MB_QUADS_JOINED) _mm256_mask_storeu_epi8(bytes + q->rows + half + k, m, neg);
    }
}

/* Digits of a vector: its rows of the block, a[row / 16][chunk][row % 16][64]. */
static void digits_of(const mb_row_group *g, const mb_quads *q, const uint8_t *bytes, int first, uint8_t *a) {
    for (int c = 0; c < q->chunks; c++) {
        __m512i v = _mm512_load_si512(bytes + c * MB_QUAD_ROWS), one = _mm512_set1_epi8(1);
        int rest = q->rows - c * MB_QUAD_ROWS;                   /* rows of hi from here on */
        if (q->form == MB_QUADS_JOINED && rest > 0)
            one = _mm512_mask_mov_epi8(one, rest >= 64 ? ~(__mmask64)0 : ((__mmask64)1 << rest) - 1, _mm512_set1_epi8(-128));
        for (int p = 0; p < g->planes; p++) {
            int row = first + p;
            uint8_t *to = a + ((size_t)(row / 16) * (size_t)q->chunks + (size_t)c) * TILE_BYTES +
                          (size_t)(row % 16) * MB_QUAD_ROWS;
            __m512i d;
            if (g->dac_bits == 1)
                d = _mm512_maskz_mov_epi8(_mm512_test_epi8_mask(v, _mm512_set1_epi8((char)(1 << p))), one);
            else
                d = _mm512_and_si512(_mm512_srl_epi16(v, _mm_cvtsi32_si128(p * g->dac_bits)),
                                     _mm512_set1_epi8((char)(((1 << g->dac_bits) - 1) & 0xFF >> (p * g->dac_bits))));
            _mm512_store_si512(to, d);
        }
    }
}

static size_t tiles_bytes(const mb_quads *q) { return (size_t)q->chunks * MB_QUAD_ROWS; }

static size_t tiles_digits(const mb_quads *q) { return tiles_bytes(q) + (size_t)q->chunks * 2 * TILE_BYTES; }

static size_t tiles_work(const mb_row_group *g) {
    const mb_quads *q = g->quads;
    if (!q) return 0;
    return tiles_digits(q);
}

static void tiles_run(const mb_row_group *g, int m, const int16_t *x, size_t ldx, int64_t *y, size_t ldy, mb_kernel_stats *stats,
                      void *work) {
    const mb_quads *q = g->quads;
    line l;
    uint8_t *bytes = work, *a = bytes + tiles_bytes(q);
    size_t part_bytes = (size_t)(q->chunks * q->sums) * TILE_BYTES;
    int quads = (q->form == MB_QUADS_JOINED ? 2 * q->rows : q->rows) / 4;
    plan p;
    l.n = 0;
    l.st[0].vectors = l.st[1].vectors = 0;
    plan_make(g, ldy, &p);
    memset(work, 0, tiles_digits(q));
    tiles_open();
    for (int v0 = 0; v0 < m; v0 += BLOCK_ROWS / p.stride) {
        int nv = m - v0 < BLOCK_ROWS / p.stride ? m - v0 : BLOCK_ROWS / p.stride;
        for (int i = 0; i < nv; i++) {
            bytes_of(g, q, x + (size_t)(v0 + i) * ldx, bytes);
            digits_of(g, q, bytes, i * p.stride, a);
        }
        for (int t = 0; t < q->tiles; t++)
            for (int part = 0; part < q->parts; part++) {
                const int8_t *b = q->b + ((size_t)t * (size_t)q->parts + (size_t)part) * part_bytes;
                int left = g->n - t * MB_QUAD_COLUMNS;
                portion st = {.part = part,
                              .vectors = nv,
                              .mask = left >= 16 ? 0xFFFF : (__mmask16)((1u << left) - 1),
                              .y = y + (size_t)v0 * ldy + t * MB_QUAD_COLUMNS};
                line_step(&p, &l, &st, a, b, quads);
            }
    }
    line_drain(&p, &l);
    tiles_close();
    int32_t lo = _mm512_reduce_min_epi32(p.q_min) - MAGIC_BITS, hi = _mm512_reduce_max_epi32(p.q_max) - MAGIC_BITS;
    stats->q_min = lo < stats->q_min ? lo : stats->q_min;
    stats->q_max = hi > stats->q_max ? hi : stats->q_max;
    stats->clipped += p.clipped;
}
