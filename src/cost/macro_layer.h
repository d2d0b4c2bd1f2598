/* macro_layer.h - layers of a machine's digital engine on a published digital macro
 *
 * A product of VECTORS vectors with GROUPS matrices K x N is cut into tiles of the macro's rows and whole weights:
 *     tiles = groups ceil(K / rows) ceil(N / outputs at weight_bits),  macros built = ceil(tiles / sets)
 *     products = vectors x tiles;  time = vectors x ceil(tiles / built) x time of one product
 * Each macro keeps `sets` weights behind every product and works on one at a time. Sums of row tiles are added by adders of the
 * digital unit; inputs are read and outputs written once. Data: half of the bits set. Weights are resident. Only for macros that
 * sum exactly.
 * Who may call: the cost floor.
 */
#ifndef MB_COST_MACRO_LAYER_H
#define MB_COST_MACRO_LAYER_H

#include "cost/digital.h"
#include "cost/macro.h"

typedef struct mb_macro_work {
    double groups, vectors, K, N;
    int weight_bits, input_bits, out_bits;
} mb_macro_work;
/* Leaves in the open group of L. MB_NUMERIC when a weight is wider than the macro. */
int mb_macro_layer(mb_ledger *l, const mb_macro *m, const mb_macro_work *w, const mb_digital *unit);

#endif
