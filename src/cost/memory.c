/* memory.c - register files, embedded DRAM, DRAM types; rules and sources in memory.h
 *
 * Who may call: the cost floor and above.
 */
#include "cost/memory.h"

#include <math.h>
#include <stddef.h>

#include "base/error.h"

mb_memory mb_register_file(const mb_process *n, int words, int bits) {
    mb_block ff = mb_flipflop(n, MB_FLIPFLOP_ACTIVITY);
    mb_gate nand = mb_nand(n, 2);
    const double cells = (double)words * bits, V2 = n->vdd_V * n->vdd_V;
    int address = 0;
    while (ldexp(1, address) < words) address++;
    /* a decoder's line: the clock gate of a word, or one NAND per bit, and its wire */
    double area = cells * (ff.area_m2 + 2 * nand.area_m2), side = sqrt(area), wire_F = n->wire.c_per_m * side;
    mb_block write = mb_decoder(n, address, bits * nand.c_in + wire_F, side / words);
    mb_memory m = {.area_m2 = area + 2 * write.area_m2,
                   .leakage_W = cells * (ff.leakage_W + 2 * nand.leakage_W) + 2 * write.leakage_W};
    mb_repeater data = mb_repeated_wire(n, &n->wire, 0);
    double move = data.energy_J_per_m * side * bits * 0.5; /* half of the bits change */
    double stage = V2 * (2 * nand.c_in + nand.c_out) * 0.5, slope = MB_STEP;
    m.write_J = words > 1 ? write.energy_J : 0;
    m.read_J = m.write_J + move + bits * (1 + address) * stage;
    m.write_J += bits * ff.energy_J + move + V2 * 0.5 * bits * (words - 1) * mb_inverter(n, 1).c_in; /* data reach all words */
    m.access_s = write.delay_s + data.delay_s_per_m * side + ff.delay_s;
    for (int s = 0; s <= address; s++)
        m.access_s += mb_stage_delay((s % 2 ? nand.r_p : nand.r_n) * (nand.c_out + nand.c_in), &slope);
    return m;
}

int mb_edram(double kib, double width_bits, double node_nm, mb_corner corner, double retention_s, mb_memory *m) {
    mb_sram here, at28;
    if (!(node_nm >= 22 && node_nm <= 45))
        return mb_fail(MB_BADINPUT,
                       "the embedded DRAM model covers nodes from 22 to 45 nm (its sources: 28, 32 and 45 nm), not %g nm",
                       node_nm);
    int rc = mb_sram_cost(kib, width_bits, node_nm, &here);
    if (!rc) rc = mb_sram_cost(kib, width_bits, 28, &at28);
    if (rc) return rc;
    const double node = here.read_J / at28.read_J, shrink = node_nm / 28 * (node_nm / 28), mib = kib / 1024;
    const double low_J = 0.075e-12 * width_bits * node, low_m2 = 0.895e-6 * mib * shrink;
    const double mid_m2 = 0.083e-6 * kib / 64 * (node_nm / 32) * (node_nm / 32);
    double each[3] = {low_J, sqrt(low_J * here.read_J), here.read_J}, area[3] = {low_m2, mid_m2, here.area_m2};
    *m = (mb_memory){.read_J = each[corner], .write_J = each[corner], .access_s = here.access_s, .area_m2 = area[corner]};
    m->leakage_W =
        here.leakage_W * 0.1; /* cells leak their charge, which refresh pays for; periphery, about a tenth of the array */
    m->refresh_W = kib * 8192 / width_bits * each[corner] / retention_s;
    return MB_OK;
}

const mb_dram mb_drams[] = {
    {"hbm2",
     {3.9, 5.5, 7.0},
     256e9,
     "O'Connor et al. MICRO 2017, doi:10.1145/3123939.3124545 (3.92); Jouppi et al. ISCA 2021 (3.9 .. 7.0)"},
    {"hbm3", {2.9, 4.05, 5.2}, 819e9, "hwcomponents (4.05); band as wide as that of HBM2; JESD238 (bandwidth)"},
    {"lpddr4", {4, 8, 10.9}, 12.8e9, "hwcomponents, Timeloop (8); ZigZag (3.7 .. 11.7); x32 at 3200 MT/s"},
    {"ddr4", {15, 20, 26}, 25.6e9, "Jouppi et al. ISCA 2021, doi:10.1109/ISCA52012.2021.00010 (20.3); x64 at 3200 MT/s"},
    {"gddr5", {5.5, 14, 14}, 28e9, "O'Connor et al. MICRO 2017 (14); x32 at 7 GT/s"},
    {"gddr6", {5.5, 7, 14}, 64e9, "Jouppi et al. ISCA 2021 (5.5 .. 7.5); high: GDDR5; x32 at 16 GT/s"},
    {"ddr3",
     {20, 40, 70},
     34e9,
     "Horowitz ISSCC 2014 (20 .. 40); Malladi et al. ISCA 2012, doi:10.1109/ISCA.2012.6237004 (70, low locality); two channels "
     "of TPU v1"},
    {NULL, {0, 0, 0}, 0, NULL},
};
