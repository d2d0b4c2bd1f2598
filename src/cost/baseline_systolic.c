/* baseline_systolic.c - a systolic array with on-chip buffers, the von Neumann machine beside the crossbars
 *
 * Cycles: cost/systolic.h (exact against SCALE-Sim). Energy: products and sums at the plan's precision, operand registers, buffer
 * accesses of the dataflow, off-chip traffic (cost/platform.h), leakage. Area: array, buffers, digital unit, and `control_area` on top of
 * the logic. Buffers of size 0 are as large as the network needs: activations: largest live set; weights: all of them when resident, else
 * the largest layer; sums: outputs of one column fold at 32 bits.
 * Jouppi et al., ISCA 2017, doi:10.1145/3079856.3080246 (TPU);  Samajdar et al., ISPASS 2020, doi:10.1109/ISPASS48437.2020.00016
 * (SCALE-Sim).
 */
#include <math.h>

#include "base/error.h"
#include "cost/platform.h"
#include "cost/systolic.h"

typedef struct {
    int arrays, rows, cols, dataflow;
    bool double_buffer;
    int datapath;
    double node_nm, vdd_V, clock_Hz;
    int activation_KiB, weight_KiB, sum_KiB;
    int digital_lanes;
    MB_OFFCHIP_FIELDS;
    double leakage_W_per_m2, control_area, digital_factor, calibration;
} systolic_params;

static const mb_param table[] = {
    MB_INT(systolic_params, arrays, "", "1", 1, 65536, "arrays side by side, with common buffers"),
    MB_INT(systolic_params, rows, "", "32", 1, 4096, "rows of multiply-accumulate units"),
    MB_INT(systolic_params, cols, "", "32", 1, 4096, "columns of multiply-accumulate units"),
    MB_CHOICE(systolic_params, dataflow, MB_DATAFLOWS, "os", "what stays in the units: weights, outputs or inputs"),
    MB_FLAG(systolic_params, double_buffer, "false", "the next stationary operand is loaded while the array computes"),
    MB_CHOICE(systolic_params, datapath, MB_DATAPATHS, "scaling",
              "what lower precision gains. fixed: nothing, operands are padded to 8 bits; scaling: energy and storage; doubling: rate, too; "
              "serial: one bit of the inputs per cycle"),
    MB_REAL(systolic_params, node_nm, "nm", "0.0", 0, 90, "technology node; 0: that of the crossbar machine"),
    MB_REAL(systolic_params, vdd_V, "V", "0.8", 0.3, 2.5, "supply of the logic"),
    MB_REAL(systolic_params, clock_Hz, "Hz", "500e6", 1e5, 1e10, "clock"),
    MB_INT(systolic_params, activation_KiB, "KiB", "0", 0, 1048576, "activation buffer; 0: as large as the network needs"),
    MB_INT(systolic_params, weight_KiB, "KiB", "0", 0, 1048576, "weight buffer; 0: as large as the network needs"),
    MB_INT(systolic_params, sum_KiB, "KiB", "0", 0, 1048576, "buffer of partial sums; 0: as large as the network needs"),
    MB_INT(systolic_params, digital_lanes, "", "64", 1, 65536, "operations per cycle of the digital unit"),
    MB_OFFCHIP_ROWS(systolic_params, "same", "1"),
    MB_REAL(systolic_params, leakage_W_per_m2, "W/m2", "28.0", 0, 1e7, "leakage of logic area"),
    MB_REAL(systolic_params, control_area, "", "0.15", 0, 10, "control and routing, as a share of the logic area"),
    MB_REAL(systolic_params, digital_factor, "", "1.0", 0, 1000, "calibration: multiplies the energy of digital logic"),
    MB_CALIBRATION_ROW(systolic_params),
    MB_PARAM_END,
};

static const char given[] = "given by the baseline";

static int check(const void *params) {
    return mb_platform_node(((const systolic_params *)params)->node_nm);
}

typedef struct machine {
    mb_systolic array;
    mb_buffer act, weights, sums;
    mb_digital unit;
    double control_area;
} machine;

static int width(const void *own, int bits) {
    return mb_systolic_width(&((const machine *)own)->array, bits);
}

/* Partial sums that are alive while one fold of the columns runs, of the layer with the most, bits. */
static double sum_bits(const systolic_params *p, const mb_baseline_case *c, int cols) {
    double most = 0;
    for (int i = 0; i < c->net->n_weighted; i++) {
        mb_matmul mm = mb_layer_matmul(&c->net->layer[c->net->weighted[i]]);
        double px = (double)mm.vectors * mb_case_batch(c);
        most = fmax(most, p->dataflow == MB_WEIGHT_STATIONARY ? 32.0 * px * fmin(mm.N, cols) : 32.0 * mm.N * fmin(px, cols));
    }
    return most;
}

