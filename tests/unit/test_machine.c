/* test_machine.c - machine descriptions, placement of layers, counts against brute force, energies by hand, the tree and the
 * metrics */
#include "mbtest.h"

#include <math.h>

#include "cost/machine.h"
#include "cost/sram.h"
#include "cost/unit.h"
#include "testnet.h"

/* --- a cell and a converter with round numbers ------------------------------------------------------------------------- */

#define G_MIN 1e-6
#define G_MAX 46e-6

static void fake_range(const void *p, double *g_min, double *g_max) {
    (void)p;
    *g_min = G_MIN;
    *g_max = G_MAX;
}

static void fake_cell_cost(const void *p, mb_cell_cost *c) {
    (void)p;
    *c = (mb_cell_cost){.read_V = 0.2, .write_J = 1e-9, .write_s = 1e-6, .area_F2 = 30};
}

static int fake_adc_cost(const void *p, int bits, double rate_Hz, double node_nm, mb_cost *c) {
    (void)p;
    if (bits > 12) return mb_fail(MB_BADINPUT, "no converter of %d bits", bits);
    *c = (mb_cost){bits * 1e-13, rate_Hz > 0 ? 1 / rate_Hz : 5e-9, bits * node_nm * 1e-12};
    return MB_OK;
}

static const mb_cell_type fake_cell_type = {.abi = MB_CELL_ABI, .name = "fake", .range = fake_range, .cost = fake_cell_cost};
static const mb_adc_type fake_adc_type = {.name = "fake", .cost = fake_adc_cost, .cost_source = "made up"};
static const mb_cell cell = {.type = &fake_cell_type};

/* A machine from configuration text, with the fake converter. */
typedef struct fixture {
    mb_machine *mach;
    mb_conf *conf;
    mb_adc own;
} fixture;

static void begin(fixture *f, const char *text) {
    assert_ok(mb_conf_parse(text, "arch.cfg", &f->conf));
    assert_ok(mb_conf_set(f->conf, "adc", "{ type = \"ideal\"; }", MB_FROM_FILE));
    assert_ok(mb_machine_load(f->conf, "test", &f->mach));
    f->own = f->mach->adc;
    f->mach->adc = (mb_adc){&fake_adc_type, NULL};
}

static void end(fixture *f) {
    f->mach->adc = f->own;
    mb_machine_free(f->mach);
    mb_conf_free(f->conf);
}

static const mb_report *find(const mb_report *r, const char *group, const char *component, const char *action) {
    for (size_t i = 0; i < r->n; i++) {
        if (strcmp(r->child[i]->name, group) != 0) continue;
        for (size_t k = 0; k < r->child[i]->n; k++) {
            const mb_report *l = r->child[i]->child[k];
            if (strcmp(l->component, component) == 0 && strcmp(l->name, action) == 0) return l;
        }
    }
    return NULL;
}

static const mb_report *leaf(const mb_report *r, const char *group, const char *component, const char *action) {
    const mb_report *l = find(r, group, component, action);
    if (!l) fail_msg("no leaf %s / %s / %s", group, component, action);
    return l;
}

static void near(double got, double want) {
    if (!(fabs(got - want) <= 1e-9 * fabs(want))) fail_msg("%.12g instead of %.12g", got, want);
}

static void check_sums(const mb_report *r) {
    mb_cost sum = {0, 0, 0};
    if (r->component) return;
    for (size_t i = 0; i < r->n; i++) {
        check_sums(r->child[i]);
        sum.energy_J += r->child[i]->total.energy_J;
        sum.latency_s += r->child[i]->total.latency_s;
        sum.area_m2 += r->child[i]->total.area_m2;
    }
    assert_true(sum.energy_J == r->total.energy_J && sum.latency_s == r->total.latency_s && sum.area_m2 == r->total.area_m2);
}

/* Every leaf says where its numbers come from. */
static void check_sources(const mb_report *r) {
    if (r->component) {
        assert_non_null(r->source);
        assert_true(r->source[0] != '\0' && r->factor > 0);
        assert_true(isfinite(r->total.energy_J) && r->total.energy_J >= 0 && r->total.latency_s >= 0 && r->total.area_m2 >= 0);
    }
    for (size_t i = 0; i < r->n; i++) check_sources(r->child[i]);
}

/* --- descriptions ---------------------------------------------------------------------------------------------------- */

static void wrong_descriptions_are_refused(void **state) {
    (void)state;
    static const struct {
        const char *text, *message, *place;
    } wrong[] = {
        {"rows = 64;\ncols = 100;\ncolumns_per_adc = 8;", "columns_per_adc = 8 does not divide cols = 100", "arch.cfg:3"},
        {"cols = 99; columns_per_adc = 3;", "split a pair", "arch.cfg:1"},
        {"\nnode_nm = 3.0;", "node_nm", "arch.cfg:2"},
        {"node_nm = 180.0;", "node_nm", "arch.cfg:1"},
        {"driver_C_F = -1e-15;", "driver_C_F", "arch.cfg:1"},
        {"noc_J_per_bit = -1.0;", "noc_J_per_bit", "arch.cfg:1"},
        {"adc_energy_factor = -0.5;", "adc_energy_factor", "arch.cfg:1"},
        {"integrator_W = 1e9;", "integrator_W", "arch.cfg:1"},
        {"rows = 0;", "rows", "arch.cfg:1"},
        {"row = 64;", "row", "arch.cfg:1"},
        {"rows = 2048; cols = 64;\nbuffer_KiB = 1;", "buffer_KiB = 1 cannot hold", "arch.cfg:2"},
        {"subtract = \"later\";", "later", "arch.cfg:1"},
        {"vdd_V = \"high\";", "vdd_V", "arch.cfg:1"},
        {"\nr_wl_ohm = -1.0;", "r_wl_ohm = -1 ohm is out of range", "arch.cfg:2"},
        {"\n\nr_bl_ohm = 1e300;", "r_bl_ohm", "arch.cfg:3"},
        {"r_on_ohm = \"nan\";", "r_on_ohm", "arch.cfg:1"},
        {"sense = \"top\";", "bottom", "arch.cfg:1"},
        {"subtract = \"digital\";\ninterleaved = true;", "analog", "arch.cfg:2"},
        {"columns_per_adc = 1; interleaved = true;\ncols = 65;", "even", "arch.cfg:2"},
        {"node_nm = 28.0;\nlogic = \"gates\";", "that logic asks for", "arch.cfg:1"},
        {"interconnect = \"mesh\"; \n\nnode_nm = 16.0;", "130, 90, 65", "arch.cfg:3"},
        {"arrays_per_tile = 8;\npes_per_tile = 3;", "pes_per_tile = 3 does not divide arrays_per_tile = 8", "arch.cfg:2"},
        {"\nconverter = \"adder_tree\";", "ideal", "arch.cfg:2"},
        {"node_nm = 65.0; buffer = \"edram\";", "embedded DRAM", "arch.cfg:1"},
        {"dac = \"level\";\ndriver = \"width\";", "voltage", "arch.cfg:2"},
        {"\ndriver = \"voltage\";", "dac = \"level\"", "arch.cfg:2"},
        {"driver = \"count\";\ndac_J = 1e-13;", "contain their DAC", "arch.cfg:2"},
        {"dram = \"ddr9\";", "ddr9", "arch.cfg:1"},
        {"\ncorner = \"median\";", "median", "arch.cfg:2"},
        {"batch = 0;", "batch", "arch.cfg:1"},
        {"chip_W = -1.0;", "chip_W", "arch.cfg:1"},
        {"\n\nbuffer_read_J_per_bit = 1.0;", "buffer_read_J_per_bit", "arch.cfg:3"},
        {"pipeline = true; dram = \"hbm2\";", "dram", "arch.cfg:1"},
        {"adc = { type = \"flash9\"; };", "flash9", "arch.cfg:1"},
        {"adc = { bits = 3; };", "", "arch.cfg"},
    };
    long live = mb_mem_live();
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        mb_conf *c;
        mb_machine *m = NULL;
        assert_ok(mb_conf_parse(wrong[i].text, "arch.cfg", &c));
        assert_int_equal(mb_machine_load(c, "test", &m), MB_BADINPUT);
        assert_null(m);
        if (!strstr(mb_error_message(), wrong[i].message) || !strstr(mb_error_message(), wrong[i].place))
            fail_msg("%s: not \"%s\" and %s in: %s", wrong[i].text, wrong[i].message, wrong[i].place, mb_error_message());
        mb_error_clear();
        mb_conf_free(c);
        assert_int_equal(mb_mem_live(), live);
    }
}

