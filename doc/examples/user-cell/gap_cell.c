/* gap_cell.c - a filament with a tunnelling gap, written as a cell of one's own
 *
 * The state of a filamentary RRAM cell is the gap d between the tip of the filament and the electrode. With xi, xi' ~ N(0, 1):
 *     current       I = G(d) V0 sinh(V / V0),  G(d) = g_max exp(-d / lambda)                    tunnelling: exponential in the gap
 *     programming   d = max(0, lambda ln(g_max / Gt) + sigma_d xi)                              the gap is missed, not the conductance,
 *                                                                                               so that errors are a fraction of G
 *     retention     d(t)^2 = d^2 + 2 D(T) t,  D(T) = D_300 exp(-Ea / kB (1/T - 1/300 K))        vacancies leave the tip by diffusion
 *     read noise    G (1 + sigma_read xi')                                                      the gap trembles by sigma_read lambda
 * State: d in metres. Units: SI.
 * References: X. Guan, S. Yu, H.-S. P. Wong, "A SPICE compact model of metal oxide resistive switching memory with variations", IEEE
 * Electron Device Letters 33, 1405 (2012), doi:10.1109/LED.2012.2210856 (I ~ exp(-g/g0) sinh(V/V0), g0 = 0.25 nm, V0 = 0.25 V).
 * The diffusion law is Fick's; D_300 and Ea are assumptions to be replaced by a measurement: with them a gap of 0.5 nm grows by
 * 6 % in a year at 300 K and as much in six days at 358 K.
 */
#include <array/cell.h>
#include <base/error.h>
#include <math.h>

#define KB_EV 8.617333262e-5 /* Boltzmann's constant, eV/K */

typedef struct gap_cell {
    double g_max_S, on_off, lambda_m, sigma_d_m, D_300_m2_per_s, Ea_eV, sigma_read, read_V, V0_V, write_J, write_s, area_F2;
} gap_cell;

static const mb_param table[] = {
    MB_REAL(gap_cell, g_max_S, "S", "100e-6", 1e-9, 0.1, "conductance of a closed gap"),
    MB_REAL(gap_cell, on_off, "", "50.0", 1.5, 1e9, "g_max over the smallest conductance that is used"),
    MB_REAL(gap_cell, lambda_m, "m", "0.25e-9", 1e-11, 1e-8, "decay length of the tunnelling current"),
    MB_REAL(gap_cell, sigma_d_m, "m", "0.01e-9", 0, 1e-9, "standard deviation of the programmed gap"),
    MB_REAL(gap_cell, D_300_m2_per_s, "m^2/s", "5e-28", 0, 1e-15, "diffusion coefficient of vacancies at 300 K"),
    MB_REAL(gap_cell, Ea_eV, "eV", "0.65", 0, 5, "activation energy of the diffusion"),
    MB_REAL(gap_cell, sigma_read, "G", "0.01", 0, 1, "read noise: standard deviation as a fraction of the conductance"),
    MB_REAL(gap_cell, read_V, "V", "0.1", 1e-3, 10, "voltage of a full-scale input digit"),
    MB_REAL(gap_cell, V0_V, "V", "0.25", 1e-3, 1e3, "voltage scale of the sinh"),
    MB_REAL(gap_cell, write_J, "J", "5e-12", 0, 1, "energy to program one cell"),
    MB_REAL(gap_cell, write_s, "s", "1e-5", 0, 1, "time to program one cell"),
    MB_REAL(gap_cell, area_F2, "F^2", "48.0", 0, 1e6, "cell with access transistor, in squared feature sizes"),
    MB_PARAM_END};

static int check(const void *params) {
    const gap_cell *p = params;
    if (p->sigma_d_m > p->lambda_m)
        return mb_fail(MB_BADINPUT, "sigma_d_m = %g exceeds lambda_m = %g: conductances would spread over more than a factor of e", p->sigma_d_m,
                       p->lambda_m);
    return MB_OK;
}

static void range(const void *params, double *g_min, double *g_max) {
    const gap_cell *p = params;
    *g_min = p->g_max_S / p->on_off;
    *g_max = p->g_max_S;
}

