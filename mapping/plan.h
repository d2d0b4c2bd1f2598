/* plan.h - what a mapper decides: one assignment per weighted layer, kept as a readable file
 *
 * A plan is saved as libconfig text, can be diffed, edited by hand and replayed (`mixbar eval -p plan.cfg`):
 *     schema = 1;  network = "fashion_cnn";  network_hash = "89abcdef01234567";  machine = "rram-22nm";  policy = "uniform";
 *     layers = ( { name = "/conv1/Conv"; engine = "analog"; weight_bits = 8; ... }, ... );
 * A plan may carry run-time modes: other settings of its layers on the same programmed cells. A mode states the keys that differ, of
 * those that reading decides (MB_MODE_KEYS):
 *     modes = ( { name = "low"; layers = ( { name = "/conv1/Conv"; input_bits = 4; adc_bits = 6; skip_slices = 2; } ); } );
 */
#ifndef MB_MAPPING_PLAN_H
#define MB_MAPPING_PLAN_H

#include <stdint.h>

#include "base/conf.h"
#include "base/param.h"
#include "nn/network.h"

#define MB_ENGINES "analog|digital"
typedef enum { MB_ANALOG, MB_DIGITAL } mb_engine;

/* Setting of one weighted layer. One table row per field (mb_assign_params): the same rows serve `map`, menus, plan files and
 * sweeps. */
typedef struct mb_assign {
    int engine;          /* mb_engine: crossbar, or exact integers on the digital unit */
    int weight_bits;     /* 1..8, sign included */
    int cell_bits;       /* 1..8, bits per cell: width of a slice */
    int input_bits;      /* 1..8 */
    int dac_bits;        /* 1..8, bits per input cycle */
    int adc_bits;        /* 1..16 */
    int rows_active;     /* rows read at once; 0: all rows of the array */
    int scheme;          /* index into "differential|offset" */
    int copies;          /* duplication: arrays that hold the same weights and share the vectors */
    int skip_slices;     /* lowest slices that are stored but not read: what a run-time mode of lower precision leaves out */
    int keep_outputs;    /* output channels kept (mapping/keep.h); 0: all. Layers that share them need not all say it */
    int keep_inputs;     /* input channels read; 0: all that are left */
} mb_assign;

extern const mb_param mb_assign_params[];
/* Field of table row KEY. */
int mb_assign_get(const mb_assign *a, int key);
void mb_assign_set(mb_assign *a, int key, int value);
/* Row of the key called NAME; -1 when there is none. */
int mb_assign_key(const char *name);
/* Value of row KEY from a configuration value (an integer, or the name of a choice); wrong type, unknown name or out of range:
 * MB_BADINPUT with file:line. */
int mb_assign_parse(int key, const mb_conf *value, int *out);
/* NULL, or why no machine could do it (dac_bits larger than input_bits): static text. */
const char *mb_assign_fault(const mb_assign *a);
/* "engine = "analog"; weight_bits = 8; ..." in libconfig syntax. */
void mb_assign_write(const mb_assign *a, mb_str *out);

/* Keys that a mode may change: nothing is programmed anew. */
#define MB_MODE_KEYS "input_bits|dac_bits|adc_bits|rows_active|skip_slices"
typedef struct mb_mode { char *name; mb_assign *assign; } mb_mode;      /* [n] of the plan, complete */

typedef struct mb_plan {
    char *network;           /* name */
    uint64_t network_hash;
    char *machine, *policy;  /* may be NULL */
    int n;                   /* weighted layers */
    char **layer;            /* their names */
    mb_assign *assign;
    int n_modes;
    mb_mode *mode;
} mb_plan;

int mb_plan_new(const mb_network *net, const mb_assign *all, mb_plan **plan);    /* the same assignment for all layers */
int mb_plan_clone(const mb_plan *p, mb_plan **copy);
void mb_plan_free(mb_plan *p);
/* Add a copy of ASSIGN [n] as mode NAME. MB_BADINPUT when it changes what is stored (the first such key is named), or for a name that
 * is there already. */
int mb_plan_add_mode(mb_plan *p, const char *name, const mb_assign *assign);
/* The plan of mode I (-1: the plan itself) without modes. */
int mb_plan_of_mode(const mb_plan *p, int i, mb_plan **plan);
int mb_plan_equal(const mb_plan *a, const mb_plan *b);                           /* 1 or 0; assignments only */
void mb_plan_write(const mb_plan *p, mb_str *out);                               /* out->failed when memory ran out */
int mb_plan_save(const mb_plan *p, const char *path);
/* Read and check against NET (may be NULL: no check, layers in the file's order): another network, a missing, unknown or repeated
 * layer, a missing key, a value out of range is MB_BADINPUT naming the first difference. With NET the layers may stand in any
 * order and come back in the network's.
 * A file without network_hash fits any network that has these layers. */
int mb_plan_load(const char *path, const mb_network *net, mb_plan **plan);
/* First difference of two plans in words ("layer /conv2/Conv: weight_bits 8 and 4"); 0 when none. */
int mb_plan_diff(const mb_plan *a, const mb_plan *b, mb_str *out);

#endif
