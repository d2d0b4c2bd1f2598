/* test_mixed.c - spaces, sensitivities and mixed-precision policies on a made-up machine, against brute force */
#include "mbtest.h"

#include <math.h>

#include "base/file.h"
#include "mapping/knapsack_csv.h"
#include "mapping/mixed.h"
#include "testnet.h"

static const testlayer four[] = {
    {"conv1", 'w', 1, 8, 8, 4, 3, 1, 1, 1},
    {"conv2", 'w', 4, 8, 8, 8, 3, 1, 1, 1},
    {"conv3", 'w', 8, 8, 8, 8, 3, 1, 1, 1},
    {"fc", 'w', 512, 1, 1, 10, 1, 1, 0, 1},
};

/* Costs are sums over layers and a constant; `rounded` adds what is not additive: energy in whole steps. */
typedef struct world {
    bool rounded, no_offset, nan, coupled;
    int losses, asked, nan_layer; /* settings measured; this layer's measurements are not finite: number from 1, 0 none */
    int draws, samples;           /* of the last score */
    double shift;                 /* what the first draws see wrongly of plans with 8-bit inputs in layer 0 */
} world;

static int world_cost(void *ctx, const mb_plan *p, mb_metrics *out) {
    const world *w = ctx;
    *out = (mb_metrics){3e-8, 1e-6, 1e-8, 2, 0};
    for (int m = 0; m < p->n; m++) {
        const mb_assign *a = &p->assign[m];
        if (w->no_offset && a->scheme == 1) return mb_fail(MB_BADINPUT, "this machine has no dummy columns");
        out->energy_J += 1e-9 * (m + 1) * a->weight_bits * a->input_bits * (1 + 0.1 * a->adc_bits) * (a->engine ? 3 : 1);
        out->latency_s += 1e-6 * a->input_bits * (a->engine ? 5 : 1) / a->copies;
        out->area_m2 += 1e-8 * a->weight_bits * a->copies;
        out->arrays += ceil(a->weight_bits / 2.0) * a->copies;
        out->weight_bits += 100.0 * a->weight_bits;
    }
    if (w->rounded) out->energy_J = 5e-8 * ceil(out->energy_J / 5e-8 + 0.3);
    return MB_OK;
}

/* Depends on a pair of layers, which no table of single layers knows. */
static int world_loss(void *ctx, const mb_plan *p, mb_loss *out) {
    world *w = ctx;
    w->losses++;
    out->loss = w->nan ? (double)NAN : 0;
    for (int m = 0; m < p->n; m++) {
        const mb_assign *a = &p->assign[m];
        out->loss += exp2(-a->weight_bits) * (4 - m) + exp2(-a->input_bits) + 0.3 * exp2(-a->adc_bits);
    }
    out->loss += 0.5 * exp2(-p->assign[0].weight_bits - p->assign[1].input_bits + 4);
    out->accuracy = exp(-out->loss);
    out->half_width = 0;
    return MB_OK;
}

/* Many devices tell the truth, few see plans with 8-bit inputs in the first layer better than they are. */
static int world_score(void *ctx, const mb_plan *p, int samples, int draws, mb_loss *out) {
    world *w = ctx;
    int rc = world_loss(ctx, p, out);
    w->draws = draws, w->samples = samples;
    out->kl = out->loss - (draws < 10 && p->assign[0].input_bits == 8 ? w->shift : 0);
    out->kl_half_width = 0.1 / draws;
    return rc;
}

/* Errors of keys add up, unless COUPLED. */
static double world_layer(const world *w, int m, const mb_assign *a) {
    double v = exp2(-a->weight_bits) * (4 - m) + exp2(-a->input_bits) + (a->engine == MB_DIGITAL ? 0 : 0.3 * exp2(-a->adc_bits));
    if (w->coupled && a->weight_bits == 4 && a->input_bits == 4) v *= 3;
    return v;
}

static int world_measure(void *ctx, const mb_measure_ask *ask, mb_measurement *out) {
    world *w = ctx;
    for (int m = 0; m < 4; m++)
        for (int s = 0; s < ask->n; s++) {
            if (ask->use && !ask->use[m * ask->n + s]) continue;
            w->asked++;
            const double v = w->nan_layer == m + 1 ? (double)NAN : world_layer(w, m, &ask->setting[s]) * ask->stress;
            out[m * ask->n + s] = (mb_measurement){2 * v, 0.2, v, 0.1};
        }
    return MB_OK;
}

