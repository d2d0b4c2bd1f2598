/* wire_estimate.c - a closed form for the effective matrix, and the control variate for read noise
 *
 *     M(i, j) = alpha(i, j) G(i, j) beta(i, j)
 * beta: word line i alone, its cells to 0 V, driven by 1 V;  alpha: bit line j alone, its cells to 0 V, by reciprocity the
 * voltages for 1 V at the amplifiers. Both are one tridiagonal solution per line: the first step of the line solver. As a model
 * of its own M is off by x^2 / 20 or so (x = mean(G) r n^2), but its derivative with respect to G is close to that of G_eff, so
 * G_eff(G') ~ G_eff(G) + M(G') - M(G) (a control variate: Hammersley and Handscomb 1964, chapter 5).
 * The same alpha and beta are the sensitivities from which array/xbar_wires.c forms the variance of the read noise.
 *
 * Called by whoever draws read noise per cell on arrays with wires, and by xbar_wires.c.
 */
#include "config.h"

#include <float.h>
#include <math.h>
#include <stdint.h>
#include <string.h>

#include "array/wire_lines.h"
#include "base/error.h"

#define LANES MB_LINES_F32

typedef float vec __attribute__((vector_size(64)));
typedef int32_t bits __attribute__((vector_size(64)));
typedef uint32_t ubits __attribute__((vector_size(64)));

/* True when all are finite and not negative (false also for -0); *max: the largest. See scan64() in wire_net.c. */
MB_CLONES static bool scan32(size_t n, const float *G, float *max) {
    const uint32_t one = UINT32_C(1) << 23;
    ubits top = {0}, bad = {0};
    for (size_t i = 0; i < n; i += LANES) {
        ubits g = {0};
        if (n - i >= LANES) memcpy(&g, G + i, sizeof g);
        else memcpy(&g, G + i, (n - i) * sizeof *G);
        bad |= g | (g + one);
        ubits less = top - g;
        top -= less & (ubits)((bits)less >> 31);
    }
    uint32_t largest = 0, any = 0;
    for (int l = 0; l < LANES; l++) {
        any |= bad[l];
        if (top[l] > largest) largest = top[l];
    }
    memcpy(max, &largest, sizeof *max);
    return any >> 31 == 0;
}

/* Cells in units, with their access devices. */
MB_CLONES static void load_cells(mb_lines32 *x, const float *G) {
    const float scale = (float)(1 / x->net.unit), r_on = (float)x->net.r_on;
    const size_t n = (size_t)x->net.n;
    for (int i = 0; i < x->net.m; i++)
        for (size_t j = 0; j < n; j += LANES) {
            vec g = {0};
            const float *from = G + (size_t)i * n + j;
            if (n - j >= LANES) memcpy(&g, from, sizeof g);
            else memcpy(&g, from, (n - j) * sizeof g[0]);
            g *= scale;
            if (r_on > 0) g = g / (1 + g * r_on);
            *(vec *)(void *)(x->G + (size_t)i * x->ld + j) = g;
        }
}

/* M = base + alpha * (G beta); G beta stands in x->r, alpha goes to x->z. */
MB_CLONES static void multiply_ends(mb_lines32 *x, const float *base, float *M) {
    const int m = x->net.m;
    const size_t n = (size_t)x->net.n;
    const float unit = (float)x->net.unit;
    for (size_t j = 0; j < n; j += LANES) {
        const size_t part = n - j < LANES ? n - j : LANES;
        vec carry = *(const vec *)(const void *)(x->top + j);
        for (int i = 0; i < m; i++) {
            const size_t at = (size_t)i * x->ld + j;
            vec y = carry;
            if (i == m - 1) y += *(const vec *)(const void *)(x->bottom + j);
            *(vec *)(void *)(x->z + at) = y;
            carry = x->across[i] * *(const vec *)(const void *)(x->db + at) * y;
        }
        carry = (vec){0};
        for (int i = m - 1; i >= 0; i--) {
            const size_t at = (size_t)i * x->ld + j, to = (size_t)i * n + j;
            carry = (*(const vec *)(const void *)(x->z + at) + x->across[i] * carry) * *(const vec *)(const void *)(x->db + at);
            vec b = {0}, out = carry * *(const vec *)(const void *)(x->r + at) * unit;
            if (part == LANES) {
                if (base) memcpy(&b, base + to, sizeof b);
                out += b;
                memcpy(M + to, &out, sizeof out);
            } else {
                if (base) memcpy(&b, base + to, part * sizeof *base);
                out += b;
                memcpy(M + to, &out, part * sizeof *M);
            }
        }
    }
}

