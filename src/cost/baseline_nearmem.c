/* baseline_nearmem.c - near-memory digital design: many cores, each with its memory beside a vector-matrix unit (in the manner of
 * NorthPole)
 *
 * A core multiplies `inputs` numbers of 8 bits with `inputs` x `outputs` weights per cycle; at 4 and 2 bits it takes 2 and 4 times as many
 * inputs, at the width of the wider operand (a 5-bit layer runs as 8 bits). Blocks of a layer are spread over the cores:
 *     blocks  = vectors of the batch x groups x ceil(K / (inputs x 8 / width)) x ceil(N / outputs)
 *     time    = ceil(blocks / cores) / (clock x efficiency)
 * Energy: products and an adder tree; a register per sum and block; weights from the core's memory once per `weight_reuse` vectors;
 * inputs once per block of outputs, outputs once, through the core's memory; `noc_J_per_bit` for each output that goes to other cores.
 * All memory lies in the cores: memory_KiB each, 0: what the network needs. Off-chip memory only for weights that do not fit.
 * Modha et al., Science 382, 329 (2023), doi:10.1126/science.adh1174.
 */
#include <math.h>

#include "base/error.h"
#include "cost/platform.h"

typedef struct {
    int cores, inputs, outputs;
    double node_nm, vdd_V, clock_Hz, efficiency;
    int memory_KiB, buffer_KiB, weight_reuse, digital_lanes;
    double noc_J_per_bit;
    MB_OFFCHIP_FIELDS;
    double leakage_W_per_m2, control_area, digital_factor, calibration;
} nearmem_params;

static const mb_param table[] = {
    MB_INT(nearmem_params, cores, "", "256", 1, 65536, "cores"),
    MB_INT(nearmem_params, inputs, "", "32", 1, 4096, "inputs of a core's vector-matrix unit per cycle, at 8 bits"),
    MB_INT(nearmem_params, outputs, "", "32", 1, 4096, "outputs of a core's vector-matrix unit per cycle"),
    MB_REAL(nearmem_params, node_nm, "nm", "0.0", 0, 90, "technology node; 0: that of the crossbar machine"),
    MB_REAL(nearmem_params, vdd_V, "V", "0.8", 0.3, 2.5, "supply of the logic"),
    MB_REAL(nearmem_params, clock_Hz, "Hz", "400e6", 1e5, 1e10, "clock"),
    MB_REAL(nearmem_params, efficiency, "", "1.0", 0.01, 1, "share of the cycles in which a busy core computes"),
    MB_INT(nearmem_params, memory_KiB, "KiB", "0", 0, 1048576, "memory of a core for weights; 0: as large as the network needs"),
    MB_INT(nearmem_params, buffer_KiB, "KiB", "0", 0, 1048576, "memory of a core for activations; 0: as large as the network needs"),
    MB_INT(nearmem_params, weight_reuse, "", "16", 1, 65536, "vectors that use a block of weights once it was read"),
    MB_INT(nearmem_params, digital_lanes, "", "4096", 1, 1048576, "operations per cycle of all vector units"),
    MB_REAL(nearmem_params, noc_J_per_bit, "J/bit", "0.2e-12", 0, 1e-6, "moving a bit of an output to the cores that need it"),
    MB_OFFCHIP_ROWS(nearmem_params, "same", "1"),
    MB_REAL(nearmem_params, leakage_W_per_m2, "W/m2", "28.0", 0, 1e7, "leakage of logic area"),
    MB_REAL(nearmem_params, control_area, "", "0.15", 0, 10, "control and routing, as a share of the logic area"),
    MB_REAL(nearmem_params, digital_factor, "", "1.0", 0, 1000, "calibration: multiplies the energy of digital logic"),
    MB_CALIBRATION_ROW(nearmem_params),
    MB_PARAM_END,
};

static const char given[] = "given by the baseline";

typedef struct machine {
    const nearmem_params *p;
    int cores;
    mb_tech tech;
    mb_buffer act, weights; /* of one core */
    mb_digital unit;
} machine;

static int width(const void *own, int bits) {
    (void)own;
    return bits <= 2 ? 2 : bits <= 4 ? 4 : 8;
}

static int build(const mb_baseline_case *c, const mb_survey *s, machine *m, mb_platform *f) {
    const nearmem_params *p = m->p;
    m->cores = mb_scaled_count(p->cores, mb_case_scale(c));
    /* the memories of the file belong to its cores: more cores, more memory */
    double mem = (double)p->memory_KiB * m->cores, buf = (double)p->buffer_KiB * m->cores;
    f->activation_bits = p->buffer_KiB ? 8192 * buf : mb_platform_activation_bits(c, s, 0);
    f->weight_bits = p->memory_KiB && !(c->capacity_bits > 0) ? 8192 * mem : mb_platform_weight_bits(c, s, 0);
    int rc = mb_buffer_init(&m->act, "core buffers", f->activation_bits / 8192 / m->cores, 8.0 * p->inputs, m->tech.node_nm);
    if (!rc) rc = mb_buffer_init(&m->weights, "core memories", f->weight_bits / 8192 / m->cores, 8.0 * p->inputs, m->tech.node_nm);
    m->unit = (mb_digital){m->tech, mb_scaled_count(p->digital_lanes, mb_case_scale(c)), p->clock_Hz, &m->act};
    return rc;
}