/* |dW|^2 = n 4^-bits, trace = n (m + 1), eigenvalue twice the mean trace, and pairs of neighbours that make up for each other. */
static int world_curvature(void *ctx, const mb_curvature_ask *ask, const mb_curvature_tell *out) {
    const world *w = ctx;
    for (int m = 0; m < 4; m++) {
        const mb_traced t = {w->nan_layer == m + 1 ? (double)NAN : 100.0 * (m + 1), 10};
        if (out->trace) out->trace[m] = t;
        if (out->exact) out->exact[m] = (mb_traced){2 * t.mean, 0};
        if (out->empirical) out->empirical[m] = (mb_traced){t.mean / 2, 0};
        if (out->lambda) out->lambda[m] = t.mean / 10;
        for (int b = 0; b < ask->n_bits; b++) {
            const double dw = exp2(-ask->bits[b]);
            if (out->dw2) out->dw2[m * ask->n_bits + b] = dw * dw;
            if (out->fisher) out->fisher[m * ask->n_bits + b] = 3 * dw * dw;
            for (int q = 0; out->pair && q < 4 * ask->n_bits; q++) {
                const int h = q / ask->n_bits;
                const double other = exp2(-ask->bits[q % ask->n_bits]), like = h == m ? 1.0 : h == m + 1 || h == m - 1 ? -0.4 : 0.1;
                out->pair[(m * ask->n_bits + b) * 4 * ask->n_bits + q] = like * dw * other;
            }
        }
    }
    return MB_OK;
}

typedef struct fixture {
    mb_network *net;
    mb_layer_info info[4];
    mb_oracle o;
    world w;
    mb_conf *map;
    mb_plan *best;
    mb_map_report report;
} fixture;

static void begin(fixture *f, const char *text) {
    memset(f, 0, sizeof *f);
    f->net = testnet("four", 42, 4, four);
    uint64_t s = 12345;
    for (int m = 0; m < 4; m++) {
        mb_layer *l = &f->net->layer[f->net->weighted[m]];
        const mb_matmul mm = mb_layer_matmul(l);
        mb_free(l->weight);
        l->n_weight = (size_t)mm.K * (size_t)mm.N * (size_t)mm.groups;
        l->weight = mb_calloc(l->n_weight, sizeof *l->weight);
        for (size_t k = 0; k < l->n_weight; k++) {
            s = s * 6364136223846793005ull + 1442695040888963407ull;
            l->weight[k] = ((float)(s >> 40) * 0x1p-24f - 0.5f) * (float)(m + 1);
        }
        f->info[m] = (mb_layer_info){l->name, mm, mb_layer_macs(l), mb_layer_params(l)};
    }
    f->o = (mb_oracle){.net = f->net, .layer = f->info, .n = 4, .cost = world_cost, .loss = world_loss,
                        .measure = world_measure, .curvature = world_curvature};
    assert_ok(mb_conf_parse(text, "exp.cfg", &f->map));
}

static int run(fixture *f) {
    f->o.ctx = &f->w;
    f->o.report = &f->report;
    return mb_policy_run(f->map, &f->o, 1, &f->best);
}

static void end(fixture *f) {
    mb_map_report_free(&f->report);
    mb_plan_free(f->best);
    mb_conf_free(f->map);
    mb_network_free(f->net);
    assert_int_equal(mb_mem_live(), 0);
}

#define MENU "menu = { weight_bits = [2, 4, 8]; input_bits = [4, 8]; adc_bits = [5, 8]; };"
static const char *const names[] = {"hawq-v3", "mpqnnco", "eagl", "haq", "evolution", "mixbar"};

static void spaces_hold_true_costs(void **state) {
    (void)state;
    fixture f;
    mb_problem p;
    mb_space *s;
    begin(&f, "policy = \"mixbar\"; menu = { weight_bits = [2, 4, 8]; dac_bits = [1, 4, 8]; input_bits = [4, 8]; engine = "
              "[\"analog\", \"digital\"];"
              "scheme = [\"differential\", \"offset\"]; }; first = { weight_bits = 8; engine = \"analog\"; }; tied = ( "
              "(\"conv2\", \"conv3\") );");
    f.o.ctx = &f.w;
    f.w.no_offset = true;
    assert_ok(mb_problem_load(f.map, f.net, &p));
    assert_ok(mb_conf_check_used(f.map));
    assert_ok(mb_space_new(&p, &f.o, 1000, &s));
    /* differential only; dac 8 needs input 8: (1, 4 | 4) and (1, 4, 8 | 8) = 5 analog; digital forgets dac_bits and scheme: 2 */
    assert_int_equal(s->m[0], 5);
    assert_int_equal(s->m[1], 3 * 5 + 3 * 2);
    assert_int_equal(s->group[1], s->group[2]);
    for (int turn = 0; turn < 50; turn++) {
        int x[4];
        mb_plan *plan;
        mb_metrics table, cost;
        for (int i = 0; i < 4; i++) x[i] = (turn * 7 + i * 3) % s->m[i];
        mb_space_cost(s, x, &table, NULL);
        assert_ok(mb_space_plan(s, x, &plan));
        assert_ok(mb_oracle_cost(&f.o, plan, &cost));
        for (int k = 0; k < MB_METRICS; k++)
            assert_true(fabs(mb_metric_get(&table, k) - mb_metric_get(&cost, k)) <= 1e-12 * mb_metric_get(&cost, k));
        mb_plan_free(plan);
    }
    mb_space_free(s);
    assert_fails(mb_space_new(&p, &f.o, 10, &s), MB_BADINPUT, "max_choices = 10");
    mb_problem_free(&p);
    end(&f);
}

