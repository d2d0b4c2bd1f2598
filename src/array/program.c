/* program.c - from integer weights to programmed conductances in fixed point
 *
 * Per array, slice and polarity one call of the cell model; with wires all of an array's cells are gathered and replaced by their
 * effective conductances (xbar_wires.c); w = w0 + d F + round((G - G_target) / unit), clamped to 0 .. w_max;
 * sigma^2 of the read noise in array units squared, held in 15 bits of the largest one. Units and symbols: array/xbar.h.
 */
#include <math.h>
#include <string.h>

#include "array/xbar_private.h"
#include "base/error.h"
#include "base/mem.h"

/* The cells of one (array, slice, polarity), row by row. */
typedef struct block {
    int row_tile, k0, k1;             /* rows */
    int n0, n1, ref0, columns;        /* outputs n0..n1-1, then references from output ref0 on */
    size_t cells;
    float *target, *G, *sigma, *state;
} block;

/* Whose cells: all of a random stream but its index. */
typedef struct stream_key { uint64_t seed; uint32_t trial, unit; } stream_key;

static int block_output(const block *b, int c) { return c < b->n1 - b->n0 ? b->n0 + c : b->ref0 + c - (b->n1 - b->n0); }

static int block_alloc(const mb_xbar *xb, block *b) {
    size_t rows = (size_t)(xb->spec.rows < xb->K ? xb->spec.rows : xb->K);
    size_t outputs = (size_t)(xb->lay.outputs_per_tile < xb->N ? xb->lay.outputs_per_tile : xb->N);
    size_t n = rows * (outputs + (size_t)xb->sc.references), ns = (size_t)xb->spec.cell.type->n_state;
    *b = (block){.target = mb_malloc(n, sizeof(float)),
                 .G = mb_malloc(n, sizeof(float)),
                 .sigma = mb_malloc(n, sizeof(float)),
                 .state = mb_malloc(n * ns, sizeof(float))};
    return b->target && b->G && b->sigma && b->state ? MB_OK : mb_nomem();
}

static void block_free(block *b) {
    mb_free(b->target);
    mb_free(b->G);
    mb_free(b->sigma);
    mb_free(b->state);
}

static void block_place(const mb_xbar *xb, int row_tile, int col_tile, block *b) {
    b->row_tile = row_tile;
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
    size_t i = 0;
    for (int k = b->k0; k < b->k1; k++)
        for (int c = 0; c < b->columns; c++, i++) {
            int d = mb_xbar_digit(xb, s, q, k, block_output(b, c));
            b->target[i] = (float)(xb->sc.g_min + d * (xb->sc.g_max - xb->sc.g_min) / xb->sc.digits);
        }
}

/* Program slice s, polarity q of the block and read back its conductances. */
static int block_program(const mb_xbar *xb, int s, int q, mb_stream *stream, block *b) {
    const mb_cell_type *type = xb->spec.cell.type;
    const void *p = xb->spec.cell.params;
    size_t i;
    block_target(xb, s, q, b);
    if (xb->spec.ideal & MB_IDEAL_CELLS) {
        memcpy(b->G, b->target, b->cells * sizeof *b->G);
    } else {
        type->program(p, b->cells, b->target, b->state, stream);
        type->mean(p, b->cells, b->state, xb->spec.time_s, xb->spec.temp_K, b->G);
    }
    for (i = 0; i < b->cells; i++)
        if (!isfinite(b->G[i]) || b->G[i] < 0)
            return mb_fail(MB_NUMERIC,
                           "cell %s gives the conductance %g S for the target %g S at %g s, %g K; check its parameters",
                           type->name, (double)b->G[i], (double)b->target[i], xb->spec.time_s, xb->spec.temp_K);
    if (!reads_noisily(xb)) return MB_OK;
    type->read_sigma(p, b->cells, b->state, xb->spec.time_s, xb->spec.temp_K, b->G, b->sigma);
    for (i = 0; i < b->cells; i++)
        if (!isfinite(b->sigma[i]) || b->sigma[i] < 0)
            return mb_fail(MB_NUMERIC, "cell %s gives the read noise %g S at %g S; check its parameters", type->name,
                           (double)b->sigma[i], (double)b->G[i]);
    return MB_OK;
}

