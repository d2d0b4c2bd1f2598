/* program.c - from integer weights to programmed conductances in fixed point
 *
 * Per array, slice and polarity one call of the cell model; with wires all of an array's cells are gathered and replaced by their
 * effective conductances (xbar_wires.c); w = w0 + d F + round((G - G_target) / unit), clamped to 0 .. w_max;
 * sigma^2 of the read noise in array units squared, held in 14 bits of the largest one. Units and symbols: array/xbar.h.
 */
#include <math.h>
#include <string.h>

#include "array/xbar_private.h"
#include "base/error.h"
#include "base/mem.h"

/* The cells of one array, part by part (2 slices: part = slice * polarities of cells + polarity), row by row. */
typedef struct block {
    int row_tile, k0, k1;             /* rows */
    int col_tile;
    int n0, n1, ref0, columns;        /* outputs n0..n1-1, then references from output ref0 on */
    size_t cells, parts;
    size_t room;                      /* cells of the largest array */
    float *target, *G, *sigma, *state; /* [parts][room], states [parts][n_state][cells] */
    float *fresh;                     /* [room] conductances right after programming; NULL: not watched */
    float *column;                    /* scratch of one column: targets, G, sigma, states */
    double *error;                    /* [parts][columns] */
    uint32_t *fault;                  /* [rows + cols of the array] */
} block;

/* Whose cells: all of a random stream but its index. */
typedef struct stream_key { uint64_t seed; uint32_t trial, unit; } stream_key;

#define CENSORED 4.0                  /* sigmas above zero from which on clipping is left out: 3e-5 of the reads, mean 7e-6 sigma */
#define DEAD (-0.0f)                  /* conductance on a dead line: no cell has it */
#define SPARE_INDEX 256u              /* index of the first spare column's stream */

static int block_output(const block *b, int c) { return c < b->n1 - b->n0 ? b->n0 + c : b->ref0 + c - (b->n1 - b->n0); }
static float *part_of(float *v, const block *b, size_t part) { return v + part * b->room; }

static bool watches_ageing(const mb_xbar *xb) { return xb->spec.watch_ageing && !(xb->spec.ideal & MB_IDEAL_CELLS); }

static int block_alloc(const mb_xbar *xb, block *b) {
    size_t rows = (size_t)(xb->spec.rows < xb->K ? xb->spec.rows : xb->K);
    size_t outputs = (size_t)(xb->lay.outputs_per_tile < xb->N ? xb->lay.outputs_per_tile : xb->N);
    size_t columns = outputs + (size_t)xb->sc.references, ns = (size_t)xb->spec.cell.type->n_state;
    size_t parts = (size_t)xb->lay.slices * (size_t)xb->sc.pairs, lines = (size_t)xb->spec.rows + (size_t)xb->spec.cols;
    *b = (block){.parts = parts, .room = rows * columns};
    b->target = mb_malloc(parts * b->room, sizeof(float));
    b->G = mb_malloc(parts * b->room, sizeof(float));
    b->sigma = mb_calloc(parts * b->room, sizeof(float));
    b->state = mb_malloc(parts * b->room * ns, sizeof(float));
    b->column = mb_malloc((3 + ns) * rows, sizeof(float));
    b->error = mb_malloc(parts * columns, sizeof(double));
    b->fault = mb_malloc(lines, sizeof(uint32_t));
    if (watches_ageing(xb) && !(b->fresh = mb_malloc(b->room, sizeof(float)))) return mb_nomem();
    return b->target && b->G && b->sigma && b->state && b->column && b->error && b->fault ? MB_OK : mb_nomem();
}

static void block_free(block *b) {
    mb_free(b->target);
    mb_free(b->G);
    mb_free(b->sigma);
    mb_free(b->state);
    mb_free(b->fresh);
    mb_free(b->column);
    mb_free(b->error);
    mb_free(b->fault);
}

