/* test_wire.c - arrays with wires against an independent dense solution of all nodes, and against the laws of circuits */
#include "mbtest.h"

#include <math.h>

#include "array/wire.h"
#include "array/wire_private.h"
#include "base/mem.h"
#include "base/rng.h"
#include "wire_oracle.h"

/* --- random arrays -------------------------------------------------------------------------------------------------- */

static double uniform(mb_stream *s, double a, double b) { return a + (b - a) * mb_stream_uniform(s); }
static int below(mb_stream *s, int n) { return (int)(mb_stream_u32(s) % (uint32_t)n); }

static double *numbers(size_t n) {
    double *p = mb_calloc(n, sizeof *p);
    assert_non_null(p);
    return p;
}

/* Conductances of 1 to 100 uS, a few cells absent. */
static double *random_cells(const mb_wire *w, mb_stream *s) {
    size_t n = (size_t)w->m * (size_t)w->n;
    double *G = numbers(n);
    for (size_t i = 0; i < n; i++) G[i] = below(s, 12) ? uniform(s, 1e-6, 1e-4) : 0;
    return G;
}

static double *random_inputs(const mb_wire *w, mb_stream *s) {
    double *V = numbers((size_t)w->m);
    for (int i = 0; i < w->m; i++) {
        if (w->feed == MB_FEED_WORD) V[i] = uniform(s, -0.2, 0.2);
        else if (w->series) V[i] = below(s, 3) ? uniform(s, -0.3, 0.3) : 0;
        else V[i] = (double)(below(s, 3) > 0);
    }
    return V;
}

static const int sizes[][2] = {{1, 1}, {1, 7}, {6, 1}, {2, 2}, {5, 9}, {8, 8}, {9, 8}, {8, 9}, {7, 17}, {18, 5}, {10, 12}};
#define N_SIZES ((int)(sizeof sizes / sizeof *sizes))

static mb_wire random_word(mb_stream *s, int which) {
    mb_wire w = {.m = sizes[which % N_SIZES][0], .n = sizes[which % N_SIZES][1]};
    double *r[4] = {&w.r_wl, &w.r_bl, &w.r_src, &w.r_snk};
    for (int k = 0; k < 4; k++) *r[k] = below(s, 3) ? pow(10, uniform(s, -1, k < 2 ? 2 : 3)) : 0;
    w.drive = (mb_wire_drive)below(s, 2);
    w.sense = (mb_wire_sense)below(s, 3);
    w.sense_span = below(s, 4);
    w.pairs = below(s, 3) == 0 && w.m % 2 == 0;
    w.r_on = below(s, 3) ? 0 : uniform(s, 100, 5000);
    return w;
}

static double distance(size_t n, const double *a, const double *b) {
    double e = 0;
    for (size_t i = 0; i < n; i++) e = fmax(e, fabs(a[i] - b[i]));
    return e;
}

static double largest(size_t n, const double *a) {
    double e = 0;
    for (size_t i = 0; i < n; i++) e = fmax(e, fabs(a[i]));
    return e;
}

static void multiply(int m, int n, const double *V, const double *G, double *I) {
    for (int j = 0; j < n; j++) I[j] = 0;
    for (int i = 0; i < m; i++)
        for (int j = 0; j < n; j++) I[j] += V[i] * G[i * n + j];
}

/* Sum over the cells of |current|: what errors of currents are compared with. */
static double traffic(const mb_wire *w, const double *G, const double *V, const double *U) {
    double s = 0;
    for (int i = 0; i < w->m; i++)
        for (int j = 0; j < w->n; j++)
            if (w->feed == MB_FEED_WORD || V[i] != 0)
                s += fabs(G[i * w->n + j] * U[i * w->n + j]) / (1 + G[i * w->n + j] * w->r_on);
    return s;
}

/* --- against the oracle ----------------------------------------------------------------------------------------------- */

static void test_linear_against_oracle(void **state) {
    (void)state;
    mb_stream s;
    mb_stream_init(&s, 3, MB_RNG_TEST, 0, 0, 1);
    for (int t = 0; t < 20 * N_SIZES; t++) {
        mb_wire w = random_word(&s, t);
        size_t m = (size_t)w.m, n = (size_t)w.n;
        double *G = random_cells(&w, &s), *V = random_inputs(&w, &s), *E = numbers(m * n), *I = numbers(n), *U = numbers(m * n),
               *Iref = numbers(n), *Uref = numbers(m * n);
        mb_wire_cg *cg;
        mb_wire_info info;
        oracle(&w, G, V, Iref, Uref);
        double scale = traffic(&w, G, V, Uref) + 1e-30;
        assert_ok(mb_wire_effective(&w, G, E, 1));
        multiply(w.m, w.n, V, E, I);
        if (distance(n, I, Iref) > 1e-12 * scale)
            fail_msg("case %d: effective matrix off by %g", t, distance(n, I, Iref) / scale);
        assert_ok(mb_wire_solve(&w, G, 1, V, I, U, NULL, &info));
        if (distance(n, I, Iref) > 1e-12 * scale)
            fail_msg("case %d: conjugate gradients off by %g", t, distance(n, I, Iref) / scale);
        if (distance(m * n, U, Uref) > 1e-12) fail_msg("case %d: voltages off by %g", t, distance(m * n, U, Uref));
        assert_true(info.residual <= 1e-14 && info.newton == 0);
        assert_ok(mb_wire_cg_new(&w, MB_WIRE_F32, &cg));
        assert_ok(mb_wire_cg_set(cg, G));
        assert_ok(mb_wire_cg_solve(cg, V, 1e-6, 0, I, U, &info));
        if (distance(n, I, Iref) > 5e-6 * scale) fail_msg("case %d: single precision off by %g", t, distance(n, I, Iref) / scale);
        if (distance(m * n, U, Uref) > 1e-5)
            fail_msg("case %d: voltages in single precision off by %g", t, distance(m * n, U, Uref));
        mb_wire_cg_free(cg);
        double *all[] = {G, V, E, I, U, Iref, Uref};
        for (size_t k = 0; k < sizeof all / sizeof *all; k++) mb_free(all[k]);
    }
}

