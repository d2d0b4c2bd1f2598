/* systolic.h - a systolic array of R x C multiply-accumulate units: cycles, traffic, costs of one matrix product
 *
 * A product of PX vectors with a WIN x K matrix. Mapping by dataflow (SCALE-Sim: Samajdar et al., ISPASS 2020,
 * doi:10.1109/ISPASS48437.2020.00016):
 *     weight stationary:  Sr = WIN, Sc = K,  T = PX
 *     input stationary:   Sr = WIN, Sc = PX, T = K
 *     output stationary:  Sr = PX,  Sc = K,  T = WIN
 *     folds = ceil(Sr / R) * ceil(Sc / C)
 *     cycles = folds * (2R + C + T - 2) - 1 (weight, input stationary);  folds * (R + C + T - 2) - 1 (output stationary)
 *         exact against SCALE-Sim v3, "compute cycles"
 *     double buffered (the stationary operand of the next fold is loaded while this one computes, as in a TPU):
 *         folds * max(T, R) + R + C - 2
 * Depthwise layers run group by group, each group a product of its own. Several arrays share the folds of all groups; when there are fewer
 * folds than arrays, the vectors that stream (weight stationary) or the columns (input stationary) are split, and each array loads the
 * stationary operand for itself: n = ceil(groups folds / arrays), T' = ceil(T / floor(arrays / (groups folds))), n and T' in place of folds
 * and T.
 */
#ifndef MB_COST_SYSTOLIC_H
#define MB_COST_SYSTOLIC_H

#include <stdbool.h>
#include <stdint.h>

#include "cost/digital.h"

#define MB_DATAFLOWS "ws|os|is"
typedef enum { MB_WEIGHT_STATIONARY, MB_OUTPUT_STATIONARY, MB_INPUT_STATIONARY } mb_dataflow;
#define MB_DATAPATHS "fixed|scaling|doubling|serial"
typedef enum { MB_FIXED_DATAPATH, MB_SCALING_DATAPATH, MB_DOUBLING_DATAPATH, MB_SERIAL_DATAPATH } mb_datapath;

typedef struct mb_systolic {
    int rows, cols, dataflow;
    bool double_buffer;
    int datapath;           /* fixed: operands are padded to 8 bits; scaling: energy and storage follow the bits; doubling: operands are
                               padded to 1, 2, 4 or 8 bits and the rate doubles with each halving of the wider one; serial: one bit of
                               the inputs per cycle, added to the sum: cycles and energy follow the input's bits */
    int arrays;             /* side by side, sharing the buffers; 0: 1 */
    int batch;              /* samples that are computed together; 0: 1. Costs are per sample */
    double clock_Hz;
    mb_tech tech;
    const mb_buffer *inputs, *weights, *outputs;
    const mb_buffer *sums;  /* may be NULL: partial sums never leave the array (output stationary) */
} mb_systolic;

int64_t mb_systolic_cycles(const mb_systolic *s, int64_t px, int64_t win, int64_t k); /* one array */
/* GROUPS products on all arrays; *parts: into how many the streaming operand is split. */
int64_t mb_systolic_cycles_of(const mb_systolic *s, int64_t groups, int64_t px, int64_t win, int64_t k, int64_t *parts);

/* Numbers moved for one product, in elements. */
typedef struct mb_systolic_traffic {
    double input_reads, weight_reads, sum_reads, sum_writes, output_writes;
} mb_systolic_traffic;
void mb_systolic_traffic_of(const mb_systolic *s, int64_t px, int64_t win, int64_t k, mb_systolic_traffic *t);

/* Cycles of one product relative to those at full precision: what the datapath makes of the bits. */
double mb_systolic_rate(const mb_systolic *s, int weight_bits, int input_bits);
/* Bits of an operand of BITS in this datapath. */
int mb_systolic_width(const mb_systolic *s, int bits);
/* Leaves of GROUPS products in the open group; *seconds (may be NULL): their compute time. OUT_BITS: of stored outputs. */
void mb_systolic_layer(mb_ledger *l, const mb_systolic *s, int64_t groups, int64_t px, int64_t win, int64_t k, int weight_bits,
                       int input_bits, int out_bits, double *seconds);
/* Leaves of a product of two activations (op_matmul.c) in the open group: both operands come from the buffer of inputs. bits[]: of
 * mb_activation_bits. */
void mb_systolic_product(mb_ledger *l, const mb_systolic *s, const mb_layer *layer, const int *bits, int out_bits, double *seconds);
/* Area of the array: per unit a multiplier, an adder, and registers for both operands and the sum. */
double mb_systolic_area(const mb_systolic *s, int weight_bits, int input_bits);

#endif
