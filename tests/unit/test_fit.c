/* fits: a known cell is sampled, written as CSV, fitted, and its parameters come back within five standard errors; the right model is
 * chosen; what cannot be used is refused with its place; the preset runs */
#include "mbtest.h"

#include <math.h>
#include <unistd.h>

#include "array/cell.h"
#include "base/file.h"
#include "base/mem.h"
#include "base/rng.h"
#include "run/fit.h"
#include "run/sample.h"

static char home[4096], folder[] = "mixbar-fit-XXXXXX";

static int setup(void **state) {
    (void)state;
    return getcwd(home, sizeof home) && mkdtemp(folder) && chdir(folder) == 0 ? 0 : -1;
}

static int teardown(void **state) {
    (void)state;
    unlink("x.csv");
    return chdir(home) == 0 ? rmdir(folder) : -1;
}

static const mb_fit_options plain = {.name = "test", .outliers = 5};

static int fit_text(const char *text, const mb_fit_options *o, mb_fit *fit) {
    static const char *const path[] = {"x.csv"};
    assert_ok(mb_file_write("x.csv", text, strlen(text)));
    return mb_fit_files(path, 1, o, fit);
}

static mb_cell loaded(const char *text) {
    mb_conf *c = NULL;
    mb_cell cell;
    assert_ok(mb_conf_parse(text, "test.cfg", &c));
    assert_ok(mb_cell_load(c, &cell));
    mb_conf_free(c);
    return cell;
}

#define CELL "cell = \"generic\"; g_min_S = 4e-6; g_max_S = 40e-6; arg_unit_S = 0.0; sigma_unit_S = 0.0; "

/* Fit of CELLS cells at each of LEVELS targets of the cell TEXT, READS reads at N times. */
static void fit_cell(const char *text, int levels, int cells, int reads, const double *t, size_t n, const mb_fit_options *o, mb_fit *fit) {
    mb_cell cell = loaded(text);
    mb_sample s;
    mb_str csv = {0};
    const mb_sample_options so = {.cells = cells, .levels = levels, .seed = 3, .time_s = t, .n_time = n, .temp_K = 300, .read_s = 1e-8};
    assert_ok(mb_sample_cell(&cell, &so, &s));
    assert_ok(mb_sample_data(&cell, &s, cells, reads, &csv));
    assert_ok(fit_text(mb_cstr(&csv), o, fit));
    mb_str_free(&csv);
    mb_sample_free(&s);
    mb_cell_free(&cell);
}

static const mb_fit_value *value(const mb_fit *fit, const char *key) {
    for (size_t i = 0; i < fit->n_value; i++)
        if (strcmp(fit->value[i].key, key) == 0) return &fit->value[i];
    return NULL;
}

static void is(const mb_fit *fit, const char *key, int k, double want) {
    const mb_fit_value *v = value(fit, key);
    if (!v) fail_msg("no %s was fitted", key);
    if (!(v->se[k] > 0) || !(fabs(v->v[k] - want) < 5 * v->se[k]))
        fail_msg("%s[%d] = %g +- %g instead of %g", key, k, v->v[k], v->se[k], want);
}

static const mb_fit_candidate *chosen(const mb_fit *fit, const char *quantity) {
    const mb_fit_candidate *c = NULL;
    for (size_t i = 0; i < fit->n_candidate; i++)
        if (fit->candidate[i].chosen && strcmp(fit->candidate[i].quantity, quantity) == 0) {
            assert_null(c);
            c = &fit->candidate[i];
        }
    return c;
}

static const mb_fit_quality *quality(const mb_fit *fit, const char *quantity) {
    for (size_t i = 0; i < fit->n_quality; i++)
        if (strcmp(fit->quality[i].quantity, quantity) == 0) return &fit->quality[i];
    fail_msg("no quality of %s", quantity);
    return NULL;
}

static const double fresh[] = {0}, series[] = {0, 1, 10, 100, 1000, 10000, 100000};