static void cubic(const void *arg, size_t n, const double *G, const double *u, double *I, double *dI) {
    const double a = *(const double *)arg;
    for (size_t k = 0; k < n; k++) {
        assert_true(G[k] > 0);
        I[k] = G[k] * (u[k] + a * u[k] * u[k] * u[k]);
        dI[k] = G[k] * (1 + 3 * a * u[k] * u[k]);
    }
}

static void check_solve(const mb_wire *w, mb_stream *s, int t, double tol) {
    size_t m = (size_t)w->m, n = (size_t)w->n;
    double *G = random_cells(w, s), *V = random_inputs(w, s), *I = numbers(n), *U = numbers(m * n), *Iref = numbers(n),
           *Uref = numbers(m * n);
    mb_wire_info info;
    oracle(w, G, V, Iref, Uref);
    int rc = mb_wire_solve(w, G, 1, V, I, U, NULL, &info);
    if (rc != MB_OK) mb_error_print(stderr);
    assert_int_equal(rc, MB_OK);
    double scale = fmax(traffic(w, G, V, Uref), largest(n, Iref)) + 1e-30;
    if (distance(n, I, Iref) > tol * scale) fail_msg("case %d: currents off by %g", t, distance(n, I, Iref) / scale);
    for (size_t i = 0; i < m * n; i++)
        if ((w->feed == MB_FEED_WORD || V[i / n] != 0) && fabs(U[i] - Uref[i]) > 10 * tol)
            fail_msg("case %d: voltage off by %g", t, fabs(U[i] - Uref[i]));
    assert_true(info.residual <= 1e-12);
    assert_true((info.newton > 0) == (w->law.kind != MB_LAW_LINEAR && largest(m * n, G) > 0));
    double *all[] = {G, V, I, U, Iref, Uref};
    for (size_t k = 0; k < sizeof all / sizeof *all; k++) mb_free(all[k]);
}

static mb_wire_law random_law(mb_stream *s) {
    static const double a = 2.5;
    if (below(s, 3) == 0) return (mb_wire_law){.kind = MB_LAW_USER, .eval = cubic, .arg = &a};
    return (mb_wire_law){.kind = MB_LAW_SINH, .V0 = uniform(s, 0.03, 0.3)};
}

static void test_nonlinear_against_oracle(void **state) {
    (void)state;
    mb_stream s;
    mb_stream_init(&s, 5, MB_RNG_TEST, 0, 0, 1);
    for (int t = 0; t < 6 * N_SIZES; t++) {
        mb_wire w = random_word(&s, t);
        w.law = random_law(&s);
        check_solve(&w, &s, t, 1e-11);
    }
}

static void test_source_line_against_oracle(void **state) {
    (void)state;
    mb_stream s;
    mb_stream_init(&s, 7, MB_RNG_TEST, 0, 0, 1);
    for (int t = 0; t < 16 * N_SIZES; t++) {
        mb_wire w = random_word(&s, t);
        w.feed = MB_FEED_SOURCE;
        w.drive = MB_DRIVE_LEFT;
        w.sense = MB_SENSE_BOTTOM;
        w.series = t % 3 == 0;
        if (!w.series) w.v_sl = uniform(&s, -0.3, 0.3);
        if (t % 2) w.law = random_law(&s);
        check_solve(&w, &s, t, 1e-11);
    }
}

/* One level in series with all cells is the same level at the heads of the source lines. */
static void test_series_is_source(void **state) {
    (void)state;
    mb_stream s;
    mb_stream_init(&s, 8, MB_RNG_TEST, 0, 0, 1);
    for (int t = 0; t < 8; t++) {
        mb_wire w = {.m = 20, .n = 11, .r_wl = 3, .r_bl = 2, .r_src = 40, .r_snk = 30, .feed = MB_FEED_SOURCE, .v_sl = 0.2};
        mb_wire v = w;
        w.pairs = v.pairs = t % 2;
        if (t & 2) w.law = v.law = (mb_wire_law){.kind = MB_LAW_SINH, .V0 = 0.1};
        v.series = true, v.v_sl = 0;
        double *G = random_cells(&w, &s), *gate = random_inputs(&w, &s), *V = numbers(20), I[11], J[11];
        for (int i = 0; i < 20; i++) V[i] = gate[i] * (w.pairs && i % 2 ? -0.2 : 0.2);
        assert_ok(mb_wire_solve(&w, G, 1, gate, I, NULL, NULL, NULL));
        assert_ok(mb_wire_solve(&v, G, 1, V, J, NULL, NULL, NULL));
        if (distance(11, I, J) > 1e-11 * largest(11, I))
            fail_msg("case %d: off by %g of %g", t, distance(11, I, J), largest(11, I));
        mb_free(G), mb_free(gate), mb_free(V);
    }
}

/* --- laws of circuits, at sizes where the oracle is slow ------------------------------------------------------------------ */

