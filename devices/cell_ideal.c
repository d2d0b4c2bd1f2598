/* cell_ideal.c - the cell that does what it is told: G = target, or the nearest of `levels` equally spaced levels. No error, no
 * noise, no ageing. */
#include <math.h>
#include <string.h>

#include "array/cell.h"
#include "base/error.h"

typedef struct ideal { double g_min_S, g_max_S; int levels; double read_V, write_J, write_s, area_F2; } ideal;

static const mb_param table[] = {
    MB_REAL(ideal, g_min_S, "S", "0.0", 0, 10, "conductance of digit 0"),
    MB_REAL(ideal, g_max_S, "S", "100e-6", 1e-12, 10, "conductance of the largest digit"),
    MB_INT(ideal, levels, "", "0", 0, 65536, "programmable levels, equally spaced; 0: continuous"),
    MB_REAL(ideal, read_V, "V", "0.2", 1e-3, 10, "voltage of a full-scale input digit"),
    MB_REAL(ideal, write_J, "J", "0.0", 0, 1, "energy to program one cell"),
    MB_REAL(ideal, write_s, "s", "0.0", 0, 1, "time to program one cell"),
    MB_REAL(ideal, area_F2, "F^2", "4.0", 0, 1e6,
            "cell with access device, in squared feature sizes (4: the least a crosspoint can take)"),
    MB_PARAM_END};

static int check(const void *params) {
    const ideal *p = params;
    if (p->g_min_S >= p->g_max_S) return mb_fail(MB_BADINPUT, "g_min_S = %g is not below g_max_S = %g", p->g_min_S, p->g_max_S);
    if (p->levels == 1)
        return mb_fail(MB_BADINPUT, "levels = 1: one level stores nothing; choose 2 or more, or 0 for continuous");
    return MB_OK;
}

static void range(const void *params, double *g_min, double *g_max) {
    const ideal *p = params;
    *g_min = p->g_min_S;
    *g_max = p->g_max_S;
}

static int levels(const void *params) { return ((const ideal *)params)->levels; }

static bool deterministic(const void *params) {
    (void)params;
    return true;
}

static void program(const void *params, size_t n, const float *g_target, float *state, mb_stream *rng) {
    const ideal *p = params;
    double span = p->g_max_S - p->g_min_S;
    int top = p->levels - 1;
    (void)rng;
    if (p->levels == 0) {
        memcpy(state, g_target, n * sizeof *state);
        return;
    }
    for (size_t i = 0; i < n; i++) {
        double j = floor(((double)g_target[i] - p->g_min_S) / span * top + 0.5);
        j = j < 0 ? 0 : j > top ? top : j;
        state[i] = (float)(p->g_min_S + j * span / top);
    }
}

static void mean(const void *params, size_t n, const float *state, double t_s, double temp_K, float *g) {
    (void)params, (void)t_s, (void)temp_K;
    memcpy(g, state, n * sizeof *g);
}

static void read_cells(const void *params, size_t n, const float *state, double t_s, double temp_K, float *g, mb_stream *rng) {
    (void)rng;
    mean(params, n, state, t_s, temp_K, g);
}

static void cost(const void *params, mb_cell_cost *c) {
    const ideal *p = params;
    *c = (mb_cell_cost){.read_V = p->read_V, .write_J = p->write_J, .write_s = p->write_s, .area_F2 = p->area_F2, .pulses = 1};
}

const mb_cell_type mb_cell_ideal = {
    .abi = MB_CELL_ABI,
    .name = "ideal",
    .summary = "exact conductances, no error, no noise, no ageing",
    .reference = "definition",
    .params = table,
    .size = sizeof(ideal),
    .check = check,
    .n_state = 1,
    .range = range,
    .levels = levels,
    .deterministic = deterministic,
    .program = program,
    .mean = mean,
    .read = read_cells,
    .read_sigma = NULL,
    .cost = cost,
};