static void everything_at_once(void **state) {
    (void)state;
    mb_fit f;
    fit_cell(CELL "prog_sigma = [ 0.02, 0.03 ]; white = [ 0.003, 0.006 ]; drift = \"power\"; drift_nu = [ 0.05 ]; drift_nu_sigma = [ "
                  "0.01 ]; drift_t0_s = 1.0;",
             10, 150, 2, series, 7, &plain, &f);
    is(&f, "prog_sigma", 0, 0.02);
    is(&f, "prog_sigma", 1, 0.03);
    is(&f, "white", 0, 0.003);
    is(&f, "white", 1, 0.006);
    is(&f, "drift_nu", 0, 0.05);
    is(&f, "drift_nu_sigma", 0, 0.01);
    is(&f, "drift_t0_s", 0, 1.0);
    assert_string_equal(chosen(&f, "programming error")->model, "linear, Gaussian");
    assert_string_equal(chosen(&f, "read noise")->model, "linear");
    assert_string_equal(chosen(&f, "drift exponents")->model, "mean, spread");
    assert_string_equal(chosen(&f, "mean error")->model, "none");
    assert_true(quality(&f, "programming error")->ks_p > 1e-3 && quality(&f, "programming error")->p > 1e-3);
    assert_true(quality(&f, "drift exponents")->p > 1e-3 && quality(&f, "read noise")->p > 1e-3);
    assert_true(fabs(value(&f, "g_max_S")->v[0] / 40e-6 - 1) < 1e-6 && fabs(value(&f, "g_min_S")->v[0] / 4e-6 - 1) < 1e-6);
    mb_fit_free(&f);
}

static void exponents_depend_on_conductance(void **state) {
    (void)state;
    mb_fit f;
    fit_cell(CELL "white = [ 0.0, 0.004 ]; drift = \"power\"; drift_nu = [ 0.04, -0.02 ]; drift_nu_form = \"log\"; drift_nu_sigma = [ "
                  "0.006 ]; drift_t0_s = 1.0; drift_negative = \"keep\";",
             10, 100, 1, series, 7, &plain, &f);
    assert_string_equal(chosen(&f, "drift exponents")->model, "mean over ln G, spread");
    is(&f, "drift_nu", 0, 0.04);
    is(&f, "drift_nu", 1, -0.02);
    is(&f, "drift_nu_sigma", 0, 0.006);
    is(&f, "white", 1, 0.004); /* from the scatter around the drift */
    assert_string_equal(value(&f, "drift_nu_form")->text, "log");
    mb_fit_free(&f);
}

static void log_normal(void **state) {
    (void)state;
    mb_fit f;
    fit_cell(CELL "prog_sigma = [ 0.0, 0.2 ]; prog_distribution = \"lognormal\";", 10, 150, 1, fresh, 1, &plain, &f);
    assert_string_equal(chosen(&f, "programming error")->model, "proportional, log-normal");
    is(&f, "prog_sigma", 1, 0.2);
    assert_true(value(&f, "prog_sigma")->v[0] == 0);
    assert_string_equal(value(&f, "prog_distribution")->text, "lognormal");
    mb_fit_free(&f);
}

static void stuck_cells(void **state) {
    (void)state;
    mb_fit f;
    fit_cell(CELL "prog_sigma = [ 0.02 ]; stuck_on = 0.02; stuck_off = 0.04;", 12, 300, 1, fresh, 1, &plain, &f);
    is(&f, "stuck_on", 0, 0.02);
    is(&f, "stuck_off", 0, 0.04);
    is(&f, "prog_sigma", 0, 0.02);
    assert_string_equal(chosen(&f, "programming error")->model, "constant, Gaussian");
    assert_true(fabs(value(&f, "stuck_off_S")->v[0] / 4e-6 - 1) < 1e-3);
    assert_true(f.source[0].outliers > 100);
    mb_fit_free(&f);
    mb_fit_options keep = plain;
    keep.outliers = 0;
    fit_cell(CELL "prog_sigma = [ 0.02 ]; stuck_on = 0.02; stuck_off = 0.04;", 12, 300, 1, fresh, 1, &keep, &f);
    assert_null(value(&f, "stuck_on"));
    assert_true(f.source[0].outliers == 0 && value(&f, "prog_sigma")->v[0] > 0.06);
    mb_fit_free(&f);
}

