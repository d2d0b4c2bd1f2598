/* cell_generic.c - the generic cell: the stages of devices/stage_*.c composed in physical order
 *
 * Parameters and order: devices/generic.h. State of a cell, six numbers:
 *     0  G_0, conductance left by programming (S; may be below zero when relaxation follows, see stage_relax.c)
 *     1  target on the grid, after device variation (S): what functions of the target see
 *     2  nu, drift exponent (power law); 1 for other drifts; 0: does not drift
 *     3, 4  xi of relaxation, xi of retention; 1e30 in 4: a stuck cell, which does not age
 *     5  step of its telegraph trap, 0 without
 * Every random number has its own place: programming in the domain of the stream, drift, relaxation and retention in
 * MB_RNG_DRIFT, faults in MB_RNG_FAULT, constants of the device in MB_RNG_DEVICE, several per domain at distances of 2^27 blocks;
 * so a stage switched on or off leaves the draws of the others as they are. Nothing random: the stream is not advanced.
 * Conductances are clipped at the end of programming (unless relaxation follows), in mean() and after read noise.
 * References: in the stages. Only the registry and thin descriptors over it call this file.
 */
#include "config.h"

#include <gsl/gsl_cdf.h>
#include <math.h>
#include <string.h>

#include "base/error.h"
#include "devices/stages.h"
#include "devices/vecmath.h"

enum { CHUNK = MB_CELL_CHUNK, STATES = 6 };
#define STUCK 1e30f

const char *const mb_generic_effects[MB_EFFECTS + 1] = {
    "device variation", "endurance", "programming", "cycle variation", "stuck", "relaxation", "drift", "retention", "temperature",
    "access device", "leakage", "white noise", "1/f noise", "telegraph noise", "current-voltage", NULL};

mb_frame mb_frame_of(const mb_generic *p) {
    mb_frame f = {.p = p, .wear = mb_stage_wear(p), .dead = mb_stage_dead(p)};
    f.arg = p->arg_unit_S > 0 ? p->arg_unit_S : p->g_max_S;
    f.unit = p->sigma_unit_S > 0 ? p->sigma_unit_S : p->g_max_S;
    f.grow = 1 + p->endurance_sigma * f.wear;
    return f;
}

/* --- random numbers ------------------------------------------------------------------------------------------------- */

/* Stream K at the place of S in DOMAIN (base/rng.h: word 3 holds the domain in its 6 high bits, word 0 the position). */
static mb_stream sister(const mb_stream *s, mb_rng_domain domain, uint32_t k) {
    mb_stream t = *s;
    t.ctr[3] = (t.ctr[3] & MB_RNG_TRIAL_MAX) | (uint32_t)domain << 26;
    t.ctr[0] += k << 27;
    t.left = 0;
    return t;
}

static mb_rng_domain own(const mb_stream *s) { return (mb_rng_domain)(s->ctr[3] >> 26); }

static void normals(const mb_stream *s, mb_rng_domain domain, uint32_t k, float *z) {
    mb_stream t = sister(s, domain, k);
    mb_stream_fill_normal(&t, CHUNK, z);
}

static void words(const mb_stream *s, mb_rng_domain domain, uint32_t k, uint32_t *u) {
    mb_stream t = sister(s, domain, k);
    mb_stream_fill_u32(&t, CHUNK, u);
}

/* One chunk further: four numbers per block. */
static void advance(mb_stream *s) {
    s->ctr[0] += CHUNK / 4;
    s->left = 0;
}

/* --- what is on ------------------------------------------------------------------------------------------------------ */

static bool relaxes(const mb_generic *p) { return p->relax != MB_RELAX_NONE && !p->off[MB_EFFECT_RELAXATION]; }
static bool drifts(const mb_generic *p) { return p->drift != MB_DRIFT_NONE && p->drift_scale > 0 && !p->off[MB_EFFECT_DRIFT]; }
static bool retains(const mb_generic *p) { return p->retention != MB_RETENTION_NONE && !p->off[MB_EFFECT_RETENTION]; }
static bool varies(const mb_generic *p) {
    return !p->off[MB_EFFECT_VARIATION] && (p->d2d_sigma > 0 || (p->d2d_off_sigma > 0 && p->g_min_S > 0));
}

