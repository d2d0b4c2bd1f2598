/* platform.c - the walk over the network that all kinds of baselines share; rules in platform.h */
#include "cost/platform.h"

#include <math.h>
#include <string.h>

#include "base/error.h"
#include "base/mem.h"
#include "nn/op.h"

static const char given[] = "given by the baseline";

int mb_scaled_count(int n, double scale) {
    double m = floor(n * scale + 0.5);
    return m < 1 ? 1 : m > 1e9 ? 1000000000 : (int)m;
}

int mb_platform_node(double node_nm) {
    if (node_nm > 0 && node_nm < MB_TECH_MIN_NM)
        return mb_fail(MB_BADINPUT, "node_nm = %g: the models cover %g to 90 nm; 0 takes the node of the crossbar machine", node_nm,
                       MB_TECH_MIN_NM);
    return MB_OK;
}

mb_offchip mb_offchip_of(int dram, int corner, int interfaces, double J_per_bit, double B_per_s, const mb_baseline_case *c) {
    int type = dram > 0 ? dram : c->dram > 0 ? c->dram : 0;
    const mb_dram *d = mb_drams;
    while (type > 0 ? --type : strcmp(d->name, "lpddr4")) d++;
    mb_offchip o = {d->pJ_per_bit[corner] * 1e-12, d->bytes_per_s * interfaces, d->source};
    if (J_per_bit > 0) o.J_per_bit = J_per_bit, o.source = given;
    if (B_per_s > 0) o.B_per_s = B_per_s;
    return o;
}

mb_traffic mb_offchip_traffic(double weight_buffer, double activation_buffer, bool resident, int batch, double W, double in, double out) {
    mb_traffic t = {.weights = resident ? 0 : W / batch};
    if ((in + out) * batch <= activation_buffer) return t;
    t.inputs = in;
    t.outputs = out;
    if (resident || W <= weight_buffer) return t;
    double again_in = in * ceil(W / weight_buffer), again_w = t.weights * ceil(in * batch / activation_buffer);
    if (t.weights + again_in <= in + again_w) t.inputs = again_in;
    else t.weights = again_w;
    return t;
}

int mb_platform_survey(const mb_baseline_case *c, int (*width)(const void *, int), const void *own, mb_survey *s) {
    const mb_network *net = c->net;
    *s = (mb_survey){0};
    if (c->plan->n != net->n_weighted)
        return mb_fail(MB_BADINPUT, "the plan has %d layers, the network %d weighted ones", c->plan->n, net->n_weighted);
    int *last = mb_malloc(2 * (size_t)net->n_layers, sizeof *last);
    if (!last) return mb_nomem();
    s->bits = last;
    last += net->n_layers;
    mb_activation_bits(net, c->plan, s->bits);
    for (int i = 0; i < net->n_layers; i++)
        if (s->bits[i]) s->bits[i] = width(own, s->bits[i]);
    s->activations = mb_activation_peak(net, s->bits, last);
    for (int i = 0; i < net->n_weighted; i++) {
        mb_matmul mm = mb_layer_matmul(&net->layer[net->weighted[i]]);
        double n = (double)mm.groups * mm.K * mm.N, w = n * width(own, c->plan->assign[i].weight_bits);
        s->model_bits += n * c->plan->assign[i].weight_bits;
        s->weights += w;
        s->largest = fmax(s->largest, w);
    }
    return MB_OK;
}

void mb_survey_free(mb_survey *s) {
    mb_free(s->bits);
    s->bits = NULL;
}

/* Whole KiB, at least one. */
static double in_KiB(double bits) {
    return 8192 * fmax(1, ceil(bits / 8192));
}

double mb_platform_weight_bits(const mb_baseline_case *c, const mb_survey *s, int given_KiB) {
    if (c->capacity_bits > 0) return in_KiB(c->capacity_bits);
    return given_KiB ? 8192.0 * given_KiB : in_KiB(c->weights_resident ? s->weights : s->largest);
}

double mb_platform_activation_bits(const mb_baseline_case *c, const mb_survey *s, int given_KiB) {
    return given_KiB ? 8192.0 * given_KiB : in_KiB(s->activations * mb_case_batch(c));
}

void mb_platform_memory(mb_ledger *b, const mb_buffer *m, double instances) {
    b->leakage_W += instances * m->sram.leakage_W;
    mb_ledger_add(b, m->name, "memory", 0, instances, (mb_cost){0, 0, m->sram.area_m2}, mb_sram_source, 1);
}