static void the_presets_load(void **state) {
    (void)state;
    static const char *const name[] = {"rram-22nm", "ideal"};
    for (int i = 0; i < 2; i++) {
        char *path = mb_asprintf("%s/experiments/arch/%s.cfg", srcdir(), name[i]);
        mb_conf *c;
        mb_machine *m;
        assert_ok(mb_conf_read(path, &c));
        assert_ok(mb_machine_load(c, name[i], &m));
        assert_ok(mb_conf_check_used(c));
        assert_string_equal(m->name, name[i]);
        assert_string_equal(m->adc.type->name, i ? "ideal" : "sar");
        assert_int_equal(m->cols % m->columns_per_adc, 0);
        mb_machine_free(m);
        mb_conf_free(c);
        mb_free(path);
    }
    /* the preset for exactness takes every precision */
    {
        char *path = mb_asprintf("%s/experiments/arch/ideal.cfg", srcdir());
        mb_conf *c, *d;
        mb_machine *m;
        mb_cell ideal;
        static const testlayer l = {"l", 'w', 700, 1, 1, 100, 1, 1, 0, 1};
        mb_network *net = testnet("one", 1, 1, &l);
        assert_ok(mb_conf_read(path, &c));
        assert_ok(mb_machine_load(c, "ideal", &m));
        assert_ok(mb_conf_parse("cell = \"ideal\";", "cell.cfg", &d));
        assert_ok(mb_cell_load(d, &ideal));
        for (int bits = 1; bits <= 8; bits++)
            for (int cb = 1; cb <= 4; cb++) {
                mb_assign a = {MB_ANALOG, bits, cb, bits, bits < 4 ? bits : 4, 8, 0, 0, 1};
                mb_plan *p;
                mb_metrics got;
                mb_report *r;
                assert_ok(mb_plan_new(net, &a, &p));
                assert_ok(mb_cost_network(m, &ideal, net, p, NULL, NULL, &r, &got));
                assert_true(leaf(r, "l", "adc", "conversion")->total.energy_J == 0);
                mb_report_free(r);
                mb_plan_free(p);
            }
        mb_cell_free(&ideal);
        mb_machine_free(m);
        mb_conf_free(c);
        mb_conf_free(d);
        mb_network_free(net);
        mb_free(path);
    }
    mb_conf *c; /* an empty group: the defaults, converter included, are written into it */
    mb_machine *m;
    assert_ok(mb_conf_parse("", "arch.cfg", &c));
    assert_ok(mb_machine_load(c, NULL, &m));
    assert_string_equal(m->adc.type->name, "sar");
    assert_non_null(mb_conf_find(c, "adc.type"));
    assert_non_null(mb_conf_find(c, "columns_per_adc"));
    assert_ok(mb_conf_check_used(c));
    mb_machine_free(m);
    mb_conf_free(c);
}

/* --- placement ------------------------------------------------------------------------------------------------------- */

static void layers_lie_on_arrays(void **state) {
    (void)state;
    static const struct {
        testlayer l;
        int rows, cols;
        mb_assign a;
        const char *subtract;
        int64_t arrays;
        int packed, steps, adc_steps;
    } c[] = {
        /* 300 inputs: 3 row tiles; 7 magnitude bits in 4 slices, pairs: 8 columns a weight, 16 outputs a tile: 40 outputs need 3
         * tiles */
        {{"a", 'w', 300, 1, 1, 40, 1, 1, 0, 1}, 128, 128, {0, 8, 2, 8, 1, 8, 0, 0, 1}, "analog", 9, 1, 1, 4},
        {{"b", 'w', 300, 1, 1, 40, 1, 1, 0, 1}, 128, 128, {0, 8, 2, 8, 1, 8, 48, 0, 2}, "digital", 18, 1, 3, 8},
        /* offset: 4 columns a weight and 4 dummies: 31 outputs a tile */
        {{"c", 'w', 64, 1, 1, 62, 1, 1, 0, 1}, 128, 128, {0, 8, 2, 8, 1, 8, 0, 1, 1}, "analog", 2, 1, 1, 8},
        /* one output of 2 columns: a converter that serves 8 columns has one pair */
        {{"d", 'w', 64, 1, 1, 1, 1, 1, 0, 1}, 128, 128, {0, 2, 2, 8, 1, 8, 0, 0, 1}, "analog", 1, 1, 1, 1},
        /* depthwise 3 x 3: K = 9, 8 columns a group: 14 groups by rows, 16 by columns -> 14; 64 channels need 5 arrays */
        {{"e", 'w', 64, 8, 8, 64, 3, 1, 1, 64}, 128, 128, {0, 8, 2, 8, 1, 8, 0, 0, 1}, "analog", 5, 14, 1, 4},
        /* the same with 27 rows at once: 3 packed groups together, 5 steps */
        {{"f", 'w', 64, 8, 8, 64, 3, 1, 1, 64}, 128, 128, {0, 8, 2, 8, 1, 8, 27, 0, 3}, "analog", 15, 14, 5, 4},
        /* 4 rows at once: each of 14 groups takes 3 steps */
        {{"g", 'w', 64, 8, 8, 64, 3, 1, 1, 64}, 128, 128, {0, 8, 2, 8, 1, 8, 4, 0, 1}, "analog", 5, 14, 42, 4},
        /* offset, one dummy per slice for every group: 8 columns a group */
        {{"h", 'w', 64, 8, 8, 64, 3, 1, 1, 64}, 128, 64, {0, 8, 2, 8, 1, 8, 0, 1, 1}, "analog", 8, 8, 1, 8},
        /* 4 groups of 144 x 32: too tall to share an array */
        {{"i", 'w', 64, 8, 8, 128, 3, 1, 1, 4}, 128, 128, {0, 8, 2, 8, 1, 8, 0, 0, 1}, "analog", 4 * 2 * 2, 1, 1, 4},
        /* 2 groups of 36 x 8: fewer groups than would fit */
        {{"j", 'w', 8, 8, 8, 8, 3, 1, 1, 2}, 128, 128, {0, 4, 4, 8, 1, 8, 0, 0, 1}, "analog", 1, 2, 1, 4},
    };
    for (size_t i = 0; i < sizeof c / sizeof c[0]; i++) {
        fixture f;
        char text[200];
        mb_network *net = testnet("one", 1, 1, &c[i].l);
        const mb_layer *l = &net->layer[1];
        snprintf(text, sizeof text, "rows = %d; cols = %d; subtract = \"%s\"; columns_per_adc = 8;", c[i].rows, c[i].cols,
                 c[i].subtract);
        begin(&f, text);
        mb_xbar_spec spec;
        mb_placement p;
        int64_t arrays;
        assert_ok(mb_machine_spec(f.mach, &cell, &c[i].a, false, &spec));
        assert_ok(mb_machine_place(f.mach, &spec, l, c[i].a.copies, &p));
        assert_ok(mb_machine_arrays(f.mach, &cell, l, &c[i].a, &arrays));
        assert_int_equal(p.arrays, c[i].arrays);
        assert_int_equal(arrays, c[i].arrays);
        assert_int_equal(p.groups_per_array, c[i].packed);
        assert_int_equal(p.steps, c[i].steps);
        assert_int_equal(p.adc_steps, c[i].adc_steps);
        end(&f);
        mb_network_free(net);
    }
}