/* Add the block to the panels (w), the variances (var[group], or NULL) and, without wires, the row sums. */
static void block_store(mb_xbar *xb, int s, int q, const block *b, float *const *var) {
    int first = b->row_tile * ((xb->spec.rows + xb->spec.rows_active - 1) / xb->spec.rows_active);
    int sign = q == 1 && xb->sc.polarities == 1 ? -1 : 1, part = xb->sc.polarities == 2 ? q : 0;
    bool wires = mb_xbar_has_wires(&xb->spec.wires);
    double unit = xb->sc.unit_S;
    size_t i = 0;
    for (int k = b->k0; k < b->k1; k++) {
        int g = first + (k - b->k0) / xb->spec.rows_active;
        const mb_xbar_group *gr = &xb->group[g];
        for (int c = 0; c < b->columns; c++, i++) {
            int n = block_output(b, c), d = mb_xbar_digit(xb, s, q, k, n);
            double w = xb->sc.w0 + (double)d * xb->sc.F + floor(((double)b->G[i] - (double)b->target[i]) / unit + 0.5);
            xb->saturated += w > xb->sc.w_max;
            w = w < 0 ? 0 : w > xb->sc.w_max ? xb->sc.w_max : w;
            size_t col = (size_t)(s * xb->sc.polarities + part) * (size_t)xb->n_all + (size_t)n;
            size_t at = mb_panel_index(gr->k, k - gr->k0, col);
            gr->w[at] = (int16_t)(gr->w[at] + sign * (int)w);
            if (!wires) xb->row_w[k] += (int64_t)w;
            if (var) var[g][at] += (float)((double)b->sigma[i] / unit * ((double)b->sigma[i] / unit));
        }
    }
}

/* The block's cells of slice s, polarity q into the array (PUT) or back from it. */
static void block_move(const mb_xbar *xb, int s, int q, bool put, block *b, mb_xbar_array *a) {
    size_t i = 0;
    for (int k = 0; k < b->k1 - b->k0; k++)
        for (int c = 0; c < b->columns; c++, i++) {
            size_t at = mb_xbar_array_cell(xb, a, k, c, s, q);
            if (put) {
                a->G[at] = (double)b->G[i];
                if (a->sigma) a->sigma[at] = b->sigma[i];
            } else {
                b->G[i] = (float)a->G[at];
                if (a->sigma) b->sigma[i] = a->sigma[at];
            }
        }
}

