/* Mapping by training: ALPS, EdMIPS and binary on made-up oracles, and the trainings themselves on a network in which it is obvious
 * which layer needs its bits. */
#include "mbtest.h"

#include <math.h>
#include <unistd.h>

#include "base/rng.h"
#include "mapping/errors.h"
#include "mapping/mixed.h"
#include "nn/fakequant.h"
#include "run/finetune.h"
#include "testnet.h"

/* --- policies on a made-up machine ------------------------------------------------------------------------------------------- */

static const testlayer four[] = {
    {"conv1", 'w', 1, 8, 8, 4, 3, 1, 1, 1},
    {"conv2", 'w', 4, 8, 8, 8, 3, 1, 1, 1},
    {"conv3", 'w', 8, 8, 8, 8, 3, 1, 1, 1},
    {"fc", 'w', 512, 1, 1, 10, 1, 1, 0, 1},
};

typedef struct world {
    double gain[4]; /* loss that a layer adds at 2 bits */
    int trainings, most;
    double clock, per_training;
    double last_cost[4]; /* of the search of bits: largest of each layer */
    int losses;
    const mb_network *net;
    bool lone; /* the last layer has one pair of bits */
} world;

static int world_cost(void *ctx, const mb_plan *p, mb_metrics *out) {
    (void)ctx;
    *out = (mb_metrics){1e-8, 1e-6, 1e-8, 2, 0};
    for (int m = 0; m < p->n; m++) {
        out->energy_J += 1e-9 * p->assign[m].weight_bits * p->assign[m].input_bits * (m == 2 ? 4 : 1);
        out->weight_bits += 100.0 * p->assign[m].weight_bits;
    }
    return MB_OK;
}

static int world_loss(void *ctx, const mb_plan *p, mb_loss *out) {
    world *w = ctx;
    w->losses++;
    *out = (mb_loss){exp2(-p->assign[1].adc_bits), 0.5, 0};
    return MB_OK;
}

/* Errors of the layer's weights and inputs (mapping/errors.h), 0 at 4 and 4 bits, 1 at 2 and 2. */
static double share_of(const world *w, int m, const mb_assign *a) {
    mb_error_model model;
    mb_errors e[3];
    mb_assign at[3] = {*a, *a, *a};
    at[1].weight_bits = at[1].input_bits = 4;
    at[2].weight_bits = at[2].input_bits = 2;
    assert_ok(mb_error_model_init(&model, &w->net->layer[w->net->weighted[m]], 128, 0.25));
    for (int k = 0; k < 3; k++) assert_ok(mb_errors_of(&model, &at[k], &e[k]));
    double n0 = e[1].weight + e[1].input;
    return (e[0].weight + e[0].input - n0) / (e[2].weight + e[2].input - n0);
}

/* Loss after training: the gains of layers by their errors. */
static int world_trained(void *ctx, const mb_plan *p, int epochs, mb_loss *out) {
    world *w = ctx;
    assert_int_equal(epochs, 3);
    out->loss = 0.25;
    for (int m = 0; m < p->n; m++) out->loss += w->gain[m] * share_of(w, m, &p->assign[m]);
    out->accuracy = 1 - out->loss;
    w->trainings++;
    w->clock += w->per_training;
    return w->most && w->trainings > w->most ? mb_fail(MB_INTERRUPTED, "stopped") : MB_OK;
}

static double world_now(void *ctx) { return ((world *)ctx)->clock; }

