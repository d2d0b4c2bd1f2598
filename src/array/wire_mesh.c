/* wire_mesh.c - the exact effective matrix of an array with wires, by hierarchical star-mesh elimination
 *
 * The array is cut into blocks of 8 x 8 cells (wire_leaf.c), which are joined two by two along a binary tree. A block is known by
 * the conductances between its terminals (left and right ends of its word lines, top and bottom ends of its bit lines), a
 * symmetric matrix C >= 0 without a diagonal. To join two blocks, the k lines that cross the cut become inner nodes and are
 * eliminated together: with M = diag(row sums) - C_kk,
 *     M = U^T U,   Y = U^-T C_kx,   C_xx += Y^T Y.
 * U comes from a Cholesky factorisation whose pivots are row sums (Grassmann, Taksar, Heyman 1985, doi:10.1287/opre.33.5.1107).
 * With |U| stored, all three steps only add, multiply, divide and take roots of non-negative numbers, so every element of the
 * result has a small relative error, for lines of any resistance down to 0 (O'Cinneide 1993, Numer. Math. 65, 109). The tree
 * takes about 38 n^3 floating-point operations for n x n cells (nested dissection: George 1973, doi:10.1137/0710032).
 *
 * Open ends of lines at the edges are eliminated at once, so blocks there are smaller. Rows are padded at the top and columns at
 * the right to multiples of 8 by ideal lines without cells.
 *
 * Conductances in units of the grid. The order of all sums is fixed by m and n. This is an entry point with threads as the
 * floors' law allows: one call shares the blocks of the lower levels and the slabs of columns of the upper ones among threads;
 * every element is computed by one thread in one order.
 */
#include "config.h"

#include <math.h>
#include <string.h>

#include "array/wire_private.h"
#include "base/error.h"
#include "base/mem.h"

#define MAX_FRONT 256   /* blocks shared among threads */
#define DEPTH_K 128     /* eliminated nodes per pass of the rank-k update: a slab of them stays in the first-level cache */

/* Terminals are numbered left, right, top, bottom. c: upper triangle, row stride ld; rows up to a multiple of MB_ROWS are
 * allocated. */
typedef struct block { int L, R, T, B, nt; size_t ld; double *c; } block;
typedef struct rect { int r0, r1, c0, c1; } rect;             /* in leaves */

typedef struct mesh {
    const mb_wire_net *net;
    const double *G;
    const mb_wire_isa *isa;
    int M, N;                       /* leaves */
    int threads;
    rect front_rect[MAX_FRONT];     /* blocks built ahead by several threads */
    block front[MAX_FRONT];
    int n_front;
} mesh;

/* Memory of one thread: a stack, and the batch of leaves it works on. */
typedef struct worker {
    double *stack;
    size_t used, cap;
    mb_lane8 *leaf;                 /* [MB_LEAF_TERMS * MB_LEAF_TERMS] */
    double *leaf_work;
    rect batch;                     /* lane = (bi - r0) * 4 + (bj - c0) */
} worker;

static int round_up(int x, int to) { return (x + to - 1) / to * to; }

/* --- sizes -------------------------------------------------------------------------------------------------------- */

/* Conductance from column j to the top or bottom sense amplifier; padding columns end at the bottom: they disturb nobody. */
static double top_end(const mb_wire_net *net, int j) { return j < net->n ? net->g_top[mb_wire_net_side(net, j)] : 0; }
static double bottom_end(const mb_wire_net *net, int j) { return j < net->n ? net->g_bot[mb_wire_net_side(net, j)] : net->gb; }

static int count_ends(const mb_wire_net *net, int c0, int c1, double (*end)(const mb_wire_net *, int)) {
    int count = 0;
    for (int j = c0 * MB_LEAF; j < c1 * MB_LEAF; j++) count += end(net, j) > 0;
    return count;
}

