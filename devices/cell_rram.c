/* cell_rram.c - resistive memory, one transistor and one filament (1T1R), programmed with verification
 *
 * Gmax = g_max_S, Gmin = Gmax / on_off. With xi, xi', xi'' ~ N(0, 1):
 *     target       nearest of `levels` equally spaced levels (0: continuous)
 *     programming  sigma_p(Gt) = max(0, prog_sigma Gmax + prog_sigma_prop Gt): linear in Gt, as measured arrays are fitted
 *                  gaussian:  G0 = max(0, Gt + sigma_p xi); the clamp moves the mean of cells within a few sigma of 0
 *                  lognormal: G0 = Gt exp(s xi - s^2 / 2), s^2 = ln(1 + (sigma_p / Gt)^2): mean Gt, standard deviation sigma_p;
 *                             Gt = 0 stays 0
 *     stuck        a fraction stuck_off of the cells stands at Gmin, stuck_on at Gmax, whatever is programmed, for ever
 *     drift        G(t) = G0 ((t + t0) / t0)^-nu, nu = max(0, drift_nu + drift_nu_sigma xi'): one nu per cell, drawn when it is
 *                  programmed
 *     read noise   G = max(0, G(t) + sigma_r xi''), sigma_r = max(0, read_sigma Gmax + read_sigma_prop G(t)): white, fresh at
 *                  every read
 * State: G0, nu. Random numbers: programming from the stream given; drift and faults from the same place in the domains
 * MB_RNG_DRIFT and MB_RNG_FAULT, so that changing one parameter leaves the other draws as they are.
 * Left out: relaxation and random telegraph noise, 1/f noise, temperature (temp_K is ignored), endurance, cycle-to-cycle
 * correlation, non-linear I-V.
 * References: Milo et al., IRPS 2021, doi:10.1109/IRPS46558.2021.9405119 (sigma linear in G); Falcone et al., arXiv:2502.04524
 * (sigma = a + b G); Nandakumar et al., ICECS 2019, doi:10.1109/ICECS46596.2019.8964852 (power law of drift).
 */
#include <math.h>

#include "array/cell.h"
#include "base/error.h"

#define DISTRIBUTIONS "gaussian|lognormal"
enum { GAUSSIAN, LOGNORMAL };

typedef struct rram {
    double g_max_S, on_off;
    int levels;
    double prog_sigma, prog_sigma_prop;
    int prog_distribution;
    double read_sigma, read_sigma_prop, stuck_on, stuck_off, drift_nu, drift_nu_sigma, drift_t0_s, read_V, write_J, write_s,
        area_F2;
} rram;

static const mb_param table[] = {
    MB_REAL(rram, g_max_S, "S", "225e-6", 1e-12, 10, "largest conductance"),
    MB_REAL(rram, on_off, "", "4.5", 1.01, 1e12, "Gmax / Gmin"),
    MB_INT(rram, levels, "", "0", 0, 65536, "programmable levels, equally spaced; 0: continuous"),
    MB_REAL(rram, prog_sigma, "Gmax", "0.0", 0, 1,
            "programming error: constant part of the standard deviation, fraction of Gmax"),
    MB_REAL(rram, prog_sigma_prop, "G", "0.0", -1, 1,
            "programming error: part of the standard deviation proportional to the target conductance"),
    MB_CHOICE(rram, prog_distribution, DISTRIBUTIONS, "gaussian", "distribution of the programming error"),
    MB_REAL(rram, read_sigma, "Gmax", "0.0", 0, 1, "read noise: constant part of the standard deviation, fraction of Gmax"),
    MB_REAL(rram, read_sigma_prop, "G", "0.0", -1, 1,
            "read noise: part of the standard deviation proportional to the conductance"),
    MB_REAL(rram, stuck_on, "", "0.0", 0, 1, "fraction of cells stuck at Gmax"),
    MB_REAL(rram, stuck_off, "", "0.0", 0, 1, "fraction of cells stuck at Gmin"),
    MB_REAL(rram, drift_nu, "", "0.0", 0, 1, "drift exponent, mean"),
    MB_REAL(rram, drift_nu_sigma, "", "0.0", 0, 1, "drift exponent, standard deviation from cell to cell"),
    MB_REAL(rram, drift_t0_s, "s", "1.0", 1e-9, 1e9, "time scale of the drift"),
    MB_REAL(rram, read_V, "V", "0.2", 1e-3, 10, "voltage of a full-scale input digit"),
    MB_REAL(rram, write_J, "J", "5.1e-12", 0, 1, "energy to program one cell, verification included"),
    MB_REAL(rram, write_s, "s", "8.52e-6", 0, 1, "time to program one cell"),
    MB_REAL(rram, area_F2, "F^2", "48.0", 0, 1e6, "cell with access transistor, in squared feature sizes"),
    MB_PARAM_END};