/* The chosen block moves no more bits than any other block of arrays that fits a tile. */
static void tiles_hold_the_best_block(void **state) {
    (void)state;
    static const testlayer l[] = {{"a", 'w', 1568, 1, 1, 64, 1, 1, 0, 1},
                                  {"b", 'w', 512, 7, 7, 512, 3, 1, 1, 1},
                                  {"c", 'w', 64, 8, 8, 300, 1, 1, 0, 1},
                                  {"d", 'w', 600, 1, 1, 8, 1, 1, 0, 1}};
    for (int i = 0; i < 4; i++)
        for (int apt = 1; apt <= 64; apt *= 4) {
            fixture f;
            char text[100];
            mb_network *net = testnet("one", 1, 1, &l[i]);
            mb_matmul mm = mb_layer_matmul(&net->layer[1]);
            mb_assign a = {MB_ANALOG, 8, 2, 8, 1, 8, 0, 0, 1};
            snprintf(text, sizeof text, "arrays_per_tile = %d;", apt);
            begin(&f, text);
            mb_xbar_spec spec;
            mb_placement p;
            assert_ok(mb_machine_spec(f.mach, &cell, &a, false, &spec));
            assert_ok(mb_machine_place(f.mach, &spec, &net->layer[1], 1, &p));
            int tr = p.layout.row_tiles, tc = p.layout.col_tiles, sum = 16, fits = 0;
            for (int k = 1; k < mm.K; k *= 2) sum++;
            double got = (double)mm.K * 8 * p.tiles_across + (p.tiles_along - 1.0) * mm.N * sum;
            for (int r = 1; r <= apt; r *= 2)
                for (int c = 1; r * c <= apt; c++) {
                    int along = (tr + r - 1) / r, across = (tc + c - 1) / c;
                    assert_true(got <= (double)mm.K * 8 * across + (along - 1.0) * mm.N * sum);
                    fits |= along == p.tiles_along && across == p.tiles_across;
                }
            assert_true(fits || apt >= tr); /* the block exists (all rows in one tile need not be a power of two) */
            if (tr * tc <= apt) assert_true(p.tiles_along == 1 && p.tiles_across == 1);
            end(&f);
            mb_network_free(net);
        }
}

static void impossible_assignments_are_refused(void **state) {
    (void)state;
    static const testlayer l = {"conv7", 'w', 16, 8, 8, 16, 3, 1, 1, 1};
    mb_network *net = testnet("one", 1, 1, &l);
    fixture f;
    mb_xbar_spec spec;
    mb_plan *p;
    mb_metrics m;
    begin(&f, "rows = 64; cols = 8; columns_per_adc = 4;");
    mb_assign a = {MB_ANALOG, 8, 2, 8, 1, 8, 65, 0, 1};
    assert_fails(mb_machine_spec(f.mach, &cell, &a, false, &spec), MB_BADINPUT, "rows_active = 65");
    a.rows_active = 0;
    a.dac_bits = 8;
    a.input_bits = 4;
    assert_fails(mb_machine_spec(f.mach, &cell, &a, false, &spec), MB_BADINPUT, "dac_bits is larger");
    a.input_bits = a.dac_bits;
    a.cell_bits = 1; /* 14 columns a weight, the array has 8 */
    int64_t arrays;
    assert_int_equal(mb_machine_arrays(f.mach, &cell, &net->layer[1], &a, &arrays), MB_BADINPUT);
    mb_error_clear();
    a = (mb_assign){MB_ANALOG, 8, 2, 8, 1, 16, 0, 0, 1};
    assert_ok(mb_plan_new(net, &a, &p));
    assert_fails(mb_cost_network(f.mach, &cell, net, p, NULL, NULL, NULL, &m), MB_BADINPUT, "16 bits");
    p->n = 0;
    assert_fails(mb_cost_network(f.mach, &cell, net, p, NULL, NULL, NULL, &m), MB_BADINPUT, "0 layers");
    p->n = 1;
    mb_plan_free(p);
    end(&f);
    mb_network_free(net);
}

/* --- counts ---------------------------------------------------------------------------------------------------------- */

/* Conversions of a layer, one by one. */
static double count_conversions(const mb_machine *mach, const mb_assign *a, mb_matmul mm, bool input_signed) {
    int mag = a->scheme == MB_DIFFERENTIAL ? a->weight_bits - 1 : a->weight_bits, slices = 0, planes = 0;
    if (mag < 1) mag = 1;
    for (int b = 0; b < mag; b += a->cell_bits) slices++;
    for (int b = 0; b < (input_signed ? a->input_bits - 1 : a->input_bits); b += a->dac_bits) planes++;
    int per_weight = slices * (a->scheme == MB_DIFFERENTIAL ? 2 : 1), dummies = a->scheme == MB_OFFSET ? slices : 0;
    int per_array = (mach->cols - dummies) / per_weight, ra = a->rows_active ? a->rows_active : mach->rows;
    bool digital = mach->subtract == MB_SUB_DIGITAL && a->scheme == MB_DIFFERENTIAL;
    double n = 0;
    for (int g = 0; g < mm.groups; g++)
        for (int k0 = 0; k0 < mm.K; k0 += mach->rows)
            for (int k = k0; k < mm.K && k < k0 + mach->rows; k += ra)
                for (int n0 = 0; n0 < mm.N; n0 += per_array)
                    for (int p = 0; p < planes; p++) {
                        for (int out = n0; out < mm.N && out < n0 + per_array; out++) n += slices * (digital ? 2 : 1);
                        n += dummies;
                    }
    return n * mm.vectors;
}