/* The choice of a search: 4 bits in the layers with a gain, otherwise 2. */
static int world_search(void *ctx, mb_bit_search *b) {
    world *w = ctx;
    w->trainings++;
    for (int m = 0; m < b->n; m++) {
        mb_bit_menu *e = &b->layer[m];
        if (w->lone && m == 3) {
            assert_true(e->n_w == 1 && e->n_x == 1);
            e->p_w[0] = e->p_x[0] = 1;
            continue;
        }
        assert_true(e->n_w == 2 && e->n_x == 2 && e->w[0] == 2 && e->w[1] == 4 && e->x[0] == 2 && e->x[1] == 4);
        assert_true(e->cost[0][0] == 0 && e->cost[0][1] > 0 && e->cost[1][1] > e->cost[1][0]);
        w->last_cost[m] = e->cost[1][1];
        e->p_w[1] = e->p_x[1] = w->gain[m] > 0 ? 0.9 - 0.1 * m : 0.2 - 0.01 * m;
        e->p_w[0] = e->p_x[0] = 1 - e->p_w[1];
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
} fixture;

static void begin(fixture *f, const char *text) {
    memset(f, 0, sizeof *f);
    f->net = testnet("four", 42, 4, four);
    for (int m = 0; m < 4; m++) {
        mb_layer *l = &f->net->layer[f->net->weighted[m]];
        const mb_matmul mm = mb_layer_matmul(l);
        mb_stream s;
        mb_free(l->weight);
        l->n_weight = (size_t)mm.K * (size_t)mm.N * (size_t)mm.groups;
        l->weight = mb_malloc(l->n_weight, sizeof *l->weight);
        mb_stream_init(&s, 5, MB_RNG_TEST, 0, 3, (uint32_t)m);
        mb_stream_fill_normal(&s, l->n_weight, l->weight);
        f->info[m] = (mb_layer_info){l->name, mb_layer_matmul(l), mb_layer_macs(l), mb_layer_params(l)};
    }
    f->o = (mb_oracle){.net = f->net,
                       .layer = f->info,
                       .n = 4,
                       .cost = world_cost,
                       .loss = world_loss,
                       .trained = world_trained,
                       .search_bits = world_search,
                       .now = world_now};
    assert_ok(mb_conf_parse(text, "exp.cfg", &f->map));
}

static int run(fixture *f) {
    f->w.net = f->net;
    f->o.ctx = &f->w;
    return mb_policy_run(f->map, &f->o, 1, &f->best);
}

static void end(fixture *f) {
    mb_plan_free(f->best);
    mb_conf_free(f->map);
    mb_network_free(f->net);
    assert_int_equal(mb_mem_live(), 0);
}

static void expect_bits(const fixture *f, const int *w) {
    for (int m = 0; m < 4; m++)
        if (f->best->assign[m].weight_bits != w[m]) fail_msg("layer %d: %d bits, want %d", m, f->best->assign[m].weight_bits, w[m]);
}

#define MENU "menu = { weight_bits = [4, 2]; input_bits = [2, 4]; }; "

/* Budgets that leave 4 bits to three, two, one layer: those with the largest gains keep them. */
static void alps_keeps_what_gains_most(void **state) {
    (void)state;
    static const int want[][4] = {{4, 2, 4, 4}, {4, 2, 2, 4}, {2, 2, 2, 4}, {2, 2, 2, 2}};
    for (int k = 0; k < 4; k++)
        for (int all = 0; all < 2; all++) {
            fixture f;
            char text[400];
            snprintf(text, sizeof text,
                     "policy = \"alps\"; " MENU "budget = { weight_bits = %d.0; }; sensitivity_options = { epochs = 3; settings = "
                     "\"%s\"; metric = \"%s\"; };",
                     1400 - 200 * k, all ? "all" : "lowest", k % 2 ? "accuracy" : "loss");
            begin(&f, text);
            memcpy(f.w.gain, (double[]){0.03, 0.001, 0.02, 0.05}, sizeof f.w.gain);
            assert_ok(run(&f));
            expect_bits(&f, want[k]);
            for (int m = 0; m < 4; m++) assert_int_equal(f.best->assign[m].input_bits, 4); /* costs nothing here */
            assert_int_equal(f.w.trainings, all ? 1 + 4 * 3 : 1 + 4);
            assert_string_equal(f.best->policy, "alps");
            end(&f);
        }
}

static void alps_values_are_losses(void **state) {
    (void)state;
    fixture f;
    mb_problem p;
    mb_space *s;
    mb_sensitivity v[2];
    const mb_sensitivity_type *type;
    begin(&f, MENU "first = { weight_bits = 4; input_bits = 4; };");
    f.o.ctx = &f.w;
    f.w.net = f.net;
    memcpy(f.w.gain, (double[]){1, 0.01, -0.02, 0.05}, sizeof f.w.gain);
    assert_ok(mb_problem_load(f.map, f.net, &p));
    assert_ok(mb_space_new(&p, &f.o, 1000, &s));
    assert_ok(mb_sensitivity_named("alps", &type));
    assert_true(type->trains);
    for (int all = 0; all < 2; all++) {
        mb_conf *c;
        assert_ok(mb_conf_parse(all ? "epochs = 3; settings = \"all\";" : "epochs = 3;", "o.cfg", &c));
        f.w.trainings = 0;
        assert_ok(mb_sensitivity_run(type, c, &f.o, s, 1, &v[all]));
        assert_int_equal(f.w.trainings, all ? 10 : 4); /* the first layer has nothing to choose */
        mb_conf_free(c);
    }
    assert_int_equal(s->m[0], 1);
    for (int i = 0; i < 4; i++)
        for (int c = 0; c < s->m[i]; c++) {
            const mb_assign *a = &s->choice[i][c];
            double want = i == 0 ? 0 : f.w.gain[i] * share_of(&f.w, i, a);
            assert_true(fabs(v[0].value[i][c] - want) < 1e-12 && fabs(v[1].value[i][c] - want) < 1e-12);
        }
    mb_sensitivity_free(&v[0]);
    mb_sensitivity_free(&v[1]);
    mb_space_free(s);
    mb_problem_free(&p);
    end(&f);
}

/* Settings of the same bits: coarser converters are worse, in layers with and without a choice of bits; `none` leaves them alike. */
static void converters_count(void **state) {
    (void)state;
    static const char *const type_name[] = {"alps", "edmips"};
    for (int turn = 0; turn < 4; turn++) {
        fixture f;
        mb_problem p;
        mb_space *s;
        mb_sensitivity v;
        const mb_sensitivity_type *type;
        mb_conf *c;
        char text[100];
        begin(&f, MENU);
        mb_conf_free(f.map);
        assert_ok(mb_conf_parse("menu = { weight_bits = [4, 2]; input_bits = [2, 4]; adc_bits = [1, 5]; }; last = { weight_bits = 4; "
                                "input_bits = 4; };",
                                "exp.cfg", &f.map));
        f.o.ctx = &f.w;
        f.w.net = f.net;
        memcpy(f.w.gain, (double[]){1, 0.01, -0.02, 0.05}, sizeof f.w.gain); /* conv3 seems to gain by fewer bits */
        assert_ok(mb_problem_load(f.map, f.net, &p));
        assert_ok(mb_space_new(&p, &f.o, 1000, &s));
        assert_ok(mb_sensitivity_named(type_name[turn % 2], &type));
        snprintf(text, sizeof text, "epochs = 3; others = \"%s\";", turn < 2 ? "referred" : "none");
        assert_ok(mb_conf_parse(text, "o.cfg", &c));
        f.w.lone = turn % 2;
        assert_ok(mb_sensitivity_run(type, c, &f.o, s, 1, &v));
        for (int i = 0; i < 4; i++)
            for (int a = 0; a < s->m[i]; a++)
                for (int b = 0; b < s->m[i]; b++) {
                    const mb_assign *x = &s->choice[i][a], *y = &s->choice[i][b];
                    if (x->weight_bits != y->weight_bits || x->input_bits != y->input_bits || x->adc_bits <= y->adc_bits) continue;
                    if (turn < 2) assert_true(v.value[i][a] < v.value[i][b]);
                    else assert_true(fabs(v.value[i][a] - v.value[i][b]) < 1e-15);
                }
        mb_conf_free(c);
        mb_sensitivity_free(&v);
        mb_space_free(s);
        mb_problem_free(&p);
        end(&f);
    }
}

/* Time over after two layers: the others are kept. A stop and a failure are passed on. An oracle that cannot train says so. */
static void alps_has_limits(void **state) {
    (void)state;
    fixture f;
    mb_log_quiet(1);
    begin(&f, "policy = \"alps\"; " MENU
              "budget = { weight_bits = 1200.0; }; sensitivity_options = { epochs = 3; time_s = 25.0; };");
    memcpy(f.w.gain, (double[]){0.001, 0.002, 0, 0}, sizeof f.w.gain);
    f.w.per_training = 10;
    assert_ok(run(&f));
    assert_int_equal(f.w.trainings, 3);
    assert_int_equal(f.best->assign[0].weight_bits, 2);
    end(&f);
    mb_log_quiet(0);
    begin(&f, "policy = \"alps\"; " MENU "sensitivity_options = { epochs = 3; };");
    f.w.most = 2;
    assert_fails(run(&f), MB_INTERRUPTED, "stopped");
    end(&f);
    begin(&f, "policy = \"alps\"; " MENU);
    f.o.trained = NULL;
    assert_fails(run(&f), MB_BADINPUT, "trains the network");
    end(&f);
    begin(&f, "policy = \"alps\"; " MENU "sensitivity_options = { epochs = 3; };");
    f.w.gain[2] = (double)NAN;
    assert_fails(run(&f), MB_NUMERIC, "not a finite number");
    end(&f);
}

/* Lowered layers that are better than the network at its most bits: the base is in doubt, and that is said. */
static void alps_doubts_its_base(void **state) {
    (void)state;
    for (int bad = 0; bad < 2; bad++) {
        fixture f;
        char text[4096];
        FILE *log = tmpfile();
        begin(&f, "policy = \"alps\"; " MENU "sensitivity_options = { epochs = 3; };");
        memcpy(f.w.gain, bad ? (double[]){0.1, -0.002, -0.001, -0.003} : (double[]){0.1, 0.002, -0.001, 0.003}, sizeof f.w.gain);
        fflush(stderr);
        const int saved = dup(2);
        assert_true(log && saved >= 0 && dup2(fileno(log), 2) == 2);
        const int rc = run(&f);
        fflush(stderr);
        assert_true(dup2(saved, 2) == 2);
        close(saved);
        rewind(log);
        text[fread(text, 1, sizeof text - 1, log)] = '\0';
        fclose(log);
        assert_ok(rc);
        assert_int_equal(strstr(text, "3 of 4 layers are better at their least bits") != NULL, bad);
        end(&f);
    }
}

static void edmips_takes_the_most_probable(void **state) {
    (void)state;
    fixture f;
    begin(&f, "policy = \"edmips\"; " MENU);
    memcpy(f.w.gain, (double[]){1, 0, 1, 0}, sizeof f.w.gain);
    assert_ok(run(&f)); /* no budget: the argmax of every layer */
    expect_bits(&f, (const int[]){4, 2, 4, 2});
    assert_int_equal(f.best->assign[2].input_bits, 4);
    assert_int_equal(f.best->assign[3].input_bits, 2);
    double sum = 0, macs = 0;
    for (int m = 0; m < 4; m++) sum += f.w.last_cost[m], macs += (double)f.info[m].macs;
    assert_true(fabs(sum - 1) < 1e-12);
    for (int m = 0; m < 4; m++) assert_true(fabs(f.w.last_cost[m] - (double)f.info[m].macs / macs) < 1e-12);
    end(&f);
    begin(&f, "policy = \"edmips\"; " MENU "budget = { weight_bits = 1000.0; }; sensitivity_options = { complexity = \"energy_J\"; };");
    memcpy(f.w.gain, (double[]){1, 0, 1, 0}, sizeof f.w.gain);
    assert_ok(run(&f)); /* room for one layer of 4 bits: the surer one */
    expect_bits(&f, (const int[]){4, 2, 2, 2});
    assert_true(fabs(f.w.last_cost[2] - 4.0 / 7) < 1e-12 && fabs(f.w.last_cost[1] - 1.0 / 7) < 1e-12);
    end(&f);
    begin(&f, "policy = \"edmips\"; " MENU);
    f.o.search_bits = NULL;
    assert_fails(run(&f), MB_BADINPUT, "trains the network");
    end(&f);
}

static void binary_is_one_bit_inside(void **state) {
    (void)state;
    fixture f;
    begin(&f, "policy = \"binary\"; menu = { weight_bits = [2, 4]; input_bits = [1, 4]; adc_bits = [4, 6]; dac_bits = [1, 2]; };");
    assert_ok(run(&f));
    expect_bits(&f, (const int[]){8, 1, 1, 8});
    for (int m = 0; m < 4; m++) {
        const mb_assign *a = &f.best->assign[m];
        assert_int_equal(a->input_bits, m % 3 ? 1 : 8);
        assert_int_equal(a->adc_bits, 6); /* the rest as uniform would: the least loss */
        assert_true(a->dac_bits <= a->input_bits);
        assert_int_equal(a->cell_bits, m % 3 ? 1 : 2); /* a cell of two bits would use a third of its range */
    }
    end(&f);
    begin(&f, "policy = \"binary\"; end_bits = 4; input_bits = 6; last = { weight_bits = 2; }; layers = ( { name = \"conv3\"; "
              "weight_bits = 3; } );");
    assert_ok(run(&f));
    expect_bits(&f, (const int[]){4, 1, 3, 2});
    assert_int_equal(f.best->assign[0].input_bits, 4);
    assert_int_equal(f.best->assign[1].input_bits, 6);
    assert_int_equal(f.w.losses, 0);
    end(&f);
    begin(&f, "policy = \"binary\"; layers = ( { name = \"conv2\"; cell_bits = 2; } );"); /* unless somebody says so */
    assert_ok(run(&f));
    assert_int_equal(f.best->assign[1].cell_bits, 2);
    assert_int_equal(f.best->assign[2].cell_bits, 1);
    end(&f);
}

static void finetune_is_a_group(void **state) {
    (void)state;
    static const struct {
        const char *text;
        int epochs;
        bool trains;
    } good[] = {{"", 0, false},
                {"finetune = { epochs = 7; };", 7, true},
                {"finetune = { };", 4, true},
                {"finetune = { epochs = 0; };", 0, false},
                {"policy = \"alps\";", 0, true},
                {"policy = \"eagl\";", 0, false},
                {"policy = \"mixbar\"; sensitivity = \"edmips\";", 0, true},
                {"policy = \"mixbar\"; sensitivity = \"error\";", 0, false},
                {"policy = \"mixbar\"; also = \"kl,  alps\";", 0, true},
                {"policy = \"mixbar\"; also = \"kl, entropy\";", 0, false}};
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        fixture f;
        mb_finetune_keys k;
        begin(&f, good[i].text);
        assert_ok(mb_finetune_load(f.map, &k));
        assert_int_equal(k.epochs, good[i].epochs);
        assert_true(mb_map_trains(f.map) == good[i].trains);
        end(&f);
    }
    assert_false(mb_map_trains(NULL));
    static const char *const bad[][2] = {{"finetune = 3;", "a group"}, {"finetune = { epoch = 3; };", "did you mean \"epochs\""}};
    for (size_t i = 0; i < 2; i++) {
        fixture f;
        mb_problem p;
        begin(&f, bad[i][0]);
        assert_fails(mb_problem_load(f.map, f.net, &p), MB_BADINPUT, bad[i][1]);
        end(&f);
    }
}

