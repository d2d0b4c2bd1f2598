/* cell.h - the interface of memory cells (implemented in devices/, also by users' shared objects)
 *
 * A cell type is a const descriptor. All functions work on N cells at once, structure of arrays: state[k * n + i] is the k-th
 * number of cell i. Conductances are in siemens (float), times in seconds after programming, temperatures in kelvin.
 * Laws (a contract test runs them on every registered cell):
 *   program and read with all error parameters zero give exactly the level grid;  mean() at t = 0 is what program() left;
 *   the same stream gives the same bits; cells are served in chunks of MB_CELL_CHUNK, each of which draws the same amount, so
 *   that cell i depends on the stream and on i alone: a longer call begins with the cells of a shorter one, and calls may be
 *   split at multiples of the chunk;  no result is negative or non-finite.
 */
#ifndef MB_ARRAY_CELL_H
#define MB_ARRAY_CELL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/param.h"
#include "base/rng.h"

/* Version of this interface: raised whenever mb_cell_type, mb_cell_cost, mb_param or mb_stream change (src/array/cell_user.c
 * checks their sizes, so that it is not forgotten). */
#define MB_CELL_ABI 2
#define MB_CELL_CHUNK 256

typedef struct mb_cell_cost {
    double read_V;           /* voltage of a full-scale input digit */
    double write_J;          /* energy to program one cell, verification included; mean over the targets */
    double write_s;          /* time to program one cell, likewise (row-parallel programming does a row at once) */
    double area_F2;          /* cell with access device, in squared feature sizes */
    double pulses;           /* programming pulses per cell, mean over the targets, each wears the cell; 0 counts as 1 */
    double endurance;        /* pulses that a cell endures; 0: not stated */
} mb_cell_cost;

typedef struct mb_cell_type {
    int abi;                 /* MB_CELL_ABI */
    const char *name, *summary;
    const char *reference;   /* paper, DOI */
    const mb_param *params;
    size_t size;             /* of the parameter struct */
    int (*check)(const void *p);        /* conditions between parameters; NULL: none */
    int n_state;
    void (*range)(const void *p, double *g_min, double *g_max);   /* S; 0 <= g_min < g_max */
    int (*levels)(const void *p);       /* programmable levels, 0: continuous */
    bool (*deterministic)(const void *p); /* no random part in programming, ageing or reading: nothing to average over draws */
    /* targets (S, inside the range) -> state, with level grid and programming error */
    void (*program)(const void *p, size_t n, const float *g_target, float *state, mb_stream *rng);
    /* conductance t seconds after programming without read noise */
    void (*mean)(const void *p, size_t n, const float *state, double t_s, double temp_K, float *g);
    /* one read: mean plus read noise; clamped at 0 */
    void (*read)(const void *p, size_t n, const float *state, double t_s, double temp_K, float *g, mb_stream *rng);
    /* standard deviation (S) of the read noise around the mean conductance g (what mean() gave for the same state, age and
     * temperature); NULL: no read noise. Lets an array draw one number per output with variance sum sigma_i^2 v_i^2 instead of
     * one per cell (exact for Gaussian noise while no cell clips at zero). */
    void (*read_sigma)(const void *p, size_t n, const float *state, double t_s, double temp_K, const float *g, float *sigma);
    void (*cost)(const void *p, mb_cell_cost *c);
    /* Non-idealities that can be switched off one by one (ablations): names such as "programming", "drift", "read noise",
     * "stuck", NULL-terminated, in physical order; and the switch, on a copy of the parameters (shallow: it may change numbers,
     * not free or replace pointers). Without all of them the cell is exact at the level grid. NULL: nothing to switch. */
    const char *const *effects;
    void (*without)(void *p, int effect);
    /* Current of a cell of conductance g (S) at the voltage u read_V, -1 <= u <= 1, over the current at read_V; odd in u,
     * shape(g, 1) = 1. NULL: linear. */
    double (*shape)(const void *p, double g, double u);
    /* Expected mean conductance at age t_s over that right after programming, over all levels: what a global drift compensation
     * divides outputs by when it does not measure. NULL: 1. */
    double (*decay)(const void *p, double t_s, double temp_K);
    /* One-sided spectral density (S^2/Hz) of the read noise of a cell of conductance g at frequency f_Hz. NULL: not known. */
    double (*spectrum)(const void *p, double g, double t_s, double temp_K, double f_Hz);
} mb_cell_type;

extern const mb_cell_type *const mb_cells[];    /* NULL-terminated, generated from devices/local.mk */

/* A cell type with its parameters. library: the shared object of a user's cell, NULL for those built in; code: hash of its file,
 * else 0. */
typedef struct mb_cell { const mb_cell_type *type; void *params; void *library; uint64_t code; } mb_cell;
const mb_cell_type *mb_cell_find(const char *name);             /* NULL when unknown */
/* C, the value of `device`, becomes a group: a preset by name or path is read, "./my_cell.so" becomes
 * { cell = "./my_cell.so" }. */
int mb_cell_expand(mb_conf *c);
/* GROUP (preset expanded) has the key `cell = NAME` and the parameters of that type. NAME of a user's cell is the path of its
 * shared object, relative to the file in which it stands; it is made absolute in GROUP. */
int mb_cell_load(mb_conf *group, mb_cell *cell);
void mb_cell_free(mb_cell *cell);
/* What GROUP is called in messages: the name of its preset without folder and ending, else that of its cell type. */
void mb_cell_label(const mb_conf *group, char *label, size_t size);

/* A user's cell is a shared object with one exported symbol:
 *     const mb_cell_type mb_user_cell = { .abi = MB_CELL_ABI, .name = "mine", ... };
 * compiled against the installed headers (pkg-config --cflags mixbar); mb_ functions are found in the program that loads it.
 * It runs with the rights of the program: load only what you compiled or trust. */
#define MB_USER_CELL_SYMBOL "mb_user_cell"
extern const mb_cell_type mb_user_cell;         /* declared for those who define it */
/* Does NAME mean a shared object (it ends in ".so")? */
bool mb_cell_is_user(const char *name);
/* Open the shared object at PATH and check its descriptor; WHERE ("file:line") for messages. *code: hash of the file. */
int mb_cell_open(const char *path, const char *where, const mb_cell_type **type, void **library, uint64_t *code);
void mb_cell_close(void *library);              /* NULL: nothing */
/* Run a loaded cell through the laws above on a few hundred cells; MB_BADINPUT names the law that is broken. */
int mb_cell_try(const mb_cell *cell, const char *where);

#endif