/* Options of the mapping change counts and times as they should. */
static void options_of_the_mapping_are_counted(void **state) {
    (void)state;
    static const testlayer layer = {"l", 'w', 60, 1, 1, 10, 1, 1, 0, 1};
    static const mb_assign pairs = {0, 8, 2, 8, 1, 8, 0, 0, 1}, offset = {0, 8, 2, 8, 1, 8, 0, 1, 1}, wide = {0, 8, 2, 8, 4, 8, 0, 0, 1};
    static const struct { const char *arch; const mb_assign *a; double conversions, units; } k[] = {
        {"rows = 64; cols = 64;", &pairs, 8 * 4 * 10, 8},
        {"rows = 64; cols = 64; accumulate = \"analog\";", &pairs, 4 * 10, 8},
        {"rows = 64; cols = 64; slice_bits = [ 4.0, 3.0 ];", &pairs, 8 * 2 * 10, 8},
        {"rows = 64; cols = 64; subtract = \"digital\"; slice_bits = [ 4.0, 3.0 ];", &pairs, 8 * 2 * 2 * 10, 8},
        {"rows = 64; cols = 64;", &offset, 8 * 4 * 11, 8},
        {"rows = 64; cols = 64; offset_correction = \"digital\";", &offset, 8 * 4 * 10, 8},
        {"rows = 64; cols = 64;", &wide, 2 * 4 * 10, 30},
        {"rows = 64; cols = 64; dac = \"level\"; dac_J = 1e-14;", &wide, 2 * 4 * 10, 2},
    };
    for (size_t i = 0; i < sizeof k / sizeof *k; i++) {
        fixture f;
        mb_network *net = testnet("one", 1, 1, &layer);
        mb_plan *p;
        mb_report *r;
        mb_metrics m;
        bool no = false;
        begin(&f, k[i].arch);
        assert_ok(mb_plan_new(net, k[i].a, &p));
        assert_ok(mb_cost_network(f.mach, &cell, net, p, NULL, &no, &r, &m));
        assert_true(leaf(r, "l", "adc", "conversion")->count == k[i].conversions);
        near(leaf(r, "l", "cells", "read")->total.latency_s, k[i].units * f.mach->read_s); /* the array is driven that long */
        assert_true(!!find(r, "l", "shift-add", "sum the inputs of a plane") == (i == 5));
        assert_true(!!find(r, "l", "drivers", "set a level") == (i == 7));
        check_sums(r);
        check_sources(r);
        mb_report_free(r);
        mb_plan_free(p);
        mb_network_free(net);
        end(&f);
    }
    /* spares: eight columns less hold one output of 8 columns less */
    fixture f;
    mb_network *net = testnet("one", 1, 1, &layer);
    int64_t arrays[2];
    for (int i = 0; i < 2; i++) {
        begin(&f, i ? "rows = 64; cols = 80; spare_columns = 8;" : "rows = 64; cols = 80;");
        assert_ok(mb_machine_arrays(f.mach, &cell, &net->layer[1], &pairs, &arrays[i]));
        end(&f);
    }
    assert_int_equal(arrays[0], 1);
    assert_int_equal(arrays[1], 2);
    mb_network_free(net);
}

static void counts_against_brute_force(void **state) {
    (void)state;
    static const testlayer layer[] = {
        {"l", 'w', 3, 13, 11, 20, 3, 2, 1, 1}, {"l", 'w', 20, 9, 9, 33, 5, 1, 2, 1},  {"l", 'w', 32, 8, 8, 32, 3, 1, 1, 32},
        {"l", 'w', 12, 8, 8, 24, 3, 1, 0, 3},  {"l", 'w', 200, 1, 1, 50, 1, 1, 0, 1},
    };
    static const mb_assign assign[] = {
        {0, 8, 2, 8, 1, 8, 0, 0, 1},
        {0, 4, 1, 5, 2, 6, 16, 0, 3},
        {0, 5, 3, 8, 3, 8, 0, 1, 1},
        {0, 2, 1, 1, 1, 8, 7, 1, 2},
    };
    static const char *const arch[] = {"rows = 64; cols = 64;",
                                       "rows = 48; cols = 40; columns_per_adc = 4; subtract = \"digital\";"};
    for (int i = 0; i < 5; i++)
        for (int j = 0; j < 4; j++)
            for (int k = 0; k < 2; k++)
                for (int s = 0; s < 2; s++) {
                    fixture f;
                    bool is_signed = s && assign[j].input_bits > 1;
                    mb_network *net = testnet("one", 1, 1, &layer[i]);
                    mb_plan *p;
                    mb_report *r;
                    mb_metrics m;
                    begin(&f, arch[k]);
                    assert_ok(mb_plan_new(net, &assign[j], &p));
                    assert_ok(mb_cost_network(f.mach, &cell, net, p, NULL, &is_signed, &r, &m));
                    mb_matmul mm = mb_layer_matmul(&net->layer[1]);
                    double conversions = count_conversions(f.mach, &assign[j], mm, is_signed);
                    double outputs = (double)mm.vectors * mm.groups * mm.N;
                    assert_true(leaf(r, "l", "adc", "conversion")->count == conversions);
                    assert_true(leaf(r, "l", "shift-add", "shift and add")->count == conversions);
                    assert_true(leaf(r, "l", "digital unit", "bias and rescaling")->count == outputs);
                    near(leaf(r, "l", "adc", "conversion")->total.energy_J, conversions * assign[j].adc_bits * 1e-13);
                    assert_true(leaf(r, "l", "global buffer", "write outputs")->count == 8 * outputs);
                    int tiles = (mm.K + f.mach->rows - 1) / f.mach->rows;
                    const mb_report *add = find(r, "l", "shift-add", "add row tiles"),
                                    *offset = find(r, "l", "shift-add", "subtract the offset");
                    assert_true(tiles > 1 ? add && add->count == outputs * (tiles - 1) : !add);
                    assert_true(assign[j].scheme == MB_OFFSET ? offset && offset->count == outputs * tiles : !offset);
                    assert_true(m.arrays == leaf(r, "l", "cells", "read")->instances);
                    assert_true(m.weight_bits == (double)mm.groups * mm.K * mm.N * assign[j].weight_bits);
                    check_sums(r);
                    check_sources(r);
                    mb_report_free(r);
                    mb_plan_free(p);
                    mb_network_free(net);
                    end(&f);
                }
}

