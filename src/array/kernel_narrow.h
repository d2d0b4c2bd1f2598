/* kernel_narrow.h - the fast path of the kernels that multiply bytes (AMX, VNNI): planes of one bit, converters of at most eight
 * bits; the whole conversion in 16-bit lanes. Included by kernel_NAME.c behind kernel_tiles.h.
 *
 * The includer compiles for AVX-512 F, BW, DQ, VL, VNNI and defines
 *     SUMS_BEGIN                                    start four tiles of 16 x 16 sums
 *     SUMS_STEP_22(a0, a1, b0, b1)                  one chunk more: tiles a0 b0, a0 b1, a1 b0, a1 b1 in this order
 *     SUMS_STEP_41(a0, a1, a2, a3, b0)              the same: tiles a0 b0, a1 b0, a2 b0, a3 b0
 *     SUMS_END(c)                                   c[4][16][16] = the sums
 *     MB_NARROW_NOISE                               1 when it also compiles for VAES and includes base/rng_wide.h
 * or, with SUMS_AT_ONCE, all of it as sums_of_step().
 * with a [16 vectors][64 rows] and b quads of 16 outputs.
 *
 * A step is one slice of one tile of outputs for 16 vectors: either two planes of both polarities, or four planes. Its four sums
 * of a vector and an output are packed to 16 bits, scaled to codes, packed to bytes, and added with the weights of their planes
 * by one multiply-add of bytes. While a step is multiplied the step before is converted, a few vectors after each chunk.
 * From sum to code:
 *     direct   levels T = S >> shift, times 2^up by digits of that size: q = mulhrs(2^up T, inv), inv just above
 *              2^15 2^(shift - up) / step: exact for the sums that can occur, which is checked at every decision level when the
 *              plan is made;
 *     grid     S >> h by mb_grid (array/kernel.h). Two signs round half away from zero: negative sums count one less before they
 *              are shifted, which is nothing but at the level itself. Read noise comes between (array/kernel.h).
 * Variances of cells that differ are multiplied with the same digits in a second round of each step; sigma is the square root in
 * single precision (array/kernel.h), two times 16 of them packed to 16 bits as the sums are.
 * Codes of planes 0-3 and 4-7 are added apart, so that the weights fit bytes; slices in int32 with the common power of two of
 * their steps taken out.
 */
#define NARROW_VECTORS 16             /* their digits stay in the first cache */
#define NARROW_SLICES 8
#define NARROW_UP 7                   /* the largest digit is 2^7 */
#define NARROW_VAR 1024               /* in the sums of a step: where those of the variances begin */

typedef enum { FOUR_SIGNED, FOUR_UNSIGNED, PAIRS } narrow_layout;
typedef enum { DIRECT, GRID_DOWN, GRID_UP } narrow_mode;

typedef struct narrow_slice {
    int16_t inv, f, times;            /* direct; grid */
    int16_t top, zero;                /* largest code; code at S = 0 (ranges with an offset) */
    int shift;                        /* down or up to s */
    int32_t round;                    /* read noise: half of what is shifted out */
    float noise_scale;
    int32_t mult;                     /* weight of the slice: step 2^(slice cell_bits) / 2^common */
} narrow_slice;

typedef struct narrow {
    const mb_row_group *g;
    const mb_quads *q;
    narrow_slice slice[NARROW_SLICES];
    narrow_layout layout;
    narrow_mode mode;
    int groups;                       /* of planes: steps of a slice, for 16 vectors */
    int planes_each;                  /* 2 or 4 */
    int common, up;
    bool clip, based;
    int noise;                        /* 0: none, 1: the same variance for all cells, 2: a variance of each cell */
    int32_t constant;                 /* what the offsets of the ranges add up to in all codes of an output */
} narrow;

/* Is q = mulhrs(T 2^up, inv) the code of every T in 0..t_max (and of -T) at T 2^shift? */
static bool direct_exact(const mb_adc_range *r, int top, int shift, int up, int64_t t_max, int inv, bool two) {
    int64_t half = r->step / 2, rest = ((int64_t)1 << shift) - 1;
    int32_t bad = 0, fits = INT16_MAX >> up, last = (int32_t)(t_max < fits ? t_max : fits), one = inv << up;
    if (((last * one + 16384) >> 15) <= top && t_max > fits) return false;   /* saturation must clip */
    int32_t at[258];
    for (int j = 1; j <= top + 1; j++) {
        int64_t s = (j * (int64_t)r->step - half + rest) >> shift;
        at[j] = (int32_t)(s > last + 1 ? last + 1 : s);
    }
#pragma omp simd reduction(| : bad)
    for (int j = 1; j <= top + 1; j++) {
        int32_t s = at[j], below = s - 1;
        bad |= (s <= last) & ((s * one + 16384) >> 15 < j);
        bad |= (below * one + 16384) >> 15 >= j;
        bad |= two & (s <= last) & ((16384 - s * one) >> 15 > -j);
        bad |= two & ((16384 - below * one) >> 15 <= -j);
    }
    return !bad;
}

