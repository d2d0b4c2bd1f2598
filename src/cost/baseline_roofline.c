/* baseline_roofline.c - CPU or GPU by its roofline: the longer of computing and of moving, and a power that follows the use
 *
 *     time of a layer    t = max(2 MACs / (efficiency x peak of the width), off-chip bytes / (memory_efficiency x bandwidth))
 *     power              P = idle_W + (tdp_W - idle_W) x use,  use = (2 MACs / peak of the width) / t
 *     energy             P t = idle_W t + (tdp_W - idle_W) / peak x 2 MACs, and off-chip bits x energy when dram_in_tdp is false
 * Width: of 4, 8, 16 and 32 bits that hold both operands the fastest (rate 0: it has none). Off-chip traffic: cost/platform.h, with cache_KiB
 * for weights and activations alike; an iso-capacity comparison adds SRAM to the chip. Layers without weights are taken as fused with those
 * before them.
 * A chip of node_nm is compared at the crossbar machine's node: energy and area times the ratio of the gates' (Stillmaker and Baas 2017, at
 * the same supply); times stay. rescale = false leaves the chip as it was built. Scale of iso-area: peak, bandwidth, power and area together
 * (a share of the chip).
 * Williams, Waterman and Patterson, CACM 52, 65 (2009), doi:10.1145/1498765.1498785.
 */
#include <math.h>

#include "base/error.h"
#include "cost/platform.h"

typedef struct {
    double node_nm;
    bool rescale;
    double ops32_per_s, ops16_per_s, ops8_per_s, ops4_per_s, efficiency, memory_efficiency, idle_W, tdp_W, area_m2;
    bool dram_in_tdp;
    int cache_KiB;
    MB_OFFCHIP_FIELDS;
} roofline_params;

static const mb_param table[] = {
    MB_REAL(roofline_params, node_nm, "nm", NULL, 7, 130, "technology node of the chip"),
    MB_FLAG(roofline_params, rescale, "true", "energy and area are scaled to the node of the crossbar machine"),
    MB_REAL(roofline_params, ops32_per_s, "1/s", "0.0", 0, 1e18, "peak with operands of 32 bits; 2 operations per multiply-accumulate; 0: none"),
    MB_REAL(roofline_params, ops16_per_s, "1/s", "0.0", 0, 1e18, "peak with operands of 16 bits"),
    MB_REAL(roofline_params, ops8_per_s, "1/s", "0.0", 0, 1e18, "peak with operands of 8 bits"),
    MB_REAL(roofline_params, ops4_per_s, "1/s", "0.0", 0, 1e18, "peak with operands of 4 bits"),
    MB_REAL(roofline_params, efficiency, "", "0.5", 0.001, 1, "share of the peak that a layer reaches"),
    MB_REAL(roofline_params, memory_efficiency, "", "0.8", 0.001, 1, "share of the bandwidth that a layer reaches"),
    MB_REAL(roofline_params, idle_W, "W", NULL, 0, 1e5, "power while nothing is computed"),
    MB_REAL(roofline_params, tdp_W, "W", NULL, 0, 1e5, "power at the peak"),
    MB_REAL(roofline_params, area_m2, "m2", NULL, 1e-9, 1, "area of the chip"),
    MB_FLAG(roofline_params, dram_in_tdp, "true", "tdp_W holds the power of the off-chip memory"),
    MB_INT(roofline_params, cache_KiB, "KiB", NULL, 1, 1048576, "last cache, for weights and for activations"),
    MB_OFFCHIP_ROWS(roofline_params, "same", "1"),
    MB_PARAM_END,
};

static const char given[] = "given by the baseline";
static const char power_source[] = "(tdp_W - idle_W) / peak";

typedef struct machine {
    const roofline_params *p;
    double scale, energy, area; /* of the chip and of its node */
    mb_buffer added; /* of an iso-capacity comparison */
} machine;

/* Of the widths that hold BITS and have a rate the fastest, of equals the narrowest; 0: none. */
static int fitting(const roofline_params *p, int bits, double *peak) {
    const struct { int width; double rate; } w[] = {{4, p->ops4_per_s}, {8, p->ops8_per_s}, {16, p->ops16_per_s}, {32, p->ops32_per_s}};
    int best = 0;
    *peak = 0;
    for (int i = 0; i < 4; i++)
        if (w[i].width >= bits && w[i].rate > *peak) *peak = w[i].rate, best = w[i].width;
    return best;
}