/* Driving and converting as two stages with one sampled value between them, event by event. */
static double simulate(int vectors, int steps, const double *drive, int planes, double convert) {
    double sampled = 0, converted = 0;
    for (int v = 0; v < vectors; v++)
        for (int p = 0; p < planes; p++)
            for (int s = 0; s < steps; s++) {
                double driven = sampled + drive[p]; /* the rows of the next step are driven while the last sample is converted */
                sampled = driven > converted ? driven : converted;
                converted = sampled + convert;
            }
    return converted;
}

static void time_against_simulated_events(void **state) {
    (void)state;
    static const testlayer l = {"l", 'w', 30, 6, 5, 4, 3, 1, 1, 1}; /* 30 vectors of 270 inputs */
    static const double rate[] = {1e9, 2e8, 2e7};
    for (int i = 0; i < 3; i++)
        for (int dac = 1; dac <= 5; dac += 2)
            for (int copies = 1; copies <= 4; copies += 3)
                for (int hold = 0; hold < 2; hold++) {
                    fixture f;
                    char text[300];
                    mb_network *net = testnet("one", 1, 1, &l);
                    mb_assign a = {MB_ANALOG, 8, 4, 8, dac, 8, 24, 0, copies};
                    mb_plan *p;
                    mb_report *r;
                    mb_metrics m;
                    snprintf(text, sizeof text,
                             "rows = 64; cols = 64; columns_per_adc = 16; read_s = 5e-9; clock_Hz = 1e10; bus_bits = 65536; "
                             "adc_rate_Hz = %g; sample_hold = %s;",
                             rate[i], hold ? "true" : "false");
                    begin(&f, text);
                    assert_ok(mb_plan_new(net, &a, &p));
                    assert_ok(mb_cost_network(f.mach, &cell, net, p, NULL, NULL, &r, &m));
                    double drive[8], convert = 8 / rate[i];                          /* 16 columns, 8 pairs */
                    int planes = 0, vectors = (30 + copies - 1) / copies, steps = 3; /* 64 rows, 24 at once */
                    for (int b = 0; b < 8; b += dac) drive[planes++] = 5e-9 * ((1 << (8 - b < dac ? 8 - b : dac)) - 1);
                    double got = leaf(r, "l", "cells", "read")->total.latency_s +
                                 leaf(r, "l", "adc", "conversion")->total.latency_s,
                           want = 0;
                    if (hold) {
                        want = simulate(vectors, steps, drive, planes, convert);
                    } else {
                        for (int q = 0; q < planes; q++) want += vectors * steps * (drive[q] + convert);
                    }
                    near(got, want);
                    mb_report_free(r);
                    mb_plan_free(p);
                    mb_network_free(net);
                    end(&f);
                }
}

/* --- energies -------------------------------------------------------------------------------------------------------- */

static void energies_by_hand(void **state) {
    (void)state;
    /* 96 inputs, 10 outputs, one vector; 64 x 64 arrays, 3 magnitude bits in cells of 2 bits, pairs: 4 columns a weight, 16
     * outputs a tile: 2 x 1 arrays; planes of 2, 2, 1 bits */
    static const testlayer l = {"fc", 'w', 96, 1, 1, 10, 1, 1, 0, 1};
    fixture f;
    mb_network *net = testnet("one", 1, 1, &l);
    mb_assign a = {MB_ANALOG, 4, 2, 5, 2, 6, 0, 0, 1};
    mb_activity act = {true, 100, 170, 0.03, 0};
    mb_plan *p;
    mb_report *r;
    mb_metrics m;
    begin(&f, "rows = 64; cols = 64; columns_per_adc = 8; arrays_per_tile = 4; read_s = 4e-9; vdd_V = 0.9; node_nm = 45.0; "
              "driver_C_F = 2e-16; integrator_W = 1e-6; sample_C_F = 1e-14;"
              "bus_bits = 64; buffer_KiB = 4; global_buffer_KiB = 16; noc_J_per_bit = 5e-14; bus_J_per_bit = 1e-14; "
              "adc_energy_factor = 2.0; leakage_W_per_m2 = 100.0; control_area = 0.5;"
              "driver_area_m2 = 1e-11; integrator_area_m2 = 2e-11; sample_area_m2 = 3e-12; router_area_m2 = 1e-8; adc_rate_Hz = "
              "1e8; clock_Hz = 1e9; digital_lanes = 4;");
    assert_ok(mb_plan_new(net, &a, &p));
    assert_ok(mb_cost_network(f.mach, &cell, net, p, &act, NULL, &r, &m));
    near(m.arrays, 2);
    near(m.weight_bits, 96 * 10 * 4);
    const mb_report *x = leaf(r, "fc", "cells", "read");
    near(x->total.energy_J, 0.2 * 0.2 * 4e-9 * 0.03);
    assert_non_null(strstr(x->source, "measured"));
    near(x->total.area_m2, 2 * 64 * 64 * 30 * 45e-9 * 45e-9);
    near(x->total.latency_s, 4e-9 * (3 + 3 + 1));
    x = leaf(r, "fc", "drivers", "row drive");
    near(x->total.energy_J, 100 * 64 * 2e-16 * 0.9 * 0.9);
    near(x->total.area_m2, 2 * 64 * 1e-11);
    double conversions = 3 * 2 * 10 * 2; /* planes, row tiles, outputs, slices */
    x = leaf(r, "fc", "integrators", "integrate a column");
    near(x->count, conversions);
    near(x->total.energy_J, conversions * 1e-6 * 4e-9 * 7 / 3);
    near(x->total.area_m2, 2 * 32 * 2e-11); /* one per pair */
    near(leaf(r, "fc", "sample-hold", "sample a column")->total.energy_J, conversions * 1e-14 * 0.81);
    x = leaf(r, "fc", "adc", "conversion");
    near(x->total.energy_J, conversions * 2 * 6e-13);
    assert_true(x->factor == 2);
    near(x->total.area_m2, 2 * 8 * 6 * 45e-12);
    /* 4 pairs behind a converter, 40 ns; drives of 12, 12, 4 ns; exposed: 28 + 28 + 36, and the first 12 ns */
    near(x->total.latency_s, 1e-9 * (28 + 28 + 36 + 12));
    mb_tech t;
    assert_ok(mb_tech_init(&t, 45, 0.9, 1));
    int sum = 4 + 5 + 7;
    near(leaf(r, "fc", "shift-add", "shift and add")->total.energy_J,
         conversions * (mb_unit_add(&t, sum).energy_J + mb_unit_register(&t, sum).energy_J));
    near(leaf(r, "fc", "shift-add", "add row tiles")->total.energy_J, 10 * mb_unit_add(&t, sum).energy_J);
    near(leaf(r, "fc", "shift-add", "accumulators")->total.area_m2, 2 * 10 * mb_unit_register(&t, sum).area_m2);
    near(leaf(r, "fc", "registers", "load an input")->total.energy_J, 96 * mb_unit_register(&t, 5).energy_J);
    mb_sram tile, global;
    assert_ok(mb_sram_cost(4, 64, 45, &tile));
    assert_ok(mb_sram_cost(16, 64, 45, &global));
    near(leaf(r, "fc", "tile buffer", "read inputs")->total.energy_J, 96 * 5 * tile.read_J / 64);
    near(leaf(r, "fc", "tile buffer", "write inputs")->total.energy_J, 96 * 5 * tile.write_J / 64);
    near(leaf(r, "fc", "global buffer", "read inputs")->total.energy_J, 96 * 5 * global.read_J / 64);
    near(leaf(r, "fc", "global buffer", "write outputs")->total.energy_J, 10 * 8 * global.write_J / 64);
    x = leaf(r, "fc", "interconnect", "between tiles");
    near(x->total.energy_J, (96 * 5 + 10 * 8) * 5e-14);
    near(x->total.latency_s, 8e-9); /* 480 bits on 64 wires at 1 GHz before the first drive; the rest is hidden */
    near(leaf(r, "fc", "interconnect", "tile bus")->total.energy_J, (96 * 5 + 10 * 8) * 1e-14);
    x = leaf(r, "fc", "digital unit", "bias and rescaling");
    near(x->total.energy_J, 10 * (mb_unit_add(&t, sum).energy_J + mb_unit_multiply(&t, 16, sum).energy_J));
    near(x->total.latency_s, 10 / 4e9);
    near(leaf(r, "shared", "tile buffer", "memory")->total.area_m2, tile.area_m2);
    near(leaf(r, "shared", "global buffer", "memory")->total.area_m2, global.area_m2);
    near(leaf(r, "shared", "interconnect", "router")->total.area_m2, 1e-8);
    double logic = leaf(r, "fc", "shift-add", "shift and add")->total.area_m2 +
                   leaf(r, "fc", "shift-add", "accumulators")->total.area_m2 +
                   leaf(r, "fc", "registers", "load an input")->total.area_m2 +
                   leaf(r, "shared", "digital unit", "lanes")->total.area_m2;
    near(leaf(r, "shared", "control", "control and routing")->total.area_m2, 0.5 * logic);
    double silicon = m.area_m2 - tile.area_m2 - global.area_m2 - leaf(r, "fc", "cells", "read")->total.area_m2;
    near(leaf(r, "shared", "leakage", "while the sample is computed")->total.energy_J,
         m.latency_s * (100 * silicon + tile.leakage_W + global.leakage_W));
    assert_true(r->total.energy_J == m.energy_J && r->total.latency_s == m.latency_s && r->total.area_m2 == m.area_m2);
    mb_report_free(r);
    mb_plan_free(p);
    mb_network_free(net);
    end(&f);
}