static bool narrow_plan(const mb_row_group *g, narrow *p) {
    const mb_quads *q = g->quads;
    const mb_adc_type *t = g->adc->type;
    if (!q || g->dac_bits != 1 || g->slices > NARROW_SLICES || q->form == MB_QUADS_SEPARATE) return false;
    if (t->transparent || !t->uniform || !t->uniform(g->adc->params)) return false;
    if (g->var && ((g->var_each < 0 && !q->var) || !MB_NARROW_NOISE || !mb_cpu_has_vaes())) return false;
    bool two = g->range[0].q_lo < 0, levels = q->form == MB_QUADS_LEVELS, direct = levels && !g->var;
    mb_grid grid[NARROW_SLICES];
    *p = (narrow){.g = g, .q = q, .planes_each = g->polarities == 2 ? 2 : 4, .common = 62};
    p->noise = !g->var ? 0 : g->var_each >= 0 ? 1 : 2;
    p->layout = g->polarities == 2 ? PAIRS : two ? FOUR_SIGNED : FOUR_UNSIGNED;
    p->groups = (g->planes + p->planes_each - 1) / p->planes_each;
    if (two && g->polarities == 2) return false;
    bool grids = true;
    for (int s = 0; s < g->slices && direct; s++) {
        while (p->up < NARROW_UP && (int64_t)g->range[s].step << p->up < (int64_t)1 << q->shift) p->up++;
        direct = (int64_t)g->range[s].step << p->up >= (int64_t)1 << q->shift;
    }
    int ups = 0, downs = 0;          /* slices whose sums are shifted up, down */
    for (int s = 0; s < g->slices; s++) {
        const mb_adc_range *r = &g->range[s];
        narrow_slice *c = &p->slice[s];
        if (r->q_lo != (two ? -r->q_hi : 0) || r->q_hi < 1 || r->q_hi > (two ? 127 : 255) || r->step >= 1 << 22) return false;
        if (r->base && !mb_grid_of(r, &grid[s])) return false;
        int64_t lo = 0, hi = 0, v_max = (int64_t)g->var_each * g->k;
        for (int i = s * g->polarities; i < (s + 1) * g->polarities; i++) {
            lo = q->s_lo[i] < lo ? q->s_lo[i] : lo;
            hi = q->s_hi[i] > hi ? q->s_hi[i] : hi;
            v_max = q->v_max[i] > v_max ? q->v_max[i] : v_max;
        }
        if ((!two && !r->base && lo < 0)) return false;
        if (g->var) {
            const mb_noise noise = mb_noise_of(r, false, g->var_max, g->var_unit);
            if (!noise.narrow) return false;
            c->noise_scale = noise.scale;
            int32_t sigma = mb_noise_sigma(&noise, sqrtf((float)v_max));
            int64_t most = (((int64_t)MB_NORMAL16_MAX * sigma >> 15) + 2) * ((int64_t)1 << noise.shift);
            lo -= most;
            hi += most;
        }
        bool based = r->base != 0;
        int top = r->base ? r->q_hi / 2 : r->q_hi;
        bool clips = hi >= (int64_t)r->step * top + r->step / 2 || lo <= -((int64_t)r->step * top + r->step / 2);
        if ((based && clips) || (s > 0 && based != p->based)) return false;
        p->clip = p->clip || clips;
        p->based = p->based || based;
        c->top = (int16_t)r->q_hi;
        c->zero = (int16_t)(based ? top : 0);
        grids = grids && mb_grid_of(r, &grid[s]);
        if (grids) {
            int down = grid[s].h - (levels ? q->shift : 0);
            c->f = grid[s].f;
            c->times = (int16_t)(1 << (15 - grid[s].k));
            c->shift = down < 0 ? -down : down;
            c->round = down > 0 && g->var ? 1 << down >> 1 : 0;
            ups += down < 0;
            downs += down > 0;
        }
        direct = direct && !based;
        if (direct) {
            double inv = ceil(32768.0 * (double)((int64_t)1 << q->shift) / (double)((int64_t)r->step << p->up));
            int64_t t_max = (hi > -lo ? hi : -lo) >> q->shift;
            c->inv = (int16_t)(inv > 32767 ? 32767 : inv);
            if (inv > 32768) direct = false;
            if (direct && !direct_exact(r, top, q->shift, p->up, t_max, c->inv, two)) {
                c->inv = (int16_t)(c->inv < 32767 ? c->inv + 1 : c->inv);
                direct = direct_exact(r, top, q->shift, p->up, t_max, c->inv, two);
            }
        }
        int z = __builtin_ctz((unsigned)r->step) + g->shift[s];
        p->common = z < p->common ? z : p->common;
    }
    if (!direct && (!grids || (ups && downs))) return false;
    if (!direct) p->up = 0;
    p->mode = direct ? DIRECT : ups ? GRID_UP : GRID_DOWN;
    int64_t most = 0, weights = (1 << g->planes) - 1;
    for (int s = 0; s < g->slices; s++) {
        const mb_adc_range *r = &g->range[s];
        int64_t mult = ((int64_t)r->step << g->shift[s]) >> p->common;
        most += mult * (r->q_hi + 1) * 256;
        if (most > INT32_MAX) return false;
        p->slice[s].mult = (int32_t)mult;
        if (p->layout == FOUR_UNSIGNED) p->constant += (int32_t)(mult * p->slice[s].zero * weights);
    }
    return true;
}

