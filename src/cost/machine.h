/* machine.h - the accelerator: chip -> tiles -> arrays with converters, drivers, buffers; digital unit
 *
 * One group `arch` of the experiment, or a preset in experiments/arch/.
 *
 * The parameter table is the documentation of the keys (`mixbar show arch NAME`). Unit costs come from models with a source or
 * are given in the file; calibration factors are printed.
 * Equations, sources and what is left out: doc/models-cost.md.
 */
#ifndef MB_COST_MACHINE_H
#define MB_COST_MACHINE_H

#include "array/adc.h"
#include "array/cell.h"
#include "array/wire.h"
#include "array/xbar.h"
#include "base/param.h"
#include "cost/report.h"
#include "mapping/plan.h"
#include "mapping/policy.h"
#include "nn/network.h"

/* Where unit costs come from. "given": the keys with numbers; the others: the technology layer (converter.h, circuit.h,
 * memory.h). */
#define MB_CONVERTER_MODELS "survey|circuit|adder_tree"
typedef enum { MB_CONVERTER_SURVEY, MB_CONVERTER_CIRCUIT, MB_CONVERTER_ADDER_TREE } mb_converter_model;
#define MB_LOGIC_MODELS "scaled|gates|given"
typedef enum { MB_LOGIC_SCALED, MB_LOGIC_GATES, MB_LOGIC_GIVEN } mb_logic_model;
#define MB_DRIVER_MODELS "given|bit|count|width|voltage"
typedef enum { MB_DRIVER_GIVEN, MB_DRIVER_BIT, MB_DRIVER_COUNT, MB_DRIVER_WIDTH, MB_DRIVER_VOLTAGE } mb_driver_model;
#define MB_FRONT_ENDS "given|amplifier|sense"
typedef enum { MB_FRONT_GIVEN, MB_FRONT_AMPLIFIER, MB_FRONT_SENSE } mb_front_end;
#define MB_SAMPLERS "given|noise"
typedef enum { MB_SAMPLER_GIVEN, MB_SAMPLER_NOISE } mb_sampler_model;
#define MB_BUFFER_MODELS "sram|edram|given"
typedef enum { MB_BUFFER_SRAM, MB_BUFFER_EDRAM, MB_BUFFER_GIVEN } mb_buffer_model;
#define MB_INTERCONNECTS "given|bus|htree|mesh"
typedef enum { MB_WIRES_GIVEN, MB_WIRES_BUS, MB_WIRES_HTREE, MB_WIRES_MESH } mb_interconnect;

