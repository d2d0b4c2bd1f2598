/* test_macro.c - published macros: laws of supply, adder counts, one product of each kind by hand, what a file may say
 *
 * Expected numbers are worked out by hand from the equations in the heads of the macro_*.c files, with the closed forms of the
 * publications beside them.
 */
#include "mbtest.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cost/macro.h"
#include "base/csv.h"
#include "base/file.h"
#include "cost/machine.h"
#include "cost/macro_check.h"
#include "cost/macro_layer.h"

static void near(double got, double want, double relative) {
    if (!(fabs(got / want - 1) <= relative)) fail_msg("%.8g is not within %g of %.8g", got, relative, want);
}

static int load(const char *text, mb_macro *m, mb_conf **root) {
    assert_ok(mb_conf_parse(text, "macro.cfg", root));
    return mb_macro_load(*root, "test", m);
}

static mb_macro_cost cost_of(const char *text, mb_macro_point p, mb_report **tree) {
    mb_conf *root = NULL;
    mb_macro m;
    mb_macro_cost c;
    assert_ok(load(text, &m, &root));
    assert_ok(mb_macro_evaluate(&m, &p, &c, tree));
    mb_macro_free(&m);
    mb_conf_free(root);
    return c;
}

static void alpha_power_law(void **state) {
    (void)state;
    mb_supply s = {0.8, 0.3, 1.0};
    near(mb_supply_delay(&s, 0.8), 1, 1e-15);
    near(mb_supply_delay(&s, 1.3), 1.3 / 0.8 * 0.5 / 1.0, 1e-15); /* 0.8125 */
    s.alpha = 2;
    near(mb_supply_delay(&s, 0.55), 0.55 / 0.8 * 4, 1e-15); /* half of the overdrive, a quarter of the current */
    assert_true(isinf(mb_supply_delay(&s, 0.3)) && isinf(mb_supply_delay(&s, 0.2)));
    near(mb_supply_energy(2e-15, 0.5, 0), 0.5e-15, 1e-15);
    near(mb_supply_energy(2e-15, 0.5, 0.3), 0.2e-15, 1e-15);
    assert_true(mb_supply_energy(1, 0.2, 0.3) == 0);
}

/* N (b + 1) - (b + L + 1) for powers of two: 4 words of 1 bit: 2 adders of 1 bit, 1 of 2 bits. */
static void adder_counts(void **state) {
    (void)state;
    assert_true(mb_cim_tree_adders(1, 8) == 0);
    assert_true(mb_cim_tree_adders(4, 1) == 4);
    assert_true(mb_cim_tree_adders(32, 9) == 32 * 10 - 15);
    assert_true(mb_cim_tree_adders(128, 8) == 128 * 9 - 16);
    assert_true(mb_cim_tree_adders(3, 4) == 4 + 5); /* a word goes through one stage alone */
    near(mb_cim_place_adders(8, 8), 8 * 7 + 8 * 2.5, 1e-15);
    assert_true(mb_cim_place_adders(1, 8) == 0);
    mb_cim_logic g = {0.7e-15, 0.614e-12, 47.8e-12}; /* 28 nm: Houshmand et al., arXiv:2305.18335 */
    near(mb_cim_adder_F(&g) * 0.81, 3.402e-15, 1e-4);
    near(mb_cim_adder_m2(&g), 4.789e-12, 1e-4);
    near(mb_cim_sum_s(&g), 0.2294e-9, 1e-3);
    near(mb_cim_carry_s(&g), 0.2103e-9, 1e-3);
    near(mb_cim_tree_s(&g, 32, 9), (4 * 0.22944 + 0.21032 + 12 * 0.0956) * 1e-9, 1e-4);
}