typedef struct narrow_step {          /* which step stands in a buffer */
    const narrow_slice *c;
    int block, high;                  /* which 16 vectors; planes 4 and up */
    int32_t weights;                  /* of the four planes, or of the two and their polarities, in bytes */
    __mmask64 seen;                   /* bytes that are codes of outputs */
    __mmask32 valid;                  /* 16-bit lanes that belong to outputs */
    uint32_t block0;                  /* read noise: first block of each vector's stream */
    size_t sigma;                     /* where the sigmas of its planes are, in 64-bit numbers */
    bool last;                        /* of its slice */
} narrow_step;

/* clipped: counts in 16 bits, for one tile of outputs */
typedef struct narrow_state { __m512i q_min, q_max, clipped; } narrow_state;
typedef struct narrow_sums { __m512i low[NARROW_VECTORS], high[NARROW_VECTORS], total[NARROW_VECTORS]; } narrow_sums;

/* Two sums of 16 outputs each to 16 bits: 4 + 4 by turns. */
ALWAYS __m512i narrow_pack(__m512i a, __m512i b, __m512i shift, __m512i round, narrow_mode mode, bool before, bool noise) {
    if (mode == GRID_DOWN) {
        if (noise) {
            a = _mm512_add_epi32(a, round);
            b = _mm512_add_epi32(b, round);
        }
        if (before) {
            a = _mm512_add_epi32(a, _mm512_srai_epi32(a, 31));
            b = _mm512_add_epi32(b, _mm512_srai_epi32(b, 31));
        }
        a = _mm512_srav_epi32(a, shift);
        b = _mm512_srav_epi32(b, shift);
    }
    if (mode == GRID_UP) {
        a = _mm512_sllv_epi32(a, shift);
        b = _mm512_sllv_epi32(b, shift);
    }
    return _mm512_packs_epi32(a, b);
}

/* What the conversion of a step keeps in registers. */
typedef struct narrow_constants {
    __m512i order, inv, times, weights, zero, first, most, top8, least8, shift, round;
    __m512 scale;
    __mmask64 seen;
    __mmask32 valid;
} narrow_constants;

ALWAYS void narrow_load(const narrow_step *st, bool two, narrow_mode mode, int noise, narrow_constants *k) {
    const narrow_slice *v = st->c;
    k->order = _mm512_broadcast_i32x4(_mm_setr_epi8(0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15));
    k->inv = _mm512_set1_epi16(mode == DIRECT ? v->inv : v->f);
    k->times = _mm512_set1_epi16(v->times);
    k->weights = _mm512_set1_epi32(st->weights);
    k->zero = _mm512_set1_epi16(v->zero);
    /* in range: codes 0..top, or with two signs codes + top; with noise of one sign what is next to be rounded, shifted up
       to 0 */
    int half = 1 << 14 >> (__builtin_ctz((unsigned)(uint16_t)v->times | 1 << 14));
    k->first = _mm512_set1_epi16((int16_t)(two ? v->top : noise ? half - 1 : 0));
    k->most = _mm512_set1_epi16((int16_t)(two ? 2 * v->top : noise ? (v->top + 1) * 2 * half - 2 : v->top));
    k->top8 = _mm512_set1_epi8((char)v->top);
    k->least8 = _mm512_set1_epi8((char)-v->top);
    k->shift = _mm512_set1_epi32(v->shift);
    k->round = _mm512_set1_epi32(v->round);
    k->scale = _mm512_set1_ps(v->noise_scale);
    k->seen = st->seen;
    k->valid = st->valid;
}

/* Counts the 16-bit lanes above `most` (as unsigned numbers) in count. */
ALWAYS __m512i narrow_count(__m512i count, __m512i a, const narrow_constants *k) {
    return _mm512_mask_add_epi16(count, _mm512_mask_cmpgt_epu16_mask(k->valid, a, k->most), count, _mm512_set1_epi16(1));
}

#if MB_NARROW_NOISE
/* Read noise of 32 conversions: s + z sigma. */
ALWAYS __m512i narrow_noise(const mb_wide_normals *g, __m512i who, uint32_t block, __m512i sigma, __m512i s) {
    __m512i u = mb_wide_bits(g, who, block), d = _mm512_mulhrs_epi16(mb_wide_normal(g, u), sigma);
    __mmask32 minus = _mm512_test_epi16_mask(u, g->one);
    return _mm512_mask_subs_epi16(_mm512_adds_epi16(s, d), minus, s, d);
}
#endif

#if MB_NARROW_NOISE
/* Sigmas of two variance sums of 16 outputs each, in the order of narrow_pack. */
ALWAYS __m512i narrow_roots(__m512i a, __m512i b, __m512 scale) {
    __m512 ra = _mm512_sqrt_ps(_mm512_cvtepi32_ps(a)), rb = _mm512_sqrt_ps(_mm512_cvtepi32_ps(b));
    return _mm512_packs_epi32(_mm512_cvtps_epi32(_mm512_mul_ps(ra, scale)), _mm512_cvtps_epi32(_mm512_mul_ps(rb, scale)));
}
#endif