static bool random_program(const mb_frame *f) {
    const mb_generic *p = f->p;
    return varies(p) || mb_stage_program_on(p) || mb_stage_stuck_on(f) || relaxes(p) || mb_stage_drift_random(p) ||
           mb_stage_retention_random(p) || mb_stage_telegraph_on(p);
}

static bool random_read(const mb_generic *p) {
    return mb_stage_white_on(p) || mb_stage_flicker_on(p) || mb_stage_telegraph_on(p);
}

static bool deterministic(const void *params) {
    mb_frame f = mb_frame_of(params);
    return !random_program(&f) && !random_read(f.p);
}

MB_CLONES static void clip_window(float lo, float hi, size_t n, float *restrict g) {
#pragma omp simd
    for (size_t i = 0; i < n; i++) {
        float v = g[i] < lo ? lo : g[i];
        g[i] = v > hi ? hi : v;
    }
}

static void keep_inside(const mb_generic *p, size_t n, float *g) {
    if (p->clip == MB_CLIP_RANGE) clip_window((float)p->g_min_S, (float)p->g_max_S, n, g);
    else clip_window(0, 3e38f, n, g);
}

static void fill(size_t n, float v, float *x) {
    for (size_t i = 0; i < n; i++) x[i] = v;
}

/* --- programming ----------------------------------------------------------------------------------------------------- */

/* Target on the grid -> conductance. */
static void program_error(const mb_frame *f, size_t n, const float *target, const mb_stream *rng, float *g) {
    const mb_generic *p = f->p;
    float z[CHUNK], zc[CHUNK];
    uint32_t u[CHUNK];
    bool by_words = mb_stage_program_uniform(p), cycle = by_words && mb_stage_cycle_on(p);
    if (by_words) words(rng, own(rng), 0, u);
    else if (mb_stage_verify_on(p)) {
        words(rng, own(rng), 0, u);
        mb_stage_verify(f, n, target, u, z);
    } else normals(rng, own(rng), 0, z);
    if (cycle) normals(rng, own(rng), 1, zc);
    mb_stage_program(f, n, target, z, u, cycle ? zc : NULL, g);
}

/* The constants of ageing: nu, xi of relaxation, xi of retention, telegraph step. */
static void draw_constants(const mb_frame *f, size_t n, const mb_stream *rng, const float *target, const bool *frozen,
                           float *const s[STATES]) {
    const mb_generic *p = f->p;
    float z[CHUNK];
    uint32_t u[CHUNK];
    bool stuck = mb_stage_stuck_on(f);
    if (drifts(p) && p->drift == MB_DRIFT_POWER) {
        bool spread = mb_stage_drift_random(p);
        if (spread) normals(rng, MB_RNG_DRIFT, 0, z);
        mb_stage_drift_draw(f, n, target, spread ? z : NULL, s[2]);
    } else fill(n, drifts(p) ? 1 : 0, s[2]);
    fill(n, 0, s[3]);
    fill(n, 0, s[4]);
    fill(n, 0, s[5]);
    if (relaxes(p)) {
        normals(rng, MB_RNG_DRIFT, 1, z);
        memcpy(s[3], z, n * sizeof *z);
    }
    if (mb_stage_retention_random(p)) {
        normals(rng, MB_RNG_DRIFT, 2, z);
        memcpy(s[4], z, n * sizeof *z);
    }
    if (mb_stage_telegraph_on(p)) {
        words(rng, MB_RNG_DEVICE, 2, u);
        if (p->rtn_spread > 0) normals(rng, MB_RNG_DEVICE, 3, z);
        mb_stage_telegraph_draw(f, n, u, z, s[5]);
    }
    for (size_t i = 0; stuck && i < n; i++)
        if (frozen[i]) s[2][i] = s[3][i] = 0, s[4][i] = STUCK;
}

