/* test_pruning.c - plans that keep fewer channels: exact integers, arrays freed, importance, choices of the mapper, measured losses */
#include "mbtest.h"

#include <math.h>
#include <omp.h>
#include <string.h>

#include "base/mem.h"
#include "mapping/mixed.h"
#include "nn/prune.h"
#include "run/measure.h"
#include "run/oracle.h"
#include "run/point.h"
#include "run/prune.h"

static mb_cache *cache;

/* A setup of the shipped residual network, with the settings SET[n] laid on it. */
static mb_setup load(int n, const char *const *set) {
    static const char text[] = "schema = 1; name = \"test\"; dataset = \"fashion-mnist-standardised\"; samples = 48; "
                               "calibration = { samples = 32; }; device = \"ideal\"; arch = \"rram-22nm\"; trials = 1; "
                               "map = { policy = \"uniform\"; weight_bits = 4; cell_bits = 2; adc_bits = 8; };";
    char network[600];
    mb_conf *root = NULL;
    mb_setup s;
    snprintf(network, sizeof network, "network=%s/experiments/networks/fashion_resnet8.onnx", srcdir());
    assert_ok(mb_conf_parse(text, "test.cfg", &root));
    assert_ok(mb_conf_assign(root, network, MB_FROM_COMMAND));
    for (int i = 0; i < n; i++) assert_ok(mb_conf_assign(root, set[i], MB_FROM_COMMAND));
    assert_ok(mb_setup_load(root, cache, true, &s));
    return s;
}

static int open_all(void **state) {
    char path[600];
    (void)state;
    snprintf(path, sizeof path, "%s/experiments", srcdir());
    setenv("MIXBAR_PATH", path, 1);
    return mb_cache_new(&cache);
}

static int close_all(void **state) {
    (void)state;
    mb_cache_free(cache);
    return 0;
}

static const mb_assign base = {MB_ANALOG, 4, 2, 8, 1, 8, 0, MB_DIFFERENTIAL, 1, 0, 0, 0};

static mb_plan *plan_of(const mb_setup *s) {
    mb_plan *p = NULL;
    assert_ok(mb_plan_new(s->net, &base, &p));
    return p;
}

static int layer(const mb_plan *p, const char *name) {
    for (int m = 0; m < p->n; m++)
        if (!strcmp(p->layer[m], name)) return m;
    fail_msg("no layer %s", name);
    return -1;
}

static mb_accuracy exact(mb_setup *s, const mb_network *net, const mb_plan *plan) {
    mb_setup at = *s;
    mb_profile *prof = NULL;
    mb_mapped *m = NULL;
    mb_accuracy acc;
    at.net = net;
    assert_ok(mb_profile_new(net, s->calib, s->cal.samples, NULL, &prof));
    assert_ok(mb_mapped_new(&at, prof, plan, &m));
    assert_ok(mb_quantised_accuracy(m, s->data, s->keys.samples, NULL, &acc));
    mb_mapped_free(m);
    mb_profile_free(prof);
    return acc;
}

/* The smaller network and the one whose channels are zero compute the same integers: the same losses to the last bit. */
static void smaller_is_masked_on_integers(void **state) {
    (void)state;
    mb_setup s = load(0, NULL);
    mb_plan *p = plan_of(&s);
    p->assign[layer(p, "/stem/c/Conv")].keep_outputs = 13;
    p->assign[layer(p, "/l/l.1/a/c/Conv")].keep_outputs = 25;
    p->assign[layer(p, "/l/l.2/d/c/Conv")].keep_outputs = 51;
    p->assign[layer(p, "/l/l.2/a/c/Conv")].keep_inputs = 27;
    mb_pruned small;
    assert_ok(mb_pruned_open(&s, p, NULL, &small));
    assert_true(small.setup->net != s.net && !mb_plan_prunes(small.plan) && small.plan->network_hash == small.setup->net->hash);
    const mb_pruner *ranks = NULL;
    mb_network *masked = NULL;
    int out[16] = {0}, in[16] = {0};
    assert_ok(mb_pruned_ranks(&s, NULL, &ranks));
    for (int m = 0; m < p->n; m++) out[m] = p->assign[m].keep_outputs, in[m] = p->assign[m].keep_inputs;
    assert_ok(mb_prune(ranks, out, in, true, &masked));
    mb_plan *whole = plan_of(&s);
    const mb_accuracy a = exact(&s, small.setup->net, small.plan), b = exact(&s, masked, whole), all = exact(&s, s.net, whole);
    assert_int_equal(a.correct, b.correct);
    assert_true(a.loss == b.loss);
    assert_true(a.loss != all.loss && a.loss < 2.4); /* better than guessing, and not the whole network */
    mb_plan_free(whole);
    mb_network_free(masked);
    mb_pruned_close(&small);
    mb_plan_free(p);
    mb_setup_free(&s);
}