static block shape(const mesh *h, rect q) {
    block b = {.L = (q.r1 - q.r0) * MB_LEAF};
    b.R = q.c1 == h->N && !(h->net->g_right > 0) ? 0 : b.L;
    b.T = q.r0 == 0 ? count_ends(h->net, q.c0, q.c1, top_end) : (q.c1 - q.c0) * MB_LEAF;
    b.B = q.r1 == h->M ? count_ends(h->net, q.c0, q.c1, bottom_end) : (q.c1 - q.c0) * MB_LEAF;
    b.nt = b.L + b.R + b.T + b.B;
    b.ld = (size_t)round_up(b.nt, MB_SLAB);
    return b;
}

static size_t block_size(const block *b) { return (size_t)round_up(b->nt, MB_ROWS) * b->ld; }

static bool is_leaf(rect q) { return q.r1 - q.r0 == 1 && q.c1 - q.c0 == 1; }

/* The two halves; *side: left and right, else top and bottom. */
static void halves(rect q, rect *a, rect *b, bool *side) {
    int rows = q.r1 - q.r0, cols = q.c1 - q.c0;
    *a = *b = q;
    *side = cols > rows;
    if (*side) a->c1 = b->c0 = q.c0 + (cols + 1) / 2;
    else a->r1 = b->r0 = q.r0 + (rows + 1) / 2;
}

/* Scratch of join(): [C_kk | external sums] and C_kx in slabs, the triangles on the diagonal. */
static size_t join_size(int k, int nx) {
    size_t K = (size_t)k;
    return (size_t)round_up(k + 1, MB_SLAB) * K + (size_t)round_up(nx, MB_SLAB) * K + K * MB_ROWS;
}

/* Stack that build() needs below the block itself. */
static size_t stack_size(const mesh *h, rect q) {
    if (is_leaf(q)) return 0;
    rect qa, qb;
    bool side;
    halves(q, &qa, &qb, &side);
    block a = shape(h, qa), b = shape(h, qb), o = shape(h, q);
    size_t sa = block_size(&a), sb = block_size(&b), na = stack_size(h, qa), nb = stack_size(h, qb),
           nj = join_size(side ? a.R : a.B, o.nt);
    size_t need = sa + na;
    if (sa + sb + nb > need) need = sa + sb + nb;
    if (sa + sb + nj > need) need = sa + sb + nj;
    return need;
}

/* --- leaves -------------------------------------------------------------------------------------------------------- */

/* Batches of at most 2 x 4 leaves fill the eight lanes. */
static bool is_batch(rect q) { return q.r1 - q.r0 <= 2 && q.c1 - q.c0 <= 4; }

static void run_batch(const mesh *h, worker *w, rect q) {
    const mb_wire_net *net = h->net;
    const int pad = h->M * MB_LEAF - net->m; /* open rows at the top */
    _Alignas(64) mb_lane8 g[MB_LEAF][MB_LEAF], gw[MB_LEAF], gb[MB_LEAF][MB_LEAF];
    for (int lane = 0; lane < 8; lane++) {
        int bi = q.r0 + lane / 4, bj = q.c0 + lane % 4;
        if (bi >= q.r1) bi = q.r1 - 1; /* lanes without a leaf repeat one */
        if (bj >= q.c1) bj = q.c1 - 1;
        for (int j = 0; j < MB_LEAF; j++) {
            int col = bj * MB_LEAF + j;
            gw[j][lane] = col == 0 ? net->g_left : col < net->n ? net->gw : net->ideal;
            for (int i = 0; i < MB_LEAF; i++) {
                int row = bi * MB_LEAF + i - pad;
                bool cell = row >= 0 && col < net->n;
                g[i][j][lane] = cell ? mb_wire_net_cell(net, h->G[(size_t)row * (size_t)net->n + (size_t)col]) : 0;
                gb[i][j][lane] = row < 0 ? net->ideal : row == net->m - 1 ? bottom_end(net, col) : mb_wire_net_below(net, row);
            }
        }
    }
    mb_wire_leaf((const mb_lane8(*)[MB_LEAF])g, (const mb_lane8 *)gw, (const mb_lane8(*)[MB_LEAF])gb, w->leaf, w->leaf_work);
    w->batch = q;
}

/* Terminals at..at+7 of the full symmetric matrix C continue through end[i] to new terminals, which take their places. end 0:
 * open, the place is empty. */