static void block_place(const mb_xbar *xb, int row_tile, int col_tile, block *b) {
    b->row_tile = row_tile;
    b->col_tile = col_tile;
    b->k0 = row_tile * xb->spec.rows;
    b->k1 = b->k0 + xb->spec.rows < xb->K ? b->k0 + xb->spec.rows : xb->K;
    b->n0 = col_tile * xb->lay.outputs_per_tile;
    b->n1 = b->n0 + xb->lay.outputs_per_tile < xb->N ? b->n0 + xb->lay.outputs_per_tile : xb->N;
    b->ref0 = xb->N + col_tile * xb->sc.references;
    b->columns = b->n1 - b->n0 + xb->sc.references;
    b->cells = (size_t)(b->k1 - b->k0) * (size_t)b->columns;
}

static bool reads_noisily(const mb_xbar *xb) { return xb->spec.cell.type->read_sigma && !(xb->spec.ideal & MB_IDEAL_READ); }

/* Conductances wanted of slice s, polarity q of the block. */
static void block_target(const mb_xbar *xb, int s, int q, block *b) {
    float *target = part_of(b->target, b, (size_t)(s * xb->sc.pairs + q));
    size_t i = 0;
    for (int k = b->k0; k < b->k1; k++)
        for (int c = 0; c < b->columns; c++, i++) {
            int h = mb_xbar_half_digits(xb, s, q, k, block_output(b, c));
            target[i] = (float)(xb->sc.g_min + h * (xb->sc.g_max - xb->sc.g_min) / (2 * xb->sc.grid[s]));
        }
}

/* Errors of N cells times the stress of the specification; no conductance becomes negative. */
static void apply_stress(const mb_xbar *xb, size_t n, const float *target, float *G, float *sigma) {
    const float stress = (float)xb->spec.stress;
    for (size_t i = 0; i < n; i++) {
        const float g = target[i] + stress * (G[i] - target[i]);
        G[i] = g > 0 ? g : 0;
        if (reads_noisily(xb)) sigma[i] *= stress;
    }
}

/* Program N cells and read back their conductances and read noise. */
static int program_cells(const mb_xbar *xb, size_t n, const float *target, float *state, float *G, float *sigma,
                         mb_stream *stream) {
    const mb_cell_type *type = xb->spec.cell.type;
    const void *p = xb->spec.cell.params;
    type->program(p, n, target, state, stream); /* also of ideal cells: their read noise may depend on the state */
    if (xb->spec.ideal & MB_IDEAL_CELLS) memcpy(G, target, n * sizeof *G);
    else type->mean(p, n, state, xb->spec.time_s, xb->spec.temp_K, G);
    for (size_t i = 0; i < n; i++)
        if (!isfinite(G[i]) || G[i] < 0)
            return mb_fail(MB_NUMERIC,
                           "cell %s gives the conductance %g S for the target %g S at %g s, %g K; check its parameters",
                           type->name, (double)G[i], (double)target[i], xb->spec.time_s, xb->spec.temp_K);
    if (reads_noisily(xb)) {
        type->read_sigma(p, n, state, xb->spec.time_s, xb->spec.temp_K, G, sigma);
        for (size_t i = 0; i < n; i++)
            if (!isfinite(sigma[i]) || sigma[i] < 0)
                return mb_fail(MB_NUMERIC, "cell %s gives the read noise %g S at %g S; check its parameters", type->name,
                               (double)sigma[i], (double)G[i]);
    }
    if (xb->spec.stress > 0) apply_stress(xb, n, target, G, sigma);
    return MB_OK;
}

/* Conductance in array units of slice s for half digits h: w0 + d F plus the error, not rounded. Without conductance: 0. */
static double error_units(const mb_xbar *xb, int s, float G, float target) {
    return ((double)G - (double)target) / xb->sc.unit[s];
}

/* --- faults and spare columns ------------------------------------------------------------------------------------------ */

static uint32_t threshold(double p) { return (uint32_t)floor(p * 4294967295.0 + 0.5); }

/* Column of the array in which output c of the block stands: output after output, slice after slice, polarity after polarity, then
 * the dummies; spare columns are the last ones. */