/* Arrays of a layer of K inputs and N outputs by hand: ceil(K / rows) times ceil(N / (weights of a row of cells)). */
static double arrays_by_hand(const mb_setup *s, const mb_network *net) {
    const int cells = 2 * 2; /* pairs, two slices of three bits' magnitude */
    double n = 0;
    for (int m = 0; m < net->n_weighted; m++) {
        const mb_matmul mm = mb_layer_matmul(&net->layer[net->weighted[m]]);
        n += ceil((double)mm.K / s->mach->rows) * ceil((double)mm.N / (s->mach->cols / cells));
    }
    return n;
}

static void arrays_and_costs_fall(void **state) {
    (void)state;
    mb_setup s = load(0, NULL);
    mb_plan *p = plan_of(&s);
    mb_pruned_costs *costs = NULL;
    mb_metrics m[2];
    double macs[2][16], bops[2];
    mb_oracle o = {.net = s.net};
    assert_ok(mb_pruned_costs_new(&s, &costs));
    for (int i = 0; i < 2; i++) {
        if (i) p->assign[layer(p, "/l/l.1/d/c/Conv")].keep_outputs = 14; /* 64 weights fit in a row: K of the readers falls */
        if (i) p->assign[layer(p, "/l/l.2/a/c/Conv")].keep_outputs = 28;
        mb_pruned at;
        assert_ok(mb_pruned_costs_plan(costs, p, NULL, &m[i]));
        assert_ok(mb_plan_macs(s.net, p, macs[i]));
        bops[i] = mb_plan_bops(&o, p);
        assert_ok(mb_pruned_open(&s, p, NULL, &at));
        assert_true(m[i].arrays == arrays_by_hand(&s, at.setup->net));
        for (int k = 0; k < p->n; k++)
            assert_true(fabs(macs[i][k] - (double)mb_layer_macs(&at.setup->net->layer[at.setup->net->weighted[k]])) < 1e-6);
        mb_pruned_close(&at);
    }
    assert_true(m[1].arrays < m[0].arrays && m[1].energy_J < m[0].energy_J && m[1].area_m2 < m[0].area_m2 && bops[1] < bops[0]);
    assert_true(m[1].weight_bits < m[0].weight_bits);
    mb_pruned_costs_free(costs);
    mb_plan_free(p);
    mb_setup_free(&s);
}

/* D of a channel is the derivative of the loss along the way from the channel to what takes its place, checked by differences of
 * losses. */
static double loss_of(const mb_setup *s, const mb_network *net, int64_t samples) {
    mb_accuracy acc;
    assert_ok(mb_float_accuracy(net, s->calib, samples, NULL, &acc));
    return acc.loss;
}

/* Sum of D^2 of layer M's input channels over the first N samples. */
static void squares(int n, int m, double *d2) {
    char text[40];
    const char *set[] = {text, "map.keep.replace=false"};
    const mb_pruner *p = NULL;
    snprintf(text, sizeof text, "map.keep.samples=%d", n);
    mb_setup s = load(2, set);
    assert_ok(mb_pruned_ranks(&s, NULL, &p));
    for (int c = 0; c < p->couplings->in_channels[m]; c++) d2[c] = p->row_score[m][c] * n;
    mb_setup_free(&s);
}