static void every_policy_keeps_the_budgets(void **state) {
    (void)state;
    for (size_t e = 0; e < sizeof names / sizeof *names; e++)
        for (int rounded = 0; rounded < 2; rounded++) {
            fixture f;
            char text[600];
            snprintf(text, sizeof text, "policy = \"%s\"; " MENU " budget = { energy_J = 4e-7; arrays = 12; bops = 2.2e6; };%s",
                     names[e], strcmp(names[e], "haq") ? "" : " solver_options = { episodes = 30; };");
            begin(&f, text);
            f.w.rounded = rounded;
            assert_ok(run(&f));
            mb_metrics m;
            assert_ok(mb_oracle_cost(&f.o, f.best, &m));
            assert_true(m.energy_J <= 4e-7 && m.arrays <= 12 && mb_plan_bops(&f.o, f.best) <= 2.2e6);
            assert_string_equal(f.best->policy, names[e]);
            assert_true(f.report.n >= 1 && f.report.chosen >= 0 && f.report.certificate && f.report.enumerated == 48);
            end(&f);
        }
}

/* The exact policies reach the least predicted loss that brute force over all 12^4 plans finds. */
static void the_table_is_solved_to_the_optimum(void **state) {
    (void)state;
    fixture f;
    begin(&f, "policy = \"hawq-v3\"; sensitivity = \"error\"; " MENU " budget = { energy_J = 4e-7; latency_s = 2.6e-5; };");
    mb_problem p;
    mb_space *s;
    mb_sensitivity v;
    const mb_sensitivity_type *type;
    assert_ok(run(&f));
    f.o.ctx = &f.w;
    assert_ok(mb_problem_load(f.map, f.net, &p));
    assert_ok(mb_space_new(&p, &f.o, 1000, &s));
    assert_ok(mb_sensitivity_named("error", &type));
    assert_ok(mb_sensitivity_run(type, NULL, &f.o, s, 1, &v));
    double best = HUGE_VAL;
    for (int q = 0; q < 12 * 12 * 12 * 12; q++) {
        int x[4] = {q % 12, q / 12 % 12, q / 144 % 12, q / 1728};
        mb_metrics m;
        mb_space_cost(s, x, &m, NULL);
        if (!mb_within(&m, &p.budget, NULL)) continue;
        best = fmin(best, v.value[0][x[0]] + v.value[1][x[1]] + v.value[2][x[2]] + v.value[3][x[3]]);
    }
    assert_true(fabs(f.report.predicted - best) <= 1e-9 * best);
    for (int i = 0; i < 4; i++) /* more bits are never worse, all else equal */
        for (int a = 0; a < s->m[i]; a++)
            for (int b = 0; b < s->m[i]; b++)
                if (s->choice[i][a].weight_bits > s->choice[i][b].weight_bits &&
                    s->choice[i][a].input_bits == s->choice[i][b].input_bits && s->choice[i][a].adc_bits == 8 &&
                    s->choice[i][b].adc_bits == 8)
                    assert_true(v.value[i][a] < v.value[i][b]);
    mb_sensitivity_free(&v);
    mb_space_free(s);
    mb_problem_free(&p);
    end(&f);
}

static void mixbar_is_never_worse_than_uniform(void **state) {
    (void)state;
    static const char *const budget[] = {"energy_J = 3e-7", "energy_J = 6e-7",   "arrays = 10",
                                         "edp_Js = 8e-12",  "edap_Jsm2 = 2e-18", "latency_s = 2e-5; area_m2 = 2.5e-7"};
    for (size_t b = 0; b < sizeof budget / sizeof *budget; b++) {
        char text[400];
        mb_loss l[2];
        for (int e = 0; e < 2; e++) {
            fixture f;
            snprintf(text, sizeof text, "policy = \"%s\"; " MENU " budget = { %s; };%s", e ? "uniform" : "mixbar", budget[b],
                     e ? "" : " uniform = 12;");
            begin(&f, text);
            assert_ok(run(&f));
            assert_ok(mb_oracle_loss(&f.o, f.best, &l[e]));
            mb_problem p;
            mb_metrics m;
            assert_ok(mb_problem_load(f.map, f.net, &p));
            assert_ok(mb_oracle_cost(&f.o, f.best, &m));
            assert_true(mb_problem_within(&p, &f.o, f.best, &m, NULL));
            mb_problem_free(&p);
            end(&f);
        }
        assert_true(l[0].loss <= l[1].loss);
    }
}