/* One array: its cells drawn with stream INDEX 2 slice + polarity, and stored; through its wires where it has them. */
static int program_array(mb_xbar *xb, const stream_key *key, block *b, float *const *var) {
    const bool wires = mb_xbar_has_wires(&xb->spec.wires);
    mb_xbar_array a = {0};
    double residual = 0;
    int rc = MB_OK;
    if (wires && (rc = mb_xbar_array_new(xb, b->k1 - b->k0, b->columns, var != NULL, &a))) return rc;
    for (int s = 0; s < xb->lay.slices; s++)
        for (int q = 0; q < xb->sc.pairs; q++) {
            mb_stream stream;
            mb_stream_init(&stream, key->seed, MB_RNG_PROGRAM, key->trial, key->unit, (uint32_t)(s * 2 + q));
            if ((rc = block_program(xb, s, q, &stream, b))) goto out;
            if (wires) block_move(xb, s, q, true, b, &a);
            else block_store(xb, s, q, b, var);
        }
    if (!wires || (rc = mb_xbar_array_solve(xb, &a, &residual))) goto out;
    if (residual > xb->wire_residual) xb->wire_residual = residual;
    for (int s = 0; s < xb->lay.slices; s++)
        for (int q = 0; q < xb->sc.pairs; q++) {
            block_target(xb, s, q, b);
            block_move(xb, s, q, false, b, &a);
            block_store(xb, s, q, b, var);
        }
    for (int k = b->k0; k < b->k1; k++) xb->row_w[k] += (int64_t)floor(mb_xbar_array_draw(&a, k - b->k0) / xb->sc.unit_S + 0.5);
out:
    mb_xbar_array_free(&a);
    return rc;
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

/* Variances to 15 bits of the largest one. */
static int store_noise(mb_xbar *xb, float *const *var) {
    float top = 0;
    for (int g = 0; g < xb->lay.row_groups; g++)
        for (size_t i = 0; i < group_cells(xb, g); i++) top = var[g][i] > top ? var[g][i] : top;
    xb->noisy = top > 0;
    if (!xb->noisy) return MB_OK;
    if (!(top < 1e18f))
        return mb_fail(MB_NUMERIC, "cell %s: read noise of %g S is beyond all bounds", xb->spec.cell.type->name,
                       sqrt((double)top) * xb->sc.unit_S);
    xb->var_unit = (double)top / INT16_MAX;
    for (int g = 0; g < xb->lay.row_groups; g++) {
        mb_xbar_group *gr = &xb->group[g];
        if (!gr->var) gr->var = mb_malloc(group_cells(xb, g), sizeof *gr->var);
        if (!gr->var) return mb_nomem();
        for (size_t i = 0; i < group_cells(xb, g); i++) gr->var[i] = (int16_t)floor((double)var[g][i] / xb->var_unit + 0.5);
    }
    xb->var_each = same_variance(xb);
    return MB_OK;
}

int mb_xbar_program(mb_xbar *xb, uint64_t seed, uint32_t trial, uint32_t layer, uint32_t group) {
    int rc = MB_OK, groups = xb->lay.row_groups;
    block b = {0};
    float **var = NULL;
    uint64_t arrays = (uint64_t)xb->lay.row_tiles * (uint64_t)xb->lay.col_tiles;
    if (layer > 4095 || trial > MB_RNG_TRIAL_MAX || (group + (uint64_t)1) * arrays > 1u << 20)
        return mb_fail(MB_BADINPUT,
                       "layer %u, group %u, trial %u have no random stream of their own (limits: 4096 layers, %u arrays in a "
                       "layer, %u trials)",
                       (unsigned)layer, (unsigned)group, (unsigned)trial, 1u << 20, MB_RNG_TRIAL_MAX);
    xb->programmed = false;
    xb->saturated = 0;
    xb->wire_residual = 0;
    xb->noisy = false;
    memset(xb->row_w, 0, (size_t)xb->K * sizeof *xb->row_w);
    for (int g = 0; g < groups; g++) memset(xb->group[g].w, 0, group_cells(xb, g) * sizeof(int16_t));
    if ((rc = block_alloc(xb, &b))) goto out;
    if (reads_noisily(xb)) {
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
            uint32_t slot = group * (uint32_t)arrays + (uint32_t)(rt * xb->lay.col_tiles + ct);
            block_place(xb, rt, ct, &b);
            rc = program_array(xb, &(stream_key){seed, trial, mb_unit(layer, slot)}, &b, var);
            if (rc) {
                if (mb_xbar_has_wires(&xb->spec.wires)) mb_context(rc, "array %d, %d of the layer", rt, ct);
                goto out;
            }
        }
    if (var && (rc = store_noise(xb, var))) goto out;
    for (int g = 0; g < groups && mb_kernel_packed(); g++) {
        mb_row_group rg;
        mb_xbar_row_group(xb, g, &rg);
        mb_quads_free(xb->group[g].quads);
        xb->group[g].quads = NULL;
        if ((rc = mb_quads_new(&rg, xb->spec.input_signed, &xb->group[g].quads))) goto out;
    }
    xb->programmed = true;
out:
    for (int g = 0; var && g < groups; g++) mb_free(var[g]);
    mb_free(var);
    block_free(&b);
    return rc;
}