static void importance_is_a_derivative(void **state) {
    (void)state;
    const int m = 1; /* /l/l.0/a reads the first stream */
    mb_setup s = load(0, NULL);
    double most = 0, before = 0, upto[16], below[16];
    int hard = 2, compared = 0; /* the sample, from 1, that is hardest: its gradients are the largest */
    for (int n = 1; n <= 12; n++) {
        const double sum = n * loss_of(&s, s.net, n);
        if (n > 1 && sum - before > most) most = sum - before, hard = n;
        before = sum;
    }
    squares(hard, m, upto);
    squares(hard - 1, m, below);
    mb_pruner *own = NULL;
    assert_ok(mb_pruner_new(s.net, &own));
    for (int c = 0; c < 16; c++) {
        const double h = 5e-3, want = sqrt(fmax(0, upto[c] - below[c]));
        double loss[2];
        int none[16] = {0};
        if (want < 1e-2) continue;
        for (int side = 0; side < 2; side++) { /* D with means of 0, so that only weights move */
            mb_network *net = NULL;
            assert_ok(mb_prune(own, none, none, false, &net));
            mb_layer *l = &net->layer[net->weighted[m]];
            for (int o = 0; o < l->win.cout; o++)
                for (int t = 0; t < 9; t++) {
                    float *w = &l->weight[(o * l->win.cin + c) * 9 + t];
                    *w = (float)((double)*w * (side ? 1 - h : 1 + h));
                }
            loss[side] = hard * loss_of(&s, net, hard) - (hard - 1) * loss_of(&s, net, hard - 1);
            mb_network_free(net);
        }
        assert_true(fabs(fabs(loss[0] - loss[1]) / (2 * h) - want) < 0.05 * want + 4e-3);
        compared++;
    }
    assert_true(compared >= 6);
    mb_pruner_free(own);
    mb_setup_free(&s);
}

/* With means: the biases take back what the channel's mean does to the outputs. One sample, whose own mean it is. */
static void importance_counts_the_mean(void **state) {
    (void)state;
    const char *set[] = {"map.keep.samples=1"};
    mb_setup s = load(1, set);
    const mb_pruner *p = NULL;
    const int m = 3; /* /l/l.1/a reads the first stream behind a block */
    int compared = 0;
    assert_ok(mb_pruned_ranks(&s, NULL, &p));
    for (int c = 0; c < 16; c++) {
        const double h = 0.02, want = sqrt(p->row_score[m][c]);
        double loss[2];
        int none[16] = {0};
        if (want < 2e-3) continue; /* losses are whole units of 2^-20 */
        for (int side = 0; side < 2; side++) {
            mb_network *net = NULL;
            assert_ok(mb_prune(p, none, none, false, &net));
            mb_layer *l = &net->layer[net->weighted[m]];
            const double step = side ? -h : h;
            for (int o = 0; o < l->win.cout; o++)
                for (int t = 0; t < 9; t++) {
                    float *w = &l->weight[(o * l->win.cin + c) * 9 + t];
                    l->bias[o] -= (float)(step * (double)*w * (double)p->mean[m][c]);
                    *w = (float)((double)*w * (1 + step));
                }
            loss[side] = loss_of(&s, net, 1);
            mb_network_free(net);
        }
        assert_true(fabs(fabs(loss[0] - loss[1]) / (2 * h) - want) < 0.1 * want + 2e-4);
        compared++;
    }
    assert_true(compared >= 6);
    mb_setup_free(&s);
}

/* The same ranks for any number of threads. */
static void ranks_have_one_order(void **state) {
    (void)state;
    double first[64];
    for (int threads = 1; threads <= 3; threads++) {
        mb_cache *own = NULL, *shared = cache;
        assert_ok(mb_cache_new(&own));
        cache = own;
        const int before = omp_get_max_threads();
        omp_set_num_threads(threads);
        mb_setup s = load(0, NULL);
        const mb_pruner *p = NULL;
        assert_ok(mb_pruned_ranks(&s, NULL, &p));
        assert_int_equal(p->couplings->channels[5], 64);
        if (threads == 1) memcpy(first, p->score[5], sizeof first);
        assert_memory_equal(first, p->score[5], sizeof first);
        mb_setup_free(&s);
        omp_set_num_threads(before);
        mb_cache_free(own);
        cache = shared;
    }
}

