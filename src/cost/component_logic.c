/* component_logic.c - rows of the technology itself, gates, arithmetic, decoders, drivers; models in tech.h, gate.h, circuit.h
 */
#include "cost/component.h"

#include "base/error.h"

#define GATES \
    "gate.h; geometry and device cards of DNN+NeuroSim, Peng et al., IEEE TCAD 40, 2306 (2021), doi:10.1109/TCAD.2020.3043731"
#define CIRCUITS "circuit.h; Peng et al., IEEE TCAD 40, 2306 (2021), doi:10.1109/TCAD.2020.3043731"
#define OWN                                                                                         \
    "circuit.h: sum of gates, Horowitz delays; devices of Peng et al., IEEE TCAD 40, 2306 (2021), " \
    "doi:10.1109/TCAD.2020.3043731"

#define ON_NODE(name, expr)                                               \
    static int name(const mb_component_keys *k, mb_component_result *r) { \
        mb_process n;                                                     \
        int rc = mb_component_node(k, &n);                                \
        return rc ? rc : mb_component_block(r, expr);                     \
    }

static int technology(const mb_component_keys *k, mb_component_result *r) {
    mb_process n;
    int rc = mb_component_node(k, &n);
    if (rc) return rc;
    const struct {
        const char *name;
        double value;
        const char *unit;
    } fact[] = {
        {"vdd", n.vdd_V, "V"},
        {"gate_length", n.gate_length_m, "m"},
        {"ion_n", n.ion_n, "A/m"},
        {"ion_p", n.ion_p, "A/m"},
        {"ioff_n", n.ioff_n, "A/m"},
        {"ioff_p", n.ioff_p, "A/m"},
        {"pn_ratio", n.pn_ratio, ""},
        {"c_gate", n.c_gate, "F/m"},
        {"c_fin", n.c_fin, "F"},
        {"c_junction", n.c_junction, "F/m2"},
        {"gate_pitch", n.cpp_m, "m"},
        {"cell_height", n.cell_height_m, "m"},
        {"wire_width", n.wire.width_m, "m"},
        {"wire_R", n.wire.r_per_m, "ohm/m"},
        {"wire_C", n.wire.c_per_m, "F/m"},
        {"m0_R", n.m0.r_per_m, "ohm/m"},
        {"m1_R", n.m1.r_per_m, "ohm/m"},
        {"sram_cell", n.sram_F2 * n.F_m * n.F_m, "m2"},
    };
    for (size_t i = 0; i < sizeof fact / sizeof fact[0]; i++)
        if (fact[i].value > 0) mb_component_fact(r, fact[i].name, fact[i].value, fact[i].unit); /* 0: this device has none */
    r->source = n.source;
    return MB_OK;
}

static int gate(const mb_component_keys *k, mb_component_result *r, mb_gate_kind kind) {
    mb_process n;
    int rc = mb_component_node(k, &n);
    if (rc) return rc;
    double w = 2 * n.F_m * k->size, slope = MB_STEP;
    double wn = kind == MB_GATE_NAND ? 2 * w : w, wp = (kind == MB_GATE_NOR ? 2 * w : w) * n.pn_ratio;
    mb_gate g = mb_gate_make(&n, kind, kind == MB_GATE_INV ? 1 : k->inputs, wn, wp, false);
    double load = k->load_F > 0 ? k->load_F : g.c_in, slow = g.r_n > g.r_p ? g.r_n : g.r_p;
    mb_component_fact(r, "c_in", g.c_in, "F");
    mb_component_fact(r, "c_out", g.c_out, "F");
    mb_component_fact(r, "r_n", g.r_n, "ohm");
    mb_component_fact(r, "r_p", g.r_p, "ohm");
    return mb_component_block(r, (mb_block){g.area_m2, n.vdd_V * n.vdd_V * (g.c_in + g.c_out + load),
                                            mb_stage_delay(slow * (g.c_out + load), &slope), g.leakage_W});
}
static int inverter(const mb_component_keys *k, mb_component_result *r) { return gate(k, r, MB_GATE_INV); }
static int nand(const mb_component_keys *k, mb_component_result *r) { return gate(k, r, MB_GATE_NAND); }
static int nor(const mb_component_keys *k, mb_component_result *r) { return gate(k, r, MB_GATE_NOR); }

