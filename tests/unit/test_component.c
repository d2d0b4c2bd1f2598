/* test_component.c - technology layer: nodes and what is refused, temperature, blocks as sums of their parts, converters
 * against published points, memories, every component at every node */
#include "mbtest.h"

#include <math.h>
#include <string.h>

#include "cost/component.h"

static void near(double got, double want, double relative) {
    if (!(fabs(got / want - 1) <= relative)) fail_msg("%.6g is not within %g of %.6g", got, relative, want);
}

static mb_process node(double nm, mb_roadmap roadmap, double T) {
    mb_process_spec s = {.node_nm = nm, .roadmap = roadmap, .temp_K = T};
    mb_process n;
    assert_ok(mb_process_init(&n, &s));
    return n;
}

static void refused(double nm, mb_roadmap roadmap, double T, const char *says) {
    mb_process_spec s = {.node_nm = nm, .roadmap = roadmap, .temp_K = T};
    mb_process n;
    assert_fails(mb_process_init(&n, &s), MB_BADINPUT, says);
}

static void nodes_are_rows_and_nothing_between(void **state) {
    (void)state;
    refused(28, MB_ROADMAP_LSTP, 300, "130, 90, 65, 45, 32, 22, 14, 10, 7, 5, 3, 2, 1 nm");
    refused(14, MB_ROADMAP_HP, 300, "130, 90, 65, 45, 32, 22 nm");
    refused(22, MB_ROADMAP_LSTP, 420, "300 to 400 K");
    refused(7, MB_ROADMAP_LSTP, 350, "300 K only");
    mb_process n = node(22, MB_ROADMAP_LSTP, 300);
    near(n.vdd_V, 0.85, 1e-12);
    near(n.pn_ratio, 791.9 / 600.2, 1e-12);
    assert_true(n.device == MB_DEVICE_PLANAR);
    assert_true(node(5, MB_ROADMAP_LSTP, 300).device == MB_DEVICE_FINFET);
    assert_int_equal(node(1, MB_ROADMAP_LSTP, 300).sheets, 4);
}

/* Table values of 32 nm HP at 300 and 400 K: linear in between; wires 0.451 % per kelvin; leakage grows, drive falls. */
static void temperature_moves_currents_and_wires(void **state) {
    (void)state;
    mb_process a = node(32, MB_ROADMAP_HP, 350), b = node(32, MB_ROADMAP_HP, 360), m = node(32, MB_ROADMAP_HP, 355);
    near(m.ion_n, (a.ion_n + b.ion_n) / 2, 1e-12);
    near(m.ioff_p, (a.ioff_p + b.ioff_p) / 2, 1e-12);
    mb_process cold = node(32, MB_ROADMAP_HP, 300), hot = node(32, MB_ROADMAP_HP, 400);
    near(hot.wire.r_per_m, cold.wire.r_per_m * 1.451, 1e-9);
    assert_true(hot.ion_n < cold.ion_n && hot.ioff_n > 3 * cold.ioff_n);
    assert_true(mb_adder(&hot, 8, 1e-15).delay_s > mb_adder(&cold, 8, 1e-15).delay_s);
}

static void barrier_makes_wires_worse(void **state) {
    (void)state;
    mb_process_spec s = {.node_nm = 7, .roadmap = MB_ROADMAP_LSTP, .temp_K = 300, .no_barrier = true};
    mb_process bare, real = node(7, MB_ROADMAP_LSTP, 300);
    assert_ok(mb_process_init(&bare, &s));
    near(bare.wire.r_per_m, 4.17e-8 / (20e-9 * 20e-9 * 2), 1e-9);
    near(real.wire.r_per_m / bare.wire.r_per_m, 69.51 / 52.13, 0.02); /* the source's own figure with a barrier */
}

