/* import_state.h - the state of an import: shared by nn/import.c and nn/import_values.c, and nobody else */
#ifndef MB_NN_IMPORT_STATE_H
#define MB_NN_IMPORT_STATE_H

#include "nn/import.h"
#include "nn/names.h"

typedef struct mb_value {
    int layer;                           /* activation: index of its layer; -1: not computed yet, or a constant */
    mb_onnx_tensor *tensor;              /* initialiser */
    mb_const *c;                         /* small constant: folded, or the initialiser's data once somebody asked */
    int uses;                            /* by nodes and as the graph's output */
    bool shared;                         /* it is an alias of a value that others use, too */
    bool ready;
} mb_value;

typedef struct mb_blob { struct mb_blob *next; uint8_t *data; } mb_blob;

struct mb_import {
    const char *path;
    bool keep_norm;                      /* batch normalisation is not folded */
    char *dir;
    mb_onnx_model *model;
    mb_network *net;
    int cap_layers;
    mb_names names;                      /* of the values: value[k] is called names.name[k] */
    mb_value *value;
    int64_t batch;
    size_t folded;                       /* elements of all constants held */
    int alias;                           /* set by mb_import_alias(): index of a value */
    mb_blob *blobs;                      /* external data */
    int in[MB_ONNX_MAX_NODE_INPUTS];     /* values of the current node's inputs */
};

/* Enter all names of the graph and count their uses; initialisers are ready. */
int mb_import_names(mb_import *im);
mb_value *mb_import_find(const mb_import *im, mb_span name);                  /* NULL when it is not in the graph */
bool mb_value_const(const mb_value *v);
/* The constant V, decoded when that has not been done yet. */
int mb_value_small(mb_import *im, const mb_node *node, mb_value *v, const mb_const **c);
/* Account for N more elements of constants: MB_BADINPUT when they become too many. */
int mb_import_charge(mb_import *im, const mb_node *node, size_t n);

#endif
