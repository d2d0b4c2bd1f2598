/* Cells: the laws of array/cell.h for every registered one, the statistics of `rram`, presets, loading. */
#include "mbtest.h"

#include <dirent.h>
#include <math.h>

#include "array/cell.h"
#include "base/mem.h"

static int load(const char *text, mb_cell *cell) {
    mb_conf *c = NULL;
    assert_ok(mb_conf_parse(text, "test.cfg", &c));
    int rc = mb_cell_load(c, cell);
    if (!rc) assert_ok(mb_conf_check_used(c));
    mb_conf_free(c);
    return rc;
}

static mb_cell loaded(const char *text) {
    mb_cell cell;
    assert_ok(load(text, &cell));
    return cell;
}

#define N 1000
static float target[N], state_a[8 * N], state_b[8 * N], g_a[N], g_b[N], sigma[N];

static mb_stream stream(uint32_t index) {
    mb_stream s;
    mb_stream_init(&s, 42, MB_RNG_PROGRAM, 1, 2, index);
    return s;
}

static void contract(const mb_cell *cell) {
    const mb_cell_type *t = cell->type;
    const void *p = cell->params;
    double lo, hi;
    assert_int_equal(t->abi, MB_CELL_ABI);
    assert_true(t->name && t->summary && t->reference && t->params && t->range && t->levels && t->deterministic && t->program &&
                t->mean && t->read && t->cost);
    assert_ptr_equal(mb_cell_find(t->name), t);
    assert_in_range(t->n_state, 1, 8);
    t->range(p, &lo, &hi);
    assert_true(lo >= 0 && hi > lo && isfinite(hi));
    for (int i = 0; i < N; i++) target[i] = (float)(lo + (hi - lo) * i / (N - 1));
    /* the same stream, the same bits */
    mb_stream a = stream(0), b = stream(0);
    size_t bytes = (size_t)t->n_state * N * sizeof(float);
    t->program(p, N, target, state_a, &a);
    t->program(p, N, target, state_b, &b);
    assert_memory_equal(state_a, state_b, bytes);
    assert_memory_equal(&a, &b, sizeof a);
    /* a longer call begins with a shorter one, and may be split at a chunk */
    enum { SHORT = 300, CUT = 2 * MB_CELL_CHUNK };
    b = stream(0);
    t->program(p, SHORT, target, state_b, &b);
    for (int k = 0; k < t->n_state; k++) assert_memory_equal(state_a + k * N, state_b + k * SHORT, SHORT * sizeof(float));
    b = stream(0);
    t->program(p, CUT, target, state_b, &b);
    for (int k = 0; k < t->n_state; k++) assert_memory_equal(state_a + k * N, state_b + k * CUT, CUT * sizeof(float));
    t->program(p, N - CUT, target + CUT, state_b, &b);
    for (int k = 0; k < t->n_state; k++)
        assert_memory_equal(state_a + k * N + CUT, state_b + k * (N - CUT), (N - CUT) * sizeof(float));
    /* finite, never negative, at any age and temperature; reads too */
    for (double age = 0; age < 1e10; age = age > 0 ? age * 1000 : 1e-6)
        for (double temp = 250; temp < 420; temp += 50) {
            t->mean(p, N, state_a, age, temp, g_a);
            for (int i = 0; i < N; i++) assert_true(isfinite(g_a[i]) && g_a[i] >= 0);
            a = stream(7), b = stream(7);
            t->read(p, N, state_a, age, temp, g_b, &a);
            for (int i = 0; i < N; i++) assert_true(isfinite(g_b[i]) && g_b[i] >= 0);
            if (!t->read_sigma) assert_memory_equal(g_a, g_b, sizeof g_a);
            t->read(p, N, state_a, age, temp, g_a, &b);
            assert_memory_equal(g_a, g_b, sizeof g_a);
        }
    if (t->read_sigma) {
        t->read_sigma(p, N, state_a, 0, 300, g_a, sigma);
        for (int i = 0; i < N; i++) assert_true(isfinite(sigma[i]) && sigma[i] >= 0);
    }
    /* no random part: two streams agree */
    if (t->deterministic(p)) {
        a = stream(0), b = stream(1);
        t->program(p, N, target, state_a, &a);
        t->program(p, N, target, state_b, &b);
        assert_memory_equal(state_a, state_b, bytes);
        t->read(p, N, state_a, 0, 300, g_a, &a);
        t->read(p, N, state_b, 0, 300, g_b, &b);
        assert_memory_equal(g_a, g_b, sizeof g_a);
    }
    mb_cell_cost c;
    t->cost(p, &c);
    assert_true(c.read_V > 0 && c.write_J >= 0 && c.write_s >= 0 && c.area_F2 >= 0);
}