/* Capacitors: 4 inputs x 2 outputs, xnor; V = 2: row 4 fF x 0.25, cells 1 fF x (0.25 0.5 + 0.75 0.5 = 0.5), columns 8 fF. */
static void charge_by_hand(void **state) {
    (void)state;
    const char *text =
        "kind = \"charge\"; rows = 4; outputs = 2; node_nm = 65.0; supply_V = 2.0; threshold_V = 0.5; product = \"xnor\";\n"
        "row_F = 4e-15; cell_F = 1e-15; column_F = 8e-15; adc_bits = 8; clock_Hz = 1e6; cycles = 10; cell_m2 = 1e-12;\n";
    mb_macro_point p = {.input_bits = 3, .weight_bits = 1, .vdd_V = 2, .input_one = 0.25, .weight_one = 0.5};
    mb_report *tree = NULL;
    mb_macro_cost c = cost_of(text, p, &tree);
    near(c.latency_s, 3 * 10e-6, 1e-12);
    near(c.macs, 8, 1e-15);
    near(tree->child[0]->child[0]->total.energy_J, 3 * 4 * 4e-15 * 4 * 0.25, 1e-12);
    near(tree->child[0]->child[1]->total.energy_J, 3 * 8 * 1e-15 * 4 * 0.5, 1e-12);
    near(tree->child[0]->child[2]->total.energy_J, 3 * 2 * 8e-15 * 4, 1e-12);
    near(tree->child[0]->child[3]->total.energy_J, 3 * 2 * 6.494e-12, 1e-3); /* survey, 8 b, 65 nm: golden point */
    double sum = 0;
    for (size_t i = 0; i < tree->child[0]->n; i++) sum += tree->child[0]->child[i]->total.energy_J;
    assert_true(sum == c.energy_J);
    near(c.figure[MB_MACRO_TOPS_W], 2e-12 * 8 / c.energy_J, 1e-12);
    mb_report_free(tree);
    p.weight_bits = 2; /* two outputs a weight */
    near(cost_of(text, p, NULL).macs, 4, 1e-15);
    p.vdd_V = 2.5; /* (2.5 / 2) (1.5 / 2)^1.3 */
    near(cost_of(text, p, NULL).latency_s, 30e-6 * 1.25 * pow(0.75, 1.3), 1e-12);
}

/* AIMC of Houshmand et al.: two transfers of a 5-bit SAR over 16 rows take 2 (47.8 ps + 5 (0.00653 16 + 0.64) ns) = 7.54 ns. */
static void charge_without_clock(void **state) {
    (void)state;
    mb_macro_cost c =
        cost_of("kind = \"charge\"; rows = 16; outputs = 12; node_nm = 28.0; supply_V = 0.9; adc = \"sar\"; adc_bits = 5;"
                "dac_bits = 8; transfers = 2; cell_weight_bits = 8; adcs_per_output = 16;",
                (mb_macro_point){.input_bits = 8, .weight_bits = 8, .vdd_V = 0.9}, NULL);
    near(c.latency_s, 7.5404e-9, 1e-4);
    near(c.energy_J, 2 * 12 * 16 * 405.8e-15, 1e-3); /* (500 + 1.024) fF x 0.81 */
}

/* Counters 4 x 7.5 x 1 fF, bit lines 8 x 7.5 x 0.5 x 1 fC; at 1 V; the survey's 53.0 fJ (4 b, 7 nm) x 2 outputs. */
static void pulse_by_hand(void **state) {
    (void)state;
    const char *text =
        "kind = \"pulse\"; rows = 4; outputs = 2; node_nm = 7.0; supply_V = 1.0; threshold_V = 0.2; alpha = 1.0; adc_bits = 4;"
        "pulse_F = 1e-15; discharge_C = 1e-15; clock_Hz = 182e6; adc_fixed_share = 1.0;";
    mb_macro_point p = {.input_bits = 4, .weight_bits = 4, .vdd_V = 1, .input_one = 0.5, .weight_one = 0.5};
    near(cost_of(text, p, NULL).energy_J, 30e-15 + 30e-15 + 2 * 53.0e-15, 3e-3);
    p.input_one = 0;
    double idle = cost_of(text, p, NULL).energy_J;
    near(idle, 2 * 53.0e-15, 3e-3);
    p.vdd_V = 0.6; /* fixed swing: as V */
    near(cost_of(text, p, NULL).energy_J, 0.6 * idle, 1e-12);
    near(cost_of(text, p, NULL).latency_s, 1 / 182e6 * 0.6 * 0.8 / 0.4, 1e-12);
}

