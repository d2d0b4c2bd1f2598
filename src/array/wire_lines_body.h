/* wire_lines_body.h - body of the line solver, see wire_lines.h; included by wire_lines32.c and wire_lines64.c with
 *   REAL, LANES (REALs in 64 bytes), MASK (integer of REAL's size), NAME(x) (the name with the suffix of the precision)
 *
 * The word lines run along the rows of the arrays: tiles of LANES x LANES are transposed in registers so that each lane carries
 * one word line. Sums are kept per lane in REAL for a few rows and then added in double, in one order for every instruction set.
 */
#include <math.h>
#include <string.h>

#include "base/error.h"
#include "base/mem.h"

typedef REAL vec __attribute__((vector_size(64)));
typedef MASK mask __attribute__((vector_size(64)));
typedef NAME(mb_lines) lines;
#define V(p) (*(vec *)(void *)(p))
#define C(p) (*(const vec *)(const void *)(p))
#define COLUMNS 8 /* vectors of columns that go down the array together */

int NAME(mb_lines_new)(const mb_wire *w, lines **out) {
    lines *x = mb_calloc(1, sizeof *x);
    *out = NULL;
    if (!x) return mb_nomem();
    x->mp = (w->m + LANES - 1) / LANES * LANES;
    x->np = (w->n + LANES - 1) / LANES * LANES;
    x->ld = (size_t)x->np + (x->np / LANES % 2 ? 0 : LANES); /* an odd number of cache lines: rows do not fight for the same set
                                                              */
    size_t array = (size_t)x->mp * x->ld, edge = (size_t)x->ld, side = (size_t)(x->mp > x->np ? x->mp : x->np) + LANES;
    x->memory = mb_calloc(10 * (array + 5 * LANES) + 4 * edge + 3 * side + (size_t)x->np * LANES, sizeof(REAL));
    if (!x->memory) {
        mb_free(x);
        return mb_nomem();
    }
    REAL *at = x->memory, **arrays[] = {&x->G, &x->r, &x->b, &x->p, &x->q, &x->z, &x->Ap, &x->Gt, &x->dw, &x->db};
    for (size_t i = 0; i < sizeof arrays / sizeof *arrays; i++, at += array + 5 * LANES) *arrays[i] = at; /* staggered */
    REAL **edges[] = {&x->first, &x->last, &x->top, &x->bottom}, **sides[] = {&x->along, &x->across, &x->end};
    for (size_t i = 0; i < sizeof edges / sizeof *edges; i++, at += edge) *edges[i] = at;
    for (size_t i = 0; i < sizeof sides / sizeof *sides; i++, at += side / LANES * LANES) *sides[i] = at;
    x->line = at;
    x->net.m = w->m;
    x->net.n = w->n;
    *out = x;
    return MB_OK;
}

void NAME(mb_lines_free)(lines *x) {
    if (x) mb_free(x->memory);
    mb_free(x);
}

void NAME(mb_lines_net)(lines *x, const mb_wire_net *net) {
    x->net = *net;
    for (int j = 0; j < x->np; j++) {
        bool pad = j >= net->n;
        x->along[j] = j < net->n - 1 ? (REAL)net->gw : 0;
        x->end[j] = pad ? 1 : 0;
        x->top[j] = pad ? 0 : (REAL)net->g_top[mb_wire_net_side(net, j)];
        x->bottom[j] = pad ? 1 : (REAL)net->g_bot[mb_wire_net_side(net, j)];
    }
    x->end[0] += (REAL)net->g_left;
    x->end[net->n - 1] += (REAL)net->g_right;
    for (int i = 0; i < x->mp; i++) x->across[i] = i < net->m - 1 ? (REAL)mb_wire_net_below(net, i) : 0;
}

MB_CLONES static void NAME(take_cells)(lines *x, const double *G) {
    typedef double wide __attribute__((vector_size(64)));
    typedef int64_t wide_sign __attribute__((vector_size(64)));
    typedef uint64_t wide_bits __attribute__((vector_size(64)));
    typedef REAL narrow __attribute__((vector_size(8 * sizeof(REAL))));
    const double scale = 1 / x->net.unit, r_on = x->net.r_on; /* the unit is a power of two */
    const uint64_t least = (UINT64_C(1023) - 100) << 52; /* the bits of 2^-100 */
    const size_t n = (size_t)x->net.n;
    for (int i = 0; i < x->net.m; i++) {
        REAL *to = x->G + (size_t)i * x->ld;
        const double *from = G + (size_t)i * n;
        for (size_t j = 0; j < n; j += 8) {
            wide g = {0};
            if (n - j >= 8) memcpy(&g, from + j, sizeof g);
            else memcpy(&g, from + j, (n - j) * sizeof *from);
            g *= scale;
            if (r_on > 0) g = g / (1 + g * r_on);
            wide_bits b = (wide_bits)g << 1 >> 1; /* have the order of the numbers; -0 is 0 */
            g = (wide)(b & ~(wide_bits)((wide_sign)(b - least) >> 63));
            narrow s = __builtin_convertvector(g, narrow);
            memcpy(to + j, &s, sizeof s);
        }
    }
}