static void program(const void *params, size_t n, const float *g_target, float *state, mb_stream *rng) {
    const mb_generic *p = params;
    mb_frame f = mb_frame_of(p);
    bool noisy = random_program(&f), vary = varies(p);
    for (size_t at = 0; at < n; at += CHUNK) {
        size_t k = n - at < CHUNK ? n - at : CHUNK;
        float *const s[STATES] = {state + at,         state + n + at,     state + 2 * n + at,
                                  state + 3 * n + at, state + 4 * n + at, state + 5 * n + at};
        bool frozen[CHUNK] = {false};
        mb_stage_levels(&f, k, g_target + at, s[1]);
        if (mb_stage_variation_on(p)) {
            float gain[CHUNK], off[CHUNK];
            bool has_gain = vary && p->d2d_sigma > 0, has_off = vary && p->d2d_off_sigma > 0;
            if (has_gain) normals(rng, MB_RNG_DEVICE, 0, gain);
            if (has_off) normals(rng, MB_RNG_DEVICE, 1, off);
            mb_stage_variation(&f, k, has_gain ? gain : NULL, has_off ? off : NULL, s[1]);
        }
        if (mb_stage_program_on(p)) program_error(&f, k, s[1], rng, s[0]);
        else memcpy(s[0], s[1], k * sizeof(float));
        if (!relaxes(p)) keep_inside(p, k, s[0]);
        if (mb_stage_stuck_on(&f)) {
            uint32_t u[CHUNK];
            words(rng, MB_RNG_FAULT, 0, u);
            mb_stage_stuck(&f, k, u, s[0], frozen);
        }
        draw_constants(&f, k, rng, s[1], frozen, s);
        if (noisy) advance(rng);
    }
}

/* --- ageing ---------------------------------------------------------------------------------------------------------- */

/* Conductance at age t, not clipped; at most CHUNK cells. */
static void age(const mb_frame *f, size_t n, const float *const s[STATES], double t_s, double temp_K, float *g) {
    const mb_generic *p = f->p;
    memcpy(g, s[0], n * sizeof *g);
    if (t_s > 0 && (relaxes(p) || drifts(p) || retains(p))) {
        if (relaxes(p)) mb_stage_relax(f, t_s, n, s[1], s[3], g);
        if (drifts(p)) mb_stage_drift(f, t_s, n, s[1], s[2], g);
        if (retains(p)) mb_stage_retention(f, t_s, temp_K, n, s[4], g);
        for (size_t i = 0; mb_stage_stuck_on(f) && i < n; i++)
            if (s[4][i] >= STUCK) g[i] = s[0][i];
    }
    if (temp_K != p->temp_ref_K && !p->off[MB_EFFECT_TEMPERATURE] && (p->temp_coeff != 0 || p->temp_Ea_eV.n))
        mb_stage_temperature(f, temp_K, n, g);
    if (p->access_ohm > 0 && !p->access_verified && !p->off[MB_EFFECT_ACCESS]) mb_stage_access(f, n, g);
    if (p->leak_S > 0 && !p->off[MB_EFFECT_LEAKAGE]) mb_stage_leakage(f, temp_K, n, g);
}

static bool ages(const mb_generic *p, double temp_K) {
    return relaxes(p) || drifts(p) || retains(p) || (temp_K != p->temp_ref_K && (p->temp_coeff != 0 || p->temp_Ea_eV.n)) ||
           p->access_ohm > 0 || p->leak_S > 0;
}