static int line_of(const mb_xbar *xb, const block *b, int s, int q, int c) {
    int outputs = b->n1 - b->n0, per = xb->lay.cells_per_weight;
    if (c < outputs) return c * per + (s + xb->spec.skip_slices) * xb->sc.pairs + q;
    return xb->lay.outputs_per_tile * per + (c - outputs) * xb->lay.slices + s;
}

static double column_error(const mb_xbar *xb, const block *b, int s, int stride, const float *G, const float *target) {
    double sum = 0, weight = (double)((int64_t)1 << xb->sc.shift[s]);
    for (int k = 0; k < b->k1 - b->k0; k++) {
        double e = weight * error_units(xb, s, G[(size_t)k * (size_t)stride], target[(size_t)k * (size_t)stride]);
        sum += e * e;
    }
    return sum;
}

/* Spare j takes the place of the worst column when it is better. *worst: its error before, 0 when all columns are right. */
static int use_spare(mb_xbar *xb, const stream_key *key, int j, block *b, double *worst) {
    const size_t rows = (size_t)(b->k1 - b->k0), cols = (size_t)b->columns, ns = (size_t)xb->spec.cell.type->n_state;
    float *target = b->column, *G = target + rows, *sigma = G + rows, *state = sigma + rows;
    size_t at = 0;
    mb_stream stream;
    for (size_t i = 1; i < b->parts * cols; i++) at = b->error[i] > b->error[at] ? i : at;
    *worst = b->error[at];
    if (!(*worst > 0)) return MB_OK;
    const size_t part = at / cols, c = at % cols;
    const int s = (int)part / xb->sc.pairs;
    for (size_t k = 0; k < rows; k++) target[k] = part_of(b->target, b, part)[k * cols + c], sigma[k] = 0;
    mb_stream_init(&stream, key->seed, MB_RNG_PROGRAM, key->trial, key->unit, SPARE_INDEX + (uint32_t)j);
    int rc = program_cells(xb, rows, target, state, G, sigma, &stream);
    if (rc) return rc;
    b->error[at] = 0; /* served, one way or the other */
    if (!(column_error(xb, b, s, 1, G, target) < *worst)) return MB_OK;
    for (size_t k = 0; k < rows; k++) {
        part_of(b->G, b, part)[k * cols + c] = G[k];
        part_of(b->sigma, b, part)[k * cols + c] = sigma[k];
        for (size_t v = 0; v < ns; v++) b->state[part * b->room * ns + v * b->cells + k * cols + c] = state[v * rows + k];
    }
    xb->repaired++;
    return MB_OK;
}

/* Dead columns, spares in the place of the worst ones, dead rows. */
static int block_faults(mb_xbar *xb, const stream_key *key, block *b) {
    const mb_xbar_spec *sp = &xb->spec;
    const size_t cols = (size_t)b->columns;
    const uint32_t dead_row = threshold(sp->dead_rows), dead_col = threshold(sp->dead_columns);
    mb_stream stream;
    if (sp->spare_columns == 0 && dead_row == 0 && dead_col == 0) return MB_OK;
    mb_stream_init(&stream, key->seed, MB_RNG_FAULT, key->trial, key->unit, UINT32_MAX);
    mb_stream_fill_u32(&stream, (size_t)sp->rows + (size_t)sp->cols, b->fault);
    const uint32_t *column = b->fault + sp->rows;
    for (size_t part = 0; part < b->parts; part++)
        for (size_t c = 0; c < cols; c++) {
            int s = (int)part / xb->sc.pairs, q = (int)part % xb->sc.pairs;
            bool dead = column[line_of(xb, b, s, q, (int)c)] < dead_col;
            float *G = part_of(b->G, b, part) + c, *sigma = part_of(b->sigma, b, part) + c;
            for (size_t k = 0; dead && k < (size_t)(b->k1 - b->k0); k++) G[k * cols] = DEAD, sigma[k * cols] = 0;
            b->error[part * cols + c] = column_error(xb, b, s, b->columns, G, part_of(b->target, b, part) + c);
        }
    double worst = 1;
    for (int j = 0; j < sp->spare_columns && worst > 0; j++) {
        if (column[sp->cols - 1 - j] < dead_col) continue;
        int rc = use_spare(xb, key, j, b, &worst);
        if (rc) return rc;
    }
    for (int k = 0; k < b->k1 - b->k0; k++)
        for (size_t i = 0; b->fault[k] < dead_row && i < b->parts * cols; i++) {
            size_t at = i / cols * b->room + (size_t)k * cols + i % cols;
            b->G[at] = DEAD;
            b->sigma[at] = 0;
        }
    return MB_OK;
}