/* --- trainings ----------------------------------------------------------------------------------------------------------------- */

enum { SAMPLES = 800, FEATURES = 6 };
static const float slope[FEATURES] = {1, -0.55f, 0.3f, -0.16f, 0.09f, -0.05f}; /* no two alike: signs cannot stand for them */

/* The label says whether slope . x exceeds its mean, for x in 0..1. */
static mb_dataset *make_data(void) {
    mb_dataset *d = mb_calloc(1, sizeof *d);
    float *x = mb_malloc(SAMPLES * FEATURES, sizeof *x), mean = 0;
    d->source = mb_strdup("slopes");
    d->n = SAMPLES;
    d->shape = (mb_shape){1, {FEATURES}};
    d->type = MB_F32;
    d->raw = x;
    d->label = mb_malloc(SAMPLES, sizeof *d->label);
    d->classes = 2;
    d->n_norm = 1;
    d->scale = 1;
    d->mean = mb_calloc(1, sizeof *d->mean);
    d->std = mb_malloc(1, sizeof *d->std);
    d->std[0] = 1;
    for (int k = 0; k < FEATURES; k++) mean += slope[k] / 2;
    for (int i = 0; i < SAMPLES; i++) {
        float sum = 0;
        mb_stream s;
        mb_stream_init(&s, 3, MB_RNG_TEST, 0, 9, (uint32_t)i);
        for (int k = 0; k < FEATURES; k++) {
            x[i * FEATURES + k] = (float)(mb_stream_u32(&s) >> 8) * 0x1p-24f;
            sum += slope[k] * x[i * FEATURES + k];
        }
        d->label[i] = sum > mean;
    }
    return d;
}