/* Of the cells themselves, whatever is done about it. */
static double natural_decay(const void *params, double t_s, double temp_K) {
    enum { POINTS = 33 };
    const mb_generic *p = params;
    mb_frame f = mb_frame_of(p);
    float s[STATES][CHUNK], g[CHUNK];
    int L = mb_generic_levels(p), n = L >= 2 && L <= CHUNK ? L : POINTS;
    double before = 0, after = 0;
    for (int i = 0; i < n; i++) {
        double G = n == L ? mb_generic_level(p, i) : p->g_min_S + i * (p->g_max_S - p->g_min_S) / (n - 1);
        s[0][i] = s[1][i] = (float)G;
        s[2][i] = 1;
        s[3][i] = s[4][i] = s[5][i] = 0;
    }
    if (p->drift == MB_DRIFT_POWER) mb_stage_drift_draw(&f, (size_t)n, s[1], NULL, s[2]);
    const float *const state[STATES] = {s[0], s[1], s[2], s[3], s[4], s[5]};
    age(&f, (size_t)n, state, 0, p->temp_ref_K, g);
    for (int i = 0; i < n; i++) before += (double)g[i];
    age(&f, (size_t)n, state, t_s, temp_K, g);
    for (int i = 0; i < n; i++) after += g[i] > 0 ? (double)g[i] : 0;
    return before > 0 && after > 1e-4 * before ? after / before : 1e-4;
}

/* Factor on all outputs. */
static float compensation(const mb_generic *p, double t_s, double temp_K) {
    return p->drift_compensated && ages(p, temp_K) ? (float)(1 / natural_decay(p, t_s, temp_K)) : 1;
}

/* Nothing is left to compensate for where the cell does it. */
static double decay(const void *params, double t_s, double temp_K) {
    return ((const mb_generic *)params)->drift_compensated ? 1 : natural_decay(params, t_s, temp_K);
}

static void mean(const void *params, size_t n, const float *state, double t_s, double temp_K, float *g) {
    const mb_generic *p = params;
    mb_frame f = mb_frame_of(p);
    float by = compensation(p, t_s, temp_K);
    for (size_t at = 0; at < n; at += CHUNK) {
        size_t k = n - at < CHUNK ? n - at : CHUNK;
        const float *const s[STATES] = {state + at,         state + n + at,     state + 2 * n + at,
                                        state + 3 * n + at, state + 4 * n + at, state + 5 * n + at};
        age(&f, k, s, t_s, temp_K, g + at);
        keep_inside(p, k, g + at);
        for (size_t i = 0; by != 1 && i < k; i++) g[at + i] *= by;
    }
}

/* --- reading --------------------------------------------------------------------------------------------------------- */

MB_CLONES static void add_noise(size_t n, const float *restrict var, const float *restrict z, float *restrict g) {
#pragma omp simd
    for (size_t i = 0; i < n; i++) g[i] += __builtin_sqrtf(var[i]) * z[i];
}

MB_CLONES static void positive(size_t n, const float *restrict g, float *restrict out) {
#pragma omp simd
    for (size_t i = 0; i < n; i++) out[i] = g[i] > 0 ? g[i] : 0;
}

static void gaussian_variance(const mb_frame *f, size_t n, const float *const s[STATES], double t_s, double temp_K,
                              const float *g, float *var) {
    fill(n, 0, var);
    if (mb_stage_white_on(f->p)) mb_stage_white(f, temp_K, n, g, var);
    if (mb_stage_flicker_on(f->p)) mb_stage_flicker(f, t_s, n, s[0], s[1], g, var);
}

static void read_cells(const void *params, size_t n, const float *state, double t_s, double temp_K, float *g, mb_stream *rng) {
    const mb_generic *p = params;
    mb_frame f = mb_frame_of(p);
    bool noisy = random_read(p), gaussian = mb_stage_white_on(p) || mb_stage_flicker_on(p);
    float by = compensation(p, t_s, temp_K);
    for (size_t at = 0; at < n; at += CHUNK) {
        size_t k = n - at < CHUNK ? n - at : CHUNK;
        const float *const s[STATES] = {state + at,         state + n + at,     state + 2 * n + at,
                                        state + 3 * n + at, state + 4 * n + at, state + 5 * n + at};
        float m[CHUNK], var[CHUNK], z[CHUNK];
        age(&f, k, s, t_s, temp_K, g + at);
        if (noisy) positive(k, g + at, m);
        if (gaussian) {
            gaussian_variance(&f, k, s, t_s, temp_K, m, var);
            normals(rng, own(rng), 0, z);
            add_noise(k, var, z, g + at);
        }
        if (mb_stage_telegraph_on(p)) {
            uint32_t u[CHUNK];
            words(rng, own(rng), 1, u);
            mb_stage_telegraph(&f, k, s[5], u, m, g + at);
        }
        if (noisy) advance(rng);
        keep_inside(p, k, g + at);
        for (size_t i = 0; by != 1 && i < k; i++) g[at + i] *= by;
    }
}

