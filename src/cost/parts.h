/* parts.h - unit costs of a machine's parts, worked out once: nothing here depends on a network or a plan
 *
 * Sources by the keys of the machine: "given" numbers of its file, the survey, or circuits of the technology layer (converter.h,
 * circuit.h, memory.h). The corner multiplies converters (energy 0.3 | 1 | 3.5, area 0.2 | 1 | 6.6, converter.h) and chooses the
 * energy of eDRAM and DRAM. It leaves a calibrated energy or area of converters (factor other than 1) alone.
 * Units: SI. Who may call: the cost floor.
 */
#ifndef MB_COST_PARTS_H
#define MB_COST_PARTS_H

#include "cost/digital.h"
#include "cost/machine.h"
#include "cost/memory.h"

enum { MB_ADC_BITS_MAX = 16, MB_DAC_BITS_MAX = 8 };

typedef struct mb_priced {
    mb_cost each;
    const char *source;
    bool by_code; /* energy is proportional to the code; each: of half of them */
} mb_priced;

typedef struct mb_parts {
    mb_cell_cost cell;
    double g_min_S, g_max_S;
    mb_process process;                 /* when a key asks for the technology layer */
    mb_gates gates;                     /* logic = "gates" */
    mb_tech tech;                       /* arithmetic of the digital unit and, unless given, of the arrays */
    mb_priced adc[MB_ADC_BITS_MAX + 1]; /* one conversion, one converter; source NULL: the model does not cover it */
    double adc_energy_factor, adc_area_factor;
    mb_priced driver[MB_DAC_BITS_MAX + 1]; /* by dac_bits: a drive of one row, one driver; digit_J more for each unit of digit */
    double digit_J[MB_DAC_BITS_MAX + 1];
    mb_priced front[MB_ADC_BITS_MAX + 1]; /* by adc_bits; given: per second of driving */
    mb_priced sampler[MB_ADC_BITS_MAX + 1];
    mb_buffer tile;
    mb_repeater wire;    /* interconnect not given */
    mb_block router;     /* mesh: one router, one flit of bus_bits */
    const mb_dram *dram; /* NULL: none */
} mb_parts;

/* MB_BADINPUT with the key when a model does not cover the machine (its node, its supply). */
int mb_parts_init(mb_parts *p, const mb_machine *mach, const mb_cell *cell);
/* A buffer of KIB of the machine's kind. */
int mb_parts_buffer(const mb_machine *mach, const char *name, double kib, mb_buffer *b);
/* Converter of BITS: MB_BADINPUT when its model does not cover it. */
int mb_parts_adc(const mb_parts *p, const mb_machine *mach, int bits, const mb_priced **adc);

/* Wires of a chip of TILES tiles of TILE_M2: energy of one bit between a tile's buffer and its arrays, between tiles; area of a
 * tile's share. */
typedef struct mb_wiring {
    double bus_J_per_bit, noc_J_per_bit, router_area_m2, leakage_W;
    const char *source;
} mb_wiring;
mb_wiring mb_parts_wiring(const mb_parts *p, const mb_machine *mach, double tiles, double tile_m2);

#endif
