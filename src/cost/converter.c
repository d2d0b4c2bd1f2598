/* converter.c - converters and analog periphery; equations, sources, units in converter.h
 *
 * Who may call: the cost floor and above.
 */
#include "cost/converter.h"

#include <math.h>

#include "base/error.h"
#include "devices/adc_survey.h"

typedef enum { SAR, FLASH } fit_kind;

#include "cost/converter_table.h"

#define BOLTZMANN 1.380649e-23
#define GM_OVER_ID 15.0    /* 1/V, moderate inversion */
#define CAP_DENSITY 2e-3   /* F/m2, metal-oxide-metal */
#define UNIT_CAP_F 0.5e-15 /* smallest capacitor that is drawn */

static double square(double x) { return x * x; }
static double codes(int bits) { return ldexp(1, bits); }

int mb_lossless_bits(int rows, int dac_bits, int cell_bits) {
    double levels = rows * (codes(dac_bits) - 1) * (codes(cell_bits) - 1) + 1;
    int b = 0;
    while (codes(b) < levels) b++;
    return b;
}

/* --- analog to digital --------------------------------------------------------------------------------------------- */

int mb_converter_survey(double bits, double rate_Hz, double node_nm, mb_corner corner, mb_block *b) {
    static const double energy[3] = {0.3, 1, 3.5}, area[3] = {0.2, 1, 6.6};
    *b = (mb_block){0};
    int rc = mb_adc_survey(bits, rate_Hz, node_nm, &b->energy_J, &b->area_m2);
    if (rc) return rc;
    b->energy_J *= energy[corner];
    b->area_m2 *= area[corner];
    b->delay_s = 1 / rate_Hz;
    return MB_OK;
}

/* Power in W of a fit at this node; NaN when there is none. */
static double fit(fit_kind kind, const mb_process *n, int bits, double column_ohm, double read_V) {
    double R = column_ohm * 0.5 / (read_V > 0 ? read_V : n->flash_read_V);
    for (size_t i = 0; i < sizeof fit_table / sizeof fit_table[0]; i++) {
        if (fit_table[i].kind != kind || fit_table[i].roadmap != n->roadmap || fabs(fit_table[i].node_nm - n->node_nm) > 1e-9)
            continue;
        double static_uW = kind == SAR ? fit_table[i].a * bits + fit_table[i].b : fit_table[i].a * (codes(bits) - 1);
        double warm = 1 + 0.0013 * (n->temp_K - 300);
        return (static_uW + 1e6 * fit_table[i].c * exp(fit_table[i].d * log10(R))) * 1e-6 * warm;
    }
    return (double)NAN;
}

mb_block mb_sar_table(const mb_process *n, int bits, double column_ohm, double read_V) {
    double t = (bits + 1) * 1e-9, one = mb_inverter(n, 1).area_m2;
    return (mb_block){(478 + 182.0 * (bits - 1)) * one, fit(SAR, n, bits, column_ohm, read_V) * t, t, 0};
}

mb_block mb_flash_table(const mb_process *n, int bits, double column_ohm, double read_V) {
    const double t = 1e-9, steps = codes(bits) - 1;
    mb_gate nand = mb_nand(n, 2), inv = mb_inverter(n, 1);
    mb_block sa = mb_sense_amplifier(n, 0.01);
    double area = steps * (sa.area_m2 + 9 * inv.area_m2 + nand.area_m2 + inv.area_m2);
    return (mb_block){area, fit(FLASH, n, bits, column_ohm, read_V) * t, t, steps * (sa.leakage_W + nand.leakage_W)};
}

int mb_converter_sar28(double bits, double rows, double vdd_V, mb_block *b) {
    if (!(bits >= 1 && bits <= 16 && rows >= 1 && vdd_V > 0))
        return mb_fail(MB_BADINPUT,
                       "the 28 nm converter fit covers 1 to 16 bits, at least one row and a positive supply, not %g bits, "
                       "%g rows, %g V",
                       bits, rows, vdd_V);
    double area_um2 = bits > 1 ? pow(10, 1.206 - 0.0369 * bits) * exp2(bits) : 0;
    *b = (mb_block){area_um2 * 1e-12, (100 * bits + 0.001 * pow(4, bits)) * 1e-15 * vdd_V * vdd_V,
                    bits * (0.00653 * rows + 0.640) * 1e-9, 0};
    return MB_OK;
}

mb_block mb_converter_ramp(const mb_process *n, int bits, int columns, double clock_Hz) {
    const double steps = codes(bits);
    mb_block sa = mb_sense_amplifier(n, n->vdd_V / steps), ff = mb_flipflop(n, MB_FLIPFLOP_ACTIVITY);
    double ramp_C = steps * UNIT_CAP_F, shared = 1.0 / columns;
    mb_block r = {.delay_s = steps / clock_Hz};
    /* a step of the shared counter: two of its flip-flops toggle on average, and its N lines pass all columns once */
    double counter = steps * 2 * ff.energy_J, ramp = ramp_C * square(n->vdd_V);
    r.energy_J = steps * sa.energy_J + bits * ff.energy_J + shared * (counter + ramp);
    r.area_m2 = sa.area_m2 + bits * ff.area_m2 + shared * (bits * ff.area_m2 + ramp_C / CAP_DENSITY);
    r.leakage_W = sa.leakage_W + bits * ff.leakage_W * (1 + shared);
    return r;
}