static void extend(double C[MB_LEAF_TERMS][MB_LEAF_TERMS], int at, const double end[MB_LEAF]) {
    for (int p = at; p < at + MB_LEAF; p++) {
        double sum = end[p - at], row[MB_LEAF_TERMS];
        for (int j = 0; j < MB_LEAF_TERMS; j++) sum += row[j] = C[p][j]; /* the diagonal is 0 */
        for (int i = 0; i < MB_LEAF_TERMS; i++) {
            double f = row[i] / sum;
            for (int j = 0; j < MB_LEAF_TERMS; j++) C[i][j] += f * row[j];
        }
        for (int j = 0; j < MB_LEAF_TERMS; j++) C[p][j] = C[j][p] = end[p - at] * (row[j] / sum);
        for (int i = 0; i < MB_LEAF_TERMS; i++) C[i][i] = 0;
    }
}

static block take_leaf(const mesh *h, const worker *w, rect q, double *memory) {
    const int lane = (q.r0 - w->batch.r0) * 4 + q.c0 - w->batch.c0;
    double C[MB_LEAF_TERMS][MB_LEAF_TERMS], end[MB_LEAF];
    int keep[MB_LEAF_TERMS], n_keep = 0;
    bool used[MB_LEAF_TERMS];
    for (int i = 0; i < MB_LEAF_TERMS; i++) {
        used[i] = true;
        C[i][i] = 0;
        for (int j = i + 1; j < MB_LEAF_TERMS; j++) C[i][j] = C[j][i] = w->leaf[i * MB_LEAF_TERMS + j][lane];
    }
    if (q.c1 == h->N) {
        for (int i = 0; i < MB_LEAF; i++) used[MB_LEAF + i] = (end[i] = h->net->g_right) > 0;
        extend(C, MB_LEAF, end);
    }
    if (q.r0 == 0) {
        for (int j = 0; j < MB_LEAF; j++) used[2 * MB_LEAF + j] = (end[j] = top_end(h->net, q.c0 * MB_LEAF + j)) > 0;
        extend(C, 2 * MB_LEAF, end);
    }
    if (q.r1 == h->M)
        for (int j = 0; j < MB_LEAF; j++) used[3 * MB_LEAF + j] = bottom_end(h->net, q.c0 * MB_LEAF + j) > 0;
    for (int i = 0; i < MB_LEAF_TERMS; i++)
        if (used[i]) keep[n_keep++] = i;
    block b = shape(h, q);
    b.c = memory;
    for (int i = 0; i < n_keep; i++)
        for (int j = i + 1; j < n_keep; j++) b.c[(size_t)i * b.ld + (size_t)j] = C[keep[i]][keep[j]];
    return b;
}

/* --- joining two blocks --------------------------------------------------------------------------------------------- */

/* Terminals of the joint block come in runs from one child. */
typedef struct run { const block *from; int src, dst, len; } run;

static void list_runs(const block *a, const block *b, bool side, run r[6]) {
    const block *from[6] = {a, b, a, b, a, b};
    int len_side[6] = {a->L, b->R, a->T, b->T, a->B, b->B}, len_up[6] = {a->L, b->L, a->R, b->R, a->T, b->B};
    int src_side[6] = {0, b->L, a->L + a->R, b->L + b->R, a->L + a->R + a->T, b->L + b->R + b->T};
    int src_up[6] = {0, 0, a->L, b->L, a->L + a->R, b->L + b->R + b->T};
    for (int q = 0, dst = 0; q < 6; dst += r[q].len, q++)
        r[q] = (run){from[q], side ? src_side[q] : src_up[q], dst, side ? len_side[q] : len_up[q]};
}

static double *slab_at(double *x, int k, int row, int col) {
    return x + ((size_t)(col / MB_SLAB) * (size_t)k + (size_t)row) * MB_SLAB + col % MB_SLAB;
}