/* Who makes the noise of a block of vectors. */
typedef struct narrow_source {
    mb_wide_normals normals;
    const mb_stream *streams;
    const uint64_t *sigmas;           /* [vector][slice][8 planes] */
    size_t sigmas_each;               /* of a vector */
    uint32_t quads;                   /* blocks of a pair */
} narrow_source;

/* Codes of vectors r0 .. r1 - 1 of the step in c, added to acc. */
ALWAYS void narrow_convert(const narrow_constants *k, const narrow_step *st, const narrow_source *src, narrow_state *e,
                           __m512i *acc, const int32_t *c, int r0, int r1, bool pairs, narrow_mode mode, bool two, bool clip,
                           bool based, int noise) {
    const bool before = two && mode == GRID_DOWN && !noise, after = two && (noise || mode == GRID_UP);
    (void)st, (void)src, (void)pairs;
    for (int r = r0; r < r1; r++) {
        const int32_t *row = c + 16 * r;
        __m512i a = _mm512_load_si512(row), a2 = _mm512_load_si512(row + 256), b = _mm512_load_si512(row + 512),
                b2 = _mm512_load_si512(row + 768);
        a = narrow_pack(a, a2, k->shift, k->round, mode, before, noise);
        b = narrow_pack(b, b2, k->shift, k->round, mode, before, noise);
#if MB_NARROW_NOISE
        if (noise) {
            const uint32_t *ctr = src->streams[16 * st->block + r].ctr;
            const __m512i who = _mm512_broadcast_i32x4(_mm_loadu_si128((const __m128i *)(const void *)ctr));
            __m512i sa, sb;
            if (noise == 2) {
                sa = narrow_roots(_mm512_load_si512(row + NARROW_VAR), _mm512_load_si512(row + NARROW_VAR + 256), k->scale);
                sb = narrow_roots(_mm512_load_si512(row + NARROW_VAR + 512), _mm512_load_si512(row + NARROW_VAR + 768), k->scale);
            } else {
                const uint64_t *sigma = src->sigmas + (size_t)(16 * st->block + r) * src->sigmas_each + st->sigma;
                sa = pairs ? _mm512_set1_epi64((long long)sigma[0])
                           : _mm512_broadcast_i32x4(_mm_loadu_si128((const __m128i *)(const void *)sigma));
                sb = pairs ? _mm512_set1_epi64((long long)sigma[1])
                           : _mm512_broadcast_i32x4(_mm_loadu_si128((const __m128i *)(const void *)(sigma + 2)));
            }
            a = narrow_noise(&src->normals, who, st->block0, sa, a);
            b = narrow_noise(&src->normals, who, st->block0 + src->quads, sb, b);
        }
#endif
        if (after) {
            a = _mm512_adds_epi16(a, _mm512_srai_epi16(a, 15));
            b = _mm512_adds_epi16(b, _mm512_srai_epi16(b, 15));
        }
        if (mode != DIRECT) {
            a = _mm512_adds_epi16(a, _mm512_mulhrs_epi16(a, k->inv));
            b = _mm512_adds_epi16(b, _mm512_mulhrs_epi16(b, k->inv));
            if (clip && noise && !two) {
                e->clipped = narrow_count(e->clipped, _mm512_add_epi16(a, k->first), k);
                e->clipped = narrow_count(e->clipped, _mm512_add_epi16(b, k->first), k);
            }
            a = _mm512_mulhrs_epi16(a, k->times);
            b = _mm512_mulhrs_epi16(b, k->times);
        } else {
            a = _mm512_mulhrs_epi16(a, k->inv);
            b = _mm512_mulhrs_epi16(b, k->inv);
        }
        if (clip && !based && (two || !noise)) {
            e->clipped = narrow_count(e->clipped, two ? _mm512_add_epi16(a, k->first) : a, k);
            e->clipped = narrow_count(e->clipped, two ? _mm512_add_epi16(b, k->first) : b, k);
        }
        if (based) {
            a = _mm512_add_epi16(a, k->zero);
            b = _mm512_add_epi16(b, k->zero);
        }
        __m512i q;
        if (two) {
            q = _mm512_packs_epi16(a, b);
            if (clip) q = _mm512_max_epi8(_mm512_min_epi8(q, k->top8), k->least8);
            q = _mm512_shuffle_epi8(q, k->order);
            e->q_min = _mm512_mask_min_epi8(e->q_min, k->seen, e->q_min, q);
            e->q_max = _mm512_mask_max_epi8(e->q_max, k->seen, e->q_max, q);
            acc[r] = _mm512_dpbusd_epi32(acc[r], k->weights, q);
        } else {
            q = _mm512_packus_epi16(a, b);
            if (clip) q = _mm512_min_epu8(q, k->top8);
            q = _mm512_shuffle_epi8(q, k->order);
            e->q_min = _mm512_mask_min_epu8(e->q_min, k->seen, e->q_min, q);
            e->q_max = _mm512_mask_max_epu8(e->q_max, k->seen, e->q_max, q);
            acc[r] = _mm512_dpbusd_epi32(acc[r], q, k->weights);
        }
    }
}