mb_block mb_converter_fire(const mb_process *n, int bits, double packets, double c_int_F, double v_th, double packet_s) {
    mb_block sa = mb_sense_amplifier(n, v_th / 100), ff = mb_flipflop(n, MB_FLIPFLOP_ACTIVITY);
    mb_block f = {.delay_s = (codes(bits) - 1) * packet_s};
    f.energy_J = packets * (c_int_F * v_th * n->vdd_V + sa.energy_J + 2 * ff.energy_J);
    f.area_m2 = c_int_F / CAP_DENSITY + sa.area_m2 + bits * ff.area_m2;
    f.leakage_W = sa.leakage_W + bits * ff.leakage_W;
    return f;
}

/* --- samplers, amplifiers ------------------------------------------------------------------------------------------ */

mb_block mb_sense_amplifier(const mb_process *n, double dv_V) {
    mb_gate inv = mb_inverter(n, 1);
    const double gates = 11 * mb_gate_cap(n, inv.wn), drains = 7 * mb_drain_cap(n, inv.wn), C = 2 * (inv.c_in + inv.c_out);
    double gm = n->vdd_V / inv.r_n / n->vdd_V * 2; /* both inverters of the latch, about the conductance when on */
    const double t = dv_V < n->vdd_V ? C / gm * log(n->vdd_V / dv_V) : 0;
    return (mb_block){9 * inv.area_m2, square(n->vdd_V) * (gates + drains), t, 4 * inv.leakage_W};
}

mb_block mb_sampler(const mb_process *n, int bits, double swing_V, double c_min_F, double switch_ohm) {
    double C = 12 * BOLTZMANN * n->temp_K * square(codes(bits)) / square(swing_V);
    if (C < c_min_F) C = c_min_F;
    mb_block gate = mb_column_mux(n, 1, 1, switch_ohm, C, swing_V);
    return (mb_block){C / CAP_DENSITY + gate.area_m2, C * square(swing_V) + gate.energy_J, (bits + 1) * log(2) * switch_ohm * C,
                      gate.leakage_W};
}

mb_block mb_amplifier(const mb_process *n, int bits, double load_F, double settle_s) {
    double gm = (bits + 1) * log(2) * load_F / settle_s, I = 3 * gm / GM_OVER_ID;
    /* width for the current at a tenth of the on-current's density, four stacked devices of four gate lengths, twice
     * (differential) */
    double width = I / (0.1 * n->ion_n), area = 8 * width * 4 * n->gate_length_m + load_F / CAP_DENSITY;
    double least = 8 * mb_inverter(n, 1).area_m2;
    return (mb_block){area > least ? area : least, n->vdd_V * I * settle_s, settle_s, 0};
}

/* --- digital to analog --------------------------------------------------------------------------------------------- */

mb_block mb_drive_bit(const mb_process *n, double row_F, double swing_V) {
    mb_block d = mb_driver(n, row_F);
    d.energy_J += row_F * (square(swing_V) - square(n->vdd_V)); /* the line itself swings to its own voltage */
    return d;
}

/* Counter and comparison of a digit of BITS for one line: flip-flops of the digit, two toggling counter bits per step. */
static mb_block timer(const mb_process *n, int bits, double steps) {
    mb_block ff = mb_flipflop(n, MB_FLIPFLOP_ACTIVITY), cmp = mb_comparator(n, bits), t;
    t.area_m2 = 2 * bits * ff.area_m2 + cmp.area_m2;
    t.leakage_W = 2 * bits * ff.leakage_W + cmp.leakage_W;
    t.energy_J = bits * ff.energy_J + steps * (2 * ff.energy_J + cmp.energy_J * 2 / bits);
    t.delay_s = 0;
    return t;
}

mb_block mb_drive_count(const mb_process *n, int bits, double digit, double row_F, double swing_V, double pulse_s) {
    mb_block d = mb_drive_bit(n, row_F, swing_V), t = timer(n, bits, codes(bits) - 1);
    return (mb_block){d.area_m2 + t.area_m2, digit * d.energy_J + t.energy_J, (codes(bits) - 1) * pulse_s + d.delay_s,
                      d.leakage_W + t.leakage_W};
}

mb_block mb_drive_width(const mb_process *n, int bits, double digit, double row_F, double swing_V, double unit_s) {
    mb_block d = mb_drive_bit(n, row_F, swing_V), t = timer(n, bits, codes(bits) - 1);
    return (mb_block){d.area_m2 + t.area_m2, (digit > 0 ? d.energy_J : 0) + t.energy_J, (codes(bits) - 1) * unit_s + d.delay_s,
                      d.leakage_W + t.leakage_W};
}

mb_block mb_drive_voltage(const mb_process *n, int bits, double row_F, double swing_V, double settle_s) {
    if (bits <= 1) return mb_drive_bit(n, row_F, swing_V);
    mb_block a = mb_amplifier(n, bits, row_F, settle_s), ff = mb_flipflop(n, MB_FLIPFLOP_ACTIVITY);
    double dac_C = codes(bits) * UNIT_CAP_F;
    return (mb_block){a.area_m2 - row_F / CAP_DENSITY + dac_C / CAP_DENSITY + bits * ff.area_m2,
                      50e-15 * bits * square(n->vdd_V) + a.energy_J + row_F * square(swing_V) + bits * ff.energy_J, settle_s,
                      bits * ff.leakage_W};
}
