/* stages.h - the stages of the generic cell (generic.h), one file stage_*.c each; units S, s, K
 *
 * All work on at most MB_CELL_CHUNK cells. Random numbers are drawn by cell_generic.c and handed over: z are N(0, 1), u words
 * of 32 bits. A stage is called only when its `on` function says so. Only files of devices/ include this.
 */
#ifndef MB_DEVICES_STAGES_H
#define MB_DEVICES_STAGES_H

#include <stdint.h>

#include "devices/generic.h"

#define MB_BOLTZMANN 1.380649e-23       /* J/K */
#define MB_BOLTZMANN_EV 8.617333262e-5  /* eV/K */

/* What follows from the parameters, once per call. */
typedef struct mb_frame {
    const mb_generic *p;
    double arg, unit;      /* S: units of arguments and results of functions of conductance */
    double wear, dead;     /* wear of the window and the spread; share of cells worn out */
    double grow;           /* factor of wear on the spread of programming */
} mb_frame;

mb_frame mb_frame_of(const mb_generic *p);

/* stage_levels.c */
int mb_stage_levels_check(const mb_generic *p);
void mb_stage_levels(const mb_frame *f, size_t n, const float *target, float *g);
/* stage_variation.c: device variation and the window closed by wear; z_gain, z_off may be NULL when unused */
bool mb_stage_variation_on(const mb_generic *p);
void mb_stage_variation(const mb_frame *f, size_t n, const float *z_gain, const float *z_off, float *g);
/* stage_endurance.c */
double mb_stage_wear(const mb_generic *p);
double mb_stage_dead(const mb_generic *p);
/* stage_program.c: standard deviation with cycle variation and wear; then the error */
int mb_stage_program_check(const mb_generic *p);
bool mb_stage_program_on(const mb_generic *p);
bool mb_stage_program_uniform(const mb_generic *p);   /* wants u, not z */
double mb_stage_program_sigma(const mb_frame *f, double target);
/* The same whatever is switched off. */
double mb_stage_program_whole(const mb_frame *f, double target);
bool mb_stage_cycle_on(const mb_generic *p);
double mb_stage_program_bias(const mb_frame *f, double target);
void mb_stage_program(const mb_frame *f, size_t n, const float *target, const float *z, const uint32_t *u, const float *z_cycle,
                      float *g);
/* stage_verify.c: z of the accepted pulse, from u */
bool mb_stage_verify_on(const mb_generic *p);
void mb_stage_verify(const mb_frame *f, size_t n, const float *target, const uint32_t *u, float *z);
double mb_stage_verify_accept(const mb_frame *f, double target);   /* probability that one pulse is accepted */
/* stage_stuck.c: sets g and frozen[] where u says so */
int mb_stage_stuck_check(const mb_generic *p);
bool mb_stage_stuck_on(const mb_frame *f);
void mb_stage_stuck(const mb_frame *f, size_t n, const uint32_t *u, float *g, bool *frozen);
/* stage_relax.c: g of age t; z one number per cell */
int mb_stage_relax_check(const mb_generic *p);
void mb_stage_relax(const mb_frame *f, double t_s, size_t n, const float *target, const float *z, float *g);
/* stage_drift.c */
int mb_stage_drift_check(const mb_generic *p);
bool mb_stage_drift_random(const mb_generic *p);
void mb_stage_drift_draw(const mb_frame *f, size_t n, const float *target, const float *z, float *nu);   /* z NULL: mean */
void mb_stage_drift(const mb_frame *f, double t_s, size_t n, const float *target, const float *nu, float *g);
/* Shift of a target by polynomial drift at age t, S; 0 for other drifts. */
double mb_stage_drift_shift(const mb_frame *f, double t_s, double target);
/* stage_retention.c */
int mb_stage_retention_check(const mb_generic *p);
bool mb_stage_retention_random(const mb_generic *p);
void mb_stage_retention(const mb_frame *f, double t_s, double temp_K, size_t n, const float *z, float *g);
/* stage_temperature.c */
void mb_stage_temperature(const mb_frame *f, double temp_K, size_t n, float *g);
/* stage_access.c */
void mb_stage_access(const mb_frame *f, size_t n, float *g);
void mb_stage_leakage(const mb_frame *f, double temp_K, size_t n, float *g);
/* stage_white.c, stage_flicker.c: variance of one read is added to var */
bool mb_stage_white_on(const mb_generic *p);
void mb_stage_white(const mb_frame *f, double temp_K, size_t n, const float *g, float *var);
bool mb_stage_flicker_on(const mb_generic *p);
void mb_stage_flicker(const mb_frame *f, double t_s, size_t n, const float *programmed, const float *target, const float *g,
                      float *var);
double mb_stage_flicker_growth(const mb_generic *p, double t_s);
/* stage_telegraph.c: step per cell; one read; its variance */
bool mb_stage_telegraph_on(const mb_generic *p);
void mb_stage_telegraph_draw(const mb_frame *f, size_t n, const uint32_t *u, const float *z, float *step);
void mb_stage_telegraph(const mb_frame *f, size_t n, const float *step, const uint32_t *u, const float *g, float *out);
void mb_stage_telegraph_var(const mb_frame *f, size_t n, const float *step, const float *g, float *var);
/* stage_curve.c */
int mb_stage_curve_check(const mb_generic *p);
double mb_stage_curve(const mb_generic *p, double G, double u);

/* The place of T in an increasing list: row *k and weight *w of row *k + 1, constant outside. */
void mb_stage_at(const mb_reals *list, bool in_log, double t, size_t *k, double *w);
/* The list NAME increases; first element at least `least`. */
int mb_stage_increasing(const mb_reals *list, const char *name, double least);

#endif