/* A copy of the parameters with the effects of the mask switched off. */
static void *params_without(const mb_cell *cell, unsigned mask) {
    void *p = malloc(cell->type->size);
    assert_non_null(p);
    memcpy(p, cell->params, cell->type->size);
    for (int k = 0; cell->type->effects && cell->type->effects[k]; k++)
        if (mask >> k & 1) cell->type->without(p, k);
    return p;
}

static bool is_ageing(const char *effect) {
    return strcmp(effect, "drift") == 0 || strcmp(effect, "relaxation") == 0 || strcmp(effect, "retention") == 0;
}

/* What switches promise: without all effects the cell stands at its grid for ever; ageing begins at 0; each switch alone leaves a
 * cell that works. */
static void switches(const mb_cell *cell) {
    const mb_cell_type *t = cell->type;
    double lo, hi;
    int L = t->levels(cell->params), seen = 1, n = 0;
    unsigned ageing = 0;
    if (!t->effects) {
        assert_true(t->deterministic(cell->params));         /* a cell with nothing to switch off is exact as it is */
        return;
    }
    assert_non_null(t->without);
    for (; t->effects[n]; n++) {
        assert_true(*t->effects[n] && n < 32);
        for (int k = 0; k < n; k++) assert_string_not_equal(t->effects[k], t->effects[n]);
        if (is_ageing(t->effects[n])) ageing |= 1u << n;
    }
    t->range(cell->params, &lo, &hi);
    for (int i = 0; i < N; i++) target[i] = (float)(lo + (hi - lo) * i / (N - 1));
    mb_stream a = stream(0);
    void *p = params_without(cell, ~0u);
    assert_true(t->deterministic(p));
    t->program(p, N, target, state_a, &a);
    t->mean(p, N, state_a, 0, 300, g_a);
    if (L == 0) assert_memory_equal(g_a, target, sizeof g_a);
    for (int i = 1; i < N; i++) {
        assert_true(g_a[i] >= g_a[i - 1]);                   /* the grid rises */
        seen += g_a[i] > g_a[i - 1];
    }
    if (L > 0 && L <= N / 2) assert_int_equal(seen, L);
    assert_true(fabs((double)g_a[0] - lo) < 1e-6 * hi && fabs((double)g_a[N - 1] - hi) < 1e-6 * hi);
    t->mean(p, N, state_a, 1e8, 360, g_b);
    assert_memory_equal(g_a, g_b, sizeof g_a);
    t->read(p, N, state_a, 1e8, 360, g_b, &a);
    assert_memory_equal(g_a, g_b, sizeof g_a);
    free(p);
    /* programmed with everything, at t = 0: as if there were no ageing */
    a = stream(0);
    t->program(cell->params, N, target, state_a, &a);
    t->mean(cell->params, N, state_a, 0, 300, g_a);
    p = params_without(cell, ageing);
    t->mean(p, N, state_a, 0, 300, g_b);
    bool clipped = false;                                     /* relaxation leaves clipping to the mean */
    for (int i = 0; i < N; i++) clipped = clipped || g_a[i] != g_b[i];
    assert_false(clipped);
    free(p);
    for (int k = 0; k < n; k++) {
        p = params_without(cell, 1u << k);
        a = stream(0);
        t->program(p, N, target, state_b, &a);
        t->read(p, N, state_b, 100, 330, g_b, &a);
        for (int i = 0; i < N; i++) assert_true(isfinite(g_b[i]) && g_b[i] >= 0);
        free(p);
    }
}

