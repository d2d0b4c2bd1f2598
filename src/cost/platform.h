/* platform.h - what all kinds of baselines share: the walk over the network, buffers and off-chip traffic, leakage
 *
 * Residency. Weights stay on the chip when the crossbars keep them (mb_baseline_case.weights_resident) and they fit into the weight
 * buffer; otherwise each layer's weights W (bits) come from DRAM, once per batch of B samples. Activations stay on the chip when a
 * layer's inputs I and outputs O of the whole batch fit into the activation buffer; otherwise they go off-chip and come back. When
 * neither fits, one of the two is fetched again for each part of the other that does, whichever is less:
 *     weights once, inputs for each part of the weights:  W / B + I ceil(W / weight buffer)
 *     inputs once, weights for each part of the inputs:   I + W / B ceil(B I / activation buffer)
 * Time of a layer: the longer of computing and of moving (double buffering); what moving adds is booked on the DRAM.
 * Energy of DRAM: bits x energy per bit (cost/memory.h: low, nominal, high). Leakage: of all area, while a sample is computed.
 * All counts are per sample; latency is the time of a batch over B. Layers without weights, bias and rescaling run on a digital unit
 * with the unit costs of the crossbar machine's (cost/digital.h).
 * Who may call: the kinds of baselines (baseline_*.c).
 */
#ifndef MB_COST_PLATFORM_H
#define MB_COST_PLATFORM_H

#include "cost/baseline.h"
#include "cost/digital.h"
#include "cost/memory.h"

/* Of all energy on the chip: what unit costs leave out, fitted to a measured chip. */
#define MB_CALIBRATION_ROW(T)                                                                                                         \
    MB_REAL(T, calibration, "", "1.0", 0.001, 1000,                                                                                   \
            "multiplies all energy on the chip: clock tree, wires, control and guard bands that the unit costs leave out")

/* Off-chip memory: the same keys in every kind. */
#define MB_OFFCHIP_FIELDS                                     \
    int dram, corner, dram_interfaces;                        \
    double dram_J_per_bit, dram_B_per_s
#define MB_OFFCHIP_ROWS(T, dram_default, n_default)                                                                                  \
    MB_CHOICE(T, dram, "same|" MB_DRAM_NAMES, dram_default,                                                                           \
              "off-chip memory, for what does not stay on the chip; same: that of the crossbar machine, lpddr4 when it has none"),    \
    MB_CHOICE(T, corner, "low|nominal|high", "nominal", "which estimate of its energy"),                                              \
    MB_INT(T, dram_interfaces, "", n_default, 1, 1024, "interfaces of that type, which multiply its bandwidth"),                      \
    MB_REAL(T, dram_J_per_bit, "J/bit", "0.0", 0, 1e-6, "its energy; 0: that of the type and estimate"),                              \
    MB_REAL(T, dram_B_per_s, "B/s", "0.0", 0, 1e15, "its bandwidth; 0: that of the type times the interfaces")

typedef struct mb_offchip { double J_per_bit, B_per_s; const char *source; } mb_offchip;
mb_offchip mb_offchip_of(int dram, int corner, int interfaces, double J_per_bit, double B_per_s, const mb_baseline_case *c);

typedef struct mb_traffic { double weights, inputs, outputs; } mb_traffic; /* bits per sample */
/* Rules above, for one layer; W in bits, IN and OUT in bits per sample, buffers in bits. */
mb_traffic mb_offchip_traffic(double weight_buffer, double activation_buffer, bool resident, int batch, double W, double in, double out);

/* One layer with multiplications, as the kind's datapath holds it. */
typedef struct mb_work {
    const char *name;
    const mb_window *win;           /* groups = heads for a product of two activations */
    mb_matmul mm;                   /* of one sample */
    bool product;                   /* both operands are activations */
    int weight_bits, input_bits, out_bits; /* after `width`; weight_bits: of the second operand for a product */
    int batch;
} mb_work;

/* What the kind must know before it can size its buffers. Bits are after `width`. */
typedef struct mb_survey {
    int *bits;                      /* of each layer's output; owned */
    double weights, largest;        /* of the network, of its largest layer */
    double activations;             /* largest live set of one sample */
    double model_bits;              /* weights at the plan's bits */
} mb_survey;

typedef struct mb_platform mb_platform;
struct mb_platform {
    const char *name;
    const void *own;                /* of the kind */
    int (*width)(const void *own, int bits);
    /* Leaves of the layer into the open group, per sample; *seconds: their time. */
    void (*layer)(const mb_platform *p, mb_ledger *b, const mb_work *w, double *seconds);
    void (*shared)(const mb_platform *p, mb_ledger *b); /* what is built, into the open group */
    const mb_digital *unit;         /* NULL: layers without weights and rescaling are part of the others */
    const mb_buffer *activations, *weights; /* for fills; may be NULL */
    double activation_bits, weight_bits; /* capacities */
    mb_offchip off;
    double leakage_W_per_m2, calibration; /* of all energy on the chip */
};

int mb_platform_survey(const mb_baseline_case *c, int (*width)(const void *, int), const void *own, mb_survey *s);
void mb_survey_free(mb_survey *s);
/* Capacities in bits: GIVEN_KIB, or 0: what is needed. Weights: mb_baseline_case.capacity_bits comes first. At least 8192. */
double mb_platform_weight_bits(const mb_baseline_case *c, const mb_survey *s, int given_KiB);
double mb_platform_activation_bits(const mb_baseline_case *c, const mb_survey *s, int given_KiB);
/* Area of memories and their leakage. */
void mb_platform_memory(mb_ledger *b, const mb_buffer *m, double instances);
int mb_platform_run(const mb_platform *p, const mb_baseline_case *c, const mb_survey *s, mb_report **report, mb_metrics *metrics);

static inline int mb_case_batch(const mb_baseline_case *c) { return c->batch > 1 ? c->batch : 1; }
static inline double mb_case_scale(const mb_baseline_case *c) { return c->scale > 0 ? c->scale : 1; }
/* MB_BADINPUT for a node of the file that the unit costs do not cover; 0 is that of the crossbar machine. */
int mb_platform_node(double node_nm);
/* N units under the scale of the case, at least one. */
int mb_scaled_count(int n, double scale);

#endif