/* NeuRRAM's sequence: 8-bit inputs, 7 planes in two phases of 4 and 3: I = 15 + 7, D = 10 + 6; one phase: I = 127, D = 10. */
static void neuron_phases(void **state) {
    (void)state;
    const char *text = "kind = \"neuron\"; rows = 2; outputs = 4; node_nm = 130.0; supply_V = 1.8; line_V = 1.8; integrate_s = "
                       "1e-6; decide_s = 1e-3;"
                       "phase_s = 1.0; integrate_J = 1e-12; decide_J = 1e-9;";
    mb_macro_point p = {.input_bits = 8, .weight_bits = 4, .output_bits = 10, .vdd_V = 1.8, .phases = 2};
    mb_macro_cost c = cost_of(text, p, NULL);
    near(c.latency_s, 2 + 16e-3 + 22e-6, 1e-12);
    near(c.energy_J, 4 * (16e-9 + 22e-12), 1e-12);
    near(c.macs, 4, 1e-15);
    p.phases = 1;
    near(cost_of(text, p, NULL).latency_s, 1 + 10e-3 + 127e-6, 1e-12);
    p.phases = 2;
    p.input_bits = 4; /* 3 planes: one phase is enough */
    near(cost_of(text, p, NULL).latency_s, 1 + 10e-3 + 7e-6, 1e-12);
}

/* 8 bits: 127 cycles and 3; cells 8 x 2 uS x 0.04 V2 x 63.5 ns; oscillators 2 x 1 mW x 130 ns. */
static void oscillator_by_hand(void **state) {
    (void)state;
    const char *text =
        "kind = \"oscillator\"; rows = 2; outputs = 2; cells_per_weight = 2; node_nm = 14.0; supply_V = 0.8; clock_Hz = 1e9;"
        "overhead_cycles = 3; conductance_S = 2e-6; read_V = 0.2; oscillator_W = 1e-3;";
    mb_macro_cost c = cost_of(text, (mb_macro_point){.input_bits = 8, .weight_bits = 8, .vdd_V = 0.8, .input_one = 0.5}, NULL);
    near(c.latency_s, 130e-9, 1e-12);
    near(c.energy_J, 8 * 2e-6 * 0.04 * 63.5e-9 + 2 * 1e-3 * 130e-9, 1e-12);
}

/* Colonnade's closed form: period 0.4 ns (w + 7 + rows per register + 2), floor(128 / (w + 7)) outputs: 1 b: 75 GOPS (silicon
 * 75.07), 16 b: 1.3 (1.34). */
static void bit_serial_sequence(void **state) {
    (void)state;
    const char *text =
        "kind = \"bit-serial\"; rows = 128; outputs = 128; guard_bits = 7; node_nm = 65.0; supply_V = 0.8; stage_s = 0.4e-9;"
        "fixed_stages = 2.0; gate_F = 1e-15; swing_loss_V = 0.5;";
    mb_macro_point p = {.input_bits = 1, .weight_bits = 1, .vdd_V = 0.8, .registers = 1};
    near(cost_of(text, p, NULL).figure[MB_MACRO_TOPS], 2 * 128 * 16 / 55.2e-9 * 1e-12, 1e-12);
    double e = cost_of(text, p, NULL).energy_J; /* (6 + 0.5 + 3) fF x 0.8 x 0.3 V */
    near(e, 128.0 * 128 * 9.5e-15 * 0.24, 1e-12);
    p.vdd_V = 0.6;
    near(cost_of(text, p, NULL).energy_J, e * 0.06 / 0.24, 1e-9);
    p = (mb_macro_point){.input_bits = 16, .weight_bits = 16, .vdd_V = 0.8, .registers = 16};
    near(cost_of(text, p, NULL).figure[MB_MACRO_TOPS], 2 * 128 * 5 / (16 * 13.2e-9) * 1e-12, 1e-12);
}

/* ISSCC 2022 15.5 by Houshmand et al.: trees 32.4, accumulators 13.6, products 2.3, registers 6.8 fJ per MAC; 4.273 ns. */
static void adder_tree_against_publication(void **state) {
    (void)state;
    mb_report *tree = NULL;
    mb_macro_cost c =
        cost_of("kind = \"adder-tree\"; macros = 64; rows = 32; outputs = 6; plane_bits = 2; booth = true; tree_bits = 9;"
                "accumulator_bits = 32; node_nm = 28.0; supply_V = 0.9;",
                (mb_macro_point){.input_bits = 8, .weight_bits = 8, .vdd_V = 0.9, .input_one = 0.5, .weight_one = 0.5}, &tree);
    static const double fJ[4] = {2.268, 32.43, 13.61, 6.804};
    for (size_t i = 0; i < 4; i++) near(tree->child[0]->child[i]->total.energy_J / c.macs, fJ[i] * 1e-15, 2e-3);
    near(c.latency_s / 4, 4.273e-9, 1e-3);
    near(c.macs, 12288, 1e-15);
    mb_report_free(tree);
}

