/* component_memory.c - rows of memories; models in sram.h and memory.h. Energy and delay are those of one word. */
#include "cost/component.h"

#include "base/error.h"

#include <math.h>

static void common(mb_component_result *r, const mb_memory *m, double bits, double kib) {
    mb_component_block(r, (mb_block){m->area_m2, m->read_J, m->access_s, m->leakage_W});
    mb_component_fact(r, "write_energy", m->write_J, "J");
    mb_component_fact(r, "read_per_bit", m->read_J / bits, "J");
    mb_component_fact(r, "write_per_bit", m->write_J / bits, "J");
    mb_component_fact(r, "area_per_bit", m->area_m2 / (kib * 8192), "m2");
    if (m->refresh_W > 0) mb_component_fact(r, "refresh", m->refresh_W, "W");
}

static int sram(const mb_component_keys *k, mb_component_result *r) {
    mb_sram s;
    int rc = mb_sram_cost(k->kib, k->width_bits, k->node_nm, &s);
    if (rc) return rc;
    mb_memory m = {s.read_J, s.write_J, s.access_s, s.area_m2, s.leakage_W, 0};
    common(r, &m, k->width_bits, k->kib);
    r->source = mb_sram_source;
    return MB_OK;
}

static int registers(const mb_component_keys *k, mb_component_result *r) {
    mb_process n;
    int rc = mb_component_node(k, &n);
    if (rc) return rc;
    mb_memory m = mb_register_file(&n, k->words, k->bits);
    common(r, &m, k->bits, (double)k->words * k->bits / 8192);
    return MB_OK;
}

static int edram(const mb_component_keys *k, mb_component_result *r) {
    static const char *const name[3] = {"read_low", "read_mid", "read_high"};
    mb_memory m;
    int rc = mb_edram(k->kib, k->width_bits, k->node_nm, (mb_corner)k->corner, k->retention_s, &m);
    if (rc) return rc;
    common(r, &m, k->width_bits, k->kib);
    for (int c = 0; c < 3 && !rc; c++) {
        rc = mb_edram(k->kib, k->width_bits, k->node_nm, (mb_corner)c, k->retention_s, &m);
        mb_component_fact(r, name[c], m.read_J, "J");
    }
    return rc;
}

static int dram(const mb_component_keys *k, mb_component_result *r) {
    static const char *const name[3] = {"per_bit_low", "per_bit_mid", "per_bit_high"};
    const mb_dram *d = &mb_drams[k->dram];
    r->energy_J = d->pJ_per_bit[k->corner] * 1e-12 * k->width_bits;
    r->delay_s = k->width_bits / 8 / d->bytes_per_s;
    for (int c = 0; c < 3; c++) mb_component_fact(r, name[c], d->pJ_per_bit[c] * 1e-12, "J");
    mb_component_fact(r, "bandwidth", d->bytes_per_s, "B/s");
    r->source = d->source;
    return MB_OK;
}

#define CORNER MB_CHOICE(mb_component_keys, corner, MB_CORNERS, "nominal", "which of the three estimates")
#define SIZE \
    MB_KEY(kib, "KiB", "64", 1e-3, 1048576, "capacity"), MB_KEY(width_bits, "bits", "64", 1, 1048576, "bits of one access")
static const mb_param p_sram[] = {MB_KEY(node_nm, "nm", "22", 7, 90, "technology node"), SIZE, MB_PARAM_END};
static const mb_param p_registers[] = {MB_NODE_KEYS, MB_COUNT(words, "", "32", 1, 65536, "words"),
                                       MB_COUNT(bits, "", "32", 1, 4096, "bits of a word"), MB_PARAM_END};
static const mb_param p_edram[] = {MB_KEY(node_nm, "nm", "32", 1, 250, "technology node; 22 to 45 nm"), SIZE, CORNER,
                                   MB_KEY(retention_s, "s", "40e-6", 1e-9, 10, "time between refreshes"), MB_PARAM_END};
static const mb_param p_dram[] = {
    {"type", MB_P_CHOICE, "", "lpddr4", 0, 0, MB_DRAM_NAMES, offsetof(mb_component_keys, dram), "interface"},
    CORNER,
    MB_KEY(width_bits, "bits", "64", 1, 1e12, "bits that are moved"),
    MB_PARAM_END};

const mb_component mb_memory_components[] = {
    {"sram", "memories", "SRAM, interpolated", "one read of a word", "CACTI 7.0", p_sram, sram},
    {"register-file", "memories", "flip-flops with decoders and read multiplexers", "one read of a word",
     "memory.h: sum of gates; devices of Peng et al., IEEE TCAD 40, 2306 (2021)", p_registers, registers},
    {"edram", "memories", "embedded DRAM, with a band", "one read of a word",
     "memory.h: Chen et al. MICRO 2014 (DaDianNao), Shafiee et al. ISCA 2016 (ISAAC), SRAM of CACTI 7.0", p_edram, edram},
    {"dram", "memories", "DRAM interfaces, with a band", "moving width_bits", "memory.h", p_dram, dram},
    {.name = NULL},
};