typedef struct mb_machine {
    char *name;                 /* of the preset or "arch" */
    char *where;                /* "file:line" of the group, for messages */
    /* keys of the table mb_machine_params; the ones the simulator needs come first */
    int rows, cols;             /* array */
    int subtract;               /* "analog|digital" subtraction of the pair */
    int adc_rule;               /* "full|calibrated|given" */
    double adc_percentile, adc_fraction;
    double r_wl_ohm, r_bl_ohm;  /* of a segment of word line, of bit line: between neighbouring cells */
    double r_driver_ohm, r_sense_ohm, r_on_ohm;
    int drive, sense;           /* "left|both", "bottom|both|alternate" (array/wire.h) */
    bool interleaved;           /* the cells of a pair share a bit line: 2 rows word lines, cols / 2 bit lines */
    /* options of the mapping (array/xbar.h, doc/mappings.md); the defaults are none of them */
    mb_reals slice_bits;        /* empty: slices of cell_bits */
    int weight_code, pair, offset_correction, input_code, accumulate, dac, read_noise, adc_range_per, arithmetic;
    double dac_inl, dac_noise, dac_J, dac_area_m2, column_limit_A;
    bool adc_powers_of_two;
    bool drop_empty_slices;
    int spare_columns;
    double dead_rows, dead_columns;
    int columns_per_adc;        /* column multiplexing */
    double adc_rate_Hz;         /* that a converter is designed for; 0: as fast as its type can */
    bool sample_hold;           /* columns are sampled, so that conversions overlap the next drive */
    double node_nm, vdd_V, clock_Hz;
    double conducting;          /* share of that time in which cells carry current */
    double read_s;              /* time that a row is driven per unit of input digit (pulse-width input) */
    int arrays_per_tile;
    int tiles;                  /* built; 0: as many as the plan needs */
    int buffer_KiB;             /* activation buffer of a tile */
    int global_buffer_KiB;      /* 0: as large as the network's live activations */
    int bus_bits;               /* width of a tile's bus and of the global buffer's port */
    int digital_lanes;          /* operations per cycle of the digital unit (layers without weights, scaling of outputs) */
    int digital_rows, digital_cols;  /* multipliers of the digital unit for layers with engine "digital" (output stationary) */
    double driver_C_F;          /* capacitance switched by a row driver per array column; energy C V^2 per drive */
    double driver_area_m2;      /* of one row driver */
    double integrator_W;        /* of the circuit that holds and integrates one column (or pair), while rows are driven */
    double integrator_area_m2;
    double sample_C_F;          /* sampling capacitor of a column (or pair) */
    double sample_area_m2;
    double bus_J_per_bit;       /* one bit between the buffer of a tile and its arrays */
    double noc_J_per_bit;       /* moving one bit between tiles, or between a tile and the global buffer */
    double router_area_m2;      /* of a tile's share of the network */
    double control_area;        /* control and routing: share of the area of digital logic */
    double leakage_W_per_m2;    /* of logic and mixed-signal area; SRAM leaks by its own model, cells do not leak */
    int write_cells;            /* cells of a row that are programmed at once; 0: the whole row */
    int write_arrays;           /* arrays programmed at once; 0: all */
    double adc_energy_factor, adc_area_factor, digital_factor;   /* calibration, default 1, printed */
    /* chip -> tiles -> processing elements -> arrays */
    int pes_per_tile; /* divides arrays_per_tile */
    bool distributed; /* activations stay in the tiles' buffers: no global buffer */
    bool clocked;     /* drives and conversions begin on edges of the clock */
    bool pipeline;    /* layers work on consecutive samples at once */
    int batch;        /* samples that are computed per load of the weights */
    int dram;         /* 0: none; else 1 + index into mb_drams */
    int dram_MiB;     /* 0: as large as the weights */
    /* sources of unit costs */
    int corner, converter, logic, driver, front_end, sampler, buffer, interconnect, roadmap;
    double temp_K;
    double buffer_read_J_per_bit, buffer_write_J_per_bit, buffer_m2_per_bit, buffer_W_per_bit;
    double shift_add_J, shift_add_area_m2, register_J_per_bit, register_m2_per_bit;
    double pe_area_m2, tile_area_m2, chip_area_m2, chip_W;
    mb_adc adc;                 /* group `adc` */
    struct mb_macro *digital_macro; /* group or name `digital_macro`: layers with engine "digital" run on it (macro_layer.h); NULL: on the multiplier block */
} mb_machine;

extern const mb_param mb_machine_params[];
/* GROUP with the preset expanded. Conditions between keys (columns_per_adc divides cols, node covered by the models, ...) are
 * checked here: MB_BADINPUT with key and file:line. */
int mb_machine_load(mb_conf *group, const char *name, mb_machine **m);
void mb_machine_free(mb_machine *m);

/* What the data did in layer m, per vector (one input vector of one group), averaged; from simulation or estimated. */
typedef struct mb_activity {
    bool measured;
    double rows_driven;         /* row drives with a non-zero digit, summed over planes */
    double digit_sum;           /* sum of digits over rows and planes */
    double charge_S;            /* sum over rows and planes of digit * (conductance of all cells of the row), in S */
    double occupancy;           /* share of the converters' codes that occurred; 0: not known, taken as 1 */
    double empty;               /* share of conversions that drop_empty_slices leaves out, measured; estimates take 0 */
} mb_activity;
/* Statistical estimate without a simulation: input bits are set independently with probability 1/2 (so half of the rows are
 * driven in a plane of one bit), inputs are unsigned; the mean conductance comes from the stored weights, quantised per layer to
 * their largest magnitude (without weights: normal, cut at 3.5 sigma). act[n_weighted].
 * Reads all weights: in a search, ask once per setting of a layer and pass the result to mb_cost_network. */