/* --- transposition of LANES vectors: elements across the diagonal change places at distance h = LANES / 2, ..., 2, 1 -------- */

#if LANES == 16
#define LOW8 0, 1, 2, 3, 4, 5, 6, 7, 16, 17, 18, 19, 20, 21, 22, 23
#define HIGH8 8, 9, 10, 11, 12, 13, 14, 15, 24, 25, 26, 27, 28, 29, 30, 31
#define LOW4 0, 1, 2, 3, 16, 17, 18, 19, 8, 9, 10, 11, 24, 25, 26, 27
#define HIGH4 4, 5, 6, 7, 20, 21, 22, 23, 12, 13, 14, 15, 28, 29, 30, 31
#define LOW2 0, 1, 16, 17, 4, 5, 20, 21, 8, 9, 24, 25, 12, 13, 28, 29
#define HIGH2 2, 3, 18, 19, 6, 7, 22, 23, 10, 11, 26, 27, 14, 15, 30, 31
#define LOW1 0, 16, 2, 18, 4, 20, 6, 22, 8, 24, 10, 26, 12, 28, 14, 30
#define HIGH1 1, 17, 3, 19, 5, 21, 7, 23, 9, 25, 11, 27, 13, 29, 15, 31
#else
#define LOW4 0, 1, 2, 3, 8, 9, 10, 11
#define HIGH4 4, 5, 6, 7, 12, 13, 14, 15
#define LOW2 0, 1, 8, 9, 4, 5, 12, 13
#define HIGH2 2, 3, 10, 11, 6, 7, 14, 15
#define LOW1 0, 8, 2, 10, 4, 12, 6, 14
#define HIGH1 1, 9, 3, 11, 5, 13, 7, 15
#endif
#define SHUFFLE(a, b, ...) __builtin_shufflevector(a, b, __VA_ARGS__)
#define EXCHANGE(h)                                        \
    for (int i = 0; i < LANES; i++)                        \
        if (!(i & h)) {                                    \
            vec lo = t[i], hi = t[i + h];                  \
            t[i] = SHUFFLE(lo, hi, LOW##h);                \
            t[i + h] = SHUFFLE(lo, hi, HIGH##h);           \
        }

MB_WIRE_INLINE void transpose(vec *t) {
#if LANES == 16
#pragma GCC unroll 16
    EXCHANGE(8)
#endif
#pragma GCC unroll 16
    EXCHANGE(4)
#pragma GCC unroll 16
    EXCHANGE(2)
#pragma GCC unroll 16
    EXCHANGE(1)
}

/* Sum of the lanes, in double. */
MB_WIRE_INLINE double lanes_sum(const vec *v) {
    double s = 0;
    for (int l = 0; l < LANES; l++) s += (double)(*v)[l];
    return s;
}

/* --- factorisation ------------------------------------------------------------------------------------------------------- */

MB_CLONES static void NAME(factorise)(lines *x) {
    const int m = x->net.m, np = x->np;
    const size_t ld = x->ld;
    for (int i0 = 0; i0 < x->mp; i0 += LANES) {
        REAL *Gt = x->Gt + (size_t)i0 * (size_t)np, *dw = x->dw + (size_t)i0 * (size_t)np;
        vec rest = {0}; /* conductance to ground of what lies to the left */
        for (int j0 = 0; j0 < np; j0 += LANES) {
            vec t[LANES];
            for (int l = 0; l < LANES; l++) t[l] = C(x->G + (size_t)(i0 + l) * ld + j0);
            transpose(t);
            for (int l = 0; l < LANES; l++) {
                int j = j0 + l;
                vec e = t[l] + rest + x->end[j];
                vec inv = 1 / (e + x->along[j]);
                V(Gt + (size_t)j * LANES) = t[l];
                V(dw + (size_t)j * LANES) = inv;
                rest = x->along[j] * (e * inv);
            }
        }
    }
    for (int j = 0; j < np; j += LANES) {
        vec rest = C(x->top + j);
        for (int i = 0; i < m; i++) {
            vec e = C(x->G + (size_t)i * ld + j) + rest;
            if (i == m - 1) e += C(x->bottom + j);
            vec inv = 1 / (e + x->across[i]);
            V(x->db + (size_t)i * ld + j) = inv;
            rest = x->across[i] * (e * inv);
        }
    }
}

/* --- word lines ------------------------------------------------------------------------------------------------------------ */

/* Backward substitution of one row of tiles; the caller's BODY receives the transposed tile t of columns j0.. of T_w^-1 y (times
 * D when currents). */
#define BACKWARD(currents, BODY)                                                                     \
    {                                                                                                \
        vec next = {0};                                                                              \
        for (int j0 = np - LANES; j0 >= 0; j0 -= LANES) {                                            \
            vec t[LANES];                                                                            \
            for (int l = LANES - 1; l >= 0; l--) {                                                   \
                size_t j = (size_t)(j0 + l);                                                         \
                next = (V(x->line + j * LANES) + x->along[j] * next) * C(dw + j * LANES);            \
                t[l] = (currents) ? next * C(Gt + j * LANES) : next;                                 \
            }                                                                                        \
            transpose(t);                                                                            \
            BODY                                                                                     \
        }                                                                                            \
    }

MB_CLONES static void NAME(words)(lines *x, const REAL *volt, const REAL *src, const REAL *b, bool currents, REAL *out) {
    const int np = x->np;
    const size_t ld = x->ld;
    for (int i0 = 0; i0 < x->mp; i0 += LANES) {
        const REAL *Gt = x->Gt + (size_t)i0 * (size_t)np, *dw = x->dw + (size_t)i0 * (size_t)np;
        vec carry = {0};
        for (int j0 = 0; j0 < np; j0 += LANES) {
            vec t[LANES], s[LANES];
            if (b) {
                for (int l = 0; l < LANES; l++) t[l] = C(b + (size_t)(i0 + l) * ld + j0);
                transpose(t);
            }
            if (src) {
                for (int l = 0; l < LANES; l++) s[l] = C(src + (size_t)(i0 + l) * ld + j0);
                transpose(s);
            }
            for (int l = 0; l < LANES; l++) {
                int j = j0 + l;
                vec y = carry;
                if (b) y += t[l] * C(Gt + (size_t)j * LANES);
                if (src) y += s[l];
                if (volt && x->end[j] > 0 && j < x->net.n) y += x->end[j] * C(volt + i0);
                V(x->line + (size_t)j * LANES) = y;
                carry = x->along[j] * C(dw + (size_t)j * LANES) * y;
            }
        }
        BACKWARD(currents, { for (int l = 0; l < LANES; l++) V(out + (size_t)(i0 + l) * ld + j0) = t[l]; })
    }
}

/* p = z + beta p, q = r + beta q (start: p = z, q = r), Ap = q - D (T_w + D)^-1 D p; returns p . Ap */
MB_WIRE_INLINE double words_pass(lines *x, REAL beta, const bool start) {
    const int np = x->np;
    const size_t ld = x->ld;
    double total = 0;
    vec acc = {0};
    for (int i0 = 0; i0 < x->mp; i0 += LANES) {
        const REAL *Gt = x->Gt + (size_t)i0 * (size_t)np, *dw = x->dw + (size_t)i0 * (size_t)np;
        vec carry = {0};
        for (int j0 = 0; j0 < np; j0 += LANES) {
            vec t[LANES];
            for (int l = 0; l < LANES; l++) {
                size_t o = (size_t)(i0 + l) * ld + (size_t)j0;
                vec pv = C(x->z + o), qv = C(x->r + o);
                if (!start) {
                    pv += beta * C(x->p + o);
                    qv += beta * C(x->q + o);
                }
                V(x->p + o) = t[l] = pv;
                V(x->q + o) = qv;
            }
            transpose(t);
            for (int l = 0; l < LANES; l++) {
                size_t j = (size_t)(j0 + l);
                vec y = carry + C(Gt + j * LANES) * t[l];
                V(x->line + j * LANES) = y;
                carry = x->along[j] * C(dw + j * LANES) * y;
            }
        }
        BACKWARD(true, {
            for (int l = 0; l < LANES; l++) {
                size_t o = (size_t)(i0 + l) * ld + (size_t)j0;
                vec a = C(x->q + o) - t[l];
                V(x->Ap + o) = a;
                acc += a * C(x->p + o);
            }
        })
        if (i0 / LANES % 4 == 3 || i0 + LANES >= x->mp) {
            total += lanes_sum(&acc);
            acc = (vec){0};
        }
    }
    return total;
}
MB_CLONES static double NAME(words_first)(lines *x) { return words_pass(x, 0, true); }
MB_CLONES static double NAME(words_next)(lines *x, REAL beta) { return words_pass(x, beta, false); }

/* --- bit lines -------------------------------------------------------------------------------------------------------------- */

/* r -= alpha Ap (not at the start), z = P^-1 r; *sum = sum |r|; returns r . z */
MB_WIRE_INLINE double bits_pass(lines *x, REAL alpha, const bool start, double *sum) {
    const int m = x->net.m;
    const size_t ld = x->ld;
    const mask positive = ~((mask)(-(vec){0})); /* all bits but the sign */
    double total = 0, size = 0;
    for (int c0 = 0; c0 < x->np; c0 += COLUMNS * LANES) {
        const int nc = (x->np - c0) / LANES < COLUMNS ? (x->np - c0) / LANES : COLUMNS;
        vec carry[COLUMNS], abs[COLUMNS], acc[COLUMNS];
        for (int c = 0; c < COLUMNS; c++) carry[c] = abs[c] = acc[c] = (vec){0};
        for (int i = 0; i < m; i++) {
            REAL *r = x->r + (size_t)i * ld + c0, *z = x->z + (size_t)i * ld + c0;
            const REAL *Ap = x->Ap + (size_t)i * ld + c0, *db = x->db + (size_t)i * ld + c0;
            const REAL g = x->across[i];
            for (int c = 0; c < nc; c++) {
                vec rv = C(r + c * LANES);
                if (!start) {
                    rv -= alpha * C(Ap + c * LANES);
                    V(r + c * LANES) = rv;
                }
                abs[c] += (vec)((mask)rv & positive);
                vec y = rv + carry[c];
                V(z + c * LANES) = y;
                carry[c] = g * C(db + c * LANES) * y;
            }
        }
        for (int c = 0; c < COLUMNS; c++) carry[c] = (vec){0};
        for (int i = m - 1; i >= 0; i--) {
            REAL *z = x->z + (size_t)i * ld + c0;
            const REAL *r = x->r + (size_t)i * ld + c0, *db = x->db + (size_t)i * ld + c0;
            const REAL g = x->across[i];
            for (int c = 0; c < nc; c++) {
                vec y = (C(z + c * LANES) + g * carry[c]) * C(db + c * LANES);
                V(z + c * LANES) = carry[c] = y;
                acc[c] += y * C(r + c * LANES);
            }
        }
        for (int c = 0; c < nc; c++) {
            total += lanes_sum(&acc[c]);
            size += lanes_sum(&abs[c]);
        }
    }
    *sum = size;
    return total;
}
MB_CLONES static double NAME(bits_first)(lines *x, double *sum) { return bits_pass(x, 0, true, sum); }
MB_CLONES static double NAME(bits_next)(lines *x, REAL alpha, double *sum) { return bits_pass(x, alpha, false, sum); }

/* y += alpha p */
MB_CLONES static void NAME(add_scaled)(size_t n, REAL alpha, const REAL *p, REAL *y) {
    for (size_t i = 0; i < n; i += LANES) V(y + i) += alpha * C(p + i);
}

/* --- what other files call: clones stay inside, clang 14 does not link them across files --------------------------------- */

void NAME(mb_lines_cells)(lines *x, const double *G) { NAME(take_cells)(x, G); }
void NAME(mb_lines_factorise)(lines *x) { NAME(factorise)(x); }
void NAME(mb_lines_words)(lines *x, const REAL *volt, const REAL *src, const REAL *b, bool currents, REAL *out) {
    NAME(words)(x, volt, src, b, currents, out);
}

/* --- conjugate gradients ------------------------------------------------------------------------------------------------------
 */

bool NAME(mb_lines_run)(lines *x, double rel, double least, int max, bool whole, mb_lines_result *out) {
    const size_t row = x->ld * sizeof(REAL), last = (size_t)(x->net.m - 1) * x->ld;
    if (whole) memset(x->b, 0, (size_t)x->mp * row);
    memset(x->first, 0, row);
    memset(x->last, 0, row);
    double rz = NAME(bits_first)(x, &out->sum), beta = 0, stop = rel * out->sum > least ? rel * out->sum : least;
    out->start = out->sum;
    out->steps = 0;
    while (!(out->sum <= stop)) {
        double pAp = out->steps ? NAME(words_next)(x, (REAL)beta) : NAME(words_first)(x), alpha = rz / pAp;
        if (out->steps == max || !(pAp > 0) || !isfinite(alpha)) return false;
        if (whole) NAME(add_scaled)((size_t)x->mp * x->ld, (REAL)alpha, x->p, x->b);
        NAME(add_scaled)(x->ld, (REAL)alpha, x->p, x->first);
        NAME(add_scaled)(x->ld, (REAL)alpha, x->p + last, x->last);
        double next = NAME(bits_next)(x, (REAL)alpha, &out->sum);
        beta = next / rz;
        rz = next;
        out->steps++;
    }
    return true;
}