/* The array seen from the amplifiers: rows and columns change roles, and by reciprocity the effective matrix is mirrored. */
static void test_reciprocity(void **state) {
    (void)state;
    mb_stream s;
    mb_stream_init(&s, 11, MB_RNG_TEST, 0, 0, 1);
    const mb_wire w = {.m = 101, .n = 70, .r_wl = 1.3, .r_bl = 0.7, .r_src = 40, .r_snk = 9},
                  v = {.m = 70, .n = 101, .r_wl = 0.7, .r_bl = 1.3, .r_src = 9, .r_snk = 40};
    const size_t cells = (size_t)w.m * (size_t)w.n;
    double *G = random_cells(&w, &s), *H = numbers(cells), *E = numbers(cells), *F = numbers(cells);
    for (int i = 0; i < w.m; i++)
        for (int j = 0; j < w.n; j++) H[(w.n - 1 - j) * w.m + (w.m - 1 - i)] = G[i * w.n + j];
    assert_ok(mb_wire_effective(&w, G, E, 1));
    assert_ok(mb_wire_effective(&v, H, F, 1));
    double worst = 0;
    for (int i = 0; i < w.m; i++)
        for (int j = 0; j < w.n; j++) {
            double a = E[i * w.n + j], b = F[(w.n - 1 - j) * w.m + (w.m - 1 - i)];
            if (a > 0) worst = fmax(worst, fabs(a - b) / a); /* element by element: nothing cancels */
            assert_true(a >= 0 && (a > 0) == (b > 0));
        }
    if (worst > 2e-14) fail_msg("mirrored elements differ by %g", worst);
    double *all[] = {G, H, E, F};
    for (size_t k = 0; k < 4; k++) mb_free(all[k]);
}

/* Conductances times 2^k and resistances by 2^k: the same bits times 2^k. Voltages times 2: the same bits times 2. */
static void test_scaling(void **state) {
    (void)state;
    mb_stream s;
    mb_stream_init(&s, 12, MB_RNG_TEST, 0, 0, 1);
    mb_wire w = {.m = 30, .n = 21, .r_wl = 2, .r_bl = 3, .r_src = 10, .sense = MB_SENSE_ALTERNATE, .pairs = true}, v = w;
    const size_t cells = (size_t)w.m * (size_t)w.n, n = (size_t)w.n;
    double *G = random_cells(&w, &s), *V = random_inputs(&w, &s), *E = numbers(cells), *F = numbers(cells), *I = numbers(n),
           *J = numbers(n);
    assert_ok(mb_wire_effective(&w, G, E, 1));
    assert_ok(mb_wire_solve(&w, G, 1, V, I, NULL, NULL, NULL));
    double *W = random_inputs(&w, &s), *sum = numbers((size_t)w.m), *K = numbers(n); /* superposition */
    for (int i = 0; i < w.m; i++) sum[i] = V[i] + 3 * W[i];
    assert_ok(mb_wire_solve(&w, G, 1, W, J, NULL, NULL, NULL));
    assert_ok(mb_wire_solve(&w, G, 1, sum, K, NULL, NULL, NULL));
    for (size_t j = 0; j < n; j++) assert_true(fabs(K[j] - I[j] - 3 * J[j]) <= 1e-13 * largest(n, K));
    mb_free(W);
    mb_free(sum);
    mb_free(K);
    const double k = 0x1p14;
    for (size_t i = 0; i < cells; i++) G[i] *= k;
    for (int i = 0; i < w.m; i++) V[i] *= 2;
    v.r_wl /= k;
    v.r_bl /= k;
    v.r_src /= k;
    assert_ok(mb_wire_effective(&v, G, F, 1));
    assert_ok(mb_wire_solve(&v, G, 1, V, J, NULL, NULL, NULL));
    for (size_t i = 0; i < cells; i++) assert_true(F[i] == k * E[i]);
    for (size_t j = 0; j < n; j++) assert_true(J[j] == 2 * k * I[j]);
    double *all[] = {G, V, E, F, I, J};
    for (size_t i = 0; i < 6; i++) mb_free(all[i]);
}

static void test_ideal_lines(void **state) {
    (void)state;
    mb_stream s;
    mb_stream_init(&s, 13, MB_RNG_TEST, 0, 0, 1);
    mb_wire w = {.m = 40, .n = 33};
    const size_t cells = (size_t)w.m * (size_t)w.n, n = (size_t)w.n;
    double *G = random_cells(&w, &s), *V = random_inputs(&w, &s), *E = numbers(cells), *I = numbers(n), *J = numbers(n);
    for (int t = 0; t < 6; t++) {
        w.drive = (mb_wire_drive)(t % 2);
        w.sense = (mb_wire_sense)(t / 2);
        w.r_wl = w.r_bl = 0;
        assert_ok(mb_wire_effective(&w, G, E, 1));
        assert_memory_equal(E, G, cells * sizeof *G); /* r = 0: G bit for bit */
        multiply(w.m, w.n, V, G, J);
        assert_ok(mb_wire_solve(&w, G, 1, V, I, NULL, NULL, NULL));
        assert_true(distance(n, I, J) <= 1e-14 * largest(n, J));
        w.r_wl = w.r_bl = 1e-9; /* r -> 0: the loss falls like n^2 r G */
        assert_ok(mb_wire_effective(&w, G, E, 1));
        double loss = 0;
        for (size_t i = 0; i < cells; i++)
            if (G[i] > 0) {
                assert_true(E[i] <= G[i] * (1 + 1e-14));
                loss = fmax(loss, 1 - E[i] / G[i]);
            }
        assert_true(loss < 40 * 40 * 1e-9 * 1e-4 && loss > 1e-14);
        w.r_wl = 0; /* one ideal line: the general elimination with segments of 0 ohm */
        assert_ok(mb_wire_effective(&w, G, E, 1));
        assert_true(distance(cells, E, G) < 40 * 40 * 1e-9 * 1e-4 * 1e-4);
    }
    double *all[] = {G, V, E, I, J};
    for (size_t i = 0; i < 5; i++) mb_free(all[i]);
}