static void products_come_near_brute_force(void **state) {
    (void)state;
    fixture f;
    begin(&f, "policy = \"mixbar\"; " MENU " sensitivity = \"error\"; budget = { edap_Jsm2 = 2e-18; }; candidates = 1; uniform = 0; refine = 0;");
    mb_problem p;
    mb_space *s;
    mb_sensitivity v;
    const mb_sensitivity_type *type;
    assert_ok(run(&f));
    f.o.ctx = &f.w;
    assert_ok(mb_problem_load(f.map, f.net, &p));
    assert_ok(mb_space_new(&p, &f.o, 1000, &s));
    assert_ok(mb_sensitivity_named("error", &type));
    assert_ok(mb_sensitivity_run(type, NULL, &f.o, s, 1, &v));
    double best = HUGE_VAL;
    for (int q = 0; q < 12 * 12 * 12 * 12; q++) {
        int x[4] = {q % 12, q / 12 % 12, q / 144 % 12, q / 1728};
        mb_metrics m;
        mb_space_cost(s, x, &m, NULL);
        if (mb_edap(&m) <= 2e-18) best = fmin(best, v.value[0][x[0]] + v.value[1][x[1]] + v.value[2][x[2]] + v.value[3][x[3]]);
    }
    assert_true(f.report.predicted >= best * (1 - 1e-9) && f.report.predicted <= best * 1.1);
    assert_non_null(strstr(f.report.certificate, "no proof"));
    mb_sensitivity_free(&v);
    mb_space_free(s);
    mb_problem_free(&p);
    end(&f);
    begin(&f, "policy = \"mixbar\"; " MENU " sensitivity = \"error\"; objective = \"edp\"; max_predicted = 0.1; uniform = 0; refine = 0;");
    assert_ok(run(&f));
    assert_true(f.report.candidate[f.report.chosen].predicted <= 0.1 * (1 + 1e-9));
    end(&f);
}

/* Replacements make a plan cheaper only as far as the accuracy is kept. */
static void replacements_keep_the_accuracy(void **state) {
    (void)state;
    fixture f;
    mb_loss best, got;
    begin(&f, "policy = \"mixbar\"; " MENU " sensitivity = \"error\"; objective = \"energy_J\"; max_predicted = 100; budget = { accuracy_drop = 0.06; };"
              "also = \"\"; candidates = 1; screen = 1; draws = 1; refine = 40;");
    assert_ok(run(&f));
    assert_ok(world_loss(&f.w, f.best, &got));
    for (int m = 0; m < 4; m++) { /* the least errors: converters of 5 bits lose nothing where few rows are added */
        mb_assign *a = &f.best->assign[m];
        a->weight_bits = a->input_bits = 8;
        a->adc_bits = m < 2 ? 5 : 8;
    }
    assert_ok(world_loss(&f.w, f.best, &best));
    assert_true(f.report.candidate[f.report.chosen].refined);
    assert_true(got.accuracy >= best.accuracy - 0.06);
    end(&f);
}

static int world_latency(void *ctx, const mb_plan *p, int m, double *t) {
    (void)ctx;
    *t = 1e-6 * p->assign[m].input_bits * (p->assign[m].engine ? 5 : 1) / p->assign[m].copies;
    return MB_OK;
}

static void the_slowest_layer_is_bounded(void **state) {
    (void)state;
    fixture f;
    begin(&f, "policy = \"hawq-v3\"; " MENU " budget = { layer_latency_s = 5e-6; };");
    f.o.layer_latency = world_latency;
    assert_ok(run(&f));
    for (int i = 0; i < 4; i++) assert_int_equal(f.best->assign[i].input_bits, 4);
    assert_int_equal(f.report.filtered, 24);
    end(&f);
    begin(&f, "policy = \"hawq-v3\"; " MENU " budget = { layer_latency_s = 1e-6; };");
    f.o.layer_latency = world_latency;
    assert_fails(run(&f), MB_NUMERIC, "exp.cfg:1: layer conv1 is slower than");
    end(&f);
}

static void fronts_come_with_the_search(void **state) {
    (void)state;
    fixture f;
    begin(&f, "policy = \"hawq-v3\"; " MENU);
    f.report.n_front_keys = 1;
    f.report.front_points = 9;
    assert_ok(run(&f));
    assert_true(f.report.n_front >= 5 && f.report.n_front <= 9 && f.report.front_complete && f.report.front_size > 20);
    for (int i = 1; i < f.report.n_front; i++) {
        assert_true(f.report.front[i].cost.energy_J > f.report.front[i - 1].cost.energy_J);
        assert_true(f.report.front[i].predicted < f.report.front[i - 1].predicted);
    }
    assert_true(f.report.hypervolume > 0 && f.report.hypervolume < 1);
    end(&f);
}