/* --- read noise that clips at zero --------------------------------------------------------------------------------------- */

/* Mean and standard deviation of max(0, g + sigma z) in place of g and sigma, for the cells that can clip. */
static void block_censor(mb_xbar *xb, bool replace, block *b) {
    for (size_t part = 0; part < b->parts; part++)
        for (size_t i = 0; i < b->cells; i++) {
            float *G = part_of(b->G, b, part) + i, *sigma = part_of(b->sigma, b, part) + i;
            double g = (double)*G, sd = (double)*sigma;
            if (!(sd > 0) || g >= CENSORED * sd) continue;
            xb->censored++;
            if (!replace) continue;
            double x = g / sd, P = 0.5 * erfc(-x * M_SQRT1_2), p = exp(-x * x / 2) * 0.3989422804014327;
            double mean = g * P + sd * p, square = (g * g + sd * sd) * P + g * sd * p;
            *G = (float)mean;
            *sigma = square > mean * mean ? (float)sqrt(square - mean * mean) : 0;
        }
}

/* --- what is not built ------------------------------------------------------------------------------------------------ */

static bool built(const mb_xbar *xb, const block *b, int s, int k, int c) {
    const int g = b->row_tile * ((xb->spec.rows + xb->spec.rows_active - 1) / xb->spec.rows_active) + k / xb->spec.rows_active;
    if (!xb->empty || c >= b->n1 - b->n0) return true;
    return !xb->empty[((size_t)g * (size_t)xb->lay.slices + (size_t)s) * (size_t)xb->N + (size_t)(b->n0 + c)];
}

/* No cells where a column of a row group holds zeros only. */
static void block_empty(mb_xbar *xb, block *b) {
    for (size_t part = 0; part < b->parts && xb->empty; part++)
        for (size_t i = 0; i < b->cells; i++) {
            if (built(xb, b, (int)part / xb->sc.pairs, (int)(i / (size_t)b->columns), (int)(i % (size_t)b->columns))) continue;
            part_of(b->G, b, part)[i] = DEAD;
            part_of(b->sigma, b, part)[i] = 0;
        }
}

/* --- storing ------------------------------------------------------------------------------------------------------------------- */

/* Add slice s, polarity q of the block to the panels (w), the variances (var[group], or NULL) and, without wires, the row sums. */
static void block_store(mb_xbar *xb, int s, int q, const block *b, float *const *var) {
    int first = b->row_tile * ((xb->spec.rows + xb->spec.rows_active - 1) / xb->spec.rows_active);
    int sign = q == 1 && xb->sc.polarities == 1 ? -1 : 1, pol = xb->sc.polarities == 2 ? q : 0;
    const size_t part = (size_t)(s * xb->sc.pairs + q);
    const float *G = b->G + part * b->room, *target = b->target + part * b->room, *sigma = b->sigma + part * b->room;
    const bool wires = mb_xbar_has_wires(&xb->spec.wires);
    double unit = xb->sc.unit[s], share = unit / xb->sc.unit_S;
    size_t i = 0;
    for (int k = b->k0; k < b->k1; k++) {
        int g = first + (k - b->k0) / xb->spec.rows_active;
        const mb_xbar_group *gr = &xb->group[g];
        int64_t row = 0;
        for (int c = 0; c < b->columns; c++, i++) {
            int n = block_output(b, c), h = mb_xbar_half_digits(xb, s, q, k, n);
            double d = (double)h * (xb->sc.F * 0.5), w = xb->sc.w0[s] + d + floor(error_units(xb, s, G[i], target[i]) + 0.5);
            if (G[i] <= 0) w = 0;
            xb->saturated += w > xb->sc.w_max && !xb->general;
            row += (int64_t)(w < 0 ? 0 : w > xb->sc.w_max ? xb->sc.w_max : w);
            if (xb->general) {
                double exact = xb->sc.w0[s] + d + error_units(xb, s, G[i], target[i]);
                mb_general_cell(xb, g, s, q, k - gr->k0, n, G[i] <= 0 || exact < 0 ? 0 : exact, (double)sigma[i] / unit);
                continue;
            }
            w = w < 0 ? 0 : w > xb->sc.w_max ? xb->sc.w_max : w;
            size_t col = (size_t)(s * xb->sc.polarities + pol) * (size_t)xb->n_all + (size_t)n;
            size_t at = mb_panel_index(gr->k, k - gr->k0, col);
            gr->w[at] = (int16_t)(gr->w[at] + sign * (int)w);
            if (var) var[g][at] += (float)((double)sigma[i] / unit * ((double)sigma[i] / unit));
        }
        if (!wires) xb->row_w[k] += share == 1 ? row : (int64_t)floor((double)row * share + 0.5);
    }
}

