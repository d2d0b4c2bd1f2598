/* The generic cell, stage by stage: statistics against closed forms, switches that leave other draws alone, bad input. */
#include "mbtest.h"

#include <gsl/gsl_cdf.h>
#include <math.h>

#include "array/analog.h"
#include "array/cell.h"
#include "base/mem.h"
#include "devices/generic.h"

enum { N = 20000 };
static float target[N], st[8 * N], st2[8 * N], out[N], out2[N];
static double v[N];

static int load(const char *text, mb_cell *cell) {
    char buf[4000];
    mb_conf *c = NULL;
    snprintf(buf, sizeof buf, "cell = \"generic\"; %s", text);
    assert_ok(mb_conf_parse(buf, "test.cfg", &c));
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

static void bad(const char *text, const char *message) {
    mb_cell cell;
    assert_fails(load(text, &cell), MB_BADINPUT, message);
}

static mb_stream stream(mb_rng_domain d, uint32_t index) {
    mb_stream s;
    mb_stream_init(&s, 99, d, 1, 2, index);
    return s;
}

/* All cells of one target. */
static void program(const mb_cell *c, double G, float *state) {
    mb_stream s = stream(MB_RNG_PROGRAM, 0);
    for (int i = 0; i < N; i++) target[i] = (float)G;
    c->type->program(c->params, N, target, state, &s);
}

static void mean_at(const mb_cell *c, double t, double T, float *g) { c->type->mean(c->params, N, st, t, T, g); }

static void read_at(const mb_cell *c, double t, double T, float *g) {
    mb_stream s = stream(MB_RNG_READ, 5);
    c->type->read(c->params, N, st, t, T, g, &s);
}

static void moments(const double *x, double *m, double *s) {
    *m = *s = 0;
    for (int i = 0; i < N; i++) *m += x[i] / N;
    for (int i = 0; i < N; i++) *s += (x[i] - *m) * (x[i] - *m) / (N - 1);
    *s = sqrt(*s);
}

static void use(const float *g) {
    for (int i = 0; i < N; i++) v[i] = (double)g[i];
}

/* v: mean and standard deviation at 5 standard errors; the kurtosis widens that of the latter. */
static void assert_moments(double mean, double sd, double kurtosis) {
    double m, s;
    moments(v, &m, &s);
    if (fabs(m - mean) > 5 * sd / sqrt(N) + 1e-6 * fabs(mean)) fail_msg("mean %g, expected %g", m, mean);
    if (fabs(s - sd) > 5 * sd * sqrt((kurtosis - 1) / 4 / N) + 1e-6 * fabs(mean))
        fail_msg("standard deviation %g, expected %g", s, sd);
}

static void near_to(double a, double b, double rel) {
    if (!(fabs(a - b) <= rel * fabs(b))) fail_msg("%.9g, expected %.9g", a, b);
}

/* --- levels, variation, wear ------------------------------------------------------------------------------------------ */

static void test_levels(void **state) {
    (void)state;
    float t[] = {0, 1.4e-6f, 1.6e-6f, 6e-6f, 9e-6f, 60e-6f, 100e-6f}, g[8 * 7];
    mb_stream s = stream(MB_RNG_PROGRAM, 0);
    mb_cell c = loaded("level_S = (0.0, 1e-6, 2e-6, 10e-6, 100e-6);");
    assert_int_equal(c.type->levels(c.params), 5);
    c.type->program(c.params, 7, t, g, &s);
    float nearest[] = {0, 1e-6f, 2e-6f, 10e-6f, 10e-6f, 100e-6f, 100e-6f};
    for (int i = 0; i < 7; i++) near_to((double)g[i] + 1, (double)nearest[i] + 1, 1e-12);
    mb_cell_free(&c);
    c = loaded("level_S = (0.0, 1e-6, 2e-6, 10e-6, 100e-6); level_map = \"index\";");
    float d[] = {0, 25e-6f, 50e-6f, 75e-6f, 100e-6f}, by_index[] = {0, 1e-6f, 2e-6f, 10e-6f, 100e-6f};
    c.type->program(c.params, 5, d, g, &s);
    for (int i = 0; i < 5; i++) assert_true(g[i] == by_index[i]);
    mb_cell_free(&c);
}

static void test_variation(void **state) {
    (void)state;
    mb_cell c = loaded("g_min_S = 10e-6; d2d_sigma = 0.05;");
    program(&c, 60e-6, st);
    use(st);
    assert_moments(60e-6, 0.05 * 50e-6, 3);
    mb_cell_free(&c);
    c = loaded("g_min_S = 1e-6; d2d_off_sigma = 0.5;");
    program(&c, 1e-6, st);
    for (int i = 0; i < N; i++) v[i] = log((double)st[i] / 1e-6);
    assert_moments(0, 0.5, 3);
    mb_cell_free(&c);
    /* verification removes the variation of devices that can reach the target */
    c = loaded("d2d_sigma = 0.05; prog_sigma = (1e-4); verify = \"window\"; verify_tolerance = 0.01;");
    program(&c, 50e-6, st);
    for (int i = 0; i < N; i++) assert_true(fabs((double)st[i] - 50e-6) <= 1e-6 * 1.0001);
    program(&c, 100e-6, st);
    int low = 0;
    for (int i = 0; i < N; i++) low += (double)st[i] < 98e-6;
    assert_true(low > 0.3 * N && low < 0.4 * N);              /* P(xi < -0.4) = 34 % cannot */
    mb_cell_free(&c);
}

static void test_endurance(void **state) {
    (void)state;
    mb_cell c =
        loaded("cycles = 4e6; endurance_cycles = 1e6; endurance_power = 0.5; endurance_sigma = 1.5; prog_sigma = (0.01);");
    program(&c, 50e-6, st);
    use(st);
    assert_moments(50e-6, 1e-6 * (1 + 1.5 * 2), 3);
    mb_cell_free(&c);
    c = loaded("g_min_S = 20e-6; cycles = 1e6; endurance_window = 1.0;");
    program(&c, 100e-6, st);
    near_to((double)st[0], 80e-6, 1e-6);
    program(&c, 20e-6, st);
    near_to((double)st[0], 40e-6, 1e-6);
    mb_cell_free(&c);
    c = loaded("g_min_S = 1e-6; cycles = 5e5; endurance_shape = 2.0; endurance_stuck_on = 0.25; stuck_off_S = 0.0;");
    program(&c, 50e-6, st);
    double F = 1 - exp(-0.25), on = 0, off = 0;
    for (int i = 0; i < N; i++) on += st[i] == 100e-6f, off += st[i] == 0;
    assert_true(fabs(on - 0.25 * F * N) < 5 * sqrt(0.25 * F * N) && fabs(off - 0.75 * F * N) < 5 * sqrt(0.75 * F * N));
    mb_cell_free(&c);
}

/* --- programming -------------------------------------------------------------------------------------------------------- */

static void test_distributions(void **state) {
    (void)state;
    mb_cell c = loaded("prog_sigma = (0.01, 0.02, -0.01); prog_bias = (0.002, -0.01); prog_scale = 2.0; c2c_sigma = 0.03;");
    double x = 0.5, sp = 2 * (0.01 + 0.02 * x - 0.01 * x * x) * 100e-6, sc = 0.03 * 50e-6;
    program(&c, 50e-6, st);
    use(st);
    assert_moments(50e-6 + 2 * (0.002 - 0.01 * x) * 100e-6, sqrt(sp * sp + sc * sc), 3);
    near_to(mb_generic_prog_sigma(c.params, 50e-6), sqrt(sp * sp + sc * sc), 1e-12);
    mb_cell_free(&c);
    c = loaded("prog_sigma = (0.0, 0.3); prog_distribution = \"lognormal\";");
    program(&c, 50e-6, st);
    double s2 = log(1.09), m = 0;
    for (int i = 0; i < N; i++) v[i] = log((double)st[i]), m += (double)st[i] / N;
    assert_moments(log(50e-6) - s2 / 2, sqrt(s2), 3);
    near_to(m, 50e-6, 5 * 0.3 / sqrt(N));
    mb_cell_free(&c);
    c = loaded("prog_sigma = (0.02); prog_distribution = \"uniform\";");
    program(&c, 50e-6, st);
    use(st);
    assert_moments(50e-6, 2e-6, 1.8);
    for (int i = 0; i < N; i++) assert_true(fabs(v[i] - 50e-6) <= sqrt(3) * 2e-6 * 1.0001);
    mb_cell_free(&c);
    /* units: arguments and results as published */
    c = loaded("g_max_S = 225e-6; arg_unit_S = 1e-6; sigma_unit_S = 1e-6; prog_sigma = (4.782, -0.00911);");
    program(&c, 100e-6, st);
    use(st);
    assert_moments(100e-6, 4.782e-6 - 0.00911 * 100e-6, 3);
    mb_cell_free(&c);
    c = loaded("g_max_S = 25e-6; arg_unit_S = 1e-6; sigma_unit_S = 1e-6; prog_sigma = (0.28638599, 0.07585724, -0.00178767);");
    program(&c, 20e-6, st);                                    /* Joshi et al. 2020 */
    use(st);
    assert_moments(20e-6, 1.0884628e-6, 3);
    mb_cell_free(&c);
    c = loaded("prog_sigma_form = \"table\"; prog_sigma_x = (0.0, 0.4, 1.0); prog_sigma = (0.01, 0.03, 0.01);");
    near_to(mb_generic_prog_sigma(c.params, 70e-6), 0.02 * 100e-6, 1e-12);
    mb_cell_free(&c);
}

static void test_measured(void **state) {
    (void)state;
    /* four equally probable residuals: quantiles at 1/8, 3/8, 5/8, 7/8 */
    mb_cell c = loaded("prog_sigma = (0.01); prog_distribution = \"residuals\"; prog_residuals = (-3.0, 0.0, 1.0, 2.0);");
    program(&c, 50e-6, st);
    int below = 0, ends = 0, middle = 0;
    for (int i = 0; i < N; i++) {
        double e = ((double)st[i] - 50e-6) / 1e-6;
        assert_true(e > -3.001 && e < 2.001);
        below += e < 0, ends += e < -2.999, middle += e > 0 && e < 1;
    }
    assert_true(fabs(below - N * 3 / 8.0) < 5 * sqrt(N) / 2 && fabs(ends - N / 8.0) < 5 * sqrt(N) / 3 &&
                fabs(middle - N / 4.0) < 5 * sqrt(N) / 2);
    mb_cell_free(&c);
    /* a table: halfway between two targets, halfway between their quantiles */
    c = loaded(
        "prog_distribution = \"table\"; prog_table_g_S = (20e-6, 60e-6); prog_table_S = (-1e-6, 1e-6, -5e-6, 9e-6); c2c_sigma = "
        "0.0;");
    program(&c, 40e-6, st);
    int low = 0;
    for (int i = 0; i < N; i++) {
        double e = (double)st[i] - 40e-6;
        assert_true(e > -3.001e-6 && e < 5.001e-6);
        low += e < -2.999e-6;
    }
    assert_true(fabs(low - N / 4.0) < 5 * sqrt(N) / 2);
    program(&c, 90e-6, st);                                    /* beyond the last target: its row */
    for (int i = 0; i < N; i++) assert_true((double)st[i] - 90e-6 > -5.001e-6 && (double)st[i] - 90e-6 < 9.001e-6);
    mb_cell_free(&c);
}

static void test_verify(void **state) {
    (void)state;
    mb_cell c =
        loaded("prog_sigma = (0.05); verify = \"window\"; verify_tolerance = 0.02; verify_max_pulses = 1000; pulses = 3.0; "
               "pulse_J = 1e-12; pulse_s = 1e-6; verify_J = 1e-13; verify_s = 2e-7;");
    program(&c, 50e-6, st);
    use(st);
    double a = 0.4, p = 2 * gsl_cdf_ugaussian_P(a) - 1, cut = 1 - 2 * a * exp(-a * a / 2) / sqrt(2 * M_PI) / p;
    assert_moments(50e-6, 5e-6 * sqrt(cut), 1.8);              /* a normal distribution cut at 0.4 sigma is nearly uniform */
    for (int i = 0; i < N; i++) assert_true(fabs(v[i] - 50e-6) <= 2.0001e-6);
    near_to(mb_generic_pulses(c.params, 50e-6), 3 + 1 / p - 1, 1e-9);
    mb_cell_cost cost;
    c.type->cost(c.params, &cost);
    near_to(cost.pulses, 2 + 1 / p, 1e-9);
    near_to(cost.write_J, (2 + 1 / p) * 1.1e-12, 1e-9);
    near_to(cost.write_s, (2 + 1 / p) * 1.2e-6, 1e-9);
    mb_cell_free(&c);
    /* pulses run out: the share of accepted cells; one pulse alone leaves the normal distribution */
    c = loaded("prog_sigma = (0.05); verify = \"window\"; verify_tolerance = 0.02; verify_max_pulses = 3;");
    program(&c, 50e-6, st);
    int good = 0;
    for (int i = 0; i < N; i++) good += fabs((double)st[i] - 50e-6) <= 2e-6;
    double share = 1 - pow(1 - p, 3);
    assert_true(fabs(good - share * N) < 5 * sqrt(share * (1 - share) * N) + 2);
    near_to(mb_generic_pulses(c.params, 50e-6), share / p, 1e-9);
    mb_cell_free(&c);
    c = loaded("prog_sigma = (0.05); verify = \"window\"; verify_tolerance = 0.02; verify_max_pulses = 1;");
    program(&c, 50e-6, st);
    use(st);
    assert_moments(50e-6, 5e-6, 3);
    mb_cell_free(&c);
    /* log-normal pulses: inside the window, on the side where they fall more often */
    c = loaded("prog_sigma = (0.2); prog_distribution = \"lognormal\"; verify = \"window\"; verify_tolerance = 0.05;");
    program(&c, 20e-6, st);
    for (int i = 0; i < N; i++) assert_true(fabs((double)st[i] - 20e-6) <= 5.0001e-6);
    mb_cell_free(&c);
}

/* --- ageing ------------------------------------------------------------------------------------------------------------- */

static void test_relaxation(void **state) {
    (void)state;
    /* CMO/HfOx: linear in ln t */
    mb_cell c = loaded("g_min_S = 9e-6; g_max_S = 88.2e-6; arg_unit_S = 1e-6; sigma_unit_S = 1e-6; prog_sigma = (0.01, 0.01); "
                       "relax = \"added\"; relax_t_s = (1.0, 1e8); relax_sigma = (0.412, 1.1857); relax_shift = (0.0, -1.6394);");
    program(&c, 50e-6, st);
    mean_at(&c, 0.5, 300, out);
    use(out);
    assert_moments(50e-6, 0.51e-6, 3);                         /* not yet */
    mean_at(&c, 1e4, 300, out);
    use(out);
    double s = (0.412 + 1.1857) / 2 * 1e-6;
    assert_moments(50e-6 - 0.8197e-6, sqrt(s * s + 0.51e-6 * 0.51e-6), 3);
    mb_cell_free(&c);
    /* total: the whole spread, and programming goes on in it */
    c = loaded("prog_sigma = (0.01); relax = \"total\"; relax_t_s = (1.0, 100.0); relax_sigma = (0.02, 0.04);");
    program(&c, 50e-6, st);
    mean_at(&c, 0, 300, out2);
    mean_at(&c, 10, 300, out);
    use(out);
    assert_moments(50e-6, 3e-6, 3);
    double both = 0;
    for (int i = 0; i < N; i++) both += ((double)out[i] - 50e-6) * ((double)out2[i] - 50e-6) / N;
    near_to(both, 1e-12, 0.1);                                 /* covariance: the programming error is still there */
    mb_cell_free(&c);
    /* SONOS after one and four days: as the array engine has it, both from Agrawal et al. */
    for (int day = 1; day <= 4; day += 3) {
        char text[3000], *at = text, *end = text + sizeof text;
        double poly[11], A, B, A0, B0;
        at += snprintf(at, (size_t)(end - at),
                       "read_V = 0.05; g_max_S = 16e-6; arg_unit_S = 2e-8; sigma_unit_S = 2e-8; drift = \"polynomial\"; "
                       "drift_interp = \"linear\"; drift_t_s = (%.1f); drift_table = (",
                       day * 86400.0);
        mb_analog_sonos(0, poly, &A0, &B0);
        mb_analog_sonos(day, poly, &A, &B);
        for (int k = 0; k < 11; k++) at += snprintf(at, (size_t)(end - at), "%s%.17g", k ? ", " : "", poly[k]);
        snprintf(at, (size_t)(end - at),
                 "); prog_sigma_form = \"saturating\"; prog_sigma = (%.17g, %.17g); relax = \"total\"; relax_form = "
                 "\"saturating\"; relax_t_s = (%.1f); relax_sigma = (%.17g, %.17g);",
                 A0, B0, day * 86400.0, A, B);
        c = loaded(text);
        for (double I = 200; I < 800; I += 250) {
            double shift = 0;
            for (int k = 10; k >= 0; k--) shift = shift * I + poly[k];
            program(&c, I * 2e-8, st);
            mean_at(&c, day * 86400.0, 300, out);
            for (int i = 0; i < N; i++) v[i] = (double)out[i] / 2e-8;
            assert_moments(I + shift, A * (1 - exp(-(I + shift) / B)), 3);
        }
        mb_cell_free(&c);
    }
}

static void test_drift(void **state) {
    (void)state;
    mb_cell c = loaded(
        "drift = \"power\"; drift_t0_s = 20.0; drift_nu_form = \"log\"; drift_nu = (0.0244, -0.0155); drift_nu_lo = 0.049; "
        "drift_nu_hi = 0.1; drift_nu_sigma = (0.01); drift_scale = 2.0;");
    program(&c, 10e-6, st);
    mean_at(&c, 1e5, 300, out);
    for (int i = 0; i < N; i++) v[i] = -log((double)out[i] / 10e-6) / log1p(1e5 / 20);
    assert_moments(2 * (0.0244 - 0.0155 * log(0.1)), 0.02, 3);
    near_to(c.type->decay(c.params, 1e5, 300), pow(1 + 1e5 / 20, -0.1), 0.02);
    mb_cell_free(&c);
    static const struct { const char *rule; double mean; } fold[] = {{"fold", 0.07979}, {"zero", 0.03989}, {"keep", 0}};
    for (int k = 0; k < 3; k++) {                              /* exponents about zero */
        char text[200];
        double m, s;
        snprintf(text, sizeof text, "drift = \"power\"; drift_nu_sigma = (0.1); drift_negative = \"%s\";", fold[k].rule);
        c = loaded(text);
        program(&c, 10e-6, st);
        mean_at(&c, M_E - 1, 300, out);
        for (int i = 0; i < N; i++) v[i] = -log((double)out[i] / 10e-6);
        moments(v, &m, &s);
        assert_true(fabs(m - fold[k].mean) < 5 * 0.1 / sqrt(N));
        mb_cell_free(&c);
    }
    /* tables: over the target and the logarithm of time; the first row is reached from t = 0 */
    c = loaded("drift = \"table\"; drift_t_s = (10.0, 1000.0); drift_table = (1.0, 0.8, 0.5, 0.4); drift_g_S = (0.0, 100e-6);");
    program(&c, 50e-6, st);
    static const double age[] = {0, 5, 10, 100, 1000, 1e9}, left[] = {1, 0.95, 0.9, 0.675, 0.45, 0.45};
    for (int k = 0; k < 6; k++) {
        mean_at(&c, age[k], 300, out);
        near_to((double)out[7], left[k] * 50e-6, 1e-6);
    }
    mb_cell_free(&c);
    /* polynomials: linear in time */
    c = loaded(
        "drift = \"polynomial\"; drift_interp = \"linear\"; drift_t_s = (0.0, 100.0); drift_table = (0.0, 0.0, 0.01, -0.1);");
    program(&c, 50e-6, st);
    mean_at(&c, 50, 300, out);
    near_to((double)out[3], 50e-6 + 0.5 * (0.01 - 0.05) * 100e-6, 1e-6);
    mb_cell_free(&c);
    /* compensation: the mean stays */
    c = loaded("drift = \"power\"; drift_nu = (0.06); drift_compensated = true; white = (0.01);");
    program(&c, 40e-6, st);
    mean_at(&c, 1e6, 300, out);
    near_to((double)out[0], 40e-6, 1e-5);
    read_at(&c, 1e6, 300, out);
    use(out);
    assert_moments(40e-6, 1e-6 * pow(1e6 + 1, 0.06), 3);       /* and the noise is amplified */
    mb_cell_free(&c);
}

static void test_retention(void **state) {
    (void)state;
    const double kB = 8.617333262e-5;
    mb_cell c =
        loaded("g_min_S = 10e-6; retention = \"decay\"; retention_tau_s = 1e6; retention_beta = 0.5; retention_Ea_eV = 1.0;");
    program(&c, 90e-6, st);
    mean_at(&c, 4e6, 300, out);
    near_to((double)out[0], 10e-6 + 80e-6 * exp(-2), 1e-5);
    double tau = 1e6 * exp(1 / kB * (1 / 330.0 - 1 / 300.0));
    mean_at(&c, tau, 330, out);
    near_to((double)out[0], 10e-6 + 80e-6 * exp(-1), 1e-5);
    mb_cell_free(&c);
    c = loaded("retention = \"decay\"; retention_tau_s = 1e6; retention_sigma = 0.7;");
    program(&c, 90e-6, st);
    mean_at(&c, 3e5, 300, out);
    for (int i = 0; i < N; i++) v[i] = log(3e5 / -log((double)out[i] / 90e-6));
    assert_moments(log(1e6), 0.7, 3);                          /* the time of each cell */
    mb_cell_free(&c);
    c = loaded("g_min_S = 20e-6; retention = \"flip\"; retention_tau_s = 100.0;");
    program(&c, 20e-6, st);
    double before = 0;
    for (double t = 10; t < 1000; t *= 3) {
        double flipped = 0, p = 1 - exp(-t / 100);
        mean_at(&c, t, 300, out);
        for (int i = 0; i < N; i++) flipped += out[i] == 100e-6f;
        assert_true(fabs(flipped - p * N) < 5 * sqrt(p * (1 - p) * N) && flipped >= before);
        before = flipped;
    }
    mb_cell_free(&c);
}

static void test_temperature_access(void **state) {
    (void)state;
    mb_cell c = loaded("temp_ref_K = 290.0; temp_coeff = -0.002; temp_Ea_eV = (0.2, -0.2);");
    program(&c, 50e-6, st);
    mean_at(&c, 0, 290, out);
    assert_true(out[0] == st[0]);
    mean_at(&c, 0, 340, out);
    near_to((double)out[0], 50e-6 * 0.9 * exp(-0.1 / 8.617333262e-5 * (1 / 340.0 - 1 / 290.0)), 1e-5);
    mb_cell_free(&c);
    c = loaded("access_ohm = 5000.0; leak_S = 1e-8; leak_double_K = 10.0;");
    program(&c, 100e-6, st);
    mean_at(&c, 0, 320, out);
    near_to((double)out[0], 100e-6 / 1.5 + 4e-8, 1e-5);
    mb_cell_free(&c);
    c = loaded("access_ohm = 5000.0; access_verified = true;");
    program(&c, 100e-6, st);
    mean_at(&c, 0, 300, out);
    assert_true(out[0] == 100e-6f);
    mb_cell_free(&c);
}

/* --- reading -------------------------------------------------------------------------------------------------------------- */

static void test_noise(void **state) {
    (void)state;
    mb_cell c = loaded("white = (0.01, 0.02); white_temp_power = 0.5; white_scale = 2.0; temp_ref_K = 300.0;");
    program(&c, 50e-6, st);
    read_at(&c, 0, 363, out);
    use(out);
    assert_moments(50e-6, 2 * 0.02 * 100e-6 * 1.1, 3);
    mb_cell_free(&c);
    c = loaded("read_bandwidth_Hz = 1e12; read_V = 0.1;");
    program(&c, 50e-6, st);
    read_at(&c, 0, 400, out);
    use(out);
    assert_moments(50e-6, sqrt(4 * 1.380649e-23 * 400 * 50e-6 * 1e12) / 0.1, 3);
    mb_cell_free(&c);
    c = loaded("flicker_form = \"power\"; flicker = (0.01, -0.5); flicker_t_read_s = 1e-6; flicker_t0_s = 10.0; drift = "
               "\"power\"; drift_nu = "
               "(0.1);");
    program(&c, 25e-6, st);
    read_at(&c, 1e4, 300, out);
    use(out);
    double G = 25e-6 * pow(1e4 + 1, -0.1), growth = sqrt(log((1e4 + 10 + 1e-6) / 2e-6));
    assert_moments(G, G * 0.01 / 0.5 * growth, 3);
    /* the spectrum holds the variance: octaves of the density */
    double sum = 0, step = pow(10, 0.001);
    for (double f = 1e-5; f < 1e7; f *= step) sum += c.type->spectrum(c.params, 25e-6, 1e4, 300, f) * f * (step - 1);
    near_to(sqrt(sum), 25e-6 * 0.01 / 0.5 * growth, 0.01);
    mb_cell_free(&c);
    c = loaded(
        "sigma_unit_S = 1e-6; flicker_relative = false; flicker = (0.3); flicker_at = \"target\"; flicker_t_read_s = 1e-6;");
    program(&c, 25e-6, st);
    read_at(&c, 100, 300, out);
    use(out);
    assert_moments(25e-6, 0.3e-6 * sqrt(log(100 / 2e-6)), 3);
    mb_cell_free(&c);
}

static void test_telegraph(void **state) {
    (void)state;
    mb_cell c = loaded("rtn_fraction = 0.4; rtn_amplitude = 0.1; rtn_duty = 0.25; rtn_tau_s = 1e-3;");
    program(&c, 50e-6, st);
    read_at(&c, 0, 300, out);
    int high = 0, low = 0, same = 0;
    for (int i = 0; i < N; i++) {
        double e = (double)out[i] / 50e-6 - 1;
        high += fabs(e - 0.025) < 1e-5, low += fabs(e + 0.075) < 1e-5, same += out[i] == 50e-6f;
    }
    assert_int_equal(high + low + same, N);
    assert_true(abs(same - 12000) < 350 && abs(high - 6000) < 325 && abs(low - 2000) < 212);
    use(out);
    double var = 0.4 * 0.1 * 0.1 * 0.25 * 0.75, sum = 0, step = pow(10, 0.001), m, s;
    moments(v, &m, &s);
    near_to(m, 50e-6, 5 * sqrt(var / N));
    near_to(s, 50e-6 * sqrt(var), 0.05);
    for (double f = 1e-2; f < 1e7; f *= step) sum += c.type->spectrum(c.params, 50e-6, 0, 300, f) * f * (step - 1);
    near_to(sqrt(sum), 50e-6 * sqrt(var), 0.01);
    mb_cell_free(&c);
}

static void test_curve(void **state) {
    (void)state;
    mb_cell c = loaded("read_V = 0.4; iv = \"sinh\"; iv_V0 = 0.2;");
    near_to(c.type->shape(c.params, 50e-6, 0.5), sinh(1) / sinh(2), 1e-12);
    near_to(c.type->shape(c.params, 50e-6, -0.5), -sinh(1) / sinh(2), 1e-12);
    mb_cell_free(&c);
    c = loaded("iv = \"polynomial\"; iv_coeff = (0.5, 0.25);");
    near_to(c.type->shape(c.params, 50e-6, 0.5), (0.5 + 0.5 * 0.25 + 0.25 * 0.125) / 1.75, 1e-12);
    mb_cell_free(&c);
    c = loaded("iv = \"table\"; iv_u = (0.5, 0.75, 1.0); iv_i = (1.0, 2.0, 4.0);");
    near_to(c.type->shape(c.params, 50e-6, 0.25), 0.125, 1e-12);
    near_to(c.type->shape(c.params, 50e-6, 0.875), 0.75, 1e-12);
    mb_cell_free(&c);
    c = loaded("g_max_S = 225e-6; g_min_S = 50e-6; read_V = 0.3; iv = \"milo\"; iv_nl2 = (7.063e-3, 5.711e-3, 1.541e-3, "
               "1.388e-4); iv_nl3 = "
               "(1.2968e-3, 6.7919e-4, 8.871e-5);");
    double G = 100e-6, L = log10(G), n2 = ((1.388e-4 * L + 1.541e-3) * L + 5.711e-3) * L + 7.063e-3,
           n3 = (8.871e-5 * L + 6.7919e-4) * L + 1.2968e-3, half = (G + (n2 + n3 * 0.15) * 0.15) * 0.15,
           full = (G + (n2 + n3 * 0.3) * 0.3) * 0.3;
    near_to(c.type->shape(c.params, G, 0.5), half / full, 1e-9);
    mb_cell_free(&c);
    /* a resistor in series straightens the curve: i = F((u - i a) / (1 - a)) */
    c = loaded("read_V = 0.4; iv = \"sinh\"; iv_V0 = 0.2; access_ohm = 2000.0;");
    double i = c.type->shape(c.params, 100e-6, 0.5), a = 0.2;
    near_to(i, sinh((0.5 - i * a) / (1 - a) * 2) / sinh(2), 1e-9);
    assert_true(i > sinh(1) / sinh(2) && i < 0.5);
    mb_cell_free(&c);
}

/* --- switches, overlap, bad input ------------------------------------------------------------------------------------------ */

static void test_switches(void **state) {
    (void)state;
    mb_cell c = loaded(
        "g_min_S = 1e-6; prog_sigma = (0.02); stuck_off = 0.3; drift = \"power\"; drift_nu = (0.05); drift_nu_sigma = (0.01); "
        "white = (0.01); rtn_fraction = 0.5; rtn_amplitude = 0.1; d2d_sigma = 0.05;");
    mb_generic *p = c.params, copy = *p;
    program(&c, 50e-6, st);
    read_at(&c, 100, 300, out);
    c.type->without(&copy, MB_EFFECT_STUCK);
    mb_cell free_of = {.type = c.type, .params = &copy};
    memcpy(st2, st, sizeof st2);
    program(&free_of, 50e-6, st);
    read_at(&free_of, 100, 300, out2);
    int same = 0;
    for (int i = 0; i < N; i++) same += out[i] == out2[i];
    assert_true(abs(same - 14000) < 325);                      /* healthy cells are the same to the last bit */
    for (int k = 0; k < MB_EFFECTS; k++) {
        copy = *p;
        c.type->without(&copy, k);
        program(&free_of, 50e-6, st);
        read_at(&free_of, 100, 300, out2);
        bool on = k == MB_EFFECT_VARIATION || k == MB_EFFECT_PROGRAMMING || k == MB_EFFECT_STUCK || k == MB_EFFECT_DRIFT ||
                  k == MB_EFFECT_WHITE || k == MB_EFFECT_TELEGRAPH;
        assert_int_equal(memcmp(out, out2, sizeof out) != 0, on);   /* a switch acts exactly where its stage does */
    }
    mb_cell_free(&c);
}

static void test_overlap(void **state) {
    (void)state;
    int worst;
    mb_cell c = loaded("levels = 5; prog_sigma = (0.05);");    /* step 25 uS, sigma 5 uS: 2.5 sigma to the threshold */
    double q = gsl_cdf_ugaussian_Q(2.5);
    near_to(mb_generic_overlap(c.params, &worst), 8 * q / 5, 1e-9);
    mb_cell_free(&c);
    c = loaded("levels = 5; prog_sigma = (0.1, -0.1); white = (0.02);");
    double sum = 0;
    for (int i = 0; i < 5; i++) {
        double r = i / 4.0, s = sqrt(0.01 * (1 - r) * (1 - r) + 4e-4);
        sum += (i == 0 || i == 4 ? 1 : 2) * gsl_cdf_ugaussian_Q(0.125 / s);
    }
    near_to(mb_generic_overlap(c.params, &worst), sum / 5, 1e-6);
    assert_int_equal(worst, 0);
    mb_cell_free(&c);
    c = loaded("levels = 5; prog_sigma = (0.2); verify = \"window\"; verify_tolerance = 0.02;");
    assert_true(mb_generic_overlap(c.params, &worst) < 1e-10);
    mb_cell_free(&c);
}

static void test_bad_input(void **state) {
    (void)state;
    bad("g_min_S = 1e-4; g_max_S = 1e-5;", "not below");
    bad("g_min_S = 1e-4; g_max_S = 1e-4;", "not below");
    bad("levels = 1;", "levels = 1");
    bad("level_S = (0.0);", "one level");
    bad("level_S = (0.0, 5e-5, 4e-5, 1e-4);", "not increasing");
    bad("level_S = (0.0, 5e-5);", "must agree");
    bad("level_S = (0.0, 1e-4); levels = 3;", "leave levels out");
    bad("prog_sigma = (0.1, 0.2); prog_sigma_form = \"table\"; prog_sigma_x = (0.5);", "as many");
    bad("prog_sigma = (0.1, 0.2); prog_sigma_form = \"table\"; prog_sigma_x = (0.5, 0.5);", "prog_sigma_x is not increasing");
    bad("prog_sigma = (0.1); prog_sigma_form = \"log\";", "two coefficients");
    bad("prog_sigma = (0.1, 0.0); prog_sigma_form = \"saturating\";", "c1 > 0");
    bad("prog_sigma_lo = 2.0; prog_sigma_hi = 1.0;", "above");
    bad("prog_sigma_split = 0.5;", "prog_sigma_above");
    bad("prog_sigma = (0.1); prog_sigma_x = (0.1);", "table");
    bad("prog_distribution = \"residuals\";", "prog_residuals");
    bad("prog_distribution = \"residuals\"; prog_residuals = (1.0, 0.0);", "not sorted");
    bad("prog_distribution = \"table\"; prog_table_g_S = (1e-6, 2e-6); prog_table_S = (0.0, 0.0, 0.0);", "same");
    bad("prog_distribution = \"table\"; prog_table_g_S = (2e-6, 1e-6); prog_table_S = (0.0, 0.0);", "not increasing");
    bad("prog_distribution = \"table\"; prog_table_g_S = (1e-6); prog_table_S = (1e-6, 0.0);", "not sorted");
    bad("prog_distribution = \"uniform\"; prog_sigma = (0.1); verify = \"window\";", "gaussian or");
    bad("stuck_on = 0.6; stuck_off = 0.5;", "exceed 1");
    bad("stuck_on_S = -0.5;", "negative");
    bad("relax = \"added\";", "relax_t_s");
    bad("relax = \"added\"; relax_t_s = (1.0, 1.0); relax_sigma = (0.1, 0.2);", "not increasing");
    bad("relax = \"added\"; relax_t_s = (1.0, 2.0); relax_sigma = (0.1, 0.2); relax_shift = (0.1);", "relax_shift");
    bad("relax = \"total\"; relax_t_s = (1.0); relax_sigma = (0.1); verify = \"window\"; prog_sigma = (0.1);", "total");
    bad("drift = \"table\";", "drift_t_s");
    bad("drift = \"table\"; drift_t_s = (1.0); drift_table = (-1.0);", "not negative");
    bad("drift = \"table\"; drift_t_s = (1.0); drift_table = (1.0, 1.0);", "make 1");
    bad("drift = \"polynomial\"; drift_t_s = (2.0, 1.0); drift_table = (0.1, 0.2);", "not increasing");
    bad("retention_S = -0.5;", "negative");
    bad("retention = \"flip\"; retention_sigma = 1.0;", "flips are random");
    bad("iv = \"table\";", "iv_u");
    bad("iv = \"table\"; iv_u = (0.5, 0.9); iv_i = (1.0, 2.0);", "must end with 1");
    bad("iv = \"table\"; iv_u = (0.5, 1.0); iv_i = (2.0, 1.0);", "falls");
    bad("iv = \"polynomial\"; iv_coeff = (0.0, -1.0);", "falls");
    bad("iv = \"sinh\"; iv_V0 = 1e-5;", "too small");
    bad("g_max_S = 20.0;", "out of range");
    bad("prog_sgima = (0.1);", "did you mean \"prog_sigma\"");
    for (long n = 0;; n++) {
        long live = mb_mem_live();
        mb_conf *c = NULL;
        mb_cell cell;
        assert_ok(mb_conf_parse("cell = \"generic\"; prog_sigma = (0.1, 0.2); iv_u = (0.5, 1.0);", "test.cfg", &c));
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

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_levels),     cmocka_unit_test(test_variation),  cmocka_unit_test(test_endurance),
        cmocka_unit_test(test_distributions), cmocka_unit_test(test_measured), cmocka_unit_test(test_verify),
        cmocka_unit_test(test_relaxation), cmocka_unit_test(test_drift),      cmocka_unit_test(test_retention),
        cmocka_unit_test(test_temperature_access), cmocka_unit_test(test_noise), cmocka_unit_test(test_telegraph),
        cmocka_unit_test(test_curve),      cmocka_unit_test(test_switches),   cmocka_unit_test(test_overlap),
        cmocka_unit_test(test_bad_input),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
