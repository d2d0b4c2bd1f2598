/* wire_oracle.h - arrays with wires by the obvious method: all nodes, a dense matrix, LU
 *
 * Resistors are listed from the drawing in array/wire.h; those of 0 ohm unite their nodes. Non-linear cells by Newton's method
 * without tricks.
 */
#ifndef WIRE_ORACLE_H
#define WIRE_ORACLE_H

#include <gsl/gsl_linalg.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "array/wire.h"

typedef struct part { int a, b; double r; } part;
typedef struct circuit {
    int n_nodes, n_parts;
    part *parts;
    int *root;               /* of united nodes */
    double *fixed;           /* voltage of a node that is held, by root; NAN: free */
    int *cell_a, *cell_b;    /* nodes of cell (i, j) */
} circuit;

static int root_of(const circuit *c, int a) {
    while (c->root[a] != a) a = c->root[a];
    return a;
}

static void wire_part(circuit *c, int a, int b, double r) {
    if (r > 0) c->parts[c->n_parts++] = (part){a, b, r};
    else {
        int ra = root_of(c, a), rb = root_of(c, b);
        if (ra == rb) return;
        if (isnan(c->fixed[ra])) c->root[ra] = rb;
        else c->root[rb] = ra;
    }
}

static int hold(circuit *c, double v) {
    c->fixed[c->n_nodes] = v;
    return c->n_nodes++;
}

/* Nodes 0..mn-1: word or source line; mn..2mn-1: bit line; 2mn..3mn-1: between cell and access device; then the held ones. */
static void draw(const mb_wire *w, const double *V, circuit *c) {
    const int m = w->m, n = w->n, mn = m * n, cap = 3 * mn + 4 * (m + n) + 8;
    c->n_nodes = 3 * mn;
    c->n_parts = 0;
    c->parts = calloc((size_t)(8 * cap), sizeof *c->parts);
    c->root = calloc((size_t)cap, sizeof *c->root);
    c->fixed = calloc((size_t)cap, sizeof *c->fixed);
    c->cell_a = calloc((size_t)mn, sizeof *c->cell_a);
    c->cell_b = calloc((size_t)mn, sizeof *c->cell_b);
    for (int i = 0; i < cap; i++) {
        c->root[i] = i;
        c->fixed[i] = (double)NAN;
    }
    const int per = w->pairs ? 2 : 1;
    for (int i = 0; i < m; i++)
        for (int j = 0; j < n; j++) {
            int at = i * n + j;
            if (w->feed == MB_FEED_WORD && j + 1 < n) wire_part(c, at, at + 1, w->r_wl);
            if (w->feed == MB_FEED_SOURCE && i + per < m) wire_part(c, at, at + per * n, w->r_wl);
            if (i + 1 < m) wire_part(c, mn + at, mn + at + n, w->pairs && i % 2 == 0 ? 0 : w->r_bl);
            c->cell_a[at] = at;
            c->cell_b[at] = mn + at;
            if (w->r_on > 0) {
                wire_part(c, 2 * mn + at, mn + at, w->r_on);
                c->cell_b[at] = 2 * mn + at;
            }
        }
    if (w->feed == MB_FEED_WORD)
        for (int i = 0; i < m; i++) {
            int v = hold(c, V[i]);
            wire_part(c, v, i * n, w->r_src + w->r_wl);
            if (w->drive == MB_DRIVE_BOTH) wire_part(c, v, i * n + n - 1, w->r_src + w->r_wl);
        }
    else
        for (int k = 0; k < per; k++) {
            int v = hold(c, w->series ? 0 : k ? -w->v_sl : w->v_sl);
            for (int j = 0; j < n; j++) wire_part(c, v, k * n + j, w->r_src + w->r_wl);
        }
    for (int j = 0; j < n; j++) { /* each column has its own 0 V: currents are told apart */
        int zero = hold(c, 0), odd = j / (w->sense_span > 0 ? w->sense_span : 1) % 2;
        if (w->sense != MB_SENSE_ALTERNATE || !odd) wire_part(c, zero, mn + (m - 1) * n + j, w->r_snk + w->r_bl);
        if (w->sense == MB_SENSE_BOTH || (w->sense == MB_SENSE_ALTERNATE && odd))
            wire_part(c, zero, mn + j, w->r_snk + w->r_bl);
    }
}

static void oracle_law(const mb_wire_law *law, double G, double u, double *I, double *dI) {
    *I = *dI = 0;
    if (G <= 0) return;
    switch (law->kind) {
    case MB_LAW_LINEAR:
        *I = G * u;
        *dI = G;
        break;
    case MB_LAW_SINH:
        *I = G * law->V0 * sinh(u / law->V0);
        *dI = G * cosh(u / law->V0);
        break;
    case MB_LAW_USER: law->eval(law->arg, 1, &G, &u, I, dI); break;
    }
}