/* Many reads of the same cells have the mean mean() and the standard deviation read_sigma(); cells that clip are left out. */
static void many_reads(const mb_cell *cell) {
    enum { CELLS = 8, READS = 2500 };
    const mb_cell_type *t = cell->type;
    double lo, hi, sum[CELLS] = {0}, square[CELLS] = {0};
    bool clips[CELLS] = {false};
    float goal[CELLS], st_[8 * CELLS], m[CELLS], s[CELLS], g[CELLS];
    if (!t->read_sigma) return;
    t->range(cell->params, &lo, &hi);
    for (int i = 0; i < CELLS; i++) goal[i] = (float)(lo + (hi - lo) * (i + 0.5) / CELLS);
    mb_stream a = stream(11);
    t->program(cell->params, CELLS, goal, st_, &a);
    t->mean(cell->params, CELLS, st_, 1000, 300, m);
    t->read_sigma(cell->params, CELLS, st_, 1000, 300, m, s);
    for (int r = 0; r < READS; r++) {
        t->read(cell->params, CELLS, st_, 1000, 300, g, &a);
        for (int i = 0; i < CELLS; i++) {
            double d = (double)g[i] - (double)m[i];
            sum[i] += d / READS;
            square[i] += d * d / READS;
            clips[i] = clips[i] || g[i] <= 0 || g[i] == (float)lo || g[i] == (float)hi;
        }
    }
    for (int i = 0; i < CELLS; i++) {
        double sd = (double)s[i];
        if (clips[i] || !(m[i] > 0)) continue;
        if (fabs(sum[i]) > 5 * sd / sqrt(READS) + 1e-7 * (double)m[i])
            fail_msg("%s: mean of reads off by %g, sigma %g", t->name, sum[i], sd);
        if (fabs(sqrt(square[i]) - sd) > 0.1 * sd + 1e-7 * (double)m[i])
            fail_msg("%s: reads spread by %g, read_sigma is %g", t->name, sqrt(square[i]), sd);
    }
}

/* Decay and spectrum, where the cell tells them. */
static void extras(const mb_cell *cell) {
    const mb_cell_type *t = cell->type;
    if (t->decay) {
        assert_true(t->decay(cell->params, 0, 300) > 0.5);
        for (double age = 1; age < 1e9; age *= 30)
            assert_true(isfinite(t->decay(cell->params, age, 300)) && t->decay(cell->params, age, 300) > 0);
    }
    double lo, hi;
    t->range(cell->params, &lo, &hi);
    for (double f = 1e-3; t->spectrum && f < 1e10; f *= 30)
        assert_true(isfinite(t->spectrum(cell->params, hi, 100, 300, f)) && t->spectrum(cell->params, hi, 100, 300, f) >= 0);
    for (int k = 0; t->shape && k <= 20; k++) {
        double u = k / 20.0, i = t->shape(cell->params, hi, u);
        assert_true(isfinite(i) && fabs(i + t->shape(cell->params, hi, -u)) < 1e-12);
        if (k) assert_true(i >= t->shape(cell->params, hi, u - 0.05));
        if (k == 20) assert_true(fabs(i - 1) < 1e-9);
    }
}

static void all_laws(const mb_cell *cell) {
    contract(cell);
    switches(cell);
    many_reads(cell);
    extras(cell);
}