static int bank(const mb_component_keys *k, mb_component_result *r) {
    mb_process n;
    int rc = mb_component_node(k, &n);
    return rc ? rc : mb_component_block(r, mb_block_times(mb_flipflop(&n, k->activity), k->bits));
}

static int tree(const mb_component_keys *k, mb_component_result *r) {
    mb_process n;
    int rc = mb_component_node(k, &n), stages = 0;
    if (rc) return rc;
    for (int left = k->inputs; left > 1; left = (left + 1) / 2) stages++;
    mb_component_fact(r, "stages", stages, "");
    mb_component_fact(r, "sum_bits", k->bits + stages, "");
    return mb_component_block(r, mb_adder_tree(&n, k->inputs, k->bits));
}

ON_NODE(flipflop, mb_flipflop(&n, k->activity))
ON_NODE(adder, mb_adder(&n, k->bits, k->load_F))
ON_NODE(shift_add, mb_shift_add(&n, k->bits, k->pulses))
ON_NODE(comparator, mb_comparator(&n, k->bits))
ON_NODE(multiplier, mb_multiplier(&n, k->bits, k->bits_b))
ON_NODE(decoder, mb_decoder(&n, k->address, k->load_F, k->pitch_m))
ON_NODE(driver, mb_driver(&n, k->load_F))
ON_NODE(switches, mb_switch_matrix(&n, k->lines, k->row_F, k->gate_ohm, k->swing_V, k->activity))
ON_NODE(shifter, mb_level_shifter(&n, k->load_F, k->high_V))
ON_NODE(mux, mb_column_mux(&n, k->columns, k->ways, k->gate_ohm, k->column_F, k->read_V))

static const mb_param p_node[] = {MB_NODE_KEYS, MB_PARAM_END};
#define LOAD MB_KEY(load_F, "F", "1e-15", 0, 1e-9, "load")
static const mb_param p_inverter[] = {MB_NODE_KEYS, MB_KEY(size, "", "1", 1, 1e4, "in smallest transistors (2F)"),
                                      MB_KEY(load_F, "F", "0", 0, 1e-9, "load; 0: another gate of its kind"), MB_PARAM_END};
static const mb_param p_gate[] = {MB_NODE_KEYS, MB_COUNT(inputs, "", "2", 2, 8, "inputs"),
                                  MB_KEY(size, "", "1", 1, 1e4, "in smallest transistors (2F)"),
                                  MB_KEY(load_F, "F", "0", 0, 1e-9, "load; 0: another gate of its kind"), MB_PARAM_END};
#define ACTIVITY MB_KEY(activity, "", "0.5", 0, 1, "share of the energy of a cycle in which everything toggles")
#define BITS(def) MB_COUNT(bits, "", def, 1, 64, "bits")
static const mb_param p_register[] = {MB_NODE_KEYS, MB_COUNT(bits, "", "8", 1, 1048576, "bits"), ACTIVITY, MB_PARAM_END};
static const mb_param p_flipflop[] = {MB_NODE_KEYS, ACTIVITY, MB_PARAM_END};
static const mb_param p_adder[] = {MB_NODE_KEYS, BITS("8"), LOAD, MB_PARAM_END};
static const mb_param p_tree[] = {MB_NODE_KEYS, MB_COUNT(inputs, "", "8", 2, 65536, "numbers that are added"), BITS("8"),
                                  MB_PARAM_END};
static const mb_param p_shift[] = {MB_NODE_KEYS, BITS("8"),
                                   MB_COUNT(pulses, "", "8", 1, 64, "planes or slices that are accumulated"), MB_PARAM_END};
static const mb_param p_compare[] = {MB_NODE_KEYS, BITS("8"), MB_PARAM_END};
static const mb_param p_multiply[] = {MB_NODE_KEYS, BITS("8"), MB_COUNT(bits_b, "", "8", 1, 64, "bits of the other operand"),
                                      MB_PARAM_END};