/* Columns dst..dst+len-1 of X are rows off..off+k-1 of the child, from column src on. Eight rows at a time: few pages at once. */
static void put_rows(double *X, int k, const block *p, int off, int src, int dst, int len) {
    for (int i0 = 0; i0 < k; i0 += MB_ROWS)
        for (int j = 0; j < len;) {
            const int room = MB_SLAB - (dst + j) % MB_SLAB, part = len - j < room ? len - j : room;
            const double *s = p->c + (size_t)(off + i0) * p->ld + (size_t)(src + j);
            double *d = slab_at(X, k, i0, dst + j);
            for (int i = 0; i < MB_ROWS; i++, s += p->ld, d += MB_SLAB) {
                if (part == MB_SLAB) memcpy(d, s, MB_SLAB * sizeof *d);
                else memcpy(d, s, (size_t)part * sizeof *d);
            }
            j += part;
        }
}

/* The same from the child's columns off..off+k-1, row src on: transposed, in pieces that stay in the cache. */
static void put_columns(double *X, int k, const block *p, int off, int src, int dst, int len) {
    enum { PIECE = 64 };
    for (int i0 = 0; i0 < k; i0 += PIECE)
        for (int j = 0; j < len; j++) {
            const double *s = p->c + (size_t)(src + j) * p->ld + (size_t)off;
            double *d = slab_at(X, k, 0, dst + j);
            for (int i = i0; i < k && i < i0 + PIECE; i++) d[(size_t)i * MB_SLAB] = s[i];
        }
}

/* X = C_kx and F = [C_kk | row sums of X]; off_a, off_b: where the common terminals stand in the children. */
static void gather(const block *a, const block *b, int off_a, int off_b, const run r[6], int k, int nx, double *F, double *X) {
    memset(F, 0, (size_t)round_up(k + 1, MB_SLAB) * (size_t)k * sizeof *F);
    if (nx % MB_SLAB) memset(slab_at(X, k, 0, nx - nx % MB_SLAB), 0, (size_t)k * MB_SLAB * sizeof *X);
    for (int q = 0; q < 6; q++) {
        int off = r[q].from == a ? off_a : off_b;
        if (r[q].src > off) put_rows(X, k, r[q].from, off, r[q].src, r[q].dst, r[q].len);
        else put_columns(X, k, r[q].from, off, r[q].src, r[q].dst, r[q].len);
    }
    for (int i = 0; i < k; i++) {
        const double *ra = a->c + (size_t)(off_a + i) * a->ld + off_a, *rb = b->c + (size_t)(off_b + i) * b->ld + off_b;
        for (int j = i + 1; j < k; j++) *slab_at(F, k, i, j) = ra[j] + rb[j];
    }
    for (int i0 = 0; i0 < k; i0 += MB_ROWS) {
        double part[MB_ROWS * MB_SLAB] = {0};
        for (int s = 0; s < nx; s += MB_SLAB) {
            const double *x = slab_at(X, k, i0, s);
            for (int j = 0; j < MB_ROWS * MB_SLAB; j++) part[j] += x[j];
        }
        for (int i = 0; i < MB_ROWS; i++) {
            double sum = 0;
            for (int j = 0; j < MB_SLAB; j++) sum += part[i * MB_SLAB + j];
            *slab_at(F, k, i0 + i, k) = sum;
        }
    }
}

/* The pivot block of rows p0..p0+7, updated already: U and its external sums in place (f: 8 x k+1 in slabs), t[s][r] = |U(s, r)|
 * and 1 / U(r, r) on the diagonal. */
static void pivot_block(double *F, int k, int p0, double t[MB_ROWS][MB_ROWS]) {
    double C[MB_ROWS][MB_ROWS], e[MB_ROWS];
    for (int i = 0; i < MB_ROWS; i++) e[i] = *slab_at(F, k, p0 + i, k);
    for (int j = p0 + MB_ROWS; j < k; j++)
        for (int i = 0; i < MB_ROWS; i++) e[i] += *slab_at(F, k, p0 + i, j);
    for (int i = 0; i < MB_ROWS; i++)
        for (int j = 0; j < MB_ROWS; j++) {
            C[i][j] = *slab_at(F, k, p0 + i, p0 + j);
            t[i][j] = 0;
        }
    for (int r = 0; r < MB_ROWS; r++) {
        double pivot = e[r];
        for (int j = r + 1; j < MB_ROWS; j++) pivot += C[r][j];
        double inv = 1 / sqrt(pivot);
        t[r][r] = inv;
        for (int j = r + 1; j < MB_ROWS; j++) t[r][j] = C[r][j] *= inv;
        for (int i = r + 1; i < MB_ROWS; i++) {
            for (int j = i + 1; j < MB_ROWS; j++) C[i][j] += C[r][i] * C[r][j];
            e[i] += C[r][i] * (e[r] * inv);
        }
    }
}