/* Check G and factorise its lines; *g_max 0: no cells, nothing done. */
static int take_cells(mb_wire_cg *cg, const float *G, float *largest) {
    const size_t cells = (size_t)cg->w.m * (size_t)cg->w.n;
    float g_max;
    *largest = 0;
    if (cg->precision != MB_WIRE_F32) return mb_fail(MB_BUG, "wires: the estimate needs a workspace of single precision");
    cg->set = false;
    const mb_wire *w = &cg->w;
    if (!scan32(cells, G, &g_max)) {
        g_max = 0;
        for (size_t i = 0; i < cells; i++) {
            if (!(G[i] >= 0 && G[i] <= FLT_MAX))
                return mb_fail(
                    MB_BADINPUT,
                    "wires: the conductance of cell (%d, %d) is %g S; it must be finite and not negative: clip noise at 0",
                    (int)(i / (size_t)w->n), (int)(i % (size_t)w->n), (double)G[i]);
            if (G[i] > g_max) g_max = G[i];
        }
    }
    int rc = mb_wire_check_ratio(w, (double)g_max);
    *largest = g_max;
    if (rc != MB_OK || !(g_max > 0)) return rc;
    mb_wire_net net;
    mb_wire_net_init(w, (double)g_max, MB_WIRE_IDEAL_F32, &net);
    mb_lines_net32(cg->f32, &net);
    load_cells(cg->f32, G);
    mb_lines_factorise32(cg->f32);
    for (int i = 0; i < cg->f32->mp; i++) cg->v32[i] = 1;
    return MB_OK;
}

int mb_wire_estimate(mb_wire_cg *cg, const float *G, const float *base, float *M) {
    const size_t cells = (size_t)cg->w.m * (size_t)cg->w.n;
    float g_max;
    int rc = take_cells(cg, G, &g_max);
    if (rc != MB_OK) return rc;
    if (!(g_max > 0)) {
        for (size_t i = 0; i < cells; i++) M[i] = base ? base[i] : 0;
        return MB_OK;
    }
    mb_lines_words32(cg->f32, cg->v32, NULL, NULL, true, cg->f32->r);
    multiply_ends(cg->f32, base, M);
    return MB_OK;
}

int mb_wire_ends(mb_wire_cg *cg, const float *G, float *alpha, float *beta) {
    const size_t m = (size_t)cg->w.m, n = (size_t)cg->w.n;
    float g_max;
    int rc = take_cells(cg, G, &g_max);
    if (rc != MB_OK) return rc;
    if (!(g_max > 0)) {
        for (size_t i = 0; i < m * n; i++) alpha[i] = beta[i] = 1;
        return MB_OK;
    }
    mb_lines32 *x = cg->f32;
    mb_lines_words32(x, cg->v32, NULL, NULL, false, x->r);
    for (size_t i = 0; i < m; i++) memcpy(beta + i * n, x->r + i * x->ld, n * sizeof *beta);
    for (size_t i = 0; i < m; i++)
        for (size_t j = 0; j < x->ld; j++) x->r[i * x->ld + j] = (float)(1 / x->net.unit); /* multiply_ends: times unit */
    multiply_ends(x, NULL, alpha);
    return MB_OK;
}
