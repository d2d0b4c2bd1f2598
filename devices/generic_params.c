/* generic_params.c - the parameter table of the generic cell (devices/generic.h)
 *
 * Every row's default leaves its stage off. Equations: the heads of devices/stage_*.c. Only cell_generic.c and the programs that
 * fit devices use it.
 */
#include "devices/generic.h"

#define G mb_generic
#define REAL(f, unit, def, lo, hi, help) MB_REAL(mb_generic, f, unit, def, lo, hi, help)
#define LIST(f, unit, lo, hi, help) MB_VECTOR(mb_generic, f, unit, "", lo, hi, help)
#define FN(f, unit, def, low, help) MB_GFUN_ROWS(mb_generic, f, unit, def, low, help)
#define WORD(f, choices, def, help) MB_CHOICE(mb_generic, f, choices, def, help)

const mb_param mb_generic_params[] = {
    /* range and levels */
    REAL(g_min_S, "S", "0.0", 0, 10, "smallest conductance: digit 0"),
    REAL(g_max_S, "S", "100e-6", 1e-12, 10, "largest conductance: the largest digit"),
    MB_INT(G, levels, "", "0", 0, 65536, "programmable levels, equally spaced; 0: continuous, or the list level_S"),
    LIST(level_S, "S", 0, 10, "levels that are not equally spaced: increasing, from g_min_S to g_max_S"),
    WORD(level_map, MB_GENERIC_LEVEL_MAPS, "nearest",
         "level of a target: the nearest one, or by index (the d-th level for the d-th of as many digits)"),
    REAL(arg_unit_S, "S", "0.0", 0, 10, "unit of the argument of all functions of conductance; 0: g_max_S"),
    REAL(sigma_unit_S, "S", "0.0", 0, 10, "unit of the functions that yield a conductance; 0: g_max_S"),
    WORD(clip, MB_GENERIC_CLIPS, "zero", "conductances are kept at or above zero, or within g_min_S .. g_max_S"),
    /* device variation */
    REAL(d2d_sigma, "", "0.0", 0, 1, "device to device: relative standard deviation of the conductance window"),
    REAL(d2d_off_sigma, "", "0.0", 0, 5, "device to device: standard deviation of ln G of the off state (g_min_S)"),
    /* endurance */
    REAL(cycles, "", "0.0", 0, 1e18, "program cycles that the cells have seen"),
    REAL(endurance_cycles, "", "1e6", 1, 1e18, "cycles at which the wear is 1"),
    REAL(endurance_power, "", "1.0", 0.01, 10, "wear = (cycles / endurance_cycles)^endurance_power"),
    REAL(endurance_sigma, "", "0.0", 0, 1e6, "programming and cycle spread grow by 1 + endurance_sigma wear"),
    REAL(endurance_window, "", "0.0", 0, 1e6, "the conductance window closes by 1 / (1 + endurance_window wear)"),
    REAL(endurance_shape, "", "0.0", 0, 100,
         "Weibull shape of cells worn out, 1 - exp(-(cycles / endurance_cycles)^shape); 0: none"),
    REAL(endurance_stuck_on, "", "0.5", 0, 1, "share of worn-out cells that are stuck on; the others are stuck off"),
    /* programming */
    FN(prog_sigma, "sigma_unit_S", "", "0.0", "programming error: standard deviation as a function of the target"),
    FN(prog_bias, "sigma_unit_S", "", "-1e12", "programming error: mean as a function of the target"),
    REAL(prog_scale, "", "1.0", 0, 1000, "factor on the programming error"),
    WORD(prog_distribution, MB_GENERIC_DISTRIBUTIONS, "gaussian",
         "distribution of the programming error; residuals: prog_residuals times prog_sigma; table: prog_table_S"),
    LIST(prog_residuals, "prog_sigma", -1e6, 1e6, "measured residuals in units of prog_sigma, sorted: equally probable values"),
    LIST(prog_table_g_S, "S", 0, 10, "targets of the measured distributions, increasing"),
    LIST(prog_table_S, "S", -10, 10,
         "measured residuals G - target: one row per target, each sorted and of the same length: equally probable values"),
    REAL(c2c_sigma, "G", "0.0", 0, 10, "cycle to cycle: standard deviation relative to the target"),
    WORD(verify, MB_GENERIC_VERIFY, "none", "window: pulses are repeated until the error is within verify_tolerance"),
    REAL(verify_tolerance, "window", "0.01", 1e-9, 10, "accepted error, fraction of g_max_S - g_min_S"),
    MB_INT(G, verify_max_pulses, "", "100", 1, 1000000, "pulses after which the error stands as it is"),
    REAL(pulses, "", "1.0", 0, 1e9, "mean number of pulses up to the first verification"),
    REAL(pulse_J, "J", "0.0", 0, 1, "energy of one programming pulse"),
    REAL(pulse_s, "s", "0.0", 0, 1e4, "time of one programming pulse"),
    REAL(verify_J, "J", "0.0", 0, 1, "energy of the verifying read after a pulse"),
    REAL(verify_s, "s", "0.0", 0, 1e4, "time of the verifying read after a pulse"),
    /* stuck */
    REAL(stuck_on, "", "0.0", 0, 1, "fraction of cells stuck on"),
    REAL(stuck_off, "", "0.0", 0, 1, "fraction of cells stuck off"),
    REAL(stuck_on_S, "S", "-1.0", -1, 10, "conductance of cells stuck on; -1: g_max_S"),
    REAL(stuck_off_S, "S", "-1.0", -1, 10, "conductance of cells stuck off; -1: g_min_S"),
    /* relaxation */
    WORD(relax, MB_GENERIC_RELAX, "none",
         "spread that appears after programming: added to the programming error, or total (what both together are)"),
    LIST(relax_t_s, "s", 0, 1e12, "times of the rows of relax_sigma, increasing; nothing before the first, the last one stays"),
    LIST(relax_sigma, "sigma_unit_S", -1e12, 1e12,
         "standard deviation as a function of the target: one row of coefficients per time"),
    WORD(relax_form, MB_GENERIC_RELAX_FORMS, "polynomial",
         "meaning of the coefficients: c0 + c1 x + ..., or c0 (1 - exp(-x / c1))"),
    LIST(relax_shift, "sigma_unit_S", -1e12, 1e12, "mean shift per time; empty: none"),
    WORD(relax_interp, MB_GENERIC_INTERP, "log", "between the times: in the logarithm of time, or in time"),
    REAL(relax_scale, "", "1.0", 0, 1000, "factor on spread and shift of the relaxation"),
    /* drift */
    WORD(drift, MB_GENERIC_DRIFTS, "none",
         "power: ((t + t0) / t0)^-nu; polynomial: shifts over time; table: factors over time"),
    FN(drift_nu, "", "", "-1e12", "drift exponent: mean as a function of the target"),
    FN(drift_nu_sigma, "", "", "0.0", "drift exponent: standard deviation as a function of the target"),
    REAL(drift_scale, "", "1.0", 0, 1000, "factor on the exponent, on the logarithm of the factors, or on the shifts"),
    REAL(drift_t0_s, "s", "1.0", 1e-12, 1e12, "time scale of the power law"),
    WORD(drift_negative, MB_GENERIC_NEGATIVE, "fold", "exponents drawn below zero: their magnitude, zero, or kept"),
    LIST(drift_t_s, "s", 0, 1e12, "times of the rows of drift_table, increasing"),
    LIST(drift_table, "sigma_unit_S or 1", -1e12, 1e12,
         "polynomial: rows of coefficients of the shift over the target; table: rows of factors, one per target of drift_g_S"),
    LIST(drift_g_S, "S", 0, 10, "table: targets of the columns of drift_table, increasing; empty: one column for all"),
    WORD(drift_interp, MB_GENERIC_INTERP, "log", "between the times: in the logarithm of time, or in time"),
    MB_FLAG(G, drift_compensated, "false", "outputs are multiplied by the inverse mean decay: global drift compensation"),
    /* retention */
    WORD(retention, MB_GENERIC_RETENTIONS, "none",
         "decay: towards retention_S as exp(-(t / tau)^beta); flip: cells jump to the other end of the range at such a time"),
    REAL(retention_tau_s, "s", "1e10", 1e-12, 1e30, "retention time at temp_ref_K"),
    REAL(retention_beta, "", "1.0", 0.01, 10, "exponent of the stretched exponential"),
    REAL(retention_sigma, "", "0.0", 0, 20, "spread of ln(retention time) from cell to cell"),
    REAL(retention_S, "S", "-1.0", -1, 10, "conductance that decay leads to; -1: g_min_S"),
    REAL(retention_Ea_eV, "eV", "0.0", 0, 10, "activation energy of the retention time"),
    /* temperature */
    REAL(temp_ref_K, "K", "300.0", 1, 2000, "temperature at which the other numbers hold"),
    REAL(temp_coeff, "1/K", "0.0", -1, 1, "linear temperature coefficient of the conductance"),
    LIST(temp_Ea_eV, "eV", -10, 10, "activation energy of the conductance: polynomial in G / g_max_S"),
    /* access device, leakage */
    REAL(access_ohm, "ohm", "0.0", 0, 1e12, "resistance of the access device, in series"),
    MB_FLAG(G, access_verified, "false",
            "programming was verified through the access device: only the curve of the current shows it"),
    REAL(leak_S, "S", "0.0", 0, 10, "leakage in parallel to every cell, at temp_ref_K"),
    REAL(leak_double_K, "K", "0.0", 0, 1000, "leakage doubles every so many kelvin; 0: it does not"),
    /* read noise */
    FN(white, "sigma_unit_S", "", "0.0", "white read noise: standard deviation as a function of the conductance"),
    REAL(white_scale, "", "1.0", 0, 1000, "factor on the white read noise"),
    REAL(white_temp_power, "", "0.0", -10, 10, "white read noise grows as (T / temp_ref_K)^power"),
    REAL(read_bandwidth_Hz, "Hz", "0.0", 0, 1e15, "bandwidth of a read, for thermal noise; 0: none"),
    FN(flicker, "G or sigma_unit_S", "", "0.0", "1/f read noise: amplitude as a function of the conductance"),
    REAL(flicker_scale, "", "1.0", 0, 1000, "factor on the 1/f read noise"),
    MB_FLAG(G, flicker_relative, "true", "the amplitude of the 1/f noise is relative to the conductance"),
    WORD(flicker_at, MB_GENERIC_AT, "programmed", "conductance that the amplitude depends on: as programmed, or the target"),
    REAL(flicker_t_read_s, "s", "250e-9", 1e-15, 1e6,
         "duration of a read: 1/f noise grows as sqrt(ln((t + t0 + t_read) / (2 t_read)))"),
    REAL(flicker_t0_s, "s", "0.0", 0, 1e12, "age at programming, for the 1/f noise"),
    REAL(rtn_fraction, "", "0.0", 0, 1, "telegraph noise: fraction of cells with a trap"),
    REAL(rtn_amplitude, "G", "0.0", 0, 1, "telegraph noise: relative step, median"),
    REAL(rtn_spread, "", "0.0", 0, 5, "telegraph noise: spread of ln(step) from cell to cell"),
    REAL(rtn_duty, "", "0.5", 0, 1, "telegraph noise: share of time in the low state"),
    REAL(rtn_tau_s, "s", "1e-3", 1e-12, 1e12, "telegraph noise: correlation time (for the spectrum)"),
    /* current-voltage curve */
    WORD(iv, MB_GENERIC_IV, "linear", "current-voltage curve"),
    LIST(iv_coeff, "", -1e12, 1e12, "polynomial: c_k of u + sum c_k u |u|^k, k = 1, 2, ..., u in units of read_V"),
    REAL(iv_V0, "V", "0.25", 1e-6, 1e3, "sinh: current as sinh(V / V0)"),
    LIST(iv_nl2, "", -1e12, 1e12, "milo: N2 of G V + N2 V^2 + N3 V^3, polynomial in log10(G / S), ascending"),
    LIST(iv_nl3, "", -1e12, 1e12, "milo: N3, polynomial in log10(G / S), ascending"),
    LIST(iv_u, "read_V", 0, 1, "table: voltages, increasing, the last one 1"),
    LIST(iv_i, "", 0, 1e12, "table: currents at these voltages, any scale, not decreasing"),
    /* circuit */
    REAL(read_V, "V", "0.2", 1e-3, 10, "voltage of a full-scale input digit"),
    REAL(area_F2, "F^2", "48.0", 0, 1e6, "cell with access device, in squared feature sizes"),
    MB_PARAM_END};