/* Pairs of N targets with the standard deviation of SHAPE; the seed changes with TRIAL. */
static void made_pairs(int shape, int n, uint32_t trial, double bias, mb_str *csv) {
    mb_stream s;
    mb_stream_init(&s, 17, MB_RNG_TEST, trial, 0, 0);
    mb_str_clear(csv);
    mb_str_add(csv, "target_uS,measured_uS\n");
    for (int i = 0; i < n; i++) {
        const double x = 0.2 + 0.8 * mb_stream_uniform(&s),
                     sigma = shape == 0 ? 0.02 : shape == 1 ? 0.12 * x : shape == 2 ? 0.01 + 0.02 * x : 0.005 + 0.08 * x - 0.07 * x * x;
        mb_str_addf(csv, "%.9g,%.9g\n", 100 * x, 100 * (x + bias + sigma * mb_stream_normal(&s)));
    }
}

static void the_right_model_is_chosen(void **state) {
    (void)state;
    static const char *const name[] = {"constant, Gaussian", "proportional, Gaussian", "linear, Gaussian", "quadratic, Gaussian"};
    mb_str csv = {0};
    int right[4] = {0}, bic[4] = {0};
    for (uint32_t trial = 0; trial < 3; trial++)
        for (int shape = 0; shape < 4; shape++) {
            mb_fit f;
            mb_fit_options o = plain;
            made_pairs(shape, 900, trial, 0, &csv);
            assert_ok(fit_text(mb_cstr(&csv), &o, &f));
            if (strcmp(chosen(&f, "programming error")->model, name[shape]) != 0)
                fprintf(stderr, "# %s: chosen %s\n", name[shape], chosen(&f, "programming error")->model);
            right[shape] += strcmp(chosen(&f, "programming error")->model, name[shape]) == 0;
            mb_fit_free(&f);
            o.criterion = MB_FIT_BIC;
            assert_ok(fit_text(mb_cstr(&csv), &o, &f));
            bic[shape] += strcmp(chosen(&f, "programming error")->model, name[shape]) == 0;
            mb_fit_free(&f);
        }
    for (int shape = 0; shape < 4; shape++) /* a superfluous parameter passes by chance in about 5 % */
        if (right[shape] < 2 || bic[shape] < 2) fail_msg("%s: chosen %d and %d times of 3", name[shape], right[shape], bic[shape]);
    mb_str_free(&csv);
}

static void mean_error(void **state) {
    (void)state;
    mb_fit f;
    mb_str csv = {0};
    made_pairs(2, 3000, 1, 0.005, &csv);
    assert_ok(fit_text(mb_cstr(&csv), &plain, &f));
    assert_string_equal(chosen(&f, "mean error")->model, "constant");
    is(&f, "prog_bias", 0, 0.005 * 100e-6 / value(&f, "g_max_S")->v[0]);
    mb_fit_free(&f);
    /* restrictions are kept */
    mb_fit_options o = plain;
    o.shape = "constant";
    o.distribution = "lognormal";
    assert_ok(fit_text(mb_cstr(&csv), &o, &f));
    assert_string_equal(chosen(&f, "programming error")->model, "constant, log-normal");
    mb_fit_free(&f);
    mb_str_free(&csv);
}

static void currents(void **state) {
    (void)state;
    static const char *const name[] = {"linear", "u + c1 u|u|", "u + c2 u^3", "sinh(V / V0)"};
    for (int m = 0; m < 4; m++) {
        mb_fit f;
        mb_str csv = {0};
        mb_stream s;
        mb_stream_init(&s, 23, MB_RNG_TEST, (uint32_t)m, 0, 0);
        mb_str_add(&csv, "cell,voltage_mV,current_nA\n");
        for (int c = 0; c < 3; c++)
            for (int i = -20; i <= 20; i++) {
                const double u = i / 20.0, V = 0.4 * u, G = (c + 1) * 1e-5,
                             g = m == 0 ? u : m == 1 ? u + 0.3 * u * fabs(u) : m == 2 ? u + 0.4 * u * u * u : sinh(V / 0.15) * 0.15 / 0.4,
                             I = G * 0.4 * g + 1e-8 * mb_stream_normal(&s);
                mb_str_addf(&csv, "%d,%.9g,%.9g\n", c, 1e3 * V, 1e9 * I);
            }
        assert_ok(fit_text(mb_cstr(&csv), &plain, &f));
        assert_string_equal(chosen(&f, "current")->model, name[m]);
        if (m == 1) is(&f, "iv_coeff", 0, 0.3);
        if (m == 2) is(&f, "iv_coeff", 1, 0.4);
        if (m == 3) is(&f, "iv_V0", 0, 0.15);
        assert_true(fabs(value(&f, "read_V")->v[0] - 0.4) < 1e-12);
        mb_fit_free(&f);
        mb_str_free(&csv);
    }
}