/* Off-chip bits of one layer and the time that they add. */
static void book_traffic(const mb_platform *p, mb_ledger *b, const mb_traffic *t, double seconds) {
    double bits = t->weights + t->inputs + t->outputs;
    if (bits <= 0) return;
    double wait = bits / 8 / p->off.B_per_s - seconds;
    mb_cost each = {p->off.J_per_bit, wait > 0 ? wait / bits : 0, 0};
    double calibration = b->calibration;
    b->calibration = 0; /* not on the chip */
    mb_ledger_add(b, "dram", "fetch weights", t->weights, 0, each, p->off.source, 1);
    mb_ledger_add(b, "dram", "fetch activations", t->inputs, 0, each, p->off.source, 1);
    mb_ledger_add(b, "dram", "store activations", t->outputs, 0, each, p->off.source, 1);
    b->calibration = calibration;
    if (p->weights) mb_ledger_add(b, p->weights->name, "fill", t->weights, 0, (mb_cost){p->weights->write_J_per_bit, 0, 0}, mb_sram_source, 1);
    if (p->activations)
        mb_ledger_add(b, p->activations->name, "fill", t->inputs, 0, (mb_cost){p->activations->write_J_per_bit, 0, 0}, mb_sram_source, 1);
}

static void book_layer(const mb_platform *p, mb_ledger *b, const mb_baseline_case *c, const mb_survey *s, int index, const mb_assign *a) {
    const mb_layer *l = &c->net->layer[index];
    mb_work w = {.name = l->name, .win = &l->win, .mm = mb_layer_matmul(l), .product = !a, .out_bits = s->bits[index], .batch = mb_case_batch(c)};
    w.weight_bits = a ? p->width(p->own, a->weight_bits) : s->bits[l->in[1]];
    w.input_bits = a ? p->width(p->own, a->input_bits) : s->bits[l->in[0]];
    double seconds = 0, outputs = (double)w.mm.vectors * w.mm.groups * w.mm.N, W = 0, in = 0;
    for (int k = 0; k < l->n_in; k++) in += (double)mb_shape_count(&c->net->layer[l->in[k]].shape) * s->bits[l->in[k]];
    if (a) W = (double)w.mm.groups * w.mm.K * w.mm.N * w.weight_bits;
    bool resident = !a || (c->weights_resident && s->weights <= p->weight_bits);
    mb_traffic t = mb_offchip_traffic(p->weight_bits, p->activation_bits, resident, w.batch, W, in, outputs * w.out_bits);
    mb_ledger_open(b, l->name);
    p->layer(p, b, &w, &seconds);
    if (p->unit) mb_digital_rescale(b, p->unit, outputs, mb_sum_bits(w.weight_bits, w.input_bits, w.mm.K));
    book_traffic(p, b, &t, seconds);
    mb_ledger_close(b);
}

int mb_platform_run(const mb_platform *p, const mb_baseline_case *c, const mb_survey *s, mb_report **report, mb_metrics *metrics) {
    const mb_network *net = c->net;
    mb_ledger book;
    mb_cost total;
    mb_ledger_init(&book, p->name, report != NULL);
    if (p->calibration > 0 && fabs(p->calibration - 1) > 1e-12) book.calibration = p->calibration;
    for (int i = 0, m = 0; i < net->n_layers; i++) {
        const mb_layer *l = &net->layer[i];
        bool weighted = m < net->n_weighted && net->weighted[m] == i;
        if (weighted || mb_layer_product(l)) {
            book_layer(p, &book, c, s, i, weighted ? &c->plan->assign[m] : NULL);
            m += weighted;
        } else if (p->unit && mb_digital_works(net, l)) {
            mb_ledger_open(&book, l->name);
            mb_digital_layer(&book, p->unit, net, l, s->bits, s->bits[i]);
            mb_ledger_close(&book);
        }
    }
    mb_ledger_open(&book, "shared");
    p->shared(p, &book);
    if (p->leakage_W_per_m2 > 0 || book.leakage_W > 0)
        mb_ledger_add(&book, "leakage", "while the sample is computed", book.total.latency_s, 0,
                      (mb_cost){book.logic_m2 * p->leakage_W_per_m2 + book.leakage_W, 0, 0}, given, 1);
    mb_ledger_close(&book);
    int rc = mb_ledger_end(&book, &total, report);
    if (!rc) *metrics = (mb_metrics){total.energy_J, total.latency_s, total.area_m2, 0, s->model_bits};
    return rc;
}