/* Balanced digits and unread slices: conductance of the rows by hand, conversions per converter and time. */
static void unread_slices_cost_nothing_to_read(void **state) {
    (void)state;
    static const testlayer l = {"fc", 'w', 3, 1, 1, 2, 1, 1, 0, 1};
    static const float w[6] = {-7, 3, 0, 5, -1, 6}; /* magnitudes in 2 + 1 bits: 3+4, 3+0, 0, 1+4, 1+0, 2+4; balanced: -1+8, -1+4, 0, 1+4, 1+0, -2+8 */
    static const int low[2] = {3 + 3 + 0 + 1 + 1 + 2, 1 + 1 + 0 + 1 + 1 + 2}, high[2] = {1 + 0 + 0 + 1 + 0 + 1, 2 + 1 + 0 + 1 + 0 + 2};
    static const double grid_low[2] = {3, 2}, grid_high[2] = {3, 2};
    for (int code = 0; code < 2; code++)
        for (int skip = 0; skip < 2; skip++) {
            fixture f;
            mb_network *net = testnet("one", 1, 1, &l);
            const mb_assign a = {.engine = MB_ANALOG, .weight_bits = 4, .cell_bits = 2, .input_bits = 3, .dac_bits = 1, .adc_bits = 8, .copies = 1, .skip_slices = skip};
            mb_plan *p;
            mb_activity act;
            mb_xbar_spec spec;
            mb_placement at;
            testnet_weights(&net->layer[1], 1);
            memcpy(net->layer[1].weight, w, sizeof w);
            begin(&f, code ? "weight_code = \"balanced\"; cols = 64; columns_per_adc = 8;" : "cols = 64; columns_per_adc = 8;");
            assert_ok(mb_plan_new(net, &a, &p));
            assert_ok(mb_activity_estimate(net, p, f.mach, &cell, &act));
            const double span = G_MAX - G_MIN;
            double g = 6 * 2 * G_MIN + span * high[code] / grid_high[code];
            if (!skip) g += 6 * 2 * G_MIN + span * low[code] / grid_low[code];
            near(act.charge_S, act.digit_sum / 3 * g); /* digits are spread evenly over the rows */
            assert_ok(mb_machine_spec(f.mach, &cell, &a, false, &spec));
            assert_ok(mb_machine_place(f.mach, &spec, &net->layer[1], 1, &at));
            assert_int_equal(at.adc_steps, skip ? 2 : 4); /* eight columns are two weights, four pairs */
            assert_int_equal(at.arrays, 1);
            mb_metrics m;
            mb_report *r;
            assert_ok(mb_cost_network(f.mach, &cell, net, p, NULL, NULL, &r, &m));
            near(leaf(r, "fc", "adc", "conversion")->count, 3 * 2 * (skip ? 1 : 2)); /* planes, outputs, slices */
            mb_report_free(r);
            mb_plan_free(p);
            mb_network_free(net);
            end(&f);
        }
}