static const mb_param p_decoder[] = {MB_NODE_KEYS, MB_COUNT(address, "", "7", 1, 20, "bits of the address"),
                                     MB_KEY(load_F, "F", "20e-15", 1e-18, 1e-9, "load of a line"),
                                     MB_KEY(pitch_m, "m", "0", 0, 1e-3, "distance of the lines; 0: height of a standard cell"),
                                     MB_PARAM_END};
static const mb_param p_driver[] = {MB_NODE_KEYS, MB_KEY(load_F, "F", "20e-15", 1e-18, 1e-9, "load"), MB_PARAM_END};
static const mb_param p_switch[] = {MB_NODE_KEYS,
                                    MB_COUNT(lines, "", "128", 1, 65536, "lines"),
                                    MB_KEY(row_F, "F", "20e-15", 0, 1e-9, "capacitance of a line with its cells"),
                                    MB_KEY(gate_ohm, "ohm", "2000", 1, 1e9, "resistance of a transmission gate"),
                                    MB_KEY(swing_V, "V", "0.5", 0, 10, "swing of a line"),
                                    ACTIVITY,
                                    MB_PARAM_END};
static const mb_param p_shifter[] = {MB_NODE_KEYS, LOAD, MB_KEY(high_V, "V", "2.5", 0.1, 20, "voltage of the output"),
                                     MB_PARAM_END};
static const mb_param p_mux[] = {MB_NODE_KEYS,
                                 MB_COUNT(columns, "", "128", 1, 65536, "columns"),
                                 MB_COUNT(ways, "", "8", 1, 1024, "columns per converter"),
                                 MB_KEY(gate_ohm, "ohm", "500", 1, 1e9, "resistance of a transmission gate"),
                                 MB_KEY(column_F, "F", "10e-15", 0, 1e-9, "capacitance of a column"),
                                 MB_KEY(read_V, "V", "0.2", 0, 10, "voltage of the columns"),
                                 MB_PARAM_END};

const mb_component mb_logic_components[] = {
    {"technology", "technology", "device and wire parameters of a node", NULL, GATES, p_node, technology},
    {"inverter", "gates", "inverter", "one output transition pair", GATES, p_inverter, inverter},
    {"nand", "gates", "NAND gate", "one output transition pair", GATES, p_gate, nand},
    {"nor", "gates", "NOR gate", "one output transition pair", GATES, p_gate, nor},
    {"flip-flop", "registers", "master-slave flip-flop", "one clock cycle", CIRCUITS, p_flipflop, flipflop},
    {"register", "registers", "register of flip-flops", "one clock cycle", CIRCUITS, p_register, bank},
    {"adder", "arithmetic", "ripple-carry adder", "one addition", CIRCUITS, p_adder, adder},
    {"adder-tree", "arithmetic", "tree of adders, widths grow by one bit per stage", "one sum of all inputs", CIRCUITS, p_tree,
     tree},
    {"shift-add", "arithmetic", "shift-and-add accumulator of planes or slices", "one accumulation", CIRCUITS, p_shift,
     shift_add},
    {"comparator", "arithmetic", "digital comparator (carry chain)", "one comparison", OWN, p_compare, comparator},
    {"multiplier", "arithmetic", "array multiplier", "one product", OWN, p_multiply, multiplier},
    {"decoder", "lines", "address decoder with line drivers", "one selection", OWN, p_decoder, decoder},
    {"driver", "lines", "chain of inverters into a load", "one pulse", OWN, p_driver, driver},
    {"switch-matrix", "lines", "flip-flop and transmission gates per line, all lines at once", "one setting of all lines", OWN,
     p_switch, switches},
    {"level-shifter", "lines", "core to write voltage, thick-oxide devices", "one pulse", OWN, p_shifter, shifter},
    {"column-mux", "lines", "transmission gates between columns and shared converters", "one selection of all converters", OWN,
     p_mux, mux},
    {.name = NULL},
};