/* F = [C_kk | e] -> [|U| | U^-T e]; the triangles on the diagonal go to t. */
static void factorise(const mb_wire_isa *isa, double *F, int k, double (*t)[MB_ROWS][MB_ROWS]) {
    for (int p = 0; p < k; p += MB_ROWS) {
        const double *a = slab_at(F, k, 0, p);
        for (int s = p / MB_SLAB * MB_SLAB; s <= k; s += MB_SLAB)
            isa->tile((size_t)p, a, slab_at(F, k, 0, s), slab_at(F, k, p, s), MB_SLAB);
        double(*tp)[MB_ROWS] = t[p / MB_ROWS];
        pivot_block(F, k, p, tp);
        for (int s = p / MB_SLAB * MB_SLAB; s <= k; s += MB_SLAB)
            isa->solve(0, a, slab_at(F, k, 0, s), slab_at(F, k, p, s), (const double(*)[MB_ROWS])tp);
        for (int i = 0; i < MB_ROWS; i++)
            for (int j = i + 1; j < MB_ROWS; j++) *slab_at(F, k, p + i, p + j) = tp[i][j];
    }
}

/* Rows of run q: conductances that exist already between terminals of one child, zeros elsewhere; from column first_col on. */
static void copy_rows(const block *o, const run r[6], int q, int first_col) {
    for (int i = 0; i < r[q].len; i++) {
        int row = r[q].dst + i, from = row / MB_SLAB * MB_SLAB;
        if (from < first_col) from = first_col;
        double *d = o->c + (size_t)row * o->ld;
        const double *s = r[q].from->c + (size_t)(r[q].src + i) * r[q].from->ld;
        for (int col = from; col <= row; col++) d[col] = 0; /* below the diagonal: never read, but kept finite */
        for (int t = q; t < 6; t++) {
            int skip = t == q ? i + 1 : 0;
            if (r[t].dst + skip < first_col) skip = first_col - r[t].dst;
            if (skip >= r[t].len) continue;
            size_t size = (size_t)(r[t].len - skip) * sizeof *d;
            if (r[t].from == r[q].from) memcpy(d + r[t].dst + skip, s + r[t].src + skip, size);
            else memset(d + r[t].dst + skip, 0, size);
        }
        for (size_t col = (size_t)o->nt; col < o->ld; col++) d[col] = 0;
    }
}