/* The elimination against conjugate gradients at sizes over several levels of the tree, all topologies; and superposition. */
static void test_methods_agree(void **state) {
    (void)state;
    mb_stream s;
    mb_stream_init(&s, 14, MB_RNG_TEST, 0, 0, 1);
    for (int t = 0; t < 12; t++) {
        mb_wire w = {.m = 2 * (20 + below(&s, 50)),
                     .n = 30 + below(&s, 100),
                     .r_wl = uniform(&s, 0, 3),
                     .r_bl = uniform(&s, 0, 3),
                     .r_src = uniform(&s, 0, 50),
                     .r_snk = uniform(&s, 0, 50),
                     .drive = (mb_wire_drive)(t % 2),
                     .sense = (mb_wire_sense)(t / 2 % 3),
                     .pairs = t >= 6};
        const size_t cells = (size_t)w.m * (size_t)w.n, n = (size_t)w.n;
        double *G = random_cells(&w, &s), *V = random_inputs(&w, &s), *E = numbers(cells), *I = numbers(n), *J = numbers(n);
        assert_ok(mb_wire_effective(&w, G, E, 1));
        multiply(w.m, w.n, V, E, J);
        assert_ok(mb_wire_solve(&w, G, 1, V, I, NULL, &(mb_wire_options){.tol = 1e-14}, NULL));
        if (distance(n, I, J) > 3e-14 * largest(n, J))
            fail_msg("topology %d (%d x %d): %g", t, w.m, w.n, distance(n, I, J) / largest(n, J));
        double residual;
        assert_ok(mb_wire_effective_residual(&w, G, E, &residual));
        assert_true(residual < 3e-14 && residual > 0);
        E[cells / 2] *= 1 + 1e-3;
        assert_ok(mb_wire_effective_residual(&w, G, E, &residual));
        if (G[cells / 2] > 0) assert_true(residual > 1e-8);
        double *all[] = {G, V, E, I, J};
        for (size_t i = 0; i < 5; i++) mb_free(all[i]);
    }
}

/* Voltages that are given back obey Kirchhoff's laws: drops along the lines follow from the currents of the cells (one-sided
 * array, sums from the far ends). */
static void test_kirchhoff(void **state) {
    (void)state;
    mb_stream s;
    mb_stream_init(&s, 15, MB_RNG_TEST, 0, 0, 1);
    const mb_wire w = {
        .m = 57, .n = 46, .r_wl = 2.5, .r_bl = 1.5, .r_src = 25, .r_snk = 15, .law = {.kind = MB_LAW_SINH, .V0 = 0.08}};
    const int m = w.m, n = w.n;
    const size_t cells = (size_t)m * (size_t)n;
    double *G = random_cells(&w, &s), *V = random_inputs(&w, &s), *U = numbers(cells), *I = numbers((size_t)n),
           *c = numbers(cells), *drop = numbers(cells);
    mb_wire_info info;
    assert_ok(mb_wire_solve(&w, G, 1, V, I, U, NULL, &info));
    for (size_t i = 0; i < cells; i++) c[i] = G[i] * w.law.V0 * sinh(U[i] / w.law.V0);
    for (int i = 0; i < m; i++) { /* current in the segment left of column j: all cells from j on */
        double v = V[i], sum = 0;
        for (int j = 0; j < n; j++) sum += c[i * n + j];
        v -= w.r_src * sum;
        for (int j = 0; j < n; sum -= c[i * n + j], j++) drop[i * n + j] = v -= w.r_wl * sum;
    }
    for (int j = 0; j < n; j++) {
        double b, sum = 0;
        for (int i = 0; i < m; i++) sum += c[i * n + j];
        assert_true(fabs(sum - I[j]) <= 1e-13 * fabs(sum) + 1e-18);
        b = w.r_snk * sum;
        for (int i = m - 1; i >= 0; sum -= c[i * n + j], i--) drop[i * n + j] -= b += w.r_bl * sum;
    }
    if (distance(cells, U, drop) > 1e-13) fail_msg("Kirchhoff's voltage law is off by %g V", distance(cells, U, drop));
    double *all[] = {G, V, U, I, c, drop};
    for (size_t i = 0; i < 6; i++) mb_free(all[i]);
}

/* The same bits for every instruction set and number of threads. */
static void test_same_bits(void **state) {
    (void)state;
    mb_stream s;
    mb_stream_init(&s, 16, MB_RNG_TEST, 0, 0, 1);
    for (int t = 0; t < 3; t++) {
        const mb_wire w = {.m = t == 1 ? 131 : 70,
                           .n = t == 2 ? 9 : 83,
                           .r_wl = 1,
                           .r_bl = t == 2 ? 0 : 2,
                           .r_src = 5,
                           .sense = (mb_wire_sense)t,
                           .drive = (mb_wire_drive)(t % 2)};
        const size_t cells = (size_t)w.m * (size_t)w.n;
        double *G = random_cells(&w, &s), *E = numbers(cells), *F = numbers(cells);
        assert_ok(mb_wire_effective(&w, G, E, 1));
        for (const mb_wire_isa *const *isa = mb_wire_isas; *isa; isa++) {
            bool plain = !isa[1]; /* slow: the small array only */
            if (!mb_wire_isa_supported(*isa) || (plain && cells > 1000)) continue;
            memset(F, 0, cells * sizeof *F);
            assert_ok(mb_wire_effective_isa(&w, G, F, 1, *isa));
            assert_memory_equal(E, F, cells * sizeof *E);
        }
        for (int threads = 2; threads <= 3; threads++) {
            memset(F, 0, cells * sizeof *F);
            assert_ok(mb_wire_effective(&w, G, F, threads));
            assert_memory_equal(E, F, cells * sizeof *E);
        }
        memcpy(F, G, cells * sizeof *G); /* in place */
        assert_ok(mb_wire_effective(&w, F, F, 1));
        assert_memory_equal(E, F, cells * sizeof *E);
        mb_free(G);
        mb_free(E);
        mb_free(F);
    }
}

/* The bits of each method, by which a machine or a compiler that sums in another order or contracts is noticed. They were taken
 * from gcc 12 and clang 14 on x86-64, with AVX-512 and without; whoever changes the order of a sum on purpose takes the new ones
 * from the message. */
static uint64_t hash(const double *x, size_t n) {
    uint64_t h = 1469598103934665603u;
    for (size_t i = 0; i < n; i++) {
        uint64_t b;
        memcpy(&b, x + i, sizeof b);
        h = (h ^ b) * 1099511628211u;
    }
    return h;
}