/* State of the cells, for reads cell by cell. */
static void block_states(mb_xbar *xb, const block *b) {
    const size_t ns = (size_t)xb->spec.cell.type->n_state;
    int first = b->row_tile * ((xb->spec.rows + xb->spec.rows_active - 1) / xb->spec.rows_active);
    for (size_t part = 0; part < b->parts; part++)
        for (size_t i = 0; i < b->cells; i++) {
            int k = (int)(i / (size_t)b->columns), g = first + k / xb->spec.rows_active;
            mb_general_state(xb, g, (int)part, k - (xb->group[g].k0 - b->k0), block_output(b, (int)(i % (size_t)b->columns)),
                             b->G[part * b->room + i], b->state + part * b->room * ns + i, b->cells);
        }
}

/* The block's cells into the array (PUT) or back from it. */
static void block_move(const mb_xbar *xb, bool put, block *b, mb_xbar_array *a) {
    for (size_t part = 0; part < b->parts; part++) {
        float *G = part_of(b->G, b, part), *sigma = part_of(b->sigma, b, part);
        for (size_t i = 0; i < b->cells; i++) {
            int k = (int)(i / (size_t)b->columns), c = (int)(i % (size_t)b->columns);
            size_t at = mb_xbar_array_cell(xb, a, k, c, (int)part / xb->sc.pairs, (int)part % xb->sc.pairs);
            if (put) {
                a->G[at] = (double)G[i];
                if (a->sigma) a->sigma[at] = sigma[i];
            } else {
                G[i] = (float)a->G[at];
                if (a->sigma) sigma[i] = a->sigma[at];
            }
        }
    }
}

/* Conductances to effective ones, and the row sums, where the array has wires. */
static int block_wires(mb_xbar *xb, block *b) {
    mb_xbar_array a = {0};
    double residual = 0;
    if (!mb_xbar_has_wires(&xb->spec.wires)) return MB_OK;
    int rc = mb_xbar_array_new(xb, b->k1 - b->k0, b->columns, reads_noisily(xb), &a);
    if (rc) return rc;
    block_move(xb, true, b, &a);
    if (!(rc = mb_xbar_array_solve(xb, &a, &residual))) {
        block_move(xb, false, b, &a);
        for (int k = b->k0; k < b->k1; k++) xb->row_w[k] += (int64_t)floor(mb_xbar_array_draw(&a, k - b->k0) / xb->sc.unit_S + 0.5);
    }
    if (residual > xb->wire_residual) xb->wire_residual = residual;
    mb_xbar_array_free(&a);
    return rc ? mb_context(rc, "array %d, %d of the layer", b->row_tile, b->col_tile) : MB_OK;
}