/* A slice is complete: its codes with the weight of the slice to the total. */
ALWAYS void narrow_flush(const narrow_slice *c, narrow_sums *e, int vectors) {
    const __m512i mult = _mm512_set1_epi32(c->mult);
    for (int i = 0; i < vectors; i++) {
        __m512i sum = _mm512_add_epi32(e->low[i], _mm512_slli_epi32(e->high[i], 4));
        e->total[i] = _mm512_add_epi32(e->total[i], _mm512_mullo_epi32(sum, mult));
        e->low[i] = e->high[i] = _mm512_setzero_si512();
    }
}

ALWAYS void narrow_store(const narrow *p, narrow_sums *e, int vectors, int t, int64_t *y, size_t ldy) {
    const __m512i constant = _mm512_set1_epi32(p->constant);
    const __m128i common = _mm_cvtsi32_si128(p->common);
    int left = p->g->n - t * MB_QUAD_COLUMNS;
    __mmask16 m = left >= 16 ? 0xFFFF : (__mmask16)((1u << left) - 1);
    y += t * MB_QUAD_COLUMNS;
    for (int i = 0; i < vectors; i++, y += ldy) {
        __m512i s = _mm512_sub_epi32(e->total[i], constant);
        __m512i a = _mm512_sll_epi64(_mm512_cvtepi32_epi64(_mm512_castsi512_si256(s)), common),
                b = _mm512_sll_epi64(_mm512_cvtepi32_epi64(_mm512_extracti64x4_epi64(s, 1)), common);
        e->total[i] = _mm512_setzero_si512();
        _mm512_mask_storeu_epi64(y, (__mmask8)m, _mm512_add_epi64(a, _mm512_maskz_loadu_epi64((__mmask8)m, y)));
        _mm512_mask_storeu_epi64(y + 8, (__mmask8)(m >> 8),
                                 _mm512_add_epi64(b, _mm512_maskz_loadu_epi64((__mmask8)(m >> 8), y + 8)));
    }
}

/* Digits of a vector: a[plane][block][chunk][16][64], plane_bytes apart. */
#define NARROW_PLANE(p)                                                                                       \
    if (planes > p) {                                                                                         \
        const __mmask64 set = _mm512_test_epi8_mask(v, _mm512_set1_epi8((char)(1 << p)));                     \
        _mm512_store_si512(to + p * plane_bytes, _mm512_maskz_mov_epi8(set, one));                            \
    }
ALWAYS void narrow_digits(int planes, int up, const mb_quads *q, const uint8_t *bytes, uint8_t *a, size_t plane_bytes) {
    for (int c = 0; c < q->chunks; c++) {
        __m512i v = _mm512_load_si512(bytes + c * MB_QUAD_ROWS), one = _mm512_set1_epi8((char)(1 << up));
        int rest = q->rows - c * MB_QUAD_ROWS;                   /* rows of hi from here on */
        if (q->form == MB_QUADS_JOINED && rest > 0)
            one = _mm512_mask_mov_epi8(one, rest >= 64 ? ~(__mmask64)0 : ((__mmask64)1 << rest) - 1, _mm512_set1_epi8(-128));
        uint8_t *to = a + (size_t)c * TILE_BYTES;
        NARROW_PLANE(0)
        NARROW_PLANE(1)
        NARROW_PLANE(2)
        NARROW_PLANE(3)
        NARROW_PLANE(4)
        NARROW_PLANE(5)
        NARROW_PLANE(6)
        NARROW_PLANE(7)
    }
}

#if MB_NARROW_NOISE
/* Sigma of every slice and plane of a vector, four times each, from the rows that the planes drive. */
ALWAYS void narrow_sigmas(const narrow *p, const uint8_t *bytes, uint64_t *sigmas) {
    const mb_quads *q = p->q;
    int32_t rows[8] = {0};
    for (int c = 0; c < q->rows; c += MB_QUAD_ROWS) {
        int rest = q->rows - c;
        __m512i v = _mm512_maskz_loadu_epi8(rest >= 64 ? ~(__mmask64)0 : ((__mmask64)1 << rest) - 1, bytes + c);
        for (int k = 0; k < p->g->planes; k++)
            rows[k] += __builtin_popcountll(_mm512_test_epi8_mask(v, _mm512_set1_epi8((char)(1 << k))));
    }
    const __m512i four = _mm512_broadcast_i32x4(_mm_setr_epi8(0, 1, 0, 1, 0, 1, 0, 1, 8, 9, 8, 9, 8, 9, 8, 9));
    __m256i V = _mm256_mullo_epi32(_mm256_loadu_si256((const __m256i *)(const void *)rows), _mm256_set1_epi32(p->g->var_each));
    __m256 root = _mm256_sqrt_ps(_mm256_cvtepi32_ps(V));
    for (int s = 0; s < p->g->slices; s++, sigmas += 8) {
        __m256i sigma = _mm256_cvtps_epi32(_mm256_mul_ps(root, _mm256_set1_ps(p->slice[s].noise_scale)));
        _mm512_storeu_si512(sigmas, _mm512_shuffle_epi8(_mm512_cvtepi32_epi64(sigma), four));
    }
}
#endif