static void what_is_wrong_is_told(void **state) {
    (void)state;
    static const struct {
        const char *text;
        int code;
        const char *message;
    } wrong[] = {
        {"policy = \"mixbar\"; " MENU " budget = { energy_J = 1e-9; };", MB_NUMERIC,
         "exp.cfg:1: no plan fits budget.energy_J = 1.000 nJ: the cheapest mix of settings needs"},
        {"policy = \"eagl\"; " MENU " budget = { bops = 1e3; };", MB_NUMERIC, "budget.bops"},
        {"policy = \"mixbar\"; " MENU " budget = { edap_Jsm2 = 1e-25; };", MB_NUMERIC, "budget.edap_Jsm2"},
        {"policy = \"mixbar\"; " MENU " budget = { energy_J = 1.6e-7; accuracy_drop = 1e-4; };", MB_NUMERIC, "accuracy_drop"},
        {"policy = \"hawq-v3\"; " MENU " budget = { accuracy_drop = 0.1; };", MB_BADINPUT, "mixbar"},
        {"policy = \"uniform\"; " MENU " budget = { accuracy_drop = 0.1; };", MB_BADINPUT, "mixbar"},
        {"policy = \"mixbar\"; " MENU " budget = { layer_latency_s = 1e-6; };", MB_BADINPUT, "single layers"},
        {"policy = \"mixbar\"; sensitivity = \"entropie\";", MB_BADINPUT, "did you mean entropy"},
        {"policy = \"mixbar\"; solver = \"simplex\";", MB_BADINPUT, "there is no solver simplex"},
        {"policy = \"mixbar\"; " MENU " sensitivity = \"orthogonality\";", MB_BADINPUT, "outputs of layers"},
        {"policy = \"mixbar\"; " MENU " sensitivity_options = { rowz = 3; };", MB_BADINPUT, "rowz"},
        {"policy = \"haq\"; " MENU " solver_options = { episodez = 3; };", MB_BADINPUT, "episodez"},
        {"policy = \"mixbar\"; tied = ( (\"conv1\", \"conv9\") );", MB_BADINPUT, "did you mean conv"},
        {"policy = \"mixbar\"; tied = ( (\"conv1\", \"conv2\"), (\"conv2\", \"fc\") );", MB_BADINPUT, "tied twice"},
        {"policy = \"mixbar\"; " MENU " tied = ( (\"conv1\", \"conv2\") ); first = { weight_bits = 8; };", MB_BADINPUT,
         "same choices"},
        {"policy = \"mixbar\"; budget = { edap_Jsm = 1; };", MB_BADINPUT, "did you mean edap_Jsm2"},
    };
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        fixture f;
        begin(&f, wrong[i].text);
        int rc = run(&f);
        if (rc != wrong[i].code || !strstr(mb_error_message(), wrong[i].message))
            fail_msg("%s: code %d, message %s", wrong[i].text, rc, mb_error_message());
        mb_error_clear();
        end(&f);
    }
    fixture f;
    begin(&f, "policy = \"mixbar\"; sensitivity = \"error\"; " MENU);
    f.net->layer[f.net->weighted[2]].weight[5] = (float)NAN;
    assert_fails(run(&f), MB_NUMERIC, "layer conv3: the sensitivity error of the setting");
    end(&f);
    begin(&f, "policy = \"mixbar\"; " MENU);
    f.w.nan = true;
    assert_fails(run(&f), MB_NUMERIC, "simulated loss");
    end(&f);
}

/* --- sensitivities -------------------------------------------------------------------------------------------------------- */

typedef struct filled {
    mb_problem p;
    mb_space *s;
    mb_sensitivity v;
    const mb_sensitivity_type *type;
} filled;

static int fill(fixture *f, const char *name, filled *q) {
    f->o.ctx = &f->w;
    assert_ok(mb_problem_load(f->map, f->net, &q->p));
    assert_ok(mb_space_new(&q->p, &f->o, 100000, &q->s));
    assert_ok(mb_sensitivity_named(name, &q->type));
    return mb_sensitivity_run(q->type, q->p.sensitivity_options, &f->o, q->s, 1, &q->v);
}

static void drain(filled *q) {
    mb_sensitivity_free(&q->v);
    mb_space_free(q->s);
    mb_problem_free(&q->p);
}

/* Where errors of keys add up, a star tells all settings; where they do not, what is asked for is measured. */
static void stars_stand_for_all_settings(void **state) {
    (void)state;
    for (int coupled = 0; coupled < 2; coupled++) {
        fixture f;
        filled q;
        begin(&f, "policy = \"hawq-v3\"; menu = { weight_bits = [2, 3, 4, 5, 6, 7, 8]; input_bits = [3, 4, 5, 6, 7, 8]; adc_bits = [4, 5, 6, 7, 8]; copies = [1, 2]; "
                  "engine = [\"analog\", \"digital\"]; };");
        f.w.coupled = coupled;
        assert_ok(fill(&f, "measured", &q));
        assert_int_equal(f.w.asked, 4 * (7 + 5 + 4 + 7 + 5)); /* keys one by one, analog and digital */
        int estimated = 0;
        for (int i = 0; i < 4; i++)
            for (int c = 0; c < q.s->m[i]; c++) {
                const mb_assign *a = &q.s->choice[i][c];
                estimated += q.v.estimated[i][c];
                if (!coupled || a->weight_bits != 4 || a->input_bits != 4) assert_true(fabs(q.v.value[i][c] - world_layer(&f.w, i, a)) < 1e-12);
                else if (q.v.estimated[i][c]) assert_true(q.v.value[i][c] < 0.5 * world_layer(&f.w, i, a));
            }
        assert_true(estimated > 4 * 7 * 6 * 3);
        bool *ask[4];
        for (int i = 0; i < 4; i++) {
            ask[i] = mb_calloc((size_t)q.s->m[i], sizeof(bool));
            for (int c = 0; c < q.s->m[i]; c++) ask[i][c] = q.s->choice[i][c].weight_bits == 4 && q.s->choice[i][c].input_bits == 4;
        }
        const int before = f.w.asked;
        assert_ok(mb_sensitivity_sharpen(q.type, NULL, &f.o, q.s, ask, &q.v));
        assert_int_equal(f.w.asked - before, 4 * (5 + 1)); /* copies and the digital engine's converters count once */
        for (int i = 0; i < 4; i++) {
            for (int c = 0; c < q.s->m[i]; c++) {
                if (!ask[i][c]) continue;
                assert_true(fabs(q.v.value[i][c] - world_layer(&f.w, i, &q.s->choice[i][c])) < 1e-12 && !q.v.estimated[i][c]);
                assert_true(fabs(q.v.half_width[i][c] - 0.196) < 1e-3);
            }
            mb_free(ask[i]);
        }
        drain(&q);
        end(&f);
    }
}