static void blocks_are_sums_of_their_parts(void **state) {
    (void)state;
    mb_process n = node(22, MB_ROADMAP_LSTP, 300);
    mb_block a8 = mb_adder(&n, 8, 1e-15), ff = mb_flipflop(&n, 0.5), t = mb_adder_tree(&n, 5, 8);
    near(a8.area_m2, 72 * mb_nand(&n, 2).area_m2, 1e-12);
    /* 5 inputs: 3 adders of 8 bits (one pads), 2 of 9, 1 of 10 */
    mb_block want =
        mb_block_join(mb_block_times(a8, 3), mb_block_join(mb_block_times(mb_adder(&n, 9, 1e-15), 2), mb_adder(&n, 10, 1e-15)));
    near(t.area_m2, want.area_m2, 1e-12);
    near(t.energy_J, want.energy_J, 1e-12);
    near(mb_shift_add(&n, 8, 4).energy_J, a8.energy_J + 12 * ff.energy_J, 1e-12);
    near(mb_flipflop(&n, 1).energy_J, 2 * ff.energy_J, 1e-12);
    near(mb_multiplier(&n, 8, 1).area_m2, 8 * (mb_nand(&n, 2).area_m2 + mb_inverter(&n, 1).area_m2), 1e-12);
    assert_true(mb_multiplier(&n, 8, 8).delay_s > mb_adder(&n, 8, 1e-15).delay_s);
}

/* The optimum is one: other spacings and sizes are not faster. Slack trades delay for energy and stays within its bound. */
static void repeaters_are_optimal(void **state) {
    (void)state;
    mb_process n = node(45, MB_ROADMAP_LSTP, 300);
    mb_repeater best = mb_repeated_wire(&n, &n.wire, 0), lazy = mb_repeated_wire(&n, &n.wire, 0.5);
    assert_true(lazy.size < best.size && lazy.energy_J_per_m < best.energy_J_per_m);
    assert_true(lazy.delay_s_per_m > best.delay_s_per_m && lazy.delay_s_per_m <= 1.5 * best.delay_s_per_m);
    near(mb_bus(&n, 2e-3, 32, 0.5).energy_J, 2e-3 * 32 * 0.5 * best.energy_J_per_m, 1e-12);
}

static void trees_and_meshes_have_their_geometry(void **state) {
    (void)state;
    mb_process n = node(22, MB_ROADMAP_LSTP, 300);
    mb_repeater w = mb_repeated_wire(&n, &n.wire, 0);
    double path, hops;
    mb_block h = mb_htree(&n, 2, 2, 1e-3, 1e-3, 1, 1, &path);
    near(path, 1e-3, 1e-12); /* half a leaf each way */
    near(h.energy_J, w.energy_J_per_m * 1e-3, 1e-12);
    near(h.area_m2, w.area_m2_per_m * (2 * 0.5e-3 + 4 * 0.5e-3), 1e-12);
    h = mb_htree(&n, 1, 1, 1e-3, 1e-3, 8, 1, &path);
    assert_true(!(path > 0) && !(h.energy_J > 0));
    mb_block one = mb_mesh(&n, 1, 1, 1e-3, 32, 4, 0.5, &hops), many = mb_mesh(&n, 6, 6, 1e-3, 32, 4, 0.5, &hops);
    near(hops, 4, 1e-12);
    near(many.energy_J, 5 * one.energy_J + 4 * 32 * 0.5 * 1e-3 * w.energy_J_per_m, 1e-9);
    near(many.area_m2, 36 * one.area_m2 + 120 * 32 * 1e-3 * w.area_m2_per_m, 1e-9);
}

