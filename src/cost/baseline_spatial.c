/* baseline_spatial.c - a spatial array of multiply-accumulate units with register files, row stationary (in the manner of Eyeriss)
 *
 * A unit keeps a row of a filter and slides it along a row of the image; kernel_h units above each other make one row of outputs, the
 * columns of the array hold further rows of outputs. With H x W units, a kernel of kh x kw, E rows of outputs of a batch (a fully connected
 * layer: its vectors):
 *     set         min(kh, H) x strip units, strip = E / ceil(E / W) (E >= W) or E
 *     sets        floor(H / min(kh, H)) x max(1, floor(W / E)), at most channels x filters: busy units = sets x set
 *     time        multiply-accumulates / (busy units x efficiency x clock), kh > H: in ceil(kh / H) turns
 *     p, q        filters and channels that one unit interleaves: p <= sum words, p q kw <= filter words, q kw <= input words
 *     r, t        sets that share a row's channels (their sums add up) and those that take other filters
 *     passes      channels / (q r) and filters / (p t), rounded up
 * Accesses: per product one read of the unit's input, filter and sum and one write of the sum; buffer reads of inputs once per pass of
 * filters, of filters once per strip; sums go to the buffer and back between passes of channels; between units a sum hops kh r - 1 times
 * per pass. A hop costs `hop_ratio` reads of the sum register file.
 * The datapath is fixed: narrower operands are padded to datapath_bits. Left out: run-length coding, gating of zeros, clock tree.
 * Chen, Emer and Sze, ISCA 2016, doi:10.1109/ISCA.2016.40 (dataflow); Chen et al., IEEE JSSC 52, 127 (2017),
 * doi:10.1109/JSSC.2016.2616357 (chip).
 */
#include <math.h>

#include "base/error.h"
#include "cost/platform.h"

typedef struct {
    int rows, cols, datapath_bits, input_words, filter_words, sum_words;
    double node_nm, vdd_V, clock_Hz, efficiency;
    int activation_KiB, weight_KiB, bus_bits, digital_lanes;
    double hop_ratio;
    MB_OFFCHIP_FIELDS;
    double leakage_W_per_m2, control_area, digital_factor, calibration;
} spatial_params;

static const mb_param table[] = {
    MB_INT(spatial_params, rows, "", "12", 1, 1024, "rows of multiply-accumulate units"),
    MB_INT(spatial_params, cols, "", "14", 1, 1024, "columns of multiply-accumulate units"),
    MB_INT(spatial_params, datapath_bits, "bit", "16", 8, 16, "operands are padded to this width"),
    MB_INT(spatial_params, input_words, "", "12", 1, 65536, "register file of a unit: words of inputs"),
    MB_INT(spatial_params, filter_words, "", "224", 1, 65536, "register file of a unit: words of filters"),
    MB_INT(spatial_params, sum_words, "", "24", 1, 65536, "register file of a unit: words of partial sums"),
    MB_REAL(spatial_params, node_nm, "nm", "0.0", 0, 90, "technology node; 0: that of the crossbar machine"),
    MB_REAL(spatial_params, vdd_V, "V", "0.8", 0.3, 2.5, "supply of the logic"),
    MB_REAL(spatial_params, clock_Hz, "Hz", "200e6", 1e5, 1e10, "clock"),
    MB_REAL(spatial_params, efficiency, "", "1.0", 0.01, 1, "share of the cycles in which a busy unit works"),
    MB_INT(spatial_params, activation_KiB, "KiB", "0", 0, 1048576, "global buffer; 0: as large as the network needs"),
    MB_INT(spatial_params, weight_KiB, "KiB", "0", 0, 1048576, "weight buffer; 0: as large as the network needs"),
    MB_INT(spatial_params, bus_bits, "bit", "64", 8, 65536, "width of the buffers' ports"),
    MB_INT(spatial_params, digital_lanes, "", "64", 1, 65536, "operations per cycle of the digital unit"),
    MB_REAL(spatial_params, hop_ratio, "", "2.0", 0, 100, "a transfer between units, in reads of the sum register file"),
    MB_OFFCHIP_ROWS(spatial_params, "same", "1"),
    MB_REAL(spatial_params, leakage_W_per_m2, "W/m2", "28.0", 0, 1e7, "leakage of logic area"),
    MB_REAL(spatial_params, control_area, "", "0.15", 0, 10, "control and routing, as a share of the logic area"),
    MB_REAL(spatial_params, digital_factor, "", "1.0", 0, 1000, "calibration: multiplies the energy of digital logic"),
    MB_CALIBRATION_ROW(spatial_params),
    MB_PARAM_END,
};