/* Currents of the columns (sums over the cells) and voltages over cell and access device. */
static void oracle(const mb_wire *w, const double *G, const double *V, double *I, double *U) {
    circuit c;
    draw(w, V, &c);
    const int mn = w->m * w->n;
    int *index = calloc((size_t)c.n_nodes, sizeof *index), n_free = 0;
    double *v = calloc((size_t)c.n_nodes, sizeof *v);
    for (int a = 0; a < c.n_nodes; a++) {
        int r = root_of(&c, a);
        bool alone = w->r_on <= 0 && a >= 2 * mn && a < 3 * mn; /* no access device: no such node */
        index[a] = r == a && isnan(c.fixed[r]) && !alone ? n_free++ : -1;
        if (!isnan(c.fixed[r])) v[a] = c.fixed[r];
    }
    const bool ladder = w->feed == MB_FEED_SOURCE, linear = w->law.kind == MB_LAW_LINEAR;
    gsl_matrix *A = n_free ? gsl_matrix_alloc((size_t)n_free, (size_t)n_free) : NULL,
               *LU = n_free ? gsl_matrix_alloc((size_t)n_free, (size_t)n_free) : NULL;
    gsl_vector *b = n_free ? gsl_vector_alloc((size_t)n_free) : NULL, *x = n_free ? gsl_vector_alloc((size_t)n_free) : NULL,
               *work = n_free ? gsl_vector_alloc((size_t)n_free) : NULL;
    gsl_permutation *perm = n_free ? gsl_permutation_alloc((size_t)n_free) : NULL;
    for (int step = 0; n_free && step < (linear ? 1 : 100); step++) {
        gsl_matrix_set_zero(A);
        gsl_vector_set_zero(b);
        for (int q = 0; q < c.n_parts + mn; q++) { /* resistors, then cells by their tangents */
            int na, nb;
            double g, source = 0; /* current = g (va - vb) + source */
            if (q < c.n_parts) {
                na = root_of(&c, c.parts[q].a);
                nb = root_of(&c, c.parts[q].b);
                g = 1 / c.parts[q].r;
            } else {
                int at = q - c.n_parts;
                na = root_of(&c, c.cell_a[at]);
                nb = root_of(&c, c.cell_b[at]);
                double own = w->series ? V[at / w->n] : 0, u = v[c.cell_a[at]] - v[c.cell_b[at]] + own, cur;
                oracle_law(&w->law, ladder && V[at / w->n] == 0 ? 0 : G[at], u, &cur, &g);
                source = cur - g * (u - own);
            }
            int ia = index[na], ib = index[nb];
            if (ia >= 0) {
                *gsl_matrix_ptr(A, (size_t)ia, (size_t)ia) += g;
                *gsl_vector_ptr(b, (size_t)ia) -= source;
                if (ib < 0) *gsl_vector_ptr(b, (size_t)ia) += g * c.fixed[nb];
                else *gsl_matrix_ptr(A, (size_t)ia, (size_t)ib) -= g;
            }
            if (ib >= 0) {
                *gsl_matrix_ptr(A, (size_t)ib, (size_t)ib) += g;
                *gsl_vector_ptr(b, (size_t)ib) += source;
                if (ia < 0) *gsl_vector_ptr(b, (size_t)ib) += g * c.fixed[na];
                else *gsl_matrix_ptr(A, (size_t)ib, (size_t)ia) -= g;
            }
        }
        int sign;
        gsl_matrix_memcpy(LU, A);
        gsl_linalg_LU_decomp(LU, perm, &sign);
        gsl_linalg_LU_solve(LU, perm, b, x);
        gsl_linalg_LU_refine(A, LU, perm, b, x, work);
        double change = 0;
        for (int a = 0; a < c.n_nodes; a++) {
            int i = index[root_of(&c, a)];
            if (i < 0) continue;
            change = fmax(change, fabs(gsl_vector_get(x, (size_t)i) - v[a]));
            v[a] = gsl_vector_get(x, (size_t)i);
        }
        if (change < 1e-15) break;
    }
    for (int j = 0; j < w->n; j++) I[j] = 0;
    for (int at = 0; at < mn; at++) {
        double cur, slope, own = w->series ? V[at / w->n] : 0;
        oracle_law(&w->law, ladder && V[at / w->n] == 0 ? 0 : G[at], v[c.cell_a[at]] - v[c.cell_b[at]] + own, &cur, &slope);
        I[at % w->n] += cur;
        U[at] = v[at] - v[mn + at] + own;
    }
    if (n_free) {
        gsl_matrix_free(A);
        gsl_matrix_free(LU);
        gsl_vector_free(b);
        gsl_vector_free(x);
        gsl_vector_free(work);
        gsl_permutation_free(perm);
    }
    free(index);
    free(v);
    free(c.parts);
    free(c.root);
    free(c.fixed);
    free(c.cell_a);
    free(c.cell_b);
}

#endif