static int build(const systolic_params *p, const mb_baseline_case *c, const mb_survey *s, machine *m, mb_platform *f) {
    double node = m->array.tech.node_nm, wanted = p->arrays * mb_case_scale(c);
    m->array.arrays = wanted < 2 ? 1 : mb_scaled_count(1, floor(wanted)); /* whole arrays, the rest of the scale makes them larger or smaller */
    double side = sqrt(wanted / m->array.arrays);
    m->array.rows = mb_scaled_count(p->rows, side);
    m->array.cols = mb_scaled_count(p->cols, side);
    f->activation_bits = mb_platform_activation_bits(c, s, p->activation_KiB);
    f->weight_bits = mb_platform_weight_bits(c, s, p->weight_KiB);
    int rc;
    if ((rc = mb_buffer_init(&m->act, "activation buffer", f->activation_bits / 8192, 8.0 * m->array.rows, node)) ||
        (rc = mb_buffer_init(&m->weights, "weight buffer", f->weight_bits / 8192, 8.0 * m->array.cols, node)))
        return rc;
    m->array.inputs = m->array.outputs = &m->act;
    m->array.weights = &m->weights;
    if (p->dataflow != MB_OUTPUT_STATIONARY) {
        double kib = p->sum_KiB ? p->sum_KiB : fmax(1, ceil(sum_bits(p, c, m->array.cols) / 8192));
        if ((rc = mb_buffer_init(&m->sums, "sum buffer", kib, 32.0 * m->array.cols, node))) return rc;
        m->array.sums = &m->sums;
    }
    m->unit = (mb_digital){m->array.tech, mb_scaled_count(p->digital_lanes, mb_case_scale(c)), p->clock_Hz, &m->act};
    return MB_OK;
}

static void layer(const mb_platform *f, mb_ledger *b, const mb_work *w, double *seconds) {
    const machine *m = f->own;
    mb_systolic array = m->array;
    if (w->product) array.weights = array.inputs; /* both operands are activations */
    mb_systolic_layer(b, &array, w->mm.groups, w->mm.vectors, w->mm.K, w->mm.N, w->weight_bits, w->input_bits, w->out_bits, seconds);
}

static void shared(const mb_platform *f, mb_ledger *b) {
    const machine *m = f->own;
    double array = mb_systolic_area(&m->array, 8, 8), unit = mb_digital_area(&m->unit);
    mb_ledger_logic(b, "multiply-accumulate", "array", 0, 1, (mb_cost){0, 0, array}, mb_unit_source, 1);
    mb_ledger_logic(b, "digital unit", "lanes", 0, 1, (mb_cost){0, 0, unit}, mb_unit_source, 1);
    mb_ledger_logic(b, "control", "control and routing", 0, 1, (mb_cost){0, 0, m->control_area * (array + unit)}, given, 1);
    mb_platform_memory(b, &m->act, 1);
    mb_platform_memory(b, &m->weights, 1);
    if (m->array.sums) mb_platform_memory(b, &m->sums, 1);
}

static int evaluate(const void *params, const mb_baseline_case *c, mb_report **report, mb_metrics *metrics) {
    const systolic_params *p = params;
    machine m = {.control_area = p->control_area,
                 .array = {.dataflow = p->dataflow, .double_buffer = p->double_buffer, .datapath = p->datapath, .clock_Hz = p->clock_Hz,
                           .batch = c->batch}};
    mb_survey s = {0};
    mb_platform f = {.name = "systolic", .own = &m, .width = width, .layer = layer, .shared = shared, .unit = &m.unit, .activations = &m.act,
                     .weights = &m.weights, .leakage_W_per_m2 = p->leakage_W_per_m2, .calibration = p->calibration};
    f.off = mb_offchip_of(p->dram, p->corner, p->dram_interfaces, p->dram_J_per_bit, p->dram_B_per_s, c);
    int rc = mb_tech_init(&m.array.tech, p->node_nm > 0 ? p->node_nm : c->node_nm, p->vdd_V, p->digital_factor);
    if (!rc) rc = mb_platform_survey(c, width, &m, &s);
    if (!rc) rc = build(p, c, &s, &m, &f);
    if (!rc) rc = mb_platform_run(&f, c, &s, report, metrics);
    mb_survey_free(&s);
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