static const char given[] = "given by the baseline";
static const char hop_source[] = "hop_ratio x read of the sum register file";

typedef struct machine {
    const spatial_params *p;
    int rows, cols;
    mb_tech tech;
    mb_buffer act, weights, inputs, filters, sums; /* the last three: of one unit */
    mb_digital unit;
} machine;

static int width(const void *own, int bits) {
    int least = ((const machine *)own)->p->datapath_bits;
    return bits < least ? least : bits;
}

static int build(const mb_baseline_case *c, const mb_survey *s, machine *m, mb_platform *f) {
    const spatial_params *p = m->p;
    double side = sqrt(mb_case_scale(c)), node = m->tech.node_nm, word = p->datapath_bits;
    m->rows = mb_scaled_count(p->rows, side);
    m->cols = mb_scaled_count(p->cols, side);
    f->activation_bits = mb_platform_activation_bits(c, s, p->activation_KiB);
    f->weight_bits = mb_platform_weight_bits(c, s, p->weight_KiB);
    int rc;
    if ((rc = mb_buffer_init(&m->act, "global buffer", f->activation_bits / 8192, p->bus_bits, node)) ||
        (rc = mb_buffer_init(&m->weights, "weight buffer", f->weight_bits / 8192, p->bus_bits, node)) ||
        (rc = mb_buffer_init(&m->inputs, "register files", p->input_words * word / 8192, word, node)) ||
        (rc = mb_buffer_init(&m->filters, "register files", p->filter_words * word / 8192, word, node)) ||
        (rc = mb_buffer_init(&m->sums, "register files", p->sum_words * 2 * word / 8192, 2 * word, node)))
        return rc;
    m->unit = (mb_digital){m->tech, mb_scaled_count(p->digital_lanes, mb_case_scale(c)), p->clock_Hz, &m->act};
    return MB_OK;
}

/* How a layer lies on the array (head of this file). */
typedef struct mapping { double busy, turns, strips, channel_passes, filter_passes, hops, kh; } mapping;

static double at_least_1(double x) {
    return x < 1 ? 1 : x;
}

static mapping map_layer(const machine *m, const mb_work *w, double channels, double kh, double kw, double E) {
    const spatial_params *p = m->p;
    double N = w->mm.N, H = m->rows, W = m->cols, set = fmin(kh, H);
    mapping g = {.kh = kh, .turns = ceil(kh / H), .strips = ceil(E / W)};
    double strip = E / g.strips, down = floor(H / set), across = at_least_1(floor(W / E));
    double q, filters = fmin(N, p->sum_words);
    filters = at_least_1(fmin(filters, floor(p->filter_words / kw)));
    q = at_least_1(fmin(channels, fmin(floor(p->filter_words / (filters * kw)), floor(p->input_words / kw))));
    double r = fmin(down, ceil(channels / q)), t = at_least_1(floor(down * across / r));
    t = fmin(t, ceil(N / filters)); /* more sets than filters stay idle unless channels remain */
    double sets = fmin(down * across, channels * N);
    g.busy = set * strip * sets;
    g.channel_passes = ceil(channels / (q * r));
    g.filter_passes = ceil(N / (filters * t));
    g.hops = kh * r - 1;
    return g;
}