static int arrays_of(void *ctx, int m, const mb_assign *a, int inputs, int outputs, int64_t *n) {
    return mb_pruned_arrays(ctx, m, a, inputs, outputs, n);
}

/* "arrays": the choices are all, and the most channels that each smaller number of arrays allows. */
static void choices_at_steps(void **state) {
    (void)state;
    const char *set[] = {"map.keep.outputs=\"arrays\"", "map.keep.inputs=\"arrays\"", "arch.rows=64", "arch.cols=64", "map.rows_active=0"};
    mb_setup s = load(5, set);
    mb_problem prob;
    mb_oracle o = {.ctx = &s, .net = s.net, .arrays = arrays_of};
    const mb_pruner *ranks = NULL;
    assert_ok(mb_pruned_ranks(&s, NULL, &ranks));
    assert_ok(mb_problem_load(mb_conf_find(s.conf, "map"), s.net, &prob));
    assert_true(prob.keep && prob.keep->arrays[0] && prob.keep->arrays[1]);
    assert_ok(mb_keep_fill(&prob, &o));
    const mb_couplings *c = prob.keep->couplings;
    int groups = 0;
    for (int m = 0; m < s.net->n_weighted; m++) {
        const int n = prob.keep->n_choice[MB_KEEP_OUTPUTS][m], *v = prob.keep->choice[MB_KEEP_OUTPUTS][m];
        assert_int_equal(n > 0, c->group[m] >= 0 && c->leader[c->group[m]] == m);
        if (!n) continue;
        groups++;
        assert_int_equal(v[0], 0);
        int at = 1;
        double above = arrays_by_hand(&s, s.net);
        for (int k = c->channels[c->group[m]] - 1; k > 0; k--) { /* by building every network */
            int out[16] = {0}, in[16] = {0};
            mb_network *net = NULL;
            out[m] = k;
            assert_ok(mb_prune(ranks, out, in, false, &net));
            const double now = arrays_by_hand(&s, net);
            mb_network_free(net);
            if (now < above && n < MB_KEEP_MAX) {
                assert_true(at < n);
                assert_int_equal(v[at], k);
                at++;
            }
            above = now;
        }
        if (n < MB_KEEP_MAX) assert_int_equal(at, n);
    }
    assert_int_equal(groups, 6);
    const int fc = s.net->n_weighted - 1; /* 64 inputs in one tile of 64 rows: nothing to win */
    assert_int_equal(prob.keep->n_choice[MB_KEEP_INPUTS][fc], 1);
    assert_int_equal(prob.keep->n_choice[MB_KEEP_INPUTS][2], 3); /* 144 rows: all, 14 channels in two tiles, 7 in one */
    assert_int_equal(prob.keep->choice[MB_KEEP_INPUTS][2][1], 14);
    assert_int_equal(prob.keep->choice[MB_KEEP_INPUTS][2][2], 7);
    mb_problem_free(&prob);
    mb_setup_free(&s);
}

/* A budget of arrays that no precision meets is met by keeping less; the plan's groups agree, and its true cost is within. */
static void the_mapper_prunes(void **state) {
    (void)state;
    static const char *const policy[] = {"map.policy=\"uniform\"", "map.policy=\"mixbar\""};
    for (int i = 0; i < 2; i++) {
        const char *set[] = {policy[i], "map.keep.outputs=[1.0,0.9,0.75]", "map.menu.weight_bits=[4,3]", "map.budget.arrays=16",
                             i ? "map.sensitivity=\"error\"" : "map.max_settings=1000"};
        mb_setup s = load(5, set);
        mb_plan *best = NULL;
        mb_metrics m;
        mb_oracle_told told;
        assert_ok(mb_oracle_map(&s, NULL, &best, &m, &told, NULL));
        assert_true(mb_plan_prunes(best) && m.arrays <= 16);
        mb_str text = {0};
        mb_plan_write(best, &text);
        assert_non_null(strstr(mb_cstr(&text), "keep_outputs = "));
        mb_str_free(&text);
        mb_plan_free(best);
        mb_setup_free(&s);
    }
}

