/* component_wire.c - rows of buses and networks; models in circuit.h */
#include "cost/component.h"

#define WIRES                                                                                                                 \
    "circuit.h; Bakoglu, Circuits, Interconnections and Packaging for VLSI (1990); wires of Peng et al., IEEE TCAD 40, 2306 " \
    "(2021)"

static int bus(const mb_component_keys *k, mb_component_result *r) {
    mb_process n;
    int rc = mb_component_node(k, &n);
    if (rc) return rc;
    mb_repeater w = mb_repeated_wire(&n, &n.wire, k->slack);
    mb_component_fact(r, "repeater", w.size, "");
    mb_component_fact(r, "spacing", w.spacing_m, "m");
    mb_component_fact(r, "per_bit_mm", w.energy_J_per_m * 1e-3, "J");
    mb_component_fact(r, "delay_per_mm", w.delay_s_per_m * 1e-3, "s");
    double m = k->length_m * k->bits;
    return mb_component_block(r, (mb_block){w.area_m2_per_m * m, w.energy_J_per_m * m * k->toggle,
                                            w.delay_s_per_m * k->length_m, w.leakage_W_per_m * m});
}

static int htree(const mb_component_keys *k, mb_component_result *r) {
    mb_process n;
    double path;
    int rc = mb_component_node(k, &n);
    if (rc) return rc;
    mb_block b = mb_htree(&n, k->rows, k->columns, k->leaf_w_m, k->leaf_h_m, k->bits, k->toggle, &path);
    mb_component_fact(r, "path", path, "m");
    return mb_component_block(r, b);
}

static int mesh(const mb_component_keys *k, mb_component_result *r) {
    mb_process n;
    double hops;
    int rc = mb_component_node(k, &n);
    if (rc) return rc;
    mb_block b = mb_mesh(&n, k->rows, k->columns, k->link_m, k->bits, k->depth, k->toggle, &hops);
    mb_component_fact(r, "mean_hops", hops, "");
    return mb_component_block(r, b);
}

#define BITS(def) MB_COUNT(bits, "", def, 1, 65536, "width in bits")
#define TOGGLE MB_KEY(toggle, "", "0.5", 0, 1, "share of the bits that change")
static const mb_param p_bus[] = {MB_NODE_KEYS,
                                 MB_KEY(length_m, "m", "1e-3", 1e-7, 1, "length"),
                                 BITS("32"),
                                 TOGGLE,
                                 MB_KEY(slack, "", "0", 0, 10, "delay above the least that smaller repeaters may cost"),
                                 MB_PARAM_END};
static const mb_param p_htree[] = {MB_NODE_KEYS,
                                   MB_COUNT(rows, "", "4", 1, 4096, "leaves, vertically"),
                                   MB_COUNT(columns, "", "4", 1, 4096, "leaves, horizontally"),
                                   MB_KEY(leaf_w_m, "m", "300e-6", 1e-7, 1, "width of a leaf"),
                                   MB_KEY(leaf_h_m, "m", "300e-6", 1e-7, 1, "height of a leaf"),
                                   BITS("64"),
                                   TOGGLE,
                                   MB_PARAM_END};
static const mb_param p_mesh[] = {MB_NODE_KEYS,
                                  MB_COUNT(rows, "", "4", 1, 4096, "routers, vertically"),
                                  MB_COUNT(columns, "", "4", 1, 4096, "routers, horizontally"),
                                  MB_KEY(link_m, "m", "500e-6", 1e-7, 1, "length of a link"),
                                  BITS("32"),
                                  MB_COUNT(depth, "", "4", 1, 256, "flits that an input of a router holds"),
                                  TOGGLE,
                                  MB_PARAM_END};

const mb_component mb_wire_components[] = {
    {"wire", "interconnect", "bus of repeated wires", "one word over the whole length", WIRES, p_bus, bus},
    {"htree", "interconnect", "H-tree of repeated wires", "one word from the root to a leaf", WIRES, p_htree, htree},
    {"mesh", "interconnect", "mesh of routers", "one flit over the mean distance", WIRES "; routers: sum of gates", p_mesh,
     mesh},
    {.name = NULL},
};