/* Bits, node in nm, conversions per second, pJ, um2: the model's authors. */
static void survey_points_are_reproduced(void **state) {
    static const double p[][5] = {
        {4, 32, 1e8, 0.9237, 3274},  {5, 32, 1e8, 0.9363, 3287},  {6, 32, 1e8, 1.065, 3417},  {7, 32, 1e8, 1.312, 3637},
        {8, 32, 1e6, 1.714, 1714},   {8, 32, 1e8, 1.714, 3939},   {8, 32, 1e9, 1.714, 5972},  {8, 32, 2e9, 2.591, 7660},
        {9, 32, 1e8, 2.340, 4324},   {9, 32, 1e9, 4.697, 8074},   {10, 32, 1e8, 3.310, 4796}, {10, 32, 1e9, 13.95, 11180},
        {12, 32, 1e8, 29.06, 9185},  {12, 32, 1e9, 133.2, 21960}, {8, 7, 1e8, 0.0984, 370},   {8, 16, 1e8, 0.4656, 1340},
        {8, 22, 1e8, 0.8472, 2199},  {8, 28, 1e8, 1.333, 3200},   {8, 45, 1e8, 3.253, 6694},  {8, 65, 1e8, 6.494, 11860},
        {8, 130, 1e8, 23.91, 34870},
    };
    (void)state;
    mb_block b, low, high;
    for (size_t i = 0; i < sizeof p / sizeof p[0]; i++) {
        assert_ok(mb_converter_survey(p[i][0], p[i][2], p[i][1], MB_NOMINAL, &b));
        near(b.energy_J * 1e12, p[i][3], 1e-3);
        near(b.area_m2 * 1e12, p[i][4], i == 14 ? 2e-3 : 1e-3); /* 370 has three digits */
        assert_ok(mb_converter_survey(p[i][0], p[i][2], p[i][1], MB_LOW, &low));
        assert_ok(mb_converter_survey(p[i][0], p[i][2], p[i][1], MB_HIGH, &high));
        near(high.energy_J / b.energy_J, 3.5, 1e-9);
        near(low.energy_J / b.energy_J, 0.3, 1e-9);
        assert_true(low.area_m2 < b.area_m2 && b.area_m2 < high.area_m2);
    }
    assert_fails(mb_converter_survey(8, 1e11, 32, MB_NOMINAL, &b), MB_BADINPUT, "lower the rate");
}

static void other_converters(void **state) {
    (void)state;
    mb_block b;
    assert_ok(mb_converter_sar28(8, 128, 0.9, &b)); /* 0.701 pJ, 2068 um2, 11.8 ns */
    near(b.energy_J, 0.701e-12, 1e-3);
    near(b.area_m2, 2068e-12, 2e-2);
    near(b.delay_s, 11.8e-9, 1e-3);
    assert_fails(mb_converter_sar28(30, 128, 0.9, &b), MB_BADINPUT, "1 to 16 bits");
    mb_process n = node(22, MB_ROADMAP_LSTP, 300), tiny = node(3, MB_ROADMAP_LSTP, 300);
    near(mb_sar_table(&n, 8, 10e3, 0).energy_J, 149.614e-15, 1e-4);
    assert_true(isnan(mb_flash_table(&tiny, 4, 1e4, 0).energy_J));
    assert_true(mb_flash_table(&n, 8, 1e4, 0).area_m2 > 15 * mb_flash_table(&n, 4, 1e4, 0).area_m2);
    near(mb_converter_ramp(&n, 8, 128, 1e9).delay_s, 256e-9, 1e-12);
    assert_true(mb_converter_ramp(&n, 8, 1, 1e9).energy_J > 2 * mb_converter_ramp(&n, 8, 128, 1e9).energy_J);
    double e0 = mb_converter_fire(&n, 8, 0, 50e-15, 0.5, 1e-9).energy_J,
           e1 = mb_converter_fire(&n, 8, 10, 50e-15, 0.5, 1e-9).energy_J;
    assert_true(!(e0 > 0) && e1 > 10 * 50e-15 * 0.5 * 0.85);
}

static void lossless_resolution(void **state) {
    (void)state;
    assert_int_equal(mb_lossless_bits(128, 1, 1), 8);
    assert_int_equal(mb_lossless_bits(127, 1, 1), 7);
    assert_int_equal(mb_lossless_bits(128, 1, 2), 9); /* ISAAC, before its encoding saves one */
    assert_int_equal(mb_lossless_bits(1, 1, 1), 1);
    assert_int_equal(mb_lossless_bits(256, 4, 2), 14);
}