/* Join a (left or top) and b (right or bottom) into memory. last: only word-line x bit-line terminals are wanted. */
static block join(const mesh *h, const block *a, const block *b, bool side, rect q, bool last, double *memory, double *scratch,
                  int threads) {
    const mb_wire_isa *isa = h->isa;
    block o = shape(h, q);
    o.c = memory;
    const int k = side ? a->R : a->B, nx = o.nt, off_a = side ? a->L : a->L + a->R + a->T, off_b = side ? 0 : b->L + b->R;
    const int end_row = last ? o.L + o.R : nx, first_col = last ? (o.L + o.R) / MB_SLAB * MB_SLAB : 0;
    run r[6];
    list_runs(a, b, side, r);
    double *F = scratch, *X = F + (size_t)round_up(k + 1, MB_SLAB) * (size_t)k;
    double(*t)[MB_ROWS][MB_ROWS] = (double(*)[MB_ROWS][MB_ROWS])(void *)(X + (size_t)round_up(nx, MB_SLAB) * (size_t)k);
    gather(a, b, off_a, off_b, r, k, nx, F, X);
    for (int s = 0; s < 6; s++)
        if (r[s].dst < end_row) copy_rows(&o, r, s, first_col);
    for (int i = nx; i < round_up(nx, MB_ROWS); i++) memset(o.c + (size_t)i * o.ld, 0, o.ld * sizeof *o.c);
    factorise(isa, F, k, t);
#pragma omp parallel for schedule(dynamic) num_threads(threads) if (threads > 1)
    for (int s = 0; s < nx; s += MB_SLAB)
        for (int p = 0; p < k; p += MB_ROWS)
            isa->solve((size_t)p, slab_at(F, k, 0, p), slab_at(X, k, 0, s), slab_at(X, k, p, s),
                       (const double(*)[MB_ROWS])t[p / MB_ROWS]);
#pragma omp parallel for schedule(dynamic) num_threads(threads) if (threads > 1)
    for (int s = first_col; s < nx; s += MB_SLAB)
        for (int k0 = 0; k0 < k; k0 += DEPTH_K) {
            size_t depth = (size_t)(k - k0 < DEPTH_K ? k - k0 : DEPTH_K);
            int rows = s + MB_SLAB < end_row ? s + MB_SLAB : end_row;
            for (int i = 0; i < rows; i += MB_ROWS)
                isa->tile(depth, slab_at(X, k, k0, i), slab_at(X, k, k0, s), o.c + (size_t)i * o.ld + s, o.ld);
        }
    return o;
}

/* --- the tree -------------------------------------------------------------------------------------------------------- */

static double *push(worker *w, size_t n) {
    double *p = w->stack + w->used;
    w->used += n;
    return p;
}

/* The block of q: into `memory`, unless it was built ahead. */
static block build(const mesh *h, worker *w, rect q, double *memory, int threads) {
    for (int f = 0; f < h->n_front; f++)
        if (!memcmp(&h->front_rect[f], &q, sizeof q) && h->front[f].c) return h->front[f];
    if (is_batch(q) && (q.r0 < w->batch.r0 || q.r1 > w->batch.r1 || q.c0 < w->batch.c0 || q.c1 > w->batch.c1)) run_batch(h, w, q);
    if (is_leaf(q)) return take_leaf(h, w, q, memory);
    rect qa, qb;
    bool side, last = q.r0 == 0 && q.r1 == h->M && q.c0 == 0 && q.c1 == h->N;
    halves(q, &qa, &qb, &side);
    block a = shape(h, qa), b = shape(h, qb);
    size_t mark = w->used;
    a = build(h, w, qa, push(w, block_size(&a)), threads);
    b = build(h, w, qb, push(w, block_size(&b)), threads);
    block o = join(h, &a, &b, side, q, last, memory, push(w, join_size(side ? a.R : a.B, shape(h, q).nt)), threads);
    w->used = mark;
    return o;
}

static void worker_free(worker *w) {
    mb_free(w->stack);
    mb_free(w->leaf);
    mb_free(w->leaf_work);
}

static int worker_new(worker *w, size_t cap) {
    *w = (worker){.cap = cap, .batch = {-1, -1, -1, -1}};
    w->stack = mb_malloc(cap, sizeof *w->stack);
    w->leaf = mb_malloc(MB_LEAF_TERMS * MB_LEAF_TERMS, sizeof *w->leaf);
    w->leaf_work = mb_malloc(MB_LEAF_WORK, sizeof *w->leaf_work);
    if (w->stack && w->leaf && w->leaf_work) return MB_OK;
    worker_free(w);
    return mb_nomem();
}

/* Cut the tree `depth` levels below q. */
static void list_front(mesh *h, rect q, int depth) {
    if (depth == 0 || is_batch(q)) {
        h->front_rect[h->n_front++] = q;
        return;
    }
    rect a, b;
    bool side;
    halves(q, &a, &b, &side);
    list_front(h, a, depth - 1);
    list_front(h, b, depth - 1);
}