static void test_bits_of_all_methods(void **state) {
    (void)state;
    static const uint64_t known[4] = {0xa6e320392ce6762e, 0x75498596b8af8119, 0xb87a4c7ed516799b, 0xfb2c3ae72e4a041f};
    mb_stream s;
    mb_stream_init(&s, 17, MB_RNG_TEST, 0, 0, 1);
    mb_wire w = {
        .m = 40, .n = 50, .r_wl = 1, .r_bl = 2, .r_src = 5, .r_snk = 7, .drive = MB_DRIVE_BOTH, .sense = MB_SENSE_ALTERNATE};
    const size_t cells = (size_t)w.m * (size_t)w.n, n = (size_t)w.n;
    double *G = random_cells(&w, &s), *V = random_inputs(&w, &s), *E = numbers(cells), *I = numbers(n);
    mb_wire_cg *cg;
    uint64_t got[4];
    assert_ok(mb_wire_effective(&w, G, E, 1));
    got[0] = hash(E, cells);
    assert_ok(mb_wire_solve(&w, G, 1, V, I, NULL, NULL, NULL));
    got[1] = hash(I, n);
    assert_ok(mb_wire_cg_new(&w, MB_WIRE_F32, &cg));
    assert_ok(mb_wire_cg_set(cg, G));
    assert_ok(mb_wire_cg_solve(cg, V, 1e-6, 0, I, NULL, NULL));
    mb_wire_cg_free(cg);
    got[2] = hash(I, n);
    w.law = (mb_wire_law){.kind = MB_LAW_SINH, .V0 = 0.1};
    assert_ok(mb_wire_solve(&w, G, 1, V, I, NULL, NULL, NULL));
    got[3] = hash(I, n);
    for (int k = 0; k < 4; k++)
        if (got[k] != known[k]) fail_msg("method %d gives the bits %016llx", k, (unsigned long long)got[k]);
    double *all[] = {G, V, E, I};
    for (size_t i = 0; i < 4; i++) mb_free(all[i]);
}

/* --- the estimate --------------------------------------------------------------------------------------------------------------
 */

static void test_control_variate(void **state) {
    (void)state;
    mb_stream s;
    mb_stream_init(&s, 18, MB_RNG_TEST, 0, 0, 1);
    for (int t = 0; t < 4; t++) {
        mb_wire w = {.m = 64,
                     .n = t == 3 ? 50 : 64,
                     .r_wl = t == 0 ? 0.1 : 1,
                     .r_bl = t == 0 ? 0.1 : 1,
                     .sense = (mb_wire_sense)(t % 3),
                     .drive = (mb_wire_drive)(t / 2),
                     .pairs = t == 3};
        const size_t m = (size_t)w.m, n = (size_t)w.n, cells = m * n;
        double *G = numbers(cells), *H = numbers(cells), *E = numbers(cells), *F = numbers(cells), *V = random_inputs(&w, &s),
               *Iref = numbers(n), *I = numbers(n);
        float *g = mb_calloc(cells, sizeof *g), *base = mb_calloc(cells, sizeof *base);
        for (size_t i = 0; i < cells; i++) {
            G[i] = (double)(float)uniform(&s, 1e-6, 1e-4);
            H[i] = (double)(float)(G[i] * (1 + 0.1 * mb_stream_normal(&s)));
            if (H[i] < 0) H[i] = 0;
        }
        mb_wire_cg *cg;
        assert_ok(mb_wire_cg_new(&w, MB_WIRE_F32, &cg));
        assert_ok(mb_wire_effective(&w, G, E, 1));
        assert_ok(mb_wire_effective(&w, H, F, 1));
        for (size_t i = 0; i < cells; i++) g[i] = (float)G[i];
        assert_ok(mb_wire_estimate(cg, g, NULL, base)); /* base = G_eff(G) - M(G) */
        for (size_t i = 0; i < cells; i++) {
            assert_true(base[i] > 0 && (double)base[i] <= G[i] * 1.00001);
            base[i] = (float)(E[i] - (double)base[i]);
            g[i] = (float)H[i];
        }
        assert_ok(mb_wire_estimate(cg, g, base, base));
        multiply(w.m, w.n, V, F, Iref);
        double err = 0, naive = 0, power = 0;
        for (size_t i = 0; i < cells; i++) H[i] = (double)base[i];
        multiply(w.m, w.n, V, H, I);
        for (size_t j = 0; j < n; j++) {
            err += (I[j] - Iref[j]) * (I[j] - Iref[j]);
            power += Iref[j] * Iref[j];
        }
        for (size_t i = 0; i < cells; i++) H[i] = E[i] * (double)g[i] / G[i];
        multiply(w.m, w.n, V, H, I);
        for (size_t j = 0; j < n; j++) naive += (I[j] - Iref[j]) * (I[j] - Iref[j]);
        if (sqrt(err / power) > 3e-4 || err > 0.1 * 0.1 * naive)
            fail_msg("case %d: control variate %g, naive %g", t, sqrt(err / power), sqrt(naive / power));
        g[5] = -1e-6f;
        assert_fails(mb_wire_estimate(cg, g, NULL, base), MB_BADINPUT, "cell (0, 5)");
        mb_wire_cg_free(cg);
        mb_free(g);
        mb_free(base);
        double *all[] = {G, H, E, F, V, Iref, I};
        for (size_t i = 0; i < 7; i++) mb_free(all[i]);
    }
}

