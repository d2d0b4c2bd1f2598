/* wire_leaf.c - the bottom of the star-mesh elimination: eight blocks of 8 x 8 cells at once, one per vector lane
 *
 * A block is the complete graph of non-negative conductances C(a, b) between its terminals. Two neighbours are joined by adding
 * the conductances of common terminals and eliminating those, node by node (star-mesh transformation, Rosen 1924):
 *     C(a, b) += C(p, a) C(p, b) / sum_{c != p} C(p, c)         for all a, b != p.
 * No subtraction occurs, hence each C keeps a small relative error, see wire_mesh.c.
 * One cell is a block of four terminals, left -gw- right -g- top -gb- bottom: right is its word-line node, top its bit-line node.
 * 1x1 -> 1x2 -> 2x2 -> 2x4 -> 4x4 -> 4x8 -> 8x8.
 *
 * Conductances in units of the grid. Called by wire_mesh.c.
 */
#include "config.h"

#include "array/wire_private.h"

typedef double vec __attribute__((vector_size(64)));

/* Eliminate the first K of NT terminals. F: upper triangle, row stride NT. */
MB_WIRE_INLINE void eliminate(vec *restrict F, int nt, int k) {
    vec inv[MB_LEAF];
    for (int p = 0; p < k; p++) { /* the rows of the eliminated themselves */
        vec sum = F[p * nt + p + 1];
        for (int j = p + 2; j < nt; j++) sum += F[p * nt + j];
        inv[p] = 1 / sum;
        for (int i = p + 1; i < k; i++) {
            vec f = F[p * nt + i] * inv[p];
            for (int j = i + 1; j < nt; j++) F[i * nt + j] += f * F[p * nt + j];
        }
    }
    const int whole = k + (nt - k) / 4 * 4;
    for (int i = k; i < whole; i += 4) { /* the others, four rows at a time (elements below the diagonal of the four rows are not
                                            used) */
        vec f[4][MB_LEAF];
        for (int p = 0; p < k; p++)
            for (int a = 0; a < 4; a++) f[a][p] = F[p * nt + i + a] * inv[p];
        for (int j = i + 1; j < nt; j++) {
            vec c0 = F[i * nt + j], c1 = F[(i + 1) * nt + j], c2 = F[(i + 2) * nt + j], c3 = F[(i + 3) * nt + j];
            for (int p = 0; p < k; p++) {
                vec x = F[p * nt + j];
                c0 += f[0][p] * x;
                c1 += f[1][p] * x;
                c2 += f[2][p] * x;
                c3 += f[3][p] * x;
            }
            F[i * nt + j] = c0;
            F[(i + 1) * nt + j] = c1;
            F[(i + 2) * nt + j] = c2;
            F[(i + 3) * nt + j] = c3;
        }
    }
    for (int i = whole; i < nt; i++)
        for (int p = 0; p < k; p++) {
            vec f = F[p * nt + i] * inv[p];
            for (int j = i + 1; j < nt; j++) F[i * nt + j] += f * F[p * nt + j];
        }
}

/* Add block A of NA terminals into F; terminal t of A is node map[t]. */
MB_WIRE_INLINE void scatter(vec *restrict F, int nt, const vec *restrict A, int na, const int *map) {
    for (int i = 0; i < na; i++)
        for (int j = i + 1; j < na; j++) {
            int a = map[i], b = map[j];
            if (a < b) F[a * nt + b] += A[i * na + j];
            else F[b * nt + a] += A[i * na + j];
        }
}

