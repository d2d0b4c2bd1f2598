/* generic.h - the generic memory cell: all non-idealities as stages in physical order, each with its own parameters and switch
 *
 * A cell is G_min .. G_max. A stage at its default does nothing, so that a preset names only what its device does. Order:
 *
 *   program   levels -> device variation -> endurance -> programming (write-verify, cycle variation) -> stuck
 *   age       relaxation -> drift -> retention -> temperature -> access resistance -> leakage
 *   read      white noise -> 1/f noise -> telegraph noise;     the current-voltage curve is told to the array (shape)
 *
 * Equations and sources: the heads of devices/stage_*.c and doc/models-devices.md. Units: siemens, seconds, kelvin, volts,
 * joules; functions of conductance (gfun.h) take G / arg_unit_S and those that yield a conductance in sigma_unit_S (0: G_max).
 *     as published in uS over G / Gmax:  arg_unit_S = 0, sigma_unit_S = 1e-6      (PCM: Nandakumar 2019, NeuRRAM: Wan 2022)
 *     as published in uS over uS:        both 1e-6                                (RRAM: Milo 2021)
 *     as published in nA over nA:        both 1e-9 / read_V                       (SONOS: Agrawal 2022)
 *
 * The names of the fields are the keys of presets; they stay. The struct is what mb_cell_load fills for `cell = "generic"`, and
 * what a fit fills and writes with mb_params_store(mb_generic_params, &p, group).
 * Only files of devices/ and the programs that fit or sample devices include this file.
 */
#ifndef MB_DEVICES_GENERIC_H
#define MB_DEVICES_GENERIC_H

#include <stdbool.h>

#include "array/cell.h"
#include "base/param.h"
#include "devices/gfun.h"

#define MB_GENERIC_LEVEL_MAPS "nearest|index"
enum { MB_LEVEL_NEAREST, MB_LEVEL_INDEX };
#define MB_GENERIC_CLIPS "zero|range"
enum { MB_CLIP_ZERO, MB_CLIP_RANGE };
#define MB_GENERIC_DISTRIBUTIONS "gaussian|lognormal|uniform|residuals|table"
enum { MB_DIST_GAUSSIAN, MB_DIST_LOGNORMAL, MB_DIST_UNIFORM, MB_DIST_RESIDUALS, MB_DIST_TABLE };
#define MB_GENERIC_VERIFY "none|window"
enum { MB_VERIFY_NONE, MB_VERIFY_WINDOW };
#define MB_GENERIC_RELAX "none|added|total"
enum { MB_RELAX_NONE, MB_RELAX_ADDED, MB_RELAX_TOTAL };
#define MB_GENERIC_RELAX_FORMS "polynomial|saturating"
enum { MB_RELAX_POLYNOMIAL, MB_RELAX_SATURATING };
#define MB_GENERIC_INTERP "log|linear"
enum { MB_INTERP_LOG, MB_INTERP_LINEAR };
#define MB_GENERIC_DRIFTS "none|power|polynomial|table"
enum { MB_DRIFT_NONE, MB_DRIFT_POWER, MB_DRIFT_POLYNOMIAL, MB_DRIFT_TABLE };
#define MB_GENERIC_NEGATIVE "fold|zero|keep"
enum { MB_NU_FOLD, MB_NU_ZERO, MB_NU_KEEP };
#define MB_GENERIC_RETENTIONS "none|decay|flip"
enum { MB_RETENTION_NONE, MB_RETENTION_DECAY, MB_RETENTION_FLIP };
#define MB_GENERIC_AT "programmed|target"
enum { MB_AT_PROGRAMMED, MB_AT_TARGET };
#define MB_GENERIC_IV "linear|polynomial|sinh|milo|table"
enum { MB_SHAPE_LINEAR, MB_SHAPE_POLYNOMIAL, MB_SHAPE_SINH, MB_SHAPE_MILO, MB_SHAPE_TABLE };