/* "fine" weighs the features and needs its bits; "coarse" turns one number into two of opposite sign, which one bit can. */
static mb_network *make_network(void) {
    mb_model *m = NULL;
    mb_network *net = NULL;
    mb_shape in = {1, {FEATURES}};
    float mean = 0;
    assert_ok(mb_model_new("slopes", &in, &m));
    mb_model_linear(m, "coarse", mb_model_linear(m, "fine", 0, 1, true), 2, false);
    assert_ok(mb_model_done(m));
    for (int k = 0; k < FEATURES; k++) m->theta[k] = slope[k], mean += slope[k] / 2;
    m->theta[FEATURES] = -mean;
    m->theta[FEATURES + 1] = -12;
    m->theta[FEATURES + 2] = 12;
    assert_ok(mb_model_network(m, &net));
    mb_model_free(m);
    return net;
}

typedef struct small {
    mb_setup s;
    mb_network *net;
    mb_dataset *data;
    mb_cache *cache;
} small;

static void open_small(small *t, const char *train) {
    *t = (small){.net = make_network(), .data = make_data()};
    assert_ok(mb_cache_new(&t->cache));
    t->s = (mb_setup){.net = t->net, .data = t->data, .calib = t->data, .train = t->data, .cache = t->cache};
    t->s.keys.seed = 1;
    t->s.cal.samples = 256;
    assert_ok(mb_conf_parse(train, "exp.cfg", &t->s.conf));
}