/* Error-free cells give exactly the grid: the target itself, or the nearest level; levels stay where they are. */
static void exact(const char *text, int levels) {
    mb_cell cell = loaded(text);
    const mb_cell_type *t = cell.type;
    double lo, hi;
    t->range(cell.params, &lo, &hi);
    assert_int_equal(t->levels(cell.params), levels);
    assert_true(t->deterministic(cell.params));
    for (int i = 0; i < N; i++) target[i] = (float)(lo + (hi - lo) * i / (N - 1));
    mb_stream s = stream(3);
    t->program(cell.params, N, target, state_a, &s);
    t->mean(cell.params, N, state_a, 0, 300, g_a);
    t->read(cell.params, N, state_a, 0, 300, g_b, &s);
    assert_memory_equal(g_a, g_b, sizeof g_a);
    for (int i = 0; i < N; i++) {
        if (levels == 0) {
            assert_true(g_a[i] == target[i]);
            continue;
        }
        double step = (hi - lo) / (levels - 1), j = ((double)g_a[i] - lo) / step;
        assert_true(fabs(j - round(j)) < 1e-4);
        assert_true(fabs((double)g_a[i] - (double)target[i]) <= step / 2 * 1.0001);
    }
    t->program(cell.params, N, g_a, state_b, &s);
    t->mean(cell.params, N, state_b, 0, 300, g_b);
    assert_memory_equal(g_a, g_b, sizeof g_a);
    mb_cell_free(&cell);
}

static void test_contract(void **state) {
    (void)state;
    int n = 0;
    for (; mb_cells[n]; n++) {
        char text[100];
        snprintf(text, sizeof text, "cell = \"%s\";", mb_cells[n]->name);
        mb_cell cell = loaded(text);
        assert_ptr_equal(cell.type, mb_cells[n]);
        all_laws(&cell);
        mb_cell_free(&cell);
    }
    assert_true(n >= 2);
    static const char *const more[] = {
        "cell = \"ideal\"; g_min_S = 1e-6; levels = 16;",
        "cell = \"rram\"; prog_sigma = 0.3; read_sigma = 0.3; stuck_on = 0.1; stuck_off = 0.2; drift_nu = 0.05; drift_nu_sigma = "
        "0.1;",
        "cell = \"rram\"; prog_sigma = 1.0; prog_sigma_prop = -1.0; prog_distribution = \"lognormal\"; read_sigma_prop = 0.5; "
        "levels = 5; on_off = 1e9;",
        "cell = \"rram\"; drift_nu_sigma = 0.02;",
        "cell = \"rram\"; stuck_on = 0.5; stuck_off = 0.5;",
        /* the generic cell with everything at once, and one thing after another */
        "cell = \"generic\"; g_min_S = 5e-6; levels = 9; d2d_sigma = 0.05; d2d_off_sigma = 0.4; cycles = 1e5; endurance_sigma = "
        "2.0; "
        "endurance_window = 1.0; endurance_shape = 1.5; prog_sigma = (0.01, 0.02); prog_bias = (0.001); c2c_sigma = 0.02; "
        "stuck_on = 0.01; stuck_off = 0.03; relax = \"added\"; relax_t_s = (1.0, 1e5); relax_sigma = (0.01, 0.03); "
        "relax_shift = (0.0, -0.01); drift = \"power\"; drift_nu = (0.05); drift_nu_sigma = (0.02); retention = \"decay\"; "
        "retention_tau_s = 1e8; retention_sigma = 1.0; retention_Ea_eV = 1.1; temp_coeff = -0.001; temp_Ea_eV = (0.1, -0.1); "
        "access_ohm = 2000.0; leak_S = 1e-8; leak_double_K = 10.0; white = (0.002, 0.004); white_temp_power = 0.5; "
        "read_bandwidth_Hz = 1e6; flicker = (0.005); rtn_fraction = 0.3; rtn_amplitude = 0.05; rtn_spread = 0.5; rtn_duty = 0.3; "
        "iv = \"sinh\"; drift_compensated = true;",
        "cell = \"generic\"; level_S = (0.0, 1e-6, 3e-6, 10e-6, 100e-6); level_map = \"index\"; prog_distribution = "
        "\"lognormal\"; "
        "prog_sigma = (0.001, 0.1);",
        "cell = \"generic\"; prog_distribution = \"residuals\"; prog_residuals = (-2.0, -0.5, 0.0, 0.3, 2.5); prog_sigma = "
        "(0.05); "
        "c2c_sigma = 0.01; clip = \"range\"; g_min_S = 10e-6;",
        "cell = \"generic\"; prog_distribution = \"table\"; prog_table_g_S = (0.0, 50e-6, 100e-6); prog_table_S = (0.0, 1e-6, "
        "-2e-6, "
        "2e-6, -9e-6, 1e-6); drift = \"table\"; drift_t_s = (10.0, 1e6); drift_table = (1.0, 0.99, 0.7, 0.9); drift_g_S = (0.0, "
        "100e-6);",
        "cell = \"generic\"; g_min_S = 1e-6; verify = \"window\"; verify_tolerance = 0.01; verify_max_pulses = 5; prog_sigma = "
        "(0.03); "
        "d2d_sigma = 0.1; retention = \"flip\"; retention_tau_s = 1e6; iv = \"polynomial\"; iv_coeff = (0.1, 0.3); "
        "access_ohm = 1000.0; access_verified = true;",
        "cell = \"generic\"; read_V = 0.5; arg_unit_S = 2e-9; sigma_unit_S = 2e-9; g_max_S = 4e-6; prog_sigma_form = "
        "\"saturating\"; "
        "prog_sigma = (19.9, 176.3); relax = \"total\"; relax_t_s = (0.0, 86400.0); relax_form = \"saturating\"; relax_interp = "
        "\"linear\"; relax_sigma = (19.9, 176.3, 25.6, 186.9); drift = \"polynomial\"; drift_interp = \"linear\"; drift_t_s = "
        "(0.0, "
        "86400.0); drift_table = (0.0, 0.0, 0.17, 0.057); white_form = \"saturating\"; white = (12.58, 215.4);",
    };
    for (size_t i = 0; i < sizeof more / sizeof *more; i++) {
        mb_cell cell = loaded(more[i]);
        all_laws(&cell);
        mb_cell_free(&cell);
    }
}

