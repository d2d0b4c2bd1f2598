/* baseline_systolic.c - a systolic array with on-chip buffers, the von Neumann machine beside the crossbars
 *
 * Cycles: cost/systolic.h (exact against SCALE-Sim). Energy: products and sums at the plan's precision, operand registers, buffer
 * accesses of the dataflow, DRAM only when weights are not resident, leakage. Area: array, buffers, digital unit, and
 * `control_area` on top of the logic. Layers without weights, bias and rescaling run on a digital unit whose unit costs are those
 * of the crossbar machine (cost/digital.h). Buffers of size 0 are as large as the network needs:
 *     activations: largest live set;  weights: all of them when resident, else the largest layer;  sums: outputs of one column
 *     fold at 32 bits.
 * Jouppi et al., ISCA 2017, doi:10.1145/3079856.3080246 (TPU);  Samajdar et al., ISPASS 2020, doi:10.1109/ISPASS48437.2020.00016
 * (SCALE-Sim).
 */
#include <math.h>

#include "base/error.h"
#include "base/mem.h"
#include "cost/baseline.h"
#include "cost/digital.h"
#include "cost/systolic.h"
#include "nn/op.h"

typedef struct {
    int rows, cols, dataflow;
    bool double_buffer;
    int datapath;
    double node_nm, vdd_V, clock_Hz;
    int activation_KiB, weight_KiB, sum_KiB;
    int digital_lanes;
    double dram_J_per_bit, dram_B_per_s, leakage_W_per_m2, control_area, digital_factor;
} systolic_params;

static const mb_param table[] = {
    MB_INT(systolic_params, rows, "", "32", 1, 4096, "rows of multiply-accumulate units"),
    MB_INT(systolic_params, cols, "", "32", 1, 4096, "columns of multiply-accumulate units"),
    MB_CHOICE(systolic_params, dataflow, MB_DATAFLOWS, "os", "what stays in the units: weights, outputs or inputs"),
    MB_FLAG(systolic_params, double_buffer, "false", "the next stationary operand is loaded while the array computes"),
    MB_CHOICE(systolic_params, datapath, MB_DATAPATHS, "scaling",
              "fixed: operands padded to 8 bits; scaling: energy and storage follow the bits"),
    MB_REAL(systolic_params, node_nm, "nm", "0.0", 0, 90, "technology node; 0: that of the crossbar machine"),
    MB_REAL(systolic_params, vdd_V, "V", "0.8", 0.3, 2.5, "supply of the logic"),
    MB_REAL(systolic_params, clock_Hz, "Hz", "500e6", 1e5, 1e10, "clock"),
    MB_INT(systolic_params, activation_KiB, "KiB", "0", 0, 1048576, "activation buffer; 0: as large as the network needs"),
    MB_INT(systolic_params, weight_KiB, "KiB", "0", 0, 1048576, "weight buffer; 0: as large as the network needs"),
    MB_INT(systolic_params, sum_KiB, "KiB", "0", 0, 1048576, "buffer of partial sums; 0: as large as the network needs"),
    MB_INT(systolic_params, digital_lanes, "", "64", 1, 65536, "operations per cycle of the digital unit"),
    MB_REAL(systolic_params, dram_J_per_bit, "J/bit", "8e-12", 0, 1e-6,
            "off-chip memory, used when weights are not resident (LPDDR4: 4 to 11 pJ/bit)"),
    MB_REAL(systolic_params, dram_B_per_s, "B/s", "12.8e9", 1, 1e15, "its bandwidth (LPDDR4-3200, 32 bits)"),
    MB_REAL(systolic_params, leakage_W_per_m2, "W/m2", "28.0", 0, 1e7, "leakage of logic area"),
    MB_REAL(systolic_params, control_area, "", "0.15", 0, 10, "control and routing, as a share of the logic area"),
    MB_REAL(systolic_params, digital_factor, "", "1.0", 0, 1000, "calibration: multiplies the energy of digital logic"),
    MB_PARAM_END,
};

static const char dram_source[] = "off-chip memory, energy per bit given by the baseline";
static const char given[] = "given by the baseline";

static int check(const void *params) {
    const systolic_params *p = params;
    if (p->node_nm > 0 && p->node_nm < MB_TECH_MIN_NM)
        return mb_fail(MB_BADINPUT, "node_nm = %g: the models cover %g to 90 nm; 0 takes the node of the crossbar machine",
                       p->node_nm, MB_TECH_MIN_NM);
    return MB_OK;
}

