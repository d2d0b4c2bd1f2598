/* component_converter.c - rows of converters, row drivers, samplers, amplifiers; models in converter.h */
#include "cost/component.h"

#include <math.h>

#include "base/error.h"
#include "devices/adc_survey.h"

#define FITS "converter.h: circuit fits per node of DNN+NeuroSim V1.3, Peng et al., IEEE TCAD 40, 2306 (2021)"
#define OWN "converter.h: gates, settling and noise, a low estimate; devices of Peng et al., IEEE TCAD 40, 2306 (2021)"

/* Facts that every converter of a column has. */
static void resolution(const mb_component_keys *k, mb_component_result *r, double bits) {
    mb_component_fact(r, "lossless_bits", mb_lossless_bits(k->rows, k->dac_bits, k->cell_bits), "");
    mb_component_fact(r, "bits", bits, "");
    if (r->energy_J > 0) mb_component_fact(r, "per_step", r->energy_J / exp2(bits), "J");
}

static int survey(const mb_component_keys *k, mb_component_result *r) {
    static const char *const energy[3] = {"energy_low", "energy_mid", "energy_high"};
    static const char *const area[3] = {"area_low", "area_mid", "area_high"};
    mb_block b;
    int rc = mb_converter_survey(k->enob, k->rate_Hz, k->node_nm, (mb_corner)k->corner, &b);
    if (rc) return rc;
    b.leakage_W = (double)NAN; /* contained in the energy at this rate */
    mb_component_block(r, b);
    resolution(k, r, k->enob);
    for (int c = 0; c < 3 && !rc; c++) {
        rc = mb_converter_survey(k->enob, k->rate_Hz, k->node_nm, (mb_corner)c, &b);
        mb_component_fact(r, energy[c], b.energy_J, "J");
        mb_component_fact(r, area[c], b.area_m2, "m2");
    }
    return rc;
}

static int fitted(const mb_component_keys *k, mb_component_result *r,
                  mb_block (*model)(const mb_process *, int, double, double)) {
    mb_process n;
    int rc = mb_component_node(k, &n);
    if (rc) return rc;
    mb_block b = model(&n, k->bits, k->column_ohm, k->read_V);
    if (isnan(b.energy_J))
        return mb_fail(MB_BADINPUT,
                       "there is no fit of this converter at %g nm %s; the flash fits cover 130 to 7 nm lstp, 130 to 22 nm hp",
                       n.node_nm, n.roadmap == MB_ROADMAP_HP ? "hp" : "lstp");
    mb_component_block(r, b);
    mb_component_fact(r, "read_voltage", k->read_V > 0 ? k->read_V : n.flash_read_V, "V");
    resolution(k, r, k->bits);
    return MB_OK;
}
static int sar(const mb_component_keys *k, mb_component_result *r) { return fitted(k, r, mb_sar_table); }
static int flash(const mb_component_keys *k, mb_component_result *r) { return fitted(k, r, mb_flash_table); }

static int sar28(const mb_component_keys *k, mb_component_result *r) {
    mb_block b;
    int rc = mb_converter_sar28(k->bits, k->rows, k->vdd_V, &b);
    if (rc) return rc;
    b.leakage_W = (double)NAN;
    mb_component_block(r, b);
    resolution(k, r, k->bits);
    return MB_OK;
}

#define ON_NODE(name, expr, more)                                         \
    static int name(const mb_component_keys *k, mb_component_result *r) { \
        mb_process n;                                                     \
        int rc = mb_component_node(k, &n);                                \
        if (rc) return rc;                                                \
        mb_component_block(r, expr);                                      \
        more;                                                             \
        return MB_OK;                                                     \
    }
ON_NODE(ramp, mb_converter_ramp(&n, k->bits, k->columns, k->clock_Hz), resolution(k, r, k->bits))
ON_NODE(fire, mb_converter_fire(&n, k->bits, k->packets, k->c_int_F, k->v_th_V, k->pulse_s), resolution(k, r, k->bits))
ON_NODE(bit, mb_drive_bit(&n, k->row_F, k->swing_V), )
ON_NODE(count, mb_drive_count(&n, k->bits, k->digit, k->row_F, k->swing_V, k->pulse_s), )
ON_NODE(width, mb_drive_width(&n, k->bits, k->digit, k->row_F, k->swing_V, k->pulse_s), )
ON_NODE(voltage, mb_drive_voltage(&n, k->bits, k->row_F, k->swing_V, k->settle_s), )
ON_NODE(sampler, mb_sampler(&n, k->bits, k->swing_V, k->c_min_F, k->gate_ohm), )
ON_NODE(amplifier, mb_amplifier(&n, k->bits, k->load_F, k->settle_s), )
ON_NODE(sense, mb_sense_amplifier(&n, k->dv_V), )

#define COLUMN                                                                                  \
    MB_COUNT(rows, "", "128", 1, 1048576, "rows that are read together (lossless resolution)"), \
        MB_COUNT(dac_bits, "", "1", 1, 16, "bits per input cycle (lossless resolution)"),       \
        MB_COUNT(cell_bits, "", "1", 1, 16, "bits per cell (lossless resolution)")
#define BITS(lo, hi) MB_COUNT(bits, "", "8", lo, hi, "bits")
static const mb_param p_survey[] = {MB_KEY(node_nm, "nm", "32", 5, 250, "technology node"),
                                    MB_KEY(enob, "", "8", 1, 20, "effective bits"),
                                    MB_KEY(rate_Hz, "Hz", "1e8", 1, 1e10, "conversions per second"),
                                    MB_CHOICE(mb_component_keys, corner, MB_CORNERS, "nominal", "which of the three estimates"),
                                    COLUMN,
                                    MB_PARAM_END};