static void test_exact(void **state) {
    (void)state;
    exact("cell = \"ideal\";", 0);
    exact("cell = \"ideal\"; levels = 4;", 4);
    exact("cell = \"ideal\"; g_min_S = 3e-6; levels = 33;", 33);
    exact("cell = \"rram\";", 0);
    exact("cell = \"rram\"; levels = 2;", 2);
    exact("cell = \"rram\"; levels = 16; on_off = 17.0;", 16);
}

/* Mean and standard deviation of n numbers at 5 sigma of a normal population. */
static void assert_normal(size_t n, const double *v, double mean, double sd) {
    double s = 0, q = 0;
    for (size_t i = 0; i < n; i++) s += v[i];
    s /= (double)n;
    for (size_t i = 0; i < n; i++) q += (v[i] - s) * (v[i] - s);
    q = sqrt(q / (double)(n - 1));
    if (fabs(s - mean) > 5 * sd / sqrt((double)n)) fail_msg("mean %g, expected %g", s, mean);
    if (fabs(q / sd - 1) > 5 / sqrt(2.0 * (double)n)) fail_msg("standard deviation %g, expected %g", q, sd);
}

enum { M = 20000 };
static float many[M], st[2 * M], out[M];
static double v[M];

static void program_many(const mb_cell *c, float G, uint32_t index) {
    mb_stream s = stream(index);
    for (int i = 0; i < M; i++) many[i] = G;
    c->type->program(c->params, M, many, st, &s);
}

static void test_programming(void **state) {
    (void)state;
    mb_cell g = loaded("cell = \"rram\"; g_max_S = 200e-6; on_off = 10.0; prog_sigma = 0.02; prog_sigma_prop = 0.03;");
    for (int k = 0; k < 2; k++) {
        double G = k ? 180e-6 : 60e-6;                       /* more than 5 sigma above 0: no clamp */
        program_many(&g, (float)G, (uint32_t)k);
        for (int i = 0; i < M; i++) v[i] = (double)st[i];
        assert_normal(M, v, G, 0.02 * 200e-6 + 0.03 * G);
    }
    assert_false(g.type->deterministic(g.params));
    mb_cell_free(&g);
    g = loaded("cell = \"rram\"; g_max_S = 200e-6; on_off = 1e6; prog_sigma = 0.05;");
    program_many(&g, 0, 3);                                  /* half of the cells clamp at 0 */
    int zero = 0;
    for (int i = 0; i < M; i++) zero += st[i] == 0;
    assert_true(abs(zero - M / 2) < 5 * sqrt(M) / 2);
    mb_cell_free(&g);
    mb_cell l = loaded("cell = \"rram\"; g_max_S = 200e-6; prog_sigma_prop = 0.4; prog_distribution = \"lognormal\";");
    program_many(&l, 100e-6f, 4);
    double s2 = log(1 + 0.16), s = 0;
    for (int i = 0; i < M; i++) v[i] = log((double)st[i]);
    assert_normal(M, v, log(100e-6) - s2 / 2, sqrt(s2));     /* a log-normal distribution ... */
    for (int i = 0; i < M; i++) s += (double)st[i] / M;
    assert_true(fabs(s - 100e-6) < 5 * 40e-6 / sqrt(M));     /* ... with the mean of the target */
    mb_cell_free(&l);
}