/* A layer of 70 x 5 on macros of 32 x 2 outputs with two sets: 3 x 3 tiles on 5 macros, two in turn; 10 vectors. */
static void layer_on_macros(void **state) {
    (void)state;
    mb_conf *root = NULL;
    mb_macro m;
    mb_macro_cost c;
    mb_buffer buffer;
    mb_digital unit = {.lanes = 1, .clock_Hz = 1e9, .activations = &buffer};
    mb_ledger l;
    assert_ok(load("kind = \"adder-tree\"; macros = 3; rows = 32; outputs = 2; sets = 2; tree_bits = 8; accumulator_bits = 21; "
                   "node_nm = 28.0; supply_V = 0.9;",
                   &m, &root));
    assert_ok(mb_tech_init(&unit.tech, 28, 0.9, 1));
    assert_ok(mb_buffer_init(&buffer, "buffer", 4, 64, 22));
    assert_ok(mb_macro_evaluate(
        &m, &(mb_macro_point){.input_bits = 4, .weight_bits = 8, .vdd_V = 0.9, .input_one = 0.5, .weight_one = 0.5}, &c, NULL));
    mb_ledger_init(&l, "test", false);
    mb_ledger_open(&l, "layer");
    mb_macro_work w = {.groups = 1, .vectors = 10, .K = 70, .N = 5, .weight_bits = 8, .input_bits = 4, .out_bits = 6};
    assert_ok(mb_macro_layer(&l, &m, &w, &unit));
    double products = 90 * c.energy_J / 3, sums = 100 * mb_unit_add(&unit.tech, 8 + 4 + 7).energy_J;
    near(l.sum.energy_J, products + sums + 2800 * buffer.read_J_per_bit + 300 * buffer.write_J_per_bit, 1e-12);
    near(l.sum.latency_s, 10 * 2 * c.latency_s, 1e-12);
    near(l.sum.area_m2, 5 * c.area_m2 / 3, 1e-12);
    near(l.logic_m2, l.sum.area_m2, 1e-12);
    w.weight_bits = 32; /* four outputs of 8 bits */
    assert_fails(mb_macro_layer(&l, &m, &w, &unit), MB_NUMERIC, "cannot hold weights of 32 bits");
    mb_macro_free(&m);
    mb_conf_free(root);
}

static void machines_take_exact_macros(void **state) {
    (void)state;
    mb_conf *root = NULL;
    mb_machine *mach = NULL;
    assert_ok(mb_conf_parse("digital_macro = { kind = \"adder-tree\"; rows = 32; outputs = 2; tree_bits = 8; accumulator_bits = "
                            "21; node_nm = 28.0; supply_V = 0.9; };",
                            "arch.cfg", &root));
    assert_ok(mb_machine_load(root, "test", &mach));
    assert_non_null(mach->digital_macro);
    assert_ok(mb_conf_check_used(root));
    mb_machine_free(mach);
    mb_conf_free(root);
    assert_ok(mb_conf_parse("digital_macro = { kind = \"pulse\"; rows = 4; outputs = 2; node_nm = 7.0; supply_V = 0.8; adc_bits "
                            "= 4; clock_Hz = 1e8; };",
                            "arch.cfg", &root));
    assert_fails(mb_machine_load(root, "test", &mach), MB_BADINPUT, "the kind pulse is analog");
    mb_conf_free(root);
}

/* --- files ----------------------------------------------------------------------------------------------------------- */

#define BASE "rows = 2; outputs = 2; node_nm = 28.0; supply_V = 0.9; tree_bits = 8; accumulator_bits = 16; "

static void refused(const char *text, const char *says) {
    mb_conf *root = NULL;
    mb_macro m;
    assert_fails(load(text, &m, &root), MB_BADINPUT, says);
    mb_conf_free(root);
}