/* One line without resistance: the estimate is exact, because only lines of the other kind are left. */
static void test_estimate_exact_for_one_kind(void **state) {
    (void)state;
    mb_stream s;
    mb_stream_init(&s, 19, MB_RNG_TEST, 0, 0, 1);
    for (int t = 0; t < 6; t++) {
        mb_wire w = {
            .m = 22, .n = 19, .sense = (mb_wire_sense)(t % 3), .drive = (mb_wire_drive)(t % 2), .r_on = t == 5 ? 2000 : 0};
        if (t < 3) w.r_wl = w.r_src = 20;
        else w.r_bl = w.r_snk = 20;
        const size_t cells = (size_t)w.m * (size_t)w.n;
        double *G = random_cells(&w, &s), *E = numbers(cells);
        float *g = mb_calloc(cells, sizeof *g), *M = mb_calloc(cells, sizeof *M);
        for (size_t i = 0; i < cells; i++) G[i] = (double)(g[i] = (float)G[i]);
        mb_wire_cg *cg;
        assert_ok(mb_wire_cg_new(&w, MB_WIRE_F32, &cg));
        assert_ok(mb_wire_effective(&w, G, E, 1));
        assert_ok(mb_wire_estimate(cg, g, NULL, M));
        for (size_t i = 0; i < cells; i++) assert_true(fabs((double)M[i] - E[i]) <= 3e-6 * E[i] + 1e-20);
        mb_wire_cg_free(cg);
        mb_free(g);
        mb_free(M);
        mb_free(G);
        mb_free(E);
    }
}

/* alpha and beta: alpha G beta is the estimate, and alpha u is the derivative of the sensed current by a cell's conductance. */
static void test_ends(void **state) {
    (void)state;
    mb_stream s;
    mb_stream_init(&s, 20, MB_RNG_TEST, 0, 0, 1);
    for (int t = 0; t < 4; t++) {
        enum { M = 36, N = 33, CELLS = M * N };
        mb_wire w = {.m = M, .n = N, .r_wl = 2, .r_bl = 2, .r_src = 20, .r_snk = 10, .pairs = t == 3};
        static double G[CELLS], U[CELLS];
        static float g[CELLS], alpha[CELLS], beta[CELLS], E[CELLS];
        double V[M], I[N], J[N], worst = 0;
        w.sense = (mb_wire_sense)(t % 3);
        for (int i = 0; i < CELLS; i++) G[i] = (double)(g[i] = i % 7 ? (float)uniform(&s, 1e-6, 1e-4) : 0);
        for (int i = 0; i < M; i++) V[i] = uniform(&s, 0.5, 1);
        mb_wire_cg *cg, *cd;
        assert_ok(mb_wire_cg_new(&w, MB_WIRE_F32, &cg));
        assert_ok(mb_wire_cg_new(&w, MB_WIRE_F64, &cd));
        assert_ok(mb_wire_ends(cg, g, alpha, beta));
        assert_ok(mb_wire_estimate(cg, g, NULL, E));
        for (int i = 0; i < CELLS; i++) {
            assert_true(alpha[i] > 0 && alpha[i] <= 1.00001f && beta[i] > 0 && beta[i] <= 1.00001f);
            assert_true(fabsf(alpha[i] * g[i] * beta[i] - E[i]) <= 1e-5f * E[i]);
        }
        assert_ok(mb_wire_cg_set(cd, G));
        assert_ok(mb_wire_cg_solve(cd, V, 1e-14, 0, I, U, NULL));
        for (int k = 0; k < 40; k++) {
            int at = (int)below(&s, CELLS);
            double was = G[at];
            G[at] += 1e-8;
            assert_ok(mb_wire_cg_set(cd, G));
            assert_ok(mb_wire_cg_solve(cd, V, 1e-14, 0, J, NULL, NULL));
            G[at] = was;
            double slope = (J[at % N] - I[at % N]) / 1e-8;
            worst = fmax(worst, fabs(slope - (double)alpha[at] * U[at]) / fabs(slope));
        }
        if (worst > 0.03) fail_msg("case %d: a derivative is off by %g", t, worst);
        mb_wire_cg_free(cg);
        mb_wire_cg_free(cd);
        for (int i = 0; i < CELLS; i++) g[i] = 0;
        assert_ok(mb_wire_cg_new(&w, MB_WIRE_F32, &cg));
        assert_ok(mb_wire_ends(cg, g, alpha, beta));
        assert_true(alpha[5] == 1 && beta[CELLS - 1] == 1);
        g[3] = -1;
        assert_fails(mb_wire_ends(cg, g, alpha, beta), MB_BADINPUT, "cell (0, 3)");
        mb_wire_cg_free(cg);
    }
}

/* --- cell laws
 * ------------------------------------------------------------------------------------------------------------------ */

static void test_laws(void **state) {
    (void)state;
    enum { N = 4001 };
    double *G = numbers(N), *u = numbers(N), *I = numbers(N), *dI = numbers(N), *scratch = numbers(3 * N);
    mb_wire w = {.m = 1, .n = 1, .law = {.kind = MB_LAW_SINH, .V0 = 0.25}};
    for (int i = 0; i < N; i++) {
        G[i] = i % 7 ? 1e-5 * i : 0;
        u[i] = (i % 2 ? -1 : 1) * 0.25 * (i < 2000 ? pow(10, -8 + i * 0.004) : (i - 2000) * 0.148);
    }
    mb_wire_law_eval(&w, N, G, u, I, dI, scratch);
    for (int i = 0; i < N; i++) {
        double x = u[i] / 0.25, s = G[i] * 0.25 * sinh(x), c = G[i] * cosh(x);
        if (fabs(I[i] - s) > 2e-15 * fabs(s) || fabs(dI[i] - c) > 2e-15 * c)
            fail_msg("x = %.17g: %.17g, not %.17g; %.17g, not %.17g", x, I[i], s, dI[i], c);
    }
    u[0] = -0.25 * 310; /* the tangent at 300 */
    G[0] = 1;
    mb_wire_law_eval(&w, 1, G, u, I, dI, scratch);
    assert_true(fabs(I[0] / (-0.25 * (sinh(300) + 10 * cosh(300))) - 1) < 1e-14);
    w.r_on = 3000; /* in series: v + r I(v) = u */
    for (int i = 0; i < N; i++) {
        u[i] = (i % 2 ? -1 : 1) * pow(10, -6 + i * 0.0015);
        if (G[i] > 1e-4) G[i] = 1e-4;
    }
    mb_wire_law_eval(&w, N, G, u, I, dI, scratch);
    for (int i = 0; i < N; i++) {
        if (G[i] <= 0) {
            assert_true(I[i] == 0 && dI[i] == 0);
            continue;
        }
        double v = 0.25 * asinh(I[i] / (G[i] * 0.25)), slope = 1 / (1 / (G[i] * cosh(v / 0.25)) + w.r_on);
        if (fabs(v + w.r_on * I[i] - u[i]) > 5e-15 * fabs(u[i])) fail_msg("u = %g: %g left", u[i], v + w.r_on * I[i] - u[i]);
        if (fabs(dI[i] - slope) > 1e-13 * slope) fail_msg("u = %g: slope %g, not %g", u[i], dI[i], slope);
    }
    double *all[] = {G, u, I, dI, scratch};
    for (size_t i = 0; i < 5; i++) mb_free(all[i]);
}