static void test_faults(void **state) {
    (void)state;
    mb_cell c = loaded("cell = \"rram\"; g_max_S = 100e-6; on_off = 10.0; stuck_on = 0.05; stuck_off = 0.2; drift_nu = 0.1;");
    program_many(&c, 50e-6f, 5);
    int on = 0, off = 0, ok = 0;
    for (int i = 0; i < M; i++) {
        on += st[i] == 100e-6f;
        off += st[i] == (float)(100e-6 / 10);
        ok += st[i] == 50e-6f;
    }
    assert_int_equal(on + off + ok, M);
    assert_true(fabs(on - 0.05 * M) < 5 * sqrt(0.05 * 0.95 * M));
    assert_true(fabs(off - 0.2 * M) < 5 * sqrt(0.2 * 0.8 * M));
    c.type->mean(c.params, M, st, 1e6, 300, out);
    for (int i = 0; i < M; i++) assert_true(st[i] == 50e-6f ? out[i] < 50e-6f : out[i] == st[i]);   /* stuck cells do not drift */
    mb_cell_free(&c);
    /* faults leave the programming errors of the healthy cells as they were */
    static float before[M];
    mb_cell a = loaded("cell = \"rram\"; prog_sigma = 0.02;"),
            b = loaded("cell = \"rram\"; prog_sigma = 0.02; stuck_off = 0.3; drift_nu_sigma = 0.01;");
    program_many(&a, 100e-6f, 6);
    memcpy(before, st, sizeof before);
    program_many(&b, 100e-6f, 6);
    int same = 0;
    for (int i = 0; i < M; i++) same += st[i] == before[i];
    assert_true(same > 0.65 * M && same < 0.75 * M);
    mb_cell_free(&a);
    mb_cell_free(&b);
}

static void test_drift(void **state) {
    (void)state;
    mb_cell c = loaded("cell = \"rram\"; g_max_S = 100e-6; drift_nu = 0.06; drift_nu_sigma = 0.01; drift_t0_s = 20.0;");
    program_many(&c, 80e-6f, 8);
    for (int k = 0; k < 2; k++) {
        double t = k ? 1e5 : 100, L = log((t + 20) / 20);
        c.type->mean(c.params, M, st, t, 300, out);
        for (int i = 0; i < M; i++) v[i] = -log((double)out[i] / 80e-6) / L;
        assert_normal(M, v, 0.06, 0.01);                     /* the exponent, from cell to cell */
    }
    c.type->mean(c.params, M, st, 0, 300, out);
    for (int i = 0; i < M; i++) assert_true(out[i] == 80e-6f);
    mb_cell_free(&c);
}

static void test_read_noise(void **state) {
    (void)state;
    mb_cell c = loaded("cell = \"rram\"; g_max_S = 100e-6; read_sigma = 0.01; read_sigma_prop = 0.02;");
    program_many(&c, 80e-6f, 9);
    assert_false(c.type->deterministic(c.params));
    mb_stream s = stream(10);
    c.type->read(c.params, M, st, 0, 300, out, &s);
    for (int i = 0; i < M; i++) v[i] = (double)out[i];
    assert_normal(M, v, 80e-6, 0.01 * 100e-6 + 0.02 * 80e-6);
    float g = 80e-6f, sd;
    c.type->read_sigma(c.params, 1, st, 0, 300, &g, &sd);
    assert_true(fabs((double)sd - 2.6e-6) < 1e-11);
    mb_cell_free(&c);
}

