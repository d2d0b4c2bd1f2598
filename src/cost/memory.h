/* memory.h - memories besides SRAM (cost/sram.h): register files, embedded DRAM, DRAM types
 *
 *   register file  words x bits flip-flops of which one word is clocked per write; a decoder for writing, one for reading; per
 *                  bit of a word NAND2 multiplexers and a NAND tree; data wires as long as the file's side
 *   eDRAM          energy per bit at 28 nm: low 0.075 pJ (DaDianNao: 19.2 pJ for 256 bits); high: SRAM of the same size and
 *                  width; nominal: their geometric mean. Area: low 0.895 mm2 / MiB at 28 nm (DaDianNao), nominal 64 KiB in
 *                  0.083 mm2 at 32 nm (ISAAC), both as node^2; high: the SRAM's. The low energy follows the node as SRAM does.
 *                  Capacitors do not follow for long: 22 .. 45 nm. Each bit is refreshed once per retention time (40 us).
 *   DRAM           pJ per bit of interface and cells, low | nominal | high, and the bandwidth of one interface: a band, since
 *                  sources disagree by a factor of 2. The physical interface on our chip is not counted.
 * Reference: Chen et al., MICRO 2014, doi:10.1109/MICRO.2014.58 (DaDianNao); Shafiee et al., ISCA 2016, doi:10.1109/ISCA.2016.12
 * (ISAAC); Barth et al., IEEE JSSC 46, 64 (2011), doi:10.1109/JSSC.2010.2084470 (retention); DRAM: in the rows of mb_drams.
 * Units: SI. Who may call: the cost floor and above.
 */
#ifndef MB_COST_MEMORY_H
#define MB_COST_MEMORY_H

#include "cost/converter.h"
#include "cost/sram.h"

typedef struct mb_memory {
    double read_J, write_J; /* of one word */
    double access_s, area_m2, leakage_W;
    double refresh_W; /* eDRAM */
} mb_memory;

mb_memory mb_register_file(const mb_process *n, int words, int bits);
/* MB_BADINPUT outside of 22 .. 45 nm and of what the SRAM model covers. */
int mb_edram(double kib, double width_bits, double node_nm, mb_corner corner, double retention_s, mb_memory *m);

typedef struct mb_dram {
    const char *name;
    double pJ_per_bit[3]; /* low, nominal, high */
    double bytes_per_s;
    const char *source;
} mb_dram;
extern const mb_dram mb_drams[]; /* name NULL at the end, in the order of MB_DRAM_NAMES */
#define MB_DRAM_NAMES "hbm2|hbm3|lpddr4|ddr4|gddr5|gddr6|ddr3"

#endif