int mb_activity_estimate(const mb_network *net, const mb_plan *plan, const mb_machine *mach, const mb_cell *cell,
                         mb_activity *act);

/* Does any line of its arrays have resistance? */
bool mb_machine_has_wires(const mb_machine *mach);
/* Specification of the arrays of weighted layer m under an assignment: the one place where machine + assignment + cell become a
 * crossbar. input_signed is the caller's.
 * Read at time 0, 300 K: the caller sets others. */
int mb_machine_spec(const mb_machine *mach, const mb_cell *cell, const mb_assign *a, bool input_signed, mb_xbar_spec *spec);

/* Where a layer lies and in what sequence its arrays work.
 * Groups (depthwise layers): when the K inputs and the columns of a group fit one array more than once, groups are packed
 * block-diagonally, each on rows and columns of its own:
 *     groups per array = min(floor(rows / K), floor(cols / columns of a group))
 *     columns of a group = N * cells_per_weight + its dummy columns
 * A row group of rows_active rows covers floor(rows_active / K) packed groups, which are read together. Otherwise every group has
 * its own row_tiles x col_tiles arrays.
 * A tile holds the block of a x b arrays (a power of two or all along the rows) that moves the fewest bits: inputs to all tiles
 * that need them, partial sums between tiles. */
typedef struct mb_placement {
    mb_xbar_layout layout;      /* of one group */
    int64_t arrays;             /* copies included */
    int groups_per_array;       /* 1: not packed */
    int columns_per_group;      /* in one array, dummies included */
    int steps;                  /* row groups read in sequence in the busiest array, per plane */
    int adc_steps;              /* conversions in sequence of the busiest converter, per step */
    int tiles_across;           /* tiles that need the same inputs (columns of a layer spread over tiles) */
    int tiles_along;            /* tiles whose partial sums meet (rows of a layer spread over tiles) */
    int groups_per_tile;        /* at least 1 */
} mb_placement;
int mb_machine_place(const mb_machine *mach, const mb_xbar_spec *spec, const mb_layer *l, int copies, mb_placement *p);

/* Arrays that a layer takes (copies included; groups of a depthwise layer are packed block-diagonally where they fit). 0 for the
 * digital engine. */
int mb_machine_arrays(const mb_machine *mach, const mb_cell *cell, const mb_layer *l, const mb_assign *a, int64_t *arrays);

/* When a sample is computed. A resource of a layer is busy for a time; overlapping hides some of it, and total_s is what the
 * layer takes. */
typedef enum { MB_DRIVING, MB_CONVERTING, MB_MOVING, MB_DIGITAL_UNIT, MB_RELOADING, MB_RESOURCES } mb_resource;
extern const char *const mb_resource_names[MB_RESOURCES]; /* "row drives", "conversions", "movement", ... */
typedef struct mb_layer_times {
    const char *name;          /* the layer's, borrowed from the network */
    double load_s;             /* first vector from buffer to arrays */
    double drive_s, convert_s; /* rows, converters over the multiplexer; they overlap with sample-and-hold */
    double add_s;              /* shift-and-add, within the conversions */
    double reduce_s;           /* sums between tiles, part of move_s */
    double move_s;             /* the busier of tile bus and port of the global buffer */
    double digital_s;          /* digital unit, or the multiplier block */
    double reload_s;           /* loading its weights, per sample of a batch */
    double total_s;
    mb_resource bottleneck; /* the resource that is busy longest */
} mb_layer_times;
typedef struct mb_schedule {
    double latency_s;          /* of one sample through all layers, its share of loading weights included */
    double interval_s;         /* between samples in steady state: pipeline: the busiest layer or shared unit; else latency_s */
    double batch_s;            /* of a batch */
    double reload_J, reload_s; /* part of energy and latency that loads weights */
    mb_resource bottleneck;    /* of bottleneck_layer, or a shared unit's */
    const char *bottleneck_layer; /* NULL: a unit that the layers share */
    int n;                        /* layers that do something; layer[] is owned when the caller asked for it, else NULL */
    mb_layer_times *layer;
} mb_schedule;
void mb_schedule_free(mb_schedule *s);

