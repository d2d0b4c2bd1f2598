/* import.h - what an operator may ask of an import in progress
 *
 * Values of the graph are activations (results of layers; shapes here are per sample, ONNX axis a is per-sample axis a - 1) or
 * constants (initialisers and results of folding). K is always the number of an input of NODE.
 */
#ifndef MB_NN_IMPORT_H
#define MB_NN_IMPORT_H

#include "nn/fold.h"
#include "nn/node.h"
#include "nn/op.h"

typedef struct mb_floats { int nd; int64_t dim[MB_ONNX_MAX_RANK]; size_t n; float *v; } mb_floats;   /* mb_free(v) */

bool mb_import_has(const mb_node *node, int k);                                 /* present: neither left out nor empty */
bool mb_import_is_const(const mb_import *im, const mb_node *node, int k);       /* present and constant */
/* Shape of an activation; NULL when input K is constant or absent. */
const mb_shape *mb_import_shape(const mb_import *im, const mb_node *node, int k);
/* The activation itself must be input 0 and the node must have LO to HI inputs: MB_BADINPUT otherwise. */
int mb_import_inputs(const mb_import *im, const mb_node *node, int lo, int hi);

/* Input K as a small constant, owned by the import. WHAT names it in messages ("the pads"). */
int mb_import_const(mb_import *im, const mb_node *node, int k, const char *what, const mb_const **c);
/* Input K as float data, owned by the caller; NaN and infinity are refused with the element's place. */
int mb_import_floats(mb_import *im, const mb_node *node, int k, const char *what, mb_floats *out);
/* Input K as one number; DEF when it is absent. May be infinite. */
int mb_import_number(mb_import *im, const mb_node *node, int k, const char *what, float def, float *v);

/* The node changes nothing: its result is input K. No layer is made. */
void mb_import_alias(mb_import *im, const mb_node *node, int k);
/* Batch normalisation stays a layer of its own with its statistics (mb_network_load_apart). */
bool mb_import_keeps_norm(const mb_import *im);
/* The weighted layer that computes input K, when nobody else uses its result: NODE may then be folded into its weights (and alias
 * input K). NULL otherwise. */
mb_layer *mb_import_fusable(mb_import *im, const mb_node *node, int k);

#endif