static void close_small(small *t) {
    mb_conf_free(t->s.conf);
    mb_cache_free(t->cache);
    mb_network_free(t->net);
    mb_dataset_free(t->data);
    assert_int_equal(mb_mem_live(), 0);
}

/* Both layers may take 1 or 6 bits, each for the same share of the cost: "fine" keeps its 6, "coarse" takes 1. Without a price
 * nothing pulls, with an enormous one all fall. */
static void a_search_finds_the_obvious(void **state) {
    (void)state;
    double p[3][2];
    static const double eta[] = {0.1, 0, 20};
    for (int k = 0; k < 3; k++) {
        small t;
        mb_bit_menu menu[2];
        mb_bit_search b = {.n = 2, .epochs = 30, .layer = menu, .eta = eta[k], .rate = 1};
        open_small(&t, "train = { rate = 0.01; batch = 40; decay = 0.0; };");
        for (int m = 0; m < 2; m++)
            menu[m] = (mb_bit_menu){.n_w = 2, .n_x = 1, .w = {1, 6}, .x = {8}, .cost = {{0}, {0.5}}};
        assert_ok(mb_bit_search_run(&t.s, NULL, &b));
        for (int m = 0; m < 2; m++) {
            p[k][m] = menu[m].p_w[1];
            assert_true(fabs(menu[m].p_w[0] + menu[m].p_w[1] - 1) < 1e-6 && menu[m].p_x[0] == 1.0);
        }
        print_message("# eta %g: six bits with p = %.3f (fine), %.3f (coarse); loss %.3f, accuracy %.3f\n", eta[k], p[k][0], p[k][1],
                      b.loss, b.accuracy);
        assert_true(b.accuracy > 0.6);
        assert_true(fabs(b.expected - (p[k][0] + p[k][1]) / 2) < 0.05);
        close_small(&t);
    }
    assert_true(p[0][0] > 0.8 && p[0][1] < 0.1);
    assert_true(p[1][0] > 0.9 && p[1][1] > 0.3);
    assert_true(p[2][0] < 0.1 && p[2][1] < 0.1);
}