/* Join two equal blocks of h x w cells, A left of B (side) or A above B. F: scratch. */
MB_WIRE_INLINE void join(const vec *A, const vec *B, int h, int w, bool side, vec *restrict out, vec *restrict F) {
    int na = 2 * (h + w), k = side ? h : w, ho = side ? h : 2 * h, wo = side ? 2 * w : w, no = 2 * (ho + wo), nt = no + k;
    int L = k, R = L + ho, T = R + ho, B0 = T + wo; /* where the terminals of the joint block begin */
    int ma[MB_LEAF_TERMS], mb[MB_LEAF_TERMS];
    for (int i = 0; i < h; i++) {
        ma[i] = L + i;
        ma[h + i] = side ? i : R + i;
        mb[i] = side ? i : L + h + i;
        mb[h + i] = side ? R + i : R + h + i;
    }
    for (int j = 0; j < w; j++) {
        ma[2 * h + j] = T + j;
        ma[2 * h + w + j] = side ? B0 + j : j;
        mb[2 * h + j] = side ? T + w + j : j;
        mb[2 * h + w + j] = side ? B0 + w + j : B0 + j;
    }
    for (int i = 0; i < nt * nt; i++) F[i] = (vec){0};
    scatter(F, nt, A, na, ma);
    scatter(F, nt, B, na, mb);
    eliminate(F, nt, k);
    for (int i = 0; i < no; i++)
        for (int j = i + 1; j < no; j++) out[i * no + j] = F[(i + k) * nt + j + k];
}

MB_CLONES static void leaf_blocks(const mb_lane8 g[MB_LEAF][MB_LEAF], const mb_lane8 gw[MB_LEAF],
                                       const mb_lane8 gb[MB_LEAF][MB_LEAF], mb_lane8 *c, double *work) {
    vec *F = (vec *)(void *)work, *c11 = F + 1600, *c12 = c11 + 1024, *c22 = c12 + 1152, *c24 = c22 + 1024, *c44 = c24 + 1152,
        *c48 = c44 + 1024;
    for (int i = 0; i < MB_LEAF; i++)
        for (int j = 0; j < MB_LEAF; j++) {
            vec *q = c11 + 16 * (i * MB_LEAF + j);
            for (int a = 0; a < 16; a++) q[a] = (vec){0};
            q[0 * 4 + 1] = *(const vec *)(const void *)gw[j];
            q[1 * 4 + 2] = *(const vec *)(const void *)g[i][j];
            q[2 * 4 + 3] = *(const vec *)(const void *)gb[i][j];
        }
    for (int i = 0; i < 8; i++)
        for (int j = 0; j < 4; j++)
            join(c11 + 16 * (i * 8 + 2 * j), c11 + 16 * (i * 8 + 2 * j + 1), 1, 1, true, c12 + 36 * (i * 4 + j), F);
    for (int i = 0; i < 4; i++)
        for (int j = 0; j < 4; j++)
            join(c12 + 36 * (2 * i * 4 + j), c12 + 36 * ((2 * i + 1) * 4 + j), 1, 2, false, c22 + 64 * (i * 4 + j), F);
    for (int i = 0; i < 4; i++)
        for (int j = 0; j < 2; j++)
            join(c22 + 64 * (i * 4 + 2 * j), c22 + 64 * (i * 4 + 2 * j + 1), 2, 2, true, c24 + 144 * (i * 2 + j), F);
    for (int i = 0; i < 2; i++)
        for (int j = 0; j < 2; j++)
            join(c24 + 144 * (2 * i * 2 + j), c24 + 144 * ((2 * i + 1) * 2 + j), 2, 4, false, c44 + 256 * (i * 2 + j), F);
    for (int i = 0; i < 2; i++) join(c44 + 256 * (i * 2), c44 + 256 * (i * 2 + 1), 4, 4, true, c48 + 576 * i, F);
    join(c48, c48 + 576, 4, 8, false, (vec *)(void *)c, F);
}

void mb_wire_leaf(const mb_lane8 g[MB_LEAF][MB_LEAF], const mb_lane8 gw[MB_LEAF], const mb_lane8 gb[MB_LEAF][MB_LEAF],
                  mb_lane8 *c, double *work) {
    leaf_blocks(g, gw, gb, c, work);
}