static void read_sigma(const void *params, size_t n, const float *state, double t_s, double temp_K, const float *g,
                       float *sigma) {
    const mb_generic *p = params;
    mb_frame f = mb_frame_of(p);
    float by = compensation(p, t_s, temp_K);
    for (size_t at = 0; at < n; at += CHUNK) {
        size_t k = n - at < CHUNK ? n - at : CHUNK;
        const float *const s[STATES] = {state + at,         state + n + at,     state + 2 * n + at,
                                        state + 3 * n + at, state + 4 * n + at, state + 5 * n + at};
        float m[CHUNK], var[CHUNK];
        for (size_t i = 0; i < k; i++) m[i] = g[at + i] / by;
        gaussian_variance(&f, k, s, t_s, temp_K, m, var);
        if (mb_stage_telegraph_on(p)) mb_stage_telegraph_var(&f, k, s[5], m, var);
        for (size_t i = 0; i < k; i++) sigma[at + i] = sqrtf(var[i]) * by;
    }
}

static double spectrum(const void *params, double g, double t_s, double temp_K, double f_Hz) {
    const mb_generic *p = params;
    mb_frame f = mb_frame_of(p);
    float G = (float)g, var = 0;
    double S = 0, band = p->read_bandwidth_Hz > 0 ? p->read_bandwidth_Hz : 1 / (2 * p->flicker_t_read_s),
           tr = p->flicker_t_read_s;
    if (mb_stage_white_on(p)) {
        mb_stage_white(&f, temp_K, 1, &G, &var);
        S += f_Hz <= band ? (double)var / band : 0;
    }
    if (mb_stage_flicker_on(p) && f_Hz <= 1 / (2 * tr) && f_Hz >= 1 / ((t_s > 0 ? t_s : 0) + p->flicker_t0_s + tr)) {
        double a = p->flicker_scale * mb_gfun_at(&p->flicker, g / f.arg) * (p->flicker_relative ? g : f.unit);
        S += a * a / f_Hz;
    }
    if (mb_stage_telegraph_on(p)) {
        double a2 = p->rtn_amplitude * p->rtn_amplitude * exp(2 * p->rtn_spread * p->rtn_spread),
               w = 2 * M_PI * f_Hz * p->rtn_tau_s;
        S += 4 * p->rtn_fraction * a2 * g * g * p->rtn_duty * (1 - p->rtn_duty) * p->rtn_tau_s / (1 + w * w);
    }
    return S;
}

/* --- the rest of the descriptor ---------------------------------------------------------------------------------------- */

/* Standard deviation about level G right after programming, read noise included. */
static double level_sigma(const mb_frame *f, double G) {
    const mb_generic *p = f->p;
    double s = mb_generic_prog_sigma(p, G), tol = p->verify_tolerance * (p->g_max_S - p->g_min_S);
    if (mb_stage_verify_on(p) && s > tol / sqrt(3)) s = tol / sqrt(3);
    double v = s * s, d = mb_stage_verify_on(p) || p->off[MB_EFFECT_VARIATION] ? 0 : p->d2d_sigma * (G - p->g_min_S);
    float g = (float)G, var = 0;
    if (mb_stage_white_on(p)) mb_stage_white(f, p->temp_ref_K, 1, &g, &var);
    if (mb_stage_flicker_on(p)) mb_stage_flicker(f, 0, 1, &g, &g, &g, &var);
    return sqrt(v + d * d + (double)var);
}