static int count_steps(void *ctx, const char *what, int64_t done, int64_t total) {
    assert_string_equal(what, "fine-tuning");
    assert_true(done <= total);
    ++*(int *)ctx;
    return 0;
}

/* One layer lowered at a time and trained: "fine" loses, "coarse" does not. Asked twice, the second answer is the kept one; with
 * other keys it is another. */
static void trained_scores_are_ordered(void **state) {
    (void)state;
    small t;
    mb_plan *plan = NULL;
    mb_score s[3], again;
    mb_assign a = {.weight_bits = 6, .cell_bits = 1, .input_bits = 8, .dac_bits = 1, .adc_bits = 8, .copies = 1};
    open_small(&t, "train = { rate = 0.01; batch = 40; decay = 0.0; };");
    assert_ok(mb_plan_new(t.net, &a, &plan));
    for (int k = 0; k < 3; k++) {
        for (int m = 0; m < 2; m++) plan->assign[m].weight_bits = k == m + 1 ? 1 : 6;
        assert_ok(mb_finetune_score(&t.s, plan, 2, NULL, &s[k]));
        assert_int_equal(s[k].samples, SAMPLES);
    }
    print_message("# loss with 6 bits %.4f, \"fine\" at one bit %.4f, \"coarse\" at one bit %.4f\n", s[0].loss, s[1].loss, s[2].loss);
    assert_true(s[1].loss > s[0].loss + 0.2 && s[2].loss < s[0].loss + 0.02);
    int steps = 0;
    const mb_progress pr = {count_steps, &steps};
    assert_ok(mb_finetune_score(&t.s, plan, 2, &pr, &again));
    assert_int_equal(steps, 0);
    assert_true(again.loss == s[2].loss && again.correct == s[2].correct);
    assert_ok(mb_finetune_score(&t.s, plan, 3, &pr, &again));
    assert_int_equal(steps, 3 * SAMPLES / 40);
    assert_true(again.loss < s[2].loss || again.loss > s[2].loss);
    mb_plan_free(plan);
    close_small(&t);
}