typedef struct machine {
    mb_systolic array;
    mb_buffer act, weights, sums;
    mb_digital unit;
    double weight_bits; /* stored, after padding */
    double node_nm;
} machine;

static double larger(double a, double b) {
    return a > b ? a : b;
}

/* Size in KiB: what the file says, or what is needed, at least 1. */
static double size_of(int given_KiB, double bits) {
    return given_KiB ? given_KiB : larger(1, ceil(bits / 8192));
}

static int build(const systolic_params *p, const mb_baseline_case *c, const int *bits, int *scratch, machine *m) {
    double largest = 0, sums = 0, peak = mb_activation_peak(c->net, bits, scratch);
    m->node_nm = p->node_nm > 0 ? p->node_nm : c->node_nm;
    m->weight_bits = 0;
    m->array = (mb_systolic){.rows = p->rows,
                             .cols = p->cols,
                             .dataflow = p->dataflow,
                             .double_buffer = p->double_buffer,
                             .datapath = p->datapath,
                             .clock_Hz = p->clock_Hz};
    int rc = mb_tech_init(&m->array.tech, m->node_nm, p->vdd_V, p->digital_factor);
    if (rc) return rc;
    for (int i = 0; i < c->net->n_weighted; i++) {
        mb_matmul mm = mb_layer_matmul(&c->net->layer[c->net->weighted[i]]);
        double w = (double)mm.groups * mm.K * mm.N * mb_systolic_width(&m->array, c->plan->assign[i].weight_bits);
        m->weight_bits += w;
        largest = larger(largest, w);
        sums = larger(sums, p->dataflow == MB_WEIGHT_STATIONARY ? 32.0 * mm.vectors * (mm.N < p->cols ? mm.N : p->cols)
                                                                : 32.0 * mm.N * (mm.vectors < p->cols ? mm.vectors : p->cols));
    }
    double need = c->weights_resident ? m->weight_bits : largest;
    if (p->activation_KiB && peak > 8192.0 * p->activation_KiB)
        return mb_fail(MB_NUMERIC,
                       "the network keeps up to %.1f KiB of activations, but activation_KiB = %d; raise it or set it to 0",
                       peak / 8192, p->activation_KiB);
    if (p->weight_KiB && need > 8192.0 * p->weight_KiB)
        return mb_fail(MB_NUMERIC, "the weights %s take %.1f KiB, but weight_KiB = %d; raise it or set it to 0",
                       c->weights_resident ? "of the network" : "of the largest layer", need / 8192, p->weight_KiB);
    if ((rc = mb_buffer_init(&m->act, "activation buffer", size_of(p->activation_KiB, peak), 8.0 * p->rows, m->node_nm)) ||
        (rc = mb_buffer_init(&m->weights, "weight buffer", size_of(p->weight_KiB, need), 8.0 * p->cols, m->node_nm)))
        return rc;
    m->array.inputs = m->array.outputs = &m->act;
    m->array.weights = &m->weights;
    if (p->dataflow != MB_OUTPUT_STATIONARY) {
        if ((rc = mb_buffer_init(&m->sums, "sum buffer", size_of(p->sum_KiB, sums), 32.0 * p->cols, m->node_nm))) return rc;
        m->array.sums = &m->sums;
    }
    m->unit = (mb_digital){m->array.tech, p->digital_lanes, p->clock_Hz, &m->act};
    return MB_OK;
}

static void add_memory(mb_ledger *b, const mb_buffer *m) {
    b->leakage_W += m->sram.leakage_W;
    mb_ledger_add(b, m->name, "memory", 0, 1, (mb_cost){0, 0, m->sram.area_m2}, mb_sram_source, 1);
}

static void shared(mb_ledger *b, const systolic_params *p, const machine *m) {
    double array = mb_systolic_area(&m->array, 8, 8), unit = mb_digital_area(&m->unit);
    mb_ledger_open(b, "shared");
    mb_ledger_logic(b, "multiply-accumulate", "array", 0, 1, (mb_cost){0, 0, array}, mb_unit_source, 1);
    mb_ledger_logic(b, "digital unit", "lanes", 0, 1, (mb_cost){0, 0, unit}, mb_unit_source, 1);
    mb_ledger_logic(b, "control", "control and routing", 0, 1, (mb_cost){0, 0, p->control_area * (array + unit)}, given, 1);
    add_memory(b, &m->act);
    add_memory(b, &m->weights);
    if (m->array.sums) add_memory(b, &m->sums);
    mb_ledger_add(b, "leakage", "while the sample is computed", b->total.latency_s, 0,
                  (mb_cost){b->logic_m2 * p->leakage_W_per_m2 + b->leakage_W, 0, 0}, given, 1);
    mb_ledger_close(b);
}

