/* test_explain.c - ablations whose answer is known, the paired interval, the file, laws 1 and 2 */
#include "mbtest.h"

#include <math.h>
#include <omp.h>
#include <unistd.h>

#include "base/mem.h"
#include "run/explain.h"
#include "run/point.h"

static mb_cache *cache;

static int open_cache(void **state) {
    (void)state;
    return mb_cache_new(&cache);
}

static int close_cache(void **state) {
    (void)state;
    mb_cache_free(cache);
    return 0;
}

static void load(mb_setup *s, const char *const *set, size_t n) {
    char path[512];
    snprintf(path, sizeof path, "%s/experiments/quickstart.cfg", srcdir());
    const char *all[24] = {"dataset=fashion-mnist-fallback", "samples=12", "calibration.samples=4", "trials=2",
                           "map.layers=( { name = \"fc1\"; engine = \"digital\"; } )"}; /* the largest layer takes most of the time */
    for (size_t i = 0; i < n; i++) all[5 + i] = set[i];
    mb_conf *root = NULL;
    assert_ok(mb_experiment_read(path, all, 5 + n, &root));
    mb_conf_use_all(mb_conf_find(root, "sweep"));
    assert_ok(mb_setup_load(root, cache, true, s));
}

/* The explanation of one point, and the point itself. */
static mb_explanation *explain(const char *const *set, size_t n, bool layers, mb_point_result *r) {
    mb_setup s;
    mb_profile *prof;
    mb_plan *plan;
    mb_explanation *e = NULL;
    load(&s, set, n);
    mb_point_options o = {.simulate = true};
    assert_ok(mb_point_run(&s, &o, r, &plan, NULL));
    assert_ok(mb_profile_new(s.net, s.calib, s.cal.samples, NULL, &prof));
    assert_ok(mb_explain_point(&s, prof, plan, layers, NULL, &e));
    mb_profile_free(prof);
    mb_plan_free(plan);
    mb_setup_free(&s);
    return e;
}

static const mb_explain_item *find(const mb_explanation *e, const char *name) {
    for (size_t i = 0; i < e->n_item; i++)
        if (!strcmp(e->item[i].name, name)) return &e->item[i];
    return NULL;
}

/* Fine integers, ideal cells, four-bit converters on 128 rows: nothing but the converter can cost anything to speak of. */
static void coarse_converter(void **state) {
    (void)state;
    const char *const set[] = {"device=ideal",    "map.weight_bits=8", "map.input_bits=8",
                               "map.cell_bits=2", "map.adc_bits=3",    "arch.adc_rule=full"};
    mb_point_result r;
    mb_explanation *e = explain(set, 6, true, &r);
    assert_int_equal(e->n_item, 3); /* a cell without errors is not in the list */
    const mb_explain_item *adc = find(e, "converter"), *in = find(e, "input quantisation"), *w = find(e, "weight quantisation");
    assert_non_null(adc);
    assert_true(e->accuracy == r.accuracy && e->draws == 1);
    assert_true(adc->without == r.quantised_accuracy && w->up_to == r.quantised_accuracy);
    assert_true(e->float_accuracy == r.float_accuracy);
    assert_true(adc->lost > 0.3 && adc->lost_low > 0.1 &&
                adc->lost == adc->recovered); /* the last one added is the one left out */
    assert_true(fabs(in->lost) < 0.06 && fabs(w->lost) < 0.06);
    assert_true(fabs(in->lost + w->lost + adc->lost - (e->float_accuracy - e->accuracy)) < 1e-12);
    for (size_t k = 0; k < e->n_layer; k++) {
        const mb_explain_layer *l = &e->layer[k];
        if (!strcmp(l->engine, "digital")) {
            assert_true(l->snr_dB[2] == l->snr_dB[1] && l->conversions == 0 && isnan(l->recovered));
            continue;
        }
        assert_true(l->snr_dB[0] > 25 && l->snr_dB[1] > 20 && l->snr_dB[2] < 15);
        int64_t sum = 0;
        for (int b = 0; b < MB_CODE_BINS; b++) sum += l->code[b];
        assert_true(l->conversions > 0 && sum == l->conversions && l->clipped == 0);
        assert_true(isfinite(l->recovered) && l->recovered_low <= l->recovered && l->recovered <= l->recovered_high);
    }
    mb_point_result_free(&r);
    mb_explanation_free(e);
}

/* Every analog non-ideality off: what is left is the quantised network, whatever was listed. And a lossless converter costs
 * nothing. */
static void free_parts_cost_nothing(void **state) {
    (void)state;
    const char *const set[] = {"device={cell=\"rram\"; prog_sigma=0.02; stuck_on=0.01; drift_nu=0.1;}", "map.weight_bits=4", "map.input_bits=4",
                               "map.cell_bits=3", "map.adc_bits=12"};
    mb_point_result r;
    mb_explanation *e = explain(set, 5, false, &r);
    assert_int_equal(e->n_item, 5); /* no drift: the cells are read at 0 s */
    assert_string_equal(e->item[2].name, "programming");
    assert_string_equal(e->item[3].name, "stuck");
    assert_string_equal(e->item[4].name, "converter");
    assert_true(fabs(e->accuracy - r.accuracy) < 1e-12 && e->draws == 2);
    assert_true(find(e, "weight quantisation")->up_to == r.quantised_accuracy);
    for (size_t k = 0; k < e->n_layer; k++) {
        const double *snr = e->layer[k].snr_dB;
        if (!strcmp(e->layer[k].engine, "digital")) continue;
        assert_true(snr[0] > snr[1] && snr[1] > snr[3] && fabs(snr[4] - snr[3]) < 1.5); /* one code per digit */
        assert_true(isnan(e->layer[k].recovered));
    }
    mb_point_result_free(&r);
    mb_explanation_free(e);
}