static int levels(const void *params) {
    (void)params;
    return 0; /* continuous */
}

static bool deterministic(const void *params) {
    const gap_cell *p = params;
    return p->sigma_d_m <= 0 && p->sigma_read <= 0;
}

/* The gap is kept in units of lambda, so that float holds it well. Chunks: cell i depends on the stream and i alone. */
static void program(const void *params, size_t n, const float *g_target, float *state, mb_stream *rng) {
    const gap_cell *p = params;
    for (size_t at = 0; at < n; at += MB_CELL_CHUNK) {
        size_t k = n - at < MB_CELL_CHUNK ? n - at : MB_CELL_CHUNK;
        float z[MB_CELL_CHUNK] = {0};
        if (p->sigma_d_m > 0) mb_stream_fill_normal(rng, MB_CELL_CHUNK, z);
        for (size_t i = 0; i < k; i++) {
            double d = log(p->g_max_S / (double)g_target[at + i]) + p->sigma_d_m / p->lambda_m * (double)z[i];
            state[at + i] = (float)(d > 0 ? d : 0);
        }
    }
}

static void mean(const void *params, size_t n, const float *state, double t_s, double temp_K, float *g) {
    const gap_cell *p = params;
    double D = p->D_300_m2_per_s * exp(-p->Ea_eV / KB_EV * (1 / temp_K - 1 / 300.0));
    double grown = 2 * D * (t_s > 0 ? t_s : 0) / (p->lambda_m * p->lambda_m);
    for (size_t i = 0; i < n; i++) {
        double d = (double)state[i];
        g[i] = (float)(p->g_max_S * exp(-sqrt(d * d + grown)));
    }
}

static void read_sigma(const void *params, size_t n, const float *state, double t_s, double temp_K, const float *g, float *sigma) {
    const gap_cell *p = params;
    (void)state, (void)t_s, (void)temp_K; /* a fraction of the conductance that mean() gave */
    for (size_t i = 0; i < n; i++) sigma[i] = (float)p->sigma_read * g[i];
}

static void read_cells(const void *params, size_t n, const float *state, double t_s, double temp_K, float *g, mb_stream *rng) {
    const gap_cell *p = params;
    mean(params, n, state, t_s, temp_K, g);
    if (p->sigma_read <= 0) return;
    for (size_t at = 0; at < n; at += MB_CELL_CHUNK) {
        size_t k = n - at < MB_CELL_CHUNK ? n - at : MB_CELL_CHUNK;
        float z[MB_CELL_CHUNK];
        mb_stream_fill_normal(rng, MB_CELL_CHUNK, z);
        for (size_t i = 0; i < k; i++) {
            float G = g[at + i] * (1 + (float)p->sigma_read * z[i]);
            g[at + i] = G > 0 ? G : 0;
        }
    }
}

static double shape(const void *params, double g, double u) {
    const gap_cell *p = params;
    (void)g;
    return sinh(u * p->read_V / p->V0_V) / sinh(p->read_V / p->V0_V);
}

static void cost(const void *params, mb_cell_cost *c) {
    const gap_cell *p = params;
    *c = (mb_cell_cost){.read_V = p->read_V, .write_J = p->write_J, .write_s = p->write_s, .area_F2 = p->area_F2};
}

static const char *const effects[] = {"programming", "retention", "read noise", NULL};
static void without(void *params, int effect) {
    gap_cell *p = params;
    if (effect == 0) p->sigma_d_m = 0;
    if (effect == 1) p->D_300_m2_per_s = 0;
    if (effect == 2) p->sigma_read = 0;
}

/* The one symbol that mixbar looks for. */
const mb_cell_type mb_user_cell = {
    .abi = MB_CELL_ABI,
    .name = "gap",
    .summary = "filament with a tunnelling gap: log-normal errors, diffusion with temperature, sinh current",
    .reference = "Guan, Yu, Wong, IEEE EDL 33, 1405 (2012), doi:10.1109/LED.2012.2210856",
    .params = table,
    .size = sizeof(gap_cell),
    .check = check,
    .n_state = 1,
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
    .shape = shape,
};