/* Every preset that ships: loads, every key is used, keeps all laws. */
static void test_every_preset(void **state) {
    (void)state;
    char path[1000];
    int n = 0;
    snprintf(path, sizeof path, "%s/devices", srcdir());
    DIR *d = opendir(path);
    assert_non_null(d);
    for (struct dirent *e; (e = readdir(d));) {
        size_t len = strlen(e->d_name);
        mb_conf *c = NULL;
        mb_cell cell;
        if (len < 5 || strcmp(e->d_name + len - 4, ".cfg") != 0) continue;
        snprintf(path, sizeof path, "%s/devices/%s", srcdir(), e->d_name);
        assert_ok(mb_conf_read(path, &c));
        if (mb_conf_find(c, "cell")) {
            assert_ok(mb_cell_load(c, &cell));
            assert_ok(mb_conf_check_used(c));
            all_laws(&cell);
            mb_cell_free(&cell);
            n++;
        }
        mb_conf_free(c);
    }
    closedir(d);
    assert_true(n >= 2);
}

/* The presets load, hold what their sources say, and every key is used. */
static void test_presets(void **state) {
    (void)state;
    static const char *const names[] = {"ideal", "rram"};
    for (int i = 0; i < 2; i++) {
        char path[500];
        mb_conf *c = NULL;
        mb_cell cell;
        snprintf(path, sizeof path, "%s/devices/%s.cfg", srcdir(), names[i]);
        assert_ok(mb_conf_read(path, &c));
        assert_ok(mb_cell_load(c, &cell));
        assert_ok(mb_conf_check_used(c));
        contract(&cell);
        if (i == 1) {                                        /* Milo et al.: sigma = 4.782 uS - 0.00911 G, 50 .. 225 uS */
            double lo, hi;
            cell.type->range(cell.params, &lo, &hi);
            assert_true(fabs(lo - 50e-6) < 1e-9 && fabs(hi - 225e-6) < 1e-9);
            for (int k = 0; k < 2; k++) {
                double G = k ? 225e-6 : 50e-6;
                program_many(&cell, (float)G, 20);
                for (int j = 0; j < M; j++) v[j] = (double)st[j];
                assert_normal(M, v, G, 4.782e-6 - 0.00911 * G);
            }
        }
        mb_cell_free(&cell);
        mb_conf_free(c);
    }
}

static void test_load(void **state) {
    (void)state;
    mb_cell cell;
    assert_fails(load("cell = \"rran\";", &cell), MB_BADINPUT, "did you mean \"rram\"");
    assert_fails(load("\ncell = \"rran\";", &cell), MB_BADINPUT, "test.cfg:2");
    assert_fails(load("cell = \"perpetual motion\";", &cell), MB_BADINPUT, "ideal, rram");
    assert_fails(load("g_max_S = 1e-6;", &cell), MB_BADINPUT, "`cell` is missing");
    assert_fails(load("cell = 1;", &cell), MB_BADINPUT, "in quotes");
    assert_fails(load("cell = \"rram\"; prog_sgma = 0.1;", &cell), MB_BADINPUT, "prog_sigma");
    assert_fails(load("cell = \"rram\"; on_off = 0.5;", &cell), MB_BADINPUT, "on_off");
    assert_fails(load("cell = \"rram\"; levels = 1;", &cell), MB_BADINPUT, "levels = 1");
    assert_fails(load("cell = \"rram\"; stuck_on = 0.6; stuck_off = 0.6;", &cell), MB_BADINPUT, "stuck_on");
    assert_fails(load("cell = \"rram\"; prog_distribution = \"cauchy\";", &cell), MB_BADINPUT, "gaussian");
    assert_fails(load("cell = \"ideal\"; g_min_S = 1e-3;", &cell), MB_BADINPUT, "g_min_S");
    assert_fails(mb_cell_load(NULL, &cell), MB_BADINPUT, "group");
    assert_null(mb_cell_find("rran"));
    for (long n = 0;; n++) {
        long live = mb_mem_live();
        mb_conf *c = NULL;
        assert_ok(mb_conf_parse("cell = \"rram\"; levels = 4;", "test.cfg", &c));
        mb_mem_fail_after(n);
        int rc = mb_cell_load(c, &cell);
        mb_mem_fail_after(-1);
        mb_error_clear();
        if (!rc) mb_cell_free(&cell);
        mb_conf_free(c);
        assert_int_equal(mb_mem_live(), live);
        if (!rc) break;
        assert_int_equal(rc, MB_SYSTEM);
    }
}