/* The preset of a fit is a cell with the standard deviations of the data; so is the one with the table. */
static void the_preset_runs(void **state) {
    (void)state;
    mb_str csv = {0};
    made_pairs(2, 4000, 2, 0, &csv);
    for (int table = 0; table < 2; table++) {
        mb_fit f;
        mb_fit_options o = plain;
        mb_str text = {0}, script = {0};
        o.table = table;
        assert_ok(fit_text(mb_cstr(&csv), &o, &f));
        assert_ok(mb_fit_preset(&f, &o, &text));
        assert_ok(mb_fit_plot(&f, &o, &script));
        assert_non_null(strstr(mb_cstr(&text), "x.csv, 4000 points"));
        mb_cell cell = loaded(mb_cstr(&text));
        mb_sample s;
        const mb_sample_options so = {.cells = 4000, .levels = 9, .seed = 3, .time_s = fresh, .n_time = 1, .temp_K = 300, .read_s = 1e-8};
        assert_ok(mb_sample_cell(&cell, &so, &s));
        for (size_t k = 0; k < s.n_level; k++) {
            const double want = 100e-6 * 0.01 + 0.02 * s.level[k].target;
            if (!(fabs(s.level[k].programmed.sd / want - 1) < (table ? 0.2 : 0.09)))
                fail_msg("level %zu: %g instead of %g", k, s.level[k].programmed.sd, want);
        }
        mb_sample_free(&s);
        mb_cell_free(&cell);
        mb_str_free(&text);
        mb_str_free(&script);
        mb_fit_free(&f);
    }
    mb_str_free(&csv);
}

static void units_and_missing_values(void **state) {
    (void)state;
    mb_fit a, b;
    mb_str csv = {0}, ohm = {0};
    made_pairs(0, 200, 4, 0, &csv);
    assert_ok(fit_text(mb_cstr(&csv), &plain, &a));
    mb_str_add(&ohm, "\xEF\xBB\xBF# the same in other units\r\nremark;R [kOhm];target [nS]\r\n");
    for (const char *s = strchr(mb_cstr(&csv), '\n') + 1; *s; s = strchr(s, '\n') + 1) {
        char *end;
        const double t = strtod(s, &end), m = strtod(end + 1, NULL);
        mb_str_addf(&ohm, "\"a;b\";%.12g;%.12g\r\n", 1e3 / m, 1e3 * t);
    }
    mb_str_add(&ohm, "x;NA;5\r\nx;;7000\r\nx;12;-\r\n");
    assert_ok(fit_text(mb_cstr(&ohm), &plain, &b));
    assert_int_equal(b.source[0].missing, 3);
    assert_int_equal(b.source[0].rows, 203);
    assert_true(fabs(value(&a, "prog_sigma")->v[0] / value(&b, "prog_sigma")->v[0] - 1) < 1e-4);
    assert_non_null(strstr(mb_cstr(&b.notes), "\"remark\" is not used"));
    mb_fit_free(&a);
    mb_fit_free(&b);
    mb_str_free(&csv);
    mb_str_free(&ohm);
}