/* Add the cells of a part, G at the time of reading, to the sums of mb_xbar_ageing(). */
static void block_ageing(mb_xbar *xb, const block *b, int s, const float *state, const float *G) {
    xb->spec.cell.type->mean(xb->spec.cell.params, b->cells, state, 0, xb->spec.temp_K, b->fresh);
    for (size_t i = 0; i < b->cells; i++)
        if (built(xb, b, s, (int)(i / (size_t)b->columns), (int)(i % (size_t)b->columns)))
            xb->fresh_S += (double)b->fresh[i], xb->aged_S += (double)G[i];
}

/* One array: its cells drawn, index 2 slice + polarity of the stream, faults, read noise, wires, and stored. */
static int program_array(mb_xbar *xb, const stream_key *key, block *b, float *const *var) {
    const size_t ns = (size_t)xb->spec.cell.type->n_state;
    const bool each = xb->general && mb_general_reads_cells(xb);
    int rc = MB_OK;
    for (int s = 0; s < xb->lay.slices; s++)
        for (int q = 0; q < xb->sc.pairs; q++) {
            mb_stream stream;
            size_t part = (size_t)(s * xb->sc.pairs + q), at = part * b->room;
            block_target(xb, s, q, b);
            mb_stream_init(&stream, key->seed, MB_RNG_PROGRAM, key->trial, key->unit, (uint32_t)((s + xb->spec.skip_slices) * 2 + q));
            rc = program_cells(xb, b->cells, b->target + at, b->state + at * ns, b->G + at, b->sigma + at, &stream);
            if (rc) return rc;
            if (b->fresh) block_ageing(xb, b, s, b->state + at * ns, b->G + at);
        }
    if (!(xb->spec.ideal & MB_IDEAL_CELLS) && (rc = block_faults(xb, key, b))) return rc;
    block_empty(xb, b);
    if (reads_noisily(xb)) block_censor(xb, !each, b);
    if ((rc = block_wires(xb, b))) return rc;
    for (int s = 0; s < xb->lay.slices; s++)
        for (int q = 0; q < xb->sc.pairs; q++) block_store(xb, s, q, b, var);
    if (each) block_states(xb, b);
    return MB_OK;
}

static size_t group_cells(const mb_xbar *xb, int g) { return (size_t)xb->panels * ((size_t)xb->group[g].k + 1) * MB_PANEL; }

/* The variance that all cells share, or -1. */
static int32_t same_variance(const mb_xbar *xb) {
    size_t columns = (size_t)xb->lay.slices * (size_t)xb->sc.polarities * (size_t)xb->n_all;
    int32_t v = xb->group[0].var[0];
    for (int g = 0; g < xb->lay.row_groups; g++)
        for (int k = 0; k < xb->group[g].k; k++)
            for (size_t c = 0; c < columns; c++)
                if (xb->group[g].var[mb_panel_index(xb->group[g].k, k, c)] != v) return -1;
    return v;
}

/* Variances to 14 bits of the largest one. */
static int store_noise(mb_xbar *xb, float *const *var) {
    float top = 0;
    for (int g = 0; g < xb->lay.row_groups; g++)
        for (size_t i = 0; i < group_cells(xb, g); i++) top = var[g][i] > top ? var[g][i] : top;
    xb->noisy = top > 0;
    if (!xb->noisy) return MB_OK;
    if (!(top < 1e18f))
        return mb_fail(MB_NUMERIC, "cell %s: read noise of %g S is beyond all bounds", xb->spec.cell.type->name,
                       sqrt((double)top) * xb->sc.unit_S);
    xb->var_unit = (double)top / MB_VAR_MAX;
    for (int g = 0; g < xb->lay.row_groups; g++) {
        mb_xbar_group *gr = &xb->group[g];
        if (!gr->var) gr->var = mb_malloc(group_cells(xb, g), sizeof *gr->var);
        if (!gr->var) return mb_nomem();
        for (size_t i = 0; i < group_cells(xb, g); i++) gr->var[i] = (int16_t)floor((double)var[g][i] / xb->var_unit + 0.5);
    }
    xb->var_each = same_variance(xb);
    return MB_OK;
}