/* Levels that miss the digits, and wires, each with its own line; drift where the cells are old. */
static void levels_drift_wires(void **state) {
    (void)state;
    const char *const set[] = {"device={cell=\"rram\"; levels=6; drift_nu=0.1;}", "read.time_s=1e6", "arch.r_wl_ohm=20", "arch.r_bl_ohm=20",
                               "map.weight_bits=4", "map.input_bits=4", "map.cell_bits=3", "map.adc_bits=12"};
    static const char *const want[] = {"input quantisation", "weight quantisation", "levels", "drift", "wires", "converter"};
    mb_point_result r;
    mb_explanation *e = explain(set, 8, false, &r);
    assert_int_equal(e->n_item, 6);
    assert_int_equal(e->draws, 1);
    for (size_t i = 0; i < 6; i++) assert_string_equal(e->item[i].name, want[i]);
    for (size_t k = 0; k < e->n_layer; k++) {
        const double *snr = e->layer[k].snr_dB;
        if (!strcmp(e->layer[k].engine, "digital")) continue;
        assert_true(snr[2] < snr[1] - 0.5 && snr[3] < snr[2] - 3 && snr[4] < snr[1]);
    }
    assert_true(find(e, "drift")->lost > 0.1 || find(e, "wires")->lost > 0.1);
    mb_point_result_free(&r);
    mb_explanation_free(e);
}

/* Threads do not matter, the file gives back what was written, damage is told. */
static void same_bytes_and_file(void **state) {
    (void)state;
    const char *const set[] = {"map.weight_bits=4", "map.input_bits=4", "trials=1"};
    mb_str text[2] = {{0}};
    char dir[] = "mixbar-explain-XXXXXX", file[64];
    assert_non_null(mkdtemp(dir));
    snprintf(file, sizeof file, "%s/explain.jsonl", dir);
    for (int t = 0; t < 2; t++) {
        mb_point_result r;
        omp_set_num_threads(1 + 2 * t);
        mb_explanation *e = explain(set, 3, false, &r), **list;
        mb_explain_text("test", &e, 1, &text[t]);
        FILE *f = fopen(file, "wb");
        assert_non_null(f);
        assert_int_equal(fwrite(text[t].s, 1, text[t].n, f), text[t].n);
        fclose(f);
        size_t n;
        mb_str again = {0};
        assert_ok(mb_explain_read(dir, &list, &n));
        assert_int_equal(n, 1);
        mb_explain_text("test", list, 1, &again);
        assert_string_equal(mb_cstr(&again), mb_cstr(&text[t]));
        mb_str_free(&again);
        mb_explanation_free(list[0]);
        mb_free(list);
        mb_explanation_free(e);
        mb_point_result_free(&r);
    }
    omp_set_num_threads(2);
    assert_string_equal(mb_cstr(&text[0]), mb_cstr(&text[1]));
    mb_explanation **list;
    size_t n;
    char *damaged = mb_strdup(mb_cstr(&text[1]));
    char *digit = strstr(damaged, "\"samples\":12");
    assert_non_null(digit);
    digit[10] = '3';
    FILE *f = fopen(file, "wb");
    fputs(damaged, f);
    fclose(f);
    assert_fails(mb_explain_read(dir, &list, &n), MB_BADINPUT, "explain.jsonl:2: the line is damaged");
    mb_free(damaged);
    unlink(file);
    assert_int_equal(rmdir(dir), 0);
    for (int t = 0; t < 2; t++) mb_str_free(&text[t]);
}

/* Bonett and Price: n = 100, 10 samples won, 4 lost: (11 - 5) / 102 +- 1.96 sqrt(((16 / 102) - (6 / 102)^2) / 102). */
static void paired_interval(void **state) {
    (void)state;
    double low, high, d[2] = {0.04, 0.08};
    mb_paired_interval(100, 1, 6, 14, NULL, &low, &high);
    assert_true(fabs(low - -0.0171853407) < 1e-9 && fabs(high - 0.1348323996) < 1e-9);
    mb_paired_interval(100, 1, 0, 0, NULL, &low, &high); /* nothing changed: still not certain */
    assert_true(low == -high && fabs(high - 1.959963984540054 * sqrt(2.0 / 102 / 102)) < 1e-12);
    double one = high;
    mb_paired_interval(100, 2, 12, 40, d, &low, &high); /* t(0.975, 1) = 12.7062, s = 0.0282843 */
    const double m = 6.0 / 102, v = (10.0 + 2) / 102 - m * m, half = sqrt(3.841458820694124 * v / 102 + 161.447639 * 0.0008 / 2);
    assert_true(fabs(high - (m + half)) < 1e-6 && fabs(low - (m - half)) < 1e-6 && high - m > one);
    mb_paired_interval(2, 1, 2, 2, NULL, &low, &high);
    assert_true(high <= 1 && low > -1);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(paired_interval),
        cmocka_unit_test(coarse_converter),
        cmocka_unit_test(free_parts_cost_nothing),
        cmocka_unit_test(levels_drift_wires),
        cmocka_unit_test(same_bytes_and_file),
    };
    return cmocka_run_group_tests(tests, open_cache, close_cache);
}
