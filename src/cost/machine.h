/* machine.h - the accelerator: chip -> tiles -> arrays with converters, drivers, buffers; digital unit. One group `arch` (preset in experiments/arch/)
 *
 * The parameter table is the documentation of the keys (`mixbar show arch NAME`). Unit costs come from models with a source or are given in the file; calibration factors are printed.
 */
#ifndef MB_COST_MACHINE_H
#define MB_COST_MACHINE_H

#include "array/adc.h"
#include "array/cell.h"
#include "array/xbar.h"
#include "base/param.h"
#include "cost/report.h"
#include "mapping/plan.h"
#include "mapping/policy.h"
#include "nn/network.h"

typedef struct mb_machine {
    char *name;                 /* of the preset or "arch" */
    /* keys of the table mb_machine_params; the ones the simulator needs come first */
    int rows, cols;             /* array */
    int subtract;               /* "analog|digital" subtraction of the pair */
    int adc_rule;               /* "full|calibrated|given" */
    double adc_percentile, adc_fraction;
    int columns_per_adc;        /* column multiplexing */
    double node_nm, vdd_V, clock_Hz;
    double read_s;              /* time that a row is driven per unit of input digit (pulse-width input) */
    int arrays_per_tile;
    int buffer_KiB;             /* activation buffer of a tile */
    int global_buffer_KiB;
    int bus_bits;               /* width of a tile's bus */
    double driver_C_F;          /* capacitance switched by a row driver per array column; energy C V^2 per drive */
    double noc_J_per_bit;       /* moving one bit between tiles */
    double leakage_W_per_m2;
    double adc_energy_factor, adc_area_factor, digital_factor;   /* calibration, default 1, printed */
    mb_adc adc;                 /* group `adc` */
} mb_machine;

extern const mb_param mb_machine_params[];
int mb_machine_load(mb_conf *group, const char *name, mb_machine **m);
void mb_machine_free(mb_machine *m);

/* What the data did in layer m, per vector (one input vector of one group), averaged; from simulation or estimated. */
typedef struct mb_activity {
    bool measured;
    double rows_driven;         /* row drives with a non-zero digit, summed over planes */
    double digit_sum;           /* sum of digits over rows and planes */
    double charge_S;            /* sum over rows and planes of digit * (conductance of all cells of the row), in S */
} mb_activity;
/* Statistical estimate without a simulation: half of the rows driven per plane (documented), mean conductance from the stored weights. */
int mb_activity_estimate(const mb_network *net, const mb_plan *plan, const mb_machine *mach, const mb_cell *cell, mb_activity *act);

/* Specification of the arrays of weighted layer m under an assignment: the one place where machine + assignment + cell become a crossbar. input_signed is the caller's. */
int mb_machine_spec(const mb_machine *mach, const mb_cell *cell, const mb_assign *a, bool input_signed, mb_xbar_spec *spec);
/* Arrays that a layer takes (copies included; groups of a depthwise layer are packed block-diagonally where they fit). */
int mb_machine_arrays(const mb_machine *mach, const mb_cell *cell, const mb_layer *l, const mb_assign *a, int64_t *arrays);

/* The whole network under a plan: tree chip -> layer -> leaves. act has net->n_weighted entries, or NULL: estimated. input_signed[m], or NULL: unsigned. */
int mb_cost_network(const mb_machine *mach, const mb_cell *cell, const mb_network *net, const mb_plan *plan, const mb_activity *act, const bool *input_signed,
                    mb_report **report, mb_metrics *metrics);

#endif