static void bad_input(void **state) {
    (void)state;
    static const struct {
        const char *text, *message;
    } bad[] = {
        {"target,measured\n1,2\n", "x.csv:1: column \"target\" has no unit"},
        {"target_V,measured_uS\n1,2\n", "the unit \"V\" is not one of siemens"},
        {"target_uS,measured_uS\n1,-2\n", "x.csv:2: column measured_uS: negative conductance"},
        {"target_uS,measured_uS\n-1,2\n", "x.csv:2: column target_uS: negative conductance"},
        {"target_uS,measured_uS\n1,nan\n", "x.csv:2: column measured_uS: \"nan\" is not a finite number"},
        {"target_uS,measured_uS\n1,1e999\n", "not a finite number"},
        {"target_uS,measured_uS\n1,one\n", "is not a number"},
        {"target_uS,measured_uS\n1\n", "x.csv:2: 1 field where the header"},
        {"target_uS,measured_uS\n1,1\n2,2\n3,3.1\n", "3 pairs of target and measured conductance: fewer than the parameters"},
        {"target_S,measured_S\n50,51\n", "is the unit right?"},
        {"target_uS,measured_uS\n5,4\n5,6\n5,5.5\n5,5.2\n5,5.1\n", "Gmin = 5e-06 S is not below Gmax"},
        {"target_uS\n5\n", "lack a column of conductance"},
        {"conductance_uS\n5\n", "a column target_uS (programming error), time_s (drift) or cell (read noise)"},
        {"voltage_V\n5\n", "a column of current"},
        {"a,b\n1,2\n", "x.csv:1: the columns (a, b) lack"},
        {"target_uS,measured_uS\n,5\nNA,4\n", "every row lacks a value"},
        {"target_uS,g_uS,measured_uS\n1,2,3\n", "both hold the conductance"},
        {"time_s,conductance_uS\n-1,5\n", "x.csv:2: column time_s: negative time"},
        {"target_uS,r_kOhm\n1,0\n", "a resistance must be positive"},
        {"cell,conductance_uS\n,5\n", "x.csv:2: the name of the cell is missing"},
        {"cell,conductance_uS\na,10\na,11\nb,9\n", "nothing can be fitted"},
        {"voltage_V,current_uA\n0.1,1\n0.2,2\n0.3,3.5\n", "4 are wanted"},
        {"cell,voltage_V,current_uA\na,0.1,1\na,0.2,2\na,0.3,3.5\na,0.4,5\nb,0.1,-1\nb,0.2,-2\nb,0.3,-3\nb,0.4,-4\n", "x.csv:6: the current of this curve flows against the voltage"},
        {"voltage_V,current_uA\n0,1\n0,2\n0,3\n0,4\n", "Gmin"},
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        mb_fit f;
        int rc = fit_text(bad[i].text, &plain, &f);
        if (rc == MB_OK) fail_msg("is accepted: %s", bad[i].text);
        assert_fails(rc, MB_BADINPUT, bad[i].message);
    }
    mb_fit f;
    mb_fit_options o = plain;
    o.table = true;
    assert_fails(fit_text("time_s,conductance_uS\n1,10\n10,9\n100,8\n", &o, &f), MB_BADINPUT, "--model table wants targets");
}

static void memory(void **state) {
    (void)state;
    static const char *const path[] = {"x.csv"};
    mb_str csv = {0};
    made_pairs(2, 40, 5, 0, &csv);
    assert_ok(mb_file_write("x.csv", mb_cstr(&csv), csv.n));
    mb_str_free(&csv);
    const long live = mb_mem_live();
    for (long n = 0; n < 60; n++) {
        mb_fit f;
        mb_mem_fail_after(n);
        int rc = mb_fit_files(path, 1, &plain, &f);
        mb_mem_fail_after(-1);
        if (!rc) mb_fit_free(&f);
        assert_true(rc == MB_OK || rc == MB_SYSTEM);
        mb_error_clear();
        assert_int_equal(mb_mem_live(), live);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(everything_at_once),
                                       cmocka_unit_test(exponents_depend_on_conductance),
                                       cmocka_unit_test(log_normal),
                                       cmocka_unit_test(stuck_cells),
                                       cmocka_unit_test(the_right_model_is_chosen),
                                       cmocka_unit_test(mean_error),
                                       cmocka_unit_test(currents),
                                       cmocka_unit_test(the_preset_runs),
                                       cmocka_unit_test(units_and_missing_values),
                                       cmocka_unit_test(bad_input),
                                       cmocka_unit_test(memory)};
    return cmocka_run_group_tests_name("fit", tests, setup, teardown);
}
