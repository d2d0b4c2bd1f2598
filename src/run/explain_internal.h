/* explain_internal.h - what explain.c, explain_set.c and explain_pass.c share; nobody else includes it */
#ifndef MB_RUN_EXPLAIN_INTERNAL_H
#define MB_RUN_EXPLAIN_INTERNAL_H

#include "run/explain.h"

#define MB_EXPLAIN_ITEMS 40 /* non-idealities of one point at most */

/* --- non-idealities, and sets of them (explain_set.c) --- */
typedef enum mb_item_kind {
    MB_ITEM_INPUTS,
    MB_ITEM_WEIGHTS,
    MB_ITEM_LEVELS,
    MB_ITEM_CELLS,
    MB_ITEM_EFFECT,
    MB_ITEM_WIRES,
    MB_ITEM_READ,
    MB_ITEM_CONVERTER
} mb_item_kind;

typedef struct mb_item {
    const char *name; /* borrowed */
    mb_item_kind kind;
    int effect; /* MB_ITEM_EFFECT: its number in the cell's list */
} mb_item;

/* What all passes of a point share. */
typedef struct mb_study {
    const mb_setup *s;
    const mb_profile *prof;
    const mb_plan *plan;
    const mb_progress *pr;
    mb_item item[MB_EXPLAIN_ITEMS]; /* in the order in which they act */
    int n_item;
    int64_t n, T, snr_samples; /* samples, draws, samples of the passes of single layers */
    float **W;                 /* per weighted layer: [groups][K][N] */
} mb_study;

/* A set of non-idealities, mapped. */
typedef struct mb_variant {
    mb_setup s; /* the setup with a cell of its own */
    bool inputs, weights, arrays;
    int exact;      /* this layer is the exact integer product, -1: none */
    mb_mapped *map; /* NULL: nothing is quantised, the float network */
} mb_variant;

/* The non-idealities that the point has, into st->item. */
int mb_study_list(mb_study *st);
/* The point with the non-idealities on[n_item] and no others. The variant must stay where it is; freed by mb_variant_free after a
 * failure, too. */
int mb_variant_new(const mb_study *st, const bool *on, mb_variant *v);
void mb_variant_free(mb_variant *v); /* all zeros are nothing */

/* --- one pass over samples (explain_pass.c) --- */
typedef struct mb_pass {
    const mb_study *st;
    const mb_variant *v;
    uint32_t trial;
    uint8_t *right;         /* [samples]: accuracy pass; NULL: a pass of single layers */
    double *signal, *noise; /* [blocks][layers] */
    bool count;             /* statistics of the converters, too */
    mb_xbar_stats *stats;   /* [layers], merged when contexts close */
    mb_xbar_codes *codes;
} mb_pass;

/* Over the first SAMPLES; WHAT for the progress. Any status of the arrays. */
int mb_pass_run(mb_pass *sh, int64_t samples, const char *what);

#endif