static void drivers_and_samplers(void **state) {
    (void)state;
    mb_process n = node(22, MB_ROADMAP_LSTP, 300);
    double C = 1e-12, V = 0.3, one = mb_drive_bit(&n, C, V).energy_J; /* a line so long that its charge dominates */
    assert_true(one > C * V * V);
    mb_block c3 = mb_drive_count(&n, 4, 3, C, V, 1e-9), c9 = mb_drive_count(&n, 4, 9, C, V, 1e-9);
    near(c9.energy_J - c3.energy_J, 6 * one, 1e-9); /* each pulse charges the line */
    mb_block w3 = mb_drive_width(&n, 4, 3, C, V, 1e-9), w9 = mb_drive_width(&n, 4, 9, C, V, 1e-9);
    near(w3.energy_J, w9.energy_J, 1e-12); /* a longer pulse charges it once */
    near(c3.delay_s, w3.delay_s, 1e-12);
    /* noise: 4 times the capacitor per bit, once it is not the smallest */
    mb_block s8 = mb_sampler(&n, 8, 0.5, 0, 1e3), s9 = mb_sampler(&n, 9, 0.5, 0, 1e3);
    assert_true(s9.energy_J < 4 * s8.energy_J && s9.energy_J > s8.energy_J);
    near(mb_sampler(&n, 14, 0.5, 0, 1e3).delay_s / mb_sampler(&n, 13, 0.5, 0, 1e3).delay_s, 4 * 15.0 / 14, 1e-9);
    /* settling in half of the time takes twice the current: the same energy */
    near(mb_amplifier(&n, 8, 1e-13, 1e-8).energy_J, mb_amplifier(&n, 8, 1e-13, 5e-9).energy_J, 1e-12);
    assert_true(!(mb_sense_amplifier(&n, 1).delay_s < 0)); /* more than the supply: decided already */
    assert_true(mb_sense_amplifier(&n, 0.001).delay_s > mb_sense_amplifier(&n, 0.1).delay_s);
}

static void memories(void **state) {
    (void)state;
    mb_process n = node(22, MB_ROADMAP_LSTP, 300);
    mb_memory small = mb_register_file(&n, 16, 32), large = mb_register_file(&n, 256, 32), m, top, low;
    assert_true(large.read_J > small.read_J && large.access_s > small.access_s && large.area_m2 > 14 * small.area_m2);
    assert_true(small.area_m2 > 16 * 32 * mb_flipflop(&n, 1).area_m2);
    assert_ok(mb_edram(64, 256, 32, MB_NOMINAL, 40e-6, &m));
    near(m.area_m2, 0.083e-6, 1e-9);
    assert_ok(mb_edram(64, 256, 28, MB_LOW, 40e-6, &low));
    near(low.read_J, 19.2e-12, 1e-9);
    assert_ok(mb_edram(64, 256, 28, MB_HIGH, 40e-6, &top));
    assert_true(low.read_J < top.read_J);
    near(low.refresh_W, 64 * 8192 / 256.0 * 19.2e-12 / 40e-6, 1e-9);
    assert_fails(mb_edram(64, 256, 14, MB_LOW, 40e-6, &m), MB_BADINPUT, "22 to 45 nm");
    size_t i = 0;
    for (; mb_drams[i].name; i++) {
        const mb_dram *d = &mb_drams[i];
        char choice[32];
        assert_string_equal(mb_choice_name(MB_DRAM_NAMES, (int)i, choice, sizeof choice), d->name);
        assert_true(d->pJ_per_bit[0] <= d->pJ_per_bit[1] && d->pJ_per_bit[1] <= d->pJ_per_bit[2] && d->bytes_per_s > 1e9);
    }
    assert_int_equal(i, 7);
}

