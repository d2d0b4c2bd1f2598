/* systolic.c - cycles, traffic and costs of a systolic array (systolic.h)
 *
 * Traffic: the streaming operand is read once per fold of the other axis, the stationary one once (per streaming pass); partial
 * sums that leave the array are written once per fold along WIN and read back for the next fold and, at last, for rescaling.
 */
#include "cost/systolic.h"

static int64_t ceil_div(int64_t a, int64_t b) {
    return (a + b - 1) / b;
}

int64_t mb_systolic_cycles_of(const mb_systolic *s, int64_t groups, int64_t px, int64_t win, int64_t k, int64_t *parts) {
    int64_t R = s->rows, C = s->cols, Sr = win, Sc = k, T = px, arrays = s->arrays > 1 ? s->arrays : 1;
    if (s->dataflow == MB_INPUT_STATIONARY) Sc = px, T = k;
    if (s->dataflow == MB_OUTPUT_STATIONARY) Sr = px, T = win;
    int64_t folds = ceil_div(Sr, R) * ceil_div(Sc, C), in_turn = 1; /* groups one after the other on a single array */
    *parts = 1;
    if (arrays == 1) {
        in_turn = groups;
    } else {
        folds *= groups;
        if (s->dataflow != MB_OUTPUT_STATIONARY && folds < arrays) *parts = arrays / folds < T ? arrays / folds : T;
        T = ceil_div(T, *parts);
        folds = ceil_div(folds, arrays);
    }
    if (s->double_buffer) return in_turn * (folds * (T > R ? T : R) + R + C - 2);
    return in_turn * (folds * ((s->dataflow == MB_OUTPUT_STATIONARY ? R : 2 * R) + C + T - 2) - 1);
}

int64_t mb_systolic_cycles(const mb_systolic *s, int64_t px, int64_t win, int64_t k) {
    mb_systolic one = *s;
    int64_t parts;
    one.arrays = 1;
    return mb_systolic_cycles_of(&one, 1, px, win, k, &parts);
}

void mb_systolic_traffic_of(const mb_systolic *s, int64_t px, int64_t win, int64_t k, mb_systolic_traffic *t) {
    double inputs = (double)px * (double)win, weights = (double)win * (double)k, outputs = (double)px * (double)k;
    double row_folds = (double)ceil_div(win, s->rows);
    *t = (mb_systolic_traffic){.input_reads = inputs, .weight_reads = weights, .output_writes = outputs};
    switch (s->dataflow) {
    case MB_WEIGHT_STATIONARY: t->input_reads *= (double)ceil_div(k, s->cols); break;
    case MB_INPUT_STATIONARY: t->weight_reads *= (double)ceil_div(px, s->cols); break;
    default:
        t->input_reads *= (double)ceil_div(k, s->cols);
        t->weight_reads *= (double)ceil_div(px, s->rows);
        return;
    }
    t->sum_writes = t->sum_reads = outputs * row_folds;
}

int mb_systolic_width(const mb_systolic *s, int bits) {
    if (s->datapath == MB_FIXED_DATAPATH) return bits < 8 ? 8 : bits;
    int width = 1;
    while (width < bits) width *= 2;
    return s->datapath == MB_DOUBLING_DATAPATH ? width : bits;
}

double mb_systolic_rate(const mb_systolic *s, int weight_bits, int input_bits) {
    int widest = weight_bits > input_bits ? weight_bits : input_bits;
    return s->datapath == MB_SERIAL_DATAPATH     ? input_bits
           : s->datapath == MB_DOUBLING_DATAPATH ? mb_systolic_width(s, widest) / 8.0
                                                 : 1;
}

