/* quantity.h - the three costs, in SI units */
#ifndef MB_BASE_QUANTITY_H
#define MB_BASE_QUANTITY_H

typedef struct mb_cost { double energy_J, latency_s, area_m2; } mb_cost;

#endif