static size_t narrow_work(const mb_row_group *g) {
    const mb_quads *q = g->quads;
    return q ? NARROW_VECTORS * tiles_bytes(q) +
                   (size_t)(g->planes + 3) * (NARROW_VECTORS / 16) * (size_t)q->chunks * TILE_BYTES +
                   (g->var ? (size_t)NARROW_VECTORS * (size_t)g->slices * 8 * sizeof(uint64_t) : 0)
             : 0;
}

ALWAYS void narrow_loop(const narrow *p, int m, const int16_t *x, size_t ldx, int64_t *y, size_t ldy, mb_stream *streams,
                        mb_kernel_stats *stats, void *work, bool pairs, narrow_mode mode, bool two, bool clip, bool based,
                        int noise) {
    const mb_row_group *g = p->g;
    const mb_quads *q = p->q;
    const int chunks = q->chunks, share = (16 + (noise == 2 ? 2 : 1) * chunks - 1) / ((noise == 2 ? 2 : 1) * chunks);
    const int quads = (q->form == MB_QUADS_JOINED ? 2 * q->rows : q->rows) / 4;
    const int vectors = NARROW_VECTORS;
    const size_t block_bytes = (size_t)chunks * TILE_BYTES, plane_bytes = (size_t)(vectors / 16) * block_bytes;
    uint8_t *bytes = work, *a = bytes + NARROW_VECTORS * tiles_bytes(q);
    int32_t c[2][2 * NARROW_VAR] __attribute__((aligned(64)));
    uint64_t *sigmas = (uint64_t *)(void *)(a + (size_t)(p->groups * p->planes_each) * plane_bytes);
    narrow_source src = {.sigmas = sigmas, .sigmas_each = (size_t)g->slices * 8, .quads = ((uint32_t)g->n + 3) / 4};
    narrow_state e;
    narrow_sums to;
#if MB_NARROW_NOISE
    if (noise) mb_wide_open(streams[0].key, &src.normals);
#endif
    e.q_min = two ? _mm512_set1_epi8(127) : _mm512_set1_epi8(-1);
    e.q_max = two ? _mm512_set1_epi8(-128) : _mm512_setzero_si512();
    e.clipped = _mm512_setzero_si512();
    uint64_t clipped = 0;
    for (int i = 0; i < NARROW_VECTORS; i++) to.low[i] = to.high[i] = to.total[i] = _mm512_setzero_si512();
    (void)quads;
    memset(bytes, 0, NARROW_VECTORS * tiles_bytes(q));                   /* rows that fill the last chunk */
    memset(a + (size_t)g->planes * plane_bytes, 0, (size_t)(p->groups * p->planes_each - g->planes) * plane_bytes);
    for (int v0 = 0; v0 < m; v0 += vectors) {
        int nv = m - v0 < vectors ? m - v0 : vectors, blocks = (nv + 15) / 16;
        for (int i = 0; i < nv; i++) bytes_of(g, q, x + (size_t)(v0 + i) * ldx, bytes + (size_t)i * tiles_bytes(q));
        for (int i = 0; i < nv; i++) {
            const uint8_t *from = bytes + (size_t)i * tiles_bytes(q);
            uint8_t *digits = a + (size_t)(i / 16) * block_bytes + (size_t)(i % 16) * MB_QUAD_ROWS;
            if (g->planes == 8)
                narrow_digits(8, p->up, q, from, digits, plane_bytes);
            else
                narrow_digits(g->planes, p->up, q, from, digits, plane_bytes);
#if MB_NARROW_NOISE
            if (noise == 1) narrow_sigmas(p, from, sigmas + (size_t)i * src.sigmas_each);
#endif
        }
        src.streams = streams + (noise ? v0 : 0);
        __asm__ volatile("" ::: "memory");       /* tile loads do not tell the compiler what they read */
        for (int t = 0; t < q->tiles; t++) {
            const size_t tile = (size_t)t * (size_t)q->parts * block_bytes;
            int left = g->n - t * MB_QUAD_COLUMNS;
            __mmask64 outputs = left >= 16 ? ~(__mmask64)0 : ((__mmask64)1 << (4 * left)) - 1;
            __mmask32 valid = 0;                 /* lanes 8 l .. 8 l + 7: outputs 4 l .. 4 l + 3, twice */
            for (int l = 0; l < 16 && l < left; l++) valid |= (__mmask32)0x11 << (l / 4 * 8 + l % 4);
            narrow_step st[2] = {{.c = p->slice}, {.c = p->slice}};
            unsigned n = 0;
            for (int s = 0; s < g->slices; s++)
                for (int k = 0; k < p->groups; k++)
                    for (int j = 0; j < blocks; j++, n++) {
                        narrow_step *now = &st[n & 1], *old = &st[~n & 1];
                        const int32_t *done = c[~n & 1];
                        narrow_constants kept;
                        narrow_load(old, two, mode, noise, &kept);
                        __m512i *acc = (old->high ? to.high : to.low) + 16 * old->block;
                        int plane = k * p->planes_each, here = g->planes - plane, rows = n ? nv - old->block * 16 : 0, r = 0;
                        rows = rows > 16 ? 16 : rows;
                        uint32_t pattern = pairs ? (here == 1 ? 0x0000FFFFu : 0xFFFFFFFFu)
                                                 : here >= 4 ? 0xFFFFFFFFu : (1u << (8 * here)) - 1;
                        now->c = &p->slice[s];
                        now->block = j;
                        now->high = plane >= 4;
                        now->last = k == p->groups - 1 && j == blocks - 1;
                        now->weights = (int32_t)((pairs ? plane & 2 ? 0xF808FC04u : 0xFE02FF01u : 0x08040201u) & pattern);
                        now->valid = valid;
                        const int pair = pairs ? s * g->planes + plane : s * ((g->planes + 1) / 2) + plane / 2;
                        now->block0 = (uint32_t)pair * src.quads + (uint32_t)t * 4;
                        now->sigma = (size_t)(s * 8 + plane);
                        now->seen = outputs & _mm512_movepi8_mask(_mm512_set1_epi32((int)pattern));
                        const uint8_t *aj = a + (size_t)plane * plane_bytes + (size_t)j * block_bytes;
                        const size_t part = tile + (size_t)(s * g->polarities) * block_bytes;
                        for (int round = 0; round < (noise == 2 ? 2 : 1); round++) {
                            const int8_t *bs = (round ? q->var : q->b) + part;
                            const uint8_t *ai = aj;
#ifdef SUMS_AT_ONCE
                            sums_of_step(pairs, aj, plane_bytes, bs, block_bytes, quads, c[n & 1] + round * NARROW_VAR);
#endif
                            SUMS_BEGIN;
                            for (int i = 0; i < chunks; i++, ai += TILE_BYTES, bs += TILE_BYTES) {
                                if (pairs)
                                    SUMS_STEP_22(ai, ai + plane_bytes, bs, bs + block_bytes);
                                else
                                    SUMS_STEP_41(ai, ai + plane_bytes, ai + 2 * plane_bytes, ai + 3 * plane_bytes, bs);
                                const bool end = i == chunks - 1 && round == (noise == 2 ? 1 : 0);
                                int until = end || r + share > rows ? rows : r + share;
                                narrow_convert(&kept, old, &src, &e, acc, done, r, until, pairs, mode, two, clip, based, noise);
                                r = until;
                            }
                            if (!round && noise == 2) SUMS_END(c[n & 1]);
                        }
                        if (n && old->last) narrow_flush(old->c, &to, nv);
                        SUMS_END(c[n & 1] + (noise == 2 ? NARROW_VAR : 0));
                    }
            narrow_step *old = &st[~n & 1];
            int rows = nv - old->block * 16;
            narrow_constants kept;
            narrow_load(old, two, mode, noise, &kept);
            narrow_convert(&kept, old, &src, &e, (old->high ? to.high : to.low) + 16 * old->block, c[~n & 1], 0,
                           rows > 16 ? 16 : rows, pairs, mode, two, clip, based, noise);
            narrow_flush(old->c, &to, nv);
            clipped += (uint64_t)_mm512_reduce_add_epi32(_mm512_madd_epi16(e.clipped, _mm512_set1_epi16(1)));
            e.clipped = _mm512_setzero_si512();
            narrow_store(p, &to, nv, t, y + (size_t)v0 * ldy, ldy);
        }
    }
    uint8_t lo[64], hi[64];
    _mm512_storeu_si512(lo, e.q_min);
    _mm512_storeu_si512(hi, e.q_max);
    for (int i = 0; i < 64; i++) {
        int32_t l = two ? (int8_t)lo[i] : lo[i], h = two ? (int8_t)hi[i] : hi[i];
        if (l > h) continue;
        stats->q_min = l < stats->q_min ? l : stats->q_min;
        stats->q_max = h > stats->q_max ? h : stats->q_max;
    }
    stats->clipped += clipped;
}