void mb_systolic_layer(mb_ledger *l, const mb_systolic *s, int64_t groups, int64_t px, int64_t win, int64_t k, int weight_bits,
                       int input_bits, int out_bits, double *seconds) {
    int bw = mb_systolic_width(s, weight_bits), ba = mb_systolic_width(s, input_bits), bo = mb_systolic_width(s, out_bits);
    int sum = mb_sum_bits(bw, ba, win);
    int64_t batch = s->batch > 1 ? s->batch : 1, parts, cycles = mb_systolic_cycles_of(s, groups, px * batch, win, k, &parts);
    double g = (double)groups / (double)batch, macs = (double)groups * (double)px * (double)win * (double)k,
           time = (double)cycles / (double)batch * mb_systolic_rate(s, bw, ba) / s->clock_Hz;
    double factor = s->tech.factor;
    /* per multiply-accumulate two of three numbers move to a neighbour: the streaming operand(s) and, unless it is stationary,
     * the sum */
    double moved = s->dataflow == MB_WEIGHT_STATIONARY ? ba + sum : s->dataflow == MB_INPUT_STATIONARY ? bw + sum : ba + bw + sum;
    mb_cost mac = mb_cost_sum(mb_unit_multiply(&s->tech, bw, ba), mb_unit_add(&s->tech, sum)),
            reg = mb_unit_register(&s->tech, moved);
    if (s->datapath == MB_SERIAL_DATAPATH) { /* a sum and its register per bit of the input */
        mac.energy_J = ba * mb_unit_add(&s->tech, sum).energy_J;
        reg.energy_J += (ba - 1) * mb_unit_register(&s->tech, sum).energy_J;
    }
    mac.latency_s = time / macs;
    mb_systolic_traffic t;
    mb_systolic_traffic_of(s, px * batch, win, k, &t);
    if (s->dataflow == MB_WEIGHT_STATIONARY) t.weight_reads *= (double)parts;
    if (s->dataflow == MB_INPUT_STATIONARY) t.input_reads *= (double)parts;
    mb_ledger_add(l, "multiply-accumulate", "product and sum", macs, 0, mac, mb_unit_source_of(&s->tech), factor);
    mb_ledger_add(l, "registers", "operands and sum", macs, 0, reg, mb_register_source_of(&s->tech), factor);
    mb_ledger_add(l, s->inputs->name, "read inputs", g * t.input_reads * ba, 0, (mb_cost){s->inputs->read_J_per_bit, 0, 0},
                  mb_sram_source, 1);
    mb_ledger_add(l, s->weights->name, "read weights", g * t.weight_reads * bw, 0, (mb_cost){s->weights->read_J_per_bit, 0, 0},
                  mb_sram_source, 1);
    if (s->sums) {
        mb_ledger_add(l, s->sums->name, "write partial sums", g * t.sum_writes * sum, 0,
                      (mb_cost){s->sums->write_J_per_bit, 0, 0}, mb_sram_source, 1);
        mb_ledger_add(l, s->sums->name, "read partial sums", g * t.sum_reads * sum, 0, (mb_cost){s->sums->read_J_per_bit, 0, 0},
                      mb_sram_source, 1);
    }
    mb_ledger_add(l, s->outputs->name, "write outputs", g * t.output_writes * bo, 0, (mb_cost){s->outputs->write_J_per_bit, 0, 0},
                  mb_sram_source, 1);
    if (seconds) *seconds = time;
}

void mb_systolic_product(mb_ledger *l, const mb_systolic *s, const mb_layer *layer, const int *bits, int out_bits, double *seconds) {
    mb_systolic both = *s;
    mb_matmul m = mb_layer_matmul(layer);
    both.weights = s->inputs;
    mb_systolic_layer(l, &both, m.groups, m.vectors, m.K, m.N, bits[layer->in[1]], bits[layer->in[0]], out_bits, seconds);
}

double mb_systolic_area(const mb_systolic *s, int weight_bits, int input_bits) {
    int bw = mb_systolic_width(s, weight_bits), ba = mb_systolic_width(s, input_bits);
    double product = s->datapath == MB_SERIAL_DATAPATH ? 0 : mb_unit_multiply(&s->tech, bw, ba).area_m2;
    double unit = product + mb_unit_add(&s->tech, 32).area_m2 +
                  mb_unit_register(&s->tech, bw + ba + 32).area_m2;
    return (s->arrays > 1 ? s->arrays : 1) * (double)s->rows * s->cols * unit;
}