static void files_are_checked(void **state) {
    (void)state;
    refused(BASE, "a macro needs kind");
    refused("kind = \"adder-trees\"; " BASE, "did you mean \"adder-tree\"");
    refused("kind = \"adder-tree\"; rows = 2;", "outputs");
    refused("kind = \"adder-tree\"; " BASE "row_F = 1e-15;", "unknown key \"row_F\"");
    refused("kind = \"adder-tree\"; " BASE "threshold_V = 1.0;", "is not below supply_V");
    refused("kind = \"adder-tree\"; " BASE "delay_factor = 1.2;", "list it in `fitted`");
    refused("kind = \"adder-tree\"; " BASE "fitted = [\"dely_factor\"];", "did you mean \"delay_factor\"");
    refused("kind = \"adder-tree\"; " BASE "fitted = \"delay_factor\";", "must be a list");
    refused("kind = \"bit-serial\"; rows = 128; outputs = 128; guard_bits = 6; node_nm = 65.0; supply_V = 0.8; stage_s = 1e-9;",
            "overflows");
    refused("kind = \"charge\"; rows = 4; outputs = 4; node_nm = 28.0; supply_V = 0.9; adc_bits = 6; clock_Hz = 1e6;",
            "needs cycles");
    refused("kind = \"oscillator\"; rows = 4; outputs = 4; node_nm = 14.0; supply_V = 0.8; clock_Hz = 1e9; adc_bits = 12; "
            "count_s = 300e-12;",
            "do not fit a read");
    mb_conf *root = NULL;
    mb_macro m;
    mb_macro_cost c;
    assert_ok(load("kind = \"adder-tree\"; " BASE "delay_factor = 1.2; fitted = [\"delay_factor\"];", &m, &root));
    assert_fails(mb_macro_evaluate(&m, &(mb_macro_point){.input_bits = 8, .weight_bits = 8, .vdd_V = 0.3}, &c, NULL), MB_NUMERIC,
                 "is not above the threshold");
    assert_true(m.keys.delay_factor == 1.2);
    mb_macro_uncalibrate(&m);
    assert_true(m.keys.delay_factor == 1);
    mb_macro_free(&m);
    mb_conf_free(root);
}

static const char *write_text(const char *name, const char *text) {
    FILE *f = fopen(name, "w");
    assert_non_null(f);
    fputs(text, f);
    fclose(f);
    return name;
}

static void check(const char *points, const char *parts, int code, const char *says, mb_macro_check *out) {
    mb_conf *root = NULL;
    mb_macro m;
    mb_macro_check c;
    mb_str text = {0};
    mb_str_add(&text, "kind = \"adder-tree\"; " BASE "points = \"test_macro.points.csv\"; ");
    write_text("test_macro.points.csv", points);
    if (parts) {
        mb_str_add(&text, "parts = \"test_macro.parts.csv\";");
        write_text("test_macro.parts.csv", parts);
    }
    assert_ok(load(mb_cstr(&text), &m, &root));
    int rc = mb_macro_check_run(&m, &c);
    if (code) {
        assert_int_equal(rc, code);
        if (!strstr(mb_error_message(), says)) fail_msg("\"%s\" does not say \"%s\"", mb_error_message(), says);
        mb_error_clear();
    } else {
        assert_ok(rc);
        if (out) *out = c;
        mb_macro_check_free(&c);
    }
    mb_macro_free(&m);
    mb_conf_free(root);
    mb_str_free(&text);
    remove("test_macro.points.csv");
    remove("test_macro.parts.csv");
}

#define HEAD "condition,input_bits,weight_bits,vdd_V,TOPS,TOPS_per_W\n"

static void points_are_checked(void **state) {
    (void)state;
    mb_macro_check c;
    check(HEAD "a,8,8,0.9,,\n", NULL, MB_OK, "", &c);
    assert_int_equal(c.score[MB_MACRO_TOPS].n, 0);
    assert_true(c.within);
    check(HEAD "a,8,8,0.9,1,1\nb,8,8,0.9,1,\n",
          "point,quantity,part,value,unit\n1,energy,adder trees,0.5,share\n1,area,products,1,um2\n", MB_OK, "", &c);
    assert_int_equal(c.score[MB_MACRO_TOPS].n, 2);
    assert_int_equal(c.score[MB_MACRO_TOPS_W].n, 1);
    assert_true(!c.within); /* those figures are made up */
    assert_int_equal(c.energy_parts.n + c.area_parts.n, 2);
    near(c.score[MB_MACRO_TOPS].mean, c.score[MB_MACRO_TOPS].worst, 1e-12);
    check("condition,input_bits,weight_bits,TOPS\na,8,8,1\n", NULL, MB_BADINPUT, "a point needs vdd_V", NULL);
    check("condition,input_bits,weight_bits,vdd_V,factor\na,8,8,0.9,1\n", NULL, MB_BADINPUT, "unknown column factor", NULL);
    check(HEAD "a,8,8,0.9,-1,\n", NULL, MB_BADINPUT, "points.csv:2: TOPS must be positive", NULL);
    check(HEAD, NULL, MB_BADINPUT, "no data", NULL);
    check(HEAD "a,8,8,0.9,1,1\n", "point,quantity,part,value,unit\n2,energy,adder trees,0.5,share\n", MB_BADINPUT, "no point 2",
          NULL);
    check(HEAD "a,8,8,0.9,1,1\n", "point,quantity,part,value,unit\n1,energy,adc,0.5,share\n", MB_BADINPUT, "no part adc", NULL);
    check(HEAD "a,8,8,0.9,1,1\n", "point,quantity,part,value,unit\n1,power,adc,0.5,share\n", MB_BADINPUT, "energy or area", NULL);
    check(HEAD "a,8,8,0.9,1,1\n", "point,quantity,part,value,unit\n1,area,products,0.5,pJ\n", MB_BADINPUT, "unknown unit pJ",
          NULL);
}