#define NARROW_ARGUMENTS \
    const narrow *p, int m, const int16_t *x, size_t ldx, int64_t *y, size_t ldy, mb_stream *noise, mb_kernel_stats *stats, \
        void *work
#define NARROW_CASE(name, pairs, mode, two, clip, based, kind)                                      \
    static __attribute__((noinline)) void name(NARROW_ARGUMENTS) {                                  \
        narrow_loop(p, m, x, ldx, y, ldy, noise, stats, work, pairs, mode, two, clip, based, kind); \
    }
NARROW_CASE(narrow_pairs_direct, true, DIRECT, false, false, false, 0)
NARROW_CASE(narrow_pairs_direct_clip, true, DIRECT, false, true, false, 0)
NARROW_CASE(narrow_pairs_down, true, GRID_DOWN, false, false, false, 0)
NARROW_CASE(narrow_pairs_down_clip, true, GRID_DOWN, false, true, false, 0)
NARROW_CASE(narrow_pairs_down_based, true, GRID_DOWN, false, false, true, 0)
NARROW_CASE(narrow_pairs_up_clip, true, GRID_UP, false, true, false, 0)
NARROW_CASE(narrow_pairs_up_based, true, GRID_UP, false, false, true, 0)
NARROW_CASE(narrow_signed_direct, false, DIRECT, true, false, false, 0)
NARROW_CASE(narrow_signed_direct_clip, false, DIRECT, true, true, false, 0)
NARROW_CASE(narrow_signed_down, false, GRID_DOWN, true, false, false, 0)
NARROW_CASE(narrow_signed_down_clip, false, GRID_DOWN, true, true, false, 0)
NARROW_CASE(narrow_signed_up_clip, false, GRID_UP, true, true, false, 0)
NARROW_CASE(narrow_four_direct_clip, false, DIRECT, false, true, false, 0)
NARROW_CASE(narrow_four_down_clip, false, GRID_DOWN, false, true, false, 0)
NARROW_CASE(narrow_four_down_based, false, GRID_DOWN, false, false, true, 0)
NARROW_CASE(narrow_four_up_clip, false, GRID_UP, false, true, false, 0)
NARROW_CASE(narrow_four_up_based, false, GRID_UP, false, false, true, 0)