static void measurements_have_options(void **state) {
    (void)state;
    fixture f;
    filled q;
    begin(&f, "policy = \"hawq-v3\"; menu = { weight_bits = [2, 8]; input_bits = [4, 8]; }; sensitivity_options = { design = \"full\"; metric = \"loss\"; stress = 2.0; };");
    assert_ok(fill(&f, "measured", &q));
    assert_int_equal(f.w.asked, 16);
    for (int c = 0; c < 4; c++) assert_true(fabs(q.v.value[2][c] - 4 * world_layer(&f.w, 2, &q.s->choice[2][c])) < 1e-12 && !q.v.estimated[2][c]);
    drain(&q);
    end(&f);
    begin(&f, "policy = \"hawq-v3\"; " MENU);
    f.w.nan_layer = 2;
    assert_fails(fill(&f, "measured", &q), MB_NUMERIC, "layer conv2: the sensitivity measured of the setting");
    drain(&q);
    assert_fails(fill(&f, "hessian", &q), MB_NUMERIC, "layer conv2: the sensitivity hessian of the setting");
    drain(&q);
    end(&f);
    begin(&f, "policy = \"hawq-v3\"; " MENU);
    f.o.measure = NULL, f.o.curvature = NULL;
    assert_fails(fill(&f, "kl", &q), MB_BADINPUT, "the sensitivity kl measures single layers");
    drain(&q);
    assert_fails(fill(&f, "fisher", &q), MB_BADINPUT, "the sensitivity fisher needs derivatives");
    drain(&q);
    end(&f);
}

/* S of every provider of second order, by its formula. */
static void curvatures_weigh_changes(void **state) {
    (void)state;
    static const char *const provider[] = {"hessian", "hessian", "lambda", "fisher"};
    static const double factor[] = {100, 200, 10, 0}; /* of the layer's number, over its weights */
    for (int e = 0; e < 4; e++)
        for (int referred = 0; referred < 2; referred++) {
            fixture f;
            filled q;
            char text[300];
            snprintf(text, sizeof text, "policy = \"hawq-v3\"; " MENU " sensitivity_options = { others = \"%s\"; %s };", referred ? "referred" : "none",
                     e == 1 ? "trace = \"fisher\";" : "");
            begin(&f, text);
            assert_ok(fill(&f, provider[e], &q));
            for (int i = 0; i < 4; i++) {
                const mb_layer *l = &f.net->layer[f.net->weighted[i]];
                double power = 0;
                for (size_t k = 0; k < l->n_weight; k++) power += (double)l->weight[k] * (double)l->weight[k];
                for (int c = 0; c < q.s->m[i]; c++) {
                    const mb_assign *a = &q.s->choice[i][c];
                    const double dw2 = exp2(-2 * a->weight_bits), n = (double)l->n_weight, input = 4.0 / 3 * exp2(-2 * a->input_bits);
                    const double own = e == 3 ? 3 * dw2 : factor[e] * (i + 1) / n * dw2, mean = e == 3 ? 25.0 * (i + 1) / n : factor[e] * (i + 1) / n;
                    if (!referred) assert_true(fabs(q.v.value[i][c] - own) <= 1e-12 * own);
                    else if (a->adc_bits == 8) assert_true(fabs(q.v.value[i][c] - own - mean * power * input) <= 1e-9 * q.v.value[i][c]);
                    else assert_true(q.v.value[i][c] >= own + mean * power * input * (1 - 1e-9));
                }
            }
            drain(&q);
            end(&f);
        }
}

/* Divergences of quantised layers have no converters in them; referred, fewer converter bits cost more. */
static void divergences_are_of_integers(void **state) {
    (void)state;
    fixture f;
    filled q;
    begin(&f, "policy = \"hawq-v3\"; " MENU " sensitivity_options = { others = \"none\"; };");
    assert_ok(fill(&f, "kl", &q));
    assert_int_equal(f.w.asked, 4 * (3 + 2));
    for (int i = 0; i < 4; i++)
        for (int c = 0; c < q.s->m[i]; c++) {
            mb_assign w = q.s->choice[i][c], x = w;
            w.engine = x.engine = MB_DIGITAL;
            w.input_bits = x.weight_bits = 8;
            assert_true(fabs(q.v.value[i][c] - world_layer(&f.w, i, &w) - world_layer(&f.w, i, &x)) < 1e-12);
        }
    drain(&q);
    end(&f);
    begin(&f, "policy = \"hawq-v3\"; menu = { adc_bits = [3, 4, 5, 6, 7, 8]; };");
    assert_ok(fill(&f, "kl", &q));
    for (int c = 1; c < 6; c++) assert_true(q.v.value[2][c] <= q.v.value[2][c - 1]);
    assert_true(q.v.value[2][0] > 2 * q.v.value[2][1] && q.v.value[2][1] > q.v.value[2][5]);
    drain(&q);
    end(&f);
}