static int width(const void *own, int bits) {
    double peak;
    return fitting(((const machine *)own)->p, bits, &peak);
}

static void layer(const mb_platform *f, mb_ledger *b, const mb_work *w, double *seconds) {
    const machine *m = f->own;
    const roofline_params *p = m->p;
    double peak = 0, ops = 2.0 * w->mm.groups * w->mm.vectors * (double)w->mm.K * w->mm.N;
    fitting(p, w->weight_bits > w->input_bits ? w->weight_bits : w->input_bits, &peak);
    *seconds = ops / (p->efficiency * peak * m->scale);
    mb_ledger_add(b, "compute", "operations", ops, 0, (mb_cost){(p->tdp_W - p->idle_W) / peak * m->energy, *seconds / ops, 0}, power_source, 1);
}

static void shared(const mb_platform *f, mb_ledger *b) {
    const machine *m = f->own;
    mb_ledger_add(b, "compute", "chip", 0, 1, (mb_cost){0, 0, m->p->area_m2 * m->area * m->scale}, given, 1);
    if (m->added.name) mb_platform_memory(b, &m->added, 1);
    mb_ledger_add(b, "idle power", "while the sample is computed", b->total.latency_s, 0,
                  (mb_cost){m->p->idle_W * m->energy * m->scale, 0, 0}, given, 1);
}

static int evaluate(const void *params, const mb_baseline_case *c, mb_report **report, mb_metrics *metrics) {
    const roofline_params *p = params;
    machine m = {.p = p, .scale = mb_case_scale(c), .energy = 1, .area = 1};
    mb_survey s = {0};
    mb_platform f = {.name = "roofline", .own = &m, .width = width, .layer = layer, .shared = shared};
    f.off = mb_offchip_of(p->dram, p->corner, p->dram_interfaces, p->dram_J_per_bit, p->dram_B_per_s, c);
    f.off.B_per_s *= p->memory_efficiency * m.scale;
    if (p->dram_in_tdp) f.off.J_per_bit = 0;
    int rc = MB_OK;
    if (p->rescale && fabs(p->node_nm - c->node_nm) > 1e-9) {
        mb_tech chip, here;
        rc = mb_tech_init(&chip, p->node_nm, 0.8, 1);
        if (!rc) rc = mb_tech_init(&here, c->node_nm, 0.8, 1);
        if (!rc) m.energy = here.energy / chip.energy, m.area = here.area / chip.area;
    }
    if (!rc) rc = mb_platform_survey(c, width, &m, &s);
    if (!rc) {
        f.weight_bits = mb_platform_weight_bits(c, &s, p->cache_KiB);
        f.activation_bits = mb_platform_activation_bits(c, &s, p->cache_KiB);
        double more = f.weight_bits / 8192 - p->cache_KiB;
        if (more > 0) rc = mb_buffer_init(&m.added, "added cache", more, 512, c->node_nm);
    }
    if (!rc) {
        rc = mb_platform_run(&f, c, &s, report, metrics);
    }
    mb_survey_free(&s);
    return rc;
}

static int check(const void *params) {
    const roofline_params *p = params;
    double peak;
    if (!fitting(p, 8, &peak))
        return mb_fail(MB_BADINPUT, "ops8_per_s, ops16_per_s and ops32_per_s are all 0: a roofline needs a peak for operands of 8 bits or wider");
    if (p->tdp_W < p->idle_W) return mb_fail(MB_BADINPUT, "tdp_W = %g is less than idle_W = %g", p->tdp_W, p->idle_W);
    return MB_OK;
}

const mb_baseline_type mb_baseline_roofline = {
    .name = "roofline",
    .summary = "CPU or GPU: the longer of computing and moving, power that follows the use",
    .reference = "Williams et al., CACM 52, 65 (2009), doi:10.1145/1498765.1498785",
    .params = table,
    .size = sizeof(roofline_params),
    .check = check,
    .evaluate = evaluate,
};