static int check(const void *params) {
    const rram *p = params;
    if (p->levels == 1)
        return mb_fail(MB_BADINPUT, "levels = 1: one level stores nothing; choose 2 or more, or 0 for continuous");
    if (p->stuck_on + p->stuck_off > 1)
        return mb_fail(MB_BADINPUT, "stuck_on = %g and stuck_off = %g exceed 1 together", p->stuck_on, p->stuck_off);
    return MB_OK;
}

static void range(const void *params, double *g_min, double *g_max) {
    const rram *p = params;
    *g_min = p->g_max_S / p->on_off;
    *g_max = p->g_max_S;
}

static int levels(const void *params) { return ((const rram *)params)->levels; }

static bool programs_exactly(const rram *p) {
    return p->prog_sigma <= 0 && p->prog_sigma_prop <= 0 && p->stuck_on <= 0 && p->stuck_off <= 0 && p->drift_nu_sigma <= 0;
}

static bool deterministic(const void *params) {
    const rram *p = params;
    return programs_exactly(p) && p->read_sigma <= 0 && p->read_sigma_prop <= 0;
}

/* Sigma of a + b G, never negative. */
static double linear(double a, double b, double G) { return a + b * G > 0 ? a + b * G : 0; }

static double on_grid(const rram *p, double g_min, double G) {
    double span = p->g_max_S - g_min;
    int top = p->levels - 1;
    double j = floor((G - g_min) / span * top + 0.5);
    j = j < 0 ? 0 : j > top ? top : j;
    return g_min + j * span / top;
}

/* Conductance left by programming target G with the normal number z. */
static double programmed(const rram *p, double G, double z) {
    double sigma = linear(p->prog_sigma * p->g_max_S, p->prog_sigma_prop, G);
    if (sigma <= 0) return G;
    if (p->prog_distribution == LOGNORMAL) {
        if (G <= 0) return 0;
        double s2 = log1p(sigma / G * (sigma / G));
        return G * exp(sqrt(s2) * z - s2 / 2);
    }
    return G + sigma * z > 0 ? G + sigma * z : 0;
}

/* The stream at the place of S in another domain (base/rng.h: word 3 holds the domain in its 6 high bits). */
static mb_stream sister(const mb_stream *s, mb_rng_domain domain) {
    mb_stream t = *s;
    t.ctr[3] = (t.ctr[3] & MB_RNG_TRIAL_MAX) | (uint32_t)domain << 26;
    t.left = 0;
    return t;
}

static void program(const void *params, size_t n, const float *g_target, float *state, mb_stream *rng) {
    const rram *p = params;
    double g_min, g_max;
    float *G0 = state, *nu = state + n;
    bool exact = programs_exactly(p);
    range(p, &g_min, &g_max);
    for (size_t at = 0; at < n; at += MB_CELL_CHUNK) {
        size_t k = n - at < MB_CELL_CHUNK ? n - at : MB_CELL_CHUNK;
        float z[MB_CELL_CHUNK] = {0}, zn[MB_CELL_CHUNK] = {0};
        uint32_t fault[MB_CELL_CHUNK] = {0};
        if (!exact) { /* a full chunk from every stream: as many words each, so that the domains stay in step */
            mb_stream drift = sister(rng, MB_RNG_DRIFT), faults = sister(rng, MB_RNG_FAULT);
            mb_stream_fill_normal(rng, MB_CELL_CHUNK, z);
            if (p->drift_nu_sigma > 0) mb_stream_fill_normal(&drift, MB_CELL_CHUNK, zn);
            if (p->stuck_on > 0 || p->stuck_off > 0) mb_stream_fill_u32(&faults, MB_CELL_CHUNK, fault);
        }
        for (size_t i = 0; i < k; i++) {
            double G = (double)g_target[at + i], u = (fault[i] + 0.5) / 4294967296.0,
                   v = p->drift_nu + p->drift_nu_sigma * (double)zn[i];
            if (p->levels) G = on_grid(p, g_min, G);
            G = programmed(p, G, (double)z[i]);
            bool off = u < p->stuck_off, on = !off && u < p->stuck_off + p->stuck_on;
            G0[at + i] = (float)(off ? g_min : on ? g_max : G);
            nu[at + i] = (float)(off || on || v < 0 ? 0 : v);
        }
    }
}