/* A network of one-bit weights is +-a per output channel, in the file and in the network that is mapped; the shared one is the same
 * object again, and its file is read back as the same network. */
static void binary_weights_are_signs(void **state) {
    (void)state;
    small t;
    mb_plan *plan = NULL;
    const mb_tuned *one, *two;
    mb_assign a = {.weight_bits = 1, .cell_bits = 1, .input_bits = 8, .dac_bits = 1, .adc_bits = 8, .copies = 1};
    open_small(&t, "train = { rate = 0.01; batch = 40; weight_quantiser = \"sign\"; };");
    assert_ok(mb_plan_new(t.net, &a, &plan));
    assert_ok(mb_finetune_shared(&t.s, plan, 2, NULL, &one));
    assert_ok(mb_finetune_shared(&t.s, plan, 2, NULL, &two));
    assert_true(one == two);
    for (int m = 0; m < 2; m++) {
        const mb_layer *l = &one->net->layer[one->net->weighted[m]];
        size_t row = m ? 1 : FEATURES;
        for (size_t i = 0; i < l->n_weight; i++)
            assert_true(fabsf(l->weight[i]) == fabsf(l->weight[i / row * row]) && fabsf(l->weight[i]) > 0);
        assert_string_equal(l->name, m ? "coarse" : "fine");
    }
    mb_network *back = NULL;
    assert_ok(mb_network_parse((const uint8_t *)mb_cstr(&one->onnx), one->onnx.n, "back", &back));
    assert_true(back->hash == one->net->hash);
    mb_network_free(back);
    mb_plan_free(plan);
    close_small(&t);
}

static void trainings_refuse(void **state) {
    (void)state;
    small t;
    mb_plan *plan = NULL;
    mb_score s;
    mb_assign a = {.weight_bits = 4, .cell_bits = 1, .input_bits = 8, .dac_bits = 1, .adc_bits = 8, .copies = 1};
    open_small(&t, "train = { rates = 0.01; };");
    assert_ok(mb_plan_new(t.net, &a, &plan));
    assert_fails(mb_finetune_score(&t.s, plan, 1, NULL, &s), MB_BADINPUT, "did you mean \"rate\"");
    mb_conf_free(t.s.conf);
    assert_ok(mb_conf_parse("train = { teacher = \"not-there.onnx\"; };", "exp.cfg", &t.s.conf));
    assert_fails(mb_finetune_score(&t.s, plan, 1, NULL, &s), MB_BADINPUT, "not-there.onnx");
    t.s.train = t.s.calib = NULL;
    mb_conf_free(t.s.conf);
    assert_ok(mb_conf_parse("", "exp.cfg", &t.s.conf));
    assert_fails(mb_finetune_score(&t.s, plan, 1, NULL, &s), MB_BADINPUT, "needs data");
    mb_plan_free(plan);
    close_small(&t);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(alps_keeps_what_gains_most),     cmocka_unit_test(alps_values_are_losses), cmocka_unit_test(alps_doubts_its_base),
        cmocka_unit_test(converters_count),
        cmocka_unit_test(alps_has_limits),                cmocka_unit_test(edmips_takes_the_most_probable),
        cmocka_unit_test(binary_is_one_bit_inside),       cmocka_unit_test(finetune_is_a_group),
        cmocka_unit_test(a_search_finds_the_obvious),     cmocka_unit_test(trained_scores_are_ordered),
        cmocka_unit_test(binary_weights_are_signs),       cmocka_unit_test(trainings_refuse),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
