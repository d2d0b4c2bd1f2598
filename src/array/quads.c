/* quads.c - weights in bytes, four rows side by side, for kernels that multiply bytes (layout and forms: array/kernel.h)
 *
 * Called by program.c once per programming, and by tests.
 */
#include <stdlib.h>
#include <string.h>

#include "array/kernel.h"
#include "base/error.h"
#include "base/mem.h"

#define LEVEL_MAX 127

bool mb_kernel_packed(void) {
    for (size_t i = 0; mb_kernels[i]; i++)
        if (mb_kernels[i]->packed && mb_kernels[i]->supported()) return true;
    return false;
}

void mb_quads_free(mb_quads *q) {
    if (!q) return;
    mb_free(q->b);
    mb_free(q->var);
    mb_free(q);
}

static int cell(const mb_row_group *g, const int16_t *panels, int k, int part, int n) {
    return panels[mb_panel_index(g->k, k, (size_t)part * (size_t)g->n + (size_t)n)];
}

/* Variances in bytes? */
static bool varied(const mb_row_group *g) { return g->var && g->var_each < 0 && g->dac_bits == 1; }

static int round_up(int a, int b) { return (a + b - 1) / b * b; }

/* Form and shift of the weights, and the bounds of the sums of each part. */
static void survey(const mb_row_group *g, mb_quads *q) {
    int all = 0, top = 0, digit = (1 << g->dac_bits) - 1;
    for (int part = 0; part < q->parts; part++) {
        int64_t lo = 0, hi = 0, v_max = 0;
        for (int n = 0; n < g->n; n++) {
            int64_t minus = 0, plus = 0, v = 0;
            for (int k = 0; k < g->k; k++) {
                int w = cell(g, g->w, k, part, n);
                v += varied(g) ? cell(g, g->var, k, part, n) : 0;
                all |= w;
                top = abs(w) > top ? abs(w) : top;
                plus += w > 0 ? w : 0;
                minus += w < 0 ? w : 0;
            }
            if (q->input_signed) {
                plus -= minus;
                minus = -plus;
            }
            lo = minus < lo ? minus : lo;
            hi = plus > hi ? plus : hi;
            v_max = v > v_max ? v : v_max;
        }
        q->v_max[part] = (int32_t)v_max;
        q->s_lo[part] = (int32_t)(lo * digit);
        q->s_hi[part] = (int32_t)(hi * digit);
    }
    q->shift = all ? __builtin_ctz((unsigned)all) : 0;
    q->form = top >> q->shift <= LEVEL_MAX && !varied(g) ? MB_QUADS_LEVELS : g->dac_bits == 1 ? MB_QUADS_JOINED : MB_QUADS_SEPARATE;
}

/* The bytes of panels; the cells of the second half, for signed inputs, times minus_sign. */
static void fill(const mb_row_group *g, const mb_quads *q, const int16_t *panels, int minus_sign, int8_t *bytes) {
    int sides = q->input_signed ? 2 : 1, half = q->rows / sides;
    int lo_row = q->form == MB_QUADS_JOINED ? q->rows : q->chunks * MB_QUAD_ROWS;      /* where lo begins */
    for (int part = 0; part < q->parts; part++)
        for (int n = 0; n < g->n; n++) {
            int8_t *b = bytes + n % MB_QUAD_COLUMNS * 4 +
                        ((size_t)(n / MB_QUAD_COLUMNS) * (size_t)q->parts + (size_t)part) * (size_t)(q->chunks * q->sums) *
                            (MB_QUAD_ROWS * MB_QUAD_COLUMNS);
#define AT(row) b[(size_t)((row) / 4) * (MB_QUAD_COLUMNS * 4) + (size_t)((row) % 4)]
            for (int side = 0; side < sides; side++)
                for (int k = 0; k < g->k; k++) {
                    int w = cell(g, panels, k, part, n) * (side ? minus_sign : 1), row = side * half + k;
                    if (q->form == MB_QUADS_LEVELS) {
                        AT(row) = (int8_t)(w / (1 << q->shift));
                    } else {
                        AT(row) = (int8_t)((w - (w & 127)) / 128);
                        AT(lo_row + row) = (int8_t)(w & 127);
                    }
                }
#undef AT
        }
}

int mb_quads_new(const mb_row_group *g, bool input_signed, mb_quads **out) {
    *out = NULL;
    int tiles = (g->n + MB_QUAD_COLUMNS - 1) / MB_QUAD_COLUMNS;
    if (g->n * 2 < tiles * MB_QUAD_COLUMNS || g->slices * g->polarities > MB_QUAD_PARTS) return MB_OK;
    mb_quads *q = mb_calloc(1, sizeof *q);
    if (!q) return mb_nomem();
    q->input_signed = input_signed;
    q->tiles = tiles;
    q->parts = g->slices * g->polarities;
    q->rows = round_up(g->k, 4) * (input_signed ? 2 : 1);
    survey(g, q);
    q->chunks = round_up(q->form == MB_QUADS_JOINED ? 2 * q->rows : q->rows, MB_QUAD_ROWS) / MB_QUAD_ROWS;
    q->sums = q->form == MB_QUADS_SEPARATE ? 2 : 1;
    size_t blocks = (size_t)tiles * (size_t)q->parts * (size_t)(q->chunks * q->sums);
    q->b = mb_calloc(blocks, MB_QUAD_ROWS * MB_QUAD_COLUMNS);
    if (varied(g)) q->var = mb_calloc(blocks, MB_QUAD_ROWS * MB_QUAD_COLUMNS);
    if (!q->b || (varied(g) && !q->var)) {
        mb_quads_free(q);
        return mb_nomem();
    }
    fill(g, q, g->w, -1, q->b);
    if (q->var) fill(g, q, g->var, 1, q->var);
    *out = q;
    return MB_OK;
}