/* All arrays, into integers or into the general engine. */
static int program_all(mb_xbar *xb, uint64_t seed, uint32_t trial, uint32_t layer, uint32_t group) {
    int rc = MB_OK, groups = xb->lay.row_groups;
    block b = {0};
    float **var = NULL;
    uint32_t arrays = (uint32_t)xb->lay.row_tiles * (uint32_t)xb->lay.col_tiles;
    xb->saturated = xb->censored = xb->repaired = 0;
    xb->wire_residual = xb->fresh_S = xb->aged_S = 0;
    xb->noisy = false;
    memset(xb->row_w, 0, (size_t)xb->K * sizeof *xb->row_w);
    for (int g = 0; g < groups && !xb->general; g++) memset(xb->group[g].w, 0, group_cells(xb, g) * sizeof(int16_t));
    if ((rc = block_alloc(xb, &b))) goto out;
    if (reads_noisily(xb) && !xb->general) {
        var = mb_calloc((size_t)groups, sizeof *var);
        if (!var) rc = mb_nomem();
        for (int g = 0; !rc && g < groups; g++) {
            var[g] = mb_calloc(group_cells(xb, g), sizeof **var);
            if (!var[g]) rc = mb_nomem();
        }
        if (rc) goto out;
    }
    for (int rt = 0; rt < xb->lay.row_tiles; rt++)
        for (int ct = 0; ct < xb->lay.col_tiles; ct++) {
            uint32_t slot = group * arrays + (uint32_t)(rt * xb->lay.col_tiles + ct);
            block_place(xb, rt, ct, &b);
            if ((rc = program_array(xb, &(stream_key){seed, trial, mb_unit(layer, slot)}, &b, var))) goto out;
        }
    if (var) rc = store_noise(xb, var);
out:
    for (int g = 0; var && g < groups; g++) mb_free(var[g]);
    mb_free(var);
    block_free(&b);
    return rc;
}

int mb_xbar_program(mb_xbar *xb, uint64_t seed, uint32_t trial, uint32_t layer, uint32_t group) {
    int rc = MB_OK;
    uint64_t arrays = (uint64_t)xb->lay.row_tiles * (uint64_t)xb->lay.col_tiles;
    if (xb->borrows) return mb_fail(MB_BUG, "a crossbar that borrows its cells is programmed");
    if (layer > 4095 || trial > MB_RNG_TRIAL_MAX || (group + (uint64_t)1) * arrays > 1u << 20)
        return mb_fail(MB_BADINPUT,
                       "layer %u, group %u, trial %u have no random stream of their own (limits: 4096 layers, %u arrays in a "
                       "layer, %u trials)",
                       (unsigned)layer, (unsigned)group, (unsigned)trial, 1u << 20, MB_RNG_TRIAL_MAX);
    xb->programmed = false;
    if (!xb->sc.general) { /* noise cell by cell is decided anew for each draw of the devices */
        mb_general_free(xb->general);
        xb->general = NULL;
    }
    if ((rc = program_all(xb, seed, trial, layer, group))) return rc;
    if (xb->spec.read_noise == MB_NOISE_AUTO && xb->censored > 0 && !xb->general && !mb_xbar_has_wires(&xb->spec.wires)) {
        if ((rc = mb_general_new(xb)) || (rc = program_all(xb, seed, trial, layer, group))) return rc;
    }
    for (int g = 0; g < xb->lay.row_groups && mb_kernel_packed() && !xb->general; g++) {
        mb_row_group rg;
        mb_xbar_row_group(xb, g, &rg);
        mb_quads_free(xb->group[g].quads);
        xb->group[g].quads = NULL;
        if ((rc = mb_quads_new(&rg, xb->spec.input_signed, &xb->group[g].quads))) return rc;
    }
    if (xb->general && (rc = mb_general_finish(xb))) return rc;
    xb->place = 1 + mb_unit(layer, group * (uint32_t)xb->lay.row_tiles);
    mb_xbar_place_ranges(xb);
    xb->programmed = true;
    return MB_OK;
}