static void layer(const mb_platform *f, mb_ledger *b, const mb_work *w, double *seconds) {
    const machine *m = f->own;
    const spatial_params *p = m->p;
    const mb_matmul *mm = &w->mm;
    bool dense = w->product || w->win->kh * w->win->kw == 1;
    double kh = dense ? 1 : w->win->kh, kw = dense ? 1 : w->win->kw, channels = mm->K / (kh * kw), B = w->batch;
    double rows = (w->product || w->win->ow == 1 ? mm->vectors : w->win->oh) * B;
    mapping g = map_layer(m, w, channels, kh, kw, rows);
    double vectors = (double)mm->vectors * mm->groups, macs = vectors * mm->K * mm->N;
    double image = dense ? vectors * mm->K : (double)w->win->cin * w->win->ih * w->win->iw;
    double outputs = vectors * mm->N, filters = (double)mm->groups * mm->K * mm->N / B;
    int sum = mb_sum_bits(w->weight_bits, w->input_bits, mm->K);
    double time = macs * (g.turns * fmin(kh, m->rows) / kh) / (g.busy * p->efficiency * p->clock_Hz);
    mb_cost mac = mb_cost_sum(mb_unit_multiply(&m->tech, w->weight_bits, w->input_bits), mb_unit_add(&m->tech, sum));
    mac.latency_s = time / macs;
    mb_ledger_add(b, "multiply-accumulate", "product and sum", macs, 0, mac, mb_unit_source, m->tech.factor);
    mb_ledger_add(b, "register files", "read inputs", macs * w->input_bits, 0, (mb_cost){m->inputs.read_J_per_bit, 0, 0}, mb_sram_source, 1);
    mb_ledger_add(b, "register files", "read filters", macs * w->weight_bits, 0, (mb_cost){m->filters.read_J_per_bit, 0, 0}, mb_sram_source, 1);
    mb_ledger_add(b, "register files", "read sums", macs * sum, 0, (mb_cost){m->sums.read_J_per_bit, 0, 0}, mb_sram_source, 1);
    mb_ledger_add(b, "register files", "write sums", macs * sum, 0, (mb_cost){m->sums.write_J_per_bit, 0, 0}, mb_sram_source, 1);
    double inputs = image * g.filter_passes, copies = fmin(rows, m->cols) / g.strips;
    mb_ledger_add(b, "register files", "fill inputs", inputs * fmin(kh, m->rows) * w->input_bits, 0,
                  (mb_cost){m->inputs.write_J_per_bit, 0, 0}, mb_sram_source, 1);
    mb_ledger_add(b, "register files", "fill filters", filters * g.strips * copies * w->weight_bits, 0,
                  (mb_cost){m->filters.write_J_per_bit, 0, 0}, mb_sram_source, 1);
    mb_ledger_add(b, "interconnect", "hops of sums", outputs * g.channel_passes * g.hops * sum, 0,
                  (mb_cost){p->hop_ratio * m->sums.read_J_per_bit, 0, 0}, hop_source, 1);
    mb_ledger_add(b, m->act.name, "read inputs", inputs * w->input_bits, 0, (mb_cost){m->act.read_J_per_bit, 0, 0}, mb_sram_source, 1);
    const mb_buffer *second = w->product ? &m->act : &m->weights;
    mb_ledger_add(b, second->name, "read filters", filters * g.strips * w->weight_bits, 0, (mb_cost){second->read_J_per_bit, 0, 0},
                  mb_sram_source, 1);
    double spilled = outputs * (g.channel_passes - 1) * sum;
    mb_ledger_add(b, m->act.name, "write partial sums", spilled, 0, (mb_cost){m->act.write_J_per_bit, 0, 0}, mb_sram_source, 1);
    mb_ledger_add(b, m->act.name, "read partial sums", spilled, 0, (mb_cost){m->act.read_J_per_bit, 0, 0}, mb_sram_source, 1);
    mb_ledger_add(b, m->act.name, "write outputs", outputs * w->out_bits, 0, (mb_cost){m->act.write_J_per_bit, 0, 0}, mb_sram_source, 1);
    *seconds = time;
}

static void shared(const mb_platform *f, mb_ledger *b) {
    const machine *m = f->own;
    double units = (double)m->rows * m->cols, word = m->p->datapath_bits, lanes = mb_digital_area(&m->unit);
    double one = mb_unit_multiply(&m->tech, word, word).area_m2 + mb_unit_add(&m->tech, 32).area_m2 +
                 mb_unit_register(&m->tech, 2 * word + 32).area_m2;
    mb_ledger_logic(b, "multiply-accumulate", "units", 0, units, (mb_cost){0, 0, one}, mb_unit_source, 1);
    mb_ledger_logic(b, "digital unit", "lanes", 0, 1, (mb_cost){0, 0, lanes}, mb_unit_source, 1);
    mb_ledger_logic(b, "control", "control and routing", 0, 1, (mb_cost){0, 0, m->p->control_area * (units * one + lanes)}, given, 1);
    mb_platform_memory(b, &m->inputs, units);
    mb_platform_memory(b, &m->filters, units);
    mb_platform_memory(b, &m->sums, units);
    mb_platform_memory(b, &m->act, 1);
    mb_platform_memory(b, &m->weights, 1);
}

static int evaluate(const void *params, const mb_baseline_case *c, mb_report **report, mb_metrics *metrics) {
    const spatial_params *p = params;
    machine m = {.p = p};
    mb_survey s = {0};
    mb_platform f = {.name = "spatial", .own = &m, .width = width, .layer = layer, .shared = shared, .unit = &m.unit, .activations = &m.act,
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
    return mb_platform_node(((const spatial_params *)params)->node_nm);
}

const mb_baseline_type mb_baseline_spatial = {
    .name = "spatial",
    .summary = "spatial array of units with register files, row stationary",
    .reference = "Chen et al., ISCA 2016, doi:10.1109/ISCA.2016.40; IEEE JSSC 52, 127 (2017), doi:10.1109/JSSC.2016.2616357",
    .params = table,
    .size = sizeof(spatial_params),
    .check = check,
    .evaluate = evaluate,
};