/* The whole network under a plan: tree machine -> layer -> leaves, and a group "shared" (buffers, digital unit, leakage). act has
 * net->n_weighted entries, or NULL: estimated. input_signed[m], or NULL: unsigned. report may be NULL: only the metrics, without
 * any allocation for the tree (the same numbers, bit for bit).
 * Layers run one after the other: latency is that of one sample. A plan that needs more than `tiles` (without `dram` to reload
 * from) or a larger global buffer is MB_NUMERIC with what is missing. */
int mb_cost_network(const mb_machine *mach, const mb_cell *cell, const mb_network *net, const mb_plan *plan,
                    const mb_activity *act, const bool *input_signed, mb_report **report, mb_metrics *metrics);

/* The same for many plans: what depends on machine, cell and network (borrowed) is prepared once, and weights are read once per
 * setting of a layer. mb_costing_plan with act NULL gives the bits of mb_cost_network. Any number of threads may ask one costing;
 * its memory does not grow with the number of plans. schedule may be NULL; WANT_LAYERS: fill schedule->layer. */
typedef struct mb_costing mb_costing;
int mb_costing_new(const mb_machine *mach, const mb_cell *cell, const mb_network *net, mb_costing **c);
void mb_costing_free(mb_costing *c);
int mb_costing_plan(const mb_costing *c, const mb_plan *plan, const mb_activity *act, const bool *input_signed,
                    mb_report **report, mb_metrics *metrics, mb_schedule *schedule, bool want_layers);

/* Energy and area with all models at their low and high corner (converters, eDRAM, DRAM), everything else alike. */
typedef struct mb_band {
    double energy_low_J, energy_high_J, area_low_m2, area_high_m2;
} mb_band;
int mb_cost_band(const mb_machine *mach, const mb_cell *cell, const mb_network *net, const mb_plan *plan, const mb_activity *act,
                 const bool *input_signed, mb_band *band);

/* The machine at full use under assignment A: every array of all tiles (tiles = 0: of one tile) works on its own stored matrix,
 * fed from its tile's buffer; nothing waits for the digital unit or the network between tiles. What data sheets call peak. */
typedef struct mb_peak {
    double arrays, ops_per_s, power_W, area_m2;
    mb_report *report;
} mb_peak; /* report: caller's, per vector of all arrays */
int mb_machine_peak(const mb_machine *mach, const mb_cell *cell, const mb_assign *a, mb_peak *peak);

/* Loading the weights of a network into its arrays once (src/cost/programming.c: equations). The digital engine's weights are
 * not counted. */
typedef struct mb_programming {
    double cells;               /* that hold a digit, copies and dummy columns included */
    double pulses;              /* of all cells */
    double energy_J;            /* verification included */
    double latency_s;
    double wear;                /* share of a cell's endurance that one load uses; 0: the cell states no endurance */
} mb_programming;
/* Time of a row of N cells that are programmed at once, over the time of one cell with PULSES pulses on average, each of which
 * succeeds independently: the row waits for its slowest cell. 1 for N = 1 or PULSES <= 1. */
double mb_programming_slowest(double pulses, double n);
int mb_cost_programming(const mb_machine *mach, const mb_cell *cell, const mb_network *net, const mb_plan *plan,
                        mb_programming *out);

#endif