static int evaluate(const void *params, const mb_baseline_case *c, mb_report **report, mb_metrics *metrics) {
    const systolic_params *p = params;
    const mb_network *net = c->net;
    machine m = {0};
    mb_ledger book;
    mb_cost total;
    double model_bits = 0;
    if (c->plan->n != net->n_weighted)
        return mb_fail(MB_BADINPUT, "the plan has %d layers, the network %d weighted ones", c->plan->n, net->n_weighted);
    int *work = mb_malloc(2 * (size_t)net->n_layers, sizeof *work);
    if (!work) return mb_nomem();
    int *bits = work + net->n_layers;
    mb_activation_bits(net, c->plan, bits);
    for (int i = 0; i < net->n_layers && p->datapath == MB_FIXED_DATAPATH; i++)
        if (bits[i] && bits[i] < 8) bits[i] = 8; /* a fixed datapath stores what it computes with */
    mb_ledger_init(&book, "systolic", report != NULL);
    int rc = build(p, c, bits, work, &m);
    for (int i = 0, w = 0; !rc && i < net->n_layers; i++) {
        const mb_layer *l = &net->layer[i];
        if (w < net->n_weighted && net->weighted[w] == i) {
            const mb_assign *a = &c->plan->assign[w++];
            mb_matmul mm = mb_layer_matmul(l);
            int bw = mb_systolic_width(&m.array, a->weight_bits), ba = mb_systolic_width(&m.array, a->input_bits);
            double seconds, stored = (double)mm.groups * mm.K * mm.N * bw;
            mb_ledger_open(&book, l->name);
            mb_systolic_layer(&book, &m.array, mm.groups, mm.vectors, mm.K, mm.N, a->weight_bits, a->input_bits, bits[i],
                              &seconds);
            mb_digital_rescale(&book, &m.unit, (double)mm.vectors * mm.groups * mm.N, mb_sum_bits(bw, ba, mm.K));
            if (!c->weights_resident) {
                double wait = stored / 8 / p->dram_B_per_s - seconds;
                mb_ledger_add(&book, "dram", "fetch weights", stored, 0,
                              (mb_cost){p->dram_J_per_bit, wait > 0 ? wait / stored : 0, 0}, dram_source, 1);
                mb_ledger_add(&book, "weight buffer", "fill", stored, 0, (mb_cost){m.weights.write_J_per_bit, 0, 0},
                              mb_sram_source, 1);
            }
            mb_ledger_close(&book);
            model_bits += (double)mm.groups * mm.K * mm.N * a->weight_bits;
        } else if (mb_layer_product(l)) {
            mb_matmul mm = mb_layer_matmul(l);
            mb_ledger_open(&book, l->name);
            mb_systolic_product(&book, &m.array, l, bits, bits[i], NULL);
            mb_digital_rescale(&book, &m.unit, (double)mm.vectors * mm.groups * mm.N, mb_sum_bits(bits[l->in[1]], bits[l->in[0]], mm.K));
            mb_ledger_close(&book);
        } else if (mb_digital_works(net, l)) {
            mb_ledger_open(&book, l->name);
            mb_digital_layer(&book, &m.unit, net, l, bits, bits[i]);
            mb_ledger_close(&book);
        }
    }
    if (!rc) {
        shared(&book, p, &m);
        rc = mb_ledger_end(&book, &total, report);
    } else {
        mb_ledger_drop(&book);
    }
    if (!rc) *metrics = (mb_metrics){total.energy_J, total.latency_s, total.area_m2, 0, model_bits};
    mb_free(work);
    return rc;
}

const mb_baseline_type mb_baseline_systolic = {
    .name = "systolic",
    .summary = "systolic array of multiply-accumulate units with SRAM buffers",
    .reference =
        "Jouppi et al., ISCA 2017, doi:10.1145/3079856.3080246; Samajdar et al., ISPASS 2020, doi:10.1109/ISPASS48437.2020.00016",
    .params = table,
    .size = sizeof(systolic_params),
    .check = check,
    .evaluate = evaluate,
};