double mb_generic_overlap(const mb_generic *p, int *worst) {
    mb_frame f = mb_frame_of(p);
    int L = mb_generic_levels(p);
    double sum = 0, most = -1;
    *worst = 0;
    for (int i = 0; i < L; i++) {
        double G = mb_generic_level(p, i), s = level_sigma(&f, G), e = 0;
        if (s > 0 && i > 0) e += gsl_cdf_ugaussian_Q((G - mb_generic_level(p, i - 1)) / 2 / s);
        if (s > 0 && i < L - 1) e += gsl_cdf_ugaussian_Q((mb_generic_level(p, i + 1) - G) / 2 / s);
        if (e > most) most = e, *worst = i;
        sum += e;
    }
    return L > 0 ? sum / L : 0;
}

static int check(const void *params) {
    const mb_generic *p = params;
    int rc = mb_stage_levels_check(p), worst;
    if (!rc) rc = mb_stage_program_check(p);
    if (!rc) rc = mb_stage_stuck_check(p);
    if (!rc) rc = mb_stage_relax_check(p);
    if (!rc) rc = mb_stage_drift_check(p);
    if (!rc) rc = mb_stage_retention_check(p);
    if (!rc) rc = mb_gfun_check(&p->white, "white");
    if (!rc) rc = mb_gfun_check(&p->flicker, "flicker");
    if (!rc) rc = mb_stage_curve_check(p);
    if (rc) return rc;
    double e = mb_generic_overlap(p, &worst), bits = mb_generic_levels(p) > 2 ? log2(mb_generic_levels(p)) : 1;
    if (e > 0.1) {
        char text[256]; /* a sweep loads the same cell at every point */
        snprintf(text, sizeof text, "the %d levels overlap: %.0f %% of the cells read as another level (bit error rate %.2g), worst at %g S; fewer "
                 "levels, or verification, would tell them apart", mb_generic_levels(p), 100 * e, e / bits, mb_generic_level(p, worst));
        mb_warn_once(text, "%s", text);
    }
    return MB_OK;
}

static void range(const void *params, double *g_min, double *g_max) {
    const mb_generic *p = params;
    *g_min = p->g_min_S;
    *g_max = p->g_max_S;
}

static int levels(const void *params) { return mb_generic_levels(params); }

static void cost(const void *params, mb_cell_cost *c) {
    enum { POINTS = 17 };
    const mb_generic *p = params;
    double n = 0;
    for (int i = 0; i < POINTS; i++)
        n += mb_generic_pulses(p, p->g_min_S + i * (p->g_max_S - p->g_min_S) / (POINTS - 1)) / POINTS;
    *c = (mb_cell_cost){.read_V = p->read_V, .write_J = n * (p->pulse_J + p->verify_J), .write_s = n * (p->pulse_s + p->verify_s),
                        .area_F2 = p->area_F2, .pulses = n, .endurance = p->endurance_cycles};
}

static void without(void *params, int effect) {
    if (effect >= 0 && effect < MB_EFFECTS) ((mb_generic *)params)->off[effect] = true;
}

static double shape(const void *params, double g, double u) { return mb_stage_curve(params, g, u); }

const mb_cell_type mb_cell_generic = {
    .abi = MB_CELL_ABI,
    .name = "generic",
    .summary =
        "any memory: levels, programming, verification, variation, faults, wear, relaxation, drift, retention, noise, curve",
    .reference = "doc/models-devices.md: one source per stage",
    .params = mb_generic_params,
    .size = sizeof(mb_generic),
    .check = check,
    .n_state = STATES,
    .range = range,
    .levels = levels,
    .deterministic = deterministic,
    .program = program,
    .mean = mean,
    .read = read_cells,
    .read_sigma = read_sigma,
    .cost = cost,
    .effects = mb_generic_effects,
    .without = without,
    .shape = shape,
    .decay = decay,
    .spectrum = spectrum,
};