/* The estimate against the mean over all inputs of a small layer. */
static void estimated_activity_is_the_mean_over_all_inputs(void **state) {
    (void)state;
    static const testlayer l = {"fc", 'w', 3, 1, 1, 2, 1, 1, 0, 1};
    for (int scheme = 0; scheme < 2; scheme++)
        for (int dac = 1; dac <= 3; dac++) {
            fixture f;
            mb_network *net = testnet("one", 1, 1, &l);
            mb_assign a = {MB_ANALOG, 4, 2, 3, dac, 8, 0, scheme, 1};
            static const float w[6] = {-7, 3, 0, 5, -1, 6}; /* [out][in], integers already */
            mb_plan *p;
            mb_activity act;
            testnet_weights(&net->layer[1], 1);
            memcpy(net->layer[1].weight, w, sizeof w);
            begin(&f, "");
            assert_ok(mb_plan_new(net, &a, &p));
            assert_ok(mb_activity_estimate(net, p, f.mach, &cell, &act));
            double unit = (G_MAX - G_MIN) / 3, rows = 0, digit_sum = 0, charge = 0;
            for (int x = 0; x < 512; x++)
                for (int i = 0; i < 3; i++) {
                    int v = x >> (3 * i) & 7;
                    double g = 0;
                    for (int o = 0; o < 2; o++) {
                        int q = (int)w[o * 3 + i];
                        if (scheme == MB_DIFFERENTIAL) g += 4 * G_MIN + unit * ((abs(q) & 3) + (abs(q) >> 2));
                        else g += 2 * G_MIN + unit * (((q + 8) & 3) + ((q + 8) >> 2));
                    }
                    if (scheme == MB_OFFSET) g += 2 * G_MIN + unit * 2; /* the dummy column holds 8 = 0 + 2 * 4 */
                    for (int b = 0; b < 3; b += dac) {
                        int digit = v >> b & ((1 << dac) - 1);
                        rows += digit != 0;
                        digit_sum += digit;
                        charge += digit * g;
                    }
                }
            near(act.rows_driven, rows / 512);
            near(act.digit_sum, digit_sum / 512);
            near(act.charge_S, charge / 512); /* exact: every row sees the same inputs */
            assert_false(act.measured);
            mb_plan_free(p);
            mb_network_free(net);
            end(&f);
        }
}

/* --- networks -------------------------------------------------------------------------------------------------------- */

static const testlayer chain[] = {
    {"conv1", 'w', 3, 16, 16, 16, 3, 1, 1, 1}, {"conv2", 'w', 16, 16, 16, 16, 3, 1, 1, 1},
    {"add", 'a', 0, 0, 0, 0, 0, 0, 0, 0},      {"dw", 'w', 16, 16, 16, 16, 3, 2, 1, 16},
    {"conv3", 'w', 16, 8, 8, 32, 1, 1, 0, 1},  {"fc", 'w', 2048, 1, 1, 10, 1, 1, 0, 1},
};

static void the_tree_and_the_numbers_agree(void **state) {
    (void)state;
    static const mb_assign base = {MB_ANALOG, 8, 2, 8, 1, 8, 0, 0, 1};
    mb_network *net = testnet("chain", 5, 6, chain);
    fixture f;
    mb_plan *p;
    mb_report *r, *by;
    mb_metrics with, without, other;
    begin(&f, "");
    for (int i = 0; i < net->n_weighted; i++) testnet_weights(&net->layer[net->weighted[i]], 0.3f);
    assert_ok(mb_plan_new(net, &base, &p));
    assert_ok(mb_cost_network(f.mach, &cell, net, p, NULL, NULL, &r, &with));
    assert_ok(mb_cost_network(f.mach, &cell, net, p, NULL, NULL, NULL, &without));
    assert_memory_equal(&with, &without, sizeof with);
    assert_true(r->total.energy_J == with.energy_J && r->total.latency_s == with.latency_s && r->total.area_m2 == with.area_m2);
    check_sums(r);
    check_sources(r);
    assert_int_equal(r->n, 7); /* 5 weighted layers, the addition, what is shared */
    assert_string_equal(r->child[2]->name, "add");
    assert_true(leaf(r, "add", "digital unit", "addition")->count == 16 * 16 * 16);
    assert_true(leaf(r, "add", "global buffer", "read second operand")->count == 8.0 * 16 * 16 * 16);
    assert_true(leaf(r, "dw", "cells", "read outside of the packed groups")->total.energy_J > 0);
    assert_null(find(r, "conv1", "cells", "read outside of the packed groups"));
    assert_ok(mb_report_by_component(r, &by));
    check_sums(by);
    near(by->total.energy_J, with.energy_J);
    near(by->total.area_m2, with.area_m2);
    mb_report_free(by);
    mb_report_free(r);

    p->assign[1].copies = 4; /* copies: same energy of conversions, a quarter of the time, four times the arrays */
    assert_ok(mb_cost_network(f.mach, &cell, net, p, NULL, NULL, &r, &other));
    const mb_report *adc = leaf(r, "conv2", "adc", "conversion");
    assert_true(adc->count == 256.0 * 8 * 2 * 16 * 4);
    double once = with.latency_s - other.latency_s;
    assert_true(once > 0.7 * 0.75 * leaf(r, "conv2", "cells", "read")->total.latency_s * 4);
    assert_true(other.arrays == with.arrays + 3 * 2);
    assert_true(other.area_m2 > with.area_m2);
    mb_report_free(r);
    p->assign[1].copies = 1;

    p->assign[4].engine = MB_DIGITAL; /* the last layer on the digital unit: no arrays, exact products, weights in SRAM */
    assert_ok(mb_cost_network(f.mach, &cell, net, p, NULL, NULL, &r, &other));
    assert_true(other.arrays == with.arrays - 16); /* 2048 inputs */
    assert_true(leaf(r, "fc", "multiply-accumulate", "product and sum")->count == 20480);
    assert_true(leaf(r, "fc", "weight buffer", "read weights")->count == 20480 * 8);
    assert_true(leaf(r, "shared", "weight buffer", "memory")->total.area_m2 > 0);
    assert_null(find(r, "fc", "adc", "conversion"));
    check_sums(r);
    check_sources(r);
    mb_report_free(r);

    int bits = 8; /* fewer input bits: less of everything */
    double last = HUGE_VAL;
    for (; bits >= 2; bits--) {
        for (int i = 0; i < p->n; i++) p->assign[i] = (mb_assign){MB_ANALOG, bits, 2, bits, 1, bits, 0, 0, 1};
        assert_ok(mb_cost_network(f.mach, &cell, net, p, NULL, NULL, NULL, &other));
        assert_true(other.energy_J < last);
        last = other.energy_J;
    }
    mb_plan_free(p);
    mb_network_free(net);
    end(&f);
}

/* The shipped chip with the shipped cell on a layer that fills its arrays: between the published RRAM and PCM macros
 * (doc/models-cost.md). */
static void the_shipped_chip_is_like_silicon(void **state) {
    (void)state;
    static const testlayer l = {"l", 'w', 128, 28, 28, 128, 3, 1, 1, 1};
    static const struct {
        int bits, adc;
        double low, high;
    } band[] = {{8, 8, 3, 11}, {4, 6, 12, 40}};
    char *arch = mb_asprintf("%s/experiments/arch/rram-22nm.cfg", srcdir()),
         *device = mb_asprintf("%s/devices/rram.cfg", srcdir());
    mb_network *net = testnet("one", 1, 1, &l);
    mb_conf *c, *d;
    mb_machine *m;
    mb_cell rram;
    assert_ok(mb_conf_read(arch, &c));
    assert_ok(mb_machine_load(c, "rram-22nm", &m));
    assert_ok(mb_conf_read(device, &d));
    assert_ok(mb_cell_load(d, &rram));
    for (int i = 0; i < 2; i++) {
        mb_assign a = {MB_ANALOG, band[i].bits, 2, band[i].bits, 1, band[i].adc, 0, 0, 1};
        mb_plan *p;
        mb_metrics got;
        assert_ok(mb_plan_new(net, &a, &p));
        assert_ok(mb_cost_network(m, &rram, net, p, NULL, NULL, NULL, &got));
        double tops_per_W = 2e-12 * (double)mb_layer_macs(&net->layer[1]) / got.energy_J;
        assert_true(tops_per_W > band[i].low && tops_per_W < band[i].high);
        mb_plan_free(p);
    }
    mb_cell_free(&rram);
    mb_machine_free(m);
    mb_conf_free(c);
    mb_conf_free(d);
    mb_network_free(net);
    mb_free(arch);
    mb_free(device);
}