static void mean(const void *params, size_t n, const float *state, double t_s, double temp_K, float *g) {
    const rram *p = params;
    const float *G0 = state, *nu = state + n;
    double age = t_s > 0 ? log1p(t_s / p->drift_t0_s) : 0;
    (void)temp_K;
    for (size_t i = 0; i < n; i++) g[i] = nu[i] > 0 && age > 0 ? (float)((double)G0[i] * exp(-(double)nu[i] * age)) : G0[i];
}

static void read_sigma(const void *params, size_t n, const float *state, double t_s, double temp_K, const float *g,
                       float *sigma) {
    const rram *p = params;
    (void)state, (void)t_s, (void)temp_K;
    for (size_t i = 0; i < n; i++) sigma[i] = (float)linear(p->read_sigma * p->g_max_S, p->read_sigma_prop, (double)g[i]);
}

static void read_cells(const void *params, size_t n, const float *state, double t_s, double temp_K, float *g, mb_stream *rng) {
    const rram *p = params;
    mean(params, n, state, t_s, temp_K, g);
    if (p->read_sigma <= 0 && p->read_sigma_prop <= 0) return;
    for (size_t at = 0; at < n; at += MB_CELL_CHUNK) {
        size_t k = n - at < MB_CELL_CHUNK ? n - at : MB_CELL_CHUNK;
        float z[MB_CELL_CHUNK], sigma[MB_CELL_CHUNK];
        mb_stream_fill_normal(rng, MB_CELL_CHUNK, z);
        read_sigma(params, k, state, t_s, temp_K, g + at, sigma);
        for (size_t i = 0; i < k; i++) {
            float G = g[at + i] + sigma[i] * z[i];
            g[at + i] = G > 0 ? G : 0;
        }
    }
}

static void cost(const void *params, mb_cell_cost *c) {
    const rram *p = params;
    *c = (mb_cell_cost){.read_V = p->read_V, .write_J = p->write_J, .write_s = p->write_s, .area_F2 = p->area_F2,
                        .pulses = 1};
}

/* Non-idealities in physical order. Each has its parameters to itself and its draws in a place of their own, so that switching one
 * off leaves the others as they were. */
enum { PROGRAMMING, STUCK, DRIFT, READ_NOISE };
static const char *const effects[] = {"programming", "stuck", "drift", "read noise", NULL};

static void without(void *params, int effect) {
    rram *p = params;
    switch (effect) {
    case PROGRAMMING: p->prog_sigma = p->prog_sigma_prop = 0; break;
    case STUCK: p->stuck_on = p->stuck_off = 0; break;
    case DRIFT: p->drift_nu = p->drift_nu_sigma = 0; break;
    case READ_NOISE: p->read_sigma = p->read_sigma_prop = 0; break;
    default: break;
    }
}

const mb_cell_type mb_cell_rram = {
    .abi = MB_CELL_ABI,
    .name = "rram",
    .summary = "resistive memory (1T1R) with on/off ratio, levels, programming error, read noise, stuck cells, drift",
    .reference = "Milo et al., IRPS 2021, doi:10.1109/IRPS46558.2021.9405119",
    .params = table,
    .size = sizeof(rram),
    .check = check,
    .n_state = 2,
    .range = range,
    .levels = levels,
    .deterministic = deterministic,
    .program = program,
    .mean = mean,
    .read = read_cells,
    .read_sigma = read_sigma,
    .cost = cost,
    .effects = effects,
    .without = without,
};