#if MB_NARROW_NOISE
NARROW_CASE(noisy_pairs_down, true, GRID_DOWN, false, true, false, 1)
NARROW_CASE(noisy_pairs_down_based, true, GRID_DOWN, false, false, true, 1)
NARROW_CASE(noisy_pairs_up, true, GRID_UP, false, true, false, 1)
NARROW_CASE(noisy_pairs_up_based, true, GRID_UP, false, false, true, 1)
NARROW_CASE(noisy_signed_down, false, GRID_DOWN, true, true, false, 1)
NARROW_CASE(noisy_signed_up, false, GRID_UP, true, true, false, 1)
NARROW_CASE(noisy_four_down, false, GRID_DOWN, false, true, false, 1)
NARROW_CASE(noisy_four_down_based, false, GRID_DOWN, false, false, true, 1)
NARROW_CASE(noisy_four_up, false, GRID_UP, false, true, false, 1)
NARROW_CASE(noisy_four_up_based, false, GRID_UP, false, false, true, 1)
NARROW_CASE(varied_pairs_down, true, GRID_DOWN, false, true, false, 2)
NARROW_CASE(varied_pairs_down_based, true, GRID_DOWN, false, false, true, 2)
NARROW_CASE(varied_pairs_up, true, GRID_UP, false, true, false, 2)
NARROW_CASE(varied_pairs_up_based, true, GRID_UP, false, false, true, 2)
NARROW_CASE(varied_signed_down, false, GRID_DOWN, true, true, false, 2)
NARROW_CASE(varied_signed_up, false, GRID_UP, true, true, false, 2)
NARROW_CASE(varied_four_down, false, GRID_DOWN, false, true, false, 2)
NARROW_CASE(varied_four_down_based, false, GRID_DOWN, false, false, true, 2)
NARROW_CASE(varied_four_up, false, GRID_UP, false, true, false, 2)
NARROW_CASE(varied_four_up_based, false, GRID_UP, false, false, true, 2)
#endif

static void narrow_run(NARROW_ARGUMENTS) {
    static void (*const quiet[3][3][3])(NARROW_ARGUMENTS) = {         /* plain, may clip, with an offset */
        [FOUR_SIGNED] = {{narrow_signed_direct, narrow_signed_direct_clip, NULL},
                         {narrow_signed_down, narrow_signed_down_clip, NULL},
                         {narrow_signed_up_clip, narrow_signed_up_clip, NULL}},
        [FOUR_UNSIGNED] = {{narrow_four_direct_clip, narrow_four_direct_clip, NULL},
                           {narrow_four_down_clip, narrow_four_down_clip, narrow_four_down_based},
                           {narrow_four_up_clip, narrow_four_up_clip, narrow_four_up_based}},
        [PAIRS] = {{narrow_pairs_direct, narrow_pairs_direct_clip, NULL},
                   {narrow_pairs_down, narrow_pairs_down_clip, narrow_pairs_down_based},
                   {narrow_pairs_up_clip, narrow_pairs_up_clip, narrow_pairs_up_based}}};
    tiles_open();
#if MB_NARROW_NOISE
#define NARROW_NOISY(kind)                                                                                               \
    {                                                                                                                    \
        [FOUR_SIGNED] = {{kind##_signed_down, kind##_signed_down}, {kind##_signed_up, kind##_signed_up}},                \
        [FOUR_UNSIGNED] = {{kind##_four_down, kind##_four_down_based}, {kind##_four_up, kind##_four_up_based}},          \
        [PAIRS] = {{kind##_pairs_down, kind##_pairs_down_based}, {kind##_pairs_up, kind##_pairs_up_based}}               \
    }
    static void (*const noisy[2][3][2][2])(NARROW_ARGUMENTS) = {NARROW_NOISY(noisy), NARROW_NOISY(varied)};
    if (p->noise)
        noisy[p->noise - 1][p->layout][p->mode == GRID_UP][p->based](p, m, x, ldx, y, ldy, noise, stats, work);
    else
#endif
        quiet[p->layout][p->mode][p->based ? 2 : p->clip](p, m, x, ldx, y, ldy, noise, stats, work);
    tiles_close();
}