/* Each effect of rram alone can be switched off: the others leave the marks that they left before. */
static void test_switches(void **state) {
    (void)state;
    enum { CELLS = 600 };
    mb_conf *c = NULL;
    mb_cell cell;
    assert_ok(mb_conf_parse("cell = \"rram\"; prog_sigma = 0.05; stuck_on = 0.1; drift_nu = 0.05; drift_nu_sigma = 0.01; read_sigma = 0.02;", "test", &c));
    assert_ok(mb_cell_load(c, &cell));
    mb_conf_free(c);
    static const char *const names[] = {"programming", "stuck", "drift", "read noise"};
    float aim[CELLS], spread[CELLS], all[2 * CELLS], state1[2 * CELLS], g[CELLS];
    unsigned char *p = mb_malloc(cell.type->size, 1);
    double lo, hi;
    assert_non_null(p);
    cell.type->range(cell.params, &lo, &hi);
    for (int i = 0; i < CELLS; i++) aim[i] = (float)(lo + (hi - lo) * (i % 7) / 6);
    mb_stream s;
    mb_stream_init(&s, 1, MB_RNG_PROGRAM, 0, 0, 0);
    cell.type->program(cell.params, CELLS, aim, all, &s);
    for (int e = 0; e < 4; e++) {
        assert_string_equal(cell.type->effects[e], names[e]);
        memcpy(p, cell.params, cell.type->size);
        cell.type->without(p, e);
        mb_stream_init(&s, 1, MB_RNG_PROGRAM, 0, 0, 0);
        cell.type->program(p, CELLS, aim, state1, &s);
        cell.type->read_sigma(p, CELLS, state1, 0, 300, aim, spread);
        assert_true((spread[3] == 0) == (e == 3));
        for (int i = 0; i < CELLS; i++) {
            const bool stuck = all[i] == (float)hi && all[CELLS + i] == 0;
            if (e == 0 && stuck) assert_true(state1[i] == (float)hi && state1[CELLS + i] == 0); /* the same cells are stuck */
            if (e == 0 && !stuck) assert_true(state1[CELLS + i] == all[CELLS + i]);                 /* and drift as they did */
            if (e == 1 && !stuck) assert_true(state1[i] == all[i] && state1[CELLS + i] == all[CELLS + i]);
            if (e == 2) assert_true(state1[i] == all[i] && state1[CELLS + i] == 0);
            if (e == 3) assert_true(state1[i] == all[i] && state1[CELLS + i] == all[CELLS + i]);
        }
    }
    assert_null(cell.type->effects[4]);
    memcpy(p, cell.params, cell.type->size);
    for (int e = 0; e < 4; e++) cell.type->without(p, e);
    mb_stream_init(&s, 1, MB_RNG_PROGRAM, 0, 0, 0);
    cell.type->program(p, CELLS, aim, state1, &s);
    cell.type->mean(p, CELLS, state1, 1e6, 300, g);
    for (int i = 0; i < CELLS; i++) assert_true(g[i] == aim[i]);
    assert_true(cell.type->deterministic(p));
    mb_free(p);
    mb_cell_free(&cell);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_contract), cmocka_unit_test(test_exact), cmocka_unit_test(test_programming),
        cmocka_unit_test(test_faults),   cmocka_unit_test(test_drift), cmocka_unit_test(test_read_noise),
        cmocka_unit_test(test_presets),  cmocka_unit_test(test_load),  cmocka_unit_test(test_switches),
        cmocka_unit_test(test_every_preset),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