/* Sensitivities that do not look at channels refuse to choose among numbers of them. */
static void blind_sensitivities_refuse(void **state) {
    (void)state;
    const char *set[] = {"map.policy=\"eagl\"", "map.keep.outputs=[1.0,0.5]", "map.menu.weight_bits=[4,2]"};
    mb_setup s = load(3, set);
    mb_plan *best = NULL;
    mb_oracle_told told;
    assert_fails(mb_oracle_map(&s, NULL, &best, NULL, &told, NULL), MB_BADINPUT, "does not know what that costs");
    mb_setup_free(&s);
    const char *fixed[] = {"map.policy=\"eagl\"", "map.keep.outputs=0.9", "map.menu.weight_bits=[4,2]"};
    s = load(3, fixed);
    assert_ok(mb_oracle_map(&s, NULL, &best, NULL, &told, NULL));
    assert_true(mb_plan_prunes(best));
    mb_plan_free(best);
    mb_setup_free(&s);
}

/* Measured: nothing for all channels; for fewer nearly what the pruned network loses on exact integers. */
static void measured_losses_know_channels(void **state) {
    (void)state;
    const char *set[] = {"arch.adc.type=\"ideal\"", "samples=32"};
    mb_setup s = load(2, set);
    mb_plan *p = plan_of(&s);
    const mb_profile *prof = NULL;
    mb_measured *m = NULL;
    const mb_measure_options o = {.trials = 1, .stress = 1};
    mb_assign setting[3] = {base, base, base};
    setting[1].keep_outputs = 13;
    setting[2].keep_inputs = 12;
    bool use[16 * 3] = {false};
    const int stem = layer(p, "/stem/c/Conv"), a = layer(p, "/l/l.1/a/c/Conv");
    use[stem * 3] = use[stem * 3 + 1] = use[a * 3 + 2] = true;
    assert_ok(mb_point_profile(&s, NULL, &prof));
    assert_ok(mb_measure(&s, prof, setting, 3, use, &o, NULL, &m));
    assert_true(m->mean[stem * 3] == 0);
    const mb_accuracy whole = exact(&s, s.net, p);
    for (int i = 1; i < 3; i++) {
        const int k = i == 1 ? stem : a;
        mb_pruned small;
        p->assign[k].keep_outputs = setting[i].keep_outputs;
        p->assign[k].keep_inputs = setting[i].keep_inputs;
        assert_ok(mb_pruned_open(&s, p, NULL, &small));
        const double lost = exact(&s, small.setup->net, small.plan).loss - whole.loss, said = m->mean[k * 3 + i];
        assert_true(fabs(lost) > 1e-3 && fabs(said - lost) < 0.35 * fabs(lost) + 0.01);
        mb_pruned_close(&small);
        p->assign[k].keep_outputs = p->assign[k].keep_inputs = 0;
    }
    mb_measured_free(m);
    mb_plan_free(p);
    mb_setup_free(&s);
}

