/* digital.h - what both sides of a comparison share: layers without weights, activations, scaling of outputs
 *
 * Crossbar machines and von Neumann baselines call the same functions, so that a ratio between them never comes from this part.
 */
#ifndef MB_COST_DIGITAL_H
#define MB_COST_DIGITAL_H

#include <stdint.h>

#include "cost/ledger.h"
#include "cost/sram.h"
#include "cost/unit.h"
#include "mapping/plan.h"
#include "nn/network.h"

/* A buffer that holds activations or weights: energy per bit of an access of its full width. */
typedef struct mb_buffer {
    const char *name;
    double kib;
    mb_sram sram;
    double read_J_per_bit, write_J_per_bit;
    const char *source;
} mb_buffer;
int mb_buffer_init(mb_buffer *b, const char *name, double kib, double width_bits, double node_nm);

/* The digital unit: LANES operations of any kind per cycle. */
typedef struct mb_digital { mb_tech tech; int lanes; double clock_Hz; const mb_buffer *activations; } mb_digital;

/* Bits with which each layer's output is kept: the largest input_bits of the weighted layers that read it (through layers without
 * weights); 8 at the network's output. bits[net->n_layers]. */
void mb_activation_bits(const mb_network *net, const mb_plan *plan, int *bits);
/* Largest sum of live activations in bits while the layers run one after the other; a layer without weights and with one input
 * works in place. LAST is scratch [n_layers]. */
double mb_activation_peak(const mb_network *net, const int *bits, int *last);

/* Leaves of a layer without weights (in the open group): additions, comparisons, multiplications at BITS, exposed at LANES per
 * cycle, and reads of all inputs but the first, which streams from the layer before. Nothing for layers that compute nothing.
 * bits[]: of mb_activation_bits. */
void mb_digital_layer(mb_ledger *l, const mb_digital *d, const mb_network *net, const mb_layer *layer, const int *bits,
                      int out_bits);
/* True when the layer computes something. */
int mb_digital_works(const mb_network *net, const mb_layer *layer);
/* Bias and rescaling of OUTPUTS sums of SUM_BITS to OUT_BITS: one addition and one multiplication by a 16-bit factor each. */
void mb_digital_rescale(mb_ledger *l, const mb_digital *d, double outputs, int sum_bits);
/* The unit's area: per lane a 32-bit adder, a 16 x 16-bit multiplier, an 8-bit comparator, three 32-bit registers. */
double mb_digital_area(const mb_digital *d);
/* Width of an exact sum of K products: weight_bits + input_bits + ceil(log2 K), at most 32. */
int mb_sum_bits(int weight_bits, int input_bits, int64_t K);

#endif