/* Build the lower blocks in parallel; *memory holds them. */
static int build_front(mesh *h, double **memory) {
    int depth = 2, rc = MB_OK;
    while ((1 << depth) < 8 * h->threads && (1 << (depth + 1)) <= MAX_FRONT) depth++;
    list_front(h, (rect){0, h->M, 0, h->N}, depth);
    size_t total = 0, deepest = 0, at[MAX_FRONT];
    for (int f = 0; f < h->n_front; f++) {
        block b = shape(h, h->front_rect[f]);
        size_t need = stack_size(h, h->front_rect[f]);
        at[f] = total;
        total += block_size(&b);
        if (need > deepest) deepest = need;
    }
    *memory = mb_malloc(total, sizeof **memory);
    if (!*memory) return mb_nomem();
    bool failed = false;
#pragma omp parallel num_threads(h->threads)
    {
        worker w;
        bool ok = worker_new(&w, deepest) == MB_OK;
#pragma omp for schedule(dynamic)
        for (int f = 0; f < h->n_front; f++) {
            if (ok) h->front[f] = build(h, &w, h->front_rect[f], *memory + at[f], 1);
        }
        if (ok) worker_free(&w);
        else {
            mb_error_clear();
#pragma omp atomic write
            failed = true;
        }
    }
    if (failed) rc = mb_nomem();
    return rc;
}

/* G_eff of the finished block: driver to sense amplifier, both ends of a line counted. */
static void read_out(const mesh *h, const block *b, double *G_eff) {
    const mb_wire_net *net = h->net;
    const int pad = h->M * MB_LEAF - net->m;
    for (int i = 0; i < net->m; i++) {
        const double *left = b->c + (size_t)(i + pad) * b->ld, *right = b->R ? b->c + (size_t)(b->L + i + pad) * b->ld : NULL;
        int top = b->L + b->R, bottom = top + b->T;
        for (int j = 0; j < net->n; j++) {
            double sum = 0;
            if (top_end(net, j) > 0) {
                sum += left[top] + (right ? right[top] : 0);
                top++;
            }
            if (bottom_end(net, j) > 0) {
                sum += left[bottom] + (right ? right[bottom] : 0);
                bottom++;
            }
            G_eff[(size_t)i * (size_t)net->n + (size_t)j] = sum * net->unit;
        }
    }
}

int mb_wire_effective_isa(const mb_wire *w, const double *G, double *G_eff, int threads, const mb_wire_isa *isa) {
    int rc = mb_wire_check_linear(w, "the effective matrix");
    double g_max;
    if (rc == MB_OK) rc = mb_wire_scan_cells(w, G, &g_max);
    if (rc != MB_OK) return rc;
    if (threads < 1) return mb_fail(MB_BUG, "wires: %d threads", threads);
    bool ideal = w->r_wl + w->r_bl + w->r_src + w->r_snk <= 0;
    if (ideal || g_max <= 0) {
        for (size_t i = 0, cells = (size_t)w->m * (size_t)w->n; i < cells; i++)
            G_eff[i] = w->r_on > 0 ? G[i] / (1 + G[i] * w->r_on) : G[i];
        return MB_OK;
    }
    mb_wire_net net;
    mb_wire_net_init(w, g_max, MB_WIRE_IDEAL_F64, &net);
    mesh *h = mb_calloc(1, sizeof *h);
    double *front = NULL;
    worker wk = {0};
    if (!h) return mb_nomem();
    *h = (mesh){.net = &net, .G = G, .isa = isa, .threads = threads};
    h->M = round_up(w->m, MB_LEAF) / MB_LEAF;
    h->N = round_up(w->n, MB_LEAF) / MB_LEAF;
    rect all = {0, h->M, 0, h->N};
    block root = shape(h, all);
    if (threads > 1 && h->M * h->N >= 64) rc = build_front(h, &front);
    if (rc == MB_OK) rc = worker_new(&wk, block_size(&root) + stack_size(h, all));
    if (rc != MB_OK) goto out;
    root = build(h, &wk, all, push(&wk, block_size(&root)), threads);
    read_out(h, &root, G_eff);
    worker_free(&wk);
out:
    mb_free(front);
    mb_free(h);
    return rc;
}

int mb_wire_effective(const mb_wire *w, const double *G, double *G_eff, int threads) {
    return mb_wire_effective_isa(w, G, G_eff, threads, mb_wire_isa_best());
}