/* Pairs reach the solver: its answer is the least of 1/2 dW'G dW over all plans. */
static void pairs_are_minimised(void **state) {
    (void)state;
    for (int psd = 0; psd < 2; psd++) {
        fixture f;
        char text[400];
        snprintf(text, sizeof text,
                 "policy = \"mixbar\"; sensitivity = \"clado\"; solver = \"quadratic\"; menu = { weight_bits = [2, 3, 4, 8]; }; budget = { weight_bits = 1500.0; };"
                 "sensitivity_options = { others = \"none\"; psd = %s; }; candidates = 1; uniform = 0; refine = 0;", psd ? "true" : "false");
        begin(&f, text);
        assert_ok(run(&f));
        static const int bits[] = {2, 3, 4, 8};
        double best = HUGE_VAL;
        for (int e = 0; e < 256; e++) {
            const int b[4] = {bits[e % 4], bits[e / 4 % 4], bits[e / 16 % 4], bits[e / 64]};
            double v = 0;
            if (b[0] + b[1] + b[2] + b[3] > 15) continue;
            for (int i = 0; i < 4; i++)
                for (int h = 0; h < 4; h++) v += (i == h ? 0.5 : abs(i - h) == 1 ? -0.2 : 0.05) * exp2(-b[i] - b[h]);
            best = fmin(best, v);
        }
        if (!psd) assert_true(fabs(f.report.predicted - best) <= 1e-9 * fabs(best));
        else assert_true(f.report.predicted >= best - 1e-9); /* the projection only adds */
        assert_true(fabs(f.report.candidate[0].predicted - f.report.predicted) <= 1e-9);
        end(&f);
    }
}

/* Plans rest on measurements, not on the star's estimates; few devices are misled, many decide. */
static void mixbar_measures_and_confirms(void **state) {
    (void)state;
    fixture f;
    begin(&f, "policy = \"mixbar\"; " MENU " budget = { energy_J = 4e-7; }; screen = 3; draws = 12; finalists = 40; samples = 77; candidates = 4;");
    f.w.coupled = true;
    f.w.shift = 0.05;
    f.o.score = world_score;
    assert_ok(run(&f));
    assert_int_equal(f.w.samples, 77);
    assert_true(f.report.rounds > 1 && f.report.measured > 4 * 4);
    const mb_candidate *best = &f.report.candidate[f.report.chosen];
    assert_int_equal(best->draws, 12);
    for (int c = 0; c < f.report.n; c++) {
        assert_int_equal(f.report.candidate[c].draws, 12);
        assert_true(f.report.candidate[c].loss.kl >= best->loss.kl);
    }
    end(&f);
}

/* Refinement changes two layers at once where one alone does not fit: from a poor start it ends near the best of all plans (a local minimum, not the global one). */
static void refinement_goes_downhill(void **state) {
    (void)state;
    double found[2];
    for (int e = 0; e < 2; e++) {
        fixture f;
        char text[400];
        snprintf(text, sizeof text, "policy = \"mixbar\"; " MENU " sensitivity = \"error\"; budget = { energy_J = 4e-7; }; candidates = 1; uniform = 0; also = \"\"; refine = %d;", e ? 400 : 0);
        begin(&f, text);
        assert_ok(run(&f));
        mb_loss l;
        assert_ok(mb_oracle_loss(&f.o, f.best, &l));
        found[e] = l.loss;
        if (e) {
            mb_problem p;
            mb_space *s;
            double best = HUGE_VAL;
            assert_ok(mb_problem_load(f.map, f.net, &p));
            assert_ok(mb_space_new(&p, &f.o, 1000, &s));
            for (int q = 0; q < 12 * 12 * 12 * 12; q++) {
                int x[4] = {q % 12, q / 12 % 12, q / 144 % 12, q / 1728};
                mb_metrics m;
                mb_plan *plan;
                mb_space_cost(s, x, &m, NULL);
                if (!mb_within(&m, &p.budget, NULL)) continue;
                assert_ok(mb_space_plan(s, x, &plan));
                assert_ok(mb_oracle_loss(&f.o, plan, &l));
                best = fmin(best, l.loss);
                mb_plan_free(plan);
            }
            assert_true(found[1] <= best * 1.15);
            mb_space_free(s);
            mb_problem_free(&p);
        }
        end(&f);
    }
    assert_true(found[1] <= 0.7 * found[0]);
}

/* The best plans of other tables are candidates; what an oracle cannot tell is left out, a name that does not exist is an error. */
static void other_tables_have_a_say(void **state) {
    (void)state;
    for (int blind = 0; blind < 2; blind++) {
        fixture f;
        begin(&f, "policy = \"mixbar\"; " MENU " budget = { energy_J = 4e-7; }; candidates = 1; uniform = 0; refine = 0; also = \"fisher, entropy,orthogonality\";");
        if (blind) f.o.curvature = NULL;
        assert_ok(run(&f));
        int other = 0;
        for (int c = 0; c < f.report.n; c++) {
            other += f.report.candidate[c].other;
            assert_true(f.report.candidate[c].loss.loss >= f.report.candidate[f.report.chosen].loss.loss);
        }
        assert_true(other >= (blind ? 1 : 2) && f.report.n == 1 + other);
        end(&f);
    }
    fixture f;
    begin(&f, "policy = \"mixbar\"; " MENU " also = \"kl fischer\";");
    assert_fails(run(&f), MB_BADINPUT, "did you mean fisher");
    end(&f);
}

