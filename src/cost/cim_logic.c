/* cim_logic.c - counts, capacitances, delays of the adders of digital in-memory computing (cim_logic.h) */
#include "cost/cim_logic.h"

#include <math.h>

#define XOR_F 1.5
#define XOR_AREA 2.4
#define XOR_DELAY 2.4

double mb_cim_adder_F(const mb_cim_logic *l) { return (3 + 2 * XOR_F) * l->gate_F; }
double mb_cim_register_F(const mb_cim_logic *l) { return 3 * l->gate_F; }
double mb_cim_adder_m2(const mb_cim_logic *l) { return (3 + 2 * XOR_AREA) * l->gate_m2; }
double mb_cim_register_m2(const mb_cim_logic *l) { return 6 * l->gate_m2; }
double mb_cim_sum_s(const mb_cim_logic *l) { return 2 * XOR_DELAY * l->gate_s; }
double mb_cim_carry_s(const mb_cim_logic *l) { return (XOR_DELAY + 2) * l->gate_s; }
double mb_cim_ripple_s(const mb_cim_logic *l) { return 2 * l->gate_s; }

double mb_cim_tree_adders(int words, int bits) {
    double adders = 0;
    for (int n = words, b = bits; n > 1; n = n / 2 + n % 2, b++) adders += (double)(n / 2) * b;
    return adders;
}

double mb_cim_tree_s(const mb_cim_logic *l, int words, int bits) {
    int stages = 0;
    while (1 << stages < words) stages++;
    if (!stages) return 0;
    return (stages - 1) * mb_cim_sum_s(l) + mb_cim_carry_s(l) + (bits + stages - 2) * mb_cim_ripple_s(l);
}

double mb_cim_place_adders(int words, double bits) { return words < 2 ? 0 : bits * (words - 1) + words * (log2(words) - 0.5); }