static const mb_param p_fit[] = {MB_NODE_KEYS,
                                 BITS(1, 12),
                                 MB_KEY(column_ohm, "ohm", "10e3", 10, 1e9, "resistance of the column"),
                                 MB_KEY(read_V, "V", "0", 0, 5, "read voltage; 0: that of the fit's node"),
                                 COLUMN,
                                 MB_PARAM_END};
static const mb_param p_sar28[] = {BITS(1, 16), MB_KEY(vdd_V, "V", "0.9", 0.3, 2, "supply"), COLUMN, MB_PARAM_END};
static const mb_param p_ramp[] = {MB_NODE_KEYS,
                                  BITS(1, 16),
                                  MB_COUNT(columns, "", "128", 1, 65536, "columns that share ramp and counter"),
                                  MB_KEY(clock_Hz, "Hz", "1e9", 1e3, 1e12, "steps per second"),
                                  COLUMN,
                                  MB_PARAM_END};
static const mb_param p_fire[] = {MB_NODE_KEYS,
                                  BITS(1, 16),
                                  MB_KEY(packets, "", "64", 0, 65535, "packets that arrive on average"),
                                  MB_KEY(c_int_F, "F", "50e-15", 1e-18, 1e-9, "integration capacitor"),
                                  MB_KEY(v_th_V, "V", "0.5", 1e-3, 5, "threshold"),
                                  MB_KEY(pulse_s, "s", "1e-9", 1e-12, 1, "time of one packet"),
                                  COLUMN,
                                  MB_PARAM_END};
#define ROW                                                                             \
    MB_KEY(row_F, "F", "20e-15", 1e-18, 1e-9, "capacitance of the row with its cells"), \
        MB_KEY(swing_V, "V", "0.5", 1e-3, 10, "swing of the row")
#define DIGIT MB_KEY(digit, "", "7.5", 0, 65535, "value that is driven, on average")
static const mb_param p_bit[] = {MB_NODE_KEYS, ROW, MB_PARAM_END};
#define DAC_BITS MB_COUNT(bits, "", "4", 1, 12, "bits of the digit")
static const mb_param p_pulse[] = {
    MB_NODE_KEYS, DAC_BITS, DIGIT, ROW, MB_KEY(pulse_s, "s", "1e-9", 1e-12, 1, "time of one unit"), MB_PARAM_END};
#define SETTLE MB_KEY(settle_s, "s", "10e-9", 1e-12, 1, "time to settle to half a step")
static const mb_param p_voltage[] = {MB_NODE_KEYS, DAC_BITS, ROW, SETTLE, MB_PARAM_END};
static const mb_param p_sampler[] = {MB_NODE_KEYS,
                                     BITS(1, 16),
                                     MB_KEY(swing_V, "V", "0.5", 1e-3, 10, "full range"),
                                     MB_KEY(c_min_F, "F", "1e-15", 0, 1e-9, "smallest capacitor"),
                                     MB_KEY(gate_ohm, "ohm", "2000", 1, 1e9, "resistance of the switch"),
                                     MB_PARAM_END};
static const mb_param p_amplifier[] = {MB_NODE_KEYS, BITS(1, 16),
                                       MB_KEY(load_F, "F", "100e-15", 1e-18, 1e-6, "feedback and load capacitor"), SETTLE,
                                       MB_PARAM_END};
static const mb_param p_sense[] = {MB_NODE_KEYS, MB_KEY(dv_V, "V", "0.05", 1e-6, 1, "difference that is sensed"), MB_PARAM_END};

const mb_component mb_converter_components[] = {
    {"adc-survey", "converters", "best fifth of the published converters, with a band", "one conversion", MB_ADC_SURVEY_SOURCE,
     p_survey, survey},
    {"adc-sar", "converters", "successive approximation that reads a column", "one conversion", FITS, p_fit, sar},
    {"adc-flash", "converters", "flash of current sense amplifiers that reads a column", "one conversion", FITS, p_fit, flash},
    {"adc-sar-28nm", "converters", "successive approximation, fit to three chips at 28 nm", "one conversion",
     "ZigZag-IMC's fit; Murmann, IEEE TVLSI 29, 3 (2021), doi:10.1109/TVLSI.2020.3020286", p_sar28, sar28},
    {"adc-ramp", "converters", "ramp, counter and a comparator per column", "one conversion", OWN, p_ramp, ramp},
    {"adc-fire", "converters", "integrate and fire, packets of charge are counted", "one conversion",
     OWN "; Liu et al., DAC 2015, doi:10.1145/2744769.2744783", p_fire, fire},
    {"dac-bit", "row drivers", "one bit: the row is driven or not", "one driven row", OWN, p_bit, bit},
    {"dac-count", "row drivers", "a digit as a number of pulses", "one driven row", OWN, p_pulse, count},
    {"dac-width", "row drivers", "a digit as the width of a pulse", "one driven row", OWN, p_pulse, width},
    {"dac-voltage", "row drivers", "a digit as a voltage: capacitor array and buffer", "one driven row", OWN, p_voltage,
     voltage},
    {"sample-hold", "analog", "sampling capacitor and switch", "one sample", OWN, p_sampler, sampler},
    {"amplifier", "analog", "integrator or transimpedance amplifier", "one settling", OWN, p_amplifier, amplifier},
    {"sense-amp", "analog", "latch sense amplifier", "one decision", OWN, p_sense, sense},
    {.name = NULL},
};