static void layer(const mb_platform *f, mb_ledger *b, const mb_work *w, double *seconds) {
    const machine *m = f->own;
    const nearmem_params *p = m->p;
    const mb_matmul *mm = &w->mm;
    int widest = w->weight_bits > w->input_bits ? w->weight_bits : w->input_bits, sum = mb_sum_bits(w->weight_bits, w->input_bits, mm->K);
    double B = w->batch, vectors = (double)mm->vectors * mm->groups, macs = vectors * mm->K * mm->N, outputs = vectors * mm->N;
    double along = ceil(mm->K / (p->inputs * 8.0 / widest)), across = ceil((double)mm->N / p->outputs);
    double time = ceil(vectors * B * along * across / m->cores) / (p->clock_Hz * p->efficiency) / B;
    mb_cost mac = mb_cost_sum(mb_unit_multiply(&m->tech, w->weight_bits, w->input_bits), mb_unit_add(&m->tech, sum));
    mac.latency_s = time / macs;
    mb_ledger_add(b, "multiply-accumulate", "product and sum", macs, 0, mac, mb_unit_source, m->tech.factor);
    mb_ledger_add(b, "registers", "sums", outputs * along, 0, mb_unit_register(&m->tech, sum), mb_register_source, m->tech.factor);
    const mb_buffer *second = w->product ? &m->act : &m->weights;
    double loads = mm->groups * ceil(mm->vectors * B / p->weight_reuse) / B;
    mb_ledger_add(b, second->name, "read weights", loads * mm->K * mm->N * w->weight_bits, 0, (mb_cost){second->read_J_per_bit, 0, 0},
                  mb_sram_source, 1);
    mb_ledger_add(b, m->act.name, "read inputs", vectors * mm->K * across * w->input_bits, 0, (mb_cost){m->act.read_J_per_bit, 0, 0},
                  mb_sram_source, 1);
    mb_ledger_add(b, m->act.name, "write outputs", outputs * w->out_bits, 0, (mb_cost){m->act.write_J_per_bit, 0, 0}, mb_sram_source, 1);
    mb_ledger_add(b, "interconnect", "to other cores", outputs * w->out_bits, 0, (mb_cost){p->noc_J_per_bit, 0, 0}, given, 1);
    *seconds = time;
}

static void shared(const mb_platform *f, mb_ledger *b) {
    const machine *m = f->own;
    double units = (double)m->p->inputs * m->p->outputs, lanes = mb_digital_area(&m->unit);
    double one = units * (mb_unit_multiply(&m->tech, 8, 8).area_m2 + mb_unit_add(&m->tech, 32).area_m2 + mb_unit_register(&m->tech, 8).area_m2) +
                 m->p->outputs * mb_unit_register(&m->tech, 32).area_m2;
    mb_ledger_logic(b, "multiply-accumulate", "vector-matrix units", 0, m->cores, (mb_cost){0, 0, one}, mb_unit_source, 1);
    mb_ledger_logic(b, "digital unit", "lanes", 0, 1, (mb_cost){0, 0, lanes}, mb_unit_source, 1);
    mb_ledger_logic(b, "control", "control and routing", 0, 1, (mb_cost){0, 0, m->p->control_area * (m->cores * one + lanes)}, given, 1);
    mb_platform_memory(b, &m->act, m->cores);
    mb_platform_memory(b, &m->weights, m->cores);
}

static int evaluate(const void *params, const mb_baseline_case *c, mb_report **report, mb_metrics *metrics) {
    const nearmem_params *p = params;
    machine m = {.p = p};
    mb_survey s = {0};
    mb_platform f = {.name = "nearmem", .own = &m, .width = width, .layer = layer, .shared = shared, .unit = &m.unit, .activations = &m.act,
                     .weights = &m.weights, .leakage_W_per_m2 = p->leakage_W_per_m2, .calibration = p->calibration};
    f.off = mb_offchip_of(p->dram, p->corner, p->dram_interfaces, p->dram_J_per_bit, p->dram_B_per_s, c);
    int rc = mb_tech_init(&m.tech, p->node_nm > 0 ? p->node_nm : c->node_nm, p->vdd_V, p->digital_factor);
    if (!rc) rc = mb_platform_survey(c, width, &m, &s);
    if (!rc) rc = build(c, &s, &m, &f);
    if (!rc) rc = mb_platform_run(&f, c, &s, report, metrics);
    mb_survey_free(&s);
    return rc;
}

static int check(const void *params) {
    return mb_platform_node(((const nearmem_params *)params)->node_nm);
}

const mb_baseline_type mb_baseline_nearmem = {
    .name = "nearmem",
    .summary = "near-memory digital cores with rates that double at 4 and 2 bits",
    .reference = "Modha et al., Science 382, 329 (2023), doi:10.1126/science.adh1174",
    .params = table,
    .size = sizeof(nearmem_params),
    .check = check,
    .evaluate = evaluate,
};