/* --- the shipped macros against the collection they come from ---------------------------------------------------------- */

typedef struct figures {
    double v[512];
    size_t n;
} figures;

static int ascending(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* Adds the numbers of COLUMN of a table, to four digits, as some are printed. */
static void gather(const char *path, const char *column, figures *f) {
    mb_csv csv;
    assert_ok(mb_csv_read(path, &csv));
    for (size_t c = 0; c < csv.cols; c++) {
        if (strcmp(csv.header[c], column) != 0) continue;
        for (size_t r = 0; r < csv.rows; r++) {
            double v;
            char text[32];
            assert_ok(mb_csv_number(&csv, r, c, &v));
            if (isnan(v)) continue;
            snprintf(text, sizeof text, "%.4g", v);
            assert_true(f->n < 512);
            f->v[f->n++] = strtod(text, NULL);
        }
    }
    mb_csv_free(&csv);
}

/* No operating point is left out, none is made up. */
static void points_are_those_of_the_collection(void **state) {
    (void)state;
    static const char *const macro[] = {"aimc-22nm-2021", "aimc-28nm-2023", "colonnade-2021", "dimc-28nm-2022-11-7",
                                        "dimc-28nm-2022-15-5", "dimc-28nm-2023-16-3", "hermes-2022", "jia-2020", "neurram-2022", "sinangil-2021"};
    static const char *const column[] = {"TOPS", "TOPS_per_W"};
    const char *shared = getenv("MIXBAR_SHARED");
    char all[1024], path[1024];
    snprintf(all, sizeof all, "%s%s/reference/silicon_macros.csv", shared ? shared : srcdir(), shared ? "" : "/../shared");
    if (!mb_file_exists(all)) {
        print_message("# skip: %s is not there\n", all);
        return; /* not skip(): cmocka writes that as "not ok" */
    }
    for (int k = 0; k < 2; k++) {
        figures ours = {.n = 0}, theirs = {.n = 0};
        for (size_t i = 0; i < sizeof macro / sizeof macro[0]; i++) {
            snprintf(path, sizeof path, "%s/experiments/macros/%s.csv", srcdir(), macro[i]);
            gather(path, column[k], &ours);
        }
        gather(all, column[k], &theirs);
        qsort(ours.v, ours.n, sizeof ours.v[0], ascending);
        qsort(theirs.v, theirs.n, sizeof theirs.v[0], ascending);
        assert_int_equal(ours.n, theirs.n);
        for (size_t i = 0; i < ours.n; i++)
            if (ours.v[i] != theirs.v[i]) fail_msg("%s: %g stands for %g", column[k], ours.v[i], theirs.v[i]);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(alpha_power_law),
        cmocka_unit_test(adder_counts),
        cmocka_unit_test(charge_by_hand),
        cmocka_unit_test(charge_without_clock),
        cmocka_unit_test(pulse_by_hand),
        cmocka_unit_test(neuron_phases),
        cmocka_unit_test(oscillator_by_hand),
        cmocka_unit_test(bit_serial_sequence),
        cmocka_unit_test(adder_tree_against_publication),
        cmocka_unit_test(layer_on_macros),
        cmocka_unit_test(machines_take_exact_macros),
        cmocka_unit_test(files_are_checked),
        cmocka_unit_test(points_are_checked),
        cmocka_unit_test(points_are_those_of_the_collection),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