/* --- refusals, failures
 * ------------------------------------------------------------------------------------------------------------ */

static void test_bad_descriptions(void **state) {
    (void)state;
    const mb_wire good = {.m = 4, .n = 4, .r_wl = 1, .r_bl = 1};
    mb_wire w = good;
    assert_ok(mb_wire_check(&w));
    w.m = 0;
    assert_fails(mb_wire_check(&w), MB_BADINPUT, "0 x 4");
    w = good;
    w.r_wl = -1;
    assert_fails(mb_wire_check(&w), MB_BADINPUT, "r_wl");
    w = good;
    w.r_snk = (double)NAN;
    assert_fails(mb_wire_check(&w), MB_BADINPUT, "r_snk");
    w = good;
    w.r_bl = (double)INFINITY;
    assert_fails(mb_wire_check(&w), MB_BADINPUT, "r_bl");
    w = good;
    w.r_on = -5;
    assert_fails(mb_wire_check(&w), MB_BADINPUT, "r_on");
    w = good;
    w.pairs = true;
    w.m = 5;
    assert_fails(mb_wire_check(&w), MB_BADINPUT, "even number of rows");
    w = good;
    w.feed = MB_FEED_SOURCE;
    w.sense = MB_SENSE_BOTH;
    assert_fails(mb_wire_check(&w), MB_BADINPUT, "source lines");
    w = good;
    w.sense_span = -2;
    assert_fails(mb_wire_check(&w), MB_BADINPUT, "in turn");
    w = good;
    w.series = true;
    assert_fails(mb_wire_check(&w), MB_BADINPUT, "feed source");
    w.feed = MB_FEED_SOURCE;
    w.v_sl = 0.1;
    assert_fails(mb_wire_check(&w), MB_BADINPUT, "v_sl");
    w = good;
    w.law.kind = MB_LAW_SINH;
    assert_fails(mb_wire_check(&w), MB_BADINPUT, "V0");
    w.law.kind = MB_LAW_USER;
    assert_fails(mb_wire_check(&w), MB_BADINPUT, "no function");
}

static void test_bad_inputs(void **state) {
    (void)state;
    double G[16], E[16], V[4] = {0.1, 0.2, 0, -0.1}, I[4];
    mb_wire w = {.m = 4, .n = 4, .r_wl = 1, .r_bl = 1};
    mb_wire_cg *cg;
    for (int i = 0; i < 16; i++) G[i] = 1e-5;
    G[6] = (double)NAN;
    assert_fails(mb_wire_effective(&w, G, E, 1), MB_BADINPUT, "cell (1, 2)");
    assert_fails(mb_wire_solve(&w, G, 1, V, I, NULL, NULL, NULL), MB_BADINPUT, "cell (1, 2)");
    G[6] = -1e-9;
    assert_fails(mb_wire_effective(&w, G, E, 1), MB_BADINPUT, "cell (1, 2)");
    G[6] = (double)INFINITY;
    assert_fails(mb_wire_effective(&w, G, E, 1), MB_BADINPUT, "cell (1, 2)");
    G[6] = -0.0; /* an absent cell */
    assert_ok(mb_wire_effective(&w, G, E, 1));
    assert_true(E[6] < 1e-7 && E[5] > 0.9e-5);
    w.r_bl = 1e18;
    assert_fails(mb_wire_effective(&w, G, E, 1), MB_BADINPUT, "broken line");
    w.r_bl = 1;
    w.law = (mb_wire_law){.kind = MB_LAW_SINH, .V0 = 0.1};
    assert_fails(mb_wire_effective(&w, G, E, 1), MB_BADINPUT, "non-linear");
    assert_fails(mb_wire_cg_new(&w, MB_WIRE_F64, &cg), MB_BADINPUT, "non-linear");
    w.law.kind = MB_LAW_LINEAR;
    w.feed = MB_FEED_SOURCE;
    assert_fails(mb_wire_effective(&w, G, E, 1), MB_BADINPUT, "source lines");
    w.feed = MB_FEED_WORD;
    assert_ok(mb_wire_cg_new(&w, MB_WIRE_F32, &cg));
    assert_fails(mb_wire_cg_solve(cg, V, 1e-6, 0, I, NULL, NULL), MB_BUG, "mb_wire_cg_set");
    assert_ok(mb_wire_cg_set(cg, G));
    assert_fails(mb_wire_cg_solve(cg, V, 1e-7, 0, I, NULL, NULL), MB_BADINPUT, "single precision");
    mb_wire_cg_free(cg);
    V[2] = (double)NAN;
    assert_fails(mb_wire_solve(&w, G, 1, V, I, NULL, NULL, NULL), MB_BADINPUT, "input 2 of vector 0");
    V[2] = 0;
    assert_fails(mb_wire_solve(&w, G, 1, V, I, NULL, &(mb_wire_options){.tol = 1e-20}, NULL), MB_BADINPUT, "residual");
}