static mb_conf *keys(double nm, const char *roadmap, const char *more) {
    char text[64];
    mb_conf *root = mb_conf_new(MB_CONF_GROUP, NULL), *x = mb_conf_new(MB_CONF_GROUP, "x");
    assert_non_null(root);
    assert_ok(mb_conf_append(root, x));
    if (nm > 0) {
        snprintf(text, sizeof text, "x.node_nm=%g", nm);
        assert_ok(mb_conf_assign(root, text, MB_FROM_COMMAND));
        snprintf(text, sizeof text, "x.roadmap=\"%s\"", roadmap);
        assert_ok(mb_conf_assign(root, text, MB_FROM_COMMAND));
    }
    if (more) assert_ok(mb_conf_assign(root, more, MB_FROM_COMMAND));
    return root;
}

/* Positive, finite, with a source, at its defaults; those that have a roadmap key at every row of the table. */
static void every_component_everywhere(void **state) {
    (void)state;
    const mb_component *c;
    size_t n = 0, done = 0;
    for (; (c = mb_component_at(n)) != NULL; n++) {
        bool on_node = false;
        double nm = 0;
        mb_roadmap roadmap = MB_ROADMAP_LSTP;
        assert_ptr_equal(mb_component_find(c->name), c);
        for (const mb_param *p = c->params; p->kind != MB_P_END; p++) on_node |= strcmp(p->name, "roadmap") == 0;
        for (size_t i = 0; on_node ? mb_process_row(i, &nm, &roadmap) : i < 1; i++) {
            mb_component_result r;
            mb_conf *root = keys(on_node ? nm : 0, roadmap == MB_ROADMAP_HP ? "hp" : "lstp", NULL);
            int rc = mb_component_evaluate(c, mb_conf_find(root, "x"), &r);
            if (strcmp(c->name, "adc-flash") == 0 && nm < 7) {
                assert_fails(rc, MB_BADINPUT, "no fit");
            } else {
                assert_ok(rc);
                const double v[4] = {r.energy_J, r.delay_s, r.area_m2, r.leakage_W};
                for (int k = 0; k < 4; k++)
                    if (!isnan(v[k]) && !(v[k] >= 0 && v[k] < 1))
                        fail_msg("%s at %g nm: quantity %d is %g", c->name, nm, k, v[k]);
                if (c->operation) assert_true(r.energy_J > 0);
                for (int k = 0; k < r.n_facts; k++) assert_true(isfinite(r.fact[k].value));
                assert_non_null(r.source);
                done++;
            }
            mb_conf_free(root);
        }
    }
    assert_true(n > 30 && done > 400);
    assert_null(mb_component_find("abacus"));
}

static void bad_keys_are_told(void **state) {
    (void)state;
    mb_component_result r;
    mb_conf *root = keys(0, NULL, "x.bitz=3");
    assert_fails(mb_component_evaluate(mb_component_find("adder"), mb_conf_find(root, "x"), &r), MB_BADINPUT, "bits");
    mb_conf_free(root);
    root = keys(28, "lstp", NULL);
    assert_fails(mb_component_evaluate(mb_component_find("adder"), mb_conf_find(root, "x"), &r), MB_BADINPUT, "28 nm");
    mb_conf_free(root);
    root = keys(0, NULL, "x.bits=0");
    assert_fails(mb_component_evaluate(mb_component_find("adder"), mb_conf_find(root, "x"), &r), MB_BADINPUT, "bits");
    mb_conf_free(root);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nodes_are_rows_and_nothing_between),
        cmocka_unit_test(temperature_moves_currents_and_wires),
        cmocka_unit_test(barrier_makes_wires_worse),
        cmocka_unit_test(blocks_are_sums_of_their_parts),
        cmocka_unit_test(repeaters_are_optimal),
        cmocka_unit_test(trees_and_meshes_have_their_geometry),
        cmocka_unit_test(survey_points_are_reproduced),
        cmocka_unit_test(other_converters),
        cmocka_unit_test(lossless_resolution),
        cmocka_unit_test(drivers_and_samplers),
        cmocka_unit_test(memories),
        cmocka_unit_test(every_component_everywhere),
        cmocka_unit_test(bad_keys_are_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