/* Indices of mb_generic_effects, in physical order: what mb_cell_type.without switches off. */
enum { MB_EFFECT_VARIATION, MB_EFFECT_ENDURANCE, MB_EFFECT_PROGRAMMING, MB_EFFECT_CYCLE, MB_EFFECT_STUCK, MB_EFFECT_RELAXATION,
       MB_EFFECT_DRIFT, MB_EFFECT_RETENTION, MB_EFFECT_TEMPERATURE, MB_EFFECT_ACCESS, MB_EFFECT_LEAKAGE, MB_EFFECT_WHITE,
       MB_EFFECT_FLICKER, MB_EFFECT_TELEGRAPH, MB_EFFECT_CURVE, MB_EFFECTS };

typedef struct mb_generic {
    /* --- range and levels (stage_levels) */
    double g_min_S, g_max_S;
    int levels;                    /* equally spaced; 0: continuous, or the list */
    mb_reals level_S;              /* S, increasing, first = g_min_S, last = g_max_S: levels that are not equally spaced */
    int level_map;                 /* nearest: the level next to the target; index: digit d of the array is the d-th level */
    double arg_unit_S, sigma_unit_S;
    int clip;                      /* conductances stay >= 0 (zero), or within g_min_S .. g_max_S (range) */
    /* --- device variation (stage_variation): constants of a device, drawn once */
    double d2d_sigma;              /* relative spread of the gain: G_max,i - G_min = (G_max - G_min) (1 + d2d_sigma xi) */
    double d2d_off_sigma;          /* G_min,i = G_min exp(d2d_off_sigma xi): the off state spreads apart from the on state */
    /* --- endurance (stage_endurance) */
    double cycles;                 /* program cycles that the cell has seen */
    double endurance_cycles;       /* N0, the scale of wear */
    double endurance_power;        /* w = (cycles / N0)^power */
    double endurance_sigma;        /* programming and cycle spread grow by 1 + endurance_sigma w */
    double endurance_window;       /* the window closes by the factor 1 / (1 + endurance_window w), from both ends */
    double endurance_shape;        /* Weibull shape of dead cells, 1 - exp(-(cycles / N0)^shape), stuck; 0: none */
    double endurance_stuck_on;     /* share of dead cells that stand at stuck_on_S */
    /* --- programming (stage_program, stage_verify) */
    mb_gfun prog_sigma;            /* sigma_unit_S, of the target: standard deviation */
    mb_gfun prog_bias;             /* sigma_unit_S, of the target: mean error */
    double prog_scale;             /* factor on sigma and bias, and on the residuals of a table */
    int prog_distribution;
    mb_reals prog_residuals;       /* residuals: sorted sample in units of prog_sigma */
    mb_reals prog_table_g_S;       /* table: K increasing targets, S */
    mb_reals prog_table_S;         /* table: K rows of M residuals G - target, S, each row sorted: M equally probable values */
    double c2c_sigma;              /* cycle to cycle: relative standard deviation, independent of the programming error */
    int verify;                    /* window: pulses are repeated until |G - target| <= tolerance */
    double verify_tolerance;       /* fraction of G_max - G_min */
    int verify_max_pulses;         /* then the last one stands */
    double pulses, pulse_J, pulse_s;   /* pulses until the first verification (mean), energy and time of one */
    double verify_J, verify_s;     /* one verifying read */
    /* --- stuck (stage_stuck) */
    double stuck_on, stuck_off;    /* fractions of all cells */
    double stuck_on_S, stuck_off_S; /* where they stand; -1: g_max_S, g_min_S */
    /* --- relaxation (stage_relax): spread that appears after programming */
    int relax;                     /* added: with standard deviation s(t); total: so that the whole spread becomes s(t) */
    mb_reals relax_t_s;            /* T increasing times; nothing before the first, the last one stays */
    mb_reals relax_sigma;          /* T rows of coefficients, sigma_unit_S, of the target */
    int relax_form;                /* polynomial: c0 + c1 x + ...; saturating: c0 (1 - exp(-x / c1)) */
    mb_reals relax_shift;          /* T mean shifts, sigma_unit_S; empty: none */
    int relax_interp;              /* between the times: in log t or in t */
    double relax_scale;
    /* --- drift (stage_drift) */
    int drift;
    mb_gfun drift_nu, drift_nu_sigma;  /* power: mean and spread of the exponent, of the target */
    double drift_scale;            /* factor on the exponent, or on the logarithm of a table's factors, or on shifts */
    double drift_t0_s;
    int drift_negative;            /* exponents drawn below 0: |nu|, 0, or kept */
    mb_reals drift_t_s;            /* polynomial, table: T increasing times */
    mb_reals drift_table;          /* polynomial: T rows of coefficients of the shift, sigma_unit_S; table: T rows of K factors */
    mb_reals drift_g_S;            /* table: K increasing targets, S; empty: K = 1 */
    int drift_interp;
    bool drift_compensated;        /* outputs are multiplied by the mean decay: global drift compensation */
    /* --- retention (stage_retention) */
    int retention;                 /* decay: G -> retention_S as exp(-(t / tau)^beta); flip: to the other end of the range */
    double retention_tau_s, retention_beta;
    double retention_sigma;        /* spread of ln tau from cell to cell */
    double retention_S;            /* -1: g_min_S */
    double retention_Ea_eV;        /* tau(T) = tau exp(Ea / k (1 / T - 1 / temp_ref_K)) */
    /* --- temperature (stage_temperature) */
    double temp_ref_K;             /* where all other numbers hold */
    double temp_coeff;             /* 1/K: G (1 + temp_coeff (T - temp_ref_K)) */
    mb_reals temp_Ea_eV;           /* polynomial in G / G_max: G exp(-Ea / k (1 / T - 1 / temp_ref_K)) */
    /* --- access device, leakage (stage_access) */
    double access_ohm;             /* in series with the cell */
    bool access_verified;          /* programming was verified through it: only the curve of the current changes */
    double leak_S;                 /* in parallel, at temp_ref_K */
    double leak_double_K;          /* doubles every so many kelvin; 0: constant */
    /* --- read noise (stage_white, stage_flicker, stage_telegraph) */
    mb_gfun white;                 /* sigma_unit_S, of the conductance */
    double white_scale, white_temp_power;  /* sigma (T / temp_ref_K)^power */
    double read_bandwidth_Hz;      /* thermal noise: variance 4 k T G B / read_V^2; 0: none */
    mb_gfun flicker;               /* amplitude q: of G when relative, or sigma_unit_S */
    double flicker_scale;
    bool flicker_relative;
    int flicker_at;                /* argument of q: programmed conductance or target */
    double flicker_t_read_s;       /* sigma = q G sqrt(ln((t + t0 + t_read) / (2 t_read))) */
    double flicker_t0_s;
    double rtn_fraction;           /* of cells with one telegraph trap */
    double rtn_amplitude;          /* relative step, median */
    double rtn_spread;             /* spread of ln amplitude from cell to cell */
    double rtn_duty;               /* share of time in the low state */
    double rtn_tau_s;              /* correlation time; only the spectrum knows it */
    /* --- current-voltage curve (stage_curve) */
    int iv;
    mb_reals iv_coeff;             /* polynomial: u + sum_k c_k u |u|^k, k = 1, 2, ..., u in units of read_V */
    double iv_V0;                  /* sinh: sinh(V / V0) */
    mb_reals iv_nl2, iv_nl3;       /* milo: G V + N2 V^2 + N3 V^3, N polynomials in log10(G / S), ascending */
    mb_reals iv_u, iv_i;           /* table: 0 < u_1 < ... <= 1, current over that of the linear cell, any scale */
    /* --- circuit */
    double read_V, area_F2;
    /* --- not a parameter: stages that mb_cell_type.without has switched off; false when loaded */
    bool off[MB_EFFECTS];
} mb_generic;

extern const mb_param mb_generic_params[];

extern const char *const mb_generic_effects[MB_EFFECTS + 1];

/* The functions of the descriptor, for descriptors that are thin layers over it (their struct begins with mb_generic). */
extern const mb_cell_type mb_cell_generic;

/* Numbers of level I, S. */
int mb_generic_levels(const mb_generic *p);
double mb_generic_level(const mb_generic *p, int i);
/* Probability that a cell programmed to a level is read nearer to another one right after programming: mean over the levels
 * (Gaussian estimate; 0 for continuous cells); *worst: the level that is told apart worst. */
double mb_generic_overlap(const mb_generic *p, int *worst);
/* Mean pulses to program one cell to target G (S), verification included. */
double mb_generic_pulses(const mb_generic *p, double G);
/* Standard deviation of the programming error at target G, S, before verification and clipping. */
double mb_generic_prog_sigma(const mb_generic *p, double G);

#endif