static void what_does_not_fit_is_told(void **state) {
    (void)state;
    static const mb_assign base = {MB_ANALOG, 8, 2, 8, 1, 8, 0, 0, 1};
    mb_network *net = testnet("chain", 5, 6, chain);
    fixture f;
    mb_plan *p;
    mb_metrics m;
    begin(&f, "tiles = 2; arrays_per_tile = 8;");
    assert_ok(mb_plan_new(net, &base, &p));
    assert_fails(mb_cost_network(f.mach, &cell, net, p, NULL, NULL, NULL, &m), MB_NUMERIC, "tiles = 2");
    int64_t arrays = 0, all = 0;
    for (int i = 0; i < p->n; i++) {
        assert_ok(mb_machine_arrays(f.mach, &cell, &net->layer[net->weighted[i]], &base, &arrays));
        all += arrays;
    }
    char missing[64];
    snprintf(missing, sizeof missing, "%d arrays are missing", (int)all - 16);
    assert_fails(mb_cost_network(f.mach, &cell, net, p, NULL, NULL, NULL, &m), MB_NUMERIC, missing);
    end(&f);
    begin(&f, "global_buffer_KiB = 5;"); /* the addition: two inputs and an output of 4 KiB each */
    assert_fails(mb_cost_network(f.mach, &cell, net, p, NULL, NULL, NULL, &m), MB_NUMERIC, "7.0 KiB are missing");
    end(&f);
    begin(&f, "global_buffer_KiB = 12;");
    assert_ok(mb_cost_network(f.mach, &cell, net, p, NULL, NULL, NULL, &m));
    end(&f);
    mb_plan_free(p);
    mb_network_free(net);
}

/* Keys of the lines reach the crossbar; drivers at both ends, or of two lines per row, take twice the area. */
static void wires_of_the_arrays(void **state) {
    (void)state;
    static const testlayer l = {"fc", 'w', 96, 1, 1, 10, 1, 1, 0, 1};
    static const struct {
        const char *text;
        double drivers;
    } wire[] = {{"", 1}, {"drive = \"both\";", 2}, {"interleaved = true;", 2}, {"interleaved = true; drive = \"both\";", 4}};
    mb_network *net = testnet("one", 1, 1, &l);
    mb_assign a = {MB_ANALOG, 4, 2, 5, 2, 6, 0, 0, 1};
    mb_xbar_spec spec;
    mb_plan *p;
    fixture f;
    double area = 0;
    assert_ok(mb_plan_new(net, &a, &p));
    begin(&f, "r_wl_ohm = 1.5; r_bl_ohm = 2.5; r_driver_ohm = 30; r_sense_ohm = 40; r_on_ohm = 500; "
              "drive = \"both\"; sense = \"alternate\";");
    assert_ok(mb_machine_spec(f.mach, &cell, &a, false, &spec));
    const mb_xbar_wires *w = &spec.wires;
    assert_true(w->r_wl_ohm == 1.5 && w->r_bl_ohm == 2.5 && w->r_driver_ohm == 30 && w->r_sense_ohm == 40 && w->r_on_ohm == 500);
    assert_true(w->drive == MB_DRIVE_BOTH && w->sense == MB_SENSE_ALTERNATE && !w->interleaved);
    assert_true(mb_xbar_has_wires(w));
    a.scheme = MB_OFFSET;
    end(&f);
    begin(&f, "interleaved = true; r_bl_ohm = 1.0;");
    assert_fails(mb_machine_arrays(f.mach, &cell, &net->layer[net->weighted[0]], &a, &(int64_t){0}), MB_BADINPUT, "interleaved");
    end(&f);
    for (size_t i = 0; i < sizeof wire / sizeof *wire; i++) {
        mb_report *r;
        mb_metrics m;
        begin(&f, wire[i].text);
        assert_ok(mb_machine_spec(f.mach, &cell, &p->assign[0], false, &spec));
        assert_false(mb_xbar_has_wires(&spec.wires));
        assert_ok(mb_cost_network(f.mach, &cell, net, p, NULL, NULL, &r, &m));
        double now = leaf(r, "fc", "drivers", "row drive")->total.area_m2;
        if (i == 0) area = now;
        near(now, wire[i].drivers * area);
        mb_report_free(r);
        end(&f);
    }
    mb_plan_free(p);
    mb_network_free(net);
}

static void survives_lack_of_memory(void **state) {
    (void)state;
    static const mb_assign base = {MB_ANALOG, 8, 2, 8, 1, 8, 0, 0, 1};
    mb_network *net = testnet("chain", 5, 6, chain);
    fixture f;
    mb_plan *p;
    begin(&f, "");
    assert_ok(mb_plan_new(net, &base, &p));
    long live = mb_mem_live();
    for (long n = 1;; n++) {
        mb_report *r = NULL;
        mb_metrics m;
        mb_mem_fail_after(n);
        int rc = mb_cost_network(f.mach, &cell, net, p, NULL, NULL, &r, &m);
        mb_mem_fail_after(-1);
        mb_error_clear();
        mb_report_free(r);
        assert_int_equal(mb_mem_live(), live);
        if (rc == MB_OK) {
            assert_true(n > 50);
            break;
        }
        assert_int_equal(rc, MB_SYSTEM);
    }
    mb_plan_free(p);
    mb_network_free(net);
    end(&f);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(wrong_descriptions_are_refused),
        cmocka_unit_test(the_presets_load),
        cmocka_unit_test(layers_lie_on_arrays),
        cmocka_unit_test(tiles_hold_the_best_block),
        cmocka_unit_test(impossible_assignments_are_refused),
        cmocka_unit_test(options_of_the_mapping_are_counted), cmocka_unit_test(counts_against_brute_force),
        cmocka_unit_test(time_against_simulated_events),
        cmocka_unit_test(energies_by_hand),
        cmocka_unit_test(unread_slices_cost_nothing_to_read),
        cmocka_unit_test(estimated_activity_is_the_mean_over_all_inputs),
        cmocka_unit_test(the_tree_and_the_numbers_agree),
        cmocka_unit_test(the_shipped_chip_is_like_silicon),
        cmocka_unit_test(what_does_not_fit_is_told),
        cmocka_unit_test(wires_of_the_arrays),
        cmocka_unit_test(survives_lack_of_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