/* A network that carries zero filters loses them, and nothing else changes: the same integers. */
static void zeros_go(void **state) {
    (void)state;
    const char *set[] = {"map.keep.outputs=\"nonzero\"", "map.keep.importance=\"magnitude\"", "map.keep.replace=false"};
    mb_setup s = load(3, set), none = load(0, NULL);
    mb_pruner *p = NULL;
    mb_network *zeros = NULL;
    mb_plan *best = NULL;
    mb_pruned small;
    mb_oracle_told told;
    int out[16] = {0}, in[16] = {0};
    assert_ok(mb_pruner_new(s.net, &p));
    out[0] = 12;
    out[3] = 20;
    assert_ok(mb_prune(p, out, in, true, &zeros));
    s.net = none.net = zeros;
    assert_ok(mb_oracle_map(&s, NULL, &best, NULL, &told, NULL));
    assert_int_equal(best->assign[0].keep_outputs, 12);
    assert_int_equal(best->assign[1].keep_outputs, 0);
    assert_int_equal(best->assign[3].keep_outputs, 20);
    assert_ok(mb_pruned_open(&s, best, NULL, &small));
    mb_plan *whole = plan_of(&none);
    const mb_accuracy a = exact(&s, small.setup->net, small.plan), b = exact(&none, zeros, whole);
    assert_true(a.correct == b.correct && a.loss == b.loss);
    mb_pruned_close(&small);
    mb_plan_free(whole);
    mb_plan_free(best);
    mb_setup_free(&s);
    mb_setup_free(&none);
    mb_pruner_free(p);
    mb_cache_free(cache); /* it holds ranks of ZEROS */
    assert_ok(mb_cache_new(&cache));
    mb_network_free(zeros);
}

/* Empty slices on the arrays: the same integers, fewer conversions, less energy; measured, not estimated. */
static void empty_slices_are_free(void **state) {
    (void)state;
    mb_point_result r[2];
    for (int drop = 0; drop < 2; drop++) {
        const char *set[] = {drop ? "arch.drop_empty_slices=true" : "arch.drop_empty_slices=false", "calibration.per_channel=false", "map.rows_active=16",
                             "arch.adc.type=\"ideal\"", "samples=16", "calibration.samples=16"};
        mb_setup s = load(6, set);
        const mb_point_options o = {.simulate = true};
        assert_ok(mb_point_run(&s, &o, &r[drop], NULL, NULL));
        mb_setup_free(&s);
    }
    assert_true(r[0].accuracy == r[1].accuracy && r[0].loss == r[1].loss && r[0].arrays == r[1].arrays);
    assert_true(r[1].energy_J < 0.95 * r[0].energy_J && r[1].latency_s == r[0].latency_s);
    for (int i = 0; i < 2; i++) mb_point_result_free(&r[i]);
}

/* What cannot be is said with its place. */
static void bad_input(void **state) {
    (void)state;
    static const struct { const char *set, *message; } wrong[] = {
        {"map.keep_outputs=8", "is a number of channels of one layer"},
        {"map.menu.keep_outputs=[8,4]", "map.keep = { outputs"},
        {"map.keep.outputs=1.5", "must be a fraction"},
        {"map.keep.outputs=[0.5,0]", "must be a fraction"},
        {"map.keep.outputs=\"array\"", "must be a fraction"},
        {"map.keep.importance=\"size\"", "is not known"},
        {"map.keep.output=0.5", "outputs"},
        {"map.keep=3", "must be a group"},
    };
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        mb_problem prob;
        mb_setup s = load(0, NULL);
        assert_ok(mb_conf_assign(s.conf, wrong[i].set, MB_FROM_COMMAND));
        assert_fails(mb_problem_load(mb_conf_find(s.conf, "map"), s.net, &prob), MB_BADINPUT, wrong[i].message);
        mb_setup_free(&s);
    }
    mb_setup s = load(0, NULL);
    mb_plan *p = plan_of(&s);
    mb_pruned small;
    p->assign[p->n - 1].keep_outputs = 3;
    assert_fails(mb_pruned_open(&s, p, NULL, &small), MB_BADINPUT, "the output of the network");
    mb_plan_free(p);
    mb_setup_free(&s);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(smaller_is_masked_on_integers), cmocka_unit_test(arrays_and_costs_fall),
        cmocka_unit_test(importance_is_a_derivative),    cmocka_unit_test(importance_counts_the_mean), cmocka_unit_test(ranks_have_one_order),
        cmocka_unit_test(choices_at_steps),              cmocka_unit_test(the_mapper_prunes),
        cmocka_unit_test(blind_sensitivities_refuse),    cmocka_unit_test(measured_losses_know_channels),
        cmocka_unit_test(empty_slices_are_free),
        cmocka_unit_test(zeros_go),                      cmocka_unit_test(bad_input),
    };
    return cmocka_run_group_tests(tests, open_all, close_all);
}