static void tables_of_users(void **state) {
    (void)state;
    static const struct {
        const char *text, *message;
    } wrong[] = {
        {"layer,sensitivity,cost\na,1,2\na,,3\n", ":3: layer a: the cell sensitivity is missing"},
        {"layer,cost\na,1\n", ":1: the column sensitivity is missing"},
        {"sensitivity,cost\n1,1\n", "the column layer is missing"},
        {"layer,sensitivity,cost\na,1,x\n", ":2"},
        {"layer,sensitivity,value\na,1,1\n", "same column"},
        {"layer,sensitivity,tied\na,1,g\nb,2,g\nb,3,g\n", "tied to a but has 2 choices instead of 1"},
        {"layer,sensitivity,tied\na,1,g\na,2,h\n", ":3: layer a is tied to h here and to g in line 2"},
        {"layer,sensitivity\n", "no data"},
    };
    char path[] = "/tmp/mixbar-table-XXXXXX";
    int fd = mkstemp(path), k;
    assert_true(fd >= 0);
    mb_user_table t;
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        assert_ok(mb_file_write(path, wrong[i].text, strlen(wrong[i].text)));
        assert_fails(mb_user_table_read(path, &t), MB_BADINPUT, wrong[i].message);
        assert_int_equal(mb_mem_live(), 0);
    }
    static const char good[] = "layer;choice;sensitivity;energy_J;tied\nb;2;3;1;x\na;2;5;1;x\nb;4;1;2;x\na;4;2;3;x\n";
    assert_ok(mb_file_write(path, good, strlen(good)));
    assert_ok(mb_user_table_read(path, &t));
    assert_true(t.p->n == 2 && t.p->m[0] == 2 && t.p->group[0] == t.p->group[1] && t.p->group[0] >= 0);
    assert_true(t.p->value[1][1] == 2 && t.p->use[0][1] == 2);
    assert_string_equal(t.p->layer[0], "b");
    assert_string_equal(t.label[1][1], "4");
    assert_ok(mb_user_table_column(&t, "energy_J", &k));
    assert_fails(mb_user_table_column(&t, "energy", &k), MB_BADINPUT, "did you mean energy_J");
    mb_user_table_free(&t);
    remove(path);
    assert_int_equal(mb_mem_live(), 0);
}

static int stop_while_solving(void *ctx, const char *what, int64_t done, int64_t total) {
    (void)ctx, (void)done, (void)total;
    return strcmp(what, "solving the table") == 0;
}

/* A table can take long: it says so, and it can be stopped, also where no plan is simulated in between. */
static void tables_can_be_stopped(void **state) {
    (void)state;
    static const char *const budget[] = {"energy_J = 3e-7", "edap_Jsm2 = 2e-18"};
    for (int b = 0; b < 2; b++) {
        fixture f;
        char text[400];
        snprintf(text, sizeof text,
                 "policy = \"mixbar\"; sensitivity = \"error\"; menu = { weight_bits = [1, 2, 3, 4, 5, 6, 7, 8]; input_bits = [2, 3, 4, 5, 6, 7, 8]; "
                 "adc_bits = [4, 5, 6, 7, 8]; }; budget = { %s; }; candidates = 200; refine = 0; uniform = 0; screen = 1; draws = 1; samples = 1;",
                 budget[b]);
        begin(&f, text);
        f.o.progress = stop_while_solving;
        assert_fails(run(&f), MB_INTERRUPTED, "stopped");
        assert_int_equal(f.w.losses, 0);
        end(&f);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(spaces_hold_true_costs),
        cmocka_unit_test(every_policy_keeps_the_budgets),
        cmocka_unit_test(the_table_is_solved_to_the_optimum),
        cmocka_unit_test(mixbar_is_never_worse_than_uniform),
        cmocka_unit_test(products_come_near_brute_force), cmocka_unit_test(replacements_keep_the_accuracy),
        cmocka_unit_test(the_slowest_layer_is_bounded),
        cmocka_unit_test(fronts_come_with_the_search),
        cmocka_unit_test(what_is_wrong_is_told),
        cmocka_unit_test(stars_stand_for_all_settings),
        cmocka_unit_test(measurements_have_options),
        cmocka_unit_test(curvatures_weigh_changes),
        cmocka_unit_test(divergences_are_of_integers),
        cmocka_unit_test(pairs_are_minimised),
        cmocka_unit_test(mixbar_measures_and_confirms),
        cmocka_unit_test(refinement_goes_downhill),
        cmocka_unit_test(other_tables_have_a_say),
        cmocka_unit_test(tables_can_be_stopped),
        cmocka_unit_test(tables_of_users),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
