/* tech.h - the technology layer: what a transistor, a cell row and a wire of a node are
 *
 * Nodes 130, 90, 65, 45, 32, 22 nm (planar; high performance HP and low standby power LSTP, 300 .. 400 K), 14, 10, 7, 5, 3 nm
 * (FinFET) and 2, 1 nm (nanosheets), the latter LSTP at 300 K only. Sources: tech_table.h, one per row. The rows are device
 * cards, not samples of a law: nothing is interpolated between nodes; another node is an error that names those there are. Between the
 * tabulated temperatures (every 10 K) currents are interpolated linearly. Each node has its nominal supply.
 *   wires     R' = rho / ((w - 2 b)(w AR - b)), b the diffusion barrier (on three sides), times 1 + 0.00451 |T - 300 K|
 *   junction  (planar) Cj = 1e-3 F/m2 / (1 + Vdd / 0.9)^0.5 and its sidewalls
 * Units: SI throughout; currents per metre of width. Who may call: the cost floor and above.
 */
#ifndef MB_COST_TECH_H
#define MB_COST_TECH_H

#include <stdbool.h>
#include <stddef.h>

#include "base/str.h"

typedef enum { MB_ROADMAP_HP, MB_ROADMAP_LSTP } mb_roadmap;
typedef enum { MB_DEVICE_PLANAR, MB_DEVICE_FINFET, MB_DEVICE_NANOSHEET } mb_device;
#define MB_ROADMAPS "hp|lstp" /* choices in the order of mb_roadmap */

typedef struct mb_metal {
    double width_m, r_per_m, c_per_m;
} mb_metal;

typedef struct mb_process {
    double node_nm, F_m, temp_K; /* F = the node */
    mb_roadmap roadmap;
    mb_device device;
    double vdd_V, vth_V, gate_length_m;
    double ion_n, ion_p, ioff_n, ioff_p;         /* A/m, at temp_K */
    double gm_n;                                 /* S/m */
    double k_eff;                                /* R_on = k_eff Vdd / (Ion W) */
    double pn_ratio;                             /* width of p for the drive of n, at 300 K */
    double c_gate, c_ideal, c_fringe, c_overlap; /* F/m */
    double c_junction;                           /* F/m2 */
    double c_sidewall, c_channel;                /* F/m; of no effect in FinFETs and sheets */
    double c_fin;                                /* F per fin, or per stack of sheets */
    double fin_width_m;                          /* of the diffusion: fin, or sheet */
    double fin_eff_m;                            /* effective channel width of a fin or a sheet */
    int max_fins;                                /* fins of one polarity that a cell row holds (nanosheets: stacks) */
    int sheets;                                  /* per stack, 0: none */
    double fin_pitch_m;
    double cpp_m, cell_height_m; /* contacted poly pitch, height of a standard cell */
    mb_metal wire, m0, m1;       /* intermediate, columns, rows */
    double sram_F2;              /* six-transistor cell */
    double flash_read_V;         /* read voltage of the flash converters */
    const char *source;
} mb_process;

typedef struct mb_process_spec {
    double node_nm;
    mb_roadmap roadmap;
    double temp_K;
    bool no_barrier; /* wires without diffusion barrier (to compare with tools that leave it out) */
} mb_process_spec;

/* MB_BADINPUT names the nodes, roadmaps or temperatures that are covered. */
int mb_process_init(mb_process *n, const mb_process_spec *spec);
/* Row I of the table: node and roadmap; false after the last. */
bool mb_process_row(size_t i, double *node_nm, mb_roadmap *roadmap);
const char *mb_device_name(mb_device d);
/* "130, 90, ... nm" */
void mb_process_covered(mb_roadmap roadmap, mb_str *out);

#endif
