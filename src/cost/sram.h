/* sram.h - energy, area, leakage and access time of SRAM buffers
 *
 * Source: 236 CACTI 7.0 runs (sram_table.h), low-standby-power devices, nodes 22, 32, 45, 65, 90 nm, 1 KiB .. 4 MiB, words of 32
 * .. 512 bits. In between: linear in the logarithms of size, word width and node (leaving each size out in turn, the mean error
 * is 8.5 % for read energy, 5.4 % for area, at twice the spacing).
 * Outside the table, documented rules:
 *   node 7 .. 22 nm: from the 22 nm row, energy and leakage as (node/22)^0.5, area as node/22, access time unchanged (rule of
 *     hwcomponents' CACTI wrapper);
 *   smaller than the smallest size: energy as size^0.78 (same source), area and leakage as the size, access time unchanged;
 *   larger than 4 MiB: banks; area and leakage as the size, energy and access time as its square root (longer wires);
 *   narrower than the narrowest word: energy x (0.7 w/w0 + 0.3) (same source), all else unchanged;
 *   wider than the widest: equal macros side by side.
 * Any other node is an error. CACTI's energies are for its own supply: they are not scaled with the machine's. Leakage jumps by a
 * factor of 3 between organisations: a scale only.
 */
#ifndef MB_COST_SRAM_H
#define MB_COST_SRAM_H

typedef struct mb_sram {
    double read_J, write_J;      /* one access of one word */
    double leakage_W, area_m2, access_s;
} mb_sram;

extern const char mb_sram_source[];

/* KIB > 0 and at most 1 GiB, WIDTH_BITS >= 1; MB_BADINPUT names the request that the model does not cover. */
int mb_sram_cost(double kib, double width_bits, double node_nm, mb_sram *s);

#endif