/* No convergence: exit code 4, the residual in the message and in info. */
static void test_no_convergence(void **state) {
    (void)state;
    mb_stream s;
    mb_stream_init(&s, 21, MB_RNG_TEST, 0, 0, 1);
    mb_wire w = {.m = 50, .n = 50, .r_wl = 20, .r_bl = 20};
    double *G = random_cells(&w, &s), *V = random_inputs(&w, &s), *I = numbers(50);
    mb_wire_info info;
    assert_fails(mb_wire_solve(&w, G, 1, V, I, NULL, &(mb_wire_options){.max_steps = 2}, &info), MB_NUMERIC,
                 "after 2 steps with residual");
    assert_true(info.residual > 1e-13 && info.residual < 1);
    w.law = (mb_wire_law){.kind = MB_LAW_SINH, .V0 = 0.05};
    assert_fails(mb_wire_solve(&w, G, 1, V, I, NULL, &(mb_wire_options){.max_newton = 2}, &info), MB_NUMERIC,
                 "after 2 steps with residual");
    assert_true(info.newton == 2 && info.residual > 1e-12);
    w.feed = MB_FEED_SOURCE;
    w.v_sl = 0.3;
    assert_fails(mb_wire_solve(&w, G, 1, V, I, NULL, &(mb_wire_options){.max_newton = 2}, &info), MB_NUMERIC,
                 "after 2 steps with residual");
    w.feed = MB_FEED_WORD;
    w.law.V0 = 0.002; /* e^100 behind lines of 20 ohm: refused, not guessed */
    assert_fails(mb_wire_solve(&w, G, 1, V, I, NULL, NULL, &info), MB_NUMERIC, "too steep");
    assert_true(info.residual > 1e-3);
    w.law.V0 = 0.02; /* e^10: cells of selectors, many halved steps */
    assert_ok(mb_wire_solve(&w, G, 1, V, I, NULL, NULL, &info));
    assert_true(info.residual <= 1e-12 && info.newton > 5);
    w.r_wl = w.r_bl = 0;
    w.law.V0 = 0.0005; /* e^400 on ideal lines */
    assert_fails(mb_wire_solve(&w, G, 1, V, I, NULL, NULL, &info), MB_NUMERIC, "too steep");
    mb_free(G);
    mb_free(V);
    mb_free(I);
}

static void test_no_cells_no_voltage(void **state) {
    (void)state;
    double G[6] = {0}, E[6], V[2] = {0.1, -0.2}, I[3], U[6];
    mb_wire w = {.m = 2, .n = 3, .r_wl = 1, .r_bl = 1};
    mb_wire_info info;
    for (int t = 0; t < 3; t++) {
        if (t == 2) w.law = (mb_wire_law){.kind = MB_LAW_SINH, .V0 = 0.1};
        if (t) {
            G[1] = 1e-5;
            V[0] = V[1] = 0;
        } else {
            assert_ok(mb_wire_effective(&w, G, E, 1));
            for (int i = 0; i < 6; i++) assert_true(E[i] == 0);
        }
        assert_ok(mb_wire_solve(&w, G, 1, V, I, U, NULL, &info));
        for (int j = 0; j < 3; j++) assert_true(I[j] == 0);
        for (int i = 0; i < 6; i++) assert_true(U[i] == V[i / 3]);
        assert_true(info.residual == 0);
    }
}

/* The n-th allocation fails, for every n: MB_SYSTEM, and nothing leaks. */
static void test_out_of_memory(void **state) {
    (void)state;
    mb_stream s;
    mb_stream_init(&s, 22, MB_RNG_TEST, 0, 0, 1);
    mb_wire w = {.m = 66, .n = 70, .r_wl = 1, .r_bl = 1, .v_sl = 0.1};
    double *G = random_cells(&w, &s), *V = random_inputs(&w, &s), *E = numbers(66 * 70), *I = numbers(70);
    const long live = mb_mem_live();
    for (int what = 0; what < 5; what++) {
        int failed = 0;
        for (long k = 1;; k++) {
            mb_wire v = w;
            if (what == 3) v.law = (mb_wire_law){.kind = MB_LAW_SINH, .V0 = 0.2};
            if (what == 4) v.feed = MB_FEED_SOURCE;
            mb_mem_fail_after(k);
            int rc = what == 0   ? mb_wire_effective(&v, G, E, 1)
                     : what == 1 ? mb_wire_effective(&v, G, E, 2)
                                 : mb_wire_solve(&v, G, 1, V, I, NULL, NULL, NULL);
            mb_mem_fail_after(-1);
            mb_error_clear();
            assert_int_equal(mb_mem_live(), live);
            if (rc == MB_OK) break;
            assert_int_equal(rc, MB_SYSTEM);
            failed++;
        }
        assert_true(failed >= 3);
    }
    double *all[] = {G, V, E, I};
    for (size_t i = 0; i < 4; i++) mb_free(all[i]);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_linear_against_oracle),
        cmocka_unit_test(test_nonlinear_against_oracle),
        cmocka_unit_test(test_source_line_against_oracle),
        cmocka_unit_test(test_series_is_source),
        cmocka_unit_test(test_reciprocity),
        cmocka_unit_test(test_scaling),
        cmocka_unit_test(test_ideal_lines),
        cmocka_unit_test(test_methods_agree),
        cmocka_unit_test(test_kirchhoff),
        cmocka_unit_test(test_same_bits),
        cmocka_unit_test(test_bits_of_all_methods),
        cmocka_unit_test(test_control_variate),
        cmocka_unit_test(test_estimate_exact_for_one_kind),
        cmocka_unit_test(test_ends),
        cmocka_unit_test(test_laws),
        cmocka_unit_test(test_bad_descriptions),
        cmocka_unit_test(test_bad_inputs),
        cmocka_unit_test(test_no_convergence),
        cmocka_unit_test(test_no_cells_no_voltage),
        cmocka_unit_test(test_out_of_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
